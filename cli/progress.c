/* SPDX-License-Identifier: GPL-2.0-or-later */
/* progress - see progress.h */
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PATIENCE_MS 1000 /* until people want to see something */
#define REDRAW_MS   100
#define BAR_MAX	    40

static long ms_between(const struct timespec *from, const struct timespec *to)
{
	return (to->tv_sec - from->tv_sec) * 1000 + (to->tv_nsec - from->tv_nsec) / 1000000;
}

void progress_begin(struct progress *p, const char *what, size_t total)
{
	*p = (struct progress){
		.what = what,
		.total = total,
		.terminal = isatty(STDERR_FILENO),
	};
	clock_gettime(CLOCK_MONOTONIC, &p->begin);
}

const char *progress_line(const struct progress *p, size_t width, char *buf, size_t len)
{
	char count[48], bar[BAR_MAX + 1];
	size_t used, room, full;

	snprintf(count, sizeof(count), "%zu/%zu", p->done, p->total);
	used = strlen(p->what) + strlen("  []  ") + strlen(count);
	if (width < used + 4) {
		snprintf(buf, len, "%s  %s", p->what, count);
		return buf;
	}
	room = width - used;
	if (room > BAR_MAX)
		room = BAR_MAX;
	full = p->total > 0 ? room * p->done / p->total : room;
	memset(bar, ' ', room);
	memset(bar, '=', full);
	if (full < room)
		bar[full] = '>';
	bar[room] = '\0';
	snprintf(buf, len, "%s  [%s]  %s", p->what, bar, count);

	return buf;
}

static size_t columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;

	return size.ws_col;
}

void progress_step(struct progress *p)
{
	struct timespec now;
	char line[256];

	p->done++;
	if (!p->terminal)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (ms_between(&p->begin, &now) < PATIENCE_MS || ms_between(&p->drawn, &now) < REDRAW_MS)
		return;
	p->drawn = now;
	p->visible = true;
	/* The last column stays free, where some terminals would begin a new line. */
	fprintf(stderr, "\r%s\033[K", progress_line(p, columns() - 1, line, sizeof(line)));
	fflush(stderr);
}

void progress_hide(struct progress *p)
{
	if (!p->visible)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	p->visible = false;
}

void progress_end(struct progress *p)
{
	progress_hide(p);
}
