"""A function as a pruner: it is shown each epoch of a trial with those before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from expsdk.errors import SweepError
from expsdk.pruners.base import Report
from expsdk.samplers.base import TrialOutcome


class FunctionPruner:
    """Stops the trials that a function says are to stop.

    Its reports have a `history`: what most such functions look at is how a trial has gone until now. A trial's epochs
    are kept for as long as it runs.

    Attributes:
        name: What records call it.
    """

    name = "user"

    def __init__(self, function: Callable[[Report], bool]) -> None:
        self._function = function
        self._histories: dict[int, list[tuple[int, float]]] = {}

    def report(self, report: Report) -> bool:
        """Ask the function whether the trial is to stop; what it raises passes.

        Raises:
            SweepError: It returns something else than True or False.
        """
        history = self._histories.setdefault(report.number, [])
        history.append((report.epoch, report.value))
        verdict = self._function(replace(report, history=tuple(history)))
        if verdict not in (True, False):
            raise SweepError(
                f"a pruner's function returns True where the trial is to stop and else False, not {verdict!r};"
                " let it return one of the two at its end"
            )
        return bool(verdict)

    def tell(self, outcome: TrialOutcome) -> None:
        """Forget the trial."""
        self._histories.pop(outcome.number, None)
