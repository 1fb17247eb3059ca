#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# none - a container with lo alone; loopback - the plugin that sets lo up

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell

load lib

setup() {
	lab_setup
	netns_add c1
}
teardown() { lab_teardown; }

lo_is_up() { [[ $(link_json c1 lo '.flags | index("UP") != null') == true ]]; }

@test "none brings lo up and adds nothing else" {
	cni ADD none "$(conf none)" id c1 eth0
	assert_ok
	lo_is_up
	reaches c1 127.0.0.1
	reaches c1 ::1
	[[ $(in_ns c1 ip -j link show | jq length) == 1 ]]
	assert_json '(has("routes") | not) and ([.interfaces[]?.name] - ["lo"] == [])'
}

@test "none: CHECK fails if anything but lo appears" {
	local config
	cni ADD none "$(conf none)" id c1 eth0
	config=$(with_prev "$(conf none)")
	cni CHECK none "$config" id c1 eth0
	assert_silent
	in_ns c1 ip link add eth7 type bridge
	cni CHECK none "$config" id c1 eth0
	assert_error 100 eth7
	in_ns c1 ip link del eth7
	in_ns c1 ip link set lo down
	cni CHECK none "$config" id c1 eth0
	assert_error 100 lo
}

@test "none: DEL twice, with a namespace and without" {
	local netns
	cni ADD none "$(conf none)" id c1 eth0
	assert_ok
	for netns in c1 c1 '' /nonexistent; do
		cni DEL none "$(conf none)" id "$netns" eth0
		assert_silent
	done
}

@test "loopback sets lo up and reports its addresses" {
	cni ADD loopback "$(conf loopback)" id c1 lo
	assert_ok
	lo_is_up
	assert_json '.interfaces | length == 1'
	assert_json '.interfaces[0] | .name == "lo" and .mac == "00:00:00:00:00:00" and .sandbox == $path' \
		--arg path "$(netns_path c1)"
	assert_json '[.ips[] | .interface, .address] | .[:2] == [0, "127.0.0.1/8"]'
	reaches c1 127.0.0.1
}

@test "loopback as containerd asks it, at 0.3.1" {
	cni ADD loopback '{"cniVersion": "0.3.1", "name": "cni-loopback", "type": "loopback"}' id c1 lo
	assert_ok
	assert_json '.cniVersion == "0.3.1" and .ips[0].version == "4"'
}

@test "loopback works on lo whatever CNI_IFNAME is" {
	cni ADD loopback "$(conf loopback)" id c1 eth0
	assert_ok
	lo_is_up
	assert_json '.interfaces[0].name == "lo"'
}

@test "loopback passes a prevResult on" {
	cni ADD loopback "$(conf loopback '.prevResult = {cniVersion: "1.1.0",
		interfaces: [{name: "eth0", sandbox: "/x"}], ips: [{address: "10.1.1.5/24", interface: 0}]}')" id c1 lo
	assert_ok
	assert_json '[.interfaces[].name] == ["eth0"]'
	assert_json '[.ips[].address] == ["10.1.1.5/24"]'
	lo_is_up
}

@test "loopback: CHECK fails while lo is down" {
	local config
	cni ADD loopback "$(conf loopback)" id c1 lo
	config=$(with_prev "$(conf loopback)")
	cni CHECK loopback "$config" id c1 lo
	assert_silent
	in_ns c1 ip link set lo down
	cni CHECK loopback "$config" id c1 lo
	assert_error 100 lo
}

@test "loopback: DEL sets lo down, and is content without a namespace" {
	local netns
	cni ADD loopback "$(conf loopback)" id c1 lo
	assert_ok
	cni DEL loopback "$(conf loopback)" id c1 lo
	assert_silent
	! lo_is_up || fail "lo should be down"
	for netns in c1 '' /nonexistent; do
		cni DEL loopback "$(conf loopback)" id "$netns" lo
		assert_silent
	done
}
