/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lxc-hook - heddle lxc-hook: networks for an LXC container, from its hooks
 *
 *	lxc.net.0.type = empty
 *	lxc.hook.start-host = /usr/bin/heddle lxc-hook --network lows-network -p 8080:80
 *	lxc.hook.post-stop = /usr/bin/heddle lxc-hook
 *
 * and, for the lines of lxc-config, whose bridge LXC wants to find:
 *
 *	lxc.hook.pre-start = /usr/bin/heddle lxc-hook --network lows-network
 *
 * Source: lxc.container.conf(5), "CONTAINER HOOKS".
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/attach-options.h"
#include "cli/cache.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/container.h"
#include "cli/network-prepare.h"
#include "cli/store.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/err.h"

struct request {
	struct attach_options options;
	const char *name, *type; /* of the container, of the hook */
	bool json;
};

static void clear_request(struct request *rq)
{
	attach_options_clear(&rq->options);
}

/* lxc.hook.version 0 appends NAME, the section "lxc" and TYPE; version 1 has variables. */
static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *rq = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &rq->options;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num == 0)
			rq->name = arg;
		else if (state->arg_num == 2)
			rq->type = arg;
		return 0;
	case ARGP_KEY_END:
		if (!rq->name || !rq->type)
			argp_error(state, "LXC_NAME and LXC_HOOK_TYPE are not set: LXC calls it");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int attach(const struct command_env *env, const struct store *store, struct request *rq,
		  struct err *e)
{
	struct container c = { .id = rq->name, .name = rq->name };
	const char *pid = getenv("LXC_PID");
	struct container_wish wish;
	char netns[64];
	int r = attach_options_finish(&rq->options, "bridge", &wish, e);

	if (r < 0)
		return r;
	if (!pid || !*pid || pid[strspn(pid, "0123456789")])
		return err_say(e, EINVAL, "LXC_PID, which start-host has, is \"%.32s\"",
			       pid ? pid : "");
	snprintf(netns, sizeof(netns), "/proc/%.32s/ns/net", pid);
	c.netns = netns;

	return container_attach(env, store, &c, &wish, NULL, e);
}

static int prepare(const struct command_env *env, const struct store *store, struct request *rq,
		   struct err *e)
{
	struct container_wish wish;
	int r = attach_options_finish(&rq->options, "bridge", &wish, e);

	for (size_t i = 0; r == 0 && i < wish.networks->n; i++) {
		const struct network *net;

		r = store_find(store, wish.networks->v[i].network, &net, e);
		if (r == 0)
			r = network_prepare(env, net, e);
	}

	return r;
}

static int run(const struct command_env *env, struct request *rq, struct err *e)
{
	AUTO(store_clear) struct store store = { 0 };
	AUTO_FD int lock = -1;
	int r;

	if ((r = cni_valid_id(rq->name, "the container's name", CNI_E_ENV, e)) < 0 ||
	    (r = store_load(env, NULL, &store, e)) < 0)
		return r;
	if (strcmp(rq->type, "pre-start") == 0)
		return prepare(env, &store, rq, e);
	lock = cache_lock(env, rq->name, e);
	if (lock < 0)
		return lock;
	if (strcmp(rq->type, "post-stop") == 0)
		return container_detach_id(env, &store, rq->name, e);
	if (strcmp(rq->type, "start-host") != 0)
		return err_say(e, EINVAL,
			       "hook %.32s: it is for pre-start, start-host and post-stop",
			       rq->type);
	/* An earlier run may have ended without its post-stop. */
	r = container_detach_id(env, &store, rq->name, e);

	return r < 0 ? r : attach(env, &store, rq, e);
}

int command_lxc_hook(const struct command_env *env, int argc, char **argv)
{
	static const struct argp_child children[] = { { .argp = &attach_options_argp }, { 0 } };
	static const struct argp argp = {
		.parser = parse,
		.doc = "Hook of LXC: attaches a container at start-host, detaches it at post-stop, "
		       "and makes the bridges of its networks at pre-start.",
		.children = children,
	};
	AUTO(clear_request)
	struct request rq = {
		.name = getenv("LXC_NAME"),
		.type = getenv("LXC_HOOK_TYPE"),
		.json = env->json,
	};
	struct err e = { 0 };
	int status = command_parse(&argp, argc, argv, &rq, &rq.json);

	if (status != COMMAND_OK)
		return status;

	return run(env, &rq, &e) < 0 ? command_error(&e) : COMMAND_OK;
}
