#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# sbr - packets leave by the interface that they have their address from

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell

load lib
load chained

setup() {
	lab_setup
	netns_add c1
}
teardown() { lab_teardown; }

# config [FILTER [JQ-ARGUMENT…]]: sbr with what FILTER adds
config() {
	local filter=${1:-.}
	shift $(($# > 0 ? 1 : 0))
	chained sbr sbr '{cniVersion, name, type, prevResult} | '"$filter" "$@"
}

# net_add IFNAME ADDRESS…: a pair as pair_add makes it; the result's gateway is the first host of a subnet
net_add() {
	pair_add c1 "$@"
	prev=$(jq -c '.ips[]? |= . + {gateway: (.address | sub("[0-9]+/.*"; "1"))}' <<<"$prev")
}

# two_nets: eth0 10.1.0.5/24 as the first network leaves it, with the default route; then net1
two_nets() {
	net_add eth0 10.1.0.5/24
	in_ns c1 ip route add default via 10.1.0.1
	net_add net1 10.2.0.5/24
}

# add FILTER, del FILTER, check FILTER: of the attachment id/net1 in c1
add() { cni ADD sbr "$(config "$@")" id c1 net1; }
check() { cni CHECK sbr "$(config "$@")" id c1 net1; }
del() {
	cni DEL sbr "$(config "$@")" id c1 net1
	assert_silent
}

# rules: those of both families that are not the kernel's, as "SOURCE TABLE PROTOCOL"
rules() {
	local family
	for family in -4 -6; do
		in_ns c1 ip "$family" -d -j -N rule show
	done | jq -r '.[] | select(.protocol != "2") | "\(.src) \(.table) \(.protocol)"' | sort
}

# routes TABLE: of both families but link-local ones, as "DST[ via GATEWAY] dev IFNAME[ src SOURCE]"
routes() {
	local family
	for family in -4 -6; do
		in_ns c1 ip "$family" -j route show table all
	done | jq -r --arg table "$1" '.[] | select((.table // "main") == $table and (.dst | startswith("fe80") | not))
		| .dst + (if .gateway then " via " + .gateway else "" end) + " dev " + .dev
		  + (if .prefsrc then " src " + .prefsrc else "" end)' | sort
}

# assert_lines TEXT WANTED: the same lines
assert_lines() { [[ $1 == "$2" ]] || fail "$(diff <(printf '%s\n' "$2") <(printf '%s\n' "$1"))"; }

# ---- what it does -------------------------------------------------------------------

@test "the example, with its bridge: ADD, traffic, CHECK, DEL" {
	chain_add sbr id c1 eth0
	[[ $(rules | wc -l) == 2 ]] || fail "rules: $(rules)"
	reaches c1 10.74.0.1
	reaches c1 fd00:74::1
	chain_run CHECK sbr id c1 eth0
	chain_run DEL sbr id c1 eth0
	assert_lines "$(rules)" ''
	assert_nothing_left
}

@test "the routes of an interface move to a table of its own" {
	two_nets
	in_ns c1 ip route add 10.99.0.0/16 via 10.2.0.9 dev net1
	add
	assert_ok
	assert_json '. == $prev' --argjson prev "$prev"
	assert_lines "$(rules)" '10.2.0.5 100 104'
	assert_lines "$(routes 100)" $'10.2.0.0/24 dev net1 src 10.2.0.5\n10.99.0.0/16 via 10.2.0.9 dev net1\ndefault via 10.2.0.1 dev net1'
	assert_lines "$(routes main)" $'10.1.0.0/24 dev eth0 src 10.1.0.5\ndefault via 10.1.0.1 dev eth0'
	check
	assert_silent
	del
	assert_lines "$(rules)" ''
	assert_lines "$(routes 100)" ''
	assert_lines "$(routes main)" $'10.1.0.0/24 dev eth0 src 10.1.0.5\ndefault via 10.1.0.1 dev eth0'
}

# A server beyond both networks is reached by the one whose address is sent from:
#
#	c1 eth0 10.1.0.5 ---- hc1-eth0 10.1.0.1 host (knows 198.51.100.1)
#	c1 net1 10.2.0.5 ---- hc1-net1 10.2.0.1 host
@test "packets leave by the interface whose address they have" {
	two_nets
	in_ns host ip addr add 10.1.0.1/24 dev hc1-eth0
	in_ns host ip addr add 10.2.0.1/24 dev hc1-net1
	in_ns host ip addr add 198.51.100.1/32 dev lo
	received() { link_json host "$1" .stats64.rx.packets; }
	add
	assert_ok
	in_ns host nft -f - <<-END
		table ip t { chain c { type filter hook input priority 0
			iifname hc1-eth0 ip saddr 10.1.0.5 ip daddr 198.51.100.1 counter comment "by eth0"
			iifname hc1-net1 ip saddr 10.2.0.5 ip daddr 198.51.100.1 counter comment "by net1"
		}
		}
	END
	counted() { in_ns host nft -j list chain ip t c | jq --arg c "$1" '.nftables[].rule? | select(.comment == $c) | .expr[].counter? // empty | .packets'; }
	in_ns c1 ping -n -q -c1 -W10 -I 10.1.0.5 198.51.100.1
	in_ns c1 ping -n -q -c1 -W10 -I 10.2.0.5 198.51.100.1
	in_ns c1 ping -n -q -c1 -W10 198.51.100.1
	[[ $(counted 'by eth0') == 2 && $(counted 'by net1') == 1 ]] || fail "$(in_ns host nft list chain ip t c)"
}

@test "each address has a table, of either family; link-local routes stay" {
	net_add net1 10.2.0.5/24 10.3.0.5/24 fd00:2::5/64
	prev=$(jq -c '.ips[2].gateway = "fd00:2::1"' <<<"$prev")
	add
	assert_ok
	assert_lines "$(rules)" $'10.2.0.5 100 104\n10.3.0.5 101 104\nfd00:2::5 102 104'
	assert_lines "$(routes 101)" $'10.3.0.0/24 dev net1 src 10.3.0.5\ndefault via 10.3.0.1 dev net1'
	assert_lines "$(routes 102)" $'default via fd00:2::1 dev net1\nfd00:2::/64 dev net1'
	assert_lines "$(routes main)" ''
	wait_for 30 eval 'in_ns c1 ip -6 route show table main | grep -q "^fe80::/64 dev net1"'
	check
	assert_silent
	del
	assert_lines "$(rules; routes 100; routes 101; routes 102)" ''
}

@test "a table that is in use is passed over" {
	two_nets
	in_ns c1 ip rule add from 10.66.0.1 lookup 100
	in_ns c1 ip route add 10.77.0.0/16 via 10.1.0.1 table 101
	in_ns c1 ip -6 rule add from fd00::66 lookup 102
	add
	assert_ok
	assert_lines "$(rules | grep 104)" '10.2.0.5 103 104'
}

@test "fixed gateways go before those of the result and the interface" {
	two_nets
	in_ns c1 ip route add default via 10.2.0.1 dev net1 metric 50
	add '.gateways = ["10.2.0.254", "fd00::1"]'
	assert_ok
	assert_lines "$(routes 100)" $'10.2.0.0/24 dev net1 src 10.2.0.5\ndefault via 10.2.0.254 dev net1'
	assert_lines "$(routes main)" $'10.1.0.0/24 dev eth0 src 10.1.0.5\ndefault via 10.1.0.1 dev eth0'
	check '.gateways = ["10.2.0.254"]'
	assert_silent
	check '.gateways = ["10.2.0.253"]'
	assert_error 100
	assert_details 10.2.0.253
}

@test "the interface's own default route keeps what it says" {
	net_add net1 10.2.0.5/24
	in_ns c1 ip route add default via 10.2.0.254 dev net1 mtu 1300
	prev=$(jq -c '.ips[0].gateway = "10.2.0.254"' <<<"$prev")
	add
	assert_ok
	assert_lines "$(routes 100)" $'10.2.0.0/24 dev net1 src 10.2.0.5\ndefault via 10.2.0.254 dev net1'
	[[ $(in_ns c1 ip route show table 100 default) == *'mtu 1300'* ]]
}

@test "source hints: what is on the link stays in the main table, with its source" {
	net_add net1 10.2.0.5/24 fd00:2::5/64
	in_ns c1 ip route add default via 10.2.0.1
	add '.addSourceHints = true'
	assert_ok
	assert_lines "$(routes main)" $'10.2.0.0/24 dev net1 src 10.2.0.5\nfd00:2::/64 dev net1 src fd00:2::5'
	check '.addSourceHints = true'
	assert_silent
	in_ns c1 ip -6 route del fd00:2::/64 dev net1
	check '.addSourceHints = true'
	assert_error 100
	assert_details fd00:2::5
	del '.addSourceHints = true'
	assert_lines "$(rules)" ''
	assert_lines "$(routes main)" '10.2.0.0/24 dev net1 src 10.2.0.5'
}

@test "a table of the config: rules lead there, and routes are left alone" {
	two_nets
	in_ns c1 ip route add default via 10.2.0.1 table 5000
	add '.table = 5000'
	assert_ok
	assert_lines "$(rules)" '10.2.0.5 5000 104'
	assert_lines "$(routes 5000)" 'default via 10.2.0.1 dev net1'
	assert_lines "$(routes main | grep net1)" '10.2.0.0/24 dev net1 src 10.2.0.5'
	check '.table = 5000'
	assert_silent
	check '.table = 5001'
	assert_error 100
	assert_details 5001
	del '.table = 5000'
	assert_lines "$(rules)" ''
	assert_lines "$(routes 5000)" 'default via 10.2.0.1 dev net1'
}

@test "a table of the config that two attachments share, with fixed gateways" {
	two_nets
	add '.table = 5000 | .gateways = ["10.2.0.254"]'
	assert_ok
	net_add net2 10.3.0.5/24
	cni ADD sbr "$(config '.table = 5000')" id c1 net2
	assert_ok
	assert_lines "$(rules)" $'10.2.0.5 5000 104\n10.3.0.5 5000 104'
	cni DEL sbr "$(config '.table = 5000')" id c1 net2
	assert_silent
	assert_lines "$(rules)" '10.2.0.5 5000 104'
	assert_lines "$(routes 5000)" 'default via 10.2.0.254 dev net1'
}

@test "all seven versions" {
	local version
	net_add net1 10.2.0.5/24
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		in_ns c1 ip route replace 10.2.0.0/24 dev net1 src 10.2.0.5
		cni ADD sbr "$(config | with_version "$version")" id c1 net1
		assert_ok
		assert_json '.cniVersion == $v' --arg v "$version"
		assert_lines "$(rules)" '10.2.0.5 100 104'
		cni DEL sbr "$(config | with_version "$version")" id c1 net1
		assert_silent
	done
	assert_lines "$(rules)" ''
}

@test "keys in any case" {
	two_nets
	add '.TABLE = 300 | .Gateways = ["10.2.0.9"]'
	assert_ok
	assert_lines "$(routes 300)" 'default via 10.2.0.9 dev net1'
}

@test "ADDs in one namespace at the same time take different tables" {
	local i configs=() pids=()
	for i in 1 2 3 4 5 6; do
		net_add "net$i" "10.$i.0.5/24"
		configs[i]=$(config)
	done
	for i in 1 2 3 4 5 6; do
		feed "${configs[i]}" env CNI_COMMAND=ADD CNI_PATH="$PLUGINS" CNI_CONTAINERID=id CNI_IFNAME="net$i" \
			CNI_NETNS="$(netns_path c1)" nsenter --net="$(netns_path host)" -- "$PLUGINS/sbr" >"$BATS_TEST_TMPDIR/$i" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	[[ $(rules | cut -d' ' -f2 | sort -u) == $'100\n101\n102\n103\n104\n105' ]] || fail "rules: $(rules)"
	for i in 1 2 3 4 5 6; do
		assert_lines "$(routes "$(rules | sed -n "s/^10\.$i\.0\.5 \([0-9]*\) .*/\1/p")")" \
			"10.$i.0.0/24 dev net$i src 10.$i.0.5"$'\n'"default via 10.$i.0.1 dev net$i"
	done
}

# ---- errors -----------------------------------------------------------------------------

@test "ADD and CHECK without a prevResult, or without an address, are error 7" {
	two_nets
	add 'del(.prevResult)'
	assert_error 7 prevResult
	check 'del(.prevResult)'
	assert_error 7 prevResult
	add 'del(.prevResult.ips)'
	assert_error 7 prevResult.ips net1
	# Another interface's address is none of this one's.
	add '.prevResult.interfaces[1].name = "eth0"'
	assert_error 7 prevResult.ips net1
	assert_lines "$(rules)" ''
}

@test "bad values are named with their path" {
	two_nets
	add '.table = 0'
	assert_error 7 table 0
	add '.table = 4294967296'
	assert_error 7 table 4294967296
	add '.gateways = "10.2.0.1"'
	assert_error 7 gateways
	add '.gateways = ["10.2.0.1", "x"]'
	assert_error 7 'gateways[1]' x
	add '.gateways = ["10.2.0.1", "10.2.0.2"]'
	assert_error 7 'gateways[1]' IPv4
	cni STATUS sbr "$(config '.addSourceHints = 1')"
	assert_error 7 addSourceHints
	cni STATUS sbr "$(config)"
	assert_silent
}

@test "a gateway that cannot be reached is refused, and nothing is changed" {
	local before
	two_nets
	in_ns c1 ip route add 10.99.0.0/16 via 10.2.0.9 dev net1
	before=$(routes main)
	add '.gateways = ["192.0.2.1"]'
	((status != 0)) || fail "ADD should fail"
	assert_json '.msg | contains("192.0.2.1") and contains("net1")'
	assert_lines "$(rules)" ''
	assert_lines "$(routes 100)" ''
	assert_lines "$(routes main)" "$before"
}

@test "an interface that is not there is named" {
	two_nets
	in_ns c1 ip link del net1
	add
	((status != 0))
	assert_json '.msg | contains("net1")'
	assert_lines "$(rules)" ''
	check
	assert_error 100
	assert_details net1
}

@test "a namespace that somebody keeps locked is worth a retry" {
	two_nets
	full
	mkfifo "$BATS_TEST_TMPDIR/locked"
	flock --no-fork "$(netns_path c1)" sh -c 'echo yes >"$1"; exec sleep 300' sh "$BATS_TEST_TMPDIR/locked" 3>&- &
	lab_kill_later $!
	read -r _ <"$BATS_TEST_TMPDIR/locked"
	add
	assert_error 11 "$(netns_path c1)"
}

# ---- CHECK ------------------------------------------------------------------------------

@test "CHECK names what is missing" {
	two_nets
	add
	assert_ok
	in_ns c1 ip route del default table 100
	check
	assert_error 100
	assert_details 'table 100' 10.2.0.5 10.2.0.1
	in_ns c1 ip rule del from 10.2.0.5
	check
	assert_error 100
	assert_details 'no rule from 10.2.0.5'
	# Somebody else's rule that also looks at something else is not it.
	in_ns c1 ip rule add from 10.2.0.5 fwmark 7 lookup 100 protocol 104
	check
	assert_error 100
	assert_details 'no rule from 10.2.0.5'
}

# ---- DEL --------------------------------------------------------------------------------

@test "DEL twice, before ADD, without a namespace, and leaves the namespace's path alone" {
	local netns
	two_nets
	del
	add
	assert_ok
	for netns in '' /nonexistent "$BATS_TEST_TMPDIR/gone"; do
		cni DEL sbr "$(config)" id "$netns" net1
		assert_silent
		[[ -z $netns || ! -e $netns ]] || fail "$netns should not be made"
	done
	del
	del
	assert_lines "$(rules)" ''
}

@test "DEL after the interface went, with a result and without" {
	local filter
	for filter in . 'del(.prevResult)' 'del(.prevResult) | .gateways = 7'; do
		net_add eth0 10.1.0.5/24
		cni ADD sbr "$(config)" id c1 eth0
		assert_ok
		net_add net1 10.2.0.5/24
		add
		assert_ok
		in_ns c1 ip link del net1
		assert_lines "$(rules)" $'10.1.0.5 100 104\n10.2.0.5 101 104'
		del "$filter"
		assert_lines "$(rules)" '10.1.0.5 100 104'
		in_ns c1 ip link del eth0
		cni DEL sbr "$(config 'del(.prevResult)')" id c1 eth0
		assert_lines "$(rules)" ''
	done
}

@test "DEL without a result finds the addresses on the interface" {
	two_nets
	add
	del 'del(.prevResult)'
	assert_lines "$(rules)" ''
	assert_lines "$(routes 100)" ''
}

@test "DEL leaves rules and routes of others alone" {
	two_nets
	in_ns c1 ip route add 10.88.0.0/16 via 10.2.0.9 dev net1 table 777
	add
	assert_ok
	in_ns c1 ip rule add from 10.2.0.5 lookup 777 protocol static
	in_ns c1 ip rule add from 10.2.0.5 fwmark 7 lookup 100 protocol 104
	in_ns c1 ip rule add from 10.2.0.0/24 lookup 778 protocol 104
	del
	assert_lines "$(rules)" $'10.2.0.0 778 104\n10.2.0.5 100 104\n10.2.0.5 777 4'
	assert_lines "$(routes 777)" '10.88.0.0/16 via 10.2.0.9 dev net1'
}

@test "ADD clears what an ADD that was killed has left" {
	two_nets
	add
	assert_ok
	# As if the network had been made afresh, without a DEL.
	in_ns c1 ip link del net1
	net_add net1 10.2.0.5/24
	assert_lines "$(rules)" '10.2.0.5 100 104'
	add
	assert_ok
	assert_lines "$(rules)" '10.2.0.5 100 104'
	assert_lines "$(routes 100)" $'10.2.0.0/24 dev net1 src 10.2.0.5\ndefault via 10.2.0.1 dev net1'
}

@test "GC has nothing to do" {
	two_nets
	add
	gc "$(config)"
	assert_silent
	assert_lines "$(rules)" '10.2.0.5 100 104'
}

# ---- faults -----------------------------------------------------------------------------

# state: all that ADD changes
state() { rules; routes 100; routes main; }

# put_back: what ADD takes from the main table, and DEL does not bring back, since the interface goes
put_back() {
	in_ns c1 ip -batch - <<-END
		route replace 10.2.0.0/24 dev eth0 src 10.2.0.5
		route replace 10.99.0.0/16 via 10.2.0.9
		route replace fd00:2::/64 dev eth0 metric 256
	END
}

# each_sbr_fault FAULT CALL…: as each_fault, with the main table as it was each time
each_sbr_fault() {
	local fault=$1 config call k before
	shift
	link_exists c1 eth0 || net_add eth0 10.2.0.5/24 fd00:2::5/64
	config=$(config)
	put_back
	before=$(state)
	for call; do
		k=0
		while add_faulted sbr "$config" "$call" $((++k)) "$fault"; do
			((status == 0 || status >= 128)) || assert_lines "$(state)" "$before"
			cni DEL sbr "$config" id c1 eth0
			assert_silent
			assert_lines "$(rules; routes 100)" ''
			put_back
		done
		cni DEL sbr "$config" id c1 eth0
		put_back
		((k > 1)) || fail "sbr makes no $call"
	done
}

@test "an ADD that is killed at any request leaves what DEL removes" {
	each_sbr_fault KILL sendto
}

@test "an ADD in which any system call fails undoes itself" {
	local calls
	full
	net_add net1 10.2.0.5/24
	# A result that reaches nobody is undone by DEL.
	calls=$(calls_of sbr "$(config)" net1 | grep -vx write)
	del
	in_ns c1 ip link del net1
	# shellcheck disable=SC2086 # a list of words
	each_sbr_fault ENOBUFS $calls
	# shellcheck disable=SC2086
	each_sbr_fault KILL $calls
}

# ---- the reference ------------------------------------------------------------------------

@test "rules and routes are the reference's, but for the protocol" {
	local theirs
	reference sbr
	tables() { rules | cut -d' ' -f1,2; routes main; routes 100; routes 101; }
	net_add net1 10.2.0.5/24 10.3.0.5/24
	in_ns c1 ip route add 10.99.0.0/16 via 10.2.0.9
	prev=$(jq -c '.cniVersion = "1.0.0"' <<<"$prev")
	cni_reference ADD sbr "$(config '.cniVersion = "1.0.0"')" id c1 net1
	assert_ok
	theirs=$(tables; jq -cS 'del(.dns)' <<<"$out")
	in_ns c1 ip link del net1
	in_ns c1 ip rule del lookup 100
	in_ns c1 ip rule del lookup 101
	net_add net1 10.2.0.5/24 10.3.0.5/24
	in_ns c1 ip route add 10.99.0.0/16 via 10.2.0.9
	prev=$(jq -c --argjson theirs "$(tail -n1 <<<"$theirs")" '.cniVersion = "1.0.0"
		| .interfaces = $theirs.interfaces' <<<"$prev")
	add '.cniVersion = "1.0.0"'
	assert_ok
	assert_lines "$(tables; jq -cS 'del(.dns)' <<<"$out")" "$theirs"
}

@test "what the reference has made is checked, and its rules are removed by DEL" {
	reference sbr
	two_nets
	prev=$(jq -c '.cniVersion = "1.0.0"' <<<"$prev")
	cni_reference ADD sbr "$(config '.cniVersion = "1.0.0"')" id c1 net1
	assert_ok
	assert_lines "$(rules)" '10.2.0.5 100 0'
	check '.cniVersion = "1.0.0"'
	assert_silent
	del '.cniVersion = "1.0.0"'
	assert_lines "$(rules)" ''
}
