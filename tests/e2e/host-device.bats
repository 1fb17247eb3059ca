#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# host-device - an interface of the host moves into a container and back.  One
# end of a veth pair plays the card, the other is what it is plugged into:
#
#	c1 eth0  <---  card0 (host) ---- port0 10.73.0.1 (host)

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell

load lib

REFERENCE=/usr/lib/cni

setup() {
	lab_setup
	netns_add c1 c2
	card_add card0 port0
	in_ns host ip addr add 10.73.0.1/24 dev port0
	in_ns host ip addr add fd00:73::1/64 dev port0 nodad
}
teardown() { lab_teardown; }

# card_add CARD PORT: a card that is up, with an address of the host's own
card_add() {
	in_ns host sysctl -qw net.ipv6.conf.default.accept_dad=0
	in_ns host ip link add "$1" type veth peer name "$2"
	in_ns host ip link set "$1" up
	in_ns host ip link set "$2" up
	in_ns host ip addr add 192.0.2.1/24 dev "$1"
}

# add NETNS CONF: ADD of eth0 for a container of the namespace's name, must succeed
add() {
	cni ADD host-device "$2" "$1" "$1" eth0
	assert_ok
}

# refuses CODE FILTER WORD…: ADD of the example changed by FILTER fails, and says so
refuses() {
	local code=$1 filter=$2
	shift 2
	cni ADD host-device "$(conf host-device "$filter")" id c1 eth0
	assert_error "$code" "$@"
}

# assert_home [CARD]: the card is on the host under its name, down, without a mark or an address
assert_home() {
	local card=${1:-card0}
	link_exists host "$card" || fail "$card should be on the host: $(in_ns host ip -br link)"
	[[ $(link_json host "$card" '.flags | index("UP")') == null ]] || fail "$card should be down"
	[[ $(link_json host "$card" '.ifalias // "none"') == none ]] || fail "$card should have no alias"
	[[ $(link_json host "$card" '.addr_info | length') == 0 ]] || fail "$card should have no address"
}

# assert_untouched: the card is as setup() made it
assert_untouched() {
	[[ $(link_json host card0 '.ifalias // "none", (.flags | index("UP") != null),
		(.addr_info[] | select(.family == "inet").local)') == $'none\ntrue\n192.0.2.1' ]] ||
		fail "card0 should be untouched: $(in_ns host ip addr show card0)"
}

assert_no_leases() { [[ -z $(leases) ]] || fail "leases left: $(leases)"; }

# ---- in and out ---------------------------------------------------------------

@test "the card is the container's, reachable at once in both families, and comes back" {
	local mac config
	mac=$(link_json host card0 .address)
	config=$(conf host-device)
	add c1 "$config"
	! link_exists host card0 || fail "card0 should have left the host"
	assert_json '.interfaces == [{name: "eth0", mac: $mac, sandbox: $netns}]' \
		--arg mac "$mac" --arg netns "$(netns_path c1)"
	assert_json '[.ips[] | .interface, .address, .gateway] ==
		[0, "10.73.0.2/24", "10.73.0.1", 0, "fd00:73::2/64", "fd00:73::1"]'
	reaches c1 10.73.0.1
	reaches c1 fd00:73::1
	reaches host 10.73.0.2
	[[ $(link_json c1 eth0 .ifalias) == *' was card0 for own-card c1 eth0' ]]
	cni CHECK host-device "$(with_prev "$config")" c1 c1 eth0
	assert_silent
	cni DEL host-device "$config" c1 c1 eth0
	assert_silent
	assert_home
	assert_no_leases
	[[ $(link_json host card0 .address) == "$mac" ]]
	cni DEL host-device "$config" c1 c1 eth0
	assert_silent
	assert_home
}

@test "one container after the other, under various names" {
	local ifname
	for ifname in eth0 card0 port0; do
		cni ADD host-device "$(conf host-device)" c2 c2 "$ifname"
		assert_ok
		reaches c2 10.73.0.1
		cni DEL host-device "$(conf host-device)" c2 c2 "$ifname"
		assert_silent
		assert_home
	done
}

@test "names that are taken on the other side are no obstacle to the way in or out" {
	in_ns host ip link add eth0 type veth peer name eth1
	in_ns c1 ip link add card0 type veth peer name card1
	add c1 "$(conf host-device)"
	reaches c1 10.73.0.1
	link_exists c1 card0
	cni DEL host-device "$(conf host-device)" c1 c1 eth0
	assert_silent
	assert_home
	link_exists host eth0
}

@test "layer 2: an interface that is up, with dns of the config and no address" {
	local config
	config=$(conf host-device 'del(.ipam) | .dns.search = ["a.example"]')
	add c1 "$config"
	assert_json '(.interfaces | length == 1) and (has("ips") or has("routes") | not)'
	assert_json '.dns == {search: ["a.example"]}'
	[[ $(link_json c1 eth0 '.flags | index("UP") != null') == true ]]
	[[ $(link_json c1 eth0 '[.addr_info[] | select(.family == "inet")] | length') == 0 ]]
	cni CHECK host-device "$(with_prev "$config")" c1 c1 eth0
	assert_silent
	cni DEL host-device "$config" c1 '' eth0
	assert_silent
	link_exists c1 eth0 || fail "without the namespace nobody knows where to look"
	cni DEL host-device "$config" c1 c1 eth0
	assert_silent
	assert_home
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
		echo '{"cniVersion": "1.1.0", "ips": [{"address": "10.73.0.77/24", "gateway": "10.73.0.1"}]}'
	END
	chmod +x "$path/dhcp"
	config=$(conf host-device '.ipam = {type: "dhcp"}')
	CNI_PATH=$path add c1 "$config"
	reaches c1 10.73.0.1
	CNI_PATH=$path cni DEL host-device "$config" c1 c1 eth0
	assert_silent
	[[ $(<"$path/seen") == $'ADD\nDEL' ]] || fail "seen: $(<"$path/seen")"
	assert_home
}

# ---- which device -------------------------------------------------------------

@test "hwaddr: the interface with that MAC address, not what is on top of it" {
	in_ns host ip link add upper0 link card0 type macvlan 2>/dev/null || skip "kernel: no macvlan"
	in_ns host ip link del upper0
	add c1 "$(conf host-device 'del(.device) | .hwaddr = $m' --arg m "$(link_json host card0 .address)")"
	reaches c1 10.73.0.1
	cni ADD host-device "$(conf host-device 'del(.device) | .hwaddr = "02:00:00:00:00:99"')" c2 c2 eth0
	assert_error 7 hwaddr 02:00:00:00:00:99
}

# in_sysfs VERB CONF ID NETNS: a run where /sys has a PCI card with card0, a virtio card with card1,
# a card of a program's, and an auxiliary device with card2
in_sysfs() {
	cat >"$BATS_TEST_TMPDIR/sysfs" <<-'END'
		set -e
		mount -t tmpfs sysfs /sys
		cd /sys
		mkdir -p devices/pci0000:00/0000:00:1f.6/net/card0 \
			devices/pci0000:00/0000:00:03.0/virtio7/net/card1 \
			devices/pci0000:00/0000:00:04.0 devices/aux/mlx5_core.sf.4/net/card2 \
			bus/pci/devices bus/pci/drivers/vfio-pci bus/pci/drivers/e1000e bus/auxiliary/devices
		for id in 0000:00:1f.6 0000:00:03.0 0000:00:04.0; do
			ln -s "../../../devices/pci0000:00/$id" bus/pci/devices/
		done
		ln -s ../../../bus/pci/drivers/e1000e devices/pci0000:00/0000:00:1f.6/driver
		ln -s ../../../bus/pci/drivers/vfio-pci devices/pci0000:00/0000:00:04.0/driver
		ln -s ../../../devices/aux/mlx5_core.sf.4 bus/auxiliary/devices/
		exec "$0"
	END
	capture feed "$2" env CNI_COMMAND="$1" CNI_PATH="$PLUGINS" CNI_CONTAINERID="$3" \
		CNI_NETNS="$(netns_path "$4")" CNI_IFNAME=eth0 nsenter --net="$(netns_path host)" -- \
		unshare --mount sh -c "$(<"$BATS_TEST_TMPDIR/sysfs")" "$PLUGINS/host-device"
}

# sysfs_card CARD FILTER: by FILTER the plugin finds CARD
sysfs_card() {
	local config
	config=$(conf host-device "del(.device) | $2")
	in_sysfs ADD "$config" c1 c1
	assert_ok
	[[ $(link_json c1 eth0 .ifalias) == *" was $1 for"* ]] || fail "it should be $1"
	cni DEL host-device "$(conf host-device 'del(.device)')" c1 c1 eth0
	assert_silent
	assert_home "$1"
}

@test "kernelpath, pciBusID and deviceID lead to the interface through sysfs" {
	card_add card1 port1
	card_add card2 port2
	sysfs_card card0 '.kernelpath = "/sys/devices/pci0000:00/0000:00:1f.6"'
	sysfs_card card0 '.pciBusID = "0000:00:1f.6" | .device = "" | .hwaddr = ""'
	sysfs_card card1 '.pciBusID = "0000:00:03.0"'
	sysfs_card card1 '.pciBusID = "0000:00:1f.6" | .runtimeConfig.deviceID = "0000:00:03.0"'
	sysfs_card card2 '.runtimeConfig.deviceID = "mlx5_core.sf.4"'
}

@test "the result of a PCI device names it" {
	in_sysfs ADD "$(conf host-device 'del(.device) | .pciBusID = "0000:00:1f.6"')" c1 c1
	assert_json '.interfaces[0].pciID == "0000:00:1f.6"'
}

@test "a device whose driver hands it to a program gets addresses, and no link is touched" {
	local config
	config=$(conf host-device 'del(.device) | .pciBusID = "0000:00:04.0"')
	in_sysfs ADD "$config" c1 c1
	assert_ok
	assert_json '(has("interfaces") | not) and [.ips[].address] == ["10.73.0.2/24", "fd00:73::2/64"]'
	assert_json '[.ips[] | has("interface")] == [false, false]'
	! link_exists c1 eth0 || fail "there should be no interface"
	in_sysfs CHECK "$(with_prev "$config")" c1 c1
	assert_silent
	in_sysfs DEL "$config" c1 c1
	assert_silent
	assert_no_leases
	assert_untouched
}

@test "devices that are not there, or not said" {
	refuses 7 'del(.device)' device hwaddr kernelpath pciBusID deviceID
	refuses 7 '.device = "none0"' device none0
	refuses 7 '.device = "a/b"' device a/b
	refuses 7 'del(.device) | .hwaddr = "x"' hwaddr x
	refuses 7 'del(.device) | .kernelpath = "/etc"' kernelpath /etc /sys/devices/
	refuses 7 'del(.device) | .pciBusID = "0000:ff:1f.7"' pciBusID 0000:ff:1f.7
	refuses 7 'del(.device) | .pciBusID = "../../.."' pciBusID ../../..
	refuses 7 'del(.device) | .runtimeConfig.deviceID = "none"' deviceID none
	cni ADD host-device "$(conf host-device 'del(.device) | .kernelpath = "/sys/devices/none"')" id c1 eth0
	((status != 0)) || fail "ADD should fail"
	assert_error "$(jq .code <<<"$out")" /sys/devices/none 'no network interface'
	cni ADD host-device "$(conf host-device '.device = "lo"')" id c1 eth0
	((status != 0)) || fail "lo cannot move, ADD should fail"
	assert_error "$(jq .code <<<"$out")" lo
	assert_untouched
	assert_no_leases
}

# ---- what fails is undone -----------------------------------------------------

@test "an interface that exists already is refused and left alone, by DEL too" {
	in_ns c1 ip link add eth0 type bridge
	refuses 4 . CNI_IFNAME eth0 exists
	cni DEL host-device "$(conf host-device)" id c1 eth0
	assert_silent
	[[ $(link_json c1 eth0 .linkinfo.info_kind) == bridge ]]
	assert_untouched
}

@test "a second container is refused the card, and its DEL does not take it from the first" {
	add c1 "$(conf host-device)"
	cni ADD host-device "$(conf host-device)" c2 c2 eth0
	assert_error 7 card0 'another container'
	cni DEL host-device "$(conf host-device)" c2 c2 eth0
	assert_silent
	cni DEL host-device "$(conf host-device)" c2 c1 eth0
	assert_silent
	reaches c1 10.73.0.1
}

@test "without a free address the card is not touched" {
	refuses 7 '.runtimeConfig.ips = ["10.99.0.1"]' 10.99.0.1
	assert_untouched
	assert_no_leases
}

@test "what fails in the container brings the card back, up as it was, with its alias" {
	in_ns host ip link set card0 alias 'the left one'
	cni ADD host-device "$(conf host-device '.ipam.routes += [{dst: "192.0.2.0/24", gw: "172.31.0.1"}]')" id c1 eth0
	((status != 0)) || fail "ADD should fail"
	assert_error "$(jq .code <<<"$out")" 192.0.2.0/24
	[[ $(link_json host card0 '.ifalias, (.flags | index("UP") != null)') == $'the left one\ntrue' ]]
	assert_no_leases
}

# ---- DEL ----------------------------------------------------------------------

@test "DEL releases the addresses without a namespace, and when it is gone" {
	add c1 "$(conf host-device)"
	cni DEL host-device "$(conf host-device)" c1 '' eth0
	assert_silent
	assert_no_leases
	link_exists c1 eth0
	cni DEL host-device "$(conf host-device)" c1 /run/netns/none eth0
	assert_silent
	cni DEL host-device "$(conf host-device)" c1 c1 eth0
	assert_silent
	assert_home
}

# What the kernel does with hardware when its namespace goes: it is back, under the container's name.
kernel_returns_it() {
	in_ns c1 ip link set eth0 netns "$(netns_name host)"
	netns_del c1
	in_ns host ip link set eth0 up
}

@test "DEL gives hardware that the kernel returned its own name back" {
	add c1 "$(conf host-device)"
	kernel_returns_it
	cni DEL host-device "$(conf host-device)" c1 c1 eth0
	assert_silent
	assert_home
	assert_no_leases
}

@test "a card whose name is taken comes back under another, and DEL says so once" {
	local name
	add c1 "$(conf host-device)"
	in_ns host ip link add card0 type veth peer name other0
	cni DEL host-device "$(conf host-device)" c1 c1 eth0
	((status != 0)) || fail "DEL should say that the name is taken"
	name=$(in_ns host ip -j link show | jq -r '.[] | select(.link == "port0").ifname')
	assert_error "$(jq .code <<<"$out")" card0 "$name"
	! link_exists c1 eth0 || fail "eth0 should have left the container"
	assert_home "$name"
	assert_no_leases
	cni DEL host-device "$(conf host-device)" c1 c1 eth0
	assert_silent
}

@test "DEL with a config that went bad" {
	add c1 "$(conf host-device)"
	cni DEL host-device "$(conf host-device '.device = 7 | .kernelpath = "/etc" | .pciBusID = "none"')" c1 c1 eth0
	assert_silent
	assert_home
	assert_no_leases
}

# reference_lab: result and routes of the plugins in $PLUGINS, versions aside
reference_lab() {
	add c1 "$(conf host-device '.cniVersion = "1.0.0" | .dns.nameservers = ["192.0.2.53"]
		| del(.ipam.ranges[1], .ipam.routes[1])')"
	jq -S . <<<"$out"
	in_ns c1 ip -j -4 route show | jq -S 'map(del(.flags)) | sort_by(.dst)'
	link_json c1 eth0 '.addr_info[] | select(.family == "inet") | .local, .prefixlen, .scope'
}

@test "result, addresses and routes are the reference's, whose attachment our DEL ends" {
	[[ -x $REFERENCE/host-device ]] || skip "the reference plugins are not installed"
	local ours theirs config
	config=$(conf host-device '.cniVersion = "1.0.0"')
	ours=$(reference_lab)
	cni DEL host-device "$config" c1 c1 eth0
	assert_silent
	rm -r "$LEASES"
	theirs=$(PLUGINS=$REFERENCE reference_lab)
	diff <(echo "$theirs") <(echo "$ours") || fail "they differ"

	cni DEL host-device "$config" c1 c1 eth0
	assert_silent
	link_exists c1 eth0 || fail "without prevResult there is no evidence that eth0 is ours to move"
	out=$(jq -nc --arg mac "$(link_json c1 eth0 .address)" --arg netns "$(netns_path c1)" \
		'{cniVersion: "1.0.0", interfaces: [{name: "eth0", mac: $mac, sandbox: $netns}]}')
	cni DEL host-device "$(with_prev "$config")" c1 c1 eth0
	assert_silent
	link_exists host card0 || fail "card0 should be back"
	assert_no_leases
}

# ---- CHECK --------------------------------------------------------------------

# assert_differs WORD…: CHECK names the differences
assert_differs() {
	cni CHECK host-device "$config" c1 c1 eth0
	assert_error 100
	assert_details "$@"
}

@test "CHECK finds what changed" {
	config=$(conf host-device)
	add c1 "$config"
	config=$(with_prev "$config")
	in_ns c1 ip addr del 10.73.0.2/24 dev eth0
	in_ns c1 ip -6 route del default
	in_ns c1 ip link set eth0 alias 'my card'
	rm "$LEASES/own-card/10.73.0.2"
	assert_differs "no address 10.73.0.2/24" "no route to ::/0" "lost the alias" leases
	in_ns c1 ip link set eth0 netns "$(netns_name host)"
	assert_differs "eth0 is missing"
}

# ---- GC and STATUS ------------------------------------------------------------

@test "GC brings back what is not valid, from containers and from where the kernel left it" {
	local config
	config=$(conf host-device)
	card_add card1 port1
	in_ns host ip addr add 10.74.0.1/24 dev port1
	add c1 "$config"
	add c2 "$(conf host-device '.device = "card1" | .runtimeConfig.ips = ["10.73.0.9"]')"
	gc "$(conf host-device '.name = "another"')"
	assert_silent
	gc "$config" c1/eth0
	assert_silent
	assert_home card1
	reaches c1 10.73.0.1
	[[ $(leases | wc -l) == 2 ]]
	kernel_returns_it
	gc "$config"
	assert_silent
	assert_home
	assert_no_leases
}

@test "GC takes nothing from a container that the container could have made itself" {
	add c1 "$(conf host-device)"
	in_ns c2 ip link add fake0 type veth peer name fake1
	in_ns c2 ip link set fake0 alias "$(link_json c1 eth0 .ifalias | sed 's/card0/lo0/')"
	gc "$(conf host-device)"
	assert_silent
	assert_home
	link_exists c2 fake0 || fail "fake0 should have stayed"
	! link_exists host lo0 || fail "fake0 should not be on the host"
}

@test "STATUS does not mind that the card is in use" {
	cni STATUS host-device "$(conf host-device)"
	assert_silent
	add c1 "$(conf host-device)"
	cni STATUS host-device "$(conf host-device)"
	assert_silent
	cni STATUS host-device "$(conf host-device '.kernelpath = "/etc"')"
	assert_error 7 kernelpath
	cni STATUS host-device "$(conf host-device '.ipam.type = "no-such-ipam"')"
	((status != 0)) || fail "STATUS should fail"
}
