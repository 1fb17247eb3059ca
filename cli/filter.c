/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter - see filter.h */
#include "cli/filter.h"

#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/when.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/network.h"

/* ---- values -------------------------------------------------------------- */

/* Go's strconv.ParseBool() knows more; Docker takes these four. */
static int read_dangling(const char *value, bool *ret)
{
	*ret = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;

	return *ret || strcmp(value, "false") == 0 || strcmp(value, "0") == 0 ? 0 : -EINVAL;
}

static int check_dangling(const char *value, struct err *e)
{
	bool dangling;

	if (read_dangling(value, &dangling) == 0)
		return 0;

	return err_say(e, EINVAL, "invalid filter 'dangling=%s': it is true, 1, false or 0", value);
}

static int check_type(const char *value, struct err *e)
{
	if (strcmp(value, "builtin") == 0 || strcmp(value, "custom") == 0)
		return 0;

	return err_say(e, EINVAL, "invalid filter: 'type'='%s': it is builtin or custom", value);
}

static int check_scope(const char *value, struct err *e)
{
	enum network_scope scope;

	if (network_scope_parse(value, &scope) == 0)
		return 0;

	return err_say(e, EINVAL, "invalid filter 'scope=%s': it is local, global or swarm", value);
}

static int check_until(const char *value, struct err *e)
{
	const struct timespec now = { 0 };
	struct timespec until;

	if (when_parse(value, &now, &until) == 0)
		return 0;

	return err_say(e, EINVAL,
		       "invalid filter 'until=%s': it is a time such as 2026-11-22T08:00:00, or a "
		       "duration such as 10m or 1h30m",
		       value);
}

/* ---- what matches -------------------------------------------------------- */

static bool match_pattern(const char *pattern, const char *text)
{
	regex_t regex;
	bool found;

	if (strcmp(pattern, text) == 0)
		return true;
	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	found = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);

	return found;
}

static bool match_driver(const char *value, const struct network *net, bool in_use)
{
	(void)in_use;

	return strcmp(value, net->driver) == 0;
}

static bool match_id(const char *value, const struct network *net, bool in_use)
{
	(void)in_use;

	return match_pattern(value, net->id);
}

static bool match_name(const char *value, const struct network *net, bool in_use)
{
	(void)in_use;

	return match_pattern(value, net->name);
}

/* "key", or "key=value". */
static bool match_label(const char *value, const struct network *net, bool in_use)
{
	const size_t key_len = strcspn(value, "=");

	(void)in_use;
	for (size_t i = 0; i < net->labels.n; i++) {
		const struct network_pair *label = &net->labels.v[i];

		if (strlen(label->key) == key_len && memcmp(label->key, value, key_len) == 0)
			return value[key_len] == '\0' ||
			       strcmp(label->value, value + key_len + 1) == 0;
	}

	return false;
}

static bool match_no_label(const char *value, const struct network *net, bool in_use)
{
	return !match_label(value, net, in_use);
}

static bool match_scope(const char *value, const struct network *net, bool in_use)
{
	(void)in_use;

	return strcmp(value, network_scope_str(net->scope)) == 0;
}

static bool match_type(const char *value, const struct network *net, bool in_use)
{
	(void)in_use;

	return (strcmp(value, "builtin") == 0) == network_is_predefined(net->name);
}

/* The predefined networks are never dangling. */
static bool match_dangling(const char *value, const struct network *net, bool in_use)
{
	bool dangling;

	if (read_dangling(value, &dangling) < 0)
		return false;

	return dangling == (!in_use && !network_is_predefined(net->name));
}

static bool match_until(const char *value, const struct network *net, bool in_use)
{
	struct timespec now, until, created;

	(void)in_use;
	clock_gettime(CLOCK_REALTIME, &now);

	return when_parse(value, &now, &until) == 0 &&
	       when_parse(net->created, &now, &created) == 0 && when_is_before(&created, &until);
}

/* ---- keys ---------------------------------------------------------------- */

enum { OF_LS = 1, OF_PRUNE = 2 };

struct rule {
	const char *key;
	bool (*match)(const char *value, const struct network *net, bool in_use);
	int (*check)(const char *value, struct err *e); /* NULL: any value will do */
	unsigned int of;				/* OF_*: who knows it */
	bool all;					/* of its values must match, and not one */
	bool once;					/* it has one value only */
};

static const struct rule rules[] = {
	{ "dangling", match_dangling, check_dangling, OF_LS, .once = true },
	{ "driver", match_driver, NULL, OF_LS },
	{ "id", match_id, NULL, OF_LS },
	{ "label", match_label, NULL, OF_LS | OF_PRUNE, .all = true },
	{ "label!", match_no_label, NULL, OF_PRUNE },
	{ "name", match_name, NULL, OF_LS },
	{ "scope", match_scope, check_scope, OF_LS },
	{ "type", match_type, check_type, OF_LS },
	{ "until", match_until, check_until, OF_PRUNE, .once = true },
};

static const struct rule *find_rule(const char *key, unsigned int of)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if ((rules[i].of & of) && strcmp(rules[i].key, key) == 0)
			return &rules[i];

	return NULL;
}

static size_t count_key(const struct filters *f, const char *key)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += strcmp(f->v[i].key, key) == 0;

	return n;
}

static int unknown_key(const char *key, unsigned int of, struct err *e)
{
	char known[128] = "";
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].of & of)
			len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s",
						len > 0 ? ", " : "", rules[i].key);

	return err_say(e, EINVAL, "invalid filter '%s': there are %s", key, known);
}

static int check(const struct filters *f, unsigned int of, struct err *e)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct rule *rule = find_rule(f->v[i].key, of);
		int r;

		if (!rule)
			return unknown_key(f->v[i].key, of, e);
		if (rule->once && count_key(f, rule->key) > 1)
			return err_say(e, EINVAL, "got more than one value for filter key '%s'",
				       rule->key);
		r = rule->check ? rule->check(f->v[i].value, e) : 0;
		if (r < 0)
			return r;
	}

	return 0;
}

int filters_check_ls(const struct filters *f, struct err *e)
{
	return check(f, OF_LS, e);
}

int filters_check_prune(const struct filters *f, struct err *e)
{
	return check(f, OF_PRUNE, e);
}

bool filters_need_use(const struct filters *f)
{
	return count_key(f, "dangling") > 0;
}

/* Whether the values of a rule's key, if it has any, say yes. */
static bool match_key(const struct filters *f, const struct rule *rule, const struct network *net,
		      bool in_use)
{
	size_t given = 0, matched = 0;

	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->v[i].key, rule->key) != 0)
			continue;
		given++;
		matched += rule->match(f->v[i].value, net, in_use);
	}

	return rule->all ? matched == given : given == 0 || matched > 0;
}

bool filters_match(const struct filters *f, const struct network *net, bool in_use)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (!match_key(f, &rules[i], net, in_use))
			return false;

	return true;
}

/* ---- the list ------------------------------------------------------------ */

/* @len bytes without the white space around them.  Return: owned by the caller, or NULL. */
static char *trimmed(const char *text, size_t len)
{
	while (len > 0 && isspace((unsigned char)*text)) {
		text++;
		len--;
	}
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;

	return strndup(text, len);
}

static void to_lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

int filters_add(struct filters *f, const char *text, struct err *e)
{
	const char *equals = strchr(text, '=');
	AUTO_FREE char *key = NULL, *value = NULL;
	struct filter *bigger;

	if (!equals)
		return err_say(e, EINVAL,
			       "invalid argument \"%s\" for \"--filter\": bad format of filter "
			       "(expected name=value)",
			       text);
	key = trimmed(text, (size_t)(equals - text));
	value = trimmed(equals + 1, strlen(equals + 1));
	bigger = reallocarray(f->v, f->n + 1, sizeof(*bigger));
	if (bigger)
		f->v = bigger;
	if (!key || !value || !bigger)
		return err_sys(e, ENOMEM, "read a filter");
	to_lower(key);
	f->v[f->n++] = (struct filter){ MOVE_PTR(key), MOVE_PTR(value) };

	return 0;
}

void filters_clear(struct filters *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].key);
		free(f->v[i].value);
	}
	free(f->v);
	*f = (struct filters){ 0 };
}
