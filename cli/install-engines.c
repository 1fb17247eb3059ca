/* SPDX-License-Identifier: GPL-2.0-or-later */
/* install-engines - see install-engines.h */
#include "cli/install-engines.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/install-plan.h"
#include "cli/install-toml.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/program.h"

static char *__attribute__((format(printf, 1, 2))) text(const char *fmt, ...)
{
	char *ret;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&ret, fmt, ap);
	va_end(ap);

	return r < 0 ? NULL : ret;
}

/* ["ours", "the others of the path"], as a list of TOML */
static char *plugin_dirs(const struct command_env *env, const struct install_options *o)
{
	char *list = text("[\"%s\"", o->plugin_dir);
	const char *dir = env->plugin_path;

	while (list && *dir) {
		const size_t len = strcspn(dir, ":");

		if (len > 0 &&
		    (strlen(o->plugin_dir) != len || strncmp(dir, o->plugin_dir, len) != 0)) {
			AUTO_FREE char *shorter = list;

			list = text("%s, \"%.*s\"", shorter, (int)len, dir);
		}
		dir += len + (dir[len] == ':');
	}
	if (list) {
		AUTO_FREE char *open = list;

		list = text("%s]", open);
	}

	return list;
}

static int add_own(struct install_plan *p, const struct install_options *o, const char *path,
		   const char *content, bool sealed, struct err *e)
{
	if (!content)
		return err_sys(e, ENOMEM, "plan %s", path);

	return install_plan_add_own(p, o->root, path, content, sealed, e);
}

/* ---- Podman, and Buildah ------------------------------------------------------ */

#define PODMAN_WITHOUT_CNI 5

/* Podman of another root is not run, and anybody can go back. */
static int podman_check(const struct install_options *o, struct err *e)
{
	static const char *const argv[] = { "podman", "--version", NULL };
	AUTO(program_clear) struct program_end end = { 0 };
	const char *digits;

	if (*o->root || o->undo || program_run(argv, "", &end, NULL) < 0 || end.status != 0)
		return 0;
	digits = strpbrk(end.output, "0123456789");
	if (!digits || strtoul(digits, NULL, 10) < PODMAN_WITHOUT_CNI)
		return 0;

	return err_say(
		e, ENOTSUP,
		"podman %.*s is built without CNI, as all since 5.0 are unless they have the "
		"build tag \"cni\": join its containers to networks with heddle attach, or "
		"use Podman 4",
		(int)strcspn(digits, " \n"), digits);
}

static int podman_plan(const struct command_env *env, const struct install_options *o,
		       struct install_plan *p, struct err *e)
{
	AUTO_FREE char *dirs = plugin_dirs(env, o), *networks = NULL, *content = NULL;
	int r = podman_check(o, e);

	if (r < 0)
		return r;
	/* Of the default each user of rootless Podman has one of their own. */
	networks = strcmp(env->conf_dir, COMMAND_CONF_DIR) == 0
			   ? strdup("")
			   : text("network_config_dir = \"%s\"\n", env->conf_dir);
	if (dirs && networks)
		content = text("[network]\n"
			       "network_backend = \"cni\"\n"
			       "cni_plugin_dirs = %s\n"
			       "%s",
			       dirs, networks);
	r = add_own(p, o, "/etc/containers/containers.conf.d/50-heddle.conf", content, true, e);
	if (r < 0)
		return r;

	return install_plan_note(p, e,
				 "Podman keeps the networks of netavark and those of CNI apart: "
				 "containers on the former are to be made again");
}

/* ---- containerd's CRI ----------------------------------------------------------- */

#define CONTAINERD_CONFIG "/etc/containerd/config.toml"
#define CONTAINERD_NEW	  "version = 2 # the file was made by heddle\n"

/* Which table the CRI has in which version of the file; without one it is 1. */
struct containerd_version {
	const char *version, *cri;
};

static const struct containerd_version containerd_versions[] = {
	{ "3", "io.containerd.cri.v1.runtime" },
	{ "2", "io.containerd.grpc.v1.cri" },
	{ "1", "cri" },
};

static int containerd_cri(const char *before, const char **ret, struct err *e)
{
	static const struct install_toml_key key = { { "version" }, 1 };
	AUTO_FREE char *version = NULL;
	int r = install_toml_get(before, &key, &version, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(containerd_versions); i++) {
		if (strcmp(version ? version : "1", containerd_versions[i].version) == 0) {
			*ret = containerd_versions[i].cri;
			return 0;
		}
	}

	return err_say(e, EINVAL, "version %s is not known: 1, 2 and 3 are", version);
}

/* Unless the key has the value already. */
static int containerd_set(char **config, const char *cri, const char *name, const char *value,
			  struct err *e)
{
	const struct install_toml_key key = { { "plugins", cri, "cni", name }, 4 };
	AUTO_FREE char *old = NULL, *changed = NULL;
	int r = install_toml_get(*config, &key, &old, e);

	if (r < 0 || (old && strcmp(old, value) == 0))
		return r;
	r = install_toml_set(*config, &key, value, &changed, e);
	if (r < 0)
		return r;
	free(*config);
	*config = MOVE_PTR(changed);

	return 0;
}

/* containerd 2.1 has a list of directories, and refuses both. */
static int containerd_set_plugins(char **config, const char *cri, const struct install_options *o,
				  struct err *e)
{
	const struct install_toml_key key = { { "plugins", cri, "cni", "bin_dirs" }, 4 };
	AUTO_FREE char *list = NULL, *value = NULL;
	int r = install_toml_get(*config, &key, &list, e);

	if (r < 0)
		return r;
	if (!list)
		value = text("\"%s\"", o->plugin_dir);
	else if (strchr(list, '\n'))
		return err_say(e, EINVAL,
			       "bin_dirs has a list of more than one line: put \"%s\" first there "
			       "yourself",
			       o->plugin_dir);
	else
		value = text("[\"%s\", %s", o->plugin_dir, list + 1);
	if (!value)
		return err_sys(e, ENOMEM, "set bin_dir");

	return containerd_set(config, cri, list ? "bin_dirs" : "bin_dir", value, e);
}

static int containerd_change(const struct command_env *env, const struct install_options *o,
			     char **config, struct err *e)
{
	AUTO_FREE char *networks = text("\"%s\"", env->conf_dir);
	const char *cri = NULL;
	int r;

	if (!networks)
		return err_sys(e, ENOMEM, "set conf_dir");
	r = containerd_cri(*config, &cri, e);
	if (r == 0)
		r = containerd_set_plugins(config, cri, o, e);
	if (r == 0)
		r = containerd_set(config, cri, "conf_dir", networks, e);

	return r;
}

static int containerd_plan(const struct command_env *env, const struct install_options *o,
			   struct install_plan *p, struct err *e)
{
	AUTO_FREE char *before = NULL, *undone = NULL, *wanted = NULL;
	int r = install_plan_read(o->root, CONTAINERD_CONFIG, &before, e);

	if (r < 0)
		return r;
	undone = before ? install_toml_undo(before) : strdup("");
	wanted = undone ? strdup(*undone ? undone : CONTAINERD_NEW) : NULL;
	if (!wanted)
		return err_sys(e, ENOMEM, "plan " CONTAINERD_CONFIG);
	r = o->undo ? 0 : containerd_change(env, o, &wanted, e);
	if (r < 0)
		return err_wrap(e, r, "%s" CONTAINERD_CONFIG, o->root);
	/* What is left of a file of ours is none. */
	if (strcmp(undone, CONTAINERD_NEW) == 0)
		*undone = '\0';
	r = install_plan_add_shared(p, o->root, CONTAINERD_CONFIG, before, wanted, undone, e);
	if (r < 0)
		return r;

	return install_plan_note(p, e,
				 "containerd reads its config when it starts: systemctl restart "
				 "containerd, which leaves pods running");
}

/* ---- CRI-O ------------------------------------------------------------------------ */

static int crio_plan(const struct command_env *env, const struct install_options *o,
		     struct install_plan *p, struct err *e)
{
	AUTO_FREE char *dirs = plugin_dirs(env, o);
	AUTO_FREE char *content = dirs ? text("[crio.network]\n"
					      "network_dir = \"%s\"\n"
					      "plugin_dirs = %s\n",
					      env->conf_dir, dirs)
				       : NULL;
	int r = add_own(p, o, "/etc/crio/crio.conf.d/50-heddle.conf", content, true, e);

	return r < 0 ? r
		     : install_plan_note(p, e,
					 "CRI-O reads its config when it starts: systemctl restart "
					 "crio, which leaves pods running");
}

/* ---- Docker ----------------------------------------------------------------------- */

/* A file of one line, the address, which cannot have a comment. */
static int docker_plan(const struct command_env *env, const struct install_options *o,
		       struct install_plan *p, struct err *e)
{
	AUTO_FREE char *content = text("unix://%s\n", o->socket);
	int r = 0;

	(void)env;
	if (strcmp(o->socket, INSTALL_DOCKER_SOCKET) != 0)
		r = add_own(p, o, "/etc/docker/plugins/heddle.spec", content, false, e);
	if (r == 0)
		r = install_plan_note(p, e,
				      "Docker calls no CNI: its networks are those of the driver "
				      "that netd serves at %s%s",
				      o->socket,
				      p->n == 0 ? ", where dockerd looks without any setting" : "");

	return r;
}

/* ---- LXC --------------------------------------------------------------------------- */

/* The command as a hook has it: with the directories that are not the usual ones. */
static char *lxc_command(const struct command_env *env, const struct install_options *o)
{
	const struct {
		const char *option, *value, *usual;
	} dirs[] = {
		{ "--cni-conf-dir", env->conf_dir, COMMAND_CONF_DIR },
		{ "--cni-plugin-path", env->plugin_path, COMMAND_PLUGIN_PATH },
		{ "--state-dir", env->state_dir, COMMAND_STATE_DIR },
		{ "--cache-dir", env->cache_dir, COMMAND_CACHE_DIR },
	};
	char *ret = strdup(o->program);

	for (size_t i = 0; ret && i < ARRAY_SIZE(dirs); i++) {
		AUTO_FREE char *shorter = ret;

		if (strcmp(dirs[i].value, dirs[i].usual) == 0)
			ret = MOVE_PTR(shorter);
		else
			ret = text("%s %s %s", shorter, dirs[i].option, dirs[i].value);
	}

	return ret;
}

static int lxc_plan(const struct command_env *env, const struct install_options *o,
		    struct install_plan *p, struct err *e)
{
	AUTO_FREE char *command = lxc_command(env, o), *content = NULL;
	int r;

	if (command)
		content = text("lxc.net.0.type = empty\n"
			       "lxc.hook.version = 1\n"
			       "lxc.hook.start-host = %s lxc-hook\n"
			       "lxc.hook.post-stop = %s lxc-hook\n",
			       command, command);
	r = add_own(p, o, "/etc/lxc/heddle.conf", content, true, e);

	return r < 0 ? r
		     : install_plan_note(p, e,
					 "a container gets its network with this line in its "
					 "config: lxc.include = /etc/lxc/heddle.conf");
}

const struct install_engine install_engines[] = {
	{ "podman", podman_plan }, { "containerd", containerd_plan },
	{ "docker", docker_plan }, { "crio", crio_plan },
	{ "lxc", lxc_plan },	   { NULL, NULL },
};
