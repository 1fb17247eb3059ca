# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# plane - hosts with netd's data plane alone, which is driven by hand (tests/plane)
#
#	container c1    container c2
#	      │               │
#	hb ── hv          hb ── hv
#	 host a            host b      … eth0: 10.99.0.1, 10.99.0.2 …, fd99::1, fd99::2 …
#	    └───────┬─────────┘
#	          wire: a bridge; out there 10.99.0.254
#
#	hosts_add a b
#	network_up				# network "blue" on all hosts, each told of the others
#	container_add a c1			# 10.1.0.101, told to the others
#
# Numbers stand for everything: host 1 is a, container c7 has .107, and so on.

PLANE=${PLUGINS%/*}/plane
WORK_SECONDS=30
GATEWAY_MAC=02:00:00:00:00:01
ID=01
BRIDGE=hb-010000000000
VXLAN=hv-010000000000
declare -gA PLANE_IN PLANE_OUT PLANE_PID
HOSTS=()

number_of() { printf '%d' $(($(printf '%d' "'$1") - 96)); }
other_hosts() {
	local h
	for h in "${HOSTS[@]}"; do [[ "$h" == "$1" ]] || echo "$h"; done
}
vtep_of() { echo "${UNDERLAY_PREFIX:-10.99.0.}$(number_of "$1")"; }

# ---- hosts --------------------------------------------------------------------

wire_add() {
	netns_add wire
	in_ns wire ip link add name w0 type bridge
	in_ns wire ip link set dev w0 up
	in_ns wire ip addr add 10.99.0.254/24 dev w0
	in_ns wire ip addr add fd99::254/64 dev w0 nodad
}

hosts_add() {
	local h n
	[[ -e $(netns_path wire) ]] || wire_add
	for h; do
		n=$(number_of "$h")
		netns_add "$h"
		in_ns "$h" ip link set dev lo up
		in_ns "$h" ip link add name eth0 type veth peer name "$h" netns "$(netns_name wire)"
		in_ns wire ip link set dev "$h" master w0 up
		in_ns "$h" ip link set dev eth0 up
		in_ns "$h" ip addr add "10.99.0.$n/24" dev eth0
		in_ns "$h" ip addr add "fd99::$n/64" dev eth0 nodad
		HOSTS+=("$h")
		wait_for "$WORK_SECONDS" is_up "$h" eth0
		plane_start "$h"
	done
}

# plane_start HOST: its data plane, which ends with plane_stop or plane_kill, or the test
plane_start() {
	local dir=$BATS_TEST_TMPDIR/plane-$1 in out
	mkdir -p "$dir"
	rm -f "$dir/in" "$dir/out"
	mkfifo "$dir/in" "$dir/out"
	exec {in}<>"$dir/in" {out}<>"$dir/out"
	# shellcheck disable=SC2016 # the shell in there is meant
	background "$1" sh -c 'exec "$0" <"$1/in" >"$1/out" 2>>"$1/log"' "$PLANE" "$dir"
	PLANE_PID[$1]=$! PLANE_IN[$1]=$in PLANE_OUT[$1]=$out
	plane_reply "$1"
	plane "$1" vtep "$(vtep_of "$1")"
}

plane_reply() {
	read -r -t "$WORK_SECONDS" -u "${PLANE_OUT[$1]}" reply || fail "no answer of $1: $(<"$BATS_TEST_TMPDIR/plane-$1/log")"
}

# plane HOST COMMAND…: sets $reply; fails if that is an error
plane() {
	plane_asked "$@"
	[[ $reply == ok* ]] || fail "$*: $reply"
}
plane_asked() {
	echo "${*:2}" >&"${PLANE_IN[$1]}"
	plane_reply "$1"
}

plane_stop() {
	plane "$1" quit
	plane_gone "$1"
}
plane_kill() {
	kill -KILL "${PLANE_PID[$1]}"
	plane_gone "$1" || :
}
plane_gone() {
	local in=${PLANE_IN[$1]} out=${PLANE_OUT[$1]}
	exec {in}>&- {out}>&-
	wait "${PLANE_PID[$1]}"
}

# counter HOST NAME
counter() {
	plane "$1" counters
	[[ $reply =~ $2=([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}
counter_is_above() { (($(counter "$1" "$2") > $3)); }

# ---- the network ----------------------------------------------------------------

# serve HOST [FLAGS [MTU]]: 10.1.0.0/24 and fd01::/64, whose own addresses are .2 for host a and so on
serve() {
	local n
	n=$(number_of "$1")
	plane "$1" serve "$ID" blue 4096 4789 "${3:-0}" "$GATEWAY_MAC" "02:00:00:00:01:0$n" "${2:-masq,pin}" \
		"10.1.0.0/24,10.1.0.1,10.1.0.$((n + 1))" "fd01::/64,fd01::1,fd01::$((n + 1))"
}

# tell HOST OTHER: that it is a member, with its own addresses
tell_of_host() {
	local n
	n=$(number_of "$2")
	plane "$1" peer "$ID" "$(vtep_of "$2")"
	plane "$1" endpoint "$ID" "10.1.0.$((n + 1))" "02:00:00:00:01:0$n" "$(vtep_of "$2")"
	plane "$1" endpoint "$ID" "fd01::$((n + 1))" "02:00:00:00:01:0$n" "$(vtep_of "$2")"
}

network_up() {
	local h o
	for h in "${HOSTS[@]}"; do
		serve "$h" "$@"
		for o in $(other_hosts "$h"); do tell_of_host "$h" "$o"; done
		plane "$h" complete "$ID"
		plane "$h" sweep
		plane "$h" flush
	done
}

# ---- containers -------------------------------------------------------------------

mac_of() { printf '02:00:00:00:02:%02x' "${1#c}"; }
ip4_of() { echo "10.1.0.$((100 + ${1#c}))"; }
ip6_of() { echo "fd01::$((100 + ${1#c}))"; }

# port_of HOST CONTAINER
port_of() {
	plane "$1" port blue "$2"
	echo "${reply#ok }"
}

# container_add HOST NAME: attached there, and told to the other hosts
container_add() {
	local port o
	port=$(port_of "$1" "$2")
	netns_add "$2"
	in_ns "$2" ip link set dev lo up
	in_ns "$1" ip link add name "$port" mtu 1450 type veth peer name eth0 mtu 1450 \
		address "$(mac_of "$2")" netns "$(netns_name "$2")"
	in_ns "$1" ip link set dev "$port" master "$BRIDGE" up
	in_ns "$2" ip link set dev eth0 up
	in_ns "$2" ip addr add "$(ip4_of "$2")/24" dev eth0
	in_ns "$2" ip addr add "$(ip6_of "$2")/64" dev eth0 nodad
	in_ns "$2" ip route add default via 10.1.0.1
	in_ns "$2" ip route add default via fd01::1
	wait_for "$WORK_SECONDS" is_up "$2" eth0
	attach "$1" "$2"
	for o in $(other_hosts "$1"); do
		tell_of "$o" "$2" "$1"
		plane "$o" flush
	done
}

attach() { plane "$1" attach "$ID" blue "$2" "$(mac_of "$2")" "$(ip4_of "$2")" "$(ip6_of "$2")"; }

# tell_of HOST CONTAINER WHERE
tell_of() {
	plane "$1" endpoint "$ID" "$(ip4_of "$2")" "$(mac_of "$2")" "$(vtep_of "$3")"
	plane "$1" endpoint "$ID" "$(ip6_of "$2")" "$(mac_of "$2")" "$(vtep_of "$3")"
}

# meet A B: containers, both ways, both families
meet() {
	reaches "$1" "$(ip4_of "$2")" && reaches "$1" "$(ip6_of "$2")" &&
		reaches "$2" "$(ip4_of "$1")" && reaches "$2" "$(ip6_of "$1")"
}

# will_meet A B, will_reach FROM ADDRESS: asked again and again, for up to 30 s
will_reach() { in_ns "$1" ping -q -n -i 0.2 -c 1 -w 30 "$2" >/dev/null; }
will_meet() {
	will_reach "$1" "$(ip4_of "$2")" && will_reach "$1" "$(ip6_of "$2")" &&
		will_reach "$2" "$(ip4_of "$1")" && will_reach "$2" "$(ip6_of "$1")"
}

# Two hosts with a container each.
lab_of_two() {
	hosts_add a b
	network_up "$@"
	container_add a c1
	container_add b c2
}

# entries HOST: of the kernel, that are ours
fdb_entries() { in_ns "$1" bridge fdb show dev "$VXLAN" | grep -c extern_learn; }
neighbour_entries() { in_ns "$1" ip neigh show dev "$BRIDGE" proto 104 | grep -c extern_learn; }
