/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * portmappings_fuzz - any text as a list of published ports
 *
 * What is read of it is in order, has no port of the host twice, and leads from
 * and to ports that exist.
 */
#include "tests/fuzz/fuzz.h"

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/jnode.h"
#include "lib/portmappings.h"

static void must_be_sound(const struct publish_port *ports, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct publish_port *p = &ports[i], *last = i ? &ports[i - 1] : NULL;

		MUST(p->host_port > 0 && p->port > 0 && ip_is_set(&p->host_ip));
		MUST(*portmappings_proto_name(p->proto) != '?');
		if (last && last->proto == p->proto && last->host_port == p->host_port)
			MUST(ip_cmp(&last->host_ip, &p->host_ip) < 0);
		else if (last)
			MUST(last->proto < p->proto ||
			     (last->proto == p->proto && last->host_port < p->host_port));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE struct publish_port *ports = NULL;
	AUTO_JSON json_t *doc = NULL;
	const struct ip_addr every = { 0 };
	struct err e = { 0 };
	struct jnode root;
	size_t n = 0;

	if (jn_parse((const char *)data, size, &doc, &e) < 0)
		return 0;
	root = jn_root(doc);
	if (portmappings_read(&root, &every, &ports, &n, &e) < 0)
		MUST(e.cni != 0 && *e.msg && !ports);
	else
		must_be_sound(ports, n);

	return 0;
}
