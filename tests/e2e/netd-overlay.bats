#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A network that spans hosts: containers reach each other, whatever happens to netd.

load netd.bash
load netd-overlay.bash

setup() { netd_setup; }
teardown() { netd_teardown; }

@test "containers on three hosts reach each other, and hosts reach containers" {
	cluster_start a b c
	network_create a warp '{"ipv6": true}'
	network_everywhere warp a b c

	# The example is what netd writes, but for the bridge's name.
	diff <(jq -S .plugins "$NETD_TOP_DIR/conf-examples/overlay.conflist") \
		<(on_host b jq -S '.plugins | del(.[0].bridge)' "$(conflist warp)")

	for host in a b c; do
		attach "$host" warp c1
		[[ $(jq '.ips | length' <<<"$output") == 2 ]]
		[[ $(jq -r '.interfaces[2].name' <<<"$output") == eth0 ]]
	done
	for from in a b c; do
		for to in a b c; do
			for family in 4 6; do
				will_reach "$from" c1 "$(address "$to" c1 $family)"
				wait_for host_reaches "$from" "$(address "$to" c1 $family)"
			done
		done
	done
	for host in a b c; do
		wait_for endpoints_are "$host" warp "c1-a a" "c1-b b" "c1-c c"
	done
}

@test "CHECK, DEL and what DEL leaves" {
	cluster_start a b
	network_create a warp
	network_everywhere warp a b
	attach a warp c1
	local result=$output
	attach b warp c1
	local at_b
	at_b=$(address b c1 4)

	cni CHECK a warp c1 ". + {prevResult: $result}"
	[[ $status -eq 0 && -z $output ]]
	in_container a c1 ip address flush dev eth0 scope global
	cni CHECK a warp c1 ". + {prevResult: $result}"
	error_is 100 'eth0'

	detach a warp c1
	wait_for endpoints_are b warp "c1-b b"
	[[ -z $(on_host a ip -o link show type veth | grep -o 'hv[a-z2-7]\{13\}' || :) ]]
	detach a warp c1
	# The address rests; another container gets another, and all is well.
	attach a warp c2
	[[ $(address a c2 4) != "$(jq -r '.ips[0].address' <<<"$result")" ]]
	will_reach a c2 "$at_b"
}

@test "a second ADD, requested addresses and MACs, and who has them" {
	cluster_start a b
	network_create a warp '{"subnets": [{"subnet": "10.77.0.0/24", "ipRange": "10.77.0.128/25", "gateway": "10.77.0.9", "auxAddresses": {"nas": "10.77.0.200"}}]}'
	network_everywhere warp a b
	attach a warp c1
	[[ $(address a c1 4) == 10.77.0.1[2-9]? || $(address a c1 4) == 10.77.0.2?? ]]
	[[ $(in_container a c1 ip -j route show default | jq -r '.[0].gateway') == 10.77.0.9 ]]

	on_host a ip netns add c1b
	cni ADD a warp c1
	error_is 4 eth0

	attach a warp c2 '. + {runtimeConfig: {ips: ["10.77.0.5/24"], mac: "02:aa:00:00:00:01"}}'
	[[ $(address a c2 4) == 10.77.0.5 ]]
	[[ $(in_container a c2 cat /sys/class/net/eth0/address) == 02:aa:00:00:00:01 ]]

	on_host b ip netns add c3
	cni ADD b warp c3 '. + {runtimeConfig: {ips: ["10.77.0.5"]}}'
	error_is 7 'Address already in use: 10.77.0.5' c2-a 'node a'
	cni ADD b warp c3 '. + {runtimeConfig: {mac: "02:aa:00:00:00:01"}}'
	error_is 7 'mac 02:aa:00:00:00:01 is in use' c2-a 'node a'
	cni ADD b warp c3 '. + {runtimeConfig: {ips: ["10.78.0.5"]}}'
	error_is 7 'no configured subnet contains IP address 10.78.0.5'
	for ip in 10.77.0.0 10.77.0.9 10.77.0.200 10.77.0.255; do
		cni ADD b warp c3 ". + {runtimeConfig: {ips: [\"$ip\"]}}"
		error_is 7 "$ip is a gateway, reserved"
	done
	# Nothing stays of what was refused; CNI_ARGS asks, too.
	CNI_ARGS='IgnoreUnknown=1;IP=10.77.0.6' cni ADD b warp c3
	[[ $status -eq 0 ]]
	[[ $(address b c3 4) == 10.77.0.6 ]]
	will_reach b c3 10.77.0.5
	wait_for endpoints_are b warp "c1-a a" "c2-a a" "c3-b b"

	# A container that is started again gets the address that it asks for, at once.
	detach a warp c2
	cni ADD a warp c2 '. + {runtimeConfig: {ips: ["10.77.0.5"]}}'
	[[ $status -eq 0 ]]
	will_reach b c3 10.77.0.5
}

@test "netd is not there: ADD says so, DEL works, and the next start knows" {
	cluster_start a b
	network_create a warp
	network_everywhere warp a b
	attach a warp c1
	attach a warp c2
	attach b warp c1
	local kept at_b
	kept=$(address a c1 4) at_b=$(address b c1 4)
	will_reach a c1 "$at_b"

	netd_stop a
	reaches a c1 "$at_b"
	on_host a ip netns add c3
	cni ADD a warp c3
	error_is 11 'netd does not answer at'
	cni STATUS a warp c3
	error_is 50 'netd does not answer at'
	cni DEL a warp c2
	[[ $status -eq 0 && -z $output ]]
	reaches b c1 "$kept"

	netd_start a
	wait_for endpoints_are b warp "c1-a a" "c1-b b"
	cni STATUS a warp c3
	[[ $status -eq 0 ]]
	will_reach a c1 "$at_b"
	will_reach b c1 "$kept"
	# Its address is still held, its neighbours' too.
	wait_for adds a warp c3
	[[ $(address a c3 4) != "$kept" ]]
	will_reach b c1 "$(address a c3 4)"

	netd_kill a
	reaches b c1 "$kept"
	netd_start a
	wait_for endpoints_are b warp "c1-a a" "c3-a a" "c1-b b"
	will_reach b c1 "$kept"
}

adds() { cni_run ADD "$@" >/dev/null; }

@test "a network in use is not removed, one that is free is, everywhere" {
	cluster_start a b c
	network_create a warp
	network_everywhere warp a b c
	refused b network.create '{"name": "warp", "driver": "overlay", "scope": "swarm"}' \
		'network with name warp already exists'
	attach b warp c1
	# a is in it, b is not, c never was: all know.
	for host in a b c; do
		refused "$host" network.remove '{"name": "warp"}' \
			'network warp has active endpoints (name:"c1-b" id:"c1-b" node:"b")'
	done
	refused c network.remove '{"name": "woof"}' 'network woof not found'

	detach b warp c1
	wait_for netd_ask c network.remove '{"name": "warp"}'
	for host in a b c; do
		wait_for has_no_conflist "$host" warp
		wait_for no_device "$host"
	done
	# The name is free, and the new one is another.
	network_create b warp
	network_everywhere warp a b c
}

no_device() { [[ -z $(on_host "$1" ip -o link show type vxlan) ]]; }

@test "the conflist is the cluster's: others cannot take it away" {
	cluster_start a
	network_create a warp '{"labels": {"team": "weavers"}}'
	has_conflist a warp
	[[ $(on_host a jq -r '.plugins[0].type, .heddle.scope, .args.podman_labels.team' "$(conflist warp)" | tr '\n' ' ') == "overlay swarm weavers " ]]

	on_host a rm "$(conflist warp)"
	wait_for has_conflist a warp
	on_host a sh -c "echo '{}' >$(conflist warp)"
	wait_for is_overlay a
	[[ $(netd_log a) == *'is written again'* ]]
	wait_for netd_counted a heddle_netd_conflists_restored_total 2

	# One of this host alone is left, and the cluster's of that name waits for it to go.
	on_host a sh -c "echo '{\"cniVersion\": \"1.0.0\", \"name\": \"weft\", \"plugins\": [{\"type\": \"bridge\"}]}' >$(conflist weft)"
	network_create a weft
	[[ $(on_host a jq -r '.plugins[0].type' "$(conflist weft)") == bridge ]]
	on_host a rm "$(conflist weft)"
	wait_for has_conflist a weft
}

is_overlay() { on_host a jq -e '.plugins[0].type == "overlay"' "$(conflist warp)" >/dev/null; }

@test "a node that dies vanishes from listings, and is forwarded to until it is back" {
	need_full
	cluster_start a b c
	network_create a warp '{"ipv6": true}'
	network_everywhere warp a b c
	attach a warp c1
	attach b warp c1
	wait_for endpoints_are a warp "c1-a a" "c1-b b"
	local at_b
	at_b=$(address b c1 4)

	netd_kill b
	wait_for sees a b dead
	wait_for endpoints_are a warp "c1-a a"
	wait_for endpoints_are c warp "c1-a a"
	will_reach a c1 "$at_b"
	will_reach a c1 "$(address b c1 6)"
	wait_for host_reaches a "$at_b"

	netd_start b
	wait_for endpoints_are a warp "c1-a a" "c1-b b"
	will_reach a c1 "$at_b"
}

# cut HOST, mend HOST: from the underlay
cut() { on_underlay ip link set "$1-eth0" down; }
mend() { on_underlay ip link set "$1-eth0" up; }

# What each node says of who has lost what, "network what winner" a line
lost() {
	netd_ask "$1" network.list |
		jq -r '.networks[] | .id as $id | .conflicts[] | "\($id) \(.what) \(.id)"' | sort
}
lost_are() {
	local host=$1
	shift
	[[ $(lost "$host") == "$(printf '%s\n' "$@" | sort)" ]]
}
lost_nothing() { [[ -z $(lost "$1") ]]; }
knows() { [[ $(netd_ask "$1" network.list | jq '.networks | length') == "$2" ]]; }
is_later_than() { (($(date +%s) > $1)); }

# network_id HOST NAME: of the one that has the name there
network_id() { inspect "$1" "$2" | jq -r .id; }

# in_halves: a cluster of a, b and c, where b is cut off and has numbers of its own
in_halves() {
	cluster_start a b c
	network_create b first
	network_everywhere first a b c
	cut b
	for host in a c; do
		wait_for sees "$host" b dead
		wait_for sees b "$host" dead
	done
}

# a_while: after which a definition is the younger one, whatever parts of seconds nodes count by
a_while() { wait_for is_later_than $(($(date +%s) + 2)); }

# doctor_says HOST TEXT…
doctor_says() {
	local host=$1 found text
	shift
	found=$(heddle "$host" doctor 2>&1 || :)
	for text; do
		[[ $found == *"$text"* ]] || { echo "$found" >&2; return 1; }
	done
}

@test "two parts of a cluster make a network of one name: it stands for one, and no node takes it for both" {
	need_full
	in_halves
	network_create a warp
	a_while
	network_create b warp
	local winner loser
	winner=$(network_id a warp) loser=$(network_id b warp)
	network_everywhere warp a c
	for host in a b; do
		attach "$host" warp c1
		attach "$host" warp c2
	done
	mend b
	wait_for all_see_all a b c
	for host in a b c; do
		wait_at_most 10 lost_are "$host" "$loser name $winner"
		[[ $(netd_metric "$host" 'heddle_netd_network_conflicts{what="name"}') == 1 ]]
		[[ $(netd_log "$host") == *"($loser) has lost its name to network warp ($winner)"* ]]
		doctor_says "$host" "$loser" "$winner" "heddle network rm $loser"
		[[ $(heddle "$host" network ls 2>&1) == *"$loser"* ]]
	done

	# On b, what runs goes on, and the name is nobody's: c3 would not reach c1.
	will_reach b c1 "$(address b c2 4)"
	container_new b c3
	cni ADD b warp c3
	error_is 7 "2 containers in $loser" "$winner"
	cni STATUS b warp c3
	error_is 50 "$loser" "$winner"
	# By its id, the loser takes no new ones anywhere.
	cni ADD b warp c3 ". + {network: \"$loser\"}"
	error_is 7 "has lost its name to network warp ($winner)"
	# Where the loser has no containers, and by its id, it is the winner.
	attach c warp c1
	will_reach c c1 "$(address a c1 4)"
	cni ADD b warp c3 ". + {network: \"$winner\"}"
	[[ $status -eq 0 ]]
	will_reach b c3 "$(address a c1 4)"

	# Then its last container goes, and the name is the winner's there, too.
	refused a network.remove "{\"name\": \"$loser\"}" 'has active endpoints'
	detach b warp c1
	detach b warp c2
	attach b warp c4
	will_reach b c4 "$(address a c1 4)"
	wait_for heddle a network rm "$loser"
	for host in a b c; do
		wait_for knows "$host" 2
		lost_nothing "$host"
		[[ $(netd_metric "$host" 'heddle_netd_network_conflicts{what="name"}') == 0 ]]
	done
	will_reach b c4 "$(address a c1 4)"
}

@test "two parts of a cluster give two networks one subnet, or one VNI: the older one has it, everywhere" {
	need_full
	in_halves
	# Its VNI is none of the cluster's, which are given to one network only.
	network_create a warp '{"subnets": [{"subnet": "10.77.0.0/24"}], "options": {"vni": "77"}}'
	a_while
	network_create b weft '{"subnets": [{"subnet": "10.77.0.0/16"}]}'
	network_create b woof '{"options": {"vni": "77"}}'
	attach a warp c1
	for network in weft woof; do
		attach b "$network" "$network-1"
		attach b "$network" "$network-2"
	done
	local warp weft woof
	warp=$(network_id a warp) weft=$(network_id b weft) woof=$(network_id b woof)
	mend b
	wait_for all_see_all a b c
	for host in a b c; do
		wait_at_most 10 lost_are "$host" "$weft subnet $warp" "$woof vni $warp"
		for what in subnet vni; do
			[[ $(netd_metric "$host" "heddle_netd_network_conflicts{what=\"$what\"}") == 1 ]]
		done
		[[ $(netd_log "$host") == *"($weft) has lost the subnet 10.77.0.0/16 to network warp ($warp)"* ]]
		[[ $(netd_log "$host") == *"($woof) has lost the VNI 77 to network warp ($warp)"* ]]
		doctor_says "$host" "the subnet 10.77.0.0/16" "the VNI 77"
		wait_for has_conflist "$host" weft
		[[ $(heddle "$host" network inspect weft | jq -r '.[0].Conflicts[0].Network') == warp ]]
	done
	# What runs goes on; what is new is refused, on every node.
	container_new b late
	container_new c late
	for host in b c; do
		cni ADD "$host" weft late
		error_is 7 "has lost the subnet 10.77.0.0/16 to network warp" "heddle network rm $weft"
		cni ADD "$host" woof late
		error_is 7 "has lost the VNI 77 to network warp"
	done
	for network in weft woof; do
		will_reach b "$network-1" "$(address b "$network-2" 4)"
	done
	attach c warp c1
	will_reach c c1 "$(address a c1 4)"

	# Without the older one, they are free to go on.
	detach a warp c1
	detach c warp c1
	wait_for heddle a network rm warp
	for host in a b c; do
		wait_for lost_nothing "$host"
	done
	attach c weft c2
	will_reach c c2 "$(address b weft-1 4)"
}

@test "every member says when its kernel holds a row, and ADD waits for that" {
	cluster_start a b c
	network_create a warp
	network_everywhere warp a b c
	for host in a b c; do
		attach "$host" warp c1
	done
	# With 16 members and fewer, each tells each; no ADD asserts a time, which a slow machine has not.
	for host in a b c; do
		wait_for netd_counted "$host" heddle_netd_programmed_told_total 2
	done
	detach c warp c1
	attach c warp c2
	wait_for netd_counted a heddle_netd_programmed_told_total 4
	[[ $(netd_metric c heddle_netd_endpoints) == 1 ]]
	# On a machine that is busy some may be late, and not all.
	wait_for adds_more c heddle_netd_endpoints_programmed_total 0

	# One that stands still is not waited for, but for 40 ms.
	local late
	late=$(netd_metric c heddle_netd_endpoints_late_total)
	netd_signal b STOP
	wait_for adds_more c heddle_netd_endpoints_late_total "$late"
	netd_signal b CONT
	[[ $(netd_metric c heddle_netd_endpoints_unwaited_total) == 0 ]]
}

# adds_more HOST METRIC BEFORE: by one ADD more
adds_more() {
	attach "$1" warp "more-$((++ADDED))"
	netd_counted "$1" "$2" $(($3 + 1))
}

@test "sixteen members are waited for, seventeen are not" {
	need_full
	local hosts host
	hosts=(h{1..17})
	cluster_start "${hosts[@]}"
	network_create h1 warp
	network_everywhere warp "${hosts[@]}"
	for host in "${hosts[@]:1:15}"; do
		attach "$host" warp c1
	done
	wait_for adds_more h1 heddle_netd_endpoints_programmed_total 0
	[[ $(netd_metric h1 heddle_netd_endpoints_unwaited_total) == 0 ]]
	attach h17 warp c1
	knows_17() { [[ $(inspect h1 warp | jq '.peers | length') == 17 ]]; }
	wait_for knows_17
	local programmed late
	programmed=$(netd_metric h1 heddle_netd_endpoints_programmed_total)
	late=$(netd_metric h1 heddle_netd_endpoints_late_total)
	attach h1 warp last-1
	attach h1 warp last-2
	[[ $(netd_metric h1 heddle_netd_endpoints_unwaited_total) == 2 ]]
	[[ $(netd_metric h1 heddle_netd_endpoints_programmed_total) == "$programmed" ]]
	[[ $(netd_metric h1 heddle_netd_endpoints_late_total) == "$late" ]]
}

@test "a bridge with all its ports: ADD says so, and leaves nothing" {
	cluster_start a
	network_create a warp
	network_everywhere warp a
	attach a warp c1
	local bridge
	bridge=$(inspect a warp | jq -r .bridge)
	seq 512 | awk -v b="$bridge" '{ print "link add p" $1 " type veth peer name q" $1; print "link set p" $1 " master " b }
		$1 < 512 { print "link set q" $1 " master " b }' | on_host a tee /run/ports >/dev/null
	on_host a ip -force -batch /run/ports 2>/dev/null || :
	container_new a c2
	cni ADD a warp c2
	error_is 50 "bridge $bridge has 1023 ports" 'none more than 1023'
	only_one() { [[ $(netd_metric a heddle_netd_endpoints) == 1 ]]; }
	wait_for only_one
	on_host a ip link delete p1
	cni ADD a warp c2
	[[ $status -eq 0 ]]
}

@test "heddle runs the chain: published ports, and no way from one network into another" {
	cluster_start a b
	network_create a warp
	network_create a weft
	network_everywhere warp a b
	network_everywhere weft a b
	for host in a b; do
		container_new "$host" c1
		heddle "$host" attach --network warp -p 8080:80 c1
	done
	container_new a c2
	heddle a attach --network weft c2
	in_container b c1 timeout 60 socat TCP-LISTEN:80,fork,reuseaddr SYSTEM:'echo hello' >/dev/null 2>&1 3>&- 4>&- &
	wait_for says_hello a "$(host_ip b):8080"
	will_reach a c1 "$(address b c1 4)"
	# On this host, and by it on the other.
	misses a c2 "$(address a c1 4)"
	misses a c2 "$(address b c1 4)"

	heddle a ps | grep -q warp
	heddle a detach c1
	wait_for endpoints_are b warp "c1 b"
	heddle a detach c2
	run heddle a network rm warp
	[[ $status -ne 0 && $output == *'has active endpoints'* ]]
	heddle a network rm weft
	wait_for has_no_conflist b weft
	heddle b network ls | grep -E 'warp +overlay +swarm'
}

heddle() {
	local host=$1
	shift
	on_host "$host" "${NETD_PLUGINS%/*}/heddle" --cni-plugin-path "$NETD_PLUGINS" "$@"
}

says_hello() { [[ $(on_host "$1" socat -T 5 - "TCP:$2,connect-timeout=2" </dev/null 2>/dev/null) == hello ]]; }

@test "what is abandoned, collected or left goes everywhere" {
	cluster_start a b
	network_create a warp
	network_everywhere warp a b
	attach a warp c1
	attach a warp c2
	attach b warp c1

	# A plugin that was killed after its first word to netd.
	netd_ask a endpoint.reserve '{"network": "warp", "container": "gone", "ifname": "eth0"}'
	wait_for netd_counted a heddle_netd_endpoints_abandoned_total 1
	[[ $(netd_metric a heddle_netd_endpoints) == 2 ]]

	cni GC a warp c1 '. + {"cni.dev/valid-attachments": [{containerID: "c1-a", ifname: "eth0"}]}'
	[[ $status -eq 0 && -z $output ]]
	wait_for endpoints_are b warp "c1-a a" "c1-b b"
	will_reach a c1 "$(address b c1 4)"

	detach b warp c1
	netd_ask b leave
	wait_for has_no_conflist b warp
	wait_for no_device b
	wait_for endpoints_are a warp "c1-a a"
	has_conflist a warp
}

mtu() { in_container "$1" "$2" cat /sys/class/net/eth0/mtu; }
mtu_of_network_is() { [[ $(inspect "$1" warp | jq .mtu) == "$2" ]]; }

@test "containers send what the smallest underlay has room for" {
	cluster_start a b
	network_create a warp
	network_everywhere warp a b
	attach a warp c1
	[[ $(mtu a c1) == 1450 ]]
	on_host b ip link set eth0 mtu 1400
	attach b warp c1
	wait_for mtu_of_network_is a 1350
	wait_for mtu_of_network_is b 1350
	attach a warp c2
	[[ $(mtu a c2) == 1350 ]]
	in_container a c2 ping -q -c 1 -W 5 -M 'do' -s 1322 "$(address b c1 4)"

	on_host b ip link set eth0 mtu 1500
	wait_for mtu_of_network_is a 1450
}

@test "a host's address changes, and its containers are found at the new one" {
	cluster_start a b
	network_create a warp
	network_everywhere warp a b
	attach a warp c1
	attach b warp c1
	local at_b
	at_b=$(address b c1 4)
	will_reach a c1 "$at_b"

	# Without one, what b has in the network itself is not taken for the host's.
	on_host b ip address delete "$(host_ip b)/24" dev eth0
	is_told() { netd_log b | grep -q "$(host_ip b):[0-9]* has gone"; }
	wait_for is_told
	on_host b ip address add 10.99.0.77/24 dev eth0
	will_reach a c1 "$at_b"
	will_reach b c1 "$(address a c1 4)"
	[[ $(inspect a warp | jq -r '.peers[] | select(.name == "b").ip') == 10.99.0.77 ]]
}

# ---- Podman ---------------------------------------------------------------------

# podman_prepare HOST: its configuration and state are the host's own
podman_prepare() {
	on_host "$1" mount -t tmpfs tmpfs /dev/shm
	on_host "$1" mkdir -p /run/lock /run/rootfs/bin
	on_host "$1" cp /bin/busybox /run/rootfs/bin/
	on_host "$1" ln -s busybox /run/rootfs/bin/sh
	on_host "$1" tee /run/containers.conf >/dev/null <<-END
		[network]
		network_backend = "cni"
		cni_plugin_dirs = ["$NETD_PLUGINS"]
		network_config_dir = "/etc/cni/net.d"
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
		[engine]
		runtime = "runc"
		cgroup_manager = "cgroupfs"
		events_logger = "file"
	END
}

podman() {
	local host=$1
	shift
	on_host "$host" env CONTAINERS_CONF=/run/containers.conf podman --root /run/storage \
		--runroot /run/runroot --tmpdir /run/libpod "$@"
}

podman_run() {
	podman "$1" run -d --name "$3" --hostname "$3" --network "$2" "${@:4}" \
		--rootfs /run/rootfs /bin/sh -c 'busybox sleep 300'
}

podman_reaches() { podman "$1" exec "$2" busybox ping -q -c 1 -W 1 "$3" >/dev/null; }

@test "Podman containers on two hosts, and a network that podman cannot take away" {
	cluster_start a b
	network_create a warp
	network_everywhere warp a b
	for host in a b; do
		podman_prepare "$host"
		podman_run "$host" warp "p$host" >/dev/null
	done
	podman a network ls --format '{{.Name}}' | grep -qx warp
	local at_b
	at_b=$(endpoints_of b pb)
	wait_for podman_reaches a pa "$at_b"
	podman b rm -f -t 0 pb >/dev/null
	podman_run b warp pb --ip "$at_b" >/dev/null
	wait_for podman_reaches a pa "$at_b"

	podman a rm -f -t 0 pa >/dev/null
	podman a network rm warp >/dev/null
	wait_for has_conflist a warp
	[[ $(netd_log a) == *'is written again'* ]]
	podman b rm -f -t 0 pb >/dev/null
	wait_for nobody_in a warp
}

# endpoints_of HOST CONTAINER: its address, as podman tells it
endpoints_of() {
	podman "$1" inspect "$2" | jq -r '.[0].NetworkSettings.Networks.warp.IPAddress'
}

nobody_in() { [[ -z $(endpoints "$@") ]]; }
