/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proc - one plugin process, started as a runtime does, and clocked
 *
 * The clock runs from before the spawn until the process has ended and nobody
 * holds its output pipes: a runtime waits for both.
 *
 * Peak memory is ru_maxrss.  exec() starts it at the peak of the process that
 * spawned, which is why this program is linked statically and keeps large
 * things in files: it stays smaller than any plugin.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define PIPE_ROOM (1 << 20) /* what a process without CAP_SYS_RESOURCE may ask for */

double ms_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) * 1e3 +
	       (double)(now.tv_nsec - start->tv_nsec) / 1e6;
}

static void pipe_open(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		die("make a pipe");
}

/* Return: the read end of a pipe that holds all of @file and has no writer. */
static int pipe_of_file(int file)
{
	struct stat st;
	off_t at = 0;
	int ends[2];

	pipe_open(ends);
	if (fstat(file, &st) < 0)
		die("read a config");
	if (st.st_size > PIPE_ROOM / 16 && fcntl(ends[1], F_SETPIPE_SZ, PIPE_ROOM) < 0)
		die("make a pipe of %d bytes", PIPE_ROOM);
	if (fcntl(ends[1], F_SETFL, O_NONBLOCK) < 0)
		die("make a pipe");
	while (at < st.st_size)
		if (sendfile(ends[1], file, &at, (size_t)(st.st_size - at)) < 0)
			die("a config of %lld bytes does not fit in a pipe", (long long)st.st_size);
	close(ends[1]);

	return ends[0];
}

void proc_start(struct proc *p, const char *path, char *const env[], int config)
{
	char *const argv[] = { (char *)path, NULL };
	posix_spawn_file_actions_t actions;
	int in = pipe_of_file(config);
	int out[2], err[2];

	pipe_open(out);
	pipe_open(err);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);

	clock_gettime(CLOCK_MONOTONIC, &p->start);
	errno = posix_spawn(&p->pid, path, &actions, NULL, argv, env);
	if (errno)
		die("start %s", path);

	posix_spawn_file_actions_destroy(&actions);
	close(in);
	close(out[1]);
	close(err[1]);
	p->out = out[0];
	p->err = err[0];
}

/* All there is until the last writer is gone.  Results are far smaller than a pipe. */
static char *read_all(int fd)
{
	size_t len = 0, room = 4096;
	char *text = grow(NULL, room);
	ssize_t n;

	while ((n = read(fd, text + len, room - len - 1)) != 0) {
		if (n < 0)
			die("read a plugin's output");
		len += (size_t)n;
		if (room - len < 2)
			text = grow(text, room *= 2);
	}
	text[len] = '\0';
	close(fd);

	return grow(text, len + 1); /* results are kept: this program stays small */
}

void proc_finish(struct proc *p, struct proc_end *ret)
{
	struct rusage usage;

	ret->out = read_all(p->out);
	ret->err = read_all(p->err);
	if (wait4(p->pid, &ret->status, 0, &usage) < 0)
		die("wait for a plugin");
	ret->sample.ms = ms_since(&p->start);
	ret->sample.rss_kb = (double)usage.ru_maxrss;
}

void proc_wait_orphans(void)
{
	while (wait(NULL) > 0)
		;
	if (errno != ECHILD)
		die("wait for what a plugin left behind");
}
