/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tuning - CNI plugin: sysctls of the container's namespace, and MAC address,
 * MTU, queue length, promisc and allmulti of its interface
 *
 * A chained plugin: it changes what a plugin before it has made, and passes the
 * result on.  ADD looks at what there is, keeps the values that it is going to
 * replace in a file (backup.h), and then replaces them; DEL puts them back.
 * What is as wanted already is left alone, and with nothing to change there is
 * no file.
 *
 * Source: CNI specification; keys, their precedence and the file as the
 * reference's tuning plugin 1.9.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/allowlist.h"
#include "lib/attachment.h"
#include "lib/backup.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/gc.h"
#include "lib/iface.h"
#include "lib/netns.h"
#include "lib/netsysctl.h"
#include "lib/nl.h"
#include "lib/tune.h"

/* ---- config -------------------------------------------------------------- */

struct setting {
	const char *key; /* as the config spells it; borrowed, like the value */
	const char *value;
	char path[NETSYSCTL_PATH_SIZE];
};

struct conf {
	const char *ifname; /* that stands for IFNAME in keys */
	struct tune want;
	struct setting *settings; /* owned */
	size_t n_settings;
};

static void conf_clear(struct conf *conf)
{
	free(conf->settings);
}

static struct setting *find_setting(const struct conf *conf, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(conf->settings[i].path, path) == 0)
			return &conf->settings[i];
	}

	return NULL;
}

/* One key of a sysctl object; the first @n_before settings are of a weaker one. */
static int read_setting(const struct jnode *n, struct conf *conf, size_t n_before, struct err *e)
{
	struct setting s = { .key = n->key };
	struct setting *same;
	int r = jn_str(n, &s.value, e);

	if (r < 0)
		return r;
	if (netsysctl_path(s.key, conf->ifname, s.path) < 0)
		return jn_bad(n, e, "this is not a setting below /proc/sys/net");

	same = find_setting(conf, conf->n_settings, s.path);
	if (same && same - conf->settings >= (ptrdiff_t)n_before)
		return jn_bad(n, e, "\"%s\" names the same setting; keep one of them", same->key);
	if (!same)
		same = &conf->settings[conf->n_settings++];
	*same = s;

	return 0;
}

static int read_sysctls(const struct jnode *n, struct conf *conf, struct err *e)
{
	size_t n_before = conf->n_settings;
	struct setting *bigger;
	const char *key;
	json_t *value;
	int r = jn_object(n, e);

	if (r < 0)
		return r;
	bigger = reallocarray(conf->settings, n_before + json_object_size(n->json) + 1,
			      sizeof(*bigger));
	if (!bigger)
		return err_sys(e, ENOMEM, "read sysctl");
	conf->settings = bigger;
	json_object_foreach(n->json, key, value) {
		const struct jnode item = { .json = value, .up = n, .key = key };

		r = read_setting(&item, conf, n_before, e);
		if (r < 0)
			return r;
	}

	return 0;
}

/* The config itself, or what its args.cni puts over it. */
static int read_layer(const struct jnode *obj, struct conf *conf, struct err *e)
{
	struct jnode sysctls;
	int r = tune_read(obj, &conf->want, e);

	return r == 0 && jn_get(obj, "sysctl", &sysctls) ? read_sysctls(&sysctls, conf, e) : r;
}

static int read_layers(const struct cni_request *rq, struct conf *conf, struct err *e)
{
	struct jnode args, cni;
	bool given = false;
	int r = read_layer(&rq->conf, conf, e);

	if (r == 0)
		r = cni_mac(rq, conf->want.mac, &given, e);
	if (given)
		conf->want.set |= TUNE_MAC;
	if (r == 0 && jn_get(&rq->conf, "args", &args) && jn_get(&args, "cni", &cni))
		r = read_layer(&cni, conf, e);

	return r;
}

/* The MAC address, from weak to strong: mac, CNI_ARGS, runtimeConfig.mac, args.cni.mac. */
static int conf_read(const struct cni_request *rq, struct conf *ret, struct err *e)
{
	/* STATUS has no interface: the word stands for itself. */
	struct conf conf = { .ifname = *rq->ifname ? rq->ifname : "IFNAME" };
	int r = read_layers(rq, &conf, e);

	/* promisc false and mtu 0 are what the config says that asks for nothing. */
	if (!conf.want.promisc)
		conf.want.set &= ~(unsigned int)TUNE_PROMISC;
	if (!conf.want.mtu)
		conf.want.set &= ~(unsigned int)TUNE_MTU;
	if (r < 0)
		conf_clear(&conf);
	else
		*ret = conf;

	return r;
}

/* DEL and GC read nothing else: a config that went bad must not block them. */
static const char *data_dir(const struct cni_request *rq)
{
	const char *dir = NULL;
	struct jnode value;

	if (jn_get(&rq->conf, "dataDir", &value))
		(void)jn_str(&value, &dir, NULL);

	return dir && *dir ? dir : BACKUP_DIR;
}

static struct backup_place place_of(const struct cni_request *rq)
{
	return (struct backup_place){
		.dir = data_dir(rq),
		.container_id = rq->container_id,
		.ifname = rq->ifname,
		.owner = &rq->owner,
	};
}

static int check_allowed(const struct conf *conf, struct err *e)
{
	AUTO_FREE char *list = NULL;
	int r;

	if (conf->n_settings == 0)
		return 0;
	r = allowlist_read(ALLOWLIST_PATH, &list, e);
	if (r < 0 || !list)
		return r;
	for (size_t i = 0; i < conf->n_settings; i++) {
		r = allowlist_permits(list, conf->settings[i].key, e);
		if (r == 0)
			return err_cni(
				e, CNI_E_CONFIG,
				"sysctl.%s: no line of %s allows it; the host's administrator "
				"can add one",
				conf->settings[i].key, ALLOWLIST_PATH);
		if (r < 0)
			return r;
	}

	return 0;
}

/* ---- values, before and after -------------------------------------------- */

struct add {
	const struct cni_request *rq;
	struct conf conf;
	struct nl *inside; /* opened if the interface is to be changed */
	struct link link;
	struct tune todo;  /* what the interface does not have yet */
	struct backup old; /* and what is there in its place */
	bool force;	   /* restore settings also if they are not as ADD has set them */
};

static void add_clear(struct add *a)
{
	nl_close(a->inside);
	conf_clear(&a->conf);
	backup_clear(&a->old);
}

/* What is not there, and a value that the kernel refuses, is the config's fault. */
static int blame(int r, const struct setting *s, struct err *e)
{
	if (e && (r == -ENOENT || r == -EINVAL))
		e->cni = CNI_E_CONFIG;

	return err_wrap(e, r, "sysctl.%s", s->key);
}

/* Runs inside the container. */
static int look_at_settings(void *data, struct err *e)
{
	struct add *a = data;

	for (size_t i = 0; i < a->conf.n_settings; i++) {
		const struct setting *s = &a->conf.settings[i];
		AUTO_FREE char *now = NULL;
		int r = netsysctl_read(s->path, &now, e);

		/* A setting that can only be written, like net.ipv4.route.flush. */
		if (r < 0 && r != -EACCES)
			return blame(r, s, e);
		if (now && netsysctl_same(now, s->value))
			continue;
		r = backup_add(&a->old, s->path, now, s->value, e);
		if (r < 0)
			return r;
	}

	return 0;
}

static int look_at_link(struct add *a, struct err *e)
{
	const struct cni_request *rq = a->rq;
	struct tune have;
	int r;

	if (!a->conf.want.set)
		return 0;
	r = netns_nl_open(rq->netns_fd, NETLINK_ROUTE, &a->inside, e);
	if (r == 0)
		r = link_get(a->inside, rq->ifname, &a->link, e);
	if (r < 0)
		return r;
	have = tune_of(&a->link, a->conf.want.set);
	a->todo = a->conf.want;
	a->todo.set = tune_difference(&a->conf.want, &have);
	a->old.link = tune_of(&a->link, a->todo.set);

	return 0;
}

/* Runs inside the container. */
static int set_settings(void *data, struct err *e)
{
	struct add *a = data;

	for (size_t i = 0; i < a->old.n_sysctls; i++) {
		const struct backup_sysctl *s = &a->old.sysctls[i];
		int r = netsysctl_write(s->path, s->new, e);

		if (r < 0)
			return blame(r, find_setting(&a->conf, a->conf.n_settings, s->path), e);
	}

	return 0;
}

/*
 * Runs inside the container.  What somebody has changed since is left: another
 * network of the container may have set it.
 */
static int restore_settings(void *data, struct err *e)
{
	struct add *a = data;
	struct err next = { 0 };
	int first = 0;

	for (size_t i = 0; i < a->old.n_sysctls; i++) {
		const struct backup_sysctl *s = &a->old.sysctls[i];
		AUTO_FREE char *now = NULL;
		int r = netsysctl_read(s->path, &now, &next);

		if (r == 0 && s->old && (a->force || netsysctl_same(now, s->new)))
			r = netsysctl_write(s->path, s->old, &next);
		/* Settings of an interface go with it. */
		if (r < 0 && r != -ENOENT && s->old)
			first = err_keep(first, e, r, &next);
	}

	return first;
}

static int restore_link(struct add *a, struct err *e)
{
	int r;

	if (!a->old.link.set)
		return 0;
	r = a->inside ? 0 : netns_nl_open(a->rq->netns_fd, NETLINK_ROUTE, &a->inside, e);
	if (r == 0)
		r = link_get(a->inside, a->rq->ifname, &a->link, e);
	if (r < 0)
		return r == -ENODEV ? 0 : r;
	tune_put(a->inside, a->link.index, &a->old.link);

	return nl_commit(a->inside, e);
}

static int restore(struct add *a, struct err *e)
{
	struct err next = { 0 };
	int first = restore_link(a, e);

	if (a->old.n_sysctls == 0)
		return first;

	return err_keep(first, e, netns_call(a->rq->netns_fd, restore_settings, a, &next), &next);
}

/* ---- ADD ----------------------------------------------------------------- */

static const char *const notify_keys[] = {
	"net/ipv4/conf/IFNAME/arp_notify",
	"net/ipv6/conf/IFNAME/ndisc_notify",
};

struct notify {
	const char *ifname, *from, *to;
	bool switched[ARRAY_SIZE(notify_keys)];
};

/* Runs inside the container: those that were switched before, or that are @from. */
static int switch_notify(void *data, struct err *e)
{
	struct notify *n = data;
	char path[NETSYSCTL_PATH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(notify_keys); i++) {
		AUTO_FREE char *now = NULL;

		if (netsysctl_path(notify_keys[i], n->ifname, path) == 0 &&
		    netsysctl_read(path, &now, NULL) == 0 && strcmp(now, n->from) == 0 &&
		    (strcmp(n->to, "1") == 0 || n->switched[i]))
			n->switched[i] = netsysctl_write(path, n->to, e) == 0;
	}

	return 0;
}

/*
 * Neighbours that know the old MAC address learn the new one at once; an
 * interface of a foreign plugin may not be set to say it.  A courtesy: where it
 * cannot be done, they find out a little later.
 */
static void announce(struct add *a)
{
	struct notify n = { .ifname = a->rq->ifname, .from = "0", .to = "1" };

	(void)netns_call(a->rq->netns_fd, switch_notify, &n, NULL);
	(void)iface_announce(a->inside, a->link.index, a->conf.want.mac, NULL);
	n.from = "1";
	n.to = "0";
	(void)netns_call(a->rq->netns_fd, switch_notify, &n, NULL);
}

static int set_link(struct add *a, struct err *e)
{
	int r;

	if (!a->todo.set)
		return 0;
	tune_put(a->inside, a->link.index, &a->todo);
	r = nl_commit(a->inside, e);
	if (r < 0)
		return err_wrap(e, r, "tune %s", a->rq->ifname);
	if (a->todo.set & TUNE_MAC)
		announce(a);

	return 0;
}

/* The interface as it is now, where the result speaks of it. */
static int report(const struct add *a, struct cni_result *res, struct err *e)
{
	const struct tune *want = &a->conf.want;
	char mac[MAC_STRLEN];

	for (size_t i = 0; i < res->n_ifaces; i++) {
		struct cni_iface *iface = &res->ifaces[i];

		if (!iface->sandbox || strcmp(iface->name, a->rq->ifname) != 0)
			continue;
		if (want->set & TUNE_MTU && iface->mtu)
			iface->mtu = want->mtu;
		if (!(want->set & TUNE_MAC))
			continue;
		free(iface->mac);
		iface->mac = strdup(mac_str(want->mac, mac));
		if (!iface->mac)
			return err_sys(e, ENOMEM, "report the MAC address of %s", iface->name);
	}

	return 0;
}

static int look_first(struct add *a, struct err *e)
{
	int r;

	if ((r = conf_read(a->rq, &a->conf, e)) < 0 || (r = check_allowed(&a->conf, e)) < 0 ||
	    (r = look_at_link(a, e)) < 0 || a->conf.n_settings == 0)
		return r;

	return netns_call(a->rq->netns_fd, look_at_settings, a, e);
}

static int change(struct add *a, struct err *e)
{
	const struct backup_place place = place_of(a->rq);
	int r;

	if (!a->todo.set && a->old.n_sysctls == 0)
		return 0;
	r = backup_save(&place, &a->old, e);
	if (r < 0)
		return r;
	r = a->old.n_sysctls > 0 ? netns_call(a->rq->netns_fd, set_settings, a, e) : 0;
	if (r == 0)
		r = set_link(a, e);
	if (r < 0)
		goto undo;

	return 0;

undo:
	a->force = true;
	(void)restore(a, NULL);
	(void)backup_remove(&place, NULL);

	return r;
}

static int tuning_add(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	struct add a = { .rq = rq };
	int r;

	if (!rq->prev)
		return err_cni(e, CNI_E_CONFIG,
			       "prevResult: tuning changes an interface that is there; list it "
			       "behind the plugin that makes it");
	r = look_first(&a, e);
	if (r == 0)
		r = cni_result_copy(rq->prev, res, e);
	if (r == 0)
		r = report(&a, res, e);
	if (r == 0)
		r = change(&a, e);
	add_clear(&a);

	return r;
}

/* ---- DEL ----------------------------------------------------------------- */

/*
 * The attachment goes whether or not a value could be put back: an engine that
 * is told of an error keeps its container, and tries the same again for ever.
 */
static int tuning_del(const struct cni_request *rq, struct err *e)
{
	const struct backup_place place = place_of(rq);
	struct add a = { .rq = rq };
	struct err why = { 0 };
	int r = backup_load(&place, &a.old, e);

	if (r < 0)
		return r;
	if (r > 0 && rq->netns_fd >= 0 && restore(&a, &why) < 0)
		fprintf(stderr, "tuning: %s in %s: %s\n", rq->ifname, rq->netns, why.msg);
	add_clear(&a);

	return backup_remove(&place, e);
}

/* ---- CHECK --------------------------------------------------------------- */

static int check_setting(const struct setting *s, struct err *e)
{
	AUTO_FREE char *now = NULL;
	struct err step = { 0 };
	int r = netsysctl_read(s->path, &now, &step);

	if (r == -EACCES || (r == 0 && netsysctl_same(now, s->value)))
		return 0;
	if (r == -ENOENT)
		return cni_differs(e, "sysctl %s is missing", s->key);

	return r < 0 ? cni_fold(e, r, &step)
		     : cni_differs(e, "sysctl %s is \"%s\", not \"%s\"", s->key, now, s->value);
}

/* Runs inside the container. */
static int check_settings(void *data, struct err *e)
{
	const struct conf *conf = data;
	int r = 0;

	for (size_t i = 0; i < conf->n_settings; i++)
		CNI_CHECK_STEP(r, check_setting(&conf->settings[i], e));

	return r;
}

static int check_link(const struct cni_request *rq, const struct conf *conf, struct err *e)
{
	AUTO(nl_closep) struct nl *inside = NULL;
	struct err step = { 0 };
	struct link link;
	int r = netns_nl_open(rq->netns_fd, NETLINK_ROUTE, &inside, &step);

	if (r < 0)
		return cni_fold(e, r, &step);
	r = attachment_check_link(inside, rq->ifname, "in the container", &link, e);

	return r < 0 ? r : tune_check(&link, &conf->want, e);
}

static int check_all(const struct cni_request *rq, struct conf *conf, struct err *e)
{
	int r = 0;

	if (conf->n_settings > 0)
		CNI_CHECK_STEP(r, netns_call(rq->netns_fd, check_settings, conf, e));
	if (conf->want.set)
		CNI_CHECK_STEP(r, check_link(rq, conf, e));

	return r;
}

static int tuning_check(const struct cni_request *rq, struct err *e)
{
	struct conf conf;
	int r;

	if ((r = cni_need_prev(rq, e)) < 0 || (r = conf_read(rq, &conf, e)) < 0)
		return r;
	r = check_all(rq, &conf, e);
	conf_clear(&conf);

	return r;
}

/* ---- GC and STATUS ------------------------------------------------------- */

static int tuning_gc(const struct cni_request *rq, struct err *e)
{
	AUTO(gc_clear) struct gc gc = { 0 };
	int r = gc_init(&gc, rq->network, rq->valid, rq->n_valid, e);

	return r < 0 ? r : backup_gc(data_dir(rq), &gc, e);
}

static int tuning_status(const struct cni_request *rq, struct err *e)
{
	struct conf conf;
	int r = conf_read(rq, &conf, e);

	if (r < 0)
		return r;
	r = check_allowed(&conf, e);
	conf_clear(&conf);

	return r;
}

int main(void)
{
	static const struct cni_plugin tuning = {
		.name = "tuning",
		.add = tuning_add,
		.del = tuning_del,
		.check = tuning_check,
		.gc = tuning_gc,
		.status = tuning_status,
	};

	return cni_main(&tuning);
}
