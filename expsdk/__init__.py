"""Decorate a training function, call `sweep.run()`: every sample of the space becomes one isolated job.

Names load when they are first used: importing expsdk costs next to nothing, and inside a job only what the
user's module needs is loaded.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from expsdk.version import __version__ as __version__

if TYPE_CHECKING:
    from expsdk.analysis import Results, TrialRecord
    from expsdk.analysis.open import results
    from expsdk.backends.kubernetes.resources import Resources
    from expsdk.backends.kubernetes.volumes import SecretEnv, Volume
    from expsdk.client import Client
    from expsdk.client.submit import submit
    from expsdk.decorator import Experiment, experiment
    from expsdk.errors import ExpsdkError
    from expsdk.space import choice, integer, loguniform, normal, uniform
    from expsdk.sweep import AttachedSweep, Sweep, attach
    from expsdk_runtime import (
        Trial,
        TrialStopped,
        checkpoint_dir,
        current_trial,
        log_metric,
        log_metrics,
        output_dir,
    )

_HOMES = {
    "AttachedSweep": "expsdk.sweep",
    "Client": "expsdk.client",
    "Experiment": "expsdk.decorator",
    "ExpsdkError": "expsdk.errors",
    "Resources": "expsdk.backends.kubernetes.resources",
    "Results": "expsdk.analysis",
    "SecretEnv": "expsdk.backends.kubernetes.volumes",
    "Sweep": "expsdk.sweep",
    "Trial": "expsdk_runtime",
    "TrialRecord": "expsdk.analysis",
    "TrialStopped": "expsdk_runtime",
    "Volume": "expsdk.backends.kubernetes.volumes",
    "attach": "expsdk.sweep",
    "checkpoint_dir": "expsdk_runtime",
    "choice": "expsdk.space",
    "current_trial": "expsdk_runtime",
    "experiment": "expsdk.decorator",
    "integer": "expsdk.space",
    "log_metric": "expsdk_runtime",
    "log_metrics": "expsdk_runtime",
    "loguniform": "expsdk.space",
    "normal": "expsdk.space",
    "output_dir": "expsdk_runtime",
    "results": "expsdk.analysis.open",
    "submit": "expsdk.client.submit",
    "uniform": "expsdk.space",
}

__all__ = [
    "AttachedSweep",
    "Client",
    "Experiment",
    "ExpsdkError",
    "Resources",
    "Results",
    "SecretEnv",
    "Sweep",
    "Trial",
    "TrialRecord",
    "TrialStopped",
    "Volume",
    "attach",
    "checkpoint_dir",
    "choice",
    "current_trial",
    "experiment",
    "integer",
    "log_metric",
    "log_metrics",
    "loguniform",
    "normal",
    "output_dir",
    "results",
    "submit",
    "uniform",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return __all__


class _Package(ModuleType):
    """Keeps a name from turning into the submodule that bears it (expsdk.experiment), whichever is asked for first."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
