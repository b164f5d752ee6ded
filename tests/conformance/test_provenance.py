"""Where a trial comes from, in its Result and in what readers get, wherever it runs."""

from __future__ import annotations

from typing import Any

import pytest

from expsdk import experiment
from expsdk.resources.times import format_time


@pytest.fixture
def train() -> Any:
    """A function that ends at once, and imports NumPy in itself."""

    @experiment(space={"number": [1, 2]}, objective="loss")
    def train(number: int) -> float:
        import numpy as np

        return float(np.float64(number))

    return train


def test_a_trial_tells_its_code_packages_and_who(place: Any, train: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPSDK_USER", "ada@lab")
    found = place.run(train, name="told")
    origin = found.experiment.spec.provenance
    assert (origin.user, origin.host) == ("ada", "lab")
    assert "numpy" in origin.packages
    for trial in found:
        told = trial.provenance
        assert "numpy" in told["packages"]
        assert told["packages"]["numpy"].count(".") >= 1
        assert told["payload_digest"] == found.experiment.spec.payload.digest
        assert told["user"] == "ada@lab"
        assert told["created"] == format_time(origin.created)
        assert told["seed"] == trial.seed
        assert told["python"].startswith(found.experiment.spec.payload.python)
        assert told.get("git_commit") == origin.git_commit
        assert told.get("diff_digest") == origin.diff_digest


def test_who_and_when_are_not_in_the_payload(train: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = train.pack()
    monkeypatch.setenv("EXPSDK_USER", "somebody else")
    assert train.pack().digest == first.digest
    assert "numpy" in first.manifest["imports"]
