"""Runs one attempt at a trial: parameters in, metrics out, and an ending in words whatever the function does."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Generator, Mapping
from types import FrameType
from typing import Any

from expsdk_runtime import failure, tracking
from expsdk_runtime.contract import Assignment, ExitCode, Phase, Reason, Stop
from expsdk_runtime.journal import FILE_NAME, Journal
from expsdk_runtime.ledger import Ledger
from expsdk_runtime.reporter import Reporter
from expsdk_runtime.sinks import Sink
from expsdk_runtime.status import timestamp

_PREEMPTED = "preempted"


class Ending:
    """How an attempt ended: phase, reason and message, as the Result will say them."""

    __slots__ = ("message", "phase", "reason")

    def __init__(self, phase: str, reason: str = "", message: str = "") -> None:
        self.phase = phase
        self.reason = reason
        self.message = message

    @property
    def exit_code(self) -> int:
        """The exit code of the job's process."""
        return failure.exit_code_of(self.reason) if self.phase == Phase.FAILED else ExitCode.SUCCEEDED


def run_trial(
    function: Callable[..., object],
    assignment: Assignment,
    sink: Sink,
    *,
    digest: str = "",
    journal: Journal | None = None,
    project_dir: str | None = None,
) -> Ending:
    """Run one attempt at a trial in this process and return how it ended; it never raises what the user's code raises.

    Args:
        function: The user's function.
        assignment: Who the trial is, its parameters and directories.
        sink: Where reports go.
        digest: The payload's digest, for the Result's environment.
        journal: Where the full series goes; by default `metrics.jsonl` in the trial's output directory.
        project_dir: Where the payload's copy of the user's project lies.
    """
    journal = journal or Journal(os.path.join(assignment.output_dir, FILE_NAME))
    ledger = Ledger(assignment.objectives)
    if assignment.attempt > 1:
        for values, epoch in journal.replay():
            ledger.add(values, epoch)
    reporter = Reporter(_opening(assignment, digest), ledger=ledger, journal=journal, sink=sink)
    restore_sigterm = _on_sigterm(reporter.recorder)
    reporter.start()
    tracking.enter(tracking.Trial(assignment), reporter.recorder)
    ending = _call(function, assignment, reporter, project_dir)
    restore_sigterm()
    reporter.finish(
        {"phase": ending.phase, "reason": ending.reason, "message": ending.message, "completionTime": timestamp()}
    )
    return ending


def _opening(assignment: Assignment, digest: str) -> dict[str, Any]:
    machine = os.uname()
    return {
        "phase": Phase.RUNNING,
        "reason": "",
        "message": "",
        "attempt": assignment.attempt,
        "startTime": timestamp(),
        "completionTime": None,
        "outputDir": assignment.output_dir,
        "environment": {
            "python": sys.version.split()[0],
            "platform": f"{machine.sysname} {machine.release} {machine.machine}",
            "host": machine.nodename,
            "pid": str(os.getpid()),
            "digest": digest,
        },
    }


def _call(
    function: Callable[..., object], assignment: Assignment, reporter: Reporter, project_dir: str | None
) -> Ending:
    """Call the user's function and judge how it ended. The one place where every exception is caught."""
    recorder = reporter.recorder
    try:
        returned = function(**assignment.parameters)
        if isinstance(returned, Generator):
            returned = _exhaust(returned, recorder)
        tracking.leave()
    except tracking.TrialStopped:
        return _stopped(recorder.stop)
    except SystemExit as error:
        if error.code not in (None, 0):
            return Ending(Phase.FAILED, Reason.USER_ERROR, f"the function called sys.exit({error.code!r})")
        returned = None
    except KeyboardInterrupt:
        return _stopped(Stop.CANCELLED)
    except BaseException as error:
        message = failure.describe(error, project_dir=project_dir)
        print(message, file=sys.stderr, flush=True)
        return Ending(Phase.FAILED, failure.reason_of(error), message)
    finally:
        tracking.leave()
    return _conclude(returned, assignment, reporter)


def _exhaust(epochs: Generator[object, None, object], recorder: tracking.Recorder) -> object:
    """Log what a generator yields, a mapping each epoch; its key "epoch" says which, if it is there."""
    while True:
        try:
            values = next(epochs)
        except StopIteration as end:
            return end.value
        if not isinstance(values, Mapping):
            raise TypeError(f"a training generator yields one mapping of metrics an epoch, not {type(values).__name__}")
        recorder.log_together({name: value for name, value in values.items() if name != "epoch"}, values.get("epoch"))


def _conclude(returned: object, assignment: Assignment, reporter: Reporter) -> Ending:
    """Take the returned metrics in, as those of the last epoch, and check that every objective has a value."""
    metrics = _returned_metrics(returned, [metric for metric, _ in assignment.objectives])
    reporter.close()
    if metrics:
        reporter.add({name: float(value) for name, value in metrics.items()}, reporter.ledger.epoch or 0)
    missing = reporter.ledger.missing_objectives()
    if not missing:
        return Ending(Phase.SUCCEEDED)
    logged = ", ".join(sorted(reporter.ledger.series)) or "none"
    names = ", ".join(missing)
    return Ending(
        Phase.FAILED,
        Reason.NO_OBJECTIVE,
        f"the function ended without a value of its objective {names} (metrics it logged: {logged}; it returned"
        f" {type(returned).__name__}); call log_metric({missing[0]!r}, …) or return {{{missing[0]!r}: …}}",
    )


def _returned_metrics(returned: object, objectives: list[str]) -> dict[str, float]:
    """Return what the function's return value says of metrics: a mapping's numbers, or the objectives' values."""
    if isinstance(returned, Mapping):
        return {name: value for name, value in returned.items() if isinstance(name, str) and _is_number(value)}
    values: list[Any] = list(returned) if isinstance(returned, (tuple, list)) else [returned]
    if len(values) == len(objectives) and all(_is_number(value) for value in values):
        return dict(zip(objectives, values, strict=True))
    return {}


def _is_number(value: object) -> bool:
    """Whether `value` is a number of any library's: an int, a float, a NumPy scalar, a tensor of one element."""
    if isinstance(value, (bool, str, bytes)) or not hasattr(value, "__float__"):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _stopped(stop: str) -> Ending:
    if stop == _PREEMPTED:
        return Ending(Phase.FAILED, Reason.PREEMPTED, "the process was told to end (SIGTERM)")
    if stop == Stop.CANCELLED:
        return Ending(Phase.CANCELLED, Reason.INTERRUPTED, "stopped as asked")
    return Ending(Phase.PRUNED, "", "stopped early")


def _on_sigterm(recorder: tracking.Recorder) -> Callable[[], None]:
    """Turn SIGTERM into `TrialStopped`, here and in the next `log_metric`; return what undoes it."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        recorder.stop = _PREEMPTED
        if tracking.current_trial() is not None:
            raise tracking.TrialStopped(_PREEMPTED)

    try:
        former = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread: a trial of the debug backend, run from a thread
        return lambda: None

    def restore() -> None:
        signal.signal(signal.SIGTERM, former)

    return restore
