"""What people see while a sweep runs, on standard error: a live picture on a terminal, a line per trial elsewhere."""

from __future__ import annotations

import os
import time
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from expsdk.analysis.results import Results
from expsdk.analysis.words import count_of, counts_by_phase, in_one_line, printable
from expsdk.resources.experiment import Experiment
from expsdk.resources.names import trial_name
from expsdk.sweep.observer import Observer, Standing
from expsdk_runtime.contract import Phase, decode_number

RUNNING_SHOWN = 8
REFRESHES_PER_S = 8
_STYLES = {Phase.SUCCEEDED: "green", Phase.FAILED: "red", Phase.PRUNED: "yellow", Phase.CANCELLED: "yellow"}
_HEARD = {
    1: "interrupted: no more trials are launched and the running ones are asked to stop; Ctrl-C again kills them",
    2: "interrupted again: the running trials are killed",
}


def make_progress(*, live: bool = True) -> Observer:
    """Return what suits standard error: live where it is a terminal and `live` is true, lines elsewhere."""
    console = _StandardError(stderr=True)
    is_live = live and console.is_terminal and not os.environ.get("CI")
    return LiveProgress(console) if is_live else LineProgress(console)


class _StandardError(Console):
    """Standard error; once nobody reads it any more, nothing is written, and the sweep goes on."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


class LineProgress:
    """Prints a line when the sweep starts, when a trial ends, and when the sweep is over."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._ended = 0
        self._trials: int | None = None
        self._waiting: dict[str, str] = {}  # what was said of a reason last

    def started(self, experiment: Experiment, *, location: str, notice: str) -> None:
        """Say what starts and where it is kept."""
        self._trials = experiment.spec.trials
        for line in opening_lines(experiment, location=location, notice=notice):
            _say(self._console, line)

    def changed(self, document: dict[str, Any], *, alive: bool) -> None:
        """Say how a trial ended, or what it waits for; what many wait for is said once."""
        if alive:
            self._say_waiting(document)
        else:
            self._ended += 1
            place = f"{self._ended}/{self._trials}" if self._trials else str(self._ended)
            _say(self._console, f"[{place}] {ending_line(document)}")

    def refresh(self, standing: Standing) -> None:
        """Take in how many have ended: what was lost or interrupted is run again, and print nothing."""
        self._ended = sum(standing.counts.get(phase, 0) for phase in Phase.FINISHED)

    def troubled(self, trouble: str) -> None:
        """Say what the trouble is, or that it is over."""
        _say(self._console, trouble or "the trials are heard again")

    def _say_waiting(self, document: dict[str, Any]) -> None:
        status = document["status"]
        if status["phase"] == Phase.PENDING and status["reason"]:
            words = _failure(status["reason"], status["message"])
            if self._waiting.get(status["reason"]) != words:
                self._waiting[status["reason"]] = words
                _say(self._console, running_line(document))

    def interrupted(self, times: int) -> None:
        """Say what Ctrl-C does."""
        _say(self._console, _HEARD[min(times, 2)])

    def finished(self, results: Results) -> None:
        """Say how the sweep ended."""
        for line in closing_lines(results):
            _say(self._console, line)

    def close(self) -> None:
        """Print nothing more."""


class LiveProgress:
    """Redraws a picture: a bar, counts, time, the best trial, running trials and the last failure."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._experiment: Experiment | None = None
        self._began = time.monotonic()
        self._standing = Standing()
        self._running: dict[str, dict[str, Any]] = {}
        self._failure = ""
        self._trouble = ""
        self._heard = ""
        # The last one: it takes the picture at once.
        self._live = Live(
            console=console, get_renderable=self._picture, refresh_per_second=REFRESHES_PER_S, transient=True
        )

    def started(self, experiment: Experiment, *, location: str, notice: str) -> None:
        """Start to draw, below a line that stays."""
        self._experiment = experiment
        for line in opening_lines(experiment, location=location, notice=notice):
            _say(self._console, line)
        self._live.start()

    def changed(self, document: dict[str, Any], *, alive: bool) -> None:
        """Take a trial's record in; the next picture shows it."""
        name, status = document["metadata"]["name"], document["status"]
        if alive:
            self._running[name] = document
            return
        self._running.pop(name, None)
        if status["phase"] == Phase.FAILED:
            self._failure = _joined(name, _failure(status["reason"], status["message"]))

    def refresh(self, standing: Standing) -> None:
        """Take the counts in."""
        self._standing = standing

    def troubled(self, trouble: str) -> None:
        """Show the trouble until it is over."""
        self._trouble = trouble

    def interrupted(self, times: int) -> None:
        """Show what Ctrl-C does."""
        self._heard = _HEARD[min(times, 2)]

    def finished(self, results: Results) -> None:
        """Say how the sweep ended."""
        for line in closing_lines(results):
            _say(self._console, line)

    def close(self) -> None:
        """Take the picture away."""
        self._live.stop()

    def _picture(self) -> Group:
        experiment = self._experiment
        if experiment is None:
            return Group()
        rows: list[Any] = [self._bar(experiment), *self._count_lines()]
        if len(experiment.spec.objectives) == 1:
            rows.append(self._best_line(experiment))
        shown = list(self._running.values())[:RUNNING_SHOWN]
        rows += [_line(f"  {running_line(document)}", style="dim") for document in shown]
        more = len(self._running) - len(shown)
        if more > 0:
            rows.append(_line(f"  and {more} more", style="dim"))
        budget, spent = experiment.spec.budget, self._standing.spent_hours
        if budget is not None and spent is not None:
            rows.append(_line(f"used up: {spent:.3g} of {budget.hours:g} {budget.unit}-hours", style="dim"))
        if self._failure:
            rows.append(_line(f"last failure: {self._failure}", style="red"))
        if self._trouble:
            rows.append(_line(self._trouble, style="red"))
        if self._heard:
            rows.append(Text(self._heard, style="yellow"))
        return Group(*rows)

    def _bar(self, experiment: Experiment) -> Table:
        counts = self._standing.counts
        ended = sum(counts.get(phase, 0) for phase in Phase.FINISHED)
        total = experiment.spec.trials
        spent = time.monotonic() - self._began
        line = Text(f"{ended}/{total}" if total else f"{ended}", style="bold")
        line.append(f"  {as_duration(spent)}", style="default")
        new = ended - ended_of(experiment)  # only these have taken this time
        if total and new > 0:
            whole = spent + spent / new * max(0, total - ended)
            line.append(f" of about {as_duration(whole)}", style="dim")
        grid = Table.grid(padding=(0, 1))
        grid.add_row(ProgressBar(total=total, completed=ended, width=24, pulse=total is None), line)
        return grid

    def _count_lines(self) -> list[Text]:
        counts = [(count, phase) for phase in Phase.ALL if (count := self._standing.counts.get(phase, 0))]
        words = [Text(f"{count} {phase.lower()}", style=_STYLES.get(phase, "cyan")) for count, phase in counts]
        return [Text("  ").join(words)] if words else []

    def _best_line(self, experiment: Experiment) -> Text:
        if self._standing.best is None:
            return Text("best: none yet", style="dim")
        number, value = self._standing.best
        metric = experiment.spec.objectives[0].metric
        return _line(
            f"best: {metric}={value:.6g} in {trial_name(experiment.metadata.name, number)}", style="bold green"
        )


def opening_lines(experiment: Experiment, *, location: str, notice: str) -> list[str]:
    """Return what is said before the first trial."""
    spec = experiment.spec
    trials = count_of(spec.trials, "trial") if spec.trials else "trials until the samples or the time run out"
    pruner = f"pruner {spec.pruner.name}, " if spec.pruner else ""
    how = f"{spec.parallelism} at a time, sampler {spec.sampler.name}, {pruner}seed {spec.seed}"
    line = f"{experiment.metadata.name}: {trials}, {how}, kept in {location}"
    counts = counts_by_phase(experiment.status.counts)
    taken_up = [f"until now: {counts}"] if counts else []
    return [line, *taken_up, *([notice] if notice else [])]


def ended_of(experiment: Experiment) -> int:
    """Return how many trials had ended for good when its record was written: those that were cancelled run again."""
    counts = experiment.status.counts
    return sum(counts.get(phase, 0) for phase in Phase.FINISHED - {Phase.CANCELLED})


def closing_lines(results: Results) -> list[str]:
    """Return what is said after the last trial."""
    counts = counts_by_phase(results.counts) or "no trial"
    name, message = results.name, results.experiment.status.message
    lines = [f"{name}: {counts}" + (f" ({message})" if message not in ("", counts) else "")]
    failed = results.filter(phase=Phase.FAILED)
    if failed:
        example = failed[0]
        where = f"; its log: {example.log_path}" if example.log_path else ""
        lines.append(f"{example.name} failed: {_failure(example.reason, example.error)}{where}")
    if results.experiment.status.phase == Phase.CANCELLED:
        lines.append(f'go on: sweep(name="{name}", …).run(resume=True), or expsdk.attach("{name}").run()')
    return [*lines, f'look again: expsdk.results("{name}")']


def running_line(document: dict[str, Any]) -> str:
    """Return a trial that runs or waits in one line: name, epoch and objectives, or what for; parameters."""
    status = document["status"]
    if status["phase"] == Phase.PENDING and status["reason"]:
        waits = f"waits: {_failure(status['reason'], status['message'])}"
        return _joined(document["metadata"]["name"], waits, document["spec"]["summary"])
    epoch = "" if status.get("epoch") is None else f"epoch {status['epoch']}"
    return _joined(document["metadata"]["name"], epoch, _values(status), document["spec"]["summary"])


def ending_line(document: dict[str, Any]) -> str:
    """Return an ended trial in one line: name, phase, objectives, what went wrong, parameters, whose Result it is."""
    status = document["status"]
    failure = _failure(status["reason"], status["message"]) if status["phase"] == Phase.FAILED else ""
    name, sample = document["metadata"]["name"], document["spec"]["summary"]
    reused = f"reused from {status['reusedFrom']}" if status.get("reusedFrom") else ""
    return _joined(name, status["phase"].lower(), _values(status), failure, sample, reused)


def as_duration(seconds: float) -> str:
    """Return a duration as people say it: 8 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _failure(reason: str, message: str) -> str:
    return ": ".join(filter(None, (reason, in_one_line(message))))


def _joined(*parts: str) -> str:
    return "  ".join(part for part in parts if part)


def _say(console: Console, line: str) -> None:
    """Print a line as it is; the terminal wraps it where it is too long."""
    console.print(Text(printable(f"expsdk: {line}")), soft_wrap=True)


def _line(line: str, *, style: str) -> Text:
    """Return a line of the picture, cut where the terminal ends."""
    return Text(printable(line), style=style, no_wrap=True, overflow="ellipsis")


def _values(status: dict[str, Any]) -> str:
    return " ".join(f"{name}={decode_number(value):.6g}" for name, value in (status.get("objectives") or {}).items())
