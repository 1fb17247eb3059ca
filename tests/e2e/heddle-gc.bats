#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# heddle gc: what nobody owns goes, what may be alive stays.

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell
load lib
load heddle

setup() {
	lab_setup
	heddle_setup
	netns_add c1 c2
	LEASES=$CACHE_DIR/networks/n
	RESULTS=$CACHE_DIR/results
	heddle network create --subnet 10.61.0.0/24 n
	BRIDGE=$(bridge_of n)
}
teardown() { lab_teardown; }

heddle() { in_ns host "${HEDDLE_CMD[@]}" "$@" >/dev/null; }

# gc [--dry-run]: $out is the report
gc() { capture in_ns host "${HEDDLE_CMD[@]}" gc --json "$@"; }

attach() { heddle attach --name "$1" "${@:2}" "$(netns_path "$1")"; }

# count LIST NAME: how many things of a container are in a list of the report
count() { jq --arg c "$2" "[.$1[] | select(.container == \$c)] | length" <<<"$out"; }

# has_nothing_of CONTAINER: neither result, lease nor element
has_nothing_of() {
	[[ -z $(find "$RESULTS" -name "*-$1-*") ]] || fail "a result is left"
	! grep -qrs "^$1" "$LEASES" --include '10.*' || fail "a lease is left"
	! nft_elements | grep -q " $1 " || fail "an element is left"
}

# has_all_of CONTAINER: a lease, a result and elements
has_all_of() {
	[[ -n $(find "$RESULTS" -name "*-$1-*") ]] || fail "the result is gone"
	grep -qrs "^$1" "$LEASES" --include '10.*' || fail "the lease is gone"
	nft_elements | grep -q " $1 " || fail "the elements are gone"
}

@test "a container whose namespace is gone leaves, another stays" {
	attach c1 --network n -p 8080:80
	attach c2 --network n
	kill_container c1

	gc --dry-run
	assert_ok
	assert_json '.dryRun and .kept == []'
	assert_json '[.removed[].kind] | unique == ["element", "lease", "result"]'
	assert_json 'all(.removed[]; .container == "c1" and .interface == "eth0" and .network == "n")'
	has_all_of c1

	gc
	assert_ok
	assert_json '.dryRun | not'
	has_nothing_of c1
	has_all_of c2
	reaches c2 10.61.0.1

	capture in_ns host "${HEDDLE_CMD[@]}" gc
	assert_silent
}

@test "people read it in words" {
	attach c1 --network n
	kill_container c1
	capture in_ns host "${HEDDLE_CMD[@]}" gc
	assert_ok
	[[ $out == *"removed lease 10.61.0.2 of n c1 eth0: its namespace "*" is gone"* ]]
}

@test "of a network whose file is gone, by the config that is cached" {
	attach c1 --network n
	kill_container c1
	rm "$CNI_CONF_DIR/zz-heddle-n.conflist"
	gc
	assert_ok
	has_nothing_of c1
	assert_json 'any(.removed[]; .kind == "bridge" and .name == $b)' --arg b "$BRIDGE"
	! link_exists host "$BRIDGE" || fail "the bridge is left"
}

@test "of a network whose file is gone, and no result is cached" {
	edit_network n '.plugins += [{"type": "bandwidth", "ingressRate": 1000000, "ingressBurst": 1000000,
		"egressRate": 1000000, "egressBurst": 1000000}]'
	attach c1 --network n -p 8080:80
	attach c2 --network n
	kill_container c1
	rm "$CNI_CONF_DIR/zz-heddle-n.conflist" "$RESULTS"/*
	age_leases
	gc
	assert_ok
	assert_json '[.removed[].kind] | unique == ["element", "interface", "lease"]'
	[[ $(count removed c2) -eq 0 ]]
	has_nothing_of c1
	# The other is not known to any cache, but its interface is there.
	[[ -s $LEASES/10.61.0.3 ]]
	reaches c2 10.61.0.1
	assert_json 'any(.kept[]; .kind == "bridge" and (.why | contains("has ports")))'
}

@test "the bridge of a network that is there stays, as does one that is not ours" {
	in_ns host ip link add br-other type bridge
	attach c1 --network n
	heddle detach c1
	gc
	assert_ok
	assert_json '.removed == [] and .kept == []'
	link_exists host "$BRIDGE"
	link_exists host br-other
}

@test "a lease of an ADD that may be at work stays for a minute" {
	attach c1 --network n
	kill_container c1
	rm "$RESULTS"/n-c1-eth0
	gc
	assert_ok
	assert_json 'any(.kept[]; .kind == "lease" and (.why | contains("not a minute old")))'
	[[ -s $LEASES/10.61.0.2 ]]
	age_leases
	gc
	assert_ok
	has_nothing_of c1
}

@test "a lease that another program made stays without a result, and goes with one" {
	mkdir -p "$LEASES"
	printf 'foreign\r\neth0' >"$LEASES/10.61.0.77"
	attach c1 --network n
	kill_container c1
	age_leases
	gc
	assert_ok
	assert_json 'any(.kept[]; .name == "10.61.0.77" and (.why | contains("not heddle")))'
	[[ -s $LEASES/10.61.0.77 ]]
	has_nothing_of c1

	# The reference's containers have a result, which names their namespace.
	jq -nc '{kind: "cniCacheV1", containerId: "foreign", ifName: "eth0", networkName: "n",
		netns: "/run/netns/heddle-e2e-none", result: {cniVersion: "1.0.0"}}' >"$RESULTS/n-foreign-eth0"
	gc
	assert_ok
	[[ ! -e $LEASES/10.61.0.77 ]]
}

@test "a reserved address stays, as nobody is attached with it" {
	heddle lxc-config --name lxc1 n
	age_leases
	gc
	assert_ok
	assert_json '.removed == [] and .kept == []'
	grep -qrs ^lxc1 "$LEASES" --include '10.*'
}

@test "without a directory of results nobody can tell" {
	attach c1 --network n
	kill_container c1
	rm -r "$RESULTS"
	age_leases
	gc
	assert_ok
	assert_json '.removed == []'
	assert_json 'any(.kept[]; .kind == "lease" and (.why | contains("no directory of cached results")))'
}

@test "a result without a namespace stays" {
	attach c1 --network n
	jq -c '.netns = "" | del(.result.interfaces[].sandbox)' "$RESULTS/n-c1-eth0" >"$BATS_TEST_TMPDIR/result"
	cp "$BATS_TEST_TMPDIR/result" "$RESULTS/n-c1-eth0"
	kill_container c1
	gc
	assert_ok
	[[ $(count removed c1) -eq 0 ]]
	assert_json 'any(.kept[]; .kind == "result" and (.why | contains("does not say which namespace")))'
	[[ -s $LEASES/10.61.0.2 ]]
}

@test "a result of older engines names its namespace in another place" {
	local engine
	for engine in c1 c2; do
		attach "$engine" --network n
		jq -c 'del(.netns)' "$RESULTS/n-$engine-eth0" >"$BATS_TEST_TMPDIR/result"
		cp "$BATS_TEST_TMPDIR/result" "$RESULTS/n-$engine-eth0"
	done
	kill_container c1
	gc
	assert_ok
	has_nothing_of c1
	has_all_of c2
}

@test "a container lives whose namespace only a process holds" {
	unshare --net sleep 300 3>&- &
	lab_kill_later $!
	local pid=$!
	wait_for 30 eval "[[ \$(readlink /proc/$pid/ns/net) != \$(readlink /proc/self/ns/net) ]]"
	heddle attach --name p1 --network n "$pid"
	rm "$RESULTS"/*
	age_leases
	gc
	assert_ok
	assert_json '.removed == []'
	grep -qs ^p1 "$LEASES/10.61.0.2"
}

@test "macvlan has nothing on the host, and lives by its mark in the container" {
	in_ns host ip link add wire0 type veth peer name wire1
	in_ns host ip link set wire0 up
	heddle network create -d macvlan -o parent=wire0 --subnet 10.62.0.0/24 m
	attach c1 --network m
	rm "$RESULTS"/*
	age_leases
	gc
	assert_ok
	assert_json '.removed == []'
	[[ -s $CACHE_DIR/networks/m/10.62.0.2 ]]
	netns_del c1
	gc
	assert_ok
	[[ ! -e $CACHE_DIR/networks/m/10.62.0.2 ]]
}

@test "what cannot be removed is not said to be" {
	attach c1 --network n
	kill_container c1
	rm "$CNI_CONF_DIR/zz-heddle-n.conflist"
	HEDDLE_CMD+=(--cni-plugin-path "$BATS_TEST_TMPDIR/none")
	gc
	[[ $status -eq 1 && $errout == *"heddle: "* ]]
	assert_json 'all(.removed[]; .kind != "result")'
	[[ -e $RESULTS/n-c1-eth0 ]]
}

@test "who lives with a mark that does not say the name keeps gc from its network" {
	local name
	name=$(printf 'x%.0s' {1..100})
	heddle attach --name "$name" --network n "$(netns_path c1)"
	rm "$RESULTS"/* "$LEASES"/10.*
	attach c2 --network n
	kill_container c2
	gc
	[[ $status -eq 1 && $errout == *"an attachment of n lives, of which only its mark h1:"* ]]
	reaches c1 10.61.0.1

	netns_del c1
	wait_for 30 no_host_links
	gc
	assert_ok
	[[ -z $(nft_elements) ]]
}

@test "a hundred that are gone" {
	local i config
	attach c1 --network n
	kill_container c1
	config=$(<"$RESULTS/n-c1-eth0")
	for i in {1..100}; do
		jq -c --arg id "x$i" '.containerId = $id' <<<"$config" >"$RESULTS/n-x$i-eth0"
		printf 'x%d\r\neth0' "$i" >"$LEASES/10.61.0.$((i + 100))"
	done
	gc
	assert_ok
	assert_json '[.removed[] | select(.kind == "lease")] | length == 101'
	[[ -z $(ls "$RESULTS") ]]
	[[ $(leases) == "" ]]
}
