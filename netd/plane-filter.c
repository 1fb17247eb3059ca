/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane-filter - what the filter lets in: of each network its port, its bridge and its members */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "netd/plane-private.h"

#define LOG_AREA "plane"
#include "netd/log.h"

/* Another's transaction spoils a listing of the filter. */
#define LISTING_TRIES 16

/* ---- a network's part --------------------------------------------------------------------- */

static struct filter_key port_key(const struct plane_net *net)
{
	return (struct filter_key){ .port = net->conf.port, .vni = net->conf.vni };
}

static struct filter_key bridge_key(const struct plane_net *net)
{
	struct filter_key key = { .port = 0 };

	memcpy(key.bridge, net->bridge, sizeof(key.bridge));

	return key;
}

struct filter_key plane_member_key(const struct plane_net *net, const struct entry *e)
{
	return (struct filter_key){ .vtep = e->is.ip, .vni = net->conf.vni };
}

int plane_filter_network(struct plane *p, struct plane_net *net, struct err *e)
{
	const struct filter_key keys[] = { port_key(net), bridge_key(net) };
	bool missing[ARRAY_SIZE(keys)];
	struct nft_batch b;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if ((r = filter_has(p->nft, &keys[i], e)) < 0)
			return r;
		missing[i] = r == 0;
	}
	net->in_filter = !missing[0] && !missing[1];
	if (net->in_filter)
		return 0;
	nft_begin(&b, p->nft, 0);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (missing[i])
			filter_add(&b, &keys[i]);
	r = nft_commit(&b, e);
	net->in_filter = r == 0;

	return r;
}

struct unfilter {
	struct plane_net *net;
	struct nft_batch b;
};

static void unfilter_member(void *ctx, struct entry *e)
{
	struct unfilter *u = ctx;
	const struct filter_key key = plane_member_key(u->net, e);

	if (e->is.kind != ENTRY_PEER || !(e->state & ENTRY_THERE))
		return;
	filter_del(&u->b, &key);
	e->state &= (uint16_t) ~(ENTRY_THERE | ENTRY_SAME);
}

/* What is left after a failure belongs to no network, and goes with the next comparison. */
int plane_unfilter_network(struct plane *p, struct plane_net *net, struct err *e)
{
	struct unfilter u = { .net = net };
	const struct filter_key key = port_key(net), bridge = bridge_key(net);
	int r;

	nft_begin(&u.b, p->nft, 0);
	if (net->in_filter) {
		filter_del(&u.b, &key);
		filter_del(&u.b, &bridge);
	}
	entries_each(&net->entries, unfilter_member, &u);
	r = nft_commit(&u.b, e);
	net->in_filter = false;
	p->check_filter = p->check_filter || r == -ENOENT;

	return r == -ENOENT ? 0 : r;
}

/* ---- compared with the kernel --------------------------------------------------------------- */

struct orphans {
	struct filter_key *list;
	size_t n, room;
};

struct filter_look {
	struct plane *p;
	struct orphans orphans;
};

static int keep_orphan(struct orphans *o, const struct filter_key *key)
{
	if (o->n == o->room) {
		size_t room = 2 * o->room + 16;
		struct filter_key *list = reallocarray(o->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		o->list = list;
		o->room = room;
	}
	o->list[o->n++] = *key;

	return 0;
}

static bool see_bridge(struct plane *p, const struct filter_key *key)
{
	for (struct plane_net *n = p->nets; n; n = n->next) {
		if (!n->served || strcmp(n->bridge, key->bridge) != 0)
			continue;
		n->bridge_seen = true;
		return true;
	}

	return false;
}

static int see_key(const struct filter_key *key, void *data)
{
	const struct entry_is is = { .kind = ENTRY_PEER, .ip = key->vtep };
	struct filter_look *look = data;

	if (key->bridge[0])
		return see_bridge(look->p, key) ? 0 : keep_orphan(&look->orphans, key);
	for (struct plane_net *n = look->p->nets; n; n = n->next) {
		if (!n->served || n->conf.vni != key->vni)
			continue;
		if (ip_is_set(&key->vtep))
			return entries_see(&n->entries, &is, ENTRY_IN_VXLAN, true);
		if (n->conf.port == key->port) {
			n->seen = true;
			return 0;
		}
	}

	return keep_orphan(&look->orphans, key);
}

/* What belongs to no network waits until it is known that none will come for it. */
static int settle_networks(struct filter_look *look, uint32_t *drifted, struct err *e)
{
	struct plane *p = look->p;
	struct nft_batch b;

	nft_begin(&b, p->nft, 0);
	for (struct plane_net *n = p->nets; n; n = n->next) {
		const struct filter_key key = port_key(n), bridge = bridge_key(n);

		if (!n->served || (n->seen && n->bridge_seen))
			continue;
		if (!n->seen)
			filter_add(&b, &key);
		if (!n->bridge_seen)
			filter_add(&b, &bridge);
		*drifted += n->in_filter;
		n->in_filter = true;
	}
	for (size_t i = 0; p->swept && i < look->orphans.n; i++)
		filter_del(&b, &look->orphans.list[i]);

	return nft_commit(&b, e);
}

static int look_at_filter(struct filter_look *look, struct err *e)
{
	int r = -EINTR;

	for (int i = 0; i < LISTING_TRIES && r == -EINTR; i++) {
		look->orphans.n = 0;
		for (struct plane_net *n = look->p->nets; n; n = n->next) {
			entries_begin(&n->entries, ENTRY_BIT(ENTRY_PEER));
			n->seen = n->bridge_seen = false;
		}
		r = filter_each(look->p->nft, see_key, look, e);
	}

	return r == -EINTR ? nft_still_busy(e) : r;
}

/* Its chains and sets first, or there is nothing to look at. */
static int stand_up(struct plane *p, uint32_t *drifted, struct err *e)
{
	int r = filter_stands(p->nft, e);

	if (r != 0)
		return r < 0 ? r : 0;
	p->dropped_before = (struct filter_drops){ .input = p->counters.dropped_input,
						   .forward = p->counters.dropped_forward };
	++*drifted;

	return filter_build(p->nft, e);
}

int plane_compare_filter(struct plane *p, struct err *e)
{
	struct filter_look look = { .p = p };
	uint32_t drifted = 0;
	int r = stand_up(p, &drifted, e);

	if (r == 0)
		r = look_at_filter(&look, e);
	for (struct plane_net *n = p->nets; r == 0 && n; n = n->next)
		if (n->served)
			drifted += entries_end(&n->entries, ENTRY_BIT(ENTRY_PEER));
	if (r == 0)
		r = settle_networks(&look, &drifted, e);
	free(look.orphans.list);
	if (r < 0)
		return r;
	p->counters.repaired_filter += p->filter_settled ? drifted : 0;
	p->filter_settled = true;
	p->check_filter = false;
	if (drifted)
		log_warning("the VXLAN filter was not as it should be: repaired");

	return 0;
}
