/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * endpoint - what a row of ROW_ENDPOINT says: an address, and who has it
 *
 * Whoever forwards reads the first part of it (wanted.c); this is all of it, for
 * listings, names, and errors that name who has an address.
 */
#ifndef OVERLAY_ENDPOINT_H
#define OVERLAY_ENDPOINT_H

#include "overlay/row.h"

#define ENDPOINT_IPS	  4
#define ENDPOINT_NAMES	  8
#define ENDPOINT_NAME_MAX 63  /* one DNS label */
#define ENDPOINT_ID_MAX	  128 /* characters of a container's ID; listings cut longer ones */
#define ENDPOINT_IFNAME	  16

struct endpoint_text {
	uint8_t mac[6];
	struct ip_addr ips[ENDPOINT_IPS];
	size_t n_ips;
	char container[ENDPOINT_ID_MAX + 1]; /* "": the owner's own address */
	char ifname[ENDPOINT_IFNAME];
	char names[ENDPOINT_NAMES][ENDPOINT_NAME_MAX + 1];
	size_t n_names;
	uint32_t mtu; /* 0: not said */
};

/*
 * Return: the length, or 0: more than ROW_VALUE_MAX; names that are long are what
 * may not fit.
 */
size_t endpoint_write(const struct endpoint_text *t, uint8_t ret[ROW_VALUE_MAX]);

/* Return: whether it can be read. */
bool endpoint_read(const struct row *row, struct endpoint_text *ret);

#endif
