/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host-local - see host-local.h
 *
 * An ADD holds the lock of the network's directory from its first look to its
 * last lease, so the addresses of an attachment are taken together or not at
 * all.
 */
#include "ipam/host-local.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipam/host-local-conf.h"
#include "ipam/lease.h"
#include "ipam/resolv-conf.h"
#include "ipam/routes.h"
#include "lib/cleanup.h"

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

/* ---- ADD ----------------------------------------------------------------- */

struct add {
	const struct cni_request *rq;
	struct host_local_conf conf;
	struct lease_store store;
	struct lease_owner owner;
	struct cni_result made;
	bool *used; /* of conf.requested */
};

/* The specification has one ADD for an attachment; a lease of it means that its DEL is missing. */
static int refuse_second(struct add *a, struct err *e)
{
	AUTO_FREE struct ip_addr *held = NULL;
	char text[IP_STRLEN];
	size_t n;
	int r = lease_find(&a->store, &a->owner, &held, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		for (size_t k = 0; k < a->conf.n; k++) {
			if (range_set_find(&a->conf.sets[k], &held[i]))
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
static const struct ip_addr *pick_request(struct add *a, const struct range_set *set)
{
	const struct requested *list = &a->conf.requested;

	for (size_t i = 0; i < list->n; i++) {
		if (a->used[i] || !range_set_find(set, &list->nets[i].addr))
			continue;
		a->used[i] = true;
		return &list->nets[i].addr;
	}

	return NULL;
}

/* A lease in the way may be one that nobody needs, so the leases are read before giving up. */
static int take_requested(struct add *a, const struct range_set *set, const struct ip_addr *ip,
			  struct err *e)
{
	char text[IP_STRLEN], holder[256];
	int r = range_set_permits(set, ip, e);

	if (r < 0)
		return r;
	r = lease_take(&a->store, &a->owner, ip, e);
	if (r == -EEXIST) {
		(void)lease_sweep(&a->store, NULL);
		r = lease_take(&a->store, &a->owner, ip, e);
	}
	if (r == -EEXIST)
		return err_cni(
			e, CNI_E_INTERNAL,
			"requested address %s of network %s is leased to %s; ask for another",
			ip_str(ip, text), a->rq->network,
			lease_holder(&a->store, ip, holder, sizeof(holder)));

	return r;
}

/* Take the next address behind @last that is not in @taken. */
static int take_after(struct add *a, const struct range_set *set, const struct ip_addr *last,
		      const struct ip_addr *taken, size_t n, struct ip_addr *ret, struct err *e)
{
	const struct range *range;
	int r = range_set_next(set, last, taken, n, ret, &range);

	if (r == -ENOMEM)
		return err_sys(e, ENOMEM, "look for a free address");

	if (r < 0)
		return r;
	r = lease_take(&a->store, &a->owner, ret, e);

	return r == -ENOSPC ? -EDQUOT : r; /* a full disk is no full range */
}

static int take_listed(struct add *a, const struct range_set *set, const struct ip_addr *last,
		       struct ip_addr *ret, struct err *e)
{
	AUTO_FREE struct ip_addr *taken = NULL;
	size_t n;
	int r = lease_list(&a->store, &taken, &n, e);

	return r < 0 ? r : take_after(a, set, last, taken, n, ret, e);
}

/*
 * Mostly the next address is free, and trying to take it shows that at once.
 * If not, the list of leases is asked, and before giving up the leases
 * themselves.
 */
static int take_next(struct add *a, const struct range_set *set, const struct ip_addr *last,
		     struct ip_addr *ret, struct err *e)
{
	int r = take_after(a, set, last, NULL, 0, ret, e);

	if (r == -EEXIST)
		r = take_listed(a, set, last, ret, e);
	if (r == -EEXIST || r == -ENOSPC) {
		(void)lease_sweep(&a->store, NULL);
		r = take_listed(a, set, last, ret, e);
	}
	if (r == -ENOSPC)
		return report_full(a->rq, &a->store, set, e);
	if (r == -EEXIST)
		return err_cni(e, CNI_E_AGAIN,
			       "%s: somebody writes leases without the lock; try again",
			       a->store.path);

	return r;
}

static int take(struct add *a, size_t index, struct err *e)
{
	const struct range_set *set = &a->conf.sets[index];
	const struct ip_addr *wanted = pick_request(a, set);
	const struct ip_addr last = lease_last(&a->store, index);
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
		lease_set_last(&a->store, index, &ip.address.addr);
	r = cni_result_add_ip(&a->made, &ip, e);
	if (r < 0)
		(void)lease_release(&a->store, &a->owner, &ip.address.addr, NULL);

	return r < 0 ? r : 0;
}

static int report_unserved(const struct add *a, const struct ip_addr *ip, struct err *e)
{
	char text[IP_STRLEN], ranges[256];

	for (size_t i = 0; i < a->conf.n; i++) {
		const struct range_set *set = &a->conf.sets[i];

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

static int refuse_unserved(const struct add *a, struct err *e)
{
	for (size_t i = 0; i < a->conf.requested.n; i++)
		if (!a->used[i])
			return report_unserved(a, &a->conf.requested.nets[i].addr, e);

	return 0;
}

static void give_back(struct add *a)
{
	for (size_t i = 0; i < a->made.n_ips; i++)
		(void)lease_release(&a->store, &a->owner, &a->made.ips[i].address.addr, NULL);
}

static int take_all(struct add *a, struct err *e)
{
	int r = refuse_second(a, e);

	for (size_t i = 0; r == 0 && i < a->conf.n; i++)
		r = take(a, i, e);
	if (r == 0)
		r = refuse_unserved(a, e);
	if (r < 0)
		give_back(a);

	return r;
}

static int prepare_add(struct add *a, struct err *e)
{
	const struct cni_request *rq = a->rq;
	int r;

	if ((r = host_local_conf_read(rq, &a->conf, e)) < 0 ||
	    (r = lease_owner_init(&a->owner, rq->container_id, rq->ifname, e)) < 0 ||
	    (r = routes_read(rq, &a->made, e)) < 0)
		return r;
	a->used = calloc(a->conf.requested.n + 1, sizeof(*a->used));
	if (!a->used)
		return err_sys(e, ENOMEM, "read requested addresses");

	return a->conf.resolv_conf ? resolv_conf_read(a->conf.resolv_conf, &a->made.dns, e) : 0;
}

static void clear_add(struct add *a)
{
	lease_close(&a->store);
	host_local_conf_clear(&a->conf);
	cni_result_clear(&a->made);
	free(a->used);
}

static int host_local_add(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	AUTO(clear_add) struct add a = { .rq = rq, .store = LEASE_CLOSED };
	int r;

	if ((r = prepare_add(&a, e)) < 0 ||
	    (r = lease_open(&a.store, a.conf.data_dir, rq->network, LEASE_CREATE, LEASE_LOCK_MS,
			    e)) < 0 ||
	    (r = take_all(&a, e)) < 0)
		return r;
	*res = a.made;
	a.made = (struct cni_result){ 0 };

	return 0;
}

/* ---- DEL ----------------------------------------------------------------- */

/* Return: whether each address of prevResult was given up; a negative errno. */
static int release_known(struct lease_store *s, const struct lease_owner *o,
			 const struct cni_result *prev, struct err *e)
{
	bool all = prev->n_ips > 0;
	struct err next;
	int r, first = 0;

	for (size_t i = 0; i < prev->n_ips; i++) {
		r = lease_release(s, o, &prev->ips[i].address.addr, &next);
		first = err_keep(first, e, r, &next);
		all = all && r > 0;
	}

	return first < 0 ? first : all;
}

static int release_found(struct lease_store *s, const struct lease_owner *o, struct err *e)
{
	AUTO_FREE struct ip_addr *held = NULL;
	struct err next;
	size_t n;
	int r = lease_find(s, o, &held, &n, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		r = err_keep(r, e, lease_release(s, o, &held[i], &next), &next);

	return r;
}

/*
 * prevResult says which files to read.  Without it, or if the lease of one of
 * its addresses was not this attachment's, the leases are searched.
 */
static int host_local_del(const struct cni_request *rq, struct err *e)
{
	AUTO(lease_close) struct lease_store s = LEASE_CLOSED;
	struct lease_owner o;
	int r;

	/* Nothing can be leased to a name that no lease has room for. */
	if (lease_owner_init(&o, rq->container_id, rq->ifname, NULL) < 0)
		return 0;
	r = lease_open(&s, host_local_data_dir(rq), rq->network, LEASE_CHANGE, LEASE_LOCK_MS, e);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (rq->prev) {
		r = release_known(&s, &o, rq->prev, e);
		if (r != 0)
			return r < 0 ? r : 0;
	}

	return release_found(&s, &o, e);
}

/* ---- CHECK --------------------------------------------------------------- */

/* Whether an address of the result is one of this attachment's interface. */
static bool is_ours(const struct cni_request *rq, const struct cni_ip *ip)
{
	return ip->iface < 0 || (size_t)ip->iface >= rq->prev->n_ifaces ||
	       strcmp(rq->prev->ifaces[ip->iface].name, rq->ifname) == 0;
}

static int check_lease(const struct cni_request *rq, const struct lease_store *s,
		       const struct lease_owner *o, const struct ip_addr *ip, struct err *e)
{
	char text[IP_STRLEN], holder[256];
	int r = lease_look(s, o, ip, e);

	if (r != LEASE_OTHER)
		return r < 0 ? r : 0;

	return err_cni(e, CNI_E_CHECK, "%s is not leased to container %s (%s) but to %s, in %s",
		       ip_str(ip, text), rq->container_id, rq->ifname,
		       lease_holder(s, ip, holder, sizeof(holder)), s->path);
}

static int check_leases(const struct cni_request *rq, const struct lease_store *s,
			const struct lease_owner *o, struct err *e)
{
	size_t checked = 0;
	struct err next;
	int r = 0;

	for (size_t i = 0; i < rq->prev->n_ips; i++) {
		const struct cni_ip *ip = &rq->prev->ips[i];

		if (!is_ours(rq, ip))
			continue;
		r = err_keep(r, e, check_lease(rq, s, o, &ip->address.addr, &next), &next);
		checked++;
	}
	if (r == 0 && checked == 0)
		r = err_cni(e, CNI_E_CHECK, "prevResult has no address of %s", rq->ifname);

	return r;
}

/* Leases appear complete or not at all, so reading needs no lock. */
static int host_local_check(const struct cni_request *rq, struct err *e)
{
	AUTO(host_local_conf_clear) struct host_local_conf conf = { 0 };
	AUTO(lease_close) struct lease_store s = LEASE_CLOSED;
	struct lease_owner o;
	int r;

	if (!rq->prev)
		return err_cni(e, CNI_E_CONFIG, "CHECK needs prevResult");
	if ((r = host_local_conf_read(rq, &conf, e)) < 0 ||
	    (r = lease_owner_init(&o, rq->container_id, rq->ifname, e)) < 0)
		return r;
	r = lease_open(&s, conf.data_dir, rq->network, LEASE_LOOK, 0, e);
	if (r == -ENOENT)
		return err_cni(e, CNI_E_CHECK, "network %s has no leases: %s/%s is not there",
			       rq->network, conf.data_dir, rq->network);

	return r < 0 ? r : check_leases(rq, &s, &o, e);
}

/* ---- GC ------------------------------------------------------------------ */

/* Keys of the leases that valid attachments may have, sorted. */
struct valid_keys {
	uint64_t *keys;
	size_t n;
};

static int compare_keys(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Two keys that are equal by chance keep a lease that could go. */
static bool is_abandoned(uint64_t key, void *data)
{
	const struct valid_keys *valid = data;

	return !bsearch(&key, valid->keys, valid->n, sizeof(*valid->keys), compare_keys);
}

static int collect_keys(const struct cni_request *rq, struct valid_keys *ret, struct err *e)
{
	uint64_t *keys = calloc(2 * rq->n_valid + 1, sizeof(*keys));
	struct lease_owner o;
	size_t n = 0;

	if (!keys)
		return err_sys(e, ENOMEM, "read the valid attachments");
	for (size_t i = 0; i < rq->n_valid; i++) {
		if (lease_owner_init(&o, rq->valid[i].container_id, rq->valid[i].ifname, NULL) < 0)
			continue;
		keys[n++] = o.key;
		keys[n++] = o.old_key;
	}
	qsort(keys, n, sizeof(*keys), compare_keys);
	*ret = (struct valid_keys){ keys, n };

	return 0;
}

static int host_local_gc(const struct cni_request *rq, struct err *e)
{
	AUTO(lease_close) struct lease_store s = LEASE_CLOSED;
	struct valid_keys valid;
	int r;

	if (!rq->valid_given)
		return 0;
	r = lease_open(&s, host_local_data_dir(rq), rq->network, LEASE_CHANGE, LEASE_LOCK_MS, e);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = collect_keys(rq, &valid, e);
	if (r < 0)
		return r;
	r = lease_drop(&s, is_abandoned, &valid, e);
	free(valid.keys);

	return r;
}

/* ---- STATUS -------------------------------------------------------------- */

static int check_room(const struct cni_request *rq, struct lease_store *s,
		      const struct range_set *set, struct err *e)
{
	uint64_t leased;
	int r = count_leased(s, set, &leased, e);

	if (r < 0 || leased < range_set_size(set))
		return r;

	/* An ADD would find those that nobody needs. */
	(void)lease_sweep(s, NULL);
	r = count_leased(s, set, &leased, e);
	if (r < 0 || leased < range_set_size(set))
		return r;

	return report_full(rq, s, set, e);
}

static int check_sets(const struct cni_request *rq, struct lease_store *s,
		      const struct host_local_conf *conf, struct err *e)
{
	struct err next;
	int r = 0;

	if (faccessat(s->dir, ".", W_OK, AT_EACCESS) < 0)
		return err_cni(e, CNI_E_UNAVAILABLE, "%s: no lease can be written here: %s",
			       s->path, strerror(errno));
	for (size_t i = 0; i < conf->n; i++)
		r = err_keep(r, e, check_room(rq, s, &conf->sets[i], &next), &next);

	return r;
}

static int host_local_status(const struct cni_request *rq, struct err *e)
{
	AUTO(host_local_conf_clear) struct host_local_conf conf = { 0 };
	AUTO(lease_close) struct lease_store s = LEASE_CLOSED;
	int r = host_local_conf_read(rq, &conf, e);

	if (r < 0)
		return r;
	r = lease_open(&s, conf.data_dir, rq->network, LEASE_CHANGE, LEASE_LOCK_MS, e);
	if (r < 0)
		return r == -ENOENT ? 0 : r;

	return check_sets(rq, &s, &conf, e);
}

const struct cni_plugin host_local_plugin = {
	.name = "host-local",
	.add = host_local_add,
	.del = host_local_del,
	.check = host_local_check,
	.gc = host_local_gc,
	.status = host_local_status,
};
