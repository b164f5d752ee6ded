"""What a sampler hears of a trial, read from its Result."""

from __future__ import annotations

import json
import math

import pytest
from simulation.documents import make_result

from expsdk.resources.result import Result
from expsdk.samplers import TrialOutcome
from expsdk.samplers.outcome import outcome_of
from expsdk.space import Space, choice, uniform
from expsdk_runtime.contract import Phase, Reason

SPACE = Space.of({"x": uniform(0, 2), "k": choice([1.0, "a"])})


def test_everything_that_a_record_tells_arrives() -> None:
    document = make_result(7, parameters={"k": 1, "x": 1}, loss=0.5, accuracy=math.inf, size=3.0)
    document["spec"] |= {"constraints": [0, "NaN", -1.5], "parent": "train-mlp-0003"}
    document["status"]["history"]["loss"] = {"stride": 2, "points": [[0, 2, 4], [2, "NaN", 0.5]]}

    outcome = outcome_of(document, space=SPACE, objectives=["loss", "accuracy"])

    assert outcome.number == 7
    assert repr(outcome.parameters) == "{'x': 1.0, 'k': 1.0}"
    assert (outcome.phase, outcome.reason, outcome.parent) == (Phase.SUCCEEDED, "", 3)
    assert outcome.values == (0.5, math.inf)
    assert repr(outcome.history) == "((0, 2.0), (2, nan), (4, 0.5))"
    assert outcome.metrics == {"loss": 0.5, "accuracy": math.inf, "size": 3.0}
    assert repr(outcome.constraints) == "(0.0, nan, -1.5)"
    assert Result.model_validate(json.loads(json.dumps(document))).spec.number == 7  # it is one that may be


def test_a_trial_that_has_not_begun_has_nothing_to_tell() -> None:
    document = make_result(0, parameters={"x": 0.0, "k": "a"})
    del document["status"]
    outcome = outcome_of(document, space=SPACE, objectives=["loss"])
    assert outcome == TrialOutcome(0, {"x": 0.0, "k": "a"}, Phase.PENDING, None)


@pytest.mark.parametrize("logged", [{}, {"accuracy": 1.0}])
def test_a_trial_that_lacks_an_objective_has_no_values(logged: dict[str, float]) -> None:
    document = make_result(1, Phase.FAILED, reason=Reason.NO_OBJECTIVE, **logged)
    outcome = outcome_of(document, space=SPACE, objectives=["accuracy", "loss"])
    assert (outcome.values, outcome.reason, outcome.metrics) == (None, Reason.NO_OBJECTIVE, logged)
    assert len(outcome.history) == len(logged)


def test_a_parent_of_another_name_is_none() -> None:
    document = make_result(1)
    document["spec"]["parent"] = "elsewhere-0001"
    assert outcome_of(document, space=SPACE, objectives=["loss"]).parent is None
