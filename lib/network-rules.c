/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-rules - see network-rules.h */
#include "lib/network-rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/err.h"
#include "lib/network.h"

/* ---- names --------------------------------------------------------------- */

int network_check_name(const char *name, struct err *e)
{
	/* What `--network NAME` means to engines, or did at one time. */
	static const char *const reserved[] = { "default", "container", "private", "slirp4netns",
						"pasta" };

	if (!*name)
		return err_say(e, EINVAL, "invalid name: name is empty");
	if (network_is_predefined(name))
		return err_say(e, EPERM, "operation is not permitted on predefined %s network",
			       name);
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (strcmp(name, reserved[i]) == 0)
			return err_say(e, EINVAL,
				       "invalid name: --network %s means something else to "
				       "engines: choose another",
				       name);
	if (strlen(name) > NETWORK_NAME_MAX)
		return err_say(e, EINVAL, "invalid name: it is longer than %d characters",
			       NETWORK_NAME_MAX);

	return cni_valid_id(name, "invalid name", CNI_E_CONFIG, e);
}

/* ---- subnets ------------------------------------------------------------- */

/* Lines of what is wrong; memory for them that is missing ends the list. */
struct complaints {
	char *text;
	size_t n;
};

static void __attribute__((format(printf, 2, 3)))
complain(struct complaints *c, const char *fmt, ...)
{
	AUTO_FREE char *line = NULL;
	char *more;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (r < 0)
		line = NULL;
	c->n++;
	if (!line ||
	    asprintf(&more, "%s%s%s", c->text ? c->text : "", c->text ? "\n" : "", line) < 0)
		return;
	free(c->text);
	c->text = more;
}

/* One line as it is, several as a list. */
static int report(const struct complaints *c, struct err *e)
{
	int r = err_say(e, EINVAL, "invalid network config:");
	const char *line = c->text;

	for (size_t len; e && line && *line; line += len + (line[len] == '\n')) {
		size_t used = strlen(e->msg);

		len = strcspn(line, "\n");
		snprintf(e->msg + used, sizeof(e->msg) - used, "\n%s%.*s", c->n > 1 ? "* " : "",
			 (int)len, line);
	}

	return r;
}

static struct ip_net masked(const struct ip_net *net)
{
	return (struct ip_net){ ip_net_first(net), net->len };
}

static void check_range(const struct network_subnet *s, struct complaints *c)
{
	char range[IP_NET_STRLEN], other[IP_NET_STRLEN];
	struct ip_net want = masked(&s->range);

	ip_net_str(&s->range, range);
	ip_net_str(&s->subnet, other);
	if (s->range.addr.family != s->subnet.addr.family) {
		complain(c, "invalid ip-range %s: parent subnet is an %s block", range,
			 ip_family_name(s->subnet.addr.family));
		return;
	}
	if (s->range.len < s->subnet.len)
		complain(c, "invalid ip-range %s: CIDR block is bigger than its parent subnet %s",
			 range, other);
	if (!ip_net_overlaps(&s->subnet, &s->range))
		complain(c, "invalid ip-range %s: parent subnet %s doesn't contain ip-range", range,
			 other);
	if (ip_net_has_host_bits(&s->range))
		complain(c, "invalid ip-range %s: it should be %s", range,
			 ip_net_str(&want, other));
}

/* @what: "gateway", or "auxiliary address" and its name. */
static void check_address(const struct network_subnet *s, const struct ip_addr *ip,
			  const char *what, const char *name, struct complaints *c)
{
	char subnet[IP_NET_STRLEN];

	if (ip->family != s->subnet.addr.family)
		complain(c, "invalid %s %s: parent subnet is an %s block", what, name,
			 ip_family_name(s->subnet.addr.family));
	else if (!ip_net_contains(&s->subnet, ip))
		complain(c, "invalid %s %s: parent subnet %s doesn't contain this address", what,
			 name, ip_net_str(&s->subnet, subnet));
}

/* What no host can have an address of, and what is too small for a container and a gateway. */
static const char *unusable(const struct ip_net *subnet)
{
	static const struct ip_net link_local = {
		.addr = { .family = AF_INET6, .b = { 0xfe, 0x80 } },
		.len = 64,
	};

	if (ip_is_multicast(&subnet->addr))
		return "it is for multicast";
	if (ip_is_loopback(&subnet->addr))
		return "it is the loopback's";
	if (ip_net_overlaps(subnet, &link_local) && subnet->len != link_local.len)
		return "it clashes with the link-local prefix fe80::/64";
	if (subnet->len > ip_bits(subnet->addr.family) - 2)
		return "it is too small for a gateway and a container";

	return NULL;
}

static void check_subnet(const struct network_subnet *s, struct complaints *c)
{
	char subnet[IP_NET_STRLEN], want[IP_NET_STRLEN], gateway[IP_STRLEN];
	struct ip_net net = masked(&s->subnet);
	const char *why = unusable(&s->subnet);

	ip_net_str(&s->subnet, subnet);
	if (ip_net_has_host_bits(&s->subnet))
		complain(c, "invalid subnet %s: it should be %s", subnet, ip_net_str(&net, want));
	if (why)
		complain(c, "invalid subnet %s: %s", subnet, why);
	if (ip_is_set(&s->range.addr))
		check_range(s, c);
	if (ip_is_set(&s->gateway))
		check_address(s, &s->gateway, "gateway", ip_str(&s->gateway, gateway), c);
	for (size_t i = 0; i < s->n_aux; i++)
		check_address(s, &s->aux[i].addr, "auxiliary address", s->aux[i].name, c);
}

int network_check_config(const struct network *net, struct err *e)
{
	struct complaints c = { 0 };
	int r = 0;

	for (size_t i = 0; i < net->n_subnets; i++)
		if (net->ipv6 || net->subnets[i].subnet.addr.family == AF_INET)
			check_subnet(&net->subnets[i], &c);
	if (c.n > 0)
		r = report(&c, e);
	free(c.text);

	return r;
}

/* ---- addresses ----------------------------------------------------------- */

static bool is_nobodys(const struct network_subnet *s, const struct ip_addr *ip)
{
	return ip_net_is_network(&s->subnet, ip) || ip_net_is_broadcast(&s->subnet, ip);
}

static int check_aux(const struct network_subnet *s, size_t i, struct err *e)
{
	const struct network_aux *aux = &s->aux[i];
	bool taken = is_nobodys(s, &aux->addr) || ip_equal(&aux->addr, &s->gateway);
	char text[IP_STRLEN];

	for (size_t k = 0; k < i; k++)
		taken |= ip_equal(&aux->addr, &s->aux[k].addr);
	if (!taken)
		return 0;

	return err_say(e, EADDRINUSE,
		       "failed to allocate secondary ip address (%s:%s): Address already in use",
		       aux->name, ip_str(&aux->addr, text));
}

int network_check_addresses(const struct network *net, struct err *e)
{
	char text[IP_STRLEN];
	int r = 0;

	for (size_t i = 0; r == 0 && i < net->n_subnets; i++) {
		const struct network_subnet *s = &net->subnets[i];

		if (ip_is_set(&s->gateway) && is_nobodys(s, &s->gateway))
			return err_say(e, EADDRINUSE,
				       "failed to allocate gateway (%s): Address already in use",
				       ip_str(&s->gateway, text));
		for (size_t k = 0; r == 0 && k < s->n_aux; k++)
			r = check_aux(s, k, e);
	}

	return r;
}
