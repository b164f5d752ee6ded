"""Autolog with real libraries: what they report of themselves becomes metrics, and a stop comes out through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

WRITERS = {**{key: [0, 1, 2] for key in ["Loss/val", "both/a", "both/b", "without step"]}, "hparam/last": [0]}
SPEEDS = ("runtime", "samples_per_second", "steps_per_second")
POINTS = {
    "tensorboardx": WRITERS,
    "torch_tensorboard": WRITERS,
    "keras": {key: [0, 1, 2, 3, 4, 5] for key in ["loss", "mae", "val_loss", "val_mae"]},
    "lightning": {
        **{key: [0, 1, 2] for key in ["train_loss", "train_loss_epoch", "train_loss_step", "val_loss", "late"]},
        "test_loss": [0],
    },
    "transformers": {
        **{key: [0, 1, 2] for key in ["eval_loss", *(f"eval_{speed}" for speed in SPEEDS)]},
        **{key: [4, 8, 12, 16, 20, 24] for key in ["loss", "grad_norm", "learning_rate"]},
        **{key: [24] for key in ["train_loss", *(f"train_{speed}" for speed in SPEEDS)]},
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


def test_lightnings_other_name_is_the_same(sweep: Callable[..., Any]) -> None:
    pytest.importorskip("pytorch_lightning", reason="pytorch_lightning is not installed")

    def rename(text: str) -> str:
        return text.replace("import lightning\n", "import pytorch_lightning as lightning\n").replace(
            "from lightning.pytorch.", "from pytorch_lightning."
        )

    assert sweep("lightning", rename).points == POINTS["lightning"]


def test_what_the_code_gives_a_librarys_writer_itself_is_logged(sweep: Callable[..., Any]) -> None:
    def write(text: str) -> str:
        line = 'self.logger.experiment.add_scalar("by hand", self.current_epoch, self.current_epoch)\n        pause()'
        return text.replace("pause()\n", f"{line}\n", 1)

    assert sweep("lightning", write).points == {**POINTS["lightning"], "by hand": [0, 1, 2]}


def test_what_the_function_logs_itself_counts(sweep: Callable[..., Any]) -> None:
    def log(text: str) -> str:
        text = text.replace("import experiment\n", "import experiment, log_metric\n")
        return text.replace(
            "    finally:\n", '        log_metric("valid-rmse", 0.125 * depth, epoch=1)\n    finally:\n'
        )

    outcome = sweep("xgboost", log)
    assert outcome.points == {**POINTS["xgboost"], "valid-rmse": [1]}
    assert [trial.values["valid-rmse"] for trial in outcome.results] == [0.25, 0.375]


@pytest.mark.parametrize("library", ["tensorboardx", "keras"])
def test_a_plain_call_does_nothing(sweep: Callable[..., Any], library: str) -> None:
    outcome = sweep(
        library, lambda text: text.replace("    run(train)", "    train(2)\n    print('called')\n    run(train)")
    )
    before, _, _ = outcome.output.partition("called")
    assert "loss" not in before.casefold()
