/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cluster-methods - what an operator may ask of the cluster, by the control socket
 *
 *	cluster.init {name?}			-> {name, id}
 *	cluster.join {token, addresses: [..]}	-> {name, id}, once it is in
 *	leave {force?}				-> {}, once the good-bye is said
 *	node.list				-> {nodes: [..]}
 *	node.inspect {node}			-> a node and what it owns
 *	node.forget {node, dry_run?, force?}	-> what is at stake; {} once all others agree
 *	node.drain {on?}			-> {draining}
 *	token.create {ttl_s?}			-> {token, id, expires}
 *	token.list				-> {tokens: [..]}: made here, or revoked anywhere
 *	token.revoke {token} or {id}		-> {}
 *	key.rotate {step: add|use|remove}	-> {order}
 *	admitter.seal {node}			-> {sealed}: the cluster's key, for that node only
 *	admitter.open {sealed}			-> {}: this node is an admitter now
 *
 * A node is named by its name, its id, or the first digits of it that no other has.
 */
#include "lib/cleanup.h"
#include "netd/cluster-private.h"

int cluster_add_methods(struct cluster *c, struct err *e)
{
	static const struct control_method *const tables[] = {
		cluster_entry_methods,
		cluster_node_methods,
		cluster_key_methods,
		cluster_token_methods,
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(tables); i++)
		r = control_register(c->d->control, tables[i], c, e);

	return r;
}
