"""The plan of a sweep: what `Experiment.sweep` and `Experiment.launch` were told, checked before anything is made."""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from expsdk.errors import SweepError
from expsdk.experiment.definition import Definition
from expsdk.experiment.signature import bind, check_signature
from expsdk.resources.names import EXPERIMENT_NAME_LIMIT_CHARS, check_experiment_name
from expsdk.samplers import Sample
from expsdk.samplers.given import GivenSampler
from expsdk.space import Space
from expsdk.space.domains import Constant, Parameter
from expsdk.sweep.advisers import Constraints
from expsdk.sweep.choice import Choice
from expsdk.sweep.limits import Limits

EPOCHS = "epochs"
SEED_BITS = 31
_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_CHARS = 5
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A sweep that is yet to run.

    Attributes:
        name: The experiment's name, or None for the function's with a suffix that is drawn when it runs.
        seed: The seed of samples and trials; it is drawn where the user gave none.
        is_seeded: Whether the user gave it.
        limits: How many trials, how many at a time, how long.
        sampler: What proposes samples.
        pruner: What stops trials that are not promising, or None.
        epochs: How many epochs a trial has, where that is known.
        constraints: What a trial may violate, or None.
        initial: Samples to try before the sampler's own.
        learn_from: Experiments whose trials the sampler is told first.
        replicates: How many trials each sample gets.
        cache: Whether results of the same code, sample and seed are used again.
    """

    name: str | None = None
    seed: int
    is_seeded: bool = True
    limits: Limits
    sampler: Choice
    pruner: Choice | None = None
    epochs: int | None = None
    constraints: Constraints | None = None
    initial: tuple[Sample, ...] = ()
    learn_from: tuple[str, ...] = ()
    replicates: int = 1
    cache: bool = False


def plan_sweep(
    definition: Definition,
    *,
    sampler: Any,
    seed: int | None,
    limits: Limits,
    name: str | None,
    pruner: Any = None,
    constraints: Constraints | None = None,
    initial: Sequence[Mapping[str, Any]] = (),
    learn_from: Sequence[str] = (),
    replicates: int = 1,
    cache: bool = False,
) -> Plan:
    """Check what a sweep was told; see `expsdk.decorator.Experiment.sweep` for the arguments.

    Raises:
        SweepError: The seed, the sampler, the pruner or an initial sample is impossible, or nothing would end the
            sweep.
        SpaceError: The sampler is "grid" and the space is not finite.
        DefinitionError: The name is no DNS label of at most 40 characters.
    """
    from expsdk.sweep.advising import make_advisers

    plan = Plan(
        name=None if name is None else check_experiment_name(name),
        seed=secrets.randbits(SEED_BITS) if seed is None else _check_seed(seed),
        is_seeded=seed is not None,
        limits=limits,
        sampler=Choice.of("sampler", sampler),
        pruner=None if pruner is None else Choice.of("pruner", pruner),
        epochs=known_epochs(definition),
        constraints=_check_constraints(constraints),
        initial=_check_initial(initial),
        learn_from=_check_names(learn_from),
        replicates=_check_replicates(replicates),
        cache=bool(cache),
    )
    _check_single_objective(definition, plan)
    advisers = make_advisers(plan, definition.space, definition.directions)
    if not limits.bounds_a_sweep and advisers.are_endless:
        raise SweepError(
            f"a sweep ends after some trials or some time, and sampler {plan.sampler.name!r} proposes for ever; give"
            " trials=, timeout_s= or budget=, or use sampler='grid' for every sample of a finite space"
        )
    return plan


def plan_launch(definition: Definition, parameters: Mapping[str, Any]) -> Plan:
    """Return the plan of a single trial with parameters that were given by hand.

    Raises:
        SpaceError: A parameter is unknown or missing, or JSON cannot carry its value.
    """
    sample = bind(definition.function, definition.space, parameters)
    return Plan(seed=secrets.randbits(SEED_BITS), limits=Limits(trials=1), sampler=Choice(GivenSampler([sample])))


def with_epochs(definition: Definition, epochs: object) -> Definition:
    """Return the definition whose trials all get the same number of epochs as their parameter `epochs`.

    Raises:
        SweepError: It is no number of epochs, or the space has a parameter of that name already.
        SpaceError: The function does not take it.
    """
    if epochs is None:
        return definition
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise SweepError(f"epochs is an integer of at least 1, not {epochs!r}; leave it out for the function's own")
    space = definition.space
    if EPOCHS in space.names:
        raise SweepError(
            "epochs gives every trial its number of epochs, and the space has a parameter of that name; leave one out"
        )
    extended = Space((*space.parameters, Parameter(EPOCHS, Constant(epochs))))
    check_signature(definition.function, extended)
    return replace(definition, space=extended)


def known_epochs(definition: Definition) -> int | None:
    """Return how many epochs a trial has: the space's constant of that name, or the function's own default."""
    domain = next((each.domain for each in definition.space.parameters if each.name == EPOCHS), None)
    if domain is not None:
        value = domain.value if isinstance(domain, Constant) else None
    else:
        parameter = inspect.signature(definition.function).parameters.get(EPOCHS)
        value = parameter.default if parameter is not None else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def draw_name(stem: str) -> str:
    """Return an experiment's name that nobody has yet: `stem` and a short suffix without vowels."""
    suffix = "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(_SUFFIX_CHARS))
    return f"{stem[: EXPERIMENT_NAME_LIMIT_CHARS - _SUFFIX_CHARS - 1].rstrip('-')}-{suffix}"


def _check_seed(seed: object) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int) or seed not in _INT64:
        raise SweepError(f"seed is an integer that fits 64 bits, not {seed!r}; write one such as seed=7")
    return seed


def _check_single_objective(definition: Definition, plan: Plan) -> None:
    """See that what compares trials by one value has one."""
    if len(definition.directions) == 1:
        return
    limits = plan.limits
    asked = {
        "pruner": plan.pruner,
        "target": limits.target,
        "no_improvement_trials": limits.no_improvement_trials,
    }
    for name, value in asked.items():
        if value is not None:
            metrics = ", ".join(objective.metric for objective in definition.objectives)
            raise SweepError(
                f"{name} compares trials by a single objective, and there are several ({metrics}); leave it out"
            )


def _check_constraints(constraints: object) -> Any:
    if constraints is not None and not callable(constraints):
        raise SweepError(
            "constraints is a function of a trial's metrics that returns numbers, at most 0 where nothing is violated,"
            f" not {constraints!r}; write one such as lambda metrics: metrics['size'] - 100"
        )
    return constraints


def _check_initial(initial: object) -> tuple[Sample, ...]:
    if not isinstance(initial, Sequence) or not all(isinstance(each, Mapping) for each in initial):
        raise SweepError(f"initial is a list of samples, not {initial!r}; write one such as [{{'lr': 0.1}}]")
    return tuple(dict(each) for each in initial)


def _check_names(names: object) -> tuple[str, ...]:
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise SweepError(
            f"learn_from is a list of experiments' names, not {names!r}; write one such as ['train-x7k2p']"
        )
    return tuple(check_experiment_name(name) for name in names)


def _check_replicates(replicates: object) -> int:
    if isinstance(replicates, bool) or not isinstance(replicates, int) or replicates < 1:
        raise SweepError(f"replicates is an integer of at least 1, not {replicates!r}; 1 runs every sample once")
    return replicates
