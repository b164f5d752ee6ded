"""An experiment's place on this machine: its payload and the unpacked project, and what a trial is told."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from expsdk.backends.local.disk import translating_disk_errors
from expsdk.backends.local.launch import LauncherProcess
from expsdk.backends.local.store import ROOT, FileStore
from expsdk.errors import BackendError
from expsdk.packaging.payload import Payload
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result
from expsdk_runtime import payload as runtime_payload
from expsdk_runtime.contract import Assignment

PROJECT = "project"
IMPORTS_LOG = "imports.log"
CHECKPOINT = "checkpoint"


@dataclass(frozen=True)
class Workspace:
    """Where an experiment's payload lies, ready to run.

    A file beside it says where the user's own project is, for whoever takes the experiment up without it.

    Attributes:
        directory: The experiment's directory.
        payload: The payload's file.
        digest: The payload's digest.
        root: The user's own project.
        objectives: The objectives as `(metric, direction)` pairs.
        threads: How many threads numerical libraries may use in one trial, or None for as many as they like.
    """

    directory: Path
    payload: Path
    digest: str
    root: Path
    objectives: list[tuple[str, str]]
    threads: int | None

    @classmethod
    def prepare(cls, store: FileStore, experiment: Experiment, payload: Payload) -> Workspace:
        """Write the payload below the experiment's directory and unpack its project; raises `StorageError`."""
        directory = store.directory(experiment.metadata.name)
        with translating_disk_errors(directory):
            path = payload.write(directory)
            (directory / ROOT).write_text(str(payload.root))
            runtime_payload.Payload(str(path)).unpack(str(directory / PROJECT))
        return cls._at(path, experiment, payload.digest, payload.root)

    @classmethod
    def reopen(cls, store: FileStore, experiment: Experiment, payload: Payload | None) -> Workspace:
        """Return the workspace of an experiment that is kept already, completed where it is not whole.

        Args:
            store: Where it is kept.
            experiment: Its record.
            payload: Its payload, where it is at hand.

        Raises:
            BackendError: The kept payload is not there, or not as it was kept, or needs another Python, and is not at
                hand.
        """
        reference = experiment.spec.payload
        if payload is not None and reference is not None and payload.digest == reference.digest:
            return cls.prepare(store, experiment, payload)
        store.payload(experiment)
        assert reference is not None, "its payload was read"
        here = f"{sys.version_info.major}.{sys.version_info.minor}"
        if reference.python != here:
            raise BackendError(
                f"a payload is loaded by the Python minor version that packed it, and that of"
                f" {experiment.metadata.name!r} is {reference.python}, not {here}; go on with it from Python"
                f" {reference.python}"
            )
        directory = store.directory(experiment.metadata.name)
        path = directory / reference.file
        with translating_disk_errors(directory):
            runtime_payload.Payload(str(path)).unpack(str(directory / PROJECT))
        root = Path(store.project_root(experiment.metadata.name) or directory / PROJECT)
        return cls._at(path, experiment, reference.digest, root)

    @classmethod
    def _at(cls, path: Path, experiment: Experiment, digest: str, root: Path) -> Workspace:
        return cls(
            directory=path.parent,
            payload=path,
            digest=digest,
            root=root,
            objectives=[(objective.metric, objective.direction) for objective in experiment.spec.objectives],
            threads=None if experiment.spec.parallelism == 1 else cores_of(experiment),
        )

    def start_launcher(self, lock: TextIO) -> LauncherProcess:
        """Start a launcher, which shares the experiment's lock; raises `LoadError` where the function does not load."""
        return LauncherProcess(
            self.payload,
            project=self.directory / PROJECT,
            root=self.root,
            digest=self.digest,
            log=self.directory / IMPORTS_LOG,
            threads=self.threads,
            lock=lock,
        )


def cores_of(experiment: Experiment) -> int:
    """Return how many of this machine's cores are one trial's share, at least 1."""
    return max(1, (os.cpu_count() or 1) // experiment.spec.parallelism)


def assign(result: Result, *, attempt: int, objectives: list[tuple[str, str]], directory: Path) -> Assignment:
    """Return what an attempt at a trial is told.

    Args:
        result: The trial's record.
        attempt: Which attempt it is, from 1.
        objectives: The objectives as `(metric, direction)` pairs.
        directory: The trial's own directory.
    """
    parent = result.spec.parent
    return Assignment(
        experiment=result.spec.experiment,
        name=result.metadata.name,
        number=result.spec.number,
        attempt=attempt,
        parameters=result.spec.parameters,
        objectives=objectives,
        seed=result.spec.seed,
        output_dir=str(directory),
        checkpoint_dir=str(directory / CHECKPOINT),
        parent=parent,
        parent_checkpoint_dir=str(directory.parent / parent / CHECKPOINT) if parent else "",
    )
