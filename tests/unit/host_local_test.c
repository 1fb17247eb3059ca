/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host_local_test - the verbs of host-local, called as cni_main() calls them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ipam/host-local.h"
#include "lib/cleanup.h"
#include "tests/unit/failing_alloc.h"

/* A lease directory, and what the last call gave. */
struct fixture {
	char data_dir[64];
	char dir[80];
	json_t *doc;
	struct cni_request rq;
	struct cni_result res;
	struct err e;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	snprintf(f->data_dir, sizeof(f->data_dir), "/tmp/host_local_test.XXXXXX");
	if (!mkdtemp(f->data_dir))
		return -1;
	snprintf(f->dir, sizeof(f->dir), "%s/net", f->data_dir);
	*state = f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];
	int r;

	snprintf(command, sizeof(command), "rm -rf %s", f->data_dir);
	r = system(command);
	cni_result_clear(&f->res);
	json_decref(f->doc);
	free(f);

	return r;
}

/* ' for ", and $ for the data directory. */
static json_t *parse(const struct fixture *f, const char *text)
{
	char json[2048];
	size_t len = 0;
	struct err e;
	json_t *doc;

	for (; *text; text++) {
		if (*text == '$')
			len += (size_t)snprintf(json + len, sizeof(json) - len, "%s", f->data_dir);
		else
			json[len++] = *text == '\'' ? '"' : *text;
	}
	if (jn_parse(json, len, &doc, &e) < 0)
		fail_msg("%.*s: %s", (int)len, json, e.msg);

	return doc;
}

/* A request for container @id's eth0 in the network "net"; CNI 1.1.0 without arguments. */
static struct cni_request *request(struct fixture *f, const char *id, const char *conf)
{
	json_decref(f->doc);
	f->doc = parse(f, conf);
	f->e = (struct err){ 0 };
	f->rq = (struct cni_request){
		.container_id = id,
		.netns = "",
		.netns_fd = -1,
		.ifname = "eth0",
		.args = "",
		.path = "",
		.version = CNI_1_1_0,
		.network = "net",
		.conf = jn_root(f->doc),
	};

	return &f->rq;
}

static int add(struct fixture *f)
{
	cni_result_clear(&f->res);

	return host_local_plugin.add(&f->rq, &f->res, &f->e);
}

#define ONE "{'ipam':{'dataDir':'$','subnet':'10.1.0.0/24'}}"
#define DUAL                                                                                       \
	"{'ipam':{'dataDir':'$','ranges':[[{'subnet':'10.1.0.0/24'}],[{'subnet':'fd00::/64'}]]}}"
#define TINY "{'ipam':{'dataDir':'$','subnet':'10.1.0.0/30'}}"

static int add_to(struct fixture *f, const char *id, const char *conf)
{
	request(f, id, conf);

	return add(f);
}

/* The addresses of the result: "10.1.0.2/24 fd00::2/64". */
static const char *addresses(const struct fixture *f)
{
	static char text[512];
	char one[IP_NET_STRLEN];

	text[0] = '\0';
	for (size_t i = 0; i < f->res.n_ips; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
			 ip_net_str(&f->res.ips[i].address, one));

	return text;
}

static void assert_added(struct fixture *f, const char *id, const char *conf, const char *want)
{
	if (add_to(f, id, conf) < 0)
		fail_msg("%s", f->e.msg);
	assert_string_equal(addresses(f), want);
}

static bool is_held(const struct fixture *f, const char *address)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", f->dir, address);

	return access(path, F_OK) == 0;
}

static void put(const struct fixture *f, const char *name, const char *text)
{
	char path[160];
	AUTO_FD int fd = -1;

	mkdir(f->dir, 0755);
	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* ---- the config ---------------------------------------------------------- */

static void a_config_that_breaks_a_rule_is_refused_before_anything_is_done(void **state)
{
	static const struct {
		enum cni_version version;
		const char *args, *conf, *message;
	} cases[] = {
		{ CNI_1_1_0, "", "{}", "config: the key ipam is missing" },
		{ CNI_1_1_0, "", "{'ipam':[]}", "ipam: [] is not an object" },
		{ CNI_1_1_0, "", "{'ipam':{'dataDir':'$'}}",
		  "ipam: there is no range to take addresses from; give subnet or ranges" },
		{ CNI_1_1_0, "", "{'ipam':{'dataDir':'$','ranges':[]}}",
		  "ipam: there is no range to take addresses from; give subnet or ranges" },
		{ CNI_1_1_0, "", "{'ipam':{'dataDir':'$','ranges':{}}}",
		  "ipam.ranges: {} is not a list" },
		{ CNI_1_1_0, "", "{'ipam':{'dataDir':'$','ranges':[{'subnet':'10.1.0.0/24'}]}}",
		  "ipam.ranges[0]: {\"subnet\":\"10.1.0.0/24\"} is not a list" },
		{ CNI_1_1_0, "", "{'ipam':{'dataDir':'$','ranges':[[{'subnet':'10.1.0.0/33'}]]}}",
		  "ipam.ranges[0][0].subnet: \"10.1.0.0/33\" is not an IPv4 or IPv6 prefix "
		  "(address/length)" },
		{ CNI_1_1_0, "", "{'ipam':{'dataDir':7,'subnet':'10.1.0.0/24'}}",
		  "ipam.dataDir: 7 is not a string" },
		{ CNI_1_1_0, "",
		  "{'ipam':{'dataDir':'$','ranges':[[{'subnet':'10.1.0.0/24'}],"
		  "[{'subnet':'10.1.0.0/25'}]]}}",
		  "range set 1, 10.1.0.0/25 (10.1.0.1 to 10.1.0.126), overlaps range set 0, "
		  "10.1.0.0/24 (10.1.0.1 to 10.1.0.254); an address may be in one set only" },
		{ CNI_0_2_0, "",
		  "{'ipam':{'dataDir':'$','ranges':[[{'subnet':'10.1.0.0/24'}],"
		  "[{'subnet':'10.2.0.0/24'}],[{'subnet':'fd00::/64'}]]}}",
		  "cniVersion 0.2.0 has room for one address of a family, and there are 2 IPv4 and "
		  "1 IPv6; use 0.3.0 or later" },
		{ CNI_1_1_0, "", "{'ipam':{'dataDir':'$','subnet':'10.1.0.0/24','routes':[{}]}}",
		  "ipam.routes[0]: a route must have a dst" },
		{ CNI_1_1_0, "",
		  "{'ipam':{'dataDir':'$','subnet':'10.1.0.0/24','resolvConf':'/nowhere/resolv'}}",
		  "open /nowhere/resolv: No such file or directory" },
		{ CNI_1_1_0, "IP=10.1.0.256", ONE,
		  "CNI_ARGS: IP \"10.1.0.256\" is not an address, with or without /length" },
		{ CNI_1_1_0, "",
		  "{'ipam':{'dataDir':'$','subnet':'10.1.0.0/24'},"
		  "'runtimeConfig':{'ips':['x']}}",
		  "runtimeConfig.ips[0]: \"x\" is not an address, with or without /length" },
		{ CNI_1_1_0, "",
		  "{'ipam':{'dataDir':'$','subnet':'10.1.0.0/24'},"
		  "'args':{'cni':{'ips':'10.1.0.5'}}}",
		  "args.cni.ips: \"10.1.0.5\" is not a list" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cni_request *rq = request(f, "a", cases[i].conf);

		rq->version = cases[i].version;
		rq->args = cases[i].args;
		assert_true(add(f) < 0);
		assert_string_equal(f->e.msg, cases[i].message);
		assert_int_equal(f->res.n_ips + f->res.n_routes, 0);
		assert_int_not_equal(access(f->dir, F_OK), 0);
	}
}

static void an_add_gives_an_address_of_each_set_with_routes_and_dns(void **state)
{
	struct fixture *f = *state;
	char resolv[160];

	put(f, "../resolv.conf",
	    "# comment\nnameserver 10.0.0.53\nnameserver fd00::53 ; more\n"
	    "domain old\ndomain example.org\nsearch a b\n search c\n"
	    "options ndots:2 edns0\nsortlist 10.0.0.0\nnameserver\n;x\n");
	snprintf(resolv, sizeof(resolv), "%s/resolv.conf", f->data_dir);
	assert_added(f, "a",
		     "{'ipam':{'dataDir':'$','resolvConf':'$/resolv.conf','ranges':["
		     "[{'subnet':'10.1.0.0/24','gateway':'10.1.0.254'}],[{'subnet':'fd00::/64'}]],"
		     "'routes':[{'dst':'0.0.0.0/0'},{'dst':'10.9.0.0/16','gw':'10.1.0.9',"
		     "'mtu':1300,'priority':7}]}}",
		     "10.1.0.1/24 fd00::2/64");
	assert_int_equal(f->res.ips[0].iface, -1);
	assert_int_equal(f->res.ips[0].gateway.b[3], 254);
	assert_int_equal(f->res.ips[1].gateway.b[15], 1);
	assert_int_equal(f->res.n_routes, 2);
	assert_int_equal(f->res.routes[1].mtu, 1300);
	assert_int_equal(f->res.routes[1].priority, 7);
	assert_string_equal(f->res.dns.nameservers[0], "10.0.0.53");
	assert_string_equal(f->res.dns.nameservers[1], "fd00::53");
	assert_null(f->res.dns.nameservers[2]);
	assert_string_equal(f->res.dns.domain, "example.org");
	assert_string_equal(f->res.dns.search[2], "c");
	assert_string_equal(f->res.dns.options[1], "edns0");
}

static void ranges_of_the_runtime_come_first_in_any_capitals(void **state)
{
	struct fixture *f = *state;

	assert_added(f, "a",
		     "{'ipam':{'dataDir':'$','subnet':'10.1.0.0/24',"
		     "'ranges':[[{'subnet':'10.2.0.0/24'}]]},'runtimeConfig':{'ipRanges':"
		     "[[{'Subnet':'10.3.0.0/24','RangeStart':'10.3.0.9','RangeEnd':'',"
		     "'Gateway':''}]]}}",
		     "10.3.0.9/24 10.1.0.2/24 10.2.0.2/24");
	assert_true(is_held(f, "last_reserved_ip.2"));
}

/* ---- which address ------------------------------------------------------- */

static void addresses_go_round_robin(void **state)
{
	static const char *const want[] = { "10.1.0.2/29", "10.1.0.3/29", "10.1.0.4/29",
					    "10.1.0.5/29", "10.1.0.6/29", "10.1.0.2/29" };
	const char *conf = "{'ipam':{'dataDir':'$','subnet':'10.1.0.0/29'}}";
	struct fixture *f = *state;
	char id[16];

	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		snprintf(id, sizeof(id), "c%zu", i);
		assert_added(f, id, conf, want[i]);
		assert_int_equal(host_local_plugin.del(&f->rq, &f->e), 0);
	}
	put(f, "10.1.0.3", "somebody\r\neth0");
	put(f, "10.1.0.5", "somebody\r\neth1");
	assert_added(f, "x", conf, "10.1.0.4/29");
	assert_added(f, "y", conf, "10.1.0.6/29");
	assert_added(f, "z", conf, "10.1.0.2/29");
}

/* Podman names the broadcast address as rangeEnd, and that is not given. */
static void the_broadcast_address_is_never_given(void **state)
{
	const char *conf = "{'ipam':{'dataDir':'$','subnet':'10.1.0.0/24',"
			   "'rangeStart':'10.1.0.254','rangeEnd':'10.1.0.255'}}";
	struct fixture *f = *state;

	assert_added(f, "a", conf, "10.1.0.254/24");
	assert_int_equal(add_to(f, "b", conf), -EBUSY);
}

static void requested_addresses_are_given_or_nothing_is(void **state)
{
	static const char *const pool =
		"{'ipam':{'dataDir':'$','ranges':[[{'subnet':'10.1.0.0/24',"
		"'ipRange':'10.1.0.128/25','exclude':['10.1.0.7']}],[{'subnet':'fd00::/64'}]]}%s}";
	static const struct {
		const char *args, *conf;
		const char *given; /* NULL: refused with @message */
		const char *message;
	} cases[] = {
		{ "", "", "10.1.0.128/24 fd00::2/64", NULL },
		{ "IP=10.1.0.200", "", "10.1.0.200/24 fd00::2/64", NULL },
		{ "IP=10.1.0.9", "", "10.1.0.9/24 fd00::2/64", NULL },
		{ "IP=10.1.0.9/16", "", "10.1.0.9/24 fd00::2/64", NULL },
		{ "IP=10.1.0.9, fd00::9", "", "10.1.0.9/24 fd00::9/64", NULL },
		{ "", ",'args':{'cni':{'ips':['10.1.0.9']}}", "10.1.0.9/24 fd00::2/64", NULL },
		{ "", ",'runtimeConfig':{'ips':['fd00::9','10.1.0.9/24']}",
		  "10.1.0.9/24 fd00::9/64", NULL },
		{ "IP=10.1.0.9", ",'runtimeConfig':{'ips':['fd00::9']}", "10.1.0.9/24 fd00::9/64",
		  NULL },
		{ "IP=10.1.0.9", ",'args':{'cni':{'ips':['10.1.0.10']}}", NULL,
		  "requested address 10.1.0.10 of network net: one address is given of "
		  "10.1.0.0/24 (10.1.0.128 to 10.1.0.254), and another one is requested too" },
		{ "IP=10.1.0.9,10.9.9.9", "", NULL,
		  "requested address 10.9.9.9 is in no range of network net" },
		{ "IP=10.1.0.1", "", NULL,
		  "requested address 10.1.0.1 is the gateway in subnet 10.1.0.0/24; ask for "
		  "another one" },
		{ "IP=10.1.0.7", "", NULL,
		  "requested address 10.1.0.7 is excluded in subnet 10.1.0.0/24; ask for another "
		  "one" },
		{ "IP=10.1.0.0", "", NULL,
		  "requested address 10.1.0.0 is the network address in subnet 10.1.0.0/24; ask "
		  "for another one" },
		{ "", ",'runtimeConfig':{'ips':['10.1.0.9','fd00::1']}", NULL,
		  "requested address fd00::1 is the gateway in subnet fd00::/64; ask for another "
		  "one" },
		{ "IP=10.1.0.77", "", NULL,
		  "requested address 10.1.0.77 of network net is leased to b (eth0); ask for "
		  "another" },
	};
	struct fixture *f = *state;
	char conf[512];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r;

		snprintf(conf, sizeof(conf), "rm -rf %s", f->dir);
		assert_int_equal(system(conf), 0);
		put(f, "10.1.0.77", "b\r\neth0");
		snprintf(conf, sizeof(conf), pool, cases[i].conf);
		request(f, "a", conf);
		f->rq.args = cases[i].args;
		r = add(f);
		assert_string_equal(f->e.msg, cases[i].message ?: "");
		assert_int_equal(r, cases[i].given ? 0 : -EINVAL);
		if (cases[i].given)
			assert_string_equal(addresses(f), cases[i].given);
		assert_int_equal(is_held(f, "10.1.0.9"), strstr(addresses(f), "10.1.0.9/") != NULL);
		assert_int_equal(is_held(f, "fd00::2"), strstr(addresses(f), "fd00::2/") != NULL);
	}
}

/* Outside of ipRange is outside of the round. */
static void a_request_outside_of_the_round_does_not_turn_it(void **state)
{
	const char *conf = "{'ipam':{'dataDir':'$','subnet':'10.1.0.0/24',"
			   "'ipRange':'10.1.0.128/25'}}";
	struct fixture *f = *state;

	assert_added(f, "a", conf, "10.1.0.128/24");
	request(f, "b", conf);
	f->rq.args = "IP=10.1.0.9";
	assert_int_equal(add(f), 0);
	assert_added(f, "c", conf, "10.1.0.129/24");
	request(f, "d", conf);
	f->rq.args = "IP=10.1.0.200";
	assert_int_equal(add(f), 0);
	assert_added(f, "e", conf, "10.1.0.201/24");
}

static void a_second_add_of_an_attachment_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_added(f, "a", DUAL, "10.1.0.2/24 fd00::2/64");
	assert_int_equal(add_to(f, "a", DUAL), -EINVAL);
	assert_string_equal(f->e.msg, "10.1.0.2 of network net is leased to container a (eth0) "
				      "already; a second ADD needs a DEL first");
	request(f, "a", DUAL);
	f->rq.ifname = "eth1";
	assert_int_equal(add(f), 0);
	assert_string_equal(addresses(f), "10.1.0.3/24 fd00::3/64");
	/* A lease in another range of the same network is another matter. */
	assert_added(f, "a", "{'ipam':{'dataDir':'$','subnet':'10.2.0.0/24'}}", "10.2.0.2/24");
}

static void a_full_range_is_told_with_its_numbers(void **state)
{
	struct fixture *f = *state;
	char want[256];

	snprintf(want, sizeof(want),
		 "network net has no free address in 10.1.0.0/30 (10.1.0.1 to 10.1.0.2): 1 of 1 "
		 "are leased, in %s; remove containers or widen the range",
		 f->dir);
	assert_int_equal(host_local_plugin.status(request(f, "", TINY), &f->e), 0);
	assert_added(f, "a", TINY, "10.1.0.2/30");
	assert_int_equal(add_to(f, "b", TINY), -EBUSY);
	assert_string_equal(f->e.msg, want);
	assert_int_equal(f->e.cni, CNI_E_UNAVAILABLE);
	assert_int_equal(host_local_plugin.status(request(f, "", TINY), &f->e), -EBUSY);
	assert_string_equal(f->e.msg, want);
	assert_int_equal(f->e.cni, CNI_E_UNAVAILABLE);
}

static void a_set_that_is_full_takes_no_lease_of_another(void **state)
{
	const char *conf = "{'ipam':{'dataDir':'$','ranges':[[{'subnet':'10.2.0.0/24'}],"
			   "[{'subnet':'10.1.0.0/30'}]]}}";
	struct fixture *f = *state;

	assert_added(f, "a", TINY, "10.1.0.2/30");
	assert_int_equal(add_to(f, "b", conf), -EBUSY);
	assert_false(is_held(f, "10.2.0.2"));
	assert_int_equal(host_local_plugin.del(request(f, "a", TINY), &f->e), 0);
	assert_added(f, "b", conf, "10.2.0.3/24 10.1.0.2/30");
}

/* Torn in place: nothing but the file itself shows it. */
static void a_torn_lease_heals_before_anyone_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_added(f, "a", TINY, "10.1.0.2/30");
	put(f, "10.1.0.2", "");
	assert_added(f, "b", TINY, "10.1.0.2/30");
	put(f, "10.1.0.2", "");
	request(f, "c", TINY);
	f->rq.args = "IP=10.1.0.2";
	assert_int_equal(add(f), 0);
	put(f, "10.1.0.2", "");
	assert_int_equal(host_local_plugin.status(request(f, "", TINY), &f->e), 0);
}

static void an_add_that_runs_out_of_memory_leaves_no_lease(void **state)
{
	struct fixture *f = *state;
	size_t failed = 0;
	int r;

	assert_added(f, "other", DUAL, "10.1.0.2/24 fd00::2/64");
	request(f, "a", DUAL);
	f->rq.args = "IP=10.1.0.9";
	for (alloc_try(1); (r = add(f)) == -ENOMEM; alloc_try_next(), failed++) {
		assert_false(is_held(f, "10.1.0.9"));
		assert_false(is_held(f, "fd00::3"));
		assert_int_equal(f->res.n_ips, 0);
	}
	alloc_try(0);
	assert_int_equal(r, 0);
	assert_true(failed > 5);
	assert_true(is_held(f, "10.1.0.9"));
}

/* ---- DEL ----------------------------------------------------------------- */

static int del(struct fixture *f, const char *id, const char *conf, const struct cni_result *prev)
{
	request(f, id, conf);
	f->rq.prev = prev;

	return host_local_plugin.del(&f->rq, &f->e);
}

static void a_del_is_content_with_what_it_finds(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(del(f, "a", ONE, NULL), 0);
	assert_int_not_equal(access(f->dir, F_OK), 0);
	assert_added(f, "a", ONE, "10.1.0.2/24");
	assert_int_equal(del(f, "b", ONE, NULL), 0);
	assert_true(is_held(f, "10.1.0.2"));
	assert_int_equal(del(f, "a", ONE, NULL), 0);
	assert_false(is_held(f, "10.1.0.2"));
	assert_int_equal(del(f, "a", ONE, NULL), 0);
}

static void a_del_needs_no_more_of_the_config_than_the_directory(void **state)
{
	static const char *const broken[] = {
		"{'ipam':{'dataDir':'$'}}",
		"{'ipam':{'dataDir':'$','subnet':'rubbish','routes':7}}",
		"{'ipam':{'dataDir':'$','ranges':[[{'subnet':'10.1.0.0/24','gateway':'::1'}]]}}",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		assert_int_equal(add_to(f, "a", DUAL), 0);
		f->rq.conf = jn_root(NULL);
		assert_int_equal(del(f, "a", broken[i], NULL), 0);
		assert_false(is_held(f, "10.1.0.2"));
		assert_false(is_held(f, "fd00::2"));
	}
}

/* What prevResult says is checked, and where it is wrong the leases are searched. */
static void a_del_releases_its_own_whatever_prev_result_says(void **state)
{
	struct fixture *f = *state;
	struct cni_result of_b = { 0 }, half = { 0 };

	assert_added(f, "a", DUAL, "10.1.0.2/24 fd00::2/64");
	assert_int_equal(cni_result_add_ip(&half, &f->res.ips[0], NULL), 0);
	assert_added(f, "b", DUAL, "10.1.0.3/24 fd00::3/64");
	assert_int_equal(cni_result_copy(&f->res, &of_b, NULL), 0);

	assert_int_equal(del(f, "a", DUAL, &of_b), 0);
	assert_true(is_held(f, "10.1.0.3"));
	assert_true(is_held(f, "fd00::3"));
	assert_false(is_held(f, "10.1.0.2"));
	assert_false(is_held(f, "fd00::2"));

	assert_int_equal(del(f, "b", DUAL, &of_b), 0);
	assert_false(is_held(f, "10.1.0.3"));
	assert_false(is_held(f, "fd00::3"));
	assert_int_equal(del(f, "b", DUAL, &of_b), 0);

	/* A result of fewer addresses than were leased: DEL finds those that it names. */
	put(f, "10.1.0.2", "a\r\neth0");
	assert_int_equal(del(f, "a", DUAL, &half), 0);
	assert_false(is_held(f, "10.1.0.2"));
	cni_result_clear(&of_b);
	cni_result_clear(&half);
}

static void a_del_releases_leases_without_ifname(void **state)
{
	struct fixture *f = *state;

	put(f, "10.1.0.2", "a");
	put(f, "10.1.0.3", "a\n");
	put(f, "10.1.0.4", "b");
	assert_int_equal(del(f, "a", ONE, NULL), 0);
	assert_false(is_held(f, "10.1.0.2"));
	assert_false(is_held(f, "10.1.0.3"));
	assert_true(is_held(f, "10.1.0.4"));
}

/* ---- CHECK --------------------------------------------------------------- */

static int check(struct fixture *f, const char *id, const struct cni_result *prev)
{
	request(f, id, DUAL);
	f->rq.prev = prev;

	return host_local_plugin.check(&f->rq, &f->e);
}

static void check_finds_each_address_leased_to_the_attachment(void **state)
{
	struct fixture *f = *state;
	struct cni_result prev = { 0 }, none = { 0 };
	char want[256];

	assert_added(f, "a", DUAL, "10.1.0.2/24 fd00::2/64");
	assert_int_equal(cni_result_copy(&f->res, &prev, NULL), 0);
	assert_int_equal(check(f, "a", &prev), 0);

	put(f, "fd00::2", "b\r\neth0");
	assert_int_equal(check(f, "a", &prev), -ESTALE);
	snprintf(want, sizeof(want),
		 "fd00::2 is not leased to container a (eth0) but to b (eth0), in %s", f->dir);
	assert_string_equal(f->e.msg, want);
	assert_int_equal(f->e.cni, CNI_E_CHECK);

	assert_int_equal(del(f, "a", DUAL, NULL), 0);
	assert_int_equal(check(f, "a", &prev), -ESTALE);
	assert_non_null(strstr(f->e.msg, "10.1.0.2 is not leased"));
	assert_non_null(strstr(f->e.details, "fd00::2 is not leased"));

	assert_int_equal(check(f, "a", NULL), -EINVAL);
	assert_int_equal(check(f, "a", &none), -ESTALE);
	assert_string_equal(f->e.msg, "prevResult has no address of eth0");
	cni_result_clear(&prev);
}

static void check_passes_over_addresses_of_other_interfaces(void **state)
{
	struct fixture *f = *state;
	struct cni_result prev = { 0 };
	struct cni_ip other = { .iface = 1 };

	assert_added(f, "a", DUAL, "10.1.0.2/24 fd00::2/64");
	assert_int_equal(cni_result_copy(&f->res, &prev, NULL), 0);
	assert_int_equal(cni_result_add_iface(&prev, "eth0", NULL, NULL, NULL), 0);
	assert_int_equal(cni_result_add_iface(&prev, "tun0", NULL, NULL, NULL), 1);
	prev.ips[0].iface = 0;
	assert_int_equal(ip_net_parse("192.0.2.1/32", &other.address), 0);
	assert_true(cni_result_add_ip(&prev, &other, NULL) >= 0);
	assert_int_equal(check(f, "a", &prev), 0);
	cni_result_clear(&prev);
}

/* ---- GC and STATUS ------------------------------------------------------- */

static void gc_removes_what_no_valid_attachment_holds(void **state)
{
	static const struct cni_attachment valid[] = { { "a", "eth0" }, { "old", "eth5" } };
	struct fixture *f = *state;
	struct cni_request *rq;

	rq = request(f, "", ONE);
	rq->valid_given = true;
	assert_int_equal(host_local_plugin.gc(rq, &f->e), 0);

	assert_int_equal(add_to(f, "a", DUAL), 0);
	assert_int_equal(add_to(f, "b", DUAL), 0);
	put(f, "10.1.0.20", "a\r\neth1");
	put(f, "10.1.0.21", "old");
	put(f, "10.1.0.22", "older");
	put(f, "10.1.0.23", "");

	rq = request(f, "", ONE);
	assert_int_equal(host_local_plugin.gc(rq, &f->e), 0);
	assert_true(is_held(f, "10.1.0.22"));

	rq->valid_given = true;
	rq->valid = valid;
	rq->n_valid = ARRAY_SIZE(valid);
	assert_int_equal(host_local_plugin.gc(rq, &f->e), 0);
	assert_true(is_held(f, "10.1.0.2"));
	assert_true(is_held(f, "fd00::2"));
	assert_true(is_held(f, "10.1.0.21"));
	assert_false(is_held(f, "10.1.0.3"));
	assert_false(is_held(f, "fd00::3"));
	assert_false(is_held(f, "10.1.0.20"));
	assert_false(is_held(f, "10.1.0.22"));
	assert_false(is_held(f, "10.1.0.23"));

	rq->n_valid = 0;
	assert_int_equal(host_local_plugin.gc(rq, &f->e), 0);
	assert_false(is_held(f, "10.1.0.2"));
	assert_false(is_held(f, "10.1.0.21"));
}

static void status_reads_the_config_and_makes_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(host_local_plugin.status(request(f, "", DUAL), &f->e), 0);
	assert_int_not_equal(access(f->dir, F_OK), 0);
	assert_int_equal(host_local_plugin.status(request(f, "", "{'ipam':{}}"), &f->e), -EINVAL);
	assert_int_equal(f->e.cni, CNI_E_CONFIG);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_config_that_breaks_a_rule_is_refused_before_anything_is_done),
		TEST(an_add_gives_an_address_of_each_set_with_routes_and_dns),
		TEST(ranges_of_the_runtime_come_first_in_any_capitals),
		TEST(addresses_go_round_robin),
		TEST(the_broadcast_address_is_never_given),
		TEST(requested_addresses_are_given_or_nothing_is),
		TEST(a_request_outside_of_the_round_does_not_turn_it),
		TEST(a_second_add_of_an_attachment_is_refused),
		TEST(a_full_range_is_told_with_its_numbers),
		TEST(a_set_that_is_full_takes_no_lease_of_another),
		TEST(a_torn_lease_heals_before_anyone_is_refused),
		TEST(an_add_that_runs_out_of_memory_leaves_no_lease),
		TEST(a_del_is_content_with_what_it_finds),
		TEST(a_del_needs_no_more_of_the_config_than_the_directory),
		TEST(a_del_releases_its_own_whatever_prev_result_says),
		TEST(a_del_releases_leases_without_ifname),
		TEST(check_finds_each_address_leased_to_the_attachment),
		TEST(check_passes_over_addresses_of_other_interfaces),
		TEST(gc_removes_what_no_valid_attachment_holds),
		TEST(status_reads_the_config_and_makes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
