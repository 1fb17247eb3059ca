/* SPDX-License-Identifier: GPL-2.0-or-later */
/* program - see program.h. */
#include "lib/program.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"

/* The child's stdin, stdout and stderr. */
static int open_files(int fds[3], struct err *e)
{
	for (int i = 0; i < 3; i++) {
		fds[i] = memfd_create("program", MFD_CLOEXEC);
		if (fds[i] < 0)
			return err_sys(e, errno, "make a temporary file for a program");
	}

	return 0;
}

static void close_files(int (*fds)[3])
{
	for (int i = 0; i < 3; i++)
		cleanup_fd(&(*fds)[i]);
}

static int fill_file(int fd, const char *text, struct err *e)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return err_sys(e, errno, "write a program's input");
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, errno, "write a program's input");

	return 0;
}

static int read_file(int fd, char **ret, struct err *e)
{
	AUTO_FREE char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "read what a program said");
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return err_sys(e, ENOMEM, "read what a program said");
	n = pread(fd, text, (size_t)st.st_size, 0);
	if (n < 0)
		return err_sys(e, errno, "read what a program said");
	text[n] = '\0';
	*ret = MOVE_PTR(text);

	return 0;
}

/* An engine's PATH may lack the directories of the administrator. */
static int spawn(pid_t *ret, const char *const argv[], const posix_spawn_file_actions_t *files)
{
	static const char *const dirs[] = { "", "/usr/sbin/", "/sbin/", "/usr/local/sbin/" };
	size_t n = *argv[0] == '/' ? 1 : ARRAY_SIZE(dirs);
	char path[4096];
	int r = ENOENT;

	for (size_t i = 0; i < n && r == ENOENT; i++) {
		snprintf(path, sizeof(path), "%s%s", dirs[i], argv[0]);
		r = posix_spawnp(ret, path, files, NULL, (char *const *)argv, environ);
	}

	return r;
}

static int spawn_on_files(pid_t *ret, const char *const argv[], const int fds[3], struct err *e)
{
	posix_spawn_file_actions_t files;
	int r;

	r = posix_spawn_file_actions_init(&files);
	for (int i = 0; i < 3 && r == 0; i++)
		r = posix_spawn_file_actions_adddup2(&files, fds[i], i);
	if (r == 0)
		r = spawn(ret, argv, &files);
	posix_spawn_file_actions_destroy(&files);

	return r ? err_sys(e, r, "run %s", argv[0]) : 0;
}

static int wait_for(pid_t pid, const char *name, int *ret, struct err *e)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, errno, "wait for %s", name);
	*ret = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	return 0;
}

void program_clear(struct program_end *end)
{
	free(end->output);
	free(end->said);
	*end = (struct program_end){ 0 };
}

int program_run(const char *const argv[], const char *input, struct program_end *ret, struct err *e)
{
	AUTO(program_clear) struct program_end end = { 0 };
	AUTO(close_files) int fds[3] = { -1, -1, -1 };
	pid_t pid;
	int r;

	if ((r = open_files(fds, e)) < 0 || (r = fill_file(fds[0], input, e)) < 0 ||
	    (r = spawn_on_files(&pid, argv, fds, e)) < 0 ||
	    (r = wait_for(pid, argv[0], &end.status, e)) < 0 ||
	    (r = read_file(fds[1], &end.output, e)) < 0 ||
	    (r = read_file(fds[2], &end.said, e)) < 0)
		return r;
	ret->status = end.status;
	ret->output = MOVE_PTR(end.output);
	ret->said = MOVE_PTR(end.said);

	return 0;
}
