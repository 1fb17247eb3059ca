# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# heddle.bash - completion for bash
#
# Commands and options are what `heddle ... --help` lists, so nothing here has to
# follow them; networks and attachments are asked for.  Each call takes a few
# milliseconds.

# The command as it stands before the cursor, with its global options: "heddle
# --cni-conf-dir DIR network rm" is asked for help and for names as it was typed.
_heddle_ask() {
	"${_heddle_globals[@]}" "$@" 2>/dev/null
}

_heddle_commands() {
	_heddle_ask "$@" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p'
}

_heddle_options() {
	_heddle_ask "$@" --help | sed -n 's/^ \{2,6\}\(-[A-Za-z?], \)\{0,1\}\(--[a-z0-9-]*\).*/\2/p'
}

_heddle_networks() {
	_heddle_ask network ls --format '{{.Name}}'
}

_heddle_attachments() {
	_heddle_ask ps --format '{{.Name}}'
}

_heddle_namespaces() {
	command ip netns list 2>/dev/null | sed 's/ .*//'
}

_heddle_nodes() {
	_heddle_ask node ls --format '{{.Name}}'
}

# Commands that have commands.
_heddle_is_group() {
	case $* in
	'' | network | node | token | key | netd) return 0 ;;
	*) return 1 ;;
	esac
}

# _heddle_values OPTION: what an option takes; fails where that is not known
_heddle_values() {
	case $1 in
	--network | --config-from) _heddle_networks ;;
	--driver | -d) printf '%s\n' bridge macvlan overlay ;;
	--scope) printf '%s\n' local global swarm ;;
	--engine) printf '%s\n' podman containerd docker crio lxc ;;
	--cni-conf-dir | --state-dir | --cache-dir | --cni-plugin-path | --netd-socket | --root) compgen -d -- "$2" ;;
	*) return 1 ;;
	esac
}

# _heddle_names COMMAND...: what a command takes as its arguments
_heddle_names() {
	case $* in
	'network rm' | 'network inspect' | lxc-config | docker-join) _heddle_networks ;;
	'network connect' | 'network disconnect') _heddle_networks; _heddle_attachments ;;
	'node inspect' | 'node forget' | 'key seal') _heddle_nodes ;;
	'key rotate') printf '%s\n' add use remove ;;
	attach) _heddle_namespaces ;;
	detach | check) _heddle_attachments ;;
	esac
}

_heddle() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local -a _heddle_globals=("${COMP_WORDS[0]}") path=()
	local word i wanted

	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--cni-conf-dir | --state-dir | --cache-dir | --cni-plugin-path | --netd-socket)
			[[ ${COMP_WORDS[i + 1]} != = ]] || ((i++))
			[[ ${#path[@]} -gt 0 ]] || _heddle_globals+=("$word" "${COMP_WORDS[i + 1]}")
			((i++))
			;;
		-*) ;;
		*) ! _heddle_is_group "${path[*]}" || path+=("$word") ;;
		esac
	done

	if ! wanted=$(_heddle_values "$prev" "$cur"); then
		if [[ $cur == -* ]]; then
			wanted=$(_heddle_options "${path[@]}")
		elif _heddle_is_group "${path[*]}"; then
			wanted=$(_heddle_commands "${path[@]}")
		else
			wanted=$(_heddle_names "${path[@]}")
		fi
	fi
	mapfile -t COMPREPLY < <(compgen -W "$wanted" -- "$cur")
}

complete -F _heddle heddle
