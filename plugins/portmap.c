/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * portmap - CNI plugin: ports of the host that lead to a container
 *
 * Chained behind the plugin that made the interface.  The mappings come in
 * runtimeConfig.portMappings; with none there is nothing to do, and ADD passes
 * prevResult on without a look at the kernel.
 *
 * Source: CNI specification; keys and defaults as the reference's portmap
 * plugin 1.9.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/flows.h"
#include "lib/gc.h"
#include "lib/linger.h"
#include "lib/listener.h"
#include "lib/nl.h"
#include "lib/portmappings.h"
#include "lib/publish.h"
#include "lib/sysctl.h"

/* ---- config -------------------------------------------------------------- */

struct conf {
	bool snat, masq_all;
	uint32_t mark_bit; /* for iptables; nftables needs no mark */
	const char *set_mark_chain;
	struct publish_port *ports; /* owned */
	size_t n_ports;
};

static int read_backend(const struct jnode *n, void *data, struct err *e)
{
	const char *text;
	int r = jn_str(n, &text, e);

	(void)data;
	if (r < 0 || !*text || strcmp(text, "nftables") == 0)
		return r;
	return jn_bad(n, e, "\"%s\" is not nftables", text);
}

static const struct jn_key conf_keys[] = {
	{"backend", JN_CALL, 0, .call = read_backend},
	{"snat", JN_BOOL, offsetof(struct conf, snat)},
	{"masqAll", JN_BOOL, offsetof(struct conf, masq_all)},
	{"markMasqBit", JN_U32, offsetof(struct conf, mark_bit), 0, 31},
	{"externalSetMarkChain", JN_STR, offsetof(struct conf, set_mark_chain)},
	{0},
};

static int read_ports(const struct cni_request *rq, struct conf *conf, struct err *e)
{
	struct jnode parent, list;

	if (!cni_runtime(rq, "portMappings", &parent, &list))
		return 0;

	return portmappings_read(&list, &conf->ports, &conf->n_ports, e);
}

static int conf_read(const struct cni_request *rq, struct conf *ret, struct err *e)
{
	struct conf conf = {.snat = true, .mark_bit = 13};
	int r = jn_read(&rq->conf, conf_keys, &conf, e);

	if (r == 0)
		r = read_ports(rq, &conf, e);
	if (r == 0)
		*ret = conf;

	return r;
}

/* ---- the attachment as publish.h wants it -------------------------------- */

/* The container's first address of each family, and the host's first interface. */
static struct publish publish_of(const struct cni_request *rq, const struct conf *conf)
{
	const struct cni_result *prev = rq->prev;
	struct publish p = {
		.owner = &rq->owner,
		.container_id = rq->container_id,
		.ifname = "",
		.ports = conf->ports,
		.n_ports = conf->n_ports,
		.snat = conf->snat,
		.masq_all = conf->masq_all,
	};

	if (!prev)
		return p;
	if (prev->n_ifaces > 0 && !prev->ifaces[0].sandbox)
		p.ifname = prev->ifaces[0].name;
	for (size_t i = prev->n_ips; i-- > 0;) {
		const struct cni_ip *ip = &prev->ips[i];

		if (ip->iface >= 0 && (size_t)ip->iface < prev->n_ifaces &&
		    strcmp(prev->ifaces[ip->iface].name, rq->ifname) != 0)
			continue;
		*(ip->address.addr.family == AF_INET ? &p.ip4 : &p.ip6) = ip->address.addr;
	}

	return p;
}

static int need_prev(const struct cni_request *rq, struct err *e)
{
	if (rq->prev)
		return 0;

	return err_cni(
		e, CNI_E_CONFIG,
		"prevResult: portmap must be chained behind a plugin that makes an interface");
}

/* ---- ADD ----------------------------------------------------------------- */

/* What comes from 127.0.0.1 has to be routed to the container like everything else. */
static int route_localnet(const struct publish *p, struct err *e)
{
	bool wanted = false;

	for (size_t i = 0; i < p->n_ports; i++) {
		const struct ip_addr *ip = &p->ports[i].host_ip;

		wanted |= ip->family == AF_INET && (ip_is_unspecified(ip) || ip_is_loopback(ip));
	}
	if (!wanted || !p->snat || !*p->ifname || !ip_is_set(&p->ip4))
		return 0;

	return sysctl_set("1", e, "net/ipv4/conf/%s/route_localnet", p->ifname);
}

static void warn(const struct publish_port *port, void *data)
{
	(void)data;
	fprintf(stderr,
		"portmap: a program on the host listens on %s port %u: what comes for it now goes "
		"to the container\n",
		portmappings_proto_name(port->proto), port->host_port);
}

static int open_ports(const struct cni_request *rq, const struct conf *conf, struct err *e)
{
	AUTO(nl_closep) struct nl *nft = NULL;
	struct publish p = publish_of(rq, conf);
	int r;

	if (!ip_is_set(&p.ip4) && !ip_is_set(&p.ip6))
		return err_cni(e, CNI_E_CONFIG,
			       "prevResult: %s has no address that ports could lead to",
			       rq->ifname);
	if ((r = nl_open(NETLINK_NETFILTER, &nft, e)) < 0 || (r = publish_add(nft, &p, e)) < 0)
		return r;
	if ((r = route_localnet(&p, e)) < 0 || (r = flows_forget_stale(nft, &p, e)) < 0)
		(void)publish_del(nft, &p, NULL);
	else
		(void)listener_each(&p, warn, NULL, NULL);

	return r;
}

static int portmap_add(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	struct conf conf;
	int r;

	if ((r = need_prev(rq, e)) < 0 || (r = conf_read(rq, &conf, e)) < 0)
		return r;
	if (conf.n_ports > 0)
		r = open_ports(rq, &conf, e);
	free(conf.ports);

	return r < 0 ? r : cni_result_copy(rq->prev, res, e);
}

/* ---- DEL ----------------------------------------------------------------- */

/*
 * Runs in the child that holds the socket whose elements were deleted: reading
 * the table of connections takes as long as that wait.
 */
static void forget_flows(void *data)
{
	AUTO(nl_closep) struct nl *nft = NULL;

	if (nl_open(NETLINK_NETFILTER, &nft, NULL) == 0)
		(void)flows_forget(nft, data, NULL);
}

static int portmap_del(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *nft = NULL;
	struct conf conf = {.snat = true};
	struct publish p;
	int r;

	/* A config that went bad is one without mappings: what is ours is found all the same. */
	(void)conf_read(rq, &conf, NULL);
	p = publish_of(rq, &conf);
	r = nl_open(NETLINK_NETFILTER, &nft, e);
	if (r == 0)
		r = publish_del(nft, &p, e);
	if (r > 0 && linger_fork((const int[]){nl_fd(nft)}, 1, forget_flows, &p) < 0)
		forget_flows(&p);
	free(conf.ports);

	return r < 0 ? r : 0;
}

/* ---- CHECK, GC ----------------------------------------------------------- */

static int portmap_check(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *nft = NULL;
	struct publish p;
	struct conf conf;
	int r;

	if ((r = cni_need_prev(rq, e)) < 0 || (r = conf_read(rq, &conf, e)) < 0)
		return r;
	p = publish_of(rq, &conf);
	if (conf.n_ports > 0 && (r = nl_open(NETLINK_NETFILTER, &nft, e)) == 0)
		r = publish_check(nft, &p, e);
	free(conf.ports);

	return r;
}

static int portmap_gc(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *nft = NULL;
	AUTO(gc_clear) struct gc gc = {0};
	int r;

	if ((r = nl_open(NETLINK_NETFILTER, &nft, e)) < 0 ||
	    (r = gc_init(&gc, rq->network, rq->valid, rq->n_valid, e)) < 0)
		return r;
	r = publish_gc(nft, &gc, e);

	return r < 0 ? r : 0;
}

static int portmap_status(const struct cni_request *rq, struct err *e)
{
	struct conf conf;
	int r = conf_read(rq, &conf, e);

	if (r == 0)
		free(conf.ports);

	return r;
}

int main(void)
{
	static const struct cni_plugin portmap = {
		.name = "portmap",
		.add = portmap_add,
		.del = portmap_del,
		.check = portmap_check,
		.gc = portmap_gc,
		.status = portmap_status,
	};

	return cni_main(&portmap);
}
