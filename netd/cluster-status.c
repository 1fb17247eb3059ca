/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cluster-status - the cluster as people and programs see it: logs, status, metrics */
#define LOG_AREA "cluster"

#include <sodium.h>

#include "netd/address.h"
#include "netd/cluster-private.h"
#include "netd/id-text.h"
#include "netd/log.h"
#include "netd/metrics.h"
#include "netd/status.h"
#include "overlay/blocks.h"
#include "overlay/members.h"
#include "overlay/profile.h"

/* ---- logs ------------------------------------------------------------------------------ */

static const struct {
	uint16_t kind;
	enum log_level level;
	const char *text;
} event_words[] = {
	{ EVENT_MEMBER_JOINED, LOG_INFO, "is there" },
	{ EVENT_MEMBER_CHANGED, LOG_DEBUG, "has changed" },
	{ EVENT_MEMBER_SUSPECT, LOG_INFO, "does not answer" },
	{ EVENT_MEMBER_DEAD, LOG_WARNING, "is dead, as far as the others can tell" },
	{ EVENT_MEMBER_LEFT, LOG_INFO, "has left" },
	{ EVENT_MEMBER_FORGOTTEN, LOG_INFO, "was forgotten" },
	{ EVENT_FORGET_DONE, LOG_INFO, "is forgotten by all: what it owned is this node's" },
};

static void log_member(const struct event *ev, enum log_level level, const char *text)
{
	char id[NODE_ID_TEXT], at[ADDRESS_STRLEN];

	if (ev->profile)
		log_write(level, LOG_AREA, "node %s at %s %s", ev->profile->name,
			  address_str(&ev->profile->addr, at), text);
	else
		log_write(level, LOG_AREA, "node %s %s", node_id_text(&ev->node, id), text);
}

/* It was not so when the node was let in: one of the two has changed its address. */
static void log_family(const struct cluster *c, const struct event *ev)
{
	char there[ADDRESS_STRLEN], here[ADDRESS_STRLEN];

	if (ev->profile->addr.ip.family != c->addr.ip.family)
		log_error("node %s is at %s and this one at %s: containers there and here do not "
			  "reach each other until both addresses are of one family, IPv4 or IPv6 "
			  "(advertise in netd.conf)",
			  ev->profile->name, address_str(&ev->profile->addr, there),
			  address_str(&c->addr, here));
}

void cluster_log_event(const struct cluster *c, const struct event *ev)
{
	for (size_t i = 0; i < sizeof(event_words) / sizeof(event_words[0]); i++)
		if (event_words[i].kind == ev->kind)
			log_member(ev, event_words[i].level, event_words[i].text);
	if (ev->profile && (ev->kind == EVENT_MEMBER_JOINED || ev->kind == EVENT_MEMBER_CHANGED))
		log_family(c, ev);
	if (ev->kind == EVENT_BLOCKS_RESTORED)
		log_warning(
			"others know of numbers that this node has given away, and it does not: "
			"its disk is an old backup. What they say counts");
	else if (ev->kind == EVENT_BLOCK_FROZEN)
		log_error("two nodes claim the same numbers of a space: they are given to nobody "
			  "until an operator has settled it");
	else if (ev->kind == EVENT_BLOCKS_READY)
		log_info("all %u nodes have been met: numbers are given again",
			 members_count(engine_members(c->engine)));
}

/* ---- what is missing ------------------------------------------------------------------- */

const char *cluster_why_not_up(const struct cluster *c)
{
	switch (c->phase) {
	case CLUSTER_UP:
		return NULL;
	case CLUSTER_JOINING:
		return c->retry_why.msg[0] ? c->retry_why.msg
					   : "this node asks to be let into its cluster";
	case CLUSTER_LEAVING:
		return "this node is leaving its cluster";
	case CLUSTER_NONE:
		break;
	}
	if (c->retry_why.msg[0])
		return c->retry_why.msg;

	return "this node is in no cluster: netd init founds one, netd join TOKEN ADDRESS enters "
	       "one";
}

/* ---- status ---------------------------------------------------------------------------- */

static const char *const phase_names[] = {
	[CLUSTER_NONE] = "none",
	[CLUSTER_JOINING] = "joining",
	[CLUSTER_UP] = "up",
	[CLUSTER_LEAVING] = "leaving",
};

static const char *const state_names[] = {
	[MEMBER_ALIVE] = "alive",
	[MEMBER_SUSPECT] = "suspect",
	[MEMBER_DEAD] = "dead",
	[MEMBER_LEFT] = "left",
};

json_t *cluster_member_json(const struct cluster *c, const struct member *m)
{
	const struct profile *p = m->profile;
	char id[NODE_ID_TEXT], at[ADDRESS_STRLEN], ip[IP_STRLEN];
	uint64_t since_s = m->since_s ? m->since_s : c->up_s;
	json_int_t for_s = (json_int_t)(cluster_now(c) / 1000 - since_s);

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:b}", "name", p->name, "id",
			 node_id_text(&p->id, id), "address", address_str(&p->addr, at), "ip",
			 ip_str(&p->addr.ip, ip), "state", state_names[m->state], "state_for_s",
			 for_s, "generation", (json_int_t)m->generation, "self",
			 node_id_equal(&p->id, engine_id(c->engine)));
}

json_t *cluster_self_json(const struct cluster *c)
{
	const struct self *self = &c->d->self;
	char id[NODE_ID_TEXT];

	return json_pack("{s:s, s:s}", "name", self->name, "id",
			 node_id_text(&self->identity.id, id));
}

static json_t *keys_json(const struct keyring *ring)
{
	json_t *keys = json_array();
	char hash[2 * KEY_HASH_LEN + 1];

	for (unsigned int i = 0; i < ring->order.n; i++) {
		sodium_bin2hex(hash, sizeof(hash), ring->order.hash[i], KEY_HASH_LEN);
		json_array_append_new(keys,
				      json_pack("{s:s, s:b, s:b}", "hash", hash, "held",
						ring->held[i], "seals", i == ring->order.primary));
	}

	return json_pack("{s:I, s:o}", "order", (json_int_t)ring->order.number, "keys", keys);
}

static void add_up(const struct cluster *c, json_t *o)
{
	const struct members *t = engine_members(c->engine);
	const struct self *self = &c->d->self;
	char id[NODE_ID_TEXT], key[2 * NODE_KEY_LEN + 1], at[ADDRESS_STRLEN];

	sodium_bin2hex(key, sizeof(key), self->cluster_key, NODE_KEY_LEN);
	json_object_update_missing_new(
		o, json_pack("{s:s, s:s, s:s, s:s, s:I, s:b, s:b, s:I, s:I, s:b, s:I, s:I, s:o}",
			     "cluster", key, "name", self->name, "id",
			     node_id_text(&self->identity.id, id), "address",
			     address_str(&c->addr, at), "generation", (json_int_t)self->generation,
			     "admitter", self->admitter, "draining", c->draining, "members",
			     (json_int_t)members_count(t), "alive", (json_int_t)members_alive(t),
			     "numbers_ready", blocks_ready(c->blocks), "unmet",
			     (json_int_t)blocks_unmet(c->blocks), "taken_times",
			     (json_int_t)c->taken_times, "keys", keys_json(&self->ring)));
}

static json_t *status(void *ctx)
{
	const struct cluster *c = ctx;
	json_t *o = json_pack("{s:s}", "phase", phase_names[c->phase]);

	if (o && c->engine)
		add_up(c, o);

	return o;
}

/* ---- metrics --------------------------------------------------------------------------- */

static void put(struct metrics_page *page, const char *name, enum metric_type type,
		const char *help, double value)
{
	metrics_head(page, name, type, help);
	metrics_put(page, name, value, NULL);
}

static void port_metrics(const struct cluster *c, struct metrics_page *page)
{
	const struct port_counters *n = port_counters(c->port);
	static const char name[] = "heddle_netd_port_dropped_total";

	put(page, "heddle_netd_port_datagrams_in_total", METRIC_COUNTER, "Datagrams received",
	    (double)n->datagrams_in);
	put(page, "heddle_netd_port_datagrams_out_total", METRIC_COUNTER, "Datagrams sent",
	    (double)n->datagrams_out);
	put(page, "heddle_netd_port_bytes_in_total", METRIC_COUNTER, "Bytes of them",
	    (double)n->bytes_in);
	put(page, "heddle_netd_port_bytes_out_total", METRIC_COUNTER, "Bytes of them",
	    (double)n->bytes_out);
	metrics_head(page, name, METRIC_COUNTER, "Datagrams that were lost at the sockets");
	metrics_put(page, name, (double)n->giant, "reason=\"giant\"");
	metrics_put(page, name, (double)n->empty, "reason=\"empty\"");
	metrics_put(page, name, (double)n->kernel_dropped, "reason=\"receive-buffer\"");
	metrics_put(page, name, (double)n->send_full, "reason=\"send-buffer\"");
	metrics_put(page, name, (double)n->send_failed, "reason=\"send\"");
	metrics_put(page, name, (double)c->counters.not_up, "reason=\"not-up\"");
}

static const char *const verdict_names[WIRE_VERDICTS] = {
	[WIRE_MESSAGE] = "message",   [WIRE_KNOWN] = "known",	  [WIRE_HELLO] = "hello",
	[WIRE_STRANGER] = "stranger", [WIRE_REPLAY] = "replay",	  [WIRE_SEALED] = "sealed",
	[WIRE_KEY] = "key",	      [WIRE_VERSION] = "version", [WIRE_KIND] = "kind",
	[WIRE_JUNK] = "junk",
};

static void frame_metrics(const struct cluster *c, struct metrics_page *page)
{
	static const char name[] = "heddle_netd_frames_total";

	metrics_head(page, name, METRIC_COUNTER,
		     "Frames received, by what they were: message, known, hello are good");
	for (unsigned int i = 0; i < WIRE_VERDICTS; i++)
		if (verdict_names[i])
			metrics_put(page, name, (double)c->wire.count[i], "verdict=\"%s\"",
				    verdict_names[i]);
}

static void message_metrics(const struct cluster *c, struct metrics_page *page)
{
	static const char name[] = "heddle_netd_messages_dropped_total";
	const struct engine_counters *n = engine_counters(c->engine);

	metrics_head(page, name, METRIC_COUNTER, "Messages, or parts, that came to nothing");
	metrics_put(page, name, (double)c->counters.unsealed, "reason=\"no-key\"");
	metrics_put(page, name, (double)c->counters.held_lost, "reason=\"no-hello\"");
	metrics_put(page, name, (double)c->counters.not_allowed, "reason=\"allowance\"");
	metrics_put(page, name, (double)streams_counters(c->streams)->dropped, "reason=\"stream\"");
	metrics_put(page, name, (double)n->bad_message, "reason=\"bad-message\"");
	metrics_put(page, name, (double)n->bad_part, "reason=\"bad-part\"");
	metrics_put(page, name, (double)n->unknown_part, "reason=\"unknown-part\"");
	metrics_put(page, name, (double)n->unknown_member, "reason=\"unknown-member\"");
	metrics_put(page, name, (double)n->forged, "reason=\"forged\"");
	put(page, "heddle_netd_translated_total", METRIC_COUNTER,
	    "Datagrams of members from addresses that they do not name",
	    (double)c->counters.translated);
}

static const char *const refusal_names[] = {
	[REFUSED_VERSION] = "version",	   [REFUSED_NO_ADMITTER] = "no-admitter",
	[REFUSED_EXPIRED] = "expired",	   [REFUSED_REVOKED] = "revoked",
	[REFUSED_PROOF] = "proof",	   [REFUSED_NAME] = "name",
	[REFUSED_FORGOTTEN] = "forgotten", [REFUSED_FAMILY] = "family",
	[REFUSED_ELSEWHERE] = "elsewhere",
};

static void admit_metrics(const struct cluster *c, struct metrics_page *page)
{
	static const char name[] = "heddle_netd_handshakes_total";
	const struct admit_counters *n = admit_counters(c->admit);

	metrics_head(page, name, METRIC_COUNTER, "Handshakes that others asked for, by outcome");
	metrics_put(page, name, (double)n->admitted, "outcome=\"admitted\"");
	metrics_put(page, name, (double)n->rekeyed, "outcome=\"rekeyed\"");
	metrics_put(page, name, (double)n->busy, "outcome=\"busy\"");
	metrics_put(page, name, (double)n->unfinished, "outcome=\"unfinished\"");
	for (unsigned int i = REFUSED_VERSION; i <= REFUSED_ELSEWHERE; i++)
		metrics_put(page, name, (double)n->refused[i], "outcome=\"%s\"", refusal_names[i]);
}

static void connection_metrics(const struct cluster *c, struct metrics_page *page)
{
	static const char name[] = "heddle_netd_connections_dropped_total";
	const struct streams_counters *n = streams_counters(c->streams);

	put(page, "heddle_netd_streams", METRIC_GAUGE, "Connections with other nodes", n->open);
	metrics_head(page, name, METRIC_COUNTER, "Connections that came to nothing");
	metrics_put(page, name, (double)door_counters(c->door)->refused, "reason=\"no-place\"");
	metrics_put(page, name, (double)door_counters(c->door)->silent, "reason=\"no-sense\"");
	metrics_put(page, name, (double)n->refused, "reason=\"too-many\"");
	metrics_put(page, name, (double)n->broken, "reason=\"broken\"");
	metrics_put(page, name, (double)n->connect_failed, "reason=\"not-reached\"");
}

static void member_metrics(const struct cluster *c, struct metrics_page *page)
{
	static const char name[] = "heddle_netd_members";
	const struct members *t = engine_members(c->engine);
	uint32_t n[sizeof(state_names) / sizeof(state_names[0])] = { 0 };

	for (uint32_t i = 0; i < members_slots(t); i++)
		if (members_at(t, i)->profile)
			n[members_at(t, i)->state]++;
	metrics_head(page, name, METRIC_GAUGE, "Nodes of the cluster, by state");
	for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++)
		metrics_put(page, name, n[i], "state=\"%s\"", state_names[i]);
}

static void metrics(void *ctx, struct metrics_page *page)
{
	const struct cluster *c = ctx;

	put(page, "heddle_netd_up", METRIC_GAUGE, "Whether this node is in a cluster",
	    c->engine ? 1 : 0);
	if (!c->port)
		return;
	port_metrics(c, page);
	admit_metrics(c, page);
	connection_metrics(c, page);
	frame_metrics(c, page);
	if (!c->engine)
		return;
	message_metrics(c, page);
	member_metrics(c, page);
}

int cluster_add_status(struct cluster *c, struct err *e)
{
	int r = status_register(c->d->status, "cluster", status, c, e);

	return r < 0 ? r : metrics_register_call(c->d->metrics, metrics, c, e);
}
