"""What people see while a sweep runs, on standard error: a live picture on a terminal, a line per trial elsewhere."""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from expsdk.analysis.results import Results
from expsdk.resources.experiment import Experiment
from expsdk.resources.names import trial_name
from expsdk.sweep.core import Coordinator
from expsdk.sweep.observer import Observer
from expsdk_runtime.contract import Phase, decode_number

RUNNING_SHOWN = 8
REFRESHES_PER_S = 8
_STYLES = {Phase.SUCCEEDED: "green", Phase.FAILED: "red", Phase.PRUNED: "yellow", Phase.CANCELLED: "yellow"}
_HEARD = {
    1: "interrupted: no more trials are launched and the running ones are asked to stop; Ctrl-C again kills them",
    2: "interrupted again: the running trials are killed",
}


def make_progress() -> Observer:
    """Return what suits standard error: live where it is a terminal, lines elsewhere."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    return LiveProgress(console) if console.is_terminal and not os.environ.get("CI") else LineProgress(console)


class LineProgress:
    """Prints a line when the sweep starts, when a trial ends, and when the sweep is over."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._ended = 0
        self._trials: int | None = None

    def started(self, experiment: Experiment, *, location: str, notice: str) -> None:
        """Say what starts and where it is kept."""
        self._trials = experiment.spec.trials
        for line in opening_lines(experiment, location=location, notice=notice):
            self._print(line)

    def changed(self, document: dict[str, Any], *, alive: bool) -> None:
        """Say how a trial ended."""
        if not alive:
            self._ended += 1
            place = f"{self._ended}/{self._trials}" if self._trials else str(self._ended)
            self._print(f"[{place}] {ending_line(document)}")

    def refresh(self, coordinator: Coordinator) -> None:
        """Print nothing: every line is an event's."""

    def interrupted(self, times: int) -> None:
        """Say what Ctrl-C does."""
        self._print(_HEARD[min(times, 2)])

    def finished(self, results: Results) -> None:
        """Say how the sweep ended."""
        for line in closing_lines(results):
            self._print(line)

    def close(self) -> None:
        """Print nothing more."""

    def _print(self, line: str) -> None:
        self._console.print(f"expsdk: {line}", markup=False)


class LiveProgress:
    """Redraws a picture: a bar, counts, time, the best trial, running trials and the last failure."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(
            console=console, get_renderable=self._picture, refresh_per_second=REFRESHES_PER_S, transient=True
        )
        self._experiment: Experiment | None = None
        self._began = time.monotonic()
        self._counts: Counter[str] = Counter()
        self._best: tuple[int, float] | None = None
        self._running: dict[str, dict[str, Any]] = {}
        self._failure = ""
        self._heard = ""

    def started(self, experiment: Experiment, *, location: str, notice: str) -> None:
        """Start to draw, below a line that stays."""
        self._experiment = experiment
        for line in opening_lines(experiment, location=location, notice=notice):
            self._console.print(f"expsdk: {line}", markup=False)
        self._live.start()

    def changed(self, document: dict[str, Any], *, alive: bool) -> None:
        """Take a trial's record in; the next picture shows it."""
        name = document["metadata"]["name"]
        if alive:
            self._running[name] = document
            return
        self._running.pop(name, None)
        if document["status"]["phase"] == Phase.FAILED:
            self._failure = ending_line(document)

    def refresh(self, coordinator: Coordinator) -> None:
        """Take the counts in."""
        self._counts = coordinator.counts.copy()
        self._best = coordinator.best

    def interrupted(self, times: int) -> None:
        """Show what Ctrl-C does; the drawing thread prints it, since this may be called amid a print."""
        self._heard = _HEARD[min(times, 2)]

    def finished(self, results: Results) -> None:
        """Say how the sweep ended."""
        for line in closing_lines(results):
            self._console.print(f"expsdk: {line}", markup=False)

    def close(self) -> None:
        """Take the picture away."""
        self._live.stop()

    def _picture(self) -> Group:
        experiment = self._experiment
        if experiment is None:
            return Group()
        rows: list[Any] = [self._bar(experiment), self._best_line(experiment)]
        shown = list(self._running.values())[:RUNNING_SHOWN]
        rows += [
            Text(f"  {running_line(document)}", style="dim", no_wrap=True, overflow="ellipsis") for document in shown
        ]
        more = len(self._running) - len(shown)
        if more > 0:
            rows.append(Text(f"  and {more} more", style="dim"))
        if self._failure:
            rows.append(Text(f"last failure: {self._failure}", style="red", no_wrap=True, overflow="ellipsis"))
        if self._heard:
            rows.append(Text(self._heard, style="yellow"))
        return Group(*rows)

    def _bar(self, experiment: Experiment) -> Table:
        ended = sum(self._counts[phase] for phase in Phase.FINISHED)
        total = experiment.spec.trials
        spent = time.monotonic() - self._began
        line = Text(f"{ended}/{total}" if total else f"{ended}", style="bold")
        for phase in (Phase.RUNNING, *sorted(Phase.FINISHED)):
            if self._counts[phase]:
                line.append(f"  {self._counts[phase]} {phase.lower()}", style=_STYLES.get(phase, "cyan"))
        line.append(f"  {as_duration(spent)}", style="default")
        if total and ended:
            line.append(f" of about {as_duration(spent / ended * total)}", style="dim")
        grid = Table.grid(padding=(0, 1))
        grid.add_row(ProgressBar(total=total, completed=ended, width=24, pulse=total is None), line)
        return grid

    def _best_line(self, experiment: Experiment) -> Text:
        if self._best is None:
            return Text("best: none yet", style="dim")
        number, value = self._best
        metric = experiment.spec.objectives[0].metric
        return Text(f"best: {metric}={value:.6g} in {trial_name(experiment.metadata.name, number)}", style="bold green")


def opening_lines(experiment: Experiment, *, location: str, notice: str) -> list[str]:
    """Return what is said before the first trial."""
    spec = experiment.spec
    trials = f"{spec.trials} trials" if spec.trials else "trials until the samples or the time run out"
    how = f"{spec.parallelism} at a time, sampler {spec.sampler.name}, seed {spec.seed}"
    line = f"{experiment.metadata.name}: {trials}, {how}, kept in {location}"
    return [line, notice] if notice else [line]


def closing_lines(results: Results) -> list[str]:
    """Return what is said after the last trial."""
    status = results.experiment.status
    counts = ", ".join(f"{count} {phase.lower()}" for phase, count in results.counts.items()) or "no trial"
    lines = [f"{results.name}: {counts}" + (f" ({status.message})" if status.phase != Phase.SUCCEEDED else "")]
    failed = results.filter(phase=Phase.FAILED)
    if failed:
        example = failed[0]
        where = f"; its log: {example.log_path}" if example.log_path else ""
        lines.append(f"{example.name} failed ({example.reason}): {example.error.splitlines()[-1]}{where}")
    return [*lines, f'look again: expsdk.results("{results.name}")']


def running_line(document: dict[str, Any]) -> str:
    """Return a running trial in one line: name, epoch, objectives, parameters."""
    status = document["status"]
    epoch = "" if status.get("epoch") is None else f"epoch {status['epoch']}  "
    return f"{document['metadata']['name']}  {epoch}{_values(status)}  {document['spec']['summary']}"


def ending_line(document: dict[str, Any]) -> str:
    """Return an ended trial in one line: name, phase, objectives or reason, parameters."""
    status = document["status"]
    parts = [document["metadata"]["name"], status["phase"].lower(), _values(status), document["spec"]["summary"]]
    if status["phase"] == Phase.FAILED:
        parts.append(
            f"{status['reason']}: {status['message'].splitlines()[0 if '; the end' in status['message'] else -1]}"
        )
    return "  ".join(part for part in parts if part)


def as_duration(seconds: float) -> str:
    """Return a duration as people say it: 8 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _values(status: dict[str, Any]) -> str:
    return " ".join(f"{name}={decode_number(value):.6g}" for name, value in (status.get("objectives") or {}).items())
