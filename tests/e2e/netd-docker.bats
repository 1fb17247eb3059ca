#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Docker's networks by netd: what it answers a dockerd, and with real ones in make test-full.

load netd.bash
load netd-docker.bash

setup() { netd_setup; }
teardown() { docker_teardown; netd_teardown; }

need_full() {
	[[ -n ${HEDDLE_FULL:-} ]] || skip "only in make test-full"
	need_dockerd
}

# pool HOST [MEMBERS]: asks for one
pool() { plugin "$1" IpamDriver.RequestPool "{\"AddressSpace\": \"heddle\", \"Pool\": \"\", \"SubPool\": \"\", \"V6\": false${2:+, $2}}"; }

@test "the driver: subnets are given once, and what is no request is refused" {
	local i pools='' first id
	host_start a
	netd_start a
	[[ $(plugin a Plugin.Activate | jq -c .Implements) == '["NetworkDriver","IpamDriver"]' ]]
	for i in {1..20}; do
		pools+=$(pool a)$'\n'
	done
	[[ $(jq -r .Pool <<<"$pools" | sort -u | wc -l) == 20 ]]
	[[ $(jq -r .PoolID <<<"$pools" | sort -u | wc -l) == 20 ]]
	[[ $(netd_metric a heddle_netd_docker_pool_requests_total) == 20 ]]
	# What was given back may be given again, to whoever comes then.
	first=$(jq -r .Pool <<<"$pools" | head -n 1) id=$(jq -r .PoolID <<<"$pools" | head -n 1)
	[[ $(plugin a IpamDriver.ReleasePool "{\"PoolID\": \"$id\"}") == '{}' ]]
	[[ $(plugin a IpamDriver.ReleasePool "{\"PoolID\": \"$id\"}") == '{}' ]]
	[[ $(pool a | jq -r .Pool) == "$first" ]]

	# dockerd repeats a call whose answer it has not got, and may have used up the body.
	plugin_refused a IpamDriver.RequestPool '' 'AddressSpace is missing'
	plugin_refused a IpamDriver.RequestAddress '' 'PoolID is missing'
	plugin_refused a NetworkDriver.CreateNetwork '' 'NetworkID is missing'
	plugin_refused a NetworkDriver.CreateEndpoint '' 'is missing'
	plugin_refused a NetworkDriver.Join '' 'EndpointID is missing'
	plugin_refused a NetworkDriver.Join '[]' 'no JSON object'
	plugin_refused a NetworkDriver.Join '{"EndpointID": "e1"}' 'knows of no endpoint e1'
	plugin_refused a NetworkDriver.Nothing '{}' 'no such method'
	# What is gone already is no error to remove.
	[[ $(plugin a NetworkDriver.DeleteEndpoint '{"NetworkID": "n1", "EndpointID": "e1"}') == '{}' ]]
	[[ $(plugin a NetworkDriver.DeleteNetwork '{"NetworkID": "n1"}') == '{}' ]]
}

# one_more HOST: asks for another subnet than before; $MORE counts them
one_more() { plugin "$1" IpamDriver.RequestPool "{\"AddressSpace\": \"heddle\", \"Pool\": \"10.$((MORE >> 8)).$((MORE & 255)).0/24\"}"; }

@test "the driver: a full disk takes nothing new, and what was given is given again" {
	local answer
	MORE=0
	host_start a
	on_host a mount -o remount,size=8m /var/lib
	netd_start a
	one_more a | jq -e .PoolID
	on_host a sh -c 'dd if=/dev/zero of=/var/lib/full bs=4k 2>/dev/null || :'
	# What the store has reserved does for some hundred.
	while ((++MORE < 3000)); do
		answer=$(one_more a)
		[[ $answer == *'"PoolID"'* ]] || break
	done
	[[ $(jq -r .Err <<<"$answer") == *"nothing is added"*"what runs goes on"* ]]
	# A dockerd that starts anew asks for what it has.
	MORE=0
	one_more a | jq -e .PoolID
	on_host a rm /var/lib/full
	MORE=3000
	is_given() { one_more a | jq -e .PoolID; }
	wait_for is_given
}

# driver_endpoint HOST NETWORK ENDPOINT ADDRESS: as dockerd starts a container, up to its interface
driver_endpoint() {
	plugin "$1" IpamDriver.RequestAddress "{\"PoolID\": \"$pool\", \"Address\": \"$4\"}" >/dev/null
	plugin "$1" NetworkDriver.CreateEndpoint "{\"NetworkID\": \"$2\", \"EndpointID\": \"$3\", \"Interface\": {\"Address\": \"$4/24\"}}" >/dev/null
	plugin "$1" NetworkDriver.Join "{\"NetworkID\": \"$2\", \"EndpointID\": \"$3\", \"SandboxKey\": \"/none\"}" |
		jq -re .InterfaceName.SrcName
}

# The same, and into a container.
driver_container() {
	local ifname
	ifname=$(driver_endpoint "$@")
	on_host "$1" ip netns add "$3"
	on_host "$1" ip link set "$ifname" netns "$3"
}

# without_docker HOST COMMAND…: heddle, where Docker is not installed
without_docker() { on_host "$1" env PATH=/usr/sbin:/sbin "$HEDDLE" "${@:2}"; }

@test "the driver: what an uninstalled Docker has left is seen, and taken back" {
	local pool given
	host_start a
	netd_start a
	pool=$(plugin a IpamDriver.RequestPool '{"AddressSpace": "heddle", "Pool": "10.5.0.0/24"}' | jq -r .PoolID)
	[[ $(plugin a NetworkDriver.CreateNetwork '{"NetworkID": "n1abcdef0123456789", "IPv4Data": [{"AddressSpace": "heddle", "Pool": "10.5.0.0/24", "Gateway": "10.5.0.1/24"}]}') == '{}' ]]
	driver_container a n1abcdef0123456789 e1 10.5.0.10
	plugin a IpamDriver.RequestPool '{"AddressSpace": "heddle", "Pool": "10.6.0.0/24"}' | jq -e .PoolID
	finds_both() {
		output=$(without_docker a doctor)
		[[ $output == *"warning  docker: Docker does not know its network n1abcdef0123 any more, and containers of it still run, 1 of them"*"heddle network rm n1abcdef0123"* &&
			$output == *"warning  docker: Docker has asked for the subnet 10.6.0.0/24"*"heddle network rm 10.6.0.0/24"* ]]
	}
	wait_for finds_both || { echo "$output" >&2; false; }
	run without_docker a network rm n1abcdef0123
	[[ $status -ne 0 && $output == *"run, 1 of them: stop them first"* ]]
	run without_docker a network rm 10.5.0.0/24
	[[ $status -ne 0 && $output == *"10.5.0.0/24 not found"* ]]
	run without_docker a network rm 10.7.0.0/24
	[[ $status -ne 0 && $output == *"10.7.0.0/24 not found"* ]]
	on_host a ip netns delete e1
	is_removed() { without_docker a network rm n1abcdef0123; }
	wait_for is_removed
	without_docker a network rm 10.6.0.0/24
	[[ $(without_docker a doctor --json | jq '[.[] | select(.check == "docker")] | length') == 0 ]]
	# Their subnets are free, with all their addresses.
	pool=$(plugin a IpamDriver.RequestPool '{"AddressSpace": "heddle", "Pool": "10.5.0.0/16"}' | jq -r .PoolID)
	given=$(plugin a IpamDriver.RequestAddress "{\"PoolID\": \"$pool\", \"Address\": \"10.5.0.10\"}")
	[[ $(jq -r .Address <<<"$given") == 10.5.0.10/16 ]]
	plugin a IpamDriver.RequestPool '{"AddressSpace": "heddle", "Pool": "10.6.0.0/16"}' | jq -e .PoolID
	nothing_is_left a
}

@test "the driver: an endpoint that dockerd has forgotten goes, and the others stay" {
	[[ -n ${HEDDLE_FULL:-} ]] || skip "only in make test-full: it takes a minute"
	local pool gone
	host_start a
	netd_start a
	pool=$(plugin a IpamDriver.RequestPool '{"AddressSpace": "heddle", "Pool": "10.5.0.0/24"}' | jq -r .PoolID)
	[[ $(plugin a NetworkDriver.CreateNetwork '{"NetworkID": "n1", "IPv4Data": [{"AddressSpace": "heddle", "Pool": "10.5.0.0/24"}]}') == '{}' ]]
	gone=$(driver_endpoint a n1 e1 10.5.0.10)
	driver_container a n1 e2 10.5.0.11
	driver_endpoint a n1 e3 10.5.0.12 # which dockerd never put into a container
	plugin_refused a IpamDriver.RequestAddress "{\"PoolID\": \"$pool\", \"Address\": \"10.5.0.10\"}" 'already in use'
	on_host a ip link delete "$gone"
	# Its address is free, and all that was claimed for it.
	is_free() { [[ $(plugin a IpamDriver.RequestAddress "{\"PoolID\": \"$pool\", \"Address\": \"$1\"}" | jq -r .Address) == "$1/24" ]]; }
	wait_at_most 120 is_free 10.5.0.10
	wait_at_most 120 is_free 10.5.0.12
	plugin_refused a NetworkDriver.Join '{"NetworkID": "n1", "EndpointID": "e1"}' 'knows of no endpoint e1'
	plugin_refused a IpamDriver.RequestAddress "{\"PoolID\": \"$pool\", \"Address\": \"10.5.0.11\"}" 'already in use'
	[[ $(our_elements a | grep -c ' e1 ') == 0 && $(our_elements a | grep -c ' e2 ') -gt 0 ]]
	[[ $(plugin a NetworkDriver.DeleteEndpoint '{"NetworkID": "n1", "EndpointID": "e2"}') == '{}' ]]
	[[ $(plugin a NetworkDriver.DeleteNetwork '{"NetworkID": "n1"}') == '{}' ]]
	nothing_is_left a
}

@test "the driver: who needs an address of a node that has stopped is told so" {
	[[ -n ${HEDDLE_FULL:-} ]] || skip "only in make test-full: the node that has stopped has to come back"
	local pool
	cluster_start a b
	on_host a "$HEDDLE" network create --scope swarm --subnet 10.20.0.0/28 web >/dev/null
	pool_of_web() {
		pool=$(plugin b IpamDriver.RequestPool '{"AddressSpace": "heddle", "Pool": "10.20.0.0/28", "Options": {"network": "web"}}' |
			jq -re .PoolID)
	}
	wait_for pool_of_web
	address_of_web() { plugin b IpamDriver.RequestAddress "{\"PoolID\": \"$pool\"}"; }
	netd_signal a STOP
	# For 800 ms it is tried, which curl has the patience for.
	wait_for refuses_address
	[[ $(jq -r .Error <<<"$refusal") == "$(jq -r .Err <<<"$refusal")" && -n $(jq -r .Err <<<"$refusal") ]]
	netd_answers b
	netd_signal a CONT
	gives_address() { [[ $(address_of_web | jq -r .Address) == 10.20.0.*/28 ]]; }
	wait_for gives_address
}

# What b has been given already is taken first; sets $refusal.
refuses_address() {
	refusal=$(address_of_web)
	[[ $refusal == *'"Err":'* ]]
}

# ---- one dockerd -------------------------------------------------------------------

@test "dockerd: networks of one host" {
	need_full
	host_start a
	netd_start a
	docker_host a

	network_new a lows --subnet 192.168.1.0/24 --ip-range 192.168.1.128/25
	run_on a c1 lows -p 8080:80
	run_on a c2 lows --ip 192.168.1.200 --link c1:alias
	[[ $(docker_ip a c1 lows) =~ ^192\.168\.1\.1[2-9][0-9]$ ]]
	[[ $(docker_ip a c2 lows) == 192.168.1.200 ]]
	docker_pings a c1 c2
	docker_pings a c2 alias
	[[ $(docker a ps --filter name=c1 --format '{{.Ports}}') == *'0.0.0.0:8080->80/tcp'* ]]
	docker_refused a 'Address already in use: 192.168.1.200' run --rm --network lows --ip 192.168.1.200 bb true

	network_new a any
	[[ $(subnet_of a any) == *.0/* ]]
	docker a network connect any c1
	[[ $(docker a exec c1 ip -4 -o address show | grep -c 'inet ') == 4 ]] # lo, lows, any, docker_gwbridge
	docker a network disconnect any c1
	[[ $(docker a exec c1 ip -4 -o address show | grep -c 'inet ') == 3 ]]

	network_new a six --ipv6 --subnet fd00:1::/64 --subnet 10.9.0.0/24 -o mtu=1400
	run_on a c6 six
	run_on a c7 six
	docker_pings a c6 "$(docker_ip a c7 six GlobalIPv6Address)"
	[[ $(docker a exec c6 cat /sys/class/net/eth0/mtu) == 1400 ]]

	network_new a shut --internal
	run_on a c8 shut
	run_on a c9 shut
	docker_pings a c8 c9
	[[ $(docker a exec c8 ip route) != *default* ]]

	docker_refused a 'Pool overlaps' network create -d heddle --ipam-driver heddle --subnet 192.168.1.0/25 bad
	docker_refused a 'Pool overlaps' network create -d heddle --ipam-driver heddle --subnet 192.168.1.0/24 bad
	docker_refused a 'no such option' network create -d heddle --ipam-driver heddle -o nope=1 bad
	docker_refused a 'no MTU' network create -d heddle --ipam-driver heddle -o mtu=big bad
	docker_refused a '--ipam-driver heddle' network create -d heddle -o network=warp bad

	docker a rm --force c1 c2 c6 c7 c8 c9 >/dev/null
	docker a network rm lows any six shut >/dev/null
	nothing_is_left a
	# Their subnets are free again.
	network_new a lows --subnet 192.168.1.0/24
	docker a network rm lows >/dev/null
}

@test "dockerd: ports by heddle's own maps" {
	need_full
	host_start a
	netd_start a
	docker_host a
	network_new a maps -o ports=heddle
	docker a run --detach --name web --network maps -p 8081:80 bb httpd -f -p 80 >/dev/null
	# Nothing is there to be served: 404.
	answers() { [[ $(on_host a curl -s -m 10 -o /dev/null -w '%{http_code}' "http://$1:8081/") == 404 ]]; }
	no_answer() { ! answers "$1"; }
	wait_for answers 127.0.0.1
	wait_for answers "$(host_ip a)"
	[[ $(docker a exec web ip route) == *"default via $(docker_ip a web maps Gateway) "* ]]
	docker_refused a 'with -o ports=heddle say one' run --rm --network maps -p 80 bb true
	docker a rm --force web >/dev/null
	no_answer 127.0.0.1
	docker a network rm maps >/dev/null
	nothing_is_left a
}

@test "dockerd is started again, with its containers running or not" {
	need_full
	host_start a
	netd_start a
	docker_host a --live-restore
	network_new a lows --subnet 192.168.1.0/24
	run_on a c1 lows --ip 192.168.1.10 --restart always
	run_on a c2 lows
	dockerd_kill a
	dockerd_start a --live-restore
	docker_pings a c2 192.168.1.10
	docker_refused a 'Address already in use: 192.168.1.10' run --rm --network lows --ip 192.168.1.10 bb true
	run_on a c3 lows
	docker_pings a c3 "$(docker_ip a c2 lows)"
	# Without live-restore the containers end with it.
	dockerd_stop a
	dockerd_start a
	docker a start c2 c3 >/dev/null
	docker a restart --time 0 c1 >/dev/null
	docker_pings a c2 192.168.1.10
	docker a rm --force c1 c2 c3 >/dev/null
	docker a network rm lows >/dev/null
	nothing_is_left a
}

# with_docker HOST COMMAND…: heddle, beside the machine's own client
with_docker() { on_host "$1" env DOCKER_HOST=unix:///run/docker.sock PATH="/usr/bin:$PATH" "$HEDDLE" "${@:2}"; }
docker_findings() { with_docker "$1" doctor --json | jq -r '.[] | select(.check == "docker") | .mend'; }

@test "dockerd loses its data" {
	need_full
	local lost kept
	host_start a
	netd_start a
	docker_host a
	network_new a lost --subnet 192.168.1.0/24
	lost=$(docker a network inspect -f '{{.ID}}' lost | head -c 12)
	run_on a c1 lost
	[[ -z $(docker_findings a) ]]
	run with_docker a network rm "$lost"
	[[ $status -ne 0 && $output == *"Docker has $lost"*"docker network rm"* ]]
	dockerd_stop a
	# What is stopped may come back.
	[[ -z $(docker_findings a) ]]
	run with_docker a network rm "$lost"
	[[ $status -ne 0 && $output == *"Docker does not answer"*"--force"* ]]
	on_host a mv /var/lib/docker /var/lib/docker.lost
	dockerd_start a
	docker_refused a "the network $lost has 192.168.1.0/24" network create -d heddle --ipam-driver heddle --subnet 192.168.1.0/24 new
	[[ $(docker_findings a) == "heddle network rm $lost" ]]
	with_docker a network rm "$lost"
	network_new a new --subnet 192.168.1.0/24
	kept=$(docker a network inspect -f '{{.ID}}' new | head -c 12)
	[[ -z $(docker_findings a) ]]
	run with_docker a network rm "$kept"
	[[ $status -ne 0 ]]
	docker a network rm new >/dev/null
	nothing_is_left a
}

@test "netd is killed under five running containers" {
	need_full
	local i pids=() ip begin
	host_start a
	netd_start a
	docker_host a
	network_new a lows --subnet 192.168.1.0/24
	for i in 1 2 3 4 5; do
		run_on a "c$i" lows
	done
	ip=$(docker_ip a c1 lows)
	for i in 2 3 4 5; do
		docker a exec "c$i" ping -q -c 40 -i 0.1 "$ip" >"$BATS_TEST_TMPDIR/ping-$i" &
		pids+=($!)
	done
	netd_kill a
	netd_start a
	wait "${pids[@]}"
	for i in 2 3 4 5; do
		grep -q ' 0% packet loss' "$BATS_TEST_TMPDIR/ping-$i"
	done
	begin=$EPOCHREALTIME
	docker a stop --time 0 c1 >/dev/null
	echo "# docker stop after netd was back: $(awk "BEGIN { print $EPOCHREALTIME - $begin }") s" >&3
	docker a start c1 >/dev/null
	docker_pings a c2 "$(docker_ip a c1 lows)"
	docker a rm --force c1 c2 c3 c4 c5 >/dev/null
	docker a network rm lows >/dev/null
	nothing_is_left a
}

# ---- several hosts -------------------------------------------------------------------

# podman HOST ARGUMENT…: with no state but the host's own
podman() {
	on_host "$1" env CONTAINERS_CONF="$BATS_TEST_TMPDIR/containers.conf" podman --root /var/lib/podman \
		--runroot /run/podman --tmpdir /run/podman/tmp --storage-driver vfs "${@:2}"
}

podman_host() {
	cat >"$BATS_TEST_TMPDIR/containers.conf" <<-EOF
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
		[network]
		network_backend = "cni"
		cni_plugin_dirs = ["$NETD_PLUGINS"]
		network_config_dir = "/etc/cni/net.d"
		[engine]
		runtime = "runc"
		cgroup_manager = "cgroupfs"
		events_logger = "file"
	EOF
	machine_up "$1"
	make_rootfs
	tar -C "$BATS_TEST_TMPDIR/rootfs" -c . |
		podman "$1" import --quiet --change 'CMD ["/bin/sleep", "100000"]' - bb:latest >/dev/null
}

on_its_own() { on_host "$1" "$HEDDLE" network inspect web --format '{{len .Containers}}'; }
has_containers() { [[ $(on_its_own "$1") == "$2" ]]; }

@test "two dockerds and a Podman share a network, and reach each other" {
	need_full
	command -v podman >/dev/null || skip "podman is not installed"
	local to host
	declare -A ip
	cluster_start a b c
	docker_host a
	docker_host b
	podman_host c
	on_host a "$HEDDLE" network create --scope swarm --subnet 10.20.0.0/24 --ip-range 10.20.0.128/25 web >/dev/null
	docker_refused a '--subnet 10.20.0.0/24' network create -d heddle --ipam-driver heddle \
		--ipam-opt network=web -o network=web web
	on_host b "$HEDDLE" docker-join web >"$BATS_TEST_TMPDIR/line"
	[[ $(<"$BATS_TEST_TMPDIR/line") == "docker network create -d heddle --ipam-driver heddle --ipam-opt network=web -o network=web --subnet 10.20.0.0/24 web" ]]
	for host in a b; do
		on_host "$host" env DOCKER_HOST=unix:///run/docker.sock PATH="/usr/bin:$PATH" "$HEDDLE" docker-join --run web >/dev/null
	done
	run_on a ca web -p 8080:80
	run_on b cb web
	run_on b cd web --ip 10.20.0.77
	podman c run --quiet --detach --name cc --network web bb >/dev/null
	ip=([a]=$(docker_ip a ca web) [b]=$(docker_ip b cb web) [d]=10.20.0.77
		[c]=$(podman c inspect -f '{{.NetworkSettings.Networks.web.IPAddress}}' cc))
	for to in "${!ip[@]}"; do
		wait_for docker_pings a ca "${ip[$to]}"
		wait_for docker_pings b cb "${ip[$to]}"
		wait_for podman c exec cc ping -q -c 1 -W 10 "${ip[$to]}" >/dev/null
	done
	[[ $(printf '%s\n' "${ip[@]}" | sort -u | wc -l) == 4 ]]
	docker_refused a "Address already in use: ${ip[b]}" run --rm --network web --ip "${ip[b]}" bb true
	for host in a b; do
		(($(netd_metric "$host" heddle_netd_docker_pool_requests_total) <= 20))
		[[ $(netd_metric "$host" heddle_netd_docker_late_total) == 0 ]]
	done
	# A restart on one host, of the container and of netd.
	docker b restart --time 0 cd >/dev/null
	netd_kill b
	netd_start b
	wait_for docker_pings a ca 10.20.0.77
	wait_for docker_pings b cd "${ip[c]}"

	docker a rm --force ca >/dev/null
	docker b rm --force cb cd >/dev/null
	podman c rm --force --time 0 cc >/dev/null
	docker a network rm web >/dev/null
	docker b network rm web >/dev/null
	for host in a b c; do
		wait_for has_containers "$host" 0
		wait_for has_no_elements_of_containers "$host"
	done
	on_host a "$HEDDLE" network rm web >/dev/null
	for host in a b c; do
		nothing_is_left "$host"
	done
}

has_no_elements_of_containers() { ! our_elements "$1" | grep -q 'eth0\|docker'; }

@test "a network of the cluster that Docker makes" {
	need_full
	local name subnet ip
	cluster_start a b
	docker_host a
	docker_host b
	network_new a first -o scope=swarm -o network=web
	network_new a second -o scope=swarm
	subnet=$(docker a network inspect -f '{{(index .IPAM.Config 0).Subnet}}' first)
	name=docker-$(docker a network inspect -f '{{.ID}}' second | head -c 12)
	on_host a "$HEDDLE" network inspect "$name" >/dev/null
	joins() { on_host b env DOCKER_HOST=unix:///run/docker.sock PATH="/usr/bin:$PATH" "$HEDDLE" docker-join --run web >/dev/null 2>&1; }
	wait_for joins
	[[ $(docker b network inspect -f '{{(index .IPAM.Config 0).Subnet}}' web) == "$subnet" ]]
	run_on a ca first
	run_on b cb web
	ip=$(docker_ip a ca first)
	[[ $ip != "$(docker_ip b cb web)" ]]
	wait_for docker_pings b cb "$ip"
	docker_refused b "Address already in use: $ip" run --rm --network web --ip "$ip" bb true
	docker a rm --force ca >/dev/null
	docker b rm --force cb >/dev/null
	docker a network rm first second >/dev/null
	docker b network rm web >/dev/null
	# Without --ipam-opt its addresses are the cluster's all the same.
	network_new b web -o scope=swarm -o network=web --subnet "$subnet"
	run_on b cb web
	on_host a "$HEDDLE" network inspect web --format '{{range .Containers}}{{.IPv4Address}}{{end}}' |
		grep -q "^$(docker_ip b cb web)/"
	docker b rm --force cb >/dev/null
	docker b network rm web >/dev/null
	on_host a "$HEDDLE" network rm web "$name" >/dev/null
	for host in a b; do
		nothing_is_left "$host"
	done
}
