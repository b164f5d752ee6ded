"""Work on the API server by a few threads: in order for one object, at once for many, again where it could not be done.

A lane is a key, such as a trial's number. Its tasks are done one after the other; tasks of different lanes are done at
the same time. A task that the server could not do for now is done again, later and later, before its lane goes on. An
idle lane's turn comes when no other is ready.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from random import uniform

from expsdk.errors import ClusterError, QuotaExceeded, Unreachable

Task = Callable[[], None]

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
_BUSY = frozenset({0, 429, 500, 502, 503, 504})


@dataclass(slots=True)
class _Lane:
    tasks: deque[Task] = field(default_factory=deque)
    is_idle: bool = False
    is_queued: bool = False
    pause_s: float = 0.0


class Lanes:
    """Does tasks; see the module."""

    def __init__(self, workers: int, *, failed: Callable[[Hashable, Exception], None]) -> None:
        """Start the threads.

        Args:
            workers: How many tasks are done at a time.
            failed: Called with a lane's key and an error, from a worker's thread: by a task that failed for good, and
                by one that has to wait, each time (`is_for_now` tells them apart).
        """
        self._failed = failed
        self._lanes: dict[Hashable, _Lane] = {}
        self._ready: deque[Hashable] = deque()
        self._idle: deque[Hashable] = deque()
        self._later: list[tuple[float, int, Hashable]] = []
        self._count = 0
        self._closed = False
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._work, name=f"expsdk-lanes-{number}", daemon=True) for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def do(self, key: Hashable, task: Task, *, instead: bool = False, idle: bool = False) -> None:
        """Do a task when those that its lane has already are done.

        Args:
            key: The lane.
            task: The task.
            instead: Whether to drop those that wait, also the one that is to be done again.
            idle: Whether a new lane is an idle one.
        """
        with self._changed:
            lane = self._lanes.setdefault(key, _Lane(is_idle=idle))
            if instead:
                lane.tasks.clear()
                lane.pause_s = 0.0
            lane.tasks.append(task)
            if not lane.is_queued:
                lane.is_queued = True
                self._queue(key)
            elif instead:
                self._hasten(key)
            self._changed.notify()

    def drain(self, timeout_s: float) -> bool:
        """Wait until all is done, but no longer than `timeout_s`; return whether it is."""
        give_up_at = time.monotonic() + timeout_s
        with self._changed:
            while self._lanes and not self._closed:
                left = give_up_at - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
            return not self._lanes

    def close(self) -> None:
        """Begin no more tasks, and wait for those that have begun."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (key := self._next()) is not None:
            with self._changed:
                lane = self._lanes[key]
                task = lane.tasks[0]
            try:
                task()
            except Exception as error:
                # Whatever it is, its lane's owner must hear of it: a thread that ends in silence would lose a trial.
                self._failed(key, error)
                self._end(key, lane, task, again=is_for_now(error))
            else:
                self._end(key, lane, task, again=False)

    def _next(self) -> Hashable | None:
        """Return a lane that has a task to do now, as soon as there is one; None when all is over."""
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                while self._later and self._later[0][0] <= now:
                    self._queue(heapq.heappop(self._later)[2])
                if self._ready or self._idle:
                    return (self._ready or self._idle).popleft()
                self._changed.wait(self._later[0][0] - now if self._later else None)
        return None

    def _queue(self, key: Hashable) -> None:
        """Let a lane have its turn."""
        (self._idle if self._lanes[key].is_idle else self._ready).append(key)

    def _hasten(self, key: Hashable) -> None:
        """Let a lane that pauses go on now."""
        for place, (_, count, later) in enumerate(self._later):
            if later == key:
                self._later[place] = (0.0, count, key)
                heapq.heapify(self._later)
                return

    def _end(self, key: Hashable, lane: _Lane, task: Task, *, again: bool) -> None:
        """Queue what is to be done next in a lane, if anything is."""
        with self._changed:
            is_dropped = not lane.tasks or lane.tasks[0] is not task
            if again and not is_dropped:
                lane.pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, 2 * lane.pause_s))
                at = time.monotonic() + lane.pause_s * uniform(0.5, 1.0)
                self._count += 1
                heapq.heappush(self._later, (at, self._count, key))
            else:
                lane.pause_s = 0.0
                if not is_dropped:
                    lane.tasks.popleft()
                if lane.tasks:
                    self._queue(key)
                else:
                    del self._lanes[key]
            self._changed.notify_all()  # whoever waits for work, and whoever waits for the end of all of it


def is_for_now(error: Exception) -> bool:
    """Whether what could not be done may be done later: the server is away or busy, or a quota is used up."""
    if isinstance(error, (QuotaExceeded, Unreachable)):
        return True
    return type(error) is ClusterError and error.status in _BUSY
