/* SPDX-License-Identifier: GPL-2.0-or-later */
/* routes - see routes.h. */
#include "ipam/routes.h"

#include "lib/cni.h"

int routes_read(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	struct jnode ipam, list;
	int r;

	if (!jn_get(&rq->conf, "ipam", &ipam) || !jn_get(&ipam, "routes", &list))
		return 0;
	r = jn_array(&list, e);
	for (size_t i = 0; r >= 0 && i < jn_count(&list); i++) {
		const struct jnode item = jn_item(&list, i);
		struct cni_route route;

		r = cni_route_read(&item, &route, e);
		if (r == 0)
			r = cni_result_add_route(res, &route, e);
	}

	return r < 0 ? r : 0;
}
