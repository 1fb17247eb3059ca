#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# netd as a process: its configuration, who it is and who may ask it, signals, what
# it tells the service manager, a disk that is full, and being killed.

load netd.bash
load netd-overlay.bash

setup() { netd_setup; }
teardown() { netd_teardown; }

why() { netd_ask "$1" status | jq -r '.why // "ready"'; }
is_ready() { [[ $(why "$1") == ready ]]; }
is_not_ready() { ! is_ready "$1"; }

log_has() { netd_log "$1" | grep -qF -- "$2"; }

# process_says HOST FIELD: of its /proc/PID/status
process_says() { awk -v field="$2:" '$1 == field { print $2 }' "/proc/$(netd_pid "$1")/status"; }
netd_pid() { netd_ask "$1" status | jq .pid; }

# ask_as HOST OPTIONS…: the state, asked by somebody whom setpriv makes
ask_as() {
	local host=$1
	shift
	on_host "$host" setpriv --reuid 65534 --regid 65534 "$@" \
		socat -t10 - UNIX-CONNECT:/run/heddle/netd.sock <<<'{"id":1,"method":"status"}'
}

# refused TEXT MESSAGE: a configuration with which it does not start
refused() {
	on_host a tee /run/netd.conf <<<"$1" >/dev/null
	for command in "" check init; do
		# shellcheck disable=SC2086 # no command is no word
		run netd_run a $command
		[[ $status -eq 1 && $output == "netd: /run/netd.conf:$2"* ]] || {
			echo "with \"$command\": status $status: $output"
			return 1
		}
	done
	on_host a test ! -e /var/lib/heddle
}

@test "a bad key or value stops the start, and its line is named" {
	host_start a
	refused $'# one\n\ncolour = red' '3: there is no key "colour": see netd.conf(5)'
	refused $'vxlan-port = 70000' '1: vxlan-port: "70000": a port is a number from 1 to 65535'
	refused $'name = a\nlisten = 10.99.0.1:x' '2: listen: "10.99.0.1:x": "10.99.0.1:x" is no address'
	refused $'name = a\nname = b' '2: name: given a second time'
	refused $'control-group = no-such-group' '1: control-group: "no-such-group": there is no such group'
}

@test "the example of a configuration is right" {
	host_start a
	run on_host a "$NETD" --config "$NETD_TOP_DIR/conf-examples/netd.conf" check
	[[ $status -eq 0 && $output == *"netd.conf is right" ]]
}

@test "the control socket is for root and its group" {
	host_start a
	netd_configure a "control-group = games"
	netd_start a
	[[ $(on_host a stat -c '%a %U %G' /run/heddle/netd.sock) == "660 root games" ]]
	run ask_as a --groups games
	[[ $output == *'"ready":false'* ]]
	run ask_as a --clear-groups
	[[ $status -ne 0 && $output == *"Permission denied"* ]]

	netd_stop a
	on_host a test ! -e /run/heddle/netd.sock
	netd_configure a "control-group ="
	netd_start a
	[[ $(on_host a stat -c '%a %G' /run/heddle/netd.sock) == "600 root" ]]
	run ask_as a --groups games
	[[ $status -ne 0 && $output == *"Permission denied"* ]]
}

@test "it works as a user of its own, with two capabilities" {
	host_start a
	on_host a install -d -o nobody /etc/cni/net.d
	netd_configure a "user = nobody"
	netd_start a
	[[ $(process_says a Uid) == 65534 && $(process_says a Gid) == 65534 ]]
	[[ $(process_says a CapPrm) == 0000000000003000 && $(process_says a CapEff) == 0000000000003000 ]]
	[[ $(on_host a stat -c '%a %U' /var/lib/heddle/netd) == "700 nobody" ]]

	netd_run a init
	wait_for is_ready a
	network_create a blau '{"subnets": [{"subnet": "10.77.0.0/24"}]}'
	network_everywhere blau a
	attach a blau c1
	in_container a c1 ping -c1 -W5 10.77.0.1
	[[ $(on_host a stat -c %U "$(conflist blau)") == nobody ]]
}

@test "what root writes before a start belongs to the user that owns the data" {
	host_start a
	netd_configure a "user = nobody"
	on_host a install -d -o nobody /var/lib/heddle/netd
	netd_configure a
	netd_run a init
	[[ $(on_host a stat -c '%a %U' /var/lib/heddle/netd/store.mdb) == "600 nobody" ]]
	netd_configure a "user = nobody"
	netd_start a
	wait_for is_ready a

	# As does a root who runs it by hand.
	netd_stop a
	netd_configure a
	netd_start a
	wait_for is_ready a
	[[ $(process_says a Uid) == 65534 ]]
}

@test "a data directory has one netd" {
	host_start a
	netd_start a
	run netd_run a
	[[ $status -eq 1 && $output == *"/var/lib/heddle/netd is in use: another netd runs with this data-dir" ]]
	netd_answers a
}

@test "SIGHUP takes over what it may, and nothing of a file that is wrong" {
	host_start a
	netd_start a
	netd_configure a "log-format = json" "vxlan-port = 8472"
	netd_signal a HUP
	wait_for log_has a 'what needs a restart: vxlan-port'
	netd_log a | grep 'what needs a restart' | jq -e '.level == "warning" and .area == "daemon"'

	netd_configure a "log-format = xml"
	netd_signal a HUP
	wait_for log_has a 'log-format: \"xml\": it is one of text, json: all stays as it was'
	netd_answers a
}

@test "the service manager is told" {
	host_start a
	# Not by on_host, whose shell would be the process to end.
	nsenter --target "${HOST_PIDS[a]}" --mount --net -- \
		socat -u UNIX-RECV:/run/notify OPEN:/run/told,creat,append 3>&- &
	local listener=$!
	wait_for on_host a test -S /run/notify
	NOTIFY_SOCKET=/run/notify netd_start a
	wait_for on_host a grep -q READY=1 /run/told
	netd_signal a HUP
	wait_for on_host a grep -q RELOADING=1 /run/told
	netd_stop a
	wait_for on_host a grep -q STOPPING=1 /run/told
	kill "$listener"
}

@test "metrics on a loopback address" {
	host_start a
	netd_configure a "metrics = 127.0.0.1:9794"
	netd_start a
	run on_host a curl -sS http://127.0.0.1:9794/metrics
	[[ $status -eq 0 && $output == *"heddle_netd_store_commits_total "* ]]
	run on_host a curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:9794/other
	[[ $output == 404 ]]
	run on_host a curl -sS http://10.99.0.1:9794/metrics
	[[ $status -ne 0 ]]
}

@test "with a full disk nothing is added, the rest goes on, and room is noticed" {
	host_start a
	on_host a mount -o remount,size=1m /var/lib
	cluster_found a
	wait_for is_ready a
	network_create a blau '{"subnets": [{"subnet": "10.77.0.0/24"}]}'
	network_everywhere blau a
	attach a blau c1
	attach a blau c2

	on_host a sh -c 'dd if=/dev/zero of=/var/lib/filler bs=4k 2>/dev/null || :'
	local n
	for n in $(seq 3 200); do
		container_new a "c$n"
		cni ADD a blau "c$n"
		((status == 0)) || break
	done
	[[ $status -ne 0 ]]
	jq -e '.code == 5 and (.msg | contains("takes no data (No space left on device)"))' <<<"$output"
	[[ $(why a) == "the disk takes no data"* ]]
	[[ $(netd_metric a heddle_netd_store_trouble) == 1 ]]
	run network_create a schwarz
	[[ $status -ne 0 && $output == *"takes no data"* ]]

	# What goes is still remembered as gone, and a start is possible.
	detach a blau c2
	netd_kill a
	netd_start a
	[[ $(netd_metric a heddle_netd_store_failures_total) == 0 ]]
	in_container a c1 ping -c1 -W5 10.77.0.1

	on_host a rm /var/lib/filler
	wait_for is_ready a
	cni ADD a blau "c$n"
	[[ $status -eq 0 ]]
}

@test "killed at any time, it starts again as who it was" {
	host_start a
	cluster_found a
	wait_for is_ready a
	local id round
	id=$(node_id a)
	for round in 1 2 3 4 5 6 7 8; do
		(
			n=0
			while network_create a "n$round-$((++n))"; do :; done
		) >/dev/null 2>&1 3>&- &
		wait_for has_conflist a "n$round-$round"
		netd_kill a
		wait $!
		netd_start a
		wait_for is_ready a
		[[ $(node_id a) == "$id" ]]
		netd_ask a network.list | jq -e --arg name "n$round-$round" 'tostring | contains($name)'
	done
}
