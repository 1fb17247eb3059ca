/* SPDX-License-Identifier: GPL-2.0-or-later */
/* usage-cache - endpoints by libcni's cache; see usage.h */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cache.h"
#include "cli/usage.h"
#include "lib/cleanup.h"
#include "lib/cni-result.h"
#include "lib/err.h"
#include "lib/jnode.h"
#include "lib/netns.h"

/* ---- names --------------------------------------------------------------- */

/* A value of [[key, value], ...], NULL if it is not there. */
static const char *arg_of(const json_t *args, const char *key)
{
	const json_t *pair;
	size_t i;

	json_array_foreach(args, i, pair) {
		const char *name = json_string_value(json_array_get(pair, 0));

		if (name && strcmp(name, key) == 0)
			return json_string_value(json_array_get(pair, 1));
	}

	return NULL;
}

/* Ours says it; Podman and CRI engines pass it to the plugins.  NULL: nobody says. */
static const char *name_of(const struct cache_entry *entry)
{
	const char *name = json_string_value(json_object_get(entry->heddle, "name"));

	if (!name || !*name)
		name = arg_of(entry->args, "K8S_POD_NAME");

	return name && *name ? name : NULL;
}

static int set_text(char **text, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;

	return 0;
}

/* ---- the result ---------------------------------------------------------- */

/* Not of a version that is known: an empty one. */
static void read_result(json_t *doc, struct cni_result *ret)
{
	const char *text = json_string_value(json_object_get(doc, "cniVersion"));
	const struct jnode root = jn_root(doc);
	enum cni_version version;

	if (text && cni_version_parse(text, &version) == 0)
		(void)cni_result_read(&root, version, ret, NULL);
}

/* Whether result index @i is this endpoint's interface in the container; -1 is taken for it. */
static bool is_own(const struct cni_result *res, int i, const struct usage_endpoint *ep)
{
	if (i < 0)
		return true;

	return (size_t)i < res->n_ifaces && res->ifaces[i].sandbox &&
	       strcmp(res->ifaces[i].name, ep->ifname) == 0;
}

static int take_result(const struct cni_result *res, struct usage_endpoint *ep)
{
	for (size_t i = 0; i < res->n_ifaces; i++)
		if (is_own(res, (int)i, ep) && res->ifaces[i].mac)
			snprintf(ep->mac, sizeof(ep->mac), "%s", res->ifaces[i].mac);
	for (size_t i = 0; i < res->n_ips; i++)
		if (is_own(res, res->ips[i].iface, ep) &&
		    usage_add_ip(ep, &res->ips[i].address) < 0)
			return -ENOMEM;

	return 0;
}

/* ---- entries ------------------------------------------------------------- */

static enum usage_state state_of(const struct cache_entry *entry)
{
	int fd;

	if (!*cache_entry_netns(entry))
		return USAGE_UNKNOWN;
	fd = cache_entry_open_netns(entry, NULL);
	if (fd < 0)
		return netns_is_gone(fd) ? USAGE_GONE : USAGE_UNKNOWN;
	cleanup_fd(&fd);

	return USAGE_ALIVE;
}

static int add_entry(const struct cache_entry *entry, struct usage *u)
{
	AUTO(cni_result_clear) struct cni_result res = { 0 };
	struct usage_endpoint *ep =
		usage_endpoint(u, entry->network, entry->container_id, entry->ifname);
	const char *name = name_of(entry);

	if (!ep || set_text(&ep->netns, cache_entry_netns(entry)) < 0 ||
	    (name && set_text(&ep->name, name) < 0))
		return -ENOMEM;
	ep->state = state_of(entry);
	ep->ports = json_incref(json_object_get(entry->capability_args, "portMappings"));
	read_result(entry->result, &res);

	return take_result(&res, ep);
}

int usage_add_cache(const struct command_env *env, const char *network, struct usage *u,
		    struct err *e)
{
	AUTO(cache_clear) struct cache cache = { 0 };
	int r = cache_load(env, network, NULL, &cache, e);

	for (size_t i = 0; i < cache.n && r == 0; i++)
		if (add_entry(&cache.entries[i], u) < 0)
			r = err_sys(e, ENOMEM, "list attachments");

	return r;
}
