/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * admit-iptables - the "iptables" backend of admit.h
 *
 *	-A FORWARD -j CNI-FORWARD
 *	-A CNI-FORWARD -j CNI-ADMIN				(the operator's)
 *	-A CNI-FORWARD -d 10.1.0.5/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
 *	-A CNI-FORWARD -s 10.1.0.5/32 -j ACCEPT
 *
 * and for a network that is shut, in front of them:
 *
 *	-A FORWARD -j CNI-ISOLATION-STAGE-1
 *	-A CNI-ISOLATION-STAGE-1 -i cni0 ! -o cni0 -j CNI-ISOLATION-STAGE-2
 *	-A CNI-ISOLATION-STAGE-1 -i cni0 -o cni0 -j DROP	(isolated)
 *	-A CNI-ISOLATION-STAGE-2 -o cni0 -j DROP
 *
 * The chains are the reference's, and so are the rules but for the comment
 * `name: "NETWORK" id: "CONTAINER-ID"` at each address.  As there, a bridge that
 * was shut stays so.  isolated needs br_netfilter.
 */
#ifndef ADMIT_IPTABLES_H
#define ADMIT_IPTABLES_H

#include <stdbool.h>

struct admit;
struct err;
struct gc;
struct nl;

/*
 * Whether there are such chains, as far as nftables shows them: those of the legacy
 * variant it does not.  By netlink, which costs microseconds.
 */
bool admit_iptables_in_use(struct nl *nl);

int admit_iptables_add(const struct admit *a, struct err *e);
int admit_iptables_del(const struct admit *a, struct err *e);
int admit_iptables_check(const struct admit *a, struct err *e);
int admit_iptables_gc(const struct gc *gc, struct err *e);

#endif
