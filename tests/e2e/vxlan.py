#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""vxlan - send a datagram in a VXLAN packet that this program makes up

	vxlan.py NETNS IFNAME NEXT-MAC FROM TO VNI INNER-MAC INNER-FROM INNER-TO TEXT

A frame goes out of the interface to NEXT-MAC with an IPv4 packet between FROM
and TO, UDP port 4789.  In it is an Ethernet frame to INNER-MAC with a datagram
to port 9 of INNER-TO that says TEXT.
"""
import ipaddress
import struct
import sys

from forge import ETH_P_ALL, ipv4
from frames import mac, packet_socket

PORT = 4789
VNI_IS_VALID = 0x08
INNER_SOURCE = b"\x02forge"


def packed(text):
	return ipaddress.ip_address(text).packed


def main(args):
	if len(args) != 10:
		print(__doc__, file=sys.stderr)
		return 2
	netns, ifname, next_mac, source, destination, vni, inner_mac, inner_source, inner_destination, text = args
	sock = packet_socket(netns, ifname, ETH_P_ALL)
	what, packet = ipv4(packed(inner_source), packed(inner_destination), 4000, 9, text.encode())
	inner = mac(inner_mac) + INNER_SOURCE + what + packet
	header = struct.pack("!BxxxI", VNI_IS_VALID, int(vni) << 8)
	what, packet = ipv4(packed(source), packed(destination), 50000, PORT, header + inner)
	sock.send(mac(next_mac) + sock.getsockname()[4] + what + packet)
	return 0


if __name__ == "__main__":
	sys.exit(main(sys.argv[1:]))
