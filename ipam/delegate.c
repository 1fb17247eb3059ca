/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * delegate - see delegate.h
 *
 * stdin is a memory file: the plugin need not read it for us to go on, and a
 * plugin that never does is no broken pipe.
 */
#include "ipam/delegate.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/cleanup.h"

#define OUTPUT_MAX ((size_t)1 << 20)

/* ---- what it is given ---------------------------------------------------- */

static int make_stdin(const struct cni_request *rq, struct err *e)
{
	AUTO_FD int fd = memfd_create("cni-config", MFD_CLOEXEC);

	if (fd < 0 || write(fd, rq->text, rq->text_len) != (ssize_t)rq->text_len ||
	    lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, errno, "hand on the config");

	return MOVE_FD(fd);
}

#define N_VARIABLES 6

struct environment {
	char *ours[N_VARIABLES]; /* owned; NULL: not set */
	char **all;		 /* owned, ours and borrowed ones */
};

static void environment_clear(struct environment *env)
{
	for (size_t i = 0; i < N_VARIABLES; i++)
		free(env->ours[i]);
	free(env->all);
}

static bool is_cni_variable(const char *assignment, const char *const names[N_VARIABLES])
{
	for (size_t i = 0; i < N_VARIABLES; i++) {
		size_t len = strlen(names[i]);

		if (strncmp(assignment, names[i], len) == 0 && assignment[len] == '=')
			return true;
	}

	return false;
}

static size_t count_environ(void)
{
	size_t n = 0;

	while (environ[n])
		n++;

	return n;
}

/* The caller's environment, with the variables of the protocol as in @rq. */
static int make_environment(const struct cni_request *rq, enum cni_command command,
			    struct environment *env, struct err *e)
{
	static const char *const commands[] = {
		[CNI_ADD] = "ADD", [CNI_DEL] = "DEL",	    [CNI_CHECK] = "CHECK",
		[CNI_GC] = "GC",   [CNI_STATUS] = "STATUS", [CNI_VERSION] = "VERSION",
	};
	static const char *const names[N_VARIABLES] = {
		"CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH",
	};
	const char *const values[N_VARIABLES] = {
		commands[command], rq->container_id, rq->netns, rq->ifname, rq->args, rq->path,
	};
	size_t n = 0;

	env->all = calloc(count_environ() + N_VARIABLES + 1, sizeof(*env->all));
	if (!env->all)
		return err_sys(e, ENOMEM, "hand on the environment");
	for (char **old = environ; *old; old++)
		if (!is_cni_variable(*old, names))
			env->all[n++] = *old;
	for (size_t i = 0; i < N_VARIABLES; i++) {
		if (!*values[i])
			continue;
		if (asprintf(&env->ours[i], "%s=%s", names[i], values[i]) < 0) {
			env->ours[i] = NULL;
			return err_sys(e, ENOMEM, "hand on the environment");
		}
		env->all[n++] = env->ours[i];
	}

	return 0;
}

/* ---- running it ---------------------------------------------------------- */

/* A binary that is being written is waited for, 5 s as libcni does. */
static int spawn_patiently(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
			   const posix_spawnattr_t *attr, char **env)
{
	const struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };
	char *argv[] = { (char *)(uintptr_t)path, NULL };
	int r;

	for (int tries = 0;; tries++) {
		r = posix_spawn(pid, path, actions, attr, argv, env);
		if (r != ETXTBSY || tries == 50)
			return -r;
		nanosleep(&pause, NULL);
	}
}

/* Signals as a new program expects them, whatever this one does with them. */
static void reset_signals(posix_spawnattr_t *attr)
{
	sigset_t none, pipe_only;

	sigemptyset(&none);
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &pipe_only);
	posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int spawn(pid_t *pid, const char *path, int in, int out, char **env)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int r;

	if (posix_spawnattr_init(&attr) != 0)
		return -ENOMEM;
	if (posix_spawn_file_actions_init(&actions) != 0) {
		posix_spawnattr_destroy(&attr);
		return -ENOMEM;
	}
	reset_signals(&attr);
	r = -posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	if (r == 0)
		r = -posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (r == 0)
		r = spawn_patiently(pid, path, &actions, &attr, env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);

	return r;
}

/* Up to its end.  Return: 0; -EFBIG if there is more than OUTPUT_MAX. */
static int read_output(int fd, char **ret, size_t *ret_len)
{
	AUTO_FREE char *text = NULL;
	size_t len = 0, room = 0;

	for (;;) {
		ssize_t got;

		if (len == room) {
			char *bigger = len > OUTPUT_MAX ? NULL : realloc(text, room + 4096 + room);

			if (!bigger)
				return len > OUTPUT_MAX ? -EFBIG : -ENOMEM;
			text = bigger;
			room += 4096 + room;
		}
		got = read(fd, text + len, room - len);
		if (got == 0)
			break;
		if (got < 0 && errno != EINTR)
			return -errno;
		len += got > 0 ? (size_t)got : 0;
	}
	*ret = MOVE_PTR(text);
	*ret_len = len;

	return 0;
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;

	return status;
}

/* ---- what it says -------------------------------------------------------- */

static long long code_of(const json_t *obj)
{
	long long code = json_integer_value(json_object_get(obj, "code"));

	return code > 0 && code <= INT32_MAX ? code : CNI_E_INTERNAL;
}

static int report_failure(const char *name, int status, const char *text, size_t len, struct err *e)
{
	AUTO_JSON json_t *obj = NULL;
	const char *msg, *details;
	int r;

	if (WIFSIGNALED(status))
		return err_cni(e, CNI_E_INTERNAL, "%s was killed by signal %d (%s)", name,
			       WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (jn_parse(text, len, &obj, NULL) < 0 ||
	    !(msg = json_string_value(json_object_get(obj, "msg"))))
		return err_cni(e, CNI_E_INTERNAL,
			       "%s failed with status %d and without a CNI error: \"%.*s\"", name,
			       WEXITSTATUS(status), (int)(len < 200 ? len : 200), text);

	r = err_cni(e, (int)code_of(obj), "%s: %s", name, msg);
	details = json_string_value(json_object_get(obj, "details"));
	if (details && *details)
		err_detail(e, "%s", details);

	return r;
}

static int collect(pid_t pid, int out, const char *name, char **ret, size_t *ret_len, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t len = 0;
	int status, r = read_output(out, &text, &len);

	if (r < 0)
		kill(pid, SIGKILL);
	status = wait_for(pid);
	if (r < 0)
		return err_sys(e, -r, "read what %s prints", name);
	if (status < 0)
		return err_sys(e, -status, "wait for %s", name);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return report_failure(name, status, text, len, e);
	if (ret) {
		*ret = MOVE_PTR(text);
		*ret_len = len;
	}

	return 0;
}

int delegate_run(const char *path, const char *name, const struct cni_request *rq,
		 enum cni_command command, char **ret, size_t *ret_len, struct err *e)
{
	AUTO(environment_clear) struct environment env = { 0 };
	AUTO_FD int in = make_stdin(rq, e);
	AUTO_FD int out = -1;
	int pipe_fds[2];
	pid_t pid;
	int r;

	if (in < 0)
		return in;
	r = make_environment(rq, command, &env, e);
	if (r < 0)
		return r;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "run %s", path);
	out = pipe_fds[0];
	r = spawn(&pid, path, in, pipe_fds[1], env.all);
	close(pipe_fds[1]);
	if (r < 0)
		return err_sys(e, -r, "run %s", path);

	return collect(pid, out, name, ret, ret_len, e);
}
