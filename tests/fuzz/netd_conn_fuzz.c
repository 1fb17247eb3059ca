/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netd_conn_fuzz - any bytes from who is at the other end of a connection
 *
 * Through a real socket, cut into pieces as the input says; a byte at its beginning
 * says whether the other end has connected, or was connected to, and what is done with the
 * messages: they are kept, answered, or the connection is closed in the middle of
 * one.  Whatever comes: what is told is told in order, no message is longer than the
 * limit, and all of them are what the bytes say, however they were cut.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netd/address.h"
#include "netd/conn.h"
#include "overlay/bytes.h"

#define LIMIT  300 /* bytes of a message */
#define TURNS  20  /* of the loop, for what a piece sets going */
#define OPENED 8   /* bytes of who connects, before messages … */
#define SEEN   24  /* … and of who is connected to */

enum { CONNECTS = 1, ANSWER = 2, CLOSE = 4, FINISH = 8 };

/* One connection, as its user has been told of it. */
struct end {
	struct conn *conn; /* NULL: it is over */
	uint8_t how;
	bool opened;
	const uint8_t *bytes; /* messages as they are to come, */
	size_t len;	      /* and how many bytes are left of them */
	unsigned int messages;
};

static void on_opened(void *ctx, struct conn *c)
{
	struct end *e = ctx;

	MUST(c == e->conn && !e->opened && conn_is_open(c));
	e->opened = true;
}

/* A length, and what it says: the next of the input's. */
static void take(struct end *e, const uint8_t *msg, size_t len)
{
	MUST(e->len >= 4 + len);
	MUST(get_le32(e->bytes) == len);
	MUST(memcmp(e->bytes + 4, msg, len) == 0);
	e->bytes += 4 + len;
	e->len -= 4 + len;
}

static void on_message(void *ctx, struct conn *c, const uint8_t *msg, size_t len)
{
	struct end *e = ctx;

	MUST(c == e->conn && e->opened && len <= LIMIT);
	take(e, msg, len);
	e->messages++;
	if (e->how & ANSWER)
		MUST(conn_send(c, msg, len) == 0);
	if (e->how & FINISH)
		conn_finish(c);
	else if (e->how & CLOSE)
		conn_close(c);
	if (e->how & (FINISH | CLOSE))
		e->conn = NULL;
}

static void on_closed(void *ctx, struct conn *c, int why)
{
	struct end *e = ctx;

	(void)c;
	MUST(e->conn && why >= 0);
	e->conn = NULL;
}

static const struct conn_ops ops = {
	.opened = on_opened,
	.message = on_message,
	.closed = on_closed,
};

static const struct conn_role role = {
	.kind = CONN_ENGINE,
	.limit = LIMIT,
	.idle_s = 60,
	.ops = &ops,
};

/* ---- both ends ------------------------------------------------------------------------ */

static struct ev_loop *loop;
static struct node_addr listener_at = { .ip = { .family = AF_INET, .b = { 127, 0, 0, 1 } } };

static int make_listener(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage s;
	socklen_t len = address_to_socket(&listener_at, &s);

	MUST(fd >= 0 && bind(fd, (struct sockaddr *)&s, len) == 0 && listen(fd, 8) == 0);
	MUST(getsockname(fd, (struct sockaddr *)&s, &len) == 0);
	MUST(address_of_socket(&s, &listener_at));

	return fd;
}

static void turn(void)
{
	for (int i = 0; i < TURNS; i++)
		ev_run(loop, EVRUN_NOWAIT);
}

/*
 * It connects to us.  Return: our end, which sends every piece at once, and resets it when it
 * closes: ports are not to run out.
 */
static int connect_one(struct end *e)
{
	static const struct linger reset = { .l_onoff = 1 };
	static const struct ip_addr any;
	static int listener = -1;
	int fd, on = 1;

	if (listener < 0)
		listener = make_listener();
	e->conn = conn_open(loop, &listener_at, &any, 4794, &role, e);
	MUST(e->conn);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	MUST(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0);
	MUST(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
	turn();

	return fd;
}

static int accept_one(struct end *e)
{
	static const struct port_path path = {
		.from = { .ip = { .family = AF_INET, .b = { 192, 0, 2, 7 } }, .port = 5555 },
	};
	int fds[2];

	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	e->conn = conn_accept(loop, fds[1], &path, &role, e);
	MUST(e->conn);

	return fds[0];
}

/* A piece has as many bytes as its first one says. */
static void send_pieces(struct end *e, int fd, const uint8_t *data, size_t size)
{
	uint8_t drop[4096];

	while (size > 0 && e->conn) {
		size_t piece = 1 + (size_t)*data % size;

		if (send(fd, data, piece, MSG_NOSIGNAL) != (ssize_t)piece)
			return;
		turn();
		while (recv(fd, drop, sizeof(drop), MSG_DONTWAIT) > 0)
			;
		data += piece;
		size -= piece;
	}
}

/* All that is whole and allowed has come, unless it was closed. */
static void check_told(const struct end *e)
{
	if (!e->conn || !e->opened)
		return;
	MUST(e->len < 4 || (get_le32(e->bytes) <= LIMIT && e->len < 4 + get_le32(e->bytes)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct end e = { 0 };
	size_t before;
	int fd;

	if (size < 1)
		return 0;
	if (!loop)
		loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	e.how = *data++;
	size--;
	before = e.how & CONNECTS ? SEEN : OPENED;
	if (size > before) {
		e.bytes = data + before;
		e.len = size - before;
	}
	fd = e.how & CONNECTS ? connect_one(&e) : accept_one(&e);
	send_pieces(&e, fd, data, size);
	check_told(&e);
	close(fd);
	turn();
	MUST(!e.conn || (e.how & CONNECTS));
	if (e.conn)
		conn_close(e.conn);

	return 0;
}
