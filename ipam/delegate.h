/* SPDX-License-Identifier: GPL-2.0-or-later */
/* delegate - run another CNI plugin with the request that came in */
#ifndef DELEGATE_H
#define DELEGATE_H

#include <stddef.h>

#include "lib/cni.h"

/**
 * delegate_run() - run a plugin and wait for it
 * @path:	its binary
 * @name:	what errors begin with
 * @rq:		whose config is its stdin; the CNI_ variables are set from it
 * @command:	the verb
 * @ret:	what it printed, owned by the caller; NULL if the verb has no
 *		result to read
 * @ret_len:	how many bytes, at most 1 MiB
 *
 * Its stderr is the caller's.
 *
 * Return: 0 if it succeeded; for a CNI error object what goes with its code,
 * which is kept; -EINVAL if it was killed or failed without one; the errno of
 * running it.
 */
int delegate_run(const char *path, const char *name, const struct cni_request *rq,
		 enum cni_command command, char **ret, size_t *ret_len, struct err *e);

#endif
