#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tuning - settings of the container's interface and namespace, and what was
# there before

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell

load lib
load chained

setup() {
	lab_setup
	netns_add c1
	saved=$BATS_TEST_TMPDIR/saved
	file=$saved/id_eth0.json
}
teardown() { lab_teardown; }

# config [FILTER [JQ-ARGUMENT…]]: tuning with nothing to do but what FILTER adds
config() {
	local filter=${1:-.}
	shift $(($# > 0 ? 1 : 0))
	chained tuning tuning '{cniVersion, name, type, dataDir, prevResult} | '"$filter" "$@"
}

# add [FILTER [JQ-ARGUMENT…]], del: of the attachment id/eth0 in c1
add() { cni ADD tuning "$(config "$@")" id c1 eth0; }
del() {
	cni DEL tuning "$(config "$@")" id c1 eth0
	assert_silent
}

# eth0 FILTER: of `ip -d link`
eth0() { link_json c1 eth0 "$1"; }

# setting PATH: below /proc/sys/net, in the container
setting() { in_ns c1 cat "/proc/sys/net/$1"; }

assert_setting() {
	local value
	value=$(setting "$1")
	[[ $value == "$2" ]] || fail "$1 is \"$value\", not \"$2\""
}

assert_eth0() {
	[[ $(eth0 "$1") == "$2" ]] || fail "$1 of eth0 is $(eth0 "$1"), not $2"
}

assert_no_file() {
	[[ -z $(ls -A "$saved" 2>/dev/null) ]] || fail "files left: $(ls -A "$saved")"
}

# ---- what it does -------------------------------------------------------------

@test "the example, with its bridge: ADD, CHECK, DEL" {
	chain_add tuning id c1 eth0
	assert_eth0 .mtu 1400
	assert_eth0 .txqlen 500
	assert_setting core/somaxconn 1024
	chain_run CHECK tuning id c1 eth0
	chain_run DEL tuning id c1 eth0
	assert_setting core/somaxconn 4096
	assert_no_file
	assert_nothing_left
}

@test "nothing to do: the result is passed on as it is, and nothing is written" {
	pair_add c1 eth0 10.1.0.5/24
	prev=$(jq -c '. + {routes: [{dst: "0.0.0.0/0", gw: "10.1.0.1"}], dns: {nameservers: ["10.1.0.1"]}}' <<<"$prev")
	add
	assert_ok
	assert_json '. == $prev' --argjson prev "$prev"
	[[ ! -e $saved ]] || fail "there should be no directory"
	cni CHECK tuning "$(config)" id c1 eth0
	assert_silent
	del
}

@test "every setting of the interface is made, and put back" {
	local before
	pair_add c1 eth0
	before=$(eth0 '[.address, .mtu, .txqlen, .promiscuity, .allmulti]')
	add '.mac = "02:11:22:33:44:55" | .mtu = 1300 | .promisc = true | .allmulti = true | .txQLen = 77'
	assert_ok
	assert_eth0 .address 02:11:22:33:44:55
	assert_eth0 .mtu 1300
	assert_eth0 .txqlen 77
	assert_eth0 '.flags | [index("PROMISC", "ALLMULTI") != null] | all' true
	del
	[[ $(eth0 '[.address, .mtu, .txqlen, .promiscuity, .allmulti]') == "$before" ]] || fail "not as before: $before"
	assert_no_file
}

@test "allmulti false and txQLen 0 are wishes like others" {
	pair_add c1 eth0
	in_ns c1 ip link set eth0 allmulticast on
	add '.allmulti = false | .txQLen = 0'
	assert_ok
	assert_eth0 '.flags | index("ALLMULTI")' null
	assert_eth0 '.txqlen // 0' 0
	del
	assert_eth0 '.flags | index("ALLMULTI") != null' true
}

@test "sysctls are written in the container alone, and put back" {
	local host
	pair_add c1 eth0
	host=$(in_ns host cat /proc/sys/net/core/somaxconn)
	add '.sysctl = {"net.core.somaxconn": "500", "net/ipv4/tcp_rmem": "4096 8192 16384",
		"net.ipv4.conf.IFNAME.arp_filter": "1", "net/ipv4/conf/IFNAME/forwarding": "1"}'
	assert_ok
	assert_setting core/somaxconn 500
	assert_setting ipv4/tcp_rmem $'4096\t8192\t16384'
	assert_setting ipv4/conf/eth0/arp_filter 1
	assert_setting ipv4/conf/eth0/forwarding 1
	[[ $(in_ns host cat /proc/sys/net/core/somaxconn) == "$host" ]]
	cni CHECK tuning "$(config '.sysctl = {"net/ipv4/tcp_rmem": "4096 8192 16384"}')" id c1 eth0
	assert_silent
	del
	assert_setting core/somaxconn 4096
	assert_setting ipv4/conf/eth0/arp_filter 0
	assert_setting ipv4/conf/eth0/forwarding 0
	assert_no_file
}

@test "a name with a dot in it: slashes separate, or stand for the dot" {
	pair_add c1 eth0
	in_ns c1 ip link add a.b type bridge
	add '.sysctl = {"net/ipv4/conf/a.b/arp_filter": "1", "net.ipv4.conf.a/b.arp_ignore": "1"}'
	assert_ok
	assert_setting ipv4/conf/a.b/arp_filter 1
	assert_setting ipv4/conf/a.b/arp_ignore 1
}

@test "a setting that can only be written is written" {
	pair_add c1 eth0
	add '.sysctl = {"net.ipv4.route.flush": "1"}'
	assert_ok
	cni CHECK tuning "$(config '.sysctl = {"net.ipv4.route.flush": "1"}')" id c1 eth0
	assert_silent
	del
	assert_no_file
}

@test "a setting that somebody changed after ADD stays as it is on DEL" {
	pair_add c1 eth0
	add '.sysctl = {"net.core.somaxconn": "500", "net.ipv4.tcp_syncookies": "2"}'
	assert_ok
	in_ns c1 sysctl -qw net.core.somaxconn=600
	del
	assert_setting core/somaxconn 600
	assert_setting ipv4/tcp_syncookies 1
}

# ---- where values come from -----------------------------------------------------

@test "the MAC address: mac, CNI_ARGS, runtimeConfig and args.cni, each over the ones before" {
	local filter='.mac = "02:00:00:00:00:01"'
	pair_add c1 eth0
	add "$filter"
	assert_eth0 .address 02:00:00:00:00:01
	CNI_ARGS='IgnoreUnknown=1;MAC=02:00:00:00:00:02' add "$filter"
	assert_eth0 .address 02:00:00:00:00:02
	filter+=' | .runtimeConfig.mac = "02:00:00:00:00:03"'
	CNI_ARGS='IgnoreUnknown=1;MAC=02:00:00:00:00:02' add "$filter"
	assert_eth0 .address 02:00:00:00:00:03
	filter+=' | .args.cni.mac = "02:00:00:00:00:04"'
	CNI_ARGS='IgnoreUnknown=1;MAC=02:00:00:00:00:02' add "$filter"
	assert_eth0 .address 02:00:00:00:00:04
}

@test "args.cni goes over the config, key by key, sysctls also where they are spelled otherwise" {
	pair_add c1 eth0
	add '.mtu = 1400 | .txQLen = 10 | .promisc = true | .allmulti = true
		| .sysctl = {"net.core.somaxconn": "1", "net.ipv4.tcp_syncookies": "2"}
		| .args.cni = {mtu: 1300, promisc: false, allmulti: false, sysctl: {"net/core/somaxconn": "222"}, ips: ["10.0.0.1"]}'
	assert_ok
	assert_eth0 .mtu 1300
	assert_eth0 .txqlen 10
	assert_eth0 '.flags | index("PROMISC", "ALLMULTI")' null$'\n'null
	assert_setting core/somaxconn 222
	assert_setting ipv4/tcp_syncookies 2
}

@test "args.cni.sysctl without a sysctl of the config" {
	pair_add c1 eth0
	add '.args.cni.sysctl = {"net.core.somaxconn": "222"}'
	assert_ok
	assert_setting core/somaxconn 222
}

@test "keys in any case" {
	pair_add c1 eth0
	add '.MTU = 1300 | .TxQlen = 7 | .RuntimeConfig.MAC = "02:00:00:00:00:03" | .SysCtl = {"net.core.somaxconn": "333"}'
	assert_ok
	assert_eth0 '[.mtu, .txqlen, .address]|join(" ")' '1300 7 02:00:00:00:00:03'
	assert_setting core/somaxconn 333
}

# ---- the result -----------------------------------------------------------------

@test "the result has the new MAC address, of the container's interface only" {
	pair_add c1 eth0 10.1.0.5/24
	prev=$(jq -c '.interfaces += [{name: "eth0", mac: "02:99:99:99:99:99"}] | .interfaces[1].mtu = 1500' <<<"$prev")
	add '.mac = "02:AB:00:00:00:01" | .mtu = 1400'
	assert_ok
	assert_json '. == ($prev | .interfaces[1].mac = "02:ab:00:00:00:01" | .interfaces[1].mtu = 1400)' --argjson prev "$prev"
}

@test "all seven versions" {
	local version
	pair_add c1 eth0 10.1.0.5/24
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		cni ADD tuning "$(config '.mtu = 1400' | with_version "$version")" id c1 eth0
		assert_ok
		assert_json '.cniVersion == $v' --arg v "$version"
		assert_eth0 .mtu 1400
		cni DEL tuning "$(config '.mtu = 1400' | with_version "$version")" id c1 eth0
		assert_silent
		assert_eth0 .mtu 1500
	done
}

@test "neighbours learn the new MAC address at once, and the interface's own settings stay" {
	pair_add c1 eth0 10.1.0.5/24 fd00:1::5/64
	in_ns host ip addr add 10.1.0.1/24 dev hc1-eth0
	in_ns host ip addr add fd00:1::1/64 dev hc1-eth0 nodad
	reaches host 10.1.0.5
	reaches host fd00:1::5
	add '.mac = "02:11:22:33:44:55"'
	assert_ok
	wait_for 30 knows host 10.1.0.5 02:11:22:33:44:55
	wait_for 30 knows host fd00:1::5 02:11:22:33:44:55
	assert_setting ipv4/conf/eth0/arp_notify 0
	assert_setting ipv6/conf/eth0/ndisc_notify 0
}

# ---- errors -----------------------------------------------------------------------

@test "ADD without a prevResult is error 7" {
	pair_add c1 eth0
	add 'del(.prevResult)'
	assert_error 7 prevResult
	cni CHECK tuning "$(config 'del(.prevResult)')" id c1 eth0
	assert_error 7 prevResult
}

@test "settings outside of /proc/sys/net are refused, and nothing is changed" {
	local key
	pair_add c1 eth0
	for key in kernel.hostname net net. net/../kernel/hostname net/./core/somaxconn \
		net.ipv4.conf.//.//.kernel.hostname ../net/core/somaxconn vm/swappiness; do
		add '.mtu = 1300 | .sysctl = {"net.core.somaxconn": "1", ($key): "1"}' --arg key "$key"
		assert_error 7 sysctl "$key" /proc/sys/net
	done
	assert_setting core/somaxconn 4096
	assert_eth0 .mtu 1500
	assert_no_file
}

@test "one setting twice is refused" {
	pair_add c1 eth0
	add '.sysctl = {"net.core.somaxconn": "1", "net/core/somaxconn": "2"}'
	assert_error 7 sysctl net.core.somaxconn net/core/somaxconn
	cni ADD tuning "$(config | sed 's/}$/,"sysctl":{"net.core.somaxconn":"1","net.core.somaxconn":"2"}}/')" id c1 eth0
	assert_error 6 net.core.somaxconn
	assert_setting core/somaxconn 4096
}

@test "bad values are named with their path" {
	pair_add c1 eth0
	add '.sysctl = {"net.core.somaxconn": 5}'
	assert_error 7 sysctl.net.core.somaxconn 5 string
	add '.sysctl = []'
	assert_error 7 sysctl
	add '.mac = "02:00"'
	assert_error 7 mac 02:00
	add '.args.cni.mac = "01:00:5e:00:00:01"'
	assert_error 7 args.cni.mac 01:00:5e:00:00:01
	add '.mac = "01:00:5e:00:00:01"'
	assert_error 7 mac 01:00:5e:00:00:01 multicast
	add '.args.cni.txQLen = -1'
	assert_error 7 args.cni.txQLen -1
	CNI_ARGS='MAC=zz' add
	assert_error 4 MAC zz
	assert_no_file
}

@test "what the kernel refuses undoes what was done before it" {
	pair_add c1 eth0
	add '.mac = "02:11:22:33:44:55" | .txQLen = 3 | .mtu = 100000 | .sysctl = {"net.core.somaxconn": "1"}'
	((status != 0)) || fail "an MTU of 100000 should be refused"
	assert_json '.msg | contains("eth0") and contains("MTU")'
	assert_eth0 '.address != "02:11:22:33:44:55"' true
	assert_eth0 .txqlen 1000
	assert_setting core/somaxconn 4096
	assert_no_file

	add '.mtu = 1300 | .sysctl = {"net.core.somaxconn": "1", "net.ipv4.tcp_syncookies": "many"}'
	assert_error 7 sysctl.net.ipv4.tcp_syncookies many
	add '.mtu = 1300 | .sysctl = {"net.core.somaxconn": "1", "net.ipv4.no_such_thing": "1"}'
	assert_error 7 sysctl.net.ipv4.no_such_thing
	assert_setting core/somaxconn 4096
	assert_eth0 .mtu 1500
	assert_no_file
}

@test "an interface that is not there is named" {
	pair_add c1 eth0
	cni ADD tuning "$(config '.mtu = 1300')" id c1 eth7
	((status != 0))
	assert_json '.msg | contains("eth7")'
	assert_no_file
}

# ---- the allowlist ----------------------------------------------------------------

# add_with_list LIST [FILTER]: ADD where /etc has nothing but this allowlist
add_with_list() {
	local etc=$BATS_TEST_TMPDIR/etc
	mkdir -p "$etc/cni/tuning"
	printf '%s' "$1" >"$etc/cni/tuning/allowlist.conf"
	capture feed "$(config "$2")" env CNI_COMMAND="${verb:-ADD}" CNI_PATH="$PLUGINS" CNI_CONTAINERID=id \
		CNI_NETNS="$(netns_path c1)" CNI_IFNAME=eth0 nsenter --net="$(netns_path host)" -- \
		unshare --mount sh -c 'mount --bind "$1" /etc && exec "$2"' sh "$etc" "$PLUGINS/tuning"
}

@test "the allowlist allows what a line of it matches, and nothing else" {
	local list=$'\n  ^net\\.core\\.somaxconn$  \n^net.ipv4.conf.IFNAME.[a-z_]*$\n'
	pair_add c1 eth0
	add_with_list "$list" '.sysctl = {"net.core.somaxconn": "9", "net.ipv4.conf.IFNAME.arp_filter": "1"}'
	assert_ok
	assert_setting core/somaxconn 9
	assert_setting ipv4/conf/eth0/arp_filter 1
	add_with_list "$list" '.mtu = 1300 | .sysctl = {"net.core.somaxconn": "8", "net.ipv4.tcp_syncookies": "2"}'
	assert_error 7 net.ipv4.tcp_syncookies /etc/cni/tuning/allowlist.conf
	add_with_list "$list" '.args.cni.sysctl = {"net.core.somaxconn_": "8"}'
	assert_error 7 net.core.somaxconn_
	assert_setting core/somaxconn 9
	assert_eth0 .mtu 1500
	verb=STATUS add_with_list "$list" '.sysctl = {"net.ipv4.tcp_syncookies": "2"}'
	assert_error 7 net.ipv4.tcp_syncookies
}

@test "an empty allowlist allows no sysctl, and does not concern the interface" {
	pair_add c1 eth0
	add_with_list '' '.sysctl = {"net.core.somaxconn": "9"}'
	assert_error 7 net.core.somaxconn
	add_with_list '' '.mtu = 1300'
	assert_ok
	assert_eth0 .mtu 1300
}

@test "a line that Go would read differently is an error that names it" {
	pair_add c1 eth0
	add_with_list $'^net\\.core\\.wmem\n^net\\.\\w+' '.sysctl = {"net.core.somaxconn": "9"}'
	assert_error 7 'line 2' '\w'
	add_with_list '^net[' '.sysctl = {"net.core.somaxconn": "9"}'
	assert_error 7 'line 1' 'net['
}

# ---- CHECK ------------------------------------------------------------------------

@test "CHECK names each setting that was changed" {
	local filter='.mac = "02:11:22:33:44:55" | .mtu = 1300 | .promisc = true | .allmulti = true | .txQLen = 7
		| .sysctl = {"net.core.somaxconn": "9", "net.ipv4.conf.IFNAME.arp_filter": "1"}'
	pair_add c1 eth0
	add "$filter"
	assert_ok
	cni CHECK tuning "$(config "$filter")" id c1 eth0
	assert_silent
	in_ns c1 ip link set eth0 mtu 1200 promisc off allmulticast off txqlen 8 address 02:00:00:00:00:66
	in_ns c1 sysctl -qw net.core.somaxconn=10 net.ipv4.conf.eth0.arp_filter=0
	cni CHECK tuning "$(config "$filter")" id c1 eth0
	assert_error 100
	assert_details 02:00:00:00:00:66 'mtu 1200' 'promisc off' 'allmulti off' 'txQLen 8' \
		'net.core.somaxconn is "10", not "9"' net.ipv4.conf.IFNAME.arp_filter
	in_ns c1 ip link del eth0
	cni CHECK tuning "$(config "$filter")" id c1 eth0
	assert_error 100
	assert_details eth0 'arp_filter is missing'
}

@test "CHECK does not mind what was not asked for" {
	pair_add c1 eth0
	in_ns c1 ip link set eth0 promisc on mtu 1234
	cni CHECK tuning "$(config)" id c1 eth0
	assert_silent
}

# ---- DEL --------------------------------------------------------------------------

@test "DEL twice, before ADD, and without a namespace, an interface, a result or a usable config" {
	local netns
	pair_add c1 eth0
	del
	for netns in '' /nonexistent; do
		add '.mtu = 1300'
		assert_ok
		[[ -e $file ]]
		cni DEL tuning "$(config 'del(.prevResult) | .mtu = "bad" | .sysctl = 7')" id "$netns" eth0
		assert_silent
		assert_no_file
		in_ns c1 ip link set eth0 mtu 1500
	done
	add '.mtu = 1300 | .sysctl = {"net.core.somaxconn": "9"}'
	in_ns c1 ip link del eth0
	del
	del
	assert_setting core/somaxconn 4096
	assert_no_file
}

@test "DEL says what could not be put back, and succeeds" {
	pair_add c1 eth0
	add '.mtu = 1300'
	jq -c '.mtu = 1000000' "$file" >"$file.new"
	mv "$file.new" "$file"
	cni DEL tuning "$(config)" id c1 eth0
	assert_silent
	[[ $errout == *eth0*MTU* ]] || fail "stderr should say it"
	assert_no_file
}

@test "DEL of a file that was cut short removes it" {
	pair_add c1 eth0
	mkdir -p "$saved"
	printf '{"mtu": 14' >"$file"
	del
	assert_no_file
}

@test "two attachments whose names join to the same file name are told apart" {
	pair_add c1 eth0
	pair_add c1 a_eth0
	pair_add c1 eth0x
	cni ADD tuning "$(config '.mtu = 1300')" id_a c1 eth0
	assert_ok
	cni DEL tuning "$(config)" id c1 a_eth0
	assert_silent
	[[ -e $saved/id_a_eth0.json ]] || fail "the other's file should stay"
	cni DEL tuning "$(config)" id_a c1 eth0
	assert_eth0 .mtu 1500
	assert_no_file
}

# ---- GC and STATUS ------------------------------------------------------------------

@test "GC removes the files of attachments of its network that are not valid" {
	local name
	netns_add c2 c3
	for name in c1 c2 c3; do
		pair_add "$name" eth0
		cni ADD tuning "$(config '.mtu = 1300 | .name = "'"$([[ $name == c3 ]] && echo other || echo tuned)"'"')" "$name" "$name" eth0
		assert_ok
	done
	printf '{"mtu": 1500}' >"$saved/reference_eth0.json"
	printf 'foreign' >"$saved/foreign"
	gc "$(config)" c2/eth0
	assert_silent
	[[ $(cd "$saved" && echo *) == 'c2_eth0.json c3_eth0.json foreign reference_eth0.json' ]] || fail "files: $(ls -A "$saved")"
	gc "$(config)"
	assert_silent
	gc "$(config '.name = "other"')"
	assert_silent
	[[ $(cd "$saved" && echo *) == 'foreign reference_eth0.json' ]] || fail "files: $(ls -A "$saved")"
}

@test "GC removes what a killed ADD left of its file" {
	pair_add c1 eth0
	add_faulted tuning "$(config '.mtu = 1300')" renameat 1 KILL
	assert_eth0 .mtu 1500
	[[ -n $(ls -A "$saved") ]] || fail "this test should leave a file"
	gc "$(config)" other/eth0
	assert_silent
	assert_no_file
}

# left: what an attachment can leave, for each_fault; the directory may, and is made again
left() {
	rmdir "$saved" 2>/dev/null || ls -A "$saved" 2>/dev/null || :
	eth0 '[.address, .mtu, .txqlen, .promiscuity, .allmulti, .flags]'
	setting core/somaxconn
	setting ipv4/conf/eth0/arp_filter
}

# all kinds of settings
all='.mac = "02:11:22:33:44:55" | .mtu = 1300 | .promisc = true | .allmulti = true | .txQLen = 77
	| .sysctl = {"net.core.somaxconn": "9", "net.ipv4.conf.IFNAME.arp_filter": "1"}'

@test "an ADD that is killed at any request leaves what DEL puts back" {
	pair_add c1 eth0
	each_fault tuning "$(config "$all")" KILL sendto
}

@test "an ADD in which any system call fails undoes itself" {
	local calls
	full
	pair_add c1 eth0
	calls=$(calls_of tuning "$(config "$all")")
	del "$all"
	# shellcheck disable=SC2086 # a list of words
	each_fault tuning "$(config "$all")" ENOBUFS $calls
	# shellcheck disable=SC2086
	each_fault tuning "$(config "$all")" KILL $calls
}

@test "GC and STATUS of a host that never tuned anything" {
	gc "$(config)"
	assert_silent
	cni STATUS tuning "$(config)"
	assert_silent
	cni STATUS tuning "$(config '.sysctl = {"net.ipv4.conf.IFNAME.arp_filter": "1"}')"
	assert_silent
	cni STATUS tuning "$(config '.mtu = "x"')"
	assert_error 7 mtu
}

# ---- the reference --------------------------------------------------------------------

@test "what the reference has saved is put back by DEL" {
	local mac
	reference tuning
	pair_add c1 eth0
	mac=$(eth0 .address)
	prev=$(jq -c '.cniVersion = "1.0.0"' <<<"$prev")
	cni_reference ADD tuning "$(config '.cniVersion = "1.0.0" | .mac = "02:11:22:33:44:55" | .mtu = 1300 | .promisc = true | .allmulti = true')" id c1 eth0
	assert_ok
	assert_eth0 .mtu 1300
	[[ -e $file ]]
	del
	assert_eth0 '[.address, .mtu, .promiscuity]|join(" ")' "$mac 1500 0"
	assert_eth0 '.flags | index("ALLMULTI")' null
	assert_no_file
}

@test "what is saved here is put back by the reference" {
	local mac
	reference tuning
	pair_add c1 eth0
	mac=$(eth0 .address)
	add '.mac = "02:11:22:33:44:55" | .mtu = 1300 | .promisc = true | .allmulti = true | .sysctl = {"net.core.somaxconn": "9"}'
	assert_ok
	cni_reference DEL tuning "$(config '.cniVersion = "1.0.0" | .prevResult.cniVersion = "1.0.0"')" id c1 eth0
	assert_silent
	assert_eth0 '[.address, .mtu, .promiscuity]|join(" ")' "$mac 1500 0"
	assert_eth0 '.flags | index("ALLMULTI")' null
	assert_no_file
}

@test "the result is the reference's" {
	local theirs
	reference tuning
	pair_add c1 eth0 10.1.0.5/24
	prev=$(jq -c '.cniVersion = "1.0.0"' <<<"$prev")
	cni_reference ADD tuning "$(config '.cniVersion = "1.0.0" | .mac = "02:11:22:33:44:55" | .mtu = 1300')" id c1 eth0
	assert_ok
	theirs=$(jq -cS 'del(.dns | select(. == {}))' <<<"$out")
	del
	add '.cniVersion = "1.0.0" | .mac = "02:11:22:33:44:55" | .mtu = 1300'
	assert_ok
	[[ $(jq -cS . <<<"$out") == "$theirs" ]] || fail "the reference says $theirs"
}
