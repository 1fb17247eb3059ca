/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor-kernel - checks of sysctls, and of what the kernel can do */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/link.h"
#include "lib/netns.h"
#include "lib/netsysctl.h"
#include "lib/nft.h"
#include "lib/nl.h"
#include "lib/ruleset.h"

/* The number in a setting of /proc/sys, or -1 if there is no such setting. */
static int setting(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int setting(const char *fmt, ...)
{
	char path[NETSYSCTL_PATH_SIZE];
	AUTO_FREE char *value = NULL;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);

	return netsysctl_read(path, &value, NULL) < 0 ? -1 : atoi(value);
}

/* ---- forwarding ------------------------------------------------------------------- */

/* The first ADD turns it on, so it matters only where somebody has turned it off again. */
static bool needs_forwarding(const struct doctor *d, uint8_t family)
{
	for (size_t i = 0; i < d->store.n; i++) {
		const struct network *net = &d->store.networks[i];

		if (net->internal || !doctor_is_bridge(net) || !doctor_used_by(d, net->name))
			continue;
		for (size_t j = 0; j < net->n_subnets; j++)
			if (net->subnets[j].subnet.addr.family == family)
				return true;
	}

	return false;
}

int doctor_forwarding(struct doctor *d, struct err *e)
{
	(void)e;
	if (needs_forwarding(d, AF_INET) && setting("net/ipv4/ip_forward") == 0)
		doctor_find(d, DOCTOR_ERROR, "sysctl -w net.ipv4.ip_forward=1",
			    "net.ipv4.ip_forward is 0: containers reach nothing beyond this host");
	if (needs_forwarding(d, AF_INET6) && setting("net/ipv6/conf/all/forwarding") == 0)
		doctor_find(d, DOCTOR_ERROR, "sysctl -w net.ipv6.conf.all.forwarding=1",
			    "net.ipv6.conf.all.forwarding is 0: containers reach nothing beyond "
			    "this host with IPv6");

	return 0;
}

/* ---- reverse path filters ------------------------------------------------------------ */

/* Whether a container is on @network and on another one too. */
static bool has_visitor(const struct doctor *d, const char *network)
{
	for (size_t i = 0; i < d->census.n; i++) {
		const struct census_item *a = d->census.items[i];

		if (a->state != CENSUS_LIVES || strcmp(a->network, network) != 0)
			continue;
		for (size_t j = 0; j < d->census.n; j++) {
			const struct census_item *b = d->census.items[j];

			if (b->state == CENSUS_LIVES && strcmp(b->network, network) != 0 &&
			    strcmp(b->container_id, a->container_id) == 0)
				return true;
		}
	}

	return false;
}

/*
 * A container on two networks answers by its default route, whichever network
 * it was asked through; the strict filter drops what comes in by the other one.
 * The kernel takes the greater of both settings.
 */
int doctor_reverse_path(struct doctor *d, struct err *e)
{
	int all = setting("net/ipv4/conf/all/rp_filter");

	(void)e;
	for (size_t i = 0; i < d->store.n; i++) {
		const struct network *net = &d->store.networks[i];
		AUTO_FREE char *mend = NULL;
		int own;

		if (!doctor_is_bridge(net) || !has_visitor(d, net->name))
			continue;
		own = setting("net/ipv4/conf/%s/rp_filter", net->link);
		if ((own > all ? own : all) != 1)
			continue;
		mend = doctor_text("sysctl -w net.ipv4.conf.%s.rp_filter=2", net->link);
		doctor_find(d, DOCTOR_WARNING, mend,
			    "strict reverse path filter on %s: of containers of %s that are on "
			    "another network too, answers through the wrong one are dropped",
			    net->link, net->name);
	}

	return 0;
}

/* ---- bridge netfilter ------------------------------------------------------------------ */

/* With it on, frames within a bridge pass the FORWARD chain, where only `firewall` lets them. */
int doctor_bridge_netfilter(struct doctor *d, struct err *e)
{
	static const struct nft_table table = { .family = NFPROTO_IPV4, .name = "filter" };
	static const struct nft_chain chain = { .table = &table, .name = "FORWARD" };
	struct nft_chain_state state;
	int r;

	if (setting("net/bridge/bridge-nf-call-iptables") != 1)
		return 0;
	r = nft_get_chain(d->nft, &chain, &state, e);
	if (r <= 0 || state.policy != NF_DROP)
		return r < 0 ? r : 0;
	for (size_t i = 0; i < d->store.n; i++) {
		const struct network *net = &d->store.networks[i];

		if (doctor_is_bridge(net) && !doctor_plugin(net, "firewall") &&
		    doctor_used_by(d, net->name))
			doctor_find(d, DOCTOR_ERROR,
				    "sysctl -w net.bridge.bridge-nf-call-iptables=0",
				    "%s has no firewall plugin, bridge-nf-call-iptables is 1, and "
				    "chain FORWARD drops: its containers do not reach each other",
				    net->name);
	}

	return 0;
}

/* ---- features --------------------------------------------------------------------------- */

static int make_bridge(struct nl *nl, struct err *e)
{
	static const uint8_t mac[MAC_LEN] = { 2, 0, 0, 0, 0, 1 };
	const struct link_bridge bridge = { .name = "bridge0" };

	link_put_bridge(nl, &bridge, mac);

	return nl_commit(nl, e);
}

static int make_veth(struct nl *nl, struct err *e)
{
	static const uint8_t mac[MAC_LEN] = { 2, 0, 0, 0, 0, 2 };
	static const uint8_t peer_mac[MAC_LEN] = { 2, 0, 0, 0, 0, 3 };
	AUTO_FD int self = netns_open_self(e);
	const struct link_veth veth = {
		.name = "veth0",
		.peer = "veth1",
		.peer_netns = self,
		.mac = mac,
		.peer_mac = peer_mac,
	};

	if (self < 0)
		return self;
	link_put_veth(nl, &veth);

	return nl_commit(nl, e);
}

static int make_macvlan(struct nl *nl, struct err *e)
{
	struct link_macvlan macvlan = {
		.name = "mac0",
		.netns = -1,
		.mode = MACVLAN_MODE_BRIDGE,
	};
	struct link link;
	int r = link_get(nl, "veth0", &link, e);

	if (r < 0)
		return r;
	macvlan.master = link.index;
	link_put_macvlan(nl, &macvlan);

	return nl_commit(nl, e);
}

static int make_table(const struct ruleset *rs, struct err *e)
{
	AUTO(nl_closep) struct nl *nl = NULL;
	struct ruleset_view view;
	struct nft_batch batch;
	int r;

	if ((r = nl_open(NETLINK_NETFILTER, &nl, e)) < 0 ||
	    (r = ruleset_look(nl, rs, &view, e)) < 0)
		return r;
	nft_begin(&batch, nl, 0);
	ruleset_build(&batch, rs, &view);

	return nft_commit(&batch, e);
}

/* What failed, and why; "" for what works. */
struct features {
	struct err bridge, veth, macvlan, inet_table, bridge_table;
};

static int try_features(void *data, struct err *e)
{
	AUTO(nl_closep) struct nl *nl = NULL;
	struct features *f = data;
	int r = nl_open(NETLINK_ROUTE, &nl, e);

	if (r < 0)
		return r;
	(void)make_bridge(nl, &f->bridge);
	if (make_veth(nl, &f->veth) == 0)
		(void)make_macvlan(nl, &f->macvlan);
	(void)make_table(&ruleset_inet, &f->inet_table);
	(void)make_table(&ruleset_bridge, &f->bridge_table);

	return 0;
}

/* A namespace of its own, in which things can be made that nobody sees. */
static int open_scratch(struct err *e)
{
	AUTO_FD int self = netns_open_self(e);
	int fd, r;

	if (self < 0)
		return self;
	if (unshare(CLONE_NEWNET) < 0)
		return err_sys(e, errno, "make a network namespace to try the kernel in");
	fd = netns_open_self(e);
	r = netns_enter(self, e);
	if (r < 0 && fd >= 0)
		close(fd);

	return r < 0 ? r : fd;
}

static bool has_driver(const struct doctor *d, const char *driver)
{
	for (size_t i = 0; i < d->store.n; i++)
		if (d->store.networks[i].conf && strcmp(d->store.networks[i].driver, driver) == 0)
			return true;

	return false;
}

static void report_feature(struct doctor *d, const struct err *why, const char *module,
			   const char *what)
{
	AUTO_FREE char *mend = doctor_text("modprobe %s", module);

	if (why->sys != 0)
		doctor_find(d, DOCTOR_ERROR, mend, "the kernel cannot make %s: %s", what, why->msg);
}

int doctor_features(struct doctor *d, struct err *e)
{
	AUTO_FD int scratch = open_scratch(e);
	struct features f = { 0 };
	int r = scratch < 0 ? scratch : netns_call(scratch, try_features, &f, e);

	if (r < 0)
		return r;
	report_feature(d, &f.bridge, "bridge", "a bridge");
	report_feature(d, &f.veth, "veth", "a veth pair");
	report_feature(d, &f.inet_table, "nf_tables", "table inet heddle");
	report_feature(d, &f.bridge_table, "nf_tables", "table bridge heddle");
	if (has_driver(d, "macvlan"))
		report_feature(d, &f.macvlan, "macvlan", "a macvlan interface");

	return 0;
}
