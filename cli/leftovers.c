/* SPDX-License-Identifier: GPL-2.0-or-later */
/* leftovers - see leftovers.h */
#include "cli/leftovers.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

#include "cli/store.h"
#include "lib/bridge.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/link.h"
#include "lib/nl.h"

#define BRIDGE_PREFIX "hb-"
#define BRIDGE_DIGITS 12

static bool is_our_name(const char *name)
{
	const char *digits = name + strlen(BRIDGE_PREFIX);

	return strncmp(name, BRIDGE_PREFIX, strlen(BRIDGE_PREFIX)) == 0 &&
	       strlen(digits) == BRIDGE_DIGITS &&
	       strspn(digits, "0123456789abcdef") == BRIDGE_DIGITS;
}

static bool has_network(const struct store *store, const char *bridge)
{
	for (size_t i = 0; i < store->n; i++)
		if (store->networks[i].link && strcmp(store->networks[i].link, bridge) == 0)
			return true;

	return false;
}

struct search {
	const struct store *store;
	json_t *gone, *kept;
	struct nl *ports; /* a socket beside the one whose links are being looked at */
	struct err *e;
};

static int look_at_link(const struct link *link, void *data)
{
	struct search *s = data;
	size_t n;
	int r;

	if (strcmp(link->kind, "bridge") != 0 || !is_our_name(link->name) ||
	    has_network(s->store, link->name))
		return 0;
	r = bridge_count_ports(s->ports, link->index, &n, s->e);
	if (r < 0)
		return r;
	if (n > 0)
		r = json_array_append_new(s->kept,
					  json_pack("{s:s, s:s, s:s}", "kind", "bridge", "name",
						    link->name, "why",
						    "its network is gone, but it has ports"));
	else
		r = json_array_append_new(s->gone, json_pack("{s:s, s:s}", "kind", "bridge", "name",
							     link->name));

	return r < 0 ? err_sys(s->e, ENOMEM, "list the bridges") : 0;
}

int leftovers_find(const struct store *store, json_t *gone, json_t *kept, struct err *e)
{
	AUTO(nl_closep) struct nl *nl = NULL;
	AUTO(nl_closep) struct nl *ports = NULL;
	struct search s = { .store = store, .gone = gone, .kept = kept, .e = e };
	int r;

	if ((r = nl_open(NETLINK_ROUTE, &nl, e)) < 0 || (r = nl_open(NETLINK_ROUTE, &ports, e)) < 0)
		return r;
	s.ports = ports;

	return link_each(nl, look_at_link, &s, e);
}

static int remove_bridge(const char *name, struct err *e)
{
	AUTO(nl_closep) struct nl *nl = NULL;
	struct link link;
	int r;

	if ((r = nl_open(NETLINK_ROUTE, &nl, e)) < 0 || (r = link_get(nl, name, &link, e)) < 0)
		return r == -ENODEV ? 0 : r;
	link_put_del(nl, link.index);
	r = nl_commit(nl, e);

	return r == -ENODEV ? 0 : r;
}

int leftovers_remove(const json_t *gone, struct err *e)
{
	const json_t *thing;
	int r = 0;
	size_t i;

	json_array_foreach(gone, i, thing) {
		const char *name = json_string_value(json_object_get(thing, "name"));
		struct err next;

		r = err_keep(r, e, remove_bridge(name, &next), &next);
	}

	return r;
}
