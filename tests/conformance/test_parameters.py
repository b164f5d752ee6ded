"""Samples reach the function as they are recorded: by name, in their own JSON types."""

from __future__ import annotations

import json
from typing import Any

from expsdk import choice, current_trial, experiment, integer, log_metric, loguniform, output_dir, uniform

VALUES = [2, 1.0, True, None, "1", "ü\u2028\n'\"\\", [1, [2.0, None]], {"a": {"b": [False]}}, 2**53, 1e-300, -0.0, ""]


def test_json_types_survive(place: Any) -> None:
    @experiment(space={"value": choice(VALUES), "constant": 1.0}, objective="loss")
    def train(value: Any, constant: float) -> float:
        (output_dir() / "seen").write_text(repr((value, constant)))
        return 1.0

    found = place.run(train)
    assert len(found) == len(VALUES)
    for trial, value in zip(found, VALUES, strict=True):
        with open(f"{trial.output_dir}/seen") as file:  # noqa: PTH123
            assert file.read() == repr((value, 1.0))
        assert repr(trial.parameters) == repr({"value": value, "constant": 1.0})
    again = place.results(found.name)
    assert [repr(trial.parameters) for trial in again] == [repr(trial.parameters) for trial in found]


def test_branches_reach_the_function_as_keyword_arguments(place: Any) -> None:
    @experiment(
        space={"optimizer": choice({"sgd": {"momentum": [0.0, 0.9]}, "adam": {"beta": [0.5]}})}, objective="loss"
    )
    def train(optimizer: str, **settings: float) -> float:
        trial = current_trial()
        # No assert here: what pytest makes of one needs pytest in the job.
        if trial is None or {"optimizer": optimizer, **settings} != trial.parameters:
            raise ValueError(trial)
        log_metric("settings", len(settings))
        return sum(settings.values())

    found = place.run(train)
    assert found.counts == {"Succeeded": 3}, found[0].error
    assert [dict(trial.parameters) for trial in found] == [
        {"optimizer": "sgd", "momentum": 0.0},
        {"optimizer": "sgd", "momentum": 0.9},
        {"optimizer": "adam", "beta": 0.5},
    ]
    assert [trial.values["loss"] for trial in found] == [0.0, 0.9, 0.5]


def test_defaults_and_keyword_only_parameters_are_the_functions(place: Any) -> None:
    @experiment(space={"lr": loguniform(1e-3, 1), "depth": integer(1, 3), "x": uniform(0, 1)}, objective="loss")
    def train(lr: float, *, depth: int, x: float, epochs: int = 4) -> float:
        if (type(lr), type(depth), type(x)) != (float, int, float):
            raise TypeError((lr, depth, x))
        return float(epochs)

    found = place.run(train, sampler="random", trials=3)
    assert [trial.values for trial in found] == [{"loss": 4.0}] * 3, found[0].error


def test_what_a_trial_does_to_its_parameters_is_its_own_affair(place: Any) -> None:
    @experiment(space={"sizes": choice([[1, 2], [3]]), "again": [1, 2]}, objective="loss")
    def train(sizes: list[int], again: int) -> float:
        sizes.append(100)
        return float(len(sizes))

    found = place.run(train)
    assert [trial.values["loss"] for trial in found] == [3.0, 2.0, 3.0, 2.0]
    assert [trial.parameters["sizes"] for trial in found] == [[1, 2], [3], [1, 2], [3]]


def test_records_hold_parameters_as_json(place: Any) -> None:
    @experiment(space={"value": choice([[1.5, None], {"a": 1}])}, objective="loss")
    def train(value: Any) -> float:
        return 1.0

    found = place.run(train)
    specs = [document["spec"] for document in place.documents(found.name)]
    assert [json.dumps(spec["parameters"]) for spec in specs] == ['{"value": [1.5, null]}', '{"value": {"a": 1}}']
    assert [spec["number"] for spec in specs] == [0, 1]
    assert [spec["seed"] for spec in specs] == [trial.seed for trial in found]
