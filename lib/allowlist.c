/* SPDX-License-Identifier: GPL-2.0-or-later */
/* allowlist - see allowlist.h. */
#include "lib/allowlist.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdbool.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file.h"

#define LIST_MAX (1u << 20)

/* ---- the file ------------------------------------------------------------ */

int allowlist_read(const char *path, char **ret, struct err *e)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	int r;

	if (fd < 0 && errno != ENOENT)
		r = -errno;
	else
		r = fd < 0 ? 0 : file_read(fd, LIST_MAX, &text, NULL);
	if (r < 0) {
		(void)err_sys(e, -r, "read %s", path);
		if (e)
			e->cni = CNI_E_IO;
		return r;
	}
	*ret = text;

	return 0;
}

/* ---- where POSIX and Go part --------------------------------------------- */

/*
 * An escape that both take for the character itself: \d and its like are
 * classes in Go and letters here, \< is a letter there and a word's beginning
 * here.
 */
static bool escape_is_plain(char c)
{
	return c && !isalnum((unsigned char)c) && !strchr("<>`'", c);
}

/* @s is behind "[": returns what is behind the matching "]", or NULL if it reads differently. */
static const char *skip_bracket(const char *s)
{
	s += *s == '^';
	s += *s == ']';
	for (; *s && *s != ']'; s++) {
		/* A backslash is itself here, which does no harm in front of a dot or slash. */
		if (*s == '\\' && (!s[1] || !strchr("./", s[1])))
			return NULL;
		if (*s == '[' && s[1] && strchr(".=", s[1]))
			return NULL;
		if (*s == '[' && s[1] == ':') {
			s = strstr(s, ":]");
			if (!s)
				return NULL;
			s++;
		}
	}

	return *s ? s + 1 : s;
}

/* The first piece of @re that Go reads differently, NULL if there is none. */
static const char *difference(const char *re)
{
	const char *s = re;

	while (*s) {
		const char *at = s++;

		switch (*at) {
		case '\\':
			if (!escape_is_plain(*s))
				return at;
			s++;
			break;
		case '(':
		case '*':
		case '+':
		case '?':
		case '}':
			/* Groups with a question mark, lazy repetitions. */
			if (*s == '?')
				return at;
			break;
		case '{':
			if (!isdigit((unsigned char)*s))
				return at;
			break;
		case '[':
			s = skip_bracket(s);
			if (!s)
				return at;
			break;
		default:
			break;
		}
	}

	return NULL;
}

/* ---- matching ------------------------------------------------------------ */

static int bad_line(size_t line, const char *re, const char *why, struct err *e)
{
	return err_cni(e, CNI_E_CONFIG, "%s: line %zu: \"%.100s\": %s", ALLOWLIST_PATH, line, re,
		       why);
}

static int matches(const char *re, size_t line, const char *key, struct err *e)
{
	char why[160] = "is read differently by POSIX and Go regular expressions; write it without "
			"\\ and a letter, (?, and +?";
	regex_t compiled;
	int r;

	if (difference(re))
		return bad_line(line, re, why, e);
	r = regcomp(&compiled, re, REG_EXTENDED | REG_NOSUB);
	if (r != 0) {
		regerror(r, &compiled, why, sizeof(why));
		return bad_line(line, re, why, e);
	}
	r = regexec(&compiled, key, 0, NULL, 0);
	regfree(&compiled);

	return r == 0;
}

/* @line without the white space around it, in place. */
static char *trim(char *line)
{
	size_t len;

	while (isspace((unsigned char)*line))
		line++;
	len = strlen(line);
	while (len > 0 && isspace((unsigned char)line[len - 1]))
		line[--len] = '\0';

	return line;
}

int allowlist_permits(const char *text, const char *key, struct err *e)
{
	AUTO_FREE char *copy = strdup(text);
	char *rest = copy, *line;
	size_t number = 0;
	int r = 0;

	if (!copy)
		return err_sys(e, ENOMEM, "read %s", ALLOWLIST_PATH);
	while (r == 0 && (line = strsep(&rest, "\n"))) {
		number++;
		line = trim(line);
		if (*line)
			r = matches(line, number, key, e);
	}

	return r;
}
