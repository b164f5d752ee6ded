"""Who looks on while a sweep runs: the seam between the driver and what is shown to people."""

from __future__ import annotations

from typing import Any, Protocol

from expsdk.analysis.results import Results
from expsdk.resources.experiment import Experiment
from expsdk.sweep.core import Coordinator


class Observer(Protocol):
    """Hears how a sweep goes, from the thread that drives it; it never slows it down and never ends it."""

    def started(self, experiment: Experiment, *, location: str, notice: str) -> None:
        """The experiment is created and nothing has been launched yet."""

    def changed(self, document: dict[str, Any], *, alive: bool) -> None:
        """A trial's Result is `document` now, and its job is alive or has ended; nothing follows an end."""

    def refresh(self, coordinator: Coordinator) -> None:
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

    def refresh(self, coordinator: Coordinator) -> None:
        """Show nothing."""

    def troubled(self, trouble: str) -> None:
        """Show nothing."""

    def interrupted(self, times: int) -> None:
        """Show nothing."""

    def finished(self, results: Results) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Show nothing."""
