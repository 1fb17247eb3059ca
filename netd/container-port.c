/* SPDX-License-Identifier: GPL-2.0-or-later */
/* container-port - see container-port.h */
#include "netd/container-port.h"

#include <string.h>

#include "lib/link.h"
#include "lib/owner.h"

bool container_port_is_there(struct nl *nl, const struct owner *owner)
{
	struct link link;

	return link_get(nl, owner->host_ifname, &link, NULL) == 0 &&
	       owner_has(owner, link.alias, strlen(link.alias));
}
