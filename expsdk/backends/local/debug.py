"""The debug backend: trials one at a time in this very process, so that breakpoints and pdb work."""

from __future__ import annotations

import gc
import os
import sys
from collections import deque
from contextlib import suppress
from typing import Any, TextIO

from expsdk.backends.base import Document, StopRequest, Update
from expsdk.backends.local.disk import translating_disk_errors
from expsdk.backends.local.lock import release
from expsdk.backends.local.store import FileStore
from expsdk.backends.local.workspace import assign
from expsdk.backends.verdict import ended
from expsdk.errors import BackendError, StorageError
from expsdk.packaging.payload import Payload
from expsdk.resources.experiment import Experiment
from expsdk.resources.names import trial_name
from expsdk.resources.result import Result
from expsdk_runtime import autolog
from expsdk_runtime.bootstrap import LOCAL_INTERVAL_S
from expsdk_runtime.contract import Phase, Reason
from expsdk_runtime.debugging import debugged, examine
from expsdk_runtime.runner import run_trial
from expsdk_runtime.seeding import seeded


class DebugBackend:
    """Runs the function as it is in this process: what it prints is shown, and a debugger stops in it.

    Records are kept as the local backend keeps them. Nothing isolates the trials, and nothing ends one that hangs but
    Ctrl-C, which ends the sweep.
    """

    times_trials = False
    trouble = ""
    takes_ctrl_c = False
    notice = "trials run one at a time in this process, without time limits"

    def __init__(self, *, root: str | os.PathLike[str] | None = None, post_mortem: bool = False) -> None:
        """Make the backend; nothing is written yet.

        Args:
            root: Where experiments are kept; by default `$EXPSDK_ROOT`, or `.expsdk` in the working directory.
            post_mortem: Whether a trial that fails starts pdb where it failed.
        """
        self.records = FileStore(root=root)
        self._post_mortem = post_mortem
        self._waiting: deque[tuple[Result, int]] = deque()
        self._name = ""
        self._payload: Payload | None = None
        self._objectives: list[tuple[str, str]] = []
        self._updates: list[Update] = []
        self._is_interrupted = False
        self._lock: TextIO | None = None

    def create(self, experiment: Experiment, payload: Payload, *, plan: Payload | None = None) -> None:
        """Keep the experiment and its payload; the function is the one that was packed, as it is here."""
        self._lock = self.records.create(experiment)
        directory = self.records.directory(experiment.metadata.name)
        try:
            with translating_disk_errors(directory):
                payload.write(directory)
                if plan is not None:
                    plan.write(directory)
        except BaseException:
            self.close()
            with suppress(BackendError):  # what has been raised already tells more
                self.records.delete(experiment.metadata.name)
            raise
        self._begin(experiment, payload)

    def resume(self, experiment: Experiment, payload: Payload | None, *, plan: Payload | None = None) -> list[Update]:  # noqa: ARG002 - it is kept already
        """Take up an experiment with the function as it is in this process; see `Backend.resume`.

        Raises:
            BackendError: The function is not at hand.
        """
        name = experiment.metadata.name
        self.records.experiment(name)
        if payload is None:
            raise BackendError(
                f"the debug backend runs the function as it is in this process, and that of {name!r} is not the one it"
                " began with, or its script is not at hand; run that script as it was, with run('debug', resume=True),"
                " or take the sweep up with backend='local'"
            )
        self._lock = self.records.lock(name)
        self.records.write_experiment(experiment)
        self._begin(experiment, payload)
        return [Update(document["spec"]["number"], document, alive=False) for document in self.records.results(name)]

    def requests(self, experiment: Experiment) -> dict[str, float]:  # noqa: ARG002 - one trial runs at a time
        """Return the one core that this process has."""
        return {"cpu": 1.0, "gpu": 0.0}

    def record(self, result: Result, status: Document) -> None:
        """Keep a Result with its status; nothing runs."""
        self._updates.append(Update(result.spec.number, self.records.record(result, status), alive=False))

    def note(self, number: int, spec: Document) -> None:
        """Add to the spec of a Result."""
        self.records.note(trial_name(self._name, number), spec)

    def _begin(self, experiment: Experiment, payload: Payload) -> None:
        self._name = experiment.metadata.name
        self._payload = payload
        self._objectives = [(each.metric, each.direction) for each in experiment.spec.objectives]

    def launch(self, result: Result, *, attempt: int) -> None:
        """Keep the Result; the trial runs in the next `wait`."""
        self.records.write_result(result.to_document())
        self._waiting.append((result, attempt))

    def ask_stop(self, number: int, stop: str) -> None:
        """Let a trial that has not begun never begin; `stop` is always "cancelled" for those."""
        self._drop(number, reason=Reason.INTERRUPTED, message=f"{stop} before it began")

    def terminate(self, number: int, *, reason: str, message: str) -> None:
        """Let a trial that has not begun never begin."""
        self._drop(number, reason=reason, message=message)

    def kill(self, number: int, *, reason: str, message: str) -> None:
        """Let a trial that has not begun never begin."""
        self._drop(number, reason=reason, message=message)

    def wait(self, timeout_s: float | None) -> list[Update]:  # noqa: ARG002 - there is nothing to wait for
        """Run the next trial to its end.

        Raises:
            KeyboardInterrupt: The trial was ended from outside: by Ctrl-C, in its debugger, or by SIGTERM. What changed
                is for the next call to return.
        """
        if self._waiting and not self._updates:
            result, attempt = self._waiting.popleft()
            self._updates.append(self._run(result, attempt))
        if self._is_interrupted:
            self._is_interrupted = False
            raise KeyboardInterrupt
        updates, self._updates = self._updates, []
        return updates

    def stop_requests(self) -> list[StopRequest]:
        """Return nothing: trials run in this very process, where nobody could listen meanwhile."""
        return []

    def wake(self) -> None:
        """Do nothing: `wait` never waits."""

    def keep(self, experiment: Experiment) -> None:
        """Write the experiment's record."""
        self.records.write_experiment(experiment)

    def close(self) -> None:
        """Forget what has not begun; there is nothing to end."""
        self._waiting.clear()
        if self._lock is not None:
            release(self._lock)
            self._lock = None

    def _run(self, result: Result, attempt: int) -> Update:
        assert self._payload is not None, "create comes before launch"
        directory = self.records.prepare_trial(result.spec.experiment, result.spec.number)
        assignment = assign(result, attempt=attempt, objectives=self._objectives, directory=directory)
        sink = _RecordSink(self.records, result.to_document())
        function = self._payload.function
        gc.collect()  # what is left of the former trial: a debugger would step into its end
        if self._payload.manifest["autolog"]:
            autolog.enable()
        else:
            autolog.disable()
        print(f"expsdk: {assignment.name}: {result.spec.summary}", file=sys.stderr)
        try:
            run_trial(
                seeded(
                    lambda: debugged(function, examine=self._examine if self._post_mortem else None), assignment.seed
                ),
                assignment,
                sink,
                digest=self._payload.digest,
                imports=self._payload.manifest["imports"],
            )
        except KeyboardInterrupt:  # before the function began, or after it ended
            self._is_interrupted = True
        status = sink.document["status"]
        if status["phase"] not in Phase.FINISHED:
            message = "interrupted before its end was reported"
            sink.report(ended(status, reason=Reason.INTERRUPTED, message=message))
        if sink.error is not None:
            raise sink.error
        self._is_interrupted |= status["reason"] in {Reason.INTERRUPTED, Reason.PREEMPTED}
        return Update(result.spec.number, sink.document, alive=False)

    def _examine(self, error: Exception) -> None:
        self._is_interrupted = examine(error)

    def _drop(self, number: int, *, reason: str, message: str) -> None:
        for result, attempt in list(self._waiting):
            if result.spec.number == number:
                self._waiting.remove((result, attempt))
                document = result.to_document()
                document["status"] = ended(document["status"], reason=reason, message=message)
                self.records.write_result(document)
                self._updates.append(Update(number, document, alive=False))


class _RecordSink:
    """Writes a trial's statuses straight into its record.

    Attributes:
        document: The record.
        error: Why it could not be written the last time; trying again is the coordinator's to decide.
    """

    interval_s = LOCAL_INTERVAL_S

    def __init__(self, store: FileStore, document: Document) -> None:
        self.document = document
        self.error: StorageError | None = None
        self._store = store

    def report(self, status: dict[str, Any]) -> None:
        """Write the record."""
        self.document["status"] = status
        try:
            self._store.write_result(self.document)
            self.error = None
        except StorageError as error:
            self.error = error

    def stop(self) -> str:
        """Return "": nobody can ask, since the coordinator waits for the trial."""
        return ""

    def listen(self) -> None:
        """Return None: nothing comes back."""
