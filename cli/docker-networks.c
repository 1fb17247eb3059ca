/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker-networks - see docker-networks.h */
#include "cli/docker-networks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/ip.h"
#include "lib/netd.h"
#include "lib/program.h"

/* ---- netd ------------------------------------------------------------------ */

static int ask_what_is_held(const struct command_env *env, json_t **ret, struct err *e)
{
	AUTO(netd_closep) struct netd *netd = NULL;
	int r;

	if (netd_connect(env->netd_socket, &netd, NULL) < 0)
		return 0;
	r = netd_call(netd, "docker.list", NULL, ASK_MS, ret, e);

	/* A netd that does not serve Docker has no such method. */
	return r < 0 && e->cni == CNI_E_ENV ? 0 : r;
}

static bool is_anything_held(const struct docker_networks *n)
{
	return json_array_size(json_object_get(n->held, "networks")) > 0 ||
	       json_object_size(json_object_get(n->held, "subnets")) > 0;
}

/* ---- Docker ------------------------------------------------------------------ */

/* Return: 1 with what it said; 0 if Docker does not answer; -ENOENT: there is none; … */
static int ask_docker(const char *const argv[], char **ret, struct err *e)
{
	AUTO(program_clear) struct program_end end = { 0 };
	int r = program_run(argv, "", &end, e);

	if (r < 0)
		return r;
	if (end.status != 0)
		return 0;
	*ret = MOVE_PTR(end.output);

	return 1;
}

/* Words that begin in @text, which is cut at their ends.  Return: how many. */
static size_t cut_words(char *text, const char **words, size_t max)
{
	char *at = NULL;
	size_t n = 0;

	for (char *w = strtok_r(text, " \n", &at); w && n < max; w = strtok_r(NULL, " \n", &at))
		words[n++] = w;

	return n;
}

static size_t count_words(const char *text)
{
	size_t n = 0;

	for (const char *c = text; *c; c++)
		n += c[0] != ' ' && c[0] != '\n' && (c[1] == ' ' || c[1] == '\n' || c[1] == '\0');

	return n;
}

/* A subnet as netd writes it. */
static int add_known(json_t *known, const char *word)
{
	char text[IP_NET_STRLEN];
	struct ip_net net;

	if (ip_net_parse(word, &net) == 0) {
		net.addr = ip_net_first(&net);
		word = ip_net_str(&net, text);
	}

	return json_object_set_new(known, word, json_true());
}

/* Of the networks of these ids.  Return: as ask_docker(). */
static int ask_about(char *ids, char **ret, struct err *e)
{
	static const char *const begin[] = { "docker", "network", "inspect", "--format",
					     "{{.ID}}{{range .IPAM.Config}} {{.Subnet}}{{end}}" };
	size_t n = ARRAY_SIZE(begin), room = n + count_words(ids) + 1;
	AUTO_FREE const char **argv = calloc(room, sizeof(*argv));

	if (!argv)
		return err_sys(e, ENOMEM, "ask Docker");
	memcpy(argv, begin, sizeof(begin));
	(void)cut_words(ids, argv + n, room - 1 - n);

	return ask_docker(argv, ret, e);
}

static int take_known(struct docker_networks *n, char *text, struct err *e)
{
	size_t room = count_words(text);
	AUTO_FREE const char **words = calloc(room + 1, sizeof(*words));
	int r = words ? 0 : -1;

	room = words ? cut_words(text, words, room) : 0;
	for (size_t i = 0; i < room && r == 0; i++)
		r = add_known(n->known, words[i]);

	return r < 0 ? err_sys(e, ENOMEM, "ask Docker") : 0;
}

/* A Docker that is not installed knows of nothing. */
static int ask_what_is_known(struct docker_networks *n, struct err *e)
{
	static const char *const ls[] = {
		"docker", "network", "ls", "--quiet", "--no-trunc", NULL
	};
	AUTO_FREE char *ids = NULL;
	AUTO_FREE char *text = NULL;
	int r = ask_docker(ls, &ids, e);

	if (r == -ENOENT)
		return 0;
	if (r > 0)
		r = ask_about(ids, &text, e);
	n->silent = r == 0;

	return r <= 0 ? r : take_known(n, text, e);
}

int docker_networks_load(const struct command_env *env, struct docker_networks *ret, struct err *e)
{
	int r;

	*ret = (struct docker_networks){ .known = json_object() };
	if (!ret->known)
		return err_sys(e, ENOMEM, "look for Docker's networks");
	r = ask_what_is_held(env, &ret->held, e);

	return r < 0 || !is_anything_held(ret) ? r : ask_what_is_known(ret, e);
}

void docker_networks_clear(struct docker_networks *n)
{
	json_decref(n->held);
	json_decref(n->known);
}

bool docker_networks_lost(const struct docker_networks *n, const char *id_or_subnet)
{
	return !n->silent && !json_object_get(n->known, id_or_subnet);
}

/* ---- removing ------------------------------------------------------------------ */

/* Return: 0 with the id or the subnet, borrowed; -ENOENT without a text; -ENOTUNIQ. */
static int find(const struct docker_networks *n, const char *ref, const char **key,
		const char **ret, struct err *e)
{
	const json_t *net, *subnets = json_object_get(n->held, "subnets");
	const char *found = NULL;
	size_t i;

	*key = "subnet";
	if (json_object_get(subnets, ref)) {
		*ret = ref;
		return 0;
	}
	*key = "id";
	json_array_foreach(json_object_get(n->held, "networks"), i, net) {
		const char *id = json_string_value(json_object_get(net, "id"));

		if (!id || strncmp(id, ref, strlen(ref)) != 0)
			continue;
		if (found)
			return err_say(e, ENOTUNIQ, "several networks have IDs that begin with %s",
				       ref);
		found = id;
	}
	*ret = found;

	return found ? 0 : -ENOENT;
}

static int check(const struct docker_networks *n, const char *what, bool force, struct err *e)
{
	if (n->silent && !force)
		return err_say(e, EBUSY,
			       "Docker does not answer, and may still have %.18s: start it, or use "
			       "--force",
			       what);
	if (!n->silent && !docker_networks_lost(n, what))
		return err_say(e, EBUSY, "Docker has %.18s: docker network rm", what);

	return 0;
}

int docker_networks_remove(const struct command_env *env, const char *ref, bool force,
			   struct err *e)
{
	AUTO(docker_networks_clear) struct docker_networks n = { 0 };
	const char *key = NULL, *what = NULL;
	int r;

	if ((r = docker_networks_load(env, &n, e)) < 0 || (r = find(&n, ref, &key, &what, e)) < 0 ||
	    (r = check(&n, what, force, e)) < 0)
		return r;

	return ask_netd(env, "docker.remove", json_pack("{s:s}", key, what), ASK_MS, NULL, e);
}
