/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host-ports - see host-ports.h. */
#include "cli/host-ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "cli/cache.h"
#include "cli/port-spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/jnode.h"
#include "lib/portmappings.h"

#define TRIES 100 /* the kernel's choice may be published, but not a hundred times in a row */

void host_ports_release(struct host_ports *p)
{
	for (size_t i = 0; i < p->n; i++)
		cleanup_fd(&p->chosen[i].fd);
	free(p->chosen);
	json_decref(p->mappings);
	*p = (struct host_ports){ 0 };
}

/* ---- what is published --------------------------------------------------- */

static bool entry_publishes(const struct cache_entry *entry, uint8_t proto, uint16_t port)
{
	struct jnode root = jn_root(entry->capability_args), list;
	AUTO_FREE struct publish_port *ports = NULL;
	const struct ip_addr every = { 0 };
	size_t n = 0;

	if (!root.json || !jn_get(&root, "portMappings", &list) ||
	    portmappings_read(&list, &every, &ports, &n, NULL) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (ports[i].proto == proto && ports[i].host_port == port)
			return true;
	}

	return false;
}

static bool is_published(const struct cache *c, uint8_t proto, uint16_t port)
{
	for (size_t i = 0; i < c->n; i++) {
		if (entry_publishes(&c->entries[i], proto, port))
			return true;
	}

	return false;
}

/* ---- sockets ------------------------------------------------------------- */

static int open_socket(uint8_t family, uint8_t proto)
{
	int type = proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;

	return socket(family, type | SOCK_CLOEXEC, proto);
}

static socklen_t fill(const struct ip_addr *ip, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *in = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof(*ret));
	ret->ss_family = ip->family;
	if (ip->family == AF_INET) {
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, ip->b, 4);
		return sizeof(*in);
	}
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, ip->b, 16);

	return sizeof(*in6);
}

/* Which is at the same place in an address of either family. */
static int port_of(int fd)
{
	struct sockaddr_in6 addr = { 0 };
	socklen_t len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return -errno;

	return ntohs(addr.sin6_port);
}

/* Return: a socket that is bound to @port, 0 for any, of one address; or a negative errno. */
static int bind_address(const struct ip_addr *ip, uint8_t proto, uint16_t port)
{
	struct sockaddr_storage addr;
	socklen_t len = fill(ip, port, &addr);
	AUTO_FD int fd = open_socket(ip->family, proto);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) < 0)
		return -errno;

	return MOVE_FD(fd);
}

/* Where the host has IPv6, :: holds the port of both families. */
static int bind_port(const struct port_spec *spec, uint16_t port)
{
	static const struct ip_addr any4 = { .family = AF_INET }, any6 = { .family = AF_INET6 };
	int fd;

	if (ip_is_set(&spec->host_ip))
		return bind_address(&spec->host_ip, spec->proto, port);
	fd = bind_address(&any6, spec->proto, port);

	return fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL ? bind_address(&any4, spec->proto, port)
							   : fd;
}

/* ---- choosing ------------------------------------------------------------ */

/* Return: a socket on the next port of the spec that can be bound, after *@ret; or an errno. */
static int bind_next(const struct port_spec *spec, uint16_t *ret)
{
	uint32_t port = *ret > 0 ? *ret + 1u : spec->host_port;
	int fd = -EADDRINUSE;

	if (spec->host_port == 0) {
		AUTO_FD int any = bind_port(spec, 0);
		int got = any < 0 ? any : port_of(any);

		if (got < 0)
			return got;
		*ret = (uint16_t)got;
		return MOVE_FD(any);
	}
	for (; fd == -EADDRINUSE && port <= spec->host_last; port++) {
		fd = bind_port(spec, (uint16_t)port);
		*ret = (uint16_t)port;
	}

	return fd;
}

static int report(const struct port_spec *spec, int r, struct err *e)
{
	if (r != -EADDRINUSE)
		return err_sys(e, -r, "publish: choose a port of the host");
	if (spec->host_port == 0)
		return err_say(e, EADDRINUSE, "publish: no port of the host is free");

	return err_say(e, EADDRINUSE, "publish: every port of the host from %u to %u is in use",
		       spec->host_port, spec->host_last);
}

/* The socket that was tried before is held meanwhile, so that the kernel chooses another. */
static int choose_again(struct host_port *c, struct err *e)
{
	int fd = bind_next(c->spec, &c->host_port);

	if (fd < 0)
		return report(c->spec, fd, e);
	cleanup_fd(&c->fd);
	c->fd = fd;

	return 0;
}

/* Return: how many had to be chosen again, or a negative errno. */
static int choose_all_again(const struct command_env *env, struct host_ports *p, struct err *e)
{
	AUTO(cache_clear) struct cache published = { 0 };
	int r = cache_load(env, NULL, NULL, &published, e), n = 0;

	for (size_t i = 0; r == 0 && i < p->n; i++) {
		struct host_port *c = &p->chosen[i];

		if (c->fd < 0 || !is_published(&published, c->spec->proto, c->host_port))
			continue;
		r = choose_again(c, e);
		n++;
	}

	return r < 0 ? r : n;
}

static int choose_all(const struct command_env *env, struct host_ports *p, struct err *e)
{
	bool any = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n; i++) {
		if (!port_spec_is_open(p->chosen[i].spec))
			continue;
		r = choose_again(&p->chosen[i], e);
		any = true;
	}
	for (int i = 0; r == 0 && any && i < TRIES; i++) {
		r = choose_all_again(env, p, e);
		any = r > 0;
		r = r < 0 ? r : 0;
	}

	return r == 0 && any ? err_say(e, EADDRINUSE, "publish: no port of the host is free") : r;
}

/* ---- the list ------------------------------------------------------------ */

static int list_ports(const struct port_spec *specs, size_t n, struct host_ports *ret,
		      struct err *e)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += specs[i].last - specs[i].port + 1u;
	ret->chosen = calloc(total > 0 ? total : 1, sizeof(*ret->chosen));
	if (!ret->chosen)
		return err_sys(e, ENOMEM, "list the published ports");
	for (size_t i = 0; i < n; i++) {
		for (uint32_t k = 0; k <= (uint32_t)(specs[i].last - specs[i].port); k++)
			ret->chosen[ret->n++] = (struct host_port){
				.spec = &specs[i],
				.port = (uint16_t)(specs[i].port + k),
				.host_port = port_spec_is_open(&specs[i])
						     ? 0
						     : (uint16_t)(specs[i].host_port + k),
				.fd = -1,
			};
	}

	return 0;
}

static int write_mappings(struct host_ports *p, struct err *e)
{
	int r = 0;

	p->mappings = json_array();
	if (!p->mappings)
		return err_sys(e, ENOMEM, "list the published ports");
	for (size_t i = 0; r == 0 && i < p->n; i++)
		r = port_spec_append(p->chosen[i].spec, p->chosen[i].host_port, p->chosen[i].port,
				     p->mappings, e);

	return r;
}

int host_ports_choose(const struct command_env *env, const struct port_spec *specs, size_t n,
		      struct host_ports *ret, struct err *e)
{
	AUTO(host_ports_release) struct host_ports p = { 0 };
	int r = list_ports(specs, n, &p, e);

	if (r == 0)
		r = choose_all(env, &p, e);
	if (r == 0)
		r = write_mappings(&p, e);
	if (r < 0)
		return r;
	*ret = p;
	p = (struct host_ports){ 0 };

	return 0;
}
