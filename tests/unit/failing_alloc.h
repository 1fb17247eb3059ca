/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * failing_alloc - make the n-th allocation of a call fail
 *
 *	for (alloc_try(1); (r = call()) == -ENOMEM; alloc_try_next())
 *		...nothing may have changed...
 *
 * Counted are jansson's allocations, and the C library's calls by which lib/
 * allocates: they are defined here, in front of the C library's own.  Include
 * in one file of a program, after cmocka.h.
 */
#ifndef FAILING_ALLOC_H
#define FAILING_ALLOC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static size_t alloc_left; /* how many succeed before one fails, 0: none fails */
static size_t alloc_tried;

static bool alloc_fails(void)
{
	return alloc_left > 0 && --alloc_left == 0;
}

static void *alloc_json(size_t size)
{
	return alloc_fails() ? NULL : malloc(size);
}

char *strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = alloc_fails() ? NULL : malloc(size);

	return copy ? memcpy(copy, text, size) : NULL;
}

void *reallocarray(void *array, size_t n, size_t size)
{
	size_t bytes;

	if (alloc_fails() || __builtin_mul_overflow(n, size, &bytes))
		return NULL;

	return realloc(array, bytes);
}

/* From here on the @n-th allocation fails, once; 0: none does. */
static void alloc_try(size_t n)
{
	json_set_alloc_funcs(alloc_json, free);
	alloc_left = alloc_tried = n;
}

static void alloc_try_next(void)
{
	alloc_try(alloc_tried + 1);
}

#endif
