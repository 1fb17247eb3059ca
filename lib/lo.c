/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lo - see lo.h. */
#include "lib/lo.h"

#include <errno.h>

#include "lib/addr.h"
#include "lib/cni.h"
#include "lib/link.h"
#include "lib/nl.h"

int lo_set(struct nl *inside, bool up, struct err *e)
{
	struct link lo;
	int r = link_get(inside, "lo", &lo, e);

	if (r < 0)
		return r;
	link_put_flags(inside, lo.index, up ? IFF_UP : 0, IFF_UP);

	return nl_commit(inside, e);
}

static int report_addr(const struct addr *addr, void *data)
{
	const struct cni_ip ip = { .iface = 0, .address = addr->net };

	return cni_result_add_ip(data, &ip, NULL);
}

int lo_report(struct nl *inside, const char *netns, struct cni_result *res, struct err *e)
{
	struct link lo;
	int r = link_get(inside, "lo", &lo, e);

	if (r == 0)
		r = cni_result_add_iface(res, "lo", "00:00:00:00:00:00", netns, e);

	return r < 0 ? r : addr_each(inside, lo.index, report_addr, res, e);
}

int lo_check(struct nl *inside, struct err *e)
{
	struct link lo;
	int r = link_get(inside, "lo", &lo, e);

	if (r < 0 || lo.flags & IFF_UP)
		return r;

	return cni_differs(e, "lo in the container is down");
}
