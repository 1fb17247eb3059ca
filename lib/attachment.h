/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attachment - steps that the plugins which give a container an interface share
 *
 * Each is about one interface, CNI_IFNAME in CNI_NETNS, and what a request and
 * its results say of it.
 */
#ifndef ATTACHMENT_H
#define ATTACHMENT_H

#include <stdbool.h>
#include <stdint.h>

struct cni_iface;
struct cni_request;
struct cni_result;
struct err;
struct jnode;
struct link;
struct nl;

/* Read a key that names an interface.  Return: 0, or -EINVAL with CNI_E_CONFIG. */
int attachment_read_ifname(const struct jnode *n, const char **ret, struct err *e);

/**
 * attachment_need_free() - see that the container has no interface of that name
 * @inside:	rtnetlink socket opened in the container's namespace
 *
 * Return: 0, or -EEXIST with CNI_E_ENV.
 */
int attachment_need_free(const struct cni_request *rq, struct nl *inside, struct err *e);

/* A dns object of the config that says anything replaces what IPAM said.  Return: 0 or an errno. */
int attachment_set_dns(const struct cni_request *rq, struct cni_result *res, struct err *e);

/**
 * attachment_report() - append an interface to the result
 * @name:	its name
 * @mac:	six bytes, NULL for none
 * @sandbox:	the namespace it is in, NULL for the host
 *
 * Return: its index in the result, or -ENOMEM.
 */
int attachment_report(struct cni_result *res, const char *name, const uint8_t *mac,
		      const char *sandbox, struct err *e);

/* What prevResult says of the container's interface; NULL if it does not say its MAC address. */
const struct cni_iface *attachment_in_prev(const struct cni_request *rq);

/**
 * attachment_is_adopted() - whether an interface is the one that prevResult reports
 * @link:	of the name CNI_IFNAME, in CNI_NETNS
 *
 * For DEL of what the reference plugin made before this host moved to heddle: it
 * carries no mark of ours, and its MAC address is the evidence.
 */
bool attachment_is_adopted(const struct cni_request *rq, const struct link *link);

/**
 * attachment_check_link() - look an interface up for CHECK
 * @nl:		rtnetlink socket
 * @name:	its name
 * @where:	where @nl looks, for the message: "on the host"
 * @ret:	the interface
 * @e:		may hold earlier differences
 *
 * Return: 0; -ESTALE (cni_differs()) if it is missing; or another errno.
 */
int attachment_check_link(struct nl *nl, const char *name, const char *where, struct link *ret,
			  struct err *e);

#endif
