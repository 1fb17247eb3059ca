/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit tests of the parts of netd/cluster that need no network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "netd/cluster-private.h"
#include "overlay/profile.h"
#include "overlay/rows.h"

/* ---- clocks ---------------------------------------------------------------------------- */

static void clocks_that_run_on_have_not_jumped(void **state)
{
	const struct clocks was = { .slept_ms = 5000, .set_ms = 1700000000000 };
	const struct clocks slewed = { .slept_ms = 5000, .set_ms = 1700000000900 };
	struct clocks now = clocks_read(), again = clocks_read();

	(void)state;
	assert_false(clocks_jumped(&was, &was));
	assert_false(clocks_jumped(&was, &slewed));
	assert_false(clocks_jumped(&now, &again));
}

static void a_sleep_and_a_step_are_noticed(void **state)
{
	const struct clocks was = { .slept_ms = 5000, .set_ms = 1700000000000 };
	const struct clocks slept = { .slept_ms = 8000, .set_ms = 1700000000000 };
	const struct clocks ahead = { .slept_ms = 5000, .set_ms = 1700000060000 };
	const struct clocks back = { .slept_ms = 5000, .set_ms = 1699999940000 };

	(void)state;
	assert_true(clocks_jumped(&was, &slept));
	assert_true(clocks_jumped(&was, &ahead));
	assert_true(clocks_jumped(&was, &back));
}

/* ---- events ---------------------------------------------------------------------------- */

struct told {
	struct cluster *c;
	unsigned int n;
	uint16_t kinds[8];
	char key[8], value[8], name[NODE_NAME_MAX + 1], body[8];
};

static void note(void *ctx, const struct event *ev)
{
	struct told *t = ctx;

	t->kinds[t->n++] = ev->kind;
	if (ev->kind == EVENT_ROW) {
		const struct row_event *more = ev->more;
		struct row_text text = row_text(more->row);

		memcpy(t->key, text.key, text.key_len);
		memcpy(t->value, text.value, text.value_len);
		memcpy(t->name, ev->profile->name, sizeof(t->name));
	} else if (ev->kind == EVENT_NAME_LOST) {
		const struct definition *more = ev->more;

		memcpy(t->body, more->body, more->body_len);
	}
}

/* A cluster that is not up, with one user. */
static void make(struct cluster *c, struct told *t)
{
	memset(c, 0, sizeof(*c));
	c->events_end = &c->events;
	*t = (struct told){ .c = c };
	assert_int_equal(cluster_subscribe(c, &(struct cluster_user){ .event = note, .ctx = t },
					   NULL),
			 0);
}

static void queue_row(struct cluster *c)
{
	const struct row_text text = { .kind = ROW_ENDPOINT,
				       .key = (const uint8_t *)"key",
				       .key_len = 3,
				       .value = (const uint8_t *)"value",
				       .value_len = 5 };
	struct row *row = row_make(&text, 7, false);
	struct profile *p = calloc(1, sizeof(*p) + 3);
	struct row_event more = { .row = row };
	struct event ev = { .kind = EVENT_ROW, .profile = p, .more = &more };

	assert_non_null(row);
	assert_non_null(p);
	p->len = 3;
	memcpy(p->name, "n1", 3);
	cluster_queue_event(c, &ev);
	memset(row->bytes, 'x', 8);
	free(row);
	free(p);
}

static void what_an_event_points_at_outlives_the_call(void **state)
{
	struct definition d = { .body = (const uint8_t *)"body", .body_len = 4 };
	struct event lost = { .kind = EVENT_NAME_LOST, .more = &d };
	struct cluster c;
	struct told t;

	(void)state;
	make(&c, &t);
	queue_row(&c);
	cluster_queue_event(&c, &lost);
	d.body = NULL;
	assert_int_equal(t.n, 0);
	cluster_tell_events(&c);
	assert_int_equal(t.n, 2);
	assert_int_equal(t.kinds[0], EVENT_ROW);
	assert_int_equal(t.kinds[1], EVENT_NAME_LOST);
	assert_string_equal(t.key, "key");
	assert_string_equal(t.value, "value");
	assert_string_equal(t.name, "n1");
	assert_string_equal(t.body, "body");
}

/* A user that makes the engine tell more. */
static void tell_another(void *ctx, const struct event *ev)
{
	struct told *t = ctx;

	note(t, ev);
	if (t->n < 3)
		cluster_queue_event(t->c, &(struct event){ .kind = EVENT_PROGRAMMED });
}

static void what_users_cause_is_told_too(void **state)
{
	struct cluster c;
	struct told t;

	(void)state;
	make(&c, &t);
	c.users[0].event = tell_another;
	cluster_queue_event(&c, &(struct event){ .kind = EVENT_BLOCK_DENIED });
	cluster_tell_events(&c);
	assert_int_equal(t.n, 3);
	assert_int_equal(t.kinds[0], EVENT_BLOCK_DENIED);
	assert_int_equal(t.kinds[2], EVENT_PROGRAMMED);
	cluster_tell_events(&c);
	assert_int_equal(t.n, 3);
}

static void what_is_dropped_is_not_told(void **state)
{
	struct cluster c;
	struct told t;

	(void)state;
	make(&c, &t);
	queue_row(&c);
	queue_row(&c);
	cluster_drop_events(&c);
	cluster_tell_events(&c);
	assert_int_equal(t.n, 0);
	/* And the queue is good for the next ones. */
	queue_row(&c);
	cluster_tell_events(&c);
	assert_int_equal(t.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clocks_that_run_on_have_not_jumped),
		cmocka_unit_test(a_sleep_and_a_step_are_noticed),
		cmocka_unit_test(what_an_event_points_at_outlives_the_call),
		cmocka_unit_test(what_users_cause_is_told_too),
		cmocka_unit_test(what_is_dropped_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
