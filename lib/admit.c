/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admit - see admit.h. */
#include "lib/admit.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/admit-iptables.h"
#include "lib/admit-list.h"
#include "lib/admit-own.h"
#include "lib/admit-shared.h"
#include "lib/bridge.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/gc.h"
#include "lib/mac.h"
#include "lib/nl.h"
#include "lib/zone.h"

/* A list can be removed between the moment that it is made and the first jump to it. */
#define LIST_TRIES 8

/* ---- config ------------------------------------------------------------------ */

int admit_read_backend(const struct jnode *n, enum admit_backend *ret, struct err *e)
{
	static const char *const names[] = {
		[ADMIT_AUTO] = "",
		[ADMIT_NFTABLES] = "nftables",
		[ADMIT_IPTABLES] = "iptables",
		[ADMIT_FIREWALLD] = "firewalld",
	};
	const char *text;
	int r = jn_str(n, &text, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum admit_backend)i;
			return 0;
		}
	}

	return jn_bad(n, e, "\"%s\" is neither nftables, iptables nor firewalld", text);
}

int admit_read_policy(const struct jnode *n, enum admit_policy *ret, struct err *e)
{
	static const struct {
		const char *name;
		enum admit_policy policy;
	} policies[] = {
		{ "", ADMIT_OPEN },
		{ "open", ADMIT_OPEN },
		{ "same-bridge", ADMIT_SAME_BRIDGE },
		{ "isolated", ADMIT_ISOLATED },
	};
	const char *text;
	int r = jn_str(n, &text, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		if (strcmp(text, policies[i].name) == 0) {
			*ret = policies[i].policy;
			return 0;
		}
	}

	return jn_bad(n, e, "\"%s\" is neither open, same-bridge nor isolated", text);
}

/* ---- the attachment ------------------------------------------------------------ */

/* Interface @i of a result if it is on the host, or "". */
static const char *on_host(const struct cni_result *res, size_t i)
{
	return i < res->n_ifaces && !res->ifaces[i].sandbox ? res->ifaces[i].name : "";
}

/* An address may say that it is another interface's. */
static bool is_of(const struct cni_result *res, const struct cni_ip *ip, const char *ifname)
{
	return ip->iface < 0 || (size_t)ip->iface >= res->n_ifaces ||
	       strcmp(res->ifaces[ip->iface].name, ifname) == 0;
}

/* The MAC of its interface, as a result tells it. */
static void init_mac(struct admit *a, const struct cni_request *rq)
{
	for (size_t i = 0; rq->prev && i < rq->prev->n_ifaces; i++) {
		const struct cni_iface *iface = &rq->prev->ifaces[i];

		if (iface->sandbox && iface->mac && strcmp(iface->name, rq->ifname) == 0)
			a->has_mac = mac_parse(iface->mac, a->mac) == 0;
	}
}

int admit_init(struct admit *a, const struct cni_request *rq, struct err *e)
{
	const struct cni_result *prev = rq->prev;
	struct ip_addr *addrs = calloc((prev ? prev->n_ips : 0) + 1, sizeof(*addrs));

	if (!addrs)
		return err_sys(e, ENOMEM, "list the attachment's addresses");
	a->owner = &rq->owner;
	a->network = rq->network;
	a->container_id = rq->container_id;
	a->ifname = prev ? on_host(prev, 0) : "";
	a->port = *a->ifname ? on_host(prev, 1) : "";
	init_mac(a, rq);
	a->addrs = addrs;
	a->n_addrs = 0;
	for (size_t i = 0; prev && i < prev->n_ips; i++)
		if (is_of(prev, &prev->ips[i], rq->ifname))
			addrs[a->n_addrs++] = prev->ips[i].address.addr;

	return 0;
}

void admit_clear(struct admit *a)
{
	allow_clear(&a->ingress);
	allow_clear(&a->egress);
	free(a->addrs);
	a->addrs = NULL;
	a->n_addrs = 0;
}

static bool has_lists(const struct admit *a)
{
	return allow_given(&a->ingress) || allow_given(&a->egress);
}

bool admit_in_nftables(const struct admit *a)
{
	return a->backend != ADMIT_IPTABLES || has_lists(a) || a->spoofchk;
}

bool admit_has_family(const struct admit *a, uint8_t family)
{
	for (size_t i = 0; i < a->n_addrs; i++)
		if (a->addrs[i].family == family)
			return true;

	return false;
}

/* ---- the backend ----------------------------------------------------------------- */

static int need_firewalld(const struct admit *a, struct err *e)
{
	int r;

	if (!zone_may_ask())
		return err_cni(
			e, CNI_E_UNAVAILABLE,
			"backend: only root of the host can speak to firewalld: leave the key "
			"out, or set \"nftables\"");
	r = zone_check(a->zone, NULL, 0, e);
	if (r == 0)
		return err_cni(
			e, CNI_E_UNAVAILABLE,
			"backend: \"firewalld\" is not on the system bus: start it, or leave the "
			"key out");

	return r < 0 ? r : 0;
}

/* Return: 1, 0, or a negative errno. */
static int is_firewalld_host(struct nl *nl, const struct admit *a, struct err *e)
{
	int r = zone_rules(nl, e);

	if (r <= 0 || !zone_may_ask())
		return r < 0 ? r : 0;

	return zone_check(a->zone, NULL, 0, e);
}

int admit_choose(struct nl *nl, struct admit *a, struct err *e)
{
	int r;

	if (a->backend == ADMIT_FIREWALLD)
		return need_firewalld(a, e);
	if (a->backend != ADMIT_AUTO)
		return 0;
	r = is_firewalld_host(nl, a, e);
	if (r < 0)
		return r;
	a->backend = r > 0 ? ADMIT_FIREWALLD : ADMIT_NFTABLES;

	return 0;
}

/* ---- lists ------------------------------------------------------------------------ */

static const struct allow *list_of(const struct admit *a, enum admit_way way)
{
	return way == ADMIT_IN ? &a->ingress : &a->egress;
}

static const enum admit_way ways[] = { ADMIT_IN, ADMIT_OUT };

/*
 * Neighbours see each other through the bridge, where there are no connections to
 * ask for, unless the bridge hands their packets to the host's rules first.
 */
static int see_neighbours(const struct admit *a, struct err *e)
{
	AUTO(nl_closep) struct nl *nl = NULL;
	int r;

	if (!*a->port)
		return 0;
	if (access("/proc/sys/net/bridge", F_OK) < 0)
		return err_cni(e, CNI_E_CONFIG,
			       "%s: between containers of one bridge it needs the kernel module "
			       "br_netfilter: load it (modprobe br_netfilter, and name it in "
			       "/etc/modules-load.d)",
			       allow_given(&a->ingress) ? "ingress" : "egress");
	r = nl_open(NETLINK_ROUTE, &nl, e);

	return r < 0 ? r : bridge_filter_ip(nl, a->ifname, e);
}

static int add_lists(struct nl *nl, const struct admit *a, struct err *e)
{
	struct owner network;
	int r = 0;

	owner_init(&network, a->network, "", "");
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(ways); i++)
		if (allow_given(list_of(a, ways[i])))
			r = admit_list_add(nl, ways[i], list_of(a, ways[i]), &network, e);

	return r;
}

static int release_lists(struct nl *nl, const struct admit *a, struct err *e)
{
	int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		int r = allow_given(list_of(a, ways[i]))
				? admit_list_release(nl, ways[i], list_of(a, ways[i]), e)
				: 0;

		if (r < 0)
			return r;
		n += r;
	}

	return n;
}

static int check_lists(struct nl *nl, const struct admit *a, struct err *e)
{
	struct err next;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		int each = allow_given(list_of(a, ways[i]))
				   ? admit_list_check(nl, ways[i], list_of(a, ways[i]), &next)
				   : 0;

		r = err_keep(r, e, each, &next);
	}

	return r;
}

/* ---- add -------------------------------------------------------------------------- */

static int take_listed(struct nl *nl, const struct admit *a, struct err *e)
{
	int r = see_neighbours(a, e);

	if (r < 0)
		return r;
	for (int i = 0; i < LIST_TRIES; i++) {
		r = add_lists(nl, a, e);
		if (r == 0)
			r = admit_own_take(nl, a, e);
		if (r != -ENOENT)
			break;
	}

	return r;
}

static int release(struct nl *nl, const struct admit *a, struct err *e)
{
	int own = admit_own_release(nl, a, e), lists = 0, shared = 0;

	if (own < 0)
		return own;
	lists = release_lists(nl, a, e);
	if (lists >= 0 && admit_shares(a) && (own > 0 || *a->ifname))
		shared = admit_shared_release(nl, a, e);

	return lists < 0 ? lists : shared < 0 ? shared : own + lists + shared;
}

static int take_or_undo(struct nl *nl, const struct admit *a, struct err *e)
{
	int r = has_lists(a) ? take_listed(nl, a, e) : admit_own_take(nl, a, e);

	if (r == 0)
		r = a->backend == ADMIT_IPTABLES ? admit_iptables_add(a, e)
						 : admit_shared_take(nl, a, e);
	if (r < 0)
		(void)release(nl, a, NULL);

	return r;
}

/* What would be promised and not kept. */
static int check_kept(const struct admit *a, struct err *e)
{
	const char *key = a->policy != ADMIT_OPEN    ? "ingressPolicy"
			  : a->internal		     ? "internal"
			  : allow_given(&a->ingress) ? "ingress"
			  : allow_given(&a->egress)  ? "egress"
						     : NULL;

	if (!*a->ifname && key)
		return err_cni(e, CNI_E_CONFIG,
			       "%s: needs a bridge on the host that leads to the container, and "
			       "prevResult.interfaces[0] is none",
			       key);
	if (a->internal && a->backend == ADMIT_IPTABLES)
		return err_cni(e, CNI_E_FIELD,
			       "internal: the chains of backend iptables have no place for it: "
			       "leave backend out");
	if (a->spoofchk && (!*a->port || !a->has_mac))
		return err_cni(e, CNI_E_CONFIG,
			       "spoofchk: needs the container's port of a bridge, as "
			       "prevResult.interfaces[1], and its MAC in prevResult.interfaces");

	return 0;
}

int admit_add(struct nl *nl, const struct admit *a, struct err *e)
{
	int r = check_kept(a, e);

	if (r < 0 || !*a->ifname)
		return r;
	r = admit_in_nftables(a) ? take_or_undo(nl, a, e) : admit_iptables_add(a, e);

	return r < 0 ? err_wrap(e, r, "admit to forwarding") : 0;
}

/* ---- del --------------------------------------------------------------------------- */

int admit_del(struct nl *nl, const struct admit *a, struct err *e)
{
	struct err next;
	int n, r;

	n = r = release(nl, a, e);
	if (a->backend == ADMIT_IPTABLES || (n == 0 && admit_iptables_in_use(nl))) {
		int each = admit_iptables_del(a, &next);

		r = err_keep(r, e, each, &next);
	}

	return r < 0 ? err_wrap(e, r, "end forwarding") : n;
}

/* ---- check ------------------------------------------------------------------------- */

static int check_chains(struct nl *nl, const struct admit *a, struct err *e)
{
	return a->backend == ADMIT_IPTABLES ? admit_iptables_check(a, e)
					    : admit_shared_check(nl, a, e);
}

static int check_own(struct nl *nl, const struct admit *a, struct err *e)
{
	return admit_in_nftables(a) ? admit_own_check(nl, a, e) : 0;
}

int admit_check(struct nl *nl, const struct admit *a, struct err *e)
{
	static int (*const checks[])(struct nl * nl, const struct admit *a,
				     struct err *e) = { check_own, check_lists, check_chains };
	struct err next;
	int r = 0;

	for (size_t i = 0; *a->ifname && i < ARRAY_SIZE(checks); i++) {
		int each = checks[i](nl, a, &next);

		r = err_keep(r, e, each, &next);
	}

	return r < 0 ? err_wrap(e, r, "admission to forwarding") : 0;
}

/* ---- gc ------------------------------------------------------------------------------ */

static int collect(struct nl *nl, const struct admit *conf, const struct gc *gc, struct err *e)
{
	int own = admit_own_gc(nl, conf->zone, gc, e), lists = 0, shared = 0;

	if (own < 0)
		return own;
	lists = admit_list_gc(nl, gc, e);
	if (lists >= 0 && gc->n_valid == 0)
		shared = admit_shared_gc(nl, gc, e);

	return lists < 0 ? lists : shared < 0 ? shared : own + lists + shared;
}

int admit_gc(struct nl *nl, const struct admit *conf, const struct gc *gc, struct err *e)
{
	struct err next;
	int n, r;

	n = r = collect(nl, conf, gc, e);
	if (conf->backend == ADMIT_IPTABLES) {
		int each = admit_iptables_gc(gc, &next);

		r = err_keep(r, e, each, &next);
	}

	return r < 0 ? err_wrap(e, r, "collect forwarding of network %s", gc->network) : n;
}
