"""What a sweep does, as Events on its Experiment, which `kubectl describe` shows: few, however many trials it has.

There is one Event for each kind of news, and for each reason of failures, and it is written anew with a higher count.
Between two writes of one Event the pause doubles, so a sweep of thousands of trials costs a request a minute or so.
Nothing depends on Events: one that cannot be written is dropped, and who may not write them writes none.
The form: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ (as v1 has it).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from expsdk.backends.kubernetes.labels import EVENT, labels_of
from expsdk.cluster.api import Api
from expsdk.cluster.kinds import EVENTS
from expsdk.errors import ClusterError, Conflict, Forbidden, ResourceNotFound
from expsdk.resources.experiment import BestTrial, Experiment
from expsdk.resources.words import count_of, in_one_line
from expsdk_runtime.contract import Phase

FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 60.0
WORDS_LIMIT_CHARS = 300
_COMPONENT = "expsdk"
_LAUNCHED, _AGAIN, _BEST, _END = "launched", "launched-again", "best", "end"
_ENDS = {Phase.SUCCEEDED: "Finished", Phase.FAILED: "Failed", Phase.CANCELLED: "Interrupted"}


@dataclass(slots=True)
class _Event:
    """One Event: what it says, and what of it is written."""

    reason: str
    is_warning: bool = False
    message: str = ""
    count: int = 0
    lowest: int = 0
    highest: int = 0
    first_at: str = ""
    last_at: str = ""
    is_written: bool = True
    is_there: bool = False
    pause_s: float = 0.0
    due_at: float = 0.0

    def happen(self, message: str) -> None:
        """Take in that it has happened once more."""
        self.count += 1
        self.message = message
        self.last_at = _now()
        self.first_at = self.first_at or self.last_at
        self.is_written = False


class Announcer:
    """Gathers the news of one experiment and writes them; the methods may be called from any thread."""

    def __init__(self, api: Api, experiment: Experiment) -> None:
        """Begin with no news.

        Args:
            api: The API server.
            experiment: The experiment's record, as it is on the server.
        """
        self._api = api
        self._experiment = experiment
        self._mark = os.urandom(4).hex()  # another coordinator's Events are its own
        self._events: dict[str, _Event] = {}
        self._samples: dict[str, str] = {}  # of trials that have succeeded since the best was told last
        self._best: str | None = None
        self._may_write = True
        self._lock = threading.Lock()
        self._writing = threading.Lock()

    def launched(self, number: int, *, attempt: int = 1) -> None:
        """Tell that a trial was launched."""
        topic, reason = (_LAUNCHED, "Launched") if attempt == 1 else (_AGAIN, "LaunchedAgain")
        with self._lock:
            event = self._event(topic, reason)
            event.lowest = min(event.lowest, number) if event.count else number
            event.highest = max(event.highest, number)
            event.happen("")
            again = "" if attempt == 1 else " again"
            event.message = (
                f"launched{again} {count_of(event.count, 'trial')} ({_numbers(event.lowest, event.highest)})"
            )

    def ended(self, document: Mapping[str, Any]) -> None:
        """Tell how a trial has ended, by its Result; only failures are news."""
        status, name = document["status"], document["metadata"]["name"]
        with self._lock:
            if status["phase"] == Phase.SUCCEEDED:
                self._samples[name] = document["spec"].get("summary", "")
            elif status["phase"] == Phase.FAILED:
                reason = status.get("reason") or "without a reason"
                event = self._event(f"failed-{reason.lower()}", "TrialFailed", is_warning=True)
                words = _why(status.get("message", ""))
                if event.count:
                    event.happen(f"{count_of(event.count + 1, 'trial')} failed ({reason}), the last {name}: {words}")
                else:
                    event.happen(f"{name} failed ({reason}): {words}")

    def is_best(self, best: BestTrial | None) -> None:
        """Tell which trial is the best now; it is news where it is another than before."""
        with self._lock:
            if best is not None and best.trial != self._best:
                sample = self._samples.get(best.trial, "")
                event = self._event(_BEST, "NewBest")
                event.happen(f"{best.summary} is the best so far: {best.trial}{sample and f' with {sample}'}")
            self._best = None if best is None else best.trial
            self._samples.clear()

    def knows_best(self, best: BestTrial | None) -> None:
        """Take in which trial was the best before this coordinator: that is no news."""
        with self._lock:
            self._best = None if best is None else best.trial

    def finished(self, phase: str, message: str) -> None:
        """Tell that the sweep is over."""
        with self._lock:
            event = self._event(_END, _ENDS[phase], is_warning=phase == Phase.FAILED)
            event.reason, event.is_warning = _ENDS[phase], phase == Phase.FAILED
            event.happen(message[:WORDS_LIMIT_CHARS])

    def has_news(self) -> bool:
        """Whether there is something that is not written yet and may be."""
        return self._may_write and bool(self._unwritten())

    def is_due(self, now: float) -> bool:
        """Whether there is something to write by now."""
        return self._may_write and any(event.due_at <= now for event in self._unwritten())

    def publish(self, *, everything: bool = False) -> None:
        """Write the Event that has waited longest, if one is due; or all that is not written yet.

        It raises nothing: what cannot be written is tried again later, and once it is forbidden no more.
        """
        with self._writing:
            now = time.monotonic()
            waiting = [event for event in self._unwritten() if everything or event.due_at <= now]
            for event in sorted(waiting, key=lambda event: event.due_at)[: None if everything else 1]:
                if not self._may_write:
                    return
                event.pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, 2 * event.pause_s))
                event.due_at = now + event.pause_s
                try:
                    self._write(event)
                except Forbidden:  # by a role that is older than Events are
                    self._may_write = False
                except ClusterError:
                    event.is_written = False

    def _unwritten(self) -> list[_Event]:
        with self._lock:
            return [event for event in self._events.values() if not event.is_written]

    def _event(self, topic: str, reason: str, *, is_warning: bool = False) -> _Event:
        return self._events.setdefault(topic, _Event(reason, is_warning))

    def _write(self, event: _Event) -> None:
        """Create an Event, or bring the one that is there to what it says now."""
        with self._lock:
            topic = next(topic for topic, each in self._events.items() if each is event)
            name = f"{self._experiment.metadata.name}.{topic}.{self._mark}"
            said = {
                "type": "Warning" if event.is_warning else "Normal",
                "reason": event.reason,
                "message": event.message,
                "count": event.count,
                "lastTimestamp": event.last_at,
            }
            event.is_written = True
        if event.is_there:
            with suppress(ResourceNotFound):  # the server forgets an Event that nothing was added to for an hour
                self._api.patch(EVENTS, name, said)
                return
            event.is_there = False
        try:
            self._api.create(EVENTS, {**self._about(name), **said, "firstTimestamp": event.first_at})
        except Conflict:  # it was created, and the answer was lost
            self._api.patch(EVENTS, name, said)
        event.is_there = True

    def _about(self, name: str) -> dict[str, Any]:
        experiment = self._experiment
        metadata = experiment.metadata
        return {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.name,
            "metadata": {"name": name, "labels": labels_of(metadata.name, EVENT)},
            "involvedObject": {
                "apiVersion": experiment.api_version,
                "kind": experiment.kind,
                "name": metadata.name,
                "namespace": self._api.namespace,
                "uid": metadata.uid,
            },
            "source": {"component": _COMPONENT},
            "reportingComponent": _COMPONENT,
            "reportingInstance": self._mark,
        }


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _numbers(lowest: int, highest: int) -> str:
    return f"{lowest:04d}" if lowest == highest else f"{lowest:04d} to {highest:04d}"


def _why(message: str) -> str:
    """Return what tells most of a message, in one line that is not long."""
    line = in_one_line(message) or "it did not say why"
    return line if len(line) <= WORDS_LIMIT_CHARS else f"{line[: WORDS_LIMIT_CHARS - 1]}…"
