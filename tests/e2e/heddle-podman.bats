#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# heddle-podman.bats - one network of ours for every engine of a host
#
#	                          host
#	             lows-network 192.168.1.0/24
#	  Podman    runc's bundle    crun's bundle    LXC    ip netns
#
# engine.bash draws the host.  /var/lib and /run are its own, so the command
# runs there with its default directories.
# shellcheck disable=SC2016 # jq programs, words evaluated for each try

bats_require_minimum_version 1.5.0
load engine

setup_file() {
	engine_up "$BATS_FILE_TMPDIR"
	export HEDDLE=${HEDDLE:-$PLUGINS/../heddle}
	on_host mkdir -p /var/lib/lxc
}
teardown_file() { engine_down; }
setup() {
	use_plugins "$ENGINE_DIR/ours"
	DIR=$BATS_TEST_TMPDIR
	ID=heddle-e2e-$$
}
teardown() {
	on_host lxc-stop -n "$ID-lxc" -k 2>/dev/null || :
	run_time runc delete --force "$ID-runc" 2>/dev/null || :
	run_time crun delete --force "$ID-crun" 2>/dev/null || :
	# What Podman's own networks are cleaned by removes ours as well.
	engine_clean
}

# ---- helpers -----------------------------------------------------------------

HEDDLE_OPTIONS=(--cni-conf-dir "$ENGINE_DIR/net.d" --cni-plugin-path "$ENGINE_DIR/cni")

heddle() { on_host "$HEDDLE" "${HEDDLE_OPTIONS[@]}" "$@"; }

lows_network() {
	heddle network create --driver bridge --attachable --scope local --subnet 192.168.1.0/24 \
		--ip-range 192.168.1.128/25 --label org.example.team=looms lows-network >/dev/null
}

run_time() {
	local runtime=$1
	shift
	case $runtime in
	runc) on_host runc --root "$DIR/runc" "$@" ;;
	crun)
		# crun wants cgroups of version 2 alone.
		on_host unshare --mount --propagation private sh -ec '
			mkdir -p /run/cgroup
			mount -t cgroup2 cgroup2 /run/cgroup
			umount -R /sys/fs/cgroup
			mount --move /run/cgroup /sys/fs/cgroup
			exec crun "$@"' sh --root "$DIR/crun" --cgroup-manager=disabled "$@"
		;;
	esac
}

# start_bundle RUNTIME: a container of a bundle, with the hooks of the example
start_bundle() {
	local bundle=$DIR/bundle-$1
	mkdir "$bundle"
	runc spec --bundle "$bundle"
	jq -s --arg rootfs "$ENGINE_DIR/rootfs" '.[0] * .[1]
		| .root = {path: $rootfs, readonly: true} | del(.process.rlimits)
		| .process.terminal = false | .process.args = ["/bin/sleep", "1000"]
		| del(.annotations["io.heddle.ports"])
		| .hooks[] |= map(.path = $ARGS.positional[0] | .args = $ARGS.positional + ["oci-hook"])' \
		"$bundle/config.json" "$REPO/conf-examples/oci/hooks.json" \
		--args -- "$HEDDLE" "${HEDDLE_OPTIONS[@]}" >"$bundle/new.json"
	mv "$bundle/new.json" "$bundle/config.json"
	run_time "$1" run --detach --bundle "$bundle" "$ID-$1" </dev/null >/dev/null 2>"$DIR/stderr" 3>&- 4>&- ||
		{ cat "$DIR/stderr"; return 1; }
}

start_lxc() {
	on_host mkdir "/var/lib/lxc/$ID-lxc"
	{
		printf '%s\n' "lxc.uts.name = $ID-lxc" "lxc.rootfs.path = dir:$ENGINE_DIR/rootfs" \
			"lxc.apparmor.profile = unconfined" "lxc.autodev = 0" "lxc.pty.max = 0" "lxc.tty.max = 0"
		sed -e "s|/usr/bin/heddle|$HEDDLE ${HEDDLE_OPTIONS[*]}|" -e 's/ -p 8080:80//' \
			"$REPO/conf-examples/lxc/hooks.conf"
	} | on_host tee "/var/lib/lxc/$ID-lxc/config" >/dev/null
	on_host lxc-start -n "$ID-lxc" -d -- /bin/sleep 1000 </dev/null >/dev/null 2>&1 3>&- 4>&-
}

# addresses: of all on lows-network, one a line
addresses() {
	heddle network inspect lows-network --format '{{range .Containers}}{{println .IPv4Address}}{{end}}' |
		sed '/^$/d; s|/.*||'
}

# all_reach COMMAND…: from where the command runs, every container is reached
all_reach() {
	local address
	for address in $(addresses); do
		"$@" ping -c 1 -W 10 "$address" >/dev/null || { echo "$* does not reach $address"; return 1; }
	done
}

in_upper_half() { [[ $1 =~ ^192\.168\.1\.([0-9]+)$ ]] && ((BASH_REMATCH[1] >= 128)); }

start() { podman run --detach --name "$1" --network "${2:-lows-network}" "${@:3}" bb; }

# ---- tests -------------------------------------------------------------------

@test "every engine of the host on one network" {
	local pid address
	lows_network
	start box
	start_bundle runc
	start_bundle crun
	start_lxc
	on_host ip netns add web
	heddle attach --network lows-network web

	[[ $(addresses | sort -u | wc -l) -eq 5 ]]
	for address in $(addresses); do in_upper_half "$address"; done
	all_reach podman exec box
	for pid in $(run_time runc state "$ID-runc" | jq .pid) $(run_time crun state "$ID-crun" | jq .pid) \
		$(on_host lxc-info -n "$ID-lxc" -pH); do
		all_reach nsenter --target "$pid" --net --
	done
	all_reach on_host ip netns exec web
	all_reach on_host
	[[ $(on_host ip -json link show type bridge | jq length) -eq 1 ]]

	podman rm --force --time 0 box
	run_time runc delete --force "$ID-runc"
	run_time crun delete --force "$ID-crun"
	on_host lxc-stop -n "$ID-lxc" -k
	heddle detach web
	on_host ip netns del web
	wait_until eval '[[ -z $(addresses) ]]'
	heddle network rm lows-network
}

@test "Podman sees our network with its labels, uses it, and may remove it" {
	lows_network
	[[ $(podman network ls --filter label=org.example.team=looms --format '{{.Name}} {{.Driver}}') == "lows-network bridge" ]]
	[[ $(podman network inspect lows-network | jq -r '.[0].subnets[0] | "\(.subnet) \(.gateway)"') == 192.168.1.0/24* ]]
	start box lows-network --publish 8080:80
	in_upper_half "$(container_get box IPAddress)"
	serve_caller 4 "$(container_pid box)"
	[[ $(on_outside nc -w 10 "$HOST_IP" 8080 </dev/null) == "$OUTSIDE_IP" ]]
	[[ $(heddle network ls --quiet --filter label=org.example.team=looms | wc -l) -eq 1 ]]
	run ! heddle network rm lows-network
	[[ $output == *"has active endpoints"* ]]

	podman rm --force --time 0 box
	podman network rm lows-network
	[[ -z $(heddle network ls --quiet --filter name=lows-network) ]]
}

@test "a container of Podman is connected to a network of ours, and taken off again" {
	lows_network
	podman network create --subnet 10.91.0.0/24 pods
	start box pods
	[[ $(heddle network ls --filter name=pods --format '{{.Driver}}') == bridge ]]
	heddle network connect --ip 192.168.1.9 lows-network "$(podman ps --quiet)"
	[[ $(container_addresses box eth1) == 192.168.1.9/24 ]]
	on_host ip netns add web
	heddle attach --network pods --network lows-network web
	on_host ip netns exec web ping -c 1 -W 10 192.168.1.9
	on_host ip netns exec web ping -c 1 -W 10 "$(container_get box IPAddress pods)"
	heddle network disconnect lows-network "$(podman ps --quiet)"
	[[ -z $(container_addresses box eth1 2>/dev/null) ]]
	heddle detach web
	on_host ip netns del web
	heddle network rm lows-network
}
