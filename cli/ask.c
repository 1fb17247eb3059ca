/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ask - see ask.h */
#include "cli/ask.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>

#include "cli/command.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/netd.h"

int ask_netd(const struct command_env *env, const char *method, json_t *params, int timeout_ms,
	     json_t **ret, struct err *e)
{
	AUTO(netd_closep) struct netd *netd = NULL;
	AUTO_JSON json_t *owned = params;
	int r;

	if (!params)
		return err_sys(e, ENOMEM, "ask netd");
	r = netd_connect(env->netd_socket, &netd, e);

	return r < 0 ? r : netd_call(netd, method, owned, timeout_ms, ret, e);
}

int ask_rows(const struct command_env *env, const char *method, const char *member,
	     json_t *(*row_of)(const json_t *item), json_t **ret, struct err *e)
{
	AUTO_JSON json_t *answer = NULL;
	AUTO_JSON json_t *rows = json_array();
	const json_t *item;
	size_t i;
	int r = ask_netd(env, method, json_object(), ASK_MS, &answer, e);

	if (r < 0)
		return r;
	json_array_foreach(json_object_get(answer, member), i, item) {
		if (json_array_append_new(rows, row_of(item)) < 0)
			return err_sys(e, ENOMEM, "list %s", member);
	}
	if (!rows)
		return err_sys(e, ENOMEM, "list %s", member);
	*ret = MOVE_PTR(rows);

	return 0;
}

int ask_print(const json_t *doc, struct err *e)
{
	AUTO_FREE char *text = json_dumps(doc, JSON_INDENT(4));

	if (!text)
		return err_sys(e, ENOMEM, "print the answer");
	puts(text);

	return 0;
}

struct words {
	const char **v;
	const char *what; /* they are, for who left some out */
	size_t n, need, max;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct words *w = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (w->n == w->max)
			argp_error(state, "\"%s\" is one argument too many", arg);
		w->v[w->n++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (w->n < w->need)
			argp_error(state, "it needs %s", w->what);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int ask_words(const struct argp *argp, int argc, char **argv, const char **words, size_t need,
	      size_t n)
{
	struct argp own = *argp;
	struct words w = { words, argp->args_doc, 0, need, n };
	bool json = false;

	own.parser = parse;
	for (size_t i = 0; i < n; i++)
		words[i] = NULL;

	return command_parse(&own, argc, argv, &w, &json);
}
