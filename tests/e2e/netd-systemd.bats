#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The unit, as `make install` lays it out, under a real systemd: how it becomes ready, who
# it is, what it may touch, and what its stop, its restart and its death do.

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # awk; bats runs each test in a subshell; netd.bash sets what it says
load netd
load netd-overlay
load systemd

# The sanitizers' leak checker traces its own process, which the sandbox is there to forbid.
is_sanitized() { ldd "$NETD" | grep -q libasan; }

setup_file() {
	export IMAGE=$BATS_FILE_TMPDIR/image
	is_sanitized || install_into "$IMAGE"
}

setup() {
	! is_sanitized || skip "netd is built with sanitizers, which do not run in its sandbox"
	machine_needs
	netd_setup
	host_start a
	mkdir "$BATS_TEST_TMPDIR/a"
	cp -a "$IMAGE" "$BATS_TEST_TMPDIR/a/image"
	machine_boot a "$BATS_TEST_TMPDIR/a"
}

teardown() {
	netd_teardown
	machine_leave
}

unit() { on_machine a systemctl --no-pager "$1" heddle-netd; }
property() { on_machine a systemctl show -P "$1" heddle-netd; }
journal() { on_machine a journalctl --no-pager --quiet --output cat --unit heddle-netd; }
journal_has() { journal | grep -qF -- "$1"; }
is_up() { [[ $(netd_ask a status | jq -r .cluster.phase) == up ]]; }

# as_netd COMMAND…: where it is, and as who it is
as_netd() {
	on_machine a nsenter --target "$(property MainPID)" --mount -- \
		setpriv --reuid heddle-netd --regid heddle-netd --init-groups "$@"
}

# of_process FIELD: of netd's /proc/PID/status
of_process() {
	on_machine a awk -v field="$1:" '$1 == field { print $2 }' "/proc/$(property MainPID)/status"
}

@test "it is ready when it answers, and says what to do first" {
	unit start
	# Type=notify: systemctl has come back, so it has said that it is ready.
	[[ $(property Type) == notify && $(property ActiveState) == active ]]
	on_machine a heddle netd status | jq -e '.why | contains("netd init founds one, netd join")'
	journal_has "in no cluster: netd init founds one, netd join enters one"
	run on_machine a heddle network create --scope swarm web
	[[ $status -ne 0 && $output == *"netd init"* ]]

	on_machine a netd init
	wait_for is_up
	on_machine a heddle network create --scope swarm web
}

@test "it is a user of its own with two capabilities, in a sandbox" {
	unit start
	[[ $(of_process Uid) == "$(on_machine a id -u heddle-netd)" ]]
	local set
	for set in CapPrm CapEff CapBnd; do
		[[ $(of_process $set) == 0000000000003000 ]]
	done
	[[ $(of_process NoNewPrivs) == 1 && $(of_process Seccomp) == 2 ]]
	on_machine a systemd-analyze --no-pager security --threshold=30 heddle-netd >/dev/null

	# It writes where it has to, and nowhere else.
	local dir
	for dir in /var/lib/heddle/netd /run/heddle /etc/cni/net.d /run/docker/plugins; do
		as_netd sh -c "touch $dir/probe && rm $dir/probe"
	done
	for dir in /etc /etc/cni /etc/heddle /usr /var/lib /run /sys/fs/cgroup; do
		run as_netd touch "$dir/probe"
		[[ $status -ne 0 ]] || { echo "$dir" >&2; return 1; }
	done
	[[ $(on_machine a stat -c '%a %U %G' /run/heddle/netd.sock) == "660 heddle-netd heddle" ]]
	on_machine a setpriv --reuid nobody --regid nogroup --groups heddle heddle node ls 2>&1 | grep "netd init"
	run on_machine a setpriv --reuid nobody --regid nogroup --clear-groups heddle node ls
	[[ $status -ne 0 && $output == *"Permission denied; only root and"* ]]
}

@test "a wrong configuration stops the start and the reload, and its line is told" {
	on_machine a mkdir -p /etc/heddle
	on_machine a sh -c 'echo "vxlan-port = 70000" >/etc/heddle/netd.conf'
	run unit start
	[[ $status -ne 0 ]]
	journal_has '/etc/heddle/netd.conf:1: vxlan-port: "70000": a port is a number from 1 to 65535'

	on_machine a sh -c 'echo "log-level = debug" >/etc/heddle/netd.conf'
	on_machine a systemctl reset-failed heddle-netd
	unit start
	on_machine a sh -c 'echo "log-level = loud" >/etc/heddle/netd.conf'
	run unit reload
	[[ $status -ne 0 && $(property ActiveState) == active ]]
	journal_has 'log-level: "loud"'
	on_machine a sh -c 'echo "log-level = info" >/etc/heddle/netd.conf'
	unit reload
	wait_for journal_has "the configuration was read again"
}

# two_hosts: a, where the unit is, and b; with a network, and a container on each
two_hosts() {
	on_machine a netd init
	unit start
	wait_for is_up
	host_start b
	netd_start b
	netd_run b join "$(on_machine a heddle token create)" 10.99.0.1
	network_create b warp
	network_everywhere warp a b
	on_machine a sh -c 'mkdir -p /run/netns && ip netns add c1 && heddle attach --network warp c1'
	attach b warp c1
	will_reach b c1 "$(address a c1 4)"
}

bridge_index() { on_host a ip -j link show type bridge | jq '.[].ifindex'; }

restarted() { [[ $(property NRestarts) == "$1" && $(property ActiveState) == active ]] && netd_answers a; }

@test "a stop leaves the data plane, a start adopts it, and a death is followed by a start" {
	two_hosts
	local web bridge
	web=$(address a c1 4)
	bridge=$(bridge_index)
	unit stop
	[[ $(property Result) == success ]]
	reaches b c1 "$web"
	unit start
	reaches b c1 "$web"

	on_machine a kill -KILL "$(property MainPID)"
	wait_for restarted 1
	reaches b c1 "$web"
	unit restart
	wait_for is_up
	reaches b c1 "$web"
	[[ $(bridge_index) == "$bridge" ]]
	on_host a curl -sS --unix-socket /run/heddle/metrics.sock http://netd/metrics |
		awk '/^heddle_netd_plane_(repaired_total|failures_total)/ && $2 != 0 { print; bad = 1 } END { exit bad }'
	on_machine a heddle detach c1
}

@test "Docker's socket, metrics, and another tool's FORWARD from inside the sandbox" {
	two_hosts
	on_host a curl -sS --unix-socket /run/docker/plugins/heddle.sock -X POST http://netd/Plugin.Activate |
		jq -e '.Implements == ["NetworkDriver", "IpamDriver"]'
	[[ $(netd_metric a heddle_netd_up) == 1 ]]
	on_host a iptables -P FORWARD DROP
	passes() { on_host a iptables -S FORWARD | grep -q -- "--mark 0x2000000/0x2000000 -j ACCEPT"; }
	wait_for passes
}

@test "joined while it is stopped, and started by systemd at the next boot" {
	host_start b
	cluster_found b
	unit start
	unit stop
	on_machine a netd join "$(token_create b)" 10.99.0.2
	unit enable
	[[ $(on_machine a systemctl is-enabled heddle-netd) == enabled ]]
	unit start
	wait_for all_see_all_named
}

all_see_all_named() { [[ $(netd_ask b node.list | jq '[.nodes[] | select(.state == "alive")] | length') == 2 ]]; }
