/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sim - run experiments on the virtual clock
 *
 *	sim [--full] [--seeds N] [--seed S --point P] [--jobs J] [--out DIR] [NAME...]
 *
 * Without names all experiments of the set run.  A run is a process of its own,
 * so that J of them share nothing; it leaves its figures in shared memory.
 * With --seed and --point one run is repeated and its figures are printed.
 * Experiments without --out print their tables; each is a line of TAP.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/exp.h"

struct options {
	bool full;
	unsigned int seeds; /* 0: as the experiment says */
	uint64_t first_seed;
	int seed, point; /* of the one run to repeat, -1: all */
	unsigned int jobs;
	const char *out; /* NULL: figures go to standard output */
	char **names;
	int n_names;
};

static struct experiment *experiments;

void experiment_register(struct experiment *e)
{
	struct experiment **at = &experiments;

	while (*at && strcmp((*at)->name, e->name) < 0)
		at = &(*at)->next;
	e->next = *at;
	*at = e;
}

int run_fail(struct run *r, struct sim *s, const char *fmt, ...)
{
	va_list ap;

	trace_print(s, stderr);
	fprintf(stderr, "%s, point %u, seed %llu: ", r->e->name, r->point,
		(unsigned long long)r->seed);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nrepeat it: build/sim%s --point %u --seed %llu %s\n",
		r->full ? " --full" : "", r->point, (unsigned long long)r->seed, r->e->name);
	return -1;
}

/* ---- options ------------------------------------------------------------------------ */

static _Noreturn void usage(void)
{
	fprintf(stderr, "usage: sim [--full] [--seeds N] [--seed S --point P] [--jobs J] "
			"[--out DIR] [NAME...]\nexperiments:");
	for (const struct experiment *e = experiments; e; e = e->next)
		fprintf(stderr, " %s", e->name);
	fprintf(stderr, "\n");
	exit(2);
}

static unsigned int number(const char *text)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || *end || end == text || n > INT_MAX)
		usage();
	return (unsigned int)n;
}

static struct options read_options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "full", no_argument, NULL, 'f' },
		{ "seeds", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ "point", required_argument, NULL, 'p' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "out", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	struct options o = { .seed = -1, .point = -1, .first_seed = 1 };
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int c;

	o.jobs = cpus > 0 ? (unsigned int)cpus : 1;
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'f':
			o.full = true;
			break;
		case 'n':
			o.seeds = number(optarg);
			break;
		case 's':
			o.seed = (int)number(optarg);
			break;
		case 'p':
			o.point = (int)number(optarg);
			break;
		case 'j':
			o.jobs = number(optarg);
			break;
		case 'o':
			o.out = optarg;
			break;
		default:
			usage();
		}
	}
	o.names = argv + optind;
	o.n_names = argc - optind;
	return o;
}

static void check_names(const struct options *o)
{
	for (int i = 0; i < o->n_names; i++) {
		const struct experiment *e = experiments;

		while (e && strcmp(e->name, o->names[i]) != 0)
			e = e->next;
		if (!e)
			usage();
	}
}

static bool is_wanted(const struct options *o, const struct experiment *e)
{
	for (int i = 0; i < o->n_names; i++)
		if (strcmp(e->name, o->names[i]) == 0)
			return true;
	return o->n_names == 0 && e->points[o->full] > 0;
}

/* ---- running ------------------------------------------------------------------------- */

static double *place_of(const struct results *r, unsigned int point, unsigned int nth)
{
	return &r->v[((size_t)point * r->seeds + nth) * METRICS_MAX];
}

static int run_one(const struct results *r, unsigned int point, unsigned int nth, uint64_t seed)
{
	struct run run = { .e = r->e,
			   .point = point,
			   .seed = seed,
			   .full = r->full,
			   .metric = place_of(r, point, nth) };

	return r->e->run(&run);
}

static bool wait_for_one(void)
{
	int status;

	if (wait(&status) < 0) {
		perror("wait");
		exit(1);
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Return: how many runs failed. */
static unsigned int run_all(const struct results *r, const struct options *o)
{
	unsigned int running = 0, failed = 0;

	for (unsigned int i = 0; i < r->points * r->seeds; i++) {
		pid_t pid;

		if (running == o->jobs) {
			failed += !wait_for_one();
			running--;
		}
		fflush(NULL);
		pid = fork();
		if (pid < 0) {
			perror("fork");
			exit(1);
		}
		if (pid == 0)
			_exit(run_one(r, i / r->seeds, i % r->seeds, o->first_seed + i % r->seeds)
				      ? 1
				      : 0);
		running++;
	}
	for (; running > 0; running--)
		failed += !wait_for_one();
	return failed;
}

static struct results make_results(const struct experiment *e, const struct options *o)
{
	struct results r = { .e = e,
			     .full = o->full,
			     .points = e->points[o->full] ? e->points[o->full] : e->points[1],
			     .seeds = o->seeds ? o->seeds : e->seeds[o->full] };
	size_t n;

	if (r.seeds == 0)
		r.seeds = e->seeds[1];
	n = (size_t)r.points * r.seeds * METRICS_MAX;
	r.v = mmap(NULL, n * sizeof(*r.v), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		   0);
	if (r.v == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	for (size_t i = 0; i < n; i++)
		r.v[i] = NAN;
	return r;
}

static FILE *open_report(const struct options *o, const char *name)
{
	char path[PATH_MAX];
	FILE *f;

	if (!o->out)
		return stdout;
	(void)mkdir(o->out, 0755);
	(void)snprintf(path, sizeof(path), "%s/%s.md", o->out, name);
	f = fopen(path, "w");
	if (!f) {
		perror(path);
		exit(1);
	}
	return f;
}

static void write_report(const struct results *r, const struct options *o)
{
	FILE *f = open_report(o, r->e->name);

	fprintf(f, "# %s\n\nSeeds %llu to %llu; `build/sim%s --seeds %u %s` repeats it.\n\n",
		r->e->title, (unsigned long long)o->first_seed,
		(unsigned long long)o->first_seed + r->seeds - 1, r->full ? " --full" : "",
		r->seeds, r->e->name);
	r->e->report(r, f, o->out ? o->out : ".");
	if (f != stdout)
		(void)fclose(f);
	else
		fflush(f);
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A line of TAP for each.  Return: whether it is as asked for. */
static bool run_experiment(const struct experiment *e, const struct options *o)
{
	struct results r = make_results(e, o);
	double begin = seconds_now();
	unsigned int failed = run_all(&r, o);
	bool good = failed == 0;

	if (good && e->check)
		good = e->check(&r, stdout);
	printf("%s - %s: %u points, %u seeds, %u runs failed, %.1f s\n", good ? "ok" : "not ok",
	       e->name, r.points, r.seeds, failed, seconds_now() - begin);
	fflush(stdout);
	if (failed == 0)
		write_report(&r, o);
	return good;
}

static int repeat_one(const struct experiment *e, const struct options *o)
{
	double metric[METRICS_MAX];
	struct results r = { .e = e, .points = 1, .seeds = 1, .full = o->full, .v = metric };
	struct run run = { .e = e,
			   .point = o->point < 0 ? 0 : (unsigned int)o->point,
			   .seed = (uint64_t)o->seed,
			   .full = r.full,
			   .metric = metric };
	int status;

	for (unsigned int i = 0; i < METRICS_MAX; i++)
		metric[i] = NAN;
	status = e->run(&run) ? 1 : 0;
	for (unsigned int i = 0; i < e->metrics; i++)
		printf("%g%c", metric[i], i + 1 < e->metrics ? ' ' : '\n');
	return status;
}

int main(int argc, char **argv)
{
	struct options o = read_options(argc, argv);
	bool good = true;

	check_names(&o);
	for (const struct experiment *e = experiments; e; e = e->next) {
		if (!is_wanted(&o, e))
			continue;
		if (o.seed >= 0)
			return repeat_one(e, &o);
		good &= run_experiment(e, &o);
	}
	return good ? 0 : 1;
}
