# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2154 # jq programs; lib.bash sets status and out
#
# chained - what bats files of chained plugins share, beside lib.bash
#
# Most tests run one plugin alone, on a veth pair and a prevResult as a plugin
# before it leaves them:
#
#	pair_add c1 eth0 10.1.0.5/24		# sets $prev
#	cni ADD tuning "$(chained tuning tuning)" id c1 eth0
#
# chain_add and chain_del run a whole list, as libcni does.

# pair_add NETNS IFNAME [ADDRESS…]: a pair with one end on the host, named hNETNS-IFNAME;
# sets $prev, the result of the plugin that would have made it
pair_add() {
	local ns=$1 ifname=$2 port="h$1-$2" address
	shift 2
	in_ns host ip link add "$port" type veth peer name "$ifname" netns "$(netns_name "$ns")"
	in_ns host ip link set "$port" up
	in_ns "$ns" ip link set "$ifname" up
	wait_for 30 is_up host "$port"
	for address; do
		[[ $address != *:* ]] || in_ns "$ns" sysctl -qw "net.ipv6.conf.$ifname.accept_dad=0"
		in_ns "$ns" ip addr add "$address" dev "$ifname"
	done
	prev=$(jq -nc --arg port "$port" --arg port_mac "$(link_json host "$port" .address)" \
		--arg ifname "$ifname" --arg mac "$(link_json "$ns" "$ifname" .address)" \
		--arg sandbox "$(netns_path "$ns")" '{
			cniVersion: "1.1.0",
			interfaces: [{name: $port, mac: $port_mac}, {name: $ifname, mac: $mac, sandbox: $sandbox}],
			ips: [$ARGS.positional[] | {address: ., interface: 1}]
		} | if .ips == [] then del(.ips) else . end' --args -- "$@")
}

# chained EXAMPLE TYPE [FILTER [JQ-ARGUMENT…]]: the plugin of this type in a list of
# conf-examples, as a runtime hands it over, with $prev as its prevResult
chained() {
	local example=$1 type=$2 filter=${3:-.}
	shift $(($# > 2 ? 3 : 2))
	jq -c --arg type "$type" --argjson prev "${prev:-null}" --arg saved "$BATS_TEST_TMPDIR/saved" \
		'{cniVersion, name} + (.plugins[] | select(.type == $type))
		 | if $type == "tuning" then .dataDir = $saved else . end
		 | if $prev then .prevResult = $prev else . end
		 | '"$filter" "$@" "$TOP_DIR/conf-examples/$example.conflist"
}

# with_version VERSION: stdin, a config, in another version; its prevResult too, in the words of that one
with_version() {
	jq -c --arg v "$1" '.cniVersion = $v | .prevResult.cniVersion = $v
		| if $v < "0.3.0" then .prevResult |= {cniVersion, ip4: {ip: .ips[0].address}}
		  elif $v < "1.0.0" then .prevResult.ips[]?.version = "4"
		  else . end'
}

# chain_add EXAMPLE ID NETNS IFNAME: ADD of every plugin of a list; sets $prev to the last result
chain_add() {
	local example=$1 type
	shift
	prev=
	for type in $(jq -r '.plugins[].type' "$TOP_DIR/conf-examples/$example.conflist"); do
		cni ADD "$type" "$(chain_conf "$example" "$type")" "$@"
		assert_ok
		prev=$out
	done
}

# chain_run VERB EXAMPLE ID NETNS IFNAME: CHECK, or DEL in the other order, with $prev
chain_run() {
	local verb=$1 example=$2 order=. type
	shift 2
	[[ $verb != DEL ]] || order=reverse
	for type in $(jq -r "[.plugins[].type] | $order | .[]" "$TOP_DIR/conf-examples/$example.conflist"); do
		cni "$verb" "$type" "$(chain_conf "$example" "$type")" "$@"
		assert_silent
	done
}

# chain_conf EXAMPLE TYPE: chained, with leases in the test's own directory
chain_conf() {
	chained "$1" "$2" 'if .ipam.type == "host-local" then .ipam.dataDir = $leases else . end' \
		--arg leases "$LEASES"
}

# reference PLUGIN: skip unless the distribution's plugin is there to compare with
reference() { [[ -x /usr/lib/cni/$1 ]] || skip "no /usr/lib/cni/$1"; }

# cni_reference VERB PLUGIN CONF ID NETNS IFNAME: as cni, with the distribution's plugin
cni_reference() { PLUGINS=/usr/lib/cni cni "$@"; }

# ---- faults -------------------------------------------------------------------

# add_faulted PLUGIN CONF CALL K FAULT: ADD of id/eth0 in c1 whose K-th CALL fails with the error
# FAULT, or that is killed there (KILL).  Return: whether it came so far.
add_faulted() {
	local plugin=$1 config=$2 call=$3 k=$4 fault="error=$5" log=$BATS_TEST_TMPDIR/strace
	[[ $5 != KILL ]] || fault=signal=KILL
	capture feed "$config" env CNI_COMMAND=ADD CNI_PATH="$PLUGINS" CNI_CONTAINERID=id CNI_IFNAME=eth0 \
		CNI_NETNS="$(netns_path c1)" ASAN_OPTIONS=detect_leaks=0 nsenter --net="$(netns_path host)" -- \
		timeout 60 strace -f -qq -o "$log" -e trace="$call" -e inject="$call:$fault:when=$k" "$PLUGINS/$plugin"
	grep -qE '\(INJECTED\)|killed by SIGKILL' "$log"
}

# after_fault PLUGIN CONF BEFORE WHERE: an ADD that failed has undone itself, unless it was killed;
# one that succeeded is confirmed by CHECK; after DEL all is as the test's function `left` told before
after_fault() {
	local plugin=$1 config=$2 before=$3 where=$4
	if ((status == 0)); then
		cni CHECK "$plugin" "$(with_prev "$config")" id c1 eth0
		((status == 0)) || fail "CHECK after $where"
	elif ((status < 128)) && [[ $(left) != "$before" ]]; then
		fail "not undone after $where: $(diff <(printf '%s' "$before") <(left))"
	fi
	cni DEL "$plugin" "$config" id c1 eth0
	((status == 0)) || fail "DEL after $where"
	[[ $(left) == "$before" ]] || fail "left by DEL after $where: $(diff <(printf '%s' "$before") <(left))"
}

# each_fault PLUGIN CONF FAULT CALL…: that fault in every one of these calls
each_fault() {
	local plugin=$1 config=$2 fault=$3 before call k
	shift 3
	before=$(left)
	for call; do
		k=0
		while add_faulted "$plugin" "$config" "$call" $((++k)) "$fault"; do
			after_fault "$plugin" "$config" "$before" "$call $k: $fault"
		done
		after_fault "$plugin" "$config" "$before" "a run with less than $k $call"
		((k > 1)) || fail "$plugin makes no $call"
	done
}

# calls_of PLUGIN CONF [IFNAME]: the system calls of an ADD that can fail and matter
calls_of() {
	capture feed "$2" env CNI_COMMAND=ADD CNI_PATH="$PLUGINS" CNI_CONTAINERID=id CNI_IFNAME="${3:-eth0}" \
		CNI_NETNS="$(netns_path c1)" ASAN_OPTIONS=detect_leaks=0 nsenter --net="$(netns_path host)" -- \
		strace -f -qq -o "$BATS_TEST_TMPDIR/trace" "$PLUGINS/$1"
	assert_ok
	sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' "$BATS_TEST_TMPDIR/trace" | sort -u |
		grep -vE '^(execve|mmap|munmap|mprotect|brk|close|exit.*|rt_.*|arch_prctl|set_.*|rseq|prlimit64|access|pread64|newfstatat|fstat|getpid|getrandom)$'
}

full() { [[ -n ${HEDDLE_FULL:-} ]] || skip "only in make test-full"; }
