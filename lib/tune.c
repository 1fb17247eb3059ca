/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tune - see tune.h. */
#include "lib/tune.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/jnode.h"
#include "lib/nl.h"

/* ---- JSON ---------------------------------------------------------------- */

static int read_mac(const struct jnode *n, void *data, struct err *e)
{
	struct tune *t = data;
	const char *text;
	int r;

	if (jn_str(n, &text, NULL) == 0 && !*text) {
		t->set &= ~(unsigned int)TUNE_MAC;
		return 0;
	}
	r = jn_mac(n, t->mac, e);
	if (r < 0)
		return r;
	if (t->mac[0] & 1)
		return jn_bad(n, e, "%s is a multicast address, an interface cannot have it", text);
	t->set |= TUNE_MAC;

	return 0;
}

int tune_read(const struct jnode *obj, struct tune *t, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "mac", JN_CALL, 0, .call = read_mac },
		{ "promisc", JN_BOOL, offsetof(struct tune, promisc) },
		{ "mtu", JN_U32, offsetof(struct tune, mtu), 0, INT32_MAX },
		{ "allmulti", JN_BOOL, offsetof(struct tune, allmulti) },
		{ "txQLen", JN_U32, offsetof(struct tune, txqlen), 0, INT32_MAX },
		{ 0 },
	};
	static const unsigned int what[] = { 0, TUNE_PROMISC, TUNE_MTU, TUNE_ALLMULTI,
					     TUNE_TXQLEN };
	struct jnode value;
	int r = jn_read(obj, keys, t, e);

	for (size_t i = 0; r == 0 && keys[i].name; i++) {
		if (jn_get(obj, keys[i].name, &value))
			t->set |= what[i];
	}

	return r;
}

int tune_write(const struct tune *t, json_t *obj)
{
	char mac[MAC_STRLEN];
	int failed = 0;

	if (t->set & TUNE_MAC)
		failed |= json_object_set_new(obj, "mac", json_string(mac_str(t->mac, mac)));
	if (t->set & TUNE_PROMISC)
		failed |= json_object_set_new(obj, "promisc", json_boolean(t->promisc));
	if (t->set & TUNE_MTU)
		failed |= json_object_set_new(obj, "mtu", json_integer(t->mtu));
	if (t->set & TUNE_ALLMULTI)
		failed |= json_object_set_new(obj, "allmulti", json_boolean(t->allmulti));
	if (t->set & TUNE_TXQLEN)
		failed |= json_object_set_new(obj, "txQLen", json_integer(t->txqlen));

	return failed ? -ENOMEM : 0;
}

/* ---- an interface -------------------------------------------------------- */

struct tune tune_of(const struct link *link, unsigned int set)
{
	struct tune t = {
		.set = set,
		.promisc = link->flags & IFF_PROMISC,
		.allmulti = link->flags & IFF_ALLMULTI,
		.mtu = link->mtu,
		.txqlen = link->txqlen,
	};

	memcpy(t.mac, link->mac, sizeof(t.mac));
	if (!link->has_mac)
		t.set &= ~(unsigned int)TUNE_MAC;

	return t;
}

unsigned int tune_difference(const struct tune *want, const struct tune *have)
{
	unsigned int differs = 0;

	if (memcmp(want->mac, have->mac, sizeof(want->mac)) != 0)
		differs |= TUNE_MAC;
	if (want->promisc != have->promisc)
		differs |= TUNE_PROMISC;
	if (want->mtu != have->mtu)
		differs |= TUNE_MTU;
	if (want->allmulti != have->allmulti)
		differs |= TUNE_ALLMULTI;
	if (want->txqlen != have->txqlen)
		differs |= TUNE_TXQLEN;

	return differs & want->set;
}

static void put_txqlen(struct nl *nl, int index, uint32_t txqlen)
{
	struct nlmsghdr *req = nl_put(nl, RTM_SETLINK, 0,
				      "set the queue length of interface number %d to %u", index,
				      txqlen);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(req, sizeof(*ifi));

	ifi->ifi_index = index;
	mnl_attr_put_u32(req, IFLA_TXQLEN, txqlen);
}

void tune_put(struct nl *nl, int index, const struct tune *t)
{
	if (t->set & TUNE_MAC)
		link_put_mac(nl, index, t->mac);
	if (t->set & TUNE_PROMISC)
		link_put_flags(nl, index, t->promisc ? IFF_PROMISC : 0, IFF_PROMISC);
	if (t->set & TUNE_MTU)
		link_put_mtu(nl, index, t->mtu);
	if (t->set & TUNE_ALLMULTI)
		link_put_flags(nl, index, t->allmulti ? IFF_ALLMULTI : 0, IFF_ALLMULTI);
	if (t->set & TUNE_TXQLEN)
		put_txqlen(nl, index, t->txqlen);
}

static const char *on_off(bool on)
{
	return on ? "on" : "off";
}

int tune_check(const struct link *link, const struct tune *want, struct err *e)
{
	const struct tune have = tune_of(link, want->set);
	unsigned int differs = tune_difference(want, &have);
	char live[MAC_STRLEN], wanted[MAC_STRLEN];
	int r = 0;

	if (differs & TUNE_MAC)
		r = cni_differs(e, "%s has the MAC address %s, not %s", link->name,
				mac_str(have.mac, live), mac_str(want->mac, wanted));
	if (differs & TUNE_PROMISC)
		r = cni_differs(e, "%s has promisc %s", link->name, on_off(have.promisc));
	if (differs & TUNE_MTU)
		r = cni_differs(e, "%s has the mtu %u, not %u", link->name, have.mtu, want->mtu);
	if (differs & TUNE_ALLMULTI)
		r = cni_differs(e, "%s has allmulti %s", link->name, on_off(have.allmulti));
	if (differs & TUNE_TXQLEN)
		r = cni_differs(e, "%s has the txQLen %u, not %u", link->name, have.txqlen,
				want->txqlen);

	return r;
}
