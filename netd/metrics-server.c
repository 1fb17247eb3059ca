/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics-server - see metrics-server.h */
#include "netd/metrics-server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "netd/address.h"
#include "netd/config.h"
#include "netd/http-loop.h"
#include "netd/local-socket.h"
#include "netd/metrics.h"

#define READERS_MAX 8
#define IDLE_S	    10
#define HEADERS_MAX (8 * 1024)

struct metrics_server {
	struct http_loop server;
	struct metrics *metrics;
	char *path; /* of a unix socket, to be removed; NULL: of a loopback address */
};

/* ---- requests ----------------------------------------------------------------- */

static struct MHD_Response *page_of(struct metrics_server *s)
{
	size_t len = 0;
	char *page = metrics_text(s->metrics, &len);

	return page ? MHD_create_response_from_buffer(len, page, MHD_RESPMEM_MUST_FREE) : NULL;
}

static struct MHD_Response *elsewhere(void)
{
	static char text[] = "GET /metrics is all there is\n";

	return MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result send_away(struct MHD_Connection *connection, unsigned int status,
				 struct MHD_Response *r)
{
	enum MHD_Result sent;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE,
				"text/plain; version=0.0.4; charset=utf-8");
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	sent = MHD_queue_response(connection, status, r);
	MHD_destroy_response(r);

	return sent;
}

/* A body has no meaning here, and is dropped. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *len, void **state)
{
	struct metrics_server *s = ctx;

	(void)version;
	(void)data;
	if (!*state || *len > 0) {
		*state = s;
		*len = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) == 0 && strcmp(url, "/metrics") == 0)
		return send_away(connection, MHD_HTTP_OK, page_of(s));

	return send_away(connection, MHD_HTTP_NOT_FOUND, elsewhere());
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
	static const struct http_limits limits = { .connections = READERS_MAX,
						   .idle_s = IDLE_S,
						   .headers = HEADERS_MAX };
	struct metrics_server *s;
	int fd, r;

	if (!where->path && !ip_is_set(&where->local.ip)) {
		*ret = NULL;
		return 0;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_sys(e, ENOMEM, "serve metrics");
	s->metrics = m;
	r = open_listener(where, group, &fd, e);
	if (r == 0) {
		s->path = where->path ? strdup(where->path) : NULL;
		r = http_loop_start(&s->server, loop, fd, &limits, on_request, NULL, s, e);
	}
	if (r < 0) {
		metrics_server_close(s);
		return r;
	}
	*ret = s;

	return 0;
}

void metrics_server_close(struct metrics_server *s)
{
	if (!s)
		return;
	http_loop_stop(&s->server);
	if (s->path)
		unlink(s->path);
	free(s->path);
	free(s);
}
