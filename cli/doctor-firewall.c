/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor-firewall - checks of forward chains, ours and other tools' */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor.h"
#include "lib/cleanup.h"
#include "lib/coexist.h"
#include "lib/err.h"
#include "lib/nft.h"
#include "lib/nl.h"
#include "lib/program.h"
#include "lib/ruleset.h"

/* ---- chains of other tools ---------------------------------------------------------- */

/* A base chain that hooks forward and drops by its policy. */
struct dropping {
	uint8_t family;
	char *table, *name;
};

struct chains {
	struct dropping *list;
	size_t n;
};

static void chains_clear(struct chains *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->list[i].table);
		free(c->list[i].name);
	}
	free(c->list);
}

static uint32_t u32_of(const struct nlattr *attr)
{
	return ntohl(mnl_attr_get_u32(attr));
}

static bool hooks_forward(const struct nlattr *nest)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest)
		if (mnl_attr_get_type(attr) == NFTA_HOOK_HOOKNUM)
			return u32_of(attr) == NF_INET_FORWARD;

	return false;
}

static int add_chain(struct chains *c, uint8_t family, const char *table, const char *name)
{
	struct dropping *bigger = reallocarray(c->list, c->n + 1, sizeof(*bigger));

	if (!bigger)
		return -ENOMEM;
	c->list = bigger;
	c->list[c->n] = (struct dropping){
		.family = family,
		.table = strdup(table),
		.name = strdup(name),
	};
	c->n++;

	return c->list[c->n - 1].table && c->list[c->n - 1].name ? 0 : -ENOMEM;
}

static int look_at_chain(const struct nlmsghdr *nlh, void *data)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const char *table = NULL, *name = NULL;
	bool forward = false, drops = false;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(*nfg)) {
		switch (mnl_attr_get_type(attr)) {
		case NFTA_CHAIN_TABLE:
			table = mnl_attr_get_str(attr);
			break;
		case NFTA_CHAIN_NAME:
			name = mnl_attr_get_str(attr);
			break;
		case NFTA_CHAIN_HOOK:
			forward = hooks_forward(attr);
			break;
		case NFTA_CHAIN_POLICY:
			drops = u32_of(attr) == NF_DROP;
			break;
		}
	}
	if (!forward || !drops || !table || !name)
		return 0;
	if (nfg->nfgen_family != NFPROTO_IPV4 && nfg->nfgen_family != NFPROTO_IPV6 &&
	    nfg->nfgen_family != NFPROTO_INET)
		return 0;

	return add_chain(data, nfg->nfgen_family, table, name);
}

static int list_chains(struct nl *nl, struct chains *ret, struct err *e)
{
	struct nlmsghdr *nlh = nl_put(nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, NLM_F_DUMP,
				      "list the nftables chains");
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nfg->nfgen_family = NFPROTO_UNSPEC;
	nfg->version = NFNETLINK_V0;

	return nl_query(nl, look_at_chain, ret, e);
}

/* iptables-nft's own chain is mended by its own program, or its rules could not be saved. */
static char *mend_chain(const struct dropping *chain, uint32_t mark)
{
	if (strcmp(chain->table, "filter") == 0 && strcmp(chain->name, "FORWARD") == 0 &&
	    chain->family != NFPROTO_INET)
		return doctor_text("%s -I FORWARD -m mark --mark 0x%x/0x%x -j ACCEPT",
				   chain->family == NFPROTO_IPV4 ? "iptables" : "ip6tables", mark,
				   mark);

	return doctor_text("nft insert rule %s %s %s meta mark and 0x%x == 0x%x accept",
			   nft_family_name(chain->family), chain->table, chain->name, mark, mark);
}

static int check_chain(struct doctor *d, const struct dropping *dropping, uint32_t mark,
		       struct err *e)
{
	const struct nft_table table = { .family = dropping->family, .name = dropping->table };
	const struct nft_chain chain = { .table = &table, .name = dropping->name };
	AUTO_FREE char *mend = NULL;
	int r = coexist_accepts(d->nft, &chain, e);

	if (r != 0)
		return r < 0 ? r : 0;
	mend = mend_chain(dropping, mark);
	doctor_find(d, DOCTOR_ERROR, mend,
		    "chain %s of table %s %s drops what it does not accept, and does not accept "
		    "the mark 0x%x: containers reach nothing beyond this host",
		    dropping->name, nft_family_name(dropping->family), dropping->table, mark);

	return 0;
}

/* Networks whose chain has no `firewall`: nobody marks their packets. */
static void check_unmarked(struct doctor *d)
{
	for (size_t i = 0; i < d->store.n; i++) {
		const struct network *net = &d->store.networks[i];
		AUTO_FREE char *mend = NULL;

		if (net->internal || !doctor_is_bridge(net) || doctor_plugin(net, "firewall") ||
		    !doctor_used_by(d, net->name))
			continue;
		mend = doctor_text("iptables -I FORWARD -i %s -j ACCEPT && iptables -I FORWARD -o "
				   "%s -j ACCEPT",
				   net->link, net->link);
		doctor_find(d, DOCTOR_WARNING, mend,
			    "%s has no firewall plugin, and a chain that hooks forward drops by "
			    "its policy: its containers may reach nothing beyond this host",
			    net->name);
	}
}

int doctor_forward_chains(struct doctor *d, struct err *e)
{
	AUTO(chains_clear) struct chains chains = { 0 };
	uint32_t mark;
	int r;

	if (!doctor_used_by(d, NULL))
		return 0;
	r = ruleset_get_mark(d->nft, 0, &mark, e);
	if (r >= 0)
		r = list_chains(d->nft, &chains, e);
	for (size_t i = 0; i < chains.n && r >= 0; i++)
		r = check_chain(d, &chains.list[i], mark, e);
	if (r >= 0 && chains.n > 0)
		check_unmarked(d);

	return r;
}

/* ---- legacy iptables ------------------------------------------------------------------ */

static bool has_legacy_filter(void)
{
	FILE *names = fopen("/proc/net/ip_tables_names", "re");
	char name[32];
	bool found = false;

	while (names && !found && fscanf(names, "%31s", name) == 1)
		found = strcmp(name, "filter") == 0;
	if (names)
		fclose(names);

	return found;
}

/* nftables does not show its rules; asking where there is no table would make one. */
int doctor_legacy_iptables(struct doctor *d, struct err *e)
{
	static const char *const argv[] = { "iptables-legacy", "-S", "FORWARD", NULL };
	AUTO(program_clear) struct program_end end = { 0 };
	AUTO_FREE char *rule = NULL, *mend = NULL;
	uint32_t mark;
	int r;

	if (!has_legacy_filter() || !doctor_used_by(d, NULL))
		return 0;
	if ((r = ruleset_get_mark(d->nft, 0, &mark, e)) < 0 ||
	    (r = program_run(argv, "", &end, e)) < 0)
		return r;
	rule = doctor_text("--mark 0x%x/0x%x -j ACCEPT", mark, mark);
	if (!rule || strcmp(end.output, "-P FORWARD ACCEPT\n") == 0 || strstr(end.output, rule))
		return 0;
	mend = doctor_text("iptables-legacy -I FORWARD -m mark %s", rule);
	doctor_find(d, DOCTOR_ERROR, mend,
		    "chain FORWARD of legacy iptables has rules or drops, and does not accept the "
		    "mark 0x%x: containers may reach nothing beyond this host",
		    mark);

	return 0;
}

/* ---- our tables -------------------------------------------------------------------------- */

static bool has_elements(const struct doctor *d)
{
	for (size_t i = 0; i < d->census.n; i++) {
		const json_t *trace;
		size_t j;

		json_array_foreach(d->census.items[i]->traces, j, trace)
			if (strcmp(json_string_value(json_object_get(trace, "kind")), "element") ==
			    0)
				return true;
	}

	return false;
}

/* Return: how many of the chains [@from, @to) there are, or a negative errno. */
static int count_chains(struct doctor *d, const struct ruleset *rs, size_t from, size_t to,
			struct err *e)
{
	struct nft_chain_state state;
	int n = 0, r = 0;

	for (size_t i = from; i < to && r >= 0; i++) {
		r = nft_get_chain(d->nft, &rs->chains[i].chain, &state, e);
		n += r > 0;
	}

	return r < 0 ? r : n;
}

/* @part: the table's first chains, which do without the others. */
static int check_table(struct doctor *d, const struct ruleset *rs, const struct ruleset *part,
		       struct err *e)
{
	int more = count_chains(d, rs, part->n_chains, rs->n_chains, e);
	int r = more ? more : count_chains(d, rs, 0, part->n_chains, e);

	if (r <= 0)
		return r;
	r = ruleset_check(d->nft, more ? rs : part, e);
	if (r == -ESTALE)
		doctor_find(d, DOCTOR_ERROR,
			    "ip netns add heddle-mend && heddle attach heddle-mend && heddle "
			    "detach heddle-mend; ip netns del heddle-mend",
			    "table %s %s was altered: %s", nft_family_name(rs->table->family),
			    rs->table->name, e->msg);
	else if (r == -EINVAL)
		doctor_find(d, DOCTOR_ERROR, "heddle --version", "%s", e->msg);
	else
		return r;

	return 0;
}

/*
 * A flush takes the elements along, and without them published ports and
 * masquerade of attachments that live are gone; the cache says who they were.
 */
static void check_flushed(struct doctor *d)
{
	if (has_elements(d))
		return;
	for (size_t i = 0; i < d->store.n; i++) {
		const struct network *net = &d->store.networks[i];
		const struct census_item *item = doctor_used_by(d, net->name);
		const json_t *bridge = doctor_plugin(net, "bridge");
		AUTO_FREE char *mend = NULL;

		if (!item || !item->entry || !json_is_true(json_object_get(bridge, "ipMasq")))
			continue;
		mend = doctor_attach_again(item);
		doctor_find(d, DOCTOR_ERROR, mend,
			    "nftables was flushed: %s has attachments, and none of them is "
			    "masqueraded or published any more; attach them again",
			    net->name);
	}
}

int doctor_tables(struct doctor *d, struct err *e)
{
	int r = check_table(d, &ruleset_inet, &ruleset_masq, e);

	if (r >= 0)
		r = check_table(d, &ruleset_bridge, &ruleset_pins, e);
	if (r >= 0)
		check_flushed(d);

	return r;
}
