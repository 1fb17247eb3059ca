/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ipam_test - delegates that are run, and those that need not be
 *
 * Delegates are shell scripts in a CNI_PATH of the test's own.  This program
 * carries the name of host-local in its notes, so that a copy of it is, for
 * ipam.c, the host-local of the same build.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ipam/ipam.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/stamp.h"

STAMP_PLUGIN_NAME("host-local");

struct fixture {
	char dir[64];	/* CNI_PATH, and where delegates write */
	char text[512]; /* the config */
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
	snprintf(f->dir, sizeof(f->dir), "/tmp/ipam_test.XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	setenv("TEST_DIR", f->dir, 1);
	*state = f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];
	int r;

	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	r = system(command);
	cni_result_clear(&f->res);
	json_decref(f->doc);
	free(f);

	return r;
}

static struct cni_request *request(struct fixture *f, const char *type, const char *path)
{
	snprintf(f->text, sizeof(f->text),
		 "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"ipam\":{\"type\":\"%s\","
		 "\"dataDir\":\"%s\",\"subnet\":\"10.1.0.0/24\"}}",
		 type, f->dir);
	json_decref(f->doc);
	if (jn_parse(f->text, strlen(f->text), &f->doc, &f->e) < 0)
		fail_msg("%s", f->e.msg);
	f->e = (struct err){ 0 };
	f->rq = (struct cni_request){
		.container_id = "a",
		.netns = "/run/netns/x",
		.netns_fd = -1,
		.ifname = "eth0",
		.args = "",
		.path = path,
		.version = CNI_1_0_0,
		.network = "net",
		.conf = jn_root(f->doc),
		.text = f->text,
		.text_len = strlen(f->text),
	};

	return &f->rq;
}

static int add(struct fixture *f)
{
	cni_result_clear(&f->res);

	return ipam_add(&f->rq, &f->res, &f->e);
}

/* A delegate that does @script; $0.log gets the verbs that it is called with. */
static void install(const struct fixture *f, const char *name, const char *script)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\necho $CNI_COMMAND >>\"$0.log\"\n%s\n", script);
	fclose(file);
	assert_int_equal(chmod(path, 0755), 0);
}

static void read_back(const struct fixture *f, const char *name, char *ret, size_t size)
{
	char path[128];
	AUTO_FD int fd = -1;
	ssize_t len;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? 0 : read(fd, ret, size - 1);
	ret[len < 0 ? 0 : len] = '\0';
}

static void assert_calls(const struct fixture *f, const char *want)
{
	char got[64];

	read_back(f, "plugin.log", got, sizeof(got));
	assert_string_equal(got, want);
}

/* ---- finding it ---------------------------------------------------------- */

static void a_type_is_configured_unless_it_is_missing_or_empty(void **state)
{
	static const struct {
		const char *conf;
		bool configured;
	} cases[] = {
		{ "{}", false },
		{ "{\"ipam\":{}}", false },
		{ "{\"ipam\":{\"type\":\"\"}}", false },
		{ "{\"ipam\":{\"type\":null}}", false },
		{ "{\"ipam\":{\"type\":\"dhcp\"}}", true },
		{ "{\"ipam\":{\"type\":7}}", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_JSON json_t *doc = json_loads(cases[i].conf, 0, NULL);
		const struct cni_request rq = { .conf = jn_root(doc) };

		assert_int_equal(ipam_configured(&rq), cases[i].configured);
	}
}

static void a_delegate_that_is_not_there_is_told_with_where_it_was_looked_for(void **state)
{
	struct fixture *f = *state;
	char path[128], want[256];

	snprintf(path, sizeof(path), "/nowhere:%s", f->dir);
	snprintf(
		want, sizeof(want),
		"ipam.type: there is no plugin \"plugin\" in CNI_PATH, which is \"%s\"; install it "
		"there",
		path);
	request(f, "plugin", path);
	assert_int_equal(add(f), -EINVAL);
	assert_string_equal(f->e.msg, want);
	assert_int_equal(f->e.cni, CNI_E_CONFIG);

	request(f, "../plugin", f->dir);
	assert_int_equal(add(f), -EINVAL);
	assert_string_equal(f->e.msg,
			    "ipam.type: \"../plugin\" is not the name of a file in CNI_PATH");
}

static void the_first_regular_file_in_the_path_is_run(void **state)
{
	struct fixture *f = *state;
	char first[128], path[256];

	install(f, "plugin", "echo '{\"cniVersion\":\"1.0.0\"}'");
	snprintf(first, sizeof(first), "%s/first", f->dir);
	assert_int_equal(mkdir(first, 0755), 0);
	snprintf(path, sizeof(path), "%s/plugin", first);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "::%s:%s:/nowhere", first, f->dir);
	request(f, "plugin", path);
	assert_int_equal(add(f), 0);
	assert_calls(f, "ADD\n");
}

/* ---- running it ---------------------------------------------------------- */

static void a_delegate_gets_config_and_variables_and_gives_a_result(void **state)
{
	struct fixture *f = *state;
	char got[1024], want[1024];

	install(f, "plugin",
		"cat >$TEST_DIR/stdin\n"
		"env | grep ^CNI_ | LC_ALL=C sort >$TEST_DIR/env\n"
		"echo '{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.1.0.5/24\"}]}'");
	setenv("CNI_COMMAND", "VERSION", 1);
	setenv("CNI_ARGS", "IP=192.0.2.1", 1);
	setenv("CNI_NETNS_OVERRIDE", "1", 1);
	request(f, "plugin", f->dir);
	assert_int_equal(add(f), 0);
	assert_int_equal(f->res.n_ips, 1);

	read_back(f, "stdin", got, sizeof(got));
	assert_string_equal(got, f->text);
	read_back(f, "env", got, sizeof(got));
	snprintf(want, sizeof(want),
		 "CNI_COMMAND=ADD\nCNI_CONTAINERID=a\nCNI_IFNAME=eth0\nCNI_NETNS=/run/netns/x\n"
		 "CNI_NETNS_OVERRIDE=1\nCNI_PATH=%s\n",
		 f->dir);
	assert_string_equal(got, want);
	unsetenv("CNI_COMMAND");
	unsetenv("CNI_ARGS");
	unsetenv("CNI_NETNS_OVERRIDE");
}

static void a_result_is_read_in_the_version_that_it_names(void **state)
{
	struct fixture *f = *state;

	install(f, "plugin", "echo '{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"10.1.0.5/24\"}}'");
	request(f, "plugin", f->dir);
	assert_int_equal(add(f), 0);
	assert_int_equal(f->res.n_ips, 1);
}

static void other_verbs_are_handed_on(void **state)
{
	struct fixture *f = *state;

	install(f, "plugin", "exit 0");
	request(f, "plugin", f->dir);
	assert_int_equal(ipam_check(&f->rq, &f->e), 0);
	assert_int_equal(ipam_status(&f->rq, &f->e), 0);
	assert_int_equal(ipam_gc(&f->rq, &f->e), 0);
	assert_int_equal(ipam_del(&f->rq, &f->e), 0);
	assert_calls(f, "CHECK\nSTATUS\nGC\nDEL\n");
}

/* With SIGPIPE ignored here, it must still end a delegate. */
static void a_delegate_starts_with_signals_as_usual(void **state)
{
	struct fixture *f = *state;
	sigset_t all, old;

	install(f, "plugin", "kill -PIPE $$; kill -TERM $$; exit 0");
	request(f, "plugin", f->dir);
	signal(SIGPIPE, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	assert_int_equal(ipam_check(&f->rq, &f->e), -EINVAL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	assert_string_equal(f->e.msg, "plugin was killed by signal 13 (Broken pipe)");
}

static void a_failing_delegate_is_reported_and_undone(void **state)
{
	static const struct {
		const char *script, *message, *details;
		int code;
	} cases[] = {
		{ "echo '{\"code\":11,\"msg\":\"later\",\"details\":\"much\"}'; exit 1",
		  "plugin: later", "much", 11 },
		{ "echo '{\"code\":117,\"msg\":\"own\"}'; exit 1", "plugin: own", "", 117 },
		{ "echo '{\"msg\":\"no code\"}'; exit 1", "plugin: no code", "", CNI_E_INTERNAL },
		{ "echo rubbish; exit 3",
		  "plugin failed with status 3 and without a CNI error: \"rubbish\n\"", "",
		  CNI_E_INTERNAL },
		{ "exit 3", "plugin failed with status 3 and without a CNI error: \"\"", "",
		  CNI_E_INTERNAL },
		{ "kill -KILL $$", "plugin was killed by signal 9 (Killed)", "", CNI_E_INTERNAL },
		{ "head -c 3000000 /dev/zero; exit 0", "read what plugin prints: File too large",
		  "", 0 },
	};
	struct fixture *f = *state;
	char log[128];

	snprintf(log, sizeof(log), "%s/plugin.log", f->dir);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		install(f, "plugin", cases[i].script);
		request(f, "plugin", f->dir);
		assert_true(add(f) < 0);
		assert_string_equal(f->e.msg, cases[i].message);
		assert_string_equal(f->e.details, cases[i].details);
		assert_int_equal(f->e.cni, cases[i].code);
		assert_calls(f, "ADD\nDEL\n");
		assert_int_equal(unlink(log), 0);
	}
}

static void a_result_that_is_none_is_reported_and_undone(void **state)
{
	static const char *const scripts[] = {
		"exit 0",
		"echo rubbish",
		"echo '[]'",
		"echo '{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.1.0.5\"}]}'",
	};
	struct fixture *f = *state;
	char log[128];

	snprintf(log, sizeof(log), "%s/plugin.log", f->dir);
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		install(f, "plugin", scripts[i]);
		request(f, "plugin", f->dir);
		assert_int_equal(add(f), -EINVAL);
		assert_int_equal(strncmp(f->e.msg, "plugin: ", 8), 0);
		assert_calls(f, "ADD\nDEL\n");
		assert_int_equal(unlink(log), 0);
	}
}

/* More than a pipe holds. */
static void a_delegate_that_does_not_read_is_no_matter(void **state)
{
	struct fixture *f = *state;
	const size_t len = 1 << 20;
	AUTO_FREE char *text = malloc(len);

	assert_non_null(text);
	memset(text, ' ', len);
	install(f, "plugin", "exec <&-; echo '{\"cniVersion\":\"1.0.0\"}'");
	request(f, "plugin", f->dir);
	f->rq.text = text;
	f->rq.text_len = len;
	assert_int_equal(add(f), 0);
}

static void a_file_that_cannot_be_run_is_reported(void **state)
{
	struct fixture *f = *state;
	char path[128], want[256];

	snprintf(path, sizeof(path), "%s/plugin", f->dir);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	snprintf(want, sizeof(want), "run %s: Permission denied", path);
	request(f, "plugin", f->dir);
	assert_int_equal(add(f), -EACCES);
	assert_string_equal(f->e.msg, want);
}

/* ---- our own ------------------------------------------------------------- */

static void copy_self(const struct fixture *f, const char *name)
{
	char command[256];

	snprintf(command, sizeof(command), "cp /proc/%d/exe %s/%s", (int)getpid(), f->dir, name);
	assert_int_equal(system(command), 0);
}

static void our_own_host_local_is_called_in_this_process(void **state)
{
	struct fixture *f = *state;
	char text[IP_NET_STRLEN];

	copy_self(f, "host-local");
	request(f, "host-local", f->dir);
	assert_int_equal(add(f), 0);
	assert_int_equal(f->res.n_ips, 1);
	assert_string_equal(ip_net_str(&f->res.ips[0].address, text), "10.1.0.2/24");
	f->rq.prev = &f->res;
	assert_int_equal(ipam_check(&f->rq, &f->e), 0);
	assert_int_equal(ipam_del(&f->rq, &f->e), 0);
	assert_int_equal(ipam_check(&f->rq, &f->e), -ESTALE);
	assert_int_equal(strncmp(f->e.msg, "host-local: 10.1.0.2 is not leased", 34), 0);
}

/* A refused ADD must not be followed by a DEL: that would free what the first one leased. */
static void our_own_add_that_is_refused_leaves_the_first_lease(void **state)
{
	struct fixture *f = *state;
	char path[128];

	copy_self(f, "host-local");
	request(f, "host-local", f->dir);
	assert_int_equal(add(f), 0);
	assert_int_equal(add(f), -EINVAL);
	snprintf(path, sizeof(path), "%s/net/10.1.0.2", f->dir);
	assert_int_equal(access(path, F_OK), 0);
}

static void another_file_of_that_name_is_run(void **state)
{
	struct fixture *f = *state;

	install(f, "host-local",
		"echo '{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"192.0.2.9/24\"}]}'");
	request(f, "host-local", f->dir);
	assert_int_equal(add(f), 0);
	assert_int_equal(f->res.ips[0].address.addr.b[0], 192);
}

static bool is_ours(const struct fixture *f, const char *file, const char *name)
{
	char path[128];
	AUTO_FD int fd = -1;

	snprintf(path, sizeof(path), "%s/%s", f->dir, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);

	return stamp_is_ours(fd, name);
}

/* Change each byte of the front in turn: those of the two notes count, and no byte does harm. */
static void a_binary_of_another_build_or_name_is_not_ours(void **state)
{
	const struct fixture *f = *state;
	uint8_t front[4096];
	size_t foreign = 0;
	char path[128];
	AUTO_FD int fd = -1;

	copy_self(f, "host-local");
	snprintf(path, sizeof(path), "%s/host-local", f->dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(fd, front, sizeof(front), 0), sizeof(front));
	assert_true(is_ours(f, "host-local", "host-local"));
	assert_false(is_ours(f, "host-local", "static"));
	assert_false(is_ours(f, "host-local", "host-loca"));

	for (size_t i = 0; i < sizeof(front); i++) {
		uint8_t flipped = (uint8_t)~front[i];

		assert_int_equal(pwrite(fd, &flipped, 1, (off_t)i), 1);
		foreign += !stamp_is_ours(fd, "host-local");
		assert_int_equal(pwrite(fd, &front[i], 1, (off_t)i), 1);
	}
	assert_true(foreign >=
		    strlen(stamp_build) + strlen("host-local") + 2 * sizeof(STAMP_OWNER));
	for (off_t len = sizeof(front); len >= 0; len -= 7) {
		assert_int_equal(ftruncate(fd, len), 0);
		(void)stamp_is_ours(fd, "host-local");
	}
	assert_false(stamp_is_ours(fd, "host-local"));
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_type_is_configured_unless_it_is_missing_or_empty),
		TEST(a_delegate_that_is_not_there_is_told_with_where_it_was_looked_for),
		TEST(the_first_regular_file_in_the_path_is_run),
		TEST(a_delegate_gets_config_and_variables_and_gives_a_result),
		TEST(a_result_is_read_in_the_version_that_it_names),
		TEST(other_verbs_are_handed_on),
		TEST(a_delegate_starts_with_signals_as_usual),
		TEST(a_failing_delegate_is_reported_and_undone),
		TEST(a_result_that_is_none_is_reported_and_undone),
		TEST(a_delegate_that_does_not_read_is_no_matter),
		TEST(a_file_that_cannot_be_run_is_reported),
		TEST(our_own_host_local_is_called_in_this_process),
		TEST(our_own_add_that_is_refused_leaves_the_first_lease),
		TEST(another_file_of_that_name_is_run),
		TEST(a_binary_of_another_build_or_name_is_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
