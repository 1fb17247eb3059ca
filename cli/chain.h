/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chain - run the plugins of a network, as libcni does
 *
 * ADD runs them in order, each with the result of the one before; DEL backwards;
 * CHECK in order; GC and STATUS each.  Results are kept in the cache (cache.h).
 *
 * Source: CNI specification 1.1.0, section 3; libcni for capabilities,
 * prevResult and the cache.
 */
#ifndef CHAIN_H
#define CHAIN_H

#include <jansson.h>
#include <stddef.h>

struct cache_entry;
struct command_env;
struct err;
struct network;

/* What to attach, and with what. */
struct chain_attachment {
	const char *network; /* its name, where no struct network is given */
	const char *container_id, *ifname;
	const char *netns;	 /* path; NULL or "" for a DEL of one that is gone */
	const char *args;	 /* CNI_ARGS, NULL: none */
	json_t *capability_args; /* {"ips": [...], "mac": ..., "portMappings": [...]}, borrowed;
				    NULL: none */
	json_t *heddle;		 /* kept in the cache, borrowed; NULL: nothing */
};

/**
 * chain_add() - attach, and remember it
 * @net:	with net->conf
 * @ret:	the last plugin's result, owned by the caller; may be NULL
 *
 * When a plugin fails, all of the chain are asked to DEL what they made.
 *
 * Return: 0; what the plugin reported, its code in e->cni; -ENOENT if a plugin
 * is in none of the directories; -EEXIST if that attachment is there already.
 */
int chain_add(const struct command_env *env, const struct network *net,
	      const struct chain_attachment *a, json_t **ret, struct err *e);

/*
 * As it was added: config, capabilities and result come from the cache, from
 * @net where the cache has nothing.  Goes on past failures, keeps the first, and
 * forgets the attachment only if none failed.  @net may be NULL if the cache has
 * an entry, and @a->network names it.
 */
int chain_del(const struct command_env *env, const struct network *net,
	      const struct chain_attachment *a, struct err *e);
int chain_check(const struct command_env *env, const struct network *net,
		const struct chain_attachment *a, struct err *e);

/**
 * chain_gc() - remove what no valid attachment owns
 * @valid:	attachments that live on, @n of them; other networks' are passed over
 *
 * DEL of what is in the cache and not valid; then GC of the plugins, if the
 * network may be run with 1.1.0.  Goes on past failures, keeps the first.
 */
int chain_gc(const struct command_env *env, const struct network *net,
	     const struct cache_entry *const *valid, size_t n, struct err *e);
/* Return: 0 if ADD would be served; what a plugin says, CNI_E_UNAVAILABLE for one. */
int chain_status(const struct command_env *env, const struct network *net, struct err *e);

#endif
