/* SPDX-License-Identifier: GPL-2.0-or-later */
/* endpoint-spec - see endpoint-spec.h. */
#include "cli/endpoint-spec.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/err.h"
#include "lib/mac.h"

void endpoint_spec_clear(struct endpoint_spec *spec)
{
	free(spec->network);
	free(spec->ifname);
	free(spec->mac);
	*spec = (struct endpoint_spec){ 0 };
}

static int bad(struct err *e, const char *what, const char *value)
{
	return err_cni(e, CNI_E_CONFIG, "%s: \"%.64s\"", what, value);
}

/* ---- options ------------------------------------------------------------- */

static int set_text(char **ret, const char *value, struct err *e)
{
	char *copy;

	if (*ret)
		return bad(e, "given twice", value);
	copy = strdup(value);
	if (!copy)
		return err_sys(e, ENOMEM, "read the options of a network");
	*ret = copy;

	return 0;
}

static int set_ip(struct endpoint_spec *spec, const char *value, struct err *e)
{
	struct ip_addr ip, *to;

	/* The length is the subnet's. */
	if (ip_parse(value, &ip) < 0)
		return bad(e, "not an IP address", value);
	to = ip.family == AF_INET ? &spec->ip4 : &spec->ip6;
	if (ip_is_set(to))
		return bad(e, "a second address of its family", value);
	*to = ip;

	return 0;
}

static int set_ip6(struct endpoint_spec *spec, const char *value, struct err *e)
{
	struct ip_addr ip;

	if (ip_parse(value, &ip) < 0 || ip.family != AF_INET6)
		return bad(e, "not an IPv6 address", value);

	return set_ip(spec, value, e);
}

static int set_mac(struct endpoint_spec *spec, const char *value, struct err *e)
{
	uint8_t mac[6];

	if (mac_parse(value, mac) < 0 || !mac_is_station(mac))
		return bad(e, "not the MAC address of one station", value);

	return set_text(&spec->mac, value, e);
}

static int set_ifname(struct endpoint_spec *spec, const char *value, struct err *e)
{
	int r = cni_valid_ifname(value, "interface name", e);

	return r < 0 ? r : set_text(&spec->ifname, value, e);
}

static int set_name(struct endpoint_spec *spec, const char *value, struct err *e)
{
	return *value ? set_text(&spec->network, value, e) : bad(e, "no network", value);
}

static int refuse_alias(struct endpoint_spec *spec, const char *value, struct err *e)
{
	(void)spec;

	return err_cni(e, CNI_E_FIELD,
		       "\"%.64s\": aliases take effect with name resolution, which this "
		       "host's networks do not have: leave it out",
		       value);
}

/* Docker's words, Podman's, and our own. */
static const struct option {
	const char *key;
	int (*set)(struct endpoint_spec *spec, const char *value, struct err *e);
} options[] = {
	{ "name", set_name },
	{ "ip", set_ip },
	{ "ip6", set_ip6 },
	{ "mac", set_mac },
	{ "mac-address", set_mac },
	{ "ifname", set_ifname },
	{ "interface_name", set_ifname },
	{ "alias", refuse_alias },
};

int endpoint_spec_set(struct endpoint_spec *spec, const char *key, const char *value, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (strcmp(options[i].key, key) == 0) {
			int r = options[i].set(spec, value, e);

			return r < 0 ? err_wrap(e, r, "%s", key) : 0;
		}
	}

	return err_cni(e, CNI_E_CONFIG,
		       "\"%.64s\" is no option of a network: there are name, ip, ip6, mac, ifname "
		       "and alias",
		       key);
}

/* ---- the whole text ------------------------------------------------------ */

/* "KEY=VALUE,KEY=VALUE", changed in place. */
static int parse_options(char *text, struct endpoint_spec *spec, struct err *e)
{
	char *save = NULL;
	int r = 0;

	for (char *pair = strtok_r(text, ",", &save); r == 0 && pair;
	     pair = strtok_r(NULL, ",", &save)) {
		char *value = strchr(pair, '=');

		if (!value)
			return bad(e, "not KEY=VALUE", pair);
		*value++ = '\0';
		r = endpoint_spec_set(spec, pair, value, e);
	}

	return r;
}

int endpoint_spec_parse(const char *text, struct endpoint_spec *ret, struct err *e)
{
	AUTO(endpoint_spec_clear) struct endpoint_spec spec = { 0 };
	AUTO_FREE char *copy = strdup(text);
	char *rest;
	int r = 0;

	if (!copy)
		return err_sys(e, ENOMEM, "read the options of a network");
	rest = copy + strcspn(copy, ":=");
	if (*rest == '=') {
		rest = copy;
	} else {
		if (*rest)
			*rest++ = '\0';
		r = set_name(&spec, copy, e);
	}
	if (r == 0)
		r = parse_options(rest, &spec, e);
	if (r == 0 && !spec.network)
		r = bad(e, "no network", text);
	if (r < 0)
		return err_wrap(e, r, "network %.128s", text);
	*ret = spec;
	spec = (struct endpoint_spec){ 0 };

	return 0;
}

/* ---- lists --------------------------------------------------------------- */

int endpoint_specs_add(struct endpoint_specs *specs, const char *text, struct err *e)
{
	struct endpoint_spec *v = reallocarray(specs->v, specs->n + 1, sizeof(*v));
	int r;

	if (!v)
		return err_sys(e, ENOMEM, "read the networks");
	specs->v = v;
	r = endpoint_spec_parse(text, &v[specs->n], e);
	specs->n += r == 0;

	return r;
}

void endpoint_specs_clear(struct endpoint_specs *specs)
{
	for (size_t i = 0; i < specs->n; i++)
		endpoint_spec_clear(&specs->v[i]);
	free(specs->v);
	*specs = (struct endpoint_specs){ 0 };
}
