"""Objectives: what people write, and in which words the impossible is refused."""

from __future__ import annotations

from typing import Any

import pytest

from expsdk.errors import DefinitionError, ObjectiveError
from expsdk.experiment.objective import Objective, make_objectives


@pytest.mark.parametrize(
    ("metrics", "directions", "objectives"),
    [
        ("loss", "minimize", [("loss", "minimize")]),
        (["loss"], "maximize", [("loss", "maximize")]),
        (["loss"], ["maximize"], [("loss", "maximize")]),
        (["loss", "time"], "minimize", [("loss", "minimize"), ("time", "minimize")]),
        (("loss", "acc"), ("minimize", "maximize"), [("loss", "minimize"), ("acc", "maximize")]),
        ("val/loss of größe", "minimize", [("val/loss of größe", "minimize")]),
        ("m" * 128, "minimize", [("m" * 128, "minimize")]),
    ],
)
def test_one_objective_or_several(metrics: Any, directions: Any, objectives: list[tuple[str, str]]) -> None:
    assert make_objectives(metrics, directions) == tuple(Objective(*objective) for objective in objectives)


NAMED = "an objective is the name of a metric: "


@pytest.mark.parametrize(
    ("metrics", "directions", "message"),
    [
        (None, "minimize", 'objective is a string or a list of strings, not None; write objective="val_loss"'),
        (
            {"loss": "minimize"},
            "minimize",
            ("objective is a string or a list of strings, not {'loss': 'minimize'}; write objective=\"val_loss\""),
        ),
        (
            {"loss"},
            "minimize",
            "objective is a string or a list of strings, not {'loss'}; write objective=\"val_loss\"",
        ),
        ([], "minimize", 'objective names at least one metric, not []; write objective="val_loss"'),
        (
            "",
            "minimize",
            f"{NAMED}a metric's name has 1 to 128 characters, this one 0: ''; write the name that it is logged by",
        ),
        (
            "m" * 129,
            "minimize",
            (
                f"{NAMED}a metric's name has 1 to 128 characters, this one 129: '{'m' * 40}';"
                " write the name that it is logged by"
            ),
        ),
        (
            ["loss", 3],
            "minimize",
            f"{NAMED}a metric's name is a string, not int 3; write the name that it is logged by",
        ),
        (
            [["loss"]],
            "minimize",
            f"{NAMED}a metric's name is a string, not list ['loss']; write the name that it is logged by",
        ),
        (
            ["loss", "acc", "loss"],
            "minimize",
            "objectives differ from each other, but ['loss', 'acc', 'loss'] names one twice; name each once",
        ),
        (
            ["loss", "acc"],
            ["minimize"],
            (
                "every objective has one direction, but objective lists 2 and direction lists 1;"
                " give one direction for all, or a list of 2"
            ),
        ),
        (
            "loss",
            ["minimize", "maximize"],
            (
                "every objective has one direction, but objective lists 1 and direction lists 2;"
                " give one direction for all, or a list of 1"
            ),
        ),
        (
            "loss",
            "min",
            "the direction of 'loss' is \"minimize\" or \"maximize\", not 'min'; did you mean 'minimize'?",
        ),
        (
            ["loss", "acc"],
            ["minimize", "Maximise"],
            "the direction of 'acc' is \"minimize\" or \"maximize\", not 'Maximise'; did you mean 'maximize'?",
        ),
        ("loss", "down", "the direction of 'loss' is \"minimize\" or \"maximize\", not 'down'; write one of them"),
        ("loss", [None], 'the direction of \'loss\' is "minimize" or "maximize", not None; write one of them'),
        (
            "loss",
            [["minimize"]],
            "the direction of 'loss' is \"minimize\" or \"maximize\", not ['minimize']; did you mean 'minimize'?",
        ),
        ("loss", None, 'direction is a string or a list of strings, not None; write direction="minimize"'),
        ("loss", 1, 'direction is a string or a list of strings, not 1; write direction="minimize"'),
    ],
)
def test_an_impossible_objective_is_refused_in_these_words(metrics: Any, directions: Any, message: str) -> None:
    with pytest.raises(ObjectiveError) as caught:
        make_objectives(metrics, directions)
    assert str(caught.value) == message
    assert isinstance(caught.value, DefinitionError)
    assert isinstance(caught.value, ValueError)
