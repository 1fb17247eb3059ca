#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# portmap - ports of the host that lead to containers, shown by connections
#
#	c1 eth0        c2 eth0
#	   |              |
#	hv…-----pub0-----hv…      host     wan0 203.0.113.1 ---- .2 eth0 outside
#
# Each container runs ports.py, which answers "NAME PORT ADDRESS-OF-THE-CLIENT".

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell

load lib
load chained

WAN4=203.0.113.1
WAN6=2001:db8::1
OUTSIDE4=203.0.113.2
OUTSIDE6=2001:db8::2

# One Python for all tests of this file, see ports.py.
setup_file() {
	mkfifo "$BATS_FILE_TMPDIR/do" "$BATS_FILE_TMPDIR/said"
	timeout 900 "$E2E_DIR/ports.py" lab "$BATS_FILE_TMPDIR" 3>&- 4>&- &
	echo $! >"$BATS_FILE_TMPDIR/pid"
}
teardown_file() { kill "$(<"$BATS_FILE_TMPDIR/pid")"; }

# ports COMMAND…: what the lab says to it
ports() {
	echo "$*" >"$BATS_FILE_TMPDIR/do"
	cat "$BATS_FILE_TMPDIR/said"
}

setup() {
	lab_setup
	# A link-local address under DAD would hold up what is forwarded.
	in_ns host sysctl -qw net.ipv6.conf.default.accept_dad=0
	netns_add c1 c2
	outside_add
	PREV=$BATS_TEST_TMPDIR/prev
}
teardown() {
	ports forget
	lab_teardown
}

# mapping HOST-PORT CONTAINER-PORT [PROTOCOL [HOST-IP]]
mapping() {
	printf '{"hostPort":%s,"containerPort":%s,"protocol":"%s"%s}\n' "$1" "$2" "${3:-tcp}" "${4:+,\"hostIP\":\"$4\"}"
}

# publishing MAPPINGS [FILTER]: the portmap config with these mappings, JSON objects without spaces, and $prev
publishing() {
	local list
	# shellcheck disable=SC2086 # words
	printf -v list '%s,' $1
	chained portmap portmap ".runtimeConfig = {portMappings: \$ports} | ${2:-.}" \
		--argjson ports "[${list%,}]"
}

# plug CONTAINER [FILTER-OF-THE-BRIDGE]: attach it to the bridge; sets $prev, $ip and $ip6
plug() {
	prev=
	cni ADD bridge "$(conf portmap "${2:-.}")" "$1" "$1" eth0
	assert_ok
	prev=$out
	printf '%s' "$prev" >"$PREV.$1"
	read -r ip ip6 < <(jq -r '[.ips[].address | sub("/.*"; "")] | join(" ")' <<<"$out")
}

# add CONTAINER MAPPINGS [FILTER]: ADD of portmap alone
add() { cni ADD portmap "$(publishing "$2" "${3:-.}")" "$1" "$1" eth0; }

# publish CONTAINER MAPPINGS [FILTER]: attach it and publish
publish() {
	plug "$1"
	add "$@"
	assert_ok
}

# with CONTAINER: $prev is what plug() got for it
with() { prev=$(<"$PREV.$1"); }

# unpublish CONTAINER MAPPINGS [FILTER]
unpublish() {
	with "$1"
	cni DEL portmap "$(publishing "$2" "${3:-.}")" "$1" "$1" eth0
	assert_silent
}

# serve CONTAINER PORT…
serve() {
	local said
	said=$(ports serve "$(netns_path "$1")" "$@")
	[[ -z $said ]] || fail "$said"
}

# ask FROM [briefly] QUESTION [, QUESTION…]
ask() {
	local from=$1
	shift
	ports ask "$(netns_path "$from")" "$@"
}

# assert_answer "NAME PORT CLIENT" FROM PROTOCOL ADDRESS PORT [SOURCE-PORT] [, …]
# CLIENT may be a pattern; each question has its line.
assert_answer() {
	local expected=$1 said
	shift
	said=$(ask "$@") || :
	# shellcheck disable=SC2053 # a pattern
	[[ $said == $expected ]] || fail "$*: $said, not $expected"
}

# assert_closed FROM PROTOCOL ADDRESS PORT: at once, as nobody listens on the host
assert_closed() {
	local said
	said=$(ask "$@") || :
	[[ $said == *refused* ]] || fail "$*: $said, not refused"
}

# br_netfilter 0|1: whether iptables and nftables see what is bridged
br_netfilter() {
	local key
	for key in iptables ip6tables; do
		in_ns host sysctl -qw "net.bridge.bridge-nf-call-$key=$1" || skip "kernel: no br_netfilter"
	done
}

# published: elements of the maps and sets of published ports, without what the bridge has there
published() {
	in_ns host nft -j list ruleset | jq -c '.nftables[] | (.set // .map // empty)
		| select(.name | test("^(port|hostport|gate|hostgate|published|keepsource|masqall)[46]$")) | .elem // [] | .[]'
}

# gates: chains of conditions, one a line
gates() { in_ns host nft -j list chains inet | jq -r '.nftables[].chain.name // empty | select(test("^g[0-9a-f]{13}$"))'; }

assert_unpublished() {
	[[ -z $(published) ]] || fail "still published: $(published)"
	[[ -z $(gates) ]] || fail "gates left: $(gates)"
}

# flows PROTOCOL PORT: tracked connections to a port of the host
flows() { in_ns host conntrack -L -p "$1" --orig-port-dst "$2" 2>/dev/null; }

# ---- who reaches it -----------------------------------------------------------

# assert_reached NAME PROTOCOL HOST-PORT PORT: from everywhere, at every address
assert_reached() {
	local name=$1 proto=$2 host_port=$3 port=$4
	local from
	assert_answer "$name $port $OUTSIDE4"$'\n'"$name $port $OUTSIDE6" outside \
		"$proto" "$WAN4" "$host_port" , "$proto" "$WAN6" "$host_port"
	assert_answer "$name $port 10.75.0.1" host "$proto" 127.0.0.1 "$host_port"
	for from in host c1 c2; do
		assert_answer "$name $port *"$'\n'"$name $port *"$'\n'"$name $port *" "$from" \
			"$proto" "$WAN4" "$host_port" , "$proto" "$WAN6" "$host_port" , "$proto" 10.75.0.1 "$host_port"
	done
}

@test "reached from outside, the host, itself and a neighbour; with br_netfilter and without" {
	local on ports
	ports="$(mapping 8080 80) $(mapping 5353 53 udp)"
	plug c2
	publish c1 "$ports"
	assert_json '. == $prev' --argjson prev "$prev"
	serve c1 80 53
	for on in 0 1; do
		br_netfilter "$on"
		assert_reached c1 tcp 8080 80
		assert_reached c1 udp 5353 53
	done
	unpublish c1 "$ports"
	assert_unpublished
	assert_closed outside tcp "$WAN4" 8080
	assert_closed host tcp 127.0.0.1 8080
}

@test "a neighbour reaches it on a network that is not masqueraded" {
	local on
	plug c2 '.ipMasq = false'
	plug c1 '.ipMasq = false'
	add c1 "$(mapping 8080 80)"
	assert_ok
	serve c1 80
	for on in 0 1; do
		br_netfilter "$on"
		assert_answer "c1 80 *" c2 tcp 10.75.0.1 8080
		assert_answer "c1 80 *" c2 tcp "$WAN6" 8080
		assert_answer "c1 80 *" c1 tcp 10.75.0.1 8080
	done
}

@test "a container of another network reaches it" {
	local other
	other=$(conf bridge-dual-stack)
	cni ADD bridge "$other" c2 c2 eth0
	assert_ok
	publish c1 "$(mapping 8080 80)"
	serve c1 80
	assert_answer "c1 80 *" c2 tcp "$WAN4" 8080
	assert_answer "c1 80 *" c2 tcp "$WAN6" 8080
}

@test "published containers reach each other's ports" {
	local on
	publish c1 "$(mapping 8080 80)"
	publish c2 "$(mapping 8081 80)"
	serve c1 80
	serve c2 80
	for on in 0 1; do
		br_netfilter "$on"
		assert_answer "c2 80 *" c1 tcp "$WAN4" 8081
		assert_answer "c1 80 *" c2 tcp "$WAN6" 8080
	done
}

@test "what passes through to the same port of another machine is left alone" {
	publish c1 "$(mapping 7000 80)"
	serve c1 80
	serve outside 7000
	plug c2
	assert_answer "outside 7000 $WAN4" c2 tcp "$OUTSIDE4" 7000
	assert_answer "outside 7000 $WAN6" c2 tcp "$OUTSIDE6" 7000
	assert_answer "outside 7000 *" host tcp "$OUTSIDE4" 7000
}

@test "127.0.0.1 is not open to outside, although route_localnet is on" {
	publish c1 "$(mapping 8080 80 tcp 127.0.0.1)"
	serve c1 80
	assert_answer "c1 80 10.75.0.1" host tcp 127.0.0.1 8080
	assert_closed outside tcp "$WAN4" 8080
	in_ns outside sysctl -qw net.ipv4.conf.all.route_localnet=1
	in_ns outside ip route add 127.0.0.1/32 via "$WAN4" table 100
	in_ns outside ip rule add pref 0 to 127.0.0.1 dport 8080 lookup 100
	[[ $(ask outside briefly tcp 127.0.0.1 8080) != c1* ]] || fail "outside got through to 127.0.0.1"
}

# ---- what is published --------------------------------------------------------

@test "a host address, beside the same port of another" {
	in_ns host ip addr add 203.0.113.7/24 dev wan0
	publish c1 "$(mapping 8080 80 tcp "$WAN4") $(mapping 8080 80 udp "$WAN6")"
	publish c2 "$(mapping 8080 81 tcp 203.0.113.7)"
	serve c1 80
	serve c2 81
	assert_answer "c1 80 $OUTSIDE4" outside tcp "$WAN4" 8080
	assert_answer "c1 80 $OUTSIDE6" outside udp "$WAN6" 8080
	assert_answer "c2 81 $OUTSIDE4" outside tcp 203.0.113.7 8080
	assert_closed outside tcp "$WAN6" 8080
	assert_closed outside udp "$WAN4" 8080
	assert_closed host tcp 127.0.0.1 8080
}

@test "0.0.0.0 is every IPv4 address, :: every IPv6 address" {
	publish c1 "$(mapping 8080 80 tcp 0.0.0.0) $(mapping 8081 80 tcp ::)"
	serve c1 80
	assert_answer "c1 80 $OUTSIDE4" outside tcp "$WAN4" 8080
	assert_answer "c1 80 10.75.0.1" host tcp 127.0.0.1 8080
	assert_closed outside tcp "$WAN6" 8080
	assert_answer "c1 80 $OUTSIDE6" outside tcp "$WAN6" 8081
	assert_closed outside tcp "$WAN4" 8081
}

@test "a range of ports" {
	publish c1 "$(mapping 9000 80 | jq -c '.range = 3')"
	serve c1 80 81 82
	assert_answer "c1 80 $OUTSIDE4" outside tcp "$WAN4" 9000
	assert_answer "c1 82 $OUTSIDE6" outside tcp "$WAN6" 9002
	assert_closed outside tcp "$WAN4" 9003
}

@test "sctp has its element" {
	publish c1 "$(mapping 9899 36412 SCTP)"
	in_ns host nft get element inet heddle port4 '{ sctp . 9899 }' | grep -q "$ip . 36412"
	in_ns host nft get element inet heddle port6 '{ sctp . 9899 }' | grep -q "$ip6 . 36412"
}

@test "the keys that go-cni writes, and null for no ports" {
	publish c1 '{"HostPort":8080,"ContainerPort":80,"Protocol":"TCP","HostIP":"0.0.0.0"}
		{"HostPort":8081,"ContainerPort":80,"Protocol":"","HostIP":""}'
	serve c1 80
	assert_answer "c1 80 $OUTSIDE4" outside tcp "$WAN4" 8080
	assert_answer "c1 80 $OUTSIDE6" outside tcp "$WAN6" 8081
	plug c2
	add c2 '' '.runtimeConfig.portMappings = null'
	assert_ok
	assert_json '. == $prev' --argjson prev "$prev"
}

@test "the same mapping twice in one request" {
	publish c1 "$(mapping 8080 80) $(mapping 8080 80) $(mapping 8080 80 tcp 0.0.0.0) $(mapping 8080 80 tcp ::)"
	serve c1 80
	assert_answer "c1 80 $OUTSIDE4" outside tcp "$WAN4" 8080
	assert_answer "c1 80 $OUTSIDE6" outside tcp "$WAN6" 8080
	unpublish c1 "$(mapping 8080 80) $(mapping 8080 80 tcp 0.0.0.0)"
	assert_unpublished
}

@test "values that cannot be" {
	plug c1
	add c1 "$(mapping 8080 80 tcp ::1)"
	assert_error 7 'portMappings[0].hostIP' ::1 "127.0.0.1"
	add c1 "$(mapping 8080 80) $(mapping 8080 81)"
	assert_error 7 "8080" "80" "81"
	add c1 "$(mapping 8080 80) $(mapping 8080 81 tcp 0.0.0.0)"
	assert_error 7 "8080" "80" "81"
	add c1 "$(mapping 0 80)"
	assert_error 7 'portMappings[0].hostPort'
	add c1 '{"hostPort":80}'
	assert_error 7 'portMappings[0]' containerPort
	add c1 "$(mapping 65530 80 | jq -c '.range = 7')"
	assert_error 7 65535
	add c1 "$(mapping 8080 80 icmp)"
	assert_error 7 'portMappings[0].protocol' icmp
	add c1 "$(mapping 8080 80)" '.backend = "pf"'
	assert_error 7 backend pf
	add c1 "$(mapping 8080 80)" 'del(.prevResult)'
	assert_error 7 prevResult
	add c1 "$(mapping 8080 80)" 'del(.prevResult.ips)'
	assert_error 7 prevResult eth0
	assert_unpublished
}

# ---- snat, masqAll ------------------------------------------------------------

@test "snat false: the container sees who asks, and 127.0.0.1 is not served" {
	publish c1 "$(mapping 8080 80)" '.snat = false'
	serve c1 80
	assert_answer "c1 80 $OUTSIDE4" outside tcp "$WAN4" 8080
	assert_answer "c1 80 $WAN4" host tcp "$WAN4" 8080
	[[ $(ask host briefly tcp 127.0.0.1 8080) != c1* ]]
	[[ $(in_ns host sysctl -n net.ipv4.conf.pub0.route_localnet) == 0 ]]
	unpublish c1 "$(mapping 8080 80)" '.snat = false'
	assert_unpublished
}

@test "masqAll: everybody comes with the host's address" {
	publish c1 "$(mapping 8080 80)" '.masqAll = true'
	publish c2 "$(mapping 8081 80)"
	serve c1 80
	serve c2 80
	assert_answer "c1 80 10.75.0.1" outside tcp "$WAN4" 8080
	assert_answer "c1 80 fd00:75::1" outside tcp "$WAN6" 8080
	assert_answer "c2 80 $OUTSIDE4" outside tcp "$WAN4" 8081
	unpublish c1 "$(mapping 8080 80)" '.masqAll = true'
	unpublish c2 "$(mapping 8081 80)"
	assert_unpublished
}

# ---- conditions ---------------------------------------------------------------

# Every other client is one that they do not hold for.
ONLY_OUTSIDE='.conditionsV4 = ["ip saddr '$OUTSIDE4'"] | .conditionsV6 = ["ip6 saddr != 2001:db8::1", "iifname", "wan*"]'

@test "conditions: the port is open to whom they hold for, and to nobody else" {
	local ports from
	ports="$(mapping 8080 80) $(mapping 5353 53 udp "$WAN4") $(mapping 5353 53 udp "$WAN6")"
	plug c2
	publish c1 "$ports" "$ONLY_OUTSIDE"
	serve c1 80 53
	assert_answer "c1 80 $OUTSIDE4"$'\n'"c1 80 $OUTSIDE6" outside tcp "$WAN4" 8080 , tcp "$WAN6" 8080
	assert_answer "c1 53 $OUTSIDE4"$'\n'"c1 53 $OUTSIDE6" outside udp "$WAN4" 5353 , udp "$WAN6" 5353
	assert_closed host tcp 127.0.0.1 8080
	for from in host c1 c2; do
		assert_closed "$from" tcp "$WAN4" 8080
		assert_closed "$from" tcp "$WAN6" 8080
		assert_closed "$from" udp "$WAN4" 5353
		assert_closed "$from" udp "$WAN6" 5353
	done
	cni CHECK portmap "$(publishing "$ports" "$ONLY_OUTSIDE")" c1 c1 eth0
	assert_silent
	[[ $(gates | wc -l) == 2 ]]
	unpublish c1 "$ports" "$ONLY_OUTSIDE"
	assert_unpublished
}

@test "conditions: of one family, the other is open; several values, and several conditions" {
	publish c1 "$(mapping 8080 80) $(mapping 8081 80) $(mapping 8082 80)" \
		'.conditionsV4 = ["ip saddr", "{ 198.51.100.0/24, 203.0.113.2-203.0.113.9 }", "tcp dport { 8080, 8082 }"]'
	serve c1 80
	assert_answer "c1 80 $OUTSIDE4"$'\n'"c1 80 $OUTSIDE4" outside tcp "$WAN4" 8080 , tcp "$WAN4" 8082
	assert_closed outside tcp "$WAN4" 8081
	assert_closed host tcp "$WAN4" 8080
	assert_answer "c1 80 $OUTSIDE6" outside tcp "$WAN6" 8081
	assert_answer "c1 80 *" host tcp "$WAN6" 8080
}

@test "conditions: of a family without ports there is no chain, and none is missed" {
	publish c1 "$(mapping 8080 80 tcp "$WAN4")" "$ONLY_OUTSIDE"
	publish c2 "$(mapping 8081 80 tcp "$WAN6")" "$ONLY_OUTSIDE"
	[[ $(gates | wc -l) == 2 ]]
	unpublish c2 "$(mapping 8081 80 tcp "$WAN6")" "$ONLY_OUTSIDE"
	[[ $(gates | wc -l) == 1 ]]
	with c1
	cni CHECK portmap "$(publishing "$(mapping 8080 80 tcp "$WAN4")" "$ONLY_OUTSIDE")" c1 c1 eth0
	assert_silent
}

@test "conditions: a mark of the host's own rules" {
	in_ns host nft -f - <<-'END'
		table ip marks {
			chain prerouting { type filter hook prerouting priority mangle; iifname "wan0" meta mark set 0x1100; }
		}
	END
	publish c1 "$(mapping 8080 80)" '.conditionsV4 = ["meta mark & 0xff00 == 0x1100"]'
	serve c1 80
	assert_answer "c1 80 $OUTSIDE4" outside tcp "$WAN4" 8080
	assert_closed host tcp "$WAN4" 8080
}

@test "conditions: a port is one network's, whatever its conditions; one address goes before all" {
	publish c1 "$(mapping 8080 80)" "$ONLY_OUTSIDE"
	plug c2
	add c2 "$(mapping 8080 81)" '.name = "other" | .conditionsV4 = ["ip saddr 10.0.0.0/8"]'
	assert_error 999 8080 "published c1 eth0"
	[[ $(gates | wc -l) == 2 ]]
	unpublish c1 "$(mapping 8080 80)" "$ONLY_OUTSIDE"
	# Where the conditions of the one address do not hold, nobody else's mapping takes its place.
	with c2
	add c2 "$(mapping 8080 81 tcp "$WAN4") $(mapping 8080 81 tcp "$WAN6")" \
		'.name = "other" | .conditionsV4 = ["ip saddr != '"$OUTSIDE4"'"]'
	assert_ok
	with c1
	add c1 "$(mapping 8080 80)" "$ONLY_OUTSIDE"
	assert_ok
	serve c1 80
	serve c2 81
	assert_closed outside tcp "$WAN4" 8080
	assert_answer "c2 81 *" host tcp "$WAN4" 8080
	assert_answer "c2 81 $OUTSIDE6" outside tcp "$WAN6" 8080
	assert_closed host tcp 127.0.0.1 8080
}

@test "conditions: two attachments of a container, of which one has them" {
	publish c1 "$(mapping 8080 80)"
	serve c1 80
	cni ADD bridge "$(conf bridge-dual-stack)" c1 c1 eth1
	assert_ok
	prev=$out
	cni ADD portmap "$(publishing "$(mapping 8080 80) $(mapping 8081 80)" '.name = "dual-stack" | '"$ONLY_OUTSIDE")" c1 c1 eth1
	assert_ok
	cni CHECK portmap "$(publishing "$(mapping 8080 80) $(mapping 8081 80)" '.name = "dual-stack" | '"$ONLY_OUTSIDE")" c1 c1 eth1
	assert_silent
	assert_answer "c1 80 *" host tcp "$WAN4" 8080
	assert_closed host tcp "$WAN4" 8081
}

@test "conditions: when they change, each container has those of its time" {
	local now='.conditionsV4 = ["ip saddr != '$OUTSIDE4'"]'
	publish c1 "$(mapping 8080 80)" "$ONLY_OUTSIDE"
	publish c2 "$(mapping 8081 80)" "$now"
	serve c1 80
	serve c2 80
	assert_answer "c1 80 $OUTSIDE4" outside tcp "$WAN4" 8080
	assert_closed outside tcp "$WAN4" 8081
	assert_answer "c2 80 *" host tcp "$WAN4" 8081
	[[ $(gates | wc -l) == 3 ]]
	unpublish c1 "$(mapping 8080 80)" "$now"
	[[ $(gates | wc -l) == 1 ]]
	unpublish c2 "$(mapping 8081 80)"
	assert_unpublished
}

@test "conditions: DEL without runtimeConfig, prevResult or the keys; GC" {
	local filter
	plug c1
	for filter in '.' 'del(.runtimeConfig)' 'del(.prevResult)' 'del(.conditionsV4, .conditionsV6)' \
		'.conditionsV4 = ["-s"]' '.backend = "iptables"'; do
		add c1 "$(mapping 8080 80) $(mapping 8081 81 tcp "$WAN4")" "$ONLY_OUTSIDE"
		assert_ok
		cni DEL portmap "$(publishing "$(mapping 8080 80) $(mapping 8081 81 tcp "$WAN4")" "$ONLY_OUTSIDE | $filter")" c1 "" eth0
		assert_silent
		assert_unpublished
	done
	add c1 "$(mapping 8080 80)" "$ONLY_OUTSIDE"
	prev=
	gc "$(chained portmap portmap)" c1/eth0
	[[ $(gates | wc -l) == 2 ]]
	gc "$(chained portmap portmap '.name = "other"')"
	[[ $(gates | wc -l) == 2 ]]
	gc "$(chained portmap portmap)"
	assert_silent
	assert_unpublished
}

@test "conditions: flushed rules open nothing, CHECK sees it, and an ADD restores them" {
	local config gate
	publish c1 "$(mapping 8080 80)" "$ONLY_OUTSIDE"
	config=$(publishing "$(mapping 8080 80)" "$ONLY_OUTSIDE")
	serve c1 80
	for gate in $(gates); do
		in_ns host nft flush chain inet heddle "$gate"
		cni CHECK portmap "$config" c1 c1 eth0
		assert_error 100 "$gate"
		add c1 "$(mapping 8080 80)" "$ONLY_OUTSIDE"
		assert_ok
	done
	cni CHECK portmap "$config" c1 c1 eth0
	assert_silent
	in_ns host nft flush table inet heddle
	publish c2 "$(mapping 8081 80)"
	assert_closed outside tcp "$WAN4" 8080
	assert_closed host tcp "$WAN6" 8080
	with c1
	add c1 "$(mapping 8080 80)" "$ONLY_OUTSIDE"
	assert_answer "c1 80 $OUTSIDE4" outside tcp "$WAN4" 8080
	in_ns host nft list ruleset >"$BATS_TEST_TMPDIR/saved"
	in_ns host nft flush ruleset
	in_ns host nft -f "$BATS_TEST_TMPDIR/saved"
	assert_answer "c1 80 $OUTSIDE4" outside tcp "$WAN4" 8080
	cni CHECK portmap "$config" c1 c1 eth0
	assert_silent
}

@test "conditions: words that cannot be" {
	plug c1
	add c1 "$(mapping 8080 80)" '.conditionsV4 = ["ip saddr 10.0.0.0/8", "!", "-i", "eth0"]'
	assert_error 7 'conditionsV4[1]' '"!"' "!="
	add c1 "$(mapping 8080 80)" '.conditionsV6 = ["ip saddr 10.0.0.0/8"]'
	assert_error 7 'conditionsV6[0]' "conditions for IPv6 ask for ip6"
	add c1 "$(mapping 8080 80)" '.conditionsV4 = "ip saddr 10.0.0.0/8"'
	assert_error 7 conditionsV4
	cni STATUS portmap "$(chained portmap portmap '.conditionsV4 = ["tcp flags syn"]')"
	assert_error 7 'conditionsV4[0]' '"flags"' "ip saddr"
	assert_unpublished
}

# ---- whose port ---------------------------------------------------------------

@test "a port that is taken is refused by its owner's name, and the DEL that follows harms nobody" {
	publish c1 "$(mapping 8080 80)"
	serve c1 80
	plug c2
	add c2 "$(mapping 8082 80) $(mapping 8080 80)"
	assert_error 999 8080 "published c1 eth0"
	unpublish c2 "$(mapping 8082 80) $(mapping 8080 80)"
	assert_answer "c1 80 $OUTSIDE4" outside tcp "$WAN4" 8080
	assert_closed outside tcp "$WAN4" 8082
}

@test "one address under a mapping for all is refused, a mapping for all beside one address is not" {
	publish c1 "$(mapping 8080 80)"
	plug c2
	add c2 "$(mapping 8080 80 tcp "$WAN4")"
	assert_error 7 8080 "$WAN4" "published c1 eth0"
	unpublish c1 "$(mapping 8080 80)"
	with c2
	add c2 "$(mapping 8080 81 tcp "$WAN4")"
	assert_ok
	with c1
	add c1 "$(mapping 8080 80)"
	assert_ok
	serve c1 80
	serve c2 81
	assert_answer "c2 81 $OUTSIDE4" outside tcp "$WAN4" 8080
	assert_answer "c1 80 $OUTSIDE6" outside tcp "$WAN6" 8080
	assert_answer "c1 80 *" host tcp 127.0.0.1 8080
}

@test "ADD again is content with what is there" {
	publish c1 "$(mapping 8080 80)"
	add c1 "$(mapping 8080 80)"
	assert_ok
	unpublish c1 "$(mapping 8080 80)"
	assert_unpublished
}

@test "two attachments of a container with the same ports, as engines ask for" {
	local first other
	publish c1 "$(mapping 8080 80)"
	first=$prev
	other=$(conf bridge-dual-stack)
	cni ADD bridge "$other" c1 c1 eth1
	assert_ok
	prev=$out
	cni ADD portmap "$(publishing "$(mapping 8080 80) $(mapping 8081 80)" '.name = "dual-stack"')" c1 c1 eth1
	assert_ok
	cni CHECK portmap "$(publishing "$(mapping 8080 80) $(mapping 8081 80)" '.name = "dual-stack"')" c1 c1 eth1
	assert_silent
	serve c1 80
	assert_answer "c1 80 *" host tcp "$WAN4" 8080
	assert_answer "c1 80 *" host tcp "$WAN4" 8081
	# Each takes its own away.
	cni DEL portmap "$(publishing "$(mapping 8080 80) $(mapping 8081 80)" '.name = "dual-stack"')" c1 c1 eth1
	assert_silent
	assert_answer "c1 80 *" host tcp "$WAN4" 8080
	assert_closed host tcp "$WAN4" 8081
	prev=$first
	cni DEL portmap "$(publishing "$(mapping 8080 80)")" c1 c1 eth0
	assert_silent
	assert_unpublished
}

@test "two attachments of a container to one network" {
	local first
	publish c1 "$(mapping 8080 80)"
	first=$prev
	cni ADD bridge "$(conf portmap '.isDefaultGateway = false | .isGateway = true')" c1 c1 eth1
	assert_ok
	prev=$out
	cni ADD portmap "$(publishing "$(mapping 8081 80)")" c1 c1 eth1
	assert_ok
	cni DEL portmap "$(publishing "$(mapping 8081 80)")" c1 c1 eth1
	assert_silent
	serve c1 80
	assert_answer "c1 80 *" host tcp "$WAN4" 8080
	assert_closed host tcp "$WAN4" 8081
	prev=$first
	cni DEL portmap "$(publishing "$(mapping 8080 80)")" c1 c1 eth0
	assert_unpublished
}

# ---- DEL, GC, CHECK -----------------------------------------------------------

@test "DEL without runtimeConfig, prevResult or netns, twice, before any ADD" {
	local ports dels filter
	ports="$(mapping 8080 80) $(mapping 8080 80 udp "$WAN4") $(mapping 9000 90 | jq -c '.range = 5')"
	plug c2
	add c2 "$(mapping 7000 80)"
	dels=('.' 'del(.runtimeConfig)' 'del(.prevResult)' 'del(.runtimeConfig, .prevResult)'
		'.runtimeConfig.portMappings = "x"'
		'.runtimeConfig.portMappings[0].hostPort = 1' '.backend = "pf"'
		'.runtimeConfig.portMappings |= .[:1]' '.runtimeConfig.portMappings |= .[1:]')
	plug c1
	cni DEL portmap "$(publishing "$ports")" c1 c1 eth0
	assert_silent
	for filter in "${dels[@]}"; do
		add c1 "$ports" '.masqAll = true'
		assert_ok
		cni DEL portmap "$(publishing "$ports" "$filter")" c1 "" eth0
		assert_silent
		[[ $(published | grep -c 'published c1') == 0 ]] || fail "left by DEL with $filter: $(published)"
		cni DEL portmap "$(publishing "$ports" "$filter")" c1 "" eth0
		assert_silent
	done
	[[ $(published | wc -l) == 4 ]]
	unpublish c2 "$(mapping 7000 80)"
	assert_unpublished
}

@test "DEL in a namespace without our table makes none" {
	plug c1 '.ipMasq = false'
	in_ns host nft flush ruleset
	cni DEL portmap "$(publishing "$(mapping 8080 80)")" c1 c1 eth0
	assert_silent
	[[ -z $(in_ns host nft list ruleset) ]]
}

@test "GC closes the ports of attachments that are gone" {
	publish c1 "$(mapping 8080 80) $(mapping 8080 80 udp "$WAN4")"
	publish c2 "$(mapping 8081 80)"
	serve c2 80
	prev=
	gc "$(chained portmap portmap)" c2/eth0
	assert_silent
	[[ $(published | grep -c "published c1") == 0 ]]
	assert_answer "c2 80 $OUTSIDE4" outside tcp "$WAN4" 8081
	gc "$(chained portmap portmap '.name = "other"')"
	assert_silent
	assert_answer "c2 80 $OUTSIDE4" outside tcp "$WAN4" 8081
	gc "$(chained portmap portmap)"
	assert_silent
	assert_unpublished
}

@test "CHECK finds a mapping that is missing, and a table without its rules" {
	local config
	publish c1 "$(mapping 8080 80)"
	config=$(publishing "$(mapping 8080 80)")
	cni CHECK portmap "$config" c1 c1 eth0
	assert_silent
	in_ns host nft delete element inet heddle port4 '{ tcp . 8080 }'
	cni CHECK portmap "$config" c1 c1 eth0
	assert_error 100 8080 port4
	in_ns host nft flush ruleset
	cni CHECK portmap "$config" c1 c1 eth0
	assert_error 100 "table inet heddle"
	# As `podman network reload` does it.
	unpublish c1 "$(mapping 8080 80)"
	add c1 "$(mapping 8080 80)"
	assert_ok
	serve c1 80
	assert_answer "c1 80 $OUTSIDE4" outside tcp "$WAN4" 8080
}

@test "STATUS" {
	cni STATUS portmap "$(chained portmap portmap)"
	assert_silent
	cni STATUS portmap "$(chained portmap portmap '.backend = "pf"')"
	assert_error 7 backend
}

# ---- tracked connections ------------------------------------------------------

@test "a UDP client that keeps its port reaches the new container at once" {
	publish c1 "$(mapping 5353 53 udp)"
	plug c2
	# That of another port is looked for at the end.
	in_ns host sysctl -qw net.netfilter.nf_conntrack_udp_timeout=600
	serve c1 53
	serve c2 53
	assert_answer "c1 53 $OUTSIDE4" outside udp "$WAN4" 5353 40000
	assert_answer "c1 53 $OUTSIDE6" outside udp "$WAN6" 5353 40000
	# A client of another port is none of theirs.
	serve outside 7000
	assert_answer "outside 7000 *" host udp "$OUTSIDE4" 7000
	unpublish c1 "$(mapping 5353 53 udp)"
	with c2
	add c2 "$(mapping 5353 53 udp)"
	assert_ok
	assert_answer "c2 53 $OUTSIDE4" outside udp "$WAN4" 5353 40000
	assert_answer "c2 53 $OUTSIDE6" outside udp "$WAN6" 5353 40000
	unpublish c2 "$(mapping 5353 53 udp)"
	wait_for 30 eval '[[ -z $(flows udp 5353) ]]'
	[[ -n $(flows udp 7000) ]]
}

@test "a UDP client that asked before anything was published reaches the container" {
	plug c1
	serve c1 53
	assert_closed outside udp "$WAN4" 5353 40000
	[[ -n $(flows udp 5353) ]]
	add c1 "$(mapping 5353 53 udp)"
	assert_ok
	assert_answer "c1 53 $OUTSIDE4" outside udp "$WAN4" 5353 40000
}

@test "DEL without runtimeConfig forgets the flows, too" {
	publish c1 "$(mapping 5353 53 udp)"
	serve c1 53
	assert_answer "c1 53 $OUTSIDE4" outside udp "$WAN4" 5353 40000
	with c1
	cni DEL portmap "$(publishing '' 'del(.runtimeConfig)')" c1 "" eth0
	assert_silent
	wait_for 30 eval '[[ -z $(flows udp 5353) ]]'
}

# ---- listeners ----------------------------------------------------------------

@test "a program of the host that listens on the port is worth a warning, no more" {
	serve host 8080 8081
	publish c1 "$(mapping 8080 80) $(mapping 8081 80 udp "$WAN4") $(mapping 8082 80)"
	[[ $errout == *"tcp port 8080"* && $errout == *"udp port 8081"* && $errout != *8082* ]] ||
		fail "no such warning"
	[[ $(wc -l <<<"$errout") == 2 ]] || fail "more than two lines"
	serve c1 80
	assert_answer "c1 80 $OUTSIDE4" outside tcp "$WAN4" 8080
	unpublish c1 "$(mapping 8080 80) $(mapping 8081 80 udp "$WAN4") $(mapping 8082 80)"
	[[ -z $errout ]]
	assert_answer "host 8080 $OUTSIDE4" outside tcp "$WAN4" 8080
}

# ---- backend "iptables" -------------------------------------------------------

IPTABLES='.backend = "iptables"'

nat_rules() { in_ns "$1" iptables -t nat -S && in_ns "$1" ip6tables -t nat -S; }

# The chains that all share stay.
assert_no_rules() {
	[[ $(nat_rules host | grep -cE -- 'CNI-DN-') == 0 ]] || fail "rules left: $(nat_rules host)"
}

@test "backend iptables: reached from outside, the host, itself and a neighbour" {
	local ports
	br_netfilter 1
	ports="$(mapping 8080 80) $(mapping 5353 53 udp)"
	plug c2
	publish c1 "$ports" "$IPTABLES"
	assert_unpublished
	serve c1 80 53
	assert_reached c1 tcp 8080 80
	assert_reached c1 udp 5353 53
	cni CHECK portmap "$(publishing "$ports" "$IPTABLES")" c1 c1 eth0
	assert_silent
	unpublish c1 "$ports" "$IPTABLES"
	assert_no_rules
	assert_closed outside tcp "$WAN4" 8080
	[[ -z $(flows udp 5353) ]]
	cni CHECK portmap "$(publishing "$ports" "$IPTABLES")" c1 c1 eth0
	assert_error 100 CNI-HOSTPORT-DNAT
}

@test "backend iptables: the rules are the reference's" {
	local ports config
	reference portmap
	netns_add host-reference
	in_ns host-reference ip link set lo up
	in_ns host-reference ip link add pub0 up type bridge
	in_ns host-reference ip addr add 10.75.0.1/24 dev pub0	# for its route_localnet
	plug c1
	ports="$(seq 8000 8019 | while read -r n; do mapping "$n" 80; done) $(mapping 5353 53 udp)"
	for config in '.' '.snat = false' '.markMasqBit = 5' '.conditionsV4 = ["!", "-s", "10.9.0.0/16"]
		| .conditionsV6 = ["-m", "comment", "--comment", "a \"b\" c"]'; do
		in_ns host iptables -t nat -F && in_ns host iptables -t nat -X
		in_ns host ip6tables -t nat -F && in_ns host ip6tables -t nat -X
		in_ns host-reference iptables -t nat -F && in_ns host-reference iptables -t nat -X
		in_ns host-reference ip6tables -t nat -F && in_ns host-reference ip6tables -t nat -X
		add c1 "$ports" "$IPTABLES | $config"
		assert_ok
		capture feed "$(publishing "$ports" "$config | .cniVersion = \"1.0.0\" | .prevResult.cniVersion = \"1.0.0\"")" \
			env CNI_COMMAND=ADD CNI_PATH=/usr/lib/cni CNI_CONTAINERID=c1 CNI_NETNS="$(netns_path c1)" \
			CNI_IFNAME=eth0 nsenter --net="$(netns_path host-reference)" -- /usr/lib/cni/portmap
		assert_ok
		diff <(nat_rules host) <(nat_rules host-reference) || fail "the rules differ with $config"
	done
}

@test "backend iptables: a chain of somebody else sets the mark" {
	publish c1 "$(mapping 8080 80)" "$IPTABLES"
	unpublish c1 "$(mapping 8080 80)" "$IPTABLES"
	in_ns host iptables -t nat -N THEIR-MARK
	in_ns host ip6tables -t nat -N THEIR-MARK
	with c1
	add c1 "$(mapping 8080 80)" "$IPTABLES"' | .externalSetMarkChain = "THEIR-MARK"'
	assert_ok
	[[ $(nat_rules host | grep -c -- '-j THEIR-MARK') == 3 ]]
	add c1 "$(mapping 8080 80)" '.externalSetMarkChain = "THEIR-MARK"'
	assert_error 2 externalSetMarkChain iptables
	add c1 "$(mapping 8080 80)" '.conditionsV4 = ["-s", "10.0.0.0/8"]'
	assert_error 7 'conditionsV4[0]' '"-s"' "ip saddr" 'backend "iptables"'
	add c1 "$(mapping 8080 80)" "$IPTABLES"' | .conditionsV4 = ["a\n-A X"]'
	assert_error 7 'conditionsV4[0]' "line break"
	add c1 "$(mapping 8080 80)" "$IPTABLES"' | .externalSetMarkChain = "A B"'
	assert_error 7 externalSetMarkChain
}

@test "backend iptables: a port that is taken is refused, and the DEL that follows harms nobody" {
	publish c1 "$(mapping 8080 80)" "$IPTABLES"
	serve c1 80
	plug c2
	add c2 "$(mapping 8082 80) $(mapping 8080 80)" "$IPTABLES"
	assert_error 999 8080 "published c1"
	unpublish c2 "$(mapping 8082 80) $(mapping 8080 80)" "$IPTABLES"
	assert_answer "c1 80 $OUTSIDE4" outside tcp "$WAN4" 8080
	assert_closed outside tcp "$WAN4" 8082
}

@test "backend iptables: DEL without runtimeConfig, prevResult or netns, twice, before any ADD" {
	local ports filter
	ports="$(mapping 8080 80) $(mapping 8080 80 udp "$WAN4")"
	plug c1
	cni DEL portmap "$(publishing "$ports" "$IPTABLES")" c1 c1 eth0
	assert_silent
	[[ $(nat_rules host | grep -c CNI-DN-) == 0 ]]
	for filter in '.' 'del(.runtimeConfig, .prevResult)' '.runtimeConfig.portMappings = 7'; do
		add c1 "$ports" "$IPTABLES"
		assert_ok
		[[ $(nat_rules host | grep -c CNI-DN-) -gt 5 ]]
		cni DEL portmap "$(publishing "$ports" "$IPTABLES | $filter")" c1 "" eth0
		assert_silent
		assert_no_rules
		cni DEL portmap "$(publishing "$ports" "$IPTABLES | $filter")" c1 "" eth0
		assert_silent
	done
	# What an earlier config left goes with it, whichever of the two it was.
	add c1 "$ports"
	assert_ok
	cni DEL portmap "$(publishing "$ports" "$IPTABLES")" c1 "" eth0
	assert_silent
	assert_unpublished
	for filter in '.' 'del(.runtimeConfig, .prevResult)'; do
		add c1 "$ports" "$IPTABLES"
		assert_ok
		cni DEL portmap "$(publishing "$ports" "$filter")" c1 "" eth0
		assert_silent
		assert_no_rules
	done
}

@test "ports that the reference published close with our DEL" {
	local config
	reference portmap
	plug c1
	config=$(publishing "$(mapping 8080 80)" '.cniVersion = "1.0.0" | .prevResult.cniVersion = "1.0.0"')
	cni_reference ADD portmap "$config" c1 c1 eth0
	assert_ok
	[[ $(nat_rules host | grep -c CNI-DN-) -gt 2 ]]
	cni DEL portmap "$config" c1 "" eth0
	assert_silent
	assert_no_rules
}

@test "backend iptables: GC, and two attachments of a container to one network" {
	publish c1 "$(mapping 8080 80)" "$IPTABLES"
	cni ADD bridge "$(conf portmap '.isDefaultGateway = false | .isGateway = true')" c1 c1 eth1
	assert_ok
	prev=$out
	cni ADD portmap "$(publishing "$(mapping 8081 80)" "$IPTABLES")" c1 c1 eth1
	assert_ok
	serve c1 80
	assert_answer "c1 80 *" host tcp "$WAN4" 8081
	cni DEL portmap "$(publishing "$(mapping 8081 80)" "$IPTABLES")" c1 c1 eth1
	assert_silent
	assert_answer "c1 80 *" host tcp "$WAN4" 8080
	assert_closed host tcp "$WAN4" 8081
	prev=
	gc "$(chained portmap portmap "$IPTABLES")" c1/eth0
	assert_answer "c1 80 *" host tcp "$WAN4" 8080
	gc "$(chained portmap portmap "$IPTABLES")"
	assert_silent
	assert_no_rules
}

@test "backend iptables: the first ADDs, ten at once" {
	local base
	plug c1
	base=$(publishing '' "$IPTABLES")
	all_of_them ADD 10
	[[ $(in_ns host iptables -t nat -S PREROUTING | grep -c CNI-HOSTPORT-DNAT) == 1 ]]
	[[ $(in_ns host iptables -t nat -S CNI-HOSTPORT-MASQ | grep -c MASQUERADE) == 1 ]]
	[[ $(in_ns host iptables -t nat -S CNI-HOSTPORT-DNAT | grep -c 'j CNI-DN-') == 10 ]]
	all_of_them DEL 10
	assert_no_rules
}

# ---- many ---------------------------------------------------------------------

# calls CONFIG ID: how many system calls an ADD takes
calls() {
	capture feed "$1" env CNI_COMMAND=ADD CNI_PATH="$PLUGINS" CNI_CONTAINERID="$2" CNI_IFNAME=eth0 \
		CNI_NETNS="$(netns_path c1)" ASAN_OPTIONS=detect_leaks=0 nsenter --net="$(netns_path host)" -- \
		strace -f -c -S name -U name,calls -o "$BATS_TEST_TMPDIR/calls" "$PLUGINS/portmap"
	assert_ok
	grep -vE 'mmap|munmap|mprotect|brk|madvise' "$BATS_TEST_TMPDIR/calls"
}

@test "the work of an ADD is the same with 2,000 mappings present" {
	local before
	publish c2 "$(mapping 7000 80)"
	plug c1
	before=$(calls "$(publishing "$(mapping 8080 80)")" c1)
	unpublish c1 "$(mapping 8080 80)"
	with c2
	add c2 "$(mapping 10000 80 | jq -c '.range = 2000')" '.prevResult.ips[].address |= sub("/"; "9/") | .name = "many"'
	assert_ok
	[[ $(published | wc -l) -gt 4000 ]]
	with c1
	diff <(printf '%s\n' "$before") <(calls "$(publishing "$(mapping 8080 80)")" c1)
}

@test "all ports of a host" {
	plug c1
	serve c1 80 40000
	add c1 "$(mapping 1 1 | jq -c '.range = 65535')"
	assert_ok
	assert_answer "c1 40000 $OUTSIDE4" outside tcp "$WAN4" 40000
	assert_answer "c1 80 $OUTSIDE6" outside tcp "$WAN6" 80
	unpublish c1 "$(mapping 1 1 | jq -c '.range = 65535')"
	assert_unpublished
}

# one VERB NUMBER: ADD or DEL of three ports of container number NUMBER
one() {
	local n=$2 config
	config=$(jq -c --argjson n "$n" '.runtimeConfig.portMappings = [range(3) | {hostPort: (9000 + 3 * $n + .), containerPort: (80 + .)}]
		| .prevResult.ips = [.prevResult.ips[0] | .address = "10.75.0.\(100 + $n)/24"]' <<<"$base")
	feed "$config" env CNI_COMMAND="$1" CNI_CONTAINERID="many$n" CNI_IFNAME=eth0 CNI_PATH="$PLUGINS" \
		CNI_NETNS="$(netns_path c1)" nsenter --net="$(netns_path host)" -- "$PLUGINS/portmap" >/dev/null
}

# all_of_them VERB NUMBER: so many in parallel; each one's failure is the test's
all_of_them() {
	local n pids=() pid
	for ((n = 1; n <= $2; n++)); do
		one "$1" "$n" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || fail "one of them failed"
	done
}

@test "50 containers at once, three ports each" {
	local base
	plug c1
	base=$(publishing '')
	all_of_them ADD 50
	[[ $(published | wc -l) == $((50 * (3 + 1))) ]] || fail "$(published | wc -l) elements"
	all_of_them DEL 50
	assert_unpublished
}

@test "nothing is left of a whole list" {
	prev=
	chain_add portmap c1 c1 eth0
	chain_run CHECK portmap c1 c1 eth0
	chain_run DEL portmap c1 c1 eth0
	in_ns host ip link del wan0
	assert_nothing_left
}
