/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ifb - see ifb.h. */
#include "lib/ifb.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sha512.h>
#include <stdio.h>
#include <string.h>

#include "lib/cni.h"
#include "lib/link-gc.h"
#include "lib/link.h"
#include "lib/nl.h"

/* The reference's: this, and the first hex digits of SHA-512(network, container ID). */
#define REFERENCE_PREFIX "bwp"
#define REFERENCE_BYTES	 6

void ifb_name(const struct owner *owner, char ret[IFNAMSIZ])
{
	snprintf(ret, IFNAMSIZ, "%s%s", IFB_PREFIX, owner->host_ifname + strlen(OWNER_LINK_PREFIX));
}

/* The MAC address is set here, lest udev sets one while the result is on its way. */
static void put_add(struct nl *nl, const char *name, const struct owner *owner, uint32_t mtu,
		    const uint8_t mac[MAC_LEN])
{
	struct nlmsghdr *req =
		nl_put(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "add the ifb %s", name);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(req, sizeof(*ifi));
	struct nlattr *info;

	ifi->ifi_flags = ifi->ifi_change = IFF_UP;
	mnl_attr_put_strz(req, IFLA_IFNAME, name);
	mnl_attr_put(req, IFLA_ADDRESS, MAC_LEN, mac);
	mnl_attr_put_u32(req, IFLA_MTU, mtu);
	mnl_attr_put_u32(req, IFLA_GROUP, owner->group);
	info = mnl_attr_nest_start(req, IFLA_LINKINFO);
	mnl_attr_put_strz(req, IFLA_INFO_KIND, "ifb");
	mnl_attr_nest_end(req, info);
}

static void put_alias(struct nl *nl, const char *name, const char *alias)
{
	struct nlmsghdr *req = nl_put(nl, RTM_NEWLINK, 0, "mark the ifb %s", name);

	mnl_nlmsg_put_extra_header(req, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(req, IFLA_IFNAME, name);
	mnl_attr_put_strz(req, IFLA_IFALIAS, alias);
}

int ifb_add(struct nl *nl, const struct owner *owner, uint32_t mtu, struct link *ret, struct err *e)
{
	char name[IFNAMSIZ];
	uint8_t mac[MAC_LEN];
	struct link made;
	int r = link_random_mac(mac, e);

	if (r < 0)
		return r;
	ifb_name(owner, name);
	put_add(nl, name, owner, mtu, mac);
	put_alias(nl, name, owner->tag);
	r = nl_commit(nl, e);
	if (r == 0)
		r = link_get(nl, name, ret, e);
	if (r == 0)
		return 0;
	if (r == -EEXIST)
		err_detail(e, "an earlier ADD of this attachment was not followed by its DEL");
	/* What came of it is unknown when the answer is lost; the MAC address tells whose it is. */
	if (link_get(nl, name, &made, NULL) == 0 && memcmp(made.mac, mac, MAC_LEN) == 0)
		(void)link_del_quick(nl, made.index, NULL);

	return r;
}

static void reference_name(const struct cni_request *rq, char ret[IFNAMSIZ])
{
	uint8_t digest[SHA512_DIGEST_LENGTH];
	SHA512_CTX ctx;
	int len;

	SHA512Init(&ctx);
	SHA512Update(&ctx, (const uint8_t *)rq->network, strlen(rq->network));
	SHA512Update(&ctx, (const uint8_t *)rq->container_id, strlen(rq->container_id));
	SHA512Final(digest, &ctx);
	len = snprintf(ret, IFNAMSIZ, "%s", REFERENCE_PREFIX);
	for (size_t i = 0; i < REFERENCE_BYTES; i++)
		len += snprintf(ret + len, IFNAMSIZ - (size_t)len, "%02x", digest[i]);
}

int ifb_find(struct nl *nl, const struct cni_request *rq, struct link *ret, struct err *e)
{
	char name[IFNAMSIZ];
	struct link link;
	int r;

	ifb_name(&rq->owner, name);
	r = link_get(nl, name, &link, e);
	if (r == -ENODEV) {
		reference_name(rq, name);
		r = link_get(nl, name, &link, e);
	}
	if (r < 0)
		return r == -ENODEV ? 0 : r;
	if (strcmp(link.kind, "ifb") != 0)
		return 0;
	*ret = link;

	return 1;
}

int ifb_gc(const struct cni_request *rq, struct err *e)
{
	return link_gc(rq, IFB_PREFIX, "ifb", e);
}
