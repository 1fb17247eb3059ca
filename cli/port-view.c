/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port-view - see port-view.h */
#include "cli/port-view.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/ip.h"
#include "lib/jnode.h"

static uint64_t number_of(const struct jnode *mapping, const char *key)
{
	struct jnode n;
	uint64_t number;

	return jn_get(mapping, key, &n) && jn_uint(&n, 0, UINT16_MAX, &number, NULL) == 0 ? number
											  : 0;
}

/* "127.0.0.1:", "[::1]:", or "" for every address. */
static void print_host(const struct jnode *mapping, char *buf, size_t len)
{
	struct ip_addr ip;
	char text[IP_STRLEN];
	const char *host;
	struct jnode n;

	*buf = '\0';
	if (!jn_get(mapping, "hostIP", &n) || jn_str(&n, &host, NULL) < 0 ||
	    ip_parse(host, &ip) < 0 || ip_is_unspecified(&ip))
		return;
	snprintf(buf, len, ip.family == AF_INET6 ? "[%s]:" : "%s:", ip_str(&ip, text));
}

static json_t *view_one(const struct jnode *mapping)
{
	const uint64_t host_port = number_of(mapping, "hostPort");
	const uint64_t port = number_of(mapping, "containerPort");
	char host[IP_STRLEN + 4], text[128];
	const char *proto = "tcp";
	struct jnode n;

	if (host_port == 0 || port == 0)
		return NULL;
	if (jn_get(mapping, "protocol", &n) && json_string_length(n.json) > 0)
		proto = json_string_value(n.json);
	print_host(mapping, host, sizeof(host));
	snprintf(text, sizeof(text), "%s%llu->%llu/%.8s", host, (unsigned long long)host_port,
		 (unsigned long long)port, proto);

	return json_string(text);
}

json_t *port_view(const json_t *mappings)
{
	const struct jnode list = jn_root((json_t *)(uintptr_t)mappings);
	json_t *texts = json_array();

	for (size_t i = 0; i < jn_count(&list); i++) {
		const struct jnode mapping = jn_item(&list, i);
		json_t *text = view_one(&mapping);

		if (text && json_array_append_new(texts, text) < 0) {
			json_decref(texts);
			return NULL;
		}
	}

	return texts;
}
