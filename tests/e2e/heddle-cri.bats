#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# containerd's CRI beside heddle: pods keep their network whatever networks come
# and go, the same directory gives both theirs, and gc leaves pods alone.
#
#	pods0 10.85.0.1/16 --- pods of containerd	10-pods.conflist
#	hb-... 10.61.0.1/24 -- containers of heddle	zz-heddle-n.conflist
#
# The host is a network and a mount namespace, where /run and /var/lib are the
# test's own.  It runs as long as the process that holds it.

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell
load lib
load heddle

# cri VERB…: asks containerd, as a kubelet does
cri() { on_host "$E2E_DIR/cri.py" /run/containerd/containerd.sock "$@"; }

on_host() { nsenter --target "$HOST" --mount --net -- "$@"; }

heddle() { on_host "$HEDDLE" --cni-conf-dir "$CNI_CONF_DIR" --cni-plugin-path "$PLUGINS" "$@"; }

host_start() {
	read -r HOST < <(exec unshare --net --mount --propagation private sh -ec '
		ip link set lo up
		mount -t tmpfs tmpfs /run
		mount -t tmpfs tmpfs /var/lib
		mkdir -p /run/containerd /run/netns /run/lock /var/lib/cni
		echo $$
		exec sleep 900 >/dev/null 2>&1' 3>&- 4>&-)
}

containerd_start() {
	cat >"$DIR/config.toml" <<-END
		version = 2
		root = "$DIR/root"
		state = "$DIR/state"
		[grpc]
		  address = "/run/containerd/containerd.sock"
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "docker.io/library/bb:latest"
		  restrict_oom_score_adj = true
		[plugins."io.containerd.grpc.v1.cri".containerd]
		  snapshotter = "native"
		[plugins."io.containerd.grpc.v1.cri".cni]
		  bin_dir = "$PLUGINS"
		  conf_dir = "$CNI_CONF_DIR"
	END
	# Not on_host(), whose shell would be the process to kill.
	nsenter --target "$HOST" --mount --net -- \
		containerd --config "$DIR/config.toml" >"$DIR/log" 2>&1 3>&- 4>&- &
	CONTAINERD=$!
	wait_for 60 cri status >/dev/null 2>&1
}

setup_file() {
	export DIR CNI_CONF_DIR HOST CONTAINERD
	DIR=$(mktemp -d /tmp/heddle-cri.XXXXXX)
	CNI_CONF_DIR=$DIR/net.d
	mkdir "$CNI_CONF_DIR"
	pods_network 10-pods
	host_start
	containerd_start
	"$E2E_DIR/cri.py" image "$DIR/bb.tar"
	on_host ctr -n k8s.io images import "$DIR/bb.tar" >/dev/null
	# The CRI hears of it by an event, and would pull what it does not know yet.
	wait_for 60 cri has docker.io/library/bb:latest >/dev/null 2>&1
}

teardown_file() {
	kill "$CONTAINERD"
	# Nor does a shim write any more.
	wait_for 60 only_the_holder_is_left
	kill "$HOST"
	rm -rf "$DIR"
}

only_the_holder_is_left() { [[ $(pgrep --ns "$HOST" --nslist mnt) == "$HOST" ]]; }

setup() {
	HEDDLE=${HEDDLE:-$(dirname "$PLUGINS")/heddle}
	PODS=()
}

teardown() {
	local pod
	for pod in "${PODS[@]}"; do cri remove "$pod" >/dev/null; done
	heddle network rm --force n >/dev/null
}

# pods_network FILE
pods_network() {
	cat >"$CNI_CONF_DIR/$1.conflist" <<-'END'
		{"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "bridge", "bridge": "pods0",
		 "isGateway": true, "ipMasq": true, "ipam": {"type": "host-local", "subnet": "10.85.0.0/16"}}]}
	END
}

pod_start() { PODS+=("$(cri run "$1")"); }

# networks: of new pods, as containerd has loaded them
networks() { cri status | jq -r '.networks | map(select(. != "cni-loopback")) | join(" ")'; }

pod_ip() { cri ip "${PODS[$1]}"; }

# networks_are NETWORK: what containerd has for new pods.  While a file goes that it is about to
# read, that is nothing for a moment.
networks_are() { [[ $(networks) == "$1" ]]; }

# containerd_comes_to NETWORK: it looks again, as a conflist is written (a file that is moved there is
# not seen) and goes, and then has this one
containerd_comes_to() {
	local marker=$CNI_CONF_DIR/05-marker.conflist
	jq '.name = "marker"' "$CNI_CONF_DIR/10-pods.conflist" >"$marker"
	wait_for 30 networks_are marker
	rm "$marker"
	wait_for 30 networks_are "$1"
}

# no_port_on BRIDGE: the kernel takes the namespace of a pod that was removed apart a little later
no_port_on() { [[ -z $(on_host ip -oneline link show master "$1") ]]; }

@test "create and rm leave the pods' network as it was" {
	pod_start p1
	[[ $(pod_ip 0) == 10.85.* ]]
	capture heddle network create --subnet 10.61.0.0/24 n
	assert_ok
	[[ -z $errout ]] || fail "nothing is to be warned of"
	containerd_comes_to pods
	pod_start p2
	[[ $(pod_ip 1) == 10.85.* ]]

	heddle network rm n >/dev/null
	containerd_comes_to pods
	pod_start p3
	[[ $(pod_ip 2) == 10.85.* ]]
	on_host ping -n -c1 -W10 "$(pod_ip 0)" >/dev/null
}

@test "create says when the network would be the pods', and doctor too" {
	mv "$CNI_CONF_DIR/10-pods.conflist" "$DIR"
	capture heddle network create --subnet 10.61.0.0/24 n
	capture_doctor=$(on_host "$HEDDLE" --cni-conf-dir "$CNI_CONF_DIR" --cni-plugin-path "$PLUGINS" \
		doctor --json) || :
	mv "$DIR/10-pods.conflist" "$CNI_CONF_DIR"
	assert_ok
	[[ $errout == *warning*pods* ]] || fail "create should warn"
	jq -e 'any(.[]; .check == "pod-network")' <<<"$capture_doctor"
}

@test "containerd takes a network of ours, if it is the only one" {
	mv "$CNI_CONF_DIR/10-pods.conflist" "$DIR"
	heddle network create --subnet 10.61.0.0/24 n >/dev/null 2>&1
	wait_for 30 networks_are n
	pod_start p1
	[[ $(pod_ip 0) == 10.61.0.* ]]
	heddle network inspect n | jq -e --arg id "${PODS[0]}" '.[0].Containers[$id].IPv4Address == "10.61.0.2/24"'

	# With the network of today containerd removes the pods of yesterday; gc knows better.
	mv "$DIR/10-pods.conflist" "$CNI_CONF_DIR"
	containerd_comes_to pods
	cri remove "${PODS[0]}" >/dev/null
	wait_for 30 no_port_on "$(bridge_of n)"
	heddle gc --json | jq -e --arg id "${PODS[0]}" '[.removed[] | select(.container == $id) | .kind] |
		unique == ["element", "lease", "result"]'
	PODS=()
}

@test "gc leaves pods alone" {
	local before
	pod_start p1
	before=$(on_host find /var/lib/cni -type f ! -name '.*' | sort)
	heddle gc --json | jq -e '.removed == []'
	[[ $(on_host find /var/lib/cni -type f ! -name '.*' | sort) == "$before" ]]
	on_host ping -n -c1 -W10 "$(pod_ip 0)" >/dev/null
}

@test "gc collects a pod whose namespace is gone, and containerd can still remove it" {
	local netns
	pod_start p1
	netns=$(on_host cat "/var/lib/cni/results/pods-${PODS[0]}-eth0" |
		jq -r '.result.interfaces[] | select(.name == "eth0").sandbox')
	# As after a crash: the namespace has ended without DEL.
	on_host sh -c 'kill -KILL $(ip netns pids "$1"); umount "$2" && rm "$2"' sh "${netns##*/}" \
		"/run/netns/${netns##*/}"
	wait_for 30 no_port_on pods0
	heddle gc --json | jq -e --arg id "${PODS[0]}" '[.removed[] | select(.container == $id) | .kind] |
		unique == ["element", "lease", "result"]'
}
