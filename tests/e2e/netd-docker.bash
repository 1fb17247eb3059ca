# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # netd.bash sets what it says
#
# netd-docker - hosts of netd.bash with a real dockerd each, or Podman
#
# dockerd's state is in the host's own /run and /var/lib; it looks for netd's socket in
# /run/docker/plugins there.  Containers are of one image, static busybox that sleeps.

declare -gA DOCKER_PIDS
# shellcheck disable=SC2034 # for the tests
HEDDLE=${NETD_PLUGINS%/*}/heddle

need_dockerd() {
	command -v dockerd >/dev/null || skip "dockerd is not installed: package docker.io"
	[[ -n $(ls /sys/fs/cgroup) ]] || skip "machine: no cgroups in /sys/fs/cgroup"
}

# machine_up HOST: /sys of its own network, with the machine's cgroups
machine_up() {
	on_host "$1" sh -ec '
		mkdir -p /run/docker /run/cgroup /run/lock /run/netns
		mount --rbind /sys/fs/cgroup /run/cgroup
		mount -t sysfs sysfs /sys
		mount --rbind /run/cgroup /sys/fs/cgroup'
}

docker() { on_host "$1" /usr/bin/docker -H unix:///run/docker.sock "${@:2}"; }

dockerd_answers() {
	kill -0 "${DOCKER_PIDS[$1]}" 2>/dev/null || { tail -n 20 "$BATS_TEST_TMPDIR/dockerd-$1.log" >&2; exit 1; }
	docker "$1" info >/dev/null 2>&1
}

# dockerd_start HOST [ARGUMENT…]
dockerd_start() {
	nsenter --target "${HOST_PIDS[$1]}" --mount --net -- dockerd --data-root /var/lib/docker \
		--exec-root /run/docker/exec --pidfile /run/docker.pid -H unix:///run/docker.sock \
		--storage-driver vfs "${@:2}" >>"$BATS_TEST_TMPDIR/dockerd-$1.log" 2>&1 3>&- 4>&- </dev/null &
	DOCKER_PIDS[$1]=$!
	wait_at_most 60 dockerd_answers "$1"
}

dockerd_is_gone() { ! kill -0 "$1" 2>/dev/null; }

dockerd_stop() {
	local pid=${DOCKER_PIDS[$1]}
	kill "$pid"
	wait_at_most 60 dockerd_is_gone "$pid"
	wait "$pid" 2>/dev/null || :
	unset "DOCKER_PIDS[$1]"
}

# dockerd_kill HOST: with its containerd, as when a machine's service manager has lost patience
dockerd_kill() {
	kill -KILL "${DOCKER_PIDS[$1]}" "$(on_host "$1" cat /run/docker/exec/containerd/containerd.pid)"
	wait "${DOCKER_PIDS[$1]}" 2>/dev/null || :
	unset "DOCKER_PIDS[$1]"
	on_host "$1" sh -c 'rm -f /run/docker.pid /run/docker/exec/containerd/containerd*'
}

make_rootfs() {
	local root=$BATS_TEST_TMPDIR/rootfs applet
	[[ ! -e $root ]] || return 0
	mkdir -p "$root"/{bin,etc,proc,sys,dev,tmp}
	cp /bin/busybox "$root/bin/"
	for applet in sh ip ping httpd cat sleep true; do
		ln -s busybox "$root/bin/$applet"
	done
}

# docker_host HOST [ARGUMENT…]: a host that has a dockerd with the image
docker_host() {
	machine_up "$1"
	dockerd_start "$@"
	make_rootfs
	tar -C "$BATS_TEST_TMPDIR/rootfs" -c . |
		docker "$1" import -c 'CMD ["/bin/sleep", "100000"]' - bb:latest >/dev/null
}

# What a test that failed has left; a container does not end with its dockerd.
docker_teardown() {
	local host containers process net
	for host in "${!DOCKER_PIDS[@]}"; do
		containers=$(docker "$host" ps --all --quiet 2>/dev/null) || :
		# shellcheck disable=SC2086 # a list
		[[ -z $containers ]] || timeout 60 nsenter --target "${HOST_PIDS[$host]}" --mount --net -- \
			/usr/bin/docker -H unix:///run/docker.sock rm --force $containers >/dev/null 2>&1 || :
		dockerd_stop "$host" || kill -KILL "${DOCKER_PIDS[$host]}"
	done
	for host in "${!HOST_PIDS[@]}"; do
		net=$(readlink "/proc/${HOST_PIDS[$host]}/ns/net") || continue
		[[ $net != "$(readlink /proc/self/ns/net)" ]] || continue
		for process in /proc/[0-9]*; do
			[[ $(readlink "$process/ns/net") != "$net" ]] || kill -KILL "${process#/proc/}" 2>/dev/null || :
		done
	done
}

# ---- containers -----------------------------------------------------------------

# network_new HOST NAME [OPTION…]
network_new() { docker "$1" network create -d heddle --ipam-driver heddle "${@:3}" "$2" >/dev/null; }

# run_on HOST NAME NETWORK [OPTION…]
run_on() { docker "$1" run --detach --name "$2" --network "$3" "${@:4}" bb >/dev/null; }

docker_ip() { docker "$1" inspect -f "{{(index .NetworkSettings.Networks \"$3\").${4:-IPAddress}}}" "$2"; }
docker_pings() { docker "$1" exec "$2" ping -q -c 1 -W 10 "$3" >/dev/null; }
subnet_of() { docker "$1" network inspect -f '{{range .IPAM.Config}}{{.Subnet}} {{end}}' "$2"; }

# docker_refused HOST TEXT COMMAND…: docker says no, for that reason
docker_refused() {
	local host=$1 text=$2
	shift 2
	run docker "$host" "$@"
	[[ $status -ne 0 && $output == *"$text"* ]] || { echo "$*: $output" >&2; return 1; }
}

# ---- what is left ----------------------------------------------------------------

# our_links HOST: bridges, tunnels and veths of netd's
our_links() { on_host "$1" ip -o link show | grep -oE ' (hb-|hv|hp)[^:@]+' || :; }
our_elements() { on_host "$1" nft list ruleset | grep -o 'comment "h1:[^"]*"' || :; }
has_no_links() { [[ -z $(our_links "$1") ]]; }
has_no_elements() { [[ -z $(our_elements "$1") ]]; }

nothing_is_left() {
	wait_for has_no_links "$1" || { our_links "$1" >&2; return 1; }
	wait_for has_no_elements "$1" || { our_elements "$1" >&2; return 1; }
}

# ---- the driver without a dockerd --------------------------------------------------

# plugin HOST METHOD [BODY]: as dockerd asks; prints the answer
plugin() {
	on_host "$1" curl -sS --max-time 10 --unix-socket /run/docker/plugins/heddle.sock \
		-H 'Content-Type: application/json' -X POST --data "${3-}" "http://plugin/$2"
}

# plugin_refused HOST METHOD BODY TEXT: it does, in the fields of both kinds of driver
plugin_refused() {
	local answer
	answer=$(plugin "$1" "$2" "$3")
	[[ $(jq -r .Err <<<"$answer") == *"$4"* && $(jq -r .Error <<<"$answer") == *"$4"* ]] ||
		{ echo "$2: $answer" >&2; return 1; }
}
