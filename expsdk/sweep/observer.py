"""Who looks on while a sweep runs: the seam between the driver and what is shown to people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from expsdk.analysis.again import Again
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

    def started(
        self, experiment: Experiment, *, location: str, notice: str, again: Again, looking_on: bool = False
    ) -> None:
        """The experiment is there, new or taken up again, and nothing has been launched by this coordinator yet.

        Args:
            experiment: Its record.
            location: Where it is kept, for people.
            notice: What the user should know, or "".
            again: How to come back to it.
            looking_on: Whether another coordinator drives it.
        """

    def found(self, document: dict[str, Any]) -> None:
        """A trial had ended before anybody looked, or its Result was added to since it ended; this is its Result."""

    def launched(self, document: dict[str, Any]) -> None:
        """A trial is given a job now; its Result is `document`."""

    def changed(self, document: dict[str, Any], *, alive: bool) -> None:
        """A trial's Result is `document` now, and its job is alive or has ended; nothing follows an end."""

    def refresh(self, standing: Standing) -> None:
        """Some time has passed, or something has changed."""

    def troubled(self, trouble: str) -> None:
        """What keeps the coordinator from hearing of its trials is `trouble` now; "" where nothing does any more."""

    def interrupted(self, times: int) -> None:
        """Ctrl-C was pressed, so many times until now."""

    def finished(self, results: Results) -> None:
        """The sweep is over, or nobody looks on any more, with these results."""

    def close(self) -> None:
        """Nothing more changes, however the sweep has ended; called before `finished`."""


class Silence:
    """Shows nothing."""

    def started(
        self, experiment: Experiment, *, location: str, notice: str, again: Again, looking_on: bool = False
    ) -> None:
        """Show nothing."""

    def found(self, document: dict[str, Any]) -> None:
        """Show nothing."""

    def launched(self, document: dict[str, Any]) -> None:
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
