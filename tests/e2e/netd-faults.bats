#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2030,SC2031 # shells of hosts; each test has its own variables
#
# What can happen to a cluster: no packet is lost that need not be, no address is given
# twice, no network is lost, and all of it heals by itself.

load netd.bash
load netd-overlay.bash

setup() { netd_setup; }
teardown() { netd_teardown; }

# ---- packets that go on ---------------------------------------------------------------

# flood_start HOST CONTAINER ADDRESS: until flood_lost_nothing
flood_start() {
	FLOOD=$BATS_TEST_TMPDIR/flood
	nsenter --target "${HOST_PIDS[$1]}" --mount --net -- setpriv --pdeathsig KILL \
		nsenter --net="/run/netns/$2" ping -n -i 0.005 "$3" >"$FLOOD" 2>&1 3>&- &
	FLOOD_PID=$!
	wait_for flood_reached 20
}

flood_at() { sed -n 's/.*icmp_seq=\([0-9]*\).*/\1/p' "$FLOOD" | tail -n 1; }
flood_reached() { (($(flood_at) >= $1)); }

# flood_lost_nothing: every request before the last one that was answered has been answered, too,
# and what has happened is over
flood_lost_nothing() {
	wait_for flood_reached $(($(flood_at) + 100))
	kill "$FLOOD_PID"
	wait "$FLOOD_PID" || :
	sed -n 's/.*icmp_seq=\([0-9]*\) .*/\1/p' "$FLOOD" | awk '
		!seen[$1]++ { n++ }
		$1 > last { last = $1 }
		END { if (n != last) { print last - n " of " last " were lost"; exit 1 } }' >&2
}

@test "a flood ping across hosts loses nothing when netd is stopped, killed and restarted" {
	cluster_start a b c
	network_create a warp
	network_everywhere warp a b c
	attach a warp c1
	attach b warp c1
	flood_start a c1 "$(address b c1 4)"

	netd_stop a
	netd_start a
	netd_kill b
	netd_start b
	wait_for all_see_all a b c
	netd_kill a
	netd_stop b
	netd_start a b
	wait_for all_see_all a b c
	netd_signal a HUP
	netd_stop c
	flood_lost_nothing
}

@test "a flood ping loses nothing while a node is taken for dead, on both ends" {
	need_full
	cluster_start a b c
	network_create a warp
	network_everywhere warp a b c
	attach a warp c1
	attach b warp c1
	flood_start a c1 "$(address b c1 4)"

	netd_kill b
	wait_for sees a b dead
	wait_for sees c b dead
	netd_kill a
	wait_for sees c a dead
	netd_start a b
	wait_for all_see_all a b c
	for host in a b c; do
		wait_for endpoints_are "$host" warp "c1-a a" "c1-b b"
	done
	flood_lost_nothing
}

# ---- what others do to the kernel -------------------------------------------------------

repaired() { netd_metric "$1" "heddle_netd_plane_repaired_total{what=\"$2\"}"; }
repaired_more() { (($(repaired "$1" "$2") > $3)); }

# breaks HOST WHAT COMMAND…: it is repaired, and counted as WHAT; containers reach each other
breaks() {
	local host=$1 what=$2 before
	shift 2
	before=$(repaired "$host" "$what")
	on_host "$host" "$@"
	wait_for repaired_more "$host" "$what" "$before"
	will_reach a c1 "$(address b c1 4)"
	will_reach b c1 "$(address a c1 4)"
}

device() { on_host "$1" ip -j link show type "$2" | jq -r '.[0].ifname'; }

@test "what somebody deletes or flushes is back, and is counted" {
	cluster_start a b
	network_create a warp
	network_everywhere warp a b
	attach a warp c1
	attach b warp c1
	local bridge tunnel mac
	bridge=$(device a bridge) tunnel=$(device a vxlan)
	mac=$(in_container b c1 cat /sys/class/net/eth0/address)
	will_reach a c1 "$(address b c1 4)"

	breaks a filter nft flush ruleset
	breaks a fdb bridge fdb del "$mac" dev "$tunnel" self
	breaks a neighbours ip neighbour flush dev "$bridge" nud permanent
	breaks a links ip link set "$bridge" down
	breaks a links ip link delete "$tunnel"
	breaks a links ip link delete "$bridge"
}

# ---- addresses, whatever happens ----------------------------------------------------------

# addresses HOST…: of all containers there, one a line
addresses() {
	local host
	for host; do
		on_host "$host" sh -c 'for c in $(ls /run/netns 2>/dev/null); do
			ip -n "$c" -j -4 address show dev eth0 2>/dev/null; done' |
			jq -r '.[].addr_info[] | select(.scope == "global").local'
	done
}

# none_twice HOST…: nor none at all
none_twice() {
	local all
	all=$(addresses "$@")
	[[ -n $all && -z $(sort <<<"$all" | uniq -d) ]] || { sort <<<"$all" | uniq -c >&2; return 1; }
}

# all_listed NETWORK HOST…: each node lists every container, and no other
all_listed() {
	local network=$1 host
	shift
	for host; do
		[[ $(endpoints "$host" "$network") == "$(attached "$@")" ]] || return 1
	done
}

# attached HOST…: "container node" a line, as endpoints
attached() {
	local host
	for host; do
		on_host "$host" sh -c "for c in \$(ls /run/netns 2>/dev/null); do
			ip -n \$c link show dev eth0 >/dev/null 2>&1 && echo \$c-$host $host; done; :"
	done | sort
}

# show_unlisted NETWORK HOST…: what all_listed has waited for in vain
show_unlisted() {
	local network=$1 host
	shift
	for host; do
		diff <(attached "$@") <(endpoints "$host" "$network") | sed "s/^/$host: /" >&2
	done
	return 1
}

# all_is_well NETWORK HOST…: nodes, listings, addresses and ways between the first containers
all_is_well() {
	local network=$1 from to
	shift
	wait_at_most 90 all_see_all "$@"
	wait_at_most 60 all_listed "$network" "$@" || show_unlisted "$network" "$@"
	none_twice "$@"
	for from; do
		for to; do
			will_reach "$from" c1 "$(address "$to" c1 4)"
		done
	done
}

# try_attach HOST NETWORK CONTAINER: or be told to try again, and by a node that is not there in peace
try_attach() {
	container_new "$1" "$3"
	cni ADD "$@"
	[[ $status -eq 0 || $(jq .code <<<"$output") == 11 ]] || { echo "$output" >&2; return 1; }
}

# warp_with_one_each HOST…: a cluster, a network, a container on every host
warp_with_one_each() {
	local host
	cluster_start "$@"
	network_create "$1" warp '{"subnets": [{"subnet": "10.77.0.0/24"}]}'
	network_everywhere warp "$@"
	for host; do
		attach "$host" warp c1
	done
	wait_for all_listed warp "$@"
}

# wire_bad RULES, wire_good: what the underlay's bridge drops
wire_bad() {
	on_underlay nft -f - <<-END
		table bridge wire {
			chain between {
				type filter hook forward priority 0;
				$1
			}
		}
	END
}
wire_good() { on_underlay nft delete table bridge wire; }

# try_on_all: containers of a name more on every host, and some less
try_on_all() {
	local name=$1 host
	shift
	for host; do
		try_attach "$host" warp "$name-1"
		try_attach "$host" warp "$name-2"
		detach "$host" warp "$name-1"
	done
}

@test "a partition: both sides go on, and none has what the other has" {
	need_full
	warp_with_one_each a b c
	# c has numbers for networks from here on.
	network_create c wool
	wire_bad 'iifname "c-eth0" drop; oifname "c-eth0" drop'
	wait_for sees a c dead
	wait_for sees c a dead
	wait_for sees c b dead
	try_on_all cut a b c
	network_create a weft
	network_create c woof
	wire_good
	all_is_well warp a b c
	network_everywhere weft a b c
	network_everywhere woof a b c
	try_on_all healed a b c
	all_is_well warp a b c
}

@test "a cut of one direction" {
	need_full
	warp_with_one_each a b c
	wire_bad 'iifname "c-eth0" drop'
	wait_for sees a c dead
	try_on_all cut a b c
	wire_good
	all_is_well warp a b c
	# Between two only: the third helps.
	wire_bad 'iifname "a-eth0" oifname "b-eth0" drop'
	try_on_all helped a b c
	wire_good
	all_is_well warp a b c
}

@test "every third packet is lost" {
	need_full
	warp_with_one_each a b c
	wire_bad 'numgen random mod 100 < 30 drop'
	try_on_all lossy a b c
	network_create b weft
	network_everywhere weft a b c
	wire_good
	all_is_well warp a b c
}

@test "the address of a host changes under its containers" {
	need_full
	warp_with_one_each a b c
	on_host b ip address delete "$(host_ip b)/24" dev eth0
	on_host b ip address add 10.99.0.77/24 dev eth0
	at_new_address() {
		netd_ask "$1" node.list |
			jq -e '.nodes[] | select(.name == "b") | .ip == "10.99.0.77" and .state == "alive"' >/dev/null
	}
	wait_at_most 120 at_new_address a
	wait_at_most 120 at_new_address c
	all_is_well warp a b c
	try_on_all moved a b c
	all_is_well warp a b c
}

# clock_set HOST OFFSET: what its netd takes for the time of day
clock_set() { echo "$2" | on_host "$1" tee /run/clock >/dev/null; }

# netd_start_clocked HOST…: with clocks that clock_set sets
netd_start_clocked() {
	local -x LD_PRELOAD FAKETIME_TIMESTAMP_FILE=/run/clock FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1
	LD_PRELOAD=$(ls /usr/lib/*/faketime/libfaketime.so.1)
	netd_start "$@"
}

@test "clocks are set forth and back by years" {
	need_full
	ls /usr/lib/*/faketime/libfaketime.so.1 || skip "no libfaketime"
	warp_with_one_each a b c
	for host in b c; do
		netd_stop "$host"
		clock_set "$host" +0
		netd_start_clocked "$host"
	done
	all_is_well warp a b c
	clock_set b +1000d
	clock_set c -1000d
	try_on_all stepped a b c
	network_create b weft
	network_everywhere weft a b c
	clock_set b -2000d
	try_on_all again a b c
	all_is_well warp a b c
	netd_kill c
	netd_start_clocked c
	all_is_well warp a b c
}

@test "the disk is full: ADD is refused, what runs goes on, and room is all it wants" {
	warp_with_one_each a b
	on_host b mount -o remount,size=8m /var/lib
	on_host b sh -c 'dd if=/dev/zero of=/var/lib/full bs=4k 2>/dev/null || :'
	container_new b late
	# Pages that are free in the file may do for some of them.
	disk_refuses() {
		container_new b "late-$((++LATE))"
		cni ADD b warp "late-$LATE"
		[[ $status -ne 0 ]]
	}
	LATE=0
	wait_for disk_refuses
	echo "$output"
	[[ $output == *"No space left"* ]]
	reaches a c1 "$(address b c1 4)"
	attach a warp c2
	will_reach b c1 "$(address a c2 4)"

	on_host b rm /var/lib/full
	wait_for cni_adds b warp late
	netd_kill b
	netd_start b
	all_is_well warp a b
}

cni_adds() {
	cni ADD "$@"
	[[ $status -eq 0 ]]
}

# ---- killed at any point --------------------------------------------------------------------

# killed_at HOST CALL N COMMAND…: netd is killed in the Nth CALL on its data from now on, if it comes to that
killed_at() {
	local host=$1 call=$2 n=$3 tracer
	shift 3
	strace -qq -f -p "${NETD_PIDS[$host]}" -o /dev/null -e trace="$call" -e inject="$call:signal=SIGKILL:when=$n" 3>&- &
	tracer=$!
	wait_for is_traced_or_gone "$host"
	"$@"
	kill "$tracer" 2>/dev/null || :
	wait "$tracer" || :
	netd_answers "$host" && return
	wait "${NETD_PIDS[$host]}" || :
	netd_start "$host"
}

is_traced_or_gone() {
	! netd_is_running "$1" || grep -qs '^TracerPid:[[:space:]]*[1-9]' "/proc/${NETD_PIDS[$1]}/status"
}

# add_or_not, del_or_not HOST CONTAINER: whatever it says
add_or_not() { cni ADD "$1" warp "$2"; }
del_or_not() { cni DEL "$1" warp "$2"; }

# kill_points COUNT: ADDs and DELs of b, with a kill in each of so many writes
kill_points() {
	local n call name
	for ((n = 1; n <= $1; n++)); do
		for call in pwrite64,pwritev fdatasync,fsync sendto,sendmsg,write; do
			name=k$n-${call%%,*}
			container_new b "$name"
			killed_at b "$call" "$n" add_or_not b "$name"
			none_twice a b
			killed_at b "$call" "$n" del_or_not b "$name"
			# As an engine does, until it is told that all is well.
			cni DEL b warp "$name"
			[[ $status -eq 0 ]]
		done
	done
}

@test "netd is killed in the middle of ADD and DEL" {
	warp_with_one_each a b
	kill_points 2
	all_is_well warp a b
}

@test "netd is killed in every write of ADD and DEL" {
	need_full
	warp_with_one_each a b
	kill_points 12
	all_is_well warp a b
	for n in 1 2 3 4; do
		attach a warp "after-$n"
		attach b warp "after-$n"
	done
	all_is_well warp a b
}

# ---- hosts that start again -------------------------------------------------------------------

# disk_keep HOST FILE, disk_back HOST FILE: what is durable
disk_keep() { on_host "$1" tar -C /var/lib -cf "$2" .; }
disk_back() { on_host "$1" sh -c "rm -rf /var/lib/heddle && tar -C /var/lib -xf $2"; }

# host_reboot HOST [DISK]: the power goes; the host comes back with that disk, or its own
host_reboot() {
	local host=$1 made=$HOSTS_MADE address
	netd_is_running "$host" && netd_kill "$host"
	disk_keep "$host" "$BATS_TEST_TMPDIR/$host.disk"
	address=$(host_ip "$host")
	host_stop "$host" 2>/dev/null
	wait_for no_port "$host"
	HOSTS_MADE=$((${address##*.} - 1))
	host_start "$host"
	HOSTS_MADE=$made
	disk_back "$host" "${2:-$BATS_TEST_TMPDIR/$host.disk}"
	netd_start "$host"
}

no_port() { ! on_underlay ip link show dev "$1-eth0" >/dev/null 2>&1; }

@test "a host reboots: it is who it was, its containers are gone, and new ones get addresses" {
	warp_with_one_each a b
	local id
	id=$(node_id b)
	host_reboot b
	wait_for all_see_all a b
	[[ $(node_id b) == "$id" ]]
	wait_for endpoints_are a warp "c1-a a"
	container_new b c1
	wait_for cni_adds b warp c1
	all_is_well warp a b
}

@test "all hosts reboot at once" {
	need_full
	warp_with_one_each a b c
	for host in a b c; do netd_kill "$host"; done
	for host in a b c; do host_reboot "$host"; done
	wait_for all_see_all a b c
	for host in a b c; do
		wait_for has_conflist "$host" warp
		container_new "$host" c1
		wait_at_most 60 cni_adds "$host" warp c1
	done
	all_is_well warp a b c
}

unknown_are() { [[ $(netd_metric "$1" heddle_netd_endpoints_unknown) == "$2" ]]; }

@test "an older copy of a disk under running containers: what others know is taken back, the rest is told" {
	warp_with_one_each a b
	network_create a weft
	network_everywhere weft a b
	netd_stop b
	disk_keep b "$BATS_TEST_TMPDIR/backup"
	netd_start b
	wait_for all_see_all a b
	attach b warp c2
	attach b warp c3
	# A network in which b was not.
	attach b weft w1
	attach a weft w1
	wait_for endpoints_are a warp "c1-a a" "c1-b b" "c2-b b" "c3-b b"
	wait_for endpoints_are a weft "w1-a a" "w1-b b"

	# What a does not hear of: a container, and another one with the name of one that it knows.
	netd_stop a
	wait_for sees b a dead
	attach b warp c4
	detach b warp c3
	cni ADD b warp c3
	[[ $status -eq 0 ]]
	netd_kill b
	disk_back b "$BATS_TEST_TMPDIR/backup"
	netd_start a b
	wait_for all_see_all a b

	wait_for netd_counted b heddle_netd_endpoints_taken_back_total 2
	for host in a b; do
		wait_for endpoints_are "$host" warp "c1-a a" "c1-b b" "c2-b b"
		wait_for endpoints_are "$host" weft "w1-a a" "w1-b b"
	done
	will_reach a c1 "$(address b c2 4)"
	will_reach a w1 "$(address b w1 4)"
	will_reach b c2 "$(address a c1 4)"
	wait_for unknown_are b 2
	for name in c3 c4; do
		[[ $(netd_log b) == *"neither this node's disk nor another node knows the container of"*"(warp $name-b eth0)"* ]]
	done

	# It is a container of this node's as ever, also for the next start.
	netd_kill b
	netd_start b
	wait_for endpoints_are a warp "c1-a a" "c1-b b" "c2-b b"
	detach b warp c2
	wait_for endpoints_are a warp "c1-a a" "c1-b b"
	# Those that nobody knows are started again.
	wait_for unknown_are b 2
	for name in c3 c4; do
		detach b warp "$name"
		wait_for cni_adds b warp "$name"
	done
	wait_for unknown_are b 0
	will_reach a c1 "$(address b c4 4)"
	none_twice a b
}

@test "a host starts from a copy of its disk that is older than what it gave away" {
	need_full
	warp_with_one_each a b c
	netd_stop b
	disk_keep b "$BATS_TEST_TMPDIR/backup"
	netd_start b
	wait_for all_see_all a b c
	for n in 2 3 4 5 6 7 8 9; do
		attach b warp "c$n"
	done
	network_create b weft
	network_everywhere weft a b c
	wait_for all_listed warp a b c

	# Under running containers, of which the copy does not know, and the others do.
	netd_kill b
	disk_back b "$BATS_TEST_TMPDIR/backup"
	netd_start b
	wait_for all_see_all a b c
	wait_for has_conflist b weft
	for n in 1 2 3 4; do
		container_new b "late-$n"
		wait_at_most 60 cni_adds b warp "late-$n"
		attach a warp "late-$n"
	done
	none_twice a b c
	wait_for all_listed warp a b c
	for n in 1 5 9; do
		will_reach a c1 "$(address b "c$n" 4)"
	done

	# And after a reboot.
	host_reboot b "$BATS_TEST_TMPDIR/backup"
	wait_for all_see_all a b c
	wait_for has_conflist b weft
	for n in 1 2 3 4; do
		container_new b "c$n"
		wait_at_most 60 cni_adds b warp "c$n"
	done
	all_is_well warp a b c
}

# ---- upgrade -------------------------------------------------------------------------------------

# build_before: netd and the plugins of the commit before, in $BEFORE
build_before() {
	local tree=$BATS_FILE_TMPDIR/before
	git -C "$NETD_TOP_DIR" rev-parse -q --verify HEAD~1 >/dev/null || skip "no commit before this one"
	mkdir -p "$tree"
	git -C "$NETD_TOP_DIR" archive HEAD~1 | tar -C "$tree" -x
	make -C "$tree" -s BUILD=build netd >&2
	BEFORE=$tree/build/netd
}

@test "a rolling upgrade from the commit before, under a flood ping" {
	need_full
	local BEFORE now=$NETD
	build_before
	NETD=$BEFORE
	warp_with_one_each a b c
	flood_start a c1 "$(address b c1 4)"
	NETD=$now
	for host in a b c; do
		netd_stop "$host"
		netd_start "$host"
		wait_for all_see_all a b c
		attach "$host" warp new
	done
	# And back, one host.
	NETD=$BEFORE
	netd_stop b
	netd_start b
	all_is_well warp a b c
	flood_lost_nothing
}
