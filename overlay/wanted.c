/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wanted - the forwarding state that this node should have */
#include "overlay/wanted.h"

#include <stdlib.h>

#include <pb_decode.h>

#include "overlay/event.h"
#include "overlay/profile.h"
#include "overlay/row.pb.h"

#define BUCKETS_LEAST 64

/* What an entry is found by: its kind, its network, and the MAC or an address. */
struct key {
	uint8_t kind;
	uint8_t family; /* of an address */
	uint8_t name[16];
	struct network_id network;
};

struct holder;
struct spot;

/* What one row says of one entry. */
struct claim {
	struct claim *next_here;   /* of the same entry */
	struct claim *next_of_row; /* of the same holder */
	struct spot *spot;
	struct holder *by;
	uint64_t place; /* of the row */
	uint8_t row_kind;
	uint8_t mac[6];
};

/* An entry and who claims it. */
struct spot {
	struct spot *next, *next_touched;
	struct key key;
	struct claim *claims;
	bool touched, set;
	struct wanted_entry is; /* what was told last, if @set */
};

/* A node as far as it matters here. */
struct holder {
	struct node_id id;
	struct ip_addr vtep; /* of no family: not known yet */
	bool live;
	struct claim *claims;
};

struct wanted {
	struct node_id self;
	struct wanted_changes changes;
	struct holder **holders; /* by id */
	struct spot **buckets, *touched;
	uint32_t n_holders, cap_holders, n_spots, n_buckets;
	struct network_id joined[ROWS_NETWORKS];
	unsigned int n_joined;
	struct wanted_counters counters;
};

/* ---- holders ---------------------------------------------------------------- */

static uint32_t holder_place(const struct wanted *w, const struct node_id *id)
{
	uint32_t low = 0, high = w->n_holders;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (node_id_cmp(&w->holders[mid]->id, id) < 0)
			low = mid + 1;
		else
			high = mid;
	}

	return low;
}

static struct holder *find_holder(const struct wanted *w, const struct node_id *id)
{
	uint32_t i = holder_place(w, id);

	return i < w->n_holders && node_id_equal(&w->holders[i]->id, id) ? w->holders[i] : NULL;
}

static struct holder *need_holder(struct wanted *w, const struct node_id *id)
{
	uint32_t at = holder_place(w, id), cap = w->cap_holders + w->cap_holders / 2 + 8;
	struct holder *h = find_holder(w, id), **holders;

	if (h)
		return h;
	if (w->n_holders == w->cap_holders) {
		holders = realloc(w->holders, cap * sizeof(struct holder *));
		if (!holders)
			return NULL;
		w->holders = holders;
		w->cap_holders = cap;
	}
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->id = *id;
	memmove(w->holders + at + 1, w->holders + at,
		(w->n_holders++ - at) * sizeof(struct holder *));
	w->holders[at] = h;

	return h;
}

/* ---- spots ------------------------------------------------------------------ */

static uint64_t hash_key(const struct key *k)
{
	const uint8_t *b = (const uint8_t *)k;
	uint64_t h = 0xcbf29ce484222325U;

	for (size_t i = 0; i < sizeof(*k); i++)
		h = (h ^ b[i]) * 0x100000001b3U;

	return tree_mix(h);
}

static struct spot **bucket_of(const struct wanted *w, const struct key *k)
{
	return &w->buckets[hash_key(k) & (w->n_buckets - 1)];
}

/* Without memory the buckets stay as they are, only fuller. */
static void grow(struct wanted *w)
{
	uint32_t n = 2 * w->n_buckets;
	struct spot **old = w->buckets, **buckets = calloc(n, sizeof(struct spot *));
	uint32_t n_old = w->n_buckets;

	if (!buckets)
		return;
	w->buckets = buckets;
	w->n_buckets = n;
	for (uint32_t i = 0; i < n_old; i++) {
		while (old[i]) {
			struct spot *s = old[i], **to = bucket_of(w, &s->key);

			old[i] = s->next;
			s->next = *to;
			*to = s;
		}
	}
	free(old);
}

static struct spot *need_spot(struct wanted *w, const struct key *k)
{
	struct spot **at, *s;

	if (w->n_spots >= w->n_buckets)
		grow(w);
	at = bucket_of(w, k);
	for (s = *at; s; s = s->next)
		if (memcmp(&s->key, k, sizeof(*k)) == 0)
			return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->key = *k;
	s->next = *at;
	*at = s;
	w->n_spots++;

	return s;
}

static void free_spot(struct wanted *w, struct spot *s)
{
	struct spot **at = bucket_of(w, &s->key);

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	w->n_spots--;
	free(s);
}

static void touch(struct wanted *w, struct spot *s)
{
	if (s->touched)
		return;
	s->touched = true;
	s->next_touched = w->touched;
	w->touched = s;
}

/* ---- claims ----------------------------------------------------------------- */

static void make_claim(struct wanted *w, struct holder *by, const struct row *row,
		       const struct key *k, const uint8_t mac[6])
{
	struct spot *s = need_spot(w, k);
	struct claim *c = s ? calloc(1, sizeof(*c)) : NULL;

	if (s)
		touch(w, s); /* without memory it goes again if nobody claims it */
	if (!c)
		return;
	*c = (struct claim){ .next_here = s->claims,
			     .next_of_row = by->claims,
			     .spot = s,
			     .by = by,
			     .place = row->leaf.place,
			     .row_kind = row->kind };
	memcpy(c->mac, mac, sizeof(c->mac));
	s->claims = by->claims = c;
	w->counters.claims++;
}

/* A claim that its holder's list does not have any more. */
static void drop_claim(struct wanted *w, struct claim *c)
{
	struct claim **at = &c->spot->claims;

	while (*at != c)
		at = &(*at)->next_here;
	*at = c->next_here;
	touch(w, c->spot);
	w->counters.claims--;
	free(c);
}

/* Which claims are meant: of a row, or of a network. */
struct which {
	const struct network_id *network;
	const struct row *row; /* NULL: any */
	bool presence;	       /* of the rows that say who is in a network; else of the others */
};

static bool is_meant(const struct claim *c, const struct which *which)
{
	if (which->row && c->place != which->row->leaf.place)
		return false;
	if (which->presence != (c->row_kind == ROW_PRESENCE))
		return false;

	return !which->network || network_id_equal(&c->spot->key.network, which->network);
}

static void drop_claims(struct wanted *w, struct holder *h, const struct which *which)
{
	struct claim **at = &h->claims;

	while (*at) {
		struct claim *c = *at;

		if (!is_meant(c, which)) {
			at = &c->next_of_row;
			continue;
		}
		*at = c->next_of_row;
		drop_claim(w, c);
	}
}

static bool is_better(const struct claim *a, const struct claim *b)
{
	if (a->by->live != b->by->live)
		return a->by->live;

	return node_id_cmp(&a->by->id, &b->by->id) < 0;
}

static const struct claim *best_claim(const struct spot *s)
{
	const struct claim *best = s->claims;

	for (const struct claim *c = best; c; c = c->next_here)
		if (is_better(c, best))
			best = c;

	return best;
}

/* ---- what is wanted ----------------------------------------------------------- */

static struct ip_addr ip_of(const struct key *k)
{
	struct ip_addr ip = { .family = k->family };

	if (k->family)
		memcpy(ip.b, k->name, sizeof(ip.b));

	return ip;
}

static bool is_joined(const struct wanted *w, const struct network_id *network)
{
	for (unsigned int i = 0; i < w->n_joined; i++)
		if (network_id_equal(&w->joined[i], network))
			return true;

	return false;
}

/* Return: whether there is to be an entry. */
static bool make_entry(const struct wanted *w, const struct spot *s, struct wanted_entry *ret)
{
	const struct claim *c = best_claim(s);

	if (!c || node_id_equal(&c->by->id, &w->self) || c->by->vtep.family == 0 ||
	    !is_joined(w, &s->key.network))
		return false;
	memset(ret, 0, sizeof(*ret)); /* entries are compared as bytes */
	ret->kind = s->key.kind;
	ret->network = s->key.network;
	ret->vtep = c->by->vtep;
	memcpy(ret->mac, c->mac, sizeof(ret->mac));
	if (s->key.kind == WANTED_NEIGHBOUR)
		ret->ip = ip_of(&s->key);

	return true;
}

static void look_at(struct wanted *w, struct spot *s)
{
	struct wanted_entry now;
	bool wanted = make_entry(w, s, &now);

	w->counters.looked_at++;
	if (wanted != s->set || (wanted && memcmp(&now, &s->is, sizeof(now)) != 0)) {
		w->counters.changes++;
		w->counters.entries[s->key.kind] += (uint32_t)wanted - (uint32_t)s->set;
		w->changes.changed(w->changes.ctx, s->set ? &s->is : NULL, wanted ? &now : NULL);
	}
	s->set = wanted;
	if (wanted)
		s->is = now;
	if (!s->claims)
		free_spot(w, s);
}

static void look_at_touched(struct wanted *w)
{
	while (w->touched) {
		struct spot *s = w->touched;

		w->touched = s->next_touched;
		s->touched = false;
		look_at(w, s);
	}
}

/* ---- rows -------------------------------------------------------------------- */

static void claim_endpoint(struct wanted *w, struct holder *h, const struct network_id *network,
			   const struct row *row)
{
	row_Endpoint m = row_Endpoint_init_zero;
	pb_istream_t in = pb_istream_from_buffer(row->bytes + row->key_len, row->value_len);
	struct key k = { .kind = WANTED_FDB, .network = *network };

	if (!pb_decode(&in, row_Endpoint_fields, &m)) {
		w->counters.bad++;
		return;
	}
	memcpy(k.name, m.mac, sizeof(m.mac));
	make_claim(w, h, row, &k, m.mac);
	for (pb_size_t i = 0; i < m.ip_count; i++) {
		k = (struct key){ .kind = WANTED_NEIGHBOUR, .network = *network };
		if (m.ip[i].size != 4 && m.ip[i].size != 16) {
			w->counters.bad++;
			continue;
		}
		k.family = m.ip[i].size == 4 ? AF_INET : AF_INET6;
		memcpy(k.name, m.ip[i].bytes, m.ip[i].size);
		make_claim(w, h, row, &k, m.mac);
	}
}

static void claim_presence(struct wanted *w, struct holder *h, const struct row *row)
{
	static const uint8_t no_mac[6];
	struct key k = { .kind = WANTED_PEER, .family = h->vtep.family };

	if (row->key_len != NETWORK_ID_LEN || !network_read(row->bytes, row->key_len, &k.network)) {
		w->counters.bad++;
		return;
	}
	memcpy(k.name, h->vtep.b, sizeof(k.name));
	make_claim(w, h, row, &k, no_mac);
}

void wanted_row(struct wanted *w, const struct network_id *network, const struct node_id *owner,
		const struct row *row, bool gone)
{
	struct holder *h = need_holder(w, owner);
	const struct which which = { .network = row->kind == ROW_PRESENCE ? NULL : network,
				     .row = row,
				     .presence = row->kind == ROW_PRESENCE };

	if (!h)
		return;
	drop_claims(w, h, &which);
	if (!gone && row->kind == ROW_ENDPOINT && network_id_is_set(network))
		claim_endpoint(w, h, network, row);
	if (!gone && row->kind == ROW_PRESENCE)
		claim_presence(w, h, row);
	look_at_touched(w);
}

void wanted_rows_gone(struct wanted *w, const struct network_id *network,
		      const struct node_id *owner)
{
	struct holder *h = find_holder(w, owner);
	bool all = !network_id_is_set(network);

	if (!h)
		return;
	drop_claims(w, h, &(struct which){ .network = all ? NULL : network, .presence = all });
	look_at_touched(w);
}

static void touch_network(struct wanted *w, const struct network_id *network)
{
	for (uint32_t i = 0; i < w->n_buckets; i++)
		for (struct spot *s = w->buckets[i]; s; s = s->next)
			if (network_id_equal(&s->key.network, network))
				touch(w, s);
}

void wanted_join(struct wanted *w, const struct network_id *network)
{
	if (is_joined(w, network) || w->n_joined == ROWS_NETWORKS)
		return;
	w->joined[w->n_joined++] = *network;
	touch_network(w, network);
	look_at_touched(w);
}

void wanted_leave(struct wanted *w, const struct network_id *network)
{
	for (unsigned int i = 0; i < w->n_joined; i++)
		if (network_id_equal(&w->joined[i], network))
			w->joined[i--] = w->joined[--w->n_joined];
	touch_network(w, network);
	look_at_touched(w);
}

/* ---- members ------------------------------------------------------------------ */

/* A place in the filter is found by the address, so it is another one from here on. */
static void move_presence(struct wanted *w, struct holder *h, const struct ip_addr *vtep)
{
	static const uint8_t no_mac[6];
	struct claim *old = h->claims, *c, *next;

	h->vtep = *vtep;
	h->claims = NULL;
	for (c = old; c; c = next) {
		struct row row = { .leaf.place = c->place, .kind = c->row_kind };
		struct key k = c->spot->key;

		next = c->next_of_row;
		if (c->row_kind != ROW_PRESENCE) {
			c->next_of_row = h->claims;
			h->claims = c;
			continue;
		}
		k.family = vtep->family;
		memcpy(k.name, vtep->b, sizeof(k.name));
		drop_claim(w, c);
		make_claim(w, h, &row, &k, no_mac);
	}
}

void wanted_member(struct wanted *w, const struct node_id *id, const struct ip_addr *vtep,
		   bool live)
{
	struct holder *h = need_holder(w, id);

	if (!h || (h->live == live && ip_equal(&h->vtep, vtep)))
		return;
	h->live = live;
	if (!ip_equal(&h->vtep, vtep))
		move_presence(w, h, vtep);
	for (struct claim *c = h->claims; c; c = c->next_of_row)
		touch(w, c->spot);
	look_at_touched(w);
}

void wanted_event(struct wanted *w, const struct event *ev)
{
	const struct row_event *row = ev->more;

	switch (ev->kind) {
	case EVENT_MEMBER_JOINED:
	case EVENT_MEMBER_CHANGED:
	case EVENT_MEMBER_SUSPECT:
	case EVENT_MEMBER_DEAD:
		if (ev->profile)
			wanted_member(w, &ev->node, &ev->profile->addr.ip,
				      ev->kind != EVENT_MEMBER_DEAD);
		break;
	case EVENT_ROW:
		wanted_row(w, &row->network, &ev->node, row->row, row->gone);
		break;
	case EVENT_ROWS_GONE:
		wanted_rows_gone(w, ev->more, &ev->node);
		break;
	default:
		break;
	}
}

/* ---- the object ------------------------------------------------------------------ */

struct wanted *wanted_new(const struct node_id *self, struct wanted_changes changes)
{
	struct wanted *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->self = *self;
	w->changes = changes;
	w->n_buckets = BUCKETS_LEAST;
	w->buckets = calloc(w->n_buckets, sizeof(struct spot *));
	if (!w->buckets || !need_holder(w, self)) {
		wanted_free(w);
		return NULL;
	}
	find_holder(w, self)->live = true;

	return w;
}

void wanted_free(struct wanted *w)
{
	if (!w)
		return;
	for (uint32_t i = 0; i < w->n_holders; i++) {
		while (w->holders[i]->claims) {
			struct claim *c = w->holders[i]->claims;

			w->holders[i]->claims = c->next_of_row;
			free(c);
		}
		free(w->holders[i]);
	}
	for (uint32_t i = 0; w->buckets && i < w->n_buckets; i++) {
		while (w->buckets[i]) {
			struct spot *s = w->buckets[i];

			w->buckets[i] = s->next;
			free(s);
		}
	}
	free(w->holders);
	free(w->buckets);
	free(w);
}

void wanted_each(const struct wanted *w, void (*fn)(void *ctx, const struct wanted_entry *e),
		 void *ctx)
{
	for (uint32_t i = 0; i < w->n_buckets; i++)
		for (const struct spot *s = w->buckets[i]; s; s = s->next)
			if (s->set)
				fn(ctx, &s->is);
}

const struct wanted_counters *wanted_counters(const struct wanted *w)
{
	return &w->counters;
}
