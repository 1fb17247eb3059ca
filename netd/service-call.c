/* SPDX-License-Identifier: GPL-2.0-or-later */
/* service-call - what any call of the service asks first, and whom it names */
#include <errno.h>
#include <stdio.h>

#include "lib/err.h"
#include "netd/service-private.h"
#include "netd/store.h"
#include "overlay/members.h"
#include "overlay/profile.h"

const char *service_node_name(const struct service *s, const struct node_id *id,
			      char ret[NODE_ID_TEXT + NODE_NAME_MAX])
{
	struct members *t = engine_members(cluster_engine(s->c));
	uint32_t at = members_find(t, id);

	if (at == MEMBER_NONE)
		return node_id_text(id, ret);
	snprintf(ret, NODE_ID_TEXT + NODE_NAME_MAX, "%s", members_at(t, at)->profile->name);

	return ret;
}

bool service_is_up(struct service *s, struct control_call *call)
{
	if (s->up)
		return true;
	control_fail_say(
		call, CNI_E_AGAIN, "%s",
		cluster_phase(s->c) == CLUSTER_NONE
			? "this node is in no cluster: netd init makes one, netd join enters one"
			: "this node is on its way into the cluster");

	return false;
}

bool service_may_add(struct service *s, struct control_call *call)
{
	struct err e;

	if (!service_is_up(s, call))
		return false;
	if (store_may_add(s->d->store, &e) == 0)
		return true;
	control_fail(call, &e);

	return false;
}

int service_went(struct err *e)
{
	(void)err_cni(e, CNI_E_AGAIN, "this node has left the cluster, or comes back in a moment");

	return -ESHUTDOWN;
}
