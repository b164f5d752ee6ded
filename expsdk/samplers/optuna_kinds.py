"""Optuna's samplers by name, and those that a user has made: what each can do, needs and takes."""

from __future__ import annotations

import copy
import inspect
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeGuard

from expsdk.errors import SweepError
from expsdk.samplers.derive import derive_seed
from expsdk.samplers.optuna_study import CONSTRAINTS, SEED_BITS, OptunaSampler, Traits
from expsdk.samplers.quiet import load_optuna, quiet
from expsdk.space import Choice, Domain, Space

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

_JSON_TYPES: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}
_OWN_BUSINESS = {"seed", "warn_independent_sampling", "warn_asynchronous_seeding"}
_WITHOUT_EFFECT = {"restart_strategy", "inc_popsize"}  # Optuna takes them still
_LEAST = {"n_startup_trials": 0, "popsize": 2}


@dataclass(frozen=True)
class Kind:
    """What one of Optuna's samplers is like.

    Attributes:
        class_name: Its name in `optuna.samplers`.
        traits: What the adapter has to know of it.
        package: The package that it needs beside Optuna, and how to install it, or None.
        takes_several: Whether it takes several objectives.
        is_numeric: Whether it searches numbers only, those outside of branches.
        is_finite: Whether it needs a finite space.
        defaults: Options that it gets unless they are given.
    """

    class_name: str
    traits: Traits
    package: tuple[str, str] | None = None
    takes_several: bool = True
    is_numeric: bool = False
    is_finite: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)


_TORCH = ("torch", "pip install torch")
_CMAES = ("cmaes", "pip install cmaes")
KINDS = {
    "tpe": Kind("TPESampler", Traits(knows_constraints=True)),
    "gp": Kind("GPSampler", Traits(knows_constraints=True), _TORCH),
    "cmaes": Kind("CmaEsSampler", Traits(keeps_state=True), _CMAES, takes_several=False, is_numeric=True),
    "nsga2": Kind("NSGAIISampler", Traits(keeps_state=True, knows_constraints=True)),
    "nsga3": Kind("NSGAIIISampler", Traits(keeps_state=True, knows_constraints=True)),
    # Unscrambled, it would propose the same for every seed, and the corner of all lower bounds first.
    "qmc": Kind("QMCSampler", Traits(keeps_state=True), defaults={"scramble": True}),
    "bruteforce": Kind("BruteForceSampler", Traits(is_endless=False), is_finite=True),
}
_STATELESS = ("TPESampler", "GPSampler", "RandomSampler", "BruteForceSampler", "GridSampler")
_FINITE = ("BruteForceSampler", "GridSampler")


def is_optuna_sampler(value: object) -> TypeGuard[BaseSampler]:
    """Return whether `value` is a sampler of Optuna's."""
    optuna = sys.modules.get("optuna")  # whoever has such an object has loaded it
    return optuna is not None and isinstance(value, optuna.samplers.BaseSampler)


def make_named(
    name: str,
    *,
    space: Space,
    directions: Sequence[str],
    seed: int,
    parallelism: int,
    constrained: bool,
    options: Mapping[str, Any],
) -> OptunaSampler:
    """Return one of `KINDS`; see `expsdk.samplers.registry.make_sampler` for the arguments and errors."""
    kind = KINDS[name]
    _check_package(name, kind)
    _check_use(name, kind, space, directions)
    load_optuna()
    import optuna

    made = getattr(optuna.samplers, kind.class_name)
    given = {**kind.defaults, **_check_options(name, made, options)}
    if name == "tpe":
        given.setdefault("constant_liar", parallelism > 1)
    if constrained and kind.traits.knows_constraints and not hasattr(optuna.Trial, "set_constraint"):
        given["constraints_func"] = lambda trial: trial.user_attrs.get(CONSTRAINTS, ())
    build = _builder(name, made, given)
    try:
        with quiet():
            kept = build(derive_seed(seed, "optuna", bits=SEED_BITS))
    except (TypeError, ValueError) as error:
        raise SweepError(f"sampler {name!r} does not take {given}: {error}; change its options") from error
    return OptunaSampler(
        space,
        # A GP fits its kernels beginning with those of the last time, which a restart does not know: it begins anew.
        make=build if name == "gp" else lambda number_seed: _reseeded(kept, number_seed),
        directions=directions,
        seed=seed,
        traits=kind.traits,
        constrained=constrained,
    )


def make_given(
    sampler: BaseSampler, *, space: Space, directions: Sequence[str], seed: int, constrained: bool
) -> OptunaSampler:
    """Return the adapter of a sampler that the user has made.

    The object itself is left alone. Its random generators get a seed for each proposal, from the sweep's. It knows
    parameters by their paths, options of choices by their index, and each trial's last metrics as `trial.user_attrs`.

    Raises:
        SweepError: It lacks a package, or cannot sample this space for these objectives.
    """
    import optuna

    name = type(sampler).__name__
    kind = next((kind for kind in KINDS.values() if kind.class_name == name), None)
    if kind is not None:
        _check_package(name, kind)
    has_own_constraints = getattr(sampler, "_constraints_func", None) is not None
    traits = Traits(
        is_endless=name not in _FINITE,
        keeps_state=name not in _STATELESS,
        knows_constraints=hasattr(sampler, "_constraints_func") and hasattr(optuna.Trial, "set_constraint"),
    )

    def adapt() -> OptunaSampler:
        copied = copy.deepcopy(sampler)
        return OptunaSampler(
            space,
            make=lambda seed: _reseeded(copied, seed),
            directions=directions,
            seed=seed,
            traits=traits,
            constrained=constrained and not has_own_constraints,
        )

    count = "one objective" if len(directions) == 1 else f"{len(directions)} objectives"
    try:
        adapt().ask(0)
    except Exception as error:  # the user's own object may raise anything
        raise SweepError(
            f"sampler {name} cannot sample this space for {count}: {type(error).__name__}: {error}; use another sampler"
        ) from error
    return adapt()


def _builder(name: str, made: Callable[..., BaseSampler], options: Mapping[str, Any]) -> Callable[[int], BaseSampler]:
    """Return what makes a sampler with a seed."""
    from optuna.samplers import TPESampler

    if name in ("cmaes", "gp"):  # what they cannot search themselves, options and branches, is learned as well
        return lambda seed: made(**options, seed=seed, independent_sampler=TPESampler(seed=seed))
    return lambda seed: made(**options, seed=seed)


def _reseeded(sampler: BaseSampler, seed: int) -> BaseSampler:
    """Return the sampler with a new seed in its random generators, as far as they can be found.

    Making it anew would do for those that keep what they learn in the study, but they know which of the study's trials
    they have seen, and would look at all of them for every proposal.
    """
    import numpy as np

    for value in vars(sampler).values():
        generator = getattr(value, "rng", value)  # Optuna's own generators come to life when they are needed
        if isinstance(generator, np.random.RandomState):
            generator.seed(seed)
        elif is_optuna_sampler(value):
            _reseeded(value, seed)
    return sampler


def _check_package(name: str, kind: Kind) -> None:
    if kind.package is not None and find_spec(kind.package[0]) is None:
        package, remedy = kind.package
        raise SweepError(
            f"sampler {name!r} needs the package {package}, which is not installed; {remedy}, or use sampler='tpe'"
        )


def _check_use(name: str, kind: Kind, space: Space, directions: Sequence[str]) -> None:
    if len(directions) > 1 and not kind.takes_several:
        raise SweepError(
            f"sampler {name!r} takes one objective, and there are {len(directions)}; use sampler='nsga2' or 'tpe', or"
            " give a single objective"
        )
    if kind.is_finite:
        space.grid()
    if kind.is_numeric and not any(_is_searched_number(parameter.domain) for parameter in space.parameters):
        raise SweepError(
            f"sampler {name!r} searches numbers that every sample has, and among"
            f" {', '.join(space.names) or 'no parameters'} there are none; use sampler='tpe'"
        )


def _is_searched_number(domain: Domain) -> bool:
    values = domain.grid()
    return not isinstance(domain, Choice) and (values is None or len(values[:2]) > 1)


def _check_options(name: str, made: Callable[..., object], options: Mapping[str, Any]) -> Mapping[str, Any]:
    types = _option_types(made)
    for option, value in options.items():
        if option not in types:
            known = ", ".join(f"{known} ({' or '.join(words)})" for known, words in types.items())
            raise SweepError(f"sampler {name!r} takes {known or 'no options'}, not {option!r}; write one of them")
        fault = _fault(option, value, types[option])
        if fault:
            raise SweepError(f"sampler {name!r}: {option} is {fault}, not {value!r}; change it or leave it out")
    return options


def _option_types(made: Callable[..., object]) -> dict[str, list[str]]:
    """Return the keyword arguments of a sampler that JSON can say, each with the words of its types."""
    found = {}
    for parameter in inspect.signature(made).parameters.values():
        words = [word.strip() for word in str(parameter.annotation).split("|")]
        if set(words) <= {*_JSON_TYPES, "None"} and parameter.name not in _OWN_BUSINESS | _WITHOUT_EFFECT:
            found[parameter.name] = words
    return found


def _fault(option: str, value: object, words: Sequence[str]) -> str:
    """Return what an option has to be if `value` is not that, else nothing."""
    if value is None and "None" in words:
        return ""
    kinds = tuple(kind for word in words for kind in _JSON_TYPES.get(word, ()))
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        return f"of type {' or '.join(words)}"
    if isinstance(value, float) and not math.isfinite(value):
        return "finite"
    least = _LEAST.get(option, 1)
    return f"at least {least}" if words[0] == "int" and isinstance(value, int) and value < least else ""
