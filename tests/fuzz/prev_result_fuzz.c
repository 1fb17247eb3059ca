/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prev_result_fuzz - any JSON as a result of each version
 *
 * What was read and written once is read again as the same, a copy says the
 * same, and whatever can be read can be written in every version, but for the
 * old ones that must have an address.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "lib/cleanup.h"
#include "lib/cni-result.h"
#include "lib/err.h"
#include "lib/jnode.h"

static json_t *written(const struct cni_result *res, enum cni_version version)
{
	json_t *obj = NULL;
	struct err e;

	if (cni_result_write(res, version, &obj, &e) < 0)
		MUST(version < CNI_0_3_0 && res->n_ips == 0 && e.cni == CNI_E_CONFIG);

	return obj;
}

static void must_read_as_itself(json_t *obj, enum cni_version version)
{
	const struct jnode n = { .json = obj, .key = "prevResult" };
	struct cni_result res = { 0 };
	AUTO_JSON json_t *again = NULL;
	struct err e;

	MUST(cni_result_read(&n, version, &res, &e) == 0);
	again = written(&res, version);
	MUST(json_equal(obj, again));
	cni_result_clear(&res);
}

static void must_copy_as_itself(const struct cni_result *res, enum cni_version version,
				const json_t *obj)
{
	struct cni_result copy = { 0 };
	AUTO_JSON json_t *again = NULL;

	MUST(cni_result_copy(res, &copy, NULL) == 0);
	again = written(&copy, version);
	MUST(json_equal(obj, again));
	cni_result_clear(&copy);
}

static void try_version(json_t *doc, enum cni_version version)
{
	const struct jnode n = { .json = doc, .key = "prevResult" };
	struct cni_result res = { 0 };
	struct err e;

	if (cni_result_read(&n, version, &res, &e) < 0) {
		MUST(e.sys == EINVAL && e.cni == CNI_E_CONFIG && *e.msg);
		return;
	}
	for (int to = 0; to < CNI_N_VERSIONS; to++) {
		AUTO_JSON json_t *obj = written(&res, (enum cni_version)to);

		if (!obj)
			continue;
		must_read_as_itself(obj, (enum cni_version)to);
		must_copy_as_itself(&res, (enum cni_version)to, obj);
	}
	cni_result_clear(&res);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_JSON json_t *doc = NULL;

	if (jn_parse((const char *)data, size, &doc, NULL) < 0)
		return 0;
	for (int version = 0; version < CNI_N_VERSIONS; version++)
		try_version(doc, (enum cni_version)version);

	return 0;
}
