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
