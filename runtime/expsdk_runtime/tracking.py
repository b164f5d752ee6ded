"""What a training function calls: log metrics, ask which trial this is, find the directories that are its own.

Everything works in a plain call too: outside a trial `log_metric` prints a readable line.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from operator import index
from typing import TYPE_CHECKING, Any

from expsdk_runtime.contract import EPOCH_LIMIT, METRIC_NAME_LIMIT_CHARS, Assignment

if TYPE_CHECKING:
    from pathlib import Path
    from typing import NoReturn

Point = tuple[dict[str, float], "int | None", float]

PIECE_POINTS = 4_096
WAKE_AT_POINTS = 16_384
WAIT_AT_POINTS = 262_144


class Automatic(dict[str, float]):
    """Values that a library has logged: what the training function logs by the same name counts instead."""


class TrialStopped(BaseException):
    """Raised by `log_metric` when this trial was asked to stop: let it pass.

    A BaseException, so that `except Exception` in a training loop does not swallow it; `finally` blocks
    run and may save a checkpoint.
    """


class Trial:
    """The trial that this process runs, as `current_trial()` gives it.

    Attributes:
        experiment: The experiment's name.
        name: The trial's name.
        number: Its number in the experiment, from 0.
        attempt: 1 for the first attempt, one more after every retry.
        parameters: The sample: parameter values by name.
        seed: A seed of the trial's own, from the sweep's seed and the trial's number.
        parent: The name of the trial that this one goes on from, "" where it begins anew; `checkpoint_dir` begins as
            a copy of that one's.
    """

    def __init__(self, assignment: Assignment) -> None:
        self.experiment = assignment.experiment
        self.name = assignment.name
        self.number = assignment.number
        self.attempt = assignment.attempt
        self.parameters = assignment.parameters
        self.seed = assignment.seed
        self.parent = assignment.parent
        self._output_dir = assignment.output_dir
        self._checkpoint_dir = assignment.checkpoint_dir

    @property
    def output_dir(self) -> Path:
        """The directory that is the trial's own to write in; it is there."""
        return _directory(self._output_dir)

    @property
    def checkpoint_dir(self) -> Path:
        """The directory that every attempt at the trial shares; it is there."""
        return _directory(self._checkpoint_dir)

    def __repr__(self) -> str:
        return f"Trial({self.name!r}, parameters={self.parameters!r}, attempt={self.attempt})"


class Recorder:
    """Takes what a training function logs and keeps it until the reporter comes for it.

    `log` appends and returns: no input, no output, no lock. Should the reporter fall behind by
    `WAIT_AT_POINTS` points, the caller waits for it, so that memory stays bounded.

    Attributes:
        stop: What the trial was asked: "" or one of `contract.Stop`; the next call of `log` raises then.
        was_told: Whether the training function has seen a `TrialStopped`.
        reached: The highest epoch of each metric that trainings have logged automatically.
    """

    def __init__(self, wake: Callable[[], bool]) -> None:
        """Make an empty recorder; `wake` calls the reporter and returns whether there is one."""
        self.stop = ""
        self.was_told = False
        self.reached: dict[str, int] = {}
        self._wake = wake
        self._points: deque[Point] = deque()
        self._names: set[str] = set()

    def ask(self, stop: str) -> None:
        """Ask the trial to stop, if `stop` is not ""; what was asked first counts."""
        if stop and not self.stop:
            self.stop = stop

    def tell(self) -> NoReturn:
        """Raise `TrialStopped` in the training function."""
        self.was_told = True
        raise TrialStopped(self.stop)

    def log(self, name: str, value: float, epoch: int | None) -> None:
        """Take one value in; raises `TrialStopped` where a stop was asked for."""
        if self.stop:
            self.tell()
        if type(value) is not float:
            value = as_number(name, value)
        if epoch is not None and (type(epoch) is not int or not 0 <= epoch <= EPOCH_LIMIT):
            epoch = as_epoch(epoch)
        if name not in self._names:
            self._names.add(as_metric_name(name))
        points = self._points
        points.append(({name: value}, epoch, time.time()))
        if len(points) >= WAKE_AT_POINTS:
            self._press()

    def log_together(self, values: Mapping[str, float], epoch: int | None) -> None:
        """Take values of one epoch in, all or none."""
        if self.stop:
            self.tell()
        checked = {as_metric_name(name): as_number(name, value) for name, value in values.items()}
        if checked:
            self._append(checked, None if epoch is None else as_epoch(epoch))

    def log_automatically(self, values: Automatic, epoch: int | None) -> None:
        """Take values of one epoch in that a library has logged and that are metrics; raises `TrialStopped` too."""
        if self.stop:
            self.tell()
        if values:
            self._append(values, epoch)

    def take(self) -> Iterator[list[Point]]:
        """Yield what was logged until now, oldest first, in pieces that keep memory low."""
        points = self._points
        waiting = len(points)
        while waiting:
            piece = [points.popleft() for _ in range(min(waiting, PIECE_POINTS))]
            waiting -= len(piece)
            yield piece

    def _append(self, values: dict[str, float], epoch: int | None) -> None:
        self._points.append((values, epoch, time.time()))
        if len(self._points) >= WAKE_AT_POINTS:
            self._press()

    def _press(self) -> None:
        """Ask the reporter to come, now and again; wait for it where it has fallen far behind."""
        points = self._points
        if len(points) % WAKE_AT_POINTS == 0:
            self._wake()
        while len(points) >= WAIT_AT_POINTS and self._wake():
            time.sleep(0.001)


class _Current:
    """The trial of this process and its recorder, or neither."""

    __slots__ = ("plain_dir", "recorder", "trial")

    def __init__(self) -> None:
        self.trial: Trial | None = None
        self.recorder: Recorder | None = None
        self.plain_dir: str | None = None


_current = _Current()


def enter(trial: Trial, recorder: Recorder) -> None:
    """Make `trial` the one that this process runs."""
    _current.trial = trial
    _current.recorder = recorder


def leave() -> None:
    """End the trial: what is logged from here on is printed."""
    _current.trial = None
    _current.recorder = None


if hasattr(os, "register_at_fork"):
    # A process that the trial forks has no reporter: what it logs is printed, into the trial's log.
    os.register_at_fork(after_in_child=leave)


def current_recorder() -> Recorder | None:
    """Return the recorder of the trial that this process runs, or None in a plain call."""
    return _current.recorder


def log_metric(name: str, value: float, epoch: int | None = None) -> None:
    """Log one value of a metric.

    It appends to memory and returns in about a microsecond; a background thread reports. Logged again
    for the same epoch, the later value counts. Outside a trial it prints a readable line.

    Args:
        name: The metric's name, at most 128 characters.
        value: A number, or what `float()` takes: a NumPy scalar, a tensor of one element. NaN and
            infinities are kept.
        epoch: Which epoch the value belongs to, from 0; without it, the next one of this metric.

    Raises:
        TrialStopped: The trial was asked to stop; let it pass.
        TypeError: The name is no string, the value no number or the epoch no integer.
        ValueError: The name is empty or too long, or the epoch is negative.
    """
    recorder = _current.recorder
    if recorder is None:
        _print_metrics({as_metric_name(name): as_number(name, value)}, epoch)
    else:
        recorder.log(name, value, epoch)


def log_metrics(values: Mapping[str, float], epoch: int | None = None) -> None:
    """Log values of several metrics that belong to one epoch.

    Args:
        values: Values by metric name, as `log_metric` takes them.
        epoch: Their epoch, from 0; without it, the first that none of these metrics has reached.

    Raises:
        TrialStopped: The trial was asked to stop; let it pass.
        TypeError: A name is no string, a value no number or the epoch no integer.
        ValueError: A name is empty or too long, or the epoch is negative.
    """
    recorder = _current.recorder
    if recorder is None:
        _print_metrics({as_metric_name(name): as_number(name, value) for name, value in values.items()}, epoch)
    else:
        recorder.log_together(values, epoch)


def begin_plain_call() -> None:
    """Give the plain call that begins directories of its own: it must not find an earlier one's checkpoints."""
    _current.plain_dir = None


def current_trial() -> Trial | None:
    """Return the trial that this process runs, or None in a plain call."""
    return _current.trial


def output_dir() -> Path:
    """Return the directory that is this trial's own to write in; in a plain call, a temporary one."""
    return _current.trial.output_dir if _current.trial else _directory(_plain_dir())


def checkpoint_dir() -> Path:
    """Return the directory that every attempt at this trial shares; in a plain call, a temporary one."""
    return _current.trial.checkpoint_dir if _current.trial else _directory(os.path.join(_plain_dir(), "checkpoint"))


def as_metric_name(name: str) -> str:
    """Return `name` if a metric can be called so."""
    if not isinstance(name, str):
        raise TypeError(f"a metric's name is a string, not {type(name).__name__} {name!r}")
    if not name or len(name) > METRIC_NAME_LIMIT_CHARS:
        raise ValueError(
            f"a metric's name has 1 to {METRIC_NAME_LIMIT_CHARS} characters, this one {len(name)}: {name[:40]!r}"
        )
    if not name.isascii() and not _is_encodable(name):
        raise ValueError(f"a metric's name is text that UTF-8 can carry, without lone surrogates, unlike {name!r}")
    return name


def as_number(name: str, value: Any) -> float:
    """Return `value` as a float if it is a number of any library's."""
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        return to_float(value)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"metric {name!r} takes a number, or what float() takes, not {type(value).__name__}"
            f" {repr(value)[:80]}; log one value a metric, for example its mean"
        ) from error


def to_float(value: Any) -> float:
    """Return a number of any library's as a float; raises what the library does where it is none."""
    item = getattr(value, "item", None)  # a tensor with a gradient warns when float() takes it as it is
    return float(value if item is None else item())


def as_epoch(epoch: Any) -> int:
    """Return `epoch` as an int if it is an integer from 0."""
    try:
        number = index(epoch)
    except TypeError:
        raise TypeError(f"an epoch is an integer from 0, not {type(epoch).__name__} {epoch!r}") from None
    if not 0 <= number <= EPOCH_LIMIT:
        raise ValueError(f"an epoch is an integer from 0 to 2**53, not {number}")
    return number


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _print_metrics(values: dict[str, float], epoch: int | None) -> None:
    place = "" if epoch is None else f"epoch {as_epoch(epoch)}: "
    print(place + ", ".join(f"{name} = {value:.6g}" for name, value in values.items()), flush=True)


def _plain_dir() -> str:
    if _current.plain_dir is None:
        import tempfile

        _current.plain_dir = tempfile.mkdtemp(prefix="expsdk-")
        print(f"expsdk: not in a trial, files go to {_current.plain_dir}", file=sys.stderr)
    return _current.plain_dir


def _directory(path: str) -> Path:
    from pathlib import Path

    directory = Path(path)
    directory.mkdir(parents=True, exist_ok=True)
    return directory
