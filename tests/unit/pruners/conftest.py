"""Trials by hand: curves that are reported one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from expsdk.pruners import Pruner, Report, make_pruner
from expsdk.samplers import TrialOutcome
from expsdk_runtime.contract import Phase

Curve = Sequence[tuple[int, float]]


class Bench:
    """Runs trials on a pruner in turn, each to its end or until it is to stop."""

    def __init__(self, pruner: Pruner) -> None:
        self.pruner = pruner
        self.outcomes: list[TrialOutcome] = []

    def run(self, values: Sequence[float], *, first: int = 0, every: int = 1) -> int | None:
        """Run the next trial; return after how many reports it was to stop, or None where it never was."""
        number = len(self.outcomes)
        curve = [(first + every * index, value) for index, value in enumerate(values)]
        for index, (epoch, value) in enumerate(curve):
            if self.pruner.report(Report(number, {}, epoch, value)):
                self._end(number, curve[: index + 1], Phase.PRUNED)
                return index + 1
        self._end(number, curve, Phase.SUCCEEDED)
        return None

    def _end(self, number: int, curve: Curve, phase: str) -> None:
        self.outcomes.append(ended(number, curve, phase))
        self.pruner.tell(self.outcomes[-1])


def ended(number: int, curve: Curve, phase: str) -> TrialOutcome:
    """Return the outcome of a trial that has ended."""
    values = (curve[-1][1],) if phase == Phase.SUCCEEDED and curve else None
    return TrialOutcome(number, {}, phase, values, history=tuple(curve))


@pytest.fixture
def bench() -> Callable[..., Bench]:
    def make(pruner: Any, *, direction: str = "minimize", seed: int = 7, **rest: Any) -> Bench:
        return Bench(make_pruner(pruner, direction=direction, seed=seed, **rest))

    return make
