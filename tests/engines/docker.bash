# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# docker - Docker's containers, on the networks that netd's driver makes; see cell

DOCKER_PLUGIN=/run/docker/plugins/heddle.sock
DOCKER_PLUGIN_BEHIND=/run/heddle/docker.sock # while another is in its place

docker() { on_host /usr/bin/docker "$@"; }

docker_probe() { command -v dockerd >/dev/null || { echo "dockerd is not installed"; return 1; }; }

docker_up() {
	netd_up
	wait_until on_host test -S /run/docker/plugins/heddle.sock
	docker_daemon
	docker load --quiet --input "$STATE/bb.tar" >/dev/null
}

# docker_daemon [OPTION...]
docker_daemon() {
	on_host mkdir -p /run/docker
	daemon_start docker dockerd --storage-driver vfs "$@"
	wait_until docker info >/dev/null 2>&1 || { tail -n 20 "$STATE/docker.log" >&2; return 1; }
}

docker_down() {
	docker network prune --force >/dev/null
	daemon_kill docker
	on_host ip link delete docker0
}

# Docker's own way out, which published ports come by, has no IPv6; ours has.  A network that
# spans hosts is made by heddle, and joined by each host's Docker.
docker_network_up() {
	local options=()
	case $1 in
	bridge) ;;
	overlay)
		network_up overlay
		options=(--ipam-opt network=lows --opt network=lows)
		;;
	*) return 0 ;;
	esac
	[[ ${CHECK:-} != ipv6 ]] || options+=(--opt ports=heddle)
	docker network create --driver heddle --ipam-driver heddle --ipv6 --subnet 10.70.0.0/24 \
		--subnet fd00:70::/64 "${options[@]}" lows >/dev/null
}

docker_network_down() {
	case $1 in
	bridge | overlay) docker network rm lows >/dev/null ;;
	esac
	[[ $1 != overlay ]] || network_down overlay
}

docker_network() {
	case $1 in
	macvlan)
		docker network inspect wire >/dev/null 2>&1 ||
			docker network create --driver macvlan --opt parent=uplink --subnet 198.51.100.0/24 \
				--ip-range 198.51.100.64/26 wire >/dev/null
		echo wire
		;;
	bridge | overlay) echo "${DOCKER_NETWORK:-lows}" ;;
	*) echo "$1" ;;
	esac
}

docker_start() {
	local option options=()
	for option in "${@:3}"; do
		case $option in
		ip=*) options+=(--ip "${option#ip=}") ;;
		port=*) options+=(--publish "${option#port=}") ;;
		esac
	done
	docker run --detach --name "$1" --network "$(docker_network "$2")" "${options[@]}" bb:latest >/dev/null
}

docker_pid() { docker inspect --format '{{.State.Pid}}' "$1"; }

# Containers end with dockerd.
docker_restart() {
	daemon_kill docker
	docker_daemon
	docker start "$@" >/dev/null
}

docker_remove() { docker rm --force "$1" >/dev/null; }

# ---- killed in mid-create ---------------------------------------------------------

# Another listens in netd's place; a dockerd that is started then has no connection to netd's own.
# Its containers outlive it, as those of other engines do.
docker_hold() {
	daemon_kill docker
	on_host mv "$DOCKER_PLUGIN" "$DOCKER_PLUGIN_BEHIND"
	daemon_start hold "$ENGINES_DIR/hold-docker" "$DOCKER_PLUGIN" "$DOCKER_PLUGIN_BEHIND" "$STATE/hold"
	wait_until on_host test -S "$DOCKER_PLUGIN"
	docker_daemon --live-restore
}

docker_release() {
	[[ -e $STATE/hold.pid ]] || return 0
	daemon_is_gone hold || daemon_kill hold
	rm "$STATE/hold.pid"
	on_host mv "$DOCKER_PLUGIN_BEHIND" "$DOCKER_PLUGIN"
}

docker_start_slowly() {
	docker_start "$@" >/dev/null 2>&1 &
	cp "$STATE/docker.pid" "$STATE/create.pid"
}

# dockerd takes back at its start what it was doing.  Its containerd has ended with it, and nobody
# here waits for orphans: it would take the zombie for alive.
docker_recover() {
	on_host rm -f /run/docker/containerd/containerd.pid
	docker_daemon --live-restore
	docker_remove "$1"
	wait_until docker_one_is_left
}

# Of what netd keeps for dockerd: the container that was there before.
docker_one_is_left() {
	[[ $(on_host python3 "$ENGINES_DIR/../e2e/netd.py" ask docker.list '{}' | jq '[.networks[].endpoints] | add') == 1 ]]
}
