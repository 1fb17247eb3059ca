#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# heddle doctor: each finding is made, and is gone when its command has mended it.

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell
load lib
load heddle

setup() {
	lab_setup
	heddle_setup
	netns_add c1
}
teardown() { lab_teardown; }

# doctor: a run on the host; $out is the list of findings
doctor() {
	capture in_ns host "${HEDDLE_CMD[@]}" doctor --json
	[[ $status == "$(jq 'if length > 0 then 1 else 0 end' <<<"$out")" ]] || fail "the status should say it"
}

# finds CHECK SEVERITY WORD…: there is one finding, it is that one, and has the words
finds() {
	local check=$1 severity=$2 word text
	shift 2
	doctor
	assert_json 'length == 1 and .[0].check == $c and .[0].severity == $s' \
		--arg c "$check" --arg s "$severity"
	text=$(jq -r '.[0].finding' <<<"$out")
	for word; do
		[[ $text == *"$word"* ]] || fail "the finding should have: $word"
	done
}

# mend: what the only finding says, by a shell on the host that finds our command
mend() {
	local command
	command=$(jq -r '.[0].mend' <<<"$out")
	PATH=$BATS_TEST_TMPDIR/bin:$PATH in_ns host sh -ec "$command" >/dev/null
}

mends() {
	mend
	doctor
	assert_json 'length == 0'
}

create() { in_ns host "${HEDDLE_CMD[@]}" network create "$@" >/dev/null; }

attach() { in_ns host "${HEDDLE_CMD[@]}" attach --name c1 "$@" "$(netns_path c1)" >/dev/null; }

@test "nothing is found on a host without networks, or with one that is in use" {
	doctor
	assert_json 'length == 0'
	capture in_ns host "${HEDDLE_CMD[@]}" doctor
	[[ $status -eq 0 && $out == *"nothing found" ]]
	create n
	attach --network n
	doctor
	assert_json 'length == 0'
}

# traced OPTION…: a run under strace, whose log is in $log.  Other tests' namespaces are out of reach:
# doctor asks each that it finds, and requests are counted.
traced() {
	log=$BATS_TEST_TMPDIR/strace
	capture in_ns host unshare --mount --propagation private --pid --fork --mount-proc bash -ec '
		for mount in $(awk -v own="$1" "/ - nsfs / && !index(\$5, own) { print \$5 }" /proc/self/mountinfo); do
			umount --lazy "$mount" 2>/dev/null || :
		done
		shift
		exec env ASAN_OPTIONS=detect_leaks=0 strace -f "$@"' bash "$(netns_name '')" \
		-o "$log" -e trace=unshare,sendto "$@" "${HEDDLE_CMD[@]}" doctor --json
}

@test "a kernel that cannot make what containers need" {
	local before
	traced
	assert_json 'length == 0'
	before=$(sed '/unshare(/,$d' "$log" | grep -c 'sendto(')
	# The first request in the namespace where doctor tries things.
	traced -e "inject=sendto:error=EOPNOTSUPP:when=$((before + 1))"
	assert_json 'length == 1 and .[0].check == "features" and .[0].mend == "modprobe bridge"'
	assert_json '.[0].finding | startswith("the kernel cannot make a bridge")'
}

@test "a check that cannot look is a finding, and the others go on" {
	create n
	attach --network n
	in_ns host sysctl -qw net.ipv4.ip_forward=0
	traced -e inject=unshare:error=EPERM
	[[ $status -eq 1 ]]
	assert_json '[.[].check] == ["features", "forwarding"]'
	assert_json '.[0].finding | startswith("cannot look: ")'
}

@test "forwarding that was turned off" {
	create --ipv6 --subnet 10.61.0.0/24 --subnet fd00:61::/64 n
	attach --network n
	in_ns host sysctl -qw net.ipv4.ip_forward=0
	finds forwarding error 'net.ipv4.ip_forward is 0'
	mends
	in_ns host sysctl -qw net.ipv6.conf.all.forwarding=0
	finds forwarding error 'net.ipv6.conf.all.forwarding is 0'
	mends
}

@test "a strict reverse path filter where a container has two networks" {
	create a
	create b
	attach --network a --network b
	in_ns host sysctl -qw "net.ipv4.conf.$(bridge_of a).rp_filter=1"
	finds reverse-path warning "$(bridge_of a)"
	mends
}

@test "iptables that drops what is forwarded" {
	create n
	attach --network n
	in_ns host iptables -w -P FORWARD DROP
	finds forward-chains error 'chain FORWARD of table ip filter drops'
	mends
}

@test "legacy iptables that drops what is forwarded" {
	in_ns host iptables-legacy -w -L -n >/dev/null 2>&1 || skip "kernel: no legacy iptables"
	create n
	attach --network n
	doctor
	assert_json 'length == 0'
	in_ns host iptables-legacy -w -P FORWARD DROP
	finds legacy-iptables error 'chain FORWARD of legacy iptables'
	mends
}

@test "a ruleset of the operator's that drops what is forwarded" {
	create n
	attach --network n
	in_ns host nft 'add table inet mine; add chain inet mine fw { type filter hook forward priority 0; policy drop; }'
	finds forward-chains error 'chain fw of table inet mine drops'
	mends
}

@test "frames of a bridge whose network has no firewall plugin, and a chain that drops" {
	create n
	edit_network n 'del(.plugins[] | select(.type == "firewall"))'
	attach --network n
	in_ns host sysctl -qw net.bridge.bridge-nf-call-iptables=1
	in_ns host iptables -w -P FORWARD DROP
	in_ns host iptables -w -I FORWARD -m mark --mark 0x2000000/0x2000000 -j ACCEPT
	doctor
	assert_json '[.[].check] == ["bridge-netfilter", "forward-chains"]'
	assert_json '.[1].finding | contains("n has no firewall plugin")'
	in_ns host sysctl -qw net.bridge.bridge-nf-call-iptables=0
	finds forward-chains warning 'n has no firewall plugin'
}

@test "a table of ours that was altered" {
	create n
	attach --network n
	in_ns host nft flush chain inet heddle forward
	finds tables error 'table inet heddle was altered'
	mends
}

@test "nftables that was flushed under attachments" {
	create n
	attach --network n
	in_ns host nft flush ruleset
	finds tables error 'nftables was flushed' 'n has attachments'
	mends
}

@test "a file of the config directory that is no network" {
	create n
	echo '{' >"$CNI_CONF_DIR/50-torn.conflist"
	finds config-dir warning 50-torn.conflist
}

@test "a network of ours that would be the pods'" {
	create n
	with_containerd_socket "${HEDDLE_CMD[@]}" doctor --json
	assert_json 'length == 1 and .[0].check == "pod-network"'
	echo '{"cniVersion":"1.0.0","name":"pods","plugins":[{"type":"bridge","bridge":"pods0"}]}' \
		>"$CNI_CONF_DIR/10-pods.conflist"
	with_containerd_socket "${HEDDLE_CMD[@]}" doctor --json
	assert_json 'length == 0'
}

@test "plugins that are missing, do not run, are too old, or another's" {
	create n
	mkdir "$BATS_TEST_TMPDIR/plugins"
	cp "$PLUGINS"/{bridge,portmap,host-local} "$BATS_TEST_TMPDIR/plugins"
	HEDDLE_CMD+=(--cni-plugin-path "$BATS_TEST_TMPDIR/plugins")
	finds plugins error 'plugin firewall of n is in none of'
	cp "$PLUGINS/firewall" "$BATS_TEST_TMPDIR/plugins"
	doctor
	assert_json 'length == 0'

	printf '#!/bin/sh\necho "{\\"cniVersion\\":\\"0.4.0\\",\\"supportedVersions\\":[\\"0.3.1\\",\\"0.4.0\\"]}"' \
		>"$BATS_TEST_TMPDIR/plugins/portmap"
	chmod +x "$BATS_TEST_TMPDIR/plugins/portmap"
	doctor
	assert_json 'length == 2'
	assert_json '.[0].finding | contains("is not heddle")'
	assert_json '.[1].finding | contains("does not speak CNI 1.0.0")'
	printf '#!/bin/sh\nexit 1' >"$BATS_TEST_TMPDIR/plugins/portmap"
	doctor
	assert_json '.[1].finding | contains("does not run")'
}

@test "networks that overlap, and routes that lead elsewhere" {
	create --subnet 10.61.0.0/16 a
	jq '.name = "b" | .plugins[0].bridge = "other0" | .plugins[0].ipam.ranges[0][0].subnet = "10.61.7.0/24"
		| del(.plugins[0].ipam.ranges[0][0].gateway, .heddle)' \
		"$CNI_CONF_DIR/zz-heddle-a.conflist" >"$CNI_CONF_DIR/90-b.conflist"
	finds subnets error 10.61.0.0/16 10.61.7.0/24
	rm "$CNI_CONF_DIR/90-b.conflist"
	in_ns host ip route add 10.61.8.0/24 dev lo
	finds routes warning 10.61.0.0/16 'the route to 10.61.8.0/24 through lo'
}

@test "a bridge that is gone, is down, or has other addresses" {
	local bridge
	create --subnet 10.61.0.0/24 n
	bridge=$(bridge_of n)
	attach --network n
	in_ns host ip address del 10.61.0.1/24 dev "$bridge"
	finds bridges error "has not got its address 10.61.0.1/24"
	mends
	in_ns host ip address add 10.61.0.9/24 dev "$bridge"
	finds bridges warning "has 10.61.0.9/24"
	mends
	in_ns host ip link set "$bridge" down
	doctor
	assert_json 'any(.[]; .check == "bridges" and (.finding | contains("is down")))'
	in_ns host ip link del "$bridge"
	doctor
	assert_json 'any(.[]; .check == "bridges" and (.finding | contains("is gone")))'
	in_ns host ip link add "$bridge" type veth peer name v1
	doctor
	assert_json 'any(.[]; .check == "bridges" and (.finding | contains("is no bridge")))'
}

@test "an MTU that the way out does not have" {
	outside_add
	in_ns host ip route add default via 203.0.113.2
	create n
	attach --network n
	doctor
	assert_json 'length == 0'
	in_ns host ip link set wan0 mtu 1400
	finds mtu warning 'has MTU 1500' 'wan0 has 1400'
}

@test "what is left of an attachment, and of a network" {
	create n
	attach --network n
	age_leases
	kill_container c1
	finds garbage warning 'c1 eth0 of n'
	mends
	rm "$CNI_CONF_DIR/zz-heddle-n.conflist"
	finds garbage warning "bridge $(bridge_of n) is left over"
	mends
}

@test "a lease that is in no subnet of its network any more" {
	create --subnet 10.61.0.0/24 n
	attach --network n
	edit_network n '(.. | strings) |= gsub("10\\.61\\."; "10.62.")'
	doctor
	assert_json 'any(.[]; .check == "leases" and (.finding | contains("c1 eth0 holds 10.61.0.2")))'
}
