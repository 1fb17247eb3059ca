/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shared-network - see shared-network.h */
#include "cli/shared-network.h"

#include <errno.h>

#include "cli/command.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/netd.h"
#include "lib/network-meta.h"
#include "lib/network.h"

#define TIMEOUT_MS 15000 /* netd asks other nodes for a VNI or a subnet, 500 ms each */

static bool netd_runs(const struct command_env *env)
{
	AUTO(netd_closep) struct netd *netd = NULL;

	return netd_connect(env->netd_socket, &netd, NULL) == 0;
}

bool shared_network_is(const struct command_env *env, const struct network *net)
{
	return net->scope == NETWORK_SWARM || (net->scope == NETWORK_GLOBAL && netd_runs(env));
}

int shared_network_create(const struct command_env *env, const struct network *net, struct err *e)
{
	AUTO(netd_closep) struct netd *netd = NULL;
	AUTO_JSON json_t *params = network_meta_write(net);
	int r;

	if (!params || json_object_set_new(params, "name", json_string(net->name)) < 0)
		return err_sys(e, ENOMEM, "create network %s", net->name);
	r = netd_connect(env->netd_socket, &netd, e);
	if (r < 0)
		return err_wrap(e, r, "cannot create a %s scoped network when swarm is not active",
				network_scope_str(net->scope));

	return netd_call(netd, "network.create", params, TIMEOUT_MS, NULL, e);
}

int shared_network_remove(const struct command_env *env, const struct network *net, struct err *e)
{
	AUTO(netd_closep) struct netd *netd = NULL;
	AUTO_JSON json_t *params = json_pack("{s:s}", "name", net->name);
	int r;

	if (!params)
		return err_sys(e, ENOMEM, "remove network %s", net->name);
	r = netd_connect(env->netd_socket, &netd, e);
	if (r < 0)
		return err_wrap(e, r, "network %s is the cluster's", net->name);

	return netd_call(netd, "network.remove", params, TIMEOUT_MS, NULL, e);
}
