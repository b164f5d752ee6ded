"""Our domains as Optuna's: options and steps by their index, normal values by their quantile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

from expsdk.space import Choice, Domain, Integer, Leaf, LogUniform, Normal, Uniform

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.distributions import BaseDistribution


def distribution_of(domain: Domain) -> BaseDistribution:
    """Return Optuna's domain for ours."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(domain, Choice):
        return CategoricalDistribution(range(len(domain.choices)))
    if isinstance(domain, Integer):
        return IntDistribution(domain.low, domain.high, log=domain.log, step=domain.step)
    if isinstance(domain, LogUniform):
        return FloatDistribution(domain.low, domain.high, log=True)
    if isinstance(domain, Uniform):
        steps = domain.grid()
        return FloatDistribution(domain.low, domain.high) if steps is None else IntDistribution(0, len(steps) - 1)
    return FloatDistribution(0.0, 1.0)


def is_searched(leaf: Leaf) -> bool:
    """Return whether there is something to choose; a domain of a single value is none of a sampler's business."""
    return not distribution_of(leaf.domain).single()


def suggest(trial: Trial, leaf: Leaf) -> Any:
    """Return the value that Optuna proposes for a parameter of a trial."""
    if not is_searched(leaf):
        return leaf.domain.from_unit(0.0)
    value = _decode(leaf.domain, suggest_encoded(trial, leaf))
    if isinstance(leaf.domain, Normal):
        # A record holds the value only, and its quantile is the proposed one up to rounding: let the study have that
        # one too, or what CMA-ES learns would be another thing after a restart.
        quantile = encode(leaf.domain, value)
        trial.storage.set_trial_param(trial._trial_id, leaf.path, quantile, distribution_of(leaf.domain))
    return value


def suggest_encoded(trial: Trial, leaf: Leaf) -> Any:
    """Return the value as it is in Optuna's domain; the parameter is one that is searched."""
    from optuna.distributions import FloatDistribution, IntDistribution

    distribution = distribution_of(leaf.domain)
    if isinstance(distribution, FloatDistribution):
        return trial.suggest_float(leaf.path, distribution.low, distribution.high, log=distribution.log)
    if isinstance(distribution, IntDistribution):
        low, high = distribution.low, distribution.high
        return trial.suggest_int(leaf.path, low, high, step=distribution.step, log=distribution.log)
    return trial.suggest_categorical(leaf.path, range(len(leaf.domain.grid() or ())))


def encode(domain: Domain, value: Any) -> Any:
    """Return a value of our domain as it is in Optuna's."""
    if isinstance(domain, Normal):
        return domain.to_unit(value)
    return domain.index_of(value) if _is_indexed(domain) else value


def _decode(domain: Domain, value: Any) -> Any:
    if isinstance(domain, Normal):
        return domain.from_unit(value)
    return (domain.grid() or ())[value] if _is_indexed(domain) else value


def _is_indexed(domain: Domain) -> TypeGuard[Choice | Uniform]:
    return isinstance(domain, Choice) or (isinstance(domain, Uniform) and domain.grid() is not None)
