/* SPDX-License-Identifier: GPL-2.0-or-later */
/* portmappings - see portmappings.h. */
#include "lib/portmappings.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/jnode.h"

#define PORTS_MAX 65535

static const struct {
	const char *name;
	uint8_t proto;
} protocols[] = {
	{ "tcp", IPPROTO_TCP },
	{ "udp", IPPROTO_UDP },
	{ "sctp", IPPROTO_SCTP },
};

const char *portmappings_proto_name(uint8_t proto)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (protocols[i].proto == proto)
			return protocols[i].name;
	}

	return "?";
}

struct list {
	struct publish_port *ports;
	size_t n, room;
};

/* One entry as it is written. */
struct entry {
	uint32_t host_port, port, range;
	struct ip_addr host_ip;
	uint8_t proto;
};

static int read_proto(const struct jnode *n, void *data, struct err *e)
{
	struct entry *entry = data;
	const char *text;
	int r = jn_str(n, &text, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (strcasecmp(text, protocols[i].name) == 0) {
			entry->proto = protocols[i].proto;
			return 0;
		}
	}

	return *text ? jn_bad(n, e, "\"%s\" is none of tcp, udp, sctp", text) : 0;
}

static int read_host_ip(const struct jnode *n, void *data, struct err *e)
{
	struct entry *entry = data;
	const char *text;
	int r = jn_str(n, &text, e);

	if (r < 0 || !*text)
		return r;
	r = jn_ip(n, &entry->host_ip, e);
	if (r == 0 && entry->host_ip.family == AF_INET6 && ip_is_loopback(&entry->host_ip))
		return jn_bad(
			n, e,
			"::1 cannot be published: the kernel does not route IPv6 loopback "
			"addresses, so no NAT can; publish 127.0.0.1, or an address of the host");

	return r;
}

static int read_entry(const struct jnode *n, const struct ip_addr *bind, struct entry *ret,
		      struct err *e)
{
	static const struct jn_key keys[] = {
		{ "hostPort", JN_U32, offsetof(struct entry, host_port), 1, PORTS_MAX },
		{ "containerPort", JN_U32, offsetof(struct entry, port), 1, PORTS_MAX },
		{ "range", JN_U32, offsetof(struct entry, range), 1, PORTS_MAX },
		{ "protocol", JN_CALL, 0, .call = read_proto },
		{ "hostIP", JN_CALL, 0, .call = read_host_ip },
		{ 0 },
	};
	struct entry entry = { .proto = IPPROTO_TCP, .range = 1, .host_ip = *bind };
	int r = jn_read(n, keys, &entry, e);

	if (r < 0)
		return r;
	if (!entry.host_port || !entry.port)
		return jn_bad(n, e, "hostPort and containerPort must both be given");
	if (entry.host_port + entry.range - 1 > PORTS_MAX ||
	    entry.port + entry.range - 1 > PORTS_MAX)
		return jn_bad(n, e,
			      "a range of %u ports from hostPort %u and containerPort %u ends "
			      "above 65535",
			      entry.range, entry.host_port, entry.port);
	*ret = entry;

	return 0;
}

static int add(struct list *list, const struct publish_port *port, struct err *e)
{
	if (list->n == list->room) {
		size_t room = list->room ? 2 * list->room : 8;
		struct publish_port *bigger = reallocarray(list->ports, room, sizeof(*bigger));

		if (!bigger)
			return err_sys(e, ENOMEM, "list the published ports");
		list->ports = bigger;
		list->room = room;
	}
	list->ports[list->n++] = *port;

	return 0;
}

/* Port number @i of an entry; without an address, the unspecified one of each family. */
static int add_port(struct list *list, const struct entry *entry, uint32_t i, struct err *e)
{
	struct publish_port port = {
		.proto = entry->proto,
		.host_port = (uint16_t)(entry->host_port + i),
		.port = (uint16_t)(entry->port + i),
		.host_ip = entry->host_ip,
	};
	int r;

	if (ip_is_set(&port.host_ip))
		return add(list, &port, e);
	port.host_ip.family = AF_INET;
	r = add(list, &port, e);
	port.host_ip.family = AF_INET6;

	return r < 0 ? r : add(list, &port, e);
}

static int read_all(const struct jnode *n, const struct ip_addr *bind, struct list *list,
		    struct err *e)
{
	uint32_t ports = 0;
	int r = jn_array(n, e);

	for (size_t i = 0; r == 0 && i < jn_count(n); i++) {
		struct jnode item = jn_item(n, i);
		struct entry entry = { 0 };

		r = read_entry(&item, bind, &entry, e);
		ports += entry.range;
		if (ports > PORTS_MAX)
			return jn_bad(n, e, "more than %d ports", PORTS_MAX);
		for (uint32_t k = 0; r == 0 && k < entry.range; k++)
			r = add_port(list, &entry, k, e);
	}

	return r;
}

/* What a port is on the host; where it leads to is not part of it. */
static int by_key(const void *a, const void *b)
{
	const struct publish_port *x = a, *y = b;

	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	if (x->host_port != y->host_port)
		return x->host_port < y->host_port ? -1 : 1;

	return ip_cmp(&x->host_ip, &y->host_ip);
}

static int need_one_end(const struct jnode *n, struct list *list, struct err *e)
{
	size_t kept = 0;

	if (list->n > 0)
		qsort(list->ports, list->n, sizeof(*list->ports), by_key);
	for (size_t i = 0; i < list->n; i++) {
		const struct publish_port *port = &list->ports[i];
		const struct publish_port *last = kept ? &list->ports[kept - 1] : NULL;

		if (!last || by_key(last, port) != 0)
			list->ports[kept++] = *port;
		else if (last->port != port->port)
			return jn_bad(n, e, "%s port %u of the host is to lead to %u and to %u",
				      portmappings_proto_name(port->proto), port->host_port,
				      last->port, port->port);
	}
	list->n = kept;

	return 0;
}

int portmappings_read(const struct jnode *n, const struct ip_addr *bind, struct publish_port **ret,
		      size_t *ret_n, struct err *e)
{
	struct list list = { 0 };
	int r = read_all(n, bind, &list, e);

	if (r == 0)
		r = need_one_end(n, &list, e);
	if (r < 0) {
		free(list.ports);
		return r;
	}
	*ret = list.ports;
	*ret_n = list.n;

	return 0;
}
