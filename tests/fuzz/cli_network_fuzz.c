/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli_network_fuzz - any JSON as a file of the config directory
 *
 * What is read as a network has a name, a driver and plugins.  What says of
 * itself that it is ours, and can be written, says the same when it is read again.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <string.h>

#include "cli/network-check.h"
#include "cli/network-conf-read.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/err.h"
#include "lib/jnode.h"
#include "lib/network-conf.h"
#include "lib/network-meta.h"
#include "lib/network-rules.h"
#include "lib/network.h"

#define FILE_NAME "/etc/cni/net.d/lows.conflist"

static void must_be_a_network(const struct network *net)
{
	const struct jnode root = jn_root(net->conf);
	struct jnode plugins;

	MUST(cni_valid_id(net->name, "name", CNI_E_CONFIG, NULL) == 0);
	MUST(net->driver && net->file && strlen(net->id) == NETWORK_ID_DIGITS);
	MUST(net->config_only || (jn_get(&root, "plugins", &plugins) && jn_count(&plugins) > 0));
	MUST(*network_conf_leases(net));
	for (size_t i = 0; i < net->n_subnets; i++)
		MUST(ip_is_set(&net->subnets[i].subnet.addr));
}

static void must_read_as_itself(const struct network *net)
{
	AUTO(network_clear) struct network again = { 0 };
	AUTO_JSON json_t *said = network_meta_write(net);
	AUTO_JSON json_t *says = NULL;
	struct err e;

	MUST(network_conf_read(net->conf, FILE_NAME, &again, &e) == 0);
	must_be_a_network(&again);
	says = network_meta_write(&again);
	MUST(said && json_equal(said, says) && strcmp(net->name, again.name) == 0);
	MUST(!net->link || net->config_only || strcmp(net->link, again.link) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(network_clear) struct network net = { 0 };
	AUTO_JSON json_t *doc = NULL;
	struct err e = { 0 };

	if (jn_parse((const char *)data, size, &doc, NULL) < 0)
		return 0;
	if (network_conf_read(doc, FILE_NAME, &net, &e) < 0) {
		MUST(e.sys == EINVAL && *e.msg && !net.name);
		return 0;
	}
	must_be_a_network(&net);
	(void)network_check_config(&net, &e);
	(void)network_check_addresses(&net, &e);
	(void)network_check_driver_config(&net, &e);
	if (net.origin == NETWORK_OURS && network_conf_write(&net, "/leases", &e) == 0)
		must_read_as_itself(&net);

	return 0;
}
