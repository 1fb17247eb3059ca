/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plugin - find a CNI plugin, and what versions it speaks */
#ifndef PLUGIN_H
#define PLUGIN_H

#include <limits.h>
#include <stdbool.h>

#include "lib/cni-result.h"

struct command_env;
struct err;

/* As long as a kubelet waits for a sandbox: a DHCP server may take its time. */
#define PLUGIN_TIMEOUT_MS (120 * 1000)

/* Return: 0 with its path, or -ENOENT naming the directories. */
int plugin_find(const struct command_env *env, const char *type, char ret[PATH_MAX], struct err *e);

/**
 * plugin_versions() - which versions of CNI a plugin speaks
 * @path:	from plugin_find()
 *
 * Those of heddle speak the newest and what came before, and are not run for that.
 *
 * Return: 0; what VERSION failed with.
 */
int plugin_versions(const struct command_env *env, const char *type, const char *path,
		    bool ret[CNI_N_VERSIONS], struct err *e);

#endif
