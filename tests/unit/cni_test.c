/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cni_test - the protocol between a runtime and a plugin
 *
 * cni_main() runs in a child, as a plugin that does nothing but say on stderr
 * what it was asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/ip.h"
#include "lib/link.h"
#include "lib/netns.h"

/* ---- the plugin ---------------------------------------------------------- */

static void say(const char *verb, const struct cni_request *rq)
{
	fprintf(stderr,
		"%s network=%s id=%s ifname=%s netns=%s fd=%d version=%s args=%s prev=%zu "
		"tag=%.19s\n",
		verb, rq->network, rq->container_id, rq->ifname, rq->netns, rq->netns_fd >= 0,
		cni_version_str(rq->version), rq->args, rq->prev ? rq->prev->n_ips : 0,
		rq->owner.tag);
}

/* The config's "fail" is what a callback fails with. */
static int fail_as_told(const struct cni_request *rq, struct err *e)
{
	struct jnode fail;

	if (jn_get(&rq->conf, "failErrno", &fail))
		return err_sys(e, (int)json_integer_value(fail.json), "as told");
	if (!jn_get(&rq->conf, "fail", &fail))
		return 0;
	(void)err_cni(e, (int)json_integer_value(fail.json), "as told");
	err_detail(e, "by the config");

	return -EINVAL;
}

static int say_mac(const struct cni_request *rq, struct err *e)
{
	char text[MAC_STRLEN];
	bool given = false;
	uint8_t mac[6];
	int r = cni_mac(rq, mac, &given, e);

	if (given)
		fprintf(stderr, "mac=%s\n", mac_str(mac, text));

	return r;
}

static int add(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	struct cni_ip ip = { .iface = -1 };
	int r;

	say("add", rq);
	if (cni_result_add_iface(res, rq->ifname, NULL, rq->netns, e) < 0)
		return -ENOMEM;
	r = fail_as_told(rq, e);
	if (r == 0)
		r = say_mac(rq, e);
	if (json_object_get(rq->conf.json, "address")) {
		(void)ip_net_parse("10.1.0.5/24", &ip.address);
		(void)cni_result_add_ip(res, &ip, e);
	}

	return r;
}

static int del(const struct cni_request *rq, struct err *e)
{
	say("del", rq);

	return fail_as_told(rq, e);
}

static int check(const struct cni_request *rq, struct err *e)
{
	say("check", rq);

	return cni_need_prev(rq, e);
}

static int gc(const struct cni_request *rq, struct err *e)
{
	(void)e;
	say("gc", rq);
	for (size_t i = 0; i < rq->n_valid; i++)
		fprintf(stderr, "valid %s %s\n", rq->valid[i].container_id, rq->valid[i].ifname);
	fprintf(stderr, "eth7 of c is%s valid\n", cni_is_valid(rq, "c", "eth7") ? "" : " not");

	return 0;
}

static int status(const struct cni_request *rq, struct err *e)
{
	say("status", rq);

	return fail_as_told(rq, e);
}

static const struct cni_plugin fake = {
	.name = "fake",
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
};
static const struct cni_plugin young = { .name = "young", .min_version = CNI_0_4_0, .add = add };

/* ---- running it ---------------------------------------------------------- */

#define ENV_MAX 16

struct call {
	const struct cni_plugin *plugin;
	const char *env[ENV_MAX]; /* "NAME=value", ended by NULL */
	const char *text;	  /* stdin */
	size_t len;		  /* of it, 0: as long as the string */
	int in, out;		  /* instead of memory, 0: not */
};

static struct {
	int status;
	char out[8192], err[8192];
} said;

static int netns_fd = -1;   /* a namespace that is not the plugin's */
static char netns_path[64]; /* … as a runtime names it */
static char netns_env[80];  /* … as CNI_NETNS */

static int memory_fd(const char *text, size_t len)
{
	int fd = memfd_create("stdio", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);

	return fd;
}

static void read_back(int fd, char *buf, size_t size)
{
	ssize_t n = pread(fd, buf, size - 1, 0);

	buf[n > 0 ? n : 0] = '\0';
	close(fd);
}

/* The end that a program sees: no environment but the call's. */
static void __attribute__((noreturn)) be_plugin(const struct call *c, int in, int out, int err)
{
	clearenv();
	for (size_t i = 0; i < ENV_MAX && c->env[i]; i++)
		putenv((char *)c->env[i]);
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	exit(cni_main(c->plugin));
}

static void call(const struct call *c)
{
	size_t len = c->len || !c->text ? c->len : strlen(c->text);
	int in = c->in ? c->in : memory_fd(c->text ? c->text : "", len);
	int out = c->out ? c->out : memory_fd("", 0), err = memory_fd("", 0);
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		be_plugin(c, in, out, err);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status))
		fail_msg("killed by signal %d", WTERMSIG(status));
	said.status = WEXITSTATUS(status);
	read_back(err, said.err, sizeof(said.err));
	said.out[0] = '\0';
	if (!c->out)
		read_back(out, said.out, sizeof(said.out));
	if (!c->in)
		close(in);
}

/* A call with all variables set. */
#define FULL(command)                                                                              \
	{                                                                                          \
		command, "CNI_CONTAINERID=id", "CNI_IFNAME=eth0", "CNI_PATH=/x", netns_env         \
	}

static void call_text(const char *command, const char *text)
{
	char variable[40];
	struct call c = { .plugin = &fake, .env = FULL(NULL), .text = text };

	snprintf(variable, sizeof(variable), "CNI_COMMAND=%s", command);
	c.env[0] = variable;
	call(&c);
}

static void assert_said(const char *channel, const char *needle)
{
	if (!strstr(channel, needle))
		fail_msg("\"%s\" does not say \"%s\"", channel, needle);
}

static void assert_silent_success(void)
{
	if (said.status != 0 || *said.out)
		fail_msg("status %d, stdout \"%s\"", said.status, said.out);
}

/* An error object with @code, with @needle in its message or details. */
static void assert_error(int code, const char *needle)
{
	AUTO_JSON json_t *obj = json_loads(said.out, 0, NULL);
	const char *msg = json_string_value(json_object_get(obj, "msg"));
	const char *details = json_string_value(json_object_get(obj, "details"));

	if (!msg)
		fail_msg("\"%s\" is no error object", said.out);
	if (json_integer_value(json_object_get(obj, "code")) != code)
		fail_msg("%d is not the code of %s", code, said.out);
	if (!strstr(msg, needle) && !(details && strstr(details, needle)))
		fail_msg("%s does not say \"%s\"", said.out, needle);
	assert_int_equal(said.status, 1);
}

static int make_netns(void **state)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	(void)state;
	if (home < 0 || unshare(CLONE_NEWNET) < 0)
		return -1;
	netns_fd = open("/proc/self/ns/net", O_RDONLY);
	if (netns_fd < 0 || setns(home, CLONE_NEWNET) < 0)
		return -1;
	close(home);
	snprintf(netns_path, sizeof(netns_path), "/proc/self/fd/%d", netns_fd);
	snprintf(netns_env, sizeof(netns_env), "CNI_NETNS=%s", netns_path);

	return 0;
}

/* ---- the verbs ----------------------------------------------------------- */

#define CONF "{\"cniVersion\": \"1.1.0\", \"name\": \"net\""

static void add_prints_its_result_in_the_version_of_the_config(void **state)
{
	char text[128], want[32];

	(void)state;
	for (int v = 0; v < CNI_N_VERSIONS; v++) {
		const char *version = cni_version_str((enum cni_version)v);

		snprintf(text, sizeof(text),
			 "{\"cniVersion\": \"%s\", \"name\": \"n\", \"address\": 1}", version);
		call_text("ADD", text);
		assert_int_equal(said.status, 0);
		snprintf(want, sizeof(want), "\"cniVersion\": \"%s\"", version);
		assert_said(said.out, want);
		assert_said(said.out, "10.1.0.5/24");
		assert_said(said.err, version);
	}
}

static void every_verb_is_told_what_it_may_know(void **state)
{
	static const struct {
		const char *command, *text, *says;
	} cases[] = {
		{ "ADD", CONF "}", "add network=net id=id ifname=eth0 netns=/proc/self/fd" },
		{ "DEL", CONF "}", "del network=net id=id ifname=eth0 netns=/proc/self/fd" },
		{ "CHECK", CONF ", \"prevResult\": {\"ips\": [{\"address\": \"10.0.0.1/8\"}]}}",
		  "fd=1 version=1.1.0 args= prev=1" },
		{ "GC", CONF ", \"cni.dev/valid-attachments\": []}",
		  "gc network=net id= ifname= netns= fd=0 version=1.1.0 args= prev=0 tag=h1:" },
		{ "STATUS", CONF "}", "status network=net id= ifname= netns= fd=0 version=1.1.0" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		call_text(cases[i].command, cases[i].text);
		assert_int_equal(said.status, 0);
		assert_said(said.err, cases[i].says);
	}
}

static void verbs_without_a_result_print_nothing(void **state)
{
	static const char *const verbs[] = { "DEL", "GC", "STATUS" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		call_text(verbs[i], CONF "}");
		assert_silent_success();
	}
}

/* As with the reference: a verb that nobody registered is a silent success. */
static void a_verb_that_the_plugin_lacks_succeeds(void **state)
{
	static const char *const verbs[] = { "CNI_COMMAND=DEL", "CNI_COMMAND=CHECK",
					     "CNI_COMMAND=GC", "CNI_COMMAND=STATUS" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		struct call c = { .plugin = &young, .env = FULL(NULL) };

		c.env[0] = verbs[i];
		c.text = CONF ", \"cni.dev/valid-attachments\": []}";
		call(&c);
		assert_silent_success();
		assert_string_equal(said.err, "");
	}
}

static void a_callback_that_fails_is_reported_with_code_and_details(void **state)
{
	(void)state;
	call_text("ADD", CONF ", \"fail\": 11}");
	assert_error(11, "as told");
	assert_error(11, "by the config");
	assert_said(said.out, "\"cniVersion\": \"1.1.0\"");
	call_text("STATUS", CONF ", \"fail\": 50}");
	assert_error(50, "as told");
	call_text("DEL", CONF ", \"fail\": 0}");
	assert_error(999, "as told");
	call_text("DEL", CONF ", \"failErrno\": 2}");
	assert_error(999, "No such file");
	call_text("DEL", CONF ", \"failErrno\": 11}");
	assert_error(11, "temporarily unavailable");
}

static void an_add_whose_result_has_no_words_in_its_version_is_undone(void **state)
{
	(void)state;
	call_text("ADD", "{\"cniVersion\": \"0.2.0\", \"name\": \"n\"}");
	assert_error(7, "0.2.0");
	assert_said(said.err, "add network=n");
	assert_said(said.err, "del network=n");
}

static void an_add_whose_result_reaches_nobody_is_undone(void **state)
{
	struct call c = { .plugin = &fake, .env = FULL("CNI_COMMAND=ADD"), .text = CONF "}" };
	int pipes[2];

	(void)state;
	c.out = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(c.out >= 0);
	call(&c);
	assert_int_equal(said.status, 1);
	assert_said(said.err, "del network=net");
	assert_said(said.err, "write to stdout: No space left on device");
	close(c.out);

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	close(pipes[0]);
	c.out = pipes[1];
	call(&c);
	assert_int_equal(said.status, 1);
	assert_said(said.err, "del network=net");
	close(pipes[1]);
}

/* ---- VERSION and the about text ------------------------------------------ */

static void version_lists_what_the_plugin_speaks_and_echoes_what_was_asked(void **state)
{
	static const struct {
		const struct cni_plugin *plugin;
		const char *text, *out;
	} cases[] = {
		{ &fake, "{\"cniVersion\": \"1.0.0\"}",
		  "{\"cniVersion\":\"1.0.0\",\"supportedVersions\":[\"0.1.0\",\"0.2.0\",\"0.3.0\","
		  "\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n" },
		{ &young, "",
		  "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.4.0\",\"1.0.0\",\"1.1.0\"]}"
		  "\n" },
		{ &young, "{\"cniVersion\": 7}",
		  "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.4.0\",\"1.0.0\",\"1.1.0\"]}"
		  "\n" },
		{ &young, "not JSON",
		  "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.4.0\",\"1.0.0\",\"1.1.0\"]}"
		  "\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct call c = { .plugin = cases[i].plugin, .text = cases[i].text };

		c.env[0] = "CNI_COMMAND=VERSION";
		call(&c);
		assert_int_equal(said.status, 0);
		assert_string_equal(said.out, cases[i].out);
	}
}

static void version_answers_although_nobody_closes_stdin(void **state)
{
	struct call c = { .plugin = &young, .env = { "CNI_COMMAND=VERSION" } };
	int pipes[2];

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(write(pipes[1], "{\"cniV", 6), 6);
	c.in = pipes[0];
	call(&c);
	assert_said(said.out, "supportedVersions");
	close(pipes[0]);
	close(pipes[1]);
}

static void without_a_command_the_plugin_says_what_it_is(void **state)
{
	struct call c = { .plugin = &young };

	(void)state;
	call(&c);
	assert_silent_success();
	assert_string_equal(said.err, "CNI young plugin v" HEDDLE_VERSION "\n"
				      "CNI protocol versions supported: 0.4.0, 1.0.0, 1.1.0\n");
}

/* ---- environment --------------------------------------------------------- */

static void all_missing_variables_are_named_at_once(void **state)
{
	static const struct {
		const char *env[ENV_MAX];
		const char *list;
	} cases[] = {
		{ { "CNI_COMMAND=ADD" }, "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH" },
		{ { "CNI_COMMAND=CHECK" }, "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH" },
		{ { "CNI_COMMAND=DEL" }, "CNI_CONTAINERID,CNI_IFNAME,CNI_PATH" },
		{ { "CNI_COMMAND=GC" }, "missing: CNI_PATH" },
		{ { "CNI_COMMAND=STATUS" }, "missing: CNI_PATH" },
		{ { "CNI_COMMAND=ADD", "CNI_CONTAINERID=a", "CNI_PATH=/", "CNI_IFNAME=" },
		  "missing: CNI_NETNS,CNI_IFNAME" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct call c = { .plugin = &fake, .text = CONF "}" };

		memcpy(c.env, cases[i].env, sizeof(c.env));
		call(&c);
		assert_error(4, cases[i].list);
		assert_string_equal(said.err, "");
	}
}

static void a_bad_variable_is_error_4_and_named(void **state)
{
	static const char *const cases[][2] = {
		{ "CNI_COMMAND=add", "CNI_COMMAND" },
		{ "CNI_COMMAND=ADD ", "CNI_COMMAND" },
		{ "CNI_CONTAINERID=-a", "CNI_CONTAINERID" },
		{ "CNI_CONTAINERID=.", "CNI_CONTAINERID" },
		{ "CNI_CONTAINERID=a/b", "CNI_CONTAINERID" },
		{ "CNI_CONTAINERID=a\nb", "CNI_CONTAINERID" },
		{ "CNI_CONTAINERID=\xc3\xa4", "CNI_CONTAINERID" },
		{ "CNI_IFNAME=.", "CNI_IFNAME" },
		{ "CNI_IFNAME=..", "CNI_IFNAME" },
		{ "CNI_IFNAME=a/b", "CNI_IFNAME" },
		{ "CNI_IFNAME=a:b", "CNI_IFNAME" },
		{ "CNI_IFNAME=a b", "CNI_IFNAME" },
		{ "CNI_IFNAME=a\v", "CNI_IFNAME" },
		{ "CNI_IFNAME=a\xc2\x85", "CNI_IFNAME" },
		{ "CNI_IFNAME=\xe3\x80\x80", "CNI_IFNAME" },
		{ "CNI_IFNAME=0123456789abcdef", "CNI_IFNAME" },
		{ "CNI_ARGS=FOO=1", "FOO" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct call c = { .plugin = &fake,
				  .env = FULL("CNI_COMMAND=ADD"),
				  .text = CONF "}" };

		c.env[5] = cases[i][0];
		call(&c);
		assert_error(4, cases[i][1]);
	}
}

static void names_that_the_kernel_and_the_specification_take_are_taken(void **state)
{
	static const char *const cases[] = {
		"CNI_CONTAINERID=0", "CNI_CONTAINERID=a.-_Z", "CNI_IFNAME=0123456789abcde",
		"CNI_IFNAME=...",    "CNI_IFNAME=eth0.5@x",   "CNI_IFNAME=\xc3\xa9t\xc3\xa9",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct call c = { .plugin = &fake,
				  .env = FULL("CNI_COMMAND=ADD"),
				  .text = CONF "}" };

		c.env[5] = cases[i];
		call(&c);
		if (said.status != 0)
			fail_msg("%s: %s", cases[i], said.out);
	}
}

static void bytes_that_are_no_utf_8_still_give_an_error_object(void **state)
{
	struct call c = { .plugin = &fake, .env = FULL("CNI_COMMAND=ADD"), .text = CONF "}" };

	(void)state;
	c.env[5] = "CNI_CONTAINERID=a\xff\xc3";
	call(&c);
	assert_error(4, "\"a??\"");
}

/* ---- stdin --------------------------------------------------------------- */

static void a_bad_config_is_told_by_its_code(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *says;
	} cases[] = {
		{ "", 6, "the config on stdin" },
		{ "{", 6, "the config on stdin" },
		{ "\"text\"", 6, "the config on stdin" },
		{ "{\"name\": \"a\", \"name\": \"a\"}", 6, "duplicate" },
		{ "{\"name\": \"\xff\"}", 6, "line 1" },
		{ "[]", 7, "config: [] is not an object" },
		{ "{}", 7, "name" },
		{ "{\"name\": null}", 7, "name" },
		{ "{\"name\": \"\"}", 7, "name" },
		{ "{\"name\": 7}", 7, "name: 7 is not a string" },
		{ "{\"name\": \"-a\"}", 7, "name: \"-a\"" },
		{ "{\"name\": \"a/b\"}", 7, "name: \"a/b\"" },
		{ "{\"name\": \"a\", \"cniVersion\": \"1.2.0\"}", 1, "1.2.0" },
		{ "{\"name\": \"a\", \"cniVersion\": \"1.2.0\"}", 1,
		  "plugin fake supports 0.1.0 to 1.1.0" },
		{ "{\"name\": \"a\", \"cniVersion\": \"1.0\"}", 1, "1.0" },
		{ "{\"name\": \"a\", \"cniVersion\": 1}", 7, "cniVersion: 1 is not a string" },
		{ CONF ", \"prevResult\": 7}", 7, "prevResult: 7 is not an object" },
		{ CONF ", \"prevResult\": {\"ips\": [{}]}}", 7, "prevResult.ips[0]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		call_text("ADD", cases[i].text);
		assert_error(cases[i].code, cases[i].says);
		assert_string_equal(said.err, "");
	}
}

static void nul_bytes_in_a_config_are_an_error(void **state)
{
	static const char text[] = CONF ", \"a\": \"\0\"}";
	struct call c = { .plugin = &fake, .env = FULL("CNI_COMMAND=ADD"), .text = text };

	(void)state;
	c.len = sizeof(text) - 1;
	call(&c);
	assert_error(6, "the config on stdin");
	c.text = CONF "}\0";
	c.len = strlen(c.text) + 1;
	call(&c);
	assert_error(6, "the config on stdin");
}

static void a_config_of_16_mib_is_an_error_and_one_below_is_read(void **state)
{
	const size_t max = 16u << 20;
	AUTO_FREE char *text = malloc(max);
	struct call c = { .plugin = &fake, .env = FULL("CNI_COMMAND=DEL"), .text = text };

	(void)state;
	assert_non_null(text);
	memset(text, ' ', max);
	memcpy(text, CONF "}", strlen(CONF "}"));
	c.len = max;
	call(&c);
	assert_error(6, "16777216");
	c.len = max - 1;
	call(&c);
	assert_silent_success();
	assert_said(said.err, "del network=net");
}

static void a_deeply_nested_config_is_an_error(void **state)
{
	const size_t depth = 1 << 20;
	AUTO_FREE char *text = malloc(depth);
	struct call c = { .plugin = &fake, .env = FULL("CNI_COMMAND=ADD"), .text = text };

	(void)state;
	assert_non_null(text);
	memset(text, '[', depth);
	c.len = depth;
	call(&c);
	assert_error(6, "depth");
}

static void a_stdin_that_cannot_be_read_is_error_5(void **state)
{
	struct call c = { .plugin = &fake, .env = FULL("CNI_COMMAND=ADD") };

	(void)state;
	c.in = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(c.in >= 0);
	call(&c);
	assert_error(5, "stdin");
	close(c.in);
}

static void an_absent_or_empty_version_is_0_1_0(void **state)
{
	static const char *const cases[] = {
		"{\"name\": \"a\", \"address\": 1}",
		"{\"name\": \"a\", \"address\": 1, \"cniVersion\": \"\"}",
		"{\"name\": \"a\", \"address\": 1, \"cniVersion\": null}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		call_text("ADD", cases[i]);
		assert_said(said.out, "\"cniVersion\": \"0.1.0\"");
	}
}

static void verbs_are_refused_before_the_version_that_has_them(void **state)
{
	static const struct {
		const char *verb;
		enum cni_version since;
	} cases[] = { { "CHECK", CNI_0_4_0 }, { "GC", CNI_1_1_0 }, { "STATUS", CNI_1_1_0 } };
	char text[160];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (int v = 0; v < CNI_N_VERSIONS; v++) {
			snprintf(text, sizeof(text),
				 "{\"cniVersion\": \"%s\", \"name\": \"n\", \"prevResult\": {}}",
				 cni_version_str((enum cni_version)v));
			call_text(cases[i].verb, text);
			if (v < (int)cases[i].since)
				assert_error(1, cni_version_str(cases[i].since));
			else
				assert_silent_success();
		}
	}
}

static void a_plugin_refuses_versions_older_than_its_oldest(void **state)
{
	struct call c = { .plugin = &young, .env = FULL("CNI_COMMAND=ADD") };

	(void)state;
	c.text = "{\"cniVersion\": \"0.3.1\", \"name\": \"n\"}";
	call(&c);
	assert_error(1, "plugin young supports 0.4.0 to 1.1.0");
	c.text = "{\"cniVersion\": \"0.4.0\", \"name\": \"n\"}";
	call(&c);
	assert_int_equal(said.status, 0);
}

/* ---- the namespace ------------------------------------------------------- */

static void add_and_check_need_a_namespace_and_del_does_not(void **state)
{
	static const char *const paths[] = { "CNI_NETNS=/nonexistent", "CNI_NETNS=/dev/null",
					     "CNI_NETNS=/proc/self/ns/mnt", "CNI_NETNS=/" };
	static const char *const verbs[] = { "CNI_COMMAND=ADD", "CNI_COMMAND=CHECK" };
	struct call c = { .plugin = &fake, .env = FULL("CNI_COMMAND=DEL"), .text = CONF "}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		c.env[4] = paths[i];
		for (size_t k = 0; k < ARRAY_SIZE(verbs); k++) {
			c.env[0] = verbs[k];
			call(&c);
			assert_error(8, strchr(paths[i], '=') + 1);
			assert_string_equal(said.err, "");
		}
		c.env[0] = "CNI_COMMAND=DEL";
		call(&c);
		assert_silent_success();
		assert_said(said.err, "fd=0");
	}
}

static void the_plugins_own_namespace_is_refused_unless_permitted(void **state)
{
	static const struct {
		const char *override;
		bool ok;
	} cases[] = {
		{ "CNI_NETNS_OVERRIDE=", false },    { "CNI_NETNS_OVERRIDE=0", false },
		{ "CNI_NETNS_OVERRIDE=yes", false }, { "CNI_NETNS_OVERRIDE=1", true },
		{ "CNI_NETNS_OVERRIDE=true", true }, { "CNI_NETNS_OVERRIDE=TRUE", true },
	};
	const struct cni_plugin host = { .name = "host", .own_netns = true, .add = add };
	struct call c = { .plugin = &fake, .env = FULL("CNI_COMMAND=ADD"), .text = CONF "}" };

	(void)state;
	c.env[4] = "CNI_NETNS=/proc/self/ns/net";
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		c.env[5] = cases[i].override;
		call(&c);
		if (!cases[i].ok)
			assert_error(8, "CNI_NETNS_OVERRIDE");
		assert_int_equal(said.status, !cases[i].ok);
		assert_int_equal(*said.err != '\0', cases[i].ok);
	}
	c.env[5] = NULL;
	c.plugin = &host;
	call(&c);
	assert_int_equal(said.status, 0);
}

/* ---- prevResult ---------------------------------------------------------- */

static void a_prev_result_is_read_in_the_version_of_the_config(void **state)
{
	(void)state;
	call_text("DEL", "{\"cniVersion\": \"0.2.0\", \"name\": \"n\", \"prevResult\": "
			 "{\"ip4\": {\"ip\": \"10.0.0.1/8\"}, \"ip6\": {\"ip\": \"fd00::1/64\"}}}");
	assert_silent_success();
	assert_said(said.err, "prev=2");
}

static void del_makes_do_without_a_prev_result_that_it_cannot_read(void **state)
{
	(void)state;
	call_text("DEL", CONF ", \"prevResult\": {\"ips\": [{\"address\": \"nonsense\"}]}}");
	assert_silent_success();
	assert_said(said.err, "prev=0");
}

static void check_without_a_prev_result_is_an_error(void **state)
{
	(void)state;
	call_text("CHECK", CONF "}");
	assert_error(7, "prevResult");
}

/* ---- GC ------------------------------------------------------------------ */

static void gc_takes_the_list_by_both_its_names(void **state)
{
	static const char *const keys[] = { "cni.dev/valid-attachments", "cni.dev/attachments",
					    "CNI.dev/Attachments" };
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		snprintf(text, sizeof(text),
			 CONF ", \"%s\": [{\"containerID\": \"a\", \"ifname\": \"eth0\"},"
			      " {\"ContainerId\": \"c\", \"IfName\": \"eth7\"}]}",
			 keys[i]);
		call_text("GC", text);
		assert_silent_success();
		assert_said(said.err, "valid a eth0\nvalid c eth7\neth7 of c is valid\n");
	}
}

static void gc_with_both_lists_keeps_what_is_on_either(void **state)
{
	(void)state;
	call_text("GC", CONF
		  ", \"cni.dev/valid-attachments\": "
		  "[{\"containerID\": \"a\", \"ifname\": \"eth0\"}], "
		  "\"cni.dev/attachments\": [{\"containerID\": \"c\", \"ifname\": \"eth7\"}]}");
	assert_silent_success();
	assert_said(said.err, "valid a eth0\nvalid c eth7\n");
}

static void gc_without_a_list_does_nothing_and_with_an_empty_one_all(void **state)
{
	static const char *const empty[] = {
		CONF ", \"cni.dev/valid-attachments\": []}",
		CONF ", \"cni.dev/valid-attachments\": null}",
		CONF ", \"cni.dev/valid-attachments\": null, \"cni.dev/attachments\": null}",
	};

	(void)state;
	call_text("GC", CONF "}");
	assert_silent_success();
	assert_string_equal(said.err, "");
	for (size_t i = 0; i < ARRAY_SIZE(empty); i++) {
		call_text("GC", empty[i]);
		assert_silent_success();
		assert_said(said.err, "eth7 of c is not valid");
	}
}

/* Half a list would delete what is in use. */
static void gc_refuses_a_list_that_it_cannot_read_whole(void **state)
{
	static const char *const lists[] = {
		"{}",
		"[7]",
		"[{\"containerID\": \"a\"}]",
		"[{\"ifname\": \"a\"}]",
		"[{\"containerID\": \"a\", \"ifname\": \"b\"}, {}]",
		"[{\"containerID\": 7, \"ifname\": \"b\"}]",
	};
	char text[160];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		snprintf(text, sizeof(text), CONF ", \"cni.dev/valid-attachments\": %s}", lists[i]);
		call_text("GC", text);
		assert_error(7, "cni.dev/valid-attachments");
		assert_string_equal(said.err, "");
	}
}

/* ---- CNI_ARGS ------------------------------------------------------------ */

static void cni_args_are_pairs_of_known_keys(void **state)
{
	static const struct {
		const char *text, *ip, *mac, *gateway;
	} cases[] = {
		{ "", NULL, NULL, NULL },
		{ ";;", NULL, NULL, NULL },
		{ "IP=10.0.0.5", "10.0.0.5", NULL, NULL },
		{ "IP=10.0.0.5,fd00::5;MAC=02:00:00:00:00:01;GATEWAY=10.0.0.1;", "10.0.0.5,fd00::5",
		  "02:00:00:00:00:01", "10.0.0.1" },
		{ "IP=", "", NULL, NULL },
		{ "IgnoreUnknown=1;ip=10.0.0.5;K8S_POD_NAME=a=b", NULL, NULL, NULL },
		{ "FOO=;IgnoreUnknown=true;IP=1", "1", NULL, NULL },
		{ "IgnoreUnknown=0;IP=1", "1", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cni_args a;
		struct err e;

		if (cni_args_parse(cases[i].text, &a, &e) < 0)
			fail_msg("%s: %s", cases[i].text, e.msg);
		assert_string_equal(a.ip ? a.ip : "none", cases[i].ip ? cases[i].ip : "none");
		assert_string_equal(a.mac ? a.mac : "none", cases[i].mac ? cases[i].mac : "none");
		assert_string_equal(a.gateway ? a.gateway : "none",
				    cases[i].gateway ? cases[i].gateway : "none");
		cni_args_clear(&a);
		assert_null(a.text);
	}
}

static void bad_cni_args_are_named_and_leave_the_output_alone(void **state)
{
	static const char *const cases[][2] = {
		{ "FOO=1", "FOO" },
		{ "FOO=1;IgnoreUnknown=false", "FOO" },
		{ "IgnoreUnknown=1;FOO", "\"FOO\" is not KEY=VALUE" },
		{ "=1", "\"=1\" is not KEY=VALUE" },
		{ "IgnoreUnknown=maybe", "maybe" },
		{ "IgnoreUnknown=", "IgnoreUnknown" },
		{ "ignoreunknown=1", "ignoreunknown" },
		{ "ip=10.0.0.1", "ip" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cni_args a = { .ip = "untouched" };
		struct err e;

		assert_int_equal(cni_args_parse(cases[i][0], &a, &e), -EINVAL);
		assert_int_equal(e.cni, CNI_E_ENV);
		assert_said(e.msg, cases[i][1]);
		assert_string_equal(a.ip, "untouched");
	}
}

/* ---- what the runtime passes --------------------------------------------- */

static void of_three_mac_addresses_the_capability_weighs_most(void **state)
{
	static const struct {
		const char *args, *text, *says;
	} cases[] = {
		{ "CNI_ARGS=", CONF "}", "" },
		{ "CNI_ARGS=MAC=02:00:00:00:00:01", CONF "}", "mac=02:00:00:00:00:01" },
		{ "CNI_ARGS=MAC=02:00:00:00:00:01",
		  CONF ", \"args\": {\"cni\": {\"mac\": \"02:00:00:00:00:02\"}}}",
		  "mac=02:00:00:00:00:02" },
		{ "CNI_ARGS=MAC=02:00:00:00:00:01",
		  CONF ", \"args\": {\"cni\": {\"mac\": \"02:00:00:00:00:02\"}},"
		       " \"RuntimeConfig\": {\"MAC\": \"02:00:00:00:00:03\"}}",
		  "mac=02:00:00:00:00:03" },
		{ "CNI_ARGS=MAC=02:00:00:00:00:01", CONF ", \"runtimeConfig\": {\"mac\": \"\"}}",
		  "mac=02:00:00:00:00:01" },
		{ "CNI_ARGS=MAC=", CONF ", \"runtimeConfig\": {\"mac\": null}}", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct call c = { .plugin = &fake,
				  .env = FULL("CNI_COMMAND=ADD"),
				  .text = cases[i].text };

		c.env[5] = cases[i].args;
		call(&c);
		assert_int_equal(said.status, 0);
		assert_said(said.err, cases[i].says);
		assert_int_equal(strstr(said.err, "mac=") != NULL, *cases[i].says != '\0');
	}
}

static void a_bad_mac_address_is_named_where_it_stands(void **state)
{
	static const struct {
		const char *args, *text;
		int code;
		const char *says;
	} cases[] = {
		{ "CNI_ARGS=MAC=x", CONF "}", 4, "CNI_ARGS: MAC: \"x\"" },
		{ "CNI_ARGS=MAC=03:00:00:00:00:01", CONF "}", 4, "one station" },
		{ "CNI_ARGS=MAC=2:0:0:0:0:01abcdef", CONF "}", 4, "2:0:0:0:0:01abcdef" },
		{ "CNI_ARGS=", CONF ", \"runtimeConfig\": {\"mac\": \"ff:ff:ff:ff:ff:ff\"}}", 7,
		  "runtimeConfig.mac: \"ff:ff:ff:ff:ff:ff\"" },
		{ "CNI_ARGS=", CONF ", \"runtimeConfig\": {\"mac\": 7}}", 7,
		  "runtimeConfig.mac: 7" },
		{ "CNI_ARGS=", CONF ", \"args\": {\"cni\": {\"mac\": \"y\"}}}", 7,
		  "args.cni.mac: \"y\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct call c = { .plugin = &fake,
				  .env = FULL("CNI_COMMAND=ADD"),
				  .text = cases[i].text };

		c.env[5] = cases[i].args;
		call(&c);
		assert_error(cases[i].code, cases[i].says);
	}
}

/* ---- CHECK --------------------------------------------------------------- */

static void the_first_difference_is_the_message_and_all_are_details(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(cni_differs(&e, "%s is down", "eth0"), -ESTALE);
	assert_int_equal(cni_differs(&e, "no route"), -ESTALE);
	assert_int_equal(e.cni, CNI_E_CHECK);
	assert_string_equal(e.msg, "eth0 is down");
	assert_string_equal(e.details, "eth0 is down; no route");
	assert_int_equal(cni_differs(NULL, "nobody listens"), -ESTALE);
}

static void differences_of_a_step_are_added_and_its_errors_take_over(void **state)
{
	struct err e = { 0 }, step = { 0 };

	(void)state;
	(void)cni_differs(&e, "one");
	(void)cni_differs(&step, "two");
	(void)cni_differs(&step, "three");
	assert_int_equal(cni_fold(&e, -ESTALE, &step), -ESTALE);
	assert_string_equal(e.msg, "one");
	assert_string_equal(e.details, "one; two; three");
	assert_int_equal(cni_fold(&e, 0, &step), 0);
	assert_string_equal(e.details, "one; two; three");
	assert_int_equal(cni_fold(&e, err_sys(&step, EPERM, "four"), &step), -EPERM);
	assert_string_equal(e.msg, "four: Operation not permitted");
	assert_int_equal(cni_fold(NULL, -EPERM, &step), -EPERM);
}

static int two_steps(int one, int two)
{
	int first = 0;

	CNI_CHECK_STEP(first, one);
	CNI_CHECK_STEP(first, two);

	return first;
}

static void a_check_goes_on_past_differences_and_stops_at_errors(void **state)
{
	(void)state;
	assert_int_equal(two_steps(0, 0), 0);
	assert_int_equal(two_steps(-ESTALE, 0), -ESTALE);
	assert_int_equal(two_steps(0, -ESTALE), -ESTALE);
	assert_int_equal(two_steps(-EIO, -ESTALE), -EIO);
	assert_int_equal(two_steps(-ESTALE, -EIO), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(add_prints_its_result_in_the_version_of_the_config),
		cmocka_unit_test(every_verb_is_told_what_it_may_know),
		cmocka_unit_test(verbs_without_a_result_print_nothing),
		cmocka_unit_test(a_verb_that_the_plugin_lacks_succeeds),
		cmocka_unit_test(a_callback_that_fails_is_reported_with_code_and_details),
		cmocka_unit_test(an_add_whose_result_has_no_words_in_its_version_is_undone),
		cmocka_unit_test(an_add_whose_result_reaches_nobody_is_undone),
		cmocka_unit_test(version_lists_what_the_plugin_speaks_and_echoes_what_was_asked),
		cmocka_unit_test(version_answers_although_nobody_closes_stdin),
		cmocka_unit_test(without_a_command_the_plugin_says_what_it_is),
		cmocka_unit_test(all_missing_variables_are_named_at_once),
		cmocka_unit_test(a_bad_variable_is_error_4_and_named),
		cmocka_unit_test(names_that_the_kernel_and_the_specification_take_are_taken),
		cmocka_unit_test(bytes_that_are_no_utf_8_still_give_an_error_object),
		cmocka_unit_test(a_bad_config_is_told_by_its_code),
		cmocka_unit_test(nul_bytes_in_a_config_are_an_error),
		cmocka_unit_test(a_config_of_16_mib_is_an_error_and_one_below_is_read),
		cmocka_unit_test(a_deeply_nested_config_is_an_error),
		cmocka_unit_test(a_stdin_that_cannot_be_read_is_error_5),
		cmocka_unit_test(an_absent_or_empty_version_is_0_1_0),
		cmocka_unit_test(verbs_are_refused_before_the_version_that_has_them),
		cmocka_unit_test(a_plugin_refuses_versions_older_than_its_oldest),
		cmocka_unit_test(add_and_check_need_a_namespace_and_del_does_not),
		cmocka_unit_test(the_plugins_own_namespace_is_refused_unless_permitted),
		cmocka_unit_test(a_prev_result_is_read_in_the_version_of_the_config),
		cmocka_unit_test(del_makes_do_without_a_prev_result_that_it_cannot_read),
		cmocka_unit_test(check_without_a_prev_result_is_an_error),
		cmocka_unit_test(gc_takes_the_list_by_both_its_names),
		cmocka_unit_test(gc_with_both_lists_keeps_what_is_on_either),
		cmocka_unit_test(gc_without_a_list_does_nothing_and_with_an_empty_one_all),
		cmocka_unit_test(gc_refuses_a_list_that_it_cannot_read_whole),
		cmocka_unit_test(cni_args_are_pairs_of_known_keys),
		cmocka_unit_test(bad_cni_args_are_named_and_leave_the_output_alone),
		cmocka_unit_test(of_three_mac_addresses_the_capability_weighs_most),
		cmocka_unit_test(a_bad_mac_address_is_named_where_it_stands),
		cmocka_unit_test(the_first_difference_is_the_message_and_all_are_details),
		cmocka_unit_test(differences_of_a_step_are_added_and_its_errors_take_over),
		cmocka_unit_test(a_check_goes_on_past_differences_and_stops_at_errors),
	};

	return cmocka_run_group_tests(tests, make_netns, NULL);
}
