/* SPDX-License-Identifier: GPL-2.0-or-later */
/* facts - the machine, and how much of it others used meanwhile. */
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "tests/bench/bench.h"

#define BUSY 5 /* per cent of the machine from which on others are worth a word */

static struct timespec began;
static double others; /* CPU seconds used by others, per second and CPU */
static unsigned long own_peak_kb;

/* ---- who uses the CPUs ---------------------------------------------------------- */

/* CPU seconds that all processes have had since boot. */
static double cpu_of_all(void)
{
	unsigned long long user, nice, kernel;
	FILE *f = fopen("/proc/stat", "re");

	if (!f || fscanf(f, "cpu %llu %llu %llu", &user, &nice, &kernel) != 3)
		die("read /proc/stat");
	fclose(f);

	return (double)(user + nice + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static double cpu_of(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double cpu_of_others(void)
{
	return cpu_of_all() - cpu_of(RUSAGE_SELF) - cpu_of(RUSAGE_CHILDREN);
}

void facts_begin(void)
{
	clock_gettime(CLOCK_MONOTONIC, &began);
	others = cpu_of_others();
}

void facts_end(void)
{
	double seconds = ms_since(&began) / 1e3;

	others = (cpu_of_others() - others) / seconds / (double)sysconf(_SC_NPROCESSORS_ONLN);
}

/* Not getrusage(): ru_maxrss begins with that of whoever started us. */
void facts_note_peak(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[128];

	if (!f)
		die("open /proc/self/status");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmHWM: %lu kB", &own_peak_kb) == 1)
			break;
	fclose(f);
}

/* ---- the machine ---------------------------------------------------------------- */

/* The first line of a command's output, without its end; "unknown" if there is none. */
static void line_of_command(const char *command, char *buf, size_t size)
{
	FILE *f = popen(command, "re");

	if (!f || !fgets(buf, (int)size, f))
		format(buf, size, "unknown");
	if (f)
		pclose(f);
	buf[strcspn(buf, "\n")] = '\0';
}

static const char *file_system_name(const char *path)
{
	static const struct {
		unsigned long magic;
		const char *name;
	} known[] = {
		{ 0xef53, "ext4" },	 { 0x01021994, "tmpfs" },     { 0x58465342, "xfs" },
		{ 0x9123683e, "btrfs" }, { 0x794c7630, "overlayfs" },
	};
	struct statfs fs;

	if (statfs(path, &fs) == 0)
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			if (known[i].magic == (unsigned long)fs.f_type)
				return known[i].name;

	return "another file system";
}

void facts_write(FILE *f)
{
	char cpu[128], reference[128], date[32];
	double percent = others * 100;
	struct utsname kernel;
	time_t now = time(NULL);

	uname(&kernel);
	strftime(date, sizeof(date), "%F", gmtime(&now));
	line_of_command("sed -n 's/^model name[^:]*: //p' /proc/cpuinfo", cpu, sizeof(cpu));
	line_of_command("dpkg-query -W -f='${Version}' containernetworking-plugins 2>/dev/null",
			reference, sizeof(reference));

	fprintf(f, "heddle %s against containernetworking-plugins %s (Debian), %s\n",
		HEDDLE_VERSION, reference, date);
	fprintf(f, "Linux %s %s, %ld CPUs (%s), leases on %s\n", kernel.release, kernel.machine,
		sysconf(_SC_NPROCESSORS_ONLN), cpu, file_system_name(options.work_dir));
	fprintf(f, "%u rounds, seed %llu; peak memory below %.1f MB cannot be told\n",
		options.rounds, (unsigned long long)options.seed, (double)own_peak_kb / 1024);
	fprintf(f, "other processes used %.0f %% of the CPUs meanwhile%s\n",
		percent > 0 ? percent : 0, percent > BUSY ? ": times are too long" : "");
}
