#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The measurement of tests/bench/overlay.

run PLUGIN ROUNDS HOST=PID…	in turn on each host: ADD, first replies, DEL
agent				on a host: commands as JSON lines on stdin
probe				in a container: addresses on stdin, times on stdout

All clocks are CLOCK_MONOTONIC, which namespaces share.
"""
import json
import os
import socket
import struct
import subprocess
import sys
import time

CONF = json.dumps({"cniVersion": "1.1.0", "name": "bench", "type": "overlay"})
RETRY_S = 0.002  # between requests that nobody has answered
GIVE_UP_S = 10


def now():
    return time.monotonic()


# ---- in a container ---------------------------------------------------------------

def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def echo_request(v6, ident, sequence):
    kind = 128 if v6 else 8
    body = struct.pack("!BBHHH", kind, 0, 0, ident, sequence)
    # The kernel fills in the sum of ICMPv6.
    return body if v6 else struct.pack("!BBHHH", kind, 0, checksum(body), ident, sequence)


def first_reply(address):
    v6 = ":" in address
    family, protocol = (socket.AF_INET6, socket.IPPROTO_ICMPV6) if v6 else (socket.AF_INET, socket.IPPROTO_ICMP)
    ident = os.getpid() & 0xFFFF
    end = now() + GIVE_UP_S
    with socket.socket(family, socket.SOCK_RAW, protocol) as s:
        s.settimeout(RETRY_S)
        sequence = 0
        while now() < end:
            sequence += 1
            try:
                s.sendto(echo_request(v6, ident, sequence & 0xFFFF), (address, 0))
                until = now() + RETRY_S
                while now() < until:
                    data, peer = s.recvfrom(2048)
                    data = data if v6 else data[(data[0] & 15) * 4:]
                    if peer[0] == address and data[0] == (129 if v6 else 0) and data[4:6] == struct.pack("!H", ident):
                        return now()
            except OSError:
                pass
    return None


def probe():
    for line in sys.stdin:
        print(json.dumps(first_reply(line.strip())), flush=True)


# ---- on a host --------------------------------------------------------------------

def plugin(command, path, container):
    env = {
        "CNI_COMMAND": command, "CNI_CONTAINERID": container, "CNI_IFNAME": "eth0",
        "CNI_NETNS": f"/run/netns/{container}", "CNI_PATH": os.path.dirname(path),
    }
    begin = now()
    p = subprocess.run([path], input=CONF, capture_output=True, text=True, env=env, close_fds=False)
    end = now()
    if p.returncode:
        raise SystemExit(f"{command}: {p.stdout}")
    return begin, end, p.stdout


def agent():
    for line in sys.stdin:
        command, path, container = json.loads(line)
        if command == "new":
            subprocess.run(["ip", "netns", "add", container], check=True)
            answer = None
        elif command == "gone":
            subprocess.run(["ip", "netns", "del", container], check=True)
            answer = None
        else:
            answer = plugin(command, path, container)
        print(json.dumps(answer), flush=True)


# ---- outside of all ---------------------------------------------------------------

class Child:
    def __init__(self, argv):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def send(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def receive(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("a helper ended")
        return json.loads(line)


class Host:
    def __init__(self, name, pid, path):
        self.name, self.path = name, path
        self.enter = ["nsenter", "--target", pid, "--mount", "--net", "--"]
        self.agent = Child(self.enter + [sys.executable, __file__, "agent"])
        self.ask("new", "here")
        self.ask("ADD", "here")
        self.probe = Child(self.enter + ["ip", "netns", "exec", "here", sys.executable, __file__, "probe"])

    def ask(self, command, container):
        self.agent.send(json.dumps([command, self.path, container]))
        return self.agent.receive()


def one_round(hosts, at, n, samples):
    host, container = hosts[at], f"c{n}"
    others = hosts[:at] + hosts[at + 1:]
    host.ask("new", container)
    begin, end, result = host.ask("ADD", container)
    samples["ADD"].append(end - begin)
    addresses = [ip["address"].split("/")[0] for ip in json.loads(result)["ips"]]
    for address in addresses:
        for other in others:
            other.probe.send(address)
        times = [other.probe.receive() for other in others]
        if None in times:
            raise SystemExit(f"{address} did not answer")
        family = "IPv6" if ":" in address else "IPv4"
        # The second family is asked once the first has answered: what that took is not its own.
        start = begin if family == "IPv4" else begin + max(0, samples["asked"] - end)
        samples[family].append(max(times) - start)
        samples["asked"] = max(times)
    begin, end, _ = host.ask("DEL", container)
    samples["DEL"].append(end - begin)
    host.ask("gone", container)


def percentile(values, p):
    values = sorted(values)
    return 1000 * values[min(len(values) - 1, int(len(values) * p / 100))]


def run(path, rounds, *named):
    hosts = [Host(*h.split("="), path) for h in named]
    samples = {"ADD": [], "IPv4": [], "IPv6": [], "DEL": [], "asked": 0}
    for n in range(int(rounds)):
        one_round(hosts, n % len(hosts), n, samples)
    rows = [("ADD returns", "ADD"), ("first IPv4 reply from all", "IPv4"),
            ("first IPv6 reply from all", "IPv6"), ("DEL returns", "DEL")]
    print(f"{len(hosts)} hosts, {rounds} rounds, ms from the start{'':12}p50     p90     p99     max")
    for title, key in rows:
        print(f"{title:44}" + "".join(f"{percentile(samples[key], p):8.1f}" for p in (50, 90, 99, 100)))


if __name__ == "__main__":
    {"run": run, "agent": agent, "probe": probe}[sys.argv[1]](*sys.argv[2:])
