/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace - the last things that happened, of all nodes, to be printed when a run fails */
#include "tests/sim/sim.h"

#include <stdlib.h>

#define TRACE_LEN 4096

struct trace_entry {
	us_t at;
	uint32_t node, other, what;
	enum trace_kind kind;
};

struct trace {
	uint64_t n;
	struct trace_entry e[TRACE_LEN];
};

struct trace *trace_new(void)
{
	return calloc(1, sizeof(struct trace));
}

void trace_free(struct trace *t)
{
	free(t);
}

void trace_add(struct sim *s, enum trace_kind kind, uint32_t node, uint32_t other, uint32_t what)
{
	struct trace *t = s->trace;

	t->e[t->n++ % TRACE_LEN] = (struct trace_entry){
		.at = s->now, .node = node, .other = other, .what = what, .kind = kind
	};
}

static const char *part_name(uint32_t kind)
{
	static const char *const names[PART_KINDS] = {
		[PART_PING] = "ping",
		[PART_ACK] = "ack",
		[PART_PING_REQ] = "ping-req",
		[PART_NACK] = "nack",
		[PART_CLAIM] = "claim",
		[PART_JOIN] = "join",
		[PART_WELCOME] = "welcome",
		[PART_SYNC] = "sync",
		[PART_SYNC_REPLY] = "sync-reply",
		[PART_SYNC_CLAIM] = "sync-claim",
		[PART_ROW] = "row",
		[PART_LINK] = "link",
		[PART_DEFINITION] = "definition",
		[PART_REMOVAL] = "removal",
		[PART_DEFINITION_NEWS] = "definition-news",
	};

	return kind < PART_KINDS && names[kind] ? names[kind] : "part";
}

static const char *event_name(uint32_t kind)
{
	switch (kind) {
	case EVENT_MEMBER_JOINED:
		return "joined";
	case EVENT_MEMBER_CHANGED:
		return "changed";
	case EVENT_MEMBER_SUSPECT:
		return "suspect";
	case EVENT_MEMBER_DEAD:
		return "dead";
	case EVENT_MEMBER_LEFT:
		return "left";
	case EVENT_MEMBER_FORGOTTEN:
		return "forgotten";
	case EVENT_ID_TAKEN:
		return "id-taken";
	default:
		return "event";
	}
}

static const char *order_name(uint32_t what)
{
	switch (what) {
	case 's':
		return "start";
	case 'c':
		return "crash";
	case 'w':
		return "crash in a durable write";
	case 'p':
		return "pause";
	case 'b':
		return "block";
	case 'r':
		return "resume";
	default:
		return "clock jumps";
	}
}

static void print_entry(const struct trace_entry *e, FILE *out)
{
	fprintf(out, "%12.6f  node %-5u ", (double)e->at / 1e6, e->node);
	switch (e->kind) {
	case TRACE_SEND:
		fprintf(out, "sends %s %u to node %u\n", part_name(e->what), e->what, e->other);
		break;
	case TRACE_STREAM:
		fprintf(out, "streams %s %u to node %u\n", part_name(e->what), e->what, e->other);
		break;
	case TRACE_LOST:
		fprintf(out, "loses %s %u to node %u\n", part_name(e->what), e->what, e->other);
		break;
	case TRACE_RECEIVE:
		fprintf(out, "gets %s %u from node %u\n", part_name(e->what), e->what, e->other);
		break;
	case TRACE_EVENT:
		fprintf(out, "says %s %u of node %d\n", event_name(e->what), e->what,
			(int)e->other);
		break;
	case TRACE_DO:
		fprintf(out, "* %s\n", order_name(e->what));
		break;
	}
}

void trace_print(const struct sim *s, FILE *out)
{
	const struct trace *t = s->trace;
	uint64_t first = t->n > TRACE_LEN ? t->n - TRACE_LEN : 0;

	fprintf(out, "the last %d of %llu things that happened:\n", (int)(t->n - first),
		(unsigned long long)t->n);
	for (uint64_t i = first; i < t->n; i++)
		print_entry(&t->e[i % TRACE_LEN], out);
}
