"""A Result's status as the job writes it: built from the ledger, never over its limit whatever was logged."""

from __future__ import annotations

import json
import time
from typing import Any

from expsdk_runtime.contract import MESSAGE_LIMIT_BYTES, STATUS_LIMIT_BYTES, decode_number
from expsdk_runtime.ledger import Ledger
from expsdk_runtime.series import CAPACITY

FEWEST_POINTS = 4
LINE_LIMIT_CHARS = 400

# The least that a metric, and a point of its history, take in JSON: what cannot fit need not be tried.
_METRIC_BYTES = 100
_POINT_BYTES = 8


def timestamp(at: float | None = None) -> str:
    """Return a unix time, or now, in RFC 3339 in UTC with microseconds, as Kubernetes' MicroTime."""
    at = time.time() if at is None else at
    whole = int(at)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{int((at - whole) * 1e6):06d}Z"


def build_status(facts: dict[str, Any], ledger: Ledger) -> dict[str, Any]:
    """Return the status: `facts` (phase, reason, times …) with the ledger's metrics, history and objectives.

    Its JSON has at most `STATUS_LIMIT_BYTES`: histories are thinned first, then metrics that are no
    objective are left out and counted in `truncatedMetrics`.
    """
    objectives = ledger.objectives()
    status = {
        **facts,
        "message": keep_end(facts.get("message", "")),
        "epoch": ledger.epoch,
        "objectives": objectives,
        "summary": summarize(objectives),
    }
    names, points = min(len(ledger.series), STATUS_LIMIT_BYTES // _METRIC_BYTES), CAPACITY
    while points > FEWEST_POINTS and ledger.count_points(points) * _POINT_BYTES > STATUS_LIMIT_BYTES:
        points //= 2
    while True:
        status.update(ledger.records(names=names, points=points))
        if len(json.dumps(status)) <= STATUS_LIMIT_BYTES or names == 0:
            return status
        if points > FEWEST_POINTS:
            points //= 2
        else:
            names //= 2


def summarize(objectives: dict[str, float | str]) -> str:
    """Return the objectives in one short line, `val_loss=0.235476 size=20`: six digits each."""
    return " ".join(f"{name}={decode_number(value):.6g}" for name, value in objectives.items())


def keep_end(message: str, limit_bytes: int = MESSAGE_LIMIT_BYTES) -> str:
    """Return the end of `message` in whole lines, such that its JSON has at most `limit_bytes`.

    Where lines have to go, those that stay show both their ends: an exception's type is at the start of
    a line, and so much may follow it.
    """
    message = deliverable(message)
    if len(json.dumps(message)) <= limit_bytes:
        return message
    kept: list[str] = []
    room = limit_bytes - len(json.dumps("…"))
    for line in reversed(message.split("\n")):
        short = _shorten(line)
        room -= len(json.dumps(short))  # its two quotes are what the line's end takes
        if room < 0:
            kept.append("…")
            break
        kept.append(short)
    return "\n".join(reversed(kept))


def deliverable(text: str) -> str:
    """Return `text` without what UTF-8 cannot carry: lone surrogates, as in names of files that are not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def _shorten(line: str) -> str:
    half = LINE_LIMIT_CHARS // 2
    return line if len(line) <= LINE_LIMIT_CHARS else f"{line[:half]} … {line[-half:]}"
