/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admit - see admit.h. */
#include "lib/admit.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "lib/admit-iptables.h"
#include "lib/claim.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/gc.h"

/* Any change in the namespace spoils a look at sets that is followed by a deletion. */
#define RELEASE_TRIES 64
/* Somebody else claimed what was free a moment ago: then it is there. */
#define SHARE_TRIES 8

static const struct nft_set *const own_sets[] = { &ruleset_admitted4, &ruleset_admitted6,
						  &ruleset_isolated_ports, NULL };
static const struct nft_set *const shared_sets[] = { &ruleset_shut, &ruleset_shut_own,
						     &ruleset_isolated, NULL };

/* ---- the attachment ---------------------------------------------------------- */

int admit_read_backend(const struct jnode *n, enum admit_backend *ret, struct err *e)
{
	const char *text;
	int r = jn_str(n, &text, e);

	if (r < 0)
		return r;
	if (strcmp(text, "firewalld") == 0)
		return err_cni(
			e, CNI_E_FIELD,
			"backend: \"firewalld\" is not supported: take \"nftables\", and tell "
			"firewalld once to trust the bridge (firewall-cmd --permanent "
			"--zone=trusted --add-interface=BRIDGE)");
	if (strcmp(text, "iptables") == 0)
		*ret = ADMIT_IPTABLES;
	else if (!*text || strcmp(text, "nftables") == 0)
		*ret = ADMIT_NFTABLES;
	else
		return jn_bad(n, e, "\"%s\" is neither nftables nor iptables", text);

	return 0;
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
	a->addrs = addrs;
	a->n_addrs = 0;
	for (size_t i = 0; prev && i < prev->n_ips; i++)
		if (is_of(prev, &prev->ips[i], rq->ifname))
			addrs[a->n_addrs++] = prev->ips[i].address.addr;

	return 0;
}

void admit_clear(struct admit *a)
{
	free(a->addrs);
	a->addrs = NULL;
	a->n_addrs = 0;
}

bool admit_has_family(const struct admit *a, uint8_t family)
{
	for (size_t i = 0; i < a->n_addrs; i++)
		if (a->addrs[i].family == family)
			return true;

	return false;
}

/* ---- what it claims ---------------------------------------------------------- */

static int list_addresses(struct claims *ret, const struct admit *a, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->n_addrs; i++) {
		bool ipv4 = a->addrs[i].family == AF_INET;
		struct nft_value key = { 0 };

		nft_value_ip(&key, &a->addrs[i]);
		nft_value_ifname(&key, a->ifname);
		r = claims_add(ret, ipv4 ? &ruleset_admitted4 : &ruleset_admitted6, &key, NULL, e);
	}

	return r;
}

static int list_port(struct claims *ret, const struct admit *a, struct err *e)
{
	struct nft_value key = { 0 };

	if (!*a->port)
		return 0;
	nft_value_ifname(&key, a->port);

	return claims_add(ret, &ruleset_isolated_ports, &key, NULL, e);
}

static int list_shared(struct claims *ret, const struct admit *a, struct err *e)
{
	bool isolated = a->policy == ADMIT_ISOLATED;
	struct nft_value bridge = { 0 }, pair = { 0 };
	int r;

	if (a->policy == ADMIT_OPEN)
		return 0;
	nft_value_ifname(&bridge, a->ifname);
	nft_value_ifname(&pair, a->ifname);
	nft_value_ifname(&pair, a->ifname);
	r = claims_add(ret, &ruleset_shut, &bridge, NULL, e);
	if (r < 0)
		return r;

	return claims_add(ret, isolated ? &ruleset_isolated : &ruleset_shut_own, &pair, NULL, e);
}

/* ---- what is shared, when nobody uses it any more ----------------------------- */

/* Whose shared elements: one bridge's, or all that a network has claimed. */
struct scope {
	const char *ifname;	     /* NULL: any */
	const struct owner *network; /* NULL: any of ours */
};

struct search {
	const struct nft_set *set;
	const struct scope *scope;
	struct claims *found;
	struct err *e;
};

static bool is_in(const struct scope *scope, const struct nft_elem *elem)
{
	struct nft_value bridge = { 0 };
	char link[IFNAMSIZ];
	size_t len = strlen(elem->comment);

	if (!owner_link(elem->comment, len, link))
		return false;
	if (scope->network)
		return owner_has_network(scope->network, elem->comment, len);
	nft_value_ifname(&bridge, scope->ifname);

	return memcmp(elem->key.b, bridge.b, IFNAMSIZ) == 0;
}

static int search_cb(const struct nft_elem *elem, void *data)
{
	struct search *s = data;

	return is_in(s->scope, elem) ? claims_add(s->found, s->set, &elem->key, NULL, s->e) : 0;
}

static int find_shared(struct nl *nl, const struct scope *scope, struct claims *ret, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && shared_sets[i]; i++) {
		struct search s = { .set = shared_sets[i], .scope = scope, .found = ret, .e = e };

		r = nft_dump_elems(nl, shared_sets[i], search_cb, &s, e);
	}

	return r;
}

/* An element of an admitted set ends with its interface, a shared one begins with it. */
static int used_cb(const struct nft_elem *elem, void *data)
{
	struct claims *c = data;

	if (elem->key.len < IFNAMSIZ)
		return 0;
	for (size_t i = 0; i < c->n; i++)
		if (memcmp(c->list[i].key.b, elem->key.b + elem->key.len - IFNAMSIZ, IFNAMSIZ) == 0)
			c->list[i].state = CLAIM_OTHER;

	return 0;
}

/* Return: how many were deleted, -ERESTART or -EINTR to look again, or another errno. */
static int release_unused_once(struct nl *nl, const struct scope *scope, struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	struct nft_batch b;
	uint32_t genid;
	int n = 0, r;

	r = nft_get_genid(nl, &genid, e);
	if (r == 0)
		r = find_shared(nl, scope, &c, e);
	if (r < 0 || c.n == 0)
		return r;
	if ((r = nft_dump_elems(nl, &ruleset_admitted4, used_cb, &c, e)) < 0 ||
	    (r = nft_dump_elems(nl, &ruleset_admitted6, used_cb, &c, e)) < 0)
		return r;

	nft_begin(&b, nl, genid);
	for (size_t i = 0; i < c.n; i++) {
		if (c.list[i].state == CLAIM_OTHER)
			continue;
		nft_del_elem(&b, c.list[i].set, &c.list[i].key);
		n++;
	}
	r = nft_commit(&b, e);

	return r < 0 ? r : n;
}

static int release_unused(struct nl *nl, struct scope scope, struct err *e)
{
	int r = -ERESTART;

	for (int i = 0; i < RELEASE_TRIES && (r == -ERESTART || r == -EINTR); i++)
		r = release_unused_once(nl, &scope, e);
	if (r == -EOPNOTSUPP)
		return 0;
	if (r == -ERESTART || r == -EINTR)
		return err_cni(e, CNI_E_AGAIN,
			       "other programs change nftables faster than it can be read: try "
			       "again");

	return r;
}

/* ---- release ----------------------------------------------------------------- */

static int release_own(struct nl *nl, const struct admit *a, struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	int r;

	if (!*a->ifname)
		return claim_sweep(nl, own_sets, claim_of(a->owner), e);
	r = list_addresses(&c, a, e);
	if (r == 0)
		r = list_port(&c, a, e);

	return r < 0 ? r : claim_release(nl, &c, claim_of(a->owner), e);
}

/*
 * An attachment without an address leaves no trace by which others could be
 * told from it, so the last of that kind leaves its bridge shut, for GC.
 */
static int release_shared(struct nl *nl, const struct admit *a, struct err *e)
{
	struct owner network;

	if (*a->ifname)
		return a->n_addrs == 0
			       ? 0
			       : release_unused(nl, (struct scope){ .ifname = a->ifname }, e);
	owner_init_network(&network, a->network);

	return release_unused(nl, (struct scope){ .network = &network }, e);
}

static int release(struct nl *nl, const struct admit *a, struct err *e)
{
	int own = release_own(nl, a, e), shared = 0;

	if (own < 0)
		return own;
	if (a->policy != ADMIT_OPEN && (own > 0 || *a->ifname))
		shared = release_shared(nl, a, e);

	return shared < 0 ? shared : own + shared;
}

/* ---- add --------------------------------------------------------------------- */

/* Without anything to claim it still makes the table, or heals it. */
static int take(struct nl *nl, const struct ruleset *rs, const struct admit *a,
		int (*list)(struct claims *ret, const struct admit *a, struct err *e),
		struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	int r = list(&c, a, e);

	return r < 0 ? r : claim_take(nl, rs, &c, a->owner, claim_abandoned(), e);
}

static bool anybody(const char *tag, size_t len, const void *data)
{
	(void)tag;
	(void)len;
	(void)data;

	return true;
}

/* What is there may be of another network on the same bridge, or the operator's. */
static int take_missing(struct nl *nl, struct claims *c, const struct owner *network, struct err *e)
{
	struct claim_filter nobody = { 0 };
	size_t n = 0;
	int r;

	r = claim_look(nl, c, (struct claim_filter){ .match = anybody }, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->n; i++)
		if (c->list[i].state == CLAIM_FREE)
			c->list[n++] = c->list[i];
	c->n = n;

	return n == 0 ? 0 : claim_take(nl, &ruleset_inet, c, network, nobody, e);
}

static int take_shared(struct nl *nl, const struct admit *a, struct err *e)
{
	struct owner network;
	int r = -EEXIST;

	owner_init(&network, a->network, "", "");
	for (int i = 0; i < SHARE_TRIES && r == -EEXIST; i++) {
		AUTO(claims_clear) struct claims c = { 0 };

		r = list_shared(&c, a, e);
		if (r == 0)
			r = take_missing(nl, &c, &network, e);
	}

	return r;
}

static int take_all(struct nl *nl, const struct admit *a, struct err *e)
{
	int r = take(nl, &ruleset_inet, a, list_addresses, e);

	if (r == 0 && a->policy == ADMIT_ISOLATED)
		r = take(nl, &ruleset_bridge, a, list_port, e);

	return r < 0 ? r : take_shared(nl, a, e);
}

static int take_or_undo(struct nl *nl, const struct admit *a, struct err *e)
{
	int r = take_all(nl, a, e);

	if (r < 0)
		(void)release(nl, a, NULL);

	return r;
}

int admit_add(struct nl *nl, const struct admit *a, struct err *e)
{
	int r;

	if (!*a->ifname && a->policy != ADMIT_OPEN)
		return err_cni(e, CNI_E_CONFIG,
			       "ingressPolicy: needs a bridge on the host that leads to the "
			       "container, and prevResult.interfaces[0] is none");
	if (!*a->ifname)
		return 0;
	r = a->backend == ADMIT_IPTABLES ? admit_iptables_add(a, e) : take_or_undo(nl, a, e);

	return r < 0 ? err_wrap(e, r, "admit to forwarding") : 0;
}

/* ---- del --------------------------------------------------------------------- */

int admit_del(struct nl *nl, const struct admit *a, struct err *e)
{
	struct err next;
	int n, r;

	n = r = release(nl, a, e);
	if (a->backend == ADMIT_IPTABLES) {
		int each = admit_iptables_del(a, &next);

		r = err_keep(r, e, each, &next);
	}

	return r < 0 ? err_wrap(e, r, "end forwarding") : n;
}

/* ---- check ------------------------------------------------------------------- */

static int check_own(struct nl *nl, const struct ruleset *rs, const struct admit *a,
		     int (*list)(struct claims *ret, const struct admit *a, struct err *e),
		     struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	int r = list(&c, a, e);

	return r < 0 ? r : claim_check(nl, rs, &c, a->owner, e);
}

static int check_shared(struct nl *nl, const struct admit *a, struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	char key[NFT_KEY_STRLEN];
	int r;

	r = list_shared(&c, a, e);
	if (r == 0)
		r = claim_look(nl, &c, (struct claim_filter){ .match = anybody }, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c.n; i++)
		if (c.list[i].state == CLAIM_FREE)
			return err_cni(e, CNI_E_CHECK,
				       "%s is missing in nftables set %s of table inet heddle",
				       nft_key_str(c.list[i].set, &c.list[i].key, key),
				       c.list[i].set->name);

	return 0;
}

static int check_all(struct nl *nl, const struct admit *a, struct err *e)
{
	struct err next;
	int r, each;

	r = check_own(nl, &ruleset_inet, a, list_addresses, e);
	if (a->policy == ADMIT_ISOLATED) {
		each = check_own(nl, &ruleset_bridge, a, list_port, &next);
		r = err_keep(r, e, each, &next);
	}
	each = check_shared(nl, a, &next);

	return err_keep(r, e, each, &next);
}

int admit_check(struct nl *nl, const struct admit *a, struct err *e)
{
	int r = 0;

	if (*a->ifname)
		r = a->backend == ADMIT_IPTABLES ? admit_iptables_check(a, e) : check_all(nl, a, e);

	return r < 0 ? err_wrap(e, r, "admission to forwarding") : 0;
}

/* ---- gc ---------------------------------------------------------------------- */

static int sweep(struct nl *nl, const struct gc *gc, struct err *e)
{
	int own = claim_sweep(nl, own_sets, claim_garbage(gc), e), shared = 0;

	if (own < 0)
		return own;
	if (gc->n_valid == 0)
		shared = release_unused(nl, (struct scope){ .network = &gc->owner }, e);

	return shared < 0 ? shared : own + shared;
}

int admit_gc(struct nl *nl, enum admit_backend backend, const struct gc *gc, struct err *e)
{
	struct err next;
	int n, r;

	n = r = sweep(nl, gc, e);
	if (backend == ADMIT_IPTABLES) {
		int each = admit_iptables_gc(gc, &next);

		r = err_keep(r, e, each, &next);
	}

	return r < 0 ? err_wrap(e, r, "collect forwarding of network %s", gc->network) : n;
}
