/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exec - see exec.h
 *
 * stdin is a memory file: the plugin need not read it for us to go on, and a
 * plugin that never does is no broken pipe.
 */
#include "lib/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/cni-error.h"
#include "lib/clock.h"

#define OUTPUT_MAX ((size_t)1 << 20)

/* ---- where it is --------------------------------------------------------- */

int exec_find(const char *dirs, const char *type, char ret[PATH_MAX])
{
	struct stat st;

	for (const char *dir = dirs; *dir; dir += strspn(dir, ":")) {
		int len = (int)strcspn(dir, ":");

		if (len > 0 && snprintf(ret, PATH_MAX, "%.*s/%s", len, dir, type) < PATH_MAX &&
		    stat(ret, &st) == 0 && S_ISREG(st.st_mode))
			return 0;
		dir += len;
	}

	return -ENOENT;
}

/* ---- what it is given ---------------------------------------------------- */

static int make_stdin(const struct exec *x, struct err *e)
{
	AUTO_FD int fd = memfd_create("cni-config", MFD_CLOEXEC);

	if (fd < 0 || write(fd, x->config, x->config_len) != (ssize_t)x->config_len ||
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

/* The caller's environment, with the variables of the protocol as in @x. */
static int make_environment(const struct exec *x, struct environment *env, struct err *e)
{
	static const char *const commands[] = {
		[CNI_ADD] = "ADD", [CNI_DEL] = "DEL",	    [CNI_CHECK] = "CHECK",
		[CNI_GC] = "GC",   [CNI_STATUS] = "STATUS", [CNI_VERSION] = "VERSION",
	};
	static const char *const names[N_VARIABLES] = {
		"CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH",
	};
	const char *const values[N_VARIABLES] = {
		commands[x->command], x->container_id, x->netns, x->ifname, x->args, x->cni_path,
	};
	size_t n = 0;

	env->all = calloc(count_environ() + N_VARIABLES + 1, sizeof(*env->all));
	if (!env->all)
		return err_sys(e, ENOMEM, "hand on the environment");
	for (char **old = environ; *old; old++)
		if (!is_cni_variable(*old, names))
			env->all[n++] = *old;
	for (size_t i = 0; i < N_VARIABLES; i++) {
		if (!values[i] || !*values[i])
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
	/* Also what this process has been started with and knows nothing of. */
	if (r == 0)
		r = -posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	if (r == 0)
		r = spawn_patiently(pid, path, &actions, &attr, env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);

	return r;
}

struct child {
	pid_t pid;
	int out;   /* what it prints */
	int pidfd; /* readable when it has ended; -1 on a kernel without */
	int64_t deadline;
	bool limited;
};

static void child_close(const struct child *c)
{
	cleanup_fd(&c->out);
	cleanup_fd(&c->pidfd);
}

/* Return: milliseconds for poll(), -1 without a limit. */
static int time_left(const struct child *c)
{
	int64_t left = c->deadline - clock_ms();

	if (!c->limited)
		return -1;

	return left < 0 ? 0 : (int)left;
}

/* Waits for output or the end.  Return: 1 if there is output, 0 if it has ended without. */
static int wait_output(const struct child *c)
{
	struct pollfd fds[] = {
		{ .fd = c->out, .events = POLLIN },
		{ .fd = c->pidfd, .events = POLLIN },
	};
	int n;

	do {
		n = poll(fds, ARRAY_SIZE(fds), time_left(c));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ETIMEDOUT;

	return fds[0].revents != 0;
}

/* Up to its end.  Return: 0; -EFBIG if there is more than OUTPUT_MAX; -ETIMEDOUT. */
static int read_output(const struct child *c, char **ret, size_t *ret_len)
{
	AUTO_FREE char *text = NULL;
	size_t len = 0, room = 0;
	int r;

	while ((r = wait_output(c)) > 0) {
		ssize_t got;

		if (len == room) {
			char *bigger = len > OUTPUT_MAX ? NULL : realloc(text, room + 4096 + room);

			if (!bigger)
				return len > OUTPUT_MAX ? -EFBIG : -ENOMEM;
			text = bigger;
			room += 4096 + room;
		}
		got = read(c->out, text + len, room - len);
		if (got == 0)
			break;
		if (got < 0 && errno != EINTR)
			return -errno;
		len += got > 0 ? (size_t)got : 0;
	}
	if (r < 0)
		return r;
	*ret = MOVE_PTR(text);
	*ret_len = len;

	return 0;
}

/* One that has closed its stdout may go on. */
static int wait_end(const struct child *c)
{
	struct pollfd end = { .fd = c->pidfd, .events = POLLIN };
	int n;

	if (c->pidfd < 0 || !c->limited)
		return 0;
	do {
		n = poll(&end, 1, time_left(c));
	} while (n < 0 && errno == EINTR);

	return n == 0 ? -ETIMEDOUT : 0;
}

static int reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;

	return status;
}

/* ---- what it says -------------------------------------------------------- */

static int report_failure(const char *name, int status, const char *text, size_t len, struct err *e)
{
	AUTO_JSON json_t *obj = NULL;
	int r;

	if (WIFSIGNALED(status))
		return err_cni(e, CNI_E_INTERNAL, "%s was killed by signal %d (%s)", name,
			       WTERMSIG(status), strsignal(WTERMSIG(status)));
	(void)jn_parse(text, len, &obj, NULL);
	r = cni_error_read(obj, e);
	if (r == -EPROTO)
		return err_cni(e, CNI_E_INTERNAL,
			       "%s failed with status %d and without a CNI error: \"%.*s\"", name,
			       WEXITSTATUS(status), (int)(len < 200 ? len : 200), text);

	return err_wrap(e, r, "%s", name);
}

static int report_end(const struct exec *x, int r, struct err *e)
{
	if (r == -ETIMEDOUT)
		return err_sys(e, ETIMEDOUT, "%s had not ended after %d s and was killed", x->name,
			       x->timeout_ms / 1000);

	return err_sys(e, -r, "read what %s prints", x->name);
}

static int collect(const struct exec *x, const struct child *c, char **ret, size_t *ret_len,
		   struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t len = 0;
	int status, r = read_output(c, &text, &len);

	if (r == 0)
		r = wait_end(c);
	if (r < 0)
		kill(c->pid, SIGKILL);
	status = reap(c->pid);
	if (r < 0)
		return report_end(x, r, e);
	if (status < 0)
		return err_sys(e, -status, "wait for %s", x->name);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return report_failure(x->name, status, text, len, e);
	if (ret) {
		*ret = MOVE_PTR(text);
		*ret_len = len;
	}

	return 0;
}

int exec_plugin(const struct exec *x, char **ret, size_t *ret_len, struct err *e)
{
	AUTO(environment_clear) struct environment env = { 0 };
	AUTO_FD int in = make_stdin(x, e);
	AUTO(child_close)
	struct child c = {
		.out = -1,
		.pidfd = -1,
		.limited = x->timeout_ms > 0,
	};
	int pipe_fds[2];
	int r;

	if (in < 0)
		return in;
	r = make_environment(x, &env, e);
	if (r < 0)
		return r;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "run %s", x->path);
	c.out = pipe_fds[0];
	c.deadline = clock_ms() + x->timeout_ms;
	r = spawn(&c.pid, x->path, in, pipe_fds[1], env.all);
	close(pipe_fds[1]);
	if (r < 0)
		return err_sys(e, -r, "run %s", x->path);
	c.pidfd = pidfd_open(c.pid, 0);

	return collect(x, &c, ret, ret_len, e);
}
