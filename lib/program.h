/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * program - run a tool of the host, and read what it says
 *
 * For the few things that are done by a program of somebody else's or by a helper
 * of our own.  No shell is involved.  Its standard streams are files in memory:
 * no pipe that could fill up.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

struct err;

/* How it ended; program_clear() frees it. */
struct program_end {
	int status;   /* of exit, -1 if a signal ended it */
	char *output; /* what it wrote to its standard output */
	char *said;   /* and to its standard error */
};

/**
 * program_run() - run a program to its end
 * @argv:	its name, which is looked for in PATH and in the administrator's
 *		directories, or its path; and its arguments, ended by NULL
 * @input:	its standard input
 * @ret:	how it ended, whatever its exit status
 *
 * Return: 0; -ENOENT if there is no such program; or another errno.
 */
int program_run(const char *const argv[], const char *input, struct program_end *ret,
		struct err *e);
void program_clear(struct program_end *end);

#endif
