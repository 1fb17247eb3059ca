/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tc - see tc.h. */
#include "lib/tc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <string.h>

#include "lib/err.h"
#include "lib/nl.h"

#define LATENCY_MS	25
#define ROOT_HANDLE	TC_H_MAKE(1 << 16, 0)
#define INGRESS_HANDLE	TC_H_MAKE(0xffffu << 16, 0)
#define FILTER_PRIORITY 1

#define NS_PER_TICK 64 /* PSCHED_SHIFT of net/pkt_sched.h, unchanged since 2009 */
#define NS_PER_S    1000000000u

/* ---- token buckets ------------------------------------------------------- */

static uint32_t saturate(uint64_t n)
{
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

struct tc_tbf tc_tbf_of_bits(uint64_t rate, uint64_t burst)
{
	struct tc_tbf tbf = {
		.rate = rate / 8,
		.burst = saturate(burst / 8),
	};

	tbf.limit = saturate(tbf.rate / (1000 / LATENCY_MS) + tbf.burst);

	return tbf;
}

bool tc_tbf_is(const struct tc_tbf_state *have, const struct tc_tbf *want)
{
	uint64_t ticks = (uint64_t)want->burst * NS_PER_S / want->rate / NS_PER_TICK;
	uint64_t rounding = 1 + ticks / 1000;

	if (have->rate != want->rate || have->limit != want->limit)
		return false;
	/* The kernel knows the burst as a time, and shows 32 bits of it. */
	if (ticks > UINT32_MAX - rounding)
		return true;

	return have->buffer + rounding >= ticks && have->buffer <= ticks + rounding;
}

/* ---- requests ------------------------------------------------------------ */

static void put_header(struct nlmsghdr *req, int index, uint32_t parent, uint32_t handle)
{
	struct tcmsg *tcm = mnl_nlmsg_put_extra_header(req, sizeof(*tcm));

	tcm->tcm_family = AF_UNSPEC;
	tcm->tcm_ifindex = index;
	tcm->tcm_parent = parent;
	tcm->tcm_handle = handle;
}

void tc_put_tbf(struct nl *nl, int index, const struct tc_tbf *tbf)
{
	struct nlmsghdr *req = nl_put(nl, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL,
				      "limit interface number %d to %llu bytes a second", index,
				      (unsigned long long)tbf->rate);
	const struct tc_tbf_qopt parms = {
		.rate = { .rate = saturate(tbf->rate), .linklayer = TC_LINKLAYER_ETHERNET },
		.limit = tbf->limit,
	};
	struct nlattr *options;

	put_header(req, index, TC_H_ROOT, ROOT_HANDLE);
	mnl_attr_put_strz(req, TCA_KIND, "tbf");
	options = mnl_attr_nest_start(req, TCA_OPTIONS);
	mnl_attr_put(req, TCA_TBF_PARMS, sizeof(parms), &parms);
	mnl_attr_put_u32(req, TCA_TBF_BURST, tbf->burst);
	if (tbf->rate > UINT32_MAX)
		mnl_attr_put_u64(req, TCA_TBF_RATE64, tbf->rate);
	mnl_attr_nest_end(req, options);
}

void tc_put_ingress(struct nl *nl, int index)
{
	struct nlmsghdr *req = nl_put(nl, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL,
				      "add an ingress qdisc to interface number %d", index);

	put_header(req, index, TC_H_INGRESS, INGRESS_HANDLE);
	mnl_attr_put_strz(req, TCA_KIND, "ingress");
}

static void put_mirred(struct nlmsghdr *req, int to)
{
	const struct tc_mirred parms = {
		.action = TC_ACT_STOLEN,
		.eaction = TCA_EGRESS_REDIR,
		.ifindex = (uint32_t)to,
	};
	struct nlattr *actions = mnl_attr_nest_start(req, TCA_U32_ACT);
	struct nlattr *first = mnl_attr_nest_start(req, 1);
	struct nlattr *options;

	mnl_attr_put_strz(req, TCA_ACT_KIND, "mirred");
	options = mnl_attr_nest_start(req, TCA_ACT_OPTIONS);
	mnl_attr_put(req, TCA_MIRRED_PARMS, sizeof(parms), &parms);
	mnl_attr_nest_end(req, options);
	mnl_attr_nest_end(req, first);
	mnl_attr_nest_end(req, actions);
}

/* A selector with one key of which no bit counts matches every packet. */
static void put_match_all(struct nlmsghdr *req)
{
	union {
		struct tc_u32_sel sel;
		char bytes[sizeof(struct tc_u32_sel) + sizeof(struct tc_u32_key)];
	} match = { .sel = { .flags = TC_U32_TERMINAL, .nkeys = 1 } };

	mnl_attr_put(req, TCA_U32_SEL, sizeof(match.bytes), &match);
}

void tc_put_redirect(struct nl *nl, int index, int to)
{
	struct nlmsghdr *req = nl_put(nl, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL,
				      "redirect interface number %d to number %d", index, to);
	struct nlattr *options;
	struct tcmsg *tcm;

	put_header(req, index, INGRESS_HANDLE, 0);
	tcm = mnl_nlmsg_get_payload(req);
	tcm->tcm_info = TC_H_MAKE(FILTER_PRIORITY << 16, htons(ETH_P_ALL));
	mnl_attr_put_strz(req, TCA_KIND, "u32");
	options = mnl_attr_nest_start(req, TCA_OPTIONS);
	mnl_attr_put_u32(req, TCA_U32_CLASSID, TC_H_MAKE(1 << 16, 1));
	put_match_all(req);
	put_mirred(req, to);
	mnl_attr_nest_end(req, options);
}

static void put_del(struct nl *nl, int index, uint32_t parent, uint32_t handle, const char *kind)
{
	struct nlmsghdr *req = nl_put(nl, RTM_DELQDISC, 0,
				      "remove the qdisc %s from interface number %d", kind, index);

	put_header(req, index, parent, handle);
	mnl_attr_put_strz(req, TCA_KIND, kind);
}

void tc_put_del_tbf(struct nl *nl, int index)
{
	put_del(nl, index, TC_H_ROOT, ROOT_HANDLE, "tbf");
}

void tc_put_del_ingress(struct nl *nl, int index)
{
	put_del(nl, index, TC_H_INGRESS, INGRESS_HANDLE, "ingress");
}

/* ---- questions ----------------------------------------------------------- */

struct tbf_reply {
	struct tc_tbf_state state;
	bool found;
};

/* The payload of an attribute, NULL if it is shorter than @size. */
static const void *payload(const struct nlattr *attr, size_t size)
{
	return mnl_attr_get_payload_len(attr) >= size ? mnl_attr_get_payload(attr) : NULL;
}

static bool is_text(const struct nlattr *attr, const char *text)
{
	return mnl_attr_get_payload_len(attr) == strlen(text) + 1 &&
	       memcmp(mnl_attr_get_payload(attr), text, strlen(text) + 1) == 0;
}

static const struct nlattr *find(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) == type)
			return attr;
	}

	return NULL;
}

static void read_tbf(const struct nlattr *options, struct tbf_reply *reply)
{
	const struct nlattr *parms = find(options, TCA_TBF_PARMS);
	const struct nlattr *rate64 = find(options, TCA_TBF_RATE64);
	const struct tc_tbf_qopt *qopt = parms ? payload(parms, sizeof(*qopt)) : NULL;

	if (!qopt)
		return;
	reply->found = true;
	reply->state = (struct tc_tbf_state){
		.rate = qopt->rate.rate,
		.limit = qopt->limit,
		.buffer = qopt->buffer,
	};
	if (rate64 && payload(rate64, sizeof(uint64_t)))
		reply->state.rate = mnl_attr_get_u64(rate64);
}

/* The options of a reply if it is of this kind and handle, else NULL; handle 0 is any. */
static const struct nlattr *options_of(const struct nlmsghdr *nlh, const char *kind,
				       uint32_t handle)
{
	const struct tcmsg *tcm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *options = NULL;
	bool is_kind = false;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*tcm) || (handle && tcm->tcm_handle != handle))
		return NULL;
	mnl_attr_for_each(attr, nlh, sizeof(*tcm)) {
		if (mnl_attr_get_type(attr) == TCA_KIND)
			is_kind = is_text(attr, kind);
		else if (mnl_attr_get_type(attr) == TCA_OPTIONS)
			options = attr;
	}

	return is_kind ? options : NULL;
}

static int take_tbf(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *options = options_of(nlh, "tbf", ROOT_HANDLE);

	if (nlh->nlmsg_type == RTM_NEWQDISC && options)
		read_tbf(options, data);

	return 0;
}

static int take_any(const struct nlmsghdr *nlh, void *data)
{
	bool *found = data;

	*found |= nlh->nlmsg_type == RTM_NEWQDISC;

	return 0;
}

/*
 * Kernels before 6.6 answer a get only if it asks for an echo, and no kernel
 * does for a built-in discipline: the ack is then all that comes.
 */
static int get_qdisc(struct nl *nl, int index, uint32_t parent,
		     int (*take)(const struct nlmsghdr *nlh, void *data), void *data, struct err *e)
{
	struct nlmsghdr *req = nl_put(nl, RTM_GETQDISC, NLM_F_ECHO | NLM_F_ACK,
				      "look up a qdisc of interface number %d", index);
	int r;

	put_header(req, index, parent, 0);
	r = nl_query(nl, take, data, e);

	return r == -ENOENT ? 0 : r;
}

int tc_get_tbf(struct nl *nl, int index, struct tc_tbf_state *ret, struct err *e)
{
	struct tbf_reply reply = { 0 };
	int r = get_qdisc(nl, index, TC_H_ROOT, take_tbf, &reply, e);

	if (r < 0)
		return r;
	if (reply.found)
		*ret = reply.state;

	return reply.found;
}

int tc_has_ingress(struct nl *nl, int index, struct err *e)
{
	bool found = false;
	int r = get_qdisc(nl, index, TC_H_INGRESS, take_any, &found, e);

	return r < 0 ? r : found;
}

struct redirect_reply {
	int to;	      /* -1: not found yet */
	bool filters; /* there are some */
};

static void read_action(const struct nlattr *action, struct redirect_reply *reply)
{
	const struct nlattr *kind = find(action, TCA_ACT_KIND);
	const struct nlattr *options = find(action, TCA_ACT_OPTIONS);
	const struct nlattr *parms = options ? find(options, TCA_MIRRED_PARMS) : NULL;
	const struct tc_mirred *mirred = parms ? payload(parms, sizeof(*mirred)) : NULL;

	if (reply->to < 0 && mirred && kind && is_text(kind, "mirred") &&
	    mirred->eaction == TCA_EGRESS_REDIR)
		reply->to = (int)mirred->ifindex;
}

static int take_filter(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *options = options_of(nlh, "u32", 0);
	const struct nlattr *actions = options ? find(options, TCA_U32_ACT) : NULL;
	struct redirect_reply *reply = data;
	const struct nlattr *action;

	if (nlh->nlmsg_type != RTM_NEWTFILTER)
		return 0;
	reply->filters = true;
	if (!actions)
		return 0;
	mnl_attr_for_each_nested(action, actions)
		read_action(action, reply);

	return 0;
}

int tc_get_redirect(struct nl *nl, int index, int *ret, struct err *e)
{
	struct nlmsghdr *req = nl_put(nl, RTM_GETTFILTER, NLM_F_DUMP,
				      "list the ingress filters of interface number %d", index);
	struct redirect_reply reply = { .to = -1 };
	int r;

	put_header(req, index, INGRESS_HANDLE, 0);
	r = nl_query(nl, take_filter, &reply, e);
	if (r < 0)
		return r;
	if (reply.filters)
		*ret = reply.to;

	return reply.filters;
}
