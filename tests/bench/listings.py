#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""listings - how long people wait for heddle's listings on a host that is full

	tests/bench/listings.py [-n CALLS] [-N NETWORKS] [-a ATTACHMENTS] HEDDLE

Makes networks with `heddle network create`, in a namespace and directories of
its own, and what libcni and host-local would have kept of attachments to them:
a result and a lease each.  Then each command is called again and again; the
median and the 99th percentile are printed, in milliseconds, with the CPU time of
a call, which tells what the machine was otherwise busy with, and the number of
files that it opens (strace).  Run as root.
"""
import argparse
import base64
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time

GOAL_MS = 20  # for `network ls`, with 200 networks and 5,000 attachments

COMMANDS = [
    ["network", "ls"],
    ["network", "ls", "-q"],
    ["network", "ls", "--format", "json"],
    ["network", "ls", "--filter", "name=net19"],
    ["network", "ls", "--filter", "dangling=true"],
    ["network", "inspect", "net7"],
    ["ps", "--network", "net7"],
    ["ps"],
    ["graph"],
]


def attach(base, network, number):
    """What is kept of one attachment, as libcni and host-local write it."""
    name = f"net{network}"
    container = f"{network:04x}{number:060x}"
    address = f"10.{100 + network // 250}.{network % 250}.{number + 2}"
    netns = f"/run/netns/{container}"
    conf = json.dumps({"cniVersion": "1.0.0", "name": name, "plugins": [{"type": "bridge"}]})
    result = {
        "kind": "cniCacheV1",
        "containerId": container,
        "config": base64.b64encode(conf.encode()).decode(),
        "ifName": "eth0",
        "networkName": name,
        "netns": netns,
        "cniArgs": [["K8S_POD_NAME", f"c{number}"]],
        "result": {
            "cniVersion": "1.0.0",
            "interfaces": [{"name": "eth0", "mac": "02:00:00:00:00:01", "sandbox": netns}],
            "ips": [{"address": f"{address}/24", "interface": 0}],
        },
    }
    with open(f"{base}/cache/results/{name}-{container}-eth0", "w", encoding="ascii") as file:
        json.dump(result, file)
    with open(f"{base}/cache/networks/{name}/{address}", "w", encoding="ascii") as file:
        file.write(f"{container}\r\neth0")


def fill(base, heddle, networks, attachments):
    """The networks, and as many attachments, spread evenly."""
    os.makedirs(f"{base}/cache/results")
    for network in range(networks):
        subnet = f"10.{100 + network // 250}.{network % 250}.0/24"
        subprocess.run(heddle + ["network", "create", "--subnet", subnet, f"net{network}"],
                       check=True, stdout=subprocess.DEVNULL)
        os.makedirs(f"{base}/cache/networks/net{network}")
    for number in range(attachments):
        attach(base, number % networks, number // networks)


def cpu_seconds():
    """What the calls so far have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(command, calls):
    """Sorted times of calls, and the mean CPU time of one, in milliseconds."""
    times = []
    cpu = cpu_seconds()
    for _ in range(calls):
        begin = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append((time.perf_counter() - begin) * 1000)
    return sorted(times), (cpu_seconds() - cpu) * 1000 / calls


def count_opens(command):
    """How many files a call opens."""
    trace = subprocess.run(["strace", "-f", "-e", "trace=open,openat"] + command, check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return len(re.findall(r"^open.* = \d+$", trace.stderr, re.M))


def main():
    """Measure, and say whether the goal is met."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("-n", type=int, default=100, help="calls of each command")
    parser.add_argument("-N", type=int, default=200, help="networks")
    parser.add_argument("-a", type=int, default=5000, help="attachments")
    parser.add_argument("heddle")
    args = parser.parse_args()
    if "HEDDLE_LISTINGS" not in os.environ:
        os.environ["HEDDLE_LISTINGS"] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable] + sys.argv)

    with tempfile.TemporaryDirectory() as base:
        heddle = [args.heddle, "--cni-conf-dir", f"{base}/net.d", "--state-dir",
                  f"{base}/state", "--cache-dir", f"{base}/cache"]
        fill(base, heddle, args.N, args.a)
        print(f"{args.N} networks, {args.a} attachments, {args.n} calls each\n")
        print(f"{'heddle':34} {'median ms':>10} {'p99 ms':>8} {'cpu ms':>8} {'files':>7}")
        for command in COMMANDS:
            calls = args.n if command[0] == "network" else max(args.n // 10, 3)
            times, cpu = measure(heddle + command, calls)
            print(f"{' '.join(command):34} {times[len(times) // 2]:10.1f} "
                  f"{times[min(len(times) - 1, len(times) * 99 // 100)]:8.1f} {cpu:8.1f} "
                  f"{count_opens(heddle + command):7}")
            if command == ["network", "ls"]:
                met = times[len(times) // 2] < GOAL_MS
    print(f"\n`network ls` under {GOAL_MS} ms: {'met' if met else 'missed'}")


if __name__ == "__main__":
    main()
