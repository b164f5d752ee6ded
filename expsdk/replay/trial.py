"""From a trial's name to a process that runs it again: what is recorded, what is here, what differs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from expsdk.analysis.open import read_results
from expsdk.analysis.trial import TrialRecord
from expsdk.backends.base import Records
from expsdk.errors import ReplayError, TrialNotFound
from expsdk.replay.interpreter import Interpreter, find_interpreter
from expsdk.replay.outcome import Outcome, compare_run
from expsdk.resources.experiment import Experiment
from expsdk.resources.names import trial_name, trial_number
from expsdk_runtime.contract import Assignment
from expsdk_runtime.journal import FILE_NAME as JOURNAL
from expsdk_runtime.journal import Journal
from expsdk_runtime.replay import STATUS

CHECKPOINT = "checkpoint"
OUTPUT = "output"
ASSIGNMENT = "assignment.json"


@dataclass(frozen=True)
class Replay:
    """A trial that is ready to run again.

    Attributes:
        trial: The trial as it is recorded.
        directory: The directory that is the replay's own.
        payload: The payload's file in it.
        interpreter: What runs it.
        root: The user's own project, where paths of the code lead, or "".
        notes: What differs from when it was recorded, and what the user should know, a line each.
    """

    trial: TrialRecord
    directory: Path
    payload: Path
    interpreter: Interpreter
    root: str
    notes: tuple[str, ...]

    def run(self, *, debug: bool = False, step: bool = False) -> Outcome:
        """Run it to its end in a process that has this one's terminal, and compare it with the record.

        Args:
            debug: Whether to start pdb where it fails.
            step: Whether to start pdb at the function's first line.

        Raises:
            ReplayError: The process ended without a word.
        """
        root = [f"--root={self.root}"] if self.root else []
        command = [self.interpreter.path, str(self.payload), "--replay", str(self.directory / ASSIGNMENT), *root]
        with _leaving_ctrl_c():
            flags = [*(["--debug"] if debug else []), *(["--step"] if step else [])]
            done = subprocess.run([*command, *flags], check=False)
        output = self.directory / OUTPUT
        try:
            status: dict[str, Any] = json.loads((output / STATUS).read_bytes())
        except FileNotFoundError:
            raise ReplayError(
                f"a replay tells how it ended, and the process of {self.trial.name} ended without a word (exit status"
                f" {done.returncode}); what it printed is above"
            ) from None
        series: dict[str, dict[int, float]] = {}
        for values, epoch in Journal(str(output / JOURNAL)).replay():
            for name, value in values.items():
                series.setdefault(name, {})[epoch] = value
        for name, value in status["objectives"].items():
            series.setdefault(name, {}).setdefault(status["epoch"], float(value))
        return compare_run(self.trial, status, series)


def prepare(records: Records, trial: str, *, directory: Path, python: str = "") -> Replay:
    """Return a trial that is ready to run again; nothing but its directory is written.

    Args:
        records: Where it is kept.
        trial: Its name.
        directory: The directory that is to be the replay's own; it is made.
        python: The interpreter to run it with; by default this one.

    Raises:
        TrialNotFound: There is no such trial.
        ExperimentNotFound: There is no such experiment.
        BackendError: Its payload is not there, or was changed.
        ReplayError: It has no payload, the interpreter cannot load it, or the directory is in use.
    """
    experiment, recorded, parent = _read(records, trial)
    if experiment.spec.payload is None:
        raise ReplayError(
            f"a replay runs a trial's payload, and {trial} has none: its Job runs an image or a program of its own; run"
            " that by hand with its parameters"
        )
    content = records.payload(experiment)
    interpreter = find_interpreter(python, wanted=experiment.spec.payload.python)
    payload = _make(directory, experiment.spec.payload.file, content)
    interpreter = interpreter.with_environment(payload)
    checkpoints, about_parent = _checkpoints(recorded, parent)
    output = directory / OUTPUT
    assignment = Assignment(
        experiment=experiment.metadata.name,
        name=trial,
        number=recorded.number,
        attempt=1,
        parameters=dict(recorded.parameters),
        objectives=[(each.metric, each.direction) for each in experiment.spec.objectives],
        seed=recorded.seed,
        output_dir=str(output),
        checkpoint_dir=str(output / CHECKPOINT),
        parent=recorded.parent,
        parent_checkpoint_dir=checkpoints,
    )
    (directory / ASSIGNMENT).write_text(assignment.to_json(), encoding="utf-8")
    notes = [*_differences(recorded, experiment, interpreter), *about_parent, *_circumstances(recorded, experiment)]
    root = records.project_root(experiment.metadata.name) or ""
    return Replay(recorded, directory, payload, interpreter, root, tuple(notes))


def _read(records: Records, trial: str) -> tuple[Experiment, TrialRecord, TrialRecord | None]:
    """Return an experiment, its trial of that name, and that one's parent where it has one."""
    name = trial.rpartition("-")[0]
    if trial_number(name, trial) is None:
        raise TrialNotFound(
            f"a trial's name is its experiment's and a number of four digits, such as {trial_name(trial, 3)!r}, and"
            f" {trial!r} is none; give it as results show it"
        )
    results = read_results(records, name)
    recorded = results[trial]
    parent = next((each for each in results if each.name == recorded.parent), None) if recorded.parent else None
    return results.experiment, recorded, parent


def _make(directory: Path, file: str, content: bytes) -> Path:
    """Make the replay's directory with the payload in it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise ReplayError(f"a replay has a directory of its own, and {directory} is not empty; name another")
        (directory / OUTPUT).mkdir()
        path = directory / file
        path.write_bytes(content)
    except OSError as error:
        raise ReplayError(
            f"a replay writes into a directory of its own, and {directory} cannot be written ({error.strerror}); name"
            " another"
        ) from error
    return path


def _checkpoints(recorded: TrialRecord, parent: TrialRecord | None) -> tuple[str, list[str]]:
    """Return where the parent's checkpoints are on this machine, or "", and what is to be said of them."""
    if not recorded.parent:
        return "", []
    place = os.path.join(parent.output_dir, CHECKPOINT) if parent is not None and parent.output_dir else ""  # noqa: PTH118 - it may be no path
    if place and os.path.isdir(place):  # noqa: PTH112
        return place, [f"begins with the checkpoints of {recorded.parent}, from {place}"]
    where = f"in {place}, which is not on this machine" if place else "nowhere that is known"
    return "", [f"began with the checkpoints of {recorded.parent}, and begins without now: they are {where}"]


def _differences(recorded: TrialRecord, experiment: Experiment, here: Interpreter) -> Iterator[str]:
    """Yield what this machine has otherwise than the trial had."""
    origin = experiment.spec.provenance
    python = recorded.environment.get("python") or (origin.python if origin else "")
    if python and python != here.python:
        yield f"Python {python} when it was recorded, {here.python} now"
    has_begun = bool(recorded.environment)
    packages: Mapping[str, str] = recorded.packages if has_begun or origin is None else origin.packages
    for name in sorted({*packages, *here.packages}, key=str.lower):
        was, is_ = packages.get(name, ""), here.packages.get(name, "")
        if was and was != is_:
            yield f"{name} {was} when it was recorded, {is_ or 'not installed'} now"
        elif not was:
            yield f"{name} {is_} now, and none is recorded"


def _circumstances(recorded: TrialRecord, experiment: Experiment) -> Iterator[str]:
    """Yield what else was otherwise when the trial ran."""
    if recorded.reused_from:
        yield f"its results are those of {recorded.reused_from}: this trial itself did not run"
    if recorded.attempt > 1:
        yield f"recorded is attempt {recorded.attempt}, which may have gone on from checkpoints; this begins anew"
    if not recorded.is_finished:
        yield f"it has not ended yet ({recorded.state}): what comes now is compared with what there is"
    names = sorted(_job_variables(experiment.spec.job_template or {}) - os.environ.keys())
    if names:
        yield f"its Job had variables that are not set here: {', '.join(names)}"


def _job_variables(template: Mapping[str, Any]) -> set[str]:
    """Return the names of the variables that a Job's template sets for the user's code."""
    pod = ((template.get("spec") or {}).get("template") or {}).get("spec") or {}
    containers: Sequence[Mapping[str, Any]] = pod.get("containers") or []
    variables = containers[0].get("env") or [] if containers else []
    return {each["name"] for each in variables if not each["name"].startswith("EXPSDK_")} - {"HOME"}


@contextmanager
def _leaving_ctrl_c() -> Iterator[None]:
    """Leave Ctrl-C to the process that shares the terminal. A handler, unlike ignoring it, is not inherited."""

    def leave(_signal: int, _frame: FrameType | None) -> None:
        return None

    former = signal.signal(signal.SIGINT, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)
