#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# podman.bats - an unchanged Podman gets its networks from our plugins
#
# engine.bash draws the host.  After every test all containers and networks are
# removed by Podman, and nothing may be left of them: see engine_clean.

bats_require_minimum_version 1.5.0
load engine

setup_file() { engine_up "$BATS_FILE_TMPDIR"; }
teardown_file() { engine_down; }
setup() { use_plugins "$ENGINE_DIR/ours"; }
teardown() { engine_clean; }

# ---- helpers -----------------------------------------------------------------

lows_network() {
	podman network create --subnet 192.168.1.0/24 --ip-range 192.168.1.128/25 "$@" lows-network
}

# start NAME [OPTION...]: a container that sleeps.
start() {
	podman run --detach --name "$1" --network lows-network "${@:2}" bb
}

reaches() {
	podman exec "$1" ping -c 1 -W 10 "$2"
}

# seen_as NAME SERVER [PORT]: the address that the server sees the container come from.
seen_as() {
	podman exec "$1" nc -w 10 "$2" "${3:-80}" </dev/null
}

in_upper_half() {
	[[ $1 =~ ^192\.168\.1\.([0-9]+)$ ]] && ((BASH_REMATCH[1] >= 128 && BASH_REMATCH[1] < 255))
}

default_gateways() {
	in_container "$1" ip -json "${2:--4}" route show default | jq -r '.[].gateway'
}

# What the host has of attachments: ports of bridges, addresses of lows-network.
ports_left() {
	on_host ip -json link show type veth | jq '[.[] | select(.master != null)] | length'
}

leases_left() {
	on_host find /var/lib/cni/networks/lows-network -name '[0-9a-f]*[.:]*' | wc -l
}

refused() {
	run ! podman run --rm --network lows-network "$@" bb true
}

# ---- one network -------------------------------------------------------------

@test "bridge and host-local are ours" {
	lows_network
	start one
	[[ $(container_port one) == hv* ]]
	[[ $(on_host ip -json -details link show "$(container_port one)" |
		jq -r '.[].linkinfo.info_slave_data.hairpin') == true ]]
}

@test "containers have different addresses of the ip-range, and reach each other and the host" {
	lows_network
	start one
	start two
	in_upper_half "$(container_get one IPAddress)"
	in_upper_half "$(container_get two IPAddress)"
	[[ $(container_get one IPAddress) != $(container_get two IPAddress) ]]
	[[ $(container_addresses one) == "$(container_get one IPAddress)/24" ]]
	[[ $(default_gateways one) == 192.168.1.1 ]]

	reaches one "$(container_get two IPAddress)"
	reaches two "$(container_get one IPAddress)"
	reaches one 192.168.1.1
	on_host ping -c 1 -W 10 "$(container_get one IPAddress)"
}

@test "what leaves the host is masqueraded, what stays in the network is not" {
	lows_network
	start one
	start server
	[[ $(seen_as one "$OUTSIDE_IP") == "$HOST_IP" ]]

	serve_caller 4 "$(container_pid server)"
	[[ $(seen_as one "$(container_get server IPAddress)") == "$(container_get one IPAddress)" ]]
}

# ---- published ports ---------------------------------------------------------

# serve_ports NAME PORT...: the container answers "NAME PORT CLIENT" there, tcp and udp.
serve_ports() {
	local said=$BATS_TEST_TMPDIR/ports.$1
	nsenter --target "$(container_pid "$1")" --net -- "$REPO/tests/e2e/ports.py" serve "$@" >"$said" 3>&- 4>&- &
	SERVERS+=" $!"
	wait_until grep -q listening "$said"
}

# answers WHERE "NAME PORT " PROTOCOL ADDRESS PORT: WHERE is on_host, on_outside or in_container NAME.
answers() {
	[[ $($1 "$REPO/tests/e2e/ports.py" ask "${@:3}") == "$2"* ]]
}

# closed on_host|on_outside PROTOCOL ADDRESS PORT
closed() {
	run ! "$1" "$REPO/tests/e2e/ports.py" ask briefly "${@:2}"
}

# From the host, another machine, and the container itself; in a line, as Podman's user means it.
all_reach_web() {
	local from said
	for from in on_host on_outside "in_container web"; do
		said=$($from "$REPO/tests/e2e/ports.py" ask tcp "$HOST_IP" 8080 , udp "$HOST_IP" 5353 , \
			tcp "$HOST_IP" 9001 , tcp "$HOST_IP" 8082 , tcp "$HOST_IP6" 8080 , udp "$HOST_IP6" 5353)
		[[ $(cut -d ' ' -f 1,2 <<<"$said" | xargs) == "web 80 web 53 web 91 web 82 web 80 web 53" ]]
	done
	answers on_host "web 80 " tcp 127.0.0.1 8080
}

@test "published ports: tcp, udp, a range, one address, IPv6; for the host, outside and the container itself" {
	podman network create --ipv6 --subnet 192.168.1.0/24 --subnet fd00:6::/64 lows-network
	start web --publish 8080:80 --publish 5353:53/udp --publish 9000-9002:90-92 --publish "$HOST_IP:8082:82"
	serve_ports web 80 53 90 91 92 82
	all_reach_web
	closed on_host tcp 192.168.1.1 8082

	# All of it is ours.
	[[ $(on_host iptables-save; on_host ip6tables-save) != *CNI-* ]]
	[[ $(on_host nft list tables) != *cni_* ]]
	[[ $(on_host nft list map inet heddle port4) == *"tcp . 9002"* ]]

	on_host nft flush ruleset
	closed on_outside tcp "$HOST_IP" 8080
	podman network reload web
	all_reach_web

	podman rm --force --time 0 web
	closed on_outside tcp "$HOST_IP" 8080
	start web --publish 8080:80 # the port is free again
}

@test "a port that a container has is not given to another" {
	lows_network
	start web --publish 8080:80
	serve_ports web 80
	# Podman itself binds the ports of every address that it publishes, but not of an exited conmon.
	refused --publish 8080:80
	[[ $output == *8080* ]]
	answers on_outside "web 80 " tcp "$HOST_IP" 8080
	[[ $(ports_left) -eq 1 ]]
}

@test "macvlan: a neighbour of the host on its wire" {
	podman network create --driver macvlan --opt parent=uplink --subnet 198.51.100.0/24 \
		--ip-range 198.51.100.64/28 lows-network
	start one
	[[ $(in_container one ip -json -details link show dev eth0 | jq -r '.[].linkinfo.info_kind') == macvlan ]]
	in_container one ping -c 1 -W 10 "$OUTSIDE_IP"
	podman rm --force --time 0 one
	[[ $(leases_left) -eq 0 ]]
}

# ---- more of one network -----------------------------------------------------

@test "Podman's default network needs no file" {
	podman run --detach --name one bb
	[[ $(container_get one Gateway podman) == 10.88.0.1 ]]
	reaches one 10.88.0.1
	[[ $(seen_as one "$OUTSIDE_IP") == "$HOST_IP" ]]
	podman rm --force --time 0 one
	on_host ip link delete cni-podman0 # a network without a file is not removed
}

@test "an MTU option reaches the container" {
	lows_network --opt mtu=1400
	start one
	[[ $(in_container one ip -json link show dev eth0 | jq '.[].mtu') -eq 1400 ]]
}

@test "an internal network leads nowhere else" {
	lows_network --internal
	start one
	start two
	reaches one "$(container_get two IPAddress)"
	[[ -z $(default_gateways one) ]]
	run ! seen_as one "$OUTSIDE_IP"
}

# ---- what the user asks for --------------------------------------------------

@test "--ip is honoured, and a second container cannot have it" {
	lows_network
	start one --ip 192.168.1.200
	[[ $(container_addresses one) == 192.168.1.200/24 ]]
	[[ $(container_get one IPAddress) == 192.168.1.200 ]]

	refused --ip 192.168.1.200
	[[ $output == *192.168.1.200* ]]
	[[ $(leases_left) -eq 1 ]]
	reaches one 192.168.1.1
}

# Podman turns --ip-range into rangeStart and rangeEnd; the reference plugin refuses what is
# outside of them, so does ours.  A network file of one's own can say ipRange, see below.
@test "--ip outside the ip-range is refused and leaves nothing" {
	lows_network
	refused --ip 192.168.1.5
	[[ $output == *192.168.1.5* ]]
	[[ $(leases_left) -eq 0 ]]
	[[ $(ports_left) -eq 0 ]]
}

@test "--mac-address is honoured" {
	lows_network
	start one --mac-address 02:11:22:33:44:55
	[[ $(container_get one MacAddress) == 02:11:22:33:44:55 ]]
	[[ $(in_container one ip -json link show dev eth0 | jq -r '.[].address') == 02:11:22:33:44:55 ]]
	reaches one 192.168.1.1
}

@test "an interface name is honoured" {
	lows_network
	podman run --detach --name one --network lows-network:interface_name=net0,ip=192.168.1.201 bb
	[[ $(container_addresses one net0) == 192.168.1.201/24 ]]
	reaches one 192.168.1.1
}

@test "a network of one's own: addresses from ipRange, none of exclude, --ip from all of subnet" {
	cp "$REPO/conf-examples/podman/lows-network.conflist" "$ENGINE_DIR/net.d/"
	on_host rm -rf /var/lib/cni/networks/lows-network # with the address that was given last
	start one
	start two
	start three --ip 192.168.1.5
	[[ $(container_get one IPAddress) == 192.168.1.129 ]]
	[[ $(container_get two IPAddress) == 192.168.1.131 ]]
	reaches three 192.168.1.129
	[[ $(seen_as three "$OUTSIDE_IP") == "$HOST_IP" ]]
	refused --ip 192.168.1.130
}

@test "a full network says so, and has room again after rm" {
	podman network create --subnet 192.168.1.0/30 lows-network
	start one
	refused
	[[ $output == *lows-network* ]]
	podman rm --force --time 0 one
	start two
	reaches two 192.168.1.1
}

# ---- IPv6 --------------------------------------------------------------------

@test "an IPv6 network: neighbours, gateway and outside" {
	podman network create --ipv6 --subnet fd00:6::/64 lows-network
	start one
	start two
	reaches one "$(container_get two GlobalIPv6Address)"
	reaches one fd00:6::1
	[[ $(default_gateways one -6) == fd00:6::1 ]]
	[[ $(seen_as one "$OUTSIDE_IP6") == "[$HOST_IP6_LONG]" ]]
}

@test "a network of both families" {
	podman network create --ipv6 --subnet 192.168.1.0/24 --subnet fd00:6::/64 lows-network
	start one
	start two --ip6 fd00:6::200
	[[ $(container_addresses one | wc -l) -eq 2 ]]
	[[ $(container_get two GlobalIPv6Address) == fd00:6::200 ]]
	reaches one "$(container_get two IPAddress)"
	reaches one fd00:6::200
	[[ $(seen_as one "$OUTSIDE_IP") == "$HOST_IP" ]]
	[[ $(seen_as one "$OUTSIDE_IP6") == "[$HOST_IP6_LONG]" ]]
}

# ---- no network, the host's network ------------------------------------------

@test "--network none has nothing but lo" {
	[[ $(podman run --rm --network none bb ls /sys/class/net) == lo ]]
}

@test "--network host is the host's namespace" {
	[[ $(podman run --rm --network host bb ip address show dev uplink) == *"$HOST_IP/24"* ]]
}

# ---- running containers ------------------------------------------------------

@test "network connect adds an interface, network disconnect removes it" {
	lows_network
	podman network create --subnet 192.168.2.0/24 second
	start one
	podman network connect second one
	[[ $(container_addresses one eth1) == "$(container_get one IPAddress second)/24" ]]
	reaches one 192.168.2.1
	reaches one 192.168.1.1

	podman network disconnect second one
	run ! in_container one ip link show dev eth1
	[[ $(ports_left) -eq 1 ]]
	reaches one 192.168.1.1
	[[ $(seen_as one "$OUTSIDE_IP") == "$HOST_IP" ]]
}

@test "a container starts on two networks" {
	lows_network
	podman network create --subnet 192.168.2.0/24 second
	podman run --detach --name one --network lows-network,second bb
	reaches one 192.168.1.1
	reaches one 192.168.2.1
	[[ $(default_gateways one | sort | xargs) == "192.168.1.1 192.168.2.1" ]]
	[[ $(ports_left) -eq 2 ]]
}

@test "network reload keeps address and MAC, and repairs a flushed ruleset" {
	lows_network
	start one
	local address mac
	address=$(container_get one IPAddress) mac=$(container_get one MacAddress)

	on_host nft flush ruleset
	run ! podman exec one nc -w 1 "$OUTSIDE_IP" 80 </dev/null
	podman network reload one
	[[ $(seen_as one "$OUTSIDE_IP") == "$HOST_IP" ]]
	[[ $(container_addresses one) == "$address/24" ]]
	[[ $(in_container one ip -json link show dev eth0 | jq -r '.[].address') == "$mac" ]]
	[[ $(leases_left) -eq 1 ]]
}

@test "network reload of all containers" {
	lows_network
	start one
	start two
	podman network reload --all
	reaches one "$(container_get two IPAddress)"
	[[ $(ports_left) -eq 2 ]]
}

# ---- the end of a container --------------------------------------------------

@test "rm frees port, lease and nftables elements" {
	lows_network
	start keep
	local before
	before=$(engine_state)
	start one
	[[ $(engine_state) != "$before" ]]
	[[ $(podman rm --force --time 0 one 2>&1) == one ]] # and no warning
	diff <(echo "$before") <(engine_state)
	reaches keep 192.168.1.1
}

@test "a restarted container is reachable" {
	lows_network
	start one
	podman restart --time 0 one
	reaches one 192.168.1.1
	[[ $(seen_as one "$OUTSIDE_IP") == "$HOST_IP" ]]
	[[ $(leases_left) -eq 1 ]]
}

@test "a killed container leaves nothing" {
	lows_network
	start one
	kill -KILL "$(container_pid one)"
	podman wait one
	podman rm --force one
	[[ $(leases_left) -eq 0 ]]
	[[ $(ports_left) -eq 0 ]]
}

@test "after a power failure a container starts with the same --ip" {
	lows_network
	start one --ip 192.168.1.200
	engine_reboot
	podman start one
	[[ $(container_addresses one) == 192.168.1.200/24 ]]
	[[ $(seen_as one "$OUTSIDE_IP") == "$HOST_IP" ]]
}

@test "ten containers at once have ten addresses, and leave none" {
	local pids=() i

	lows_network
	for i in {1..10}; do
		start "c$i" >/dev/null 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	[[ $(podman inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' c{1..10} |
		sort -u | wc -l) -eq 10 ]]
	[[ $(ports_left) -eq 10 ]]
	reaches c1 "$(container_get c10 IPAddress)"

	podman rm --force --time 0 c{1..10}
	[[ $(leases_left) -eq 0 ]]
	[[ $(ports_left) -eq 0 ]]
}

# ---- the end of a network ----------------------------------------------------

@test "network rm deletes the bridge, and the name can be used for another subnet" {
	lows_network
	local bridge
	bridge=$(podman network inspect lows-network | jq -r '.[].network_interface')
	start one
	on_host ip link show dev "$bridge"
	podman rm --force --time 0 one
	podman network rm lows-network
	run ! on_host ip link show dev "$bridge"

	podman network create --subnet 10.44.0.0/16 lows-network
	start two
	[[ $(container_get two IPAddress) == 10.44.0.2 ]]
	reaches two 10.44.0.1
}

# ---- moving a host -----------------------------------------------------------

@test "containers of the reference plugins live on with ours, and end with them" {
	lows_network
	use_plugins "$DEBIAN_PLUGINS"
	start stays
	start goes
	local address
	address=$(container_get stays IPAddress)

	use_plugins "$ENGINE_DIR/ours"
	start new
	[[ $(container_get new IPAddress) != "$address" ]]
	reaches new "$address"
	podman rm --force --time 0 goes
	[[ $(leases_left) -eq 2 ]]

	podman network reload stays
	[[ $(container_port stays) == hv* ]]
	[[ $(container_addresses stays) == "$address/24" ]]
	[[ $(seen_as stays "$OUTSIDE_IP") == "$HOST_IP" ]]
}

@test "a running container moves to the reference plugins and back" {
	lows_network
	start one
	local address dir
	address=$(container_get one IPAddress)

	for dir in "$DEBIAN_PLUGINS" "$ENGINE_DIR/ours"; do
		use_plugins "$dir"
		podman network reload one
		[[ $(container_addresses one) == "$address/24" ]]
		[[ $(seen_as one "$OUTSIDE_IP") == "$HOST_IP" ]]
		[[ $(leases_left) -eq 1 ]]
	done
}
