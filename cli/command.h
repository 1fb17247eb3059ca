/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * command - what the sub-commands of heddle share
 *
 *	heddle [GLOBAL OPTIONS] COMMAND [SUBCOMMAND] [OPTIONS] [ARGUMENTS]
 *
 * main.c has the table of commands and reads the global options; each command
 * is a function of a file of its own, cli/network-create.c for `heddle network
 * create`.  Commands print results on stdout and nothing else there; errors and
 * warnings go to stderr through command_error() and command_warn().
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>

struct argp;
struct err;

/* Exit codes: Docker's. */
enum command_exit {
	COMMAND_OK = 0,
	COMMAND_FAILED = 1,  /* said why on stderr */
	COMMAND_USAGE = 125, /* the command line itself is wrong */
};

/* Where things are if nobody says otherwise. */
#define COMMAND_CONF_DIR  "/etc/cni/net.d"
#define COMMAND_STATE_DIR "/var/lib/heddle"
#define COMMAND_CACHE_DIR "/var/lib/cni"
#define COMMAND_PLUGIN_PATH                                                                        \
	"/usr/local/libexec/cni:/usr/libexec/cni:/usr/local/lib/cni:/usr/lib/cni:/opt/cni/bin"

/* Where things are, and how to print them.  All strings are set and borrowed. */
struct command_env {
	const char *conf_dir;	 /* networks: --cni-conf-dir */
	const char *state_dir;	 /* ours: --state-dir */
	const char *cache_dir;	 /* libcni's, of which results/ is read and written */
	const char *plugin_path; /* directories with ':' between: --cni-plugin-path, CNI_PATH, or
				    the engines' */
	const char *netd_socket; /* --netd-socket, HEDDLE_NETD_SOCKET, or netd's own */
	bool json;		 /* --json */
};

struct command {
	const char *name;    /* one word, NULL ends a table */
	const char *args;    /* for usage: "[OPTIONS] NETWORK" */
	const char *summary; /* one line for the list of commands */
	/* @argv[0] is the command's full name, "heddle network create"; returns enum command_exit
	 */
	int (*run)(const struct command_env *env, int argc, char **argv);
	const struct command *sub; /* a table of sub-commands instead of run, or NULL */
	const char *alias;	   /* another name, as Docker has "list" for "ls"; NULL: none */
};

/**
 * command_parse() - read a command's options and arguments
 * @argp:	its options, parser, args_doc and doc
 * @argc:	as run() has got them, like @argv
 * @input:	what @argp's parser finds in state->input
 * @json:	becomes true with --json, which every command takes; start with env->json
 *
 * Adds --json, --help and -h to @argp's options.  The parser rejects a value with
 * argp_error(), which ends the process with COMMAND_USAGE, as an unknown option does,
 * and an argument that the parser does not take.
 *
 * Return: COMMAND_OK; COMMAND_FAILED if the parser returned an errno, which was
 * then said on stderr.
 */
int command_parse(const struct argp *argp, int argc, char **argv, void *input, bool *json);

/* "heddle: MESSAGE" and its details on stderr.  Return: COMMAND_FAILED. */
int command_error(const struct err *e);
/* The same for a text of the command line's own.  Return: COMMAND_USAGE. */
int command_usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* "heddle: warning: TEXT" on stderr. */
void command_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same for a text as it is: what store_load() asks for. */
void command_warn_text(const char *text);

#endif
