#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Nodes find each other, notice when one goes, and know it when it comes back.

load netd.bash

setup() { netd_setup; }
teardown() { netd_teardown; }

generation() { netd_ask "$1" node.list | jq ".nodes[] | select(.name == \"$2\").generation"; }
# started_after GENERATION HOST NODE: as HOST sees it
started_after() { (($(generation "$2" "$3") > $1)); }

phase_is() { [[ $(netd_ask "$1" status | jq -r .cluster.phase) == "$2" ]]; }

@test "nodes join, restart as who they were, and leave" {
	cluster_start a b c
	local id was
	id=$(node_id b)
	was=$(generation a b)

	netd_stop b
	netd_start b
	wait_for all_see_all a b c
	wait_for started_after "$was" a b
	[[ $(node_id b) == "$id" ]]

	netd_ask c leave
	phase_is c none
	wait_for sees a c left
	wait_for sees b c left
	run netd_ask c node.list
	[[ $status -ne 0 && $output == *"in no cluster"* ]]

	# It may come back under the name that it had, as another.
	cluster_join c a
	wait_for sees b c alive
}

@test "a join that waits says why, and another one takes its place" {
	host_start a b
	cluster_found a
	netd_run b join "$(token_create a)" 10.99.0.77
	netd_start b
	tells() { netd_ask b status | jq -e --arg text "$1" '.why | contains($text)' >/dev/null; }
	wait_for tells "tries again: 10.99.0.77:4794: connect: "
	run netd_ask b node.list
	[[ $status -ne 0 && $output == *"tries again: 10.99.0.77"* ]]
	# An operator's is tried once, and nothing is left of either.
	run netd_run b join "$(token_create a)" 10.99.0.78
	[[ $status -ne 0 && $output == *"10.99.0.78:4794: connect: "* ]]
	tells "in no cluster: netd init founds one, netd join"
	run netd_run b join "$(token_create a)" 10.99.0.1
	[[ $status -eq 0 && $output == *"heddle node ls"* ]]
	wait_for all_see_all a b
}

@test "a join that was asked for before the start is done at the start" {
	host_start a b
	cluster_found a
	run netd_run b join "$(token_create a)" "$(host_ip a)"
	[[ $status -eq 0 && $output == "netd joins when it starts" ]]
	netd_start b
	wait_for all_see_all a b
}

@test "a cluster over IPv6" {
	host_start a b
	netd_configure a "advertise = $(host_ip6 a)"
	cluster_found a
	netd_start b
	netd_run b join "$(token_create a)" "[$(host_ip6 a)]:$NETD_PORT"
	wait_for phase_is b up
	netd_ask b status | jq -e ".cluster.address == \"[$(host_ip6 b)]:$NETD_PORT\""
	wait_for all_see_all a b
}

@test "nodes of two address families are no cluster" {
	host_start a b
	cluster_found a
	netd_start b
	# a listens on both, and was reached at the one that it does not name.
	run netd_run b join "$(token_create a)" "[$(host_ip6 a)]:$NETD_PORT"
	[[ $status -ne 0 && $output == *"addresses of the other family"* ]]
	netd_run b join "$(token_create a)" "$(host_ip a)"
	wait_for all_see_all a b
	netd_configure b "advertise = $(host_ip6 b)"
	netd_stop b
	netd_start b
	told() { netd_log "$1" | grep -q "node $2 is at .* containers there and here do not reach each other"; }
	wait_for told a b
	wait_for told b a
}

# ---- what takes the protocol's time ---------------------------------------------------

@test "a node that is gone is dead, and comes back as who it was" {
	need_full
	local was
	cluster_start a b c
	was=$(generation c b)
	netd_kill b
	wait_for sees a b dead
	wait_for sees c b dead
	all_see_one_dead() { [[ $(nodes "$1") == $'a alive\nb dead\nc alive' ]]; }
	all_see_one_dead a
	netd_start b
	wait_for all_see_all a b c
	wait_for started_after "$was" c b
}

@test "a node that is forgotten is gone for good" {
	need_full
	cluster_start a b c
	run netd_ask a node.forget '{"node": "b"}'
	[[ $status -ne 0 && $output == *"is alive"* ]]
	run netd_ask a node.forget '{"node": "a", "force": true}'
	[[ $status -ne 0 && $output == *"is this one"* ]]
	run netd_ask a node.forget '{"node": "nobody"}'
	[[ $status -ne 0 && $output == *"no such node"* ]]

	netd_stop b
	wait_for sees a b dead
	netd_ask a node.forget '{"node": "b", "dry_run": true}' | jq -e '.name == "b" and .owns == []'
	sees a b dead
	netd_ask a node.forget '{"node": "b"}'
	gone() { [[ $(nodes "$1") == $'a alive\nc alive' ]]; }
	wait_for gone a
	wait_for gone c

	# The next life of it may come back, as one that owns nothing.
	netd_start b
	wait_for all_see_all a b c
}

@test "a node that is forgotten while it stands still has to join anew" {
	need_full
	cluster_start a b c
	local id
	id=$(node_id b)
	netd_signal b STOP
	wait_for sees a b dead
	netd_ask a node.forget '{"node": "b"}'
	netd_signal b CONT
	wait_for phase_is b none
	netd_log b | grep "was forgotten by its cluster"
	cluster_join b a
	wait_for all_see_all a b c
	[[ $(node_id b) != "$id" ]]
}

@test "a process that stood still is itself again" {
	need_full
	local was
	cluster_start a b
	was=$(generation a b)
	netd_signal b STOP
	wait_for sees a b dead
	netd_signal b CONT
	wait_for all_see_all a b
	[[ $(generation a b) -eq $was ]]
}

@test "an address that changes is followed" {
	need_full
	cluster_start a b c
	on_host b ip address delete "$(host_ip b)/24" dev eth0
	on_host b ip address add 10.99.0.77/24 dev eth0
	at_new_address() {
		netd_ask "$1" node.list |
			jq -e '.nodes[] | select(.name == "b") | .ip == "10.99.0.77" and .state == "alive"' \
				>/dev/null
	}
	wait_at_most 90 at_new_address a
	wait_at_most 30 at_new_address c
}

@test "two underlays, and answers from the address that was asked" {
	need_full
	host_start a b
	host_plug a eth1
	on_host a ip address add 10.98.0.1/24 dev eth1
	netd_configure a "listen = 10.99.0.1:$NETD_PORT, 10.98.0.1:$NETD_PORT" "advertise = 10.99.0.1"
	cluster_found a
	host_plug b eth1
	on_host b ip address add 10.98.0.2/24 dev eth1
	netd_configure b "listen = 10.99.0.2:$NETD_PORT, 10.98.0.2:$NETD_PORT" "advertise = 10.99.0.2"
	netd_start b
	netd_run b join "$(token_create a)" 10.98.0.1
	wait_for all_see_all a b
	netd_ask a node.list | jq -e '.nodes[] | select(.name == "b").ip == "10.99.0.2"'
	[[ $(netd_log b) != *"sends from"* ]]
}

@test "an address translation is noticed, and said" {
	need_full
	host_start a b
	cluster_found a
	netd_start b
	on_host b nft -f - <<-END
		table ip nat {
			chain out {
				type nat hook postrouting priority 100;
				ip daddr 10.99.0.1 snat to 10.99.0.55;
			}
		}
	END
	on_host b ip address add 10.99.0.55/32 dev lo
	on_host a ip route add 10.99.0.55 via "$(host_ip b)"
	run netd_run b join "$(token_create a)" "$(host_ip a)"
	[[ $status -ne 0 && $output == *"address translation (NAT)"*advertise* ]]
	phase_is b none
}

save_disk() { on_host "$1" tar -C /var/lib -c heddle; }
put_back_disk() { on_host "$1" sh -c 'rm -r /var/lib/heddle; tar -C /var/lib -x'; }

@test "a backup that was put back comes back as who it was, ahead of its own past" {
	need_full
	local was
	cluster_start a b
	netd_stop b
	save_disk b >"$BATS_TEST_TMPDIR/disk"
	for _ in 1 2 3; do
		netd_start b
		wait_for all_see_all a b
		was=$(generation a b)
		netd_stop b
	done
	put_back_disk b <"$BATS_TEST_TMPDIR/disk"
	netd_start b
	wait_for started_after "$was" a b
	wait_for all_see_all a b
	netd_log b | grep "all 2 nodes have been met"
}

is_told() { netd_log "$1" | grep -q "somebody runs with this node's key"; }
doctor_knows() { on_host "$1" "${NETD_PLUGINS%/*}/heddle" doctor | grep -qE "another process runs with the key of this node b|somebody runs with this node's key"; }

@test "a copied disk in use elsewhere is said" {
	need_full
	cluster_start a b
	host_start c
	on_host c mkdir -p /var/lib/heddle
	save_disk b | put_back_disk c
	netd_start c
	says() { netd_log a | grep -q "node b says that it is at .* and sends from .* a copy of its disk"; }
	wait_for says
	# Both are told, the older one too: one after the other they start again, later each time.
	for host in b c; do
		wait_at_most 60 is_told "$host"
		wait_at_most 60 doctor_knows "$host"
	done
	netd_kill c
	netd_stop b
	netd_start b
	wait_for all_see_all a b
}
