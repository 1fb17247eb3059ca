#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell
#
# heddle network create and rm: what is written, what is refused and in which
# words, and that of many at once none gets what another has.

load lib.bash
load heddle.bash

setup() {
	lab_setup
	heddle_setup
	STATE_DIR=$BATS_TEST_TMPDIR/state
	LEASES=$CACHE_DIR/networks
}

teardown() { lab_teardown; }

# heddle ARGUMENT…: on the host of the test, captured
heddle() { capture in_ns host "${HEDDLE_CMD[@]}" "$@"; }

create() { heddle network create "$@"; }

# refused TEXT ARGUMENT…: create with these says just that, exits with 1 and makes nothing
refused() {
	local want="heddle: $1" before after
	shift
	before=$(ls "$CNI_CONF_DIR" 2>/dev/null) || :
	create "$@"
	((status == 1)) || fail "create should have failed with 1: $*"
	[[ -z $out ]] || fail "stdout should be empty"
	[[ $errout == "$want"* ]] || fail "stderr should begin with: $want"
	after=$(ls "$CNI_CONF_DIR" 2>/dev/null) || :
	[[ $before == "$after" ]] || fail "files were made: $after"
}

# bad_usage TEXT ARGUMENT…: the command line is wrong
bad_usage() {
	local want=$1
	shift
	heddle network "$@"
	((status == 125)) || fail "the exit code should be 125: $*"
	[[ $errout == *"$want"* ]] || fail "stderr should have: $want"
}

conflist() { cat "$CNI_CONF_DIR/zz-heddle-$1.conflist"; }

# field NETWORK FILTER: of its conflist
field() { jq -r "$2" "$CNI_CONF_DIR/zz-heddle-$1.conflist"; }

subnets() { field "$1" '[.heddle.subnets[].subnet] | join(" ")'; }

@test "the example of the manual: a file that engines read, and its ID" {
	create --driver bridge --attachable --scope local --subnet 192.168.1.0/24 \
		--ip-range 192.168.1.128/25 --aux-address nas=192.168.1.5 --label team=looms lows-network
	assert_ok
	[[ $out == "$(printf lows-network | sha256sum | cut -d' ' -f1)" && -z $errout ]]

	[[ $(stat -c %a "$CNI_CONF_DIR/zz-heddle-lows-network.conflist") == 644 ]]
	out=$(conflist lows-network)
	assert_json '.cniVersion == "1.0.0" and .cniVersions == ["0.4.0", "1.0.0", "1.1.0"]
		and .args == {podman_labels: {team: "looms"}}
		and .heddle.attachable and .heddle.scope == "local" and .heddle.driver == "bridge"
		and (.heddle.created | test("^20[0-9-]+T[0-9:]+\\.[0-9]{9}Z$"))
		and [.plugins[].type] == ["bridge", "portmap", "firewall"]
		and .plugins[0].bridge == "hb-6033271e116b"
		and .plugins[0].ipam.ranges == [[{subnet: "192.168.1.0/24", ipRange: "192.168.1.128/25",
			gateway: "192.168.1.128", exclude: ["192.168.1.5"]}]]'
}

@test "the plugins take what was written: an address of the range, and the gateway" {
	create --subnet 10.61.0.0/24 --ip-range 10.61.0.128/25 --gateway 10.61.0.1 net
	assert_ok
	netns_add c1
	cni ADD bridge "$(field net '{cniVersion, name} + .plugins[0] | tojson')" c1 c1 eth0
	assert_ok
	[[ $(result_ip) == 10.61.0.128 ]]
	reaches c1 10.61.0.1
}

@test "without a subnet: Docker's pools, past what routes, addresses and networks have" {
	in_ns host ip link add up0 type veth peer name up1
	in_ns host ip addr add 172.17.0.1/16 dev up0 # down: an address without a route
	in_ns host ip link set up1 up
	in_ns host ip link set up0 up
	in_ns host ip addr add 192.0.2.1/24 dev up1
	in_ns host ip route add 172.18.0.0/17 via 192.0.2.2
	in_ns host ip route add 0.0.0.0/1 via 192.0.2.2 # a VPN's half of the internet
	mkdir -p "$CNI_CONF_DIR"
	printf '{"cniVersion":"0.4.0","name":"theirs","plugins":[{"type":"bridge","bridge":"cni-podman1",
		"ipam":{"type":"host-local","ranges":[[{"subnet":"172.19.5.0/24"}]]}}]}' \
		>"$CNI_CONF_DIR/theirs.conflist"
	create one && assert_ok
	create two && assert_ok
	create --subnet 0.0.0.0/28 three && assert_ok
	[[ "$(subnets one) $(subnets two) $(subnets three)" == "172.20.0.0/16 172.21.0.0/16 172.18.128.0/28" ]]
}

@test "IPv6: a unique local subnet of the host's, the next one for the next network" {
	create --ipv6 one && assert_ok
	create --ipv6 --ipv4=false two && assert_ok
	[[ $(subnets one) =~ ^172\.17\.0\.0/16\ (fd[0-9a-f]{2}:[0-9a-f:]+)::/64$ ]]
	[[ $(subnets two) == "${BASH_REMATCH[1]}:1::/64" ]]
	[[ $(field two '.plugins[0].ipam.routes[].dst') == ::/0 ]]
}

@test "when all pools are taken, it says so" {
	for i in {0..15}; do
		create --subnet "172.$((16 + i)).0.0/16" "a$i" && assert_ok
	done
	create --subnet 192.168.0.0/16 b && assert_ok
	refused 'all predefined address pools have been fully subnetted' c
}

@test "what goes with no subnet, or twice with one, is refused" {
	refused 'every ip-range or gateway must have a corresponding subnet' --ip-range 10.0.0.0/25 n
	refused 'every ip-range or gateway must have a corresponding subnet' --gateway 10.0.0.1 n
	refused 'multiple overlapping subnet configuration is not supported' \
		--subnet 10.0.0.0/24 --subnet 10.0.0.128/25 n
	refused 'cannot configure multiple ranges (10.0.0.128/25, 10.0.0.0/25) on the same subnet (10.0.0.0/24)' \
		--subnet 10.0.0.0/24,10.1.0.0/24 --ip-range 10.0.0.0/25 --ip-range 10.0.0.128/25 n
	refused 'cannot configure multiple gateways (10.0.0.2, 10.0.0.1) for the same subnet (10.0.0.0/24)' \
		--subnet 10.0.0.0/24,10.1.0.0/24 --gateway 10.0.0.1 --gateway 10.0.0.2 n
	refused 'no matching subnet for range 10.1.0.0/25' --subnet 10.0.0.0/24 --ip-range 10.1.0.0/25 n
	refused 'no matching subnet for gateway 10.1.0.1' --subnet 10.0.0.0/24 --gateway 10.1.0.1 n
	refused 'no matching subnet for aux-address 10.1.0.1' --subnet 10.0.0.0/24 --aux-address x=10.1.0.1 n
}

@test "what is no address is refused" {
	refused 'invalid subnet 10.0.0.0: invalid CIDR block notation' --subnet 10.0.0.0 n
	refused 'invalid ip-range x: invalid CIDR block notation' --subnet 10.0.0.0/24 --ip-range x n
	refused 'invalid gateway 10.0.0.256: invalid address' --subnet 10.0.0.0/24 --gateway 10.0.0.256 n
	refused 'invalid auxiliary address nas: x is not an address' --subnet 10.0.0.0/24 --aux-address nas=x n
}

@test "what is wrong with subnets is said of all of them" {
	refused $'invalid network config:\ninvalid subnet 10.0.0.1/24: it should be 10.0.0.0/24' \
		--subnet 10.0.0.1/24 n
	refused $'invalid network config:\n* invalid subnet 10.0.0.1/24: it should be 10.0.0.0/24
* invalid ip-range 10.0.0.3/20: CIDR block is bigger than its parent subnet 10.0.0.1/24
* invalid ip-range 10.0.0.3/20: it should be 10.0.0.0/20' --subnet 10.0.0.1/24 --ip-range 10.0.0.3/20 n
	refused $'invalid network config:\ninvalid subnet 224.0.0.0/24: it is for multicast' --subnet 224.0.0.0/24 n
	refused $'invalid network config:\ninvalid subnet 127.0.1.0/24: it is the loopback' --subnet 127.0.1.0/24 n
	refused $'invalid network config:\ninvalid subnet fe80::/60: it clashes with' --ipv6 --subnet fe80::/60 n
	refused $'invalid network config:\ninvalid subnet 10.0.0.0/31: it is too small' --subnet 10.0.0.0/31 n
}

@test "a template that was edited is checked as flags are" {
	create --config-only --subnet 10.0.0.0/24 --ip-range 10.0.0.128/25 t && assert_ok
	edit() { jq ".heddle.subnets[0] += $1" "$STATE_DIR/networks/t.json" >"$BATS_TEST_TMPDIR/t" &&
		cp "$BATS_TEST_TMPDIR/t" "$STATE_DIR/networks/t.json"; }
	edit '{ipRange: "fd00::/120"}'
	refused $'invalid network config:\ninvalid ip-range fd00::/120: parent subnet is an IPv4 block' --config-from t n
	edit '{ipRange: "10.1.0.0/25"}'
	refused $'invalid network config:\ninvalid ip-range 10.1.0.0/25: parent subnet 10.0.0.0/24 doesn\'t contain ip-range' \
		--config-from t n
	edit '{ipRange: null, gateway: "10.1.0.1"}'
	refused $'invalid network config:\ninvalid gateway 10.1.0.1: parent subnet 10.0.0.0/24 doesn\'t contain this address' \
		--config-from t n
	edit '{gateway: "fd00::1"}'
	refused $'invalid network config:\ninvalid gateway fd00::1: parent subnet is an IPv4 block' --config-from t n
	edit '{gateway: null, auxAddresses: {nas: "10.1.0.1"}}'
	refused $'invalid network config:\ninvalid auxiliary address nas: parent subnet 10.0.0.0/24 doesn\'t contain' \
		--config-from t n
}

@test "an address is not taken twice" {
	refused 'failed to allocate gateway (10.0.0.0): Address already in use' --subnet 10.0.0.0/24 --gateway 10.0.0.0 n
	refused 'failed to allocate secondary ip address (x:10.0.0.9): Address already in use' \
		--subnet 10.0.0.0/24 --gateway 10.0.0.9 --aux-address x=10.0.0.9 n
	refused 'failed to allocate secondary ip address (y:10.0.0.9): Address already in use' \
		--subnet 10.0.0.0/24 --aux-address x=10.0.0.9 --aux-address y=10.0.0.9 n
	refused 'no available addresses on this pool' --subnet 10.0.0.0/24 --ip-range 10.0.0.255/32 n
}

@test "names: predefined, taken, reserved, impossible" {
	for name in bridge host none; do
		refused "operation is not permitted on predefined $name network" "$name"
	done
	refused 'invalid name: name is empty' ''
	refused 'invalid name: "a/b"' a/b
	refused 'invalid name: it is longer than 128 characters' "$(printf 'a%.0s' {1..129})"
	refused 'invalid name: --network container means something else' container
	create n && assert_ok
	refused 'network with name n already exists' n
	create --config-only t && assert_ok
	refused 'network with name t already exists' t
}

@test "subnets and bridges of other networks are refused, whoever made them" {
	create --subnet 10.0.0.0/16 n && assert_ok
	refused 'invalid pool request: Pool overlaps with other one on this address space' --subnet 10.0.1.0/24 m
	[[ $errout == *"the network n has 10.0.0.0/16"* ]] || fail "it should name the other network"
	refused 'invalid pool request: Pool overlaps with other one on this address space' --subnet 10.87.3.0/24 m
	[[ $errout == *"the network bridge has 10.87.0.0/16"* ]]
	printf '{"name":"podman1","plugins":[{"type":"bridge","bridge":"cni-podman1","ipam":{"subnet":"10.89.0.0/24"}}]}' \
		>"$CNI_CONF_DIR/podman1.conflist"
	refused 'invalid pool request: Pool overlaps with other one on this address space' --subnet 10.89.0.0/30 m
	refused "cannot create network $(printf m | sha256sum | cut -c1-12) (cni-podman1): conflicts with network $(
		printf podman1 | sha256sum | cut -c1-12) (cni-podman1): networks have same bridge name" \
		-o com.docker.network.bridge.name=cni-podman1 m
}

@test "drivers and scopes that are not served" {
	refused 'only one instance of "host" network is allowed' -d host n
	refused 'only one instance of "null" network is allowed' -d null n
	refused 'cannot create a swarm scoped network when swarm is not active: netd does not answer at' -d overlay n
	refused 'driver ipvlan is not served' -d ipvlan n
	refused 'plugin "weave" not found' -d weave n
	refused 'cannot create a swarm scoped network when swarm is not active' --scope swarm n
	refused 'invalid scope x: it is local, global or swarm' --scope x n
	refused '--scope local: an overlay spans the hosts of a cluster' -d overlay --scope local n
	refused '--driver bridge: a network of swarm scope is an overlay' -d bridge --scope swarm n
	refused "overlay driver doesn't support multiple subnets" -d overlay --subnet 10.0.0.0/24 --subnet 10.1.0.0/24 n
	refused 'an ingress network belongs to a swarm' --ingress n
	refused 'IPAM plugin "x" not found' --ipam-driver x n
	refused 'IPv4 or IPv6 must be enabled' --ipv4=false n
	refused "bridge driver doesn't support multiple subnets" --subnet 10.0.0.0/24 --subnet 10.1.0.0/24 n
	refused 'a macvlan cannot be internal' -d macvlan --internal n
	refused 'parent nope0: this host has no such interface' -d macvlan -o parent=nope0 n
	create --scope global --ipam-driver host-local n && assert_ok
	[[ $(field n .heddle.scope) == global ]]
}

@test "options: what they write, and what is refused" {
	refused 'unknown option foo for driver bridge' -o foo=1 n
	[[ $errout == *com.docker.network.bridge.name*mtu* ]] || fail "it should list the options there are"
	refused 'invalid MTU number: 66000' -o com.docker.network.driver.mtu=66000 n
	refused 'failed to parse icc value: maybe' -o icc=maybe n
	refused 'unknown gateway mode x' -o com.docker.network.bridge.gateway_mode_ipv4=x n
	refused "gateway mode 'isolated' can only be used for an internal network" \
		-o com.docker.network.bridge.gateway_mode_ipv4=isolated n
	refused "gateway mode 'routed' is not served" -o com.docker.network.bridge.gateway_mode_ipv4=routed n
	refused 'the bridge has the gateways of both families or none' --ipv6 -o com.docker.network.bridge.inhibit_ipv4=true n
	refused 'option com.docker.network.host_ipv4 is not served' -o com.docker.network.host_ipv4=192.0.2.1 n
	refused 'com.docker.network.bridge.name: "a/b"' -o com.docker.network.bridge.name=a/b n

	create --internal -o com.docker.network.bridge.gateway_mode_ipv4=isolated -o mtu=1400 -o icc=false \
		-o com.docker.network.bridge.name=my0 n
	assert_ok
	out=$(conflist n)
	assert_json '.plugins[0] | .bridge == "my0" and .mtu == 1400 and (.isGateway or .ipMasq | not)
		and .ipam.routes == []'
	assert_json '.plugins[2].ingressPolicy == "isolated"'
	create -o isolate=false m && assert_ok
	[[ $(field m '.plugins[2].ingressPolicy') == open ]]
}

# on NETWORK NAME: a namespace of that name on the network; $ip is its address there
on() {
	netns_add "$2"
	heddle attach --json --network "$1" "$(netns_name "$2")"
	assert_ok
	ip=$(in_ns "$2" ip -j -4 address show dev eth0 | jq -r '.[0].addr_info[0].local')
}

@test "options do in the kernel what they say" {
	local ip a b
	create -o mtu=1400 kept && assert_ok
	create -o icc=false apart && assert_ok
	create -o isolate=false one && assert_ok
	create -o isolate=false two && assert_ok
	create --internal inside && assert_ok

	on kept k1 && a=$ip && on kept k2
	[[ $(link_json k1 eth0 .mtu) == 1400 && $(link_json host "$(bridge_of kept)" .mtu) == 1400 ]]
	reaches k2 "$a"
	on apart a1 && b=$ip && on apart a2
	cannot_reach a2 "$b" || fail "containers of a network with icc=false reach each other"
	cannot_reach k1 "$b" || fail "containers of two networks reach each other"
	on one o1 && a=$ip && on two t1
	reaches t1 "$a" || fail "with isolate=false they should"

	on inside i1
	[[ -z $(in_ns i1 ip route show default) ]] || fail "there is a way out"
	outside_add
	in_ns outside ip route add "$ip/32" via 203.0.113.1
	reaches k1 203.0.113.2
	in_ns i1 ip route add default via "$(field inside '.heddle.subnets[0].gateway')"
	cannot_reach i1 203.0.113.2 || fail "a route of its own is a way out"
	cannot_reach outside "$ip" || fail "there is a way in"
	reaches i1 "$(field inside '.heddle.subnets[0].gateway')"
}

@test "a macvlan on an interface of the host" {
	in_ns host ip link add up0 type veth peer name up1
	create -d macvlan --subnet 10.72.0.0/24 -o parent=up0 -o macvlan_mode=private n && assert_ok
	out=$(conflist n)
	assert_json '[.plugins[] | [.type, .master, .mode]] == [["macvlan", "up0", "private"]]'
}

@test "a template, and a network that is made from it" {
	create --config-only --subnet 10.7.0.0/24 --ip-range 10.7.0.128/25 --gateway 10.7.0.1 \
		-o mtu=1400 --label a=b --ipv6=false t
	assert_ok
	[[ ! -e $CNI_CONF_DIR/zz-heddle-t.conflist ]]
	refused 'a configuration network cannot depend on another configuration network' --config-only --config-from t u
	refused 'configuration network can only contain network specific fields' --config-only --internal u
	refused 'user specified configurations are not supported if the network depends on a configuration network' \
		--config-from t --subnet 10.8.0.0/24 u
	refused 'user specified configurations are not supported if the network depends on a configuration network' \
		--config-from t --label c=d u
	refused 'network driver options are not supported if the network depends on a configuration network' \
		--config-from t -o mtu=1 u
	refused 'configuration network "nope" not found' --config-from nope u
	refused 'network "bridge" is not a configuration network' --config-from bridge u

	create --config-from t --internal u && assert_ok
	out=$(conflist u)
	assert_json '.heddle.configFrom == "t" and .heddle.internal and .plugins[0].mtu == 1400
		and .args.podman_labels.a == "b" and .plugins[0].ipam.ranges[0][0].ipRange == "10.7.0.128/25"'
	heddle network rm t
	((status == 1)) && [[ $errout == 'heddle: configuration network "t" is in use'* ]] || fail "t is in use"
	heddle network rm u t
	((status == 1)) || fail "t was in use when rm looked"
	heddle network rm t
	assert_ok
}

@test "subnets of a family that is off are left out with a warning, not in silence" {
	create --subnet 10.0.0.0/24 --subnet fd00::/64 n && assert_ok
	[[ $errout == *'warning: subnet fd00::/64 is left out: it needs --ipv6'* && $(subnets n) == 10.0.0.0/24 ]]
}

@test "a subnet that the host reaches otherwise is warned of" {
	in_ns host ip link add up0 type veth peer name up1
	in_ns host ip addr add 10.5.0.1/16 dev up0
	create --subnet 10.5.1.0/24 n && assert_ok
	[[ $errout == *'warning: subnet 10.5.1.0/24 overlaps 10.5.0.0/16, which this host reaches by up0'* ]]
}

@test "torn files and files of others are warned of, and stay as they are" {
	mkdir -p "$CNI_CONF_DIR"
	printf '{"name": "torn", "plug' >"$CNI_CONF_DIR/10-torn.conflist"
	printf '{"name": "torn", "plug' >"$CNI_CONF_DIR/zz-heddle-n.conflist"
	refused 'warning: '"$CNI_CONF_DIR"'/10-torn.conflist: not used: not valid JSON' n
	[[ $errout == *'zz-heddle-n.conflist is there, and is not a network: remove it'* ]]
	heddle network inspect torn
	[[ $status == 1 && $errout == *10-torn.conflist*"network torn not found" ]] || fail "inspect: $errout"
	create m && assert_ok
	[[ $(<"$CNI_CONF_DIR/10-torn.conflist") == '{"name": "torn", "plug' &&
		$(<"$CNI_CONF_DIR/zz-heddle-n.conflist") == '{"name": "torn", "plug' ]]
}

@test "where our file sorts first and a CRI is there, create says whose pods would be on it" {
	with_containerd_socket "${HEDDLE_CMD[@]}" network create alone
	assert_ok
	[[ $errout == *'zz-heddle-alone.conflist sorts first in '*containerd.sock* ]] || fail "it should warn"
	with_containerd_socket "${HEDDLE_CMD[@]}" network create second
	assert_ok
	[[ -z $errout ]] || fail "the pods have a network already"
}

@test "a command line that is wrong is 125" {
	bad_usage 'NETWORK' create
	bad_usage 'second one' create a b
	bad_usage '--ipv6' create --ipv6=perhaps a
	bad_usage 'NAME=IP' create --aux-address 10.0.0.1 a
	bad_usage 'host-local has no options' create --ipam-opt a=b a
	bad_usage 'UTF-8' create --label $'a=\xff' a
	bad_usage 'unrecognized option' create --nope a
	bad_usage 'NETWORK' rm
	[[ ! -e $CNI_CONF_DIR ]]
}

@test "--json and --help" {
	create --json n && assert_ok
	assert_json '. == {Id: "1b16b1df538ba12dc3f97edbb85caa7050d46c148134290feba80f8236c83db9"}'
	heddle --json network rm n && assert_ok
	assert_json '. == ["n"]'
	create --help && assert_ok
	for flag in driver subnet ip-range gateway aux-address ipv4 ipv6 internal attachable scope opt label \
		config-only config-from ipam-driver ipam-opt ingress; do
		[[ $out == *--$flag* ]] || fail "--help should tell of --$flag"
	done
}

@test "rm: what was there is gone, what is in use or predefined stays" {
	create --subnet 10.61.0.0/24 one && assert_ok
	create two && assert_ok
	netns_add c1
	heddle attach --network one "$(netns_name c1)" && assert_ok
	heddle network rm one nope two bridge
	((status == 1)) || fail "rm should fail"
	[[ $out == two ]] || fail "only two should be removed"
	[[ $errout == "heddle: network one has active endpoints (name:\"$(netns_name c1)\" id:\""* &&
		$errout == *'heddle: network nope not found'* &&
		$errout == *'heddle: bridge is a pre-defined network and cannot be removed'* ]] || fail "texts"
	link_exists host "$(bridge_of one)"
	heddle network rm -f nope
	assert_silent

	# A container that ended without DEL holds nothing.
	netns_del c1
	wait_for 30 no_host_links
	heddle network rm 7692c3ad3540
	assert_ok
	[[ $out == 7692c3ad3540 ]]
	assert_nothing_left
	! link_exists host "$(bridge_of one)" || fail "the bridge is left"
	[[ ! -e $LEASES/one ]] || fail "the directory of leases is left"
	[[ $(ls -A "$CNI_CONF_DIR" "$CACHE_DIR/results") != *one* ]] || fail "a file is left"
}

@test "rm: a bridge that was there before, or has ports of others, stays" {
	in_ns host ip link add mine0 type bridge
	create -o com.docker.network.bridge.name=mine0 one && assert_ok
	[[ $(field one .heddle.adopted) == true ]]
	create -o com.docker.network.bridge.name=two0 two && assert_ok
	in_ns host ip link add two0 type bridge
	in_ns host ip link add up0 type veth peer name up1
	in_ns host ip link set up0 master two0
	heddle network rm one two
	assert_ok
	[[ $errout == *'the bridge two0 stays: it has 1 ports of others'* ]]
	link_exists host mine0 && link_exists host two0
	in_ns host ip link del two0
	create -o com.docker.network.bridge.name=two0 two && assert_ok
	in_ns host ip link add two0 type bridge
	heddle network rm two
	assert_ok
	! link_exists host two0 || fail "the network's own bridge is left"
}

@test "rm: networks of Podman and of others" {
	mkdir -p "$CNI_CONF_DIR"
	printf '{"name":"pod","plugins":[{"type":"bridge","bridge":"cni-podman1"}]}' >"$CNI_CONF_DIR/pod.conflist"
	printf '{"name":"cali","type":"calico","bridge":"cali0"}' >"$CNI_CONF_DIR/10-cali.conf"
	in_ns host ip link add cni-podman1 type bridge
	in_ns host ip link add cali0 type bridge
	heddle network rm pod cali
	assert_ok
	[[ $out == $'pod\ncali' && $(ls "$CNI_CONF_DIR") == '' ]]
	! link_exists host cni-podman1 || fail "podman network rm deletes the bridge"
	link_exists host cali0
}

@test "of 20 creates of one name one wins, and 20 of different names get different subnets" {
	local i pids=() won=0
	for i in {1..20}; do
		in_ns host "${HEDDLE_CMD[@]}" network create same >"$BATS_TEST_TMPDIR/same.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		if wait "$i"; then won=$((won + 1)); fi
	done
	((won == 1)) || fail "$won have created it"
	[[ $(grep -lc 'network with name same already exists' "$BATS_TEST_TMPDIR"/same.* | wc -l) == 19 ]]

	pids=()
	for i in {1..20}; do
		in_ns host "${HEDDLE_CMD[@]}" network create "net$i" >/dev/null 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	[[ $(cat "$CNI_CONF_DIR"/*.conflist | jq -r '.plugins[0].ipam.ranges[0][0].subnet' | sort -u | wc -l) == 21 ]]
	[[ $(find "$CNI_CONF_DIR" -name '*.tmp') == '' ]]
}

@test "200 networks are created and removed" {
	# In memory: this is not about the disk, to which each create is written through.
	capture in_ns host unshare -m bash -ec '
		dir=$1
		shift
		mkdir "$dir"
		mount -t tmpfs none "$dir"
		for i in {1..200}; do
			"$@" network create --subnet "10.$((i / 10 + 200)).$((i % 10)).0/24" "net$i" >/dev/null
		done
		find "$dir" -name "zz-heddle-*.conflist" | wc -l
		"$@" network rm net{1..200} | wc -l
		ls "$dir"' bash "$CNI_CONF_DIR" "${HEDDLE_CMD[@]}"
	assert_ok
	[[ $out == $'200\n200' ]] || fail "200 files and 200 names"
}
