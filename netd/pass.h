/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pass - other tools' chains let through what we have marked, without the loop's waiting
 *
 * Whether their rule is missing is seen by netlink in microseconds.  It is inserted by
 * a program (lib/coexist.h), which may wait for locks of other programs for many
 * seconds: a child runs it, and its words come back by a pipe.
 */
#ifndef NETD_PASS_H
#define NETD_PASS_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct nl;

struct pass {
	struct ev_loop *loop;
	struct nl *nl;	    /* nftables; borrowed */
	uint64_t *failures; /* borrowed; NULL: nobody counts */
	ev_io io;	    /* what the child says; active: there is one */
	bool again;	    /* asked for meanwhile */
	char said[512];
	size_t len;
};

void pass_init(struct pass *p, struct ev_loop *loop, struct nl *nl, uint64_t *failures);

/* Nobody waits for the child any more. */
void pass_stop(struct pass *p);

/* Look, and begin to insert what is missing.  Failures are logged: not all hosts drop. */
void pass_ask(struct pass *p);

/* Return: 0; -EAGAIN with a text: what was missing is still being inserted. */
int pass_is_done(const struct pass *p, struct err *e);

#endif
