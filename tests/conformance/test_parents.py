"""Trials that begin with other trials' checkpoints."""

from __future__ import annotations

from typing import Any

from expsdk import checkpoint_dir, current_trial, experiment, log_metric
from expsdk.resources.names import trial_name
from expsdk.resources.result import Result, new_result


def child(experiment: str, number: int, parent: int) -> Result:
    result = new_result(experiment, number=number, parameters={"steps": 3}, seed=number)
    spec = result.spec.model_copy(update={"parent": trial_name(experiment, parent)})
    return result.model_copy(update={"spec": spec})


def test_a_trial_goes_on_from_its_parents_checkpoints(coordinate: Any) -> None:
    @experiment(space={"steps": [1, 2, 3]}, objective="loss")
    def train(steps: int) -> None:
        state = checkpoint_dir() / "deep" / "step"
        begun = int(state.read_text()) if state.exists() else 0
        state.parent.mkdir(exist_ok=True)
        state.write_text(str(begun + steps))
        log_metric("loss", float(begun + steps))
        trial = current_trial()
        parent = trial.parent if trial else ""  # no assert: pytest's goes with it, and no pod has that
        log_metric("parent", int(parent.rpartition("-")[2] or -1))

    driven = coordinate(train)
    name = driven.record.metadata.name
    driven.launch(0, steps=2)
    assert driven.end_of(0)["objectives"] == {"loss": 2.0}
    for number, parent, attempt, loss in ((1, 0, 1, 5.0), (2, 0, 1, 5.0), (3, 2, 1, 8.0), (3, 2, 2, 11.0)):
        driven.backend.launch(child(name, number, parent), attempt=attempt)
        status = driven.end_of(number)
        assert (status["objectives"], status["metrics"]["parent"]["last"]) == ({"loss": loss}, parent)
