/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cluster-calls - who waits to hear of a join, a good-bye, or a node that all have forgotten */
#include "lib/err.h"
#include "netd/cluster-private.h"

/* ---- joining and leaving ---------------------------------------------------------------- */

static void join_cancelled(void *ctx, struct control_call *call)
{
	struct cluster *c = ctx;

	(void)call;
	c->calls.join = NULL;
}

void cluster_await_join(struct cluster *c, struct control_call *call)
{
	c->calls.join = call;
	control_on_cancel(call, join_cancelled, c);
}

bool cluster_say_joined(struct cluster *c, const struct err *failure)
{
	struct control_call *call = c->calls.join;

	if (!call)
		return false;
	c->calls.join = NULL;
	control_on_cancel(call, NULL, NULL);
	if (failure)
		control_fail(call, failure);
	else
		control_answer(call, cluster_self_json(c));

	return true;
}

static void leave_cancelled(void *ctx, struct control_call *call)
{
	struct cluster *c = ctx;

	(void)call;
	c->calls.leave = NULL;
}

void cluster_await_left(struct cluster *c, struct control_call *call)
{
	c->calls.leave = call;
	control_on_cancel(call, leave_cancelled, c);
}

void cluster_say_left(struct cluster *c)
{
	struct control_call *call = c->calls.leave;

	if (!call)
		return;
	c->calls.leave = NULL;
	control_on_cancel(call, NULL, NULL);
	control_answer(call, NULL);
}

/* ---- forgetting -------------------------------------------------------------------------- */

static void forget_cancelled(void *ctx, struct control_call *call)
{
	struct forget_call *one = ctx;

	(void)call;
	one->call = NULL;
}

void cluster_await_forgotten(struct cluster *c, struct control_call *call, const struct node_id *id)
{
	for (unsigned int i = 0; i < CLUSTER_FORGETS; i++) {
		struct forget_call *one = &c->forgets[i];

		if (one->call)
			continue;
		*one = (struct forget_call){ .call = call, .node = *id };
		control_on_cancel(call, forget_cancelled, one);
		return;
	}
	control_fail_say(call, CNI_E_AGAIN,
			 "it is being forgotten, as are %d others that somebody waits for: see the "
			 "list of nodes",
			 CLUSTER_FORGETS);
}

void cluster_say_forgotten(struct cluster *c, const struct node_id *id)
{
	for (unsigned int i = 0; i < CLUSTER_FORGETS; i++) {
		struct control_call *call = c->forgets[i].call;

		if (!call || !node_id_equal(&c->forgets[i].node, id))
			continue;
		c->forgets[i].call = NULL;
		control_answer(call, NULL);
	}
}

void cluster_fail_forgets(struct cluster *c)
{
	for (unsigned int i = 0; i < CLUSTER_FORGETS; i++) {
		struct control_call *call = c->forgets[i].call;

		if (!call)
			continue;
		c->forgets[i].call = NULL;
		control_fail_say(call, CNI_E_AGAIN, "this node has left the cluster meanwhile");
	}
}
