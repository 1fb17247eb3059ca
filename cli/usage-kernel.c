/* SPDX-License-Identifier: GPL-2.0-or-later */
/* usage-kernel - endpoints by leases and by the marks of interfaces; see usage.h */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/leases.h"
#include "cli/usage.h"
#include "ipam/lease-text.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/network.h"
#include "lib/nl.h"

/* ---- leases -------------------------------------------------------------- */

struct add_lease {
	const struct network *net;
	struct usage *u;
};

/* With the prefix length of the subnet that it is in. */
static struct ip_net in_subnet(const struct network *net, const struct ip_addr *ip)
{
	for (size_t i = 0; i < net->n_subnets; i++)
		if (ip_net_contains(&net->subnets[i].subnet, ip))
			return (struct ip_net){ *ip, net->subnets[i].subnet.len };

	return ip_host_net(ip);
}

static int add_lease(const struct ip_addr *ip, const struct lease_text *text, void *data,
		     struct err *e)
{
	struct add_lease *add = data;
	const struct ip_net address = in_subnet(add->net, ip);
	struct usage_endpoint *ep = usage_endpoint(add->u, add->net->name, text->container_id,
						   text->ifname ? text->ifname : "");

	if (!ep || usage_add_ip(ep, &address) < 0)
		return err_sys(e, ENOMEM, "list the leases of %s", add->net->name);

	return 0;
}

int usage_add_leases(const struct network *net, struct usage *u, struct err *e)
{
	struct add_lease add = { net, u };

	return leases_each(net, add_lease, &add, e);
}

/* ---- interfaces ---------------------------------------------------------- */

struct add_link {
	const char *network; /* NULL: any */
	struct usage *u;
};

/* "lows-network c1 eth0" of a mark, which may have been cut. */
static int add_words(const struct add_link *add, const char *words)
{
	char copy[OWNER_TAG_SIZE], *rest = copy;
	const char *network, *container_id, *ifname;
	struct usage_endpoint *ep;

	snprintf(copy, sizeof(copy), "%s", words);
	network = strsep(&rest, " ");
	container_id = strsep(&rest, " ");
	ifname = strsep(&rest, " ");
	if (!ifname)
		return 0;
	ep = usage_endpoint(add->u, network, container_id, ifname);
	if (!ep)
		return -ENOMEM;
	ep->state = USAGE_ALIVE;

	return 0;
}

static int add_link(const struct link *link, void *data)
{
	const struct add_link *add = data;
	const char *words = owner_words(link->alias);
	char key[OWNER_KEY_LEN + 1] = "";
	struct usage_endpoint *ep;
	struct owner owner;

	if (words == link->alias || strlen(link->alias) < OWNER_KEY_LEN)
		return 0;
	if (add->network) {
		owner_init_network(&owner, add->network);
		if (!owner_has_network(&owner, link->alias, strlen(link->alias)))
			return 0;
	}
	memcpy(key, link->alias, OWNER_KEY_LEN);
	ep = usage_find(add->u, key);
	if (!ep)
		return add_words(add, words);
	ep->state = USAGE_ALIVE;

	return 0;
}

int usage_add_links(const char *network, struct usage *u, struct err *e)
{
	struct add_link add = { network, u };
	AUTO(nl_closep) struct nl *nl = NULL;
	int r = nl_open(NETLINK_ROUTE, &nl, e);

	return r < 0 ? r : link_each(nl, add_link, &add, e);
}
