"""Population based training with real pods, which share a volume: trials go on from the checkpoints of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from expsdk import experiment, log_metric, loguniform
from expsdk.backends.kubernetes.volumes import Volume
from expsdk.errors import OptionError

if TYPE_CHECKING:
    from pathlib import Path

    from real_cluster import Kubectl

IMAGE = "python:3.11-slim"
PBT = {"name": "pbt", "population": 3}
EPOCHS = 3


def test_trials_go_on_from_their_parents(ready: Kubectl, shared_directory: Path) -> None:
    @experiment(space={"rate": loguniform(0.01, 1)}, objective="loss")
    def shrink(rate: float, epochs: int = EPOCHS) -> None:
        import json

        from expsdk import checkpoint_dir

        kept = checkpoint_dir() / "state.json"
        epoch, weight = json.loads(kept.read_text()) if kept.exists() else (0, 1.0)
        for _ in range(epochs):
            epoch, weight = epoch + 1, weight * (1 - rate / 2)
            log_metric("loss", weight, epoch=epoch)
        kept.write_text(json.dumps([epoch, weight]))

    found = shrink.sweep(trials=7, parallelism=3, sampler=PBT, epochs=EPOCHS, seed=5, name="shrinks").run(
        backend="kubernetes",
        progress=False,
        namespace=ready.namespace,
        image=IMAGE,
        output=Volume(host_path=str(shared_directory)),
    )
    assert found.counts == {"Succeeded": 7}
    children = [trial for trial in found if trial.parent]
    assert [trial.number for trial in children] == [3, 4, 5, 6]
    for trial in children:
        parent = found[trial.parent]
        assert trial.epoch == (parent.epoch or 0) + EPOCHS
        assert ready.get("result", trial.name)["spec"]["parent"] == parent.name


def test_without_a_shared_volume_nothing_is_created(ready: Kubectl) -> None:
    @experiment(space={"rate": loguniform(0.01, 1)}, objective="loss")
    def shrink(rate: float) -> float:
        return rate

    sweep = shrink.sweep(trials=7, parallelism=3, sampler=PBT, name="lonely")
    with pytest.raises(OptionError, match=r"without an output volume those go with their pod: give output='CLAIM'"):
        sweep.run(backend="kubernetes", progress=False, namespace=ready.namespace, image=IMAGE)
    assert not ready("get", "experiments", "--output", "name").stdout
