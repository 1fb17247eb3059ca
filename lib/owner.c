/* SPDX-License-Identifier: GPL-2.0-or-later */
/* owner - see owner.h. */
#include "lib/owner.h"

#include <sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void hash(const char *const *parts, size_t n, uint8_t ret[SHA256_DIGEST_LENGTH])
{
	SHA256_CTX ctx;

	SHA256_Init(&ctx);
	for (size_t i = 0; i < n; i++)
		SHA256_Update(&ctx, (const uint8_t *)parts[i], strlen(parts[i]) + 1);
	SHA256_Final(ret, &ctx);
}

static size_t put_hex(char *to, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		to[2 * i] = digits[bytes[i] >> 4];
		to[2 * i + 1] = digits[bytes[i] & 15];
	}
	to[2 * n] = '\0';

	return 2 * n;
}

/* The first 65 bits of @digest, 5 a character (RFC 4648 base32, lower case). */
static void put_base32(char *to, const uint8_t *digest, size_t n_chars)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint32_t bits = 0;
	unsigned int have = 0;

	for (size_t i = 0; i < n_chars; i++) {
		if (have < 5) {
			bits = bits << 8 | *digest++;
			have += 8;
		}
		to[i] = digits[bits >> (have - 5) & 31];
		have -= 5;
	}
	to[n_chars] = '\0';
}

void owner_init_network(struct owner *o, const char *network)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	memset(o, 0, sizeof(*o));
	hash(&network, 1, digest);
	memcpy(o->tag, "h1:", 3);
	put_hex(o->tag + 3, digest, 8);
	o->group = 1u << 30 | (uint32_t)(digest[8] & 0x3f) << 24 | (uint32_t)digest[9] << 16 |
		   (uint32_t)digest[10] << 8 | digest[11];
}

void owner_init(struct owner *o, const char *network, const char *container_id, const char *ifname)
{
	const char *parts[] = { network, container_id, ifname };
	uint8_t digest[SHA256_DIGEST_LENGTH];

	owner_init_network(o, network);
	hash(parts, 3, digest);
	o->tag[OWNER_NET_LEN] = ':';
	put_hex(o->tag + OWNER_NET_LEN + 1, digest, 16);
	snprintf(o->tag + OWNER_KEY_LEN, sizeof(o->tag) - OWNER_KEY_LEN, " %s %s %s", network,
		 container_id, ifname);

	memcpy(o->host_ifname, OWNER_LINK_PREFIX, 2);
	put_base32(o->host_ifname + 2, digest, 13);
}

bool owner_has(const struct owner *o, const char *tag, size_t len)
{
	return tag && len >= OWNER_KEY_LEN && memcmp(tag, o->tag, OWNER_KEY_LEN) == 0;
}

bool owner_has_network(const struct owner *o, const char *tag, size_t len)
{
	return tag && len >= OWNER_NET_LEN && memcmp(tag, o->tag, OWNER_NET_LEN) == 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';

	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool owner_link(const char *tag, size_t len, char ret[IFNAMSIZ])
{
	uint8_t digest[16];

	if (len < OWNER_KEY_LEN || strncmp(tag, "h1:", 3) != 0)
		return false;
	tag += OWNER_NET_LEN + 1;
	for (size_t i = 0; i < sizeof(digest); i++) {
		int high = hex_digit(tag[2 * i]), low = hex_digit(tag[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		digest[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(ret, OWNER_LINK_PREFIX, 2);
	put_base32(ret + 2, digest, 13);

	return true;
}

static bool is_tag(const char *tag)
{
	return strncmp(tag, "h1:", 3) == 0 && strlen(tag) > OWNER_KEY_LEN;
}

void owner_tag_with_count(const struct owner *o, unsigned int count, char ret[OWNER_TAG_SIZE])
{
	snprintf(ret, OWNER_TAG_SIZE, "%.*s+%u%s", OWNER_KEY_LEN, o->tag, count,
		 o->tag + OWNER_KEY_LEN);
}

unsigned int owner_count(const char *tag)
{
	return is_tag(tag) && tag[OWNER_KEY_LEN] == '+'
		       ? (unsigned int)strtoul(tag + OWNER_KEY_LEN + 1, NULL, 10)
		       : 0;
}

const char *owner_words(const char *tag)
{
	const char *space = is_tag(tag) ? strchr(tag + OWNER_KEY_LEN, ' ') : NULL;

	return space && space[1] ? space + 1 : tag;
}
