#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""ports - a server that tells who it is and who asks, and a client for it

	ports.py serve NAME PORT...
	ports.py ask [briefly] tcp|udp ADDRESS PORT [SOURCE-PORT] [, tcp|udp …]
	ports.py lab DIRECTORY

The server is on every address of both families, TCP and UDP.  It prints a line
once it listens.  Its answer is "NAME PORT ADDRESS-OF-THE-CLIENT", which the
client prints.  Exit status of the client: 0, or 1 after the first question
that has no answer in time; "briefly" is for questions that shall have none.

A lab does both for a whole file of tests, as Python takes long to start: it
reads lines "serve NAMESPACE NAME PORT…", "ask NAMESPACE QUESTION" and "forget"
(all servers) from the pipe DIRECTORY/do, and writes what the commands above
would print to DIRECTORY/said.
"""
import ctypes
import ipaddress
import os
import selectors
import socket
import sys
import threading

WAIT_S, BRIEFLY_S = 20, 1


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


def listeners(port):
	for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
		sock = socket.socket(socket.AF_INET6, kind)
		sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
		sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		sock.bind(("::", int(port)))
		if kind == socket.SOCK_STREAM:
			sock.listen()
		yield sock


def serve(name, ports):
	"""Answers at these ports from now on, in a thread.  Return: what ends that when it is closed."""
	selector = selectors.DefaultSelector()
	for port in ports:
		for sock in listeners(port):
			selector.register(sock, selectors.EVENT_READ)
	ours, theirs = socket.socketpair()
	selector.register(theirs, selectors.EVENT_READ)

	def run():
		while True:
			for key, _ in selector.select():
				if key.fileobj is theirs:
					for each in list(selector.get_map().values()):
						each.fileobj.close()
					return
				answer(key.fileobj, name)
	threading.Thread(target=run, daemon=True).start()
	return ours


def ask(wait, protocol, address, port, source_port=0):
	family = socket.AF_INET6 if ":" in address else socket.AF_INET
	kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
	with socket.socket(family, kind) as sock:
		sock.settimeout(wait)
		sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		sock.bind(("", int(source_port)))
		# Connected, so that an answer from another address than the one asked does not count.
		sock.connect((address, int(port)))
		if protocol == "udp":
			sock.send(b"?")
		return sock.recv(256).decode()


def ask_all(words):
	"""What the answers are, and whether there was one to each question."""
	said, wait = [], WAIT_S
	if words[0] == "briefly":
		words, wait = words[1:], BRIEFLY_S
	for question in " ".join(words).split(" , "):
		try:
			said.append(ask(wait, *question.split()))
		except OSError as error:
			return said + [f"{question}: {error}"], False
	return said, True


def enter(netns):
	with open(netns, "rb") as file:
		if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0) != 0:
			raise OSError(ctypes.get_errno(), "enter " + netns)


def lab(directory):
	serving = []
	while True:
		with open(os.path.join(directory, "do"), encoding="utf-8") as pipe:
			verb, *words = pipe.readline().split()
		said = []
		try:
			if verb == "forget":
				serving.clear()
			else:
				enter(words.pop(0))
				if verb == "serve":
					serving.append(serve(words[0], words[1:]))
				else:
					said, _ = ask_all(words)
		except OSError as error:
			said = [str(error)]
		with open(os.path.join(directory, "said"), "w", encoding="utf-8") as pipe:
			pipe.write("\n".join(said))


def main(verb, *words):
	if verb == "lab":
		lab(*words)
	if verb == "serve":
		kept = serve(words[0], words[1:])
		print("listening", flush=True)
		threading.Event().wait()
		kept.close()
	said, ok = ask_all(words)
	print("\n".join(said))
	sys.exit(not ok)


main(*sys.argv[1:])
