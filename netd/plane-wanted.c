/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane-wanted - what the engine wants the kernel to forward by, noted in tables */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "netd/plane-private.h"

/* ---- copies of what is for everybody --------------------------------------------------- */

/* To a member: if the network has that. */
static void want_copies(struct plane_net *net, const struct ip_addr *vtep)
{
	const struct entry_is flood = { .kind = ENTRY_FLOOD, .ip = *vtep };

	if (net->conf.multicast)
		(void)entries_want(&net->entries, &flood);
	else
		entries_unwant(&net->entries, &flood);
}

struct members {
	struct ip_addr *vteps;
	size_t n;
};

static void collect_member(void *ctx, struct entry *e)
{
	struct members *m = ctx;

	if (e->is.kind == ENTRY_PEER && e->state & ENTRY_WANTED)
		m->vteps[m->n++] = e->is.ip;
}

/* Collected first: a table that grows cannot be walked. */
int plane_update_copies(struct plane_net *net, struct err *e)
{
	AUTO_FREE struct ip_addr *vteps = calloc(net->entries.n + 1, sizeof(*vteps));
	struct members members = { .vteps = vteps };

	if (!vteps)
		return err_sys(e, ENOMEM, "network %s", net->conf.name);
	entries_each(&net->entries, collect_member, &members);
	for (size_t i = 0; i < members.n; i++)
		want_copies(net, &vteps[i]);

	return 0;
}

/* ---- changes ------------------------------------------------------------------------------ */

static struct entry_is entry_of(const struct wanted_entry *w)
{
	struct entry_is is = { .kind = w->kind };

	if (w->kind != WANTED_PEER)
		memcpy(is.mac, w->mac, sizeof(is.mac));
	is.ip = w->kind == WANTED_NEIGHBOUR ? w->ip : w->vtep;

	return is;
}

_Static_assert((int)ENTRY_FDB == WANTED_FDB && (int)ENTRY_NEIGHBOUR == WANTED_NEIGHBOUR &&
		       (int)ENTRY_PEER == WANTED_PEER,
	       "the kinds of wanted.h");

/* Whether @was is found by another key than @now: then it has to go by itself. */
static bool other_key(const struct wanted_entry *was, const struct wanted_entry *now)
{
	return !now || (was->kind == WANTED_PEER && !ip_equal(&was->vtep, &now->vtep));
}

static void change(struct plane_net *net, const struct entry_is *is, bool wanted)
{
	const struct entry_is flood = { .kind = ENTRY_FLOOD, .ip = is->ip };

	if (wanted)
		(void)entries_want(&net->entries, is);
	else
		entries_unwant(&net->entries, is);
	if (is->kind == ENTRY_PEER && wanted)
		want_copies(net, &is->ip);
	else if (is->kind == ENTRY_PEER)
		entries_unwant(&net->entries, &flood);
}

/* Without memory the next comparison of the engine tells it again. */
void plane_wanted(void *p, const struct wanted_entry *was, const struct wanted_entry *now)
{
	struct plane *plane = p;
	struct plane_net *net = plane_need(plane, &(now ? now : was)->network);
	struct entry_is is;

	if (!net) {
		plane->counters.failures++;
		return;
	}
	if (now) {
		is = entry_of(now);
		change(net, &is, true);
	}
	if (was && other_key(was, now)) {
		is = entry_of(was);
		change(net, &is, false);
	}
	plane->unflushed = true;
}

void plane_doubt(struct plane *p)
{
	for (struct plane_net *n = p->nets; n; n = n->next)
		entries_doubt(&n->entries);
}

void plane_complete(struct plane *p, const struct network_id *id)
{
	struct plane_net *net = plane_find(p, id);

	if (!net)
		return;
	entries_complete(&net->entries);
	net->check_entries = p->check_filter = true;
	p->unflushed = true;
}
