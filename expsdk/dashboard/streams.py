"""Server-sent events: a page's data, sent anew part by part whenever that part has changed.

https://html.spec.whatwg.org/multipage/server-sent-events.html says what they look like.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from expsdk.dashboard import parts
from expsdk.dashboard.live import Live
from expsdk.dashboard.logs import LogWatch
from expsdk.dashboard.sight import Sight
from expsdk.dashboard.table import TableQuery, table
from expsdk.dashboard.trial_page import trial_page
from expsdk.dashboard.watching import ExperimentWatch, ListWatch

PAUSE_S = 0.5
LEISURE = 4.0
"""A page is worked out anew after so many times as long as it took: no page takes more than a fifth of a core."""
HEARTBEAT_S = 1.0
FIRST_WAIT_S = 1.0
FIRST_TURN_S = 0.05
_OPENING = "retry: 1000\n\n"

Part = tuple[str, Callable[[], Any]]


class Changes:
    """Turns parts into events, and leaves out those that are as they were sent last."""

    def __init__(self) -> None:
        self._sent: dict[str, str] = {}

    def event(self, name: str, data: Any) -> str:
        """Return the event that tells of a part, or "" where it has not changed."""
        text = json.dumps(data, separators=(",", ":"), allow_nan=False)
        if self._sent.get(name) == text:
            return ""
        self._sent[name] = text
        return event(name, text)


def event(name: str, text: str) -> str:
    """Return an event with a text of one line, as JSON is."""
    return f"event: {name}\ndata: {text}\n\n"


def list_stream(looking: AbstractContextManager[ListWatch]) -> Iterator[str]:
    """Yield the list of experiments as events; "" where a second brings nothing."""
    with looking as watch:
        changes = Changes()
        yield _OPENING
        for version in _versions(watch, lambda: watch.is_whole):
            yield "" if version is None else changes.event("list", parts.listing(*watch.look()))


def experiment_stream(
    looking: AbstractContextManager[ExperimentWatch], query: Mapping[str, str], *, optuna: str
) -> Iterator[str]:
    """Yield an experiment as events.

    Args:
        looking: The experiment.
        query: What the page shows: "sort", "phase", "q", "page" of the table, "metric" of the curves, and "objective".
        optuna: Where Optuna's dashboard shows the experiment, or "".
    """
    rows = TableQuery.from_query(query)
    objective, metric = query.get("objective", ""), query.get("metric", "")

    def shown(sight: Sight) -> list[Part]:
        return [
            ("overview", lambda: sight.once("overview", lambda: parts.overview(sight, optuna=optuna))),
            ("trials", lambda: table(sight, rows)),
            ("history", lambda: sight.once(("history", objective), lambda: parts.history(sight, objective))),
            ("curves", lambda: sight.once(("curves", metric), lambda: parts.curves(sight, metric))),
            ("waiting", lambda: sight.once("waiting", lambda: parts.waiting(sight))),
            ("failures", lambda: sight.once("failures", lambda: parts.failures(sight))),
        ]

    with looking as watch:
        changes = Changes()
        yield _OPENING
        for version in _versions(watch, lambda: _is_worth_showing(watch.look())):
            if version is None:
                yield ""
                continue
            for name, work_out in shown(watch.look()):
                yield changes.event(name, work_out())


def trial_stream(
    looking: AbstractContextManager[ExperimentWatch], reading: AbstractContextManager[LogWatch], name: str
) -> Iterator[str]:
    """Yield a trial and the end of its log as events.

    Args:
        looking: The trial's experiment.
        reading: Its log.
        name: The trial's name.
    """
    with looking as watch, reading as log:
        changes = Changes()
        yield _OPENING
        count = 0
        told = ""
        for version in _versions(watch, lambda: _is_worth_showing(watch.look()), heartbeat_s=PAUSE_S):
            if version is not None:
                yield changes.event("trial", _trial(watch.look(), name))
            lines, total, trouble = log.look(count)
            state = json.dumps([total, trouble, log.has_ended])
            if state != told:
                told = state
                skipped = total - count - len(lines)
                data = {"lines": lines, "skipped": skipped, "total": total, "words": trouble, "ended": log.has_ended}
                count = total
                yield event("log", json.dumps(data))
            elif version is None:
                yield ""


def _trial(sight: Sight, name: str) -> dict[str, Any]:
    return sight.once(("trial", name), lambda: trial_page(sight, name))


def _is_worth_showing(sight: Sight) -> bool:
    return sight.is_whole or bool(sight.trouble)


def _versions(live: Live, is_ready: Callable[[], bool], *, heartbeat_s: float = HEARTBEAT_S) -> Iterator[int | None]:
    """Yield each version of a thing that is worth working out, and None where a while brings none; end with it."""
    # What is read for the first time is shown when it is whole, or when that takes long.
    give_up_at = time.monotonic() + FIRST_WAIT_S
    while not (live.is_over or is_ready()) and time.monotonic() < give_up_at:
        time.sleep(FIRST_TURN_S)
    version = -1
    while not live.is_over:
        now = live.wait(version, heartbeat_s)
        if now == version:
            yield None
            continue
        version = now
        began = time.monotonic()
        yield version
        time.sleep(max(PAUSE_S, LEISURE * (time.monotonic() - began)))
