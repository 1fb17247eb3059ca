/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lxc-config - heddle lxc-config: lxc.net lines for a container that LXC attaches
 *
 * LXC makes the veth itself and puts it on the network's bridge; the address is
 * reserved here.  Ports, masquerade and isolation want an attachment of ours:
 * that is what lxc-hook makes.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cache.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/endpoint-spec.h"
#include "cli/network-prepare.h"
#include "cli/reservation.h"
#include "cli/store.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/network.h"

enum { KEY_NAME = 0x100, KEY_IP, KEY_RELEASE, KEY_INDEX };

static const struct argp_option options[] = {
	{ "name", KEY_NAME, "NAME", 0, "The container's name in LXC" },
	{ "ip", KEY_IP, "ADDRESS", 0, "Reserve this address; may be repeated for IPv6" },
	{ "index", KEY_INDEX, "NUMBER", 0, "Of lxc.net.NUMBER (0)" },
	{ "release", KEY_RELEASE, NULL, 0, "Give the reserved address up, and print nothing" },
	{ 0 },
};

struct request {
	struct endpoint_spec spec;
	const char *network, *name;
	unsigned int index;
	bool release, json;
};

static void clear_request(struct request *rq)
{
	endpoint_spec_clear(&rq->spec);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *rq = state->input;
	struct err e = { 0 };

	switch (key) {
	case KEY_NAME:
		rq->name = arg;
		return 0;
	case KEY_IP:
		if (endpoint_spec_set(&rq->spec, "ip", arg, &e) < 0)
			argp_error(state, "%s", e.msg);
		return 0;
	case KEY_INDEX:
		if (strlen(arg) > 3 || sscanf(arg, "%u", &rq->index) != 1)
			argp_error(state, "index: '%s' is not 0 to 999", arg);
		return 0;
	case KEY_RELEASE:
		rq->release = true;
		return 0;
	case ARGP_KEY_ARG:
		if (rq->network)
			argp_error(state, "one NETWORK at a time: '%s'", arg);
		rq->network = arg;
		return 0;
	case ARGP_KEY_END:
		if (!rq->network || !rq->name)
			argp_error(state, "NETWORK and --name are needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct ip_addr *gateway_of(const struct network *net, const struct ip_net *ip)
{
	for (size_t i = 0; i < net->n_subnets; i++) {
		if (ip_net_contains(&net->subnets[i].subnet, &ip->addr) &&
		    ip_is_set(&net->subnets[i].gateway) && !net->internal)
			return &net->subnets[i].gateway;
	}

	return NULL;
}

static void print_address(const struct request *rq, const struct network *net,
			  const struct ip_net *ip)
{
	const struct ip_addr *gateway = gateway_of(net, ip);
	const char *family = ip->addr.family == AF_INET ? "ipv4" : "ipv6";
	char text[IP_NET_STRLEN];

	printf("lxc.net.%u.%s.address = %s\n", rq->index, family, ip_net_str(ip, text));
	if (gateway)
		printf("lxc.net.%u.%s.gateway = %s\n", rq->index, family, ip_str(gateway, text));
}

static void print(const struct request *rq, const struct network *net, const struct ip_net *ips,
		  size_t n)
{
	printf("# network %s, reserved for %s\n", net->name, rq->name);
	printf("lxc.net.%u.type = veth\n", rq->index);
	printf("lxc.net.%u.link = %s\n", rq->index, net->link);
	printf("lxc.net.%u.flags = up\n", rq->index);
	printf("lxc.net.%u.name = eth%u\n", rq->index, rq->index);
	for (size_t i = 0; i < n; i++)
		print_address(rq, net, &ips[i]);
	printf("# makes the bridge where nobody has yet\n");
	printf("lxc.hook.version = 1\n");
	printf("lxc.hook.pre-start = /usr/bin/heddle lxc-hook --network %s\n", net->name);
}

static int run(const struct command_env *env, const struct request *rq, struct err *e)
{
	AUTO(store_clear) struct store store = { 0 };
	AUTO_FREE struct ip_net *ips = NULL;
	const struct network *net;
	AUTO_FD int lock = -1;
	size_t n = 0;
	int r;

	if ((r = store_load(env, NULL, &store, e)) < 0 ||
	    (r = store_find(&store, rq->network, &net, e)) < 0)
		return r;
	lock = cache_lock(env, rq->name, e);
	if (lock < 0)
		return lock;
	if (rq->release)
		return reservation_release(env, net, rq->name, e);
	r = network_prepare(env, net, e);
	if (r == 0)
		r = reservation_make(env, net, rq->name, &rq->spec, &ips, &n, e);
	if (r < 0)
		return r;
	print(rq, net, ips, n);

	return 0;
}

int command_lxc_config(const struct command_env *env, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NETWORK",
		.doc = "Reserve an address of a network for an LXC container, and print the lines "
		       "of its config. A name that has one already gets the same again.",
	};
	AUTO(clear_request) struct request rq = { .json = env->json };
	struct err e = { 0 };
	int status = command_parse(&argp, argc, argv, &rq, &rq.json);

	if (status != COMMAND_OK)
		return status;

	return run(env, &rq, &e) < 0 ? command_error(&e) : COMMAND_OK;
}
