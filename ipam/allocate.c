/* SPDX-License-Identifier: GPL-2.0-or-later */
/* allocate - see allocate.h. */
#include "ipam/allocate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "lib/cleanup.h"

struct allocation {
	const struct cni_request *rq;
	const struct host_local_conf *conf;
	struct lease_store *store;
	const struct lease_owner *owner;
	bool *used; /* of conf->requested */
	struct cni_result *res;
};

/* ---- a set that is full -------------------------------------------------- */

static int count_leased(struct lease_store *s, const struct range_set *set, uint64_t *ret,
			struct err *e)
{
	AUTO_FREE struct ip_addr *taken = NULL;
	uint64_t leased = 0;
	size_t n;
	int r = lease_list(s, &taken, &n, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		leased += range_set_is_dynamic(set, &taken[i]);
	*ret = leased;

	return 0;
}

static int report_full(const struct cni_request *rq, struct lease_store *s,
		       const struct range_set *set, struct err *e)
{
	char ranges[256];
	uint64_t leased;
	int r = count_leased(s, set, &leased, e);

	if (r < 0)
		return r;

	return err_cni(e, CNI_E_UNAVAILABLE,
		       "network %s has no free address in %s: %" PRIu64 " of %" PRIu64
		       " are leased, in %s; remove containers or widen the range",
		       rq->network, range_set_str(set, ranges, sizeof(ranges)), leased,
		       range_set_size(set), s->path);
}

/* ---- one address of each set --------------------------------------------- */

/* The specification has one ADD for an attachment; a lease of it means that its DEL is missing. */
static int refuse_second(struct allocation *a, struct err *e)
{
	AUTO_FREE struct ip_addr *held = NULL;
	char text[IP_STRLEN];
	size_t n;
	int r = lease_find(a->store, a->owner, &held, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		for (size_t k = 0; k < a->conf->n; k++) {
			if (range_set_find(&a->conf->sets[k], &held[i]))
				return err_cni(e, CNI_E_INTERNAL,
					       "%s of network %s is leased to container %s (%s) "
					       "already; a second ADD needs a DEL first",
					       ip_str(&held[i], text), a->rq->network,
					       a->rq->container_id, a->rq->ifname);
		}
	}

	return r;
}

/* The first request that @set can serve and no other set has; NULL for none. */
static const struct ip_addr *pick_request(struct allocation *a, const struct range_set *set)
{
	const struct requested *list = &a->conf->requested;

	for (size_t i = 0; i < list->n; i++) {
		if (a->used[i] || !range_set_find(set, &list->nets[i].addr))
			continue;
		a->used[i] = true;
		return &list->nets[i].addr;
	}

	return NULL;
}

/* A lease in the way may be one that nobody needs, so the leases are read before giving up. */
static int take_requested(struct allocation *a, const struct range_set *set,
			  const struct ip_addr *ip, struct err *e)
{
	char text[IP_STRLEN], holder[256];
	int r = range_set_permits(set, ip, e);

	if (r < 0)
		return r;
	r = lease_take(a->store, a->owner, ip, e);
	if (r == -EEXIST) {
		(void)lease_sweep(a->store, NULL);
		r = lease_take(a->store, a->owner, ip, e);
	}
	if (r == -EEXIST)
		return err_cni(
			e, CNI_E_INTERNAL,
			"requested address %s of network %s is leased to %s; ask for another",
			ip_str(ip, text), a->rq->network,
			lease_holder(a->store, ip, holder, sizeof(holder)));

	return r;
}

/* Neither a failure nor an address. */
enum { SET_IS_FULL = 1 };

/* Take the next address behind @last that is not in @taken. */
static int take_after(struct allocation *a, const struct range_set *set, const struct ip_addr *last,
		      const struct ip_addr *taken, size_t n, struct ip_addr *ret, struct err *e)
{
	const struct range *range;
	int r = range_set_next(set, last, taken, n, ret, &range);

	if (r == -ENOSPC)
		return SET_IS_FULL;
	if (r < 0)
		return err_sys(e, -r, "look for a free address");

	return lease_take(a->store, a->owner, ret, e);
}

static int take_listed(struct allocation *a, const struct range_set *set,
		       const struct ip_addr *last, struct ip_addr *ret, struct err *e)
{
	AUTO_FREE struct ip_addr *taken = NULL;
	size_t n;
	int r = lease_list(a->store, &taken, &n, e);

	return r < 0 ? r : take_after(a, set, last, taken, n, ret, e);
}

/*
 * Mostly the next address is free, and trying to take it shows that at once.
 * If not, the list of leases is asked, and before giving up the leases
 * themselves.
 */
static int take_next(struct allocation *a, const struct range_set *set, const struct ip_addr *last,
		     struct ip_addr *ret, struct err *e)
{
	int r = take_after(a, set, last, NULL, 0, ret, e);

	if (r == -EEXIST)
		r = take_listed(a, set, last, ret, e);
	if (r == -EEXIST || r == SET_IS_FULL) {
		(void)lease_sweep(a->store, NULL);
		r = take_listed(a, set, last, ret, e);
	}
	if (r == SET_IS_FULL)
		return report_full(a->rq, a->store, set, e);
	if (r == -EEXIST)
		return err_cni(e, CNI_E_AGAIN,
			       "%s: somebody writes leases without the lock; try again",
			       a->store->path);

	return r;
}

static int take(struct allocation *a, size_t index, struct err *e)
{
	const struct range_set *set = &a->conf->sets[index];
	const struct ip_addr *wanted = pick_request(a, set);
	const struct ip_addr last = lease_last(a->store, index);
	struct cni_ip ip = { .iface = -1 };
	const struct range *range;
	int r;

	if (wanted)
		ip.address.addr = *wanted;
	r = wanted ? take_requested(a, set, wanted, e)
		   : take_next(a, set, &last, &ip.address.addr, e);
	if (r < 0)
		return r;

	range = range_set_find(set, &ip.address.addr);
	ip.address.len = range->subnet.len;
	ip.gateway = range->gateway;
	if (range_set_is_dynamic(set, &ip.address.addr))
		lease_set_last(a->store, index, &ip.address.addr);
	r = cni_result_add_ip(a->res, &ip, e);
	if (r < 0)
		(void)lease_release(a->store, a->owner, &ip.address.addr, NULL);

	return r < 0 ? r : 0;
}

static int report_unserved(const struct allocation *a, const struct ip_addr *ip, struct err *e)
{
	char text[IP_STRLEN], ranges[256];

	for (size_t i = 0; i < a->conf->n; i++) {
		const struct range_set *set = &a->conf->sets[i];

		if (range_set_find(set, ip))
			return err_cni(
				e, CNI_E_CONFIG,
				"requested address %s of network %s: one address is given of %s, "
				"and another one is requested too",
				ip_str(ip, text), a->rq->network,
				range_set_str(set, ranges, sizeof(ranges)));
	}

	return err_cni(e, CNI_E_CONFIG, "requested address %s is in no range of network %s",
		       ip_str(ip, text), a->rq->network);
}

static int refuse_unserved(const struct allocation *a, struct err *e)
{
	for (size_t i = 0; i < a->conf->requested.n; i++)
		if (!a->used[i])
			return report_unserved(a, &a->conf->requested.nets[i].addr, e);

	return 0;
}

static void give_back(struct allocation *a)
{
	for (size_t i = 0; i < a->res->n_ips; i++)
		(void)lease_release(a->store, a->owner, &a->res->ips[i].address.addr, NULL);
}

static int take_all(struct allocation *a, struct err *e)
{
	int r = refuse_second(a, e);

	for (size_t i = 0; r == 0 && i < a->conf->n; i++)
		r = take(a, i, e);

	return r < 0 ? r : refuse_unserved(a, e);
}

int allocate(const struct cni_request *rq, const struct host_local_conf *conf,
	     struct lease_store *store, const struct lease_owner *owner, struct cni_result *res,
	     struct err *e)
{
	AUTO_FREE bool *used = calloc(conf->requested.n + 1, sizeof(*used));
	struct allocation a = { rq, conf, store, owner, used, res };
	int r;

	if (!used)
		return err_sys(e, ENOMEM, "read requested addresses");
	r = take_all(&a, e);
	if (r < 0)
		give_back(&a);

	return r;
}

/* ---- STATUS -------------------------------------------------------------- */

int allocate_check_room(const struct cni_request *rq, struct lease_store *store,
			const struct range_set *set, struct err *e)
{
	uint64_t leased;
	int r = count_leased(store, set, &leased, e);

	if (r < 0 || leased < range_set_size(set))
		return r;

	/* An ADD would find those that nobody needs. */
	(void)lease_sweep(store, NULL);
	r = count_leased(store, set, &leased, e);
	if (r < 0 || leased < range_set_size(set))
		return r;

	return report_full(rq, store, set, e);
}
