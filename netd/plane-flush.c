/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plane-flush - entries and members on their way into the kernel
 *
 * A batch goes in this order: who may send to us, then where we send to, then the
 * word to local containers, and last what is deleted.  So what an address was known
 * by before works until the new way does.
 */
#include <errno.h>
#include <string.h>

#include "lib/err.h"
#include "lib/nl.h"
#include "netd/announce.h"
#include "netd/plane-private.h"

#define LOG_AREA "plane"
#include "netd/log.h"

#define BATCH 256  /* entries in one go: a few milliseconds at most */
#define TURN  1024 /* entries before the loop looks at others again */

/* Entries of one network that go together. */
struct batch {
	struct plane *p;
	struct plane_net *net;
	struct entry *members[BATCH], *puts[BATCH], *dels[BATCH];
	size_t n_members, n_puts, n_dels;
};

/* ---- collecting -------------------------------------------------------------------- */

/* The VXLAN device has one socket, of one address family. */
static bool is_foreign(const struct plane *p, const struct entry *e)
{
	return e->is.kind != ENTRY_NEIGHBOUR && e->is.ip.family != p->vtep.family;
}

/*
 * A MAC that a container here has is that container's, whatever another node says;
 * it is tried again when the container has gone.
 */
static bool has_to_wait(const struct plane_net *net, const struct entry *e)
{
	return e->is.kind == ENTRY_FDB && plane_local_of_mac(net, e->is.mac);
}

static void collect_put(struct batch *b, struct entry *e)
{
	if (has_to_wait(b->net, e))
		return;
	if (is_foreign(b->p, e)) {
		b->p->counters.foreign++;
		return;
	}
	e->state |= ENTRY_THERE;
	if (e->is.kind == ENTRY_PEER)
		b->members[b->n_members++] = e;
	else
		b->puts[b->n_puts++] = e;
}

static void collect_del(struct batch *b, struct entry *e)
{
	if (!(e->state & ENTRY_THERE) || is_foreign(b->p, e))
		entries_deleted(&b->net->entries, e);
	else if (e->is.kind == ENTRY_PEER)
		b->members[b->n_members++] = e;
	else
		b->dels[b->n_dels++] = e;
}

static void collect(struct batch *b, struct entry *e)
{
	if (entry_to_send(e))
		collect_put(b, e);
	else if (!(e->state & ENTRY_WANTED) &&
		 (e->state & ENTRY_CONDEMNED || !(e->state & ENTRY_THERE)))
		collect_del(b, e);
}

/* ---- sending --------------------------------------------------------------------------- */

/* Somebody else has been at the table: a comparison finds out what is to be done. */
static int members_failed(struct batch *b, int r)
{
	for (size_t i = 0; i < b->n_members; i++)
		entries_again(&b->net->entries, &b->members[i]->is);
	b->p->check_filter = true;

	return r;
}

static int send_members(struct batch *b, struct err *e)
{
	struct nft_batch nft;
	int r;

	if (b->n_members == 0)
		return 0;
	nft_begin(&nft, b->p->nft, 0);
	for (size_t i = 0; i < b->n_members; i++) {
		const struct filter_key key = plane_member_key(b->net, b->members[i]);

		if (b->members[i]->state & ENTRY_WANTED)
			filter_add(&nft, &key);
		else
			filter_del(&nft, &key);
	}
	r = nft_commit(&nft, e);
	if (r < 0)
		return members_failed(b, r);
	for (size_t i = 0; i < b->n_members; i++) {
		if (b->members[i]->state & ENTRY_WANTED)
			entries_sent(b->members[i]);
		else
			entries_deleted(&b->net->entries, b->members[i]);
	}

	return 0;
}

static void tell(const struct batch *b, const struct entry *e)
{
	if (e->is.kind != ENTRY_NEIGHBOUR || !(e->state & ENTRY_NEWS) || !b->net->locals)
		return;
	if (announce_send(b->p->announce, b->net->dev.bridge, &e->is.ip, e->is.mac) == 0)
		b->p->counters.announced++;
}

/* Which of them were refused is not known: a comparison tells. */
static int forward_failed(struct batch *b, int r)
{
	b->net->check_entries = b->net->check_devices = true;

	return r;
}

static int send_puts(struct batch *b, struct err *e)
{
	int r;

	for (size_t i = 0; i < b->n_puts; i++)
		forward_put(b->p->route, &b->net->dev, &b->puts[i]->is);
	r = nl_commit(b->p->route, e);
	if (r < 0)
		return forward_failed(b, r);
	for (size_t i = 0; i < b->n_puts; i++) {
		tell(b, b->puts[i]);
		entries_sent(b->puts[i]);
	}

	return 0;
}

static int send_dels(struct batch *b, struct err *e)
{
	int r;

	for (size_t i = 0; i < b->n_dels; i++)
		forward_put_del(b->p->route, &b->net->dev, &b->dels[i]->is);
	r = nl_commit(b->p->route, e);
	if (r < 0 && r != -ENOENT)
		return forward_failed(b, r);
	for (size_t i = 0; i < b->n_dels; i++)
		entries_deleted(&b->net->entries, b->dels[i]);

	return 0;
}

/* All three are tried, since what is left of a batch has no other chance. */
static int send_batch(struct batch *b, struct err *e)
{
	struct err next;
	int r = send_members(b, e);

	r = err_keep(r, e, send_puts(b, &next), &next);

	return err_keep(r, e, send_dels(b, &next), &next);
}

/* ---- networks ------------------------------------------------------------------------------ */

/* Nothing is sent for a network that is not served; what nobody wants is forgotten. */
static void forget_work(struct plane_net *net)
{
	struct entry *e;

	while ((e = entries_pop(&net->entries)))
		if (!(e->state & ENTRY_WANTED))
			entries_deleted(&net->entries, e);
}

static int compare_entries(struct plane *p, struct plane_net *net, struct err *e)
{
	const unsigned int fdb = ENTRY_BIT(ENTRY_FDB) | ENTRY_BIT(ENTRY_FLOOD);
	const unsigned int neighbours = ENTRY_BIT(ENTRY_NEIGHBOUR);
	uint32_t n_fdb, n_neighbours;
	int r;

	entries_begin(&net->entries, fdb | neighbours);
	r = forward_see(p->route, &net->dev, &net->entries, e);
	if (r < 0)
		return r;
	n_fdb = entries_end(&net->entries, fdb);
	n_neighbours = entries_end(&net->entries, neighbours);
	p->counters.repaired_fdb += n_fdb;
	p->counters.repaired_neighbours += n_neighbours;
	net->check_entries = false;
	if (n_fdb || n_neighbours)
		log_warning("network %s: %u FDB and %u neighbour entries were not as they should "
			    "be: repaired",
			    net->conf.name, n_fdb, n_neighbours);

	return 0;
}

static int compare(struct plane *p, struct plane_net *net, struct err *e)
{
	int r = 0;

	if (net->check_devices)
		r = plane_ensure_devices(p, net, e);
	else
		plane_ensure_ports(p, net, false);

	return r == 0 && net->check_entries ? compare_entries(p, net, e) : r;
}

/* @budget: entries that may still be sent in this turn. */
static int flush_net(struct plane *p, struct plane_net *net, size_t *budget, struct err *e)
{
	int r = net->served ? compare(p, net, e) : 0;

	if (!net->served)
		forget_work(net);
	while (r == 0 && net->entries.work && *budget > 0) {
		struct batch b = { .p = p, .net = net };

		for (size_t i = 0; i < BATCH && net->entries.work; i++)
			collect(&b, entries_pop(&net->entries));
		r = send_batch(&b, e);
		*budget -= *budget < BATCH ? *budget : BATCH;
		watch_drain(p->watch);
	}

	return r;
}

static bool has_work(const struct plane *p)
{
	for (const struct plane_net *n = p->nets; n; n = n->next)
		if (n->entries.work)
			return true;

	return false;
}

static void count_entries(struct plane *p)
{
	p->counters.entries = 0;
	for (const struct plane_net *n = p->nets; n; n = n->next)
		for (int kind = 0; kind < ENTRY_KINDS; kind++)
			p->counters.entries += n->entries.wanted[kind];
}

static void flushed(struct plane *p)
{
	if (!p->unflushed)
		return;
	p->unflushed = false;
	if (p->flushed)
		p->flushed(p->flushed_ctx);
}

int plane_flush(struct plane *p, struct err *e)
{
	size_t budget = TURN;
	struct err next;
	int r = p->check_filter ? plane_compare_filter(p, e) : 0;

	for (struct plane_net *n = p->nets; n; n = n->next)
		r = err_keep(r, e, flush_net(p, n, &budget, &next), &next);
	plane_forget_empty(p);
	count_entries(p);
	if (r < 0) {
		p->counters.failures++;
		p->held = true;
		plane_wake(p);
		return r;
	}
	if (has_work(p))
		return 1;
	flushed(p);

	return 0;
}
