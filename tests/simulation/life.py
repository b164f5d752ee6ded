"""What one coordinator heard and decided, and what follows from it: counted anew, by other ways than the core's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import TypeVar

from expsdk.sweep.actions import Action, AskStop, Kill, Launch, Terminate
from expsdk.sweep.core import Coordinator
from expsdk.sweep.events import Began, Changed, Event, Found, Interrupted
from expsdk.sweep.limits import Limits
from expsdk_runtime.contract import Phase
from simulation.witness import Witness

Press = AskStop | Terminate | Kill
P = TypeVar("P", bound=Press)


@dataclass
class Life:
    """A coordinator's life.

    Attributes:
        coordinator: The coordinator.
        witness: Its sampler.
        limits: The sweep's limits.
        heard: The events that it was told before the sweep was over.
        decided: The actions that it returned, with the event after which it did.
        is_given_up: Whether nothing would ever have happened any more, so that the user pressed Ctrl-C.
    """

    coordinator: Coordinator
    witness: Witness
    limits: Limits
    heard: list[Event] = field(default_factory=list)
    decided: list[tuple[Event, Action]] = field(default_factory=list)
    is_given_up: bool = False

    @property
    def began(self) -> float:
        """When it began; infinite for never."""
        return next((event.at for event in self.heard if isinstance(event, Began)), inf)

    @property
    def launched(self) -> dict[int, float]:
        """Which trials it launched, and when."""
        return {action.number: event.at for event, action in self.decided if isinstance(action, Launch)}

    @property
    def begun(self) -> dict[int, float]:
        """Which trials had a job, and since when as far as it knows."""
        adopted = {event.number: event.at for event in self.heard if isinstance(event, Found) and event.alive}
        return {**adopted, **self.launched}

    @property
    def interrupted(self) -> list[float]:
        """When the user pressed Ctrl-C."""
        return [event.at for event in self.heard if isinstance(event, Interrupted)]

    @property
    def stopped(self) -> float:
        """When the sweep was stopped; infinite for never."""
        return self._stop()[0]

    @property
    def phase(self) -> str:
        """How the sweep ends."""
        return Phase.CANCELLED if self.interrupted else self._stop()[1]

    def ended(self, number: int) -> float:
        """Return when it heard that a trial's job is gone; infinite for never."""
        about = (event for event in self._about(number) if isinstance(event, Changed))
        return next((event.at for event in about if not event.alive), inf)

    def said(self, number: int) -> float:
        """Return when it heard, of a trial whose job was there, how the trial had ended; infinite for never."""
        return next((event.at for event in self._about(number) if event.alive and event.phase in Phase.FINISHED), inf)

    def presses(self, number: int) -> list[tuple[float, Press]]:
        """Return how it pressed a trial to end, and when."""
        return [
            (event.at, action)
            for event, action in self.decided
            if isinstance(action, Press) and action.number == number
        ]

    def pressed(self, kind: type[P], number: int) -> list[float]:
        """Return when it pressed a trial in one way."""
        return [at for at, action in self.presses(number) if isinstance(action, kind)]

    def _stop(self) -> tuple[float, str]:
        """Return when the sweep was interrupted, had failed too often or was at the end of its time, and its phase."""
        ends_at, failures, ended = self.began + (self.limits.timeout_s or inf), 0, set[int]()
        for event in self.heard:
            if isinstance(event, Found):
                failures += event.phase == Phase.FAILED and not event.alive
                continue
            if isinstance(event, Changed) and not event.alive and event.number not in ended:
                ended.add(event.number)
                failures += event.phase == Phase.FAILED
            if isinstance(event, Interrupted):
                return event.at, Phase.CANCELLED
            if self.limits.max_failures is not None and failures > self.limits.max_failures:
                return event.at, Phase.FAILED
            if event.at >= ends_at:
                return event.at, Phase.SUCCEEDED
        return inf, Phase.SUCCEEDED

    def _about(self, number: int) -> Iterator[Found | Changed]:
        return (event for event in self.heard if isinstance(event, (Found, Changed)) and event.number == number)
