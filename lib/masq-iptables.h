/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * masq-iptables - the "iptables" backend of masq.h
 *
 *	-A POSTROUTING -s 10.1.0.5/32 -j CNI-0123…	(an address of the container)
 *	-A CNI-0123… -d 10.1.0.0/24 -j ACCEPT		(its own network)
 *	-A CNI-0123… ! -d 224.0.0.0/4 -j MASQUERADE
 *
 * Each rule has the comment `name: "NETWORK" id: "CONTAINER-ID"`.  The chain has
 * no interface name in its hash, as in the reference, so two attachments of
 * one container to one network share it.
 */
#ifndef MASQ_IPTABLES_H
#define MASQ_IPTABLES_H

struct err;
struct gc;
struct masq;

int masq_iptables_add(const struct masq *m, struct err *e);
int masq_iptables_del(const struct masq *m, struct err *e);
int masq_iptables_check(const struct masq *m, struct err *e);
int masq_iptables_gc(const struct gc *gc, struct err *e);

#endif
