#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# heddle-faults - the command made to fail at, and killed at, every system call of
# a recorded run; see heddle_faults.py.  In make test all of create, and a sample of
# the others, whose faults mostly hit plugins; HEDDLE_FULL=1 takes them all.

load lib

teardown_file() { netns_sweep; }

# faults SCENARIO EVERY: odd, as errors and kills take turns
faults() {
	local sample=(--each "$2")
	[[ -z ${HEDDLE_FULL:-} ]] || sample=(--every-error)
	"$E2E_DIR/heddle_faults.py" "${sample[@]}" "$1"
}

@test "network create" { faults create 1; }

@test "network rm" { faults rm 41; }

@test "attach" { faults attach 41; }

@test "detach" { faults detach 41; }

@test "network connect" { faults connect 59; }
