#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# firewall - what is forwarded for containers and what is not, shown by traffic (forwarding.bash has the picture)

# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154 # jq programs; bats runs each test in a subshell

load lib
load chained
load forwarding

# ---- policies ------------------------------------------------------------------

@test "open: networks see each other and what is outside" {
	attach c1 a
	attach c3 b
	assert_json '.ips | length == 2'
	see c1 c3
	see_outside c1
	[[ $(elements admitted4) == *"$(ip4 c1) a0"* ]] || fail "admitted4: $(elements admitted4)"
	[[ -z $(elements shut) ]]
	check c1 a
	assert_silent
}

@test "same-bridge: neighbours see each other, networks do not, all see what is outside" {
	local on
	policies=([a]=same-bridge [b]=same-bridge)
	attach c1 a
	attach c2 a
	attach c3 b
	for on in 0 1; do
		br_netfilter "$on"
		see c1 c2
		see_not c1 c3
		cannot_reach c3 "$(ip4 c2)"
		see_outside c1
	done
	check c1 a
	assert_silent
}

@test "same-bridge: a network without the policy is open to both sides" {
	policies=([a]=same-bridge [b]=open)
	attach c1 a
	attach c3 b
	see c1 c3
	see c3 c1
}

@test "isolated: neighbours do not see each other, with br_netfilter and without" {
	local on
	policies[a]=isolated
	attach c1 a
	attach c2 a
	for on in 0 1; do
		br_netfilter "$on"
		see_not c1 c2
		cannot_reach c2 "$(ip4 c1)"
		see_outside c1
		reaches c2 10.74.1.1
	done
	check c2 a
	assert_silent
}

@test "isolated: no way around through the host's routing" {
	policies[a]=isolated
	br_netfilter 0
	attach c1 a
	attach c2 a
	in_ns c1 ip route add "$(ip4 c2)/32" via 10.74.1.1
	in_ns c2 ip route add "$(ip4 c1)/32" via 10.74.1.1
	cannot_reach c1 "$(ip4 c2)"
	leave c2 a
	leave c1 a
	reaches c1 "$(ip4 c2)"
}

@test "a published port is reached from outside, whatever the policy and the policy of FORWARD" {
	local policy config
	in_ns host iptables -P FORWARD DROP
	# tcp_source listens on the address that it connects to, which here is another one.
	background c3 socat "TCP4-LISTEN:7777,fork" SYSTEM:'echo $SOCAT_PEERADDR'
	wait_for 30 listens c3 7777
	for policy in open same-bridge isolated; do
		policies[b]=$policy
		attach c3 b
		config=$(prev=${results[c3]} chained firewall portmap '.name = "b" | .runtimeConfig.portMappings =
			[{hostPort: 7777, containerPort: 7777, protocol: "tcp"}]')
		cni ADD portmap "$config" c3 c3 eth0
		assert_ok
		[[ $(said_by outside TCP4:203.0.113.1:7777) == 203.0.113.2 ]] ||
			fail "not reached with policy $policy"
		cni DEL portmap "$config" c3 c3 eth0
		assert_silent
		leave c3 b
		cni DEL bridge "$(bridge_conf b)" c3 c3 eth0
		assert_silent
	done
}

# strange_segment FROM: a TCP segment that no connection can have (SYN and FIN), to port 9 outside
strange_segment() {
	in_ns "$1" python3 - "$(ip4 "$1")" 203.0.113.2 <<-'END'
		import socket, struct, sys
		source, destination = sys.argv[1:]
		def checksum(data):
		    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
		    while total >> 16:
		        total = (total & 0xffff) + (total >> 16)
		    return ~total & 0xffff
		segment = struct.pack("!HHIIBBHHH", 40000, 9, 1, 0, 5 << 4, 0x03, 1024, 0, 0)
		pseudo = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!BBH", 0, 6, len(segment))
		segment = segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]
		s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
		s.sendto(segment, (destination, 0))
	END
}

segments_outside() { in_ns outside nft -j list ruleset | jq '[.. | .counter? // empty | .packets] | add'; }
segments_are() { [[ $(segments_outside) == "$1" ]]; }

@test "what a container sends outside of any known connection is dropped" {
	in_ns outside nft 'table ip watch { chain in { type filter hook prerouting priority -400; tcp dport 9 counter; }; }'
	join c1 a
	reaches c1 203.0.113.2
	strange_segment c1
	wait_for 30 segments_are 1
	admit c1 a
	assert_ok
	strange_segment c1
	# In order behind it, so that it would have come by now.
	reaches c1 203.0.113.2
	segments_are 1 || fail "$(segments_outside) arrived"
}

# ---- beside other tools ------------------------------------------------------------

# mark_rules: how many rules of other tools' FORWARD chains accept our mark, IPv4 and IPv6
mark_rules() {
	local program
	for program in iptables ip6tables; do
		in_ns host "$program" -S FORWARD | grep -c -- '^-A FORWARD -m mark --mark 0x2000000/0x2000000 -j ACCEPT$' || :
	done | paste -sd ' '
}

@test "FORWARD policy drop: the one rule lets containers through, and nobody in" {
	route_from_outside
	in_ns host iptables -P FORWARD DROP
	in_ns host ip6tables -P FORWARD DROP
	join c1 a
	cannot_reach c1 203.0.113.2
	admit c1 a
	assert_ok
	attach c2 a
	attach c3 b
	see_outside c1
	see c1 c3
	br_netfilter 1
	see c1 c2
	cannot_reach outside "$(ip4 c1)"
	cannot_reach outside "$(ip6 c1)"
	[[ $(mark_rules) == "1 1" ]] || fail "rules: $(mark_rules)"
}

@test "FORWARD flushed: CHECK says so, the next ADD puts the rule back" {
	in_ns host iptables -P FORWARD DROP
	attach c1 a
	in_ns host iptables -F FORWARD
	cannot_reach c1 203.0.113.2
	check c1 a
	assert_error 100 FORWARD 0x2000000
	attach c2 a
	reaches c1 203.0.113.2
	check c1 a
	assert_silent
}

@test "FORWARD: rules without a policy need it too, an empty chain and the other family do not" {
	in_ns host ip6tables -S FORWARD
	attach c1 a
	[[ $(mark_rules) == "0 0" ]] || fail "rules: $(mark_rules)"
	in_ns host iptables -A FORWARD -j REJECT
	attach c2 a
	[[ $(mark_rules) == "1 0" ]] || fail "rules: $(mark_rules)"
	reaches c1 203.0.113.2
}

@test "FORWARD: the rule of an operator in nft's words serves as well, one that differs does not" {
	in_ns host iptables -P FORWARD DROP
	in_ns host nft insert rule ip filter FORWARD 'meta mark & 0x2000000 == 0x2000000 tcp dport 80 accept'
	attach c1 a
	[[ $(mark_rules) == "1 0" ]] || fail "rules: $(mark_rules)"
	in_ns host iptables -F FORWARD
	in_ns host nft insert rule ip filter FORWARD 'meta mark & 0x2000000 == 0x2000000 accept'
	attach c2 a
	reaches c1 203.0.113.2
	[[ $(in_ns host nft -j list chain ip filter FORWARD | jq '[.nftables[].rule // empty] | length') == 1 ]]
}

@test "the operator's chain comes first, and outlives a refill" {
	attach c1 a
	in_ns host nft add rule inet heddle admin ip daddr 203.0.113.2 drop
	cannot_reach c1 203.0.113.2
	reaches c1 2001:db8::2
	in_ns host nft flush chain inet heddle forward
	reaches c1 203.0.113.2
	check c1 a
	assert_error 100 heddle
	attach c2 a
	cannot_reach c1 203.0.113.2
	check c1 a
	assert_silent
}

@test "internal: nothing enters or leaves, not even answers; neighbours and the host see each other" {
	local on
	keys[a]='.internal = true'
	attach c1 a
	attach c2 a
	attach c3 b
	route_from_outside
	for on in 0 1; do
		br_netfilter "$on"
		see c1 c2
		see_not c1 c3
		see_not c3 c1
		reaches_none c1 203.0.113.2 2001:db8::2 || fail "an internal network has a way out"
		see_not outside c1
		see_outside c3
	done
	in_ns host ping -n -c1 -W10 "$(ip4 c1)" >/dev/null
	check c1 a
	assert_silent
	in_ns host nft delete element inet heddle internal '{ a0 }'
	check c1 a
	assert_error 100 internal
	leave c1 a
	leave c2 a
	leave c3 b
	assert_none_left
}

@test "internal: neighbours do not see each other either where they are isolated" {
	local on
	keys[a]='.internal = true'
	policies[a]=isolated
	attach c1 a
	attach c2 a
	for on in 0 1; do
		br_netfilter "$on"
		see_not c1 c2
		reaches_none c1 203.0.113.2 2001:db8::2 || fail "an internal network has a way out"
	done
	leave c1 a
	leave c2 a
	assert_none_left
}

@test "internal: not without a bridge, nor with backend iptables" {
	keys[a]='.internal = true'
	join c1 a
	cni ADD firewall "$(firewall_conf a c1 '.backend = "iptables"')" c1 c1 eth0
	assert_error 2 "internal: the chains of backend iptables"
	results[c1]=$(jq -c '.interfaces |= .[2:] | del(.ips[].interface)' <<<"${results[c1]}")
	admit c1 a
	assert_error 7 "internal: needs a bridge"
	assert_none_left
}

# ---- life of an attachment ------------------------------------------------------------

@test "what a network shares goes with the last one on its bridge" {
	policies[a]=same-bridge
	attach c1 a
	attach c2 a
	leave c1 a
	[[ $(elements shut) == a0 && $(elements shut_own) == "a0 a0" ]]
	leave c2 a
	assert_none_left
	leave c2 a
}

@test "two networks on one bridge keep it shut until both are gone" {
	policies=([a]=same-bridge [b]=same-bridge)
	attach c1 a
	join c3 b
	results[c3]=$(jq -c '.interfaces[0].name = "a0"' <<<"${results[c3]}")
	admit c3 b
	assert_ok
	leave c1 a
	[[ $(elements shut) == a0 ]] || fail "shut: $(elements shut)"
	check c3 b
	assert_silent
	leave c3 b
	assert_none_left
}

@test "DEL without prevResult and netns, DEL before ADD, a config that went bad" {
	policies[a]=isolated
	cni DEL firewall "$(firewall_conf a)" c1 "" eth0
	assert_silent
	attach c1 a
	attach c2 a
	cni DEL firewall "$(firewall_conf a)" c1 "" eth0
	assert_silent
	[[ $(elements admitted4) == "$(ip4 c2) a0" ]] || fail "admitted4: $(elements admitted4)"
	[[ $(elements isolated) == "a0 a0" ]]
	cni DEL firewall "$(firewall_conf a c2 '.ingressPolicy = 7')" c2 "" eth0
	assert_silent
	assert_none_left
}

@test "an address left behind by a container that vanished goes to the next one" {
	attach c1 a
	in_ns host ip link del "$(jq -r '.interfaces[1].name' <<<"${results[c1]}")"
	join c2 a
	results[c2]=$(jq -c --argjson ips "$(jq .ips <<<"${results[c1]}")" '.ips = $ips' <<<"${results[c2]}")
	admit c2 a
	assert_ok
	leave c1 a
	check c2 a
	assert_silent
}

@test "CHECK finds each element that is missing" {
	policies[a]=isolated
	attach c1 a
	check c1 a
	assert_silent
	in_ns host nft delete element inet heddle admitted6 "{ $(ip6 c1) . a0 }"
	in_ns host nft delete element inet heddle shut '{ a0 }'
	in_ns host nft flush set bridge heddle isolated_ports
	check c1 a
	assert_error 100 admitted6
	assert_details isolated_ports shut
	admit c1 a
	assert_ok
	check c1 a
	assert_silent
}

@test "GC removes what no valid attachment has, and the bridge's with the last" {
	policies=([a]=same-bridge [b]=same-bridge)
	attach c1 a
	attach c2 a
	attach c3 b
	gc "$(firewall_conf a)" c2/eth0
	assert_silent
	[[ $(elements admitted4 | wc -l) == 2 && $(elements shut | sort | paste -sd ' ') == "a0 b0" ]]
	gc "$(firewall_conf a)"
	assert_silent
	[[ $(elements admitted4) == "$(ip4 c3) b0" && $(elements shut) == b0 ]]
}

# at_once N VERB [FILTER]: for N containers of network a; the ports are names only, which is all
# that the plugin looks at
at_once() {
	local i n=$1 verb=$2 template config
	results[x]='{"cniVersion": "1.1.0", "ips": [{"address": "10.74.1.1NUMBER/24", "interface": 2}],
		"interfaces": [{"name": "a0"}, {"name": "portNUMBER"}, {"name": "eth0", "sandbox": "/ns"}]}'
	template=$(firewall_conf a x "${3:-.}")
	for ((i = 10; i < 10 + n; i++)); do
		config=${template//NUMBER/$i}
		{
			feed "$config" env CNI_COMMAND="$verb" CNI_PATH="$PLUGINS" CNI_CONTAINERID="x$i" \
				CNI_NETNS="$(netns_path c1)" CNI_IFNAME=eth0 nsenter --net="$(netns_path host)" -- \
				"$PLUGINS/firewall" >"$BATS_TEST_TMPDIR/$verb.$i" || echo "$i" >>"$BATS_TEST_TMPDIR/failures"
		} 3>&- &
	done
	wait
	[[ ! -e $BATS_TEST_TMPDIR/failures ]] || fail "$(cat "$BATS_TEST_TMPDIR/$verb".*)"
}

@test "20 at once: one rule in FORWARD, and nothing left" {
	policies[a]=isolated
	in_ns host iptables -P FORWARD DROP
	at_once 20 ADD
	[[ $(elements admitted4 | wc -l) == 20 && $(elements isolated_ports bridge | wc -l) == 20 ]]
	[[ $(mark_rules) == "1 0" ]] || fail "rules: $(mark_rules)"
	at_once 20 DEL
	assert_none_left
}

# ---- backend "iptables" -----------------------------------------------------------------

# filter_rules NAMESPACE: of both families, sorted within their chains, without our comments
filter_rules() {
	{ in_ns "$1" iptables -S && in_ns "$1" ip6tables -S; } | sed -E 's/ -m comment --comment "name: [^ ]+ id: [^ ]+"//'
}

container_rules() { filter_rules host | grep -c -- '^-A CNI-FORWARD .* -j ACCEPT$' || :; }

iptables_conf() { firewall_conf "$1" "${2:-}" '.backend = "iptables"'; }

# attach_iptables CONTAINER NETWORK
attach_iptables() {
	join "$1" "$2"
	cni ADD firewall "$(iptables_conf "$2" "$1")" "$1" "$1" eth0
	assert_ok
}

@test "backend iptables: the rules are the reference's" {
	local container
	reference firewall
	policies[a]=same-bridge
	netns_add reference
	attach_iptables c1 a
	attach_iptables c2 a
	for container in c1 c2; do
		capture feed "$(iptables_conf a "$container" | jq -c '.cniVersion = "1.0.0" | .prevResult.cniVersion = "1.0.0"')" \
			env CNI_COMMAND=ADD CNI_PATH="$PLUGINS" CNI_CONTAINERID="$container" CNI_IFNAME=eth0 \
			CNI_NETNS="$(netns_path "$container")" nsenter --net="$(netns_path reference)" -- /usr/lib/cni/firewall
		assert_ok
	done
	diff <(filter_rules host) <(filter_rules reference) || fail "the rules differ"
	[[ -z $(elements admitted4) ]]
}

@test "backend iptables: policies by traffic, with FORWARD policy drop" {
	in_ns host iptables -P FORWARD DROP
	in_ns host ip6tables -P FORWARD DROP
	br_netfilter 1
	policies=([a]=isolated [b]=same-bridge)
	attach_iptables c1 a
	attach_iptables c2 a
	attach_iptables c3 b
	see_not c1 c2
	see_not c1 c3
	cannot_reach c3 "$(ip4 c1)"
	see_outside c1
	cni CHECK firewall "$(iptables_conf a c1)" c1 c1 eth0
	assert_silent
	in_ns host iptables -F CNI-ISOLATION-STAGE-2
	cni CHECK firewall "$(iptables_conf a c1)" c1 c1 eth0
	assert_error 100 CNI-ISOLATION-STAGE-2
}

@test "backend iptables: DEL without prevResult, GC, and the operator's chain" {
	attach_iptables c1 a
	attach_iptables c2 a
	attach_iptables c3 b
	in_ns host iptables -A CNI-ADMIN -d 203.0.113.2 -j DROP
	cannot_reach c1 203.0.113.2
	[[ $(container_rules) == 12 ]] || fail "$(filter_rules host)"
	cni DEL firewall "$(iptables_conf a)" c1 "" eth0
	assert_silent
	[[ $(container_rules) == 8 ]] || fail "$(filter_rules host)"
	gc "$(iptables_conf a)"
	assert_silent
	[[ $(container_rules) == 4 ]] || fail "$(filter_rules host)"
	cni DEL firewall "$(iptables_conf b c3)" c3 c3 eth0
	assert_silent
	[[ $(container_rules) == 0 ]]
	[[ $(filter_rules host) == *"-A CNI-ADMIN -d 203.0.113.2/32 -j DROP"* ]]
}

@test "backend iptables: an ADD again changes nothing; DEL finds it after a change of backend" {
	local before
	policies[a]=isolated
	attach_iptables c1 a
	before=$(filter_rules host)
	cni ADD firewall "$(iptables_conf a c1)" c1 c1 eth0
	assert_ok
	diff <(printf '%s' "$before") <(printf '%s' "$(filter_rules host)") || fail "the rules differ"
	leave c1 a
	[[ $(container_rules) == 0 ]] || fail "$(filter_rules host)"
}

@test "backend iptables: 10 at once do not lose each other's rules" {
	at_once 10 ADD '.backend = "iptables"'
	[[ $(container_rules) == 20 ]] || fail "$(filter_rules host)"
	[[ $(filter_rules host | grep -c -- '-A FORWARD') == 1 ]]
	at_once 10 DEL '.backend = "iptables"'
	[[ $(container_rules) == 0 ]] || fail "$(filter_rules host)"
}

# ---- protocol ------------------------------------------------------------------------

@test "every version: ADD passes prevResult on, DEL leaves nothing" {
	local version config
	pair_add c1 eth0 10.1.0.5/24
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		config=$(chained firewall firewall 'del(.ingressPolicy) | .backend = ""' | with_version "$version")
		cni ADD firewall "$config" id c1 eth0
		assert_ok
		jq -e --argjson config "$config" 'del(.dns) == $config.prevResult' <<<"$out" >/dev/null ||
			fail "$version: prevResult differs"
		cni DEL firewall "$config" id c1 eth0
		assert_silent
		assert_none_left "$version"
	done
}

@test "without a host interface there is nothing to admit, and no policy to keep" {
	prev='{"cniVersion": "1.1.0", "interfaces": [{"name": "eth0", "sandbox": "/ns"}],
		"ips": [{"address": "10.1.0.5/24", "interface": 0}]}'
	cni ADD firewall "$(chained firewall firewall 'del(.ingressPolicy)')" id c1 eth0
	assert_ok
	[[ -z $(nft_elements) ]]
	cni ADD firewall "$(chained firewall firewall)" id c1 eth0
	assert_error 7 ingressPolicy bridge
}

@test "bad configs are refused by ADD and STATUS, with the key and the value" {
	local config filter code words
	prev=
	cni ADD firewall "$(chained firewall firewall)" id c1 eth0
	assert_error 7 prevResult
	pair_add c1 eth0 10.1.0.5/24
	while read -r code words filter; do
		config=$(chained firewall firewall "$filter")
		cni ADD firewall "$config" id c1 eth0
		assert_error "$code" "${words%%,*}" "${words##*,}"
		cni STATUS firewall "$config"
		assert_error "$code" "${words%%,*}"
	done <<-'END'
		7 ingressPolicy,closed .ingressPolicy = "closed"
		7 ingressPolicy,string .ingressPolicy = 1
		7 backend,ipfw .backend = "ipfw"
		7 iptablesAdminChainName,letters .iptablesAdminChainName = "MY CHAIN"
		50 backend,bus .backend = "firewalld"
		7 ingress,none .ingress = [{ports: 80}]
		7 egress[0].protocol,gre .egress = [{protocol: "gre"}]
		7 spoofchk,true .spoofchk = "yes"
		7 markBit,31 .markBit = 32
	END
	cni STATUS firewall "$(chained firewall firewall)"
	assert_silent
	[[ $(in_ns host nft list tables) != *heddle* ]]
}

@test "nerdctl finds our version where it looks" {
	capture "$PLUGINS/firewall"
	[[ $errout =~ ^'CNI firewall plugin v'[2-9]+\.[0-9]+\.[0-9]+$'\n' ]] || fail "stderr: $errout"
}
