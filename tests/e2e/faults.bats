#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# faults - ADD, DEL and GC made to fail at, and killed at, every system call of
# a recorded run; see faults.py.  HEDDLE_FULL=1 adds hosts, delegates and errors.

load lib

teardown_file() { netns_sweep; }

faults() { "$E2E_DIR/faults.py" ${HEDDLE_FULL:+--every-error} "$1"; }

full() { [[ -n ${HEDDLE_FULL:-} ]] || skip "only in make test-full"; }

@test "ADD beside another container" { faults add; }

@test "DEL" { faults del; }

@test "ADD of firewall, with policy, lists and pins" { faults firewall-add; }

@test "ADD as the first on its host" { full; faults add-first; }

@test "ADD that GC cleans up after" { full; faults add-gc; }

@test "ADD with a delegate that is run" { full; faults add-exec; }

@test "ADD of the plain example" { full; faults add-example; }

@test "DEL with a delegate that is run" { full; faults del-exec; }

@test "GC" { full; faults gc; }

# Their ADD and DEL, and GC after either.
scenarios() {
	full
	local scenario
	for scenario in add del gc add-gc; do
		faults "$1-$scenario"
	done
}

@test "ptp" { scenarios ptp; }

@test "macvlan" { scenarios macvlan; }

@test "host-device" { scenarios host-device; }

@test "firewall" { scenarios firewall; }

@test "portmap" { scenarios portmap; }

@test "portmap, at one call in five" {
	local scenario
	for scenario in add del gc; do
		"$E2E_DIR/faults.py" --each 5 "portmap-$scenario"
	done
}
