#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# buildah.bats - RUN in a Containerfile has a network from our plugins

bats_require_minimum_version 1.5.0
load engine

setup_file() { engine_up "$BATS_FILE_TMPDIR"; }
teardown_file() { engine_down; }
teardown() { engine_clean; }

# build LINE...: builds an image from bb with these lines; prints what RUN printed.
build() {
	local context=$BATS_TEST_TMPDIR/context

	mkdir -p "$context"
	printf '%s\n' 'FROM bb:latest' "$@" >"$context/Containerfile"
	buildah bud --quiet --pull-never --no-cache --network lows-network --tag built "$context"
}

@test "RUN has an address of the ip-range and reaches what is outside, masqueraded" {
	podman network create --subnet 192.168.1.0/24 --ip-range 192.168.1.128/25 lows-network
	build 'RUN ip -o -4 address show dev eth0 >/address' \
	      "RUN nc -w 10 $OUTSIDE_IP 80 </dev/null >/seen"
	[[ $(podman run --rm --network none built cat /address) =~ inet\ 192\.168\.1\.(1[2-9]|2)[0-9]+/24 ]]
	[[ $(podman run --rm --network none built cat /seen) == "$HOST_IP" ]]
}

@test "a RUN that fails gives its address back" {
	podman network create --subnet 192.168.1.0/30 lows-network
	run ! build 'RUN ip link show dev eth0 && false'
	build 'RUN ping -c 1 -W 10 192.168.1.1'
}
