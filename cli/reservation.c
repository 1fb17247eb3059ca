/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reservation - see reservation.h. */
#include "cli/reservation.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "cli/cache.h"
#include "cli/chain-conf.h"
#include "cli/command.h"
#include "cli/endpoint-spec.h"
#include "ipam/lease.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/err.h"
#include "lib/exec.h"
#include "lib/network-conf.h"
#include "lib/network.h"

#define IPAM	   "host-local"
#define TIMEOUT_MS (30 * 1000)

/* ---- host-local ---------------------------------------------------------- */

static int need_host_local(const struct chain_conf *conf, struct err *e)
{
	struct jnode root = jn_root(conf->plugins[0].conf), ipam, type;

	if (jn_get(&root, "ipam", &ipam) && jn_get(&ipam, "type", &type) &&
	    json_is_string(type.json) && strcmp(json_string_value(type.json), IPAM) == 0)
		return 0;

	return err_say(e, EINVAL, "network %s has its addresses not from " IPAM, conf->name);
}

static int put_ip(json_t *list, const struct ip_addr *ip)
{
	char text[IP_STRLEN];

	return ip_is_set(ip) ? json_array_append_new(list, json_string(ip_str(ip, text))) : 0;
}

/* The config that host-local gets on stdin, as from the bridge plugin. */
static char *config_for(const struct chain_conf *conf, const struct endpoint_spec *spec)
{
	AUTO_JSON json_t *ips = json_array(), *doc = NULL;
	const struct chain_input input = { 0 };

	doc = chain_conf_plugin(conf, 0, chain_conf_newest(conf->versions), &input);
	if (!ips || !doc)
		return NULL;
	if (spec && (put_ip(ips, &spec->ip4) < 0 || put_ip(ips, &spec->ip6) < 0))
		return NULL;
	if (json_array_size(ips) > 0 &&
	    json_object_set_new(doc, "runtimeConfig", json_pack("{s:O}", "ips", ips)) < 0)
		return NULL;

	return json_dumps(doc, JSON_COMPACT);
}

static int run_ipam(const struct command_env *env, const struct chain_conf *conf, const char *name,
		    enum cni_command command, const struct endpoint_spec *spec, struct err *e)
{
	AUTO_FREE char *text = config_for(conf, spec);
	AUTO_FREE char *result = NULL;
	char path[PATH_MAX];
	size_t len;
	const struct exec x = {
		.path = path,
		.name = IPAM,
		.command = command,
		.container_id = name,
		.ifname = RESERVATION_IFNAME,
		.netns = "/proc/self/ns/net", /* host-local does not look */
		.cni_path = env->plugin_path,
		.config = text,
		.config_len = text ? strlen(text) : 0,
		.timeout_ms = TIMEOUT_MS,
	};

	if (!text)
		return err_sys(e, ENOMEM, "write the config of " IPAM);
	if (exec_find(env->plugin_path, IPAM, path) < 0)
		return err_say(e, ENOENT, "there is no plugin \"" IPAM "\" in %s",
			       env->plugin_path);

	return exec_plugin(&x, &result, &len, e);
}

/* ---- leases -------------------------------------------------------------- */

/* Failing to leaves a lease that is the next boot's to reclaim, where it has a stamp at all. */
static void keep(const struct lease_store *s, const struct ip_addr *ip)
{
	static const char stamp[] = RESERVATION_STAMP;
	AUTO_FREE char *path = NULL;
	char text[IP_STRLEN];

	if (asprintf(&path, "%s/%s", s->path, ip_str(ip, text)) < 0) {
		path = NULL;
		return;
	}
	(void)setxattr(path, LEASE_STAMP_XATTR, stamp, sizeof(stamp) - 1, 0);
}

/* The address with the length of the subnet it is of. */
static struct ip_net in_subnet(const struct network *net, const struct ip_addr *ip)
{
	struct ip_net found = ip_host_net(ip);

	for (size_t i = 0; i < net->n_subnets; i++) {
		if (ip_net_contains(&net->subnets[i].subnet, ip))
			found.len = net->subnets[i].subnet.len;
	}

	return found;
}

/* Return: 0 with those that @name holds; none is not an error. */
static int find(const struct network *net, const char *name, struct ip_net **ret, size_t *ret_n,
		struct err *e)
{
	AUTO(lease_close) struct lease_store s = LEASE_CLOSED;
	AUTO_FREE struct ip_addr *ips = NULL;
	struct lease_owner owner;
	size_t n = 0;
	int r;

	*ret_n = 0;
	if ((r = lease_owner_init(&owner, name, RESERVATION_IFNAME, e)) < 0)
		return r;
	r = lease_open(&s, network_conf_leases(net), net->name, LEASE_CHANGE, LEASE_LOCK_MS, e);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = lease_find(&s, &owner, &ips, &n, e);
	if (r < 0 || n == 0)
		return r;
	*ret = calloc(n, sizeof(**ret));
	if (!*ret)
		return err_sys(e, ENOMEM, "find what is reserved for %s", name);
	for (size_t i = 0; i < n; i++) {
		keep(&s, &ips[i]);
		(*ret)[i] = in_subnet(net, &ips[i]);
	}
	*ret_n = n;

	return 0;
}

/* ---- reserving ----------------------------------------------------------- */

/* The lease of a container that is attached is not for us to keep, or to give up. */
static int refuse_attached(const struct command_env *env, const struct network *net,
			   const char *name, struct err *e)
{
	AUTO(cache_clear) struct cache c = { 0 };
	int r = cache_load(env, net->name, name, &c, e);

	if (r < 0 || c.n == 0)
		return r;

	return err_say(e, EEXIST,
		       "container %s is attached to network %s: its address is not reserved", name,
		       net->name);
}

static int prepare(const struct command_env *env, const struct network *net, const char *name,
		   struct chain_conf *ret, struct err *e)
{
	int r;

	if (!net->conf)
		return err_say(e, EINVAL, "network %s has no config", net->name);
	if ((r = cni_valid_id(name, "name", CNI_E_ENV, e)) < 0 ||
	    (r = refuse_attached(env, net, name, e)) < 0 ||
	    (r = chain_conf_read(net->conf, ret, e)) < 0)
		return r;

	return need_host_local(ret, e);
}

int reservation_make(const struct command_env *env, const struct network *net, const char *name,
		     const struct endpoint_spec *spec, struct ip_net **ret, size_t *ret_n,
		     struct err *e)
{
	AUTO(chain_conf_clear) struct chain_conf conf = { 0 };
	int r = prepare(env, net, name, &conf, e);

	if (r == 0)
		r = find(net, name, ret, ret_n, e);
	if (r < 0 || *ret_n > 0)
		return r;
	r = run_ipam(env, &conf, name, CNI_ADD, spec, e);

	return r < 0 ? r : find(net, name, ret, ret_n, e);
}

int reservation_release(const struct command_env *env, const struct network *net, const char *name,
			struct err *e)
{
	AUTO(chain_conf_clear) struct chain_conf conf = { 0 };
	int r = prepare(env, net, name, &conf, e);

	return r < 0 ? r : run_ipam(env, &conf, name, CNI_DEL, NULL, e);
}
