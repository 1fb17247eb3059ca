/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mac - the MAC address of an Ethernet interface, as text */
#ifndef MAC_H
#define MAC_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/**
 * mac_parse() - read six pairs of hexadecimal digits, joined by colons
 * @text:	"02:00:5e:10:00:01", in either case
 *
 * ether_aton() would also take single digits, and anything after the last.
 *
 * Return: 0, or -EINVAL.
 */
int mac_parse(const char *text, uint8_t ret[6]);

#define MAC_STRLEN 18 /* "02:00:5e:10:00:01" and its NUL */

/* Text of @mac in @buf.  Return: @buf. */
const char *mac_str(const uint8_t mac[6], char buf[MAC_STRLEN]);

/* Whether an interface may have it: it is no group's, and not all zero. */
static inline bool mac_is_station(const uint8_t mac[6])
{
	return !(mac[0] & 1) && memcmp(mac, "\0\0\0\0\0", 6) != 0;
}

#endif
