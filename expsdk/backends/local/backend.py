"""The embedded backend: every trial a process of this machine, its events through pipes, its records as files."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from expsdk.backends.base import Document, StopRequest, Update
from expsdk.backends.local.control import CONTROL, Control
from expsdk.backends.local.disk import translating_disk_errors
from expsdk.backends.local.launch import LauncherProcess, end_of
from expsdk.backends.local.lock import release
from expsdk.backends.local.logs import LOG, set_log_aside
from expsdk.backends.local.store import LEFT_WITHIN_S, FileStore
from expsdk.backends.local.workspace import Workspace, assign, cores_of
from expsdk.backends.verdict import Sentence, ended, judge
from expsdk.errors import BackendError, TrialNotFound
from expsdk.packaging.payload import Payload
from expsdk.resources.experiment import Experiment
from expsdk.resources.names import trial_name
from expsdk.resources.result import Result
from expsdk_runtime.contract import Phase, Reason, Stop
from expsdk_runtime.journal import FILE_NAME as JOURNAL
from expsdk_runtime.sinks import read_last_status


@dataclass(slots=True)
class _Job:
    """A trial's process, as its coordinator sees it."""

    document: Document
    attempt: int
    connection: socket.socket
    directory: Path
    received: bytes = b""
    sentence: Sentence | None = None


class LocalBackend:
    """Runs trials as processes that are forked from one that has the user's imports loaded.

    See `expsdk.backends.base.Backend` for the contract and `expsdk.backends.local.launcher` for the processes.
    """

    times_trials = False
    trouble = ""
    takes_ctrl_c = True

    def __init__(self, *, root: str | os.PathLike[str] | None = None) -> None:
        """Make the backend; nothing is written or started yet.

        Args:
            root: Where experiments are kept; by default `$EXPSDK_ROOT`, or `.expsdk` in the working directory.
        """
        self.records = FileStore(root=root)
        self.notice = ""
        self._selector = selectors.DefaultSelector()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_writer.settimeout(0)
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        self._jobs: dict[int, _Job] = {}
        self._updates: list[Update] = []
        self._launcher: LauncherProcess | None = None
        self._workspace: Workspace | None = None
        self._lock: TextIO | None = None
        self._control: Control | None = None

    def create(self, experiment: Experiment, payload: Payload, *, plan: Payload | None = None) -> None:
        """Keep the experiment, unpack its payload and load the function; see `Backend.create`."""
        self._lock = self.records.create(experiment)
        try:
            self._listen(experiment)
            self._keep_plan(experiment, plan)
            self._workspace = Workspace.prepare(self.records, experiment, payload)
            self._start_launcher()
        except BaseException:
            self.close()
            with suppress(BackendError):  # what has been raised already tells more
                self.records.delete(experiment.metadata.name)
            raise

    def resume(self, experiment: Experiment, payload: Payload | None, *, plan: Payload | None = None) -> list[Update]:
        """Take up an experiment, once nothing of its former coordinator runs any more; see `Backend.resume`.

        No trial is alive here: those that ran ended with their coordinator. What they said at their end is kept.
        """
        name = experiment.metadata.name
        self.records.experiment(name)
        self._lock = self.records.lock(name, patience_s=LEFT_WITHIN_S)
        try:
            self._listen(experiment)
            self._keep_plan(experiment, plan)
            self._workspace = Workspace.reopen(self.records, experiment, payload)
            self.records.write_experiment(experiment)
            documents = [self._with_last_words(document) for document in self.records.results(name)]
            self._start_launcher()
        except BaseException:
            self.close()
            raise
        return [Update(document["spec"]["number"], document, alive=False) for document in documents]

    def requests(self, experiment: Experiment) -> dict[str, float]:
        """Return a trial's share of this machine's cores; GPUs are not shared out."""
        return {"cpu": float(cores_of(experiment)), "gpu": 0.0}

    def record(self, result: Result, status: Document) -> None:
        """Keep a Result with its status; no process is started."""
        self._updates.append(Update(result.spec.number, self.records.record(result, status), alive=False))
        self.wake()

    def note(self, number: int, spec: Document) -> None:
        """Add to the spec of a Result."""
        assert self._workspace is not None, "create or resume comes before note"
        self.records.note(trial_name(self._workspace.directory.name, number), spec)

    def launch(self, result: Result, *, attempt: int) -> None:
        """Keep the Result and start a process for it; another attempt's goes on from what the former ones left."""
        assert self._workspace is not None, "create or resume comes before launch"
        if self._launcher is None:
            self._start_launcher()
        number = result.spec.number
        document = result.to_document()
        directory = self.records.prepare_trial(result.spec.experiment, number)
        if attempt > 1:
            document["status"] = self._status_of_next(result, attempt)
            with translating_disk_errors(directory):
                set_log_aside(directory, attempt - 1)
        self.records.write_result(document)
        assignment = assign(result, attempt=attempt, objectives=self._workspace.objectives, directory=directory)
        ours, theirs = _make_pair()
        job = self._jobs[number] = _Job(document, attempt, ours, directory)
        with theirs:
            self._selector.register(ours, selectors.EVENT_READ, number)
            try:
                self._launcher.launch(number, log=directory / LOG, descriptor=theirs.fileno())  # type: ignore[union-attr]
            except OSError:  # it is gone, which `wait` will see; this trial is lost with the others
                return
        with suppress(OSError):  # the process has ended already, which `wait` will see
            job.connection.sendall(assignment.to_json().encode() + b"\n")
        job.connection.settimeout(0)

    def ask_stop(self, number: int, stop: str) -> None:
        """Write the stop into the Result and tell the trial."""
        job = self._jobs.get(number)
        if job is not None:
            job.document["spec"]["stop"] = stop
            self.records.write_result(job.document)
            with suppress(OSError):  # its process has just ended
                job.connection.sendall(b'{"stop":"%s"}\n' % stop.encode())

    def terminate(self, number: int, *, reason: str, message: str) -> None:
        """Send SIGTERM to the trial's own process, which flushes and ends."""
        self._send(number, signal.SIGTERM, Sentence(reason, message), group=False)

    def kill(self, number: int, *, reason: str, message: str) -> None:
        """Send SIGKILL to the trial's process and all that it started."""
        self._send(number, signal.SIGKILL, Sentence(reason, message), group=True)

    def wait(self, timeout_s: float | None) -> list[Update]:
        """Return what changed; see `Backend.wait`."""
        for key, _ in self._selector.select(0 if self._updates else timeout_s):
            if key.fileobj is self._wake_reader:
                self._wake_reader.recv(4096)
            elif key.fileobj is self._control:  # what is in it is read by `stop_requests`
                continue
            elif key.data is None:
                self._hear_launcher()
            elif key.data in self._jobs:  # it may have ended a moment ago
                self._hear_trial(key.data)
        updates, self._updates = self._updates, []
        return updates

    def stop_requests(self) -> list[StopRequest]:
        """Return what other processes of this machine have asked for since the last call."""
        return [] if self._control is None else self._control.requests()

    def wake(self) -> None:
        """Make `wait` return."""
        with suppress(OSError):  # full of earlier wakes, or closed
            self._wake_writer.send(b"!")

    def keep(self, experiment: Experiment) -> None:
        """Write the experiment's record."""
        self.records.write_experiment(experiment)

    def close(self) -> None:
        """End the launcher, and with it whatever still runs."""
        if self._launcher is not None:
            self._launcher.close()
            self._launcher = None
        for job in self._jobs.values():
            job.connection.close()
        self._jobs.clear()
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._lock is not None:
            release(self._lock)
            self._lock = None
        self._selector.close()
        self._wake_reader.close()
        self._wake_writer.close()

    def _listen(self, experiment: Experiment) -> None:
        """Let other processes ask for the end of the sweep, or of a trial, where the disk can."""
        with suppress(OSError):  # it has no FIFOs: the sweep runs all the same, and Ctrl-C ends it
            self._control = Control(self.records.directory(experiment.metadata.name) / CONTROL)
            self._selector.register(self._control, selectors.EVENT_READ)

    def _keep_plan(self, experiment: Experiment, plan: Payload | None) -> None:
        if plan is not None:
            directory = self.records.directory(experiment.metadata.name)
            with translating_disk_errors(directory):
                plan.write(directory)

    def _with_last_words(self, document: Document) -> Document:
        """Return a Result with what its trial said, or did, when nobody listened any more."""
        status = document["status"]
        if status["phase"] in Phase.FINISHED:
            return document
        if document["spec"]["stop"] == Stop.CANCELLED:
            status = ended(status, reason=Reason.CANCELLED, message="the trial was asked to stop, and ended unheard")
            document = {**document, "status": status}
            self.records.write_result(document)
            return document
        directory = self.records.trial_directory(document["metadata"]["name"])
        said = read_last_status(str(directory), attempt=status["attempt"])
        has_logged = status["attempt"] == 1 and (directory / JOURNAL).exists()
        if said is not None and said["reason"] != Reason.PREEMPTED:
            status = said
        elif status["phase"] == Phase.PENDING and (said is not None or has_logged):
            # It had begun already: another attempt goes on from its checkpoints, with the metrics that belong to them.
            status = {**status, "phase": Phase.RUNNING}
        else:
            return document
        document = {**document, "status": status}
        self.records.write_result(document)
        return document

    def _status_of_next(self, result: Result, attempt: int) -> dict[str, Any]:
        """Return the status with which another attempt begins: with the metrics of the former ones."""
        try:
            former: dict[str, Any] = self.records.result(result.metadata.name)["status"]
        except TrialNotFound:
            former = {}
        begun = {"phase": Phase.PENDING, "reason": "", "message": "", "attempt": attempt}
        return {key: value for key, value in {**former, **begun}.items() if key not in ("startTime", "completionTime")}

    def _start_launcher(self) -> None:
        assert self._workspace is not None, "create or resume comes before launch"
        assert self._lock is not None, "it is held as long as the experiment is driven"
        self._launcher = self._workspace.start_launcher(self._lock)
        self._selector.register(self._launcher.connection, selectors.EVENT_READ)
        notice = self._launcher.notice
        self.notice = notice and f"each trial starts a fresh interpreter, which takes longer than a fork: {notice}"

    def _send(self, number: int, signum: signal.Signals, sentence: Sentence, *, group: bool) -> None:
        job = self._jobs.get(number)
        if job is not None and self._launcher is not None:
            job.sentence = job.sentence or sentence
            self._launcher.signal(number, signum, group=group)

    def _hear_trial(self, number: int) -> None:
        """Take in what a trial reported; of several statuses the last one counts."""
        job = self._jobs[number]
        status = self._drain(job)
        if status is not None:
            job.document["status"] = status
            self.records.write_result(job.document)
            self._updates.append(Update(number, job.document, alive=True))

    def _drain(self, job: _Job) -> dict[str, Any] | None:
        """Return the last status that has arrived whole since the last call, if any has."""
        chunks = [job.received]
        try:
            while chunk := job.connection.recv(262_144):
                chunks.append(chunk)
            self._deafen(job)
        except BlockingIOError:
            pass
        except OSError:
            self._deafen(job)
        *lines, job.received = b"".join(chunks).split(b"\n")
        return next(filter(None, map(_parse, reversed(lines))), None)

    def _deafen(self, job: _Job) -> None:
        """Listen no more to a trial that has closed its side: its launcher tells when it ends."""
        with suppress(KeyError):
            self._selector.unregister(job.connection)

    def _hear_launcher(self) -> None:
        assert self._launcher is not None, "it is registered as long as it is there"
        reports = self._launcher.reports()
        if reports is None:
            self._lose_launcher()
            return
        for report in reports:
            if report["ended"] in self._jobs:
                self._bury(report["ended"], report["status"], report.get("error", ""))

    def _bury(self, number: int, wait_status: int | None, error: str) -> None:
        """Write how a trial ended whose process has ended, or could not be started."""
        job = self._jobs[number]
        status = self._last_status(job)
        if wait_status is None:
            status = ended(status, reason=Reason.LAUNCH_FAILED, message=error)
        else:
            # Reading the log's end costs more than all else here: only a trial that did not say how it ended needs it.
            words = "" if status["phase"] in Phase.FINISHED else end_of(job.directory / LOG)
            status = judge(status, os.waitstatus_to_exitcode(wait_status), job.sentence, words)
        self._close_job(number, status)

    def _lose_launcher(self) -> None:
        """Write off what ran under a launcher that has ended; the next launch starts another."""
        assert self._launcher is not None, "it was there until now"
        self._selector.unregister(self._launcher.connection)
        self._launcher.close()
        how = self._launcher.ending
        self._launcher = None
        message = f"the process that starts trials ended{how and ' '}{how}, and this trial ended with it"
        for number, job in list(self._jobs.items()):
            status = self._last_status(job)
            if status["phase"] not in Phase.FINISHED:
                status = ended(status, reason=Reason.LOST, message=message)
            self._close_job(number, status)

    def _last_status(self, job: _Job) -> dict[str, Any]:
        """Return the last that a trial whose process has ended said of itself, here or where nobody listened."""
        status = self._drain(job) or job.document["status"]
        if status["phase"] in Phase.FINISHED:
            return status
        return read_last_status(str(job.directory), attempt=job.attempt) or status

    def _close_job(self, number: int, status: dict[str, Any]) -> None:
        job = self._jobs.pop(number)
        self._deafen(job)
        job.connection.close()
        job.document["status"] = status
        self.records.write_result(job.document)
        self._updates.append(Update(number, job.document, alive=False))


def _parse(line: bytes) -> dict[str, Any] | None:
    """Return a status, or None where it is none: the user's code may have written into the socket."""
    try:
        status = json.loads(line)
    except ValueError:
        return None
    return status if isinstance(status, dict) and "phase" in status else None


def _make_pair() -> tuple[socket.socket, socket.socket]:
    try:
        return socket.socketpair()
    except OSError as error:
        raise BackendError(
            f"each running trial takes a file descriptor of the coordinator's, and there is none left"
            f" ({error.strerror}); raise the limit (ulimit -n) or lower parallelism="
        ) from error
