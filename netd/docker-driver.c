/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * docker-driver - NetworkDriver.*: networks and endpoints
 *
 * dockerd repeats calls that it got no answer to, and does not say after a restart
 * what it had said before it.  So each call may come twice, what is gone is no
 * error to remove, and a record is on the disk before the kernel is changed.
 *
 * Without a gateway in the answer to Join, dockerd gives the container a second
 * interface on its own docker_gwbridge and publishes ports there, which `docker
 * ps` shows: that is -o ports=docker.  With ports=heddle the network's own gateway
 * leads out, and ports are elements of our maps.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/link.h"
#include "lib/portmappings.h"
#include "netd/daemon.h"
#include "netd/docker-bridge.h"
#include "netd/docker-network.h"
#include "netd/docker-private.h"
#include "netd/docker-shared.h"
#include "netd/store.h"

static int get_capabilities(struct docker *k, const struct jnode *request, json_t **reply,
			    struct err *e)
{
	(void)k;
	(void)request;

	return docker_reply(reply,
			    json_pack("{s:s, s:s}", "Scope", "local", "ConnectivityScope", "local"),
			    e);
}

/* For what a network driver may be told, and this one has no use for. */
static int nothing_to_do(struct docker *k, const struct jnode *request, json_t **reply,
			 struct err *e)
{
	(void)k;
	(void)request;

	return docker_done(reply, e);
}

/* ---- networks ------------------------------------------------------------ */

/* Return: 1 if it was told before, and is what it was then; 0 if it may be added; or why not. */
static int look_for_known(struct docker *k, struct docker_network *n, struct err *e)
{
	struct docker_network known;

	if (docker_network_find(k->daemon->store, n->id, &known, NULL) < 0)
		return store_may_add(k->daemon->store, e);
	n->adopted = known.adopted;

	return 1;
}

static int create_bridge(struct docker *k, struct docker_network *n, bool known, struct err *e)
{
	bool adopted = n->adopted;
	int r = docker_bridge_create(k, n, e);

	if (r < 0)
		return r;
	if (known)
		n->adopted = adopted;
	r = docker_network_keep(k->daemon->store, n, e);
	if (r < 0 && !known)
		(void)docker_bridge_delete(k, n, NULL);

	return r;
}

static int create_network(struct docker *k, const struct jnode *request, json_t **reply,
			  struct err *e)
{
	struct docker_network n;
	bool make;
	int known, r;

	if ((r = docker_network_read(request, &n, e)) < 0)
		return r;
	make = n.spans && !docker_shared_exists(k, n.shared);
	if ((*n.shared && !make && (r = docker_shared_find(k, &n, e)) < 0) ||
	    (r = docker_network_need_free(k->daemon->store, &n, e)) < 0 ||
	    (r = known = look_for_known(k, &n, e)) < 0)
		return r;
	if (make)
		return docker_shared_create(k, &n, e);
	r = *n.shared ? docker_shared_keep(k, &n, e) : create_bridge(k, &n, known > 0, e);

	return r < 0 ? r : docker_done(reply, e);
}

static int delete_network(struct docker *k, const struct jnode *request, json_t **reply,
			  struct err *e)
{
	struct store *s = k->daemon->store;
	struct docker_network n;
	const char *id;
	int r = docker_need_text(request, "NetworkID", &id, e);

	if (r < 0)
		return r;
	r = docker_network_find(s, id, &n, e);
	if (r == -ENOENT)
		return docker_done(reply, e);
	if (r < 0 || (r = docker_network_count(s, id, e)) < 0)
		return r;
	if (r > 0)
		return err_say(e, EBUSY, "network %.12s has %d endpoints", id, r);
	if ((!*n.shared && (r = docker_bridge_delete(k, &n, e)) < 0) ||
	    (r = docker_record_drop(s, DOCKER_NETWORK, id, e)) < 0)
		return r;

	return docker_done(reply, e);
}

/* ---- endpoints ----------------------------------------------------------- */

/* Only what was not asked for may be answered. */
static json_t *interface_json(const struct docker_endpoint *ep, bool has_mac)
{
	char mac[MAC_STRLEN];

	if (has_mac)
		return json_pack("{s:{}}", "Interface");

	return json_pack("{s:{s:s}}", "Interface", "MacAddress", mac_str(ep->mac, mac));
}

static int create_endpoint(struct docker *k, const struct jnode *request, json_t **reply,
			   struct err *e)
{
	struct store *s = k->daemon->store;
	struct docker_endpoint ep, known;
	struct docker_network n;
	bool has_mac;
	int r;

	if ((r = docker_endpoint_read(request, &ep, &has_mac, e)) < 0 ||
	    (r = docker_network_find(s, ep.network, &n, e)) < 0)
		return r;
	if (docker_endpoint_find(s, ep.id, &known, NULL) < 0)
		r = store_may_add(s, e);
	else if (!has_mac)
		memcpy(ep.mac, known.mac, MAC_LEN);
	if (r < 0 || (r = docker_endpoint_keep(s, &ep, STORE_DURABLE, e)) < 0)
		return r;

	return docker_reply(reply, interface_json(&ep, has_mac), e);
}

static int need_endpoint(struct docker *k, const struct jnode *request, struct docker_network *n,
			 struct docker_endpoint *ep, struct err *e)
{
	const char *id;
	int r;

	if ((r = docker_need_text(request, "EndpointID", &id, e)) < 0 ||
	    (r = docker_endpoint_find(k->daemon->store, id, ep, e)) < 0)
		return r;

	return docker_network_find(k->daemon->store, ep->network, n, e);
}

/* The same where it is to go.  Return: 1 if it is there, 0 if it is gone already. */
static int look_for_endpoint(struct docker *k, const struct jnode *request,
			     struct docker_network *n, struct docker_endpoint *ep, struct err *e)
{
	int r = need_endpoint(k, request, n, ep, e);

	if (r == -ENOENT)
		return 0;

	return r < 0 ? r : 1;
}

int docker_leave_network(struct docker *k, const struct docker_network *n,
			 const struct docker_endpoint *ep, struct err *e)
{
	return *n->shared ? docker_shared_leave(k, n, ep, e) : docker_bridge_leave(k, n, ep, e);
}

static int delete_endpoint(struct docker *k, const struct jnode *request, json_t **reply,
			   struct err *e)
{
	struct docker_network n;
	struct docker_endpoint ep;
	int r = look_for_endpoint(k, request, &n, &ep, e);

	if (r > 0) {
		if ((!ep.left && (r = docker_leave_network(k, &n, &ep, e)) < 0) ||
		    (r = docker_record_drop(k->daemon->store, DOCKER_ENDPOINT, ep.id, e)) < 0)
			return r;
	}

	return r < 0 ? r : docker_done(reply, e);
}

static int oper_info(struct docker *k, const struct jnode *request, json_t **reply, struct err *e)
{
	struct docker_network n;
	struct docker_endpoint ep;
	char mac[MAC_STRLEN];
	int r = look_for_endpoint(k, request, &n, &ep, e);

	if (r < 0)
		return r;
	if (r == 0)
		return docker_reply(reply, json_pack("{s:{}}", "Value"), e);

	return docker_reply(reply,
			    json_pack("{s:{s:s, s:s}}", "Value", "bridge", n.bridge,
				      "com.docker.network.endpoint.macaddress",
				      mac_str(ep.mac, mac)),
			    e);
}

/* ---- in a container ------------------------------------------------------ */

/* One that has left may join again. */
static int come_back(struct docker *k, struct docker_endpoint *ep, struct err *e)
{
	if (!ep->left)
		return 0;
	ep->left = false;

	return docker_endpoint_keep(k->daemon->store, ep, STORE_DURABLE, e);
}

static int join(struct docker *k, const struct jnode *request, json_t **reply, struct err *e)
{
	struct docker_network n;
	struct docker_endpoint ep;
	char ifname[IFNAMSIZ];
	int r;

	if ((r = need_endpoint(k, request, &n, &ep, e)) < 0 || (r = come_back(k, &ep, e)) < 0)
		return r;
	if (*n.shared)
		return docker_shared_join(k, &n, &ep, e);
	r = docker_bridge_join(k, &n, &ep, ifname, e);
	if (r < 0)
		return r;

	return docker_reply(reply, docker_join_json(&n, ifname), e);
}

static int leave(struct docker *k, const struct jnode *request, json_t **reply, struct err *e)
{
	struct docker_network n;
	struct docker_endpoint ep;
	int r = look_for_endpoint(k, request, &n, &ep, e);

	if (r > 0 && !ep.left) {
		r = docker_leave_network(k, &n, &ep, e);
		ep.left = true;
		/* DeleteEndpoint follows; without the record it looks once more. */
		if (r == 0)
			(void)docker_endpoint_keep(k->daemon->store, &ep, STORE_LAZY, NULL);
	}

	return r < 0 ? r : docker_done(reply, e);
}

/* ---- ports --------------------------------------------------------------- */

/* One entry of dockerd's list as runtimes of CNI write it, which is what is read. */
static json_t *mapping_json(const struct jnode *entry, struct err *e)
{
	uint64_t proto, port, host_port = 0;
	const char *host_ip;
	struct jnode n, at;

	if (docker_need(entry, "Proto", &n, e) < 0 || jn_uint(&n, 1, 255, &proto, e) < 0 ||
	    docker_need(entry, "Port", &n, e) < 0 || jn_uint(&n, 1, 65535, &port, e) < 0 ||
	    (jn_get(entry, "HostPort", &at) && jn_uint(&at, 0, 65535, &host_port, e) < 0) ||
	    docker_text(entry, "HostIP", &host_ip, e) < 0)
		return NULL;
	if (host_port == 0) {
		(void)err_cni(e, CNI_E_CONFIG,
			      "port %d of the container is published without a port of the host: "
			      "with -o ports=heddle say one, -p PORT:%d",
			      (int)port, (int)port);
		return NULL;
	}

	return json_pack("{s:i, s:i, s:s, s:s}", "hostPort", (int)host_port, "containerPort",
			 (int)port, "protocol", portmappings_proto_name((uint8_t)proto), "hostIP",
			 host_ip);
}

static int read_mappings(const struct jnode *list, json_t *ret, struct err *e)
{
	for (size_t i = 0; i < jn_count(list); i++) {
		const struct jnode entry = jn_item(list, i);
		json_t *mapping = mapping_json(&entry, e);

		if (!mapping)
			return -EINVAL;
		if (json_array_append_new(ret, mapping) < 0)
			return err_sys(e, ENOMEM, "publish ports");
	}

	return 0;
}

static int read_ports(const struct jnode *request, struct publish_port **ret, size_t *n,
		      struct err *e)
{
	static const struct ip_addr any;
	AUTO_JSON json_t *mappings = json_array();
	struct jnode options, list, root;
	int r;

	*ret = NULL;
	*n = 0;
	if (!jn_get(request, "Options", &options) ||
	    !jn_get(&options, "com.docker.network.portmap", &list))
		return 0;
	if (!mappings)
		return err_sys(e, ENOMEM, "publish ports");
	r = read_mappings(&list, mappings, e);
	root = jn_root(mappings);

	return r < 0 ? r : portmappings_read(&root, &any, ret, n, e);
}

static int publish(struct docker *k, const struct jnode *request, json_t **reply, struct err *e)
{
	AUTO_FREE struct publish_port *ports = NULL;
	struct docker_network n;
	struct docker_endpoint ep;
	size_t n_ports;
	int r;

	if ((r = need_endpoint(k, request, &n, &ep, e)) < 0)
		return r;
	if (n.ports && !n.internal) {
		r = read_ports(request, &ports, &n_ports, e);
		if (r == 0 && n_ports > 0)
			r = docker_bridge_publish(k, &n, &ep, ports, n_ports, e);
	}

	return r < 0 ? r : docker_done(reply, e);
}

static int unpublish(struct docker *k, const struct jnode *request, json_t **reply, struct err *e)
{
	struct docker_network n;
	struct docker_endpoint ep;
	int r = look_for_endpoint(k, request, &n, &ep, e);

	if (r > 0)
		r = docker_bridge_unpublish(k, &n, &ep, e);

	return r < 0 ? r : docker_done(reply, e);
}

const struct docker_method docker_driver_methods[] = {
	{ "/NetworkDriver.GetCapabilities", get_capabilities },
	{ "/NetworkDriver.AllocateNetwork", nothing_to_do },
	{ "/NetworkDriver.FreeNetwork", nothing_to_do },
	{ "/NetworkDriver.CreateNetwork", create_network },
	{ "/NetworkDriver.DeleteNetwork", delete_network },
	{ "/NetworkDriver.CreateEndpoint", create_endpoint },
	{ "/NetworkDriver.DeleteEndpoint", delete_endpoint },
	{ "/NetworkDriver.EndpointOperInfo", oper_info },
	{ "/NetworkDriver.Join", join },
	{ "/NetworkDriver.Leave", leave },
	{ "/NetworkDriver.DiscoverNew", nothing_to_do },
	{ "/NetworkDriver.DiscoverDelete", nothing_to_do },
	{ "/NetworkDriver.ProgramExternalConnectivity", publish },
	{ "/NetworkDriver.RevokeExternalConnectivity", unpublish },
	{ 0 },
};
