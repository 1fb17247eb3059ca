/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mac - see mac.h. */
#include "lib/mac.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mac_parse(const char *text, uint8_t ret[6])
{
	uint8_t mac[6];

	for (size_t i = 0; i < sizeof(mac); i++, text += 3) {
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
		    text[2] != (i < sizeof(mac) - 1 ? ':' : '\0'))
			return -EINVAL;
		mac[i] = (uint8_t)strtoul(text, NULL, 16);
	}
	memcpy(ret, mac, sizeof(mac));

	return 0;
}

const char *mac_str(const uint8_t mac[6], char buf[MAC_STRLEN])
{
	snprintf(buf, MAC_STRLEN, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);

	return buf;
}
