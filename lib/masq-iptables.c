/* SPDX-License-Identifier: GPL-2.0-or-later */
/* masq-iptables - see masq-iptables.h. */
#include "lib/masq-iptables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/gc.h"
#include "lib/iptables.h"
#include "lib/masq.h"

static const uint8_t families[] = { AF_INET, AF_INET6 };

static bool has_family(const struct masq *m, uint8_t family)
{
	for (size_t i = 0; i < m->n_addrs; i++)
		if (m->addrs[i].addr.family == family)
			return true;

	return false;
}

/* ---- add ------------------------------------------------------------------- */

/* The rules of the reference, but all networks are let through before anything is masqueraded. */
static void write_rules(FILE *f, const struct masq *m, uint8_t family)
{
	const char *multicast = family == AF_INET ? "224.0.0.0/4" : "ff00::/8";
	char chain[IPTABLES_CHAIN_SIZE], comment[2 * IPTABLES_COMMENT_SIZE];
	char text[IP_NET_STRLEN];

	iptables_chain_name(chain, "", m->network, m->container_id);
	iptables_comment(comment, m->network, m->container_id);
	fprintf(f, "*nat\n:%s - [0:0]\n", chain);
	for (size_t i = 0; i < m->n_addrs; i++)
		if (m->addrs[i].addr.family == family)
			fprintf(f, "-A %s -d %s -m comment --comment \"%s\" -j ACCEPT\n", chain,
				ip_net_str(&m->addrs[i], text), comment);
	fprintf(f, "-A %s ! -d %s -m comment --comment \"%s\" -j MASQUERADE\n", chain, multicast,
		comment);
	for (size_t i = 0; i < m->n_addrs; i++)
		if (m->addrs[i].addr.family == family)
			fprintf(f, "-A POSTROUTING -s %s -m comment --comment \"%s\" -j %s\n",
				ip_str(&m->addrs[i].addr, text), comment, chain);
	fprintf(f, "COMMIT\n");
}

static int add_family(const struct masq *m, uint8_t family, struct err *e)
{
	AUTO_FREE char *script = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&script, &len);

	if (!f)
		return err_sys(e, errno, "write an iptables script");
	write_rules(f, m, family);
	if (fclose(f) != 0)
		return err_sys(e, errno, "write an iptables script");

	return iptables_restore(family, script, e);
}

int masq_iptables_add(const struct masq *m, struct err *e)
{
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (!has_family(m, families[i]))
			continue;
		r = add_family(m, families[i], e);
		if (r < 0)
			goto undo_families;
	}

	return 0;

undo_families:
	(void)masq_iptables_del(m, NULL);
	return r;
}

/* ---- del ------------------------------------------------------------------- */

static bool is_chain(const char *chain, const void *data)
{
	return strcmp(chain, data) == 0;
}

/* Whether a rule is for packets from @ip alone. */
static bool is_from(const struct iptables_line *line, const struct ip_addr *ip)
{
	struct ip_net host = ip_host_net(ip);
	char net[IP_NET_STRLEN], match[IP_NET_STRLEN + 8];
	int len;

	len = snprintf(match, sizeof(match), " -s %s ", ip_net_str(&host, net));

	return memmem(line->text, (size_t)line->len, match, (size_t)len);
}

static bool is_ours(const struct iptables_line *line, const struct masq *m)
{
	for (size_t i = 0; i < m->n_addrs; i++)
		if (is_from(line, &m->addrs[i].addr))
			return true;

	return m->n_addrs == 0;
}

/* Whether another attachment of the container to the network uses the chain too. */
static bool is_shared(const char *listing, const char *chain, const struct masq *m)
{
	struct iptables_line line;

	for (const char *at = listing; iptables_next(&at, &line);)
		if (line.is_rule && strcmp(line.target, chain) == 0 && !is_ours(&line, m))
			return true;

	return false;
}

/* Only the rules that lead our addresses to the chain. */
static int unshare_chain(uint8_t family, const char *listing, const char *chain,
			 const struct masq *m, struct err *e)
{
	AUTO_FREE char *script = NULL;
	struct iptables_line line;
	size_t len = 0;
	FILE *f = open_memstream(&script, &len);

	if (!f)
		return err_sys(e, errno, "write an iptables script");
	fprintf(f, "*nat\n");
	for (const char *at = listing; iptables_next(&at, &line);)
		if (line.is_rule && strcmp(line.target, chain) == 0 && is_ours(&line, m))
			fprintf(f, "-D%.*s\n", line.len - 2, line.text + 2);
	fprintf(f, "COMMIT\n");
	if (fclose(f) != 0)
		return err_sys(e, errno, "write an iptables script");

	return iptables_restore(family, script, e);
}

static int del_family(const struct masq *m, uint8_t family, struct err *e)
{
	AUTO_FREE char *listing = NULL;
	char chain[IPTABLES_CHAIN_SIZE];
	int r;

	r = iptables_list(family, "nat", &listing, e);
	if (r < 0)
		return r;
	iptables_chain_name(chain, "", m->network, m->container_id);
	if (is_shared(listing, chain, m))
		return unshare_chain(family, listing, chain, m, e);

	return iptables_purge(family, "nat", listing,
			      (struct iptables_filter){ .match = is_chain, .data = chain }, e);
}

/* A family that the host does not have can hold nothing of ours. */
static bool host_has(uint8_t family)
{
	return family == AF_INET || access("/proc/net/if_inet6", F_OK) == 0;
}

/*
 * Goes on past errors.  Without the program nothing can be there that we made,
 * and nothing could be done about it.
 */
static int each_family(int (*fn)(const void *what, uint8_t family, struct err *e), const void *what,
		       const struct masq *only, struct err *e)
{
	struct err next;
	int r = 0, each;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (only && only->n_addrs > 0 ? !has_family(only, families[i])
					      : !host_has(families[i]))
			continue;
		each = fn(what, families[i], &next);
		if (each < 0 && each != -ENOENT)
			r = err_keep(r, e, each, &next);
	}

	return r;
}

static int del_cb(const void *what, uint8_t family, struct err *e)
{
	return del_family(what, family, e);
}

int masq_iptables_del(const struct masq *m, struct err *e)
{
	return each_family(del_cb, m, m, e);
}

/* ---- check ----------------------------------------------------------------- */

static bool leads_to_chain(const char *listing, const struct ip_addr *ip, const char *chain)
{
	struct iptables_line line;

	for (const char *at = listing; iptables_next(&at, &line);)
		if (line.is_rule && strcmp(line.chain, "POSTROUTING") == 0 &&
		    strcmp(line.target, chain) == 0 && is_from(&line, ip))
			return true;

	return false;
}

static bool chain_masquerades(const char *listing, const char *chain)
{
	struct iptables_line line;

	for (const char *at = listing; iptables_next(&at, &line);)
		if (line.is_rule && strcmp(line.chain, chain) == 0 &&
		    strcmp(line.target, "MASQUERADE") == 0)
			return true;

	return false;
}

static int check_family(const struct masq *m, uint8_t family, struct err *e)
{
	AUTO_FREE char *listing = NULL;
	char chain[IPTABLES_CHAIN_SIZE], text[IP_STRLEN];
	int r;

	r = iptables_list(family, "nat", &listing, e);
	if (r < 0)
		return r;
	iptables_chain_name(chain, "", m->network, m->container_id);
	for (size_t i = 0; i < m->n_addrs; i++) {
		const struct ip_addr *ip = &m->addrs[i].addr;

		if (ip->family == family && !leads_to_chain(listing, ip, chain))
			return err_cni(e, CNI_E_CHECK,
				       "iptables: no rule in POSTROUTING of table nat leads %s to "
				       "chain %s",
				       ip_str(ip, text), chain);
	}
	if (!chain_masquerades(listing, chain))
		return err_cni(e, CNI_E_CHECK,
			       "iptables: chain %s of table nat does not masquerade", chain);

	return 0;
}

int masq_iptables_check(const struct masq *m, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		int r = has_family(m, families[i]) ? check_family(m, families[i], e) : 0;

		if (r < 0)
			return r;
	}

	return 0;
}

/* ---- gc -------------------------------------------------------------------- */

struct garbage {
	char (*chains)[IPTABLES_CHAIN_SIZE];
	size_t n;
};

static bool is_garbage(const char *chain, const void *data)
{
	const struct garbage *g = data;

	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->chains[i], chain) == 0)
			return true;

	return false;
}

/* A chain's name is a hash; whose it is, the comments of its rules say. */
static int list_garbage(const char *listing, const struct gc *gc, struct garbage *ret,
			struct err *e)
{
	char network[IPTABLES_COMMENT_SIZE], id[IPTABLES_COMMENT_SIZE];
	char chain[IPTABLES_CHAIN_SIZE];
	struct iptables_line line;

	for (const char *at = listing; iptables_next(&at, &line);) {
		void *more;

		if (!line.is_rule || !iptables_comment_read(&line, "", network, id) ||
		    !gc_is_garbage_id(gc, network, id))
			continue;
		iptables_chain_name(chain, "", network, id);
		if (is_garbage(chain, ret))
			continue;
		more = reallocarray(ret->chains, ret->n + 1, sizeof(*ret->chains));
		if (!more)
			return err_sys(e, ENOMEM, "list chains of iptables");
		ret->chains = more;
		memcpy(ret->chains[ret->n++], chain, sizeof(chain));
	}

	return 0;
}

static int gc_family(const void *what, uint8_t family, struct err *e)
{
	AUTO_FREE char *listing = NULL;
	struct garbage garbage = { .n = 0 };
	int r;

	r = iptables_list(family, "nat", &listing, e);
	if (r < 0)
		return r;
	r = list_garbage(listing, what, &garbage, e);
	if (r == 0)
		r = iptables_purge(family, "nat", listing,
				   (struct iptables_filter){ is_garbage, &garbage }, e);
	free(garbage.chains);

	return r;
}

int masq_iptables_gc(const struct gc *gc, struct err *e)
{
	return each_family(gc_family, gc, NULL, e);
}
