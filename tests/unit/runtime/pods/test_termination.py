"""The termination message: whole where it fits, and its most important parts where it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expsdk_runtime.termination import LIMIT_BYTES, termination_message, write_termination_message

SUMMARY = {"last": 0.123456789012345, "min": 0.123456789012345, "max": 1.5, "best": 0.123456789012345, "epoch": 100}


def status(**changes: Any) -> dict[str, Any]:
    usual = {
        "phase": "Failed",
        "reason": "UserError",
        "message": "Traceback\nValueError: no",
        "attempt": 2,
        "startTime": None,
        "completionTime": "2026-01-01T00:00:00.000000Z",
        "outputDir": "",
        "environment": {"python": "3.11"},
        "epoch": 3,
        "objectives": {"loss": 0.5},
        "metrics": {"acc": SUMMARY, "loss": SUMMARY},
        "history": {"loss": {"stride": 1, "points": [[0], [0.5]]}},
        "truncatedMetrics": 0,
        "delivered": False,
    }
    return {**usual, **changes}


def test_it_says_how_the_trial_ended() -> None:
    fields = {"phase", "reason", "message", "attempt", "epoch", "objectives", "metrics", "completionTime", "delivered"}
    assert json.loads(termination_message(status())) == {key: status()[key] for key in fields}


def test_many_metrics_leave_objectives_and_the_messages_end() -> None:
    metrics = {f"metric-{number:03d}": SUMMARY for number in range(500)}
    long = "\n".join(f"line {number}" for number in range(2000))
    text = termination_message(status(message=long, metrics={**metrics, "loss": SUMMARY}))
    said = json.loads(text)
    assert LIMIT_BYTES - 200 < len(text) <= LIMIT_BYTES
    assert said["message"].endswith("line 1999")
    assert said["objectives"] == {"loss": 0.5}
    assert next(iter(said["metrics"])) == "loss"


@given(
    st.text(max_size=6000),
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128), st.just(SUMMARY)),
)
def test_it_never_outgrows_its_limit(message: str, metrics: dict[str, Any]) -> None:
    text = termination_message(status(message=message, metrics=metrics, objectives=dict.fromkeys(metrics, 0.5)))
    assert len(text.encode()) <= LIMIT_BYTES
    json.loads(text)


def test_a_shorter_one_takes_the_place_of_a_longer_one(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write_termination_message(str(path), status(message="long" * 100))
    write_termination_message(str(path), status(message="", delivered=True))
    assert json.loads(path.read_text())["delivered"] is True


def test_where_it_cannot_be_written_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_termination_message(str(tmp_path / "none" / "log"), status())
    assert "there is no termination message" in capsys.readouterr().err
