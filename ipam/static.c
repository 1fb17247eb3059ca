/* SPDX-License-Identifier: GPL-2.0-or-later */
/* static - see static.h. */
#include "ipam/static.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ipam/requested.h"
#include "ipam/routes.h"
#include "lib/cleanup.h"

struct address {
	struct ip_net net;
	struct ip_addr gateway; /* unset: none */
};

struct addresses {
	struct address *items;
	size_t n;
};

static void addresses_clear(struct addresses *list)
{
	free(list->items);
	*list = (struct addresses){ 0 };
}

static int append(struct addresses *list, const struct address *address, struct err *e)
{
	struct address *bigger = reallocarray(list->items, list->n + 1, sizeof(*bigger));

	if (!bigger)
		return err_sys(e, ENOMEM, "read addresses");
	bigger[list->n++] = *address;
	list->items = bigger;

	return 0;
}

static int append_requested(struct addresses *list, const struct requested *from, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < from->n; i++)
		r = append(list, &(struct address){ .net = from->nets[i] }, e);

	return r;
}

static int read_address(const struct jnode *n, struct addresses *list, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "address", JN_IP_NET, offsetof(struct address, net) },
		{ "gateway", JN_IP, offsetof(struct address, gateway) },
		{ 0 },
	};
	struct address address = { 0 };
	int r = jn_read(n, keys, &address, e);

	if (r < 0)
		return r;
	if (!ip_is_set(&address.net.addr))
		return jn_bad(n, e, "the key address is missing");

	return append(list, &address, e);
}

static int read_configured(const struct cni_request *rq, struct addresses *list, struct err *e)
{
	struct jnode ipam, items;
	int r;

	if (!jn_get(&rq->conf, "ipam", &ipam))
		return jn_bad(&rq->conf, e, "the key ipam is missing");
	if (!jn_get(&ipam, "addresses", &items))
		return jn_object(&ipam, e);
	r = jn_array(&items, e);
	for (size_t i = 0; r == 0 && i < jn_count(&items); i++) {
		const struct jnode item = jn_item(&items, i);

		r = read_address(&item, list, e);
	}

	return r;
}

/* CNI_ARGS GATEWAY: each is the gateway of those addresses whose subnet it is in. */
static int set_gateways(const struct cni_args *args, struct addresses *list, struct err *e)
{
	AUTO_FREE char *text = strdup(args->gateway ?: "");
	char *save = NULL;
	struct ip_addr gateway;

	if (!text)
		return err_sys(e, ENOMEM, "read CNI_ARGS");
	for (char *word = strtok_r(text, ", ", &save); word; word = strtok_r(NULL, ", ", &save)) {
		if (ip_parse(word, &gateway) < 0)
			return err_cni(e, CNI_E_ENV,
				       "CNI_ARGS: GATEWAY \"%.64s\" is not an address", word);
		for (size_t i = 0; i < list->n; i++)
			if (ip_net_contains(&list->items[i].net, &gateway))
				list->items[i].gateway = gateway;
	}

	return 0;
}

static int add_from_env(const struct cni_request *rq, struct addresses *list, struct err *e)
{
	AUTO(requested_clear) struct requested asked = { 0 };
	struct cni_args args = { 0 };
	int r = cni_args_parse(rq->args, &args, e);

	if (r == 0)
		r = requested_by_env(&args, true, &asked, e);
	if (r == 0)
		r = append_requested(list, &asked, e);
	if (r == 0)
		r = set_gateways(&args, list, e);
	cni_args_clear(&args);

	return r;
}

typedef int requested_fn(const struct cni_request *rq, bool need_len, struct requested *list,
			 struct err *e);

/* What is asked for in this way, if anything is, takes the place of all else. */
static int replace_by(requested_fn *read, const struct cni_request *rq, struct addresses *list,
		      struct err *e)
{
	AUTO(requested_clear) struct requested asked = { 0 };
	int r = read(rq, true, &asked, e);

	if (r < 0 || asked.n == 0)
		return r;
	addresses_clear(list);

	return append_requested(list, &asked, e);
}

static int check_version(const struct cni_request *rq, const struct addresses *list, struct err *e)
{
	size_t n_ipv4 = 0;

	for (size_t i = 0; i < list->n; i++)
		n_ipv4 += list->items[i].net.addr.family == AF_INET;

	return requested_check_version(rq, n_ipv4, list->n - n_ipv4, e);
}

/* @list is the caller's to clear, whatever is returned. */
static int read_addresses(const struct cni_request *rq, struct addresses *list, struct err *e)
{
	int r;

	if ((r = read_configured(rq, list, e)) < 0 || (r = add_from_env(rq, list, e)) < 0 ||
	    (r = replace_by(requested_by_args, rq, list, e)) < 0 ||
	    (r = replace_by(requested_by_runtime, rq, list, e)) < 0)
		return r;

	return check_version(rq, list, e);
}

static int read_dns(const struct cni_request *rq, struct cni_dns *ret, struct err *e)
{
	struct jnode ipam, dns;

	if (!jn_get(&rq->conf, "ipam", &ipam) || !jn_get(&ipam, "dns", &dns))
		return 0;

	return cni_dns_read(&dns, ret, e);
}

static int make_result(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	AUTO(addresses_clear) struct addresses list = { 0 };
	int r = read_addresses(rq, &list, e);

	for (size_t i = 0; r >= 0 && i < list.n; i++) {
		const struct cni_ip ip = {
			.iface = -1,
			.address = list.items[i].net,
			.gateway = list.items[i].gateway,
		};

		r = cni_result_add_ip(res, &ip, e);
	}
	if (r >= 0)
		r = routes_read(rq, res, e);

	return r < 0 ? r : read_dns(rq, &res->dns, e);
}

static int static_add(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	AUTO(cni_result_clear) struct cni_result made = { 0 };
	int r = make_result(rq, &made, e);

	if (r < 0)
		return r;
	*res = made;
	made = (struct cni_result){ 0 };

	return 0;
}

static int check_address(const struct cni_result *prev, const struct address *want, struct err *e)
{
	char text[IP_STRLEN], got[IP_STRLEN], gateway[IP_STRLEN];

	for (size_t i = 0; i < prev->n_ips; i++) {
		const struct cni_ip *ip = &prev->ips[i];

		if (!ip_equal(&ip->address.addr, &want->net.addr))
			continue;
		if (!ip_is_set(&want->gateway) || ip_equal(&ip->gateway, &want->gateway))
			return 0;
		return err_cni(e, CNI_E_CHECK,
			       "%s has gateway %s in prevResult and %s in the config",
			       ip_str(&want->net.addr, text), ip_str(&ip->gateway, got),
			       ip_str(&want->gateway, gateway));
	}

	return err_cni(e, CNI_E_CHECK, "%s is in the config and not in prevResult",
		       ip_str(&want->net.addr, text));
}

static int static_check(const struct cni_request *rq, struct err *e)
{
	AUTO(addresses_clear) struct addresses list = { 0 };
	struct err next;
	int r;

	if (!rq->prev)
		return err_cni(e, CNI_E_CONFIG, "CHECK needs prevResult");
	r = read_addresses(rq, &list, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.n; i++)
		r = err_keep(r, e, check_address(rq->prev, &list.items[i], &next), &next);

	return r;
}

/* Ready if an ADD would find nothing wrong with the config. */
static int static_status(const struct cni_request *rq, struct err *e)
{
	AUTO(cni_result_clear) struct cni_result made = { 0 };

	return make_result(rq, &made, e);
}

const struct cni_plugin static_plugin = {
	.name = "static",
	.any_netns = true,
	.add = static_add,
	.check = static_check,
	.status = static_status,
};
