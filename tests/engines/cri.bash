# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# cri - pods of containerd's CRI, asked for as a kubelet does; see cell

CRI_SOCKET=/run/containerd/containerd.sock

cri() { on_host "$ENGINES_DIR/../e2e/cri.py" "$CRI_SOCKET" "$@"; }

cri_probe() { command -v containerd >/dev/null || { echo "containerd is not installed"; return 1; }; }

# What a machine without CAP_SYS_RESOURCE and a registry needs, and what install adds.
cri_up() {
	mkdir -p "$STATE/etc/containerd"
	cat >"$STATE/etc/containerd/config.toml" <<-'END'
		version = 2
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "docker.io/library/bb:latest"
		  restrict_oom_score_adj = true
		[plugins."io.containerd.grpc.v1.cri".containerd]
		  snapshotter = "native"
	END
	heddle install --engine containerd --write >/dev/null
	containerd_start
	on_host ctr -n k8s.io images import "$STATE/bb.tar" >/dev/null
}

containerd_start() {
	daemon_start containerd containerd
	wait_until cri status >/dev/null 2>&1
}

cri_down() {
	daemon_kill containerd
	heddle install --engine containerd --undo >/dev/null
}

# A pod is on the network of the first file; containerd has seen it when it says so.
cri_network() { [[ $(cri status | jq -r '.networks | map(select(. != "cni-loopback")) | join(" ")') == lows ]]; }

# cri_options NETWORK [port=PORTS]
cri_options() {
	local option
	[[ $1 != host ]] || echo host
	for option in "${@:2}"; do echo "${option#port=}"; done
}

cri_start() {
	local id
	[[ $2 == host || -n ${CRI_IS_READY:-} ]] || wait_until cri_network
	# shellcheck disable=SC2046 # a list
	id=$(cri run "$1" $(cri_options "${@:2}"))
	echo "$id" >"$STATE/$1.pod"
}

cri_pid() { on_host ctr -n k8s.io task ls | awk -v id="$(<"$STATE/$1.pod")" '$1 == id { print $2 }'; }
cri_remove() { cri remove "$(<"$STATE/$1.pod")" >/dev/null; }

cri_restart() {
	daemon_kill containerd
	containerd_start
}

cri_start_slowly() {
	wait_until cri_network
	cri run "$1" >/dev/null 2>&1 &
	cp "$STATE/containerd.pid" "$STATE/create.pid"
}

# containerd starts again, and a kubelet removes what it does not know.
cri_recover() {
	local pod
	containerd_start
	for pod in $(cri list); do
		grep -qxF "$pod" "$STATE"/*.pod || cri remove "$pod" >/dev/null
	done
	echo none >"$STATE/$1.pod"
}
