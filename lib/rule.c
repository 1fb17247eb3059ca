/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rule - see rule.h. */
#include "lib/rule.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "lib/nl-attr.h"
#include "lib/nl.h"

static void put(struct nl *nl, uint16_t type, uint16_t flags, const char *verb,
		const struct rule *rule)
{
	char src[IP_NET_STRLEN];
	struct nlmsghdr *req = nl_put(nl, type, flags, "%s the rule from %s lookup %u", verb,
				      ip_net_str(&rule->src, src), rule->table);
	struct fib_rule_hdr *frh = mnl_nlmsg_put_extra_header(req, sizeof(*frh));

	frh->family = rule->src.addr.family;
	frh->src_len = rule->src.len;
	frh->table = rule->table < 256 ? (uint8_t)rule->table : RT_TABLE_UNSPEC;
	frh->action = FR_ACT_TO_TBL;
	if (rule->src.len > 0)
		mnl_attr_put(req, FRA_SRC, ip_size(frh->family), rule->src.addr.b);
	mnl_attr_put_u32(req, FRA_TABLE, rule->table);
	mnl_attr_put_u8(req, FRA_PROTOCOL, rule->protocol);
	if (rule->priority)
		mnl_attr_put_u32(req, FRA_PRIORITY, rule->priority);
}

void rule_put_add(struct nl *nl, const struct rule *rule)
{
	put(nl, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, "add", rule);
}

void rule_put_del(struct nl *nl, const struct rule *rule)
{
	put(nl, RTM_DELRULE, 0, "delete", rule);
}

struct walk {
	int (*fn)(const struct rule *rule, void *data);
	void *data;
};

static void read_attr(const struct nlattr *attr, struct rule *rule)
{
	size_t size = ip_size(rule->src.addr.family);

	switch (mnl_attr_get_type(attr)) {
	case FRA_SRC:
		if (mnl_attr_get_payload_len(attr) == size)
			memcpy(rule->src.addr.b, mnl_attr_get_payload(attr), size);
		break;
	case FRA_TABLE:
		rule->table = nl_attr_u32(attr);
		break;
	case FRA_PRIORITY:
		rule->priority = nl_attr_u32(attr);
		break;
	case FRA_PROTOCOL:
		if (mnl_attr_get_payload_len(attr) >= 1)
			rule->protocol = mnl_attr_get_u8(attr);
		break;
	case FRA_PAD:
		break;
	/* -1 is what no suppression looks like. */
	case FRA_SUPPRESS_PREFIXLEN:
	case FRA_SUPPRESS_IFGROUP:
		rule->plain &= nl_attr_u32(attr) == UINT32_MAX;
		break;
	default:
		rule->plain = false;
		break;
	}
}

static int take(const struct nlmsghdr *nlh, void *data)
{
	const struct fib_rule_hdr *frh = mnl_nlmsg_get_payload(nlh);
	const struct walk *walk = data;
	const struct nlattr *attr;
	struct rule rule;

	if (nlh->nlmsg_type != RTM_NEWRULE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*frh) ||
	    (frh->family != AF_INET && frh->family != AF_INET6))
		return 0;
	rule = (struct rule){
		.src = { .addr.family = frh->family, .len = frh->src_len },
		.table = frh->table,
		.plain = frh->action == FR_ACT_TO_TBL && frh->dst_len == 0 && frh->tos == 0 &&
			 !(frh->flags & FIB_RULE_INVERT),
	};
	mnl_attr_for_each(attr, nlh, sizeof(*frh))
		read_attr(attr, &rule);

	return walk->fn(&rule, walk->data);
}

static int each_of(struct nl *nl, uint8_t family, struct walk *walk, struct err *e)
{
	struct nlmsghdr *req = nl_put(nl, RTM_GETRULE, NLM_F_DUMP, "list the %s routing rules",
				      ip_family_name(family));
	struct fib_rule_hdr *frh = mnl_nlmsg_put_extra_header(req, sizeof(*frh));
	int r;

	frh->family = family;
	r = nl_query(nl, take, walk, e);

	/* A kernel without IPv6, or without policy routing for it, has no such rules. */
	return r == -EOPNOTSUPP || r == -EAFNOSUPPORT ? 0 : r;
}

int rule_each(struct nl *nl, int (*fn)(const struct rule *rule, void *data), void *data,
	      struct err *e)
{
	struct walk walk = { .fn = fn, .data = data };
	int r = each_of(nl, AF_INET, &walk, e);

	return r < 0 ? r : each_of(nl, AF_INET6, &walk, e);
}
