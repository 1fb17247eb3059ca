/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chain-version - see chain-version.h. */
#include "cli/chain-version.h"

#include <errno.h>
#include <string.h>

#include "cli/chain-conf.h"
#include "cli/plugin.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/jnode.h"

/* Strikes out of @versions what the plugin does not speak. */
static int narrow(const struct command_env *env, const struct chain_plugin *plugin,
		  bool versions[CNI_N_VERSIONS], struct err *e)
{
	bool supported[CNI_N_VERSIONS] = { false };
	char path[PATH_MAX];
	int r = plugin_find(env, plugin->type, path, e);

	if (r == 0)
		r = plugin_versions(env, plugin->type, path, supported, e);
	if (r < 0)
		return r;
	for (int v = 0; v < CNI_N_VERSIONS; v++)
		versions[v] = versions[v] && supported[v];
	if (!chain_conf_any(versions))
		return err_cni(e, CNI_E_VERSION,
			       "%s speaks no version of CNI that the network's cniVersions and "
			       "the other plugins leave",
			       path);

	return 0;
}

int chain_version_choose(const struct command_env *env, const struct chain_conf *conf,
			 enum cni_version *ret, struct err *e)
{
	bool versions[CNI_N_VERSIONS];
	int n = 0, r = 0;

	memcpy(versions, conf->versions, sizeof(versions));
	for (int v = 0; v < CNI_N_VERSIONS; v++)
		n += versions[v];
	for (size_t i = 0; r == 0 && n > 1 && i < conf->n; i++)
		r = narrow(env, &conf->plugins[i], versions, e);
	if (r == 0)
		*ret = chain_conf_newest(versions);

	return r;
}

int chain_version_of(const struct command_env *env, const struct chain_conf *conf,
		     const json_t *result, enum cni_version *ret, struct err *e)
{
	const char *text = json_string_value(json_object_get(result, "cniVersion"));
	enum cni_version v;

	if (text && cni_version_parse(text, &v) == 0 && conf->versions[v]) {
		*ret = v;
		return 0;
	}

	return chain_version_choose(env, conf, ret, e);
}

/* @doc in another version, as the next plugin wants it. */
static int convert(json_t *doc, enum cni_version from, enum cni_version to, json_t **ret,
		   struct err *e)
{
	AUTO(cni_result_clear) struct cni_result res = { 0 };
	struct jnode root = jn_root(doc);
	int r;

	root.key = "result";
	r = cni_result_read(&root, from, &res, e);

	return r < 0 ? r : cni_result_write(&res, to, ret, e);
}

int chain_version_convert(json_t *doc, enum cni_version version, json_t **ret, struct err *e)
{
	const char *text = json_string_value(json_object_get(doc, "cniVersion"));
	enum cni_version from = CNI_0_1_0;

	if (text && cni_version_parse(text, &from) < 0)
		return err_cni(e, CNI_E_VERSION, "a result of CNI version \"%.32s\"", text);
	if (text && from == version) {
		*ret = json_incref(doc);
		return 0;
	}

	return convert(doc, from, version, ret, e);
}
