/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * service - networks and endpoints: what people and plugins ask of netd
 *
 * Sits between the cluster, which knows what all nodes say, and the plane, which
 * makes this node's kernel forward; and answers network.* and endpoint.* on the
 * control socket.
 *
 *	control ── networks, endpoints ── cluster: definitions, blocks, rows
 *	                    └──────────── plane
 *
 * It is the one who ties cluster and plane together: the plane hears of the
 * VTEP, of wanted entries, and of networks to serve; the cluster hears from it
 * what the kernel holds ("programmed").
 *
 *	service_new() -> cluster_start() -> the loop -> cluster_stop() -> service_free()
 */
#ifndef NETD_SERVICE_H
#define NETD_SERVICE_H

struct cluster;
struct daemon;
struct err;
struct plane;
struct service;
struct underlay;

/**
 * service_new() - with its methods, metrics, section of the status and cluster_user registered
 * @d, @c, @p:	borrowed; plane_on_flushed() and cluster_on_wanted() are taken
 * @u:		borrowed; NULL: nothing follows the underlay's MTU
 *
 * What the store says is read, and compared with the kernel, when the cluster is up.
 *
 * Return: 0; -EBADMSG if the store holds something else than it should; errnos of the
 * store; -ENOMEM.
 */
int service_new(struct daemon *d, struct cluster *c, struct plane *p, struct underlay *u,
		struct service **ret, struct err *e);

/* The kernel keeps everything. */
void service_free(struct service *s);

#endif
