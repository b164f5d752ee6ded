"""The full series of a trial's metrics as JSON lines: in `metrics.jsonl`, or on standard output."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any

from expsdk_runtime.contract import decode_number, encode_number

FILE_NAME = "metrics.jsonl"


class Journal:
    """Appends points to a file or to standard output. It never fails a trial: what cannot be written is said once."""

    def __init__(self, path: str | None) -> None:
        """Write to the file at `path`, or to standard output where it is None."""
        self._path = path
        self._complained = False

    def replay(self) -> Iterator[tuple[dict[str, float], int]]:
        """Yield the points that former attempts wrote, in their order; a torn last line is passed over."""
        if self._path is None or not os.path.exists(self._path):
            return
        with open(self._path, encoding="utf-8") as lines:
            for line in lines:
                try:
                    point = json.loads(line)
                except ValueError:
                    continue
                yield {point["metric"]: decode_number(point["value"])}, point["epoch"]

    def write(self, points: list[tuple[dict[str, float], int, float]]) -> None:
        """Append points: values by metric, epoch, and unix time in seconds."""
        lines = [_line(name, value, epoch, at) for values, epoch, at in points for name, value in values.items()]
        if not lines:
            return
        text = "".join(lines)
        if self._path is None:
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        try:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            if not self._complained:
                self._complained = True
                print(f"expsdk: metrics are no longer written to {self._path}: {error}", file=sys.stderr)


def _line(name: str, value: float, epoch: int, at: float) -> str:
    point: dict[str, Any] = {"metric": name, "value": encode_number(value), "epoch": epoch, "time": round(at, 6)}
    return json.dumps(point) + "\n"
