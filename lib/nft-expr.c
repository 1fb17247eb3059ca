/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft-expr - see nft-expr.h. */
#include "lib/nft-expr.h"

#include <stdio.h> /* libnftnl/expr.h needs FILE */

#include <libnftnl/expr.h>
#include <string.h>

#include "lib/nft.h"

static uint32_t reg32(uint32_t reg)
{
	return NFT_REG32_00 + reg;
}

/* An expression that could not be filled in must not go out half built. */
static struct nftnl_expr *set_data(struct nftnl_expr *x, uint16_t attr, const void *data,
				   uint32_t len)
{
	if (x && nftnl_expr_set(x, attr, data, len) < 0) {
		nftnl_expr_free(x);
		return NULL;
	}

	return x;
}

static struct nftnl_expr *set_str(struct nftnl_expr *x, uint16_t attr, const char *text)
{
	return set_data(x, attr, text, (uint32_t)strlen(text) + 1);
}

static struct nftnl_expr *set_u32(struct nftnl_expr *x, uint16_t attr, uint32_t value)
{
	return set_data(x, attr, &value, sizeof(value));
}

struct nftnl_expr *nft_meta(uint32_t key, uint32_t reg)
{
	struct nftnl_expr *x = nftnl_expr_alloc("meta");

	x = set_u32(x, NFTNL_EXPR_META_KEY, key);
	return set_u32(x, NFTNL_EXPR_META_DREG, reg32(reg));
}

struct nftnl_expr *nft_ct(uint32_t key, uint32_t reg)
{
	struct nftnl_expr *x = nftnl_expr_alloc("ct");

	x = set_u32(x, NFTNL_EXPR_CT_KEY, key);
	return set_u32(x, NFTNL_EXPR_CT_DREG, reg32(reg));
}

struct nftnl_expr *nft_fib_daddr_type(uint32_t reg)
{
	struct nftnl_expr *x = nftnl_expr_alloc("fib");

	x = set_u32(x, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	x = set_u32(x, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
	return set_u32(x, NFTNL_EXPR_FIB_DREG, reg32(reg));
}

struct nftnl_expr *nft_fib_saddr_iif(uint32_t reg)
{
	struct nftnl_expr *x = nftnl_expr_alloc("fib");

	x = set_u32(x, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_OIF);
	x = set_u32(x, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF);
	return set_u32(x, NFTNL_EXPR_FIB_DREG, reg32(reg));
}

struct nftnl_expr *nft_payload(uint32_t base, uint32_t offset, uint32_t len, uint32_t reg)
{
	struct nftnl_expr *x = nftnl_expr_alloc("payload");

	x = set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, base);
	x = set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	x = set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, len);
	return set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, reg32(reg));
}

struct nftnl_expr *nft_and(uint32_t reg, const void *mask, uint32_t len)
{
	static const uint8_t zero[16];
	struct nftnl_expr *x = nftnl_expr_alloc("bitwise");

	x = set_u32(x, NFTNL_EXPR_BITWISE_SREG, reg32(reg));
	x = set_u32(x, NFTNL_EXPR_BITWISE_DREG, reg32(reg));
	x = set_u32(x, NFTNL_EXPR_BITWISE_LEN, len);
	x = set_data(x, NFTNL_EXPR_BITWISE_MASK, mask, len);
	return set_data(x, NFTNL_EXPR_BITWISE_XOR, zero, len);
}

/* (value & ~bits) ^ bits */
struct nftnl_expr *nft_or(uint32_t reg, uint32_t bits)
{
	struct nftnl_expr *x = nftnl_expr_alloc("bitwise");
	uint32_t mask = ~bits;

	x = set_u32(x, NFTNL_EXPR_BITWISE_SREG, reg32(reg));
	x = set_u32(x, NFTNL_EXPR_BITWISE_DREG, reg32(reg));
	x = set_u32(x, NFTNL_EXPR_BITWISE_LEN, sizeof(bits));
	x = set_data(x, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof(mask));
	return set_data(x, NFTNL_EXPR_BITWISE_XOR, &bits, sizeof(bits));
}

struct nftnl_expr *nft_meta_set(uint32_t key, uint32_t reg)
{
	struct nftnl_expr *x = nftnl_expr_alloc("meta");

	x = set_u32(x, NFTNL_EXPR_META_KEY, key);
	return set_u32(x, NFTNL_EXPR_META_SREG, reg32(reg));
}

struct nftnl_expr *nft_counter(void)
{
	return nftnl_expr_alloc("counter");
}

struct nftnl_expr *nft_jump(const char *chain)
{
	struct nftnl_expr *x = nftnl_expr_alloc("immediate");

	x = set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	x = set_u32(x, NFTNL_EXPR_IMM_VERDICT, (uint32_t)NFT_JUMP);
	return set_str(x, NFTNL_EXPR_IMM_CHAIN, chain);
}

static struct nftnl_expr *compare(uint32_t reg, uint32_t op, const void *data, uint32_t len)
{
	struct nftnl_expr *x = nftnl_expr_alloc("cmp");

	x = set_u32(x, NFTNL_EXPR_CMP_SREG, reg32(reg));
	x = set_u32(x, NFTNL_EXPR_CMP_OP, op);
	return set_data(x, NFTNL_EXPR_CMP_DATA, data, len);
}

struct nftnl_expr *nft_is(uint32_t reg, const void *data, uint32_t len)
{
	return compare(reg, NFT_CMP_EQ, data, len);
}

struct nftnl_expr *nft_is_not(uint32_t reg, const void *data, uint32_t len)
{
	return compare(reg, NFT_CMP_NEQ, data, len);
}

struct nftnl_expr *nft_range(uint32_t reg, bool outside, const void *from, const void *to,
			     uint32_t len)
{
	struct nftnl_expr *x = nftnl_expr_alloc("range");

	x = set_u32(x, NFTNL_EXPR_RANGE_SREG, reg32(reg));
	x = set_u32(x, NFTNL_EXPR_RANGE_OP, outside ? NFT_RANGE_NEQ : NFT_RANGE_EQ);
	x = set_data(x, NFTNL_EXPR_RANGE_FROM_DATA, from, len);
	return set_data(x, NFTNL_EXPR_RANGE_TO_DATA, to, len);
}

static struct nftnl_expr *lookup(const struct nft_set *set, uint32_t reg)
{
	struct nftnl_expr *x = nftnl_expr_alloc("lookup");

	x = set_u32(x, NFTNL_EXPR_LOOKUP_SREG, reg32(reg));
	return set_str(x, NFTNL_EXPR_LOOKUP_SET, set->name);
}

struct nftnl_expr *nft_in(const struct nft_set *set, uint32_t reg)
{
	return lookup(set, reg);
}

struct nftnl_expr *nft_not_in(const struct nft_set *set, uint32_t reg)
{
	return set_u32(lookup(set, reg), NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

struct nftnl_expr *nft_map(const struct nft_set *map, uint32_t reg, uint32_t to)
{
	return set_u32(lookup(map, reg), NFTNL_EXPR_LOOKUP_DREG, reg32(to));
}

struct nftnl_expr *nft_vmap(const struct nft_set *map, uint32_t reg)
{
	return set_u32(lookup(map, reg), NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
}

struct nftnl_expr *nft_verdict(int verdict)
{
	struct nftnl_expr *x = nftnl_expr_alloc("immediate");

	x = set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	return set_u32(x, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
}

struct nftnl_expr *nft_masquerade(void)
{
	return nftnl_expr_alloc("masq");
}

struct nftnl_expr *nft_dnat(uint8_t family, uint32_t addr, uint32_t port)
{
	struct nftnl_expr *x = nftnl_expr_alloc("nat");

	x = set_u32(x, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
	x = set_u32(x, NFTNL_EXPR_NAT_FAMILY, family);
	x = set_u32(x, NFTNL_EXPR_NAT_REG_ADDR_MIN, reg32(addr));
	return set_u32(x, NFTNL_EXPR_NAT_REG_PROTO_MIN, reg32(port));
}
