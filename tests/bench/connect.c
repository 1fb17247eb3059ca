/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * connect - how long a connection through a published port takes
 *
 * The lane's client, a container without ports, connects to the port at the
 * address of its gateway, so the packet comes to the host from outside, is
 * translated, and goes on to the container.  The clock runs while connect(2)
 * does: until the answer to the first packet is back, and no longer, as nobody
 * needs to accept.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define CONNECTIONS 21

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int tcp_socket(int netns)
{
	int fd;

	if (setns(netns, CLONE_NEWNET) < 0)
		die("enter a container");
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("make a socket");

	return fd;
}

static int server_open(const struct container *c)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(80) };
	int fd = tcp_socket(c->netns);

	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 2 * CONNECTIONS) < 0)
		die("listen in a container");

	return fd;
}

/* Where the client finds its host. */
static struct sockaddr_in port_of_host(const struct container *client)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PUBLISHED_PORT) };
	json_t *result = json_loads(client->result, 0, NULL);
	const json_t *ip = json_array_get(json_object_get(result, "ips"), 0);
	const char *gateway = json_string_value(json_object_get(ip, "gateway"));

	errno = 0;
	if (!gateway || inet_pton(AF_INET, gateway, &at.sin_addr) != 1)
		die("the client's result has no gateway: %s", client->result);
	json_decref(result);

	return at;
}

/* It ends with a reset, so that no port stays taken. */
static double connect_once(const struct container *client, const struct sockaddr_in *at)
{
	static const struct linger reset = { .l_onoff = 1 };
	int fd = tcp_socket(client->netns);
	struct timespec start;
	double ms;

	clock_gettime(CLOCK_MONOTONIC, &start);
	if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) < 0)
		die("connect to the published port");
	ms = ms_since(&start);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);

	return ms;
}

struct sample connect_run(const struct lane *lane)
{
	const struct sockaddr_in at = port_of_host(&lane->client);
	int server = server_open(&lane->containers[0]);
	double ms[CONNECTIONS];

	(void)connect_once(&lane->client, &at); /* asks for addresses */
	for (size_t i = 0; i < CONNECTIONS; i++)
		ms[i] = connect_once(&lane->client, &at);
	close(server);
	qsort(ms, CONNECTIONS, sizeof(*ms), compare);

	return (struct sample){ .ms = ms[CONNECTIONS / 2] };
}
