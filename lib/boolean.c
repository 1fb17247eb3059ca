/* SPDX-License-Identifier: GPL-2.0-or-later */
/* boolean - see boolean.h. */
#include "lib/boolean.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"

int boolean_parse(const char *text)
{
	static const char *const words[2][6] = {
		{ "0", "f", "F", "false", "FALSE", "False" },
		{ "1", "t", "T", "true", "TRUE", "True" },
	};

	for (int value = 0; value < 2; value++) {
		for (size_t i = 0; i < ARRAY_SIZE(words[value]); i++) {
			if (strcmp(text, words[value][i]) == 0)
				return value;
		}
	}

	return -EINVAL;
}
