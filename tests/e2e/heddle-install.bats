#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# heddle install: engines find the settings that it writes, and what people wrote stays
#
# The engines run on a host of namespaces whose /etc is a copy of the machine's.
# CRI-O is not in Debian 12: its drop-in is only looked at.

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell
bats_require_minimum_version 1.5.0
load lib
load heddle

setup() {
	lab_setup
	HEDDLE=${HEDDLE:-$(dirname "$PLUGINS")/heddle}
	ROOT=$BATS_TEST_TMPDIR/root
	mkdir -p "$ROOT/etc"
	host_start
}

teardown() { lab_teardown; }

# The machine's /etc with the test's changes over it, and what engines keep, the test's own.
host_start() {
	read -r HOST < <(exec nsenter --net="$(netns_path host)" \
		unshare --mount --propagation private sh -ec '
			cp -a /etc/. "$1/etc"
			rm -rf "$1"/etc/containers/containers.conf.d "$1/etc/docker" "$1/etc/cni" "$1/etc/lxc/heddle.conf"
			mount --bind "$1/etc" /etc
			mount -t tmpfs tmpfs /run
			mount -t tmpfs tmpfs /var/lib
			mkdir -p /run/lock /run/netns /var/lib/cni
			echo $$
			exec sleep 900 >/dev/null 2>&1' sh "$ROOT" 3>&- 4>&-)
	lab_kill_later "$HOST"
}

on_host() { nsenter --target "$HOST" --net --mount -- "$@"; }

install() { capture on_host "$HEDDLE" --cni-plugin-path "$PLUGINS" install --engine "$@"; }

written() {
	install "$@" --write
	assert_ok
	[[ $out == *": written"* ]] || fail "it should be written"
	install "$@" --write
	assert_ok
	[[ $out == *": as it should be"* ]] || fail "a second time there is nothing to do"
}

undone() {
	install "$@" --undo
	assert_ok
	[[ $out == *": undone"* ]] || fail "it should be undone"
	install "$@" --undo
	assert_ok
}

# etc_files: what is in /etc, with its content
etc_files() { (cd "$ROOT/etc" && find . -type f -exec sha256sum {} + | sort -k 2); }

assert_etc_is() { diff <(echo "$1") <(etc_files) || fail "what was in /etc is not as before"; }

@test "Podman takes CNI and our plugins" {
	local before podman=(podman --cgroup-manager cgroupfs info --format)
	before=$(etc_files)
	install podman
	assert_ok
	[[ $out == *"50-heddle.conf should have:"*'network_backend = "cni"'* ]] || fail "it should be shown"
	assert_etc_is "$before"

	written podman
	[[ $(on_host "${podman[@]}" '{{.Host.NetworkBackend}}') == cni ]]
	on_host podman --cgroup-manager cgroupfs network create --subnet 10.77.0.0/24 n >/dev/null
	[[ $(on_host podman --cgroup-manager cgroupfs network ls --format '{{.Name}}') == *n* ]] ||
		fail "podman should find the plugins of a network"
	install podman --json
	[[ $(jq -r '.files[0].state' <<<"$out") == there ]] || fail "it is there"
	on_host rm -rf /etc/cni
	undone podman
	assert_etc_is "$before"
}

@test "a Podman without CNI is refused, but can be undone" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\necho podman version 5.4.2\n' >"$BATS_TEST_TMPDIR/bin/podman"
	chmod +x "$BATS_TEST_TMPDIR/bin/podman"
	written podman
	PATH=$BATS_TEST_TMPDIR/bin:$PATH install podman --write
	((status == 1)) || fail "it should be refused"
	[[ $errout == *"podman 5.4.2 is built without CNI"*"heddle attach"* ]] || fail "it should say why"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH undone podman
}

@test "a drop-in that somebody has changed is left alone" {
	local file=$ROOT/etc/containers/containers.conf.d/50-heddle.conf verb
	written podman
	echo 'dns_bind_port = 5300' >>"$file"
	for verb in --write --undo; do
		install podman "$verb"
		((status == 1)) || fail "$verb should be refused"
		[[ $errout == *"50-heddle.conf is not as heddle install writes it"* ]] || fail "it should say why"
		grep -q dns_bind_port "$file"
	done
	sed -i '/dns_bind_port/d' "$file"
	# Of other options it is ours still.
	capture on_host "$HEDDLE" --cni-plugin-path "$PLUGINS:/usr/lib/cni" install --engine podman --write
	assert_ok
	[[ $(<"$file") == *"\"$PLUGINS\", \"/usr/lib/cni\"]"* ]] || fail "the new options should be there"
	undone podman
}

@test "containerd's CRI runs our plugins, and its own config comes back" {
	local before config=$ROOT/etc/containerd/config.toml
	cat >"$config" <<-'END'
		version = 2
		[plugins]
		  [plugins."io.containerd.grpc.v1.cri"]
		    sandbox_image = "example.org/pause" # ours
		    [plugins."io.containerd.grpc.v1.cri".cni]
		      bin_dir = "/usr/lib/cni" # Debian's
		      max_conf_num = 1
	END
	before=$(etc_files)
	written containerd
	[[ $(grep -c . "$config") == 9 ]] || fail "two lines more: $(<"$config")"
	# As containerd reads it.
	on_host containerd config dump >"$BATS_TEST_TMPDIR/dump"
	grep -qF "bin_dir = \"$PLUGINS\"" "$BATS_TEST_TMPDIR/dump"
	grep -qF 'conf_dir = "/etc/cni/net.d"' "$BATS_TEST_TMPDIR/dump"
	grep -qF 'sandbox_image = "example.org/pause"' "$BATS_TEST_TMPDIR/dump"
	undone containerd
	assert_etc_is "$before"
}

@test "containerd without a config gets one, which goes again" {
	local before
	rm -r "$ROOT/etc/containerd"
	before=$(etc_files)
	written containerd
	on_host containerd config dump | grep -qF "bin_dir = \"$PLUGINS\""
	undone containerd
	assert_etc_is "$before"
}

@test "tables of containerd's other versions, and what cannot be edited" {
	local config=$ROOT/etc/containerd/config.toml
	printf 'version = 3\n[plugins."io.containerd.cri.v1.runtime".cni]\nbin_dirs = ["/opt/cni/bin"]\n' >"$config"
	written containerd
	grep -qF "bin_dirs = [\"$PLUGINS\", \"/opt/cni/bin\"] # heddle install" "$config"
	undone containerd
	printf '[plugins.cri]\n' >"$config"
	written containerd
	grep -qF '[plugins.cri.cni]' "$config"
	undone containerd

	printf 'version = 9\n' >"$config"
	install containerd --write
	[[ $errout == *"config.toml: version 9 is not known"* ]] || fail "the version should be named"
	printf 'version = 2\n[plugins."io.containerd.grpc.v1.cri"]\ncni = { bin_dir = "/x" }\n' >"$config"
	install containerd --write
	[[ $errout == *"config.toml"*"set bin_dir ="*"yourself"* ]] || fail "it should say what to do"
	printf 'version = 2\nbin_dir\n' >"$config"
	install containerd --write
	[[ $errout == *"config.toml: line 2: "* ]] || fail "the line should be named"
	[[ $(<"$config") == $'version = 2\nbin_dir' ]]
}

@test "Docker asks the socket that the plugin's file names" {
	local socket=$BATS_TEST_TMPDIR/netd.sock before
	on_host which dockerd >/dev/null || skip "no dockerd"
	before=$(etc_files)
	install docker --write
	assert_ok
	[[ $out == *"where dockerd looks without any setting"* ]] || fail "nothing is to be written"
	written docker --socket "$socket"

	socket_start "$socket"
	dockerd_start
	run ! docker network create --driver heddle n
	[[ $output == *"no network for you"* ]]
	grep -q 'POST /Plugin.Activate' "$BATS_TEST_TMPDIR/asked"
	kill "$DOCKERD"
	wait_for 120 eval '! kill -0 $DOCKERD 2>/dev/null'
	undone docker --socket "$socket"
	rm "$ROOT/etc/docker/key.json" # dockerd's
	assert_etc_is "$before"
}

# What listens in netd's place writes down what it is asked, and has nothing to offer.
socket_start() {
	cat >"$BATS_TEST_TMPDIR/answer" <<-'END'
		#!/bin/sh
		head -n 1 >>"${0%/*}/asked"
		printf 'HTTP/1.1 500 no\r\nContent-Length: 18\r\nConnection: close\r\n\r\nno network for you'
	END
	chmod +x "$BATS_TEST_TMPDIR/answer"
	nsenter --target "$HOST" --net --mount -- socat "UNIX-LISTEN:$1,fork" \
		"EXEC:$BATS_TEST_TMPDIR/answer" 3>&- 4>&- &
	lab_kill_later $!
	wait_for 30 test -S "$1"
}

docker() { on_host /usr/bin/docker --host "unix://$BATS_TEST_TMPDIR/docker.sock" "$@"; }

dockerd_start() {
	on_host mkdir -p /run/docker
	nsenter --target "$HOST" --net --mount -- dockerd --data-root "$BATS_TEST_TMPDIR/docker" \
		--exec-root /run/docker --pidfile /run/docker.pid --host "unix://$BATS_TEST_TMPDIR/docker.sock" \
		--storage-driver vfs --bridge none --iptables=false >"$BATS_TEST_TMPDIR/dockerd" 2>&1 3>&- 4>&- &
	DOCKERD=$!
	lab_kill_later "$DOCKERD"
	wait_for 120 docker info >/dev/null 2>&1
}

@test "CRI-O's drop-in" {
	local before
	before=$(etc_files)
	written crio
	[[ $(<"$ROOT/etc/crio/crio.conf.d/50-heddle.conf") == *'[crio.network]'*"plugin_dirs = [\"$PLUGINS\"]" ]]
	undone crio
	assert_etc_is "$before"
}

@test "LXC runs the hooks of the included file" {
	local lxc=$BATS_TEST_TMPDIR/lxc before
	before=$(etc_files)
	written lxc
	mkdir -p "$lxc/$$-one"
	echo 'lxc.include = /etc/lxc/heddle.conf' >"$lxc/$$-one/config"
	on_host lxc-info -P "$lxc" -n "$$-one" -c lxc.hook.start-host | grep -F "$HEDDLE"
	on_host lxc-info -P "$lxc" -n "$$-one" -c lxc.net.0.type | grep -F empty
	undone lxc
	assert_etc_is "$before"
}

@test "the system below a directory, and mistakes of the line" {
	local image=$BATS_TEST_TMPDIR/image
	mkdir -p "$image/opt/cni/bin"
	cp "$PLUGINS/bridge" "$image/opt/cni/bin"
	capture "$HEDDLE" install --engine crio --root "$image" --write
	assert_ok
	[[ $(<"$image/etc/crio/crio.conf.d/50-heddle.conf") == *'plugin_dirs = ["/opt/cni/bin", '* ]]
	capture "$HEDDLE" --cni-plugin-path /none install --engine crio
	[[ $errout == *"no directory of /none has heddle's plugins"* ]] || fail "it should say so"
	capture "$HEDDLE" install --engine rkt
	((status == 125)) || fail "no such engine"
	capture "$HEDDLE" install
	((status == 125)) || fail "an engine is needed"
	capture "$HEDDLE" install --engine docker --socket 'x y'
	((status == 125)) || fail "no such socket"
}
