#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# firewall-lists - ingress and egress lists, and the mark, shown by traffic (forwarding.bash has the picture)

# shellcheck disable=SC2016,SC2034,SC2154 # jq programs; variables of the files that are loaded

load lib
load chained
load forwarding

listens() { [[ -n $(in_ns "$1" ss -Hltn "sport = :$2") ]]; }

# serve CONTAINER PORT…: accept connections there, of both families
serve() {
	local ns=$1 port
	shift
	for port; do
		background "$ns" socat "TCP6-LISTEN:$port,ipv6only=0,fork" SYSTEM:true
		wait_for 30 listens "$ns" "$port"
	done
}

# dials NAMESPACE ADDRESS PORT [SECONDS]
dials() { in_ns "$1" timeout "${4:-10}" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$2" "$3" 2>/dev/null; }
cannot_dial() { ! dials "$1" "$2" "$3" 0.3; }

# lists: chains of lists on the host, one a line
lists() { left | grep '^list ' || :; }

@test "ingress: who is on the list comes in, by address, protocol and port; nobody else does" {
	local on
	keys[a]='.ingress = [
		{cidr: "203.0.113.0/24", protocol: "tcp", port: "8000-8001"},
		{cidr: "2001:db8::/64", protocol: "tcp", port: 8001},
		{cidr: "10.74.2.0/24", protocol: "icmp"}, {cidr: "10.74.1.0/30", protocol: "icmp"}]'
	route_from_outside
	attach c1 a
	attach c2 a
	attach c3 b
	serve c1 8000 8001 8002
	dials outside "$(ip4 c1)" 8000
	dials outside "$(ip4 c1)" 8001
	cannot_dial outside "$(ip4 c1)" 8002
	dials outside "$(ip6 c1)" 8001
	cannot_dial outside "$(ip6 c1)" 8000
	cannot_reach outside "$(ip4 c1)"
	reaches c3 "$(ip4 c1)"
	cannot_reach c3 "$(ip6 c1)"
	cannot_dial c3 "$(ip4 c1)" 8000
	# Answers are no newcomers, and the host itself is not forwarded.
	see_outside c1
	in_ns host ping -n -c1 -W10 "$(ip6 c1)" >/dev/null
	# Neighbours, whatever the sysctls say of bridges: 10.74.1.3 is in the /30.
	for on in 0 1; do
		br_netfilter "$on"
		reaches c2 "$(ip4 c1)"
		cannot_reach c2 "$(ip6 c1)"
		cannot_dial c2 "$(ip4 c1)" 8000
	done
	check c1 a
	assert_silent
}

@test "ingress: an empty list lets nobody in, also where FORWARD drops; a list is let through there" {
	in_ns host iptables -P FORWARD DROP
	route_from_outside
	keys=([a]='.ingress = []' [b]='.ingress = [{protocol: "icmp"}]')
	attach c1 a
	attach c3 b
	cannot_reach outside "$(ip4 c1)"
	cannot_reach c3 "$(ip4 c1)"
	reaches outside "$(ip4 c3)"
	reaches c1 "$(ip4 c3)"
	see_outside c1
}

@test "ingress: it holds for published ports, by the client's address and the container's port" {
	local mapping='.name = "a" | .runtimeConfig.portMappings =
		[{hostPort: 7080, containerPort: 8000, protocol: "tcp"}, {hostPort: 7081, containerPort: 8001, protocol: "tcp"}]'
	keys[a]='.ingress = [{cidr: "203.0.113.0/24", protocol: "tcp", port: 8000}]'
	join c1 a
	prev=${results[c1]} cni ADD portmap "$(prev=${results[c1]} chained firewall portmap "$mapping")" c1 c1 eth0
	assert_ok
	admit c1 a
	assert_ok
	attach c3 b
	serve c1 8000 8001
	dials outside 203.0.113.1 7080
	cannot_dial outside 203.0.113.1 7081
	cannot_dial c3 203.0.113.1 7080
	dials host 203.0.113.1 7081
}

@test "egress: where a container may go, by address, protocol and port; neighbours too" {
	local on
	keys[a]='.egress = [{cidr: "203.0.113.2/32", protocol: "tcp", port: 8000}, {protocol: "icmp", cidr: "2001:db8::/64"}]'
	attach c1 a
	attach c2 a
	attach c3 b
	serve outside 8000 8001
	serve c2 8000
	serve c1 8000
	dials c1 203.0.113.2 8000
	cannot_dial c1 203.0.113.2 8001
	cannot_reach c1 203.0.113.2
	reaches c1 2001:db8::2
	cannot_reach c1 "$(ip4 c3)"
	# Who comes in is answered.
	dials c3 "$(ip4 c1)" 8000
	for on in 0 1; do
		br_netfilter "$on"
		cannot_dial c1 "$(ip4 c2)" 8000
		cannot_reach c1 "$(ip6 c2)"
	done
	reaches c1 10.74.1.1
}

# packet FROM: one of a protocol without ports and without a payload, to 203.0.113.2
packet() {
	in_ns "$1" python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 99)
s.sendto(b"", ("203.0.113.2", 0))'
}
packets_outside() { in_ns outside nft -j list ruleset | jq '[.. | .counter? // empty | .packets] | add'; }
packets_are() { [[ $(packets_outside) == "$1" ]]; }

@test "egress: what has no port to look at is not let through by that" {
	in_ns outside nft 'table ip watch { chain in { type filter hook prerouting priority -400; ip protocol 99 counter; }; }'
	attach c3 b
	packet c3
	wait_for 30 packets_are 1
	keys[a]='.egress = [{protocol: "tcp"}, {protocol: "icmp"}]'
	attach c1 a
	packet c1
	# In order behind it, so that it would have come by now.
	reaches c1 203.0.113.2
	packets_are 1 || fail "$(packets_outside) arrived"
}

@test "rules that overlap are one list; nft can save it and load it again" {
	keys[a]='.egress = [{cidr: "203.0.113.0/24", protocol: "tcp", port: "8000-8010"},
		{cidr: "203.0.0.0/16", protocol: "tcp", port: "8005-8020"}, {cidr: "203.0.113.0/24", protocol: "tcp", port: 8005}]'
	attach c1 a
	serve outside 8000 8005 8020
	in_ns host nft list ruleset >"$BATS_TEST_TMPDIR/saved"
	in_ns host nft flush ruleset
	in_ns host nft -f "$BATS_TEST_TMPDIR/saved"
	dials c1 203.0.113.2 8000
	dials c1 203.0.113.2 8005
	dials c1 203.0.113.2 8020
	cannot_reach c1 203.0.113.2
	check c1 a
	assert_silent
}

@test "a list goes with the last one that has it; a changed list stands beside the old one" {
	local before
	keys[a]='.ingress = [{protocol: "icmp"}] | .egress = []'
	attach c1 a
	attach c2 a
	[[ $(lists | wc -l) == 2 ]] || fail "lists: $(lists)"
	leave c1 a
	[[ $(lists | wc -l) == 2 ]] || fail "lists: $(lists)"
	keys[a]='.ingress = [{protocol: "tcp", port: 80}]'
	attach c3 a
	[[ $(lists | wc -l) == 3 ]] || fail "lists: $(lists)"
	reaches host "$(ip4 c2)"
	check c3 a
	assert_silent
	leave c3 a
	[[ $(lists | wc -l) == 2 ]] || fail "lists: $(lists)"
	keys[a]='.ingress = [{protocol: "icmp"}] | .egress = []'
	cni DEL firewall "$(firewall_conf a)" c2 "" eth0
	assert_silent
	assert_none_left
}

@test "lists: GC, CHECK, and an ADD that restores" {
	keys=([a]='.ingress = [{protocol: "icmp"}]' [b]='.ingress = [{protocol: "icmp"}]')
	attach c1 a
	attach c2 a
	attach c3 b
	check c1 a
	assert_silent
	in_ns host nft flush table inet heddle
	check c1 a
	assert_error 100
	assert_details list
	admit c1 a
	assert_ok
	admit c3 b
	assert_ok
	check c1 a
	assert_silent
	gc "$(firewall_conf a)" c2/eth0
	assert_silent
	[[ $(lists | wc -l) == 2 ]] || fail "lists: $(lists)"
	gc "$(firewall_conf a)"
	assert_silent
	[[ $(lists | wc -l) == 1 ]] || fail "lists: $(lists)"
	check c3 b
	assert_silent
	gc "$(firewall_conf b)"
	assert_none_left
}

@test "lists with backend iptables, where FORWARD drops: the same, beside the reference's chains" {
	in_ns host iptables -P FORWARD DROP
	in_ns host ip6tables -P FORWARD DROP
	keys[a]='.backend = "iptables" | .ingress = [{cidr: "203.0.113.0/24", protocol: "tcp", port: 8000}]
		| .egress = [{protocol: "icmp"}]'
	policies[a]=same-bridge
	route_from_outside
	attach c1 a
	attach c2 a
	serve c1 8000 8001
	serve outside 8000
	dials outside "$(ip4 c1)" 8000
	cannot_dial outside "$(ip4 c1)" 8001
	see_outside c1
	cannot_dial c1 203.0.113.2 8000
	cannot_reach c2 "$(ip4 c1)"
	[[ -z $(elements admitted4) && $(in_ns host iptables -S CNI-FORWARD | grep -c ACCEPT) == 4 ]]
	check c1 a
	assert_silent
	leave c1 a
	leave c2 a
	assert_none_left
	[[ $(in_ns host iptables -S CNI-FORWARD) != *ACCEPT* ]]
}

@test "the example: a list both ways, with a policy and pins" {
	chain_add firewall-lists c1 c1 eth0
	results[c1]=$prev
	chain_add firewall-lists c2 c2 eth0
	serve outside 443 444
	dials c1 203.0.113.2 443
	cannot_dial c1 203.0.113.2 444
	reaches c1 2001:db8::2
	in_ns outside ip route add 10.76.0.0/24 via 203.0.113.1
	serve c1 8080 7999
	dials outside "$(ip4 c1)" 8080
	cannot_dial outside "$(ip4 c1)" 7999
	chain_run CHECK firewall-lists c2 c2 eth0
	chain_run DEL firewall-lists c2 c2 eth0
	prev=${results[c1]}
	chain_run DEL firewall-lists c1 c1 eth0
	assert_none_left
}

# ---- the mark ------------------------------------------------------------------------

# mark_rules MARK: how many rules of iptables' FORWARD accept it
mark_rules() { in_ns host iptables -S FORWARD | grep -c -- "^-A FORWARD -m mark --mark $1/$1 -j ACCEPT\$" || :; }

@test "markBit: another bit; who says none takes the host's, who says a third is refused" {
	in_ns host iptables -P FORWARD DROP
	attach c1 a
	[[ $(mark_rules 0x2000000) == 1 ]]
	keys[b]='.markBit = 5'
	attach c3 b
	[[ $(mark_rules 0x20) == 1 ]]
	# Those that were there before have the new one now.
	in_ns host iptables -D FORWARD -m mark --mark 0x2000000/0x2000000 -j ACCEPT
	reaches c1 203.0.113.2
	reaches c3 203.0.113.2
	check c1 a
	assert_silent
	attach c2 a
	[[ $(mark_rules 0x2000000) == 0 ]]
	keys[a]='.markBit = 6'
	admit c2 a
	assert_error 7 markBit "bit 5" 6
	[[ $(mark_rules 0x40) == 0 ]]
	in_ns host nft delete chain inet heddle forward
	admit c2 a
	assert_ok
	[[ $(mark_rules 0x40) == 1 ]]
	reaches c1 203.0.113.2
}

@test "a drop chain of nftables, as ufw's or an operator's: the mark lets containers through, and nobody in" {
	route_from_outside
	in_ns host nft 'table inet other { chain forward { type filter hook forward priority 10; policy drop;
		meta mark & 0x2000000 == 0x2000000 accept; }; }'
	join c1 a
	cannot_reach c1 203.0.113.2
	admit c1 a
	assert_ok
	attach c3 b
	see_outside c1
	see c1 c3
	cannot_reach outside "$(ip4 c1)"
}
