#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Nodes find each other, and notice when one goes.

load netd.bash

setup() { netd_setup; }
teardown() { netd_teardown; }

@test "three nodes see each other" {
	cluster_start a b c
	netd_ask a node.list
}
