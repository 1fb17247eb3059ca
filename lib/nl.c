/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nl - see nl.h. */
#include "lib/nl.h"

#include <linux/netlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "lib/cleanup.h"
#include "lib/err.h"

#define REPLY_TIMEOUT_S 10
#define RECV_SIZE                                                                                  \
	(64 * 1024) /* a dump fills at most 32 KiB a datagram unless the reader asks for more */
#define WHAT_SIZE  128
#define DUMP_TRIES 16

struct what {
	char text[WHAT_SIZE];
};

struct nl {
	struct mnl_socket *sock;
	unsigned int port;
	uint32_t first_seq; /* of the queued messages; they count up from it */
	uint32_t next_seq;
	char *buf; /* queued messages, back to back */
	size_t used, size;
	struct nlmsghdr *last; /* the message being built, in buf; its length isn't in used yet */
	size_t ack;	       /* where in buf the last nl_put() message is: it asks for the ack */
	struct what *what;     /* a sentence for each queued message */
	size_t n_what, size_what;
	bool oom;
	char *reply;
};

static int sock_setup(struct nl *nl, int bus, struct err *e)
{
	const struct timeval limit = { .tv_sec = REPLY_TIMEOUT_S };
	int one = 1;

	nl->sock = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!nl->sock)
		return err_sys(e, errno, "open a netlink socket");

	/* Older kernels lack these; errors are then without the kernel's words. */
	(void)mnl_socket_setsockopt(nl->sock, NETLINK_EXT_ACK, &one, sizeof(one));
	(void)mnl_socket_setsockopt(nl->sock, NETLINK_CAP_ACK, &one, sizeof(one));
	(void)mnl_socket_setsockopt(nl->sock, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	(void)setsockopt(mnl_socket_get_fd(nl->sock), SOL_SOCKET, SO_RCVTIMEO, &limit,
			 sizeof(limit));

	if (mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) < 0)
		return err_sys(e, errno, "bind a netlink socket");
	nl->port = mnl_socket_get_portid(nl->sock);

	return 0;
}

int nl_open(int bus, struct nl **ret, struct err *e)
{
	AUTO(nl_closep) struct nl *nl = calloc(1, sizeof(*nl));
	int r;

	if (!nl)
		return err_sys(e, ENOMEM, "open a netlink socket");
	nl->first_seq = nl->next_seq = 1;
	nl->size = 2 * NL_ROOM;
	nl->buf = malloc(nl->size);
	nl->reply = malloc(RECV_SIZE);
	if (!nl->buf || !nl->reply)
		return err_sys(e, ENOMEM, "open a netlink socket");
	r = sock_setup(nl, bus, e);
	if (r < 0)
		return r;
	*ret = MOVE_PTR(nl);

	return 0;
}

void nl_close(struct nl *nl)
{
	if (!nl)
		return;
	if (nl->sock)
		mnl_socket_close(nl->sock);
	free(nl->buf);
	free(nl->what);
	free(nl->reply);
	free(nl);
}

void nl_closep(struct nl **nl)
{
	nl_close(*nl);
}

int nl_fd(const struct nl *nl)
{
	return mnl_socket_get_fd(nl->sock);
}

/* The message under construction has its final length once the next one begins. */
static void finish_last(struct nl *nl)
{
	if (nl->last)
		nl->used += MNL_ALIGN(nl->last->nlmsg_len);
	nl->last = NULL;
}

void nl_discard(struct nl *nl)
{
	nl->last = NULL;
	nl->used = 0;
	nl->ack = 0;
	nl->n_what = 0;
	nl->oom = false;
	nl->first_seq = nl->next_seq;
}

/*
 * Makes room for one more message and its sentence.  When memory runs out the
 * queue is lost, which nl_commit() reports; the caller goes on building into
 * the buffer that there is, so that no caller has to check.
 */
static void make_room(struct nl *nl)
{
	if (nl->size - nl->used < NL_ROOM) {
		char *bigger = realloc(nl->buf, 2 * nl->size);

		if (bigger) {
			nl->buf = bigger;
			nl->size *= 2;
		} else {
			nl->oom = true;
			nl->used = 0;
		}
	}
	if (nl->n_what == nl->size_what) {
		size_t more = nl->size_what ? 2 * nl->size_what : 16;
		struct what *bigger = realloc(nl->what, more * sizeof(*bigger));

		if (bigger) {
			nl->what = bigger;
			nl->size_what = more;
		} else {
			nl->oom = true;
			nl->n_what = 0;
		}
	}
}

struct nlmsghdr *nl_put_raw(struct nl *nl, uint16_t type, uint16_t flags)
{
	finish_last(nl);
	make_room(nl);
	nl->last = mnl_nlmsg_put_header(nl->buf + nl->used);
	nl->last->nlmsg_type = type;
	nl->last->nlmsg_flags = NLM_F_REQUEST | flags;
	nl->last->nlmsg_seq = nl->next_seq++;
	if (nl->n_what < nl->size_what)
		nl->what[nl->n_what++].text[0] = '\0';

	return nl->last;
}

struct nlmsghdr *nl_put(struct nl *nl, uint16_t type, uint16_t flags, const char *fmt, ...)
{
	struct nlmsghdr *nlh = nl_put_raw(nl, type, flags);
	va_list ap;

	nl->ack = nl->used;
	if (nl->n_what > 0) {
		va_start(ap, fmt);
		vsnprintf(nl->what[nl->n_what - 1].text, WHAT_SIZE, fmt, ap);
		va_end(ap);
	}

	return nlh;
}

static int ext_ack_attr(const struct nlattr *attr, void *data)
{
	const char **text = data;

	if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		*text = mnl_attr_get_str(attr);

	return MNL_CB_OK;
}

/* The kernel's own words behind the first @offset bytes of an error message, NULL if it has none.
 */
static const char *ext_ack(const struct nlmsghdr *nlh, size_t offset)
{
	const char *text = NULL;

	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
		(void)mnl_attr_parse(nlh, (unsigned int)offset, ext_ack_attr, &text);

	return text;
}

/* What stands before the attributes.  Without NLM_F_CAPPED it is the whole request. */
static size_t error_size(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_flags & NLM_F_CAPPED)
		return sizeof(*err);

	return sizeof(*err) + err->msg.nlmsg_len - sizeof(err->msg);
}

static int report(const struct nl *nl, const struct nlmsghdr *nlh, int sys, const char *words,
		  struct err *e)
{
	uint32_t at = nlh->nlmsg_seq - nl->first_seq;
	const char *what = at < nl->n_what ? nl->what[at].text : "";

	err_sys(e, sys, "%s", *what ? what : "netlink");
	if (words && e) {
		size_t len = strlen(e->msg);

		snprintf(e->msg + len, sizeof(e->msg) - len, " (%s)", words);
	}

	return -sys;
}

/* What one run through the replies has found. */
struct outcome {
	struct nl *nl;
	int (*cb)(const struct nlmsghdr *nlh, void *data);
	void *data;
	struct err *e;
	int r;		  /* first error */
	size_t failed;	  /* position of the message it belongs to */
	bool interrupted; /* NLM_F_DUMP_INTR was seen */
	bool single;	  /* one reply is all there is */
	bool done;	  /* nothing more will come */
};

static void take_error(struct outcome *o, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_len < mnl_nlmsg_size(sizeof(*err)) || err->error == 0)
		return;
	if (o->r == 0) {
		o->r = report(o->nl, nlh, -err->error, ext_ack(nlh, error_size(nlh)), o->e);
		o->failed = nlh->nlmsg_seq - o->nl->first_seq;
	}
}

static void take_done(struct outcome *o, const struct nlmsghdr *nlh)
{
	const int *status = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_len >= mnl_nlmsg_size(sizeof(*status)) && *status < 0 && o->r == 0)
		o->r = report(o->nl, nlh, -*status, ext_ack(nlh, sizeof(*status)), o->e);
	o->done = true;
}

static void take_reply(struct outcome *o, const struct nlmsghdr *nlh)
{
	int r;

	if (!o->cb || o->r < 0)
		return;
	r = o->cb(nlh, o->data);
	if (r < 0)
		o->r = r;
}

/*
 * The error of a mark (no sentence) stands for its whole batch, and may be all
 * that is ever said: a stale generation, no permission, no such subsystem.
 * Source: nfnetlink_rcv_batch() in net/netfilter/nfnetlink.c.
 */
static bool ends_batch(const struct nl *nl, uint32_t seq)
{
	uint32_t at = seq - nl->first_seq;

	return at < nl->n_what && nl->what[at].text[0] == '\0';
}

/*
 * Walks one datagram.  @last_seq is the message that asked for the ack: its
 * error or ack, or the end of its dump, is the end of the conversation.
 * Messages of an earlier, abandoned conversation are passed over.
 */
static void take(struct outcome *o, const struct nlmsghdr *nlh, int len, uint32_t last_seq)
{
	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_seq - o->nl->first_seq > last_seq - o->nl->first_seq)
			continue;
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			o->interrupted = true;
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			take_error(o, nlh);
			o->done = o->done || nlh->nlmsg_seq == last_seq ||
				  ends_batch(o->nl, nlh->nlmsg_seq);
		} else if (nlh->nlmsg_type == NLMSG_DONE) {
			take_done(o, nlh);
		} else if (nlh->nlmsg_type >= NLMSG_MIN_TYPE) {
			take_reply(o, nlh);
			o->done = o->done || o->single;
		}
	}
}

static int receive(struct outcome *o, uint32_t last_seq)
{
	struct nl *nl = o->nl;

	while (!o->done && o->r != -ECANCELED) {
		ssize_t n = mnl_socket_recvfrom(nl->sock, nl->reply, RECV_SIZE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(o->e, errno, "%s: wait for the kernel's answer",
				       nl->n_what ? nl->what[0].text : "netlink");
		take(o, (const struct nlmsghdr *)nl->reply, (int)n, last_seq);
	}

	return o->r;
}

/* The kernel refuses a queue that is longer than the send buffer (EMSGSIZE). */
static void widen_send_buffer(struct nl *nl)
{
	int fd = mnl_socket_get_fd(nl->sock);
	int want = (int)nl->used + NL_ROOM, have = 0;
	socklen_t len = sizeof(have);

	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &have, &len) == 0 && have >= want)
		return;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &want, sizeof(want)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &want, sizeof(want));
}

static int send_queue(struct nl *nl, struct err *e)
{
	ssize_t n;

	if (nl->used > 4 * NL_ROOM)
		widen_send_buffer(nl);
	do
		n = mnl_socket_sendto(nl->sock, nl->buf, nl->used);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, errno, "%s: send to the kernel",
			       nl->n_what ? nl->what[0].text : "netlink");

	return 0;
}

/* The message that asks for the ack, as older kernels ignore the wish on a batch's end mark. */
static struct nlmsghdr *ack_of(struct nl *nl)
{
	return (struct nlmsghdr *)(nl->buf + nl->ack);
}

/* One send of the queue and all that the kernel answers; the queue stays. */
static int exchange(struct outcome *o)
{
	struct nl *nl = o->nl;
	int r;

	finish_last(nl);
	if (nl->oom)
		r = err_sys(o->e, ENOMEM, "build a netlink request");
	else
		r = send_queue(nl, o->e);

	return r < 0 ? r : receive(o, ack_of(nl)->nlmsg_seq);
}

int nl_commit_at(struct nl *nl, size_t *ret_failed, struct err *e)
{
	struct outcome o = { .nl = nl, .e = e };
	int r;

	if (!nl->last)
		return 0;
	ack_of(nl)->nlmsg_flags |= NLM_F_ACK;
	r = exchange(&o);
	nl_discard(nl);
	if (r < 0 && ret_failed)
		*ret_failed = o.failed;

	return r;
}

int nl_commit(struct nl *nl, struct err *e)
{
	return nl_commit_at(nl, NULL, e);
}

int nl_query(struct nl *nl, int (*cb)(const struct nlmsghdr *nlh, void *data), void *data,
	     struct err *e)
{
	bool dump = (nl->last->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	struct outcome o;
	int tries = 0, r;

	do {
		o = (struct outcome){ .nl = nl, .cb = cb, .data = data, .e = e, .single = !dump };
		r = exchange(&o);
	} while (r == 0 && o.interrupted && ++tries < DUMP_TRIES);

	if (r == 0 && o.interrupted)
		r = err_cni(e, CNI_E_AGAIN, "%s: the list kept changing while it was read",
			    nl->n_what ? nl->what[0].text : "netlink");
	nl_discard(nl);

	return r;
}
