# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# chained - what bats files of chained plugins share, beside lib.bash
#
# Most tests run one plugin alone, on a veth pair and a prevResult as a plugin
# before it leaves them:
#
#	pair_add c1 eth0 10.1.0.5/24		# sets $prev
#	cni ADD tuning "$(chained tuning tuning)" id c1 eth0
#
# chain_add and chain_del run a whole list, as libcni does.

# pair_add NETNS IFNAME [ADDRESS…]: a pair with one end on the host, named hNETNS-IFNAME;
# sets $prev, the result of the plugin that would have made it
pair_add() {
	local ns=$1 ifname=$2 port="h$1-$2" address
	shift 2
	in_ns host ip link add "$port" type veth peer name "$ifname" netns "$(netns_name "$ns")"
	in_ns host ip link set "$port" up
	in_ns "$ns" ip link set "$ifname" up
	for address; do
		[[ $address != *:* ]] || in_ns "$ns" sysctl -qw "net.ipv6.conf.$ifname.accept_dad=0"
		in_ns "$ns" ip addr add "$address" dev "$ifname"
	done
	prev=$(jq -nc --arg port "$port" --arg port_mac "$(link_json host "$port" .address)" \
		--arg ifname "$ifname" --arg mac "$(link_json "$ns" "$ifname" .address)" \
		--arg sandbox "$(netns_path "$ns")" '{
			cniVersion: "1.1.0",
			interfaces: [{name: $port, mac: $port_mac}, {name: $ifname, mac: $mac, sandbox: $sandbox}],
			ips: [$ARGS.positional[] | {address: ., interface: 1}]
		} | if .ips == [] then del(.ips) else . end' --args -- "$@")
}

# chained EXAMPLE TYPE [FILTER [JQ-ARGUMENT…]]: the plugin of this type in a list of
# conf-examples, as a runtime hands it over, with $prev as its prevResult
chained() {
	local example=$1 type=$2 filter=${3:-.}
	shift $(($# > 2 ? 3 : 2))
	jq -c --arg type "$type" --argjson prev "${prev:-null}" --arg saved "$BATS_TEST_TMPDIR/saved" \
		'{cniVersion, name} + (.plugins[] | select(.type == $type))
		 | if $type == "tuning" then .dataDir = $saved else . end
		 | if $prev then .prevResult = $prev else . end
		 | '"$filter" "$@" "$TOP_DIR/conf-examples/$example.conflist"
}

# with_version VERSION: stdin, a config, in another version; its prevResult too, in the words of that one
with_version() {
	jq -c --arg v "$1" '.cniVersion = $v | .prevResult.cniVersion = $v
		| if $v < "0.3.0" then .prevResult |= {cniVersion, ip4: {ip: .ips[0].address}}
		  elif $v < "1.0.0" then .prevResult.ips[]?.version = "4"
		  else . end'
}

# chain_add EXAMPLE ID NETNS IFNAME: ADD of every plugin of a list; sets $prev to the last result
chain_add() {
	local example=$1 type
	shift
	prev=
	for type in $(jq -r '.plugins[].type' "$TOP_DIR/conf-examples/$example.conflist"); do
		cni ADD "$type" "$(chain_conf "$example" "$type")" "$@"
		assert_ok
		prev=$out
	done
}

# chain_run VERB EXAMPLE ID NETNS IFNAME: CHECK, or DEL in the other order, with $prev
chain_run() {
	local verb=$1 example=$2 order=. type
	shift 2
	[[ $verb != DEL ]] || order=reverse
	for type in $(jq -r "[.plugins[].type] | $order | .[]" "$TOP_DIR/conf-examples/$example.conflist"); do
		cni "$verb" "$type" "$(chain_conf "$example" "$type")" "$@"
		assert_silent
	done
}

# chain_conf EXAMPLE TYPE: chained, with leases in the test's own directory
chain_conf() {
	chained "$1" "$2" 'if .ipam.type == "host-local" then .ipam.dataDir = $leases else . end' \
		--arg leases "$LEASES"
}

# reference PLUGIN: skip unless the distribution's plugin is there to compare with
reference() { [[ -x /usr/lib/cni/$1 ]] || skip "no /usr/lib/cni/$1"; }

# cni_reference VERB PLUGIN CONF ID NETNS IFNAME: as cni, with the distribution's plugin
cni_reference() { PLUGINS=/usr/lib/cni cni "$@"; }
