"""What differs between trials and between sweeps, and that nothing else is told."""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from expsdk.analysis.comparison import ABSENT, Difference, compare_experiments, compare_trials
from expsdk.analysis.results import Results
from expsdk.analysis.trial import TrialRecord
from expsdk.resources.experiment import (
    Experiment,
    ExperimentMetadata,
    ExperimentSpec,
    Objective,
    PayloadReference,
    Provenance,
    SamplerChoice,
)
from expsdk.resources.result import new_result
from expsdk.space import Space, choice, uniform

MOMENT = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def provenance(**changed: Any) -> Provenance:
    facts = {"created": MOMENT, "user": "ada", "host": "laptop", "python": "3.11.7", "expsdk": "0.1.0"}
    return Provenance.model_validate({**facts, **changed})


def trial(number: int = 0, *, experiment: str = "train", origin: Provenance | None = None, **told: Any) -> TrialRecord:
    parameters = told.pop("parameters", {"lr": 0.1})
    environment = told.pop("environment", {"python": "3.11.7", "digest": "sha256:aa"})
    result = new_result(
        experiment, number=number, parameters=parameters, seed=told.pop("seed", 1), provenance=origin or provenance()
    )
    status = {"phase": "Succeeded", "environment": environment, "objectives": {"loss": 0.5}, "epoch": 9, **told}
    document = {**result.to_document(), "status": {**result.to_document()["status"], **status}}
    return TrialRecord.from_document(document, parameters=parameters, log_path=None)


def results(*trials: TrialRecord, name: str = "train", origin: Provenance | None = None, **spec: Any) -> Results:
    payload = {"digest": f"sha256:{'0a' * 32}", "file": "payload.pyz", "size_bytes": 1, "python": "3.11", "format": 1}
    settings = {
        "space": {"lr": {"type": "uniform", "low": 0.0, "high": 1.0}},
        "objectives": (Objective(metric="loss", direction="minimize"),),
        "provenance": origin or provenance(),
        "payload": PayloadReference(**payload),
        **spec,
    }
    record = Experiment(metadata=ExperimentMetadata(name=name), spec=ExperimentSpec(**settings))
    return Results(record, trials, location="here")


def test_of_equal_trials_nothing_is_told() -> None:
    assert compare_trials([trial(0), trial(1), trial(2)]) == []


def test_parameters_that_one_lacks_differ_from_those_that_are_null() -> None:
    first, second = trial(parameters={"opt": "sgd", "m": None}), trial(parameters={"opt": "sgd"})
    assert compare_trials([first, second]) == [Difference("parameters", "m", (None, ABSENT))]


def test_whole_floats_are_the_integers_that_kubernetes_makes_of_them() -> None:
    assert compare_trials([trial(parameters={"depth": 3}), trial(parameters={"depth": 3.0})]) == []


def test_code_packages_place_and_outcome() -> None:
    here = {"python": "3.11.7", "digest": "sha256:aa", "packages": "numpy==2.1.0 torch==2.13.0", "node": "a"}
    there = {"python": "3.12.1", "digest": "sha256:bb", "packages": "numpy==2.2.0", "image": "python:3.12", "node": "a"}
    first = trial(environment=here, origin=provenance(git_commit="e106b7e", diff_digest="sha256:dd"))
    second = trial(environment=there, objectives={"loss": math.nan}, phase="Failed", reason="UserError", seed=2)
    assert compare_trials([first, second]) == [
        Difference("code", "git_commit", ("e106b7e", ABSENT)),
        Difference("code", "diff_digest", ("sha256:dd", ABSENT)),
        Difference("code", "payload_digest", ("sha256:aa", "sha256:bb")),
        Difference("code", "python", ("3.11.7", "3.12.1")),
        Difference("code", "seed", (1, 2)),
        Difference("packages", "numpy", ("2.1.0", "2.2.0")),
        Difference("packages", "torch", ("2.13.0", ABSENT)),
        Difference("place", "image", (ABSENT, "python:3.12")),
        Difference("outcome", "phase", ("Succeeded", "Failed")),
        Difference("outcome", "loss", (0.5, "NaN")),
        Difference("outcome", "reason", (ABSENT, "UserError")),
    ]


def test_of_equal_sweeps_nothing_is_told() -> None:
    assert compare_experiments([results(trial()), results(trial(), name="other")]) == []


def test_a_difference_in_a_branch_alone_is_told() -> None:
    spaces = [
        Space.of({"opt": choice({"sgd": {"momentum": uniform(0.0, high)}, "adam": {}})}).to_declarative()
        for high in (0.5, 0.9)
    ]
    assert compare_experiments([results(name=f"of-{n}", space=space) for n, space in enumerate(spaces)]) == [
        Difference("space", "opt=sgd: momentum", ("uniform(0.0, 0.5)", "uniform(0.0, 0.9)")),
    ]


def test_space_settings_and_best_values_of_sweeps() -> None:
    origin = provenance(packages={"numpy": "2.1.0"}, user="bob")
    first = results(trial(), trials=3)
    second = results(
        trial(objectives={"loss": 0.25}, parameters={"lr": 0.5}),
        trial(1),
        name="other",
        space={"lr": {"type": "loguniform", "low": 0.001, "high": 1.0}},
        sampler=SamplerChoice(name="tpe"),
        trials=3,
        seed=7,
        origin=origin,
    )
    assert compare_experiments([first, second]) == [
        Difference("space", "lr", ("uniform(0.0, 1.0)", "loguniform(0.001, 1.0)")),
        Difference("settings", "sampler", ({"name": "user", "options": {}}, {"name": "tpe", "options": {}})),
        Difference("code", "user", ("ada@laptop", "bob@laptop")),
        Difference("code", "seed", (0, 7)),
        Difference("packages", "numpy", (ABSENT, "2.1.0")),
        Difference("outcome", "trials", (1, 2)),
        Difference("outcome", "succeeded", (1, 2)),
        Difference("outcome", "best loss", (0.5, 0.25)),
        Difference("outcome", "best lr", (0.1, 0.5)),
    ]


def test_what_differs_within_a_sweep_is_told_in_one_text() -> None:
    trials = [
        trial(number, environment={"node": f"node{number}", "packages": f"a==1.{number % 2}"}) for number in range(5)
    ]
    found = {each.name: each.values for each in compare_experiments([results(*trials), results(trials[0])])}
    assert found["node"] == ("node0, node1, node2 and 2 more", "node0")
    assert found["a"] == ("1.0, 1.1", "1.0")


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False, width=16)
    | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), plain), min_size=2, max_size=4))
def test_what_is_told_is_json_and_differs(samples: list[dict[str, Any]]) -> None:
    found = compare_trials([trial(parameters=sample) for sample in samples])
    for difference in found:
        assert len(difference.values) == len(samples)
        assert len({json.dumps(value, allow_nan=False) for value in difference.values}) > 1
    told = {difference.name for difference in found}
    assert told <= {"a", "b", "c"}
    for name in {"a", "b", "c"} - told:
        present = [name in sample for sample in samples]
        assert all(present) or not any(present)
        assert all(sample.get(name) == samples[0].get(name) for sample in samples)
