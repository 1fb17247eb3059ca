#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bad-input - what is wrong with a request is said with its place, its value and
# the rule it breaks, and nothing is left of the attempt

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell

load lib

setup() {
	lab_setup
	netns_add c1
}
teardown() { lab_teardown; }

# refuses_text CODE TEXT WORD…: ADD with this stdin fails, says so, and leaves nothing
refuses_text() {
	local code=$1 text=$2
	shift 2
	cni ADD bridge "$text" id c1 eth0
	assert_error "$code" "$@"
	assert_nothing_left
	! link_exists c1 eth0 || fail "eth0 should not be there"
}

# refuses CODE FILTER WORD…: the same, of the example bridge.conflist changed by FILTER
refuses() {
	local code=$1 filter=$2
	shift 2
	refuses_text "$code" "$(conf bridge "$filter")" "$@"
}

# refuses_range RANGE WORD…: the same, of a range in ipam.ranges[0][0]
refuses_range() {
	local range=$1
	shift
	refuses 7 ".ipam.ranges = [[$range]]" 'ipam.ranges[0][0]' "$@"
}

# ---- JSON -------------------------------------------------------------------

@test "no JSON at all" {
	local text
	for text in '' ' ' 'x' '<xml/>'; do
		refuses_text 6 "$text" stdin
	done
}

@test "JSON that breaks off, with the place" {
	refuses_text 6 $'{"cniVersion": "1.1.0",\n "name": "x", "ipam": {' 'line 2'
	refuses_text 6 '{"cniVersion": "1.1.0", "name": "x",}' 'line 1'
}

@test "text after the JSON" {
	refuses_text 6 "$(conf bridge) x" 'line 1'
}

@test "JSON that is no object" {
	refuses_text 7 '[]' object
	refuses_text 6 '"text"' "'{' expected"
}

@test "deeply nested JSON" {
	local deep
	deep=$(printf '[%.0s' {1..100000})
	refuses_text 6 "{\"cniVersion\": \"1.1.0\", \"name\": \"x\", \"deep\": $deep" depth
}

@test "bytes that are not UTF-8, and NUL" {
	refuses_text 6 $'{"cniVersion": "1.1.0", "name": "\xff\xfe"}' 'byte 0xff'
	refuses_text 6 '{"cniVersion": "1.1.0", "name": "a\u0000b"}' NUL
}

@test "a duplicate key" {
	refuses_text 6 '{"cniVersion": "1.1.0", "name": "x", "bridge": "a", "bridge": "b"}' duplicate bridge
}

@test "a config longer than the limit" {
	# By a pipe of its own: bash is slow with so long a string.
	too_long() {
		printf '{"name": "'
		head -c $((17 << 20)) /dev/zero | tr '\0' x
		printf '"}'
	}
	capture env CNI_COMMAND=ADD CNI_PATH="$PLUGINS" CNI_CONTAINERID=id CNI_IFNAME=eth0 \
		CNI_NETNS="$(netns_path c1)" nsenter --net="$(netns_path host)" -- "$PLUGINS/bridge" < <(too_long)
	assert_error 6 stdin $((16 << 20))
}

# ---- types and numbers ------------------------------------------------------

@test "wrong types are named by key and value" {
	local assignment key
	for assignment in \
		'.bridge = 7' '.isGateway = "yes"' '.isDefaultGateway = 1' '.forceAddress = []' '.ipMasq = "true"' \
		'.mtu = "1500"' '.hairpinMode = {}' '.promiscMode = 0' '.vlan = "5"' '.vlanTrunk = 5' \
		'.macspoofchk = "on"' '.enabledad = 1' '.disableContainerInterface = "no"' '.portIsolation = 1' \
		'.ipam = "host-local"' '.ipam.type = 5' '.ipam.ranges = {}' '.ipam.routes = "0.0.0.0/0"' \
		'.ipam.ranges[0][0].subnet = 10' '.ipam.dataDir = true' '.runtimeConfig = []' \
		'.runtimeConfig.ips = "192.168.1.7"' '.runtimeConfig.mac = 5' '.args = "a=b"' '.args.cni = []' '.dns = "192.0.2.1"' \
		'.dns.nameservers = "192.0.2.1"' '.prevResult = []'; do
		key=${assignment%% =*}
		echo "with $assignment:"
		refuses 7 "$assignment" "${key#.}"
	done
}

@test "numbers out of range are named with the range" {
	refuses 7 '.mtu = -1' mtu -1
	refuses 7 '.mtu = 65536' mtu 65536 65535
	refuses 7 '.mtu = 1500.5' mtu 1500.5
	refuses 7 '.mtu = 99999999999' mtu 99999999999
	refuses 7 '.vlan = 4095' vlan 4095 4094
	refuses 7 '.vlan = -1' vlan -1
}

@test "numbers that no integer holds" {
	refuses_text 6 "$(conf bridge '.mtu = "@"' | sed 's/"@"/123456789012345678901234567890/')" 'line 1'
	refuses_text 6 "$(conf bridge '.mtu = "@"' | sed 's/"@"/1e999/')" 'line 1'
}

@test "an mtu that the kernel does not take" {
	cni ADD bridge "$(conf bridge '.mtu = 20')" id c1 eth0
	((status != 0)) || fail "ADD should fail"
	[[ $out == *mtu* || $out == *MTU* ]] || fail "the MTU should be named"
	assert_nothing_left
}

@test "VLAN trunks that are none" {
	refuses 7 '.vlanTrunk = [{id: 0}]' 'vlanTrunk[0].id' 0
	refuses 7 '.vlanTrunk = [{id: 5}, {id: 5000}]' 'vlanTrunk[1].id' 5000
	refuses 7 '.vlanTrunk = [{minID: 10}]' 'vlanTrunk[0]' maxID
	refuses 7 '.vlanTrunk = [{minID: 20, maxID: 10}]' 'vlanTrunk[0]' 20 10
	refuses 7 '.vlanTrunk = [{}]' 'vlanTrunk[0]' id
}

@test "MAC addresses that are none, or of a group" {
	local mac
	for mac in 02:00:00:00:00 02:00:00:00:00:zz 02:00:00:00:00:00:01 01:00:5e:00:00:01 ff:ff:ff:ff:ff:ff \
		00:00:00:00:00:00; do
		cni ADD bridge "$(conf bridge '.runtimeConfig.mac = $m' --arg m "$mac")" id c1 eth0
		[[ -z $mac ]] && continue
		assert_error 7 mac "$mac"
		assert_nothing_left
	done
}

# ---- names ------------------------------------------------------------------

@test "a bridge name that is no interface name" {
	local name
	for name in '' sixteencharacter a/b a:b 'a b' . ..; do
		refuses 7 ".bridge = \"$name\"" bridge "$name"
	done
}

@test "a bridge name that is not a bridge" {
	in_ns host ip link add lows0 type veth peer name peer0
	cni ADD bridge "$(conf bridge)" id c1 eth0
	assert_error 7 lows0 'not a bridge' veth
	[[ -z $(leases) ]] || fail "no lease should be left"
	cni ADD bridge "$(conf bridge '.bridge = "lo"')" id c1 eth0
	assert_error 7 lo 'not a bridge'
}

@test "an interface that exists already" {
	local mac
	in_ns c1 ip link add eth0 type bridge
	mac=$(link_json c1 eth0 .address)
	cni ADD bridge "$(conf bridge)" id c1 eth0
	assert_fails CNI_IFNAME eth0 exists "$(netns_path c1)"
	assert_nothing_left
	[[ $(link_json c1 eth0 .address) == "$mac" ]] || fail "the interface should be untouched"
}

# ---- addresses --------------------------------------------------------------

@test "a subnet that is none" {
	refuses_range '{subnet: "10.1.0.0/33"}' subnet 10.1.0.0/33
	refuses_range '{subnet: "10.1.0.0"}' subnet 10.1.0.0
	refuses_range '{subnet: "10.1.0/24"}' subnet 10.1.0/24
	refuses_range '{subnet: "fd00::/129"}' subnet fd00::/129
	refuses_range '{}' subnet
}

@test "a subnet with host bits set, with the one that was meant" {
	refuses_range '{subnet: "10.1.0.5/24"}' 10.1.0.5/24 10.1.0.0/24
	refuses_range '{subnet: "fd00::5/64"}' fd00::5/64 fd00::/64
}

@test "a subnet without room" {
	refuses_range '{subnet: "10.1.0.0/31"}' 10.1.0.0/31
	refuses_range '{subnet: "10.1.0.1/32"}' 10.1.0.1/32
	refuses_range '{subnet: "fd00::/127"}' fd00::/127
}

@test "a reversed range" {
	refuses_range '{subnet: "10.1.0.0/24", rangeStart: "10.1.0.50", rangeEnd: "10.1.0.20"}' 10.1.0.50 10.1.0.20
}

@test "a range outside its subnet" {
	refuses_range '{subnet: "10.1.0.0/24", rangeStart: "10.2.0.5"}' rangeStart 10.2.0.5 10.1.0.0/24
	refuses_range '{subnet: "10.1.0.0/24", rangeEnd: "10.2.0.5"}' rangeEnd 10.2.0.5 10.1.0.0/24
	refuses_range '{subnet: "10.1.0.0/24", rangeStart: "fd00::5"}' rangeStart fd00::5
}

@test "an ipRange outside its subnet, or wider, or with host bits" {
	refuses_range '{subnet: "10.1.0.0/24", ipRange: "10.2.0.0/25"}' ipRange 10.2.0.0/25 10.1.0.0/24
	refuses_range '{subnet: "10.1.0.0/24", ipRange: "10.1.0.0/16"}' ipRange 10.1.0.0/16 10.1.0.0/24
	refuses_range '{subnet: "10.1.0.0/24", ipRange: "10.1.0.129/25"}' ipRange 10.1.0.129/25 10.1.0.128/25
	refuses_range '{subnet: "10.1.0.0/24", ipRange: "fd00::/64"}' ipRange fd00::/64
}

@test "ranges that overlap, in one set and between sets" {
	refuses 7 '.ipam.ranges = [[{subnet: "10.1.0.0/24", rangeEnd: "10.1.0.100"},
		{subnet: "10.1.0.0/24", rangeStart: "10.1.0.90"}]]' 'ipam.ranges[0]' overlap
	refuses 7 '.ipam.ranges = [[{subnet: "10.1.0.0/24"}], [{subnet: "10.1.0.0/16"}]]' overlap 10.1.0.0/24 10.1.0.0/16
}

@test "families mixed in one set, or no range at all" {
	refuses 7 '.ipam.ranges = [[{subnet: "10.1.0.0/24"}, {subnet: "fd00::/64"}]]' 'ipam.ranges[0][1]' IPv4 fd00::/64
	refuses 7 '.ipam.ranges = []' ipam 'no range'
	refuses 7 '.ipam.ranges = [[]]' 'ipam.ranges[0]'
}

@test "a requested address outside every range, a gateway, or another's" {
	refuses 7 '.runtimeConfig.ips = ["10.99.0.1"]' 10.99.0.1
	refuses 7 '.runtimeConfig.ips = ["192.168.1.1"]' 192.168.1.1 gateway
	refuses 7 '.runtimeConfig.ips = ["192.168.1.255"]' 192.168.1.255
	refuses 7 '.runtimeConfig.ips = ["192.168.1.7x"]' 192.168.1.7x
	refuses 7 '.runtimeConfig.ips = ["192.168.1.7", "192.168.1.8"]' 192.168.1.8
	netns_add c2
	cni ADD bridge "$(conf bridge '.runtimeConfig.ips = ["192.168.1.7"]')" other c2 eth0
	assert_ok
	cni ADD bridge "$(conf bridge '.runtimeConfig.ips = ["192.168.1.7"]')" id c1 eth0
	assert_fails 192.168.1.7 other
}

@test "a full subnet, with network, range and number of leases" {
	local config
	config=$(conf bridge '.ipam.ranges = [[{subnet: "10.1.0.0/29"}]]')
	for i in 1 2 3 4 5; do
		netns_add "full$i"
		cni ADD bridge "$config" "full$i" "full$i" eth0
		assert_ok
	done
	cni ADD bridge "$config" id c1 eth0
	assert_fails lows-network 10.1.0.0/29 5
	[[ $(leases | wc -l) == 5 && $(host_links | wc -l) == 5 ]]
}

@test "routes that are none" {
	refuses 7 '.ipam.routes = [{dst: "10.0.0.0"}]' 'ipam.routes[0].dst' 10.0.0.0
	refuses 7 '.ipam.routes = [{gw: "10.0.0.1"}]' 'ipam.routes[0]' dst
	refuses 7 '.ipam.routes = [{dst: "10.0.0.0/8", gw: "gateway"}]' 'ipam.routes[0].gw' gateway
	refuses 7 '.ipam.routes = [{dst: "10.0.0.0/8", priority: -1}]' 'ipam.routes[0].priority' -1
	refuses 7 '.ipam.routes = [{dst: "10.0.0.0/8", table: 4294967296}]' 'ipam.routes[0].table' 4294967296
	refuses 7 '.ipam.routes = [{dst: "10.0.0.0/8", scope: 256}]' 'ipam.routes[0].scope' 256
}

@test "a route whose gateway cannot be reached" {
	cni ADD bridge "$(conf bridge '.ipam.routes = [{dst: "10.0.0.0/8", gw: "172.31.0.1"}]')" id c1 eth0
	assert_fails 10.0.0.0/8 172.31.0.1
	assert_nothing_left
}

# ---- IPAM -------------------------------------------------------------------

# add_in_mounts COMMAND: ADD in a mount namespace where COMMAND has been run
add_in_mounts() {
	capture feed "$(conf bridge)" env CNI_COMMAND=ADD CNI_PATH="$PLUGINS" CNI_CONTAINERID=id \
		CNI_NETNS="$(netns_path c1)" CNI_IFNAME=eth0 nsenter --net="$(netns_path host)" -- \
		unshare --mount sh -c "$1"' && exec "$0"' "$PLUGINS/bridge"
}

@test "a read-only lease directory" {
	mkdir "$LEASES"
	add_in_mounts "mount --bind '$LEASES' '$LEASES' && mount -o remount,bind,ro '$LEASES'"
	assert_fails "$LEASES" 'Read-only file system'
	assert_nothing_left
}

@test "a lease directory without space" {
	mkdir -p "$LEASES"
	add_in_mounts "mount -t tmpfs -o nr_inodes=4 full '$LEASES' && mkdir '$LEASES/lows-network' &&
		touch '$LEASES/lows-network/lock' && (touch '$LEASES/more' || :)"
	assert_fails "$LEASES" 'No space left'
	assert_nothing_left
}

@test "a lease directory that is a file" {
	touch "$LEASES"
	cni ADD bridge "$(conf bridge)" id c1 eth0
	assert_fails "$LEASES"
	[[ -z $(host_links) ]]
}

@test "a missing delegate, with where it was looked for" {
	CNI_PATH=/nonexistent:$PLUGINS refuses 7 '.ipam.type = "no-such-ipam"' no-such-ipam CNI_PATH "/nonexistent:$PLUGINS"
}

@test "a delegate's name that is a path" {
	refuses 7 '.ipam.type = "../host-local"' ipam.type ../host-local
	refuses 7 '.ipam.type = "/usr/bin/true"' ipam.type /usr/bin/true
}

# delegate SCRIPT: an IPAM plugin `custom-ipam` that does this on ADD
delegate() {
	mkdir -p "$BATS_TEST_TMPDIR/delegates"
	printf '#!/bin/sh\ncat >/dev/null\n[ "$CNI_COMMAND" = ADD ] || exit 0\n%s\n' "$1" \
		>"$BATS_TEST_TMPDIR/delegates/custom-ipam"
	chmod +x "$BATS_TEST_TMPDIR/delegates/custom-ipam"
}

# delegate_fails WORD…: ADD with it fails and says the words
delegate_fails() {
	CNI_PATH=$BATS_TEST_TMPDIR/delegates cni ADD bridge "$(conf bridge '.ipam.type = "custom-ipam"')" id c1 eth0
	assert_fails custom-ipam "$@"
	assert_nothing_left
}

@test "a delegate that fails: its code and message are passed on" {
	delegate 'echo "{\"cniVersion\": \"1.1.0\", \"code\": 123, \"msg\": \"no more addresses here\"}"; exit 1'
	delegate_fails 'no more addresses here'
	assert_json '.code == 123'
}

@test "a delegate that says nonsense, nothing, or an error without JSON" {
	delegate 'echo nonsense'
	delegate_fails
	delegate ':'
	delegate_fails
	delegate 'echo "who knows" >&2; exit 3'
	delegate_fails
	[[ $errout == *'who knows'* ]] || fail "its stderr should be passed on"
}

@test "a delegate that is killed, or gives no address" {
	delegate 'kill -KILL $$'
	delegate_fails
	delegate 'echo "{\"cniVersion\": \"1.1.0\"}"'
	CNI_PATH=$BATS_TEST_TMPDIR/delegates cni ADD bridge "$(conf bridge '.ipam.type = "custom-ipam"')" id c1 eth0
	assert_error 7 ipam address
	assert_nothing_left
}

@test "a delegate that is no program" {
	mkdir "$BATS_TEST_TMPDIR/delegates"
	echo 'not a program' >"$BATS_TEST_TMPDIR/delegates/custom-ipam"
	delegate_fails
}
