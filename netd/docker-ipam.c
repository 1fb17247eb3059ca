/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * docker-ipam - IpamDriver.*: a pool for each subnet, an address for each endpoint
 *
 * dockerd asks for a pool before it says what network it is for; only --ipam-opt
 * comes along.  An answer that overlaps a subnet of the host makes it ask again
 * until one does not, so no answer is given twice before it is given back.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/ip.h"
#include "netd/daemon.h"
#include "netd/docker-pools.h"
#include "netd/docker-private.h"
#include "netd/docker-shared.h"

#define ADDRESS_TYPE "RequestAddressType"
#define TYPE_GATEWAY "com.docker.network.gateway"

static int get_capabilities(struct docker *k, const struct jnode *request, json_t **reply,
			    struct err *e)
{
	(void)k;
	(void)request;

	return docker_reply(reply,
			    json_pack("{s:b, s:b}", "RequiresMACAddress", false,
				      "RequiresRequestReplay", true),
			    e);
}

static int get_spaces(struct docker *k, const struct jnode *request, json_t **reply, struct err *e)
{
	(void)k;
	(void)request;

	return docker_reply(reply,
			    json_pack("{s:s, s:s}", "LocalDefaultAddressSpace",
				      DOCKER_ADDRESS_SPACE, "GlobalDefaultAddressSpace",
				      DOCKER_ADDRESS_SPACE),
			    e);
}

/* ---- pools --------------------------------------------------------------- */

/* "" is not there. */
static int read_net(const struct jnode *request, const char *key, struct ip_net *ret, struct err *e)
{
	struct jnode n;

	if (!jn_get(request, key, &n) || json_string_length(n.json) == 0)
		return 0;

	return jn_ip_net(&n, ret, e);
}

static int read_wanted(const struct jnode *request, struct docker_pool *ret, struct err *e)
{
	struct jnode n;
	bool ipv6 = false;
	int r = jn_get(request, "V6", &n) ? jn_bool(&n, &ipv6, e) : 0;

	if (r < 0 || (r = read_net(request, "Pool", &ret->net, e)) < 0 ||
	    (r = read_net(request, "SubPool", &ret->range, e)) < 0)
		return r;
	if (ip_is_set(&ret->range.addr) && !ip_is_set(&ret->net.addr))
		return err_cni(e, CNI_E_CONFIG, "SubPool: --ip-range needs its --subnet");
	if (!ip_is_set(&ret->net.addr))
		ret->net.addr.family = ipv6 ? AF_INET6 : AF_INET;

	return 0;
}

static int request_pool(struct docker *k, const struct jnode *request, json_t **reply,
			struct err *e)
{
	struct docker_pool want = { 0 }, pool;
	const char *network = "", *space;
	struct jnode options;
	char net[IP_NET_STRLEN];
	int r;

	k->count.pools++;
	/* Without it this is a call that is repeated without its body: a subnet would be lost. */
	if ((r = docker_need_text(request, "AddressSpace", &space, e)) < 0 ||
	    (r = read_wanted(request, &want, e)) < 0 ||
	    (jn_get(request, "Options", &options) &&
	     (r = docker_text(&options, "network", &network, e)) < 0))
		return r;
	r = *network ? docker_shared_pool(k, network, &want, &pool, e)
		     : docker_pool_request(k->daemon->store, &want, &pool, e);
	if (r < 0)
		return r;

	return docker_reply(reply,
			    json_pack("{s:s, s:s, s:{}}", "PoolID", pool.id, "Pool",
				      ip_net_str(&pool.net, net), "Data"),
			    e);
}

static int release_pool(struct docker *k, const struct jnode *request, json_t **reply,
			struct err *e)
{
	const char *id;
	int r;

	if ((r = docker_need_text(request, "PoolID", &id, e)) < 0 ||
	    (r = docker_pool_release(k->daemon->store, id, e)) < 0)
		return r;

	return docker_done(reply, e);
}

/* ---- addresses ----------------------------------------------------------- */

static int read_pool(struct docker *k, const struct jnode *request, struct docker_pool *ret,
		     struct err *e)
{
	const char *id;
	int r = docker_need_text(request, "PoolID", &id, e);

	return r < 0 ? r : docker_pool_find(k->daemon->store, id, ret, e);
}

/* With or without a prefix length, as versions of dockerd differ. */
static int read_address(const struct jnode *request, struct ip_addr *ret, struct err *e)
{
	struct ip_net net;
	const char *text;
	struct jnode n;
	int r = docker_text(request, "Address", &text, e);

	*ret = (struct ip_addr){ 0 };
	if (r < 0 || *text == '\0')
		return r;
	if (ip_parse(text, ret) == 0)
		return 0;
	(void)jn_get(request, "Address", &n);
	r = jn_ip_net(&n, &net, e);
	if (r == 0)
		*ret = net.addr;

	return r;
}

static int is_gateway(const struct jnode *request, bool *ret, struct err *e)
{
	struct jnode options;
	const char *type = "";
	int r = 0;

	if (jn_get(request, "Options", &options))
		r = docker_text(&options, ADDRESS_TYPE, &type, e);
	*ret = strcmp(type, TYPE_GATEWAY) == 0;

	return r;
}

static int request_address(struct docker *k, const struct jnode *request, json_t **reply,
			   struct err *e)
{
	struct docker_pool pool;
	struct ip_addr want;
	struct ip_net given;
	char text[IP_NET_STRLEN];
	bool gateway;
	int r;

	if ((r = read_pool(k, request, &pool, e)) < 0 ||
	    (r = read_address(request, &want, e)) < 0 || (r = is_gateway(request, &gateway, e)) < 0)
		return r;
	if (*pool.network)
		return docker_shared_address(k, &pool, &want, gateway, reply, e);
	r = docker_address_request(k->daemon->store, &pool, &want, gateway, &given.addr, e);
	if (r < 0)
		return r;
	given.len = pool.net.len;

	return docker_reply(reply,
			    json_pack("{s:s, s:{}}", "Address", ip_net_str(&given, text), "Data"),
			    e);
}

static int release_address(struct docker *k, const struct jnode *request, json_t **reply,
			   struct err *e)
{
	struct docker_pool pool;
	struct ip_addr ip;
	int r = read_pool(k, request, &pool, e);

	/* A pool that is gone has taken its addresses along. */
	if (r == -ENOENT)
		return docker_done(reply, e);
	if (r < 0 || (r = read_address(request, &ip, e)) < 0)
		return r;
	if (ip_is_set(&ip))
		r = *pool.network ? docker_shared_release(k, &pool, &ip, e)
				  : docker_address_release(k->daemon->store, &pool, &ip, e);

	return r < 0 ? r : docker_done(reply, e);
}

const struct docker_method docker_ipam_methods[] = {
	{ "/IpamDriver.GetCapabilities", get_capabilities },
	{ "/IpamDriver.GetDefaultAddressSpaces", get_spaces },
	{ "/IpamDriver.RequestPool", request_pool },
	{ "/IpamDriver.ReleasePool", release_pool },
	{ "/IpamDriver.RequestAddress", request_address },
	{ "/IpamDriver.ReleaseAddress", release_address },
	{ 0 },
};
