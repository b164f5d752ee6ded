"""Hugging Face's Trainer: what it logs, by its names (loss, learning_rate, eval_loss, …).

What is logged once an epoch, as `eval_strategy` and `logging_strategy` say, counts by epochs from 0; what is logged
every so many steps counts by global steps.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from expsdk_runtime.autolog.hooks import call_after, call_within, guarded
from expsdk_runtime.autolog.recording import Course, muted


def attach(module: Any) -> None:
    """Wrap what a module of transformers has to do with metrics."""
    if module.__name__ == "transformers.trainer":
        call_after(module.Trainer, "__init__", "transformers", partial(_add_callback, module.TrainerCallback))
    else:
        call_within(module.TensorBoardCallback, "on_log", muted)


def _add_callback(base: Any, trainer: Any, *_: Any, **__: Any) -> None:
    trainer.add_callback(_callback(base))


def _callback(base: Any) -> Any:
    """Return a callback of the Trainer's that records."""

    class Recording(base):  # type: ignore[misc]
        """Records metrics in the trial's Result."""

        def __init__(self) -> None:
            self._epochs, self._steps = Course(), Course()

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002 - their names
            self._epochs, self._steps = Course(), Course()

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
            if state.is_world_process_zero:
                record_logs(self, args, state, logs or {})

    def _record_logs(callback: Any, args: Any, state: Any, logs: Any) -> None:
        values = {name: value for name, value in logs.items() if name != "epoch"}
        evaluates = any(name.startswith("eval_") for name in values)
        strategy = args.eval_strategy if evaluates else args.logging_strategy
        if getattr(strategy, "value", strategy) == "epoch":
            callback._epochs.record(values, max(0, round(state.epoch or 0) - 1))
        else:
            callback._steps.record(values, state.global_step)

    record_logs = guarded("transformers", _record_logs)
    return Recording()
