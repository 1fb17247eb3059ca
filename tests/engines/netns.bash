# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# netns - namespaces of `ip netns` with heddle attach, without any engine; see cell

netns_probe() { command -v ip >/dev/null || { echo "iproute2 is not installed"; return 1; }; }
netns_up() { :; }
netns_down() { :; }

# netns_options NETWORK [ip=ADDRESS] [port=PORTS]
netns_options() {
	local option
	echo --network "$(network_name "$1")"
	for option in "${@:2}"; do
		case $option in
		ip=*) echo --ip "${option#ip=}" ;;
		port=*) echo -p "${option#port=}" ;;
		esac
	done
}

# A process keeps each namespace, as that of a container does.
netns_start() {
	on_host ip netns add "$1"
	daemon_start "netns-$1" ip netns exec "$1" sleep 100000
	# shellcheck disable=SC2046 # words
	heddle attach $(netns_options "${@:2}") "$1" >/dev/null
}

netns_pid() { on_host ip netns pids "$1" | head -n 1; }

netns_remove() {
	heddle detach "$1" >/dev/null
	kill "$(<"$STATE/netns-$1.pid")" 2>/dev/null || :
	on_host ip netns delete "$1"
}

netns_start_slowly() {
	on_host ip netns add "$1"
	daemon_start "netns-$1" ip netns exec "$1" sleep 100000
	# shellcheck disable=SC2046 # words
	daemon_start create "$STATE/bin/heddle" attach $(netns_options "$2") "$1"
}

netns_recover() { netns_remove "$1"; }
