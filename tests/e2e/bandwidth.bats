#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bandwidth - what a container receives and sends passes a token bucket

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell

load lib
load chained

setup() {
	lab_setup
	netns_add c1
	need_link_type ifb
}
teardown() { lab_teardown; }

# config [FILTER [JQ-ARGUMENT…]]: bandwidth with the limits that FILTER adds
config() {
	local filter=${1:-.}
	shift $(($# > 0 ? 1 : 0))
	chained bandwidth bandwidth '{cniVersion, name, type, prevResult} | '"$filter" "$@"
}

ingress='.ingressRate = 10000000 | .ingressBurst = 800000'
egress='.egressRate = 20000000 | .egressBurst = 1600000'
both="$ingress | $egress"

# add FILTER, del FILTER: of the attachment id/eth0 in c1, whose end on the host is hc1-eth0
add() { cni ADD bandwidth "$(config "$@")" id c1 eth0; }
del() {
	cni DEL bandwidth "$(config "$@")" id c1 eth0
	assert_silent
}
check() { cni CHECK bandwidth "$(config "$@")" id c1 eth0; }

ifbs() { in_ns host ip -j -d link show type ifb | jq -r '.[].ifname'; }

# tbf IFNAME FILTER: of its root discipline, if that is a tbf
tbf() { in_ns host tc -j qdisc show dev "$1" root | jq -r '.[] | select(.kind == "tbf") | .options | '"$2"; }

# redirect IFNAME: where what arrives there goes
redirect() {
	in_ns host tc -j filter show dev "$1" parent ffff: |
		jq -r '.[].options.actions[]? | select(.mirred_action == "redirect") | .to_dev'
}

# disciplines IFNAME: all that are not the kernel's own
disciplines() { in_ns host tc qdisc show dev "$1" | grep -v ' 0: ' || :; }

assert_unlimited() {
	[[ -z $(ifbs) ]] || fail "ifb left: $(ifbs)"
	[[ -z $(disciplines hc1-eth0) ]] || fail "left: $(disciplines hc1-eth0)"
}

# ---- what it does -----------------------------------------------------------------

@test "the example, with its bridge: ADD, traffic, CHECK, DEL" {
	local ifb
	chain_add bandwidth id c1 eth0
	reaches c1 10.73.0.1
	reaches host "$(result_ip)"
	ifb=$(ifbs)
	[[ $(tbf "$(result_host_ifname)" .rate) == 12500000 ]]
	[[ $(tbf "$ifb" .rate) == 6250000 ]]
	chain_run CHECK bandwidth id c1 eth0
	chain_run DEL bandwidth id c1 eth0
	assert_nothing_left
}

@test "ingress alone: a tbf on the host's end, and no ifb" {
	pair_add c1 eth0 10.1.0.5/24
	add "$ingress"
	assert_ok
	assert_json '. == $prev' --argjson prev "$prev"
	[[ $(tbf hc1-eth0 .rate) == 1250000 ]]
	[[ $(tbf hc1-eth0 .lat) == 25000 ]] || fail "latency $(tbf hc1-eth0 .lat)"
	(($(tbf hc1-eth0 .burst) > 99900 && $(tbf hc1-eth0 .burst) < 100100)) || fail "burst $(tbf hc1-eth0 .burst)"
	[[ -z $(ifbs) ]]
	del "$ingress"
	assert_unlimited
}

@test "egress alone: an ifb with a tbf, to which what arrives is redirected" {
	local ifb
	pair_add c1 eth0 10.1.0.5/24
	in_ns host ip link set hc1-eth0 mtu 1300
	add "$egress"
	assert_ok
	ifb=$(ifbs)
	[[ $ifb == hi* && $ifb != *$'\n'* ]]
	[[ $(tbf "$ifb" .rate) == 2500000 ]]
	[[ $(redirect hc1-eth0) == "$ifb" ]]
	[[ -z $(tbf hc1-eth0 .) ]]
	assert_json '. == ($prev | .interfaces += [{name: $ifb, mac: $mac}])' --argjson prev "$prev" \
		--arg ifb "$ifb" --arg mac "$(link_json host "$ifb" .address)"
	[[ $(link_json host "$ifb" '[.mtu, (.flags | index("UP") != null)] | join(" ")') == '1300 true' ]]
	del "$egress"
	assert_unlimited
}

@test "traffic passes both buckets, and they count it" {
	local ifb
	pair_add c1 eth0 10.1.0.5/24 fd00:1::5/64
	in_ns host ip addr add 10.1.0.1/24 dev hc1-eth0
	in_ns host ip addr add fd00:1::1/64 dev hc1-eth0 nodad
	add "$both"
	assert_ok
	ifb=$(ifbs)
	in_ns c1 ping -n -q -c5 -i0.002 -s1000 10.1.0.1
	in_ns c1 ping -n -q -c5 -i0.002 -s1000 fd00:1::1
	sent() { in_ns host tc -s -j qdisc show dev "$1" root | jq '.[0].bytes'; }
	(($(sent hc1-eth0) > 10000)) || fail "to the container: $(sent hc1-eth0)"
	(($(sent "$ifb") > 10000)) || fail "from the container: $(sent "$ifb")"
}

@test "more than the bucket holds is slowed down or dropped" {
	pair_add c1 eth0 10.1.0.5/24
	in_ns host ip addr add 10.1.0.1/24 dev hc1-eth0
	# A bucket of 3000 bytes that fills with 1000 a second: the fourth packet has to wait for more than 25 ms.
	add '.ingressRate = 8000 | .ingressBurst = 24000'
	assert_ok
	in_ns host ping -n -q -c8 -i0.002 -W0.3 -s900 10.1.0.5 || :
	(($(in_ns host tc -s -j qdisc show dev hc1-eth0 root | jq '.[0].drops') > 0)) ||
		fail "$(in_ns host tc -s qdisc show dev hc1-eth0)"
}

@test "rates of more than 32 bits" {
	pair_add c1 eth0
	add '.ingressRate = 100000000000 | .ingressBurst = 80000000'
	assert_ok
	[[ $(tbf hc1-eth0 .rate) == 12500000000 ]]
	check '.ingressRate = 100000000000 | .ingressBurst = 80000000'
	assert_silent
	check '.ingressRate = 65640261632 | .ingressBurst = 80000000' # the same low 32 bits
	assert_error 100
}

@test "the bursts of containerd and CRI-O, and more than a bucket can hold" {
	local burst
	pair_add c1 eth0 10.1.0.5/24
	in_ns host ip addr add 10.1.0.1/24 dev hc1-eth0
	for burst in 4294967295 34359738359 34359738368 9007199254740992; do
		add '.runtimeConfig.bandwidth = {IngressRate: 10000000, IngressBurst: $burst, EgressRate: 10000000, EgressBurst: $burst}' \
			--argjson burst "$burst"
		assert_ok
		reaches c1 10.1.0.1
		check '.runtimeConfig.bandwidth = {ingressRate: 10000000, ingressBurst: $burst, egressRate: 10000000, egressBurst: $burst}' \
			--argjson burst "$burst"
		assert_silent
		del "$both"
		assert_unlimited
	done
}

# ---- where limits come from ---------------------------------------------------------

@test "no limit: the result is passed on and nothing is made, also of an interface that is no veth" {
	in_ns c1 ip link add eth0 type bridge
	prev=$(jq -nc --arg path "$(netns_path c1)" '{cniVersion: "1.1.0", interfaces: [{name: "eth0", sandbox: $path}]}')
	for filter in . '.runtimeConfig = {}' '.runtimeConfig.bandwidth = {}' '.ingressRate = 0 | .ingressBurst = 0' \
		'.ingressRate = null | .runtimeConfig.bandwidth = null'; do
		add "$filter"
		assert_ok
		assert_json '. == $prev' --argjson prev "$prev"
		check "$filter"
		assert_silent
	done
	[[ -z $(ifbs) ]]
}

@test "what the config says goes before what the runtime says, as a whole" {
	local runtime='.runtimeConfig.bandwidth = {ingressRate: 80000, ingressBurst: 80000, egressRate: 80000, egressBurst: 80000}'
	pair_add c1 eth0
	add "$ingress | $runtime"
	assert_ok
	[[ $(tbf hc1-eth0 .rate) == 1250000 ]]
	[[ -z $(ifbs) ]]
	del "$ingress | $runtime"
	add ".INGRESSRATE = null | $runtime"
	assert_ok
	[[ $(tbf hc1-eth0 .rate) == 10000 ]]
	[[ $(tbf "$(ifbs)" .rate) == 10000 ]]
}

@test "all seven versions" {
	local version
	pair_add c1 eth0 10.1.0.5/24
	# Before 0.3.0 a result has no interfaces: the pair is known by the name that our plugins give it.
	in_ns host ip link set hc1-eth0 name "$(own_name)"
	for version in 0.1.0 0.2.0; do
		in_version "$version"
	done
	in_ns host ip link set "$(own_name)" name hc1-eth0
	for version in 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		in_version "$version"
	done
	assert_unlimited
}

# in_version VERSION: ADD and DEL
in_version() {
	cni ADD bandwidth "$(config "$both" | with_version "$1")" id c1 eth0
	assert_ok
	assert_json '.cniVersion == $v' --arg v "$1"
	[[ -n $(ifbs) ]]
	cni DEL bandwidth "$(config "$both" | with_version "$1")" id c1 eth0
	assert_silent
	[[ -z $(ifbs) ]]
}

# own_name: what our plugins name the host's end of id/eth0
own_name() {
	printf 'limited\0id\0eth0\0' | sha256sum | cut -c1-32 | tr a-f A-F |
		python3 -c 'import base64; print("hv" + base64.b32encode(bytes.fromhex(input())).decode().lower()[:13])'
}

# ---- errors ---------------------------------------------------------------------------

@test "ADD and CHECK without a prevResult are error 7" {
	pair_add c1 eth0
	add 'del(.prevResult)'
	assert_error 7 prevResult
	check "$both | del(.prevResult)"
	assert_error 7 prevResult
}

@test "bad limits are named" {
	pair_add c1 eth0
	add '.ingressRate = 1000'
	assert_error 7 ingressRate ingressBurst
	add '.runtimeConfig.bandwidth.egressBurst = 1000'
	assert_error 7 runtimeConfig.bandwidth egressBurst egressRate
	add '.egressRate = 5 | .egressBurst = 1000'
	assert_error 7 egressRate 5 8
	add '.ingressRate = -1 | .ingressBurst = 8'
	assert_error 7 ingressRate -1
	add '.ingressRate = "10M" | .ingressBurst = 8'
	assert_error 7 ingressRate 10M
	cni STATUS bandwidth "$(config '.ingressRate = 1000')"
	assert_error 7 ingressRate
	assert_unlimited
}

@test "a burst that is smaller than a packet is a warning" {
	pair_add c1 eth0
	add '.ingressRate = 123 | .ingressBurst = 456'
	assert_ok
	[[ $errout == *ingressBurst*456*hc1-eth0*57* ]] || fail "stderr should say it"
}

@test "only a veth pair with an end on the host can be limited" {
	in_ns c1 ip link add eth0 type bridge
	prev=$(jq -nc --arg path "$(netns_path c1)" '{cniVersion: "1.1.0", interfaces: [{name: "eth0", sandbox: $path}]}')
	add "$both"
	assert_error 7 eth0 veth
	in_ns c1 ip link del eth0
	add "$both"
	((status != 0))
	assert_json '.msg | contains("eth0")'
	[[ -z $(ifbs) ]]
}

@test "another container's interface with the same numbers is left alone" {
	# The other end of c1's pair is in c2; the host has a pair of its own with the same indexes.
	netns_add c2 c3
	in_ns c1 ip link add eth0 index 20 type veth peer name eth0 index 10 netns "$(netns_name c2)"
	in_ns host ip link add bystander index 10 type veth peer name eth0 index 20 netns "$(netns_name c3)"
	prev=$(jq -nc --arg path "$(netns_path c1)" '{cniVersion: "1.1.0", interfaces: [{name: "eth0", sandbox: $path}]}')
	add "$both"
	assert_error 7 eth0
	[[ -z $(disciplines bystander) ]] || fail "$(disciplines bystander)"
	in_ns host tc qdisc add dev bystander root handle 1: tbf rate 1mbit burst 10k latency 1ms
	del "$both"
	[[ -n $(disciplines bystander) ]] || fail "DEL should leave it alone"
}

@test "disciplines that are there already are an error, and stay" {
	pair_add c1 eth0
	in_ns host tc qdisc add dev hc1-eth0 root handle 1: tbf rate 1mbit burst 10k latency 1ms
	add "$both"
	((status != 0))
	assert_json '.msg | contains("hc1-eth0")'
	[[ $(tbf hc1-eth0 .rate) == 125000 ]]
	in_ns host tc qdisc replace dev hc1-eth0 root handle 2: htb
	add "$both"
	((status != 0))
	[[ $(disciplines hc1-eth0) == *'htb 2:'* && $(disciplines hc1-eth0) != *ingress* ]] || fail "$(disciplines hc1-eth0)"
	in_ns host tc qdisc del dev hc1-eth0 root
	in_ns host tc qdisc add dev hc1-eth0 clsact
	add "$both"
	((status != 0))
	[[ $(disciplines hc1-eth0) == *clsact* && -z $(tbf hc1-eth0 .) ]] || fail "$(disciplines hc1-eth0)"
	[[ -z $(ifbs) ]]
}

@test "ADD twice fails, and leaves the first as it is" {
	pair_add c1 eth0
	add "$both"
	assert_ok
	add "$both"
	((status != 0))
	check "$both"
	assert_silent
	in_ns host tc qdisc del dev hc1-eth0 root
	in_ns host tc qdisc del dev hc1-eth0 ingress
	add "$both"
	((status != 0))
	assert_json '.msg | contains($ifb)' --arg ifb "$(ifbs)"
	[[ $(ifbs) == hi* ]]
}

# ---- CHECK ----------------------------------------------------------------------------

# assert_differs FILTER WORD…: CHECK finds it; then everything is made afresh
assert_differs() {
	check "$both"
	assert_error 100
	assert_details "$@"
	del "$both"
	add "$both"
	assert_ok
	check "$both"
	assert_silent
}

@test "CHECK names what is missing or changed" {
	local ifb
	pair_add c1 eth0
	add "$both"
	ifb=$(ifbs)
	check "$both"
	assert_silent
	in_ns host tc qdisc del dev hc1-eth0 root
	assert_differs ingressRate hc1-eth0
	in_ns host tc qdisc replace dev hc1-eth0 root handle 1: tbf rate 11mbit burst 100000 latency 25ms
	assert_differs ingressRate hc1-eth0 1375000 1250000
	in_ns host tc qdisc replace dev hc1-eth0 root handle 1: tbf rate 10mbit burst 200000 latency 25ms
	assert_differs ingressBurst hc1-eth0
	in_ns host tc qdisc del dev "$ifb" root
	assert_differs egressRate "$ifb"
	in_ns host tc filter del dev hc1-eth0 parent ffff:
	assert_differs egressRate hc1-eth0 "$ifb"
	in_ns host ip link set "$ifb" down
	assert_differs "$ifb" down
	in_ns host ip link del "$ifb"
	assert_differs egressRate ifb
	in_ns c1 ip link del eth0
	check "$both"
	assert_error 100
	assert_details eth0
}

# ---- DEL and GC -----------------------------------------------------------------------

@test "DEL twice, before ADD, and without a namespace, an interface, a result or limits" {
	local netns
	pair_add c1 eth0
	del "$both"
	add "$both"
	assert_ok
	del 'del(.prevResult) | .runtimeConfig = {}'
	[[ -z $(ifbs) ]]
	for netns in '' /nonexistent; do
		pair_add c1 "eth1${#netns}"
		cni ADD bandwidth "$(config "$both")" id c1 "eth1${#netns}"
		assert_ok
		[[ -n $(ifbs) ]]
		cni DEL bandwidth "$(config 'del(.prevResult) | .ingressRate = "bad"')" id "$netns" "eth1${#netns}"
		assert_silent
		[[ -z $(ifbs) ]]
	done
	in_ns c1 ip link del eth0
	del "$both"
}

@test "two attachments of one container have an ifb each" {
	pair_add c1 eth0
	add "$both"
	pair_add c1 eth1
	cni ADD bandwidth "$(config "$both")" id c1 eth1
	assert_ok
	[[ $(ifbs | wc -l) == 2 ]]
	cni DEL bandwidth "$(config "$both")" id c1 eth1
	assert_silent
	[[ $(ifbs | wc -l) == 1 ]]
	[[ $(redirect hc1-eth0) == "$(ifbs)" ]]
}

@test "GC removes the ifbs of attachments of its network that are not valid" {
	local name ifb2 ifb3
	netns_add c2 c3
	for name in c1 c2 c3; do
		pair_add "$name" eth0
		cni ADD bandwidth "$(config "$both | .name = \"$([[ $name == c3 ]] && echo other || echo limited)\"")" "$name" "$name" eth0
		assert_ok
		declare "ifb${name#c}=$(jq -r '.interfaces[-1].name' <<<"$out")"
	done
	in_ns host ip link add hiforeign type ifb
	in_ns host ip link add hiveth type veth peer name foreign1
	in_ns host ip link set hiveth group "$(link_json host "$ifb2" .group)"
	gc "$(config)" c2/eth0
	assert_silent
	[[ $(ifbs | sort) == "$(printf '%s\n' "$ifb2" "$ifb3" hiforeign | sort)" ]] || fail "ifbs: $(ifbs)"
	# A GC that was killed has moved it to a group of its own.
	in_ns host ip link set "$ifb2" group $((1 << 29 | 7))
	gc "$(config)"
	assert_silent
	[[ $(ifbs | sort) == "$(printf '%s\n' "$ifb3" hiforeign | sort)" ]] || fail "ifbs: $(ifbs)"
	link_exists host hiveth
}

# left: what an attachment can leave, for each_fault
left() { printf '%s\n' "$(ifbs)" "$(disciplines hc1-eth0)"; }

@test "an ADD that is killed at any request leaves what DEL removes" {
	pair_add c1 eth0
	each_fault bandwidth "$(config "$both")" KILL sendto
}

@test "an ADD that is killed leaves what GC removes" {
	local k=0
	pair_add c1 eth0
	until [[ -n $(ifbs) ]]; do
		add_faulted bandwidth "$(config "$egress")" sendto $((++k)) KILL || fail "it was never killed with an ifb there"
	done
	gc "$(config)" other/eth0
	assert_silent
	[[ -z $(ifbs) ]]
}

@test "an ADD in which any system call fails undoes itself" {
	local calls
	full
	pair_add c1 eth0
	calls=$(calls_of bandwidth "$(config "$both")")
	del "$both"
	# shellcheck disable=SC2086 # a list of words
	each_fault bandwidth "$(config "$both")" ENOBUFS $calls
	# shellcheck disable=SC2086
	each_fault bandwidth "$(config "$both")" KILL $calls
}

# ---- the reference ----------------------------------------------------------------------

# state: disciplines and filters of hc1-eth0 and the ifb, without names and numbers; without the
# rounding of a burst, the link layer of which tbf makes nothing, and a second action that the
# reference lists behind one after which no other is reached
state() {
	local ifb
	ifb=$(ifbs)
	{
		in_ns host tc -j -d qdisc show dev hc1-eth0
		in_ns host tc -j -d filter show dev hc1-eth0 parent ffff:
		in_ns host tc -j -d qdisc show dev "$ifb"
	} | jq -cS "walk(if type == \"object\" then del(.dev, .index, .burst, .bind, .ref, .linklayer, .actions[1:]?) else . end
		| if . == \"$ifb\" then \"ifb\" else . end)"
}

@test "disciplines, filter and result are the reference's, but for the ifb's name" {
	local theirs
	reference bandwidth
	pair_add c1 eth0 10.1.0.5/24
	prev=$(jq -c '.cniVersion = "1.0.0"' <<<"$prev")
	cni_reference ADD bandwidth "$(config "$both | .cniVersion = \"1.0.0\"")" id c1 eth0
	assert_ok
	theirs=$(state; jq -cS '.interfaces[-1] |= {sandbox} | del(.dns)' <<<"$out")
	cni_reference DEL bandwidth "$(config "$both | .cniVersion = \"1.0.0\"")" id c1 eth0
	in_ns host tc qdisc del dev hc1-eth0 root
	in_ns host tc qdisc del dev hc1-eth0 ingress
	add "$both | .cniVersion = \"1.0.0\""
	assert_ok
	diff <(printf '%s\n' "$theirs") <(state; jq -cS '.interfaces[-1] |= {sandbox} | del(.dns)' <<<"$out")
}

@test "what the reference has made is checked, and removed by DEL" {
	reference bandwidth
	pair_add c1 eth0 10.1.0.5/24
	prev=$(jq -c '.cniVersion = "1.0.0"' <<<"$prev")
	cni_reference ADD bandwidth "$(config "$both | .cniVersion = \"1.0.0\"")" id c1 eth0
	assert_ok
	[[ $(ifbs) == bwp* ]]
	check "$both | .cniVersion = \"1.0.0\""
	assert_silent
	del "$both | .cniVersion = \"1.0.0\""
	assert_unlimited
}
