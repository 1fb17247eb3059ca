#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""heddle_faults - fail, and kill, the command at every system call that it makes

	heddle_faults.py [--each N] [--every-error] [--only CALL:K[:ERROR|:KILL]] SCENARIO

As faults.py does with plugins.  After every run:

  - each file that an engine would read is complete: the old one or the new one;
  - a command that says success has done it;
  - a command that failed, and was not killed, has done nothing;
  - the same command, or the opposite one, works at once, and then no temporary
    file, lock or trace of an attachment is left.

The command is build/heddle beside $HEDDLE_PLUGINS, or $HEDDLE.
"""
import json
import os
import signal
import subprocess
import sys

import faults

HEDDLE = os.environ.get("HEDDLE", os.path.join(os.path.dirname(faults.PLUGINS.rstrip("/")), "heddle"))
READ_BY_ENGINES = (".conf", ".conflist", ".json")
SUBNET = "10.61.0.0/24"


class Command:
	"""heddle in a lab, with directories of its own."""

	def __init__(self, lab):
		self.lab = lab
		self.conf_dir = lab.path("net.d")
		self.results = lab.path("cache/results")

	def argv(self, *words):
		return [HEDDLE, "--cni-conf-dir", self.conf_dir, "--state-dir", self.lab.path("state"),
			"--cache-dir", self.lab.path("cache"), "--cni-plugin-path", faults.PLUGINS, *words]

	def run(self, *words, fault=None, trace=None):
		"""One run; a hang is status None."""
		log = self.lab.path("strace")
		argv = self.argv(*words)
		if fault:
			argv = fault.strace(log) + argv
		elif trace:
			argv = ["strace", "-f", "-qq", "-o", trace] + argv
		env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")	# which does not work under ptrace
		process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
					   stderr=subprocess.PIPE, text=True, start_new_session=True)
		try:
			out, err = process.communicate(timeout=faults.LIMIT_S)
		except subprocess.TimeoutExpired:
			os.killpg(process.pid, signal.SIGKILL)
			out, err = process.communicate()
			return faults.Outcome(None, out, err, "")
		text = ""
		if fault:
			with open(log, encoding="utf-8", errors="replace") as file:
				text = file.read()
		return faults.Outcome(process.returncode, out, err, text)

	def must(self, *words, **how):
		outcome = self.run(*words, **how)
		if not outcome.ok:
			raise RuntimeError("heddle %s: %s" % (" ".join(words), outcome))
		return outcome

	def read(self, directory):
		"""Names and documents of a directory; a torn one is None."""
		found = {}
		for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
			try:
				with open(os.path.join(directory, name), encoding="utf-8") as file:
					found[name] = json.load(file)
			except ValueError:
				found[name] = None
		return found

	def networks(self):
		return {name: doc for name, doc in self.read(self.conf_dir).items()
			if name.endswith(READ_BY_ENGINES)}

	def attached(self):
		return {name: doc for name, doc in self.read(self.results).items() if not name.startswith(".")}

	def temporaries(self):
		return [name for name in os.listdir(self.conf_dir) if name.endswith(".tmp")]


class Scenario:
	"""A command that is faulted again and again, beside a network that must not notice."""

	containers = []

	def __init__(self):
		self.lab = faults.Lab(self.containers)
		self.heddle = Command(self.lab)
		faults.command("ip", "link", "set", "lo", "up")
		self.heddle.must("network", "create", "--subnet", "10.60.0.0/24", "old")
		self.furnish()
		self.prepare()
		self.before = self.done()
		self.heddle.must(*self.words)
		self.example = self.heddle.networks()
		self.restore()

	@property
	def begins(self):
		"""What is before the first look at the lab's directory is loading."""
		return "SIGPIPE|" + self.lab.dir

	def furnish(self):
		"""What has to be there before the command."""

	def prepare(self):
		"""The state that the command is run in."""

	def restore(self):
		"""The way back to where prepare() can begin."""

	def give_up(self):
		"""After a case that failed."""

	def done(self):
		"""Whether what the command is for has happened."""
		raise NotImplementedError

	def record(self):
		self.prepare()
		trace = self.lab.path("trace")
		self.heddle.must(*self.words, trace=trace)
		self.restore()
		return trace

	def torn(self):
		"""Complaints of files that are neither old nor new."""
		complaints = []
		for name, doc in self.heddle.networks().items():
			example = self.known(name)
			if doc is None:
				complaints.append("torn: " + name)
			elif example is None:
				complaints.append("unknown: " + name)
			elif self.essence(doc) != self.essence(example):
				complaints.append("altered: " + name)
		return complaints + ["torn result: " + name
				     for name, doc in self.heddle.attached().items() if doc is None]

	def known(self, name):
		return self.example.get(name) or self.original.get(name)

	@property
	def original(self):
		return {}

	@staticmethod
	def essence(doc):
		"""All but the time of its creation."""
		return dict(doc, heddle=dict(doc["heddle"], created=None))

	@staticmethod
	def ending(outcome, fault):
		if outcome.status is None:
			return ["hung for %d s" % faults.LIMIT_S]
		allowed = (fault.kills and outcome.status == -signal.SIGKILL) or \
			  (fault.call == "setns" and outcome.status == -signal.SIGABRT)
		if outcome.status < 0 and not allowed:
			return ["died: %s" % outcome]
		if outcome.status > 0 and not outcome.err and fault.call not in ("write", "writev"):
			return ["said nothing: %s" % outcome]
		return []

	def case(self, fault):
		"""Complaints, and whether the fault was reached."""
		self.prepare()
		outcome = self.heddle.run(*self.words, fault=fault)
		complaints = self.ending(outcome, fault) + self.torn()
		if outcome.ok and self.done() == self.before:
			complaints.append("said success, and has not done it")
		if outcome.status and outcome.status > 0 and self.undoes(fault, outcome) and \
		   self.done() != self.before:
			complaints.append("failed, and has done it: %s" % outcome)
		return complaints + self.repeat(), fault.hits(outcome.log) > 0

	@staticmethod
	def undoes(fault, outcome):
		"""Its words may be lost after the deed, as may the proof that it is on the disk."""
		return fault.call not in ("write", "writev", "fsync") and fault.hits(outcome.log) == 1

	def repeat(self):
		"""The command works now, or has worked; and then all is as it would be without a fault."""
		complaints = []
		if self.done() == self.before:
			again = self.heddle.run(*self.words)
			if not again.ok:
				complaints.append("the second time: %s" % again)
		complaints += self.torn()
		try:
			self.restore()
		except RuntimeError as error:
			complaints.append("there is no way back: %s" % error)
		return complaints + ["left: " + name for name in self.heddle.temporaries()]


class Create(Scenario):
	"""network create"""

	words = ["network", "create", "--subnet", SUBNET, "--label", "a=b", "new"]
	file = "zz-heddle-new.conflist"

	def done(self):
		return self.file in self.heddle.networks()

	def restore(self):
		self.heddle.must("network", "rm", "new")


class Remove(Scenario):
	"""network rm, of a network whose bridge is there"""

	words = ["network", "rm", "new"]

	def prepare(self):
		self.heddle.must(*Create.words)
		faults.command("ip", "link", "add", "hb-0011aabbccdd", "type", "bridge")
		if not self.seen:
			self.seen.update(self.heddle.networks())

	seen = {}

	def done(self):
		return Create.file not in self.heddle.networks()

	def known(self, name):
		return self.seen.get(name)

	def restore(self):
		faults.command("ip", "link", "del", "hb-0011aabbccdd")


class Attach(Scenario):
	"""attach: a chain of plugins, and a cached result"""

	containers = ["c1"]
	words = None	# by furnish()

	def furnish(self):
		self.netns = self.lab.netns["c1"]
		self.words = ["attach", "--network", "old", "--name", "c1", self.netns]
		self.heddle.must(*self.words)	# bridge and table stay
		self.heddle.must("detach", "c1")
		self.base = self.state()

	def state(self):
		return self.lab.state() | {"result " + name for name in self.heddle.attached()}

	def done(self):
		return bool(self.heddle.attached())

	def repeat(self):
		"""What was half done does not keep the next one from it; and detach, or gc, leaves nothing."""
		complaints = super().repeat()
		if self.state() - self.base:
			self.heddle.must("gc")
		return complaints + ["left: " + line for line in sorted(self.state() - self.base)]

	def restore(self):
		self.heddle.must("detach", "c1")


class Detach(Attach):
	"""detach"""

	def furnish(self):
		super().furnish()
		self.attach, self.words = self.words, ["detach", "c1"]

	def prepare(self):
		if not self.done_attaching():
			self.heddle.must(*self.attach)

	def done_attaching(self):
		return bool(self.heddle.attached())

	def done(self):
		return not self.done_attaching()

	def restore(self):
		"""It is the command itself."""


class Connect(Attach):
	"""network connect of an attachment to a second network"""

	def furnish(self):
		self.netns = self.lab.netns["c1"]
		self.heddle.must("network", "create", "--subnet", "10.62.0.0/24", "second")
		self.heddle.must("attach", "--network", "old", "--name", "c1", self.netns)
		self.words = ["network", "connect", "second", "c1"]
		self.heddle.must(*self.words)
		self.restore()
		self.base = self.state()

	def done(self):
		return any(name.startswith("second-") for name in self.heddle.attached())

	def restore(self):
		self.heddle.must("network", "disconnect", "second", "c1")


SCENARIOS = {"create": Create, "rm": Remove, "attach": Attach, "detach": Detach, "connect": Connect}


if __name__ == "__main__":
	sys.exit(faults.main(__doc__, SCENARIOS))
