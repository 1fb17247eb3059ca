#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make install: what it puts where, and whose files it leaves alone.
#
# /usr/lib/cni is replaced by a directory of the test's own, in a mount namespace
# of the test's own; dpkg still says whom the paths belong to.

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return 1
	tmp=$(mktemp -d)
	mkdir "$tmp/cni"
	echo "another package's" >"$tmp/cni/bridge"
}

teardown() {
	rm -rf "$tmp"
}

# in_sandbox COMMAND...: with $tmp/cni in the place of /usr/lib/cni
in_sandbox() {
	# shellcheck disable=SC2016 # for the inner shell
	unshare -m --propagation private sh -c 'mount --bind "$0" /usr/lib/cni && exec "$@"' \
		"$tmp/cni" "$@"
}

@test "a plugin that another package owns is not replaced, and make says so" {
	dpkg -S /usr/lib/cni/bridge
	run in_sandbox make install PREFIX="$tmp/usr"
	[ "$status" -ne 0 ]
	[[ $output == *"/usr/lib/cni/bridge belongs to the package containernetworking-plugins: not replaced"* ]]
	[ "$(cat "$tmp/cni/bridge")" = "another package's" ]
}

@test "what nobody else owns is installed beside it" {
	run in_sandbox make install PREFIX="$tmp/usr"
	[ -x "$tmp/cni/none" ]
	"$tmp/usr/bin/heddle" --version
	[ -f "$tmp/usr/share/bash-completion/completions/heddle" ]
	[ -f "$tmp/usr/share/zsh/vendor-completions/_heddle" ]
	[ -f "$tmp/usr/share/man/man8/heddle-bridge.8" ]
	[ -f "$tmp/usr/share/man/man8/heddle.8" ]
	"$tmp/usr/sbin/netd" --version
	[ -f "$tmp/usr/share/man/man5/netd.conf.5" ]
	grep -qx "ExecStart=$tmp/usr/sbin/netd" "$tmp/usr/lib/systemd/system/heddle-netd.service"
	[ -f "$tmp/usr/lib/sysusers.d/heddle.conf" ]
	[ -f "$tmp/usr/share/doc/heddle/README.md" ]
}

@test "FORCE=1 replaces it" {
	run in_sandbox make install PREFIX="$tmp/usr" FORCE=1
	[ "$status" -eq 0 ]
	run "$tmp/cni/bridge"
	[[ $output == "CNI bridge plugin v"* ]]
}

@test "DESTDIR stages everything, and uninstall takes it away again" {
	run make install DESTDIR="$tmp/stage" CNIBINDIR=/opt/cni/bin
	[ "$status" -eq 0 ]
	[ -x "$tmp/stage/opt/cni/bin/bridge" ]
	run make uninstall DESTDIR="$tmp/stage" CNIBINDIR=/opt/cni/bin
	[ "$status" -eq 0 ]
	[ -z "$(find "$tmp/stage" -type f)" ]
}
