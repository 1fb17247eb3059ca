# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# ctr - containers of `ctr run --cni`, which reads /etc/cni/net.d and /opt/cni/bin; see cell
#
# It detaches them at their end if it stays in the foreground, and only then.

# shellcheck source=tests/engines/cri.bash
source "$ENGINES_DIR/cri.bash"

ctr() { on_host ctr "$@"; }

ctr_probe() { cri_probe; }

ctr_up() {
	cri_up
	ctr images import "$STATE/bb.tar" >/dev/null
}

ctr_down() { cri_down; }

# ctr_command NAME NETWORK: sets $command
ctr_command() {
	command=(ctr run --rm --snapshotter native)
	case $2 in
	host) command+=(--net-host) ;;
	none) ;;
	*) command+=(--cni) ;;
	esac
	command+=(docker.io/library/bb:latest "$1" sleep 100000)
}

# ctr says nothing when its container runs; the network is there before that.
ctr_start() {
	local command
	ctr_command "$@"
	daemon_start "ctr-$1" "${command[@]}"
	wait_until ctr_runs "$1"
}

ctr_runs() {
	! daemon_is_gone "ctr-$1" || { cat "$STATE/ctr-$1.log" >&2; exit 1; }
	[[ $(ctr task ls | awk -v id="$1" '$1 == id { print $3 }') == RUNNING ]]
}

ctr_pid() { ctr task ls | awk -v id="$1" '$1 == id { print $2 }'; }

ctr_remove() {
	ctr task kill --signal KILL "$1" 2>/dev/null || :
	wait_until daemon_is_gone "ctr-$1"
}

ctr_start_slowly() {
	local command
	ctr_command "$@"
	daemon_start create "${command[@]}"
	cp "$STATE/create.pid" "$STATE/ctr-$1.pid"
}

ctr_recover() {
	ctr task rm --force "$1" >/dev/null
	ctr container rm "$1"
}
