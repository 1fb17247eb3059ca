/* SPDX-License-Identifier: GPL-2.0-or-later */
/* natural - see natural.h */
#include "cli/natural.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A number at the beginning of @text: its leading zeros, and the digits behind them. */
struct number {
	size_t zeros, digits;
};

static struct number number_of(const char *text)
{
	struct number n = { .zeros = strspn(text, "0") };

	n.digits = strspn(text + n.zeros, "0123456789");

	return n;
}

static int compare_sizes(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

static int compare_numbers(const char *a, struct number na, const char *b, struct number nb)
{
	int r = compare_sizes(na.digits, nb.digits);

	if (r == 0)
		r = memcmp(a + na.zeros, b + nb.zeros, na.digits);

	return r != 0 ? r : compare_sizes(na.zeros, nb.zeros);
}

int natural_cmp(const char *a, const char *b)
{
	while (*a && *b) {
		struct number na, nb;
		int r;

		if (!is_digit(*a) || !is_digit(*b)) {
			if (*a != *b)
				break;
			a++;
			b++;
			continue;
		}
		na = number_of(a);
		nb = number_of(b);
		r = compare_numbers(a, na, b, nb);
		if (r != 0)
			return r;
		a += na.zeros + na.digits;
		b += nb.zeros + nb.digits;
	}

	return (unsigned char)*a - (unsigned char)*b;
}
