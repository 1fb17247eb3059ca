/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * oci-hook - heddle oci-hook: networks for a bare runc or crun container
 *
 * One program for both ends of a container's life: createRuntime attaches, by
 * annotations; poststop detaches.  Which of them it is, the state on stdin says.
 *
 * The namespace is not mounted anywhere to keep it: poststop is not run in every
 * case, and one that is kept would outlive its container, with everything in it.
 * So DEL has no namespace, which the plugins are content with, and what no
 * poststop came for is gc's.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli/attach-options.h"
#include "cli/cache.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/container.h"
#include "cli/oci-state.h"
#include "cli/store.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/jnode.h"

#define DOCUMENT_MAX ((size_t)16 << 20)

struct request {
	const char *network; /* of a container that asks for none; NULL: it gets none */
	bool json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *rq = state->input;

	switch (key) {
	case 'n':
		rq->network = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- documents ----------------------------------------------------------- */

static int read_document(int fd, const char *what, json_t **ret, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	int r = file_read(fd, DOCUMENT_MAX, &text, &len);

	if (r < 0)
		return err_sys(e, -r, "read %s", what);
	r = jn_parse(text, len, ret, e);

	return r < 0 ? err_wrap(e, r, "%s", what) : 0;
}

static int read_config(const char *bundle, json_t **ret, struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_FD int fd = -1;

	if (asprintf(&path, "%s/config.json", bundle) < 0) {
		path = NULL;
		return err_sys(e, ENOMEM, "read config.json");
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? err_sys(e, errno, "open %s", path) : read_document(fd, path, ret, e);
}

/* ---- the two hooks ------------------------------------------------------- */

static int attach(const struct command_env *env, const struct store *store,
		  const struct request *rq, const struct oci_state *state, struct err *e)
{
	AUTO(attach_options_clear) struct attach_options options = { 0 };
	AUTO_JSON json_t *config = NULL;
	struct container c = { .id = state->id, .name = state->id };
	struct container_wish wish;
	char netns[PATH_MAX];
	int r;

	if ((r = oci_state_options(state, &options, &c.name, e)) < 0)
		return r;
	if (options.networks.n == 0 && !rq->network)
		return 0;
	if ((r = attach_options_finish(&options, rq->network, &wish, e)) < 0 ||
	    (r = read_config(state->bundle, &config, e)) < 0 ||
	    (r = oci_state_netns(state, config, netns, e)) <= 0)
		return r;
	c.netns = netns;
	/* IDs are unique, so these are of one whose poststop never came. */
	r = container_detach_id(env, store, c.id, e);

	return r < 0 ? r : container_attach(env, store, &c, &wish, NULL, e);
}

static int run(const struct command_env *env, const struct request *rq, struct err *e)
{
	AUTO(store_clear) struct store store = { 0 };
	AUTO_JSON json_t *doc = NULL;
	struct oci_state state;
	AUTO_FD int lock = -1;
	int r;

	if ((r = read_document(STDIN_FILENO, "the state on stdin", &doc, e)) < 0 ||
	    (r = oci_state_read(doc, &state, e)) < 0 || (r = store_load(env, NULL, &store, e)) < 0)
		return r;
	lock = cache_lock(env, state.id, e);
	if (lock < 0)
		return lock;
	r = state.stopped ? container_detach_id(env, &store, state.id, e)
			  : attach(env, &store, rq, &state, e);

	return r < 0 ? err_wrap(e, r, "container %s", state.id) : 0;
}

int command_oci_hook(const struct command_env *env, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "network", 'n', "NETWORK[:OPTIONS]", 0,
		  "Network of containers without the annotation io.heddle.networks; without this "
		  "option they are left alone" },
		{ 0 },
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Hook for createRuntime and poststop of OCI runtimes: attaches a container "
		       "to the networks that its annotations name, and detaches it again.",
	};
	struct request rq = { .json = env->json };
	struct err e = { 0 };
	int status = command_parse(&argp, argc, argv, &rq, &rq.json);

	if (status != COMMAND_OK)
		return status;
	/* A hook may be started without any environment; plugins look for iptables. */
	(void)setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 0);

	return run(env, &rq, &e) < 0 ? command_error(&e) : COMMAND_OK;
}
