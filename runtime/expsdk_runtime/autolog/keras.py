"""Keras: what `fit` knows at the end of each epoch (loss, val_loss, the metrics); epochs are Keras' own, from 0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from expsdk_runtime.autolog.hooks import call_after
from expsdk_runtime.autolog.recording import Course

_courses: WeakKeyDictionary[Any, Course] = WeakKeyDictionary()


def attach(module: Any) -> None:
    """Wrap the list of callbacks that `fit` makes for itself: ours comes after the user's, who may save a model."""
    call_after(module.CallbackList, "on_epoch_end", "keras", _epoch_end)


def _epoch_end(callbacks: Any, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
    _courses.setdefault(callbacks, Course()).record(logs or {}, epoch)
