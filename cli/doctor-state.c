/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor-state - checks of what attachments and networks left behind, and of leases */
#include <errno.h>
#include <string.h>

#include "cli/doctor.h"
#include "cli/leftovers.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/ip.h"

static const char *text(const json_t *thing, const char *key)
{
	return json_string_value(json_object_get(thing, key));
}

/* ---- what is left over ------------------------------------------------------------------ */

static void find_leftovers(struct doctor *d, const json_t *list, const char *mend)
{
	const json_t *thing;
	size_t i;

	json_array_foreach(list, i, thing) {
		const char *why = text(thing, "why");

		doctor_find(d, DOCTOR_WARNING, mend, "%s %s is left over: %s", text(thing, "kind"),
			    text(thing, "name"), why ? why : "its network is gone");
	}
}

int doctor_garbage(struct doctor *d, struct err *e)
{
	AUTO_JSON json_t *gone = json_array();
	AUTO_JSON json_t *kept = json_array();
	int r;

	for (size_t i = 0; i < d->census.n; i++) {
		const struct census_item *item = d->census.items[i];

		if (item->state == CENSUS_GONE)
			doctor_find(d, DOCTOR_WARNING, "heddle gc",
				    "%zu things are left of %s %s of %s: %s",
				    json_array_size(item->traces), item->container_id, item->ifname,
				    item->network, item->why);
	}
	if (!gone || !kept)
		return err_sys(e, ENOMEM, "look for what networks left behind");
	r = leftovers_find(&d->store, gone, kept, e);
	find_leftovers(d, gone, "heddle gc");
	find_leftovers(d, kept, "ip -details link");

	return r;
}

/* ---- leases ------------------------------------------------------------------------------- */

static const struct network *network_of(const struct doctor *d, const struct census_item *item)
{
	for (size_t i = 0; i < d->store.n; i++)
		if (strcmp(d->store.networks[i].name, item->network) == 0)
			return &d->store.networks[i];

	return NULL;
}

static bool is_in(const struct network *net, const struct ip_addr *ip)
{
	for (size_t i = 0; i < net->n_subnets; i++)
		if (ip_net_contains(&net->subnets[i].subnet, ip))
			return true;

	return false;
}

/* A network that was made anew with another subnet while containers were on it. */
static void check_lease(struct doctor *d, const struct network *net, const struct census_item *item,
			const char *name)
{
	struct ip_addr ip;

	if (ip_parse(name, &ip) < 0 || is_in(net, &ip))
		return;
	doctor_find(d, DOCTOR_WARNING, "heddle ps",
		    "%s %s holds %s, which is in no subnet of %s any more: attach it again",
		    item->container_id, item->ifname, name, net->name);
}

int doctor_leases(struct doctor *d, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < d->census.n; i++) {
		const struct census_item *item = d->census.items[i];
		const struct network *net = network_of(d, item);
		const json_t *trace;
		size_t j;

		if (!net || net->n_subnets == 0 || item->state == CENSUS_GONE)
			continue;
		json_array_foreach(item->traces, j, trace)
			if (strcmp(text(trace, "kind"), "lease") == 0)
				check_lease(d, net, item, text(trace, "name"));
	}

	return 0;
}
