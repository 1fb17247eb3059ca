/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane-local - the containers of this node: their ports, claims and announcements */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "netd/announce.h"
#include "netd/plane-private.h"

struct local_conf plane_local_conf(const struct plane_net *net)
{
	return (struct local_conf){ .network = net->conf.name,
				    .bridge = net->bridge,
				    .bridge_index = net->dev.bridge,
				    .pin = net->conf.pin,
				    .masquerade = net->conf.masquerade && !net->conf.internal };
}

/* ---- what is to stay so ------------------------------------------------------------------ */

/* A port that is gone is its engine's business, which detaches it. */
void plane_ensure_ports(struct plane *p, struct plane_net *net, bool all)
{
	const struct local_conf conf = plane_local_conf(net);

	for (struct local *l = net->locals; l; l = l->next) {
		uint32_t changed = 0;

		if (!all && !l->check_port)
			continue;
		l->check_port = false;
		if (local_ensure_port(p->route, &conf, &l->ep, &changed, NULL) < 0)
			continue;
		p->counters.repaired_ports += l->port_settled ? changed : 0;
		l->port_settled = true;
	}
}

int plane_ensure_claims(struct plane *p, struct plane_net *net, struct err *e)
{
	const struct local_conf conf = plane_local_conf(net);
	int r = net->conf.internal ? local_shut(p->nft, conf.network, conf.bridge, e) : 0;

	for (struct local *l = net->locals; l; l = l->next) {
		uint32_t changed = 0;
		int each = local_ensure_claims(p->nft, &conf, &l->ep, &changed, r < 0 ? NULL : e);

		p->counters.repaired_claims += l->claims_settled ? changed : 0;
		l->claims_settled = l->claims_settled || each == 0;
		r = r < 0 ? r : each;
	}

	return r;
}

int plane_release_claims(struct plane *p, struct plane_net *net, struct err *e)
{
	const struct local_conf conf = plane_local_conf(net);
	int r = net->conf.internal ? 0 : local_open(p->nft, conf.network, conf.bridge, e);

	for (struct local *l = net->locals; r == 0 && l; l = l->next)
		r = local_release_claims(p->nft, &conf, &l->ep, e);

	return r;
}

/* ---- coming and going ---------------------------------------------------------------------- */

static struct local **find_local(struct plane_net *net, const char *port)
{
	struct local **at = &net->locals;

	while (*at && strcmp((*at)->ep.owner.host_ifname, port) != 0)
		at = &(*at)->next;

	return at;
}

struct local *plane_local_of_mac(const struct plane_net *net, const uint8_t mac[6])
{
	for (struct local *l = net->locals; l; l = l->next)
		if (memcmp(l->ep.mac, mac, sizeof(l->ep.mac)) == 0)
			return l;

	return NULL;
}

static void announce(struct plane *p, const struct plane_net *net, const struct plane_endpoint *ep)
{
	for (size_t i = 0; i < ep->n_ips; i++)
		if (announce_send(p->announce, net->dev.bridge, &ep->ips[i], ep->mac) == 0)
			p->counters.announced++;
}

/* What was pinned before is not what is pinned now. */
static int release(struct plane *p, const struct plane_net *net, const struct plane_endpoint *ep,
		   struct err *e)
{
	struct local_conf nothing = plane_local_conf(net);

	nothing.pin = nothing.masquerade = false;

	return local_release_claims(p->nft, &nothing, ep, e);
}

static int set_up(struct plane *p, struct plane_net *net, struct local *l, struct err *e)
{
	const struct local_conf conf = plane_local_conf(net);
	uint32_t changed;
	int r = local_ensure_claims(p->nft, &conf, &l->ep, &changed, e);

	if (r == 0)
		r = local_ensure_port(p->route, &conf, &l->ep, &changed, e);
	if (r < 0) {
		(void)release(p, net, &l->ep, NULL);
		return r;
	}
	l->port_settled = l->claims_settled = true;
	announce(p, net, &l->ep);

	return 0;
}

int plane_attach(struct plane *p, const struct plane_endpoint *ep, struct err *e)
{
	struct plane_net *net = plane_find_served(p, &ep->network);
	struct local *l;
	int r;

	if (!net)
		return err_say(e, ENOENT, "%s: its network is not served here",
			       ep->owner.host_ifname);
	r = plane_detach(p, &ep->network, ep->owner.host_ifname, e);
	if (r < 0)
		return r;
	l = calloc(1, sizeof(*l));
	if (!l)
		return err_sys(e, ENOMEM, "attach %s", ep->owner.host_ifname);
	l->ep = *ep;
	r = set_up(p, net, l, e);
	if (r < 0) {
		free(l);
		return r;
	}
	l->next = net->locals;
	net->locals = l;
	p->counters.endpoints++;

	return 0;
}

bool plane_was_attached(struct plane *p, const struct plane_endpoint *ep)
{
	const struct plane_net *net = plane_find_served(p, &ep->network);
	struct local_conf conf;

	if (!net)
		return false;
	conf = plane_local_conf(net);

	return local_is_held(p->route, p->nft, &conf, ep);
}

int plane_detach(struct plane *p, const struct network_id *network, const char *port, struct err *e)
{
	struct plane_net *net = plane_find_served(p, network);
	struct local **at = net ? find_local(net, port) : NULL, *l = at ? *at : NULL;
	struct entry_is fdb = { .kind = ENTRY_FDB };
	int r;

	if (!l)
		return 0;
	*at = l->next;
	p->counters.endpoints--;
	p->unflushed = true;
	r = release(p, net, &l->ep, e);
	local_release_port(p->route, &l->ep);
	/* Its MAC may be another node's by now. */
	memcpy(fdb.mac, l->ep.mac, sizeof(fdb.mac));
	entries_again(&net->entries, &fdb);
	free(l);

	return r;
}
