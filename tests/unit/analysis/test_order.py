"""The order of rows by one of their values."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from expsdk.analysis.order import in_order

MOMENT = datetime(2026, 1, 1, tzinfo=timezone.utc)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.just(MOMENT), st.lists(st.integers())
)


def test_numbers_before_moments_before_texts_and_what_is_missing_last() -> None:
    values: list[Any] = ["b", None, 3, MOMENT, math.nan, "a", 1.5, [1]]
    assert in_order(values, lambda value: value)[:6] == [1.5, 3, MOMENT, "a", "b", [1]]
    assert in_order([2, None, 1, 3], lambda value: value, descending=True) == [3, 2, 1, None]


@given(st.lists(VALUES), st.booleans())
def test_every_order_keeps_all_and_equal_ones_in_place(values: list[Any], descending: bool) -> None:
    items = list(enumerate(values))
    ordered = in_order(items, lambda item: item[1], descending=descending)
    assert sorted(place for place, _ in ordered) == list(range(len(values)))
    for one, other in pairwise(ordered):
        if one[1] == other[1] and type(one[1]) is type(other[1]):
            assert one[0] < other[0]
