#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Beside Docker: br_netfilter is on, and `ip filter FORWARD` drops what no rule of it knows.

load netd.bash
load netd-overlay.bash

MARK=0x2000000/0x2000000

setup() { netd_setup; }
teardown() { netd_teardown; }

# filters HOST: what is bridged comes by iptables; the values are the namespace's own
filters() {
	local key
	for key in iptables ip6tables; do
		on_host "$1" sysctl -qw "net.bridge.bridge-nf-call-$key=1" ||
			skip "kernel: no br_netfilter: /proc/sys/net/bridge is not there"
	done
}

# drops HOST: as Docker makes it at its start
drops() {
	local tables
	for tables in iptables ip6tables; do
		on_host "$1" "$tables" -P FORWARD DROP
	done
}

# passes HOST: what is marked, by one rule of each family
passes() {
	local tables
	for tables in iptables ip6tables; do
		[[ $(on_host "$1" "$tables" -S FORWARD | grep -c -- "--mark $MARK -j ACCEPT") == 1 ]] || return 1
	done
}

# see_each_other: containers c1 of a and c1 of b, both ways and in both families
see_each_other() {
	local family
	for family in 4 6; do
		reaches a c1 "$(address b c1 $family)" || return 1
		reaches b c1 "$(address a c1 $family)" || return 1
	done
}

# cannot HOST CONTAINER ADDRESS
cannot() { ! in_container "$1" "$2" ping -q -c 1 -W 2 "$3" >/dev/null; }

two_hosts() {
	cluster_start a b
	filters a
	filters b
	network_create a warp '{"ipv6": true}'
	network_everywhere warp a b
}

@test "a host whose FORWARD drops: containers of other hosts reach those here" {
	two_hosts
	drops a
	drops b
	attach a warp c1
	attach b warp c1
	see_each_other
	passes a
	passes b
	# It was asked: nothing else would let the ping of the other host in.
	on_host b iptables -D FORWARD -m mark --mark "$MARK" -j ACCEPT
	wait_for passes b
	see_each_other
}

@test "FORWARD drops from later on, as when Docker starts after netd" {
	two_hosts
	attach a warp c1
	attach b warp c1
	see_each_other
	drops a
	drops b
	wait_for passes a
	wait_for passes b
	see_each_other
	# It is within a network only that the mark is given.
	on_host a nft list chain inet heddle_overlay forward | grep -q 'iifname . oifname @bridges'
	on_host a nft flush ruleset
	drops a
	wait_for passes a
	wait_for see_each_other
}

@test "FORWARD began to drop while netd was down" {
	two_hosts
	attach a warp c1
	attach b warp c1
	netd_stop a
	drops a
	netd_start a
	wait_for see_each_other
	# Not by a second try: the start itself has let it pass.
	passes a
	[[ $(netd_metric a heddle_netd_plane_failures_total) == 0 ]]
}

# isolates HOST VERB: the plugin firewall, for c1, of which $result is
isolates() {
	on_host "$1" env CNI_COMMAND="$2" CNI_CONTAINERID="c1-$1" CNI_IFNAME=eth0 CNI_NETNS=/run/netns/c1 \
		CNI_PATH="$NETD_PLUGINS" "$NETD_PLUGINS/firewall" < <(jq -c \
		'{cniVersion: "1.1.0", name: "warp", type: "firewall", ingressPolicy: "isolated", prevResult: .}' <<<"$result")
}

# locks_iptables HOST: as a plugin does while it runs iptables; the process is in $LOCKER
locks_iptables() {
	nsenter --target "${HOST_PIDS[$1]}" --mount --net -- python3 -c '
import fcntl, pathlib, time
lock = open("/proc/self/ns/net")
fcntl.flock(lock, fcntl.LOCK_EX)
pathlib.Path("/run/locked").touch()
time.sleep(600)' 3>&- &
	LOCKER=$!
	wait_for on_host "$1" test -e /run/locked
}

@test "iptables is being changed by somebody: netd goes on, and new containers wait" {
	two_hosts
	locks_iptables b
	drops b
	container_new b c1
	cni ADD b warp c1
	error_is 11 'iptables is at it'
	netd_answers b
	kill "$LOCKER"
	wait_for passes b
	cni ADD b warp c1
	[[ $status -eq 0 ]]
	attach a warp c1
	see_each_other
}

@test "what the firewall plugin shuts stays shut" {
	two_hosts
	drops a
	drops b
	attach b warp c1
	attach a warp c1
	local bridge result=$output
	bridge=$(on_host a ip -j link show type bridge | jq -r '.[].ifname | select(startswith("hb-"))')
	see_each_other
	# None of the bridge's containers sees another.
	isolates a ADD
	on_host a nft get element inet heddle isolated "{ \"$bridge\" . \"$bridge\" }" >/dev/null
	cannot b c1 "$(address a c1 4)"
	isolates a DEL
	see_each_other
}
