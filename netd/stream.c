/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream - see stream.h. */
#include "netd/stream.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/cleanup.h"

#define IDLE_S	    30	 /* of silence, after which it is closed */
#define STRANGE_MAX 1024 /* bytes of a message from who has not proved anything */

struct waiting {
	struct waiting *next;
	size_t len;
	uint8_t plain[];
};

struct stream {
	struct streams *all;
	struct stream *next, **at;
	struct conn *conn; /* NULL: about to be freed */
	struct peer to;	   /* id unset: not known yet */
	bool accepted;
	bool heard;   /* a genuine frame has come over it */
	bool knocked; /* a first hello was sent that nothing came of yet */
	struct waiting *waiting, **end;
	size_t waiting_bytes;
};

struct streams {
	struct ev_loop *loop;
	const struct streams_ops *ops;
	void *ctx;
	struct stream *list;
	struct ip_addr from;
	uint16_t port;
	struct streams_counters counters;
};

/* ---- making and ending one ------------------------------------------------------------- */

static struct stream *new_stream(struct streams *all)
{
	struct stream *s;

	if (all->counters.open == STREAMS_MAX)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->all = all;
	s->end = &s->waiting;
	s->next = all->list;
	if (s->next)
		s->next->at = &s->next;
	s->at = &all->list;
	all->list = s;
	all->counters.open++;

	return s;
}

static void drop_waiting(struct stream *s)
{
	while (s->waiting) {
		struct waiting *one = s->waiting;

		s->waiting = one->next;
		free(one);
		s->all->counters.dropped++;
	}
	s->end = &s->waiting;
	s->waiting_bytes = 0;
}

static void free_stream(struct stream *s)
{
	*s->at = s->next;
	if (s->next)
		s->next->at = s->at;
	s->all->counters.open--;
	drop_waiting(s);
	free(s);
}

/* ---- sending --------------------------------------------------------------------------- */

/* Return: 0; -ENOTCONN: it has to wait; another errno: it is lost. */
static int send_one(struct stream *s, const uint8_t *plain, size_t len)
{
	struct streams *all = s->all;
	AUTO_FREE uint8_t *frame = malloc(frame_size(len));
	int r;

	if (!frame)
		return -ENOMEM;
	r = all->ops->seal(all->ctx, &s->to, plain, len, frame);
	if (r < 0)
		return r;
	len = (size_t)r;
	r = conn_send(s->conn, frame, len);
	if (r < 0)
		return r;
	all->counters.messages_out++;
	all->counters.bytes_out += len;

	return 0;
}

static void knock(struct stream *s)
{
	uint8_t hello[FRAME_MIN];
	int r = s->knocked ? 0 : s->all->ops->knock(s->all->ctx, hello);

	if (r <= 0)
		return;
	s->knocked = true;
	conn_send(s->conn, hello, (size_t)r);
}

static void flush(struct stream *s)
{
	while (s->waiting && s->heard && conn_is_open(s->conn)) {
		struct waiting *one = s->waiting;
		int r = send_one(s, one->plain, one->len);

		if (r == -ENOTCONN) {
			knock(s);
			return;
		}
		if (r < 0)
			s->all->counters.dropped++;
		s->knocked = false;
		s->waiting = one->next;
		if (!s->waiting)
			s->end = &s->waiting;
		s->waiting_bytes -= one->len;
		free(one);
	}
}

static bool wait_in(struct stream *s, const uint8_t *plain, size_t len)
{
	struct waiting *one;

	if (s->waiting_bytes + len > STREAM_WAITING_BYTES)
		return false;
	one = malloc(sizeof(*one) + len);
	if (!one)
		return false;
	one->next = NULL;
	one->len = len;
	memcpy(one->plain, plain, len);
	*s->end = one;
	s->end = &one->next;
	s->waiting_bytes += len;

	return true;
}

/* ---- connections ----------------------------------------------------------------------- */

/* The first word, whether the other side is known or not: it may have started anew. */
static void on_opened(void *ctx, struct conn *c)
{
	struct stream *s = ctx;

	(void)c;
	s->all->counters.connected++;
	knock(s);
}

static void on_message(void *ctx, struct conn *c, const uint8_t *msg, size_t len)
{
	struct stream *s = ctx;
	struct streams *all = s->all;

	all->counters.messages_in++;
	all->counters.bytes_in += len;
	all->ops->frame(all->ctx, s, conn_peer(c), msg, len);
}

static void on_closed(void *ctx, struct conn *c, int why)
{
	struct stream *s = ctx;

	if (!conn_is_open(c))
		s->all->counters.connect_failed++;
	else if (why != 0 && why != ETIMEDOUT)
		s->all->counters.broken++;
	free_stream(s);
}

static const struct conn_ops stream_ops = {
	.opened = on_opened,
	.message = on_message,
	.closed = on_closed,
};

static const struct conn_role role_connected = {
	.kind = CONN_ENGINE,
	.limit = FRAME_MAX,
	.idle_s = IDLE_S,
	.ops = &stream_ops,
};

static const struct conn_role role_accepted = {
	.kind = CONN_ENGINE,
	.limit = STRANGE_MAX,
	.idle_s = IDLE_S,
	.ops = &stream_ops,
};

static struct stream *find(const struct streams *all, const struct peer *to)
{
	for (struct stream *s = all->list; s; s = s->next) {
		if (node_id_is_set(&to->id) ? node_id_equal(&s->to.id, &to->id)
					    : node_addr_equal(&s->to.addr, &to->addr))
			return s;
	}

	return NULL;
}

static struct stream *connect_to(struct streams *all, const struct peer *to)
{
	struct stream *s = new_stream(all);

	if (!s) {
		all->counters.refused++;
		return NULL;
	}
	s->to = *to;
	s->conn = conn_open(all->loop, &to->addr, &all->from, all->port, &role_connected, s);
	if (s->conn)
		return s;
	all->counters.connect_failed++;
	free_stream(s);

	return NULL;
}

void streams_send(struct streams *all, const struct peer *to, const uint8_t *plain, size_t len)
{
	struct stream *s = find(all, to);

	if (!s)
		s = connect_to(all, to);
	if (!s || !wait_in(s, plain, len)) {
		all->counters.dropped++;
		return;
	}
	flush(s);
}

void streams_known(struct streams *all, const struct node_id *id, const struct node_addr *addr)
{
	for (struct stream *s = all->list; s; s = s->next)
		if (node_id_is_set(&s->to.id) ? node_id_equal(&s->to.id, id)
					      : node_addr_equal(&s->to.addr, addr))
			flush(s);
}

static unsigned int accepted_from(const struct streams *all, const struct ip_addr *ip)
{
	unsigned int n = 0;

	for (const struct stream *s = all->list; s; s = s->next)
		n += s->accepted && ip_equal(&s->to.addr.ip, ip);

	return n;
}

void streams_accept(struct streams *all, struct conn *c)
{
	const struct node_addr *from = conn_peer(c);
	struct stream *s = accepted_from(all, &from->ip) < STREAMS_OF_ADDRESS ? new_stream(all)
									      : NULL;

	if (!s) {
		all->counters.refused++;
		conn_close(c);
		return;
	}
	s->to.addr = *from;
	s->accepted = true;
	s->conn = c;
	all->counters.accepted++;
	conn_assign(c, &role_accepted, s);
}

void stream_heard(struct stream *s, const struct node_id *id)
{
	if (node_id_is_set(id)) {
		s->to.id = *id;
		conn_set_limit(s->conn, FRAME_MAX);
	}
	s->heard = true;
	flush(s);
}

void stream_answer(struct stream *s, const uint8_t *frame, size_t len)
{
	conn_send(s->conn, frame, len);
}

/* ---- all of them ----------------------------------------------------------------------- */

struct streams *streams_new(struct ev_loop *loop, uint16_t port, const struct streams_ops *ops,
			    void *ctx)
{
	struct streams *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->loop = loop;
	all->ops = ops;
	all->ctx = ctx;
	all->port = port;

	return all;
}

void streams_close(struct streams *all)
{
	while (all->list) {
		conn_close(all->list->conn);
		free_stream(all->list);
	}
}

void streams_free(struct streams *all)
{
	if (!all)
		return;
	streams_close(all);
	free(all);
}

void streams_set_source(struct streams *all, const struct ip_addr *from)
{
	all->from = *from;
}

const struct streams_counters *streams_counters(const struct streams *all)
{
	return &all->counters;
}
