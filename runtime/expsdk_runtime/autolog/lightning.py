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


class _Book:
    """What of the metrics of one training has been recorded."""

    def __init__(self) -> None:
        self._course = Course()
        self._written: dict[str, tuple[int, float]] = {}

    def record(self, trainer: Any, epoch: int) -> None:
        """Record the metrics that are new, or new for this epoch."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        new = {name: value for name, value in metrics.items() if self._written.get(name) != (epoch, value)}
        self._written.update({name: (epoch, value) for name, value in new.items()})
        if new and trainer.is_global_zero:
            self._course.record(new, max(0, epoch))

    def record_late(self, trainer: Any) -> None:
        """Record what the module has logged at the end of the former epoch, after the callbacks were called."""
        if self._written:
            self.record(trainer, trainer.current_epoch - 1)


def _record_alone(trainer: Any) -> None:
    if trainer.is_global_zero:
        record(trainer.callback_metrics)


_now = guarded("lightning", _Book.record)
_late = guarded("lightning", _Book.record_late)
_alone = guarded("lightning", _record_alone)


def _callback(base: Any) -> Any:
    """Return a callback of Lightning's that records."""

    class Recording(base):  # type: ignore[misc]
        """Records metrics in the trial's Result."""

        def __init__(self) -> None:
            self._book = _Book()

        def __reduce__(self) -> Any:
            return base, ()  # another process that is given the Trainer has no Result to record in

        def on_fit_start(self, *_: Any) -> None:
            self._book = _Book()

        def on_validation_end(self, trainer: Any, _module: Any) -> None:
            if trainer.state.fn == "validate":
                _alone(trainer)
            elif not trainer.sanity_checking:
                _now(self._book, trainer, trainer.current_epoch)

        def on_train_epoch_end(self, trainer: Any, _module: Any) -> None:
            _now(self._book, trainer, trainer.current_epoch)

        def on_train_epoch_start(self, trainer: Any, _module: Any) -> None:
            _late(self._book, trainer)

        def on_train_end(self, trainer: Any, _module: Any) -> None:
            _late(self._book, trainer)

        def on_test_end(self, trainer: Any, _module: Any) -> None:
            _alone(trainer)

    return Recording()
