/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * publish-iptables - the "iptables" backend of publish.h
 *
 *	-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT		(OUTPUT too)
 *	-A CNI-HOSTPORT-DNAT -p tcp … --dports 8080 -j CNI-DN-0123…
 *	-A CNI-DN-0123… -s 10.1.0.0/24 -p tcp … --dport 8080 -j CNI-HOSTPORT-SETMARK
 *	-A CNI-DN-0123… -s 127.0.0.1/32 -p tcp … --dport 8080 -j CNI-HOSTPORT-SETMARK
 *	-A CNI-DN-0123… -p tcp … --dport 8080 -j DNAT --to-destination 10.1.0.5:80
 *	-A POSTROUTING … -j CNI-HOSTPORT-MASQ			(what has the mark)
 *
 * in table nat, as the reference has it: engines read the names, and the comment
 * `dnat name: "NETWORK" id: "CONTAINER-ID"` of the second rule.  A chain's name
 * has no interface name in its hash; a second attachment of a container to one
 * network gets a chain whose hash has.
 */
#ifndef PUBLISH_IPTABLES_H
#define PUBLISH_IPTABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct gc;
struct nl;
struct publish;

/* Words of iptables that the rule which leads to the container's chain gets, too. */
struct publish_words {
	const char **list;
	size_t n;
};

/* All borrowed. */
struct publish_iptables {
	const struct publish *p;
	const char *network;
	const char *ifname;		  /* in the container */
	uint8_t prefix_len4, prefix_len6; /* of the container's network */
	uint32_t mark_bit;		  /* for what is to be masqueraded */
	const char *set_mark_chain;	  /* somebody's who sees to that; NULL: ours */
	struct publish_words words4, words6;
};

/*
 * As publish_add() and so on; each reads the table and then, if there is
 * anything to change, runs one restore a family.  Errors are those of
 * iptables.h; DEL is content where iptables is not installed.
 */
int publish_iptables_add(const struct publish_iptables *t, struct err *e);
int publish_iptables_del(const struct publish_iptables *t, struct err *e);
int publish_iptables_check(const struct publish_iptables *t, struct err *e);
int publish_iptables_gc(const struct gc *gc, struct err *e);

/*
 * Whether nftables shows a chain of this attachment, which an ADD with another
 * config, or the reference's, made.  No program is run for that, so chains of
 * legacy iptables are not seen.
 */
bool publish_iptables_shows(struct nl *nft, const struct publish_iptables *t);

#endif
