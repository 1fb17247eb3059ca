/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filter - which networks `ls` and `prune` mean
 *
 *	ls	dangling driver id label name scope type
 *	prune	label label! until
 *
 * A network is meant if every key matches; of several values of one key one is
 * enough, but for label, of which all must be there.  Values of id and name are
 * the whole, or a regular expression that is found anywhere.  Pure.
 *
 * Source: Docker's `network ls` and `network prune`, their documentation and what they answer.
 */
#ifndef FILTER_H
#define FILTER_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct network;

struct filter {
	char *key, *value;
};

struct filters {
	struct filter *v;
	size_t n;
};

/**
 * filters_add() - take in what stands behind --filter
 * @text:	"key=value"
 *
 * Return: 0; -EINVAL "bad format of filter"; -ENOMEM.
 */
int filters_add(struct filters *f, const char *text, struct err *e);
void filters_clear(struct filters *f);

/* Whether keys and values are such as `ls` (`prune`) knows.  Return: 0, or -EINVAL. */
int filters_check_ls(const struct filters *f, struct err *e);
int filters_check_prune(const struct filters *f, struct err *e);

/* Whether filters_match() asks if a network is in use. */
bool filters_need_use(const struct filters *f);

/**
 * filters_match() - whether a network is meant
 * @f:		checked
 * @in_use:	whether something is attached to it that is not gone, if filters_need_use()
 */
bool filters_match(const struct filters *f, const struct network *net, bool in_use);

#endif
