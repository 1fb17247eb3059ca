/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * macvlan - CNI plugin: a second MAC address on an interface of the host
 *
 *	container               host
 *	  eth0 ─── macvlan ───── master ─── the master's network
 *
 * The container is on the master's network as if it were plugged in there.  The
 * kernel keeps it apart from the host itself, which therefore does not reach it
 * through the master.
 *
 * Nothing of it is on the host, so there is nothing to find it by but itself.
 * It is born in the container under the name of lib/owner.h, which proves whose
 * it is; then it gets the alias that goes on to prove it, and CNI_IFNAME, in one
 * send.  Linux before 6.15 would also refuse CNI_IFNAME at birth if the host has
 * an interface of that name.
 *
 * Source: CNI specification; keys and defaults as the reference's macvlan
 * plugin 1.9; drivers/net/macvlan.c of the kernel.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "ipam/ipam.h"
#include "lib/attachment.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/gc.h"
#include "lib/iface.h"
#include "lib/link.h"
#include "lib/mac.h"
#include "lib/netns.h"
#include "lib/nl.h"
#include "lib/route.h"

/* ---- config -------------------------------------------------------------- */

struct conf {
	const char *master; /* NULL: the interface of the default route */
	uint32_t mode;	    /* MACVLAN_MODE_* */
	uint32_t mtu;
	uint32_t bc_queue_len;
	bool link_in_container;
	uint8_t mac[MAC_LEN];
	bool has_mac;
};

static const struct mode {
	const char *name;
	uint32_t mode;
} modes[] = {
	{ "bridge", MACVLAN_MODE_BRIDGE },
	{ "private", MACVLAN_MODE_PRIVATE },
	{ "vepa", MACVLAN_MODE_VEPA },
	{ "passthru", MACVLAN_MODE_PASSTHRU },
};

static const char *mode_name(uint32_t mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (modes[i].mode == mode)
			return modes[i].name;
	}

	return "unknown";
}

static int read_mode(const struct jnode *n, void *data, struct err *e)
{
	struct conf *conf = data;
	const char *text;
	int r = jn_str(n, &text, e);

	if (r < 0 || !*text)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (strcmp(text, modes[i].name) == 0) {
			conf->mode = modes[i].mode;
			return 0;
		}
	}

	return jn_bad(n, e, "\"%s\" is not bridge, private, vepa or passthru", text);
}

static bool is_empty(const struct jnode *n)
{
	return json_is_string(n->json) && json_string_length(n->json) == 0;
}

static int read_master(const struct jnode *n, void *data, struct err *e)
{
	struct conf *conf = data;

	return is_empty(n) ? 0 : attachment_read_ifname(n, &conf->master, e);
}

static int read_mac(const struct jnode *n, void *data, struct err *e)
{
	struct conf *conf = data;
	int r = is_empty(n) ? 0 : jn_mac(n, conf->mac, e);

	if (r < 0 || is_empty(n))
		return r;
	if (!mac_is_station(conf->mac))
		return jn_bad(n, e, "%s is not the MAC address of one station",
			      json_string_value(n->json));
	conf->has_mac = true;

	return 0;
}

static const struct jn_key conf_keys[] = {
	{ "master", JN_CALL, 0, .call = read_master },
	{ "mode", JN_CALL, 0, .call = read_mode },
	{ "mtu", JN_U32, offsetof(struct conf, mtu) },
	{ "mac", JN_CALL, 0, .call = read_mac },
	{ "bcqueuelen", JN_U32, offsetof(struct conf, bc_queue_len) },
	{ "linkInContainer", JN_BOOL, offsetof(struct conf, link_in_container) },
	{ 0 },
};

static int conf_read(const struct cni_request *rq, struct conf *ret, struct err *e)
{
	struct conf conf = { .mode = MACVLAN_MODE_BRIDGE };
	bool by_runtime = false;
	int r = jn_read(&rq->conf, conf_keys, &conf, e);

	/* What the runtime asks for weighs more than the config. */
	if (r == 0)
		r = cni_mac(rq, conf.mac, &by_runtime, e);
	if (r < 0)
		return r;
	conf.has_mac |= by_runtime;
	if (conf.has_mac && conf.mode == MACVLAN_MODE_PASSTHRU)
		return err_cni(e, CNI_E_CONFIG,
			       "mac: with mode passthru the interface has the MAC address of its "
			       "master; ask for none, or choose another mode");
	*ret = conf;

	return 0;
}

/* ---- the master ---------------------------------------------------------- */

static int take_default(const struct route *route, void *data)
{
	struct route *best = data;

	if (route->dst.len > 0 || route->table != RT_TABLE_MAIN || !route->index)
		return 0;
	if (!best->index || route->priority < best->priority)
		*best = *route;

	return 0;
}

/* IPv4 first, as the reference: a host may have a default route of IPv6 on another interface. */
static int find_default_master(struct nl *nl, struct link *ret, struct err *e)
{
	struct route best = { 0 };
	int r = route_each(nl, AF_INET, take_default, &best, e);

	if (r == 0 && !best.index)
		r = route_each(nl, AF_INET6, take_default, &best, e);
	if (r < 0)
		return r;
	if (!best.index)
		return err_cni(e, CNI_E_CONFIG,
			       "master: there is no default route whose interface could be it; "
			       "name one");

	return link_get_index(nl, best.index, ret, e);
}

static int find_master(struct nl *nl, const struct conf *conf, struct link *ret, struct err *e)
{
	int r;

	if (!conf->master)
		return find_default_master(nl, ret, e);
	r = link_get(nl, conf->master, ret, e);
	if (r == -ENODEV)
		return err_cni(e, CNI_E_CONFIG, "master: there is no interface %s %s", conf->master,
			       conf->link_in_container ? "in the container" : "on this host");

	return r;
}

static int check_master(const struct conf *conf, const struct link *master, struct err *e)
{
	if (conf->mtu > master->mtu)
		return err_cni(e, CNI_E_CONFIG, "mtu: %u is above the %u of the master %s",
			       conf->mtu, master->mtu, master->name);
	if (!(master->flags & IFF_UP))
		return err_cni(e, CNI_E_AGAIN,
			       "master: %s is down, and so would be what is on it; bring it up",
			       master->name);

	return 0;
}

/* ---- ADD ----------------------------------------------------------------- */

struct add {
	const struct cni_request *rq;
	struct conf conf;
	struct nl *host, *inside;
	struct cni_result *res;
	struct link master;
	struct link link; /* the macvlan */
};

static void add_clear(struct add *a)
{
	nl_close(a->host);
	nl_close(a->inside);
}

/* Everything that can be wrong and can be seen before anything is changed. */
static int look_first(struct add *a, struct err *e)
{
	const struct cni_request *rq = a->rq;
	struct conf *conf = &a->conf;
	int r;

	if ((r = conf_read(rq, conf, e)) < 0 || (r = nl_open(NETLINK_ROUTE, &a->host, e)) < 0 ||
	    (r = netns_nl_open(rq->netns_fd, NETLINK_ROUTE, &a->inside, e)) < 0 ||
	    (r = attachment_need_free(rq, a->inside, e)) < 0)
		return r;

	r = find_master(conf->link_in_container ? a->inside : a->host, conf, &a->master, e);
	if (r == 0)
		r = check_master(conf, &a->master, e);
	if (r == 0 && !conf->has_mac && conf->mode != MACVLAN_MODE_PASSTHRU)
		r = link_random_mac(conf->mac, e);

	return r;
}

static int create(struct add *a, struct err *e)
{
	const struct conf *conf = &a->conf;
	const struct link_macvlan m = {
		.name = a->rq->owner.host_ifname,
		.master = a->master.index,
		.netns = conf->link_in_container ? -1 : a->rq->netns_fd,
		.mode = conf->mode,
		.mac = conf->mode == MACVLAN_MODE_PASSTHRU ? NULL : conf->mac,
		.mtu = conf->mtu,
		.group = a->rq->owner.group,
		.bc_queue_len = conf->bc_queue_len,
	};
	struct nl *nl = conf->link_in_container ? a->inside : a->host;
	int r;

	link_put_macvlan(nl, &m);
	r = nl_commit(nl, e);
	if (r < 0)
		return err_wrap(e, r, "attach to the master %s", a->master.name);

	return link_get(a->inside, m.name, &a->link, e);
}

/* An older kernel passes over what it does not know. */
static int check_queue(const struct add *a, struct err *e)
{
	if (!a->conf.bc_queue_len || a->link.bc_queue_len)
		return 0;

	return err_cni(e, CNI_E_FIELD,
		       "bcqueuelen: %u cannot be set, this kernel has no such setting (Linux 5.11 "
		       "has); remove the key",
		       a->conf.bc_queue_len);
}

static int name_it(struct add *a, struct err *e)
{
	link_put_alias(a->inside, a->link.index, a->rq->owner.tag);
	link_put_name(a->inside, a->link.index, a->rq->ifname);

	return nl_commit(a->inside, e);
}

/* On failure nothing is kept. */
static int get_addresses(struct add *a, struct err *e)
{
	int r;

	if (!ipam_configured(a->rq))
		return 0;
	r = ipam_add(a->rq, a->res, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < a->res->n_ips; i++)
		a->res->ips[i].iface = 0;
	if (a->res->n_ips > 0)
		return 0;
	(void)ipam_del(a->rq, NULL);

	return err_cni(e, CNI_E_CONFIG, "ipam: the IPAM plugin gave no address");
}

static int configure_inside(struct add *a, struct err *e)
{
	const struct iface_conf conf = {
		.netns_fd = a->rq->netns_fd,
		.name = a->rq->ifname,
		.res = a->res,
		.iface = 0,
	};
	int r = iface_configure(a->inside, &conf, NULL, e);

	/* Not every master lets its MAC address be set while it is up, and so passthru's. */
	if (r == 0 && a->res->n_ips > 0)
		(void)iface_announce(a->inside, a->link.index, a->link.mac, NULL);

	return r;
}

/*
 * By its first name, by its alias, or by prevResult.  The last name alone proves
 * nothing: an ADD is refused because somebody else has it, and then comes DEL.
 * Return: 1, 0 or a negative errno.
 */
static int find_own(struct nl *inside, const struct cni_request *rq, struct link *ret,
		    struct err *e)
{
	int r = link_get(inside, rq->owner.host_ifname, ret, e);

	if (r != -ENODEV)
		return r < 0 ? r : 1;
	r = link_get(inside, rq->ifname, ret, e);
	if (r < 0)
		return r == -ENODEV ? 0 : r;

	return owner_has(&rq->owner, ret->alias, strlen(ret->alias)) ||
	       (strcmp(ret->kind, "macvlan") == 0 && attachment_is_adopted(rq, ret));
}

static void undo_create(struct add *a)
{
	struct link link;

	if (find_own(a->inside, a->rq, &link, NULL) <= 0)
		return;
	link_put_del(a->inside, link.index);
	(void)nl_commit(a->inside, NULL);
}

static int report(struct add *a, struct err *e)
{
	int r = attachment_report(a->res, a->rq->ifname, a->link.mac, a->rq->netns, e);

	return r < 0 ? r : 0;
}

/* The interface comes first, as an IPAM may need it (ipam_needs_interface()). */
static int make(struct add *a, struct err *e)
{
	int r;

	/* Each of these undoes itself too: what came of it is unknown when the answer is lost. */
	if ((r = create(a, e)) < 0 || (r = check_queue(a, e)) < 0 || (r = name_it(a, e)) < 0 ||
	    (r = get_addresses(a, e)) < 0)
		goto undo_link;
	if ((r = attachment_set_dns(a->rq, a->res, e)) < 0 || (r = configure_inside(a, e)) < 0 ||
	    (r = report(a, e)) < 0)
		goto undo_ipam;

	return 0;

undo_ipam:
	(void)ipam_del(a->rq, NULL);
undo_link:
	undo_create(a);

	return r;
}

static int macvlan_add(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	struct add a = { .rq = rq, .res = res };
	int r = look_first(&a, e);

	if (r == 0)
		r = make(&a, e);
	add_clear(&a);

	return r;
}

/* ---- DEL ----------------------------------------------------------------- */

/* Runs in the container. */
static int del_inside(void *data, struct err *e)
{
	const struct cni_request *rq = data;
	AUTO(nl_closep) struct nl *inside = NULL;
	struct link link;
	int r = nl_open(NETLINK_ROUTE, &inside, e);

	if (r < 0)
		return r;
	r = find_own(inside, rq, &link, e);

	return r > 0 ? link_del_quick(inside, link.index, e) : r;
}

/* In a namespace that is gone there is nothing to delete. */
static int del_link(const struct cni_request *rq, struct err *e)
{
	return rq->netns_fd < 0 ? 0 : netns_call(rq->netns_fd, del_inside, (void *)rq, e);
}

static int macvlan_del(const struct cni_request *rq, struct err *e)
{
	struct err next = { 0 };
	int first;

	if (ipam_needs_interface(rq)) {
		first = ipam_del(rq, e);
		return err_keep(first, e, del_link(rq, &next), &next);
	}
	/* A link that is still there may still use its address. */
	first = del_link(rq, e);

	return first < 0 ? first : ipam_del(rq, e);
}

/* ---- CHECK --------------------------------------------------------------- */

struct check {
	const struct cni_request *rq;
	struct conf conf;
	struct nl *host, *inside;
};

static void check_clear(struct check *c)
{
	nl_close(c->host);
	nl_close(c->inside);
}

/* The interface of the default route may have become another one since. */
static int check_attached(struct check *c, const struct link *link, struct err *e)
{
	bool in_container = c->conf.link_in_container;
	struct link master;
	int r;

	if (!c->conf.master)
		return 0;
	r = attachment_check_link(in_container ? c->inside : c->host, c->conf.master,
				  in_container ? "in the container" : "on the host", &master, e);
	if (r == 0 && link->peer != master.index)
		r = cni_differs(e, "%s in the container is not attached to %s", link->name,
				master.name);

	return r;
}

static int check_link(struct check *c, struct err *e)
{
	struct link link;
	int r = 0;

	/* If it is missing, iface_check() says so. */
	if (link_get(c->inside, c->rq->ifname, &link, NULL) < 0)
		return 0;
	if (strcmp(link.kind, "macvlan") != 0)
		return cni_differs(e, "%s in the container is no macvlan", link.name);
	if (link.macvlan_mode != c->conf.mode)
		r = cni_differs(e, "%s in the container has the mode %s, not %s", link.name,
				mode_name(link.macvlan_mode), mode_name(c->conf.mode));
	CNI_CHECK_STEP(r, check_attached(c, &link, e));

	return r;
}

static int check_all(struct check *c, struct err *e)
{
	const struct cni_request *rq = c->rq;
	struct err step = { 0 };
	int r;

	if ((r = cni_need_prev(rq, e)) < 0 || (r = conf_read(rq, &c->conf, e)) < 0 ||
	    (r = nl_open(NETLINK_ROUTE, &c->host, e)) < 0 ||
	    (r = netns_nl_open(rq->netns_fd, NETLINK_ROUTE, &c->inside, e)) < 0)
		return r;

	CNI_CHECK_STEP(r, iface_check(c->inside, rq->ifname, rq->netns, rq->prev, e));
	CNI_CHECK_STEP(r, check_link(c, e));
	CNI_CHECK_STEP(r, cni_fold(e, ipam_check(rq, &step), &step));

	return r;
}

static int macvlan_check(const struct cni_request *rq, struct err *e)
{
	struct check c = { .rq = rq };
	int r = check_all(&c, e);

	check_clear(&c);

	return r;
}

/* ---- GC and STATUS ------------------------------------------------------- */

struct collect {
	struct gc gc;
	int host_fd;
	int host_id; /* of the host's namespace, as the container counts */
	struct nl *out;
};

/* Before it has its alias, its name and group say whose it is. */
static bool is_newborn_garbage(const struct gc *gc, const struct link *link)
{
	struct owner owner;

	if (strncmp(link->name, OWNER_LINK_PREFIX, strlen(OWNER_LINK_PREFIX)) != 0 ||
	    link->group != gc->owner.group)
		return false;
	for (size_t i = 0; i < gc->n_valid; i++) {
		owner_init(&owner, gc->network, gc->valid[i].container_id, gc->valid[i].ifname);
		if (strcmp(link->name, owner.host_ifname) == 0)
			return false;
	}

	return true;
}

/* Its master is on this host, or beside it. */
static bool is_of_this_host(const struct collect *c, const struct link *link)
{
	return strcmp(link->kind, "macvlan") == 0 &&
	       (link->peer_netns_id < 0 || link->peer_netns_id == c->host_id);
}

static int collect_link(const struct link *link, void *data)
{
	struct collect *c = data;

	if (!is_of_this_host(c, link) ||
	    (!gc_is_garbage(&c->gc, link->alias, strlen(link->alias)) &&
	     !is_newborn_garbage(&c->gc, link)))
		return 0;
	link_put_del(c->out, link->index);

	return 0;
}

static int gc_netns(int fd, const char *path, void *data, struct err *e)
{
	AUTO(nl_closep) struct nl *in = NULL;
	AUTO(nl_closep) struct nl *out = NULL;
	struct collect *c = data;
	int r;

	if ((r = netns_nl_open(fd, NETLINK_ROUTE, &in, e)) < 0 ||
	    (r = netns_nl_open(fd, NETLINK_ROUTE, &out, e)) < 0 ||
	    (r = netns_id(in, c->host_fd, &c->host_id, e)) < 0)
		return err_wrap(e, r, "%s", path);
	c->out = out;
	r = link_each(in, collect_link, c, e);
	if (r == 0)
		r = nl_commit(out, e);

	return r < 0 && r != -ENODEV ? err_wrap(e, r, "%s", path) : 0;
}

static int gc_links(const struct cni_request *rq, struct err *e)
{
	AUTO_FD int self = netns_open_self(e);
	struct collect c = { .host_fd = self };
	int r;

	if (self < 0)
		return self;
	r = gc_init(&c.gc, rq->network, rq->valid, rq->n_valid, e);
	if (r < 0)
		return r;
	r = netns_each(gc_netns, &c, e);
	gc_clear(&c.gc);

	return r;
}

static int macvlan_gc(const struct cni_request *rq, struct err *e)
{
	struct err next = { 0 };
	int first = gc_links(rq, e);

	return err_keep(first, e, ipam_gc(rq, &next), &next);
}

static int status_of_master(const struct conf *conf, struct err *e)
{
	AUTO(nl_closep) struct nl *host = NULL;
	struct link master;
	int r;

	/* Each container has its own. */
	if (conf->link_in_container)
		return 0;
	r = nl_open(NETLINK_ROUTE, &host, e);
	if (r < 0)
		return r;
	r = find_master(host, conf, &master, e);
	if (r == 0)
		r = check_master(conf, &master, e);
	if (r < 0 && e)
		e->cni = CNI_E_UNAVAILABLE;

	return r;
}

static int macvlan_status(const struct cni_request *rq, struct err *e)
{
	struct conf conf;
	int r = conf_read(rq, &conf, e);

	if (r == 0)
		r = status_of_master(&conf, e);

	return r < 0 ? r : ipam_status(rq, e);
}

int main(void)
{
	static const struct cni_plugin macvlan = {
		.name = "macvlan",
		.add = macvlan_add,
		.del = macvlan_del,
		.check = macvlan_check,
		.gc = macvlan_gc,
		.status = macvlan_status,
	};

	return cni_main(&macvlan);
}
