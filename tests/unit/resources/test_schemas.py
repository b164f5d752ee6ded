"""The schemas that come from the models: they take what the models write, and refuse what the models refuse."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from expsdk.resources import crd
from expsdk.resources.crd import custom_resource_definition, custom_resource_definitions, json_schema, openapi_schema
from expsdk.resources.document import Part
from expsdk.resources.result import MetricSummary, Result, ResultStatus, new_result
from expsdk.space import Space, choice, integer, loguniform, normal, uniform

VALIDATORS = {kind: Draft202012Validator(json_schema(kind)) for kind in ("Experiment", "Result")}


def faults_of(document: dict[str, Any]) -> list[str]:
    return [error.json_path for error in VALIDATORS[document["kind"]].iter_errors(document)]


def changed(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    document = copy.deepcopy(document)
    part: Any = document
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return document


@pytest.mark.parametrize("kind", ["Experiment", "Result"])
def test_the_schemas_are_valid_themselves(kind: str) -> None:
    Draft202012Validator.check_schema(json_schema(kind))
    assert "$ref" not in json.dumps(openapi_schema(kind))


def test_full_documents_fit(experiment_document: dict[str, Any], result_document: dict[str, Any]) -> None:
    assert faults_of(experiment_document) == []
    assert faults_of(result_document) == []


@pytest.mark.parametrize("kind", ["Experiment", "Result"])
def test_a_record_whose_status_nobody_wrote_waits(kind: str) -> None:
    status = openapi_schema(kind)["properties"]["status"]
    assert (status["default"], status["properties"]["phase"]["default"]) == ({}, "Pending")
    assert [name for name, field in status["properties"].items() if "default" in field] == ["phase"]


def test_an_experiment_by_hand_fits() -> None:
    objectives = [{"metric": "val_loss", "direction": "minimize"}]
    spec = {"objectives": objectives, "jobTemplate": {"spec": {"any": [None, {"thing": 1}]}}}
    assert faults_of({"kind": "Experiment", "metadata": {"name": "by-hand"}, "spec": spec}) == []


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("metadata", "name"), "Train", "$.metadata.name"),
        (("metadata", "name"), "a" * 41, "$.metadata.name"),
        (("spec", "typo"), 1, "$.spec"),
        (("spec", "objectives"), [], "$.spec.objectives"),
        (("spec", "objectives", 0, "direction"), "down", "$.spec.objectives[0].direction"),
        (("spec", "space"), {"lr": 0.1}, "$.spec.space.lr"),
        (("spec", "jobTemplate"), [], "$.spec.jobTemplate"),
        (("spec", "seed"), "7", "$.spec.seed"),
        (("spec", "parallelism"), 0, "$.spec.parallelism"),
        (("spec", "payload", "digest"), "sha256:0", "$.spec.payload.digest"),
        (("status", "phase"), "Pruned", "$.status.phase"),
        (("status", "best", "value"), "nan", "$.status.best.value"),
        (("status", "best", "value"), None, "$.status.best.value"),
        (("status", "conditions", 0, "status"), "yes", "$.status.conditions[0].status"),
    ],
)
def test_a_wrong_value_is_found(
    experiment_document: dict[str, Any], path: tuple[Any, ...], value: Any, fault: str
) -> None:
    assert faults_of(changed(experiment_document, path, value)) == [fault]


def test_a_field_that_is_needed_is_missed(result_document: dict[str, Any]) -> None:
    for path in (("spec", "parameters"), ("spec", "seed"), ("status", "metrics", "val_loss", "last")):
        document = copy.deepcopy(result_document)
        part = document
        for key in path[:-1]:
            part = part[key]
        del part[path[-1]]
        assert faults_of(document) == [".".join(("$", *path[:-1]))]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
SUMMARIES = st.builds(
    MetricSummary, last=st.floats(), min=st.floats(), max=st.floats(), best=st.floats(), epoch=st.integers(0, 9)
)


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(st.text(max_size=3), JSON, max_size=3),
    st.dictionaries(st.text(max_size=3), SUMMARIES, max_size=2),
    st.dictionaries(st.text(max_size=3), st.floats(), max_size=2),
)
def test_what_the_models_write_fits(
    parameters: dict[str, Any], metrics: dict[str, MetricSummary], objectives: dict[str, float]
) -> None:
    result = new_result("train", number=3, parameters=parameters, seed=1)
    result = result.model_copy(update={"status": ResultStatus(metrics=metrics, objectives=objectives)})
    document = json.loads(json.dumps(result.to_document(), allow_nan=False))
    assert faults_of(document) == []
    assert Result.model_validate(document).to_document() == document


def test_every_domain_fits(experiment_document: dict[str, Any]) -> None:
    space = Space.of(
        {
            "lr": loguniform(1e-4, 1e-1),
            "momentum": uniform(0, 1, step=0.25),
            "depth": integer(2, 8),
            "noise": normal(0, 1),
            "opt": choice({"sgd": {"nesterov": [True, False]}, "adam": {}}),
            "layers": [[32], [64, 64]],
            "none": None,
        }
    )
    document = changed(experiment_document, ("spec", "space"), space.to_declarative())
    assert faults_of(document) == []
    assert Space.from_declarative(document["spec"]["space"]) == space


def test_the_module_prints_a_list_that_kubectl_takes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "expsdk.resources.crd"], capture_output=True, text=True, check=True, timeout=60
    )
    printed = json.loads(done.stdout)
    assert (printed["apiVersion"], printed["kind"]) == ("v1", "List")
    assert printed["items"] == custom_resource_definitions()
    assert printed["items"] == [custom_resource_definition(kind) for kind in ("Experiment", "Result")]


class Tagged(Part):
    tags: set[str]


def test_a_keyword_without_a_rule_is_an_error_and_not_dropped() -> None:
    with pytest.raises(NotImplementedError, match="no rule for the schema keyword 'uniqueItems': add one to"):
        crd._convert(Tagged.model_json_schema(), {})
