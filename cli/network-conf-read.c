/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-conf-read - see network-conf-read.h */
#include "cli/network-conf-read.h"

#include <errno.h>
#include <string.h>

#include "cli/network-foreign.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/err.h"
#include "lib/jnode.h"
#include "lib/network-meta.h"
#include "lib/network.h"

static int read_name(const struct jnode *doc, char **ret, struct err *e)
{
	struct jnode n;
	const char *name;
	int r;

	if (!jn_get(doc, "name", &n))
		return jn_bad(doc, e, "a network needs a name");
	if ((r = jn_str(&n, &name, e)) < 0 || (r = cni_valid_id(name, "name", CNI_E_CONFIG, e)) < 0)
		return r;
	*ret = strdup(name);

	return *ret ? 0 : err_sys(e, ENOMEM, "read network %s", name);
}

static int check_plugin(const struct jnode *plugin, struct err *e)
{
	struct jnode type;
	const char *text;
	int r;

	if (!jn_get(plugin, "type", &type))
		return jn_bad(plugin, e, "a plugin needs a type");
	r = jn_str(&type, &text, e);
	if (r == 0 && !*text)
		return jn_bad(&type, e, "a plugin's type is its name");

	return r;
}

static int check_plugins(const struct jnode *doc, struct err *e)
{
	struct jnode plugins;
	int r;

	if (!jn_get(doc, "plugins", &plugins))
		return jn_bad(doc, e, "there are no plugins");
	r = jn_array(&plugins, e);
	if (r == 0 && jn_count(&plugins) == 0)
		return jn_bad(&plugins, e, "a network needs a plugin");
	for (size_t i = 0; r == 0 && i < jn_count(&plugins); i++) {
		const struct jnode plugin = jn_item(&plugins, i);

		r = check_plugin(&plugin, e);
	}

	return r;
}

/* As libcni: a conf, which has a type and no plugins, becomes a list of one. */
static json_t *as_list(const struct jnode *doc)
{
	struct jnode version = { 0 }, name = { 0 }, other;

	if (!jn_get(doc, "type", &other) || jn_get(doc, "plugins", &other))
		return json_incref(doc->json);
	(void)jn_get(doc, "cniVersion", &version);
	(void)jn_get(doc, "name", &name);

	return json_pack("{s:O*, s:O*, s:[O]}", "cniVersion", version.json, "name", name.json,
			 "plugins", doc->json);
}

static int read_ours(const struct jnode *doc, const struct jnode *heddle, struct network *net,
		     struct err *e)
{
	struct jnode plugins, plugin, link;
	int r = network_meta_read(heddle, net, e);

	if (r < 0 || net->config_only)
		return r;
	(void)jn_get(doc, "plugins", &plugins);
	plugin = jn_item(&plugins, 0);
	if ((jn_get(&plugin, "bridge", &link) || jn_get(&plugin, "master", &link)) &&
	    json_is_string(link.json)) {
		net->link = strdup(json_string_value(link.json));
		if (!net->link)
			return err_sys(e, ENOMEM, "read network %s", net->name);
	}

	return 0;
}

/* A config-only network of ours is the one without plugins. */
static bool is_config_only(const struct jnode *heddle, bool ours)
{
	struct jnode n;

	return ours && jn_get(heddle, "configOnly", &n) && json_is_true(n.json);
}

static int read_network(const struct jnode *doc, const char *file, struct network *net,
			struct err *e)
{
	struct jnode heddle = { 0 };
	bool ours = jn_get(doc, "heddle", &heddle) && network_meta_is_known(&heddle);
	int r = read_name(doc, &net->name, e);

	if (r < 0)
		return r;
	network_id(net->name, net->id);
	net->file = strdup(file);
	if (!net->file)
		return err_sys(e, ENOMEM, "read network %s", net->name);
	if (!is_config_only(&heddle, ours) && (r = check_plugins(doc, e)) < 0)
		return r;

	return ours ? read_ours(doc, &heddle, net, e) : network_foreign_read(doc, file, net, e);
}

int network_conf_read(json_t *doc, const char *file, struct network *ret, struct err *e)
{
	AUTO(network_clear) struct network net = { 0 };
	const struct jnode given = jn_root(doc);
	struct jnode root;
	int r = jn_object(&given, e);

	if (r < 0)
		return r;
	net.conf = as_list(&given);
	if (!net.conf)
		return err_sys(e, ENOMEM, "read %s", file);
	root = jn_root(net.conf);
	r = read_network(&root, file, &net, e);
	if (r < 0)
		return r;
	*ret = net;
	net = (struct network){ 0 };

	return 0;
}
