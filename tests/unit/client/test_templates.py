"""Experiments written in Python: what trials of them would run."""

from __future__ import annotations

from typing import Any

import pytest

from expsdk import integer
from expsdk.backends.kubernetes.job import job_for
from expsdk.backends.kubernetes.resources import Resources
from expsdk.client import new_experiment
from expsdk.client.reading import experiment_name, parse_experiment, trial_name_of
from expsdk.errors import DefinitionError, OptionError
from expsdk.resources.result import new_result


def test_a_trial_runs_the_image_and_the_command() -> None:
    record = new_experiment(
        "fit",
        image="busybox:1",
        command=["sh", "-c"],
        args=["echo $(EXPSDK_PARAM_DEPTH)"],
        env={"HOME": "/tmp"},
        resources=Resources(cpu=2),
        space={"depth": integer(1, 3)},
        objective="score",
        direction="maximize",
    )
    assert record.spec.space == {"depth": {"type": "integer", "low": 1, "high": 3, "step": 1, "log": False}}
    assert [(each.metric, each.direction) for each in record.spec.objectives] == [("score", "maximize")]

    kept = record.model_copy(update={"metadata": record.metadata.model_copy(update={"uid": "u"})})
    job = job_for(kept, new_result("fit", number=3, parameters={"depth": 2}, seed=1))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert (container["image"], container["command"], container["args"]) == (
        "busybox:1",
        ["sh", "-c"],
        ["echo $(EXPSDK_PARAM_DEPTH)"],
    )
    assert container["resources"]["requests"] == {"cpu": "2"}
    assert {"name": "EXPSDK_PARAM_DEPTH", "value": "2"} in container["env"]
    assert container["env"][-1] == {"name": "HOME", "value": "/tmp"}


def test_nothing_but_an_image_and_an_objective_is_needed() -> None:
    record = new_experiment("fit", image="mine:1", objective="loss")
    assert record.spec.job_template == {
        "spec": {"template": {"spec": {"containers": [{"name": "trial", "image": "mine:1"}]}}}
    }
    assert parse_experiment(record.to_document()) == record
    assert parse_experiment(record) is record


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"name": "Fit"}, DefinitionError, "an experiment's name .*pass name='fit'"),
        ({"command": "sh -c"}, OptionError, "command is a list of words, not 'sh -c'; write "),
        ({"args": "x"}, OptionError, "args is a list of words, not 'x'"),
        ({"direction": "down"}, OptionError, "direction is 'minimize' or 'maximize', not 'down'; write one of them"),
        ({"space": {"lr": object()}}, DefinitionError, "parameter lr: "),
    ],
)
def test_what_cannot_work_is_refused(options: dict[str, Any], error: type[Exception], words: str) -> None:
    given: dict[str, Any] = {"name": "fit", "image": "mine:1", "objective": "loss", **options}
    with pytest.raises(error, match=words):
        new_experiment(given.pop("name"), **given)


def test_a_mapping_that_is_no_experiment_is_refused_with_its_fields() -> None:
    with pytest.raises(OptionError) as refused:
        parse_experiment({"metadata": {"name": "fit"}, "spec": {"objectives": [], "trails": 3}})
    assert "spec.objectives: " in str(refused.value)
    assert "spec.trails: Extra inputs are not permitted (it is 3)" in str(refused.value)


def test_names_are_read_from_records() -> None:
    result = new_result("fit", number=3, parameters={}, seed=1)
    assert trial_name_of(result) == trial_name_of("fit-0003") == "fit-0003"
    assert experiment_name(new_experiment("fit", image="mine:1", objective="loss")) == experiment_name("fit") == "fit"


@pytest.mark.parametrize("given", [None, 3, "", {}])
def test_what_is_no_name_is_refused(given: object) -> None:
    with pytest.raises(OptionError, match="an experiment is given by its name or its record, not by "):
        experiment_name(given)
    with pytest.raises(OptionError, match="a trial is given by its name or its Result, not by "):
        trial_name_of(given)
