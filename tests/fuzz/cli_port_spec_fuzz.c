/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli_port_spec_fuzz - any text after -p, and after --network
 *
 * What is read of it has ports in order, of which a fixed one of the host goes
 * with each of the container's; what is not says why.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "cli/endpoint-spec.h"
#include "cli/port-spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static void try_port(const char *text)
{
	struct port_spec spec;
	struct err e = { 0 };

	if (port_spec_parse(text, &spec, &e) < 0) {
		MUST(*e.msg);
		return;
	}
	MUST(spec.port > 0 && spec.port <= spec.last);
	MUST(spec.host_port <= spec.host_last);
	MUST(spec.host_port == 0 || spec.port == spec.last || !port_spec_is_open(&spec));
}

static void try_network(const char *text)
{
	AUTO(endpoint_spec_clear) struct endpoint_spec spec = { 0 };
	struct err e = { 0 };

	if (endpoint_spec_parse(text, &spec, &e) < 0)
		MUST(*e.msg && !spec.network);
	else
		MUST(*spec.network);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = strndup((const char *)data, size);

	MUST(text);
	try_port(text);
	try_network(text);

	return 0;
}
