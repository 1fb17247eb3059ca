/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plane - the data plane of netd, driven by hand
 *
 * Reads commands, one a line, and answers each with a line: "ok" and what was asked
 * for, or "error" and why.  It ends with its input, or with "quit", as a daemon would: the
 * kernel keeps everything.  For tests/e2e/plane.bats, and
 * for whoever wants to see what netd/ does to a kernel:
 *
 *	vtep 10.0.0.1
 *	serve 01 blue 4096 4789 0 02:00:00:00:00:01 02:00:00:00:00:0a
 *masq,pin 10.1.0.0/24,10.1.0.1,10.1.0.2 peer 01 10.0.0.2 endpoint 01 10.1.0.20
 *02:00:00:00:01:20 10.0.0.2 attach 01 blue c1 02:00:00:00:01:10 10.1.0.10
 *
 * A network's id is hex digits, filled up with zeros.
 */
#include <ctype.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/mac.h"
#include "netd/plane.h"
#include "netd/underlay.h"

#define ARGS_MAX     16
#define LINE_MAX_LEN 4096

struct driver {
	struct ev_loop *loop;
	struct underlay *underlay;
	struct plane *plane;
	char line[LINE_MAX_LEN];
	size_t len;
};

struct args {
	const char *of[ARGS_MAX];
	size_t n;
};

/* ---- words ------------------------------------------------------------------------ */

/* Missing words are empty ones, which no reader takes. */
static const char *word(const struct args *a, size_t i)
{
	return i < a->n ? a->of[i] : "";
}

static int read_id(const char *text, struct network_id *ret, struct err *e)
{
	size_t len = strlen(text);

	*ret = (struct network_id){ 0 };
	if (len == 0 || len % 2 || len / 2 > sizeof(ret->b))
		return err_say(e, EINVAL, "\"%s\" is no network's id", text);
	for (size_t i = 0; i < len / 2; i++)
		if (sscanf(text + 2 * i, "%2hhx", &ret->b[i]) != 1)
			return err_say(e, EINVAL, "\"%s\" is no network's id", text);

	return 0;
}

static int read_ip(const char *text, struct ip_addr *ret, struct err *e)
{
	return ip_parse(text, ret) < 0 ? err_say(e, EINVAL, "\"%s\" is no address", text) : 0;
}

static int read_mac(const char *text, uint8_t ret[6], struct err *e)
{
	return mac_parse(text, ret) < 0 ? err_say(e, EINVAL, "\"%s\" is no MAC", text) : 0;
}

/* SUBNET,GATEWAY,OWN; "-" for an address that there is none of. */
static int read_subnet(const char *text, struct plane_subnet *ret, struct err *e)
{
	char net[IP_NET_STRLEN] = "", gateway[IP_STRLEN] = "", own[IP_STRLEN] = "";

	*ret = (struct plane_subnet){ 0 };
	if (sscanf(text, "%49[^,],%45[^,],%45s", net, gateway, own) != 3 ||
	    ip_net_parse(net, &ret->net) < 0 ||
	    (strcmp(gateway, "-") != 0 && ip_parse(gateway, &ret->gateway) < 0) ||
	    (strcmp(own, "-") != 0 && ip_parse(own, &ret->own) < 0))
		return err_say(e, EINVAL, "\"%s\" is not SUBNET,GATEWAY,OWN", text);

	return 0;
}

static void read_flags(const char *text, struct plane_network *net)
{
	net->internal = strstr(text, "internal") != NULL;
	net->masquerade = strstr(text, "masq") != NULL;
	net->multicast = strstr(text, "multicast") != NULL;
	net->pin = strstr(text, "pin") != NULL;
}

/* ---- commands ----------------------------------------------------------------------- */

static int do_vtep(struct driver *d, const struct args *a, struct err *e)
{
	struct ip_addr vtep;
	int r = read_ip(word(a, 1), &vtep, e);

	return r < 0 ? r : plane_set_vtep(d->plane, &vtep, e);
}

static int do_serve(struct driver *d, const struct args *a, struct err *e)
{
	struct plane_network net = { .name = word(a, 2),
				     .vni = (uint32_t)atoi(word(a, 3)),
				     .port = (uint16_t)atoi(word(a, 4)),
				     .mtu = (uint32_t)atoi(word(a, 5)) };
	int r = read_id(word(a, 1), &net.id, e);

	if (r == 0)
		r = read_mac(word(a, 6), net.gateway_mac, e);
	if (r == 0)
		r = read_mac(word(a, 7), net.own_mac, e);
	read_flags(word(a, 8), &net);
	for (size_t i = 9; r == 0 && i < a->n && net.n_subnets < PLANE_SUBNETS; i++)
		r = read_subnet(a->of[i], &net.subnets[net.n_subnets++], e);

	return r < 0 ? r : plane_serve(d->plane, &net, e);
}

static int do_unserve(struct driver *d, const struct args *a, struct err *e)
{
	struct network_id id;
	int r = read_id(word(a, 1), &id, e);

	return r < 0 ? r : plane_unserve(d->plane, &id, e);
}

static int do_sweep(struct driver *d, const struct args *a, struct err *e)
{
	(void)a;

	return plane_sweep(d->plane, e);
}

static int do_complete(struct driver *d, const struct args *a, struct err *e)
{
	struct network_id id;
	int r = read_id(word(a, 1), &id, e);

	if (r == 0)
		plane_complete(d->plane, &id);

	return r;
}

static int do_doubt(struct driver *d, const struct args *a, struct err *e)
{
	(void)a;
	(void)e;
	plane_doubt(d->plane);

	return 0;
}

static void want(struct driver *d, const struct wanted_entry *w, bool wanted)
{
	plane_wanted(d->plane, wanted ? NULL : w, wanted ? w : NULL);
}

/* peer ID VTEP, and "nopeer" for no more. */
static int do_peer(struct driver *d, const struct args *a, struct err *e)
{
	struct wanted_entry w = { .kind = WANTED_PEER };
	int r = read_id(word(a, 1), &w.network, e);

	if (r == 0)
		r = read_ip(word(a, 2), &w.vtep, e);
	if (r == 0)
		want(d, &w, *a->of[0] == 'p');

	return r;
}

/* endpoint ID IP MAC VTEP, and "noendpoint". */
static int do_endpoint(struct driver *d, const struct args *a, struct err *e)
{
	struct wanted_entry w = { .kind = WANTED_FDB };
	struct ip_addr ip;
	int r = read_id(word(a, 1), &w.network, e);

	if (r == 0)
		r = read_ip(word(a, 2), &ip, e);
	if (r == 0)
		r = read_mac(word(a, 3), w.mac, e);
	if (r == 0)
		r = read_ip(word(a, 4), &w.vtep, e);
	if (r < 0)
		return r;
	want(d, &w, *a->of[0] == 'e');
	w.kind = WANTED_NEIGHBOUR;
	w.ip = ip;
	want(d, &w, *a->of[0] == 'e');

	return 0;
}

/* fill ID N FIRST-IP VTEP: N endpoints with addresses that follow each other. */
static int do_fill(struct driver *d, const struct args *a, struct err *e)
{
	struct wanted_entry w = { .mac = { 0x02, 0x42 } };
	int r = read_id(word(a, 1), &w.network, e), n = atoi(word(a, 2));

	if (r == 0)
		r = read_ip(word(a, 3), &w.ip, e);
	if (r == 0)
		r = read_ip(word(a, 4), &w.vtep, e);
	for (int i = 0; r == 0 && i < n; i++) {
		w.mac[3] = (uint8_t)(i >> 16);
		w.mac[4] = (uint8_t)(i >> 8);
		w.mac[5] = (uint8_t)i;
		w.kind = WANTED_FDB;
		want(d, &w, true);
		w.kind = WANTED_NEIGHBOUR;
		want(d, &w, true);
		(void)ip_next(&w.ip);
	}

	return r;
}

static int do_port(struct driver *d, const struct args *a, struct err *e)
{
	struct owner owner;

	(void)d;
	(void)e;
	owner_init(&owner, word(a, 1), word(a, 2), "eth0");
	printf("ok %s\n", owner.host_ifname);

	return 1;
}

/* attach ID NETWORK CONTAINER MAC IP… */
static int do_attach(struct driver *d, const struct args *a, struct err *e)
{
	struct plane_endpoint ep = { .n_ips = 0 };
	int r = read_id(word(a, 1), &ep.network, e);

	owner_init(&ep.owner, word(a, 2), word(a, 3), "eth0");
	if (r == 0)
		r = read_mac(word(a, 4), ep.mac, e);
	for (size_t i = 5; r == 0 && i < a->n && ep.n_ips < PLANE_IPS; i++)
		r = read_ip(a->of[i], &ep.ips[ep.n_ips++], e);

	return r < 0 ? r : plane_attach(d->plane, &ep, e);
}

static int do_detach(struct driver *d, const struct args *a, struct err *e)
{
	struct owner owner;
	struct network_id id;
	int r = read_id(word(a, 1), &id, e);

	owner_init(&owner, word(a, 2), word(a, 3), "eth0");

	return r < 0 ? r : plane_detach(d->plane, &id, owner.host_ifname, e);
}

static int do_flush(struct driver *d, const struct args *a, struct err *e)
{
	int r;

	(void)a;
	do
		r = plane_flush(d->plane, e);
	while (r > 0);

	return r;
}

static int do_mtu(struct driver *d, const struct args *a, struct err *e)
{
	struct network_id id;
	int r = read_id(word(a, 1), &id, e);

	if (r < 0)
		return r;
	printf("ok %u\n", plane_mtu(d->plane, &id));

	return 1;
}

static int do_underlay(struct driver *d, const struct args *a, struct err *e)
{
	char text[IP_STRLEN];
	struct ip_addr ip;

	(void)a;
	if (!underlay_address(d->underlay, 0, &ip))
		return err_say(e, ENOENT, "there is no address");
	printf("ok %s %u\n", ip_str(&ip, text), underlay_mtu(d->underlay, &ip));

	return 1;
}

static int do_counters(struct driver *d, const struct args *a, struct err *e)
{
	const struct plane_counters *c = plane_counters(d->plane);

	(void)a;
	(void)e;
	printf("ok links=%lu addrs=%lu fdb=%lu neighbours=%lu ports=%lu filter=%lu claims=%lu "
	       "comparisons=%lu overruns=%lu failures=%lu announced=%lu foreign=%lu networks=%u "
	       "endpoints=%u entries=%u\n",
	       c->repaired_links, c->repaired_addrs, c->repaired_fdb, c->repaired_neighbours,
	       c->repaired_ports, c->repaired_filter, c->repaired_claims, c->comparisons,
	       c->overruns, c->failures, c->announced, c->foreign, c->networks, c->endpoints,
	       c->entries);

	return 1;
}

static int do_quit(struct driver *d, const struct args *a, struct err *e)
{
	(void)a;
	(void)e;
	ev_break(d->loop, EVBREAK_ALL);

	return 0;
}

/* @run answers itself if it returns 1. */
static const struct command {
	const char *name;
	int (*run)(struct driver *d, const struct args *a, struct err *e);
} commands[] = {
	{ "vtep", do_vtep },	     { "serve", do_serve },
	{ "unserve", do_unserve },   { "sweep", do_sweep },
	{ "complete", do_complete }, { "doubt", do_doubt },
	{ "peer", do_peer },	     { "nopeer", do_peer },
	{ "endpoint", do_endpoint }, { "noendpoint", do_endpoint },
	{ "fill", do_fill },	     { "port", do_port },
	{ "attach", do_attach },     { "detach", do_detach },
	{ "flush", do_flush },	     { "mtu", do_mtu },
	{ "underlay", do_underlay }, { "counters", do_counters },
	{ "quit", do_quit },
};

static int run(struct driver *d, const struct args *a, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, a->of[0]) == 0)
			return commands[i].run(d, a, e);

	return err_say(e, EINVAL, "\"%s\" is no command", a->of[0]);
}

static void run_line(struct driver *d, char *line)
{
	struct args a = { .n = 0 };
	struct err e;
	int r;

	for (char *at = strtok(line, " \t"); at && a.n < ARGS_MAX; at = strtok(NULL, " \t"))
		a.of[a.n++] = at;
	if (a.n == 0)
		return;
	r = run(d, &a, &e);
	if (r < 0)
		printf("error %d %s\n", -r, e.msg);
	else if (r == 0)
		printf("ok\n");
}

/* ---- the process ----------------------------------------------------------------------- */

static void take_lines(struct driver *d)
{
	char *end;

	while ((end = memchr(d->line, '\n', d->len))) {
		size_t used = (size_t)(end - d->line) + 1;

		*end = '\0';
		run_line(d, d->line);
		memmove(d->line, d->line + used, d->len - used);
		d->len -= used;
	}
}

static void readable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct driver *d = io->data;
	ssize_t n = read(STDIN_FILENO, d->line + d->len, sizeof(d->line) - d->len);

	(void)revents;
	if (n <= 0) {
		ev_break(loop, EVBREAK_ALL);
		return;
	}
	d->len += (size_t)n;
	take_lines(d);
	if (d->len == sizeof(d->line))
		ev_break(loop, EVBREAK_ALL);
}

int main(void)
{
	struct driver d = { .loop = ev_default_loop(0) };
	struct err e;
	ev_io io;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!d.loop || underlay_new(d.loop, &d.underlay, &e) < 0 ||
	    plane_new(d.loop, d.underlay, &d.plane, &e) < 0) {
		fprintf(stderr, "plane: %s\n", d.loop ? e.msg : "no event loop");
		return 1;
	}
	ev_io_init(&io, readable, STDIN_FILENO, EV_READ);
	io.data = &d;
	ev_io_start(d.loop, &io);
	printf("ok ready\n");
	ev_run(d.loop, 0);
	plane_free(d.plane);
	underlay_free(d.underlay);

	return 0;
}
