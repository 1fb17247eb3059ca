/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spoof - see spoof.h. */
#include "lib/spoof.h"

#include "lib/claim.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/gc.h"

/* The claims of one attachment, in this order. */
enum { GUARDED, ALLOWED_MAC, N_CLAIMS };

static const struct nft_set *const sets[] = { &ruleset_guarded, &ruleset_allowed_mac, NULL };

static int list_claims(struct claims *ret, const struct spoof *s, struct err *e)
{
	struct nft_value port = { .len = 0 }, port_mac;
	int r;

	nft_value_ifname(&port, s->port);
	port_mac = port;
	nft_value_mac(&port_mac, s->mac);
	r = claims_add(ret, sets[GUARDED], &port, NULL, e);
	if (r < 0)
		return r;

	return claims_add(ret, sets[ALLOWED_MAC], &port_mac, NULL, e);
}

static int take(struct nl *nl, const struct spoof *s, struct claims *c, struct err *e)
{
	struct claim_filter none = { .match = NULL };

	return claim_take(nl, &ruleset_pins, c, s->owner, none, e);
}

static int sweep(struct nl *nl, struct claim_filter filter, struct err *e)
{
	int r = claim_sweep(nl, sets, filter, e);

	return r < 0 ? r : 0;
}

/*
 * Both elements come and go together.  One of them found alone therefore says
 * that the port has another MAC on record: from an ADD that was never undone, or
 * because a plugin behind us in the chain (tuning) changed it in the result.
 */
static bool has_other_mac(const struct claims *c)
{
	return c->list[GUARDED].state == CLAIM_OURS && c->list[ALLOWED_MAC].state == CLAIM_FREE;
}

int spoof_add(struct nl *nl, const struct spoof *s, struct err *e)
{
	AUTO(claims_clear) struct claims c = { .list = NULL };
	int r;

	r = list_claims(&c, s, e);
	if (r == 0)
		r = take(nl, s, &c, e);
	if (r == 0 && has_other_mac(&c)) {
		r = sweep(nl, claim_of(s->owner), e);
		if (r == 0)
			r = take(nl, s, &c, e);
	}
	if (r < 0)
		return err_wrap(e, r, "guard the MAC of port %s", s->port);

	return 0;
}

/* Most ports are not guarded at all, and that takes no search. */
static int is_guarded(struct nl *nl, const struct spoof *s, struct err *e)
{
	AUTO(claims_clear) struct claims c = { .list = NULL };
	struct nft_value port = { .len = 0 };
	int r;

	nft_value_ifname(&port, s->port);
	r = claims_add(&c, sets[GUARDED], &port, NULL, e);

	return r < 0 ? r : claim_look(nl, &c, claim_of(s->owner), e);
}

static int del(struct nl *nl, const struct spoof *s, struct err *e)
{
	AUTO(claims_clear) struct claims c = { .list = NULL };
	int r;

	r = is_guarded(nl, s, e);
	if (r <= 0)
		return r;
	if (!s->mac)
		return sweep(nl, claim_of(s->owner), e);
	r = list_claims(&c, s, e);
	if (r == 0)
		r = claim_release(nl, &c, claim_of(s->owner), e);
	if (r < 0)
		return r;

	return has_other_mac(&c) ? sweep(nl, claim_of(s->owner), e) : 0;
}

int spoof_del(struct nl *nl, const struct spoof *s, struct err *e)
{
	int r = del(nl, s, e);

	if (r < 0)
		return err_wrap(e, r, "end the guard of port %s", s->port);

	return 0;
}

int spoof_check(struct nl *nl, const struct spoof *s, struct err *e)
{
	AUTO(claims_clear) struct claims c = { .list = NULL };
	int r;

	r = list_claims(&c, s, e);
	if (r == 0)
		r = claim_check(nl, &ruleset_pins, &c, s->owner, e);
	if (r < 0)
		return err_wrap(e, r, "macspoofchk of port %s", s->port);

	return 0;
}

int spoof_gc(struct nl *nl, const struct gc *gc, struct err *e)
{
	int r = sweep(nl, claim_garbage(gc), e);

	if (r < 0)
		return err_wrap(e, r, "collect guards of network %s", gc->network);

	return 0;
}
