#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""frames - does an Ethernet frame get from one namespace to another?

	frames.py NETNS IFNAME NETNS IFNAME SOURCE-MAC DESTINATION-MAC

Sends one frame of the local experimental EtherType out of the first interface
and looks for it on the second.  Exit status: 0 it arrived, 1 it did not, 2 bad
usage.  Where a frame is lost must not be a guess: after it goes a marker frame
with the interface's own MAC address, and since frames between two ports of a
bridge stay in order, where one CPU sends them, the marker's arrival settles the
matter without a wait.
"""
import ctypes
import os
import socket
import sys

ETHERTYPE = 0x88B5	# IEEE 802 local experimental
# For a marker that never comes, as with hairpin off.
WAIT_S = float(os.environ.get("FRAME_WAIT_S", "20"))

libc = ctypes.CDLL(None, use_errno=True)


def stay_on_one_cpu():
	"""Each has a queue of its own for frames that arrive; those of one stay in order."""
	os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def packet_socket(netns, ifname, ethertype=ETHERTYPE):
	"""An AF_PACKET socket on an interface of another namespace."""
	fd = os.open(netns, os.O_RDONLY)
	if libc.setns(fd, 0x40000000) < 0:	# CLONE_NEWNET
		raise OSError(ctypes.get_errno(), "setns " + netns)
	os.close(fd)
	sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ethertype))
	sock.bind((ifname, ethertype))
	return sock


def mac(text):
	return bytes.fromhex(text.replace(":", ""))


def arrives(sender, receiver, source, destination):
	"""Send the frame and its marker; True if the frame came in first."""
	own = sender.getsockname()[4]
	for src, payload in ((source, b"frame"), (own, b"marker")):
		sender.send(destination + src + ETHERTYPE.to_bytes(2, "big") + payload.ljust(46, b"\0"))
	receiver.settimeout(WAIT_S)
	while True:
		try:
			data, where = receiver.recvfrom(2048)
		except socket.timeout:
			return False
		if where[2] == socket.PACKET_OUTGOING:
			continue
		return data[14:].startswith(b"frame")


def main(args):
	if len(args) != 6:
		print(__doc__, file=sys.stderr)
		return 2
	stay_on_one_cpu()
	receiver = packet_socket(args[2], args[3])
	sender = packet_socket(args[0], args[1])
	return 0 if arrives(sender, receiver, mac(args[4]), mac(args[5])) else 1


if __name__ == "__main__":
	sys.exit(main(sys.argv[1:]))
