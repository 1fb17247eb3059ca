# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# heddle - what tests of the command share, on top of lib.bash

# heddle_setup: the command in HEDDLE_CMD, with directories of the test's own
heddle_setup() {
	HEDDLE=${HEDDLE:-$(dirname "$PLUGINS")/heddle}
	CNI_CONF_DIR=$BATS_TEST_TMPDIR/net.d
	CACHE_DIR=$BATS_TEST_TMPDIR/cache
	HEDDLE_CMD=("$HEDDLE" --cni-conf-dir "$CNI_CONF_DIR" --state-dir "$BATS_TEST_TMPDIR/state"
		--cache-dir "$CACHE_DIR" --cni-plugin-path "$PLUGINS")
	# By its plain name, for commands that findings tell people to type.
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\nexec %s "$@"\n' "${HEDDLE_CMD[*]}" >"$BATS_TEST_TMPDIR/bin/heddle"
	chmod +x "$BATS_TEST_TMPDIR/bin/heddle"
}

# edit_network NAME FILTER: change a network's file behind everybody's back
edit_network() {
	local file=$CNI_CONF_DIR/zz-heddle-$1.conflist
	jq "$2" "$file" >"$BATS_TEST_TMPDIR/edited"
	cp "$BATS_TEST_TMPDIR/edited" "$file"
}

# age_leases: as if they were made an hour ago
age_leases() {
	find "$CACHE_DIR/networks" -type f -exec touch -d '1 hour ago' {} +
}

# with_containerd_socket COMMAND…: capture it on the host, with a socket where containerd's would be
with_containerd_socket() {
	# shellcheck disable=SC2016 # for that shell
	capture in_ns host unshare --mount --propagation private sh -c '
		mount -t tmpfs tmpfs /run
		mkdir /run/containerd
		socat UNIX-LISTEN:/run/containerd/containerd.sock /dev/null & socat=$!
		until [ -S /run/containerd/containerd.sock ]; do sleep 0.02; done
		"$@"
		status=$?
		kill $socat
		exit $status' sh "$@"
}

# bridge_of NETWORK: the name of its bridge, where nobody chose another
bridge_of() { printf 'hb-%.12s' "$(printf %s "$1" | sha256sum)"; }

# kill_container NAME: end its namespace, without DEL; the host's end goes a moment later
kill_container() {
	netns_del "$1"
	wait_for 30 no_link_of "$1"
}

no_link_of() {
	# shellcheck disable=SC2016 # jq's
	! in_ns host ip -j link show type veth | jq -e --arg c " $1 " 'any(.[]; .ifalias // "" | contains($c))'
}
