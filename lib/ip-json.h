/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ip-json - addresses as JSON */
#ifndef IP_JSON_H
#define IP_JSON_H

#include <jansson.h>

#include "lib/ip.h"

/* Return: a string, owned by the caller; NULL: out of memory. */
json_t *ip_json(const struct ip_addr *ip);
json_t *ip_net_json(const struct ip_net *net);

/* Set a member, unless the address is not set.  Return: 0, or -1 if out of memory. */
int ip_json_set(json_t *obj, const char *key, const struct ip_addr *ip);
int ip_net_json_set(json_t *obj, const char *key, const struct ip_net *net);

#endif
