/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port - see port.h. */
#include "netd/port.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "netd/address.h"
#include "netd/config.h"
#include "overlay/env.h"

#define BATCH	     16	  /* datagrams read by one call */
#define DRAIN_MOST   4096 /* datagrams, so that a flood does not hold port_drain() for ever */
#define ACCEPT_BATCH 16
#define BACKLOG	     64
#define RECEIVE_ROOM (1024 * 1024) /* bytes that wait in the kernel while this process is busy */
#define ACCEPT_REST  1.0	   /* seconds, when there are no descriptors left */

/* A datagram, and one byte that tells a longer one. */
#define SLOT	     (DATAGRAM_MAX + 1)
#define CONTROL_ROOM (CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint32_t)))

struct pair {
	struct port *port;
	struct node_addr addr;
	struct ev_io udp, tcp;
	uint32_t overflown; /* SO_RXQ_OVFL's count when it was last seen */
};

struct port {
	struct ev_loop *loop;
	const struct port_ops *ops;
	void *ctx;
	struct pair pairs[CONFIG_LISTEN_MAX];
	size_t n;
	struct ev_timer rest; /* until connections are accepted again */
	struct port_counters counters;
	uint8_t data[BATCH][SLOT];
	_Alignas(struct cmsghdr) uint8_t control[BATCH][CONTROL_ROOM];
};

/* ---- receiving ------------------------------------------------------------------------ */

static void read_local(const struct cmsghdr *c, struct ip_addr *ret)
{
	const struct in_pktinfo *v4 = (const void *)CMSG_DATA(c);
	const struct in6_pktinfo *v6 = (const void *)CMSG_DATA(c);

	*ret = (struct ip_addr){ .family = c->cmsg_level == IPPROTO_IP ? AF_INET : AF_INET6 };
	if (ret->family == AF_INET)
		memcpy(ret->b, &v4->ipi_addr, sizeof(v4->ipi_addr));
	else
		memcpy(ret->b, &v6->ipi6_addr, sizeof(v6->ipi6_addr));
}

static void count_overflow(struct pair *pair, const struct cmsghdr *c)
{
	uint32_t now;

	memcpy(&now, CMSG_DATA(c), sizeof(now));
	pair->port->counters.kernel_dropped += now - pair->overflown;
	pair->overflown = now;
}

static void read_control(struct pair *pair, struct msghdr *h, struct port_path *path)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL)
			count_overflow(pair, c);
		else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) ||
			 (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO))
			read_local(c, &path->local);
	}
}

static void hand_over(struct pair *pair, struct mmsghdr *m, const uint8_t *data)
{
	struct port *p = pair->port;
	struct port_path path = { 0 };

	p->counters.datagrams_in++;
	p->counters.bytes_in += m->msg_len;
	read_control(pair, &m->msg_hdr, &path);
	if (!address_of_socket(m->msg_hdr.msg_name, &path.from))
		return;

	if (m->msg_hdr.msg_flags & MSG_TRUNC || m->msg_len > DATAGRAM_MAX)
		p->counters.giant++;
	else if (m->msg_len == 0)
		p->counters.empty++;
	else
		p->ops->datagram(p->ctx, &path, data, m->msg_len);
}

/* Return: how many datagrams there were. */
static unsigned int receive_batch(struct pair *pair)
{
	struct port *p = pair->port;
	struct sockaddr_storage from[BATCH];
	struct iovec data[BATCH];
	struct mmsghdr m[BATCH] = { 0 };
	int n;

	for (unsigned int i = 0; i < BATCH; i++) {
		data[i] = (struct iovec){ .iov_base = p->data[i], .iov_len = SLOT };
		m[i].msg_hdr = (struct msghdr){ .msg_name = &from[i],
						.msg_namelen = sizeof(from[i]),
						.msg_iov = &data[i],
						.msg_iovlen = 1,
						.msg_control = p->control[i],
						.msg_controllen = CONTROL_ROOM };
	}
	n = recvmmsg(pair->udp.fd, m, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		hand_over(pair, &m[i], p->data[i]);

	return n < 0 ? 0 : (unsigned int)n;
}

/* One batch a turn of the loop: what is left wakes it at once. */
static void on_datagrams(struct ev_loop *loop, struct ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	receive_batch(io->data);
}

void port_drain(struct port *p)
{
	for (size_t i = 0; i < p->n; i++)
		for (unsigned int n = 0; n < DRAIN_MOST / BATCH; n++)
			if (receive_batch(&p->pairs[i]) < BATCH)
				break;
}

/* ---- connections ---------------------------------------------------------------------- */

static void on_rested(struct ev_loop *loop, struct ev_timer *t, int revents)
{
	struct port *p = t->data;

	(void)revents;
	for (size_t i = 0; i < p->n; i++)
		ev_io_start(loop, &p->pairs[i].tcp);
}

/* Without a descriptor for it a connection stays in the queue, and would wake us for ever. */
static void rest(struct port *p)
{
	for (size_t i = 0; i < p->n; i++)
		ev_io_stop(p->loop, &p->pairs[i].tcp);
	ev_timer_stop(p->loop, &p->rest);
	ev_timer_set(&p->rest, ACCEPT_REST, 0);
	ev_timer_start(p->loop, &p->rest);
}

static bool accept_one(struct pair *pair)
{
	struct port *p = pair->port;
	struct sockaddr_storage from = { 0 }, local = { 0 };
	socklen_t from_len = sizeof(from), local_len = sizeof(local);
	struct port_path path = { 0 };
	struct node_addr here;
	AUTO_FD int fd = accept4(pair->tcp.fd, (struct sockaddr *)&from, &from_len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno == EAGAIN)
			return false;
		p->counters.accept_failed++;
		if (errno == ECONNABORTED || errno == EINTR)
			return true;
		rest(p);
		return false;
	}
	if (!address_of_socket(&from, &path.from))
		return true;
	if (getsockname(fd, (struct sockaddr *)&local, &local_len) == 0 &&
	    address_of_socket(&local, &here))
		path.local = here.ip;
	p->counters.accepted++;
	p->ops->accepted(p->ctx, MOVE_FD(fd), &path);

	return true;
}

static void on_connections(struct ev_loop *loop, struct ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	for (unsigned int i = 0; i < ACCEPT_BATCH; i++)
		if (!accept_one(io->data))
			break;
}

/* ---- opening -------------------------------------------------------------------------- */

static int set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

/* Whatever only makes it better is not checked. */
static int prepare_socket(int fd, const struct node_addr *a, int type)
{
	bool v6 = a->ip.family == AF_INET6;
	int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;

	if (v6 && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0)
		return -errno;
	if (set_option(fd, level, v6 ? IPV6_FREEBIND : IP_FREEBIND, 1) < 0)
		return -errno;
	if (type == SOCK_STREAM)
		return set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0 ? -errno : 0;

	if (set_option(fd, level, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1) < 0)
		return -errno;
	/* An underlay of a smaller MTU gets fragments instead of silence; one value for both. */
	set_option(fd, level, v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	set_option(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
	if (set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_ROOM) < 0)
		set_option(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_ROOM);

	return 0;
}

static int open_socket(const struct node_addr *a, int type, struct err *e)
{
	AUTO_FD int fd = socket(a->ip.family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const char *name = type == SOCK_STREAM ? "TCP" : "UDP";
	struct sockaddr_storage s;
	char text[ADDRESS_STRLEN];
	int r;

	if (fd < 0)
		return err_sys(e, errno, "make a %s socket for %s", name, address_str(a, text));
	r = prepare_socket(fd, a, type);
	if (r < 0)
		return err_sys(e, -r, "set up the %s socket of %s", name, address_str(a, text));
	if (bind(fd, (struct sockaddr *)&s, address_to_socket(a, &s)) < 0)
		return err_sys(e, errno, "listen on %s port of %s", name, address_str(a, text));
	if (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)
		return err_sys(e, errno, "listen on %s", address_str(a, text));

	return MOVE_FD(fd);
}

static int open_pair(struct port *p, const struct node_addr *a, struct err *e)
{
	struct pair *pair = &p->pairs[p->n];
	AUTO_FD int udp = -1;
	int tcp;

	udp = open_socket(a, SOCK_DGRAM, e);
	if (udp < 0)
		return udp;
	tcp = open_socket(a, SOCK_STREAM, e);
	if (tcp < 0)
		return tcp;

	*pair = (struct pair){ .port = p, .addr = *a };
	ev_io_init(&pair->udp, on_datagrams, MOVE_FD(udp), EV_READ);
	ev_io_init(&pair->tcp, on_connections, tcp, EV_READ);
	pair->udp.data = pair->tcp.data = pair;
	/* What has arrived is heard before timers decide that it has not. */
	ev_set_priority(&pair->udp, 1);
	ev_io_start(p->loop, &pair->udp);
	ev_io_start(p->loop, &pair->tcp);
	p->n++;

	return 0;
}

int port_open(struct ev_loop *loop, const struct node_addr *addrs, size_t n,
	      const struct port_ops *ops, void *ctx, struct port **ret, struct err *e)
{
	struct port *p = calloc(1, sizeof(*p));
	int r = 0;

	assert(n <= CONFIG_LISTEN_MAX);
	if (!p)
		return err_sys(e, ENOMEM, "listen on %zu addresses", n);
	p->loop = loop;
	p->ops = ops;
	p->ctx = ctx;
	ev_timer_init(&p->rest, on_rested, 0, 0);
	p->rest.data = p;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = open_pair(p, &addrs[i], e);
	if (r < 0) {
		port_close(p);
		return r;
	}
	*ret = p;

	return 0;
}

void port_close(struct port *p)
{
	if (!p)
		return;
	ev_timer_stop(p->loop, &p->rest);
	for (size_t i = 0; i < p->n; i++) {
		ev_io_stop(p->loop, &p->pairs[i].udp);
		ev_io_stop(p->loop, &p->pairs[i].tcp);
		close(p->pairs[i].udp.fd);
		close(p->pairs[i].tcp.fd);
	}
	free(p);
}

/* ---- sending -------------------------------------------------------------------------- */

int port_source(const struct node_addr *to, struct ip_addr *ret)
{
	AUTO_FD int fd = socket(to->ip.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage s = { 0 };
	socklen_t len = sizeof(s);
	struct node_addr here;

	if (fd < 0)
		return -errno;
	/* Nothing is sent: connecting a datagram socket is a lookup. */
	if (connect(fd, (struct sockaddr *)&s, address_to_socket(to, &s)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&s, &len) < 0)
		return -errno;
	if (!address_of_socket(&s, &here))
		return -EAFNOSUPPORT;
	*ret = here.ip;

	return 0;
}

static const struct pair *pair_of(const struct port *p, const struct node_addr *to,
				  const struct ip_addr *from)
{
	const struct pair *any = NULL;

	for (size_t i = 0; i < p->n; i++) {
		const struct pair *one = &p->pairs[i];

		if (one->addr.ip.family != to->ip.family)
			continue;
		if (ip_is_set(from) && ip_equal(&one->addr.ip, from))
			return one;
		if (!any || ip_is_unspecified(&one->addr.ip))
			any = one;
	}

	return any;
}

static void put_local(struct msghdr *h, const struct ip_addr *from)
{
	struct cmsghdr *c = h->msg_control;
	bool v6 = from->family == AF_INET6;
	struct in_pktinfo v4 = { 0 };
	struct in6_pktinfo six = { 0 };
	size_t len = v6 ? sizeof(six) : sizeof(v4);

	memcpy(&v4.ipi_spec_dst, from->b, sizeof(v4.ipi_spec_dst));
	memcpy(&six.ipi6_addr, from->b, sizeof(six.ipi6_addr));
	c->cmsg_level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	c->cmsg_type = v6 ? IPV6_PKTINFO : IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), v6 ? (const void *)&six : (const void *)&v4, len);
	h->msg_controllen = CMSG_SPACE(len);
}

static int count_failure(struct port *p, int error)
{
	if (error == EAGAIN || error == ENOBUFS)
		p->counters.send_full++;
	else
		p->counters.send_failed++;

	return -error;
}

int port_send(struct port *p, const struct node_addr *to, const struct ip_addr *from,
	      const uint8_t *data, size_t len)
{
	const struct pair *pair = pair_of(p, to, from);
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_ROOM] = { 0 };
	struct sockaddr_storage s;
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr h = { .msg_name = &s, .msg_iov = &iov, .msg_iovlen = 1 };

	if (!pair)
		return count_failure(p, EAFNOSUPPORT);
	h.msg_namelen = address_to_socket(to, &s);
	h.msg_control = control;
	if (from->family == to->ip.family && ip_is_unspecified(&pair->addr.ip))
		put_local(&h, from);
	if (h.msg_controllen == 0)
		h.msg_control = NULL;
	if (sendmsg(pair->udp.fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return count_failure(p, errno);
	p->counters.datagrams_out++;
	p->counters.bytes_out += len;

	return 0;
}

const struct port_counters *port_counters(const struct port *p)
{
	return &p->counters;
}
