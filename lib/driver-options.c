/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver-options - see driver-options.h */
#include "lib/driver-options.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/boolean.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/err.h"
#include "lib/network.h"

#define BRIDGE	"com.docker.network.bridge."
#define NETWORK "com.docker.network."

#define MTU_MIN	 68 /* RFC 791 */
#define MTU_MAX	 65535
#define VLAN_MAX 4094
#define VNI_MAX	 0xffffff /* RFC 7348 */

enum driver { ON_BRIDGE = 1, ON_MACVLAN = 2, ON_OVERLAY = 4 };

/* An option as it was given, and where it goes. */
struct given {
	const struct network *net;
	const struct network_pair *pair;
	void *to;
};

struct option {
	const char *keys[3]; /* the same by several names */
	unsigned int drivers;
	int (*read)(const struct given *g, struct err *e);
	size_t offset;
	const char *refusal; /* instead of read: Docker has it, and why not here */
};

/* ---- values -------------------------------------------------------------- */

static int bad_value(const struct given *g, struct err *e, const char *why)
{
	return err_cni(e, CNI_E_CONFIG, "failed to parse %s value: %s (%s)", g->pair->key,
		       g->pair->value, why);
}

static int read_bool(const struct given *g, struct err *e)
{
	int value = boolean_parse(g->pair->value);

	if (value < 0)
		return bad_value(g, e, "it is true or false");
	*(bool *)g->to = value;

	return 0;
}

static int read_inverse(const struct given *g, struct err *e)
{
	int r = read_bool(g, e);

	if (r == 0)
		*(bool *)g->to = !*(bool *)g->to;

	return r;
}

static int read_number(const struct given *g, long long *ret, struct err *e)
{
	char *end;

	errno = 0;
	*ret = strtoll(g->pair->value, &end, 10);
	if (errno != 0 || end == g->pair->value || *end != '\0')
		return bad_value(g, e, "not a number");

	return 0;
}

static int read_mtu(const struct given *g, struct err *e)
{
	long long mtu;
	int r = read_number(g, &mtu, e);

	if (r < 0)
		return r;
	if (mtu != 0 && (mtu < MTU_MIN || mtu > MTU_MAX))
		return err_cni(e, CNI_E_CONFIG, "invalid MTU number: %lld is not in %d..%d", mtu,
			       MTU_MIN, MTU_MAX);
	*(uint32_t *)g->to = (uint32_t)mtu;

	return 0;
}

static int read_vlan(const struct given *g, struct err *e)
{
	long long vlan;
	int r = read_number(g, &vlan, e);

	if (r < 0)
		return r;
	if (vlan < 0 || vlan > VLAN_MAX)
		return err_cni(e, CNI_E_CONFIG, "invalid VLAN: %lld is not in 0..%d", vlan,
			       VLAN_MAX);
	*(uint32_t *)g->to = (uint32_t)vlan;

	return 0;
}

/* Docker's key has room for a list, one for each subnet; here they share one. */
static int read_vni(const struct given *g, struct err *e)
{
	long long vni;
	int r = read_number(g, &vni, e);

	if (r < 0)
		return r;
	if (vni < 1 || vni > VNI_MAX)
		return err_cni(e, CNI_E_CONFIG, "invalid vxlan id value: %lld is not in 1..%d", vni,
			       VNI_MAX);
	*(uint32_t *)g->to = (uint32_t)vni;

	return 0;
}

static int read_ifname(const struct given *g, struct err *e)
{
	int r = cni_valid_ifname(g->pair->value, g->pair->key, e);

	if (r == 0)
		*(const char **)g->to = g->pair->value;

	return r;
}

static int read_host_ip(const struct given *g, struct err *e)
{
	struct ip_addr ip;

	if (ip_parse(g->pair->value, &ip) < 0 || (ip.family == AF_INET6 && ip_is_loopback(&ip)))
		return bad_value(g, e, "it is an address of this host, and not ::1");
	*(struct ip_addr *)g->to = ip;

	return 0;
}

static int read_mode(const struct given *g, struct err *e)
{
	static const char *const modes[] = { "bridge", "private", "vepa", "passthru" };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (strcmp(g->pair->value, modes[i]) == 0) {
			*(const char **)g->to = g->pair->value;
			return 0;
		}
	}

	return bad_value(g, e, "it is bridge, private, vepa or passthru");
}

/*
 * nat is what the plugins do.  isolated leaves the bridge without an address,
 * which is for both families or for none.
 */
static int read_gateway_mode(const struct given *g, struct err *e)
{
	const char *mode = g->pair->value;

	if (strcmp(mode, "nat") == 0)
		return 0;
	if (strcmp(mode, "routed") == 0 || strcmp(mode, "nat-unprotected") == 0)
		return err_cni(e, CNI_E_FIELD,
			       "gateway mode '%s' is not served; -o %senable_ip_masquerade=false "
			       "keeps containers' own addresses",
			       mode, BRIDGE);
	if (strcmp(mode, "isolated") != 0)
		return err_cni(e, CNI_E_CONFIG, "unknown gateway mode %s", mode);
	if (!g->net->internal)
		return err_cni(e, CNI_E_CONFIG,
			       "gateway mode 'isolated' can only be used for an internal network");
	*(bool *)g->to = false;

	return 0;
}

/* ---- the options --------------------------------------------------------- */

#define OFFSET(member) offsetof(struct driver_options, member)

static const struct option options[] = {
	{ { BRIDGE "name" }, ON_BRIDGE, read_ifname, OFFSET(bridge) },
	{ { BRIDGE "enable_icc", "icc" }, ON_BRIDGE, read_bool, OFFSET(icc) },
	{ { "isolate" }, ON_BRIDGE, read_bool, OFFSET(isolate) },
	{ { BRIDGE "enable_ip_masquerade", "ip-masq" },
	  ON_BRIDGE | ON_OVERLAY,
	  read_bool,
	  OFFSET(masquerade) },
	{ { BRIDGE "inhibit_ipv4" }, ON_BRIDGE, read_inverse, OFFSET(bridge_address) },
	{ { BRIDGE "gateway_mode_ipv4", BRIDGE "gateway_mode_ipv6" },
	  ON_BRIDGE,
	  read_gateway_mode,
	  OFFSET(bridge_address) },
	{ { BRIDGE "host_binding_ipv4" }, ON_BRIDGE | ON_OVERLAY, read_host_ip, OFFSET(host_ip) },
	{ { NETWORK "driver.mtu", "mtu" },
	  ON_BRIDGE | ON_MACVLAN | ON_OVERLAY,
	  read_mtu,
	  OFFSET(mtu) },
	{ { "vlan" }, ON_BRIDGE, read_vlan, OFFSET(vlan) },
	{ { "parent" }, ON_MACVLAN, read_ifname, OFFSET(parent) },
	{ { "macvlan_mode", "mode" }, ON_MACVLAN, read_mode, OFFSET(mode) },
	{ { NETWORK "driver.overlay.vxlanid_list", "vni" }, ON_OVERLAY, read_vni, OFFSET(vni) },
	{ { "multicast" }, ON_OVERLAY, read_bool, OFFSET(multicast) },
	{ { "pin" }, ON_OVERLAY, read_bool, OFFSET(pin) },

	{ { BRIDGE "default_bridge" },
	  ON_BRIDGE,
	  .refusal = "the default network, bridge, is built in" },
	{ { BRIDGE "trusted_host_interfaces" },
	  ON_BRIDGE,
	  .refusal = "what may come in is for the chain admin of table inet heddle" },
	{ { NETWORK "container_iface_prefix" },
	  ON_BRIDGE | ON_MACVLAN | ON_OVERLAY,
	  .refusal = "engines choose the interface's name, and --ifname of heddle attach" },
	{ { NETWORK "host_ipv4", NETWORK "host_ipv6" },
	  ON_BRIDGE,
	  .refusal = "containers leave with the address of the outgoing interface" },
	{ { NETWORK "enable_ipv4", NETWORK "enable_ipv6" },
	  ON_BRIDGE | ON_MACVLAN,
	  .refusal = "use --ipv4 and --ipv6" },
	{ { NETWORK "advertise_addr_nmsgs", NETWORK "advertise_addr_ms" },
	  ON_BRIDGE | ON_MACVLAN | ON_OVERLAY,
	  .refusal = "neighbours are always told once, as the interface comes up" },
	{ { "encrypted", "secure" },
	  ON_OVERLAY,
	  .refusal =
		  "frames between hosts go as they are; containers that need secrecy use TLS, or "
		  "the hosts WireGuard under it" },
};

static bool has_key(const struct option *o, const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(o->keys); i++)
		if (o->keys[i] && strcmp(o->keys[i], key) == 0)
			return true;

	return false;
}

static unsigned int driver_of(const struct network *net)
{
	if (strcmp(net->driver, "overlay") == 0)
		return ON_OVERLAY;

	return strcmp(net->driver, "macvlan") == 0 ? ON_MACVLAN : ON_BRIDGE;
}

static const struct option *find(const struct network *net, const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].drivers & driver_of(net) && has_key(&options[i], key))
			return &options[i];

	return NULL;
}

static int unknown(const struct network *net, const char *key, struct err *e)
{
	int r = err_cni(e, CNI_E_FIELD, "unknown option %s for driver %s", key, net->driver);
	char names[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (!(options[i].drivers & driver_of(net)) || options[i].refusal)
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(options[i].keys) && options[i].keys[k]; k++)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 used ? ", " : "", options[i].keys[k]);
	}
	err_detail(e, "its options are %s", names);

	return r;
}

static int read_option(const struct network *net, const struct network_pair *pair,
		       struct driver_options *ret, struct err *e)
{
	const struct option *o = find(net, pair->key);
	const struct given g = { net, pair, o ? (char *)ret + o->offset : NULL };

	if (!o)
		return unknown(net, pair->key, e);
	if (o->refusal)
		return err_cni(e, CNI_E_FIELD, "option %s is not served: %s", pair->key,
			       o->refusal);

	return o->read(&g, e);
}

/* The key isGateway of the plugin bridge is for both families. */
static int check_bridge_address(const struct network *net, const struct driver_options *o,
				struct err *e)
{
	const char *modes[] = { network_pairs_get(&net->options, BRIDGE "gateway_mode_ipv4"),
				network_pairs_get(&net->options, BRIDGE "gateway_mode_ipv6") };
	bool isolated[2];

	for (size_t i = 0; i < 2; i++)
		isolated[i] = modes[i] && strcmp(modes[i], "isolated") == 0;
	if (!o->bridge_address && net->ipv4 && net->ipv6 && !(isolated[0] && isolated[1]))
		return err_cni(e, CNI_E_FIELD,
			       "the bridge has the gateways of both families or none: with IPv4 "
			       "and IPv6, set both gateway modes to isolated");

	return 0;
}

int driver_options_read(const struct network *net, struct driver_options *ret, struct err *e)
{
	struct driver_options o = {
		.icc = true,
		.isolate = true,
		.masquerade = !net->internal,
		.bridge_address = true,
		.pin = true,
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < net->options.n; i++)
		r = read_option(net, &net->options.v[i], &o, e);
	if (r == 0)
		r = check_bridge_address(net, &o, e);
	if (r == 0)
		*ret = o;

	return r;
}
