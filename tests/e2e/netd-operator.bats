#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What an operator types, also when it is wrong, and what the command says then.

# shellcheck disable=SC2030,SC2031,SC2154 # bats runs each test in a subshell; netd.bash sets what it says
load netd
load netd-overlay

setup() { netd_setup; }
teardown() { netd_teardown; }

# heddle HOST WORD…
heddle() {
	local host=$1
	shift
	on_host "$host" "${NETD_PLUGINS%/*}/heddle" --cni-plugin-path "$NETD_PLUGINS" "$@"
}

# says TEXT COMMAND…: it fails, with TEXT in what it says
says() {
	local text=$1
	shift
	run "$@"
	[[ $status -ne 0 && $output == *"$text"* ]] || { echo "status $status: $output" >&2; return 1; }
}

is_alone() { [[ $(netd_ask "$1" status | jq .cluster.alive) == 1 ]]; }

@test "containers of one name on several hosts are listed, each with its node" {
	cluster_start a b
	heddle a network create --scope swarm --subnet 10.77.0.0/24 blau
	network_everywhere blau a b
	local host
	for host in a b; do
		on_host "$host" mkdir -p /run/netns
		container_new "$host" c1
		heddle "$host" attach --network blau c1
	done
	both_are_listed() {
		local host
		for host in a b; do
			[[ $(heddle b network inspect -f '{{json .Containers}}' blau |
				jq -r --arg ip "$(address "$host" c1 4)/24" '.[] | select(.IPv4Address == $ip) | .Node') == "$host" ]] ||
				return 1
		done
	}
	wait_for both_are_listed
}

@test "a network is removed right after its last container has gone elsewhere" {
	cluster_start a b
	for _ in 1 2 3; do
		heddle a network create --scope swarm --subnet 10.77.0.0/24 blau
		network_everywhere blau a b
		attach a blau c1
		attach b blau c1
		detach a blau c1
		wait_for endpoints_are a blau "c1-b b"
		says 'has active endpoints (name:"c1-b"' heddle a network rm blau
		detach b blau c1
		heddle a network rm blau
		wait_for has_no_conflist b blau
		on_host a ip netns delete c1
		on_host b ip netns delete c1
	done
}

@test "subnets that hold the nodes are not a network's" {
	host_start a
	netd_configure a "default-pools = 10.99.0.0/23 size 24"
	cluster_found a
	wait_for phase_is_up a
	says "subnet 10.96.0.0/13: the nodes reach each other in it, a at 10.99.0.1: choose another" \
		heddle a network create --scope swarm --subnet 10.96.0.0/13 blau
	heddle a network create --scope swarm weiss
	netd_ask a network.list | jq -e '.networks[0].subnets[0].subnet == "10.99.1.0/24"'
}

phase_is_up() { [[ $(netd_ask "$1" status | jq -r .cluster.phase) == up ]]; }

@test "a node that is cut off before it owns VNIs says what it waits for" {
	cluster_start a b
	on_host b ip link set eth0 down
	says "the VNIs are other nodes' to give, and none of them has answered yet" \
		heddle b network create --scope swarm --subnet 10.77.0.0/24 blau
	wait_for is_alone b
	on_host b ip link set eth0 up
	wait_for all_see_all a b
	heddle b network create --scope swarm --subnet 10.77.0.0/24 blau
}

@test "words that are wrong or missing" {
	host_start a
	says "netd does not answer at /run/heddle/netd.sock: No such file or directory; start it: systemctl start heddle-netd" \
		heddle a node ls
	says 'there is no command "ini": init, join, check, or none to run' netd_run a ini
	says 'join token: it has to begin with "heddle-join-1-": copy it again from where it was issued' \
		netd_run a join some-token 10.99.0.2
	[[ $output == *issued ]]
	cluster_found a
	wait_for phase_is_up a
	says "it needs add|use|remove" heddle a key rotate
	says 'node "b": no such node: heddle node ls lists them' heddle a node inspect b
}
