/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pass - see pass.h */
#include "netd/pass.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/coexist.h"
#include "lib/err.h"
#include "lib/linger.h"
#include "lib/nl.h"
#include "lib/ruleset.h"

#define LOG_AREA "pass"
#include "netd/log.h"

static const uint8_t families[] = { AF_INET, AF_INET6 };

static void failed(struct pass *p, const char *why)
{
	static struct log_pace pace;

	if (p->failures)
		++*p->failures;
	log_paced(&pace, LOG_WARNING, LOG_AREA,
		  "what containers of other hosts send may be dropped: %s", why);
}

/* ---- the child --------------------------------------------------------------- */

/* The loop's handlers would write to descriptors that are other files here. */
static void forget_handlers(void)
{
	static const int handled[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP };

	for (size_t i = 0; i < ARRAY_SIZE(handled); i++)
		signal(handled[i], SIG_DFL);
}

static int insert(struct err *e)
{
	struct nl *nl = NULL;
	struct err next;
	uint32_t mark;
	int r = nl_open(NETLINK_NETFILTER, &nl, e);

	if (r == 0)
		r = ruleset_get_mark(nl, 0, &mark, e);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(families); i++)
		r = err_keep(r, e, coexist_add(nl, families[i], mark, &next), &next);
	nl_close(nl);

	return r;
}

/* Descriptor 0 is the pipe. */
static void insert_and_tell(void *data)
{
	struct err e = { 0 };

	(void)data;
	forget_handlers();
	if (insert(&e) < 0)
		(void)!write(0, e.msg, strlen(e.msg));
}

/* ---- the loop ------------------------------------------------------------------ */

/* Return: 1 if the rule is missing somewhere, 0, or a negative errno. */
static int is_missing(struct pass *p, struct err *e)
{
	uint32_t mark;
	int r = ruleset_get_mark(p->nl, 0, &mark, e);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(families); i++)
		r = coexist_check(p->nl, families[i], mark, e);

	return r == -ESTALE ? 1 : r;
}

static void ended(struct pass *p)
{
	ev_io_stop(p->loop, &p->io);
	close(p->io.fd);
	p->said[p->len] = '\0';
	if (p->len > 0)
		failed(p, p->said);
	p->len = 0;
	if (!p->again)
		return;
	p->again = false;
	pass_ask(p);
}

static void readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct pass *p = io->data;
	ssize_t n = read(io->fd, p->said + p->len, sizeof(p->said) - 1 - p->len);

	(void)loop;
	(void)events;
	if (n > 0)
		p->len += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		ended(p);
}

/* Return: 0, or a negative errno: there is no child. */
static int begin(struct pass *p)
{
	int pipes[2], r;

	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	r = linger_fork(pipes[1], insert_and_tell, NULL);
	close(pipes[1]);
	if (r < 0) {
		close(pipes[0]);
		return r;
	}
	ev_io_set(&p->io, pipes[0], EV_READ);
	ev_io_start(p->loop, &p->io);

	return 0;
}

void pass_ask(struct pass *p)
{
	struct err e = { 0 };
	int r;

	if (ev_is_active(&p->io)) {
		p->again = true;
		return;
	}
	r = is_missing(p, &e);
	if (r > 0 && (r = begin(p)) < 0)
		(void)err_sys(&e, -r, "start a child");
	if (r < 0)
		failed(p, e.msg);
}

int pass_is_done(const struct pass *p, struct err *e)
{
	if (!ev_is_active(&p->io))
		return 0;

	return err_cni(
		e, CNI_E_AGAIN,
		"chain FORWARD of other tools does not let containers of other hosts through "
		"yet: iptables is at it");
}

void pass_init(struct pass *p, struct ev_loop *loop, struct nl *nl, uint64_t *failures)
{
	*p = (struct pass){ .loop = loop, .nl = nl, .failures = failures };
	ev_init(&p->io, readable);
	p->io.data = p;
}

void pass_stop(struct pass *p)
{
	if (!p->loop || !ev_is_active(&p->io))
		return;
	ev_io_stop(p->loop, &p->io);
	close(p->io.fd);
}
