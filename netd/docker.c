/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker - the socket, the table of methods, how errors are said; see docker.h */
#include "netd/docker.h"

#define LOG_AREA "docker"

#include <errno.h>
#include <libgen.h>
#include <linux/netlink.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/netns.h"
#include "lib/nl.h"
#include "netd/daemon.h"
#include "netd/docker-lost.h"
#include "netd/docker-private.h"
#include "netd/http.h"
#include "netd/local-socket.h"
#include "netd/log.h"
#include "netd/metrics.h"

/* ---- requests and replies ------------------------------------------------ */

int docker_need(const struct jnode *request, const char *key, struct jnode *ret, struct err *e)
{
	if (!jn_get(request, key, ret))
		return err_cni(e, CNI_E_CONFIG, "%s is missing from the request", key);

	return 0;
}

int docker_text(const struct jnode *request, const char *key, const char **ret, struct err *e)
{
	struct jnode n;

	*ret = "";

	return jn_get(request, key, &n) ? jn_str(&n, ret, e) : 0;
}

int docker_need_text(const struct jnode *request, const char *key, const char **ret, struct err *e)
{
	struct jnode n;
	int r = docker_need(request, key, &n, e);

	if (r == 0)
		r = jn_str(&n, ret, e);
	if (r == 0 && **ret == '\0')
		r = jn_bad(&n, e, "it is empty");

	return r;
}

int docker_reply(json_t **reply, json_t *made, struct err *e)
{
	if (!made)
		return err_sys(e, ENOMEM, "answer dockerd");
	*reply = made;

	return 0;
}

int docker_done(json_t **reply, struct err *e)
{
	return docker_reply(reply, json_object(), e);
}

/* ---- methods ------------------------------------------------------------- */

static int activate(struct docker *k, const struct jnode *request, json_t **reply, struct err *e)
{
	(void)k;
	(void)request;

	return docker_reply(reply,
			    json_pack("{s:[s, s]}", "Implements", "NetworkDriver", "IpamDriver"),
			    e);
}

static const struct docker_method own_methods[] = {
	{ "/Plugin.Activate", activate },
	{ 0 },
};

static docker_fn find(const char *path)
{
	static const struct docker_method *const tables[] = { own_methods, docker_ipam_methods,
							      docker_driver_methods };

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct docker_method *m = tables[i]; m->path; m++)
			if (strcmp(m->path, path) == 0)
				return m->fn;

	return NULL;
}

/* A network driver's error is in "Err", an IPAM driver's in "Error". */
static json_t *error_json(const char *msg)
{
	return json_pack("{s:s, s:s}", "Err", msg, "Error", msg);
}

struct http_call *docker_take_call(struct docker *k)
{
	return MOVE_PTR(k->call);
}

void docker_answer(struct http_call *call, json_t *reply)
{
	http_answer(call, MHD_HTTP_OK, reply);
}

void docker_fail(struct docker *k, struct http_call *call, const char *path, const struct err *e)
{
	k->count.refused++;
	log_info("%s: %s", path + 1, e->msg);
	http_answer(call,
		    e->cni == CNI_E_CONFIG ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_INTERNAL_SERVER_ERROR,
		    error_json(e->msg));
}

static void called(void *ctx, struct http_call *call, const char *path, json_t *body)
{
	struct docker *k = ctx;
	const struct jnode request = jn_root(body);
	docker_fn fn = find(path);
	json_t *reply = NULL;
	struct err e = { 0 };
	int r;

	k->count.calls++;
	if (!fn) {
		http_answer(call, MHD_HTTP_NOT_FOUND, error_json("there is no such method"));
		return;
	}
	k->call = call;
	r = fn(k, &request, &reply, &e);
	/* It may have been taken, and answered, by now. */
	if (!docker_take_call(k))
		return;
	if (r < 0)
		docker_fail(k, call, path, &e);
	else
		docker_answer(call, reply);
}

static json_t *late(void *ctx, const char *path)
{
	struct docker *k = ctx;

	k->count.late++;
	log_warning("%s is not done in time", path + 1);

	return error_json("netd is busy: try again");
}

static json_t *refused(void *ctx, const char *why)
{
	struct docker *k = ctx;

	k->count.refused++;

	return error_json(why);
}

/* ---- the module ---------------------------------------------------------- */

static const struct metric metrics[] = {
	{ "heddle_netd_docker_calls_total", NULL, "Calls of dockerd", METRIC_COUNTER, METRIC_U64,
	  offsetof(struct docker_counters, calls) },
	{ "heddle_netd_docker_refused_total", NULL, "Calls of dockerd that were refused",
	  METRIC_COUNTER, METRIC_U64, offsetof(struct docker_counters, refused) },
	{ "heddle_netd_docker_pool_requests_total", NULL, "Subnets that dockerd has asked for",
	  METRIC_COUNTER, METRIC_U64, offsetof(struct docker_counters, pools) },
	{ "heddle_netd_docker_late_total", NULL, "Calls that their deadline answered",
	  METRIC_COUNTER, METRIC_U64, offsetof(struct docker_counters, late) },
	{ 0 },
};

static int make_directory(const char *path, struct err *e)
{
	AUTO_FREE char *copy = strdup(path);
	int r = copy ? file_make_dirs(dirname(copy), 0755) : -ENOMEM;

	return r < 0 ? err_sys(e, -r, "make the directory of %s", path) : 0;
}

static int serve(struct docker *k, struct err *e)
{
	const struct http_api api = { called, late, refused, k };
	int fd, r;

	if ((r = make_directory(k->path, e)) < 0 ||
	    (r = local_socket_listen(k->path, (gid_t)-1, &fd, e)) < 0)
		return r;
	r = http_open(k->daemon->loop, fd, &api, &k->http, e);
	if (r < 0)
		(void)unlink(k->path);

	return r;
}

static int open_kernel(struct docker *k, struct err *e)
{
	int r;

	if ((r = nl_open(NETLINK_ROUTE, &k->route, e)) < 0 ||
	    (r = nl_open(NETLINK_NETFILTER, &k->filter, e)) < 0)
		return r;
	k->netns = netns_open_self(e);

	return k->netns < 0 ? k->netns : 0;
}

int docker_new(struct daemon *d, struct service *s, const char *path, struct docker **ret,
	       struct err *e)
{
	struct docker *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return err_sys(e, ENOMEM, "serve dockerd");
	k->daemon = d;
	k->service = s;
	k->netns = -1;
	k->path = strdup(path);
	r = k->path ? open_kernel(k, e) : err_sys(e, ENOMEM, "serve dockerd");
	if (r == 0)
		r = metrics_register(d->metrics, metrics, &k->count, e);
	if (r == 0)
		r = serve(k, e);
	if (r == 0)
		r = docker_lost_register(k, e);
	if (r < 0) {
		docker_free(k);
		return err_wrap(e, r, "serve dockerd at %s", path);
	}
	pass_init(&k->pass, d->loop, k->filter, NULL);
	docker_collect_start(k);
	*ret = k;

	return 0;
}

void docker_free(struct docker *k)
{
	if (!k)
		return;
	if (k->http) {
		http_close(k->http);
		(void)unlink(k->path);
	}
	docker_collect_stop(k);
	pass_stop(&k->pass);
	nl_close(k->route);
	nl_close(k->filter);
	if (k->netns >= 0)
		close(k->netns);
	free(k->path);
	free(k);
}
