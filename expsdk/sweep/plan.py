"""The plan of a sweep: what `Experiment.sweep` and `Experiment.launch` were told, checked before anything is made."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from expsdk.errors import SweepError
from expsdk.experiment.definition import Definition
from expsdk.experiment.signature import bind
from expsdk.resources.names import EXPERIMENT_NAME_LIMIT_CHARS, check_experiment_name
from expsdk.samplers import RandomSampler, Sampler, SobolSampler, TpeSampler, make_sampler
from expsdk.samplers.given import GivenSampler
from expsdk.sweep.limits import Limits

SEED_BITS = 31
_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_CHARS = 5
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True)
class Plan:
    """A sweep that is yet to run.

    Attributes:
        name: The experiment's name, or None for the function's with a suffix that is drawn when it runs.
        sampler: A sampler's name, or a sampler.
        seed: The seed of samples and trials.
        limits: How many trials, how many at a time, how long.
    """

    name: str | None
    sampler: str | Sampler
    seed: int
    limits: Limits

    @property
    def sampler_name(self) -> str:
        """The sampler as the experiment's record names it."""
        if isinstance(self.sampler, str):
            return self.sampler
        name = getattr(self.sampler, "name", None)
        return name if isinstance(name, str) and name else type(self.sampler).__name__


def plan_sweep(
    definition: Definition,
    *,
    sampler: str | Sampler,
    seed: int | None,
    limits: Limits,
    name: str | None,
) -> Plan:
    """Check what a sweep was told; see `expsdk.decorator.Experiment.sweep` for the arguments.

    Raises:
        SweepError: The seed or the sampler is impossible, or nothing would end the sweep.
        SpaceError: The sampler is "grid" and the space is not finite.
        DefinitionError: The name is no DNS label of at most 40 characters.
    """
    plan = Plan(
        name=None if name is None else check_experiment_name(name),
        sampler=sampler,
        seed=secrets.randbits(SEED_BITS) if seed is None else _check_seed(seed),
        limits=limits,
    )
    made = make_plan_sampler(definition, plan)
    if (
        limits.trials is None
        and limits.timeout_s is None
        and isinstance(made, (RandomSampler, SobolSampler, TpeSampler))
    ):
        raise SweepError(
            f"a sweep ends after some trials or some time, and sampler {plan.sampler_name!r} proposes for ever; give"
            " trials= or timeout_s=, or use sampler='grid' for every sample of a finite space"
        )
    return plan


def plan_launch(definition: Definition, parameters: Mapping[str, Any]) -> Plan:
    """Return the plan of a single trial with parameters that were given by hand.

    Raises:
        SpaceError: A parameter is unknown or missing, or JSON cannot carry its value.
    """
    sample = bind(definition.function, definition.space, parameters)
    return Plan(None, GivenSampler([sample]), secrets.randbits(SEED_BITS), Limits(trials=1))


def make_plan_sampler(definition: Definition, plan: Plan) -> Sampler:
    """Return the sampler of a plan, made anew where the plan names it."""
    return make_sampler(
        plan.sampler,
        space=definition.space,
        directions=definition.directions,
        seed=plan.seed,
        parallelism=plan.limits.parallelism,
    )


def draw_name(stem: str) -> str:
    """Return an experiment's name that nobody has yet: `stem` and a short suffix without vowels."""
    suffix = "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(_SUFFIX_CHARS))
    return f"{stem[: EXPERIMENT_NAME_LIMIT_CHARS - _SUFFIX_CHARS - 1].rstrip('-')}-{suffix}"


def _check_seed(seed: object) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int) or seed not in _INT64:
        raise SweepError(f"seed is an integer that fits 64 bits, not {seed!r}; write one such as seed=7")
    return seed
