/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * census-kernel - what the kernel has of attachments, and which of them have an interface
 *
 * See census.h for the why, owner.h for the marks.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/census.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/ifb.h"
#include "lib/link.h"
#include "lib/netns.h"
#include "lib/nl.h"
#include "lib/ruleset.h"

/* ---- elements and queues ------------------------------------------------------- */

/*
 * The words of a mark are cut when they are long.  Then the name of the container
 * is not known, unless a lease or a result has it; that of the network is.
 */
static struct census_item *item_of_tag(struct census *c, const char *tag)
{
	char network[OWNER_TAG_SIZE] = "", id[OWNER_TAG_SIZE], ifname[OWNER_TAG_SIZE];
	int n = sscanf(owner_words(tag), "%128s %128s %128s", network, id, ifname);
	struct census_item *item;
	struct owner owner;

	if (n == 3) {
		owner_init(&owner, network, id, ifname);
		if (owner_has(&owner, tag, strlen(tag)))
			return census_attachment(c, network, id, ifname);
	}
	item = census_item(c, tag);
	owner_init_network(&owner, network);
	if (item && owner_has_network(&owner, tag, strlen(tag)) &&
	    census_set_network(item, network) < 0)
		return NULL;

	return item;
}

/* What a network's containers share: that its bridge is shut. */
static bool is_shared(const char *tag)
{
	char network[OWNER_TAG_SIZE] = "";
	struct owner owner;

	(void)sscanf(owner_words(tag), "%128s", network);
	owner_init(&owner, network, "", "");

	return owner_has(&owner, tag, strlen(tag));
}

struct walk {
	struct census *c;
	const struct nft_set *set;
	struct err *e;
};

static int add_element(const struct nft_elem *elem, void *data)
{
	struct walk *w = data;
	struct census_item *item;
	char link[IFNAMSIZ], key[NFT_KEY_STRLEN];

	if (!owner_link(elem->comment, strlen(elem->comment), link) || is_shared(elem->comment))
		return 0;
	item = item_of_tag(w->c, elem->comment);
	if (!item)
		return err_sys(w->e, ENOMEM, "list the elements of %s", w->set->name);

	return census_note(item, "element", nft_key_str(w->set, &elem->key, key), w->set->name,
			   w->e);
}

/* An interrupted walk has noted some elements already; they may be noted twice. */
static int add_sets(struct census *c, struct nl *nl, const struct ruleset *rs, struct err *e)
{
	for (size_t i = 0; rs->sets[i]; i++) {
		struct walk w = { .c = c, .set = rs->sets[i], .e = e };
		int r, tries = 3;

		do
			r = nft_dump_elems(nl, w.set, add_element, &w, e);
		while (r == -EINTR && --tries > 0);
		if (r < 0)
			return r;
	}

	return 0;
}

static int add_queue(const struct link *link, void *data)
{
	struct walk *w = data;
	struct census_item *item;
	char name[IFNAMSIZ];

	if (strncmp(link->name, IFB_PREFIX, strlen(IFB_PREFIX)) != 0 ||
	    strcmp(link->kind, "ifb") != 0 || !owner_link(link->alias, strlen(link->alias), name))
		return 0;
	item = item_of_tag(w->c, link->alias);
	if (!item)
		return err_sys(w->e, ENOMEM, "list the interfaces");

	return census_note(item, "interface", link->name, NULL, w->e);
}

int census_add_kernel(struct census *c, struct err *e)
{
	AUTO(nl_closep) struct nl *route = NULL;
	AUTO(nl_closep) struct nl *nft = NULL;
	struct walk w = { .c = c, .e = e };
	struct nft_chain_state state;
	int r;

	if ((r = nl_open(NETLINK_ROUTE, &route, e)) < 0 ||
	    (r = link_each(route, add_queue, &w, e)) < 0 ||
	    (r = nl_open(NETLINK_NETFILTER, &nft, e)) < 0)
		return r;

	/* A kernel without nf_tables has no elements. */
	r = nft_get_chain(nft, &ruleset_inet.chains[0].chain, &state, e);
	if (r < 0)
		return r == -EOPNOTSUPP ? 0 : r;
	r = add_sets(c, nft, &ruleset_inet, e);

	return r < 0 ? r : add_sets(c, nft, &ruleset_bridge, e);
}

/* ---- interfaces ------------------------------------------------------------------ */

struct search {
	struct census *c;
	int host;    /* this host's namespace */
	bool inside; /* of another one */
};

/*
 * A host's end in another namespace is another host's, a nested one's, and says
 * nothing of containers here.  A queue has no other end, and outlives its container.
 */
static int find_mark(const struct link *link, void *data)
{
	struct search *s = data;
	struct census_item *item;
	char name[IFNAMSIZ];

	if (strcmp(link->kind, "ifb") == 0 || !owner_link(link->alias, strlen(link->alias), name) ||
	    (s->inside && strcmp(link->name, name) == 0))
		return 0;
	item = item_of_tag(s->c, link->alias);
	if (!item)
		return -ENOMEM;
	item->linked = true;

	return 0;
}

static int look_inside(int fd, const char *path, void *data, struct err *e)
{
	AUTO(nl_closep) struct nl *nl = NULL;
	struct search *s = data;
	int r = netns_nl_open(fd, NETLINK_ROUTE, &nl, e);

	(void)path;
	if (r < 0)
		return r;
	s->inside = !netns_same(s->host, fd);

	return link_each(nl, find_mark, s, e);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Namespaces that a process alone holds: bare runtimes, LXC.  Processes come and go meanwhile. */
static int look_at_processes(struct search *s, struct err *e)
{
	AUTO(close_dir) DIR *proc = opendir("/proc");
	AUTO_JSON json_t *seen = json_object();
	int r = 0;

	if (!proc || !seen)
		return err_sys(e, proc ? ENOMEM : errno, "list the processes");
	for (struct dirent *d = readdir(proc); d && r == 0; d = readdir(proc)) {
		char path[64], target[64];
		AUTO_FD int fd = -1;
		ssize_t len;

		if (d->d_name[0] < '0' || d->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/ns/net", d->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		if (json_object_get(seen, target))
			continue;
		if (json_object_set_new(seen, target, json_true()) < 0)
			return err_sys(e, ENOMEM, "list the processes");
		fd = netns_open(path, e);
		if (fd >= 0)
			r = look_inside(fd, path, s, e);
		else if (!netns_is_gone(fd))
			r = fd;
	}

	return r;
}

int census_find_interfaces(struct census *c, struct err *e)
{
	AUTO_FD int host = netns_open_self(e);
	struct search s = { .c = c, .host = host };
	int r = host < 0 ? host : look_at_processes(&s, e);

	return r < 0 ? r : netns_each(look_inside, &s, e);
}
