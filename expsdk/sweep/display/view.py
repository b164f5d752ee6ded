"""What a picture shows: one moment of a sweep, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from expsdk.sweep.display.groups import Group
from expsdk.sweep.display.row import Row


@dataclass(frozen=True, slots=True)
class View:
    """One moment of a sweep.

    Attributes:
        name: The experiment's name.
        how: How it runs, in words.
        location: Where it is kept.
        total: How many trials there are to be, or None where nobody knows.
        counts: How many have ended, by phase.
        running: How many run.
        waiting: How many have been launched and do not run.
        parallelism: How many run at a time.
        spent_s: How long the sweep has been driven.
        left_s: How long it will take, or None.
        per_minute: How many trials end in a minute, or None.
        limits: What else will end it, in words.
        objectives: Metric and direction of each objective.
        best: The best trials: with one objective best first, with several the best by each of them.
        trials: Some of those that run, in the order of their beginnings.
        waits: What those that wait wait for.
        failures: What went wrong.
        ended: Some of those that have ended, the latest first.
        alarm: What keeps the coordinator from hearing of its trials, or "".
        heard: What Ctrl-C has done, or "".
        hint: What Ctrl-C does.
    """

    name: str
    how: str
    location: str
    total: int | None
    counts: Mapping[str, int]
    running: int
    waiting: int
    parallelism: int
    spent_s: float
    left_s: float | None
    per_minute: float | None
    limits: str
    objectives: tuple[tuple[str, str], ...]
    best: tuple[Row, ...]
    trials: tuple[Row, ...]
    waits: tuple[Group, ...]
    failures: tuple[Group, ...]
    ended: tuple[Row, ...]
    alarm: str
    heard: str
    hint: str

    @property
    def done(self) -> int:
        """How many have ended."""
        return sum(self.counts.values())

    @property
    def to_come(self) -> int | None:
        """How many have not been launched, or None where nobody knows."""
        return None if self.total is None else max(0, self.total - self.done - self.running - self.waiting)
