"""What a function's return value says of metrics."""

from __future__ import annotations

from collections.abc import Mapping

from expsdk_runtime import tracking
from expsdk_runtime.console import say


def returned_metrics(returned: object, objectives: list[str]) -> dict[str, float]:
    """Return what the function's return value says of metrics: a mapping's numbers, or the objectives' values."""
    if not isinstance(returned, Mapping):
        values = list(returned) if isinstance(returned, (tuple, list)) else [returned]
        numbers = [number for number in map(_as_number, values) if number is not None]
        return dict(zip(objectives, numbers, strict=True)) if len(numbers) == len(values) == len(objectives) else {}
    metrics: dict[str, float] = {}
    for name, value in returned.items():
        number = _as_number(value)
        if number is not None:
            try:
                metrics[tracking.as_metric_name(name)] = number
            except (TypeError, ValueError) as error:
                say(f"expsdk: left out of the returned metrics: {error}")
    return metrics


def _as_number(value: object) -> float | None:
    """Return a number of any library's as a float: an int, a NumPy scalar, a tensor of one element."""
    if isinstance(value, (bool, str, bytes)) or not hasattr(value, "__float__"):
        return None
    try:
        return tracking.to_float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # the last: a PyTorch tensor of several
        return None
