/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-prepare - see network-prepare.h. */
#include "cli/network-prepare.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "cli/chain.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/netns.h"
#include "lib/network.h"

/* Return: a namespace that is there as long as the descriptor, or a negative errno. */
static int open_new_netns(struct err *e)
{
	AUTO_FD int own = netns_open_self(e);
	AUTO_FD int made = -1;
	int r;

	if (own < 0)
		return own;
	if (unshare(CLONE_NEWNET) < 0)
		return err_sys(e, errno, "make a network namespace");
	made = netns_open_self(e);
	r = netns_enter(own, e);
	if (r < 0)
		abort(); /* all else would happen in the wrong namespace */

	return made < 0 ? made : MOVE_FD(made);
}

int network_prepare(const struct command_env *env, const struct network *net, struct err *e)
{
	AUTO_FD int netns = -1;
	char path[64], id[64];
	struct chain_attachment a = {
		.network = net->name,
		.container_id = id,
		.ifname = "eth0",
		.netns = path,
	};
	int r;

	if (!net->link || strcmp(net->driver, "bridge") != 0)
		return err_say(e, EINVAL, "network %s has no bridge", net->name);
	if (if_nametoindex(net->link) > 0)
		return 0;
	netns = open_new_netns(e);
	if (netns < 0)
		return netns;
	/* The plugins are other processes: they find it through this one. */
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), netns);
	snprintf(id, sizeof(id), "heddle-prepare-%d", getpid());
	r = chain_add(env, net, &a, NULL, e);

	return r < 0 ? r : chain_del(env, net, &a, e);
}
