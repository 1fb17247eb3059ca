/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admit-list - see admit-list.h. */
#include "lib/admit-list.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/gc.h"
#include "lib/ip.h"
#include "lib/nft-expr.h"
#include "lib/nft.h"
#include "lib/owner.h"
#include "lib/ruleset.h"

#define N_RULES	       3
#define CHANGE_TRIES   1000 /* as claim.c */
#define SET_NAME_SIZE  (IFNAMSIZ + 2)
#define NAME_OF_A_LIST 15 /* its length */

/* ---- names and shapes ------------------------------------------------------------ */

void admit_list_name(char ret[IFNAMSIZ], enum admit_way way, const struct allow *list)
{
	snprintf(ret, IFNAMSIZ, "%c%s", way == ADMIT_IN ? 'i' : 'e', list->name + 1);
}

/* The objects of one list; they point to each other, so they stay where they are. */
struct objects {
	char chain_name[IFNAMSIZ];
	char set_names[2][SET_NAME_SIZE];
	struct nft_chain chain;
	struct nft_set sets[2]; /* IPv4, IPv6 */
};

static void set_objects(struct objects *o, const char *name)
{
	static const enum nft_type ip[] = { NFT_TYPE_IPV4, NFT_TYPE_IPV6 };

	*o = (struct objects){ .chain.table = ruleset_inet.table };
	snprintf(o->chain_name, sizeof(o->chain_name), "%s", name);
	o->chain.name = o->chain_name;
	for (int i = 0; i < 2; i++) {
		snprintf(o->set_names[i], SET_NAME_SIZE, "%s_%c", name, i == 0 ? '4' : '6');
		o->sets[i] = (struct nft_set){
			.table = ruleset_inet.table,
			.name = o->set_names[i],
			.comment = "address of the other side . protocol . destination port",
			.key = { ip[i], NFT_TYPE_PROTO, NFT_TYPE_PORT },
			.ranges = true,
		};
	}
}

static void append_end(struct nft_value *key, const struct allow_box *box, bool upper)
{
	const uint8_t *end[ALLOW_SIDES];
	struct ip_addr ip = { .family = box->family };
	uint16_t port;

	for (int i = 0; i < ALLOW_SIDES; i++)
		end[i] = upper ? box->side[i].to : box->side[i].from;
	memcpy(ip.b, end[ALLOW_ADDRESS], ip_size(ip.family));
	nft_value_ip(key, &ip);
	nft_value_proto(key, *end[ALLOW_PROTOCOL]);
	port = (uint16_t)(end[ALLOW_PORT][0] << 8 | end[ALLOW_PORT][1]);
	nft_value_port(key, port);
}

static struct nft_value key_of(const struct allow_box *box)
{
	struct nft_value key = { 0 };

	append_end(&key, box, false);
	append_end(&key, box, true);

	return key;
}

static const struct nft_set *set_of(const struct objects *o, const struct allow_box *box)
{
	return &o->sets[box->family == AF_INET6];
}

/* ---- one look, one change ---------------------------------------------------------- */

struct view {
	bool exists;
	int n_rules;
	uint32_t n_users;
};

static int look(struct nl *nl, const struct objects *o, struct view *ret, struct err *e)
{
	struct nft_chain_state state = { .n_rules = 0 };
	int r = nft_get_chain(nl, &o->chain, &state, e), n_rules;

	if (r <= 0) {
		*ret = (struct view){ 0 };
		return r;
	}
	n_rules = nft_count_rules(nl, &o->chain, e);
	if (n_rules < 0)
		return n_rules;
	*ret = (struct view){ .exists = true,
			      .n_rules = n_rules,
			      .n_users = state.n_rules - (uint32_t)n_rules };

	return 0;
}

static void put_rules(struct nft_batch *b, const struct objects *o, enum admit_way way)
{
	bool in = way == ADMIT_IN;

	nft_add_rule(b, &o->chain, "on the list", NFT_IPV4, in ? nft_ip_saddr(0) : nft_ip_daddr(0),
		     nft_meta(NFT_META_L4PROTO, 1), nft_dport(2), nft_in(&o->sets[0], 0),
		     nft_return());
	nft_add_rule(b, &o->chain, "on the list", NFT_IPV6,
		     in ? nft_ip6_saddr(0) : nft_ip6_daddr(0), nft_meta(NFT_META_L4PROTO, 4),
		     nft_dport(5), nft_in(&o->sets[1], 0), nft_return());
	/* On its own: a rule that drops what is not in a set would end where there is no port. */
	nft_add_rule(b, &o->chain, "not on the list", nft_drop());
}

static void put_list(struct nft_batch *b, const struct objects *o, enum admit_way way,
		     const struct allow *list, const char *tag)
{
	for (int i = 0; i < 2; i++)
		nft_add_set(b, &o->sets[i]);
	nft_add_chain(b, &o->chain, tag);
	put_rules(b, o, way);
	for (size_t i = 0; i < list->n; i++) {
		struct nft_value key = key_of(&list->list[i]);

		nft_add_elem(b, set_of(o, &list->list[i]), &key, NULL, tag);
	}
}

static void drop_list(struct nft_batch *b, const struct objects *o)
{
	nft_del_chain(b, &o->chain);
	for (int i = 0; i < 2; i++)
		nft_del_set(b, &o->sets[i]);
}

static int still_busy(int r, struct err *e)
{
	if (r != -ERESTART)
		return r;

	return err_cni(e, CNI_E_AGAIN,
		       "other programs change nftables faster than it can be read: try again");
}

/* ---- add --------------------------------------------------------------------------- */

/* One that somebody flushed gets its rules back. */
static int add_once(struct nl *nl, const struct objects *o, enum admit_way way,
		    const struct allow *list, const char *tag, struct err *e)
{
	struct ruleset_view table;
	struct nft_batch b;
	struct view view;
	uint32_t genid;
	int r;

	if ((r = nft_get_genid(nl, &genid, e)) < 0 || (r = look(nl, o, &view, e)) < 0 ||
	    (r = ruleset_look(nl, &ruleset_inet, &table, e)) < 0)
		return r;
	if (view.exists && view.n_rules == N_RULES)
		return 0;

	nft_begin(&b, nl, genid);
	ruleset_build(&b, &ruleset_inet, &table);
	if (view.exists) {
		nft_flush_chain(&b, &o->chain);
		put_rules(&b, o, way);
	} else {
		put_list(&b, o, way, list, tag);
	}

	return nft_commit(&b, e);
}

int admit_list_add(struct nl *nl, enum admit_way way, const struct allow *list,
		   const struct owner *network, struct err *e)
{
	char name[IFNAMSIZ];
	struct objects o;
	int r = -ERESTART;

	admit_list_name(name, way, list);
	set_objects(&o, name);
	for (int i = 0; i < CHANGE_TRIES && r == -ERESTART; i++)
		r = add_once(nl, &o, way, list, network->tag, e);

	return still_busy(r, e);
}

/* ---- release ------------------------------------------------------------------------- */

static int release_once(struct nl *nl, const struct objects *o, struct err *e)
{
	struct nft_batch b;
	struct view view;
	uint32_t genid;
	int r;

	if ((r = nft_get_genid(nl, &genid, e)) < 0 || (r = look(nl, o, &view, e)) < 0)
		return r;
	if (!view.exists || view.n_users > 0)
		return 0;
	nft_begin(&b, nl, genid);
	drop_list(&b, o);
	r = nft_commit(&b, e);

	return r < 0 ? r : 1;
}

static int release(struct nl *nl, const char *name, struct err *e)
{
	struct objects o;
	int r = -ERESTART;

	set_objects(&o, name);
	for (int i = 0; i < CHANGE_TRIES && r == -ERESTART; i++)
		r = release_once(nl, &o, e);

	/* Without nftables in the kernel there is nothing of ours. */
	return r == -EOPNOTSUPP ? 0 : still_busy(r, e);
}

int admit_list_release(struct nl *nl, enum admit_way way, const struct allow *list, struct err *e)
{
	char name[IFNAMSIZ];

	admit_list_name(name, way, list);

	return release(nl, name, e);
}

/* ---- check ------------------------------------------------------------------------- */

static int check_boxes(struct nl *nl, const struct objects *o, const struct allow *list,
		       struct err *e)
{
	char text[NFT_KEY_STRLEN];
	struct nft_elem elem;

	for (size_t i = 0; i < list->n; i++) {
		const struct nft_set *set = set_of(o, &list->list[i]);
		struct nft_value key = key_of(&list->list[i]);
		int r = nft_get_elem(nl, set, &key, &elem, e);

		if (r < 0)
			return r;
		if (r == 0)
			return err_cni(e, CNI_E_CHECK,
				       "%s is missing in nftables set %s of table inet heddle",
				       nft_key_str(set, &key, text), set->name);
	}

	return 0;
}

int admit_list_check(struct nl *nl, enum admit_way way, const struct allow *list, struct err *e)
{
	char name[IFNAMSIZ];
	struct objects o;
	struct view view;
	int r;

	admit_list_name(name, way, list);
	set_objects(&o, name);
	r = look(nl, &o, &view, e);
	if (r < 0)
		return r;
	if (!view.exists || view.n_rules != N_RULES)
		return err_cni(e, CNI_E_CHECK,
			       "nftables chain %s of table inet heddle, the network's list, is "
			       "missing or lacks rules: an ADD restores it",
			       name);

	return check_boxes(nl, &o, list, e);
}

/* ---- gc ------------------------------------------------------------------------------ */

struct names {
	char (*list)[IFNAMSIZ];
	size_t n, room;
	const struct owner *network;
};

static int find_cb(const char *name, const struct nft_chain_state *state, void *data)
{
	struct names *found = data;

	if (strlen(name) != NAME_OF_A_LIST ||
	    !owner_has_network(found->network, state->comment, strlen(state->comment)))
		return 0;
	if (found->n == found->room) {
		size_t room = found->room ? 2 * found->room : 4;
		char(*list)[IFNAMSIZ] = reallocarray(found->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		found->list = list;
		found->room = room;
	}
	snprintf(found->list[found->n++], IFNAMSIZ, "%s", name);

	return 0;
}

int admit_list_gc(struct nl *nl, const struct gc *gc, struct err *e)
{
	struct names found = { .network = &gc->owner };
	int r = nft_each_chain(nl, ruleset_inet.table, find_cb, &found, e), n = 0;

	for (size_t i = 0; r >= 0 && i < found.n; i++) {
		r = release(nl, found.list[i], e);
		n += r > 0;
	}
	free(found.list);

	return r < 0 ? r : n;
}
