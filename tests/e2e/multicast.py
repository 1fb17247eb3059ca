#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""multicast - as which address does a routed multicast datagram arrive?

	multicast.py SENDER IFNAME ROUTER IFNAME IFNAME RECEIVER IFNAME GROUP

SENDER, ROUTER and RECEIVER are paths of network namespaces, each followed by
its interfaces.  Routes the group through the router's two interfaces, sends one
datagram and prints the source address that it arrives with.  Exit status 1 if
it does not arrive.

Source: linux/mroute.h and linux/mroute6.h.
"""
import contextlib
import ctypes
import ipaddress
import json
import os
import socket
import struct
import subprocess
import sys

CLONE_NEWNET = 0x40000000
PORT = 7778
WAIT_S = 0.1		# for one datagram; it is sent again, as the bridge may still be learning
TRIES = 200

MRT_INIT, MRT_ADD_VIF, MRT_ADD_MFC = 200, 202, 204	# the same numbers in both families
VIFF_USE_IFINDEX = 0x8

libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(netns):
	"""Be in a namespace; sockets stay where they were opened."""
	home = os.open("/proc/self/ns/net", os.O_RDONLY)
	there = os.open(netns, os.O_RDONLY)
	if libc.setns(there, CLONE_NEWNET) < 0:
		raise OSError(ctypes.get_errno(), "setns " + netns)
	try:
		yield
	finally:
		libc.setns(home, CLONE_NEWNET)
		os.close(home)
		os.close(there)


def global_address(family, ifname):
	"""The interface's first address of that family that is not link-local."""
	out = subprocess.run(["ip", "-j", "addr", "show", "dev", ifname], check=True, stdout=subprocess.PIPE)
	wanted = "inet" if family == socket.AF_INET else "inet6"
	for a in json.loads(out.stdout)[0]["addr_info"]:
		if a["family"] == wanted and a["scope"] == "global":
			return a["local"]
	raise LookupError(f"{ifname} has no {wanted} address")


def route4(source, group, indexes):
	sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IGMP)
	sock.setsockopt(socket.IPPROTO_IP, MRT_INIT, 1)
	for vif, index in enumerate(indexes):
		sock.setsockopt(socket.IPPROTO_IP, MRT_ADD_VIF,
				struct.pack("=HBBIi4s", vif, VIFF_USE_IFINDEX, 1, 0, index, bytes(4)))
	ttls = bytes([0, 1] + [0] * 30)
	sock.setsockopt(socket.IPPROTO_IP, MRT_ADD_MFC,
			struct.pack("=4s4sH32s2xIIIi", socket.inet_aton(source), socket.inet_aton(group),
				    0, ttls, 0, 0, 0, 0))
	return sock


def sockaddr_in6(text):
	return struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, text), 0)


def route6(source, group, indexes):
	sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
	sock.setsockopt(socket.IPPROTO_IPV6, MRT_INIT, 1)
	for mif, index in enumerate(indexes):
		sock.setsockopt(socket.IPPROTO_IPV6, MRT_ADD_VIF, struct.pack("=HBBHxxI", mif, 0, 1, index, 0))
	outgoing = struct.pack("=8I", 1 << 1, *[0] * 7)
	sock.setsockopt(socket.IPPROTO_IPV6, MRT_ADD_MFC,
			sockaddr_in6(source) + sockaddr_in6(group) + struct.pack("=H2x", 0) + outgoing)
	return sock


def listener(family, group, index):
	sock = socket.socket(family, socket.SOCK_DGRAM)
	sock.bind((group, PORT))
	packed = socket.inet_pton(family, group)
	if family == socket.AF_INET:
		sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
				packed + struct.pack("=4si", bytes(4), index))
	else:
		sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, packed + struct.pack("=i", index))
	sock.settimeout(WAIT_S)
	return sock


def talker(family, index):
	sock = socket.socket(family, socket.SOCK_DGRAM)
	if family == socket.AF_INET:
		sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", bytes(4), bytes(4), index))
		sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 8)
	else:
		sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
		sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 8)
	return sock


def main(sender, sender_if, router, router_in, router_out, receiver, receiver_if, group):
	family = socket.AF_INET if ipaddress.ip_address(group).version == 4 else socket.AF_INET6
	with inside(sender):
		source = global_address(family, sender_if)
		talk = talker(family, socket.if_nametoindex(sender_if))
	with inside(router):
		indexes = [socket.if_nametoindex(router_in), socket.if_nametoindex(router_out)]
		routes = (route4 if family == socket.AF_INET else route6)(source, group, indexes)
	with inside(receiver):
		listen = listener(family, group, socket.if_nametoindex(receiver_if))
	for _ in range(TRIES):
		talk.sendto(b"heddle", (group, PORT))
		try:
			print(listen.recvfrom(64)[1][0])
			return 0
		except socket.timeout:
			pass
	routes.close()
	return 1


if __name__ == "__main__":
	sys.exit(main(*sys.argv[1:]))
