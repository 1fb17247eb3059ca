/* SPDX-License-Identifier: GPL-2.0-or-later */
/* format-func - see format-func.h */
#include "cli/format-func.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/format.h"
#include "lib/cleanup.h"
#include "lib/err.h"

#define ARGS_MAX  64
#define WIDTH_MAX 1024 /* of what pad and printf put in */
#define TEXT_MAX  (16 << 20)

/* ---- values -------------------------------------------------------------- */

bool format_is_true(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return json_object_size(value) > 0;
	case JSON_ARRAY:
		return json_array_size(value) > 0;
	case JSON_STRING:
		return json_string_length(value) > 0;
	case JSON_INTEGER:
		return json_integer_value(value) != 0;
	case JSON_REAL:
		return json_real_value(value) != 0;
	case JSON_TRUE:
		return true;
	case JSON_FALSE:
	case JSON_NULL:
		break;
	}

	return false;
}

const char *format_type_name(const json_t *value)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",  [JSON_STRING] = "a string",
		[JSON_INTEGER] = "a number", [JSON_REAL] = "a number", [JSON_TRUE] = "a boolean",
		[JSON_FALSE] = "a boolean",  [JSON_NULL] = "nothing",
	};

	return names[json_typeof(value)];
}

static bool is_hidden(const char *key)
{
	return key[0] == '.';
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t format_keys(const json_t *object, const char ***ret)
{
	const char **keys = calloc(json_object_size(object) + 1, sizeof(*keys));
	const char *key;
	json_t *member;
	size_t n = 0;

	*ret = keys;
	if (!keys)
		return 0;
	/* jansson walks an object by way of a pointer that is not const. */
	json_object_foreach((json_t *)(uintptr_t)object, key, member)
		if (!is_hidden(key))
			keys[n++] = key;
	qsort(keys, n, sizeof(*keys), compare_keys);

	return n;
}

static void print_object(const json_t *object, FILE *out)
{
	AUTO_FREE const char **keys = NULL;
	size_t n = format_keys(object, &keys);

	fputs("map[", out);
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "%s%s:", i > 0 ? " " : "", keys[i]);
		format_print(json_object_get(object, keys[i]), out);
	}
	fputc(']', out);
}

static void print_array(const json_t *array, FILE *out)
{
	const json_t *item;
	size_t i;

	fputc('[', out);
	json_array_foreach(array, i, item) {
		fputs(i > 0 ? " " : "", out);
		format_print(item, out);
	}
	fputc(']', out);
}

void format_print(const json_t *value, FILE *out)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		print_object(value, out);
		return;
	case JSON_ARRAY:
		print_array(value, out);
		return;
	case JSON_STRING:
		fputs(json_string_value(value), out);
		return;
	case JSON_INTEGER:
		fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return;
	case JSON_REAL:
		fprintf(out, "%g", json_real_value(value));
		return;
	case JSON_TRUE:
	case JSON_FALSE:
		fputs(json_is_true(value) ? "true" : "false", out);
		return;
	case JSON_NULL:
		fputs("<no value>", out);
	}
}

static json_t *visible_object(const json_t *object)
{
	json_t *copy = json_object(), *member;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)object, key, member)
		if (!is_hidden(key))
			json_object_set_new(copy, key, format_visible(member));

	return copy;
}

json_t *format_visible(const json_t *value)
{
	const json_t *item;
	json_t *copy;
	size_t i;

	if (json_is_object(value))
		return visible_object(value);
	if (!json_is_array(value))
		return json_incref((json_t *)(uintptr_t)value);
	copy = json_array();
	json_array_foreach(value, i, item)
		json_array_append_new(copy, format_visible(item));

	return copy;
}

/* ---- what functions share ------------------------------------------------ */

static int give(json_t *value, json_t **ret, struct err *e)
{
	if (!value)
		return err_sys(e, ENOMEM, "make a value");
	*ret = value;

	return 0;
}

/* A string that is made by printing into it. */
struct maker {
	char *text;
	size_t len;
	FILE *out;
};

static int begin_text(struct maker *m, struct err *e)
{
	m->out = open_memstream(&m->text, &m->len);

	return m->out ? 0 : err_sys(e, errno, "make a text");
}

static int end_text(struct maker *m, json_t **ret, struct err *e)
{
	bool failed = ferror(m->out);
	int r;

	failed = fclose(m->out) != 0 || failed;
	if (!failed && m->len > TEXT_MAX)
		r = err_say(e, EINVAL, "makes a text of more than %d MiB", TEXT_MAX >> 20);
	else
		r = give(failed ? NULL : json_stringn_nocheck(m->text, m->len), ret, e);
	free(m->text);

	return r;
}

/* Return: NULL for anything else, with the rule in @e. */
static const char *need_string(const json_t *value, struct err *e)
{
	if (!json_is_string(value))
		err_say(e, EINVAL, "wants a string, not %s", format_type_name(value));

	return json_string_value(value);
}

/* Return: a number, or -EINVAL. */
static int need_count(const json_t *value, struct err *e)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < 0 || n > WIDTH_MAX)
		return err_say(e, EINVAL, "wants a number of 0 to %d", WIDTH_MAX);

	return (int)n;
}

/* ---- text ---------------------------------------------------------------- */

static int map_bytes(const json_t *value, int (*change)(int c), json_t **ret, struct err *e)
{
	const char *text = need_string(value, e);
	AUTO_FREE char *copy = text ? strdup(text) : NULL;

	if (!text)
		return -EINVAL;
	for (char *c = copy; c && *c; c++)
		*c = (char)(isascii((unsigned char)*c) ? change((unsigned char)*c) : *c);

	return give(copy ? json_string_nocheck(copy) : NULL, ret, e);
}

static int call_upper(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
	(void)n;

	return map_bytes(args[0], toupper, ret, e);
}

static int call_lower(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
	(void)n;

	return map_bytes(args[0], tolower, ret, e);
}

static int call_title(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
	const char *text = need_string(args[0], e);
	AUTO_FREE char *copy = text ? strdup(text) : NULL;

	(void)n;
	if (!text)
		return -EINVAL;
	for (char *c = copy; c && *c; c++)
		if (isascii((unsigned char)*c) && (c == copy || isspace((unsigned char)c[-1])))
			*c = (char)toupper((unsigned char)*c);

	return give(copy ? json_string_nocheck(copy) : NULL, ret, e);
}

/* Bytes of the first @n characters; what follows a first byte in UTF-8 is 10xxxxxx. */
static size_t prefix_len(const char *text, int n)
{
	const char *c = text;

	while (*c && n > 0) {
		c++;
		while ((*c & 0xc0) == 0x80)
			c++;
		n--;
	}

	return (size_t)(c - text);
}

static int call_truncate(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
	const char *text = need_string(args[0], e);
	int count = text ? need_count(args[1], e) : -EINVAL;

	(void)n;
	if (count < 0)
		return count;

	return give(json_stringn_nocheck(text, prefix_len(text, count)), ret, e);
}

static int call_pad(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
	const char *text = need_string(args[0], e);
	int left = text ? need_count(args[1], e) : -EINVAL;
	int right = left < 0 ? left : need_count(args[2], e);
	struct maker m = { 0 };
	int r = right < 0 ? right : begin_text(&m, e);

	(void)n;
	if (r < 0)
		return r;
	if (*text)
		fprintf(m.out, "%*s%s%*s", left, "", text, right, "");

	return end_text(&m, ret, e);
}

static int call_join(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
	const char *separator = need_string(args[1], e);
	struct maker m = { 0 };
	const json_t *item;
	size_t i;
	int r;

	(void)n;
	if (!separator)
		return -EINVAL;
	if (!json_is_array(args[0]))
		return err_say(e, EINVAL, "wants a list, not %s", format_type_name(args[0]));
	r = begin_text(&m, e);
	if (r < 0)
		return r;
	json_array_foreach(args[0], i, item) {
		fputs(i > 0 ? separator : "", m.out);
		format_print(item, m.out);
	}

	return end_text(&m, ret, e);
}

static int call_split(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
	const char *text = need_string(args[0], e), *found;
	const char *separator = text ? need_string(args[1], e) : NULL;
	AUTO_JSON json_t *list = json_array();

	(void)n;
	if (!separator)
		return -EINVAL;
	if (!*separator)
		return err_say(e, EINVAL, "wants something to split at");
	while ((found = strstr(text, separator))) {
		json_array_append_new(list, json_stringn_nocheck(text, (size_t)(found - text)));
		text = found + strlen(separator);
	}
	json_array_append_new(list, json_string_nocheck(text));

	return give(MOVE_PTR(list), ret, e);
}

static int call_json(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
	AUTO_JSON json_t *visible = format_visible(args[0]);
	AUTO_FREE char *text = visible ? json_dumps(visible, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	(void)n;

	return give(text ? json_string_nocheck(text) : NULL, ret, e);
}

/* As Go's Sprint(): a space between two of which none is a string. */
static int call_print(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
	struct maker m = { 0 };
	int r = begin_text(&m, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && !json_is_string(args[i]) && !json_is_string(args[i - 1]))
			fputc(' ', m.out);
		format_print(args[i], m.out);
	}

	return end_text(&m, ret, e);
}

static int call_println(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
	struct maker m = { 0 };
	int r = begin_text(&m, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		fputs(i > 0 ? " " : "", m.out);
		format_print(args[i], m.out);
	}
	fputc('\n', m.out);

	return end_text(&m, ret, e);
}

/* "%-12s": what stands between % and the letter. */
struct verb {
	bool left;
	int width;
	char letter;
};

static const char *read_verb(const char *c, struct verb *ret)
{
	*ret = (struct verb){ .left = *c == '-' };
	c += ret->left;
	while (isdigit((unsigned char)*c) && ret->width <= WIDTH_MAX)
		ret->width = ret->width * 10 + (*c++ - '0');
	ret->letter = *c;

	return *c ? c + 1 : c;
}

static int print_verb(const struct verb *v, const json_t *value, FILE *out, struct err *e)
{
	struct maker m = { 0 };
	int r;

	if (v->letter == 'd' && !json_is_integer(value))
		return err_say(e, EINVAL, "%%d wants a number, not %s", format_type_name(value));
	r = begin_text(&m, e);
	if (r < 0)
		return r;
	fputs(v->letter == 'q' ? "\"" : "", m.out);
	format_print(value, m.out);
	fputs(v->letter == 'q' ? "\"" : "", m.out);
	if (fclose(m.out) == 0)
		fprintf(out, v->left ? "%-*s" : "%*s", v->width, m.text);
	free(m.text);

	return 0;
}

static int print_format(const char *format, json_t *const *args, size_t n, FILE *out, struct err *e)
{
	struct verb verb;
	size_t used = 0;
	int r;

	for (const char *c = format; *c;) {
		if (*c != '%') {
			fputc(*c++, out);
			continue;
		}
		c = read_verb(c + 1, &verb);
		if (verb.letter == '%') {
			fputc('%', out);
			continue;
		}
		if (verb.letter == '\0' || !strchr("svdq", verb.letter) || verb.width > WIDTH_MAX)
			return err_say(e, EINVAL,
				       "knows %%s %%v %%d %%q and %%%%, with a width of up to %d",
				       WIDTH_MAX);
		if (used == n)
			return err_say(e, EINVAL, "has more verbs than values");
		r = print_verb(&verb, args[used++], out, e);
		if (r < 0)
			return r;
	}

	return used == n ? 0 : err_say(e, EINVAL, "has more values than verbs");
}

static int call_printf(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
	const char *format = need_string(args[0], e);
	struct maker m = { 0 };
	int r = format ? begin_text(&m, e) : -EINVAL;

	if (r < 0)
		return r;
	r = print_format(format, args + 1, n - 1, m.out, e);
	if (r < 0) {
		fclose(m.out);
		free(m.text);
		return r;
	}

	return end_text(&m, ret, e);
}

/* ---- parts of values ----------------------------------------------------- */

static int index_object(const json_t *object, const json_t *key, json_t **ret, struct err *e)
{
	const char *name = need_string(key, e);
	json_t *member = name ? json_object_get(object, name) : NULL;

	if (!name)
		return -EINVAL;

	return give(member ? json_incref(member) : json_string(""), ret, e);
}

static int index_array(const json_t *array, const json_t *key, json_t **ret, struct err *e)
{
	json_int_t i = json_integer_value(key);

	if (!json_is_integer(key))
		return err_say(e, EINVAL, "wants the number of an item, not %s",
			       format_type_name(key));
	if (i < 0 || (size_t)i >= json_array_size(array))
		return err_say(e, EINVAL,
			       "there is no item %" JSON_INTEGER_FORMAT " in a list of %zu", i,
			       json_array_size(array));

	return give(json_incref(json_array_get(array, (size_t)i)), ret, e);
}

static int index_one(const json_t *value, const json_t *key, json_t **ret, struct err *e)
{
	if (json_is_object(value))
		return index_object(value, key, ret, e);
	if (json_is_array(value))
		return index_array(value, key, ret, e);

	return err_say(e, EINVAL, "%s has no items", format_type_name(value));
}

static int call_index(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
	AUTO_JSON json_t *value = json_incref(args[0]);

	for (size_t i = 1; i < n; i++) {
		json_t *item = NULL;
		int r = index_one(value, args[i], &item, e);

		if (r < 0)
			return r;
		json_decref(value);
		value = item;
	}
	*ret = MOVE_PTR(value);

	return 0;
}

static int call_len(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
	size_t len;

	(void)n;
	if (json_is_object(args[0]))
		len = json_object_size(args[0]);
	else if (json_is_array(args[0]))
		len = json_array_size(args[0]);
	else if (json_is_string(args[0]))
		len = json_string_length(args[0]);
	else
		return err_say(e, EINVAL, "%s has no length", format_type_name(args[0]));

	return give(json_integer((json_int_t)len), ret, e);
}

/* ---- logic --------------------------------------------------------------- */

static int call_not(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
	(void)n;

	return give(json_boolean(!format_is_true(args[0])), ret, e);
}

/* The first that decides, or the last. */
static int first_that_is(json_t *const *args, size_t n, bool decides, json_t **ret, struct err *e)
{
	size_t i = 0;

	while (i + 1 < n && format_is_true(args[i]) != decides)
		i++;

	return give(json_incref(args[i]), ret, e);
}

static int call_and(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
	return first_that_is(args, n, false, ret, e);
}

static int call_or(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
	return first_that_is(args, n, true, ret, e);
}

/* Equal to any of the others, as in Go. */
static int call_eq(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
	bool equal = false;

	for (size_t i = 1; i < n; i++)
		equal = equal || json_equal(args[0], args[i]);

	return give(json_boolean(equal), ret, e);
}

static int call_ne(json_t *const *args, size_t n, json_t **ret, struct err *e)
{
	(void)n;

	return give(json_boolean(!json_equal(args[0], args[1])), ret, e);
}

/* -1, 0 or 1 in @ret. */
static int compare(json_t *const *args, int *ret, struct err *e)
{
	if (json_is_integer(args[0]) && json_is_integer(args[1])) {
		json_int_t a = json_integer_value(args[0]), b = json_integer_value(args[1]);

		*ret = (a > b) - (a < b);
		return 0;
	}
	if (json_is_string(args[0]) && json_is_string(args[1])) {
		*ret = strcmp(json_string_value(args[0]), json_string_value(args[1]));
		return 0;
	}

	return err_say(e, EINVAL, "cannot order %s and %s", format_type_name(args[0]),
		       format_type_name(args[1]));
}

#define ORDER(name_, operator_)                                                                    \
	static int name_(json_t *const *args, size_t n, json_t **ret, struct err *e)               \
	{                                                                                          \
		int order = 0, r = compare(args, &order, e);                                       \
                                                                                                   \
		(void)n;                                                                           \
		return r < 0 ? r : give(json_boolean(order operator_ 0), ret, e);                  \
	}

ORDER(call_lt, <)
ORDER(call_le, <=)
ORDER(call_gt, >)
ORDER(call_ge, >=)

/* ---- the table ----------------------------------------------------------- */

static const struct format_function functions[] = {
	{ "and", 1, ARGS_MAX, call_and },
	{ "eq", 2, ARGS_MAX, call_eq },
	{ "ge", 2, 2, call_ge },
	{ "gt", 2, 2, call_gt },
	{ "index", 1, ARGS_MAX, call_index },
	{ "join", 2, 2, call_join },
	{ "json", 1, 1, call_json },
	{ "le", 2, 2, call_le },
	{ "len", 1, 1, call_len },
	{ "lower", 1, 1, call_lower },
	{ "lt", 2, 2, call_lt },
	{ "ne", 2, 2, call_ne },
	{ "not", 1, 1, call_not },
	{ "or", 1, ARGS_MAX, call_or },
	{ "pad", 3, 3, call_pad },
	{ "print", 0, ARGS_MAX, call_print },
	{ "printf", 1, ARGS_MAX, call_printf },
	{ "println", 0, ARGS_MAX, call_println },
	{ "split", 2, 2, call_split },
	{ "title", 1, 1, call_title },
	{ "truncate", 2, 2, call_truncate },
	{ "upper", 1, 1, call_upper },
};

const struct format_function *format_function(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (strlen(functions[i].name) == len && memcmp(functions[i].name, name, len) == 0)
			return &functions[i];

	return NULL;
}
