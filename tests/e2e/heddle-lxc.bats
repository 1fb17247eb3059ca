#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# heddle lxc-hook and lxc-config: LXC containers on a network of ours
#
#	                       host
#	         lows-network 192.168.1.0/24
#	  one, by hooks     two, by lxc.net lines     web of ip netns
#
# The lines are those of conf-examples/lxc/hooks.conf and of lxc-config.  LXC's
# command socket is of its network namespace, so all its programs run on the host.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154 # jq programs; bats runs each test in a subshell

load lib
load heddle

setup() {
	lab_setup
	heddle_setup
	LEASES=$CACHE_DIR/networks
	LXC=$BATS_TEST_TMPDIR/lxc
	ID=heddle-e2e-$$
	mkdir "$LXC"
	heddle network create --subnet 192.168.1.0/24 --ip-range 192.168.1.128/25 lows-network
	assert_ok
	make_rootfs
	lxc_host
}

teardown() {
	local name
	for name in one two; do
		[[ ! -d $LXC/$ID-$name ]] || on_host lxc-stop -P "$LXC" -n "$ID-$name" -k 2>/dev/null || :
	done
	lab_teardown
}

# ---- helpers -----------------------------------------------------------------

heddle() { capture in_ns host "${HEDDLE_CMD[@]}" "$@"; }

make_rootfs() {
	local applet
	ROOTFS=$BATS_TEST_TMPDIR/rootfs
	mkdir -p "$ROOTFS"/{bin,dev,proc,sys,tmp,etc}
	cp /bin/busybox "$ROOTFS/bin/"
	for applet in sleep echo nc; do ln -s busybox "$ROOTFS/bin/$applet"; done
}

# The host's network, with the /sys that belongs to it: LXC looks for bridges there.
lxc_host() {
	read -r LXC_HOST < <(exec nsenter --net="$(netns_path host)" \
		unshare --mount --propagation private sh -ec '
			mkdir "$1"
			mount --rbind /sys/fs/cgroup "$1"
			mount -t sysfs sysfs /sys
			mount --rbind "$1" /sys/fs/cgroup
			echo $$
			exec sleep 900 >/dev/null 2>&1' sh "$BATS_TEST_TMPDIR/cgroup" 3>&- 4>&-)
	lab_kill_later "$LXC_HOST"
}

on_host() { nsenter --target "$LXC_HOST" --net --mount -- "$@"; }

# container NAME: its config, with the lines on stdin, in which our command is the test's
container() {
	local dir=$LXC/$ID-$1
	mkdir "$dir"
	{
		printf '%s\n' "lxc.uts.name = $ID-$1" "lxc.rootfs.path = dir:$ROOTFS" \
			"lxc.apparmor.profile = unconfined" "lxc.autodev = 0" \
			"lxc.pty.max = 0" "lxc.tty.max = 0"
		sed "s|/usr/bin/heddle|${HEDDLE_CMD[*]}|"
	} >"$dir/config"
}

# start NAME COMMAND…: runs a container; $status says how it went, $errout what was said
start() {
	local name=$1
	shift
	status=0 out=
	on_host lxc-start -P "$LXC" -n "$ID-$name" -l INFO -o "$BATS_TEST_TMPDIR/log" -d -- "$@" \
		</dev/null >/dev/null 2>&1 3>&- 4>&- || status=$?
	errout=$(<"$BATS_TEST_TMPDIR/log")
}

stop() {
	on_host lxc-stop -P "$LXC" -n "$ID-$1" -k
	on_host lxc-wait -P "$LXC" -n "$ID-$1" -s STOPPED -t 60
}

inside() {
	local pid
	pid=$(on_host lxc-info -P "$LXC" -n "$ID-$1" -pH)
	nsenter --target "$pid" --net -- "${@:2}"
}

address() { inside "$1" ip -j addr show dev eth0 | jq -r '.[0].addr_info[] | select(.family == "inet").local'; }

in_upper_half() { [[ $1 =~ ^192\.168\.1\.([0-9]+)$ ]] && ((BASH_REMATCH[1] >= 128)); }

# Attachments of the cache: post-stop has run when there are none.
cached() { find "$CACHE_DIR/results" -name '*-*-*' ! -name '.*' -printf '%f\n' | sort; }
nothing_cached() { [[ -z $(cached) ]]; }

# ---- tests -------------------------------------------------------------------

@test "LXC by its hooks, LXC by its own veth, and ip netns on one bridge" {
	local one two web
	container one <"$TOP_DIR/conf-examples/lxc/hooks.conf"
	heddle lxc-config --name "$ID-two" lows-network
	assert_ok
	container two <<<"$out"
	netns_add web
	start one /bin/sleep 1000
	assert_ok
	start two /bin/sleep 1000
	assert_ok
	heddle attach --network lows-network --format '{{.IPAddress}}' "$(netns_name web)"
	assert_ok
	one=$(address one)
	two=$(address two)
	web=${out%/*}
	for address in "$one" "$two" "$web"; do in_upper_half "$address"; done
	inside one ping -c1 -W10 "$two" >/dev/null
	inside two ping -c1 -W10 "$web" >/dev/null
	reaches web "$one"
	heddle check "$ID-one"
	assert_ok

	stop one
	stop two
	heddle detach "$(netns_name web)"
	wait_for 30 nothing_cached
	heddle lxc-config --release --name "$ID-two" lows-network
	assert_silent
	wait_for 30 no_host_links
	assert_nothing_left
}

@test "ports of the hook's line lead to the container" {
	outside_add
	container one <"$TOP_DIR/conf-examples/lxc/hooks.conf"
	start one /bin/nc -ll -p 80 -e /bin/echo hello
	assert_ok
	wait_for 30 eval '[[ $(said_by outside TCP:203.0.113.1:8080 2>/dev/null) == hello ]]'
	stop one
	wait_for 30 nothing_cached
	in_ns host ip link del wan0
	assert_nothing_left
}

@test "a container that cannot have its network does not start, and says why" {
	sed 's/lows-network/none-such/' "$TOP_DIR/conf-examples/lxc/hooks.conf" | container one
	start one /bin/sleep 1000
	((status != 0)) || fail "it should not have started"
	[[ $errout == *"Failed to run lxc.hook.start-host"* ]] || fail "it should say why"
	# LXC logs what a hook prints on stdout alone.
	capture in_ns host env LXC_PID=$$ LXC_NAME=one LXC_HOOK_TYPE=start-host \
		"${HEDDLE_CMD[@]}" lxc-hook --network none-such
	[[ $errout == *"network none-such not found"* ]] || fail "it should say why"
}

@test "a reserved address stays reserved, and is nobody else's" {
	local first
	heddle lxc-config --name box --ip 192.168.1.200 lows-network
	assert_ok
	[[ $out == *"lxc.net.0.ipv4.address = 192.168.1.200/24"* ]] || fail "the address"
	[[ $out == *"lxc.net.0.link = $(bridge_of lows-network)"* ]] || fail "the bridge"
	link_exists host "$(bridge_of lows-network)"
	first=$out
	heddle lxc-config --name box lows-network
	[[ $out == "$first" ]] || fail "a second time it should be the same"
	[[ $(getfattr --only-values -n user.heddle.boot "$LEASES/lows-network/192.168.1.200") == keep ]]

	age_leases
	heddle gc
	assert_ok
	[[ $(leases) == 192.168.1.200 ]] || fail "gc took it: $(leases)"
	netns_add web
	heddle attach --network lows-network:ip=192.168.1.200 "$(netns_name web)"
	((status == 1)) || fail "it should be taken"
	[[ $errout == *192.168.1.200*box* ]] || fail "the holder should be named"

	heddle lxc-config --release --name box lows-network
	assert_silent
	[[ -z $(leases) ]]
	heddle attach --name box --network lows-network "$(netns_path web)"
	heddle lxc-config --release --name box lows-network
	[[ $errout == *"box is attached to network lows-network"* ]] || fail "a container's own lease is not given up"
	[[ -n $(leases) ]]
}

@test "both versions of hooks, and none of them" {
	capture in_ns host env LXC_PID=1x "${HEDDLE_CMD[@]}" lxc-hook box lxc start-host
	[[ $errout == *'LXC_PID'*'1x'* ]] || fail "the process should be named"
	capture in_ns host env LXC_NAME=box LXC_HOOK_TYPE=mount "${HEDDLE_CMD[@]}" lxc-hook
	[[ $errout == *"hook mount"* ]] || fail "the hook should be named"
	capture in_ns host env LXC_NAME=box LXC_HOOK_TYPE=post-stop "${HEDDLE_CMD[@]}" lxc-hook
	assert_silent
	heddle lxc-hook
	((status == 125)) || fail "a wrong command line is 125"
}
