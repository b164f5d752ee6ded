"""The Kubernetes backend: every trial a Job, its events through watches, its records as resources.

All state belongs to the thread that calls `wait`. What the watches see and what the server answers comes to it through
one queue; what is asked of the server is done by the lanes' threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from functools import partial
from inspect import signature
from queue import Empty, SimpleQueue
from typing import Any, ClassVar, NamedTuple

from expsdk.backends.base import Document, StopRequest, Update
from expsdk.backends.kubernetes import creation, detach, payload_store, resumption, ward
from expsdk.backends.kubernetes.documents import whole
from expsdk.backends.kubernetes.labels import NUMBER_LABEL, PLAN, RESULT, TRIAL, selector
from expsdk.backends.kubernetes.lease import HeldLease
from expsdk.backends.kubernetes.options import AUTO, JobOptions
from expsdk.backends.kubernetes.records import KubernetesRecords
from expsdk.backends.kubernetes.requests import requests_of
from expsdk.backends.kubernetes.resources import Resources
from expsdk.backends.kubernetes.statuses import status_change
from expsdk.backends.kubernetes.stopping import asked_at
from expsdk.backends.kubernetes.template import omissions
from expsdk.backends.kubernetes.trial import LiveTrial, Patience
from expsdk.backends.kubernetes.ward import Look, NoteWaiting
from expsdk.backends.kubernetes.work import Clash, ExperimentGone, JobGone, Looked, Settled, Work
from expsdk.backends.verdict import Sentence
from expsdk.cluster.follow import Follower, Listed, Seen, Trouble
from expsdk.cluster.kinds import EXPERIMENTS, JOBS, PODS, RESULTS, Kind
from expsdk.cluster.lanes import Lanes, is_for_now
from expsdk.errors import (
    BackendError,
    ClusterError,
    ExperimentNotFound,
    ExpsdkError,
    OptionError,
    QuotaExceeded,
    ResourceNotFound,
    Unreachable,
)
from expsdk.packaging.payload import Payload
from expsdk.packaging.requirements import requirements_of
from expsdk.resources.experiment import Experiment
from expsdk.resources.names import trial_name
from expsdk.resources.result import Result
from expsdk_runtime.contract import Phase, Reason, Stop

CHECK_EVERY_S = 1.0
LAST_WORDS_S = 10.0
"""How long the end of a sweep waits for what is still to be written, notes above all."""
_FOLLOWED = {RESULTS: RESULT, JOBS: TRIAL, PODS: TRIAL}
_WAKE = object()


class _Undone(NamedTuple):
    """A task of a lane that could not be done; where that may help, it is done again."""

    key: Hashable
    error: Exception


class KubernetesBackend:
    """Runs trials as Jobs of one namespace; see `expsdk.backends.base.Backend` for the contract."""

    takes_ctrl_c = True
    times_trials = True
    options: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        *,
        namespace: str | None = None,
        context: str | None = None,
        kubeconfig: str | None = None,
        start_patience_s: float = 600.0,
        schedule_patience_s: float = 86_400.0,
        connections: int = 16,
        **job: Any,
    ) -> None:
        """Make the backend; nothing is sent yet.

        Args:
            namespace: Where the experiment lives; by default the context's.
            context: A context of the kubeconfig; by default the current one.
            kubeconfig: The kubeconfig's path; by default where kubectl finds it.
            start_patience_s: How long a trial may wait for an image that cannot be pulled, or for a volume or Secret
                that is not there, before it fails, in seconds.
            schedule_patience_s: The same for a place on a node and for quota.
            connections: How many requests are under way at a time.
            job: The fields of `JobOptions`.

        Raises:
            OptionError: An option cannot work.
            ClusterError: No cluster is named.
        """
        self.trouble = ""
        self.notice = ""
        self._job_options = JobOptions(**job)
        self._patience = Patience(start_patience_s, schedule_patience_s)
        self._connections = connections
        self.records = KubernetesRecords(
            namespace=namespace, context=context, kubeconfig=kubeconfig, connections=connections + len(_FOLLOWED) + 1
        )
        self._api = self.records.api
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._trials: dict[int, LiveTrial] = {}
        self._unsure: set[int] = set()  # trials that time alone may change
        self._check_at = 0.0
        self._updates: list[Update] = []
        self._stop_requests: SimpleQueue[StopRequest] = SimpleQueue()
        self._stop_asked_at = ""  # as the Experiment's annotation has it
        self._troubles: dict[Kind, ClusterError] = {}
        self._latest: Experiment | None = None
        self._kept: Experiment | None = None  # as the server has it
        self._grace_s = 0.0
        self._lease: HeldLease | None = None
        self._lanes: Lanes | None = None
        self._followers: list[Follower] = []
        self._work: Work | None = None

    def create(self, experiment: Experiment, payload: Payload, *, plan: Payload | None = None) -> None:
        """See that all is there that is needed, keep the experiment and its payloads, and begin to watch.

        Args:
            experiment: Its record.
            payload: The packed function.
            plan: The packed plan, where the record's `spec.plan` names one.
        """
        planned = creation.plan(self._api, experiment, self._options_for(payload))
        kept = creation.create(self._api, planned.experiment)
        self.notice = planned.notice
        try:
            self._api.patch(EXPERIMENTS, kept.metadata.name, status_change(experiment), subresource="status")
            self._lease = HeldLease(self._api, kept, lost=self._queue.put)
            if not self._job_options.payload_in_image:
                payload_store.keep_payload(self._api, kept, payload)
            if plan is not None:
                payload_store.keep_payload(self._api, kept, plan, component=PLAN)
        except BaseException:
            with suppress(ClusterError):  # what has been raised already tells more
                self._api.delete(EXPERIMENTS, kept.metadata.name)
            self.close()
            raise
        self._begin(kept, {})

    def resume(self, experiment: Experiment, payload: Payload | None, *, plan: Payload | None = None) -> list[Update]:
        """Take up an experiment of this namespace and return its trials by number; see `Backend.resume`.

        A Lease that a coordinator has left behind is waited for until it lapses. Of the Jobs' options, what is given
        counts for the trials that are launched from now on; where none is, the kept template does.

        Args:
            experiment: Its record, as it is to be from now on.
            payload: The packed function, where it is at hand.
            plan: The packed plan, where it is at hand.

        Raises:
            ExperimentNotFound: There is no such experiment.
            BackendError: Another coordinator drives it, or a payload is not there.
        """
        found = resumption.find(self.records, experiment.metadata.name)
        after = experiment
        if self._job_options != JobOptions():
            template = creation.template_for(experiment, self._options_for(payload), found.server)
            spec = experiment.spec.model_copy(update={"job_template": template})
            after = experiment.model_copy(update={"spec": spec})
            self.notice = "; ".join(omissions(self._job_options, found.server))
        resumption.check(found.experiment, after)
        self._lease = HeldLease(self._api, found.experiment, lost=self._queue.put, patient=True)
        try:
            kept = resumption.bring_up(self._api, after)
            if payload_store.is_in_config_maps(kept.spec.job_template or {}):
                payload_store.complete(self._api, kept, payload)
            payload_store.complete(self._api, kept, plan, component=PLAN)
            listings = {
                kind: self._api.list(kind, selector=selector(kept.metadata.name, component))
                for kind, component in _FOLLOWED.items()
            }
        except BaseException:
            self.close()
            raise
        self._begin(kept, {kind: listing.version for kind, listing in listings.items()})
        now = time.monotonic()
        updates = []
        for trial in resumption.trials(listings, now):
            is_there = trial.job is not None and not (trial.is_over and trial.has_said)
            if is_there:
                self._trials[trial.number] = trial
            updates.append(Update(trial.number, trial.presented(now) if is_there else trial.document, alive=is_there))
        for number in sorted(self._trials):
            self._heed(self._trials[number])
            self._assess(number, now)
        return updates

    def detach(
        self,
        experiment: Experiment,
        payload: Payload,
        plan: Payload | None = None,
        *,
        image: str | None = None,
        pull_policy: str | None = None,
        env: Mapping[str, str] | None = None,
        resources: Resources | None = None,
    ) -> None:
        """Keep the experiment and let a Job in the cluster drive it, from an image with expsdk; see `detach.detach`."""
        self.notice = detach.detach(
            self._api,
            experiment,
            payload,
            plan,
            options=self._options_for(payload),
            image=image,
            pull_policy=pull_policy,
            env=env,
            resources=resources,
        )

    def requests(self, experiment: Experiment) -> dict[str, float]:
        """Return the numbers of "cpu" and "gpu" that one trial requests, by the Jobs' template."""
        kept = self._kept or experiment
        if kept.spec.job_template is not None:
            return requests_of(kept.spec.job_template)
        resources = self._job_options.resources
        container = {"resources": resources.to_document()} if resources else {}
        return requests_of({"spec": {"template": {"spec": {"containers": [container]}}}})

    def kept_payload(self, experiment: Experiment, *, plan: bool = False) -> bytes:
        """Return the packed function, or the packed plan, that is kept with an experiment; see `read_payload`.

        Raises:
            BackendError: It is not there, or not as it was kept.
        """
        return payload_store.read_payload(self._api, experiment, plan=plan)

    def launch(self, result: Result, *, attempt: int) -> None:
        """Keep the Result, then create its Job; soon, and many at a time."""
        self._do(self._expect(result), partial(self._working.start, result.spec.number, result, attempt=attempt))

    def record(self, result: Result, status: Document) -> None:
        """Keep a Result with its status, and no Job; soon."""
        self._do(self._expect(result), partial(self._working.record, result.spec.number, result, status))

    def note(self, number: int, spec: Document) -> None:
        """Add to the spec of a trial's Result; soon."""
        self._do(number, partial(self._working.note, trial_name(self._name, number), spec))

    def ask_stop(self, number: int, stop: str) -> None:
        """Write the stop into the Result; the reply to the trial's next report carries it."""
        trial = self._trials.get(number)
        if trial is not None:
            self._do(number, partial(self._working.ask_stop, trial.name, stop))

    def terminate(self, number: int, *, reason: str, message: str) -> None:
        """Have the trial's pod ended by its node, SIGTERM first; what it printed is kept."""
        self._end(number, Sentence(reason, message), Work.terminate)

    def kill(self, number: int, *, reason: str, message: str) -> None:
        """Delete the trial's Job and pods at once.

        Raises:
            Unreachable: The server does not answer; the Jobs go on.
        """
        trouble = next((each for each in self._troubles.values() if isinstance(each, Unreachable)), None)
        if trouble is not None and number in self._trials:
            raise Unreachable(
                f"{trouble}; the Jobs of {self._name} go on meanwhile, and `kubectl delete experiment {self._name}"
                f" --namespace {self._api.namespace}` ends them"
            )
        self._end(number, Sentence(reason, message), Work.kill)

    def wait(self, timeout_s: float | None) -> list[Update]:
        """Return what changed; see `Backend.wait`.

        Raises:
            ExperimentNotFound: Somebody has deleted the experiment.
            ClusterError: The server refuses what the sweep cannot do without.
        """
        give_up_at = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._updates:
            now = time.monotonic()
            if now >= self._check_at:
                self._check_at = now + CHECK_EVERY_S
                for number in sorted(self._unsure):
                    self._assess(number, now)
            if self._updates or not self._hear(give_up_at):
                break
        updates, self._updates = self._updates, []
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
        if experiment.status.phase in Phase.FINISHED:
            self._latest = None
            if self._lanes is not None:
                self._lanes.drain(LAST_WORDS_S)
            self._assured(partial(self._publish, experiment))
            return
        is_due = self._latest is None
        self._latest = experiment
        if is_due and self._lanes is not None:
            self._lanes.do("experiment", partial(self._assured, self._publish_latest))

    def close(self) -> None:
        """Stop watching and give the Lease back; Jobs that run go on. Further calls do nothing."""
        for follower in self._followers:
            follower.close()
        if self._lanes is not None:
            self._lanes.close()
            self._lanes = None
        if self._lease is not None:
            self._lease.release()
            self._lease = None
        for follower in self._followers:
            follower.join()
        self._followers = []
        self._trials.clear()
        self.records.close()

    @property
    def _working(self) -> Work:
        assert self._work is not None, "create or resume comes before launch"
        return self._work

    @property
    def _name(self) -> str:
        return self._kept.metadata.name if self._kept is not None else ""

    def _options_for(self, payload: Payload | None) -> JobOptions:
        """Return the Jobs' options with everything in them that depends on the payload."""
        options = self._job_options
        if options.packages != AUTO:
            return options
        if payload is None:
            raise OptionError(
                'packages="auto" installs what the payload\'s code imports, and the payload is not at hand; write the'
                " packages out, or leave packages= out to install what was installed before"
            )
        return replace(options, packages=requirements_of(payload))

    def _begin(self, kept: Experiment, versions: Mapping[Kind, str]) -> None:
        """Begin to work and to follow, each kind from a version on where one is given."""
        tell = self._queue.put
        self._kept = kept
        self._grace_s = kept.spec.grace_seconds
        self._work = Work(self._api, kept, tell)
        self._lanes = Lanes(self._connections, failed=lambda key, error: tell(_Undone(key, error)))
        self._followers = [
            Follower(self._api, kind, selector(self._name, component), tell, after=versions.get(kind, ""))
            for kind, component in _FOLLOWED.items()
        ]

    def _expect(self, result: Result) -> int:
        """Expect to hear of a trial, and return its number."""
        number = result.spec.number
        document = whole(self._working.document_of(result))
        self._trials[number] = LiveTrial(number, result.metadata.name, document, time.monotonic())
        return number

    def _do(self, number: int, task: partial[None], *, instead: bool = False) -> None:
        if self._lanes is not None:
            self._lanes.do(number, partial(self._assured, task), instead=instead)

    def _assured(self, task: Callable[[], None]) -> None:
        """Do what only the coordinator may that drives the experiment."""
        if self._lease is not None:
            self._lease.assure()
            task()

    def _end(self, number: int, sentence: Sentence, verb: Any) -> None:
        """Give up on a trial: what was to be done for it and is not yet is not done any more."""
        trial = self._trials.get(number)
        if trial is not None:
            trial.sentence = trial.sentence or sentence
            self._do(number, partial(verb, self._working, number, trial.name), instead=True)

    def _hear(self, give_up_at: float | None) -> bool:
        """Take in all that has come, waiting for something; whether to go on if nothing came of it."""
        now = time.monotonic()
        until = [at for at in (give_up_at, self._check_at if self._unsure else None) if at is not None]
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
            self._see(sight)
        elif isinstance(sight, Listed):
            self._compare(sight)
        elif isinstance(sight, Settled):
            self._bury(sight.number, sight.document)
        elif isinstance(sight, JobGone):
            self._lose_job(sight.number)
        elif isinstance(sight, Looked):
            self._note_look(sight)
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

    def _see(self, sight: Seen) -> None:
        """Take in what an object is now."""
        number = _number_of(sight)
        trial = self._trials.get(-1 if number is None else number)
        if trial is None or number is None:
            return
        now = time.monotonic()
        if sight.kind is RESULTS:
            if trial.is_settling:
                return
            if sight.event == "DELETED":
                self._do(number, partial(self._restore, trial.document))
                return
            trial.take_result(whole(sight.object), now)
            self._heed(trial)
            self._updates.append(Update(number, trial.presented(now), alive=True))
        else:
            ward.take(trial, sight, now)
        self._assess(number, now)

    def _heed(self, trial: LiveTrial) -> None:
        """Pass on that a trial's Result says that it is to stop for good, which anybody may have written."""
        if trial.document["spec"].get("stop") == Stop.CANCELLED and not trial.is_unwanted:
            trial.is_unwanted = True
            self._stop_requests.put(StopRequest(trial.number))

    def _compare(self, listed: Listed) -> None:
        """Take in what all objects of a kind are now; of what should be there and was not, ask once more."""
        for document in listed.items:
            self._see(Seen(listed.kind, "ADDED", document))
        for trial in ward.missed(self._trials.values(), listed):
            self._do(trial.number, partial(self._working.verify, trial.number, trial.name))

    def _lose_job(self, number: int) -> None:
        trial = self._trials.get(number)
        if trial is not None:
            trial.lose_job(time.monotonic())
            self._assess(number, time.monotonic())

    def _assess(self, number: int, now: float) -> None:
        """See what follows from what is known of a trial: it is over, it waits, or it goes on."""
        trial = self._trials.get(number)
        if trial is None or trial.is_settling:
            self._unsure.discard(number)
            return
        if trial.is_over:
            self._settle(trial, now)
            return
        if trial.said_at is not None:
            if trial.presented(now)["status"]["phase"] in Phase.FINISHED:
                self._unsure.discard(number)
                self._updates.append(Update(number, trial.presented(now), alive=True))
            else:
                self._unsure.add(number)
            return
        (self._unsure.discard if trial.has_begun else self._unsure.add)(number)
        self._mind_waiting(trial, now)

    def _settle(self, trial: LiveTrial, now: float) -> None:
        """Look into the end of a trial whose Job is over; containers that still run get time to report."""
        if ward.lingers(trial, now, self._grace_s):
            self._unsure.add(trial.number)
            return
        self._unsure.discard(trial.number)
        if trial.has_said:
            self._bury(trial.number, trial.document)
            return
        trial.is_settling = True
        self._do(trial.number, partial(self._working.settle, trial))

    def _bury(self, number: int, document: Document) -> None:
        """Tell how a trial ended; what comes of it after that is passed over."""
        if self._trials.pop(number, None) is not None:
            self._unsure.discard(number)
            self._updates = [update for update in self._updates if update.number != number]
            self._updates.append(Update(number, document, alive=False))

    def _mind_waiting(self, trial: LiveTrial, now: float) -> None:
        """Note what a trial waits for, where that is new, and lose patience in the end."""
        for decision in ward.mind(trial, now, self._patience):
            if isinstance(decision, Look):
                self._do(trial.number, partial(self._working.look, trial.number, decision.names))
            elif isinstance(decision, NoteWaiting):
                self._do(trial.number, partial(self._working.note_waiting, trial.document, decision.waiting))
            else:
                self._end(trial.number, decision.sentence, Work.remove)

    def _note_look(self, looked: Looked) -> None:
        trial = self._trials.get(looked.number)
        if trial is not None:
            trial.warned = looked.waiting
            self._assess(looked.number, time.monotonic())

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
        trial = self._trials.get(undone.key) if isinstance(undone.key, int) else None
        error = undone.error
        if not isinstance(error, ExpsdkError) or type(error) is BackendError:  # the latter: the Lease is lost
            raise error
        if is_for_now(error):
            if trial is not None and not trial.has_job:
                reason = Reason.QUOTA_EXCEEDED if isinstance(error, QuotaExceeded) else Reason.LAUNCH_FAILED
                trial.document = {
                    **trial.document,
                    "status": {**trial.status, "reason": reason, "message": str(error)},
                }
                self._updates.append(Update(trial.number, trial.document, alive=True))
            return
        if trial is None or trial.has_job:
            raise error
        self._do(trial.number, partial(self._working.fail, trial.number, trial.name, str(error)))

    def _restore(self, document: Document) -> None:
        self._working.restore(document)

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


KubernetesBackend.options = tuple(name for name in signature(KubernetesBackend).parameters if name != "job") + tuple(
    field.name for field in fields(JobOptions)
)


def _number_of(sight: Seen) -> int | None:
    """Return the number of the trial that an object belongs to."""
    if sight.kind is RESULTS:
        number = sight.object.get("spec", {}).get("number")
        return number if isinstance(number, int) else None
    text = sight.object["metadata"].get("labels", {}).get(NUMBER_LABEL, "")
    return int(text) if text.isdecimal() else None
