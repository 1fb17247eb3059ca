/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-create - heddle network create, with the flags of docker network create */
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/network-new.h"
#include "cli/pod-network.h"
#include "lib/boolean.h"
#include "lib/cleanup.h"
#include "lib/err.h"

struct input {
	struct network_new new;
	bool json;
};

/* ---- the command line ---------------------------------------------------- */

enum {
	KEY_ATTACHABLE = 0x100,
	KEY_AUX_ADDRESS,
	KEY_CONFIG_FROM,
	KEY_CONFIG_ONLY,
	KEY_GATEWAY,
	KEY_INGRESS,
	KEY_INTERNAL,
	KEY_IP_RANGE,
	KEY_IPAM_DRIVER,
	KEY_IPAM_OPT,
	KEY_IPV4,
	KEY_IPV6,
	KEY_LABEL,
	KEY_SCOPE,
	KEY_SUBNET,
};

#define BOOL OPTION_ARG_OPTIONAL

static const struct argp_option options[] = {
	{ "driver", 'd', "DRIVER", 0, "bridge (the default) or macvlan" },
	{ "subnet", KEY_SUBNET, "CIDR", 0,
	  "Subnet; 0.0.0.0/LENGTH or ::/LENGTH for any free one of that size (repeatable)" },
	{ "ip-range", KEY_IP_RANGE, "CIDR", 0,
	  "Part of a subnet that containers get addresses from (repeatable)" },
	{ "gateway", KEY_GATEWAY, "IP", 0, "Gateway of a subnet (repeatable)" },
	{ "aux-address", KEY_AUX_ADDRESS, "NAME=IP", 0,
	  "Address that no container gets (repeatable)" },
	{ "ipv4", KEY_IPV4, "BOOL", BOOL, "IPv4 addresses, on unless false" },
	{ "ipv6", KEY_IPV6, "BOOL", BOOL, "IPv6 addresses" },
	{ "internal", KEY_INTERNAL, "BOOL", BOOL, "No way out of the network" },
	{ "attachable", KEY_ATTACHABLE, "BOOL", BOOL,
	  "Containers may attach; any may to a local network" },
	{ "scope", KEY_SCOPE, "SCOPE", 0,
	  "local (the default), or global: a network of this definition is on every node" },
	{ "opt", 'o', "KEY=VALUE", 0, "Option of the driver (repeatable)" },
	{ "label", KEY_LABEL, "KEY=VALUE", 0, "Label (repeatable)" },
	{ "config-only", KEY_CONFIG_ONLY, "BOOL", BOOL, "Only a template for --config-from" },
	{ "config-from", KEY_CONFIG_FROM, "NETWORK", 0, "Template of the configuration" },
	{ "ipam-driver", KEY_IPAM_DRIVER, "DRIVER", 0, "default, which is host-local" },
	{ "ipam-opt", KEY_IPAM_OPT, "KEY=VALUE", 0, "host-local has none" },
	{ "ingress", KEY_INGRESS, "BOOL", BOOL, "Not for a single host" },
	{ 0 },
};

static void parse_bool(const char *arg, bool *ret, const char *name, struct argp_state *state)
{
	int value = arg ? boolean_parse(arg) : 1;

	if (value < 0)
		argp_error(state,
			   "invalid argument \"%s\" for \"--%s\" flag: neither true nor "
			   "false",
			   arg, name);
	*ret = value > 0;
}

/* jansson keeps text as UTF-8, and so does everybody who reads the file. */
static void need_utf8(const char *arg, struct argp_state *state)
{
	AUTO_JSON json_t *text = json_string(arg);

	if (!text)
		argp_error(state, "\"%s\" is not UTF-8", arg);
}

/* "key" alone is a key without a value. */
static error_t parse_pair(char *arg, struct network_pairs *pairs, struct argp_state *state)
{
	char *equals = strchr(arg, '=');

	need_utf8(arg, state);
	if (equals)
		*equals = '\0';

	return network_pairs_set(pairs, arg, equals ? equals + 1 : "", NULL) < 0 ? ENOMEM : 0;
}

static error_t parse_words(const char *arg, struct words *words)
{
	return words_add(words, arg) < 0 ? ENOMEM : 0;
}

static error_t parse_addresses(int key, char *arg, struct argp_state *state)
{
	struct network_new *n = &((struct input *)state->input)->new;

	switch (key) {
	case KEY_SUBNET:
		return parse_words(arg, &n->ipam.subnets);
	case KEY_IP_RANGE:
		return parse_words(arg, &n->ipam.ranges);
	case KEY_GATEWAY:
		return parse_words(arg, &n->ipam.gateways);
	case KEY_AUX_ADDRESS:
		if (!strchr(arg, '='))
			argp_error(state,
				   "invalid argument \"%s\" for \"--aux-address\" flag: "
				   "it must be NAME=IP",
				   arg);
		return parse_pair(arg, &n->ipam.aux, state);
	case KEY_IPAM_DRIVER:
		n->ipam_driver = arg;
		return 0;
	case KEY_IPAM_OPT:
		argp_error(state, "--ipam-opt %s: host-local has no options", arg);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_bools(int key, char *arg, struct argp_state *state)
{
	struct network_new *n = &((struct input *)state->input)->new;

	switch (key) {
	case KEY_IPV4:
		n->ipv4_given = true;
		parse_bool(arg, &n->net.ipv4, "ipv4", state);
		return 0;
	case KEY_IPV6:
		n->ipv6_given = true;
		parse_bool(arg, &n->net.ipv6, "ipv6", state);
		return 0;
	case KEY_INTERNAL:
		parse_bool(arg, &n->net.internal, "internal", state);
		return 0;
	case KEY_ATTACHABLE:
		parse_bool(arg, &n->net.attachable, "attachable", state);
		return 0;
	case KEY_CONFIG_ONLY:
		parse_bool(arg, &n->net.config_only, "config-only", state);
		return 0;
	case KEY_INGRESS:
		parse_bool(arg, &n->ingress, "ingress", state);
		return 0;
	default:
		return parse_addresses(key, arg, state);
	}
}

static error_t set_text(char **to, const char *arg, struct argp_state *state)
{
	need_utf8(arg, state);
	free(*to);
	*to = strdup(arg);

	return *to ? 0 : ENOMEM;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct network_new *n = &((struct input *)state->input)->new;

	switch (key) {
	case 'd':
		n->driver = arg;
		return 0;
	case 'o':
		return parse_pair(arg, &n->net.options, state);
	case KEY_LABEL:
		return parse_pair(arg, &n->net.labels, state);
	case KEY_SCOPE:
		n->scope = arg;
		return 0;
	case KEY_CONFIG_FROM:
		return set_text(&n->net.config_from, arg, state);
	case ARGP_KEY_ARG:
		if (n->net.name)
			argp_error(state, "a single NETWORK is needed, and \"%s\" is a second one",
				   arg);
		return set_text(&n->net.name, arg, state);
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "the NETWORK's name is missing");
		return EINVAL;
	default:
		return parse_bools(key, arg, state);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "NETWORK",
	.doc = "Create a network, and print its ID.",
};

/* The file of a network that netd makes, which is not at hand here, has the same name. */
static void warn_of_pods(const struct command_env *env, const struct network *net)
{
	AUTO_FREE char *first = NULL;
	const char *socket = pod_network_socket();
	char file[NAME_MAX + 1];

	snprintf(file, sizeof(file), "zz-heddle-%s.conflist", net->name);
	if (!socket || net->config_only || pod_network_first(env, &first, NULL) < 0 || !first ||
	    strcmp(first, file) != 0)
		return;
	command_warn("%s sorts first in %s: if the runtime at %s reads its network from there, "
		     "pods are put on %s until a file that sorts before it is there",
		     first, env->conf_dir, socket, net->name);
}

int command_network_create(const struct command_env *env, int argc, char **argv)
{
	struct input in = { .new.net.ipv4 = true, .json = env->json };
	struct err e;
	int r = command_parse(&argp, argc, argv, &in, &in.json);

	if (r == COMMAND_OK && network_new_add(env, &in.new, &e) < 0)
		r = command_error(&e);
	if (r == COMMAND_OK) {
		warn_of_pods(env, &in.new.net);
		printf(in.json ? "{\"Id\":\"%s\"}\n" : "%s\n", in.new.net.id);
	}
	network_new_clear(&in.new);

	return r;
}
