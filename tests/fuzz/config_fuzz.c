/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config_fuzz - any text as the config on stdin, with every verb
 *
 * cni_main() runs with a plugin that reads what our plugins read of a config,
 * and answers with prevResult.  Whatever comes in, what goes out is a result, an
 * error object, or nothing where a verb has no result.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ipam/host-local-conf.h"
#include "ipam/static.h"
#include "lib/cleanup.h"
#include "lib/cni.h"

/* Every type of key, as a plugin's table has them. */
struct conf {
	bool flag;
	const char *text;
	uint32_t vlan;
	uint64_t rate;
	struct ip_addr ip;
	struct ip_net net;
};

static int read_conf(const struct cni_request *rq, struct err *e)
{
	static const struct jn_key keys[] = {
		{ "isGateway", JN_BOOL, offsetof(struct conf, flag) },
		{ "bridge", JN_STR, offsetof(struct conf, text) },
		{ "vlan", JN_U32, offsetof(struct conf, vlan), 0, 4094 },
		{ "ingressRate", JN_U64, offsetof(struct conf, rate) },
		{ "ip", JN_IP, offsetof(struct conf, ip) },
		{ "net", JN_IP_NET, offsetof(struct conf, net) },
		{ 0 },
	};
	struct conf conf = { .text = "cni0" };
	uint8_t mac[6];
	bool given;
	int r = jn_read(&rq->conf, keys, &conf, e);

	if (r == 0) {
		MUST(conf.vlan <= 4094 && conf.rate <= INT64_MAX);
		r = cni_valid_ifname(conf.text, "bridge", e);
	}

	return r < 0 ? r : cni_mac(rq, mac, &given, e);
}

static int read_host_local(const struct cni_request *rq, struct err *e)
{
	struct host_local_conf conf = { 0 };
	char text[64];
	int r = host_local_conf_read(rq, &conf, e);

	for (size_t i = 0; r == 0 && i < conf.n; i++) {
		struct ip_addr none = { 0 }, ip;
		const struct range *range;

		(void)range_set_str(&conf.sets[i], text, sizeof(text));
		if (range_set_next(&conf.sets[i], &none, NULL, 0, &ip, &range) == 0)
			MUST(ip_net_contains(&range->subnet, &ip));
	}
	if (r == 0)
		host_local_conf_clear(&conf);

	return r;
}

static int add(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	int r;

	if ((r = read_conf(rq, e)) < 0 || (r = read_host_local(rq, e)) < 0 ||
	    (rq->prev && (r = cni_result_copy(rq->prev, res, e)) < 0))
		return r;

	return static_plugin.add(rq, res, e);
}

static int check(const struct cni_request *rq, struct err *e)
{
	return cni_need_prev(rq, e);
}

static int gc(const struct cni_request *rq, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < rq->n_valid; i++)
		MUST(cni_is_valid(rq, rq->valid[i].container_id, rq->valid[i].ifname));

	return 0;
}

static const struct cni_plugin plugin = {
	.name = "fuzzed",
	.own_netns = true,
	.add = add,
	.del = read_conf,
	.check = check,
	.gc = gc,
};

/* ---- standard input and output in memory --------------------------------- */

static void set_up(void)
{
	int in = memfd_create("stdin", 0), out = memfd_create("stdout", 0);

	MUST(in >= 0 && out >= 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1);
	close(in);
	close(out);
	setenv("CNI_CONTAINERID", "id", 1);
	setenv("CNI_NETNS", "/proc/self/ns/net", 1);
	setenv("CNI_IFNAME", "eth0", 1);
	setenv("CNI_PATH", "/nonexistent", 1);
}

static void refill(int fd, const void *data, size_t size)
{
	MUST(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size &&
	     lseek(fd, 0, SEEK_SET) == 0);
}

static json_t *output(void)
{
	off_t size = lseek(1, 0, SEEK_CUR);
	json_t *doc = NULL;
	void *text;

	if (size == 0)
		return NULL;
	text = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, 1, 0);
	MUST(text != MAP_FAILED);
	doc = json_loadb(text, (size_t)size, 0, NULL);
	munmap(text, (size_t)size);
	MUST(doc);

	return doc;
}

static void must_be_error(const json_t *obj)
{
	MUST(cni_version_parse(json_string_value(json_object_get(obj, "cniVersion")),
			       &(enum cni_version){ 0 }) == 0);
	MUST(json_integer_value(json_object_get(obj, "code")) > 0);
	MUST(json_string_length(json_object_get(obj, "msg")) > 0);
}

static void run_verb(const char *verb, const uint8_t *data, size_t size)
{
	AUTO_JSON json_t *said = NULL;
	int status;

	refill(0, data, size);
	refill(1, "", 0);
	setenv("CNI_COMMAND", verb, 1);
	status = cni_main(&plugin);
	said = output();
	if (status != 0)
		must_be_error(said);
	else if (strcmp(verb, "ADD") == 0 || strcmp(verb, "VERSION") == 0)
		MUST(json_is_object(said));
	else
		MUST(!said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const verbs[] = { "ADD", "DEL", "CHECK", "GC", "VERSION" };
	static bool ready;

	if (!ready)
		set_up();
	ready = true;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		run_verb(verbs[i], data, size);

	return 0;
}
