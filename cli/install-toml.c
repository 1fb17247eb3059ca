/* SPDX-License-Identifier: GPL-2.0-or-later */
/* install-toml - see install-toml.h */
#include "cli/install-toml.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"

#define MARK "# heddle install"
#define WAS  "#heddle-was#"

/* ---- statements ------------------------------------------------------------ */

struct slice {
	const char *p;
	size_t len;
};

struct slices {
	struct slice part[INSTALL_TOML_DEPTH];
	size_t n;
};

/* A table's header or a key with its value; whole lines. */
struct statement {
	const char *begin, *end; /* with the newline */
	bool header;
	struct slices key;	     /* as it is written, without the table */
	struct slice written, value; /* the key's text; what is behind '=' */
};

struct scan {
	const char *text, *at;
	struct slices table; /* whose keys follow */
};

static int broken(const struct scan *s, const char *why, struct err *e)
{
	size_t line = 1;

	for (const char *p = s->text; p < s->at; p++)
		line += *p == '\n';

	return err_say(e, EINVAL, "line %zu: %s", line, why);
}

static void skip_blanks(struct scan *s)
{
	s->at += strspn(s->at, " \t");
}

static void skip_line(struct scan *s)
{
	s->at += strcspn(s->at, "\n");
	s->at += *s->at == '\n';
}

/* Behind a string that begins here. */
static int skip_string(struct scan *s, struct err *e)
{
	const char quote = *s->at;
	const bool lines = s->at[1] == quote && s->at[2] == quote;
	const char *p = s->at + (lines ? 3 : 1);

	for (; *p && (lines || *p != '\n'); p++) {
		if (*p == '\\' && quote == '"' && p[1]) {
			p++;
			continue;
		}
		if (*p != quote || (lines && (p[1] != quote || p[2] != quote)))
			continue;
		/* Up to two more quotes are the string's own. */
		if (lines)
			p += 2 + strspn(p + 3, quote == '"' ? "\"" : "'");
		s->at = p + 1;
		return 0;
	}

	return broken(s, "a string has no end", e);
}

/* Behind a value, whose end is that of its line unless brackets or quotes are open. */
static int skip_value(struct scan *s, struct slice *ret, struct err *e)
{
	const char *last = s->at;
	size_t depth = 0;
	int r;

	ret->p = s->at;
	while (*s->at && (*s->at != '\n' || depth > 0)) {
		if (*s->at == '#') {
			s->at += strcspn(s->at, "\n");
			continue;
		}
		if (*s->at == '"' || *s->at == '\'') {
			r = skip_string(s, e);
			if (r < 0)
				return r;
			last = s->at;
			continue;
		}
		depth += *s->at == '[' || *s->at == '{';
		depth -= depth > 0 && (*s->at == ']' || *s->at == '}');
		s->at++;
		if (!strchr(" \t\r\n", s->at[-1]))
			last = s->at;
	}
	if (depth > 0)
		return broken(s, "a list or table has no end", e);
	ret->len = (size_t)(last - ret->p);

	return ret->len > 0 ? 0 : broken(s, "a key has no value", e);
}

static int read_part(struct scan *s, struct slice *ret, struct err *e)
{
	const char *begin = s->at;
	int r;

	if (*s->at == '"' || *s->at == '\'') {
		r = skip_string(s, e);
		if (r == 0)
			*ret = (struct slice){ begin + 1, (size_t)(s->at - begin - 2) };
		return r;
	}
	s->at += strspn(s->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
	*ret = (struct slice){ begin, (size_t)(s->at - begin) };

	return ret->len > 0 ? 0 : broken(s, "a key is expected", e);
}

/* a."b c".d */
static int read_key(struct scan *s, struct slices *ret, struct slice *written, struct err *e)
{
	int r;

	ret->n = 0;
	written->p = s->at;
	do {
		if (ret->n == INSTALL_TOML_DEPTH)
			return broken(s, "a key has too many parts", e);
		s->at += ret->n > 0;
		skip_blanks(s);
		r = read_part(s, &ret->part[ret->n++], e);
		if (r < 0)
			return r;
		written->len = (size_t)(s->at - written->p);
		skip_blanks(s);
	} while (*s->at == '.');

	return 0;
}

static int read_header(struct scan *s, struct statement *st, struct err *e)
{
	const size_t brackets = s->at[1] == '[' ? 2 : 1;
	int r;

	s->at += brackets;
	skip_blanks(s);
	r = read_key(s, &st->key, &st->written, e);
	if (r < 0)
		return r;
	if (strncmp(s->at, "]]", brackets) != 0)
		return broken(s, "a table's name has no end", e);
	s->table = st->key;
	st->header = true;
	skip_line(s);

	return 0;
}

static int read_pair(struct scan *s, struct statement *st, struct err *e)
{
	int r = read_key(s, &st->key, &st->written, e);

	if (r < 0)
		return r;
	if (*s->at != '=')
		return broken(s, "a key is without '='", e);
	s->at++;
	skip_blanks(s);
	r = skip_value(s, &st->value, e);
	skip_line(s);

	return r;
}

/* Return: 1 with the next statement, 0 behind the last one, -EINVAL. */
static int next(struct scan *s, struct statement *ret, struct err *e)
{
	int r;

	for (;;) {
		*ret = (struct statement){ .begin = s->at };
		s->at += strspn(s->at, " \t\r");
		if (!*s->at)
			return 0;
		if (*s->at != '\n' && *s->at != '#')
			break;
		skip_line(s);
	}
	r = *s->at == '[' ? read_header(s, ret, e) : read_pair(s, ret, e);
	ret->end = s->at;

	return r < 0 ? r : 1;
}

/* ---- keys ------------------------------------------------------------------- */

/* How many parts of @a, and then @b, are those of @key. */
static size_t common(const struct install_toml_key *key, const struct slices *a,
		     const struct slices *b)
{
	size_t n = a->n + b->n;

	for (size_t i = 0; i < n && i < key->n; i++) {
		const struct slice *part = i < a->n ? &a->part[i] : &b->part[i - a->n];

		if (strlen(key->part[i]) != part->len ||
		    memcmp(key->part[i], part->p, part->len) != 0)
			return i;
	}

	return n;
}

/* Where a key is, or where it would go. */
struct place {
	struct statement pair; /* of the key; .begin is NULL if it is not there */
	const char *in_table;  /* behind the header of its table; NULL: there is none */
	bool inline_table;     /* an inline table is in the way, … */
	bool dotted;	       /* … or the table is made by keys with dots */
};

static const struct slices no_parts;

static void look_at(const struct statement *st, const struct slices *table,
		    const struct install_toml_key *key, struct place *p)
{
	const size_t n = table->n + st->key.n;
	size_t same;

	if (st->header) {
		if (st->key.n == key->n - 1 && common(key, &no_parts, &st->key) == st->key.n)
			p->in_table = st->end;
		return;
	}
	same = common(key, table, &st->key);
	if (same == key->n && n == key->n)
		p->pair = *st;
	else if (same == n && n < key->n)
		p->inline_table = true;
	else if (same >= key->n - 1 && table->n < key->n - 1)
		p->dotted = true;
}

static int find(const char *text, const struct install_toml_key *key, struct place *ret,
		struct err *e)
{
	struct scan s = { .text = text, .at = text };
	struct statement st;
	int r;

	*ret = (struct place){ 0 };
	while ((r = next(&s, &st, e)) > 0)
		look_at(&st, &s.table, key, ret);

	return r;
}

int install_toml_get(const char *text, const struct install_toml_key *key, char **ret,
		     struct err *e)
{
	struct place place;
	char *copy = NULL;
	int r = find(text, key, &place, e);

	if (r < 0)
		return r;
	if (place.pair.begin) {
		copy = strndup(place.pair.value.p, place.pair.value.len);
		if (!copy)
			return err_sys(e, ENOMEM, "read a value");
	}
	*ret = copy;

	return 0;
}

/* ---- changes ---------------------------------------------------------------- */

/* The old lines as comments, and the new one under them. */
static void replace(FILE *f, const struct statement *st, const char *value)
{
	const char *line = st->begin;
	const int indent = (int)strspn(line, " \t");

	while (line < st->end) {
		const char *newline = memchr(line, '\n', (size_t)(st->end - line));
		const int len = (int)((newline ? newline : st->end) - line);

		fprintf(f, "%.*s" WAS "%.*s\n", indent, st->begin, len, line);
		line += len + 1;
	}
	fprintf(f, "%.*s%.*s = %s " MARK "\n", indent, st->begin, (int)st->written.len,
		st->written.p, value);
}

static void print_table(FILE *f, const struct install_toml_key *key)
{
	fputc('[', f);
	for (size_t i = 0; i + 1 < key->n; i++) {
		const bool bare = !strpbrk(key->part[i], ". ");

		fprintf(f, "%s%s%s%s", i > 0 ? "." : "", bare ? "" : "\"", key->part[i],
			bare ? "" : "\"");
	}
	fputs("] " MARK "\n", f);
}

static void print_pair(FILE *f, const struct install_toml_key *key, const char *value)
{
	fprintf(f, "%s%s = %s " MARK "\n", key->n > 1 ? "  " : "", key->part[key->n - 1], value);
}

/* At the end, or before the first table for a key that is in none. */
static void append(FILE *f, const char *text, const struct install_toml_key *key, const char *value)
{
	const size_t len = strlen(text);

	if (key->n == 1) {
		print_pair(f, key, value);
		fputs(text, f);
		return;
	}
	fputs(text, f);
	if (len > 0 && text[len - 1] != '\n')
		fputc('\n', f);
	print_table(f, key);
	print_pair(f, key, value);
}

static void change(FILE *f, const char *text, const struct install_toml_key *key, const char *value,
		   const struct place *place)
{
	if (place->pair.begin) {
		fwrite(text, 1, (size_t)(place->pair.begin - text), f);
		replace(f, &place->pair, value);
		fputs(place->pair.end, f);
	} else if (place->in_table) {
		const size_t len = (size_t)(place->in_table - text);

		fwrite(text, 1, len, f);
		if (text[len - 1] != '\n')
			fputc('\n', f);
		print_pair(f, key, value);
		fputs(place->in_table, f);
	} else {
		append(f, text, key, value);
	}
}

int install_toml_set(const char *text, const struct install_toml_key *key, const char *value,
		     char **ret, struct err *e)
{
	AUTO_FREE char *changed = NULL;
	struct place place;
	size_t len;
	FILE *f;
	int r = find(text, key, &place, e);

	if (r < 0)
		return r;
	if (place.inline_table || (place.dotted && !place.pair.begin && !place.in_table))
		return err_say(e, EINVAL,
			       "the table of %s is written on one line or with dots, where "
			       "nothing can be added: set %s = %s there yourself",
			       key->part[key->n - 1], key->part[key->n - 1], value);
	f = open_memstream(&changed, &len);
	if (!f)
		return err_sys(e, errno, "change a file's text");
	change(f, text, key, value, &place);
	if (fclose(f) != 0)
		return err_sys(e, errno, "change a file's text");
	*ret = MOVE_PTR(changed);

	return 0;
}

/* ---- back ------------------------------------------------------------------- */

static bool is_was(const char *line, size_t len)
{
	const size_t indent = strspn(line, " \t");

	return len >= indent + strlen(WAS) && strncmp(line + indent, WAS, strlen(WAS)) == 0;
}

static bool is_new(const char *line, size_t len)
{
	const size_t mark = strlen(MARK);

	return len >= mark && strncmp(line + len - mark, MARK, mark) == 0;
}

int install_toml_is_ours(const char *line, size_t len)
{
	return is_was(line, len) || is_new(line, len);
}

char *install_toml_undo(const char *text)
{
	char *ret = strdup(text), *to = ret;

	while (ret && *text) {
		const size_t len = strcspn(text, "\n"), all = len + (text[len] == '\n');
		size_t skip = 0;

		if (is_was(text, len))
			skip = strspn(text, " \t") + strlen(WAS);
		else if (is_new(text, len))
			skip = all;
		memcpy(to, text + skip, all - skip);
		to += all - skip;
		text += all;
	}
	if (ret)
		*to = '\0';

	return ret;
}
