/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link-gc - see link-gc.h. */
#include "lib/link-gc.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/random.h>

#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/link.h"
#include "lib/nl.h"

#define PREFIX_LEN strlen(OWNER_LINK_PREFIX)

/* Groups with this bit alone at the top are those that a GC chooses; no network's is. */
#define DOOMED_BIT (1u << 29)

struct collect {
	const struct cni_request *rq;
	const char *prefix, *kind;
	struct owner *valid; /* marks of the attachments that stay */
	uint32_t doomed_group;
	struct nl *out;
	size_t n_doomed;
};

static bool is_doomed(uint32_t group)
{
	return group >> 29 == 1;
}

/*
 * The group says whose network an interface is of: it is there from birth, while
 * the alias comes a message later.  A GC that was stopped half way leaves some in
 * a group of its own, and then the alias says it.
 */
static bool is_of_network(const struct link *link, const struct owner *network)
{
	return link->group == network->group ||
	       (is_doomed(link->group) &&
		owner_has_network(network, link->alias, strlen(link->alias)));
}

static int collect_link(const struct link *link, void *data)
{
	struct collect *c = data;

	if (strncmp(link->name, c->prefix, PREFIX_LEN) != 0 || strcmp(link->kind, c->kind) != 0 ||
	    !is_of_network(link, &c->rq->owner))
		return 0;
	for (size_t i = 0; i < c->rq->n_valid; i++) {
		if (strcmp(link->name + PREFIX_LEN, c->valid[i].host_ifname + PREFIX_LEN) == 0)
			return 0;
	}
	link_put_group(c->out, link->index, c->doomed_group);
	c->n_doomed++;

	return 0;
}

/* A number that no other GC uses at this moment. */
static int choose_group(uint32_t *ret, struct err *e)
{
	uint32_t group;

	if (getrandom(&group, sizeof(group), 0) != sizeof(group))
		return err_sys(e, errno, "choose a group for what is to be deleted");
	*ret = (group & (DOOMED_BIT - 1)) | DOOMED_BIT;

	return 0;
}

static int delete_doomed(struct collect *c, struct err *e)
{
	/* One that vanishes meanwhile is no failure; the others still move. */
	int r = nl_commit(c->out, e);

	if (r < 0 && r != -ENODEV)
		return r;
	link_put_del_group(c->out, c->doomed_group);
	r = nl_commit(c->out, e);

	return r == -ENODEV ? 0 : r;
}

int link_gc(const struct cni_request *rq, const char *prefix, const char *kind, struct err *e)
{
	AUTO(nl_closep) struct nl *in = NULL;
	AUTO(nl_closep) struct nl *out = NULL;
	AUTO_FREE struct owner *valid = calloc(rq->n_valid + 1, sizeof(*valid));
	struct collect c = { .rq = rq, .prefix = prefix, .kind = kind, .valid = valid };
	int r;

	if (!valid)
		return err_sys(e, ENOMEM, "collect interfaces that no attachment uses");
	for (size_t i = 0; i < rq->n_valid; i++)
		owner_init(&valid[i], rq->network, rq->valid[i].container_id, rq->valid[i].ifname);

	if ((r = choose_group(&c.doomed_group, e)) < 0 ||
	    (r = nl_open(NETLINK_ROUTE, &in, e)) < 0 || (r = nl_open(NETLINK_ROUTE, &out, e)) < 0)
		return r;
	c.out = out;
	r = link_each(in, collect_link, &c, e);

	return r < 0 || c.n_doomed == 0 ? r : delete_doomed(&c, e);
}
