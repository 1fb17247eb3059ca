/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spoof - a container sends from its own MAC only (macspoofchk)
 *
 * A frame from a guarded bridge port with another source MAC is dropped as it
 * enters the bridge, before it can teach the bridge anything.
 */
#ifndef SPOOF_H
#define SPOOF_H

#include <stdint.h>

#include "lib/owner.h"

struct err;
struct gc;
struct nl;

/* An attachment; all borrowed. */
struct spoof {
	const struct owner *owner;
	const char *port;   /* its host-side interface */
	const uint8_t *mac; /* six bytes; DEL takes NULL for not known, and then has to search */
};

/**
 * spoof_add() - guard a port
 * @nl:		open NETLINK_NETFILTER socket of the host's namespace
 * @s:		the attachment; the port need not exist yet
 *
 * Return: 0; -EEXIST if another attachment guards the port; -EAGAIN with
 * CNI_E_AGAIN; or another errno.  On failure nothing was added.
 */
int spoof_add(struct nl *nl, const struct spoof *s, struct err *e);

/* Return: 0, also if the port was not guarded; or a negative errno. */
int spoof_del(struct nl *nl, const struct spoof *s, struct err *e);

/* Return: 0; -ESTALE with CNI_E_CHECK if the port is not guarded as spoof_add() would do it. */
int spoof_check(struct nl *nl, const struct spoof *s, struct err *e);

/* Remove what is garbage in @gc's network.  Return: 0 or a negative errno. */
int spoof_gc(struct nl *nl, const struct gc *gc, struct err *e);

#endif
