/* SPDX-License-Identifier: GPL-2.0-or-later */
/* usage - the list of endpoints; see usage.h */
#include "cli/usage.h"

#include <errno.h>
#include <search.h>
#include <sha256.h>
#include <stdlib.h>
#include <string.h>

#include "cli/natural.h"
#include "cli/store.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* ---- one endpoint -------------------------------------------------------- */

static void endpoint_free(struct usage_endpoint *ep)
{
	if (!ep)
		return;
	free(ep->network);
	free(ep->container_id);
	free(ep->ifname);
	free(ep->name);
	free(ep->netns);
	free(ep->ips);
	json_decref(ep->ports);
	free(ep);
}

/* The parts of the attachment, each with the NUL behind it, as owner.h hashes them. */
static void make_id(struct usage_endpoint *ep)
{
	const char *const parts[] = { ep->network, ep->container_id, ep->ifname };
	SHA2_CTX context;

	SHA256Init(&context);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		SHA256Update(&context, (const uint8_t *)parts[i], strlen(parts[i]) + 1);
	SHA256End(&context, ep->id);
}

static struct usage_endpoint *endpoint_new(const char *key, const char *network,
					   const char *container_id, const char *ifname)
{
	struct usage_endpoint *ep = calloc(1, sizeof(*ep));

	if (!ep)
		return NULL;
	memcpy(ep->key, key, sizeof(ep->key));
	ep->network = strdup(network);
	ep->container_id = strdup(container_id);
	ep->ifname = strdup(ifname);
	ep->name = strdup(container_id);
	ep->netns = strdup("");
	ep->state = USAGE_UNKNOWN;
	if (!ep->network || !ep->container_id || !ep->ifname || !ep->name || !ep->netns) {
		endpoint_free(ep);
		return NULL;
	}
	make_id(ep);

	return ep;
}

int usage_add_ip(struct usage_endpoint *ep, const struct ip_net *ip)
{
	struct ip_net *bigger;

	for (size_t i = 0; i < ep->n_ips; i++)
		if (ip_equal(&ep->ips[i].addr, &ip->addr))
			return 0;
	bigger = reallocarray(ep->ips, ep->n_ips + 1, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	bigger[ep->n_ips++] = *ip;
	ep->ips = bigger;

	return 0;
}

/* ---- the list ------------------------------------------------------------ */

static int compare_keys(const void *a, const void *b)
{
	/* The key is an endpoint's first member, so that a bare key can be looked for. */
	return strcmp(a, b);
}

struct usage_endpoint *usage_find(const struct usage *u, const char *key)
{
	struct usage_endpoint **found = tfind(key, &u->by_key, compare_keys);

	return found ? *found : NULL;
}

static int insert(struct usage *u, struct usage_endpoint *ep)
{
	struct usage_endpoint **bigger;

	bigger = reallocarray(u->v, u->n + 1, sizeof(struct usage_endpoint *));
	if (!bigger)
		return -ENOMEM;
	u->v = bigger;
	if (!tsearch(ep, &u->by_key, compare_keys))
		return -ENOMEM;
	u->v[u->n++] = ep;

	return 0;
}

struct usage_endpoint *usage_endpoint(struct usage *u, const char *network,
				      const char *container_id, const char *ifname)
{
	char key[OWNER_KEY_LEN + 1] = "";
	struct usage_endpoint *ep;
	struct owner owner;

	owner_init(&owner, network, container_id, ifname);
	memcpy(key, owner.tag, OWNER_KEY_LEN);
	ep = usage_find(u, key);
	if (ep)
		return ep;
	ep = endpoint_new(key, network, container_id, ifname);
	if (ep && insert(u, ep) < 0) {
		endpoint_free(ep);
		return NULL;
	}

	return ep;
}

void usage_clear(struct usage *u)
{
	while (u->by_key)
		tdelete(*(struct usage_endpoint **)u->by_key, &u->by_key, compare_keys);
	for (size_t i = 0; i < u->n; i++)
		endpoint_free(u->v[i]);
	free(u->v);
	*u = (struct usage){ 0 };
}

/* ---- the whole ----------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	const struct usage_endpoint *x = *(struct usage_endpoint *const *)a;
	const struct usage_endpoint *y = *(struct usage_endpoint *const *)b;
	int r = natural_cmp(x->network, y->network);

	if (r == 0)
		r = natural_cmp(x->name, y->name);
	if (r == 0)
		r = natural_cmp(x->ifname, y->ifname);

	return r != 0 ? r : strcmp(x->key, y->key);
}

static int add_all_leases(const struct store *s, const char *network, struct usage *u,
			  struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < s->n && r == 0; i++)
		if (!network || strcmp(s->networks[i].name, network) == 0)
			r = usage_add_leases(&s->networks[i], u, e);

	return r;
}

int usage_load(const struct command_env *env, const struct store *s, const char *network,
	       struct usage *ret, struct err *e)
{
	AUTO(usage_clear) struct usage u = { 0 };
	int r;

	if ((r = usage_add_cache(env, network, &u, e)) < 0 ||
	    (r = add_all_leases(s, network, &u, e)) < 0 ||
	    (r = usage_add_links(network, &u, e)) < 0)
		return r;
	if (u.n > 0)
		qsort(u.v, u.n, sizeof(struct usage_endpoint *), by_name);
	*ret = u;
	u = (struct usage){ 0 };

	return 0;
}

size_t usage_count(const struct usage *u, const char *network)
{
	size_t n = 0;

	for (size_t i = 0; i < u->n; i++)
		n += strcmp(u->v[i]->network, network) == 0;

	return n;
}

bool usage_is_used(const struct usage *u, const char *network)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->v[i]->state != USAGE_GONE && strcmp(u->v[i]->network, network) == 0)
			return true;

	return false;
}

const char *usage_state_str(enum usage_state state)
{
	switch (state) {
	case USAGE_ALIVE:
		return "alive";
	case USAGE_GONE:
		return "gone";
	case USAGE_UNKNOWN:
		break;
	}

	return "unknown";
}
