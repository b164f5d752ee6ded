"""What is done on the API server for one trial, each a task of its lane; what comes of it is told as a `Sight`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from expsdk.backends.base import Document
from expsdk.backends.kubernetes import pods
from expsdk.backends.kubernetes.documents import whole
from expsdk.backends.kubernetes.job import job_for
from expsdk.backends.kubernetes.labels import ATTEMPT_ANNOTATION, result_document
from expsdk.backends.kubernetes.pods import Waiting
from expsdk.backends.kubernetes.trial import LiveTrial
from expsdk.backends.verdict import Sentence, ended, weigh
from expsdk.cluster.api import Api
from expsdk.cluster.follow import Seen
from expsdk.cluster.kinds import EVENTS, EXPERIMENTS, JOBS, PODS, RESULTS, WORKLOADS, Kind
from expsdk.errors import ClusterError, Conflict, Invalid, ResourceNotFound
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result
from expsdk_runtime.contract import Phase, Reason, Stop

AWAY_WITHIN_S = 60.0
_POLL_S = 0.2
_JOB_UID_LABEL = "kueue.x-k8s.io/job-uid"


@dataclass(frozen=True, slots=True)
class JobGone:
    """A trial has no Job."""

    number: int


@dataclass(frozen=True, slots=True)
class Looked:
    """A trial's events were read; what they say it waits for."""

    number: int
    waiting: Waiting | None


@dataclass(frozen=True, slots=True)
class Settled:
    """A trial is over, and this is its Result."""

    number: int
    document: Document


@dataclass(frozen=True, slots=True)
class Clash:
    """A trial's name is that of another sample."""

    name: str
    there: str
    given: str


@dataclass(frozen=True, slots=True)
class ExperimentGone:
    """The experiment was deleted."""


class Work:
    """The tasks of one experiment's trials; every method may be called from any thread."""

    def __init__(self, api: Api, experiment: Experiment, tell: Callable[[Any], None]) -> None:
        self._api = api
        self._experiment = experiment
        self._tell = tell
        self._is_packed = experiment.spec.payload is not None
        self._objectives = [objective.metric for objective in experiment.spec.objectives]

    def document_of(self, result: Result) -> Document:
        """Return a Result as it is created."""
        return result_document(self._experiment, result)

    def start(self, number: int, result: Result, *, attempt: int) -> None:
        """Keep the Result, then create the Job; what exists by the trial's name is adopted."""
        document = self._keep(result)
        if document is None:
            return
        name = result.metadata.name
        if attempt > 1:
            document = self._make_way(name, attempt)
        elif document["spec"]["stop"] == Stop.INTERRUPTED:  # before it had a Job, by the end of an earlier coordinator
            document = whole(self._api.patch(RESULTS, name, {"spec": {"stop": Stop.NONE}}))
        self._tell(Seen(RESULTS, "ADDED", document))
        if document["status"]["phase"] in Phase.FINISHED:
            self._tell(Settled(number, document))
            return
        job = job_for(self._experiment, result)
        job["metadata"]["annotations"][ATTEMPT_ANNOTATION] = str(attempt)
        self._tell(Seen(JOBS, "ADDED", self._adopt(JOBS, job)))

    def record(self, number: int, result: Result, status: Document) -> None:
        """Keep a Result whose trial need not run, with its status."""
        document = self._keep(result)
        if document is None:
            return
        if any(document["status"].get(key) != value for key, value in status.items()):
            document = whole(self._api.patch(RESULTS, result.metadata.name, {"status": status}, subresource="status"))
        self._tell(Settled(number, document))

    def note(self, name: str, spec: Document) -> None:
        """Add to a Result's spec."""
        with suppress(ResourceNotFound):  # somebody has deleted it, and what it says is no matter any more
            self._api.patch(RESULTS, name, {"spec": spec})

    def ask_stop(self, name: str, stop: str) -> None:
        """Write the stop into the Result; the reply to the trial's next report carries it."""
        with suppress(ResourceNotFound):  # it has just been deleted
            self._tell(Seen(RESULTS, "MODIFIED", self._api.patch(RESULTS, name, {"spec": {"stop": stop}})))

    def terminate(self, number: int, name: str) -> None:
        """Let the pods' nodes end them, SIGTERM first, and keep what they printed; a Job that has none running goes."""
        running = [pod for pod in self._pods(name) if pods.is_running(pod)]
        for pod in running:
            # The deadline has passed when it is set, and the pod stays, with its log, as a failed one.
            with suppress(ResourceNotFound, Invalid):  # it has gone or ended meanwhile
                self._api.patch(PODS, pod["metadata"]["name"], {"spec": {"activeDeadlineSeconds": 1}})
        if not running:
            self.remove(number, name)

    def kill(self, number: int, name: str) -> None:
        """Delete the Job, and its pods at once."""
        self.remove(number, name)
        for pod in self._pods(name):
            with suppress(ResourceNotFound):
                self._api.delete(PODS, pod["metadata"]["name"], grace_s=0)

    def remove(self, number: int, name: str) -> None:
        """Delete the Job; its pods go with it, each in its own time."""
        try:
            self._api.delete(JOBS, name)
        except ResourceNotFound:
            self._tell(JobGone(number))

    def verify(self, number: int, name: str) -> None:
        """See whether a Job that a list did not have is there."""
        try:
            self._tell(Seen(JOBS, "MODIFIED", self._api.get(JOBS, name)))
        except ResourceNotFound:
            self._tell(JobGone(number))

    def restore(self, document: Document) -> Document | None:
        """Create a Result that is not there, or not any more, and return it; None where its experiment went too."""
        name = document["metadata"]["name"]
        try:
            owner = self._api.get(EXPERIMENTS, self._experiment.metadata.name)["metadata"]
        except ResourceNotFound:
            owner = {}
        if owner.get("uid") != self._experiment.metadata.uid or owner.get("deletionTimestamp"):
            self._tell(ExperimentGone())
            return None
        kept = {key: document["metadata"][key] for key in ("name", "labels", "annotations", "ownerReferences")}
        self._adopt(RESULTS, {**document, "metadata": kept})
        restored = self._api.patch(RESULTS, name, {"status": document["status"]}, subresource="status")
        self._tell(Seen(RESULTS, "ADDED", restored))
        return whole(restored)

    def note_waiting(self, document: Document, waiting: Waiting | None) -> None:
        """Write into a Result what its trial waits for, unless the trial has reported meanwhile."""
        metadata = {"resourceVersion": document["metadata"].get("resourceVersion")}
        status = {
            "phase": Phase.PENDING,
            "reason": waiting.reason if waiting else "",
            "message": waiting.message if waiting else "",
        }
        with suppress(Conflict, ResourceNotFound):
            changes = {"metadata": metadata, "status": status}
            self._api.patch(RESULTS, document["metadata"]["name"], changes, subresource="status")

    def look(self, number: int, names: Iterable[str], *, queued: Document | None = None) -> None:
        """Read the events of a trial's Job and pods, or what a queue keeps of a Job that waits in it."""
        if queued is not None:
            self._look_into_queue(number, queued)
            return
        with suppress(ClusterError):  # they would only have told more
            events = [event for name in names for event in self._events(name)]
            self._tell(Looked(number, pods.waiting_of_events(events)))

    def _look_into_queue(self, number: int, job: Document) -> None:
        workloads: list[Document] = []
        with suppress(ClusterError):  # there is no Kueue, or it may not be asked: the Job itself tells enough
            workloads = self._api.list(WORKLOADS, selector=f"{_JOB_UID_LABEL}={job['metadata']['uid']}").items
        self._tell(Looked(number, pods.waiting_in_queue(job, workloads)))

    def settle(self, trial: LiveTrial) -> None:
        """Find out how a trial ended whose Job is over, and see that its Result says so.

        Args:
            trial: The trial; it is settling, so nobody changes it.
        """
        if trial.job is None:
            self._see_off(trial.name)
        while True:
            try:
                document: Document | None = whole(self._api.get(RESULTS, trial.name))
            except ResourceNotFound:  # somebody has deleted it, or the trial was given up before it was kept
                document = self.restore(trial.document)
            if document is None:
                return
            there = sorted(self._pods(trial.name), key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
            final = self._judge(document["status"], trial.job, there[-1] if there else trial.last_pod, trial.sentence)
            changed = {key: value for key, value in final.items() if document["status"].get(key) != value}
            with suppress(Conflict):  # the trial has reported since, which is to be weighed too
                if changed:
                    document = self._write_status(document, changed)
                self._tell(Settled(trial.number, document))
                return

    def fail(self, number: int, name: str, message: str) -> None:
        """Write into a Result that its trial could not be launched, unless it has ended all the same."""
        while True:
            try:
                document = whole(self._api.get(RESULTS, name))
            except ResourceNotFound:
                return
            with suppress(Conflict):  # it has changed since it was read
                if document["status"]["phase"] not in Phase.FINISHED:
                    status = ended(document["status"], reason=Reason.LAUNCH_FAILED, message=message)
                    document = self._write_status(document, status)
                self._tell(Settled(number, document))
                return

    def _see_off(self, name: str) -> None:
        """End the pods of a Job that is gone, and wait for that: a trial that ran on would report after its end.

        The garbage collector does so too, in its own time.
        """
        deadline = time.monotonic() + AWAY_WITHIN_S
        while time.monotonic() < deadline:
            # A node may tell late that a container runs: what counts is that the pod has not ended.
            left = [pod for pod in self._pods(name) if not pods.has_ended(pod)]
            if not left:
                return
            for pod in left:
                if not pod["metadata"].get("deletionTimestamp"):
                    with suppress(ResourceNotFound):  # it has gone meanwhile
                        self._api.delete(PODS, pod["metadata"]["name"])
            time.sleep(_POLL_S)

    def _write_status(self, document: Document, status: Document) -> Document:
        """Write into the status of a Result as it was read; raises `Conflict` where it has changed since."""
        metadata = {"resourceVersion": document["metadata"]["resourceVersion"]}
        changes = {"metadata": metadata, "status": status}
        return whole(self._api.patch(RESULTS, document["metadata"]["name"], changes, subresource="status"))

    def _keep(self, result: Result) -> Document | None:
        """Create a Result, or adopt the one that is there if it is of the same sample; else tell of the clash."""
        document = whole(self._adopt(RESULTS, self.document_of(result)))
        there, given = document["spec"]["parameters"], result.spec.parameters
        if there == given:
            return document
        self._tell(Clash(result.metadata.name, json.dumps(there), json.dumps(given)))
        return None

    def _judge(
        self, status: dict[str, Any], job: Document | None, pod: Document | None, sentence: Sentence | None
    ) -> dict[str, Any]:
        if status["phase"] not in Phase.FINISHED:
            left = pods.harvest(pod)
            left.pop("delivered", None)
            status = {**status, **left}
        final = weigh(status, sentence)
        if final["phase"] in Phase.FINISHED and final["reason"] != Reason.PREEMPTED:
            return final
        return pods.conclude(final, job, pod, packed=self._is_packed, objectives=self._objectives)

    def _adopt(self, kind: Kind, document: Document) -> Document:
        """Create an object, or return the one of that name if it is this experiment's too."""
        try:
            return self._api.create(kind, document)
        except Conflict:
            there = self._api.get(kind, document["metadata"]["name"])
        uids = {owner["uid"] for owner in there["metadata"].get("ownerReferences") or ()}
        if self._experiment.metadata.uid not in uids or there["metadata"].get("deletionTimestamp"):
            raise ClusterError(
                f"{kind.name} {document['metadata']['name']!r} is still there from another experiment; it is waited for"
                f" until it has gone (kubectl delete {kind.plural.rstrip('s')} {document['metadata']['name']})"
            )
        return there

    def _make_way(self, name: str, attempt: int) -> Document:
        """See that a former attempt's Job is gone and that its Result waits for the next one."""
        with suppress(ResourceNotFound):
            metadata = self._api.get(JOBS, name)["metadata"]
            is_this = (metadata.get("annotations") or {}).get(ATTEMPT_ANNOTATION) == str(attempt)
            if is_this and not metadata.get("deletionTimestamp"):  # created already, and the answer was lost
                return whole(self._api.get(RESULTS, name))
            self._api.delete(JOBS, name)
        deadline = time.monotonic() + AWAY_WITHIN_S
        while self._api.list(JOBS, fields=f"metadata.name={name}").items or self._pods(name):
            if time.monotonic() > deadline:
                raise ClusterError(f"the Job of the former attempt at {name} is still there")
            time.sleep(_POLL_S)
        status = {"phase": Phase.PENDING, "reason": "", "message": "", "completionTime": None}
        return whole(
            self._api.patch(RESULTS, name, {"spec": {"stop": ""}})
            and self._api.patch(RESULTS, name, {"status": status}, subresource="status")
        )

    def _pods(self, name: str) -> list[Document]:
        return self._api.list(PODS, selector=f"job-name={name}").items

    def _events(self, name: str) -> list[Document]:
        return self._api.list(EVENTS, fields=f"involvedObject.name={name}").items
