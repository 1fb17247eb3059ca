/* SPDX-License-Identifier: GPL-2.0-or-later */
/* heddle - the tables of commands, and the options before them; see command.h */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/nearest.h"
#include "lib/netd.h"

#define NAME_SIZE 64 /* of "heddle network disconnect" and the like */

/* Names are Docker's where Docker has the command; in the order of the lists that people see. */
static const struct command network_commands[] = {
	{ "create", "[OPTIONS] NETWORK", "Create a network", command_network_create },
	{ "ls", "[OPTIONS]", "List networks", command_network_ls, .alias = "list" },
	{ "inspect", "[OPTIONS] NETWORK...", "Show everything of networks",
	  command_network_inspect },
	{ "rm", "[OPTIONS] NETWORK...", "Remove networks", command_network_rm, .alias = "remove" },
	{ "prune", "[OPTIONS]", "Remove networks that nothing is attached to",
	  command_network_prune },
	{ "connect", "[OPTIONS] NETWORK CONTAINER", "Connect a container to a network",
	  command_network_connect },
	{ "disconnect", "[-f] NETWORK CONTAINER", "Disconnect a container from a network",
	  command_network_disconnect },
	{ NULL },
};

static const struct command node_commands[] = {
	{ "ls", "[OPTIONS]", "List the nodes of the cluster", command_node_ls, .alias = "list" },
	{ "inspect", "NODE", "Show a node and the addresses it owns", command_node_inspect },
	{ "drain", "[--off]", "Take no new containers on this node", command_node_drain },
	{ "forget", "[OPTIONS] NODE", "Take a node that is gone out of the cluster",
	  command_node_forget },
	{ NULL },
};

static const struct command token_commands[] = {
	{ "create", "[OPTIONS]", "Print a token that lets a node in", command_token_create },
	{ "ls", "[OPTIONS]", "List tokens that were made here, or revoked", command_token_ls },
	{ "revoke", "TOKEN|ID", "Let nobody in by a token any more", command_token_revoke },
	{ NULL },
};

static const struct command key_commands[] = {
	{ "rotate", "add|use|remove", "Change the key between the nodes, step by step",
	  command_key_rotate },
	{ "seal", "NODE", "Print the cluster's key for a node that is to admit, too",
	  command_key_seal },
	{ "open", "SEALED", "Admit nodes from now on, by a key that was sealed for this one",
	  command_key_open },
	{ NULL },
};

static const struct command netd_commands[] = {
	{ "status", "", "Show what netd says of itself", command_netd_status },
	{ "leave", "[-f]", "Leave the cluster", command_netd_leave },
	{ NULL },
};

static const struct command commands[] = {
	{ "network", "COMMAND", "Manage networks", .sub = network_commands },
	{ "node", "COMMAND", "Manage the nodes of a cluster", .sub = node_commands },
	{ "token", "COMMAND", "Manage what nodes join with", .sub = token_commands },
	{ "key", "COMMAND", "Manage the keys of the cluster", .sub = key_commands },
	{ "netd", "COMMAND", "Ask the daemon of the cluster", .sub = netd_commands },
	{ "attach", "[OPTIONS] TARGET", "Attach a network namespace to networks", command_attach },
	{ "detach", "[OPTIONS] TARGET", "Detach a container from networks", command_detach },
	{ "check", "TARGET", "Compare attachments with what they were made as", command_check },
	{ "ps", "[OPTIONS]", "List what is attached to which network", command_ps },
	{ "oci-hook", "[OPTIONS]", "Networks for bare runc and crun containers", command_oci_hook },
	{ "lxc-hook", "[OPTIONS]", "Networks for LXC containers", command_lxc_hook },
	{ "lxc-config", "[OPTIONS] NETWORK", "Print lxc.net lines with a reserved address",
	  command_lxc_config },
	{ "docker-join", "[--run] NETWORK", "Let Docker join a network of the cluster",
	  command_docker_join },
	{ "gc", "[--dry-run]", "Remove what no live attachment owns", command_gc },
	{ "doctor", "", "Look for what keeps containers from their network", command_doctor },
	{ "graph", "[OPTIONS]", "Draw the networks of this host", command_graph },
	{ "install", "--engine ENGINE", "Show or make the settings that an engine needs",
	  command_install },
	{ NULL },
};

enum {
	KEY_CONF_DIR = 0x100,
	KEY_PLUGIN_PATH,
	KEY_STATE_DIR,
	KEY_CACHE_DIR,
	KEY_NETD_SOCKET,
	KEY_JSON
};

static const struct argp_option options[] = {
	{ "cni-conf-dir", KEY_CONF_DIR, "DIR", 0, "Networks (NETCONFPATH, " COMMAND_CONF_DIR ")" },
	{ "cni-plugin-path", KEY_PLUGIN_PATH, "DIR:DIR", 0,
	  "Plugins (CNI_PATH, the engines' directories)" },
	{ "state-dir", KEY_STATE_DIR, "DIR", 0, "What heddle keeps (" COMMAND_STATE_DIR ")" },
	{ "cache-dir", KEY_CACHE_DIR, "DIR", 0,
	  "libcni's cache, with its results/ (" COMMAND_CACHE_DIR ")" },
	{ "netd-socket", KEY_NETD_SOCKET, "PATH", 0,
	  "Where netd answers (HEDDLE_NETD_SOCKET, /run/heddle/netd.sock)" },
	{ "json", KEY_JSON, NULL, 0, "Print JSON" },
	{ "version", 'V', NULL, 0, "Print the version" },
	{ "help", 'h', NULL, 0, "Print this text, or that of a COMMAND" },
	{ "usage", 0, NULL, OPTION_ALIAS | OPTION_HIDDEN },
	{ 0 },
};

struct globals {
	struct command_env env;
	bool help, version;
	int next; /* where the command is in argv */
};

static error_t parse_global(int key, char *arg, struct argp_state *state)
{
	struct globals *g = state->input;

	switch (key) {
	case KEY_CONF_DIR:
		g->env.conf_dir = arg;
		return 0;
	case KEY_PLUGIN_PATH:
		g->env.plugin_path = arg;
		return 0;
	case KEY_STATE_DIR:
		g->env.state_dir = arg;
		return 0;
	case KEY_CACHE_DIR:
		g->env.cache_dir = arg;
		return 0;
	case KEY_NETD_SOCKET:
		g->env.netd_socket = arg;
		return 0;
	case KEY_JSON:
		g->env.json = true;
		return 0;
	case 'V':
		g->version = true;
		return 0;
	case 'h':
		g->help = true;
		return 0;
	case ARGP_KEY_ARG: /* the command; what follows is its own */
		g->next = state->next - 1;
		state->next = state->argc;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = { .options = options, .parser = parse_global };

static const char *env_or(const char *name, const char *fallback)
{
	const char *value = getenv(name);

	return value && value[0] != '\0' ? value : fallback;
}

static void print_commands(const char *name, const char *arguments, const struct command *table)
{
	printf("Usage: %s %s\n\nCommands:\n", name, arguments);
	for (const struct command *c = table; c->name; c++)
		printf("  %-22s %s\n", c->name, c->summary);
	printf("\n%s COMMAND --help says more of one.\n", name);
}

static void print_help(char **argv)
{
	static const char *const about =
		"Container networks as Docker's users know them, for any container.";

	puts(about);
	putchar('\n');
	print_commands("heddle", "[OPTIONS] COMMAND", commands);
	puts("\nOptions:");
	argp_help(&argp, stdout, ARGP_HELP_LONG, argv[0]);
}

static const struct command *find(const struct command *table, const char *word)
{
	for (const struct command *c = table; c->name; c++)
		if (strcmp(c->name, word) == 0 || (c->alias && strcmp(c->alias, word) == 0))
			return c;

	return NULL;
}

static int unknown(const char *name, const struct command *table, const char *word)
{
	for (const struct command *c = table; c->name; c++)
		if (nearest_is_slip(word, c->name))
			return command_usage_error("%s has no command '%s': did you mean '%s'?",
						   name, word, c->name);

	return command_usage_error("%s has no command '%s': see '%s --help'", name, word, name);
}

static bool asks_for_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/*
 * @argv[0] is the command's word.  A command gets its full name in its place,
 * which is what its usage and its errors begin with.
 */
static int dispatch(const struct command_env *env, const struct command *table, const char *path,
		    int argc, char **argv)
{
	const struct command *c = find(table, argv[0]);
	char name[NAME_SIZE];

	if (!c)
		return unknown(path, table, argv[0]);

	snprintf(name, sizeof(name), "%s %s", path, c->name);
	if (!c->sub) {
		argv[0] = name;
		return c->run(env, argc, argv);
	}
	if (argc == 1 || asks_for_help(argv[1])) {
		print_commands(name, c->args, c->sub);
		return COMMAND_OK;
	}

	return dispatch(env, c->sub, name, argc - 1, argv + 1);
}

/* Output that was lost is a failure: a full disk, a closed pipe. */
static int flush(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;

	perror("heddle: stdout");
	return status != COMMAND_OK ? status : COMMAND_FAILED;
}

int main(int argc, char **argv)
{
	struct globals g = {
		.env = {
			.conf_dir = env_or("NETCONFPATH", COMMAND_CONF_DIR),
			.state_dir = COMMAND_STATE_DIR,
			.cache_dir = COMMAND_CACHE_DIR,
			.plugin_path = env_or("CNI_PATH", COMMAND_PLUGIN_PATH),
			.netd_socket = env_or("HEDDLE_NETD_SOCKET", NETD_SOCKET),
		},
		.next = argc,
	};

	argp_err_exit_status = COMMAND_USAGE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER | ARGP_NO_HELP, NULL, &g);
	if (g.version) {
		puts("heddle " HEDDLE_VERSION);
		return flush(COMMAND_OK);
	}
	if (g.help || g.next == argc) {
		print_help(argv);
		return flush(COMMAND_OK);
	}

	return flush(dispatch(&g.env, commands, "heddle", argc - g.next, argv + g.next));
}
