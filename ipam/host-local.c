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
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipam/allocate.h"
#include "ipam/host-local-conf.h"
#include "ipam/lease.h"
#include "ipam/resolv-conf.h"
#include "ipam/routes.h"
#include "lib/cleanup.h"

/* ---- ADD ----------------------------------------------------------------- */

struct add {
	struct host_local_conf conf;
	struct lease_store store;
	struct lease_owner owner;
	struct cni_result made;
};

static void clear_add(struct add *a)
{
	lease_close(&a->store);
	host_local_conf_clear(&a->conf);
	cni_result_clear(&a->made);
}

static int prepare_add(const struct cni_request *rq, struct add *a, struct err *e)
{
	int r;

	if ((r = host_local_conf_read(rq, &a->conf, e)) < 0 ||
	    (r = lease_owner_init(&a->owner, rq->container_id, rq->ifname, e)) < 0 ||
	    (r = routes_read(rq, &a->made, e)) < 0)
		return r;

	return a->conf.resolv_conf ? resolv_conf_read(a->conf.resolv_conf, &a->made.dns, e) : 0;
}

static int host_local_add(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	AUTO(clear_add) struct add a = { .store = LEASE_CLOSED };
	int r;

	if ((r = prepare_add(rq, &a, e)) < 0 ||
	    (r = lease_open(&a.store, a.conf.data_dir, rq->network, LEASE_CREATE, LEASE_LOCK_MS,
			    e)) < 0 ||
	    (r = allocate(rq, &a.conf, &a.store, &a.owner, &a.made, e)) < 0)
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
	struct lease_owner o = { 0 };
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

static int check_sets(const struct cni_request *rq, struct lease_store *s,
		      const struct host_local_conf *conf, struct err *e)
{
	struct err next;
	int r = 0;

	if (faccessat(s->dir, ".", W_OK, AT_EACCESS) < 0)
		return err_cni(e, CNI_E_UNAVAILABLE, "%s: no lease can be written here: %s",
			       s->path, strerror(errno));
	for (size_t i = 0; i < conf->n; i++)
		r = err_keep(r, e, allocate_check_room(rq, s, &conf->sets[i], &next), &next);

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
	.any_netns = true,
	.add = host_local_add,
	.del = host_local_del,
	.check = host_local_check,
	.gc = host_local_gc,
	.status = host_local_status,
};
