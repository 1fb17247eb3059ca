/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * allow_fuzz - any text as a list of what a network allows
 *
 * What is read of it are boxes that have an inside and do not overlap, as the
 * kernel refuses a transaction with others.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/allow.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/jnode.h"

static bool are_apart(const struct allow_box *a, const struct allow_box *b)
{
	bool apart = a->family != b->family;

	for (int i = 0; i < ALLOW_SIDES; i++)
		apart = apart || memcmp(a->side[i].from, b->side[i].to, 16) > 0 ||
			memcmp(b->side[i].from, a->side[i].to, 16) > 0;

	return apart;
}

static void must_be_sound(const struct allow *a)
{
	MUST(allow_given(a) && a->n <= ALLOW_MAX);
	for (size_t i = 0; i < a->n; i++) {
		for (int side = 0; side < ALLOW_SIDES; side++)
			MUST(memcmp(a->list[i].side[side].from, a->list[i].side[side].to, 16) <= 0);
		for (size_t j = 0; j < i; j++)
			MUST(are_apart(&a->list[i], &a->list[j]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(allow_clear) struct allow a = { 0 };
	AUTO_JSON json_t *doc = NULL;
	struct err e = { 0 };
	struct jnode root;

	if (jn_parse((const char *)data, size, &doc, &e) < 0)
		return 0;
	root = jn_root(doc);
	if (allow_read(&root, "network", &a, &e) < 0)
		MUST(e.cni != 0 && *e.msg && !allow_given(&a));
	else
		must_be_sound(&a);

	return 0;
}
