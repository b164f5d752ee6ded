"""What one coordinator heard and decided, and what follows from it: counted anew, by other ways than the core's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf

from expsdk.samplers import TrialOutcome
from expsdk.sweep.actions import Action, AskStop, Kill, Launch, Terminate
from expsdk.sweep.core import Coordinator
from expsdk.sweep.events import Began, Changed, Event, Found, Interrupted
from expsdk_runtime.contract import Phase, Reason
from simulation.script import Script
from simulation.witness import PrunerWitness, Witness

Press = AskStop | Terminate | Kill


@dataclass
class Tenure:
    """One attempt at a trial, as long as its coordinator knew of its job.

    Attributes:
        number: The trial's number.
        attempt: Which attempt it is.
        since: When its time began to count.
        at: When the coordinator launched or found it.
        said: When the coordinator heard how the trial had ended while its job was there; infinite for never.
        ended: When it heard that the job was gone; infinite for never.
        presses: How it pressed the trial to end, and when.
    """

    number: int
    attempt: int
    since: float
    at: float
    said: float = inf
    ended: float = inf
    presses: list[tuple[float, Press]] = field(default_factory=list)

    def pressed(self, kind: type[Press]) -> list[float]:
        """Return when it was pressed in one way."""
        return [at for at, action in self.presses if isinstance(action, kind)]

    def asked(self, stop: str) -> list[float]:
        """Return when it was asked to stop as what `stop` says."""
        return [at for at, action in self.presses if isinstance(action, AskStop) and action.stop == stop]


@dataclass
class Life:
    """A coordinator's life.

    Attributes:
        coordinator: The coordinator.
        witness: Its sampler.
        pruner: Its pruner, if there is one.
        script: What happens to the sweep.
        steps: The events that it was told before the sweep was over, with the actions that it returned.
        is_given_up: Whether nothing would ever have happened any more, so that the user pressed Ctrl-C.
    """

    coordinator: Coordinator
    witness: Witness
    pruner: PrunerWitness | None
    script: Script
    steps: list[tuple[Event, list[Action]]] = field(default_factory=list)
    is_given_up: bool = False

    @property
    def heard(self) -> list[Event]:
        """The events that it was told before the sweep was over."""
        return [event for event, _ in self.steps]

    @property
    def decided(self) -> list[tuple[Event, Action]]:
        """The actions that it returned, with the event after which it did."""
        return [(event, action) for event, actions in self.steps for action in actions]

    @property
    def launches(self) -> list[tuple[float, Launch]]:
        """What it launched, and when."""
        return [(event.at, action) for event, action in self.decided if isinstance(action, Launch)]

    @property
    def tenures(self) -> list[Tenure]:
        """The attempts whose jobs it knew of."""
        tenures: list[Tenure] = []
        there: dict[int, Tenure] = {}
        for event, actions in self.steps:
            if isinstance(event, Found) and event.alive:
                number = event.outcome.number
                there[number] = Tenure(number, event.attempt, event.at - event.ran_s, event.at)
                tenures.append(there[number])
            if isinstance(event, (Found, Changed)) and (tenure := there.get(event.outcome.number)):
                if not event.alive:
                    there.pop(event.outcome.number).ended = event.at
                elif event.outcome.phase in Phase.FINISHED:
                    tenure.said = min(tenure.said, event.at)
            for action in actions:
                if isinstance(action, Launch):
                    there[action.number] = Tenure(action.number, action.attempt, event.at, event.at)
                    tenures.append(there[action.number])
                elif isinstance(action, Press):
                    there[action.number].presses.append((event.at, action))
        return tenures

    @property
    def ends_at(self) -> float:
        """When its time is over, or at once; infinite for never."""
        began = next((event for event in self.heard if isinstance(event, Began)), None)
        timeout_s = self.script.limits.timeout_s
        return inf if began is None or timeout_s is None else began.at + max(0.0, timeout_s - began.active_s)

    @property
    def interrupted(self) -> list[float]:
        """When the user pressed Ctrl-C."""
        return [event.at for event in self.heard if isinstance(event, Interrupted)]

    @property
    def stopped(self) -> float:
        """When trials were asked to stop since the sweep was to end; infinite for never."""
        return self._stop()[0]

    @property
    def phase(self) -> str:
        """How the sweep ends."""
        return Phase.CANCELLED if self.interrupted else self._stop()[1]

    def ends(self) -> Iterator[tuple[Event, TrialOutcome | None, float]]:
        """Yield every event with the trial that has ended by it and will not be launched again, if one has.

        The third is how long an attempt has run whose end became known.
        """
        attempts: dict[int, int] = {}
        found: set[int] = set()
        for event, actions in self.steps:
            ended, ran_s = None, 0.0
            if isinstance(event, (Found, Changed)):
                outcome = event.outcome
                number = outcome.number
                if isinstance(event, Found):
                    found.add(number)
                    if event.alive:
                        attempts[number] = event.attempt
                    else:
                        ran_s = event.ran_s
                        goes_on = self._goes_on(outcome, event.attempt, was_found=True)
                        ended = None if goes_on or outcome.phase not in Phase.FINISHED else outcome
                elif not event.alive and number in attempts:
                    ran_s = event.ran_s
                    goes_on = self._goes_on(outcome, attempts.pop(number), was_found=number in found)
                    ended = None if goes_on else outcome
            for action in actions:
                if isinstance(action, Launch):
                    attempts[action.number] = action.attempt
                    found.discard(action.number)
            yield event, ended, ran_s

    def _goes_on(self, outcome: TrialOutcome, attempt: int, *, was_found: bool) -> bool:
        """Whether another attempt follows, unless the sweep is to end."""
        if outcome.phase == Phase.CANCELLED:
            return was_found
        is_retried = outcome.reason in Reason.INFRASTRUCTURE and attempt <= self.script.limits.retries
        return outcome.phase == Phase.FAILED and is_retried

    def _stop(self) -> tuple[float, str]:
        """Return when and how the sweep was to end before all trials had, but for what is not better any more."""
        limits, sign = self.script.limits, 1 if self.script.direction == "minimize" else -1
        failures, is_reached = 0, False
        for event, ended, _ in self.ends():
            if ended is not None:
                failures += ended.phase == Phase.FAILED
                if limits.target is not None and ended.phase == Phase.SUCCEEDED and ended.values:
                    is_reached |= sign * ended.values[0] <= sign * limits.target and self.script.is_feasible(ended)
            if isinstance(event, Found):
                continue
            if isinstance(event, Interrupted):
                return event.at, Phase.CANCELLED
            if limits.max_failures is not None and failures > limits.max_failures:
                return event.at, Phase.FAILED
            if is_reached or event.at >= self.ends_at:
                return event.at, Phase.SUCCEEDED
        return inf, Phase.SUCCEEDED
