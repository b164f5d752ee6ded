"""Runs one attempt at a trial: parameters in, metrics out, and an ending in words whatever the function does."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from expsdk_runtime import failure, tracking
from expsdk_runtime.board import Board
from expsdk_runtime.console import say
from expsdk_runtime.contract import Assignment, ExitCode, Phase, Reason, Stop
from expsdk_runtime.inheritance import inherit
from expsdk_runtime.installed import environment_of
from expsdk_runtime.journal import FILE_NAME, Journal
from expsdk_runtime.ledger import Ledger
from expsdk_runtime.place import Place
from expsdk_runtime.reporter import Reporter
from expsdk_runtime.returned import returned_metrics
from expsdk_runtime.sigterm import PREEMPTED, sigterm
from expsdk_runtime.sinks import Sink
from expsdk_runtime.status import deliverable, timestamp

if TYPE_CHECKING:
    from typing import NoReturn


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
    imports: Sequence[str] = (),
    journal: Journal | None = None,
    project_dir: str | None = None,
    place: Place | None = None,
) -> Ending:
    """Run one attempt at a trial in this process and return how it ended; it never raises what the user's code raises.

    Args:
        function: The user's function.
        assignment: Who the trial is, its parameters and directories.
        sink: Where reports go.
        digest: The payload's digest, for the Result's environment.
        imports: The modules of others that the function imports; that environment tells their versions.
        journal: Where the full series goes; by default `metrics.jsonl` in the trial's output directory.
        project_dir: Where the payload's copy of the user's project lies.
        place: What is particular to where the trial runs.
    """
    place = place or Place()
    board = Board(assignment) if journal is None else None
    journal = journal or Journal(os.path.join(assignment.output_dir, FILE_NAME))
    ledger = _continued(assignment, journal, place.former)
    opening = _opening(assignment, digest, place)
    reporter = Reporter(opening, ledger=ledger, journal=journal, sink=sink, keep=place.keep)
    sigterm.take(reporter.recorder, lambda: reporter.hurry(place.grace_s))
    try:
        reporter.recorder.ask(place.stop)
        reporter.start()
        if board:
            board.start()
        ending = _call(_telling(function, imports, reporter), assignment, reporter, project_dir, place)
        if ending.reason == Reason.PREEMPTED and place.look:
            reporter.close()
            stop = place.look()
            ending = _stopped(stop) if stop else ending
        reporter.finish(
            {"phase": ending.phase, "reason": ending.reason, "message": ending.message, "completionTime": timestamp()}
        )
        if board:
            board.finish(ending.phase)
    finally:
        sigterm.give_back()
    return ending


def _continued(assignment: Assignment, journal: Journal, former: dict[str, Any] | None) -> Ledger:
    """Return the metrics of former attempts: as the journal has them, or as the Result had them."""
    ledger = Ledger(assignment.objectives)
    if assignment.attempt == 1 and former is None:
        return ledger
    for values, epoch in journal.replay():
        ledger.add(values, epoch)
    if former is not None and not ledger.series:
        try:
            ledger.restore(former)
        except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
            say(f"expsdk: the metrics of former attempts are not continued, the Result has them in no form: {error}")
            return Ledger(assignment.objectives)
    return ledger


def _opening(assignment: Assignment, digest: str, place: Place) -> dict[str, Any]:
    machine = os.uname()
    return {
        "phase": Phase.PENDING if place.waits_for else Phase.RUNNING,
        "reason": "",
        "message": place.waits_for,
        "attempt": assignment.attempt,
        "startTime": timestamp(),
        "completionTime": None,
        "outputDir": deliverable(assignment.output_dir if place.output_dir is None else place.output_dir),
        "environment": {
            "python": sys.version.split()[0],
            "platform": f"{machine.sysname} {machine.release} {machine.machine}",
            "host": machine.nodename,
            "pid": str(os.getpid()),
            "digest": digest,
            **place.environment,
        },
    }


def _telling(function: Callable[..., object], imports: Sequence[str], reporter: Reporter) -> Callable[..., object]:
    """Return the function such that its packages' versions are reported once it is called: all is installed by then."""
    if not imports:
        return function

    def telling(**parameters: Any) -> object:
        reporter.learn(lambda: environment_of(imports))
        return function(**parameters)

    return telling


def _call(
    function: Callable[..., object],
    assignment: Assignment,
    reporter: Reporter,
    project_dir: str | None,
    place: Place,
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
            if place.prepare:
                place.prepare()
            inherit(assignment)
            if place.waits_for:
                reporter.change({"phase": Phase.RUNNING, "message": ""})
            returned = function(**assignment.parameters)
            if isinstance(returned, Generator):
                returned = _exhaust(returned, recorder)
            metrics = returned_metrics(returned, [metric for metric, _ in assignment.objectives])
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
        return _stopped(Stop.INTERRUPTED)
    if isinstance(error, SystemExit) and failure.status_of(error) == 0:
        return None
    message = failure.describe(error, project_dir=project_dir)
    # What has kept a trial from its function has been seen in full: an installer's output.
    say(f"expsdk: {message.splitlines()[0]}" if isinstance(error, failure.NotReady) else message)
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


def _stopped(stop: str) -> Ending:
    if stop == PREEMPTED:
        return Ending(Phase.FAILED, Reason.PREEMPTED, "the process was told to end (SIGTERM)")
    if stop == Stop.INTERRUPTED:
        return Ending(Phase.CANCELLED, Reason.INTERRUPTED, "stopped as asked")
    if stop == Stop.CANCELLED:
        return Ending(Phase.CANCELLED, "", "stopped as asked")
    return Ending(Phase.PRUNED, "", "stopped early")
