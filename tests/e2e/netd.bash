# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# netd - hosts made of namespaces, an underlay between them, and netd on each
#
#	host a     host b     host c		10.99.0.1, 10.99.0.2 …
#	eth0 │     eth0 │     eth0 │		fd00:99::1, fd00:99::2 …
#	     └──────────┴──────────┘ bridge u0, in a namespace of its own
#
#	setup()    { netd_setup; }
#	teardown() { netd_teardown; }
#
#	@test "two nodes see each other" {
#		cluster_start a b
#		wait_for sees a b alive
#	}
#
# A host is a network and a mount namespace: /run, /var/lib and /etc/cni are its own.
# It lives as long as the process that holds it, which ends by itself should a
# test be killed.
#
# The netd of HEDDLE_PLUGINS' build is run, if that is given; HEDDLE_NETD names another.

NETD_E2E_DIR=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
NETD_TOP_DIR=$(cd "$NETD_E2E_DIR/../.." && pwd)
NETD_PLUGINS=${HEDDLE_PLUGINS:-$NETD_TOP_DIR/build/plugins}
NETD=${HEDDLE_NETD:-${NETD_PLUGINS%/*}/netd}
# shellcheck disable=SC2034 # for the tests
NETD_PORT=4794
NETD_HOLD_SECONDS=900

# What takes long is for those who have the time.
need_full() { [[ -n ${HEDDLE_FULL:-} ]] || skip "only in make test-full"; }

# ---- waiting ------------------------------------------------------------------

# wait_for COMMAND…: tries it for up to 30 s
wait_for() { wait_at_most 30 "$@"; }

# wait_at_most SECONDS COMMAND…
wait_at_most() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		if ((SECONDS >= end)); then
			echo "gave up waiting for: $*" >&2
			return 1
		fi
		sleep 0.05
	done
}

# ---- hosts ----------------------------------------------------------------------

# hold_namespace SCRIPT: new network and mount namespaces in which SCRIPT has run; prints the
# process that holds them
hold_namespace() {
	local pid=
	read -r pid < <(exec unshare --net --mount --propagation private sh -ec "
		ip link set lo up
		$1
		echo \$\$
		exec sleep $NETD_HOLD_SECONDS >/dev/null 2>&1" 3>&- 4>&-)
	[[ -n $pid ]] && echo "$pid"
}

netd_setup() {
	declare -gA HOST_PIDS=() NETD_PIDS=()
	HOSTS_MADE=0
	UNDERLAY_PID=$(hold_namespace "ip link add u0 type bridge; ip link set u0 up")
}

netd_teardown() {
	local pid
	disown -a
	for pid in "${NETD_PIDS[@]}" "${HOST_PIDS[@]}" $UNDERLAY_PID; do
		kill -KILL "$pid" 2>/dev/null || :
	done
}

on_host() {
	local pid=${HOST_PIDS[$1]}
	shift
	nsenter --target "$pid" --mount --net -- "$@"
}

on_underlay() { nsenter --target "$UNDERLAY_PID" --mount --net -- "$@"; }

host_ip() { on_host "$1" cat /run/ip; }
host_ip6() { on_host "$1" cat /run/ip6; }

# host_plug NAME DEVICE: a cable from a device of the host to the underlay
host_plug() {
	local port=$1-$2
	on_host "$1" ip link add "$2" type veth peer name "$port" netns "$UNDERLAY_PID"
	on_host "$1" ip link set "$2" up
	on_underlay ip link set "$port" master u0 up
}

# host_start NAME…: each with the next addresses of the underlay
host_start() {
	local name n
	for name; do
		n=$((++HOSTS_MADE))
		HOST_PIDS[$name]=$(hold_namespace "
			mount -t tmpfs tmpfs /run
			mount -t tmpfs tmpfs /var/lib
			mkdir -p /etc/cni && mount -t tmpfs tmpfs /etc/cni
			echo 10.99.0.$n >/run/ip
			echo fd00:99::$n >/run/ip6")
		host_plug "$name" eth0
		on_host "$name" ip address add "10.99.0.$n/24" dev eth0
		on_host "$name" ip address add "fd00:99::$n/64" dev eth0 nodad
	done
}

# host_stop NAME: power off, without a word
host_stop() {
	netd_kill "$1" || :
	kill -KILL "${HOST_PIDS[$1]}"
	unset "HOST_PIDS[$1]"
	on_underlay ip link delete "$1-eth0" 2>/dev/null || :
}

# ---- netd -----------------------------------------------------------------------

netd_log() { cat "$BATS_TEST_TMPDIR/$1.log"; }

# netd_configure HOST [LINE…]: its config file; a name and where its data is are given
netd_configure() {
	local name=$1
	shift
	printf '%s\n' "name = $name" "log-level = debug" "$@" |
		on_host "$name" tee /run/netd.conf >/dev/null
}

netd_run() {
	local name=$1
	shift
	on_host "$name" test -e /run/netd.conf || netd_configure "$name"
	on_host "$name" "$NETD" --config /run/netd.conf "$@"
}

# netd_ask HOST METHOD [PARAMS]: prints the result; fails with the error on stderr
netd_ask() { on_host "$1" python3 "$NETD_E2E_DIR/netd.py" ask "${@:2}"; }

netd_answers() { netd_ask "$1" status >/dev/null 2>&1; }

netd_is_running() { kill -0 "${NETD_PIDS[$1]}" 2>/dev/null; }

netd_has_started() {
	netd_answers "$1" && return
	netd_is_running "$1" || { netd_log "$1" >&2; exit 1; }
	return 1
}

# netd_start HOST…: and wait until it answers
netd_start() {
	local name
	for name; do
		on_host "$name" test -e /run/netd.conf || netd_configure "$name"
		nsenter --target "${HOST_PIDS[$name]}" --mount --net -- setpriv --pdeathsig KILL \
			"$NETD" --config /run/netd.conf >>"$BATS_TEST_TMPDIR/$name.log" 2>&1 3>&- &
		NETD_PIDS[$name]=$!
	done
	for name; do
		wait_for netd_has_started "$name"
	done
}

netd_signal() { kill "-$2" "${NETD_PIDS[$1]}"; }

netd_gone() {
	local status=0
	netd_signal "$1" "$2"
	wait "${NETD_PIDS[$1]}" || status=$?
	unset "NETD_PIDS[$1]"
	return "$status"
}

# netd_stop HOST: as systemd does; fails if it does not end well
netd_stop() { netd_gone "$1" TERM; }

netd_kill() { netd_gone "$1" KILL || :; }

# netd_metric HOST NAME[{LABELS}]: its value
netd_metric() {
	on_host "$1" curl -sS --unix-socket /run/heddle/metrics.sock http://netd/metrics |
		awk -v name="$2" '$1 == name { print $2 }'
}

# netd_counted HOST NAME[{LABELS}] LEAST: whether it counts so many
netd_counted() { (($(netd_metric "$1" "$2") >= $3)); }

# ---- clusters -------------------------------------------------------------------

token_create() { netd_ask "$1" token.create "${2:-{\}}" | jq -r .token; }

# cluster_found HOST: its first node
cluster_found() {
	netd_run "$1" init
	netd_start "$1"
}

# cluster_join HOST BY: by a token of another one
cluster_join() {
	netd_answers "$1" || netd_start "$1"
	netd_run "$1" join "$(token_create "$2")" "$(host_ip "$2")"
}

# nodes HOST: what it knows, as lines of name and state
nodes() { netd_ask "$1" node.list | jq -r '.nodes[] | "\(.name) \(.state)"' | sort; }

# sees HOST NODE STATE
sees() { nodes "$1" | grep -qx "$2 $3"; }

node_id() { netd_ask "$1" status | jq -r .cluster.id; }

# all_see_all HOST…: each sees all of them alive, and nobody else
all_see_all() {
	local name want
	want=$(printf '%s alive\n' "$@" | sort)
	for name; do
		[[ $(nodes "$name") == "$want" ]] || return 1
	done
}

# cluster_start HOST…: hosts, with netd, in one cluster
cluster_start() {
	local first=$1 name
	host_start "$@"
	cluster_found "$first"
	shift
	for name; do
		cluster_join "$name" "$first"
	done
	wait_for all_see_all "$first" "$@"
}
