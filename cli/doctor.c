/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor - heddle doctor: the table of checks, and what they have found; see doctor.h */
#include "cli/doctor.h"

#include <argp.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/nl.h"

static const struct check {
	const char *name;
	int (*run)(struct doctor *d, struct err *e);
} checks[] = {
	{ "features", doctor_features },
	{ "forwarding", doctor_forwarding },
	{ "reverse-path", doctor_reverse_path },
	{ "bridge-netfilter", doctor_bridge_netfilter },
	{ "forward-chains", doctor_forward_chains },
	{ "legacy-iptables", doctor_legacy_iptables },
	{ "tables", doctor_tables },
	{ "config-dir", doctor_config_dir },
	{ "pod-network", doctor_pod_network },
	{ "plugins", doctor_plugins },
	{ "subnets", doctor_subnets },
	{ "routes", doctor_routes },
	{ "bridges", doctor_bridges },
	{ "mtu", doctor_mtu },
	{ "garbage", doctor_garbage },
	{ "leases", doctor_leases },
	{ "netd", doctor_netd },
	{ "tunnels", doctor_tunnels },
	{ "docker", doctor_docker },
};

static const struct argp argp = {
	.doc = "Look for what keeps containers from their network: settings of the kernel, rules "
	       "of other tools, networks that overlap, things that were altered or left behind. "
	       "Each finding comes with the command that mends it; nothing is changed."
	       "\vThe exit status is 0 if all is well, and 1 if there are findings.",
};

/* ---- what checks share ----------------------------------------------------------- */

char *doctor_text(const char *fmt, ...)
{
	char *text;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);

	return len < 0 ? NULL : text;
}

void doctor_find(struct doctor *d, enum doctor_severity severity, const char *mend, const char *fmt,
		 ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(d->findings,
			      json_pack("{s:s, s:s, s:s, s:s}", "check", d->check, "severity",
					severity == DOCTOR_ERROR ? "error" : "warning", "finding",
					text, "mend", mend ? mend : ""));
}

const struct census_item *doctor_used_by(const struct doctor *d, const char *network)
{
	for (size_t i = 0; i < d->census.n; i++) {
		const struct census_item *item = d->census.items[i];

		if (item->state == CENSUS_LIVES &&
		    (!network || strcmp(item->network, network) == 0))
			return item;
	}

	return NULL;
}

char *doctor_attach_again(const struct census_item *item)
{
	if (!item->entry || !item->entry->heddle)
		return strdup("podman network reload --all");

	return doctor_text("heddle detach %s && heddle attach --network %s --name %s %s",
			   item->container_id, item->network, item->container_id,
			   item->entry->netns);
}

const json_t *doctor_plugin(const struct network *net, const char *type)
{
	const json_t *plugin;
	size_t i;

	json_array_foreach(json_object_get(net->conf, "plugins"), i, plugin) {
		const char *name = json_string_value(json_object_get(plugin, "type"));

		if (name && strcmp(name, type) == 0)
			return plugin;
	}

	return NULL;
}

bool doctor_is_bridge(const struct network *net)
{
	return net->conf && net->link && doctor_plugin(net, "bridge");
}

/* ---- the command ------------------------------------------------------------------- */

static int look(struct doctor *d, struct err *e)
{
	int r;

	d->findings = json_array();
	if (!d->findings)
		return err_sys(e, ENOMEM, "look for what is wrong");
	if ((r = nl_open(NETLINK_ROUTE, &d->route, e)) < 0 ||
	    (r = nl_open(NETLINK_NETFILTER, &d->nft, e)) < 0 ||
	    (r = store_load(d->env, NULL, &d->store, e)) < 0)
		return r;

	return census_take(d->env, &d->store, &d->census, e);
}

/* A check that cannot look is itself a finding; the others go on. */
static void run_checks(struct doctor *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		struct err e = { 0 };

		d->check = checks[i].name;
		if (checks[i].run(d, &e) < 0)
			doctor_find(d, DOCTOR_ERROR, "", "cannot look: %s", e.msg);
	}
}

static const char *text(const json_t *finding, const char *key)
{
	return json_string_value(json_object_get(finding, key));
}

static void print(const struct doctor *d)
{
	const json_t *finding;
	size_t i;

	json_array_foreach(d->findings, i, finding) {
		printf("%-7s  %s: %s\n", text(finding, "severity"), text(finding, "check"),
		       text(finding, "finding"));
		if (text(finding, "mend")[0] != '\0')
			printf("         %s\n", text(finding, "mend"));
	}
	if (json_array_size(d->findings) == 0)
		printf("%zu checks, nothing found\n", ARRAY_SIZE(checks));
}

static void doctor_clear(struct doctor *d)
{
	nl_close(d->route);
	nl_close(d->nft);
	census_clear(&d->census);
	store_clear(&d->store);
	json_decref(d->findings);
}

int command_doctor(const struct command_env *env, int argc, char **argv)
{
	AUTO(doctor_clear) struct doctor d = { .env = env };
	bool json = env->json;
	struct err e = { 0 };
	int status = command_parse(&argp, argc, argv, NULL, &json);

	if (status != COMMAND_OK)
		return status;
	if (look(&d, &e) < 0)
		return command_error(&e);
	run_checks(&d);
	if (json) {
		json_dumpf(d.findings, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print(&d);
	}

	return json_array_size(d.findings) == 0 ? COMMAND_OK : COMMAND_FAILED;
}
