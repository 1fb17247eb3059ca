/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netd_docker_fuzz - any bytes from dockerd, or from who pretends to be it
 *
 * Through a real socket, as HTTP; what begins as an object is the body of a call.  A call
 * is read as CreateNetwork's and as CreateEndpoint's, and answered.  What is taken can be
 * made: its names have room, its addresses their family.
 */
#include "tests/fuzz/fuzz.h"

#include <ev.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/jnode.h"
#include "netd/docker-network.h"
#include "netd/http.h"

#define TURNS 12 /* of the loop, for what a piece sets going */

/* ---- what a call says ----------------------------------------------------------------- */

static void check_network(const struct docker_network *n)
{
	MUST(strnlen(n->id, sizeof(n->id)) <= DOCKER_ID_MAX);
	MUST(strnlen(n->bridge, sizeof(n->bridge)) < IFNAMSIZ);
	MUST(strnlen(n->shared, sizeof(n->shared)) <= NETWORK_NAME_MAX);
	for (int i = 0; i < DOCKER_FAMILIES; i++) {
		const struct docker_subnet *s = &n->subnets[i];

		if (!ip_is_set(&s->net.addr))
			continue;
		MUST(s->net.addr.family == (i == 0 ? AF_INET : AF_INET6));
		MUST(s->net.len <= ip_bits(s->net.addr.family));
		MUST(!ip_is_set(&s->gateway) || ip_net_contains(&s->net, &s->gateway));
	}
}

static void check_endpoint(const struct docker_endpoint *ep)
{
	MUST(strnlen(ep->id, sizeof(ep->id)) <= DOCKER_ID_MAX);
	MUST(strnlen(ep->network, sizeof(ep->network)) <= DOCKER_ID_MAX);
	MUST(mac_is_station(ep->mac));
}

static void called(void *ctx, struct http_call *call, const char *path, json_t *body)
{
	const struct jnode root = jn_root(body);
	struct docker_endpoint ep = { 0 };
	struct docker_network n = { 0 };
	struct err e = { 0 };
	bool has_mac = false;

	(void)ctx;
	MUST(json_is_object(body) && path); /* libmicrohttpd takes any word for one */
	if (docker_network_read(&root, &n, &e) == 0)
		check_network(&n);
	else
		MUST(*e.msg);
	if (docker_endpoint_read(&root, &ep, &has_mac, &e) == 0)
		check_endpoint(&ep);
	else
		MUST(*e.msg);
	http_answer(call, 200, json_object());
}

static json_t *late(void *ctx, const char *path)
{
	(void)ctx;
	(void)path;

	return json_object();
}

static json_t *refused(void *ctx, const char *why)
{
	(void)ctx;

	return json_pack("{s:s}", "Err", why);
}

/* ---- the socket ----------------------------------------------------------------------- */

static struct ev_loop *loop;
static struct sockaddr_un at = { .sun_family = AF_UNIX };

static void begin(void)
{
	static const struct http_api api = { .called = called, .late = late, .refused = refused };
	static struct http *http;
	int fd;

	if (loop)
		return;
	loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* An abstract name, which leaves no file. */
	snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "heddle-docker-fuzz-%d", (int)getpid());
	MUST(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 8) == 0);
	MUST(http_open(loop, fd, &api, &http, NULL) == 0);
}

static void turn(int fd)
{
	char drop[4096];

	for (int i = 0; i < TURNS; i++) {
		ev_run(loop, EVRUN_NOWAIT);
		while (recv(fd, drop, sizeof(drop), MSG_DONTWAIT) > 0)
			;
	}
}

static void send_raw(int fd, const uint8_t *data, size_t size)
{
	(void)send(fd, data, size, MSG_NOSIGNAL);
	turn(fd);
}

static void send_call(int fd, const uint8_t *data, size_t size)
{
	char head[128];
	int len = snprintf(head, sizeof(head),
			   "POST /NetworkDriver.CreateNetwork HTTP/1.1\r\nHost: x\r\n"
			   "Content-Length: %zu\r\n\r\n",
			   size);

	(void)send(fd, head, (size_t)len, MSG_NOSIGNAL);
	send_raw(fd, data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd;

	if (size == 0)
		return 0;
	begin();
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	MUST(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	turn(fd);
	if (*data == '{')
		send_call(fd, data, size);
	else
		send_raw(fd, data, size);
	close(fd);
	for (int i = 0; i < TURNS; i++)
		ev_run(loop, EVRUN_NOWAIT);

	return 0;
}
