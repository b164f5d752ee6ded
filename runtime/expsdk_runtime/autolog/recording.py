"""What the hooks record: a library's values as metrics of the trial, if this process runs one.

Names are the library's own, cut to what a metric may be called; values are what `float()` takes. All else is passed
over, as is everything in a process that is not the first of its group (ranks above 0).
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from operator import index
from typing import Any

from expsdk_runtime import tracking
from expsdk_runtime.contract import EPOCH_LIMIT, METRIC_NAME_LIMIT_CHARS


class _State(threading.local):
    """How many callers want this thread to record nothing just now."""

    muted = 0


_state = _State()
_switch = {"on": False}


def switch(*, on: bool) -> None:
    """Record from now on, or nothing."""
    _switch["on"] = on


@contextmanager
def muted() -> Iterator[None]:
    """Record nothing of what this thread logs: the library that logs through another one is recorded itself."""
    _state.muted += 1
    try:
        yield
    finally:
        _state.muted -= 1


def is_recording() -> bool:
    """Whether what a library logs here and now is the trial's."""
    return _switch["on"] and not _state.muted and tracking.current_recorder() is not None and _rank() == 0


def record(values: Mapping[Any, Any], epoch: Any = None) -> None:
    """Record a library's values as metrics of an epoch; without one, of the next.

    Raises:
        TrialStopped: The trial was asked to stop.
    """
    recorder = tracking.current_recorder()
    if recorder is None or not is_recording():
        return
    metrics = tracking.Automatic()
    for name, value in values.items():
        number = _number(value)
        if number is not None:
            metrics[_name(name)] = number
    recorder.log_automatically(metrics, _epoch(epoch))


class Course:
    """The epochs of one training: a second one in the same trial goes on where the first has ended.

    Cross-validation's folds, or fine-tuning after a warm-up, would otherwise overwrite each other.
    """

    def __init__(self) -> None:
        self._offset: int | None = None

    def record(self, values: Mapping[Any, Any], epoch: int) -> None:
        """Record values of an epoch of this training, as `record` does."""
        recorder = tracking.current_recorder()
        if recorder is None or not is_recording():
            return
        reached = recorder.reached
        if self._offset is None:
            highest = max((reached.get(str(name), -1) for name in values), default=-1)
            self._offset = 0 if epoch > highest else highest + 1 - epoch
        epoch += self._offset
        reached.update((str(name), max(epoch, reached.get(str(name), -1))) for name in values)
        record(values, epoch)


def _name(name: Any) -> str:
    text = str(name).encode("utf-8", "replace").decode()
    return text[:METRIC_NAME_LIMIT_CHARS] or "unnamed"


def _number(value: Any) -> float | None:
    if value is None or isinstance(value, (str, bytes)):
        return None
    try:
        return tracking.to_float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # the last: a PyTorch tensor of several
        return None


def _epoch(epoch: Any) -> int | None:
    """Return what a library calls step as an epoch, or None where it is no such number: the next one then."""
    if epoch is None:
        return None
    try:
        item = getattr(epoch, "item", None)
        number = index(epoch if item is None else item())
    except (TypeError, ValueError, RuntimeError):
        return None
    return number if 0 <= number <= EPOCH_LIMIT else None


def _rank() -> int:
    """Return which process of its group this one is, 0 where it is alone."""
    distributed: Any = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_rank())
    rank = os.environ.get("RANK", "")  # as torchrun, Lightning and Accelerate set it
    return int(rank) if rank.isdecimal() else 0
