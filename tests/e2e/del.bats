#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# del - DEL of bridge finds what is the attachment's own with little help,
# removes that and nothing else, and returns as soon as the link is gone

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell

load lib

setup() {
	lab_setup
	netns_add c1 c2
	# Everything an attachment can have: link, lease, masquerade and spoof elements, two families.
	config=$(conf bridge-dual-stack '.macspoofchk = true')
}
teardown() { lab_teardown; }

# add ID [IFNAME [CONF]]: in the namespace of the ID's name
add() {
	cni ADD bridge "${3:-$config}" "$1" "$1" "${2:-eth0}"
	assert_ok
}

# ---- with little help -------------------------------------------------------

@test "with namespace and prevResult" {
	add c1
	cni DEL bridge "$(with_prev "$config")" c1 c1 eth0
	assert_silent
	assert_nothing_left
	! link_exists c1 eth0 || fail "eth0 should be gone"
}

@test "without prevResult" {
	add c1
	cni DEL bridge "$config" c1 c1 eth0
	assert_silent
	assert_nothing_left
}

@test "with an empty CNI_NETNS, with and without prevResult" {
	add c1
	cni DEL bridge "$(with_prev "$config")" c1 '' eth0
	assert_silent
	assert_nothing_left
	add c1
	cni DEL bridge "$config" c1 '' eth0
	assert_silent
	assert_nothing_left
}

@test "with a namespace that has vanished" {
	local path
	path=$(netns_path c1)
	add c1
	netns_del c1
	cni DEL bridge "$config" c1 "$path" eth0
	assert_silent
	assert_nothing_left
}

@test "with a plain file where the namespace was" {
	local path
	path=$(netns_path c1)
	add c1
	umount "$path"
	[[ -f $path ]]
	cni DEL bridge "$(with_prev "$config")" c1 "$path" eth0
	assert_silent
	assert_nothing_left
}

@test "with a path to something else, or through a file" {
	local path
	add c1
	for path in /dev/null "$BATS_TEST_TMPDIR" /dev/null/ns /proc/self/ns/mnt; do
		cni DEL bridge "$config" c1 "$path" eth0
		assert_silent
	done
	assert_nothing_left
}

@test "twice, and again without a namespace" {
	add c1
	cni DEL bridge "$config" c1 c1 eth0
	assert_silent
	cni DEL bridge "$config" c1 c1 eth0
	assert_silent
	cni DEL bridge "$config" c1 '' eth0
	assert_silent
	assert_nothing_left
}

@test "for an ADD that never ran, on a host that knows neither bridge nor table" {
	cni DEL bridge "$config" c1 c1 eth0
	assert_silent
	[[ $(in_ns host ip -j link show | jq length) == 1 ]] || fail "DEL made an interface"
	[[ -z $(in_ns host nft list ruleset) ]] || fail "DEL made a table"
	[[ ! -e $LEASES ]] || fail "DEL made a lease directory"
}

@test "when somebody else removed the link, the elements or the lease" {
	add c1
	in_ns c1 ip link del eth0
	cni DEL bridge "$config" c1 c1 eth0
	assert_silent
	assert_nothing_left

	add c1
	in_ns host nft flush ruleset
	rm -r "$LEASES"
	cni DEL bridge "$config" c1 c1 eth0
	assert_silent
	assert_nothing_left
}

@test "when the container renamed its interface" {
	add c1
	in_ns c1 ip link set eth0 down
	in_ns c1 ip link set eth0 name renamed0
	cni DEL bridge "$config" c1 c1 eth0
	assert_silent
	assert_nothing_left
	! link_exists c1 renamed0 || fail "the interface should be gone"
}

@test "when the config has changed since the ADD" {
	add c1
	cni DEL bridge "$(jq -c 'del(.ipMasq, .macspoofchk) | .mtu = 1300 | .bridge = "other0"' <<<"$config")" c1 c1 eth0
	assert_silent
	assert_nothing_left
}

# ---- nothing of others ------------------------------------------------------

# assert_intact ADDRESS: c1's attachment is as ADD left it
assert_intact() {
	link_exists c1 eth0 || fail "c1 should have its interface"
	leases | grep -qxF "$1" || fail "c1 should have its lease"
	reaches c1 10.66.0.1 || fail "c1 should reach its gateway"
	cni CHECK bridge "$checked" c1 c1 eth0
	assert_silent
}

@test "leaves the same interface name of another network alone, after an ADD that failed" {
	local ip other
	add c1
	ip=$(result_ip)
	checked=$(with_prev "$config")
	other=$(conf bridge)
	cni ADD bridge "$other" c1 c1 eth0
	((status != 0)) || fail "eth0 exists, ADD should fail"
	# Podman and libcni DEL the attachment whose ADD failed.
	cni DEL bridge "$other" c1 c1 eth0
	assert_silent
	assert_intact "$ip"
	[[ $(leases | wc -l) == 2 ]] || fail "leases: $(leases)"
}

@test "leaves another container of the same namespace and interface name alone" {
	local ip
	add c1
	ip=$(result_ip)
	checked=$(with_prev "$config")
	cni DEL bridge "$config" other-id c1 eth0
	assert_silent
	assert_intact "$ip"
}

@test "leaves what a foreign prevResult names alone" {
	local ip
	add c1
	ip=$(result_ip)
	checked=$(with_prev "$config")
	cni DEL bridge "$checked" c2 c2 eth0
	assert_silent
	cni DEL bridge "$checked" c2 '' eth0
	assert_silent
	assert_intact "$ip"
}

@test "leaves the container's other interface on the network alone" {
	local ip
	add c1
	ip=$(result_ip)
	checked=$(with_prev "$config")
	cni ADD bridge "$(jq -c '.isDefaultGateway = false | .isGateway = true' <<<"$config")" c1 c1 eth1
	assert_ok
	cni DEL bridge "$config" c1 c1 eth1
	assert_silent
	assert_intact "$ip"
}

@test "leaves an interface that it did not make alone" {
	in_ns c1 ip link add eth0 type veth peer name foreign0 netns "$(netns_name host)"
	cni DEL bridge "$config" c1 c1 eth0
	assert_silent
	link_exists c1 eth0 || fail "eth0 was not ours"
}

# ---- returns when the link is gone ------------------------------------------

# on_host COMMAND…: with the environment of a DEL of c1
on_host() {
	env CNI_COMMAND=DEL CNI_PATH="$PLUGINS" CNI_CONTAINERID=c1 CNI_NETNS="$(netns_path c1)" CNI_IFNAME=eth0 \
		nsenter --net="$(netns_path host)" -- "$@"
}

@test "returns in \$(…) with the link gone on both sides" {
	local i said
	for i in 1 2 3 4 5; do
		add c1
		said=$(printf '%s' "$config" | on_host "$PLUGINS/bridge" 2>&1)
		[[ -z $said ]] || fail "DEL said: $said"
		assert_nothing_left
		! link_exists c1 eth0 || fail "eth0 should be gone"
	done
}

@test "its pipes close although the child that waits for the kernel lives on" {
	local i seen=
	# The kernel holds the child for some 15 ms; a busy machine may use them up.
	for ((i = 0; i < 60; i++)); do
		add c1
		seen=$(printf '%s' "$config" | on_host "$E2E_DIR/pipes.py" "$PLUGINS/bridge")
		assert_nothing_left
		[[ $seen != free ]] || return 0
	done
	fail "in $i rounds no child outlived the pipes; last seen: $seen"
}

@test "succeeds under a parent that never reaps" {
	local pid
	add c1
	printf '%s' "$config" >"$BATS_TEST_TMPDIR/config"
	on_host sh -c '"$1" <"$2" & echo $! >"$3"; exec tail -f /dev/null' sh \
		"$PLUGINS/bridge" "$BATS_TEST_TMPDIR/config" "$BATS_TEST_TMPDIR/pid" 3>&- >/dev/null &
	wait_for 30 test -s "$BATS_TEST_TMPDIR/pid"
	pid=$(<"$BATS_TEST_TMPDIR/pid")
	lab_kill_later "$(cut -d' ' -f4 "/proc/$pid/stat")"
	is_zombie() { [[ $(cut -d' ' -f3 "/proc/$pid/stat") == Z ]]; }
	wait_for 30 is_zombie
	assert_nothing_left
}

@test "succeeds with signals ignored or blocked, as a supervisor may leave them" {
	local how dir=$BATS_TEST_TMPDIR/delegates
	mkdir "$dir"
	ln -s "$PLUGINS/host-local" "$dir/host-local"
	printf '#!/bin/sh\nexec %s/host-local\n' "$PLUGINS" >"$dir/other-ipam"
	chmod +x "$dir/other-ipam"
	for how in --ignore-signal=CHLD --ignore-signal --block-signal; do
		for ipam in host-local other-ipam; do
			config=$(conf bridge '.ipam.type = $t' --arg t "$ipam")
			for verb in ADD DEL; do
				capture feed "$config" env "$how" CNI_COMMAND=$verb CNI_PATH="$dir" CNI_CONTAINERID=c1 \
					CNI_NETNS="$(netns_path c1)" CNI_IFNAME=eth0 \
					nsenter --net="$(netns_path host)" -- "$PLUGINS/bridge"
				assert_ok
			done
			assert_nothing_left
		done
	done
}

@test "succeeds while the namespace is being deleted" {
	local i deleting
	for i in 1 2 3 4 5 6 7 8 9 10; do
		netns_add "dying$i"
		cni ADD bridge "$config" "id$i" "dying$i" eth0
		assert_ok
		netns_del "dying$i" &
		deleting=$!
		cni DEL bridge "$config" "id$i" "dying$i" eth0
		assert_silent
		[[ -z $(leases) && -z $(nft_elements) ]] || fail "round $i left something"
		wait "$deleting"
	done
	assert_nothing_left
}

@test "an ADD of the same name right after it succeeds" {
	local i
	for i in 1 2 3 4 5 6 7 8 9 10; do
		add c1
		cni DEL bridge "$config" c1 c1 eth0
		assert_silent
	done
	assert_nothing_left
}
