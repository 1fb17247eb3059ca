/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli_install_toml_fuzz - any text as somebody's TOML file
 *
 * What is set is found, and undone nothing but a newline at the end is new.
 */
#include "tests/fuzz/fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "cli/install-toml.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static bool has_our_lines(const char *text)
{
	AUTO_FREE char *undone = install_toml_undo(text);

	MUST(undone);
	return strcmp(undone, text) != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct install_toml_key key = { { "plugins", "a.b", "cni", "bin_dir" }, 4 };
	AUTO_FREE char *text = strndup((const char *)data, size);
	AUTO_FREE char *changed = NULL, *undone = NULL, *value = NULL;
	struct err e = { 0 };

	MUST(text);
	if (has_our_lines(text))
		return 0;
	if (install_toml_set(text, &key, "\"/ours\"", &changed, &e) < 0) {
		MUST(*e.msg);
		return 0;
	}
	MUST(install_toml_get(changed, &key, &value, &e) == 0);
	MUST(value && strcmp(value, "\"/ours\"") == 0);
	undone = install_toml_undo(changed);
	MUST(undone && strncmp(undone, text, strlen(text)) == 0);
	MUST(strcmp(undone + strlen(text), "") == 0 || strcmp(undone + strlen(text), "\n") == 0);

	return 0;
}
