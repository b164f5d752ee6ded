"""The coordinator's core: which trial starts when, which one is told to end, and when the sweep is over.

A deterministic state machine: events go in, actions come out. No clock, no input or output, no randomness but the
sampler's seed; times are seconds on a clock that the caller reads. Cost per event is constant (logarithmic in the
number of running trials), and nothing is kept of a finished trial but counts.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from expsdk.analysis.words import counts_by_phase
from expsdk.samplers import Sample, Sampler, TrialOutcome
from expsdk.sweep.actions import Action, AskStop, Finish, Kill, Launch, Terminate
from expsdk.sweep.events import Began, Changed, Event, Found, Interrupted, Passed
from expsdk.sweep.limits import Limits
from expsdk_runtime.contract import Phase, Reason, Stop

_STALE_DEADLINES = 64


class _Stage(IntEnum):
    """How far a running trial has been pressed to end."""

    RUNNING = 0
    ASKED = 1
    TERMINATED = 2
    KILLED = 3


@dataclass(slots=True)
class _Running:
    """A trial that has a job."""

    parameters: Sample
    deadline: float | None = None
    stage: _Stage = _Stage.RUNNING
    is_finished: bool = False
    reason: str = ""
    message: str = ""


class Coordinator:
    """Drives one sweep.

    Attributes:
        counts: Number of trials by phase, as far as this coordinator knows.
        best: Number and value of the best trial, the first of equal ones, where there is one objective and a trial has
            succeeded with a value.
        is_finished: Whether the sweep is over; nothing changes after that.
    """

    def __init__(self, sampler: Sampler, limits: Limits, *, directions: Sequence[str]) -> None:
        self.counts: Counter[str] = Counter()
        self.best: tuple[int, float] | None = None
        self.is_finished = False
        self._sampler = sampler
        self._limits = limits
        self._sign = (1.0 if directions[0] == "minimize" else -1.0) if len(directions) == 1 else None
        self._running: dict[int, _Running] = {}
        self._again: deque[Launch] = deque()
        self._taken: set[int] = set()
        self._next = 0
        self._exhausted = False
        self._ends_at: float | None = None
        self._verdict: Finish | None = None  # set as soon as no more trials are launched
        self._deadlines: list[tuple[float, int]] = []

    @property
    def deadline(self) -> float | None:
        """When the next `Passed` is due, or None where only other events can change anything."""
        while self._deadlines and not self._is_due(*self._deadlines[0]):
            heapq.heappop(self._deadlines)
        times = [self._deadlines[0][0]] if self._deadlines else []
        if self._ends_at is not None and self._verdict is None:
            times.append(self._ends_at)
        return min(times, default=None)

    @property
    def running(self) -> int:
        """How many trials have a job."""
        return len(self._running)

    def is_running(self, number: int) -> bool:
        """Whether a trial has a job."""
        return number in self._running

    def handle(self, event: Event) -> list[Action]:
        """Return what is to be done now that `event` has happened."""
        if self.is_finished:
            return []
        if isinstance(event, Found):
            self._find(event)
            return []
        return list(self._react(event))

    def _react(self, event: Began | Changed | Passed | Interrupted) -> Iterator[Action]:
        if isinstance(event, Began):
            self._ends_at = None if self._limits.timeout_s is None else event.at + self._limits.timeout_s
        elif isinstance(event, Changed):
            self._change(event)
        elif isinstance(event, Interrupted):
            yield from self._interrupt(event)
        yield from self._limit(event.at)
        yield from self._expire(event.at)
        yield from self._fill(event.at)
        if not self._running:  # nothing is left to launch, or it would run
            self.is_finished = True
            self._verdict = self._verdict or Finish(Phase.SUCCEEDED, self._summary())
            yield self._verdict

    def _find(self, event: Found) -> None:
        """Take up a trial that an earlier coordinator launched, or was about to."""
        self._taken.add(event.number)
        if event.alive:
            self._run(event.number, event.parameters, event.at)
            if event.phase in Phase.FINISHED:
                self._await_end(event.number, event.at)
            self._sampler.tell(TrialOutcome(event.number, event.parameters, Phase.RUNNING, None))
        elif event.phase in Phase.FINISHED:
            self._settle(event.number, event.parameters, event.phase, event.values)
        else:
            # A job that never was is attempt 1 still; one that is gone before its trial ended is followed by another.
            attempt = event.attempt if event.phase == Phase.PENDING else event.attempt + 1
            self._again.append(Launch(event.number, event.parameters, attempt))
            self._sampler.tell(TrialOutcome(event.number, event.parameters, Phase.PENDING, None))

    def _change(self, event: Changed) -> None:
        if event.number not in self._running:  # an update that comes late, or twice
            return
        has_said = event.phase in Phase.FINISHED
        if not event.alive:
            running = self._running.pop(event.number)
            self.counts[Phase.RUNNING] -= 1
            self._settle(event.number, running.parameters, event.phase if has_said else Phase.FAILED, event.values)
        elif has_said:
            self._await_end(event.number, event.at)

    def _run(self, number: int, parameters: Sample, at: float) -> None:
        """Count a trial that has a job now."""
        self._running[number] = running = _Running(parameters)
        self.counts[Phase.RUNNING] += 1
        self._set_deadline(number, running, self._limits.trial_timeout_s, at)

    def _await_end(self, number: int, at: float) -> None:
        """Give the process of a trial that has said how it ended the grace period to go, once."""
        running = self._running[number]
        if running.is_finished or running.stage == _Stage.KILLED:
            return
        running.is_finished = True
        running.stage = _Stage.TERMINATED
        running.reason = running.reason or Reason.TIMEOUT
        running.message = running.message or "the trial had ended, but its process had not"
        self._set_deadline(number, running, self._limits.grace_s, at)

    def _settle(self, number: int, parameters: Sample, phase: str, values: tuple[float, ...] | None) -> None:
        """Count a trial that has ended and tell the sampler."""
        self.counts[phase] += 1
        if phase == Phase.SUCCEEDED and values and self._sign is not None:
            value = values[0]
            is_better = self.best is None or (self._sign * value, number) < (self._sign * self.best[1], self.best[0])
            if value == value and is_better:  # NaN, which does not equal itself, is never the best
                self.best = (number, value)
        self._sampler.tell(TrialOutcome(number, parameters, phase, values))

    def _interrupt(self, event: Interrupted) -> Iterator[Action]:
        """The first time, ask all trials to stop; after that, kill them."""
        if self._verdict is None or self._verdict.phase != Phase.CANCELLED:
            yield from self._stop(event.at, Finish(Phase.CANCELLED, "interrupted: finished trials are kept"))
            return
        for number, running in self._running.items():
            if running.stage < _Stage.KILLED:
                yield self._press(number, running, _Stage.KILLED, event.at)

    def _stop(self, at: float, verdict: Finish) -> Iterator[Action]:
        """Launch no more and ask what runs to stop."""
        self._verdict = verdict
        self.counts[Phase.PENDING] += len(self._again)
        self._again.clear()
        for number, running in self._running.items():
            if running.stage < _Stage.ASKED:
                running.reason = Reason.INTERRUPTED
                running.message = f"the sweep ended before this trial did ({verdict.message})"
                yield self._press(number, running, _Stage.ASKED, at)

    def _limit(self, at: float) -> Iterator[Action]:
        """End a sweep that has failed too often, or whose time is over."""
        if self._verdict is not None:
            return
        failures, allowed = self.counts[Phase.FAILED], self._limits.max_failures
        if allowed is not None and failures > allowed:
            message = f"max_failures={allowed}, and {failures} {'trial has' if failures == 1 else 'trials have'} failed"
            yield from self._stop(at, Finish(Phase.FAILED, message))
        elif self._ends_at is not None and at >= self._ends_at:
            message = f"the time is over: timeout_s={self._limits.timeout_s:g}"
            yield from self._stop(at, Finish(Phase.SUCCEEDED, message))

    def _expire(self, at: float) -> Iterator[Action]:
        """Press trials whose time is over."""
        while self._deadlines and self._deadlines[0][0] <= at:
            deadline, number = heapq.heappop(self._deadlines)
            if not self._is_due(deadline, number):
                continue
            running = self._running[number]
            if running.stage == _Stage.RUNNING:
                running.reason = Reason.TIMEOUT
                running.message = f"the trial took longer than trial_timeout_s={self._limits.trial_timeout_s:g} allows"
            stage = _Stage.TERMINATED if running.stage < _Stage.TERMINATED else _Stage.KILLED
            yield self._press(number, running, stage, at)

    def _press(self, number: int, running: _Running, stage: _Stage, at: float) -> Action:
        running.stage = stage
        self._set_deadline(number, running, None if stage == _Stage.KILLED else self._limits.grace_s, at)
        if stage == _Stage.ASKED:
            return AskStop(number, Stop.CANCELLED)
        if stage == _Stage.TERMINATED:
            return Terminate(number, running.reason, running.message)
        return Kill(number, running.reason, running.message)

    def _fill(self, at: float) -> Iterator[Action]:
        """Launch trials as long as there is room and something to launch."""
        while self._verdict is None and len(self._running) < self._limits.parallelism:
            launch = self._again.popleft() if self._again else self._propose()
            if launch is None:
                return
            self._run(launch.number, launch.parameters, at)
            yield launch

    def _propose(self) -> Launch | None:
        while self._next in self._taken:
            self._taken.discard(self._next)
            self._next += 1
        if self._is_complete():
            return None
        sample = self._sampler.ask(self._next)
        if sample is None:
            self._exhausted = True
            return None
        self._next += 1
        return Launch(self._next - 1, sample, 1)

    def _is_complete(self) -> bool:
        return self._exhausted or (self._limits.trials is not None and self._next >= self._limits.trials)

    def _set_deadline(self, number: int, running: _Running, after_s: float | None, at: float) -> None:
        running.deadline = None if after_s is None else at + after_s
        if running.deadline is None:
            return
        heapq.heappush(self._deadlines, (running.deadline, number))
        if len(self._deadlines) > 2 * len(self._running) + _STALE_DEADLINES:
            self._deadlines = [entry for entry in self._deadlines if self._is_due(*entry)]
            heapq.heapify(self._deadlines)

    def _is_due(self, deadline: float, number: int) -> bool:
        """Whether a deadline is still the trial's own, not one that a later one replaced."""
        running = self._running.get(number)
        return running is not None and running.deadline == deadline

    def _summary(self) -> str:
        return counts_by_phase(self.counts) or "no trial ended"
