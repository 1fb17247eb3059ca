/* SPDX-License-Identifier: GPL-2.0-or-later */
/* install - heddle install: the settings that make an engine use our binaries */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/install-engines.h"
#include "cli/install-plan.h"
#include "cli/install-toml.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/stamp.h"

enum { KEY_ENGINE = 0x100, KEY_WRITE, KEY_UNDO, KEY_ROOT, KEY_SOCKET };

static const struct argp_option options[] = {
	{ "engine", KEY_ENGINE, "ENGINE", 0, "podman, containerd, docker, crio or lxc" },
	{ "write", KEY_WRITE, NULL, 0, "Make the settings" },
	{ "undo", KEY_UNDO, NULL, 0, "Take back what --write has made" },
	{ "root", KEY_ROOT, "DIR", 0, "The system below DIR, whose /etc is DIR/etc" },
	{ "socket", KEY_SOCKET, "PATH", 0, "Of netd, for Docker (" INSTALL_DOCKER_SOCKET ")" },
	{ 0 },
};

struct request {
	struct install_options o;
	const struct install_engine *engine;
	bool write, json;
};

static const struct install_engine *find_engine(const char *name)
{
	const struct install_engine *engine = install_engines;

	while (engine->name && strcmp(engine->name, name) != 0)
		engine++;

	return engine->name ? engine : NULL;
}

/* A path goes into files of several syntaxes, where none of these needs quoting. */
static bool is_plain_path(const char *path)
{
	return path[0] == '/' &&
	       !path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				  "/._+@:-")];
}

static void parse_engine(struct request *rq, const char *arg, struct argp_state *state)
{
	rq->engine = find_engine(arg);
	if (!rq->engine)
		argp_error(state, "engine: '%s' is not podman, containerd, docker, crio or lxc",
			   arg);
}

static void parse_end(const struct request *rq, struct argp_state *state)
{
	if (!rq->engine)
		argp_error(state, "--engine is needed");
	if (rq->write && rq->o.undo)
		argp_error(state, "--write and --undo: one of them");
	if (!is_plain_path(rq->o.socket))
		argp_error(state, "socket: '%s' is not an absolute path of plain characters",
			   rq->o.socket);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *rq = state->input;

	switch (key) {
	case KEY_ENGINE:
		parse_engine(rq, arg, state);
		return 0;
	case KEY_WRITE:
		rq->write = true;
		return 0;
	case KEY_UNDO:
		rq->o.undo = true;
		return 0;
	case KEY_ROOT:
		rq->o.root = strcmp(arg, "/") == 0 ? "" : arg;
		return 0;
	case KEY_SOCKET:
		rq->o.socket = arg;
		return 0;
	case ARGP_KEY_END:
		parse_end(rq, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- where we are ---------------------------------------------------------------- */

static bool has_ours(const char *root, const char *dir)
{
	AUTO_FREE char *path = NULL;
	AUTO_FD int fd = -1;

	if (asprintf(&path, "%s%s/bridge", root, dir) < 0) {
		path = NULL;
		return false;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && stamp_is_heddle(fd);
}

/* The first directory of the path that has our plugins. */
static int find_plugins(const struct command_env *env, struct install_options *o, struct err *e)
{
	const char *dir = env->plugin_path;

	while (*dir) {
		const size_t len = strcspn(dir, ":");

		snprintf(o->plugin_dir, sizeof(o->plugin_dir), "%.*s", (int)len, dir);
		if (len > 0 && has_ours(o->root, o->plugin_dir))
			return 0;
		dir += len + (dir[len] == ':');
	}

	return err_say(e, ENOENT,
		       "no directory of %s has heddle's plugins: make install, or name the "
		       "directory with --cni-plugin-path",
		       env->plugin_path);
}

static int find_program(struct install_options *o, struct err *e)
{
	const ssize_t len = readlink("/proc/self/exe", o->program, sizeof(o->program) - 1);

	if (len < 0)
		return err_sys(e, errno, "find out where heddle is");
	o->program[len] = '\0';

	return 0;
}

static int check_paths(const struct command_env *env, const struct install_options *o,
		       struct err *e)
{
	const char *const paths[] = { env->conf_dir, env->state_dir,   env->cache_dir,
				      o->plugin_dir, env->plugin_path, o->program };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		if (!is_plain_path(paths[i]))
			return err_say(
				e, EINVAL,
				"%s goes into an engine's settings: it must be absolute, and "
				"of letters, digits and /._+@:- alone",
				paths[i]);
	}

	return 0;
}

/* What the settings name. */
static int look_around(const struct command_env *env, struct install_options *o, struct err *e)
{
	int r = find_plugins(env, o, e);

	if (r == 0)
		r = find_program(o, e);

	return r < 0 ? r : check_paths(env, o, e);
}

/* ---- output ----------------------------------------------------------------------- */

static void print_lines(const struct install_file *f)
{
	const char *line = f->wanted;

	while (*line) {
		const size_t len = strcspn(line, "\n");

		if (!f->shared || install_toml_is_ours(line, len))
			printf("\t%.*s\n", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

static const char *explain(enum install_state state)
{
	static const char *const texts[] = {
		[INSTALL_THERE] = "is as it should be:",
		[INSTALL_MISSING] = "should have:",
		[INSTALL_OLDER] = "is of an earlier heddle install, and should have:",
		[INSTALL_FOREIGN] = "is somebody else's, who should put into it:",
	};

	return texts[state];
}

static void print_notes(const struct install_plan *p)
{
	for (size_t i = 0; i < p->n_notes; i++)
		printf("%s\n", p->notes[i]);
}

static void show(const struct install_plan *p, const char *engine)
{
	bool all = true;

	for (size_t i = 0; i < p->n; i++) {
		printf("%s %s\n", p->files[i].path, explain(p->files[i].state));
		print_lines(&p->files[i]);
		all = all && p->files[i].state == INSTALL_THERE;
	}
	print_notes(p);
	if (!all)
		printf("heddle install --engine %s --write makes it so\n", engine);
}

static json_t *as_json(const struct install_plan *p, bool undo)
{
	json_t *files = json_array(), *notes = json_array();

	for (size_t i = 0; i < p->n; i++) {
		const struct install_file *f = &p->files[i];

		json_array_append_new(files, json_pack("{s:s, s:s, s:s?}", "path", f->path, "state",
						       install_state_str(f->state), "content",
						       undo ? f->undone : f->wanted));
	}
	for (size_t i = 0; i < p->n_notes; i++)
		json_array_append_new(notes, json_string(p->notes[i]));

	return json_pack("{s:o, s:o}", "files", files, "notes", notes);
}

static int print(const struct request *rq, const struct install_plan *p, struct err *e)
{
	AUTO_JSON json_t *doc = NULL;

	if (!rq->json) {
		show(p, rq->engine->name);
		return 0;
	}
	doc = as_json(p, rq->o.undo);
	if (!doc)
		return err_sys(e, ENOMEM, "print the settings");
	json_dumpf(doc, stdout, JSON_INDENT(2));
	putchar('\n');

	return 0;
}

/* ---- the command -------------------------------------------------------------------- */

static void say(const struct install_file *f, bool changed, bool undo)
{
	printf("%s: %s\n", f->path, !changed ? "as it should be" : undo ? "undone" : "written");
}

static int apply(const struct request *rq, struct install_plan *p, struct err *e)
{
	bool any = p->n == 0;

	for (size_t i = 0; i < p->n; i++) {
		struct install_file *f = &p->files[i];
		bool changed;
		int r = install_plan_apply(f, rq->o.undo, &changed, e);

		if (r < 0)
			return r;
		f->state = rq->o.undo ? INSTALL_MISSING : INSTALL_THERE;
		any = any || changed;
		if (!rq->json)
			say(f, changed, rq->o.undo);
	}
	if (rq->json)
		return print(rq, p, e);
	if (any)
		print_notes(p);

	return 0;
}

static int run(const struct command_env *env, struct request *rq, struct err *e)
{
	AUTO(install_plan_clear) struct install_plan plan = { 0 };
	int r;

	r = rq->o.undo ? 0 : look_around(env, &rq->o, e);
	if (r == 0)
		r = rq->engine->plan(env, &rq->o, &plan, e);
	if (r < 0)
		return r;

	return rq->write || rq->o.undo ? apply(rq, &plan, e) : print(rq, &plan, e);
}

int command_install(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Show the settings that an engine needs to use heddle; with --write, make "
		       "them, and with --undo, take them back.",
	};
	struct request rq = {
		.o = { .root = "", .socket = INSTALL_DOCKER_SOCKET },
		.json = env->json,
	};
	struct err e = { 0 };
	int status = command_parse(&argp, argc, argv, &rq, &rq.json);

	if (status != COMMAND_OK)
		return status;

	return run(env, &rq, &e) < 0 ? command_error(&e) : COMMAND_OK;
}
