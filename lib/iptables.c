/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iptables - see iptables.h. */
#include "lib/iptables.h"

#include <errno.h>
#include <sha512.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/program.h"

#define LOCK_WAIT   "10" /* seconds for the lock of the legacy variant */
#define EXIT_LOCKED 4	 /* iptables' exit status for a lock that it did not get */

/* ---- names ----------------------------------------------------------------- */

void iptables_chain_name(char ret[IPTABLES_CHAIN_SIZE], const char *prefix, const char *network,
			 const char *container_id)
{
	uint8_t digest[SHA512_DIGEST_LENGTH];
	SHA512_CTX ctx;
	size_t len;

	SHA512_Init(&ctx);
	SHA512_Update(&ctx, (const uint8_t *)network, strlen(network));
	SHA512_Update(&ctx, (const uint8_t *)container_id, strlen(container_id));
	SHA512_Final(digest, &ctx);

	snprintf(ret, IPTABLES_CHAIN_SIZE, "CNI-%s", prefix);
	len = strlen(ret);
	for (size_t i = 0; len < IPTABLES_CHAIN_SIZE - 1 && i < sizeof(digest); i++, len += 2)
		snprintf(ret + len, IPTABLES_CHAIN_SIZE - len, "%02x", digest[i]);
}

void iptables_comment(char ret[2 * IPTABLES_COMMENT_SIZE], const char *network,
		      const char *container_id)
{
	char text[IPTABLES_COMMENT_SIZE];
	char *to = ret;

	snprintf(text, sizeof(text), "name: \"%s\" id: \"%s\"", network, container_id);
	for (const char *from = text; *from; from++) {
		if (*from == '"' || *from == '\\')
			*to++ = '\\';
		*to++ = *from;
	}
	*to = '\0';
}

/* ---- processes ------------------------------------------------------------- */

static int report(const char *program, const struct program_end *end, struct err *e)
{
	if (end->status == EXIT_LOCKED)
		return err_cni(e, CNI_E_AGAIN, "%s: the lock is held by another program: %.400s",
			       program, end->said);
	if (end->status < 0)
		return err_cni(e, CNI_E_IO, "%s: killed by a signal: %.400s", program, end->said);

	return err_cni(e, CNI_E_IO, "%s: exit status %d: %.400s", program, end->status, end->said);
}

/* Runs @argv with @input as its stdin.  @ret_output: what it wrote, NULL for nobody */
static int run(const char *const argv[], const char *input, char **ret_output, struct err *e)
{
	AUTO(program_clear) struct program_end end = { 0 };
	int r = program_run(argv, input, &end, e);

	if (r == -ENOENT)
		return err_sys(e, ENOENT,
			       "backend \"iptables\" needs the program %s: install the iptables "
			       "package, or choose the nftables backend",
			       argv[0]);
	if (r < 0)
		return r;
	if (end.status != 0)
		return report(argv[0], &end, e);
	if (ret_output)
		*ret_output = MOVE_PTR(end.output);

	return 0;
}

int iptables_restore(uint8_t family, const char *script, struct err *e)
{
	const char *program = family == AF_INET ? "iptables-restore" : "ip6tables-restore";

	return run((const char *const[]){ program, "--noflush", "-w", LOCK_WAIT, NULL }, script,
		   NULL, e);
}

int iptables_list(uint8_t family, const char *table, char **ret, struct err *e)
{
	const char *program = family == AF_INET ? "iptables" : "ip6tables";

	return run((const char *const[]){ program, "-w", LOCK_WAIT, "-t", table, "-S", NULL }, "",
		   ret, e);
}

/* ---- listings -------------------------------------------------------------- */

/* The next word, with its quotes if it has any.  Return: its length, 0 at the end. */
static size_t word(const char **at, const char *end)
{
	const char *start;
	bool quoted = false;

	while (*at < end && **at == ' ')
		(*at)++;
	for (start = *at; *at < end && (quoted || **at != ' '); (*at)++) {
		if (**at == '\\' && *at + 1 < end)
			(*at)++;
		else if (**at == '"')
			quoted = !quoted;
	}

	return (size_t)(*at - start);
}

/* Copies a word that may be a chain's name. */
static void copy_name(char ret[IPTABLES_CHAIN_SIZE], const char *name, size_t len)
{
	snprintf(ret, IPTABLES_CHAIN_SIZE, "%.*s", (int)len, name);
}

static void find_target(struct iptables_line *line, const char *at, const char *end)
{
	size_t len;

	while ((len = word(&at, end)) > 0) {
		if (len != 2 || memcmp(at - len, "-j", 2) != 0)
			continue;
		len = word(&at, end);
		copy_name(line->target, at - len, len);
		return;
	}
}

static bool read_line(const char *text, size_t text_len, struct iptables_line *ret)
{
	const char *at = text, *end = text + text_len;
	size_t len = word(&at, end);
	bool is_rule = len == 2 && memcmp(text, "-A", 2) == 0;

	if (!is_rule && !(len == 2 && memcmp(text, "-N", 2) == 0))
		return false;
	*ret = (struct iptables_line){ .is_rule = is_rule, .text = text, .len = (int)text_len };
	len = word(&at, end);
	copy_name(ret->chain, at - len, len);
	if (is_rule)
		find_target(ret, at, end);

	return true;
}

bool iptables_next(const char **at, struct iptables_line *ret)
{
	while (**at) {
		const char *text = *at;
		size_t len = strcspn(text, "\n");

		*at += len + (text[len] == '\n');
		if (read_line(text, len, ret))
			return true;
	}

	return false;
}

bool iptables_comment_read(const struct iptables_line *line, const char *prefix,
			   char network[IPTABLES_COMMENT_SIZE],
			   char container_id[IPTABLES_COMMENT_SIZE])
{
	char start[64];
	int len = snprintf(start, sizeof(start), "--comment \"%sname: \\\"", prefix);
	const char *at = memmem(line->text, (size_t)line->len, start, (size_t)len);
	int end = 0;

	if (!at)
		return false;

	/* Neither name can hold a quote or a backslash: the CNI specification's rules. */
	sscanf(at + len, "%255[^\\\"\n]\\\" id: \\\"%255[^\\\"\n]\\\"\"%n", network, container_id,
	       &end);

	return end > 0;
}

static void write_purge(FILE *f, const char *listing, const struct iptables_filter *filter)
{
	struct iptables_line line;

	/* Declaring a chain empties it, so that chains may be deleted in any order. */
	for (const char *at = listing; iptables_next(&at, &line);)
		if (!line.is_rule && filter->match(line.chain, filter->data))
			fprintf(f, ":%s - [0:0]\n", line.chain);
	for (const char *at = listing; iptables_next(&at, &line);)
		if (line.is_rule && filter->match(line.target, filter->data) &&
		    !filter->match(line.chain, filter->data))
			fprintf(f, "-D%.*s\n", line.len - 2, line.text + 2);
	for (const char *at = listing; iptables_next(&at, &line);)
		if (!line.is_rule && filter->match(line.chain, filter->data))
			fprintf(f, "-X %s\n", line.chain);
}

int iptables_purge(uint8_t family, const char *table, const char *listing,
		   struct iptables_filter filter, struct err *e)
{
	AUTO_FREE char *body = NULL;
	AUTO_FREE char *script = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&body, &len);

	if (!f)
		return err_sys(e, errno, "write an iptables script");
	write_purge(f, listing, &filter);
	if (fclose(f) != 0)
		return err_sys(e, errno, "write an iptables script");
	if (len == 0)
		return 0;
	if (asprintf(&script, "*%s\n%sCOMMIT\n", table, body) < 0)
		return err_sys(e, ENOMEM, "write an iptables script");

	return iptables_restore(family, script, e);
}
