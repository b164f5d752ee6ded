"""What is known of a sweep while it runs: it takes in what an observer hears and tells what a picture shows.

An event costs the same however many trials there are, and of a trial that has ended nothing is kept but counts, unless
it is among the best or the latest. One thread may tell it things while another asks.
"""

from __future__ import annotations

import threading
from collections import deque
from itertools import islice
from typing import Any

from expsdk.resources.experiment import Experiment
from expsdk.sweep.display.groups import Failures, Waiting
from expsdk.sweep.display.pace import Pace
from expsdk.sweep.display.ranking import KEPT, Ranking
from expsdk.sweep.display.row import Row, row_of
from expsdk.sweep.display.view import View
from expsdk.sweep.display.words import (
    HINT,
    WATCHING_HINT,
    as_duration,
    how_it_runs,
    interrupted_line,
)
from expsdk.sweep.observer import Standing
from expsdk_runtime.contract import Phase, Reason

LATEST = 20
_ENDS = tuple(phase for phase in Phase.ALL if phase in Phase.FINISHED)


class Board:
    """What is known of one sweep."""

    def __init__(self, experiment: Experiment, *, location: str, looking_on: bool, at: float) -> None:
        """Begin with an experiment's record.

        Args:
            experiment: The record.
            location: Where it is kept.
            looking_on: Whether another coordinator drives it.
            at: The moment, on the clock that all moments are told by, in seconds.
        """
        spec, status = experiment.spec, experiment.status
        self._experiment = experiment
        self._location = location
        self._looking_on = looking_on
        self._objectives = tuple((objective.metric, objective.direction) for objective in spec.objectives)
        self._metrics = tuple(metric for metric, _ in self._objectives)
        self._rankings = [Ranking(self._metrics, place, way) for place, (_, way) in enumerate(self._objectives)]
        self._began = at
        before = ended_of(experiment)
        self._pace = Pace(at=at, ended=before, before_s=status.active_seconds)
        self._standing = Standing(status.counts)
        self._running: dict[int, dict[str, Any]] = {}
        self._waiting = Waiting()
        self._failures = Failures()
        self._ended: deque[Row] = deque(maxlen=LATEST)
        self._alarm = ""
        self._heard = ""
        self._lock = threading.Lock()

    def found(self, document: dict[str, Any]) -> None:
        """Take in a trial that had ended before, or whose record was completed since."""
        with self._lock:
            self._settle(document)

    def changed(self, document: dict[str, Any], *, alive: bool) -> bool:
        """Take in how a trial stands; return whether it has ended as the best until now."""
        number, phase = document["spec"]["number"], document["status"]["phase"]
        with self._lock:
            if alive and phase == Phase.RUNNING:
                self._waiting.drop(number)
                self._running[number] = document
                return False
            if alive:
                is_retried = document["status"]["reason"] in Reason.INFRASTRUCTURE
                if phase == Phase.PENDING or is_retried:
                    self._running.pop(number, None)
                    self._waiting.put(document)
                return False  # else it has said how it ended, and its process is about to
            self._running.pop(number, None)
            self._waiting.drop(number)
            self._ended.appendleft(row_of(document, self._metrics))
            return self._settle(document)

    def refresh(self, standing: Standing, *, at: float) -> None:
        """Take in the counts."""
        with self._lock:
            self._standing = standing
            self._pace.note(at, sum(standing.counts.get(phase, 0) for phase in _ENDS))

    def troubled(self, trouble: str) -> None:
        """Take in what keeps the coordinator from hearing of its trials."""
        self._alarm = trouble

    def interrupted(self, times: int) -> None:
        """Take in that Ctrl-C was pressed."""
        self._heard = interrupted_line(times, looking_on=self._looking_on)

    def view(self, *, at: float, rows: int) -> View:
        """Return what is to be shown at a moment, with at most so many trials of each kind."""
        spec = self._experiment.spec
        with self._lock:
            counts = {phase: count for phase in _ENDS if (count := self._standing.counts.get(phase, 0))}
            rate = self._pace.per_second(at)
            left = None if spec.trials is None else self._pace.left_s(at, max(0, spec.trials - sum(counts.values())))
            spent_s = self._experiment.status.active_seconds + at - self._began
            return View(
                name=self._experiment.metadata.name,
                how=how_it_runs(self._experiment),
                location=self._location,
                total=spec.trials,
                counts=counts,
                running=len(self._running),
                waiting=len(self._waiting),
                parallelism=spec.parallelism,
                spent_s=spent_s,
                left_s=left,
                per_minute=None if rate is None else rate * 60,
                limits=self._limits(spent_s),
                objectives=self._objectives,
                best=self._best(rows),
                trials=tuple(row_of(each, self._metrics) for each in islice(self._running.values(), rows)),
                waits=self._waiting.groups(rows),
                failures=self._failures.groups(rows),
                ended=tuple(islice(self._ended, rows)),
                alarm=self._alarm,
                heard=self._heard,
                hint=WATCHING_HINT if self._looking_on else HINT,
            )

    def _settle(self, document: dict[str, Any]) -> bool:
        """Rank a trial that has ended, and count its failure; return whether it is the best now."""
        status = document["status"]
        if status["phase"] == Phase.FAILED:
            self._failures.take(document["spec"]["number"], status["reason"], status["message"])
        is_best = [ranking.take(document) for ranking in self._rankings]
        return len(is_best) == 1 and is_best[0]

    def _best(self, rows: int) -> tuple[Row, ...]:
        """Return the best trials; those that violate constraints are sorted out before, or as soon as that is told."""
        if len(self._rankings) == 1:
            return self._rankings[0].rows(min(rows, KEPT))
        firsts = [row for ranking in self._rankings for row in ranking.rows(1)]
        return tuple({row.number: row for row in firsts}.values())

    def _limits(self, spent_s: float) -> str:
        """Return what else will end the sweep."""
        spec, spent_hours = self._experiment.spec, self._standing.spent_hours
        words = []
        if spec.budget is not None and spent_hours is not None:
            words.append(f"used up: {spent_hours:.3g} of {spec.budget.hours:g} {spec.budget.unit}-hours")
        if spec.timeout_seconds is not None:
            words.append(f"ends in {as_duration(max(0.0, spec.timeout_seconds - spent_s))} at the latest")
        if spec.target is not None:
            words.append(f"target {spec.target:g}")
        return ", ".join(words)


def ended_of(experiment: Experiment) -> int:
    """Return how many trials had ended for good when its record was written: those that were cancelled run again."""
    counts = experiment.status.counts
    return sum(counts.get(phase, 0) for phase in Phase.FINISHED - {Phase.CANCELLED})
