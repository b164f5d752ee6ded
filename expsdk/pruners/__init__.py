"""Pruners: which running trials are not worth going on with.

What samples are tried belongs to `expsdk.samplers`; how a trial hears that it is to stop, to the coordinator and the
backends. Optuna loads when a pruner that needs it is made.
"""

from expsdk.pruners.base import Pruner, Report

__all__ = ["Pruner", "Report"]
