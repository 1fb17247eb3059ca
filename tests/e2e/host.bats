#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# host - the container shares the host's namespace

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell

load lib

setup() {
	lab_setup
	outside_add
}
teardown() { lab_teardown; }

# Everything that ADD could have changed.
host_state() {
	in_ns host ip -d addr show
	in_ns host ip route show table all
	in_ns host ip -6 route show table all
	in_ns host nft list ruleset
}

@test "ADD reports the host's interfaces, addresses and default routes, and changes nothing" {
	local before
	in_ns host ip route add default via 203.0.113.2
	in_ns host ip -6 route add default via 2001:db8::2
	before=$(host_state)
	cni ADD host "$(conf host)" id host eth0
	assert_ok
	assert_json '[.interfaces[].name] | sort == ["lo", "wan0"]'
	assert_json '.interfaces[] | select(.name == "wan0") | .mac == $mac' --arg mac "$(link_json host wan0 .address)"
	assert_json '.interfaces as $all | [.ips[] | "\($all[.interface].name) \(.address)"]
		| contains(["wan0 203.0.113.1/24", "wan0 2001:db8::1/64"])'
	assert_json '[.routes[] | [.dst, .gw]] | sort == [["0.0.0.0/0", "203.0.113.2"], ["::/0", "2001:db8::2"]]'
	[[ $(host_state) == "$before" ]] || fail "ADD changed the host"
}

@test "ADD in every version that can say it" {
	local version
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		cni ADD host "$(conf host '.cniVersion = $v' --arg v "$version")" id host eth0
		assert_ok
		assert_json '.cniVersion == $v' --arg v "$version"
	done
}

@test "any other namespace is an error that says what to configure" {
	netns_add c1
	cni ADD host "$(conf host)" id c1 eth0
	assert_error 8 CNI_NETNS "$(netns_path c1)" host
	cni CHECK host "$(conf host '.prevResult = {"cniVersion": "1.1.0"}')" id c1 eth0
	assert_error 8 CNI_NETNS
}

@test "CHECK succeeds in the host's namespace, also when the host's addresses have changed" {
	local config
	cni ADD host "$(conf host)" id host eth0
	assert_ok
	config=$(with_prev "$(conf host)")
	cni CHECK host "$config" id host eth0
	assert_silent
	in_ns host ip addr del 203.0.113.1/24 dev wan0
	cni CHECK host "$config" id host eth0
	assert_silent
}

@test "DEL changes nothing and succeeds, with any namespace or none" {
	local before netns
	netns_add c1
	before=$(host_state)
	for netns in host c1 '' /nonexistent; do
		cni DEL host "$(conf host)" id "$netns" eth0
		assert_silent
	done
	[[ $(host_state) == "$before" ]] || fail "DEL changed the host"
}
