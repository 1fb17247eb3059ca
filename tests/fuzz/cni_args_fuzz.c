/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cni_args_fuzz - any text as CNI_ARGS, and what plugins look for in it
 *
 * A text is taken or refused with an error; what is taken is a MAC address of
 * one station and addresses that are addresses.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <string.h>

#include "ipam/requested.h"
#include "lib/cleanup.h"
#include "lib/cni.h"

/* A pointer into the copy that @a owns, or none. */
static void must_be_inside(const struct cni_args *a, const char *value, size_t size)
{
	MUST(!value || (value > a->text && value <= a->text + size));
}

static void try_addresses(const struct cni_args *a)
{
	struct requested list = { 0 };
	struct err e;

	for (int need_len = 0; need_len < 2; need_len++) {
		if (requested_by_env(a, need_len, &list, &e) == 0) {
			for (size_t i = 0; i < list.n; i++)
				MUST(ip_is_set(&list.nets[i].addr) &&
				     list.nets[i].len <= ip_bits(list.nets[i].addr.family));
		} else {
			MUST(e.cni == CNI_E_ENV && *e.msg);
		}
		requested_clear(&list);
		list = (struct requested){ 0 };
	}
}

static void try_mac(const char *text)
{
	const struct cni_request rq = { .args = text };
	bool given = false;
	uint8_t mac[6];
	struct err e;

	if (cni_mac(&rq, mac, &given, &e) < 0)
		MUST(e.cni == CNI_E_ENV && *e.msg);
	else if (given)
		MUST(!(mac[0] & 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = strndup((const char *)data, size);
	struct cni_args a = { .ip = "untouched" };
	struct err e;

	if (cni_args_parse(text, &a, &e) < 0) {
		MUST(e.cni == CNI_E_ENV && *e.msg && strcmp(a.ip, "untouched") == 0);
	} else {
		must_be_inside(&a, a.ip, size);
		must_be_inside(&a, a.mac, size);
		must_be_inside(&a, a.gateway, size);
		try_addresses(&a);
		cni_args_clear(&a);
	}
	try_mac(text);

	return 0;
}
