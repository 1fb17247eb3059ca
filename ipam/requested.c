/* SPDX-License-Identifier: GPL-2.0-or-later */
/* requested - see requested.h. */
#include "ipam/requested.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

void requested_clear(struct requested *list)
{
	free(list->nets);
	*list = (struct requested){ 0 };
}

static int append(struct requested *list, const struct ip_net *net, struct err *e)
{
	struct ip_net *bigger = reallocarray(list->nets, list->n + 1, sizeof(*bigger));

	if (!bigger)
		return err_sys(e, ENOMEM, "read requested addresses");
	bigger[list->n++] = *net;
	list->nets = bigger;

	return 0;
}

/* Return: 0, or -EINVAL. */
static int parse(const char *text, bool need_len, struct ip_net *ret)
{
	struct ip_addr ip;

	if (ip_net_parse(text, ret) == 0)
		return 0;
	if (need_len || ip_parse(text, &ip) < 0)
		return -EINVAL;
	*ret = ip_host_net(&ip);

	return 0;
}

static const char *form(bool need_len)
{
	return need_len ? "address/length" : "an address, with or without /length";
}

static char *strip(char *text)
{
	text += strspn(text, " \t");
	text[strcspn(text, " \t")] = '\0';

	return text;
}

int requested_by_env(const struct cni_args *args, bool need_len, struct requested *list,
		     struct err *e)
{
	AUTO_FREE char *text = strdup(args->ip ?: "");
	char *save = NULL;
	struct ip_net net;
	int r = 0;

	if (!text)
		return err_sys(e, ENOMEM, "read CNI_ARGS");
	for (char *word = strtok_r(text, ",", &save); r == 0 && word;
	     word = strtok_r(NULL, ",", &save)) {
		word = strip(word);
		if (parse(word, need_len, &net) < 0)
			return err_cni(e, CNI_E_ENV, "CNI_ARGS: IP \"%.64s\" is not %s", word,
				       form(need_len));
		r = append(list, &net, e);
	}

	return r;
}

static int read_list(const struct jnode *n, bool need_len, struct requested *list, struct err *e)
{
	int r = jn_array(n, e);

	for (size_t i = 0; r == 0 && i < jn_count(n); i++) {
		const struct jnode item = jn_item(n, i);
		const char *text;
		struct ip_net net;

		r = jn_str(&item, &text, e);
		if (r == 0 && parse(text, need_len, &net) < 0)
			r = jn_bad(&item, e, "\"%.64s\" is not %s", text, form(need_len));
		if (r == 0)
			r = append(list, &net, e);
	}

	return r;
}

int requested_by_args(const struct cni_request *rq, bool need_len, struct requested *list,
		      struct err *e)
{
	struct jnode parents[2], ips;

	return cni_args_conf(rq, "ips", parents, &ips) ? read_list(&ips, need_len, list, e) : 0;
}

int requested_by_runtime(const struct cni_request *rq, bool need_len, struct requested *list,
			 struct err *e)
{
	struct jnode parent, ips;

	return cni_runtime(rq, "ips", &parent, &ips) ? read_list(&ips, need_len, list, e) : 0;
}

int requested_check_version(const struct cni_request *rq, size_t n_ipv4, size_t n_ipv6,
			    struct err *e)
{
	if ((n_ipv4 < 2 && n_ipv6 < 2) || rq->version >= CNI_0_3_0)
		return 0;

	return err_cni(e, CNI_E_CONFIG,
		       "cniVersion %s has room for one address of a family, and there are %zu IPv4 "
		       "and %zu IPv6; use 0.3.0 or later",
		       cni_version_str(rq->version), n_ipv4, n_ipv6);
}
