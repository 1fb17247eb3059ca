/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lent - see lent.h. */
#include "lib/lent.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "lib/attachment.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/gc.h"
#include "lib/link.h"
#include "lib/netns.h"
#include "lib/nl.h"

#define ANY_NAME "dev%d" /* the kernel puts a number there; its own choice in such a case */

/* ---- the mark ------------------------------------------------------------ */

static void write_mark(const struct owner *owner, const char *name, char *ret, size_t size)
{
	snprintf(ret, size, "%.*s was %s for%s", OWNER_KEY_LEN, owner->tag, name,
		 owner->tag + OWNER_KEY_LEN);
}

/* The name at home, by a mark of ours. */
static bool read_mark(const char *alias, char ret[IFNAMSIZ])
{
	return strncmp(alias, "h1:", 3) == 0 && strlen(alias) > OWNER_KEY_LEN &&
	       sscanf(alias + OWNER_KEY_LEN, " was %15s for ", ret) == 1;
}

/* The reference plugin's mark is the name alone. */
static bool read_adopted(const struct cni_request *rq, const struct link *link, char ret[IFNAMSIZ])
{
	if (strcmp(link->name, rq->ifname) != 0 || !attachment_is_adopted(rq, link) ||
	    cni_valid_ifname(link->alias, "alias", NULL) < 0)
		return false;
	snprintf(ret, IFNAMSIZ, "%.*s", IFNAMSIZ - 1, link->alias);

	return true;
}

/* Decides which interfaces are to be brought back. */
struct filter {
	const struct cni_request *rq; /* those of this attachment, or … */
	const struct gc *gc;	      /* … garbage, if not NULL */
};

static bool is_wanted(const struct filter *f, const struct link *link)
{
	size_t len = strlen(link->alias);
	char name[IFNAMSIZ];

	return read_mark(link->alias, name) && (f->gc ? gc_is_garbage(f->gc, link->alias, len)
						      : owner_has(&f->rq->owner, link->alias, len));
}

bool lent_to(const struct cni_request *rq, const struct link *link)
{
	const struct filter f = { .rq = rq };
	char name[IFNAMSIZ];

	return is_wanted(&f, link) || read_adopted(rq, link, name);
}

/* ---- in ------------------------------------------------------------------ */

int lent_move_in(struct nl *host, const struct link *device, const struct cni_request *rq,
		 struct err *e)
{
	char mark[256], name[IFNAMSIZ];

	/* One that was never brought back, and is ours no more, knows its own name still. */
	if (!read_mark(device->alias, name))
		snprintf(name, sizeof(name), "%s", device->name);
	write_mark(&rq->owner, name, mark, sizeof(mark));
	link_put_alias(host, device->index, mark);
	link_put_move(host, device->index, rq->netns_fd, rq->ifname);

	return nl_commit(host, e);
}

/* ---- out of a container -------------------------------------------------- */

struct search {
	struct filter filter;
	struct nl *host;
	int host_id; /* of the host's namespace, as the container counts */
	int host_fd;
	struct nl *out; /* requests of what is found are queued here */
};

static bool name_is_free(struct nl *host, const char *name)
{
	struct link link;

	return link_get(host, name, &link, NULL) == -ENODEV;
}

static void put_back(struct search *s, const struct link *link, const char *name)
{
	link_put_move(s->out, link->index, s->host_fd,
		      name_is_free(s->host, name) ? name : ANY_NAME);
}

/* A container cannot make hardware, nor what reaches out of it. */
static bool is_from_outside(const struct search *s, const struct link *link)
{
	return !*link->kind || (link->peer_netns_id >= 0 && link->peer_netns_id == s->host_id);
}

static int move_wanted(const struct link *link, void *data)
{
	struct search *s = data;
	char name[IFNAMSIZ];

	if (is_wanted(&s->filter, link) && (!s->filter.gc || is_from_outside(s, link))) {
		(void)read_mark(link->alias, name);
		put_back(s, link, name);
	} else if (!s->filter.gc && read_adopted(s->filter.rq, link, name)) {
		put_back(s, link, name);
	}

	return 0;
}

static int search_netns(int fd, const char *path, void *data, struct err *e)
{
	AUTO(nl_closep) struct nl *in = NULL;
	AUTO(nl_closep) struct nl *out = NULL;
	struct search *s = data;
	int r;

	if ((r = netns_nl_open(fd, NETLINK_ROUTE, &in, e)) < 0 ||
	    (r = netns_nl_open(fd, NETLINK_ROUTE, &out, e)) < 0 ||
	    (r = netns_id(in, s->host_fd, &s->host_id, e)) < 0)
		return err_wrap(e, r, "%s", path);
	s->out = out;
	r = link_each(in, move_wanted, s, e);
	if (r == 0)
		r = nl_commit(out, e);

	return r < 0 ? err_wrap(e, r, "bring an interface back from %s", path) : 0;
}

static int search_init(struct search *s, struct nl *host, struct filter filter, struct err *e)
{
	int fd = netns_open_self(e);

	if (fd < 0)
		return fd;
	*s = (struct search){ .filter = filter, .host = host, .host_fd = fd };

	return 0;
}

/* ---- at home ------------------------------------------------------------- */

struct homecoming {
	struct filter filter;
	struct nl *nl;
	struct err *e;
	int r;
};

static int name_is_taken(const struct link *link, const char *name, struct err *e)
{
	return err_sys(e, EEXIST,
		       "%s is back on the host, down and named %s: another interface has its name "
		       "by now; rename them",
		       name, link->name);
}

/* The mark goes last: until then the interface is found again. */
static int finish(struct nl *nl, const struct link *link, const char *name, struct err *e)
{
	bool at_home = strcmp(link->name, name) == 0;
	bool taken = !at_home && !name_is_free(nl, name);
	int r;

	link_put_flags(nl, link->index, 0, IFF_UP);
	if (!at_home && !taken)
		link_put_name(nl, link->index, name);
	r = nl_commit(nl, e);
	if (r < 0)
		return r;
	link_put_alias(nl, link->index, "");
	r = nl_commit(nl, e);

	return r == 0 && taken ? name_is_taken(link, name, e) : r;
}

static int finish_wanted(const struct link *link, void *data)
{
	struct homecoming *h = data;
	struct err next = { 0 };
	char name[IFNAMSIZ];

	if (is_wanted(&h->filter, link)) {
		(void)read_mark(link->alias, name);
		h->r = err_keep(h->r, h->e, finish(h->nl, link, name, &next), &next);
	}

	return 0;
}

static int finish_all(struct nl *host, struct filter filter, struct err *e)
{
	AUTO(nl_closep) struct nl *nl = NULL;
	struct homecoming h = { .filter = filter, .e = e };
	struct err next = { 0 };
	int r = nl_open(NETLINK_ROUTE, &nl, e);

	if (r < 0)
		return r;
	h.nl = nl;
	r = link_each(host, finish_wanted, &h, &next);

	return err_keep(h.r, e, r, &next);
}

/* ---- both ---------------------------------------------------------------- */

int lent_move_out(struct nl *host, const struct cni_request *rq, struct err *e)
{
	const struct filter filter = { .rq = rq };
	struct err next = { 0 };
	struct search s;
	int r = search_init(&s, host, filter, e);

	if (r < 0)
		return r;
	if (rq->netns_fd >= 0)
		r = search_netns(rq->netns_fd, rq->netns, &s, e);
	close(s.host_fd);

	return err_keep(r, e, finish_all(host, filter, &next), &next);
}

int lent_gc(struct nl *host, const struct cni_request *rq, struct err *e)
{
	AUTO(gc_clear) struct gc gc = { 0 };
	const struct filter filter = { .rq = rq, .gc = &gc };
	struct err next = { 0 };
	struct search s;
	int r;

	if ((r = gc_init(&gc, rq->network, rq->valid, rq->n_valid, e)) < 0 ||
	    (r = search_init(&s, host, filter, e)) < 0)
		return r;
	r = netns_each(search_netns, &s, e);
	close(s.host_fd);

	return err_keep(r, e, finish_all(host, filter, &next), &next);
}
