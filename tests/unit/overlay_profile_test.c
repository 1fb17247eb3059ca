/* SPDX-License-Identifier: GPL-2.0-or-later */
/* overlay_profile_test - parts of messages, and what a member says of itself */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pb_encode.h>

#include "tests/unit/overlay_world.h"

static const struct env env_of_nobody = { .ops = &world_ops };

static void a_profile_is_read_as_it_was_made(void **state)
{
	struct world *w = world_new(NULL);
	struct person p = person_of(3);
	struct profile *made = profile_of(w, &p, "node-3", 9, 4), *read;

	(void)state;
	assert_int_equal(profile_read(&env_of_nobody, made->bytes, made->len, &read), 0);
	assert_true(node_id_equal(&read->id, &p.id));
	assert_true(node_addr_equal(&read->addr, &p.addr));
	assert_string_equal(read->name, "node-3");
	assert_int_equal(read->generation, 9);
	assert_int_equal(read->version, 4);
	assert_int_equal(profile_cmp(made, read), 0);
	assert_memory_equal(made->bytes, read->bytes, made->len);
	profile_free(made);
	profile_free(read);
	world_free(w);
}

static void a_profile_with_any_byte_changed_is_refused(void **state)
{
	struct world *w = world_new(NULL);
	struct person p = person_of(3);
	struct profile *made = profile_of(w, &p, "node-3", 9, 4), *read = NULL;

	(void)state;
	for (size_t i = 0; i < made->len; i++) {
		made->bytes[i] ^= 4;
		assert_true(profile_read(&env_of_nobody, made->bytes, made->len, &read) < 0);
		made->bytes[i] ^= 4;
	}
	for (size_t len = 0; len < made->len; len++)
		assert_true(profile_read(&env_of_nobody, made->bytes, len, &read) < 0);
	assert_null(read);
	profile_free(made);
	world_free(w);
}

/* A profile with its fields as the test wants them, signed as it should be. */
static int read_message(struct world *w, const struct person *p, member_Profile m)
{
	member_SignedProfile s = member_SignedProfile_init_zero;
	uint8_t bytes[PROFILE_MAX];
	pb_ostream_t inner = pb_ostream_from_buffer(s.profile.bytes, sizeof(s.profile.bytes));
	pb_ostream_t outer = pb_ostream_from_buffer(bytes, sizeof(bytes));
	struct profile *read = NULL;
	int r;

	(void)w;
	memcpy(m.key, p->key, sizeof(m.key));
	world_hash(p->key, (const uint8_t *)m.name, strlen(m.name), m.admission);
	assert_true(pb_encode(&inner, member_Profile_fields, &m));
	s.profile.size = (pb_size_t)inner.bytes_written;
	world_hash(p->key, s.profile.bytes, s.profile.size, s.signature);
	assert_true(pb_encode(&outer, member_SignedProfile_fields, &s));
	r = profile_read(&env_of_nobody, bytes, outer.bytes_written, &read);
	profile_free(read);

	return r;
}

static void fields_out_of_their_range_are_refused(void **state)
{
	static const struct {
		const char *name;
		uint8_t ip[16];
		pb_size_t ip_len;
		uint32_t port, protocol;
		int r;
	} cases[] = {
		{ "a", { 10, 0, 0, 1 }, 4, 7946, 1, 0 },
		{ "a-9", { 0xfd, 1 }, 16, 65535, 2, 0 },
		{ "", { 10, 0, 0, 1 }, 4, 7946, 1, -EBADMSG },
		{ "-a", { 10, 0, 0, 1 }, 4, 7946, 1, -EBADMSG },
		{ "a-", { 10, 0, 0, 1 }, 4, 7946, 1, -EBADMSG },
		{ "A", { 10, 0, 0, 1 }, 4, 7946, 1, -EBADMSG },
		{ "a.b", { 10, 0, 0, 1 }, 4, 7946, 1, -EBADMSG },
		{ "a\x1b[2J", { 10, 0, 0, 1 }, 4, 7946, 1, -EBADMSG },
		{ "a", { 10, 0, 0, 1 }, 5, 7946, 1, -EBADMSG },
		{ "a", { 0 }, 4, 7946, 1, -EBADMSG },
		{ "a", { 224, 0, 0, 1 }, 4, 7946, 1, -EBADMSG },
		{ "a", { 10, 0, 0, 1 }, 4, 0, 1, -EBADMSG },
		{ "a", { 10, 0, 0, 1 }, 4, 65536, 1, -EBADMSG },
	};
	struct world *w = world_new(NULL);
	struct person p = person_of(3);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		member_Profile m = { .port = cases[i].port,
				     .protocol = cases[i].protocol,
				     .generation = 1,
				     .ip.size = cases[i].ip_len };

		memcpy(m.ip.bytes, cases[i].ip, sizeof(m.ip.bytes));
		(void)snprintf(m.name, sizeof(m.name), "%s", cases[i].name);
		assert_int_equal(read_message(w, &p, m), cases[i].r);
	}
	world_free(w);
}

static void parts_are_read_as_they_were_put(void **state)
{
	uint8_t buf[64];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };
	struct part_reader r;
	struct part p;

	(void)state;
	assert_true(part_put(&w, 1, (const uint8_t *)"abc", 3));
	assert_true(part_put(&w, 2, (const uint8_t *)"", 0));
	assert_false(part_put(&w, 3, buf, sizeof(buf) - 3 - 3 - 3 - 3 + 1));
	assert_int_equal(w.len, 9);
	r = (struct part_reader){ buf, buf + w.len };
	assert_int_equal(part_next(&r, &p), 1);
	assert_int_equal(p.kind, 1);
	assert_memory_equal(p.body, "abc", 3);
	assert_int_equal(part_next(&r, &p), 1);
	assert_int_equal(p.len, 0);
	assert_int_equal(part_next(&r, &p), 0);
}

static void a_part_longer_than_its_message_is_refused(void **state)
{
	static const uint8_t too_long[] = { 1, 0, 4, 'a', 'b', 'c' };
	struct part_reader r;
	struct part p;

	(void)state;
	for (size_t len = 1; len <= sizeof(too_long); len++) {
		r = (struct part_reader){ too_long, too_long + len };
		assert_int_equal(part_next(&r, &p), -EBADMSG);
	}
}

static void parts_of_a_newer_version_are_skipped(void **state)
{
	static const uint8_t message[] = { 200, 0, 1, 'x', 201, 0, 0 };
	struct world *w = world_new(NULL);
	struct person p = person_of(1);
	struct origin o = { .from = { .id = p.id, .addr = p.addr } };

	(void)state;
	engine_receive(w->e, &o, message, sizeof(message), w->now);
	assert_int_equal(engine_counters(w->e)->unknown_part, 2);
	assert_int_equal(engine_counters(w->e)->bad_message, 0);
	engine_receive(w->e, &o, message, sizeof(message) - 1, w->now);
	assert_int_equal(engine_counters(w->e)->bad_message, 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_profile_is_read_as_it_was_made),
		cmocka_unit_test(a_profile_with_any_byte_changed_is_refused),
		cmocka_unit_test(fields_out_of_their_range_are_refused),
		cmocka_unit_test(parts_are_read_as_they_were_put),
		cmocka_unit_test(a_part_longer_than_its_message_is_refused),
		cmocka_unit_test(parts_of_a_newer_version_are_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
