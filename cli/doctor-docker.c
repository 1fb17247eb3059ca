/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor-docker - the check of what Docker has got from netd, and has lost */
#include <stdio.h>

#include "cli/docker-networks.h"
#include "cli/doctor.h"
#include "lib/cleanup.h"

static void check_network(struct doctor *d, const struct docker_networks *all, const json_t *net)
{
	const char *id = json_string_value(json_object_get(net, "id"));
	const char *bridge = json_string_value(json_object_get(net, "bridge"));
	const char *subnet = json_string_value(json_array_get(json_object_get(net, "subnets"), 0));
	json_int_t containers = json_integer_value(json_object_get(net, "containers"));
	AUTO_FREE char *mend = doctor_text("heddle network rm %.12s", id ? id : "");

	if (!id || !bridge || !docker_networks_lost(all, id))
		return;
	if (containers > 0)
		doctor_find(d, DOCTOR_WARNING, mend,
			    "Docker does not know its network %.12s any more, and containers of it "
			    "still run, %d of them: stop them, and remove it",
			    id, (int)containers);
	else
		doctor_find(d, DOCTOR_WARNING, mend,
			    "Docker does not know its network %.12s any more: its subnet %s and "
			    "the bridge %s stay taken",
			    id, subnet ? subnet : "", bridge);
}

static void check_subnet(struct doctor *d, const struct docker_networks *all, const char *subnet)
{
	AUTO_FREE char *mend = doctor_text("heddle network rm %s", subnet);

	if (docker_networks_lost(all, subnet))
		doctor_find(d, DOCTOR_WARNING, mend,
			    "Docker has asked for the subnet %s, and no network of it has it: it "
			    "stays taken",
			    subnet);
}

int doctor_docker(struct doctor *d, struct err *e)
{
	AUTO(docker_networks_clear) struct docker_networks all = { 0 };
	const char *subnet;
	json_t *net;
	size_t i;
	int r = docker_networks_load(d->env, &all, e);

	if (r < 0)
		return r;
	json_array_foreach(json_object_get(all.held, "networks"), i, net)
		check_network(d, &all, net);
	json_object_foreach(json_object_get(all.held, "subnets"), subnet, net)
		check_subnet(d, &all, subnet);

	return 0;
}
