#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The measurements of tests/bench/overlay, which says what they are.

first PLUGIN ROUNDS NETWORKS HOST=PID…	in turn on each host and network: ADD, first replies, DEL
wire ROUNDS SECONDS PID PID CONTAINER=ADDRESS…	between two hosts
idle SECONDS PID…			netds
many COUNT NETD PID BRIDGE		a netd, its host, and the bridge that has so many neighbours
fill PLUGIN NETWORK COUNT		on a host: so many endpoints
agent					on a host: commands as JSON lines on stdin
probe					in a container: addresses on stdin, times on stdout

All clocks are CLOCK_MONOTONIC, which namespaces share.
"""
import json
import os
import socket
import struct
import subprocess
import sys
import time

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

def plugin(command, path, network, container, ifname="eth0"):
    conf = json.dumps({"cniVersion": "1.1.0", "name": network, "type": "overlay"})
    env = {
        "CNI_COMMAND": command, "CNI_CONTAINERID": container, "CNI_IFNAME": ifname,
        "CNI_NETNS": f"/run/netns/{container}", "CNI_PATH": os.path.dirname(path),
    }
    begin = now()
    p = subprocess.run([path], input=conf, capture_output=True, text=True, env=env, close_fds=False)
    end = now()
    if p.returncode:
        raise SystemExit(f"{command}: {p.stdout}")
    return begin, end, p.stdout


def agent():
    for line in sys.stdin:
        command, path, network, container = json.loads(line)
        if command == "new":
            subprocess.run(["ip", "netns", "add", container], check=True)
            answer = None
        elif command == "gone":
            subprocess.run(["ip", "netns", "del", container], check=True)
            answer = None
        else:
            answer = plugin(command, path, network, container)
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
    """One that answers for its name, with a container in every network."""

    def __init__(self, name, pid, path, networks):
        self.name, self.path = name, path
        enter = ["nsenter", "--target", pid, "--mount", "--net", "--"]
        self.agent = Child(enter + [sys.executable, __file__, "agent"])
        self.probes = {}
        for network in networks:
            container = f"on-{network}"
            self.ask("new", network, container)
            self.ask("ADD", network, container)
            # One for each family, so that both are asked at once.
            self.probes[network] = [
                Child(enter + ["ip", "netns", "exec", container, sys.executable, __file__, "probe"]) for _ in range(2)]

    def ask(self, command, network, container):
        self.agent.send(json.dumps([command, self.path, network, container]))
        return self.agent.receive()


def one_round(host, others, network, container, samples):
    host.ask("new", network, container)
    begin, end, result = host.ask("ADD", network, container)
    samples["ADD"].append(end - begin)
    addresses = [ip["address"].split("/")[0] for ip in json.loads(result)["ips"]]
    asked = [(":" in address, other.probes[network][":" in address], address) for address in addresses for other in others]
    for _, probe_of, address in asked:
        probe_of.send(address)
    times = {False: [], True: []}
    for v6, probe_of, address in asked:
        times[v6].append(probe_of.receive())
        if times[v6][-1] is None:
            raise SystemExit(f"{address} did not answer")
    samples["IPv4"].append(max(times[False]) - begin)
    samples["IPv6"].append(max(times[True]) - begin)
    begin, end, _ = host.ask("DEL", network, container)
    samples["DEL"].append(end - begin)
    host.ask("gone", network, container)


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))]


def row(title, values, form):
    print(f"| {title} | " + " | ".join(form.format(v) for v in values) + " |")


def table(*titles):
    print("| " + " | ".join(titles) + " |")
    print("|---|" + "--:|" * (len(titles) - 1))


def first(path, rounds, networks, *named):
    networks = networks.split()
    hosts = [Host(*h.split("="), path, networks) for h in named]
    samples = {"ADD": [], "IPv4": [], "IPv6": [], "DEL": []}
    for n in range(int(rounds)):
        at = n % len(hosts)
        one_round(hosts[at], hosts[:at] + hosts[at + 1:], networks[n // len(hosts) % len(networks)], f"c{n}", samples)
    print(f"{len(hosts)} hosts, {len(networks)} networks, {rounds} rounds; ms from the start of ADD, or of DEL\n")
    table("", "p50", "p90", "p99", "most")
    for title, key in (("ADD returns", "ADD"), ("first IPv4 reply from all others", "IPv4"),
                       ("first IPv6 reply from all others", "IPv6"), ("DEL returns", "DEL")):
        row(title, [1000 * percentile(samples[key], p) for p in (50, 90, 99, 100)], "{:.1f}")


# ---- between two hosts ----------------------------------------------------------------

def inside(pid, container, *argv):
    return ["nsenter", "--target", pid, "--mount", "--net", "--", "ip", "netns", "exec", container, *argv]


def wait_listening(pid, container):
    end = now() + GIVE_UP_S
    while now() < end:
        if subprocess.run(inside(pid, container, "ss", "-Hltn", "sport = 5201"), capture_output=True, check=True).stdout:
            return
        time.sleep(0.01)
    raise SystemExit(f"iperf3 does not listen in {container}")


def throughput(pid, container, address, seconds):
    """Gbit/s of one TCP connection."""
    p = subprocess.run(inside(pid, container, "iperf3", "-J", "-t", seconds, "-O", "0.5", "-c", address),
                       capture_output=True, text=True, check=True)
    return json.loads(p.stdout)["end"]["sum_received"]["bits_per_second"] / 1e9


def latency(pid, container, address, count=2000):
    """Mean round trip in µs, of requests each sent when the one before was answered."""
    p = subprocess.run(inside(pid, container, "ping", "-q", "-f", "-c", str(count), address),
                       capture_output=True, text=True, check=True)
    return 1000 * float(p.stdout.split("=")[1].split("/")[1])


def wire(rounds, seconds, from_pid, to_pid, *named):
    ways = [w.split("=") for w in named]
    servers = [subprocess.Popen(inside(to_pid, container, "iperf3", "-s"), stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
               for container, _ in ways]
    samples = {measure: {container: [] for container, _ in ways} for measure in (throughput, latency)}
    try:
        for container, _ in ways:
            wait_listening(to_pid, container)
        for n in range(int(rounds)):
            # Who is first takes turns.
            for container, address in ways[::-1] if n % 2 else ways:
                samples[throughput][container].append(throughput(from_pid, container, address, seconds))
                samples[latency][container].append(latency(from_pid, container, address))
    finally:
        for server in servers:
            server.terminate()
    print(f"{rounds} rounds of {seconds} s and 2000 pings, taking turns; medians, and of the ratios in a round the quartiles\n")
    table("", "heddle", "by hand", "ratio", "25 %", "75 %")
    for title, measure in (("TCP, Gbit/s", throughput), ("round trip, µs", latency)):
        ours, theirs = (samples[measure][container] for container, _ in ways)
        ratios = [a / b for a, b in zip(ours, theirs)]
        row(title, [percentile(ours, 50), percentile(theirs, 50)] + [percentile(ratios, p) for p in (50, 25, 75)], "{:.3f}")


# ---- processes --------------------------------------------------------------------------

def cpu_s(pid):
    with open(f"/proc/{pid}/schedstat") as f:
        return int(f.read().split()[0]) / 1e9


def field(pid, name, file):
    with open(f"/proc/{pid}/{file}") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(name + ":"))


def memory_mib(pid):
    """PSS, and what is its own alone."""
    own = field(pid, "Private_Clean", "smaps_rollup") + field(pid, "Private_Dirty", "smaps_rollup")
    return field(pid, "Pss", "smaps_rollup") / 1024, own / 1024, field(pid, "VmRSS", "status") / 1024


def idle(seconds, *pids):
    time.sleep(30)  # what the last join has stirred up
    begin = {pid: (cpu_s(pid), field(pid, "voluntary_ctxt_switches", "status"), now()) for pid in pids}
    time.sleep(float(seconds))
    cpu, wakes = [], []
    for pid in pids:
        cpu0, wakes0, at = begin[pid]
        cpu.append(100 * (cpu_s(pid) - cpu0) / (now() - at))
        wakes.append((field(pid, "voluntary_ctxt_switches", "status") - wakes0) / (now() - at))
    memory = list(zip(*(memory_mib(pid) for pid in pids)))
    print(f"{len(pids)} hosts, each with one container in one network, at rest for {seconds} s\n")
    table("of one netd", "p50", "p99", "most")
    for title, values in (("CPU, % of a core", cpu), ("wake-ups a second", wakes), ("PSS, MiB", memory[0]),
                          ("its own alone, MiB", memory[1]), ("RSS with shared libraries, MiB", memory[2])):
        row(title, [percentile(values, p) for p in (50, 99, 100)], "{:.2f}")


# ---- many endpoints ---------------------------------------------------------------------

def fill(path, network, count):
    """One container with many interfaces: to a cluster each is an endpoint, and to a kernel a namespace less."""
    subprocess.run(["ip", "netns", "add", "many"], check=True)
    for n in range(int(count)):
        plugin("ADD", path, network, "many", f"eth{n}")


def neighbours(pid, bridge):
    p = subprocess.run(["nsenter", "--target", pid, "--net", "--", "ip", "-o", "neighbour", "show", "nud", "permanent",
                        "dev", bridge], capture_output=True, check=True)
    return p.stdout.count(b"\n")


def many(count, netd, pid, bridge):
    most = neighbours(pid, bridge)
    time.sleep(30)
    memory = memory_mib(netd)
    begin, cpu = now(), cpu_s(netd)
    subprocess.run(["nsenter", "--target", pid, "--net", "--", "ip", "neighbour", "flush", "nud", "permanent", "dev", bridge],
                   check=True, stdout=subprocess.DEVNULL)
    flushed = now()
    while neighbours(pid, bridge) < most:
        if now() > begin + 60:
            raise SystemExit("they do not come back")
    done = now()
    print(f"{count} endpoints on other hosts\n")
    table("", "")
    row("PSS, MiB", [memory[0]], "{:.1f}")
    row("all neighbours deleted by somebody, s", [flushed - begin], "{:.2f}")
    row("… and all back after it, s", [done - flushed], "{:.2f}")
    row("CPU of netd for it, s", [cpu_s(netd) - cpu], "{:.2f}")


if __name__ == "__main__":
    commands = {"first": first, "wire": wire, "idle": idle, "many": many, "fill": fill, "agent": agent, "probe": probe}
    commands[sys.argv[1]](*sys.argv[2:])
