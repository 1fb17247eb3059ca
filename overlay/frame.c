/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame - see frame.h. */
#include "overlay/frame.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>

#include "overlay/bytes.h"

#define AT_VERSION 0
#define AT_KIND	   1
#define AT_PAD	   2
#define AT_KEY_ID  4
#define AT_BOOT	   8
#define AT_COUNTER 24
#define PAD_MAX	   (FRAME_MIN - FRAME_HEAD_LEN - FRAME_TAG_LEN)

static_assert(FRAME_HEAD_LEN + FRAME_TAG_LEN <= FRAME_OVERHEAD, "what the engine leaves room for");
static_assert(FRAME_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "of the cipher");
static_assert(FRAME_TAG_LEN == crypto_aead_xchacha20poly1305_ietf_ABYTES, "of the cipher");
static_assert(FRAME_HEAD_LEN - AT_BOOT == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	      "boot and counter are the nonce");

struct associated {
	uint8_t head[FRAME_HEAD_LEN];
	struct frame_end to;
};

static_assert(sizeof(struct associated) == FRAME_HEAD_LEN + NODE_ID_LEN + BOOT_ID_LEN,
	      "bytes only, so no holes");

static void put_head(const struct frame_head *h, uint8_t to[FRAME_HEAD_LEN])
{
	memset(to, 0, FRAME_HEAD_LEN);
	to[AT_VERSION] = h->version;
	to[AT_KIND] = h->kind;
	to[AT_PAD] = h->pad;
	put_le32(to + AT_KEY_ID, h->key_id);
	memcpy(to + AT_BOOT, h->boot.b, BOOT_ID_LEN);
	put_le64(to + AT_COUNTER, h->counter);
}

size_t frame_seal(const struct frame_head *h, const uint8_t key[FRAME_KEY_LEN],
		  const struct frame_end *to, const uint8_t *plain, size_t len, uint8_t *out)
{
	size_t size = frame_size(len), pad = size - FRAME_HEAD_LEN - FRAME_TAG_LEN - len;
	struct frame_head head = *h;
	struct associated ad = { .to = *to };
	uint8_t *text = out + FRAME_HEAD_LEN;

	head.pad = (uint8_t)pad;
	put_head(&head, ad.head);
	memcpy(out, ad.head, FRAME_HEAD_LEN);
	if (len > 0)
		memcpy(text, plain, len);
	memset(text + len, 0, pad);
	crypto_aead_xchacha20poly1305_ietf_encrypt(text, NULL, text, len + pad,
						   (const uint8_t *)&ad, sizeof(ad), NULL,
						   out + AT_BOOT, key);

	return size;
}

/* A newer version adds only what this one may pass over. */
static bool version_is_read(uint8_t theirs, uint8_t ours)
{
	return theirs > 0 && theirs + 1 >= ours && theirs <= ours + 1;
}

int frame_parse(const uint8_t *frame, size_t len, uint8_t version, struct frame_head *ret)
{
	struct frame_head h = { 0 };

	if (len < FRAME_MIN || len > FRAME_MAX)
		return -EBADMSG;
	h.version = frame[AT_VERSION];
	h.kind = frame[AT_KIND];
	h.pad = frame[AT_PAD];
	h.key_id = get_le32(frame + AT_KEY_ID);
	memcpy(h.boot.b, frame + AT_BOOT, BOOT_ID_LEN);
	h.counter = get_le64(frame + AT_COUNTER);
	*ret = h;

	return version_is_read(h.version, version) ? 0 : -EPROTONOSUPPORT;
}

int frame_open(const struct frame_head *h, const uint8_t key[FRAME_KEY_LEN],
	       const struct frame_end *self, const uint8_t *frame, size_t len, uint8_t *plain)
{
	struct associated ad = { .to = *self };
	size_t text_len = len - FRAME_HEAD_LEN - FRAME_TAG_LEN;
	int r;

	memcpy(ad.head, frame, FRAME_HEAD_LEN);
	r = crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, frame + FRAME_HEAD_LEN,
						       len - FRAME_HEAD_LEN, (const uint8_t *)&ad,
						       sizeof(ad), frame + AT_BOOT, key);
	if (r != 0 || h->pad > PAD_MAX || h->pad > text_len) {
		sodium_memzero(plain, text_len);
		return -EBADMSG;
	}

	return (int)(text_len - h->pad);
}
