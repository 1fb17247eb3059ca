/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exp_rows_repair - what it costs to find one row, to take all of them, to have them
 *
 * Two members hold the same rows of 1,000 owners, all of whom are gone by then.
 * One of the two hears of one more change; all that they say to each other about
 * rows until they are equal again is counted.  Or a third one joins, and takes
 * all rows.  Or one of the two stops, and what it frees is measured.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "overlay/identity.h"
#include "overlay/members.h"
#include "overlay/profile.h"
#include "overlay/spread.h"
#include "tests/sim/exp.h"
#include "tests/sim/rows_world.h"

enum { TO_EQUAL, BYTES, MESSAGES, METRICS };

#define OWNERS 1000
#define VALUE  130
#define JOINER (2 + OWNERS)
#define NODES  (JOINER + 1)

static const struct {
	const char *name;
	uint32_t rows; /* of each owner */
	bool removed;
} points[] = {
	{ "a row of one", 1, false },
	{ "a row of 10", 10, false },
	{ "a row of 100", 100, false },
	{ "a row of 100 that is removed", 100, true },
};

/* What somebody who is gone has said. */
struct message_of_owner {
	uint8_t *bytes;
	size_t len;
};

struct story {
	const struct profile *profiles[OWNERS];
	struct message_of_owner *said; /* by owner, then by row */
	struct message_of_owner last;  /* what only one of the two hears */
};

/* The next change in a node's queue, and out of it. */
static struct message_of_owner overhear(struct sim_node *n)
{
	uint8_t buf[DATAGRAM_ROOM];
	struct part_writer w = { .buf = buf, .cap = sizeof(buf) };
	struct part_reader reader;
	struct part p;
	struct message_of_owner m;

	spread_fill(engine_spread(n->engine), 0, &w);
	reader = (struct part_reader){ .at = buf, .end = buf + w.len };
	/* The youngest comes first. */
	while (part_next(&reader, &p) > 0 && p.kind != PART_ROW)
		;
	m = (struct message_of_owner){ .bytes = malloc(PART_HEADER + p.len),
				       .len = PART_HEADER + (size_t)p.len };
	if (!m.bytes)
		abort();
	memcpy(m.bytes, p.body - PART_HEADER, m.len);

	return m;
}

static void live_and_go(struct sim *s, struct story *story, uint32_t owner, uint32_t rows,
			bool is_last, bool removed)
{
	struct sim_node *n = &s->nodes[2 + owner];

	rows_world_start(s, 2 + owner);
	story->profiles[owner] = members_at(engine_members(n->engine), 0)->profile;
	for (uint32_t i = 0; i < rows; i++) {
		rows_world_put(s, 2 + owner, NULL, i, VALUE);
		story->said[owner * rows + i] = overhear(n);
	}
	if (is_last && removed)
		rows_world_remove(s, 2 + owner, NULL, 0);
	else if (is_last)
		rows_world_put(s, 2 + owner, NULL, 0, VALUE);
	if (is_last)
		story->last = overhear(n);
	sim_crash(s, 2 + owner);
}

static void tell(struct sim *s, uint32_t node, uint32_t owner, const struct message_of_owner *m)
{
	const struct origin o = { .from = { .id = s->nodes[2 + owner].id,
					    .addr = s->nodes[2 + owner].self.addr } };

	engine_receive(s->nodes[node].engine, &o, m->bytes, m->len, sim_clock(&s->nodes[node]));
	node_arm(&s->nodes[node]);
}

static void plug_in_and_know(struct sim *s, struct sim_node *n)
{
	struct rows_world *w = s->user;
	const struct story *story = w->user;

	rows_world_plug_in(s, n);
	for (uint32_t i = 0; i < OWNERS; i++)
		engine_restore(n->engine, &(struct record){ .kind = RECORD_MEMBER,
							    .key = story->profiles[i]->id.b,
							    .key_len = NODE_ID_LEN,
							    .value = story->profiles[i]->bytes,
							    .len = story->profiles[i]->len });
}

/* Use up what gossip would say, so that only a comparison can find it. */
static void be_silent(struct sim *s)
{
	struct spread *queue = engine_spread(s->nodes[0].engine);

	while (spread_backlog(queue) > 0) {
		uint8_t buf[DATAGRAM_ROOM];
		struct part_writer w = { .buf = buf, .cap = sizeof(buf) };

		spread_fill(queue, 0, &w);
	}
}

static bool two_equal(struct sim *s)
{
	static const struct network_id cluster;
	const struct rows_world *w = s->user;

	return rows_root(w->rows[0], &cluster) == rows_root(w->rows[1], &cluster);
}

/* With so many who do not answer, those who do hardly ever ping each other: here they do. */
static void greet(struct sim *s, uint32_t to, uint32_t from)
{
	struct sim_node *n = &s->nodes[to], *other = &s->nodes[from];
	const struct origin o = { .from = { .id = other->id, .addr = other->self.addr } };
	uint8_t greeting[64];
	size_t len = engine_greet(other->engine, &n->id, greeting, sizeof(greeting));

	engine_greeted(n->engine, &o, greeting, len, sim_clock(n));
	node_arm(n);
}

static bool greet_and_compare(struct sim *s)
{
	greet(s, 0, 1);
	greet(s, 1, 0);

	return two_equal(s);
}

static struct rows_counters of_both(const struct sim *s)
{
	const struct rows_world *w = s->user;
	struct rows_counters sum = *rows_counters(w->rows[0]);

	sum.sync_bytes += rows_counters(w->rows[1])->sync_bytes;
	sum.sync_messages += rows_counters(w->rows[1])->sync_messages;

	return sum;
}

static void set_up(struct sim *s, struct story *story, uint32_t rows, uint32_t last, bool removed)
{
	for (uint32_t i = 0; i < OWNERS; i++)
		live_and_go(s, story, i, rows, i == last, removed);
	s->hooks.plug_in = plug_in_and_know;
	rows_world_start(s, 0);
	rows_world_start(s, 1);
	sim_join(s, 1, 0);
	for (uint32_t i = 0; i < OWNERS * rows; i++) {
		tell(s, 0, i / rows, &story->said[i]);
		tell(s, 1, i / rows, &story->said[i]);
		free(story->said[i].bytes);
	}
	free(story->said);
	(void)sim_run_while(s, MS(500), s->now + SECONDS(60), greet_and_compare);
	sim_run_until(s, s->now + SECONDS(15)); /* no hurry any more */
}

static int run(struct run *r)
{
	struct sim *s = sim_new(r->seed, NULL, NULL);
	struct rows_world *w = rows_world_new(s, NODES);
	uint32_t rows = points[r->point].rows, last = sim_below(s, OWNERS);
	struct story story = { .said = calloc((size_t)OWNERS * rows + 1, sizeof(*story.said)) };
	struct rows_counters before, after;
	us_t told;

	if (!story.said)
		abort();
	w->user = &story;
	set_up(s, &story, rows, last, points[r->point].removed);
	if (!two_equal(s))
		return run_fail(r, s, "the two differ before anything was changed");
	before = of_both(s);
	told = s->now;
	tell(s, 0, last, &story.last);
	be_silent(s);
	if (two_equal(s))
		return run_fail(r, s, "the change makes no difference");
	if (!sim_run_while(s, MS(500), told + SECONDS(60), greet_and_compare))
		return run_fail(r, s, "the two differ after 60 s");
	r->metric[TO_EQUAL] = (double)(s->now - told) / 1e6;
	sim_run_until(s, s->now + SECONDS(5)); /* what is said too much counts, too */
	after = of_both(s);
	r->metric[BYTES] = (double)(after.sync_bytes - before.sync_bytes);
	r->metric[MESSAGES] = (double)(after.sync_messages - before.sync_messages);
	free(story.last.bytes);
	rows_world_free(s);

	return 0;
}

static void report(const struct results *r, FILE *md, const char *dir)
{
	(void)dir;
	fprintf(md,
		"Two members, %d owners with rows of %d bytes; everything that both say to find "
		"the "
		"difference and to mend it, frames included; pings and acks are not.\n\n"
		"| what differs, of one owner | bytes, mean | bytes, most | messages, mean | equal "
		"after, s, median |\n|---|---|---|---|---|\n",
		OWNERS, VALUE);
	for (unsigned int p = 0; p < r->points; p++)
		fprintf(md, "| %s | %.0f | %.0f | %.1f | %.2f |\n", points[p].name,
			results_mean(r, p, BYTES), results_max(r, p, BYTES),
			results_mean(r, p, MESSAGES), results_quantile(r, p, TO_EQUAL, 0.5));
	fprintf(md, "\nAsked for: 2,000 bytes or less.\n");
}

static struct experiment repair = {
	.name = "rows-repair",
	.title = "One differing row among those of 1,000 owners",
	.metrics = METRICS,
	.points = { 2, 4 },
	.seeds = { 3, 20 },
	.run = run,
	.report = report,
};
EXPERIMENT(repair)

/* ---- joining ----------------------------------------------------------------- */

enum { TO_JOIN, TABLE_KB, GOT_KB, TIMES, CPU_S, VERIFY_S, JOIN_METRICS };

#define JOIN_ROWS 100 /* of each owner */

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);

	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What the joiner's signatures would cost, one head of each owner: the simulated ones cost nothing.
 */
static double verify_seconds(void)
{
	static const uint8_t seed[IDENTITY_SEED_LEN] = { 1 }, head[HEAD_LEN_MAX];
	uint8_t sig[NODE_SIG_LEN];
	struct identity owner;
	double cpu;

	identity_init(&owner, seed);
	identity_sign(&owner, SIGN_GOSSIP, head, sizeof(head), sig);
	cpu = cpu_seconds();
	for (unsigned int i = 0; i < OWNERS; i++)
		if (!identity_verify(owner.key, SIGN_GOSSIP, head, sizeof(head), sig))
			abort();

	return cpu_seconds() - cpu;
}

static void add_up(void *ctx, const struct node_id *owner, const struct row *row)
{
	uint64_t *bytes = ctx;

	(void)owner;
	*bytes += (uint64_t)row->key_len + row->value_len;
}

static uint64_t bytes_in(const struct sim *s)
{
	return s->nodes[JOINER].traffic.bytes_in + s->nodes[JOINER].traffic.stream_in;
}

static bool greet_joiner(struct sim *s)
{
	uint32_t other = sim_below(s, 2);

	greet(s, JOINER, other);
	greet(s, other, JOINER);

	return rows_world_equal(s);
}

static int run_join(struct run *r)
{
	static const struct network_id cluster;
	struct sim *s = sim_new(r->seed, NULL, NULL);
	struct rows_world *w = rows_world_new(s, NODES);
	struct story story = { .said = calloc((size_t)OWNERS * JOIN_ROWS, sizeof(*story.said)) };
	uint64_t table = 0;
	double cpu;
	us_t begun;

	if (!story.said)
		abort();
	w->user = &story;
	set_up(s, &story, JOIN_ROWS, OWNERS, false);
	if (!two_equal(s))
		return run_fail(r, s, "the two differ before anybody joins");
	cpu = cpu_seconds();
	begun = s->now;
	rows_world_start(s, JOINER);
	sim_join(s, JOINER, 0);
	if (!sim_run_while(s, MS(500), begun + SECONDS(300), greet_joiner))
		return run_fail(r, s, "the joiner lacks rows after 300 s");
	rows_each(w->rows[JOINER], &cluster, ROWS_ALL, add_up, &table);
	r->metric[CPU_S] = cpu_seconds() - cpu;
	r->metric[VERIFY_S] = verify_seconds();
	r->metric[TO_JOIN] = (double)(s->now - begun) / 1e6;
	r->metric[TABLE_KB] = (double)table / 1e3;
	r->metric[GOT_KB] = (double)bytes_in(s) / 1e3;
	r->metric[TIMES] = (double)bytes_in(s) / (double)table;
	rows_world_free(s);

	return 0;
}

static void report_join(const struct results *r, FILE *md, const char *dir)
{
	(void)dir;
	fprintf(md,
		"%d rows of %d owners, keys of 4 and values of %d bytes. What the joiner gets is "
		"everything, gossip included; it knows the members already. CPU is of the whole "
		"simulation while it joins, and of the %d signatures of the owners' heads, which "
		"the simulation does not have.\n\n"
		"| keys and values, kB | received, kB, most | times, most | seconds, median | CPU, "
		"s, median | signatures, CPU-s, median |\n|---|---|---|---|---|---|\n"
		"| %.0f | %.0f | %.2f | %.1f | %.2f | %.3f |\n\n"
		"Asked for: 1.3 times, and 0.2 CPU-s to verify.\n",
		OWNERS * JOIN_ROWS, OWNERS, VALUE, OWNERS, results_mean(r, 0, TABLE_KB),
		results_max(r, 0, GOT_KB), results_max(r, 0, TIMES),
		results_quantile(r, 0, TO_JOIN, 0.5), results_quantile(r, 0, CPU_S, 0.5),
		results_quantile(r, 0, VERIFY_S, 0.5));
}

static struct experiment join = {
	.name = "rows-join",
	.title = "Joining a cluster of 100,000 rows",
	.metrics = JOIN_METRICS,
	.points = { 0, 1 },
	.seeds = { 0, 20 },
	.run = run_join,
	.report = report_join,
};

/* ---- having them --------------------------------------------------------------- */

enum { MEMBERS_KB, ALL_KB, MEMORY_METRICS };

#define MEMORY_ROWS 10 /* of each owner */
#define MEMORY_MOST (8 * 1024)

static double heap_kb(void)
{
	struct mallinfo2 heap = mallinfo2();

	return (double)(heap.uordblks + heap.hblkhd) / 1024;
}

/* Profiles are shared by the simulation's nodes; a daemon has its own. */
static double profiles_kb(const struct story *story)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < OWNERS; i++)
		bytes += malloc_usable_size((void *)(uintptr_t)story->profiles[i]);

	return (double)bytes / 1024;
}

static int run_memory(struct run *r)
{
	struct sim *s = sim_new(r->seed, NULL, NULL);
	struct rows_world *w = rows_world_new(s, NODES);
	struct story story = { .said = calloc((size_t)OWNERS * MEMORY_ROWS, sizeof(*story.said)) };
	double before, profiles;

	if (!story.said)
		abort();
	w->user = &story;
	set_up(s, &story, MEMORY_ROWS, OWNERS, false);
	if (!two_equal(s) || rows_members(w->rows[0], &(struct network_id){ { 0 } }) < 2)
		return run_fail(r, s, "the two differ, or do not know each other");
	profiles = profiles_kb(&story);
	r->metric[MEMBERS_KB] =
		(double)members_bytes(engine_members(s->nodes[0].engine)) / 1024 + profiles;
	before = heap_kb();
	sim_crash(s, 0);
	r->metric[ALL_KB] = before - heap_kb() + profiles;
	rows_world_free(s);

	return 0;
}

static bool check_memory(const struct results *r, FILE *out)
{
	return check_most(out, "KiB of a member", results_max(r, 0, ALL_KB), MEMORY_MOST);
}

static void report_memory(const struct results *r, FILE *md, const char *dir)
{
	(void)dir;
	fprintf(md,
		"One member that knows %d others and %d rows with values of %d bytes: what it "
		"frees when it stops, as malloc counts it, and the profiles of the others, which "
		"the simulation shares.\n\n"
		"| members and their profiles, KiB | all, KiB |\n|---|---|\n| %.0f | %.0f |\n\n"
		"Asked for: %d KiB. Not in it: the frame's sessions, and what the daemon keeps "
		"beside the engine.\n",
		OWNERS, OWNERS * MEMORY_ROWS, VALUE, results_max(r, 0, MEMBERS_KB),
		results_max(r, 0, ALL_KB), MEMORY_MOST);
}

static struct experiment memory = {
	.name = "rows-memory",
	.title = "What a member of 1,000 with 10,000 rows keeps in memory",
	.metrics = MEMORY_METRICS,
	.points = { 1, 1 },
	.seeds = { 1, 20 },
	.run = run_memory,
	.check = check_memory,
	.report = report_memory,
};

__attribute__((constructor)) static void register_more(void)
{
	experiment_register(&join);
	experiment_register(&memory);
}
