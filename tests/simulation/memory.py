"""A backend that keeps its records in memory and runs its jobs as generators: real verbs, real time, no processes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

from expsdk.backends.base import Document, Kept, StopRequest, Update
from expsdk.backends.verdict import ended
from expsdk.errors import BackendError, ExperimentExists, ExperimentNotFound
from expsdk.packaging.payload import Payload
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result
from expsdk_runtime.contract import Phase, Reason

_TURN_S = 0.002
Status = dict[str, Any]
Function = Callable[["MemoryJob"], Generator[Status | None, None, None]]


@dataclass(eq=False)
class MemoryJob:
    """A trial that runs: a step of its function at every `wait`, which yields what it reports, or None.

    Attributes:
        number: The trial's number.
        attempt: Which attempt it is.
        document: Its Result.
        stop: What it was asked, or "".
        is_terminated: Whether it was told to end.
        is_killed: Whether it was ended at once.
        sentence: Why, as reason and message.
        steps: What it does.
    """

    number: int
    attempt: int
    document: Document
    stop: str = ""
    is_terminated: bool = False
    is_killed: bool = False
    sentence: tuple[str, str] | None = None
    steps: Iterator[Status | None] = field(default_factory=lambda: iter(()))


class MemoryRecords:
    """What is kept.

    Attributes:
        kept: All versions of each experiment's record, by name.
        payloads: The packed functions, by experiment.
        plans: The packed plans, by experiment.
        documents: The Results, by experiment and number.
        driven: The experiments that a coordinator drives.
        asked: What other processes have asked for and nobody has heard yet.
    """

    trials_outlive = False

    def __init__(self) -> None:
        self.kept: dict[str, list[Experiment]] = {}
        self.payloads: dict[str, Payload | None] = {}
        self.plans: dict[str, Payload | None] = {}
        self.documents: dict[str, dict[int, Document]] = {}
        self.driven: set[str] = set()
        self.asked: list[StopRequest] = []

    def experiment(self, name: str) -> Experiment:
        if name not in self.kept:
            raise ExperimentNotFound(f"no experiment {name!r} is kept in memory")
        return self.kept[name][-1]

    def experiments(self) -> list[Experiment]:
        return [versions[-1] for versions in self.kept.values()]

    def follow(self, name: str) -> Iterator[Document | None]:
        told: dict[str, str] = {}
        while True:
            self.experiment(name)
            for document in self.results(name):
                words = json.dumps(document, sort_keys=True)
                if told.get(document["metadata"]["name"]) != words:
                    told[document["metadata"]["name"]] = words
                    yield document
            yield None

    def results(self, name: str) -> list[Document]:
        return [document for _, document in sorted(self.documents[name].items())]

    def is_driven(self, name: str) -> bool:
        return name in self.driven

    def request_stop(self, name: str, request: StopRequest) -> None:
        self.asked.append(request)

    def take_in(self, kept: Kept) -> list[str]:
        name = kept.experiment.metadata.name
        self.kept[name] = [kept.experiment]
        self.documents[name] = {document["spec"]["number"]: document for document in kept.results}
        return []

    def dismiss(self, name: str) -> bool:
        """Do nothing: nobody is submitted here."""
        return False

    def logs(self, trial: str, *, follow: bool = False, previous: bool = False) -> Iterator[str]:
        return iter([f"{trial} says nothing\n"])

    def log_path(self, trial: str) -> str | None:
        return f"/logs/{trial}.txt"

    def payload(self, experiment: Experiment, *, plan: bool = False) -> bytes:
        payload = (self.plans if plan else self.payloads).get(experiment.metadata.name)
        if payload is None:
            raise BackendError("nothing of that kind is kept")
        return payload.content

    def project_root(self, name: str) -> str | None:
        return None

    def location(self, name: str) -> str:
        return f"memory/{name}"

    def address(self) -> dict[str, str]:
        return {"backend": "memory"}

    def delete(self, name: str) -> None:
        del self.kept[name], self.documents[name]


class MemoryBackend:
    """Runs trials as generators.

    Attributes:
        verbs: What was called, with the number of the trial where there is one.
        launched: The Results as they were launched.
    """

    notice = ""
    trouble = ""
    times_trials = False

    def __init__(self, function: Function, *, takes_ctrl_c: bool = True, records: MemoryRecords | None = None) -> None:
        self.records = records or MemoryRecords()
        self.takes_ctrl_c = takes_ctrl_c
        self.verbs: list[tuple[Any, ...]] = []
        self.launched: list[Result] = []
        self._function = function
        self._jobs: dict[int, MemoryJob] = {}
        self._updates: list[Update] = []
        self._woken = threading.Event()
        self._name = ""

    def create(self, experiment: Experiment, payload: Payload | None, *, plan: Payload | None = None) -> None:
        self._name = experiment.metadata.name
        if self._name in self.records.kept:
            raise ExperimentExists(f"{self._name!r} is kept in memory already")
        self.records.kept[self._name] = [experiment]
        self.records.payloads[self._name], self.records.plans[self._name] = payload, plan
        self.records.documents[self._name] = {}
        self.records.driven.add(self._name)

    def resume(self, experiment: Experiment, payload: Payload | None, *, plan: Payload | None = None) -> list[Update]:
        name = experiment.metadata.name
        self.records.experiment(name)
        if name in self.records.driven:
            raise BackendError(f"another coordinator drives {name!r}")
        self.verbs.append(("resume", payload is not None, plan is not None))
        self._name = name
        self.records.driven.add(name)
        self.keep(experiment)
        return [Update(number, document, alive=False) for number, document in sorted(self._documents.items())]

    def requests(self, experiment: Experiment) -> dict[str, float]:
        return {"cpu": 2.0, "gpu": 0.0}

    def record(self, result: Result, status: Document) -> None:
        number = result.spec.number
        self.verbs.append(("record", number))
        document = self._documents[number] = {**result.to_document(), "status": status}
        self._updates.append(Update(number, document, alive=False))

    def note(self, number: int, spec: Document) -> None:
        self.verbs.append(("note", number, spec))
        self._documents[number]["spec"].update(spec)

    def launch(self, result: Result, *, attempt: int) -> None:
        number = result.spec.number
        self.verbs.append(("launch", number, attempt))
        self.launched.append(result)
        document = self._documents[number] = result.to_document()
        document["status"]["attempt"] = attempt
        job = self._jobs[number] = MemoryJob(number, attempt, document)
        job.steps = self._function(job)

    def ask_stop(self, number: int, stop: str) -> None:
        self.verbs.append(("ask_stop", number, stop))
        if job := self._jobs.get(number):
            job.stop = job.document["spec"]["stop"] = stop

    def terminate(self, number: int, *, reason: str, message: str) -> None:
        self.verbs.append(("terminate", number, reason, message))
        if job := self._jobs.get(number):
            job.is_terminated, job.sentence = True, (reason, message)

    def kill(self, number: int, *, reason: str, message: str) -> None:
        self.verbs.append(("kill", number, reason, message))
        if job := self._jobs.get(number):
            job.is_killed, job.sentence = True, job.sentence or (reason, message)

    def wait(self, timeout_s: float | None) -> list[Update]:
        updates, self._updates = self._updates, []
        updates += [update for job in list(self._jobs.values()) for update in self._advance(job)]
        if not updates:
            self._woken.wait(_TURN_S if timeout_s is None else min(timeout_s, _TURN_S))
        self._woken.clear()
        return updates

    def stop_requests(self) -> list[StopRequest]:
        asked, self.records.asked = self.records.asked, []
        return asked

    def wake(self) -> None:
        self.verbs.append(("wake",))
        self._woken.set()

    def keep(self, experiment: Experiment) -> None:
        self.records.kept[self._name].append(experiment)

    def close(self) -> None:
        self.verbs.append(("close",))
        self._jobs.clear()
        self.records.driven.discard(self._name)

    @property
    def _documents(self) -> dict[int, Document]:
        return self.records.documents[self._name]

    def _advance(self, job: MemoryJob) -> list[Update]:
        """Let a job take its next step."""
        if job.is_killed:
            return [self._bury(job)]
        try:
            report = next(job.steps)
        except StopIteration:
            return [self._bury(job)]
        if report is None:
            return []
        job.document["status"] = {**job.document["status"], **report}
        return [Update(job.number, job.document, alive=True)]

    def _bury(self, job: MemoryJob) -> Update:
        del self._jobs[job.number]
        status = job.document["status"]
        if status["phase"] not in Phase.FINISHED:
            reason, message = job.sentence or (Reason.CRASHED, "the job ended without a word")
            job.document["status"] = ended(status, reason=reason, message=message)
        return Update(job.number, job.document, alive=False)
