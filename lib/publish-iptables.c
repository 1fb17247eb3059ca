/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publish-iptables - see publish-iptables.h. */
#include "lib/publish-iptables.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/gc.h"
#include "lib/iptables.h"
#include "lib/nft.h"
#include "lib/portmappings.h"
#include "lib/publish.h"

#define DNAT	 "CNI-HOSTPORT-DNAT"
#define SET_MARK "CNI-HOSTPORT-SETMARK"
#define MASQ	 "CNI-HOSTPORT-MASQ"

#define MULTIPORT_MAX 15 /* ports in one rule */

/* Somebody else may have made the shared chains since they were looked for. */
#define ADD_TRIES 5

static const uint8_t families[] = { AF_INET, AF_INET6 };

/* ---- one family of an attachment -------------------------------------------- */

struct side {
	const struct publish_iptables *t;
	uint8_t family;
	const struct ip_addr *ip; /* the container's, may be unset */
	const struct publish_words *words;
	const char *listing; /* borrowed */
	/* The reference's; with the interface's name in its hash. */
	char chains[2][IPTABLES_CHAIN_SIZE];
	const char *chain; /* ADD: which of them */
};

static struct side side_of(const struct publish_iptables *t, uint8_t family, const char *listing)
{
	bool is4 = family == AF_INET;
	struct side s = {
		.t = t,
		.family = family,
		.ip = is4 ? &t->p->ip4 : &t->p->ip6,
		.words = is4 ? &t->words4 : &t->words6,
		.listing = listing,
	};
	char id[512];

	snprintf(id, sizeof(id), "%s%s", t->p->container_id, t->ifname);
	iptables_chain_name(s.chains[0], "DN-", t->network, t->p->container_id);
	iptables_chain_name(s.chains[1], "DN-", t->network, id);

	return s;
}

static bool has_ports(const struct publish_iptables *t, uint8_t family)
{
	const struct ip_addr *ip = family == AF_INET ? &t->p->ip4 : &t->p->ip6;

	for (size_t i = 0; ip_is_set(ip) && i < t->p->n_ports; i++) {
		if (t->p->ports[i].host_ip.family == family)
			return true;
	}

	return false;
}

/* ---- reading rules ---------------------------------------------------------- */

/* Where "FLAG VALUE" has its value, NULL if the rule has no such flag. */
static const char *value_of(const struct iptables_line *line, const char *flag)
{
	const char *at = memmem(line->text, (size_t)line->len, flag, strlen(flag));

	return at ? at + strlen(flag) : NULL;
}

static bool has_value(const struct iptables_line *line, const char *flag, const char *value)
{
	const char *at = value_of(line, flag);
	size_t len = strlen(value);

	return at && strncmp(at, value, len) == 0 && strchr(" /\n", at[len]);
}

static bool is_to(const struct iptables_line *line, const struct ip_addr *ip)
{
	const char *at = value_of(line, " --to-destination ");
	char text[IP_STRLEN], want[IP_STRLEN + 4];
	int len = snprintf(want, sizeof(want),
			   ip->family == AF_INET6 ? "[%s]:" : "%s:", ip_str(ip, text));

	return at && strncmp(at, want, (size_t)len) == 0;
}

static bool is_dnat_in(const struct iptables_line *line, const char *chain)
{
	return line->is_rule && strcmp(line->chain, chain) == 0 &&
	       strcmp(line->target, "DNAT") == 0;
}

static bool exists(const char *listing, const char *chain)
{
	struct iptables_line line;

	for (const char *at = listing; iptables_next(&at, &line);) {
		if (!line.is_rule && strcmp(line.chain, chain) == 0)
			return true;
	}

	return false;
}

/* Whether a chain leads to an address only, if it leads anywhere. */
static bool leads_nowhere_but(const char *listing, const char *chain, const struct ip_addr *ip)
{
	struct iptables_line line;

	for (const char *at = listing; iptables_next(&at, &line);) {
		if (is_dnat_in(&line, chain) && !is_to(&line, ip))
			return false;
	}

	return true;
}

/* ---- a port that is taken ---------------------------------------------------- */

/* Whether a DNAT rule has the port; one of a single address leaves the others free. */
static bool has_port(const struct iptables_line *line, const struct publish_port *port)
{
	char number[8], ip[IP_STRLEN];

	snprintf(number, sizeof(number), "%u", port->host_port);

	return has_value(line, " -p ", portmappings_proto_name(port->proto)) &&
	       has_value(line, " --dport ", number) &&
	       (!value_of(line, " -d ") || has_value(line, " -d ", ip_str(&port->host_ip, ip)));
}

/* Of our own container, one attachment may repeat what another one publishes. */
static bool is_others(const struct side *s, const char *chain, char network[IPTABLES_COMMENT_SIZE],
		      char id[IPTABLES_COMMENT_SIZE])
{
	struct iptables_line line;

	for (const char *at = s->listing; iptables_next(&at, &line);) {
		if (line.is_rule && strcmp(line.target, chain) == 0 &&
		    iptables_comment_read(&line, "dnat ", network, id))
			return strcmp(id, s->t->p->container_id) != 0;
	}

	return false;
}

static int need_free(const struct side *s, const struct publish_port *port, struct err *e)
{
	char network[IPTABLES_COMMENT_SIZE], id[IPTABLES_COMMENT_SIZE];
	struct iptables_line line;

	for (const char *at = s->listing; iptables_next(&at, &line);) {
		if (!is_dnat_in(&line, line.chain) || strncmp(line.chain, "CNI-DN-", 7) != 0 ||
		    !has_port(&line, port) || !is_others(s, line.chain, network, id))
			continue;
		(void)err_cni(e, CNI_E_INTERNAL,
			      "%s port %u is taken by %s %s (iptables chain %s of table nat): "
			      "detach that container, or run GC for its network if it is gone",
			      portmappings_proto_name(port->proto), port->host_port, network, id,
			      line.chain);
		return -EEXIST;
	}

	return 0;
}

static int need_all_free(const struct side *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->t->p->n_ports; i++) {
		if (s->t->p->ports[i].host_ip.family == s->family)
			r = need_free(s, &s->t->p->ports[i], e);
	}

	return r;
}

/* ---- add: chains that all share ---------------------------------------------- */

struct shared {
	const char *chain, *target;
	const char *rule; /* between them, and … */
	const char *
		mark_flag; /* … with the mark behind this, which says on which side of the target */
	bool first, masquerades;
};

#define MATCH_MARK " --mark "
#define WRITE_MARK " --set-xmark "

static const struct shared shared[] = {
	{ "PREROUTING", DNAT, "-m addrtype --dst-type LOCAL" },
	{ "OUTPUT", DNAT, "-m addrtype --dst-type LOCAL" },
	{ SET_MARK, "MARK", "-m comment --comment \"CNI portfwd masquerade mark\"", WRITE_MARK,
	  .masquerades = true },
	{ MASQ, "MASQUERADE", "-m mark", MATCH_MARK, .masquerades = true },
	{ "POSTROUTING", MASQ, "-m comment --comment \"CNI portfwd requiring masquerade\"",
	  .first = true, .masquerades = true },
};

static bool is_wanted(const struct publish_iptables *t, const struct shared *row)
{
	return !row->masquerades || (t->p->snat && !t->set_mark_chain);
}

static bool is_there(const struct side *s, const struct shared *row, const char *mark)
{
	struct iptables_line line;

	for (const char *at = s->listing; iptables_next(&at, &line);) {
		if (line.is_rule && strcmp(line.chain, row->chain) == 0 &&
		    strcmp(line.target, row->target) == 0 &&
		    (!row->mark_flag || has_value(&line, row->mark_flag, mark)))
			return true;
	}

	return false;
}

static void write_shared_rule(FILE *f, const struct shared *row, const char *mark)
{
	const char *flag = row->mark_flag ? row->mark_flag : "";

	fprintf(f, "-%c %s %s", row->first ? 'I' : 'A', row->chain, row->rule);
	if (strcmp(flag, MATCH_MARK) == 0)
		fprintf(f, "%s%s/%s", flag, mark, mark);
	fprintf(f, " -j %s", row->target);
	if (strcmp(flag, WRITE_MARK) == 0)
		fprintf(f, "%s%s/%s", flag, mark, mark);
	fprintf(f, "\n");
}

/* -N fails where the chain exists; a declaration would empty it. */
static void write_shared(FILE *f, const struct side *s)
{
	static const char *const chains[] = { DNAT, SET_MARK, MASQ };
	bool masquerades = is_wanted(s->t, &shared[ARRAY_SIZE(shared) - 1]);
	char mark[16];

	snprintf(mark, sizeof(mark), "0x%x", 1u << s->t->mark_bit);
	for (size_t i = 0; i < (masquerades ? ARRAY_SIZE(chains) : 1); i++) {
		if (!exists(s->listing, chains[i]))
			fprintf(f, "-N %s\n", chains[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
		if (is_wanted(s->t, &shared[i]) && !is_there(s, &shared[i], mark))
			write_shared_rule(f, &shared[i], mark);
	}
}

/* ---- add: the container's chain ----------------------------------------------- */

static void write_match(FILE *f, const struct side *s, const struct publish_port *port)
{
	char text[IP_STRLEN];

	fprintf(f, "-A %s -p %s --dport %u", s->chain, portmappings_proto_name(port->proto),
		port->host_port);
	if (!ip_is_unspecified(&port->host_ip))
		fprintf(f, " -d %s", ip_str(&port->host_ip, text));
}

static void write_masquerade(FILE *f, const struct side *s, const struct publish_port *port)
{
	const char *target = s->t->set_mark_chain ? s->t->set_mark_chain : SET_MARK;
	uint8_t len = s->family == AF_INET ? s->t->prefix_len4 : s->t->prefix_len6;
	char text[IP_STRLEN];

	write_match(f, s, port);
	if (!s->t->p->masq_all)
		fprintf(f, " -s %s/%u", ip_str(s->ip, text), len);
	fprintf(f, " -j %s\n", target);
	if (s->family == AF_INET) {
		write_match(f, s, port);
		fprintf(f, " -s 127.0.0.1 -j %s\n", target);
	}
}

static void write_port(FILE *f, const struct side *s, const struct publish_port *port)
{
	char text[IP_STRLEN];

	if (s->t->p->snat)
		write_masquerade(f, s, port);
	write_match(f, s, port);
	fprintf(f,
		s->family == AF_INET ? " -j DNAT --to-destination %s:%u\n"
				     : " -j DNAT --to-destination [%s]:%u\n",
		ip_str(s->ip, text), port->port);
}

/* A word as it is, whatever is in it; portmap.c has refused line breaks. */
static void write_word(FILE *f, const char *word)
{
	fprintf(f, " \"");
	for (; *word; word++)
		fprintf(f, *word == '"' || *word == '\\' ? "\\%c" : "%c", *word);
	fprintf(f, "\"");
}

static void write_entry(FILE *f, const struct side *s, uint8_t proto, const char *ports)
{
	char comment[2 * IPTABLES_COMMENT_SIZE];

	iptables_comment(comment, s->t->network, s->t->p->container_id);
	fprintf(f, "-A " DNAT " -m comment --comment \"dnat %s\" -p %s -m multiport --dports %s",
		comment, portmappings_proto_name(proto), ports);
	for (size_t i = 0; i < s->words->n; i++)
		write_word(f, s->words->list[i]);
	fprintf(f, " -j %s\n", s->chain);
}

/* The ports are in order, so those of one protocol come together. */
static void write_entries(FILE *f, const struct side *s)
{
	const struct publish *p = s->t->p;
	char list[MULTIPORT_MAX * 6 + 1] = "";
	uint8_t proto = 0;
	uint16_t last = 0;
	size_t n = 0;

	for (size_t i = 0; i < p->n_ports; i++) {
		const struct publish_port *port = &p->ports[i];
		size_t len = strlen(list);

		if (port->host_ip.family != s->family ||
		    (n > 0 && port->proto == proto && port->host_port == last))
			continue;
		if (n == MULTIPORT_MAX || (n > 0 && port->proto != proto)) {
			write_entry(f, s, proto, list);
			n = len = 0;
		}
		snprintf(list + len, sizeof(list) - len, n ? ",%u" : "%u", port->host_port);
		proto = port->proto;
		last = port->host_port;
		n++;
	}
	if (n > 0)
		write_entry(f, s, proto, list);
}

static void write_script(FILE *f, const struct side *s)
{
	struct iptables_line line;

	fprintf(f, "*nat\n");
	write_shared(f, s);
	/* Of an ADD that was never undone. */
	for (const char *at = s->listing; iptables_next(&at, &line);) {
		if (line.is_rule && strcmp(line.target, s->chain) == 0)
			fprintf(f, "-D%.*s\n", line.len - 2, line.text + 2);
	}
	fprintf(f, ":%s - [0:0]\n", s->chain);
	for (size_t i = 0; i < s->t->p->n_ports; i++) {
		if (s->t->p->ports[i].host_ip.family == s->family)
			write_port(f, s, &s->t->p->ports[i]);
	}
	write_entries(f, s);
	fprintf(f, "COMMIT\n");
}

static int restore(const struct side *s, struct err *e)
{
	AUTO_FREE char *script = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&script, &len);

	if (!f)
		return err_sys(e, errno, "write an iptables script");
	write_script(f, s);
	if (fclose(f) != 0)
		return err_sys(e, errno, "write an iptables script");

	return iptables_restore(s->family, script, e);
}

static int add_family_once(const struct publish_iptables *t, uint8_t family, struct err *e)
{
	AUTO_FREE char *listing = NULL;
	struct side s;
	int r = iptables_list(family, "nat", &listing, e);

	if (r < 0)
		return r;
	s = side_of(t, family, listing);
	s.chain = s.chains[leads_nowhere_but(listing, s.chains[0], s.ip) ? 0 : 1];
	r = need_all_free(&s, e);

	return r < 0 ? r : restore(&s, e);
}

static int add_family(const struct publish_iptables *t, uint8_t family, struct err *e)
{
	int r = -EIO;

	for (int i = 0; i < ADD_TRIES && r == -EIO; i++)
		r = add_family_once(t, family, e);

	return r;
}

int publish_iptables_add(const struct publish_iptables *t, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(families); i++)
		r = has_ports(t, families[i]) ? add_family(t, families[i], e) : 0;
	if (r < 0) {
		(void)publish_iptables_del(t, NULL);
		return err_wrap(e, r, "publish ports");
	}

	return 0;
}

/* ---- del ----------------------------------------------------------------------- */

/* One of our two names; if the address is known, with rules of ours and no others. */
static bool is_ours(const char *chain, const void *data)
{
	const struct side *s = data;

	if (strcmp(chain, s->chains[0]) != 0 && strcmp(chain, s->chains[1]) != 0)
		return false;

	return !ip_is_set(s->ip) || leads_nowhere_but(s->listing, chain, s->ip);
}

static int del_family(const void *what, uint8_t family, struct err *e)
{
	AUTO_FREE char *listing = NULL;
	struct side s;
	int r = iptables_list(family, "nat", &listing, e);

	if (r < 0)
		return r;
	s = side_of(what, family, listing);

	return iptables_purge(family, "nat", listing, (struct iptables_filter){ is_ours, &s }, e);
}

/* A family that the host does not have can hold nothing of ours. */
static bool host_has(uint8_t family)
{
	return family == AF_INET || access("/proc/net/if_inet6", F_OK) == 0;
}

/* Goes on past errors.  Without the program nothing can be there that we made. */
static int each_family(int (*fn)(const void *what, uint8_t family, struct err *e), const void *what,
		       struct err *e)
{
	struct err next;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		int each = host_has(families[i]) ? fn(what, families[i], &next) : 0;

		if (each < 0 && each != -ENOENT)
			r = err_keep(r, e, each, &next);
	}

	return r;
}

bool publish_iptables_shows(struct nl *nft, const struct publish_iptables *t)
{
	static const uint8_t tables[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
	struct side s = side_of(t, AF_INET, NULL);
	struct nft_chain_state state;

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		struct nft_table nat = { .family = tables[i], .name = "nat" };

		for (size_t k = 0; k < ARRAY_SIZE(s.chains); k++) {
			struct nft_chain chain = { .table = &nat, .name = s.chains[k] };

			if (nft_get_chain(nft, &chain, &state, NULL) > 0)
				return true;
		}
	}

	return false;
}

int publish_iptables_del(const struct publish_iptables *t, struct err *e)
{
	int r = each_family(del_family, t, e);

	return r < 0 ? err_wrap(e, r, "close published ports") : 0;
}

/* ---- check ------------------------------------------------------------------------ */

static bool leads_to(const struct side *s, const struct publish_port *port)
{
	struct iptables_line line;
	char number[16];

	for (const char *at = s->listing; iptables_next(&at, &line);) {
		const char *to = value_of(&line, " --to-destination ");

		snprintf(number, sizeof(number), ":%u", port->port);
		if (!to || !is_to(&line, s->ip) || !has_port(&line, port) ||
		    (!is_dnat_in(&line, s->chains[0]) && !is_dnat_in(&line, s->chains[1])))
			continue;
		to = memrchr(to, ':', strcspn(to, " \n"));
		if (strncmp(to, number, strlen(number)) == 0 && strchr(" \n", to[strlen(number)]))
			return true;
	}

	return false;
}

static int check_shared(const struct side *s, struct err *e)
{
	char mark[16];

	snprintf(mark, sizeof(mark), "0x%x", 1u << s->t->mark_bit);
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
		if (is_wanted(s->t, &shared[i]) && !is_there(s, &shared[i], mark))
			return err_cni(e, CNI_E_CHECK,
				       "iptables: no rule in %s of table nat leads to %s",
				       shared[i].chain, shared[i].target);
	}

	return 0;
}

static bool is_entered(const struct side *s)
{
	struct iptables_line line;

	for (const char *at = s->listing; iptables_next(&at, &line);) {
		if (line.is_rule && strcmp(line.chain, DNAT) == 0 && is_ours(line.target, s))
			return true;
	}

	return false;
}

static int check_family(const struct publish_iptables *t, uint8_t family, struct err *e)
{
	AUTO_FREE char *listing = NULL;
	struct side s;
	int r = iptables_list(family, "nat", &listing, e);

	if (r < 0)
		return r;
	s = side_of(t, family, listing);
	if ((r = check_shared(&s, e)) < 0)
		return r;
	if (!is_entered(&s))
		return err_cni(e, CNI_E_CHECK, "iptables: no rule in " DNAT " leads to chain %s",
			       s.chains[0]);
	for (size_t i = 0; i < t->p->n_ports; i++) {
		const struct publish_port *port = &t->p->ports[i];

		if (port->host_ip.family == family && !leads_to(&s, port))
			return err_cni(e, CNI_E_CHECK,
				       "iptables: %s port %u does not lead to the container",
				       portmappings_proto_name(port->proto), port->host_port);
	}

	return 0;
}

int publish_iptables_check(const struct publish_iptables *t, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(families); i++)
		r = has_ports(t, families[i]) ? check_family(t, families[i], e) : 0;

	return r < 0 ? err_wrap(e, r, "published ports") : 0;
}

/* ---- gc ------------------------------------------------------------------------------ */

struct garbage {
	const char *listing;
	const struct gc *gc;
};

/* Whose a chain is, the rule that leads to it says. */
static bool is_garbage(const char *chain, const void *data)
{
	char network[IPTABLES_COMMENT_SIZE], id[IPTABLES_COMMENT_SIZE];
	const struct garbage *g = data;
	struct iptables_line line;

	if (strncmp(chain, "CNI-DN-", 7) != 0)
		return false;
	for (const char *at = g->listing; iptables_next(&at, &line);) {
		if (line.is_rule && strcmp(line.target, chain) == 0 &&
		    iptables_comment_read(&line, "dnat ", network, id))
			return gc_is_garbage_id(g->gc, network, id);
	}

	return false;
}

static int gc_family(const void *what, uint8_t family, struct err *e)
{
	AUTO_FREE char *listing = NULL;
	struct garbage g = { .gc = what };
	int r = iptables_list(family, "nat", &listing, e);

	if (r < 0)
		return r;
	g.listing = listing;

	return iptables_purge(family, "nat", listing, (struct iptables_filter){ is_garbage, &g },
			      e);
}

int publish_iptables_gc(const struct gc *gc, struct err *e)
{
	return each_family(gc_family, gc, e);
}
