/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exec - run a CNI plugin as a process
 *
 * Who runs plugins, a runtime or a plugin with a delegate, says what they get.
 * No shell is involved, and a plugin has no descriptor open but its stdin, its
 * stdout, and the caller's stderr.
 *
 * Source: CNI specification 1.1.0, sections 2 "Execution Protocol" and 4.
 */
#ifndef EXEC_H
#define EXEC_H

#include <limits.h>
#include <stddef.h>

#include "lib/cni.h"

/* All borrowed; a variable that is NULL or "" is not set. */
struct exec {
	const char *path; /* the binary */
	const char *name; /* what errors begin with */
	enum cni_command command;
	const char *container_id, *netns, *ifname, *args, *cni_path;
	const char *config; /* its stdin, @config_len bytes */
	size_t config_len;
	int timeout_ms; /* then it is killed; 0: it may take as long as it likes */
};

/**
 * exec_find() - look a plugin up
 * @dirs:	directories with ':' between, as CNI_PATH
 * @type:	its name, without '/'
 * @ret:	the first regular file of that name; whether it may be run shows when
 *		it is
 *
 * Return: 0, or -ENOENT.
 */
int exec_find(const char *dirs, const char *type, char ret[PATH_MAX]);

/**
 * exec_plugin() - run a plugin and wait for it
 * @ret:	what it printed, owned by the caller; NULL if the verb has no result to
 *		read
 * @ret_len:	how many bytes, at most 1 MiB
 *
 * Processes that it leaves behind are not waited for, even if they keep its
 * stdout open.
 *
 * Return: 0 if it succeeded; for a CNI error object what goes with its code,
 * which is kept; -EINVAL if it was killed or failed without one; -ETIMEDOUT; the
 * errno of running it.
 */
int exec_plugin(const struct exec *x, char **ret, size_t *ret_len, struct err *e);

#endif
