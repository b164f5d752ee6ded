"""The status of an experiment that no sweep drives, from its Results: `kubectl get experiments` shows how far it is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

from expsdk.analysis.words import counts_by_phase
from expsdk.client.news import News
from expsdk.cluster.api import Api
from expsdk.cluster.kinds import EXPERIMENTS
from expsdk.errors import ClusterError
from expsdk.resources.conditions import conditions_after
from expsdk.resources.experiment import BestTrial, Experiment, progress_of
from expsdk.resources.times import format_time
from expsdk_runtime.contract import Phase, decode_number
from expsdk_runtime.status import summarize, timestamp

EVERY_S = 2.0


class Summary:
    """Counts trials by phase and knows the best; what it knows is published now and then, and at the end."""

    def __init__(self, api: Api, experiment: Experiment, news: News) -> None:
        self._api = api
        self._news = news
        self._experiment = experiment
        self._name = experiment.metadata.name
        self._objectives = experiment.spec.objectives
        self._conditions = experiment.status.conditions
        started = experiment.status.start_time
        self._started = format_time(started) if started else timestamp()
        self._trials: dict[str, tuple[str, float]] = {}  # phase and value of the objective, NaN where there is none
        self._published: dict[str, Any] = {}
        self._due_at = 0.0

    def note(self, name: str, status: Mapping[str, Any]) -> None:
        """Take in what a trial's status is now."""
        value = status["objectives"].get(self._objectives[0].metric) if len(self._objectives) == 1 else None
        self._trials[name] = (status["phase"], math.nan if value is None else decode_number(value))

    def forget(self, name: str) -> None:
        """Leave out a trial that was deleted."""
        self._trials.pop(name, None)

    def publish(self, now: float, *, at_once: bool = False) -> None:
        """Write what has changed into the Experiment, as far as that may be done."""
        status = self.status()
        if not self._trials or status == self._published or (now < self._due_at and not at_once):
            return
        self._due_at = now + EVERY_S
        self._tell(status)
        self._published = status
        ended = {"completionTime": timestamp() if status["phase"] in Phase.FINISHED else None}
        changes = {"status": {**status, **self._standing(status), "startTime": self._started, **ended}}
        with suppress(ClusterError):  # trials go on without it
            self._api.patch(EXPERIMENTS, self._name, changes, subresource="status")

    def status(self) -> dict[str, Any]:
        """Return phase, counts and best trial as a merge patch: None takes away what was there."""
        counts = Counter(phase for phase, _ in self._trials.values())
        is_over = all(phase in Phase.FINISHED for phase in counts)
        best = self._best()
        return {
            "phase": Phase.SUCCEEDED if is_over else Phase.RUNNING,
            "message": counts_by_phase(counts) if is_over else "",
            "progress": progress_of(counts, self._experiment.spec.trials),
            "counts": {phase: counts[phase] or None for phase in Phase.ALL},
            "best": best and best.model_dump(mode="json", by_alias=True),
        }

    def _standing(self, status: Mapping[str, Any]) -> dict[str, Any]:
        """Return the conditions that follow from a status."""
        self._conditions = conditions_after(
            self._conditions, phase=status["phase"], message=status["message"], at=datetime.now(timezone.utc)
        )
        return {"conditions": [each.model_dump(mode="json", by_alias=True) for each in self._conditions]}

    def _tell(self, status: Mapping[str, Any]) -> None:
        """Tell what is new since the last status."""
        self._news.is_best(self._experiment, self._best())
        if status["phase"] in Phase.FINISHED:
            self._news.finished(self._experiment, status["message"])

    def _best(self) -> BestTrial | None:
        metric, direction = self._objectives[0].metric, self._objectives[0].direction
        sign = -1 if direction == "maximize" else 1
        succeeded = [
            (sign * value, name)
            for name, (phase, value) in self._trials.items()
            if phase == Phase.SUCCEEDED and not math.isnan(value)
        ]
        if not succeeded:
            return None
        value, name = min(succeeded)
        return BestTrial(trial=name, value=sign * value, summary=summarize({metric: sign * value}))
