# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# lxc - LXC containers, by our hooks; see cell

lxc_probe() { command -v lxc-start >/dev/null || { echo "lxc is not installed"; return 1; }; }
lxc_up() { :; }
lxc_down() { :; }

# lxc_config NAME NETWORK [ip=ADDRESS] [port=PORTS]
lxc_config() {
	local network option ports=''
	network=$(network_name "$2")
	for option in "${@:3}"; do
		case $option in
		ip=*) network+=":$option" ;;
		port=*) ports=" -p ${option#port=}" ;;
		esac
	done
	on_host mkdir -p "/var/lib/lxc/$1"
	{
		printf '%s\n' "lxc.uts.name = $1" "lxc.rootfs.path = dir:$STATE/rootfs" \
			"lxc.apparmor.profile = unconfined" "lxc.autodev = 0" "lxc.pty.max = 0" "lxc.tty.max = 0"
		if [[ $2 == host ]]; then
			echo "lxc.net.0.type = none"
		else
			sed -e "s|/usr/bin/heddle|$STATE/bin/heddle|" -e "s|lows-network -p 8080:80|$network$ports|" \
				"$REPO/conf-examples/lxc/hooks.conf"
		fi
	} | on_host tee "/var/lib/lxc/$1/config" >/dev/null
}

lxc_start() {
	lxc_config "$@"
	lxc_run "$1"
}

lxc_run() {
	on_host lxc-start -n "$1" -l INFO -o "$STATE/lxc.log" -d -- /bin/sleep 100000 </dev/null >/dev/null 2>&1 ||
		{ tail -n 5 "$STATE/lxc.log"; return 1; }
}

lxc_pid() { on_host lxc-info -n "$1" -pH; }

lxc_stop() {
	on_host lxc-stop -n "$1" -k >/dev/null 2>&1 || :
	on_host lxc-wait -n "$1" -s STOPPED -t "$PATIENCE"
}

# post-stop has run when the monitor has ended, a little after the container has.
lxc_remove() {
	lxc_stop "$1"
	wait_until lxc_is_detached "$1"
}

lxc_is_detached() { [[ -z $(on_host find /var/lib/cni/results -name "*-$1-*") ]]; }

# Without a daemon it is the containers that are started again.
lxc_restart() {
	local name
	for name; do
		lxc_remove "$name"
		lxc_run "$name"
	done
}

lxc_start_slowly() {
	lxc_config "$@"
	daemon_start create lxc-start -n "$1" -F -- /bin/sleep 100000
}

# Nobody calls post-stop for a monitor that was killed: gc has to find what is left.
lxc_recover() { lxc_stop "$1"; }
