#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""table - results of the matrix, as people read them

	table.py RESULTS [--write]
	table.py --crowd RESULTS COUNT JOBS
	table.py --answers RESULTS COUNT JOBS

RESULTS has a line a cell: engine, network, check, kind, outcome, seconds and
reason, with tabs between.  --write puts the tables into README.md and
docs/engines.md, between a line that begins with `<!-- test-engines` and the next
`<!-- end -->`, and so does --crowd with what `crowd` has measured: engine, ours
and the reference's; and --answers with what `answers` has: kind of network, method,
calls, and two times.  The status is 1 if a cell failed.
"""
import collections
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
Cell = collections.namedtuple("Cell", "engine network check kind outcome seconds reason")


def fields(path):
	with open(path, encoding="utf-8") as file:
		return [line.rstrip("\n").split("\t") for line in file]


def read(path):
	return [Cell(*line) for line in fields(path)]


def unique(values):
	return list(dict.fromkeys(values))


def row(cells):
	return "| " + " | ".join(cells) + " |"


def grid(heading, rows):
	return "\n".join([row(heading), "|" + "---|" * len(heading)] + [row(r) for r in rows])


def share(cells):
	"""An engine on a network, in a few words."""
	plugin = [c for c in cells if c.kind == "plugin"]
	ran = [c for c in plugin if c.outcome != "skip"]
	if ran:
		good = sum(c.outcome == "ok" for c in ran)
		return "%d of %d" % (good, len(plugin))
	if plugin:
		return "skipped: " + plugin[0].reason
	return "its own" if any(c.kind == "control" for c in cells) else "–"


def summary(cells):
	"""Engines and networks."""
	matrix = [c for c in cells if c.network != "-"]
	networks = unique(c.network for c in matrix)
	return grid(["engine"] + networks,
		    [[e] + [share([c for c in matrix if (c.engine, c.network) == (e, n)]) for n in networks]
		     for e in unique(c.engine for c in matrix)])


def word(cell):
	if cell.outcome == "n/a":
		return "–"
	return "own" if (cell.kind, cell.outcome) == ("control", "ok") else cell.outcome


def details(cells):
	"""Every cell of engines and networks that have one to run."""
	matrix = [c for c in cells if c.network != "-"]
	checks = unique(c.check for c in matrix)
	rows = []
	for pair in unique((c.engine, c.network) for c in matrix):
		here = {c.check: c for c in matrix if (c.engine, c.network) == pair}
		if any(c.kind in ("plugin", "control") for c in here.values()):
			rows.append(list(pair) + [word(here[check]) for check in checks])
	return grid(["engine", "network"] + checks, rows)


def write(path, name, text):
	file = TOP / path
	old = file.read_text(encoding="utf-8")
	block = re.compile(r"(<!-- test-engines %s[^\n]*-->\n).*?(<!-- end -->)" % name, re.S)
	new, n = block.subn(lambda m: m.group(1) + text + "\n" + m.group(2), old)
	if n != 1:
		sys.exit("%s has no block for %s" % (path, name))
	file.write_text(new, encoding="utf-8")


def write_answers(path, count, jobs):
	"""Methods that a container needs, on both kinds of network."""
	took = {(kind, method): half + ", " + most for kind, method, calls, half, most in fields(path) if int(calls) > 1}
	kinds = unique(kind for kind, _ in took)
	heading = ["%s containers, %s at a time" % (count, jobs)] + [kind + ": half, 99 of 100, ms" for kind in kinds]
	rows = [[method] + [took[kind, method] for kind in kinds] for method in unique(method for _, method in took)]
	write("docs/engines.md", "answers", grid(heading, rows))


def write_crowd(path, count, jobs):
	rows = fields(path)
	heading = ["%s containers, %s at a time" % (count, jobs), "ours, s", "reference, s"]
	write("docs/engines.md", "crowd", grid(heading, rows))


def main():
	if sys.argv[1] == "--crowd":
		write_crowd(*sys.argv[2:])
		return
	if sys.argv[1] == "--answers":
		write_answers(*sys.argv[2:])
		return
	cells = read(sys.argv[1])
	print("\n" + details(cells) + "\n\n" + summary(cells) + "\n")
	for cell in cells:
		if cell.outcome == "skip":
			print("skipped: %s %s %s: %s" % (cell.engine, cell.network, cell.check, cell.reason))
	counted = [c for c in cells if c.kind == "plugin"]
	outcomes = collections.Counter(c.outcome for c in counted)
	print("%d passed, %d failed, %d skipped" % (outcomes["ok"], outcomes["FAILED"], outcomes["skip"]))
	if "--write" in sys.argv[2:]:
		write("README.md", "summary", summary(cells))
		write("docs/engines.md", "details", details(cells))
	sys.exit(any(c.outcome == "FAILED" for c in cells))


if __name__ == "__main__":
	main()
