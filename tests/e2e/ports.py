#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""ports - a server that tells who it is and who asks, and a client for it

	ports.py serve NAME PORT...
	ports.py ask tcp|udp ADDRESS PORT [SOURCE-PORT] [, tcp|udp …]

The server is on every address of both families, TCP and UDP.  It prints a line
once it listens.  Its answer is "NAME PORT ADDRESS-OF-THE-CLIENT", which the
client prints.  Exit status of the client: 0, or 1 after the first question
that has no answer in time.
"""
import ipaddress
import selectors
import socket
import sys

WAIT_S = 1.5


def plain(address):
	"""An IPv4 client of a dual-stack socket by its own address."""
	ip = ipaddress.ip_address(address.partition("%")[0])
	return str(getattr(ip, "ipv4_mapped", None) or ip)


def answer(sock, name):
	port = sock.getsockname()[1]
	if sock.type == socket.SOCK_STREAM:
		client, peer = sock.accept()
		client.sendall(f"{name} {port} {plain(peer[0])}".encode())
		client.close()
	else:
		peer = sock.recvfrom(64)[1]
		sock.sendto(f"{name} {port} {plain(peer[0])}".encode(), peer)


def serve(name, ports):
	selector = selectors.DefaultSelector()
	for port in ports:
		for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
			sock = socket.socket(socket.AF_INET6, kind)
			sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
			sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
			sock.bind(("::", int(port)))
			if kind == socket.SOCK_STREAM:
				sock.listen()
			selector.register(sock, selectors.EVENT_READ)
	print("listening", flush=True)
	while True:
		for key, _ in selector.select():
			answer(key.fileobj, name)


def ask(protocol, address, port, source_port=0):
	family = socket.AF_INET6 if ":" in address else socket.AF_INET
	kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
	with socket.socket(family, kind) as sock:
		sock.settimeout(WAIT_S)
		sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		sock.bind(("", int(source_port)))
		# Connected, so that an answer from another address than the one asked does not count.
		sock.connect((address, int(port)))
		if protocol == "udp":
			sock.send(b"?")
		print(sock.recv(256).decode())


def main(verb, *words):
	if verb == "serve":
		serve(words[0], words[1:])
	for question in " ".join(words).split(" , "):
		try:
			ask(*question.split())
		except OSError as error:
			sys.exit(f"{question}: {error}")


main(*sys.argv[1:])
