/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cni - see cni.h
 *
 * cni_main() goes through the same steps for every plugin: environment, config,
 * version, namespace, prevResult, the plugin's callback, the result.  Whatever
 * is wrong with the request is found before the callback runs.
 */
#include "lib/cni.h"

#include <ctype.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/boolean.h"
#include "lib/cleanup.h"
#include "lib/cni-error.h"
#include "lib/clock.h"
#include "lib/mac.h"
#include "lib/netns.h"
#include "lib/stamp.h"

#define STDIN_MAX (16u << 20)

static const struct command {
	const char *name;
	enum cni_version since;
	bool container; /* CNI_CONTAINERID, CNI_IFNAME must be set */
	bool netns;	/* CNI_NETNS must be set */
	bool path;	/* CNI_PATH must be set */
} commands[] = {
	[CNI_ADD] = { "ADD", CNI_0_1_0, .container = true, .netns = true, .path = true },
	[CNI_DEL] = { "DEL", CNI_0_1_0, .container = true, .path = true },
	[CNI_CHECK] = { "CHECK", CNI_0_4_0, .container = true, .netns = true, .path = true },
	[CNI_GC] = { "GC", CNI_1_1_0, .path = true },
	[CNI_STATUS] = { "STATUS", CNI_1_1_0, .path = true },
	[CNI_VERSION] = { "VERSION", CNI_0_1_0 },
};

/* All that one run of a plugin holds. */
struct run {
	const struct cni_plugin *plugin;
	struct cni_request rq;
	char *text;
	json_t *doc;
	struct cni_result prev;
	struct cni_attachment *valid;
};

/* ---- rules --------------------------------------------------------------- */

int cni_valid_id(const char *id, const char *what, int code, struct err *e)
{
	const char *s = id;

	if (!isalnum((unsigned char)*s))
		return err_cni(e, code, "%s: \"%.128s\" must begin with a letter or digit", what,
			       id);
	for (; *s; s++) {
		if (!isalnum((unsigned char)*s) && !strchr("_.-", *s))
			return err_cni(
				e, code,
				"%s: \"%.128s\" may have letters, digits, '_', '.' and '-' only",
				what, id);
	}

	return 0;
}

/* Source: White_Space of the Unicode Character Database, in UTF-8. */
static bool has_white_space(const char *text)
{
	static const char *const wide[] = {
		"\xc2\x85", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003",
		"\u2004",   "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a",
		"\u2028",   "\u2029", "\u202f", "\u205f", "\u3000",
	};

	for (size_t i = 0; i < ARRAY_SIZE(wide); i++) {
		if (strstr(text, wide[i]))
			return true;
	}

	return text[strcspn(text, " \t\n\v\f\r")];
}

int cni_valid_ifname(const char *name, const char *what, struct err *e)
{
	if (!*name || strlen(name) >= IFNAMSIZ)
		return err_cni(e, CNI_E_ENV, "%s: \"%.128s\" must have 1 to %d bytes", what, name,
			       IFNAMSIZ - 1);
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_cni(e, CNI_E_ENV, "%s: \"%s\" is not a name", what, name);
	if (strpbrk(name, "/:") || has_white_space(name))
		return err_cni(e, CNI_E_ENV, "%s: \"%s\" must not have '/', ':' or white space",
			       what, name);

	return 0;
}

/* ---- CNI_ARGS ------------------------------------------------------------ */

void cni_args_clear(struct cni_args *a)
{
	free(a->text);
	memset(a, 0, sizeof(*a));
}

static int args_unknown(const char *key, struct err *e)
{
	return err_cni(e, CNI_E_ENV,
		       "CNI_ARGS: key \"%.64s\" is not known; known are IP, MAC, GATEWAY; "
		       "IgnoreUnknown=1 lets others pass",
		       key);
}

static int args_ignore(const char *value, bool *ret, struct err *e)
{
	int r = boolean_parse(value);

	if (r < 0)
		return err_cni(e, CNI_E_ENV, "CNI_ARGS: IgnoreUnknown: \"%.64s\" is not 1 or 0",
			       value);
	*ret = r;

	return 0;
}

static int args_split(struct cni_args *a, const char **ret_unknown, bool *ret_ignore, struct err *e)
{
	char *save = NULL;
	int r = 0;

	for (char *pair = strtok_r(a->text, ";", &save); r == 0 && pair;
	     pair = strtok_r(NULL, ";", &save)) {
		char *value = strchr(pair, '=');

		if (!value || value == pair)
			return err_cni(e, CNI_E_ENV, "CNI_ARGS: \"%.64s\" is not KEY=VALUE", pair);
		*value++ = '\0';
		if (strcmp(pair, "IP") == 0)
			a->ip = value;
		else if (strcmp(pair, "MAC") == 0)
			a->mac = value;
		else if (strcmp(pair, "GATEWAY") == 0)
			a->gateway = value;
		else if (strcmp(pair, "IgnoreUnknown") == 0)
			r = args_ignore(value, ret_ignore, e);
		else if (!*ret_unknown)
			*ret_unknown = pair;
	}

	return r;
}

int cni_args_parse(const char *text, struct cni_args *ret, struct err *e)
{
	struct cni_args a = { .text = strdup(text) };
	const char *unknown = NULL;
	bool ignore = false;
	int r;

	if (!a.text)
		return err_sys(e, ENOMEM, "read CNI_ARGS");
	r = args_split(&a, &unknown, &ignore, e);
	if (r == 0 && unknown && !ignore)
		r = args_unknown(unknown, e);
	if (r < 0)
		cni_args_clear(&a);
	else
		*ret = a;

	return r;
}

static int parse_mac(const char *text, const char *where, int code, uint8_t ret[6], struct err *e)
{
	uint8_t mac[6];

	if (mac_parse(text, mac) < 0 || !mac_is_station(mac))
		return err_cni(
			e, code,
			"%s: \"%.32s\" is not the MAC address of one station (02:00:5e:10:00:01)",
			where, text);
	memcpy(ret, mac, sizeof(mac));

	return 0;
}

/* The text that counts, "" if nobody asks, and in @path where it stands. */
static int find_mac(const struct cni_request *rq, const struct cni_args *args, const char **ret,
		    char *path, size_t path_size, struct err *e)
{
	struct jnode parents[2], value;
	int r = 0;

	*ret = "";
	if (cni_runtime(rq, "mac", parents, &value))
		r = jn_str(&value, ret, e);
	if (r == 0 && !**ret && cni_args_conf(rq, "mac", parents, &value))
		r = jn_str(&value, ret, e);
	if (r < 0)
		return r;
	if (**ret) {
		jn_path(&value, path, path_size);
	} else if (args->mac) {
		*ret = args->mac;
		snprintf(path, path_size, "CNI_ARGS: MAC");
	}

	return 0;
}

int cni_mac(const struct cni_request *rq, uint8_t ret[6], bool *ret_given, struct err *e)
{
	struct cni_args args;
	char where[64] = "";
	const char *text;
	int r;

	/* CNI_ARGS is read in any case: a bad one is an error, whether it counts or not. */
	r = cni_args_parse(rq->args, &args, e);
	if (r < 0)
		return r;
	r = find_mac(rq, &args, &text, where, sizeof(where), e);
	if (r == 0 && *text)
		r = parse_mac(text, where, text == args.mac ? CNI_E_ENV : CNI_E_CONFIG, ret, e);
	if (r == 0)
		*ret_given = *text;
	cni_args_clear(&args);

	return r;
}

/* ---- values that the runtime passes -------------------------------------- */

bool cni_runtime(const struct cni_request *rq, const char *key, struct jnode *parent,
		 struct jnode *ret)
{
	return jn_get(&rq->conf, "runtimeConfig", parent) && jn_get(parent, key, ret);
}

bool cni_args_conf(const struct cni_request *rq, const char *key, struct jnode parents[2],
		   struct jnode *ret)
{
	return jn_get(&rq->conf, "args", &parents[0]) && jn_get(&parents[0], "cni", &parents[1]) &&
	       jn_get(&parents[1], key, ret);
}

bool cni_is_valid(const struct cni_request *rq, const char *container_id, const char *ifname)
{
	for (size_t i = 0; i < rq->n_valid; i++) {
		if (strcmp(rq->valid[i].container_id, container_id) == 0 &&
		    strcmp(rq->valid[i].ifname, ifname) == 0)
			return true;
	}

	return false;
}

/* ---- CHECK --------------------------------------------------------------- */

int cni_differs(struct err *e, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (e && e->cni != CNI_E_CHECK)
		(void)err_cni(e, CNI_E_CHECK, "%s", text);
	err_detail(e, "%s", text);

	return -ESTALE;
}

int cni_fold(struct err *e, int r, const struct err *step)
{
	if (r == -ESTALE)
		return cni_differs(e, "%s", *step->details ? step->details : step->msg);
	if (r < 0 && e)
		*e = *step;

	return r;
}

int cni_need_prev(const struct cni_request *rq, struct err *e)
{
	if (rq->prev)
		return 0;

	return err_cni(e, CNI_E_CONFIG, "prevResult: CHECK needs the result of ADD");
}

/* ---- environment --------------------------------------------------------- */

static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static void missing(char *list, size_t size, bool needed, const char *name)
{
	size_t len = strlen(list);

	if (needed && !*env(name))
		snprintf(list + len, size - len, "%s%s", len ? "," : "", name);
}

static int read_env(struct cni_request *rq, const struct command *c, struct err *e)
{
	char list[128] = "";
	int r;

	missing(list, sizeof(list), c->container, "CNI_CONTAINERID");
	missing(list, sizeof(list), c->netns, "CNI_NETNS");
	missing(list, sizeof(list), c->container, "CNI_IFNAME");
	missing(list, sizeof(list), c->path, "CNI_PATH");
	if (*list)
		return err_cni(e, CNI_E_ENV, "required environment variables are missing: %s",
			       list);

	rq->args = env("CNI_ARGS");
	rq->path = env("CNI_PATH");
	rq->container_id = rq->ifname = rq->netns = "";
	if (!c->container)
		return 0;

	rq->container_id = env("CNI_CONTAINERID");
	rq->ifname = env("CNI_IFNAME");
	rq->netns = env("CNI_NETNS");
	r = cni_valid_id(rq->container_id, "CNI_CONTAINERID", CNI_E_ENV, e);

	return r < 0 ? r : cni_valid_ifname(rq->ifname, "CNI_IFNAME", e);
}

static int read_command(struct cni_request *rq, struct err *e)
{
	const char *name = env("CNI_COMMAND");

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(name, commands[i].name) == 0) {
			rq->command = (enum cni_command)i;
			return read_env(rq, &commands[i], e);
		}
	}

	return err_cni(e, CNI_E_ENV,
		       "CNI_COMMAND: \"%.32s\" is not ADD, DEL, CHECK, GC, STATUS or VERSION",
		       name);
}

/* ---- stdin --------------------------------------------------------------- */

/*
 * Reads to the end of stdin, for @limit_ms at most if that isn't negative: a
 * VERSION must answer although nobody closes the pipe.
 */
static int read_stdin(char **ret, size_t *ret_len, int limit_ms, struct err *e)
{
	int64_t deadline = clock_ms() + limit_ms;
	size_t size = 16384, len = 0;
	AUTO_FREE char *text = malloc(size);

	for (;;) {
		struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
		int64_t left = deadline - clock_ms();
		ssize_t n;

		if (len == size && size < STDIN_MAX) {
			char *bigger = realloc(text, size *= 2);

			free(bigger ? NULL : MOVE_PTR(text));
			text = bigger;
		}
		if (!text)
			return err_sys(e, ENOMEM, "read the config from stdin");
		if (len == size)
			return err_cni(e, CNI_E_DECODE,
				       "the config on stdin must be shorter than %u bytes",
				       STDIN_MAX);
		if (limit_ms >= 0 && (left <= 0 || poll(&in, 1, (int)left) <= 0))
			break;
		n = read(STDIN_FILENO, text + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_cni(e, CNI_E_IO, "read the config from stdin: %s",
				       strerror(errno));
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret = MOVE_PTR(text);
	*ret_len = len;

	return 0;
}

/* ---- config -------------------------------------------------------------- */

static int read_version(const struct jnode *conf, const struct cni_plugin *plugin,
			enum cni_version *ret, struct err *e)
{
	struct jnode value;
	const char *text = "";
	int r;

	if (jn_get(conf, "cniVersion", &value)) {
		r = jn_str(&value, &text, e);
		if (r < 0)
			return r;
	}
	if (!*text)
		text = "0.1.0";
	if (cni_version_parse(text, ret) == 0 && *ret >= plugin->min_version)
		return 0;

	r = err_cni(e, CNI_E_VERSION, "cniVersion: \"%.32s\" is not supported", text);
	err_detail(e, "the config is %.32s, plugin %s supports %s to %s", text, plugin->name,
		   cni_version_str(plugin->min_version), cni_version_str(CNI_N_VERSIONS - 1));

	return r;
}

static int check_command_version(const struct cni_request *rq, struct err *e)
{
	const struct command *c = &commands[rq->command];

	if (rq->version >= c->since)
		return 0;

	return err_cni(e, CNI_E_VERSION, "%s needs cniVersion %s or newer, the config has %s",
		       c->name, cni_version_str(c->since), cni_version_str(rq->version));
}

static int read_name(struct cni_request *rq, struct err *e)
{
	struct jnode value;
	int r;

	rq->network = "";
	if (jn_get(&rq->conf, "name", &value)) {
		r = jn_str(&value, &rq->network, e);
		if (r < 0)
			return r;
	}
	if (!*rq->network)
		return err_cni(e, CNI_E_CONFIG, "name: the network's name is missing");

	return cni_valid_id(rq->network, "name", CNI_E_CONFIG, e);
}

static int read_conf(struct run *run, struct err *e)
{
	struct cni_request *rq = &run->rq;
	int r;

	r = read_stdin(&run->text, &rq->text_len, -1, e);
	if (r < 0)
		return r;
	rq->text = run->text;
	r = jn_parse(rq->text, rq->text_len, &run->doc, e);
	if (r < 0)
		return err_wrap(e, r, "the config on stdin");
	rq->conf = jn_root(run->doc);

	if ((r = jn_object(&rq->conf, e)) < 0 ||
	    (r = read_version(&rq->conf, run->plugin, &rq->version, e)) < 0 ||
	    (r = read_name(rq, e)) < 0)
		return r;

	return check_command_version(rq, e);
}

/*
 * What the runtime passes is read where it is used; that it stands in objects is
 * seen here, or a misplaced value would count as none.
 */
static int check_objects(const struct cni_request *rq, struct err *e)
{
	struct jnode value, inner;
	int r = 0;

	if (jn_get(&rq->conf, "runtimeConfig", &value))
		r = jn_object(&value, e);
	if (r < 0 || !jn_get(&rq->conf, "args", &value))
		return r;
	r = jn_object(&value, e);

	return r == 0 && jn_get(&value, "cni", &inner) ? jn_object(&inner, e) : r;
}

/*
 * DEL wants absence, so it goes on without a prevResult that it can't read:
 * everything can be found without one.
 */
static int read_prev(struct run *run, struct err *e)
{
	struct cni_request *rq = &run->rq;
	struct jnode value;
	int r;

	if (!jn_get(&rq->conf, "prevResult", &value))
		return 0;
	r = cni_result_read(&value, rq->version, &run->prev, e);
	if (r == 0)
		rq->prev = &run->prev;
	else if (rq->command == CNI_DEL && r != -ENOMEM)
		r = 0;

	return r;
}

static int read_attachment(const struct jnode *n, struct cni_attachment *ret, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "containerID", JN_STR, offsetof(struct cni_attachment, container_id) },
		{ "ifname", JN_STR, offsetof(struct cni_attachment, ifname) },
		{ 0 },
	};
	int r = jn_read(n, keys, ret, e);

	if (r == 0 && (!ret->container_id || !ret->ifname))
		return jn_bad(n, e, "containerID or ifname is missing");

	return r;
}

/* The specification's key, and what its 1.1.0 text said by mistake: libcni sends both. */
static int read_valid(struct run *run, const char *key, struct err *e)
{
	struct cni_request *rq = &run->rq;
	struct cni_attachment *bigger;
	struct jnode list, item;
	size_t n;
	int r;

	if (!jn_get(&rq->conf, key, &list)) {
		/* A runtime in Go that has no attachment at all says null. */
		rq->valid_given |= json_object_get(rq->conf.json, key) != NULL;
		return 0;
	}
	r = jn_array(&list, e);
	if (r < 0)
		return r;
	n = jn_count(&list);
	bigger = reallocarray(run->valid, rq->n_valid + n + 1, sizeof(*bigger));
	if (!bigger)
		return err_sys(e, ENOMEM, "read %s", key);
	rq->valid = run->valid = bigger;
	rq->valid_given = true;

	for (size_t i = 0; i < n; i++) {
		item = jn_item(&list, i);
		bigger[rq->n_valid] = (struct cni_attachment){ 0 };
		r = read_attachment(&item, &bigger[rq->n_valid], e);
		if (r < 0)
			return r;
		rq->n_valid++;
	}

	return 0;
}

/* ---- the namespace ------------------------------------------------------- */

static int check_not_own(const struct cni_request *rq, struct err *e)
{
	AUTO_FD int self = netns_open_self(e);

	if (self < 0)
		return self;
	if (!netns_same(self, rq->netns_fd))
		return 0;

	return err_cni(e, CNI_E_NETNS,
		       "CNI_NETNS: %s is the namespace that the plugin itself runs in; "
		       "CNI_NETNS_OVERRIDE=1 permits that",
		       rq->netns);
}

static int open_netns(struct run *run, struct err *e)
{
	struct cni_request *rq = &run->rq;

	if (!*rq->netns || run->plugin->any_netns)
		return 0;
	rq->netns_fd = netns_open(rq->netns, e);
	if (rq->netns_fd < 0) {
		int r = rq->netns_fd;

		rq->netns_fd = -1;
		return rq->command == CNI_DEL && netns_is_gone(r) ? 0 : err_wrap(e, r, "CNI_NETNS");
	}
	if (run->plugin->own_netns || boolean_parse(env("CNI_NETNS_OVERRIDE")) == 1)
		return 0;

	return check_not_own(rq, e);
}

/* ---- output -------------------------------------------------------------- */

static int print_json(const json_t *obj, size_t flags, struct err *e)
{
	if (json_dumpf(obj, stdout, flags) < 0 || fputc('\n', stdout) < 0 || fflush(stdout) < 0)
		return err_cni(e, CNI_E_IO, "write to stdout: %s", strerror(errno));

	return 0;
}

/* On stderr, where a runtime shows it to people, if stdout is of no use. */
static int print_error(enum cni_version version, const struct err *e)
{
	AUTO_JSON json_t *obj = json_pack("{s:s}", "cniVersion", cni_version_str(version));

	if (!obj || cni_error_put(e, obj) < 0 || print_json(obj, JSON_INDENT(4), NULL) < 0)
		fprintf(stderr, "%s\n", e->msg);

	return 1;
}

static int print_about(const struct cni_plugin *plugin)
{
	fprintf(stderr, "CNI %s plugin v%s\nCNI protocol versions supported: ", plugin->name,
		HEDDLE_VERSION);
	for (int v = (int)plugin->min_version; v < CNI_N_VERSIONS; v++)
		fprintf(stderr, "%s%s", v == (int)plugin->min_version ? "" : ", ",
			cni_version_str((enum cni_version)v));
	fputc('\n', stderr);

	return 0;
}

/* The specification echoes the version that was asked with. */
static enum cni_version asked_version(void)
{
	enum cni_version v = CNI_1_1_0;
	AUTO_FREE char *text = NULL;
	AUTO_JSON json_t *doc = NULL;
	size_t len;

	if (isatty(STDIN_FILENO) || read_stdin(&text, &len, 200, NULL) < 0 ||
	    jn_parse(text, len, &doc, NULL) < 0)
		return v;
	(void)cni_version_parse(json_string_value(json_object_get(doc, "cniVersion")) ?: "", &v);

	return v;
}

static int print_version(const struct cni_plugin *plugin, struct err *e)
{
	AUTO_JSON json_t *list = json_array();
	AUTO_JSON json_t *obj = NULL;

	for (int v = (int)plugin->min_version; v < CNI_N_VERSIONS; v++)
		json_array_append_new(list, json_string(cni_version_str((enum cni_version)v)));
	obj = json_pack("{s:s, s:O}", "cniVersion", cni_version_str(asked_version()),
			"supportedVersions", list);
	if (!obj)
		return err_sys(e, ENOMEM, "answer VERSION");

	return print_json(obj, JSON_COMPACT, e);
}

/* ---- one run ------------------------------------------------------------- */

/* An ADD whose result reaches nobody is undone: the runtime takes it for failed. */
static int run_add(struct run *run, struct err *e)
{
	struct cni_result res = { 0 };
	AUTO_JSON json_t *obj = NULL;
	int r;

	r = run->plugin->add(&run->rq, &res, e);
	if (r >= 0) {
		r = cni_result_write(&res, run->rq.version, &obj, e);
		if (r == 0)
			r = print_json(obj, JSON_INDENT(4), e);
		if (r < 0 && run->plugin->del)
			(void)run->plugin->del(&run->rq, NULL);
	}
	cni_result_clear(&res);

	return r;
}

static int dispatch(struct run *run, struct err *e)
{
	const struct cni_plugin *p = run->plugin;
	const struct cni_request *rq = &run->rq;

	switch (rq->command) {
	case CNI_ADD:
		return run_add(run, e);
	case CNI_DEL:
		return p->del ? p->del(rq, e) : 0;
	case CNI_CHECK:
		return p->check ? p->check(rq, e) : 0;
	case CNI_GC:
		return p->gc && rq->valid_given ? p->gc(rq, e) : 0;
	case CNI_STATUS:
		return p->status ? p->status(rq, e) : 0;
	case CNI_VERSION:
		return print_version(p, e);
	}

	return -EINVAL;
}

static int prepare(struct run *run, struct err *e)
{
	struct cni_request *rq = &run->rq;
	int r;

	if ((r = read_command(rq, e)) < 0)
		return r;
	if (rq->command == CNI_VERSION)
		return 0;
	if ((r = read_conf(run, e)) < 0 ||
	    (rq->command != CNI_DEL && (r = check_objects(rq, e)) < 0) ||
	    (r = open_netns(run, e)) < 0 || (r = read_prev(run, e)) < 0)
		return r;

	if (commands[rq->command].container) {
		owner_init(&rq->owner, rq->network, rq->container_id, rq->ifname);
		return 0;
	}
	owner_init_network(&rq->owner, rq->network);
	if (rq->command != CNI_GC)
		return 0;
	r = read_valid(run, "cni.dev/valid-attachments", e);

	return r < 0 ? r : read_valid(run, "cni.dev/attachments", e);
}

/* Every plugin is linked with the note that says whose binary it is. */
static const char *const build __attribute__((used)) = stamp_build;

int cni_main(const struct cni_plugin *plugin)
{
	struct run run = { .plugin = plugin, .rq = { .netns_fd = -1, .version = CNI_1_1_0 } };
	struct err e = { 0 };
	int r;

	signal(SIGPIPE, SIG_IGN);
	/* Inherited as ignored, it would take a delegate's exit status away. */
	signal(SIGCHLD, SIG_DFL);
	if (!*env("CNI_COMMAND"))
		return print_about(plugin);

	r = prepare(&run, &e);
	if (r == 0)
		r = dispatch(&run, &e);

	cni_result_clear(&run.prev);
	cleanup_fd(&run.rq.netns_fd);
	json_decref(run.doc);
	free(run.valid);
	free(run.text);

	return r < 0 ? print_error(run.rq.version, &e) : 0;
}
