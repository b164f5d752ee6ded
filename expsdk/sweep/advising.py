"""From a plan to its advisers, made anew for every coordinator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from expsdk.pruners import make_pruner
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
    sampler = arrange(
        make_plan_sampler(plan, space, directions),
        space=space,
        seed=plan.seed,
        initial=plan.initial,
        replicates=plan.replicates,
    )
    for outcome in lessons:
        sampler.tell(outcome)
    if plan.pruner is None:
        return Advisers(sampler, constraints=plan.constraints)
    pruner = make_pruner(
        plan.pruner.given,
        direction=directions[0],
        seed=plan.seed,
        epochs=plan.epochs,
        options=plan.pruner.options,
    )
    return Advisers(sampler, pruner=pruner, constraints=plan.constraints)


def make_plan_sampler(plan: Plan, space: Space, directions: Sequence[str]) -> Sampler:
    """Return the sampler of a plan, made anew where the plan names it."""
    return make_sampler(
        plan.sampler.given,
        space=space,
        directions=directions,
        seed=plan.seed,
        parallelism=plan.limits.parallelism,
        constrained=plan.constraints is not None,
        options=plan.sampler.options,
    )
