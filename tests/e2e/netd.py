# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests of netd say to it: on its control socket, and as bad datagrams.

	netd.py ask METHOD [PARAMS]		print the result, or fail with the error
	netd.py send ADDRESS PORT KIND [HEX]	a datagram of a KIND below
	netd.py catch SECONDS DEVICE PORT	print datagrams to PORT, each a line of hex
	netd.py connect ADDRESS PORT KIND	a connection that behaves badly, until it is ended
	netd.py answer SOCKET FILE		in netd's place: what FILE has under a method's
					name, else an empty object
"""
import json
import os
import socket
import struct
import sys
import time

CONTROL = os.environ.get("NETD_CONTROL", "/run/heddle/netd.sock")


def ask(method, params="{}"):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(CONTROL)
        request = {"id": 1, "method": method, "params": json.loads(params)}
        s.sendall(json.dumps(request).encode() + b"\n")
        answer = json.loads(s.makefile("rb").readline())
    if "error" in answer:
        error = answer["error"]
        sys.exit(f"{error['code']}: {error['msg']} {error.get('details', '')}")
    print(json.dumps(answer["result"]))


def head(version=1, kind=1, key=b"\0\0\0\0", counter=1):
    """A frame's first 32 bytes; its boot id is nobody's."""
    return struct.pack("<BBBB4s16sQ", version, kind, 0, 0, key, b"b" * 16, counter)


# What HEX is: a datagram that was caught, or the id of a key.
DATAGRAMS = {
    "empty": lambda _: b"",
    "short": lambda _: b"x" * 31,
    "giant": lambda _: b"x" * 1401,
    "huge": lambda _: b"x" * 60000,
    "zeros": lambda _: bytes(1400),
    "version": lambda _: head(version=9) + bytes(68),
    "kind": lambda _: head(kind=77) + bytes(68),
    "unknown-key": lambda _: head(key=b"\1\2\3\4") + bytes(68),
    "forged": lambda key: head(key=key) + bytes(68),
    "forged-hello": lambda key: head(kind=2, key=key) + bytes(48),
    "again": lambda frame: frame,
    "cut": lambda frame: frame[:-1],
    "bit": lambda frame: frame[:-1] + bytes([frame[-1] ^ 1]),
}


def udp(address):
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)


def send(address, port, kind, hexadecimal=""):
    with udp(address) as s:
        s.sendto(DATAGRAMS[kind](bytes.fromhex(hexadecimal)), (address, int(port)))


def catch(seconds, device, port):
    """Datagrams over IPv4 as a device carries them, without their headers."""
    end = time.monotonic() + float(seconds)
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)) as s:
        s.bind((device, 0x0800))
        print("ready", flush=True)
        while (left := end - time.monotonic()) > 0:
            s.settimeout(left)
            try:
                packet = s.recv(65536)
            except TimeoutError:
                break
            ip = (packet[0] & 15) * 4
            if packet[9] == 17 and struct.unpack_from("!H", packet, ip + 2)[0] == int(port):
                print(packet[ip + 8:].hex(), flush=True)


ENGINE = b"hdl1\1\0" + struct.pack("<H", 4794)
HANDSHAKE = b"hdl1\2\0" + struct.pack("<H", 4794)

CONNECTIONS = {
    "silent": b"",
    "noise": b"GET / HTTP/1.1\r\n\r\n",
    "no-kind": b"hdl1\x63\0" + struct.pack("<H", 4794),
    "long-frame": ENGINE + struct.pack("<I", 300000),
    "bad-frame": ENGINE + struct.pack("<I", 100) + b"x" * 100,
    "bad-handshake": HANDSHAKE + struct.pack("<I", 48) + b"x" * 48,
    "long-handshake": HANDSHAKE + struct.pack("<I", 1000000),
}


def connect(address, port, kind):
    with socket.create_connection((address, int(port)), timeout=60) as s:
        s.sendall(CONNECTIONS[kind])
        try:
            while s.recv(4096):
                pass
        except ConnectionResetError:
            pass


def answer(path, answers):
    """One connection after another; the file is read for each request."""
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen()
        while True:
            with s.accept()[0] as caller:
                for line in caller.makefile("rb"):
                    request = json.loads(line)
                    with open(answers) as f:
                        result = json.load(f).get(request["method"], {})
                    caller.sendall(json.dumps({"id": request["id"], "result": result}).encode() + b"\n")


COMMANDS = {"ask": ask, "send": send, "catch": catch, "connect": connect, "answer": answer}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
