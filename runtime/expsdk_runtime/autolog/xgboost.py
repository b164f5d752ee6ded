"""XGBoost: the metrics of the sets in `evals` or `eval_set`, named as it prints them: train-rmse; rounds are epochs."""

from __future__ import annotations

from functools import partial
from typing import Any

from expsdk_runtime.autolog.hooks import call_after, guarded
from expsdk_runtime.autolog.recording import Course


def attach(module: Any) -> None:
    """Wrap the container that every training makes for its callbacks, in both interfaces."""
    call_after(module.CallbackContainer, "__init__", "xgboost", partial(_add_callback, module.TrainingCallback))


def _add_callback(base: Any, container: Any, *_: Any, **__: Any) -> None:
    container.callbacks.insert(0, _callback(base))  # the first that ends the training is the last to be called


def _callback(base: Any) -> Any:
    """Return a callback of XGBoost's that records."""

    class Recording(base):  # type: ignore[misc]
        """Records metrics in the trial's Result."""

        def __init__(self) -> None:
            self._course = Course()

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002 - XGBoost's signature
            record_log(self._course, epoch, evals_log)
            return False

    def _record_log(course: Course, epoch: int, evals_log: Any) -> None:
        last = {
            f"{data}-{metric}": values[-1] for data, metrics in evals_log.items() for metric, values in metrics.items()
        }
        # Cross-validation has the mean and the deviation over its folds.
        course.record({name: value[0] if isinstance(value, tuple) else value for name, value in last.items()}, epoch)

    record_log = guarded("xgboost", _record_log)
    return Recording()
