/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics-server - the page by HTTP, one answer a connection
 *
 * It is for one reader every few seconds, so a request is read up to its blank
 * line, answered and closed; whoever takes longer than TIMEOUT_S, or sends more
 * than a page of headers, is closed too.
 *
 * Source: RFC 9112, as little of it as a scraper needs.
 */
#include "netd/metrics-private.h"

#include <errno.h>
#include <ev.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "netd/address.h"
#include "netd/config.h"
#include "netd/local-socket.h"

#define READERS_MAX 8
#define REQUEST_MAX 4096
#define TIMEOUT_S   10.0

struct reader {
	struct metrics_server *server;
	struct reader *next, **at;
	ev_io io;
	ev_timer timeout;
	char request[REQUEST_MAX + 1];
	size_t n;
	char *answer; /* NULL as long as the request is read */
	size_t len, sent;
};

struct metrics_server {
	struct metrics *metrics;
	struct ev_loop *loop;
	ev_io io;
	char *path; /* of a unix socket, to be removed */
	struct reader *readers;
	size_t n_readers;
};

static void end_reader(struct reader *r)
{
	struct metrics_server *s = r->server;

	ev_io_stop(s->loop, &r->io);
	ev_timer_stop(s->loop, &r->timeout);
	close(r->io.fd);
	*r->at = r->next;
	if (r->next)
		r->next->at = r->at;
	s->n_readers--;
	free(r->answer);
	free(r);
}

/* Return: NULL when there is no memory. */
static char *make_answer(const char *status, const char *body, size_t body_len, size_t *ret_len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_len);

	if (!out)
		return NULL;
	fprintf(out,
		"HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
		"Content-Length: %zu\r\nConnection: close\r\n\r\n",
		status, body_len);
	fwrite(body, 1, body_len, out);
	if (fclose(out) == 0)
		return text;
	free(text);

	return NULL;
}

static char *answer_to(struct metrics_server *s, const char *request, size_t *ret_len)
{
	static const char *const elsewhere = "GET /metrics is all there is\n";
	AUTO_FREE char *page = NULL;
	size_t len = 0;

	if (strncmp(request, "GET /metrics ", 13) != 0)
		return make_answer("404 Not Found", elsewhere, strlen(elsewhere), ret_len);
	page = metrics_text(s->metrics, &len);

	return page ? make_answer("200 OK", page, len, ret_len) : NULL;
}

static void write_more(struct reader *r)
{
	ssize_t n = send(r->io.fd, r->answer + r->sent, r->len - r->sent, MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		r->sent += (size_t)n;
	if (n <= 0 || r->sent == r->len)
		end_reader(r);
}

static void begin_answer(struct reader *r)
{
	r->answer = answer_to(r->server, r->request, &r->len);
	if (!r->answer) {
		end_reader(r);
		return;
	}
	ev_io_stop(r->server->loop, &r->io);
	ev_io_set(&r->io, r->io.fd, EV_WRITE);
	ev_io_start(r->server->loop, &r->io);
}

static void read_more(struct reader *r)
{
	ssize_t n = recv(r->io.fd, r->request + r->n, REQUEST_MAX - r->n, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		r->n += (size_t)n;
	r->request[r->n] = '\0';
	if (n > 0 && strstr(r->request, "\r\n\r\n"))
		begin_answer(r);
	else if (n <= 0 || r->n == REQUEST_MAX)
		end_reader(r);
}

static void on_reader(struct ev_loop *loop, ev_io *io, int events)
{
	struct reader *r = io->data;

	(void)loop;
	(void)events;
	if (r->answer)
		write_more(r);
	else
		read_more(r);
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	end_reader(timer->data);
}

static void begin_reader(struct metrics_server *s, int fd)
{
	struct reader *r = calloc(1, sizeof(*r));

	if (!r) {
		close(fd);
		return;
	}
	r->server = s;
	ev_io_init(&r->io, on_reader, fd, EV_READ);
	ev_timer_init(&r->timeout, on_timeout, TIMEOUT_S, 0);
	r->io.data = r;
	r->timeout.data = r;
	r->next = s->readers;
	r->at = &s->readers;
	if (r->next)
		r->next->at = &r->next;
	s->readers = r;
	s->n_readers++;
	ev_io_start(s->loop, &r->io);
	ev_timer_start(s->loop, &r->timeout);
}

static void on_listener(struct ev_loop *loop, ev_io *io, int events)
{
	struct metrics_server *s = io->data;
	int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)loop;
	(void)events;
	if (fd < 0)
		return;
	if (s->n_readers < READERS_MAX)
		begin_reader(s, fd);
	else
		close(fd);
}

/* ---- listening ---------------------------------------------------------------- */

static int listen_loopback(const struct node_addr *addr, int *ret, struct err *e)
{
	char text[ADDRESS_STRLEN];
	struct sockaddr_storage to;
	socklen_t len = address_to_socket(addr, &to);
	AUTO_FD int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&to, len) < 0 || listen(fd, READERS_MAX) < 0)
		return err_sys(e, errno, "listen on %s for metrics", address_str(addr, text));
	*ret = MOVE_FD(fd);

	return 0;
}

static int open_listener(const struct config_metrics *where, gid_t group, int *ret, struct err *e)
{
	if (where->path)
		return local_socket_listen(where->path, group, ret, e);

	return listen_loopback(&where->local, ret, e);
}

int metrics_server_open(struct metrics *m, struct ev_loop *loop, const struct config_metrics *where,
			gid_t group, struct metrics_server **ret, struct err *e)
{
	struct metrics_server *s;
	int fd, r;

	if (!where->path && !ip_is_set(&where->local.ip))
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_sys(e, ENOMEM, "serve metrics");
	r = open_listener(where, group, &fd, e);
	if (r < 0) {
		free(s);
		return r;
	}
	s->metrics = m;
	s->loop = loop;
	s->path = where->path ? strdup(where->path) : NULL;
	ev_io_init(&s->io, on_listener, fd, EV_READ);
	s->io.data = s;
	ev_io_start(loop, &s->io);
	*ret = s;

	return 0;
}

void metrics_server_close(struct metrics_server *s)
{
	if (!s)
		return;
	while (s->readers)
		end_reader(s->readers);
	ev_io_stop(s->loop, &s->io);
	close(s->io.fd);
	if (s->path)
		unlink(s->path);
	free(s->path);
	free(s);
}
