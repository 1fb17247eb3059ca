/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ipam - see ipam.h. */
#include "ipam/ipam.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "ipam/host-local.h"
#include "ipam/static.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/exec.h"
#include "lib/stamp.h"

struct ipam {
	const char *type;
	char path[PATH_MAX];
	const struct cni_plugin *own; /* NULL: it must be run */
};

/* ---- which it is --------------------------------------------------------- */

static bool get_type(const struct cni_request *rq, struct jnode *ipam, struct jnode *ret)
{
	return jn_get(&rq->conf, "ipam", ipam) && jn_get(ipam, "type", ret);
}

bool ipam_configured(const struct cni_request *rq)
{
	struct jnode ipam, type;

	/* What is no object is wrong, and is found so when it is used. */
	if (jn_get(&rq->conf, "ipam", &ipam) && !json_is_object(ipam.json))
		return true;

	return get_type(rq, &ipam, &type) &&
	       !(json_is_string(type.json) && json_string_length(type.json) == 0);
}

bool ipam_needs_interface(const struct cni_request *rq)
{
	struct jnode ipam, type;

	return get_type(rq, &ipam, &type) && json_is_string(type.json) &&
	       strcmp(json_string_value(type.json), "dhcp") == 0;
}

static int read_type(const struct cni_request *rq, const char **ret, struct err *e)
{
	struct jnode ipam, type;
	const char *text;
	int r;

	if (jn_get(&rq->conf, "ipam", &ipam) && (r = jn_object(&ipam, e)) < 0)
		return r;
	if (!get_type(rq, &ipam, &type))
		return jn_bad(&rq->conf, e, "ipam.type is missing");
	r = jn_str(&type, &text, e);
	if (r < 0)
		return r;
	if (!*text || strchr(text, '/'))
		return jn_bad(&type, e, "\"%.64s\" is not the name of a file in CNI_PATH", text);
	*ret = text;

	return 0;
}

/* The code in this process for the plugin in @path, NULL if that is any other. */
static const struct cni_plugin *find_own(const char *type, const char *path)
{
	static const struct cni_plugin *const plugins[] = { &host_local_plugin, &static_plugin };

	for (size_t i = 0; i < ARRAY_SIZE(plugins); i++) {
		if (strcmp(plugins[i]->name, type) == 0) {
			AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);

			return fd >= 0 && stamp_is_ours(fd, type) ? plugins[i] : NULL;
		}
	}

	return NULL;
}

static int find(const struct cni_request *rq, struct ipam *ret, struct err *e)
{
	int r;

	r = read_type(rq, &ret->type, e);
	if (r < 0)
		return r;
	if (exec_find(rq->path, ret->type, ret->path) < 0)
		return err_cni(
			e, CNI_E_CONFIG,
			"ipam.type: there is no plugin \"%.64s\" in CNI_PATH, which is \"%s\"; "
			"install it there",
			ret->type, rq->path);
	ret->own = find_own(ret->type, ret->path);

	return 0;
}

/* Run with the request that came in. */
static int run(const struct ipam *ipam, const struct cni_request *rq, enum cni_command command,
	       char **ret, size_t *ret_len, struct err *e)
{
	const struct exec x = {
		.path = ipam->path,
		.name = ipam->type,
		.command = command,
		.container_id = rq->container_id,
		.netns = rq->netns,
		.ifname = rq->ifname,
		.args = rq->args,
		.cni_path = rq->path,
		.config = rq->text,
		.config_len = rq->text_len,
	};

	return exec_plugin(&x, ret, ret_len, e);
}

/* ---- ADD ----------------------------------------------------------------- */

/* A result says its version; the specification has it be the one asked for. */
static enum cni_version version_of(const json_t *doc, enum cni_version asked)
{
	const char *text = json_string_value(json_object_get(doc, "cniVersion"));
	enum cni_version v = asked;

	if (text)
		(void)cni_version_parse(text, &v);

	return v;
}

static int read_result(const char *text, size_t len, enum cni_version asked, struct cni_result *res,
		       struct err *e)
{
	AUTO_JSON json_t *doc = NULL;
	struct jnode root;
	int r = jn_parse(text, len, &doc, e);

	if (r < 0)
		return r;
	root = jn_root(doc);
	root.key = "result";

	return cni_result_read(&root, version_of(doc, asked), res, e);
}

static int add_by_running(const struct ipam *ipam, const struct cni_request *rq,
			  struct cni_result *res, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	int r = run(ipam, rq, CNI_ADD, &text, &len, e);

	if (r == 0) {
		r = read_result(text, len, rq->version, res, e);
		if (r < 0)
			err_wrap(e, r, "%s", ipam->type);
	}
	if (r < 0)
		(void)run(ipam, rq, CNI_DEL, NULL, NULL, NULL);

	return r;
}

/* ---- the verbs ----------------------------------------------------------- */

int ipam_add(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	struct ipam ipam;
	int r;

	if (!ipam_configured(rq))
		return 0;
	r = find(rq, &ipam, e);
	if (r < 0)
		return r;
	if (!ipam.own)
		return add_by_running(&ipam, rq, res, e);
	r = ipam.own->add(rq, res, e);

	return r < 0 ? err_wrap(e, r, "%s", ipam.type) : r;
}

typedef int (*verb_fn)(const struct cni_request *rq, struct err *e);

static verb_fn own_verb(const struct cni_plugin *plugin, enum cni_command command)
{
	switch (command) {
	case CNI_DEL:
		return plugin->del;
	case CNI_CHECK:
		return plugin->check;
	case CNI_GC:
		return plugin->gc;
	case CNI_STATUS:
		return plugin->status;
	case CNI_ADD:
	case CNI_VERSION:
		break;
	}

	return NULL;
}

static int do_verb(const struct cni_request *rq, enum cni_command command, struct err *e)
{
	struct ipam ipam;
	verb_fn verb;
	int r;

	if (!ipam_configured(rq))
		return 0;
	r = find(rq, &ipam, e);
	if (r < 0)
		return r;
	if (!ipam.own)
		return run(&ipam, rq, command, NULL, NULL, e);
	verb = own_verb(ipam.own, command);
	r = verb ? verb(rq, e) : 0;

	return r < 0 ? err_wrap(e, r, "%s", ipam.type) : r;
}

int ipam_del(const struct cni_request *rq, struct err *e)
{
	return do_verb(rq, CNI_DEL, e);
}

int ipam_check(const struct cni_request *rq, struct err *e)
{
	return do_verb(rq, CNI_CHECK, e);
}

int ipam_gc(const struct cni_request *rq, struct err *e)
{
	return do_verb(rq, CNI_GC, e);
}

int ipam_status(const struct cni_request *rq, struct err *e)
{
	return do_verb(rq, CNI_STATUS, e);
}
