/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chain - see chain.h
 *
 * Theory of operation
 *
 * All that can be known to be wrong before the first plugin runs is found
 * before: the config, plugins that are not installed, a version that one of
 * them does not speak, an attachment that is there already.  From then on an
 * ADD that fails is undone by a DEL of every plugin, also of those that did not
 * run: DEL is content to find nothing.
 *
 * DEL and CHECK use the version that the result of ADD is written in.
 */
#include "cli/chain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cache.h"
#include "cli/chain-conf.h"
#include "cli/chain-version.h"
#include "cli/command.h"
#include "cli/plugin.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/exec.h"
#include "lib/jnode.h"
#include "lib/network.h"

/* One verb of one chain; all borrowed. */
struct verb {
	const struct command_env *env;
	const struct chain_conf *conf;
	enum cni_command command;
	enum cni_version version;
	const struct chain_attachment *a; /* NULL: GC and STATUS */
	const char *args;		  /* CNI_ARGS, NULL: none */
	struct chain_input input;
};

/* ---- plugins ------------------------------------------------------------- */

static int find_plugins(const struct command_env *env, const struct chain_conf *conf, struct err *e)
{
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < conf->n; i++)
		r = plugin_find(env, conf->plugins[i].type, path, e);

	return r;
}

/* Runs plugin number @i.  @ret: what it printed, NULL if the verb has no result. */
static int run_plugin(const struct verb *v, size_t i, char **ret, size_t *ret_len, struct err *e)
{
	AUTO_JSON json_t *conf = chain_conf_plugin(v->conf, i, v->version, &v->input);
	AUTO_FREE char *text = conf ? json_dumps(conf, JSON_COMPACT) : NULL;
	char path[PATH_MAX];
	struct exec x = {
		.path = path,
		.name = v->conf->plugins[i].type,
		.command = v->command,
		.args = v->args,
		.cni_path = v->env->plugin_path,
		.config = text,
		.timeout_ms = PLUGIN_TIMEOUT_MS,
	};
	int r;

	if (!text)
		return err_sys(e, ENOMEM, "write the config of %s", x.name);
	x.config_len = strlen(text);
	if (v->a) {
		x.container_id = v->a->container_id;
		x.ifname = v->a->ifname;
		x.netns = v->a->netns;
	}
	r = plugin_find(v->env, x.name, path, e);

	return r < 0 ? r : exec_plugin(&x, ret, ret_len, e);
}

/* ---- results ------------------------------------------------------------- */

static int read_result(const struct verb *v, size_t i, const char *text, size_t len, json_t **ret,
		       struct err *e)
{
	AUTO_JSON json_t *doc = NULL;
	int r = jn_parse(text, len, &doc, e);

	if (r == 0)
		r = chain_version_convert(doc, v->version, ret, e);

	return r < 0 ? err_wrap(e, r, "what %s printed", v->conf->plugins[i].type) : 0;
}

/* ---- verbs --------------------------------------------------------------- */

/* ADD of each, with the result of the one before; @v->input.prev is owned, and the last. */
static int run_add(struct verb *v, struct err *e)
{
	for (size_t i = 0; i < v->conf->n; i++) {
		AUTO_FREE char *text = NULL;
		json_t *result = NULL;
		size_t len;
		int r = run_plugin(v, i, &text, &len, e);

		if (r == 0)
			r = read_result(v, i, text, len, &result, e);
		if (r < 0)
			return r;
		json_decref(v->input.prev);
		v->input.prev = result;
	}

	return 0;
}

/* DEL of each, backwards; past failures, of which the first is kept. */
static int run_del(const struct verb *v, struct err *e)
{
	int first = 0;

	for (size_t i = v->conf->n; i-- > 0;) {
		struct err step = { 0 };
		int r = run_plugin(v, i, NULL, NULL, &step);

		first = err_keep(first, e, r, &step);
	}

	return first;
}

/* CHECK and STATUS stop where they fail. */
static int run_each(const struct verb *v, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < v->conf->n; i++)
		r = run_plugin(v, i, NULL, NULL, e);

	return r;
}

/* ---- the cache ----------------------------------------------------------- */

/* Return: 1 with the entry of @a; 0 if there is none; a negative errno. */
static int find_entry(const struct command_env *env, const char *network,
		      const struct chain_attachment *a, struct cache_entry *ret, struct err *e)
{
	AUTO(cache_clear) struct cache c = { 0 };
	int r = cache_load(env, network, a->container_id, &c, e);

	for (size_t i = 0; r == 0 && i < c.n; i++) {
		if (strcmp(c.entries[i].ifname, a->ifname) != 0)
			continue;
		*ret = c.entries[i];
		c.entries[i] = (struct cache_entry){ 0 };
		return 1;
	}

	return r;
}

/* What a call is about, as the cache entry of it; strings and documents are borrowed. */
static struct cache_entry as_entry(const char *network, const struct chain_attachment *a)
{
	return (struct cache_entry){
		.network = (char *)(uintptr_t)network,
		.container_id = (char *)(uintptr_t)a->container_id,
		.ifname = (char *)(uintptr_t)a->ifname,
		.netns = (char *)(uintptr_t)a->netns,
		.capability_args = a->capability_args,
		.heddle = a->heddle,
	};
}

static int remember(const struct verb *v, json_t *conf, struct err *e)
{
	struct cache_entry entry = as_entry(v->conf->name, v->a);
	AUTO_JSON json_t *args = chain_args_split(v->args ? v->args : "");

	if (!args)
		return err_sys(e, ENOMEM, "remember the attachment");
	entry.conf = conf;
	entry.args = json_array_size(args) > 0 ? args : NULL;
	entry.result = v->input.prev;

	return cache_write(v->env, &entry, e);
}

/* ---- ADD ----------------------------------------------------------------- */

static int need_new(const struct command_env *env, const struct chain_conf *conf,
		    const struct chain_attachment *a, struct err *e)
{
	AUTO(cache_entry_clear) struct cache_entry entry = { 0 };
	int r = find_entry(env, conf->name, a, &entry, e);

	if (r <= 0)
		return r;

	return err_say(e, EEXIST, "%s is attached to network %s by %s already: detach it first",
		       a->container_id, conf->name, a->ifname);
}

static int prepare_add(const struct command_env *env, const struct chain_conf *conf,
		       const struct chain_attachment *a, enum cni_version *ret, struct err *e)
{
	int r = cni_valid_id(a->container_id, "container ID", CNI_E_ENV, e);

	if (r == 0)
		r = cni_valid_ifname(a->ifname, "interface name", e);
	if (r == 0)
		r = need_new(env, conf, a, e);
	if (r == 0)
		r = find_plugins(env, conf, e);

	return r < 0 ? r : chain_version_choose(env, conf, ret, e);
}

/* What could not be removed stays remembered. */
static void undo_add(struct verb *v)
{
	const struct cache_entry entry = as_entry(v->conf->name, v->a);

	v->command = CNI_DEL;
	if (run_del(v, NULL) == 0)
		(void)cache_remove(v->env, &entry, NULL);
	json_decref(v->input.prev);
}

int chain_add(const struct command_env *env, const struct network *net,
	      const struct chain_attachment *a, json_t **ret, struct err *e)
{
	AUTO(chain_conf_clear) struct chain_conf conf = { 0 };
	struct verb v = {
		.env = env,
		.conf = &conf,
		.command = CNI_ADD,
		.a = a,
		.args = a->args,
		.input.capability_args = a->capability_args,
	};
	int r = chain_conf_read(net->conf, &conf, e);

	if (r == 0)
		r = prepare_add(env, &conf, a, &v.version, e);
	/* Before it is made, too: without a result it is what a killed ADD left. */
	if (r == 0)
		r = remember(&v, net->conf, e);
	if (r < 0)
		return err_wrap(e, r, "network %s", net->name);
	r = run_add(&v, e);
	if (r == 0)
		r = remember(&v, net->conf, e);
	if (r < 0) {
		undo_add(&v);
		return err_wrap(e, r, "network %s", net->name);
	}
	if (ret)
		*ret = json_incref(v.input.prev);
	json_decref(v.input.prev);

	return 0;
}

/* ---- DEL and CHECK ------------------------------------------------------- */

/* What is known of an attachment, from the cache and from the caller. */
struct known {
	bool cached;
	struct cache_entry entry; /* owned */
	struct chain_conf conf;	  /* of the entry's document, or the network's */
	char *args;		  /* owned */
	json_t *prev;		  /* owned, NULL: none */
};

static void known_clear(struct known *k)
{
	chain_conf_clear(&k->conf);
	cache_entry_clear(&k->entry);
	free(k->args);
	json_decref(k->prev);
}

static int look_up(const struct command_env *env, const struct network *net, const char *network,
		   const struct chain_attachment *a, struct known *k, struct err *e)
{
	json_t *doc;
	int r = find_entry(env, network, a, &k->entry, e);

	if (r < 0)
		return r;
	k->cached = r > 0;
	doc = k->entry.conf ? k->entry.conf : net ? net->conf : NULL;
	if (!doc)
		return err_sys(
			e, ENOENT,
			"neither is there such a network, nor does the cache say what it was");
	k->args = k->entry.args ? chain_args_join(k->entry.args) : strdup(a->args ? a->args : "");
	if (!k->args)
		return err_sys(e, ENOMEM, "read the attachment");

	return chain_conf_read(doc, &k->conf, e);
}

static void as_added(const struct command_env *env, const struct known *k,
		     const struct chain_attachment *a, struct verb *ret)
{
	*ret = (struct verb){
		.env = env,
		.conf = &k->conf,
		.a = a,
		.args = k->args,
		.input.capability_args = k->entry.capability_args ? k->entry.capability_args
								  : a->capability_args,
	};
}

/* prevResult, which came with 0.4.0. */
static int set_prev(struct verb *v, struct known *k, struct err *e)
{
	int r;

	if (!k->entry.result || v->version < CNI_0_4_0)
		return 0;
	r = chain_version_convert(k->entry.result, v->version, &k->prev, e);
	v->input.prev = k->prev;

	return r;
}

static int del(const struct command_env *env, const struct network *net, const char *network,
	       const struct chain_attachment *a, struct err *e)
{
	AUTO(known_clear) struct known k = { 0 };
	struct cache_entry entry = as_entry(network, a);
	struct verb v;
	int r = look_up(env, net, network, a, &k, e);

	if (r < 0)
		return r;
	as_added(env, &k, a, &v);
	v.command = CNI_DEL;
	r = chain_version_of(env, &k.conf, k.entry.result, &v.version, e);
	if (r < 0)
		return r;
	/* A result that cannot be read is as good as none. */
	(void)set_prev(&v, &k, NULL);
	r = run_del(&v, e);

	return r < 0 ? r : cache_remove(env, &entry, e);
}

static const char *network_of(const struct network *net, const struct chain_attachment *a)
{
	return net ? net->name : a->network;
}

int chain_del(const struct command_env *env, const struct network *net,
	      const struct chain_attachment *a, struct err *e)
{
	int r = del(env, net, network_of(net, a), a, e);

	return r < 0 ? err_wrap(e, r, "network %s", network_of(net, a)) : 0;
}

static int check(const struct command_env *env, const struct network *net, const char *network,
		 const struct chain_attachment *a, struct err *e)
{
	AUTO(known_clear) struct known k = { 0 };
	struct verb v;
	int r = look_up(env, net, network, a, &k, e);

	if (r < 0 || k.conf.disable_check)
		return r;
	if (!k.entry.result)
		return err_say(e, ENOENT, "%s is not attached by %s: the cache has no result of it",
			       a->container_id, a->ifname);
	as_added(env, &k, a, &v);
	v.command = CNI_CHECK;
	r = chain_version_of(env, &k.conf, k.entry.result, &v.version, e);
	if (r == 0 && v.version < CNI_0_4_0)
		r = err_cni(e, CNI_E_VERSION, "its cniVersion is %s, and CHECK came with 0.4.0",
			    cni_version_str(v.version));
	if (r == 0)
		r = set_prev(&v, &k, e);

	return r < 0 ? r : run_each(&v, e);
}

int chain_check(const struct command_env *env, const struct network *net,
		const struct chain_attachment *a, struct err *e)
{
	int r = check(env, net, network_of(net, a), a, e);

	return r < 0 ? err_wrap(e, r, "network %s", network_of(net, a)) : 0;
}

/* ---- GC and STATUS ------------------------------------------------------- */

static bool is_valid(const struct cache_entry *entry, const struct cache_entry *const *valid,
		     size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(entry->network, valid[i]->network) == 0 &&
		    strcmp(entry->container_id, valid[i]->container_id) == 0 &&
		    strcmp(entry->ifname, valid[i]->ifname) == 0)
			return true;
	}

	return false;
}

/* DEL of what the cache has and @valid has not, as libcni does first. */
static int del_invalid(const struct command_env *env, const struct network *net,
		       const struct cache_entry *const *valid, size_t n, struct err *e)
{
	AUTO(cache_clear) struct cache c = { 0 };
	int first = cache_load(env, net->name, NULL, &c, e);

	for (size_t i = 0; first != -ENOMEM && i < c.n; i++) {
		const struct chain_attachment a = {
			.container_id = c.entries[i].container_id,
			.ifname = c.entries[i].ifname,
			.netns = c.entries[i].netns,
		};
		struct err step = { 0 };

		if (!is_valid(&c.entries[i], valid, n))
			first = err_keep(first, e, del(env, net, net->name, &a, &step), &step);
	}

	return first;
}

static json_t *list_valid(const char *network, const struct cache_entry *const *valid, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < n; i++) {
		if (strcmp(valid[i]->network, network) == 0 &&
		    json_array_append_new(list, json_pack("{s:s, s:s}", "containerID",
							  valid[i]->container_id, "ifname",
							  valid[i]->ifname)) < 0) {
			json_decref(list);
			list = NULL;
		}
	}

	return list;
}

/* Of the plugins themselves: what they made and no record tells of. */
static int run_gc(const struct command_env *env, const struct chain_conf *conf, json_t *valid,
		  struct err *e)
{
	struct verb v = { .env = env, .conf = conf, .command = CNI_GC, .input.valid = valid };
	int first = chain_version_choose(env, conf, &v.version, e);

	if (first < 0 || v.version < CNI_1_1_0)
		return first;
	for (size_t i = 0; i < conf->n; i++) {
		struct err step = { 0 };
		int r = run_plugin(&v, i, NULL, NULL, &step);

		first = err_keep(first, e, r, &step);
	}

	return first;
}

int chain_gc(const struct command_env *env, const struct network *net,
	     const struct cache_entry *const *valid, size_t n, struct err *e)
{
	AUTO(chain_conf_clear) struct chain_conf conf = { 0 };
	AUTO_JSON json_t *list = NULL;
	struct err step = { 0 };
	int first = del_invalid(env, net, valid, n, e);
	int r = chain_conf_read(net->conf, &conf, &step);

	if (r == 0 && conf.versions[CNI_1_1_0] && !conf.disable_gc) {
		list = list_valid(conf.name, valid, n);
		r = list ? run_gc(env, &conf, list, &step)
			 : err_sys(&step, ENOMEM, "list what is valid");
	}
	first = err_keep(first, e, r, &step);

	return first < 0 ? err_wrap(e, first, "network %s", net->name) : 0;
}

int chain_status(const struct command_env *env, const struct network *net, struct err *e)
{
	AUTO(chain_conf_clear) struct chain_conf conf = { 0 };
	struct verb v = { .env = env, .conf = &conf, .command = CNI_STATUS };
	int r = chain_conf_read(net->conf, &conf, e);

	if (r == 0 && conf.versions[CNI_1_1_0])
		r = chain_version_choose(env, &conf, &v.version, e);
	if (r == 0 && v.version >= CNI_1_1_0)
		r = run_each(&v, e);

	return r < 0 ? err_wrap(e, r, "network %s", net->name) : 0;
}
