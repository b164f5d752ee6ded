"""Deadlines of many trials, of which each has one at most: the next one is found at once."""

from __future__ import annotations

import heapq

_STALE = 64


class Deadlines:
    """Deadlines by trial number, in seconds on the coordinator's clock."""

    def __init__(self) -> None:
        self._at: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []

    @property
    def next(self) -> float | None:
        """The first deadline, or None where there is none."""
        while self._heap and not self._is_current(*self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def set(self, number: int, at: float | None) -> None:
        """Set a trial's deadline in place of any former one; None: it has none."""
        if at is None:
            self._at.pop(number, None)
            return
        self._at[number] = at
        heapq.heappush(self._heap, (at, number))
        if len(self._heap) > 2 * len(self._at) + _STALE:
            self._heap = [entry for entry in self._heap if self._is_current(*entry)]
            heapq.heapify(self._heap)

    def pop_due(self, now: float) -> int | None:
        """Return a trial whose deadline has come, which has none any more; None where no other has."""
        at = self.next
        if at is None or at > now:
            return None
        _, number = heapq.heappop(self._heap)
        del self._at[number]
        return number

    def _is_current(self, at: float, number: int) -> bool:
        return self._at.get(number) == at
