# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# host - a machine of namespaces that has every engine, with our plugins in their usual places
#
#	   outside                      host
#	198.51.100.2 ------------- 198.51.100.1		/opt/cni/bin	our plugins
#	2001:db8::2                2001:db8::1		/etc		a copy
#							/run /var/lib	its own
#
# e2e/engine.bash has the namespaces and the servers.  Unlike its tests these leave
# every path as it is by default: what an engine is told comes from `heddle install`.
# The state is in files under $STATE, for each cell of the matrix is a process.

ENGINES_DIR=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
# shellcheck source=tests/e2e/engine.bash
source "$ENGINES_DIR/../e2e/engine.bash"
# shellcheck disable=SC2034 # for namespace_hold
HOLD_SECONDS=7200
HEDDLE=${HEDDLE:-$PLUGINS/../heddle}
PATIENCE=30 # seconds, for what takes one at most

# wait_until COMMAND...: engine.bash's, with our patience
wait_until() {
	local end=$((SECONDS + PATIENCE))

	until "$@"; do
		((SECONDS < end)) || { echo "gave up waiting for: $*" >&2; return 1; }
		sleep 0.02
	done
}

heddle() { on_host "$STATE/bin/heddle" "$@"; }

# ---- up and down -------------------------------------------------------------

# A copy, so that a build meanwhile does not exchange what is being tested.
copy_ours() {
	mkdir -p "$STATE"/{bin,cni,etc,hold}
	cp -r /etc/. "$STATE/etc"
	rm -rf "$STATE"/etc/{cni,containerd,containers/containers.conf.d,docker,lxc/heddle.conf}
	cp "$PLUGINS"/* "$STATE/cni" || return
	cp "$HEDDLE" "$PLUGINS/../netd" "$STATE/bin/" || return
}

# What holds the host has what machines have mounted, and /sys of its own network.
host_up() {
	copy_ours || return
	ENGINE_OUTSIDE=$(namespace_hold :)
	ENGINE_HOST=$(namespace_hold "
		mount --bind '$STATE/etc' /etc
		mkdir -p /opt
		for dir in /run /dev/shm /var/lib /opt /usr/lib/cni; do mount -t tmpfs tmpfs \$dir; done
		mkdir -p /run/lock /run/netns /run/systemd /var/lib/cni /var/lib/lxc /opt/cni/bin
		mount --bind '$STATE/cni' /opt/cni/bin
		mkdir /run/cgroup
		mount --rbind /sys/fs/cgroup /run/cgroup
		mount -t sysfs sysfs /sys
		mount --rbind /run/cgroup /sys/fs/cgroup")
	link_host_and_outside
	serve_caller 4 "$ENGINE_OUTSIDE"
	serve_caller 6 "$ENGINE_OUTSIDE"
	ENGINE_SERVERS=$SERVERS
	ENGINE_NETNS=$(readlink "/proc/$ENGINE_HOST/ns/net")
	[[ -n $ENGINE_NETNS && $ENGINE_NETNS != "$(readlink /proc/self/ns/net)" ]] || return
	export STATE ENGINE_HOST ENGINE_NETNS ENGINE_OUTSIDE
	make_rootfs
}

host_down() {
	local process

	# What a run that was stopped has not ended itself; if the host is the one that was made.
	if [[ -n ${ENGINE_NETNS:-} && $(readlink "/proc/$ENGINE_HOST/ns/net") == "$ENGINE_NETNS" ]]; then
		for process in /proc/[0-9]*; do
			[[ $(readlink "$process/ns/net") != "$ENGINE_NETNS" ]] || kill -KILL "${process#/proc/}"
		done
	fi
	# shellcheck disable=SC2086 # a list
	[[ -z ${ENGINE_OUTSIDE:-} ]] || kill ${ENGINE_SERVERS:-} $ENGINE_OUTSIDE
	rm -rf "$STATE"
}

# An image of static busybox that sleeps: no registry is asked.
make_rootfs() {
	local root=$STATE/rootfs applet

	mkdir -p "$root"/{bin,etc,proc,sys,dev,tmp}
	cp /bin/busybox "$root/bin/"
	for applet in sh ip ping nc ls cat sleep true; do
		ln -s busybox "$root/bin/$applet"
	done
	"$ENGINES_DIR/../e2e/cri.py" image "$STATE/bb.tar"
}

# ---- daemons -----------------------------------------------------------------

# daemon_start NAME COMMAND...: on the host; not by on_host, whose shell would be the one to kill
daemon_start() {
	nsenter --target "$ENGINE_HOST" --mount --net -- "${@:2}" >>"$STATE/$1.log" 2>&1 3>&- 4>&- </dev/null &
	echo $! >"$STATE/$1.pid"
}

daemon_is_gone() { ! kill -0 "$(<"$STATE/$1.pid")" 2>/dev/null; }

# daemon_kill NAME [SIGNAL]
daemon_kill() {
	kill "-${2:-TERM}" "$(<"$STATE/$1.pid")"
	wait_until daemon_is_gone "$1"
}

# netd is a cluster of one host, once something needs it.
netd_up() {
	[[ ! -e $STATE/netd.pid ]] || return 0
	on_host "$STATE/bin/netd" init >/dev/null
	daemon_start netd "$STATE/bin/netd"
	wait_until heddle node ls >/dev/null 2>&1
}

# ---- networks ----------------------------------------------------------------

# Of both families, by kind; the engines of the CRI take the first file that there is.
network_up() {
	case $1 in
	bridge)
		heddle network create --ipv6 --subnet 10.70.0.0/24 --subnet fd00:70::/64 lows >/dev/null
		;;
	macvlan)
		heddle network create --driver macvlan --opt parent=uplink --ipv6 \
			--subnet 198.51.100.0/24 --ip-range 198.51.100.64/26 --aux-address "outside=$OUTSIDE_IP" \
			--subnet 2001:db8::/64 --ip-range 2001:db8::7000/116 lows >/dev/null
		;;
	overlay)
		netd_up
		heddle network create --driver overlay --scope swarm --attachable --ipv6 --subnet 10.70.0.0/24 \
			--subnet fd00:70::/64 lows >/dev/null
		;;
	esac
}

network_down() {
	case $1 in
	bridge | macvlan | overlay) heddle network rm lows >/dev/null ;;
	esac
}

# The name by which heddle's commands and hooks know the network of a cell.
network_name() {
	case $1 in
	bridge | macvlan | overlay) echo lows ;;
	*) echo "$1" ;;
	esac
}

# ---- what a container has ----------------------------------------------------

# inside NAME COMMAND...: the machine's command in a container's network
inside() {
	local pid
	pid=$("${DRIVER}_pid" "$1")
	nsenter --target "$pid" --net -- "${@:2}"
}

# address NAME 4|6: the container's, as the kernel has it
address() {
	inside "$1" ip -json "-$2" address show dev eth0 scope global | jq -r '[.[].addr_info[].local][0]'
}

pings() { inside "$1" ping -n -c 1 -W "$PATIENCE" "$2" >/dev/null; }

# What attachments own on the host: links, addresses, our nftables tables, leases, results, namespaces.
# Whether a bridge is up follows its last port, a moment later.
attachments() { engine_state | sed -E 's/^([^ ]+ +)(UP|DOWN|UNKNOWN) +/\1/'; }

attachments_are() { [[ $(attachments) == "$1" ]]; }
