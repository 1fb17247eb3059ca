/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * docker-join - the line by which this host's dockerd joins a network of the cluster
 *
 * dockerds know nothing of each other, so each is told of a network with the subnets
 * that it has in the cluster (netd/docker-shared.h).
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "lib/cleanup.h"
#include "lib/err.h"

#define WORDS_MAX  32
#define OPTION_MAX 160 /* "network=" and a network's name */

enum { KEY_RUN = 0x100 };

struct input {
	bool json, run;
	const char *network;
};

static const struct argp_option options[] = {
	{ "run", KEY_RUN, NULL, 0, "Run it instead of printing it" },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct input *in = state->input;

	switch (key) {
	case KEY_RUN:
		in->run = true;
		return 0;
	case ARGP_KEY_ARG:
		if (in->network)
			return ARGP_ERR_UNKNOWN;
		in->network = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which network?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- the line ------------------------------------------------------------ */

struct line {
	const char *words[WORDS_MAX]; /* ended by NULL, borrowed */
	size_t n;
};

static void add(struct line *l, const char *word)
{
	if (l->n + 1 < WORDS_MAX)
		l->words[l->n++] = word;
}

static void add_subnets(struct line *l, const json_t *subnets)
{
	const json_t *subnet;
	size_t i;

	json_array_foreach(subnets, i, subnet) {
		const char *net = json_string_value(json_object_get(subnet, "subnet"));

		if (!net)
			continue;
		if (strchr(net, ':'))
			add(l, "--ipv6");
		add(l, "--subnet");
		add(l, net);
	}
}

/* @option has to live as long as @l, and so has @doc. */
static void make_line(const json_t *doc, const char *option, const char *name, struct line *l)
{
	static const char *const begin[] = { "docker", "network",	"create", "-d",
					     "heddle", "--ipam-driver", "heddle" };

	for (size_t i = 0; i < ARRAY_SIZE(begin); i++)
		add(l, begin[i]);
	add(l, "--ipam-opt");
	add(l, option);
	add(l, "-o");
	add(l, option);
	if (json_is_true(json_object_get(doc, "internal")))
		add(l, "--internal");
	add_subnets(l, json_object_get(doc, "subnets"));
	add(l, name);
}

/* ---- the command --------------------------------------------------------- */

static int print_line(const struct line *l, bool as_json, struct err *e)
{
	AUTO_JSON json_t *list = NULL;

	if (!as_json) {
		for (size_t i = 0; i < l->n; i++)
			printf("%s%c", l->words[i], i + 1 < l->n ? ' ' : '\n');
		return 0;
	}
	list = json_array();
	for (size_t i = 0; list && i < l->n; i++)
		(void)json_array_append_new(list, json_string(l->words[i]));

	return list ? ask_print(list, e) : err_sys(e, ENOMEM, "print the line");
}

static int run_line(const struct line *l, struct err *e)
{
	fflush(stdout);
	execvp(l->words[0], (char *const *)l->words);

	return err_sys(e, errno, "run %s", l->words[0]);
}

static int docker_join(const struct command_env *env, const struct input *in, struct err *e)
{
	AUTO_JSON json_t *doc = NULL;
	char option[OPTION_MAX];
	struct line line = { .n = 0 };
	const char *name, *scope;
	int r = ask_netd(env, "network.inspect", json_pack("{s:s}", "name", in->network), ASK_MS,
			 &doc, e);

	if (r < 0)
		return r;
	name = json_string_value(json_object_get(doc, "name"));
	scope = json_string_value(json_object_get(doc, "scope"));
	if (!name || !scope)
		return err_say(e, EPROTO, "netd's answer has no name and scope");
	if (strcmp(scope, "swarm") != 0)
		return err_say(e, EINVAL,
			       "network %s has scope %s, which spans no hosts: create it in Docker "
			       "with docker network create -d heddle --ipam-driver heddle",
			       name, scope);
	snprintf(option, sizeof(option), "network=%s", name);
	make_line(doc, option, name, &line);

	return in->run ? run_line(&line, e) : print_line(&line, in->json, e);
}

int command_docker_join(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NETWORK",
		.doc = "Print the line by which this host's Docker joins a network of the cluster, "
		       "or run it.  netd serves Docker as the driver heddle.",
	};
	struct input in = { .json = env->json };
	struct err e;
	int status = command_parse(&argp, argc, argv, &in, &in.json);

	if (status != COMMAND_OK)
		return status;

	return docker_join(env, &in, &e) < 0 ? command_error(&e) : COMMAND_OK;
}
