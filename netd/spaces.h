/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spaces - what the whole cluster shares without a quorum: VNIs and subnets
 *
 * Each is a space of numbers (overlay/blocks.h) with a definition that names it
 * and says what its numbers stand for:
 *
 *	"vni"		number n is the VNI first + n
 *	"subnets"	number n is the n-th piece of the pools, one pool after the other
 *	"subnets6"	the n-th /64 of the cluster's own /48
 *
 * The body is the space's id, then JSON.  The cluster's founder makes them by its
 * own configuration at its first start; from then on no configuration counts.
 */
#ifndef NETD_SPACES_H
#define NETD_SPACES_H

#include "lib/ip.h"

struct cluster;
struct config;
struct daemon;
struct err;

/**
 * spaces_found() - make them, if this node is the founder and has not
 *
 * Return: 0; or an errno of the store: to be tried at the next start.
 */
int spaces_found(struct cluster *c, struct daemon *d, struct err *e);

/*
 * A VNI, or a piece of a family, that nobody of the cluster was given.  Return: 0;
 * -EAGAIN: others are being asked, or the space is not known yet; as blocks_take().
 */
int spaces_take_vni(struct cluster *c, uint32_t *ret, struct err *e);
int spaces_take_subnet(struct cluster *c, uint8_t family, struct ip_net *ret, struct err *e);

/* This very VNI; 0 also for one that the space does not have.  Return: as blocks_take_exact(). */
int spaces_take_this_vni(struct cluster *c, uint32_t vni, struct err *e);

/*
 * One that is in use since before this process; nobody uses it any more.  Of no
 * effect where it is not this node's, or not of the space.
 */
void spaces_hold_vni(struct cluster *c, uint32_t vni);
void spaces_release_vni(struct cluster *c, uint32_t vni);
void spaces_hold_subnet(struct cluster *c, const struct ip_net *net);
void spaces_release_subnet(struct cluster *c, const struct ip_net *net);

#endif
