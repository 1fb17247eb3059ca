#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Draining: what `heddle node drain` asks of netd, before a host is stopped for long.

# shellcheck disable=SC2030,SC2031,SC2154 # bats runs each test in a subshell; netd.bash sets what it says
load netd
load netd-overlay

setup() { netd_setup; }
teardown() { netd_teardown; }

is_added() { cni ADD a n c3; [[ $status -eq 0 ]]; }

@test "a node that is drained takes no new containers, and keeps those it has" {
	cluster_start a b
	network_create a n
	network_everywhere n a b
	attach a n c1
	attach b n c2
	netd_ask a node.drain >/dev/null
	container_new a c3
	cni ADD a n c3
	[[ $status -ne 0 && $(jq .code <<<"$output") == 11 && $output == *"is being drained"* ]]
	[[ $(netd_ask a status | jq -r .why) == *drained* ]]
	reaches b c2 "$(address a c1 4)"
	netd_stop a
	netd_start a
	cni ADD a n c3
	[[ $status -ne 0 ]]
	netd_ask a node.drain '{"on": false}' >/dev/null
	wait_for is_added
}
