/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plugin - see plugin.h. */
#include "cli/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cli/command.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/exec.h"
#include "lib/jnode.h"
#include "lib/stamp.h"

int plugin_find(const struct command_env *env, const char *type, char ret[PATH_MAX], struct err *e)
{
	if (exec_find(env->plugin_path, type, ret) == 0)
		return 0;

	return err_say(
		e, ENOENT,
		"there is no plugin \"%s\" in %s: install it there, or name another directory "
		"with --cni-plugin-path",
		type, env->plugin_path);
}

static bool is_heddle_s(const char *path)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && stamp_is_heddle(fd);
}

static int read_supported(const char *type, const char *text, size_t len, bool ret[CNI_N_VERSIONS],
			  struct err *e)
{
	AUTO_JSON json_t *doc = NULL;
	const json_t *item;
	enum cni_version v;
	size_t i;
	int r = jn_parse(text, len, &doc, e);

	if (r < 0)
		return err_wrap(e, r, "%s, asked for its versions", type);
	memset(ret, 0, sizeof(bool[CNI_N_VERSIONS]));
	json_array_foreach(json_object_get(doc, "supportedVersions"), i, item) {
		if (json_is_string(item) && cni_version_parse(json_string_value(item), &v) == 0)
			ret[v] = true;
	}

	return 0;
}

/* Ask a plugin, by VERSION. */
static int ask(const struct command_env *env, const char *type, const char *path,
	       bool ret[CNI_N_VERSIONS], struct err *e)
{
	static const char config[] = "{\"cniVersion\":\"1.1.0\"}";
	const struct exec x = {
		.path = path,
		.name = type,
		.command = CNI_VERSION,
		/* Some read them before they look at the command. */
		.container_id = "dummy",
		.netns = "dummy",
		.ifname = "dummy",
		.cni_path = env->plugin_path,
		.config = config,
		.config_len = sizeof(config) - 1,
		.timeout_ms = PLUGIN_TIMEOUT_MS,
	};
	AUTO_FREE char *text = NULL;
	size_t len;
	int r = exec_plugin(&x, &text, &len, e);

	return r < 0 ? r : read_supported(type, text, len, ret, e);
}

int plugin_versions(const struct command_env *env, const char *type, const char *path,
		    bool ret[CNI_N_VERSIONS], struct err *e)
{
	if (!is_heddle_s(path))
		return ask(env, type, path, ret, e);
	for (int v = 0; v < CNI_N_VERSIONS; v++)
		ret[v] = true;

	return 0;
}
