#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# parallel - many plugins at once, on one network and on several

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell

load lib

setup() { lab_setup; }
teardown() { lab_teardown; }

# start VERB CONF ID NETNS: run the plugin in the background; output to out.VERB.ID, exit status to status.VERB.ID
start() {
	local where=$BATS_TEST_TMPDIR/$1.$3
	{
		local r=0
		feed "$2" env CNI_COMMAND="$1" CNI_PATH="$PLUGINS" CNI_CONTAINERID="$3" CNI_NETNS="$(netns_path "$4")" \
			CNI_IFNAME=eth0 nsenter --net="$(netns_path host)" -- "$PLUGINS/bridge" \
			>"$where.out" 2>&1 || r=$?
		echo "$r" >"$where.status"
	} 3>&- &
}

# assert_all VERB COUNT: that many ran, and all succeeded
assert_all() {
	local file
	for file in "$BATS_TEST_TMPDIR/$1".*.status; do
		[[ $(<"$file") == 0 ]] || fail "$file: $(<"${file%.status}.out")"
	done
	[[ $(find "$BATS_TEST_TMPDIR" -name "$1.*.status" | wc -l) == "$2" ]]
}

# Addresses that the ADDs returned, one a line.
addresses() { cat "$BATS_TEST_TMPDIR"/ADD.*.out | jq -r '.ips[]?.address'; }

@test "100 ADDs at once give 100 addresses, 100 DELs at once leave nothing" {
	local config i n=100
	config=$(conf bridge '.macspoofchk = true')
	for ((i = 0; i < n; i++)); do
		netns_add "c$i"
	done
	for ((i = 0; i < n; i++)); do
		start ADD "$config" "id$i" "c$i"
	done
	wait
	assert_all ADD "$n"
	[[ $(addresses | sort -u | wc -l) == "$n" ]] || fail "addresses: $(addresses | sort)"
	[[ $(leases | wc -l) == "$n" ]]
	[[ $(host_links | wc -l) == "$n" ]]
	[[ $(in_ns host ip -j link show type bridge | jq length) == 1 ]]
	[[ $(in_ns host ip -j link show master lows0 | jq length) == "$n" ]]
	reaches c0 "$(jq -r '.ips[0].address | sub("/.*"; "")' "$BATS_TEST_TMPDIR/ADD.id99.out")"

	for ((i = 0; i < n; i++)); do
		start DEL "$config" "id$i" "c$i"
	done
	wait
	assert_all DEL "$n"
	assert_nothing_left
}

@test "20 ADDs at once for 13 addresses: 13 succeed, 7 fail and leave nothing" {
	local config i good=0 n=20
	config=$(conf bridge '.ipam.ranges = [[{subnet: "192.168.1.0/28"}]]')
	for ((i = 0; i < n; i++)); do
		netns_add "c$i"
		start ADD "$config" "id$i" "c$i"
	done
	wait
	for ((i = 0; i < n; i++)); do
		if [[ $(<"$BATS_TEST_TMPDIR/ADD.id$i.status") == 0 ]]; then
			good=$((good + 1))
		else
			jq -e '.msg | contains("192.168.1.0/28")' "$BATS_TEST_TMPDIR/ADD.id$i.out" >/dev/null ||
				fail "$(<"$BATS_TEST_TMPDIR/ADD.id$i.out")"
		fi
	done
	((good == 13)) || fail "$good succeeded"
	[[ $(addresses | sort -u | wc -l) == 13 ]]
	[[ $(leases | wc -l) == 13 ]]
	[[ $(host_links | wc -l) == 13 ]]
}

@test "ADDs, DELs and GCs of several networks at once do not disturb each other" {
	local network i config configs=()
	for network in 0 1 2 3; do
		configs[network]=$(conf bridge '.name = "net\($n)" | .bridge = "br\($n)"
			| .ipam.ranges = [[{subnet: "10.20.\($n).0/24"}]]' --arg n "$network")
		for ((i = 0; i < 8; i++)); do
			netns_add "c$network-$i"
		done
	done
	# Half of each network stays, the other half comes and goes meanwhile.
	for ((i = 0; i < 4; i++)); do
		for network in 0 1 2 3; do
			start ADD "${configs[network]}" "id$network-$i" "c$network-$i"
		done
	done
	wait
	for ((i = 0; i < 4; i++)); do
		for network in 0 1 2 3; do
			if ((i % 2)); then
				start DEL "${configs[network]}" "id$network-$i" "c$network-$i"
			fi
			start ADD "${configs[network]}" "id$network-$((i + 4))" "c$network-$((i + 4))"
		done
	done
	wait
	assert_all ADD 32
	assert_all DEL 8
	[[ $(leases | wc -l) == 24 ]] || fail "leases: $(leases)"
	[[ $(host_links | wc -l) == 24 ]] || fail "links: $(host_links)"
	for network in 0 1 2 3; do
		reaches "c$network-0" "10.20.$network.1"
		reaches "c$network-7" "10.20.$network.1"
		config=$(jq -c '.["cni.dev/valid-attachments"] = []' <<<"${configs[network]}")
		start GC "$config" "id$network" ''
	done
	wait
	assert_all GC 4
	assert_nothing_left
}

# ---- a whole list -------------------------------------------------------------

# Podman's list, as Podman writes it; leases and saved values in the test's directory.
chain_configs() {
	local type
	for type in bridge portmap firewall tuning; do
		chain[$type]=$(jq -nc --arg type "$type" --arg dir "$BATS_TEST_TMPDIR" '
			{cniVersion: "0.4.0", name: "lows-network", type: $type} + {
				bridge: {bridge: "lows0", isGateway: true, ipMasq: true, hairpinMode: true,
					ipam: {type: "host-local", dataDir: ($dir + "/leases"), routes: [{dst: "0.0.0.0/0"}],
						ranges: [[{subnet: "192.168.1.0/24"}]]}},
				portmap: {}, firewall: {backend: ""}, tuning: {dataDir: ($dir + "/saved")}}[$type]')
	done
}

# chain_call VERB TYPE N MORE: one plugin for container number N; MORE goes into its config
chain_call() {
	feed "${chain[$2]%\}}$4}" env CNI_COMMAND="$1" CNI_PATH="$PLUGINS" CNI_CONTAINERID="id$3" CNI_IFNAME=eth0 \
		CNI_NETNS="$(netns_path "c$3")" nsenter --net="$(netns_path host)" -- "$PLUGINS/$2"
}

ports_of() {
	printf ',"runtimeConfig":{"portMappings":['
	printf '{"hostPort":%d,"containerPort":80,"protocol":"tcp"},' $((8000 + 3 * $1)) $((8001 + 3 * $1))
	printf '{"hostPort":%d,"containerPort":53,"protocol":"udp"}]}' $((8002 + 3 * $1))
}

add_chain() {
	local type more='' result
	for type in bridge portmap firewall tuning; do
		[[ $type != portmap ]] || more+=$(ports_of "$1")
		result=$(chain_call ADD "$type" "$1" "$more") || { echo "ADD of $type, container $1: $result"; return 1; }
		more=",\"prevResult\":$result"
	done
	printf '%s' "$result" >"$BATS_TEST_TMPDIR/result.$1"
}

del_chain() {
	local type more said
	more=",\"prevResult\":$(<"$BATS_TEST_TMPDIR/result.$1")"
	for type in tuning firewall portmap bridge; do
		said=$(chain_call DEL "$type" "$1" "$more$(ports_of "$1")") || { echo "DEL of $type, container $1: $said"; return 1; }
	done
}

# all_at_once FUNCTION NUMBER…
all_at_once() {
	local function=$1 n pids=() pid
	shift
	for n; do
		"$function" "$n" 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || fail "$function failed"
	done
}

published() { in_ns host nft -j list map inet heddle port4 | jq '.nftables[].map.elem // [] | length' | tail -1; }

@test "100 containers with three ports each through Podman's list, half of them gone at once, the rest by GC" {
	local -A chain
	local i type n=100
	chain_configs
	for ((i = 0; i < n; i++)); do
		netns_add "c$i"
	done
	all_at_once add_chain $(seq 0 $((n - 1)))
	[[ $(published) == $((3 * n)) ]] || fail "$(published) ports"
	[[ $(host_links | wc -l) == "$n" ]]
	[[ $(jq -r '.ips[0].address' "$BATS_TEST_TMPDIR"/result.* | sort -u | wc -l) == "$n" ]]

	all_at_once del_chain $(seq 0 2 $((n - 1)))
	[[ $(published) == $((3 * n / 2)) ]] || fail "$(published) ports"
	[[ $(leases | wc -l) == $((n / 2)) ]]

	for type in tuning firewall portmap bridge; do
		gc "$(jq -c '.cniVersion = "1.1.0"' <<<"${chain[$type]}")"
		assert_silent
	done
	assert_nothing_left
	[[ -z $(find "$BATS_TEST_TMPDIR/saved" -type f) ]]
}
