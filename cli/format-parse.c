/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * format-parse - a template's text to its tree
 *
 *	template  = { text | "{{" action "}}" }
 *	action    = comment | keyword ... | [ variables ( ":=" | "=" ) ] pipeline
 *	pipeline  = command { "|" command }
 *	command   = operand { operand }
 *	operand   = ( "." | ".Field" | "$name" | literal | function | "(" pipeline ")" ) { ".Field"
 *}
 */
#include "cli/format-tree.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/format-func.h"
#include "lib/err.h"

#define DEPTH_MAX 64 /* of parentheses and blocks, which are read by recursion */

/* ---- memory and errors --------------------------------------------------- */

struct format_block {
	struct format_block *next;
	max_align_t data[];
};

struct parser {
	struct format_tree *tree;
	const char *p; /* what is to be read */
	unsigned int depth;
	struct err *e;
	int r; /* the first error; parsing goes no further */
};

void format_tree_clear(struct format_tree *tree)
{
	while (tree->blocks) {
		struct format_block *next = tree->blocks->next;

		free(tree->blocks);
		tree->blocks = next;
	}
	tree->nodes = NULL;
}

int format_bad(const char *template, const char *at, struct err *e, const char *fmt, ...)
{
	unsigned int line = 1, column = 1;
	char text[512];
	va_list ap;

	for (const char *c = template; c < at; c++) {
		column = *c == '\n' ? 1 : column + 1;
		line += *c == '\n';
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	return err_say(e, EINVAL, "template, line %u, column %u: %s", line, column, text);
}

#define fail(p_, at_, ...)                                                                         \
	do {                                                                                       \
		if ((p_)->r == 0)                                                                  \
			(p_)->r = format_bad((p_)->tree->template, at_, (p_)->e, __VA_ARGS__);     \
	} while (0)

/* Zeroed, and freed with the tree. */
static void *take(struct parser *p, size_t size)
{
	struct format_block *b = calloc(1, sizeof(*b) + size);

	if (!b) {
		if (p->r == 0)
			p->r = err_sys(p->e, ENOMEM, "read a template");
		return NULL;
	}
	b->next = p->tree->blocks;
	p->tree->blocks = b;

	return b->data;
}

static const char *take_text(struct parser *p, const char *from, size_t len)
{
	char *text = take(p, len + 1);

	return text ? memcpy(text, from, len) : NULL;
}

static bool enter(struct parser *p)
{
	if (++p->depth > DEPTH_MAX)
		fail(p, p->p, "more than %d blocks and parentheses inside each other", DEPTH_MAX);

	return p->r == 0;
}

/* ---- words --------------------------------------------------------------- */

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static void skip_space(struct parser *p)
{
	p->p += strspn(p->p, " \t\r\n");
}

static size_t word_len(const char *text)
{
	size_t len = 0;

	while (is_word(text[len]))
		len++;

	return len;
}

static bool word_is(const char *word, size_t len, const char *text)
{
	return strlen(text) == len && memcmp(word, text, len) == 0;
}

/* The "}}" of an action, with or without its trim mark, is next. */
static bool at_end(const struct parser *p)
{
	return strncmp(p->p, "}}", 2) == 0 || strncmp(p->p, "-}}", 3) == 0;
}

/* ---- operands ------------------------------------------------------------ */

static struct format_expr *pipeline(struct parser *p);

static struct format_expr *new_expr(struct parser *p, enum format_expr_kind kind)
{
	struct format_expr *x = take(p, sizeof(*x));

	if (x) {
		x->kind = kind;
		x->at = p->p;
	}

	return x;
}

static void add_arg(struct format_expr *x, struct format_expr *arg)
{
	struct format_expr **end = &x->args;

	while (*end)
		end = &(*end)->next;
	*end = arg;
}

/* What \x stands for in a quoted string; 0: nothing. */
static char unescape(char c)
{
	static const char from[] = "ntr\\\"'", to[] = "\n\t\r\\\"'";
	const char *found = c ? strchr(from, c) : NULL;

	return found ? to[found - from] : '\0';
}

static struct format_expr *quoted(struct parser *p)
{
	struct format_expr *x = new_expr(p, FORMAT_STRING);
	const char *begin = p->p++;
	char *text = take(p, strlen(begin)), *to = text;

	if (!x || !text)
		return NULL;
	while (*p->p && *p->p != '"' && *p->p != '\n') {
		if (*p->p == '\\' && unescape(p->p[1]) == '\0') {
			fail(p, p->p,
			     "only \\n \\t \\r \\\\ \\\" and \\' can be written with a \\");
			return NULL;
		}
		*to++ = *p->p == '\\' ? unescape(*++p->p) : *p->p;
		p->p++;
	}
	if (*p->p != '"') {
		fail(p, begin, "a string without its closing \"");
		return NULL;
	}
	p->p++;
	x->name = text;

	return x;
}

static struct format_expr *raw_string(struct parser *p)
{
	struct format_expr *x = new_expr(p, FORMAT_STRING);
	const char *end = strchr(p->p + 1, '`');

	if (!end) {
		fail(p, p->p, "a string without its closing `");
		return NULL;
	}
	if (x)
		x->name = take_text(p, p->p + 1, (size_t)(end - p->p - 1));
	p->p = end + 1;

	return x;
}

static struct format_expr *number(struct parser *p)
{
	struct format_expr *x = new_expr(p, FORMAT_NUMBER);
	char *end;

	if (!x)
		return NULL;
	errno = 0;
	x->number = strtoll(p->p, &end, 10);
	if (errno != 0 || *end == '.' || is_word(*end))
		fail(p, p->p, "numbers are integers of 64 bits");
	p->p = end;

	return x;
}

static struct format_expr *variable(struct parser *p)
{
	struct format_expr *x = new_expr(p, FORMAT_VARIABLE);
	size_t len = word_len(p->p + 1);

	if (x)
		x->name = take_text(p, p->p + 1, len);
	p->p += 1 + len;

	return x;
}

static struct format_expr *word(struct parser *p)
{
	static const struct {
		const char *word;
		enum format_expr_kind kind;
	} constants[] = { { "true", FORMAT_TRUE },
			  { "false", FORMAT_FALSE },
			  { "nil", FORMAT_NIL } };
	struct format_expr *x = new_expr(p, FORMAT_CALL);
	const char *begin = p->p;
	size_t len = word_len(begin);

	p->p += len;
	if (!x)
		return NULL;
	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++) {
		if (word_is(begin, len, constants[i].word)) {
			x->kind = constants[i].kind;
			return x;
		}
	}
	x->function = format_function(begin, len);
	if (!x->function)
		fail(p, begin, "no function '%.*s'; there are: %s", (int)len, begin,
		     FORMAT_FUNCTIONS);

	return x;
}

static struct format_expr *parenthesis(struct parser *p)
{
	const char *begin = p->p++;
	struct format_expr *x;

	if (!enter(p))
		return NULL;
	x = pipeline(p);
	p->depth--;
	skip_space(p);
	if (*p->p != ')') {
		fail(p, begin, "a ( without its )");
		return NULL;
	}
	p->p++;

	return x;
}

/* ".Name" of @base. */
static struct format_expr *field(struct parser *p, struct format_expr *base)
{
	struct format_expr *x = new_expr(p, FORMAT_FIELD);
	size_t len = word_len(p->p + 1);

	if (!x || !base)
		return NULL;
	x->name = take_text(p, p->p + 1, len);
	add_arg(x, base);
	p->p += 1 + len;

	return x;
}

static struct format_expr *dot(struct parser *p)
{
	struct format_expr *x = new_expr(p, FORMAT_DOT);

	if (is_word(p->p[1]))
		return field(p, x);
	p->p++;

	return x;
}

static struct format_expr *primary(struct parser *p)
{
	switch (*p->p) {
	case '.':
		return dot(p);
	case '$':
		return variable(p);
	case '"':
		return quoted(p);
	case '`':
		return raw_string(p);
	case '(':
		return parenthesis(p);
	default:
		if (isdigit((unsigned char)*p->p) ||
		    (*p->p == '-' && isdigit((unsigned char)p->p[1])))
			return number(p);
		if (is_word(*p->p))
			return word(p);
	}
	if (*p->p == '\0')
		fail(p, p->p, "{{ without its }}");
	else
		fail(p, p->p, "'%c' is not understood here", *p->p);

	return NULL;
}

static struct format_expr *operand(struct parser *p)
{
	struct format_expr *x = primary(p);

	while (x && *p->p == '.' && is_word(p->p[1]))
		x = field(p, x);

	return p->r == 0 ? x : NULL;
}

/* ---- pipelines ----------------------------------------------------------- */

static bool takes_args(const struct format_expr *x)
{
	return x->kind == FORMAT_CALL || x->kind == FORMAT_FIELD;
}

static bool at_operand(const struct parser *p)
{
	return *p->p != '\0' && *p->p != '|' && *p->p != ')' && !at_end(p);
}

static struct format_expr *command(struct parser *p)
{
	struct format_expr *x;

	skip_space(p);
	x = operand(p);
	skip_space(p);
	while (x && at_operand(p)) {
		struct format_expr *arg;

		if (!takes_args(x)) {
			fail(p, p->p,
			     "what stands before it is no function, and takes no argument");
			return NULL;
		}
		arg = operand(p);
		if (!arg)
			return NULL;
		add_arg(x, arg);
		skip_space(p);
	}

	return x;
}

static struct format_expr *pipeline(struct parser *p)
{
	struct format_expr *x = command(p);

	while (x && *p->p == '|') {
		const char *bar = p->p++;
		struct format_expr *next = command(p);

		if (!next)
			return NULL;
		if (!takes_args(next)) {
			fail(p, bar, "what stands behind | is no function");
			return NULL;
		}
		add_arg(next, x);
		x = next;
	}

	return x;
}

/* ---- actions ------------------------------------------------------------- */

/* What ended a list of nodes. */
enum ending { END_OF_TEMPLATE, END_OF_BLOCK, END_ELSE };

static struct format_node *list(struct parser *p, enum ending *ret_ending);

static struct format_node *new_node(struct parser *p, enum format_node_kind kind)
{
	struct format_node *n = take(p, sizeof(*n));

	if (n)
		n->kind = kind;

	return n;
}

static void close_action(struct parser *p)
{
	skip_space(p);
	if (p->r != 0)
		return;
	if (strncmp(p->p, "-}}", 3) == 0) {
		p->p += 3;
		skip_space(p);
	} else if (strncmp(p->p, "}}", 2) == 0) {
		p->p += 2;
	} else if (*p->p == '\0') {
		fail(p, p->p, "{{ without its }}");
	} else {
		fail(p, p->p, "'%c' is not understood here", *p->p);
	}
}

/* Reads "$a, $b :=", if that is next, and makes of a print what that says.  Return: whether it was.
 */
static bool variables(struct parser *p, struct format_node *n)
{
	const char *c = p->p, *begin[2];
	size_t len[2], count = 0;

	do {
		c += count > 0 ? strspn(c, ", ") : 0;
		if (*c != '$')
			return false;
		begin[count] = c + 1;
		len[count] = word_len(c + 1);
		c += 1 + len[count++];
		c += strspn(c, " ");
	} while (*c == ',' && count < 2);
	if (strncmp(c, ":=", 2) != 0 && *c != '=')
		return false;

	if (n->kind == FORMAT_PRINT)
		n->kind = *c == ':' ? FORMAT_DECLARE : FORMAT_ASSIGN;
	p->p = c + (*c == ':' ? 2 : 1);
	for (size_t i = 0; i < count; i++)
		n->variables[i] = take_text(p, begin[i], len[i]);

	return true;
}

/* Of one variable, range sets the element. */
static void order_range_variables(struct format_node *n)
{
	if (n->variables[0] && !n->variables[1]) {
		n->variables[1] = n->variables[0];
		n->variables[0] = NULL;
	}
}

static struct format_node *block(struct parser *p, enum format_node_kind kind);

/* Behind {{else: the end of it, or the if or with that stands for its whole. */
static struct format_node *otherwise(struct parser *p, enum format_node_kind kind)
{
	enum ending ending = END_OF_BLOCK;
	const char *begin = p->p;
	struct format_node *n;
	size_t len;

	skip_space(p);
	len = word_len(p->p);
	if (len > 0) {
		if (!word_is(p->p, len, "if") || kind != FORMAT_IF) {
			fail(p, p->p, "only if can stand behind else, in an if");
			return NULL;
		}
		p->p += len;
		return block(p, FORMAT_IF);
	}
	close_action(p);
	n = list(p, &ending);
	if (p->r == 0 && ending != END_OF_BLOCK)
		fail(p, begin, "an else without its {{end}}");

	return n;
}

/* From behind the keyword to its {{end}}. */
static struct format_node *block(struct parser *p, enum format_node_kind kind)
{
	struct format_node *n = new_node(p, kind);
	enum ending ending = END_OF_TEMPLATE;
	const char *begin = p->p;

	if (!n || !enter(p))
		return NULL;
	skip_space(p);
	if (variables(p, n) && kind == FORMAT_RANGE)
		order_range_variables(n);
	n->expr = pipeline(p);
	close_action(p);
	if (p->r == 0)
		n->body = list(p, &ending);
	if (p->r == 0 && ending == END_OF_TEMPLATE)
		fail(p, begin, "a block without its {{end}}");
	if (p->r == 0 && ending == END_ELSE)
		n->otherwise = otherwise(p, kind);
	p->depth--;

	return n;
}

static struct format_node *print_or_assign(struct parser *p)
{
	struct format_node *n = new_node(p, FORMAT_PRINT);

	if (!n)
		return NULL;
	(void)variables(p, n);
	n->expr = pipeline(p);
	close_action(p);

	return n;
}

static void comment(struct parser *p)
{
	const char *end = strstr(p->p + 2, "*/");

	if (!end) {
		fail(p, p->p, "a comment without its */");
		return;
	}
	p->p = end + 2;
	close_action(p);
}

/*
 * One action, from behind its "{{".  Return: NULL without a node, also at the
 * end of a list, which @ret_ending tells then.
 */
static struct format_node *action(struct parser *p, enum ending *ret_ending)
{
	static const struct {
		const char *word;
		enum format_node_kind kind;
	} blocks[] = { { "if", FORMAT_IF }, { "with", FORMAT_WITH }, { "range", FORMAT_RANGE } };
	size_t len;

	skip_space(p);
	if (strncmp(p->p, "/*", 2) == 0) {
		comment(p);
		return NULL;
	}
	len = word_len(p->p);
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		if (word_is(p->p, len, blocks[i].word)) {
			p->p += len;
			return block(p, blocks[i].kind);
		}
	}
	if (word_is(p->p, len, "end")) {
		p->p += len;
		close_action(p);
		*ret_ending = END_OF_BLOCK;
		return NULL;
	}
	if (word_is(p->p, len, "else")) {
		p->p += len;
		*ret_ending = END_ELSE;
		return NULL;
	}

	return print_or_assign(p);
}

/* ---- text ---------------------------------------------------------------- */

/* \t and \n are written as such in a shell's quotes. */
static size_t copy_text(char *to, const char *from, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = from[i];

		if (c == '\\' && i + 1 < len && (from[i + 1] == 't' || from[i + 1] == 'n'))
			c = from[++i] == 't' ? '\t' : '\n';
		to[n++] = c;
	}

	return n;
}

/* "{{- " takes the white space in front of it. */
static size_t trimmed(const char *text, size_t len)
{
	while (len > 0 && strchr(" \t\r\n", text[len - 1]))
		len--;

	return len;
}

/* Up to the next "{{", which is skipped, or to the end. */
static struct format_node *text(struct parser *p, bool *ret_more)
{
	const char *begin = p->p, *open = strstr(begin, "{{");
	size_t len = open ? (size_t)(open - begin) : strlen(begin);
	struct format_node *n;
	char *copy;

	*ret_more = open;
	p->p = open ? open + 2 : begin + len;
	if (open && *p->p == '-' && isspace((unsigned char)p->p[1])) {
		len = trimmed(begin, len);
		p->p++;
	}
	if (len == 0)
		return NULL;
	n = new_node(p, FORMAT_TEXT);
	copy = take(p, len + 1);
	if (n && copy) {
		copy_text(copy, begin, len);
		n->text = copy;
	}

	return n;
}

/* Appends to the list that @end is the end of.  Return: its new end. */
static struct format_node **append(struct format_node **end, struct format_node *n)
{
	*end = n;

	return n ? &n->next : end;
}

static struct format_node *list(struct parser *p, enum ending *ret_ending)
{
	struct format_node *first = NULL, **end = &first;
	bool more = true;

	*ret_ending = END_OF_TEMPLATE;
	while (p->r == 0) {
		end = append(end, text(p, &more));
		if (!more || p->r != 0)
			break;
		end = append(end, action(p, ret_ending));
		if (*ret_ending != END_OF_TEMPLATE)
			break;
	}

	return first;
}

int format_parse(const char *template, struct format_tree *ret, struct err *e)
{
	struct format_tree tree = { .template = template };
	struct parser p = { .tree = &tree, .p = template, .e = e };
	enum ending ending;

	tree.nodes = list(&p, &ending);
	if (p.r == 0 && ending != END_OF_TEMPLATE)
		fail(&p, p.p, "{{%s}} without a block", ending == END_ELSE ? "else" : "end");
	if (p.r < 0) {
		format_tree_clear(&tree);
		return p.r;
	}
	*ret = tree;

	return 0;
}
