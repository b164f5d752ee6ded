"""A trial in TensorBoard's event files: its metrics over epochs, its parameters, and how it ended.

tensorboardX writes them and is imported here, so this module is imported only where it is there. The job writes such
files about itself, and the laptop about any trial.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo
from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata

from expsdk_runtime.contract import Phase

SUFFIX = ".expsdk"
_PREFIX = "events"


class Point(NamedTuple):
    """One value of a metric.

    Attributes:
        metric: Its name.
        epoch: The epoch, TensorBoard's step.
        value: The value.
        at: When it was logged, as unix time in seconds.
        automatic: Whether a library has logged it and not the training function.
    """

    metric: str
    epoch: int
    value: float
    at: float
    automatic: bool = False


class TrialEvents:
    """The event file of one trial, in a directory where former ones of ours are replaced.

    Attributes:
        is_outdated: Whether a value was replaced by a later one, or came late, which a file that is appended to cannot
            tell: then `rewrite` is due.
    """

    def __init__(self, directory: str, *, parameters: Mapping[str, Any], started: float) -> None:
        """Make the directory's writer; the first file is that of the first `rewrite`.

        Args:
            directory: The directory, TensorBoard's run; it is made where it is not there.
            parameters: The trial's sample, which TensorBoard calls hyperparameters.
            started: When the trial began, as unix time in seconds.
        """
        self.is_outdated = False
        self._directory = directory
        self._parameters = parameters
        self._started = started
        self._last: dict[str, tuple[int, float]] = {}
        self._own: set[str] = set()
        self._writer: EventsWriter | None = None

    def last_epoch(self, metric: str) -> int:
        """Return the highest epoch of a metric that was written, or -1."""
        return self._last.get(metric, (-1, 0.0))[0]

    def add(self, points: Iterable[Point]) -> None:
        """Append points, as far as appending does."""
        for point in points:
            if not self._counts(point):
                continue
            epoch, value = self._last.get(point.metric, (-1, 0.0))
            if point.epoch > epoch:
                self._last[point.metric] = (point.epoch, point.value)
                summary = Summary(value=[Summary.Value(tag=point.metric, simple_value=point.value)])
                self._write(Event(wall_time=point.at, step=point.epoch, summary=summary))
            elif (point.epoch, point.value) != (epoch, value):
                self.is_outdated = True

    def rewrite(self, points: Iterable[Point]) -> None:
        """Replace the file by one with these points, given in the order in which they were logged."""
        self._own.clear()
        self._last.clear()
        series: dict[str, dict[int, Point]] = {}
        for point in points:
            is_first = not point.automatic and point.metric not in self._own
            if self._counts(point):
                known = series.setdefault(point.metric, {})
                if is_first and point.epoch < max(known, default=-1):  # as `Ledger` does
                    known.clear()
                known[point.epoch] = point
        self.close()
        self._begin()
        self.add(sorted((point for each in series.values() for point in each.values()), key=lambda point: point.epoch))
        self.is_outdated = False

    def end(self, phase: str, at: float) -> None:
        """Say how the trial has ended, and close the file."""
        status = STATUS_SUCCESS if phase == Phase.SUCCEEDED else STATUS_FAILURE
        self._say("session_end_info", session_end_info=SessionEndInfo(status=status, end_time_secs=at), at=at)
        self.close()

    def flush(self) -> None:
        """Let TensorBoard see what was written."""
        if self._writer:
            self._writer.flush()

    def close(self) -> None:
        """Close the file, if it is open."""
        if self._writer:
            self._writer.close()
            self._writer = None

    def _counts(self, point: Point) -> bool:
        """Whether a point counts: a library's do not once the training function has logged the metric itself."""
        if point.automatic:
            return point.metric not in self._own
        self._own.add(point.metric)
        return True

    def _begin(self) -> None:
        os.makedirs(self._directory, exist_ok=True)
        former = [entry for entry in os.scandir(self._directory) if entry.name.endswith(SUFFIX)]
        # TensorBoard reads a run's files in the order of their names.
        self._writer = EventsWriter(os.path.join(self._directory, _PREFIX), f".{time.time_ns()}{SUFFIX}")
        # Whoever has read a former file forgets it: all its steps are at least 0.
        self._write(Event(wall_time=self._started, step=0, session_log=SessionLog(status=SessionLog.START)))
        start = SessionStartInfo(start_time_secs=self._started)
        for name, value in self._parameters.items():
            _set(start.hparams[name], value)
        self._say("session_start_info", session_start_info=start, at=self._started)
        if former:
            self.flush()  # which waits for the disk
        for entry in former:
            if entry.stat().st_size:
                os.truncate(entry.path, 0)  # a TensorBoard that reads it just now goes on to the next one
            else:
                os.unlink(entry.path)

    def _say(self, tag: str, *, at: float, **about: Any) -> None:
        """Write a record of TensorBoard's plugin for hyperparameters."""
        content = HParamsPluginData(version=0, **about).SerializeToString()
        metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="hparams", content=content))
        summary = Summary(value=[Summary.Value(tag=f"_hparams_/{tag}", metadata=metadata)])
        self._write(Event(wall_time=at, summary=summary))

    def _write(self, event: Event) -> None:
        if self._writer:
            self._writer.write_event(event)


class JournalReader:
    """Reads the points of a trial's `metrics.jsonl` while others append to it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._offset = 0

    def read_on(self) -> list[Point]:
        """Return the points that were written since the last call; what is no point is passed over."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                text = file.read()
        except FileNotFoundError:
            return []
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [point for point in map(_parse, whole.splitlines()) if point is not None]

    def read_all(self) -> list[Point]:
        """Return all points that are there."""
        self._offset = 0
        return self.read_on()


def _parse(line: bytes) -> Point | None:
    try:
        said = json.loads(line)
        automatic = bool(said.get("automatic"))
        return Point(str(said["metric"]), int(said["epoch"]), float(said["value"]), float(said["time"]), automatic)
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError):
        return None


def _set(field: Any, value: Any) -> None:
    """Set a hyperparameter, which is a number, a string or a boolean; JSON's other values are written as such."""
    if isinstance(value, bool):
        field.bool_value = value
    elif isinstance(value, (int, float)):
        field.number_value = value
    else:
        field.string_value = value if isinstance(value, str) else json.dumps(value)
