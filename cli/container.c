/* SPDX-License-Identifier: GPL-2.0-or-later */
/* container - see container.h. */
#include "cli/container.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cache.h"
#include "cli/chain-conf.h"
#include "cli/chain.h"
#include "cli/command.h"
#include "cli/endpoint-spec.h"
#include "cli/host-ports.h"
#include "cli/port-spec.h"
#include "cli/port-view.h"
#include "cli/store.h"
#include "lib/cleanup.h"
#include "lib/driver-options.h"
#include "lib/err.h"
#include "lib/jnode.h"
#include "lib/link.h"
#include "lib/lo.h"
#include "lib/netns.h"
#include "lib/network.h"
#include "lib/nl.h"

/* One network of a wish, made ready. */
struct join {
	const struct network *net;
	const struct endpoint_spec *spec;
	struct chain_conf conf;
	char ifname[IFNAMSIZ];
	char *args;		 /* owned; NULL: none */
	json_t *capability_args; /* owned */
};

/* All of them, and what they share. */
struct plan {
	const struct container *c;
	struct nl *inside;
	ino_t netns;
	struct cache cached;	 /* the container's attachments so far */
	struct port_spec *specs; /* that were wished for, with the network's address */
	struct host_ports ports; /* of specs */
	struct join *joins;
	size_t n;
};

static void plan_clear(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		chain_conf_clear(&p->joins[i].conf);
		free(p->joins[i].args);
		json_decref(p->joins[i].capability_args);
	}
	free(p->joins);
	nl_close(p->inside);
	cache_clear(&p->cached);
	host_ports_release(&p->ports);
	free(p->specs);
}

/* ---- what Docker refuses ------------------------------------------------- */

static bool is_none(const struct network *net)
{
	return strcmp(net->driver, "null") == 0;
}

static int refuse_kind(const struct network *net, struct err *e)
{
	if (net->config_only)
		return err_say(e, EINVAL,
			       "network %s is config-only: it is a template for other networks",
			       net->name);
	if (net->origin == NETWORK_BUILTIN && strcmp(net->driver, "host") == 0)
		return err_say(e, EOPNOTSUPP,
			       "cannot connect container to host network - container must be "
			       "created in host network mode");
	if (!net->conf)
		return err_say(e, EINVAL, "network %s has no config", net->name);

	return 0;
}

/* none is all that a container has, or nothing. */
static int refuse_mix(const struct plan *p, const struct container_wish *wish,
		      const struct network *net, struct err *e)
{
	bool has_none = is_none(net);

	for (size_t i = 0; i < p->cached.n; i++)
		has_none = has_none || strcmp(p->cached.entries[i].network, "none") == 0;
	if (!has_none || (wish->networks->n == 1 && p->cached.n == 0))
		return 0;

	return err_say(e, EINVAL,
		       "container cannot be connected to multiple networks with one of the "
		       "networks in private (none) mode");
}

static int refuse_second(const struct plan *p, const struct join *j, struct err *e)
{
	bool twice = false;

	if (j->spec->ifname)
		return 0;
	for (size_t i = 0; i < p->cached.n; i++)
		twice = twice || strcmp(p->cached.entries[i].network, j->net->name) == 0;
	for (size_t i = 0; i < p->n; i++)
		twice = twice || p->joins[i].net == j->net;
	if (!twice)
		return 0;

	return err_say(e, EEXIST,
		       "container %s is attached to network %s already: name another interface "
		       "with ifname= to attach it once more",
		       p->c->name, j->net->name);
}

static int refuse_ip(const struct network *net, const struct ip_addr *ip, struct err *e)
{
	char text[IP_STRLEN];

	if (!ip_is_set(ip) || (net->origin != NETWORK_BUILTIN && net->n_subnets == 0))
		return 0;
	if (net->origin == NETWORK_BUILTIN)
		return err_say(
			e, EINVAL,
			"user-specified IP address is supported on user-defined networks only");
	for (size_t i = 0; i < net->n_subnets; i++) {
		if (ip_net_contains(&net->subnets[i].subnet, ip))
			return 0;
	}

	return err_say(e, EINVAL, "no configured subnet contains IP address %s", ip_str(ip, text));
}

/* ---- making ready -------------------------------------------------------- */

static bool is_chosen(const struct plan *p, const char *ifname)
{
	struct link link;

	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->joins[i].ifname, ifname) == 0)
			return true;
	}
	for (size_t i = 0; i < p->cached.n; i++) {
		if (strcmp(p->cached.entries[i].ifname, ifname) == 0)
			return true;
	}

	return link_get(p->inside, ifname, &link, NULL) == 0;
}

static void choose_ifname(const struct plan *p, struct join *j)
{
	if (j->spec->ifname || is_none(j->net)) {
		snprintf(j->ifname, sizeof(j->ifname), "%s",
			 is_none(j->net) ? "lo" : j->spec->ifname);
		return;
	}
	for (unsigned int i = 0; i == 0 || is_chosen(p, j->ifname); i++)
		snprintf(j->ifname, sizeof(j->ifname), "eth%u", i);
}

/* By the capability; plugins that have none are told through CNI_ARGS. */
static int put_ips(struct join *j, char args[2 * IP_STRLEN + 8], struct err *e)
{
	const struct ip_addr *const ips[] = { &j->spec->ip4, &j->spec->ip6 };
	AUTO_JSON json_t *list = json_array();
	char text[IP_STRLEN];

	*args = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(ips); i++) {
		size_t len = strlen(args);

		if (!ip_is_set(ips[i]))
			continue;
		ip_str(ips[i], text);
		snprintf(args + len, 2 * IP_STRLEN + 8 - len, "%s%s", len ? "," : ";IP=", text);
		if (json_array_append_new(list, json_string(text)) < 0)
			return err_sys(e, ENOMEM, "ask for %s", text);
	}
	if (!*args || !chain_conf_can(&j->conf, "ips"))
		return 0;
	*args = '\0';

	return json_object_set(j->capability_args, "ips", list) < 0
		       ? err_sys(e, ENOMEM, "ask for addresses")
		       : 0;
}

static int put_mac(struct join *j, const char **ret_args, struct err *e)
{
	*ret_args = NULL;
	if (!j->spec->mac)
		return 0;
	if (!chain_conf_can(&j->conf, "mac")) {
		*ret_args = j->spec->mac;
		return 0;
	}

	return json_object_set_new(j->capability_args, "mac", json_string(j->spec->mac)) < 0
		       ? err_sys(e, ENOMEM, "ask for %s", j->spec->mac)
		       : 0;
}

static int put_args(struct join *j, struct err *e)
{
	char ips[2 * IP_STRLEN + 8];
	const char *mac;
	int r;

	j->capability_args = json_object();
	if (!j->capability_args)
		return err_sys(e, ENOMEM, "attach to %s", j->net->name);
	if ((r = put_ips(j, ips, e)) < 0 || (r = put_mac(j, &mac, e)) < 0)
		return r;
	if (!*ips && !mac)
		return 0;
	if (asprintf(&j->args, "IgnoreUnknown=1%s%s%s", ips, mac ? ";MAC=" : "", mac ? mac : "") <
	    0) {
		j->args = NULL;
		return err_sys(e, ENOMEM, "attach to %s", j->net->name);
	}

	return 0;
}

static int plan_join(struct plan *p, const struct store *store, const struct container_wish *wish,
		     const struct endpoint_spec *spec, struct err *e)
{
	struct join *j = &p->joins[p->n];
	int r;

	*j = (struct join){ .spec = spec };
	if ((r = store_find(store, spec->network, &j->net, e)) < 0 ||
	    (r = refuse_kind(j->net, e)) < 0 || (r = refuse_mix(p, wish, j->net, e)) < 0 ||
	    (r = refuse_second(p, j, e)) < 0 || (r = refuse_ip(j->net, &spec->ip4, e)) < 0 ||
	    (r = refuse_ip(j->net, &spec->ip6, e)) < 0 ||
	    (r = chain_conf_read(j->net->conf, &j->conf, e)) < 0)
		return r;
	choose_ifname(p, j);
	p->n++; /* from here on plan_clear() frees it */

	return put_args(j, e);
}

/* Where the network says that a port without an address is; its plugin says so to engines. */
static int bind_specs(struct plan *p, const struct network *net, const struct container_wish *wish,
		      struct err *e)
{
	struct driver_options o = { 0 };

	p->specs = calloc(wish->n_ports, sizeof(*p->specs));
	if (!p->specs)
		return err_sys(e, ENOMEM, "publish ports");
	if (net->origin == NETWORK_OURS)
		(void)driver_options_read(net, &o, NULL);
	for (size_t i = 0; i < wish->n_ports; i++) {
		p->specs[i] = wish->ports[i];
		if (!ip_is_set(&p->specs[i].host_ip))
			p->specs[i].host_ip = o.host_ip;
	}

	return 0;
}

/* At the last network that can: its default route is the one that answers leave by. */
static int plan_ports(struct plan *p, const struct command_env *env,
		      const struct container_wish *wish, struct err *e)
{
	int r;

	if (wish->n_ports == 0)
		return 0;
	for (size_t i = p->n; i-- > 0;) {
		if (p->joins[i].net->internal || !chain_conf_can(&p->joins[i].conf, "portMappings"))
			continue;
		r = bind_specs(p, p->joins[i].net, wish, e);
		if (r == 0)
			r = host_ports_choose(env, p->specs, wish->n_ports, &p->ports, e);
		if (r == 0 && json_object_set(p->joins[i].capability_args, "portMappings",
					      p->ports.mappings) < 0)
			r = err_sys(e, ENOMEM, "publish ports");
		return r;
	}

	return err_say(e, EINVAL,
		       "publish: network %s is internal, or has no plugin that publishes ports",
		       p->joins[0].net->name);
}

static int open_inside(struct plan *p, struct err *e)
{
	AUTO_FD int fd = netns_open(p->c->netns, e);
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "look at %s", p->c->netns);
	p->netns = st.st_ino;
	r = netns_nl_open(fd, NETLINK_ROUTE, &p->inside, e);

	return r < 0 ? r : lo_set(p->inside, true, e);
}

/* Of ours: what an attach that was killed has begun, or of a namespace that is another by now. */
static bool is_dead(const struct cache_entry *entry)
{
	AUTO_FD int netns = -1;

	if (!entry->heddle || !entry->result)
		return entry->heddle;
	netns = cache_entry_open_netns(entry, NULL);

	return netns_is_gone(netns);
}

/* The lock is ours, so nobody is at it. */
static int remove_dead(struct plan *p, const struct command_env *env, const struct store *store,
		       struct err *e)
{
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < p->cached.n; i++) {
		struct cache_entry *entry = &p->cached.entries[i];

		if (r == 0 && is_dead(entry) && (r = container_detach(env, store, entry, e)) == 0)
			cache_entry_clear(entry);
		else
			p->cached.entries[n++] = *entry;
	}
	p->cached.n = n;

	return r;
}

static int plan_make(struct plan *p, const struct command_env *env, const struct store *store,
		     const struct container_wish *wish, struct err *e)
{
	int r;

	if ((r = cache_load(env, NULL, p->c->id, &p->cached, e)) < 0 ||
	    (r = remove_dead(p, env, store, e)) < 0 || (r = open_inside(p, e)) < 0)
		return r;
	p->n = 0;
	p->joins = calloc(wish->networks->n, sizeof(*p->joins));
	if (!p->joins)
		return err_sys(e, ENOMEM, "attach %s", p->c->name);
	for (size_t i = 0; i < wish->networks->n; i++)
		if ((r = plan_join(p, store, wish, &wish->networks->v[i], e)) < 0)
			return r;

	return plan_ports(p, env, wish, e);
}

/* ---- attaching ----------------------------------------------------------- */

/* Appends to a text that is owned by *@text, with ", " between.  Return: 0 or -ENOMEM. */
static int join_text(char **text, const char *more)
{
	char *longer;

	if (asprintf(&longer, "%s%s%s", *text ? *text : "", *text ? ", " : "", more) < 0)
		return -ENOMEM;
	free(*text);
	*text = longer;

	return 0;
}

/* Return: "192.168.1.128/24, fd00::5/64", owned by the caller; NULL if there is none. */
static char *ips_text(const struct cni_result *res)
{
	char *text = NULL, ip[IP_NET_STRLEN];

	for (size_t i = 0; i < res->n_ips; i++)
		(void)join_text(&text, ip_net_str(&res->ips[i].address, ip));

	return text;
}

/* Return: "8080->80/tcp, 127.0.0.1:53->53/udp", as ips_text(). */
static char *ports_text(const json_t *mappings)
{
	AUTO_JSON json_t *ports = port_view(mappings);
	const json_t *port;
	char *text = NULL;
	size_t i;

	json_array_foreach(ports, i, port)
		(void)join_text(&text, json_string_value(port));

	return text;
}

/* Of the interface in the container; "" if the result has none. */
static const char *mac_of(const struct cni_result *res, const char *ifname)
{
	for (size_t i = 0; i < res->n_ifaces; i++) {
		if (res->ifaces[i].sandbox && strcmp(res->ifaces[i].name, ifname) == 0)
			return res->ifaces[i].mac ? res->ifaces[i].mac : "";
	}

	return "";
}

static int report(const struct container *c, const struct join *j, json_t *result, json_t *rows,
		  struct err *e)
{
	AUTO_FREE char *ports = ports_text(json_object_get(j->capability_args, "portMappings"));
	AUTO(cni_result_clear) struct cni_result res = { 0 };
	AUTO_FREE char *ips = NULL;
	struct jnode root = jn_root(result);
	enum cni_version v = CNI_1_0_0;

	(void)cni_version_parse(json_string_value(json_object_get(result, "cniVersion")), &v);
	(void)cni_result_read(&root, v, &res, NULL);
	ips = ips_text(&res);

	return json_array_append_new(rows,
				     json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:O}", "Network",
					       j->net->name, "Container", c->name, "Interface",
					       j->ifname, "IPAddress", ips ? ips : "", "MacAddress",
					       mac_of(&res, j->ifname), "Ports", ports ? ports : "",
					       "Result", result)) < 0
		       ? err_sys(e, ENOMEM, "attach to %s", j->net->name)
		       : 0;
}

static struct chain_attachment attachment(const struct container *c, const struct join *j,
					  json_t *heddle)
{
	return (struct chain_attachment){
		.network = j->net->name,
		.container_id = c->id,
		.ifname = j->ifname,
		.netns = c->netns,
		.args = j->args,
		.capability_args = j->capability_args,
		.heddle = heddle,
	};
}

static int join_one(const struct command_env *env, const struct plan *p, const struct join *j,
		    json_t *rows, struct err *e)
{
	AUTO_JSON json_t *heddle = json_pack("{s:i, s:s, s:I}", "version", 1, "name", p->c->name,
					     "netns", (json_int_t)p->netns);
	AUTO_JSON json_t *result = NULL;
	struct chain_attachment a = attachment(p->c, j, heddle);
	int r;

	if (!heddle)
		return err_sys(e, ENOMEM, "attach %s", p->c->name);
	r = chain_add(env, j->net, &a, &result, e);
	if (r < 0)
		return r;
	r = report(p->c, j, result, rows, e);
	if (r < 0)
		(void)chain_del(env, j->net, &a, NULL);

	return r;
}

static int join_all(const struct command_env *env, const struct plan *p, json_t *rows,
		    struct err *e)
{
	size_t done = 0;
	int r = 0;

	for (; r == 0 && done < p->n; done++)
		r = join_one(env, p, &p->joins[done], rows, e);
	if (r == 0)
		return 0;
	/* The last one has undone itself. */
	for (size_t i = done - 1; i-- > 0;) {
		const struct chain_attachment a = attachment(p->c, &p->joins[i], NULL);

		(void)chain_del(env, p->joins[i].net, &a, NULL);
	}

	return r;
}

int container_attach(const struct command_env *env, const struct store *store,
		     const struct container *c, const struct container_wish *wish, json_t **ret,
		     struct err *e)
{
	AUTO(plan_clear) struct plan p = { .c = c };
	AUTO_JSON json_t *rows = json_array();
	int r = plan_make(&p, env, store, wish, e);

	if (r == 0 && !rows)
		r = err_sys(e, ENOMEM, "attach %s", c->name);
	if (r == 0)
		r = join_all(env, &p, rows, e);
	if (r == 0 && ret)
		*ret = MOVE_PTR(rows);

	return r;
}
