#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ptp - every container has a link of its own to the host, which routes:
#
#	c1 eth0 10.70.0.2 ---- hv… 10.70.0.1   host   wan0 ---- eth0 outside
#	c2 eth0 10.70.0.3 ---- hv… 10.70.0.1

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell

load lib

REFERENCE=/usr/lib/cni

setup() {
	lab_setup
	netns_add c1 c2
}
teardown() { lab_teardown; }

# add NETNS CONF: ADD of eth0 for a container of the namespace's name, must succeed
add() {
	cni ADD ptp "$2" "$1" "$1" eth0
	assert_ok
}

# add_pair CONF: both containers; sets $ip1, $ip2 and, of two families, $ip61 and $ip62
add_pair() {
	add c1 "$1"
	mapfile -t first < <(jq -r '.ips[].address | sub("/.*"; "")' <<<"$out")
	add c2 "$1"
	mapfile -t second < <(jq -r '.ips[].address | sub("/.*"; "")' <<<"$out")
	ip1=${first[0]} ip61=${first[1]:-}
	ip2=${second[0]} ip62=${second[1]:-}
}

host_ifname() { jq -r '.interfaces[0].name' <<<"$out"; }

# refuses CODE FILTER WORD…: ADD of the example changed by FILTER fails, and says so
refuses() {
	local code=$1 filter=$2
	shift 2
	cni ADD ptp "$(conf ptp "$filter")" id c1 eth0
	assert_error "$code" "$@"
}

# One static address in the place of the example's ranges.
static() {
	printf '.ipam = {type: "static", addresses: [{address: "%s"%s}]}' "$1" "${2:+, gateway: \"$2\"}"
}

# ---- traffic ------------------------------------------------------------------

@test "two containers reach the gateway, each other and the host, in both families at once" {
	add_pair "$(conf ptp)"
	reaches c1 10.70.0.1
	reaches c1 fd00:70::1
	reaches c1 "$ip2"
	reaches c1 "$ip62"
	reaches host "$ip1"
	reaches host "$ip61"
	[[ -z $(in_ns c1 ip -6 addr show dev eth0 scope global tentative) ]]
	[[ -z $(in_ns host ip -6 addr show scope global tentative) ]]
}

@test "IPv6 only" {
	add_pair "$(conf ptp 'del(.ipam.ranges[0])')"
	assert_json '[.ips[].address] | length == 1 and (.[0] | startswith("fd00:70::"))'
	reaches c1 fd00:70::1
	reaches c1 "$ip2"
}

@test "the outside sees the host's address with ipMasq, the own network the container's" {
	outside_add
	add_pair "$(conf ptp)"
	[[ $(tcp_source c1 outside 203.0.113.2) == 203.0.113.1 ]]
	[[ $(tcp_source c1 outside 2001:db8::2) == *2001:0db8:*0001* ]]
	[[ $(tcp_source c1 c2 "$ip2") == "$ip1" ]]
	[[ $(tcp_source c1 host 10.70.0.1) == "$ip1" ]]
}

@test "the same with iptables" {
	outside_add
	add_pair "$(conf ptp '.ipMasqBackend = "iptables" | del(.ipam.ranges[1])')"
	[[ $(tcp_source c1 outside 203.0.113.2) == 203.0.113.1 ]]
	[[ $(tcp_source c1 c2 "$ip2") == "$ip1" ]]
	cni DEL ptp "$(conf ptp '.ipMasqBackend = "iptables"')" c1 c1 eth0
	assert_silent
	! in_ns host iptables-save -t nat | grep -q "$ip1" || fail "rules of c1 should be gone"
}

@test "without ipMasq the outside sees the container, and nothing is put into nftables" {
	outside_add
	in_ns outside ip route add 10.70.0.0/16 via 203.0.113.1
	add c1 "$(conf ptp 'del(.ipMasq)')"
	ip1=$(result_ip)
	[[ $(tcp_source c1 outside 203.0.113.2) == "$ip1" ]]
	[[ -z $(nft_elements) ]]
}

# ---- what is made -------------------------------------------------------------

@test "the result has the host's end, the container's end, and addresses on the latter" {
	add c1 "$(conf ptp)"
	assert_json '[.interfaces[] | .name, .sandbox] == [.interfaces[0].name, null, "eth0", $netns]' \
		--arg netns "$(netns_path c1)"
	assert_json '[.ips[] | .interface, .gateway] == [1, "10.70.0.1", 1, "fd00:70::1"]'
	assert_json '.interfaces[0].mac == $host and .interfaces[1].mac == $inside' \
		--arg host "$(link_json host "$(host_ifname)" .address)" \
		--arg inside "$(link_json c1 eth0 .address)"
}

@test "every version has its own words for the result" {
	local version
	for version in 0.1.0 0.4.0 1.0.0; do
		add c1 "$(conf ptp '.cniVersion = $v' --arg v "$version")"
		case $version in
		0.1.0) assert_json '.ip4.gateway == "10.70.0.1" and .ip6.gateway == "fd00:70::1"' ;;
		0.*) assert_json '[.ips[] | .version, .interface] == ["4", 1, "6", 1]' ;;
		*) assert_json '[.ips[] | has("version")] == [false, false]' ;;
		esac
		cni DEL ptp "$(with_prev "$(conf ptp '.cniVersion = $v' --arg v "$version")")" c1 c1 eth0
		assert_silent
		assert_nothing_left
	done
}

# reference_lab NETNS: result and routes of the plugins in $PLUGINS, names, MACs and versions aside
reference_lab() {
	local config
	config=$(conf ptp '.cniVersion = "1.0.0" | .mtu = 1400 | del(.ipMasq, .ipam.ranges[1], .ipam.routes[1])
		| .ipam.routes += [{dst: "192.0.2.0/24", gw: "10.70.0.1"}] | .dns.nameservers = ["192.0.2.53"]')
	add "$1" "$config"
	jq -S '.interfaces[].mac = "" | .interfaces[0].name = "" | .interfaces[1].sandbox = ""' <<<"$out"
	in_ns "$1" ip -j -4 route show | jq -S 'map(del(.flags)) | sort_by(.dst)'
	link_json "$1" eth0 '.mtu, (.addr_info[] | select(.family == "inet") | .local, .prefixlen, .scope)'
	link_json host "$(host_ifname)" '.mtu, (.addr_info[] | select(.family == "inet") | .local, .prefixlen)'
	in_ns host ip -j -4 route show | jq -c 'map(.dst)'
}

@test "result, addresses and routes are the reference's, whose attachment our DEL removes" {
	[[ -x $REFERENCE/ptp ]] || skip "the reference plugins are not installed"
	local ours theirs
	ours=$(reference_lab c1)
	cni DEL ptp "$(conf ptp)" c1 c1 eth0
	assert_silent
	rm -r "$LEASES"
	theirs=$(PLUGINS=$REFERENCE reference_lab c1)
	diff <(echo "$theirs") <(echo "$ours") || fail "they differ"
	PLUGINS=$REFERENCE cni DEL ptp "$(conf ptp '.cniVersion = "1.0.0"')" c1 c1 eth0

	out=$(PLUGINS=$REFERENCE cni ADD ptp "$(conf ptp '.cniVersion = "1.0.0" | del(.ipMasq, .ipam.ranges[1])')" \
		c1 c1 eth0 >/dev/null; printf '%s' "$out")
	link_exists c1 eth0
	cni DEL ptp "$(with_prev "$(conf ptp '.cniVersion = "1.0.0"')")" c1 c1 eth0
	assert_silent
	! link_exists c1 eth0 || fail "eth0 should be gone"
	assert_nothing_left
}

@test "mtu is that of both ends, mac that of the container's" {
	add c1 "$(conf ptp '.mtu = 1400 | .runtimeConfig.mac = "02:00:00:00:00:17"')"
	[[ $(link_json c1 eth0 '.mtu, .address') == $'1400\n02:00:00:00:00:17' ]]
	[[ $(link_json host "$(host_ifname)" .mtu) == 1400 ]]
	assert_json '.interfaces[1].mac == "02:00:00:00:00:17"'
}

@test "the host forwards, and takes no router advertisement from a container" {
	in_ns host sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
	add c1 "$(conf ptp 'del(.ipam.ranges[1], .ipam.routes[1])')"
	[[ $(in_ns host sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding) == $'1\n0' ]]
	[[ $(in_ns host sysctl -n "net.ipv6.conf.$(host_ifname).accept_ra") == 0 ]]
	add c2 "$(conf ptp)"
	[[ $(in_ns host sysctl -n net.ipv6.conf.all.forwarding) == 1 ]]
}

@test "dns of the config replaces that of the IPAM" {
	add c1 "$(conf ptp "$(static 10.70.0.9/16) | .ipam.dns.nameservers = [\"192.0.2.1\"]")"
	assert_json '.dns == {nameservers: ["192.0.2.1"]}'
	add c2 "$(conf ptp "$(static 10.70.0.8/16) | .ipam.dns.nameservers = [\"192.0.2.1\"] | .dns.search = [\"a.example\"]")"
	assert_json '.dns == {search: ["a.example"]}'
}

@test "several addresses may share a gateway" {
	add c1 "$(conf ptp '.ipam = {type: "static", routes: [{dst: "0.0.0.0/0"}], addresses: [
		{address: "10.70.0.9/24", gateway: "10.70.0.1"}, {address: "10.70.0.10/24", gateway: "10.70.0.1"},
		{address: "10.71.0.9/24", gateway: "10.70.0.1"}]}')"
	add c2 "$(conf ptp "$(static 10.70.0.20/24 10.70.0.1)")"
	local ip
	for ip in 10.70.0.9 10.70.0.10 10.71.0.9; do
		reaches host "$ip"
	done
	reaches c2 10.70.0.10
	cni CHECK ptp "$(with_prev "$(conf ptp "$(static 10.70.0.20/24 10.70.0.1)")")" c2 c2 eth0
	assert_silent
}

@test "a missing gateway is the subnet's first address; an address without a subnet names one" {
	add c1 "$(conf ptp "$(static 10.70.0.9/24) | .ipam.routes = [{dst: \"0.0.0.0/0\"}]")"
	assert_json '.ips[0].gateway == "10.70.0.1"'
	reaches c1 10.70.0.1
	add c2 "$(conf ptp "$(static 10.80.0.9/32 169.254.1.1) | .ipam.routes = [{dst: \"0.0.0.0/0\"}]")"
	reaches c2 169.254.1.1
	reaches c2 10.70.0.9
}

# ---- what is refused ----------------------------------------------------------

@test "configs that cannot work" {
	refuses 7 'del(.ipam)' ipam
	refuses 7 '.ipam.type = ""' ipam
	refuses 7 '.mtu = 65536' mtu 65536
	refuses 7 '.ipMasq = "yes"' ipMasq
	refuses 7 '.ipMasqBackend = "pf"' ipMasqBackend pf
	refuses 7 "$(static 10.70.0.9/32)" 10.70.0.9/32 gateway
	refuses 7 "$(static 10.70.0.1/24)" 10.70.0.1 gateway
	refuses 7 '.ipam = {type: "static", addresses: []}' ipam address
	refuses 7 '.runtimeConfig.mac = "01:00:5e:00:00:01"' mac
	assert_nothing_left
	! link_exists c1 eth0 || fail "eth0 should not be there"
}

@test "an interface that exists already is refused and left alone, by DEL too" {
	in_ns c1 ip link add eth0 type bridge
	cni ADD ptp "$(conf ptp)" id c1 eth0
	assert_error 4 CNI_IFNAME eth0 exists "$(netns_path c1)"
	assert_nothing_left
	cni DEL ptp "$(conf ptp)" id c1 eth0
	assert_silent
	[[ $(link_json c1 eth0 .linkinfo.info_kind) == bridge ]]
}

@test "an address that another network routes already is refused, and stays with that" {
	add c1 "$(conf ptp '.runtimeConfig.ips = ["10.70.0.7", "fd00:70::7"]')"
	cni ADD ptp "$(conf ptp '.name = "other" | .runtimeConfig.ips = ["10.70.0.7"]')" c2 c2 eth0
	((status != 0)) || fail "the address is routed to c1, ADD should fail"
	assert_error "$(jq .code <<<"$out")" 10.70.0.7/32 overlap
	cni ADD ptp "$(conf ptp '.name = "other" | .ipam.ranges = [[{subnet: "fd00:70::/64"}]]
		| .runtimeConfig.ips = ["fd00:70::7"]')" c2 c2 eth0
	((status != 0)) || fail "the address is routed to c1, ADD should fail"
	assert_error "$(jq .code <<<"$out")" fd00:70::7/128 overlap
	[[ $(host_links | wc -l) == 1 && $(leases | wc -l) == 2 ]]
	reaches host 10.70.0.7
	reaches host fd00:70::7
}

@test "a route that cannot be is undone with all that came before it" {
	cni ADD ptp "$(conf ptp '.ipam.routes += [{dst: "192.0.2.0/24", gw: "172.31.0.1"}]')" id c1 eth0
	((status != 0)) || fail "ADD should fail"
	assert_error "$(jq .code <<<"$out")" 192.0.2.0/24 172.31.0.1
	assert_nothing_left
	! link_exists c1 eth0 || fail "eth0 should be gone"
}

# ---- DEL ----------------------------------------------------------------------

@test "DEL removes all, with prevResult and without, twice, and for nothing" {
	local config
	config=$(conf ptp)
	cni DEL ptp "$config" c1 c1 eth0
	assert_silent
	add c1 "$config"
	cni DEL ptp "$(with_prev "$config")" c1 c1 eth0
	assert_silent
	assert_nothing_left
	add c1 "$config"
	cni DEL ptp "$config" c1 c1 eth0
	assert_silent
	assert_nothing_left
	cni DEL ptp "$config" c1 c1 eth0
	assert_silent
	[[ -z $(in_ns host ip route show) ]] || fail "routes are left"
}

@test "DEL without a namespace, or with one that is gone, removes all" {
	local config
	config=$(conf ptp)
	add c1 "$config"
	cni DEL ptp "$config" c1 '' eth0
	assert_silent
	assert_nothing_left
	add c1 "$config"
	netns_del c1
	cni DEL ptp "$config" c1 c1 eth0
	assert_silent
	assert_nothing_left
}

@test "DEL with a config that went bad" {
	add c1 "$(conf ptp)"
	cni DEL ptp "$(conf ptp '.mtu = "big" | .ipMasqBackend = "pf" | .ipMasq = 7')" c1 c1 eth0
	assert_silent
	assert_nothing_left
}

# ---- CHECK --------------------------------------------------------------------

# attach: ADD, and CHECK that nothing differs; sets $config and $port
attach() {
	config=$(conf ptp)
	add c1 "$config"
	port=$(host_ifname)
	config=$(with_prev "$config")
	cni CHECK ptp "$config" c1 c1 eth0
	assert_silent
}

# assert_differs WORD…: CHECK names the differences
assert_differs() {
	cni CHECK ptp "$config" c1 c1 eth0
	assert_error 100
	assert_details "$@"
}

@test "CHECK finds what changed on the host" {
	attach
	in_ns host ip addr del 10.70.0.1/32 dev "$port"
	in_ns host ip -6 addr del fd00:70::1/128 dev "$port"
	in_ns host ip -6 route del fd00:70::2/128
	in_ns host nft flush ruleset
	rm "$LEASES/routed/10.70.0.2"
	assert_differs "$port has no address 10.70.0.1/32" "$port has no address fd00:70::1/128" \
		"no route to fd00:70::2/128" "masq4" "leases"
	in_ns host ip link set "$port" down
	assert_differs "$port is down"
	in_ns host ip link del "$port"
	assert_differs "$port is missing"
}

@test "CHECK finds what changed in the container" {
	attach
	in_ns c1 ip route del 10.70.0.0/16
	in_ns c1 ip -6 route del default
	in_ns c1 ip -6 route del fd00:70::1/128
	in_ns c1 ip link set eth0 address 02:00:00:00:00:99
	assert_differs "no route to 10.70.0.0/16 via 10.70.0.1" "no route to ::/0 via fd00:70::1" \
		"no route to fd00:70::1/128" 02:00:00:00:00:99
	in_ns c1 ip addr flush dev eth0
	in_ns c1 ip link set eth0 down
	assert_differs "no address 10.70.0.2/16" "no address fd00:70::2/64" "eth0 in the container is down"
}

# ---- GC and STATUS ------------------------------------------------------------

@test "GC removes what is not valid, and only that" {
	local config
	config=$(conf ptp)
	add_pair "$config"
	gc "$config" c2/eth0
	assert_silent
	[[ $(host_links | wc -l) == 1 && $(leases | wc -l) == 2 ]]
	[[ $(leases) == "$ip2"$'\n'"$ip62" ]]
	reaches c2 10.70.0.1
	gc "$config"
	assert_silent
	assert_nothing_left
}

@test "STATUS needs an IPAM, and an address" {
	cni STATUS ptp "$(conf ptp)"
	assert_silent
	cni STATUS ptp "$(conf ptp 'del(.ipam)')"
	assert_error 7 ipam
	local config
	config=$(conf ptp '.ipam.ranges = [[{subnet: "10.70.0.0/30"}]] | del(.ipam.routes[1])')
	add c1 "$config"
	cni STATUS ptp "$config"
	assert_error 50 10.70.0.0/30
}
