/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane-sweep - what a start finds of networks that are not served here any more */
#include "lib/err.h"
#include "netd/ifstate.h"
#include "netd/plane-private.h"
#include "netd/tunnel.h"

#define LOG_AREA "plane"
#include "netd/log.h"

#define FOUND_MAX 64

struct found {
	const struct plane *p;
	struct network_id list[FOUND_MAX];
	size_t n;
};

static bool is_found(const struct found *f, const struct network_id *id)
{
	for (size_t i = 0; i < f->n; i++)
		if (network_id_equal(&f->list[i], id))
			return true;

	return false;
}

static int find_stranger(const struct ifstate *s, void *data)
{
	struct found *f = data;
	struct network_id id;

	if (f->n < FOUND_MAX && tunnel_is_of(s, &id) && !plane_serves(f->p, &id) &&
	    !is_found(f, &id))
		f->list[f->n++] = id;

	return 0;
}

static int sweep_devices(struct plane *p, struct err *e)
{
	struct found found = { .p = p };
	int r = ifstate_each(p->route, find_stranger, &found, e);

	for (size_t i = 0; r == 0 && i < found.n; i++) {
		char bridge[IFNAMSIZ], vxlan[IFNAMSIZ];

		plane_bridge_name(&found.list[i], bridge);
		plane_vxlan_name(&found.list[i], vxlan);
		r = tunnel_remove(p->route, &found.list[i], bridge, vxlan, e);
		log_info("%s: its network is not served here any more: removed", bridge);
	}

	return r;
}

int plane_sweep(struct plane *p, struct err *e)
{
	int r = sweep_devices(p, e);

	for (const struct plane_net *n = p->nets; r >= 0 && n; n = n->next)
		if (n->served)
			r = local_sweep_claims(p->nft, n->conf.name, e);
	p->swept = p->check_filter = p->unflushed = true;

	return r < 0 ? r : 0;
}
