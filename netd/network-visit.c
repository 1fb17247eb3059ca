/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-visit - what nodes say of a network that this one may not be in
 *
 * Rows of a network go to its members only.  Who wants to show them, or to know
 * whether any are left, becomes a member for a moment: it neither has an address
 * there nor forwards.
 */
#include <stdlib.h>

#include "lib/cleanup.h"
#include "netd/service-private.h"

struct visit {
	struct waiting w;
	struct service *s;
	struct network_id id;
	struct control_call *call;
	bool (*enough)(const struct cluster_network *n);
	void (*seen)(struct control_call *call, struct cluster_network *n);
};

static int step(struct waiting *w, struct err *e)
{
	const struct visit *v = (struct visit *)w;
	const struct cluster_network *n = networks_find(v->s, &v->id);

	(void)e;

	return !n || !v->s->up || v->enough(n) ? 0 : -EAGAIN;
}

static void end_visit(struct visit *v)
{
	struct cluster_network *n = networks_find(v->s, &v->id);

	if (n) {
		n->n_visits--;
		networks_unuse(n);
	}
	free(v);
}

/* Those that were not heard in time do not answer. */
static void done(struct waiting *w, int r, const struct err *e)
{
	struct visit *v = (struct visit *)w;
	struct cluster_network *n = networks_find(v->s, &v->id);

	(void)r;
	(void)e;
	control_on_cancel(v->call, NULL, NULL);
	if (n && v->s->up)
		v->seen(v->call, n);
	else
		control_fail_say(v->call, CNI_E_AGAIN, "the network is gone");
	end_visit(v);
}

static void cancelled(void *ctx, struct control_call *call)
{
	struct visit *v = ctx;

	(void)call;
	waiting_end(&v->w);
	end_visit(v);
}

void network_visit_method(struct control_call *call, struct cluster_network *n, int ms,
			  bool (*enough)(const struct cluster_network *n),
			  void (*seen)(struct control_call *call, struct cluster_network *n))
{
	struct visit *v = calloc(1, sizeof(*v));
	struct err e = { 0 };

	if (!v || networks_join(n, &e) < 0) {
		free(v);
		control_fail(call, &e);
		return;
	}
	*v = (struct visit){
		.w = { .step = step, .done = done },
		.s = n->s,
		.id = n->id,
		.call = call,
		.enough = enough,
		.seen = seen,
	};
	n->n_visits++;
	networks_use(n);
	control_on_cancel(call, cancelled, v);
	waiting_begin(&n->s->waitings, &v->w, ms);
}
