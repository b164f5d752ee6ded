"""What the page shows of an experiment: bests, curves, what waits, what failed, how long it takes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from simulation.documents import make_experiment, make_result

from expsdk.analysis.open import read_trial
from expsdk.analysis.results import Results
from expsdk.dashboard import parts
from expsdk.dashboard.logs import as_shown
from expsdk.dashboard.sight import Sight
from expsdk.dashboard.trial_page import trial_page
from expsdk.space import Space
from expsdk.sweep.limits import Limits

See = Callable[..., Sight]
TRACEBACK = 'Traceback (most recent call last):\n  File "train.py", line 3, in train\nValueError: no {} for you\n'


@pytest.fixture
def see() -> See:
    """Returns an experiment with these trials as it is known at a moment."""

    def see(*documents: dict[str, Any], waiting: dict[int, str] | None = None, **given: Any) -> Sight:
        known = {
            name: given.pop(name)
            for name in ("is_driven", "trials_outlive", "address", "trouble", "is_gone")
            if name in given
        }
        experiment = make_experiment(**given)
        space = Space.from_declarative(experiment.spec.space)
        trials = [read_trial(document, space=space, is_alive=True) for document in documents]
        results = Results(experiment, trials, location=".expsdk/train-mlp")
        return Sight("train-mlp", results, waiting=waiting or {}, is_whole=True, **known)

    return see


def by_epoch(document: dict[str, Any]) -> dict[str, Any]:
    """Return a Result whose metrics were logged at two epochs."""
    metrics = document["status"]["metrics"]
    history = {name: {"stride": 1, "points": [[0, 1], [1.0, kept["last"]]]} for name, kept in metrics.items()}
    return {**document, "status": {**document["status"], "history": history}}


def test_every_part_is_json_whatever_numbers_are_logged(see: See) -> None:
    documents = [make_result(number, loss=value) for number, value in enumerate([math.nan, math.inf, -math.inf, 0.5])]
    sight = see(*documents)
    shown = [
        parts.overview(sight, optuna=""),
        parts.history(sight, "loss"),
        parts.curves(sight, "loss"),
        *(trial_page(sight, f"train-mlp-{number:04d}") for number in range(4)),
    ]
    json.dumps(shown, allow_nan=False)
    assert shown[1]["values"] == ["NaN", "Infinity", "-Infinity", 0.5]


def test_before_anything_is_known_every_part_is_there() -> None:
    sight = Sight("train-mlp", None, trouble="the disk is away")
    assert parts.overview(sight, optuna="")["trouble"] == "the disk is away"
    assert parts.history(sight, "")["numbers"] == parts.curves(sight, "")["curves"] == []
    assert parts.waiting(sight)["total"] == parts.failures(sight)["total"] == 0
    assert not trial_page(sight, "train-mlp-0000")["known"]


def test_failures_that_differ_in_numbers_only_are_of_one_kind(see: See) -> None:
    failed = [make_result(n, "Failed", reason="UserError", message=TRACEBACK.format(n / 7)) for n in range(15)]
    other = make_result(15, "Failed", reason="OutOfMemory", message="it used 3 GiB of 2 GiB")
    told = parts.failures(see(*failed, other, make_result(16, loss=1.0)))
    assert (told["total"], told["kinds"]) == (16, 2)
    first, second = told["groups"]
    assert (first["reason"], first["count"], first["line"]) == ("UserError", 15, "ValueError: no 0.0 for you")
    assert first["error"] == TRACEBACK.format(0.0)
    assert [trial["name"] for trial in first["trials"]][:2] == ["train-mlp-0000", "train-mlp-0001"]
    assert len(first["trials"]) == 12
    assert (second["count"], second["line"]) == (1, "it used 3 GiB of 2 GiB")


def test_what_waits_for_the_same_is_told_once_in_the_schedulers_own_words(see: See) -> None:
    words = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu"
    pending = [make_result(number, "Pending", reason="Unschedulable") for number in range(3)]
    told = parts.waiting(see(*pending, make_result(3, "Pending"), waiting=dict.fromkeys(range(3), words)))
    assert told["total"] == 4
    assert [(each["reason"], each["words"], each["count"]) for each in told["groups"]] == [
        ("Unschedulable", words, 3),
        ("", "its turn: it has not begun yet", 1),
    ]


def test_of_several_objectives_the_front_is_best(see: See) -> None:
    objectives = {"loss": "minimize", "size": "maximize"}
    documents = [
        make_result(0, loss=1.0, size=1.0),
        make_result(1, loss=0.5, size=0.5),
        make_result(2, loss=2.0, size=0.1),
    ]
    told = parts.overview(see(*documents, objectives=objectives), optuna="")
    assert [trial["values"] for trial in told["best"]] == [[1.0, 1.0], [0.5, 0.5]]
    assert told["front"] == 2
    assert parts.history(see(*documents, objectives=objectives), "size")["values"] == [1.0, 0.5, 0.1]


def test_curves_are_of_those_that_run_and_of_a_few_of_the_best(see: See) -> None:
    done = [by_epoch(make_result(number, loss=number / 10)) for number in range(20)]
    told = parts.curves(see(*done), "loss")
    assert [curve["number"] for curve in told["curves"]] == list(range(8))
    assert (told["curves"][2]["epochs"], told["curves"][2]["series"]) == ((0, 1), [1.0, 0.2])
    assert parts.curves(see(make_result(0, loss=1.0)), "loss")["curves"] == []
    running = [make_result(number, "Running", loss=1.0) for number in range(20, 40)]
    told = parts.curves(see(*done, *running), "nonsense")
    assert told["metric"] == "loss"
    assert told["running"] == 20
    assert [curve["number"] for curve in told["curves"]] == [0, 1, 2, *range(28, 40)]


def test_the_time_left_is_what_the_last_trials_took(see: See) -> None:
    documents = [
        {**document, "status": {**document["status"], "completionTime": f"2026-01-31T12:00:{2 * number:02d}Z"}}
        for number, document in enumerate(make_result(number, loss=1.0) for number in range(6))
    ]
    limits = Limits(trials=10)
    assert parts.overview(see(*documents, limits=limits, is_driven=True), optuna="")["left_s"] == 8.0
    assert parts.overview(see(*documents, limits=limits), optuna="")["left_s"] is None
    assert parts.overview(see(*documents[:2], limits=limits, is_driven=True), optuna="")["left_s"] is None


@pytest.mark.parametrize(
    ("known", "standing"),
    [
        ({"phase": "Succeeded", "message": "10 succeeded"}, ("Succeeded", "10 succeeded")),
        ({"is_driven": True}, ("Running", "")),
        ({"is_driven": None}, ("Running", "")),
        ({"sampler": "user"}, ("Running", "")),
        ({}, ("Interrupted", "the process that drove it has ended; go on: expsdk resume train-mlp")),
        (
            {"trials_outlive": True, "address": {"backend": "kubernetes", "namespace": "ml"}},
            (
                "Interrupted",
                (
                    "no process launches trials any more; go on: expsdk resume train-mlp --backend kubernetes"
                    " --namespace ml"
                ),
            ),
        ),
        ({"is_gone": True}, ("Deleted", "")),
    ],
)
def test_how_a_sweep_stands_is_told_in_words(see: See, known: dict[str, Any], standing: tuple[str, str]) -> None:
    assert see(**known).standing == standing


def test_a_trial_tells_where_it_comes_from_and_who_went_on_from_it(see: See) -> None:
    child = make_result(1, loss=0.25)
    child["spec"]["parent"] = "train-mlp-0000"
    sight = see(make_result(0, loss=0.5, parameters={"x": 0.1}), child, make_result(2, loss=1.0))
    first, second = trial_page(sight, "train-mlp-0000"), trial_page(sight, "train-mlp-0001")
    assert (first["rank"], first["children"], first["before"], first["after"]) == (
        "number 2 of all",
        ["train-mlp-0001"],
        "",
        "train-mlp-0001",
    )
    assert (second["rank"], second["parent"], second["before"]) == (
        "the best so far",
        "train-mlp-0000",
        "train-mlp-0000",
    )
    assert first["parameters"] == [["x", "0.1"]]
    assert ["Python", "3.11.7"] in first["facts"]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain\n", "plain"),
        ("\x1b[1;31mred\x1b[0m\n", "red"),
        ("\x1b]0;title\x07text\n", "text"),
        ("10%\r20%\r30%\n", "30%"),
        ("tab\there \x00\x07bell\n", "tab\there bell"),
        ("<script>\n", "<script>"),
        ("x" * 3000, "x" * 1999 + "…"),
    ],
)
def test_lines_of_logs_are_plain_text(line: str, shown: str) -> None:
    assert as_shown(line) == shown
