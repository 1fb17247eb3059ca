/* SPDX-License-Identifier: GPL-2.0-or-later */
/* container - what is attached: find it, check it, detach it; see container.h. */
#include <errno.h>
#include <string.h>

#include "cli/cache.h"
#include "cli/chain.h"
#include "cli/container.h"
#include "cli/store.h"
#include "cli/target.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/netns.h"
#include "lib/network.h"

const char *container_name(const struct cache_entry *entry)
{
	const char *name = json_string_value(json_object_get(entry->heddle, "name"));

	return name ? name : entry->container_id;
}

static struct chain_attachment of_entry(const struct cache_entry *entry)
{
	return (struct chain_attachment){
		.network = entry->network,
		.container_id = entry->container_id,
		.ifname = entry->ifname,
		.netns = cache_entry_netns(entry),
	};
}

static const struct network *network_of(const struct store *store, const struct cache_entry *entry)
{
	for (size_t i = 0; i < store->n; i++) {
		if (strcmp(store->networks[i].name, entry->network) == 0)
			return &store->networks[i];
	}

	return NULL;
}

int container_detach(const struct command_env *env, const struct store *store,
		     const struct cache_entry *entry, struct err *e)
{
	struct chain_attachment a = of_entry(entry);
	AUTO_FD int netns = cache_entry_open_netns(entry, NULL);

	if (netns < 0)
		a.netns = "";

	return chain_del(env, network_of(store, entry), &a, e);
}

int container_detach_all(const struct command_env *env, const struct store *store,
			 const struct cache *entries, struct err *e)
{
	int first = 0;

	for (size_t i = 0; i < entries->n; i++) {
		struct err step = { 0 };
		int r = container_detach(env, store, &entries->entries[i], &step);

		first = err_keep(first, e, r, &step);
	}

	return first;
}

int container_detach_id(const struct command_env *env, const struct store *store, const char *id,
			struct err *e)
{
	AUTO(cache_clear) struct cache c = { 0 };
	int first = cache_load(env, NULL, id, &c, e);

	for (size_t i = 0; i < c.n; i++) {
		struct err step = { 0 };
		int r = c.entries[i].heddle ? container_detach(env, store, &c.entries[i], &step)
					    : 0;

		first = err_keep(first, e, r, &step);
	}

	return first;
}

int container_check(const struct command_env *env, const struct store *store,
		    const struct cache_entry *entry, struct err *e)
{
	const struct chain_attachment a = of_entry(entry);

	return chain_check(env, network_of(store, entry), &a, e);
}

/* ---- finding ------------------------------------------------------------- */

/* How an attachment may be meant; @fd is the namespace that was named, -1 for none. */
static bool is_name(const struct cache_entry *entry, const char *ref, int fd)
{
	(void)fd;

	return strcmp(container_name(entry), ref) == 0;
}

/* Also the path of one that is gone. */
static bool is_netns(const struct cache_entry *entry, const char *ref, int fd)
{
	AUTO_FD int own = -1;

	if (strchr(ref, '/') && strcmp(cache_entry_netns(entry), ref) == 0)
		return true;
	own = fd >= 0 ? cache_entry_open_netns(entry, NULL) : -1;

	return own >= 0 && netns_same(own, fd);
}

static bool is_prefix(const struct cache_entry *entry, const char *ref, int fd)
{
	(void)fd;

	return *ref && strncmp(entry->container_id, ref, strlen(ref)) == 0;
}

typedef bool (*match_fn)(const struct cache_entry *entry, const char *ref, int fd);

/* Return: 1 with the ID of the container that matches; 0; -ENOTUNIQ if several do. */
static int match(const struct cache *all, match_fn matches, const char *ref, int fd,
		 const char **ret)
{
	const char *id = NULL;

	for (size_t i = 0; i < all->n; i++) {
		if (!matches(&all->entries[i], ref, fd))
			continue;
		if (id && strcmp(id, all->entries[i].container_id) != 0)
			return -ENOTUNIQ;
		id = all->entries[i].container_id;
	}
	*ret = id;

	return id != NULL;
}

/* Among all; by the ID alone the names of the cache's files tell most. */
static int search(const struct command_env *env, const char *ref, struct cache *ret, struct err *e)
{
	static const match_fn ways[] = { is_name, is_netns, is_prefix };
	AUTO(target_close) struct target t = TARGET_NONE;
	AUTO(cache_clear) struct cache all = { 0 };
	const char *id = NULL;
	int r = cache_load(env, NULL, NULL, &all, e), found = 0;

	if (r < 0)
		return r;
	(void)target_open(ref, &t, NULL);
	for (size_t i = 0; found == 0 && i < ARRAY_SIZE(ways); i++)
		found = match(&all, ways[i], ref, t.fd, &id);
	if (found == 0)
		return err_say(e, ENOENT, "No such container: %s", ref);
	if (found < 0)
		return err_say(e, ENOTUNIQ, "%s is of several containers: give a whole ID", ref);

	return cache_load(env, NULL, id, ret, e);
}

int container_find(const struct command_env *env, const char *ref, struct cache *ret, struct err *e)
{
	AUTO(cache_clear) struct cache c = { 0 };
	int r = cache_load(env, NULL, ref, &c, e);

	if (r < 0 || c.n == 0)
		return r < 0 ? r : search(env, ref, ret, e);
	*ret = c;
	c = (struct cache){ 0 };

	return 0;
}

int container_find_locked(const struct command_env *env, const char *ref, struct cache *ret,
			  struct err *e)
{
	AUTO(cache_clear) struct cache first = { 0 };
	AUTO_FD int lock = -1;
	int r = container_find(env, ref, &first, e);

	if (r < 0)
		return r;
	lock = cache_lock(env, first.entries[0].container_id, e);
	if (lock < 0)
		return lock;
	r = cache_load(env, NULL, first.entries[0].container_id, ret, e);
	if (r == 0 && ret->n == 0) /* somebody else was at it meanwhile */
		r = err_say(e, ENOENT, "No such container: %s", ref);

	return r < 0 ? r : MOVE_FD(lock);
}
