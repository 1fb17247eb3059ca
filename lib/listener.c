/* SPDX-License-Identifier: GPL-2.0-or-later */
/* listener - see listener.h. */
#include "lib/listener.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/nl.h"

struct search {
	const struct publish *p;
	uint8_t proto;
	void (*fn)(const struct publish_port *port, void *data);
	void *data;
	uint8_t told[65536 / 8]; /* ports of @proto */
};

/* Whether the process that started this one has the socket open. */
static bool is_of_parent(uint32_t inode)
{
	char path[32], want[32], got[32];
	struct dirent *entry;
	bool found = false;
	ssize_t n;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", getppid());
	snprintf(want, sizeof(want), "socket:[%u]", inode);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		n = readlinkat(dirfd(dir), entry->d_name, got, sizeof(got) - 1);
		got[n > 0 ? n : 0] = '\0';
		found = strcmp(got, want) == 0;
	}
	if (dir)
		closedir(dir);

	return found;
}

static bool shadows(const struct search *s, const struct publish_port *port,
		    const struct inet_diag_msg *msg)
{
	struct ip_addr bound = { .family = msg->idiag_family };

	if (port->proto != s->proto || port->host_port != ntohs(msg->id.idiag_sport))
		return false;
	memcpy(bound.b, msg->id.idiag_src, ip_size(bound.family));
	/* Who listens at :: gets IPv4 as well, as a rule. */
	if (port->host_ip.family != bound.family)
		return bound.family == AF_INET6 && ip_is_unspecified(&bound);

	return ip_is_unspecified(&port->host_ip) || ip_is_unspecified(&bound) ||
	       ip_equal(&port->host_ip, &bound);
}

static int take(const struct nlmsghdr *nlh, void *data)
{
	const struct inet_diag_msg *msg = mnl_nlmsg_get_payload(nlh);
	struct search *s = data;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*msg))
		return 0;
	for (size_t i = 0; i < s->p->n_ports; i++) {
		const struct publish_port *port = &s->p->ports[i];
		uint8_t *told = &s->told[port->host_port / 8];
		uint8_t bit = (uint8_t)(1 << port->host_port % 8);

		if (shadows(s, port, msg) && !(*told & bit) && !is_of_parent(msg->idiag_inode)) {
			*told |= bit;
			s->fn(port, s->data);
		}
	}

	return 0;
}

static int each_family(struct nl *nl, struct search *s, uint8_t family, struct err *e)
{
	/* A UDP socket that waits for anybody is "closed", which is number 7 of TCP's states. */
	uint32_t states = s->proto == IPPROTO_UDP ? 1u << TCP_CLOSE : 1u << TCP_LISTEN;
	struct nlmsghdr *req = nl_put(nl, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, "list listeners");
	struct inet_diag_req_v2 *diag = mnl_nlmsg_put_extra_header(req, sizeof(*diag));
	int r;

	diag->sdiag_family = family;
	diag->sdiag_protocol = s->proto;
	diag->idiag_states = states;
	r = nl_query(nl, take, s, e);

	/* The module of this protocol is not loaded, so nobody listens. */
	return r == -ENOENT || r == -EOPNOTSUPP ? 0 : r;
}

static bool has_proto(const struct publish *p, uint8_t proto)
{
	for (size_t i = 0; i < p->n_ports; i++) {
		if (p->ports[i].proto == proto)
			return true;
	}

	return false;
}

int listener_each(const struct publish *p, void (*fn)(const struct publish_port *port, void *data),
		  void *data, struct err *e)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	AUTO(nl_closep) struct nl *nl = NULL;
	int r = nl_open(NETLINK_SOCK_DIAG, &nl, e);

	if (r < 0)
		return r == -EPROTONOSUPPORT ? 0 : r;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(protocols); i++) {
		struct search s = { .p = p, .proto = protocols[i], .fn = fn, .data = data };

		if (!has_proto(p, s.proto))
			continue;
		r = each_family(nl, &s, AF_INET, e);
		if (r == 0)
			r = each_family(nl, &s, AF_INET6, e);
	}

	return r;
}
