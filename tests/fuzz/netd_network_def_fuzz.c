/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netd_network_def_fuzz - any text as a network of the cluster
 *
 * As another node's definition, and as what somebody asks for.  What is taken can be
 * served: its numbers are those of its subnets, and written and read again it is
 * the same.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/jnode.h"
#include "netd/network-def.h"

static void check_number(const struct network_subnet *s, uint64_t number)
{
	const struct ip_addr ip = network_def_address(s, number);

	MUST(number < network_def_count(s));
	MUST(ip_net_contains(&s->subnet, &ip));
	MUST(network_def_number(s, &ip) == number);
}

static void check_subnet(const struct network_def *d, size_t i)
{
	const struct network_subnet *s = &d->net.subnets[i];
	const struct span bounds = network_def_bounds(s);

	MUST(bounds.first <= bounds.last);
	check_number(s, 0);
	check_number(s, bounds.first);
	check_number(s, bounds.last);
	MUST(network_def_subnet_of(d, &s->gateway) == (int)i);
	MUST(network_def_is_reserved(s, &s->gateway));
}

static struct definition define(const char *text, size_t len)
{
	return (struct definition){
		.kind = DEFINITION_NETWORK,
		.name = "net",
		.body = (const uint8_t *)text,
		.body_len = (uint16_t)len,
		.created = 1767225600,
	};
}

static void check_again(const struct network_def *d)
{
	AUTO(network_def_clear) struct network_def again = { 0 };
	AUTO_FREE char *text = network_def_write(d), *twice = NULL;
	struct definition of;

	MUST(text);
	of = define(text, strlen(text));
	MUST(network_def_read(&of, &again, NULL) == 0);
	MUST(again.vni == d->vni && again.net.n_subnets == d->net.n_subnets);
	MUST(memcmp(again.spaces, d->spaces, sizeof(again.spaces)) == 0);
	twice = network_def_write(&again);
	MUST(twice && strcmp(text, twice) == 0);
}

static void as_definition(const uint8_t *data, size_t size)
{
	const struct definition of = define((const char *)data, size);
	AUTO(network_def_clear) struct network_def d = { 0 };
	struct err e = { 0 };

	if (network_def_read(&of, &d, &e) < 0) {
		MUST(*e.msg);
		return;
	}
	MUST(network_def_check(&d, NULL) == 0);
	MUST(d.net.scope != NETWORK_SWARM || d.net.n_subnets <= NETWORK_DEF_SUBNETS);
	for (size_t i = 0; i < d.net.n_subnets; i++)
		check_subnet(&d, i);
	check_again(&d);
}

static void as_request(const uint8_t *data, size_t size)
{
	AUTO(network_def_clear) struct network_def d = { 0 };
	AUTO_JSON json_t *doc = NULL;
	struct err e = { 0 };
	struct jnode root;

	if (jn_parse((const char *)data, size, &doc, NULL) < 0)
		return;
	root = jn_root(doc);
	if (network_def_read_request(&root, &d, &e) < 0)
		MUST(*e.msg);
	else
		MUST(d.net.name && strlen(d.net.name) <= DEFINITION_NAME_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size <= UINT16_MAX)
		as_definition(data, size);
	as_request(data, size);

	return 0;
}
