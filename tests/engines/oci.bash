# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# oci - bundles of runc and crun, with our hooks; see cell

oci_probe() { command -v "$ENGINE" >/dev/null || { echo "$ENGINE is not installed"; return 1; }; }
oci_up() { :; }
oci_down() { :; }

# oci_command ARGUMENT...: sets $command
oci_command() {
	case $ENGINE in
	runc) command=(runc "$@") ;;
	crun)
		# It wants cgroups of version 2 alone.
		# shellcheck disable=SC2016 # for that shell
		command=(unshare --mount --propagation private sh -ec '
			mkdir -p /run/cgroup2
			mount -t cgroup2 cgroup2 /run/cgroup2
			umount -R /sys/fs/cgroup
			mount --move /run/cgroup2 /sys/fs/cgroup
			exec crun "$@"' sh --cgroup-manager=disabled "$@")
		;;
	esac
}

oci() {
	local command
	oci_command "$@"
	on_host "${command[@]}"
}

# oci_bundle NAME NETWORK [ip=ADDRESS] [port=PORTS]
oci_bundle() {
	local bundle=$STATE/bundle-$1 networks ports='' option
	networks=$(network_name "$2")
	for option in "${@:3}"; do
		case $option in
		ip=*) networks+=":$option" ;;
		port=*) ports=${option#port=} ;;
		esac
	done
	mkdir -p "$bundle"
	[[ -e $bundle/spec.json ]] || { runc spec --bundle "$bundle" && mv "$bundle/config.json" "$bundle/spec.json"; }
	jq -s --arg rootfs "$STATE/rootfs" --arg heddle "$STATE/bin/heddle" --arg networks "$networks" --arg ports "$ports" '
		.[0] * .[1]
		| .root = {path: $rootfs, readonly: true} | del(.process.rlimits)
		| .process.terminal = false | .process.args = ["/bin/sleep", "100000"]
		| .annotations["io.heddle.networks"] = $networks
		| .annotations["io.heddle.ports"] = $ports
		| if $ports == "" then del(.annotations["io.heddle.ports"]) else . end
		| if $networks == "host" then .linux.namespaces |= map(select(.type != "network")) else . end
		| .hooks[] |= map(.path = $heddle)' \
		"$bundle/spec.json" "$REPO/conf-examples/oci/hooks.json" >"$bundle/config.json"
}

# A container has its runtime's stdout and stderr for as long as it lives.
oci_start() {
	oci_bundle "$@"
	oci run --detach --bundle "$STATE/bundle-$1" "$1" </dev/null >"$STATE/oci.log" 2>&1 || { cat "$STATE/oci.log"; return 1; }
}

oci_pid() { oci state "$1" | jq .pid; }
oci_remove() { oci delete --force "$1"; }

oci_start_slowly() {
	local command
	oci_bundle "$@"
	oci_command run --detach --bundle "$STATE/bundle-$1" "$1"
	daemon_start create "${command[@]}"
}

oci_recover() { oci_remove "$1"; }
