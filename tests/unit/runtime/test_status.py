"""Statuses: whatever was logged and raised, one fits its limit, is valid, and keeps what matters most."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expsdk_runtime.contract import MESSAGE_LIMIT_BYTES, METRIC_NAME_LIMIT_CHARS, STATUS_LIMIT_BYTES
from expsdk_runtime.ledger import Ledger
from expsdk_runtime.status import LINE_LIMIT_CHARS, build_status, deliverable, keep_end, timestamp

FACTS: dict[str, Any] = {
    "phase": "Running",
    "reason": "",
    "message": "",
    "attempt": 1,
    "startTime": timestamp(),
    "completionTime": None,
    "outputDir": "/out",
    "environment": {},
}
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=METRIC_NAME_LIMIT_CHARS // 4)
TEXTS = st.text(max_size=30)


@st.composite
def messages(draw: st.DrawFn) -> str:
    """Texts of any size and script, also with lone surrogates."""
    parts = draw(st.lists(st.tuples(TEXTS, st.sampled_from([1, 2, 50, 1000])), max_size=5))
    return "".join(text * times for text, times in parts)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(NAMES, min_size=1, max_size=8, unique=True),
    copies=st.sampled_from([1, 3, 40, 300]),
    epochs=st.sampled_from([1, 5, 130, 400]),
    message=messages(),
    number=st.floats() | st.just(0.1 + 0.2),
)
def test_a_status_fits_its_limit_and_is_valid_whatever_was_logged(
    check_document: Callable[[dict[str, Any]], None],
    names: list[str],
    copies: int,
    epochs: int,
    message: str,
    number: float,
) -> None:
    ledger = Ledger([("objective", "maximize")])
    ledger.add({"objective": number}, 0)
    for epoch in range(min(epochs, 6000 // (copies * len(names)) + 1)):
        ledger.add({f"{name}{copy}": number for name in names for copy in range(copies)}, epoch)
    status = build_status({**FACTS, "message": message}, ledger)
    assert len(json.dumps(status)) <= STATUS_LIMIT_BYTES
    assert "objective" in status["metrics"]
    assert status["truncatedMetrics"] + len(status["metrics"]) == len(ledger.series)
    check_document(status)


def test_what_fits_is_left_as_it_is() -> None:
    ledger = Ledger([])
    for epoch in range(120):
        ledger.add({f"m{number}": random.random() for number in range(5)}, epoch)
    status = build_status(FACTS, ledger)
    assert all(len(history["points"][0]) == 120 for history in status["history"].values())
    assert status["truncatedMetrics"] == 0


def test_histories_are_thinned_before_metrics_are_left_out() -> None:
    ledger = Ledger([])
    for epoch in range(120):
        ledger.add({f"m{number}": random.random() for number in range(100)}, epoch)
    status = build_status(FACTS, ledger)
    assert status["truncatedMetrics"] == 0
    assert all(4 <= len(history["points"][0]) < 120 for history in status["history"].values())
    assert len(json.dumps(status)) > STATUS_LIMIT_BYTES / 3


def test_of_too_many_metrics_the_objective_and_the_first_stay() -> None:
    ledger = Ledger([("loss", "minimize")])
    ledger.add({f"m{number}": 0.5 for number in range(5000)}, 0)
    ledger.add({"loss": 0.5}, 0)
    status = build_status(FACTS, ledger)
    assert list(status["metrics"])[:3] == ["loss", "m0", "m1"]
    assert status["truncatedMetrics"] == 5001 - len(status["metrics"])
    assert len(status["metrics"]) > 100


@given(messages())
def test_a_message_keeps_its_end_within_its_limit_in_text_that_utf8_carries(message: str) -> None:
    kept = keep_end(message)
    assert len(json.dumps(kept)) <= MESSAGE_LIMIT_BYTES
    whole = deliverable(message)
    assert kept.encode().decode() == kept
    assert kept.endswith(whole[-50:])
    if len(json.dumps(whole)) <= MESSAGE_LIMIT_BYTES:
        assert kept == whole
    assert keep_end(kept) == kept


def test_a_long_traceback_loses_its_first_lines() -> None:
    lines = [f"  line {number} of the traceback" for number in range(1000)]
    kept = keep_end("\n".join(lines)).split("\n")
    assert kept[0] == "…"
    assert kept[1:] == lines[-len(kept) + 1 :]
    assert len(kept) > 100


def test_an_exception_with_a_message_of_a_megabyte_keeps_its_type() -> None:
    kept = keep_end("Traceback (most recent call last):\n  in train\nValueError: " + "x" * 2**20 + " the end")
    assert kept.startswith("Traceback (most recent call last):\n  in train\nValueError: xxx")
    assert kept.endswith("xxx the end")
    assert len(kept.splitlines()[-1]) <= LINE_LIMIT_CHARS + len(" … ")


@pytest.mark.parametrize("character", ["x", "é", "漢", "🙂", "\ud800", "\n", "\\", '"', "\x00"])
def test_every_kind_of_character_is_counted_as_json_has_it(character: str) -> None:
    assert len(json.dumps(keep_end(character * 1300))) <= MESSAGE_LIMIT_BYTES
    assert len(json.dumps(keep_end(character * 100_000))) <= MESSAGE_LIMIT_BYTES


def test_a_timestamp_is_utc_with_microseconds() -> None:
    assert timestamp(0.0) == "1970-01-01T00:00:00.000000Z"
    assert timestamp(1_700_000_000.25) == "2023-11-14T22:13:20.250000Z"
    now = datetime.strptime(timestamp(), "%Y-%m-%dT%H:%M:%S.%f%z")
    assert abs((datetime.now(timezone.utc) - now).total_seconds()) < 60


@given(st.floats(0, 4e9))
def test_a_timestamp_is_right_to_the_microsecond(at: float) -> None:
    written = datetime.strptime(timestamp(at), "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
    assert abs(written - at) <= 1.5e-6  # a float of this size cannot hold microseconds exactly


def test_the_check_of_documents_that_these_tests_rely_on_can_fail(
    check_document: Callable[[dict[str, Any]], None],
) -> None:
    status = build_status(FACTS, Ledger([]))
    check_document(status)
    for wrong in ({"phase": "Asleep"}, {"colour": "red"}, {"epoch": "first"}, {"objectives": {"loss": "big"}}):
        with pytest.raises(Exception, match=r".+"):
            check_document({**status, **wrong})
