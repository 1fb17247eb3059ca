#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# macvlan - containers on the network of an interface of the host:
#
#	c1 eth0 --.
#	           wire0 (host) ---- eth0, port of switch0 10.72.0.1 (wire)
#	c2 eth0 --'

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell

load lib

REFERENCE=/usr/lib/cni

# The switch reflects frames to where they came from, as a VEPA needs it.
setup() {
	lab_setup
	netns_add c1 c2 wire
	need_macvlan
	in_ns host ip link add wire0 type veth peer name eth0 netns "$(netns_name wire)"
	in_ns host ip link set wire0 up
	in_ns wire ip -batch - <<-END
		link add switch0 type bridge
		link set eth0 up master switch0
		link set eth0 type bridge_slave hairpin on
		link set switch0 up
		addr add 10.72.0.1/24 dev switch0
		addr add fd00:72::1/64 dev switch0 nodad
	END
	wait_for 30 is_up host wire0
}
teardown() { lab_teardown; }

need_macvlan() {
	in_ns host ip link add probe0 type veth peer name probe1
	local why
	why=$(in_ns host ip link add probe2 link probe0 type macvlan 2>&1) || skip "kernel: no macvlan: $why"
	in_ns host ip link del probe0
}

# add NETNS CONF: ADD of eth0 for a container of the namespace's name, must succeed
add() {
	cni ADD macvlan "$2" "$1" "$1" eth0
	assert_ok
}

# add_pair CONF: both containers; sets $ip1, $ip2 and, of IPv6, $ip62
add_pair() {
	add c1 "$1"
	ip1=$(result_ip 0)
	add c2 "$1"
	ip2=$(result_ip 0) ip62=$(result_ip 1)
}

# refuses CODE FILTER WORD…: ADD of the example changed by FILTER fails, and says so
refuses() {
	local code=$1 filter=$2
	shift 2
	cni ADD macvlan "$(conf macvlan "$filter")" id c1 eth0
	assert_error "$code" "$@"
}

# Nothing of ours in a container: no macvlan, under whatever name.
assert_no_macvlan() {
	local left
	left=$(in_ns "$1" ip -j -d link show type macvlan | jq -r '.[].ifname // empty')
	[[ -z $left ]] || fail "left in $1: $left"
}

assert_no_leases() { [[ -z $(leases) ]] || fail "leases left: $(leases)"; }

macvlan_data() { link_json "$1" eth0 ".linkinfo.info_data.$2"; }

# ---- traffic ------------------------------------------------------------------

@test "mode bridge: containers reach the wire and each other, in both families at once" {
	add_pair "$(conf macvlan)"
	reaches c1 10.72.0.1
	reaches c1 fd00:72::1
	reaches c1 "$ip2"
	reaches c1 "$ip62"
	reaches wire "$ip1"
	[[ $(macvlan_data c1 mode) == bridge ]]
	[[ -z $(in_ns c1 ip -6 addr show dev eth0 scope global tentative) ]]
}

@test "mode vepa: containers reach each other by way of the switch" {
	add_pair "$(conf macvlan '.mode = "vepa"')"
	reaches c1 "$ip2"
	in_ns wire ip link set eth0 type bridge_slave hairpin off
	cannot_reach c1 "$ip2"
	reaches c1 10.72.0.1
}

@test "mode private: containers reach the wire, and each other by no way" {
	add_pair "$(conf macvlan '.mode = "private"')"
	reaches c1 10.72.0.1
	cannot_reach c1 "$ip2"
}

@test "mode passthru: one container, with the master's MAC address" {
	add c1 "$(conf macvlan '.mode = "passthru"')"
	assert_json '.interfaces[0].mac == $mac' --arg mac "$(link_json host wire0 .address)"
	reaches c1 10.72.0.1
	cni ADD macvlan "$(conf macvlan '.mode = "passthru"')" c2 c2 eth0
	((status != 0)) || fail "the master is taken, ADD should fail"
	assert_error "$(jq .code <<<"$out")" wire0
	assert_no_macvlan c2
	refuses 7 '.mode = "passthru" | .runtimeConfig.mac = "02:00:00:00:00:17"' mac passthru
}

@test "a container whose address was another's is reached at once by peers that remember the other" {
	local config first
	config=$(conf macvlan '.runtimeConfig.ips = ["10.72.0.150", "fd00:72::150"]')
	add c1 "$config"
	reaches wire 10.72.0.150
	reaches wire fd00:72::150
	first=$(link_json c1 eth0 .address)
	cni DEL macvlan "$config" c1 c1 eth0
	assert_silent
	knows wire 10.72.0.150 "$first" || fail "the wire should remember the old MAC"
	add c2 "$config"
	wait_for 30 knows wire 10.72.0.150 "$(link_json c2 eth0 .address)"
	wait_for 30 knows wire fd00:72::150 "$(link_json c2 eth0 .address)"
	reaches wire 10.72.0.150
	reaches wire fd00:72::150
}

# ---- what is made -------------------------------------------------------------

@test "the result has the container's interface, with the addresses on it" {
	add c1 "$(conf macvlan)"
	assert_json '.interfaces == [{name: "eth0", mac: $mac, sandbox: $netns}]' \
		--arg netns "$(netns_path c1)" --arg mac "$(link_json c1 eth0 .address)"
	assert_json '[.ips[] | .interface, .address, .gateway] ==
		[0, "10.72.0.100/24", "10.72.0.1", 0, "fd00:72::2/64", "fd00:72::1"]'
}

# reference_lab NETNS: result and state of the plugins in $PLUGINS, MACs and versions aside
reference_lab() {
	local config
	config=$(conf macvlan '.cniVersion = "1.0.0" | .mtu = 1400 | .mode = "vepa" | .dns.nameservers = ["192.0.2.53"]
		| del(.ipam.ranges[1], .ipam.routes[1])')
	add "$1" "$config"
	jq -S '.interfaces[].mac = ""' <<<"$out"
	in_ns "$1" ip -j -4 route show | jq -S 'map(del(.flags)) | sort_by(.dst)'
	link_json "$1" eth0 '.mtu, .linkinfo.info_data.mode,
		(.addr_info[] | select(.family == "inet") | .local, .prefixlen, .scope)'
	in_ns "$1" sysctl -n net.ipv4.conf.eth0.arp_notify net.ipv6.conf.eth0.ndisc_notify
}

@test "result, addresses and routes are the reference's, whose attachment our DEL removes" {
	[[ -x $REFERENCE/macvlan ]] || skip "the reference plugins are not installed"
	local ours theirs config
	config=$(conf macvlan '.cniVersion = "1.0.0" | del(.ipam.ranges[1])')
	ours=$(reference_lab c1)
	cni DEL macvlan "$config" c1 c1 eth0
	assert_silent
	rm -r "$LEASES"
	theirs=$(PLUGINS=$REFERENCE reference_lab c1)
	diff <(echo "$theirs") <(echo "$ours") || fail "they differ"

	cni DEL macvlan "$config" c1 c1 eth0
	assert_silent
	link_exists c1 eth0 || fail "without prevResult there is no evidence that eth0 is ours to delete"
	out=$(jq -nc --arg mac "$(link_json c1 eth0 .address)" --arg netns "$(netns_path c1)" \
		'{cniVersion: "1.0.0", interfaces: [{name: "eth0", mac: $mac, sandbox: $netns}]}')
	cni DEL macvlan "$(with_prev "$config")" c1 c1 eth0
	assert_silent
	assert_no_macvlan c1
	assert_no_leases
}

@test "without master it is the interface of the default route, of the better one" {
	in_ns host ip link add other0 type veth peer name other1
	in_ns host ip link set other0 up
	in_ns host ip route add default dev other0 metric 200
	in_ns host ip route add default dev wire0 metric 100
	add c1 "$(conf macvlan 'del(.master)')"
	reaches c1 10.72.0.1
	in_ns host ip route flush default
	cni ADD macvlan "$(conf macvlan '.master = ""')" c2 c2 eth0
	assert_error 7 master 'default route'
	in_ns host ip -6 route add default dev wire0
	add c2 "$(conf macvlan 'del(.master)')"
	reaches c2 10.72.0.1
}

@test "linkInContainer: the master is an interface of the container" {
	in_ns host ip link set wire0 netns "$(netns_name c1)"
	refuses 7 . master wire0 'on this host'
	refuses 11 '.linkInContainer = true' wire0 down
	in_ns c1 ip link set wire0 up
	add c1 "$(conf macvlan '.linkInContainer = true')"
	reaches c1 10.72.0.1
	cni CHECK macvlan "$(with_prev "$(conf macvlan '.linkInContainer = true')")" c1 c1 eth0
	assert_silent
	cni DEL macvlan "$(conf macvlan '.linkInContainer = true')" c1 c1 eth0
	assert_silent
	assert_no_macvlan c1
}

@test "mtu is the master's unless the config says less" {
	in_ns host ip link set wire0 mtu 1400
	add c1 "$(conf macvlan)"
	[[ $(link_json c1 eth0 .mtu) == 1400 ]]
	add c2 "$(conf macvlan '.mtu = 1300')"
	[[ $(link_json c2 eth0 .mtu) == 1300 ]]
}

@test "mac of the runtime weighs more than that of the config" {
	add c1 "$(conf macvlan '.mac = "02:00:00:00:00:17"')"
	[[ $(link_json c1 eth0 .address) == 02:00:00:00:00:17 ]]
	add c2 "$(conf macvlan '.mac = "02:00:00:00:00:17" | .runtimeConfig.mac = "02:00:00:00:00:18"')"
	[[ $(link_json c2 eth0 .address) == 02:00:00:00:00:18 ]]
}

@test "bcqueuelen is the master's queue for broadcasts" {
	cni ADD macvlan "$(conf macvlan '.bcqueuelen = 2000')" c1 c1 eth0
	[[ $out != *'no such setting'* ]] || skip "kernel: macvlan has no queue length"
	assert_ok
	[[ $(macvlan_data c1 bcqueuelen) == 2000 ]]
}

@test "an interface of the same name on the host is no obstacle and stays" {
	in_ns host ip link add eth0 type veth peer name eth1
	local index
	index=$(link_json host eth0 .ifindex)
	add c1 "$(conf macvlan)"
	reaches c1 10.72.0.1
	[[ $(link_json host eth0 .ifindex) == "$index" ]]
}

@test "layer 2: an interface that is up, with dns of the config and no address" {
	add c1 "$(conf macvlan-l2 '.ipam.type = "" | .dns.search = ["a.example"]')"
	assert_json '(.interfaces | length == 1) and (has("ips") or has("routes") | not)'
	assert_json '.dns == {search: ["a.example"]}'
	[[ $(link_json c1 eth0 '.flags | index("UP") != null') == true ]]
	in_ns c1 ip addr add 10.72.0.9/24 dev eth0
	reaches c1 10.72.0.1
	cni CHECK macvlan "$(with_prev "$(conf macvlan-l2)")" c1 c1 eth0
	assert_silent
	cni DEL macvlan "$(conf macvlan-l2)" c1 c1 eth0
	assert_silent
	assert_no_macvlan c1
}

@test "an IPAM of type dhcp finds the interface there, on ADD and on DEL" {
	local config path=$BATS_TEST_TMPDIR/delegates
	mkdir "$path"
	cat >"$path/dhcp" <<-'END'
		#!/bin/sh
		cat >/dev/null
		nsenter --net="$CNI_NETNS" -- ip link show dev "$CNI_IFNAME" >/dev/null &&
			echo "$CNI_COMMAND" >>"${0%/*}/seen"
		[ "$CNI_COMMAND" = ADD ] || exit 0
		echo '{"cniVersion": "1.1.0", "ips": [{"address": "10.72.0.77/24", "gateway": "10.72.0.1"}]}'
	END
	chmod +x "$path/dhcp"
	config=$(conf macvlan '.ipam = {type: "dhcp"}')
	CNI_PATH=$path add c1 "$config"
	reaches c1 10.72.0.1
	CNI_PATH=$path cni DEL macvlan "$config" c1 c1 eth0
	assert_silent
	[[ $(<"$path/seen") == $'ADD\nDEL' ]] || fail "seen: $(<"$path/seen")"
	assert_no_macvlan c1
}

# ---- what is refused ----------------------------------------------------------

@test "configs that cannot work" {
	refuses 7 '.master = "none0"' master none0 'on this host'
	refuses 7 '.master = "a/b"' master a/b
	refuses 7 '.mode = "source"' mode source passthru
	refuses 7 '.mtu = 9000' mtu 9000 1500 wire0
	refuses 7 '.mac = "01:00:5e:00:00:01"' mac 01:00:5e:00:00:01
	refuses 7 '.mac = "x"' mac x
	refuses 7 '.bcqueuelen = -1' bcqueuelen -1
	refuses 7 '.linkInContainer = "yes"' linkInContainer
	in_ns host ip link set wire0 down
	refuses 11 . wire0 down
	assert_no_macvlan c1
	assert_no_leases
}

@test "an interface that exists already is refused and left alone, by DEL too" {
	add c1 "$(conf macvlan)"
	cni ADD macvlan "$(conf macvlan)" other c1 eth0
	assert_error 4 CNI_IFNAME eth0 exists
	cni DEL macvlan "$(conf macvlan)" other c1 eth0
	assert_silent
	reaches c1 10.72.0.1
	[[ $(leases | wc -l) == 2 ]]
}

@test "what fails late is undone: no address, a route that cannot be" {
	local config
	config=$(conf macvlan '.ipam.ranges = [[{subnet: "10.72.0.0/30"}]] | del(.ipam.routes[1])')
	add c1 "$config"
	cni ADD macvlan "$config" c2 c2 eth0
	((status != 0)) || fail "there should be no address left"
	assert_no_macvlan c2
	cni ADD macvlan "$(conf macvlan '.ipam.routes += [{dst: "192.0.2.0/24", gw: "172.31.0.1"}]')" c2 c2 eth0
	((status != 0)) || fail "ADD should fail"
	assert_error "$(jq .code <<<"$out")" 192.0.2.0/24
	assert_no_macvlan c2
	[[ $(leases | wc -l) == 1 ]]
	reaches c1 10.72.0.1
}

# ---- DEL ----------------------------------------------------------------------

@test "DEL removes all, with prevResult and without, twice, and for nothing" {
	local config
	config=$(conf macvlan)
	cni DEL macvlan "$config" c1 c1 eth0
	assert_silent
	add c1 "$config"
	cni DEL macvlan "$(with_prev "$config")" c1 c1 eth0
	assert_silent
	assert_no_macvlan c1
	add c1 "$config"
	cni DEL macvlan "$(jq -c '.master = 7 | .mode = "none"' <<<"$config")" c1 c1 eth0
	assert_silent
	assert_no_macvlan c1
	assert_no_leases
	cni DEL macvlan "$config" c1 c1 eth0
	assert_silent
}

@test "DEL without a namespace, or with one that is gone, releases the addresses" {
	local config
	config=$(conf macvlan)
	add c1 "$config"
	cni DEL macvlan "$config" c1 '' eth0
	assert_silent
	assert_no_leases
	add c2 "$config"
	netns_del c2
	cni DEL macvlan "$config" c2 c2 eth0
	assert_silent
	assert_no_leases
}

# ---- CHECK --------------------------------------------------------------------

# assert_differs WORD…: CHECK names the differences
assert_differs() {
	cni CHECK macvlan "$config" c1 c1 eth0
	assert_error 100
	assert_details "$@"
}

@test "CHECK finds what changed" {
	config=$(conf macvlan)
	add c1 "$config"
	config=$(with_prev "$config")
	cni CHECK macvlan "$config" c1 c1 eth0
	assert_silent
	in_ns c1 ip addr del 10.72.0.100/24 dev eth0
	in_ns c1 ip -6 route del default
	in_ns c1 ip link set eth0 type macvlan mode private
	rm "$LEASES/on-the-wire/10.72.0.100"
	assert_differs "no address 10.72.0.100/24" "no route to 0.0.0.0/0" "no route to ::/0" \
		"has the mode private, not bridge" leases
	in_ns host ip link add other0 type veth peer name other1
	config=$(jq -c '.master = "other0"' <<<"$config")
	assert_differs "not attached to other0"
	in_ns c1 ip link del eth0
	assert_differs "eth0 is missing"
	in_ns c1 ip link add eth0 type bridge
	assert_differs "eth0 in the container is no macvlan"
}

# ---- GC and STATUS ------------------------------------------------------------

@test "GC removes what is not valid from the containers, and only that" {
	local config
	config=$(conf macvlan)
	add_pair "$config"
	in_ns c1 ip link add foreign0 type bridge
	gc "$(conf macvlan '.name = "another"')"
	assert_silent
	gc "$config" c2/eth0
	assert_silent
	assert_no_macvlan c1
	link_exists c1 foreign0
	reaches c2 10.72.0.1
	[[ $(leases) == "$ip2"$'\n'"$ip62" ]]
	gc "$config"
	assert_silent
	assert_no_macvlan c2
	assert_no_leases
}

@test "GC removes what an ADD that was killed had not named yet" {
	local config log=$BATS_TEST_TMPDIR/strace name
	config=$(conf macvlan)
	# Killed as it is about to rename; the one that counts is found in a first run.
	kill_at() {
		capture feed "$config" env CNI_COMMAND=ADD CNI_PATH="$PLUGINS" CNI_CONTAINERID=c1 \
			CNI_NETNS="$(netns_path c1)" CNI_IFNAME=eth0 nsenter --net="$(netns_path host)" -- \
			strace -qq -o "$log" -e trace=sendto -e inject=sendto:signal=KILL:when="$1" "$PLUGINS/macvlan"
		name=$(in_ns c1 ip -j link show type macvlan | jq -r '.[].ifname // empty')
	}
	for k in {1..20}; do
		kill_at "$k"
		[[ -z $name ]] || break
	done
	[[ $name == hv* ]] || fail "there should be a macvlan under its first name, not $name"
	gc "$config" c1/eth0
	assert_silent
	link_exists c1 "$name" || fail "the attachment was valid"
	gc "$config"
	assert_silent
	assert_no_macvlan c1
}

@test "STATUS looks at the master and the addresses, and changes nothing" {
	cni STATUS macvlan "$(conf macvlan)"
	assert_silent
	[[ ! -e $LEASES ]] || fail "STATUS should make no directory"
	cni STATUS macvlan "$(conf macvlan '.master = "none0"')"
	assert_error 50 none0
	cni STATUS macvlan "$(conf macvlan '.linkInContainer = true | .master = "none0"')"
	assert_silent
	in_ns host ip link set wire0 down
	cni STATUS macvlan "$(conf macvlan)"
	assert_error 50 wire0 down
}
