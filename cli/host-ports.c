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
	for (size_t i = 0; i < p->n_fds; i++)
		close(p->fds[i]);
	free(p->fds);
	json_decref(p->mappings);
	*p = (struct host_ports){ 0 };
}

/* ---- what is published --------------------------------------------------- */

static bool entry_publishes(const struct cache_entry *entry, uint8_t proto, uint16_t port)
{
	struct jnode root = jn_root(entry->capability_args), list;
	AUTO_FREE struct publish_port *ports = NULL;
	size_t n = 0;

	if (!root.json || !jn_get(&root, "portMappings", &list) ||
	    portmappings_read(&list, &ports, &n, NULL) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (ports[i].proto == proto && ports[i].host_port == port)
			return true;
	}

	return false;
}

/* Return: 1, 0, or a negative errno. */
static int is_published(const struct command_env *env, uint8_t proto, uint16_t port, struct err *e)
{
	AUTO(cache_clear) struct cache c = { 0 };
	int r = cache_load(env, NULL, NULL, &c, e);

	for (size_t i = 0; r == 0 && i < c.n; i++)
		r = entry_publishes(&c.entries[i], proto, port);

	return r;
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

/* Takes over @fd. */
static int keep(struct host_ports *p, int fd, struct err *e)
{
	int *fds = reallocarray(p->fds, p->n_fds + 1, sizeof(*fds));

	if (!fds) {
		close(fd);
		return err_sys(e, ENOMEM, "choose ports of the host");
	}
	p->fds = fds;
	p->fds[p->n_fds++] = fd;

	return 0;
}

/* Return: 1 if @port, 0 for any, is ours now; 0 if it is taken; a negative errno. */
static int try_port(const struct command_env *env, const struct port_spec *spec, uint16_t port,
		    struct host_ports *p, uint16_t *ret, struct err *e)
{
	AUTO_FD int fd = bind_port(spec, port);
	int got, r;

	if (fd == -EADDRINUSE)
		return 0;
	got = fd < 0 ? fd : port_of(fd);
	if (got < 0)
		return err_sys(e, -got, "choose a port of the host");
	r = is_published(env, spec->proto, (uint16_t)got, e);
	if (r != 0)
		return r < 0 ? r : 0;
	*ret = (uint16_t)got;
	r = keep(p, MOVE_FD(fd), e);

	return r < 0 ? r : 1;
}

static int choose_any(const struct command_env *env, const struct port_spec *spec,
		      struct host_ports *p, uint16_t *ret, struct err *e)
{
	int r = 0;

	for (int i = 0; r == 0 && i < TRIES; i++)
		r = try_port(env, spec, 0, p, ret, e);
	if (r == 0)
		return err_say(e, EADDRINUSE, "publish: no port of the host is free");

	return r < 0 ? r : 0;
}

static int choose_of_range(const struct command_env *env, const struct port_spec *spec,
			   struct host_ports *p, uint16_t *ret, struct err *e)
{
	int r = 0;

	for (uint32_t port = spec->host_port; r == 0 && port <= spec->host_last; port++)
		r = try_port(env, spec, (uint16_t)port, p, ret, e);
	if (r == 0)
		return err_say(e, EADDRINUSE,
			       "publish: every port of the host from %u to %u is in use",
			       spec->host_port, spec->host_last);

	return r < 0 ? r : 0;
}

static int choose(const struct command_env *env, const struct port_spec *spec, uint16_t port,
		  struct host_ports *p, struct err *e)
{
	uint16_t host_port = (uint16_t)(spec->host_port + (port - spec->port));
	int r = 0;

	if (spec->host_port == 0)
		r = choose_any(env, spec, p, &host_port, e);
	else if (port_spec_is_open(spec))
		r = choose_of_range(env, spec, p, &host_port, e);

	return r < 0 ? r : port_spec_append(spec, host_port, port, p->mappings, e);
}

int host_ports_choose(const struct command_env *env, const struct port_spec *specs, size_t n,
		      struct host_ports *ret, struct err *e)
{
	AUTO(host_ports_release) struct host_ports p = { 0 };
	int r = 0;

	if (n > 0 && !(p.mappings = json_array()))
		return err_sys(e, ENOMEM, "list the published ports");
	for (size_t i = 0; r == 0 && i < n; i++) {
		for (uint32_t port = specs[i].port; r == 0 && port <= specs[i].last; port++)
			r = choose(env, &specs[i], (uint16_t)port, &p, e);
	}
	if (r < 0)
		return r;
	*ret = p;
	p = (struct host_ports){ 0 };

	return 0;
}
