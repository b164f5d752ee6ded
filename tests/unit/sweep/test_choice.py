"""What users write in a word: a budget, a sampler or a pruner with options."""

from __future__ import annotations

from typing import Any

import pytest

from expsdk.errors import SweepError
from expsdk.sweep.budget import Budget
from expsdk.sweep.choice import Choice


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("40 gpu-hours", Budget("gpu", 40.0)),
        ("1.5 cpu-hours", Budget("cpu", 1.5)),
        (" 2 GPU hours ", Budget("gpu", 2.0)),
        ("1 cpu-hour", Budget("cpu", 1.0)),
        ("3gpu-h", Budget("gpu", 3.0)),
        ("0.25 cpu h", Budget("cpu", 0.25)),
    ],
)
def test_a_budget_is_hours_of_something(text: str, budget: Budget) -> None:
    assert Budget.parse(text) == budget
    assert Budget.parse(str(budget)) == budget


@pytest.mark.parametrize(
    "given",
    [
        "40",
        "gpu-hours",
        "0 gpu-hours",
        "-1 gpu-hours",
        "4 tpu-hours",
        "4 gpu-days",
        "1e3 cpu-hours",
        "9" * 400 + " cpu-hours",
        40,
        None,
    ],
)
def test_anything_else_is_none(given: Any) -> None:
    with pytest.raises(SweepError) as caught:
        Budget.parse(given)
    assert str(caught.value) == (
        "budget is a number of hours above 0 and what is counted, 'cpu-hours' or 'gpu-hours', not"
        f" {given!r}; write one such as budget='40 gpu-hours'"
    )


@pytest.mark.parametrize("hours", [1_000_000.0, 0.123456789, 1234567.5, 1e-6])
def test_a_budget_that_is_shown_can_be_written_again(hours: float) -> None:
    assert Budget.parse(str(Budget("cpu", hours))) == Budget("cpu", hours)


class Named:
    def __init__(self, name: object) -> None:
        self.name = name


class TestChoice:
    def test_a_name_with_options_is_a_mapping(self) -> None:
        given = {"name": "median", "n_warmup_steps": 3}
        assert Choice.of("pruner", given) == Choice("median", {"n_warmup_steps": 3})
        assert given["name"] == "median"

    @pytest.mark.parametrize("given", ["tpe", len, Named("mine")])
    def test_anything_else_is_taken_as_it_is(self, given: Any) -> None:
        assert Choice.of("sampler", given).given is given

    @pytest.mark.parametrize("given", [{}, {"n": 1}, {"name": 7}])
    def test_a_mapping_without_a_name_is_refused(self, given: Any) -> None:
        with pytest.raises(SweepError) as caught:
            Choice.of("sampler", given)
        assert str(caught.value) == (
            f"a sampler with options is a mapping with its name, not {given!r}; write sampler={{'name': …, …}}"
        )

    @pytest.mark.parametrize("option", [object(), {1, 2}, float("nan")])
    def test_options_are_json(self, option: Any) -> None:
        with pytest.raises(SweepError, match=r"options of pruner 'median' are JSON values.*give an object of Optuna's"):
            Choice.of("pruner", {"name": "median", "x": option})

    @pytest.mark.parametrize(
        ("given", "name"),
        [("tpe", "tpe"), (len, "len"), (Named("mine"), "mine"), (Named(""), "Named"), (Named(3), "Named")],
    )
    def test_its_name_is_what_records_call_it(self, given: Any, name: str) -> None:
        assert Choice(given).name == name
