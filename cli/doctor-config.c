/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor-config - checks of the config directory, and of the plugins that it names */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/doctor.h"
#include "cli/pod-network.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/exec.h"
#include "lib/jnode.h"
#include "lib/stamp.h"

/* ---- files that are no network --------------------------------------------------------- */

static struct doctor *warned; /* the callback of store_load() is told no more than the text */

static void warn(const char *text)
{
	AUTO_FREE char *mend = doctor_text("ls -l %s", warned->env->conf_dir);

	doctor_find(warned, DOCTOR_WARNING, mend, "%s", text);
}

int doctor_config_dir(struct doctor *d, struct err *e)
{
	AUTO(store_clear) struct store again = { 0 };

	warned = d;

	return store_load(d->env, warn, &again, e);
}

/* ---- the network of pods ------------------------------------------------------------------ */

int doctor_pod_network(struct doctor *d, struct err *e)
{
	const char *socket = pod_network_socket();
	AUTO_FREE char *first = NULL;
	int r;

	if (!socket)
		return 0;
	r = pod_network_first(d->env, &first, e);
	for (size_t i = 0; r == 0 && first && i < d->store.n; i++) {
		const struct network *net = &d->store.networks[i];
		const char *name = net->file ? strrchr(net->file, '/') : NULL;
		AUTO_FREE char *mend = NULL;

		if (net->origin != NETWORK_OURS || !name || strcmp(name + 1, first) != 0)
			continue;
		mend = doctor_text("heddle network rm %s", net->name);
		doctor_find(d, DOCTOR_WARNING, mend,
			    "%s sorts first in %s, so pods of %s are put on %s: give them a "
			    "network of their own, in a file like 10-pods.conflist",
			    first, d->env->conf_dir, socket, net->name);
	}

	return r;
}

/* ---- plugins --------------------------------------------------------------------------------- */

#define VERSION_LIMIT_MS 5000

struct plugin {
	const struct network *net;
	const char *type;
	char path[PATH_MAX];
};

static bool is_heddle(const char *path)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && stamp_is_heddle(fd);
}

/* Whether @answer, of VERSION, lists @version. */
static bool lists_version(const char *answer, size_t len, const char *version)
{
	AUTO_JSON json_t *doc = NULL;
	const json_t *item;
	size_t i;

	if (jn_parse(answer, len, &doc, NULL) < 0)
		return false;
	json_array_foreach(json_object_get(doc, "supportedVersions"), i, item)
		if (json_is_string(item) && strcmp(json_string_value(item), version) == 0)
			return true;

	return false;
}

/* Engines leave a network out when one of its plugins does not list the very version. */
static void ask_version(struct doctor *d, const struct plugin *p, const char *mend)
{
	const char *version = json_string_value(json_object_get(p->net->conf, "cniVersion"));
	static const char config[] = "{\"cniVersion\":\"1.0.0\"}";
	const struct exec x = {
		.path = p->path,
		.name = p->type,
		.command = CNI_VERSION,
		.container_id = "dummy",
		.netns = "dummy",
		.ifname = "dummy",
		.cni_path = "dummy",
		.config = config,
		.config_len = sizeof(config) - 1,
		.timeout_ms = VERSION_LIMIT_MS,
	};
	AUTO_FREE char *answer = NULL;
	struct err e = { 0 };
	size_t len = 0;

	if (!version)
		return;
	if (exec_plugin(&x, &answer, &len, &e) < 0)
		doctor_find(d, DOCTOR_ERROR, mend, "%s of %s does not run: %s", p->path,
			    p->net->name, e.msg);
	else if (!answer || !lists_version(answer, len, version))
		doctor_find(d, DOCTOR_ERROR, mend,
			    "%s does not speak CNI %s, which %s is written in: engines leave the "
			    "network out",
			    p->path, version, p->net->name);
}

static void check_plugin(struct doctor *d, const struct network *net, const char *type,
			 bool is_ipam)
{
	AUTO_FREE char *install = doctor_text("make install CNIBINDIR=%.*s",
					      (int)strcspn(d->env->plugin_path, ":"),
					      d->env->plugin_path);
	struct plugin p = { .net = net, .type = type };

	if (exec_find(d->env->plugin_path, type, p.path) < 0) {
		doctor_find(d, DOCTOR_ERROR, install, "plugin %s of %s is in none of %s", type,
			    net->name, d->env->plugin_path);
		return;
	}
	if ((net->origin == NETWORK_OURS || net->origin == NETWORK_BUILTIN) && !is_heddle(p.path))
		doctor_find(
			d, DOCTOR_ERROR, install,
			"%s, which is found for %s of %s, is not heddle's: it does not know all "
			"of that network's keys",
			p.path, type, net->name);
	if (!is_ipam) /* engines do not ask those */
		ask_version(d, &p, install);
}

/* A plugin that many networks have is looked at for the first of each origin and version. */
static bool is_looked_at(json_t *seen, const struct network *net, const char *type)
{
	const char *version = json_string_value(json_object_get(net->conf, "cniVersion"));
	AUTO_FREE char *key = doctor_text("%d %s %s", net->origin, version ? version : "", type);

	if (!key || json_object_get(seen, key))
		return true;
	json_object_set_new(seen, key, json_true());

	return false;
}

int doctor_plugins(struct doctor *d, struct err *e)
{
	AUTO_JSON json_t *seen = json_object();

	if (!seen)
		return err_sys(e, ENOMEM, "look at the plugins");
	for (size_t i = 0; i < d->store.n; i++) {
		const struct network *net = &d->store.networks[i];
		const json_t *plugin;
		size_t j;

		if (!net->file && !doctor_used_by(d, net->name))
			continue;
		json_array_foreach(json_object_get(net->conf, "plugins"), j, plugin) {
			const char *type = json_string_value(json_object_get(plugin, "type"));
			const char *ipam = json_string_value(
				json_object_get(json_object_get(plugin, "ipam"), "type"));

			if (type && !is_looked_at(seen, net, type))
				check_plugin(d, net, type, false);
			if (ipam && *ipam && !is_looked_at(seen, net, ipam))
				check_plugin(d, net, ipam, true);
		}
	}

	return 0;
}
