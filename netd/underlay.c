/* SPDX-License-Identifier: GPL-2.0-or-later */
/* underlay - see underlay.h. */
#include "netd/underlay.h"

#include <errno.h>
#include <ev.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "netd/plane.h"

#define LISTENERS 4
#define ROOM	  (1024 * 1024) /* of the socket */
#define SOON	  0.05		/* s: a reconfiguration is many messages */

struct listener {
	void (*fn)(void *ctx);
	void *ctx;
};

struct underlay {
	struct ev_loop *loop;
	struct nl_cache_mngr *mngr;
	struct nl_cache *links, *addrs, *routes; /* the manager's */
	ev_io io;
	ev_timer soon;
	struct listener listeners[LISTENERS];
	size_t n_listeners;
	struct underlay_counters counters;
};

/* ---- libnl's objects as values --------------------------------------------------------- */

static bool read_ip(struct nl_addr *addr, struct ip_addr *ret)
{
	uint8_t family = addr ? (uint8_t)nl_addr_get_family(addr) : 0;

	if ((family != AF_INET && family != AF_INET6) || nl_addr_get_len(addr) != ip_size(family))
		return false;
	*ret = (struct ip_addr){ .family = family };
	memcpy(ret->b, nl_addr_get_binary_addr(addr), ip_size(family));

	return true;
}

#define EACH(type, var, cache)                                                                     \
	for (type *var = (type *)nl_cache_get_first(cache); var;                                   \
	     var = (type *)nl_cache_get_next((struct nl_object *)var))

/* What a bridge says of itself and its ports is in the cache, too, and lacks their type. */
static bool is_interface(struct rtnl_link *link)
{
	return rtnl_link_get_family(link) == AF_UNSPEC;
}

/* Borrowed from the cache, which outlives the caller's look at it. */
static struct rtnl_link *find_link(const struct underlay *u, int index)
{
	EACH(struct rtnl_link, link, u->links)
	if (rtnl_link_get_ifindex(link) == index && is_interface(link))
		return link;

	return NULL;
}

static bool is_loopback(struct rtnl_link *link)
{
	return rtnl_link_get_flags(link) & IFF_LOOPBACK;
}

static bool is_usable(struct rtnl_link *link)
{
	return link && rtnl_link_get_flags(link) & IFF_UP && !is_loopback(link);
}

/* What heddle, Docker and the like make for containers. */
static bool is_of_containers(struct rtnl_link *link)
{
	const char *type = rtnl_link_get_type(link);

	return type && (strcmp(type, "bridge") == 0 || strcmp(type, "vxlan") == 0);
}

/* ---- addresses ---------------------------------------------------------------------------- */

/* Whether others may be told of it. */
static bool is_lasting(struct rtnl_addr *addr, const struct ip_addr *ip)
{
	const unsigned int passing = IFA_F_TEMPORARY | IFA_F_DEPRECATED | IFA_F_TENTATIVE |
				     IFA_F_DADFAILED;

	return !(rtnl_addr_get_flags(addr) & passing) && !ip_is_link_local(ip) &&
	       !ip_is_loopback(ip);
}

/* The first lasting address of an interface. */
static bool first_address(const struct underlay *u, int index, uint8_t family, struct ip_addr *ret)
{
	struct ip_addr ip;

	EACH(struct rtnl_addr, addr, u->addrs)
	{
		if (rtnl_addr_get_ifindex(addr) != index ||
		    !read_ip(rtnl_addr_get_local(addr), &ip) || ip.family != family ||
		    !is_lasting(addr, &ip))
			continue;
		*ret = ip;
		return true;
	}

	return false;
}

/* The interface that has an address, 0: none. */
static int index_of(const struct underlay *u, const struct ip_addr *ip)
{
	struct ip_addr each;

	EACH(struct rtnl_addr, addr, u->addrs)
	if (read_ip(rtnl_addr_get_local(addr), &each) && ip_equal(&each, ip))
		return rtnl_addr_get_ifindex(addr);

	return 0;
}

/* ---- routes -------------------------------------------------------------------------------- */

static int out_of(struct rtnl_route *route)
{
	struct rtnl_nexthop *hop =
		rtnl_route_get_nnexthops(route) > 0 ? rtnl_route_nexthop_n(route, 0) : NULL;

	return hop ? rtnl_route_nh_get_ifindex(hop) : 0;
}

static bool is_default(struct rtnl_route *route, uint8_t family)
{
	struct nl_addr *dst = rtnl_route_get_dst(route);

	return rtnl_route_get_family(route) == family &&
	       rtnl_route_get_table(route) == RT_TABLE_MAIN &&
	       rtnl_route_get_type(route) == RTN_UNICAST &&
	       (!dst || nl_addr_get_prefixlen(dst) == 0);
}

/* The default route of the lowest metric whose interface is up, or NULL. */
static struct rtnl_route *best_default(const struct underlay *u, uint8_t family)
{
	struct rtnl_route *best = NULL;

	EACH(struct rtnl_route, route, u->routes)
	{
		if (!is_default(route, family) || !is_usable(find_link(u, out_of(route))))
			continue;
		if (!best || rtnl_route_get_priority(route) < rtnl_route_get_priority(best))
			best = route;
	}

	return best;
}

static bool by_default_route(const struct underlay *u, uint8_t family, struct ip_addr *ret)
{
	struct rtnl_route *route = best_default(u, family);
	struct ip_addr preferred;

	if (!route)
		return false;
	if (read_ip(rtnl_route_get_pref_src(route), &preferred) && index_of(u, &preferred)) {
		*ret = preferred;
		return true;
	}

	return first_address(u, out_of(route), family, ret);
}

/* Of the interface that was made first, so that it is the same the next time. */
static bool by_interface(const struct underlay *u, uint8_t family, struct ip_addr *ret)
{
	int best = 0;
	struct ip_addr ip;

	EACH(struct rtnl_link, link, u->links)
	{
		int index = rtnl_link_get_ifindex(link);

		if (is_interface(link) && is_usable(link) && !is_of_containers(link) &&
		    (!best || index < best) && first_address(u, index, family, &ip)) {
			*ret = ip;
			best = index;
		}
	}

	return best > 0;
}

/* ---- answers --------------------------------------------------------------------------------- */

bool underlay_address(const struct underlay *u, uint8_t family, struct ip_addr *ret)
{
	if (family)
		return by_default_route(u, family, ret) || by_interface(u, family, ret);

	return by_default_route(u, AF_INET, ret) || by_default_route(u, AF_INET6, ret) ||
	       by_interface(u, AF_INET, ret) || by_interface(u, AF_INET6, ret);
}

bool underlay_has(const struct underlay *u, const struct ip_addr *ip)
{
	return index_of(u, ip) > 0;
}

bool underlay_is_overlays(const struct underlay *u, const struct ip_addr *ip)
{
	struct rtnl_link *link = find_link(u, index_of(u, ip));
	const char *name = link ? rtnl_link_get_name(link) : NULL;

	return name && strncmp(name, PLANE_BRIDGE_PREFIX, strlen(PLANE_BRIDGE_PREFIX)) == 0;
}

/* The smallest of the routes that leave by an interface and have one of their own. */
static uint32_t least_route_mtu(const struct underlay *u, int index, uint32_t mtu)
{
	uint32_t each;

	EACH(struct rtnl_route, route, u->routes)
	if (out_of(route) == index && rtnl_route_get_metric(route, RTAX_MTU, &each) == 0 &&
	    each > 0 && each < mtu)
		mtu = each;

	return mtu;
}

uint32_t underlay_mtu(const struct underlay *u, const struct ip_addr *ip)
{
	int index = index_of(u, ip);
	struct rtnl_link *link = index ? find_link(u, index) : NULL;
	struct rtnl_route *route;

	/* An address of the host itself, which packets leave from by another interface. */
	if (link && is_loopback(link)) {
		route = best_default(u, ip->family);
		index = route ? out_of(route) : 0;
		link = index ? find_link(u, index) : NULL;
	}

	return link ? least_route_mtu(u, index, rtnl_link_get_mtu(link)) : 0;
}

/* ---- changes ------------------------------------------------------------------------------------
 */

static void changed(struct nl_cache *cache, struct nl_object *object, int action, void *data)
{
	struct underlay *u = data;

	(void)cache;
	(void)object;
	(void)action;
	if (!ev_is_active(&u->soon)) {
		ev_timer_set(&u->soon, SOON, 0.);
		ev_timer_start(u->loop, &u->soon);
	}
}

static void tell(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct underlay *u = timer->data;

	(void)loop;
	(void)revents;
	u->counters.changes++;
	for (size_t i = 0; i < u->n_listeners; i++)
		u->listeners[i].fn(u->listeners[i].ctx);
}

int underlay_on_change(struct underlay *u, void (*fn)(void *ctx), void *ctx, struct err *e)
{
	if (u->n_listeners == LISTENERS)
		return err_sys(e, ENOSPC, "listen to the underlay");
	u->listeners[u->n_listeners++] = (struct listener){ fn, ctx };

	return 0;
}

/* ---- caches -------------------------------------------------------------------------------------
 */

static int libnl_failed(int r, const char *what, struct err *e)
{
	return err_say(e, r == -NLE_NOMEM ? ENOMEM : EIO, "%s: %s", what, nl_geterror(r));
}

static int fill(struct underlay *u, struct err *e)
{
	static const struct {
		const char *name;
		size_t cache;
	} caches[] = {
		{ "route/link", offsetof(struct underlay, links) },
		{ "route/addr", offsetof(struct underlay, addrs) },
		{ "route/route", offsetof(struct underlay, routes) },
	};
	int r = nl_cache_mngr_alloc(NULL, NETLINK_ROUTE, NL_AUTO_PROVIDE, &u->mngr);

	if (r < 0)
		return libnl_failed(r, "follow the host's interfaces", e);
	for (size_t i = 0; i < ARRAY_SIZE(caches); i++) {
		r = nl_cache_mngr_add(u->mngr, caches[i].name, changed, u,
				      (struct nl_cache **)((char *)u + caches[i].cache));
		if (r < 0)
			return libnl_failed(r, caches[i].name, e);
	}

	return 0;
}

static void readable(struct ev_loop *loop, ev_io *io, int revents);

static int open_caches(struct underlay *u, struct err *e)
{
	int r = fill(u, e), room = ROOM, fd;

	if (r < 0)
		return r;
	fd = nl_cache_mngr_get_fd(u->mngr);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	ev_io_init(&u->io, readable, fd, EV_READ);
	u->io.data = u;
	ev_io_start(u->loop, &u->io);

	return 0;
}

static void close_caches(struct underlay *u)
{
	if (ev_is_active(&u->io))
		ev_io_stop(u->loop, &u->io);
	if (u->mngr)
		nl_cache_mngr_free(u->mngr);
	u->mngr = NULL;
}

/* What was there before, if everything cannot be read anew now; the next message tries again. */
static void open_again(struct underlay *u)
{
	struct underlay before = *u;

	ev_io_stop(u->loop, &u->io);
	u->mngr = NULL;
	if (open_caches(u, NULL) == 0) {
		nl_cache_mngr_free(before.mngr);
		return;
	}
	if (u->mngr)
		nl_cache_mngr_free(u->mngr);
	*u = before;
	ev_io_start(u->loop, &u->io);
}

/* The manager does not recover from an overrun: another one takes over. */
static void readable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct underlay *u = io->data;

	(void)loop;
	(void)revents;
	if (nl_cache_mngr_data_ready(u->mngr) >= 0)
		return;
	u->counters.overruns++;
	open_again(u);
	changed(NULL, NULL, 0, u);
}

void underlay_free(struct underlay *u)
{
	if (!u)
		return;
	close_caches(u);
	ev_timer_stop(u->loop, &u->soon);
	free(u);
}

static void underlay_freep(struct underlay **u)
{
	underlay_free(*u);
}

int underlay_new(struct ev_loop *loop, struct underlay **ret, struct err *e)
{
	AUTO(underlay_freep) struct underlay *u = calloc(1, sizeof(*u));
	int r;

	if (!u)
		return err_sys(e, ENOMEM, "follow the host's interfaces");
	u->loop = loop;
	ev_timer_init(&u->soon, tell, SOON, 0.);
	u->soon.data = u;
	r = open_caches(u, e);
	if (r < 0)
		return r;
	*ret = MOVE_PTR(u);

	return 0;
}

const struct underlay_counters *underlay_counters(const struct underlay *u)
{
	return &u->counters;
}
