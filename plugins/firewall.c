/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * firewall - CNI plugin: lets a container's packets through the host's FORWARD
 *
 * Chained behind the plugin that made the interface.  The container's addresses
 * are admitted, its network is shut against others if ingressPolicy says so, lists
 * say who may come in and where it may go, and where another tool's chain would
 * drop what is admitted, that chain gets its one rule (coexist.h), or firewalld
 * its sources (zone.h).
 *
 * Source: CNI specification; keys and defaults as the reference's firewall
 * plugin 1.9.
 */
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/admit.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/coexist.h"
#include "lib/gc.h"
#include "lib/iptables.h"
#include "lib/linger.h"
#include "lib/nl.h"
#include "lib/ruleset.h"

static const uint8_t families[] = { AF_INET, AF_INET6 };

/* ---- config: what it says of an attachment -------------------------------- */

static int read_backend(const struct jnode *n, void *data, struct err *e)
{
	return admit_read_backend(n, &((struct admit *)data)->backend, e);
}

static int read_policy(const struct jnode *n, void *data, struct err *e)
{
	return admit_read_policy(n, &((struct admit *)data)->policy, e);
}

/* It is written into scripts, so it must be one word. */
static int read_admin_chain(const struct jnode *n, void *data, struct err *e)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-";
	const char *text;
	int r = jn_str(n, &text, e);

	if (r < 0 || !*text)
		return r;
	if (text[strspn(text, letters)] || *text == '-' || strlen(text) >= IPTABLES_CHAIN_SIZE)
		return jn_bad(n, e, "\"%s\" is not 1 to %d letters, digits, '_' and '-'", text,
			      IPTABLES_CHAIN_SIZE - 1);
	((struct admit *)data)->admin_chain = text;

	return 0;
}

static int read_zone(const struct jnode *n, void *data, struct err *e)
{
	const char *text;
	int r = jn_str(n, &text, e);

	if (r == 0 && *text)
		((struct admit *)data)->zone = text;

	return r;
}

static int read_mark_bit(const struct jnode *n, void *data, struct err *e)
{
	uint64_t bit;
	int r = jn_uint(n, 0, 31, &bit, e);

	if (r == 0)
		((struct admit *)data)->mark = 1u << bit;

	return r;
}

static const struct jn_key conf_keys[] = {
	{ "backend", JN_CALL, 0, .call = read_backend },
	{ "ingressPolicy", JN_CALL, 0, .call = read_policy },
	{ "iptablesAdminChainName", JN_CALL, 0, .call = read_admin_chain },
	{ "firewalldZone", JN_CALL, 0, .call = read_zone },
	{ "markBit", JN_CALL, 0, .call = read_mark_bit },
	{ "internal", JN_BOOL, offsetof(struct admit, internal) },
	{ "spoofchk", JN_BOOL, offsetof(struct admit, spoofchk) },
	{ 0 },
};

static int read_lists(const struct cni_request *rq, struct admit *conf, struct err *e)
{
	struct jnode list;
	int r = 0;

	if (jn_get(&rq->conf, "ingress", &list))
		r = allow_read(&list, rq->network, &conf->ingress, e);
	if (r == 0 && jn_get(&rq->conf, "egress", &list))
		r = allow_read(&list, rq->network, &conf->egress, e);

	return r;
}

static int conf_read(const struct cni_request *rq, struct admit *ret, struct err *e)
{
	struct admit conf = { .admin_chain = "CNI-ADMIN", .zone = "trusted" };
	int r = jn_read(&rq->conf, conf_keys, &conf, e);

	if (r == 0)
		r = read_lists(rq, &conf, e);
	if (r < 0)
		admit_clear(&conf);
	else
		*ret = conf;

	return r;
}

static int need_prev(const struct cni_request *rq, struct err *e)
{
	if (rq->prev)
		return 0;

	return err_cni(
		e, CNI_E_CONFIG,
		"prevResult: firewall must be chained behind a plugin that makes an interface");
}

/* ---- ADD ----------------------------------------------------------------- */

/* Whether its packets carry our mark. */
static bool is_marked(const struct admit *a, uint8_t family)
{
	return admit_in_nftables(a) && *a->ifname && admit_has_family(a, family);
}

static int pass_other_tools(struct nl *nft, const struct admit *a, struct err *e)
{
	uint32_t mark;
	int r = ruleset_get_mark(nft, a->mark, &mark, e);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(families); i++)
		if (is_marked(a, families[i]))
			r = coexist_add(nft, families[i], mark, e);

	return r;
}

static int firewall_add(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	AUTO(nl_closep) struct nl *nft = NULL;
	AUTO(admit_clear) struct admit a = { 0 };
	int r;

	if ((r = need_prev(rq, e)) < 0 || (r = conf_read(rq, &a, e)) < 0 ||
	    (r = admit_init(&a, rq, e)) < 0 || (r = nl_open(NETLINK_NETFILTER, &nft, e)) < 0 ||
	    (r = admit_choose(nft, &a, e)) < 0 || (r = cni_result_copy(rq->prev, res, e)) < 0 ||
	    (r = pass_other_tools(nft, &a, e)) < 0)
		return r;

	return admit_add(nft, &a, e);
}

/* ---- DEL ----------------------------------------------------------------- */

static int firewall_del(const struct cni_request *rq, struct err *e)
{
	AUTO(linger_closep) struct nl *nft = NULL;
	/* A config that went bad may have shut its bridge. */
	AUTO(admit_clear) struct admit a = { .policy = ADMIT_ISOLATED, .zone = "trusted" };
	int r;

	(void)conf_read(rq, &a, NULL);
	if ((r = admit_init(&a, rq, e)) < 0 || (r = nl_open(NETLINK_NETFILTER, &nft, e)) < 0 ||
	    (r = admit_del(nft, &a, e)) < 0)
		return r;

	return 0;
}

/* ---- CHECK, GC, STATUS ----------------------------------------------------- */

static int check_other_tools(struct nl *nft, const struct admit *a, struct err *e)
{
	struct err next;
	uint32_t mark;
	int r = ruleset_get_mark(nft, a->mark, &mark, e);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(families); i++) {
		int each = is_marked(a, families[i]) ? coexist_check(nft, families[i], mark, &next)
						     : 0;

		r = err_keep(r, e, each, &next);
	}

	return r;
}

static int firewall_check(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *nft = NULL;
	AUTO(admit_clear) struct admit a = { 0 };
	struct err next;
	int r, other;

	if ((r = cni_need_prev(rq, e)) < 0 || (r = conf_read(rq, &a, e)) < 0 ||
	    (r = admit_init(&a, rq, e)) < 0 || (r = nl_open(NETLINK_NETFILTER, &nft, e)) < 0 ||
	    (r = admit_choose(nft, &a, e)) < 0)
		return r;
	r = admit_check(nft, &a, e);
	other = check_other_tools(nft, &a, &next);

	return err_keep(r, e, other, &next);
}

static int firewall_gc(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *nft = NULL;
	AUTO(gc_clear) struct gc gc = { 0 };
	AUTO(admit_clear) struct admit conf = { .zone = "trusted" };
	int r;

	(void)conf_read(rq, &conf, NULL);
	if ((r = nl_open(NETLINK_NETFILTER, &nft, e)) < 0 ||
	    (r = gc_init(&gc, rq->network, rq->valid, rq->n_valid, e)) < 0)
		return r;
	r = admit_gc(nft, &conf, &gc, e);

	return r < 0 ? r : 0;
}

static int firewall_status(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *nft = NULL;
	AUTO(admit_clear) struct admit conf = { 0 };
	int r = conf_read(rq, &conf, e);

	if (r == 0)
		r = nl_open(NETLINK_NETFILTER, &nft, e);

	return r < 0 ? r : admit_choose(nft, &conf, e);
}

int main(void)
{
	static const struct cni_plugin firewall = {
		.name = "firewall",
		.add = firewall_add,
		.del = firewall_del,
		.check = firewall_check,
		.gc = firewall_gc,
		.status = firewall_status,
	};

	return cni_main(&firewall);
}
