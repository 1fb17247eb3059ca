#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""faults - fail, and kill, a plugin at every system call that it makes

	faults.py [--every-error] [--each N] [--only CALL:K[:ERROR|:KILL]] SCENARIO

A run of the plugin is recorded with strace.  Each system call after main() is
a pair (call, k): the k-th time that a process makes this call.  For each pair
the run is repeated with an error injected there, and again with SIGKILL
delivered before the call is carried out.  After every run:

  - a failed ADD says why in an error object, and has undone itself, unless
    the fault struck more than one of its processes;
  - an ADD that says success is confirmed by CHECK;
  - another container gets an address that nobody holds;
  - after DEL (or GC) no link, lease, address or nftables element is left.

A second container, the holder, is attached throughout and must not notice.

What has no effect outside the process (memory, signals) is left out, as are
calls before main(), which are the dynamic loader's and a sanitizer's.  Counting
is by process: in DEL, the k-th sendto may be the plugin's or that of its
detached child.

Plugins are taken from $HEDDLE_PLUGINS.
"""
import argparse
import atexit
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLUGINS = os.environ.get("HEDDLE_PLUGINS", os.path.join(TOP, "build", "plugins"))
PREFIX = "heddle-e2e-%d-" % os.getpid()	# lib.bash sweeps these names when the process is gone
LIMIT_S = 60				# of one run; more is a hang

# Neither undoes nor does anything that outlives the process.
HARMLESS = re.compile(r"rt_\w+|sig\w+|mmap|munmap|mremap|mprotect|madvise|brk|close|exit\w*|"
		      r"get[pt]id|set_\w+|rseq|prlimit64|futex|arch_prctl|clock_\w+|gettid|membarrier")

# An error that the call can return in life; the first is the one of a quick run.
ERRORS = {
	"accept4": ["EMFILE"],
	"bind": ["ENOMEM"],
	"clone": ["EAGAIN"],
	"clone3": ["EAGAIN"],
	"connect": ["ECONNREFUSED"],
	"execve": ["ENOMEM", "ETXTBSY"],
	"fork": ["EAGAIN"],
	"flock": ["ENOLCK", "EINTR"],
	"fsetxattr": ["ENOSPC", "EOPNOTSUPP"],
	"fsync": ["EIO"],
	"getrandom": ["EAGAIN"],
	"getdents64": ["ENOENT", "EIO"],
	"getsockname": ["ENOBUFS"],
	"linkat": ["ENOSPC", "EROFS"],
	"mkdir": ["ENOSPC", "EROFS"],
	"mkdirat": ["ENOSPC", "EROFS"],
	"openat": ["EMFILE", "EACCES", "EINTR"],
	"pipe2": ["EMFILE"],
	"poll": ["EINTR", "ENOMEM"],
	"read": ["EIO", "EINTR"],
	"recvfrom": ["ENOBUFS", "EAGAIN", "EINTR"],
	"recvmsg": ["ENOBUFS", "EAGAIN", "EINTR"],
	"rename": ["ENOSPC"],
	"renameat": ["ENOSPC"],
	"sendmsg": ["ENOBUFS", "EINTR"],
	"sendto": ["ENOBUFS", "EINTR"],
	"setns": ["EPERM"],
	"setsockopt": ["ENOPROTOOPT"],
	"socket": ["EMFILE"],
	"unlink": ["EROFS"],
	"unlinkat": ["EROFS"],
	"vfork": ["EAGAIN"],
	"write": ["ENOSPC", "EINTR"],
}
OTHER_ERRORS = ["EIO"]


def command(*argv):
	"""Run a tool that must work; its stdout."""
	return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


# ---- the host, its containers, and what is in them ----------------------------

class Lab:
	"""A namespace that plays the host, in which this process is, and containers."""

	def __init__(self, containers):
		self.dir = tempfile.mkdtemp(prefix="heddle-faults-")
		self.netns = {}
		self.watched = []	# containers whose links count too
		atexit.register(self.clean)
		self.leave_mounts()
		for name in ("host", *containers):
			command("ip", "netns", "add", PREFIX + name)
			self.netns[name] = "/run/netns/" + PREFIX + name
		fd = os.open(self.netns["host"], os.O_RDONLY)
		if ctypes.CDLL(None).setns(fd, 0x40000000) != 0:	# CLONE_NEWNET
			sys.exit("cannot enter " + self.netns["host"])
		os.close(fd)

	@staticmethod
	def leave_mounts():
		"""GC looks into all namespaces that are mounted; only those of this process shall be."""
		if ctypes.CDLL(None).unshare(0x00020000) != 0:	# CLONE_NEWNS
			sys.exit("cannot leave the machine's mounts")
		command("mount", "--make-rprivate", "/")
		with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
			for mount in [line.split()[4] for line in mounts if " - nsfs " in line]:
				# One that its owner removes meanwhile is gone here, too.
				subprocess.run(["umount", "--lazy", mount], check=False, stderr=subprocess.DEVNULL)

	def clean(self):
		shutil.rmtree(self.dir, ignore_errors=True)
		for name in self.netns:
			subprocess.run(["ip", "netns", "del", PREFIX + name], check=False)

	@property
	def leases(self):
		return os.path.join(self.dir, "leases")

	def path(self, name):
		return os.path.join(self.dir, name)

	def state(self):
		"""All that an attachment can leave, as a set of lines."""
		lines = set()
		for link in json.loads(command("ip", "-j", "-d", "addr", "show")):
			lines |= self.link_lines(link)
		for name in self.watched:
			for link in json.loads(command("ip", "-n", PREFIX + name, "-j", "link", "show")):
				if link["ifname"] != "lo":
					lines.add("link %s in %s" % (link["ifname"], name))
		for entry in json.loads(command("nft", "-j", "list", "ruleset"))["nftables"]:
			chain = entry.get("chain", {})
			if "hook" not in chain and chain:
				lines.add("chain " + chain["name"])
			for kind in ("set", "map"):
				table = entry.get(kind, {})
				for elem in table.get("elem", []):
					lines.add("element of %s: %s" % (table["name"], json.dumps(elem, sort_keys=True)))
		for where, _, names in os.walk(self.leases):
			for name in names:
				if name not in ("lock", ".heddle-index") and not name.startswith("last_reserved_ip."):
					with open(os.path.join(where, name), "rb") as lease:
						lines.add("lease %s of %r" % (name, lease.read()))
		return lines

	@staticmethod
	def link_lines(link):
		name = link["ifname"]
		lines = {"link " + name} if name != "lo" else set()
		if link.get("ifalias"):
			lines.add("alias %s of %s" % (link["ifalias"], name))
		for addr in link["addr_info"]:
			if addr["scope"] == "global":
				lines.add("address %s/%d on %s" % (addr["local"], addr["prefixlen"], name))
		return lines

	def forget(self):
		"""As a host that has never seen a container."""
		for link in json.loads(command("ip", "-j", "-d", "link", "show")):
			if link["ifname"] != "lo":
				command("ip", "link", "del", link["ifname"])
		command("nft", "flush", "ruleset")
		shutil.rmtree(self.leases, ignore_errors=True)


class Outcome:
	"""How a run of the plugin ended."""

	def __init__(self, status, out, err, log):
		self.status, self.out, self.err, self.log = status, out, err, log

	@property
	def ok(self):
		return self.status == 0

	def result(self):
		return json.loads(self.out)

	def addresses(self):
		return {ip["address"] for ip in self.result().get("ips", [])} if self.ok else set()

	def __str__(self):
		return "status %s, stdout %r, stderr %r" % (self.status, self.out, self.err)


class Plugin:
	"""The plugin under test with its config, in a lab."""

	def __init__(self, lab, conf, path=PLUGINS):
		self.lab, self.conf, self.path = lab, conf, path
		self.own = {}	# more keys, by container

	def run(self, verb, container, fault=None, trace=None, **extra):
		"""One run; @extra keys go into the config.  A hang is status None."""
		env = dict(os.environ, CNI_COMMAND=verb, CNI_PATH=self.path, CNI_CONTAINERID=container,
			   CNI_NETNS=self.lab.netns[container], CNI_IFNAME="eth0",
			   ASAN_OPTIONS="detect_leaks=0")	# which does not work under ptrace
		argv = [os.path.join(PLUGINS, self.conf["type"])]
		log = self.lab.path("strace")
		if fault:
			argv = fault.strace(log) + argv
		elif trace:
			argv = ["strace", "-f", "-qq", "-o", trace] + argv
		process = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
					   stderr=subprocess.PIPE, text=True, start_new_session=True)
		try:
			out, err = process.communicate(
				json.dumps({**self.conf, **self.own.get(container, {}), **extra}), LIMIT_S)
		except subprocess.TimeoutExpired:
			os.killpg(process.pid, signal.SIGKILL)
			out, err = process.communicate()
			return Outcome(None, out, err, "")
		text = ""
		if fault:
			with open(log, encoding="utf-8", errors="replace") as file:
				text = file.read()
		return Outcome(process.returncode, out, err, text)

	def must(self, verb, container, **extra):
		"""A run that has to succeed, or the lab itself is broken."""
		outcome = self.run(verb, container, **extra)
		if not outcome.ok:
			raise RuntimeError("%s of %s: %s" % (verb, container, outcome))
		return outcome


# ---- where to fail ------------------------------------------------------------

class Fault:
	"""The k-th @call of a process fails with @error; "KILL" kills the process there."""

	def __init__(self, call, k, error):
		self.call, self.k, self.error = call, k, error

	@property
	def kills(self):
		return self.error == "KILL"

	def strace(self, log):
		# With --seccomp-bpf, which is quicker, strace cannot deliver a signal.
		what = ["signal=KILL"] if self.kills else ["error=" + self.error, "--seccomp-bpf"]
		return ["strace", "-f", *what[1:], "-q", "-o", log, "-e", "trace=" + self.call,
			"-e", "inject=%s:%s:when=%d" % (self.call, what[0], self.k)]

	def hits(self, log):
		"""How often it struck: a delegate and what undoes it count calls of their own."""
		return log.count("killed by SIGKILL" if self.kills else "(INJECTED)")

	def __str__(self):
		return "%s:%d:%s" % (self.call, self.k, self.error)


def pairs(trace, begins="SIGPIPE"):
	"""
	(call, k) of each call after main(), in order, from a recorded trace.  Where
	one process is in main() and another was not, the pair is left out.  A line
	with @begins ends the loading: of plugins, what cni_main() sets first.
	"""
	counts, loading, found, early = {}, {}, [], set()
	with open(trace, encoding="utf-8", errors="replace") as file:
		for line in file:
			match = re.match(r"(\d+)\s+(\w+)\(", line)
			if not match:
				continue
			pid, call = match.groups()
			count = counts.setdefault(pid, {})
			count[call] = count.get(call, 0) + 1
			if call == "execve":
				loading[pid] = True
			elif re.search(begins, line):
				loading[pid] = False
			pair = (call, count[call])
			if loading.get(pid):
				early.add(pair)
			elif not HARMLESS.fullmatch(call) and pair not in found:
				found.append(pair)
	return [pair for pair in found if pair not in early]


def faults(trace, every_error, begins="SIGPIPE"):
	for call, k in pairs(trace, begins):
		errors = ERRORS.get(call, OTHER_ERRORS)
		for error in (errors if every_error else errors[:1]) + ["KILL"]:
			yield Fault(call, k, error)
	# The result is out, and the process dies before it can say so.
	yield Fault("exit_group", 1, "KILL")


# ---- what must hold afterwards --------------------------------------------------

class Scenario:
	"""A run that is faulted again and again, with the holder attached or on a fresh host."""

	verb = "ADD"
	begins = "SIGPIPE"	# see pairs()
	example = "bridge-dual-stack"
	change = {"macspoofchk": True, "hairpinMode": True}
	holder = True
	own_ipam = True
	position = 0	# of the plugin in its list

	def __init__(self):
		self.lab = Lab(["holder", "victim", "other"])
		self.plugin = Plugin(self.lab, self.config(), self.cni_path())
		self.furnish()
		self.held = set()
		if self.holder:
			self.held = self.plugin.must("ADD", "holder").addresses()
			self.plugin.must("ADD", "victim")
			self.plugin.must("DEL", "victim")
		self.base = self.lab.state()

	def config(self):
		with open(os.path.join(TOP, "conf-examples", self.example + ".conflist"), encoding="utf-8") as file:
			conflist = json.load(file)
		conf = dict(conflist["plugins"][self.position], cniVersion=conflist["cniVersion"], name=conflist["name"],
			    **self.change)
		if conf.get("ipam", {}).get("type") == "host-local":
			conf["ipam"]["dataDir"] = self.lab.leases
			if not self.own_ipam:
				conf["ipam"]["type"] = "other-ipam"
		return conf

	def furnish(self):
		"""What has to be on the host before there are containers."""

	def cni_path(self):
		"""Where the delegate is: ours beside the plugin, or by a name that the plugin has to run."""
		if self.own_ipam:
			return PLUGINS
		path = self.lab.path("delegates")
		os.mkdir(path)
		shutil.copy(os.path.join(PLUGINS, "host-local"), os.path.join(path, "other-ipam"))
		return path

	# Each of these is a step of a case; the steps return complaints.

	def prepare(self):
		if not self.holder:
			self.lab.forget()
			self.base = self.lab.state()

	def record(self):
		self.prepare()
		trace = self.lab.path("trace")
		self.plugin.must(self.verb, "victim", trace=trace)
		self.clean_up()
		return trace

	def clean_up(self):
		return self.plugin.run("DEL", "victim")

	def give_up(self):
		"""After a case that failed, or the next one would fail for it."""
		self.plugin.run("DEL", "victim")

	def left(self):
		"""What is there that was not, and what was there that is not."""
		now = self.lab.state()
		lines = ["left: " + line for line in sorted(now - self.base) if not self.stays(line)]
		return lines + ["lost: " + line for line in sorted(self.base - now)]

	def stays(self, line):
		"""The bridge and its addresses are the network's, not the attachment's."""
		bridge = self.plugin.conf["bridge"]
		return line == "link " + bridge or line.endswith(" on " + bridge)

	@staticmethod
	def ending(outcome, fault):
		"""Success and failure are told in the ways of CNI."""
		if outcome.status is None:
			return ["hung for %d s" % LIMIT_S]
		if outcome.status < 0:
			allowed = (fault.kills and outcome.status == -signal.SIGKILL) or \
				  (fault.call == "setns" and outcome.status == -signal.SIGABRT)
			return [] if allowed else ["died: %s" % outcome]
		if outcome.ok or fault.call == "write":
			return []
		try:
			error = json.loads(outcome.out)
			if error["code"] > 0 and error["msg"]:
				return []
		except (ValueError, KeyError, TypeError):
			pass
		return ["no error object: %s" % outcome]

	def confirmed(self, outcome):
		"""An ADD that says success is what it says."""
		try:
			result = outcome.result()
		except ValueError:
			return ["no result: %s" % outcome]
		complaints = []
		if outcome.addresses() & self.held:
			complaints.append("given twice: %s" % (outcome.addresses() & self.held))
		check = self.plugin.run("CHECK", "victim", prevResult=result)
		if not check.ok:
			complaints.append("CHECK: %s" % check)
		return complaints

	def another(self, taken):
		"""Another container gets an address that nobody holds."""
		outcome = self.plugin.run("ADD", "other")
		if not outcome.ok:
			return ["the next ADD failed: %s" % outcome]
		twice = outcome.addresses() & taken
		complaints = ["given twice: %s" % twice] if twice else []
		if not self.plugin.run("DEL", "other").ok:
			complaints.append("DEL of the next container failed")
		return complaints

	def case(self, fault):
		"""Complaints, and whether the fault was reached."""
		self.prepare()
		outcome = self.plugin.run(self.verb, "victim", fault=fault)
		complaints = self.ending(outcome, fault)
		if outcome.ok:
			complaints += self.confirmed(outcome)
		elif outcome.status and outcome.status > 0 and fault.hits(outcome.log) == 1:
			complaints += ["failed, and " + line for line in self.left()]
		if outcome.ok or self.left():
			complaints += self.another(self.held | outcome.addresses())
		cleaned = self.clean_up()
		if not cleaned.ok:
			complaints.append("cleaning up failed: %s" % cleaned)
		return complaints + self.left(), fault.hits(outcome.log) > 0


class Add(Scenario):
	"""ADD beside another container, with everything an attachment can have"""


class AddFirst(Scenario):
	"""ADD as the first on its host: no bridge, no table, no lease directory"""

	holder = False


class AddGc(Scenario):
	"""ADD, where GC cleans up after it and not DEL"""

	def clean_up(self):
		return self.plugin.run("GC", "victim", **{
			"cni.dev/valid-attachments": [{"containerID": "holder", "ifname": "eth0"}]})


class AddExec(Scenario):
	"""ADD with an IPAM delegate that has to be run; faults hit it too"""

	own_ipam = False


class AddExample(Scenario):
	"""ADD of the plain example, IPv4 alone"""

	example = "bridge"
	change = {}


class Del(Scenario):
	"""DEL, which says success only when nothing is left, and can be repeated"""

	verb = "DEL"

	def prepare(self):
		self.plugin.must("ADD", "victim")

	def case(self, fault):
		self.prepare()
		outcome = self.plugin.run("DEL", "victim", fault=fault)
		complaints = self.ending(outcome, fault)
		if outcome.ok:
			complaints += ["said success, and " + line for line in self.left()]
		again = self.clean_up()
		if not again.ok:
			complaints.append("the second DEL failed: %s" % again)
		return complaints + self.left(), fault.hits(outcome.log) > 0


class DelExec(Del):
	"""DEL with an IPAM delegate that has to be run"""

	own_ipam = False


class Gc(Del):
	"""GC, under the same terms"""

	verb = "GC"

	def record(self):
		self.prepare()
		trace = self.lab.path("trace")
		self.gc(trace=trace)
		return trace

	def gc(self, **how):
		return self.plugin.run("GC", "victim", **how, **{
			"cni.dev/valid-attachments": [{"containerID": "holder", "ifname": "eth0"}]})

	def case(self, fault):
		self.prepare()
		outcome = self.gc(fault=fault)
		complaints = self.ending(outcome, fault)
		if outcome.ok:
			complaints += ["said success, and " + line for line in self.left()]
		again = self.gc()
		if not again.ok:
			complaints.append("the second GC failed: %s" % again)
		return complaints + self.left(), fault.hits(outcome.log) > 0


class Ptp:
	"""A plugin that leaves nothing of a network on the host but its containers"""

	example = "ptp"
	change = {}

	def stays(self, _):
		return False


class Macvlan(Ptp):
	"""Nothing is on the host, all in the container"""

	example = "macvlan"

	def furnish(self):
		command("ip", "link", "add", "wire0", "type", "veth", "peer", "name", "wire1")
		command("ip", "link", "set", "wire0", "up")
		self.lab.watched = ["victim"]


class HostDevice(Ptp):
	"""A card for each container, which is back when there is none"""

	example = "host-device"

	def furnish(self):
		for number, container in enumerate(["victim", "holder", "other"]):
			card = "card%d" % number
			command("ip", "link", "add", card, "type", "veth", "peer", "name", "port%d" % number)
			self.plugin.own[container] = {"device": card}
		self.lab.watched = ["victim"]


class Firewall(Ptp):
	"""A chained plugin with all that it can do for an attachment; the holder has no list"""

	example = "firewall"
	position = 2
	change = {"ingressPolicy": "isolated", "spoofchk": True,
		  "ingress": [{"protocol": "tcp", "port": "80-90"}, {"protocol": "icmp"}], "egress": []}

	def furnish(self):
		command("ip", "link", "add", "guarded0", "type", "bridge")
		for number, container in enumerate(["holder", "victim", "other"], 2):
			self.plugin.own[container] = {"prevResult": {
				"cniVersion": "1.1.0",
				"interfaces": [{"name": "guarded0"}, {"name": "port%d" % number},
					       {"name": "eth0", "mac": "02:00:00:00:00:%02d" % number, "sandbox": "/ns"}],
				"ips": [{"address": "10.74.0.%d/24" % number, "interface": 2},
					{"address": "fd00:74::%d/64" % number, "interface": 2}]}}
		self.plugin.own["holder"].update(ingress=None, egress=None)


class Portmap(Ptp):
	"""Ports of every address and of one, of both families, in a range; the holder has no conditions"""

	example = "portmap"
	position = 1
	change = {"snat": False, "masqAll": True, "conditionsV4": ["ip saddr { 192.0.2.0/24, 198.51.100.1 }"]}

	def furnish(self):
		command("ip", "link", "add", "pub0", "type", "bridge")
		for number, container in enumerate(["holder", "victim", "other"], 2):
			self.plugin.own[container] = {
				"runtimeConfig": {"portMappings": [
					{"hostPort": 8000 + number, "containerPort": 80, "protocol": "tcp"},
					{"hostPort": 5300 + number, "containerPort": 53, "protocol": "udp", "hostIP": "192.0.2.1"},
					{"hostPort": 9000 + 10 * number, "containerPort": 90, "protocol": "tcp", "range": 3}]},
				"prevResult": {
					"cniVersion": "1.1.0",
					"interfaces": [{"name": "pub0"}, {"name": "eth0", "sandbox": "/ns"}],
					"ips": [{"address": "10.75.0.%d/24" % number, "interface": 1},
						{"address": "fd00:75::%d/64" % number, "interface": 1}]}}
		self.plugin.own["holder"].update(conditionsV4=None)


SCENARIOS = {"add": Add, "add-first": AddFirst, "add-gc": AddGc, "add-exec": AddExec,
	     "add-example": AddExample, "del": Del, "del-exec": DelExec, "gc": Gc}
for prefix, kind in (("ptp", Ptp), ("macvlan", Macvlan), ("host-device", HostDevice),
		     ("firewall", Firewall), ("portmap", Portmap)):
	for verb in ("add", "add-gc", "del", "gc"):
		SCENARIOS["%s-%s" % (prefix, verb)] = type(kind.__name__, (kind, SCENARIOS[verb]), {})


def wanted(fault, only):
	return not only or str(fault) == only or str(fault).startswith(only + ":")


def main(doc, scenarios):
	parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
	parser.add_argument("--every-error", action="store_true", help="all errors of a call, not the first alone")
	parser.add_argument("--each", metavar="N", type=int, default=1, help="one fault in N, for a quick run")
	parser.add_argument("--only", metavar="CALL:K", help="this pair alone, for a person who looks into it")
	parser.add_argument("scenario", choices=scenarios)
	args = parser.parse_args()

	begin = time.monotonic()
	scenario = scenarios[args.scenario]()
	passed = failed = missed = 0
	for number, fault in enumerate(faults(scenario.record(), args.every_error, scenario.begins)):
		if not wanted(fault, args.only) or number % args.each:
			continue
		complaints, reached = scenario.case(fault)
		missed += not reached
		if complaints:
			failed += 1
			scenario.give_up()
			print("FAILED %s %s\n\t%s" % (args.scenario, fault, "\n\t".join(complaints)))
		else:
			passed += 1
	print("%s: %d passed, %d failed; %d of them were not reached; %.0f s"
	      % (args.scenario, passed, failed, missed, time.monotonic() - begin))
	# Counts vary a little with timing, also those of a small sample; many that are missed would mean
	# that nothing is tested.
	return 1 if failed or not passed or missed > max(2, passed // 10) else 0


if __name__ == "__main__":
	sys.exit(main(__doc__, SCENARIOS))
