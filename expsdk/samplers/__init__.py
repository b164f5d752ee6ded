"""Samplers: which samples a sweep tries next, by asking and telling.

scipy and Optuna load when a sampler that needs them is made. When to ask, and how many trials to run, belongs to the
coordinator; what values there are belongs to `expsdk.space`.
"""

from expsdk.samplers.arrangement import arrange
from expsdk.samplers.base import Proposal, Sample, Sampler, TrialOutcome
from expsdk.samplers.grid import GridSampler
from expsdk.samplers.independent import RandomSampler
from expsdk.samplers.learning import lessons
from expsdk.samplers.optuna_study import OptunaSampler
from expsdk.samplers.outcome import outcome_of
from expsdk.samplers.registry import SAMPLER_NAMES, is_endless, make_sampler
from expsdk.samplers.sobol import SobolSampler

__all__ = [
    "SAMPLER_NAMES",
    "GridSampler",
    "OptunaSampler",
    "Proposal",
    "RandomSampler",
    "Sample",
    "Sampler",
    "SobolSampler",
    "TrialOutcome",
    "arrange",
    "is_endless",
    "lessons",
    "make_sampler",
    "outcome_of",
]
