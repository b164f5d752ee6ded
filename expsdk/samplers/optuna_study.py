"""Optuna's samplers, driven through one study that mirrors the sweep's trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from expsdk.errors import SpaceError
from expsdk.samplers.base import Sample, TrialOutcome
from expsdk.samplers.derive import derive_seed
from expsdk.samplers.optuna_domains import distribution_of, encode, is_searched, suggest, suggest_encoded
from expsdk.samplers.quiet import quiet
from expsdk.space import Leaf, Space
from expsdk_runtime.contract import Phase

if TYPE_CHECKING:
    import optuna

SEED_BITS = 32  # what numpy's generators take
CONSTRAINTS = "expsdk:constraints"
"""The attribute of a study's trial that holds the values of its constraints."""


@dataclass(frozen=True)
class Traits:
    """What the adapter has to know of a sampler.

    Attributes:
        is_endless: Whether it goes on proposing for ever.
        keeps_state: Whether it keeps what it learns in the study as it is asked, beside the trials and their values.
        knows_constraints: Whether it looks at constraints; one that does not is told infeasible trials as failed.
    """

    is_endless: bool = True
    keeps_state: bool = False
    knows_constraints: bool = False


class OptunaSampler:
    """A sampler of Optuna's.

    What it proposes is a function of the sweep's seed, the trial's number and what it was told. Each proposal has a
    random generator of its own, seeded from the sweep's seed and the number: a restarted sweep does not repeat its
    first samples, and proposes the same as before when it was told the same in the same order.

    CMA-ES, NSGA-II and III and QMC also keep in the study what they were when they were asked: a generation, a place in
    a sequence. A trial that this object was not asked for is therefore asked for after the fact when it is told,
    with its sample as the answer. So a sweep that runs one trial at a time goes on exactly as if it had never been
    interrupted. With several at a time a restart knows in which order trials were asked for but not what had been
    told by then, so generations may be cut elsewhere; nothing that was told is lost. Proposals that were passed over
    are in no record: after some, QMC's place in its sequence and CMA-ES's seeds are others after a restart.
    """

    def __init__(
        self,
        space: Space,
        *,
        make: Callable[[int], optuna.samplers.BaseSampler],
        directions: Sequence[str],
        seed: int,
        traits: Traits,
        constrained: bool = False,
    ) -> None:
        """Make the sampler.

        Args:
            space: The space to sample.
            make: Returns Optuna's sampler for a seed of 32 bits; it is called for every proposal.
            directions: "minimize" or "maximize" for each objective.
            seed: The sweep's seed.
            traits: What the sampler is like.
            constrained: Whether trials have constraints.
        """
        import optuna  # slow to import, and the other samplers do without

        self.is_endless = traits.is_endless
        self._space = space
        self._make = make
        self._seed = seed
        self._traits = traits
        self._is_constrained = constrained
        self._constraints = 0  # how many values a trial has, once one has told
        self._attempts: dict[int, int] = {}  # by number, of those that run: how often it was asked for
        self._running: dict[int, tuple[optuna.Trial, Sample]] = {}
        self._is_exhausted = False
        with quiet():
            ways = [optuna.study.StudyDirection[direction.upper()] for direction in directions]
            self._study = optuna.create_study(directions=ways, sampler=make(0))
        self._study.stop = self._exhaust  # type: ignore[method-assign] # Optuna's own works in its own loop only

    def ask(self, number: int) -> Sample | None:
        """Return the sample of trial `number`; asked again, another one, where the sampler has one."""
        with quiet():
            self._drop(number)
            if self._is_exhausted:
                return None
            trial = self._begin(number)
            sample = self._space.draw(lambda leaf: suggest(trial, leaf))
            self._running[number] = (trial, sample)
            return dict(sample)

    def tell(self, outcome: TrialOutcome) -> None:
        """Hear how a trial went; what does not lie in the space is passed over."""
        with quiet():
            trial, sample = self._running.get(outcome.number, (None, None))
            if sample is not None and sample != outcome.parameters:
                self._drop(outcome.number)  # another sample was run in its stead
                trial = None
            if trial is None and not self._lies_in_space(outcome.parameters):
                return
            if outcome.phase not in Phase.FINISHED:
                self._running[outcome.number] = (trial or self._replay(outcome), outcome.parameters)
            elif trial is None and not self._traits.keeps_state:
                self._add(outcome)
            else:
                self._end(trial or self._replay(outcome), outcome)

    def _exhaust(self) -> None:
        self._is_exhausted = True

    def _begin(self, number: int) -> optuna.Trial:
        attempt = self._attempts.get(number, 0)
        self._attempts[number] = attempt + 1
        self._study.sampler = self._make(derive_seed(self._seed, "optuna", number, attempt, bits=SEED_BITS))
        return self._study.ask()

    def _drop(self, number: int) -> None:
        """End a proposal that was passed over."""
        from optuna.trial import TrialState

        trial, _ = self._running.pop(number, (None, None))
        if trial is not None:
            self._study.tell(trial, state=TrialState.FAIL)

    def _lies_in_space(self, sample: Sample) -> bool:
        try:
            self._space.check(sample)
        except SpaceError:
            return False
        return True

    def _replay(self, outcome: TrialOutcome) -> optuna.Trial:
        """Ask for a trial after the fact, so that the sampler notes of it what it notes of every trial."""
        leaves = self._leaves(outcome.parameters)
        self._study.enqueue_trial({leaf.path: encode(leaf.domain, outcome.parameters[leaf.name]) for leaf in leaves})
        trial = self._begin(outcome.number)
        if self._traits.keeps_state:
            _ = trial.relative_params  # which is when it does
        for leaf in leaves:
            suggest_encoded(trial, leaf)
        return trial

    def _end(self, trial: optuna.Trial, outcome: TrialOutcome) -> None:
        from optuna.trial import TrialState

        self._running.pop(outcome.number, None)
        self._attempts.pop(outcome.number, None)
        state = self._state_of(outcome)
        if state == TrialState.PRUNED:
            for epoch, value in outcome.history:
                trial.report(value, epoch)
        for name, value in outcome.metrics.items():
            trial.set_user_attr(name, value)
        constraints = self._constraints_of(outcome, state)
        if constraints and hasattr(trial, "set_constraint"):
            for index, value in enumerate(constraints):
                trial.set_constraint(str(index), value)
        elif constraints:  # Optuna before 5
            trial.set_user_attr(CONSTRAINTS, constraints)
        self._study.tell(trial, outcome.values if state == TrialState.COMPLETE else None, state=state)

    def _add(self, outcome: TrialOutcome) -> None:
        """Add a trial that has ended to the study of a sampler that looks at nothing else."""
        import optuna
        from optuna.trial import TrialState

        leaves, state = self._leaves(outcome.parameters), self._state_of(outcome)
        values = outcome.values if state == TrialState.COMPLETE else None
        history = dict(outcome.history) if state == TrialState.PRUNED else {}
        if history and not math.isnan(outcome.history[-1][1]):
            values = (outcome.history[-1][1],)  # as Optuna has it of trials that it was told are pruned
        constraints = self._constraints_of(outcome, state)
        trial = optuna.trial.create_trial(
            state=state,
            values=values,
            params={leaf.path: encode(leaf.domain, outcome.parameters[leaf.name]) for leaf in leaves},
            distributions={leaf.path: distribution_of(leaf.domain) for leaf in leaves},
            intermediate_values=history,
            user_attrs=dict(outcome.metrics),
            system_attrs={"constraints": constraints} if constraints else {},
        )
        self._study.add_trial(trial)

    def _leaves(self, sample: Sample) -> list[Leaf]:
        return [leaf for leaf in self._space.active_leaves(sample) if is_searched(leaf)]

    def _state_of(self, outcome: TrialOutcome) -> optuna.trial.TrialState:
        from optuna.trial import TrialState

        values = outcome.values
        if outcome.phase == Phase.SUCCEEDED and values is not None and not any(map(math.isnan, values)):
            return TrialState.COMPLETE if self._is_usable(outcome) else TrialState.FAIL
        # Optuna ranks pruned trials by their only objective, and has no such ranking for several.
        is_pruned = outcome.phase == Phase.PRUNED and len(self._study.directions) == 1
        return TrialState.PRUNED if is_pruned else TrialState.FAIL

    def _is_usable(self, outcome: TrialOutcome) -> bool:
        """Whether a trial with a value teaches the sampler something, as far as constraints go."""
        if self._is_constrained and self._traits.knows_constraints:
            return bool(outcome.constraints)  # Optuna cannot compare a trial that says nothing of them with the others
        return not self._is_constrained or outcome.is_feasible

    def _constraints_of(self, outcome: TrialOutcome, state: optuna.trial.TrialState) -> list[float]:
        from optuna.trial import TrialState

        if state != TrialState.COMPLETE or not self._is_constrained or not self._traits.knows_constraints:
            return []
        values = [math.inf if math.isnan(value) else value for value in outcome.constraints]
        self._constraints = self._constraints or len(values)
        # Another experiment's trial may have more of them or fewer, and Optuna wants all to have as many.
        return values if len(values) == self._constraints else [max(values)] * self._constraints
