"""What a trial on this machine is told of the trial that it goes on from."""

from __future__ import annotations

from pathlib import Path

import pytest

from expsdk.backends.local.workspace import assign
from expsdk.resources.result import new_result


@pytest.mark.parametrize(
    ("parent", "directory"), [("", ""), ("train-0003", "/exp/train/train-0003/checkpoint")], ids=["none", "one"]
)
def test_its_parents_checkpoints_lie_beside_its_own(parent: str, directory: str) -> None:
    result = new_result("train", number=7, parameters={}, seed=11)
    result = result.model_copy(update={"spec": result.spec.model_copy(update={"parent": parent})})
    told = assign(result, attempt=1, objectives=[], directory=Path("/exp/train/train-0007"))
    assert (told.parent, told.parent_checkpoint_dir) == (parent, directory)
    assert told.checkpoint_dir == "/exp/train/train-0007/checkpoint"
