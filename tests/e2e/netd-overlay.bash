# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2154 # jq programs; netd.bash sets what it says
#
# netd-overlay - containers in networks of a cluster, beside netd.bash
#
# A container is a named network namespace of its host.  What a runtime hands to a
# plugin is taken from the conflist that netd has written on that host.

# network_create HOST NAME [MORE]: MORE is JSON that is added to what is asked for
network_create() {
	netd_ask "$1" network.create "$(jq -nc --arg name "$2" --argjson more "${3:-{\}}" \
		'{name: $name, driver: "overlay", scope: "swarm", ipv4: true} + $more')"
}

conflist() { echo "/etc/cni/net.d/zz-heddle-$1.conflist"; }

has_conflist() { on_host "$1" test -e "$(conflist "$2")"; }
has_no_conflist() { ! has_conflist "$@"; }

# network_everywhere NAME HOST…: waits until it has its conflist on all of them
network_everywhere() {
	local name=$1 host
	shift
	for host; do
		wait_for has_conflist "$host" "$name"
	done
}

# plugin_conf HOST NETWORK TYPE [FILTER]
plugin_conf() {
	on_host "$1" jq -c --arg type "$3" '{cniVersion: "1.1.0", name} + (.plugins[] | select(.type == $type))
		| '"${4:-.}" "$(conflist "$2")"
}

container_new() { on_host "$1" sh -c "ip netns add $2 && ip -n $2 link set lo up"; }
in_container() {
	local host=$1 name=$2
	shift 2
	on_host "$host" ip netns exec "$name" "$@"
}

# cni_run VERB HOST NETWORK CONTAINER [FILTER]
cni_run() {
	local verb=$1 host=$2 network=$3 container=$4
	on_host "$host" env CNI_COMMAND="$verb" CNI_CONTAINERID="$container-$host" CNI_IFNAME=eth0 \
		CNI_NETNS="/run/netns/$container" CNI_PATH="$NETD_PLUGINS" ${CNI_ARGS:+CNI_ARGS="$CNI_ARGS"} \
		"$NETD_PLUGINS/overlay" < <(plugin_conf "$host" "$network" overlay "${5:-.}")
}

# cni …: the same, which sets $status and $output
cni() { run cni_run "$@"; }

# attach HOST NETWORK CONTAINER [FILTER]: a new container in a network; its result is in $output
attach() {
	container_new "$1" "$3"
	cni ADD "$@"
	[[ $status -eq 0 ]] || { echo "ADD on $1: $output" >&2; netd_log "$1" >&2; return 1; }
}

detach() {
	cni DEL "$@"
	[[ $status -eq 0 && -z $output ]] || { echo "DEL on $1: $output" >&2; return 1; }
}

# address HOST CONTAINER FAMILY: the one of eth0, without its length
address() {
	in_container "$1" "$2" ip -j "-$3" address show dev eth0 scope global | jq -r '.[0].addr_info[0].local'
}

# reaches HOST CONTAINER ADDRESS
# What is dropped is dropped at once.
misses() { ! in_container "$1" "$2" ping -q -c 1 -W 2 "$3" >/dev/null; }
reaches() { in_container "$1" "$2" ping -q -c 1 -W 10 "$3" >/dev/null; }
# will_reach HOST CONTAINER ADDRESS: asked again and again, for up to 30 s
will_reach() { in_container "$1" "$2" ping -q -i 0.2 -c 1 -w 30 "$3" >/dev/null; }
host_reaches() { on_host "$1" ping -q -c 1 -W 10 "$2" >/dev/null; }

# error_is CODE TEXT…: of the plugin that `cni` ran
error_is() {
	local code=$1 text
	shift
	[[ $status -ne 0 ]] || { echo "no error: $output" >&2; return 1; }
	[[ $(jq .code <<<"$output") == "$code" ]] || { echo "$output" >&2; return 1; }
	for text; do
		[[ $(jq -r .msg <<<"$output") == *"$text"* ]] || { echo "$output" >&2; return 1; }
	done
}

inspect() { netd_ask "$1" network.inspect "$(jq -nc --arg n "$2" '{name: $n}')"; }

# endpoints HOST NETWORK: as that node sees them, "container node" a line
endpoints() { inspect "$1" "$2" | jq -r '.endpoints[] | "\(.container) \(.node)"' | sort; }
endpoints_are() {
	local host=$1 network=$2
	shift 2
	[[ $(endpoints "$host" "$network") == "$(printf '%s\n' "$@" | sort)" ]]
}

# refused HOST METHOD PARAMS TEXT: the control socket says no, for that reason
refused() {
	run netd_ask "$1" "$2" "$3"
	[[ $status -ne 0 && $output == *"$4"* ]] || { echo "$2: $output" >&2; return 1; }
}
