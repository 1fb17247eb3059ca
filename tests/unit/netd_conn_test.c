/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit tests of netd/conn.c: the test is who connects, byte by byte. */
#include <errno.h>
#include <ev.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "netd/conn.h"

#define ROUNDS 1000 /* turns of the loop in which something has to happen */

/* What an accepted connection has told, and what it does when it gets a message. */
struct heard {
	struct ev_loop *loop;
	struct conn *conn;
	int fd; /* the test's end */
	bool opened, closed;
	int why;
	unsigned int messages;
	uint8_t last[64];
	size_t last_len;
	bool close_at_message, finish_at_message;
};

static void on_opened(void *ctx, struct conn *c)
{
	struct heard *h = ctx;

	assert_ptr_equal(c, h->conn);
	h->opened = true;
}

static void on_message(void *ctx, struct conn *c, const uint8_t *msg, size_t len)
{
	struct heard *h = ctx;

	h->messages++;
	h->last_len = len < sizeof(h->last) ? len : sizeof(h->last);
	memcpy(h->last, msg, h->last_len);
	if (h->close_at_message)
		conn_close(c);
	if (h->finish_at_message) {
		assert_int_equal(conn_send(c, (const uint8_t *)"bye", 3), 0);
		conn_finish(c);
	}
}

static void on_closed(void *ctx, struct conn *c, int why)
{
	struct heard *h = ctx;

	assert_ptr_equal(c, h->conn);
	h->closed = true;
	h->why = why;
}

static const struct conn_ops ops = {
	.opened = on_opened,
	.message = on_message,
	.closed = on_closed,
};

static const struct conn_role role = { .limit = 100, .idle_s = 60, .ops = &ops };

static struct heard accept_one(void)
{
	const struct port_path path = {
		.from = { .ip = { .family = AF_INET, .b = { 192, 0, 2, 7 } }, .port = 5555 },
	};
	struct heard h = { .loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV) };
	int fds[2];

	assert_non_null(h.loop);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	h.fd = fds[0];
	h.conn = conn_accept(h.loop, fds[1], &path, &role, NULL);
	assert_non_null(h.conn);

	return h;
}

/* The address of @h is known now. */
static void begin(struct heard *h)
{
	conn_assign(h->conn, &role, h);
}

static void end(struct heard *h)
{
	if (h->conn && !h->closed)
		conn_close(h->conn);
	close(h->fd);
	ev_loop_destroy(h->loop);
}

static void turn(struct heard *h)
{
	for (unsigned int i = 0; i < ROUNDS; i++)
		ev_run(h->loop, EVRUN_NOWAIT);
}

static void put(struct heard *h, const void *bytes, size_t len)
{
	assert_int_equal(write(h->fd, bytes, len), (ssize_t)len);
	turn(h);
}

static const uint8_t ask[8] = { 'h', 'd', 'l', '1', CONN_HANDSHAKE, 0, 0xba, 0x12 };

static void who_connects_is_told_where_it_is_seen(void **state)
{
	static const uint8_t seen[24] = { 'h',	      'd',	 'l', '1', 4, 0,
					  5555 & 255, 5555 >> 8, 192, 0,   2, 7 };
	struct heard h = accept_one();
	uint8_t answer[100];

	(void)state;
	begin(&h);
	put(&h, ask, sizeof(ask));
	assert_true(h.opened);
	assert_int_equal(conn_kind(h.conn), CONN_HANDSHAKE);
	assert_int_equal(conn_peer(h.conn)->port, 0x12ba);
	assert_int_equal(conn_peer(h.conn)->ip.b[3], 7);
	assert_int_equal(read(h.fd, answer, sizeof(answer)), sizeof(seen));
	assert_memory_equal(answer, seen, sizeof(seen));
	end(&h);
}

static void messages_come_whole_however_they_are_cut(void **state)
{
	static const uint8_t two[] = { 3, 0, 0, 0, 'a', 'b', 'c', 2, 0, 0, 0, 'd', 'e' };
	struct heard h = accept_one();

	(void)state;
	begin(&h);
	put(&h, ask, sizeof(ask));
	for (size_t i = 0; i < sizeof(two); i++) {
		put(&h, two + i, 1);
		assert_int_equal(h.messages, i < 6 ? 0 : i < sizeof(two) - 1 ? 1 : 2);
	}
	put(&h, two, sizeof(two));
	assert_int_equal(h.messages, 4);
	assert_int_equal(h.last_len, 2);
	assert_memory_equal(h.last, "de", 2);
	end(&h);
}

static void a_message_that_is_too_long_ends_it(void **state)
{
	static const uint8_t longer[] = { 101, 0, 0, 0 };
	struct heard h = accept_one();

	(void)state;
	begin(&h);
	put(&h, ask, sizeof(ask));
	put(&h, longer, sizeof(longer));
	assert_true(h.closed);
	assert_int_equal(h.why, EMSGSIZE);
	assert_int_equal(h.messages, 0);
	end(&h);
}

static void what_is_not_ours_ends_it(void **state)
{
	struct heard h = accept_one();

	(void)state;
	begin(&h);
	put(&h, "GET / HTTP/1.1\r\n", 16);
	assert_true(h.closed && !h.opened);
	assert_int_equal(h.why, EPROTO);
	end(&h);
}

static void the_other_side_may_end_it(void **state)
{
	struct heard h = accept_one();

	(void)state;
	begin(&h);
	put(&h, ask, sizeof(ask));
	assert_int_equal(shutdown(h.fd, SHUT_WR), 0);
	turn(&h);
	assert_true(h.closed);
	assert_int_equal(h.why, 0);
	end(&h);
}

static void it_may_be_closed_by_who_gets_a_message(void **state)
{
	static const uint8_t two[] = { 1, 0, 0, 0, 'a', 1, 0, 0, 0, 'b' };
	struct heard h = accept_one();
	uint8_t byte[100];

	(void)state;
	begin(&h);
	h.close_at_message = true;
	put(&h, ask, sizeof(ask));
	put(&h, two, sizeof(two));
	assert_int_equal(h.messages, 1);
	assert_false(h.closed);
	assert_int_equal(read(h.fd, byte, sizeof(byte)), 24);
	assert_int_equal(read(h.fd, byte, sizeof(byte)), 0);
	h.conn = NULL;
	end(&h);
}

static void what_waits_is_sent_before_it_is_finished(void **state)
{
	static const uint8_t one[] = { 1, 0, 0, 0, 'a' };
	struct heard h = accept_one();
	uint8_t bytes[100];

	(void)state;
	begin(&h);
	h.finish_at_message = true;
	put(&h, ask, sizeof(ask));
	put(&h, one, sizeof(one));
	assert_int_equal(read(h.fd, bytes, sizeof(bytes)), 24 + 4 + 3);
	assert_memory_equal(bytes + 24, "\3\0\0\0bye", 7);
	assert_int_equal(read(h.fd, bytes, sizeof(bytes)), 0);
	assert_false(h.closed);
	h.conn = NULL;
	end(&h);
}

static void a_reader_that_does_not_read_is_not_sent_for_ever(void **state)
{
	static const uint8_t large[64 * 1024];
	struct heard h = accept_one();
	unsigned int n = 0;

	(void)state;
	begin(&h);
	put(&h, ask, sizeof(ask));
	while (n < 1000 && conn_send(h.conn, large, sizeof(large)) == 0)
		n++;
	assert_in_range(n, 1, 1000 - 1);
	assert_int_equal(conn_send(h.conn, large, sizeof(large)), -ENOBUFS);
	assert_true(conn_is_open(h.conn));
	end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_connects_is_told_where_it_is_seen),
		cmocka_unit_test(messages_come_whole_however_they_are_cut),
		cmocka_unit_test(a_message_that_is_too_long_ends_it),
		cmocka_unit_test(what_is_not_ours_ends_it),
		cmocka_unit_test(the_other_side_may_end_it),
		cmocka_unit_test(it_may_be_closed_by_who_gets_a_message),
		cmocka_unit_test(what_waits_is_sent_before_it_is_finished),
		cmocka_unit_test(a_reader_that_does_not_read_is_not_sent_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
