/* SPDX-License-Identifier: GPL-2.0-or-later */
/* address - see address.h. */
#include "netd/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

socklen_t address_to_socket(const struct node_addr *a, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	ret->ss_family = a->ip.family;
	if (a->ip.family == AF_INET) {
		v4->sin_port = htons(a->port);
		memcpy(&v4->sin_addr, a->ip.b, sizeof(v4->sin_addr));
		return sizeof(*v4);
	}
	v6->sin6_port = htons(a->port);
	memcpy(&v6->sin6_addr, a->ip.b, sizeof(v6->sin6_addr));

	return sizeof(*v6);
}

bool address_of_socket(const struct sockaddr_storage *s, struct node_addr *ret)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)s;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)s;

	if (s->ss_family != AF_INET && s->ss_family != AF_INET6)
		return false;

	*ret = (struct node_addr){ .ip.family = (uint8_t)s->ss_family };
	if (s->ss_family == AF_INET) {
		ret->port = ntohs(v4->sin_port);
		memcpy(ret->ip.b, &v4->sin_addr, sizeof(v4->sin_addr));
	} else {
		ret->port = ntohs(v6->sin6_port);
		memcpy(ret->ip.b, &v6->sin6_addr, sizeof(v6->sin6_addr));
	}

	return true;
}

const char *address_str(const struct node_addr *a, char buf[ADDRESS_STRLEN])
{
	char ip[IP_STRLEN];

	snprintf(buf, ADDRESS_STRLEN, a->ip.family == AF_INET6 ? "[%s]:%u" : "%s:%u",
		 ip_str(&a->ip, ip), a->port);

	return buf;
}
