#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# plane - netd's data plane alone: what it makes of a kernel, and that it stays so

load lib
load plane

reply='' # as plane() sets it

setup() { lab_setup; }
teardown() { lab_teardown; }

# no COMMAND…: it fails, and so does the test if not, as it would not with a bare "!"
no() { ! "$@"; }
has_elements() { in_ns "$1" nft list set inet "$2" "$3" | grep -q elements; }
floods() { in_ns "$1" bridge fdb show dev "$VXLAN" | grep -q 00:00:00:00:00:00; }

# ---- it forwards ------------------------------------------------------------------

@test "plane: containers of two hosts reach each other, and the gateway, over IPv4 and IPv6" {
	lab_of_two
	meet c1 c2
	for c in c1 c2; do
		reaches "$c" 10.1.0.1
		reaches "$c" fd01::1
	done
}

@test "plane: an underlay of IPv6" {
	UNDERLAY_PREFIX=fd99:: lab_of_two
	meet c1 c2
	plane a mtu "$ID"
	[[ $reply == "ok 1430" ]]
}

@test "plane: a host reaches a container of another host, and the other way" {
	lab_of_two
	for ip in "$(ip4_of c2)" "$(ip6_of c2)" 10.1.0.3 fd01::3; do reaches a "$ip"; done
	for ip in 10.1.0.3 fd01::3 10.1.0.2 fd01::2; do reaches c1 "$ip"; done
}

@test "plane: what leaves the network has the host's address" {
	lab_of_two
	# Nobody out there knows the way to the container.
	reaches c1 10.99.0.254
	reaches c1 fd99::254
}

@test "plane: nothing is routed into or out of an internal network" {
	lab_of_two internal,pin
	meet c1 c2
	cannot_reach c1 10.99.0.254
	serve a masq,pin
	reaches c1 10.99.0.254
}

@test "plane: nothing is flooded, unless the network has multicast" {
	hosts_add a b
	network_up masq
	container_add a c1
	container_add b c2
	no floods a
	! FRAME_WAIT_S=2 frame_arrives c1 eth0 c2 eth0 "$(mac_of c1)" ff:ff:ff:ff:ff:ff || fail "a broadcast left the host"
	for h in a b; do
		serve "$h" masq,multicast
		plane "$h" flush
	done
	floods a
	frame_arrives c1 eth0 c2 eth0 "$(mac_of c1)" ff:ff:ff:ff:ff:ff
	meet c1 c2
	reaches c1 10.1.0.1
}

@test "plane: an address that moves is answered by a container with a warm cache" {
	hosts_add a b c
	network_up
	container_add a c1
	container_add b c2
	container_add c c3
	meet c1 c2
	# c3 takes over the address of c2: another MAC, on another host.
	in_ns c2 ip addr flush dev eth0
	in_ns c3 ip addr add "$(ip4_of c2)/24" dev eth0
	in_ns c3 ip addr add "$(ip6_of c2)/64" dev eth0 nodad
	plane c attach "$ID" blue c3 "$(mac_of c3)" "$(ip4_of c3)" "$(ip6_of c3)" "$(ip4_of c2)" "$(ip6_of c2)"
	for ip in "$(ip4_of c2)" "$(ip6_of c2)"; do plane a endpoint "$ID" "$ip" "$(mac_of c3)" "$(vtep_of c)"; done
	plane a flush
	wait_for 5 knows c1 "$(ip4_of c2)" "$(mac_of c3)"
	wait_for 5 knows c1 "$(ip6_of c2)" "$(mac_of c3)"
	reaches c1 "$(ip4_of c2)"
	reaches c1 "$(ip6_of c2)"
}

@test "plane: a container that moves with its MAC is where it went" {
	hosts_add a b c
	network_up
	container_add a c1
	container_add b c2
	meet c1 c2
	# Off b, on to a: local again, and the entries of the other host are in the way.
	in_ns b ip link del dev "$(port_of b c2)"
	plane b detach "$ID" blue c2
	netns_del c2
	container_add a c2
	meet c1 c2
	# The rows follow: nobody wants what was remote.
	plane a noendpoint "$ID" "$(ip4_of c2)" "$(mac_of c2)" "$(vtep_of b)"
	plane a noendpoint "$ID" "$(ip6_of c2)" "$(mac_of c2)" "$(vtep_of b)"
	plane a flush
	meet c1 c2
	[[ $(in_ns a bridge fdb get "$(mac_of c2)" br "$BRIDGE") == *"dev $(port_of a c2) "* ]]
}

# ---- it lets in who belongs there ----------------------------------------------------

# listen NAMESPACE: what arrives on UDP port 9, in $BATS_TEST_TMPDIR/heard
listen() {
	background "$1" socat -u UDP4-RECV:9 "OPEN:$BATS_TEST_TMPDIR/heard,creat,append"
	wait_for 30 listens "$1"
}
listens() { [[ -n $(in_ns "$1" ss -Hlun 'sport = 9') ]]; }
heard() { grep -q "$1" "$BATS_TEST_TMPDIR/heard"; }

# inject NAMESPACE IFNAME NEXT-MAC FROM TO VNI TEXT: to c1
inject() {
	"$E2E_DIR/vxlan.py" "$(netns_path "$1")" "$2" "$3" "$4" "$5" "$6" "$(mac_of c1)" 10.1.0.77 "$(ip4_of c1)" "$7"
}
dropped() { in_ns "$1" nft list chain inet heddle_overlay "$2" | grep -oP 'packets \K[1-9]\d*'; }

@test "plane: VXLAN from a non-member, and from a container that pretends to be one, is dropped" {
	hosts_add a b
	network_up masq
	container_add a c1
	container_add a c3
	listen c1
	local a_mac
	a_mac=$(link_json a eth0 .address)
	# From the wire: not a member's address.
	inject wire w0 "$a_mac" 10.99.0.254 10.99.0.1 4096 stranger
	# From a container of this host, with a member's address, to the host's own.
	inject c3 eth0 "$GATEWAY_MAC" 10.99.0.2 10.99.0.1 4096 pretender
	# The same packet from the member's side gets through, so it would have been taken.
	inject wire w0 "$a_mac" 10.99.0.2 10.99.0.1 4096 member
	wait_for 30 heard member
	! heard stranger || fail "a stranger got in"
	! heard pretender || fail "a container got in as a member"
	[[ $(dropped a received) == 2 ]]
	# Another tool's VNI on the same port is let through to whoever has it.
	inject wire w0 "$a_mac" 10.99.0.254 10.99.0.1 77 foreign
	[[ $(dropped a received) == 2 ]]
	# One that is no member any more is a stranger.
	plane a nopeer "$ID" 10.99.0.2
	plane a flush
	inject wire w0 "$a_mac" 10.99.0.2 10.99.0.1 4096 gone
	wait_for 30 dropped_is a received 3
}
dropped_is() { [[ $(dropped "$1" "$2") == "$3" ]]; }

@test "plane: a container does not send VXLAN to a member behind its host's address" {
	hosts_add a b
	network_up masq
	container_add a c1
	container_add b c2
	in_ns a ping -c1 -W10 10.99.0.2 >/dev/null
	inject c1 eth0 "$GATEWAY_MAC" "$(ip4_of c1)" 10.99.0.2 4096 masqueraded
	wait_for 30 dropped_is a forwarded 1
}

@test "plane: a container speaks as itself only" {
	hosts_add a
	network_up
	container_add a c1
	container_add a c2
	"$E2E_DIR/forge.py" "$(netns_path c1)" eth0 "$(ip4_of c1)" "$(ip6_of c1)" \
		"$(netns_path c2)" eth0 "$(ip4_of c2)" "$(ip6_of c2)" >"$BATS_TEST_TMPDIR/frames"
	no grep '^own-.* dropped' "$BATS_TEST_TMPDIR/frames"
	no grep '^forged-.* arrived' "$BATS_TEST_TMPDIR/frames"
	grep -q '^own-.* arrived' "$BATS_TEST_TMPDIR/frames"
	grep -q '^forged-.* dropped' "$BATS_TEST_TMPDIR/frames"
}

@test "plane: without pins a container still cannot take another's MAC" {
	lab_of_two masq
	! frame_arrives c1 eth0 a "$BRIDGE" "$(mac_of c2)" "$GATEWAY_MAC" || fail "the forged frame got through"
	frame_arrives c1 eth0 a "$BRIDGE" "$(mac_of c1)" "$GATEWAY_MAC"
	meet c1 c2
}

# ---- it stays so -------------------------------------------------------------------------

@test "plane: what somebody deletes is back, and is counted" {
	lab_of_two
	meet c1 c2
	[[ $(counter a fdb) == 0 && $(counter a links) == 0 && $(counter a addrs) == 0 ]]

	in_ns a bridge fdb del "$(mac_of c2)" dev "$VXLAN" self
	wait_for 30 counter_is_above a fdb 0
	will_meet c1 c2
	in_ns a bridge fdb del "$(mac_of c2)" dev "$VXLAN" master
	wait_for 30 counter_is_above a fdb 1
	will_meet c1 c2
	in_ns a ip neigh flush dev "$BRIDGE" nud permanent
	wait_for 30 counter_is_above a neighbours 0
	will_meet c1 c2
	in_ns a ip addr del 10.1.0.2/32 dev "$BRIDGE"
	wait_for 30 counter_is_above a addrs 0
	will_reach a "$(ip4_of c2)"
	in_ns a bridge fdb del "$(mac_of c1)" dev "$(port_of a c1)" master
	wait_for 30 counter_is_above a ports 0
	will_meet c1 c2
	[[ $(counter a failures) == 0 ]]
}

@test "plane: entries that somebody changes are put right" {
	lab_of_two
	in_ns a bridge fdb replace "$(mac_of c2)" dev "$VXLAN" dst 10.99.0.77 self
	wait_for 30 counter_is_above a fdb 0
	in_ns a ip neigh replace "$(ip4_of c2)" lladdr 02:00:00:00:00:77 dev "$BRIDGE" nud permanent
	wait_for 30 counter_is_above a neighbours 0
	will_meet c1 c2
	in_ns a ip link set dev "$VXLAN" type bridge_slave learning on neigh_suppress off
	wait_for 30 counter_is_above a links 0
	wait_for 30 suppresses a
}
suppresses() { [[ $(in_ns "$1" bridge -d link show dev "$VXLAN") == *"learning off"*"neigh_suppress on"* ]]; }

@test "plane: devices that somebody deletes are made anew" {
	lab_of_two
	in_ns a ip link del dev "$VXLAN"
	wait_for 30 counter_is_above a links 0
	will_meet c1 c2
	in_ns a ip link del dev "$BRIDGE"
	wait_for 30 link_exists a "$BRIDGE"
	will_meet c1 c2
	[[ $(in_ns a bridge -d link show dev "$(port_of a c1)") == *"learning off"*"locked on"* ]]
}

@test "plane: a bridge that goes down comes up, with its neighbours and addresses" {
	lab_of_two
	in_ns a ip link set dev "$BRIDGE" down
	wait_for 30 is_up a "$BRIDGE"
	will_meet c1 c2
	will_reach a "$(ip6_of c2)"
	in_ns a ip link set dev "$VXLAN" down
	will_meet c1 c2
}

@test "plane: a flushed ruleset is back, filter, pins and masquerading" {
	lab_of_two
	in_ns a nft flush ruleset
	wait_for 30 counter_is_above a filter 0
	wait_for 30 counter_is_above a claims 0
	will_reach c1 10.99.0.254
	will_meet c1 c2
	in_ns a nft list chain inet heddle_overlay received | grep -q drop
	in_ns a nft list set inet heddle_overlay members4 | grep -q 10.99.0.2
	in_ns a nft list set inet heddle_overlay networks | grep -q 4789
	in_ns a nft list set bridge heddle pinned | grep -q "$(port_of a c1)"
	# One element alone, too.
	in_ns a nft delete element inet heddle_overlay members4 '{ 10.99.0.2 . 0x1000 }'
	wait_for 30 counter_is_above a filter 1
	will_meet c1 c2
}

# ---- it adopts what is there ----------------------------------------------------------------

# told_again HOST CONTAINER…: as its engine would tell it after a restart, one by one
told_again() {
	local h=$1 c o
	serve "$h"
	for o in $(other_hosts "$h"); do tell_of_host "$h" "$o"; done
	attach "$h" "$2"
	for c in "${@:3}"; do tell_of "$h" "$c" b; done
}

@test "plane: a restart loses no packet, and changes nothing that is right" {
	lab_of_two
	meet c1 c2
	in_ns c1 ping -q -i 0.002 -c 2500 -W 10 "$(ip4_of c2)" >"$BATS_TEST_TMPDIR/ping" &
	local ping=$!
	plane_stop a
	plane_start a
	told_again a c1 c2
	plane a flush
	plane a complete "$ID"
	plane a sweep
	plane a flush
	# Killed this time.
	plane_kill a
	plane_start a
	told_again a c1 c2
	plane a complete "$ID"
	plane a sweep
	plane a flush
	[[ $(counter a announced) == 2 ]]	# the container of this host alone
	wait $ping
	grep -q ' 0% packet loss' "$BATS_TEST_TMPDIR/ping"
}

@test "plane: what nobody wants after a restart stays until everybody has been heard" {
	lab_of_two
	container_add b c3
	local fdb neighbours
	fdb=$(fdb_entries a) neighbours=$(neighbour_entries a)
	plane_stop a
	plane_start a
	told_again a c1 c2
	plane a flush
	[[ $(fdb_entries a) == "$fdb" && $(neighbour_entries a) == "$neighbours" ]]
	reaches c1 "$(ip4_of c3)"
	plane a complete "$ID"
	plane a flush
	[[ $(fdb_entries a) == $((fdb - 2)) && $(neighbour_entries a) == $((neighbours - 2)) ]]
	meet c1 c2
	# Said again by the same process: the engine has restarted.
	plane a doubt
	plane a flush
	meet c1 c2
	plane a complete "$ID"
	plane a flush
	[[ $(neighbour_entries a) == 0 ]]
}

@test "plane: a network that is not served any more is taken down, others' things stay" {
	lab_of_two
	in_ns a ip link add name hb-other type bridge
	in_ns a ip link add name hv-other type vxlan id 77 dstport 4789 dev eth0
	in_ns a nft add table inet mine
	plane a unserve "$ID"
	no link_exists a "$BRIDGE"
	no link_exists a "$VXLAN"
	no has_elements a heddle_overlay members4
	no has_elements a heddle_overlay networks
	no has_elements a heddle masq4
	[[ $(counter a networks) == 0 ]]
	# One of the process before.
	plane_stop b
	plane_start b
	plane b sweep
	plane b flush
	no link_exists b "$BRIDGE"
	no has_elements b heddle_overlay members4
	link_exists a hb-other
	link_exists a hv-other
	in_ns a nft list table inet mine
}

@test "plane: a VNI, or a name, that another tool holds is left to it" {
	hosts_add a
	in_ns a ip link add name flannel.1 type vxlan id 4096 dstport 4789 dev eth0
	plane_asked a serve "$ID" blue 4096 4789 0 "$GATEWAY_MAC" 02:00:00:00:01:01 pin 10.1.0.0/24,10.1.0.1,10.1.0.2
	[[ $reply == "error 17 "*VNI*4096* ]]
	no link_exists a "$BRIDGE"
	no has_elements a heddle_overlay networks
	plane a serve "$ID" blue 4097 4789 0 "$GATEWAY_MAC" 02:00:00:00:01:01 pin 10.1.0.0/24,10.1.0.1,10.1.0.2
	plane a unserve "$ID"
	in_ns a ip link add name "$BRIDGE" type bridge
	plane_asked a serve "$ID" blue 4097 4789 0 "$GATEWAY_MAC" 02:00:00:00:01:01 pin 10.1.0.0/24,10.1.0.1,10.1.0.2
	[[ $reply == "error 17 "*$BRIDGE* ]]
	link_exists a "$BRIDGE"
}

# ---- it follows the host ----------------------------------------------------------------------

@test "plane: the address and the MTU of the host are followed" {
	lab_of_two
	plane a underlay
	[[ $reply == "ok 10.99.0.1 1500" ]]
	in_ns a ip link set dev eth0 mtu 1400
	wait_for 30 mtu_is a 1350
	wait_for 30 bridge_mtu_is a 1350
	in_ns a ip link set dev eth0 mtu 1500
	wait_for 30 mtu_is a 1450
	in_ns a ip addr del 10.99.0.1/24 dev eth0
	in_ns a ip addr add 10.99.0.11/24 dev eth0
	wait_for 30 underlay_is a 10.99.0.11
	plane a vtep 10.99.0.11
	plane b peer "$ID" 10.99.0.11
	plane b endpoint "$ID" "$(ip4_of c1)" "$(mac_of c1)" 10.99.0.11
	plane b endpoint "$ID" "$(ip6_of c1)" "$(mac_of c1)" 10.99.0.11
	plane b flush
	will_meet c1 c2
	[[ $(counter a links) == 0 ]]
}
mtu_is() {
	plane "$1" mtu "$ID"
	[[ $reply == "ok $2" ]]
}
bridge_mtu_is() { [[ $(link_json "$1" "$BRIDGE" .mtu) == "$2" ]]; }
underlay_is() {
	plane_asked "$1" underlay
	[[ $reply == "ok $2 "* ]]
}

@test "plane: 10,000 remote endpoints" {
	hosts_add a
	plane a serve "$ID" blue 4096 4789 0 "$GATEWAY_MAC" 02:00:00:00:01:01 pin 10.64.0.0/16,10.64.0.1,10.64.0.2
	plane a fill "$ID" 10000 10.64.1.0 10.99.0.2
	local begin=${EPOCHREALTIME/./}
	plane a flush
	echo "# 10,000 endpoints into the kernel: $(((${EPOCHREALTIME/./} - begin) / 1000)) ms" >&3
	[[ $(fdb_entries a) == 20000 && $(neighbour_entries a) == 10000 ]]
	in_ns a ip neigh flush dev "$BRIDGE" nud permanent
	wait_for 30 all_neighbours a
	plane_stop a
	plane_start a
	plane a fill "$ID" 10000 10.64.1.0 10.99.0.2
	begin=${EPOCHREALTIME/./}
	plane a serve "$ID" blue 4096 4789 0 "$GATEWAY_MAC" 02:00:00:00:01:01 pin 10.64.0.0/16,10.64.0.1,10.64.0.2
	plane a complete "$ID"
	plane a flush
	echo "# … compared after a restart: $(((${EPOCHREALTIME/./} - begin) / 1000)) ms" >&3
	[[ $(fdb_entries a) == 20000 ]]
}
all_neighbours() { [[ $(neighbour_entries "$1") == 10000 ]]; }
