/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit tests of netd/port.c, over the loopback device. */
#include <arpa/inet.h>
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

#include "lib/cleanup.h"
#include "lib/err.h"
#include "netd/address.h"
#include "netd/port.h"
#include "overlay/env.h"

#define WAIT_S 10

struct heard {
	struct ev_loop *loop;
	struct ev_timer patience;
	struct port *port;
	struct node_addr addr;
	unsigned int datagrams, connections;
	struct port_path path;
	uint8_t data[DATAGRAM_MAX];
	size_t len;
};

static void on_datagram(void *ctx, const struct port_path *path, const uint8_t *data, size_t len)
{
	struct heard *h = ctx;

	assert_in_range(len, 1, DATAGRAM_MAX);
	h->datagrams++;
	h->path = *path;
	h->len = len;
	memcpy(h->data, data, len);
}

static void on_accepted(void *ctx, int fd, const struct port_path *path)
{
	struct heard *h = ctx;

	h->connections++;
	h->path = *path;
	close(fd);
}

static const struct port_ops ops = { .datagram = on_datagram, .accepted = on_accepted };

static void out_of_patience(struct ev_loop *loop, struct ev_timer *t, int revents)
{
	(void)loop;
	(void)t;
	(void)revents;
	fail_msg("nothing came");
}

/* A port of both kinds that nobody has: found by trying. */
static void listen_on(struct heard *h, const char *ip)
{
	struct err e = { 0 };
	int r = -EADDRINUSE;

	*h = (struct heard){ .loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV) };
	assert_non_null(h->loop);
	assert_int_equal(ip_parse(ip, &h->addr.ip), 0);
	for (unsigned int i = 0; r == -EADDRINUSE && i < 100; i++) {
		h->addr.port = (uint16_t)(20000 + (unsigned int)getpid() % 5000 + i);
		r = port_open(h->loop, &h->addr, 1, &ops, h, &h->port, &e);
	}
	if (r < 0)
		fail_msg("%s", e.msg);
	ev_timer_init(&h->patience, out_of_patience, WAIT_S, 0);
	ev_timer_start(h->loop, &h->patience);
}

static void end(struct heard *h)
{
	ev_timer_stop(h->loop, &h->patience);
	port_close(h->port);
	ev_loop_destroy(h->loop);
}

/* A socket of @type that is connected to @ip at the port. */
static int dial(const struct heard *h, const char *ip, int type)
{
	struct node_addr to = { .port = h->addr.port };
	struct sockaddr_storage s;
	int fd;

	assert_int_equal(ip_parse(ip, &to.ip), 0);
	fd = socket(to.ip.family, type, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&s, address_to_socket(&to, &s)), 0);

	return fd;
}

static void an_answer_leaves_from_the_address_that_was_asked(void **state)
{
	struct heard h;
	AUTO_FD int fd = -1;
	char answer[16], text[IP_STRLEN];

	(void)state;
	listen_on(&h, "0.0.0.0");
	fd = dial(&h, "127.0.0.5", SOCK_DGRAM);
	assert_int_equal(send(fd, "hello", 5, 0), 5);
	while (h.datagrams == 0)
		ev_run(h.loop, EVRUN_ONCE);
	assert_string_equal(ip_str(&h.path.local, text), "127.0.0.5");
	assert_memory_equal(h.data, "hello", 5);
	/* A connected socket takes it from nowhere else. */
	assert_int_equal(port_send(h.port, &h.path.from, &h.path.local, (const uint8_t *)"hi", 2),
			 0);
	assert_int_equal(recv(fd, answer, sizeof(answer), 0), 2);
	end(&h);
}

static void what_is_too_large_or_empty_is_counted(void **state)
{
	static const uint8_t bytes[DATAGRAM_MAX + 1];
	const struct port_counters *n;
	struct heard h;
	AUTO_FD int fd = -1;

	(void)state;
	listen_on(&h, "127.0.0.1");
	n = port_counters(h.port);
	fd = dial(&h, "127.0.0.1", SOCK_DGRAM);
	assert_int_equal(send(fd, bytes, 0, 0), 0);
	assert_int_equal(send(fd, bytes, DATAGRAM_MAX + 1, 0), DATAGRAM_MAX + 1);
	assert_int_equal(send(fd, bytes, DATAGRAM_MAX, 0), DATAGRAM_MAX);
	while (h.datagrams == 0)
		ev_run(h.loop, EVRUN_ONCE);
	assert_int_equal(h.len, DATAGRAM_MAX);
	assert_int_equal(n->datagrams_in, 3);
	assert_int_equal(n->empty, 1);
	assert_int_equal(n->giant, 1);
	end(&h);
}

static void all_that_waits_is_drained(void **state)
{
	struct heard h;
	AUTO_FD int fd = -1;

	(void)state;
	listen_on(&h, "127.0.0.1");
	fd = dial(&h, "127.0.0.1", SOCK_DGRAM);
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(send(fd, "x", 1, 0), 1);
	port_drain(h.port);
	assert_int_equal(h.datagrams, 100);
	end(&h);
}

static void connections_are_handed_over(void **state)
{
	struct heard h;
	AUTO_FD int fd = -1;
	char text[IP_STRLEN];

	(void)state;
	listen_on(&h, "0.0.0.0");
	fd = dial(&h, "127.0.0.9", SOCK_STREAM);
	assert_true(fd >= 0);
	while (h.connections == 0)
		ev_run(h.loop, EVRUN_ONCE);
	assert_string_equal(ip_str(&h.path.local, text), "127.0.0.9");
	assert_int_equal(port_counters(h.port)->accepted, 1);
	end(&h);
}

static void a_port_that_is_taken_is_named(void **state)
{
	struct heard h;
	struct port *second = NULL;
	struct err e = { 0 };
	char text[ADDRESS_STRLEN];

	(void)state;
	listen_on(&h, "127.0.0.1");
	assert_int_equal(port_open(h.loop, &h.addr, 1, &ops, &h, &second, &e), -EADDRINUSE);
	assert_null(second);
	assert_non_null(strstr(e.msg, address_str(&h.addr, text)));
	end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_leaves_from_the_address_that_was_asked),
		cmocka_unit_test(what_is_too_large_or_empty_is_counted),
		cmocka_unit_test(all_that_waits_is_drained),
		cmocka_unit_test(connections_are_handed_over),
		cmocka_unit_test(a_port_that_is_taken_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
