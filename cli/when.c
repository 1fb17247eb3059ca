/* SPDX-License-Identifier: GPL-2.0-or-later */
/* when - see when.h */
#include "cli/when.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NSEC_PER_SEC 1000000000LL
#define FAR_SEC	     ((int64_t)1 << 40) /* 34,865 years: nobody means more */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---- parts --------------------------------------------------------------- */

/* @len digits.  Return: behind them, or NULL. */
static const char *digits(const char *text, size_t len, int *ret)
{
	int n = 0;

	for (size_t i = 0; i < len; i++) {
		if (!is_digit(text[i]))
			return NULL;
		n = n * 10 + (text[i] - '0');
	}
	*ret = n;

	return text + len;
}

/* "." and digits, if that is next: nanoseconds.  Return: behind them. */
static const char *fraction(const char *text, long *ret)
{
	long unit = NSEC_PER_SEC / 10;

	*ret = 0;
	if (*text != '.' || !is_digit(text[1]))
		return text;
	for (text++; is_digit(*text); text++, unit /= 10)
		*ret += (*text - '0') * unit;

	return text;
}

/* Digits, at least one.  Return: behind them; NULL, also for a number that is too big. */
static const char *whole(const char *text, int64_t *ret)
{
	int64_t n = 0;

	if (!is_digit(*text))
		return NULL;
	for (; is_digit(*text); text++) {
		n = n * 10 + (*text - '0');
		if (n > FAR_SEC)
			return NULL;
	}
	*ret = n;

	return text;
}

/* ---- durations ----------------------------------------------------------- */

/* Of a unit at the beginning of @text.  Return: how many nanoseconds it has, 0 if it is none. */
static int64_t unit(const char *text, size_t *ret_len)
{
	static const struct {
		const char *name; /* longer ones first, where one begins with another */
		int64_t ns;
	} units[] = {
		{ "ns", 1 },
		{ "us", 1000 },
		{ "\u00b5s", 1000 },
		{ "ms", 1000000 },
		{ "s", NSEC_PER_SEC },
		{ "m", 60 * NSEC_PER_SEC },
		{ "h", 3600 * NSEC_PER_SEC },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		*ret_len = strlen(units[i].name);
		if (strncmp(text, units[i].name, *ret_len) == 0)
			return units[i].ns;
	}

	return 0;
}

/* "1.5h".  Return: behind it, or NULL. */
static const char *term(const char *text, int64_t *ret_ns)
{
	int64_t n = 0, ns, whole_ns;
	long part;
	size_t len;

	if (*text != '.')
		text = whole(text, &n);
	if (!text)
		return NULL;
	text = fraction(text, &part);
	ns = unit(text, &len);
	if (ns == 0 || __builtin_mul_overflow(n, ns, &whole_ns))
		return NULL;
	*ret_ns = whole_ns + (int64_t)((double)part / NSEC_PER_SEC * (double)ns);

	return text + len;
}

static bool duration(const char *text, int64_t *ret_ns)
{
	const bool negative = *text == '-';
	int64_t sum = 0, ns;

	text += *text == '-' || *text == '+';
	do {
		text = term(text, &ns);
		if (!text || __builtin_add_overflow(sum, ns, &sum))
			return false;
	} while (*text);
	*ret_ns = negative ? -sum : sum;

	return true;
}

static struct timespec ago(const struct timespec *now, int64_t ns)
{
	struct timespec t = {
		.tv_sec = now->tv_sec - ns / NSEC_PER_SEC,
		.tv_nsec = now->tv_nsec - ns % NSEC_PER_SEC,
	};

	if (t.tv_nsec < 0) {
		t.tv_sec--;
		t.tv_nsec += NSEC_PER_SEC;
	} else if (t.tv_nsec >= NSEC_PER_SEC) {
		t.tv_sec++;
		t.tv_nsec -= NSEC_PER_SEC;
	}

	return t;
}

/* ---- dates --------------------------------------------------------------- */

/* "Z", "+02:00" or nothing, which is local time.  Return: whether that is all. */
static bool zone(const char *text, int *ret_east, bool *ret_local)
{
	int hours, minutes, sign = *text == '-' ? -1 : 1;
	const char *colon;

	*ret_east = 0;
	*ret_local = *text == '\0';
	if (*text == '\0' || strcmp(text, "Z") == 0)
		return true;
	if (*text != '+' && *text != '-')
		return false;
	colon = digits(text + 1, 2, &hours);
	if (!colon || *colon != ':' || !(text = digits(colon + 1, 2, &minutes)) || *text ||
	    hours > 23 || minutes > 59)
		return false;
	*ret_east = sign * (hours * 60 + minutes) * 60;

	return true;
}

/* "T08:00:00.5".  Return: behind it; NULL if what follows a T is no time. */
static const char *clock_time(const char *text, struct tm *tm, long *ret_ns)
{
	*ret_ns = 0;
	if (*text != 'T')
		return text;
	text = digits(text + 1, 2, &tm->tm_hour);
	if (!text || *text != ':' || !(text = digits(text + 1, 2, &tm->tm_min)))
		return NULL;
	if (*text != ':')
		return text;
	text = digits(text + 1, 2, &tm->tm_sec);

	return text ? fraction(text, ret_ns) : NULL;
}

static bool in_range(const struct tm *tm)
{
	return tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 && tm->tm_mday <= 31 &&
	       tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

static bool date(const char *text, struct timespec *ret)
{
	struct tm tm = { .tm_isdst = -1 };
	bool local;
	int east;

	if (!(text = digits(text, 4, &tm.tm_year)) || *text != '-' ||
	    !(text = digits(text + 1, 2, &tm.tm_mon)) || *text != '-' ||
	    !(text = digits(text + 1, 2, &tm.tm_mday)) ||
	    !(text = clock_time(text, &tm, &ret->tv_nsec)) || !zone(text, &east, &local))
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	if (!in_range(&tm))
		return false;
	ret->tv_sec = local ? mktime(&tm) : timegm(&tm) - east;

	return true;
}

static bool seconds(const char *text, struct timespec *ret)
{
	int64_t n;

	text = whole(text, &n);
	if (!text)
		return false;
	text = fraction(text, &ret->tv_nsec);
	ret->tv_sec = n;

	return *text == '\0';
}

int when_parse(const char *text, const struct timespec *now, struct timespec *ret)
{
	struct timespec t;
	int64_t ns;

	if (duration(text, &ns))
		t = ago(now, ns);
	else if (!date(text, &t) && !seconds(text, &t))
		return -EINVAL;
	*ret = t;

	return 0;
}
