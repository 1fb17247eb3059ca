/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store - read and find the networks of this host; see store.h */
#include "cli/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/builtin.h"
#include "cli/command.h"
#include "cli/natural.h"
#include "cli/network-conf-read.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/jnode.h"

#define FILE_MAX (1u << 20)

struct load {
	const struct command_env *env;
	void (*warn)(const char *text);
	struct store store;
};

void store_clear(struct store *s)
{
	for (size_t i = 0; i < s->n; i++)
		network_clear(&s->networks[i]);
	free(s->networks);
	*s = (struct store){ 0 };
}

char *store_leases(const struct command_env *env)
{
	char *path;

	return asprintf(&path, "%s/networks", env->cache_dir) < 0 ? NULL : path;
}

/* ---- the list ------------------------------------------------------------ */

static const struct network *by_name(const struct store *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->networks[i].name, name) == 0)
			return &s->networks[i];

	return NULL;
}

/* Takes @net over. */
static int append(struct store *s, struct network *net, struct err *e)
{
	struct network *bigger = reallocarray(s->networks, s->n + 1, sizeof(*bigger));

	if (!bigger)
		return err_sys(e, ENOMEM, "read networks");
	s->networks = bigger;
	bigger[s->n++] = *net;
	*net = (struct network){ 0 };

	return 0;
}

static int compare(const void *a, const void *b)
{
	return natural_cmp(((const struct network *)a)->name, ((const struct network *)b)->name);
}

static void __attribute__((format(printf, 2, 3)))
warn(const struct load *load, const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	va_list ap;

	if (!load->warn)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text)
		load->warn(text);
}

/* ---- one file ------------------------------------------------------------ */

static int read_text(const char *path, char **ret, size_t *ret_len, struct stat *st, struct err *e)
{
	/* Not to wait for the writer of a FIFO that somebody has put there. */
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r;

	if (fd < 0 || fstat(fd, st) < 0)
		return err_sys(e, errno, "open");
	if (!S_ISREG(st->st_mode))
		return err_cni(e, CNI_E_IO, "not a regular file");
	if (st->st_size > FILE_MAX)
		return err_sys(e, EFBIG, "read");
	/* As much memory as it needs, and no more: there may be hundreds. */
	r = file_read(fd, (size_t)st->st_size, ret, ret_len);

	return r < 0 ? err_sys(e, -r, "read") : 0;
}

static int read_file(const char *path, struct network *ret, struct err *e)
{
	AUTO_FREE char *text = NULL;
	AUTO_JSON json_t *doc = NULL;
	struct stat st;
	size_t len;
	int r;

	if ((r = read_text(path, &text, &len, &st, e)) < 0 ||
	    (r = jn_parse(text, len, &doc, e)) < 0 ||
	    (r = network_conf_read(doc, path, ret, e)) < 0)
		return r;
	if (!ret->created)
		ret->created = network_time_str(&st.st_mtim);
	if (ret->created)
		return 0;
	network_clear(ret);

	return err_sys(e, ENOMEM, "read");
}

static bool is_taken(const struct load *load, const struct network *net, const char *path)
{
	const struct network *other = by_name(&load->store, net->name);

	if (network_is_predefined(net->name) &&
	    !(net->origin == NETWORK_NERDCTL && strcmp(net->name, "bridge") == 0)) {
		warn(load, "%s: not used: the network %s is predefined", path, net->name);
		return true;
	}
	if (other)
		warn(load, "%s: not used: the network %s is in %s", path, net->name, other->file);

	return other;
}

/* A file that is no network is passed over; only out of memory is a failure. */
static int load_file(struct load *load, const char *path, bool config_only, struct err *e)
{
	AUTO(network_clear) struct network net = { 0 };
	struct err why;
	int r = read_file(path, &net, &why);

	if (r == -ENOMEM) {
		if (e)
			*e = why;
		return r;
	}
	if (r == -ENOENT) /* removed since the directory was read */
		return 0;
	if (r < 0) {
		warn(load, "%s: not used: %s", path, why.msg);
		return 0;
	}
	if (net.config_only != config_only) {
		warn(load, "%s: not used: a config-only network belongs in %s/networks", path,
		     load->env->state_dir);
		return 0;
	}

	return is_taken(load, &net, path) ? 0 : append(&load->store, &net, e);
}

static int load_conf(struct load *load, const char *path, struct err *e)
{
	return load_file(load, path, false, e);
}

static int load_template(struct load *load, const char *path, struct err *e)
{
	return load_file(load, path, true, e);
}

/* ---- directories --------------------------------------------------------- */

static bool ends_in(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len > end_len && strcmp(name + len - end_len, end) == 0;
}

bool store_is_conf(const char *name)
{
	return ends_in(name, ".conflist") || ends_in(name, ".conf") || ends_in(name, ".json");
}

static int select_conf(const struct dirent *d)
{
	return store_is_conf(d->d_name);
}

static int select_json(const struct dirent *d)
{
	return ends_in(d->d_name, ".json");
}

static int select_nerdctl(const struct dirent *d)
{
	return strncmp(d->d_name, "nerdctl-", 8) == 0 && ends_in(d->d_name, ".conflist");
}

static int select_dir(const struct dirent *d)
{
	return d->d_name[0] != '.' && (d->d_type == DT_DIR || d->d_type == DT_UNKNOWN);
}

/* In the order of bytes, as libcni. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Return: how many; 0 where there is no such directory. */
static int list(const char *dir, int (*select)(const struct dirent *), struct dirent ***ret,
		struct err *e)
{
	int n = scandir(dir, ret, select, by_bytes);

	if (n < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		*ret = NULL;
		return 0;
	}

	return n < 0 ? err_sys(e, errno, "list %s", dir) : n;
}

/* Return: the path, owned by the caller; NULL: out of memory. */
static char *join(const char *dir, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

/* Calls @fn with the path of each file of @dir that is selected. */
static int each(struct load *load, const char *dir, int (*select)(const struct dirent *),
		int (*fn)(struct load *load, const char *path, struct err *e), struct err *e)
{
	struct dirent **names;
	int n = list(dir, select, &names, e), r = 0;

	if (n < 0)
		return n;
	for (int i = 0; r == 0 && i < n; i++) {
		AUTO_FREE char *path = join(dir, names[i]->d_name);

		r = path ? fn(load, path, e) : err_sys(e, ENOMEM, "read %s", dir);
	}
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);

	return r;
}

/* nerdctl's networks of a namespace are in a directory of its name. */
static int load_namespace(struct load *load, const char *path, struct err *e)
{
	return each(load, path, select_nerdctl, load_conf, e);
}

static int load_config_only(struct load *load, struct err *e)
{
	AUTO_FREE char *dir = join(load->env->state_dir, "networks");

	return dir ? each(load, dir, select_json, load_template, e)
		   : err_sys(e, ENOMEM, "read networks");
}

static int load_builtins(struct load *load, struct err *e)
{
	AUTO_FREE char *leases = store_leases(load->env);
	int r = leases ? 0 : err_sys(e, ENOMEM, "read networks");

	for (size_t i = 0; r == 0 && i < BUILTIN_COUNT; i++) {
		AUTO(network_clear) struct network net = { 0 };

		r = builtin_network(i, leases, &net, e);
		if (r == 0 && !by_name(&load->store, net.name))
			r = append(&load->store, &net, e);
	}

	return r;
}

int store_load(const struct command_env *env, void (*warn_fn)(const char *text), struct store *ret,
	       struct err *e)
{
	struct load load = { .env = env, .warn = warn_fn };
	int r;

	if ((r = each(&load, env->conf_dir, select_conf, load_conf, e)) < 0 ||
	    (r = each(&load, env->conf_dir, select_dir, load_namespace, e)) < 0 ||
	    (r = load_config_only(&load, e)) < 0 || (r = load_builtins(&load, e)) < 0) {
		store_clear(&load.store);
		return r;
	}
	qsort(load.store.networks, load.store.n, sizeof(*load.store.networks), compare);
	*ret = load.store;

	return 0;
}

/* ---- finding ------------------------------------------------------------- */

static const struct network *by_id(const struct store *s, const char *id)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->networks[i].id, id) == 0)
			return &s->networks[i];

	return NULL;
}

static int not_found(const char *ref, struct err *e)
{
	static const char *const drivers[] = { "macvlan", "overlay", "ipvlan", "null" };
	int r = err_say(e, ENOENT, "network %s not found", ref);
	enum network_scope scope;

	if (network_scope_parse(ref, &scope) == 0)
		err_detail(e, "%s is a scope: heddle network ls --filter scope=%s", ref, ref);
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (strcmp(ref, drivers[i]) == 0)
			err_detail(e, "%s is a driver: heddle network ls --filter driver=%s", ref,
				   ref);

	return r;
}

static int by_prefix(const struct store *s, const char *ref, const struct network **ret,
		     struct err *e)
{
	const struct network *found = NULL;
	size_t n = 0;

	for (size_t i = 0; *ref && i < s->n; i++) {
		if (strncmp(s->networks[i].id, ref, strlen(ref)) == 0) {
			found = &s->networks[i];
			n++;
		}
	}
	if (n == 0)
		return not_found(ref, e);
	if (n > 1)
		return err_say(e, ENOTUNIQ,
			       "network %s is ambiguous (%zu matches found based on ID prefix)",
			       ref, n);
	*ret = found;

	return 0;
}

int store_find(const struct store *s, const char *ref, const struct network **ret, struct err *e)
{
	const struct network *net = by_id(s, ref);

	if (!net)
		net = by_name(s, ref);
	if (!net)
		return by_prefix(s, ref, ret, e);
	*ret = net;

	return 0;
}
