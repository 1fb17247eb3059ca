/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Definitions and removals in one node, whatever others say in whatever order.
 *
 * tests/sim has many nodes that really talk to each other (exp_names).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/overlay_world.h"

#include "lib/err.h"
#include "overlay/bytes.h"
#include "overlay/block.pb.h"
#include "overlay/definition.h"
#include "overlay/definition.pb.h"
#include "overlay/definitions.h"
#include "overlay/keyring.h"
#include "overlay/marks.h"
#include "overlay/token.h"
#include "tests/unit/overlay_keys.h"

#define RECORDS 128
#define PEOPLE	3
#define YEAR_S	(365 * 24 * 3600)

struct kept {
	uint16_t kind;
	enum durability how;
	uint32_t len;
	uint8_t key[DEFINITION_ID_LEN];
	uint8_t value[DEFINITION_SIGNED_MAX];
};

static struct kept disk[RECORDS];
static unsigned int n_kept;
static int disk_says;
static struct world *world;
static struct definitions *d;
static struct person people[PEOPLE];

/* ---- a world ------------------------------------------------------------------ */

static struct kept *find_kept(uint16_t kind, const uint8_t *key)
{
	for (unsigned int i = 0; i < n_kept; i++)
		if (disk[i].kind == kind && memcmp(disk[i].key, key, DEFINITION_ID_LEN) == 0)
			return &disk[i];

	return NULL;
}

static int keep(struct world *of, const struct record *r, enum durability how)
{
	struct kept *k;

	(void)of;
	if (disk_says < 0)
		return disk_says;
	if (r->kind != RECORD_DEFINITION && r->kind != RECORD_REMOVAL)
		return 0;
	assert_int_equal(r->key_len, DEFINITION_ID_LEN);
	k = find_kept(r->kind, r->key);
	if (!k)
		k = &disk[n_kept++];
	assert_true(n_kept < RECORDS && r->len <= sizeof(k->value));
	*k = (struct kept){ .kind = r->kind, .how = how, .len = r->len };
	memcpy(k->key, r->key, sizeof(k->key));
	if (r->len > 0)
		memcpy(k->value, r->value, r->len);

	return 0;
}

static void open_world(void)
{
	world = world_new(NULL);
	world->store = keep;
	d = definitions_new(world->e);
	assert_non_null(d);
	assert_int_equal(engine_attach(world->e, &definitions_ops, d, NULL), 0);
	for (uint16_t i = 0; i < PEOPLE; i++)
		people[i] = person_of(i + 1);
}

static void close_world(void)
{
	definitions_free(d);
	world_free(world);
}

static int set_up(void **state)
{
	(void)state;
	n_kept = 0;
	disk_says = 0;
	open_world();

	return sodium_init() < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	close_world();

	return 0;
}

static void restart(void)
{
	close_world();
	open_world();
	for (unsigned int i = 0; i < n_kept; i++)
		if (disk[i].len > 0)
			engine_restore(world->e, &(struct record){ .kind = disk[i].kind,
								   .key = disk[i].key,
								   .key_len = DEFINITION_ID_LEN,
								   .value = disk[i].value,
								   .len = disk[i].len });
}

/* As @p would sign it. */
static struct engine_self self_of(const struct person *p)
{
	struct engine_self self = { .name = "somebody" };

	memcpy(self.key, p->key, sizeof(self.key));
	world_hash(p->key, (const uint8_t *)self.name, strlen(self.name), self.admission);

	return self;
}

static struct defined *defined_by(const struct person *p, const struct engine_self *self,
				  const struct definition *of)
{
	const struct env env = { .ops = &world_ops, .ctx = world };
	const uint8_t *own = world->key;
	struct defined *made;

	world->key = p->key;
	made = definition_make(&env, self, of);
	world->key = own;
	assert_non_null(made);

	return made;
}

static struct defined *network_of(const struct person *p, const char *name, uint64_t created)
{
	struct definition of = { .kind = DEFINITION_NETWORK, .created = created };
	struct engine_self self = self_of(p);

	(void)snprintf(of.name, sizeof(of.name), "%s", name);

	return defined_by(p, &self, &of);
}

static struct defined *revoked_by(const struct person *p, uint8_t token, uint32_t expires)
{
	uint8_t body[DEFINITION_REVOKED_LEN] = { token };
	const struct definition of = {
		.kind = DEFINITION_REVOKED, .created = 1, .body = body, .body_len = sizeof(body)
	};
	struct engine_self self = self_of(p);

	put_le32(body + TOKEN_ID_LEN, expires);

	return defined_by(p, &self, &of);
}

static struct removal *removed_by(const struct person *p, const struct definition_id *id,
				  uint64_t now_s)
{
	const struct env env = { .ops = &world_ops, .ctx = world };
	struct engine_self self = self_of(p);
	const uint8_t *own = world->key;
	struct removal *made;

	world->key = p->key;
	made = removal_make(&env, &self, id, now_s);
	world->key = own;
	assert_non_null(made);

	return made;
}

static void hear(uint8_t kind, const uint8_t *bytes, size_t len)
{
	static uint8_t buf[WORLD_ROOM];
	struct origin o = { .from = { .id = people[0].id, .addr = people[0].addr },
			    .stream = true };
	struct part_writer out = { .buf = buf, .cap = sizeof(buf) };

	assert_true(part_put(&out, kind, bytes, len));
	engine_receive(world->e, &o, buf, out.len, world->now);
}

static void hear_definition(const struct defined *of)
{
	hear(PART_DEFINITION, of->bytes, of->len);
}

static void hear_removal(const struct removal *of)
{
	hear(PART_REMOVAL, of->bytes, of->len);
}

static struct definition_id add(const char *name)
{
	struct definition_id id;

	assert_int_equal(definitions_add(d, DEFINITION_NETWORK, name, (const uint8_t *)"body", 4,
					 &id, world->now, NULL),
			 0);

	return id;
}

static bool is_live(const struct definition_id *id)
{
	struct definition of;

	return definitions_find(d, id, &of);
}

static struct definition named(const char *name)
{
	struct definition of = { .kind = 0 };

	(void)definitions_named(d, DEFINITION_NETWORK, name, &of);

	return of;
}

static bool stands_for(const char *name, const struct definition_id *id)
{
	const struct definition of = named(name);

	return definition_id_equal(&of.id, id);
}

/* How many messages since the last time had a part of a kind. */
static unsigned int sent(uint8_t kind)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < world->n_sent; i++)
		n += part_in(&world->sent[i], kind) != NULL;
	world->n_sent = 0;

	return n;
}

/* ---- adding, removing ------------------------------------------------------------ */

static void added_is_on_the_disk_and_told(void **state)
{
	struct definition of;
	struct definition_id id;

	(void)state;
	world_meet(world, &people[0]);
	world_wait(world, world->now + 1000);
	(void)sent(PART_DEFINITION);
	id = add("web");
	assert_int_equal(find_kept(RECORD_DEFINITION, id.b)->how, STORE_DURABLE);
	world_wait(world, world->now + 200);
	assert_true(sent(PART_DEFINITION) > 0);
	assert_true(definitions_find(d, &id, &of) && of.wins && !of.removed);
	assert_string_equal(of.name, "web");
	assert_memory_equal(of.body, "body", of.body_len);
	assert_true(node_id_equal(&of.author, engine_id(world->e)));
	assert_int_equal(world_events(world, EVENT_DEFINED), 1);
	assert_true(stands_for("web", &id));
}

static void removed_is_gone_for_good(void **state)
{
	struct definition_id id = add("web"), again;
	struct kept was = *find_kept(RECORD_DEFINITION, id.b);

	(void)state;
	assert_int_equal(definitions_remove(d, &id, world->now, NULL), 0);
	assert_int_equal(definitions_remove(d, &id, world->now, NULL), 0);
	assert_int_equal(world_events(world, EVENT_UNDEFINED), 1);
	assert_int_equal(find_kept(RECORD_REMOVAL, id.b)->how, STORE_DURABLE);
	assert_int_equal(find_kept(RECORD_DEFINITION, id.b)->len, 0);
	hear(PART_DEFINITION, was.value, was.len);
	assert_false(is_live(&id));
	assert_int_equal(definitions_counters(d)->known, 1);

	again = add("web");
	assert_false(definition_id_equal(&id, &again));
	id.b[3] ^= 1;
	assert_int_equal(definitions_remove(d, &id, world->now, NULL), -ENOENT);
}

static int try_to_add(uint8_t kind, const char *name, size_t len)
{
	static const uint8_t body[DEFINITION_BODY_MAX + 1];
	struct definition_id id;
	struct err e;
	int r = definitions_add(d, kind, name, body, len, &id, world->now, &e);

	if (r == 0)
		assert_int_equal(definitions_remove(d, &id, world->now, NULL),
				 definition_is_final(kind) ? -EPERM : 0);

	return r;
}

static void rules_of_names_and_bodies(void **state)
{
	static const char longest[] =
		"a23456789012345678901234567890123456789012345678901234567890123";
	static const char *const bad[] = { "", "-a", ".a", "_a", "a b", "a/b", "\xc3\xa9", "a\n" };
	char too_long[sizeof(longest) + 1];

	(void)state;
	(void)snprintf(too_long, sizeof(too_long), "%sx", longest);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(try_to_add(DEFINITION_NETWORK, bad[i], 1), -EINVAL);
	assert_int_equal(try_to_add(DEFINITION_NETWORK, NULL, 1), -EINVAL);
	assert_int_equal(try_to_add(DEFINITION_NETWORK, too_long, 1), -EINVAL);
	assert_int_equal(try_to_add(DEFINITION_NETWORK, longest, 0), 0);
	assert_int_equal(try_to_add(DEFINITION_SPACE, "A.b_c-9", DEFINITION_BODY_MAX), 0);
	assert_int_equal(try_to_add(DEFINITION_SPACE, "a", DEFINITION_BODY_MAX + 1), -EMSGSIZE);
	assert_int_equal(try_to_add(DEFINITION_REVOKED, "a", DEFINITION_REVOKED_LEN), -EINVAL);
	assert_int_equal(try_to_add(DEFINITION_REVOKED, NULL, DEFINITION_REVOKED_LEN), 0);
	assert_int_equal(try_to_add(DEFINITION_REVOKED, "", DEFINITION_REVOKED_LEN + 1), -EINVAL);
	assert_int_equal(try_to_add(DEFINITION_KEY_ORDER, "", KEY_ORDER_LEN - 1), -EINVAL);
	assert_int_equal(try_to_add(0, "a", 1), -EINVAL);
	assert_int_equal(try_to_add(DEFINITION_KINDS, "a", 1), -EINVAL);
}

static void name_is_given_once(void **state)
{
	struct definition_id id;
	struct err e;

	(void)state;
	(void)add("web");
	assert_int_equal(definitions_add(d, DEFINITION_NETWORK, "web", NULL, 0, &id, world->now,
					 &e),
			 -EEXIST);
	assert_int_equal(definitions_add(d, DEFINITION_SPACE, "web", NULL, 0, &id, world->now, &e),
			 0);
}

static void disk_that_is_full_refuses(void **state)
{
	struct definition_id id = add("web"), other;
	uint64_t root = definitions_root(d);
	struct err e;

	(void)state;
	disk_says = -ENOSPC;
	assert_int_equal(definitions_add(d, DEFINITION_NETWORK, "db", NULL, 0, &other, world->now,
					 &e),
			 -ENOSPC);
	assert_int_equal(definitions_remove(d, &id, world->now, &e), -ENOSPC);
	assert_true(definitions_root(d) == root && is_live(&id));
	assert_int_equal(world_events(world, EVENT_DEFINED) + world_events(world, EVENT_UNDEFINED),
			 1);
	assert_int_equal(definitions_counters(d)->unstored, 2);
}

static void there_are_not_too_many(void **state)
{
	struct definition_id id;
	char name[16];
	struct err e;

	(void)state;
	world->store = NULL;
	for (unsigned int i = 0; i < DEFINITIONS_LIVE; i++) {
		(void)snprintf(name, sizeof(name), "n%u", i);
		(void)add(name);
		world->n_events = 0;
	}
	assert_int_equal(definitions_add(d, DEFINITION_NETWORK, "x", NULL, 0, &id, world->now, &e),
			 -ENOSPC);
	id = named("n7").id;
	assert_int_equal(definitions_remove(d, &id, world->now, &e), 0);
	(void)add("x");
	assert_int_equal(definitions_counters(d)->live, DEFINITIONS_LIVE);
}

/* ---- names ------------------------------------------------------------------------ */

static void older_one_has_the_name(void **state)
{
	struct defined *old = network_of(&people[0], "web", 100);
	struct defined *young = network_of(&people[1], "web", 101);
	struct removal *gone = removed_by(&people[2], &old->of.id, 0);

	(void)state;
	hear_definition(young);
	assert_int_equal(world_events(world, EVENT_NAME_LOST), 0);
	hear_definition(old);
	assert_int_equal(world_events(world, EVENT_NAME_LOST), 1);
	assert_true(stands_for("web", &old->of.id));
	hear_removal(gone);
	assert_int_equal(world_events(world, EVENT_NAME_WON), 1);
	assert_true(stands_for("web", &young->of.id));

	restart();
	hear_definition(young); /* on the disk before: both are of no use */
	hear_definition(old);
	assert_true(stands_for("web", &young->of.id));
	assert_int_equal(world->n_events, 0);
	free(old);
	free(young);
	free(gone);
}

static void who_comes_second_and_is_younger_has_no_name(void **state)
{
	struct defined *young;
	struct definition of;

	(void)state;
	definitions_set_clock(d, 1000, world->now);
	(void)add("web");
	young = network_of(&people[1], "web", 1001);
	hear_definition(young);
	assert_true(definitions_find(d, &young->of.id, &of) && !of.wins);
	assert_int_equal(world_events(world, EVENT_DEFINED), 2);
	assert_int_equal(world_events(world, EVENT_NAME_LOST), 0);
	free(young);
}

static void clock_that_is_behind_wins_no_name(void **state)
{
	struct defined *known = network_of(&people[0], "db", 5000);
	struct definition of;
	struct definition_id id;

	(void)state;
	hear_definition(known);
	definitions_set_clock(d, 10, world->now);
	id = add("web");
	assert_true(definitions_find(d, &id, &of) && of.created == 5000);
	definitions_set_clock(d, 6000, world->now);
	id = add("dns");
	assert_true(definitions_find(d, &id, &of) && of.created == 6000);
	free(known);
}

/* ---- any order ---------------------------------------------------------------------- */

#define THINGS 60

static struct {
	uint8_t kind;
	uint16_t len;
	uint8_t bytes[600];
} things[THINGS];

static void note_thing(unsigned int at, uint8_t kind, const uint8_t *bytes, uint16_t len)
{
	assert_true(len <= sizeof(things[at].bytes));
	things[at].kind = kind;
	things[at].len = len;
	memcpy(things[at].bytes, bytes, len);
}

/* A network, or now and then a revoked token, which is not removed by whoever says so. */
static struct defined *any_thing(const struct person *p)
{
	char name[] = { (char)('a' + engine_random(world->e, 5)), '\0' };

	if (engine_random(world->e, 5) == 0)
		return revoked_by(p, (uint8_t)name[0], 100);

	return network_of(p, name, 100 + engine_random(world->e, 3));
}

/* Few names, few times, so that many compete; every third one is removed, some by two. */
static void make_things(void)
{
	for (unsigned int i = 0; i < THINGS;) {
		struct defined *of = any_thing(&people[i % PEOPLE]);

		note_thing(i++, PART_DEFINITION, of->bytes, of->len);
		for (unsigned int n = engine_random(world->e, 3); n > 1 && i < THINGS; n--) {
			struct removal *gone = removed_by(&people[n % PEOPLE], &of->of.id, 7);

			note_thing(i++, PART_REMOVAL, gone->bytes, gone->len);
			free(gone);
		}
		free(of);
	}
}

static void hear_in_random_order(unsigned int order[THINGS])
{
	for (unsigned int i = 0; i < THINGS; i++) {
		unsigned int j = i + engine_random(world->e, THINGS - i), t = order[j];

		order[j] = order[i];
		order[i] = t;
		hear(things[t].kind, things[t].bytes, things[t].len);
		if (engine_random(world->e, 4) == 0)
			hear(things[t].kind, things[t].bytes, things[t].len);
		world->n_events = 0;
	}
}

static void order_of_arrival_makes_no_difference(void **state)
{
	struct definition_id winner[5];
	unsigned int order[THINGS];
	uint64_t root = 0;

	(void)state;
	make_things();
	for (unsigned int i = 0; i < THINGS; i++)
		order[i] = i;
	for (unsigned int run = 0; run < 100; run++) {
		hear_in_random_order(order);
		for (unsigned int n = 0; n < 5; n++) {
			const char name[] = { (char)('a' + n), '\0' };
			struct definition_id id = named(name).id;

			assert_true(run == 0 || definition_id_equal(&id, &winner[n]));
			winner[n] = id;
		}
		assert_true(run == 0 || definitions_root(d) == root);
		root = definitions_root(d);
		if (run % 10 == 0) {
			restart();
			assert_true(definitions_root(d) == root);
		}
		close_world();
		n_kept = 0;
		open_world();
		world->random = run;
	}
	assert_true(root != 0);
}

/* ---- what is not believed ------------------------------------------------------------ */

static void changed_bytes_are_refused(void **state)
{
	struct definition of = { .kind = DEFINITION_NETWORK,
				 .name = "web",
				 .created = 7,
				 .body = (const uint8_t *)"body",
				 .body_len = 4 };
	struct engine_self self = self_of(&people[0]);
	struct defined *good = defined_by(&people[0], &self, &of);
	struct removal *gone = removed_by(&people[0], &good->of.id, 9);
	uint8_t bytes[DEFINITION_SIGNED_MAX];

	(void)state;
	for (uint16_t i = 0; i < good->len; i++) {
		memcpy(bytes, good->bytes, good->len);
		bytes[i] ^= 1;
		hear(PART_DEFINITION, bytes, good->len);
		hear(PART_DEFINITION, good->bytes, i);
	}
	for (uint16_t i = 0; i < gone->len; i++) {
		memcpy(bytes, gone->bytes, gone->len);
		bytes[i] ^= 1;
		hear(PART_REMOVAL, bytes, gone->len);
		hear(PART_REMOVAL, gone->bytes, i);
	}
	assert_true(definitions_root(d) == 0 && n_kept == 0);
	assert_true(engine_counters(world->e)->forged + engine_counters(world->e)->bad_part ==
		    2U * (good->len + gone->len));
	hear_definition(good);
	assert_true(is_live(&good->of.id));
	free(good);
	free(gone);
}

/* In what was signed; the signature itself is not looked at again. */
static void damaged_record_is_left_out(void **state)
{
	struct definition_id web = add("web"), db = add("db");
	struct kept *k = find_kept(RECORD_DEFINITION, web.b);

	(void)state;
	k->value[k->len / 2] ^= 1;
	restart();
	assert_false(is_live(&web));
	assert_true(is_live(&db));
	assert_int_equal(definitions_counters(d)->live, 1);
}

static void author_has_to_be_admitted(void **state)
{
	struct engine_self self = self_of(&people[0]);
	struct definition of = { .kind = DEFINITION_NETWORK, .name = "web" };
	struct defined *bad;

	(void)state;
	self.admission[0] ^= 1;
	bad = defined_by(&people[0], &self, &of);
	hear_definition(bad);
	assert_false(is_live(&bad->of.id));
	assert_int_equal(definitions_counters(d)->stranger, 1);
	free(bad);
}

static void kind_of_a_later_version_is_kept(void **state)
{
	struct engine_self self = self_of(&people[0]);
	struct definition of = { .kind = DEFINITION_KINDS };
	struct defined *without_name, *with_name;
	uint64_t root;

	(void)state;
	without_name = defined_by(&people[0], &self, &of);
	of.name[0] = 'a';
	with_name = defined_by(&people[0], &self, &of);
	hear_definition(without_name);
	hear_definition(with_name);
	assert_int_equal(definitions_counters(d)->live, 2);
	root = definitions_root(d);
	restart();
	assert_true(definitions_root(d) == root);
	free(without_name);
	free(with_name);
}

static void removal_of_a_similar_id_hits_nothing(void **state)
{
	struct defined *first = network_of(&people[0], "web", 1);
	struct defined *second = network_of(&people[0], "db", 1);
	struct definition_id like_first = first->of.id, like_second = second->of.id;
	struct removal *of_first, *of_second;

	(void)state;
	like_first.b[DEFINITION_ID_LEN - 1] ^= 1;
	like_second.b[DEFINITION_ID_LEN - 1] ^= 1;
	of_first = removed_by(&people[1], &like_first, 0);
	of_second = removed_by(&people[1], &like_second, 0);
	hear_definition(first);
	hear_removal(of_first);
	hear_removal(of_second);
	hear_definition(second);
	assert_true(is_live(&first->of.id) && is_live(&second->of.id));
	assert_false(is_live(&like_first));
	assert_int_equal(definitions_counters(d)->removed, 2);
	free(first);
	free(second);
	free(of_first);
	free(of_second);
}

/* ---- key orders ------------------------------------------------------------------------ */

static int add_order(const struct key_order *o)
{
	uint8_t bytes[KEY_ORDER_LEN];
	struct definition_id id;
	struct err e;

	key_order_encode(o, bytes);

	return definitions_add(d, DEFINITION_KEY_ORDER, NULL, bytes, sizeof(bytes), &id, world->now,
			       &e);
}

static struct defined *order_of(const struct person *p, const struct key_order *o)
{
	struct engine_self self = self_of(p);
	uint8_t bytes[KEY_ORDER_LEN];
	struct definition of = { .kind = DEFINITION_KEY_ORDER,
				 .body = bytes,
				 .body_len = sizeof(bytes) };

	key_order_encode(o, bytes);

	return defined_by(p, &self, &of);
}

static void note_number(void *ctx, const struct definition *of)
{
	assert_true(of->wins);
	*(uint64_t *)ctx = *(uint64_t *)ctx * 10 + get_le64(of->body);
}

/* The numbers of all orders there are. */
static uint64_t orders(void)
{
	uint64_t numbers = 0;

	definitions_each(d, DEFINITION_KEY_ORDER, note_number, &numbers);

	return numbers;
}

static void highest_order_is_kept(void **state)
{
	struct identity cluster = identity_of(1), other = identity_of(2);
	struct key_order first, second, third, forged;
	struct defined *later, *latest, *bad;

	(void)state;
	key_order_first(&first, &cluster, seed_of(3));
	assert_int_equal(key_order_add(&first, &cluster, seed_of(4), &second, NULL), 0);
	assert_int_equal(key_order_use(&second, &cluster, key_id(seed_of(4)), &third, NULL), 0);
	key_order_first(&forged, &other, seed_of(5));
	assert_int_equal(add_order(&first), -EKEYREJECTED); /* whose key should it be? */
	definitions_set_cluster_key(d, cluster.key);
	assert_int_equal(add_order(&forged), -EKEYREJECTED);
	assert_int_equal(add_order(&second), 0);
	assert_int_equal(add_order(&second), -EEXIST);
	assert_int_equal(add_order(&first), -EEXIST);
	bad = order_of(&people[0], &forged);
	later = order_of(&people[0], &first);
	latest = order_of(&people[1], &third);
	hear_definition(bad);
	hear_definition(later);
	assert_int_equal(orders(), 2);
	hear_definition(latest);
	assert_int_equal(orders(), 3);
	assert_int_equal(engine_counters(world->e)->forged, 1);
	assert_int_equal(definitions_remove(d, &latest->of.id, world->now, NULL), -EPERM);
	free(bad);
	free(later);
	free(latest);
}

static void one_order_by_two_is_one_everywhere(void **state)
{
	struct identity cluster = identity_of(1);
	struct key_order first;
	struct defined *a, *b;
	uint64_t root[2];

	(void)state;
	key_order_first(&first, &cluster, seed_of(3));
	a = order_of(&people[0], &first);
	b = order_of(&people[1], &first);
	for (int i = 0; i < 2; i++) {
		definitions_set_cluster_key(d, cluster.key);
		hear_definition(i ? a : b);
		hear_definition(i ? b : a);
		assert_int_equal(orders(), 1);
		root[i] = definitions_root(d);
		close_world();
		n_kept = 0;
		open_world();
	}
	assert_true(root[0] == root[1]);
	free(a);
	free(b);
}

/* Somebody says so all the same: heard everywhere alike, and of no effect. */
static void order_is_not_removed(void **state)
{
	struct identity cluster = identity_of(1);
	struct key_order first;
	struct removal *gone;
	struct defined *of;
	uint64_t root[2];

	(void)state;
	key_order_first(&first, &cluster, seed_of(3));
	of = order_of(&people[0], &first);
	gone = removed_by(&people[1], &of->of.id, 1);
	for (int i = 0; i < 2; i++) {
		definitions_set_cluster_key(d, cluster.key);
		if (i)
			hear_removal(gone);
		hear_definition(of);
		hear_removal(gone);
		assert_int_equal(orders(), 1);
		root[i] = definitions_root(d);
		definitions_set_clock(d, 1 + DEFINITIONS_REMEMBER_S, world->now);
		assert_int_equal(definitions_counters(d)->removed, 0);
		assert_true(find_kept(RECORD_DEFINITION, of->of.id.b)->len > 0);
		close_world();
		n_kept = 0;
		open_world();
	}
	assert_true(root[0] == root[1]);
	free(of);
	free(gone);
}

/* What a member says that was bought does not let anybody in again, whichever is heard first. */
static void revocation_is_final(void **state)
{
	struct defined *of = revoked_by(&people[0], 1, 1000);
	struct removal *gone = removed_by(&people[1], &of->of.id, 1);
	uint64_t root[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		if (i)
			hear_removal(gone);
		hear_definition(of);
		hear_removal(gone);
		assert_true(is_live(&of->of.id));
		assert_int_equal(definitions_remove(d, &of->of.id, world->now, NULL), -EPERM);
		root[i] = definitions_root(d);
		restart();
		assert_true(is_live(&of->of.id));
		assert_true(definitions_root(d) == root[i]);
		definitions_set_clock(d, 1000, world->now);
		assert_false(is_live(&of->of.id));
		close_world();
		n_kept = 0;
		open_world();
	}
	assert_true(root[0] == root[1]);
	free(of);
	free(gone);
}

/* ---- time --------------------------------------------------------------------------------- */

static void revoked_token_is_kept_until_it_has_expired(void **state)
{
	uint8_t body[DEFINITION_REVOKED_LEN] = "token-id";
	struct definition_id id;
	struct kept was;

	(void)state;
	put_le32(body + TOKEN_ID_LEN, 1000);
	assert_int_equal(definitions_add(d, DEFINITION_REVOKED, NULL, body, sizeof(body), &id,
					 world->now, NULL),
			 0);
	was = *find_kept(RECORD_DEFINITION, id.b);
	definitions_set_clock(d, 999, world->now);
	assert_true(is_live(&id));
	definitions_set_clock(d, 1000, world->now);
	assert_false(is_live(&id));
	assert_int_equal(world_events(world, EVENT_UNDEFINED), 1);
	assert_int_equal(find_kept(RECORD_DEFINITION, id.b)->len, 0);
	hear(PART_DEFINITION, was.value, was.len);
	assert_int_equal(definitions_counters(d)->expired, 1);
	assert_true(definitions_root(d) == 0);
}

static void removal_is_remembered_for_long_enough(void **state)
{
	struct definition_id id;
	struct removal *late;

	(void)state;
	definitions_set_clock(d, YEAR_S, world->now);
	id = add("web");
	world->now += 1000 * 60; /* the clock goes on by itself */
	assert_int_equal(definitions_remove(d, &id, world->now, NULL), 0);
	definitions_set_clock(d, YEAR_S + 59 + DEFINITIONS_REMEMBER_S, world->now);
	assert_int_equal(definitions_counters(d)->removed, 1);
	definitions_set_clock(d, YEAR_S + 60 + DEFINITIONS_REMEMBER_S, world->now);
	assert_int_equal(definitions_counters(d)->removed, 0);
	assert_true(definitions_root(d) == 0);
	for (unsigned int i = 0; i < n_kept; i++)
		assert_int_equal(disk[i].len, 0);
	late = removed_by(&people[0], &id, YEAR_S);
	hear_removal(late);
	assert_int_equal(definitions_counters(d)->expired, 1);
	free(late);
}

/* ---- large ones ------------------------------------------------------------------------------ */

static void large_one_is_told_of_and_asked_for(void **state)
{
	static const uint8_t body[DEFINITION_BODY_MAX];
	block_Want want = { .ids.size = MARK_LEN };
	struct definition_id id;
	uint8_t buf[64];
	struct part_writer out = { .buf = buf, .cap = sizeof(buf) };

	(void)state;
	world_meet(world, &people[0]);
	world_wait(world, world->now + 1000);
	(void)sent(PART_DEFINITION);
	assert_int_equal(definitions_add(d, DEFINITION_NETWORK, "large", body, sizeof(body), &id,
					 world->now, NULL),
			 0);
	world_wait(world, world->now + 300);
	for (unsigned int i = 0; i < world->n_sent; i++)
		assert_null(part_in(&world->sent[i], PART_DEFINITION));
	assert_true(sent(PART_DEFINITION_NEWS) > 0);
	put_le64(want.ids.bytes, mark_of(id.b, 0));
	assert_true(part_put_message(&out, PART_DEFINITION_WANT, block_Want_fields, &want));
	hear(PART_DEFINITION_WANT, buf + PART_HEADER, out.len - PART_HEADER);
	assert_true(world->n_sent == 1 && world->sent[0].stream &&
		    world->sent[0].len > sizeof(body));
	assert_int_equal(sent(PART_DEFINITION), 1);
}

static void hear_news(const struct definition_id *id)
{
	definition_News m = definition_News_init_zero;

	memcpy(m.definition, id->b, sizeof(m.definition));
	world_say(world, &people[0], PART_DEFINITION_NEWS, definition_News_fields, &m);
}

static void news_is_asked_for_once(void **state)
{
	static const struct definition_id one = { "one" }, another = { "another" };
	struct definition_id id = add("web");

	(void)state;
	(void)sent(PART_DEFINITION_WANT);
	hear_news(&id); /* known */
	assert_int_equal(definitions_remove(d, &id, world->now, NULL), 0);
	hear_news(&id); /* removed */
	assert_int_equal(sent(PART_DEFINITION_WANT), 0);
	hear_news(&one);
	hear_news(&one);
	hear_news(&another);
	assert_int_equal(sent(PART_DEFINITION_WANT), 2);
	world->now += 1000; /* who was asked did not answer */
	hear_news(&one);
	assert_int_equal(sent(PART_DEFINITION_WANT), 1);
	assert_int_equal(definitions_counters(d)->asked, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(added_is_on_the_disk_and_told),
		TEST(removed_is_gone_for_good),
		TEST(rules_of_names_and_bodies),
		TEST(name_is_given_once),
		TEST(disk_that_is_full_refuses),
		TEST(there_are_not_too_many),
		TEST(older_one_has_the_name),
		TEST(who_comes_second_and_is_younger_has_no_name),
		TEST(clock_that_is_behind_wins_no_name),
		TEST(order_of_arrival_makes_no_difference),
		TEST(changed_bytes_are_refused),
		TEST(kind_of_a_later_version_is_kept),
		TEST(damaged_record_is_left_out),
		TEST(author_has_to_be_admitted),
		TEST(removal_of_a_similar_id_hits_nothing),
		TEST(highest_order_is_kept),
		TEST(one_order_by_two_is_one_everywhere),
		TEST(order_is_not_removed),
		TEST(revocation_is_final),
		TEST(revoked_token_is_kept_until_it_has_expired),
		TEST(removal_is_remembered_for_long_enough),
		TEST(large_one_is_told_of_and_asked_for),
		TEST(news_is_asked_for_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
