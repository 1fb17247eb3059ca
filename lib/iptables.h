/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iptables - chains of the "iptables" backends
 *
 * Some engines look for the chains and comments of the reference plugins
 * (`CNI-…`), or have only iptables.  They get them by the programs of the iptables
 * package, so that legacy and nft variants both work: one iptables-restore a
 * change, which is carried out whole or not at all, and one listing where
 * something has to be found again.  No shell is involved.
 *
 * A listing is the text of `iptables -S`: a line a chain or rule.
 *
 * Source: iptables(8), iptables-restore(8); pkg/utils of the reference plugins
 * for the names.
 */
#ifndef IPTABLES_H
#define IPTABLES_H

#include <stdbool.h>
#include <stdint.h>

struct err;

#define IPTABLES_CHAIN_SIZE   29  /* iptables allows 28 characters */
#define IPTABLES_COMMENT_SIZE 256 /* and 255 in a comment */

/**
 * iptables_chain_name() - the chain of an attachment
 * @ret:		"CNI-", @prefix and the hex SHA-512 of @network and
 *			@container_id joined, cut to 28 characters
 * @prefix:		"" for ipMasq, "DN-" for port mappings
 */
void iptables_chain_name(char ret[IPTABLES_CHAIN_SIZE], const char *prefix, const char *network,
			 const char *container_id);

/* `name: "NETWORK" id: "CONTAINER-ID"`, quoted for a restore script; cut if it is too long. */
void iptables_comment(char ret[2 * IPTABLES_COMMENT_SIZE], const char *network,
		      const char *container_id);

/**
 * iptables_restore() - carry out a script
 * @family:	AF_INET for iptables-restore, AF_INET6 for ip6tables-restore
 * @script:	as iptables-save writes it; chains that it declares are emptied
 *		first, others are left alone (--noflush)
 *
 * Return: 0; -ENOENT if the program is not installed; -EAGAIN with CNI_E_AGAIN
 * if another program kept the lock for 10 s; -EIO with what the program said.
 */
int iptables_restore(uint8_t family, const char *script, struct err *e);

/**
 * iptables_list() - all chains and rules of a table
 * @family:	AF_INET or AF_INET6
 * @table:	"nat", "filter"
 * @ret:	the listing, to be freed
 *
 * Return: as iptables_restore().
 */
int iptables_list(uint8_t family, const char *table, char **ret, struct err *e);

/* One line of a listing. */
struct iptables_line {
	bool is_rule;			  /* or the declaration of a chain of somebody's own */
	char chain[IPTABLES_CHAIN_SIZE];  /* that it is in, or declares */
	char target[IPTABLES_CHAIN_SIZE]; /* of a rule; "" for none */
	const char *text;		  /* the line, @len bytes, without its newline */
	int len;
};

/**
 * iptables_next() - walk a listing
 * @at:		where to read on; moved behind the line
 * @ret:	the line; policies and lines of no known form are passed over
 *
 * Return: true, or false at the end.
 */
bool iptables_next(const char **at, struct iptables_line *ret);

/**
 * iptables_comment_read() - what iptables_comment() wrote into a rule
 * @line:	a rule
 * @prefix:	what stands before it in the comment: "" for ipMasq, "dnat " for port mappings
 * @network:	filled in
 * @container_id: filled in
 *
 * Return: true, or false if the rule has no such comment.
 */
bool iptables_comment_read(const struct iptables_line *line, const char *prefix,
			   char network[IPTABLES_COMMENT_SIZE],
			   char container_id[IPTABLES_COMMENT_SIZE]);

/* Decides about a chain by its name. */
struct iptables_filter {
	bool (*match)(const char *chain, const void *data);
	const void *data;
};

/**
 * iptables_purge() - remove chains, and the rules elsewhere that lead to them
 * @family:	AF_INET or AF_INET6
 * @table:	"nat", "filter"
 * @listing:	from iptables_list()
 * @filter:	which chains
 *
 * Return: 0, also if there are none, in which case nothing is run; or as
 * iptables_restore().
 */
int iptables_purge(uint8_t family, const char *table, const char *listing,
		   struct iptables_filter filter, struct err *e);

#endif
