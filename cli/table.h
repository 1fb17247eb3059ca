/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * table - rows for people, lines for scripts
 *
 * A listing is built once, as rows of named fields, and printed as a table that
 * fits the terminal (libsmartcols), as IDs only (-q), as JSON, or through a
 * field template (format.h).
 *
 * Templates and `--format json` see every field as text, as Docker has it: true
 * is "true", an object is "key=value,key=value", a list "a, b".  Members of a row
 * whose key begins with '.' are for templates alone.
 */
#ifndef TABLE_H
#define TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct err;

#define TABLE_ID_LEN 12 /* of an ID that is cut */

struct table_column {
	const char *heading; /* "NETWORK ID" */
	const char *field;   /* "ID" */
	size_t cut;	     /* characters shown, 0: all */
	const char *alarm;   /* a value that is red on a terminal, NULL: none */
	bool shrinks;	     /* is cut when the terminal is narrow */
	bool extra;	     /* in JSON and templates only */
};

struct table_style {
	bool quiet;	    /* the first column alone */
	bool no_trunc;	    /* nothing is cut */
	bool json;	    /* --json: one array of objects, with the types that values have */
	const char *format; /* --format: "json", "table TEMPLATE" or a template; NULL: the table */
};

/**
 * table_print() - print rows to stdout
 * @columns:	@n_columns of them
 * @rows:	array of objects, a value for each field
 *
 * Return: 0; -EINVAL for a bad template; -EIO if stdout cannot be written.
 */
int table_print(const struct table_column *columns, size_t n_columns, const json_t *rows,
		const struct table_style *style, struct err *e);

/**
 * table_text() - a value as templates and tables see it
 *
 * Return: owned by the caller, NULL without memory; "" for NULL and null.
 */
char *table_text(const json_t *value);

#endif
