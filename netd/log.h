/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log - one line an event, on stderr
 *
 *	<6>cluster: node b joined from 10.0.0.2:4794
 *	{"time":1795345000.123,"level":"info","area":"cluster","msg":"node b joined from …"}
 *
 * The first is what journald reads a priority from; on a terminal the level is a
 * word.  Whoever decides what happens next logs, once; what only passes an error
 * on does not.  What strangers can cause by the thousand goes through a log_pace.
 *
 * A file of netd/ says its area before it includes this, or in its first lines:
 *
 *	#define LOG_AREA "cluster"
 */
#ifndef NETD_LOG_H
#define NETD_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_LEVELS };
enum log_format { LOG_TEXT, LOG_JSON };

/* "error", "warning", "info", "debug" */
extern const char *const log_level_names[LOG_LEVELS];

/* What is above @level is not written.  Before this: info, as text. */
void log_setup(enum log_level level, enum log_format format);

bool log_is_on(enum log_level level);

/* Bytes that would break the line are written as "\xNN". */
void log_write(enum log_level level, const char *area, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(...)	 log_write(LOG_ERROR, LOG_AREA, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, LOG_AREA, __VA_ARGS__)
#define log_info(...)	 log_write(LOG_INFO, LOG_AREA, __VA_ARGS__)
#define log_debug(...)                                                                             \
	do {                                                                                       \
		if (log_is_on(LOG_DEBUG))                                                          \
			log_write(LOG_DEBUG, LOG_AREA, __VA_ARGS__);                               \
	} while (0)

/* How often one thing was left unsaid; zeros to begin with, one for each place that logs. */
struct log_pace {
	int64_t next_ms;
	uint64_t unsaid;
};

#define LOG_PACE_MS 10000

/*
 * As log_write(), once in LOG_PACE_MS; the next line then says how many were not
 * written.  Counters (metrics.h) are exact, this is for people.
 */
void log_paced(struct log_pace *pace, enum log_level level, const char *area, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
