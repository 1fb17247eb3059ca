#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bridge - what ADD makes of each key of the config, shown by traffic where
# there is any:
#
#	  c1 eth0        c2 eth0
#	     |              |
#	  hv…------------hv…
#	       bridge lows0 192.168.1.1     host     wan0 ---- eth0 outside

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell

load lib

setup() {
	lab_setup
	netns_add c1 c2
}
teardown() { lab_teardown; }

# add NETNS CONF: ADD of eth0 for a container of the namespace's name, must succeed
add() {
	cni ADD bridge "$2" "$1" "$1" eth0
	assert_ok
}

# add_pair CONF: both containers; sets $ip1 and $ip2
add_pair() {
	add c1 "$1"
	ip1=$(result_ip)
	add c2 "$1"
	ip2=$(result_ip)
}

# port_flag FLAG: of the last result's port on its bridge
port_flag() { link_json host "$(result_host_ifname)" ".linkinfo.info_slave_data.$1"; }

sysctl_of() { in_ns "$1" cat "/proc/sys/net/$2"; }

# route_json NETNS DESTINATION [IP-ROUTE-ARGUMENT…]: the route as JSON
route_json() {
	local ns=$1 dst=$2 family=-4
	shift 2
	[[ $dst != *:* ]] || family=-6
	in_ns "$ns" ip "$family" -j -N route show "$dst" "$@" | jq -c '.[0]'
}

# ---- addresses and traffic --------------------------------------------------

@test "IPv4: two containers reach each other and the gateway" {
	add_pair "$(conf bridge)"
	reaches c1 "$ip2"
	reaches c2 "$ip1"
	reaches c1 192.168.1.1
	reaches host "$ip1"
	[[ $(link_json host lows0 '.addr_info[] | select(.family == "inet") | "\(.local)/\(.prefixlen)"') == 192.168.1.1/24 ]]
}

@test "addresses come from ipRange and carry the prefix length of the subnet" {
	add_pair "$(conf bridge)"
	[[ $ip1 != "$ip2" ]]
	assert_json '.ips[0].address | capture("^192\\.168\\.1\\.(?<n>[0-9]+)/24$").n | tonumber | . >= 128 and . < 255'
	assert_json '.ips[0].gateway == "192.168.1.1"'
	[[ $(link_json c2 eth0 '.addr_info[] | select(.family == "inet") | "\(.local)/\(.prefixlen)"') == "$ip2/24" ]]
}

@test "IPv6 only: reachable at once, with no address left tentative" {
	add_pair "$(conf bridge-dual-stack '.ipam.ranges = [[{subnet: "fd00:66::/64"}]]')"
	assert_json '[.ips[].address] | length == 1 and (.[0] | startswith("fd00:66::"))'
	[[ -z $(in_ns c1 ip -6 addr show dev eth0 scope global tentative) ]]
	[[ -z $(in_ns host ip -6 addr show dev dual0 scope global tentative) ]]
	reaches c1 "$ip2"
	reaches c1 fd00:66::1
}

@test "dual stack: both families reach the other container and the gateway" {
	add c1 "$(conf bridge-dual-stack)"
	add c2 "$(conf bridge-dual-stack)"
	reaches c1 "$(result_ip 0)"
	reaches c1 "$(result_ip 1)"
	reaches c1 10.66.0.1
	reaches c1 fd00:66::1
}

@test "internal: containers reach each other, the host has no address and no route is made" {
	add_pair "$(conf bridge-internal)"
	reaches c1 "$ip2"
	assert_json 'has("routes") | not'
	[[ $(link_json host internal0 '[.addr_info[] | select(.family == "inet")] | length') == 0 ]]
	[[ $(in_ns c1 ip route show default) == "" ]]
	[[ -z $(nft_elements) ]]
}

@test "layer 2: an interface without an address, on the bridge" {
	add c1 "$(conf bridge-l2)"
	assert_json '(.interfaces | length == 3) and (has("ips") or has("routes") | not)'
	add c2 "$(conf bridge-l2)"
	in_ns c1 ip addr add 10.5.0.1/24 dev eth0
	in_ns c2 ip addr add 10.5.0.2/24 dev eth0
	reaches c1 10.5.0.2
}

@test "the addresses of runtimeConfig, args.cni and CNI_ARGS may lie anywhere in the subnet" {
	add c1 "$(conf bridge '.runtimeConfig.ips = ["192.168.1.7"]')"
	assert_json '[.ips[].address] == ["192.168.1.7/24"]'
	add c2 "$(conf bridge '.args.cni.ips = ["192.168.1.8/24"]')"
	assert_json '[.ips[].address] == ["192.168.1.8/24"]'
	netns_add c3
	CNI_ARGS='IgnoreUnknown=1;IP=192.168.1.9' cni ADD bridge "$(conf bridge)" c3 c3 eth0
	assert_ok
	assert_json '[.ips[].address] == ["192.168.1.9/24"]'
	reaches c3 192.168.1.7
}

@test "static addresses, routes and dns reach the container and the result" {
	add c1 "$(conf bridge-static)"
	assert_json '[.ips[] | .address, .gateway] ==
		["10.69.0.7/24", "10.69.0.1", "fd00:69::7/64", "fd00:69::1"]'
	assert_json '.dns == {nameservers: ["10.69.0.53"], domain: "example.net", search: ["example.net", "example.org"]}'
	reaches c1 10.69.0.1
	reaches c1 fd00:69::1
	[[ $(route_json c1 default | jq -r .gateway) == 10.69.0.1 ]]
}

@test "dns of the config replaces dns of the IPAM" {
	add c1 "$(conf bridge-static '.dns = {nameservers: ["192.0.2.1"], options: ["ndots:2"]}')"
	assert_json '.dns == {nameservers: ["192.0.2.1"], options: ["ndots:2"]}'
}

@test "resolvConf of host-local becomes dns of the result" {
	printf '# comment\nnameserver 192.0.2.5\nnameserver 2001:db8::5\nsearch a.example b.example\noptions ndots:3 rotate\n' \
		>"$BATS_TEST_TMPDIR/resolv.conf"
	add c1 "$(conf bridge '.ipam.resolvConf = $f' --arg f "$BATS_TEST_TMPDIR/resolv.conf")"
	assert_json '.dns == {nameservers: ["192.0.2.5", "2001:db8::5"],
		search: ["a.example", "b.example"], options: ["ndots:3", "rotate"]}'
}

@test "a container whose address was another's is reached at once by peers that remember the other" {
	local config first
	config=$(conf bridge-dual-stack '.runtimeConfig.ips = ["10.66.9.9", "fd00:66::99"]')
	netns_add c3
	add c2 "$(conf bridge-dual-stack)"
	add c1 "$config"
	reaches c2 10.66.9.9
	reaches c2 fd00:66::99
	first=$(link_json c1 eth0 .address)
	cni DEL bridge "$config" c1 c1 eth0
	assert_silent
	knows c2 10.66.9.9 "$first" || fail "the peer should remember the old MAC"
	knows c2 fd00:66::99 "$first" || fail "the peer should remember the old MAC"

	add c3 "$config"
	# Told so, not found out: of one packet each, none is sent to the old one.
	wait_for 30 knows c2 10.66.9.9 "$(link_json c3 eth0 .address)"
	wait_for 30 knows c2 fd00:66::99 "$(link_json c3 eth0 .address)"
	reaches c2 10.66.9.9
	reaches c2 fd00:66::99
}

# ---- the result -------------------------------------------------------------

@test "the result names bridge, host end and container end in this order, as they are" {
	add c1 "$(conf bridge)"
	assert_json '[.interfaces[] | .name] | .[0] == "lows0" and .[2] == "eth0"'
	assert_json '[.interfaces[] | has("sandbox")] == [false, false, true]'
	assert_json '.interfaces[2].sandbox == $path' --arg path "$(netns_path c1)"
	assert_json '[.interfaces[].mac] == $ARGS.positional' --args \
		"$(link_json host lows0 .address)" \
		"$(link_json host "$(result_host_ifname)" .address)" \
		"$(link_json c1 eth0 .address)"
	[[ $(link_json host "$(result_host_ifname)" '"\(.master) \(.operstate)"') == "lows0 UP" ]]
	assert_json '.ips[0].interface == 2'
}

# ---- gateway and routes -----------------------------------------------------

@test "isGateway alone makes no default route" {
	add c1 "$(conf bridge-internal '.isGateway = true')"
	assert_json '.ips[0].gateway == "10.67.0.1"'
	[[ -z $(in_ns c1 ip route show default) ]]
	reaches c1 10.67.0.1
}

@test "isDefaultGateway makes one default route a family, and implies isGateway" {
	add c1 "$(conf bridge-dual-stack)"
	assert_json '[.routes[].dst] == ["0.0.0.0/0", "::/0"]'
	[[ $(in_ns c1 ip -j route show default | jq -r '.[].gateway') == 10.66.0.1 ]]
	[[ $(in_ns c1 ip -6 -j route show default | jq -r '.[].gateway') == fd00:66::1 ]]
}

@test "isDefaultGateway adds none beside a default route of the config" {
	add c1 "$(conf bridge '.isDefaultGateway = true | .ipam.routes = [{dst: "0.0.0.0/0", gw: "192.168.1.77"}]')"
	assert_json '[.routes[] | [.dst, .gw]] == [["0.0.0.0/0", "192.168.1.77"]]'
	[[ $(in_ns c1 ip -j route show default | jq -r '.[].gateway') == 192.168.1.77 ]]
}

@test "a gateway turns forwarding on, and router advertisements off" {
	add c1 "$(conf bridge-dual-stack)"
	[[ $(sysctl_of host ipv4/ip_forward) == 1 ]]
	[[ $(sysctl_of host ipv6/conf/all/forwarding) == 1 ]]
	[[ $(sysctl_of host ipv6/conf/dual0/accept_ra) == 0 ]]
}

@test "mtu, advmss and priority of a route are set" {
	add c1 "$(conf bridge-static)"
	route_json c1 203.0.113.0/24 | jq -e '.gateway == "10.69.0.254" and .metric == 77 and
		.metrics[0].mtu == 1400 and .metrics[0].advmss == 1300' ||
		fail "route: $(route_json c1 203.0.113.0/24)"
	assert_json '.routes[1] == {dst: "203.0.113.0/24", gw: "10.69.0.254", mtu: 1400, advmss: 1300, priority: 77}'
}

@test "table and scope of a route are set" {
	add c1 "$(conf bridge-static '.ipam.routes =
		[{dst: "198.51.100.0/24", table: 1234}, {dst: "192.0.2.0/24", scope: 253, gw: "0.0.0.0"}]')"
	route_json c1 198.51.100.0/24 table 1234 | jq -e '.gateway == "10.69.0.1"' ||
		fail "no such route in table 1234"
	route_json c1 192.0.2.0/24 | jq -e '.scope == "253" or .scope == "link"' ||
		fail "route: $(route_json c1 192.0.2.0/24)"
	[[ -z $(in_ns c1 ip route show 198.51.100.0/24) ]] || fail "the main table should not have it"
}

@test "IPv6 routes carry mtu, priority and table" {
	add c1 "$(conf bridge-static '.ipam.routes =
		[{dst: "2001:db8:1::/48", mtu: 1300, priority: 5}, {dst: "2001:db8:2::/48", table: 77}]')"
	route_json c1 2001:db8:1::/48 | jq -e '.metric == 5 and .metrics[0].mtu == 1300 and .gateway == "fd00:69::1"'
	route_json c1 2001:db8:2::/48 table 77 | jq -e '.gateway == "fd00:69::1"'
}

@test "a bridge with another address keeps it: an error without forceAddress, a change with it" {
	in_ns host ip link add lows0 type bridge
	in_ns host ip addr add 10.200.0.1/24 dev lows0
	cni ADD bridge "$(conf bridge)" c1 c1 eth0
	assert_error 7 lows0 10.200.0.1/24 192.168.1.1/24 forceAddress
	assert_nothing_left
	[[ $(link_json host lows0 '[.addr_info[] | select(.family == "inet") | .local] | join(" ")') == 10.200.0.1 ]]

	add c1 "$(conf bridge '.forceAddress = true')"
	[[ $(link_json host lows0 '[.addr_info[] | select(.family == "inet") | .local] | join(" ")') == 192.168.1.1 ]]
	reaches c1 192.168.1.1
}

@test "IPv6 gateways of other subnets may stand beside each other, overlapping ones may not" {
	in_ns host ip link add dual0 type bridge
	in_ns host ip addr add fd00:99::1/64 dev dual0 nodad
	add c1 "$(conf bridge-dual-stack)"
	in_ns host ip addr del fd00:66::1/64 dev dual0
	in_ns host ip addr add fd00:66::2/64 dev dual0 nodad
	cni ADD bridge "$(conf bridge-dual-stack)" c2 c2 eth0
	assert_error 7 dual0 fd00:66::2/64 forceAddress
	[[ $(in_ns host ip -6 addr show dev dual0) == *fd00:99::1* ]]
}

# ---- links ------------------------------------------------------------------

@test "mtu is set on both ends and on a new bridge" {
	add c1 "$(conf bridge '.mtu = 1400')"
	[[ $(link_json c1 eth0 .mtu) == 1400 ]]
	[[ $(link_json host "$(result_host_ifname)" .mtu) == 1400 ]]
	[[ $(link_json host lows0 .mtu) == 1400 ]]
}

@test "without mtu the kernel's default stays, also at 0" {
	add c1 "$(conf bridge '.mtu = 0')"
	[[ $(link_json c1 eth0 .mtu) == 1500 ]]
	[[ $(link_json host lows0 .mtu) == 1500 ]]
}

@test "the bridge's ports have no addresses of their own, so that none walks the list of all" {
	add c1 "$(conf bridge-dual-stack)"
	wait_for 30 eval '[[ $(link_json host "$(host_links)" .operstate) == UP ]]'
	[[ $(link_json host "$(host_links)" '.addr_info | length') == 0 ]]
	[[ $(in_ns host ip -6 route show table all dev "$(host_links)") != *fe80* ]]
}

@test "hairpinMode: a container hears its own broadcasts, and only then" {
	add c1 "$(conf bridge-l2 '.hairpinMode = true')"
	[[ $(port_flag hairpin) == true ]]
	frame_arrives c1 eth0 c1 eth0 02:aa:aa:aa:aa:aa ff:ff:ff:ff:ff:ff
	add c2 "$(conf bridge-l2)"
	[[ $(port_flag hairpin) == false ]]
}

@test "promiscMode sets the bridge promiscuous, and excludes hairpinMode" {
	add c1 "$(conf bridge-l2 '.promiscMode = true')"
	[[ $(link_json host layer2 '.flags | index("PROMISC") != null') == true ]]
	cni ADD bridge "$(conf bridge-l2 '.promiscMode = true | .hairpinMode = true')" c2 c2 eth0
	assert_error 7 promiscMode hairpinMode
}

@test "portIsolation: containers reach the gateway but not each other" {
	add_pair "$(conf bridge '.portIsolation = true')"
	[[ $(port_flag isolated) == true ]]
	reaches c1 192.168.1.1
	reaches c2 192.168.1.1
	cannot_reach c1 "$ip2"
}

@test "macspoofchk: a frame with a forged source stops at the port, others pass" {
	local mac2
	add_pair "$(conf bridge-macspoofchk)"
	mac2=$(link_json c2 eth0 .address)
	! frame_arrives c1 eth0 c2 eth0 02:66:6f:72:67:65 "$mac2" || fail "the forged frame got through"
	frame_arrives c1 eth0 c2 eth0 "$(link_json c1 eth0 .address)" "$mac2"
	reaches c1 "$ip2"
}

@test "without macspoofchk a forged frame gets through" {
	add_pair "$(conf bridge-macspoofchk '.macspoofchk = false')"
	frame_arrives c1 eth0 c2 eth0 02:66:6f:72:67:65 "$(link_json c2 eth0 .address)"
}

@test "macspoofchk lets a container out of check no more once it is gone" {
	local config
	config=$(conf bridge-macspoofchk '.runtimeConfig.mac = "02:00:00:00:00:01"')
	add_pair "$config"
	cni DEL bridge "$config" c1 c1 eth0
	assert_silent
	netns_add c3
	add c3 "$(conf bridge-macspoofchk '.runtimeConfig.mac = "02:00:00:00:00:03"')"
	! frame_arrives c3 eth0 c2 eth0 02:00:00:00:00:01 "$(link_json c2 eth0 .address)" ||
		fail "the former container's MAC should not be let through"
}

@test "duplicate address detection is off, and on with enabledad" {
	add c1 "$(conf bridge-dual-stack)"
	[[ $(sysctl_of c1 ipv6/conf/eth0/accept_dad) == 0 ]]
	add c2 "$(conf bridge-dual-stack '.enabledad = true')"
	[[ $(sysctl_of c2 ipv6/conf/eth0/accept_dad) == 1 ]]
	[[ $(sysctl_of c2 ipv6/conf/eth0/enhanced_dad) == 1 ]]
}

@test "enabledad: the kernel marks an address that another interface answers for" {
	add c1 "$(conf bridge-l2 '.bridge = "dual0"')"
	in_ns c1 ip addr add fd00:66::9/64 dev eth0 nodad
	add c2 "$(conf bridge-dual-stack '.enabledad = true | .runtimeConfig.ips = ["fd00:66::9"]')"
	is_marked() { [[ -n $(in_ns c2 ip -6 addr show dev eth0 dadfailed) ]]; }
	wait_for 30 is_marked
}

@test "disableContainerInterface leaves the interface down and refuses an IPAM" {
	add c1 "$(conf bridge-l2 '.disableContainerInterface = true')"
	[[ $(link_json c1 eth0 '.flags | index("UP") == null') == true ]]
	cni ADD bridge "$(conf bridge '.disableContainerInterface = true')" c2 c2 eth0
	assert_error 7 disableContainerInterface ipam
}

@test "mac: CNI_ARGS, over it args.cni, over both runtimeConfig" {
	local config prefix=02:00:00:00:00
	config=$(conf bridge-l2)
	CNI_ARGS="MAC=$prefix:01" add c1 "$config"
	[[ $(link_json c1 eth0 .address) == "$prefix:01" ]]
	cni DEL bridge "$config" c1 c1 eth0

	config=$(jq -c '.args.cni.mac = "02:00:00:00:00:02"' <<<"$config")
	CNI_ARGS="MAC=$prefix:01" add c1 "$config"
	[[ $(link_json c1 eth0 .address) == "$prefix:02" ]]
	cni DEL bridge "$config" c1 c1 eth0

	config=$(jq -c '.runtimeConfig.mac = "02:00:00:00:00:03"' <<<"$config")
	CNI_ARGS="MAC=$prefix:01" add c1 "$config"
	[[ $(link_json c1 eth0 .address) == "$prefix:03" ]]
	assert_json '.interfaces[2].mac == "02:00:00:00:00:03"'
}

@test "the bridge's MAC stays the same as ports come and go" {
	local before
	add c1 "$(conf bridge)"
	before=$(link_json host lows0 .address)
	add c2 "$(conf bridge '.runtimeConfig.mac = "00:00:00:00:00:01"')"
	in_ns host ip link set "$(result_host_ifname)" address 00:00:00:00:00:02
	[[ $(link_json host lows0 .address) == "$before" ]]
	cni DEL bridge "$(conf bridge)" c1 c1 eth0
	assert_silent
	[[ $(link_json host lows0 .address) == "$before" ]]
}

@test "a bridge that exists is used as it is and outlives its containers" {
	in_ns host ip link add lows0 address 02:00:00:00:00:99 type bridge
	in_ns host ip link set lows0 mtu 1450
	add c1 "$(conf bridge)"
	[[ $(link_json host lows0 '"\(.address) \(.mtu)"') == "02:00:00:00:00:99 1450" ]]
	[[ $(link_json host lows0 '.flags | index("UP") != null') == true ]]
	cni DEL bridge "$(conf bridge)" c1 c1 eth0
	assert_silent
	link_exists host lows0
}

@test "one container on two networks, and twice on one" {
	add c1 "$(conf bridge)"
	cni ADD bridge "$(conf bridge-dual-stack)" c1 c1 eth1
	assert_ok
	cni ADD bridge "$(conf bridge '.ipam.routes = []')" c1 c1 eth2
	assert_ok
	[[ $(leases | wc -l) == 4 ]]
	reaches c1 10.66.0.1
	cni DEL bridge "$(conf bridge)" c1 c1 eth2
	assert_silent
	reaches c1 192.168.1.1
	link_exists c1 eth1
}

@test "the VLAN keys work, or name the kernel feature that they lack" {
	local filter
	for filter in '.vlan = 100' '.vlanTrunk = [{id: 5}, {minID: 10, maxID: 12}]'; do
		cni ADD bridge "$(conf bridge-l2 "$filter")" c1 c1 eth0
		if kernel_has_vlan_filtering; then
			assert_ok
			cni DEL bridge "$(conf bridge-l2 "$filter")" c1 c1 eth0
		else
			assert_fails vlan CONFIG_BRIDGE_VLAN_FILTERING
			assert_nothing_left
		fi
	done
}

@test "VLAN traffic stays in its VLAN" {
	kernel_has_vlan_filtering || skip "kernel: bridges without VLAN filtering"
	add c1 "$(conf bridge-l2 '.vlan = 100')"
	add c2 "$(conf bridge-l2 '.vlan = 200')"
	in_ns c1 ip addr add 10.5.0.1/24 dev eth0
	in_ns c2 ip addr add 10.5.0.2/24 dev eth0
	cannot_reach c1 10.5.0.2
}

# ---- masquerade -------------------------------------------------------------

@test "ipMasq: outside sees the host's address, in both families" {
	outside_add
	add c1 "$(conf bridge-dual-stack)"
	[[ $(tcp_source c1 outside 203.0.113.2) == 203.0.113.1 ]]
	[[ $(tcp_source c1 outside 2001:db8::2) == "[2001:0db8:0000:0000:0000:0000:0000:0001]" ]]
}

@test "ipMasq: inside the network a container keeps its address" {
	add_pair "$(conf bridge)"
	[[ $(tcp_source c1 c2 "$ip2") == "$ip1" ]]
}

@test "without ipMasq outside sees the container's address" {
	outside_add
	add c1 "$(conf bridge '.ipMasq = false')"
	in_ns outside ip route add 192.168.1.0/24 via 203.0.113.1
	[[ $(tcp_source c1 outside 203.0.113.2) == "$(result_ip)" ]]
	[[ -z $(nft_elements) ]]
}

@test "ipMasq ends with the container" {
	outside_add
	add c1 "$(conf bridge)"
	[[ -n $(nft_elements) ]]
	cni DEL bridge "$(conf bridge)" c1 c1 eth0
	assert_silent
	[[ -z $(nft_elements) ]]
}

@test "ipMasqBackend that is unknown is named with those that are known" {
	cni ADD bridge "$(conf bridge '.ipMasqBackend = "ebtables"')" c1 c1 eth0
	assert_error 7 ipMasqBackend ebtables nftables
	assert_nothing_left
}

# ---- IPAM: in the process, or by exec ---------------------------------------

@test "our own host-local is called without an exec" {
	local log=$BATS_TEST_TMPDIR/strace
	capture feed "$(conf bridge)" env CNI_COMMAND=ADD CNI_PATH="$PLUGINS" CNI_CONTAINERID=c1 \
		CNI_NETNS="$(netns_path c1)" CNI_IFNAME=eth0 ASAN_OPTIONS=detect_leaks=0 \
		nsenter --net="$(netns_path host)" -- strace -f -qq -e trace=execve -o "$log" "$PLUGINS/bridge"
	assert_ok
	[[ $(grep -c 'execve(' "$log") == 1 ]] || fail "more than one exec: $(<"$log")"
}

@test "another host-local in CNI_PATH is run, with all that the plugin got" {
	local dir=$BATS_TEST_TMPDIR/delegates
	mkdir "$dir"
	cat >"$dir/host-local" <<-END
		#!/bin/sh
		env | grep ^CNI_ >>$dir/env
		tee $dir/stdin | $PLUGINS/host-local
	END
	chmod +x "$dir/host-local"
	CNI_PATH=/nonexistent:$dir:$PLUGINS cni ADD bridge "$(conf bridge '.unknown = "kept"')" c1 c1 eth0
	assert_ok
	grep -qx CNI_COMMAND=ADD "$dir/env"
	grep -qx CNI_IFNAME=eth0 "$dir/env"
	jq -e '.unknown == "kept" and .type == "bridge"' "$dir/stdin"
	CNI_PATH=/nonexistent:$dir:$PLUGINS cni DEL bridge "$(conf bridge)" c1 c1 eth0
	assert_silent
	grep -qx CNI_COMMAND=DEL "$dir/env"
	assert_nothing_left
}

# ---- failure ----------------------------------------------------------------

@test "ADD twice fails and harms nothing" {
	add c1 "$(conf bridge)"
	cni ADD bridge "$(conf bridge)" c1 c1 eth0
	((status != 0)) || fail "the second ADD should fail"
	[[ $(leases | wc -l) == 1 ]]
	reaches c1 192.168.1.1
}

@test "an ADD that runs out of addresses is undone" {
	local config
	config=$(conf bridge '.macspoofchk = true | .ipam.ranges = [[{subnet: "192.168.1.0/30"}]]')
	add c1 "$config"
	cni ADD bridge "$config" c2 c2 eth0
	((status != 0)) || fail "there should be no address left"
	! link_exists c2 eth0 || fail "eth0 should be gone again"
	cni DEL bridge "$config" c1 c1 eth0
	assert_nothing_left
}

@test "an ADD that fails after the lease gives the lease back" {
	cni ADD bridge "$(conf bridge '.ipam.routes = [{dst: "10.0.0.0/8", gw: "172.31.0.1"}]')" c1 c1 eth0
	assert_fails 10.0.0.0/8 172.31.0.1
	! link_exists c1 eth0 || fail "eth0 should be gone again"
	assert_nothing_left
}

# ---- a bridge that is full ---------------------------------------------------

# fill_bridge NETNS BRIDGE: 1,023 ports, both ends of pairs
fill_bridge() {
	local batch=$BATS_TEST_TMPDIR/ports
	seq 512 | awk -v b="$2" '{ print "link add p" $1 " type veth peer name q" $1; print "link set p" $1 " master " b }
		$1 < 512 { print "link set q" $1 " master " b }' >"$batch"
	in_ns "$1" ip -force -batch "$batch" 2>/dev/null || :
}

@test "a bridge with all its ports: ADD says so, and leaves nothing" {
	add c1 "$(conf bridge)"
	fill_bridge host lows0
	cni ADD bridge "$(conf bridge)" c2 c2 eth0
	assert_error 50 'bridge lows0 has 1023 ports' 'none more than 1023' 'another'
	run in_ns c2 ip link show eth0
	[[ $status -ne 0 ]]
	# One that goes makes room for one.
	in_ns host ip link delete p1
	add c2 "$(conf bridge)"
}
