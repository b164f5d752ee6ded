"""How a sweep and its trials read in one line each, while it runs."""

from __future__ import annotations

import re
from typing import Any

from expsdk.analysis.words import counts_by_phase
from expsdk.resources.experiment import Experiment
from expsdk.resources.words import count_of, in_one_line
from expsdk_runtime.contract import Phase, Reason, decode_number

INTERRUPTED = {
    1: "interrupted: no more trials are launched and the running ones are asked to stop; Ctrl-C again kills them",
    2: "interrupted again: the running trials are killed",
}
LEFT = "interrupted: nobody looks on here any more; the sweep goes on"
HINT = "Ctrl-C: launch no more, ask what runs to stop, keep results; twice: kill it"
WATCHING_HINT = "Ctrl-C: look on no more; the sweep goes on"
WAITS_FOR = {
    Reason.IMAGE_PULL_ERROR: "its image",
    Reason.UNSCHEDULABLE: "a node",
    Reason.QUOTA_EXCEEDED: "quota",
    Reason.QUEUED: "its turn in a queue",
    Reason.CONTAINER_CONFIG_ERROR: "its container",
    Reason.LAUNCH_FAILED: "its pod",
}
STARTING = "to start"


def opening_lines(experiment: Experiment, *, location: str, notice: str) -> list[str]:
    """Return what is said before the first trial."""
    spec = experiment.spec
    trials = count_of(spec.trials, "trial") if spec.trials else "trials until the samples or the time run out"
    line = f"{experiment.metadata.name}: {trials}, {how_it_runs(experiment)}, kept in {location}"
    counts = counts_by_phase(experiment.status.counts)
    taken_up = [f"until now: {counts}"] if counts else []
    return [line, *taken_up, *([notice] if notice else [])]


def how_it_runs(experiment: Experiment) -> str:
    """Return how a sweep runs: how many at a time, by which sampler and pruner, with which seed."""
    spec = experiment.spec
    pruner = f"pruner {spec.pruner.name}, " if spec.pruner else ""
    return f"{spec.parallelism} at a time, sampler {spec.sampler.name}, {pruner}seed {spec.seed}"


def interrupted_line(times: int, *, looking_on: bool) -> str:
    """Return what Ctrl-C, pressed so many times until now, does."""
    return LEFT if looking_on else INTERRUPTED[min(times, 2)]


def waiting_line(document: dict[str, Any]) -> str:
    """Return a trial that waits in one line: name, what for, parameters."""
    return joined(document["metadata"]["name"], f"waits for {waits_for(document)}", document["spec"]["summary"])


def waits_for(document: dict[str, Any]) -> str:
    """Return what a trial waits for, in words that are the same for all that wait for the same."""
    status = document["status"]
    reason = status["reason"]
    message = _without_own_name(in_one_line(status["message"]), document["metadata"]["name"])
    if status["phase"] in Phase.FINISHED:
        return ": ".join(filter(None, ("another attempt", reason, message)))
    return ": ".join(filter(None, (WAITS_FOR.get(reason, reason) or STARTING, message)))


def ending_line(document: dict[str, Any]) -> str:
    """Return an ended trial in one line: name, phase, objectives, what went wrong, parameters, whose Result it is."""
    status = document["status"]
    failure = why_it_failed(status) if status["phase"] == Phase.FAILED else ""
    name, sample = document["metadata"]["name"], document["spec"]["summary"]
    reused = f"reused from {status['reusedFrom']}" if status.get("reusedFrom") else ""
    return joined(name, status["phase"].lower(), values_of(status), failure, sample, reused)


def why_it_failed(status: dict[str, Any]) -> str:
    """Return what went wrong, in one line: "UserError: ValueError: two is no width"."""
    return failure(status["reason"], status["message"])


def failure(reason: str, error: str) -> str:
    """Return a reason with the line of its error that tells most."""
    return ": ".join(filter(None, (reason, in_one_line(error))))


def values_of(status: dict[str, Any]) -> str:
    """Return the objectives of a trial's status: "val_loss=0.235476 size=20"."""
    return " ".join(f"{name}={decode_number(value):.6g}" for name, value in (status.get("objectives") or {}).items())


def as_duration(seconds: float) -> str:
    """Return a duration as people say it: 8 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 100 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def joined(*parts: str) -> str:
    """Return what there is of these parts, two blanks between them."""
    return "  ".join(part for part in parts if part)


def _without_own_name(message: str, trial: str) -> str:
    """Return a message with "…" for the names of the trial and its pods, so that it is the same for many trials."""
    return re.sub(rf"{re.escape(trial)}(-[a-z0-9]+)*", "…", message)
