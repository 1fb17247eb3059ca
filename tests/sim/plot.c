/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plot - lines with marks on two axes, as SVG */
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "tests/sim/exp.h"

#define WIDTH  640
#define HEIGHT 400
#define LEFT   70
#define RIGHT  170
#define TOP    40
#define BOTTOM 50

struct axis {
	double low, high;
	bool log;
};

static const char *const colours[] = { "#1f5fa8", "#c0392b", "#27864c", "#8e44ad",
				       "#b9770e", "#34495e", "#16a085", "#7f8c8d" };

static double scale(const struct axis *a, double v)
{
	if (a->log)
		return log10(v);
	return v;
}

static double place(const struct axis *a, double v, double from, double to)
{
	double low = scale(a, a->low), high = scale(a, a->high);

	return from + (scale(a, v) - low) / (high - low) * (to - from);
}

static double x_of(const struct axis *a, double v)
{
	return place(a, v, LEFT, WIDTH - RIGHT);
}

static double y_of(const struct axis *a, double v)
{
	return place(a, v, HEIGHT - BOTTOM, TOP);
}

static bool can_show(const struct axis *a, double v)
{
	return isfinite(v) && (!a->log || v > 0);
}

static void widen(struct axis *a, const double *v, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (!can_show(a, v[i]))
			continue;
		a->low = fmin(a->low, v[i]);
		a->high = fmax(a->high, v[i]);
	}
}

/* Ends at round numbers: decades, or multiples of a step of 1, 2 or 5. */
static double round_step(const struct axis *a)
{
	double rough = (a->high - a->low) / 5, power = pow(10, floor(log10(rough)));
	double times = rough / power;

	return power * (times < 1.5 ? 1 : times < 3.5 ? 2 : times < 7.5 ? 5 : 10);
}

static void round_ends(struct axis *a)
{
	double step;

	if (a->low >= a->high) { /* one value, or none */
		a->low = a->log ? 1 : 0;
		a->high = fmax(a->high, a->low + 1);
	}
	if (a->log) {
		a->low = pow(10, floor(log10(a->low)));
		a->high = pow(10, ceil(log10(a->high)));
		return;
	}
	step = round_step(a);
	a->low = floor(a->low / step) * step;
	a->high = ceil(a->high / step) * step;
}

static void draw_tick(FILE *f, const struct axis *a, bool is_x, double v)
{
	double at = is_x ? x_of(a, v) : y_of(a, v);

	if (is_x)
		fprintf(f,
			"<line x1='%.1f' y1='%d' x2='%.1f' y2='%d' stroke='#ddd'/>"
			"<text x='%.1f' y='%d' text-anchor='middle'>%g</text>\n",
			at, TOP, at, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 16, v);
	else
		fprintf(f,
			"<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke='#ddd'/>"
			"<text x='%d' y='%.1f' text-anchor='end'>%g</text>\n",
			LEFT, at, WIDTH - RIGHT, at, LEFT - 6, at + 4, v);
}

static void draw_ticks(FILE *f, const struct axis *a, bool is_x)
{
	double step = a->log ? 1 : round_step(a);
	int n = (int)lround((scale(a, a->high) - scale(a, a->low)) / step);

	for (int i = 0; i <= n; i++)
		draw_tick(f, a, is_x, a->log ? a->low * pow(10, i) : a->low + i * step);
}

static void draw_series(FILE *f, const struct plot_series *s, const struct axis *x,
			const struct axis *y, unsigned int nth)
{
	const char *colour = colours[nth % (sizeof(colours) / sizeof(colours[0]))];
	const char *dash = s->reference ? " stroke-dasharray='5 4'" : "";
	double key = TOP + 12 + 18.0 * nth;

	fprintf(f, "<polyline fill='none' stroke='%s' stroke-width='1.8'%s points='", colour, dash);
	for (unsigned int i = 0; i < s->n; i++)
		if (can_show(x, s->x[i]) && can_show(y, s->y[i]))
			fprintf(f, "%.1f,%.1f ", x_of(x, s->x[i]), y_of(y, s->y[i]));
	fprintf(f, "'/>\n");
	for (unsigned int i = 0; i < s->n; i++)
		if (can_show(x, s->x[i]) && can_show(y, s->y[i]))
			fprintf(f, "<circle cx='%.1f' cy='%.1f' r='2.8' fill='%s'/>\n",
				x_of(x, s->x[i]), y_of(y, s->y[i]), colour);
	fprintf(f,
		"<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke='%s' stroke-width='1.8'%s/>"
		"<text x='%d' y='%.1f'>%s</text>\n",
		WIDTH - RIGHT + 10, key, WIDTH - RIGHT + 32, key, colour, dash, WIDTH - RIGHT + 37,
		key + 4, s->name);
}

static void draw_frame(FILE *f, const struct plot *p)
{
	fprintf(f,
		"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' "
		"font-family='sans-serif' font-size='11'>\n"
		"<rect width='%d' height='%d' fill='white'/>\n"
		"<text x='%d' y='22' font-size='14'>%s</text>\n"
		"<text x='%d' y='%d' text-anchor='middle'>%s</text>\n"
		"<text transform='translate(16 %d) rotate(-90)' text-anchor='middle'>%s</text>\n",
		WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT, p->title, (LEFT + WIDTH - RIGHT) / 2,
		HEIGHT - 12, p->x_label, (TOP + HEIGHT - BOTTOM) / 2, p->y_label);
}

void plot_write(const struct plot *p, const char *dir, const char *name)
{
	struct axis x = { INFINITY, -INFINITY, p->log_x }, y = { INFINITY, -INFINITY, p->log_y };
	char path[PATH_MAX];
	FILE *f;

	for (unsigned int i = 0; i < p->n; i++) {
		widen(&x, p->series[i].x, p->series[i].n);
		widen(&y, p->series[i].y, p->series[i].n);
	}
	if (!p->log_y)
		y.low = fmin(y.low, 0);
	round_ends(&x);
	round_ends(&y);

	(void)snprintf(path, sizeof(path), "%s/%s.svg", dir, name);
	f = fopen(path, "w");
	if (!f) {
		perror(path);
		exit(1);
	}
	draw_frame(f, p);
	draw_ticks(f, &x, true);
	draw_ticks(f, &y, false);
	for (unsigned int i = 0; i < p->n; i++)
		draw_series(f, &p->series[i], &x, &y, i);
	fprintf(f, "</svg>\n");
	if (fclose(f) != 0) {
		perror(path);
		exit(1);
	}
}
