/* SPDX-License-Identifier: GPL-2.0-or-later */
/* leases - see leases.h */
#include "cli/leases.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipam/host-local-conf.h"
#include "ipam/lease-file.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/network-conf.h"
#include "lib/network.h"

/* ---- the directory ------------------------------------------------------- */

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* NULL in @ret: there are no leases. */
static int open_dir(const struct network *net, DIR **ret, struct err *e)
{
	AUTO_FREE char *path = NULL;

	if (asprintf(&path, "%s/%s", network_conf_leases(net), net->name) < 0) {
		path = NULL;
		return err_sys(e, ENOMEM, "read the leases of %s", net->name);
	}
	*ret = opendir(path);
	if (!*ret && errno != ENOENT && errno != ENOTDIR)
		return err_sys(e, errno, "open %s", path);

	return 0;
}

/* The next address that is leased.  Return: its file's name, or NULL at the end. */
static const char *next_lease(DIR *dir, struct ip_addr *ret)
{
	const struct dirent *d;

	while ((d = readdir(dir)))
		if (ip_parse(d->d_name, ret) == 0)
			return d->d_name;

	return NULL;
}

int leases_each(const struct network *net,
		int (*fn)(const struct ip_addr *ip, const struct lease_text *text, void *data,
			  struct err *e),
		void *data, struct err *e)
{
	AUTO(close_dir) DIR *dir = NULL;
	int r = open_dir(net, &dir, e);
	struct ip_addr ip;
	const char *name;

	while (r == 0 && dir && (name = next_lease(dir, &ip))) {
		char content[LEASE_TEXT_MAX + 1];
		struct lease_text text;
		int len = lease_file_read(dirfd(dir), name, content, NULL);

		/* One that vanished meanwhile, or is torn, is nobody's. */
		if (len >= 0 && lease_text_parse(content, (size_t)len, &text))
			r = fn(&ip, &text, data, e);
	}

	return r;
}

/* ---- counting ------------------------------------------------------------ */

static struct leases_count *find(struct leases_count *counts, size_t n, const struct ip_net *subnet)
{
	for (size_t i = 0; i < n; i++)
		if (counts[i].subnet.len == subnet->len &&
		    ip_equal(&counts[i].subnet.addr, &subnet->addr))
			return &counts[i];

	return NULL;
}

/* Only the ranges of one subnet, with the exclusions of the whole set; borrowed but for ranges. */
static int part_of(const struct range_set *set, const struct ip_net *subnet, struct range_set *ret)
{
	*ret = *set;
	ret->n = 0;
	ret->ranges = calloc(set->n, sizeof(*ret->ranges));
	if (!ret->ranges)
		return -ENOMEM;
	for (size_t i = 0; i < set->n; i++)
		if (set->ranges[i].subnet.len == subnet->len &&
		    ip_equal(&set->ranges[i].subnet.addr, &subnet->addr))
			ret->ranges[ret->n++] = set->ranges[i];

	return 0;
}

static void add_available(struct leases_count *c, uint64_t n)
{
	c->available = n > LEASES_MANY - c->available ? LEASES_MANY : c->available + n;
}

/* Network and broadcast address, and what is reserved: nobody gets them. */
static void count_reserved(const struct range_set *set, struct leases_count *c)
{
	for (size_t i = 0; i < set->n_reserved; i++)
		c->in_use += ip_net_contains(&c->subnet, &set->reserved[i]);
}

static int count_set(const struct range_set *set, struct leases_count *c)
{
	struct range_set part;

	if (part_of(set, &c->subnet, &part) < 0)
		return -ENOMEM;
	if (part.n > 0) {
		add_available(c, range_set_size(&part));
		count_reserved(set, c);
	}
	free(part.ranges);

	return 0;
}

static bool is_dynamic(const struct host_local_conf *conf, const struct ip_addr *ip)
{
	for (size_t i = 0; i < conf->n; i++)
		if (range_set_is_dynamic(&conf->sets[i], ip))
			return true;

	return false;
}

/* A lease of a reserved address, which another program may have made, counts once. */
static bool is_reserved(const struct host_local_conf *conf, const struct ip_addr *ip)
{
	for (size_t i = 0; i < conf->n; i++)
		if (range_set_is_reserved(&conf->sets[i], ip))
			return true;

	return false;
}

static void count_lease(const struct host_local_conf *conf, const struct ip_addr *ip,
			struct leases_count *counts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!ip_net_contains(&counts[i].subnet, ip) || is_reserved(conf, ip))
			continue;
		counts[i].in_use++;
		if (counts[i].available > 0 && counts[i].available < LEASES_MANY &&
		    is_dynamic(conf, ip))
			counts[i].available--;
		return;
	}
}

static int count_leases(const struct network *net, const struct host_local_conf *conf,
			struct leases_count *counts, size_t n, struct err *e)
{
	AUTO(close_dir) DIR *dir = NULL;
	int r = open_dir(net, &dir, e);
	struct ip_addr ip;

	while (r == 0 && dir && next_lease(dir, &ip))
		count_lease(conf, &ip, counts, n);

	return r;
}

/* Each subnet once. */
static size_t list_subnets(const struct host_local_conf *conf, struct leases_count *counts)
{
	size_t n = 0;

	for (size_t i = 0; i < conf->n; i++) {
		for (size_t k = 0; k < conf->sets[i].n; k++) {
			const struct ip_net *subnet = &conf->sets[i].ranges[k].subnet;

			if (find(counts, n, subnet))
				continue;
			/* The network address, and of IPv4 the broadcast address. */
			counts[n].subnet = *subnet;
			counts[n].in_use = subnet->addr.family == AF_INET ? 2 : 1;
			n++;
		}
	}

	return n;
}

static int count(const struct network *net, const struct host_local_conf *conf,
		 struct leases_count **ret, size_t *ret_n, struct err *e)
{
	AUTO_FREE struct leases_count *counts = NULL;
	size_t room = 1, n;
	int r = 0;

	for (size_t i = 0; i < conf->n; i++)
		room += conf->sets[i].n;
	counts = calloc(room, sizeof(*counts));
	if (!counts)
		return err_sys(e, ENOMEM, "count the addresses of %s", net->name);
	n = list_subnets(conf, counts);
	for (size_t i = 0; i < n && r == 0; i++)
		for (size_t k = 0; k < conf->n && r == 0; k++)
			r = count_set(&conf->sets[k], &counts[i]);
	if (r < 0)
		return err_sys(e, -r, "count the addresses of %s", net->name);
	r = count_leases(net, conf, counts, n, e);
	if (r < 0)
		return r;
	*ret = MOVE_PTR(counts);
	*ret_n = n;

	return 0;
}

/* ---- the config ---------------------------------------------------------- */

/* The plugin whose addresses are from host-local, NULL if none is. */
static json_t *host_local_plugin_of(const struct network *net)
{
	json_t *plugin;
	size_t i;

	json_array_foreach(json_object_get(net->conf, "plugins"), i, plugin) {
		const char *type =
			json_string_value(json_object_get(json_object_get(plugin, "ipam"), "type"));

		if (type && strcmp(type, "host-local") == 0)
			return plugin;
	}

	return NULL;
}

int leases_count(const struct network *net, struct leases_count **ret, size_t *ret_n, struct err *e)
{
	AUTO(host_local_conf_clear) struct host_local_conf conf = { 0 };
	json_t *plugin = host_local_plugin_of(net);
	const struct cni_request rq = {
		.command = CNI_STATUS,
		.container_id = "",
		.netns = "",
		.ifname = "",
		.args = "",
		.path = "",
		.version = CNI_1_0_0,
		.network = net->name,
		.conf = jn_root(plugin),
	};

	/* A config that host-local would refuse has no addresses to give. */
	if (!plugin || host_local_conf_read(&rq, &conf, NULL) < 0) {
		*ret = NULL;
		*ret_n = 0;
		return 0;
	}

	return count(net, &conf, ret, ret_n, e);
}
