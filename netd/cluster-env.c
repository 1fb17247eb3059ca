/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cluster-env - what the engine is given: a disk, keys, and the network
 *
 * What goes to a node whose boot is not known waits for a moment, while hellos
 * are exchanged; so the first ping after a start is not lost.
 */
#define LOG_AREA "cluster"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "netd/address.h"
#include "netd/cluster-private.h"
#include "netd/log.h"
#include "netd/store.h"
#include "overlay/admission.h"
#include "overlay/members.h"
#include "overlay/profile.h"

#define STRANGER_MS 60000 /* in which who has a session should have become a member */

/* ---- keys, disk, chance ---------------------------------------------------------------- */

static void env_random(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	randombytes_buf(buf, len);
}

static void env_sign(void *ctx, const uint8_t *msg, size_t len, uint8_t sig[NODE_SIG_LEN])
{
	const struct cluster *c = ctx;

	identity_sign(&c->d->self.identity, SIGN_GOSSIP, msg, len, sig);
}

static bool env_verify(void *ctx, const uint8_t key[NODE_KEY_LEN], const uint8_t *msg, size_t len,
		       const uint8_t sig[NODE_SIG_LEN])
{
	(void)ctx;

	return identity_verify(key, SIGN_GOSSIP, msg, len, sig);
}

static bool env_admitted(void *ctx, const uint8_t key[NODE_KEY_LEN], const char *name,
			 const uint8_t admission[NODE_SIG_LEN])
{
	const struct cluster *c = ctx;

	return admission_check(c->d->self.cluster_key, key, name, admission);
}

static int env_store(void *ctx, const struct record *r, enum durability how, struct err *e)
{
	const struct cluster *c = ctx;

	return store_record(c->d->store, r, how, e);
}

static void env_event(void *ctx, const struct event *ev)
{
	struct cluster *c = ctx;

	if (c->wanted)
		wanted_event(c->wanted, ev);
	cluster_queue_event(c, ev);
}

/* ---- out ------------------------------------------------------------------------------- */

static bool is_being_answered(const struct cluster *c, const struct node_addr *to)
{
	return c->answering.path && node_addr_equal(&c->answering.path->from, to);
}

/* An answer leaves from the address that was asked, everything else from the advertised one. */
static const struct ip_addr *source_of(const struct cluster *c, const struct node_addr *to)
{
	static const struct ip_addr any;

	if (is_being_answered(c, to))
		return &c->answering.path->local;

	return c->addr.ip.family == to->ip.family ? &c->addr.ip : &any;
}

static void knock(struct cluster *c, const struct node_addr *to)
{
	uint8_t hello[FRAME_MIN];
	int r = wire_knock(&c->wire, hello);

	if (r > 0)
		(void)port_send(c->port, to, source_of(c, to), hello, (size_t)r);
}

static void hold(struct cluster *c, const struct peer *to, const uint8_t *plain, size_t len)
{
	struct held *one = c->n_held < CLUSTER_HELD ? malloc(sizeof(*one) + len) : NULL;

	c->counters.held++;
	if (!one) {
		c->counters.held_lost++;
		return;
	}
	one->next = NULL;
	one->to = *to;
	one->until = cluster_now(c) + CLUSTER_HELD_MS;
	one->len = len;
	memcpy(one->plain, plain, len);
	*c->held_end = one;
	c->held_end = &one->next;
	c->n_held++;
}

void cluster_drop_held(struct cluster *c, ms_t until)
{
	while (c->held && c->held->until <= until) {
		struct held *one = c->held;

		c->held = one->next;
		free(one);
		c->n_held--;
		c->counters.held_lost++;
	}
	if (!c->held)
		c->held_end = &c->held;
}

static void env_send(void *ctx, const struct peer *to, const uint8_t *plain, size_t len)
{
	struct cluster *c = ctx;
	uint8_t frame[DATAGRAM_MAX];
	int r = wire_seal(&c->wire, to, plain, len, frame);

	if (r == -ENOTCONN) {
		hold(c, to, plain, len);
		knock(c, &to->addr);
		return;
	}
	if (r < 0) {
		c->counters.unsealed++;
		return;
	}
	if (is_being_answered(c, &to->addr) &&
	    !wire_may_answer(c->answering.allowance, (size_t)r)) {
		c->counters.not_allowed++;
		return;
	}
	(void)port_send(c->port, &to->addr, source_of(c, &to->addr), frame, (size_t)r);
}

static void env_stream(void *ctx, const struct peer *to, const uint8_t *plain, size_t len)
{
	const struct cluster *c = ctx;

	streams_send(c->streams, to, plain, len);
}

const struct env_ops cluster_env = {
	.random = env_random,
	.send = env_send,
	.stream = env_stream,
	.store = env_store,
	.sign = env_sign,
	.verify = env_verify,
	.admitted = env_admitted,
	.event = env_event,
};

/* ---- in -------------------------------------------------------------------------------- */

/* What waited for it goes out; what it is not for goes on waiting. */
static void send_held(struct cluster *c, const struct node_id *id, const struct node_addr *addr)
{
	struct held *list = c->held, *next;

	c->held = NULL;
	c->held_end = &c->held;
	for (struct held *one = list; one; one = next) {
		bool its = node_id_is_set(&one->to.id) ? node_id_equal(&one->to.id, id)
						       : node_addr_equal(&one->to.addr, addr);

		next = one->next;
		one->next = NULL;
		if (!its) {
			*c->held_end = one;
			c->held_end = &one->next;
			continue;
		}
		c->n_held--;
		env_send(c, &one->to, one->plain, one->len);
		free(one);
	}
}

static bool is_member(const struct cluster *c, const struct node_id *id)
{
	return members_find(engine_members(c->engine), id) != MEMBER_NONE;
}

/*
 * Whoever has the key may say that it is anybody.  A session of who does not
 * become a member soon is given up; with no place to note it, at once.
 */
static void watch_stranger(struct cluster *c, const struct node_id *id, ms_t now)
{
	struct stranger *place = NULL;

	if (is_member(c, id))
		return;
	for (unsigned int i = 0; i < CLUSTER_STRANGERS; i++) {
		if (c->strangers[i].until == 0)
			place = &c->strangers[i];
		else if (node_id_equal(&c->strangers[i].id, id))
			return;
	}
	if (place)
		*place = (struct stranger){ .id = *id, .until = now + STRANGER_MS };
	else
		sessions_forget(&c->sessions, id);
}

void cluster_forget_strangers(struct cluster *c, ms_t now)
{
	for (unsigned int i = 0; i < CLUSTER_STRANGERS; i++) {
		struct stranger *one = &c->strangers[i];

		if (one->until == 0 || one->until > now)
			continue;
		if (!is_member(c, &one->id))
			sessions_forget(&c->sessions, &one->id);
		one->until = 0;
	}
}

static void on_known(struct cluster *c, const struct node_id *id, const struct node_addr *addr,
		     ms_t now)
{
	watch_stranger(c, id, now);
	send_held(c, id, addr);
	streams_known(c->streams, id, addr);
}

static bool is_in(const struct config_addrs *list, const struct ip_addr *ip)
{
	for (size_t i = 0; i < list->n; i++)
		if (ip_equal(&list->list[i].ip, ip))
			return true;

	return false;
}

/* Who was asked at another of its addresses answers from there. */
static bool was_asked(const struct cluster *c, const struct ip_addr *ip)
{
	return is_in(&c->d->config.seeds, ip) || is_in(&c->d->self.join_addrs, ip);
}

/* A member's datagram that does not come from where the member says it is. */
static void check_address(struct cluster *c, const struct node_id *id, const struct node_addr *from)
{
	static struct log_pace pace;
	const struct members *t = engine_members(c->engine);
	uint32_t slot = members_find(t, id);
	char seen[ADDRESS_STRLEN], said[ADDRESS_STRLEN];
	const struct profile *p;

	if (slot == MEMBER_NONE)
		return;
	p = members_at(t, slot)->profile;
	if (p->addr.ip.family != from->ip.family || ip_equal(&p->addr.ip, &from->ip) ||
	    was_asked(c, &from->ip))
		return;
	c->counters.translated++;
	log_paced(&pace, LOG_WARNING, LOG_AREA,
		  "node %s says that it is at %s, and sends from %s: its address has just changed, "
		  "or an address translation lies between, which the overlay's packets do not "
		  "pass, or a copy of its disk is in use elsewhere",
		  p->name, address_str(&p->addr, said), address_str(from, seen));
}

static void on_message(struct cluster *c, const struct port_path *path, struct wire_in *in,
		       bool stream, ms_t now)
{
	struct origin o = { .from = { .id = in->from, .addr = path->from }, .stream = stream };

	check_address(c, &in->from, &path->from);
	if (!stream)
		c->answering = (struct answering){ .path = path, .allowance = &in->allowance };
	engine_receive(c->engine, &o, in->plain, in->len, now);
	c->answering.path = NULL;
}

static void act(struct cluster *c, const struct port_path *path, struct wire_in *in, bool stream,
		ms_t now)
{
	cluster_note_verdict(c, in->verdict, now);
	if (in->verdict == WIRE_KNOWN)
		on_known(c, &in->from, &path->from, now);
	else if (in->verdict == WIRE_MESSAGE)
		on_message(c, path, in, stream, now);
}

static void on_datagram(void *ctx, const struct port_path *path, const uint8_t *data, size_t len)
{
	struct cluster *c = ctx;
	ms_t now = cluster_now(c);
	struct wire_in in;

	if (!c->engine) {
		c->counters.not_up++;
		return;
	}
	wire_receive(&c->wire, &path->from, data, len, now, c->plain, &in);
	if (in.hello_len > 0)
		(void)port_send(c->port, &path->from, &path->local, in.hello, in.hello_len);
	act(c, path, &in, false, now);
}

static void on_accepted(void *ctx, int fd, const struct port_path *path)
{
	const struct cluster *c = ctx;

	door_accept(c->door, fd, path);
}

const struct port_ops cluster_port_ops = {
	.datagram = on_datagram,
	.accepted = on_accepted,
};

/* ---- streams --------------------------------------------------------------------------- */

static int stream_seal(void *ctx, const struct peer *to, const uint8_t *plain, size_t len,
		       uint8_t *out)
{
	struct cluster *c = ctx;

	return wire_seal(&c->wire, to, plain, len, out);
}

static int stream_knock(void *ctx, uint8_t out[FRAME_MIN])
{
	struct cluster *c = ctx;

	return wire_knock(&c->wire, out);
}

static bool is_genuine(enum wire_verdict verdict)
{
	return verdict == WIRE_MESSAGE || verdict == WIRE_KNOWN || verdict == WIRE_HELLO ||
	       verdict == WIRE_STRANGER;
}

static void on_frame(void *ctx, struct stream *s, const struct node_addr *from,
		     const uint8_t *frame, size_t len)
{
	struct cluster *c = ctx;
	const struct port_path path = { .from = *from };
	AUTO_FREE uint8_t *large = len > sizeof(c->plain) ? malloc(len) : NULL;
	ms_t now = cluster_now(c);
	struct wire_in in;

	if (!c->engine || (len > sizeof(c->plain) && !large))
		return;
	wire_receive(&c->wire, from, frame, len, now, large ? large : c->plain, &in);
	if (in.hello_len > 0)
		stream_answer(s, in.hello, in.hello_len);
	if (is_genuine(in.verdict))
		stream_heard(s, &in.from);
	act(c, &path, &in, true, now);
}

const struct streams_ops cluster_streams_ops = {
	.seal = stream_seal,
	.knock = stream_knock,
	.frame = on_frame,
};

/* ---- a new boot ---------------------------------------------------------------------- */

int cluster_renew_boot(struct cluster *c)
{
	uint8_t seed[WIRE_SEED_LEN], key[16];
	int r;

	randombytes_buf(key, sizeof(key));
	randombytes_buf(seed, sizeof(seed));
	sessions_clear(&c->sessions);
	memset(c->strangers, 0, sizeof(c->strangers));
	r = sessions_init(&c->sessions, CLUSTER_SESSIONS, CLUSTER_WINDOWS, key, NULL);
	if (r == 0)
		wire_init(&c->wire, &c->d->self.identity.id, seed, &c->d->self.ring, &c->sessions);
	sodium_memzero(seed, sizeof(seed));

	return r;
}
