"""LightGBM: the metrics of the sets in `valid_sets` or `eval_set`, named valid_0-l2; iterations are epochs."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

from expsdk_runtime.autolog.hooks import complain, guarded, replace
from expsdk_runtime.autolog.recording import Course

ORDER = -math.inf
"""The first: LightGBM calls callbacks from low to high, and early stopping ends the training when it is its turn."""


def attach(module: Any) -> None:
    """Wrap the functions that train, wherever they are found; the classes for scikit-learn call one of them."""
    for name in ("train", "cv"):
        replace(module.engine, name, _recording)
        setattr(module, name, getattr(module.engine, name))
    if hasattr(module, "sklearn"):
        module.sklearn.train = module.engine.train


def _recording(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that trains with one more callback."""
    signature = inspect.signature(original)

    def train(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
            bound.arguments["callbacks"] = [*(bound.arguments.get("callbacks") or ()), _callback()]
        except Exception as error:  # a wrong call is LightGBM's to complain of
            complain("lightgbm", error)
            return original(*args, **kwargs)
        return original(*bound.args, **bound.kwargs)

    return train


def _callback() -> Any:
    course = Course()

    def record(environment: Any) -> None:
        results = environment.evaluation_result_list or ()
        course.record(
            {f"{data}-{metric}": value for data, metric, value, *_ in results},
            environment.iteration - environment.begin_iteration,
        )

    callback: Any = guarded("lightgbm", record)
    callback.order = ORDER
    return callback
