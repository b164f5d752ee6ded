"""Times in records: one form written, every RFC 3339 form read."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from expsdk.resources.document import Time
from expsdk.resources.times import format_time, parse_time

zones = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=zones)
noon = datetime(2026, 1, 31, 12, 0, 0, 250000, tzinfo=timezone.utc)


def test_the_form_is_utc_with_microseconds() -> None:
    assert format_time(noon) == "2026-01-31T12:00:00.250000Z"
    assert format_time(noon.astimezone(timezone(timedelta(hours=5, minutes=30)))) == "2026-01-31T12:00:00.250000Z"
    assert format_time(datetime(7, 1, 1, tzinfo=timezone.utc)) == "0007-01-01T00:00:00.000000Z"


@given(moments)
def test_a_moment_goes_there_and_back(moment: datetime) -> None:
    parsed = parse_time(format_time(moment))
    assert parsed == moment
    assert parsed.tzinfo is timezone.utc


@given(moments)
def test_the_records_type_reads_and_writes_the_same(moment: datetime) -> None:
    adapter = TypeAdapter[datetime](Time)
    text = format_time(moment)
    assert adapter.validate_python(text) == moment
    assert adapter.dump_python(adapter.validate_python(text), mode="json") == text


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00.25Z",
        "2026-01-31t12:00:00.25z",
        "2026-01-31T12:00:00.250000999Z",
        "2026-01-31T13:30:00.25+01:30",
        "2026-01-31T10:30:00.25-01:30",
    ],
)
def test_other_forms_are_read(text: str) -> None:
    assert parse_time(text) == noon


def test_what_kubernetes_writes_is_read() -> None:
    assert parse_time("2026-01-31T12:00:00Z") == noon.replace(microsecond=0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-13-31T12:00:00Z",
        "2026-01-31T12:00:60Z",
        "2026-01-31T12:00:00+24:00",
        "0001-01-01T00:00:00+01:00",
        "2026-01-31T12:00:00Z\n",
        "２026-01-31T12:00:00Z",
    ],
)
def test_no_time_is_refused_with_the_value_and_the_form(text: str) -> None:
    with pytest.raises(ValueError, match="2026-01-31T12:00:00") as caught:
        parse_time(text)
    assert repr(text) in str(caught.value)


def test_a_moment_without_zone_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"use datetime\.now\(timezone\.utc\)"):
        format_time(datetime(2026, 1, 31))
