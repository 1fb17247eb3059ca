/* SPDX-License-Identifier: GPL-2.0-or-later */
/* overlay_endpoint - what a row says of an endpoint, there and back */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "overlay/endpoint.h"
#include "tests/unit/addresses.h"

static struct row *row_of(const struct endpoint_text *t)
{
	uint8_t value[ROW_VALUE_MAX];
	size_t len = endpoint_write(t, value);
	const struct row_text text = {
		.kind = ROW_ENDPOINT,
		.key = (const uint8_t *)"key",
		.key_len = 3,
		.value = value,
		.value_len = (uint16_t)len,
	};
	struct row *row;

	assert_true(len > 0);
	row = row_make(&text, 1, false);
	assert_non_null(row);

	return row;
}

static void all_that_is_said_is_read(void **state)
{
	const struct endpoint_text said = {
		.mac = { 2, 1, 2, 3, 4, 5 },
		.ips = { ip_of("10.1.0.5"), ip_of("fd01::5") },
		.n_ips = 2,
		.container = "0123456789abcdef",
		.ifname = "eth0",
		.names = { "web", "www" },
		.n_names = 2,
		.mtu = 1450,
	};
	struct row *row = row_of(&said);
	struct endpoint_text t;

	(void)state;
	assert_true(endpoint_read(row, &t));
	assert_memory_equal(t.mac, said.mac, 6);
	assert_int_equal(t.n_ips, 2);
	assert_true(ip_equal(&t.ips[0], &said.ips[0]) && ip_equal(&t.ips[1], &said.ips[1]));
	assert_string_equal(t.container, said.container);
	assert_string_equal(t.ifname, "eth0");
	assert_int_equal(t.n_names, 2);
	assert_string_equal(t.names[1], "www");
	assert_int_equal(t.mtu, 1450);
	free(row);
}

static void what_does_not_fit_is_refused(void **state)
{
	struct endpoint_text t = { .n_names = ENDPOINT_NAMES };
	uint8_t value[ROW_VALUE_MAX];

	(void)state;
	for (size_t i = 0; i < ENDPOINT_NAMES; i++)
		snprintf(t.names[i], sizeof(t.names[i]), "%063d", 1);
	assert_int_equal(endpoint_write(&t, value), 0);
	t.n_names = 4;
	assert_true(endpoint_write(&t, value) > 0);
}

static void a_row_that_says_nothing_sensible_is_not_read(void **state)
{
	static const uint8_t bad[][8] = {
		{ 0x0a, 9, 1, 2 },     /* a MAC that is cut off */
		{ 0x12, 3, 10, 1, 0 }, /* an address of three bytes */
	};
	struct endpoint_text t;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct row_text text = {
			.kind = ROW_ENDPOINT,
			.key = (const uint8_t *)"key",
			.key_len = 3,
			.value = bad[i],
			.value_len = 5,
		};
		struct row *row = row_make(&text, 1, false);

		assert_non_null(row);
		assert_false(endpoint_read(row, &t));
		free(row);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_is_said_is_read),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(a_row_that_says_nothing_sensible_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
