#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# firewall-spoof - spoofchk: a container speaks as itself only, shown by frames (forge.py has the kinds)

# shellcheck disable=SC2016,SC2034,SC2154 # jq programs; variables of the files that are loaded

load lib
load chained
load forwarding

forge() {
	"$E2E_DIR/forge.py" "$(netns_path c1)" eth0 "$(ip4 c1)" "$(ip6 c1)" \
		"$(netns_path c2)" eth0 "$(ip4 c2)" "$(ip6 c2)"
}

# assert_forged_are FATE: what was forged; what was true has arrived
assert_forged_are() {
	local lines
	lines=$(forge) || fail "no frame arrives at all"
	[[ $(grep -c '^forged-' <<<"$lines") == 19 && $(grep -c '^own-' <<<"$lines") == 14 ]] ||
		fail "kinds: $lines"
	! grep '^own-.* dropped$' <<<"$lines" || fail "true frames were dropped"
	! grep '^forged-' <<<"$lines" | grep -v " $1\$" || fail "forged frames should be $1"
}

@test "frames in another's name are dropped: MAC, IP, ARP, neighbour discovery" {
	br_netfilter 0
	attach c2 a
	keys[a]='.spoofchk = true'
	attach c1 a
	assert_forged_are dropped
	in_ns host nft list ruleset >"$BATS_TEST_TMPDIR/saved"
	in_ns host nft flush ruleset
	in_ns host nft -f "$BATS_TEST_TMPDIR/saved"
	assert_forged_are dropped
	see c1 c2
	see c2 c1
	see_outside c1
	check c1 a
	assert_silent
	# Last, as what arrives leads its neighbours astray.
	leave c1 a
	assert_forged_are arrived
}

@test "the same with backend iptables" {
	br_netfilter 0
	keys[a]='.backend = "iptables" | .spoofchk = true'
	attach c1 a
	attach c2 a
	assert_forged_are dropped
	see c1 c2
	see_outside c1
	check c1 a
	assert_silent
	leave c1 a
	leave c2 a
	assert_none_left
}

@test "a pinned container finds its neighbours anew, and is found" {
	keys[a]='.spoofchk = true'
	attach c1 a
	attach c2 a
	in_ns c1 ip neigh flush all
	in_ns c2 ip neigh flush all
	see c1 c2
	in_ns c1 ip neigh flush all
	in_ns c2 ip neigh flush all
	see c2 c1
	in_ns c1 ip addr add 10.74.1.77/24 dev eth0
	! in_ns c1 ping -n -c1 -W0.3 -I 10.74.1.77 "$(ip4 c2)" >/dev/null || fail "another address is let through"
}

@test "spoofchk: DEL finds it by its result and without, also after another plugin has changed the MAC" {
	keys[a]='.spoofchk = true'
	attach c1 a
	[[ $(left | grep -c '^pinned') == 11 ]] || fail "left: $(left)"
	leave c1 a
	assert_none_left "DEL"
	attach c2 a
	cni DEL firewall "$(firewall_conf a)" c2 "" eth0
	assert_silent
	assert_none_left "DEL without prevResult"
	admit c1 a
	assert_ok
	results[c1]=$(jq -c '.interfaces[2].mac = "02:00:00:00:00:99"' <<<"${results[c1]}")
	check c1 a
	assert_error 100 02:00:00:00:00:99
	admit c1 a
	assert_ok
	[[ $(left | grep -c '^pinned') == 11 ]] || fail "left: $(left)"
	results[c1]=$(jq -c '.interfaces[2].mac = "02:00:00:00:00:98"' <<<"${results[c1]}")
	leave c1 a
	assert_none_left "DEL with another MAC"
}

@test "spoofchk: GC removes what is not valid, CHECK finds what is missing, ADD restores it" {
	keys[a]='.spoofchk = true'
	attach c1 a
	attach c2 a
	gc "$(firewall_conf a)" c2/eth0
	assert_silent
	[[ $(left | grep -c '^pinned') == 11 ]] || fail "left: $(left)"
	in_ns host nft flush set bridge heddle pinned6
	check c2 a
	assert_error 100 pinned6
	admit c2 a
	assert_ok
	in_ns host nft flush chain bridge heddle pinned
	check c2 a
	assert_error 100 bridge
	admit c2 a
	assert_ok
	check c2 a
	assert_silent
}

@test "spoofchk needs a port of a bridge" {
	pair_add c1 eth0 10.1.0.5/24
	cni ADD firewall "$(chained firewall firewall '.spoofchk = true | .ingressPolicy = ""')" id c1 eth0
	assert_error 7 spoofchk port
	assert_none_left
}
