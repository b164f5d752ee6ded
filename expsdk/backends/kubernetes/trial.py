"""A trial that runs, as its coordinator sees it: its Result, its Job, its pods, and what is held against them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from expsdk.backends.base import Document
from expsdk.backends.kubernetes import pods
from expsdk.backends.kubernetes.pods import Waiting
from expsdk.backends.verdict import Sentence
from expsdk_runtime.contract import Phase, Reason

# A container's end is known to its node at once, and to the Job's controller seconds later.
LINGER_S = 30.0
# How long a Job without pods, or a pod that starts, is left alone before its events are read, and how often they are.
LOOK_AFTER_S = 4.0
LOOK_EVERY_S = 10.0
LOOK_INTO_QUEUE_EVERY_S = 30.0


_FOR_PLACE = frozenset({Reason.UNSCHEDULABLE, Reason.QUOTA_EXCEEDED})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a trial may wait, in seconds.

    Attributes:
        start_s: For an image, or for a volume or Secret.
        place_s: For a place on a node, or for quota.
        queue_s: In a queue; None for as long as it takes.
    """

    start_s: float
    place_s: float
    queue_s: float | None = None

    def for_(self, reason: str) -> float | None:
        """Return how long a trial may wait for a reason, or None where there is no limit."""
        if reason == Reason.QUEUED:
            return self.queue_s
        return self.place_s if reason in _FOR_PLACE else self.start_s


@dataclass(slots=True)
class LiveTrial:
    """See the module; times are seconds on the monotonic clock.

    Attributes:
        number: The trial's number.
        name: The trial's name, and its Result's and its Job's.
        document: Its Result, whole.
        job: Its Job, once it is seen and until it is gone.
        has_job: Whether its Job has been there.
        pods: Its Job's pods by name.
        last_pod: The last that was heard of any of them.
        sentence: Why it was ended, if it was.
        is_unwanted: Whether its Result says that it is to stop for good.
        waiting: What it waits for, and since when that is so.
        warned: What its events said last.
        looked_at: When its events were read last.
        seen_at: When its Job or its first pod was seen.
        said_at: When its Result said that it has ended.
        over_at: When its Job ended.
        is_settling: Whether its end is being looked into.
    """

    number: int
    name: str
    document: Document
    seen_at: float
    job: Document | None = None
    has_job: bool = False
    pods: dict[str, Document] = field(default_factory=dict)
    last_pod: Document | None = None
    sentence: Sentence | None = None
    is_unwanted: bool = False
    waiting: Waiting | None = None
    waiting_since: float = 0.0
    warned: Waiting | None = None
    looked_at: float = 0.0
    said_at: float | None = None
    over_at: float | None = None
    is_settling: bool = False

    @property
    def status(self) -> dict[str, Any]:
        """The Result's status."""
        status: dict[str, Any] = self.document["status"]
        return status

    @property
    def has_said(self) -> bool:
        """Whether the trial has said itself how it ended; one that was preempted may come again."""
        phase: str = self.status["phase"]
        reason: str = self.status["reason"]
        return phase in Phase.FINISHED and reason != Reason.PREEMPTED

    @property
    def has_begun(self) -> bool:
        """Whether the trial's own process has reported."""
        phase: str = self.status["phase"]
        return phase != Phase.PENDING

    @property
    def is_over(self) -> bool:
        """Whether its Job has ended or is gone."""
        return self.has_job and pods.is_over(self.job)

    @property
    def runs_still(self) -> bool:
        """Whether a container of its pods runs, as far as is known."""
        return any(map(pods.is_running, self.pods.values()))

    def take_job(self, job: Document | None, now: float) -> None:
        """Take in what its Job is now; None when it is gone."""
        if job is not None and not self.has_job:
            self.has_job = True
            self.seen_at = now
        self.job = job
        if self.over_at is None and self.is_over:
            self.over_at = now

    def take_pod(self, pod: Document, now: float, *, gone: bool) -> None:
        """Take in what a pod is now."""
        name = pod["metadata"]["name"]
        if not self.pods:
            self.seen_at = now
        self.last_pod = pod
        if gone:
            self.pods.pop(name, None)
        else:
            self.pods[name] = pod

    def lose_job(self, now: float) -> None:
        """Take in that its Job is not there, whether it ever was or not."""
        self.has_job = True
        self.take_job(None, now)

    def keep_pods(self, names: set[str]) -> None:
        """Take in that only pods of these names are there."""
        for name in self.pods.keys() - names:
            self.pods.pop(name)

    def take_result(self, document: Document, now: float) -> None:
        """Take in what its Result is now."""
        self.document = document
        if self.said_at is None and self.has_said:
            self.said_at = now

    def presented(self, now: float) -> Document:
        """Return its Result as the coordinator's core is to see it while the Job is there.

        A trial that has said how it ended is running for a while longer, so that its Job may end too; one that was
        preempted waits for its next attempt.
        """
        phase = self.status["phase"]
        if phase in Phase.FINISHED:
            if not self.has_said:
                phase = Phase.PENDING
            elif self.said_at is not None and now - self.said_at < LINGER_S:
                phase = Phase.RUNNING
        return {**self.document, "status": {**self.status, "phase": phase}}

    def now_waiting(self, now: float) -> Waiting | None:
        """Return what it waits for that somebody may have to mend; remembers since when."""
        found = None
        if not self.has_begun and not self.is_over:
            told = [pods.waiting_of(pod) for pod in self.pods.values()]
            found = next(filter(None, told), None) or self._waiting_without_pods()
        if found is None or self.waiting is None or found.reason != self.waiting.reason:
            self.waiting, self.waiting_since = found, now
        elif found.reason == Reason.QUEUED:  # how far it is in its queue is worth the telling
            self.waiting = found
        return self.waiting

    def lost_patience(self, now: float, patience: Patience) -> Sentence | None:
        """Return why it is to be ended, if what it waits for has taken too long and it is not being ended already."""
        if self.waiting is None or self.sentence is not None:
            return None
        patience_s = patience.for_(self.waiting.reason)
        if patience_s is None or now - self.waiting_since <= patience_s:
            return None
        message = f"{self.waiting.message} (it waited {patience_s:g} s for that to change)"
        return Sentence(self.waiting.reason, message)

    def wants_a_look(self, now: float) -> bool:
        """Whether its events are to be read now: nothing else tells why its pod is not there, or does not start."""
        every_s = LOOK_INTO_QUEUE_EVERY_S if pods.is_suspended(self.job) else LOOK_EVERY_S
        due = now - self.seen_at > LOOK_AFTER_S and now - self.looked_at > every_s
        return due and self.has_job and not self.has_begun and not self.is_over and self._may_be_stuck

    def _waiting_without_pods(self) -> Waiting | None:
        """Return what it waits for as its Job, its events and its queue tell."""
        is_queued = self.warned is not None and self.warned.reason == Reason.QUEUED
        if self.job is not None and pods.is_suspended(self.job):
            return self.warned if is_queued else pods.waiting_in_queue(self.job)
        return self.warned if self._may_be_stuck and not is_queued else None

    @property
    def _may_be_stuck(self) -> bool:
        return not self.pods or any(map(pods.is_starting, self.pods.values()))
