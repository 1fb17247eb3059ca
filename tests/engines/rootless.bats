#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Podman of an ordinary user: our plugins in a namespace that is the user's own
#
#	outside -- host -- slirp4netns -- user's namespace: bridge -- one, two
#
# Podman makes the namespace, runs the plugins in it, and has a process of its own
# that listens for published ports.  crun wants cgroups of version 2 alone, hence
# the user has a mount namespace besides.

# shellcheck disable=SC2034 # variables that the loaded files read
bats_require_minimum_version 1.5.0
load host

setup_file() {
	local missing
	for missing in podman crun slirp4netns newuidmap; do
		command -v "$missing" >/dev/null || skip "$missing is not installed"
	done
	STATE=$(mktemp -d /tmp/heddle-engines.XXXXXX)
	export ENGINE_SERVERS USER_HOST
	host_up
	chmod 755 "$STATE"
	user_up
	user podman load --quiet --input "$STATE/bb.tar"
}

teardown_file() {
	[[ -n ${STATE:-} ]] || return 0
	kill "$USER_HOST"
	host_down
}

teardown() {
	# shellcheck disable=SC2086 # a list
	[[ -z $SERVERS ]] || kill $SERVERS
	user podman rm --all --force --time 0
	user podman network prune --force
}

# /dev/net/tun for everybody, as machines with udev have it.
user_up() {
	heddle install --engine podman --write
	cat >"$STATE/etc/containers/containers.conf.d/60-machine.conf" <<-'END'
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
		cgroups = "disabled"
		[engine]
		runtime = "crun"
		cgroup_manager = "cgroupfs"
		events_logger = "file"
	END
	on_host useradd --create-home --home-dir "$STATE/home" weaver
	read -r USER_HOST < <(exec nsenter --target "$ENGINE_HOST" --mount --net \
		unshare --mount --propagation private sh -ec '
			mount --make-rshared /
			mkdir -p /run/cgroup2 /run/user
			mount -t cgroup2 cgroup2 /run/cgroup2
			umount -R /sys/fs/cgroup
			mount --bind /run/cgroup2 /sys/fs/cgroup
			mknod -m 0666 /run/tun c 10 200
			mount --bind /run/tun /dev/net/tun
			install -d -o weaver -g weaver -m 0700 /run/user/weaver
			echo $$
			exec sleep 600 >/dev/null 2>&1' 3>&- 4>&-)
}

# user COMMAND...: as an ordinary user of the host, in a new session's environment
user() {
	nsenter --target "$USER_HOST" --mount --net --wd=/ -- \
		setpriv --reuid weaver --regid weaver --init-groups \
		env -i PATH="$PATH" HOME="$STATE/home" XDG_RUNTIME_DIR=/run/user/weaver "$@" 3>&- 4>&-
}

start() { user podman run --detach --name "$1" --network shed "${@:2}" bb:latest >/dev/null; }

# What the checks of host.bash want to know of a container.
DRIVER=user
user_pid() { user podman inspect --format '{{.State.Pid}}' "$1"; }

shed() { user podman network create --ipv6 --subnet 10.71.0.0/24 --subnet fd00:71::/64 shed; }

@test "two containers of a user see each other, by both families" {
	[[ $(user podman info --format '{{.Host.NetworkBackend}} {{.Host.Security.Rootless}}') == "cni true" ]]
	shed
	start one
	start two
	[[ $(address one 4) == 10.71.0.* && $(address two 4) == 10.71.0.* ]]
	pings one "$(address two 4)"
	pings two "$(address one 6)"
	pings one 10.71.0.1
}

@test "the plugins are ours" {
	shed
	start one
	# In the user's namespace, where the other end of the container's interface is.
	user podman unshare --rootless-netns ip -json link | jq -e 'any(.[]; .ifname | startswith("hv"))'
	user podman unshare --rootless-netns nft list tables | grep -qx 'table inet heddle'
}

@test "published ports answer outside and on the host, and outside is reached" {
	shed
	start one --publish 8080:80
	serve_caller 4 "$(user_pid one)"
	[[ -n $(on_outside nc -w "$PATIENCE" "$HOST_IP" 8080 </dev/null) ]]
	[[ -n $(on_host nc -w "$PATIENCE" 127.0.0.1 8080 </dev/null) ]]
	[[ $(inside one nc -w "$PATIENCE" "$OUTSIDE_IP" 80 </dev/null) == "$HOST_IP" ]]
	user podman rm --force --time 0 one
	run ! on_outside nc -w 1 "$HOST_IP" 8080 </dev/null
}

@test "a static address, restart, and nothing left" {
	shed
	start one --ip 10.71.0.77
	[[ $(address one 4) == 10.71.0.77 ]]
	user podman restart --time 0 one
	[[ $(address one 4) == 10.71.0.77 ]]
	start two
	pings two 10.71.0.77
	user podman rm --force --time 0 one
	# Its address is free again; with the last container the user's namespace ends.
	start three --ip 10.71.0.77
	pings two 10.71.0.77
	[[ $(user podman unshare --rootless-netns ip -json link | jq '[.[] | select(.ifname | startswith("hv"))] | length') == 2 ]]
}
