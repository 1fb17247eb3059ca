/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ptp - CNI plugin: a veth pair between a container and the host, routed
 *
 *	container                                  host
 *	  eth0 10.1.1.5/24 ───── veth pair ───── hv<hash> 10.1.1.1/32
 *	  10.1.1.1    on eth0                      10.1.1.5 on hv<hash>
 *	  10.1.1.0/24 via 10.1.1.1
 *
 * There is no link between containers: also what goes to another address of the
 * subnet is routed by the host, which has the gateway's address on every pair
 * and a route to each container.
 *
 * ADD looks at everything first, then asks IPAM, then makes its changes; what
 * it made is undone in reverse when a later step fails.  DEL, CHECK and GC find
 * things by the marks of lib/owner.h and need no record.
 *
 * Source: CNI specification; keys and defaults as the reference's ptp plugin 1.9.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "ipam/ipam.h"
#include "lib/addr.h"
#include "lib/attachment.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/gc.h"
#include "lib/iface.h"
#include "lib/linger.h"
#include "lib/link-gc.h"
#include "lib/link.h"
#include "lib/masq.h"
#include "lib/netns.h"
#include "lib/nl.h"
#include "lib/route.h"
#include "lib/sysctl.h"
#include "lib/veth.h"

/* ---- config -------------------------------------------------------------- */

struct conf {
	bool ip_masq;
	enum masq_backend masq_backend;
	uint32_t mtu;
	uint8_t mac[MAC_LEN];
	bool has_mac;
};

static int read_backend(const struct jnode *n, void *data, struct err *e)
{
	struct conf *conf = data;

	return masq_read_backend(n, &conf->masq_backend, e);
}

static const struct jn_key conf_keys[] = {
	{ "ipMasq", JN_BOOL, offsetof(struct conf, ip_masq) },
	{ "ipMasqBackend", JN_CALL, 0, .call = read_backend },
	{ "mtu", JN_U32, offsetof(struct conf, mtu), 0, 65535 },
	{ 0 },
};

static int conf_read(const struct cni_request *rq, struct conf *ret, struct err *e)
{
	struct conf conf = { 0 };
	int r = jn_read(&rq->conf, conf_keys, &conf, e);

	if (r == 0)
		r = cni_mac(rq, conf.mac, &conf.has_mac, e);
	if (r < 0)
		return r;
	if (!ipam_configured(rq))
		return err_cni(e, CNI_E_CONFIG,
			       "ipam: ptp routes to a container by its address, so it needs an "
			       "ipam with a type");
	*ret = conf;

	return 0;
}

/* All that DEL and GC want to know: a config that went bad must not block them. */
static enum masq_backend backend_of_del(const struct cni_request *rq)
{
	enum masq_backend backend = MASQ_NFTABLES;
	struct jnode value;

	if (jn_get(&rq->conf, "ipMasqBackend", &value))
		(void)masq_read_backend(&value, &backend, NULL);

	return backend;
}

/* What stays in the network crosses the host, but is not masqueraded. */
static int masq_of(struct masq *m, const struct cni_request *rq, enum masq_backend backend,
		   const struct cni_result *res, struct err *e)
{
	int r = masq_init(m, rq, backend, rq->owner.host_ifname, res, e);

	if (r == 0)
		m->routed = true;

	return r;
}

/* ---- ADD ----------------------------------------------------------------- */

#define HOST_IFACE	0 /* places in res->ifaces; chained plugins rely on the order */
#define CONTAINER_IFACE 1

struct add {
	const struct cni_request *rq;
	struct conf conf;
	struct nl *host, *inside, *nft; /* nft is opened when it is needed */
	struct cni_result *res;
	struct link port; /* the host's end */
	struct masq masq;
	uint8_t host_mac[MAC_LEN], mac[MAC_LEN];
};

static void add_clear(struct add *a)
{
	nl_close(a->host);
	nl_close(a->inside);
	linger_close(a->nft);
	masq_clear(&a->masq);
}

/* Everything that can be wrong and can be seen before anything is changed. */
static int look_first(struct add *a, struct err *e)
{
	const struct cni_request *rq = a->rq;
	int r;

	if ((r = conf_read(rq, &a->conf, e)) < 0 || (r = nl_open(NETLINK_ROUTE, &a->host, e)) < 0 ||
	    (r = netns_nl_open(rq->netns_fd, NETLINK_ROUTE, &a->inside, e)) < 0 ||
	    (r = attachment_need_free(rq, a->inside, e)) < 0)
		return r;

	if (!a->conf.has_mac && (r = link_random_mac(a->conf.mac, e)) < 0)
		return r;
	memcpy(a->mac, a->conf.mac, MAC_LEN);

	return link_random_mac(a->host_mac, e);
}

static int complete_address(struct cni_ip *ip, struct err *e)
{
	char address[IP_NET_STRLEN], gateway[IP_STRLEN];
	bool alone = ip->address.len == ip_bits(ip->address.addr.family);

	ip->iface = CONTAINER_IFACE;
	if (!ip_is_set(&ip->gateway) && !alone)
		ip->gateway = ip_net_first_host(&ip->address);
	if (!ip_is_set(&ip->gateway))
		return err_cni(e, CNI_E_CONFIG,
			       "ipam: %s has no gateway and no subnet to take one from; ptp needs "
			       "one, as the container's only way out",
			       ip_net_str(&ip->address, address));
	if (ip_equal(&ip->gateway, &ip->address.addr))
		return err_cni(e, CNI_E_CONFIG,
			       "ipam: %s is the container's address and its gateway's; the host's "
			       "end of the link needs one of its own",
			       ip_str(&ip->gateway, gateway));

	return 0;
}

static int complete_addresses(struct add *a, struct err *e)
{
	struct cni_result *res = a->res;
	int r = 0;

	if (res->n_ips == 0)
		return err_cni(e, CNI_E_CONFIG, "ipam: the IPAM plugin gave no address");
	for (size_t i = 0; r == 0 && i < res->n_ips; i++)
		r = complete_address(&res->ips[i], e);

	return r;
}

static int forward(struct add *a, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->res->n_ips; i++)
		r = sysctl_enable_forwarding(a->res->ips[i].address.addr.family, e);

	return r;
}

static int attach(struct add *a, struct err *e)
{
	const struct owner *o = &a->rq->owner;
	const struct link_veth veth = {
		.name = o->host_ifname,
		.peer = a->rq->ifname,
		.peer_netns = a->rq->netns_fd,
		.mac = a->host_mac,
		.peer_mac = a->mac,
		.mtu = a->conf.mtu,
		.group = o->group,
	};
	int r;

	link_put_veth(a->host, &veth);
	r = nl_commit(a->host, e);

	return r < 0 ? r : link_get(a->host, o->host_ifname, &a->port, e);
}

static struct route route_to_container(const struct cni_ip *ip, int index)
{
	return (struct route){
		.dst = ip_host_net(&ip->address.addr),
		.index = index,
		.scope = RT_SCOPE_LINK,
		.only = true,
	};
}

/*
 * Both before frames pass, which they do when the container's end comes up.  A
 * host that does not forward IPv6 would take a router advertisement from the
 * container (CVE-2020-10749).  And while it made sure that nobody else on the
 * link has its link-local address, it would not look for the container.
 */
static int configure_host_ipv6(const char *ifname, struct err *e)
{
	int r = sysctl_set("0", e, "net/ipv6/conf/%s/accept_ra", ifname);

	if (r == 0)
		r = sysctl_set("0", e, "net/ipv6/conf/%s/accept_dad", ifname);

	return r == -ENOENT ? 0 : r; /* no IPv6 on this host */
}

static int configure_host(struct add *a, struct err *e)
{
	const struct cni_result *res = a->res;
	int index = a->port.index;
	int r;

	r = configure_host_ipv6(a->port.name, e);
	if (r < 0)
		return r;
	link_put_alias(a->host, index, a->rq->owner.tag);
	for (size_t i = 0; i < res->n_ips; i++) {
		struct ip_net gateway = ip_host_net(&res->ips[i].gateway);
		struct route route = route_to_container(&res->ips[i], index);

		if (!iface_repeats_gateway(res, i))
			addr_put_add(a->host, index, &gateway, IFA_F_NODAD | IFA_F_NOPREFIXROUTE);
		route_put_add(a->host, &route);
	}
	r = nl_commit(a->host, e);
	if (r == -EEXIST)
		return err_wrap(e, r,
				"the address is routed elsewhere on this host; do subnets of "
				"two networks overlap?");

	return r;
}

static int configure_inside(struct add *a, struct err *e)
{
	const struct iface_conf conf = {
		.netns_fd = a->rq->netns_fd,
		.name = a->rq->ifname,
		.res = a->res,
		.iface = CONTAINER_IFACE,
		.by_gateway = true,
	};

	return iface_configure(a->inside, &conf, NULL, e);
}

static int masquerade(struct add *a, struct err *e)
{
	int r;

	if (!a->conf.ip_masq)
		return 0;
	if ((r = nl_open(NETLINK_NETFILTER, &a->nft, e)) < 0 ||
	    (r = masq_of(&a->masq, a->rq, a->conf.masq_backend, a->res, e)) < 0)
		return r;

	return masq_add(a->nft, &a->masq, e);
}

static void unmasquerade(struct add *a)
{
	if (a->masq.n_addrs > 0)
		(void)masq_del(a->nft, &a->masq, NULL);
}

static int report(struct add *a, struct err *e)
{
	int r = attachment_report(a->res, a->port.name, a->host_mac, NULL, e);

	if (r >= 0)
		r = attachment_report(a->res, a->rq->ifname, a->mac, a->rq->netns, e);

	return r < 0 ? r : 0;
}

static int make(struct add *a, struct err *e)
{
	int r = ipam_add(a->rq, a->res, e);

	if (r < 0)
		return r;
	if ((r = complete_addresses(a, e)) < 0 || (r = attachment_set_dns(a->rq, a->res, e)) < 0 ||
	    (r = forward(a, e)) < 0)
		goto undo_ipam;
	/* Each of these undoes itself too: what came of it is unknown when the answer is lost. */
	if ((r = attach(a, e)) < 0 || (r = configure_host(a, e)) < 0 ||
	    (r = configure_inside(a, e)) < 0)
		goto undo_attach;
	/* Nobody else is on the link, so nobody has to hear of the addresses. */
	if ((r = masquerade(a, e)) < 0 || (r = link_wait_up(a->host, a->port.index, e)) < 0 ||
	    (r = report(a, e)) < 0)
		goto undo_masquerade;

	return 0;

undo_masquerade:
	unmasquerade(a);
undo_attach:
	veth_undo(a->host, &a->rq->owner, a->host_mac);
undo_ipam:
	(void)ipam_del(a->rq, NULL);

	return r;
}

static int ptp_add(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	struct add a = { .rq = rq, .res = res };
	int r = look_first(&a, e);

	if (r == 0)
		r = make(&a, e);
	add_clear(&a);

	return r;
}

/* ---- DEL ----------------------------------------------------------------- */

static int del_masquerade(const struct cni_request *rq, struct nl *nft, struct err *e)
{
	struct masq m;
	int r;

	r = masq_of(&m, rq, backend_of_del(rq), rq->prev, e);
	if (r < 0)
		return r;
	r = masq_del(nft, &m, e);
	masq_clear(&m);

	return r;
}

/* Each step is tried, whatever became of the one before. */
static int ptp_del(const struct cni_request *rq, struct err *e)
{
	AUTO(linger_closep) struct nl *nft = NULL;
	struct err next = { 0 };
	int first;

	/* A link that is still there may still use its address. */
	if ((first = nl_open(NETLINK_NETFILTER, &nft, e)) < 0 || (first = veth_del(rq, e)) < 0)
		return first;
	first = del_masquerade(rq, nft, e);

	return err_keep(first, e, ipam_del(rq, &next), &next);
}

/* ---- CHECK --------------------------------------------------------------- */

struct check {
	const struct cni_request *rq;
	struct conf conf;
	struct nl *host, *inside, *nft;
};

static void check_clear(struct check *c)
{
	nl_close(c->host);
	nl_close(c->inside);
	nl_close(c->nft);
}

static int check_address(struct check *c, const struct link *port, const struct cni_ip *ip,
			 struct err *e)
{
	struct ip_net gateway = ip_host_net(&ip->gateway);
	struct route route = route_to_container(ip, port->index);
	char text[IP_NET_STRLEN];
	int r = 0, has;

	if (ip_is_set(&ip->gateway)) {
		has = addr_has(c->host, port->index, &gateway, e);
		if (has < 0)
			return has;
		if (!has)
			r = cni_differs(e, "%s has no address %s", port->name,
					ip_net_str(&gateway, text));
	}
	has = route_has(c->host, &route, e);
	if (has < 0)
		return has;
	if (!has)
		r = cni_differs(e, "the host has no route to %s on %s",
				ip_net_str(&route.dst, text), port->name);

	return r;
}

static int check_host(struct check *c, struct err *e)
{
	const struct cni_request *rq = c->rq;
	struct link port;
	int r = attachment_check_link(c->host, rq->owner.host_ifname, "on the host", &port, e);

	if (r < 0)
		return r;
	if (!(port.flags & IFF_UP))
		r = cni_differs(e, "%s is down", port.name);
	for (size_t i = 0; i < rq->prev->n_ips; i++) {
		if (rq->prev->ips[i].iface == CONTAINER_IFACE)
			CNI_CHECK_STEP(r, check_address(c, &port, &rq->prev->ips[i], e));
	}

	return r;
}

static int check_masquerade(struct check *c, struct err *e)
{
	const struct cni_request *rq = c->rq;
	struct err step = { 0 };
	struct masq m;
	int r;

	r = masq_of(&m, rq, c->conf.masq_backend, rq->prev, e);
	if (r < 0)
		return r;
	r = masq_check(c->nft, &m, &step);
	masq_clear(&m);

	return cni_fold(e, r, &step);
}

static int check_all(struct check *c, struct err *e)
{
	const struct cni_request *rq = c->rq;
	struct err step = { 0 };
	int r;

	if ((r = cni_need_prev(rq, e)) < 0 || (r = conf_read(rq, &c->conf, e)) < 0 ||
	    (r = nl_open(NETLINK_ROUTE, &c->host, e)) < 0 ||
	    (r = nl_open(NETLINK_NETFILTER, &c->nft, e)) < 0 ||
	    (r = netns_nl_open(rq->netns_fd, NETLINK_ROUTE, &c->inside, e)) < 0)
		return r;

	CNI_CHECK_STEP(r, check_host(c, e));
	CNI_CHECK_STEP(r, iface_check(c->inside, rq->ifname, rq->netns, rq->prev, e));
	CNI_CHECK_STEP(r, iface_check_by_gateway(c->inside, rq->ifname, rq->netns, rq->prev, e));
	if (c->conf.ip_masq)
		CNI_CHECK_STEP(r, check_masquerade(c, e));
	CNI_CHECK_STEP(r, cni_fold(e, ipam_check(rq, &step), &step));

	return r;
}

static int ptp_check(const struct cni_request *rq, struct err *e)
{
	struct check c = { .rq = rq };
	int r = check_all(&c, e);

	check_clear(&c);

	return r;
}

/* ---- GC and STATUS ------------------------------------------------------- */

static int gc_masquerade(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *nft = NULL;
	AUTO(gc_clear) struct gc gc = { 0 };
	int r;

	if ((r = nl_open(NETLINK_NETFILTER, &nft, e)) < 0 ||
	    (r = gc_init(&gc, rq->network, rq->valid, rq->n_valid, e)) < 0)
		return r;

	return masq_gc(nft, backend_of_del(rq), &gc, e);
}

static int ptp_gc(const struct cni_request *rq, struct err *e)
{
	struct err next = { 0 };
	int first = link_gc(rq, OWNER_LINK_PREFIX, "veth", e);

	first = err_keep(first, e, gc_masquerade(rq, &next), &next);

	return err_keep(first, e, ipam_gc(rq, &next), &next);
}

static int ptp_status(const struct cni_request *rq, struct err *e)
{
	struct conf conf;
	int r = conf_read(rq, &conf, e);

	return r < 0 ? r : ipam_status(rq, e);
}

int main(void)
{
	static const struct cni_plugin ptp = {
		.name = "ptp",
		.add = ptp_add,
		.del = ptp_del,
		.check = ptp_check,
		.gc = ptp_gc,
		.status = ptp_status,
	};

	return cni_main(&ptp);
}
