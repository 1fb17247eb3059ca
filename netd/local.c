/* SPDX-License-Identifier: GPL-2.0-or-later */
/* local - see local.h. */
#include "netd/local.h"

#include <errno.h>
#include <string.h>

#include "lib/claim.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/masq.h"
#include "lib/nl.h"
#include "lib/pin.h"
#include "netd/forward.h"
#include "netd/ifstate.h"

/* ---- the port ----------------------------------------------------------------------- */

/* What has no FDB entry goes to nobody: the MACs of all containers are known. */
static const struct ifstate_port locked_port = { .locked = true,
						 .mcast_flood = true,
						 .bcast_flood = true };

static int find_port(struct nl *route, const struct local_conf *c, const struct plane_endpoint *ep,
		     struct ifstate *ret, struct err *e)
{
	const char *name = ep->owner.host_ifname;
	int r = ifstate_get(route, name, ret, e);

	if (r < 0)
		return r;
	if (r == 0)
		return err_say(e, ENODEV, "network %s: there is no interface %s", c->network, name);
	if (ret->master && ret->master != c->bridge_index)
		return err_say(e, ENODEV, "network %s: %s is a port of another bridge than %s",
			       c->network, name, c->bridge);

	return 0;
}

int local_ensure_port(struct nl *route, const struct local_conf *conf,
		      const struct plane_endpoint *ep, uint32_t *ret_changed, struct err *e)
{
	struct ifstate s;
	int r = find_port(route, conf, ep, &s, e), is_local;

	if (r < 0)
		return r;
	if (!s.master) {
		/* The bridge was deleted, and has left its ports behind. */
		ifstate_put_master(route, s.name, conf->bridge_index);
		++*ret_changed;
	}
	is_local = s.master ? forward_is_local(route, s.index, ep->mac, e) : 0;
	if (is_local < 0)
		return is_local;
	if (!ifstate_port_equal(&s.port, &locked_port)) {
		ifstate_put_port(route, s.name, &locked_port);
		++*ret_changed;
	}
	if (!is_local) {
		forward_put_local(route, s.index, ep->mac);
		++*ret_changed;
	}

	return nl_commit(route, e);
}

void local_release_port(struct nl *route, const struct plane_endpoint *ep)
{
	struct ifstate s;

	if (ifstate_get(route, ep->owner.host_ifname, &s, NULL) <= 0)
		return;
	forward_put_local_del(route, s.index, ep->mac);
	(void)nl_commit(route, NULL);
}

/* ---- claims --------------------------------------------------------------------------- */

static int list_pins(struct claims *ret, const struct plane_endpoint *ep, struct err *e)
{
	const struct pin pin = { .port = ep->owner.host_ifname,
				 .mac = ep->mac,
				 .addrs = ep->ips,
				 .n_addrs = ep->n_ips };

	return pin_list(ret, &pin, e);
}

static int ensure_pins(struct nl *nft, const struct plane_endpoint *ep, uint32_t *changed,
		       struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	int r = list_pins(&c, ep, e);

	if (r == 0)
		r = claim_check(nft, &ruleset_pins, &c, &ep->owner, e);
	if (r != -ESTALE)
		return r;
	++*changed;

	return claim_take(nft, &ruleset_pins, &c, &ep->owner, claim_abandoned(), e);
}

/* The addresses of a container are borrowed by @nets. */
static struct masq masq_of(const struct local_conf *conf, const struct plane_endpoint *ep,
			   struct ip_net nets[PLANE_IPS])
{
	for (size_t i = 0; i < ep->n_ips; i++)
		nets[i] = ip_host_net(&ep->ips[i]);

	return (struct masq){ .owner = &ep->owner,
			      .network = conf->network,
			      .ifname = conf->bridge,
			      .addrs = nets,
			      .n_addrs = ep->n_ips };
}

static int ensure_masq(struct nl *nft, const struct local_conf *conf,
		       const struct plane_endpoint *ep, uint32_t *changed, struct err *e)
{
	struct ip_net nets[PLANE_IPS];
	struct masq m = masq_of(conf, ep, nets);
	int r = masq_check(nft, &m, e);

	if (r != -ESTALE)
		return r;
	++*changed;

	return masq_add(nft, &m, e);
}

int local_ensure_claims(struct nl *nft, const struct local_conf *conf,
			const struct plane_endpoint *ep, uint32_t *ret_changed, struct err *e)
{
	int r = conf->pin ? ensure_pins(nft, ep, ret_changed, e) : 0;

	return r == 0 && conf->masquerade ? ensure_masq(nft, conf, ep, ret_changed, e) : r;
}

static int release_pins(struct nl *nft, const struct plane_endpoint *ep, struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	int r = list_pins(&c, ep, e);

	return r < 0 ? r : claim_release(nft, &c, claim_of(&ep->owner), e);
}

int local_release_claims(struct nl *nft, const struct local_conf *conf,
			 const struct plane_endpoint *ep, struct err *e)
{
	struct ip_net nets[PLANE_IPS];
	struct masq m = masq_of(conf, ep, nets);
	struct err next;
	int r = 0, each;

	if (!conf->pin)
		r = release_pins(nft, ep, e);
	if (!conf->masquerade) {
		each = masq_del(nft, &m, &next);
		r = err_keep(r < 0 ? r : 0, e, each, &next);
	}

	return r < 0 ? r : 0;
}

bool local_is_held(struct nl *route, struct nl *nft, const struct local_conf *conf,
		   const struct plane_endpoint *ep)
{
	AUTO(claims_clear) struct claims c = { 0 };
	struct ifstate s;

	if (conf->pin)
		return list_pins(&c, ep, NULL) == 0 &&
		       claim_check(nft, &ruleset_pins, &c, &ep->owner, NULL) == 0;

	return ifstate_get(route, ep->owner.host_ifname, &s, NULL) > 0 &&
	       forward_is_local(route, s.index, ep->mac, NULL) > 0;
}

/* ---- what died while nobody looked ------------------------------------------------------- */

static bool is_abandoned(const char *tag, size_t len, const void *data)
{
	const struct claim_filter abandoned = claim_abandoned();

	return owner_has_network(data, tag, len) && abandoned.match(tag, len, abandoned.data);
}

int local_sweep_claims(struct nl *nft, const char *network, struct err *e)
{
	static const struct nft_set *const masq_sets[] = { &ruleset_masq4, &ruleset_masq6, NULL };
	struct owner owner;
	const struct claim_filter of_the_dead = { .match = is_abandoned, .data = &owner };
	int pins, masqs;

	owner_init_network(&owner, network);
	pins = claim_sweep(nft, pin_sets, of_the_dead, e);
	if (pins < 0)
		return pins;
	masqs = claim_sweep(nft, masq_sets, of_the_dead, e);

	return masqs < 0 ? masqs : pins + masqs;
}

/* ---- a network that nothing is routed to ---------------------------------------------------- */

/* Nothing is routed to the bridge or from it … */
static int list_internal(struct claims *ret, const char *bridge, struct err *e)
{
	struct nft_value key = { 0 };

	nft_value_ifname(&key, bridge);

	return claims_add(ret, &ruleset_internal, &key, NULL, e);
}

/* … but its containers do see each other: the pair of the bridge and itself. */
static int list_own(struct claims *ret, const char *bridge, struct err *e)
{
	struct nft_value key = { 0 };

	nft_value_ifname(&key, bridge);
	nft_value_ifname(&key, bridge);

	return claims_add(ret, &ruleset_shut_own, &key, NULL, e);
}

int local_shut(struct nl *nft, const char *network, const char *bridge, struct err *e)
{
	AUTO(claims_clear) struct claims c = { 0 };
	const struct claim_filter nobody = { 0 };
	struct owner owner;
	int r;

	if ((r = list_internal(&c, bridge, e)) < 0 || (r = list_own(&c, bridge, e)) < 0)
		return r;
	owner_init(&owner, network, "", "");

	return claim_take(nft, &ruleset_inet, &c, &owner, nobody, e);
}

/*
 * The plugin firewall shuts bridges of any network from each other, and has the same
 * pair for it, as the network's: it goes with the other element or not at all.
 */
int local_open(struct nl *nft, const char *network, const char *bridge, struct err *e)
{
	AUTO(claims_clear) struct claims internal = { 0 };
	AUTO(claims_clear) struct claims own = { 0 };
	struct owner owner;
	int r;

	owner_init(&owner, network, "", "");
	if ((r = list_internal(&internal, bridge, e)) < 0 || (r = list_own(&own, bridge, e)) < 0)
		return r;
	r = claim_release(nft, &internal, claim_of(&owner), e);
	if (r > 0)
		r = claim_release(nft, &own, claim_of(&owner), e);

	return r < 0 ? r : 0;
}
