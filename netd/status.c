/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status - see status.h */
#include "netd/status.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "netd/control.h"

struct section {
	struct section *next;
	const char *name;
	json_t *(*fn)(void *ctx);
	void *ctx;
};

struct status {
	time_t since;
	const char *(*why)(void *ctx);
	void *ctx;
	struct section *first, **last;
};

static json_t *make(const struct status *s)
{
	const char *why = s->why(s->ctx);
	AUTO_JSON json_t *doc = json_pack("{s:s, s:i, s:I, s:b}", "version", HEDDLE_VERSION, "pid",
					  (int)getpid(), "since", (json_int_t)s->since, "ready",
					  why == NULL);

	if (!doc || (why && json_object_set_new(doc, "why", json_string(why)) < 0))
		return NULL;
	for (const struct section *section = s->first; section; section = section->next) {
		json_t *part = section->fn(section->ctx);

		if (part && json_object_set_new(doc, section->name, part) < 0)
			return NULL;
	}

	return MOVE_PTR(doc);
}

static void method_status(void *ctx, struct control_call *call, const struct jnode *params)
{
	json_t *doc = make(ctx);

	(void)params;
	if (doc)
		control_answer(call, doc);
	else
		control_fail_say(call, CNI_E_AGAIN, "status: no memory for the answer");
}

static const struct control_method methods[] = {
	{ "status", method_status },
	{ NULL },
};

int status_new(struct control *c, const char *(*why)(void *ctx), void *ctx, struct status **ret,
	       struct err *e)
{
	struct status *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_sys(e, ENOMEM, "status");
	s->since = time(NULL);
	s->why = why;
	s->ctx = ctx;
	s->last = &s->first;
	r = control_register(c, methods, s, e);
	if (r < 0) {
		free(s);
		return r;
	}
	*ret = s;

	return 0;
}

void status_free(struct status *s)
{
	if (!s)
		return;
	while (s->first) {
		struct section *section = s->first;

		s->first = section->next;
		free(section);
	}
	free(s);
}

int status_register(struct status *s, const char *name, json_t *(*fn)(void *ctx), void *ctx,
		    struct err *e)
{
	struct section *section = malloc(sizeof(*section));

	if (!section)
		return err_sys(e, ENOMEM, "status");
	*section = (struct section){ .name = name, .fn = fn, .ctx = ctx };
	*s->last = section;
	s->last = &section->next;

	return 0;
}
