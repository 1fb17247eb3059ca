/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor-cluster - checks of networks that span hosts: netd, its nodes, the ways to them
 *
 * A host without such networks, and without netd, has nothing to be checked.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/doctor.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/link.h"
#include "lib/netd.h"

#define CONNECT_MS 2000 /* for all nodes together */
#define PEERS_MAX  256	/* that are tried; of more, the first */

/* What VXLAN adds: the outer Ethernet, IP, UDP and VXLAN headers, less the inner Ethernet's. */
#define OVERHEAD4 50
#define OVERHEAD6 70

static const char *text(const json_t *obj, const char *key)
{
	const char *value = json_string_value(json_object_get(obj, key));

	return value ? value : "";
}

static const struct network *spans_hosts(const struct doctor *d)
{
	for (size_t i = 0; i < d->store.n; i++)
		if (d->store.networks[i].scope == NETWORK_SWARM)
			return &d->store.networks[i];

	return NULL;
}

static int ask(const struct doctor *d, const char *method, json_t **ret, struct err *e)
{
	return ask_netd(d->env, method, json_object(), ASK_MS, ret, e);
}

/* ---- netd ---------------------------------------------------------------- */

static void check_status(struct doctor *d, const json_t *status, const struct network *spanning)
{
	const char *phase = text(json_object_get(status, "cluster"), "phase");

	if (spanning && strcmp(phase, "none") == 0)
		doctor_find(d, DOCTOR_ERROR, "netd join TOKEN ADDRESS",
			    "the network %s spans hosts, and this one is in no cluster",
			    spanning->name);
	else if (strcmp(phase, "none") != 0 && !json_is_true(json_object_get(status, "ready")))
		doctor_find(d, DOCTOR_ERROR, "heddle netd status",
			    "netd takes no new containers: %s", text(status, "why"));
}

/* Also of one that is up again: it and the other one take turns. */
static void check_copy(struct doctor *d, const json_t *cluster)
{
	json_int_t n = json_integer_value(json_object_get(cluster, "taken_times"));

	if (n > 0)
		doctor_find(
			d, DOCTOR_ERROR, "systemctl stop heddle-netd",
			"another process runs with the key of this node %s, as %d restarts since "
			"netd was started show: its disk was copied; stop one of the two, and let "
			"that host join anew, without what is in /var/lib/heddle",
			text(cluster, "name"), (int)n);
}

static void check_endpoints(struct doctor *d, const json_t *status)
{
	json_int_t n =
		json_integer_value(json_object_get(json_object_get(status, "networks"), "unknown"));

	if (n > 0)
		doctor_find(d, DOCTOR_ERROR, "journalctl -u heddle-netd | grep 'nor another node'",
			    "%d containers here are known neither to netd's data, which is of an "
			    "older copy, nor to another node: they have no way to other nodes; "
			    "start them again",
			    (int)n);
}

static void check_nodes(struct doctor *d, const json_t *nodes)
{
	const json_t *node;
	size_t i;

	json_array_foreach(nodes, i, node) {
		AUTO_FREE char *mend =
			doctor_text("heddle node forget --dry-run %s", text(node, "name"));

		if (strcmp(text(node, "state"), "dead") == 0)
			doctor_find(d, DOCTOR_WARNING, mend,
				    "node %s at %s has not answered for %d s: start its netd, or "
				    "forget it if it is not coming back",
				    text(node, "name"), text(node, "address"),
				    (int)json_integer_value(json_object_get(node, "state_for_s")));
	}
}

static void check_conflicts(struct doctor *d, const json_t *net)
{
	AUTO_FREE char *mend = doctor_text("heddle network rm %s", text(net, "id"));
	const json_t *c;
	size_t i;

	json_array_foreach(json_object_get(net, "conflicts"), i, c)
		doctor_find(d, DOCTOR_ERROR, mend,
			    "network %s (%s) has lost %s to network %s (%s), which is older: it "
			    "takes no new containers; stop those that it has, and remove it",
			    text(net, "name"), text(net, "id"), text(c, "text"), text(c, "network"),
			    text(c, "id"));
}

static int check_networks(struct doctor *d, struct err *e)
{
	AUTO_JSON json_t *list = NULL;
	int r = ask(d, "network.list", &list, e);
	const json_t *net;
	size_t i;

	json_array_foreach(json_object_get(list, "networks"), i, net)
		check_conflicts(d, net);

	return r;
}

int doctor_netd(struct doctor *d, struct err *e)
{
	const struct network *spanning = spans_hosts(d);
	AUTO_JSON json_t *status = NULL;
	AUTO_JSON json_t *list = NULL;
	struct err why;
	int r = ask(d, "status", &status, &why);

	if (r < 0 && spanning)
		doctor_find(d, DOCTOR_ERROR, "systemctl start heddle-netd",
			    "the network %s spans hosts, and takes no new containers: %s",
			    spanning->name, why.msg);
	if (r < 0)
		return 0;
	check_status(d, status, spanning);
	check_copy(d, json_object_get(status, "cluster"));
	check_endpoints(d, status);
	if (strcmp(text(json_object_get(status, "cluster"), "phase"), "up") != 0)
		return 0;
	r = ask(d, "node.list", &list, e);
	if (r == 0)
		check_nodes(d, json_object_get(list, "nodes"));

	return r < 0 ? r : check_networks(d, e);
}

/* ---- the ways to other nodes ---------------------------------------------- */

struct peer {
	const char *name, *address, *ip; /* borrowed from the list */
	struct sockaddr_storage to;
	socklen_t len;
	struct pollfd *fd;
	int error; /* of the connection */
};

struct peers {
	struct peer v[PEERS_MAX];
	struct pollfd fds[PEERS_MAX];
	size_t n;
};

/* "10.0.0.1:4794", "[fd00::1]:4794" */
static bool read_address(struct peer *p)
{
	const char *colon = strrchr(p->address, ':');
	struct sockaddr_in *in = (struct sockaddr_in *)&p->to;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&p->to;
	char host[IP_STRLEN + 2];
	struct ip_addr ip;
	in_port_t port;
	size_t len;

	if (!colon || (size_t)(colon - p->address) >= sizeof(host))
		return false;
	port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	len = (size_t)(colon - p->address);
	memcpy(host, p->address, len);
	host[len] = '\0';
	if (*host == '[' && host[len - 1] == ']') {
		memmove(host, host + 1, len - 2);
		host[len - 2] = '\0';
	}
	if (ip_parse(host, &ip) < 0)
		return false;
	if (ip.family == AF_INET) {
		in->sin_family = AF_INET;
		in->sin_port = port;
		memcpy(&in->sin_addr, ip.b, 4);
		p->len = sizeof(*in);
	} else {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = port;
		memcpy(&in6->sin6_addr, ip.b, 16);
		p->len = sizeof(*in6);
	}

	return true;
}

static void begin_connect(struct peers *peers, const json_t *node)
{
	struct peer *p = &peers->v[peers->n];

	*p = (struct peer){ .name = text(node, "name"),
			    .address = text(node, "address"),
			    .ip = text(node, "ip") };
	if (!read_address(p))
		return;
	p->fd = &peers->fds[peers->n];
	p->fd->events = POLLOUT;
	p->fd->fd = socket(p->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd->fd < 0)
		return;
	if (connect(p->fd->fd, (struct sockaddr *)&p->to, p->len) < 0)
		p->error = errno;
	peers->n++;
}

/* Those that are alive answer at once; one that does not is waited for with the others. */
static void finish_connects(struct peers *peers)
{
	const int64_t deadline = clock_ms() + CONNECT_MS;
	size_t waiting = peers->n;
	int64_t left;

	while (waiting > 0 && (left = deadline - clock_ms()) > 0) {
		if (poll(peers->fds, peers->n, (int)left) < 0 && errno != EINTR)
			return;
		waiting = 0;
		for (size_t i = 0; i < peers->n; i++) {
			struct peer *p = &peers->v[i];
			socklen_t len = sizeof(p->error);

			if (p->fd->fd >= 0 && p->fd->revents)
				(void)getsockopt(p->fd->fd, SOL_SOCKET, SO_ERROR, &p->error, &len);
			if (p->error == EINPROGRESS) {
				waiting++;
			} else if (p->fd->fd >= 0) {
				/* poll() passes over it. */
				close(p->fd->fd);
				p->fd->fd = -1;
			}
		}
	}
}

static void close_all(struct peers *peers)
{
	for (size_t i = 0; i < peers->n; i++)
		if (peers->fds[i].fd >= 0)
			close(peers->fds[i].fd);
}

static void check_connection(struct doctor *d, const struct peer *p)
{
	if (p->error == 0)
		return;
	doctor_find(
		d, DOCTOR_ERROR, "nft list ruleset",
		"node %s cannot be reached by TCP at %s: %s; that port, by UDP and TCP, and the "
		"one of VXLAN must be open on both hosts",
		p->name, p->address, p->error == EINPROGRESS ? "no answer" : strerror(p->error));
}

/* Bytes of the largest packet that the way to a node takes, as far as this host knows; 0: not. */
static int path_mtu(const struct peer *p)
{
	AUTO_FD int fd = socket(p->to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ipv6 = p->to.ss_family == AF_INET6;
	int mtu = 0;
	socklen_t len = sizeof(mtu);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&p->to, p->len) < 0 ||
	    getsockopt(fd, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, ipv6 ? IPV6_MTU : IP_MTU, &mtu, &len) <
		    0)
		return 0;

	return mtu;
}

static void check_mtu(struct doctor *d, const struct peer *p, const struct network *net)
{
	int overhead = p->to.ss_family == AF_INET6 ? OVERHEAD6 : OVERHEAD4;
	AUTO_FREE char *mend = NULL;
	int mtu = path_mtu(p);
	struct link bridge;

	if (!net->link || mtu == 0 || link_get(d->route, net->link, &bridge, NULL) < 0 ||
	    (int)bridge.mtu + overhead <= mtu)
		return;
	mend = doctor_text("ip route get %s", p->ip);
	doctor_find(
		d, DOCTOR_ERROR, mend,
		"packets of network %s have up to %u bytes and %d more on the way to node %s, "
		"which takes %d: large ones are lost; raise the MTU between the hosts, or create "
		"the network with -o com.docker.network.driver.mtu=%d",
		net->name, bridge.mtu, overhead, p->name, mtu, mtu - overhead);
}

static void check_peer(struct doctor *d, const struct peer *p)
{
	check_connection(d, p);
	for (size_t i = 0; i < d->store.n; i++)
		if (d->store.networks[i].scope == NETWORK_SWARM)
			check_mtu(d, p, &d->store.networks[i]);
}

int doctor_tunnels(struct doctor *d, struct err *e)
{
	AUTO_FREE struct peers *peers = calloc(1, sizeof(*peers));
	AUTO_JSON json_t *list = NULL;
	const json_t *node;
	size_t i;

	if (!peers)
		return err_sys(e, ENOMEM, "look at the ways to other nodes");
	/* That netd is not there is another check's finding. */
	if (ask(d, "node.list", &list, NULL) < 0)
		return 0;
	json_array_foreach(json_object_get(list, "nodes"), i, node) {
		if (peers->n < PEERS_MAX && strcmp(text(node, "state"), "alive") == 0 &&
		    !json_is_true(json_object_get(node, "self")))
			begin_connect(peers, node);
	}
	finish_connects(peers);
	for (i = 0; i < peers->n; i++)
		check_peer(d, &peers->v[i]);
	close_all(peers);

	return 0;
}
