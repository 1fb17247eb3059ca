#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# heddle doctor: what is wrong with netd, its cluster, and the ways to other nodes
#
#	host ── wan0 203.0.113.1 ──────── 203.0.113.2 ── outside
#	heddle doctor, and a stand-in for netd         port 4794: a node that is there
#	whose answers a test writes
#
# What a real netd answers is netd-*.bats' business.

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell
load lib
load heddle

ANSWERS='{
	"status": {"ready": true, "cluster": {"phase": "up"}, "networks": {"unknown": 0}},
	"node.list": {"nodes": [{"name": "a", "address": "203.0.113.1:4794", "ip": "203.0.113.1",
		"state": "alive", "state_for_s": 9, "self": true}]},
	"network.list": {"networks": []}
}'

setup() {
	lab_setup
	heddle_setup
	outside_add
	SOCKET=$BATS_TEST_TMPDIR/netd.sock
	HEDDLE_CMD+=(--netd-socket "$SOCKET")
}
teardown() { lab_teardown; }

# netd_answers FILTER [JQ-ARGUMENT…]: a netd that answers as $ANSWERS says, changed by FILTER
netd_answers() {
	jq "$@" <<<"$ANSWERS" >"$BATS_TEST_TMPDIR/new"
	mv "$BATS_TEST_TMPDIR/new" "$BATS_TEST_TMPDIR/answers"
	[[ -S $SOCKET ]] && return
	background host python3 "$TOP_DIR/tests/e2e/netd.py" answer "$SOCKET" "$BATS_TEST_TMPDIR/answers"
	wait_for 20 test -S "$SOCKET"
}

# with_node NAME ADDRESS STATE: a filter that adds a node
with_node() {
	local ip=${2%:*}
	echo '."node.list".nodes += [{"name": "'"$1"'", "address": "'"$2"'", "ip": "'"${ip//[\[\]]/}"'",
		"state": "'"$3"'", "state_for_s": 77, "self": false}]'
}

# spanning_network NAME: its file, as netd writes it on every node
spanning_network() {
	mkdir -p "$CNI_CONF_DIR"
	jq -n --arg name "$1" '{cniVersion: "1.0.0", name: $name,
		plugins: [{type: "overlay", network: $name, bridge: "hb-span"}],
		heddle: {version: 1, netd: ("0" * 32), driver: "overlay", scope: "swarm", ipv4: true,
			created: "2026-01-01T00:00:00Z",
			subnets: [{subnet: "10.61.0.0/24", gateway: "10.61.0.1"}]}}' \
		>"$CNI_CONF_DIR/zz-heddle-$1.conflist"
}

doctor() { capture in_ns host "${HEDDLE_CMD[@]}" doctor --json; }

finds_nothing() {
	doctor
	assert_json 'length == 0'
}

# finds CHECK SEVERITY MEND WORD…: there is one finding, it is that one, and has the words
finds() {
	local check=$1 severity=$2 mend=$3 word text
	shift 3
	doctor
	assert_json 'length == 1 and .[0].check == $c and .[0].severity == $s and .[0].mend == $m' \
		--arg c "$check" --arg s "$severity" --arg m "$mend"
	text=$(jq -r '.[0].finding' <<<"$out")
	for word; do
		[[ $text == *"$word"* ]] || fail "the finding should have: $word"
	done
}

@test "a host without netd, and one whose netd is in no cluster, lack nothing" {
	finds_nothing
	netd_answers '.status.cluster.phase = "none" | .status.ready = false'
	finds_nothing
}

@test "a network that spans hosts, and no netd" {
	spanning_network n
	finds netd error 'systemctl start heddle-netd' 'network n spans hosts' "$SOCKET"
	netd_answers .
	finds_nothing
}

@test "a network that spans hosts, on a host in no cluster" {
	spanning_network n
	netd_answers '.status.cluster.phase = "none"'
	finds netd error 'netd join TOKEN ADDRESS' 'network n spans hosts' 'in no cluster'
}

@test "a netd that takes no new containers says why" {
	netd_answers '.status += {ready: false, why: "the disk takes no data"}'
	finds netd error 'heddle netd status' 'the disk takes no data'
}

@test "containers that nobody knows" {
	netd_answers '.status.networks.unknown = 3'
	doctor
	assert_json 'length == 1 and .[0].check == "netd" and (.[0].finding | startswith("3 containers here"))'
}

@test "a node that is dead, but not one that has left" {
	netd_answers "$(with_node b 203.0.113.9:4794 left)"
	finds_nothing
	netd_answers "$(with_node b 203.0.113.9:4794 dead)"
	finds netd warning 'heddle node forget --dry-run b' 'node b at 203.0.113.9:4794' '77 s'
}

@test "a network that has lost what it was made with" {
	netd_answers '."network.list".networks = [{name: "n", id: "abc",
		conflicts: [{text: "the subnet 10.61.0.0/24", network: "m", id: "def"}]}]'
	finds netd error 'heddle network rm abc' 'network n (abc) has lost the subnet 10.61.0.0/24 to network m (def)'
}

@test "nodes that can be reached, by both families, and one whose port is shut" {
	background outside socat TCP-LISTEN:4794,fork,reuseaddr /dev/null
	wait_for 20 listens 4794
	netd_answers "$(with_node b 203.0.113.2:4794 alive)"
	finds_nothing
	netd_answers "$(with_node b 203.0.113.2:4795 alive)"
	finds tunnels error 'nft list ruleset' 'node b cannot be reached by TCP at 203.0.113.2:4795' 'Connection refused'
	netd_answers "$(with_node b '[2001:db8::2]:4795' alive)"
	finds tunnels error 'nft list ruleset' 'at [2001:db8::2]:4795' 'Connection refused'
}

listens() { in_ns outside ss -Hltn "sport = :$1" | grep -q .; }

@test "a node that does not answer is waited for, and said" {
	in_ns outside nft 'add table inet t; add chain inet t c { type filter hook input priority 0; policy accept; }'
	in_ns outside nft add rule inet t c tcp dport 4794 drop
	netd_answers "$(with_node b 203.0.113.2:4794 alive)"
	finds tunnels error 'nft list ruleset' 'node b' 'no answer'
}

@test "a way to a node that large packets do not fit" {
	spanning_network n
	in_ns host ip link add hb-span mtu 1450 type bridge
	background outside socat TCP-LISTEN:4794,fork,reuseaddr /dev/null
	wait_for 20 listens 4794
	netd_answers "$(with_node b 203.0.113.2:4794 alive)"
	finds_nothing
	in_ns host ip link set wan0 mtu 1400
	finds tunnels error 'ip route get 203.0.113.2' 'network n have up to 1450 bytes and 50 more' \
		'node b, which takes 1400' 'com.docker.network.driver.mtu=1350'
}
