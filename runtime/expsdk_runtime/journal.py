"""The full series of a trial's metrics as JSON lines: in `metrics.jsonl`, or on standard output."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from math import isfinite

from expsdk_runtime.console import say
from expsdk_runtime.contract import decode_number, encode_number
from expsdk_runtime.tracking import Automatic, as_epoch, as_metric_name

FILE_NAME = "metrics.jsonl"
AUTOMATIC = ', "automatic": true'


class Journal:
    """Appends points to a file or to standard output. It never fails a trial: what cannot be written is said once."""

    def __init__(self, path: str | None) -> None:
        """Write to the file at `path`, or to standard output where it is None."""
        self._path = path
        self._may_be_torn = True
        self._complained = False
        self._keys: dict[str, str] = {}

    def replay(self) -> Iterator[tuple[dict[str, float], int]]:
        """Yield the points that former attempts wrote, in their order; what is no such point is passed over."""
        if self._path is None or not os.path.isfile(self._path):
            return
        try:
            with open(self._path, encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    point = _parse(line)
                    if point is not None:
                        yield point
        except OSError as error:
            say(f"expsdk: the metrics of former attempts are not read from {self._path}: {error}")

    def write(self, points: list[tuple[dict[str, float], int, float]]) -> None:
        """Append points: values by metric, epoch, and unix time in seconds."""
        text = "".join(
            [
                self._line(name, value, epoch, at, AUTOMATIC if type(values) is Automatic else "")
                for values, epoch, at in points
                for name, value in values.items()
            ]
        )
        try:
            if self._path is None:
                sys.stdout.write(text)
                sys.stdout.flush()
            else:
                self._append(self._path, text)
        except (OSError, ValueError, AttributeError) as error:  # standard output may be closed, or None
            if not self._complained:
                self._complained = True
                say(f"expsdk: metrics are no longer written to {self._path or 'standard output'}: {error}")

    def _append(self, path: str, text: str) -> None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        # A former attempt, or a full disk, may have left half a line: it must not swallow the next one.
        mended = "\n" if self._may_be_torn and _ends_within_line(path) else ""
        self._may_be_torn = True
        with open(path, "a", encoding="utf-8") as file:
            file.write(mended + text)
        self._may_be_torn = False

    def _line(self, name: str, value: float, epoch: int, at: float, mark: str) -> str:
        """Return a point as a line of JSON, four times as quickly as `json.dumps`."""
        key = self._keys.get(name) or self._keys.setdefault(name, json.dumps(name))
        number = repr(value) if isfinite(value) else f'"{encode_number(value)}"'
        return f'{{"metric": {key}, "value": {number}, "epoch": {epoch}, "time": {at:.6f}{mark}}}\n'


def _parse(line: str) -> tuple[dict[str, float], int] | None:
    """Return the point that a line tells of, or None: users write into the trial's directory too."""
    try:
        point = json.loads(line)
        kind = Automatic if point.get("automatic") else dict
        return kind({as_metric_name(point["metric"]): decode_number(point["value"])}), as_epoch(point["epoch"])
    except (AttributeError, ValueError, TypeError, KeyError, OverflowError):
        return None


def _ends_within_line(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:  # it is not there, or empty
        return False
