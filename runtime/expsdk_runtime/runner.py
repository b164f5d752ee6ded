"""Runs one attempt at a trial: parameters in, metrics out, and an ending in words whatever the function does."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

from expsdk_runtime import failure, tracking
from expsdk_runtime.console import say
from expsdk_runtime.contract import Assignment, ExitCode, Phase, Reason, Stop
from expsdk_runtime.journal import FILE_NAME, Journal
from expsdk_runtime.ledger import Ledger
from expsdk_runtime.reporter import Reporter
from expsdk_runtime.sinks import Sink
from expsdk_runtime.status import deliverable, timestamp

if TYPE_CHECKING:
    from typing import NoReturn

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
    _sigterm.take(reporter.recorder)
    try:
        reporter.start()
        ending = _call(function, assignment, reporter, project_dir)
        reporter.finish(
            {"phase": ending.phase, "reason": ending.reason, "message": ending.message, "completionTime": timestamp()}
        )
    finally:
        _sigterm.give_back()
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
        "outputDir": deliverable(assignment.output_dir),
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
    process = os.getpid()
    returned: object = None
    metrics: dict[str, float] = {}
    try:
        try:
            tracking.enter(tracking.Trial(assignment), recorder)
            if recorder.stop:  # SIGTERM came before there was a trial to raise it in
                recorder.tell()
            returned = function(**assignment.parameters)
            if isinstance(returned, Generator):
                returned = _exhaust(returned, recorder)
            metrics = _returned_metrics(returned, [metric for metric, _ in assignment.objectives])
        finally:
            tracking.leave()  # from here on SIGTERM raises nothing
    except BaseException as error:
        if os.getpid() != process:
            _end_forked(error)
        ending = _judge(error, recorder, project_dir)
        if ending is not None:
            return ending
    if os.getpid() != process:
        _end_forked(None)
    if recorder.was_told:  # and the function has swallowed it
        return _stopped(recorder.stop)
    return _conclude(returned, metrics, reporter)


def _judge(error: BaseException, recorder: tracking.Recorder, project_dir: str | None) -> Ending | None:
    """Return how an attempt ended that `error` has left, or None where it is as good as a return."""
    if isinstance(error, tracking.TrialStopped):
        return _stopped(recorder.stop)
    if isinstance(error, KeyboardInterrupt):
        return _stopped(Stop.CANCELLED)
    if isinstance(error, SystemExit) and failure.status_of(error) == 0:
        return None
    message = failure.describe(error, project_dir=project_dir)
    say(message)
    if recorder.was_told:  # it is the stop's consequence
        return _stopped(recorder.stop)
    return Ending(Phase.FAILED, failure.reason_of(error), message)


def _end_forked(error: BaseException | None) -> NoReturn:
    """End a process that the user's function forked and that has come back from it: the trial is its parent's."""
    code = 0
    if isinstance(error, SystemExit):
        code = failure.status_of(error)
    elif error is not None:
        code = ExitCode.USER_ERROR
        say(failure.describe(error))
    with suppress(Exception):  # the stream may be the user's own
        sys.stdout.flush()
    os._exit(code & 0xFF)


def _exhaust(epochs: Generator[object, None, object], recorder: tracking.Recorder) -> object:
    """Log what a generator yields, a mapping each epoch; its key "epoch" says which, if it is there.

    What logging raises, `TrialStopped` above all, is raised at the generator's `yield`, whose `finally`
    blocks then run while the trial is still the current one.
    """
    error: BaseException | None = None
    try:
        while True:
            try:
                values = next(epochs) if error is None else epochs.throw(error)
            except StopIteration as end:
                return end.value
            error = _log_yielded(values, recorder)
    finally:
        error = None
        epochs.close()


def _log_yielded(values: object, recorder: tracking.Recorder) -> BaseException | None:
    """Log one yielded mapping; return what that raises."""
    try:
        if not isinstance(values, Mapping):
            raise TypeError(f"a training generator yields one mapping of metrics an epoch, not {type(values).__name__}")
        metrics = {name: value for name, value in values.items() if name != "epoch"}
        recorder.log_together(metrics, values.get("epoch"))
    except BaseException as error:
        return error.with_traceback(None)
    return None


def _conclude(returned: object, metrics: dict[str, float], reporter: Reporter) -> Ending:
    """Take the returned metrics in, as those of the last epoch, and check that every objective has a value."""
    reporter.close()
    if metrics:
        reporter.add(metrics, reporter.ledger.epoch or 0)
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
    if not isinstance(returned, Mapping):
        values = list(returned) if isinstance(returned, (tuple, list)) else [returned]
        numbers = [number for number in map(_as_number, values) if number is not None]
        return dict(zip(objectives, numbers, strict=True)) if len(numbers) == len(values) == len(objectives) else {}
    metrics: dict[str, float] = {}
    for name, value in returned.items():
        number = _as_number(value)
        if number is not None:
            try:
                metrics[tracking.as_metric_name(name)] = number
            except (TypeError, ValueError) as error:
                say(f"expsdk: left out of the returned metrics: {error}")
    return metrics


def _as_number(value: object) -> float | None:
    """Return a number of any library's as a float: an int, a NumPy scalar, a tensor of one element."""
    if isinstance(value, (bool, str, bytes)) or not hasattr(value, "__float__"):
        return None
    try:
        return tracking.to_float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # the last: a PyTorch tensor of several
        return None


def _stopped(stop: str) -> Ending:
    if stop == _PREEMPTED:
        return Ending(Phase.FAILED, Reason.PREEMPTED, "the process was told to end (SIGTERM)")
    if stop == Stop.CANCELLED:
        return Ending(Phase.CANCELLED, Reason.INTERRUPTED, "stopped as asked")
    return Ending(Phase.PRUNED, "", "stopped early")


class _Sigterm:
    """SIGTERM while a trial runs: `TrialStopped`, once, wherever the function is; in what it forks, as before."""

    def __init__(self) -> None:
        self._former: Any = None
        self._is_taken = False
        self._masks = threading.local()

    def take(self, recorder: tracking.Recorder) -> None:
        """Let SIGTERM stop the trial of `recorder` until `give_back`."""

        def stop(_signal: int, _frame: FrameType | None) -> None:
            recorder.ask(_PREEMPTED)
            if tracking.current_trial() is not None and not recorder.was_told:
                recorder.tell()

        try:
            self._former = signal.signal(signal.SIGTERM, stop)
        except ValueError:  # not the main thread: a trial of the debug backend, run from a thread
            return
        self._is_taken = True

    def give_back(self) -> None:
        """Let SIGTERM do what it did before."""
        if self._is_taken:
            self._is_taken = False
            signal.signal(signal.SIGTERM, signal.SIG_DFL if self._former is None else self._former)

    def hold(self) -> None:
        """Keep SIGTERM back while this thread forks: one for the child may come before the child is ready for it."""
        self._masks.former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}) if self._is_taken else None

    def release(self) -> None:
        """Let SIGTERM come again."""
        if self._masks.former is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._masks.former)

    def begin_child(self) -> None:
        """In a process that the trial has forked, let SIGTERM end it.

        Else `Process.terminate` would be lost on it, and a multiprocessing pool would wait for it for ever.
        """
        self.give_back()
        self.release()


_sigterm = _Sigterm()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_sigterm.hold, after_in_parent=_sigterm.release, after_in_child=_sigterm.begin_child)
