"""The coordinator's core: which trial starts when, which one is told to end, and when the sweep is over.

A deterministic state machine: events go in, actions come out. No clock, no input or output, no randomness but the
sampler's seed; times are seconds on a clock that the caller reads. Cost per event is constant (logarithmic in the
number of running trials), and nothing is kept of a finished trial but counts.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from expsdk.analysis.words import counts_by_phase
from expsdk.samplers import Proposal, TrialOutcome
from expsdk.sweep.actions import Action, AskStop, Finish, Kill, Launch, Note, Terminate
from expsdk.sweep.advisers import AdviceFailed, Advisers
from expsdk.sweep.deadlines import Deadlines
from expsdk.sweep.events import Began, Changed, Event, Found, Interrupted, StopAsked
from expsdk.sweep.limits import Limits
from expsdk.sweep.stages import RunningTrial, Stage, WaitingTrial
from expsdk.sweep.tally import Tally
from expsdk_runtime.contract import Phase, Reason, Stop


class Coordinator:
    """Drives one sweep.

    Attributes:
        is_finished: Whether the sweep is over; nothing changes after that.
        failure: What an adviser has raised, in words, which has ended the sweep; else None.
    """

    def __init__(self, advisers: Advisers, limits: Limits, *, directions: Sequence[str], rate: float = 0.0) -> None:
        """Make the core of a sweep that has not begun.

        Args:
            advisers: The sampler, the pruner and the constraints.
            limits: What ends the sweep and its trials.
            directions: "minimize" or "maximize" for each objective.
            rate: How much of the budget's unit a trial takes up while it runs.
        """
        self.is_finished = False
        self.failure: AdviceFailed | None = None
        self._advisers = advisers
        self._limits = limits
        self._tally = Tally(directions, rate=rate)
        self._running: dict[int, RunningTrial] = {}
        self._again: OrderedDict[int, WaitingTrial] = OrderedDict()  # by number, in the order of their turns
        self._taken: set[int] = set()
        self._next = 0
        self._exhausted = False
        self._ends_at: float | None = None
        self._verdict: Finish | None = None  # set as soon as no more trials are launched
        self._is_stopping = False  # whether what runs has been asked to stop, too
        self._is_interrupted = False
        self._deadlines = Deadlines()

    @property
    def counts(self) -> Counter[str]:
        """Number of trials by phase, as far as this coordinator knows."""
        return self._tally.counts

    @property
    def best(self) -> tuple[int, float] | None:
        """Number and value of the best trial; see `Tally`."""
        return self._tally.best

    @property
    def deadline(self) -> float | None:
        """When the next `Passed` is due, or None where only other events can change anything."""
        times = [self._deadlines.next, None if self._is_stopping or self.is_finished else self._ends_at]
        return min((at for at in times if at is not None), default=None)

    @property
    def running(self) -> int:
        """How many trials have a job."""
        return len(self._running)

    def is_running(self, number: int) -> bool:
        """Whether a trial has a job."""
        return number in self._running

    def has_ended(self, number: int) -> bool:
        """Whether a trial that had a job has none any more, and will not have another."""
        return number not in self._running and number not in self._again

    def spent_hours(self, now: float) -> float:
        """Return how much of the budget's unit the trials have used up until now, in hours."""
        return self._tally.spent_hours(now)

    def handle(self, event: Event) -> list[Action]:
        """Return what is to be done now that `event` has happened."""
        if self.is_finished:
            return []
        actions: list[Action] = []
        try:
            for action in self._react(event):
                actions.append(action)  # noqa: PERF402 - what came before an exception counts
        except AdviceFailed as failure:
            self.failure = failure
            if not isinstance(event, Found):  # else there is more to be found, before anything is done about it
                actions += self._fail(event.at, failure)
        return actions

    def _react(self, event: Event) -> Iterator[Action]:
        if isinstance(event, Found):
            yield from self._find(event)
            return
        if isinstance(event, Began):
            self._tally.carry(event.spent_hours, event.at)
            if self._limits.timeout_s is not None:
                self._ends_at = event.at + self._limits.timeout_s - event.active_s
            if self.failure is not None:
                yield from self._fail(event.at, self.failure)
                return
        elif isinstance(event, Changed):
            yield from self._change(event)
        elif isinstance(event, Interrupted):
            yield from self._interrupt(event)
        elif isinstance(event, StopAsked):
            yield from self._stop_trial(event)
        yield from self._limit(event.at)
        yield from self._expire(event.at)
        yield from self._fill(event.at)
        yield from self._conclude()

    def _fail(self, at: float, failure: AdviceFailed) -> Iterator[Action]:
        yield from self._stop(at, Finish(Phase.FAILED, str(failure)))
        yield from self._conclude()

    def _conclude(self) -> Iterator[Action]:
        """End the sweep once nothing runs: nothing is left to launch then, or it would run."""
        if not self._running:
            self.is_finished = True
            self._verdict = self._verdict or Finish(Phase.SUCCEEDED, self._summary())
            yield self._verdict

    def _find(self, event: Found) -> Iterator[Action]:
        """Take up a trial that an earlier coordinator launched, or was about to."""
        outcome = event.outcome
        number, phase = outcome.number, outcome.phase
        self._taken.add(number)
        attempt = event.attempt
        if event.alive:
            running = self._run(Launch(number, outcome.parameters, attempt, outcome.parent), event.at - event.ran_s)
            running.was_found = True
            if phase in Phase.FINISHED:
                self._await_end(outcome, event.at)
            self._note_begin(running, phase, event.at, event.ran_s)
            self._advisers.tell(replace(outcome, phase=Phase.RUNNING, values=None))
            return
        self._tally.end(None, event.ran_s)
        if phase in Phase.FINISHED and not self._may_go_on(outcome, attempt, was_found=True):
            yield from self._settle(outcome)
            return
        # A job that never was is the same attempt still; one that is gone is followed by another.
        following = attempt if phase == Phase.PENDING else attempt + 1
        launch = Launch(number, outcome.parameters, following, outcome.parent)
        self._again[number] = WaitingTrial(launch, phase if phase in Phase.FINISHED else Phase.PENDING)
        self._advisers.tell(replace(outcome, phase=Phase.PENDING, values=None))

    def _change(self, event: Changed) -> Iterator[Action]:
        outcome = event.outcome
        number = outcome.number
        running = self._running.get(number)
        if running is None:  # an update that comes late, or twice
            return
        self._note_begin(running, outcome.phase, event.at, event.ran_s)
        has_said = outcome.phase in Phase.FINISHED
        is_to_stop = False
        try:
            is_to_stop, running.heard = self._advisers.hear(outcome, after=running.heard)
        finally:  # also where that fails, what has ended has ended
            if not event.alive:
                self._remove(number, running, event.ran_s)
                yield from self._end(outcome if has_said else replace(outcome, phase=Phase.FAILED), running)
            elif has_said:
                self._await_end(outcome, event.at)
        if is_to_stop and event.alive:
            yield from self._ask(number, running, Stop.PRUNED, event.at)

    def _end(self, outcome: TrialOutcome, running: RunningTrial) -> Iterator[Action]:
        """Count a trial whose job is gone, or have it launched again."""
        is_wanted = self._verdict is None and running.stop != Stop.CANCELLED
        if is_wanted and self._may_go_on(outcome, running.attempt, was_found=running.was_found):
            launch = Launch(outcome.number, running.parameters, running.attempt + 1, running.parent)
            self._again[outcome.number] = WaitingTrial(launch, outcome.phase, running.heard)
        else:
            self._exhausted &= outcome.is_evidence  # else the sampler may propose the sample once more
            yield from self._settle(outcome)

    def _may_go_on(self, outcome: TrialOutcome, attempt: int, *, was_found: bool) -> bool:
        """Whether a trial that has ended is to have another attempt.

        One that an earlier coordinator has interrupted always is.
        """
        if outcome.phase == Phase.FAILED:
            return outcome.reason in Reason.INFRASTRUCTURE and attempt <= self._limits.retries
        return was_found and outcome.phase == Phase.CANCELLED and outcome.reason == Reason.INTERRUPTED

    def _run(self, launch: Launch, since: float, *, heard: int | None = None) -> RunningTrial:
        """Count a trial that has a job now."""
        running = RunningTrial(launch.parameters, launch.attempt, launch.parent, was_found=False, heard=heard)
        self._running[launch.number] = running
        self.counts[Phase.RUNNING] += 1
        self._set_deadline(launch.number, self._limits.trial_timeout_s, since)
        return running

    def _remove(self, number: int, running: RunningTrial, ran_s: float) -> None:
        """Count a trial's job as gone."""
        del self._running[number]
        self.counts[Phase.RUNNING] -= 1
        self._deadlines.set(number, None)
        self._tally.end(running.began_at, ran_s)

    def _note_begin(self, running: RunningTrial, phase: str, at: float, ran_s: float) -> None:
        """Count a trial's time from when it has begun to run."""
        if running.began_at is None and phase == Phase.RUNNING:
            running.began_at = at - ran_s
            self._tally.begin(running.began_at)

    def _await_end(self, outcome: TrialOutcome, at: float) -> None:
        """Give the process of a trial that has said how it ended the grace period to go, once."""
        running = self._running[outcome.number]
        if running.is_finished or running.stage == Stage.KILLED:
            return
        running.is_finished = True
        running.stage = Stage.TERMINATED
        # What was preempted is killed as that: it may be tried again, and one that took too long may not.
        running.reason = running.reason or (outcome.reason if outcome.reason in Reason.INFRASTRUCTURE else "")
        running.reason = running.reason or Reason.TIMEOUT
        running.message = running.message or "the trial had ended, but its process had not"
        self._set_deadline(outcome.number, self._limits.grace_s, at)

    def _settle(self, outcome: TrialOutcome) -> Iterator[Action]:
        """Count a trial that has ended and tell the advisers."""
        known = outcome
        try:
            if not outcome.constraints:
                known = self._advisers.constrain(outcome)
        finally:  # also where that fails, the trial has ended
            self._tally.settle(known)
        if known is not outcome:
            yield Note(known.number, known.constraints)
        self._advisers.tell(known)

    def _interrupt(self, event: Interrupted) -> Iterator[Action]:
        """The first time, ask all trials to stop; after that, kill them."""
        if not self._is_interrupted:
            self._is_interrupted = True
            yield from self._stop(event.at, Finish(Phase.CANCELLED, "interrupted: finished trials are kept"))
            return
        for number, running in self._running.items():
            if running.stage < Stage.KILLED:
                yield self._press(number, running, Stage.KILLED, event.at)

    def _stop_trial(self, event: StopAsked) -> Iterator[Action]:
        """Ask one trial to stop; one that waits to be tried again is asked as soon as it has a job."""
        number = event.number
        if number in self._again:
            self._again[number] = replace(self._again[number], is_unwanted=True)
        elif number in self._running:
            yield from self._ask(number, self._running[number], Stop.CANCELLED, event.at)

    def _ask(self, number: int, running: RunningTrial, stop: str, at: float) -> Iterator[Action]:
        """Ask a trial to stop early or for good, unless it is to end already."""
        if running.stage < Stage.ASKED:
            running.stop, running.reason = stop, Reason.PRUNED if stop == Stop.PRUNED else Reason.CANCELLED
            early = " early" if stop == Stop.PRUNED else ""
            running.message = f"the trial was asked to stop{early}, and did not within {self._limits.grace_s:g} s"
            yield self._press(number, running, Stage.ASKED, at)

    def _drain(self, message: str) -> None:
        """Launch no more; what runs goes on to its end."""
        self._verdict = Finish(Phase.SUCCEEDED, message)
        self._forget_waiting()

    def _stop(self, at: float, verdict: Finish) -> Iterator[Action]:
        """Launch no more and ask what runs to stop."""
        self._verdict = verdict
        self._is_stopping = True
        self._forget_waiting()
        for number, running in self._running.items():
            if running.stage < Stage.ASKED:
                running.stop, running.reason = Stop.INTERRUPTED, Reason.INTERRUPTED
                running.message = f"the sweep ended before this trial did ({verdict.message})"
                yield self._press(number, running, Stage.ASKED, at)

    def _forget_waiting(self) -> None:
        """Count the trials that will not have a job again as their records have them."""
        self.counts.update(waiting.phase for waiting in self._again.values())
        self._again.clear()

    def _limit(self, at: float) -> Iterator[Action]:
        """End a sweep that has failed too often, has reached its target, or whose time or budget is used up."""
        if self._is_stopping:
            return
        failures, allowed = self.counts[Phase.FAILED], self._limits.max_failures
        target, best = self._limits.target, self.best
        if allowed is not None and failures > allowed:
            message = f"max_failures={allowed}, and {failures} {'trial has' if failures == 1 else 'trials have'} failed"
            yield from self._stop(at, Finish(Phase.FAILED, message))
        elif target is not None and best is not None and self._tally.reaches(target):
            message = f"target={target:g} is reached: trial {best[0]} has {best[1]:.6g}"
            yield from self._stop(at, Finish(Phase.SUCCEEDED, message))
        elif self._ends_at is not None and at >= self._ends_at:
            message = f"the time is over: timeout_s={self._limits.timeout_s:g}"
            yield from self._stop(at, Finish(Phase.SUCCEEDED, message))
        elif self._verdict is None:
            self._close(at)

    def _close(self, at: float) -> None:
        """Launch no more where nothing better is to be expected, or nothing is left of the budget."""
        stale, budget = self._limits.no_improvement_trials, self._limits.budget
        if stale is not None and self._tally.since_best >= stale:
            trials = "trial has" if stale == 1 else "trials have"
            self._drain(f"no_improvement_trials={stale}: the last {stale} {trials} not been better than the best")
        elif budget is not None and (spent := self.spent_hours(at)) >= budget.hours:
            self._drain(f"the budget is used up: {spent:.3g} of {budget}")

    def _expire(self, at: float) -> Iterator[Action]:
        """Press trials whose time is over."""
        while (number := self._deadlines.pop_due(at)) is not None:
            running = self._running[number]
            if running.stage == Stage.RUNNING:
                running.reason = Reason.TIMEOUT
                running.message = f"the trial took longer than trial_timeout_s={self._limits.trial_timeout_s:g} allows"
            stage = Stage.TERMINATED if running.stage < Stage.TERMINATED else Stage.KILLED
            yield self._press(number, running, stage, at)

    def _press(self, number: int, running: RunningTrial, stage: Stage, at: float) -> Action:
        running.stage = stage
        self._set_deadline(number, None if stage == Stage.KILLED else self._limits.grace_s, at)
        if stage == Stage.ASKED:
            return AskStop(number, running.stop)
        if stage == Stage.TERMINATED:
            return Terminate(number, running.reason, running.message)
        return Kill(number, running.reason, running.message)

    def _fill(self, at: float) -> Iterator[Action]:
        """Launch trials as long as there is room and something to launch."""
        while self._verdict is None and len(self._running) < self._limits.parallelism:
            waiting = self._again.popitem(last=False)[1] if self._again else self._propose()
            if waiting is None:
                return
            running = self._run(waiting.launch, at, heard=waiting.heard)
            yield waiting.launch
            if waiting.is_unwanted:
                yield from self._ask(waiting.launch.number, running, Stop.CANCELLED, at)

    def _propose(self) -> WaitingTrial | None:
        while self._next in self._taken:
            self._taken.discard(self._next)
            self._next += 1
        if self._is_complete():
            return None
        proposed = self._advisers.ask(self._next)
        if proposed is None:
            self._exhausted = True
            return None
        self._next += 1
        if isinstance(proposed, Proposal):
            launch = Launch(self._next - 1, proposed.parameters, 1, proposed.parent)
        else:
            launch = Launch(self._next - 1, proposed, 1)
        return WaitingTrial(launch, Phase.PENDING)

    def _is_complete(self) -> bool:
        return self._exhausted or (self._limits.trials is not None and self._next >= self._limits.trials)

    def _set_deadline(self, number: int, after_s: float | None, at: float) -> None:
        self._deadlines.set(number, None if after_s is None else at + after_s)

    def _summary(self) -> str:
        return counts_by_phase(self.counts) or "no trial ended"
