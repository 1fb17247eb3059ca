/* SPDX-License-Identifier: GPL-2.0-or-later */
/* format - see format.h: a tree and a value to text */
#include "cli/format.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/format-func.h"
#include "cli/format-tree.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* What no template that is meant comes near, and a loop in a loop in a loop does. */
#define STEPS_MAX  1000000
#define OUTPUT_MAX (64 << 20)

struct scope {
	const char *name; /* of a variable, borrowed from the tree */
	json_t *value;	  /* owned */
	struct scope *outer;
};

struct run {
	const char *template;
	json_t *root;
	FILE *out;
	size_t steps;
	struct scope *scope; /* innermost variable; each is in the frame of who declares it */
	struct err *e;
};

static int eval(struct run *run, const struct format_expr *x, json_t *dot, json_t **ret);
static int walk(struct run *run, const struct format_node *n, json_t *dot);

/* ---- fields -------------------------------------------------------------- */

static bool is_dot(const struct format_expr *x)
{
	return x->kind == FORMAT_DOT || (x->kind == FORMAT_VARIABLE && x->name[0] == '\0');
}

/* Labels, options: whatever is not in there is empty. */
static bool has_strings_only(const json_t *object)
{
	const char *key;
	json_t *member;

	json_object_foreach((json_t *)(uintptr_t)object, key, member)
		if (!json_is_string(member))
			return false;

	return true;
}

static int no_such_field(struct run *run, const struct format_expr *x, const json_t *object)
{
	char names[256] = "";
	size_t len = 0;
	const char *key;
	json_t *member;

	json_object_foreach((json_t *)(uintptr_t)object, key, member) {
		if (key[0] == '.' || len >= sizeof(names))
			continue;
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
					len > 0 ? ", " : "", key);
	}

	return format_bad(run->template, x->at, run->e, "no field '%s'; there are: %s", x->name,
			  names);
}

static json_t *find_member(const json_t *object, const char *name)
{
	AUTO_FREE char *hidden = NULL;
	json_t *member = json_object_get(object, name);

	if (!member && asprintf(&hidden, ".%s", name) > 0)
		member = json_object_get(object, hidden);

	return member;
}

/* .Label "k" */
static int keyed(struct run *run, const struct format_expr *x, const json_t *map,
		 const struct format_expr *key, json_t *dot, json_t **ret)
{
	AUTO_JSON json_t *name = NULL;
	json_t *member;
	int r = eval(run, key, dot, &name);

	if (r < 0)
		return r;
	if (key->next || !json_is_object(map) || !json_is_string(name))
		return format_bad(run->template, x->at, run->e,
				  ".%s cannot be asked with arguments", x->name);
	member = json_object_get(map, json_string_value(name));
	*ret = member ? json_incref(member) : json_string("");

	return *ret ? 0 : err_sys(run->e, ENOMEM, "fill a template");
}

static int eval_field(struct run *run, const struct format_expr *x, json_t *dot, json_t **ret)
{
	AUTO_JSON json_t *base = NULL;
	json_t *member;
	int r = eval(run, x->args, dot, &base);

	if (r < 0)
		return r;
	if (json_is_null(base)) {
		*ret = json_null();
		return 0;
	}
	if (!json_is_object(base))
		return format_bad(run->template, x->at, run->e, "%s has no field '%s'",
				  format_type_name(base), x->name);
	member = find_member(base, x->name);
	if (!member && (is_dot(x->args) || !has_strings_only(base)))
		return no_such_field(run, x, base);
	if (x->args->next)
		return keyed(run, x, member, x->args->next, dot, ret);
	*ret = member ? json_incref(member) : json_string("");

	return *ret ? 0 : err_sys(run->e, ENOMEM, "fill a template");
}

/* ---- expressions --------------------------------------------------------- */

static struct scope *find_variable(const struct run *run, const char *name)
{
	struct scope *s = run->scope;

	while (s && strcmp(s->name, name) != 0)
		s = s->outer;

	return s;
}

static int eval_variable(struct run *run, const struct format_expr *x, json_t **ret)
{
	const struct scope *s;

	if (x->name[0] == '\0') {
		*ret = json_incref(run->root);
		return 0;
	}
	s = find_variable(run, x->name);
	if (!s)
		return format_bad(run->template, x->at, run->e, "no variable '$%s'", x->name);
	*ret = json_incref(s->value);

	return 0;
}

static size_t count_args(const struct format_expr *x)
{
	size_t n = 0;

	for (const struct format_expr *arg = x->args; arg; arg = arg->next)
		n++;

	return n;
}

static int call_with(struct run *run, const struct format_expr *x, json_t *const *args, size_t n,
		     json_t **ret)
{
	struct err why = { 0 };
	int r = x->function->call(args, n, ret, &why);

	if (r == -EINVAL)
		return format_bad(run->template, x->at, run->e, "%s: %s", x->function->name,
				  why.msg);

	return r < 0 ? err_sys(run->e, -r, "fill a template") : 0;
}

static int eval_call(struct run *run, const struct format_expr *x, json_t *dot, json_t **ret)
{
	const size_t n = count_args(x);
	AUTO_FREE json_t **args = calloc(n + 1, sizeof(json_t *));
	size_t have = 0;
	int r = 0;

	if (!args)
		return err_sys(run->e, ENOMEM, "fill a template");
	if (n < x->function->min || n > x->function->max)
		return format_bad(run->template, x->at, run->e, "%s wants %zu arguments%s, not %zu",
				  x->function->name, x->function->min,
				  x->function->max > x->function->min ? " or more" : "", n);
	for (const struct format_expr *arg = x->args; arg && r == 0; arg = arg->next) {
		r = eval(run, arg, dot, &args[have]);
		have += r == 0;
	}
	if (r == 0)
		r = call_with(run, x, args, n, ret);
	for (size_t i = 0; i < have; i++)
		json_decref(args[i]);

	return r;
}

static int eval(struct run *run, const struct format_expr *x, json_t *dot, json_t **ret)
{
	switch (x->kind) {
	case FORMAT_DOT:
		*ret = json_incref(dot);
		return 0;
	case FORMAT_VARIABLE:
		return eval_variable(run, x, ret);
	case FORMAT_FIELD:
		return eval_field(run, x, dot, ret);
	case FORMAT_CALL:
		return eval_call(run, x, dot, ret);
	case FORMAT_STRING:
		*ret = json_string_nocheck(x->name);
		break;
	case FORMAT_NUMBER:
		*ret = json_integer(x->number);
		break;
	case FORMAT_TRUE:
	case FORMAT_FALSE:
		*ret = json_boolean(x->kind == FORMAT_TRUE);
		break;
	case FORMAT_NIL:
		*ret = json_null();
		break;
	}

	return *ret ? 0 : err_sys(run->e, ENOMEM, "fill a template");
}

/* ---- nodes --------------------------------------------------------------- */

static int print_value(struct run *run, const struct format_node *n, json_t *dot)
{
	AUTO_JSON json_t *value = NULL;
	int r = eval(run, n->expr, dot, &value);

	if (r < 0)
		return r;
	format_print(value, run->out);
	if (ftell(run->out) > OUTPUT_MAX)
		return format_bad(run->template, n->expr->at, run->e,
				  "more than %d MiB come out of this", OUTPUT_MAX >> 20);

	return 0;
}

/* A list under which the variables @names (NULL: none) have these values. */
static int walk_with(struct run *run, const struct format_node *n, const char *const names[2],
		     json_t *first, json_t *second, json_t *dot)
{
	json_t *values[2] = { first, second };
	struct scope *outer = run->scope, scopes[2];
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(scopes); i++) {
		if (!names[i])
			continue;
		scopes[i] = (struct scope){ names[i], json_incref(values[i]), run->scope };
		run->scope = &scopes[i];
	}
	r = walk(run, n, dot);
	for (; run->scope != outer; run->scope = run->scope->outer)
		json_decref(run->scope->value);

	return r;
}

/* The rest of the list is what the variable is declared for. */
static int declare(struct run *run, const struct format_node *n, json_t *dot)
{
	AUTO_JSON json_t *value = NULL;
	const char *const names[2] = { n->variables[0] };
	int r = eval(run, n->expr, dot, &value);

	return r < 0 ? r : walk_with(run, n->next, names, value, NULL, dot);
}

static int assign(struct run *run, const struct format_node *n, json_t *dot)
{
	struct scope *s = find_variable(run, n->variables[0]);
	json_t *value;
	int r;

	if (!s)
		return format_bad(run->template, n->expr->at, run->e,
				  "no variable '$%s': := declares it", n->variables[0]);
	r = eval(run, n->expr, dot, &value);
	if (r < 0)
		return r;
	json_decref(s->value);
	s->value = value;

	return 0;
}

static int branch(struct run *run, const struct format_node *n, json_t *dot)
{
	AUTO_JSON json_t *value = NULL;
	const char *const names[2] = { n->variables[0] };
	int r = eval(run, n->expr, dot, &value);

	if (r < 0)
		return r;
	if (!format_is_true(value))
		return walk_with(run, n->otherwise, names, value, NULL, dot);

	return walk_with(run, n->body, names, value, NULL, n->kind == FORMAT_WITH ? value : dot);
}

static int range_array(struct run *run, const struct format_node *n, const json_t *list)
{
	json_t *item;
	size_t i;
	int r = 0;

	json_array_foreach(list, i, item) {
		AUTO_JSON json_t *number = json_integer((json_int_t)i);

		if (!number)
			return err_sys(run->e, ENOMEM, "fill a template");
		r = walk_with(run, n->body, n->variables, number, item, item);
		if (r < 0)
			break;
	}

	return r;
}

/* By key, as Go does. */
static int range_object(struct run *run, const struct format_node *n, const json_t *object)
{
	AUTO_FREE const char **keys = NULL;
	size_t count = format_keys(object, &keys);
	int r = 0;

	if (!keys)
		return err_sys(run->e, ENOMEM, "fill a template");
	for (size_t i = 0; i < count && r == 0; i++) {
		AUTO_JSON json_t *name = json_string_nocheck(keys[i]);
		json_t *member = json_object_get(object, keys[i]);

		r = name ? walk_with(run, n->body, n->variables, name, member, member)
			 : err_sys(run->e, ENOMEM, "fill a template");
	}

	return r;
}

static int range(struct run *run, const struct format_node *n, json_t *dot)
{
	AUTO_JSON json_t *value = NULL;
	int r = eval(run, n->expr, dot, &value);

	if (r < 0)
		return r;
	if (!json_is_array(value) && !json_is_object(value) && !json_is_null(value))
		return format_bad(run->template, n->expr->at, run->e, "range wants a list, not %s",
				  format_type_name(value));
	if (!format_is_true(value))
		return walk(run, n->otherwise, dot);

	return json_is_array(value) ? range_array(run, n, value) : range_object(run, n, value);
}

static int walk(struct run *run, const struct format_node *n, json_t *dot)
{
	int r = 0;

	for (; n && r == 0; n = n->next) {
		if (++run->steps > STEPS_MAX)
			return format_bad(run->template, run->template, run->e,
					  "it takes more than %d steps", STEPS_MAX);
		switch (n->kind) {
		case FORMAT_TEXT:
			fputs(n->text, run->out);
			break;
		case FORMAT_PRINT:
			r = print_value(run, n, dot);
			break;
		case FORMAT_DECLARE:
			return declare(run, n, dot);
		case FORMAT_ASSIGN:
			r = assign(run, n, dot);
			break;
		case FORMAT_IF:
		case FORMAT_WITH:
			r = branch(run, n, dot);
			break;
		case FORMAT_RANGE:
			r = range(run, n, dot);
			break;
		}
	}

	return r;
}

/* ---- the whole ----------------------------------------------------------- */

static int run_tree(const struct format_tree *tree, const json_t *value, char **ret, struct err *e)
{
	struct run run = {
		.template = tree->template,
		.root = (json_t *)(uintptr_t)value, /* references are counted in it, no more */
		.e = e,
	};
	AUTO_FREE char *text = NULL;
	size_t len;
	int r;

	run.out = open_memstream(&text, &len);
	if (!run.out)
		return err_sys(e, ENOMEM, "fill a template");
	r = walk(&run, tree->nodes, run.root);
	if (ferror(run.out) && r == 0)
		r = err_sys(e, ENOMEM, "fill a template");
	if (fclose(run.out) != 0 && r == 0)
		r = err_sys(e, errno, "fill a template");
	if (r == 0)
		*ret = MOVE_PTR(text);

	return r;
}

int format_run(const char *template, const json_t *value, char **ret, struct err *e)
{
	AUTO(format_tree_clear) struct format_tree tree = { 0 };
	AUTO_JSON json_t *text = json_string(template);
	int r;

	if (!text) /* strings of a template become values */
		return format_bad(template, template, e, "it is not UTF-8");
	r = format_parse(template, &tree, e);

	return r < 0 ? r : run_tree(&tree, value, ret, e);
}
