"""The sampler of a sweep, from the one that proposes: each sample once, given ones first, each several times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from expsdk.samplers.base import Sampler
from expsdk.samplers.grid import GridSampler
from expsdk.samplers.independent import RandomSampler
from expsdk.samplers.initial import InitialSampler, check_initial
from expsdk.samplers.optuna_study import OptunaSampler
from expsdk.samplers.replicates import ReplicatedSampler
from expsdk.samplers.sobol import SobolSampler
from expsdk.samplers.unique import UniqueSampler
from expsdk.space import Space


def arrange(
    sampler: Sampler,
    *,
    space: Space,
    seed: int,
    initial: Sequence[Mapping[str, Any]] = (),
    replicates: int = 1,
) -> Sampler:
    """Return the sampler that a coordinator asks and tells.

    From the outside in: replicates, initial samples, each sample once, the sampler. Samplers of the user's own may
    repeat themselves; so may given samples.

    Args:
        sampler: What `make_sampler` has returned.
        space: The space that it samples.
        seed: The sweep's seed.
        initial: Samples to try first; constants may be left out.
        replicates: How many trials each sample gets.

    Raises:
        SweepError: An initial sample does not lie in the space.
    """
    given = check_initial(initial, space=space)
    if _repeats_in_vain(sampler, space):
        sampler = UniqueSampler(sampler, space=space, seed=seed)
    if given:
        sampler = InitialSampler(sampler, initial=given)
    return ReplicatedSampler(sampler, replicates=replicates) if replicates > 1 else sampler


def _repeats_in_vain(sampler: Sampler, space: Space) -> bool:
    """Whether a sampler of ours may propose what has been tried."""
    if isinstance(sampler, (RandomSampler, SobolSampler)):
        return all(leaf.domain.grid() is not None for leaf in space.leaves)
    return isinstance(sampler, (GridSampler, OptunaSampler))
