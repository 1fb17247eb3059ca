/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cluster-keys - which keys seal this node's frames, and where they come from
 *
 * An order is a definition, so everybody hears of it; the keys that it names come
 * by a handshake with a member that has them.  Whoever missed all steps of a
 * rotation hears nothing any more, and is told by frames whose keys it does not
 * know: after a while of nothing else it asks by its identity.  So does, now and
 * then, one that hears nothing at all: others may have forgotten it.
 */
#define LOG_AREA "keys"

#include <errno.h>
#include <sodium.h>

#include "lib/err.h"
#include "netd/cluster-private.h"
#include "netd/log.h"
#include "overlay/bytes.h"
#include "overlay/members.h"
#include "overlay/profile.h"

#define UNKNOWN_MS    30000 /* of frames with unknown keys, and nothing that opens */
#define ASK_SPREAD_MS 500   /* so that not everybody asks the author at once */
#define ASK_AGAIN_MS  2000
#define ASK_FAILED_MS 5000

static unsigned int missing(const struct keyring *ring)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < ring->order.n; i++)
		n += !ring->held[i];

	return n;
}

/* In force in any case; the disk may lag behind, then the next start asks again. */
static void take_ring(struct cluster *c, const struct keyring *ring)
{
	struct err e = { 0 };

	if (self_save_ring(c->d->store, &c->d->self, ring, &e) < 0) {
		log_error("cannot keep the keys: %s", e.msg);
		c->d->self.ring = *ring;
	}
}

static void ask_soon(struct cluster *c, ms_t wait)
{
	c->rekey_at = cluster_now(c) + wait;
}

/* ---- orders ---------------------------------------------------------------------------- */

static void obey(struct cluster *c, const struct key_order *order, const struct node_id *author)
{
	struct keyring ring = c->d->self.ring;
	int r = keyring_obey(&ring, order);

	if (r >= 0) {
		log_info("obeying key order %llu: %u keys", (unsigned long long)order->number,
			 order->n);
		take_ring(c, &ring);
	}
	if (r > 0) {
		c->rekey_from = *author;
		ask_soon(c, randombytes_uniform(ASK_SPREAD_MS));
	}
	sodium_memzero(&ring, sizeof(ring));
}

static void hear(struct cluster *c, const struct definition *d)
{
	struct key_order order;

	if (d->kind == DEFINITION_KEY_ORDER &&
	    key_order_read(d->body, d->body_len, c->d->self.cluster_key, &order) == 0)
		obey(c, &order, &d->author);
}

void cluster_keys_event(struct cluster *c, const struct event *ev)
{
	if (ev->kind == EVENT_DEFINED)
		hear(c, ev->more);
}

static void hear_restored(void *ctx, const struct definition *d)
{
	hear(ctx, d);
}

static int publish(struct cluster *c, const struct key_order *order, struct err *e)
{
	uint8_t bytes[KEY_ORDER_LEN];
	struct definition_id id;
	int r;

	key_order_encode(order, bytes);
	r = definitions_add(c->definitions, DEFINITION_KEY_ORDER, NULL, bytes, sizeof(bytes), &id,
			    cluster_now(c), e);

	return r == -EEXIST ? 0 : r;
}

/* What was kept, but not told before a crash, is told now; and the first order, once. */
void cluster_keys_begin(struct cluster *c)
{
	struct err e = { 0 };

	definitions_each(c->definitions, DEFINITION_KEY_ORDER, hear_restored, c);
	if (c->d->self.admitter && publish(c, &c->d->self.ring.order, &e) < 0)
		log_error("cannot tell the order of keys: %s", e.msg);
	if (missing(&c->d->self.ring) > 0)
		ask_soon(c, ASK_SPREAD_MS);
}

/* ---- asking for keys ------------------------------------------------------------------- */

static size_t add_address(const struct member *m, struct node_addr *list, size_t n)
{
	if (!m->profile || m->state == MEMBER_LEFT)
		return n;
	list[n] = m->profile->addr;

	return n + 1;
}

/* Who should have them, then anybody: after a long time away all look dead from here. */
static size_t whom_to_ask(const struct cluster *c, struct node_addr list[ADMIT_ADDRS_MAX])
{
	const struct members *t = engine_members(c->engine);
	uint32_t slots = members_slots(t), first = randombytes_uniform(slots);
	uint32_t best = members_find(t, &c->rekey_from);
	size_t n = 0;

	if (best != MEMBER_NONE && best != 0)
		n = add_address(members_at(t, best), list, n);
	for (uint32_t i = 0; i < slots && n < ADMIT_ADDRS_MAX; i++) {
		uint32_t slot = (first + i) % slots;
		const struct member *m = members_at(t, slot);

		if (m->profile && !node_id_equal(&m->profile->id, engine_id(c->engine)))
			n = add_address(m, list, n);
	}

	return n;
}

static void on_rekeyed(void *ctx, int r, const struct admit_gift *gift, const struct err *e)
{
	struct cluster *c = ctx;

	if (!c->engine)
		return;
	if (r < 0) {
		log_warning("cannot get the keys that this node lacks: %s", e->msg);
		/* It comes up again as the newer one, so that the other hears of it, too. */
		c->taken |= e->sys == EADDRINUSE;
		if (missing(&c->d->self.ring) > 0)
			ask_soon(c, ASK_FAILED_MS);
		return;
	}
	log_info("got keys by this node's identity: order %llu",
		 (unsigned long long)gift->ring.order.number);
	take_ring(c, &gift->ring);
	c->unknown_since = MS_NEVER;
	if (r > 0)
		ask_soon(c, ASK_AGAIN_MS);
}

static void ask(struct cluster *c)
{
	struct node_addr list[ADMIT_ADDRS_MAX];
	size_t n = whom_to_ask(c, list);
	struct err e = { 0 };

	if (n == 0)
		return;
	if (admit_rekey(c->admit, &c->d->self.ring, list, n, &c->addr.ip, on_rekeyed, &e) < 0)
		log_debug("%s", e.msg);
}

void cluster_keys_upkeep(struct cluster *c)
{
	const struct members *t = engine_members(c->engine);

	if (members_count(t) > 1 && members_alive(t) == 1 && !admit_is_asking(c->admit))
		ask(c);
}

void cluster_note_verdict(struct cluster *c, enum wire_verdict verdict, ms_t now)
{
	switch (verdict) {
	case WIRE_KEY:
		if (c->unknown_since == MS_NEVER)
			c->unknown_since = now;
		break;
	case WIRE_MESSAGE:
	case WIRE_KNOWN:
	case WIRE_HELLO:
	case WIRE_STRANGER:
		c->unknown_since = MS_NEVER;
		break;
	default:
		break;
	}
}

ms_t cluster_keys_deadline(const struct cluster *c)
{
	ms_t unknown = c->unknown_since == MS_NEVER ? MS_NEVER : c->unknown_since + UNKNOWN_MS;

	return unknown < c->rekey_at ? unknown : c->rekey_at;
}

void cluster_keys_due(struct cluster *c, ms_t now)
{
	if (cluster_keys_deadline(c) > now)
		return;
	if (c->rekey_at > now)
		log_warning("for %d s frames have come that are sealed with keys unknown here, and "
			    "none that opens: this node seems to have missed a rotation",
			    UNKNOWN_MS / 1000);
	c->rekey_at = MS_NEVER;
	if (c->unknown_since != MS_NEVER)
		c->unknown_since = now;
	ask(c);
}

/* ---- rotating -------------------------------------------------------------------------- */

int cluster_need_admitter(const struct cluster *c, struct err *e)
{
	if (c->d->self.admitter)
		return 0;

	return err_cni(e, CNI_E_CONFIG,
		       "this node is no admitter: it does not hold the cluster's key, which signs "
		       "tokens and orders. Ask the node that founded the cluster");
}

/* Kept first: an order that others have heard of must not be forgotten here. */
static int give_order(struct cluster *c, struct keyring *ring, const struct key_order *order,
		      const uint8_t *key, struct err *e)
{
	int r;

	(void)keyring_obey(ring, order); /* it follows the one that is obeyed */
	if (key)
		(void)keyring_take(ring, key); /* it names it */
	r = self_save_ring(c->d->store, &c->d->self, ring, e);
	if (r < 0)
		return r;
	log_info("ordering: key order %llu", (unsigned long long)order->number);

	return publish(c, order, e);
}

int cluster_keys_add(struct cluster *c, struct err *e)
{
	struct keyring ring = c->d->self.ring;
	uint8_t key[FRAME_KEY_LEN];
	struct key_order order;
	int r = cluster_need_admitter(c, e);

	if (r < 0)
		return r;
	do {
		randombytes_buf(key, sizeof(key));
		r = key_order_add(&ring.order, &c->d->self.cluster, key, &order, e);
	} while (r == -EEXIST);
	if (r == 0)
		r = give_order(c, &ring, &order, key, e);
	sodium_memzero(key, sizeof(key));
	sodium_memzero(&ring, sizeof(ring));

	return r;
}

static int change(struct cluster *c, unsigned int which,
		  int (*step)(const struct key_order *last, const struct identity *cluster,
			      uint32_t id, struct key_order *ret, struct err *e),
		  struct err *e)
{
	struct keyring ring = c->d->self.ring;
	struct key_order order;
	int r = step(&ring.order, &c->d->self.cluster, get_le32(ring.order.hash[which]), &order, e);

	if (r == 0)
		r = give_order(c, &ring, &order, NULL, e);
	sodium_memzero(&ring, sizeof(ring));

	return r;
}

/* The key that was added last. */
int cluster_keys_use(struct cluster *c, struct err *e)
{
	const struct key_order *order = &c->d->self.ring.order;
	int r = cluster_need_admitter(c, e);

	if (r < 0)
		return r;
	if (order->primary == order->n - 1)
		return err_cni(e, CNI_E_CONFIG,
			       "the newest key seals already: add one first (step \"add\")");

	return change(c, order->n - 1U, key_order_use, e);
}

/* The oldest that does not seal. */
int cluster_keys_remove(struct cluster *c, struct err *e)
{
	const struct key_order *order = &c->d->self.ring.order;
	int r = cluster_need_admitter(c, e);

	if (r < 0)
		return r;
	if (order->n == 1)
		return err_cni(e, CNI_E_CONFIG,
			       "there is one key only: add another and use it first");

	return change(c, order->primary == 0 ? 1 : 0, key_order_remove, e);
}
