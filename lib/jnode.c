/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jnode - see jnode.h. */
#include "lib/jnode.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/mac.h"

#define TEXT_MAX  (16u << 20)
#define PATH_SIZE 160
#define VALUE_MAX 79 /* bytes of a value that a message shows */

int jn_parse(const char *text, size_t len, json_t **ret, struct err *e)
{
	json_error_t je;
	json_t *doc;

	if (len > TEXT_MAX)
		return err_cni(e, CNI_E_DECODE, "the JSON is longer than %u bytes", TEXT_MAX);

	doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
	if (!doc) {
		/* Out of memory is no error of jansson's: it says nothing then. */
		if (!*je.text)
			return err_sys(e, ENOMEM, "parse JSON");
		return err_cni(e, CNI_E_DECODE, "not valid JSON: line %d, column %d: %s", je.line,
			       je.column, je.text);
	}
	*ret = doc;

	return 0;
}

/* Appends to @buf and never past its end. */
static void __attribute__((format(printf, 3, 4))) put(char *buf, size_t len, const char *fmt, ...)
{
	size_t used = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + used, len - used, fmt, ap);
	va_end(ap);
}

static void put_path(const struct jnode *n, char *buf, size_t len)
{
	if (n->up)
		put_path(n->up, buf, len);
	if (n->key)
		put(buf, len, "%s%s", *buf ? "." : "", n->key);
	else if (n->up)
		put(buf, len, "[%zu]", n->index);
}

const char *jn_path(const struct jnode *n, char *buf, size_t len)
{
	buf[0] = '\0';
	put_path(n, buf, len);
	if (!*buf)
		put(buf, len, "config");

	return buf;
}

int jn_bad(const struct jnode *n, struct err *e, const char *fmt, ...)
{
	char path[PATH_SIZE], text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	return err_cni(e, CNI_E_CONFIG, "%s: %s", jn_path(n, path, sizeof(path)), text);
}

/* Drops bytes from the end of @text until it is not cut within a character of UTF-8. */
static void end_at_character(char *text, size_t len)
{
	while (len > 0 && (text[len] & 0xc0) == 0x80)
		len--;
	text[len] = '\0';
}

/* A value as it stands in the document, by its beginning if it is long; to be freed. */
static char *value_text(const struct jnode *n)
{
	char *text = json_dumps(n->json, JSON_ENCODE_ANY | JSON_COMPACT);

	if (text && strlen(text) > VALUE_MAX) {
		end_at_character(text, VALUE_MAX - 3);
		strcat(text, "...");
	}

	return text;
}

static int wrong(const struct jnode *n, const char *want, struct err *e)
{
	AUTO_FREE char *text = value_text(n);

	return jn_bad(n, e, "%s is not %s", text ? text : "the value", want);
}

bool jn_get(const struct jnode *obj, const char *key, struct jnode *ret)
{
	json_t *value = json_object_get(obj->json, key);
	const char *name;
	json_t *other;

	if (!value) {
		json_object_foreach(obj->json, name, other) {
			if (strcasecmp(name, key) == 0) {
				value = other;
				break;
			}
		}
	}
	if (!value || json_is_null(value))
		return false;
	*ret = (struct jnode){ .json = value, .up = obj, .key = key };

	return true;
}

int jn_str(const struct jnode *n, const char **ret, struct err *e)
{
	if (!json_is_string(n->json))
		return wrong(n, "a string", e);
	*ret = json_string_value(n->json);

	return 0;
}

int jn_bool(const struct jnode *n, bool *ret, struct err *e)
{
	if (!json_is_boolean(n->json))
		return wrong(n, "true or false", e);
	*ret = json_is_true(n->json);

	return 0;
}

int jn_uint(const struct jnode *n, uint64_t min, uint64_t max, uint64_t *ret, struct err *e)
{
	json_int_t value = json_integer_value(n->json);

	if (!json_is_integer(n->json))
		return wrong(n, "a whole number", e);
	if (value < 0 || (uint64_t)value < min || (uint64_t)value > max)
		return jn_bad(n, e, "%lld is not in %llu..%llu", (long long)value,
			      (unsigned long long)min, (unsigned long long)max);
	*ret = (uint64_t)value;

	return 0;
}

int jn_object(const struct jnode *n, struct err *e)
{
	return json_is_object(n->json) ? 0 : wrong(n, "an object", e);
}

int jn_array(const struct jnode *n, struct err *e)
{
	return json_is_array(n->json) ? 0 : wrong(n, "a list", e);
}

int jn_ip(const struct jnode *n, struct ip_addr *ret, struct err *e)
{
	if (!json_is_string(n->json) || ip_parse(json_string_value(n->json), ret) < 0)
		return wrong(n, "an IPv4 or IPv6 address", e);

	return 0;
}

int jn_ip_net(const struct jnode *n, struct ip_net *ret, struct err *e)
{
	if (!json_is_string(n->json) || ip_net_parse(json_string_value(n->json), ret) < 0)
		return wrong(n, "an IPv4 or IPv6 prefix (address/length)", e);

	return 0;
}

int jn_mac(const struct jnode *n, uint8_t ret[6], struct err *e)
{
	if (!json_is_string(n->json) || mac_parse(json_string_value(n->json), ret) < 0)
		return wrong(n, "a MAC address (02:00:5e:10:00:01)", e);

	return 0;
}

int jn_get_str(const struct jnode *obj, const char *key, const char **ret, struct err *e)
{
	struct jnode n;

	return jn_get(obj, key, &n) ? jn_str(&n, ret, e) : 0;
}

int jn_get_bool(const struct jnode *obj, const char *key, bool *ret, struct err *e)
{
	struct jnode n;

	return jn_get(obj, key, &n) ? jn_bool(&n, ret, e) : 0;
}

int jn_get_uint(const struct jnode *obj, const char *key, uint64_t min, uint64_t max, uint64_t *ret,
		struct err *e)
{
	struct jnode n;

	return jn_get(obj, key, &n) ? jn_uint(&n, min, max, ret, e) : 0;
}

static int read_number(const struct jnode *value, const struct jn_key *key, void *member,
		       struct err *e)
{
	uint64_t type_max = key->type == JN_U32 ? UINT32_MAX : INT64_MAX;
	uint64_t number = 0;
	int r;

	r = jn_uint(value, key->min, key->max ? key->max : type_max, &number, e);
	if (r < 0)
		return r;
	if (key->type == JN_U32)
		*(uint32_t *)member = (uint32_t)number;
	else
		*(uint64_t *)member = number;

	return 0;
}

static int read_key(const struct jnode *value, const struct jn_key *key, void *conf, struct err *e)
{
	void *member = (char *)conf + key->offset;

	switch (key->type) {
	case JN_BOOL:
		return jn_bool(value, member, e);
	case JN_STR:
		return jn_str(value, member, e);
	case JN_U32:
	case JN_U64:
		return read_number(value, key, member, e);
	case JN_IP:
		if (json_is_string(value->json) && json_string_length(value->json) == 0)
			return 0;
		return jn_ip(value, member, e);
	case JN_IP_NET:
		return jn_ip_net(value, member, e);
	case JN_CALL:
		return key->call(value, conf, e);
	}

	return -EINVAL;
}

int jn_read(const struct jnode *obj, const struct jn_key *keys, void *conf, struct err *e)
{
	struct jnode value;
	int r;

	r = jn_object(obj, e);
	if (r < 0)
		return r;

	for (; keys->name; keys++) {
		if (!jn_get(obj, keys->name, &value))
			continue;
		r = read_key(&value, keys, conf, e);
		if (r < 0)
			return r;
	}

	return 0;
}
