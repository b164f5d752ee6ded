"""The decorated function stays the function that it was, and travels as functions do."""

from __future__ import annotations

import inspect
import os
import pickle
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import expsdk
from expsdk import checkpoint_dir, experiment, log_metric, output_dir, uniform
from expsdk.errors import ObjectiveError, SpaceError
from expsdk.resources.names import EXPERIMENT_NAME_LIMIT_CHARS


@experiment(space={"lr": uniform(0, 1)}, objective="loss")
def train(lr: float, *, epochs: int = 2) -> float:
    """Train a little."""
    for epoch in range(epochs):
        log_metric("loss", lr, epoch=epoch)
    return lr * epochs


class Models:
    @staticmethod
    @experiment(space={"lr": uniform(0, 1)}, objective="loss")
    def inner(lr: float) -> float:
        return lr

    @experiment(space={"lr": uniform(0, 1)}, objective="loss")
    @staticmethod
    def outer(lr: float) -> float:
        return lr


def test_it_is_called_as_before(capsys: pytest.CaptureFixture[str]) -> None:
    assert train(0.25, epochs=2) == 0.5
    assert capsys.readouterr().out == "epoch 0: loss = 0.25\nepoch 1: loss = 0.25\n"


def test_it_keeps_its_name_docstring_and_signature() -> None:
    assert (train.__name__, train.__qualname__, train.__module__) == ("train", "train", __name__)
    assert train.__doc__ == "Train a little."
    assert str(inspect.signature(train)) == "(lr: 'float', *, epochs: 'int' = 2) -> 'float'"
    assert repr(train) == f"<experiment {__name__}.train>"


@pytest.mark.parametrize("models", [Models, Models()])
def test_static_functions_are_called_by_class_and_object(models: Any) -> None:
    assert (models.inner(0.5), models.outer(0.5)) == (0.5, 0.5)
    assert models.inner.definition.label == f"{__name__}.Models.inner"


def test_a_closure_keeps_what_it_closes_over() -> None:
    factor = 3.0

    @experiment(space={"lr": uniform(0, 1)}, objective="loss")
    def scaled(lr: float) -> float:
        return lr * factor

    assert scaled(0.5) == 1.5


def test_by_value_it_travels_with_its_definition() -> None:
    def make() -> Any:
        @experiment(space={"lr": uniform(0, 1)}, objective="loss", name="by-value")
        def scaled(lr: float) -> float:
            return lr

        return scaled

    copy = cloudpickle.loads(cloudpickle.dumps(make()))
    assert (copy(0.5), copy.definition.name, copy.definition.space.names) == (0.5, "by-value", ("lr",))


def test_by_name_it_stays_the_same_object(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "by_name.py").write_text(
        "from expsdk import experiment, uniform\n"
        "@experiment(space={'lr': uniform(0, 1)}, objective='loss')\n"
        "def train(lr):\n"
        "    return lr\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import by_name  # type: ignore[import-not-found]  # written above

    assert pickle.loads(pickle.dumps(by_name.train)) is by_name.train


def test_every_plain_call_has_directories_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    @experiment(space={"lr": uniform(0, 1)}, objective="loss")
    def save(lr: float) -> Path:
        (checkpoint_dir() / "state").touch()
        assert os.path.commonpath([checkpoint_dir(), output_dir()]) == str(output_dir())
        return checkpoint_dir()

    first, second = save(0.1), save(0.2)
    assert first != second
    assert capsys.readouterr().err.count("not in a trial, files go to") == 2


def test_what_is_wrong_is_told_when_the_decorator_runs() -> None:
    with pytest.raises(SpaceError, match=r"parameter depth: .* takes lr, and no 'depth'"):

        @experiment(space={"lr": uniform(0, 1), "depth": 3}, objective="loss")
        def train(lr: float) -> float:
            return lr

    with pytest.raises(ObjectiveError, match='"minimize" or "maximize"'):
        experiment(space={}, objective="loss", direction="down")(lambda: 0.0)


def test_what_is_wrong_with_a_launch_is_told_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpaceError, match=r"parameter lr: train\(\) needs it"):
        train.launch(epochs=3)
    with pytest.raises(SpaceError, match="parameter depth"):
        train.launch(lr=0.1, depth=3)
    assert list(tmp_path.iterdir()) == []


def test_launch_runs_one_trial_outside_the_space_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EXPSDK_ROOT", str(tmp_path))
    trial = train.launch(lr=7, epochs=3)
    assert (trial.phase, trial.parameters, trial.values) == ("Succeeded", {"lr": 7.0, "epochs": 3}, {"loss": 21.0})
    (name,) = [path.name for path in tmp_path.iterdir() if path.is_dir()]
    assert expsdk.results(name).experiment.spec.sampler.name == "given"
    assert len(name) <= EXPERIMENT_NAME_LIMIT_CHARS
