/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * install-engines - which settings make an engine use heddle
 *
 *	podman		a drop-in of containers.conf: CNI, and our plugins first
 *	containerd	keys of its CRI's table in config.toml; an imported file would
 *			replace the whole table in containerd 1
 *	crio		a drop-in of crio.conf
 *	docker		where its driver's socket is, if it is not where dockerd looks
 *	lxc		lines that a container's config includes
 *
 * Source: containers.conf(5); containerd-config.toml(5); crio.conf.d(5); Docker's
 * documentation of plugin discovery; lxc.container.conf(5).
 */
#ifndef INSTALL_ENGINES_H
#define INSTALL_ENGINES_H

#include <limits.h>
#include <stdbool.h>

struct command_env;
struct err;
struct install_plan;

#define INSTALL_DOCKER_SOCKET "/run/docker/plugins/heddle.sock" /* where dockerd looks itself */

struct install_options {
	const char *root;	   /* "" or the directory that /etc is in */
	const char *socket;	   /* of netd, for Docker */
	bool undo;		   /* only what is there counts, not what should be */
	char plugin_dir[PATH_MAX]; /* with our plugins, below @root; "" for undo */
	char program[PATH_MAX];	   /* the command itself, for hooks */
};

struct install_engine {
	const char *name;
	/* Return: 0; -ENOTSUP if this engine cannot use us; what reading its files failed with. */
	int (*plan)(const struct command_env *env, const struct install_options *o,
		    struct install_plan *p, struct err *e);
};

extern const struct install_engine install_engines[]; /* ends with a NULL name */

#endif
