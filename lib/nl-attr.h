/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nl-attr - values of netlink attributes, however short the kernel has made them
 *
 * libmnl's own readers trust the attribute's length.
 */
#ifndef NL_ATTR_H
#define NL_ATTR_H

#include <stddef.h>
#include <stdint.h>

struct ip_addr;
struct nlattr;

/* In the host's byte order; 0 if the attribute is shorter than that. */
uint8_t nl_attr_u8(const struct nlattr *attr);
uint16_t nl_attr_u16(const struct nlattr *attr);
uint32_t nl_attr_u32(const struct nlattr *attr);

/* An address, if it is as long as one of @family is; else @ret stays as it is. */
void nl_attr_ip(const struct nlattr *attr, uint8_t family, struct ip_addr *ret);

/* A text into @buf of @size bytes: cut to fit, always terminated. */
void nl_attr_str(const struct nlattr *attr, char *buf, size_t size);

#endif
