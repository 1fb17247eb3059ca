/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netd - the daemon of networks that span hosts, and what is done before it runs
 *
 *	netd				run
 *	netd init			make a cluster, of which this node is the first
 *	netd join TOKEN ADDRESS...	ask to be let into one
 *	netd check			say what is wrong with the configuration
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/netd.h"
#include "netd/config.h"
#include "netd/daemon.h"
#include "netd/privileges.h"
#include "netd/store.h"
#include "overlay/token.h"

#define JOIN_TIMEOUT_MS 60000

enum { KEY_ALONE = 0x100, KEY_NAME };

struct arguments {
	const char *file; /* NULL: CONFIG_FILE */
	const char *name; /* of the node; NULL: the configuration's */
	bool alone;
	char **words; /* the subcommand and what follows it */
	int n_words;
};

static const struct argp_option options[] = {
	{ "config", 'c', "FILE", 0, "Configuration (" CONFIG_FILE ")" },
	{ "name", KEY_NAME, "NAME", 0, "init: this node's name, if not the configured" },
	{ "alone", KEY_ALONE, NULL, 0,
	  "Give addresses without having met the nodes known from before: they are gone for good, "
	  "and this disk is no old copy" },
	{ "version", 'V', NULL, 0, "Print the version" },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'c':
		a->file = arg;
		return 0;
	case KEY_ALONE:
		a->alone = true;
		return 0;
	case KEY_NAME:
		a->name = arg;
		return 0;
	case 'V':
		printf("netd %s\n", HEDDLE_VERSION);
		exit(0);
	case ARGP_KEY_ARGS:
		a->words = state->argv + state->next;
		a->n_words = state->argc - state->next;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "\ninit\njoin TOKEN ADDRESS...\ncheck",
	.doc = "Networks that span hosts: heddle's daemon.  Without a command it runs.",
};

/* ---- run ---------------------------------------------------------------------------- */

static int command_run(struct arguments *a, struct config *c, struct err *e)
{
	c->alone = a->alone;
	privileges_follow(c);

	return daemon_run(c, a->file, e);
}

/* It has been read when this is called. */
static int command_check(struct arguments *a, struct config *c, struct err *e)
{
	const char *file = a->file ? a->file : CONFIG_FILE;

	(void)c;
	(void)e;
	if (access(file, F_OK) == 0)
		printf("%s is right\n", file);
	else
		printf("there is no %s: all is as its default\n", file);

	return 0;
}

/* ---- init and join -------------------------------------------------------------------- */

static const char *name_of(const struct arguments *a, const struct config *c)
{
	return a->name ? a->name : c->name;
}

/* Open what a netd that does not run has left.  Return: -EBUSY: it runs. */
static int open_store(struct config *c, struct store **ret_store, struct self *ret, struct err *e)
{
	AUTO(store_closep) struct store *s = NULL;
	int r;

	privileges_follow(c);
	r = daemon_prepare(c, e);
	if (r == 0)
		r = store_open(NULL, c->data_dir, &s, e);
	if (r == 0)
		r = self_load(s, ret, e);
	if (r == 0)
		*ret_store = MOVE_PTR(s);

	return r;
}

/* A netd that runs has the store, so it is asked to do it. */
static int ask(const struct config *c, const char *method, json_t *params, struct err *e)
{
	AUTO(netd_closep) struct netd *netd = NULL;
	AUTO_JSON json_t *owned = params;
	char socket[CONFIG_SOCKET_LEN];
	int r = netd_connect(config_socket(c, socket), &netd, e);

	if (r < 0)
		return r;

	return netd_call(netd, method, owned, JOIN_TIMEOUT_MS, NULL, e);
}

static int command_init(struct arguments *a, struct config *c, struct err *e)
{
	AUTO(store_closep) struct store *s = NULL;
	struct self self = { 0 };
	int r;

	if (a->n_words != 1)
		return err_say(e, EINVAL, "init: \"%s\": it takes no arguments", a->words[1]);
	r = open_store(c, &s, &self, e);
	if (r == -EBUSY) {
		r = ask(c, "cluster.init", json_pack("{s:s}", "name", name_of(a, c)), e);
		if (r == 0)
			puts("this node is the first of a cluster: heddle token create lets others "
			     "in");
		return r;
	}
	if (r == 0)
		r = self_init(s, &self, name_of(a, c), e);
	if (r == 0)
		printf("%s is the first node of a cluster when netd starts\n", self.name);
	self_wipe(&self);

	return r;
}

static int parse_addrs(char **words, int n, struct config_addrs *ret, struct err *e)
{
	if (n > CONFIG_SEEDS_MAX)
		return err_say(e, EINVAL, "join: more than %d addresses", CONFIG_SEEDS_MAX);
	for (int i = 0; i < n; i++) {
		if (config_parse_addr(words[i], &ret->list[i]) < 0)
			return err_say(e, EINVAL,
				       "join: \"%s\" is no address: 10.0.0.3, 10.0.0.3:%d or "
				       "[fd00::3]:%d",
				       words[i], CONFIG_PORT, CONFIG_PORT);
		ret->n++;
	}

	return 0;
}

static json_t *join_params(const char *token, char **addrs, int n)
{
	AUTO_JSON json_t *list = json_array();

	for (int i = 0; i < n; i++)
		if (json_array_append_new(list, json_string(addrs[i])) < 0)
			return NULL;

	return json_pack("{s:s, s:O}", "token", token, "addresses", list);
}

static int command_join(struct arguments *a, struct config *c, struct err *e)
{
	AUTO(store_closep) struct store *s = NULL;
	struct config_addrs addrs = { .n = 0 };
	struct self self = { 0 };
	char text[TOKEN_TEXT_LEN + 1];
	struct token token;
	int r;

	if (a->n_words < 3)
		return err_say(e, EINVAL, "join: it takes a token and addresses of members");
	r = parse_addrs(a->words + 2, a->n_words - 2, &addrs, e);
	if (r < 0)
		return r;
	r = open_store(c, &s, &self, e);
	if (r == -EBUSY) {
		r = ask(c, "cluster.join", join_params(a->words[1], a->words + 2, a->n_words - 2),
			e);
		if (r == 0)
			puts("this node is in the cluster: heddle node ls");
		return r;
	}
	if (r == 0)
		r = token_parse(a->words[1], (uint64_t)time(NULL), &token, e);
	if (r == 0) {
		token_text(&token, text);
		r = self_want_join(s, &self, text, &addrs, e);
	}
	if (r == 0)
		puts("netd joins when it starts");
	self_wipe(&self);

	return r;
}

/* ---- main ----------------------------------------------------------------------------- */

static const struct command {
	const char *name; /* NULL: none is given */
	int (*fn)(struct arguments *a, struct config *c, struct err *e);
} commands[] = {
	{ NULL, command_run },
	{ "init", command_init },
	{ "join", command_join },
	{ "check", command_check },
};

static const struct command *find_command(const struct arguments *a)
{
	if (a->n_words == 0)
		return &commands[0];
	for (size_t i = 1; i < ARRAY_SIZE(commands); i++)
		if (strcmp(a->words[0], commands[i].name) == 0)
			return &commands[i];

	return NULL;
}

static int run(struct arguments *a, struct err *e)
{
	const struct command *command = find_command(a);
	struct config config;
	int r;

	if (!command)
		return err_say(e, EINVAL,
			       "there is no command \"%s\": init, join, check, or none to run",
			       a->words[0]);
	r = config_load(a->file, &config, e);
	if (r < 0)
		return r;
	r = command->fn(a, &config, e);
	config_clear(&config);

	return r;
}

int main(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct err e = { 0 };

	argp_err_exit_status = EXIT_FAILURE;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (run(&a, &e) < 0) {
		fprintf(stderr, "netd: %s\n", e.msg);
		return EXIT_FAILURE;
	}

	return EXIT_SUCCESS;
}
