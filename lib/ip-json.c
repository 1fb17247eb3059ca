/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ip-json - see ip-json.h */
#include "lib/ip-json.h"

json_t *ip_json(const struct ip_addr *ip)
{
	char text[IP_STRLEN];

	return json_string(ip_str(ip, text));
}

json_t *ip_net_json(const struct ip_net *net)
{
	char text[IP_NET_STRLEN];

	return json_string(ip_net_str(net, text));
}

int ip_json_set(json_t *obj, const char *key, const struct ip_addr *ip)
{
	return ip_is_set(ip) ? json_object_set_new(obj, key, ip_json(ip)) : 0;
}

int ip_net_json_set(json_t *obj, const char *key, const struct ip_net *net)
{
	return ip_is_set(&net->addr) ? json_object_set_new(obj, key, ip_net_json(net)) : 0;
}
