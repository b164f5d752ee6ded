"""From a plan to its advisers, made anew for every coordinator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from expsdk.pruners import Pruner, make_pruner
from expsdk.samplers import Sampler, TrialOutcome, arrange, make_sampler
from expsdk.space import Space
from expsdk.sweep.advisers import Advisers
from expsdk.sweep.plan import Plan


def make_advisers(
    plan: Plan, space: Space, directions: Sequence[str], *, lessons: Iterable[TrialOutcome] = ()
) -> Advisers:
    """Return the advisers of a plan.

    Args:
        plan: The plan.
        space: The experiment's space.
        directions: "minimize" or "maximize" for each objective.
        lessons: How trials of other experiments went, for the sampler.

    Raises:
        SweepError: The sampler or the pruner is impossible, or an initial sample is outside the space.
        SpaceError: The sampler cannot sample the space.
    """
    sampler = make_plan_sampler(plan, space, directions)
    advisers = Advisers(sampler, pruner=_make_pruner(plan, directions), constraints=plan.constraints)
    for outcome in lessons:
        sampler.tell(advisers.constrain(outcome))
    return advisers


def make_plan_sampler(plan: Plan, space: Space, directions: Sequence[str]) -> Sampler:
    """Return the sampler of a plan with all that the plan adds to it, made anew where the plan names it."""
    sampler = make_sampler(
        plan.sampler.given,
        space=space,
        directions=directions,
        seed=plan.seed,
        parallelism=plan.limits.parallelism,
        constrained=plan.constraints is not None,
        options=plan.sampler.options,
    )
    return arrange(sampler, space=space, seed=plan.seed, initial=plan.initial, replicates=plan.replicates)


def _make_pruner(plan: Plan, directions: Sequence[str]) -> Pruner | None:
    if plan.pruner is None:
        return None
    return make_pruner(
        plan.pruner.given,
        direction=directions[0],
        seed=plan.seed,
        epochs=plan.epochs,
        options=plan.pruner.options,
    )
