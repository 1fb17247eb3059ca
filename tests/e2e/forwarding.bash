# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2034,SC2154 # jq programs; bats runs each test in a subshell
#
# forwarding - what the bats files of the firewall plugin share, beside lib.bash and chained.bash
#
#	c1  c2      c3
#	 |   |       |
#	 bridge a   bridge b      host     wan0 203.0.113.1 ---- .2 eth0 outside

# bats reads this file inside a function.
declare -gA results keys policies=([a]=open [b]=open) numbers=([a]=1 [b]=2)

setup() {
	lab_setup
	netns_add c1 c2 c3
	outside_add
}
teardown() { lab_teardown; }

# bridge_conf NETWORK: the example's bridge, with names and addresses of this network
bridge_conf() {
	conf firewall '.name = $name | .bridge = "\($name)0"
		| .ipam.ranges = [[{subnet: "10.74.\($n).0/24"}], [{subnet: "fd00:74:\($n)::/64"}]]' \
		--arg name "$1" --arg n "${numbers[$1]}"
}

# firewall_conf NETWORK [CONTAINER [FILTER]]: with the container's result, and what keys[NETWORK] sets
firewall_conf() {
	prev=${2:+${results[$2]}} chained firewall firewall \
		'.name = $name | .ingressPolicy = $policy | '"${keys[$1]:-.} | ${3:-.}" \
		--arg name "$1" --arg policy "${policies[$1]}"
}

# join CONTAINER NETWORK: the bridge's ADD, so that it is connected and not yet admitted
join() {
	cni ADD bridge "$(bridge_conf "$2")" "$1" "$1" eth0
	assert_ok
	results[$1]=$out
}

admit() { cni ADD firewall "$(firewall_conf "$2" "$1")" "$1" "$1" eth0; }

attach() {
	join "$1" "$2"
	admit "$1" "$2"
	assert_ok
}

check() { cni CHECK firewall "$(firewall_conf "$2" "$1")" "$1" "$1" eth0; }

leave() {
	cni DEL firewall "$(firewall_conf "$2" "$1")" "$1" "$1" eth0
	assert_silent
}

ip4() { jq -r '.ips[0].address | sub("/.*"; "")' <<<"${results[$1]}"; }
ip6() { jq -r '.ips[1].address | sub("/.*"; "")' <<<"${results[$1]}"; }

br_netfilter() {
	local key
	for key in iptables ip6tables; do
		in_ns host sysctl -qw "net.bridge.bridge-nf-call-$key=$1" || skip "kernel: no br_netfilter"
	done
}

# see FROM TO, see_not FROM TO: in both families
see() {
	reaches "$1" "$(ip4 "$2")" || fail "$1 does not see $2"
	reaches "$1" "$(ip6 "$2")" || fail "$1 does not see $2 by IPv6"
}
see_not() { reaches_none "$1" "$(ip4 "$2")" "$(ip6 "$2")" || fail "$1 sees $2"; }

# reaches_none NAMESPACE ADDRESS…: no echo request is answered; all wait at once
reaches_none() {
	local ns=$1 address pid pids=() r=0
	shift
	for address; do
		cannot_reach "$ns" "$address" 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || r=1
	done
	return "$r"
}

see_outside() {
	reaches "$1" 203.0.113.2 || fail "$1 does not see what is outside"
	reaches "$1" 2001:db8::2 || fail "$1 does not see what is outside by IPv6"
}

# elements SET [FAMILY]: its keys, one a line
elements() {
	in_ns host nft -j list set "${2:-inet}" heddle "$1" 2>/dev/null |
		jq -r '.nftables[].set.elem // [] | .[].elem.val | if type == "object" then .concat | join(" ") else . end'
}

# left: what an attachment of this plugin can leave, one element or list a line
left() {
	in_ns host nft -j list ruleset | jq -r '.nftables[]
		| (.set // .map // empty
			| select(.name | test("^(admitted|shut|isolated|internal|ingress|egress|listed|zoned|pinned)"))
			| .name as $name | .elem // [] | .[] | "\($name) \(.)"),
		  (.chain // empty | select(.name | test("^[ie][0-9a-f]{14}$")) | "list \(.name)")' | sort
}

assert_none_left() { [[ -z $(left) ]] || fail "left${1:+ by $1}: $(left)"; }

listens() { [[ -n $(in_ns "$1" ss -Hltn "sport = :$2") ]]; }

# A way from outside to the containers.
route_from_outside() {
	in_ns outside ip route add 10.74.0.0/16 via 203.0.113.1
	in_ns outside ip -6 route add fd00:74::/32 via 2001:db8::1
}
