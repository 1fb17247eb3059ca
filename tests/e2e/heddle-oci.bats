#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# heddle oci-hook: bare runc and crun containers get their networks and ports
#
#	                       host
#	         lows-network 192.168.1.0/24
#	   runc's one        crun's two        web of ip netns
#
# The bundles are those of `runc spec` with conf-examples/oci/hooks.json laid over.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154 # jq programs; bats runs each test in a subshell

load lib
load heddle

setup() {
	lab_setup
	heddle_setup
	LEASES=$CACHE_DIR/networks
	ID=heddle-e2e-$$
	heddle network create --subnet 192.168.1.0/24 --ip-range 192.168.1.128/25 lows-network
	assert_ok
	make_rootfs
	runtime_host
}

teardown() {
	local id
	for id in "${CONTAINERS[@]}"; do
		run_time "${id%%:*}" delete --force "${id#*:}" 2>/dev/null || :
	done
	lab_teardown
}

# ---- helpers -----------------------------------------------------------------

heddle() { capture in_ns host "${HEDDLE_CMD[@]}" "$@"; }

make_rootfs() {
	local applet
	ROOTFS=$BATS_TEST_TMPDIR/rootfs
	mkdir -p "$ROOTFS"/{bin,dev,proc,sys,tmp}
	cp /bin/busybox "$ROOTFS/bin/"
	for applet in sleep echo nc; do ln -s busybox "$ROOTFS/bin/$applet"; done
}

# The host's network, and a mount namespace with cgroups as crun wants them: version 2 alone.
runtime_host() {
	CONTAINERS=()
	read -r RUNTIME_HOST < <(exec nsenter --net="$(netns_path host)" \
		unshare --mount --propagation private sh -ec '
			mkdir "$1"
			mount -t cgroup2 cgroup2 "$1"
			umount -R /sys/fs/cgroup
			mount --move "$1" /sys/fs/cgroup
			echo $$
			exec sleep 900 >/dev/null 2>&1' sh "$BATS_TEST_TMPDIR/cgroup" 3>&- 4>&-)
	lab_kill_later "$RUNTIME_HOST"
}

# run_time RUNTIME ARGUMENT…: runc on the machine's cgroups, crun without any
run_time() {
	local runtime=$1
	shift
	case $runtime in
	runc) in_ns host runc --root "$BATS_TEST_TMPDIR/runc" "$@" ;;
	crun) nsenter --target "$RUNTIME_HOST" --net --mount -- \
		crun --root "$BATS_TEST_TMPDIR/crun" --cgroup-manager=disabled "$@" ;;
	esac
}

# bundle NAME [FILTER [JQ-ARGUMENT…]]: a bundle, and the example over it, changed by FILTER
bundle() {
	local dir=$BATS_TEST_TMPDIR/$1 filter=${2:-.}
	shift $(($# > 1 ? 2 : 1))
	mkdir "$dir"
	runc spec --bundle "$dir"
	jq -s --arg rootfs "$ROOTFS" --arg stderr "$BATS_TEST_TMPDIR/hook" '.[0] * .[1]
		| .root = {path: $rootfs, readonly: true}
		| .process.terminal = false | .process.args = ["/bin/sleep", "1000"]
		| del(.process.rlimits)
		| .annotations["run.oci.hooks.stderr"] = $stderr
		| .hooks[] |= map(.path = $ARGS.positional[0] | .args = $ARGS.positional + ["oci-hook"])' \
		"$dir/config.json" "$TOP_DIR/conf-examples/oci/hooks.json" \
		--args -- "${HEDDLE_CMD[@]}" >"$dir/new.json"
	jq "$@" "$filter" "$dir/new.json" >"$dir/config.json"
}

# start RUNTIME NAME: runs the container of a bundle; sets $status and $errout.  A container has
# its runtime's stdout and stderr for as long as it lives: they are files.
start() {
	CONTAINERS+=("$1:$ID-$2")
	status=0 out=
	run_time "$1" run --detach --bundle "$BATS_TEST_TMPDIR/$2" "$ID-$2" \
		</dev/null >/dev/null 2>"$BATS_TEST_TMPDIR/stderr" 3>&- 4>&- || status=$?
	# crun keeps what hooks say to itself, but for the annotation that bundle() sets.
	touch "$BATS_TEST_TMPDIR/hook"
	errout=$(cat "$BATS_TEST_TMPDIR/stderr" "$BATS_TEST_TMPDIR/hook")
	rm "$BATS_TEST_TMPDIR/hook"
}

stop() { run_time "$1" delete --force "$ID-$2" 3>&- 4>&-; }

pid_of() { run_time "$1" state "$ID-$2" | jq .pid; }

# inside RUNTIME NAME COMMAND…: the machine's command in a container's network
inside() {
	local pid
	pid=$(pid_of "$1" "$2")
	nsenter --target "$pid" --net -- "${@:3}"
}

address() { inside "$1" "$2" ip -j addr show dev "${3:-eth0}" | jq -r '.[0].addr_info[] | select(.family == "inet").local'; }

in_upper_half() { [[ $1 =~ ^192\.168\.1\.([0-9]+)$ ]] && ((BASH_REMATCH[1] >= 128)); }

cached() { find "$CACHE_DIR/results" -name '*-*-*' ! -name '.*' -printf '%f\n' | sort; }

assert_gone() {
	assert_nothing_left
	[[ -z $(cached) ]] || fail "left in the cache: $(cached)"
}

# ---- tests -------------------------------------------------------------------

@test "runc, crun and ip netns on one bridge" {
	local one two web
	netns_add web
	bundle one
	bundle two 'del(.annotations["io.heddle.ports"])'
	start runc one
	assert_ok
	start crun two
	assert_ok
	heddle attach --network lows-network --format '{{.IPAddress}}' "$(netns_name web)"
	assert_ok
	one=$(address runc one)
	two=$(address crun two)
	web=${out%/*}
	for address in "$one" "$two" "$web"; do in_upper_half "$address"; done
	inside runc one ping -c1 -W10 "$two" >/dev/null
	inside crun two ping -c1 -W10 "$web" >/dev/null
	reaches web "$one"
	heddle network inspect lows-network --format '{{len .Containers}}'
	[[ $out == 3 ]]

	stop runc one
	stop crun two
	heddle detach "$(netns_name web)"
	assert_gone
}

@test "ports of the annotation lead to the container" {
	outside_add
	bundle one '.process.args = ["/bin/nc", "-ll", "-p", "80", "-e", "/bin/echo", "hello"]'
	start runc one
	assert_ok
	wait_for 30 eval '[[ $(said_by outside TCP:203.0.113.1:8080 2>/dev/null) == hello ]]'
	heddle check "$ID-one"
	assert_ok
	stop runc one
	in_ns host ip link del wan0
	assert_gone
}

@test "several networks, and what they are to be like" {
	heddle network create --subnet 10.55.0.0/24 back-end
	bundle one '.annotations += {
		"io.heddle.networks": "lows-network:ip=192.168.1.7,mac=02:00:00:00:00:07; back-end:ifname=back0",
		"io.heddle.name": "web", "org.example.other": "left alone"}'
	for runtime in runc crun; do
		start "$runtime" one
		assert_ok
		[[ $(address "$runtime" one) == 192.168.1.7 ]]
		[[ $(address "$runtime" one back0) == 10.55.0.* ]]
		heddle network inspect back-end --format '{{range .Containers}}{{.Name}}{{end}}'
		[[ $out == web ]]
		heddle network disconnect back-end web
		assert_silent
		stop "$runtime" one
		assert_gone
	done
}

@test "a container that cannot have its network does not start, and says why" {
	bundle one '.annotations["io.heddle.networks"] = "none-such"'
	bundle two '.annotations["io.heddle.port"] = "80"'
	for runtime in runc crun; do
		start "$runtime" one
		((status != 0)) || fail "it should not have started"
		[[ $errout == *"network none-such not found"* ]] || fail "it should say why"
		start "$runtime" two
		((status != 0)) || fail "it should not have started"
		[[ $errout == *"annotation io.heddle.port: no such annotation"* ]] || fail "it should say why"
	done
	assert_gone
}

@test "a container in the host's network, or without annotations, is left alone" {
	bundle one '.linux.namespaces |= map(select(.type != "network"))'
	bundle two 'del(.annotations)'
	for runtime in runc crun; do
		for name in one two; do
			start "$runtime" "$name"
			assert_ok
			[[ -z $(cached) ]]
			stop "$runtime" "$name"
		done
	done
}

@test "a namespace that is there already is used, and its next container has a clean one" {
	netns_add web
	bundle one '(.linux.namespaces[] | select(.type == "network")).path = $path' \
		--arg path "$(netns_path web)"
	start runc one
	assert_ok
	[[ $(link_json web eth0 .operstate) == UP ]]

	# Killed with its runtime, so that no poststop came for it.
	kill -KILL "$(pid_of runc one)"
	wait_for 30 eval '[[ $(run_time runc state "$ID-one" | jq -r .status) == stopped ]]'
	rm -r "$BATS_TEST_TMPDIR/runc"
	start runc one
	assert_ok
	[[ $(cached | wc -l) == 1 ]]
	stop runc one
	assert_gone
	[[ $(in_ns web ip -j link | jq length) == 1 ]]
}

@test "what an engine attached under the same ID is the engine's" {
	bundle one
	mkdir -p "$CACHE_DIR/results"
	jq -n --arg id "$ID-one" '{kind: "cniCacheV1", containerId: $id, config: ({} | @base64),
		ifName: "eth7", networkName: "theirs", result: {}}' >"$CACHE_DIR/results/theirs-$ID-one-eth7"
	start crun one
	assert_ok
	[[ $(cached) == "lows-network-$ID-one-eth0"$'\n'"theirs-$ID-one-eth7" ]]
	stop crun one
	[[ $(cached) == "theirs-$ID-one-eth7" ]]
}

@test "what is on stdin and is no state is told" {
	for text in '' '{' '[]' '{"id":""}' '{"id":"a/b","status":"creating"}' '{"id":"a","pid":-1}'; do
		capture feed "$text" nsenter --net="$(netns_path host)" -- "${HEDDLE_CMD[@]}" oci-hook
		((status == 1)) || fail "$text should be refused"
		[[ -n $errout ]] || fail "it should say why"
	done
}
