/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attachment - see attachment.h. */
#include "lib/attachment.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lib/cni.h"
#include "lib/link.h"

int attachment_read_ifname(const struct jnode *n, const char **ret, struct err *e)
{
	char path[128];
	const char *name;
	int r = jn_str(n, &name, e);

	if (r == 0)
		r = cni_valid_ifname(name, jn_path(n, path, sizeof(path)), e);
	if (r == 0)
		*ret = name;
	else if (e)
		e->cni = CNI_E_CONFIG;

	return r;
}

int attachment_need_free(const struct cni_request *rq, struct nl *inside, struct err *e)
{
	struct link link;
	int r = link_get(inside, rq->ifname, &link, e);

	if (r < 0)
		return r == -ENODEV ? 0 : r;
	(void)err_cni(e, CNI_E_ENV, "CNI_IFNAME: %s exists already in %s", rq->ifname, rq->netns);

	return -EEXIST;
}

int attachment_set_dns(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	struct cni_dns dns = { 0 };
	struct jnode value;
	int r;

	if (!jn_get(&rq->conf, "dns", &value))
		return 0;
	r = cni_dns_read(&value, &dns, e);
	if (r < 0 || cni_dns_is_empty(&dns))
		return r;
	cni_dns_clear(&res->dns);
	res->dns = dns;

	return 0;
}

int attachment_report(struct cni_result *res, const char *name, const uint8_t *mac,
		      const char *sandbox, struct err *e)
{
	char text[MAC_STRLEN];

	return cni_result_add_iface(res, name, mac ? mac_str(mac, text) : NULL, sandbox, e);
}

const struct cni_iface *attachment_in_prev(const struct cni_request *rq)
{
	for (size_t i = 0; rq->prev && i < rq->prev->n_ifaces; i++) {
		const struct cni_iface *iface = &rq->prev->ifaces[i];

		if (iface->sandbox && strcmp(iface->name, rq->ifname) == 0 && iface->mac)
			return iface;
	}

	return NULL;
}

bool attachment_is_adopted(const struct cni_request *rq, const struct link *link)
{
	const struct cni_iface *iface = attachment_in_prev(rq);
	char mac[MAC_STRLEN];

	return iface && link->has_mac && strcasecmp(iface->mac, mac_str(link->mac, mac)) == 0;
}

int attachment_check_link(struct nl *nl, const char *name, const char *where, struct link *ret,
			  struct err *e)
{
	struct err why = { 0 };
	int r = link_get(nl, name, ret, &why);

	if (r == -ENODEV)
		return cni_differs(e, "%s is missing %s", name, where);
	if (r < 0 && e)
		*e = why;

	return r;
}
