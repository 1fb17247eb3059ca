/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host-local-conf - see host-local-conf.h. */
#include "ipam/host-local-conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

#define DATA_DIR "/var/lib/cni/networks"

const char *host_local_data_dir(const struct cni_request *rq)
{
	struct jnode ipam, dir;

	if (jn_get(&rq->conf, "ipam", &ipam) && jn_get(&ipam, "dataDir", &dir) &&
	    json_string_length(dir.json) > 0)
		return json_string_value(dir.json);

	return DATA_DIR;
}

static int add_set(const struct jnode *n, struct host_local_conf *conf, struct err *e)
{
	struct range_set *bigger = reallocarray(conf->sets, conf->n + 1, sizeof(*bigger));
	int r;

	if (!bigger)
		return err_sys(e, ENOMEM, "read address ranges");
	conf->sets = bigger;
	r = range_set_read(n, &conf->sets[conf->n], e);
	if (r == 0)
		conf->n++;

	return r;
}

static int read_sets(const struct jnode *n, void *conf, struct err *e)
{
	int r = jn_array(n, e);

	for (size_t i = 0; r == 0 && i < jn_count(n); i++) {
		const struct jnode set = jn_item(n, i);

		r = jn_array(&set, e);
		if (r == 0)
			r = add_set(&set, conf, e);
	}

	return r;
}

/* The oldest form: one range, its keys in ipam itself. */
static int read_single(const struct jnode *ipam, struct host_local_conf *conf, struct err *e)
{
	struct jnode subnet;

	return jn_get(ipam, "subnet", &subnet) ? add_set(ipam, conf, e) : 0;
}

/* In this order, because a set's place in it names its last_reserved_ip file. */
static int read_all_sets(const struct cni_request *rq, const struct jnode *ipam,
			 struct host_local_conf *conf, struct err *e)
{
	struct jnode parent, sets;
	int r = 0;

	if (cni_runtime(rq, "ipRanges", &parent, &sets))
		r = read_sets(&sets, conf, e);
	if (r == 0)
		r = read_single(ipam, conf, e);
	if (r == 0 && jn_get(ipam, "ranges", &sets))
		r = read_sets(&sets, conf, e);
	if (r == 0 && conf->n == 0)
		r = jn_bad(ipam, e,
			   "there is no range to take addresses from; give subnet or ranges");

	return r;
}

static int check_overlap(const struct host_local_conf *conf, struct err *e)
{
	char text[2][256];

	for (size_t i = 1; i < conf->n; i++) {
		for (size_t k = 0; k < i; k++) {
			const struct range_set *a = &conf->sets[k], *b = &conf->sets[i];

			if (range_set_overlaps(a, b))
				return err_cni(e, CNI_E_CONFIG,
					       "range set %zu, %s, overlaps range set %zu, %s; an "
					       "address may be in one set only",
					       i, range_set_str(b, text[0], sizeof(text[0])), k,
					       range_set_str(a, text[1], sizeof(text[1])));
		}
	}

	return 0;
}

static int check_sets(const struct cni_request *rq, const struct host_local_conf *conf,
		      struct err *e)
{
	size_t n_ipv4 = 0;
	int r;

	for (size_t i = 0; i < conf->n; i++)
		n_ipv4 += range_set_family(&conf->sets[i]) == AF_INET;
	r = requested_check_version(rq, n_ipv4, conf->n - n_ipv4, e);

	return r < 0 ? r : check_overlap(conf, e);
}

static int read_requested(const struct cni_request *rq, struct requested *list, struct err *e)
{
	struct cni_args args = { 0 };
	int r = cni_args_parse(rq->args, &args, e);

	if (r == 0)
		r = requested_by_env(&args, false, list, e);
	cni_args_clear(&args);
	if (r == 0)
		r = requested_by_args(rq, false, list, e);

	return r < 0 ? r : requested_by_runtime(rq, false, list, e);
}

static int read_conf(const struct cni_request *rq, struct host_local_conf *conf, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "dataDir", JN_STR, offsetof(struct host_local_conf, data_dir) },
		{ "resolvConf", JN_STR, offsetof(struct host_local_conf, resolv_conf) },
		{ 0 },
	};
	struct jnode ipam;
	int r;

	if (!jn_get(&rq->conf, "ipam", &ipam))
		return jn_bad(&rq->conf, e, "the key ipam is missing");
	if ((r = jn_read(&ipam, keys, conf, e)) < 0 ||
	    (r = read_all_sets(rq, &ipam, conf, e)) < 0 || (r = check_sets(rq, conf, e)) < 0)
		return r;
	if (!conf->data_dir || !*conf->data_dir)
		conf->data_dir = DATA_DIR;
	if (conf->resolv_conf && !*conf->resolv_conf)
		conf->resolv_conf = NULL;

	return read_requested(rq, &conf->requested, e);
}

int host_local_conf_read(const struct cni_request *rq, struct host_local_conf *ret, struct err *e)
{
	struct host_local_conf conf = { 0 };
	int r = read_conf(rq, &conf, e);

	if (r < 0)
		host_local_conf_clear(&conf);
	else
		*ret = conf;

	return r;
}

void host_local_conf_clear(struct host_local_conf *conf)
{
	for (size_t i = 0; i < conf->n; i++)
		range_set_clear(&conf->sets[i]);
	free(conf->sets);
	requested_clear(&conf->requested);
	*conf = (struct host_local_conf){ 0 };
}
