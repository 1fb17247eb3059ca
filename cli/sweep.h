/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sweep - remove what attachments that are gone left behind, without their plugins
 *
 * For networks whose config nobody has any more, and for what a plugin's DEL has
 * not found: leases, elements of our nftables tables, queues, backups of tuning.
 */
#ifndef SWEEP_H
#define SWEEP_H

struct census;
struct err;

/**
 * sweep_network() - all that is in the census as gone
 * @c:		the census; its live and unsure attachments keep what they have
 * @network:	name
 *
 * A lease that was made after the census was taken stays.  Goes on past
 * failures, and reports the first.
 *
 * Return: 0; -EBUSY if an attachment lives whose name is not known, so that it
 * cannot be spared by name, and nothing was done; or a negative errno.
 */
int sweep_network(const struct census *c, const char *network, struct err *e);

#endif
