/* SPDX-License-Identifier: GPL-2.0-or-later */
/* door - see door.h. */
#include "netd/door.h"

#include <stdlib.h>
#include <unistd.h>

struct place {
	struct door *door;
	struct conn *conn; /* NULL: free */
	struct ip_addr from;
};

struct door {
	struct ev_loop *loop;
	const struct door_ops *ops;
	void *ctx;
	struct place places[DOOR_PLACES];
	struct door_counters counters;
};

static void on_opened(void *ctx, struct conn *c)
{
	struct place *p = ctx;

	p->conn = NULL;
	p->door->ops->enters(p->door->ctx, c, conn_kind(c));
}

static void on_closed(void *ctx, struct conn *c, int why)
{
	struct place *p = ctx;

	(void)c;
	(void)why;
	p->conn = NULL;
	p->door->counters.silent++;
}

static const struct conn_ops door_conn_ops = {
	.opened = on_opened,
	.closed = on_closed,
};

/* Whoever enters is given another role before a message is read. */
static const struct conn_role door_role = { .idle_s = 1, .ops = &door_conn_ops };

static struct place *find_place(struct door *d, const struct ip_addr *from)
{
	struct place *free_one = NULL;
	unsigned int n = 0;

	for (unsigned int i = 0; i < DOOR_PLACES; i++) {
		struct place *p = &d->places[i];

		if (!p->conn)
			free_one = p;
		else
			n += ip_equal(&p->from, from);
	}

	return n < DOOR_OF_ADDRESS ? free_one : NULL;
}

void door_accept(struct door *d, int fd, const struct port_path *path)
{
	struct place *p = find_place(d, &path->from.ip);

	if (!p) {
		d->counters.refused++;
		close(fd);
		return;
	}
	p->from = path->from.ip;
	p->conn = conn_accept(d->loop, fd, path, &door_role, p);
}

struct door *door_new(struct ev_loop *loop, const struct door_ops *ops, void *ctx)
{
	struct door *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->loop = loop;
	d->ops = ops;
	d->ctx = ctx;
	for (unsigned int i = 0; i < DOOR_PLACES; i++)
		d->places[i].door = d;

	return d;
}

void door_free(struct door *d)
{
	if (!d)
		return;
	for (unsigned int i = 0; i < DOOR_PLACES; i++)
		if (d->places[i].conn)
			conn_close(d->places[i].conn);
	free(d);
}

const struct door_counters *door_counters(const struct door *d)
{
	return &d->counters;
}
