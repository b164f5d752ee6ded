"""How a replayed trial went, compared with what is recorded of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from expsdk.analysis.trial import MetricHistory, TrialRecord
from expsdk.resources.words import count_of, in_one_line
from expsdk_runtime.contract import Phase, Reason

Series = Mapping[int, float]

_FOR_ITS_OWN_SAKE = frozenset({Reason.USER_ERROR, Reason.NO_OBJECTIVE, Reason.OUT_OF_MEMORY, Reason.CRASHED, ""})
"""The reasons of failures that may well come again; any other tells of the place where the trial ran."""


@dataclass(frozen=True)
class MetricChange:
    """One metric, as it is recorded and as it came now, at the epochs that both have.

    Attributes:
        name: The metric.
        epochs: How many epochs both have.
        first: The first epoch at which it differs, or None where it is the same at all.
        most: The largest difference.
        recorded: The last recorded value of the epochs that both have.
        now: The value that came there now.
    """

    name: str
    epochs: int
    first: int | None
    most: float
    recorded: float
    now: float

    def __str__(self) -> str:
        at = count_of(self.epochs, "epoch")
        if self.first is None:
            return f"{self.name}: the same at {at}" if self.epochs else f"{self.name}: no epoch in common"
        return (
            f"{self.name}: differs by up to {self.most:.3g} at {at}, first at epoch {self.first}:"
            f" {self.recorded:.6g} recorded at last, {self.now:.6g} now"
        )


@dataclass(frozen=True)
class Outcome:
    """How a replay went.

    Attributes:
        phase: How it ended.
        recorded_phase: How the trial ended when it was recorded.
        message: Why it failed, or "".
        ending: What is to be said of how both ended, where that is not the same; else "".
        metrics: Each recorded metric that came again.
        missing: Recorded metrics that did not come.
    """

    phase: str
    recorded_phase: str
    message: str
    ending: str
    metrics: tuple[MetricChange, ...]
    missing: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether it went as it is recorded."""
        return not (self.ending or self.missing or any(each.first is not None for each in self.metrics))

    @property
    def was_interrupted(self) -> bool:
        """Whether it was ended by hand."""
        return self.phase == Phase.CANCELLED

    def __str__(self) -> str:
        lines = [self.ending] if self.ending else []
        lines += map(str, self.metrics)
        lines += [f"{name}: recorded, and not logged now" for name in self.missing]
        lines.append("it went as it is recorded" if self.is_same else "it did not go as it is recorded")
        return "\n".join(lines)


def compare_run(recorded: TrialRecord, status: Mapping[str, Any], series: Mapping[str, Series]) -> Outcome:
    """Return how a replay went.

    Args:
        recorded: The trial as it is recorded.
        status: The replay's last status.
        series: All values of the replay, by metric and epoch.
    """
    metrics = [
        _change(name, history, series[name]) for name, history in sorted(recorded.history.items()) if name in series
    ]
    return Outcome(
        phase=status["phase"],
        recorded_phase=recorded.phase,
        message=status["message"] if status["phase"] == Phase.FAILED else "",
        ending=_ending(recorded, status),
        metrics=tuple(metrics),
        missing=tuple(sorted(recorded.history.keys() - series.keys())),
    )


def _change(name: str, recorded: MetricHistory, now: Series) -> MetricChange:
    common = [(epoch, value, now[epoch]) for epoch, value in recorded if epoch in now]
    differing = [(epoch, was, is_) for epoch, was, is_ in common if not _same(was, is_)]
    return MetricChange(
        name=name,
        epochs=len(common),
        first=differing[0][0] if differing else None,
        most=max((_distance(was, is_) for _, was, is_ in differing), default=0.0),
        recorded=common[-1][1] if common else math.nan,
        now=common[-1][2] if common else math.nan,
    )


def _same(was: float, is_: float) -> bool:
    return was == is_ or (math.isnan(was) and math.isnan(is_))


def _distance(was: float, is_: float) -> float:
    return math.inf if math.isnan(was) or math.isnan(is_) else abs(was - is_)


def _ending(recorded: TrialRecord, status: Mapping[str, Any]) -> str:
    """Return what differs of how both ended. Of a trial that was stopped from outside, nothing can be told by that."""
    phase, message = status["phase"], in_one_line(status["message"])
    if phase == Phase.CANCELLED:
        return "interrupted before its end"
    if recorded.phase == Phase.SUCCEEDED:
        return f"it succeeded when it was recorded, and failed now: {message}" if phase == Phase.FAILED else ""
    if recorded.phase == Phase.FAILED and recorded.reason in _FOR_ITS_OWN_SAKE:
        was = in_one_line(recorded.error)
        if phase != Phase.FAILED:
            return f"it failed when it was recorded, and did not now: {was}"
        return "" if was == message else f"it failed with {was} when it was recorded, and with {message} now"
    if phase == Phase.FAILED:
        return f"it is recorded as {recorded.state}, and failed now: {message}"
    return ""
