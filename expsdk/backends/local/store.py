"""Records as files, written whole or not at all: the documents that Kubernetes would keep, one file each."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from expsdk.backends.base import Kept, StopRequest
from expsdk.backends.local import lock
from expsdk.backends.local.control import CONTROL, send
from expsdk.backends.local.disk import translating_disk_errors
from expsdk.backends.local.logs import LOG, LogReader, is_written, open_log
from expsdk.backends.local.taking_in import fill_in
from expsdk.backends.verdict import is_final
from expsdk.errors import BackendError, ExperimentExists, ExperimentNotFound, TrialNotFound
from expsdk.resources.experiment import Experiment
from expsdk.resources.names import trial_name
from expsdk.resources.result import Result
from expsdk.spelling import suggest
from expsdk_runtime.contract import Phase

DIRECTORY = ".expsdk"
LOCK = "lock"
ROOT = "root"
LEFT_WITHIN_S = 15.0
"""How long what a coordinator has left running may take to end, once it is gone."""
LOOK_EVERY_S = 0.5
HEARD_WITHIN_S = 5.0
"""How long a driver that begins or ends may take until it listens, or does not drive any more."""
_POLL_S = 0.05
READ_EVERY_S = 0.1
"""How often a log that is followed is looked at."""


class FileStore:
    """The experiments below one directory, `.expsdk` in the working directory unless told otherwise.

    Attributes:
        root: The directory.
    """

    trials_outlive = False

    def __init__(self, *, root: str | os.PathLike[str] | None = None) -> None:
        self.root = Path(root or os.environ.get("EXPSDK_ROOT") or DIRECTORY).absolute()

    def directory(self, name: str) -> Path:
        """Return where an experiment is kept."""
        return self.root / name

    def trial_directory(self, trial: str) -> Path:
        """Return the directory that is a trial's own."""
        return self.root / trial.rpartition("-")[0] / "trials" / trial

    def open_root(self) -> Path:
        """Make the directory that holds the experiments, which git passes over, and return it; may raise OSError."""
        self.root.mkdir(parents=True, exist_ok=True)
        ignore = self.root / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        return self.root

    def create(self, experiment: Experiment, *, fill: Callable[[Path], None] | None = None) -> TextIO:
        """Keep a new experiment and take it for this coordinator, as `lock` does; it is there whole or not at all.

        Args:
            experiment: Its record.
            fill: Puts in the directory in the making what else there is.

        Raises:
            ExperimentExists: The name is taken.
            StorageError: It cannot be written; nothing is left of it.
        """
        name = experiment.metadata.name
        directory = self.directory(name)
        # Made under another name: a coordinator may be killed meanwhile, and whoever finds the record finds it taken.
        making = self.root / f".{name}.{secrets.token_hex(4)}"
        with translating_disk_errors(directory):
            self.open_root()
            if directory.exists():
                raise _taken(directory)
            making.mkdir()
        taken: TextIO | None = None
        try:
            with translating_disk_errors(directory):
                taken = lock.take(making / LOCK, name)
                (making / "results").mkdir()
                (making / "trials").mkdir()
                self._write(making / "experiment.json", experiment.to_document())
                if fill is not None:
                    fill(making)
                try:
                    making.rename(directory)
                except OSError as error:
                    raise _taken(directory) if directory.exists() else error from None
        except BaseException:
            if taken is not None:
                lock.release(taken)
            shutil.rmtree(making, ignore_errors=True)
            raise
        return taken

    def take_in(self, kept: Kept) -> list[str]:
        """Keep an experiment that comes from elsewhere, with what its trials wrote; see `Records.take_in`."""
        fill = partial(fill_in, kept, directory_of=self.trial_directory, write=self._write)
        lock.release(self.create(kept.experiment, fill=fill))
        return []

    def write_experiment(self, experiment: Experiment) -> None:
        """Keep an experiment's record as it is now."""
        self._write(self.directory(experiment.metadata.name) / "experiment.json", experiment.to_document())

    def write_result(self, document: dict[str, Any]) -> None:
        """Keep a Result as it is now."""
        self._write(self._result_path(document["spec"]["experiment"], document["metadata"]["name"]), document)

    def experiment(self, name: str) -> Experiment:
        """Return an experiment's record; raises `ExperimentNotFound`."""
        path = self.directory(name) / "experiment.json"
        try:
            return Experiment.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            names = self.names()
            remedy = suggest(name, names, otherwise="give its name as `run()` printed it, or the directory with root=")
            raise ExperimentNotFound(
                f"no experiment {name!r} is kept in {self.root} (there: {', '.join(names) or 'none'}); {remedy}"
            ) from None

    def names(self) -> list[str]:
        """Return the names of all experiments, sorted."""
        return sorted(path.parent.name for path in self.root.glob("[!.]*/experiment.json"))

    def trial_names(self, name: str) -> list[str]:
        """Return the names of an experiment's trials, by number."""
        return [path.stem for path in self._result_paths(name)]

    def results(self, name: str) -> list[dict[str, Any]]:
        """Return the Results of an experiment, by number."""
        documents = []
        for path in self._result_paths(name):
            with suppress(FileNotFoundError):  # the experiment is being deleted
                documents.append(json.loads(path.read_bytes()))
        return documents

    def result(self, trial: str) -> dict[str, Any]:
        """Return a trial's Result; raises `TrialNotFound`."""
        try:
            document: dict[str, Any] = json.loads(self._result_path(trial.rpartition("-")[0], trial).read_bytes())
        except FileNotFoundError:
            raise TrialNotFound(
                f"no trial {trial!r} is kept in {self.root}; give its name as results show it"
            ) from None
        return document

    def record(self, result: Result, status: dict[str, Any]) -> dict[str, Any]:
        """Keep a Result whose trial need not run, with its status, and return it."""
        document = {**result.to_document(), "status": status}
        self.write_result(document)
        return document

    def note(self, trial: str, spec: dict[str, Any]) -> None:
        """Add to the spec of a trial's Result; raises `TrialNotFound`."""
        document = self.result(trial)
        document["spec"].update(spec)
        self.write_result(document)

    def experiments(self) -> list[Experiment]:
        """Return the records of all experiments, by name."""
        found = []
        for name in self.names():
            with suppress(ExperimentNotFound):  # it has just been deleted
                found.append(self.experiment(name))
        return found

    def payload(self, experiment: Experiment, *, plan: bool = False) -> bytes:
        """Return an experiment's packed function, or its packed plan, as it was kept.

        Raises:
            BackendError: There is none, or it is not what was kept.
        """
        name, what = experiment.metadata.name, "packed plan" if plan else "payload"
        reference = experiment.spec.plan if plan else experiment.spec.payload
        if reference is None:
            raise BackendError(f"what is read was kept, and the experiment {name!r} has no {what}")
        path = self.directory(name) / reference.file
        remedy = "take the experiment up from the script that defines it: run(resume=True)"
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BackendError(
                f"the {what} of {name!r} is kept in {path}, which cannot be read ({error.strerror}); {remedy}"
            ) from error
        if f"sha256:{hashlib.sha256(content).hexdigest()}" != reference.digest:
            raise BackendError(f"the {what} of {name!r} in {path} was changed since it was kept; {remedy}")
        return content

    def follow(self, name: str) -> Iterator[dict[str, Any] | None]:
        """Yield each Result as it is and whenever it has changed, and None where none has; see `Records.follow`."""
        seen: dict[Path, int] = {}
        while True:
            self.experiment(name)
            changed = False
            for path in self._result_paths(name):
                with suppress(FileNotFoundError):  # the experiment is being deleted
                    written = path.stat().st_mtime_ns
                    if seen.get(path) != written:
                        seen[path] = written
                        changed = True
                        yield json.loads(path.read_bytes())
            if not changed:
                yield None
            time.sleep(LOOK_EVERY_S)

    def is_driven(self, name: str) -> bool:
        """Whether a coordinator drives the experiment now: it holds the lock."""
        return lock.is_taken(self.directory(name) / LOCK)

    def request_stop(self, name: str, request: StopRequest) -> None:
        """Ask the process that drives an experiment, on this machine; see `Records.request_stop`."""
        self.experiment(name)
        path, give_up_at = self.directory(name) / CONTROL, time.monotonic() + HEARD_WITHIN_S
        while self.is_driven(name):
            driver = f"process {lock.driver_of(self.directory(name) / LOCK)}"
            try:
                if send(path, request):
                    return
            except PermissionError as error:
                raise BackendError(
                    f"a sweep is stopped by the user who drives it, and {driver}, which drives {name!r}, is"
                    f" {_owner_of(path)}'s; ask them"
                ) from error
            if time.monotonic() > give_up_at:
                raise BackendError(
                    f"a sweep is stopped through {path}, and {driver}, which drives {name!r}, does not listen there: it"
                    " runs on the debug backend, on another machine, or on a disk without FIFOs; press Ctrl-C there"
                )
            time.sleep(_POLL_S)  # it has just begun, or is just ending
        raise BackendError(f"a sweep that somebody drives is stopped, and nobody drives {name!r} now; it runs no trial")

    def dismiss(self, name: str) -> bool:  # noqa: ARG002
        """Return False: whoever drives an experiment here is a process of the user's."""
        return False

    def lock(self, name: str, *, patience_s: float = 0.0) -> TextIO:
        """Take the experiment for this coordinator, as long as the returned file is open.

        Args:
            name: The experiment's name.
            patience_s: How long to wait for what another one has left running, in seconds.

        Raises:
            BackendError: Another coordinator drives it.
        """
        path = self.directory(name) / LOCK
        with translating_disk_errors(path):
            return lock.take(path, name, patience_s=patience_s)

    def logs(self, trial: str, *, follow: bool = False, previous: bool = False) -> Iterator[str]:
        """Yield the lines that a trial printed, standard output and error together; see `Records.logs`."""
        attempt = self.result(trial)["status"]["attempt"] - previous
        if attempt < 1:
            raise TrialNotFound(
                f"an earlier log is of an earlier attempt, and {trial!r} is in its first; leave previous out"
            )
        if follow and not previous:
            yield from self._follow_log(trial, attempt)
            return
        file = open_log(self.trial_directory(trial), attempt)
        if file is not None:
            with file:
                reader = LogReader(file)
                yield from reader.lines()
                yield from reader.last()

    def _follow_log(self, trial: str, attempt: int) -> Iterator[str]:
        """Yield what a trial prints until it has ended, from this attempt on to its last."""
        reader: LogReader | None = None
        try:
            while True:
                # All that counts is looked at before the log: what was printed until then is read below.
                status = self.result(trial)["status"]
                if reader is None:
                    file = open_log(self.trial_directory(trial), attempt)
                    reader = LogReader(file) if file is not None else None
                is_over = status["attempt"] > attempt or not self._may_print(trial, status, reader)
                if reader is not None:
                    yield from reader.lines()
                if not is_over:
                    time.sleep(READ_EVERY_S)
                    continue
                if reader is not None:
                    yield from reader.last()
                    reader.file.close()
                    reader = None
                if status["attempt"] == attempt:
                    return
                attempt += 1
        finally:
            if reader is not None:
                reader.file.close()

    def _may_print(self, trial: str, status: dict[str, Any], reader: LogReader | None) -> bool:
        """Whether this attempt at a trial, or another one after it, may print something yet."""
        name = trial.rpartition("-")[0]
        if not self.is_driven(name):
            return False
        if status["phase"] not in Phase.FINISHED or (reader is not None and is_written(reader.file)):
            return True
        # What is to be tried again is not over; whoever drives the sweep may think otherwise, and ends soon then.
        return not is_final(status, retries=self.experiment(name).spec.retries)

    def log_path(self, trial: str) -> str | None:
        """Return the file with what a trial's last attempt printed, or None where nothing of that was kept."""
        path = self.trial_directory(trial) / LOG
        return str(path) if path.exists() else None

    def project_root(self, name: str) -> str | None:
        """Return the user's own project, as whoever created the experiment noted it, if that is there still."""
        try:
            root = (self.directory(name) / ROOT).read_text()
        except OSError:
            return None
        return root if Path(root).is_dir() else None

    def location(self, name: str) -> str:
        """Return the experiment's directory, relative to the working directory where it is below it."""
        directory = self.directory(name)
        try:
            here = Path.cwd()
        except FileNotFoundError:  # it has been deleted
            return str(directory)
        return str(directory.relative_to(here) if directory.is_relative_to(here) else directory)

    def address(self) -> dict[str, str]:
        """Return the directory as `root`, where it is not the one that is looked in first."""
        try:
            is_default = self.root == Path(DIRECTORY).absolute()
        except FileNotFoundError:  # the working directory has been deleted
            is_default = False
        return {} if is_default else {"root": str(self.root)}

    def delete(self, name: str) -> None:
        """Delete an experiment's directory; raises `ExperimentNotFound`."""
        self.experiment(name)
        if self.is_driven(name):
            raise BackendError(
                f"an experiment that runs is not deleted, and a process drives {name!r} now; end it first"
            )
        with translating_disk_errors(self.directory(name)):
            shutil.rmtree(self.directory(name))

    def prepare_trial(self, experiment: str, number: int) -> Path:
        """Make the directory of a trial and return it."""
        directory = self.trial_directory(trial_name(experiment, number))
        with translating_disk_errors(directory):
            directory.mkdir(exist_ok=True)
        return directory

    def _result_path(self, experiment: str, trial: str) -> Path:
        return self.directory(experiment) / "results" / f"{trial}.json"

    def _result_paths(self, experiment: str) -> list[Path]:
        """Return the files of an experiment's Results, by number."""
        found = (self.directory(experiment) / "results").glob("*.json")
        return sorted(found, key=lambda path: (len(path.name), path.name))

    def _write(self, path: Path, document: dict[str, Any]) -> None:
        partial = f"{path}.partial"
        with translating_disk_errors(path):
            with open(partial, "w", encoding="utf-8") as file:  # noqa: PTH123 - twice as quick as Path.open
                file.write(json.dumps(document, separators=(",", ":")))
            os.replace(partial, path)  # noqa: PTH105


def _taken(directory: Path) -> ExperimentExists:
    return ExperimentExists(
        f"an experiment's name is unique, and {directory.name!r} is kept in {directory} already; give another name=,"
        " or go on with that one: run(resume=True)"
    )


def _owner_of(path: Path) -> str:
    """Return the name of the user to whom a file belongs, or its number where it has none."""
    try:
        return path.owner()
    except KeyError:
        return f"user {path.stat().st_uid}"
