"""A Result's status as the job writes it: built from the ledger, never over its limit whatever was logged."""

from __future__ import annotations

import json
import time
from typing import Any

from expsdk_runtime.contract import MESSAGE_LIMIT_BYTES, STATUS_LIMIT_BYTES
from expsdk_runtime.ledger import Ledger
from expsdk_runtime.series import CAPACITY

FEWEST_POINTS = 4


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
    status = {
        **facts,
        "message": keep_end(facts.get("message", "")),
        "epoch": ledger.epoch,
        "objectives": ledger.objectives(),
    }
    names, points = len(ledger.series), CAPACITY
    while True:
        status.update(ledger.records(names=names, points=points))
        if len(json.dumps(status)) <= STATUS_LIMIT_BYTES or names == 0:
            return status
        if points > FEWEST_POINTS:
            points //= 2
        else:
            names //= 2


def keep_end(message: str) -> str:
    """Return the end of `message`, cut at a line, such that its JSON has at most `MESSAGE_LIMIT_BYTES`."""
    if len(message) * 6 <= MESSAGE_LIMIT_BYTES or len(json.dumps(message)) <= MESSAGE_LIMIT_BYTES:
        return message
    kept = message[-MESSAGE_LIMIT_BYTES:]
    while len(json.dumps(kept)) > MESSAGE_LIMIT_BYTES - 8:
        kept = kept[len(kept) // 8 + 1 :]
    return "…\n" + kept.partition("\n")[2] if "\n" in kept else "…" + kept
