/* SPDX-License-Identifier: GPL-2.0-or-later */
/* census - see census.h: bringing traces together, and the verdict */
#include "cli/census.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/store.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/netns.h"

/* ---- items ------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b)
{
	const struct census_item *x = a, *y = b;

	return memcmp(x->key, y->key, OWNER_KEY_LEN);
}

static void item_free(struct census_item *item)
{
	if (!item)
		return;
	free(item->network);
	free(item->container_id);
	free(item->ifname);
	json_decref(item->traces);
	free(item);
}

static struct census_item *item_new(const char *key)
{
	struct census_item *item = calloc(1, sizeof(*item));

	if (!item)
		return NULL;
	memcpy(item->key, key, OWNER_KEY_LEN);
	item->network = strdup("");
	item->container_id = strdup("");
	item->ifname = strdup("");
	item->traces = json_array();
	if (item->network && item->container_id && item->ifname && item->traces)
		return item;

	item_free(item);
	return NULL;
}

static bool append(struct census *c, struct census_item *item)
{
	struct census_item **bigger =
		reallocarray(c->items, c->n + 1, sizeof(struct census_item *));

	if (!bigger)
		return false;
	c->items = bigger;
	if (!tsearch(item, &c->by_key, compare_keys))
		return false;
	c->items[c->n++] = item;

	return true;
}

struct census_item *census_item(struct census *c, const char *key)
{
	struct census_item wanted, **found, *item;

	memcpy(wanted.key, key, OWNER_KEY_LEN);
	found = tfind(&wanted, &c->by_key, compare_keys);
	if (found)
		return *found;

	item = item_new(key);
	if (item && !append(c, item)) {
		item_free(item);
		return NULL;
	}

	return item;
}

static bool set_text(char **text, const char *value)
{
	char *copy;

	if (strcmp(*text, value) == 0)
		return true;
	copy = strdup(value);
	if (!copy)
		return false;
	free(*text);
	*text = copy;

	return true;
}

struct census_item *census_attachment(struct census *c, const char *network,
				      const char *container_id, const char *ifname)
{
	struct census_item *item;
	struct owner owner;

	owner_init(&owner, network, container_id, ifname);
	item = census_item(c, owner.tag);
	if (!item || !set_text(&item->network, network) ||
	    !set_text(&item->container_id, container_id) || !set_text(&item->ifname, ifname))
		return NULL;

	return item;
}

int census_set_network(struct census_item *item, const char *network)
{
	return set_text(&item->network, network) ? 0 : -ENOMEM;
}

int census_can_name(const struct census *c, const char *network, struct err *e)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct census_item *item = c->items[i];

		if (item->state != CENSUS_GONE && item->container_id[0] == '\0' &&
		    strcmp(item->network, network) == 0)
			return err_sys(e, EBUSY,
				       "an attachment of %s lives, of which only its mark %.*s is "
				       "known",
				       network, OWNER_KEY_LEN, item->key);
	}

	return 0;
}

int census_note(struct census_item *item, const char *kind, const char *name, const char *where,
		struct err *e)
{
	if (json_array_append_new(item->traces, json_pack("{s:s, s:s, s:s*}", "kind", kind, "name",
							  name, "where", where)) < 0)
		return err_sys(e, ENOMEM, "note the %s %s", kind, name);

	return 0;
}

void census_clear(struct census *c)
{
	for (size_t i = 0; i < c->n; i++) {
		tdelete(c->items[i], &c->by_key, compare_keys);
		item_free(c->items[i]);
	}
	free(c->items);
	cache_clear(&c->cache);
	*c = (struct census){ 0 };
}

/* ---- the cache, and the directories of leases ---------------------------------- */

static int add_cache(struct census *c, const struct command_env *env, struct err *e)
{
	int r = cache_load(env, NULL, NULL, &c->cache, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < c->cache.n; i++) {
		const struct cache_entry *entry = &c->cache.entries[i];
		struct census_item *item =
			census_attachment(c, entry->network, entry->container_id, entry->ifname);
		AUTO_FREE char *name = NULL;

		if (asprintf(&name, "%s-%s-%s", entry->network, entry->container_id,
			     entry->ifname) < 0 ||
		    !item)
			return err_sys(e, ENOMEM, "list the attachments");
		item->entry = entry;
		r = census_note(item, "result", name, NULL, e);
		if (r < 0)
			return r;
	}

	return 0;
}

/* "dataDir" of each plugin's ipam in a conflist. */
static int add_data_dirs(json_t *dirs, const json_t *conf)
{
	const json_t *plugin;
	size_t i;

	json_array_foreach(json_object_get(conf, "plugins"), i, plugin) {
		const char *dir = json_string_value(
			json_object_get(json_object_get(plugin, "ipam"), "dataDir"));

		if (dir && json_object_set_new(dirs, dir, json_true()) < 0)
			return -ENOMEM;
	}

	return 0;
}

static int list_data_dirs(const struct census *c, const struct command_env *env,
			  const struct store *store, json_t *dirs, struct err *e)
{
	AUTO_FREE char *usual = NULL;
	int r;

	if (asprintf(&usual, "%s/networks", env->cache_dir) < 0)
		usual = NULL;
	r = usual ? json_object_set_new(dirs, usual, json_true()) : -ENOMEM;
	for (size_t i = 0; r == 0 && i < store->n; i++)
		r = add_data_dirs(dirs, store->networks[i].conf);
	for (size_t i = 0; r == 0 && i < c->cache.n; i++)
		r = add_data_dirs(dirs, c->cache.entries[i].conf);

	return r < 0 ? err_sys(e, ENOMEM, "list the directories of leases") : 0;
}

static int add_leases(struct census *c, const struct command_env *env, const struct store *store,
		      struct err *e)
{
	AUTO_JSON json_t *dirs = json_object();
	const char *dir;
	json_t *value;
	int r = list_data_dirs(c, env, store, dirs, e);

	if (r < 0)
		return r;
	json_object_foreach(dirs, dir, value) {
		r = census_add_leases(c, dir, e);
		if (r < 0)
			return r;
	}

	return 0;
}

/* ---- the verdict --------------------------------------------------------------- */

static void verdict(struct census_item *item, enum census_state state, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void verdict(struct census_item *item, enum census_state state, const char *fmt, ...)
{
	va_list ap;

	item->state = state;
	va_start(ap, fmt);
	vsnprintf(item->why, sizeof(item->why), fmt, ap);
	va_end(ap);
}

static void judge_by_result(struct census_item *item)
{
	const char *path = cache_entry_netns(item->entry);
	AUTO_FD int fd = -1;

	if (path[0] == '\0') {
		verdict(item, CENSUS_UNSURE, "its result does not say which namespace it is in");
		return;
	}
	fd = cache_entry_open_netns(item->entry, NULL);
	if (fd >= 0)
		verdict(item, CENSUS_LIVES, "its namespace %s is there", path);
	else if (netns_is_gone(fd))
		verdict(item, CENSUS_GONE, "its namespace %s is gone", path);
	else
		verdict(item, CENSUS_UNSURE, "its namespace %s: %s", path, strerror(-fd));
}

static void judge_by_lease(struct census_item *item, bool has_results)
{
	if (item->young)
		verdict(item, CENSUS_UNSURE, "its lease is not a minute old: it may be being made");
	else if (item->foreign)
		verdict(item, CENSUS_UNSURE,
			"no result is cached for it, and its lease is not heddle's");
	else if (!has_results)
		verdict(item, CENSUS_UNSURE, "there is no directory of cached results to tell");
	else
		verdict(item, CENSUS_GONE,
			"no result is cached for it, and no interface has its mark");
}

static bool has_results(const struct command_env *env)
{
	AUTO_FREE char *path = NULL;

	return asprintf(&path, "%s/results", env->cache_dir) >= 0 && access(path, X_OK) == 0;
}

static void judge(struct census *c, const struct command_env *env)
{
	bool results = has_results(env);

	for (size_t i = 0; i < c->n; i++) {
		struct census_item *item = c->items[i];

		if (item->linked)
			verdict(item, CENSUS_LIVES, "its interface is there");
		else if (item->reserved)
			verdict(item, CENSUS_LIVES, "its address is reserved");
		else if (item->entry)
			judge_by_result(item);
		else
			judge_by_lease(item, results);
	}
}

static int compare_names(const void *a, const void *b)
{
	const struct census_item *x = *(struct census_item *const *)a;
	const struct census_item *y = *(struct census_item *const *)b;
	int r = strcmp(x->network, y->network);

	if (r == 0)
		r = strcmp(x->container_id, y->container_id);

	return r != 0 ? r : strcmp(x->ifname, y->ifname);
}

int census_take(const struct command_env *env, const struct store *store, struct census *ret,
		struct err *e)
{
	struct census c = { 0 };
	int r;

	if ((r = add_cache(&c, env, e)) < 0 || (r = add_leases(&c, env, store, e)) < 0 ||
	    (r = census_add_kernel(&c, e)) < 0 || (r = census_find_interfaces(&c, e)) < 0) {
		census_clear(&c);
		return r;
	}
	judge(&c, env);
	if (c.n > 0)
		qsort(c.items, c.n, sizeof(struct census_item *), compare_names);
	*ret = c;

	return 0;
}
