"""Samplers: which samples a sweep tries next, by asking and telling.

scipy and Optuna load when a sampler that needs them is made. When to ask, and how many trials to run, belongs to the
coordinator; what values there are belongs to `expsdk.space`.
"""

from expsdk.samplers.base import Sample, Sampler, TrialOutcome
from expsdk.samplers.grid import GridSampler
from expsdk.samplers.independent import RandomSampler
from expsdk.samplers.optuna_study import TpeSampler
from expsdk.samplers.registry import SAMPLER_NAMES, make_sampler
from expsdk.samplers.sobol import SobolSampler

__all__ = [
    "SAMPLER_NAMES",
    "GridSampler",
    "RandomSampler",
    "Sample",
    "Sampler",
    "SobolSampler",
    "TpeSampler",
    "TrialOutcome",
    "make_sampler",
]
