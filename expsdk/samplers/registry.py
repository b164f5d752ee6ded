"""Samplers by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

from expsdk.errors import SweepError
from expsdk.samplers.base import Sampler
from expsdk.samplers.grid import GridSampler
from expsdk.samplers.independent import RandomSampler
from expsdk.samplers.optuna_study import TpeSampler
from expsdk.samplers.sobol import SobolSampler
from expsdk.space import Space

SAMPLER_NAMES = ("grid", "random", "sobol", "tpe")


def make_sampler(
    sampler: str | Sampler, *, space: Space, directions: Sequence[str], seed: int, parallelism: int
) -> Sampler:
    """Return the sampler of a sweep.

    Args:
        sampler: A name in `SAMPLER_NAMES`, or a sampler of the user's own, which is returned as it is.
        space: The space to sample.
        directions: "minimize" or "maximize" for each objective.
        seed: The sweep's seed.
        parallelism: How many trials run at a time.

    Raises:
        SweepError: The name is unknown, the object is no sampler, or the sampler cannot sample so many parameters.
        SpaceError: The grid sampler was asked for and the space is not finite.
    """
    if not isinstance(sampler, str):
        return _own(sampler)
    makers: dict[str, Callable[[], Sampler]] = {
        "grid": lambda: GridSampler(space),
        "random": lambda: RandomSampler(space, seed=seed),
        "sobol": lambda: SobolSampler(space, seed=seed),
        "tpe": lambda: TpeSampler(space, directions=directions, seed=seed, parallelism=parallelism),
    }
    if sampler not in makers:
        close = difflib.get_close_matches(sampler.lower(), SAMPLER_NAMES, n=1)
        remedy = f"did you mean {close[0]!r}?" if close else "write one of them, or give an object with ask and tell"
        raise SweepError(f"a sampler is one of {', '.join(SAMPLER_NAMES)}, not {sampler!r}; {remedy}")
    return makers[sampler]()


def _own(sampler: Sampler) -> Sampler:
    if isinstance(sampler, type):
        raise SweepError(f"a sampler is an object, not the class {sampler.__name__}; write {sampler.__name__}(...)")
    if not isinstance(sampler, Sampler):
        raise SweepError(
            f"a sampler is a name or an object with ask(number) and tell(outcome), not {sampler!r};"
            f" write one of {', '.join(SAMPLER_NAMES)}"
        )
    return sampler
