"""Times in records: RFC 3339 in UTC with microseconds, `2026-01-31T12:00:00.000000Z`.

Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

__all__ = ["format_time", "parse_time", "seconds_of"]

_EXAMPLE = "2026-01-31T12:00:00.000000Z"
_RFC_3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))\Z", re.ASCII
)


def format_time(moment: datetime) -> str:
    """Return a moment as RFC 3339 has it, in UTC with microseconds.

    Raises:
        ValueError: The moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"a time in a record needs its zone, got {moment!r}: use datetime.now(timezone.utc)")
    return moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_time(text: str) -> datetime:
    """Return the moment, in UTC, that an RFC 3339 text tells; digits beyond microseconds are cut off.

    `datetime.fromisoformat` reads neither `Z` nor such fractions before Python 3.11.

    Raises:
        ValueError: The text is no RFC 3339 time with a zone.
    """
    match = _RFC_3339.match(text)
    if match is None:
        raise ValueError(f"a time in a record looks like {_EXAMPLE} (RFC 3339), got {text!r}")
    *parts, fraction, _, sign, hours, minutes = match.groups()
    year, month, day, hour, minute, second = map(int, parts)
    microsecond = int((fraction or "0")[:6].ljust(6, "0"))
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    try:
        moment = datetime(year, month, day, hour, minute, second, microsecond, timezone(offset))
        return moment.astimezone(timezone.utc)
    except (OverflowError, ValueError) as exc:
        raise ValueError(f"a time in a record is a moment like {_EXAMPLE}, got {text!r}: {exc}") from exc


def seconds_of(status: Mapping[str, Any]) -> float:
    """Return how long an attempt at a trial has run by its status, in seconds; until now, where it has not ended."""
    if not status.get("startTime"):
        return 0.0
    ended = status.get("completionTime")
    end = parse_time(ended) if ended else datetime.now(timezone.utc)
    return max(0.0, (end - parse_time(status["startTime"])).total_seconds())
