/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main - options, and the order of the work; see bench.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench.h"

struct options options = {
	.rounds = 200,
	.conf_dir = "tests/bench/conf",
	.work_dir = "build/bench/work",
	.seed = 1,
};

static const char usage[] =
	"usage: bench [-n ROUNDS] [-s SCENARIO] [-o DIR] [-p DIR] [-r DIR]\n"
	"             [-l DIR] [-c DIR] [-w DIR] [-d] [-S SEED]\n"
	"  -n  rounds of each scenario (200)\n"
	"  -s  only this scenario\n"
	"  -o  write bench.txt and bench.svg there (standard output only)\n"
	"  -p  our plugins (build/plugins)\n"
	"  -r  the reference's plugins (/usr/lib/cni)\n"
	"  -l  the least possible plugins (build/bench/least)\n"
	"  -c  network configs (tests/bench/conf)\n"
	"  -w  work directory, on which a tmpfs is mounted (build/bench/work)\n"
	"  -d  leases on the disk: in the work directory, emptied first and last\n"
	"  -S  seed of the order in which contenders take turns (1)\n";

void die(const char *fmt, ...)
{
	int sys = errno;
	va_list ap;

	fflush(stdout);
	fputs("bench: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	if (sys)
		fprintf(stderr, ": %s", strerror(sys));
	fputc('\n', stderr);
	exit(1);
}

void *grow(void *p, size_t size)
{
	p = realloc(p, size);
	if (!p)
		die("%zu bytes of memory", size);

	return p;
}

void format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= size) {
		errno = 0;
		die("too long: %s", buf);
	}
}

/* ---- main ------------------------------------------------------------------------ */

static unsigned long number(const char *text, unsigned long max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	errno = 0;
	if (*end || n < 1 || n > max)
		die("%s is not a number from 1 to %lu", text, max);

	return n;
}

/* Plugins are given to CNI_PATH, so their directories must be absolute. */
static void contender_resolve(struct contender *c)
{
	char *path = realpath(c->dir, NULL);

	if (!path)
		die("%s (is everything built?)", c->dir);
	c->dir = path;
}

static void options_read(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "dhn:s:o:p:r:l:c:w:S:")) != -1) {
		switch (c) {
		case 'n':
			options.rounds = (unsigned int)number(optarg, 100000);
			break;
		case 's':
			options.only = optarg;
			break;
		case 'o':
			options.out_dir = optarg;
			break;
		case 'p':
			contenders[HEDDLE].dir = optarg;
			break;
		case 'r':
			contenders[REFERENCE].dir = optarg;
			break;
		case 'l':
			contenders[LEAST].dir = optarg;
			break;
		case 'c':
			options.conf_dir = optarg;
			break;
		case 'w':
			options.work_dir = optarg;
			break;
		case 'S':
			options.seed = number(optarg, ULONG_MAX);
			break;
		case 'd':
			options.on_disk = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	for (size_t i = 0; i < N_WHO; i++)
		contender_resolve(&contenders[i]);
}

static void scenarios_run(void)
{
	bool any = false;

	for (size_t i = 0; i < n_scenarios; i++) {
		const struct scenario *sc = &scenarios[i];
		unsigned int share = sc->rounds_per_round ? sc->rounds_per_round : 1;

		if (options.only && strcmp(options.only, sc->name) != 0)
			continue;
		any = true;
		fprintf(stderr, "bench: %s\n", sc->title);
		sc->run(sc, (options.rounds + share - 1) / share);
		if (!sc->width) /* batches record no memory */
			facts_note_peak();
	}
	errno = 0;
	if (!any)
		die("there is no scenario %s", options.only);
}

static void output_write(const char *name, void (*write)(FILE *f))
{
	char path[PATH_MAX];
	FILE *f;

	format(path, sizeof(path), "%s/%s", options.out_dir, name);
	f = fopen(path, "we");
	if (!f)
		die("write %s", path);
	write(f);
	if (fclose(f) != 0)
		die("write %s", path);
}

int main(int argc, char **argv)
{
	options_read(argc, argv);
	world_open();
	facts_begin();
	scenarios_run();
	facts_end();
	report_write(stdout);
	if (options.out_dir) {
		output_write("bench.txt", report_write);
		output_write("bench.svg", plot_write);
	}
	world_close();

	return 0;
}
