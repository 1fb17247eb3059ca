/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links and the titles they make, with real signatures. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "overlay/identity.h"
#include "overlay/titles.h"

#define NODES 4

static struct identity nodes[NODES];
static uint64_t sequence[NODES];

/* ---- an environment that signs as whoever is said ------------------------- */

static void sign(void *ctx, const uint8_t *msg, size_t len, uint8_t sig[NODE_SIG_LEN])
{
	identity_sign(ctx, SIGN_GOSSIP, msg, len, sig);
}

static bool verify(void *ctx, const uint8_t *key, const uint8_t *msg, size_t len,
		   const uint8_t *sig)
{
	(void)ctx;

	return identity_verify(key, SIGN_GOSSIP, msg, len, sig);
}

static const struct env_ops ops = { .sign = sign, .verify = verify };

static struct env env_of(int node)
{
	return (struct env){ .ops = &ops, .ctx = &nodes[node] };
}

static bool two_inherits_from_one(void *ctx, const struct link *title, const struct node_id *heir)
{
	(void)ctx;

	return node_id_equal(&title->of.to, &nodes[1].id) && node_id_equal(heir, &nodes[2].id);
}

static const struct heirs heirs = { .may = two_inherits_from_one };

static struct link *make(int signer, const struct transfer *of)
{
	struct env env = env_of(signer);
	struct link *l = link_make(&env, nodes[signer].key, of);

	assert_non_null(l);

	return l;
}

/* A link that moves a range from under @parent to a node. */
static struct link *give(const struct link *parent, int from, int to, uint64_t first,
			 uint64_t count)
{
	return make(from, &(struct transfer){ .space = parent->of.space,
					      .parent = parent->id,
					      .first = first,
					      .count = count,
					      .epoch = parent->of.epoch + 1,
					      .to = nodes[to].id,
					      .sequence = ++sequence[from] });
}

static struct link *copy(const struct link *l)
{
	struct env env = env_of(0);
	struct link *ret = NULL;

	assert_int_equal(link_read(&env, l->bytes, l->len, &ret), 0);

	return ret;
}

static struct link *found(int node, uint64_t count)
{
	return make(node, &(struct transfer){ .count = count, .to = nodes[node].id });
}

static struct titles space_of(struct link *founding)
{
	struct titles t = { 0 };

	assert_int_equal(titles_found(&t, founding), 0);

	return t;
}

/* Who owns @number, by its place in nodes; 10 more if it is frozen. */
static int owner(const struct titles *t, uint64_t number)
{
	const struct title *run = titles_at(t, number);

	for (int i = 0; i < NODES; i++)
		if (node_id_equal(title_owner(run), &nodes[i].id))
			return i + (run->frozen ? 10 : 0);

	return -1;
}

/* ---- links ----------------------------------------------------------------- */

static void a_link_is_read_as_it_was_made(void **state)
{
	struct link *founding = found(0, 256), *l = give(founding, 0, 1, 16, 32), *read = copy(l);

	(void)state;
	assert_memory_equal(&read->of, &l->of, sizeof(l->of));
	assert_memory_equal(&read->id, &l->id, sizeof(l->id));
	assert_true(node_id_equal(&read->by, &nodes[0].id));
	assert_true(link_id_equal(&founding->id, &l->of.space));
	link_free(founding);
	link_free(l);
	link_free(read);
}

static void a_link_with_any_other_bit_is_none(void **state)
{
	struct env env = env_of(0);
	struct link *l = found(0, 256);
	struct link *ret = NULL;

	(void)state;
	for (size_t i = 0; i < l->len; i++) {
		uint8_t bytes[LINK_BYTES_MAX];

		memcpy(bytes, l->bytes, l->len);
		bytes[i] ^= 1U << (i % 8);
		if (link_read(&env, bytes, l->len, &ret) == 0) {
			/* A field that nobody knows is passed over; the signed bytes are the same.
			 */
			assert_memory_equal(&ret->id, &l->id, sizeof(l->id));
			link_free(ret);
		}
		assert_true(link_read(&env, bytes, i, &ret) < 0);
	}
	link_free(l);
}

static void a_range_that_is_none_is_refused(void **state)
{
	const struct transfer bad[] = {
		{ .count = 0, .to = nodes[0].id },
		{ .first = 1, .count = 5, .to = nodes[0].id },
		{ .first = UINT64_MAX, .count = 2, .epoch = 1, .to = nodes[0].id },
	};
	struct env env = env_of(0);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct link *l = make(0, &bad[i]), *ret = NULL;

		assert_int_equal(link_read(&env, l->bytes, l->len, &ret), -EBADMSG);
		link_free(l);
	}
}

/* ---- titles ---------------------------------------------------------------- */

static void an_owner_gives_a_part_and_keeps_the_rest(void **state)
{
	struct titles t = space_of(found(0, 256));
	struct link *l = give(t.links[0], 0, 1, 128, 64);

	(void)state;
	assert_int_equal(titles_add(&t, l, NULL), 0);
	assert_int_equal(titles_add(&t, give(l, 1, 2, 128, 8), NULL), 0);
	assert_int_equal(titles_add(&t, give(t.links[0], 0, 3, 0, 1), NULL), 0);
	assert_int_equal(owner(&t, 0), 3);
	assert_int_equal(owner(&t, 1), 0);
	assert_int_equal(owner(&t, 127), 0);
	assert_int_equal(owner(&t, 128), 2);
	assert_int_equal(owner(&t, 135), 2);
	assert_int_equal(owner(&t, 136), 1);
	assert_int_equal(owner(&t, 191), 1);
	assert_int_equal(owner(&t, 192), 0);
	assert_int_equal(owner(&t, 255), 0);
	assert_null(titles_at(&t, 256));
	titles_clear(&t);
}

static void expect_refused(struct titles *t, struct link *l, const struct heirs *h, int want)
{
	assert_int_equal(titles_add(t, l, h), want);
	link_free(l);
}

static void only_the_owner_gives_and_only_what_it_has(void **state)
{
	struct titles t = space_of(found(0, 256)), other = space_of(found(3, 256));
	struct link *l = give(t.links[0], 0, 1, 128, 64), *child = give(l, 1, 2, 128, 64);
	struct transfer skip = child->of;

	(void)state;
	expect_refused(&t, give(t.links[0], 2, 2, 0, 8), NULL, -EPERM);
	expect_refused(&t, give(t.links[0], 0, 2, 250, 7), NULL, -EPERM);
	expect_refused(&t, found(0, 255), NULL, -EPERM);
	expect_refused(&t, copy(child), NULL, -ENOENT);
	expect_refused(&t, give(other.links[0], 3, 1, 0, 8), NULL, -ENOENT);
	assert_int_equal(titles_add(&t, l, NULL), 0);
	expect_refused(&t, copy(l), NULL, -EEXIST);
	expect_refused(&t, give(l, 0, 2, 128, 8), NULL, -EPERM);
	expect_refused(&t, give(l, 1, 2, 127, 8), NULL, -EPERM);
	skip.epoch++;
	expect_refused(&t, make(1, &skip), NULL, -EPERM);
	assert_int_equal(titles_add(&t, child, NULL), 0);
	titles_clear(&t);
	titles_clear(&other);
}

static void an_heir_signs_for_who_was_forgotten_and_nobody_else(void **state)
{
	struct titles t = space_of(found(0, 256));
	struct link *l = give(t.links[0], 0, 1, 128, 64);

	(void)state;
	assert_int_equal(titles_add(&t, l, NULL), 0);
	expect_refused(&t, give(l, 3, 3, 128, 64), &heirs, -EPERM);
	assert_int_equal(titles_add(&t, give(l, 2, 2, 128, 64), &heirs), 0);
	assert_int_equal(owner(&t, 130), 2);
	titles_clear(&t);
}

/* ---- forks ----------------------------------------------------------------- */

/* 0 gives a range to 1, is restored, and gives a part of it to 2, who passes some on. */
struct fork {
	struct link *founding, *first, *second, *passed, *settled;
};

static struct fork make_fork(void)
{
	struct fork f = { .founding = found(0, 256) };

	f.first = give(f.founding, 0, 1, 0, 128);
	f.second = give(f.founding, 0, 2, 64, 128);
	f.passed = give(f.second, 2, 3, 96, 64);
	f.settled = make(1, &(struct transfer){ .space = f.founding->id,
						.parent = f.first->id,
						.first = 64,
						.count = 64,
						.epoch = 2,
						.to = nodes[1].id,
						.sequence = ++sequence[1],
						.settles = true });

	return f;
}

static void fork_clear(struct fork *f)
{
	link_free(f->founding);
	link_free(f->first);
	link_free(f->second);
	link_free(f->passed);
	link_free(f->settled);
}

static void the_earlier_gift_wins_and_what_both_name_is_frozen(void **state)
{
	struct fork f = make_fork();
	struct titles t = space_of(copy(f.founding));

	(void)state;
	assert_int_equal(titles_add(&t, copy(f.second), NULL), 0);
	assert_int_equal(titles_add(&t, copy(f.passed), NULL), 0);
	assert_int_equal(owner(&t, 100), 3);
	assert_int_equal(titles_add(&t, copy(f.first), NULL), 1);
	assert_int_equal(owner(&t, 0), 1);
	assert_int_equal(owner(&t, 63), 1);
	assert_int_equal(owner(&t, 64), 11);
	assert_int_equal(owner(&t, 100), 11);
	assert_int_equal(owner(&t, 127), 11);
	assert_int_equal(owner(&t, 128), 3);
	assert_int_equal(owner(&t, 160), 2);
	assert_int_equal(owner(&t, 192), 0);
	assert_int_equal(titles_add(&t, copy(f.settled), NULL), 0);
	assert_int_equal(owner(&t, 100), 1);
	assert_int_equal(t.n_frozen, 0);
	titles_clear(&t);
	fork_clear(&f);
}

static void an_heir_wins_over_who_was_forgotten_alive(void **state)
{
	struct titles t = space_of(found(0, 256));
	struct link *l = give(t.links[0], 0, 1, 0, 256);

	(void)state;
	assert_int_equal(titles_add(&t, l, &heirs), 0);
	assert_int_equal(titles_add(&t, give(l, 1, 3, 0, 16), &heirs), 0);
	assert_int_equal(titles_add(&t, give(l, 2, 2, 0, 256), &heirs), 1);
	assert_int_equal(owner(&t, 0), 12);
	assert_int_equal(owner(&t, 15), 12);
	assert_int_equal(owner(&t, 16), 2);
	titles_clear(&t);
}

/* ---- convergence ----------------------------------------------------------- */

static uint32_t randomness = 1;

static uint32_t below(uint32_t n)
{
	randomness = randomness * 1664525 + 1013904223;

	return (randomness >> 8) % n;
}

static void assert_same(const struct titles *a, const struct titles *b, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		assert_int_equal(owner(a, i), owner(b, i));
	assert_int_equal(a->n_frozen > 0, b->n_frozen > 0);
}

/* The links of @t in another order, parents first as everyone asks for them. */
static struct titles in_another_order(const struct titles *t)
{
	struct titles ret = space_of(copy(t->links[0]));
	uint32_t left = t->n_links - 1;

	while (left > 0) {
		struct link *l = copy(t->links[1 + below(t->n_links - 1)]);

		if (titles_add(&ret, l, &heirs) >= 0)
			left--;
		else
			link_free(l);
	}

	return ret;
}

static void the_order_of_arrival_makes_no_difference(void **state)
{
	(void)state;
	for (int round = 0; round < 40; round++) {
		struct titles t = space_of(found((int)below(NODES), 64));

		for (int i = 0; i < 12; i++) {
			const struct link *parent = t.links[below(t.n_links)];
			uint64_t first = parent->of.first + below((uint32_t)parent->of.count);
			uint64_t count = 1 + below((uint32_t)(link_last(parent) - first + 1));
			int signer = 0;
			struct link *l;

			while (!node_id_equal(&nodes[signer].id, &parent->of.to))
				signer++;
			l = give(parent, signer == 1 && below(2) ? 2 : signer, (int)below(NODES),
				 first, count);
			assert_true(titles_add(&t, l, &heirs) >= 0);
		}
		for (int i = 0; i < 3; i++) {
			struct titles other = in_another_order(&t);

			assert_same(&t, &other, 64);
			titles_clear(&other);
		}
		titles_clear(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_is_read_as_it_was_made),
		cmocka_unit_test(a_link_with_any_other_bit_is_none),
		cmocka_unit_test(a_range_that_is_none_is_refused),
		cmocka_unit_test(an_owner_gives_a_part_and_keeps_the_rest),
		cmocka_unit_test(only_the_owner_gives_and_only_what_it_has),
		cmocka_unit_test(an_heir_signs_for_who_was_forgotten_and_nobody_else),
		cmocka_unit_test(the_earlier_gift_wins_and_what_both_name_is_frozen),
		cmocka_unit_test(an_heir_wins_over_who_was_forgotten_alive),
		cmocka_unit_test(the_order_of_arrival_makes_no_difference),
	};

	for (int i = 0; i < NODES; i++)
		identity_init(&nodes[i], (const uint8_t[IDENTITY_SEED_LEN]){ (uint8_t)(i + 1) });

	return cmocka_run_group_tests(tests, NULL, NULL);
}
