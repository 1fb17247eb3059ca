# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# lib - what every bats file of tests/e2e shares
#
#	setup()    { lab_setup; }	# a namespace that plays the host
#	teardown() { lab_teardown; }
#
#	@test "two containers reach each other" {
#		netns_add c1 c2
#		cni ADD bridge "$(conf bridge)" id1 c1 eth0; assert_ok
#		...
#		in_ns c1 ping -c1 -W10 "$(result_ip)"
#	}
#
# Every namespace is named heddle-e2e-PID-NAME, PID being the test's own
# process, and goes away with the test; tests therefore may run side by side.
# Plugins run inside the namespace "host", so that bridges, nftables and
# sysctls of a test are its own.  Leases are in the test's temporary directory.
# Nothing of the machine is touched: not its initial namespace, not /etc/cni,
# not /var/lib/cni.
#
# HEDDLE_PLUGINS names another directory of plugins to run the tests on.

E2E_DIR=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
TOP_DIR=$(cd "$E2E_DIR/../.." && pwd)
PLUGINS=${HEDDLE_PLUGINS:-$TOP_DIR/build/plugins}
NETNS_PREFIX=heddle-e2e

# ---- namespaces -------------------------------------------------------------

netns_name() { printf '%s-%s-%s' "$NETNS_PREFIX" "$$" "$1"; }

# A path is taken as it is, a short name is one of this test's namespaces.
netns_path() {
	case $1 in
	'' | */*) printf '%s' "$1" ;;
	*) printf '/run/netns/%s' "$(netns_name "$1")" ;;
	esac
}

netns_add() {
	local name
	for name; do
		ip netns add "$(netns_name "$name")"
	done
}

netns_del() {
	local name
	for name; do
		ip netns del "$(netns_name "$name")"
	done
}

# in_ns NAME COMMAND…: run a command in a namespace of this test
in_ns() {
	local path
	path=$(netns_path "$1")
	shift
	nsenter --net="$path" -- "$@"
}

# What a test that was killed left behind, once its process is gone.
netns_sweep() {
	local name pid
	for name in /run/netns/"$NETNS_PREFIX"-*; do
		name=${name##*/}
		pid=${name#"$NETNS_PREFIX"-}
		pid=${pid%%-*}
		[[ $pid =~ ^[0-9]+$ ]] || continue
		[[ -d /proc/$pid ]] || ip netns del "$name" 2>/dev/null || :
	done
}

lab_setup() {
	# bats-exec-test is one process a test, whose PID names the namespaces.
	unset "${!CNI_@}"
	netns_sweep
	LEASES=$BATS_TEST_TMPDIR/leases
	LAB_PIDS=()
	netns_add host
	in_ns host ip link set lo up
}

# lab_kill_later PID…: end these processes of the test with it
lab_kill_later() { LAB_PIDS+=("$@"); }

# background NAME COMMAND…: in that namespace, until the test ends or is killed.  The process is $!,
# which it would not be of in_ns(), whose shell is one, too.
background() {
	nsenter --net="$(netns_path "$1")" -- setpriv --pdeathsig KILL "${@:2}" 3>&- &
	lab_kill_later $!
}

lab_teardown() {
	local path pid
	for pid in "${LAB_PIDS[@]}"; do
		kill -KILL "$pid" 2>/dev/null || :
	done
	for path in /run/netns/"$NETNS_PREFIX-$$"-*; do
		[[ -e $path ]] || continue
		umount -l "$path" 2>/dev/null || :
		rm -f "$path"
	done
}

# ---- configs ----------------------------------------------------------------

# conf NAME [FILTER [JQ-ARGUMENT…]]: a config from conf-examples as a runtime
# hands it to the first plugin of its list, with the leases in the test's own
# directory; FILTER changes it.
conf() {
	local name=$1 filter=${2:-.}
	shift $(($# > 1 ? 2 : 1))
	jq -c --arg leases "$LEASES" \
		'{cniVersion, name} + .plugins[0]
		 | if .ipam.type == "host-local" then .ipam.dataDir = $leases else . end
		 | '"$filter" "$TOP_DIR/conf-examples/$name.conflist" "$@"
}

# with_prev CONF: the config with the last result as its prevResult, for CHECK and DEL
with_prev() { jq -c --argjson prev "$out" '.prevResult = $prev' <<<"$1"; }

# ---- plugins ----------------------------------------------------------------

# capture COMMAND…: run it; sets $status, $out and $errout
capture() {
	status=0
	out=$("$@" 2>"$BATS_TEST_TMPDIR/stderr") || status=$?
	errout=$(<"$BATS_TEST_TMPDIR/stderr")
}

# feed TEXT COMMAND…: run a command with a pipe as its stdin, as a runtime does
feed() {
	local text=$1
	shift
	printf '%s' "$text" | "$@"
}

# run_plugin PLUGIN STDIN [VARIABLE=VALUE…]: run a plugin on the host and capture it
run_plugin() {
	local plugin=$1 input=$2
	shift 2
	capture feed "$input" env "$@" nsenter --net="$(netns_path host)" -- "$PLUGINS/$plugin"
}

# cni VERB PLUGIN CONF [CONTAINER-ID NETNS IFNAME]
# CNI_ARGS, CNI_NETNS_OVERRIDE and CNI_PATH may be set in front of it.
cni() {
	local verb=$1 plugin=$2 config=$3
	local variables=(CNI_COMMAND="$verb" CNI_PATH="${CNI_PATH-$PLUGINS}")
	if (($# > 3)); then
		variables+=(CNI_CONTAINERID="$4" CNI_NETNS="$(netns_path "$5")" CNI_IFNAME="$6")
	fi
	run_plugin "$plugin" "$config" "${variables[@]}"
}

# gc CONF [ID/IFNAME…]: GC of the config's plugin, with these attachments valid
gc() {
	local config=$1
	shift
	config=$(jq -c '.["cni.dev/valid-attachments"] =
		[$ARGS.positional[] | split("/") | {containerID: .[0], ifname: .[1]}]' \
		--args -- "$@" <<<"$config")
	cni GC "$(jq -r .type <<<"$config")" "$config"
}

# ---- what a plugin said -----------------------------------------------------

# Text for a person who reads the failed test.
said() {
	printf 'exit %s\nstdout: %s\nstderr: %s\n' "$status" "$out" "$errout"
}

fail() {
	printf '%s\n' "$*"
	said
	return 1
}

assert_ok() {
	((status == 0)) || fail "the plugin failed"
}

# assert_silent: success with nothing on stdout, as DEL, CHECK, GC and STATUS
assert_silent() {
	assert_ok
	[[ -z $out ]] || fail "stdout should be empty"
}

# assert_error CODE WORD…: an error object with this code whose message has all the words
assert_error() {
	local want=$1
	shift
	((status != 0)) || fail "the plugin should have failed with code $want"
	assert_error_like "$want" "$@"
}

# assert_fails WORD…: an error object, of whatever code, whose message has all the words
assert_fails() {
	((status != 0)) || fail "the plugin should have failed"
	assert_error_like '[1-9]*' "$@"
}

# assert_error_like PATTERN WORD…; jq is slow to start, hence one for both
assert_error_like() {
	local pattern=$1 word code msg
	shift
	msg=$(jq -r '.code, .msg' <<<"$out") || fail "there should be an error object"
	code=${msg%%$'\n'*}
	msg=${msg#*$'\n'}
	# shellcheck disable=SC2053 # a pattern
	[[ $code == $pattern ]] || fail "the code should be $pattern"
	for word; do
		[[ $msg == *"$word"* ]] || fail "the message should have: $word"
	done
}

# assert_details WORD…: the error object's details have all the words
assert_details() {
	local word details
	details=$(jq -r '.details // ""' <<<"$out")
	for word; do
		[[ $details == *"$word"* ]] || fail "the details should have: $word"
	done
}

# assert_json FILTER [JQ-ARGUMENT…]: FILTER is true of stdout
assert_json() {
	local filter=$1
	shift
	jq -e "$filter" "$@" <<<"$out" >/dev/null || fail "not true of stdout: $filter"
}

# result_ip [INDEX]: an address of the result without its prefix length
result_ip() { jq -r --argjson i "${1:-0}" '.ips[$i].address | sub("/.*"; "")' <<<"$out"; }

# result_host_ifname: the host's end of the attachment
result_host_ifname() { jq -r '.interfaces[1].name' <<<"$out"; }

# ---- the kernel -------------------------------------------------------------

# link_json NAMESPACE IFNAME FILTER: FILTER of `ip -j -d address show`, empty if there is no such link
link_json() { in_ns "$1" ip -j -d addr show dev "$2" 2>/dev/null | jq -r ".[0] | $3"; }

link_exists() { in_ns "$1" ip link show dev "$2" >/dev/null 2>&1; }

# Links of the host that are no bridge and not lo: the attachments' own.
host_links() {
	local names bridges
	names=$(in_ns host ip -br link show | sed 's/[@ ].*//')
	bridges=$(in_ns host ip -br link show type bridge | sed 's/[@ ].*//')
	grep -vxF "$bridges"$'\n'lo <<<"$names" || :
}

# What a namespace that has ended held on the host goes a moment later.
no_host_links() { [[ -z $(host_links) ]]; }

# Elements of all sets and maps on the host, one JSON value a line.
nft_elements() {
	if in_ns host nft list ruleset | grep -q elements; then
		in_ns host nft -j list ruleset | jq -c '.nftables[] | (.set // .map // empty) | .elem // [] | .[]'
	fi
}

# Leases, one address a line.
leases() {
	[[ -d $LEASES ]] || return 0
	find "$LEASES" -type f ! -name lock ! -name 'last_reserved_ip.*' ! -name '.heddle-index' -printf '%f\n' | sort
}

# assert_nothing_left: no link, no element and no lease of any attachment
assert_nothing_left() {
	local left
	left=$(host_links)
	[[ -z $left ]] || fail "links left on the host: $left"
	left=$(nft_elements)
	[[ -z $left ]] || fail "elements left in nftables: $left"
	left=$(leases)
	[[ -z $left ]] || fail "leases left: $left"
}

# reaches NAMESPACE ADDRESS: one echo request is answered
reaches() { in_ns "$1" ping -n -c1 -W10 "$2" >/dev/null; }

# cannot_reach NAMESPACE ADDRESS: it is not; the wait is short as nothing is lost here
cannot_reach() { ! in_ns "$1" ping -n -c1 -W0.3 "$2" >/dev/null 2>&1; }

# knows NAMESPACE ADDRESS MAC: as a neighbour's
knows() { [[ $(in_ns "$1" ip neigh show "$2") == *"lladdr $3"* ]]; }

# frame_arrives FROM IFNAME TO IFNAME SOURCE-MAC DESTINATION-MAC
frame_arrives() {
	"$E2E_DIR/frames.py" "$(netns_path "$1")" "$2" "$(netns_path "$3")" "$4" "$5" "$6"
}

# is_up NAMESPACE IFNAME: packets are no longer lost on it, as they are until the kernel's work queue
# has seen that the other end has come up
is_up() { [[ $(in_ns "$1" ip -brief link show dev "$2") =~ [[:space:]]UP[[:space:]] ]]; }

# outside_add: a network behind the host, that knows no way to containers:
#
#	host wan0 203.0.113.1/24, 2001:db8::1/64 ---- eth0 .2, ::2 outside
outside_add() {
	netns_add outside
	in_ns host ip link add wan0 type veth peer name eth0 netns "$(netns_name outside)"
	# Their link-local addresses would be under DAD for two seconds, change meanwhile, and not ask for
	# the neighbours of what is forwarded.
	in_ns host sysctl -qw net.ipv6.conf.wan0.accept_dad=0
	in_ns outside sysctl -qw net.ipv6.conf.eth0.accept_dad=0
	in_ns host ip addr add 203.0.113.1/24 dev wan0
	in_ns host ip addr add 2001:db8::1/64 dev wan0 nodad
	in_ns outside ip addr add 203.0.113.2/24 dev eth0
	in_ns outside ip addr add 2001:db8::2/64 dev eth0 nodad
	in_ns host ip link set wan0 up
	in_ns outside ip link set eth0 up
	wait_for 30 is_up host wan0
}

# said_by FROM TCP:ADDRESS:PORT: what a server says.  Nothing is sent, not even an end: socat at the
# other side would give what answers half a second from then on.
said_by() { in_ns "$1" socat -u -T30 "$2,connect-timeout=30" STDOUT; }

# tcp_source FROM TO ADDRESS: as which address a connection of FROM arrives at TO's ADDRESS
tcp_source() {
	local family=4 address=$3 listening
	[[ $address != *:* ]] || { family=6; address="[$address]"; }
	listening=$(mktemp -p "$BATS_TEST_TMPDIR" listening.XXXXXX)
	# shellcheck disable=SC2016 # socat sets the variable for the shell it starts
	background "$2" socat -d -d "TCP$family-LISTEN:7777,bind=$address,reuseaddr" \
		SYSTEM:'printf %s "$SOCAT_PEERADDR"' 2>"$listening"
	wait_for 30 grep -q 'listening on' "$listening"
	said_by "$1" "TCP$family:$address:7777"
}

# ---- waiting and skipping ---------------------------------------------------

# wait_for SECONDS COMMAND…: until the command succeeds, or fail
wait_for() {
	local seconds=$1 pause=0.02
	shift
	local end=$((SECONDS + seconds + 1))
	until "$@"; do
		# Not left to errexit, which is off in a command substitution.
		((SECONDS < end)) || { fail "waited $seconds s in vain for: $*"; return 1; }
		sleep "$pause"
	done
}

# need_link_type KIND [IP-LINK-ARGUMENT…]: skip where the kernel cannot make such a link
need_link_type() {
	local why
	why=$(in_ns host ip link add name probe0 type "$@" 2>&1) || skip "kernel: no link of type $*: $why"
	in_ns host ip link del probe0
}

kernel_has_vlan_filtering() {
	local r=0
	in_ns host ip link add name probe0 type bridge
	in_ns host ip link set probe0 type bridge vlan_filtering 1 2>/dev/null || r=1
	in_ns host ip link del probe0
	return "$r"
}
