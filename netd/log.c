/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log - see log.h.  A line is one write(), so that lines of several processes do not mix. */
#include "netd/log.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

#define TEXT_MAX 1024
#define LINE_MAX (TEXT_MAX + 128)

const char *const log_level_names[LOG_LEVELS] = {
	[LOG_ERROR] = "error",
	[LOG_WARNING] = "warning",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

/* As syslog(3) numbers them, which journald reads. */
static const int priority[LOG_LEVELS] = {
	[LOG_ERROR] = 3,
	[LOG_WARNING] = 4,
	[LOG_INFO] = 6,
	[LOG_DEBUG] = 7,
};

static enum log_level max_level = LOG_INFO;
static enum log_format format = LOG_TEXT;

void log_setup(enum log_level level, enum log_format how)
{
	max_level = level;
	format = how;
}

bool log_is_on(enum log_level level)
{
	return level <= max_level;
}

/* Text of others may be in a message: no byte of it shall look like a line of ours. */
static void make_plain(const char *text, char *ret, size_t len)
{
	size_t used = 0;

	for (const unsigned char *c = (const unsigned char *)text; *c && used + 5 < len; c++)
		if (*c < ' ' || *c == 127)
			used += (size_t)snprintf(ret + used, len - used, "\\x%02x", *c);
		else
			ret[used++] = (char)*c;
	ret[used] = '\0';
}

static void write_text(enum log_level level, const char *area, const char *text)
{
	char line[LINE_MAX];
	int n;

	if (isatty(STDERR_FILENO))
		n = snprintf(line, sizeof(line), "%s: %s: %s\n", log_level_names[level], area,
			     text);
	else
		n = snprintf(line, sizeof(line), "<%d>%s: %s\n", priority[level], area, text);

	(void)!write(STDERR_FILENO, line, (size_t)n);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);

	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void write_json(enum log_level level, const char *area, const char *text)
{
	json_t *line = json_pack("{s:f, s:s, s:s, s:s}", "time", now_s(), "level",
				 log_level_names[level], "area", area, "msg", text);
	char *dump = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(13)) : NULL;

	if (dump) {
		char *end = dump + strlen(dump);

		*end = '\n'; /* in place of its NUL: it is not used as a string any more */
		(void)!write(STDERR_FILENO, dump, (size_t)(end + 1 - dump));
	} else { /* no memory, or bytes that are no UTF-8 */
		write_text(level, area, text);
	}
	free(dump);
	json_decref(line);
}

static void write_line(enum log_level level, const char *area, const char *fmt, va_list ap)
{
	char text[TEXT_MAX], plain[TEXT_MAX];

	vsnprintf(text, sizeof(text), fmt, ap);
	make_plain(text, plain, sizeof(plain));
	if (format == LOG_JSON)
		write_json(level, area, plain);
	else
		write_text(level, area, plain);
}

void log_write(enum log_level level, const char *area, const char *fmt, ...)
{
	va_list ap;

	if (!log_is_on(level))
		return;

	va_start(ap, fmt);
	write_line(level, area, fmt, ap);
	va_end(ap);
}

void log_paced(struct log_pace *pace, enum log_level level, const char *area, const char *fmt, ...)
{
	int64_t now = clock_ms();
	va_list ap;

	if (!log_is_on(level))
		return;
	if (now < pace->next_ms) {
		pace->unsaid++;
		return;
	}
	if (pace->unsaid > 0)
		log_write(level, area, "%llu more of what follows were not written",
			  (unsigned long long)pace->unsaid);
	*pace = (struct log_pace){ .next_ms = now + LOG_PACE_MS };

	va_start(ap, fmt);
	write_line(level, area, fmt, ap);
	va_end(ap);
}
