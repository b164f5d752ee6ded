"""The words both halves agree on: phases, reasons, exit codes, numbers in JSON, and what a trial is told.

Standard library only, and nothing slow to import: this file is loaded at the start of every job.
"""

from __future__ import annotations

import json
import math
from typing import Any

API_GROUP = "expsdk.dev"
API_VERSION = f"{API_GROUP}/v1alpha1"
PAYLOAD_FORMAT = 1
STATUS_LIMIT_BYTES = 64 * 1024
MESSAGE_LIMIT_BYTES = 8 * 1024
METRIC_NAME_LIMIT_CHARS = 128
EPOCH_LIMIT = 2**53  # what every reader of JSON holds exactly


class Phase:
    """Where a trial stands, as its Result says it."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    PRUNED = "Pruned"
    CANCELLED = "Cancelled"

    ALL = (PENDING, RUNNING, SUCCEEDED, FAILED, PRUNED, CANCELLED)
    FINISHED = frozenset({SUCCEEDED, FAILED, PRUNED, CANCELLED})


class Reason:
    """Why a trial ended as it did, or why it waits: one word, for programs; the message is for people."""

    USER_ERROR = "UserError"
    NO_OBJECTIVE = "NoObjective"
    OUT_OF_MEMORY = "OutOfMemory"
    CRASHED = "Crashed"
    TIMEOUT = "Timeout"
    PREEMPTED = "Preempted"
    INTERRUPTED = "Interrupted"
    PRUNED = "Pruned"
    CANCELLED = "Cancelled"
    LOST = "Lost"
    PAYLOAD_INVALID = "PayloadInvalid"
    PYTHON_MISMATCH = "PythonMismatch"
    LAUNCH_FAILED = "LaunchFailed"
    PACKAGES_FAILED = "PackagesFailed"
    IMAGE_PULL_ERROR = "ImagePullError"
    CONTAINER_CONFIG_ERROR = "ContainerConfigError"
    QUEUED = "Queued"
    UNSCHEDULABLE = "Unschedulable"
    QUOTA_EXCEEDED = "QuotaExceeded"
    EVICTED = "Evicted"

    ALL = (
        USER_ERROR,
        NO_OBJECTIVE,
        OUT_OF_MEMORY,
        CRASHED,
        TIMEOUT,
        PREEMPTED,
        INTERRUPTED,
        PRUNED,
        CANCELLED,
        LOST,
        PAYLOAD_INVALID,
        PYTHON_MISMATCH,
        LAUNCH_FAILED,
        PACKAGES_FAILED,
        IMAGE_PULL_ERROR,
        CONTAINER_CONFIG_ERROR,
        QUEUED,
        UNSCHEDULABLE,
        QUOTA_EXCEEDED,
        EVICTED,
    )
    # What says nothing of the user's function: the same trial may go well another time, or in another place.
    INFRASTRUCTURE = frozenset(
        {
            PREEMPTED,
            INTERRUPTED,
            LOST,
            PAYLOAD_INVALID,
            PYTHON_MISMATCH,
            LAUNCH_FAILED,
            PACKAGES_FAILED,
            IMAGE_PULL_ERROR,
            CONTAINER_CONFIG_ERROR,
            QUEUED,
            UNSCHEDULABLE,
            QUOTA_EXCEEDED,
            EVICTED,
        }
    )


class Stop:
    """What a Result's `spec.stop` asks of its trial; one that was interrupted may go on another time."""

    NONE = ""
    PRUNED = "pruned"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    ALL = (NONE, PRUNED, CANCELLED, INTERRUPTED)


class ExitCode:
    """How a job's process ends. A stop that was asked for is no failure: it ends with SUCCEEDED."""

    SUCCEEDED = 0
    USER_ERROR = 1
    USAGE = 2
    PAYLOAD_INVALID = 65
    PYTHON_MISMATCH = 66
    NO_OBJECTIVE = 67
    OUT_OF_MEMORY = 68
    PACKAGES_FAILED = 69
    PREEMPTED = 75


def encode_number(value: float) -> float | str:
    """Return `value` as JSON can carry it: NaN and the infinities become strings.

    JSON (RFC 8259) has no such numbers; the strings are those of proto3's JSON mapping.
    """
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def decode_number(value: float | str) -> float:
    """Return the number that `encode_number` wrote."""
    return float(value)


class Assignment:
    """What one attempt at a trial is told: who it is, its parameters, and where it may write.

    Attributes:
        experiment: The experiment's name.
        name: The trial's name, which is also its Result's and its job's.
        number: The trial's number in its experiment, from 0.
        attempt: 1 for the first attempt, one more for every retry.
        parameters: The sample, as JSON values by parameter name.
        objectives: `(metric, direction)` pairs, direction being "minimize" or "maximize".
        seed: A seed of the trial's own, drawn from the sweep's seed and the trial's number.
        output_dir: The directory that is the trial's to write in.
        checkpoint_dir: A directory that every attempt at the trial shares.
        parent: The name of the trial whose checkpoints this one begins with, or "".
        parent_checkpoint_dir: Where those are, or "".
    """

    __slots__ = (
        "attempt",
        "checkpoint_dir",
        "experiment",
        "name",
        "number",
        "objectives",
        "output_dir",
        "parameters",
        "parent",
        "parent_checkpoint_dir",
        "seed",
    )

    def __init__(
        self,
        *,
        experiment: str,
        name: str,
        number: int,
        attempt: int,
        parameters: dict[str, Any],
        objectives: list[tuple[str, str]],
        seed: int,
        output_dir: str,
        checkpoint_dir: str,
        parent: str = "",
        parent_checkpoint_dir: str = "",
    ) -> None:
        self.experiment = experiment
        self.name = name
        self.number = number
        self.attempt = attempt
        self.parameters = parameters
        self.objectives = objectives
        self.seed = seed
        self.output_dir = output_dir
        self.checkpoint_dir = checkpoint_dir
        self.parent = parent
        self.parent_checkpoint_dir = parent_checkpoint_dir

    def to_json(self) -> str:
        """Return the assignment as one line of JSON."""
        return json.dumps({slot: getattr(self, slot) for slot in self.__slots__})

    @classmethod
    def from_json(cls, text: str) -> Assignment:
        """Return the assignment that `to_json` wrote."""
        document = json.loads(text)
        document["objectives"] = [(metric, direction) for metric, direction in document["objectives"]]
        return cls(**document)
