/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table - see table.h */
#include "cli/table.h"

#include <errno.h>
#include <libsmartcols.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/format.h"
#include "cli/format-func.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* Docker's: columns are at least this wide, and that far apart. */
#define WIDTH_MIN 7
#define GAP	  "   "
#define CELLS_MAX 64

struct listing {
	const struct table_column *columns;
	size_t n;
	const struct table_style *style;
};

static int no_memory(struct err *e)
{
	return err_sys(e, ENOMEM, "print a listing");
}

/* ---- values as text ------------------------------------------------------ */

static void print_members(const json_t *object, FILE *out)
{
	AUTO_FREE const char **keys = NULL;
	size_t n = format_keys(object, &keys);

	for (size_t i = 0; i < n; i++) {
		fprintf(out, "%s%s=", i > 0 ? "," : "", keys[i]);
		format_print(json_object_get(object, keys[i]), out);
	}
}

static void print_items(const json_t *array, FILE *out)
{
	const json_t *item;
	size_t i;

	json_array_foreach(array, i, item) {
		fputs(i > 0 ? ", " : "", out);
		format_print(item, out);
	}
}

char *table_text(const json_t *value)
{
	char *text = NULL;
	size_t len;
	FILE *out;

	if (json_is_string(value)) /* nearly all are */
		return strdup(json_string_value(value));
	out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	if (json_is_object(value))
		print_members(value, out);
	else if (json_is_array(value))
		print_items(value, out);
	else if (value && !json_is_null(value))
		format_print(value, out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}

	return text;
}

/* A field's text, cut as its column wants it.  Return: owned by the caller, or NULL. */
static char *cell_text(const struct listing *l, const struct table_column *c, const json_t *row)
{
	char *text = table_text(json_object_get(row, c->field));

	if (text && c->cut > 0 && !l->style->no_trunc && strlen(text) > c->cut)
		text[c->cut] = '\0';

	return text;
}

/* What a template is filled with.  Return: owned by the caller, or NULL. */
static json_t *texts_of(const struct listing *l, const json_t *row)
{
	json_t *texts = json_object(), *member;
	const char *key;

	for (size_t i = 0; i < l->n; i++) {
		AUTO_FREE char *text = cell_text(l, &l->columns[i], row);

		if (!text ||
		    json_object_set_new(texts, l->columns[i].field, json_string(text)) < 0) {
			json_decref(texts);
			return NULL;
		}
	}
	/* jansson walks an object by way of a pointer that is not const. */
	json_object_foreach((json_t *)(uintptr_t)row, key, member)
		if (key[0] == '.')
			json_object_set(texts, key, member);

	return texts;
}

/* ---- lines for scripts --------------------------------------------------- */

static int print_quiet(const struct listing *l, const json_t *rows, struct err *e)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		AUTO_FREE char *text = cell_text(l, &l->columns[0], row);

		if (!text)
			return no_memory(e);
		puts(text);
	}

	return 0;
}

static int print_json_array(const json_t *rows, struct err *e)
{
	AUTO_JSON json_t *visible = format_visible(rows);
	AUTO_FREE char *text = visible ? json_dumps(visible, JSON_INDENT(4)) : NULL;

	if (!text)
		return no_memory(e);
	puts(text);

	return 0;
}

static int print_json_lines(const struct listing *l, const json_t *rows, struct err *e)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		AUTO_JSON json_t *texts = texts_of(l, row);
		AUTO_JSON json_t *visible = texts ? format_visible(texts) : NULL;
		AUTO_FREE char *text = visible ? json_dumps(visible, JSON_COMPACT | JSON_SORT_KEYS)
					       : NULL;

		if (!text)
			return no_memory(e);
		puts(text);
	}

	return 0;
}

/* A template filled with a row. */
static int fill(const struct listing *l, const char *template, const json_t *row, char **ret,
		struct err *e)
{
	AUTO_JSON json_t *texts = texts_of(l, row);

	return texts ? format_run(template, texts, ret, e) : no_memory(e);
}

static int print_template(const struct listing *l, const char *template, const json_t *rows,
			  struct err *e)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		AUTO_FREE char *text = NULL;
		int r = fill(l, template, row, &text, e);

		if (r < 0)
			return r;
		puts(text);
	}

	return 0;
}

/* ---- the table ----------------------------------------------------------- */

static void unref_table(struct libscols_table **t)
{
	scols_unref_table(*t);
}

static bool has_colours(void)
{
	const char *term = getenv("TERM"), *refused = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(refused && *refused) && term && strcmp(term, "dumb") != 0;
}

static struct libscols_table *new_table(void)
{
	struct libscols_table *t = scols_new_table();
	bool is_terminal = isatty(STDOUT_FILENO);

	if (!t)
		return NULL;
	scols_table_set_column_separator(t, GAP);
	scols_table_enable_colors(t, has_colours());
	scols_table_set_termforce(t, is_terminal ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);

	return t;
}

/* A heading has a column's least width, unless it is the @last, which ends where its text does. */
static int add_column(struct libscols_table *t, const char *heading, bool shrinks, bool last,
		      struct err *e)
{
	AUTO_FREE char *padded = NULL;
	struct libscols_column *column;

	if (asprintf(&padded, "%-*s", last ? 0 : WIDTH_MIN, heading) < 0) {
		padded = NULL;
		return no_memory(e);
	}
	column = scols_table_new_column(t, padded, 0, shrinks ? SCOLS_FL_TRUNC : 0);
	if (!column)
		return no_memory(e);
	(void)scols_cell_set_color(scols_column_get_header(column), "bold");

	return 0;
}

/* libsmartcols prints nothing at all of a table without lines. */
static void print_headings(struct libscols_table *t)
{
	const size_t n = scols_table_get_ncols(t);

	for (size_t i = 0; i < n; i++) {
		const struct libscols_column *column = scols_table_get_column(t, i);
		const char *heading =
			scols_cell_get_data(scols_column_get_header((void *)(uintptr_t)column));

		printf("%s%s", heading, i + 1 < n ? GAP : "\n");
	}
}

static int print_table(struct libscols_table *t, struct err *e)
{
	int r = 0;

	if (scols_table_get_nlines(t) > 0)
		r = scols_print_table(t);
	else
		print_headings(t);

	return r < 0 ? err_sys(e, -r, "print a table") : 0;
}

static int add_row(const struct listing *l, struct libscols_table *t, const json_t *row,
		   struct err *e)
{
	struct libscols_line *line = scols_table_new_line(t, NULL);
	size_t at = 0;

	if (!line)
		return no_memory(e);
	for (size_t i = 0; i < l->n; i++) {
		const struct table_column *c = &l->columns[i];
		AUTO_FREE char *text = c->extra ? NULL : cell_text(l, c, row);

		if (c->extra)
			continue;
		if (!text || scols_line_set_data(line, at, text) < 0)
			return no_memory(e);
		if (c->alarm && strcmp(text, c->alarm) == 0)
			(void)scols_cell_set_color(scols_line_get_cell(line, at), "red");
		at++;
	}

	return 0;
}

/* Whether no column of the default table follows. */
static bool is_last(const struct listing *l, size_t i)
{
	while (++i < l->n)
		if (!l->columns[i].extra)
			return false;

	return true;
}

static int print_default(const struct listing *l, const json_t *rows, struct err *e)
{
	AUTO(unref_table) struct libscols_table *t = new_table();
	const json_t *row;
	size_t i;
	int r = t ? 0 : no_memory(e);

	for (i = 0; i < l->n && r == 0; i++)
		if (!l->columns[i].extra)
			r = add_column(t, l->columns[i].heading,
				       l->columns[i].shrinks && !l->style->no_trunc, is_last(l, i),
				       e);
	json_array_foreach(rows, i, row) {
		if (r == 0)
			r = add_row(l, t, row, e);
	}

	return r < 0 ? r : print_table(t, e);
}

/* ---- a table by template ------------------------------------------------- */

/* Cuts @text at its tabs.  Return: how many cells. */
static size_t split_cells(char *text, char *cells[CELLS_MAX])
{
	size_t n = 0;

	for (char *next = text; next && n < CELLS_MAX; n++)
		cells[n] = strsep(&next, "\t");

	return n;
}

static void add_keys(json_t *map, json_t *names)
{
	const char *key;
	json_t *value;

	json_object_foreach(map, key, value)
		json_object_set_new(names, key, json_string(key));
}

/* "Label": what a heading has for `.Label "com.example.some-key"`: the key itself. */
static int name_keys(json_t *headings, const char *member, const json_t *rows)
{
	json_t *names = json_object();
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		add_keys(json_object_get(row, member), names);

	return json_object_set_new(headings, member, names);
}

/* A row of headings.  Return: owned by the caller, or NULL. */
static json_t *headings_of(const struct listing *l, const json_t *rows)
{
	json_t *headings = json_object(), *member;
	const char *key;

	for (size_t i = 0; i < l->n; i++)
		if (json_object_set_new(headings, l->columns[i].field,
					json_string(l->columns[i].heading)) < 0)
			goto fail;
	json_object_foreach(json_array_get(rows, 0), key, member)
		if (key[0] == '.' && name_keys(headings, key, rows) < 0)
			goto fail;

	return headings;

fail:
	json_decref(headings);
	return NULL;
}

static int add_cells(struct libscols_table *t, char *text, struct err *e)
{
	struct libscols_line *line = scols_table_new_line(t, NULL);
	char *cells[CELLS_MAX];
	size_t n = split_cells(text, cells);

	if (!line)
		return no_memory(e);
	for (size_t i = 0; i < n && i < scols_table_get_ncols(t); i++)
		if (scols_line_set_data(line, i, cells[i]) < 0)
			return no_memory(e);

	return 0;
}

static int add_template_columns(struct libscols_table *t, const struct listing *l,
				const char *template, const json_t *rows, struct err *e)
{
	AUTO_JSON json_t *headings = headings_of(l, rows);
	AUTO_FREE char *text = NULL;
	char *cells[CELLS_MAX];
	size_t n;
	int r = headings ? format_run(template, headings, &text, e) : no_memory(e);

	if (r < 0)
		return r;
	n = split_cells(text, cells);
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_column(t, cells[i], false, i + 1 == n, e);

	return r;
}

static int print_table_template(const struct listing *l, const char *template, const json_t *rows,
				struct err *e)
{
	AUTO(unref_table) struct libscols_table *t = new_table();
	const json_t *row;
	size_t i;
	int r = t ? add_template_columns(t, l, template, rows, e) : no_memory(e);

	json_array_foreach(rows, i, row) {
		AUTO_FREE char *text = NULL;

		if (r == 0)
			r = fill(l, template, row, &text, e);
		if (r == 0)
			r = add_cells(t, text, e);
	}

	return r < 0 ? r : print_table(t, e);
}

/* ---- which of them ------------------------------------------------------- */

static bool is_default(const char *format)
{
	return !format || *format == '\0' || strcmp(format, "table") == 0;
}

static int print_rows(const struct listing *l, const json_t *rows, struct err *e)
{
	const char *format = l->style->format;

	if (is_default(format) && l->style->quiet)
		return print_quiet(l, rows, e);
	if (is_default(format))
		return l->style->json ? print_json_array(rows, e) : print_default(l, rows, e);
	if (strcmp(format, "json") == 0)
		return print_json_lines(l, rows, e);
	if (strncmp(format, "table ", 6) == 0)
		return print_table_template(l, format + 6, rows, e);

	return print_template(l, format, rows, e);
}

int table_print(const struct table_column *columns, size_t n_columns, const json_t *rows,
		const struct table_style *style, struct err *e)
{
	const struct listing l = { columns, n_columns, style };
	int r = print_rows(&l, rows, e);

	if (r == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		r = err_sys(e, EIO, "write to stdout");

	return r;
}
