"""The picture of a running sweep for notebooks, and when a notebook gets it."""

from __future__ import annotations

import pytest
from simulation.documents import make_experiment, make_result

from expsdk.sweep.display.board import Board
from expsdk.sweep.display.card import card, text
from expsdk.sweep.display.mode import LIVE, PLAIN, QUIET, choose_mode
from expsdk.sweep.limits import Limits
from expsdk.sweep.observer import Standing
from expsdk_runtime.contract import Phase

NASTY = "<script>&"


def board(*, looking_on: bool = False) -> Board:
    experiment = make_experiment(limits=Limits(trials=10, parallelism=2))
    return Board(experiment, location="here", looking_on=looking_on, at=0.0)


def test_it_tells_what_runs_waits_failed_and_is_best() -> None:
    seen = board()
    running = make_result(1, Phase.RUNNING, parameters={"x": 0.5}, loss=2.0)
    running["status"]["history"]["loss"]["points"] = [[0, 1], [3.0, 2.0]]
    seen.changed(make_result(0, loss=1.0), alive=False)
    seen.changed(running, alive=True)
    seen.changed(make_result(2, Phase.PENDING, reason="Unschedulable", message=f"no {NASTY}"), alive=True)
    seen.changed(make_result(3, Phase.FAILED, reason="UserError", message=f"ValueError: {NASTY}"), alive=False)
    seen.refresh(
        Standing({Phase.SUCCEEDED: 1, Phase.FAILED: 1, Phase.RUNNING: 1, Phase.PENDING: 1}, best=(0, 1.0)), at=6.0
    )
    view = seen.view(at=60.0, rows=8)
    page = card(view)
    for told in (
        "2 of 10 done",
        "1 min 0 s spent",
        "x=0.5",
        "a node: no &lt;script&gt;&amp;",
        "UserError: ValueError:",
        "<svg",
    ):
        assert told in page
    assert NASTY not in page
    assert text(view).startswith("train-mlp: 2 of 10 done")


@pytest.mark.parametrize(("times", "said"), [(0, "launch no more"), (1, "asked to stop"), (2, "are killed")])
def test_it_says_what_the_stop_button_does(times: int, said: str) -> None:
    seen = board()
    if times:
        seen.interrupted(times)
    page = card(seen.view(at=1.0, rows=8))
    assert said in page
    assert "Ctrl-C" not in page


def test_what_troubles_the_coordinator_is_told() -> None:
    seen = board(looking_on=True)
    seen.troubled(f"the API server is away {NASTY}")
    page = card(seen.view(at=1.0, rows=8))
    assert "the API server is away &lt;script&gt;&amp;" in page
    assert "look on no more" in page


@pytest.mark.parametrize(
    ("asked", "environment", "mode"),
    [
        (True, {}, LIVE),
        (True, {"TERM": "dumb"}, LIVE),
        (True, {"CI": "1"}, PLAIN),
        ("plain", {}, PLAIN),
        ("live", {"CI": "1"}, LIVE),
        (True, {"EXPSDK_PROGRESS": "quiet"}, QUIET),
        (False, {}, QUIET),
    ],
)
def test_a_notebook_needs_no_terminal(asked: object, environment: dict[str, str], mode: str) -> None:
    assert choose_mode(asked, environment, is_terminal=False, is_notebook=True) == mode
