/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plot - what was measured as a picture
 *
 * Two panels, time and memory, on logarithmic axes.  A row is one step of one
 * scenario under one condition; on it each contender has a dot at its median
 * and a line from its least to its 99th percentile.  At the right stands how
 * many times the reference's median is ours.  Colours follow the reader's
 * light or dark scheme.
 */
#include <math.h>
#include <string.h>

#include "tests/bench/bench.h"

#define WIDTH	   960
#define LEFT	   330 /* where the axis begins */
#define RIGHT	   820 /* and where it ends; ratios stand behind it */
#define ROW	   24
#define HEAD	   96 /* title and legend */
#define PANEL_HEAD 44
#define GAP	   32
#define FOOT	   24
#define KB_PER_MB  1024.0

struct panel {
	const char *title;
	enum measure measure;
	double scale; /* from a sample to the axis */
	double min, max;
};

static const char style[] = "<style>\n"
			    "text { font: 13px sans-serif; fill: #24292f }\n"
			    ".title { font-size: 17px; font-weight: bold }\n"
			    ".head { font-weight: bold }\n"
			    ".quiet { fill: #6e7781; font-size: 12px }\n"
			    ".page { fill: #ffffff }\n"
			    ".grid { stroke: #d8dee4 }\n"
			    "@media (prefers-color-scheme: dark) {\n"
			    "text { fill: #e6edf3 }\n"
			    ".quiet { fill: #9198a1 }\n"
			    ".page { fill: #0d1117 }\n"
			    ".grid { stroke: #30363d }\n"
			    "}\n"
			    "</style>\n";

/* ---- rows ---------------------------------------------------------------------- */

/* Rows are the series of the first contender that measured them. */
static bool leads_row(const struct series *s)
{
	struct series_key key = s->key;

	while (key.who > 0) {
		key.who--;
		if (series_find(&key))
			return false;
	}

	return true;
}

static bool has_measure(const struct series *s, enum measure m)
{
	return series_median(s, m) > 0;
}

/* The next series from @i on that begins a row of the panel, and its position. */
static const struct series *next_row(const struct panel *p, size_t *i)
{
	const struct series *s;

	while ((s = series_at(*i))) {
		(*i)++;
		if (leads_row(s) && has_measure(s, p->measure))
			return s;
	}

	return NULL;
}

static int count_rows(const struct panel *p)
{
	size_t i = 0;
	int n = 0;

	while (next_row(p, &i))
		n++;

	return n;
}

/* The axis goes from and to one of 1, 2, 5 times a power of ten. */
static double round_down(double v)
{
	double decade = pow(10, floor(log10(v)));

	return v / decade >= 5 ? 5 * decade : v / decade >= 2 ? 2 * decade : decade;
}

static double next_tick(double v)
{
	double decade = pow(10, floor(log10(v) + 1e-9));

	return v / decade < 1.5 ? 2 * decade : v / decade < 3 ? 5 * decade : 10 * decade;
}

static void panel_range(struct panel *p)
{
	const struct series *s;

	p->min = INFINITY;
	p->max = 0;
	for (size_t i = 0; (s = series_at(i)); i++) {
		if (!has_measure(s, p->measure))
			continue;
		p->min = fmin(p->min, series_percentile(s, p->measure, 0) * p->scale);
		p->max = fmax(p->max, series_percentile(s, p->measure, 99) * p->scale);
	}
	p->min = round_down(p->min);
	p->max = next_tick(round_down(p->max));
}

static double at(const struct panel *p, double sample)
{
	double part = log(sample * p->scale / p->min) / log(p->max / p->min);

	return LEFT + (RIGHT - LEFT) * part;
}

/* ---- drawing ------------------------------------------------------------------- */

static void axis_draw(FILE *f, const struct panel *p, double top, double bottom)
{
	fprintf(f,
		"<text class=\"head\" x=\"16\" y=\"%.0f\">%s</text>\n"
		"<text class=\"quiet\" x=\"%d\" y=\"%.0f\" text-anchor=\"end\">ref. / "
		"heddle</text>\n",
		top - 12, p->title, WIDTH - 24, top - 12);
	for (double v = p->min; v <= p->max * 1.001; v = next_tick(v)) {
		double x = at(p, v / p->scale);

		fprintf(f,
			"<line class=\"grid\" x1=\"%.1f\" y1=\"%.0f\" x2=\"%.1f\" y2=\"%.0f\"/>\n"
			"<text class=\"quiet\" x=\"%.1f\" y=\"%.0f\" "
			"text-anchor=\"middle\">%g</text>\n",
			x, top, x, bottom, x, top - 12, v);
	}
}

static void mark_draw(FILE *f, const struct panel *p, const struct series *s, double y)
{
	const struct contender *who = &contenders[s->key.who];

	fprintf(f,
		"<line x1=\"%.1f\" y1=\"%.0f\" x2=\"%.1f\" y2=\"%.0f\" stroke=\"%s\" "
		"stroke-width=\"2\" stroke-opacity=\"0.45\"/>\n"
		"<circle cx=\"%.1f\" cy=\"%.0f\" r=\"5.5\" fill=\"%s\"/>\n",
		at(p, series_percentile(s, p->measure, 0)), y,
		at(p, series_percentile(s, p->measure, 99)), y, who->colour,
		at(p, series_median(s, p->measure)), y, who->colour);
}

static const char *title_of(const char *scenario)
{
	for (size_t i = 0; i < n_scenarios; i++)
		if (strcmp(scenarios[i].name, scenario) == 0)
			return scenarios[i].title;

	return scenario;
}

static void ratio_draw(FILE *f, const struct panel *p, const struct series_key *row, double y)
{
	struct series_key key = *row;
	const struct series *ours, *reference;

	key.who = HEDDLE;
	ours = series_find(&key);
	key.who = REFERENCE;
	reference = series_find(&key);
	if (ours && reference)
		fprintf(f, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">%.1f ×</text>\n",
			WIDTH - 24, y + 4,
			series_median(reference, p->measure) / series_median(ours, p->measure));
}

/* The scenario is named at its first row only. */
static void row_draw(FILE *f, const struct panel *p, const struct series *row, bool first, double y)
{
	struct series_key key = row->key;

	if (first)
		fprintf(f, "<text class=\"quiet\" x=\"16\" y=\"%.0f\">%s</text>\n", y + 4 - ROW,
			title_of(key.scenario));
	fprintf(f, "<text x=\"28\" y=\"%.0f\">%s%s%s</text>\n", y + 4, key.step,
		*key.variant ? ", " : "", key.variant);
	for (key.who = N_WHO; key.who-- > 0;) {
		const struct series *s = series_find(&key);

		if (s && has_measure(s, p->measure))
			mark_draw(f, p, s, y);
	}
	ratio_draw(f, p, &row->key, y);
}

static bool begins_scenario(const struct series *row, const struct series *before)
{
	return !before || strcmp(row->key.scenario, before->key.scenario) != 0;
}

static int count_headings(const struct panel *p)
{
	const struct series *row, *before = NULL;
	size_t i = 0;
	int n = 0;

	for (; (row = next_row(p, &i)); before = row)
		n += begins_scenario(row, before);

	return n;
}

static double panel_height(const struct panel *p)
{
	return PANEL_HEAD + ROW * (count_rows(p) + count_headings(p));
}

static void panel_draw(FILE *f, struct panel *p, double top)
{
	const struct series *row, *before = NULL;
	double y = top + PANEL_HEAD;
	size_t i = 0;

	panel_range(p);
	axis_draw(f, p, y, top + panel_height(p));
	for (y += ROW / 2.0; (row = next_row(p, &i)); y += ROW) {
		bool first = begins_scenario(row, before);

		y += first ? ROW : 0;
		row_draw(f, p, row, first, y);
		before = row;
	}
}

static void legend_draw(FILE *f)
{
	int x = 16;

	fputs("<text class=\"title\" x=\"16\" y=\"30\">heddle, the reference CNI plugins, and the "
	      "least possible</text>\n"
	      "<text class=\"quiet\" x=\"16\" y=\"52\">dot: median; line: from the least to the "
	      "99th percentile; "
	      "logarithmic axes</text>\n",
	      f);
	for (size_t i = 0; i < N_WHO; i++, x += 110)
		fprintf(f,
			"<circle cx=\"%d\" cy=\"74\" r=\"5.5\" fill=\"%s\"/>"
			"<text x=\"%d\" y=\"78\">%s</text>\n",
			x + 6, contenders[i].colour, x + 18, contenders[i].name);
}

void plot_write(FILE *f)
{
	struct panel panels[] = {
		{ "wall time of a call, ms", TIME, 1 },
		{ "peak memory, MB", MEMORY, 1 / KB_PER_MB },
	};
	double split = HEAD + panel_height(&panels[0]) + GAP;
	double height = split + panel_height(&panels[1]) + FOOT;

	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" width=\"%d\" "
		"height=\"%.0f\">\n%s<rect class=\"page\" width=\"%d\" height=\"%.0f\"/>\n",
		WIDTH, height, WIDTH, height, style, WIDTH, height);
	legend_draw(f);
	panel_draw(f, &panels[0], HEAD);
	panel_draw(f, &panels[1], split);
	fputs("</svg>\n", f);
}
