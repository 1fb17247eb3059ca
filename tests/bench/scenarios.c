/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scenarios - what is measured, and what is wanted of it
 *
 * A new measurement is a row here and, if it wants another network, a conflist
 * in conf/.
 */
#include "lib/cleanup.h"
#include "tests/bench/bench.h"

struct contender contenders[N_WHO] = {
	[HEDDLE] = { "heddle", "build/plugins", true, true, "#2f7d5b" },
	[REFERENCE] = { "reference", "/usr/lib/cni", true, false, "#c0692b" },
	[LEAST] = { "least", "build/bench/least", false, false, "#7a7f87" },
};

/* ---- lanes and steps ---------------------------------------------------------- */

static const struct lane_def bridge_lanes[] = {
	{ HEDDLE, "", "bridge.conflist", 0 },
	{ REFERENCE, "", "bridge.conflist", 0 },
	{ LEAST, "", "bridge.conflist", 0 },
};

static const struct lane_def masq_lanes[] = {
	{ HEDDLE, "", "bridge-masq.conflist", 0 },
	{ REFERENCE, "", "bridge-masq.conflist", 0 },
};

#define NO_LEASES   "no leases"
#define MANY_LEASES "10,000 leases"

static const struct lane_def lease_lanes[] = {
	{ HEDDLE, NO_LEASES, "host-local.conflist", 0 },
	{ REFERENCE, NO_LEASES, "host-local.conflist", 0 },
	{ HEDDLE, MANY_LEASES, "host-local.conflist", 10000 },
	{ REFERENCE, MANY_LEASES, "host-local.conflist", 10000 },
};

#define ALONE  "alone"
#define AMONG  "1,000 others"
#define OTHERS 1000

static const struct lane_def chain_lanes[] = {
	{ HEDDLE, ALONE, "podman.conflist" },
	{ REFERENCE, ALONE, "podman.conflist" },
	{ HEDDLE, AMONG, "podman.conflist", .others = OTHERS },
};

#define VERSION	 "VERSION"
#define ADD	 "ADD"
#define DEL	 "DEL"
#define DEL_BARE "DEL without prevResult"
#define GC	 "GC"
#define CONNECT	 "connect"
#define TO_END	 STEP_TO_END

static const struct step version_steps[] = { { OP_VERSION, VERSION } };
static const struct step attach_steps[] = { { OP_ADD, ADD }, { OP_DEL, DEL } };
static const struct step chain_steps[] = {
	{ OP_ADD, ADD },
	{ OP_CONNECT, CONNECT },
	{ OP_DEL, DEL },
};
static const struct step lease_steps[] = {
	{ OP_ADD, ADD },	   { OP_DEL, DEL },  { OP_ADD, NULL },
	{ OP_DEL_BARE, DEL_BARE }, { OP_ADD, NULL }, { OP_GC, GC },
};

#define LANES(l) .lanes = (l), .n_lanes = ARRAY_SIZE(l)
#define STEPS(s) .steps = (s), .n_steps = ARRAY_SIZE(s)

/* ---- scenarios ---------------------------------------------------------------- */

const struct scenario scenarios[] = {
	{
		.name = "process",
		.title = "a process that does nothing",
		LANES(bridge_lanes),
		STEPS(version_steps),
		.containers = 1,
		.run = run_rounds,
	},
	{
		.name = "bridge",
		.title = "bridge + host-local",
		LANES(bridge_lanes),
		STEPS(attach_steps),
		.wires = true,
		.containers = 1,
		.run = run_rounds,
	},
	{
		.name = "masq",
		.title = "bridge + host-local, ipMasq",
		LANES(masq_lanes),
		STEPS(attach_steps),
		.wires = true,
		.containers = 1,
		.run = run_rounds,
	},
	{
		.name = "host-local",
		.title = "host-local",
		LANES(lease_lanes),
		STEPS(lease_steps),
		.containers = 1,
		.rounds_per_round = 4, /* the reference takes 100 ms for each */
		.run = run_rounds,
	},
	{
		.name = "parallel",
		.title = "bridge + host-local, 8 in parallel",
		LANES(bridge_lanes),
		STEPS(attach_steps),
		.wires = true,
		.containers = 96,
		.width = 8,
		.rounds_per_round = 20,
		.run = run_batches,
	},
	{
		.name = "sequence",
		.title = "bridge + host-local, one after another",
		LANES(bridge_lanes),
		STEPS(attach_steps),
		.wires = true,
		.containers = 16,
		.width = 1,
		.rounds_per_round = 20,
		.run = run_batches,
	},
	{
		/* The last: what it fills its hosts with is there until the end. */
		.name = "chain",
		.title = "Podman's chain: bridge + portmap + firewall + tuning, one port",
		LANES(chain_lanes),
		STEPS(chain_steps),
		.wires = true,
		.publishes = true,
		.containers = 1,
		.rounds_per_round = 3, /* the reference takes 300 ms for each */
		.run = run_rounds,
	},
};
const size_t n_scenarios = ARRAY_SIZE(scenarios);

/* ---- goals -------------------------------------------------------------------- */

#define OVER(...)   .over = { __VA_ARGS__ }
#define UNDER(...)  .under = { __VA_ARGS__ }
#define AT_LEAST(x) .kind = TIMES_AT_LEAST, .bound = (x)
#define AT_MOST(x)  .kind = TIMES_AT_MOST, .bound = (x)
#define MS_MORE(x)  .kind = MORE_AT_MOST, .bound = (x)
#define REF_HEDDLE(scenario, step)                                                                 \
	OVER(scenario, step, REFERENCE, ""), UNDER(scenario, step, HEDDLE, "")
#define CHAIN_REF_HEDDLE(step)                                                                     \
	OVER("chain", step, REFERENCE, ALONE), UNDER("chain", step, HEDDLE, ALONE)
#define CHAIN_AMONG_ALONE(step)                                                                    \
	OVER("chain", step, HEDDLE, AMONG), UNDER("chain", step, HEDDLE, ALONE)

const struct goal goals[] = {
	{ "bridge ADD, reference / heddle", REF_HEDDLE("bridge", ADD), AT_LEAST(3.5) },
	{ "bridge DEL, reference / heddle", REF_HEDDLE("bridge", DEL), AT_LEAST(10) },
	{ "bridge ADD, heddle / least", OVER("bridge", ADD, HEDDLE, ""),
	  UNDER("bridge", ADD, LEAST, ""), AT_MOST(1.8) },
	{ "bridge ADD, peak memory, heddle / reference", OVER("bridge", ADD, HEDDLE, ""),
	  UNDER("bridge", ADD, REFERENCE, ""), .measure = MEMORY, AT_MOST(0.25) },
	{ "bridge DEL, peak memory, heddle / reference", OVER("bridge", DEL, HEDDLE, ""),
	  UNDER("bridge", DEL, REFERENCE, ""), .measure = MEMORY, AT_MOST(0.25) },
	{ "bridge with ipMasq ADD, reference / heddle", REF_HEDDLE("masq", ADD), AT_LEAST(3.5) },
	{ "bridge with ipMasq DEL, reference / heddle", REF_HEDDLE("masq", DEL), AT_LEAST(10) },
	{ "8 in parallel ADD, reference / heddle", REF_HEDDLE("parallel", ADD), AT_LEAST(4) },
	{ "8 in parallel DEL, reference / heddle", REF_HEDDLE("parallel", DEL), AT_LEAST(4) },
	{ "8 in parallel DEL to the end, reference / heddle", REF_HEDDLE("parallel", TO_END),
	  AT_LEAST(4) },
	{ "host-local ADD, 10,000 leases / none", OVER("host-local", ADD, HEDDLE, MANY_LEASES),
	  UNDER("host-local", ADD, HEDDLE, NO_LEASES), AT_MOST(1.3) },
	{ "host-local ADD, 10,000 leases - none", OVER("host-local", ADD, HEDDLE, MANY_LEASES),
	  UNDER("host-local", ADD, HEDDLE, NO_LEASES), MS_MORE(3) },
	{ "host-local DEL without prevResult, heddle / reference",
	  OVER("host-local", DEL_BARE, HEDDLE, MANY_LEASES),
	  UNDER("host-local", DEL_BARE, REFERENCE, MANY_LEASES), AT_MOST(0.5) },
	{ "host-local GC / reference's DEL", OVER("host-local", GC, HEDDLE, MANY_LEASES),
	  UNDER("host-local", DEL_BARE, REFERENCE, MANY_LEASES), AT_MOST(0.5) },
	{ "Podman's chain ADD, reference / heddle", CHAIN_REF_HEDDLE(ADD), AT_LEAST(10) },
	{ "Podman's chain DEL, reference / heddle", CHAIN_REF_HEDDLE(DEL), AT_LEAST(25) },
	{ "Podman's chain ADD, 1,000 containers of 10 ports / none", CHAIN_AMONG_ALONE(ADD),
	  AT_MOST(1.3) },
	{ "connection to a port, among 10,000 / alone", CHAIN_AMONG_ALONE(CONNECT), AT_MOST(1.2) },
};
const size_t n_goals = ARRAY_SIZE(goals);
