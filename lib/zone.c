/* SPDX-License-Identifier: GPL-2.0-or-later */
/* zone - see zone.h. */
#include "lib/zone.h"

#include <errno.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/ip.h"
#include "lib/nft.h"
#include "lib/program.h"

#define HELPER "heddle-firewalld"

/* Its exit statuses. */
enum { DONE, FAILED, NOT_RUNNING, MISSING };

int zone_rules(struct nl *nl, struct err *e)
{
	static const struct nft_table table = { .family = NFPROTO_INET, .name = "firewalld" };
	static const struct nft_chain chain = { .table = &table, .name = "filter_FORWARD" };
	struct nft_chain_state state;

	return nft_get_chain(nl, &chain, &state, e);
}

/* Elsewhere the bus, if there is one, is somebody else's, and refuses. */
bool zone_may_ask(void)
{
	unsigned int inside, outside, count;
	FILE *f = fopen("/proc/self/uid_map", "re");
	bool initial = f && fscanf(f, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 &&
		       outside == 0 && count == UINT_MAX;

	if (f)
		fclose(f);

	return initial && geteuid() == 0;
}

/* The helper lies where this program does. */
static int find_helper(char ret[PATH_MAX], struct err *e)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *name;

	if (len < 0)
		return err_sys(e, errno, "find " HELPER);
	self[len] = '\0';
	name = strrchr(self, '/');
	if (!name || snprintf(ret, PATH_MAX, "%.*s/" HELPER, (int)(name - self), self) >= PATH_MAX)
		return err_sys(e, ENAMETOOLONG, "find " HELPER);

	return 0;
}

static int read_end(const struct program_end *end, struct err *e)
{
	switch (end->status) {
	case DONE:
		return 1;
	case NOT_RUNNING:
		return 0;
	case MISSING:
		return err_cni(e, CNI_E_CHECK, "firewalld: %.400s: an ADD restores it", end->said);
	default:
		return err_cni(e, CNI_E_IO, "firewalld: %.400s", end->said);
	}
}

static int run(const char *const argv[], struct err *e)
{
	AUTO(program_clear) struct program_end end = { 0 };
	int r = program_run(argv, "", &end, e);

	if (r == -ENOENT)
		return err_sys(e, ENOENT,
			       "firewalld is spoken to by %s, which is missing: install it beside "
			       "the plugins, or set backend to \"nftables\"",
			       argv[0]);

	return r < 0 ? r : read_end(&end, e);
}

static int ask(const char *verb, const char *zone, const struct ip_addr *addrs, size_t n,
	       struct err *e)
{
	AUTO_FREE char(*texts)[IP_NET_STRLEN] = calloc(n + 1, sizeof(*texts));
	AUTO_FREE const char **argv = calloc(n + 4, sizeof(*argv));
	char helper[PATH_MAX];
	int r = find_helper(helper, e);

	if (r < 0)
		return r;
	if (!argv || !texts)
		return err_sys(e, ENOMEM, "list the sources of zone \"%s\"", zone);
	argv[0] = helper;
	argv[1] = verb;
	argv[2] = zone;
	for (size_t i = 0; i < n; i++) {
		struct ip_net host = ip_host_net(&addrs[i]);

		argv[i + 3] = ip_net_str(&host, texts[i]);
	}

	return run(argv, e);
}

int zone_add(const char *name, const struct ip_addr *addrs, size_t n, struct err *e)
{
	return ask("add", name, addrs, n, e);
}

int zone_remove(const char *name, const struct ip_addr *addrs, size_t n, struct err *e)
{
	return ask("remove", name, addrs, n, e);
}

int zone_check(const char *name, const struct ip_addr *addrs, size_t n, struct err *e)
{
	return ask("query", name, addrs, n, e);
}
