"""Pruners: which running trials are not worth going on with.

What samples are tried belongs to `expsdk.samplers`; how a trial hears that it is to stop, to the coordinator and the
backends. Optuna loads when a pruner that needs it is made.
"""

from expsdk.pruners.base import Pruner, Report
from expsdk.pruners.by_name import PRUNER_NAMES
from expsdk.pruners.registry import make_pruner

__all__ = ["PRUNER_NAMES", "Pruner", "Report", "make_pruner"]
