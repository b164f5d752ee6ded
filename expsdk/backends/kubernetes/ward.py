"""What is to be done for a trial that runs: one judgement, for coordinators that drive it and clients that watch it.

Decisions are values; who asks for them carries them out. What a trial keeps in mind from one look to the next, it keeps
in its `LiveTrial`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from expsdk.backends.base import Document
from expsdk.backends.kubernetes.pods import Waiting, is_suspended
from expsdk.backends.kubernetes.trial import LiveTrial, Patience
from expsdk.backends.verdict import Sentence
from expsdk.cluster.follow import Listed, Seen
from expsdk.cluster.kinds import JOBS, PODS
from expsdk_runtime.contract import Reason

LAST_REPORT_S = 5.0
"""How much longer than its grace period a container that still runs has to report, once its Job is over."""


@dataclass(frozen=True, slots=True)
class Look:
    """Read the events of these objects, or what a queue keeps of a Job that waits in it."""

    names: tuple[str, ...]
    queued: Document | None = None


@dataclass(frozen=True, slots=True)
class NoteWaiting:
    """Write into the Result what the trial waits for now, or that it waits no more."""

    waiting: Waiting | None


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete the Job: what it waits for has taken too long."""

    sentence: Sentence


Decision: TypeAlias = Look | NoteWaiting | Remove


def mind(trial: LiveTrial, now: float, patience: Patience) -> Iterator[Decision]:
    """Yield what is to be done for a trial whose Job has not ended, going by what it waits for."""
    if trial.wants_a_look(now):
        trial.looked_at = now
        yield Look((trial.name, *trial.pods), trial.job if is_suspended(trial.job) else None)
    before = trial.waiting
    waiting = trial.now_waiting(now)
    is_new = (before and before.reason) != (waiting and waiting.reason)
    is_further = waiting is not None and waiting.reason == Reason.QUEUED and waiting != before
    if (is_new or is_further) and not trial.has_begun:
        yield NoteWaiting(waiting)
    sentence = trial.lost_patience(now, patience)
    if sentence is not None:
        yield Remove(sentence)


def lingers(trial: LiveTrial, now: float, grace_s: float) -> bool:
    """Whether a trial whose Job is over may still report how it ended: a container of it runs, and has time left."""
    since = now if trial.over_at is None else trial.over_at
    return trial.runs_still and not trial.has_said and now - since < grace_s + LAST_REPORT_S


def take(trial: LiveTrial, sight: Seen, now: float) -> None:
    """Take in what a trial's Job, or one of its pods, is now."""
    is_gone = sight.event == "DELETED"
    if sight.kind is JOBS:
        trial.take_job(None if is_gone else sight.object, now)
    else:
        trial.take_pod(sight.object, now, gone=is_gone)


def missed(trials: Iterable[LiveTrial], listed: Listed) -> list[LiveTrial]:
    """Take in which pods are there by a list of all, and return the trials whose Jobs a list of all does not have.

    Of such a Job it is asked once more: it may have come just after the list was made.
    """
    names = {document["metadata"]["name"] for document in listed.items}
    if listed.kind is PODS:
        for trial in trials:
            trial.keep_pods(names)
    if listed.kind is not JOBS:
        return []
    return [trial for trial in trials if trial.has_job and trial.name not in names]
