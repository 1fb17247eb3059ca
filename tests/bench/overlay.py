#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The measurements of tests/bench/overlay, which says what they are.

first PLUGIN ROUNDS NETWORKS HOST=PID…	in turn on each host and network: ADD, first replies, DEL
wire ROUNDS TITLE,PID,PID,CONTAINER,IPv4,IPv6…	between two hosts, the second way by hand
idle SECONDS PID…			netds
many COUNT NETD PID BRIDGE		a netd, its host, and the bridge that has so many neighbours
fill PLUGIN NETWORK COUNT		on a host: so many endpoints
agent					on a host: commands as JSON lines on stdin
probe					in a container: addresses on stdin, times on stdout

All clocks are CLOCK_MONOTONIC, which namespaces share.
"""
import collections
import ctypes
import fcntl
import json
import os
import selectors
import socket
import struct
import subprocess
import sys
import time

RETRY_S = 0.002  # between requests that nobody has answered
GIVE_UP_S = 10
FILL_S = 120  # that an ADD may take on a machine where all hosts add
TRY_AGAIN = 11  # code of an error
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914


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

def plugin(command, path, network, container, ifname="eth0", again=False):
    """When it began, when it ended, and its result; or None, if @again, and it said that this would help."""
    conf = json.dumps({"cniVersion": "1.1.0", "name": network, "type": "overlay"})
    env = {
        "CNI_COMMAND": command, "CNI_CONTAINERID": container, "CNI_IFNAME": ifname,
        "CNI_NETNS": f"/run/netns/{container}", "CNI_PATH": os.path.dirname(path),
    }
    begin = now()
    p = subprocess.run([path], input=conf, capture_output=True, text=True, env=env, close_fds=False)
    end = now()
    if p.returncode and again and json.loads(p.stdout)["code"] == TRY_AGAIN:
        return None
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

CHUNK = 32 << 20  # bytes of a sample of throughput
STREAMS = 4
ECHOES = 500  # of a sample of latency


def enter(pid, container):
    """What this process opens from now on is in the container, whose name is in the host's mount namespace."""
    with open(f"/proc/{pid}/root/run/netns/{container}") as f:
        if LIBC.setns(f.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"enter {container}")


def connected(way, v6, kind):
    """Sockets of one container, and of the other."""
    family, address = (socket.AF_INET6, way.address6) if v6 else (socket.AF_INET, way.address4)
    enter(way.to_pid, way.container)
    far = socket.socket(family, kind)
    far.bind((address, 0))
    if kind == socket.SOCK_STREAM:
        far.listen()
    enter(way.from_pid, way.container)
    near = socket.socket(family, kind)
    near.settimeout(GIVE_UP_S)
    near.connect(far.getsockname()[:2])
    return near, far.accept()[0] if kind == socket.SOCK_STREAM else far


class Way:
    """From a container to the one of the same name on another host."""

    def __init__(self, title, from_pid, to_pid, container, address4, address6):
        self.title, self.from_pid, self.to_pid, self.container = title, from_pid, to_pid, container
        self.address4, self.address6 = address4, address6
        streams = {v6: [connected(self, v6, socket.SOCK_STREAM) for _ in range(STREAMS)] for v6 in (False, True)}
        datagrams = {v6: connected(self, v6, socket.SOCK_DGRAM) for v6 in (False, True)}
        self.streams = {v6: [near for near, _ in pairs] for v6, pairs in streams.items()}
        self.datagrams = {v6: near for v6, (near, _) in datagrams.items()}
        self.far = [far for pairs in streams.values() for _, far in pairs] + [far for _, far in datagrams.values()]


def answer(far, got, buffer):
    """A datagram comes back; of a stream the end of each chunk is told, and the CPU time until then."""
    if far.type == socket.SOCK_DGRAM:
        size, peer = far.recvfrom_into(buffer)
        far.sendto(buffer[:size], peer)
        return
    got[far] += far.recv_into(buffer)
    if got[far] >= CHUNK:
        got[far] -= CHUNK
        far.sendall(struct.pack("d", time.process_time()))


def answer_all(fars):
    """The other side of all ways, in a process of its own that ends with its parent."""
    parent = os.getpid()
    if os.fork():
        return
    got, buffer = dict.fromkeys(fars, 0), memoryview(bytearray(1 << 20))
    with selectors.DefaultSelector() as selector:
        for far in fars:
            selector.register(far, selectors.EVENT_READ)
        while os.getppid() == parent:
            for key, _ in selector.select(1):
                answer(key.fileobj, got, buffer)
    os._exit(0)


def send_chunks(streams):
    """A chunk by each, at once, until the other side has them."""
    data, left = memoryview(bytes(1 << 18)), dict.fromkeys(streams, CHUNK)
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            stream.setblocking(False)
            selector.register(stream, selectors.EVENT_WRITE)
        while left:
            for stream in [key.fileobj for key, _ in selector.select(GIVE_UP_S)]:
                left[stream] -= stream.send(data[:left[stream]])
                if not left[stream]:
                    selector.unregister(stream)
                    del left[stream]
    for stream in streams:
        stream.settimeout(GIVE_UP_S)
    return max(struct.unpack("d", stream.recv(8, socket.MSG_WAITALL))[0] for stream in streams)


def throughput(way, v6, n_streams):
    """Gbit/s; and what both ends and all between them take of the CPUs, ns a kB."""
    streams = way.streams[v6][:n_streams]
    # The other process's time counts on since its last chunk, of whichever way.
    far0 = send_chunks(streams[:1])
    near0, begin = time.process_time(), now()
    far = send_chunks(streams)
    took, size = now() - begin, CHUNK * n_streams
    return size * 8 / took / 1e9, (far - far0 + time.process_time() - near0) / size * 1e12


def latency(way, v6):
    """Round trip in µs, of datagrams each sent when the one before was answered."""
    near, times = way.datagrams[v6], []
    for _ in range(ECHOES):
        begin = now()
        near.send(b"echo")
        near.recv(64)
        times.append(now() - begin)
    return (percentile(times, 50) * 1e6,)


MEASURES = (
    (("one TCP, Gbit/s", "CPU time of one, ns a kB"), lambda way, v6: throughput(way, v6, 1)),
    ((f"{STREAMS} TCP, Gbit/s", f"CPU time of {STREAMS}, ns a kB"), lambda way, v6: throughput(way, v6, STREAMS)),
    (("round trip, µs",), latency),
)


def wire_rounds(ways, rounds):
    """Samples of all measures, in lists of a value for each round, by row, family and way."""
    samples = collections.defaultdict(list)
    for n in range(rounds):
        for titles, measure in MEASURES:
            for v6 in (False, True):
                # Who is first takes turns.
                for way in ways[n % len(ways):] + ways[:n % len(ways)]:
                    for title, value in zip(titles, measure(way, v6)):
                        samples[title, v6, way.title].append(value)
    return samples


def wire(rounds, *named):
    ways = [Way(*n.split(",")) for n in named]
    answer_all([far for way in ways for far in way.far])
    samples = wire_rounds(ways, int(rounds))
    titles = [way.title for way in ways]
    print(f"{rounds} rounds, each way in turn; medians\n")
    table("", *titles, "ratio", "25 %", "75 %", *(f"ratio, {title}" for title in titles[2:]))
    for title in (title for titles_of, _ in MEASURES for title in titles_of):
        for v6 in (False, True):
            of = [samples[title, v6, way] for way in titles]
            ratios = [[a / b for a, b in zip(each, of[1])] for each in of]
            row(f"{title}, IPv{6 if v6 else 4}", [percentile(each, 50) for each in of] +
                [percentile(ratios[0], p) for p in (50, 25, 75)] + [percentile(each, 50) for each in ratios[2:]], "{:.3f}")


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

def socket_in(container):
    """Of this host, for requests about its interfaces."""
    with open("/proc/self/ns/net") as here:
        enter(os.getpid(), container)
        s = socket.socket()
        LIBC.setns(here.fileno(), CLONE_NEWNET)
    return s


def shut(s, ifname):
    """No carrier: what is flooded on the host is not a thousand frames, which no host of ten containers would pay."""
    request = struct.pack("16sh22x", ifname.encode(), 0)
    fcntl.ioctl(s, SIOCSIFFLAGS, request)


def fill(path, network, count):
    """One container with many interfaces: to a cluster each is an endpoint, and to a kernel a namespace less."""
    subprocess.run(["ip", "netns", "add", "many"], check=True)
    with socket_in("many") as s:
        for n in range(int(count)):
            end = now() + FILL_S
            while not plugin("ADD", path, network, "many", f"eth{n}", again=now() < end):
                time.sleep(GIVE_UP_S)  # all hosts of the cluster are at it on this machine
            shut(s, f"eth{n}")


def neighbours(pid, bridge):
    p = subprocess.run(["nsenter", "--target", pid, "--net", "--", "ip", "-o", "neighbour", "show", "nud", "permanent",
                        "dev", bridge], capture_output=True, check=True)
    return p.stdout.count(b"\n")


def many(count, netd, pid, bridge):
    most = neighbours(pid, bridge)
    time.sleep(30)
    memory = memory_mib(netd)
    begin, cpu = now(), cpu_s(netd)
    # ip fails when it finds entries again after ten rounds: netd is quicker.
    subprocess.run(["nsenter", "--target", pid, "--net", "--", "ip", "neighbour", "flush", "nud", "permanent", "dev", bridge],
                   check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
