"""A trial's points for TensorBoard: the full series with its real times where its files are at hand, else its Result's.

A Result has a thinned history without times. Its points are dated when they were first seen, where that was while the
trial ran, and else spread evenly between its start and its end.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

from expsdk.analysis.trial import TrialRecord
from expsdk_runtime.events import JournalReader, Point
from expsdk_runtime.journal import FILE_NAME


class TrialPoints:
    """Reads the points of one trial, again and again while it runs."""

    def __init__(self, trial: TrialRecord) -> None:
        """Find the best source there is."""
        journal = Path(trial.output_dir, FILE_NAME) if trial.output_dir else None
        has_journal = journal is not None and journal.is_file() and not trial.reused_from
        self._reader = JournalReader(str(journal)) if has_journal else None
        self._seen: dict[tuple[str, int], float] = {}

    @property
    def is_complete(self) -> bool:
        """Whether every point is there, with its time."""
        return self._reader is not None

    def new(self, trial: TrialRecord) -> list[Point]:
        """Return what has come since the last call of this or of `all`."""
        if self._reader:
            return self._reader.read_on()
        now = time.time()
        fresh = [point for point in self._dated(trial) if (point.metric, point.epoch) not in self._seen]
        for point in fresh:
            self._seen[point.metric, point.epoch] = now
        return [point._replace(at=now) for point in fresh]

    def all(self, trial: TrialRecord) -> list[Point]:
        """Return every point."""
        if self._reader:
            return self._reader.read_all()
        points = list(self._dated(trial))
        for point in points:
            self._seen.setdefault((point.metric, point.epoch), point.at)
        return points

    def _dated(self, trial: TrialRecord) -> Iterable[Point]:
        """Yield the points of the history."""
        begin = timestamp(trial.started) or time.time()
        end = timestamp(trial.ended) or time.time()
        epochs = 1 + (trial.epoch or 0)
        for metric, history in trial.history.items():
            for epoch, value in history:
                spread = begin + (end - begin) * (epoch + 1) / epochs
                yield Point(metric, epoch, value, self._seen.get((metric, epoch), spread))


def timestamp(moment: datetime | None) -> float | None:
    """Return a time as unix time in seconds."""
    return None if moment is None else moment.astimezone(timezone.utc).timestamp()
