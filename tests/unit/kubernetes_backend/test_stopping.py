"""Asking for the end of a sweep or a trial through their records, at a real HTTP server."""

from __future__ import annotations

from typing import Any

import pytest

from expsdk.backends.base import StopRequest
from expsdk.backends.kubernetes.stopping import STOP_ANNOTATION, asked_at, forget_stop, request_stop
from expsdk.errors import TrialNotFound
from expsdk.resources.experiment import Experiment

EXPERIMENT = "/apis/expsdk.dev/v1alpha1/namespaces/ml/experiments/train"
RESULT = "/apis/expsdk.dev/v1alpha1/namespaces/ml/results/train-0003"


@pytest.fixture
def record(store: Any) -> Experiment:
    """An experiment with a payload and a trial that runs."""
    payload = {"digest": f"sha256:{'0' * 64}", "file": "p.pyz", "sizeBytes": 1, "python": "3.11", "format": 1}
    spec = {"objectives": [{"metric": "loss", "direction": "minimize"}], "payload": payload}
    store.write(EXPERIMENT, {"metadata": {"name": "train", "annotations": {"mine": "stays"}}, "spec": spec})
    store.write(
        RESULT,
        {
            "metadata": {"name": "train-0003"},
            "spec": {"experiment": "train", "number": 3, "stop": ""},
            "status": {"phase": "Running"},
        },
    )
    return Experiment.model_validate({"metadata": {"name": "train"}, "spec": spec})


def test_a_sweep_is_asked_in_its_experiment_and_every_time_anew(store: Any, api: Any, record: Experiment) -> None:
    assert asked_at(store.objects[EXPERIMENT]) == ""
    request_stop(api, record, StopRequest())
    first = asked_at(store.objects[EXPERIMENT])
    request_stop(api, record, StopRequest())
    assert first
    assert asked_at(store.objects[EXPERIMENT]) > first
    assert store.objects[RESULT]["spec"]["stop"] == ""


def test_who_takes_a_sweep_up_forgets_what_an_earlier_one_was_asked(store: Any, api: Any, record: Experiment) -> None:
    before = store.objects[EXPERIMENT]
    assert forget_stop(api, before) is before
    request_stop(api, record, StopRequest())
    assert asked_at(forget_stop(api, store.objects[EXPERIMENT])) == ""
    assert store.objects[EXPERIMENT]["metadata"]["annotations"] == {"mine": "stays"}
    assert STOP_ANNOTATION == "expsdk.dev/stop"


def test_a_trial_is_asked_in_its_result(store: Any, api: Any, record: Experiment) -> None:
    request_stop(api, record, StopRequest(3))
    assert store.objects[RESULT]["spec"]["stop"] == "cancelled"
    assert asked_at(store.objects[EXPERIMENT]) == ""


def test_one_that_has_ended_is_left_as_it_is(store: Any, api: Any, record: Experiment) -> None:
    store.write(RESULT, {"status": {"phase": "Succeeded"}})
    request_stop(api, record, StopRequest(3))
    assert store.objects[RESULT]["spec"]["stop"] == ""


def test_one_that_is_not_there_is_told(api: Any, record: Experiment) -> None:
    with pytest.raises(TrialNotFound, match=r"no trial 'train-0004' is in namespace 'ml'; give its name as"):
        request_stop(api, record, StopRequest(4))
