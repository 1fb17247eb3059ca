#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Pods: of Podman, of containerd's CRI with a chain of all that a node has, and the
# unit that Podman writes for a container on a network of ours.

# shellcheck disable=SC2034 # variables that the loaded files read
bats_require_minimum_version 1.5.0
load host
load podman
load cri

setup_file() {
	STATE=$(mktemp -d /tmp/heddle-engines.XXXXXX)
	export ENGINE_SERVERS
	host_up
}
teardown_file() { host_down; }
setup() { heddle network create --ipv6 --subnet 10.70.0.0/24 --subnet fd00:70::/64 lows; }
teardown() {
	# shellcheck disable=SC2086 # a list
	[[ -z $SERVERS ]] || kill $SERVERS
	# After a failed test what it has left must not be the next one's.
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || podman rm --all --force --time 0
	heddle network rm --force lows >/dev/null 2>&1 || :
}

need() { command -v "$1" >/dev/null || skip "$1 is not installed"; }

finish() {
	heddle network rm lows
	run heddle doctor
	echo "$output"
	[[ $status -eq 0 ]]
}

@test "Podman: the containers of a pod share its address and its port" {
	need podman
	podman_up
	podman pod create --name loom --network lows --publish 8080:80 --ip 10.70.0.20 \
		--infra-image docker.io/library/bb:latest --infra-command '/bin/sleep 100000'
	podman run --detach --pod loom --name warp bb:latest
	podman run --detach --pod loom --name weft bb:latest
	DRIVER=podman
	[[ $(address warp 4) == 10.70.0.20 && $(address weft 4) == 10.70.0.20 ]]
	[[ $(readlink "/proc/$(podman_pid warp)/ns/net") == "$(readlink "/proc/$(podman_pid weft)/ns/net")" ]]
	serve_caller 4 "$(podman_pid weft)"
	[[ $(on_outside nc -w "$PATIENCE" "$HOST_IP" 8080 </dev/null) == "$OUTSIDE_IP" ]]
	podman pod rm --force --time 0 loom
	podman_down
	finish
}

@test "Podman: the unit of a container on our network passes systemd-analyze verify" {
	need podman
	need systemd-analyze
	podman_up
	podman create --name warp --network lows --ip 10.70.0.20 --publish 8080:80 bb:latest
	podman generate systemd --new --name warp >"$STATE/container-warp.service"
	grep -q -- '--network lows' "$STATE/container-warp.service"
	run on_host systemd-analyze verify --man=no --recursive-errors=no "$STATE/container-warp.service"
	echo "$output"
	[[ $status -eq 0 && -z $output ]]
	podman_down
	finish
}

# What the network of heddle has not by itself, a node's has.
pods_network() {
	jq '.name = "pods" | del(.heddle) | .plugins += [{type: "bandwidth", capabilities: {bandwidth: true}}]' \
		"$STATE/etc/cni/net.d/zz-heddle-lows.conflist" >"$STATE/pods"
	cp "$STATE/pods" "$STATE/etc/cni/net.d/10-pods.conflist"
}

@test "CRI: bridge, portmap, firewall, bandwidth and loopback of ours" {
	local before pid
	need containerd
	pods_network
	cri_up
	CRI_IS_READY=yes # it has read the file when it started
	cri_start c0 bridge
	cri_remove c0 # what stays for good: a bridge, our tables
	before=$(attachments)
	cri status | jq -e '(.plugins | sort) == ["bandwidth", "bridge", "firewall", "loopback", "portmap"]'
	cri_start c1 bridge port=8080:80 port=kubernetes.io/ingress-bandwidth=8M
	cri_start c2 bridge
	DRIVER=cri
	pid=$(cri_pid c1)
	[[ $(cri ip "$(<"$STATE/c1.pod")") == "$(address c1 4)" ]]
	inside c1 ip -json link show dev lo | jq -e '.[0].flags | index("UP")'
	pings c2 "$(address c1 6)"
	serve_caller 4 "$pid"
	[[ $(on_outside nc -w "$PATIENCE" "$HOST_IP" 8080 </dev/null) == "$OUTSIDE_IP" ]]
	on_host tc -json qdisc show | jq -e 'any(.[]; .kind == "tbf" and .options.rate == 1000000)'
	cri_remove c1
	cri_remove c2
	wait_until attachments_are "$before"
	cri_down
	rm "$STATE/etc/cni/net.d/10-pods.conflist"
	finish
}
