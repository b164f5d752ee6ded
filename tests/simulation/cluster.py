"""Records and jobs: what lives on when a coordinator dies."""

from __future__ import annotations

import heapq
from collections.abc import Callable, KeysView
from dataclasses import dataclass
from functools import partial
from typing import Any

from expsdk.samplers import TrialOutcome
from expsdk_runtime.contract import Phase, Reason, Stop
from simulation.behaviour import Behaviour

_STOPPED = {
    Stop.PRUNED: (Phase.PRUNED, Reason.PRUNED),
    Stop.CANCELLED: (Phase.CANCELLED, ""),
    Stop.INTERRUPTED: (Phase.CANCELLED, Reason.INTERRUPTED),
}
_PHASES = {Reason.INTERRUPTED: Phase.CANCELLED, Reason.CANCELLED: Phase.CANCELLED, Reason.PRUNED: Phase.PRUNED}


@dataclass
class Record:
    """A trial's Result."""

    parameters: dict[str, Any]
    attempt: int
    parent: int | None = None
    phase: str = Phase.PENDING
    reason: str = ""
    values: tuple[float, ...] | None = None
    history: tuple[tuple[int, float], ...] = ()
    constraints: tuple[float, ...] = ()
    began: float | None = None
    ended: float | None = None

    @property
    def may_go_on(self) -> bool:
        """Whether a finished trial may have another attempt."""
        return self.reason in Reason.INFRASTRUCTURE and self.phase in {Phase.FAILED, Phase.CANCELLED}


@dataclass(eq=False)
class Job:
    """A trial's process."""

    number: int
    attempt: int
    behaviour: Behaviour
    is_alive: bool = True


class Cluster:
    """Runs jobs in simulated time.

    Attributes:
        now: The time, in seconds.
        records: The Results by number.
        spoken: The attempts whose jobs have said a word, as number and attempt.
        on_change: Told a number when its record has changed or its job has ended; the coordinator's, if there is one.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.records: dict[int, Record] = {}
        self.spoken: set[tuple[int, int]] = set()
        self.on_change: Callable[[int], None] | None = None
        self._jobs: dict[int, Job] = {}
        self._due: list[tuple[float, int, Job, Callable[[Job], None]]] = []
        self._scheduled = 0

    @property
    def next_at(self) -> float | None:
        """When something happens next, or None where nothing ever will by itself."""
        while self._due and not self._due[0][2].is_alive:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    @property
    def alive(self) -> KeysView[int]:
        """The numbers of the jobs that are there."""
        return self._jobs.keys()

    def outcome(self, number: int) -> TrialOutcome:
        """Return a trial as its record has it."""
        record = self.records[number]
        metrics = {"loss": record.values[0]} if record.values else {}
        return TrialOutcome(
            number,
            record.parameters,
            record.phase,
            record.values,
            record.reason,
            record.history,
            metrics,
            record.constraints,
            record.parent,
        )

    def ran_s(self, number: int) -> float:
        """Return how long the attempt that a record tells of has run."""
        record = self.records[number]
        if record.began is None:
            return 0.0
        return (self.now if record.ended is None else record.ended) - record.began

    def advance(self, to: float) -> None:
        """Let everything happen that happens until then."""
        while (at := self.next_at) is not None and at <= to:
            self.now = at
            _, _, job, happens = heapq.heappop(self._due)
            happens(job)
        self.now = to

    def record(self, number: int, parameters: dict[str, Any], attempt: int, parent: int | None) -> None:
        """Keep a trial's Result before its job is started; of one that is there already, the next attempt."""
        assert number not in self._jobs, f"trial {number} has a job already"
        record = self.records.get(number)
        if record is None:
            assert attempt == 1, f"trial {number} begins with attempt {attempt}"
            self.records[number] = Record(parameters, attempt, parent)
            return
        assert record.parameters == parameters, f"trial {number} is launched with another sample"
        assert record.parent == parent, f"trial {number} is launched with another parent"
        is_over = record.phase in Phase.FINISHED and not record.may_go_on
        assert not is_over, f"trial {number} is launched again after it has finished"
        # A job that never said a word may have never been; any other is followed by another attempt.
        expected = record.attempt + (record.phase != Phase.PENDING)
        assert attempt == expected, f"trial {number} is launched as attempt {attempt}, not {expected}"
        self.records[number] = Record(parameters, attempt, parent, history=record.history)

    def start(self, number: int, behaviour: Behaviour) -> None:
        """Start a trial's job."""
        assert number not in self._jobs, f"trial {number} has a job already"
        job = self._jobs[number] = Job(number, self.records[number].attempt, behaviour)
        self._after(behaviour.starts, job, self._speak)

    def note(self, number: int, constraints: tuple[float, ...]) -> None:
        """Write the constraints of a trial into its Result."""
        record = self.records[number]
        assert record.phase == Phase.SUCCEEDED, f"trial {number} has constraints, and has not succeeded"
        record.constraints = constraints

    def ask_stop(self, number: int, stop: str) -> None:
        """Ask a job to stop."""
        if job := self._jobs.get(number):
            phase, reason = _STOPPED[stop]
            self._after(job.behaviour.heeds_stop, job, partial(self._say, phase=phase, reason=reason))

    def terminate(self, number: int) -> None:
        """Send SIGTERM to a job."""
        if job := self._jobs.get(number):
            self._after(job.behaviour.heeds_sigterm, job, self._heed_sigterm)

    def kill(self, number: int) -> None:
        """Send SIGKILL to a job."""
        if job := self._jobs.get(number):
            self._after(job.behaviour.dies, job, self._die)

    def kill_all(self) -> None:
        """End every job at once, as a local coordinator's death does."""
        for job in list(self._jobs.values()):
            self._die(job)

    def judge(self, number: int, sentence: str | None) -> None:
        """Write how a trial ended whose job has ended without saying it, or said that it was told to end."""
        record = self.records[number]
        if record.phase in Phase.FINISHED and not (record.reason == Reason.PREEMPTED and sentence):
            return
        record.reason = sentence or Reason.CRASHED
        record.phase = _PHASES.get(record.reason, Phase.FAILED)
        record.ended = self.now if record.ended is None else record.ended

    def _after(self, seconds: float | None, job: Job, happens: Callable[[Job], None]) -> None:
        if seconds is not None:
            self._scheduled += 1
            heapq.heappush(self._due, (self.now + seconds, self._scheduled, job, happens))

    def _speak(self, job: Job) -> None:
        record = self.records[job.number]
        assert (job.number, job.attempt) not in self.spoken, f"attempt {job.attempt} at {job.number} runs twice"
        self.spoken.add((job.number, job.attempt))
        if record.phase == Phase.PENDING:
            record.phase = Phase.RUNNING
            record.began = self.now
            if not job.behaviour.goes_on:
                record.history = ()
            self._tell(job)
        if len(record.history) < job.behaviour.epochs:
            self._after(1.0, job, self._report)
        self._after(job.behaviour.runs, job, self._return)

    def _report(self, job: Job) -> None:
        """Report an epoch."""
        record = self.records[job.number]
        if record.phase in Phase.FINISHED:
            return
        epoch = len(record.history)
        record.history = (*record.history, (epoch, float(job.number + epoch)))
        self._tell(job)
        if epoch + 1 < job.behaviour.epochs:
            self._after(1.0, job, self._report)

    def _return(self, job: Job) -> None:
        if job.behaviour.ends:
            self._say(job, phase=job.behaviour.ends, reason=job.behaviour.reason)
        else:
            self._die(job)

    def _heed_sigterm(self, job: Job) -> None:
        if job.behaviour.last_words:
            self._say(job, phase=Phase.FAILED, reason=Reason.PREEMPTED)
        self._die(job)

    def _say(self, job: Job, *, phase: str, reason: str) -> None:
        """Say how the trial has ended, unless that was said before, and leave."""
        record = self.records[job.number]
        if record.phase in Phase.FINISHED:
            return
        record.phase, record.reason, record.ended = phase, reason, self.now
        record.values = (job.behaviour.value,) if phase == Phase.SUCCEEDED else None
        self._tell(job)
        self._after(job.behaviour.leaves, job, self._die)

    def _die(self, job: Job) -> None:
        job.is_alive = False
        del self._jobs[job.number]
        self._tell(job)

    def _tell(self, job: Job) -> None:
        if self.on_change is not None:
            self.on_change(job.number)
