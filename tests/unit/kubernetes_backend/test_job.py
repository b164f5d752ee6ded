"""A trial's Job from the records: its environment in any container, its marks, and templates that are none."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expsdk.backends.kubernetes.environment import literal
from expsdk.backends.kubernetes.job import job_for, parameter_variables
from expsdk.backends.kubernetes.labels import labels_of, owner, result_document, selector
from expsdk.errors import OptionError
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result, new_result

Document = dict[str, Any]

TEMPLATE: Document = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "alpine"}]}}}}


def experiment(template: Document | None = TEMPLATE, *, uid: str | None = "8a1f", **spec: Any) -> Experiment:
    objectives = [{"metric": "val_loss", "direction": "minimize"}]
    document = {
        "metadata": {"name": "by-hand", "uid": uid, "namespace": "ml"},
        "spec": {"objectives": objectives, "jobTemplate": copy.deepcopy(template), **spec},
    }
    return Experiment.model_validate(document)


def trial(**parameters: Any) -> Result:
    return new_result("by-hand", number=7, parameters=parameters, seed=11)


def pod_of(job: Document) -> Document:
    spec: Document = job["spec"]["template"]["spec"]
    return spec


def variables_of(container: Document) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}


def expand(text: str, variables: dict[str, str]) -> str:
    """Return what Kubernetes makes of a value: k8s.io/kubernetes/third_party/forked/golang/expansion/expand.go."""
    out, at = "", 0
    while at < len(text):
        if text[at] != "$" or at + 1 == len(text):
            out, at = out + text[at], at + 1
        elif text[at + 1] == "(" and ")" in text[at + 2 :]:
            end = text.index(")", at + 2)
            name = text[at + 2 : end]
            out, at = out + variables.get(name, f"$({name})"), end + 1
        elif text[at + 1] == "$":
            out, at = out + "$", at + 2
        else:
            out, at = out + text[at : at + 2], at + 2
    return out


@given(st.text("$()HOMEx é") | st.text())
def test_a_literal_arrives_as_it_is(text: str) -> None:
    assert expand(literal(text), {"HOME": "/root", "": "?"}) == text


def test_a_template_may_name_parameters_in_every_container() -> None:
    template = copy.deepcopy(TEMPLATE)
    pod = template["spec"]["template"]["spec"]
    pod["containers"].append({"name": "beside", "env": [{"name": "RATE", "value": "$(EXPSDK_PARAM_LR)"}]})
    pod["initContainers"] = [{"name": "before", "image": "alpine"}]
    pod = pod_of(job_for(experiment(template), trial(lr=0.1)))
    for container in (*pod["containers"], *pod["initContainers"]):
        assert variables_of(container)["EXPSDK_PARAM_LR"] == "0.1"
    names = [each["name"] for each in pod["containers"][1]["env"]]
    assert names.index("EXPSDK_PARAM_LR") < names.index("RATE") == len(names) - 1


def test_a_trial_is_told_who_it_is() -> None:
    (container,) = pod_of(job_for(experiment(), trial(lr=0.1)))["containers"]
    assert variables_of(container) == {
        "EXPSDK_EXPERIMENT": "by-hand",
        "EXPSDK_TRIAL": "by-hand-0007",
        "EXPSDK_NUMBER": "7",
        "EXPSDK_SEED": "11",
        "EXPSDK_PARAMETERS": '{"lr": 0.1}',
        "EXPSDK_OBJECTIVES": '[["val_loss", "minimize"]]',
        "EXPSDK_PARAM_LR": "0.1",
    }
    fields = {each["name"]: each["valueFrom"]["fieldRef"]["fieldPath"] for each in container["env"][7:]}
    assert fields == {
        "EXPSDK_NAMESPACE": "metadata.namespace",
        "EXPSDK_POD": "metadata.name",
        "EXPSDK_POD_UID": "metadata.uid",
        "EXPSDK_NODE": "spec.nodeName",
    }


def test_a_trial_that_goes_on_from_another_is_told_which() -> None:
    result = trial(lr=0.1)
    child = result.model_copy(update={"spec": result.spec.model_copy(update={"parent": "by-hand-0003"})})
    (container,) = pod_of(job_for(experiment(), child))["containers"]
    assert variables_of(container)["EXPSDK_PARENT"] == "by-hand-0003"


def test_what_a_trial_is_told_stands_against_the_template() -> None:
    template = copy.deepcopy(TEMPLATE)
    template["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "EXPSDK_PARAM_LR", "value": "5"}]
    (container,) = pod_of(job_for(experiment(template), trial(lr=0.1)))["containers"]
    assert [each["value"] for each in container["env"] if each["name"] == "EXPSDK_PARAM_LR"] == ["0.1"]


def test_what_the_template_says_stands_against_what_is_usual() -> None:
    usual = job_for(experiment(trialTimeoutSeconds=0.5), trial())
    assert usual["spec"]["backoffLimit"] == 0
    assert pod_of(usual)["restartPolicy"] == "Never"
    assert pod_of(usual)["serviceAccountName"] == "expsdk-trial"
    assert pod_of(usual)["activeDeadlineSeconds"] == 1
    own = {"restartPolicy": "OnFailure", "serviceAccountName": "mine", "activeDeadlineSeconds": 5}
    template = {"spec": {"backoffLimit": 3, "template": {"spec": {**own, "containers": [{"name": "main"}]}}}}
    job = job_for(experiment(template, trialTimeoutSeconds=60), trial())
    assert job["spec"]["backoffLimit"] == 3
    assert own.items() <= pod_of(job).items()
    template["spec"]["template"]["spec"] = {"serviceAccount": "old", "containers": [{"name": "main"}]}  # type: ignore[index]
    assert "serviceAccountName" not in pod_of(job_for(experiment(template), trial()))


def test_job_and_pods_are_marked_as_the_experiments() -> None:
    template = copy.deepcopy(TEMPLATE)
    own = {"labels": {"team": "vision", "expsdk.dev/number": "9"}, "annotations": {"ticket": "7"}}
    template["metadata"] = {"name": "another", **own}
    template["spec"]["template"]["metadata"] = own
    job = job_for(experiment(template), trial(lr=0.1))
    labels = {"team": "vision", **labels_of("by-hand", "trial", 7)}
    assert job["metadata"]["labels"] == job["spec"]["template"]["metadata"]["labels"] == labels
    assert job["metadata"]["annotations"] == {"ticket": "7", "expsdk.dev/parameters": '{"lr": 0.1}'}
    assert job["metadata"]["name"] == "by-hand-0007"
    assert job["metadata"]["ownerReferences"] == [
        {"apiVersion": "expsdk.dev/v1alpha1", "kind": "Experiment", "name": "by-hand", "uid": "8a1f"}
    ]


def test_the_template_is_left_as_it_is() -> None:
    record = experiment()
    job = job_for(record, trial(lr=0.1))
    assert record.spec.job_template == TEMPLATE
    json.dumps(job, allow_nan=False)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        (None, r"made from its Experiment's spec\.jobTemplate, and by-hand has none: add one"),
        ({}, r"spec\.jobTemplate\.spec is a mapping, and that of the Experiment by-hand is missing"),
        ({"spec": {"template": 5}}, r"spec\.jobTemplate\.spec\.template is a mapping, and .* is 5"),
        ({"spec": {"template": {"spec": {}}}}, r"spec\.template\.spec\.containers has at least one container"),
        ({"spec": {"template": {"spec": {"containers": ["main"]}}}}, r"spec\.containers is a list of mappings"),
        ({"metadata": {"labels": []}, **TEMPLATE}, r"metadata\.labels is a mapping, and .* is \[\]"),
        (
            {"spec": {"template": {"spec": {"containers": [{"name": "a", "env": {"LR": "1"}}]}}}},
            r"containers\[0\]\.env is a list of mappings",
        ),
    ],
)
def test_a_template_that_is_none_is_refused_by_its_field(template: Document | None, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        job_for(experiment(template), trial())


def test_an_experiment_that_was_never_on_a_server_owns_nothing() -> None:
    with pytest.raises(OptionError, match="named by its uid, and the Experiment by-hand has none: create it"):
        owner(experiment(uid=None))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("sgd", "sgd"),
        (0.001, "0.001"),
        (3, "3"),
        (True, "true"),
        (None, "null"),
        ([1, "a"], '[1, "a"]'),
        ("$(X)", "$(X)"),
    ],
)
def test_a_parameter_is_its_text_or_json(value: Any, text: str) -> None:
    assert parameter_variables({"x": value}) == {"EXPSDK_PARAM_X": text}


def test_a_parameters_variable_is_called_as_shells_can() -> None:
    names = parameter_variables({"learning_rate": 1, "größe": 2, "opt.eps": 3, "k2": 4})
    assert list(names) == [
        "EXPSDK_PARAM_LEARNING_RATE",
        "EXPSDK_PARAM_GR_SSE",
        "EXPSDK_PARAM_OPT_EPS",
        "EXPSDK_PARAM_K2",
    ]


def test_parameters_that_do_not_fit_into_variables_are_refused() -> None:
    with pytest.raises(OptionError, match="'lr' and 'LR' both have EXPSDK_PARAM_LR: rename one of them"):
        job_for(experiment(), trial(lr=1, LR=2))
    with pytest.raises(OptionError, match="holds the character NUL, and the parameter 'text' has it"):
        job_for(experiment(), trial(text="a\0b"))
    with pytest.raises(OptionError, match=r"has 128 KiB at most, and EXPSDK_PARAMETERS of by-hand-0007 has 200 KiB"):
        job_for(experiment(), trial(text="x" * 200 * 1024))


def test_a_result_is_created_with_its_marks_and_without_its_status() -> None:
    document = result_document(experiment(), trial(lr=0.1))
    assert document.keys() == {"apiVersion", "kind", "metadata", "spec"}
    assert document["metadata"]["labels"] == labels_of("by-hand", "result", 7)
    assert document["metadata"]["ownerReferences"] == owner(experiment())
    assert "namespace" not in document["metadata"]
    assert Result.model_validate(document).spec == trial(lr=0.1).spec


def test_labels_are_selected_by() -> None:
    labels = labels_of("by-hand", "trial", 7)
    for selected in (selector("by-hand"), selector("by-hand", "trial")):
        assert dict(each.split("=") for each in selected.split(",")).items() <= labels.items()
    assert selector("by-hand", "result") == "expsdk.dev/experiment=by-hand,app.kubernetes.io/component=result"
    assert "expsdk.dev/number" not in labels_of("by-hand", "lease")
