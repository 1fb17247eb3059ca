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
#include "lib/gate.h"
#include "lib/gc.h"
#include "lib/iptables.h"
#include "lib/linger.h"
#include "lib/listener.h"
#include "lib/nl.h"
#include "lib/portmappings.h"
#include "lib/publish-iptables.h"
#include "lib/publish.h"
#include "lib/sysctl.h"

/* ---- config -------------------------------------------------------------- */

struct conf {
	bool snat, masq_all, iptables;
	uint32_t mark_bit; /* for iptables; nftables needs no mark */
	const char *set_mark_chain;
	struct ip_addr bind;		     /* of ports without an address, unset: every address */
	struct publish_words words4, words6; /* owned, for iptables */
	struct gate gate4, gate6;	     /* for nftables */
	struct publish_port *ports;	     /* owned */
	size_t n_ports;
};

static void conf_clear(struct conf *conf)
{
	free(conf->words4.list);
	free(conf->words6.list);
	free(conf->ports);
}

static int read_backend(const struct jnode *n, void *data, struct err *e)
{
	struct conf *conf = data;
	const char *text;
	int r = jn_str(n, &text, e);

	if (r < 0 || !*text || strcmp(text, "nftables") == 0)
		return r;
	conf->iptables = strcmp(text, "iptables") == 0;

	return conf->iptables ? 0 : jn_bad(n, e, "\"%s\" is neither nftables nor iptables", text);
}

static int read_set_mark_chain(const struct jnode *n, void *data, struct err *e)
{
	struct conf *conf = data;
	const char *text;
	int r = jn_str(n, &text, e);

	if (r < 0)
		return r;
	if (!*text || strlen(text) >= IPTABLES_CHAIN_SIZE || *text == '-' ||
	    strpbrk(text, " \t\n\"\\!"))
		return jn_bad(n, e, "\"%s\" is no name of an iptables chain", text);
	conf->set_mark_chain = text;

	return 0;
}

/* One word each, as iptables' own command line has them; a line break would begin a rule. */
static int read_words(const struct jnode *n, struct publish_words *ret, struct err *e)
{
	size_t count = jn_count(n);
	int r = jn_array(n, e);

	if (r < 0 || count == 0)
		return r;
	ret->list = calloc(count, sizeof(*ret->list));
	if (!ret->list)
		return err_sys(e, ENOMEM, "read the config");
	for (; r == 0 && ret->n < count; ret->n++) {
		struct jnode item = jn_item(n, ret->n);

		r = jn_str(&item, &ret->list[ret->n], e);
		if (r == 0 && strpbrk(ret->list[ret->n], "\r\n"))
			r = jn_bad(&item, e, "a line break in a word");
	}

	return r;
}

static int read_words4(const struct jnode *n, void *data, struct err *e)
{
	return read_words(n, &((struct conf *)data)->words4, e);
}

static int read_words6(const struct jnode *n, void *data, struct err *e)
{
	return read_words(n, &((struct conf *)data)->words6, e);
}

static const struct jn_key conf_keys[] = {
	{ "backend", JN_CALL, 0, .call = read_backend },
	{ "hostIP", JN_IP, offsetof(struct conf, bind) },
	{ "snat", JN_BOOL, offsetof(struct conf, snat) },
	{ "masqAll", JN_BOOL, offsetof(struct conf, masq_all) },
	{ "markMasqBit", JN_U32, offsetof(struct conf, mark_bit), 0, 31 },
	{ "externalSetMarkChain", JN_CALL, 0, .call = read_set_mark_chain },
	{ "conditionsV4", JN_CALL, 0, .call = read_words4 },
	{ "conditionsV6", JN_CALL, 0, .call = read_words6 },
	{ 0 },
};

static int read_ports(const struct cni_request *rq, struct conf *conf, struct err *e)
{
	struct jnode parent, list;

	if (!cni_runtime(rq, "portMappings", &parent, &list))
		return 0;

	return portmappings_read(&list, &conf->bind, &conf->ports, &conf->n_ports, e);
}

/* What only iptables can do would be missed silently. */
static int need_iptables(const struct conf *conf, struct err *e)
{
	if (!conf->set_mark_chain || conf->iptables)
		return 0;

	return err_cni(e, CNI_E_FIELD,
		       "externalSetMarkChain: only backend \"iptables\" has it: set that, or leave "
		       "the key out; nftables needs no mark");
}

/* The same keys with nft's words. */
static int read_gates(const struct cni_request *rq, struct conf *conf, struct err *e)
{
	struct jnode list;
	int r = 0;

	if (conf->iptables)
		return 0;
	if (jn_get(&rq->conf, "conditionsV4", &list))
		r = gate_read(&list, rq->network, AF_INET, &conf->gate4, e);
	if (r == 0 && jn_get(&rq->conf, "conditionsV6", &list))
		r = gate_read(&list, rq->network, AF_INET6, &conf->gate6, e);

	return r;
}

static int conf_read(const struct cni_request *rq, struct conf *ret, struct err *e)
{
	struct conf conf = { .snat = true, .mark_bit = 13 };
	int r = jn_read(&rq->conf, conf_keys, &conf, e);

	if (r == 0)
		r = need_iptables(&conf, e);
	if (r == 0)
		r = read_gates(rq, &conf, e);
	if (r == 0)
		r = read_ports(rq, &conf, e);
	if (r == 0)
		*ret = conf;
	else
		conf_clear(&conf);

	return r;
}

/* ---- the attachment as publish.h wants it -------------------------------- */

struct attachment {
	struct publish p;
	struct publish_iptables t; /* of p */
};

static void take_address(struct attachment *a, const struct ip_net *net)
{
	if (net->addr.family == AF_INET) {
		a->p.ip4 = net->addr;
		a->t.prefix_len4 = net->len;
	} else {
		a->p.ip6 = net->addr;
		a->t.prefix_len6 = net->len;
	}
}

/* The container's first address of each family, and the host's first interface. */
static void take_prev(struct attachment *a, const struct cni_request *rq)
{
	const struct cni_result *prev = rq->prev;

	if (prev->n_ifaces > 0 && !prev->ifaces[0].sandbox)
		a->p.ifname = prev->ifaces[0].name;
	for (size_t i = prev->n_ips; i-- > 0;) {
		const struct cni_ip *ip = &prev->ips[i];

		if (ip->iface < 0 || (size_t)ip->iface >= prev->n_ifaces ||
		    strcmp(prev->ifaces[ip->iface].name, rq->ifname) == 0)
			take_address(a, &ip->address);
	}
}

static void attachment_init(struct attachment *a, const struct cni_request *rq,
			    const struct conf *conf)
{
	*a = (struct attachment){
		.p =
			{
				.owner = &rq->owner,
				.container_id = rq->container_id,
				.ifname = "",
				.ports = conf->ports,
				.n_ports = conf->n_ports,
				.snat = conf->snat,
				.masq_all = conf->masq_all,
				.gate4 = &conf->gate4,
				.gate6 = &conf->gate6,
			},
		.t =
			{
				.p = &a->p,
				.network = rq->network,
				.ifname = rq->ifname,
				.mark_bit = conf->mark_bit,
				.set_mark_chain = conf->set_mark_chain,
				.words4 = conf->words4,
				.words6 = conf->words6,
			},
	};
	if (rq->prev)
		take_prev(a, rq);
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

static bool serves_loopback(const struct publish *p, bool *ret_only)
{
	bool serves = false;

	*ret_only = false;
	for (size_t i = 0; i < p->n_ports; i++) {
		const struct ip_addr *ip = &p->ports[i].host_ip;
		bool only = ip->family == AF_INET && ip_is_loopback(ip);

		*ret_only |= only;
		serves |= only || (ip->family == AF_INET && ip_is_unspecified(ip));
	}

	return serves && p->snat && *p->ifname && ip_is_set(&p->ip4);
}

/*
 * What comes from 127.0.0.1 has to be routed to the container like everything
 * else.  Where that cannot be set, as in a container of a container, ports of all
 * addresses are still worth having.
 */
static int route_localnet(const struct publish *p, struct err *e)
{
	struct err why;
	bool only;
	int r;

	if (!serves_loopback(p, &only))
		return 0;
	r = sysctl_set("1", &why, "net/ipv4/conf/%s/route_localnet", p->ifname);
	if (r == 0 || (!only && (r == -EROFS || r == -EACCES || r == -EPERM))) {
		if (r < 0)
			fprintf(stderr, "portmap: no published port at 127.0.0.1: %s\n", why.msg);
		return 0;
	}

	return err_keep(0, e, r, &why);
}

static void warn(const struct publish_port *port, void *data)
{
	(void)data;
	fprintf(stderr,
		"portmap: a program on the host listens on %s port %u: what comes for it now goes "
		"to the container\n",
		portmappings_proto_name(port->proto), port->host_port);
}

static int open_by_nftables(struct nl *nft, const struct publish *p, struct err *e)
{
	int r = publish_add(nft, p, e);

	if (r < 0)
		return r;
	if ((r = route_localnet(p, e)) < 0 || (r = flows_forget_stale(nft, p, e)) < 0)
		(void)publish_del(nft, p, NULL);

	return r;
}

static int open_by_iptables(struct nl *nft, const struct publish_iptables *t, struct err *e)
{
	int r = publish_iptables_add(t, e);

	if (r < 0)
		return r;
	if ((r = route_localnet(t->p, e)) < 0 || (r = flows_forget_stale(nft, t->p, e)) < 0)
		(void)publish_iptables_del(t, NULL);

	return r;
}

static int open_ports(const struct cni_request *rq, const struct conf *conf, struct err *e)
{
	AUTO(linger_closep) struct nl *nft = NULL;
	struct attachment a;
	int r;

	attachment_init(&a, rq, conf);
	if (!ip_is_set(&a.p.ip4) && !ip_is_set(&a.p.ip6))
		return err_cni(e, CNI_E_CONFIG,
			       "prevResult: %s has no address that ports could lead to",
			       rq->ifname);
	if ((r = nl_open(NETLINK_NETFILTER, &nft, e)) < 0)
		return r;
	r = conf->iptables ? open_by_iptables(nft, &a.t, e) : open_by_nftables(nft, &a.p, e);
	if (r == 0)
		(void)listener_each(&a.p, warn, NULL, NULL);

	return r;
}

static int portmap_add(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	AUTO(conf_clear) struct conf conf = { .ports = NULL };
	int r;

	if ((r = need_prev(rq, e)) < 0 || (r = conf_read(rq, &conf, e)) < 0)
		return r;
	if (conf.n_ports > 0 && (r = open_ports(rq, &conf, e)) < 0)
		return r;

	return cni_result_copy(rq->prev, res, e);
}

/* ---- DEL ----------------------------------------------------------------- */

/* Runs in a child of its own: reading the table of connections takes 12 ms. */
static void forget_flows(void *data)
{
	AUTO(nl_closep) struct nl *nft = NULL;

	if (nl_open(NETLINK_NETFILTER, &nft, NULL) == 0)
		(void)flows_forget(nft, data, NULL);
}

static int close_by_nftables(struct nl *nft, struct publish *p, struct err *e)
{
	int r = publish_del(nft, p, e);

	if (r > 0 && flows_expected(p) && linger_fork(-1, forget_flows, p) < 0)
		forget_flows(p);

	return r < 0 ? r : 0;
}

static bool wants_iptables(const struct cni_request *rq)
{
	struct conf conf = { .iptables = false };
	struct jnode backend;

	return jn_get(&rq->conf, "backend", &backend) && read_backend(&backend, &conf, NULL) == 0 &&
	       conf.iptables;
}

static int close_by_iptables(struct publish_iptables *t, struct publish *p, struct err *e)
{
	int r = publish_iptables_del(t, e);

	forget_flows(p);

	return r;
}

static int portmap_del(const struct cni_request *rq, struct err *e)
{
	AUTO(conf_clear) struct conf conf = { .snat = true };
	AUTO(linger_closep) struct nl *nft = NULL;
	struct attachment a;
	bool iptables = wants_iptables(rq);
	int r = nl_open(NETLINK_NETFILTER, &nft, e);

	/* A kernel without it has nothing of ours in it. */
	if (r < 0 && r != -EPROTONOSUPPORT)
		return r;
	/* A config that went bad is one without mappings: what is ours is found all the same. */
	(void)conf_read(rq, &conf, NULL);
	attachment_init(&a, rq, &conf);
	if (nft && (r = close_by_nftables(nft, &a.p, e)) < 0)
		return r;
	/* The backend may have been another one at the time of ADD. */
	if (!iptables && !(nft && publish_iptables_shows(nft, &a.t)))
		return 0;

	return close_by_iptables(&a.t, &a.p, e);
}

/* ---- CHECK, GC ----------------------------------------------------------- */

static int check_by_nftables(const struct publish *p, struct err *e)
{
	AUTO(nl_closep) struct nl *nft = NULL;
	int r = nl_open(NETLINK_NETFILTER, &nft, e);

	return r < 0 ? r : publish_check(nft, p, e);
}

static int portmap_check(const struct cni_request *rq, struct err *e)
{
	AUTO(conf_clear) struct conf conf = { .ports = NULL };
	struct attachment a;
	int r;

	if ((r = cni_need_prev(rq, e)) < 0 || (r = conf_read(rq, &conf, e)) < 0)
		return r;
	attachment_init(&a, rq, &conf);
	if (conf.n_ports == 0)
		return 0;

	return conf.iptables ? publish_iptables_check(&a.t, e) : check_by_nftables(&a.p, e);
}

static int portmap_gc(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *nft = NULL;
	AUTO(gc_clear) struct gc gc = { 0 };
	int r;

	if ((r = nl_open(NETLINK_NETFILTER, &nft, e)) < 0 ||
	    (r = gc_init(&gc, rq->network, rq->valid, rq->n_valid, e)) < 0 ||
	    (r = publish_gc(nft, &gc, e)) < 0)
		return r;

	return wants_iptables(rq) ? publish_iptables_gc(&gc, e) : 0;
}

static int portmap_status(const struct cni_request *rq, struct err *e)
{
	AUTO(conf_clear) struct conf conf = { .ports = NULL };

	return conf_read(rq, &conf, e);
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
