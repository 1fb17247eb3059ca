#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# protocol - what any plugin of ours owes a runtime: environment, stdin,
# versions, validation, error object, result.  Source: CNI specification 0.1.0
# to 1.1.0; the reference's skel where the specification is silent.

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell

load lib

VERSIONS=(0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0)

setup() { lab_setup; }
teardown() { lab_teardown; }

# run_bare PLUGIN STDIN [VARIABLE=VALUE…]: with CNI_PATH only
run_bare() {
	local plugin=$1 input=$2
	shift 2
	run_plugin "$plugin" "$input" CNI_PATH="$PLUGINS" "$@"
}

# ---- versions ---------------------------------------------------------------

@test "VERSION names all seven versions" {
	local plugin
	for plugin in bridge host none loopback ptp macvlan host-device; do
		run_plugin "$plugin" '{"cniVersion": "1.1.0"}' CNI_COMMAND=VERSION
		assert_ok
		assert_json '.cniVersion == "1.1.0"'
		assert_json '.supportedVersions == $ARGS.positional' --args "${VERSIONS[@]}"
	done
}

@test "VERSION as libcni probes, with dummies for the rest, echoes the version" {
	run_plugin bridge '{"cniVersion":"1.0.0"}' CNI_COMMAND=VERSION CNI_PATH=dummy \
		CNI_NETNS=dummy CNI_IFNAME=dummy CNI_CONTAINERID= CNI_ARGS=
	assert_ok
	assert_json '.cniVersion == "1.0.0" and (.supportedVersions | length == 7)'
}

@test "VERSION answers also when stdin is empty, closed, broken or never ends" {
	local fifo=$BATS_TEST_TMPDIR/never-written
	mkfifo "$fifo"
	capture env CNI_COMMAND=VERSION timeout 60 "$PLUGINS/bridge" 0<>"$fifo"
	assert_json '.supportedVersions | length == 7'
	capture env CNI_COMMAND=VERSION "$PLUGINS/bridge" </dev/null
	assert_json '.supportedVersions | length == 7'
	capture env CNI_COMMAND=VERSION "$PLUGINS/bridge" <&-
	assert_json '.supportedVersions | length == 7'
	run_plugin bridge '{"cniVersion": ' CNI_COMMAND=VERSION
	assert_json '.supportedVersions | length == 7'
}

@test "without CNI_COMMAND the plugin says on stderr what it is, and succeeds" {
	local plugin
	for plugin in bridge host none loopback host-local static ptp macvlan host-device; do
		run_plugin "$plugin" ''
		assert_silent
		[[ ${errout%%$'\n'*} =~ ^CNI\ $plugin\ plugin\ v[0-9]+\.[0-9]+\.[0-9]+$ ]] ||
			fail "first line of the about text"
		[[ ${errout#*$'\n'} == "CNI protocol versions supported: 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0" ]] ||
			fail "second line of the about text"
	done
}

# The result of a dual-stack ADD in the version of the first argument.
dual_stack_add() {
	netns_add "c$1"
	cni ADD bridge "$(conf bridge-dual-stack '.cniVersion = $v' --arg v "$1")" "id$1" "c$1" eth0
	assert_ok
	assert_json '.cniVersion == $v' --arg v "$1"
	[[ -z $errout ]] || fail "stderr should be empty"
}

@test "results of 0.1.0 and 0.2.0 have ip4 and ip6" {
	local version
	for version in 0.1.0 0.2.0; do
		dual_stack_add "$version"
		assert_json 'has("interfaces") or has("ips") or has("routes") | not'
		assert_json '.ip4.ip | test("^10\\.66\\.8\\.[0-9]+/16$")'
		assert_json '.ip4.gateway == "10.66.0.1"'
		assert_json '.ip4.routes == [{"dst": "0.0.0.0/0", "gw": "10.66.0.1"}]'
		assert_json '.ip6.ip | test("^fd00:66::[0-9a-f]+/64$")'
		assert_json '.ip6.gateway == "fd00:66::1"'
		assert_json '.ip6.routes == [{"dst": "::/0", "gw": "fd00:66::1"}]'
	done
}

@test "results of 0.3.0 to 0.4.0 have a version in each of ips" {
	local version
	for version in 0.3.0 0.3.1 0.4.0; do
		dual_stack_add "$version"
		assert_json '[.ips[] | .version, .interface] == ["4", 2, "6", 2]'
		assert_json '[.ips[].gateway] == ["10.66.0.1", "fd00:66::1"]'
		assert_json '.interfaces | length == 3'
		assert_json '[.routes[] | [.dst, .gw]] == [["0.0.0.0/0", "10.66.0.1"], ["::/0", "fd00:66::1"]]'
		assert_json '.dns == {}'
	done
}

@test "results of 1.0.0 and 1.1.0 have no version in ips and no empty dns" {
	local version
	for version in 1.0.0 1.1.0; do
		dual_stack_add "$version"
		assert_json '[.ips[] | has("version")] == [false, false]'
		assert_json '[.ips[].interface] == [2, 2]'
		assert_json '[.routes[].dst] == ["0.0.0.0/0", "::/0"]'
		assert_json 'has("dns") | not'
		assert_json '.interfaces[2] | .name == "eth0" and (.sandbox | startswith("/run/netns/"))'
		assert_json '.interfaces[1] | has("sandbox") | not'
	done
}

@test "DEL succeeds in every version, with and without its prevResult" {
	local version config
	netns_add c1
	for version in "${VERSIONS[@]}"; do
		config=$(conf bridge-dual-stack '.cniVersion = $v' --arg v "$version")
		cni ADD bridge "$config" id c1 eth0
		assert_ok
		cni DEL bridge "$(with_prev "$config")" id c1 eth0
		assert_silent
		cni DEL bridge "$config" id c1 eth0
		assert_silent
		assert_nothing_left
	done
}

@test "CHECK succeeds in every version that has it" {
	local version config
	for version in 0.4.0 1.0.0 1.1.0; do
		dual_stack_add "$version"
		config=$(conf bridge-dual-stack '.cniVersion = $v' --arg v "$version")
		cni CHECK bridge "$(with_prev "$config")" "id$version" "c$version" eth0
		assert_silent
		cni DEL bridge "$config" "id$version" "c$version" eth0
		assert_silent
	done
}

@test "CHECK before 0.4.0 is error 1" {
	netns_add c1
	local version
	for version in 0.1.0 0.2.0 0.3.0 0.3.1; do
		cni CHECK bridge "$(conf bridge '.cniVersion = $v' --arg v "$version")" id c1 eth0
		assert_error 1 "$version" CHECK
	done
}

@test "GC and STATUS before 1.1.0 are error 1" {
	local verb version
	for verb in GC STATUS; do
		for version in 0.4.0 1.0.0; do
			cni "$verb" bridge "$(conf bridge '.cniVersion = $v' --arg v "$version")"
			assert_error 1 "$version" "$verb"
		done
	done
}

@test "GC and STATUS succeed at 1.1.0 for every plugin" {
	local plugin
	for plugin in host none loopback; do
		cni STATUS "$plugin" "$(conf "$plugin")"
		assert_silent
		gc "$(conf "$plugin")"
		assert_silent
	done
	cni STATUS bridge "$(conf bridge)"
	assert_silent
	gc "$(conf bridge)"
	assert_silent
}

@test "a version that is none of the seven is error 1 and names both sides" {
	netns_add c1
	cni ADD loopback "$(conf loopback '.cniVersion = "1.2.0"')" id c1 lo
	assert_error 1 1.2.0
	[[ $out == *0.1.0*1.1.0* ]] || fail "the supported versions should be named"
	cni ADD loopback "$(conf loopback '.cniVersion = "one"')" id c1 lo
	assert_error 1 one
}

@test "an absent or empty version is 0.1.0" {
	netns_add c1 c2
	cni ADD bridge "$(conf bridge 'del(.cniVersion)')" id c1 eth0
	assert_ok
	assert_json '.cniVersion == "0.1.0" and has("ip4")'
	cni ADD bridge "$(conf bridge '.cniVersion = ""')" id2 c2 eth0
	assert_ok
	assert_json '.cniVersion == "0.1.0" and has("ip4")'
}

@test "the error object carries the version that was asked for" {
	netns_add c1
	cni ADD bridge "$(conf bridge '.cniVersion = "0.4.0" | .mtu = "big"')" id c1 eth0
	assert_error 7 mtu big
	assert_json '.cniVersion == "0.4.0"'
}

@test "an ADD whose result reaches nobody is undone" {
	local pipe=$BATS_TEST_TMPDIR/pipe
	netns_add c1
	write_to_8() { env CNI_COMMAND=ADD CNI_PATH="$PLUGINS" CNI_CONTAINERID=id CNI_IFNAME=eth0 \
		CNI_NETNS="$(netns_path c1)" nsenter --net="$(netns_path host)" -- "$PLUGINS/bridge" >&8; }
	exec 8>/dev/full
	capture feed "$(conf bridge)" write_to_8
	((status == 1)) || fail "the exit status should be 1"
	assert_nothing_left
	! link_exists c1 eth0 || fail "eth0 should be gone again"

	# A pipe whose reader has gone away.
	mkfifo "$pipe"
	exec 9<>"$pipe"
	exec 8>"$pipe"
	exec 9<&-
	capture feed "$(conf bridge)" write_to_8
	exec 8>&-
	((status == 1)) || fail "the exit status should be 1"
	assert_nothing_left
}

# ---- environment ------------------------------------------------------------

@test "all missing variables are named in one message" {
	run_plugin bridge "$(conf bridge)" CNI_COMMAND=ADD
	assert_error 4 CNI_CONTAINERID CNI_NETNS CNI_IFNAME CNI_PATH
	run_plugin bridge "$(conf bridge)" CNI_COMMAND=CHECK
	assert_error 4 CNI_CONTAINERID CNI_NETNS CNI_IFNAME CNI_PATH
	run_bare bridge "$(conf bridge)" CNI_COMMAND=ADD CNI_IFNAME=eth0
	assert_error 4 CNI_CONTAINERID CNI_NETNS
	[[ $out != *CNI_IFNAME* && $out != *CNI_PATH* ]] || fail "only what is missing should be named"
}

@test "DEL needs no CNI_NETNS, but the rest" {
	run_plugin bridge "$(conf bridge)" CNI_COMMAND=DEL
	assert_error 4 CNI_CONTAINERID CNI_IFNAME
	[[ $out != *CNI_NETNS* ]] || fail "DEL does not need CNI_NETNS"
	run_bare bridge "$(conf bridge)" CNI_COMMAND=DEL CNI_CONTAINERID=id CNI_IFNAME=eth0
	assert_silent
}

@test "an unknown command is error 4 and named" {
	run_bare bridge "$(conf bridge)" CNI_COMMAND=FROBNICATE CNI_CONTAINERID=id CNI_IFNAME=eth0 CNI_NETNS=/x
	assert_error 4 CNI_COMMAND FROBNICATE
	run_bare bridge "$(conf bridge)" CNI_COMMAND=add CNI_CONTAINERID=id CNI_IFNAME=eth0 CNI_NETNS=/x
	assert_error 4 CNI_COMMAND add
}

@test "container IDs are letters, digits, dot, dash and underscore" {
	local id
	netns_add c1
	for id in -a .a _a a/b '../a' 'a b' 'a;b' 'ä' $'a\nb'; do
		cni ADD loopback "$(conf loopback)" "$id" c1 lo
		assert_error 4 CNI_CONTAINERID
		[[ $id == *$'\n'* || $out == *"$id"* ]] || fail "the value should be named: $id"
	done
	for id in a 0 A_b.c-d "$(printf 'f%.0s' {1..64})"; do
		cni ADD loopback "$(conf loopback)" "$id" c1 lo
		assert_ok
	done
}

@test "interface names are those the kernel takes" {
	local ifname
	netns_add c1
	for ifname in . .. a/b a:b 'a b' $'a\tb' $'a\xc2\xa0b' $'a\xe2\x80\x83b' sixteencharacter; do
		cni ADD bridge "$(conf bridge)" id c1 "$ifname"
		assert_error 4 CNI_IFNAME
	done
	cni ADD bridge "$(conf bridge-l2)" id c1 fifteencharacte
	assert_ok
	link_exists c1 fifteencharacte
}

@test "network names are letters, digits, dot, dash and underscore" {
	local name
	netns_add c1
	for name in '"-a"' '"a/b"' '"../a"' '"a b"' '""' '7' 'null'; do
		cni ADD loopback "$(conf loopback ".name = $name")" id c1 lo
		assert_error 7 name
	done
	cni ADD loopback "$(conf loopback 'del(.name)')" id c1 lo
	assert_error 7 name
	cni ADD loopback "$(conf loopback '.name = "A_b.c-0"')" id c1 lo
	assert_ok
}

# ---- stdin ------------------------------------------------------------------

@test "a config that arrives in pieces, and a large one, are read whole" {
	local config
	netns_add c1
	config=$(conf loopback '.padding = ("x" * 300000)')
	in_pieces() {
		printf '%s' "${config:0:10}"
		printf '%s' "${config:10:70000}"
		printf '%s' "${config:70010}"
	}
	capture env CNI_COMMAND=ADD CNI_PATH="$PLUGINS" CNI_CONTAINERID=id CNI_IFNAME=lo \
		CNI_NETNS="$(netns_path c1)" "$PLUGINS/loopback" < <(in_pieces)
	assert_ok
	assert_json '.interfaces[0].name == "lo"'
}

@test "keys are matched without regard to case, unknown keys are ignored" {
	netns_add c1
	cni ADD bridge '{"CNIVersion": "1.1.0", "Name": "caps", "Type": "bridge", "BRIDGE": "caps0",
		"IsGateway": true, "MTU": 1400, "UnknownKey": {"a": [1, 2]}, "unknown": null,
		"RuntimeConfig": {"MAC": "02:00:00:00:00:07", "Ips": ["10.9.0.9"]},
		"IPAM": {"Type": "host-local", "Ranges": [[{"Subnet": "10.9.0.0/24"}]],
			 "DataDir": "'"$LEASES"'", "foo": "bar"}}' id c1 eth0
	assert_ok
	assert_json '.ips[0].address == "10.9.0.9/24"'
	[[ $(link_json c1 eth0 '"\(.mtu) \(.address)"') == "1400 02:00:00:00:00:07" ]]
	link_exists host caps0
}

# ---- CNI_ARGS ---------------------------------------------------------------

@test "an unknown key in CNI_ARGS is an error that says how to allow it" {
	netns_add c1
	CNI_ARGS='FOO=bar' cni ADD bridge "$(conf bridge)" id c1 eth0
	assert_error 4 CNI_ARGS FOO IgnoreUnknown
	assert_nothing_left
}

@test "CNI_ARGS with IgnoreUnknown, in any place and spelling of true" {
	local args
	netns_add c1
	for args in 'IgnoreUnknown=1;FOO=bar' 'FOO=bar;IgnoreUnknown=true' 'IgnoreUnknown=T;K8S_POD_NAME=a' \
		'IgnoreUnknown=TRUE;FOO='; do
		CNI_ARGS=$args cni ADD bridge "$(conf bridge)" id c1 eth0
		assert_ok
		CNI_ARGS=$args cni DEL bridge "$(conf bridge)" id c1 eth0
		assert_silent
	done
	CNI_ARGS='IgnoreUnknown=0;FOO=bar' cni ADD bridge "$(conf bridge)" id c1 eth0
	assert_error 4 CNI_ARGS FOO
}

@test "malformed CNI_ARGS are error 4 and named" {
	local args
	netns_add c1
	for args in 'FOO' 'IgnoreUnknown=maybe' 'MAC=a=b' 'MAC=not-a-mac'; do
		CNI_ARGS=$args cni ADD bridge "$(conf bridge)" id c1 eth0
		assert_error 4 "${args##*=}"
	done
	assert_nothing_left
}

@test "DEL is not kept from its work by bad CNI_ARGS" {
	netns_add c1
	cni ADD bridge "$(conf bridge)" id c1 eth0
	assert_ok
	CNI_ARGS='FOO=bar' cni DEL bridge "$(conf bridge)" id c1 eth0
	assert_silent
	assert_nothing_left
}

# ---- the namespace ----------------------------------------------------------

@test "the plugin's own namespace is refused before anything is done" {
	cni ADD bridge "$(conf bridge)" id host eth0
	assert_error 8 CNI_NETNS CNI_NETNS_OVERRIDE
	assert_nothing_left
	! link_exists host lows0 || fail "no bridge should have been made"
	[[ ! -e $LEASES ]] || fail "no lease directory should have been made"
	cni CHECK bridge "$(conf bridge '.prevResult = {"cniVersion": "1.1.0"}')" id host eth0
	assert_error 8 CNI_NETNS
}

@test "DEL in the plugin's own namespace is refused too" {
	cni DEL loopback "$(conf loopback)" id host lo
	assert_error 8 CNI_NETNS
	[[ $(link_json host lo '.flags | index("UP") != null') == true ]] || fail "lo should still be up"
}

@test "CNI_NETNS_OVERRIDE allows the plugin's own namespace" {
	local value
	for value in 1 true; do
		CNI_NETNS_OVERRIDE=$value cni ADD loopback "$(conf loopback)" id host lo
		assert_ok
	done
	CNI_NETNS_OVERRIDE=0 cni ADD loopback "$(conf loopback)" id host lo
	assert_error 8
}

@test "ADD and CHECK into what is no namespace are error 8 with the path" {
	local path verb
	touch "$BATS_TEST_TMPDIR/plain"
	for path in "$BATS_TEST_TMPDIR/absent" "$BATS_TEST_TMPDIR/plain" "$BATS_TEST_TMPDIR" /proc/self/ns/mnt; do
		for verb in ADD CHECK; do
			cni "$verb" bridge "$(conf bridge '.prevResult = {"cniVersion": "1.1.0"}')" id "$path" eth0
			assert_error 8 "$path"
		done
	done
	assert_nothing_left
}

# ---- prevResult -------------------------------------------------------------

@test "CHECK without prevResult is error 7" {
	netns_add c1
	cni CHECK bridge "$(conf bridge)" id c1 eth0
	assert_error 7 prevResult
}

@test "a prevResult that cannot be read is named by its path" {
	netns_add c1
	cni CHECK bridge "$(conf bridge '.prevResult = {"cniVersion": "1.1.0", "ips": [{"address": "10.0.0.300/8"}]}')" \
		id c1 eth0
	assert_error 7 'prevResult.ips[0].address' 10.0.0.300/8
}

@test "DEL makes do with a prevResult that cannot be read" {
	netns_add c1
	cni ADD bridge "$(conf bridge)" id c1 eth0
	assert_ok
	cni DEL bridge "$(conf bridge '.prevResult = {"ips": [{"address": "10.0.0.300/8"}]}')" id c1 eth0
	assert_silent
	assert_nothing_left
}
