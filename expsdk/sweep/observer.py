"""Who looks on while a sweep runs: the seam between the driver and what is shown to people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from expsdk.analysis.results import Results
from expsdk.resources.experiment import Experiment


@dataclass(frozen=True)
class Standing:
    """Where a sweep stands.

    Attributes:
        counts: Number of trials by phase.
        best: Number and value of the best trial, or None.
        spent_hours: How much of the budget is used up, or None where there is no budget.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    best: tuple[int, float] | None = None
    spent_hours: float | None = None


class Observer(Protocol):
    """Hears how a sweep goes, from the thread that drives or watches it; it never slows it down and never ends it."""

    def started(self, experiment: Experiment, *, location: str, notice: str) -> None:
        """The experiment is there, new or taken up again, and nothing has been launched by this coordinator yet."""

    def changed(self, document: dict[str, Any], *, alive: bool) -> None:
        """A trial's Result is `document` now, and its job is alive or has ended; nothing follows an end."""

    def refresh(self, standing: Standing) -> None:
        """Some time has passed, or something has changed."""

    def troubled(self, trouble: str) -> None:
        """What keeps the coordinator from hearing of its trials is `trouble` now; "" where nothing does any more."""

    def interrupted(self, times: int) -> None:
        """Ctrl-C was pressed, so many times until now."""

    def finished(self, results: Results) -> None:
        """The sweep is over and has left these results."""

    def close(self) -> None:
        """Nothing more changes, however the sweep has ended; called before `finished`."""


class Silence:
    """Shows nothing."""

    def started(self, experiment: Experiment, *, location: str, notice: str) -> None:
        """Show nothing."""

    def changed(self, document: dict[str, Any], *, alive: bool) -> None:
        """Show nothing."""

    def refresh(self, standing: Standing) -> None:
        """Show nothing."""

    def troubled(self, trouble: str) -> None:
        """Show nothing."""

    def interrupted(self, times: int) -> None:
        """Show nothing."""

    def finished(self, results: Results) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Show nothing."""


def make_observer(*, shown: bool, live: bool) -> Observer:
    """Return who shows a sweep on standard error, or nobody.

    Args:
        shown: Whether to show it at all.
        live: Whether a picture may be drawn that is drawn again; a terminal is needed, too.
    """
    if not shown:
        return Silence()
    from expsdk.sweep.progress import make_progress  # rich is slow to import

    return make_progress(live=live)
