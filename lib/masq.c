/* SPDX-License-Identifier: GPL-2.0-or-later */
/* masq - see masq.h. */
#include "lib/masq.h"

#include <string.h>

#include "lib/claim.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/gc.h"
#include "lib/masq-iptables.h"

static const struct nft_set *const sets[] = { &ruleset_masq4, &ruleset_masq6, &ruleset_routed4,
					      &ruleset_routed6, NULL };

int masq_read_backend(const struct jnode *n, enum masq_backend *ret, struct err *e)
{
	const char *text;
	int r = jn_str(n, &text, e);

	if (r < 0)
		return r;
	if (strcmp(text, "iptables") == 0)
		*ret = MASQ_IPTABLES;
	else if (!*text || strcmp(text, "nftables") == 0)
		*ret = MASQ_NFTABLES;
	else
		return jn_bad(n, e, "\"%s\" is neither nftables nor iptables", text);

	return 0;
}

int masq_init(struct masq *m, const struct cni_request *rq, enum masq_backend backend,
	      const char *ifname, const struct cni_result *res, struct err *e)
{
	size_t n_addrs = res ? res->n_ips : 0;
	struct ip_net *addrs = calloc(n_addrs + 1, sizeof(*addrs));

	if (!addrs)
		return err_sys(e, ENOMEM, "list the attachment's addresses");
	for (size_t i = 0; i < n_addrs; i++)
		addrs[i] = res->ips[i].address;
	*m = (struct masq){ .backend = backend,
			    .owner = &rq->owner,
			    .network = rq->network,
			    .container_id = rq->container_id,
			    .ifname = ifname,
			    .addrs = addrs,
			    .n_addrs = n_addrs };

	return 0;
}

void masq_clear(struct masq *m)
{
	free((void *)m->addrs);
	m->addrs = NULL;
	m->n_addrs = 0;
}

static int claim_masquerade(struct claims *ret, const struct masq *m, const struct ip_addr *ip,
			    struct err *e)
{
	bool ipv4 = ip->family == AF_INET;
	struct nft_value key = { .len = 0 };

	nft_value_ip(&key, ip);
	nft_value_ifname(&key, m->ifname);

	return claims_add(ret, ipv4 ? &ruleset_masq4 : &ruleset_masq6, &key, NULL, e);
}

/* A bridge is left out by its name; interfaces of one network by their group. */
static int claim_exception(struct claims *ret, const struct masq *m, const struct ip_addr *ip,
			   struct err *e)
{
	bool ipv4 = ip->family == AF_INET;
	struct nft_value key = { .len = 0 };

	nft_value_ip(&key, ip);
	nft_value_group(&key, m->owner->group);

	return claims_add(ret, ipv4 ? &ruleset_routed4 : &ruleset_routed6, &key, NULL, e);
}

static int list_claims(struct claims *ret, const struct masq *m, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < m->n_addrs && r == 0; i++) {
		r = claim_masquerade(ret, m, &m->addrs[i].addr, e);
		if (r == 0 && m->routed)
			r = claim_exception(ret, m, &m->addrs[i].addr, e);
	}

	return r;
}

static int take(struct nl *nl, const struct masq *m, struct err *e)
{
	AUTO(claims_clear) struct claims c = { .list = NULL };
	int r;

	r = list_claims(&c, m, e);

	return r < 0 ? r : claim_take(nl, &ruleset_masq, &c, m->owner, claim_abandoned(), e);
}

int masq_add(struct nl *nl, const struct masq *m, struct err *e)
{
	int r = m->backend == MASQ_IPTABLES ? masq_iptables_add(m, e) : take(nl, m, e);

	if (r < 0)
		return err_wrap(e, r, "masquerade (ipMasq)");

	return 0;
}

static int release(struct nl *nl, const struct masq *m, struct err *e)
{
	AUTO(claims_clear) struct claims c = { .list = NULL };
	int r;

	if (m->n_addrs == 0 || !m->ifname)
		return claim_sweep(nl, sets, claim_of(m->owner), e);
	r = list_claims(&c, m, e);

	return r < 0 ? r : claim_release(nl, &c, claim_of(m->owner), e);
}

int masq_del(struct nl *nl, const struct masq *m, struct err *e)
{
	struct err next;
	int r;

	/* A few microseconds, in case the backend was another one at the time of ADD. */
	r = release(nl, m, e);
	if (m->backend == MASQ_IPTABLES) {
		int each = masq_iptables_del(m, &next);

		r = err_keep(r, e, each, &next);
	}
	if (r < 0)
		return err_wrap(e, r, "end masquerading (ipMasq)");

	return 0;
}

static int check(struct nl *nl, const struct masq *m, struct err *e)
{
	AUTO(claims_clear) struct claims c = { .list = NULL };
	int r;

	r = list_claims(&c, m, e);

	return r < 0 ? r : claim_check(nl, &ruleset_masq, &c, m->owner, e);
}

int masq_check(struct nl *nl, const struct masq *m, struct err *e)
{
	int r = m->backend == MASQ_IPTABLES ? masq_iptables_check(m, e) : check(nl, m, e);

	if (r < 0)
		return err_wrap(e, r, "masquerade (ipMasq)");

	return 0;
}

int masq_gc(struct nl *nl, enum masq_backend backend, const struct gc *gc, struct err *e)
{
	struct err next;
	int r;

	r = claim_sweep(nl, sets, claim_garbage(gc), e);
	if (backend == MASQ_IPTABLES) {
		int each = masq_iptables_gc(gc, &next);

		r = err_keep(r, e, each, &next);
	}
	if (r < 0)
		return err_wrap(e, r, "collect masquerading of network %s", gc->network);

	return 0;
}
