/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iface - the interface inside a container: configure it from a result, check it
 *
 * What every plugin that makes an interface does to it: bring it up, give it
 * the addresses and routes of the result, tell the neighbours.
 *
 * @inside is an rtnetlink socket opened in the container's namespace.
 */
#ifndef IFACE_H
#define IFACE_H

#include <stdbool.h>

#include "lib/cni-result.h"

struct err;
struct nl;

struct iface_conf {
	int netns_fd;		      /* the container's namespace, borrowed */
	const char *name;	      /* the interface in it */
	const struct cni_result *res; /* addresses with .iface equal to @iface, all routes */
	int iface;		      /* its index in res->ifaces */
	bool dad;		      /* IPv6 duplicate address detection; nothing waits for it */
	bool by_gateway;	      /* reach also the own subnet through the gateway alone */
};

/**
 * iface_configure() - up, addresses, routes
 * @conf:	what to do
 * @ret_index:	the interface's number in the container, may be NULL
 *
 * A route without a gateway uses the first gateway of its family in the
 * result.  Every key of a route is applied.
 *
 * Return: 0, or the first error; the caller then deletes the interface, which
 * takes everything with it.
 */
int iface_configure(struct nl *inside, const struct iface_conf *conf, int *ret_index,
		    struct err *e);

/* Whether an earlier address of the same interface has the gateway of res->ips[i]. */
bool iface_repeats_gateway(const struct cni_result *res, size_t i);

/**
 * iface_announce() - gratuitous ARP and neighbour advertisements for its addresses
 * @index:	the interface, configured by iface_configure()
 * @mac:	its MAC address
 *
 * Peers that knew an earlier holder of the address learn the new MAC at once.
 * To be called when frames pass, e.g. after link_wait_up() of the bridge port.
 */
int iface_announce(struct nl *inside, int index, const uint8_t mac[6], struct err *e);

/**
 * iface_check() - compare an interface in a container with a result
 * @name:	the interface in the container
 * @sandbox:	as the result names the container's namespace
 * @prev:	the result of ADD
 *
 * Looked at are the interface, its MAC if the result has one, the addresses
 * whose interface it is, and the routes.  Each difference is reported with
 * cni_differs().
 *
 * Return: 0, -ESTALE with the differences, or another negative errno.
 */
int iface_check(struct nl *inside, const char *name, const char *sandbox,
		const struct cni_result *prev, struct err *e);

/* As iface_check(), for the routes of iface_conf.by_gateway. */
int iface_check_by_gateway(struct nl *inside, const char *name, const char *sandbox,
			   const struct cni_result *prev, struct err *e);

#endif
