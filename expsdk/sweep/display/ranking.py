"""The best trials of a sweep until now, of which a bounded number is kept."""

from __future__ import annotations

import math
from bisect import insort
from typing import Any

from expsdk.sweep.display.row import Row, row_of
from expsdk_runtime.contract import Phase, decode_number

KEPT = 20


class Ranking:
    """Ranks trials by one objective: those that succeeded and violate no constraint; of equals the first is best."""

    def __init__(self, metrics: tuple[str, ...], place: int, direction: str) -> None:
        """Rank by the objective at a place among all objectives."""
        self._metrics = metrics
        self._metric = metrics[place]
        self._sign = 1.0 if direction == "minimize" else -1.0
        self._ranked: list[tuple[float, int, Row]] = []

    def take(self, document: dict[str, Any]) -> bool:
        """Rank a trial that has ended, or whose record was completed; return whether it is the best now."""
        spec, status = document["spec"], document["status"]
        number: int = spec["number"]
        self._ranked = [entry for entry in self._ranked if entry[1] != number]
        value = (status.get("objectives") or {}).get(self._metric)
        if status["phase"] != Phase.SUCCEEDED or value is None:
            return False
        rank = self._sign * decode_number(value)
        is_full = len(self._ranked) == KEPT and self._ranked[-1][:2] < (rank, number)
        if math.isnan(rank) or is_full or any(not decode_number(each) <= 0 for each in spec.get("constraints") or ()):
            return False
        insort(self._ranked, (rank, number, row_of(document, self._metrics)))
        del self._ranked[KEPT:]
        return self._ranked[0][1] == number

    def rows(self, limit: int) -> tuple[Row, ...]:
        """Return the best, best first."""
        return tuple(row for _, _, row in self._ranked[:limit])
