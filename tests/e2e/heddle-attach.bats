#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# heddle attach, detach, check, network connect and disconnect
#
#	                host
#	   lows-network 192.168.1.0/24    back-end 10.55.0.0/24
#	       eth0 |                          | eth1
#	           web        db             (web)
#
# web and db are namespaces of `ip netns`.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154 # jq programs; bats runs each test in a subshell

load lib
load heddle

setup() {
	lab_setup
	heddle_setup
	LEASES=$CACHE_DIR/networks
	WEB=$(netns_name web)
	DB=$(netns_name db)
	netns_add web db
	heddle network create --driver bridge --attachable --scope local --subnet 192.168.1.0/24 \
		--ip-range 192.168.1.128/25 lows-network
	assert_ok
}
teardown() { lab_teardown; }

# ---- helpers -----------------------------------------------------------------

# heddle ARGUMENT…: a run on the host, captured
heddle() { capture in_ns host "${HEDDLE_CMD[@]}" "$@"; }

back_end() {
	heddle network create --subnet 10.55.0.0/24 back-end
	assert_ok
}

attach() {
	heddle attach --network lows-network --json "$@"
	assert_ok
}

# refused WORD… -- ARGUMENT…: a failure of which stderr has the words; nothing is made by it
refused() {
	local words=()
	while [[ $1 != -- ]]; do
		words+=("$1")
		shift
	done
	shift
	heddle "$@"
	((status != 0)) || fail "it should have been refused"
	for word in "${words[@]}"; do
		[[ $errout == *"$word"* ]] || fail "stderr should have: $word"
	done
	[[ -z $out ]] || fail "stdout should be empty"
}

# address_of NAMESPACE [IFNAME]: its global addresses, one a line
address_of() {
	link_json "$1" "${2:-eth0}" '.addr_info[] | select(.scope == "global") | "\(.local)/\(.prefixlen)"'
}

links_of() { in_ns "$1" ip -j link show | jq -r '[.[].ifname] | join(" ")'; }

cached() { find "$CACHE_DIR/results" -name '*-*-*' ! -name '.*' -printf '%f\n' | sort; }

# Nothing is left of any attachment.
assert_detached() {
	assert_nothing_left
	[[ -z $(cached) ]] || fail "left in the cache: $(cached)"
	[[ $(links_of web) == lo && $(links_of db) == lo ]] || fail "interfaces left in a container"
}

in_upper_half() { [[ $1 =~ ^192\.168\.1\.([0-9]+)/24$ ]] && ((BASH_REMATCH[1] >= 128)); }

# ---- attach ------------------------------------------------------------------

@test "containers of ip netns have addresses of the ip-range, reach each other, and leave nothing" {
	attach "$WEB"
	attach "$DB"
	assert_json '.[0] | .Network == "lows-network" and .Interface == "eth0" and .Container == $n
		and (.Result.ips | length == 1)' --arg n "$DB"
	in_upper_half "$(address_of web)"
	in_upper_half "$(address_of db)"
	[[ $(address_of web) != "$(address_of db)" ]]
	reaches web "$(address_of db | cut -d/ -f1)"
	reaches web 127.0.0.1
	heddle network inspect lows-network --format '{{range .Containers}}{{.Name}} {{end}}'
	[[ $out == *"$WEB"* && $out == *"$DB"* ]] || fail "inspect should have both"

	heddle detach "$WEB"
	assert_silent
	heddle detach "$DB"
	assert_silent
	assert_detached
}

@test "the cache is libcni's" {
	attach "$WEB" -p 8080:80
	[[ $(cached) == "lows-network-$WEB-eth0" ]]
	out=$(<"$CACHE_DIR/results/lows-network-$WEB-eth0")
	assert_json '.kind == "cniCacheV1" and .containerId == $n and .ifName == "eth0"
		and .networkName == "lows-network" and .netns == "/run/netns/" + $n
		and (.config | @base64d | fromjson | .name == "lows-network")
		and .capabilityArgs.portMappings[0].hostPort == 8080
		and .result.cniVersion == "1.1.0" and .heddle.name == $n' --arg n "$WEB"
}

@test "a table for people" {
	heddle attach --network lows-network:ip=192.168.1.9,mac=02:00:00:00:00:09 -p 127.0.0.1:8080:80 "$WEB"
	assert_ok
	diff -u - <(printf '%s\n' "$out" | sed 's/ *$//') <<-END
		NETWORK        INTERFACE   IP ADDRESS       MAC ADDRESS         PORTS
		lows-network   eth0        192.168.1.9/24   02:00:00:00:00:09   127.0.0.1:8080->80/tcp
	END
}

@test "a process and a path are targets too" {
	local holder
	holder=$(in_ns web sh -c 'sleep 300 >/dev/null 2>&1 3>&- & echo $!')
	lab_kill_later "$holder"
	attach "$holder"	# known by its name in ip netns
	assert_json '.[0].Container == $n' --arg n "$WEB"
	heddle detach "/proc/$holder/ns/net"
	assert_silent

	unshare --net sleep 300 >/dev/null 2>&1 3>&- &
	lab_kill_later $!
	holder=$!
	wait_for 30 eval "[[ \$(readlink /proc/$holder/ns/net) != \$(readlink /proc/self/ns/net) ]]"
	refused "--name" -- attach "$holder"
	attach --name box "$holder"
	heddle check box
	assert_ok
	refused "nothing to attach" -- attach --name own "$(netns_path host)"
	refused "no process" -- attach 4194304
	refused "no network namespace none-such" -- attach none-such

	# Whatever comes to have that number is not the container.
	kill -KILL "$holder"
	wait "$holder" || :
	heddle detach box
	assert_silent
	assert_detached
}

@test "several networks at once, in the order given" {
	back_end
	heddle attach --network back-end --network lows-network:ifname=low0 --network bridge --json "$WEB"
	assert_ok
	assert_json '[.[] | "\(.Network) \(.Interface)"] ==
		["back-end eth0", "lows-network low0", "bridge eth1"]'
	[[ $(links_of web) == "lo eth0 low0 eth1" ]]
	heddle detach --network back-end "$WEB"
	assert_silent
	[[ $(links_of web) == "lo low0 eth1" ]]
	attach "$DB"
	reaches db "$(address_of web low0 | cut -d/ -f1)"
	heddle detach "$WEB"
	assert_silent
	heddle detach "$DB"
	assert_detached
}

@test "what fails half way is undone whole" {
	back_end
	attach "$DB" --ip 192.168.1.200
	refused 192.168.1.200 -- attach --network back-end --network lows-network:ip=192.168.1.200 "$WEB"
	[[ $(links_of web) == lo ]]
	[[ $(cached) == "lows-network-$DB-eth0" ]]
	[[ $(leases) == 192.168.1.200 ]]
	reaches db 192.168.1.128
}

@test "address, MAC address and interface are honoured" {
	heddle network create --ipv6 --subnet fd00:55::/64 --subnet 10.56.0.0/24 dual
	assert_ok
	heddle attach --network dual --ip 10.56.0.9 --ip6 fd00:55::9 --mac 02:00:00:00:00:09 --ifname net0 "$WEB"
	assert_ok
	[[ $(address_of web net0 | sort | xargs) == "10.56.0.9/24 fd00:55::9/64" ]]
	[[ $(link_json web net0 .address) == 02:00:00:00:00:09 ]]
}

@test "a network that Podman made is told through CNI_ARGS what it has no capability for" {
	cp "$TOP_DIR"/conf-examples/podman/*.conflist "$BATS_TEST_TMPDIR/podman.json"
	jq --arg leases "$LEASES" '.name = "pods" | .plugins |= map(select(.type | . == "bridge" or . == "portmap"))
		| .plugins[0].bridge = "pods0" | .plugins[0].ipam.dataDir = $leases' \
		"$BATS_TEST_TMPDIR/podman.json" >"$CNI_CONF_DIR/pods.conflist"
	heddle attach --network pods:ip=192.168.1.140,mac=02:00:00:00:00:09 "$WEB"
	assert_ok
	[[ $(address_of web) == 192.168.1.140/24 ]]
	[[ $(link_json web eth0 .address) == 02:00:00:00:00:09 ]]
	heddle detach "$WEB"
	assert_silent
	assert_detached
}

@test "the predefined networks" {
	refused "cannot connect container to host network" -- attach --network host "$WEB"
	refused "private (none) mode" -- attach --network none --network lows-network "$WEB"
	heddle attach --network none "$WEB"
	assert_ok
	[[ $(links_of web) == lo ]]
	reaches web 127.0.0.1
	refused "private (none) mode" -- attach --network lows-network "$WEB"
	refused "user-defined networks only" -- attach --ip 10.87.0.9 "$DB"
	heddle attach "$DB"
	assert_ok
	[[ $(address_of db) == 10.87.* ]]
	heddle detach "$WEB"
	heddle detach "$DB"
	assert_detached
}

@test "what cannot be done is said before anything is made" {
	heddle network create --internal --subnet 10.57.0.0/24 inner
	heddle network create --config-only --subnet 10.58.0.0/24 template
	refused "network none-such not found" -- attach --network none-such "$WEB"
	refused "network local not found" "filter scope=local" -- attach --network local "$WEB"
	refused "config-only" -- attach --network template "$WEB"
	refused "no configured subnet contains IP address 10.9.9.9" -- attach --network lows-network --ip 10.9.9.9 "$WEB"
	refused "inner is internal" -- attach --network inner -p 80 "$WEB"
	refused "name resolution" -- attach --network lows-network --alias db "$WEB"
	refused "for one network" -- attach --network inner --network lows-network --ip 192.168.1.5 "$WEB"
	refused "not an IP address" -- attach --ip 300.1.1.1 "$WEB"
	((status == 125)) || fail "a wrong command line is 125"
	refused "TARGET is missing" -- attach
	attach "$WEB"
	refused "attached to network lows-network already" -- attach --network lows-network "$WEB"
	refused "by eth0 already" -- attach --network lows-network:ifname=eth0 "$WEB"
	attach "$WEB" --ifname net7
	heddle detach "$WEB"
	assert_detached
}

@test "without a plugin the directories are named" {
	capture in_ns host "${HEDDLE_CMD[@]}" --cni-plugin-path /nowhere:/none attach --network lows-network "$WEB"
	((status == 1)) || fail "it should have failed"
	[[ $errout == *'no plugin "bridge" in /nowhere:/none'* ]] || fail "it should name the directories"
	assert_detached
}

# ---- ports -------------------------------------------------------------------

# answers PORT: what a server in web says on port 80, asked by outside
answers() { [[ $(said_by outside "TCP:203.0.113.1:$1") == hello ]]; }

cannot_answer() { ! answers "$1" 2>/dev/null; }

serve() {
	background web socat TCP-LISTEN:80,reuseaddr,fork SYSTEM:'echo hello'
	wait_for 30 eval '[[ -n $(in_ns web ss -Hltn "sport = :80") ]]'
}

@test "published ports lead to the container, chosen ones too" {
	outside_add
	attach "$WEB" -p 8080:80 -p 80
	serve
	answers 8080
	answers "$(jq -r '.[0].Ports | capture(", (?<p>[0-9]+)->80/tcp").p' <<<"$out")"
	heddle detach "$WEB"
	assert_silent
	cannot_answer 8080
	in_ns host ip link del wan0
	assert_detached
}

@test "ports without an address are bound where the network says" {
	outside_add
	in_ns host ip addr add 203.0.113.9/24 dev wan0
	heddle network create --subnet 10.58.0.0/24 -o com.docker.network.bridge.host_binding_ipv4=203.0.113.9 bound
	heddle attach --network bound -p 8080:80 -p 203.0.113.1:8081:80 --json "$WEB"
	assert_ok
	assert_json '.[0].Ports == "203.0.113.9:8080->80/tcp, 203.0.113.1:8081->80/tcp"'
	serve
	answers 8081
	cannot_answer 8080
	[[ $(said_by outside TCP:203.0.113.9:8080) == hello ]]
	[[ $(jq -r '.plugins[1].hostIP' "$CNI_CONF_DIR/zz-heddle-bound.conflist") == 203.0.113.9 ]]
}

@test "of several networks the one with the default route publishes" {
	outside_add
	back_end
	heddle network create --internal --subnet 10.57.0.0/24 inner
	heddle attach --network back-end --network lows-network --network inner -p 8080:80 --json "$WEB"
	assert_ok
	assert_json '[.[].Ports] == ["", "8080->80/tcp", ""]'
	[[ $(in_ns web ip -j route get 203.0.113.2 | jq -r '.[0].dev') == eth1 ]]
	serve
	answers 8080
}

@test "of a range the first free port is taken, and a port is never chosen twice" {
	attach "$WEB" -p 9000-9001:80
	[[ $(jq -r '.[0].Ports' <<<"$out") == '9000->80/tcp' ]]
	attach "$DB" -p 9000-9001:80
	[[ $(jq -r '.[0].Ports' <<<"$out") == '9001->80/tcp' ]]
	netns_add third
	refused "9000 to 9001" -- attach --network lows-network -p 9000-9001:80 "$(netns_name third)"
	refused 9001 "$DB" -- attach --network lows-network -p 9001:80 "$(netns_name third)"
	[[ $(links_of third) == lo ]]
}

# ---- connect and disconnect --------------------------------------------------

@test "connect and disconnect are Docker's" {
	back_end
	attach "$WEB"
	heddle network connect --ip 10.55.0.9 --driver-opt com.docker.network.endpoint.ifname=back0 back-end "$WEB"
	assert_silent
	[[ $(address_of web back0) == 10.55.0.9/24 ]]
	heddle network connect back-end "$DB"	# known by ip netns alone
	assert_silent
	reaches db 10.55.0.9

	refused "already" -- network connect back-end "$WEB"
	refused "No such container: none-such" -- network connect back-end none-such
	refused "network none-such not found" -- network connect none-such "$WEB"
	refused "container must be created in host network mode" -- network connect host "$WEB"
	refused "requires exactly 2 arguments" -- network connect back-end
	refused "name resolution" -- network connect --alias a back-end "$WEB"

	heddle network disconnect back-end "${WEB:0:${#WEB}-1}"	# the beginning of its ID
	assert_silent
	[[ $(links_of web) == "lo eth0" ]]
	refused "container $WEB is not connected to network back-end" -- network disconnect back-end "$WEB"
	refused "No such container: none-such" -- network disconnect back-end none-such
	refused "cannot disconnect container from host network" -- network disconnect host "$WEB"
	refused "network none-such not found" -- network disconnect none-such "$WEB"
	heddle network disconnect lows-network "$WEB"
	heddle network disconnect back-end "$DB"
	assert_silent
	assert_detached
}

@test "disconnect -f forgets what a plugin cannot remove" {
	mkdir "$BATS_TEST_TMPDIR/broken"
	printf '#!/bin/sh\necho "{\\"code\\":999,\\"msg\\":\\"out of order\\"}"; exit 1\n' >"$BATS_TEST_TMPDIR/broken/portmap"
	chmod +x "$BATS_TEST_TMPDIR/broken/portmap"
	attach "$WEB"
	HEDDLE_CMD+=(--cni-plugin-path "$BATS_TEST_TMPDIR/broken:$PLUGINS")
	refused "out of order" -- network disconnect lows-network "$WEB"
	[[ $(cached) == "lows-network-$WEB-eth0" ]]
	[[ $(links_of web) == lo ]] || fail "the others' DEL should have run"
	heddle network disconnect -f lows-network "$WEB"
	assert_silent
	[[ $errout == *"warning"*"out of order"* ]]
	assert_detached
}

# ---- detach and check --------------------------------------------------------

@test "detach does not need the namespace, nor the network" {
	attach "$WEB" -p 8080:80
	netns_del web
	heddle detach "$WEB"
	assert_silent
	netns_add web
	assert_detached

	attach "$WEB"
	rm "$CNI_CONF_DIR"/zz-heddle-lows-network.conflist
	heddle detach "/run/netns/$WEB"
	assert_silent
	assert_detached
	refused "No such container" -- detach "$WEB"
}

@test "a namespace that was made anew is attached anew" {
	attach "$WEB" -p 8080:80
	netns_del web
	netns_add web
	attach "$WEB" -p 8080:80
	[[ $(cached) == "lows-network-$WEB-eth0" && $(leases | wc -l) == 1 ]]
	reaches web 192.168.1.128
	heddle detach "$WEB"
	assert_detached
}

@test "check says what is not as it was made" {
	attach "$WEB"
	heddle check "$WEB"
	assert_ok
	in_ns web ip addr flush dev eth0
	heddle check --json "$WEB"
	((status == 1)) || fail "the status should say it"
	assert_json '.[0] | .State == "differs" and (.Why | test("192.168.1"))'
}

# ---- at once -----------------------------------------------------------------

@test "of two who attach a container at once one wins, and nothing of it is lost" {
	local pids=() failed=0 pid
	for _ in 1 2 3 4; do
		in_ns host "${HEDDLE_CMD[@]}" attach --network lows-network "$WEB" >/dev/null 2>&1 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || failed=$((failed + 1))
	done
	((failed == 3)) || fail "$failed of 4 failed"
	reaches web 192.168.1.128
	heddle check "$WEB"
	assert_ok
	heddle detach "$WEB"
	assert_detached
}

@test "many at once each have an address and a port of their own" {
	local pids=() pid i
	for i in 1 2 3 4 5 6 7 8; do
		netns_add "c$i"
		in_ns host "${HEDDLE_CMD[@]}" attach --network lows-network -p 80 --format '{{.Ports}}' \
			"$(netns_name "c$i")" >"$BATS_TEST_TMPDIR/ports$i" 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	[[ $(leases | wc -l) == 8 ]]
	[[ $(sort -u "$BATS_TEST_TMPDIR"/ports* | wc -l) == 8 ]]
}
