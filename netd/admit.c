/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admit - see admit.h. */
#include "netd/admit.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "netd/address.h"
#include "netd/self.h"

#define ANSWERS_MAX 16 /* handshakes that others have under way with this node */
#define STEP_S	    10 /* for each message */

/* Somebody asks to be let in here. */
struct answer {
	struct admit *admit;
	struct conn *conn; /* NULL: a free place */
	struct handshake h;
};

/* This node asks. */
struct asking {
	bool active;
	bool with_token;
	struct token token;
	char name[NODE_NAME_MAX + 1];
	struct node_addr addrs[ADMIT_ADDRS_MAX];
	size_t n, next;
	struct ip_addr from;
	struct admit_gift gift;
	struct handshake h;
	struct conn *conn;
	struct ev_timer soon; /* the next address, outside of anybody's callback */
	admit_done *done;
	int r; /* of the address that came furthest, and whether somebody answered there */
	bool answered;
	struct err err;
};

struct admit {
	struct ev_loop *loop;
	const struct self *self;
	const struct admit_ops *ops;
	void *ctx;
	uint16_t port;
	struct asking asking;
	struct answer answers[ANSWERS_MAX];
	struct admit_counters counters;
};

static uint64_t seconds_since_1970(void)
{
	return (uint64_t)time(NULL);
}

/* ---- letting others in ----------------------------------------------------------------- */

static struct handshake_self member_self(const struct self *self)
{
	return (struct handshake_self){ .identity = &self->identity,
					.name = self->name,
					.admission = self->admission,
					.cluster_key = self->cluster_key,
					.cluster = self->admitter ? &self->cluster : NULL };
}

static void end_answer(struct answer *one)
{
	handshake_wipe(&one->h);
	one->conn = NULL;
}

static void refuse(struct answer *one, enum handshake_refusal why)
{
	uint8_t out[HANDSHAKE_REFUSAL_LEN];

	handshake_refuse(&one->h, why, out);
	one->admit->counters.refused[why]++;
	conn_send(one->conn, out, sizeof(out));
	conn_finish(one->conn);
	end_answer(one);
}

static void answer_first(struct answer *one, const uint8_t *msg, size_t len)
{
	struct admit *a = one->admit;
	struct token_revocations revoked = { 0 };
	struct handshake_self self = member_self(a->self);
	uint8_t seed[HANDSHAKE_SEED_LEN], out[HANDSHAKE_2_LEN];
	int r;

	a->counters.asked++;
	a->ops->revoked(a->ctx, &revoked);
	self.revoked = &revoked;
	randombytes_buf(seed, sizeof(seed));
	r = handshake_answer(&one->h, &self, msg, len, seconds_since_1970(), seed, out, NULL);
	sodium_memzero(seed, sizeof(seed));
	if (r < 0)
		refuse(one, handshake_refusal_of(r));
	else
		conn_send(one->conn, out, sizeof(out));
}

static void answer_last(struct answer *one, const uint8_t *msg, size_t len)
{
	struct admit *a = one->admit;
	struct handshake_self self = member_self(a->self);
	bool joins = one->h.mode == HANDSHAKE_JOIN;
	uint8_t out[HANDSHAKE_4_LEN];
	int r = handshake_check(&one->h, &self, msg, len, NULL);

	if (r < 0) {
		refuse(one, handshake_refusal_of(r));
		return;
	}
	r = a->ops->judge(a->ctx, &one->h, conn_peer(one->conn));
	if (r > 0) {
		refuse(one, (enum handshake_refusal)r);
		return;
	}

	handshake_admit(&one->h, &self, &a->self->ring, out);
	conn_send(one->conn, out, sizeof(out));
	sodium_memzero(out, sizeof(out));
	*(joins ? &a->counters.admitted : &a->counters.rekeyed) += 1;
	a->ops->admitted(a->ctx, &one->h, conn_peer(one->conn));
	conn_finish(one->conn);
	end_answer(one);
}

static void on_question(void *ctx, struct conn *c, const uint8_t *msg, size_t len)
{
	struct answer *one = ctx;

	(void)c;
	if (one->h.next == 3)
		answer_last(one, msg, len);
	else
		answer_first(one, msg, len);
}

static void on_asker_gone(void *ctx, struct conn *c, int why)
{
	struct answer *one = ctx;

	(void)c;
	(void)why;
	one->admit->counters.unfinished++;
	end_answer(one);
}

static const struct conn_ops answer_ops = {
	.message = on_question,
	.closed = on_asker_gone,
};

static const struct conn_role answer_role = {
	.kind = CONN_HANDSHAKE,
	.limit = HANDSHAKE_MAX,
	.idle_s = STEP_S,
	.ops = &answer_ops,
};

void admit_accept(struct admit *a, struct conn *c)
{
	for (unsigned int i = 0; i < ANSWERS_MAX; i++) {
		struct answer *one = &a->answers[i];

		if (one->conn)
			continue;
		*one = (struct answer){ .admit = a, .conn = c };
		conn_assign(c, &answer_role, one);
		return;
	}
	a->counters.busy++;
	conn_close(c);
}

/* ---- asking ---------------------------------------------------------------------------- */

static struct handshake_self asking_self(const struct admit *a)
{
	const struct asking *q = &a->asking;

	return (struct handshake_self){
		.identity = &a->self->identity,
		.name = q->name,
		.admission = q->with_token ? NULL : a->self->admission,
		.cluster_key = q->with_token ? q->token.cluster_key : a->self->cluster_key,
	};
}

void admit_cancel(struct admit *a)
{
	struct asking *q = &a->asking;

	if (!q->active)
		return;
	ev_timer_stop(a->loop, &q->soon);
	if (q->conn)
		conn_close(q->conn);
	sodium_memzero(q, sizeof(*q));
}

static void finish(struct admit *a, int r)
{
	struct admit_gift gift = a->asking.gift;
	struct err err = a->asking.err;
	admit_done *done = a->asking.done;

	admit_cancel(a);
	done(a->ctx, r, &gift, &err);
	sodium_memzero(&gift, sizeof(gift));
}

/*
 * This address is of no use: on to the next.  What is told in the end is why the
 * first one said no, if any of them @answered, and else why it did not.
 */
static void give_up(struct admit *a, int r, bool answered, struct err *e)
{
	struct asking *q = &a->asking;
	char text[ADDRESS_STRLEN];

	err_wrap(e, r, "%s", address_str(&q->addrs[q->next - 1], text));
	if (q->r == 0 || (answered && !q->answered)) {
		q->r = r;
		q->err = *e;
		q->answered = answered;
	}
	handshake_wipe(&q->h);
	if (q->conn)
		conn_close(q->conn);
	q->conn = NULL;
	ev_timer_start(a->loop, &q->soon);
}

/* An address of ours that is another one over there. */
static int check_translation(const struct conn *c, struct err *e)
{
	const struct ip_addr *seen = &conn_seen_at(c)->ip;
	struct ip_addr local = conn_local(c);
	char seen_text[IP_STRLEN], local_text[IP_STRLEN];

	if (ip_equal(seen, &local))
		return 0;

	return err_say(
		e, EADDRNOTAVAIL,
		"it sees this node at %s, but the connection left from %s: an address "
		"translation (NAT) lies between, which the overlay's packets do not pass. Give "
		"the nodes addresses that reach each other, and set advertise to this node's",
		ip_str(seen, seen_text), ip_str(&local, local_text));
}

static void on_asked_opened(void *ctx, struct conn *c)
{
	struct admit *a = ctx;
	struct asking *q = &a->asking;
	struct handshake_self self = asking_self(a);
	uint8_t seed[HANDSHAKE_SEED_LEN], out[HANDSHAKE_1_LEN];
	struct err e = { 0 };
	int r = check_translation(c, &e);

	if (r < 0) {
		give_up(a, r, true, &e);
		return;
	}
	randombytes_buf(seed, sizeof(seed));
	handshake_start(&q->h, &self, q->with_token ? &q->token : NULL, seed, out);
	sodium_memzero(seed, sizeof(seed));
	conn_send(c, out, sizeof(out));
}

static int prove(struct admit *a, const uint8_t *msg, size_t len, struct err *e)
{
	struct handshake_self self = asking_self(a);
	uint8_t out[HANDSHAKE_3_LEN];
	int r = handshake_prove(&a->asking.h, &self, msg, len, out, e);

	if (r < 0)
		return r;

	return conn_send(a->asking.conn, out, sizeof(out));
}

static int take_home(struct admit *a, const uint8_t *msg, size_t len, struct err *e)
{
	struct asking *q = &a->asking;
	struct handshake_self self = asking_self(a);

	memcpy(q->gift.cluster_key, self.cluster_key, NODE_KEY_LEN);
	q->gift.by = *conn_peer(q->conn);
	q->gift.local = conn_local(q->conn);

	return handshake_finish(&q->h, &self, msg, len, q->gift.admission, &q->gift.ring, e);
}

static void on_answer(void *ctx, struct conn *c, const uint8_t *msg, size_t len)
{
	struct admit *a = ctx;
	struct err e = { 0 };
	bool last = a->asking.h.next == 4;
	int r = last ? take_home(a, msg, len, &e) : prove(a, msg, len, &e);

	(void)c;
	if (r < 0)
		give_up(a, r, true, &e);
	else if (last)
		finish(a, r);
}

/* Who gets no answer, or a refusal, has most often forgotten a firewall. */
static int no_connection(int why, uint16_t port, struct err *e)
{
	if (why != ETIMEDOUT && why != ECONNREFUSED)
		return err_sys(e, why, "connect");

	return err_say(e, why,
		       "connect: %s: does netd run there, and do firewalls let TCP and UDP %u "
		       "through?",
		       strerror(why), port);
}

static void on_asked_gone(void *ctx, struct conn *c, int why)
{
	struct admit *a = ctx;
	struct err e = { 0 };
	int r;

	a->asking.conn = NULL;
	if (why && conn_is_open(c))
		r = err_sys(&e, why, "handshake");
	else if (why)
		r = no_connection(why, conn_peer(c)->port, &e);
	else
		r = err_say(&e, EPROTO,
			    "it ended the connection: no netd listens there, it is not in a "
			    "cluster, or too many join at once");
	give_up(a, r, false, &e);
}

static const struct conn_ops asking_ops = {
	.opened = on_asked_opened,
	.message = on_answer,
	.closed = on_asked_gone,
};

static const struct conn_role asking_role = {
	.kind = CONN_HANDSHAKE,
	.limit = HANDSHAKE_MAX,
	.idle_s = STEP_S,
	.ops = &asking_ops,
};

static void ask_next(struct ev_loop *loop, struct ev_timer *t, int revents)
{
	struct admit *a = t->data;
	struct asking *q = &a->asking;
	struct err e = { 0 };

	(void)revents;
	if (q->next == q->n) {
		finish(a, q->r);
		return;
	}
	q->conn = conn_open(loop, &q->addrs[q->next++], &q->from, a->port, &asking_role, a);
	if (!q->conn)
		give_up(a, err_sys(&e, EHOSTUNREACH, "connect"), false, &e);
}

static int ask(struct admit *a, const struct asking *q, struct err *e)
{
	if (a->asking.active)
		return err_cni(e, CNI_E_AGAIN, "this node is asking to be let in already");
	a->asking = *q;
	a->asking.active = true;
	ev_timer_init(&a->asking.soon, ask_next, 0, 0);
	a->asking.soon.data = a;
	ev_timer_start(a->loop, &a->asking.soon);

	return 0;
}

static void set_addrs(struct asking *q, const struct node_addr *addrs, size_t n)
{
	q->n = n < ADMIT_ADDRS_MAX ? n : ADMIT_ADDRS_MAX;
	memcpy(q->addrs, addrs, q->n * sizeof(*addrs));
}

int admit_join(struct admit *a, const struct token *token, const char *name,
	       const struct node_addr *addrs, size_t n, const struct ip_addr *from,
	       admit_done *done, struct err *e)
{
	struct asking q = { .with_token = true, .token = *token, .from = *from, .done = done };
	int r;

	assert(n > 0);
	memcpy(q.name, name, strlen(name) + 1);
	set_addrs(&q, addrs, n);
	r = ask(a, &q, e);
	sodium_memzero(&q, sizeof(q));

	return r;
}

int admit_rekey(struct admit *a, const struct keyring *ring, const struct node_addr *addrs,
		size_t n, const struct ip_addr *from, admit_done *done, struct err *e)
{
	struct asking q = { .gift.ring = *ring, .from = *from, .done = done };
	int r;

	assert(n > 0);
	memcpy(q.name, a->self->name, sizeof(q.name));
	set_addrs(&q, addrs, n);
	r = ask(a, &q, e);
	sodium_memzero(&q, sizeof(q));

	return r;
}

bool admit_is_asking(const struct admit *a)
{
	return a->asking.active;
}

/* ---- all of it ------------------------------------------------------------------------- */

struct admit *admit_new(struct ev_loop *loop, const struct self *self, uint16_t port,
			const struct admit_ops *ops, void *ctx)
{
	struct admit *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->loop = loop;
	a->self = self;
	a->port = port;
	a->ops = ops;
	a->ctx = ctx;

	return a;
}

void admit_free(struct admit *a)
{
	if (!a)
		return;
	admit_cancel(a);
	for (unsigned int i = 0; i < ANSWERS_MAX; i++)
		if (a->answers[i].conn)
			conn_close(a->answers[i].conn);
	sodium_memzero(a, sizeof(*a));
	free(a);
}

const struct admit_counters *admit_counters(const struct admit *a)
{
	return &a->counters;
}
