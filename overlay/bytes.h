/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bytes - numbers in the order of the wire: little-endian, at any address */
#ifndef OVERLAY_BYTES_H
#define OVERLAY_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline void put_le16(uint8_t *to, uint16_t n)
{
	n = htole16(n);
	memcpy(to, &n, sizeof(n));
}

static inline void put_le32(uint8_t *to, uint32_t n)
{
	n = htole32(n);
	memcpy(to, &n, sizeof(n));
}

static inline void put_le64(uint8_t *to, uint64_t n)
{
	n = htole64(n);
	memcpy(to, &n, sizeof(n));
}

static inline uint16_t get_le16(const uint8_t *from)
{
	uint16_t n;

	memcpy(&n, from, sizeof(n));

	return le16toh(n);
}

static inline uint32_t get_le32(const uint8_t *from)
{
	uint32_t n;

	memcpy(&n, from, sizeof(n));

	return le32toh(n);
}

static inline uint64_t get_le64(const uint8_t *from)
{
	uint64_t n;

	memcpy(&n, from, sizeof(n));

	return le64toh(n);
}

#endif
