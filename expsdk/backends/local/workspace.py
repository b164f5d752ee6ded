"""An experiment's place on this machine: its payload and the unpacked project, and what a trial is told."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from expsdk.backends.local.launch import LauncherProcess
from expsdk.backends.local.store import FileStore, translating_disk_errors
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
            runtime_payload.Payload(str(path)).unpack(str(directory / PROJECT))
        parallelism = experiment.spec.parallelism
        return cls(
            directory=directory,
            payload=path,
            digest=payload.digest,
            root=payload.root,
            objectives=[(objective.metric, objective.direction) for objective in experiment.spec.objectives],
            threads=None if parallelism == 1 else max(1, (os.cpu_count() or 1) // parallelism),
        )

    def start_launcher(self) -> LauncherProcess:
        """Start a launcher; raises `LoadError` where the function does not load."""
        return LauncherProcess(
            self.payload,
            project=self.directory / PROJECT,
            root=self.root,
            digest=self.digest,
            log=self.directory / IMPORTS_LOG,
            threads=self.threads,
        )


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
