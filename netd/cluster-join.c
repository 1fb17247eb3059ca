/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cluster-join - this node is let in by others, and lets others in */
#define LOG_AREA "cluster"

#include <errno.h>
#include <time.h>

#include "netd/address.h"
#include "netd/cluster-private.h"
#include "netd/log.h"
#include "overlay/blocks.h"
#include "overlay/bytes.h"
#include "overlay/members.h"
#include "overlay/profile.h"

#define RECENT_MS 60000 /* in which who was admitted should have become a member */

/* ---- in -------------------------------------------------------------------------------- */

static void fail_join(struct cluster *c, const struct err *e)
{
	struct err nobody = { 0 };

	log_error("cannot join: %s", e->msg);
	c->phase = CLUSTER_NONE;
	/* Who waits decides what is next; what was asked for before the start is tried again. */
	if (!cluster_say_joined(c, e))
		cluster_retry_later(c, e);
	else if (self_forget(c->d->store, &c->d->self, &nobody) < 0)
		log_error("cannot drop the join: %s", nobody.msg);
}

static void on_joined(void *ctx, int r, const struct admit_gift *gift, const struct err *why)
{
	struct cluster *c = ctx;
	char by[ADDRESS_STRLEN];
	struct err e = *why;

	if (r >= 0)
		r = self_joined(c->d->store, &c->d->self, c->d->config.name, gift->cluster_key,
				gift->admission, &gift->ring, &e);
	if (r < 0) {
		fail_join(c, &e);
		return;
	}
	log_info("admitted as %s by %s", c->d->self.name, address_str(&gift->by, by));
	c->fresh = true;
	r = cluster_come_up(c, &e);
	if (r < 0) {
		log_error("cannot come up: %s", e.msg);
		cluster_retry_later(c, &e);
	}
	(void)cluster_say_joined(c, r < 0 ? &e : NULL);
}

void cluster_begin_join(struct cluster *c)
{
	const struct self *self = &c->d->self;
	struct err e = { 0 };
	struct token token;
	int r;

	c->retry_at = MS_NEVER;
	r = token_parse(self->join_token, (uint64_t)time(NULL), &token, &e);

	if (r == 0)
		r = cluster_choose_address(c, &e);
	if (r == 0)
		r = admit_join(c->admit, &token, c->d->config.name, self->join_addrs.list,
			       self->join_addrs.n, &c->addr.ip, on_joined, &e);
	if (r < 0) {
		fail_join(c, &e);
		return;
	}
	c->phase = CLUSTER_JOINING;
}

/* ---- letting others in ----------------------------------------------------------------- */

static bool is_other_of_name(const struct handshake *h, const uint8_t key[NODE_KEY_LEN],
			     const char *name)
{
	return strcmp(name, h->peer_name) == 0 && memcmp(key, h->peer_key, NODE_KEY_LEN) != 0;
}

/* By a member, or by who has just been admitted and is not heard of yet. */
static bool name_is_taken(const struct cluster *c, const struct handshake *h)
{
	const struct members *t = engine_members(c->engine);
	ms_t now = cluster_now(c);

	for (uint32_t i = 0; i < members_slots(t); i++) {
		const struct member *m = members_at(t, i);

		if (m->profile && m->state != MEMBER_LEFT &&
		    is_other_of_name(h, m->profile->key, m->profile->name))
			return true;
	}
	for (unsigned int i = 0; i < CLUSTER_RECENT; i++) {
		const struct recent *one = &c->recent[i];

		if (one->until > now && is_other_of_name(h, one->key, one->name))
			return true;
	}

	return false;
}

/* It is a member now, and its name counts as long as it is one. */
void cluster_end_recent(struct cluster *c, const struct profile *p)
{
	for (unsigned int i = 0; i < CLUSTER_RECENT; i++)
		if (memcmp(c->recent[i].key, p->key, NODE_KEY_LEN) == 0)
			c->recent[i].until = 0;
}

/*
 * Nobody hears the older one of two processes with one key, so it asks for keys, and
 * by that is told why.  One whose address has just changed asks again.
 */
static bool is_elsewhere(const struct cluster *c, const struct node_id *id,
			 const struct node_addr *at)
{
	const struct members *t = engine_members(c->engine);
	uint32_t slot = members_find(t, id);

	return slot != MEMBER_NONE && members_at(t, slot)->state == MEMBER_ALIVE &&
	       !ip_equal(&members_at(t, slot)->profile->addr.ip, &at->ip);
}

static int judge(void *ctx, const struct handshake *h, const struct node_addr *at)
{
	const struct cluster *c = ctx;
	struct node_id id;

	node_id_of_key(h->peer_key, &id);
	if (ledger_is_forgotten(blocks_ledger(c->blocks), &id, 0, true))
		return REFUSED_FORGOTTEN;
	if (h->mode == HANDSHAKE_REKEY && is_elsewhere(c, &id, at))
		return REFUSED_ELSEWHERE;
	if (h->mode == HANDSHAKE_JOIN && name_is_taken(c, h))
		return REFUSED_NAME;
	/* It asks from the address that it is going to be reached at. */
	if (h->mode == HANDSHAKE_JOIN && at->ip.family != c->addr.ip.family)
		return REFUSED_FAMILY;

	return 0;
}

static void add_revoked(void *ctx, const struct definition *d)
{
	if (d->body_len == DEFINITION_REVOKED_LEN)
		(void)token_revoke(ctx, d->body, get_le32(d->body + TOKEN_ID_LEN),
				   (uint64_t)time(NULL), NULL);
}

static void revoked(void *ctx, struct token_revocations *ret)
{
	const struct cluster *c = ctx;

	definitions_each(c->definitions, DEFINITION_REVOKED, add_revoked, ret);
}

static void admitted(void *ctx, const struct handshake *h, const struct node_addr *at)
{
	struct cluster *c = ctx;
	struct recent *one = &c->recent[c->next_recent++ % CLUSTER_RECENT];
	char text[ADDRESS_STRLEN];

	if (h->mode == HANDSHAKE_REKEY) {
		log_info("gave node %s at %s the keys", h->peer_name, address_str(at, text));
		return;
	}
	log_info("admitted node %s at %s", h->peer_name, address_str(at, text));
	memcpy(one->key, h->peer_key, sizeof(one->key));
	memcpy(one->name, h->peer_name, sizeof(one->name));
	one->until = cluster_now(c) + RECENT_MS;
}

const struct admit_ops cluster_admit_ops = {
	.judge = judge,
	.revoked = revoked,
	.admitted = admitted,
};
