/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netd_config_fuzz - any text as netd.conf
 *
 * What is refused is refused with the file and the line; what is taken is the
 * same when it is read again, and nothing of it needs a restart then.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <string.h>

#include "lib/err.h"
#include "netd/config.h"

static void check_refusal(int r, const struct err *e)
{
	MUST(r == -EINVAL);
	MUST(strncmp(e->msg, "f:", 2) == 0);
}

static void check_config(const struct config *c)
{
	MUST(c->listen.n > 0 && c->listen.n <= CONFIG_LISTEN_MAX);
	MUST(c->seeds.n <= CONFIG_SEEDS_MAX);
	MUST(c->n_pools <= CONFIG_POOLS_MAX);
	MUST(c->vni_min >= 1 && c->vni_min <= c->vni_max && c->vni_max <= CONFIG_VNI_MAX);
	MUST(c->vxlan_port > 0);
	MUST(*c->data_dir == '/' && *c->run_dir == '/' && *c->cni_conf_dir == '/');
	MUST(!c->metrics.path || !ip_is_set(&c->metrics.local.ip));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c, again;
	char left[256];
	struct err e = { 0 };
	int r = config_parse("f", (const char *)data, size, &c, &e);

	if (r < 0) {
		check_refusal(r, &e);
		return 0;
	}
	check_config(&c);
	MUST(config_parse("f", (const char *)data, size, &again, &e) == 0);
	config_reload(&c, &again, left, sizeof(left));
	MUST(*left == '\0');
	config_clear(&again);
	config_clear(&c);

	return 0;
}
