/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lab - a network namespace of the test's own, and what programs say in it
 *
 * Include after cmocka.h.
 */
#ifndef LAB_H
#define LAB_H

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/nl.h"

/* What the last failing call said. */
static struct err lab_err;

/* cmocka setup: a fresh namespace, and *state is a socket in it; NULL without root. */
static inline int lab_open(void **state, int bus)
{
	*state = NULL;
	if (unshare(CLONE_NEWNET) < 0)
		return 0;

	return nl_open(bus, (struct nl **)state, &lab_err) < 0 ? -1 : 0;
}

static inline int lab_setup(void **state)
{
	return lab_open(state, NETLINK_NETFILTER);
}

static inline int lab_setup_route(void **state)
{
	return lab_open(state, NETLINK_ROUTE);
}

static inline int lab_teardown(void **state)
{
	nl_close(*state);

	return 0;
}

/* The socket of lab_setup(), or the test is skipped. */
static inline struct nl *lab_nl(void **state)
{
	if (!*state)
		skip();

	return *state;
}

/* Makes one more namespace.  Return: its descriptor. */
static inline int lab_netns(void)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), fd;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	close(home);

	return fd;
}

/* Runs a shell command in the namespace.  Return: its output, to be freed. */
static inline char *lab_run(const char *command)
{
	size_t size = 1 << 20, len;
	char *text = malloc(size);
	FILE *f = popen(command, "r");

	assert_non_null(text);
	assert_non_null(f);
	len = fread(text, 1, size - 1, f);
	text[len] = '\0';
	pclose(f);

	return text;
}

static inline void lab_expect(const char *command, const char *expected)
{
	char *text = lab_run(command);

	assert_string_equal(text, expected);
	free(text);
}

/* The same in the namespace @netns. */
static inline void lab_expect_in(int netns, const char *command, const char *expected)
{
	char line[512];

	snprintf(line, sizeof(line), "nsenter --net=/proc/%d/fd/%d sh -c '%s'", getpid(), netns,
		 command);
	lab_expect(line, expected);
}

/* A number that a command prints. */
static inline long lab_number(const char *command)
{
	char *text = lab_run(command);
	long n = strtol(text, NULL, 10);

	free(text);

	return n;
}

/* A call of ours, which reports to lab_err, has succeeded, or its error is shown. */
#define assert_done(call)                                                                          \
	do {                                                                                       \
		int r_ = (call);                                                                   \
		if (r_ < 0)                                                                        \
			fail_msg("%s: %d: %s (%s)", #call, r_, lab_err.msg, lab_err.details);      \
	} while (0)

#endif
