"""Driving one experiment: what is asked of the server for its trials, and what is heard of them, through one queue.

All state belongs to the thread that calls `wait`. What the watches see and what the server answers comes to it through
the queue; what is asked of the server is done by the lanes' threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from expsdk.backends.base import Document, StopRequest, Update
from expsdk.backends.kubernetes.announcing import Announcer
from expsdk.backends.kubernetes.labels import RESULT, TRIAL, selector
from expsdk.backends.kubernetes.lease import HeldLease
from expsdk.backends.kubernetes.roster import Roster
from expsdk.backends.kubernetes.statuses import status_change
from expsdk.backends.kubernetes.stopping import asked_at
from expsdk.backends.kubernetes.trial import LiveTrial, Patience
from expsdk.backends.kubernetes.work import Clash, ExperimentGone, JobGone, Looked, Settled, Work
from expsdk.backends.verdict import Sentence
from expsdk.cluster.api import Api
from expsdk.cluster.follow import Follower, Listed, Seen, Trouble
from expsdk.cluster.kinds import EXPERIMENTS, JOBS, PODS, RESULTS, Kind
from expsdk.cluster.lanes import Lanes, is_for_now
from expsdk.errors import (
    BackendError,
    ClusterError,
    ExperimentNotFound,
    ExpsdkError,
    ResourceNotFound,
    Unreachable,
)
from expsdk.resources.experiment import Experiment
from expsdk.resources.names import trial_name
from expsdk.resources.result import Result
from expsdk_runtime.contract import Phase

FOLLOWED = {RESULTS: RESULT, JOBS: TRIAL, PODS: TRIAL}
LAST_WORDS_S = 10.0
"""How long the end of a sweep waits for what is still to be written, notes above all."""
LAST_NEWS_S = 3.0
"""How long it waits for its Events."""
_WAKE = object()


class _Undone(NamedTuple):
    """A task of a lane that could not be done; where that may help, it is done again."""

    key: Hashable
    error: Exception


class Driving:
    """An experiment that this coordinator drives, from when it is kept to its end.

    Attributes:
        trouble: What keeps the coordinator from hearing of its trials just now, in words, or "".
    """

    def __init__(
        self,
        api: Api,
        kept: Experiment,
        lease: HeldLease,
        queue: SimpleQueue[Any],
        *,
        versions: Mapping[Kind, str],
        patience: Patience,
        connections: int,
    ) -> None:
        """Begin to work and to follow.

        Args:
            api: The API server.
            kept: The experiment's record, as the server has it.
            lease: The experiment's Lease, which is given back at the end.
            queue: Where that tells that it is lost, and where everything else is heard.
            versions: For each kind, the version to follow it from; those that are left out are listed first.
            patience: How long a trial may wait before it has failed.
            connections: How many requests are under way at a time.
        """
        self.trouble = ""
        self._api = api
        self._name = kept.metadata.name
        self._lease: HeldLease | None = lease
        self._queue = queue
        self._troubles: dict[Kind, ClusterError] = {}
        self._latest: Experiment | None = None
        self._work = Work(api, kept, queue.put)
        self._announcer = Announcer(api, kept)
        self._announcer.knows_best(kept.status.best)
        self._stop_requests: SimpleQueue[StopRequest] = SimpleQueue()
        self._stop_asked_at = ""  # as the Experiment's annotation has it
        self._roster = Roster(
            self._work,
            patience=patience,
            grace_s=kept.spec.grace_seconds,
            do=self._do,
            unwanted=lambda number: self._stop_requests.put(StopRequest(number)),
        )
        self._lanes = Lanes(connections, failed=lambda key, error: queue.put(_Undone(key, error)))
        self._followers = [
            Follower(api, kind, selector(self._name, component), queue.put, after=versions.get(kind, ""))
            for kind, component in FOLLOWED.items()
        ]

    def take_up(self, trials: list[LiveTrial], now: float) -> list[Update]:
        """Take over the trials of an earlier coordinator, by number, and return how each of them stands."""
        return self._roster.take_up(trials, now)

    def launch(self, result: Result, *, attempt: int) -> None:
        """Keep the Result, then create its Job; soon, and many at a time."""
        number = self._roster.expect(result)
        self._announcer.launched(number, attempt=attempt)
        self._do(number, partial(self._work.start, number, result, attempt=attempt))

    def record(self, result: Result, status: Document) -> None:
        """Keep a Result with its status, and no Job; soon."""
        number = self._roster.expect(result)
        self._do(number, partial(self._work.record, number, result, status))

    def note(self, number: int, spec: Document) -> None:
        """Add to the spec of a trial's Result; soon."""
        self._do(number, partial(self._work.note, trial_name(self._name, number), spec))

    def ask_stop(self, number: int, stop: str) -> None:
        """Write the stop into the Result; the reply to the trial's next report carries it."""
        name = self._roster.name_of(number)
        if name is not None:
            self._do(number, partial(self._work.ask_stop, name, stop))

    def terminate(self, number: int, *, reason: str, message: str) -> None:
        """Have the trial's pod ended by its node, SIGTERM first; what it printed is kept."""
        self._roster.end(number, Sentence(reason, message), Work.terminate)

    def kill(self, number: int, *, reason: str, message: str) -> None:
        """Delete the trial's Job and pods at once.

        Raises:
            Unreachable: The server does not answer; the Jobs go on.
        """
        trouble = next((each for each in self._troubles.values() if isinstance(each, Unreachable)), None)
        if trouble is not None and number in self._roster:
            raise Unreachable(
                f"{trouble}; the Jobs of {self._name} go on meanwhile, and `kubectl delete experiment {self._name}"
                f" --namespace {self._api.namespace}` ends them"
            )
        self._roster.end(number, Sentence(reason, message), Work.kill)

    def wait(self, timeout_s: float | None) -> list[Update]:
        """Return what changed; see `Backend.wait`.

        Raises:
            ExperimentNotFound: Somebody has deleted the experiment.
            ClusterError: The server refuses what the sweep cannot do without.
        """
        give_up_at = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._roster.has_news():
            self._roster.tend(time.monotonic())
            if self._roster.has_news() or not self._hear(give_up_at):
                break
        updates = self._roster.news()
        for update in updates:
            if not update.alive:
                self._announcer.ended(update.document)
        return updates

    def stop_requests(self) -> list[StopRequest]:
        """Return what the Experiment and its Results have asked for since the last call."""
        return [self._stop_requests.get_nowait() for _ in range(self._stop_requests.qsize())]

    def wake(self) -> None:
        """Make `wait` return."""
        self._queue.put(_WAKE)  # may be called while this very queue is being read, from a signal's handler

    def keep(self, experiment: Experiment) -> None:
        """Write the experiment's status: soon, where it runs still; at once, where this is its end.

        Raises:
            BackendError: Another coordinator drives it by now, and its record is that one's.
        """
        self._announcer.is_best(experiment.status.best)
        if experiment.status.phase in Phase.FINISHED:
            self._latest = None
            self._lanes.drain(LAST_WORDS_S)
            self._assured(partial(self._publish, experiment))
            self._announcer.finished(experiment.status.phase, experiment.status.message)
            self._announce(everything=True)
            self._lanes.drain(LAST_NEWS_S)
            return
        is_due = self._latest is None
        self._latest = experiment
        if is_due:
            self._lanes.do("experiment", partial(self._assured, self._publish_latest))
        if self._announcer.is_due(time.monotonic()):
            self._announce()

    def close(self) -> None:
        """Stop watching and give the Lease back; Jobs that run go on. Further calls do nothing."""
        for follower in self._followers:
            follower.close()
        self._lanes.close()
        if self._lease is not None:
            self._lease.release()
            self._lease = None
        for follower in self._followers:
            follower.join()
        self._followers = []
        self._roster.clear()

    def _do(self, number: int, task: Callable[[], None], *, instead: bool = False) -> None:
        self._lanes.do(number, partial(self._assured, task), instead=instead)

    def _announce(self, *, everything: bool = False) -> None:
        """Write news when nothing else is to be done, and never wait for them."""
        self._lanes.do("events", partial(self._announcer.publish, everything=everything), instead=True, idle=True)

    def _assured(self, task: Callable[[], None]) -> None:
        """Do what only the coordinator may that drives the experiment."""
        if self._lease is not None:
            self._lease.assure()
            task()

    def _hear(self, give_up_at: float | None) -> bool:
        """Take in all that has come, waiting for something; whether to go on if nothing came of it."""
        now = time.monotonic()
        until = [at for at in (give_up_at, self._roster.check_at) if at is not None]
        go_on = True
        try:
            sight = self._queue.get(timeout=max(0.0, min(until) - now) if until else None)
            while True:
                go_on = self._take(sight) and go_on
                sight = self._queue.get_nowait()
        except Empty:
            pass
        return go_on and (give_up_at is None or time.monotonic() < give_up_at)

    def _take(self, sight: Any) -> bool:
        """Take in one thing that happened; False where it is a wake."""
        if sight is _WAKE:
            return False
        if isinstance(sight, Seen):
            self._roster.see(sight)
        elif isinstance(sight, Listed):
            self._roster.compare(sight)
        elif isinstance(sight, Settled):
            self._roster.bury(sight.number, sight.document)
        elif isinstance(sight, JobGone):
            self._roster.lose_job(sight.number)
        elif isinstance(sight, Looked):
            self._roster.note_look(sight)
        elif isinstance(sight, Trouble):
            self._note_trouble(sight)
        elif isinstance(sight, _Undone):
            self._undo(sight)
        elif isinstance(sight, BackendError):  # the Lease is lost
            raise sight
        elif isinstance(sight, Clash):
            raise BackendError(
                f"a trial keeps its sample, and {sight.name} has {sight.there}, not {sight.given}: the sweep proposes"
                " another than it did before; see that its sampler, its seed and its space are the same"
            )
        elif isinstance(sight, ExperimentGone):
            raise ExperimentNotFound(
                f"experiment {self._name!r} was deleted while its sweep ran; nothing of it is left, and its jobs end"
            )
        return True

    def _note_trouble(self, trouble: Trouble) -> None:
        if trouble.error is None:
            self._troubles.pop(trouble.kind, None)
        else:
            self._troubles[trouble.kind] = trouble.error
        self.trouble = next(
            (f"trials go on, but nothing is heard of them: {error}" for error in self._troubles.values()), ""
        )

    def _undo(self, undone: _Undone) -> None:
        """Show why something has to wait; where it cannot be done at all, that is the trial's end, or the sweep's."""
        number = undone.key if isinstance(undone.key, int) else -1
        error = undone.error
        if not isinstance(error, ExpsdkError) or type(error) is BackendError:  # the latter: the Lease is lost
            raise error
        if is_for_now(error):
            self._roster.hold_up(number, error)
        elif not self._roster.fail(number, error):
            raise error

    def _publish_latest(self) -> None:
        """Write the newest status; from a lane."""
        experiment, self._latest = self._latest, None
        if experiment is not None:
            self._publish(experiment)

    def _publish(self, experiment: Experiment) -> None:
        try:
            there = self._api.patch(EXPERIMENTS, self._name, status_change(experiment), subresource="status")
        except ResourceNotFound as error:
            raise ExperimentNotFound(
                f"experiment {self._name!r} was deleted while its sweep ran; nothing of it is left"
            ) from error
        if asked_at(there) not in ("", self._stop_asked_at):
            self._stop_asked_at = asked_at(there)
            self._stop_requests.put(StopRequest())
            self.wake()
