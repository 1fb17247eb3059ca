/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nearest - see nearest.h */
#include "cli/nearest.h"

#include <string.h>

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t nearest_distance(const char *a, const char *b)
{
	/* row[i][j]: from the first i letters of @a to the first j of @b */
	size_t row[NEAREST_MAX + 1][NEAREST_MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > NEAREST_MAX || m > NEAREST_MAX)
		return NEAREST_MAX;

	for (size_t i = 0; i <= n; i++) {
		for (size_t j = 0; j <= m; j++) {
			size_t best = i + j;

			if (i > 0)
				best = min(best, row[i - 1][j] + 1);
			if (j > 0)
				best = min(best, row[i][j - 1] + 1);
			if (i > 0 && j > 0)
				best = min(best, row[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = min(best, row[i - 2][j - 2] + 1);
			row[i][j] = best;
		}
	}

	return row[n][m];
}

bool nearest_is_slip(const char *word, const char *known)
{
	size_t limit = strlen(known) > 3 ? 2 : 1;

	return nearest_distance(word, known) <= limit;
}
