"""Autolog with real libraries: what they report of themselves becomes metrics, and a stop comes out through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

WRITERS = {**dict.fromkeys(["Loss/val", "both/a", "both/b", "without step"], [0, 1, 2]), "hparam/last": [0]}
SPEEDS = ("runtime", "samples_per_second", "steps_per_second")
POINTS = {
    "tensorboardx": WRITERS,
    "torch_tensorboard": WRITERS,
    "keras": dict.fromkeys(["loss", "mae", "val_loss", "val_mae"], [0, 1, 2, 3, 4, 5]),
    "lightning": {
        **dict.fromkeys(["train_loss", "train_loss_epoch", "train_loss_step", "val_loss", "late"], [0, 1, 2]),
        "test_loss": [0],
    },
    "transformers": {
        **dict.fromkeys(["eval_loss", *(f"eval_{speed}" for speed in SPEEDS)], [0, 1, 2]),
        **dict.fromkeys(["loss", "grad_norm", "learning_rate"], [4, 8, 12, 16, 20, 24]),
        **dict.fromkeys(["train_loss", *(f"train_{speed}" for speed in SPEEDS)], [24]),
    },
    "xgboost": {
        "train-rmse": [0, 1, 2, 3, 4],  # a training of three rounds, then the folds of two
        "valid-rmse": [0, 1, 2],
        "validation_0-rmse": [0, 1, 2],
        "test-rmse": [3, 4],
    },
    "lightgbm": {"train-l2": [0, 1, 2], "valid-l2": [0, 1, 2, 3, 4], "valid_0-l2": [0, 1, 2, 3]},
}
"""The epochs of each metric that a library's script is to leave in its Result."""
EPOCHS = 400


@pytest.mark.parametrize("library", POINTS)
def test_metrics_reach_the_result_once(sweep: Callable[..., Any], library: str) -> None:
    outcome = sweep(library)
    assert outcome.results.counts == {"Succeeded": 2}, outcome.trial.error + outcome.log
    assert outcome.points == POINTS[library]
    assert "logged automatically" not in outcome.log
    assert len({trial.values[outcome.results.experiment.spec.objectives[0].metric] for trial in outcome.results}) == 2


@pytest.mark.parametrize("library", POINTS)
def test_a_trial_is_pruned_through_the_library(sweep: Callable[..., Any], library: str) -> None:
    outcome = sweep(library, EPOCHS=str(EPOCHS), PAUSE_S="0.05", PRUNE="1")
    assert outcome.results.counts == {"Pruned": 2}, outcome.trial.error + outcome.log
    assert "Traceback" not in outcome.log
    assert outcome.log.count("cleaned up") == 2
    (objective,) = outcome.trial.values
    assert 0 < len(outcome.points[objective]) < EPOCHS / 2
    if library == "lightning":
        assert outcome.log.count("cleaned up, TrainerStatus.INTERRUPTED") == 2


@pytest.mark.parametrize("library", ["tensorboardx", "transformers"])
def test_nothing_is_logged_where_autolog_is_off(sweep: Callable[..., Any], library: str) -> None:
    outcome = sweep(library, AUTOLOG="off")
    assert [(trial.reason, len(trial.history)) for trial in outcome.results] == [("NoObjective", 0)] * 2


@pytest.mark.parametrize("library", POINTS)
def test_the_debug_backend_hooks_what_is_loaded_already(sweep: Callable[..., Any], library: str) -> None:
    """And trials after the first in the same process are hooked once too."""
    outcome = sweep(library, BACKEND="debug")
    assert outcome.results.counts == {"Succeeded": 2}, outcome.trial.error + outcome.log
    assert outcome.points == POINTS[library]
