/* SPDX-License-Identifier: GPL-2.0-or-later */
/* endpoint-methods - endpoint.* on the control socket, all but reserve; see docs/control.md */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ip-json.h"
#include "netd/service-private.h"
#include "netd/store.h"
#include "overlay/blocks.h"

/* ---- which one ----------------------------------------------------------- */

struct said {
	const char *list, *container, *ifname;
};

/* Return: 1: @ret is it; 0: there is none; -EINVAL. */
static int find(struct service *s, const struct jnode *params, struct endpoint **ret, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "owner", JN_STR, offsetof(struct said, list) },
		{ "container", JN_STR, offsetof(struct said, container) },
		{ "ifname", JN_STR, offsetof(struct said, ifname) },
		{ 0 },
	};
	struct said said = { 0 };
	struct owner owner;
	int r = jn_read(params, keys, &said, e);

	if (r < 0)
		return r;
	if (!said.list || !said.container || !said.ifname)
		return jn_bad(params, e, "owner, container and ifname are needed");
	owner_init(&owner, said.list, said.container, said.ifname);
	*ret = endpoints_find(s, &owner);

	return *ret != NULL;
}

/* Answers @call and returns NULL if there is none. */
static struct endpoint *need(struct service *s, struct control_call *call,
			     const struct jnode *params)
{
	struct endpoint *ep = NULL;
	struct err e = { 0 };
	int r;

	if (!service_is_up(s, call))
		return NULL;
	r = find(s, params, &ep, &e);
	if (r == 1)
		return ep;
	if (r == 0)
		(void)err_cni(&e, CNI_E_UNKNOWN,
			      "netd has no such endpoint: it was released, or never reserved");
	control_fail(call, &e);

	return NULL;
}

/* ---- commit -------------------------------------------------------------- */

struct committing {
	struct waiting w;
	struct service *s;
	struct control_call *call;
	struct programming_wait wait;
};

static int is_programmed(struct waiting *w, struct err *e)
{
	const struct committing *m = (struct committing *)w;

	(void)e;

	return programming_wait(m->s, &m->wait);
}

static void committed(struct waiting *w, int r, const struct err *e)
{
	struct committing *m = (struct committing *)w;

	(void)e;
	control_on_cancel(m->call, NULL, NULL);
	control_answer(m->call,
		       json_pack("{s:b}", "programmed", programming_waited(m->s, &m->wait, r)));
	free(m);
}

static void commit_cancelled(void *ctx, struct control_call *call)
{
	struct committing *m = ctx;

	(void)call;
	waiting_end(&m->w);
	free(m);
}

static void commit_method(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct service *s = ctx;
	struct endpoint *ep = need(s, call, params);
	struct committing *m = ep ? calloc(1, sizeof(*m)) : NULL;
	struct err e = { 0 };

	if (!ep)
		return;
	if (!m || endpoints_commit(ep, &e) < 0) {
		free(m);
		control_fail(call, &e);
		return;
	}
	*m = (struct committing){
		.w = { .step = is_programmed, .done = committed },
		.s = s,
		.call = call,
		.wait = programming_told(s, &ep->network->id),
	};
	control_on_cancel(call, commit_cancelled, m);
	waiting_begin(&s->waitings, &m->w, PROGRAMMING_MS);
}

/* ---- release, check, gc, status ------------------------------------------- */

/* What is not there is released. */
static void release_method(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct service *s = ctx;
	struct endpoint *ep = NULL;
	struct err e = { 0 };

	if (find(s, params, &ep, &e) < 0) {
		control_fail(call, &e);
		return;
	}
	if (ep) {
		s->counters.released++;
		endpoints_release(ep);
	} else if (s->n_strangers > 0) {
		endpoints_count_strangers(s);
	}
	control_answer(call, NULL);
}

static void check_method(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct endpoint *ep = need(ctx, call, params);
	json_t *lease, *ips = json_array();

	if (!ep) {
		json_decref(ips);
		return;
	}
	if (ep->lost) {
		json_decref(ips);
		control_fail_say(call, CNI_E_CHECK,
				 "the address is another node's by now: start the container again");
		return;
	}
	for (size_t i = 0; i < ep->text.n_ips; i++)
		(void)json_array_append_new(ips, ip_json(&ep->text.ips[i]));
	lease = endpoint_lease_json(ep);
	if (lease)
		(void)json_object_set(lease, "ips", ips);
	json_decref(ips);
	control_answer(call, lease);
}

static bool is_valid(const struct endpoint *ep, const struct jnode *valid)
{
	for (size_t i = 0; i < jn_count(valid); i++) {
		const struct jnode item = jn_item(valid, i);
		struct jnode container, ifname;

		if (jn_get(&item, "container", &container) && jn_get(&item, "ifname", &ifname) &&
		    json_is_string(container.json) && json_is_string(ifname.json) &&
		    strcmp(json_string_value(container.json), ep->container) == 0 &&
		    strcmp(json_string_value(ifname.json), ep->text.ifname) == 0)
			return true;
	}

	return false;
}

static void gc_method(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct service *s = ctx;
	struct jnode list, valid;
	const char *name = NULL;
	struct err e = { 0 };
	json_int_t n = 0;

	if (!jn_get(params, "owner", &list) || !jn_get(params, "valid", &valid)) {
		control_fail_say(call, CNI_E_CONFIG, "owner and valid are needed");
		return;
	}
	if (jn_str(&list, &name, &e) < 0 || jn_array(&valid, &e) < 0) {
		control_fail(call, &e);
		return;
	}
	for (struct endpoint *ep = s->endpoints, *next; ep; ep = next) {
		next = ep->next;
		/* What is being made has a plugin that knows of it. */
		if (!ep->committed || strcmp(ep->list, name) != 0 || is_valid(ep, &valid))
			continue;
		endpoints_release(ep);
		n++;
	}
	control_answer(call, json_pack("{s:I}", "released", n));
}

static void status_method(void *ctx, struct control_call *call, const struct jnode *params)
{
	struct service *s = ctx;
	const struct cluster_network *n = NULL;
	struct jnode name;
	struct err e = { 0 };
	const char *text;
	int trouble;

	if (!service_is_up(s, call))
		return;
	trouble = store_trouble(s->d->store);
	if (trouble)
		control_fail_say(
			call, CNI_E_UNAVAILABLE,
			"netd cannot write what it promises: %s; containers that run go on",
			strerror(abs(trouble)));
	else if (cluster_is_draining(s->c))
		control_fail_say(call, CNI_E_UNAVAILABLE, "this node is being drained");
	else if (!blocks_ready(cluster_blocks(s->c)))
		control_fail_say(call, CNI_E_UNAVAILABLE,
				 "after a reboot this node gives no address before it has met all "
				 "members, and %u are missing",
				 blocks_unmet(cluster_blocks(s->c)));
	else if (jn_get(params, "network", &name) && jn_str(&name, &text, NULL) == 0 &&
		 (!(n = networks_named(s, text)) || n->removed))
		control_fail_say(call, CNI_E_UNAVAILABLE, "network %s not found", text);
	else if (n && network_may_begin(n, text, &e) < 0)
		control_fail_say(call, CNI_E_UNAVAILABLE, "%s", e.msg);
	else
		control_answer(call, NULL);
}

int endpoint_methods_register(struct service *s, struct err *e)
{
	static const struct control_method methods[] = {
		{ "endpoint.reserve", endpoint_reserve_method },
		{ "endpoint.commit", commit_method },
		{ "endpoint.release", release_method },
		{ "endpoint.check", check_method },
		{ "endpoint.gc", gc_method },
		{ "endpoint.status", status_method },
		{ 0 },
	};

	return control_register(s->d->control, methods, s, e);
}
