/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oci-state - see oci-state.h. */
#include "cli/oci-state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/attach-options.h"
#include "cli/endpoint-spec.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/err.h"
#include "lib/jnode.h"

#define PREFIX "io.heddle."

/* ---- the state ----------------------------------------------------------- */

struct document {
	struct oci_state state;
	const char *status;
};

static int read_annotations(const struct jnode *n, void *data, struct err *e)
{
	struct document *d = data;

	d->state.annotations = n->json;

	return jn_object(n, e);
}

int oci_state_read(json_t *doc, struct oci_state *ret, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "id", JN_STR, offsetof(struct document, state.id) },
		{ "status", JN_STR, offsetof(struct document, status) },
		{ "pid", JN_U32, offsetof(struct document, state.pid), 0, INT32_MAX },
		{ "bundle", JN_STR, offsetof(struct document, state.bundle) },
		{ "annotations", JN_CALL, 0, .call = read_annotations },
		{ 0 },
	};
	struct document d = { .status = "", .state = { .id = "", .bundle = "" } };
	struct jnode root = jn_root(doc);
	int r;

	root.key = "state";
	r = jn_object(&root, e);
	if (r == 0)
		r = jn_read(&root, keys, &d, e);
	if (r == 0)
		r = cni_valid_id(d.state.id, "the container's ID", CNI_E_CONFIG, e);
	if (r < 0)
		return r;
	d.state.stopped = strcmp(d.status, "stopped") == 0;
	*ret = d.state;

	return 0;
}

/* ---- config.json --------------------------------------------------------- */

/* Return: 1 with its path, "" if it is new, 0 if there is none; -EINVAL. */
static int find_network_namespace(const struct jnode *list, const char **ret, struct err *e)
{
	int r = jn_array(list, e);

	for (size_t i = 0; r == 0 && i < jn_count(list); i++) {
		struct jnode item = jn_item(list, i), type, path;
		const char *text = "";

		if (jn_get(&item, "type", &type))
			r = jn_str(&type, &text, e);
		if (r < 0 || strcmp(text, "network") != 0)
			continue;
		*ret = "";
		if (jn_get(&item, "path", &path))
			r = jn_str(&path, ret, e);
		return r < 0 ? r : 1;
	}

	return r;
}

int oci_state_netns(const struct oci_state *state, json_t *config, char ret[PATH_MAX],
		    struct err *e)
{
	struct jnode root = jn_root(config), os, list;
	const char *path;
	int r;

	root.key = "config.json";
	r = jn_object(&root, e);
	if (r < 0 || !jn_get(&root, "linux", &os) || !jn_get(&os, "namespaces", &list))
		return r;
	r = find_network_namespace(&list, &path, e);
	if (r <= 0)
		return r;
	if (strlen(path) >= PATH_MAX)
		return jn_bad(&list, e, "the network namespace's path is too long");
	if (!*path && state->pid == 0)
		return err_say(e, EINVAL, "state: there is no pid, whose network namespace is new");
	if (*path)
		snprintf(ret, PATH_MAX, "%s", path);
	else
		snprintf(ret, PATH_MAX, "/proc/%u/ns/net", state->pid);

	return 1;
}

/* ---- annotations --------------------------------------------------------- */

/* Calls @add for each word of a list.  Return: 0, or what @add failed with. */
static int each_word(const char *text, const char *separators, struct attach_options *o,
		     int (*add)(struct attach_options *o, const char *word, struct err *e),
		     struct err *e)
{
	AUTO_FREE char *copy = strdup(text);
	char *save = NULL;
	int r = copy ? 0 : err_sys(e, ENOMEM, "read an annotation");

	for (char *word = copy ? strtok_r(copy, separators, &save) : NULL; r == 0 && word;
	     word = strtok_r(NULL, separators, &save))
		r = add(o, word, e);

	return r;
}

static int add_network(struct attach_options *o, const char *word, struct err *e)
{
	return endpoint_specs_add(&o->networks, word, e);
}

static int set_option(struct attach_options *o, const char *key, const char *value, struct err *e)
{
	if (strcmp(key, "networks") == 0)
		return each_word(value, "; \t\n", o, add_network, e);
	if (strcmp(key, "ports") == 0)
		return each_word(value, ", \t\n", o, attach_options_add_port, e);
	if (strcmp(key, "ip") == 0 || strcmp(key, "ip6") == 0 || strcmp(key, "mac") == 0 ||
	    strcmp(key, "ifname") == 0)
		return endpoint_spec_set(&o->single, key, value, e);

	return err_say(e, EINVAL,
		       "no such annotation: there are networks, ports, ip, ip6, mac, ifname and "
		       "name");
}

int oci_state_options(const struct oci_state *state, struct attach_options *ret,
		      const char **ret_name, struct err *e)
{
	const char *key;
	json_t *value;

	json_object_foreach(state->annotations, key, value) {
		const char *word = key + strlen(PREFIX), *text = json_string_value(value);
		int r = 0;

		if (strncmp(key, PREFIX, strlen(PREFIX)) != 0)
			continue;
		if (!text)
			r = err_say(e, EINVAL, "not a text");
		else if (strcmp(word, "name") == 0)
			*ret_name = text;
		else
			r = set_option(ret, word, text, e);
		if (r < 0)
			return err_wrap(e, r, "annotation %.64s", key);
	}

	return 0;
}
