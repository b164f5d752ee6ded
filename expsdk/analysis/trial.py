"""One trial's outcome, as people and programs read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from expsdk.analysis.cards import trial_card
from expsdk.resources.result import summarize_parameters
from expsdk.resources.times import parse_time
from expsdk.resources.words import in_one_line
from expsdk_runtime.contract import Phase, decode_number


@dataclass(frozen=True)
class MetricHistory:
    """One metric over epochs, thinned to fit its record: the first, the last and the best point are always there.

    Attributes:
        epochs: The epoch of each point, rising.
        values: The value of each point.
        stride: One point of so many was kept; 1 means all of them.
    """

    epochs: tuple[int, ...]
    values: tuple[float, ...]
    stride: int

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[tuple[int, float]]:
        """Yield `(epoch, value)` pairs."""
        return zip(self.epochs, self.values, strict=True)


@dataclass(frozen=True)
class TrialRecord:
    """A trial's Result.

    Attributes:
        name: The trial's name.
        number: Its number in the experiment, from 0.
        parameters: The sample: values by parameter name.
        seed: The trial's own seed.
        phase: "Pending", "Running", "Succeeded", "Failed", "Pruned" or "Cancelled".
        reason: Why, in one word; "" where there is nothing to say.
        error: What went wrong, in words: the traceback of the user's function, or how its process ended; else "".
        attempt: Which attempt at the trial this tells of, from 1.
        started: When the attempt began, in UTC, or None.
        ended: When it ended, in UTC, or None.
        epoch: The highest epoch of any metric, or None.
        values: The last value of each objective that was logged, by metric.
        metrics: For each metric its "last", "min", "max" and "best" value and the last "epoch".
        history: Each metric over epochs.
        output_dir: The trial's own directory, or "" before it began.
        log_path: The file with all that the trial printed, or None where the backend keeps no file.
        environment: Where and with what it ran, as its job tells.
        constraints: The values of the sweep's constraints: above 0, one is violated; empty where there are none, or
            where the trial has not succeeded.
        parent: Name of the trial whose checkpoints this one began with, or "".
        reused_from: Name of the trial whose results these are, where this one did not run, or "".
        launched: Where its experiment comes from, as its record tells: commit, user, time; see `provenance`.
    """

    name: str
    number: int
    parameters: Mapping[str, Any]
    seed: int
    phase: str
    reason: str
    error: str
    attempt: int
    started: datetime | None
    ended: datetime | None
    epoch: int | None
    values: Mapping[str, float]
    metrics: Mapping[str, Mapping[str, float]]
    history: Mapping[str, MetricHistory]
    output_dir: str
    log_path: str | None
    environment: Mapping[str, str]
    constraints: tuple[float, ...] = ()
    parent: str = ""
    reused_from: str = ""
    launched: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_document(
        cls, document: Mapping[str, Any], *, parameters: Mapping[str, Any], log_path: str | None
    ) -> TrialRecord:
        """Return the trial of a Result.

        Args:
            document: The Result, as JSON values.
            parameters: Its parameters, in the types of the experiment's space.
            log_path: Where its log is.
        """
        spec, status = document["spec"], document.get("status") or {}
        phase = status.get("phase", Phase.PENDING)
        return cls(
            name=document["metadata"]["name"],
            number=spec["number"],
            parameters=dict(parameters),
            seed=spec["seed"],
            phase=phase,
            reason=status.get("reason", ""),
            error=status.get("message", "") if phase == Phase.FAILED else "",
            attempt=status.get("attempt", 1),
            started=_moment(status.get("startTime")),
            ended=_moment(status.get("completionTime")),
            epoch=status.get("epoch"),
            values={name: decode_number(value) for name, value in status.get("objectives", {}).items()},
            metrics={
                name: {key: value if key == "epoch" else decode_number(value) for key, value in summary.items()}
                for name, summary in status.get("metrics", {}).items()
            },
            history=_Histories(status.get("history", {})),
            output_dir=status.get("outputDir", ""),
            log_path=log_path,
            environment=dict(status.get("environment", {})),
            constraints=tuple(map(decode_number, spec.get("constraints") or ())),
            parent=spec.get("parent", ""),
            reused_from=status.get("reusedFrom") or "",
            launched=dict(spec.get("provenance") or {}),
        )

    @property
    def packages(self) -> dict[str, str]:
        """Versions of the packages that the function imports, by name, as its job found them."""
        pairs = (each.partition("==") for each in self.environment.get("packages", "").split())
        return {name: version for name, _, version in pairs}

    @property
    def provenance(self) -> dict[str, Any]:
        """What one needs to know to get the same again: code, parent, seed, Python, packages, machine, who and when.

        Only what is known is there, as plain values: "git_commit", "git_dirty", "diff_digest", "payload_digest",
        "python", "packages" (a dict), "image", "platform", "node", "host", "pod", "seed", "parent", "reused_from",
        "user" ("ada@laptop"), "created" (RFC 3339: when the sweep was) and "expsdk" (its version).
        """
        told, launched = self.environment, self.launched
        user = "@".join(filter(None, (launched.get("user"), launched.get("host"))))
        facts = {
            "git_commit": launched.get("gitCommit"),
            "git_dirty": launched.get("gitDirty"),
            "diff_digest": launched.get("diffDigest"),
            "payload_digest": told.get("digest"),
            "python": told.get("python"),
            "packages": self.packages,
            "image": told.get("image"),
            "platform": told.get("platform"),
            "node": told.get("node"),
            "host": told.get("host"),
            "pod": told.get("podName"),
            "seed": self.seed,
            "parent": self.parent,
            "reused_from": self.reused_from,
            "user": user,
            "created": launched.get("created"),
            "expsdk": launched.get("expsdk"),
        }
        return {name: fact for name, fact in facts.items() if fact not in (None, "", {})}

    @property
    def duration_s(self) -> float | None:
        """How long the attempt took, in seconds, or None while it has not ended."""
        if self.started is None or self.ended is None:
            return None
        return (self.ended - self.started).total_seconds()

    @property
    def is_finished(self) -> bool:
        """Whether the trial has ended, one way or another."""
        return self.phase in Phase.FINISHED

    @property
    def is_feasible(self) -> bool:
        """Whether the trial violates no constraint; NaN violates its own."""
        return all(value <= 0 for value in self.constraints)

    @property
    def state(self) -> str:
        """The phase, with the reason where there is one: "Failed (Timeout)"."""
        return f"{self.phase} ({self.reason})" if self.reason else self.phase

    def to_dict(self) -> dict[str, Any]:
        """Return what a table's row says of the trial.

        - "name", "number", "phase", "reason": which trial, and where it stands
        - "is_feasible", "parent", "reused_from", where it has constraints, a parent or another trial's results
        - "parameters.NAME": its sample; those of branches that it does not take are not there
        - "metrics.NAME": the last value of each metric, and so of each objective
        - "constraints.INDEX": the values of the constraints, from 0; above 0, one is violated
        - "epoch": the highest epoch of any metric
        - "started", "ended" (UTC), "duration_s" (seconds): of the last attempt; None while there is none
        - "attempt", "seed": which attempt it is, from 1, and the trial's own seed
        - "error": what went wrong in one line, where it failed
        - "output_dir": the trial's own directory, once it has one
        - "provenance.NAME": what `provenance` knows beside these; packages as "numpy==2.1.0 torch==2.13.0"
        """
        feasible = {"is_feasible": self.is_feasible} if self.constraints else {}
        origins = {"parent": self.parent, "reused_from": self.reused_from}
        ends = {"error": in_one_line(self.error), "output_dir": self.output_dir}
        metrics = {**self.values, **{name: summary["last"] for name, summary in self.metrics.items()}}
        provenance = {name: fact for name, fact in self.provenance.items() if name not in ("seed", *origins)}
        if "packages" in provenance:
            provenance["packages"] = self.environment["packages"]
        return {
            "name": self.name,
            "number": self.number,
            "phase": self.phase,
            "reason": self.reason,
            **feasible,
            **{name: origin for name, origin in origins.items() if origin},
            **{f"parameters.{name}": value for name, value in self.parameters.items()},
            **{f"metrics.{name}": value for name, value in metrics.items()},
            **{f"constraints.{index}": value for index, value in enumerate(self.constraints)},
            "epoch": self.epoch,
            "started": self.started,
            "ended": self.ended,
            "duration_s": self.duration_s,
            "attempt": self.attempt,
            "seed": self.seed,
            **{name: end for name, end in ends.items() if end},
            **{f"provenance.{name}": fact for name, fact in provenance.items()},
        }

    def __repr__(self) -> str:
        return f"<{self._summary()}>"

    def __str__(self) -> str:
        lines = [self._summary()]
        if self.error:
            lines += [f"  {line}" for line in self.error.splitlines()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return trial_card(self)

    def _summary(self) -> str:
        values = ", ".join(f"{name}={value:.6g}" for name, value in self.values.items())
        at = f" at epoch {self.epoch}" if values and self.epoch is not None else ""
        parts = [
            f"trial {self.name}: {self.state}",
            f"{values}{at}" if values else "",
            summarize_parameters(self.parameters),
            "" if self.is_feasible else "violates constraints",
            f"goes on from {self.parent}" if self.parent else "",
            f"reused from {self.reused_from}" if self.reused_from else "",
        ]
        return ", ".join(part for part in parts if part)


class _Histories(Mapping[str, MetricHistory]):
    """The histories of a trial's metrics, read when somebody looks: few of 5,000 trials' are."""

    def __init__(self, kept: Mapping[str, Mapping[str, Any]]) -> None:
        self._kept = kept
        self._read: dict[str, MetricHistory] = {}

    def __getitem__(self, metric: str) -> MetricHistory:
        history = self._read.get(metric)
        if history is None:
            kept = self._kept[metric]
            epochs, values = kept["points"]
            history = MetricHistory(tuple(epochs), tuple(map(decode_number, values)), kept["stride"])
            self._read[metric] = history
        return history

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def __repr__(self) -> str:
        return repr(dict(self))


def _moment(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)
