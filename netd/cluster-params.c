/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cluster-params - what a method needs first: a cluster, and which of its nodes is meant */
#include <string.h>

#include "lib/err.h"
#include "netd/cluster-private.h"
#include "netd/id-text.h"
#include "overlay/members.h"
#include "overlay/profile.h"

int cluster_need_up(const struct cluster *c, struct err *e)
{
	const char *why = cluster_why_not_up(c);

	return why ? err_cni(e, CNI_E_AGAIN, "%s", why) : 0;
}

static bool is_named(const struct member *m, const char *what)
{
	char id[NODE_ID_TEXT];

	return m->profile && (strcmp(m->profile->name, what) == 0 ||
			      strcmp(node_id_text(&m->profile->id, id), what) == 0);
}

static bool has_prefix(const struct member *m, const char *what)
{
	char id[NODE_ID_TEXT];

	return m->profile && strlen(what) >= 4 &&
	       strncmp(node_id_text(&m->profile->id, id), what, strlen(what)) == 0;
}

/* Return: how many members @is says are meant; one of them in @ret. */
static unsigned int count_nodes(const struct members *t, const char *what,
				bool (*is)(const struct member *m, const char *what),
				const struct member **ret)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < members_slots(t); i++) {
		if (!is(members_at(t, i), what))
			continue;
		*ret = members_at(t, i);
		n++;
	}

	return n;
}

int cluster_find_node(const struct cluster *c, const struct jnode *params,
		      const struct member **ret, struct err *e)
{
	const struct members *t = engine_members(c->engine);
	const char *what = NULL;
	unsigned int n;
	int r = jn_get_str(params, "node", &what, e);

	if (r < 0)
		return r;
	if (!what)
		return err_cni(e, CNI_E_CONFIG, "node: which one? Give its name or id");
	n = count_nodes(t, what, is_named, ret);
	if (n == 0)
		n = count_nodes(t, what, has_prefix, ret);
	if (n == 1)
		return 0;

	return err_cni(e, CNI_E_CONFIG,
		       n == 0 ? "node \"%.64s\": no such node: heddle node ls lists them"
			      : "node \"%.64s\": more than one is called so: give its whole id",
		       what);
}
