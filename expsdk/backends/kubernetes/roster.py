"""The trials that run, as their coordinator knows them, and what follows from whatever is heard of them.

All of it belongs to the thread that drives; what is to be asked of the server is handed on, a task of the trial's lane.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from expsdk.backends.base import Document, Update
from expsdk.backends.kubernetes import ward
from expsdk.backends.kubernetes.documents import whole
from expsdk.backends.kubernetes.labels import NUMBER_LABEL
from expsdk.backends.kubernetes.trial import LiveTrial, Patience
from expsdk.backends.kubernetes.ward import Look, NoteWaiting
from expsdk.backends.kubernetes.work import Looked, Work
from expsdk.backends.verdict import Sentence
from expsdk.cluster.follow import Listed, Seen
from expsdk.cluster.kinds import RESULTS
from expsdk.errors import QuotaExceeded
from expsdk.resources.result import Result
from expsdk_runtime.contract import Phase, Reason, Stop

CHECK_EVERY_S = 1.0


class Roster:
    """The trials of one experiment that have not ended, by number."""

    def __init__(
        self,
        work: Work,
        *,
        patience: Patience,
        grace_s: float,
        do: Callable[..., None],
        unwanted: Callable[[int], None],
    ) -> None:
        """Begin with none.

        Args:
            work: What can be done for a trial on the server.
            patience: How long a trial may wait before it has failed.
            grace_s: How long a container that still runs may take to report, once its Job is over.
            do: Called with a trial's number and a task of its lane; `instead=True` drops what waits there.
            unwanted: Called with a trial's number, once, when its Result says that it is to stop for good.
        """
        self._work = work
        self._patience = patience
        self._grace_s = grace_s
        self._do = do
        self._unwanted = unwanted
        self._trials: dict[int, LiveTrial] = {}
        self._unsure: set[int] = set()  # trials that time alone may change
        self._check_at = 0.0
        self._updates: list[Update] = []

    def __contains__(self, number: object) -> bool:
        return number in self._trials

    @property
    def check_at(self) -> float | None:
        """When time alone may have changed a trial, or None."""
        return self._check_at if self._unsure else None

    def has_news(self) -> bool:
        """Whether there are updates."""
        return bool(self._updates)

    def news(self) -> list[Update]:
        """Return the updates since the last call."""
        updates, self._updates = self._updates, []
        return updates

    def expect(self, result: Result) -> int:
        """Expect to hear of a trial, and return its number."""
        number = result.spec.number
        document = whole(self._work.document_of(result))
        self._trials[number] = LiveTrial(number, result.metadata.name, document, time.monotonic())
        return number

    def take_up(self, trials: list[LiveTrial], now: float) -> list[Update]:
        """Take over the trials of an earlier coordinator, by number, and return how each of them stands."""
        updates = []
        for trial in trials:
            is_there = trial.job is not None and not (trial.is_over and trial.has_said)
            if is_there:
                self._trials[trial.number] = trial
            updates.append(Update(trial.number, trial.presented(now) if is_there else trial.document, alive=is_there))
        for number in sorted(self._trials):
            self._heed(self._trials[number])
            self._assess(number, now)
        return updates

    def name_of(self, number: int) -> str | None:
        """Return a trial's name, or None where it has ended."""
        trial = self._trials.get(number)
        return None if trial is None else trial.name

    def tend(self, now: float) -> None:
        """See what time has changed."""
        if now >= self._check_at:
            self._check_at = now + CHECK_EVERY_S
            for number in sorted(self._unsure):
                self._assess(number, now)

    def end(self, number: int, sentence: Sentence, verb: Any) -> None:
        """Give up on a trial: what was to be done for it and is not yet is not done any more."""
        trial = self._trials.get(number)
        if trial is not None:
            trial.sentence = trial.sentence or sentence
            self._do(number, partial(verb, self._work, number, trial.name), instead=True)

    def see(self, sight: Seen) -> None:
        """Take in what an object is now."""
        number = _number_of(sight)
        trial = self._trials.get(-1 if number is None else number)
        if trial is None or number is None:
            return
        now = time.monotonic()
        if sight.kind is RESULTS:
            if trial.is_settling:
                return
            if sight.event == "DELETED":
                self._do(number, partial(self._restore, trial.document))
                return
            trial.take_result(whole(sight.object), now)
            self._heed(trial)
            self._updates.append(Update(number, trial.presented(now), alive=True))
        else:
            ward.take(trial, sight, now)
        self._assess(number, now)

    def compare(self, listed: Listed) -> None:
        """Take in what all objects of a kind are now; of what should be there and was not, ask once more."""
        for document in listed.items:
            self.see(Seen(listed.kind, "ADDED", document))
        for trial in ward.missed(self._trials.values(), listed):
            self._do(trial.number, partial(self._work.verify, trial.number, trial.name))

    def lose_job(self, number: int) -> None:
        """Take in that a trial has no Job."""
        trial = self._trials.get(number)
        if trial is not None:
            trial.lose_job(time.monotonic())
            self._assess(number, time.monotonic())

    def note_look(self, looked: Looked) -> None:
        """Take in what a trial's events said."""
        trial = self._trials.get(looked.number)
        if trial is not None:
            trial.warned = looked.waiting
            self._assess(looked.number, time.monotonic())

    def hold_up(self, number: int, error: Exception) -> None:
        """Show why a trial that is to be launched has to wait."""
        trial = self._trials.get(number)
        if trial is None or trial.has_job:
            return
        reason = Reason.QUOTA_EXCEEDED if isinstance(error, QuotaExceeded) else Reason.LAUNCH_FAILED
        trial.document = {**trial.document, "status": {**trial.status, "reason": reason, "message": str(error)}}
        self._updates.append(Update(trial.number, trial.document, alive=True))

    def fail(self, number: int, error: Exception) -> bool:
        """Let a trial fail that cannot be launched; whether there is one that an error can be blamed on."""
        trial = self._trials.get(number)
        if trial is None or trial.has_job:
            return False
        self._do(trial.number, partial(self._work.fail, trial.number, trial.name, str(error)))
        return True

    def bury(self, number: int, document: Document) -> None:
        """Tell how a trial ended; what comes of it after that is passed over."""
        if self._trials.pop(number, None) is not None:
            self._unsure.discard(number)
            self._updates = [update for update in self._updates if update.number != number]
            self._updates.append(Update(number, document, alive=False))

    def clear(self) -> None:
        """Forget all of them."""
        self._trials.clear()

    def _heed(self, trial: LiveTrial) -> None:
        """Pass on that a trial's Result says that it is to stop for good, which anybody may have written."""
        if trial.document["spec"].get("stop") == Stop.CANCELLED and not trial.is_unwanted:
            trial.is_unwanted = True
            self._unwanted(trial.number)

    def _assess(self, number: int, now: float) -> None:
        """See what follows from what is known of a trial: it is over, it waits, or it goes on."""
        trial = self._trials.get(number)
        if trial is None or trial.is_settling:
            self._unsure.discard(number)
            return
        if trial.is_over:
            self._settle(trial, now)
            return
        if trial.said_at is not None:
            if trial.presented(now)["status"]["phase"] in Phase.FINISHED:
                self._unsure.discard(number)
                self._updates.append(Update(number, trial.presented(now), alive=True))
            else:
                self._unsure.add(number)
            return
        (self._unsure.discard if trial.has_begun else self._unsure.add)(number)
        self._mind_waiting(trial, now)

    def _settle(self, trial: LiveTrial, now: float) -> None:
        """Look into the end of a trial whose Job is over; containers that still run get time to report."""
        if ward.lingers(trial, now, self._grace_s):
            self._unsure.add(trial.number)
            return
        self._unsure.discard(trial.number)
        if trial.has_said:
            self.bury(trial.number, trial.document)
            return
        trial.is_settling = True
        self._do(trial.number, partial(self._work.settle, trial))

    def _mind_waiting(self, trial: LiveTrial, now: float) -> None:
        """Note what a trial waits for, where that is new, and lose patience in the end."""
        for decision in ward.mind(trial, now, self._patience):
            if isinstance(decision, Look):
                self._do(trial.number, partial(self._work.look, trial.number, decision.names, queued=decision.queued))
            elif isinstance(decision, NoteWaiting):
                self._do(trial.number, partial(self._work.note_waiting, trial.document, decision.waiting))
            else:
                self.end(trial.number, decision.sentence, Work.remove)

    def _restore(self, document: Document) -> None:
        self._work.restore(document)


def _number_of(sight: Seen) -> int | None:
    """Return the number of the trial that an object belongs to."""
    if sight.kind is RESULTS:
        number = sight.object.get("spec", {}).get("number")
        return number if isinstance(number, int) else None
    text = sight.object["metadata"].get("labels", {}).get(NUMBER_LABEL, "")
    return int(text) if text.isdecimal() else None
