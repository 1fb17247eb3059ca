#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# masq - ipMasq and macspoofchk, shown by traffic: which source address arrives
# where, with br_netfilter on and off, beside other programs' rules
#
#	  c1 eth0        c2 eth0
#	     |              |
#	  hv…------------hv…
#	          bridge           host     wan0 203.0.113.1 ---- .2 eth0 outside

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell

load lib

HOST4=203.0.113.1
HOST6="[2001:0db8:0000:0000:0000:0000:0000:0001]"	# as socat writes it
REFERENCE=/usr/lib/cni

setup() {
	lab_setup
	netns_add c1 c2
	outside_add
}
teardown() { lab_teardown; }

add() {
	cni ADD bridge "$2" "$1" "$1" eth0
	assert_ok
}

# add_pair CONF [CONF]: both containers; sets $ip1 and $ip2
add_pair() {
	add c1 "$1"
	ip1=$(result_ip)
	add c2 "${2:-$1}"
	ip2=$(result_ip)
}

# ipv6_of CONTAINER
ipv6_of() { link_json "$1" eth0 '.addr_info[] | select(.family == "inet6" and .scope == "global") | .local'; }

# br_netfilter 0|1: whether iptables and nftables see what is bridged
br_netfilter() {
	local key
	for key in iptables ip6tables; do
		in_ns host sysctl -qw "net.bridge.bridge-nf-call-$key=$1" || skip "kernel: no br_netfilter"
	done
}

# socat_form ADDRESS: an IPv6 address as socat writes it
socat_form() { python3 -c 'import ipaddress, sys; print("[" + ipaddress.ip_address(sys.argv[1]).exploded + "]")' "$1"; }

# assert_source FROM TO ADDRESS EXPECTED
assert_source() {
	local source
	source=$(tcp_source "$1" "$2" "$3")
	[[ $source == "$4" ]] || fail "from $1 to $2 ($3) it arrives as ${source:-nothing}, not as $4"
}

# assert_masqueraded: of $ip1 and $ip2, in both families
assert_masqueraded() {
	assert_source c1 outside 203.0.113.2 "$HOST4"
	assert_source c1 outside 2001:db8::2 "$HOST6"
	assert_source c1 c2 "$ip2" "$ip1"
	assert_source c1 c2 "$(ipv6_of c2)" "$(socat_form "$(ipv6_of c1)")"
}

# same_bridge SUBNET GATEWAY SUBNET GATEWAY: a network beside another one, on dual0
same_bridge() {
	conf bridge-dual-stack '.name = "second" | .isDefaultGateway = false | .isGateway = false
		| .ipam.ranges = [[{subnet: $net4, gateway: $gw4}], [{subnet: $net6, gateway: $gw6}]]
		| .ipam.routes = [{dst: "0.0.0.0/0"}, {dst: "::/0"}]' \
		--arg net4 "$1" --arg gw4 "$2" --arg net6 "$3" --arg gw6 "$4"
}

static() {
	conf bridge-static '.ipMasq = true | .ipam.routes = [{dst: "0.0.0.0/0"}]
		| .ipam.addresses = [{address: $ip, gateway: "10.69.0.1"}]' --arg ip "$1"
}

# ---- which address is seen --------------------------------------------------

@test "outside sees the host's address, the network sees the container's: with br_netfilter" {
	br_netfilter 1
	add_pair "$(conf bridge-dual-stack)"
	assert_masqueraded
}

@test "outside sees the host's address, the network sees the container's: without br_netfilter" {
	br_netfilter 0
	add_pair "$(conf bridge-dual-stack)"
	assert_masqueraded
}

@test "a packet that the host routes back out of its own bridge keeps its address" {
	local on
	in_ns host sysctl -qw net.ipv6.conf.all.forwarding=1
	add_pair "$(conf bridge-dual-stack)" "$(same_bridge 10.7.0.0/24 10.7.0.1 fd00:7::/64 fd00:7::1)"
	in_ns host ip addr add 10.7.0.1/24 dev dual0
	in_ns host ip addr add fd00:7::1/64 dev dual0 nodad
	for on in 0 1; do
		br_netfilter "$on"
		assert_source c1 c2 "$ip2" "$ip1"
		assert_source c2 c1 "$ip1" "$ip2"
		assert_source c1 c2 "$(ipv6_of c2)" "$(socat_form "$(ipv6_of c1)")"
	done
}

@test "another network of the host sees the host's address" {
	local other
	other=$(conf bridge '.ipMasq = false')
	add_pair "$(conf bridge-dual-stack)" "$other"
	assert_source c1 c2 "$ip2" 192.168.1.1
	assert_source c2 c1 "$ip1" "$ip2"
}

# multicast GROUP: the source address of c1's datagram outside
multicast() {
	"$E2E_DIR/multicast.py" "$(netns_path c1)" eth0 "$(netns_path host)" dual0 wan0 \
		"$(netns_path outside)" eth0 "$1"
}

@test "multicast that is routed keeps its source" {
	[[ -e /proc/net/ip_mr_vif && -e /proc/net/ip6_mr_vif ]] || skip "kernel: no multicast routing"
	add c1 "$(conf bridge-dual-stack)"
	in_ns outside ip route add 10.66.0.0/16 via 203.0.113.1
	in_ns outside ip route add fd00:66::/64 via 2001:db8::1
	# With it the bridge settles what becomes of the connection before routing does.
	br_netfilter 0
	[[ $(multicast 239.1.1.1) == "$(result_ip 0)" ]] || fail "239.1.1.1: $(multicast 239.1.1.1)"
	[[ $(multicast ff0e::1:1) == "$(result_ip 1)" ]] || fail "ff0e::1:1: $(multicast ff0e::1:1)"
	# And where it is masqueraded, this test would see it.
	in_ns host nft flush chain inet heddle postrouting
	in_ns host nft add rule inet heddle postrouting oifname wan0 masquerade
	[[ $(multicast 239.1.1.2) == "$HOST4" ]]
}

@test "what another program's NAT rules would do comes after ours" {
	add c1 "$(conf bridge)"
	in_ns host ip addr add 203.0.113.99/24 dev wan0
	in_ns host iptables -t nat -I POSTROUTING -j SNAT --to-source 203.0.113.99
	assert_source c1 outside 203.0.113.2 "$HOST4"
}

# ---- whose address ----------------------------------------------------------

@test "an address that a living container has is refused to another, by the holder's name" {
	add c1 "$(static 10.69.0.7/24)"
	cni ADD bridge "$(static 10.69.0.7/24)" c2 c2 eth0
	assert_error 999 10.69.0.7 byhand0 "by-hand c1 eth0"
	cni DEL bridge "$(static 10.69.0.7/24)" c2 c2 eth0
	assert_silent
	assert_source c1 outside 203.0.113.2 "$HOST4"
}

@test "the address of a container that vanished without a DEL is free again" {
	local old
	old=$(static 10.69.0.7/24)
	add c1 "$old"
	old=$(with_prev "$old")
	netns_del c1
	wait_for 30 eval '[[ -z $(host_links | grep -v wan0) ]]'
	add c2 "$(static 10.69.0.7/24)"
	# The DEL that comes after all takes nothing from the new holder.
	cni DEL bridge "$old" c1 "" eth0
	assert_silent
	assert_source c2 outside 203.0.113.2 "$HOST4"
}

@test "after nft flush ruleset CHECK says so, and the next ADD makes the table anew" {
	add c1 "$(conf bridge)"
	in_ns host nft flush ruleset
	cni CHECK bridge "$(with_prev "$(conf bridge)")" c1 c1 eth0
	assert_error 100 "table inet heddle"
	add c2 "$(conf bridge)"
	assert_source c2 outside 203.0.113.2 "$HOST4"
	cni DEL bridge "$(conf bridge)" c1 c1 eth0
	assert_silent
	assert_source c2 outside 203.0.113.2 "$HOST4"
}

@test "a saved and restored ruleset serves containers old and new" {
	local saved=$BATS_TEST_TMPDIR/ruleset
	add c1 "$(conf bridge '.macspoofchk = true')"
	in_ns host nft list ruleset >"$saved"
	in_ns host nft flush ruleset
	in_ns host nft -f "$saved"
	diff "$saved" <(in_ns host nft list ruleset)
	add c2 "$(conf bridge '.macspoofchk = true')"
	assert_source c1 outside 203.0.113.2 "$HOST4"
	assert_source c2 outside 203.0.113.2 "$HOST4"
	# It was taken for what it is, and not made anew.
	diff <(grep -v elements "$saved") <(in_ns host nft list ruleset | sed '/elements/,/}/d')
	cni DEL bridge "$(conf bridge)" c1 c1 eth0
	cni DEL bridge "$(conf bridge)" c2 c2 eth0
	[[ -z $(nft_elements) ]]
}

# ---- macspoofchk ------------------------------------------------------------

@test "macspoofchk: a container that changes its MAC is cut off until it changes back" {
	local on mac
	add_pair "$(conf bridge-macspoofchk)"
	mac=$(link_json c1 eth0 .address)
	for on in 0 1; do
		br_netfilter "$on"
		reaches c1 "$ip2"
		in_ns c1 ip link set eth0 address 02:00:00:00:00:99
		cannot_reach c1 "$ip2"
		cannot_reach c1 10.68.0.1
		in_ns c1 ip link set eth0 address "$mac"
		reaches c1 "$ip2"
		reaches c1 10.68.0.1
	done
}

@test "macspoofchk of one container leaves others on its bridge alone" {
	add c1 "$(conf bridge-macspoofchk)"
	add c2 "$(conf bridge-macspoofchk '.macspoofchk = false')"
	in_ns c2 ip link set eth0 address 02:00:00:00:00:99
	reaches c2 10.68.0.1
}

# ---- backend "iptables" -----------------------------------------------------

@test "backend iptables: outside sees the host's address, the network the container's" {
	br_netfilter 1
	add_pair "$(conf bridge-dual-stack '.ipMasqBackend = "iptables"')"
	assert_masqueraded
	[[ $(in_ns host nft list tables) != *heddle* ]]
}

# nat_rules NAMESPACE: in both families
nat_rules() { in_ns "$1" iptables -t nat -S && in_ns "$1" ip6tables -t nat -S; }

@test "backend iptables: the rules are the reference's" {
	local config
	[[ -x $REFERENCE/bridge && -x $REFERENCE/static ]] || skip "the reference plugins are not installed"
	netns_add host-reference
	in_ns host-reference ip link set lo up
	config=$(conf bridge-static '.cniVersion = "1.0.0" | .ipMasq = true | .ipam.routes = []')
	cni ADD bridge "$(jq -c '.ipMasqBackend = "iptables"' <<<"$config")" c1 c1 eth0
	assert_ok
	capture feed "$config" env CNI_COMMAND=ADD CNI_PATH="$REFERENCE" CNI_CONTAINERID=c1 \
		CNI_NETNS="$(netns_path c2)" CNI_IFNAME=eth0 \
		nsenter --net="$(netns_path host-reference)" -- "$REFERENCE/bridge"
	assert_ok
	diff <(nat_rules host) <(nat_rules host-reference) || fail "the rules differ"
}

@test "backend iptables: DEL with an empty netns and no prevResult removes all of it" {
	local config
	config=$(conf bridge-dual-stack '.ipMasqBackend = "iptables"')
	add_pair "$config"
	cni DEL bridge "$config" c1 "" eth0
	assert_silent
	[[ $(nat_rules host | grep -c -- '-j CNI-') == 2 ]]
	cni DEL bridge "$config" c2 "" eth0
	assert_silent
	[[ $(nat_rules host | grep -c CNI-) == 0 ]]
}

@test "backend iptables: GC removes the chains of containers that are gone" {
	local config
	config=$(conf bridge-dual-stack '.ipMasqBackend = "iptables"')
	add_pair "$config"
	gc "$config" c2/eth0
	assert_silent
	[[ $(nat_rules host | grep -c -- '-j CNI-') == 2 ]]
	assert_source c2 outside 203.0.113.2 "$HOST4"
}
