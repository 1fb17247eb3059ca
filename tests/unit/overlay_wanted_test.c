/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What forwarding state follows from members and rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pb_encode.h>

#include "overlay/row.pb.h"
#include "overlay/wanted.h"

#define TOLD_MAX 64

static const struct node_id self = { { 5 } }, low = { { 1 } }, high = { { 9 } };
static const struct network_id network = { "a network" }, cluster;
static const struct ip_addr vtep_low = { AF_INET, { 192, 0, 2, 1 } };
static const struct ip_addr vtep_high = { AF_INET, { 192, 0, 2, 9 } };

/* What was told, as a table that must end up as wanted_each()'s. */
static struct wanted_entry told[TOLD_MAX];
static unsigned int n_told;

static void on_change(void *ctx, const struct wanted_entry *was, const struct wanted_entry *now)
{
	(void)ctx;
	for (unsigned int i = 0; was && i < n_told; i++) {
		if (memcmp(&told[i], was, sizeof(*was)) == 0) {
			told[i] = told[--n_told];
			was = NULL;
		}
	}
	assert_null(was); /* whatever goes was told to come */
	if (now)
		told[n_told++] = *now;
	assert_true(n_told < TOLD_MAX);
}

static struct wanted *make(void)
{
	struct wanted *w;

	n_told = 0;
	w = wanted_new(&self, (struct wanted_changes){ .changed = on_change });
	assert_non_null(w);
	wanted_join(w, &network);
	wanted_member(w, &low, &vtep_low, true);
	wanted_member(w, &high, &vtep_high, true);

	return w;
}

/* An endpoint of a key, at a MAC and an address that end in @at. */
static struct row *endpoint(uint8_t key, uint8_t at)
{
	row_Endpoint m = { .mac = { 2, 0, 0, 0, 0, at }, .ip_count = 1 };
	uint8_t buf[row_Endpoint_size];
	pb_ostream_t out = pb_ostream_from_buffer(buf, sizeof(buf));
	struct row *r;

	m.ip[0].size = 4;
	memcpy(m.ip[0].bytes, (uint8_t[]){ 10, 0, 0, at }, 4);
	assert_true(pb_encode(&out, row_Endpoint_fields, &m));
	r = row_make(&(struct row_text){ .kind = ROW_ENDPOINT,
					 .key_len = 1,
					 .key = &key,
					 .value_len = (uint16_t)out.bytes_written,
					 .value = buf },
		     1, false);
	assert_non_null(r);

	return r;
}

static void say(struct wanted *w, const struct node_id *owner, struct row *r, bool gone)
{
	wanted_row(w, &network, owner, r, gone);
	free(r);
}

static const struct wanted_entry *find(uint8_t kind)
{
	for (unsigned int i = 0; i < n_told; i++)
		if (told[i].kind == kind)
			return &told[i];

	return NULL;
}

static void endpoint_is_forwarded_to(void **state)
{
	struct wanted *w = make();

	(void)state;
	say(w, &low, endpoint(1, 7), false);
	assert_int_equal(n_told, 2);
	assert_true(ip_equal(&find(WANTED_FDB)->vtep, &vtep_low));
	assert_int_equal(find(WANTED_FDB)->mac[5], 7);
	assert_int_equal(find(WANTED_NEIGHBOUR)->ip.b[3], 7);
	assert_int_equal(find(WANTED_NEIGHBOUR)->mac[5], 7);

	say(w, &low, endpoint(1, 8), false); /* the same row, elsewhere */
	assert_int_equal(n_told, 2);
	assert_int_equal(find(WANTED_FDB)->mac[5], 8);
	say(w, &low, endpoint(1, 8), true);
	assert_int_equal(n_told, 0);
	assert_int_equal(wanted_counters(w)->claims, 0);
	wanted_free(w);
}

static void own_endpoint_is_local(void **state)
{
	struct wanted *w = make();

	(void)state;
	say(w, &self, endpoint(1, 7), false);
	assert_int_equal(n_told, 0);
	say(w, &high, endpoint(1, 7), false); /* a lower id has it: this node */
	assert_int_equal(n_told, 0);
	wanted_free(w);
}

static void dead_forwards_until_another_lives_there(void **state)
{
	struct wanted *w = make();

	(void)state;
	say(w, &low, endpoint(1, 7), false);
	wanted_member(w, &low, &vtep_low, false);
	assert_true(ip_equal(&find(WANTED_FDB)->vtep, &vtep_low));
	say(w, &high, endpoint(4, 7), false);
	assert_int_equal(n_told, 2);
	assert_true(ip_equal(&find(WANTED_FDB)->vtep, &vtep_high));
	say(w, &high, endpoint(4, 7), true);
	assert_true(ip_equal(&find(WANTED_FDB)->vtep, &vtep_low));
	wanted_rows_gone(w, &network, &low);
	assert_int_equal(n_told, 0);
	wanted_free(w);
}

static void unchanged_row_changes_nothing(void **state)
{
	struct wanted *w = make();
	uint64_t before;

	(void)state;
	say(w, &low, endpoint(1, 7), false);
	before = wanted_counters(w)->changes;
	say(w, &low, endpoint(1, 7), false);
	wanted_member(w, &low, &vtep_low, true);
	assert_int_equal(wanted_counters(w)->changes, before);
	wanted_free(w);
}

static struct row *presence(const struct network_id *of)
{
	struct row *r = row_make(&(struct row_text){ .kind = ROW_PRESENCE,
						     .key_len = NETWORK_ID_LEN,
						     .key = of->b },
				 1, false);

	assert_non_null(r);

	return r;
}

static void members_of_a_network_are_let_in(void **state)
{
	static const struct network_id other = { "another" };
	const struct ip_addr moved = { AF_INET, { 192, 0, 2, 77 } };
	struct wanted *w = make();
	struct row *here = presence(&network), *there = presence(&other);

	(void)state;
	wanted_row(w, &cluster, &low, here, false);
	wanted_row(w, &cluster, &low, there, false);
	wanted_row(w, &cluster, &self, here, false);
	assert_int_equal(n_told, 1); /* one network, and not this node */
	assert_true(ip_equal(&told[0].vtep, &vtep_low));
	wanted_member(w, &low, &moved, true);
	assert_int_equal(n_told, 1);
	assert_true(ip_equal(&told[0].vtep, &moved));
	wanted_member(w, &low, &moved, false); /* the dead may still be sending */
	assert_int_equal(n_told, 1);
	wanted_join(w, &other);
	assert_int_equal(n_told, 2);
	wanted_leave(w, &network);
	assert_int_equal(n_told, 1);
	wanted_rows_gone(w, &cluster, &low);
	assert_int_equal(n_told, 0);
	free(here);
	free(there);
	wanted_free(w);
}

static void nonsense_is_counted(void **state)
{
	struct wanted *w = make();
	struct row *r = row_make(&(struct row_text){ .kind = ROW_ENDPOINT,
						     .key_len = 1,
						     .key = (const uint8_t *)"k",
						     .value_len = 3,
						     .value = (const uint8_t *)"\x0a\xff\xff" },
				 1, false);

	(void)state;
	assert_non_null(r);
	say(w, &low, r, false);
	assert_int_equal(wanted_counters(w)->bad, 1);
	assert_int_equal(n_told, 0);
	wanted_free(w);
}

static uint64_t dice;

/* The same at each run. */
static unsigned int below(unsigned int n)
{
	return (unsigned int)(tree_mix(dice += 0x9e3779b97f4a7c15U) % n);
}

/* Any order of events ends where one that says only what is true in the end does. */
static void order_does_not_matter(void **state)
{
	struct wanted *w = make();
	const struct node_id *owners[] = { &low, &high, &self };

	(void)state;
	for (unsigned int i = 0; i < 3000; i++) {
		const struct node_id *owner = owners[below(3)];

		if (below(10) == 0 && owner != &self)
			wanted_member(w, owner, owner == &low ? &vtep_low : &vtep_high, below(2));
		else
			say(w, owner, endpoint((uint8_t)(below(4)), (uint8_t)(below(4))),
			    below(3) == 0);
		assert_int_equal(n_told, wanted_counters(w)->entries[WANTED_FDB] +
						 wanted_counters(w)->entries[WANTED_NEIGHBOUR]);
	}
	for (unsigned int i = 0; i < 3 * 4; i++)
		say(w, owners[i / 4], endpoint((uint8_t)(i % 4), 0), true);
	assert_int_equal(n_told, 0);
	assert_int_equal(wanted_counters(w)->claims, 0);
	wanted_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoint_is_forwarded_to),
		cmocka_unit_test(own_endpoint_is_local),
		cmocka_unit_test(dead_forwards_until_another_lives_there),
		cmocka_unit_test(unchanged_row_changes_nothing),
		cmocka_unit_test(members_of_a_network_are_let_in),
		cmocka_unit_test(nonsense_is_counted),
		cmocka_unit_test(order_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
