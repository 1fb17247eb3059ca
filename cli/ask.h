/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ask - what the commands of a cluster have in common: a question to netd, an answer printed */
#ifndef ASK_H
#define ASK_H

#include <jansson.h>

struct argp;
struct command_env;
struct err;

/**
 * ask_netd() - one question
 * @params:	taken over; NULL: out of memory
 * @timeout_ms:	for the answer
 * @ret:	owned by the caller; NULL: not wanted
 *
 * Return: 0; as netd_connect() and netd_call().
 */
int ask_netd(const struct command_env *env, const char *method, json_t *params, int timeout_ms,
	     json_t **ret, struct err *e);

/**
 * ask_rows() - a list of netd's as rows of a table
 * @member:	of the answer: the array
 * @row_of:	a new object of each of its items, NULL: out of memory
 * @ret:	owned by the caller
 *
 * Return: 0; -ENOMEM; as ask_netd().
 */
int ask_rows(const struct command_env *env, const char *method, const char *member,
	     json_t *(*row_of)(const json_t *item), json_t **ret, struct err *e);

#define ASK_MS 10000 /* for what netd does by itself */

/* @doc indented, for people and programs alike.  Return: 0 or -ENOMEM. */
int ask_print(const json_t *doc, struct err *e);

/**
 * ask_words() - read a command line of words alone
 * @argp:	args_doc and doc count; --json and --help are added
 * @words:	room for @n; those that are not given are NULL
 * @need:	how many there have to be
 *
 * Return: COMMAND_OK, or what the command ends with.
 */
int ask_words(const struct argp *argp, int argc, char **argv, const char **words, size_t need,
	      size_t n);

#endif
