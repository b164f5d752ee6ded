"""The contract of every backend: few verbs, the same records, one conformance suite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from expsdk.packaging.payload import Payload
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Update:
    """A trial's record changed.

    Attributes:
        number: The trial's number.
        document: Its Result as it is now, as JSON values.
        alive: Whether its job may still be there.
    """

    number: int
    document: Document
    alive: bool


@dataclass(frozen=True, slots=True)
class StopRequest:
    """Another process wants a sweep, or one of its trials, to end.

    Attributes:
        number: The trial's number, which is not to be tried again; None means the sweep, as Ctrl-C does.
    """

    number: int | None = None


@dataclass(frozen=True)
class Kept:
    """All that is kept of an experiment, on its way from one place to another.

    Attributes:
        experiment: Its record.
        results: Its Results, by number.
        payload: The packed function, or None where that is not kept with it.
        plan: The packed plan, or None where there is none.
        outputs: Directories with what trials wrote and printed, by the trial's name.
    """

    experiment: Experiment
    results: Sequence[Document]
    payload: bytes | None = None
    plan: bytes | None = None
    outputs: Mapping[str, Path] = field(default_factory=dict)


class Records(Protocol):
    """Reads what a backend keeps; several processes may, while a sweep runs.

    Attributes:
        trials_outlive: Whether trials go on when their coordinator ends; else those that had not ended are lost.
    """

    trials_outlive: bool

    def experiment(self, name: str) -> Experiment:
        """Return an experiment's record; raises `ExperimentNotFound`."""

    def results(self, name: str) -> list[Document]:
        """Return the Results of an experiment, as JSON values, by number."""

    def names(self) -> list[str]:
        """Return the names of all experiments that are kept in this place, sorted."""

    def trial_names(self, name: str) -> list[str]:
        """Return the names of an experiment's trials, by number; none where there is no such experiment."""

    def result(self, trial: str) -> Document:
        """Return a trial's Result, as JSON values; raises `TrialNotFound`."""

    def experiments(self) -> list[Experiment]:
        """Return the records of all experiments that are kept in this place."""

    def is_driven(self, name: str) -> bool:
        """Whether a coordinator drives the experiment now."""

    def follow(self, name: str) -> Iterator[Document | None]:
        """Yield each Result of an experiment that another process drives: as it is now, then whenever it has changed.

        It takes no more than reading, goes on through whatever happens to the way to the records, and never ends by
        itself. Where nothing has changed it yields None, at least every second, so that its reader can look at other
        things: at the experiment's own status, above all.

        Raises:
            ExperimentNotFound: There is no such experiment, or it is deleted meanwhile.
        """

    def logs(self, trial: str, *, follow: bool = False, previous: bool = False) -> Iterator[str]:
        """Yield the lines that a trial printed, in its last attempt.

        Args:
            trial: The trial's name.
            follow: Whether to go on, from attempt to attempt, until the trial has ended. A line comes when it is whole.
            previous: Whether to read the attempt before the last, instead.

        Raises:
            TrialNotFound: There is no such trial, or no earlier attempt at it.
        """

    def log_path(self, trial: str) -> str | None:
        """Return the file that `logs` reads, or None where there is none to name."""

    def payload(self, experiment: Experiment, *, plan: bool = False) -> bytes:
        """Return the packed function, or the packed plan, that is kept with an experiment.

        Raises:
            BackendError: It is not there, or not as it was kept.
        """

    def project_root(self, name: str) -> str | None:
        """Return the user's own project, where paths of an experiment's code lead in trials, if that is here still."""

    def location(self, name: str) -> str:
        """Return where the experiment is kept, for people."""

    def request_stop(self, name: str, request: StopRequest) -> None:
        """Ask whoever drives an experiment, in whatever process, to end it or a trial of it; does not wait for that.

        Raises:
            ExperimentNotFound: There is no such experiment.
            BackendError: Nobody drives it, or who does cannot be asked, or not by this user.
        """

    def dismiss(self, name: str) -> bool:
        """End the coordinator that was submitted to drive an experiment, where there is one; its trials go on.

        Returns:
            Whether there was one.
        """

    def address(self) -> dict[str, str]:
        """Return what finds these records again: the backend and its options, as `expsdk.results` takes them.

        What the same command would find without being told is left out.
        """

    def take_in(self, kept: Kept) -> list[str]:
        """Keep an experiment that comes from elsewhere, whole or not at all; nobody drives it.

        Returns:
            What was left out, in words.

        Raises:
            ExperimentExists: The name is taken.
            BackendError: It cannot be kept here; nothing is left of it.
        """

    def delete(self, name: str) -> None:
        """Delete an experiment with all that belongs to it; raises `ExperimentNotFound`."""


class Backend(Protocol):
    """Runs the trials of one experiment for one coordinator, from a single thread except for `wake`.

    Attributes:
        records: What is kept, for reading.
        notice: What the user should know about how trials run here, once the experiment is created, or "".
        trouble: What keeps the coordinator from hearing of its trials just now, in words, or "".
        times_trials: Whether trials that take too long are ended here, where they may wait long before they run; else
            the coordinator ends them.
        takes_ctrl_c: Whether Ctrl-C is the coordinator's to hear; False where trials run in this very process.
    """

    records: Records
    notice: str
    trouble: str
    times_trials: bool
    takes_ctrl_c: bool

    def create(self, experiment: Experiment, payload: Payload, *, plan: Payload | None = None) -> None:
        """Keep the experiment and its payload and get ready to launch.

        Args:
            experiment: Its record.
            payload: The packed function.
            plan: The packed plan, where the record's `spec.plan` names one.

        Raises:
            ExperimentExists: The name is taken.
            BackendError: Something that is needed is not there.
        """

    def resume(self, experiment: Experiment, payload: Payload | None, *, plan: Payload | None = None) -> list[Update]:
        """Take up an experiment that is kept already, with the trials that run, and return every trial as it stands.

        What an earlier coordinator left half-made is completed.

        Args:
            experiment: Its record, as it is to be from now on.
            payload: Its payload, where it is at hand; else the kept one is used.
            plan: Its packed plan, the same way.

        Raises:
            ExperimentNotFound: There is no such experiment.
            BackendError: Another coordinator drives it, or its payload is not there.
        """

    def requests(self, experiment: Experiment) -> dict[str, float]:
        """Return how much of the machine one trial takes: numbers of "cpu" and "gpu"."""

    def launch(self, result: Result, *, attempt: int) -> None:
        """Keep the Result, then start its job, now or soon; what exists by its name is adopted."""

    def record(self, result: Result, status: Document) -> None:
        """Keep a Result whose trial need not run, with its status; `wait` tells of its end like any other's."""

    def note(self, number: int, spec: Document) -> None:
        """Add to the spec of a trial's Result what the coordinator has found out since it ended."""

    def ask_stop(self, number: int, stop: str) -> None:
        """Ask a trial to stop: its next `log_metric` raises `TrialStopped`."""

    def terminate(self, number: int, *, reason: str, message: str) -> None:
        """Tell a trial's job to end (SIGTERM); the Result says why."""

    def kill(self, number: int, *, reason: str, message: str) -> None:
        """End a trial's job at once; the Result says why."""

    def wait(self, timeout_s: float | None) -> list[Update]:
        """Return what changed, waiting at most `timeout_s` (None: until something does, or `wake`).

        Raises:
            KeyboardInterrupt: A trial that ran in this very process was ended from outside; the next call tells how.
        """

    def stop_requests(self) -> list[StopRequest]:
        """Return what other processes have asked for since the last call; `wait` returns when one does."""

    def wake(self) -> None:
        """Make `wait` return soon; the one verb that a signal handler or another thread may call."""

    def keep(self, experiment: Experiment) -> None:
        """Keep the experiment's record as it is now."""

    def close(self) -> None:
        """Drive no longer: trials end, unless they outlive their coordinator here. Further calls do nothing."""
