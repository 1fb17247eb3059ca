/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mac - the MAC address of an Ethernet interface, as text */
#ifndef MAC_H
#define MAC_H

#include <stdint.h>

/**
 * mac_parse() - read six pairs of hexadecimal digits, joined by colons
 * @text:	"02:00:5e:10:00:01", in either case
 *
 * ether_aton() would also take single digits, and anything after the last.
 *
 * Return: 0, or -EINVAL.
 */
int mac_parse(const char *text, uint8_t ret[6]);

#endif
