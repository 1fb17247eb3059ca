/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bandwidth - CNI plugin: how fast a container receives and sends
 *
 *	container       host
 *	  eth0 ── veth ── hv<hash>   root: tbf, what the container receives
 *	                     │       ingress: redirect to
 *	                  hi<hash>   root: tbf, what the container sends
 *
 * A chained plugin behind one that makes a veth pair.  All it makes is on the
 * host: disciplines on the pair's end, which go with it, and an ifb that carries
 * the attachment's marks (ifb.h).
 *
 * Source: CNI specification; keys, disciplines and result as the reference's
 * bandwidth plugin 1.9.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>

#include "lib/attachment.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/ifb.h"
#include "lib/link.h"
#include "lib/netns.h"
#include "lib/nl.h"
#include "lib/tc.h"

#define RATE_MIN 8 /* bits a second: the kernel counts bytes */

/* ---- config -------------------------------------------------------------- */

struct limit {
	uint64_t rate, burst; /* bits a second, bits; 0: no limit */
};

struct conf {
	struct limit ingress, egress; /* as the container sees it */
};

static const struct jn_key conf_keys[] = {
	{ "ingressRate", JN_U64, offsetof(struct conf, ingress.rate) },
	{ "ingressBurst", JN_U64, offsetof(struct conf, ingress.burst) },
	{ "egressRate", JN_U64, offsetof(struct conf, egress.rate) },
	{ "egressBurst", JN_U64, offsetof(struct conf, egress.burst) },
	{ 0 },
};

static int check_limit(const struct jnode *n, const struct limit *l, const char *name,
		       struct err *e)
{
	if (!l->rate != !l->burst)
		return jn_bad(n, e, "%s%s is set without %s%s; a limit needs both", name,
			      l->rate ? "Rate" : "Burst", name, l->rate ? "Burst" : "Rate");
	if (l->rate && (l->rate < RATE_MIN || l->burst < RATE_MIN))
		return jn_bad(n, e,
			      "%sRate %" PRIu64 " and %sBurst %" PRIu64
			      ": each must be %d bits at least, one byte",
			      name, l->rate, name, l->burst, RATE_MIN);

	return 0;
}

static bool has_static(const struct jnode *conf)
{
	struct jnode value;

	for (const struct jn_key *k = conf_keys; k->name; k++) {
		if (jn_get(conf, k->name, &value))
			return true;
	}

	return false;
}

/* One key in the config is enough for what the runtime says not to count. */
static int conf_read(const struct cni_request *rq, struct conf *ret, struct err *e)
{
	struct jnode parent, limits = rq->conf;
	struct conf conf = { 0 };
	int r;

	if (!has_static(&rq->conf) && !cni_runtime(rq, "bandwidth", &parent, &limits)) {
		*ret = conf;
		return 0;
	}
	if ((r = jn_read(&limits, conf_keys, &conf, e)) < 0 ||
	    (r = check_limit(&limits, &conf.ingress, "ingress", e)) < 0 ||
	    (r = check_limit(&limits, &conf.egress, "egress", e)) < 0)
		return r;
	*ret = conf;

	return 0;
}

static bool limits_nothing(const struct conf *conf)
{
	return !conf->ingress.rate && !conf->egress.rate;
}

static struct tc_tbf tbf_of(const struct limit *l)
{
	return tc_tbf_of_bits(l->rate, l->burst);
}

/* ---- the host's end ------------------------------------------------------ */

/*
 * An index counts in one namespace only, and the other end may be in a third:
 * the name has to be one that this attachment is known to have on the host.
 */
static bool is_known(const struct cni_request *rq, const char *name)
{
	if (strcmp(name, rq->owner.host_ifname) == 0)
		return true;
	for (size_t i = 0; rq->prev && i < rq->prev->n_ifaces; i++) {
		const struct cni_iface *iface = &rq->prev->ifaces[i];

		if (!iface->sandbox && strcmp(iface->name, name) == 0)
			return true;
	}

	return false;
}

/**
 * find_port() - the host's end of the container's veth pair
 *
 * Return: 1; 0 if the container's interface has no such end; -ENODEV if there
 * is no interface; or another errno.
 */
static int find_port(const struct cni_request *rq, struct nl *host, struct link *ret, struct err *e)
{
	AUTO(nl_closep) struct nl *inside = NULL;
	struct link inner = { 0 }, port;
	int r = netns_nl_open(rq->netns_fd, NETLINK_ROUTE, &inside, e);

	if (r == 0)
		r = link_get(inside, rq->ifname, &inner, e);
	if (r < 0 || strcmp(inner.kind, "veth") != 0)
		return r;
	r = link_get_index(host, inner.peer, &port, e);
	if (r < 0)
		return r == -ENODEV ? 0 : r;
	if (strcmp(port.kind, "veth") != 0 || port.peer != inner.index || !is_known(rq, port.name))
		return 0;
	*ret = port;

	return 1;
}

static int no_port(const struct cni_request *rq, struct err *e)
{
	return err_cni(e, CNI_E_CONFIG,
		       "prevResult: none of its interfaces on the host is the other end of a veth "
		       "pair with %s in %s; bandwidth can limit nothing else",
		       rq->ifname, rq->netns);
}

/* Each is content to find that there is none, or another's. */
static int removed(int r)
{
	return r == -ENOENT || r == -EINVAL || r == -ENODEV ? 0 : r;
}

static int remove_tbf(struct nl *host, int index, struct err *e)
{
	tc_put_del_tbf(host, index);

	return removed(nl_commit(host, e));
}

static int remove_ingress(struct nl *host, int index, struct err *e)
{
	tc_put_del_ingress(host, index);

	return removed(nl_commit(host, e));
}

/* ---- ADD ----------------------------------------------------------------- */

struct add {
	const struct cni_request *rq;
	struct conf conf;
	struct nl *host;
	struct link port, ifb;
};

static int check_free(struct add *a, struct err *e)
{
	struct tc_tbf_state tbf;
	int r = a->conf.ingress.rate ? tc_get_tbf(a->host, a->port.index, &tbf, e) : 0;

	if (r == 0 && a->conf.egress.rate)
		r = tc_has_ingress(a->host, a->port.index, e);
	if (r > 0)
		return err_sys(e, EEXIST, "limit %s: it has a queueing discipline of that kind",
			       a->port.name);

	return r;
}

static int look_first(struct add *a, struct err *e)
{
	int r = nl_open(NETLINK_ROUTE, &a->host, e);

	if (r == 0)
		r = find_port(a->rq, a->host, &a->port, e);
	if (r <= 0)
		return r < 0 ? r : no_port(a->rq, e);

	return check_free(a, e);
}

/* A bucket never holds the tokens for a packet that is larger. */
static void warn_small(const struct add *a, const struct limit *l, const char *name)
{
	if (l->rate && tbf_of(l).burst < a->port.mtu + ETH_HLEN)
		fprintf(stderr,
			"bandwidth: %sBurst: %" PRIu64
			" bits are less than a packet of %s can have; "
			"those of more than %" PRIu64 " bytes will be dropped\n",
			name, l->burst, a->port.name, l->burst / 8);
}

/* The ifb delays packets before any are redirected to it. */
static int limit(struct add *a, struct err *e)
{
	const struct tc_tbf ingress = tbf_of(&a->conf.ingress), egress = tbf_of(&a->conf.egress);
	int r;

	if (a->conf.ingress.rate)
		tc_put_tbf(a->host, a->port.index, &ingress);
	if (a->conf.egress.rate) {
		tc_put_tbf(a->host, a->ifb.index, &egress);
		tc_put_ingress(a->host, a->port.index);
	}
	r = nl_commit(a->host, e);
	if (r == 0 && a->conf.egress.rate) {
		tc_put_redirect(a->host, a->port.index, a->ifb.index);
		r = nl_commit(a->host, e);
	}

	return r < 0 ? err_wrap(e, r, "limit %s", a->port.name) : 0;
}

/* What the port did not have before ADD is there because of it. */
static void undo(struct add *a)
{
	if (a->conf.egress.rate)
		(void)remove_ingress(a->host, a->port.index, NULL);
	if (a->conf.ingress.rate)
		(void)remove_tbf(a->host, a->port.index, NULL);
	if (a->ifb.index)
		(void)link_del_quick(a->host, a->ifb.index, NULL);
}

static int make(struct add *a, struct cni_result *res, struct err *e)
{
	int r = a->conf.egress.rate ? ifb_add(a->host, &a->rq->owner, a->port.mtu, &a->ifb, e) : 0;

	if (r < 0)
		return r;
	r = limit(a, e);
	if (r == 0 && a->conf.egress.rate)
		r = attachment_report(res, a->ifb.name, a->ifb.mac, NULL, e);
	if (r < 0)
		undo(a);

	return r < 0 ? r : 0;
}

static int bandwidth_add(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	struct add a = { .rq = rq };
	int r;

	if (!rq->prev)
		return err_cni(e, CNI_E_CONFIG,
			       "prevResult: bandwidth limits an interface that is there; list it "
			       "behind the plugin that makes it");
	if ((r = conf_read(rq, &a.conf, e)) < 0 || (r = cni_result_copy(rq->prev, res, e)) < 0 ||
	    limits_nothing(&a.conf))
		return r;
	r = look_first(&a, e);
	if (r == 0) {
		warn_small(&a, &a.conf.ingress, "ingress");
		warn_small(&a, &a.conf.egress, "egress");
		r = make(&a, res, e);
	}
	nl_close(a.host);

	return r;
}

/* ---- DEL ----------------------------------------------------------------- */

/* The pair goes with the next plugin of the chain, or is gone; until then it is as before ADD. */
static int free_port(const struct cni_request *rq, struct nl *host, const struct link *ifb,
		     struct err *e)
{
	struct link port;
	int to, r;

	r = rq->netns_fd >= 0 ? find_port(rq, host, &port, e) : 0;
	if (r <= 0)
		return r == -ENODEV ? 0 : r;
	r = tc_get_redirect(host, port.index, &to, e);
	/* Ours is empty if ADD was killed, and leads nowhere (number 0) if the ifb is gone. */
	if (r == 0 || (r > 0 && (to == 0 || to == ifb->index)))
		r = remove_ingress(host, port.index, e);

	return r < 0 ? r : remove_tbf(host, port.index, e);
}

static int bandwidth_del(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *host = NULL;
	struct err next = { 0 };
	struct link ifb = { 0 };
	int first, r;

	r = nl_open(NETLINK_ROUTE, &host, e);
	if (r == 0)
		r = ifb_find(host, rq, &ifb, e);
	if (r < 0)
		return r;
	first = free_port(rq, host, &ifb, e);
	r = ifb.index ? link_del_quick(host, ifb.index, &next) : 0;

	return err_keep(first, e, r, &next);
}

/* ---- CHECK --------------------------------------------------------------- */

struct check {
	const struct cni_request *rq;
	struct conf conf;
	struct nl *host;
	struct link port;
};

static int check_tbf(struct check *c, const struct link *link, const struct limit *l,
		     const char *name, struct err *e)
{
	const struct tc_tbf want = tbf_of(l);
	struct tc_tbf_state have;
	struct err step = { 0 };
	int r = tc_get_tbf(c->host, link->index, &have, &step);

	if (r < 0)
		return cni_fold(e, r, &step);
	if (r == 0)
		return cni_differs(e, "%sRate: %s has no tbf", name, link->name);
	if (have.rate != want.rate)
		return cni_differs(e,
				   "%sRate: %s lets %" PRIu64 " bytes a second pass, not %" PRIu64,
				   name, link->name, have.rate, want.rate);
	if (!tc_tbf_is(&have, &want))
		return cni_differs(e,
				   "%sBurst: the tbf of %s has another burst than %" PRIu32
				   " bytes, or another limit",
				   name, link->name, want.burst);

	return 0;
}

static int check_redirect(struct check *c, const struct link *ifb, struct err *e)
{
	struct err step = { 0 };
	int to, r = tc_get_redirect(c->host, c->port.index, &to, &step);

	if (r < 0)
		return cni_fold(e, r, &step);
	if (r == 0 || to != ifb->index)
		return cni_differs(e, "egressRate: what arrives at %s is not redirected to %s",
				   c->port.name, ifb->name);

	return 0;
}

static int check_egress(struct check *c, struct err *e)
{
	struct err step = { 0 };
	struct link ifb;
	int r = ifb_find(c->host, c->rq, &ifb, &step);

	if (r < 0)
		return cni_fold(e, r, &step);
	if (r == 0)
		return cni_differs(e, "egressRate: the ifb of this attachment is missing");
	r = 0;
	if (!(ifb.flags & IFF_UP))
		r = cni_differs(e, "egressRate: %s is down", ifb.name);
	CNI_CHECK_STEP(r, check_tbf(c, &ifb, &c->conf.egress, "egress", e));
	CNI_CHECK_STEP(r, check_redirect(c, &ifb, e));

	return r;
}

static int check_all(struct check *c, struct err *e)
{
	int r = find_port(c->rq, c->host, &c->port, e);

	if (r == -ENODEV)
		return cni_differs(e, "%s is missing in the container", c->rq->ifname);
	if (r < 0)
		return r;
	if (r == 0)
		return cni_differs(e, "%s has no other end on the host", c->rq->ifname);
	r = 0;
	if (c->conf.ingress.rate)
		CNI_CHECK_STEP(r, check_tbf(c, &c->port, &c->conf.ingress, "ingress", e));
	if (c->conf.egress.rate)
		CNI_CHECK_STEP(r, check_egress(c, e));

	return r;
}

static int bandwidth_check(const struct cni_request *rq, struct err *e)
{
	struct check c = { .rq = rq };
	int r;

	if ((r = cni_need_prev(rq, e)) < 0 || (r = conf_read(rq, &c.conf, e)) < 0 ||
	    limits_nothing(&c.conf) || (r = nl_open(NETLINK_ROUTE, &c.host, e)) < 0)
		return r;
	r = check_all(&c, e);
	nl_close(c.host);

	return r;
}

/* ---- STATUS -------------------------------------------------------------- */

static int bandwidth_status(const struct cni_request *rq, struct err *e)
{
	struct conf conf;

	return conf_read(rq, &conf, e);
}

int main(void)
{
	static const struct cni_plugin bandwidth = {
		.name = "bandwidth",
		.add = bandwidth_add,
		.del = bandwidth_del,
		.check = bandwidth_check,
		.gc = ifb_gc,
		.status = bandwidth_status,
	};

	return cni_main(&bandwidth);
}
