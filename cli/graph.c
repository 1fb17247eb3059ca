/* SPDX-License-Identifier: GPL-2.0-or-later */
/* graph - a picture of networks, bridges, containers, addresses and ports */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/graph-dot.h"
#include "cli/network-view.h"
#include "cli/store.h"
#include "cli/usage.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file.h"

enum { KEY_SVG = 0x100 };

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0,
	  "Write to FILE: a picture by graphviz, of the type that its name ends in (svg, png, "
	  "pdf), or DOT (dot, gv)" },
	{ "svg", KEY_SVG, "FILE", 0, "Write an SVG picture to FILE, whatever its name" },
	{ 0 },
};

struct request {
	const char *file; /* NULL: DOT on stdout */
	const char *type; /* of the picture, NULL: DOT */
	bool json;
};

/* What graphviz calls the type of a file.  Return: NULL for DOT, "" if it is not known. */
static const char *type_of(const char *file)
{
	static const char *const types[] = { "svg", "png", "pdf" };
	const char *dot = strrchr(file, '.');

	for (size_t i = 0; dot && i < ARRAY_SIZE(types); i++)
		if (strcmp(dot + 1, types[i]) == 0)
			return types[i];

	return dot && (strcmp(dot, ".dot") == 0 || strcmp(dot, ".gv") == 0) ? NULL : "";
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *rq = state->input;

	switch (key) {
	case 'o':
		rq->file = arg;
		rq->type = type_of(arg);
		if (rq->type && !*rq->type)
			argp_error(state,
				   "%s: its name should end in .svg, .png, .pdf, .dot or .gv", arg);
		return 0;
	case KEY_SVG:
		rq->file = arg;
		rq->type = "svg";
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- graphviz ------------------------------------------------------------ */

/* The text as a file that nobody else sees.  Return: a descriptor, or a negative errno. */
static int as_file(const char *text, size_t len)
{
	AUTO_FD int fd = memfd_create("graph.dot", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = file_write(fd, text, len);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;

	return r < 0 ? r : MOVE_FD(fd);
}

/* Return: 0, or the errno of starting it. */
static int spawn(char *const argv[], int input, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	int r;

	posix_spawn_file_actions_init(&actions);
	r = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	if (r == 0)
		r = posix_spawnp(ret, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);

	return r;
}

static int start_dot(int input, const struct request *rq, pid_t *ret)
{
	AUTO_FREE char *type = NULL, *output = NULL;
	char program[] = "dot";

	if (asprintf(&type, "-T%s", rq->type) < 0) {
		type = NULL;
		return ENOMEM;
	}
	if (asprintf(&output, "-o%s", rq->file) < 0) {
		output = NULL;
		return ENOMEM;
	}

	return spawn((char *const[]){ program, type, output, NULL }, input, ret);
}

static int draw(const char *text, size_t len, const struct request *rq, struct err *e)
{
	AUTO_FD int input = as_file(text, len);
	pid_t pid;
	int r, status;

	if (input < 0)
		return err_sys(e, -input, "draw %s", rq->file);
	r = start_dot(input, rq, &pid);
	if (r == ENOENT)
		return err_say(
			e, ENOENT,
			"there is no program dot to draw %s with: install graphviz, or keep the "
			"text that `heddle graph` prints",
			rq->file);
	if (r > 0)
		return err_sys(e, r, "run dot");
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, errno, "wait for dot");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_say(e, EIO, "dot could not draw %s", rq->file);

	return 0;
}

/* ---- output -------------------------------------------------------------- */

static int write_file(const char *text, size_t len, const char *file, struct err *e)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : file_write(fd, text, len);

	if (fd >= 0 && close(fd) < 0 && r == 0)
		r = -errno;

	return r < 0 ? err_sys(e, -r, "write %s", file) : 0;
}

static int show(const struct store *s, const struct usage *usage, const struct request *rq,
		struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int r;

	if (!out)
		return err_sys(e, errno, "make a picture");
	r = graph_dot(s, usage, out);
	if (fclose(out) != 0 || r < 0)
		return err_sys(e, ENOMEM, "make a picture");
	if (rq->type)
		return draw(text, len, rq, e);
	if (rq->file)
		return write_file(text, len, rq->file, e);
	fputs(text, stdout);

	return 0;
}

/* What the picture is made of, as `network inspect` has it. */
static int show_json(const struct store *s, const struct usage *usage, struct err *e)
{
	AUTO_JSON json_t *docs = json_array();
	AUTO_JSON json_t *visible = NULL;

	for (size_t i = 0; i < s->n; i++)
		if (json_array_append_new(docs, network_view_inspect(&s->networks[i], usage, NULL,
								     0, true)) < 0)
			return err_sys(e, ENOMEM, "print networks");
	visible = format_visible(docs);
	if (!visible || json_dumpf(visible, stdout, JSON_INDENT(4)) < 0)
		return err_sys(e, ENOMEM, "print networks");
	putchar('\n');

	return 0;
}

static int run(const struct command_env *env, const struct request *rq, struct err *e)
{
	AUTO(store_clear) struct store s = { 0 };
	AUTO(usage_clear) struct usage usage = { 0 };
	int r;

	if ((r = store_load(env, NULL, &s, e)) < 0 ||
	    (r = usage_load(env, &s, NULL, &usage, e)) < 0)
		return r;

	return rq->json ? show_json(&s, &usage, e) : show(&s, &usage, rq, e);
}

int command_graph(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Draw the networks of this host: bridges, containers, addresses, published "
		       "ports.  Prints DOT, the language of graphviz.",
	};
	struct request rq = { .json = env->json };
	struct err e;
	int status = command_parse(&argp, argc, argv, &rq, &rq.json);

	if (status != COMMAND_OK)
		return status;

	return run(env, &rq, &e) < 0 ? command_error(&e) : COMMAND_OK;
}
