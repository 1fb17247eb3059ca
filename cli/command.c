/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command - see command.h */
#include "cli/command.h"

#include <argp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"

enum { KEY_JSON = 0x10000 }; /* out of the way of the commands' own keys */

struct parse {
	void *input;
	bool *json;
};

static error_t parse_shared(int key, char *arg, struct argp_state *state)
{
	struct parse *p = state->input;

	(void)arg;
	switch (key) {
	case 'h':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		return 0;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = p->input;
		return 0;
	case KEY_JSON:
		*p->json = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Asked last, for what the command has not taken. */
static error_t parse_rest(int key, char *arg, struct argp_state *state)
{
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	argp_error(state, "it takes no arguments: '%s'", arg);

	return 0;
}

int command_parse(const struct argp *argp, int argc, char **argv, void *input, bool *json)
{
	static const struct argp_option options[] = {
		{ "json", KEY_JSON, NULL, 0, "Print JSON", -2 },
		{ NULL, 'h', NULL, OPTION_HIDDEN, "As --help, which argp has as -?" },
		{ 0 },
	};
	static const struct argp rest = { .parser = parse_rest };
	const struct argp_child children[] = { { .argp = argp }, { .argp = &rest }, { 0 } };
	const struct argp whole = {
		.options = options,
		.parser = parse_shared,
		.children = children,
	};
	struct parse p = { .input = input, .json = json };
	error_t r;

	argp_err_exit_status = COMMAND_USAGE;
	r = argp_parse(&whole, argc, argv, 0, NULL, &p);
	if (r != 0) {
		fprintf(stderr, "%s: %s\n", argv[0], strerror(r));
		return COMMAND_FAILED;
	}

	return COMMAND_OK;
}

int command_error(const struct err *e)
{
	fprintf(stderr, "heddle: %s\n", e->msg);
	if (e->details[0] != '\0')
		fprintf(stderr, "heddle: %s\n", e->details);

	return COMMAND_FAILED;
}

int command_usage_error(const char *fmt, ...)
{
	va_list ap;

	fputs("heddle: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);

	return COMMAND_USAGE;
}

void command_warn_text(const char *text)
{
	command_warn("%s", text);
}

void command_warn(const char *fmt, ...)
{
	va_list ap;

	fputs("heddle: warning: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}
