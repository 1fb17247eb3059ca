/* SPDX-License-Identifier: GPL-2.0-or-later */
/* daemon - see daemon.h */
#include "netd/daemon.h"

#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file.h"
#include "netd/cluster.h"
#include "netd/control.h"
#include "netd/docker.h"
#include "netd/log.h"
#include "netd/metrics-server.h"
#include "netd/metrics.h"
#include "netd/notify.h"
#include "netd/plane.h"
#include "netd/privileges.h"
#include "netd/service.h"
#include "netd/status.h"
#include "netd/store.h"
#include "netd/underlay.h"

#define LOG_AREA "daemon"

enum { ON_TERM, ON_INT, ON_HUP, N_SIGNALS };

struct process {
	struct daemon d;
	const char *file;
	struct underlay *underlay;
	struct plane *plane;
	struct service *service;
	ev_signal signals[N_SIGNALS];
	struct docker *docker;	       /* NULL: dockerd finds none */
	struct metrics_server *server; /* NULL: nobody asks */
};

/* ---- signals ------------------------------------------------------------------------ */

static void on_end(struct ev_loop *loop, ev_signal *signal, int events)
{
	(void)events;
	log_info("signal %d: stopping; what is forwarded stays as it is", signal->signum);
	ev_break(loop, EVBREAK_ALL);
}

static void take_over(struct daemon *d, struct config *next)
{
	char left[256];

	config_reload(&d->config, next, left, sizeof(left));
	log_setup(d->config.log_level, d->config.log_format);
	if (*left)
		log_warning("the configuration was read again; what needs a restart: %s", left);
	else
		log_info("the configuration was read again");
}

static void on_reload(struct ev_loop *loop, ev_signal *signal, int events)
{
	struct process *p = signal->data;
	struct config next;
	struct err e;

	(void)loop;
	(void)events;
	notify_reloading();
	if (config_load(p->file, &next, &e) < 0) {
		log_error("%s: all stays as it was", e.msg);
	} else {
		take_over(&p->d, &next);
		config_clear(&next);
	}
	notify_ready();
}

static void watch_signals(struct process *p)
{
	ev_signal_init(&p->signals[ON_TERM], on_end, SIGTERM);
	ev_signal_init(&p->signals[ON_INT], on_end, SIGINT);
	ev_signal_init(&p->signals[ON_HUP], on_reload, SIGHUP);
	for (int i = 0; i < N_SIGNALS; i++) {
		p->signals[i].data = p;
		ev_signal_start(p->d.loop, &p->signals[i]);
	}
}

static void unwatch_signals(struct process *p)
{
	for (int i = 0; i < N_SIGNALS; i++)
		ev_signal_stop(p->d.loop, &p->signals[i]);
}

/* ---- start and end ------------------------------------------------------------------ */

static int make_dir(const struct config *c, const char *path, mode_t mode, struct err *e)
{
	int r = file_make_dirs(path, mode);

	return r < 0 ? err_sys(e, -r, "make directory %s", path) : privileges_own(c, path, e);
}

int daemon_prepare(const struct config *c, struct err *e)
{
	int r;

	if (sodium_init() < 0)
		return err_say(e, ENOSYS, "libsodium cannot be used on this machine");
	r = make_dir(c, c->data_dir, 0700, e);
	if (r == 0)
		r = make_dir(c, c->run_dir, 0755, e);

	return r < 0 ? r : privileges_drop(c, e);
}

static json_t *store_status(void *ctx)
{
	const struct daemon *d = ctx;
	int trouble = store_trouble(d->store);

	return json_pack("{s:s, s:b, s:s*}", "dir", d->config.data_dir, "ok", trouble == 0, "why",
			 trouble ? strerror(trouble) : NULL);
}

/* Why nothing can be added here at the moment. */
static const char *why_not_ready(void *ctx)
{
	const struct daemon *d = ctx;
	const char *why = cluster_why_not_up(d->cluster);

	if (store_trouble(d->store))
		return "the disk takes no data: free some space in data-dir";
	if (why)
		return why;
	if (cluster_is_draining(d->cluster))
		return "this node is being drained: heddle node drain --off ends that";

	return NULL;
}

/* What every module is given; it and what they add is undone by close_all(). */
static int open_base(struct process *p, struct err *e)
{
	struct daemon *d = &p->d;
	char socket[CONFIG_SOCKET_LEN];
	int r;

	/* The default one alone reaps children: those that sit out the kernel (lib/linger.h). */
	d->loop = ev_default_loop(EVBACKEND_EPOLL | EVFLAG_NOENV);
	d->metrics = metrics_new();
	if (!d->loop || !d->metrics)
		return err_sys(e, ENOMEM, "start");
	if ((r = store_open(d->loop, d->config.data_dir, &d->store, e)) < 0 ||
	    (r = self_load(d->store, &d->self, e)) < 0 ||
	    (r = control_new(d->loop, config_socket(&d->config, socket), d->config.control_gid,
			     &d->control, e)) < 0 ||
	    (r = status_new(d->control, why_not_ready, d, &d->status, e)) < 0)
		return r;

	return metrics_server_open(d->metrics, d->loop, &d->config.metrics, d->config.control_gid,
				   &p->server, e);
}

static int add_base_views(struct daemon *d, struct err *e)
{
	int r = status_register(d->status, "store", store_status, d, e);

	if (r == 0)
		r = store_add_metrics(d->store, d->metrics, e);
	if (r == 0)
		r = control_add_metrics(d->control, d->metrics, e);

	return r;
}

static int open_modules(struct process *p, struct err *e)
{
	struct daemon *d = &p->d;
	int r;

	if ((r = cluster_new(d, &d->cluster, e)) < 0 ||
	    (r = underlay_new(d->loop, &p->underlay, e)) < 0 ||
	    (r = cluster_follow_underlay(d->cluster, p->underlay, e)) < 0 ||
	    (r = plane_new(d->loop, p->underlay, &p->plane, e)) < 0 ||
	    (r = plane_register(p->plane, d->metrics, e)) < 0)
		return r;

	return service_new(d, d->cluster, p->plane, p->underlay, &p->service, e);
}

/* A host without Docker, or with another's plugin of that name, has everything else. */
static void serve_docker(struct process *p)
{
	const char *path = p->d.config.docker_socket;
	struct err e;

	if (path && docker_new(&p->d, p->service, path, &p->docker, &e) < 0)
		log_warning("%s: dockerd finds no driver here", e.msg);
}

/* The control socket goes first: calls that wait are cancelled while their modules are there. */
static void close_all(struct process *p)
{
	struct daemon *d = &p->d;

	docker_free(p->docker);
	metrics_server_close(p->server);
	control_free(d->control);
	cluster_free(d->cluster);
	service_free(p->service);
	plane_free(p->plane);
	underlay_free(p->underlay);
	status_free(d->status);
	metrics_free(d->metrics);
	store_close(d->store);
	self_wipe(&d->self);
	if (d->loop)
		ev_loop_destroy(d->loop);
	config_clear(&d->config);
}

static void run(struct process *p)
{
	watch_signals(p);
	notify_watchdog_start(p->d.loop);
	notify_ready();
	log_info("netd %s runs, data in %s", HEDDLE_VERSION, p->d.config.data_dir);
	ev_run(p->d.loop, 0);
	notify_stopping();
	notify_watchdog_stop(p->d.loop);
	unwatch_signals(p);
}

int daemon_run(struct config *config, const char *file, struct err *e)
{
	struct process p = { .d.config = *config, .file = file };
	int r;

	*config = (struct config){ 0 };
	signal(SIGPIPE, SIG_IGN);
	log_setup(p.d.config.log_level, p.d.config.log_format);
	r = daemon_prepare(&p.d.config, e);
	if (r == 0)
		r = open_base(&p, e);
	if (r == 0)
		r = add_base_views(&p.d, e);
	if (r == 0)
		r = open_modules(&p, e);
	if (r == 0) {
		serve_docker(&p);
		r = cluster_start(p.d.cluster, e);
	}
	if (r == 0)
		run(&p);
	close_all(&p);

	return r;
}
