/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * format-tree - a template that has been read (format.h)
 *
 * A pipeline is turned into calls while it is read: `.Name | upper` is the same
 * tree as `upper .Name`.  Everything of a tree is freed with it.
 */
#ifndef FORMAT_TREE_H
#define FORMAT_TREE_H

#include <stddef.h>

struct err;
struct format_function;

enum format_expr_kind {
	FORMAT_DOT,
	FORMAT_VARIABLE, /* name; "" is the value that the template is filled with */
	FORMAT_STRING,	 /* name */
	FORMAT_NUMBER,	 /* number */
	FORMAT_TRUE,
	FORMAT_FALSE,
	FORMAT_NIL,
	FORMAT_FIELD, /* name, of the first argument; the others are keys in it */
	FORMAT_CALL,  /* function, with the arguments */
};

struct format_expr {
	enum format_expr_kind kind;
	const char *at; /* in the template */
	const char *name;
	long long number;
	const struct format_function *function;
	struct format_expr *args; /* by next */
	struct format_expr *next;
};

enum format_node_kind {
	FORMAT_TEXT,	/* text */
	FORMAT_PRINT,	/* expr */
	FORMAT_DECLARE, /* variables[0] := expr */
	FORMAT_ASSIGN,	/* variables[0] = expr */
	FORMAT_IF,
	FORMAT_WITH,
	FORMAT_RANGE,
};

struct format_node {
	enum format_node_kind kind;
	const char *text;
	struct format_expr *expr;
	const char *variables[2]; /* of range: index or key, element; NULL: none */
	struct format_node *body, *otherwise;
	struct format_node *next;
};

struct format_tree {
	const char *template; /* borrowed */
	struct format_node *nodes;
	struct format_block *blocks; /* what has been allocated */
};

/**
 * format_parse() - read a template
 * @template:	must outlive the tree
 * @ret:	owned by the caller, format_tree_clear()
 *
 * Return: 0; -EINVAL with the place; -ENOMEM.
 */
int format_parse(const char *template, struct format_tree *ret, struct err *e);
void format_tree_clear(struct format_tree *tree);

/* "template, line 1, column 7: TEXT".  Return: -EINVAL. */
int format_bad(const char *template, const char *at, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
