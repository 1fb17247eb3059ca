/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cni-result - the result of an ADD, in every version of its JSON
 *
 * There is one struct; cni-result.c alone knows how each CNI version spells
 * it.  Everything in a result is owned by it.
 *
 * Source: CNI specification 0.1.0 to 1.1.0, "Result types"; conversions as the
 * reference's pkg/types does them.
 */
#ifndef CNI_RESULT_H
#define CNI_RESULT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ip.h"

struct err;
struct jnode;

enum cni_version {
	CNI_0_1_0,
	CNI_0_2_0,
	CNI_0_3_0,
	CNI_0_3_1,
	CNI_0_4_0,
	CNI_1_0_0,
	CNI_1_1_0,
	CNI_N_VERSIONS,
};

/* "1.1.0" and so on. */
const char *cni_version_str(enum cni_version v);
/* Return: 0, or -EINVAL if @text is none of them. */
int cni_version_parse(const char *text, enum cni_version *ret);

struct cni_iface {
	char *name;
	char *mac;	   /* as text; NULL: none */
	char *sandbox;	   /* namespace path; NULL: on the host */
	char *socket_path; /* NULL: none */
	char *pci_id;	   /* NULL: none */
	uint32_t mtu;	   /* 0: not said */
};

struct cni_ip {
	int iface;		/* index into the interfaces, -1: not said */
	struct ip_net address;	/* the container's, with its subnet's length */
	struct ip_addr gateway; /* unset: none */
};

struct cni_route {
	struct ip_net dst;
	struct ip_addr gw; /* unset: none, the first gateway of its family is used */
	uint32_t mtu;	   /* 0: not said; so for advmss, priority, table */
	uint32_t advmss;
	uint32_t priority;
	uint32_t table;
	int scope; /* 0..255, -1: not said */
};

struct cni_dns {
	char **nameservers; /* NULL-terminated, NULL: none; so for the other lists */
	char **search;
	char **options;
	char *domain; /* NULL: none */
};

struct cni_result {
	struct cni_iface *ifaces;
	struct cni_ip *ips;
	struct cni_route *routes;
	size_t n_ifaces, n_ips, n_routes;
	struct cni_dns dns;
};

void cni_result_clear(struct cni_result *res); /* leaves an empty result */
void cni_dns_clear(struct cni_dns *dns);

/*
 * Append one element; strings are copied, NULL or "" for none.
 * Return: its index, or -ENOMEM.
 */
int cni_result_add_iface(struct cni_result *res, const char *name, const char *mac,
			 const char *sandbox, struct err *e);
int cni_result_add_ip(struct cni_result *res, const struct cni_ip *ip, struct err *e);
int cni_result_add_route(struct cni_result *res, const struct cni_route *route, struct err *e);
/* Append a string to one of the lists of struct cni_dns. */
int cni_dns_add(char ***list, const char *value, struct err *e);

/* A deep copy, for plugins that pass prevResult on. */
int cni_result_copy(const struct cni_result *from, struct cni_result *ret, struct err *e);

/**
 * cni_result_read() - JSON of any version to a result
 * @n:		the result object; n->key names it in errors ("prevResult")
 * @version:	the version it is written in
 * @ret:	filled in, owned by the caller
 *
 * Return: 0; -EINVAL with the path of the bad value; -ENOMEM.
 */
int cni_result_read(const struct jnode *n, enum cni_version version, struct cni_result *ret,
		    struct err *e);

/**
 * cni_result_write() - a result to JSON
 * @res:	the result
 * @version:	in which version to write it
 * @ret:	the object, owned by the caller; "cniVersion" is its first key
 *
 * Return: 0; -EINVAL with CNI_E_CONFIG if the version cannot say it (0.1.0 and
 * 0.2.0 need an address); -ENOMEM.
 */
int cni_result_write(const struct cni_result *res, enum cni_version version, json_t **ret,
		     struct err *e);

/* One entry of a list of routes: dst, gw, mtu, advmss, priority, table, scope. */
int cni_route_read(const struct jnode *n, struct cni_route *ret, struct err *e);

/* Read a dns object (nameservers, domain, search, options) into @ret. */
int cni_dns_read(const struct jnode *n, struct cni_dns *ret, struct err *e);
bool cni_dns_is_empty(const struct cni_dns *dns);

#endif
