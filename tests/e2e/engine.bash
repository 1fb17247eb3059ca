# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# engine - real container engines on a host made of namespaces
#
#	   outside                      host
#	198.51.100.2 ------------- 198.51.100.1
#	2001:db8::2                2001:db8::1      podman, buildah, bridges
#	server on port 80                              |            |
#	                                           container    container
#
# "host" is a network and a mount namespace: /run, /dev/shm and /var/lib are its
# own, so that the engines' state, /var/lib/cni and the machine's never meet.
# A namespace lives as long as the process that holds it, and that process
# ends by itself should a test be killed.  outside has no route to any
# network of the host: what it can answer came masqueraded.
#
# The plugins are those of build/plugins, and no others are in reach.
# PLUGINS=/usr/lib/cni runs the same tests on the reference plugins.

REPO=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
PLUGINS=${PLUGINS:-$REPO/build/plugins}
# shellcheck disable=SC2034 # for the tests
DEBIAN_PLUGINS=/usr/lib/cni
HOLD_SECONDS=900
SERVERS=

HOST_IP=198.51.100.1
OUTSIDE_IP=198.51.100.2
HOST_IP6=2001:db8::1
# shellcheck disable=SC2034 # for the tests
HOST_IP6_LONG=2001:0db8:0000:0000:0000:0000:0000:0001	# as the server writes it
OUTSIDE_IP6=2001:db8::2

# ---- namespaces --------------------------------------------------------------

# namespace_hold SCRIPT: new network and mount namespaces in which SCRIPT has run; prints the
# process that holds them.
namespace_hold() {
	local pid=
	read -r pid < <(exec unshare --net --mount --propagation private sh -ec "
		ip link set lo up
		$1
		echo \$\$
		exec sleep $HOLD_SECONDS >/dev/null 2>&1" 3>&- 4>&-)
	[[ -n $pid ]] && echo "$pid"
}

on_host() {
	nsenter --target "$ENGINE_HOST" --mount --net -- "$@"
}

on_outside() {
	nsenter --target "$ENGINE_OUTSIDE" --net -- "$@"
}

# wait_until COMMAND...: tries it for up to 30 s.
wait_until() {
	local end=$((SECONDS + 30))

	until "$@"; do
		if ((SECONDS >= end)); then
			echo "gave up waiting for: $*" >&2
			return 1
		fi
		sleep 0.02
	done
}

# listens FAMILY PID: whether something listens on port 80 in the namespace of PID.
listens() {
	[[ -n $(nsenter --target "$2" --net -- ss -Hltn"$1" 'sport = :80') ]]
}

# serve_caller FAMILY PID: a server on port 80, in the namespace of PID, that answers with the
# caller's address; its process is added to SERVERS.
serve_caller() {
	local only=
	[[ $1 -eq 4 ]] || only=,ipv6only=1
	nsenter --target "$2" --net -- socat -t30 "TCP$1-LISTEN:80,reuseaddr,fork$only" \
		"SYSTEM:echo \$SOCAT_PEERADDR" >/dev/null 2>&1 3>&- 4>&- &
	SERVERS+=" $!"
	wait_until listens "$1" "$2"
}

link_host_and_outside() {
	on_host ip link add uplink type veth peer name uplink netns "$ENGINE_OUTSIDE"
	on_host ip address add $HOST_IP/24 dev uplink
	on_host ip address add $HOST_IP6/64 dev uplink nodad
	on_host ip link set uplink up
	on_outside ip address add $OUTSIDE_IP/24 dev uplink
	on_outside ip address add $OUTSIDE_IP6/64 dev uplink nodad
	on_outside ip link set uplink up
}

# ---- engines -----------------------------------------------------------------

podman() {
	on_host env CONTAINERS_CONF="$ENGINE_DIR/containers.conf" podman \
		--root "$ENGINE_DIR/storage" --runroot /run/storage --tmpdir /run/libpod "$@"
}

buildah() {
	on_host env CONTAINERS_CONF="$ENGINE_DIR/containers.conf" buildah \
		--root "$ENGINE_DIR/storage" --runroot /run/storage "$@"
}

ENGINE_PLUGINS=(bridge macvlan portmap firewall tuning host-local)

# A copy, so that a build meanwhile does not exchange what is being tested.
copy_plugins() {
	mkdir "$ENGINE_DIR/ours"
	cp "${ENGINE_PLUGINS[@]/#/$PLUGINS/}" "$ENGINE_DIR/ours/" || {
		echo "$PLUGINS is not complete: run make first" >&2
		return 1
	}
}

# use_plugins DIR: what an engine finds is from there, and nothing else.
use_plugins() {
	mkdir -p "$ENGINE_DIR/cni"
	ln -sf "${ENGINE_PLUGINS[@]/#/$1/}" "$ENGINE_DIR/cni/"
}

# The example that the documentation shows, with this test's directories, and what a machine
# without systemd or CAP_SYS_RESOURCE needs besides.
write_containers_conf() {
	mkdir -p "$ENGINE_DIR/net.d"
	sed -e "s|^cni_plugin_dirs = .*|cni_plugin_dirs = [\"$ENGINE_DIR/cni\"]|" \
	    -e "s|^network_config_dir = .*|network_config_dir = \"$ENGINE_DIR/net.d\"|" \
		"$REPO/conf-examples/podman/containers.conf" >"$ENGINE_DIR/containers.conf"
	cat >>"$ENGINE_DIR/containers.conf" <<-END
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
		[engine]
		runtime = "runc"
		cgroup_manager = "cgroupfs"
		events_logger = "file"
	END
}

# An image of static busybox that sleeps: no registry is asked.
import_image() {
	local root=$ENGINE_DIR/rootfs applet

	mkdir -p "$root"/{bin,etc,proc,sys,dev,tmp}
	cp /bin/busybox "$root/bin/"
	for applet in sh ip ping nc ls cat sleep true false; do
		ln -s busybox "$root/bin/$applet"
	done
	tar -C "$root" -c . | podman import --quiet --change 'CMD ["/bin/sleep", "100000"]' - bb:latest
}

# engine_up DIR: host and outside with an engine whose files are under DIR.
engine_up() {
	export ENGINE_DIR=$1 ENGINE_HOST ENGINE_OUTSIDE ENGINE_SERVERS

	copy_plugins
	use_plugins "$ENGINE_DIR/ours"
	write_containers_conf
	ENGINE_OUTSIDE=$(namespace_hold :)
	ENGINE_HOST=$(namespace_hold "
		mount -t tmpfs tmpfs /run
		mount -t tmpfs tmpfs /dev/shm
		mount -t tmpfs tmpfs /var/lib
		mkdir /run/lock /run/netns /var/lib/cni")
	link_host_and_outside
	serve_caller 4 "$ENGINE_OUTSIDE"
	serve_caller 6 "$ENGINE_OUTSIDE"
	ENGINE_SERVERS=$SERVERS
	import_image >/dev/null
	engine_state_remember
}

# engine_reboot: what a host loses with its power: processes, links, rules and /run.  It then has
# another boot ID.
engine_reboot() {
	local containers boot_id=/proc/sys/kernel/random/boot_id

	mapfile -t containers < <(podman ps --quiet)
	# shellcheck disable=SC2046 # a list
	kill -KILL $(podman inspect --format '{{.State.ConmonPid}} {{.State.Pid}}' "${containers[@]}")
	on_host nft flush ruleset
	on_host ip -json link show type bridge | jq -r '.[].ifname' |
		while read -r bridge; do on_host ip link delete "$bridge"; done
	on_host sh -ec "
		for dir in /run /dev/shm; do umount --recursive --lazy \$dir; mount -t tmpfs tmpfs \$dir; done
		mkdir /run/lock /run/netns
		tr 0-9 1-90 <$boot_id >/run/boot_id
		mount --bind /run/boot_id $boot_id"
	wait_until no_veth_left
}

# The kernel takes namespaces apart a little later than they end, and then the ends on the host.
no_veth_left() { [[ $(on_host ip -json link show type veth | jq -r '.[].ifname') == uplink ]]; }

# What cleans up after a container writes below ENGINE_DIR, which bats must be able to remove.
only_the_holder_is_left() { [[ $(pgrep --ns "$ENGINE_HOST" --nslist mnt) == "$ENGINE_HOST" ]]; }

engine_down() {
	# shellcheck disable=SC2086 # a list
	kill $ENGINE_SERVERS $ENGINE_OUTSIDE
	wait_until only_the_holder_is_left
	kill "$ENGINE_HOST"
}

# ---- what attachments leave behind -------------------------------------------

# Links, addresses, our nftables tables, leases, cached results and namespaces: all that an
# attachment may own on the host.  The chains of Debian's portmap and firewall are theirs.
engine_state() {
	# shellcheck disable=SC2016 # for that shell
	on_host sh -c '
		ip -brief address | sed "s/@[^ ]*//"
		for family in inet bridge; do nft --stateless list ruleset $family; done
		find /var/lib/cni /run/netns ! -type d ! -name ".*" ! -name lock ! -name "last_reserved_ip.*"'
}

# The first attachment creates what stays for good, our nftables tables for one.
engine_state_remember() {
	podman network create first >/dev/null
	podman run --rm --network first bb true
	podman network rm first >/dev/null
	engine_state >"$ENGINE_DIR/state"
}

# engine_clean: ends the test's servers, removes containers and networks by the engine's own means,
# and fails when more is left than before the first test.
engine_clean() {
	# shellcheck disable=SC2086 # a list
	[[ -z $SERVERS ]] || kill $SERVERS
	podman rm --all --force --time 0 >/dev/null
	podman network prune --force >/dev/null
	diff -u "$ENGINE_DIR/state" <(engine_state) && return
	engine_state >"$ENGINE_DIR/state"	# let the next test show its own leavings
	return 1
}

# ---- looking at containers ---------------------------------------------------

container_pid() {
	podman inspect --format '{{.State.Pid}}' "$1"
}

# in_container NAME COMMAND...: the machine's command in the container's network.
in_container() {
	nsenter --target "$(container_pid "$1")" --net -- "${@:2}"
}

# container_get NAME FIELD [NETWORK]: what the engine took from the plugins' result, such as IPAddress.
container_get() {
	podman inspect --format "{{(index .NetworkSettings.Networks \"${3:-lows-network}\").$2}}" "$1"
}

# container_addresses NAME [IFNAME]: as the kernel has them, global ones, one a line.
container_addresses() {
	in_container "$1" ip -json address show dev "${2:-eth0}" scope global |
		jq -r '.[].addr_info[] | select(.local) | "\(.local)/\(.prefixlen)"'
}

# container_port NAME [IFNAME]: the host's end of the container's veth.
container_port() {
	local index
	index=$(in_container "$1" ip -json link show dev "${2:-eth0}" | jq '.[].link_index')
	on_host ip -json link | jq -r ".[] | select(.ifindex == $index).ifname"
}
