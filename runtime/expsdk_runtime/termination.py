"""The container's termination message: how a trial ended, for whoever launched it to read where its Result lacks it."""

from __future__ import annotations

import json
import os
from typing import Any

from expsdk_runtime.console import say
from expsdk_runtime.status import keep_end

PATH = "/dev/termination-log"
LIMIT_BYTES = 4096
"""https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/"""
MESSAGE_LIMIT_BYTES = 2048
_FIELDS = ("phase", "reason", "message", "attempt", "epoch", "objectives", "completionTime", "delivered")


def termination_message(status: dict[str, Any]) -> str:
    """Return what fits of a last status: its message's end, objectives, and as many metrics as there is room for."""
    kept = {field: status[field] for field in _FIELDS if field in status}
    kept["message"] = keep_end(status["message"], MESSAGE_LIMIT_BYTES)
    objectives: dict[str, Any] = kept.pop("objectives", {})
    kept["objectives"] = _that_fit(objectives, LIMIT_BYTES - len(json.dumps({**kept, "objectives": {}, "metrics": {}})))
    names = sorted(status["metrics"], key=lambda name: name not in objectives)
    metrics = {name: status["metrics"][name] for name in names}
    kept["metrics"] = _that_fit(metrics, LIMIT_BYTES - len(json.dumps({**kept, "metrics": {}})))
    return json.dumps(kept)


def write_termination_message(path: str, status: dict[str, Any]) -> None:
    """Write how a trial ended to the file that the container's runtime reads; says so where that fails."""
    content = termination_message(status).encode()
    try:
        # In place, the file being a mount of its own, and never empty: this process may be killed at any moment.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, content)
            os.ftruncate(descriptor, len(content))
        finally:
            os.close(descriptor)
    except OSError as error:
        say(f"expsdk: there is no termination message: {error}")


def _that_fit(values: dict[str, Any], room: int) -> dict[str, Any]:
    """Return the first of `values` whose JSON has at most `room` bytes together, besides its braces."""
    kept = {}
    for name, value in values.items():
        room -= len(json.dumps({name: value}))  # its braces are what the comma takes
        if room < 0:
            break
        kept[name] = value
    return kept
