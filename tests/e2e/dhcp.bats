#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# dhcp - addresses by the reference's dhcp daemon from a real server (busybox's
# udhcpd) on the bridge, which it can ask only when the container's port is up
#
# shellcheck disable=SC2016,SC2154 # jq programs; set by capture

load lib

DHCP=/usr/lib/cni/dhcp

setup() {
	[[ -x $DHCP ]] || skip "no dhcp plugin in ${DHCP%/*}"
	lab_setup
	netns_add c1
	in_ns host ip link add lows0 type bridge forward_delay 0
	in_ns host ip addr add 192.168.1.1/24 dev lows0
	in_ns host ip link set lows0 up
	start_server
	start_daemon
	mkdir "$BATS_TEST_TMPDIR/bin"
	ln -s "$DHCP" "$PLUGINS/bridge" "$PLUGINS/host-local" "$BATS_TEST_TMPDIR/bin"
	export CNI_PATH=$BATS_TEST_TMPDIR/bin
}
teardown() { lab_teardown; }

# started COMMAND…: on the host, until the test ends
started() { background host "$@" >>"$BATS_TEST_TMPDIR/log" 2>&1; }

serves() { [[ -n $(in_ns host ss -Hlun 'sport = :67') ]]; }

start_server() {
	cat >"$BATS_TEST_TMPDIR/udhcpd.conf" <<-END
		interface lows0
		start 192.168.1.130
		end 192.168.1.130
		lease_file $BATS_TEST_TMPDIR/udhcpd.leases
		pidfile $BATS_TEST_TMPDIR/udhcpd.pid
		auto_time 0
		option subnet 255.255.255.0
		option router 192.168.1.1
		option lease 600
	END
	touch "$BATS_TEST_TMPDIR/udhcpd.leases"
	# It would wait two seconds for others to say that they have the address that it offers.
	started busybox udhcpd -f -I 192.168.1.1 -a 10 "$BATS_TEST_TMPDIR/udhcpd.conf"
	wait_for 30 serves
}

start_daemon() {
	started "$DHCP" daemon -timeout 10s -resendmax 1s -socketpath "$BATS_TEST_TMPDIR/dhcp.sock"
	wait_for 30 test -S "$BATS_TEST_TMPDIR/dhcp.sock"
}

dhcp_conf() {
	conf bridge '.cniVersion = "1.0.0" | .ipam = {type: "dhcp", daemonSocketPath: $socket} | .isGateway = false
		| .isDefaultGateway = false | .ipMasq = false'"${1:+ | $1}" \
		--arg socket "$BATS_TEST_TMPDIR/dhcp.sock"
}

@test "the port is up before the server is asked, and still there when the address goes back" {
	local config ip
	config=$(dhcp_conf)
	cni ADD bridge "$config" c1 c1 eth0
	assert_ok
	ip=$(result_ip)
	[[ $ip == 192.168.1.130 ]] || fail "not an address of the server's: $ip"
	reaches c1 192.168.1.1
	cni CHECK bridge "$(with_prev "$config")" c1 c1 eth0
	assert_silent
	cni DEL bridge "$config" c1 c1 eth0
	assert_silent
	assert_nothing_left
	# The server has no other address.
	cni ADD bridge "$config" c2 c1 eth0
	assert_ok
	[[ $(result_ip) == "$ip" ]]
	cni DEL bridge "$config" c2 c1 eth0
	assert_silent
}

@test "no server: the error is the daemon's, and nothing is left" {
	[[ -n ${HEDDLE_FULL:-} ]] || skip "only in make test-full: it waits for the daemon's retries"
	cni ADD bridge "$(dhcp_conf '.bridge = "lonely0"')" c1 c1 eth0
	((status != 0)) || fail "there is no server on lonely0"
	assert_nothing_left
	[[ -z $(link_json c1 eth0 .ifname) ]] || fail "the port is left"
}
