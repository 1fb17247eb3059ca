/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resolv-conf - see resolv-conf.h. */
#include "ipam/resolv-conf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"

#define SPACE " \t\r\n\v\f"

static int add_words(char ***list, char **save, bool all, struct err *e)
{
	char *word;
	int r = 0;

	while (r == 0 && (word = strtok_r(NULL, SPACE, save))) {
		r = cni_dns_add(list, word, e);
		if (!all)
			break;
	}

	return r;
}

static int set_domain(struct cni_dns *dns, char **save, struct err *e)
{
	char *word = strtok_r(NULL, SPACE, save);
	char *copy = word ? strdup(word) : NULL;

	if (!word)
		return 0;
	if (!copy)
		return err_sys(e, ENOMEM, "read resolv.conf");
	free(dns->domain);
	dns->domain = copy;

	return 0;
}

static int read_line(char *line, struct cni_dns *dns, struct err *e)
{
	char *save = NULL;
	const char *key = strtok_r(line, SPACE, &save);

	if (!key || *key == '#' || *key == ';')
		return 0;
	if (strcmp(key, "nameserver") == 0)
		return add_words(&dns->nameservers, &save, false, e);
	if (strcmp(key, "search") == 0)
		return add_words(&dns->search, &save, true, e);
	if (strcmp(key, "options") == 0)
		return add_words(&dns->options, &save, true, e);
	if (strcmp(key, "domain") == 0)
		return set_domain(dns, &save, e);

	return 0;
}

static void close_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

int resolv_conf_read(const char *path, struct cni_dns *ret, struct err *e)
{
	AUTO(close_file) FILE *f = fopen(path, "re");
	AUTO_FREE char *line = NULL;
	struct cni_dns dns = { 0 };
	size_t room = 0;
	int r = 0;

	if (!f)
		return err_sys(e, errno, "open %s", path);
	while (r == 0 && getline(&line, &room, f) >= 0)
		r = read_line(line, &dns, e);
	if (r == 0 && ferror(f))
		r = err_sys(e, errno, "read %s", path);
	if (r < 0)
		cni_dns_clear(&dns);
	else
		*ret = dns;

	return r;
}
