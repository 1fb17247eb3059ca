/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chain-conf - see chain-conf.h. */
#include "cli/chain-conf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/boolean.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/jnode.h"

/* ---- reading ------------------------------------------------------------- */

void chain_conf_clear(struct chain_conf *conf)
{
	free(conf->plugins);
	*conf = (struct chain_conf){ 0 };
}

bool chain_conf_any(const bool versions[CNI_N_VERSIONS])
{
	bool any = false;

	for (int v = 0; v < CNI_N_VERSIONS; v++)
		any = any || versions[v];

	return any;
}

/* Some write these two as text. */
static bool is_true(const struct jnode *root, const char *key)
{
	struct jnode n;

	if (!jn_get(root, key, &n))
		return false;

	return json_is_true(n.json) ||
	       (json_is_string(n.json) && boolean_parse(json_string_value(n.json)) > 0);
}

static int add_version(const struct jnode *n, struct chain_conf *conf, struct err *e)
{
	enum cni_version v;
	const char *text;
	int r = jn_str(n, &text, e);

	/* One that is not known is a later one: there may be others on the list. */
	if (r == 0 && cni_version_parse(text, &v) == 0)
		conf->versions[v] = true;

	return r;
}

static int read_versions(const struct jnode *root, struct chain_conf *conf, struct err *e)
{
	struct jnode one, list;
	bool has_one = jn_get(root, "cniVersion", &one);
	int r = has_one ? add_version(&one, conf, e) : 0;

	if (r == 0 && jn_get(root, "cniVersions", &list)) {
		r = jn_array(&list, e);
		for (size_t i = 0; r == 0 && i < jn_count(&list); i++) {
			struct jnode item = jn_item(&list, i);

			r = add_version(&item, conf, e);
		}
	} else if (r == 0 && !has_one) {
		conf->versions[CNI_0_1_0] = true;
	}
	if (r < 0 || chain_conf_any(conf->versions))
		return r;

	return jn_bad(has_one ? &one : root, e, "no version of CNI that is known, 0.1.0 to 1.1.0");
}

static int read_plugin(const struct jnode *n, struct chain_plugin *ret, struct err *e)
{
	struct jnode type;
	int r = jn_object(n, e);

	if (r < 0)
		return r;
	if (!jn_get(n, "type", &type))
		return jn_bad(n, e, "its type is missing");
	r = jn_str(&type, &ret->type, e);
	if (r < 0)
		return r;
	if (!*ret->type || strchr(ret->type, '/'))
		return jn_bad(&type, e, "\"%.64s\" is not the name of a plugin", ret->type);
	ret->conf = n->json;

	return 0;
}

static int read_plugins(const struct jnode *root, struct chain_conf *conf, struct err *e)
{
	struct jnode list;
	bool is_list = jn_get(root, "plugins", &list);
	int r = is_list ? jn_array(&list, e) : 0;
	size_t n = is_list ? jn_count(&list) : 1;

	if (r < 0)
		return r;
	if (n == 0)
		return jn_bad(&list, e, "a network needs a plugin");
	conf->plugins = calloc(n, sizeof(*conf->plugins));
	if (!conf->plugins)
		return err_sys(e, ENOMEM, "read the network's plugins");
	for (; r == 0 && conf->n < n; conf->n++) {
		struct jnode item = is_list ? jn_item(&list, conf->n) : *root;

		r = read_plugin(&item, &conf->plugins[conf->n], e);
	}

	return r;
}

int chain_conf_read(json_t *doc, struct chain_conf *ret, struct err *e)
{
	AUTO(chain_conf_clear) struct chain_conf conf = { 0 };
	struct jnode root = jn_root(doc), name;
	int r = jn_object(&root, e);

	if (r < 0)
		return r;
	if (!jn_get(&root, "name", &name))
		return jn_bad(&root, e, "the network's name is missing");
	if ((r = jn_str(&name, &conf.name, e)) < 0 || (r = read_versions(&root, &conf, e)) < 0 ||
	    (r = read_plugins(&root, &conf, e)) < 0)
		return r;
	conf.disable_check = is_true(&root, "disableCheck");
	conf.disable_gc = is_true(&root, "disableGC");
	*ret = conf;
	conf = (struct chain_conf){ 0 };

	return 0;
}

enum cni_version chain_conf_newest(const bool versions[CNI_N_VERSIONS])
{
	int v = CNI_N_VERSIONS - 1;

	while (v > 0 && !versions[v])
		v--;

	return (enum cni_version)v;
}

/* ---- capabilities -------------------------------------------------------- */

static bool has_capability(const struct chain_plugin *plugin, const char *capability)
{
	struct jnode root = jn_root(plugin->conf), capabilities;

	return jn_get(&root, "capabilities", &capabilities) &&
	       json_is_true(json_object_get(capabilities.json, capability));
}

bool chain_conf_can(const struct chain_conf *conf, const char *capability)
{
	for (size_t i = 0; i < conf->n; i++) {
		if (has_capability(&conf->plugins[i], capability))
			return true;
	}

	return false;
}

/* ---- what a plugin is given ---------------------------------------------- */

/* Return: 0, also if there is nothing for this plugin; -1 without memory. */
static int put_runtime_config(json_t *conf, const struct chain_plugin *plugin,
			      json_t *capability_args)
{
	AUTO_JSON json_t *runtime = json_object();
	const char *key;
	json_t *value;

	json_object_foreach(capability_args, key, value) {
		if (has_capability(plugin, key) && json_object_set(runtime, key, value) < 0)
			return -1;
	}
	if (!runtime)
		return -1;

	return json_object_size(runtime) > 0 ? json_object_set(conf, "runtimeConfig", runtime) : 0;
}

/* Both names of the list: the specification's first print had the second. */
static int put_valid(json_t *conf, json_t *valid)
{
	if (!valid)
		return 0;
	if (json_object_set(conf, "cni.dev/valid-attachments", valid) < 0)
		return -1;

	return json_object_set(conf, "cni.dev/attachments", valid);
}

json_t *chain_conf_plugin(const struct chain_conf *conf, size_t i, enum cni_version version,
			  const struct chain_input *input)
{
	const struct chain_plugin *plugin = &conf->plugins[i];
	AUTO_JSON json_t *doc = json_copy(plugin->conf);

	if (!doc || json_object_set_new(doc, "name", json_string(conf->name)) < 0 ||
	    json_object_set_new(doc, "cniVersion", json_string(cni_version_str(version))) < 0 ||
	    (input->prev && json_object_set(doc, "prevResult", input->prev) < 0) ||
	    put_runtime_config(doc, plugin, input->capability_args) < 0 ||
	    put_valid(doc, input->valid) < 0)
		return NULL;

	return MOVE_PTR(doc);
}

/* ---- CNI_ARGS ------------------------------------------------------------ */

json_t *chain_args_split(const char *text)
{
	AUTO_JSON json_t *list = json_array();

	while (*text) {
		size_t len = strcspn(text, ";"), key = strcspn(text, "=;");
		size_t value = key < len ? key + 1 : len;

		if (len > 0 &&
		    json_array_append_new(list, json_pack("[s%, s%]", text, key, text + value,
							  len - value)) < 0)
			return NULL;
		text += len + (text[len] == ';');
	}

	return MOVE_PTR(list);
}

char *chain_args_join(const json_t *args)
{
	char *text = strdup("");
	const json_t *pair;
	size_t i;

	json_array_foreach(args, i, pair) {
		AUTO_FREE char *before = text;
		const char *key = json_string_value(json_array_get(pair, 0));
		const char *value = json_string_value(json_array_get(pair, 1));

		if (before && asprintf(&text, "%s%s%s=%s", before, *before ? ";" : "",
				       key ? key : "", value ? value : "") < 0)
			text = NULL;
	}

	return text;
}
