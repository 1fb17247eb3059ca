/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cluster-address - which address this node is reached at
 *
 * What the operator says; else the one of the last time, as long as the host has
 * it; else the one that leads to who is asked first; else the underlay's.  All
 * datagrams that begin something leave from it, so that others see the same
 * address that they are told.
 */
#define LOG_AREA "cluster"

#include <errno.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "netd/address.h"
#include "netd/cluster-private.h"
#include "netd/log.h"
#include "netd/store.h"
#include "netd/underlay.h"

static const char key_address[] = "address";

/* Whether a socket can be bound to it, which is what it has to be good for. */
static bool is_local(const struct ip_addr *ip)
{
	AUTO_FD int fd = socket(ip->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct node_addr a = { .ip = *ip };
	struct sockaddr_storage s;

	return fd >= 0 && bind(fd, (struct sockaddr *)&s, address_to_socket(&a, &s)) == 0;
}

static bool is_listened_on(const struct cluster *c, const struct ip_addr *ip)
{
	const struct config_addrs *listen = &c->d->config.listen;

	for (size_t i = 0; i < listen->n; i++) {
		const struct ip_addr *one = &listen->list[i].ip;

		if (one->family == ip->family && (ip_is_unspecified(one) || ip_equal(one, ip)))
			return true;
	}

	return false;
}

/* Others can reach a node that is up by the family that it has told them. */
static bool is_good(const struct cluster *c, const struct ip_addr *ip)
{
	if (c->engine && ip->family != c->addr.ip.family)
		return false;
	/* While the host's own is being changed, the kernel would leave from any that there is. */
	if (c->underlay && underlay_is_overlays(c->underlay, ip))
		return false;

	return is_listened_on(c, ip) && !ip_is_link_local(ip) && is_local(ip);
}

static bool last_one(const struct cluster *c, struct ip_addr *ret)
{
	AUTO_FREE void *value = NULL;
	size_t len;

	if (store_get(c->d->store, STORE_CLUSTER, key_address, sizeof(key_address), &value, &len,
		      NULL) < 0 ||
	    len != sizeof(*ret))
		return false;
	memcpy(ret, value, sizeof(*ret));

	return is_good(c, ret);
}

static bool towards(const struct cluster *c, const struct config_addrs *to, struct ip_addr *ret)
{
	struct ip_addr ip;

	for (size_t i = 0; i < to->n; i++) {
		if (port_source(&to->list[i], &ip) < 0 || !is_good(c, &ip))
			continue;
		*ret = ip;
		return true;
	}

	return false;
}

/* Where the underlay's packets leave; of IPv4, if that is listened on. */
static bool of_underlay(const struct cluster *c, struct ip_addr *ret)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct ip_addr ip;

	for (size_t i = 0; c->underlay && i < ARRAY_SIZE(families); i++) {
		if (!underlay_address(c->underlay, families[i], &ip) || !is_good(c, &ip))
			continue;
		*ret = ip;
		return true;
	}

	return false;
}

static int choose(const struct cluster *c, struct ip_addr *ret, struct err *e)
{
	const struct ip_addr *said = &c->d->config.advertise;
	char text[IP_STRLEN];

	if (ip_is_set(said)) {
		if (!is_good(c, said))
			return err_say(
				e, EADDRNOTAVAIL,
				"advertise: no interface of this host has the address %s, or "
				"listen leaves it out: others could not reach this node there, "
				"nor through an address translation",
				ip_str(said, text));
		*ret = *said;
		return 0;
	}
	if (last_one(c, ret) || towards(c, &c->d->self.join_addrs, ret) ||
	    towards(c, &c->d->config.seeds, ret) || of_underlay(c, ret))
		return 0;

	return err_say(e, EADDRNOTAVAIL,
		       "this host has no address that others could reach and that is listened on: "
		       "check its interfaces, and listen in the config file");
}

static void keep(struct cluster *c)
{
	struct err e = { 0 };

	if (store_put(c->d->store, STORE_CLUSTER, key_address, sizeof(key_address), &c->addr.ip,
		      sizeof(c->addr.ip), STORE_LAZY, &e) < 0)
		log_warning("cannot keep this node's address: %s", e.msg);
}

int cluster_choose_address(struct cluster *c, struct err *e)
{
	const struct config *conf = &c->d->config;
	struct ip_addr ip;
	int r = choose(c, &ip, e);

	if (r < 0)
		return r;
	c->addr.ip = ip;
	c->addr.port = conf->listen.list[0].port;
	streams_set_source(c->streams, &ip);
	keep(c);

	return 0;
}

static void follow(struct cluster *c)
{
	const struct self *self = &c->d->self;
	struct node_addr was = c->addr;
	char old[ADDRESS_STRLEN], new[ADDRESS_STRLEN];
	struct err e = { 0 };
	int r = cluster_choose_address(c, &e);

	if (r == 0 && node_addr_equal(&was, &c->addr))
		return;
	if (r == 0)
		r = engine_change(c->engine, self->name, self->admission, &c->addr, cluster_now(c),
				  &e);
	if (r < 0) {
		log_warning("%s has gone: %s", address_str(&was, old), e.msg);
		return;
	}
	log_info("this node's address is %s now, it was %s", address_str(&c->addr, new),
		 address_str(&was, old));
}

static void on_underlay_change(void *ctx)
{
	struct cluster *c = ctx;

	if (c->engine)
		follow(c);
	else if (c->retry_at != MS_NEVER)
		c->retry_at = cluster_now(c);
}

int cluster_follow_underlay(struct cluster *c, struct underlay *u, struct err *e)
{
	c->underlay = u;

	return underlay_on_change(u, on_underlay_change, c, e);
}
