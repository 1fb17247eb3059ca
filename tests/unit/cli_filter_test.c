/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli_filter_test - which networks a filter means, points in time, and the order of names */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/filter.h"
#include "cli/natural.h"
#include "cli/when.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/network.h"

/* What struct network would own; nothing here is changed or freed. */
static char name[] = "lows-network", bridge[] = "bridge", created[] = "2026-11-22T08:00:00.5Z";
static char tier[] = "tier", front[] = "front", owner[] = "owner", nobody[] = "";
static struct network_pair labels[] = { { tier, front }, { owner, nobody } };

static struct network lows(void)
{
	struct network net = {
		.name = name,
		.driver = bridge,
		.scope = NETWORK_LOCAL,
		.created = created,
		.labels = { labels, ARRAY_SIZE(labels) },
	};

	network_id(net.name, net.id);

	return net;
}

/* "key=value key=value". */
static struct filters filters_of(const char *words)
{
	AUTO_FREE char *copy = strdup(words);
	struct filters f = { 0 };
	struct err e = { 0 };

	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		if (filters_add(&f, word, &e) < 0)
			fail_msg("%s", e.msg);

	return f;
}

static void assert_matches(const char *words, const struct network *net, bool in_use, bool want)
{
	AUTO(filters_clear) struct filters f = filters_of(words);

	if (filters_match(&f, net, in_use) != want)
		fail_msg("%s should%s match %s", words, want ? "" : " not", net->name);
}

static void each_key_has_its_way_to_match(void **state)
{
	static const struct {
		const char *words;
		bool want;
	} cases[] = {
		{ "", true },
		{ "driver=bridge", true },
		{ "driver=brid", false },
		{ "name=lows-network", true },
		{ "name=lows", true },
		{ "name=^network", false },
		{ "name=work$", true },
		{ "name=l.w", true },
		{ "name=(a|lows)-", true },
		{ "name=[", false },
		{ "scope=local", true },
		{ "scope=swarm", false },
		{ "type=custom", true },
		{ "type=builtin", false },
		{ "label=tier", true },
		{ "label=tier=front", true },
		{ "label=tier=back", false },
		{ "label=tie", false },
		{ "label=owner=", true },
		{ "label=owner", true },
		{ "label!=tier", false },
		{ "label!=tier=back", true },
		{ "until=2026-11-22T08:00:00.4Z", false },
		{ "until=2026-11-22T08:00:00.6Z", true },
	};
	const struct network net = lows();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_matches(cases[i].words, &net, false, cases[i].want);
}

static void an_id_matches_whole_or_in_part(void **state)
{
	const struct network net = lows();
	char words[128];

	(void)state;
	snprintf(words, sizeof(words), "id=%s", net.id);
	assert_matches(words, &net, false, true);
	snprintf(words, sizeof(words), "id=^%.6s", net.id);
	assert_matches(words, &net, false, true);
	assert_matches("id=^zz", &net, false, false);
}

static void one_value_of_a_key_is_enough_and_every_key_must_match(void **state)
{
	const struct network net = lows();

	(void)state;
	assert_matches("driver=macvlan driver=bridge", &net, false, true);
	assert_matches("driver=bridge name=other", &net, false, false);
	assert_matches("type=custom type=builtin", &net, false, true);
	assert_matches("label=tier label=owner", &net, false, true);
	assert_matches("label=tier label=other", &net, false, false);
}

static void what_nothing_is_attached_to_dangles(void **state)
{
	const struct network net = lows();
	struct network predefined = lows();

	(void)state;
	predefined.name = bridge;
	assert_matches("dangling=true", &net, false, true);
	assert_matches("dangling=1", &net, true, false);
	assert_matches("dangling=0", &net, true, true);
	assert_matches("dangling=false", &net, false, false);
	assert_matches("dangling=true", &predefined, false, false);
	assert_matches("dangling=false", &predefined, false, true);
	assert_matches("type=builtin", &predefined, false, true);
}

static void keys_are_read_in_any_case(void **state)
{
	AUTO(filters_clear) struct filters f = { 0 };

	(void)state;
	assert_int_equal(filters_add(&f, " Driver = a=b ", NULL), 0);
	assert_string_equal(f.v[0].key, "driver");
	assert_string_equal(f.v[0].value, "a=b");
}

static void only_dangling_needs_to_know_the_use(void **state)
{
	AUTO(filters_clear) struct filters with = filters_of("name=a dangling=true");
	AUTO(filters_clear) struct filters without = filters_of("name=a label=dangling");

	(void)state;
	assert_true(filters_need_use(&with));
	assert_false(filters_need_use(&without));
}

static void what_is_not_known_is_refused(void **state)
{
	static const struct {
		const char *words;
		int (*check)(const struct filters *f, struct err *e);
		const char *want;
	} cases[] = {
		{ "foo=1", filters_check_ls,
		  "invalid filter 'foo': there are dangling, driver, id" },
		{ "until=1h", filters_check_ls, "invalid filter 'until'" },
		{ "name=a", filters_check_prune, "invalid filter 'name': there are label, label!" },
		{ "type=x", filters_check_ls, "invalid filter: 'type'='x'" },
		{ "dangling=yes", filters_check_ls, "invalid filter 'dangling=yes'" },
		{ "dangling=1 dangling=0", filters_check_ls,
		  "got more than one value for filter key 'dangling'" },
		{ "scope=here", filters_check_ls, "invalid filter 'scope=here'" },
		{ "until=soon", filters_check_prune, "invalid filter 'until=soon'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(filters_clear) struct filters f = filters_of(cases[i].words);
		struct err e = { 0 };

		assert_int_equal(cases[i].check(&f, &e), -EINVAL);
		if (strncmp(e.msg, cases[i].want, strlen(cases[i].want)) != 0)
			fail_msg("\"%s\" should begin with \"%s\"", e.msg, cases[i].want);
	}
}

static void a_filter_without_a_value_is_bad_format(void **state)
{
	AUTO(filters_clear) struct filters f = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(filters_add(&f, "driver", &e), -EINVAL);
	assert_non_null(strstr(e.msg, "bad format of filter (expected name=value)"));
}

static void what_is_known_is_accepted(void **state)
{
	AUTO(filters_clear)
	struct filters ls = filters_of(
		"dangling=1 driver=a id=b label=c name=[ scope=swarm type=custom type=builtin");
	AUTO(filters_clear) struct filters prune = filters_of("label=a label!=b until=24h");

	(void)state;
	assert_int_equal(filters_check_ls(&ls, NULL), 0);
	assert_int_equal(filters_check_prune(&prune, NULL), 0);
}

/* ---- points in time ------------------------------------------------------ */

struct moment {
	const char *text;
	time_t sec;
	long nsec;
};

static void assert_moments(const struct moment *moments, size_t n, struct timespec now)
{
	for (size_t i = 0; i < n; i++) {
		struct timespec t = { 0 };

		if (when_parse(moments[i].text, &now, &t) < 0 || t.tv_sec != moments[i].sec ||
		    t.tv_nsec != moments[i].nsec)
			fail_msg("%s gave %lld.%09ld", moments[i].text, (long long)t.tv_sec,
				 t.tv_nsec);
	}
}

static void durations_count_back_from_now(void **state)
{
	static const struct moment moments[] = {
		{ "10m", 1000 - 600, 500 },
		{ "1h30m", 1000 - 5400, 500 },
		{ "1.5s", 998, 500000500 },
		{ "-10s", 1010, 500 },
		{ "+1s", 999, 500 },
		{ "500ns", 1000, 0 },
		{ "501ns", 999, 999999999 },
		{ "1us", 999, 999999500 },
		{ "1\u00b5s", 999, 999999500 },
		{ "2ms", 999, 998000500 },
		{ "0.5h", 1000 - 1800, 500 },
		{ ".5s", 999, 500000500 },
		{ "-999999999.5ns", 1001, 499 },
	};

	(void)state;
	assert_moments(moments, ARRAY_SIZE(moments), (struct timespec){ 1000, 500 });
}

static void dates_are_read_with_or_without_a_zone(void **state)
{
	static const struct moment moments[] = {
		{ "2026-11-22T08:00:00Z", 1795334400, 0 },
		{ "2026-11-22T08:00:00.123456789Z", 1795334400, 123456789 },
		{ "2026-11-22T10:00:00+02:00", 1795334400, 0 },
		{ "2026-11-22T05:30:00-02:30", 1795334400, 0 },
		{ "2026-11-22T08:00", 1795334400, 0 },
		{ "2026-11-22", 1795305600, 0 },
		{ "1795334400", 1795334400, 0 },
		{ "1795334400.25", 1795334400, 250000000 },
	};

	(void)state;
	setenv("TZ", "UTC", 1);
	assert_moments(moments, ARRAY_SIZE(moments), (struct timespec){ 0 });
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"x",
		"10h ",
		"10x",
		"1h30",
		"2026-13-01",
		"2026-11-32",
		"2026-11-22T",
		"2026-11-22T24:00:00Z",
		"2026-11-22Tx",
		"2026-11-22+1",
		"2026-11-22T08:00:00z",
		"1795334400x",
		"99999999999999999999",
		"99999999999h",
	};
	const struct timespec now = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct timespec t = { 0 };

		if (when_parse(texts[i], &now, &t) != -EINVAL)
			fail_msg("\"%s\" should be refused", texts[i]);
	}
}

/* ---- names --------------------------------------------------------------- */

static void names_are_in_the_order_in_which_people_count(void **state)
{
	static const char *const sorted[] = {
		"",
		"-",
		"1",
		"01",
		"2",
		"10",
		"a",
		"a1",
		"a1b",
		"a01",
		"a2",
		"a2b1",
		"a2b2",
		"a2b10",
		"a10",
		"a10a",
		"a100",
		"a99999999999999999999998",
		"a99999999999999999999999",
		"ab",
		"b",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(sorted); k++) {
			int got = natural_cmp(sorted[i], sorted[k]);

			if ((got > 0) - (got < 0) != (i > k) - (i < k))
				fail_msg("%s, %s: %d", sorted[i], sorted[k], got);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_has_its_way_to_match),
		cmocka_unit_test(an_id_matches_whole_or_in_part),
		cmocka_unit_test(one_value_of_a_key_is_enough_and_every_key_must_match),
		cmocka_unit_test(what_nothing_is_attached_to_dangles),
		cmocka_unit_test(keys_are_read_in_any_case),
		cmocka_unit_test(only_dangling_needs_to_know_the_use),
		cmocka_unit_test(what_is_not_known_is_refused),
		cmocka_unit_test(a_filter_without_a_value_is_bad_format),
		cmocka_unit_test(what_is_known_is_accepted),
		cmocka_unit_test(durations_count_back_from_now),
		cmocka_unit_test(dates_are_read_with_or_without_a_zone),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(names_are_in_the_order_in_which_people_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
