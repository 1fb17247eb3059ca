/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench - our plugins against the reference's and against the least possible
 *
 *	main.c		options, the order of the work
 *	scenarios.c	what is measured and what is wanted of it: tables
 *	rounds.c	how a scenario is run: in rounds, or in batches
 *	lane.c		one contender in a world of its own: namespaces, configs
 *	leases.c	lease directories with other containers' leases in them
 *	others.c	hosts with other containers on them, and a client among these
 *	connect.c	how long a connection through a published port takes
 *	call.c		what a runtime does: configs, prevResult, a chain of plugins
 *	proc.c		one process, clocked
 *	series.c	samples, medians, ratios
 *	facts.c		the machine, and how much of it others used meanwhile
 *	report.c	the text
 *	plot.c		the picture
 *	least.c		a program of its own: the least that an ADD and a DEL can cost
 *
 * A lane is one contender (who) under one condition (variant).  Each lane has
 * its own host namespace, container namespaces and lease directory, so none
 * meets what another left behind.  In every round each step is done by all
 * lanes, in an order drawn anew, before the next step begins.
 *
 * This is a program for developers: what goes wrong ends it, with a message.
 */
#ifndef BENCH_H
#define BENCH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#define ID_SIZE		 65 /* a container ID as engines make them: 64 hex digits */
#define CONTAINER_IFNAME "eth0"

/* ---- what is measured: scenarios.c ----------------------------------------- */

enum op {
	OP_VERSION,
	OP_ADD,
	OP_DEL,	     /* with the result of ADD as prevResult, as runtimes do */
	OP_DEL_BARE, /* without prevResult */
	OP_GC,	     /* every lease is valid except the container's */
	OP_CONNECT,  /* no call: the lane's client connects to the container's published port */
};

enum who { HEDDLE, REFERENCE, LEAST, N_WHO };

struct contender {
	const char *name;
	const char *dir;    /* its plugins; options may change it */
	bool leases;	    /* it has an IPAM plugin */
	bool gc;	    /* it knows GC */
	const char *colour; /* in the picture */
};

extern struct contender contenders[N_WHO];

struct lane_def {
	enum who who;
	const char *variant;  /* "" if the scenario has one condition only */
	const char *conflist; /* file in the directory of configs */
	unsigned int leases;  /* of other containers, there all the time */
	/* OTHERS_PORTS ports each, on OTHERS_NETWORKS networks, attached all the time. */
	unsigned int others;
};

struct step {
	enum op op;
	const char *label; /* NULL: needed, but not recorded */
};

struct scenario {
	const char *name; /* for -s and for the goals */
	const char *title;
	const struct lane_def *lanes; /* n_lanes of them */
	const struct step *steps;     /* n_steps of them */
	size_t n_lanes, n_steps;
	bool wires;		       /* an ADD gives the container an interface */
	bool publishes;		       /* and a port; the lane has a client that may ask for it */
	unsigned int containers;       /* namespaces of a lane */
	unsigned int width;	       /* batches: how many calls at once */
	unsigned int rounds_per_round; /* one round for so many of -n */
	void (*run)(const struct scenario *sc, unsigned int rounds);
};

extern const struct scenario scenarios[];
extern const size_t n_scenarios;

enum goal_kind {
	TIMES_AT_LEAST, /* over / under >= bound */
	TIMES_AT_MOST,	/* over / under <= bound */
	MORE_AT_MOST,	/* over - under <= bound ms */
};

enum measure { TIME, MEMORY };

struct series_key {
	const char *scenario, *step;
	enum who who;
	const char *variant;
};

struct goal {
	const char *text;
	struct series_key over, under;
	enum measure measure;
	enum goal_kind kind;
	double bound;
};

extern const struct goal goals[];
extern const size_t n_goals;

/* What batches record beside DEL: until nothing is left running in the background. */
#define STEP_TO_END "DEL to the end"

/* Run functions of scenarios. */
void run_rounds(const struct scenario *sc, unsigned int rounds);
void run_batches(const struct scenario *sc, unsigned int rounds);

/* ---- options: main.c ------------------------------------------------------- */

struct options {
	unsigned int rounds;
	const char *only; /* a scenario's name, NULL for all */
	const char *conf_dir;
	const char *work_dir; /* a tmpfs for leases and namespaces is mounted there */
	bool on_disk;	      /* no: they are in it; emptied first and last */
	const char *out_dir;  /* bench.txt and bench.svg; NULL: text to stdout only */
	uint64_t seed;	      /* of the order of lanes */
};

extern struct options options;

/* Print a message (and what errno says, if it isn't 0) and end. */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* realloc that dies rather than return NULL. */
void *grow(void *p, size_t size);
/* snprintf that dies rather than cut. */
void format(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ---- samples: series.c ----------------------------------------------------- */

struct sample {
	double ms;     /* wall time; of a batch, divided by its calls */
	double rss_kb; /* peak resident memory of the largest process; 0 for batches */
};

struct series {
	struct series_key key;
	struct sample *samples;
	size_t n, room;
};

struct series *series_get(const struct series_key *key);	/* made if it isn't there */
const struct series *series_find(const struct series_key *key); /* NULL if it isn't */
const struct series *series_at(size_t i);			/* NULL behind the last */
void series_add(struct series *s, const struct sample *sample);
/* The value below which @percent of the samples lie (nearest rank). */
double series_percentile(const struct series *s, enum measure m, double percent);
double series_median(const struct series *s, enum measure m);

struct comparison {
	double of_pairs; /* median over the rounds of over/under (or over-under) */
	double of_medians;
	bool reached;
};

/* Return: false if one of the two series has not been measured. */
bool goal_compare(const struct goal *goal, struct comparison *ret);

/* ---- processes: proc.c ----------------------------------------------------- */

struct proc {
	pid_t pid;
	int out, err; /* read ends */
	struct timespec start;
};

struct proc_end {
	int status; /* as wait(2) gives it */
	struct sample sample;
	char *out, *err; /* owned, NUL-terminated */
};

/*
 * Start @path with the file @config as its standard input through a pipe that
 * is full before the clock starts.
 */
void proc_start(struct proc *p, const char *path, char *const env[], int config);
/* Wait until both output pipes are closed and the process has ended. */
void proc_finish(struct proc *p, struct proc_end *ret);
/* Wait for processes that plugins have left behind: they became our children. */
void proc_wait_orphans(void);
double ms_since(const struct timespec *start);

/* ---- contenders at work: lane.c -------------------------------------------- */

struct container {
	char id[ID_SIZE];
	char netns_path[256];
	int netns;
	unsigned int host_port, n_ports; /* published: n_ports from host_port on, as 80 and so on */
	char *result;			 /* what ADD printed, owned; NULL when it isn't attached */
};

struct plugin {
	char path[PATH_MAX];
	bool publishes; /* its capabilities have portMappings */
	char *config;	/* owned: an object without its closing brace */
};

struct lane {
	const struct lane_def *def;
	const struct scenario *sc;
	int host_netns;
	unsigned int network;	  /* 0: as in the config; others: the same again */
	unsigned int around;	  /* leases of other containers of the network */
	char lease_dir[PATH_MAX]; /* of the network */
	char version[16];	  /* of the config */
	struct plugin *plugins;
	size_t n_plugins;
	struct container *containers;
	struct container client; /* if the scenario publishes: on the same network */
	FILE *valid;		 /* the attachments of def->leases, as GC wants them; NULL: none */
};

void world_open(void); /* a mount namespace of our own, an empty work directory */
void world_close(void);
/* Lane @i of @sc. */
void lane_open(struct lane *lane, const struct scenario *sc, size_t i);
void lane_close(struct lane *lane);
void lane_enter(const struct lane *lane); /* be on its host */
/* Die unless exactly @attached containers have an interface and a lease. */
void lane_check(const struct lane *lane, unsigned int attached);
void container_name(struct container *c); /* a new ID */
/* A new ID and a new namespace, in which the process is afterwards. */
void container_open(struct container *c, const char *name);
/* Another network with the same config on the lane's host. */
void lane_open_network(struct lane *ret, const struct lane *lane, unsigned int number);
void lane_close_network(struct lane *network);

/* ---- leases.c -------------------------------------------------------------- */

void leases_fill(struct lane *lane); /* def->leases of them, as the plugin itself writes one */
unsigned int leases_count(const struct lane *lane);

/* ---- others.c, connect.c ----------------------------------------------------- */

#define OTHERS_PORTS	10   /* published by each of def->others */
#define OTHERS_NETWORKS 10   /* the lane's own is one of them */
#define PUBLISHED_PORT	8080 /* of the host; it leads to 80 */

/* By ADDs of the lane's own plugins, so what is there is what they make. */
void client_attach(struct lane *lane);
void others_attach(struct lane *lane);
/* From the client, at the network's gateway; the median of some connections. */
struct sample connect_run(const struct lane *lane);

/* ---- calls: call.c --------------------------------------------------------- */

/* One operation on one container: the plugins of the chain, one after another. */
struct call {
	const struct lane *lane;
	struct container *container;
	enum op op;
	size_t done; /* plugins that have ended */
	struct proc proc;
	struct sample sample;
};

void call_start(struct call *c, const struct lane *lane, struct container *container, enum op op);
/* Wait for the running plugin and start the next.  Return: false when all are done. */
bool call_continue(struct call *c);
/* From start to end. */
struct sample call_run(const struct lane *lane, struct container *container, enum op op);

/* ---- facts.c ---------------------------------------------------------------- */

void facts_begin(void); /* before the first scenario */
void facts_end(void);	/* after the last */
/* To be called when plugins were measured: below our own peak theirs cannot be told. */
void facts_note_peak(void);

/* ---- output ---------------------------------------------------------------- */

void facts_write(FILE *f);
void report_write(FILE *f);
void plot_write(FILE *f);

#endif
