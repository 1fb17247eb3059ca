/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft - see nft.h. */
#include "lib/nft.h"

#include <arpa/inet.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/ip.h"
#include "lib/nl.h"

#define MSG(type) (NFNL_SUBSYS_NFTABLES << 8 | (type))
#define TYPE_BITS 6 /* a concatenation's type is its fields' types, 6 bits each */
#define TYPE_MASK ((1u << TYPE_BITS) - 1)
#define ELEM_ROOM 512 /* one element with its key, data, comment and attribute headers */
#define UDATA_HEADER                                                                               \
	2 /* nft's user data are type, length and value, a byte each for the first two */

/* Source: enum byteorder in nft's datatype.h. */
#define BYTEORDER_HOST_ENDIAN 1

/* ---- values ---------------------------------------------------------------- */

static uint32_t type_size(enum nft_type type)
{
	switch (type) {
	case NFT_TYPE_NONE:
		return 0;
	case NFT_TYPE_IPV4:
		return 4;
	case NFT_TYPE_IPV6:
	case NFT_TYPE_RAW_IPV6:
		return 16;
	case NFT_TYPE_MAC:
	case NFT_TYPE_RAW_MAC:
		return 6;
	case NFT_TYPE_PROTO:
		return 1;
	case NFT_TYPE_PORT:
		return 2;
	case NFT_TYPE_RAW_VNI:
		return 3;
	case NFT_TYPE_GROUP:
		return sizeof(uint32_t);
	case NFT_TYPE_IFNAME:
	case NFT_TYPE_VERDICT:
	case NFT_TYPE_GOTO:
		return IFNAMSIZ;
	}

	return 0;
}

static uint32_t padded(uint32_t len)
{
	return (len + 3) & ~3u;
}

/* Bytes of a key: a lone field is not padded, those of a concatenation are. */
static uint32_t fields_size(const enum nft_type types[NFT_FIELDS])
{
	uint32_t size = 0;

	if (types[1] == NFT_TYPE_NONE)
		return type_size(types[0]);
	for (int i = 0; i < NFT_FIELDS; i++)
		size += padded(type_size(types[i]));

	return size;
}

static uint32_t fields_type(const enum nft_type types[NFT_FIELDS])
{
	uint32_t type = 0;

	for (int i = 0; i < NFT_FIELDS && types[i] != NFT_TYPE_NONE; i++)
		type = type << TYPE_BITS | (types[i] & TYPE_MASK);

	return type;
}

static bool has_verdicts(const struct nft_set *set)
{
	return set->data[0] == NFT_TYPE_VERDICT || set->data[0] == NFT_TYPE_GOTO;
}

static uint32_t data_type(const struct nft_set *set)
{
	return has_verdicts(set) ? NFT_DATA_VERDICT : fields_type(set->data);
}

static void append(struct nft_value *v, const void *field, uint32_t len)
{
	uint32_t room = padded(len);

	if (v->len + room > sizeof(v->b))
		return;
	memset(v->b + v->len, 0, room);
	memcpy(v->b + v->len, field, len);
	v->len = (uint8_t)(v->len + room);
}

void nft_value_ip(struct nft_value *v, const struct ip_addr *ip)
{
	append(v, ip->b, (uint32_t)ip_size(ip->family));
}

void nft_value_ifname(struct nft_value *v, const char *ifname)
{
	char name[IFNAMSIZ] = "";

	snprintf(name, sizeof(name), "%s", ifname);
	append(v, name, sizeof(name));
}

void nft_value_mac(struct nft_value *v, const uint8_t mac[6])
{
	append(v, mac, 6);
}

void nft_value_proto(struct nft_value *v, uint8_t proto)
{
	append(v, &proto, sizeof(proto));
}

void nft_value_port(struct nft_value *v, uint16_t port)
{
	uint16_t net = htons(port);

	append(v, &net, sizeof(net));
}

/* The kernel compares it with its own number, in host order. */
void nft_value_group(struct nft_value *v, uint32_t group)
{
	append(v, &group, sizeof(group));
}

void nft_value_vni(struct nft_value *v, uint32_t vni)
{
	const uint8_t net[] = { (uint8_t)(vni >> 16), (uint8_t)(vni >> 8), (uint8_t)vni };

	append(v, net, sizeof(net));
}

bool nft_value_equal(const struct nft_value *a, const struct nft_value *b)
{
	return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

static void proto_str(char *buf, size_t size, uint8_t proto)
{
	if (proto == IPPROTO_TCP)
		snprintf(buf, size, "tcp");
	else if (proto == IPPROTO_UDP)
		snprintf(buf, size, "udp");
	else if (proto == IPPROTO_SCTP)
		snprintf(buf, size, "sctp");
	else
		snprintf(buf, size, "%u", proto);
}

static void field_str(enum nft_type type, const uint8_t *b, char *buf, size_t size)
{
	struct ip_addr ip = { 0 };
	char text[IP_STRLEN];
	uint32_t group;

	switch (type) {
	case NFT_TYPE_IPV4:
	case NFT_TYPE_IPV6:
	case NFT_TYPE_RAW_IPV6:
		ip.family = type == NFT_TYPE_IPV4 ? AF_INET : AF_INET6;
		memcpy(ip.b, b, ip_size(ip.family));
		snprintf(buf, size, "%s", ip_str(&ip, text));
		break;
	case NFT_TYPE_MAC:
	case NFT_TYPE_RAW_MAC:
		snprintf(buf, size, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
			 b[5]);
		break;
	case NFT_TYPE_PROTO:
		proto_str(buf, size, b[0]);
		break;
	case NFT_TYPE_PORT:
		snprintf(buf, size, "%u", (unsigned int)b[0] << 8 | b[1]);
		break;
	case NFT_TYPE_RAW_VNI:
		snprintf(buf, size, "%u", (unsigned int)b[0] << 16 | b[1] << 8 | b[2]);
		break;
	case NFT_TYPE_GROUP:
		memcpy(&group, b, sizeof(group));
		snprintf(buf, size, "%u", group);
		break;
	case NFT_TYPE_IFNAME:
	case NFT_TYPE_VERDICT:
	case NFT_TYPE_GOTO:
		snprintf(buf, size, "%.*s", IFNAMSIZ, (const char *)b);
		break;
	case NFT_TYPE_NONE:
		break;
	}
}

/* Appends one field, and where it ends if that is somewhere else. */
static size_t append_field(enum nft_type type, const uint8_t *from, const uint8_t *to, char *buf,
			   size_t used)
{
	field_str(type, from, buf + used, NFT_KEY_STRLEN - used);
	used += strlen(buf + used);
	if (memcmp(from, to, type_size(type)) == 0)
		return used;
	used += (size_t)snprintf(buf + used, NFT_KEY_STRLEN - used, "-");
	field_str(type, to, buf + used, NFT_KEY_STRLEN - used);

	return used + strlen(buf + used);
}

const char *nft_key_str(const struct nft_set *set, const struct nft_value *key,
			char buf[NFT_KEY_STRLEN])
{
	uint32_t at = 0, end = set->ranges ? fields_size(set->key) : 0;
	size_t used = 0;

	buf[0] = '\0';
	for (int i = 0; i < NFT_FIELDS && set->key[i] != NFT_TYPE_NONE; i++) {
		if (at + end + type_size(set->key[i]) > key->len)
			break;
		if (i > 0)
			used += (size_t)snprintf(buf + used, NFT_KEY_STRLEN - used, " . ");
		used = append_field(set->key[i], key->b + at, key->b + end + at, buf, used);
		at += padded(type_size(set->key[i]));
	}

	return buf;
}

const char *nft_family_name(uint8_t family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_BRIDGE:
		return "bridge";
	default:
		return "unknown family";
	}
}

/* ---- comments -------------------------------------------------------------- */

/*
 * A comment as nft keeps it in user data, cut to what nft shows.
 * @buf: room for UDATA_HEADER + NFT_COMMENT_SIZE.  Return: bytes written.
 */
static uint32_t udata_write(uint8_t *buf, uint8_t type, const char *comment)
{
	size_t len = strnlen(comment, NFT_COMMENT_SIZE - 1);

	buf[0] = type;
	buf[1] = (uint8_t)(len + 1);
	memcpy(buf + UDATA_HEADER, comment, len);
	buf[UDATA_HEADER + len] = '\0';

	return (uint32_t)(UDATA_HEADER + len + 1);
}

static void put_comment(struct nlmsghdr *nlh, uint16_t attr, uint8_t type, const char *comment)
{
	uint8_t buf[UDATA_HEADER + NFT_COMMENT_SIZE];

	if (comment)
		mnl_attr_put(nlh, attr, udata_write(buf, type, comment), buf);
}

/* The comment among user data that anybody may have written; "" if there is none. */
static void udata_read(const struct nlattr *attr, uint8_t type, char ret[NFT_COMMENT_SIZE])
{
	const uint8_t *at = mnl_attr_get_payload(attr);
	size_t left = mnl_attr_get_payload_len(attr);

	ret[0] = '\0';
	while (left >= UDATA_HEADER && left - UDATA_HEADER >= at[1]) {
		size_t len = at[1];

		if (at[0] == type) {
			if (len > NFT_COMMENT_SIZE - 1)
				len = NFT_COMMENT_SIZE - 1;
			memcpy(ret, at + UDATA_HEADER, len);
			ret[len] = '\0';
			return;
		}
		at += UDATA_HEADER + len;
		left -= UDATA_HEADER + len;
	}
}

/* ---- transactions ---------------------------------------------------------- */

static void put_family(struct nlmsghdr *nlh, uint8_t family, uint16_t resource)
{
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(resource);
}

void nft_begin(struct nft_batch *b, struct nl *nl, uint32_t genid)
{
	struct nlmsghdr *nlh = nl_put_raw(nl, NFNL_MSG_BATCH_BEGIN, 0);

	*b = (struct nft_batch){ .nl = nl };
	put_family(nlh, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	if (genid)
		mnl_attr_put_u32(nlh, NFNL_BATCH_GENID, htonl(genid));
}

static void close_elems(struct nft_batch *b)
{
	if (b->open)
		mnl_attr_nest_end(b->open, b->list);
	b->open = NULL;
}

int nft_commit(struct nft_batch *b, struct err *e)
{
	close_elems(b);
	if (b->oom || b->n == 0) {
		nl_discard(b->nl);
		return b->oom ? err_sys(e, ENOMEM, "build an nftables batch") : 0;
	}
	put_family(nl_put_raw(b->nl, NFNL_MSG_BATCH_END, 0), AF_UNSPEC, NFNL_SUBSYS_NFTABLES);

	return nl_commit(b->nl, e);
}

int nft_still_busy(struct err *e)
{
	return err_cni(e, CNI_E_AGAIN,
		       "other programs change nftables faster than it can be read: try again");
}

/* A message about @name in @table, or the table itself; @what begins its sentence. */
static struct nlmsghdr *put_object(struct nft_batch *b, uint16_t type, uint16_t flags,
				   const struct nft_table *table, const char *what,
				   const char *name)
{
	struct nlmsghdr *nlh;

	close_elems(b);
	b->n++;
	nlh = nl_put(b->nl, MSG(type), flags, "%s %s%snftables table %s %s", what, name,
		     *name ? " of " : "", nft_family_name(table->family), table->name);
	put_family(nlh, table->family, 0);

	return nlh;
}

void nft_add_table(struct nft_batch *b, const struct nft_table *table, const char *comment)
{
	struct nlmsghdr *nlh = put_object(b, NFT_MSG_NEWTABLE, NLM_F_CREATE, table, "add", "");

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table->name);
	mnl_attr_put_u32(nlh, NFTA_TABLE_FLAGS, 0);
	put_comment(nlh, NFTA_TABLE_USERDATA, NFTNL_UDATA_TABLE_COMMENT, comment);
}

/*
 * nft has to be told that interface names are in the host's byte order, or it
 * shows a lone one as "".  In a concatenation it knows by itself.
 */
static uint32_t byteorder_write(uint8_t *buf, uint8_t type, const enum nft_type types[NFT_FIELDS])
{
	uint32_t order = BYTEORDER_HOST_ENDIAN;

	if (types[0] != NFT_TYPE_IFNAME || types[1] != NFT_TYPE_NONE)
		return 0;
	buf[0] = type;
	buf[1] = sizeof(order);
	memcpy(buf + UDATA_HEADER, &order, sizeof(order));

	return UDATA_HEADER + sizeof(order);
}

static uint32_t word_write(uint8_t *buf, uint8_t type, uint32_t value)
{
	buf[0] = type;
	buf[1] = sizeof(value);
	memcpy(buf + UDATA_HEADER, &value, sizeof(value));

	return UDATA_HEADER + sizeof(value);
}

/* Closes what is written behind a header at @buf.  Return: its length with the header. */
static uint32_t nest_write(uint8_t *buf, uint8_t type, uint32_t len)
{
	buf[0] = type;
	buf[1] = (uint8_t)len;

	return UDATA_HEADER + len;
}

/* What nft calls expressions and their parts.  Source: nft's expr_types, proto_desc and udata. */
enum { NFT_EXPR_PAYLOAD = 7, NFT_EXPR_META = 9, NFT_EXPR_CONCAT = 13, NFT_BASE_TRANSPORT = 3 };

/*
 * One expression of a typeof: 0 is which, 1 what it says of itself, as numbered words.
 * Return: its length.
 */
static uint32_t expr_write(uint8_t *buf, uint8_t type, uint32_t expr, const uint32_t *words,
			   size_t n)
{
	uint8_t *at = buf + UDATA_HEADER;
	uint32_t len = 0;

	at += word_write(at, 0, expr);
	for (size_t i = 0; i < n; i++)
		len += word_write(at + UDATA_HEADER + len, (uint8_t)i, words[i]);
	at += nest_write(at, 1, len);

	return nest_write(buf, type, (uint32_t)(at - buf - UDATA_HEADER));
}

/* `iifname`, `ip saddr`, `ip6 saddr` or `udp dport`. */
static uint32_t first_write(uint8_t *buf, enum nft_type type)
{
	static const uint32_t iifname[] = { NFT_META_IIFNAME };
	/* A protocol, and a field of its header. */
	static const uint32_t ip_saddr[] = { 12, 11 }, ip6_saddr[] = { 13, 8 },
			      udp_dport[] = { 6, 2 };

	switch (type) {
	case NFT_TYPE_IPV4:
		return expr_write(buf, 0, NFT_EXPR_PAYLOAD, ip_saddr, ARRAY_SIZE(ip_saddr));
	case NFT_TYPE_IPV6:
		return expr_write(buf, 0, NFT_EXPR_PAYLOAD, ip6_saddr, ARRAY_SIZE(ip6_saddr));
	case NFT_TYPE_PORT:
		return expr_write(buf, 0, NFT_EXPR_PAYLOAD, udp_dport, ARRAY_SIZE(udp_dport));
	default:
		return expr_write(buf, 0, NFT_EXPR_META, iifname, ARRAY_SIZE(iifname));
	}
}

/*
 * `typeof iifname . @th,OFFSET,BITS` or the like, without which nft could not load
 * what it has listed.
 */
static uint32_t typeof_write(uint8_t *buf, const struct nft_set *set)
{
	const uint32_t raw[] = { 0, 0, NFT_BASE_TRANSPORT, set->raw_offset, set->raw_bits };
	uint8_t *at = buf + UDATA_HEADER, *parts;
	uint32_t len;

	if (!set->raw_bits)
		return 0;
	at += word_write(at, 0, NFT_EXPR_CONCAT);
	parts = at + UDATA_HEADER;
	len = first_write(parts, set->key[0]);
	len += expr_write(parts + len, 1, NFT_EXPR_PAYLOAD, raw, ARRAY_SIZE(raw));
	at += nest_write(at, 1, len);

	return nest_write(buf, NFTNL_UDATA_SET_KEY_TYPEOF, (uint32_t)(at - buf - UDATA_HEADER));
}

static void put_set_udata(struct nlmsghdr *nlh, const struct nft_set *set)
{
	uint8_t buf[256];
	uint32_t len = byteorder_write(buf, NFTNL_UDATA_SET_KEYBYTEORDER, set->key);

	len += byteorder_write(buf + len, NFTNL_UDATA_SET_DATABYTEORDER, set->data);
	len += typeof_write(buf + len, set);
	if (set->comment)
		len += udata_write(buf + len, NFTNL_UDATA_SET_COMMENT, set->comment);
	if (len > 0)
		mnl_attr_put(nlh, NFTA_SET_USERDATA, len, buf);
}

/* The length of each field: without it the kernel takes the key for a single value. */
static void put_ranges(struct nlmsghdr *nlh, const struct nft_set *set)
{
	struct nlattr *desc = mnl_attr_nest_start(nlh, NFTA_SET_DESC);
	struct nlattr *fields = mnl_attr_nest_start(nlh, NFTA_SET_DESC_CONCAT);

	for (int i = 0; i < NFT_FIELDS && set->key[i] != NFT_TYPE_NONE; i++) {
		struct nlattr *field = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);

		mnl_attr_put_u32(nlh, NFTA_SET_FIELD_LEN, htonl(type_size(set->key[i])));
		mnl_attr_nest_end(nlh, field);
	}
	mnl_attr_nest_end(nlh, fields);
	mnl_attr_nest_end(nlh, desc);
}

void nft_add_set(struct nft_batch *b, const struct nft_set *set)
{
	bool is_map = set->data[0] != NFT_TYPE_NONE;
	uint32_t flags = (is_map ? NFT_SET_MAP : 0) |
			 (set->ranges ? NFT_SET_INTERVAL | NFT_SET_CONCAT : 0);
	struct nlmsghdr *nlh =
		put_object(b, NFT_MSG_NEWSET, NLM_F_CREATE, set->table, "add set", set->name);

	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, set->table->name);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, set->name);
	mnl_attr_put_u32(nlh, NFTA_SET_ID, htonl((uint32_t)b->n));
	mnl_attr_put_u32(nlh, NFTA_SET_FLAGS, htonl(flags));
	mnl_attr_put_u32(nlh, NFTA_SET_KEY_TYPE, htonl(fields_type(set->key)));
	mnl_attr_put_u32(nlh, NFTA_SET_KEY_LEN, htonl(fields_size(set->key)));
	if (is_map) {
		mnl_attr_put_u32(nlh, NFTA_SET_DATA_TYPE, htonl(data_type(set)));
		mnl_attr_put_u32(nlh, NFTA_SET_DATA_LEN, htonl(fields_size(set->data)));
	}
	if (set->ranges)
		put_ranges(nlh, set);
	put_set_udata(nlh, set);
}

static void put_hook(struct nlmsghdr *nlh, const struct nft_chain *chain)
{
	struct nlattr *hook = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);

	mnl_attr_put_u32(nlh, NFTA_HOOK_HOOKNUM, htonl(chain->hook));
	mnl_attr_put_u32(nlh, NFTA_HOOK_PRIORITY, htonl((uint32_t)chain->priority));
	mnl_attr_nest_end(nlh, hook);
	mnl_attr_put_u32(nlh, NFTA_CHAIN_POLICY, htonl(NF_ACCEPT));
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, chain->type);
}

static void put_chain(struct nft_batch *b, const struct nft_chain *chain, uint16_t flags,
		      const char *comment)
{
	struct nlmsghdr *nlh = put_object(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE | flags, chain->table,
					  "add chain", chain->name);

	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, chain->table->name);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, chain->name);
	if (chain->type)
		put_hook(nlh, chain);
	put_comment(nlh, NFTA_CHAIN_USERDATA, NFTNL_UDATA_CHAIN_COMMENT, comment);
}

void nft_add_chain(struct nft_batch *b, const struct nft_chain *chain, const char *comment)
{
	put_chain(b, chain, NLM_F_EXCL, comment);
}

void nft_keep_chain(struct nft_batch *b, const struct nft_chain *chain, const char *comment)
{
	put_chain(b, chain, 0, comment);
}

void nft_flush_chain(struct nft_batch *b, const struct nft_chain *chain)
{
	struct nlmsghdr *nlh =
		put_object(b, NFT_MSG_DELRULE, 0, chain->table, "flush chain", chain->name);

	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, chain->table->name);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, chain->name);
}

void nft_del_set(struct nft_batch *b, const struct nft_set *set)
{
	struct nlmsghdr *nlh =
		put_object(b, NFT_MSG_DELSET, 0, set->table, "delete set", set->name);

	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, set->table->name);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, set->name);
}

void nft_del_chain(struct nft_batch *b, const struct nft_chain *chain)
{
	struct nlmsghdr *nlh =
		put_object(b, NFT_MSG_DELCHAIN, 0, chain->table, "delete chain", chain->name);

	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, chain->table->name);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, chain->name);
}

/* Takes over all of @exprs.  Return: NULL when out of memory, or if one of them is NULL. */
static struct nftnl_rule *rule_of(struct nftnl_expr *const exprs[], size_t n)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	bool whole = rule != NULL;

	for (size_t i = 0; i < n; i++)
		whole = whole && exprs[i];
	for (size_t i = 0; i < n; i++) {
		if (whole)
			nftnl_rule_add_expr(rule, exprs[i]);
		else if (exprs[i])
			nftnl_expr_free(exprs[i]);
	}
	if (!whole && rule)
		nftnl_rule_free(rule);

	return whole ? rule : NULL;
}

void nft_add_rule_exprs(struct nft_batch *b, const struct nft_chain *chain, const char *comment,
			struct nftnl_expr *const exprs[], size_t n)
{
	struct nftnl_rule *rule = rule_of(exprs, n);
	struct nlmsghdr *nlh;

	if (!rule) {
		b->oom = true;
		return;
	}
	nlh = put_object(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, chain->table,
			 "add a rule to chain", chain->name);
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, chain->table->name);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, chain->name);
	nftnl_rule_nlmsg_build_payload(nlh, rule);
	put_comment(nlh, NFTA_RULE_USERDATA, NFTNL_UDATA_RULE_COMMENT, comment);
	nftnl_rule_free(rule);
}

static void put_set_names(struct nlmsghdr *nlh, const struct nft_set *set)
{
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, set->table->name);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set->name);
}

/*
 * Elements of one set go into one message as long as they fit: the list's
 * length has 16 bits, and nl_put() promises NL_ROOM.
 */
static struct nlattr *open_elem(struct nft_batch *b, uint16_t type, const struct nft_set *set)
{
	bool add = type == NFT_MSG_NEWSETELEM;

	if (b->open &&
	    (b->type != type || b->set != set || b->open->nlmsg_len + ELEM_ROOM > NL_ROOM))
		close_elems(b);
	if (!b->open) {
		b->open = put_object(b, type, add ? NLM_F_CREATE | NLM_F_EXCL : 0, set->table,
				     add ? "add to set" : "delete from set", set->name);
		b->type = type;
		b->set = set;
		put_set_names(b->open, set);
		b->list = mnl_attr_nest_start(b->open, NFTA_SET_ELEM_LIST_ELEMENTS);
	}

	return mnl_attr_nest_start(b->open, NFTA_LIST_ELEM);
}

static void put_value(struct nlmsghdr *nlh, uint16_t attr, const void *value, uint32_t len)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, attr);

	mnl_attr_put(nlh, NFTA_DATA_VALUE, len, value);
	mnl_attr_nest_end(nlh, nest);
}

/* Its value is the name of the chain. */
static void put_jump(struct nlmsghdr *nlh, int code, const struct nft_value *data)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_DATA);
	struct nlattr *verdict = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);

	mnl_attr_put_u32(nlh, NFTA_VERDICT_CODE, htonl((uint32_t)code));
	mnl_attr_put_strz(nlh, NFTA_VERDICT_CHAIN, (const char *)data->b);
	mnl_attr_nest_end(nlh, verdict);
	mnl_attr_nest_end(nlh, nest);
}

static void put_data(struct nlmsghdr *nlh, const struct nft_set *set, const struct nft_value *data)
{
	if (has_verdicts(set))
		put_jump(nlh, set->data[0] == NFT_TYPE_GOTO ? NFT_GOTO : NFT_JUMP, data);
	else
		put_value(nlh, NFTA_SET_ELEM_DATA, data->b, fields_size(set->data));
}

static void put_key(struct nlmsghdr *nlh, const struct nft_set *set, const struct nft_value *key)
{
	uint32_t len = fields_size(set->key);

	put_value(nlh, NFTA_SET_ELEM_KEY, key->b, len);
	if (set->ranges)
		put_value(nlh, NFTA_SET_ELEM_KEY_END, key->b + len, len);
}

void nft_add_elem(struct nft_batch *b, const struct nft_set *set, const struct nft_value *key,
		  const struct nft_value *data, const char *comment)
{
	struct nlattr *elem = open_elem(b, NFT_MSG_NEWSETELEM, set);

	put_key(b->open, set, key);
	if (data)
		put_data(b->open, set, data);
	put_comment(b->open, NFTA_SET_ELEM_USERDATA, NFTNL_UDATA_SET_ELEM_COMMENT, comment);
	mnl_attr_nest_end(b->open, elem);
}

void nft_del_elem(struct nft_batch *b, const struct nft_set *set, const struct nft_value *key)
{
	struct nlattr *elem = open_elem(b, NFT_MSG_DELSETELEM, set);

	put_key(b->open, set, key);
	mnl_attr_nest_end(b->open, elem);
}

/* ---- questions ------------------------------------------------------------- */

/* Absence is an answer, not an error.  Return: 1, 0 for -ENOENT, or the errno. */
static int found(int r, const struct err *said, struct err *e)
{
	if (r == -ENOENT)
		return 0;
	if (r < 0 && e)
		*e = *said;

	return r < 0 ? r : 1;
}

static int genid_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attr) == NFTA_GEN_ID &&
		    mnl_attr_get_payload_len(attr) >= sizeof(uint32_t))
			*(uint32_t *)data = ntohl(mnl_attr_get_u32(attr));

	return 0;
}

int nft_get_genid(struct nl *nl, uint32_t *ret, struct err *e)
{
	uint32_t genid = 0;
	int r;

	put_family(nl_put(nl, MSG(NFT_MSG_GETGEN), 0, "read the nftables generation"), AF_UNSPEC,
		   0);
	r = nl_query(nl, genid_cb, &genid, e);
	/* nfnetlink says EINVAL for a subsystem that it does not have. */
	if (r == -EINVAL)
		return err_sys(e, EOPNOTSUPP, "this kernel has no nftables (CONFIG_NF_TABLES)");
	if (r == 0 && genid == 0)
		return err_sys(e, EBADMSG, "read the nftables generation");
	if (r == 0)
		*ret = genid;

	return r;
}

static void read_chain(const struct nlmsghdr *nlh, struct nft_chain_state *state,
		       const char **ret_name)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) {
		switch (mnl_attr_get_type(attr)) {
		case NFTA_CHAIN_NAME:
			*ret_name = mnl_attr_get_str(attr);
			break;
		case NFTA_CHAIN_USE:
			if (mnl_attr_get_payload_len(attr) >= sizeof(uint32_t))
				state->n_rules = ntohl(mnl_attr_get_u32(attr));
			break;
		case NFTA_CHAIN_POLICY:
			if (mnl_attr_get_payload_len(attr) >= sizeof(uint32_t))
				state->policy = ntohl(mnl_attr_get_u32(attr));
			break;
		case NFTA_CHAIN_USERDATA:
			udata_read(attr, NFTNL_UDATA_CHAIN_COMMENT, state->comment);
			break;
		default:
			break;
		}
	}
}

static int chain_cb(const struct nlmsghdr *nlh, void *data)
{
	const char *name;

	read_chain(nlh, data, &name);

	return 0;
}

int nft_get_chain(struct nl *nl, const struct nft_chain *chain, struct nft_chain_state *ret,
		  struct err *e)
{
	struct nft_chain_state state = { .policy = NF_ACCEPT };
	struct nlmsghdr *nlh =
		nl_put(nl, MSG(NFT_MSG_GETCHAIN), 0, "read nftables chain %s", chain->name);
	struct err said;
	int r;

	put_family(nlh, chain->table->family, 0);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, chain->table->name);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, chain->name);
	r = found(nl_query(nl, chain_cb, &state, &said), &said, e);
	if (r > 0)
		*ret = state;

	return r;
}

struct chain_dump {
	const struct nft_table *table;
	int (*cb)(const char *name, const struct nft_chain_state *state, void *data);
	void *data;
};

/* Kernels before 5.15 list the chains of every table. */
static bool is_of_table(const struct nlmsghdr *nlh, const struct nft_table *table)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attr) == NFTA_CHAIN_TABLE)
			return strcmp(mnl_attr_get_str(attr), table->name) == 0;

	return false;
}

static int chain_dump_cb(const struct nlmsghdr *nlh, void *data)
{
	struct nft_chain_state state = { .policy = NF_ACCEPT };
	const struct chain_dump *d = data;
	const char *name = NULL;

	read_chain(nlh, &state, &name);

	return name && is_of_table(nlh, d->table) ? d->cb(name, &state, d->data) : 0;
}

int nft_each_chain(struct nl *nl, const struct nft_table *table,
		   int (*cb)(const char *name, const struct nft_chain_state *state, void *data),
		   void *data, struct err *e)
{
	struct chain_dump d = { .table = table, .cb = cb, .data = data };
	struct nlmsghdr *nlh = nl_put(nl, MSG(NFT_MSG_GETCHAIN), NLM_F_DUMP,
				      "list the chains of nftables table %s", table->name);

	put_family(nlh, table->family, 0);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, table->name);

	return nl_query(nl, chain_dump_cb, &d, e);
}

static int count_cb(const struct nlmsghdr *nlh, void *data)
{
	(void)nlh;
	++*(int *)data;

	return 0;
}

static void put_rules_of(struct nl *nl, const struct nft_chain *chain)
{
	struct nlmsghdr *nlh = nl_put(nl, MSG(NFT_MSG_GETRULE), NLM_F_DUMP,
				      "list the rules of nftables chain %s", chain->name);

	put_family(nlh, chain->table->family, 0);
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, chain->table->name);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, chain->name);
}

int nft_count_rules(struct nl *nl, const struct nft_chain *chain, struct err *e)
{
	int n = 0, r;

	put_rules_of(nl, chain);
	r = nl_query(nl, count_cb, &n, e);

	return r < 0 ? r : n;
}

static void add_counter(const struct nlattr *expr, uint64_t *packets)
{
	const struct nlattr *attr, *word, *data = NULL;
	bool is_counter = false;

	mnl_attr_for_each_nested(attr, expr) {
		if (mnl_attr_get_type(attr) == NFTA_EXPR_NAME)
			is_counter = strcmp(mnl_attr_get_str(attr), "counter") == 0;
		else if (mnl_attr_get_type(attr) == NFTA_EXPR_DATA)
			data = attr;
	}
	if (!is_counter || !data)
		return;
	mnl_attr_for_each_nested(word, data)
		if (mnl_attr_get_type(word) == NFTA_COUNTER_PACKETS &&
		    mnl_attr_get_payload_len(word) >= sizeof(uint64_t))
			*packets += be64toh(mnl_attr_get_u64(word));
}

static int packets_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr, *expr;

	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attr) == NFTA_RULE_EXPRESSIONS)
			mnl_attr_for_each_nested(expr, attr)
				add_counter(expr, data);

	return 0;
}

int nft_count_packets(struct nl *nl, const struct nft_chain *chain, uint64_t *ret, struct err *e)
{
	uint64_t packets = 0;
	int r;

	put_rules_of(nl, chain);
	r = nl_query(nl, packets_cb, &packets, e);
	if (r == 0)
		*ret = packets;

	return r;
}

/* Appends, since the upper end of a key of ranges comes after the lower one. */
static void read_value(const struct nlattr *nest, struct nft_value *ret)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest) {
		uint16_t len = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) != NFTA_DATA_VALUE || len > sizeof(ret->b) - ret->len)
			continue;
		memcpy(ret->b + ret->len, mnl_attr_get_payload(attr), len);
		ret->len = (uint8_t)(ret->len + len);
	}
}

/* As nft_value_ifname() writes the name of the chain. */
static void read_verdict(const struct nlattr *nest, struct nft_value *ret)
{
	const struct nlattr *attr, *word;

	mnl_attr_for_each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) != NFTA_DATA_VERDICT)
			continue;
		mnl_attr_for_each_nested(word, attr)
			if (mnl_attr_get_type(word) == NFTA_VERDICT_CHAIN)
				nft_value_ifname(ret, mnl_attr_get_str(word));
	}
}

static void read_elem(const struct nlattr *nest, struct nft_elem *ret)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest) {
		switch (mnl_attr_get_type(attr)) {
		case NFTA_SET_ELEM_KEY:
		case NFTA_SET_ELEM_KEY_END:
			read_value(attr, &ret->key);
			break;
		case NFTA_SET_ELEM_DATA:
			read_value(attr, &ret->data);
			read_verdict(attr, &ret->data);
			break;
		case NFTA_SET_ELEM_USERDATA:
			udata_read(attr, NFTNL_UDATA_SET_ELEM_COMMENT, ret->comment);
			break;
		default:
			break;
		}
	}
}

int nft_read_elems(const struct nlmsghdr *nlh, int (*cb)(const struct nft_elem *elem, void *data),
		   void *data)
{
	const struct nlattr *attr, *item;
	int r;

	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		mnl_attr_for_each_nested(item, attr) {
			struct nft_elem elem = { .key.len = 0 };

			read_elem(item, &elem);
			r = cb(&elem, data);
			if (r < 0)
				return r;
		}
	}

	return 0;
}

static int copy_elem(const struct nft_elem *elem, void *data)
{
	*(struct nft_elem *)data = *elem;

	return 0;
}

static int get_elem_cb(const struct nlmsghdr *nlh, void *data)
{
	return nft_read_elems(nlh, copy_elem, data);
}

int nft_get_elem(struct nl *nl, const struct nft_set *set, const struct nft_value *key,
		 struct nft_elem *ret, struct err *e)
{
	struct nlmsghdr *nlh =
		nl_put(nl, MSG(NFT_MSG_GETSETELEM), 0, "read nftables set %s", set->name);
	struct nft_elem elem = { .key.len = 0 };
	struct nlattr *list, *item;
	struct err said;
	int r;

	put_family(nlh, set->table->family, 0);
	put_set_names(nlh, set);
	list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	item = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	put_key(nlh, set, key);
	mnl_attr_nest_end(nlh, item);
	mnl_attr_nest_end(nlh, list);
	r = found(nl_query(nl, get_elem_cb, &elem, &said), &said, e);
	if (r > 0)
		*ret = elem;

	return r;
}

struct dump {
	int (*cb)(const struct nft_elem *elem, void *data);
	void *data;
	bool begun;
	uint16_t generation; /* its low bits, as each message of the dump has them */
};

/*
 * The kernel does not set NLM_F_DUMP_INTR for elements, but each message says in
 * which generation it was made.
 * Source: nf_tables_dump_set() in net/netfilter/nf_tables_api.c.
 */
static int dump_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	struct dump *d = data;

	if (nlh->nlmsg_len < mnl_nlmsg_size(sizeof(*nfg)))
		return -EBADMSG;
	if (d->begun && d->generation != nfg->res_id)
		return -EINTR;
	d->begun = true;
	d->generation = nfg->res_id;

	return nft_read_elems(nlh, d->cb, d->data);
}

int nft_dump_elems(struct nl *nl, const struct nft_set *set,
		   int (*cb)(const struct nft_elem *elem, void *data), void *data, struct err *e)
{
	struct nlmsghdr *nlh =
		nl_put(nl, MSG(NFT_MSG_GETSETELEM), NLM_F_DUMP, "list nftables set %s", set->name);
	struct dump d = { .cb = cb, .data = data };
	struct err said = { .sys = 0 };
	int r;

	put_family(nlh, set->table->family, 0);
	put_set_names(nlh, set);
	r = found(nl_query(nl, dump_cb, &d, &said), &said, e);
	if (r < 0 && said.sys == 0)
		return err_sys(e, -r, "list nftables set %s", set->name);

	return r < 0 ? r : 0;
}
