#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# heddle network ls, inspect and prune, ps, graph.
#
# What they print is compared with tests/e2e/golden, where there are networks of
# heddle, Podman, nerdctl and somebody else, and what is attached to them.
# HEDDLE_GOLDEN=write writes the outputs there instead, to be read before they
# are committed.

load lib
load heddle

GOLDEN=$E2E_DIR/golden

setup() {
	lab_setup
	heddle_setup
}
teardown() { lab_teardown; }

# heddle ARGUMENT…: run the command on the host and capture it
heddle() { capture in_ns host "${HEDDLE_CMD[@]}" "$@"; }

# golden_setup: the networks of the directory golden, of a time that is always the same
golden_setup() {
	local file network ip id ifname
	mkdir -p "$CNI_CONF_DIR" "$CACHE_DIR/results" "$BATS_TEST_TMPDIR/state"
	for file in "$GOLDEN"/net.d/*; do
		sed "s|@CACHE@|$CACHE_DIR|" "$file" >"$CNI_CONF_DIR/${file##*/}"
	done
	touch -d '2026-11-21T12:00:00Z' "$CNI_CONF_DIR"/*
	cp -r "$GOLDEN/state/." "$BATS_TEST_TMPDIR/state"
	while read -r file; do
		printf '%s' "$file" >"$CACHE_DIR/results/$(jq -j '[.networkName, .containerId, .ifName] | join("-")' <<<"$file")"
	done < <(jq -c '.[]' "$GOLDEN/results.json")
	while IFS=$'\t' read -r network ip id ifname; do
		mkdir -p "$CACHE_DIR/networks/$network"
		printf '%s\r\n%s' "$id" "$ifname" >"$CACHE_DIR/networks/$network/$ip"
	done <"$GOLDEN/leases.tsv"
}

# assert_golden FILE: stdout is what FILE of golden has
assert_golden() {
	assert_ok
	if [[ ${HEDDLE_GOLDEN:-} == write ]]; then
		printf '%s\n' "$out" >"$GOLDEN/$1"
	fi
	diff -u "$GOLDEN/$1" <(printf '%s\n' "$out") || fail "stdout is not $GOLDEN/$1"
}

# assert_said WORD…: it failed with this status, and stderr has all the words
assert_said() {
	local want=$1 word
	shift
	((status == want)) || fail "the status should be $want"
	for word; do
		[[ $errout == *"$word"* ]] || fail "stderr should have: $word"
	done
}

# attach NAME NETWORK: a namespace of the test gets an interface
attach() {
	heddle attach --name "$1" --network "$2" "$(netns_path "$1")"
	assert_ok
}

# ---- ls ----------------------------------------------------------------------

@test "ls: networks of every engine, in natural order" {
	golden_setup
	heddle network ls
	assert_golden ls.txt
	heddle network list --no-trunc
	assert_golden ls-no-trunc.txt
	[[ -z $errout ]] || fail "stderr should be empty"
}

@test "ls: for scripts" {
	golden_setup
	heddle network ls --format json
	assert_golden ls-json.txt
	heddle network ls --json
	assert_golden ls.json
	heddle --json network ls
	assert_golden ls.json
	heddle network ls --format 'table {{.Name}}\t{{.Origin}}\t{{.IPv6}}\t{{.Label "tier"}}\t{{.CreatedAt}}'
	assert_golden ls-table.txt
	heddle network ls -q --filter name=net
	assert_ok
	[[ $out == $'6033271e116b\n2daa9a9645f3\n774883e771f7' ]] || fail "three IDs"
}

# names FILTER…: the names of what they match, in one line
names() {
	local args=() filter
	for filter; do args+=(--filter "$filter"); done
	heddle network ls --format '{{.Name}}' "${args[@]}"
	assert_ok
	printf '%s' "${out//$'\n'/ }"
}

@test "ls: filters" {
	golden_setup
	[[ $(names driver=macvlan) == net2 ]]
	[[ $(names name='^net') == 'net2 net10' ]]
	[[ $(names name=net2 name=backup) == 'backup net2' ]]
	[[ $(names name=net2 driver=bridge) == '' ]]
	[[ $(names type=builtin) == 'bridge host none' ]]
	[[ $(names label=tier) == 'backup lows-network' ]]
	[[ $(names label=tier=back) == backup ]]
	[[ $(names label=tier label=com.example.owner) == lows-network ]]
	[[ $(names id=6033271e116b) == lows-network ]]
	[[ $(names scope=swarm) == '' ]]
	[[ $(names dangling=true) == 'backup net2 net10 template' ]]
	[[ $(names dangling=0) == 'bridge host lows-network none' ]]
}

@test "ls: what is wrong with a command line is said" {
	heddle network ls --filter driver
	assert_said 125 'invalid argument "driver"' 'bad format of filter (expected name=value)'
	heddle network ls --filter colour=red
	assert_said 1 "invalid filter 'colour'"
	heddle network ls --filter type=x
	assert_said 1 "invalid filter: 'type'='x'"
	heddle network ls --format '{{.Nmae}}'
	assert_said 1 "line 1, column 3: no field 'Nmae'; there are: ID, Name"
	[[ -z $out ]] || fail "stdout should be empty"
	heddle network ls extra
	assert_said 125 extra
}

@test "ls: reads no attachment unless a filter asks" {
	local trace=$BATS_TEST_TMPDIR/trace opened
	golden_setup
	export ASAN_OPTIONS=detect_leaks=0 # which does not work under ptrace
	in_ns host strace -f -e trace=open,openat,socket -o "$trace" "${HEDDLE_CMD[@]}" network ls >/dev/null
	! grep -E "$CACHE_DIR|AF_NETLINK" "$trace" || fail "ls looked at attachments"
	opened=$(grep -c "\"$CNI_CONF_DIR/[^\"]*conflist\"" "$trace")
	((opened == 4)) || fail "ls opened $opened conflists of 4"
	in_ns host strace -f -e trace=open,openat -o "$trace" "${HEDDLE_CMD[@]}" network ls --filter dangling=true >/dev/null
	grep -q "$CACHE_DIR/results" "$trace" || fail "the trace shows nothing"
}

# ---- inspect -----------------------------------------------------------------

@test "inspect: Docker's JSON, with who is attached and how many addresses are left" {
	golden_setup
	heddle network inspect lows-network backup net10 net2 template
	assert_golden inspect.json
	heddle network inspect bridge host none
	assert_golden inspect-builtin.json
	heddle network inspect --format json 6033271e116b
	assert_json '.[0].Name == "lows-network"'
}

@test "inspect: by template" {
	golden_setup
	heddle network inspect -f '{{range .IPAM.Config}}{{.Subnet}} {{.IPRange}} {{.Gateway}};{{end}}' lows-network net10
	assert_ok
	[[ $out == $'192.168.1.0/24 192.168.1.128/25 192.168.1.1;fd00:1::/64  fd00:1::1;\n10.4.10.0/24  10.4.10.1;' ]] || fail "the template"
	heddle network inspect -f '{{.Origin}} {{.Interface}} {{.Label "tier"}}{{range .Containers}} {{.Name}}{{end}}' lows-network backup net10 net2
	assert_ok
	[[ $out == 'heddle hb-6033271e116b front static web
podman cni-podman1 back job <1> & "co" web web
nerdctl br-774883e771f7 
other eth0 ' ]] || fail "the template"
	heddle network inspect -v -f '{{.Heddle.File}}' backup
	[[ $out == "$CNI_CONF_DIR/backup.conflist" ]] || fail "the file"
}

@test "inspect: prints what it finds, and says what it does not" {
	golden_setup
	heddle network inspect local
	assert_said 1 'network local not found' 'heddle network ls --filter scope=local'
	[[ $out == '[]' ]] || fail "an empty list"
	heddle network inspect nothing net2
	assert_said 1 'network nothing not found'
	assert_json 'map(.Name) == ["net2"]'
	heddle network inspect
	assert_said 125 'at least one NETWORK'
	heddle network inspect -f '{{.Nmae}}' net2
	assert_said 1 "no field 'Nmae'"
}

@test "inspect: of what is attached at the moment" {
	netns_add c1
	heddle network create --subnet 10.61.0.0/24 --ip-range 10.61.0.128/25 n
	attach c1 n
	heddle network inspect n
	assert_json '.[0].Containers.c1 | .Name == "c1" and .IPv4Address == "10.61.0.129/24" and .IPv6Address == ""'
	[[ $(jq -r '.[0].Containers.c1.MacAddress' <<<"$out") == "$(link_json c1 eth0 .address)" ]] || fail "the MAC address"
	assert_json '.[0].Status.IPAM.Subnets["10.61.0.0/24"] | .IPsInUse == 4'
}

# ---- prune -------------------------------------------------------------------

# answer TEXT: prune asks, and this is the answer
answer() { capture feed "$1" in_ns host "${HEDDLE_CMD[@]}" network prune; }

exists() { [[ -e $CNI_CONF_DIR/zz-heddle-$1.conflist ]]; }

@test "prune: networks that nothing is attached to, of heddle's own" {
	golden_setup
	netns_add c1
	heddle network create --subnet 10.61.0.0/24 used
	heddle network create --subnet 10.62.0.0/24 unused
	heddle network create --subnet 10.63.0.0/24 kept --label keep
	attach c1 used

	answer n
	assert_ok
	[[ $out == *'Are you sure you want to continue? [y/N] ' ]] || fail "the question"
	exists unused
	heddle network prune --force --filter 'label!=keep'
	assert_ok
	[[ $out == $'Deleted Networks:\nunused' ]] || fail "what was deleted"
	exists used
	exists kept
	exists lows-network
	[[ -e $CNI_CONF_DIR/backup.conflist ]]
	[[ -e $CNI_CONF_DIR/nerdctl-net10.conflist ]]
	[[ -e $BATS_TEST_TMPDIR/state/networks/template.json ]]

	answer $'y\n'
	[[ $out == *$'Deleted Networks:\nkept' ]] || fail "what was deleted"
	heddle network prune -f
	assert_ok
	[[ -z $out ]] || fail "nothing was to be deleted"
}

@test "prune: by age, and what is wrong with a filter" {
	golden_setup
	heddle network create --subnet 10.62.0.0/24 young
	heddle network prune -f --filter until=1h
	assert_ok
	exists young || fail "it is no hour old"
	heddle network prune -f --filter until=-1h --json
	assert_json '.NetworksDeleted == ["young"]'
	heddle network prune -f --filter until=soon
	assert_said 1 "invalid filter 'until=soon'"
	heddle network prune -f --filter name=young
	assert_said 1 "invalid filter 'name'"
}

# ---- ps and graph ------------------------------------------------------------

@test "ps: what every engine attached" {
	golden_setup
	heddle ps
	assert_golden ps.txt
	heddle ps --wide
	assert_golden ps-wide.txt
	heddle ps --format json --network backup
	assert_golden ps-json.txt
	heddle ps -q --network lows-network
	[[ $out == $'static\nweb' ]] || fail "two containers"
	heddle ps --network nothing
	assert_said 1 'network nothing not found'
}

# ps_says LINES: these are the containers, their addresses and how they are
ps_says() {
	heddle ps --format '{{.Name}} {{.Addresses}} {{.Status}}'
	[[ $out == "$1" ]]
}

@test "ps: says whether it is alive" {
	netns_add c1 c2
	heddle network create --subnet 10.61.0.0/24 n
	attach c1 n
	attach c2 n
	netns_del c2
	# The kernel takes a namespace apart, and the interface that led to it, a little later.
	wait_for 30 ps_says $'c1 10.61.0.2/24 alive\nc2 10.61.0.3/24 gone'
	# Without a cache there are the leases and the interface on the host.
	rm -r "$CACHE_DIR/results"
	ps_says $'c1 10.61.0.2/24 alive\nc2 10.61.0.3/24 unknown' || fail "one may be gone"
}

@test "graph: the same networks are the same picture" {
	local svg=$BATS_TEST_TMPDIR/picture
	golden_setup
	heddle graph
	assert_golden graph.dot
	dot -Tsvg -o /dev/null <<<"$out"
	heddle graph --svg "$svg"
	assert_ok
	grep -q '<svg' "$svg"
	grep -q 'job &lt;1&gt; &amp; &quot;co&quot;' "$svg"
	heddle graph -o "$svg.dot"
	diff "$GOLDEN/graph.dot" "$svg.dot"
	heddle graph --json
	assert_json 'map(select(.Name == "lows-network"))[0].Containers.web.Name == "web"'
}

@test "graph: without graphviz it says what is missing" {
	capture in_ns host env PATH=/nonexistent "${HEDDLE_CMD[@]}" graph --svg "$BATS_TEST_TMPDIR/picture"
	assert_said 1 'no program dot' 'install graphviz'
	heddle graph -o picture.jpeg
	assert_said 125 'picture.jpeg' '.svg, .png, .pdf, .dot or .gv'
	heddle graph -o /nonexistent/picture.dot
	assert_said 1 'write /nonexistent/picture.dot'
}
