/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netd_self - what a node remembers of itself, from one start to the next */
#include "netd/self.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "netd/store.h"
#include "overlay/admission.h"

static struct err err;

struct lab {
	char dir[64];
	struct store *store;
	struct self self;
};

static void open_lab(struct lab *lab)
{
	if (store_open(NULL, lab->dir, &lab->store, &err) < 0 ||
	    self_load(lab->store, &lab->self, &err) < 0)
		fail_msg("%s", err.msg);
}

static int setup(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	assert_non_null(lab);
	assert_true(sodium_init() >= 0);
	snprintf(lab->dir, sizeof(lab->dir), "/tmp/heddle-self-XXXXXX");
	assert_non_null(mkdtemp(lab->dir));
	open_lab(lab);
	*state = lab;

	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "store.mdb", "store.lock" };
	struct lab *lab = *state;
	char path[128];

	store_close(lab->store);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", lab->dir, names[i]);
		unlink(path);
	}
	rmdir(lab->dir);
	free(lab);

	return 0;
}

/* Another process: what is in memory is what was in the store. */
static void restart(struct lab *lab)
{
	store_close(lab->store);
	memset(&lab->self, 0xa5, sizeof(lab->self));
	open_lab(lab);
}

static void a_new_store_says_nothing(void **state)
{
	struct lab *lab = *state;

	assert_false(lab->self.has_identity);
	assert_false(lab->self.member);
	assert_false(lab->self.join_pending);
	assert_int_equal(lab->self.generation, 0);
}

static void who_founds_a_cluster_is_its_first_member(void **state)
{
	struct lab *lab = *state;
	struct self before;
	uint32_t id;

	assert_int_equal(self_init(lab->store, &lab->self, "kiln-1", &err), 0);
	before = lab->self;
	restart(lab);
	assert_memory_equal(&lab->self, &before, sizeof(before));
	assert_true(lab->self.member && lab->self.admitter && lab->self.founder);
	assert_string_equal(lab->self.name, "kiln-1");
	assert_true(admission_check(lab->self.cluster_key, lab->self.identity.key, "kiln-1",
				    lab->self.admission));
	assert_memory_equal(lab->self.cluster_key, lab->self.cluster.key, NODE_KEY_LEN);
	assert_non_null(keyring_primary(&lab->self.ring, &id));
	assert_int_equal(lab->self.ring.order.number, 1);

	assert_int_equal(self_init(lab->store, &lab->self, "kiln-2", &err), -EEXIST);
	assert_string_equal(lab->self.name, "kiln-1");
	assert_int_equal(self_has_founded(lab->store, &lab->self, &err), 0);
	restart(lab);
	assert_false(lab->self.founder);
}

static void a_name_is_checked_before_anything_is_made(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(self_init(lab->store, &lab->self, "Kiln", &err), -EINVAL);
	restart(lab);
	assert_false(lab->self.has_identity);
}

/* What an admitter gives to a node that has been let in. */
static void let_in(struct lab *lab, struct self *by)
{
	uint8_t admission[NODE_SIG_LEN];

	admission_sign(&by->cluster, lab->self.identity.key, "kiln-9", admission);
	assert_int_equal(self_joined(lab->store, &lab->self, "kiln-9", by->cluster_key, admission,
				     &by->ring, &err),
			 0);
}

static struct self admitter(const struct lab *lab)
{
	struct self self = { 0 };
	struct lab other = { .self = self };

	snprintf(other.dir, sizeof(other.dir), "%.50s/other", lab->dir);
	open_lab(&other);
	assert_int_equal(self_init(other.store, &other.self, "kiln-1", &err), 0);
	self = other.self;
	store_close(other.store);

	return self;
}

static void remove_other(const struct lab *lab)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s/other", lab->dir);
	assert_int_equal(system(command), 0);
}

static void a_join_is_remembered_until_it_is_done(void **state)
{
	struct lab *lab = *state;
	struct config_addrs addrs = { .n = 2 };
	struct self by = admitter(lab);
	struct node_id id;

	assert_int_equal(config_parse_addr("10.0.0.1", &addrs.list[0]), 0);
	assert_int_equal(config_parse_addr("[fd00::1]:99", &addrs.list[1]), 0);
	assert_int_equal(self_want_join(lab->store, &lab->self, "heddle-join-1-x", &addrs, &err),
			 0);
	id = lab->self.identity.id;
	restart(lab);
	assert_true(lab->self.join_pending);
	assert_string_equal(lab->self.join_token, "heddle-join-1-x");
	assert_int_equal(lab->self.join_addrs.n, 2);
	assert_true(node_addr_equal(&lab->self.join_addrs.list[1], &addrs.list[1]));

	let_in(lab, &by);
	restart(lab);
	assert_false(lab->self.join_pending);
	assert_true(lab->self.member);
	assert_false(lab->self.admitter);
	assert_true(node_id_equal(&lab->self.identity.id, &id));
	assert_string_equal(lab->self.name, "kiln-9");
	assert_memory_equal(&lab->self.ring, &by.ring, sizeof(by.ring));
	assert_int_equal(self_want_join(lab->store, &lab->self, "t", &addrs, &err), -EEXIST);
	remove_other(lab);
}

static void who_is_made_an_admitter_holds_the_clusters_key(void **state)
{
	struct lab *lab = *state;
	struct self by = admitter(lab);

	assert_int_equal(self_want_join(lab->store, &lab->self, "t",
					&(struct config_addrs){ .n = 0 }, &err),
			 0);
	let_in(lab, &by);
	assert_int_equal(self_save_cluster(lab->store, &lab->self, by.cluster.secret, &err), 0);
	restart(lab);
	assert_true(lab->self.admitter);
	assert_memory_equal(&lab->self.cluster, &by.cluster, sizeof(by.cluster));
	remove_other(lab);
}

static void generations_only_rise(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(self_raise_generation(lab->store, &lab->self, 0, &err), 0);
	assert_int_equal(self_raise_generation(lab->store, &lab->self, 0, &err), 0);
	restart(lab);
	assert_int_equal(lab->self.generation, 2);
	assert_int_equal(self_raise_generation(lab->store, &lab->self, 1000000, &err), 0);
	assert_int_equal(self_raise_generation(lab->store, &lab->self, 5, &err), 0);
	restart(lab);
	assert_int_equal(lab->self.generation, 1000001);
}

static void a_ring_is_kept_as_it_is(void **state)
{
	struct lab *lab = *state;
	struct key_order next;
	struct keyring ring;
	uint8_t key[FRAME_KEY_LEN];

	assert_int_equal(self_init(lab->store, &lab->self, "kiln-1", &err), 0);
	randombytes_buf(key, sizeof(key));
	assert_int_equal(key_order_add(&lab->self.ring.order, &lab->self.cluster, key, &next, &err),
			 0);
	ring = lab->self.ring;
	assert_int_equal(keyring_obey(&ring, &next), 1); /* the new key is not held yet */
	assert_int_equal(self_save_ring(lab->store, &lab->self, &ring, &err), 0);
	restart(lab);
	assert_memory_equal(&lab->self.ring, &ring, sizeof(ring));
	assert_int_equal(keyring_take(&ring, key), 0);
	assert_int_equal(self_save_ring(lab->store, &lab->self, &ring, &err), 0);
	restart(lab);
	assert_memory_equal(&lab->self.ring, &ring, sizeof(ring));
}

static void put_record(struct lab *lab)
{
	assert_int_equal(store_put(lab->store, STORE_RECORDS, "k", 1, "v", 1, STORE_DURABLE, &err),
			 0);
}

static bool has_record(struct lab *lab)
{
	AUTO_FREE void *value = NULL;

	return store_get(lab->store, STORE_RECORDS, "k", 1, &value, NULL, &err) == 0;
}

static void another_cluster_begins_with_nothing_of_this_one(void **state)
{
	struct lab *lab = *state;
	struct node_id id;

	assert_int_equal(self_init(lab->store, &lab->self, "kiln-1", &err), 0);
	id = lab->self.identity.id;
	put_record(lab);
	assert_int_equal(self_forget(lab->store, &lab->self, &err), 0);
	assert_false(has_record(lab));
	restart(lab);
	assert_false(lab->self.member || lab->self.has_identity);

	put_record(lab); /* as if the disk had been full then */
	assert_int_equal(self_init(lab->store, &lab->self, "kiln-1", &err), 0);
	assert_false(has_record(lab));
	assert_false(node_id_equal(&lab->self.identity.id, &id));
}

/* Each byte in turn: it is refused, or what is read is sound; it never is a crash. */
static void damage_is_said(void **state)
{
	struct lab *lab = *state;
	AUTO_FREE uint8_t *bytes = NULL;
	struct self self;
	size_t len;
	void *value;
	int refused = 0;

	assert_int_equal(self_init(lab->store, &lab->self, "kiln-1", &err), 0);
	assert_int_equal(store_get(lab->store, STORE_SELF, "self", 5, &value, &len, &err), 0);
	bytes = value;
	for (size_t i = 0; i < len; i += 7) {
		bytes[i] ^= 0xff;
		assert_int_equal(store_put(lab->store, STORE_SELF, "self", 5, bytes, len,
					   STORE_LAZY, &err),
				 0);
		bytes[i] ^= 0xff;
		if (self_load(lab->store, &self, &err) < 0) {
			assert_non_null(strstr(err.msg, "damaged"));
			refused++;
		}
	}
	assert_true(refused > 20);
	assert_int_equal(store_put(lab->store, STORE_SELF, "self", 5, bytes, len - 1, STORE_LAZY,
				   &err),
			 0);
	assert_int_equal(self_load(lab->store, &self, &err), -EIO);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_store_says_nothing),
		TEST(who_founds_a_cluster_is_its_first_member),
		TEST(a_name_is_checked_before_anything_is_made),
		TEST(a_join_is_remembered_until_it_is_done),
		TEST(who_is_made_an_admitter_holds_the_clusters_key),
		TEST(generations_only_rise),
		TEST(a_ring_is_kept_as_it_is),
		TEST(another_cluster_begins_with_nothing_of_this_one),
		TEST(damage_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
