#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""forge - which frames, true ones and forged ones, get from one container to another?

	forge.py NETNS IFNAME IPV4 IPV6 NETNS IFNAME IPV4 IPV6

Sends one frame of each kind out of the first interface, whose addresses are
given, as itself or in the name of the second.  Prints a line a kind: its name,
and "arrived" or "dropped".  After the last one goes a marker that nothing has a
reason to drop; frames that one CPU sends stay in order, so its arrival settles
what has not come.
"""
import ipaddress
import socket
import struct
import sys

from frames import packet_socket, stay_on_one_cpu

ETH_P_ALL = 3
WAIT_S = 20.0
NO_IP4, NO_IP6 = bytes(4), bytes(16)
BROADCAST = b"\xff" * 6	# as a forged MAC leads the bridge astray, which is what forging is for
ALL_NODES = ipaddress.ip_address("ff02::1").packed


def checksum(data):
	data += bytes(len(data) % 2)
	total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
	while total >> 16:
		total = (total & 0xffff) + (total >> 16)
	return ~total & 0xffff


def ipv4(source, destination, sport=4000, dport=9, payload=b""):
	udp = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
	head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, source, destination)
	return b"\x08\x00", head[:10] + struct.pack("!H", checksum(head)) + head[12:] + udp


def arp(operation, sender_mac, sender, target):
	return b"\x08\x06", struct.pack("!HHBBH6s4s6s4s", 1, 0x800, 6, 4, operation, sender_mac, sender,
					bytes(6), target)


def ipv6(source, destination, protocol, body):
	"""@body has its checksum left out at the place of its protocol."""
	pseudo = source + destination + struct.pack("!II", len(body), protocol)
	at = 2 if protocol == 58 else 6
	body = body[:at] + struct.pack("!H", checksum(pseudo + body)) + body[at + 2:]
	return b"\x86\xdd", struct.pack("!IHBB", 6 << 28, len(body), protocol, 255) + source + destination + body


def icmpv6(source, kind, rest, destination=ALL_NODES):
	return ipv6(source, destination, 58, struct.pack("!BBH", kind, 0, 0) + rest)


def option(kind, mac):
	return struct.pack("!BB", kind, 1) + mac


class Host:
	"""An end of the wire with its addresses."""

	def __init__(self, netns, ifname, ip4, ip6):
		self.sock = packet_socket(netns, ifname, ETH_P_ALL)
		self.mac = self.sock.getsockname()[4]
		self.ip4 = ipaddress.ip_address(ip4).packed
		self.ip6 = ipaddress.ip_address(ip6).packed
		mac = self.mac
		self.link_local = bytes((0xfe, 0x80)) + bytes(6) + bytes((mac[0] ^ 2,)) + mac[1:3] + b"\xff\xfe" + mac[3:]


def kinds(me, other):
	"""(name, source MAC, (EtherType, packet)) of each frame; the first half is true."""
	word = bytes(4)
	yield "own-ipv4", me.mac, ipv4(me.ip4, other.ip4)
	yield "own-ipv6", me.mac, ipv6(me.ip6, other.ip6, 17, struct.pack("!HHHH", 4000, 9, 8, 0))
	yield "own-link-local", me.mac, ipv6(me.link_local, other.ip6, 17, struct.pack("!HHHH", 4001, 9, 8, 0))
	yield "own-arp-request", me.mac, arp(1, me.mac, me.ip4, other.ip4)
	yield "own-arp-reply", me.mac, arp(2, me.mac, me.ip4, other.ip4)
	yield "own-arp-probe", me.mac, arp(1, me.mac, NO_IP4, me.ip4)
	yield "own-solicitation", me.mac, icmpv6(me.ip6, 135, word + other.ip6 + option(1, me.mac))
	yield "own-unicast-solicitation", me.mac, icmpv6(me.ip6, 135, word + other.ip6)
	yield "own-advertisement", me.mac, icmpv6(me.ip6, 136, word + me.ip6 + option(2, me.mac))
	yield "own-dad", me.mac, icmpv6(NO_IP6, 135, word + me.ip6)
	yield "own-dad-with-nonce", me.mac, icmpv6(NO_IP6, 135, word + me.ip6 + option(14, b"nonce!"))
	yield "own-router-solicitation", me.mac, icmpv6(me.link_local, 133, word + option(1, me.mac))
	yield "own-membership-report", me.mac, icmpv6(NO_IP6, 143, bytes(4))
	yield "own-dhcp-request", me.mac, ipv4(NO_IP4, b"\xff" * 4, 68, 67)

	yield "forged-mac", other.mac, ipv4(me.ip4, other.ip4, 4002)
	yield "forged-ipv4", me.mac, ipv4(other.ip4, other.ip4, 4003)
	yield "forged-no-ipv4", me.mac, ipv4(NO_IP4, other.ip4, 4004)
	yield "forged-ipv6", me.mac, ipv6(other.ip6, other.ip6, 17, struct.pack("!HHHH", 4005, 9, 8, 0))
	yield "forged-link-local", me.mac, ipv6(other.link_local, other.ip6, 17, struct.pack("!HHHH", 4006, 9, 8, 0))
	yield "forged-no-ipv6", me.mac, ipv6(NO_IP6, other.ip6, 17, struct.pack("!HHHH", 4007, 9, 8, 0))
	yield "forged-arp-request", me.mac, arp(1, me.mac, other.ip4, me.ip4)
	yield "forged-arp-reply", me.mac, arp(2, me.mac, other.ip4, me.ip4)
	yield "forged-arp-mac", me.mac, arp(2, other.mac, me.ip4, me.ip4)
	yield "forged-arp-probe", me.mac, arp(1, me.mac, NO_IP4, other.ip4)
	yield "forged-advertisement", me.mac, icmpv6(me.ip6, 136, word + other.ip6 + option(2, me.mac))
	yield "forged-advertised-mac", me.mac, icmpv6(me.ip6, 136, word + me.ip6 + option(2, other.mac))
	yield "forged-second-option", me.mac, icmpv6(me.ip6, 136, word + me.ip6 + option(2, me.mac) + option(2, other.mac))
	yield "forged-solicitation-mac", me.mac, icmpv6(me.ip6, 135, word + other.ip6 + option(1, other.mac))
	yield "forged-dad", me.mac, icmpv6(NO_IP6, 135, word + other.ip6)
	yield "forged-router-solicitation-mac", me.mac, icmpv6(me.link_local, 133, word + option(1, other.mac))
	yield "forged-router-advertisement", me.mac, icmpv6(me.link_local, 134, bytes(12))
	yield "forged-redirect", me.mac, icmpv6(me.link_local, 137, word + other.ip6 + me.ip6)
	yield "forged-protocol", me.mac, (b"\x88\xb5", b"experimental")


def received(sock, frames, marker):
	"""Which of the frames came in before the marker."""
	found = set()
	sock.settimeout(WAIT_S)
	while True:
		data, where = sock.recvfrom(2048)
		if where[2] == socket.PACKET_OUTGOING:
			continue
		if data.startswith(marker):
			return found
		found |= {name for name, frame in frames if data.startswith(frame)}


def main(args):
	if len(args) != 8:
		print(__doc__, file=sys.stderr)
		return 2
	stay_on_one_cpu()
	other = Host(*args[4:])
	me = Host(*args[:4])
	frames = [(name, BROADCAST + mac + what + packet) for name, mac, (what, packet) in kinds(me, other)]
	what, packet = ipv4(me.ip4, other.ip4, 4999, 9, b"marker")
	marker = BROADCAST + me.mac + what + packet
	for frame in [frame for _, frame in frames] + [marker]:
		me.sock.send(frame.ljust(60, b"\0"))
	found = received(other.sock, frames, marker)
	for name, _ in frames:
		print(name, "arrived" if name in found else "dropped")
	return 0


if __name__ == "__main__":
	sys.exit(main(sys.argv[1:]))
