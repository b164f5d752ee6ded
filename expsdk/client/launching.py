"""Launching a trial: its Result first, then its Job, under a number that no other program takes."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from expsdk.backends.kubernetes.job import job_for
from expsdk.backends.kubernetes.labels import result_document, selector
from expsdk.backends.kubernetes.records import KubernetesRecords
from expsdk.client.news import News
from expsdk.client.reading import as_result, experiment_name
from expsdk.client.samples import check_number, check_seed, checked_sample
from expsdk.cluster.kinds import JOBS, RESULTS, Kind
from expsdk.errors import BackendError, ClusterError, Conflict, ResourceNotFound, Unreachable
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result, new_result
from expsdk.samplers.derive import derive_trial_seed
from expsdk_runtime.contract import API_GROUP

LAUNCH_ANNOTATION = f"{API_GROUP}/launch"
"""A Result's and a Job's: which call made them, so that what another has made is not taken for one's own."""

Document = dict[str, Any]


class Launcher:
    """Launches trials, from many threads at once."""

    def __init__(self, records: KubernetesRecords, news: News) -> None:
        self._records = records
        self._news = news
        self._api = records.api
        self._next: dict[str, int] = {}
        self._lock = threading.Lock()

    def launch(
        self, experiment: str | Experiment, parameters: Mapping[str, Any], *, number: int | None, seed: int | None
    ) -> Result:
        """Launch a trial; see `Client.launch`."""
        check_number(number)
        check_seed(seed)
        record = self._record(experiment)
        sample = checked_sample(record, parameters)
        self._refuse_driven(record)
        while True:
            chosen = self._take_number(record) if number is None else number
            name, launch = record.metadata.name, uuid.uuid4().hex
            own_seed = derive_trial_seed(record.spec.seed, chosen) if seed is None else seed
            made = new_result(name, number=chosen, parameters=sample, seed=own_seed, provenance=record.spec.provenance)
            result = _marked(made, launch)
            try:
                kept = self._launch(record, result, launch)
            except BaseException:
                with self._lock:
                    self._next.pop(str(record.metadata.uid), None)  # or its number would be left out
                raise
            if kept is not None:
                self._news.launched(record, chosen)
                return as_result(kept)
            if number is not None:
                raise Conflict(
                    f"a trial's number is its own, and {result.metadata.name} is there already; leave number= out to"
                    " take the next free one",
                    status=409,
                )
            self._look_again(record, chosen)

    def _record(self, experiment: str | Experiment) -> Experiment:
        """Return the experiment's record as a server has it."""
        if isinstance(experiment, Experiment) and experiment.metadata.uid:
            return experiment
        return self._records.experiment(experiment_name(experiment))

    def _launch(self, record: Experiment, result: Result, launch: str) -> Document | None:
        """Create the Result and the Job and return the Result; None where their name is another's."""
        name = result.metadata.name
        job = job_for(record, result)  # before anything is created: this is where a template shows its faults
        job["metadata"]["annotations"][LAUNCH_ANNOTATION] = launch
        kept = self._create(RESULTS, result_document(record, result), launch)
        if kept is None:
            return None
        try:
            if self._create(JOBS, job, launch) is not None:
                return kept
        except Unreachable as error:
            raise Unreachable(
                f"it is not known whether {name} was launched: {error}; its Result tells once the server is back"
            ) from error
        except ClusterError as error:
            self._withdraw(name)
            raise type(error)(f"nothing was launched: {error}", status=error.status) from error
        self._withdraw(name)
        return None

    def _withdraw(self, name: str) -> None:
        with suppress(ClusterError):  # what kept the Job from being created tells more
            self._api.delete(RESULTS, name)

    def _create(self, kind: Kind, document: Document, launch: str) -> Document | None:
        """Create an object and return it, None where there is another's of that name."""
        try:
            return self._api.create(kind, document)
        except Conflict:
            pass
        # A request is sent again whose answer was lost: then the one that is there is this one.
        try:
            there = self._api.get(kind, document["metadata"]["name"])
        except ResourceNotFound:
            return None
        is_own = (there["metadata"].get("annotations") or {}).get(LAUNCH_ANNOTATION) == launch
        return there if is_own else None

    def _take_number(self, record: Experiment) -> int:
        """Return a number that seems free, and give it to nobody else in this process."""
        key = str(record.metadata.uid)
        with self._lock:
            if key not in self._next:
                self._next[key] = self._after_all(record)
            self._next[key] += 1
            return self._next[key] - 1

    def _look_again(self, record: Experiment, taken: int) -> None:
        """Go on after all numbers that are taken now, one of which was thought to be free."""
        key = str(record.metadata.uid)
        with self._lock:
            self._next[key] = max(self._next.get(key, 0), taken + 1, self._after_all(record))

    def _after_all(self, record: Experiment) -> int:
        listing = self._api.list(RESULTS, selector=selector(record.metadata.name))
        return max((int(document["spec"]["number"]) for document in listing.items), default=-1) + 1

    def _refuse_driven(self, record: Experiment) -> None:
        """See that no sweep gives out this experiment's numbers; one can only where there is a payload."""
        name = record.metadata.name
        if record.spec.payload is not None and self._records.is_driven(name):
            raise BackendError(
                f"one coordinator launches an experiment's trials, and a sweep drives {name!r} now; wait until it has"
                " ended, or create an experiment of your own"
            )


def _marked(result: Result, launch: str) -> Result:
    metadata = result.metadata.model_copy(update={"annotations": {LAUNCH_ANNOTATION: launch}})
    return result.model_copy(update={"metadata": metadata})
