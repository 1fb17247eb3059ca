# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # netd.bash sets what it says
#
# systemd - a host of netd.bash with a real systemd as its process 1
#
# Its disk is that of this machine with `make install` over it, and what it writes is in memory;
# /run, /tmp, /var/lib, /var/log, /etc/cni and the enabled units are its own, and so are
# processes, mounts, control groups and, by netd.bash, the network.

SYSTEMD=/lib/systemd/systemd
CGROUP=heddle-systemd-$$

# install_into DIRECTORY: with the Makefile, what was built for this test
install_into() {
	local build=${NETD%/*}
	make --no-print-directory -C "$NETD_TOP_DIR" BUILD="${build#"$NETD_TOP_DIR/"}" DESTDIR="$1" install
}

# machine_disk DIRECTORY: makes DIRECTORY/root out of this machine's disk and DIRECTORY/image
machine_disk() {
	local layers=$1/layers d
	mount -t tmpfs tmpfs "$layers"
	mkdir "$layers/work" "$1/root"
	cp -a "$1/image" "$layers/upper"
	mount -t overlay -o "lowerdir=/,upperdir=$layers/upper,workdir=$layers/work" overlay "$1/root"
	cd "$1/root" || return
	for d in run tmp var/lib var/log etc/cni etc/systemd/system dev; do
		mkdir -p "$d"
		mount -t tmpfs -o mode=755 tmpfs "$d"
	done
	chmod 1777 tmp
	: >etc/fstab
	tr -d - </proc/sys/kernel/random/uuid >etc/machine-id
	mkdir -p ".$NETD_TOP_DIR"
	mount --bind "$NETD_TOP_DIR" ".$NETD_TOP_DIR"
	mount -t sysfs sysfs sys
	mount -t proc proc proc
	mkdir dev/pts dev/shm
	mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
	ln -s pts/ptmx dev/ptmx
	for d in null zero full random urandom tty; do
		: >"dev/$d"
		mount --bind "/dev/$d" "dev/$d"
	done
}

# machine_cgroup: a group of its own, which is all that it sees
machine_cgroup() {
	mount -t cgroup2 cgroup2 sys/fs/cgroup
	mkdir -p "sys/fs/cgroup/$CGROUP"
	echo 0 >"sys/fs/cgroup/$CGROUP/cgroup.procs"
	umount sys/fs/cgroup
}

machine_begin() {
	mount -t cgroup2 cgroup2 sys/fs/cgroup
	mkdir old
	pivot_root . old
	umount -l old
	exec env -i container=heddle PATH=/usr/sbin:/usr/bin:/sbin:/bin "$SYSTEMD" --system \
		--unit=basic.target --log-target=journal --show-status=no
}

# machine_boot HOST DIRECTORY: on_host and the rest of netd.bash then speak of this machine;
# DIRECTORY/image is what is installed
machine_boot() {
	local console=$2/console
	mkdir -p "$2/layers"
	export -f machine_disk machine_cgroup machine_begin
	export NETD_TOP_DIR CGROUP SYSTEMD
	# shellcheck disable=SC2016 # for the inner shells
	nsenter --target "${HOST_PIDS[$1]}" --net -- setpriv --pdeathsig KILL \
		unshare --mount --propagation private --pid --ipc --uts --fork --kill-child -- \
		bash -ec 'machine_disk "$0"; machine_cgroup; exec unshare --cgroup -- bash -ec machine_begin' "$2" \
		>"$console" 2>&1 </dev/null 3>&- &
	MACHINE=$!
	wait_for pgrep -P "$MACHINE" >/dev/null || skip "systemd does not start here: $(tail -1 "$console")"
	kill -KILL "${HOST_PIDS[$1]}"
	HOST_PIDS[$1]=$(pgrep -P "$MACHINE")
	wait_for machine_is_up "$1" || skip "systemd does not come up here: $(tail -1 "$console")"
}

# on_machine HOST COMMAND…: as somebody who has logged in there
on_machine() {
	local pid=${HOST_PIDS[$1]}
	shift
	nsenter --target "$pid" --mount --net --pid --ipc --uts --cgroup -- "$@"
}

# What else this machine has installed may have failed.
machine_is_up() {
	kill -0 "$MACHINE" 2>/dev/null || return 1
	[[ $(on_machine "$1" systemctl is-system-running 2>/dev/null) =~ ^(running|degraded)$ ]]
}

# machine_leave: its control groups, when all that was in them is gone
machine_leave() {
	# shellcheck disable=SC2016 # for the inner shell
	wait_at_most 10 unshare --mount --propagation private sh -ec '
		mount -t cgroup2 cgroup2 /sys/fs/cgroup
		[ ! -d "/sys/fs/cgroup/$0" ] || find "/sys/fs/cgroup/$0" -depth -type d -exec rmdir {} +' \
		"$CGROUP" 2>/dev/null || :
}

# machine_needs: what has to be there; else the test is skipped, with the reason
machine_needs() {
	local here=$BATS_TEST_TMPDIR/probe
	[[ -x $SYSTEMD ]] || skip "there is no $SYSTEMD: apt-get install systemd"
	mkdir -p "$here"
	# shellcheck disable=SC2016 # for the inner shell
	run unshare --mount --propagation private sh -ec '
		mount -t cgroup2 cgroup2 "$0"
		mkdir "$0/$1" && rmdir "$0/$1"
		mount -t tmpfs tmpfs "$0"
		mkdir "$0/upper" "$0/work" "$0/root"
		mount -t overlay -o "lowerdir=/,upperdir=$0/upper,workdir=$0/work" overlay "$0/root"' "$here" "$CGROUP"
	[[ $status -eq 0 ]] || skip "a machine cannot be made here: $output"
}
