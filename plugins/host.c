/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host - CNI plugin: the container shares the host's network namespace
 *
 * What `--network host` is to Docker, as a network of CNI.  The runtime gives
 * the host's own namespace as CNI_NETNS; nothing is changed, and the result
 * says what is there: interfaces, their addresses, the default routes.  A
 * container with a namespace of its own cannot be put back into the host's by
 * a plugin; that is the engine's to configure, and the error says so.
 */
#include <errno.h>
#include <linux/rtnetlink.h>

#include "lib/addr.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/link.h"
#include "lib/netns.h"
#include "lib/nl.h"
#include "lib/route.h"

static int need_own_netns(const struct cni_request *rq, struct err *e)
{
	AUTO_FD int self = netns_open_self(e);

	if (self < 0)
		return self;
	if (netns_same(self, rq->netns_fd))
		return 0;

	return err_cni(
		e, CNI_E_NETNS,
		"CNI_NETNS: %s is a namespace of the container's own, and the network \"%s\" "
		"is the host's; start the container in the host's namespace (Docker and "
		"Podman: --network host; Kubernetes: hostNetwork: true; runc: no network "
		"namespace in config.json)",
		rq->netns, rq->network);
}

struct inventory {
	const struct cni_request *rq;
	struct cni_result *res;
	int *indexes; /* of res->ifaces, in the kernel's numbers; owned */
};

static int take_link(const struct link *link, void *data)
{
	struct inventory *inv = data;
	char mac[MAC_STRLEN];
	int *bigger;
	int r;

	r = cni_result_add_iface(inv->res, link->name,
				 link->has_mac ? mac_str(link->mac, mac) : NULL, inv->rq->netns,
				 NULL);
	if (r < 0)
		return r;
	inv->res->ifaces[r].mtu = link->mtu;
	bigger = reallocarray(inv->indexes, inv->res->n_ifaces, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	inv->indexes = bigger;
	bigger[r] = link->index;

	return 0;
}

static int take_addr(const struct addr *addr, void *data)
{
	struct inventory *inv = data;
	struct cni_ip ip = { .iface = -1, .address = addr->net };

	for (size_t i = 0; i < inv->res->n_ifaces; i++) {
		if (inv->indexes[i] == addr->index)
			ip.iface = (int)i;
	}

	return cni_result_add_ip(inv->res, &ip, NULL);
}

static int take_route(const struct route *route, void *data)
{
	struct inventory *inv = data;
	const struct cni_route entry = { .dst = { .addr.family = route->dst.addr.family },
					 .gw = route->gw,
					 .mtu = route->mtu,
					 .advmss = route->advmss,
					 .priority = route->priority,
					 .scope = -1 };

	if (route->dst.len > 0 || route->table != RT_TABLE_MAIN)
		return 0;

	return cni_result_add_route(inv->res, &entry, NULL);
}

static int host_add(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	AUTO(nl_closep) struct nl *nl = NULL;
	struct inventory inv = { .rq = rq, .res = res };
	int r;

	if ((r = need_own_netns(rq, e)) < 0 || (r = nl_open(NETLINK_ROUTE, &nl, e)) < 0)
		return r;
	r = link_each(nl, take_link, &inv, e);
	if (r == 0)
		r = addr_each(nl, 0, take_addr, &inv, e);
	if (r == 0)
		r = route_each(nl, 0, take_route, &inv, e);
	free(inv.indexes);
	if (r == -ENOMEM)
		return err_sys(e, ENOMEM, "list the host's interfaces");

	return r;
}

static int host_del(const struct cni_request *rq, struct err *e)
{
	(void)rq;
	(void)e;

	return 0;
}

static int host_check(const struct cni_request *rq, struct err *e)
{
	return need_own_netns(rq, e);
}

int main(void)
{
	static const struct cni_plugin host = {
		.name = "host",
		.own_netns = true,
		.add = host_add,
		.del = host_del,
		.check = host_check,
	};

	return cni_main(&host);
}
