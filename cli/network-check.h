/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-check - what a network to be created must not be
 *
 * Each check says what is wrong in Docker's words, where Docker has the same
 * rule.  What is wrong with subnets is said of all of them at once.  Pure.
 */
#ifndef NETWORK_CHECK_H
#define NETWORK_CHECK_H

struct err;
struct network;
struct store;

/* The drivers that there are, and why not the others that Docker has. */
int network_check_driver(const char *driver, struct err *e);

/* What the driver can serve: families, subnets, options, scope. */
int network_check_driver_config(const struct network *net, struct err *e);

/* Whether @net->name is free.  Return: 0; -EEXIST. */
int network_check_free(const struct network *net, const struct store *s, struct err *e);

/* Whether any of its subnets, or its bridge, is another network's.  Return: 0; -EEXIST. */
int network_check_overlap(const struct network *net, const struct store *s, struct err *e);

#endif
