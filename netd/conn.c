/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conn - see conn.h.
 *
 * A connection that is closed inside one of its own callbacks is marked, and
 * freed when the callback has returned.
 */
#include "netd/conn.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "netd/address.h"
#include "overlay/bytes.h"

#define ASK_LEN	    8  /* what who connects says first */
#define SEEN_LEN    24 /* what is answered */
#define LENGTH_LEN  4
#define OPEN_MOST_S 5.0	  /* until it is open */
#define TIMEOUT_MS  10000 /* in which the other host acknowledges something */
#define READ_LEAST  4096
#define READ_MOST   65536

static const uint8_t magic[4] = { 'h', 'd', 'l', '1' };

struct bytes {
	uint8_t *data;
	size_t len, room;
};

struct conn {
	struct ev_loop *loop;
	struct ev_io io;
	struct ev_timer timer;
	const struct conn_role *role;
	void *ctx;
	struct node_addr peer;
	struct node_addr seen_at; /* of who connected, by the other one */
	struct ip_addr local;
	struct bytes in, out;
	uint32_t limit;
	uint16_t port; /* where this node listens */
	uint8_t kind;  /* what who connected wants */
	bool accepted, connected, open;
	bool finishing; /* closes when all is sent */
	bool in_call, gone;
};

/* ---- its end --------------------------------------------------------------------------- */

static void destroy(struct conn *c)
{
	ev_io_stop(c->loop, &c->io);
	ev_timer_stop(c->loop, &c->timer);
	close(c->io.fd);
	free(c->in.data);
	free(c->out.data);
	free(c);
}

void conn_close(struct conn *c)
{
	if (c->in_call)
		c->gone = true;
	else
		destroy(c);
}

static void fail(struct conn *c, int why)
{
	if (!c->finishing)
		c->role->ops->closed(c->ctx, c, why);
	c->in_call = false;
	destroy(c);
}

/* ---- bytes ----------------------------------------------------------------------------- */

static bool make_room(struct bytes *b, size_t more)
{
	size_t room = b->room ? b->room : READ_LEAST;
	uint8_t *data;

	while (room < b->len + more)
		room *= 2;
	if (room == b->room)
		return true;
	data = realloc(b->data, room);
	if (!data)
		return false;
	b->data = data;
	b->room = room;

	return true;
}

/* Take @n bytes off the front; what is empty costs nothing. */
static void drop(struct bytes *b, size_t n)
{
	b->len -= n;
	if (b->len > 0) {
		memmove(b->data, b->data + n, b->len);
		return;
	}
	free(b->data);
	*b = (struct bytes){ 0 };
}

static void watch(struct conn *c)
{
	int want = EV_READ | (c->out.len > 0 || !c->connected ? EV_WRITE : 0);

	if (c->finishing)
		want &= ~EV_READ;
	if ((c->io.events & (EV_READ | EV_WRITE)) == want && ev_is_active(&c->io))
		return;
	ev_io_stop(c->loop, &c->io);
	ev_io_set(&c->io, c->io.fd, want);
	ev_io_start(c->loop, &c->io);
}

static void give_time(struct conn *c, double seconds)
{
	ev_timer_stop(c->loop, &c->timer);
	ev_timer_set(&c->timer, seconds, 0);
	ev_timer_start(c->loop, &c->timer);
}

/* Return: 0, or an errno. */
static int write_out(struct conn *c)
{
	ssize_t n;

	if (!c->connected || c->out.len == 0)
		return 0;
	n = send(c->io.fd, c->out.data, c->out.len, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : errno;
	drop(&c->out, (size_t)n);
	if (c->open && n > 0)
		give_time(c, c->role->idle_s);

	return 0;
}

static bool put(struct conn *c, const void *data, size_t len)
{
	if (!make_room(&c->out, len))
		return false;
	memcpy(c->out.data + c->out.len, data, len);
	c->out.len += len;

	return true;
}

/*
 * A failure to write is left to the watcher, which finds it again: nobody who
 * sends has to expect the connection to be gone.
 */
int conn_send(struct conn *c, const uint8_t *msg, size_t len)
{
	uint8_t head[LENGTH_LEN];
	bool idle = c->out.len == 0;

	if (!c->open || c->gone || c->finishing)
		return -ENOTCONN;
	if (c->out.len + LENGTH_LEN + len > CONN_UNSENT_MAX)
		return -ENOBUFS;
	put_le32(head, (uint32_t)len);
	if (!make_room(&c->out, LENGTH_LEN + len))
		return -ENOMEM;
	put(c, head, LENGTH_LEN);
	put(c, msg, len);
	if (idle)
		write_out(c);
	watch(c);

	return 0;
}

void conn_finish(struct conn *c)
{
	if (c->out.len == 0) {
		conn_close(c);
		return;
	}
	c->finishing = true;
	watch(c);
}

/* ---- the beginning --------------------------------------------------------------------- */

static bool say_ask(struct conn *c)
{
	uint8_t ask[ASK_LEN] = { 0 };

	memcpy(ask, magic, sizeof(magic));
	ask[4] = (uint8_t)c->role->kind;
	put_le16(ask + 6, c->port);

	return put(c, ask, sizeof(ask));
}

static bool say_seen(struct conn *c)
{
	uint8_t seen[SEEN_LEN] = { 0 };

	memcpy(seen, magic, sizeof(magic));
	seen[4] = c->seen_at.ip.family == AF_INET ? 4 : 6;
	put_le16(seen + 6, c->seen_at.port);
	memcpy(seen + 8, c->seen_at.ip.b, ip_size(c->seen_at.ip.family));

	return put(c, seen, sizeof(seen));
}

static void start(struct conn *c)
{
	c->open = true;
	give_time(c, c->role->idle_s);
	c->role->ops->opened(c->ctx, c);
}

/* Return: 0, -EAGAIN: not all of it is here; another errno: it is not ours. */
static int read_ask(struct conn *c)
{
	if (c->in.len < ASK_LEN)
		return -EAGAIN;
	if (memcmp(c->in.data, magic, sizeof(magic)) != 0)
		return -EPROTO;
	c->peer.port = get_le16(c->in.data + 6);
	if (c->peer.port == 0)
		return -EPROTO;
	c->kind = c->in.data[4];
	drop(&c->in, ASK_LEN);

	return 0;
}

static int read_seen(struct conn *c)
{
	if (c->in.len < SEEN_LEN)
		return -EAGAIN;
	if (memcmp(c->in.data, magic, sizeof(magic)) != 0)
		return -EPROTO;
	c->seen_at = (struct node_addr){ .port = get_le16(c->in.data + 6),
					 .ip.family = c->in.data[4] == 4 ? AF_INET : AF_INET6 };
	memcpy(c->seen_at.ip.b, c->in.data + 8, ip_size(c->seen_at.ip.family));
	drop(&c->in, SEEN_LEN);

	return 0;
}

static int begin(struct conn *c)
{
	int r = c->accepted ? read_ask(c) : read_seen(c);

	if (r < 0)
		return r;
	if (c->accepted && !say_seen(c))
		return -ENOMEM;
	start(c);

	return 0;
}

/* ---- messages -------------------------------------------------------------------------- */

/* Return: 0, -EAGAIN: not all of one is here; another errno. */
static int next_message(struct conn *c)
{
	uint32_t len;

	if (c->in.len < LENGTH_LEN)
		return -EAGAIN;
	len = get_le32(c->in.data);
	if (len > c->limit)
		return -EMSGSIZE;
	if (c->in.len < LENGTH_LEN + len)
		return -EAGAIN;

	give_time(c, c->role->idle_s);
	c->role->ops->message(c->ctx, c, c->in.data + LENGTH_LEN, len);
	drop(&c->in, LENGTH_LEN + len);

	return 0;
}

/* How many bytes are worth waiting for: never more than a message that is allowed. */
static size_t wanted(const struct conn *c)
{
	size_t most = LENGTH_LEN + (size_t)c->limit;

	if (!c->open)
		most = c->accepted ? ASK_LEN : SEEN_LEN;
	most -= c->in.len;

	return most < READ_MOST ? most : READ_MOST;
}

/* Return: 0; ECANCELED: the other side ended it; an errno. */
static int read_in(struct conn *c)
{
	size_t want = wanted(c);
	ssize_t n;
	int r = 0;

	if (!make_room(&c->in, want))
		return ENOMEM;
	n = recv(c->io.fd, c->in.data + c->in.len, want, 0);
	if (n == 0)
		return ECANCELED;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : errno;
	c->in.len += (size_t)n;
	while (r == 0 && !c->gone && !c->finishing)
		r = c->open ? next_message(c) : begin(c);

	return r == -EAGAIN ? 0 : -r;
}

/* Return: 0, or the errno that connecting ended with. */
static int connected(struct conn *c)
{
	struct sockaddr_storage s = { 0 };
	socklen_t len = sizeof(s);
	struct node_addr here;
	int error = 0;
	socklen_t error_len = sizeof(error);

	if (getsockopt(c->io.fd, SOL_SOCKET, SO_ERROR, &error, &error_len) < 0)
		return errno;
	if (error)
		return error;
	if (getsockname(c->io.fd, (struct sockaddr *)&s, &len) == 0 && address_of_socket(&s, &here))
		c->local = here.ip;
	c->connected = true;

	return 0;
}

static void on_io(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct conn *c = io->data;
	int why = 0;

	(void)loop;
	c->in_call = true;
	if (!c->connected)
		why = connected(c);
	else if (revents & EV_READ)
		why = read_in(c);
	if (!why && !c->gone)
		why = write_out(c);
	c->in_call = false;

	if (c->gone || (c->finishing && c->out.len == 0))
		destroy(c);
	else if (why)
		fail(c, why == ECANCELED ? 0 : why);
	else
		watch(c);
}

static void on_timeout(struct ev_loop *loop, struct ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	fail(t->data, ETIMEDOUT);
}

/* ---- making one ------------------------------------------------------------------------ */

static struct conn *new_conn(struct ev_loop *loop, int fd, const struct conn_role *role, void *ctx)
{
	struct conn *c = calloc(1, sizeof(*c));
	unsigned int timeout = TIMEOUT_MS;
	int one = 1;

	if (!c)
		return NULL;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
	c->loop = loop;
	c->role = role;
	c->ctx = ctx;
	c->kind = (uint8_t)role->kind;
	c->limit = role->limit;
	ev_io_init(&c->io, on_io, fd, EV_READ);
	ev_timer_init(&c->timer, on_timeout, OPEN_MOST_S, 0);
	c->io.data = c->timer.data = c;
	ev_timer_start(loop, &c->timer);

	return c;
}

static int start_to_connect(int fd, const struct node_addr *to, const struct ip_addr *from)
{
	struct node_addr here = { .ip = *from };
	struct sockaddr_storage s;
	int one = 1;

	if (from->family == to->ip.family) {
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
		if (bind(fd, (struct sockaddr *)&s, address_to_socket(&here, &s)) < 0)
			return -errno;
	}
	if (connect(fd, (struct sockaddr *)&s, address_to_socket(to, &s)) < 0 &&
	    errno != EINPROGRESS)
		return -errno;

	return 0;
}

struct conn *conn_open(struct ev_loop *loop, const struct node_addr *to, const struct ip_addr *from,
		       uint16_t port, const struct conn_role *role, void *ctx)
{
	AUTO_FD int fd = socket(to->ip.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct conn *c;

	if (fd < 0 || start_to_connect(fd, to, from) < 0)
		return NULL;
	c = new_conn(loop, fd, role, ctx);
	if (!c)
		return NULL;
	(void)MOVE_FD(fd);
	c->peer = *to;
	c->port = port;
	if (!say_ask(c)) {
		conn_close(c);
		return NULL;
	}
	watch(c);

	return c;
}

struct conn *conn_accept(struct ev_loop *loop, int fd, const struct port_path *path,
			 const struct conn_role *role, void *ctx)
{
	struct conn *c = new_conn(loop, fd, role, ctx);

	if (!c) {
		close(fd);
		return NULL;
	}
	c->peer.ip = path->from.ip;
	c->seen_at = path->from;
	c->local = path->local;
	c->accepted = c->connected = true;
	watch(c);

	return c;
}

void conn_assign(struct conn *c, const struct conn_role *role, void *ctx)
{
	assert(c->accepted);
	c->role = role;
	c->ctx = ctx;
	c->limit = role->limit;
	give_time(c, role->idle_s);
}

void conn_set_limit(struct conn *c, uint32_t limit)
{
	c->limit = limit;
}

enum conn_kind conn_kind(const struct conn *c)
{
	return (enum conn_kind)c->kind;
}

bool conn_is_open(const struct conn *c)
{
	return c->open && !c->gone && !c->finishing;
}

const struct node_addr *conn_peer(const struct conn *c)
{
	return &c->peer;
}

const struct node_addr *conn_seen_at(const struct conn *c)
{
	return &c->seen_at;
}

struct ip_addr conn_local(const struct conn *c)
{
	return c->local;
}
