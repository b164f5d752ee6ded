"""Samplers by name, and those of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from expsdk.errors import SweepError
from expsdk.samplers.base import Sampler
from expsdk.samplers.grid import GridSampler
from expsdk.samplers.independent import RandomSampler
from expsdk.samplers.optuna_kinds import KINDS, is_optuna_sampler, make_given, make_named
from expsdk.samplers.population import PopulationSampler
from expsdk.samplers.sobol import SobolSampler
from expsdk.space import Space
from expsdk.spelling import suggest

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

SAMPLER_NAMES = ("grid", "random", "sobol", "pbt", *KINDS)


def make_sampler(
    sampler: str | Sampler | BaseSampler,
    *,
    space: Space,
    directions: Sequence[str],
    seed: int,
    parallelism: int,
    constrained: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Sampler:
    """Return the sampler of a sweep, without what `expsdk.samplers.arrange` adds.

    Args:
        sampler: A name in `SAMPLER_NAMES`, a sampler of Optuna's, or a sampler of the user's own, which is returned as
            it is.
        space: The space to sample.
        directions: "minimize" or "maximize" for each objective.
        seed: The sweep's seed.
        parallelism: How many trials run at a time.
        constrained: Whether trials have constraints.
        options: The named sampler's own options: those of `PopulationSampler` for "pbt", else keyword arguments of
            Optuna's class that JSON can say.

    Raises:
        SweepError: The name or an option is unknown, an option's value is impossible, the object is no sampler, or the
            sampler lacks a package, or it cannot sample so many parameters or for so many objectives.
        SpaceError: The sampler goes through all samples and the space is not finite.
    """
    if not isinstance(sampler, str):
        if options:
            raise SweepError(
                f"options are for a sampler that is given by its name, and {_name_of(sampler)} is an object; give them"
                " to the object when you make it"
            )
        if is_optuna_sampler(sampler):
            return make_given(sampler, space=space, directions=directions, seed=seed, constrained=constrained)
        return _own(sampler)
    if sampler in KINDS:
        return make_named(
            sampler,
            space=space,
            directions=directions,
            seed=seed,
            parallelism=parallelism,
            constrained=constrained,
            options=options or {},
        )
    if sampler == "pbt":
        return PopulationSampler.with_options(
            space, directions=directions, seed=seed, parallelism=parallelism, options=options or {}
        )
    makers: dict[str, Callable[[], Sampler]] = {
        "grid": lambda: GridSampler(space),
        "random": lambda: RandomSampler(space, seed=seed),
        "sobol": lambda: SobolSampler(space, seed=seed),
    }
    if sampler not in makers:
        otherwise = "write one of them, or give an object with ask and tell"
        remedy = suggest(sampler.lower(), SAMPLER_NAMES, otherwise=otherwise)
        raise SweepError(f"a sampler is one of {', '.join(SAMPLER_NAMES)}, not {sampler!r}; {remedy}")
    if options:
        raise SweepError(f"sampler {sampler!r} takes no options, not {', '.join(map(repr, options))}; leave them out")
    return makers[sampler]()


def is_endless(sampler: Sampler) -> bool:
    """Return whether a sampler goes on proposing for ever; one that does not say so ends some time."""
    return bool(getattr(sampler, "is_endless", False))


def _own(sampler: object) -> Sampler:
    if isinstance(sampler, type):
        raise SweepError(f"a sampler is an object, not the class {sampler.__name__}; write {sampler.__name__}(...)")
    if not isinstance(sampler, Sampler):
        raise SweepError(
            f"a sampler is a name or an object with ask(number) and tell(outcome), not {sampler!r};"
            f" write one of {', '.join(SAMPLER_NAMES)}"
        )
    return sampler


def _name_of(sampler: object) -> str:
    return f"the class {sampler.__name__}" if isinstance(sampler, type) else type(sampler).__name__
