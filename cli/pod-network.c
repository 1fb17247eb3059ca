/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pod-network - see pod-network.h */
#include "cli/pod-network.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "cli/store.h"
#include "lib/cleanup.h"
#include "lib/err.h"

const char *pod_network_socket(void)
{
	static const char *const sockets[] = {
		"/run/containerd/containerd.sock",
		"/run/k3s/containerd/containerd.sock",
		"/run/crio/crio.sock",
	};
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++)
		if (stat(sockets[i], &st) == 0 && S_ISSOCK(st.st_mode))
			return sockets[i];

	return NULL;
}

static int is_config(const struct dirent *d)
{
	return store_is_conf(d->d_name);
}

/* By bytes, as Go sorts; not by the locale, as alphasort() would. */
static int compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int pod_network_first(const struct command_env *env, char **ret, struct err *e)
{
	struct dirent **list;
	char *first = NULL;
	int n = scandir(env->conf_dir, &list, is_config, compare);

	if (n < 0 && errno != ENOENT)
		return err_sys(e, errno, "read %s", env->conf_dir);
	if (n > 0)
		first = strdup(list[0]->d_name);
	for (int i = 0; i < n; i++)
		free(list[i]);
	if (n >= 0)
		free(list);
	if (n > 0 && !first)
		return err_sys(e, ENOMEM, "read %s", env->conf_dir);
	*ret = first;

	return 0;
}
