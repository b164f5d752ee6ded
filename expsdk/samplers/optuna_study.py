"""Optuna's samplers, driven through one study that mirrors the sweep's trials."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from expsdk.errors import SpaceError
from expsdk.samplers.base import Sample, TrialOutcome
from expsdk.samplers.derive import derive_seed
from expsdk.space import Choice, Domain, Integer, Leaf, LogUniform, Normal, Space, Uniform
from expsdk_runtime.contract import Phase

if TYPE_CHECKING:
    import optuna


class TpeSampler:
    """Optuna's Tree-structured Parzen Estimator, which samples more where trials went well.

    (Watanabe, "Tree-Structured Parzen Estimator: Understanding Its Algorithm Components and Their Roles for Better
    Empirical Performance", 2023.) Every proposal has a random generator of its own, seeded from the sweep's seed and
    the trial's number: a restarted sweep does not repeat its first samples, and proposes the same as before when it
    was told the same in the same order.
    """

    def __init__(self, space: Space, *, directions: Sequence[str], seed: int, parallelism: int) -> None:
        """Make the sampler.

        Args:
            space: The space to sample.
            directions: "minimize" or "maximize" for each objective.
            seed: The sweep's seed.
            parallelism: How many trials run at a time; above 1, running trials count as bad ones, so that
                proposals made at the same time differ.
        """
        import optuna  # slow to import, and the other samplers do without

        self._space = space
        self._seed = seed
        self._parallelism = parallelism
        self._numbers: dict[int, int] = {}  # from a trial's number in the sweep to its number in the study
        with _quiet():
            ways = [optuna.study.StudyDirection[direction.upper()] for direction in directions]
            self._study = optuna.create_study(directions=ways)

    def ask(self, number: int) -> Sample | None:
        """Return the sample of trial `number`."""
        with _quiet():
            self._study.sampler = self._tpe(number)
            trial = self._study.ask()
            self._numbers[number] = trial.number
            return self._space.draw(lambda leaf: _suggest(trial, leaf))

    def tell(self, outcome: TrialOutcome) -> None:
        """Hear how a trial went; what does not lie in the space is passed over."""
        state, values = self._result(outcome)
        with _quiet():
            known = self._numbers.get(outcome.number)
            if known is None:
                self._add(outcome, state, values)
            elif state.is_finished():
                self._study.tell(known, values, state=state)

    def _tpe(self, number: int) -> optuna.samplers.BaseSampler:
        import optuna

        return optuna.samplers.TPESampler(
            seed=derive_seed(self._seed, "tpe", number, bits=32), constant_liar=self._parallelism > 1
        )

    def _result(self, outcome: TrialOutcome) -> tuple[optuna.trial.TrialState, Sequence[float] | None]:
        from optuna.trial import TrialState

        values = outcome.values
        if outcome.phase not in Phase.FINISHED:
            return TrialState.RUNNING, None
        if outcome.phase == Phase.SUCCEEDED and values is not None and not any(map(math.isnan, values)):
            return TrialState.COMPLETE, values
        # Optuna ranks pruned trials by their only objective, and has no such ranking for several.
        is_pruned = outcome.phase == Phase.PRUNED and len(self._study.directions) == 1
        return TrialState.PRUNED if is_pruned else TrialState.FAIL, None

    def _add(self, outcome: TrialOutcome, state: optuna.trial.TrialState, values: Sequence[float] | None) -> None:
        """Add a trial that an earlier coordinator asked for."""
        import optuna

        try:
            self._space.check(outcome.parameters)
        except SpaceError:
            return
        leaves = self._space.active_leaves(outcome.parameters)
        trial = optuna.trial.create_trial(
            state=state,
            values=values,
            params={leaf.path: _encode(leaf.domain, outcome.parameters[leaf.name]) for leaf in leaves},
            distributions={leaf.path: _distribution(leaf.domain) for leaf in leaves},
        )
        self._numbers[outcome.number] = len(self._study.get_trials(deepcopy=False))
        self._study.add_trial(trial)


def _distribution(domain: Domain) -> optuna.distributions.BaseDistribution:
    """Return Optuna's domain for ours: steps and options by their index, normal values by their quantile."""
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


def _suggest(trial: optuna.Trial, leaf: Leaf) -> Any:
    from optuna.distributions import FloatDistribution, IntDistribution

    distribution = _distribution(leaf.domain)
    value: Any
    if isinstance(distribution, FloatDistribution):
        value = trial.suggest_float(leaf.path, distribution.low, distribution.high, log=distribution.log)
    elif isinstance(distribution, IntDistribution):
        low, high = distribution.low, distribution.high
        value = trial.suggest_int(leaf.path, low, high, step=distribution.step, log=distribution.log)
    else:
        value = trial.suggest_categorical(leaf.path, range(len(leaf.domain.grid() or ())))
    return _decode(leaf.domain, value)


def _decode(domain: Domain, value: Any) -> Any:
    if isinstance(domain, Normal):
        return domain.from_unit(value)
    if isinstance(domain, Choice) or (isinstance(domain, Uniform) and domain.grid() is not None):
        return (domain.grid() or ())[value]
    return value


def _encode(domain: Domain, value: Any) -> Any:
    if isinstance(domain, Normal):
        return domain.to_unit(value)
    if isinstance(domain, Choice) or (isinstance(domain, Uniform) and domain.grid() is not None):
        return domain.index_of(value)
    return value


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what Optuna says about its studies, and leave its settings as they are."""
    logger = logging.getLogger("optuna")
    level = logger.level
    logger.setLevel(max(level, logging.WARNING))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # by module would not do: some are raised in the name of Optuna's caller
            yield
    finally:
        logger.setLevel(level)
