/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lo - the loopback interface of a container
 *
 * @inside is an rtnetlink socket opened in the container's namespace.
 */
#ifndef LO_H
#define LO_H

#include <stdbool.h>

struct cni_result;
struct err;
struct nl;

/* Bring lo up or down.  Return: 0, or -ENODEV in a namespace without one. */
int lo_set(struct nl *inside, bool up, struct err *e);

/**
 * lo_report() - lo as a CNI result: the interface and the addresses it has
 * @netns:	how the runtime names the namespace
 */
int lo_report(struct nl *inside, const char *netns, struct cni_result *res, struct err *e);

/* Return: 0, or -ESTALE (cni_differs()) if lo is down. */
int lo_check(struct nl *inside, struct err *e);

#endif
