"""Lightning: what the Trainer knows as `callback_metrics` at the end of validation and of each epoch.

Epochs are the Trainer's, from 0. What `Trainer.validate` and `Trainer.test` find on their own counts as the next epoch
of each metric.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from expsdk_runtime.autolog.hooks import call_after, call_within, guarded
from expsdk_runtime.autolog.recording import Course, muted, record


def attach(module: Any) -> None:
    """Wrap what a module of Lightning, under either of its names, has to do with metrics."""
    if hasattr(module, "Trainer"):
        call_after(module.Trainer, "__init__", "lightning", partial(_add_callback, module.Callback))
    elif hasattr(module, "_LoggerConnector"):
        call_within(module._LoggerConnector, "log_metrics", muted)
    else:
        call_within(module.TensorBoardLogger, "log_hyperparams", muted)  # it adds a metric of its own, hp_metric


def _add_callback(base: Any, trainer: Any, *_: Any, **__: Any) -> None:
    trainer.callbacks.append(_callback(base))


def _callback(base: Any) -> Any:
    """Return a callback of Lightning's that records."""

    class Recording(base):  # type: ignore[misc]
        """Records metrics in the trial's Result."""

        def __init__(self) -> None:
            self._course = Course()
            self._said: dict[str, Any] = {}

        def __reduce__(self) -> Any:
            return base, ()  # another process that is given the Trainer has no Result to record in

        def on_fit_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002 - Lightning's signature
            self._course = Course()
            self._said = {}

        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
            if trainer.state.fn == "validate":
                _record_alone(trainer)
            elif not trainer.sanity_checking:
                _record(self, trainer, trainer.current_epoch)

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
            _record(self, trainer, trainer.current_epoch)

        def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
            if self._said:  # the module may have logged more at the end of the former epoch, after the callbacks
                _record(self, trainer, trainer.current_epoch - 1)

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
            if self._said:
                _record(self, trainer, trainer.current_epoch - 1)

        def on_test_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
            _record_alone(trainer)

    def record_new(callback: Any, trainer: Any, epoch: int) -> None:
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        new = {name: value for name, value in metrics.items() if callback._said.get(name) != (epoch, value)}
        callback._said.update({name: (epoch, value) for name, value in new.items()})
        if trainer.is_global_zero:
            callback._course.record(new, max(0, epoch))

    _record = guarded("lightning", record_new)
    _record_alone = guarded("lightning", lambda trainer: record(trainer.callback_metrics))
    return Recording()
