"""The driver with a backend whose trials take no time and whose records nobody keeps: what is left is bookkeeping."""

from __future__ import annotations

import time
import tracemalloc
from collections import deque
from typing import Any

from expsdk.backends.base import Document, Update
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result
from expsdk.samplers import make_sampler
from expsdk.space import Space, integer, loguniform
from expsdk.sweep import driver
from expsdk.sweep.advisers import Advisers
from expsdk.sweep.core import Coordinator
from expsdk.sweep.limits import Limits
from expsdk.sweep.observer import Silence
from expsdk_runtime.contract import Phase

EPOCHS = 10


class Instant:
    """A backend of whose trials every turn tells twice: that they have begun, and, at the next turn, how they ended."""

    trouble = ""
    takes_ctrl_c = False

    def __init__(self, *, after: int) -> None:
        self.sizes: list[int] = []
        self.published = 0
        self._after = after
        self._ended = 0
        self._begun: deque[Document] = deque()
        self._new: deque[Document] = deque()

    def launch(self, result: Result, *, attempt: int) -> None:
        document = result.to_document()
        document["status"]["attempt"] = attempt
        self._new.append(document)

    def wait(self, timeout_s: float | None) -> list[Update]:
        before, self._ended = self._ended, self._ended + len(self._begun)
        if before < self._after <= self._ended and tracemalloc.is_tracing():
            self.sizes.append(tracemalloc.get_traced_memory()[0])
        updates = [_update(document, Phase.SUCCEEDED, EPOCHS) for document in self._begun]
        self._begun, self._new = self._new, deque()
        return updates + [_update(document, Phase.RUNNING, EPOCHS // 2) for document in self._begun]

    def keep(self, experiment: Experiment) -> None:
        self.published += 1


def drive(trials: int, *, parallelism: int, after: int) -> tuple[float, float]:
    """Drive a sweep, once for the time and once for the memory.

    Returns:
        The seconds that it took, and the bytes that each trial left behind after the first `after` of them.
    """
    began = time.perf_counter()
    _sweep(trials, parallelism, Instant(after=after))
    took_s = time.perf_counter() - began
    backend = Instant(after=after)
    tracemalloc.start()
    try:
        _sweep(trials, parallelism, backend)
        left = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    return took_s, (left - backend.sizes[0]) / (trials - after)


def _sweep(trials: int, parallelism: int, backend: Any) -> None:
    from simulation.documents import make_experiment

    limits = Limits(trials=trials, parallelism=parallelism)
    domains = {"lr": loguniform(1e-4, 1e-1), "depth": integer(2, 8), "opt": ["sgd", "adam"]}
    space = Space.of(domains)
    experiment = make_experiment(limits=limits, space=domains)
    sampler = make_sampler("random", space=space, directions=["minimize"], seed=7, parallelism=parallelism)
    coordinator = Coordinator(Advisers(sampler), limits, directions=["minimize"])
    interval_s, driver.STATUS_INTERVAL_S = driver.STATUS_INTERVAL_S, 0.0  # the record is written at every turn
    try:
        ended = driver.Driver(coordinator, backend, experiment, Silence(), space=space).run()
    finally:
        driver.STATUS_INTERVAL_S = interval_s
    assert ended.status.counts == {Phase.SUCCEEDED: trials}, ended.status.counts


def _update(document: Document, phase: str, epochs: int) -> Update:
    """Return what a trial that has come so far is told as."""
    number = document["spec"]["number"]
    values = [1.0 / (1 + number + epoch) for epoch in range(epochs)]
    has_ended = phase in Phase.FINISHED
    status = {
        **document["status"],
        "phase": phase,
        "startTime": "2026-01-31T12:00:00.000000Z",
        **({"completionTime": "2026-01-31T12:00:02.500000Z"} if has_ended else {}),
        "epoch": epochs - 1,
        "metrics": {
            "loss": {"last": values[-1], "min": values[-1], "max": values[0], "best": values[-1], "epoch": epochs - 1}
        },
        "history": {"loss": {"stride": 1, "points": [list(range(epochs)), values]}},
        "objectives": {"loss": values[-1]} if has_ended else {},
    }
    return Update(number, {**document, "status": status}, alive=not has_ended)
