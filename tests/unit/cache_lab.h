/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cache_lab - a cache directory of the test's own */
#ifndef CACHE_LAB_H
#define CACHE_LAB_H

#include "cli/command.h"

struct lab {
	char dir[64];
	struct command_env env;
};

static int lab_setup(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	assert_non_null(lab);
	snprintf(lab->dir, sizeof(lab->dir), "/tmp/cli_cache_lab.XXXXXX");
	assert_non_null(mkdtemp(lab->dir));
	lab->env.cache_dir = lab->dir;
	*state = lab;

	return 0;
}

static int lab_teardown(void **state)
{
	struct lab *lab = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", lab->dir);
	assert_int_equal(system(command), 0);
	free(lab);

	return 0;
}

#endif
