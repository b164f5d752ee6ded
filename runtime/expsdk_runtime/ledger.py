"""All metrics of a trial: points go in as they were logged, the records of a Result come out."""

from __future__ import annotations

from typing import Any

from expsdk_runtime.contract import encode_number
from expsdk_runtime.series import Series
from expsdk_runtime.tracking import Automatic, as_metric_name


class Ledger:
    """The metrics of one trial, by name.

    What the function logs itself counts before what was logged automatically by the same name: from then on only its
    own values do, and should the automatic ones have reached a later epoch, as steps do, they are forgotten.

    Attributes:
        series: Each metric's values.
        epoch: The highest epoch of any metric, or None before the first point.
    """

    def __init__(self, objectives: list[tuple[str, str]]) -> None:
        self.series: dict[str, Series] = {}
        self.epoch: int | None = None
        self._objectives = objectives
        self._directions = dict(objectives)
        self._automatic: set[str] = set()
        self._own: set[str] = set()

    def add(self, values: dict[str, float], epoch: int | None) -> int:
        """Take in values of one epoch and return the epoch they count for.

        Without an epoch they are the next one: the first that none of these metrics has reached.
        """
        if isinstance(values, Automatic):
            for name in values.keys() & self._own:
                del values[name]
            if not values:
                return self.epoch or 0
            self._automatic.update(values)
        else:
            self._own.update(values)
            if self._automatic:
                self._take_over(values, epoch)
        if epoch is None:
            epoch = max(self._series(name).last_epoch for name in values) + 1
        for name, value in values.items():
            self._series(name).add(epoch, value)
        if self.epoch is None or epoch > self.epoch:
            self.epoch = epoch
        return epoch

    def _take_over(self, values: dict[str, float], epoch: int | None) -> None:
        """Let the function's own values count from now on."""
        for name in values.keys() & self._automatic:
            self._automatic.discard(name)
            if epoch is not None and epoch < self.series[name].last_epoch:
                del self.series[name]
                self.epoch = max((series.last_epoch for series in self.series.values()), default=None)

    def restore(self, status: dict[str, Any]) -> None:
        """Take in the metrics of a former attempt as its status has them.

        Raises:
            AttributeError, LookupError, OverflowError, TypeError, ValueError: Who wrote the status was not expsdk.
        """
        for name, history in status.get("history", {}).items():
            summary = status.get("metrics", {}).get(name) or {}
            series = self._series(as_metric_name(name))
            series.restore(history, summary)
            if series.last_epoch > (-1 if self.epoch is None else self.epoch):
                self.epoch = series.last_epoch

    def objectives(self) -> dict[str, float | str]:
        """Return the last value of each objective that was logged."""
        return {name: encode_number(self.series[name].last) for name, _ in self._objectives if name in self.series}

    def missing_objectives(self) -> list[str]:
        """Return the objectives that were never logged."""
        return [name for name, _ in self._objectives if name not in self.series]

    def count_points(self, limit: int) -> int:
        """Return how many points the histories hold, at most `limit` of each metric."""
        return sum(min(len(series), limit) for series in self.series.values())

    def records(self, *, names: int, points: int) -> dict[str, Any]:
        """Return `metrics` and `history` of at most `names` metrics, objectives first, at most `points` points each."""
        kept = sorted(self.series, key=lambda name: name not in self._directions)[:names]
        return {
            "metrics": {name: self.series[name].summary() for name in kept},
            "history": {name: self.series[name].history(points) for name in kept},
            "truncatedMetrics": len(self.series) - len(kept),
        }

    def _series(self, name: str) -> Series:
        series = self.series.get(name)
        if series is None:
            series = self.series[name] = Series(self._directions.get(name, "minimize"))
        return series
