"""A trial again, for a person: the same parameters, seed and code, in a process that reports to nobody.

`python payload.pyz --replay FILE` reads an assignment from a file. Metrics are printed as they come; the last status is
left beside `metrics.jsonl` in the trial's output directory, for whoever compares. `--environment` tells what this
interpreter would run it with.
"""

from __future__ import annotations

import argparse
import json
import linecache
import os
import sys
from functools import partial
from typing import Any

from expsdk_runtime.contract import Assignment, Phase
from expsdk_runtime.debugging import debugged, examine, stepping
from expsdk_runtime.installed import versions_of
from expsdk_runtime.journal import FILE_NAME, Journal
from expsdk_runtime.payload import Payload
from expsdk_runtime.runner import run_trial
from expsdk_runtime.seeding import seeded

INTERVAL_S = 0.25
STATUS = "replay.json"


def run_replay(payload: Payload, arguments: list[str]) -> int:
    """Run the trial that a file assigns; return the process's exit code."""
    parser = argparse.ArgumentParser(prog=f"python {os.path.basename(payload.path)} --replay")
    parser.add_argument("assignment", help="a file with the trial's assignment, as JSON")
    parser.add_argument("--root", help="the user's project, where paths of the code lead")
    parser.add_argument("--debug", action="store_true", help="start pdb where the trial fails")
    parser.add_argument("--step", action="store_true", help="start pdb at the function's first line")
    options = parser.parse_args(arguments)
    with open(options.assignment, encoding="utf-8") as file:
        assignment = Assignment.from_json(file.read())
    project = os.path.join(os.path.dirname(os.path.abspath(options.assignment)), "project")
    payload.unpack(project)
    ours = tuple(filter(None, (project, options.root)))

    def is_users(file: str) -> bool:
        return file in payload.manifest["sources"] or file.startswith(tuple(f"{place}{os.sep}" for place in ours))

    def load() -> Any:
        function = payload.load(project, root=options.root)
        _show_to_debugger(payload)
        function = stepping(function) if options.step else function
        return debugged(function, examine=partial(examine, is_users=is_users) if options.debug else None)

    return run_trial(
        seeded(load, assignment.seed),
        assignment,
        _FileSink(os.path.join(assignment.output_dir, STATUS)),
        imports=payload.imports,
        journal=_ShownJournal(os.path.join(assignment.output_dir, FILE_NAME)),
        project_dir=project,
    ).exit_code


def _show_to_debugger(payload: Payload) -> None:
    """Give pdb the packed lines of code that travels by value: it looks them up by what would be their place here."""
    for name in payload.manifest["sources"]:
        if not name.startswith("<"):
            linecache.cache[os.path.abspath(name)] = linecache.cache[name]


def print_environment(payload: Payload) -> int:
    """Print, as JSON, what this interpreter would run the payload with; return the process's exit code."""
    print(json.dumps({"python": sys.version.split()[0], "packages": versions_of(payload.imports)}))
    return 0


class _ShownJournal(Journal):
    """Also prints the points, a line for those of an epoch that come together."""

    def write(self, points: list[tuple[dict[str, float], int, float]]) -> None:
        super().write(points)
        shown: dict[int, dict[str, float]] = {}
        for values, epoch, _ in points:
            shown.setdefault(epoch, {}).update(values)
        for epoch, values in shown.items():
            print(f"epoch {epoch}:", *(f"{name}={value:.6g}" for name, value in values.items()), flush=True)


class _FileSink:
    """Keeps the last status in a file."""

    interval_s = INTERVAL_S

    def __init__(self, path: str) -> None:
        self._path = path

    def report(self, status: dict[str, Any]) -> None:
        """Write the status down once the trial has ended."""
        if status["phase"] in Phase.FINISHED:
            with open(self._path, "w", encoding="utf-8") as file:
                json.dump(status, file)

    def stop(self) -> str:
        """Return "": nobody asks."""
        return ""

    def listen(self) -> None:
        """Return None: nothing comes back."""
