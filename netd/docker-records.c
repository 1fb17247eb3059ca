/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker-records - see docker-records.h */
#include "netd/docker-records.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "netd/store.h"

#define KEY_SIZE (DOCKER_ID_MAX + 2)

static int key_of(enum docker_kind kind, const char *id, char ret[KEY_SIZE], struct err *e)
{
	if (*id == '\0' || strlen(id) > DOCKER_ID_MAX)
		return err_cni(e, CNI_E_CONFIG, "\"%.140s\" is no id: it has 1 to %d characters",
			       id, DOCKER_ID_MAX);

	return snprintf(ret, KEY_SIZE, "%c%s", kind, id);
}

int docker_record_put(struct store *s, enum docker_kind kind, const char *id, json_t *value,
		      enum durability how, struct err *e)
{
	AUTO_FREE char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
	char key[KEY_SIZE];
	int len = key_of(kind, id, key, e);

	json_decref(value);
	if (len < 0)
		return len;
	if (!text)
		return err_sys(e, ENOMEM, "remember %s", id);

	return store_put(s, STORE_DOCKER, key, (size_t)len, text, strlen(text), how, e);
}

int docker_record_drop(struct store *s, enum docker_kind kind, const char *id, struct err *e)
{
	char key[KEY_SIZE];
	int len = key_of(kind, id, key, e);

	return len < 0 ? len : store_put(s, STORE_DOCKER, key, (size_t)len, NULL, 0, STORE_LAZY, e);
}

static int read_value(const char *id, const void *value, size_t len, json_t **ret, struct err *e)
{
	AUTO_JSON json_t *doc = json_loadb(value, len, 0, NULL);

	if (!json_is_object(doc))
		return err_say(e, EIO, "the store's record of %s is damaged", id);
	*ret = MOVE_PTR(doc);

	return 0;
}

int docker_record_get(struct store *s, enum docker_kind kind, const char *id, json_t **ret,
		      struct err *e)
{
	AUTO_FREE void *value = NULL;
	char key[KEY_SIZE];
	size_t value_len;
	int len = key_of(kind, id, key, e), r;

	if (len < 0)
		return len;
	r = store_get(s, STORE_DOCKER, key, (size_t)len, &value, &value_len, e);

	return r < 0 ? r : read_value(id, value, value_len, ret, e);
}

struct walk {
	enum docker_kind kind;
	int (*fn)(void *ctx, const char *id, json_t *value);
	void *ctx;
	struct err *e;
};

static int visit(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	const struct walk *w = ctx;
	AUTO_JSON json_t *doc = NULL;
	char id[KEY_SIZE];
	int r;

	if (key_len < 2 || key_len >= sizeof(id) || *(const char *)key != (char)w->kind)
		return 0;
	memcpy(id, (const char *)key + 1, key_len - 1);
	id[key_len - 1] = '\0';
	r = read_value(id, value, len, &doc, w->e);

	return r < 0 ? r : w->fn(w->ctx, id, doc);
}

int docker_record_each(struct store *s, enum docker_kind kind,
		       int (*fn)(void *ctx, const char *id, json_t *value), void *ctx,
		       struct err *e)
{
	struct walk w = { kind, fn, ctx, e };

	return store_each(s, STORE_DOCKER, visit, &w, e);
}

/* ---- ids ------------------------------------------------------------------ */

void docker_names_clear(struct docker_names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->list[i]);
	free(l->list);
	*l = (struct docker_names){ 0 };
}

int docker_names_add(struct docker_names *l, enum docker_kind kind, const char *id)
{
	char **more;

	if (l->n == l->cap) {
		more = reallocarray(l->list, l->cap * 2 + 16, sizeof(*more));
		if (!more)
			return -ENOMEM;
		l->list = more;
		l->cap = l->cap * 2 + 16;
	}
	if (asprintf(&l->list[l->n], "%c%s", kind, id) < 0)
		return -ENOMEM;
	l->n++;

	return 0;
}

struct naming {
	enum docker_kind kind;
	struct docker_names *l;
};

static int add_name(void *ctx, const char *id, json_t *value)
{
	const struct naming *n = ctx;

	(void)value;

	return docker_names_add(n->l, n->kind, id);
}

int docker_record_names(struct store *s, enum docker_kind kind, struct docker_names *l,
			struct err *e)
{
	struct naming n = { kind, l };

	return docker_record_each(s, kind, add_name, &n, e);
}
