/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * progress - a bar for work that people wait for
 *
 *	Removing networks  [=========>           ]  90/200
 *
 *	struct progress p;
 *
 *	progress_begin(&p, "Removing networks", n);
 *	for each: ... progress_step(&p);
 *	progress_end(&p);
 *
 * It appears on stderr if that is a terminal, once the work has taken a second,
 * and is gone at the end.  What else goes to the terminal meanwhile is preceded by
 * progress_hide().
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct progress {
	const char *what; /* borrowed */
	size_t total, done;
	struct timespec begin, drawn; /* CLOCK_MONOTONIC; drawn: the last time */
	bool terminal, visible;
};

void progress_begin(struct progress *p, const char *what, size_t total);
void progress_step(struct progress *p);
void progress_hide(struct progress *p);
void progress_end(struct progress *p);

/**
 * progress_line() - the bar as text
 * @width:	columns that there are
 * @buf:	room for @len bytes
 *
 * Return: @buf.
 */
const char *progress_line(const struct progress *p, size_t width, char *buf, size_t len);

#endif
