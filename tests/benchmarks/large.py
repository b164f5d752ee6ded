"""A large experiment on disk, as a sweep would have left it: made in a second or two, for whatever reads it.

`python tests/benchmarks/large.py DIRECTORY` keeps one to look at.
"""

from __future__ import annotations

import json
import math
import random
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from expsdk.backends.local.store import FileStore
from expsdk.resources.experiment import Experiment, ExperimentMetadata, ExperimentSpec, ExperimentStatus, Objective
from expsdk.resources.result import new_result
from expsdk.resources.times import format_time
from expsdk.samplers.derive import derive_trial_seed
from expsdk.space import Space, choice, integer, loguniform, normal, uniform
from expsdk_runtime.contract import Phase, Reason
from expsdk_runtime.ledger import Ledger
from expsdk_runtime.status import build_status

NAME = "large"
TRIALS = 5_000
EPOCHS = 50
SPACE = Space.of(
    {
        "lr": loguniform(1e-5, 1e-1),
        "depth": integer(2, 12),
        "dropout": uniform(0.0, 0.5, step=0.05),
        "noise": normal(0.0, 1.0),
        "opt": choice({"sgd": {"momentum": uniform(0.0, 0.99)}, "adam": {}}),
        "layers": choice([[64], [64, 64], [128, 64, 32]]),
        "batch": 32,
    }
)
BEGAN = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
TRACEBACK = """Traceback (most recent call last):
  File "train.py", line 12, in train
    loss.backward()
ValueError: the loss is not finite at epoch 7
"""


def write_large_experiment(
    root: Path, *, name: str = NAME, trials: int = TRIALS, epochs: int = EPOCHS, objectives: int = 1, ended: bool = True
) -> None:
    """Write an experiment of many trials below `root`, with failures, pruned trials and curves.

    Args:
        root: The directory that holds experiments.
        name: The experiment's name.
        trials: Number of trials.
        epochs: Number of epochs of each.
        objectives: 1: val_loss; 2: val_loss and size.
        ended: Whether all have ended; else the last ones run and wait.
    """
    chance = random.Random(7)
    store = FileStore(root=root)
    metrics = [("val_loss", "minimize"), ("size", "minimize")][:objectives]
    documents = [_document(chance, name, number, trials, epochs, metrics, ended=ended) for number in range(trials)]
    phases = [document["status"]["phase"] for document in documents]
    spec = ExperimentSpec(
        function="train:train",
        space=SPACE.to_declarative(),
        objectives=tuple(Objective(metric=metric, direction=direction) for metric, direction in metrics),
        seed=7,
        trials=trials,
        parallelism=100,
    )
    status = ExperimentStatus(
        phase=Phase.SUCCEEDED if ended else Phase.RUNNING,
        start_time=BEGAN,
        completion_time=BEGAN + timedelta(seconds=trials) if ended else None,
        counts={phase: phases.count(phase) for phase in Phase.ALL if phase in phases},
    )
    store.create(Experiment(metadata=ExperimentMetadata(name=name), spec=spec, status=status)).close()
    for document in documents:
        store.write_result(document)


def _document(
    chance: random.Random,
    name: str,
    number: int,
    trials: int,
    epochs: int,
    metrics: list[tuple[str, str]],
    *,
    ended: bool,
) -> dict[str, Any]:
    """Return one Result."""
    sample = SPACE.draw(lambda leaf: leaf.domain.from_unit(chance.random()))
    sample = SPACE.with_constants(sample)
    result = new_result(name, number=number, parameters=sample, seed=derive_trial_seed(7, number)).to_document()
    phase = chance.choices([Phase.SUCCEEDED, Phase.PRUNED, Phase.FAILED], [0.8, 0.15, 0.05])[0]
    if not ended and number >= trials - 200:
        phase = Phase.RUNNING if number < trials - 100 else Phase.PENDING
    ran = {Phase.SUCCEEDED: epochs, Phase.PENDING: 0}.get(phase, chance.randrange(1, epochs + 1))
    floor = 0.05 + 0.1 * abs(math.log10(sample["lr"]) + 2.5) + 0.02 * abs(sample["depth"] - 6)
    ledger = Ledger(metrics)
    for epoch in range(ran):
        loss = floor + (1 - floor) * math.exp(-epoch * 4 / epochs) + chance.gauss(0, 0.01)
        size = {"size": float(sample["depth"] * len(sample["layers"]))} if len(metrics) > 1 else {}
        ledger.add({"val_loss": loss, "accuracy": 1 - loss / 2, **size}, epoch)
    started = BEGAN + timedelta(seconds=number)
    facts: dict[str, Any] = {
        "phase": phase,
        "reason": {Phase.FAILED: Reason.USER_ERROR, Phase.PRUNED: Reason.PRUNED}.get(phase, ""),
        "message": TRACEBACK if phase == Phase.FAILED else "",
        "attempt": 1,
        "environment": {"host": f"node-{number % 8}", "python": "3.12.1", "user": "ada"},
        "outputDir": f"/data/{name}/trials/{result['metadata']['name']}",
    }
    if phase != Phase.PENDING:
        facts["startTime"] = format_time(started)
    if phase in Phase.FINISHED:
        facts["completionTime"] = format_time(started + timedelta(seconds=2 * ran))
    status = build_status(facts, ledger)
    return {**result, "status": json.loads(json.dumps(status))}


if __name__ == "__main__":
    write_large_experiment(Path(sys.argv[1]))
