/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * graph-dot - see graph-dot.h
 *
 * Names of nodes: n2 is the interface of network 2, e7 the first endpoint of a
 * container and the box of it, e7:i9 and e7:a9 the interface and addresses of its endpoint 9, p9_0
 * a port of that one.
 */
#include "cli/graph-dot.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/network-view.h"
#include "cli/port-view.h"
#include "cli/store.h"
#include "cli/usage.h"
#include "lib/cleanup.h"

#define INK   "#1f2937"
#define FAINT "#6b7280"
#define LINE  "#9ca3af"

/* A frame's ground, and what stands on it. */
struct colours {
	const char *ground, *line;
};

static const struct colours palette[] = {
	{ "#eff6ff", "#2563eb" }, { "#f0fdf4", "#16a34a" }, { "#fff7ed", "#ea580c" },
	{ "#faf5ff", "#9333ea" }, { "#ecfeff", "#0891b2" }, { "#fdf2f8", "#db2777" },
};

struct picture {
	const struct store *s;
	const struct usage *usage;
	size_t *first; /* of each endpoint: the first one of its container, whose number its box has
			*/
	bool *shared;  /* of each first one: the container is attached to several networks */
	FILE *out;
};

/* ---- text ---------------------------------------------------------------- */

/* As HTML, which also is free of what a quoted string of DOT minds. */
static void put(const struct picture *p, const char *text)
{
	for (const char *c = text; *c; c++) {
		if (strchr("&<>\"\\", *c) || (unsigned char)*c < ' ')
			fprintf(p->out, "&#%d;", (unsigned char)*c);
		else
			fputc(*c, p->out);
	}
}

static void put_font(const struct picture *p, const char *attributes, const char *text)
{
	fprintf(p->out, "<font %s>", attributes);
	put(p, *text ? text : " ");
	fputs("</font>", p->out);
}

/* ---- networks ------------------------------------------------------------ */

static const struct colours *colours_of(size_t network)
{
	return &palette[network % ARRAY_SIZE(palette)];
}

static bool is_drawn(const struct picture *p, const struct network *net)
{
	if (usage_count(p->usage, net->name) > 0)
		return true;

	return !net->config_only && net->origin != NETWORK_BUILTIN;
}

/* Its place in the store; n if the store has it no more. */
static size_t network_of(const struct picture *p, const struct usage_endpoint *ep)
{
	size_t i = 0;

	while (i < p->s->n && strcmp(p->s->networks[i].name, ep->network) != 0)
		i++;

	return i;
}

static void put_subnets(const struct picture *p, const struct network *net)
{
	for (size_t i = 0; i < net->n_subnets; i++) {
		char text[IP_NET_STRLEN];

		fputs(" &#183; ", p->out);
		put(p, ip_net_str(&net->subnets[i].subnet, text));
	}
}

static void put_frame_label(const struct picture *p, const struct network *net)
{
	fputs("\t\tlabel=<", p->out);
	put_font(p, "point-size=\"14\" color=\"" INK "\"", net->name);
	fputs("<br align=\"left\"/><font point-size=\"10\" color=\"" FAINT "\">", p->out);
	put(p, net->driver);
	put_subnets(p, net);
	if (net->internal)
		fputs(" &#183; internal", p->out);
	if (net->origin != NETWORK_OURS && net->origin != NETWORK_BUILTIN) {
		fputs(" &#183; of ", p->out);
		put(p, network_view_origin(net->origin));
	}
	fputs("</font><br align=\"left\"/>>;\n", p->out);
}

/* The bridge, or the parent of a macvlan, with the gateways' addresses. */
static void put_interface(const struct picture *p, size_t network)
{
	const struct network *net = &p->s->networks[network];

	fprintf(p->out,
		"\t\tn%zu [shape=box, style=\"rounded,filled\", fillcolor=\"%s\", color=\"%s\", "
		"fontcolor=white, margin=\"0.16,0.09\", label=<",
		network, colours_of(network)->line, colours_of(network)->line);
	put_font(p, "point-size=\"12\"", net->link ? net->link : net->driver);
	for (size_t i = 0; i < net->n_subnets; i++) {
		char text[IP_STRLEN];

		if (!ip_is_set(&net->subnets[i].gateway) || net->internal)
			continue;
		fputs("<br/>", p->out);
		put_font(p, "point-size=\"10\"", ip_str(&net->subnets[i].gateway, text));
	}
	fputs(">];\n", p->out);
}

/* ---- containers ---------------------------------------------------------- */

/* By container; of one, as the list has them. */
static int compare_containers(const void *a, const void *b, void *data)
{
	const size_t x = *(const size_t *)a, y = *(const size_t *)b;
	const struct usage *usage = data;
	int r = strcmp(usage->v[x]->container_id, usage->v[y]->container_id);

	return r != 0 ? r : (x > y) - (x < y);
}

/* Fills in first and shared.  Return: 0 or -ENOMEM. */
static int find_containers(struct picture *p)
{
	const struct usage *usage = p->usage;
	AUTO_FREE size_t *order = calloc(usage->n + 1, sizeof(*order));

	p->first = calloc(usage->n + 1, sizeof(*p->first));
	p->shared = calloc(usage->n + 1, sizeof(*p->shared));
	if (!order || !p->first || !p->shared)
		return -ENOMEM;
	for (size_t i = 0; i < usage->n; i++)
		order[i] = i;
	qsort_r(order, usage->n, sizeof(*order), compare_containers, (void *)(uintptr_t)usage);
	for (size_t i = 0; i < usage->n; i++) {
		const size_t at = order[i];
		const struct usage_endpoint *ep = usage->v[at];
		size_t first = at;

		if (i > 0 && strcmp(ep->container_id, usage->v[order[i - 1]]->container_id) == 0)
			first = p->first[order[i - 1]];
		p->first[at] = first;
		if (strcmp(ep->network, usage->v[first]->network) != 0)
			p->shared[first] = true;
	}

	return 0;
}

static void put_line(const struct picture *p, size_t endpoint)
{
	const struct usage_endpoint *ep = p->usage->v[endpoint];
	const char *colour = colours_of(network_of(p, ep))->line;

	fprintf(p->out, "<tr><td align=\"left\" valign=\"top\" port=\"i%zu\">", endpoint);
	fprintf(p->out, "<font point-size=\"10\" color=\"%s\">", colour);
	put(p, ep->ifname);
	fprintf(p->out, "</font></td><td align=\"left\" balign=\"left\" port=\"a%zu\">", endpoint);
	for (size_t i = 0; i < ep->n_ips; i++) {
		char text[IP_NET_STRLEN];

		fputs(i > 0 ? "<br/>" : "", p->out);
		put_font(p, "point-size=\"10\" color=\"" FAINT "\"", ip_net_str(&ep->ips[i], text));
	}
	fputs(ep->n_ips == 0 ? " </td></tr>" : "</td></tr>", p->out);
}

/* A box with the name, and a line for each interface. */
static void put_container(const struct picture *p, size_t first, const char *indent)
{
	const struct usage_endpoint *ep = p->usage->v[first];
	bool gone = ep->state == USAGE_GONE;

	fprintf(p->out,
		"%se%zu [shape=box, style=\"rounded,filled%s\", fillcolor=white, color=\"%s\", "
		"margin=\"0.06,0.03\", label=<<table border=\"0\" cellborder=\"0\" "
		"cellspacing=\"0\" cellpadding=\"3\"><tr><td align=\"left\" colspan=\"2\">",
		indent, first, gone ? ",dashed" : "", LINE);
	fprintf(p->out, "<font point-size=\"13\" color=\"%s\"><b>", gone ? FAINT : INK);
	put(p, ep->name);
	fprintf(p->out, "</b>%s</font></td></tr>", gone ? " (gone)" : "");
	for (size_t i = first; i < p->usage->n; i++)
		if (p->first[i] == first)
			put_line(p, i);
	fputs("</table>>];\n", p->out);
}

/* ---- the parts ----------------------------------------------------------- */

static void put_network(const struct picture *p, size_t network)
{
	const struct network *net = &p->s->networks[network];

	fprintf(p->out,
		"\tsubgraph cluster_%zu {\n"
		"\t\tstyle=\"rounded,filled\"; color=\"%s\"; fillcolor=\"%s\"; penwidth=1; "
		"margin=14; labeljust=l;\n",
		network, colours_of(network)->line, colours_of(network)->ground);
	put_frame_label(p, net);
	put_interface(p, network);
	for (size_t i = 0; i < p->usage->n; i++)
		if (strcmp(p->usage->v[i]->network, net->name) == 0 && p->first[i] == i &&
		    !p->shared[i])
			put_container(p, i, "\t\t");
	fputs("\t}\n", p->out);
}

static void put_edges(const struct picture *p)
{
	for (size_t i = 0; i < p->usage->n; i++) {
		size_t network = network_of(p, p->usage->v[i]);

		if (network < p->s->n)
			fprintf(p->out, "\tn%zu -> e%zu:i%zu:w [color=\"%s\", dir=none];\n",
				network, p->first[i], i, colours_of(network)->line);
	}
}

/* "8080->80/tcp" with a real arrow. */
static void put_port(const struct picture *p, size_t endpoint, size_t port, const char *text)
{
	const char *arrow = strstr(text, "->");

	fprintf(p->out,
		"\t\tp%zu_%zu [shape=box, style=\"rounded,filled\", fillcolor=white, "
		"color=\"" LINE "\", margin=\"0.1,0.04\", height=0.3, "
		"label=<<font point-size=\"11\" color=\"" INK "\">%.*s &#8594; %s</font>>];\n",
		endpoint, port, (int)(arrow - text), text, arrow + 2);
}

static void put_port_edge(const struct picture *p, size_t endpoint, size_t port, const char *text)
{
	(void)text;
	fprintf(p->out,
		"\te%zu:a%zu:e -> p%zu_%zu:w [color=\"" FAINT "\", style=dashed, dir=back, "
		"arrowsize=0.6];\n",
		p->first[endpoint], endpoint, endpoint, port);
}

static void each_port(const struct picture *p, void (*fn)(const struct picture *p, size_t endpoint,
							  size_t port, const char *text))
{
	for (size_t i = 0; i < p->usage->n; i++) {
		AUTO_JSON json_t *ports = port_view(p->usage->v[i]->ports);
		const json_t *port;
		size_t k;

		json_array_foreach(ports, k, port)
			fn(p, i, k, json_string_value(port));
	}
}

static bool has_ports(const struct picture *p)
{
	for (size_t i = 0; i < p->usage->n; i++)
		if (json_array_size(p->usage->v[i]->ports) > 0)
			return true;

	return false;
}

static void put_host(const struct picture *p)
{
	if (!has_ports(p))
		return;
	fputs("\tsubgraph cluster_host {\n"
	      "\t\tstyle=\"rounded,filled\"; color=\"" LINE "\"; fillcolor=\"#f9fafb\"; "
	      "margin=14; labeljust=l;\n"
	      "\t\tlabel=<<font point-size=\"14\" color=\"" INK "\">host</font>"
	      "<br align=\"left\"/><font point-size=\"10\" color=\"" FAINT "\">published ports"
	      "</font><br align=\"left\"/>>;\n",
	      p->out);
	each_port(p, put_port);
	fputs("\t}\n", p->out);
}

/* Containers that no frame has: of several networks, or of one that is gone. */
static void put_between(const struct picture *p)
{
	for (size_t i = 0; i < p->usage->n; i++)
		if (p->first[i] == i && (p->shared[i] || network_of(p, p->usage->v[i]) == p->s->n))
			put_container(p, i, "\t");
}

static void put_picture(const struct picture *p)
{
	fputs("digraph heddle {\n"
	      "\trankdir=LR; bgcolor=white; nodesep=0.22; ranksep=0.9; pad=0.25; splines=spline;\n"
	      "\tfontname=\"Helvetica,Arial,sans-serif\";\n"
	      "\tnode [fontname=\"Helvetica,Arial,sans-serif\"];\n"
	      "\tedge [fontname=\"Helvetica,Arial,sans-serif\", penwidth=1.2];\n",
	      p->out);
	put_host(p);
	for (size_t i = 0; i < p->s->n; i++)
		if (is_drawn(p, &p->s->networks[i]))
			put_network(p, i);
	put_between(p);
	put_edges(p);
	each_port(p, put_port_edge);
	fputs("}\n", p->out);
}

int graph_dot(const struct store *s, const struct usage *usage, FILE *out)
{
	struct picture p = { .s = s, .usage = usage, .out = out };
	int r = find_containers(&p);

	if (r == 0)
		put_picture(&p);
	free(p.first);
	free(p.shared);

	return r;
}
