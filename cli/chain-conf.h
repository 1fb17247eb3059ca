/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chain-conf - the plugins of a network, and what each of them is given
 *
 * Pure.  A conflist, or a config of one plugin, is read once; from it come the
 * configs that the plugins see on stdin.
 *
 * Source: CNI specification 1.1.0, section 1 "Network configuration format" and
 * section 3 "Deriving execution configuration from plugin configuration".
 */
#ifndef CHAIN_CONF_H
#define CHAIN_CONF_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/cni-result.h"

struct err;

struct chain_plugin {
	const char *type; /* borrowed from @conf */
	json_t *conf;	  /* borrowed */
};

struct chain_conf {
	const char *name; /* borrowed, as all of it from the document */
	struct chain_plugin *plugins;
	size_t n;		       /* 1 or more */
	bool versions[CNI_N_VERSIONS]; /* which the config may be run in; one at least */
	bool disable_check, disable_gc;
};

/**
 * chain_conf_read() - read a network's config
 * @doc:	borrowed, and must outlive @ret
 * @ret:	chain_conf_clear() frees it
 *
 * Return: 0; -EINVAL with the path and the rule; -ENOMEM.
 */
int chain_conf_read(json_t *doc, struct chain_conf *ret, struct err *e);
void chain_conf_clear(struct chain_conf *conf);

/* Whether @versions has any. */
bool chain_conf_any(const bool versions[CNI_N_VERSIONS]);

/* The newest version that @versions has; at least one is set. */
enum cni_version chain_conf_newest(const bool versions[CNI_N_VERSIONS]);

/* Whether any plugin has the capability. */
bool chain_conf_can(const struct chain_conf *conf, const char *capability);

/* What changes from call to call; each may be NULL.  All borrowed. */
struct chain_input {
	json_t *prev;		 /* prevResult */
	json_t *capability_args; /* of which a plugin gets what it has the capability for */
	json_t *valid;		 /* array of {"containerID", "ifname"}, for GC */
};

/**
 * chain_conf_plugin() - the config of plugin number @i
 *
 * Return: an object, owned by the caller; NULL without memory.
 */
json_t *chain_conf_plugin(const struct chain_conf *conf, size_t i, enum cni_version version,
			  const struct chain_input *input);

/* "K=V;K=V" as the cache's [[K, V], ...], and back.  Return: owned; NULL without memory. */
json_t *chain_args_split(const char *text);
char *chain_args_join(const json_t *args);

#endif
