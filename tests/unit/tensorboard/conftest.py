"""What these tests share: what TensorBoard's own reader finds in a directory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Run:
    """What TensorBoard's own reader has found.

    Attributes:
        scalars: `(step, value, wall time)` of each point, by tag.
        parameters: The hyperparameters.
        status: How the session ended, in the plugin's words, or "" where it says nothing.
    """

    scalars: dict[str, list[tuple[int, float, float]]]
    parameters: dict[str, Any]
    status: str

    def steps(self, tag: str) -> list[int]:
        return [step for step, _, _ in self.scalars[tag]]


@pytest.fixture(scope="session")
def read_run() -> Callable[[Path], Run]:
    """Return a function that reads a run as TensorBoard does."""
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed: pip install 'expsdk[tensorboard]'")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.api_pb2 import Status
    from tensorboard.plugins.hparams.metadata import parse_session_end_info_plugin_data as end_of
    from tensorboard.plugins.hparams.metadata import parse_session_start_info_plugin_data as start_of

    def read(directory: Path) -> Run:
        accumulator = EventAccumulator(str(directory), size_guidance={"scalars": 0})
        accumulator.Reload()
        scalars = {
            tag: [(event.step, event.value, event.wall_time) for event in accumulator.Scalars(tag)]
            for tag in accumulator.Tags()["scalars"]
        }
        content = {tag: about.plugin_data.content for tag, about in accumulator.summary_metadata.items()}
        start = start_of(content["_hparams_/session_start_info"])
        parameters = {name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()}
        end = content.get("_hparams_/session_end_info")
        return Run(scalars, parameters, Status.Name(end_of(end).status) if end else "")

    return read
