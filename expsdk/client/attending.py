"""Attending an experiment's trials: each change is told, and the end of those that do not tell it is written down.

A program that is not ours says nothing of how it began, what it waits for and how it ended; its Job and its pods do.
All state belongs to the thread that calls `hear`; what is seen of the cluster comes to it through one queue.
"""

from __future__ import annotations

import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from expsdk.backends.kubernetes import pods, ward
from expsdk.backends.kubernetes.documents import whole
from expsdk.backends.kubernetes.labels import NUMBER_LABEL, RESULT, TRIAL, selector
from expsdk.backends.kubernetes.lease import is_driven
from expsdk.backends.kubernetes.stopping import stopped
from expsdk.backends.kubernetes.trial import LiveTrial, Patience
from expsdk.backends.kubernetes.ward import Look, NoteWaiting
from expsdk.backends.kubernetes.work import JobGone, Looked, Work
from expsdk.client.launching import LAUNCH_ANNOTATION
from expsdk.client.news import News
from expsdk.client.summary import Summary
from expsdk.cluster.api import Api
from expsdk.cluster.follow import Follower, Listed, Seen, Trouble
from expsdk.cluster.kinds import EXPERIMENTS, JOBS, PODS, RESULTS
from expsdk.cluster.lanes import is_for_now
from expsdk.errors import ClusterError, Conflict, ExperimentNotFound, Forbidden, ResourceNotFound
from expsdk.resources.experiment import Experiment
from expsdk.resources.names import trial_name
from expsdk_runtime.contract import Phase

TEND_EVERY_S = 1.0
LOOK_FOR_EXPERIMENT_EVERY_S = 30.0
JOB_WITHIN_S = 30.0
"""How long after its Result a trial's Job may come: whoever launched it may have ended between the two."""

Document = dict[str, Any]


class _Work(Work):
    def restore(self, document: Document) -> None:
        """Leave a Result deleted: a sweep keeps its trials, and here it was their owner who did it."""


class Attendant:
    """Follows one experiment's Results and, where it settles, their Jobs and pods.

    Attributes:
        is_listed: Whether all Results have been seen once.
        known: The names of the Results that are there, each with the version that was told last.
    """

    def __init__(self, api: Api, experiment: Experiment, *, settles: bool, patience: Patience, news: News) -> None:
        """Begin to follow.

        Args:
            api: The API server.
            experiment: The experiment's record.
            settles: Whether to write into Results what only Jobs and pods tell.
            patience: How long a trial may wait before it has failed.
            news: Where it is told what is new, if it settles.
        """
        self.is_listed = False
        self.known: dict[str, str] = {}
        self._api = api
        self._experiment = experiment
        self._settles = settles
        self._patience = patience
        self._news = news
        self._is_packed = experiment.spec.payload is not None
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._work = _Work(api, experiment, self._queue.put)
        self._summary = Summary(api, experiment, news) if settles and not self._is_packed else None
        self._trials: dict[str, LiveTrial] = {}
        self._early: dict[str, list[Seen]] = {}  # what was seen of a trial's Job and pods before its Result
        self._changed: list[Document] = []
        self._tend_at = 0.0
        self._look_at = time.monotonic() + LOOK_FOR_EXPERIMENT_EVERY_S
        followed = {RESULTS: RESULT, JOBS: TRIAL, PODS: TRIAL} if settles else {RESULTS: RESULT}
        name = experiment.metadata.name
        self._followers = [
            Follower(api, kind, selector(name, component), self._queue.put) for kind, component in followed.items()
        ]

    @property
    def open(self) -> set[str]:
        """The names of the trials that have not ended."""
        return set(self._trials)

    def hear(self, timeout_s: float = TEND_EVERY_S) -> list[Document]:
        """Return the Results that have changed, waiting for one at most so long.

        Raises:
            ExperimentNotFound: The experiment was deleted.
            ClusterError: The server refuses to tell, or to be told.
        """
        give_up_at = time.monotonic() + timeout_s
        while not self._changed:
            now = time.monotonic()
            if now >= self._tend_at:
                self._tend_at = now + TEND_EVERY_S
                self._tend(now)
            try:
                sight = self._queue.get(timeout=max(0.0, min(give_up_at, self._tend_at) - now))
                while True:
                    self._take(sight)
                    sight = self._queue.get_nowait()
            except Empty:
                if time.monotonic() >= give_up_at:
                    break
        changed, self._changed = self._changed, []
        return changed

    def is_over(self) -> bool:
        """Whether all trials have ended, those too that were launched a moment ago; what is new is told by `hear`."""
        if not self.is_listed or self._trials:
            return False
        self._take(Listed(RESULTS, self._api.list(RESULTS, selector=self._selector(RESULT)).items))
        return not self._trials and not self._changed

    def close(self) -> None:
        """Follow no longer."""
        for follower in self._followers:
            follower.close()
        for follower in self._followers:
            follower.join()
        if self._summary is not None and self.is_listed:
            self._summary.publish(time.monotonic(), at_once=True)

    def _selector(self, component: str) -> str:
        return selector(self._experiment.metadata.name, component)

    def _take(self, sight: Any) -> None:
        """Take in one thing that happened."""
        if isinstance(sight, Seen):
            self._see(sight)
        elif isinstance(sight, Listed):
            self._compare(sight)
        elif isinstance(sight, Trouble):
            if isinstance(sight.error, (Forbidden, ResourceNotFound)):
                raise sight.error
        elif isinstance(sight, (JobGone, Looked)):
            trial = self._trials.get(trial_name(self._experiment.metadata.name, sight.number))
            if trial is not None and isinstance(sight, Looked):
                trial.warned = sight.waiting
            elif trial is not None:
                self._lose_job(trial)

    def _see(self, sight: Seen) -> None:
        """Take in what an object is now."""
        name = self._trial_of(sight)
        if sight.kind is RESULTS:
            self._see_result(name, sight)
            return
        trial = self._trials.get(name)
        if trial is not None:
            self._see_other(trial, sight)
        elif sight.event == "DELETED":
            self._early.pop(name, None)
        elif name not in self.known:
            self._early.setdefault(name, []).append(sight)

    def _see_result(self, name: str, sight: Seen) -> None:
        now = time.monotonic()
        if sight.event == "DELETED":
            self._forget(name)
            return
        version = sight.object["metadata"]["resourceVersion"]
        if self.known.get(name) == version:
            return
        is_new = name not in self.known
        self.known[name] = version
        document = whole(sight.object)
        early = self._early.pop(name, []) if is_new else []
        trial = self._trials.get(name)
        if trial is None and (is_new or document["status"]["phase"] not in Phase.FINISHED):
            trial = LiveTrial(document["spec"]["number"], name, document, now)
        self._changed.append(document)
        if self._settles:
            self._news.heard(self._experiment, document)
        if self._summary is not None:
            self._summary.note(name, document["status"])
        if trial is None:
            return
        self._trials[name] = trial
        trial.take_result(document, now)
        for each in early:
            self._see_other(trial, each)
        self._assess(trial, now)

    def _see_other(self, trial: LiveTrial, sight: Seen) -> None:
        now = time.monotonic()
        ward.take(trial, sight, now)
        self._assess(trial, now)

    def _compare(self, listed: Listed) -> None:
        """Take in what all objects of a kind are now; of what should be there and was not, ask once more."""
        for document in listed.items:
            self._see(Seen(listed.kind, "ADDED", document))
        if listed.kind is RESULTS:
            self.is_listed = True
            for name in self.known.keys() - {document["metadata"]["name"] for document in listed.items}:
                self._forget(name)
        for trial in ward.missed(list(self._trials.values()), listed):
            self._work.verify(trial.number, trial.name)

    def _forget(self, name: str) -> None:
        """Drop a trial whose Result was deleted; its experiment may have gone with it."""
        self.known.pop(name, None)
        self._trials.pop(name, None)
        self._early.pop(name, None)
        if self._summary is not None:
            self._summary.forget(name)
        self._look_at = 0.0

    def _lose_job(self, trial: LiveTrial) -> None:
        trial.lose_job(time.monotonic())
        self._assess(trial, time.monotonic())

    def _tend(self, now: float) -> None:
        """See what time has changed."""
        if now >= self._look_at:
            self._look_at = now + LOOK_FOR_EXPERIMENT_EVERY_S
            self._look_for_experiment()
        for trial in list(self._trials.values()):
            self._assess(trial, now)
        if self._summary is not None and self.is_listed:
            self._summary.publish(now)
        if self._settles:
            self._news.publish(self._experiment)

    def _look_for_experiment(self) -> None:
        name = self._experiment.metadata.name
        try:
            metadata = self._api.get(EXPERIMENTS, name)["metadata"]
        except ResourceNotFound:
            metadata = {}
        except ClusterError as error:
            if not is_for_now(error):
                raise
            return
        if metadata.get("uid") != self._experiment.metadata.uid or metadata.get("deletionTimestamp"):
            raise ExperimentNotFound(f"experiment {name!r} was deleted while it was watched; nothing of it is left")

    def _assess(self, trial: LiveTrial, now: float) -> None:
        """See what follows from what is known of a trial."""
        if trial.has_said or (trial.status["phase"] in Phase.FINISHED and not self._may_come_again(trial)):
            self._trials.pop(trial.name, None)
            return
        if not self._settles or trial.is_settling:
            return
        try:
            if trial.is_over:
                self._settle(trial, now)
            elif not trial.has_job:
                self._miss_job(trial, now)
            else:
                self._mind(trial, now)
        except (Conflict, ResourceNotFound):  # somebody has written or deleted it meanwhile, which is seen soon
            trial.is_settling = False
        except ClusterError as error:
            trial.is_settling = False
            if not is_for_now(error):
                raise

    def _may_come_again(self, trial: LiveTrial) -> bool:
        """Whether a trial that was preempted may have another attempt: its Job's, or its coordinator's."""
        return self._is_packed if not self._settles else trial.has_job and not trial.is_over

    def _settle(self, trial: LiveTrial, now: float) -> None:
        """Write down how a trial ended whose Job is over; containers that still run get time to report."""
        if ward.lingers(trial, now, self._experiment.spec.grace_seconds):
            return
        trial.is_settling = True
        if self._is_packed and is_driven(self._api, self._experiment.metadata.name):
            return  # a sweep has been taken up meanwhile, and sees to it
        stop = trial.document["spec"]["stop"]
        if stop and not self._is_packed:
            self._write(trial, stopped(stop))
        else:
            self._work.settle(trial)

    def _miss_job(self, trial: LiveTrial, now: float) -> None:
        """See whether a trial that a client has launched has no Job: then it was lost between the two."""
        annotations = trial.document["metadata"].get("annotations") or {}
        if now - trial.seen_at > JOB_WITHIN_S and LAUNCH_ANNOTATION in annotations:
            trial.seen_at = now
            self._work.verify(trial.number, trial.name)

    def _mind(self, trial: LiveTrial, now: float) -> None:
        """Write down that a program that does not say so has begun, or what a trial waits for; lose patience."""
        running = next(filter(pods.is_running, trial.pods.values()), None)
        if running is not None and not self._is_packed and not trial.has_begun:
            self._write(trial, _begun(running))
            trial.document = {**trial.document, "status": {**trial.status, "phase": Phase.RUNNING}}
        for decision in ward.mind(trial, now, self._patience):
            if isinstance(decision, Look):
                self._work.look(trial.number, decision.names, queued=decision.queued)
            elif isinstance(decision, NoteWaiting):
                self._work.note_waiting(trial.document, decision.waiting)
            else:
                trial.sentence = decision.sentence
                self._work.remove(trial.number, trial.name)

    def _write(self, trial: LiveTrial, status: Document) -> None:
        """Write into a status, as it was seen last; raises Conflict where it has changed."""
        metadata = {"resourceVersion": trial.document["metadata"].get("resourceVersion")}
        with suppress(ResourceNotFound):  # it has just been deleted
            changes = {"metadata": metadata, "status": status}
            self._api.patch(RESULTS, trial.name, changes, subresource="status")

    def _trial_of(self, sight: Seen) -> str:
        metadata = sight.object["metadata"]
        number = (metadata.get("labels") or {}).get(NUMBER_LABEL, "")
        if sight.kind is PODS and number.isdecimal():
            return trial_name(self._experiment.metadata.name, int(number))
        return str(metadata["name"])


def _begun(pod: Document) -> Document:
    """Return the part of a status that says where and since when a pod runs a trial, as the runtime writes it."""
    metadata, status = pod["metadata"], pod["status"]
    container = next(each for each in status["containerStatuses"] if "running" in each["state"])
    node = {"node": pod["spec"]["nodeName"]} if pod["spec"].get("nodeName") else {}
    about = {"pod": metadata["uid"], "podName": metadata["name"], "image": container["image"], **node}
    started = container["state"]["running"].get("startedAt")
    return {"phase": Phase.RUNNING, "reason": "", "message": "", "startTime": started, "environment": about}
