/* SPDX-License-Identifier: GPL-2.0-or-later */
/* format-func - the functions of templates, and values as their text (format.h) */
#ifndef FORMAT_FUNC_H
#define FORMAT_FUNC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct err;

#define FORMAT_FUNCTIONS                                                                           \
	"and, eq, ge, gt, index, join, json, le, len, lower, lt, ne, not, or, pad, print, "        \
	"printf, println, split, title, truncate, upper"

struct format_function {
	const char *name;
	size_t min, max; /* arguments */
	/* @ret: a new reference.  Return: 0; -EINVAL with the rule; -ENOMEM. */
	int (*call)(json_t *const *args, size_t n, json_t **ret, struct err *e);
};

/* Return: the function of that name, @len bytes, or NULL. */
const struct format_function *format_function(const char *name, size_t len);

/* Not false, 0, nil or empty. */
bool format_is_true(const json_t *value);

/*
 * The keys of an object in the order in which Go goes through a map, without
 * those for templates alone.  @ret: free() it; NULL without memory.
 * Return: how many.
 */
size_t format_keys(const json_t *object, const char ***ret);

/* A value as print shows it. */
void format_print(const json_t *value, FILE *out);

/* "a string", "an object", for messages. */
const char *format_type_name(const json_t *value);

#endif
