#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# firewalld - the firewall plugin where firewalld decides: a real one, on a bus of the test's own,
# in the namespace that plays the host (forwarding.bash has the picture)

# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154 # jq programs; bats runs each test in a subshell

load lib
load chained
load forwarding

setup() {
	local program
	for program in firewalld firewall-cmd dbus-daemon; do
		command -v "$program" >/dev/null || skip "no $program"
	done
	lab_setup
	netns_add c1 c2 c3
	outside_add
	bus_start
}

# The bus of this test, and what firewalld writes; nothing of it is the machine's.
bus_start() {
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$BATS_TEST_TMPDIR/bus
	cat >"$BATS_TEST_TMPDIR/bus.conf" <<-END
		<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
			"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
		<busconfig>
			<type>system</type>
			<listen>$DBUS_SYSTEM_BUS_ADDRESS</listen>
			<policy context="default">
				<allow user="*"/><allow own="*"/>
				<allow send_destination="*"/><allow receive_sender="*"/>
			</policy>
		</busconfig>
	END
	dbus-daemon --config-file="$BATS_TEST_TMPDIR/bus.conf" --nofork 2>"$BATS_TEST_TMPDIR/bus.log" 3>&- &
	lab_kill_later $!
	wait_for 30 test -S "$BATS_TEST_TMPDIR/bus"
}

firewalld_runs() { firewall-cmd --state >/dev/null 2>&1; }

# A mount namespace of its own, as it writes to /run.  Not by in_ns, so that the PID is firewalld's.
firewalld_start() {
	local dir=$BATS_TEST_TMPDIR/firewalld
	mkdir -p "$dir"
	nsenter --net="$(netns_path host)" -- unshare -m bash -c 'mount -t tmpfs none /run && exec firewalld \
		--nofork --nopid --system-config "$0" --log-target file --log-file "$0/log"' "$dir" >"$dir/out" 2>&1 3>&- &
	firewalld_pid=$!
	lab_kill_later "$firewalld_pid"
	wait_for 120 firewalld_runs
}

# As one that crashed: its rules stay.
firewalld_kill() {
	kill -KILL "$firewalld_pid"
	wait "$firewalld_pid" 2>/dev/null || :
}

# sources [ZONE]: one a line
sources() { firewall-cmd --zone="${1:-trusted}" --list-sources | tr ' ' '\n' | grep . | sort || :; }

@test "backend \"\": where firewalld decides, addresses become sources, and go with DEL" {
	firewalld_start
	keys[a]='.backend = ""'
	join c1 a
	cannot_reach c1 203.0.113.2
	admit c1 a
	assert_ok
	see_outside c1
	[[ $(sources) == "$(ip4 c1)/32"$'\n'"$(ip6 c1)/128" ]] || fail "sources: $(sources)"
	check c1 a
	assert_silent
	admit c1 a
	assert_ok
	firewall-cmd --zone=trusted --remove-source="$(ip4 c1)/32"
	check c1 a
	assert_error 100 "$(ip4 c1)/32"
	admit c1 a
	assert_ok
	attach c2 a
	cni DEL firewall "$(firewall_conf a)" c1 "" eth0
	assert_silent
	[[ $(sources) == "$(ip4 c2)/32"$'\n'"$(ip6 c2)/128" ]] || fail "sources: $(sources)"
	leave c2 a
	leave c2 a
	[[ -z $(sources) ]] || fail "sources: $(sources)"
	assert_none_left
}

@test "backend firewalld: the zone of the config, GC, and what firewalld refuses" {
	firewalld_start
	keys=([a]='.backend = "firewalld" | .firewalldZone = "work"' [b]='.backend = "firewalld" | .firewalldZone = "nowhere"')
	attach c1 a
	attach c2 a
	[[ $(sources work | wc -l) == 4 && -z $(sources) ]] || fail "sources: $(sources work)"
	gc "$(firewall_conf a)" c2/eth0
	assert_silent
	[[ $(sources work) == "$(ip4 c2)/32"$'\n'"$(ip6 c2)/128" ]] || fail "sources: $(sources work)"
	join c3 b
	admit c3 b
	assert_error 5 INVALID_ZONE nowhere
	gc "$(firewall_conf a)"
	assert_silent
	[[ -z $(sources work) ]] || fail "sources: $(sources work)"
	assert_none_left
	cni STATUS firewall "$(firewall_conf a)"
	assert_silent
}

@test "an address that another container made a source stays its own" {
	firewalld_start
	keys[a]='.backend = "firewalld"'
	policies[a]=open
	attach c1 a
	join c3 b
	keys[b]=${keys[a]}
	results[c3]=$(jq -c --argjson ips "$(jq .ips <<<"${results[c1]}")" '.ips = $ips' <<<"${results[c3]}")
	admit c3 b
	assert_error 999 "$(ip4 c1)" "c1 eth0"
	leave c3 b
	[[ $(sources | wc -l) == 2 ]] || fail "sources: $(sources)"
	see_outside c1
}

@test "without firewalld \"\" is nftables, and firewalld an error; DEL does not need it" {
	keys[a]='.backend = ""'
	attach c1 a
	see_outside c1
	[[ -z $(elements zoned4) ]]
	leave c1 a
	keys[a]='.backend = "firewalld"'
	admit c1 a
	assert_error 50 firewalld bus
	cni STATUS firewall "$(firewall_conf a)"
	assert_error 50 firewalld
	firewalld_start
	admit c1 a
	assert_ok
	firewalld_kill
	check c1 a
	assert_error 50 firewalld
	leave c1 a
	assert_none_left
	# Its rules are there, but nobody who could be asked.
	keys[a]='.backend = ""'
	admit c1 a
	assert_ok
	[[ -z $(elements zoned4) ]]
}

@test "who is not root of the initial user namespace does not speak to the bus" {
	firewalld_start
	pair_add c1 eth0 10.1.0.5/24
	capture feed "$(chained firewall firewall '.backend = "firewalld"')" \
		env CNI_COMMAND=STATUS CNI_PATH="$PLUGINS" nsenter --net="$(netns_path host)" -- \
		unshare --user --map-root-user --net "$PLUGINS/firewall"
	assert_error 50 "only root"
	[[ $out != *"not on the system bus"* ]]
}

@test "an ADD killed at any request leaves nothing that DEL does not find" {
	full
	firewalld_start
	pair_add c1 eth0 10.1.0.5/24
	each_fault firewall "$(chained firewall firewall '.backend = "firewalld"')" KILL sendto
	[[ -z $(sources) ]] || fail "sources: $(sources)"
}

@test "without the helper the error says what is missing" {
	mkdir "$BATS_TEST_TMPDIR/plugins"
	cp "$PLUGINS/firewall" "$BATS_TEST_TMPDIR/plugins/"
	PLUGINS=$BATS_TEST_TMPDIR/plugins cni STATUS firewall "$(chained firewall firewall '.backend = "firewalld"')"
	assert_error 999 heddle-firewalld beside
}
