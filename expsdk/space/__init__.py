"""Spaces: what values the parameters of an experiment may take, checked when the decorator runs.

Standard library only and quick to import: the user's module, and so this package, is loaded inside jobs too. How
samples are drawn belongs to the samplers; how a space fits a function belongs to `expsdk.experiment.signature`.
"""

from expsdk.space.domains import (
    Choice,
    Constant,
    Domain,
    Integer,
    LogUniform,
    Normal,
    Parameter,
    Uniform,
)
from expsdk.space.notation import choice, integer, loguniform, normal, uniform
from expsdk.space.space import Leaf, Space

__all__ = [
    "Choice",
    "Constant",
    "Domain",
    "Integer",
    "Leaf",
    "LogUniform",
    "Normal",
    "Parameter",
    "Space",
    "Uniform",
    "choice",
    "integer",
    "loguniform",
    "normal",
    "uniform",
]
