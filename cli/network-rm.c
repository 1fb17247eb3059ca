/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-rm - heddle network rm */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/docker-networks.h"
#include "cli/network-remove.h"
#include "cli/shared-network.h"
#include "lib/cleanup.h"
#include "lib/err.h"

struct input {
	bool force, json;
	char **names; /* n of them, in room for all of argv */
	size_t n;
};

static const struct argp_option options[] = {
	{ "force", 'f', NULL, 0, "A network that is not there is no error" },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct input *in = state->input;

	switch (key) {
	case 'f':
		in->force = true;
		return 0;
	case ARGP_KEY_ARG:
		in->names[in->n++] = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "no NETWORK is named");
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "NETWORK...",
	.doc = "Remove networks, and print their names.  Networks of other engines are removed "
	       "too.",
};

/* What Docker has lost.  Return: 1; -ENOENT, and @e is as it was; another negative errno. */
static int remove_lost(const struct network_remover *m, const struct input *in, const char *name,
		       struct err *e)
{
	struct err why;
	int r = docker_networks_remove(m->env, name, in->force, &why);

	if (r < 0 && r != -ENOENT)
		*e = why;

	return r < 0 ? r : 1;
}

/* Return: 1 if it was removed, 0 if it was not there; a negative errno. */
static int remove_one(const struct network_remover *m, const struct input *in, const char *name,
		      struct err *e)
{
	const struct network *net;
	int r = store_find(&m->store, name, &net, e), lost;

	/* The cluster has one that this host has no file of: its name is another's. */
	if (r == -ENOENT && shared_network_is_id(name)) {
		r = shared_network_remove_id(m->env, name, e);
		return r < 0 ? r : 1;
	}
	if (r == -ENOENT && (lost = remove_lost(m, in, name, e)) != -ENOENT)
		return lost;
	if (r == -ENOENT && in->force)
		return 0;
	if (r < 0 || (r = network_remover_remove(m, net, e)) < 0)
		return r;

	return 1;
}

/* Goes on past failures, as Docker does. */
static int remove_all(const struct network_remover *m, const struct input *in, json_t *removed)
{
	int status = COMMAND_OK;
	struct err e;

	for (size_t i = 0; i < in->n; i++) {
		int r = remove_one(m, in, in->names[i], &e);

		if (r < 0)
			status = command_error(&e);
		else if (r > 0 && in->json)
			(void)json_array_append_new(removed, json_string(in->names[i]));
		else if (r > 0)
			puts(in->names[i]);
	}

	return status;
}

int command_network_rm(const struct command_env *env, int argc, char **argv)
{
	AUTO(network_remover_close) struct network_remover m = NETWORK_REMOVER_CLOSED;
	AUTO_FREE char **names = calloc((size_t)argc, sizeof(*names));
	struct input in = { .json = env->json, .names = names };
	AUTO_JSON json_t *removed = json_array();
	struct err e;
	int r;

	if (!names || !removed) {
		(void)err_sys(&e, ENOMEM, "remove networks");
		return command_error(&e);
	}
	r = command_parse(&argp, argc, argv, &in, &in.json);
	if (r != COMMAND_OK)
		return r;
	if (network_remover_open(&m, env, &e) < 0)
		return command_error(&e);
	r = remove_all(&m, &in, removed);
	if (in.json) {
		json_dumpf(removed, stdout, JSON_COMPACT);
		putchar('\n');
	}

	return r;
}
