"""Conditions on rows: what they may say, and what is told of those that are none."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expsdk.analysis.where import LIMIT_CHARS, matching
from expsdk.errors import ResultsError

ROWS: list[dict[str, Any]] = [
    {"name": "a-0000", "number": 0, "phase": "Succeeded", "parameters.lr": 0.1, "parameters.opt": "sgd"},
    {"name": "a-0001", "number": 1, "phase": "Failed", "parameters.lr": 0.001, "parameters.opt": "adam"},
    {
        "name": "a-0002",
        "number": 2,
        "phase": "Failed",
        "parameters.lr": 0.2,
        "metrics.val/loss": 0.5,
        "metrics.lr": 7.0,
    },
    {"name": "a-0003", "number": 3, "phase": "Running", "parameters.flag": True, "metrics.val/loss": float("nan")},
]


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ('lr<0.01 and phase=="Failed"', [1]),
        ("lr < 0.15 or number == 3", [0, 1, 3]),
        ("not lr < 0.15", [2, 3]),
        ("0.05 < lr <= 0.1", [0]),
        ("parameters.lr > 0.15", [2]),
        ("metrics.lr > 0.15", [2]),
        ('metrics["val/loss"] == 0.5', [2]),
        ('opt in ("sgd", "adam")', [0, 1]),
        ('opt not in ["sgd"]', [1, 2, 3]),
        ('"ad" in opt', [1]),
        ("opt is None", [2, 3]),
        ("opt is not None", [0, 1]),
        ("flag", [3]),
        ("flag == True", [3]),
        ("lr * 10 >= 1", [0, 2]),
        ("lr / 0 > 1", []),
        ("-lr < -0.15", [2]),
        ("number % 2 == 1", [1, 3]),
        ('lr < "x"  or number == 1', [1]),
        ("True", [0, 1, 2, 3]),
        ("lr < None", []),
    ],
)
def test_a_condition_chooses_rows(condition: str, numbers: list[int]) -> None:
    if '"x"' in condition:
        with pytest.raises(ResultsError, match="compares a number with a text in every trial"):
            matching(condition, ROWS)
        return
    assert matching(condition, ROWS) == numbers


def test_what_a_row_may_have_is_known_though_none_has_it() -> None:
    assert matching("depth > 3", ROWS, names=["parameters.depth"]) == []
    assert matching("anything > 3", []) == []


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("", "a condition is a text of 1 to 2000 characters, not ''; write one like"),
        ("1" * (LIMIT_CHARS + 1), "a condition is a text of 1 to 2000 characters"),
        ("lr = 3", "'lr = 3' does not: equality is '=='"),
        ("lr < 1 && number > 2", "write 'and' for '&&'"),
        ("lr <", "'lr <' does not"),
        ("lrr < 3", "not 'lrr'; did you mean 'lr'?"),
        ("phase == failed", "not 'failed'"),
        ('phase == "failed"', "not 'failed'; did you mean 'Failed'?"),
        ('phase in ("Failed", "Crashed")', "not 'Crashed'"),
        ("flag == true", "'true' does not; write True"),
        ("__import__('os')", "and no \"__import__('os')\""),
        ("lr.real > 1", "and no 'lr.real'"),
        ("[x for x in lr]", "and no '[x for x in lr]'"),
        ("lambda: 1", "and no 'lambda: 1'"),
        ("2 ** 99999 > lr", "and no '2 ** 99999'"),
        ("~lr", "and no '~lr'"),
        ("lr < 1 < 'a'", "compares a number with a text in every trial"),
        ("(" * 60 + "lr" + ")" * 60 + " < 1 " + "+ 1" * 60, "is deeper; leave out parentheses"),
        ("not " * 200 + "lr", "is deeper; leave out parentheses"),
    ],
)
def test_what_is_no_condition_is_told(condition: str, words: str) -> None:
    with pytest.raises(ResultsError) as caught:
        matching(condition, ROWS)
    assert words in str(caught.value)


@given(st.text(alphabet="lr<>=!()[]'\" andotiphse.0123456789+-*/%,", max_size=60))
def test_any_text_is_a_condition_or_an_error_in_words(text: str) -> None:
    with suppress(ResultsError):
        assert set(matching(text, ROWS)) <= set(range(len(ROWS)))


@given(st.floats(allow_nan=False), st.lists(st.one_of(st.none(), st.floats()), max_size=20))
def test_an_order_is_that_of_numbers(limit: float, values: list[float | None]) -> None:
    rows = [{"x": value} for value in values]
    expected = [place for place, value in enumerate(values) if value is not None and value < limit]
    assert matching(f"x < {limit!r}".replace("inf", "1e999"), rows, names=["x"]) == expected
