"""Population based training: trials go on from other trials' checkpoints, and what goes badly copies what goes well."""

from __future__ import annotations

import bisect
import math
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from expsdk.errors import SweepError
from expsdk.samplers.base import Proposal, Sample, TrialOutcome
from expsdk.samplers.derive import derive_seed
from expsdk.space import Choice, Domain, Integer, Leaf, LogUniform, Normal, Space, Uniform
from expsdk.space.arithmetic import within
from expsdk.spelling import suggest
from expsdk_runtime.contract import Phase

_WORST = math.inf
_OPTIONS = ("population", "quantile", "resample", "factors")


@dataclass(slots=True)
class _Trial:
    """What is known of a trial.

    Attributes:
        parameters: Its sample.
        parent: The number of the trial that it goes on from, or None.
        score: Its objective, lower being better; None while it runs.
    """

    parameters: Sample
    parent: int | None
    score: float | None = None


class PopulationSampler:
    """Trains a population of models, each as a line of trials that go on from one another's checkpoints.

    (Jaderberg et al., "Population Based Training of Neural Networks", 2017, https://arxiv.org/abs/1711.09846.) The
    first `population` trials are random samples. From then on every proposal continues the member that has waited
    longest: as it is, from its own checkpoint; or, where its value is among the worst `quantile` of the members' latest
    values, or where its trial has failed or was pruned, from the checkpoint of one of the best `quantile` (exploit),
    with that one's parameters changed a little (explore). So parameters follow a schedule that is found while training,
    and there is no last trial: the sweep's limits end it.

    As in the paper: truncation selection; numbers are multiplied by one of `factors`, drawn for each parameter, or
    drawn anew with the probability `resample`. Numbers stay in their domains and on their steps, by a step at least. A
    domain that reaches below zero has no scale, and is moved in by `factor - 1` times its width (normal: its sigma).
    Choices of rising or falling numbers move to a neighbour, others stay until they are drawn anew; a branch that was
    not taken before is drawn.

    Unlike the paper: a member's turn between two looks at the others is a trial of its own, and nobody waits: a member
    is compared with the latest values that there are, which may have been trained for longer or shorter. A member that
    runs counts with the value that it goes on from. Members are interchangeable: each replacement takes the place of
    the worst trial that has ended and was not continued, so one that ends worse than another that was replaced before
    is replaced in its stead. That makes all that is proposed a function of the seed, the number and what was told.

    What the function must do: load what is in `expsdk.checkpoint_dir()` if anything is, train a few more epochs, count
    them on from the loaded ones, and save there before it ends. How many it runs, a constant such as `epochs=5`, is how
    long a member trains between two comparisons.

    Attributes:
        name: What records call it.
        is_endless: That it never runs out of samples.
    """

    name = "pbt"
    is_endless = True

    def __init__(
        self,
        space: Space,
        *,
        directions: Sequence[str],
        seed: int,
        parallelism: int,
        population: int = 10,
        quantile: float = 0.25,
        resample: float = 0.25,
        factors: Sequence[float] = (0.8, 1.2),
    ) -> None:
        """Make the sampler.

        Args:
            space: The space to sample.
            directions: "minimize" or "maximize", once: members are compared by one objective.
            seed: The sweep's seed.
            parallelism: How many trials run at a time, at most `population`.
            population: How many members there are.
            quantile: Which share of them are the best, to be copied, and the worst, to be replaced.
            resample: How likely a parameter is drawn anew when one is copied.
            factors: What numbers are multiplied by when one is copied.

        Raises:
            SweepError: There are several objectives, or a number is impossible.
        """
        _check(directions, parallelism, population, quantile, resample, factors)
        self._space = space
        self._sign = 1.0 if directions[0] == "minimize" else -1.0
        self._seed = seed
        self._population = population
        self._quantile = quantile
        self._resample = resample
        self._factors = tuple(factors)
        self._trials: dict[int, _Trial] = {}
        self._running: set[int] = set()
        self._open: list[tuple[float, int]] = []  # score and number of what has ended and was not continued, best first
        self._founders = 0
        self._replaced = 0  # how many of the worst of them have been replaced

    @classmethod
    def with_options(
        cls, space: Space, *, directions: Sequence[str], seed: int, parallelism: int, options: Mapping[str, Any]
    ) -> PopulationSampler:
        """Return the sampler with options that JSON has carried: `population`, `quantile`, `resample`, `factors`.

        Raises:
            SweepError: As above, or an option is unknown.
        """
        for name in options:
            if name not in _OPTIONS:
                remedy = suggest(name, _OPTIONS, otherwise="leave it out")
                raise SweepError(f"sampler 'pbt' takes {', '.join(_OPTIONS)}, not {name!r}; {remedy}")
        return cls(space, directions=directions, seed=seed, parallelism=parallelism, **options)

    def ask(self, number: int) -> Sample | Proposal:
        """Return the sample of trial `number`, with its parent where it continues one."""
        sample, parent = self._propose(number)
        self._take_up(number, sample, parent)
        return sample if parent is None else Proposal(sample, parent)

    def tell(self, outcome: TrialOutcome) -> None:
        """Hear how a trial went; another experiment's has left no checkpoints here and is passed over."""
        number = outcome.number
        if number < 0:
            return
        if number not in self._trials:
            self._take_up(number, outcome.parameters, outcome.parent)
        if outcome.phase in Phase.FINISHED and number in self._running:
            self._running.remove(number)
            self._trials[number].score = score = self._score(outcome)
            bisect.insort(self._open, (score, number))

    def _score(self, outcome: TrialOutcome) -> float:
        if outcome.phase != Phase.SUCCEEDED or not outcome.values or not outcome.is_feasible:
            return _WORST
        return _WORST if math.isnan(outcome.values[0]) else self._sign * outcome.values[0]

    def _take_up(self, number: int, sample: Sample, parent: int | None) -> None:
        """Count a trial and what it continues, as what it is tells: whoever asked for it may be gone."""
        if parent not in self._trials:
            parent = None
            self._founders += 1
        self._trials[number] = _Trial(sample, parent)
        self._running.add(number)
        if parent is None:
            self._replaced += self._founders > self._population
        elif not (sample == self._trials[parent].parameters and self._continue(parent)):
            self._replaced += 1

    def _continue(self, number: int) -> bool:
        """Count a trial that has ended as continued; return whether it was not before."""
        standing = (_score_of(self._trials[number]), number)
        index = bisect.bisect_left(self._open, standing)
        is_open = self._open[index : index + 1] == [standing]
        if is_open:
            del self._open[index]
        return is_open

    def _propose(self, number: int) -> tuple[Sample, int | None]:
        """Return the sample of a trial and its parent."""
        members = self._open[: max(0, len(self._open) - self._replaced)]
        ranking = self._rank(members)
        if self._founders < self._population or not members or not ranking:
            return self._explore(number, {}), None
        turn = min(number for _, number in members)
        if not self._is_bad(turn, ranking):
            return dict(self._trials[turn].parameters), turn
        best = ranking[: max(1, int(self._quantile * len(ranking)))]
        _, source = best[int(self._draws(number, "source").random() * len(best))]
        return self._explore(number, self._trials[source].parameters), source

    def _rank(self, members: list[tuple[float, int]]) -> list[tuple[float, int]]:
        """Return scores, best first, each with the trial whose checkpoint stands for it: the members' latest values."""
        parents = (self._trials[number].parent for number in self._running)
        going = [(_score_of(self._trials[parent]), parent) for parent in parents if parent is not None]
        return sorted((score, number) for score, number in [*members, *going] if score < _WORST)

    def _is_bad(self, number: int, ranking: list[tuple[float, int]]) -> bool:
        score = _score_of(self._trials[number])
        count = int(self._quantile * len(ranking))
        if len(ranking) >= self._population:
            count = max(1, count)
        worst = ranking[len(ranking) - count :]
        return score == _WORST or (score > ranking[0][0] and (score, number) in worst)

    def _explore(self, number: int, sample: Sample) -> Sample:
        """Return a sample near to another one, drawn where that has no value."""
        leaves = [leaf for leaf in self._space.active_leaves(sample) if leaf.name in sample]
        former = {leaf.path: sample[leaf.name] for leaf in leaves if leaf.domain.contains(sample[leaf.name])}

        def take(leaf: Leaf) -> Any:
            draws = self._draws(number, leaf.path)
            if leaf.path not in former or draws.random() < self._resample:
                return leaf.domain.from_unit(draws.random())
            factor = self._factors[int(draws.random() * len(self._factors))]
            return _perturb(leaf.domain, former[leaf.path], factor)

        return self._space.draw(take)

    def _draws(self, number: int, label: str) -> random.Random:
        return random.Random(derive_seed(self._seed, "pbt", number, label))


def _score_of(trial: _Trial) -> float:
    return _WORST if trial.score is None else trial.score


def _perturb(domain: Domain, value: Any, factor: float) -> Any:
    """Return a value near to another one of the domain, on the side that `factor` says."""
    if isinstance(domain, Choice) and _is_scale(domain.choices):
        rises = domain.choices[-1] > domain.choices[0]
        return _neighbour(domain.grid(), domain.index_of(value) or 0, up=(factor > 1) == rises)
    if isinstance(domain, Normal):
        return within(-sys.float_info.max, value + (factor - 1) * domain.sigma, sys.float_info.max)
    if isinstance(domain, (Integer, LogUniform, Uniform)):
        return _scale(domain, value, factor)
    return value  # one of several options that have no order


def _scale(domain: Integer | LogUniform | Uniform, value: Any, factor: float) -> Any:
    """Return a number times `factor`, within the domain and by a step at least where it has steps."""
    moved = value * factor
    if domain.low < 0:
        moved = value + (factor - 1) * domain.high - (factor - 1) * domain.low
    moved = within(domain.low, moved, domain.high)
    steps = domain.grid()
    if steps is None:
        return moved
    if isinstance(domain, Integer):
        index, now = (round((each - domain.low) / domain.step) for each in (moved, value))
    else:
        index, now = (domain.index_of(each) if isinstance(domain, Uniform) else 0 for each in (moved, value))
    if index == now and factor != 1:
        return _neighbour(steps, now, up=factor > 1)
    return steps[index]


def _neighbour(values: Sequence[Any], index: int, *, up: bool) -> Any:
    return values[min(max(0, index + (1 if up else -1)), len(values) - 1)]


def _is_scale(options: Sequence[Any]) -> bool:
    """Return whether options are numbers that rise or fall."""
    if not all(isinstance(option, (int, float)) and not isinstance(option, bool) for option in options):
        return False
    pairs = list(pairwise(options))
    return all(one < other for one, other in pairs) or all(one > other for one, other in pairs)


def _check(
    directions: Sequence[str],
    parallelism: int,
    population: int,
    quantile: float,
    resample: float,
    factors: Sequence[float],
) -> None:
    if len(directions) != 1:
        raise SweepError(
            f"sampler 'pbt' compares trials by one objective, not {len(directions)}; leave the others out of objective="
            " and log them as metrics"
        )
    if not _is_number(population) or population != int(population) or population < 2:
        raise SweepError(f"sampler 'pbt' takes population= as an integer from 2, not {population!r}; write 10")
    if parallelism > population:
        raise SweepError(
            f"sampler 'pbt' continues members that have ended, so at most population={population} trials run at a time,"
            f" not parallelism={parallelism}; give a greater population= or a smaller parallelism="
        )
    if not _is_number(quantile) or not 0 < quantile <= 0.5:
        raise SweepError(
            f"sampler 'pbt' takes quantile= as a number above 0, at most 0.5, not {quantile!r}; write 0.25"
        )
    if not _is_number(resample) or not 0 <= resample <= 1:
        raise SweepError(f"sampler 'pbt' takes resample= as a number from 0 to 1, not {resample!r}; write 0.25")
    is_list = isinstance(factors, (list, tuple))
    if not is_list or not factors or not all(_is_number(each) and 0 < each < math.inf for each in factors):
        raise SweepError(
            f"sampler 'pbt' takes factors= as a list of numbers above 0, not {factors!r}; write [0.8, 1.2]"
        )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
