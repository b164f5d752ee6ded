"""Records and jobs: what lives on when a coordinator dies."""

from __future__ import annotations

import heapq
from collections.abc import Callable, KeysView
from dataclasses import dataclass
from typing import Any

from expsdk_runtime.contract import Phase, Reason
from simulation.behaviour import Behaviour


@dataclass
class Record:
    """A trial's Result."""

    parameters: dict[str, Any]
    attempt: int
    phase: str = Phase.PENDING
    reason: str = ""
    values: tuple[float, ...] | None = None


@dataclass(eq=False)
class Job:
    """A trial's process."""

    number: int
    behaviour: Behaviour
    is_alive: bool = True


class Cluster:
    """Runs jobs in simulated time.

    Attributes:
        now: The time, in seconds.
        records: The Results by number.
        on_change: Told a number when its record has changed or its job has ended; the coordinator's, if there is one.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.records: dict[int, Record] = {}
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

    def advance(self, to: float) -> None:
        """Let everything happen that happens until then."""
        while (at := self.next_at) is not None and at <= to:
            self.now = at
            _, _, job, happens = heapq.heappop(self._due)
            happens(job)
        self.now = to

    def record(self, number: int, parameters: dict[str, Any], attempt: int) -> None:
        """Keep a trial's Result before its job is started; of one that is there already, the next attempt."""
        record = self.records.get(number)
        if record is None:
            assert attempt == 1, f"trial {number} begins with attempt {attempt}"
            self.records[number] = Record(parameters, attempt)
            return
        assert record.parameters == parameters, f"trial {number} is launched with another sample"
        assert record.phase not in Phase.FINISHED, f"trial {number} is launched again after it has finished"
        # A job that never said a word may have never been; any other is followed by another attempt.
        expected = record.attempt + (record.phase != Phase.PENDING)
        assert attempt == expected, f"trial {number} is launched as attempt {attempt}, not {expected}"
        self.records[number] = Record(parameters, attempt)

    def start(self, number: int, behaviour: Behaviour) -> None:
        """Start a trial's job."""
        assert number not in self._jobs, f"trial {number} has a job already"
        job = self._jobs[number] = Job(number, behaviour)
        self._after(behaviour.starts, job, self._speak)

    def ask_stop(self, number: int) -> None:
        """Ask a job to stop."""
        if job := self._jobs.get(number):
            self._after(job.behaviour.heeds_stop, job, lambda job: self._say(job, Phase.CANCELLED))

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

    def _after(self, seconds: float | None, job: Job, happens: Callable[[Job], None]) -> None:
        if seconds is not None:
            self._scheduled += 1
            heapq.heappush(self._due, (self.now + seconds, self._scheduled, job, happens))

    def _speak(self, job: Job) -> None:
        record = self.records[job.number]
        if record.phase == Phase.PENDING:
            record.phase = Phase.RUNNING
            self._tell(job)
        self._after(job.behaviour.runs, job, self._return)

    def _return(self, job: Job) -> None:
        if job.behaviour.ends:
            self._say(job, job.behaviour.ends)
        else:
            self._die(job)

    def _heed_sigterm(self, job: Job) -> None:
        if job.behaviour.last_words:
            self._say(job, Phase.FAILED, reason=Reason.PREEMPTED)
        self._die(job)

    def _say(self, job: Job, phase: str, *, reason: str = "") -> None:
        """Say how the trial has ended, unless that was said before, and leave."""
        record = self.records[job.number]
        if record.phase in Phase.FINISHED:
            return
        record.phase, record.reason = phase, reason
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
