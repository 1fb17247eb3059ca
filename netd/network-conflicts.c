/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-conflicts - what two networks of the cluster cannot both have; see conflict.h */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "netd/metrics.h"
#include "netd/service-private.h"

#define LOG_AREA "networks"
#include "netd/log.h"

static struct conflict_age age(const struct cluster_network *n)
{
	return (struct conflict_age){ n->created, n->id };
}

static bool is_older(const struct cluster_network *a, const struct cluster_network *b)
{
	const struct conflict_age x = age(a), y = age(b);

	return conflict_is_won(&x, &y);
}

/* ---- telling ---------------------------------------------------------------- */

static void tell_of_loss(const struct cluster_network *n, enum conflict what, const char *text)
{
	const struct cluster_network *to = n->lost_to[what];
	char id[NETWORK_ID_TEXT], other[NETWORK_ID_TEXT];

	network_id_text(&n->id, id);
	log_warning("network %s (%s) has lost %s to network %s (%s), which is older: its %u "
		    "containers here go on, it takes no new ones; heddle network rm %s when they "
		    "are gone",
		    n->def.net.name, id, text, to->def.net.name, network_id_text(&to->id, other),
		    n->n_endpoints, id);
}

/* ---- who has lost what ------------------------------------------------------- */

static void set(struct cluster_network *n, enum conflict what, struct cluster_network *to)
{
	n->s->conflicts[what] += (to != NULL) - (n->lost_to[what] != NULL);
	n->lost_to[what] = to;
}

/* @n loses to the oldest of those that claim the same. */
static void lose(struct cluster_network *n, enum conflict what, struct cluster_network *to,
		 const char *text)
{
	bool news = !n->lost_to[what];

	if (!news && is_older(n->lost_to[what], to))
		return;
	set(n, what, to);
	if (news)
		tell_of_loss(n, what, text);
}

static void settle(struct cluster_network *a, struct cluster_network *b, enum conflict what)
{
	struct cluster_network *loser = is_older(a, b) ? b : a, *winner = loser == a ? b : a;
	char text[CONFLICT_TEXT];

	if (conflict_between(what, &loser->def, &winner->def, text))
		lose(loser, what, winner, text);
}

void network_conflicts_begin(struct cluster_network *n)
{
	for (struct cluster_network *m = n->s->networks; m; m = m->next)
		for (int what = 0; m != n && !m->removed && what < CONFLICTS; what++)
			settle(m, n, what);
}

/* One that has gone does not claim anything: the next one may. */
static void look_again(struct cluster_network *n, enum conflict what)
{
	char text[CONFLICT_TEXT];

	set(n, what, NULL);
	for (struct cluster_network *m = n->s->networks; m; m = m->next)
		if (m != n && !m->removed && is_older(m, n) &&
		    conflict_between(what, &n->def, &m->def, text) &&
		    (!n->lost_to[what] || is_older(m, n->lost_to[what])))
			set(n, what, m);
	if (!n->lost_to[what])
		log_info("network %s: nobody else claims its %s any more", n->def.net.name,
			 conflict_name(what));
}

void network_conflicts_end(struct cluster_network *n)
{
	for (int what = 0; what < CONFLICTS; what++)
		set(n, what, NULL);
	for (struct cluster_network *m = n->s->networks; m; m = m->next)
		for (int what = 0; what < CONFLICTS; what++)
			if (m->lost_to[what] == n)
				look_again(m, what);
}

/* ---- what is new -------------------------------------------------------------- */

static int say_lost(const struct cluster_network *n, enum conflict what, struct err *e)
{
	const struct cluster_network *to = n->lost_to[what];
	char id[NETWORK_ID_TEXT], other[NETWORK_ID_TEXT], text[CONFLICT_TEXT];

	(void)conflict_between(what, &n->def, &to->def, text);
	network_id_text(&n->id, id);

	return err_cni(e, CNI_E_CONFIG,
		       "network %s (%s) has lost %s to network %s (%s), which is older, and takes "
		       "no new containers: heddle network rm %s once its containers are gone, and "
		       "make it anew with another",
		       n->def.net.name, id, text, to->def.net.name, network_id_text(&to->id, other),
		       id);
}

/* Another one of @n's name that containers of this node are in; NULL. */
static const struct cluster_network *namesake(const struct cluster_network *n)
{
	const struct cluster_network *m = n->s->networks;

	while (m &&
	       (m == n || m->n_endpoints == 0 || strcmp(m->def.net.name, n->def.net.name) != 0))
		m = m->next;

	return m;
}

static int say_ambiguous(const struct cluster_network *n, const struct cluster_network *other,
			 struct err *e)
{
	char id[NETWORK_ID_TEXT], lost[NETWORK_ID_TEXT];

	return err_cni(e, CNI_E_CONFIG,
		       "network %s: two networks were given this name, %s has it, and this node "
		       "still has %u containers in %s, which a new one would not reach: stop "
		       "those first, then the name is %s's here, too",
		       n->def.net.name, network_id_text(&n->id, id), other->n_endpoints,
		       network_id_text(&other->id, lost), id);
}

int network_may_begin(const struct cluster_network *n, const char *ref, struct err *e)
{
	const struct cluster_network *other = namesake(n);

	for (int what = 0; what < CONFLICTS; what++)
		if (n->lost_to[what])
			return say_lost(n, what, e);
	if (other && strcmp(ref, n->def.net.name) == 0)
		return say_ambiguous(n, other, e);

	return 0;
}

/* ---- looking ------------------------------------------------------------------ */

static json_t *conflict_json(const struct cluster_network *n, enum conflict what)
{
	const struct cluster_network *to = n->lost_to[what];
	char text[CONFLICT_TEXT], id[NETWORK_ID_TEXT];

	(void)conflict_between(what, &n->def, &to->def, text);

	return json_pack("{s:s, s:s, s:s, s:s}", "what", conflict_name(what), "text", text,
			 "network", to->def.net.name, "id", network_id_text(&to->id, id));
}

json_t *network_conflicts_json(const struct cluster_network *n)
{
	AUTO_JSON json_t *list = json_array();

	for (int what = 0; list && what < CONFLICTS; what++)
		if (n->lost_to[what] && json_array_append_new(list, conflict_json(n, what)) < 0)
			return NULL;

	return MOVE_PTR(list);
}

int network_conflicts_register(struct service *s, struct err *e)
{
	static const struct metric table[] = {
		{ "heddle_netd_network_conflicts", "what=\"name\"",
		  "networks that have lost something to an older one", METRIC_GAUGE, METRIC_U32,
		  CONFLICT_NAME * sizeof(uint32_t) },
		{ "heddle_netd_network_conflicts", "what=\"vni\"", NULL, METRIC_GAUGE, METRIC_U32,
		  CONFLICT_VNI * sizeof(uint32_t) },
		{ "heddle_netd_network_conflicts", "what=\"subnet\"", NULL, METRIC_GAUGE,
		  METRIC_U32, CONFLICT_SUBNET * sizeof(uint32_t) },
		{ 0 },
	};

	return metrics_register(s->d->metrics, table, s->conflicts, e);
}
