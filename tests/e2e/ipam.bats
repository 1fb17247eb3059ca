#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ipam - host-local and static by themselves: beside the reference in one
# directory, many at once, after a reboot, on file systems that lack things

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell

load lib

REFERENCE=/usr/lib/cni

setup() {
	lab_setup
	netns_add c1
	DIR=$LEASES/net
}

teardown() { lab_teardown; }

# The wait for a lock is as long as it is, so it goes on while the other tests
# run, and the last of them looks at what came of it.
setup_file() {
	WAITING=$BATS_FILE_TMPDIR/waiting
	export WAITING
	mkdir -p "$WAITING/net"
	{
		SECONDS=0
		CNI_COMMAND=STATUS CNI_PATH=$PLUGINS flock "$WAITING/net/lock" "$PLUGINS/host-local" \
			<<<"$(LEASES=$WAITING host_local '.cniVersion = "1.1.0"')" >"$WAITING/out" || :
		echo "$SECONDS" >"$WAITING/seconds"
	} 3>&- &
}

# host_local [FILTER]: a config for host-local by itself
host_local() {
	jq -cn --arg leases "$LEASES" '{
		cniVersion: "1.0.0", name: "net", type: "bridge",
		ipam: {type: "host-local", dataDir: $leases, subnet: "10.1.0.0/24"}
	} | '"${1:-.}"
}

dual='.ipam.ranges = [[{subnet: "fd00::/64"}]]'

# ipam VERB CONF ID [IFNAME]: our host-local
ipam() { cni "$1" host-local "$2" "$3" c1 "${4:-eth0}"; }

# reference VERB CONF ID [IFNAME]: the reference's
reference() { PLUGINS=$REFERENCE ipam "$@"; }

need_reference() { [[ -x $REFERENCE/host-local ]] || skip "no host-local in $REFERENCE"; }

# assert_given ADDRESS…: these, in this order, are in the result
assert_given() {
	assert_ok
	assert_json '[.ips[].address] == $ARGS.positional' --args -- "$@"
}

# fill N: leases of others, as the reference writes them: 10.1.0.2 and on
fill() {
	mkdir -p "$DIR"
	python3 - "$DIR" "$1" <<-'END'
		import ipaddress, sys
		first = ipaddress.ip_address("10.1.0.2")
		for i in range(int(sys.argv[2])):
		    with open("%s/%s" % (sys.argv[1], first + i), "w") as lease:
		        lease.write("%064x\r\neth0" % i)
		with open(sys.argv[1] + "/last_reserved_ip.0", "w") as last:
		    last.write(str(first + i))
	END
}

# ---- beside the reference ------------------------------------------------------

@test "both give addresses in turn, and each releases the other's" {
	need_reference
	local config i
	config=$(host_local "$dual")
	for i in 2 4 6; do
		reference ADD "$config" "theirs$i"
		assert_given "10.1.0.$i/24" "fd00::$i/64"
		ipam ADD "$config" "ours$i"
		assert_given "10.1.0.$((i + 1))/24" "fd00::$((i + 1))/64"
	done
	for i in 2 4 6; do
		ipam DEL "$config" "theirs$i"
		assert_silent
		reference DEL "$config" "ours$i"
		assert_ok
	done
	[[ -z $(leases) ]] || fail "leases left: $(leases)"
}

@test "each checks and counts the other's leases" {
	need_reference
	local config again
	config=$(host_local)
	ipam ADD "$config" ours
	again=$(with_prev "$config")
	reference CHECK "$again" ours
	assert_ok
	reference ADD "$config" ours
	((status != 0)) || fail "the reference gave a second address"

	reference ADD "$config" theirs
	again=$(with_prev "$config")
	ipam CHECK "$again" theirs
	assert_silent
	ipam ADD "$config" theirs
	assert_error 999 "10.1.0.3" "theirs (eth0)" "DEL first"
	reference DEL "$again" theirs
	ipam CHECK "$again" theirs
	assert_error 100 "10.1.0.3" "not leased"
}

@test "a lease is what the reference writes, byte for byte" {
	need_reference
	local config
	config=$(host_local)
	reference ADD "$config" same
	mv "$DIR/10.1.0.2" "$BATS_TEST_TMPDIR/theirs"
	rm "$DIR/last_reserved_ip.0"
	ipam ADD "$config" same
	assert_given 10.1.0.2/24
	cmp "$DIR/10.1.0.2" "$BATS_TEST_TMPDIR/theirs"
	[[ $(<"$DIR/last_reserved_ip.0") == 10.1.0.2 ]]
	[[ $(od -c "$DIR/last_reserved_ip.0" | head -1) != *'\n'* ]]
}

@test "the reference's bridge releases what ours leased, and ours what its leased" {
	need_reference
	local config
	config=$(conf bridge '.cniVersion = "1.0.0" | .ipMasq = false')
	cni ADD bridge "$config" a c1 eth0
	assert_ok
	PLUGINS=$REFERENCE cni DEL bridge "$config" a c1 eth0
	assert_ok
	[[ -z $(leases) ]] || fail "leases left: $(leases)"
	PLUGINS=$REFERENCE cni ADD bridge "$config" a c1 eth0
	assert_ok
	cni DEL bridge "$config" a c1 eth0
	assert_silent
	[[ -z $(leases) ]] || fail "leases left: $(leases)"
}

# ---- many at once --------------------------------------------------------------

# at_once VERB N DIRECTORY…: N calls side by side, of host-local in each directory in turn
at_once() {
	local verb=$1 n=$2 config i dirs
	shift 2
	dirs=("$@")
	config=$(host_local)
	for ((i = 0; i < n; i++)); do
		CNI_COMMAND=$verb CNI_PATH=$PLUGINS CNI_CONTAINERID=id$i CNI_IFNAME=eth0 CNI_NETNS=$(netns_path c1) \
			"${dirs[i % ${#dirs[@]}]}/host-local" <<<"$config" \
			>"$BATS_TEST_TMPDIR/$verb.$i" 2>&1 3>&- || : >"$BATS_TEST_TMPDIR/failed.$verb.$i" &
	done
	wait
	! compgen -G "$BATS_TEST_TMPDIR/failed.*" || fail "$(cat "$BATS_TEST_TMPDIR/$verb".*)"
}

distinct_addresses() { cat "$BATS_TEST_TMPDIR"/ADD.* | jq -r '.ips[].address' | sort -u | wc -l; }

@test "an address is given whatever CNI_NETNS says, as the reference does" {
	run env CNI_COMMAND=ADD CNI_CONTAINERID=id1 CNI_NETNS=/no/such/netns CNI_IFNAME=eth0 \
		CNI_PATH="$PLUGINS" "$PLUGINS/host-local" <<<"$(host_local)"
	[ "$status" -eq 0 ]
	[ "$(jq -r '.ips[0].address' <<<"$output")" = 10.1.0.2/24 ]
}

@test "100 ADDs at once give 100 addresses, 100 DELs leave nothing" {
	at_once ADD 100 "$PLUGINS"
	[[ $(distinct_addresses) == 100 ]]
	[[ $(leases | wc -l) == 100 ]]
	at_once DEL 100 "$PLUGINS"
	[[ -z $(leases) ]] || fail "leases left: $(leases)"
}

@test "100 ADDs at once, half of them the reference's, give 100 addresses" {
	need_reference
	at_once ADD 100 "$PLUGINS" "$REFERENCE"
	[[ $(distinct_addresses) == 100 ]]
	at_once DEL 100 "$REFERENCE" "$PLUGINS"
	[[ -z $(leases) ]] || fail "leases left: $(leases)"
}

# ---- what is read, among 10,000 leases -----------------------------------------

# trace VERB CONF ID: run host-local under strace; the files of the directory that it opened go to $opened
trace() {
	local log=$BATS_TEST_TMPDIR/trace
	capture feed "$2" env CNI_COMMAND="$1" CNI_PATH="$PLUGINS" CNI_CONTAINERID="$3" CNI_IFNAME=eth0 \
		CNI_NETNS="$(netns_path c1)" ASAN_OPTIONS=detect_leaks=0 \
		strace -qq -o "$log" -e trace=openat,getdents64,linkat,unlinkat "$PLUGINS/host-local"
	opened=$(sed -nE 's/^openat\([0-9]+, "([^"]+)".*/\1/p' "$log" | sort -u | tr '\n' ' ')
	listings=$(grep -c '^getdents64' "$log" || :)
}

# assert_opened NAME…: no other files of the directory than these, and no listing of it
assert_opened() {
	[[ $opened == "$* " ]] || fail "opened: $opened"
	((listings == 0)) || fail "the directory was listed"
}

@test "among 10,000 leases an ADD reads none, and a DEL its own" {
	local config with_result
	config=$(host_local '.ipam.subnet = "10.1.0.0/16"')
	fill 10000
	ipam ADD "$config" first
	assert_given 10.1.39.18/16

	# The next address is free; is taken; there is a lease already.
	trace ADD "$config" next
	assert_given 10.1.39.19/16
	assert_opened . .heddle-index last_reserved_ip.0 lock
	with_result=$(with_prev "$config")
	printf 10.1.0.99 >"$DIR/last_reserved_ip.0"
	trace ADD "$config" far
	assert_given 10.1.39.20/16
	assert_opened . .heddle-index last_reserved_ip.0 lock
	trace ADD "$config" far
	assert_error 999 10.1.39.20 "far (eth0)"
	assert_opened .heddle-index 10.1.39.20 lock

	trace DEL "$with_result" next
	assert_silent
	assert_opened .heddle-index 10.1.39.19 lock
	trace DEL "$config" far
	assert_silent
	assert_opened .heddle-index 10.1.39.20 lock
	trace DEL "$config" never
	assert_silent
	assert_opened .heddle-index lock
	[[ $(find "$DIR" -name '10.*' | wc -l) == 10001 ]]
}

# ---- after a crash or a reboot -------------------------------------------------

# after_reboot VERB CONF ID: run host-local where the kernel has another boot ID
after_reboot() {
	local boot=$BATS_TEST_TMPDIR/boot_id
	echo 11111111-2222-3333-4444-555555555555 >"$boot"
	capture feed "$2" env CNI_COMMAND="$1" CNI_PATH="$PLUGINS" CNI_CONTAINERID="$3" CNI_IFNAME=eth0 \
		CNI_NETNS="$(netns_path c1)" unshare -m sh -c \
		'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$1"' "$boot" "$PLUGINS/host-local"
}

@test "leases of before a reboot are free again, those of others and kept ones are not" {
	local config
	config=$(host_local "$dual")
	ipam ADD "$config" gone
	ipam ADD "$config" kept
	setfattr -n user.heddle.boot -v keep "$DIR/10.1.0.3" "$DIR/fd00::3" || skip "no extended attributes here"
	printf 'theirs\r\neth0' >"$DIR/10.1.0.4"

	after_reboot ADD "$config" new
	assert_given 10.1.0.5/24 fd00::4/64
	[[ $(leases | tr '\n' ' ') == "10.1.0.3 10.1.0.4 10.1.0.5 fd00::3 fd00::4 " ]] || fail "leases: $(leases)"

	# Somebody who finds this boot's leases after the next one.
	ipam ADD "$config" gone
	assert_given 10.1.0.6/24 fd00::5/64
	[[ $(leases | tr '\n' ' ') == "10.1.0.3 10.1.0.4 10.1.0.6 fd00::3 fd00::5 " ]] || fail "leases: $(leases)"
}

@test "a full range has room again after a reboot" {
	local config
	config=$(host_local '.cniVersion = "1.1.0" | .ipam.subnet = "10.1.0.0/30"')
	ipam ADD "$config" a
	getfattr -n user.heddle.boot "$DIR/10.1.0.2" >/dev/null || skip "no extended attributes here"
	ipam ADD "$config" b
	assert_error 50 "network net" "10.1.0.0/30 (10.1.0.1 to 10.1.0.2)" "1 of 1"
	after_reboot STATUS "$config" ""
	assert_silent
	after_reboot ADD "$config" b
	assert_given 10.1.0.2/30
}

@test "torn lease files heal" {
	local config
	config=$(host_local)
	mkdir -p "$DIR"
	: >"$DIR/10.1.0.2"
	head -c 20 /dev/zero >"$DIR/10.1.0.3"
	printf 'id-without-ifname' >"$DIR/10.1.0.4"
	ipam ADD "$config" a
	assert_given 10.1.0.2/24
	ipam ADD "$config" b
	assert_given 10.1.0.3/24
	ipam ADD "$config" c
	assert_given 10.1.0.5/24
	ipam DEL "$config" id-without-ifname
	[[ ! -e $DIR/10.1.0.4 ]]
}

# kill_at CALL K VERB CONF ID: run host-local, killed before its K-th CALL is carried out
kill_at() {
	capture feed "$4" env CNI_COMMAND="$3" CNI_PATH="$PLUGINS" CNI_CONTAINERID="$5" CNI_IFNAME=eth0 \
		CNI_NETNS="$(netns_path c1)" ASAN_OPTIONS=detect_leaks=0 \
		timeout 60 strace -qq -o /dev/null -e inject="$1:signal=KILL:when=$2" "$PLUGINS/host-local"
}

# calls NAME VERB CONF ID: how many such system calls that is
calls() {
	feed "$3" env CNI_COMMAND="$2" CNI_PATH="$PLUGINS" CNI_CONTAINERID="$4" CNI_IFNAME=eth0 \
		CNI_NETNS="$(netns_path c1)" ASAN_OPTIONS=detect_leaks=0 \
		strace -qq -o "$BATS_TEST_TMPDIR/calls" -e trace="$1" "$PLUGINS/host-local" >/dev/null
	grep -c "^$1(" "$BATS_TEST_TMPDIR/calls"
}

# Afterwards nobody gets the address of a lease that is there, and a DEL removes it.
@test "an ADD killed at any change it makes gives no address twice, and its DEL removes all" {
	local config call k n there ip
	config=$(host_local "$dual")
	for call in write fsetxattr linkat pwrite64 ftruncate utimensat; do
		n=$(calls "$call" ADD "$config" count)
		ipam DEL "$config" count
		for ((k = 1; k <= n; k++)); do
			kill_at "$call" "$k" ADD "$config" victim
			((status == 137)) || fail "$call $k: it was not killed"
			there=$(leases)
			ipam ADD "$config" other
			assert_ok
			for ip in $(jq -r '.ips[].address | sub("/.*"; "")' <<<"$out"); do
				[[ $'\n'$there$'\n' != *$'\n'$ip$'\n'* ]] || fail "$call $k: $ip was leased"
			done
			ipam DEL "$config" other
			assert_silent
			ipam DEL "$config" victim
			assert_silent
			[[ -z $(leases) ]] || fail "$call $k: leases left: $(leases)"
		done
	done
}

@test "a DEL killed at any change it makes is finished by the next" {
	local config call k n
	config=$(host_local "$dual")
	ipam ADD "$config" stays
	for call in unlinkat pwrite64 utimensat; do
		ipam ADD "$config" count
		n=$(calls "$call" DEL "$config" count)
		for ((k = 1; k <= n; k++)); do
			ipam ADD "$config" victim
			kill_at "$call" "$k" DEL "$config" victim
			((status == 137)) || fail "$call $k: it was not killed"
			ipam DEL "$config" victim
			assert_silent
			[[ $(leases | tr '\n' ' ') == "10.1.0.2 fd00::2 " ]] || fail "$call $k: leases: $(leases)"
		done
	done
}

# ---- file systems that lack things ---------------------------------------------

# without INJECTION… -- VERB CONF ID: run host-local where system calls fail as told
without() {
	local options=()
	while [[ $1 != -- ]]; do
		options+=(-e "inject=$1")
		shift
	done
	capture feed "$3" env CNI_COMMAND="$2" CNI_PATH="$PLUGINS" CNI_CONTAINERID="$4" CNI_IFNAME=eth0 \
		CNI_NETNS="$(netns_path c1)" ASAN_OPTIONS=detect_leaks=0 \
		strace -qq -o "$BATS_TEST_TMPDIR/trace" "${options[@]}" "$PLUGINS/host-local"
}

# nth_openat TEXT: which openat of an ADD has TEXT in its arguments
nth_openat() {
	grep '^openat(' "$BATS_TEST_TMPDIR/trace" | grep -nm1 -F "$1" | cut -d: -f1
}

@test "without O_TMPFILE, extended attributes or the privilege to link an open file" {
	local config n
	config=$(host_local)
	without -- ADD "$config" a
	assert_given 10.1.0.2/24
	without -- ADD "$config" b
	n=$(nth_openat O_TMPFILE)
	[[ -n $n ]] || skip "no O_TMPFILE here"

	without "openat:error=EOPNOTSUPP:when=$n" -- ADD "$config" c
	assert_given 10.1.0.4/24
	[[ $(<"$DIR/10.1.0.4") == $'c\r\neth0' ]]
	[[ ! -e $DIR/.heddle-new ]]

	without fsetxattr:error=EOPNOTSUPP -- ADD "$config" d
	assert_given 10.1.0.5/24
	[[ -z $(getfattr -d "$DIR/10.1.0.5") ]]

	without linkat:error=ENOENT:when=1 -- ADD "$config" e
	assert_given 10.1.0.6/24
	grep -q 'linkat.*/proc/self/fd' "$BATS_TEST_TMPDIR/trace"
}

@test "what was left under the temporary name does no harm to the lease that it became" {
	local config n
	config=$(host_local)
	without -- ADD "$config" a
	without -- ADD "$config" b
	n=$(nth_openat O_TMPFILE)
	[[ -n $n ]] || skip "no O_TMPFILE here"
	ln "$DIR/10.1.0.3" "$DIR/.heddle-new"
	without "openat:error=EOPNOTSUPP:when=$n" -- ADD "$config" c
	assert_given 10.1.0.4/24
	[[ $(<"$DIR/10.1.0.3") == $'b\r\neth0' ]]
}

@test "without a list that counts, as on a network file system" {
	local config
	config=$(host_local)
	for id in a b c; do
		without fstatfs:error=EIO -- ADD "$config" $id
		assert_ok
	done
	[[ ! -e $DIR/.heddle-index ]]
	without fstatfs:error=EIO -- ADD "$config" b
	assert_error 999 10.1.0.3
	without fstatfs:error=EIO -- DEL "$config" b
	assert_silent
	[[ $(leases | tr '\n' ' ') == "10.1.0.2 10.1.0.4 " ]]
}

@test "on a network file system a lease of before a reboot stays" {
	local config
	config=$(host_local '.ipam.subnet = "10.1.0.0/30"')
	ipam ADD "$config" a
	setfattr -n user.heddle.boot -v "$(cat /etc/machine-id) 11111111-2222-3333-4444-555555555555" \
		"$DIR/10.1.0.2" || skip "no extended attributes here"
	without fstatfs:error=EIO -- ADD "$config" b
	assert_error 50 "1 of 1"
	ipam ADD "$config" b
	assert_given 10.1.0.2/30
}

@test "a user namespace's root has addresses too" {
	local config
	config=$(host_local)
	capture feed "$config" env CNI_COMMAND=ADD CNI_PATH="$PLUGINS" CNI_CONTAINERID=a CNI_IFNAME=eth0 \
		CNI_NETNS="$(netns_path c1)" unshare -Ur "$PLUGINS/host-local"
	[[ $errout != *unshare* ]] || skip "no user namespaces: $errout"
	assert_given 10.1.0.2/24
}

# read_only VERB CONF ID: run host-local with its leases mounted read-only
read_only() {
	capture feed "$2" env CNI_COMMAND="$1" CNI_PATH="$PLUGINS" CNI_CONTAINERID="$3" CNI_IFNAME=eth0 \
		CNI_NETNS="$(netns_path c1)" unshare -m sh -c \
		'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$1"' "$LEASES" "$PLUGINS/host-local"
}

@test "a read-only lease directory is an error that names it" {
	local config
	config=$(host_local '.cniVersion = "1.1.0"')
	mkdir -p "$LEASES"
	read_only ADD "$config" a
	assert_error 999 "$DIR" "Read-only file system"

	ipam ADD "$config" a
	assert_given 10.1.0.2/24
	read_only ADD "$config" b
	assert_error 999 "$DIR/10.1.0.3" "Read-only file system"
	read_only DEL "$config" a
	assert_error 999 "$DIR/10.1.0.2" "Read-only file system"
	read_only STATUS "$config" ""
	assert_error 50 "$DIR" "Read-only file system"
	[[ $(leases) == 10.1.0.2 ]]
}

@test "GC goes on past a lease that cannot be removed, and reports it" {
	local config
	config=$(host_local '.cniVersion = "1.1.0"')
	for id in a b c; do ipam ADD "$config" $id; done
	chattr +i "$DIR/10.1.0.3" 2>/dev/null || skip "no immutable files here"
	cni GC host-local "$(jq -c '.["cni.dev/valid-attachments"] = []' <<<"$config")"
	chattr -i "$DIR/10.1.0.3"
	assert_error 999 "$DIR/10.1.0.3"
	[[ $(leases) == 10.1.0.3 ]] || fail "leases: $(leases)"
	cni GC host-local "$(jq -c '.["cni.dev/valid-attachments"] = [{containerID: "b", ifname: "eth0"}]' <<<"$config")"
	assert_silent
	[[ $(leases) == 10.1.0.3 ]]
	cni GC host-local "$config"
	assert_silent
	[[ $(leases) == 10.1.0.3 ]]
}

# ---- called or run -------------------------------------------------------------

# execs PATH: how many programs an ADD of bridge is, with its delegate from PATH
execs() {
	local config
	config=$(conf bridge)
	feed "$config" env CNI_COMMAND=ADD CNI_PATH="$1" CNI_CONTAINERID=a CNI_IFNAME=eth0 CNI_NETNS="$(netns_path c1)" \
		ASAN_OPTIONS=detect_leaks=0 nsenter --net="$(netns_path host)" -- \
		strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=execve "$PLUGINS/bridge" >/dev/null
	CNI_PATH=$1 cni DEL bridge "$config" a c1 eth0
	grep -c '^[0-9 ]*execve(' "$BATS_TEST_TMPDIR/trace"
}

@test "bridge calls its own host-local, and runs any other" {
	local other=$BATS_TEST_TMPDIR/other
	[[ $(execs "$PLUGINS") == 1 ]]
	mkdir "$other"
	cp "$PLUGINS/host-local" "$other/host-local"
	strip "$other/host-local"
	[[ $(execs "$other") == 1 ]]
	ln -sf "$PLUGINS/host-local" "$other/host-local"
	[[ $(execs "$other") == 1 ]]
	rm "$other/host-local"
	printf '#!/bin/sh\nexec %s/host-local\n' "$PLUGINS" >"$other/host-local"
	[[ $(execs "$other") == 3 ]]
}

# ---- static --------------------------------------------------------------------

static() {
	jq -cn '{cniVersion: "1.0.0", name: "net", type: "bridge", ipam: {
		type: "static",
		addresses: [{address: "10.1.0.5/24", gateway: "10.1.0.1"}, {address: "fd00::5/64"}],
		routes: [{dst: "0.0.0.0/0"}], dns: {nameservers: ["10.1.0.53"]}
	}} | '"${1:-.}"
}

@test "static gives what is named, last by the runtime" {
	cni ADD static "$(static)" a c1 eth0
	assert_given 10.1.0.5/24 fd00::5/64
	assert_json '.ips[0].gateway == "10.1.0.1" and (.ips[1] | has("gateway") | not)'
	assert_json '.routes == [{dst: "0.0.0.0/0"}] and .dns.nameservers == ["10.1.0.53"]'

	run_plugin static "$(static)" CNI_COMMAND=ADD CNI_PATH="$PLUGINS" CNI_CONTAINERID=a CNI_IFNAME=eth0 \
		CNI_NETNS="$(netns_path c1)" CNI_ARGS="IP=10.2.0.5/24,fd01::5/64;GATEWAY=10.2.0.1,fd00::1"
	assert_given 10.1.0.5/24 fd00::5/64 10.2.0.5/24 fd01::5/64
	assert_json '[.ips[].gateway] == ["10.1.0.1", "fd00::1", "10.2.0.1", null]'

	cni ADD static "$(static '.args.cni.ips = ["10.3.0.5/24"]')" a c1 eth0
	assert_given 10.3.0.5/24
	cni ADD static "$(static '.args.cni.ips = ["10.3.0.5/24"] | .runtimeConfig.ips = ["10.4.0.5/24"]')" a c1 eth0
	assert_given 10.4.0.5/24
}

@test "static refuses what is no address with a length, and too many for an old version" {
	cni ADD static "$(static '.ipam.addresses[1].address = "fd00::5"')" a c1 eth0
	assert_error 7 'ipam.addresses[1].address: "fd00::5"'
	cni ADD static "$(static '.ipam.addresses[1] = {}')" a c1 eth0
	assert_error 7 'ipam.addresses[1]: the key address is missing'
	cni ADD static "$(static '.runtimeConfig.ips = ["10.4.0.5"]')" a c1 eth0
	assert_error 7 'runtimeConfig.ips[0]: "10.4.0.5" is not address/length'
	cni ADD static "$(static '.cniVersion = "0.2.0" | .ipam.addresses[1].address = "10.1.0.6/24"')" a c1 eth0
	assert_error 7 "0.2.0" "2 IPv4"
	cni STATUS static "$(static '.cniVersion = "1.1.0" | .ipam.routes = [{}]')"
	assert_error 7 'ipam.routes[0]'
	cni STATUS static "$(static '.cniVersion = "1.1.0"')"
	assert_silent
}

@test "static checks that prevResult has what the config names" {
	local config
	cni ADD static "$(static)" a c1 eth0
	config=$(with_prev "$(static)")
	cni CHECK static "$config" a c1 eth0
	assert_silent
	cni CHECK static "$(jq -c '.prevResult.ips[0].gateway = "10.1.0.9"' <<<"$config")" a c1 eth0
	assert_error 100 10.1.0.5 10.1.0.9 10.1.0.1
	cni CHECK static "$(jq -c 'del(.prevResult.ips[1])' <<<"$config")" a c1 eth0
	assert_error 100 fd00::5
	cni DEL static "$config" a c1 eth0
	assert_silent
}

# ---- the lock ------------------------------------------------------------------

@test "a lock that is not had in ten seconds is error 11" {
	wait_for 60 test -s "$WAITING/seconds"
	status=1 out=$(<"$WAITING/out") errout=
	assert_error 11 "$WAITING/net/lock" "10000 ms" "try again later"
	(($(<"$WAITING/seconds") >= 9)) || fail "it gave up after $(<"$WAITING/seconds") s"
}
