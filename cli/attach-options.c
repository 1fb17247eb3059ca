/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attach-options - see attach-options.h. */
#include "cli/attach-options.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"

enum { KEY_IP = 0x200, KEY_IP6, KEY_MAC, KEY_IFNAME, KEY_ALIAS };

static const struct argp_option options[] = {
	{ "network", 'n', "NETWORK[:OPTIONS]", 0,
	  "Attach to this network (bridge); may be repeated. OPTIONS are ip=, ip6=, mac= and "
	  "ifname=, with commas between" },
	{ "publish", 'p', "[[IP:]HOSTPORT:]PORT[/PROTOCOL]", 0,
	  "Publish a port or a range of ports; may be repeated. Without HOSTPORT a free one is "
	  "chosen" },
	{ "ip", KEY_IP, "ADDRESS", 0, "IPv4 or IPv6 address in the only network" },
	{ "ip6", KEY_IP6, "ADDRESS", 0, "IPv6 address in the only network" },
	{ "mac", KEY_MAC, "ADDRESS", 0, "MAC address in the only network" },
	{ "mac-address", 0, NULL, OPTION_ALIAS },
	{ "ifname", KEY_IFNAME, "NAME", 0,
	  "Name of the interface in the container (eth0, or the next that is free)" },
	{ "alias", KEY_ALIAS, "NAME", 0,
	  "A further name in the network; refused without name resolution" },
	{ 0 },
};

/* Options of endpoint_spec_set() that have a flag of their own. */
static const char *word_of(int key)
{
	switch (key) {
	case KEY_IP:
		return "ip";
	case KEY_IP6:
		return "ip6";
	case KEY_MAC:
		return "mac";
	case KEY_IFNAME:
		return "ifname";
	case KEY_ALIAS:
		return "alias";
	default:
		return NULL;
	}
}

int attach_options_add_port(struct attach_options *o, const char *text, struct err *e)
{
	struct port_spec *ports = reallocarray(o->ports, o->n_ports + 1, sizeof(*ports));
	int r;

	if (!ports)
		return err_sys(e, ENOMEM, "read the published ports");
	o->ports = ports;
	r = port_spec_parse(text, &ports[o->n_ports], e);
	o->n_ports += r == 0;

	return r;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct attach_options *o = state->input;
	struct err e = { 0 };
	int r;

	if (key == 'n')
		r = endpoint_specs_add(&o->networks, arg, &e);
	else if (key == 'p')
		r = attach_options_add_port(o, arg, &e);
	else if (word_of(key))
		r = endpoint_spec_set(&o->single, word_of(key), arg, &e);
	else
		return ARGP_ERR_UNKNOWN;
	if (r < 0)
		argp_error(state, "%s", e.msg);

	return 0;
}

const struct argp attach_options_argp = { .options = options, .parser = parse };

void attach_options_clear(struct attach_options *o)
{
	endpoint_specs_clear(&o->networks);
	endpoint_spec_clear(&o->single);
	free(o->ports);
	*o = (struct attach_options){ 0 };
}

static bool is_given(const struct endpoint_spec *single)
{
	return single->ifname || single->mac || ip_is_set(&single->ip4) || ip_is_set(&single->ip6);
}

/* What was said of the only network as NETWORK:OPTIONS stays. */
static void merge(struct endpoint_spec *to, struct endpoint_spec *from)
{
	if (!to->ifname)
		to->ifname = MOVE_PTR(from->ifname);
	if (!to->mac)
		to->mac = MOVE_PTR(from->mac);
	if (!ip_is_set(&to->ip4))
		to->ip4 = from->ip4;
	if (!ip_is_set(&to->ip6))
		to->ip6 = from->ip6;
}

int attach_options_finish(struct attach_options *o, const char *fallback,
			  struct container_wish *ret, struct err *e)
{
	int r = o->networks.n > 0 ? 0 : endpoint_specs_add(&o->networks, fallback, e);

	if (r < 0)
		return r;
	if (is_given(&o->single)) {
		if (o->networks.n > 1)
			return err_say(e, EINVAL,
				       "--ip, --ip6, --mac and --ifname are for one network: with "
				       "several, say --network NETWORK:ip=ADDRESS");
		merge(&o->networks.v[0], &o->single);
	}
	*ret = (struct container_wish){
		.networks = &o->networks,
		.ports = o->ports,
		.n_ports = o->n_ports,
	};

	return 0;
}
