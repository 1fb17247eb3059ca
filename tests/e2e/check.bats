#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# check - CHECK of bridge compares the live state with the result of ADD: each
# way in which the two can drift apart is made, found, and named in the details

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell

load lib

setup() {
	lab_setup
	netns_add c1
}
teardown() { lab_teardown; }

# attach EXAMPLE [FILTER]: ADD, and CHECK that nothing differs; sets $config, $result and $port
attach() {
	config=$(conf "$@")
	cni ADD bridge "$config" id c1 eth0
	assert_ok
	result=$out
	port=$(result_host_ifname)
	config=$(with_prev "$config")
	check
	assert_silent
}

check() { cni CHECK bridge "$config" id c1 eth0; }

# assert_differs WORD…: CHECK fails and names the difference
assert_differs() {
	check
	((status != 0)) || fail "CHECK should have noticed: $*"
	assert_error 100
	assert_details "$@"
}

address() { jq -r --argjson i "$1" '.ips[$i].address' <<<"$result"; }

@test "nothing differs after an ADD of any example" {
	local example
	for example in bridge bridge-dual-stack bridge-l2 bridge-internal bridge-macspoofchk bridge-static; do
		attach "$example"
		cni DEL bridge "$config" id c1 eth0
		assert_silent
	done
}

@test "an IPv4 address is removed" {
	attach bridge-dual-stack
	in_ns c1 ip addr del "$(address 0)" dev eth0
	assert_differs "$(address 0)" eth0
}

@test "an IPv6 address is removed" {
	attach bridge-dual-stack
	in_ns c1 ip addr del "$(address 1)" dev eth0
	assert_differs "$(address 1)" eth0
}

@test "a route is removed, of each family" {
	attach bridge-dual-stack
	in_ns c1 ip route del default
	assert_differs 0.0.0.0/0
	in_ns c1 ip route add default via 10.66.0.1
	check
	assert_silent
	in_ns c1 ip -6 route del default
	assert_differs ::/0
}

@test "a route goes another way" {
	attach bridge
	in_ns c1 ip route replace default via 192.168.1.250
	assert_differs 0.0.0.0/0 192.168.1.1
}

@test "the container's interface is down" {
	attach bridge-l2
	in_ns c1 ip link set eth0 down
	assert_differs eth0 down
}

@test "the container's interface is gone, or renamed" {
	attach bridge
	in_ns c1 ip link set eth0 down
	in_ns c1 ip link set eth0 name eth9
	assert_differs eth0
	in_ns c1 ip link del eth9
	assert_differs eth0
}

@test "the container's interface has another MAC" {
	attach bridge
	in_ns c1 ip link set eth0 address 02:00:00:00:00:55
	assert_differs eth0 02:00:00:00:00:55 "$(jq -r '.interfaces[2].mac' <<<"$result")"
}

@test "the host's end is off its bridge, or on another" {
	attach bridge-l2
	in_ns host ip link set "$port" nomaster
	assert_differs "$port" layer2
	in_ns host ip link add other0 type bridge
	in_ns host ip link set "$port" master other0
	assert_differs "$port" layer2
}

@test "the host's end is down" {
	attach bridge-l2
	in_ns host ip link set "$port" down
	assert_differs "$port" down
}

@test "the host's end belongs to another interface" {
	attach bridge-l2
	in_ns host ip link del "$port"
	in_ns host ip link add "$port" type veth peer name peer0
	in_ns host ip link set "$port" master layer2 up
	assert_differs eth0
}

@test "the bridge is gone, or no bridge any more" {
	attach bridge-l2
	in_ns host ip link del layer2
	assert_differs layer2
	in_ns host ip link add layer2 type veth peer name peer0
	assert_differs layer2 bridge
}

@test "the gateway's address is gone from the bridge" {
	attach bridge
	in_ns host ip addr del 192.168.1.1/24 dev lows0
	assert_differs lows0 192.168.1.1
}

@test "hairpin and isolation of the port are changed" {
	attach bridge-l2 '.hairpinMode = true | .portIsolation = true'
	in_ns host ip link set "$port" type bridge_slave hairpin off
	assert_differs "$port" hairpin
	in_ns host ip link set "$port" type bridge_slave hairpin on isolated off
	assert_differs "$port" isolat
}

@test "the bridge is promiscuous no more" {
	attach bridge-l2 '.promiscMode = true'
	in_ns host ip link set layer2 promisc off
	assert_differs layer2 promisc
}

# flush_elements FAMILY: of every set and map of that nftables family
flush_elements() {
	in_ns host nft -j list ruleset |
		jq -r --arg family "$1" '.nftables[] | to_entries[0] | select(.key == "set" or .key == "map")
			| select(.value.family == $family)
			| "flush \(.key) \(.value.family) \(.value.table) \(.value.name)"' |
		in_ns host nft -f -
}

@test "masquerade is flushed" {
	attach bridge
	in_ns host nft -j list tables | jq -e '[.nftables[].table? // empty] | length > 0'
	flush_elements inet
	assert_differs "$(address 0 | sed 's|/.*||')" masq
}

@test "the whole ruleset is flushed" {
	attach bridge
	in_ns host nft flush ruleset
	assert_differs masq
}

@test "macspoofchk is flushed" {
	attach bridge-macspoofchk
	flush_elements bridge
	assert_differs "$port" allowed_mac
}

@test "the lease is gone, or another container's" {
	local lease
	attach bridge
	lease=$LEASES/lows-network/$(address 0 | sed 's|/.*||')
	printf 'other\r\neth0' >"$lease"
	check
	((status != 0)) || fail "CHECK should have noticed the lease of another"
	rm "$lease"
	check
	((status != 0)) || fail "CHECK should have noticed the missing lease"
	[[ $out == *"${lease##*/}"* ]] || fail "the address should be named"
}

@test "all differences are named, not only the first" {
	attach bridge
	in_ns c1 ip addr del "$(address 0)" dev eth0
	in_ns host ip link set "$port" nomaster
	in_ns host nft flush ruleset
	assert_differs "$(address 0)" "$port" masq
}

@test "what others added is no difference" {
	attach bridge
	in_ns c1 ip addr add 10.99.0.1/24 dev eth0
	in_ns c1 ip route add 10.98.0.0/16 via 192.168.1.1
	in_ns c1 ip link set eth0 mtu 1300
	in_ns host ip addr add 10.97.0.1/24 dev lows0
	check
	assert_silent
}

@test "a bridge without IPAM is checked like the others" {
	attach bridge-l2
	in_ns c1 ip link del eth0
	assert_differs eth0
}
