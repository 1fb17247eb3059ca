/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane-net - the networks that the plane knows: their names, and finding them */
#include <stdlib.h>
#include <string.h>

#include "netd/plane-private.h"

static void name_device(const char *prefix, const struct network_id *id, char ret[IFNAMSIZ])
{
	static const char digits[] = "0123456789abcdef";
	size_t len = strlen(prefix);

	memcpy(ret, prefix, len);
	for (size_t i = 0; len + 2 < IFNAMSIZ; i++) {
		ret[len++] = digits[id->b[i] >> 4];
		ret[len++] = digits[id->b[i] & 15];
	}
	ret[len] = '\0';
}

void plane_bridge_name(const struct network_id *id, char ret[IFNAMSIZ])
{
	name_device(PLANE_BRIDGE_PREFIX, id, ret);
}

void plane_vxlan_name(const struct network_id *id, char ret[IFNAMSIZ])
{
	name_device(PLANE_VXLAN_PREFIX, id, ret);
}

struct plane_net *plane_find(const struct plane *p, const struct network_id *id)
{
	for (struct plane_net *n = p->nets; n; n = n->next)
		if (network_id_equal(&n->id, id))
			return n;

	return NULL;
}

struct plane_net *plane_find_served(const struct plane *p, const struct network_id *id)
{
	struct plane_net *n = plane_find(p, id);

	return n && n->served ? n : NULL;
}

struct plane_net *plane_need(struct plane *p, const struct network_id *id)
{
	struct plane_net *n = plane_find(p, id);

	if (n)
		return n;
	n = calloc(1, sizeof(*n));
	if (!n || entries_init(&n->entries) < 0) {
		free(n);
		return NULL;
	}
	n->id = *id;
	plane_bridge_name(id, n->bridge);
	plane_vxlan_name(id, n->vxlan);
	n->next = p->nets;
	p->nets = n;

	return n;
}

void plane_free_net(struct plane_net *n)
{
	while (n->locals) {
		struct local *l = n->locals;

		n->locals = l->next;
		free(l);
	}
	entries_clear(&n->entries);
	free((char *)n->conf.name);
	free(n);
}

void plane_forget_empty(struct plane *p)
{
	struct plane_net **at = &p->nets;

	while (*at) {
		struct plane_net *n = *at;

		if (n->served || n->entries.n > 0) {
			at = &n->next;
			continue;
		}
		*at = n->next;
		plane_free_net(n);
	}
}
