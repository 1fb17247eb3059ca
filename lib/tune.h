/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tune - settings of an interface that can be changed after it was made
 *
 * One struct serves for what a config wants, for what the interface has, and
 * for what it had before.
 */
#ifndef TUNE_H
#define TUNE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/link.h"

struct err;
struct jnode;
struct nl;

enum tune_what {
	TUNE_MAC = 1,
	TUNE_PROMISC = 2,
	TUNE_MTU = 4,
	TUNE_ALLMULTI = 8,
	TUNE_TXQLEN = 16,
};

struct tune {
	unsigned int set; /* enum tune_what: which of the others count */
	uint8_t mac[MAC_LEN];
	bool promisc, allmulti; /* as set on the interface; a sniffer's own wish is not counted */
	uint32_t mtu;
	uint32_t txqlen;
};

/**
 * tune_read() - settings by their keys: mac, promisc, mtu, allmulti, txQLen
 * @obj:	an object; other keys in it are not looked at
 * @t:		the keys that are there are put over what it holds; a mac of ""
 *		is none
 *
 * Return: 0; -EINVAL with the path of the bad value.
 */
int tune_read(const struct jnode *obj, struct tune *t, struct err *e);

/* The other way round: add the settings of @t to @obj.  Return: 0 or -ENOMEM. */
int tune_write(const struct tune *t, json_t *obj);

/* What @link has, of the settings in @set. */
struct tune tune_of(const struct link *link, unsigned int set);

/* Which settings of @want an interface with @have does not have. */
unsigned int tune_difference(const struct tune *want, const struct tune *have);

/* Queue requests on @nl that give the interface the settings of @t. */
void tune_put(struct nl *nl, int index, const struct tune *t);

/**
 * tune_check() - compare an interface with what it should have
 *
 * Return: 0, or -ESTALE with cni_differs() for each setting that it has not.
 */
int tune_check(const struct link *link, const struct tune *want, struct err *e);

#endif
