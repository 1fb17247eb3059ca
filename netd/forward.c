/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forward - see forward.h. */
#include "netd/forward.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "lib/err.h"
#include "lib/link.h"
#include "lib/nl.h"
#include "netd/plane.h"

static const uint8_t everybody[6]; /* what the VXLAN device calls a MAC that it does not know */

/* ---- requests --------------------------------------------------------------------- */

static struct nlmsghdr *put_fdb(struct nl *nl, uint16_t type, uint16_t flags, int index,
				uint8_t where, const uint8_t mac[6])
{
	char text[MAC_STRLEN];
	struct nlmsghdr *req = nl_put(nl, type, flags, "%s the FDB entry of %s",
				      type == RTM_NEWNEIGH ? "set" : "delete", mac_str(mac, text));
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(req, sizeof(*ndm));

	ndm->ndm_family = PF_BRIDGE;
	ndm->ndm_ifindex = index;
	ndm->ndm_flags = where;
	mnl_attr_put(req, NDA_LLADDR, 6, mac);

	return req;
}

static void put_dst(struct nlmsghdr *req, const struct ip_addr *vtep)
{
	mnl_attr_put(req, NDA_DST, ip_size(vtep->family), vtep->b);
}

static void mark_learned(struct nlmsghdr *req, uint16_t state)
{
	struct ndmsg *ndm = mnl_nlmsg_get_payload(req);

	ndm->ndm_flags |= NTF_EXT_LEARNED;
	ndm->ndm_state = state;
}

/* One message for both places. */
static void put_remote(struct nl *nl, int vxlan, const struct entry_is *is)
{
	struct nlmsghdr *req = put_fdb(nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, vxlan,
				       NTF_MASTER | NTF_SELF, is->mac);

	mark_learned(req, NUD_REACHABLE);
	put_dst(req, &is->ip);
}

static void put_flood(struct nl *nl, int vxlan, const struct ip_addr *vtep)
{
	struct nlmsghdr *req =
		put_fdb(nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_APPEND, vxlan, NTF_SELF, everybody);

	mark_learned(req, NUD_REACHABLE);
	put_dst(req, vtep);
}

static struct nlmsghdr *put_neighbour(struct nl *nl, uint16_t type, uint16_t flags, int bridge,
				      const struct ip_addr *ip)
{
	char text[IP_STRLEN];
	struct nlmsghdr *req = nl_put(nl, type, flags, "%s the neighbour entry of %s",
				      type == RTM_NEWNEIGH ? "set" : "delete", ip_str(ip, text));
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(req, sizeof(*ndm));

	ndm->ndm_family = ip->family;
	ndm->ndm_ifindex = bridge;
	put_dst(req, ip);

	return req;
}

void forward_put(struct nl *nl, const struct forward_devices *dev, const struct entry_is *is)
{
	struct nlmsghdr *req;

	if (is->kind == ENTRY_FDB) {
		put_remote(nl, dev->vxlan, is);
	} else if (is->kind == ENTRY_FLOOD) {
		put_flood(nl, dev->vxlan, &is->ip);
	} else {
		req = put_neighbour(nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, dev->bridge,
				    &is->ip);
		mark_learned(req, NUD_PERMANENT);
		mnl_attr_put(req, NDA_LLADDR, sizeof(is->mac), is->mac);
		mnl_attr_put_u8(req, NDA_PROTOCOL, PLANE_PROTOCOL);
	}
}

/* Of the two places of an FDB entry each by itself, as the first failure would end a common one. */
void forward_put_del(struct nl *nl, const struct forward_devices *dev, const struct entry_is *is)
{
	if (is->kind == ENTRY_FDB) {
		(void)put_fdb(nl, RTM_DELNEIGH, 0, dev->vxlan, NTF_MASTER, is->mac);
		(void)put_fdb(nl, RTM_DELNEIGH, 0, dev->vxlan, NTF_SELF, is->mac);
	} else if (is->kind == ENTRY_FLOOD) {
		put_dst(put_fdb(nl, RTM_DELNEIGH, 0, dev->vxlan, NTF_SELF, everybody), &is->ip);
	} else {
		(void)put_neighbour(nl, RTM_DELNEIGH, 0, dev->bridge, &is->ip);
	}
}

void forward_put_local(struct nl *nl, int port, const uint8_t mac[6])
{
	struct nlmsghdr *req =
		put_fdb(nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, port, NTF_MASTER, mac);
	struct ndmsg *ndm = mnl_nlmsg_get_payload(req);

	ndm->ndm_state = NUD_NOARP;
}

void forward_put_local_del(struct nl *nl, int port, const uint8_t mac[6])
{
	(void)put_fdb(nl, RTM_DELNEIGH, 0, port, NTF_MASTER, mac);
}

/* ---- answers ------------------------------------------------------------------------- */

static void read_attrs(const struct nlmsghdr *nlh, uint8_t family, struct entry_is *is,
		       uint32_t *master)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct ndmsg)) {
		uint16_t len = mnl_attr_get_payload_len(attr);

		switch (mnl_attr_get_type(attr)) {
		case NDA_LLADDR:
			if (len == sizeof(is->mac))
				memcpy(is->mac, mnl_attr_get_payload(attr), len);
			break;
		case NDA_DST:
			if (family == PF_BRIDGE)
				is->ip.family = len == 4 ? AF_INET : len == 16 ? AF_INET6 : 0;
			else if (len == ip_size(family))
				is->ip.family = family;
			if (is->ip.family)
				memcpy(is->ip.b, mnl_attr_get_payload(attr), len);
			break;
		case NDA_MASTER:
			if (len == sizeof(*master))
				*master = mnl_attr_get_u32(attr);
			break;
		default:
			break;
		}
	}
}

static bool is_everybody(const struct entry_is *is)
{
	return memcmp(is->mac, everybody, sizeof(everybody)) == 0;
}

/* A bridge's own addresses, and what is in neither device's table, are of no interest. */
static bool read_fdb(const struct ndmsg *ndm, uint32_t master, struct forward_said *said)
{
	bool in_vxlan = ndm->ndm_flags & NTF_SELF && ip_is_set(&said->is.ip);

	if (!in_vxlan && (!master || ndm->ndm_state & NUD_PERMANENT))
		return false;
	said->place = in_vxlan ? ENTRY_IN_VXLAN : ENTRY_IN_BRIDGE;
	said->is.kind = in_vxlan && is_everybody(&said->is) ? ENTRY_FLOOD : ENTRY_FDB;
	if (!in_vxlan)
		said->is.ip = (struct ip_addr){ 0 };
	if (said->is.kind == ENTRY_FLOOD)
		memset(said->is.mac, 0, sizeof(said->is.mac));
	said->usable = true;

	return true;
}

bool forward_read(const struct nlmsghdr *nlh, struct forward_said *ret)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	struct forward_said said = { .gone = nlh->nlmsg_type == RTM_DELNEIGH };
	uint32_t master = 0;
	bool known;

	if ((nlh->nlmsg_type != RTM_NEWNEIGH && !said.gone) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*ndm))
		return false;
	read_attrs(nlh, ndm->ndm_family, &said.is, &master);
	said.index = ndm->ndm_ifindex;
	said.ours = ndm->ndm_flags & NTF_EXT_LEARNED;
	if (ndm->ndm_family == PF_BRIDGE) {
		known = read_fdb(ndm, master, &said);
	} else {
		said.is.kind = ENTRY_NEIGHBOUR;
		said.place = ENTRY_IN_VXLAN;
		said.usable = ndm->ndm_state & NUD_PERMANENT;
		known = ip_is_set(&said.is.ip);
	}
	if (known)
		*ret = said;

	return known;
}

struct dump {
	struct entries *t;
	int index;
};

static int see_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct dump *d = data;
	struct forward_said said;

	/* Older kernels list what was not asked for. */
	if (!forward_read(nlh, &said) || said.index != d->index || !said.usable)
		return 0;

	return entries_see(d->t, &said.is, said.place, said.ours);
}

static int see_fdb(struct nl *nl, int vxlan, struct entries *t, struct err *e)
{
	struct nlmsghdr *req =
		nl_put(nl, RTM_GETNEIGH, NLM_F_DUMP, "list the FDB of interface number %d", vxlan);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(req, sizeof(*ndm));

	ndm->ndm_family = PF_BRIDGE;
	ndm->ndm_ifindex = vxlan;

	return nl_query(nl, see_cb, &(struct dump){ t, vxlan }, e);
}

static int see_neighbours(struct nl *nl, int bridge, uint8_t family, struct entries *t,
			  struct err *e)
{
	struct nlmsghdr *req = nl_put(nl, RTM_GETNEIGH, NLM_F_DUMP,
				      "list the %s neighbours of interface number %d",
				      ip_family_name(family), bridge);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(req, sizeof(*ndm));

	ndm->ndm_family = family;
	mnl_attr_put_u32(req, NDA_IFINDEX, (uint32_t)bridge);

	return nl_query(nl, see_cb, &(struct dump){ t, bridge }, e);
}

int forward_see(struct nl *nl, const struct forward_devices *dev, struct entries *t, struct err *e)
{
	int r = see_fdb(nl, dev->vxlan, t, e);

	if (r == 0)
		r = see_neighbours(nl, dev->bridge, AF_INET, t, e);
	if (r == 0)
		r = see_neighbours(nl, dev->bridge, AF_INET6, t, e);

	return r;
}

struct local {
	int port;
	bool is;
};

static int local_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	struct local *l = data;

	l->is = ndm->ndm_ifindex == l->port && ndm->ndm_state & NUD_NOARP;

	return 0;
}

int forward_is_local(struct nl *nl, int port, const uint8_t mac[6], struct err *e)
{
	struct local l = { .port = port };
	struct err said;
	int r;

	(void)put_fdb(nl, RTM_GETNEIGH, 0, port, NTF_MASTER, mac);
	r = nl_query(nl, local_cb, &l, &said);
	if (r < 0 && r != -ENOENT && e)
		*e = said;

	return r < 0 && r != -ENOENT ? r : l.is;
}
