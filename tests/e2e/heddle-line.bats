#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The command line itself: its help, its errors, and what shells complete.

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # jq programs; bats runs each test in a subshell
load lib
load heddle

setup() {
	lab_setup
	heddle_setup
}
teardown() { lab_teardown; }

heddle() { in_ns host "${HEDDLE_CMD[@]}" "$@"; }

# completes WORD…: what bash offers for the last one, in $offered
completes() {
	local line
	printf -v line '%q ' "$@"
	offered=$(PATH=$BATS_TEST_TMPDIR/bin:$PATH in_ns host bash -c "
		source '$TOP_DIR/completions/heddle.bash'
		COMP_WORDS=(heddle $line) COMP_CWORD=$#
		_heddle
		printf '%s\n' \"\${COMPREPLY[@]}\"")
}

# offers WORD…: each is among them
offers() {
	local word
	for word; do
		grep -qxF -e "$word" <<<"$offered" || fail "should be offered: $word; there are: $offered"
	done
}

# zsh_completes WORD…: the same by zsh, whose _describe prints what it is given
zsh_completes() {
	offered=$(PATH=$BATS_TEST_TMPDIR/bin:$PATH in_ns host zsh -f -c '
		_describe() { print -l -- ${(P)4} }
		compadd() { print -l -- $@ }
		file=$1; shift
		words=(heddle "$@"); CURRENT=$#words; PREFIX=$words[-1]
		source $file' zsh "$TOP_DIR/completions/_heddle" "$@")
}

@test "bash completes commands, options, networks and attachments" {
	heddle network create lows-network >/dev/null
	netns_add c1
	heddle attach --name web --network lows-network "$(netns_path c1)" >/dev/null

	completes ''
	offers network attach detach gc doctor
	completes network ''
	offers create ls rm inspect connect
	completes node ''
	offers ls inspect drain forget
	completes key rotate ''
	offers add use remove
	completes node forget --
	offers --dry-run --wait
	completes gc --
	offers --dry-run --json --help
	completes network rm l
	offers lows-network
	completes --json network inspect l
	offers lows-network
	completes detach ''
	offers web
	completes attach --network l
	offers lows-network
	completes network create --driver ''
	offers bridge macvlan
	completes install --engine ''
	offers podman containerd docker crio lxc
	completes network create -
	offers --subnet --ip-range
	completes attach heddle-e2e-$$
	offers "$(netns_name c1)"
}

@test "bash asks the directories that the line names" {
	HEDDLE_CMD=("$HEDDLE")
	heddle --cni-conf-dir "$BATS_TEST_TMPDIR/other" --cache-dir "$CACHE_DIR" network create there >/dev/null
	completes --cni-conf-dir "$BATS_TEST_TMPDIR/other" network rm t
	offers there
}

@test "zsh completes the same" {
	heddle network create lows-network >/dev/null
	zsh -n "$TOP_DIR/completions/_heddle"
	zsh_completes ''
	offers 'gc:Remove what no live attachment owns'
	zsh_completes network ''
	offers 'create:Create a network'
	zsh_completes node ''
	offers 'ls:List the nodes of the cluster'
	zsh_completes gc --
	grep -q '^--dry-run:' <<<"$offered"
	zsh_completes network rm ''
	offers lows-network
	zsh_completes network create --driver ''
	offers macvlan
}

@test "an unknown command is answered with the one that was meant" {
	capture heddle netwrok
	[[ $status -eq 125 && -z $out ]]
	[[ $errout == "heddle: heddle has no command 'netwrok': did you mean 'network'?" ]]
	capture heddle network craete
	[[ $status -eq 125 && $errout == *"did you mean 'create'?" ]]
	capture heddle swarm
	[[ $status -eq 125 && $errout == *"see 'heddle --help'" ]]
}

@test "an unknown option is 125, as is an argument where none is taken" {
	capture heddle --frob
	[[ $status -eq 125 && $errout == *"'--frob'"* ]]
	capture heddle gc --frob
	[[ $status -eq 125 && $errout == *"heddle gc: unrecognized option '--frob'"* ]]
	capture heddle gc now
	[[ $status -eq 125 ]]
	capture heddle doctor now
	[[ $status -eq 125 ]]
}

@test "help is on stdout, for each command" {
	local word long
	for word in '' network gc doctor 'network create' 'network ls' attach; do
		# shellcheck disable=SC2086 # words
		capture heddle $word --help
		assert_ok
		[[ $out == *Usage:\ heddle* && -z $errout ]] || fail "help of heddle $word"
		long=$out
		# shellcheck disable=SC2086 # words
		capture heddle $word -h
		assert_ok
		[[ $out == "$long" ]] || fail "-h of heddle $word is other than --help"
	done
	capture heddle --version
	assert_ok
	[[ $out == "heddle "[0-9]* ]]
}

@test "aliases are Docker's" {
	heddle network create n >/dev/null
	capture heddle network list --quiet
	assert_ok
	capture heddle network remove n
	assert_ok
}

@test "directories come from the environment that engines read" {
	capture in_ns host env NETCONFPATH="$BATS_TEST_TMPDIR/net" CNI_PATH="$PLUGINS" \
		"$HEDDLE" --cache-dir "$CACHE_DIR" network create n
	assert_ok
	[[ -e $BATS_TEST_TMPDIR/net/zz-heddle-n.conflist ]]
}

@test "output that is lost is a failure" {
	capture bash -c '"$@" >/dev/full' bash "${HEDDLE_CMD[@]}" --help
	[[ $status -eq 1 && $errout == *'No space left'* ]]
}
