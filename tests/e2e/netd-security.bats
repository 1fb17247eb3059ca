#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What strangers send, and who may join: refused, counted, and nothing else happens.

load netd.bash

setup() { netd_setup; }
teardown() { netd_teardown; }

join_fails() {
	run netd_run "$1" join "$2" "${3:-$(host_ip a)}"
	[[ $status -ne 0 && $output == *"$4"* ]] || { echo "$output" >&2; return 1; }
}

is_in_no_cluster() { [[ $(netd_ask "$1" status | jq -r .cluster.phase) == none ]]; }

frames() { netd_metric "$1" "heddle_netd_frames_total{verdict=\"$2\"}"; }
# A frame of an earlier boot of ours, as one of its sender is known again or not yet.
stale() { echo $(($(frames "$1" sealed) + $(frames "$1" replay))); }
dropped() { netd_metric "$1" "heddle_netd_port_dropped_total{reason=\"$2\"}"; }
handshakes() { netd_metric "$1" "heddle_netd_handshakes_total{outcome=\"$2\"}"; }

# key_seals HOST: the id of the key that seals, as frames carry it
key_seals() { netd_ask "$1" status | jq -r '.cluster.keys.keys[] | select(.seals).hash[:8]'; }

send() { on_host "$1" python3 "$NETD_E2E_DIR/netd.py" send "$(host_ip a)" "$NETD_PORT" "${@:2}"; }

@test "only a token that holds lets a node in" {
	local token past expires
	host_start a b c
	cluster_found a
	netd_start b c
	token=$(token_create a)

	join_fails b "${token%?}" "" "join token"
	join_fails b "${token/join-1-?/join-1-_}" "" "join token"
	join_fails b "$token" "$(host_ip c)" "not in a cluster"
	join_fails b "$token" 10.99.0.200 "10.99.0.200:$NETD_PORT"

	# Of another cluster: c's.
	netd_run c init
	join_fails b "$(token_create c)" "" "does not know the token's secret"

	past=$(netd_ask a token.create '{"ttl_s": 1}')
	expires=$(jq .expires <<<"$past")
	is_past() { (($(date +%s) > expires)); }
	wait_for is_past
	join_fails b "$(jq -r .token <<<"$past")" "" "expired"

	netd_ask a token.revoke "{\"token\": \"$token\"}"
	join_fails b "$token" "" "was revoked"
	[[ $(handshakes a revoked) -eq 1 ]]

	is_in_no_cluster b
	[[ $(nodes a) == "a alive" ]]
	cluster_join b a
	wait_for all_see_all a b
}

# tokens HOST TEMPLATE: as heddle lists them
tokens() { heddle "$1" token ls --format "$2" | sort; }
tokens_are() { [[ $(tokens "$1" '{{.ID}} {{.State}} {{.CreatedBy}} {{.RevokedBy}}') == "$(printf '%s\n' "${@:2}" | sort)" ]]; }
heddle() { on_host "$1" "${NETD_PLUGINS%/*}/heddle" "${@:2}"; }

@test "tokens are listed where they were made, and revoked by their ids, for good" {
	local one two join
	cluster_start a b
	host_start c
	netd_start c
	netd_ask a token.list | jq -e '.tokens | length == 1' # by which b has joined
	one=$(netd_ask a token.create) two=$(netd_ask a token.create '{"ttl_s": 86400}')
	join=$(jq -r .token <<<"$one") one=$(jq -r .id <<<"$one") two=$(jq -r .id <<<"$two")
	[[ $(heddle a token ls -q) == *"$one"* ]]
	[[ $(heddle a token ls) == *"$two"*valid* ]]
	[[ $(heddle a token ls --format json) != *heddle-join* ]]

	# By the id at another node, which never knew the token.
	heddle b token revoke "$one"
	wait_for tokens_have_state a "$one" "revoked a b"
	tokens_are b "$one revoked  b"
	join_fails c "$join" "" "was revoked"
	heddle a token revoke "$two"
	wait_for tokens_have_state b "$two" "revoked  a"

	# Nor after a start; what is no id is said.
	netd_stop a
	netd_start a
	tokens_have_state a "$one" "revoked a b"
	join_fails c "$join" "" "was revoked"
	run heddle a token revoke 0123456789abcdeX
	[[ $status -eq 1 && $output == *"token ls"* ]]
}

tokens_have_state() { tokens "$1" '{{.ID}} {{.State}} {{.CreatedBy}} {{.RevokedBy}}' | grep -qx "$2 $3"; }

@test "a name is one node's, and only an admitter admits" {
	cluster_start a b
	host_start c
	netd_configure c "name = b"
	on_host c sed -i '/^name = c/d' /run/netd.conf
	netd_start c
	join_fails c "$(token_create a)" "" "another member has this node's name"
	join_fails c "$(token_create a)" "$(host_ip b)" "no admitter"
	run netd_ask b token.create
	[[ $status -ne 0 && $output == *"no admitter"* ]]
	[[ $(handshakes a name) -eq 1 && $(handshakes b no-admitter) -eq 1 ]]
}

counted_more() { (($("${@:2}") > $1)); }

# refused COUNTER WHICH KIND [HEX]: c sends it, a counts it
refused() {
	local before
	before=$("$1" a "$2")
	send c "${@:3}"
	wait_for counted_more "$before" "$1" a "$2"
}

@test "datagrams that are no frames of the cluster's are counted and dropped" {
	local key
	cluster_start a b
	host_start c
	key=$(key_seals a)

	refused dropped empty empty
	refused dropped giant giant
	refused dropped giant huge
	refused frames junk short
	refused frames version zeros
	refused frames version version
	refused frames kind kind
	refused frames key unknown-key
	refused frames sealed forged "$key"
	refused frames sealed forged-hello "$key"

	all_see_all a b
	[[ $(nodes a) == $'a alive\nb alive' ]]
}

@test "frames that were caught are not let in again" {
	local caught frame
	cluster_start a b
	host_start c
	caught=$BATS_TEST_TMPDIR/caught
	on_host a python3 "$NETD_E2E_DIR/netd.py" catch 600 eth0 "$NETD_PORT" >"$caught" 3>&- &
	catches() { (($(wc -l <"$caught") > 5)); }
	wait_for catches
	kill $!
	# A message, kind 1, of b to a.
	frame=$(grep -m1 '^0101' "$caught")

	refused frames replay again "$frame"
	refused frames junk cut "$(cut -c1-160 <<<"$frame")"
	all_see_all a b

	# After a restart of its receiver it is for nobody.
	netd_stop a
	netd_start a
	refused stale "" again "$frame"
	refused stale "" bit "$frame"
	wait_for all_see_all a b
}

connections() { netd_metric "$1" "heddle_netd_connections_dropped_total{reason=\"$2\"}"; }

# closed COUNTER WHICH KIND: c connects so, and a closes it and counts it
closed() {
	local before
	before=$("$1" a "$2")
	on_host c timeout 60 python3 "$NETD_E2E_DIR/netd.py" connect "$(host_ip a)" \
		"$NETD_PORT" "$3"
	wait_for counted_more "$before" "$1" a "$2"
}

@test "connections that behave badly are closed" {
	host_start a c
	cluster_found a
	closed connections no-sense noise
	closed connections broken long-frame
	closed handshakes version bad-handshake
	closed handshakes unfinished long-handshake
	on_host c timeout 60 python3 "$NETD_E2E_DIR/netd.py" connect "$(host_ip a)" \
		"$NETD_PORT" no-kind
	[[ -z ${HEDDLE_FULL:-} ]] || closed connections no-sense silent
	netd_answers a
}

@test "who may not ask is not heard" {
	host_start a
	cluster_found a
	run on_host a setpriv --reuid 65534 --regid 65534 --clear-groups \
		socat -u OPEN:/dev/null UNIX-CONNECT:/run/heddle/netd.sock
	[[ $status -ne 0 && $output == *"Permission denied"* ]]
}

@test "an admitter makes another one" {
	local sealed
	cluster_start a b
	host_start c
	run netd_ask b admitter.seal '{"node": "a"}'
	[[ $status -ne 0 && $output == *"no admitter"* ]]
	sealed=$(netd_ask a admitter.seal '{"node": "b"}')
	# It is for b only.
	run netd_ask a admitter.open "$sealed"
	[[ $status -ne 0 && $output == *"not this cluster's key, sealed to this node"* ]]
	netd_ask b admitter.open "$sealed"
	cluster_join c b
	wait_for all_see_all a b c
}

# ---- keys ------------------------------------------------------------------------------

order_is() { [[ $(netd_ask "$1" status | jq .cluster.keys.order) -eq $2 ]]; }
holds_all() { netd_ask "$1" status | jq -e '.cluster.keys.keys | all(.held)' >/dev/null; }

# rotate STEP ORDER HOST…: a gives the order; all obey it, and have its keys
rotate() {
	local step=$1 order=$2 name
	shift 2
	[[ $(netd_ask a key.rotate "{\"step\": \"$step\"}" | jq .order) -eq $order ]]
	for name in a "$@"; do
		wait_for order_is "$name" "$order"
		wait_for holds_all "$name"
	done
}

@test "a key is rotated in steps, and the old one opens nothing" {
	need_full
	local key
	cluster_start a b
	host_start c
	key=$(key_seals a)
	run netd_ask b key.rotate '{"step": "add"}'
	[[ $status -ne 0 && $output == *"no admitter"* ]]
	run netd_ask a key.rotate '{"step": "use"}'
	[[ $status -ne 0 && $output == *"add one first"* ]]

	rotate add 2 b
	[[ $(key_seals b) == "$key" ]]
	rotate use 3 b
	[[ $(key_seals b) != "$key" ]]
	rotate remove 4 b
	refused frames key forged "$key"
	all_see_all a b
}

@test "who missed a rotation gets the keys by its identity" {
	need_full
	cluster_start a b c
	netd_stop c
	wait_for sees a c dead
	rotate add 2 b
	rotate use 3 b
	rotate remove 4 b
	netd_start c
	wait_at_most 120 order_is c 4
	wait_for all_see_all a b c
	(($(handshakes a rekeyed) + $(handshakes b rekeyed) > 0))

	# Who was forgotten does not.
	netd_stop c
	wait_for sees a c dead
	netd_ask a node.forget '{"node": "c"}'
	rotate add 5 b
	rotate use 6 b
	rotate remove 7 b
	netd_start c
	refuses() { [[ $(handshakes a forgotten) -gt 0 || $(handshakes b forgotten) -gt 0 ]]; }
	wait_at_most 120 refuses
	order_is c 4
}
