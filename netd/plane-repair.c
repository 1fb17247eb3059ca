/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plane-repair - notifications, and the timers that look at what they mean
 *
 * A notification says where to look, not what to do: several come for one cause, and
 * this process's own changes bring some.  So they only mark what may have changed,
 * and a timer looks at it a moment later, or somewhat later if it has just
 * looked: another program that undoes what is done here costs five looks a second.
 */
#include <string.h>

#include "lib/err.h"
#include "netd/ifstate.h"
#include "netd/plane-private.h"
#include "netd/tunnel.h"

#define LOG_AREA "plane"
#include "netd/log.h"

#define FULL_S 30.0 /* between comparisons of everything */

/* ---- the timer's work ----------------------------------------------------------------- */

static void say_failure(const struct err *e)
{
	static struct log_pace pace;

	log_paced(&pace, LOG_WARNING, LOG_AREA, "%s: it is tried again", e->msg);
}

static void repair_claims(struct plane *p)
{
	struct err e;

	for (struct plane_net *n = p->nets; n; n = n->next) {
		if (!n->served || !n->check_claims)
			continue;
		n->check_claims = plane_ensure_claims(p, n, &e) < 0;
		if (!n->check_claims)
			continue;
		say_failure(&e);
		p->counters.failures++;
		p->held = true;
	}
}

/* What is served forwards without it, too, where nobody drops: it is not insisted on. */
void plane_pass_others(struct plane *p)
{
	p->check_others = false;
	pass_ask(&p->pass);
}

int plane_lets_pass(const struct plane *p, struct err *e)
{
	return pass_is_done(&p->pass, e);
}

static void flush_or_wait(struct plane *p)
{
	struct err e;
	int r;

	if (p->held)
		return;
	r = plane_flush(p, &e);
	if (r < 0)
		say_failure(&e);
	if (r > 0)
		ev_idle_start(p->loop, &p->more);
	else
		ev_idle_stop(p->loop, &p->more);
}

static void repair(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct plane *p = timer->data;

	(void)loop;
	(void)revents;
	p->held = false;
	p->repaired_at = ev_now(p->loop);
	repair_claims(p);
	if (p->check_others && p->counters.networks > 0)
		plane_pass_others(p);
	flush_or_wait(p);
	if (p->held)
		plane_wake(p);
}

static void count_drops(struct plane *p)
{
	struct filter_drops d;

	if (filter_count(p->nft, &d, NULL) < 0)
		return;
	p->counters.dropped_input = p->dropped_before.input + d.input;
	p->counters.dropped_forward = p->dropped_before.forward + d.forward;
}

static void check_everything(struct plane *p)
{
	for (struct plane_net *n = p->nets; n; n = n->next)
		n->check_devices = n->check_entries = n->check_claims = true;
	p->check_filter = p->check_others = true;
	p->counters.comparisons++;
	plane_wake(p);
}

static void full(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	check_everything(timer->data);
	count_drops(timer->data);
}

static void prepare(struct ev_loop *loop, ev_prepare *w, int revents)
{
	struct plane *p = w->data;

	(void)loop;
	(void)revents;
	/* What waits to be checked waits for the timer, unless something was wanted. */
	if (p->unflushed || ev_is_active(&p->more))
		flush_or_wait(p);
}

static void nothing(struct ev_loop *loop, ev_idle *w, int revents)
{
	(void)loop;
	(void)w;
	(void)revents;
}

/* ---- notifications ----------------------------------------------------------------------- */

static struct plane_net *net_of_index(const struct plane *p, int index)
{
	for (struct plane_net *n = p->nets; n; n = n->next)
		if (n->served && (n->dev.bridge == index || n->dev.vxlan == index))
			return n;

	return NULL;
}

static bool is_device_of(const struct plane_net *n, const struct ifstate *s)
{
	return s->index == n->dev.bridge || s->index == n->dev.vxlan ||
	       strcmp(s->name, n->bridge) == 0 || strcmp(s->name, n->vxlan) == 0;
}

static struct local *local_of_device(const struct plane_net *n, const struct ifstate *s)
{
	for (struct local *l = n->locals; l; l = l->next)
		if (strcmp(s->name, l->ep.owner.host_ifname) == 0)
			return l;

	return NULL;
}

static void check_devices(struct plane *p, struct plane_net *n)
{
	n->check_devices = true;
	plane_wake(p);
}

/* There may be a thousand: one that changes is no reason to look at the others. */
static void check_port(struct plane *p, struct local *l)
{
	l->check_port = true;
	plane_wake(p);
}

/* A device that came back empty is looked at as a whole. */
static void device_event(struct plane *p, struct plane_net *n, const struct ifstate *s, bool gone)
{
	if (gone || !(s->flags & IFF_UP))
		n->check_entries = true;
	check_devices(p, n);
}

static void link_event(void *ctx, const struct ifstate *s, bool gone)
{
	struct plane *p = ctx;

	for (struct plane_net *n = p->nets; n; n = n->next) {
		struct local *l;

		if (!n->served)
			continue;
		if (is_device_of(n, s))
			device_event(p, n, s, gone);
		else if ((l = local_of_device(n, s)))
			check_port(p, l);
	}
}

static void address_event(void *ctx, int index)
{
	struct plane_net *n = net_of_index(ctx, index);

	if (n)
		check_devices(ctx, n);
}

/* A container's static entry went, or the VXLAN device has taken it. */
static struct local *local_lost(const struct plane *p, const struct forward_said *said)
{
	if (said->is.kind != ENTRY_FDB || said->place != ENTRY_IN_BRIDGE)
		return NULL;
	for (struct plane_net *n = p->nets; n; n = n->next) {
		struct local *l = n->served ? plane_local_of_mac(n, said->is.mac) : NULL;

		if (l)
			return said->gone || said->index == n->dev.vxlan ? l : NULL;
	}

	return NULL;
}

static void count_drift(struct plane *p, uint8_t kind)
{
	if (kind == ENTRY_NEIGHBOUR)
		p->counters.repaired_neighbours++;
	else
		p->counters.repaired_fdb++;
}

static void entry_event(void *ctx, const struct forward_said *said)
{
	struct plane *p = ctx;
	struct plane_net *of_index = net_of_index(p, said->index);
	struct local *l = local_lost(p, said);
	bool drift;

	if (l)
		check_port(p, l);
	if (!of_index)
		return;
	drift = said->gone || !said->usable ? entries_lost(&of_index->entries, &said->is)
					    : entries_found(&of_index->entries, &said->is);
	if (!drift)
		return;
	count_drift(p, said->is.kind);
	plane_wake(p);
}

static void filter_event(void *ctx)
{
	struct plane *p = ctx;

	p->check_filter = true;
	plane_wake(p);
}

static void others_event(void *ctx)
{
	struct plane *p = ctx;

	p->check_others = true;
	plane_wake(p);
}

static void claim_event(void *ctx, const char *tag)
{
	struct plane *p = ctx;

	for (struct plane_net *n = p->nets; n; n = n->next) {
		struct owner owner;

		if (!n->served)
			continue;
		owner_init_network(&owner, n->conf.name);
		if (tag && !owner_has_network(&owner, tag, strlen(tag)))
			continue;
		n->check_claims = true;
		plane_wake(p);
	}
}

static void overrun_event(void *ctx)
{
	struct plane *p = ctx;

	p->counters.overruns++;
	check_everything(p);
}

/* ---- start and end -----------------------------------------------------------------------------
 */

int plane_repair_start(struct plane *p, struct err *e)
{
	const struct watch_events events = {
		.link = link_event,
		.address = address_event,
		.entry = entry_event,
		.filter = filter_event,
		.others = others_event,
		.claim = claim_event,
		.overrun = overrun_event,
		.ctx = p,
	};
	int r = watch_new(p->loop, &events, &p->watch, e);

	if (r < 0)
		return r;
	pass_init(&p->pass, p->loop, p->nft, &p->counters.failures);
	ev_timer_init(&p->repair, repair, 0., 0.);
	ev_timer_init(&p->full, full, FULL_S, FULL_S);
	ev_prepare_init(&p->prepare, prepare);
	ev_idle_init(&p->more, nothing);
	p->repair.data = p->full.data = p->prepare.data = p->more.data = p;
	ev_timer_start(p->loop, &p->full);
	ev_prepare_start(p->loop, &p->prepare);

	return 0;
}

void plane_repair_stop(struct plane *p)
{
	if (!p->watch)
		return;
	ev_timer_stop(p->loop, &p->repair);
	ev_timer_stop(p->loop, &p->full);
	ev_prepare_stop(p->loop, &p->prepare);
	ev_idle_stop(p->loop, &p->more);
	watch_free(p->watch);
	pass_stop(&p->pass);
}
