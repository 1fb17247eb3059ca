#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""pipes - does a command close its pipes although a child of it lives on?

	pipes.py COMMAND...

Runs the command as an engine does: with a pipe on its stdin (which is passed
on), stdout and stderr, as a subreaper, reading until both pipes are closed.
What the command leaves running becomes this process's child and can be asked
for without looking for it.  Prints what it saw:

	alone		no child was left, so nothing is shown
	free		a child lived on after the pipes had closed
	held		the pipes closed when the child ended, or it kept them open

Exit status: the command's.
"""
import ctypes
import os
import subprocess
import sys

PR_SET_CHILD_SUBREAPER = 36


def leftover():
	"""The state of the child that the command left, seen at once."""
	try:
		pid, _ = os.waitpid(-1, os.WNOHANG)
	except ChildProcessError:
		return "alone"
	return "held" if pid else "free"


def main(command):
	if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
		sys.exit("cannot become a subreaper")
	config = sys.stdin.buffer.read()
	process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
	process.communicate(config)
	print(leftover())
	return process.returncode


if __name__ == "__main__":
	sys.exit(main(sys.argv[1:]))
