/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sweep - see sweep.h */
#include "cli/sweep.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/census.h"
#include "ipam/lease.h"
#include "lib/admit.h"
#include "lib/backup.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/err.h"
#include "lib/gc.h"
#include "lib/ifb.h"
#include "lib/masq.h"
#include "lib/nl.h"
#include "lib/publish.h"
#include "lib/spoof.h"

static bool is_of(const struct census_item *item, const char *network)
{
	return strcmp(item->network, network) == 0;
}

/* ---- who stays ----------------------------------------------------------------- */

static size_t list_valid(const struct census *c, const char *network, struct cni_attachment *valid)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct census_item *item = c->items[i];

		if (item->state != CENSUS_GONE && is_of(item, network))
			valid[n++] = (struct cni_attachment){ item->container_id, item->ifname };
	}

	return n;
}

/* ---- leases -------------------------------------------------------------------- */

struct doomed {
	uint64_t *keys;
	size_t n;
};

static bool is_doomed(uint64_t key, void *data)
{
	const struct doomed *d = data;

	for (size_t i = 0; i < d->n; i++)
		if (d->keys[i] == key)
			return true;

	return false;
}

/* An ADD of the same container may have come after the census; it would have made its lease anew.
 */
static bool is_new(const struct lease_store *s, const char *name)
{
	struct stat st;

	return fstatat(s->dir, name, &st, 0) < 0 || time(NULL) - st.st_mtime < 60;
}

static int doom_item(struct doomed *d, const struct census_item *item, const struct lease_store *s,
		     const char *data_dir, struct err *e)
{
	struct lease_owner owner;
	const json_t *trace;
	size_t i;
	int r;

	json_array_foreach(item->traces, i, trace) {
		const char *where = json_string_value(json_object_get(trace, "where"));
		const char *name = json_string_value(json_object_get(trace, "name"));
		uint64_t *bigger;

		if (strcmp(json_string_value(json_object_get(trace, "kind")), "lease") != 0 ||
		    strcmp(where, data_dir) != 0 || is_new(s, name))
			continue;
		r = lease_owner_init(&owner, item->container_id, item->ifname, e);
		if (r < 0)
			return r;
		bigger = reallocarray(d->keys, d->n + 1, sizeof(*bigger));
		if (!bigger)
			return err_sys(e, ENOMEM, "list the leases of %s", item->network);
		d->keys = bigger;
		d->keys[d->n++] = owner.key;
	}

	return 0;
}

static int drop_leases(const struct census *c, const char *network, const char *data_dir,
		       struct err *e)
{
	AUTO(lease_close) struct lease_store s = LEASE_CLOSED;
	struct doomed d = { 0 };
	int r = lease_open(&s, data_dir, network, LEASE_CHANGE, LEASE_LOCK_MS, e);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t i = 0; i < c->n && r == 0; i++)
		if (c->items[i]->state == CENSUS_GONE && is_of(c->items[i], network))
			r = doom_item(&d, c->items[i], &s, data_dir, e);
	if (r == 0 && d.n > 0)
		r = lease_drop(&s, is_doomed, &d, e);
	free(d.keys);

	return r;
}

/* The data directories that the network has leases in. */
static json_t *list_dirs(const struct census *c, const char *network)
{
	json_t *dirs = json_object();

	for (size_t i = 0; i < c->n; i++) {
		const json_t *trace;
		size_t j;

		if (!is_of(c->items[i], network))
			continue;
		json_array_foreach(c->items[i]->traces, j, trace) {
			const char *where = json_string_value(json_object_get(trace, "where"));

			if (strcmp(json_string_value(json_object_get(trace, "kind")), "lease") == 0)
				json_object_set_new(dirs, where, json_true());
		}
	}

	return dirs;
}

static int sweep_leases(const struct census *c, const char *network, struct err *e)
{
	AUTO_JSON json_t *dirs = list_dirs(c, network);
	const char *dir;
	json_t *value;
	int r = 0;

	if (!dirs)
		return err_sys(e, ENOMEM, "list the leases of %s", network);
	json_object_foreach(dirs, dir, value) {
		struct err next;

		r = err_keep(r, e, drop_leases(c, network, dir, &next), &next);
	}

	return r;
}

/* ---- the kernel ------------------------------------------------------------------ */

static int sweep_elements(const struct gc *gc, struct err *e)
{
	const struct admit admit = { .backend = ADMIT_NFTABLES, .zone = "trusted" };
	AUTO(nl_closep) struct nl *nl = NULL;
	struct err next;
	int r = nl_open(NETLINK_NETFILTER, &nl, e);

	if (r < 0)
		return r;
	r = masq_gc(nl, MASQ_NFTABLES, gc, e);
	r = err_keep(r, e, publish_gc(nl, gc, &next), &next);
	r = err_keep(r, e, admit_gc(nl, &admit, gc, &next), &next);

	return err_keep(r, e, spoof_gc(nl, gc, &next), &next);
}

static int sweep_queues(const struct gc *gc, struct err *e)
{
	const struct cni_request rq = {
		.command = CNI_GC,
		.network = gc->network,
		.owner = gc->owner,
		.valid = gc->valid,
		.n_valid = gc->n_valid,
		.valid_given = true,
	};

	return ifb_gc(&rq, e);
}

int sweep_network(const struct census *c, const char *network, struct err *e)
{
	AUTO_FREE struct cni_attachment *valid = calloc(c->n + 1, sizeof(*valid));
	AUTO(gc_clear) struct gc gc = { 0 };
	struct err next;
	int r;

	if (!valid)
		return err_sys(e, ENOMEM, "list the attachments of %s", network);
	if ((r = census_can_name(c, network, e)) < 0 ||
	    (r = gc_init(&gc, network, valid, list_valid(c, network, valid), e)) < 0)
		return r;

	r = sweep_queues(&gc, e);
	r = err_keep(r, e, sweep_elements(&gc, &next), &next);
	r = err_keep(r, e, backup_gc(BACKUP_DIR, &gc, &next), &next);

	return err_keep(r, e, sweep_leases(c, network, &next), &next);
}
