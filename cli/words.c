/* SPDX-License-Identifier: GPL-2.0-or-later */
/* words - see words.h */
#include "cli/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int add(struct words *w, const char *text, size_t len)
{
	char **bigger = reallocarray(w->v, w->n + 1, sizeof(*bigger));
	char *copy = strndup(text, len);

	if (bigger)
		w->v = bigger;
	if (!bigger || !copy) {
		free(copy);
		return -ENOMEM;
	}
	bigger[w->n++] = copy;

	return 0;
}

int words_add(struct words *w, const char *text)
{
	const char *comma = strchr(text, ',');

	for (; comma; comma = strchr(text, ',')) {
		if (add(w, text, (size_t)(comma - text)) < 0)
			return -ENOMEM;
		text = comma + 1;
	}

	return add(w, text, strlen(text));
}

void words_clear(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i]);
	free(w->v);
	*w = (struct words){ 0 };
}
