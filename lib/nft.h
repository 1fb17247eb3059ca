/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nft - nftables objects as netlink messages, and transactions of them
 *
 *	nft_begin(&b, nl, genid);
 *	nft_add_table(&b, &table, "comment");
 *	nft_add_rule(&b, &chain, "why", NFT_IPV4, nft_ip_saddr(0), nft_in(&set, 0), nft_return());
 *	nft_add_elem(&b, &set, &key, NULL, "owner");
 *	r = nft_commit(&b, e);
 *
 * A batch is carried out whole or not at all.  A failed one is dear: the kernel
 * waits for an RCU grace period (9 to 21 ms) with all other writers shut out,
 * so callers look first and send what will succeed.  The generation makes that
 * safe: read it, look, and send the batch with it; if anybody changed anything
 * in between, the kernel refuses at once and for free (-ERESTART), and the
 * caller looks again.
 *
 * Elements are the hot path and are written and read with libmnl, without
 * allocation; rules are rare and go through libnftnl (nft-expr.h).  Type numbers
 * and comments follow nft's own conventions, so `nft list ruleset` reads well
 * and what it saves can be loaded again.
 *
 * Source: linux/netfilter/nf_tables.h and nfnetlink.h; nft(8); nft's datatype.h
 * for the type numbers.
 */
#ifndef NFT_H
#define NFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct ip_addr;
struct nftnl_expr;
struct nl;
struct nlattr;
struct nlmsghdr;

#define NFT_FIELDS	 4   /* in a concatenation, at most */
#define NFT_VALUE_SIZE	 96  /* bytes of a key, of both its ends, or of its data, at most */
#define NFT_COMMENT_SIZE 129 /* nft shows at most 128 characters */
#define NFT_KEY_STRLEN	 224 /* any key as text */

/* Types of fields; the numbers are nft's. */
enum nft_type {
	NFT_TYPE_NONE = 0,
	NFT_TYPE_RAW_MAC = 4 | 0x100, /* bytes that nft has no name for are "integer" to it */
	NFT_TYPE_RAW_IPV6 = 4 | 0x200,
	NFT_TYPE_RAW_VNI = 4 | 0x300, /* of VXLAN, 24 bits */
	NFT_TYPE_VERDICT = 1,	      /* of a map's data: jump to the chain of this name … */
	NFT_TYPE_GOTO = 1 | 0x100,    /* … or go there for good */
	NFT_TYPE_IPV4 = 7,
	NFT_TYPE_IPV6 = 8,
	NFT_TYPE_MAC = 9,
	NFT_TYPE_PROTO = 12,
	NFT_TYPE_PORT = 13,
	NFT_TYPE_GROUP = 35,
	NFT_TYPE_IFNAME = 41,
};

struct nft_table {
	uint8_t family; /* NFPROTO_INET, NFPROTO_BRIDGE */
	const char *name;
};

/*
 * A set, or a map if it has data.  Several fields are a concatenation.
 *
 * The key of a set of ranges is a box: the lowest value of each field, and behind
 * all of them the highest of each.  Such a set is a concatenation, and the kernel
 * refuses boxes that overlap.
 */
struct nft_set {
	const struct nft_table *table;
	const char *name;
	const char *comment;
	enum nft_type key[NFT_FIELDS];
	enum nft_type data[NFT_FIELDS];
	bool ranges;
	/*
	 * What nft needs to read a key of two fields, the second raw: that many bits at th+offset.
	 * The first is the incoming interface, the source address or the destination port.
	 */
	uint8_t raw_offset, raw_bits;
};

/* A base chain, whose policy is accept, or one that others jump to. */
struct nft_chain {
	const struct nft_table *table;
	const char *name;
	const char *type; /* "nat", "filter"; NULL: no base chain */
	uint32_t hook;	  /* NF_INET_POST_ROUTING and so on */
	int32_t priority;
};

/* A key or its data, field by field, each padded to four bytes. */
struct nft_value {
	uint8_t b[NFT_VALUE_SIZE];
	uint8_t len; /* 0: none */
};

/* Each appends one field, in the order of the set's types. */
void nft_value_ip(struct nft_value *v, const struct ip_addr *ip);
void nft_value_ifname(struct nft_value *v, const char *ifname);
void nft_value_mac(struct nft_value *v, const uint8_t mac[6]);
void nft_value_proto(struct nft_value *v, uint8_t proto);
void nft_value_port(struct nft_value *v, uint16_t port);
void nft_value_group(struct nft_value *v, uint32_t group); /* of interfaces, as `ip link` has it */
void nft_value_vni(struct nft_value *v, uint32_t vni);

bool nft_value_equal(const struct nft_value *a, const struct nft_value *b);

/**
 * nft_key_str() - a key as nft writes it: "10.1.0.5 . cni0"
 * @set:	whose key it is
 * @key:	the key
 * @buf:	room for it
 *
 * Return: @buf.
 */
const char *nft_key_str(const struct nft_set *set, const struct nft_value *key,
			char buf[NFT_KEY_STRLEN]);

/* "inet", "bridge" and so on. */
const char *nft_family_name(uint8_t family);

/* ---- transactions ---------------------------------------------------------- */

struct nft_batch {
	struct nl *nl;
	struct nlmsghdr *open;	   /* element message that still takes elements, or NULL */
	struct nlattr *list;	   /* its list */
	const struct nft_set *set; /* whose elements */
	uint16_t type;		   /* NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM */
	size_t n;		   /* messages */
	bool oom;
};

/**
 * nft_begin() - start a batch in @nl's queue, which is empty
 * @b:		filled in
 * @nl:		open NETLINK_NETFILTER socket, borrowed until nft_commit()
 * @genid:	from nft_get_genid(), 0: whatever the generation is now
 */
void nft_begin(struct nft_batch *b, struct nl *nl, uint32_t genid);

/**
 * nft_commit() - send the batch in one sendmsg and wait for the outcome
 * @b:		batch; it is over afterwards
 *
 * Return: 0, also for an empty batch; -ERESTART if the generation has moved on;
 * -ENOMEM; or the first error of a message, with its sentence.  On failure
 * nothing was changed.
 */
int nft_commit(struct nft_batch *b, struct err *e);

/* What to say when too many tries ended with -ERESTART or -EINTR.  Return: -EAGAIN, CNI_E_AGAIN. */
int nft_still_busy(struct err *e);

/* These two are content if the object is there already, as long as it is the same. */
void nft_add_table(struct nft_batch *b, const struct nft_table *table, const char *comment);
void nft_add_set(struct nft_batch *b, const struct nft_set *set);

/* An existing chain of that name is -EEXIST. */
void nft_add_chain(struct nft_batch *b, const struct nft_chain *chain, const char *comment);

/* Deletes the rules of a chain that stays. */
void nft_flush_chain(struct nft_batch *b, const struct nft_chain *chain);

/* Nothing may refer to it any more when the batch is done; its elements go with it. */
void nft_del_set(struct nft_batch *b, const struct nft_set *set);

/* The same, but one that is there stays as it is, with its rules. */
void nft_keep_chain(struct nft_batch *b, const struct nft_chain *chain, const char *comment);

/* Deletes a chain and its rules; a new one of that name may follow in the same batch. */
void nft_del_chain(struct nft_batch *b, const struct nft_chain *chain);

/**
 * nft_add_rule() - append a rule to a chain
 * @b:		batch
 * @chain:	the chain
 * @comment:	what nft shows behind the rule, at most 128 characters
 * @...:	expressions, see nft-expr.h; each is freed here, a NULL one (out
 *		of memory) fails the batch
 */
#define nft_add_rule(b, chain, comment, ...)                                                       \
	nft_add_rule_exprs((b), (chain), (comment), (struct nftnl_expr *[]){ __VA_ARGS__ },        \
			   sizeof((struct nftnl_expr *[]){ __VA_ARGS__ }) /                        \
				   sizeof(struct nftnl_expr *))
void nft_add_rule_exprs(struct nft_batch *b, const struct nft_chain *chain, const char *comment,
			struct nftnl_expr *const exprs[], size_t n);

/**
 * nft_add_elem() - add an element
 * @b:		batch
 * @set:	the set or map
 * @key:	its key
 * @data:	what the map gives for it, NULL for a set
 * @comment:	its owner's tag, at most 128 characters
 *
 * A key that is taken fails the batch with -EEXIST, even for the same comment:
 * without NLM_F_EXCL the kernel would quietly keep the other's element.
 */
void nft_add_elem(struct nft_batch *b, const struct nft_set *set, const struct nft_value *key,
		  const struct nft_value *data, const char *comment);

/* The kernel looks at the key alone: whose the element is, the caller has checked. */
void nft_del_elem(struct nft_batch *b, const struct nft_set *set, const struct nft_value *key);

/* ---- questions ------------------------------------------------------------- */

/**
 * nft_get_genid() - the generation of this namespace's ruleset
 * @nl:		socket with an empty queue
 * @ret:	the generation, never 0
 *
 * Return: 0, -EOPNOTSUPP if the kernel has no nf_tables, or another errno.
 */
int nft_get_genid(struct nl *nl, uint32_t *ret, struct err *e);

/* What the kernel says of a chain. */
struct nft_chain_state {
	char comment[NFT_COMMENT_SIZE]; /* "" if it has none */
	uint32_t n_rules;		/* and jumps to it */
	uint32_t policy;		/* NF_ACCEPT or NF_DROP, of a base chain */
};

/* Return: 1, 0 if there is no such chain or table, or a negative errno. */
int nft_get_chain(struct nl *nl, const struct nft_chain *chain, struct nft_chain_state *ret,
		  struct err *e);

/**
 * nft_each_chain() - all chains of a table
 * @cb:		called with the name and what the kernel says; a negative errno ends it
 *
 * Return: 0, also without a table; @cb's, or another errno.
 */
int nft_each_chain(struct nl *nl, const struct nft_table *table,
		   int (*cb)(const char *name, const struct nft_chain_state *state, void *data),
		   void *data, struct err *e);

/* How many rules a chain has.  Return: 0 or more, also 0 without the chain; or a negative errno. */
int nft_count_rules(struct nl *nl, const struct nft_chain *chain, struct err *e);

/* Packets that the counters of a chain's rules have seen, 0 without the chain.  Return: 0 or an
 * errno.
 */
int nft_count_packets(struct nl *nl, const struct nft_chain *chain, uint64_t *ret, struct err *e);

struct nft_elem {
	struct nft_value key;
	struct nft_value data;		/* of a map */
	char comment[NFT_COMMENT_SIZE]; /* "" if it has none */
};

/* Return: 1, 0 if there is no such element, set or table, or a negative errno. */
int nft_get_elem(struct nl *nl, const struct nft_set *set, const struct nft_value *key,
		 struct nft_elem *ret, struct err *e);

/**
 * nft_dump_elems() - all elements of a set
 * @nl:		socket with an empty queue
 * @set:	the set; without it, or its table, there are no elements
 * @cb:		called for each; a negative errno ends the dump with it
 * @data:	for @cb
 *
 * Return: 0; -EINTR if the ruleset was changed meanwhile, so that elements may
 * have been missed or seen twice: start afresh; or another errno.
 */
int nft_dump_elems(struct nl *nl, const struct nft_set *set,
		   int (*cb)(const struct nft_elem *elem, void *data), void *data, struct err *e);

/* Whether an element message was read, for tests: calls @cb as nft_dump_elems() does. */
int nft_read_elems(const struct nlmsghdr *nlh, int (*cb)(const struct nft_elem *elem, void *data),
		   void *data);

#endif
