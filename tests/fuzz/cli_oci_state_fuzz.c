/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli_oci_state_fuzz - any document as a runtime's state, and as config.json
 *
 * What is read of it has a valid ID; a namespace has a path; networks have
 * names, and ports are ports.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "cli/attach-options.h"
#include "cli/oci-state.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/jnode.h"

static void try_options(const struct oci_state *state)
{
	AUTO(attach_options_clear) struct attach_options o = { 0 };
	const char *name = state->id;
	struct container_wish wish;
	struct err e = { 0 };

	if (oci_state_options(state, &o, &name, &e) < 0 ||
	    attach_options_finish(&o, "bridge", &wish, &e) < 0) {
		MUST(*e.msg);
		return;
	}
	MUST(name && wish.networks->n > 0);
	for (size_t i = 0; i < wish.networks->n; i++)
		MUST(*wish.networks->v[i].network);
	for (size_t i = 0; i < wish.n_ports; i++)
		MUST(wish.ports[i].port > 0 && wish.ports[i].port <= wish.ports[i].last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_JSON json_t *doc = NULL;
	char path[PATH_MAX] = "";
	struct oci_state state;
	struct err e = { 0 };

	if (jn_parse((const char *)data, size, &doc, &e) < 0)
		return 0;
	if (oci_state_read(doc, &state, &e) < 0) {
		MUST(*e.msg);
		return 0;
	}
	MUST(*state.id && !strchr(state.id, '/'));
	if (oci_state_netns(&state, doc, path, &e) > 0)
		MUST(*path);
	try_options(&state);

	return 0;
}
