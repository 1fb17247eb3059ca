/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nl-attr - see nl-attr.h */
#include "lib/nl-attr.h"

#include <libmnl/libmnl.h>
#include <stdio.h>
#include <string.h>

#include "lib/ip.h"

uint8_t nl_attr_u8(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) >= sizeof(uint8_t) ? mnl_attr_get_u8(attr) : 0;
}

uint16_t nl_attr_u16(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) >= sizeof(uint16_t) ? mnl_attr_get_u16(attr) : 0;
}

uint32_t nl_attr_u32(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) >= sizeof(uint32_t) ? mnl_attr_get_u32(attr) : 0;
}

void nl_attr_ip(const struct nlattr *attr, uint8_t family, struct ip_addr *ret)
{
	if (mnl_attr_get_payload_len(attr) != ip_size(family))
		return;
	*ret = (struct ip_addr){ .family = family };
	memcpy(ret->b, mnl_attr_get_payload(attr), ip_size(family));
}

void nl_attr_str(const struct nlattr *attr, char *buf, size_t size)
{
	snprintf(buf, size, "%.*s", (int)mnl_attr_get_payload_len(attr), mnl_attr_get_str(attr));
}
