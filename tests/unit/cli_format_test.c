/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli_format_test - templates, what they make of a network, and what is wrong with them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/format.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static const char network[] =
	"{'Name':'lows-network','Id':'0123456789abcdef','Internal':false,'Attachable':true,"
	"'Empty':'','Nothing':null,"
	"'IPAM':{'Driver':'default','Options':null,'Config':["
	"  {'Subnet':'192.168.1.0/24','Gateway':'192.168.1.1','.IPRange':''},"
	"  {'Subnet':'fd00::/64','Gateway':'fd00::1','.IPRange':''}]},"
	"'Containers':{'b':{'Name':'db','N':2},'a':{'Name':'web','N':10}},"
	"'Labels':{'tier':'front','a.b':'c'},'.Label':{'tier':'front'},'Options':{},"
	"'Words':['x','y']}";

/* @json has ' for ". */
static json_t *value_of(const char *json)
{
	AUTO_FREE char *text = strdup(json);
	json_error_t error;
	json_t *value;

	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	value = json_loads(text, JSON_DECODE_ANY, &error);
	if (!value)
		fail_msg("%s: %s", text, error.text);

	return value;
}

static void assert_fills(const char *template, const char *want)
{
	AUTO_JSON json_t *value = value_of(network);
	AUTO_FREE char *got = NULL;
	struct err e = { 0 };

	if (format_run(template, value, &got, &e) < 0)
		fail_msg("%s: %s", template, e.msg);
	if (strcmp(got, want) != 0)
		fail_msg("%s gave \"%s\", not \"%s\"", template, got, want);
}

struct fills {
	const char *template, *want;
};

static void assert_all(const struct fills *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_fills(cases[i].template, cases[i].want);
}

static void fields_are_found_by_their_path(void **state)
{
	static const struct fills cases[] = {
		{ "", "" },
		{ "no action at all", "no action at all" },
		{ "{{.Name}}", "lows-network" },
		{ "{{ .Name }}: {{.Internal}}", "lows-network: false" },
		{ "{{.IPAM.Driver}}", "default" },
		{ "{{(index .IPAM.Config 1).Gateway}}", "fd00::1" },
		{ "{{$.Name}}", "lows-network" },
		{ "{{.IPAM.Config}}", "[map[Gateway:192.168.1.1 Subnet:192.168.1.0/24] "
				      "map[Gateway:fd00::1 Subnet:fd00::/64]]" },
		{ "{{.Nothing}}", "<no value>" },
		{ "{{.Nothing.More}}", "<no value>" },
	};

	(void)state;
	assert_all(cases, ARRAY_SIZE(cases));
}

static void labels_are_asked_by_their_key(void **state)
{
	static const struct fills cases[] = {
		{ "{{.Labels}}", "map[a.b:c tier:front]" },
		{ "{{.Labels.tier}}", "front" },
		{ "{{.Labels.other}}", "" },
		{ "{{.Label \"tier\"}}", "front" },
		{ "{{.Label \"other\"}}", "" },
		{ "{{index .Labels \"a.b\"}}", "c" },
		{ "{{index .Labels \"other\"}}", "" },
	};

	(void)state;
	assert_all(cases, ARRAY_SIZE(cases));
}

static void what_is_for_templates_alone_is_found_but_not_shown(void **state)
{
	static const struct fills cases[] = {
		{ "{{range .IPAM.Config}}[{{.IPRange}}]{{end}}", "[][]" },
		{ "{{json (index .IPAM.Config 0)}}",
		  "{\"Subnet\":\"192.168.1.0/24\",\"Gateway\":\"192.168.1.1\"}" },
		{ "{{range .}}{{if eq . \"front\"}}shown{{end}}{{end}}", "" },
	};

	(void)state;
	assert_all(cases, ARRAY_SIZE(cases));
}

static void blocks_choose_and_repeat(void **state)
{
	static const struct fills cases[] = {
		{ "{{range .IPAM.Config}}{{.Subnet}} {{end}}", "192.168.1.0/24 fd00::/64 " },
		{ "{{range $k, $c := .Containers}}{{$k}}={{$c.Name}};{{end}}", "a=web;b=db;" },
		{ "{{range $i, $w := .Words}}{{$i}}{{$w}}{{end}}", "0x1y" },
		{ "{{range $w := .Words}}{{$w}}{{end}}", "xy" },
		{ "{{range .Options}}some{{else}}none{{end}}", "none" },
		{ "{{range .Nothing}}some{{else}}none{{end}}", "none" },
		{ "{{if .Internal}}yes{{else}}no{{end}}", "no" },
		{ "{{if .Internal}}1{{else if .Attachable}}2{{else}}3{{end}}", "2" },
		{ "{{if .Empty}}1{{else if .Options}}2{{else if .Nothing}}3{{else}}4{{end}}", "4" },
		{ "{{with .IPAM}}{{.Driver}}{{end}}", "default" },
		{ "{{with .Empty}}some{{else}}{{.Name}}{{end}}", "lows-network" },
		{ "{{with $x := .Name}}{{$x}}{{end}}", "lows-network" },
		{ "{{$x := 1}}{{if true}}{{$x = .Name}}{{end}}{{$x}}", "lows-network" },
		{ "{{$x := 1}}{{range .Words}}{{$x := .}}{{$x}}{{end}}{{$x}}", "xy1" },
		{ "{{range .Words}}{{$.Name}}{{end}}", "lows-networklows-network" },
	};

	(void)state;
	assert_all(cases, ARRAY_SIZE(cases));
}

static void functions_do_as_in_go(void **state)
{
	static const struct fills cases[] = {
		{ "{{upper .Name}} {{lower \"ABC\"}} {{title \"a bc\"}}", "LOWS-NETWORK abc A Bc" },
		{ "{{.Name | upper | printf \"%-14s|\"}}", "LOWS-NETWORK  |" },
		{ "{{printf \"%s has %d, %q %v %%\" .Name 2 \"a\" true}}",
		  "lows-network has 2, \"a\" true %" },
		{ "{{printf \"%5s|%-5s|\" \"ab\" \"cd\"}}", "   ab|cd   |" },
		{ "{{println .Internal .Name 1}}", "false lows-network 1\n" },
		{ "{{print 1 2 \"a\" 3}}", "1 2a3" },
		{ "{{len .Containers}} {{len .Words}} {{len .Id}}", "2 2 16" },
		{ "{{join .Words \", \"}}", "x, y" },
		{ "{{join (split \"a.b\" \".\") \"/\"}}", "a/b" },
		{ "{{truncate .Id 12}}|{{truncate \"a\\\"b\" 9}}", "0123456789ab|a\"b" },
		{ "{{truncate `äöü` 2}}", "äö" },
		{ "{{pad \"x\" 1 2}}|{{pad \"\" 3 3}}|", " x  ||" },
		{ "{{json .Labels}}", "{\"tier\":\"front\",\"a.b\":\"c\"}" },
		{ "{{json .Name}}{{json .Nothing}}", "\"lows-network\"null" },
		{ "{{eq .Name \"a\" \"lows-network\"}} {{ne 1 2}}", "true true" },
		{ "{{lt 1 2}}{{le 2 2}}{{gt \"b\" \"a\"}}{{ge 1 2}}", "truetruetruefalse" },
		{ "{{and 1 0 2}} {{or 0 \"\" 3}} {{not false}}", "0 3 true" },
		{ "{{index .IPAM \"Config\" 0 \"Gateway\"}}", "192.168.1.1" },
		{ "{{range .Containers}}{{if gt .N 5}}{{.Name}}{{end}}{{end}}", "web" },
		{ "{{-3}} {{true}} {{nil}}", "-3 true <no value>" },
	};

	(void)state;
	assert_all(cases, ARRAY_SIZE(cases));
}

static void white_space_is_kept_trimmed_or_made(void **state)
{
	static const struct fills cases[] = {
		{ "a\\tb\\nc", "a\tb\nc" },
		{ "{{\"\\t\"}}{{`\\t`}}", "\t\\t" },
		{ "a \n {{- .Internal -}} \n b", "afalseb" },
		{ "a {{/* nothing */}} b", "a  b" },
		{ "a {{- /* nothing */ -}} b", "ab" },
		{ "\\x", "\\x" },
	};

	(void)state;
	assert_all(cases, ARRAY_SIZE(cases));
}

static void errors_name_the_place(void **state)
{
	static const struct {
		const char *template, *want;
	} cases[] = {
		{ "{{.Nmae}}", "line 1, column 3: no field 'Nmae'; there are: Name, Id," },
		{ "{{.IPAM.Cofnig}}", "line 1, column 8: no field 'Cofnig'; there are: Driver" },
		{ "a\nb{{.Name", "line 2, column 9: {{ without its }}" },
		{ "{{uper .Name}}", "column 3: no function 'uper'; there are: and, eq," },
		{ "{{if .Name}}", "column 5: a block without its {{end}}" },
		{ "{{if .Name}}a{{else}}b", "column 20: an else without its {{end}}" },
		{ "a{{end}}", "{{end}} without a block" },
		{ "a{{else}}", "{{else}} without a block" },
		{ "{{\"a}}", "column 3: a string without its closing \"" },
		{ "{{`a}}", "column 3: a string without its closing `" },
		{ "{{\"\\q\"}}", "column 4: only \\n \\t" },
		{ "{{(.Name}}", "column 3: a ( without its )" },
		{ "{{}}", "column 3: '}' is not understood here" },
		{ "{{.Name )}}", "column 9: ')' is not understood here" },
		{ "{{1.5}}", "column 3: numbers are integers" },
		{ "{{99999999999999999999}}", "column 3: numbers are integers" },
		{ "{{$x}}", "column 3: no variable '$x'" },
		{ "{{$x = 1}}", "no variable '$x': := declares it" },
		{ "{{.Name 1}}", "column 3: .Name cannot be asked with arguments" },
		{ "{{1 2}}", "column 5: what stands before it is no function" },
		{ "{{.Name | 1}}", "column 9: what stands behind | is no function" },
		{ "{{upper 1}}", "column 3: upper: wants a string, not a number" },
		{ "{{upper}}", "column 3: upper wants 1 arguments, not 0" },
		{ "{{index .Words 2}}", "index: there is no item 2 in a list of 2" },
		{ "{{index .Words \"a\"}}", "index: wants the number of an item, not a string" },
		{ "{{index .Name 0}}", "index: a string has no items" },
		{ "{{lt 1 \"a\"}}", "lt: cannot order a number and a string" },
		{ "{{printf \"%x\" 1}}", "printf: knows %s %v %d %q" },
		{ "{{printf \"%d\" \"a\"}}", "printf: %d wants a number, not a string" },
		{ "{{printf \"%s\"}}", "printf: has more verbs than values" },
		{ "{{printf \"%9999s\" 1}}", "with a width of up to 1024" },
		{ "{{pad \"a\" 1 9999}}", "pad: wants a number of 0 to 1024" },
		{ "{{range .Name}}{{end}}", "range wants a list, not a string" },
		{ "{{.Name.More}}", "a string has no field 'More'" },
		{ "{{/* }}", "a comment without its */" },
		{ "{{with .Name}}{{else if 1}}{{end}}{{end}}", "only if can stand behind else" },
		{ "{{len 1}}", "len: a number has no length" },
		{ "{{\"\xb1\"}}", "it is not UTF-8" },
		{ "{{define \"x\"}}", "no function 'define'" },
	};
	AUTO_JSON json_t *value = value_of(network);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = { 0 };
		char *got = NULL;

		if (format_run(cases[i].template, value, &got, &e) != -EINVAL || got)
			fail_msg("%s should be refused", cases[i].template);
		if (strncmp(e.msg, "template, line ", 15) != 0 || !strstr(e.msg, cases[i].want))
			fail_msg("%s: \"%s\" should have \"%s\"", cases[i].template, e.msg,
				 cases[i].want);
	}
}

static void assert_refused(const char *template, const char *want)
{
	AUTO_JSON json_t *value = value_of(network);
	char *got = NULL;
	struct err e = { 0 };

	assert_int_equal(format_run(template, value, &got, &e), -EINVAL);
	assert_null(got);
	if (!strstr(e.msg, want))
		fail_msg("\"%s\" should have \"%s\"", e.msg, want);
}

static void nesting_has_a_limit(void **state)
{
	char template[512] = "{{";

	(void)state;
	memset(template + 2, '(', 400);
	assert_refused(template, "more than 64 blocks and parentheses");
}

static void what_would_never_end_is_ended(void **state)
{
	AUTO_FREE char *loops = calloc(1, 1024), *doubles = calloc(1, 2048);

	(void)state;
	for (size_t i = 0; i < 30; i++)
		strcat(loops, "{{range $.Words}}");
	for (size_t i = 0; i < 30; i++)
		strcat(loops, "{{end}}");
	assert_refused(loops, "more than 1000000 steps");

	strcat(doubles, "{{$x := \"0123456789\"}}");
	for (size_t i = 0; i < 30; i++)
		strcat(doubles, "{{$x = print $x $x}}");
	assert_refused(doubles, "print: makes a text of more than 16 MiB");
}

static void the_value_is_given_back_as_it_was(void **state)
{
	AUTO_JSON json_t *value = value_of(network);
	AUTO_JSON json_t *before = json_deep_copy(value);
	AUTO_FREE char *got = NULL;

	(void)state;
	assert_int_equal(format_run("{{$x := .}}{{range $k, $v := $x}}{{json $v}}{{end}}", value,
				    &got, NULL),
			 0);
	assert_true(json_equal(value, before));
	assert_int_equal(value->refcount, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_found_by_their_path),
		cmocka_unit_test(labels_are_asked_by_their_key),
		cmocka_unit_test(what_is_for_templates_alone_is_found_but_not_shown),
		cmocka_unit_test(blocks_choose_and_repeat),
		cmocka_unit_test(functions_do_as_in_go),
		cmocka_unit_test(white_space_is_kept_trimmed_or_made),
		cmocka_unit_test(errors_name_the_place),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(what_would_never_end_is_ended),
		cmocka_unit_test(the_value_is_given_back_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
