/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rule - policy routing: which table a packet's route is looked up in
 *
 * rule_put_*() queue a request on @nl, nl_commit() carries it out.
 *
 * Source: ip-rule(8); linux/fib_rules.h; net/core/fib_rules.c of the kernel.
 */
#ifndef RULE_H
#define RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/ip.h"

struct err;
struct nl;

/*
 * The mark of rules and routes that are ours: free in iproute2's rt_protos, and
 * shown by `ip rule` as "proto 104".
 */
#define RULE_PROTOCOL 104

struct rule {
	struct ip_net src; /* 0.0.0.0/0 or ::/0: any */
	uint32_t table;
	uint32_t priority; /* 0: the kernel's choice, before the ones that are there but local's */
	uint8_t protocol;  /* RULE_PROTOCOL, RTPROT_* */
	bool plain;	   /* of a live one: looks at nothing but @src, and leads to @table */
};

/* nl_commit() says -EEXIST if this very rule is there. */
void rule_put_add(struct nl *nl, const struct rule *rule);
void rule_put_del(struct nl *nl, const struct rule *rule); /* -ENOENT: it is not there */

/**
 * rule_each() - the rules of a namespace, of both families
 * @fn:		called for each; a negative errno ends the walk and is returned
 * @data:	for @fn
 */
int rule_each(struct nl *nl, int (*fn)(const struct rule *rule, void *data), void *data,
	      struct err *e);

#endif
