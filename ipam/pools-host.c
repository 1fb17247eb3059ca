/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pools-host - which subnets this host uses; see pools.h */
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sys/random.h>

#include "ipam/pools.h"
#include "ipam/resolv-conf.h"
#include "lib/addr.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/nl.h"
#include "lib/route.h"

#define EVERYWHERE 8 /* shorter prefixes are a VPN's halves of the internet */

static int add_route(const struct route *route, void *data)
{
	const struct pools_use use = { .net = route->dst,
				       .index = route->index,
				       .on_link = !ip_is_set(&route->gw) };

	return route->dst.len < EVERYWHERE ? 0 : pools_add(data, &use);
}

/* A bridge that is down has an address and no route. */
static int add_address(const struct addr *addr, void *data)
{
	const struct pools_use use = { .net = { ip_net_first(&addr->net), addr->net.len },
				       .index = addr->index,
				       .on_link = true };

	return pools_add(data, &use);
}

static int add_name_servers(struct pools *p)
{
	AUTO(cni_dns_clear) struct cni_dns dns = { 0 };
	int r = 0;

	if (resolv_conf_read("/etc/resolv.conf", &dns, NULL) < 0)
		return 0;
	for (char **server = dns.nameservers; r == 0 && server && *server; server++) {
		struct pools_use use = { .on_link = true };

		if (ip_parse(*server, &use.net.addr) < 0)
			continue;
		use.net.len = ip_bits(use.net.addr.family);
		r = pools_add(p, &use);
	}

	return r;
}

/* A host without a machine ID draws lots for each network. */
static struct ip_net host_local(void)
{
	AUTO_FD int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *id = NULL;
	uint8_t random[16] = { 0 };
	size_t len;

	if (fd >= 0 && file_read(fd, 64, &id, &len) == 0 && len >= 32)
		return pools_local(id, 32);
	(void)!getrandom(random, sizeof(random), 0);

	return pools_local(random, sizeof(random));
}

static int add_all(struct pools *p, struct err *e)
{
	AUTO(nl_closep) struct nl *nl = NULL;
	int r = nl_open(NETLINK_ROUTE, &nl, e);

	if (r < 0)
		return r;
	if (add_name_servers(p) < 0)
		return err_sys(e, ENOMEM, "look for subnets in use");
	r = route_each(nl, 0, add_route, p, e);

	return r < 0 ? r : addr_each(nl, 0, add_address, p, e);
}

int pools_init(struct pools *ret, struct err *e)
{
	struct pools p = { .local = host_local() };
	int r = add_all(&p, e);

	if (r < 0)
		pools_clear(&p);
	else
		*ret = p;

	return r;
}
