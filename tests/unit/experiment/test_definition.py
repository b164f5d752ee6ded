"""Definitions: what the decorator was told, checked once and frozen."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from expsdk.errors import DefinitionError, ObjectiveError, SpaceError
from expsdk.experiment.definition import Definition, define
from expsdk.experiment.objective import Objective
from expsdk.space import Space, uniform


def train_MLP(lr: float) -> float:  # noqa: N802
    return lr


def made(function: Callable[..., object] = train_MLP, **options: Any) -> Definition:
    told: dict[str, Any] = {
        "space": {"lr": uniform(0, 1)},
        "objective": "loss",
        "direction": "minimize",
        "name": None,
        "include": (),
        "exclude": (),
    }
    return define(function, **told | options)


def test_a_definition_keeps_what_the_decorator_was_told() -> None:
    assert made(name="mlp", include=["data/*.csv"], exclude=("**/*.log", "./a")) == Definition(
        function=train_MLP,
        name="mlp",
        space=Space.of({"lr": uniform(0, 1)}),
        objectives=(Objective("loss", "minimize"),),
        include=("data/*.csv",),
        exclude=("**/*.log", "./a"),
    )


def test_a_definition_is_frozen() -> None:
    definition = made()
    with pytest.raises(dataclasses.FrozenInstanceError):
        definition.name = "other"  # type: ignore[misc]


def test_the_name_and_the_label_are_the_functions() -> None:
    def inner(lr: float) -> None: ...

    assert made().name == "train-mlp"
    assert made().label == f"{__name__}.train_MLP"
    assert made(inner).name == "inner"
    assert made(inner).label == f"{__name__}.test_the_name_and_the_label_are_the_functions.<locals>.inner"
    assert made(lambda lr: lr).name == "lambda"


GLOBS = "takes globs relative to the project's root, such as 'data/*.csv',"
OUTSIDE = "read what lies outside the project from a volume, or bake it into the image"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"include": "data/*"}, "include is a list of globs, not 'data/*'; write include=['data/*']"),
        ({"exclude": None}, "exclude is a list of globs, not None; write exclude=['data/*.csv']"),
        ({"include": {"a"}}, "include is a list of globs, not {'a'}; write include=['data/*.csv']"),
        ({"include": ["a", 3]}, f"include {GLOBS} not 3; write a string"),
        ({"include": [""]}, f"include {GLOBS} not ''; write '**/*' for every file"),
        ({"exclude": ["./"]}, f"exclude {GLOBS} not './'; write '**/*' for every file"),
        ({"include": ["/data/*"]}, f"include {GLOBS} not '/data/*'; {OUTSIDE}"),
        ({"include": ["data/../../x"]}, f"include {GLOBS} not 'data/../../x'; {OUTSIDE}"),
        (
            {"include": ["data/**.csv"]},
            (
                f"include {GLOBS} where ** stands alone between slashes, not 'data/**.csv';"
                " write a single * in part of a name"
            ),
        ),
    ],
)
def test_an_impossible_glob_is_refused_in_these_words(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        made(**options)
    assert str(caught.value) == message


def test_an_impossible_name_is_refused_with_a_better_one() -> None:
    with pytest.raises(DefinitionError, match=r"'Train_MLP' has 'T': pass name='train-mlp'$"):
        made(name="Train_MLP")
    with pytest.raises(DefinitionError, match="is a string, got 3 of type int"):
        made(name=3)


def test_every_part_is_checked() -> None:
    with pytest.raises(SpaceError, match="parameter lr: low is at most high"):
        made(space={"lr": uniform(1, 0)})
    with pytest.raises(SpaceError, match=r"parameter depth: train_MLP\(\) takes lr, and no 'depth'"):
        made(space={"lr": 1, "depth": 2})
    with pytest.raises(SpaceError, match="an experiment is a function, not the class int"):
        made(int)
    with pytest.raises(ObjectiveError, match="the direction of 'loss'"):
        made(direction="down")


def test_autolog_is_on_unless_it_is_turned_off() -> None:
    assert made().autolog is True
    assert made(autolog=False).autolog is False
    with pytest.raises(
        DefinitionError, match=r"^autolog is True or False, not 'off'; write autolog=False to turn it off$"
    ):
        made(autolog="off")
