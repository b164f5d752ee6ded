"""A coordinator's connection to the cluster: what it orders, and what it hears, which may be late, twice or stale."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle

from expsdk.samplers import TrialOutcome
from expsdk.sweep.actions import Action, AskStop, Finish, Kill, Launch, Note, Terminate
from expsdk.sweep.events import Changed
from simulation.behaviour import Behaviour
from simulation.cluster import Cluster

State = tuple[TrialOutcome, bool]


class Connection:
    """One coordinator's backend.

    Args:
        cluster: The cluster.
        behaviours: How the jobs behave, by number and attempt, again and again.
        delays: How late updates come, in seconds, in turn; of one trial, they come in their order.
        echoes: How long after an update it comes once more, in turn; None: it does not.
        coalesces: Whether an update tells of the state when it comes, not of that when it was sent.
        step: Called before whatever a crash can come before.
    """

    def __init__(
        self,
        cluster: Cluster,
        behaviours: Sequence[Behaviour],
        *,
        delays: Sequence[float],
        echoes: Sequence[float | None],
        coalesces: bool,
        step: Callable[[], None],
    ) -> None:
        self._cluster = cluster
        self._behaviours = behaviours
        self._delays = cycle(delays)
        self._echoes = cycle(echoes)
        self._coalesces = coalesces
        self._step = step
        self._due: list[tuple[float, int, int, State]] = []
        self._sent = 0
        self._latest: dict[int, float] = {}
        self._sentences: dict[int, str] = {}
        cluster.on_change = self._send

    @property
    def next_at(self) -> float | None:
        """When the next update comes."""
        return self._due[0][0] if self._due else None

    def perform(self, action: Action) -> None:
        """Do what the coordinator wants done."""
        if isinstance(action, Launch):
            self._step()
            self._forget(action.number)
            self._cluster.record(action.number, action.parameters, action.attempt, action.parent)
            self._step()
            kind = (action.number + 7 * (action.attempt - 1)) % len(self._behaviours)
            self._cluster.start(action.number, self._behaviours[kind])
            return
        self._step()
        if isinstance(action, Finish):
            return
        assert action.number in self._cluster.records, f"{action} is for a trial that was never launched"
        if isinstance(action, Note):
            self._cluster.note(action.number, action.constraints)
        elif isinstance(action, AskStop):
            self._cluster.ask_stop(action.number, action.stop)
        elif isinstance(action, Terminate):
            self._sentences.setdefault(action.number, action.reason)
            self._cluster.terminate(action.number)
        elif isinstance(action, Kill):
            self._sentences.setdefault(action.number, action.reason)
            self._cluster.kill(action.number)

    def updates(self) -> Iterator[Changed]:
        """Yield what has come until now."""
        now = self._cluster.now
        while self._due and self._due[0][0] <= now:
            _, _, number, state = heapq.heappop(self._due)
            outcome, alive = self._state(number) if self._coalesces else state
            if not alive:
                self._step()
                self._cluster.judge(number, self._sentences.get(number))
                outcome = self._cluster.outcome(number)
            self._step()
            yield Changed(now, outcome, alive, 0.0 if alive else self._cluster.ran_s(number))

    def _forget(self, number: int) -> None:
        """Tell nothing more of a former attempt at a trial: no backend tells anything of a job that has ended."""
        self._sentences.pop(number, None)
        if number in self._latest:
            self._due = [entry for entry in self._due if entry[2] != number]
            heapq.heapify(self._due)

    def _state(self, number: int) -> State:
        return self._cluster.outcome(number), number in self._cluster.alive

    def _send(self, number: int) -> None:
        at = max(self._cluster.now + next(self._delays), self._latest.get(number, 0.0))
        self._latest[number] = at
        self._post(number, at)
        echo = next(self._echoes)
        if echo is not None:
            self._post(number, at + echo)

    def _post(self, number: int, at: float) -> None:
        self._sent += 1
        heapq.heappush(self._due, (at, self._sent, number, self._state(number)))
