"""The table of trials: sorted, filtered, paged."""

from __future__ import annotations

import math
from typing import Any

import pytest
from simulation.documents import make_experiment, make_result

from expsdk.analysis.open import read_trial
from expsdk.analysis.results import Results
from expsdk.dashboard.sight import Sight
from expsdk.dashboard.table import PAGE, TableQuery, table
from expsdk.space import Space, choice, loguniform

SPACE = {"lr": loguniform(1e-4, 1), "opt": choice(["sgd", "adam"])}
TRIALS = [
    make_result(0, loss=0.5, parameters={"lr": 0.1, "opt": "sgd"}),
    make_result(1, loss=0.125, parameters={"lr": 0.01, "opt": "adam"}),
    make_result(
        2, "Failed", reason="UserError", message="ValueError: Bad luck", parameters={"lr": 0.001, "opt": "adam"}
    ),
    make_result(3, "Running", loss=0.25, parameters={"lr": 0.5, "opt": "sgd"}),
    make_result(4, loss=math.nan, parameters={"lr": 0.05, "opt": "adam"}),
]


def shown(sight: Sight, **query: str) -> list[int]:
    return [row["number"] for row in table(sight, TableQuery.from_query(query))["rows"]]


@pytest.fixture
def sight() -> Sight:
    return see(TRIALS)


def see(documents: list[dict[str, Any]]) -> Sight:
    experiment = make_experiment(space=SPACE)
    space = Space.from_declarative(experiment.spec.space)
    trials = [read_trial(document, space=space, is_alive=True) for document in documents]
    return Sight("train-mlp", Results(experiment, trials, location=""))


@pytest.mark.parametrize(
    ("sort", "numbers"),
    [
        ("", [4, 3, 2, 1, 0]),
        ("number", [0, 1, 2, 3, 4]),
        ("metrics.loss", [1, 3, 0, 2, 4]),  # those without a number last,
        ("-metrics.loss", [0, 3, 1, 2, 4]),  # either way
        ("parameters.lr", [2, 1, 4, 0, 3]),
        ("parameters.opt", [1, 2, 4, 0, 3]),
        ("phase", [2, 3, 0, 1, 4]),
        ("-duration", [0, 1, 2, 4, 3]),
        ("no.such", [0, 1, 2, 3, 4]),
    ],
)
def test_rows_come_in_the_order_of_a_column(sight: Sight, sort: str, numbers: list[int]) -> None:
    assert shown(sight, sort=sort) == numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("adam", [1, 2, 4]),
        ("ADAM", [1, 2, 4]),
        ("adam bad", [2]),
        ("usererror", [2]),
        ("0003", [3]),
        ("lr<0.05", [1, 2]),
        ("lr<=0.05", [1, 2, 4]),
        ("lr>0.05 opt=sgd", [0, 3]),
        ("opt!=sgd", [1, 2, 4]),
        ("parameters.lr==0.1", [0]),
        ("loss<0.3", [1, 3]),
        ("number>=3", [3, 4]),
        ("lr<x", []),
        ("nothing<1", []),
        ("<>", []),
        ("[", []),
    ],
)
def test_words_and_comparisons_choose_rows(sight: Sight, text: str, numbers: list[int]) -> None:
    assert shown(sight, q=text, sort="number") == numbers


def test_phases_choose_rows_and_nonsense_does_not(sight: Sight) -> None:
    assert shown(sight, phase="Failed,Running", sort="number") == [2, 3]
    assert shown(sight, phase="Faild", sort="number") == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 30, "²"])
def test_a_page_that_makes_no_sense_is_the_first_or_the_last(sight: Sight, page: str) -> None:
    assert len(shown(sight, page=page)) == 5


def test_pages_together_are_all_rows() -> None:
    sight = see([make_result(number, loss=1.0, parameters={"lr": 0.1, "opt": "sgd"}) for number in range(2 * PAGE + 3)])
    pages = [shown(sight, sort="number", page=str(page)) for page in (1, 2, 3)]
    assert [number for page in pages for number in page] == list(range(2 * PAGE + 3))
    last = table(sight, TableQuery(page=99))
    assert (last["page"], last["pages"], last["matching"], last["first"]) == (3, 3, 2 * PAGE + 3, 2 * PAGE + 1)


def test_columns_are_objectives_then_parameters(sight: Sight) -> None:
    told = table(sight, TableQuery())
    assert [column["label"] for column in told["columns"]] == ["trial", "phase", "loss", "epoch", "time", "lr", "opt"]
    failed = next(row for row in told["rows"] if row["number"] == 2)
    assert (failed["line"], failed["parameters"], failed["metrics"]) == (
        "ValueError: Bad luck",
        {"lr": "0.001", "opt": "adam"},
        {},
    )
