#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# gc - GC removes what is ours of the network and not valid; STATUS says
# whether an ADD can be served

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell

load lib

setup() {
	lab_setup
	netns_add c1 c2 c3
	config=$(conf bridge '.macspoofchk = true')
}
teardown() { lab_teardown; }

# add NETNS [CONF]
add() {
	cni ADD bridge "${2:-$config}" "$1" "$1" eth0
	assert_ok
}

count_elements() { nft_elements | wc -l; }

# assert_untouched NETNS ADDRESS: the attachment still works
assert_untouched() {
	link_exists "$1" eth0 || fail "$1 should still have its interface"
	leases | grep -qxF "$2" || fail "$1 should still have its lease $2"
	reaches "$1" 192.168.1.1 || fail "$1 should still reach its gateway"
}

@test "GC removes links, leases and elements of attachments that are not valid, and only those" {
	local ip2 one
	add c2
	ip2=$(result_ip)
	one=$(count_elements)
	add c1
	add c3
	gc "$config" c2/eth0
	assert_silent
	[[ $(host_links | wc -l) == 1 ]] || fail "links: $(host_links)"
	[[ $(leases) == "$ip2" ]] || fail "leases: $(leases)"
	[[ $(count_elements) == "$one" ]] || fail "elements: $(nft_elements)"
	assert_untouched c2 "$ip2"
}

@test "GC with an empty list removes all" {
	add c1
	add c2
	gc "$config"
	assert_silent
	assert_nothing_left
}

@test "GC knows both spellings of the key" {
	add c1
	add c2
	cni GC bridge "$(jq -c '.["cni.dev/attachments"] = [{containerID: "c2", ifname: "eth0"}]' <<<"$config")"
	assert_silent
	[[ $(host_links | wc -l) == 1 ]]
	[[ $(leases | wc -l) == 1 ]]
	link_exists c2 eth0
	! link_exists c1 eth0 || fail "c1 should be collected"

	cni GC bridge "$(jq -c '.["cni.dev/valid-attachments"] = [{containerID: "c2", ifname: "eth0"}]
		| .["cni.dev/attachments"] = .["cni.dev/valid-attachments"]' <<<"$config")"
	assert_silent
	link_exists c2 eth0
}

@test "GC without the key does nothing" {
	add c1
	cni GC bridge "$config"
	assert_silent
	assert_untouched c1 "$(leases)"
}

@test "GC compares container and interface, not either" {
	add c1
	cni ADD bridge "$(jq -c '.ipam.routes = []' <<<"$config")" c1 c1 eth1
	assert_ok
	gc "$config" c1/eth1 c2/eth0
	assert_silent
	link_exists c1 eth1
	! link_exists c1 eth0 || fail "eth0 of c1 should be collected"
	[[ $(leases | wc -l) == 1 ]]
}

@test "GC leaves other networks alone" {
	local other
	other=$(jq -c '.name = "other" | .bridge = "other0" | .ipam.ranges[0][0].subnet = "192.168.2.0/24"
		| del(.ipam.ranges[0][0].ipRange, .ipam.ranges[0][0].gateway)' <<<"$config")
	add c1
	add c2 "$other"
	gc "$config"
	assert_silent
	! link_exists c1 eth0 || fail "c1 should be collected"
	reaches c2 192.168.2.1
	[[ $(leases | wc -l) == 1 ]]
	gc "$other"
	assert_silent
	assert_nothing_left
}

@test "GC leaves what is not ours alone" {
	add c1
	in_ns host ip link add foreign0 type veth peer name foreign1
	in_ns host ip link set foreign0 master lows0
	in_ns host nft -f - <<-END
		table inet foreign {
			set addresses { type ipv4_addr; elements = { 192.168.1.130 comment "mine" } }
		}
	END
	gc "$config"
	assert_silent
	link_exists host foreign0
	in_ns host nft list set inet foreign addresses | grep -q 192.168.1.130
	[[ $(leases) == "" ]]
}

@test "GC collects the leases and elements of containers whose namespace is gone" {
	add c1
	netns_del c1
	wait_for 30 no_host_links
	[[ -n $(leases) && -n $(nft_elements) ]] || fail "the kernel should have removed the link alone"
	gc "$config"
	assert_silent
	assert_nothing_left
}

@test "GC goes on past what it cannot remove, and names it" {
	local stuck
	add c1
	stuck=$(result_ip)
	add c2
	# Within a mount namespace a file that something is mounted on cannot be unlinked.
	cat >"$BATS_TEST_TMPDIR/gc" <<-END
		#!/bin/sh
		mount --bind "$LEASES/lows-network/$stuck" "$LEASES/lows-network/$stuck" && exec "$PLUGINS/bridge"
	END
	capture feed "$(jq -c '.["cni.dev/valid-attachments"] = []' <<<"$config")" \
		env CNI_COMMAND=GC CNI_PATH="$PLUGINS" nsenter --net="$(netns_path host)" -- \
		unshare --mount sh "$BATS_TEST_TMPDIR/gc"
	((status != 0)) || fail "GC should report the lease that it could not remove"
	[[ $out == *"$stuck"* ]] || fail "the lease should be named"
	[[ $(leases) == "$stuck" ]] || fail "the other lease should be gone: $(leases)"
	[[ -z $(host_links) && -z $(nft_elements) ]] || fail "links and elements should be gone"
	gc "$config"
	assert_silent
	assert_nothing_left
}

@test "GC with a list that is none is error 7 and removes nothing" {
	add c1
	cni GC bridge "$(jq -c '.["cni.dev/valid-attachments"] = "all"' <<<"$config")"
	assert_error 7 cni.dev/valid-attachments
	cni GC bridge "$(jq -c '.["cni.dev/valid-attachments"] = [{containerID: "c1"}]' <<<"$config")"
	assert_error 7 cni.dev/valid-attachments ifname
	assert_untouched c1 "$(leases)"
}

@test "STATUS is error 50 with the numbers while no address is free" {
	config=$(conf bridge '.ipam.ranges = [[{subnet: "192.168.1.0/30"}]]')
	cni STATUS bridge "$config"
	assert_silent
	add c1
	cni STATUS bridge "$config"
	assert_error 50 lows-network 192.168.1.0/30 1
	cni DEL bridge "$config" c1 c1 eth0
	cni STATUS bridge "$config"
	assert_silent
}

@test "STATUS of a bridge without IPAM is good, of one whose IPAM is missing is not" {
	cni STATUS bridge "$(conf bridge-l2)"
	assert_silent
	cni STATUS bridge "$(conf bridge '.ipam.type = "no-such-ipam"')"
	((status != 0)) || fail "STATUS should fail"
	[[ $out == *no-such-ipam* ]] || fail "the delegate should be named"
}

@test "STATUS changes nothing" {
	cni STATUS bridge "$config"
	assert_silent
	! link_exists host lows0 || fail "STATUS should make no bridge"
	[[ ! -e $LEASES ]] || fail "STATUS should make no directory"
}
