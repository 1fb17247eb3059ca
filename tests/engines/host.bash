# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# host - a machine of namespaces that has every engine, with our plugins in their usual places
#
#	   outside                      host                    far
#	198.51.100.2 ------------- 198.51.100.1			/opt/cni/bin	our plugins
#	2001:db8::2                2001:db8::1			/etc		a copy
#	                           203.0.113.1 --- 203.0.113.2	/run /var/lib	its own
#
# far is another machine of the cluster, in whose networks it has a namespace of its own.
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
CLUSTER_IP=203.0.113.1
FAR_IP=203.0.113.2

# wait_until COMMAND...: engine.bash's, with our patience
wait_until() {
	local end=$((SECONDS + PATIENCE))

	until "$@"; do
		((SECONDS < end)) || { echo "gave up waiting for: $*" >&2; return 1; }
		sleep 0.02
	done
}

heddle() { on_host "$STATE/bin/heddle" "$@"; }
on_far() { nsenter --target "$ENGINE_FAR" --mount --net -- "$@"; }
far_heddle() { on_far "$STATE/bin/heddle" "$@"; }

# ---- up and down -------------------------------------------------------------

# A copy, so that a build meanwhile does not exchange what is being tested.
copy_ours() {
	mkdir -p "$STATE"/{bin,cni,etc,far,hold}
	cp -r /etc/. "$STATE/etc"
	rm -rf "$STATE"/etc/{cni,containerd,containers/containers.conf.d,docker,heddle,lxc/heddle.conf}
	cp -r "$STATE/etc" "$STATE/far/"
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
	far_up
	serve_caller 4 "$ENGINE_OUTSIDE"
	serve_caller 6 "$ENGINE_OUTSIDE"
	ENGINE_SERVERS=$SERVERS
	ENGINE_NETNS=$(readlink "/proc/$ENGINE_HOST/ns/net")
	[[ -n $ENGINE_NETNS && $ENGINE_NETNS != "$(readlink /proc/self/ns/net)" ]] || return
	export STATE ENGINE_HOST ENGINE_NETNS ENGINE_OUTSIDE ENGINE_FAR ENGINE_FAR_NETNS
	make_rootfs
}

far_up() {
	ENGINE_FAR=$(namespace_hold "
		mount --bind '$STATE/far/etc' /etc
		mkdir -p /opt
		for dir in /run /var/lib /opt; do mount -t tmpfs tmpfs \$dir; done
		mkdir -p /run/netns /opt/cni/bin
		mount --bind '$STATE/cni' /opt/cni/bin")
	ENGINE_FAR_NETNS=$(readlink "/proc/$ENGINE_FAR/ns/net")
	on_host ip link add far type veth peer name host netns "$ENGINE_FAR"
	on_host ip address add $CLUSTER_IP/30 dev far
	on_host ip link set far up
	on_far ip address add $FAR_IP/30 dev host
	on_far ip link set host up
}

# machine_end PROCESS NETNS: all that runs there, which a run that was stopped has not ended itself;
# if it is the one that was made.
machine_end() {
	local process

	[[ -n ${2:-} && $(readlink "/proc/$1/ns/net") == "$2" ]] || return 0
	for process in /proc/[0-9]*; do
		[[ $(readlink "$process/ns/net") != "$2" ]] || kill -KILL "${process#/proc/}"
	done
}

host_down() {
	machine_end "${ENGINE_HOST:-}" "${ENGINE_NETNS:-}"
	machine_end "${ENGINE_FAR:-}" "${ENGINE_FAR_NETNS:-}"
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
daemon_start() { daemon_start_at "$ENGINE_HOST" "$@"; }

# daemon_start_at MACHINE'S-PROCESS NAME COMMAND...
daemon_start_at() {
	nsenter --target "$1" --mount --net -- "${@:3}" >>"$STATE/$2.log" 2>&1 3>&- 4>&- </dev/null &
	echo $! >"$STATE/$2.pid"
}

daemon_is_gone() { ! kill -0 "$(<"$STATE/$1.pid")" 2>/dev/null; }

# daemon_kill NAME [SIGNAL]
daemon_kill() {
	kill "-${2:-TERM}" "$(<"$STATE/$1.pid")"
	wait_until daemon_is_gone "$1"
}

# netd_configure DIR NAME ADDRESS
netd_configure() {
	mkdir -p "$1/heddle"
	printf '%s\n' "name = $2" "advertise = $3" >"$1/heddle/netd.conf"
}

netd_answers() { heddle node ls >/dev/null 2>&1; }
far_netd_is_there() { on_far test -S /run/heddle/netd.sock; }
both_are_alive() { [[ $(heddle node ls --format '{{.State}}') == $'alive\nalive' ]]; }

# netd is a cluster of both hosts, once something needs it.
netd_up() {
	[[ ! -e $STATE/netd.pid ]] || return 0
	netd_configure "$STATE/etc" host "$CLUSTER_IP"
	netd_configure "$STATE/far/etc" far "$FAR_IP"
	on_host "$STATE/bin/netd" init >/dev/null
	daemon_start netd "$STATE/bin/netd"
	daemon_start_at "$ENGINE_FAR" far-netd "$STATE/bin/netd"
	wait_until netd_answers
	wait_until far_netd_is_there
	on_far "$STATE/bin/netd" join "$(heddle token create)" "$CLUSTER_IP" >/dev/null
	wait_until both_are_alive
}

# ---- the other host of the cluster -----------------------------------------------

far_knows() { far_heddle network inspect "$1" >/dev/null 2>&1; }

# far_attach NETWORK: its namespace, once it has heard of the network
far_attach() {
	wait_until far_knows "$1"
	on_far ip netns add away
	far_heddle attach --network "$1" away >/dev/null
}

far_detach() {
	on_far test -e /run/netns/away || return 0
	far_heddle detach away >/dev/null
	on_far ip netns delete away
}

# far_address 4|6
far_address() {
	on_far ip -netns away -json "-$1" address show dev eth0 scope global | jq -r '[.[].addr_info[].local][0]'
}

far_pings() { on_far ip netns exec away ping -n -q -i 0.2 -c 1 -w "$PATIENCE" "$1" >/dev/null; }

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

# The same of what is on another host, which is told of a container a moment later than its own.
pings_at_last() { inside "$1" ping -n -q -i 0.2 -c 1 -w "$PATIENCE" "$2" >/dev/null; }

# What attachments own on the host: links, addresses, our nftables tables, leases, results, namespaces.
# Whether a bridge is up follows its last port, a moment later.
attachments() { engine_state | sed -E 's/^([^ ]+ +)(UP|DOWN|UNKNOWN) +/\1/'; }

attachments_are() { [[ $(attachments) == "$1" ]]; }
