/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admit-list - see admit-list.h. */
#include "lib/admit-list.h"

#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/gc.h"
#include "lib/ip.h"
#include "lib/nft-expr.h"
#include "lib/nft.h"
#include "lib/owner.h"
#include "lib/ruleset.h"
#include "lib/shared-chain.h"

#define SET_NAME_SIZE (IFNAMSIZ + 2)
#define NAME_LEN      15 /* the names of gates (gate.h) have one less */

/* ---- names and shapes ------------------------------------------------------------ */

void admit_list_name(char ret[IFNAMSIZ], enum admit_way way, const struct allow *list)
{
	snprintf(ret, IFNAMSIZ, "%c%s", way == ADMIT_IN ? 'i' : 'e', list->name + 1);
}

/* The objects of one list; they point to each other, so they stay where they are. */
struct objects {
	char name[IFNAMSIZ];
	char set_names[2][SET_NAME_SIZE];
	struct nft_set sets[2]; /* IPv4, IPv6 */
	struct shared_chain chain;
};

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

static const struct nft_set *set_of(const struct shared_chain *c, const struct allow_box *box)
{
	return &c->sets[box->family == AF_INET6];
}

/* ---- the chain ---------------------------------------------------------------------- */

static void put_rules(struct nft_batch *b, const struct shared_chain *c)
{
	bool in = *c->chain.name == 'i';

	nft_add_rule(b, &c->chain, "on the list", NFT_IPV4, in ? nft_ip_saddr(0) : nft_ip_daddr(0),
		     nft_meta(NFT_META_L4PROTO, 1), nft_dport(2), nft_in(&c->sets[0], 0),
		     nft_return());
	nft_add_rule(b, &c->chain, "on the list", NFT_IPV6,
		     in ? nft_ip6_saddr(0) : nft_ip6_daddr(0), nft_meta(NFT_META_L4PROTO, 4),
		     nft_dport(5), nft_in(&c->sets[1], 0), nft_return());
	/* On its own: a rule that drops what is not in a set would end where there is no port. */
	nft_add_rule(b, &c->chain, "not on the list", nft_drop());
}

static void put_elems(struct nft_batch *b, const struct shared_chain *c, const char *tag)
{
	const struct allow *list = c->data;

	for (size_t i = 0; i < list->n; i++) {
		struct nft_value key = key_of(&list->list[i]);

		nft_add_elem(b, set_of(c, &list->list[i]), &key, NULL, tag);
	}
}

static void set_objects(struct objects *o, const char *name, const struct allow *list)
{
	static const enum nft_type ip[] = { NFT_TYPE_IPV4, NFT_TYPE_IPV6 };

	snprintf(o->name, sizeof(o->name), "%s", name);
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
	o->chain = (struct shared_chain){
		.what = "the network's list",
		.chain = { .table = ruleset_inet.table, .name = o->name },
		.sets = o->sets,
		.n_sets = ARRAY_SIZE(o->sets),
		.n_rules = 3,
		.put_rules = put_rules,
		.put_elems = put_elems,
		.data = list,
	};
}

static void set_objects_of(struct objects *o, enum admit_way way, const struct allow *list)
{
	char name[IFNAMSIZ];

	admit_list_name(name, way, list);
	set_objects(o, name, list);
}

int admit_list_add(struct nl *nl, enum admit_way way, const struct allow *list,
		   const struct owner *network, struct err *e)
{
	struct objects o;

	set_objects_of(&o, way, list);

	return shared_chain_add(nl, &o.chain, network, e);
}

int admit_list_release(struct nl *nl, enum admit_way way, const struct allow *list, struct err *e)
{
	struct objects o;

	set_objects_of(&o, way, list);

	return shared_chain_release(nl, &o.chain, e);
}

/* ---- check ------------------------------------------------------------------------- */

static int check_boxes(struct nl *nl, const struct shared_chain *c, const struct allow *list,
		       struct err *e)
{
	char text[NFT_KEY_STRLEN];
	struct nft_elem elem;

	for (size_t i = 0; i < list->n; i++) {
		const struct nft_set *set = set_of(c, &list->list[i]);
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
	struct objects o;
	int r;

	set_objects_of(&o, way, list);
	r = shared_chain_check(nl, &o.chain, e);

	return r < 0 ? r : check_boxes(nl, &o.chain, list, e);
}

/* ---- gc ------------------------------------------------------------------------------ */

static bool is_list(const char *name)
{
	return (*name == 'i' || *name == 'e') && strlen(name) == NAME_LEN;
}

static int release(struct nl *nl, const char *name, struct err *e)
{
	struct objects o;

	set_objects(&o, name, NULL);

	return shared_chain_release(nl, &o.chain, e);
}

int admit_list_gc(struct nl *nl, const struct gc *gc, struct err *e)
{
	return shared_chain_prune(nl, &gc->owner, is_list, release, e);
}
