/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admit-iptables - see admit-iptables.h. */
#include "lib/admit-iptables.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/admit.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/err.h"
#include "lib/gc.h"
#include "lib/iptables.h"
#include "lib/nft.h"
#include "lib/nslock.h"

#define FORWARD	   "CNI-FORWARD"
#define STAGE1	   "CNI-ISOLATION-STAGE-1"
#define STAGE2	   "CNI-ISOLATION-STAGE-2"
#define OURS	   "-m comment --comment \"CNI firewall plugin rules\""
#define OURS_ADMIN "-m comment --comment \"CNI firewall plugin admin overrides\""
#define OURS_POLICY                                                                                \
	"-m comment --comment \"CNI firewall plugin rules (ingressPolicy: same-bridge)\""

static const uint8_t families[] = { AF_INET, AF_INET6 };

/* ---- what should be there ------------------------------------------------------ */

/* A rule is known by its chain, its target and one match; the whole is what is written. */
struct rule {
	const char *chain, *target;
	char match[IP_NET_STRLEN + 64];
	bool first; /* goes to the head of its chain */
	char text[2 * IPTABLES_COMMENT_SIZE + 192];
};

/* Called for each rule that should be there, in the order of writing. */
typedef int (*rule_fn)(const struct rule *rule, void *data);

static int jump_rules(const struct admit *a, rule_fn fn, void *data)
{
	struct rule forward = {
		.chain = "FORWARD", .target = FORWARD, .first = true, .text = OURS
	};
	struct rule admin = {
		.chain = FORWARD, .target = a->admin_chain, .first = true, .text = OURS_ADMIN
	};
	int r = fn(&forward, data);

	return r < 0 ? r : fn(&admin, data);
}

static int address_rules(const struct admit *a, uint8_t family, rule_fn fn, void *data)
{
	char comment[2 * IPTABLES_COMMENT_SIZE], text[IP_NET_STRLEN];
	int r = 0;

	iptables_comment(comment, a->network, a->container_id);
	for (size_t i = 0; r == 0 && i < a->n_addrs; i++) {
		struct rule to = { .chain = FORWARD, .target = "ACCEPT" }, from = to;
		struct ip_net host = ip_host_net(&a->addrs[i]);

		if (a->addrs[i].family != family)
			continue;
		ip_net_str(&host, text);
		snprintf(to.match, sizeof(to.match), " -d %s ", text);
		snprintf(to.text, sizeof(to.text),
			 "-d %s -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "
			 "\"%s\"",
			 text, comment);
		snprintf(from.match, sizeof(from.match), " -s %s ", text);
		snprintf(from.text, sizeof(from.text), "-s %s -m comment --comment \"%s\"", text,
			 comment);
		r = fn(&to, data);
		if (r == 0)
			r = fn(&from, data);
	}

	return r;
}

/* The rules of a bridge go in front of the two that return. */
static int policy_rules(const struct admit *a, rule_fn fn, void *data)
{
	struct rule rules[] = {
		{ .chain = STAGE1, .target = "RETURN", .text = OURS_POLICY },
		{ .chain = STAGE2, .target = "RETURN", .text = OURS_POLICY },
		{ .chain = STAGE1, .target = STAGE2, .first = true },
		{ .chain = STAGE2, .target = "DROP", .first = true },
		{ .chain = "FORWARD", .target = STAGE1, .first = true, .text = OURS_POLICY },
		{ .chain = STAGE1, .target = "DROP", .first = true },
	};
	size_t n = ARRAY_SIZE(rules) - (a->policy != ADMIT_ISOLATED);
	const char *br = a->ifname;
	int r = 0;

	if (a->policy == ADMIT_OPEN)
		return 0;
	snprintf(rules[2].match, sizeof(rules[2].match), " -i %s ! -o %s ", br, br);
	snprintf(rules[3].match, sizeof(rules[3].match), " -o %s ", br);
	snprintf(rules[5].match, sizeof(rules[5].match), " -i %s -o %s ", br, br);
	snprintf(rules[2].text, sizeof(rules[2].text), "-i %s ! -o %s " OURS_POLICY, br, br);
	snprintf(rules[3].text, sizeof(rules[3].text), "-o %s " OURS_POLICY, br);
	snprintf(rules[5].text, sizeof(rules[5].text), "-i %s -o %s " OURS_POLICY, br, br);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = fn(&rules[i], data);

	return r;
}

static int each_rule(const struct admit *a, uint8_t family, rule_fn fn, void *data)
{
	int r = jump_rules(a, fn, data);

	if (r == 0)
		r = address_rules(a, family, fn, data);

	return r < 0 ? r : policy_rules(a, fn, data);
}

/* ---- what is there ----------------------------------------------------------- */

static bool has_match(const struct iptables_line *line, const char *match)
{
	return memmem(line->text, (size_t)line->len, match, strlen(match)) != NULL;
}

static bool has_rule(const char *listing, const struct rule *rule)
{
	struct iptables_line line;

	for (const char *at = listing; iptables_next(&at, &line);)
		if (line.is_rule && strcmp(line.chain, rule->chain) == 0 &&
		    strcmp(line.target, rule->target) == 0 && has_match(&line, rule->match))
			return true;

	return false;
}

static bool has_chain(const char *listing, const char *chain)
{
	struct iptables_line line;

	for (const char *at = listing; iptables_next(&at, &line);)
		if (!line.is_rule && strcmp(line.chain, chain) == 0)
			return true;

	return false;
}

static bool is_of_container(const struct iptables_line *line, const struct admit *a)
{
	char network[IPTABLES_COMMENT_SIZE], id[IPTABLES_COMMENT_SIZE];

	return iptables_comment_read(line, "", network, id) && strcmp(network, a->network) == 0 &&
	       strcmp(id, a->container_id) == 0;
}

/* Without a comment it is the reference's; whose it was, the address tells. */
static bool is_of_address(const struct iptables_line *line, const struct admit *a)
{
	char net[IP_NET_STRLEN], match[IP_NET_STRLEN + 8];

	for (size_t i = 0; i < a->n_addrs; i++) {
		struct ip_net host = ip_host_net(&a->addrs[i]);

		ip_net_str(&host, net);
		snprintf(match, sizeof(match), " -s %s ", net);
		if (has_match(line, match))
			return true;
		snprintf(match, sizeof(match), " -d %s ", net);
		if (has_match(line, match))
			return true;
	}

	return false;
}

static bool is_of_attachment(const struct iptables_line *line, const void *data)
{
	const struct admit *a = data;

	if (has_match(line, " --comment "))
		return is_of_container(line, a) && (a->n_addrs == 0 || is_of_address(line, a));

	return is_of_address(line, a);
}

static bool is_garbage(const struct iptables_line *line, const void *data)
{
	char network[IPTABLES_COMMENT_SIZE], id[IPTABLES_COMMENT_SIZE];

	return iptables_comment_read(line, "", network, id) && gc_is_garbage_id(data, network, id);
}

/* ---- scripts ------------------------------------------------------------------- */

struct script {
	FILE *file;
	char *text;
	size_t len;
	const char *listing;
};

static int script_open(struct script *s, const char *listing, struct err *e)
{
	*s = (struct script){ .listing = listing };
	s->file = open_memstream(&s->text, &s->len);
	if (!s->file)
		return err_sys(e, errno, "write an iptables script");
	fprintf(s->file, "*filter\n");

	return 0;
}

/* Runs it if anything was written. */
static int script_run(struct script *s, uint8_t family, struct err *e)
{
	bool empty = ftell(s->file) == (long)strlen("*filter\n");
	int r;

	fprintf(s->file, "COMMIT\n");
	if (fclose(s->file) != 0)
		r = err_sys(e, errno, "write an iptables script");
	else
		r = empty ? 0 : iptables_restore(family, s->text, e);
	free(s->text);

	return r;
}

static void write_chain(const struct script *s, const char *chain)
{
	if (!has_chain(s->listing, chain))
		fprintf(s->file, ":%s - [0:0]\n", chain);
}

static int write_rule(const struct rule *rule, void *data)
{
	const struct script *s = data;

	if (!has_rule(s->listing, rule))
		fprintf(s->file, "-%c %s %s -j %s\n", rule->first ? 'I' : 'A', rule->chain,
			rule->text, rule->target);

	return 0;
}

/* Declaring a chain that is there would empty it: hence the lock, and the look. */
static int add_family(const struct admit *a, uint8_t family, struct err *e)
{
	AUTO_FREE char *listing = NULL;
	struct script s;
	int r;

	if ((r = iptables_list(family, "filter", &listing, e)) < 0 ||
	    (r = script_open(&s, listing, e)) < 0)
		return r;
	write_chain(&s, FORWARD);
	write_chain(&s, a->admin_chain);
	if (a->policy != ADMIT_OPEN) {
		write_chain(&s, STAGE1);
		write_chain(&s, STAGE2);
	}
	(void)each_rule(a, family, write_rule, &s);

	return script_run(&s, family, e);
}

static int remove_rules(uint8_t family,
			bool (*match)(const struct iptables_line *line, const void *data),
			const void *data, struct err *e)
{
	AUTO_FREE char *listing = NULL;
	struct iptables_line line;
	struct script s;
	int r;

	if ((r = iptables_list(family, "filter", &listing, e)) < 0 ||
	    (r = script_open(&s, listing, e)) < 0)
		return r;
	for (const char *at = listing; iptables_next(&at, &line);)
		if (line.is_rule && strcmp(line.chain, FORWARD) == 0 &&
		    strcmp(line.target, "ACCEPT") == 0 && match(&line, data))
			fprintf(s.file, "-D%.*s\n", line.len - 2, line.text + 2);

	return script_run(&s, family, e);
}

/* ---- the verbs ----------------------------------------------------------------- */

bool admit_iptables_in_use(struct nl *nl)
{
	struct nft_chain_state state;
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct nft_table table = { .family = families[i], .name = "filter" };
		const struct nft_chain chain = { .table = &table, .name = FORWARD };

		found = found || nft_get_chain(nl, &chain, &state, NULL) > 0;
	}

	return found;
}

int admit_iptables_add(const struct admit *a, struct err *e)
{
	AUTO_FD int lock = -1;
	int r;

	r = cni_valid_ifname(a->ifname, "prevResult.interfaces[0].name", e);
	if (r == 0)
		r = nslock_take(&lock, e);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(families); i++)
		if (admit_has_family(a, families[i]))
			r = add_family(a, families[i], e);
	if (r == 0)
		return 0;
	for (size_t i = 0; lock >= 0 && i < ARRAY_SIZE(families); i++)
		if (admit_has_family(a, families[i]))
			(void)remove_rules(families[i], is_of_attachment, a, NULL);

	return r;
}

/* A family that the host does not have can hold nothing of ours. */
static bool host_has(uint8_t family)
{
	return family == AF_INET || access("/proc/net/if_inet6", F_OK) == 0;
}

/* Goes on past errors.  Without the program nothing can be there that we made. */
static int remove_everywhere(const struct admit *only,
			     bool (*match)(const struct iptables_line *line, const void *data),
			     const void *data, struct err *e)
{
	AUTO_FD int lock = -1;
	struct err next;
	int r;

	r = nslock_take(&lock, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		int each;

		if (only && only->n_addrs > 0 ? !admit_has_family(only, families[i])
					      : !host_has(families[i]))
			continue;
		each = remove_rules(families[i], match, data, &next);
		if (each != -ENOENT)
			r = err_keep(r, e, each, &next);
	}

	return r;
}

int admit_iptables_del(const struct admit *a, struct err *e)
{
	return remove_everywhere(a, is_of_attachment, a, e);
}

int admit_iptables_gc(const struct gc *gc, struct err *e)
{
	return remove_everywhere(NULL, is_garbage, gc, e);
}

struct check {
	const char *listing;
	struct err *e;
};

static int check_rule(const struct rule *rule, void *data)
{
	const struct check *c = data;

	if (has_rule(c->listing, rule))
		return 0;

	return err_cni(c->e, CNI_E_CHECK,
		       "iptables: chain %s of table filter has no rule `%s -j %s`", rule->chain,
		       rule->text, rule->target);
}

int admit_iptables_check(const struct admit *a, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(families); i++) {
		AUTO_FREE char *listing = NULL;

		if (!admit_has_family(a, families[i]))
			continue;
		r = iptables_list(families[i], "filter", &listing, e);
		if (r == 0)
			r = each_rule(a, families[i], check_rule,
				      &(struct check){ .listing = listing, .e = e });
	}

	return r;
}
