# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# drivers - the file of functions that starts the containers of $ENGINE, and its prefix in DRIVER

case $ENGINE in
runc | crun) DRIVER=oci ;;
"containerd CRI") DRIVER=cri ;;
"ctr run --cni") DRIVER=ctr ;;
"ip netns") DRIVER=netns ;;
Podman) DRIVER=podman ;;
Docker) DRIVER=docker ;;
LXC) DRIVER=lxc ;;
*) echo "there is no engine $ENGINE" >&2; exit 1 ;;
esac
# shellcheck source=/dev/null
source "$ENGINES_DIR/$DRIVER.bash"
