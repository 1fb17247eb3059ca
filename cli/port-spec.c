/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port-spec - see port-spec.h. */
#include "cli/port-spec.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/portmappings.h"

#define TEXT_MAX 128 /* bytes; the longest that is right has 79 */

/* The text taken apart; "" for what is not there. */
struct parts {
	char *host_ip, *host, *port, *proto;
};

static int bad(const char *text, struct err *e, const char *what, const char *value)
{
	return err_cni(e, CNI_E_CONFIG, "publish %.64s: %s: \"%.64s\"", text, what, value);
}

/* The last @c in @text becomes the end of it.  Return: what follows, NULL if there is none. */
static char *cut_last(char *text, char c)
{
	char *at = strrchr(text, c);

	if (!at)
		return NULL;
	*at = '\0';

	return at + 1;
}

static void take_apart(char *copy, struct parts *ret)
{
	char *proto = cut_last(copy, '/');
	char *port = cut_last(copy, ':');
	char *host = port ? cut_last(copy, ':') : NULL;

	*ret = (struct parts){ .host_ip = copy, .host = host, .port = port, .proto = proto };
	if (!port) { /* PORT */
		ret->port = copy;
		ret->host_ip = copy + strlen(copy);
	} else if (!host) { /* HOSTPORT:PORT */
		ret->host = copy;
		ret->host_ip = port - 1;
	}
	if (!ret->host)
		ret->host = ret->host_ip;
}

static int parse_number(const char *text, size_t len, uint16_t *ret)
{
	uint32_t n = 0;

	if (len < 1 || len > 5)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		n = n * 10 + (uint32_t)(text[i] - '0');
	}
	if (n < 1 || n > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)n;

	return 0;
}

/* "8000" or "8000-8010". */
static int parse_range(const char *text, uint16_t *ret, uint16_t *ret_last)
{
	size_t len = strcspn(text, "-");
	uint16_t first, last;

	if (parse_number(text, len, &first) < 0)
		return -EINVAL;
	last = first;
	if (text[len] && parse_number(text + len + 1, strlen(text + len + 1), &last) < 0)
		return -EINVAL;
	if (last < first)
		return -EINVAL;
	*ret = first;
	*ret_last = last;

	return 0;
}

static int parse_host_ip(char *text, struct ip_addr *ret)
{
	size_t len = strlen(text);

	if (len == 0)
		return 0;
	if (*text != '[')
		return ip_parse(text, ret) == 0 && ret->family == AF_INET ? 0 : -EINVAL;
	if (text[len - 1] != ']')
		return -EINVAL;
	text[len - 1] = '\0';

	return ip_parse(text + 1, ret);
}

static int parse_proto(const char *text, uint8_t *ret)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (strcasecmp(text, portmappings_proto_name(protocols[i])) == 0) {
			*ret = protocols[i];
			return 0;
		}
	}

	return -EINVAL;
}

int port_spec_parse(const char *text, struct port_spec *ret, struct err *e)
{
	struct port_spec spec = { .proto = IPPROTO_TCP };
	char copy[TEXT_MAX];
	struct parts p;

	if (strlen(text) >= sizeof(copy))
		return bad(text, e, "too long", text);
	strcpy(copy, text);
	take_apart(copy, &p);
	if (p.proto && parse_proto(p.proto, &spec.proto) < 0)
		return bad(text, e, "the protocol is none of tcp, udp, sctp", p.proto);
	if (parse_range(p.port, &spec.port, &spec.last) < 0)
		return bad(text, e, "the container's is no port or range of 1 to 65535", p.port);
	if (*p.host && parse_range(p.host, &spec.host_port, &spec.host_last) < 0)
		return bad(text, e, "the host's is no port or range of 1 to 65535", p.host);
	if (parse_host_ip(p.host_ip, &spec.host_ip) < 0)
		return bad(text, e, "no IPv4 address, nor an IPv6 address in brackets", p.host_ip);
	if (spec.host_port && spec.last != spec.port && port_spec_is_open(&spec))
		return bad(text, e, "the ranges of host and container differ in length", text);
	*ret = spec;

	return 0;
}

int port_spec_append(const struct port_spec *spec, uint16_t host_port, uint16_t port, json_t *list,
		     struct err *e)
{
	char ip[IP_STRLEN];
	json_t *entry = json_pack("{s:i, s:i, s:s}", "hostPort", host_port, "containerPort", port,
				  "protocol", portmappings_proto_name(spec->proto));

	if (entry && ip_is_set(&spec->host_ip) &&
	    json_object_set_new(entry, "hostIP", json_string(ip_str(&spec->host_ip, ip))) < 0) {
		json_decref(entry);
		entry = NULL;
	}
	if (!entry || json_array_append_new(list, entry) < 0)
		return err_sys(e, ENOMEM, "list the published ports");

	return 0;
}
