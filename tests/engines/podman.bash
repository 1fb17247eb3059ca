# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# podman - Podman's containers, on CNI; see cell

podman() { on_host podman "$@"; }

podman_probe() { command -v podman >/dev/null || { echo "podman is not installed"; return 1; }; }

# What a machine without systemd or CAP_SYS_RESOURCE needs besides.
podman_up() {
	heddle install --engine podman --write >/dev/null
	cat >"$STATE/etc/containers/containers.conf.d/60-machine.conf" <<-'END'
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
		[engine]
		runtime = "runc"
		cgroup_manager = "cgroupfs"
		events_logger = "file"
	END
	podman load --quiet --input "$STATE/bb.tar" >/dev/null
}

podman_down() {
	podman rm --all --force --time 0 >/dev/null
	on_host ip link delete cni-podman0 2>/dev/null || :
	heddle install --engine podman --undo >/dev/null
}

# podman_command NAME NETWORK [ip=ADDRESS] [port=PORTS]: sets $command
podman_command() {
	local option
	command=(podman run --quiet --detach --name "$1" --network "$(podman_network "$2")")
	for option in "${@:3}"; do
		case $option in
		ip=*) command+=(--ip "${option#ip=}") ;;
		port=*) command+=(--publish "${option#port=}") ;;
		esac
	done
	command+=(docker.io/library/bb:latest)
}

podman_network() { network_name "$1"; }

podman_start() {
	local command
	podman_command "$@"
	on_host "${command[@]}" >/dev/null
}

podman_pid() { podman inspect --format '{{.State.Pid}}' "$1"; }
podman_remove() { podman rm --force --time 0 "$1" >/dev/null; }

# Without a daemon it is the containers that are started again.
podman_restart() { podman restart --time 0 "$@" >/dev/null; }

podman_start_slowly() {
	local command
	podman_command "$@"
	daemon_start create "${command[@]}"
}

# Podman complains of the mounts of a container that never ran, and forgets its namespace, which
# then is there until the host boots.
podman_recover() {
	local netns used
	podman_remove "$1" 2>/dev/null || podman_remove "$1"
	# shellcheck disable=SC2046 # a list
	used=$(podman inspect --format '{{.NetworkSettings.SandboxKey}}' $(podman ps --quiet))
	for netns in $(on_host find /run/netns -name 'netns-*'); do
		grep -qxF "$netns" <<<"$used" && continue
		on_host umount "$netns"
		on_host rm "$netns"
	done
}
