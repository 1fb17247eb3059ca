/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network - see network.h */
#include "lib/network.h"

#include <errno.h>
#include <sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"

void network_subnet_clear(struct network_subnet *s)
{
	for (size_t i = 0; i < s->n_aux; i++)
		free(s->aux[i].name);
	free(s->aux);
	*s = (struct network_subnet){ 0 };
}

void network_clear(struct network *net)
{
	for (size_t i = 0; i < net->n_subnets; i++)
		network_subnet_clear(&net->subnets[i]);
	free(net->subnets);
	network_pairs_clear(&net->options);
	network_pairs_clear(&net->labels);
	free(net->name);
	free(net->driver);
	free(net->created);
	free(net->config_from);
	free(net->link);
	free(net->file);
	json_decref(net->conf);
	*net = (struct network){ 0 };
}

struct network_subnet *network_add_subnet(struct network *net, const struct ip_net *subnet)
{
	struct network_subnet *bigger =
		reallocarray(net->subnets, net->n_subnets + 1, sizeof(*bigger));

	if (!bigger)
		return NULL;
	net->subnets = bigger;
	bigger[net->n_subnets] = (struct network_subnet){ .subnet = *subnet };

	return &bigger[net->n_subnets++];
}

int network_add_aux(struct network_subnet *s, const char *name, const struct ip_addr *addr)
{
	struct network_aux *bigger = reallocarray(s->aux, s->n_aux + 1, sizeof(*bigger));
	char *copy = strdup(name);

	if (bigger)
		s->aux = bigger;
	if (!bigger || !copy) {
		free(copy);
		return -ENOMEM;
	}
	bigger[s->n_aux++] = (struct network_aux){ .name = copy, .addr = *addr };

	return 0;
}

bool network_is_predefined(const char *name)
{
	return strcmp(name, "bridge") == 0 || strcmp(name, "host") == 0 ||
	       strcmp(name, "none") == 0;
}

void network_id(const char *name, char ret[NETWORK_ID_DIGITS + 1])
{
	SHA256Data((const uint8_t *)name, strlen(name), ret);
}

char *network_time_str(const struct timespec *t)
{
	char date[32];
	char *text;
	struct tm tm;

	if (!gmtime_r(&t->tv_sec, &tm))
		tm = (struct tm){ .tm_mday = 1, .tm_year = 70 };
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);

	return asprintf(&text, "%s.%09ldZ", date, t->tv_nsec) < 0 ? NULL : text;
}

static const char *const scopes[] = {
	[NETWORK_LOCAL] = "local",
	[NETWORK_GLOBAL] = "global",
	[NETWORK_SWARM] = "swarm",
};

const char *network_scope_str(enum network_scope scope)
{
	return scopes[scope];
}

int network_scope_parse(const char *text, enum network_scope *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(scopes); i++) {
		if (strcmp(text, scopes[i]) == 0) {
			*ret = (enum network_scope)i;
			return 0;
		}
	}

	return -EINVAL;
}

/* ---- pairs --------------------------------------------------------------- */

static struct network_pair *find(const struct network_pairs *pairs, const char *key)
{
	for (size_t i = 0; i < pairs->n; i++)
		if (strcmp(pairs->v[i].key, key) == 0)
			return &pairs->v[i];

	return NULL;
}

int network_pairs_set(struct network_pairs *pairs, const char *key, const char *value,
		      struct err *e)
{
	AUTO_FREE char *key_copy = strdup(key), *value_copy = strdup(value);
	struct network_pair *bigger, *old = find(pairs, key);

	if (!key_copy || !value_copy)
		return err_sys(e, ENOMEM, "set %s", key);
	if (old) {
		free(old->value);
		old->value = MOVE_PTR(value_copy);
		return 0;
	}

	bigger = reallocarray(pairs->v, pairs->n + 1, sizeof(*bigger));
	if (!bigger)
		return err_sys(e, ENOMEM, "set %s", key);
	pairs->v = bigger;
	bigger[pairs->n++] = (struct network_pair){
		.key = MOVE_PTR(key_copy),
		.value = MOVE_PTR(value_copy),
	};

	return 0;
}

const char *network_pairs_get(const struct network_pairs *pairs, const char *key)
{
	const struct network_pair *pair = find(pairs, key);

	return pair ? pair->value : NULL;
}

void network_pairs_clear(struct network_pairs *pairs)
{
	for (size_t i = 0; i < pairs->n; i++) {
		free(pairs->v[i].key);
		free(pairs->v[i].value);
	}
	free(pairs->v);
	*pairs = (struct network_pairs){ 0 };
}
