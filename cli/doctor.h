/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor - what on this host keeps containers from their network
 *
 * A check is a function that looks, changes nothing, and reports findings.  Each
 * has a name by which scripts know it; doctor.c has the table, a file for each
 * area has the checks.
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/census.h"
#include "cli/store.h"

struct command_env;
struct err;
struct nl;

enum doctor_severity {
	DOCTOR_ERROR,	/* something does not work now */
	DOCTOR_WARNING, /* something will not, or is left over */
};

struct doctor {
	const struct command_env *env;
	struct store store;
	struct census census;
	struct nl *route, *nft; /* of the host's namespace */
	const char *check;	/* whose turn it is */
	json_t *findings;
};

/**
 * doctor_find() - report a finding of the check whose turn it is
 * @mend:	the command that mends it
 * @fmt:	one sentence: the thing, its value, and what comes of it
 */
void doctor_find(struct doctor *d, enum doctor_severity severity, const char *mend, const char *fmt,
		 ...) __attribute__((format(printf, 4, 5)));

/* Text as with printf(), for a mend; owned by the caller, NULL: out of memory. */
char *doctor_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* An attachment that lives, of @network, or of any if that is NULL; NULL: there is none. */
const struct census_item *doctor_used_by(const struct doctor *d, const char *network);

/* The command that makes an attachment anew, as doctor_text(). */
char *doctor_attach_again(const struct census_item *item);

/* Whether a plugin of that type is in the network's chain.  Return: its config, or NULL. */
const json_t *doctor_plugin(const struct network *net, const char *type);

/* Whether it is a bridge network with a conflist, which is what most checks are about. */
bool doctor_is_bridge(const struct network *net);

/* The checks.  Return: 0, or a negative errno of looking. */
int doctor_forwarding(struct doctor *d, struct err *e);
int doctor_reverse_path(struct doctor *d, struct err *e);
int doctor_bridge_netfilter(struct doctor *d, struct err *e);
int doctor_features(struct doctor *d, struct err *e);
int doctor_forward_chains(struct doctor *d, struct err *e);
int doctor_legacy_iptables(struct doctor *d, struct err *e);
int doctor_tables(struct doctor *d, struct err *e);
int doctor_subnets(struct doctor *d, struct err *e);
int doctor_routes(struct doctor *d, struct err *e);
int doctor_bridges(struct doctor *d, struct err *e);
int doctor_mtu(struct doctor *d, struct err *e);
int doctor_garbage(struct doctor *d, struct err *e);
int doctor_leases(struct doctor *d, struct err *e);
int doctor_config_dir(struct doctor *d, struct err *e);
int doctor_pod_network(struct doctor *d, struct err *e);
int doctor_plugins(struct doctor *d, struct err *e);
int doctor_netd(struct doctor *d, struct err *e);
int doctor_tunnels(struct doctor *d, struct err *e);
int doctor_docker(struct doctor *d, struct err *e);

#endif
