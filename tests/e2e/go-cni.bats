#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# go-cni - calls as nerdctl and containerd make them, replayed without either
#
# Both use go-cni: keys of runtimeConfig are capitalised, DEL comes without a
# namespace, nerdctl's before any ADD, and the networks of a container are
# attached at the same time.

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell

load lib

ID=default-$(printf '0123456789abcdef%.0s' 1 2 3 4)
NERDCTL_ARGS="NERDCTL_CNI_DHCP_HOSTNAME=web;IgnoreUnknown=1"
CRI_ARGS="K8S_POD_UID=6a1b;K8S_POD_NAMESPACE=default;IgnoreUnknown=1;K8S_POD_INFRA_CONTAINER_ID=$ID;K8S_POD_NAME=web"

setup() {
	lab_setup
	netns_add c1
}
teardown() { lab_teardown; }

# nerdctl_network NAME BRIDGE SUBNET: what nerdctl writes for a network
nerdctl_network() {
	jq -nc --arg name "$1" --arg bridge "$2" --arg subnet "$3" --arg leases "$LEASES" --arg saved "$BATS_TEST_TMPDIR/saved" '{
		cniVersion: "1.0.0", name: $name, nerdctlID: "17f29b073143", nerdctlLabels: {},
		plugins: [
			{type: "bridge", bridge: $bridge, isGateway: true, ipMasq: true, hairpinMode: true,
			 ipam: {type: "host-local", dataDir: $leases, routes: [{dst: "0.0.0.0/0"}],
				ranges: [[{subnet: $subnet, ipRange: ""}]]}},
			{type: "portmap", capabilities: {portMappings: true}},
			{type: "firewall", ingressPolicy: "same-bridge"},
			{type: "tuning", dataDir: $saved}]}'
}

# go_cni VERB CONFLIST RUNTIME-CONFIG NETNS IFNAME ARGS: the whole list as libcni runs it, with the
# result of ADD kept in its cache
go_cni() {
	local verb=$1 list=$2 runtime=$3 netns=$4 ifname=$5 order=. i config cache
	cache=$BATS_TEST_TMPDIR/cache.$(jq -r .name <<<"$list").$ifname
	[[ $verb == ADD ]] || order=reverse
	for i in $(jq -r ".plugins | [keys[]] | $order | .[]" <<<"$list"); do
		config=$(jq -c --argjson i "$i" --argjson runtime "$runtime" --argjson prev "$(cat "$cache" 2>/dev/null || echo null)" '
			{cniVersion, name} + .plugins[$i]
			| if .capabilities.portMappings then .runtimeConfig = $runtime else . end
			| if $prev then .prevResult = $prev else . end' <<<"$list")
		feed "$config" env CNI_COMMAND="$verb" CNI_PATH="$PLUGINS" CNI_CONTAINERID="$ID" CNI_IFNAME="$ifname" \
			CNI_NETNS="$(netns_path "$netns")" CNI_ARGS="$6" nsenter --net="$(netns_path host)" -- \
			"$PLUGINS/$(jq -r .type <<<"$config")" >"$cache.new" || { cat "$cache.new"; return 1; }
		[[ $verb != ADD ]] || mv "$cache.new" "$cache"
	done
}

PORTS='{"portMappings":[{"HostPort":8080,"ContainerPort":80,"Protocol":"tcp","HostIP":"0.0.0.0"},
	{"HostPort":5353,"ContainerPort":53,"Protocol":"udp","HostIP":"127.0.0.1"}]}'

@test "nerdctl: DEL before ADD, two networks at once, DEL without a namespace" {
	local front back pids=() pid
	front=$(nerdctl_network bridge nerdctl0 10.4.0.0/24)
	back=$(nerdctl_network back br-17f29b073143 10.4.1.0/24)
	go_cni DEL "$front" "$PORTS" '' eth0 "$NERDCTL_ARGS"
	go_cni DEL "$back" "$PORTS" '' eth1 "$NERDCTL_ARGS"

	go_cni ADD "$front" "$PORTS" c1 eth0 "$NERDCTL_ARGS" 3>&- &
	pids+=($!)
	go_cni ADD "$back" "$PORTS" c1 eth1 "$NERDCTL_ARGS" 3>&- &
	pids+=($!)
	for pid in "${pids[@]}"; do wait "$pid"; done
	reaches c1 10.4.0.1
	reaches c1 10.4.1.1
	# Asked for twice, held once.
	[[ $(in_ns host nft -j list map inet heddle port4 | jq '[.nftables[].map.elem // [] | .[]] | length') == 1 ]]
	[[ $(in_ns host nft list map inet heddle hostport4) == *"127.0.0.1 . udp . 5353"* ]]

	go_cni DEL "$back" "$PORTS" '' eth1 "$NERDCTL_ARGS"
	go_cni DEL "$front" "$PORTS" '' eth0 "$NERDCTL_ARGS"
	[[ $(in_ns c1 ip -j link show type veth | jq length) == 0 ]]
	assert_nothing_left
	go_cni DEL "$front" "$PORTS" '' eth0 "$NERDCTL_ARGS"
}

@test "containerd: lo and eth0 at once, capabilities with null lists, DEL after the namespace has gone" {
	local list runtime loopback pid
	loopback='{"cniVersion":"0.3.1","name":"cni-loopback","plugins":[{"type":"loopback"}]}'
	list=$(nerdctl_network k8s cni0 10.5.0.0/24 | jq -c '.plugins |= .[:2] | .plugins[0].promiscMode = true
		| .plugins[0].hairpinMode = false')
	runtime=$(jq -c '. + {bandwidth: {IngressRate: 0, IngressBurst: 0, EgressRate: 0, EgressBurst: 0},
		dns: {Servers: null, Searches: null, Options: null}, "io.kubernetes.cri.pod-annotations": {a: "b"}}
		| .portMappings[].HostIP = ""' <<<"$PORTS")
	go_cni ADD "$loopback" '{}' c1 lo "$CRI_ARGS" 3>&- &
	pid=$!
	go_cni ADD "$list" "$runtime" c1 eth0 "$CRI_ARGS"
	wait "$pid"
	jq -e '.cniVersion == "0.3.1" and .interfaces[0].name == "lo"' "$BATS_TEST_TMPDIR/cache.cni-loopback.lo"
	reaches c1 10.5.0.1
	[[ $(in_ns host nft list map inet heddle port4) == *"udp . 5353"* ]]

	netns_del c1
	go_cni DEL "$list" "$runtime" c1 eth0 "$CRI_ARGS"
	go_cni DEL "$loopback" '{}' c1 lo "$CRI_ARGS"
	assert_nothing_left
}

@test "nerdctl asks the firewall plugin for its version, without arguments" {
	capture env -i "$PLUGINS/firewall"
	assert_silent
	# Its words in front, then a version that it compares: from 1.1.0 on bridges are isolated.
	[[ ${errout%%$'\n'*} =~ ^CNI\ firewall\ plugin\ v([0-9]+)\.[0-9]+\.[0-9]+$ ]]
	((BASH_REMATCH[1] >= 2))
}
