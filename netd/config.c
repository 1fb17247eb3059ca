/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config - see config.h
 *
 * A key is a row: how its text is read, and what text stands for one that is not
 * given.  The texts are kept, and two readings of the file are compared by them.
 */
#include "netd/config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/boolean.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file.h"
#include "overlay/admission.h"

#define FILE_MAX   (256 * 1024)
#define VALUE_SIZE 256 /* of a default, and of an item of a list */

/* Readers of one value.  Return: 0, or -EINVAL with the rule that it breaks. */
typedef int read_value(struct config *c, const char *value, struct err *e);

struct config_key {
	const char *name;
	read_value *read;
	const char *fallback; /* text of the default, or NULL: */
	void (*make_fallback)(const struct config *c, char ret[VALUE_SIZE]);
	bool reload; /* it may change in a running process */
};

static int __attribute__((format(printf, 2, 3))) bad(struct err *e, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	return err_cni(e, CNI_E_CONFIG, "%s", text);
}

static int no_memory(struct err *e)
{
	return err_sys(e, ENOMEM, "read the configuration");
}

/* ---- values --------------------------------------------------------------------- */

static int read_name(struct config *c, const char *value, struct err *e)
{
	if (!admission_name_is_valid(value))
		return bad(e, "a node's name is 1 to %d of a-z, 0-9 and '-', with no '-' at an end",
			   NODE_NAME_MAX);
	memcpy(c->name, value, strlen(value) + 1);

	return 0;
}

static int read_number(const char *text, unsigned long min, unsigned long max, unsigned long *ret)
{
	char *end;
	unsigned long n;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (*end || errno || n < min || n > max)
		return -EINVAL;
	*ret = n;

	return 0;
}

/* Cut "address", "address:port" or "[address]:port"; @ret_port is NULL without a port. */
static int split_port(char *text, char **ret_ip, char **ret_port)
{
	char *colon = strchr(text, ':');
	char *end = strchr(text, ']');

	*ret_ip = text;
	*ret_port = NULL;
	if (*text == '[') {
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		*ret_ip = text + 1;
		*ret_port = end[1] ? end + 2 : NULL;
		*end = '\0';
	} else if (colon && !strchr(colon + 1, ':')) {
		*ret_port = colon + 1;
		*colon = '\0';
	}

	return 0;
}

int config_parse_addr(const char *text, struct node_addr *ret)
{
	char copy[VALUE_SIZE], *ip, *port;
	struct node_addr a = { 0 };
	unsigned long n = CONFIG_PORT;

	if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy) ||
	    split_port(copy, &ip, &port) < 0 || ip_parse(ip, &a.ip) < 0 ||
	    (port && read_number(port, 1, UINT16_MAX, &n) < 0))
		return -EINVAL;
	a.port = (uint16_t)n;
	*ret = a;

	return 0;
}

static int read_addr(const char *text, struct node_addr *ret, struct err *e)
{
	if (config_parse_addr(text, ret) == 0)
		return 0;

	return bad(e, "\"%s\" is no address: 10.0.0.3, 10.0.0.3:%d, fd00::3 or [fd00::3]:%d", text,
		   CONFIG_PORT, CONFIG_PORT);
}

/* The next item of a list in @ret.  Return: false at its end. */
static bool next_item(const char **list, const char *separators, char ret[VALUE_SIZE])
{
	size_t len;

	*list += strspn(*list, separators);
	len = strcspn(*list, separators);
	if (len == 0)
		return false;
	snprintf(ret, VALUE_SIZE, "%.*s", (int)len, *list);
	*list += len;

	return true;
}

static int read_addrs(const char *value, size_t max, struct config_addrs *ret, struct err *e)
{
	struct config_addrs addrs = { .n = 0 };
	char item[VALUE_SIZE];

	while (next_item(&value, ", \t", item)) {
		int r;

		if (addrs.n == max)
			return bad(e, "more than %zu addresses", max);
		r = read_addr(item, &addrs.list[addrs.n], e);
		if (r < 0)
			return r;
		addrs.n++;
	}
	*ret = addrs;

	return 0;
}

static int read_listen(struct config *c, const char *value, struct err *e)
{
	struct config_addrs addrs;
	int r = read_addrs(value, CONFIG_LISTEN_MAX, &addrs, e);

	if (r < 0)
		return r;
	if (addrs.n == 0)
		return bad(e, "at least one address is needed");
	for (size_t i = 1; i < addrs.n; i++)
		if (addrs.list[i].port != addrs.list[0].port)
			return bad(e, "ports %u and %u: a node has one port on all its addresses",
				   addrs.list[0].port, addrs.list[i].port);
	c->listen = addrs;

	return 0;
}

static int read_advertise(struct config *c, const char *value, struct err *e)
{
	struct ip_addr ip = { 0 };

	if (*value && ip_parse(value, &ip) < 0)
		return bad(e, "it is an address, without a port: that is listen's");
	if (*value && (ip_is_unspecified(&ip) || ip_is_multicast(&ip)))
		return bad(e, "other nodes cannot send there: name one address of this host");
	c->advertise = ip;

	return 0;
}

static int read_seeds(struct config *c, const char *value, struct err *e)
{
	return read_addrs(value, CONFIG_SEEDS_MAX, &c->seeds, e);
}

static int read_path(const char *value, char **ret, struct err *e)
{
	char *copy;

	if (*value != '/')
		return bad(e, "a path begins with '/'");
	copy = strdup(value);
	if (!copy)
		return no_memory(e);
	free(*ret);
	*ret = copy;

	return 0;
}

static int read_data_dir(struct config *c, const char *value, struct err *e)
{
	return read_path(value, &c->data_dir, e);
}

static int read_run_dir(struct config *c, const char *value, struct err *e)
{
	if (strlen(value) + sizeof("/metrics.sock") > CONFIG_SOCKET_LEN)
		return bad(e,
			   "longer than %zu characters, which the path of a socket in it has room "
			   "for",
			   CONFIG_SOCKET_LEN - sizeof("/metrics.sock"));

	return read_path(value, &c->run_dir, e);
}

static int read_cni_conf_dir(struct config *c, const char *value, struct err *e)
{
	return read_path(value, &c->cni_conf_dir, e);
}

static int read_control_group(struct config *c, const char *value, struct err *e)
{
	const struct group *group = *value ? getgrnam(value) : NULL;

	if (*value && !group)
		return bad(e, "there is no such group: groupadd --system %s", value);
	c->control_gid = group ? group->gr_gid : (gid_t)-1;

	return 0;
}

static int read_user(struct config *c, const char *value, struct err *e)
{
	const struct passwd *user = *value ? getpwnam(value) : NULL;

	if (*value && !user)
		return bad(e, "there is no such user: useradd --system %s", value);
	c->has_user = user != NULL;
	c->uid = user ? user->pw_uid : 0;
	c->gid = user ? user->pw_gid : 0;

	return 0;
}

static int read_word(const char *value, const char *const *words, int n, int *ret, struct err *e)
{
	char list[VALUE_SIZE] = "";

	for (int i = 0; i < n; i++) {
		size_t len = strlen(list);

		if (strcmp(value, words[i]) == 0) {
			*ret = i;
			return 0;
		}
		snprintf(list + len, sizeof(list) - len, "%s%s", i > 0 ? ", " : "", words[i]);
	}

	return bad(e, "it is one of %s", list);
}

static int read_log_level(struct config *c, const char *value, struct err *e)
{
	int level, r = read_word(value, log_level_names, LOG_LEVELS, &level, e);

	if (r == 0)
		c->log_level = (enum log_level)level;

	return r;
}

static int read_log_format(struct config *c, const char *value, struct err *e)
{
	static const char *const words[] = { [LOG_TEXT] = "text", [LOG_JSON] = "json" };
	int format, r = read_word(value, words, ARRAY_SIZE(words), &format, e);

	if (r == 0)
		c->log_format = (enum log_format)format;

	return r;
}

static int read_metrics_path(struct config *c, const char *path, struct err *e)
{
	if (strlen(path) >= CONFIG_SOCKET_LEN)
		return bad(e, "the path of a socket has at most %d characters",
			   CONFIG_SOCKET_LEN - 1);

	return read_path(path, &c->metrics.path, e);
}

static int read_metrics(struct config *c, const char *value, struct err *e)
{
	struct node_addr local;

	free(c->metrics.path);
	c->metrics = (struct config_metrics){ 0 };
	if (strcmp(value, "off") == 0)
		return 0;
	if (strncmp(value, "unix:", 5) == 0)
		return read_metrics_path(c, value + 5, e);
	if (config_parse_addr(value, &local) < 0)
		return bad(e, "it is unix:PATH, 127.0.0.1:PORT, [::1]:PORT or off");
	if (!ip_is_loopback(&local.ip))
		return bad(e, "metrics are served on a loopback address or a unix socket only");
	c->metrics.local = local;

	return 0;
}

static int read_docker_socket(struct config *c, const char *value, struct err *e)
{
	free(c->docker_socket);
	c->docker_socket = NULL;
	if (strcmp(value, "off") == 0)
		return 0;
	if (strlen(value) >= CONFIG_SOCKET_LEN)
		return bad(e, "the path of a socket has at most %d characters",
			   CONFIG_SOCKET_LEN - 1);

	return read_path(value, &c->docker_socket, e);
}

static int read_vxlan_port(struct config *c, const char *value, struct err *e)
{
	unsigned long n;

	if (read_number(value, 1, UINT16_MAX, &n) < 0)
		return bad(e, "a port is a number from 1 to %d", UINT16_MAX);
	c->vxlan_port = (uint16_t)n;

	return 0;
}

static int read_vni_range(struct config *c, const char *value, struct err *e)
{
	char first[VALUE_SIZE];
	const char *dash = strchr(value, '-');
	unsigned long min, max;

	snprintf(first, sizeof(first), "%.*s", dash ? (int)(dash - value) : 0, value);
	if (!dash || read_number(first, 1, CONFIG_VNI_MAX, &min) < 0 ||
	    read_number(dash + 1, min, CONFIG_VNI_MAX, &max) < 0)
		return bad(e, "it is FIRST-LAST, from 1 to %d", CONFIG_VNI_MAX);
	c->vni_min = (uint32_t)min;
	c->vni_max = (uint32_t)max;

	return 0;
}

/* Two bits are left for hosts: the gateway, and one container at least. */
static int read_pool(const char *item, struct config_pool *ret, struct err *e)
{
	static const char *const rule = "\"%s\": a pool is NET size LEN, as 10.64.0.0/10 size 24";
	char net[VALUE_SIZE], word[VALUE_SIZE], size[VALUE_SIZE];
	struct config_pool pool;
	unsigned long len;

	if (!next_item(&item, " \t", net) || !next_item(&item, " \t", word) ||
	    !next_item(&item, " \t", size) || next_item(&item, " \t", word) ||
	    strcmp(word, "size") != 0 || ip_net_parse(net, &pool.net) < 0)
		return bad(e, rule, net);
	if (pool.net.addr.family != AF_INET)
		return bad(e,
			   "\"%s\": pools are of IPv4; for IPv6 a cluster has a prefix of its own",
			   net);
	if (read_number(size, pool.net.len, ip_bits(pool.net.addr.family) - 2u, &len) < 0)
		return bad(e, "\"%s size %s\": the size is from %u to %u", net, size, pool.net.len,
			   ip_bits(pool.net.addr.family) - 2u);
	if (ip_net_has_host_bits(&pool.net))
		return bad(e, "\"%s\": bits behind the prefix are set", net);
	pool.size = (uint8_t)len;
	*ret = pool;

	return 0;
}

static int check_pool(const struct config *c, const struct config_pool *pool, struct err *e)
{
	char a[IP_NET_STRLEN], b[IP_NET_STRLEN];

	for (size_t i = 0; i < c->n_pools; i++)
		if (ip_net_overlaps(&c->pools[i].net, &pool->net))
			return bad(e, "%s and %s overlap", ip_net_str(&c->pools[i].net, a),
				   ip_net_str(&pool->net, b));

	return 0;
}

static int read_pools(struct config *c, const char *value, struct err *e)
{
	char item[VALUE_SIZE];

	c->n_pools = 0;
	while (next_item(&value, ",", item)) {
		struct config_pool pool;
		int r;

		if (c->n_pools == CONFIG_POOLS_MAX)
			return bad(e, "more than %d pools", CONFIG_POOLS_MAX);
		r = read_pool(item, &pool, e);
		if (r == 0)
			r = check_pool(c, &pool, e);
		if (r < 0)
			return r;
		c->pools[c->n_pools++] = pool;
	}

	return 0;
}

static int read_masquerade(struct config *c, const char *value, struct err *e)
{
	int r = boolean_parse(value);

	if (r < 0)
		return bad(e, "it is true or false");
	c->masquerade = r;

	return 0;
}

/* ---- keys ------------------------------------------------------------------------- */

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* The host's name up to its first dot, in lower case, and other characters as '-' between. */
static void make_name(const struct config *c, char ret[VALUE_SIZE])
{
	char host[VALUE_SIZE] = "";
	size_t len = 0;

	(void)c;
	(void)gethostname(host, sizeof(host) - 1);
	host[strcspn(host, ".")] = '\0';
	for (const char *s = host; *s; s++) {
		char lower = *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s;

		if (is_name_char(lower) || len > 0)
			ret[len++] = is_name_char(lower) ? lower : '-';
	}
	while (len > 0 && ret[len - 1] == '-')
		len--;
	ret[len] = '\0';
}

static void make_listen(const struct config *c, char ret[VALUE_SIZE])
{
	bool has_ipv6 = access("/proc/net/if_inet6", F_OK) == 0;

	(void)c;
	snprintf(ret, VALUE_SIZE, has_ipv6 ? "0.0.0.0, ::" : "0.0.0.0");
}

static void make_control_group(const struct config *c, char ret[VALUE_SIZE])
{
	(void)c;
	snprintf(ret, VALUE_SIZE, "%s", getgrnam("heddle") ? "heddle" : "");
}

static void make_metrics(const struct config *c, char ret[VALUE_SIZE])
{
	snprintf(ret, VALUE_SIZE, "unix:%s/metrics.sock", c->run_dir);
}

/* Defaults may be made of keys above them. */
static const struct config_key keys[CONFIG_KEYS] = {
	{ "name", read_name, .make_fallback = make_name },
	{ "listen", read_listen, .make_fallback = make_listen },
	{ "advertise", read_advertise, "" },
	{ "seeds", read_seeds, "", .reload = true },
	{ "data-dir", read_data_dir, "/var/lib/heddle/netd" },
	{ "run-dir", read_run_dir, "/run/heddle" },
	{ "control-group", read_control_group, .make_fallback = make_control_group },
	{ "cni-conf-dir", read_cni_conf_dir, "/etc/cni/net.d" },
	{ "user", read_user, "" },
	{ "log-level", read_log_level, "info", .reload = true },
	{ "log-format", read_log_format, "text", .reload = true },
	{ "metrics", read_metrics, .make_fallback = make_metrics },
	{ "docker-socket", read_docker_socket, "/run/docker/plugins/heddle.sock" },
	{ "vxlan-port", read_vxlan_port, "4789" },
	{ "vni-range", read_vni_range, "65536-131071" },
	{ "default-pools", read_pools, "10.64.0.0/10 size 24", .reload = true },
	{ "masquerade", read_masquerade, "true", .reload = true },
};

/* Return: its row, or CONFIG_KEYS. */
static size_t find_key(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < CONFIG_KEYS; i++)
		if (strlen(keys[i].name) == len && memcmp(keys[i].name, name, len) == 0)
			break;

	return i;
}

/* ---- lines ------------------------------------------------------------------------ */

struct place {
	const char *file;
	unsigned int line;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Blanks at both ends do not count. */
static void trim(const char **text, size_t *len)
{
	while (*len > 0 && is_blank(**text)) {
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && is_blank((*text)[*len - 1]))
		(*len)--;
}

static int keep_value(struct config *c, size_t i, const char *value, size_t len,
		      const struct place *at, struct err *e)
{
	if (c->text[i])
		return err_cni(e, CNI_E_CONFIG, "%s:%u: %s: given a second time", at->file,
			       at->line, keys[i].name);
	if (len >= FILE_MAX || memchr(value, '\0', len))
		return err_cni(e, CNI_E_CONFIG, "%s:%u: %s: there is a NUL in its value", at->file,
			       at->line, keys[i].name);
	c->text[i] = strndup(value, len);
	c->line[i] = at->line;

	return c->text[i] ? 0 : no_memory(e);
}

static int read_line(struct config *c, const char *line, size_t len, const struct place *at,
		     struct err *e)
{
	const char *equals, *value;
	size_t key_len, value_len, i;

	trim(&line, &len);
	if (len == 0 || *line == '#')
		return 0;
	equals = memchr(line, '=', len);
	if (!equals)
		return err_cni(e, CNI_E_CONFIG,
			       "%s:%u: \"%.*s\": a line is KEY = VALUE, or a comment "
			       "that begins with '#'",
			       at->file, at->line, (int)(len < 80 ? len : 80), line);
	key_len = (size_t)(equals - line);
	value = equals + 1;
	value_len = len - key_len - 1;
	trim(&line, &key_len);
	trim(&value, &value_len);
	i = find_key(line, key_len);
	if (i == CONFIG_KEYS)
		return err_cni(e, CNI_E_CONFIG, "%s:%u: there is no key \"%.*s\": see netd.conf(5)",
			       at->file, at->line, (int)(key_len < 80 ? key_len : 80), line);

	return keep_value(c, i, value, value_len, at, e);
}

static int read_lines(struct config *c, const char *file, const char *text, size_t len,
		      struct err *e)
{
	struct place at = { .file = file };
	const char *end = text + len;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((newline ? newline : end) - text);
		int r;

		at.line++;
		r = read_line(c, text, n, &at, e);
		if (r < 0)
			return r;
		text += n + 1;
	}

	return 0;
}

static int read_given(struct config *c, size_t i, const char *file, struct err *e)
{
	struct err why = { 0 };
	int r = keys[i].read(c, c->text[i], &why);

	if (r == -EINVAL)
		return err_cni(e, CNI_E_CONFIG, "%s:%u: %s: \"%.200s\": %s", file, c->line[i],
			       keys[i].name, c->text[i], why.msg);
	if (r < 0 && e)
		*e = why;

	return r;
}

static int read_default(struct config *c, size_t i, const char *file, struct err *e)
{
	char made[VALUE_SIZE];
	struct err why = { 0 };
	int r;

	if (keys[i].make_fallback)
		keys[i].make_fallback(c, made);
	c->text[i] = strdup(keys[i].fallback ? keys[i].fallback : made);
	if (!c->text[i])
		return no_memory(e);
	r = keys[i].read(c, c->text[i], &why);
	if (r == -EINVAL)
		return err_cni(e, CNI_E_CONFIG,
			       "%s: %s is not given, and \"%s\" will not do: %s: "
			       "give another",
			       file, keys[i].name, c->text[i], why.msg);
	if (r < 0 && e)
		*e = why;

	return r;
}

int config_parse(const char *name, const char *text, size_t len, struct config *ret, struct err *e)
{
	struct config c = { 0 };
	int r = read_lines(&c, name, text, len, e);

	for (size_t i = 0; i < CONFIG_KEYS && r == 0; i++)
		r = c.text[i] ? read_given(&c, i, name, e) : read_default(&c, i, name, e);
	if (r < 0)
		config_clear(&c);
	else
		*ret = c;

	return r;
}

/* ---- the file --------------------------------------------------------------------- */

int config_load(const char *file, struct config *ret, struct err *e)
{
	const char *path = file ? file : CONFIG_FILE;
	AUTO_FREE char *text = NULL;
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len;
	int r;

	if (fd < 0 && errno == ENOENT && !file)
		return config_parse(path, "", 0, ret, e);
	if (fd < 0)
		return err_sys(e, errno, "open %s", path);
	r = file_read(fd, FILE_MAX, &text, &len);
	if (r < 0)
		return err_sys(e, -r, "read %s", path);

	return config_parse(path, text, len, ret, e);
}

void config_clear(struct config *c)
{
	for (size_t i = 0; i < CONFIG_KEYS; i++)
		free(c->text[i]);
	free(c->data_dir);
	free(c->run_dir);
	free(c->cni_conf_dir);
	free(c->docker_socket);
	free(c->metrics.path);
	*c = (struct config){ 0 };
}

void config_reload(struct config *now, struct config *next, char *ret, size_t len)
{
	ret[0] = '\0';
	for (size_t i = 0; i < CONFIG_KEYS; i++) {
		size_t used = strlen(ret);
		char *text = now->text[i];

		if (strcmp(text, next->text[i]) == 0)
			continue;
		if (!keys[i].reload) {
			snprintf(ret + used, len - used, "%s%s", used > 0 ? ", " : "",
				 keys[i].name);
			continue;
		}
		(void)keys[i].read(now, next->text[i], NULL); /* it was read before */
		now->text[i] = next->text[i];
		next->text[i] = text;
	}
}

const char *config_socket(const struct config *c, char ret[CONFIG_SOCKET_LEN])
{
	snprintf(ret, CONFIG_SOCKET_LEN, "%s/netd.sock", c->run_dir);

	return ret;
}
