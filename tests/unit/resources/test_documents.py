"""The models and their documents: there and back without loss, closed where we write, open where Kubernetes does."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from expsdk.resources.document import Number
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import MetricHistory, Result, ResultStatus, new_result, summarize_parameters
from expsdk.sweep.limits import Limits
from expsdk_runtime.contract import API_VERSION, Phase, Reason, decode_number, encode_number

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
floats = st.floats()


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, NaN being equal to itself, and of equal type."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def test_an_experiment_goes_there_and_back(experiment_document: dict[str, Any]) -> None:
    assert same(Experiment.model_validate(experiment_document).to_document(), experiment_document)


def test_an_experiment_by_hand_needs_what_it_is_about_and_no_more() -> None:
    objectives = [{"metric": "val_loss", "direction": "minimize"}]
    experiment = Experiment.model_validate({"metadata": {"name": "by-hand"}, "spec": {"objectives": objectives}})
    spec = experiment.spec
    assert (spec.function, spec.space, spec.sampler.name) == ("", {}, "user")
    assert (spec.seed, spec.trials, spec.parallelism, spec.grace_seconds) == (0, None, 1, Limits().grace_s)
    assert (spec.job_template, spec.payload, spec.provenance) == (None, None, None)
    assert Experiment.model_validate(experiment.to_document()) == experiment
    with pytest.raises(ValidationError, match="objectives"):
        Experiment.model_validate({"metadata": {"name": "by-hand"}, "spec": {}})


def test_a_result_goes_there_and_back(result_document: dict[str, Any]) -> None:
    assert same(Result.model_validate(result_document).to_document(), result_document)


def test_the_api_version_is_the_contracts(experiment_document: dict[str, Any], result_document: dict[str, Any]) -> None:
    assert Experiment.model_validate(experiment_document).api_version == API_VERSION
    assert Result.model_validate(result_document).api_version == API_VERSION


def test_numbers_are_floats_in_python(result_document: dict[str, Any]) -> None:
    status = Result.model_validate(result_document).status
    assert math.isnan(status.metrics["val_loss"].last)
    assert status.metrics["val_loss"].max == math.inf
    assert status.history["val_loss"].values[:2] == (math.inf, 0.25)
    assert all(type(value) is float for value in status.history["val_loss"].values)


@given(floats)
def test_a_number_is_written_as_the_contract_has_it(value: float) -> None:
    adapter = TypeAdapter[float](Number)
    written = adapter.dump_python(value, mode="json")
    assert same(written, encode_number(value))
    read = adapter.validate_python(json.loads(json.dumps(written, allow_nan=False)))
    assert same(read, decode_number(written))
    assert same(read, value)


@pytest.mark.parametrize("value", ["1.5", "nan", "inf", "", "Infinity ", True, None, [1.0], {}])
def test_nothing_else_is_a_number(value: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter[float](Number).validate_python(value)


@given(st.dictionaries(st.text(), json_values, max_size=4), st.integers(0, 10**6), st.integers(-(2**63), 2**63 - 1))
def test_any_sample_survives_json(parameters: dict[str, Any], number: int, seed: int) -> None:
    result = new_result("train", number=number, parameters=parameters, seed=seed)
    document = json.loads(json.dumps(result.to_document()))
    assert same(document["spec"]["parameters"], parameters)
    assert Result.model_validate(document) == result


@given(st.dictionaries(st.text(), floats, max_size=3), st.lists(st.tuples(st.integers(0, 99), floats), max_size=5))
def test_any_metrics_survive_json(objectives: dict[str, float], points: list[tuple[int, float]]) -> None:
    history = MetricHistory(stride=1, points=(tuple(e for e, _ in points), tuple(v for _, v in points)))
    status = ResultStatus(objectives=objectives, history={"loss": history})
    text = json.dumps(status.model_dump(mode="json", by_alias=True), allow_nan=False)
    read = ResultStatus.model_validate_json(text)
    assert same(read.objectives, objectives)
    assert same(read.history["loss"].values, [v for _, v in points])
    assert same(ResultStatus.model_validate(json.loads(text)).objectives, objectives)


def test_what_kubernetes_adds_to_metadata_is_kept(experiment_document: dict[str, Any]) -> None:
    metadata = Experiment.model_validate(experiment_document).metadata
    assert metadata.resource_version == "42"
    assert metadata.model_extra == {
        "generation": 2,
        "managedFields": [{"manager": "expsdk", "operation": "Update"}],
    }


@pytest.mark.parametrize("path", [(), ("spec",), ("spec", "payload"), ("status",), ("status", "best")])
def test_an_unknown_field_is_refused(experiment_document: dict[str, Any], path: tuple[str, ...]) -> None:
    part = experiment_document
    for key in path:
        part = part[key]
    part["typo"] = 1
    with pytest.raises(ValidationError, match="typo"):
        Experiment.model_validate(experiment_document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("kind",), "Result"),
        (("apiVersion",), "expsdk.dev/v1"),
        (("metadata", "name"), "Train"),
        (("metadata", "name"), "a" * 41),
        (("spec", "objectives"), []),
        (("spec", "objectives", 0, "direction"), "down"),
        (("spec", "seed"), 2**63),
        (("spec", "space"), {"lr": 0.1}),
        (("spec", "parallelism"), 0),
        (("spec", "payload", "digest"), "sha256:0"),
        (("spec", "provenance", "created"), "2026-01-31T12:00:00"),
        (("status", "phase"), "Pruned"),
        (("status", "counts"), {"Sleeping": 1}),
        (("status", "conditions", 0, "status"), "yes"),
    ],
)
def test_a_wrong_value_is_refused(experiment_document: dict[str, Any], path: tuple[Any, ...], value: Any) -> None:
    part: Any = experiment_document
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    with pytest.raises(ValidationError):
        Experiment.model_validate(experiment_document)


def test_phases_are_closed_and_reasons_open(result_document: dict[str, Any]) -> None:
    for phase in Phase.ALL:
        result_document["status"]["phase"] = phase
        assert Result.model_validate(result_document).status.phase == phase
    for reason in (*Reason.ALL, "ImagePullError"):
        result_document["status"]["reason"] = reason
        assert Result.model_validate(result_document).status.reason == reason
    result_document["status"]["phase"] = "Done"
    with pytest.raises(ValidationError):
        Result.model_validate(result_document)


def test_records_are_frozen(result_document: dict[str, Any]) -> None:
    result = Result.model_validate(result_document)
    with pytest.raises(ValidationError, match="frozen"):
        result.status = ResultStatus()  # type: ignore[misc]


def test_a_new_result_is_a_pending_trial() -> None:
    result = new_result("train", number=7, parameters={"lr": 0.1}, seed=1)
    assert result.metadata.name == "train-0007"
    assert result.spec.stop == ""
    assert result.spec.summary == "lr=0.1"
    assert (result.status.phase, result.status.attempt, result.status.epoch) == (Phase.PENDING, 1, None)
    assert "epoch" not in result.to_document()["status"]


@pytest.mark.parametrize(
    ("parameters", "summary"),
    [
        ({}, ""),
        ({"lr": 0.0031622776601683794, "depth": 3, "opt": "sgd"}, "lr=0.003162 depth=3 opt=sgd"),
        ({"n": None, "b": True, "layers": [1, 2]}, "n=null b=true layers=[1,2]"),
        ({"text": "two\nlines"}, "text=two lines"),
        ({"x": "y" * 200}, "x=" + "y" * 97 + "…"),
    ],
)
def test_a_sample_in_short(parameters: dict[str, Any], summary: str) -> None:
    assert summarize_parameters(parameters) == summary
    assert len(summary) <= 100
