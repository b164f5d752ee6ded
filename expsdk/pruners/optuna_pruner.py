"""Optuna's pruners, driven through one study that mirrors the sweep's trials."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from expsdk.pruners.base import Report
from expsdk.samplers.base import TrialOutcome
from expsdk.samplers.derive import derive_seed
from expsdk.samplers.quiet import quiet
from expsdk_runtime.contract import Phase

if TYPE_CHECKING:
    import optuna


class OptunaPruner:
    """Shows the sweep's epochs to one of Optuna's pruners as the steps of a study in memory.

    What the pruner knows is a function of the epochs it has heard of and of how trials ended: a trial that has reached
    a rung of successive halving counts there, also one that went on for a while after it was to stop. So a sweep that
    goes on after a restart, whose trials are replayed from their histories, is judged as it would have been without,
    as far as their records keep the epochs that count, and where it need not find out how long a trial is ("auto").

    What NaN means is Optuna's to say: at a rung it is worse than any number.
    """

    def __init__(
        self,
        pruner: optuna.pruners.BasePruner,
        *,
        direction: str,
        seed: int,
        epochs: int | None,
        first_step: int | None,
    ) -> None:
        """Make the pruner.

        Args:
            pruner: One of Optuna's pruners; it is the sweep's alone from now on.
            direction: "minimize" or "maximize".
            seed: The sweep's seed, which decides on the brackets of Hyperband.
            epochs: How many epochs a trial runs, where that is known: one that has done them all is let end.
            first_step: The step that a trial's first epoch is, whether the user counts epochs from 0 or from 1: 0 for
                Optuna's usual steps, 1 where steps are epochs that have been spent; None: the epoch's own number.
        """
        import optuna  # slow to import, and other pruners do without

        self._epochs = math.inf if epochs is None else epochs
        self._first_step = first_step
        self._waiting: dict[int, optuna.Trial] = {}  # those that have not ended
        self._first: dict[int, int] = {}  # their first epochs
        self._last: dict[int, int] = {}  # and those that have been heard of last
        self._made = 0
        with quiet():
            self._study = optuna.create_study(
                direction=optuna.study.StudyDirection[direction.upper()],
                pruner=pruner,
                sampler=optuna.samplers.RandomSampler(seed=0),  # it is never asked for anything
                study_name=f"expsdk-{derive_seed(seed, 'pruner'):x}",  # Hyperband draws brackets by it
            )

    def report(self, report: Report) -> bool:
        """Hear of an epoch and return whether the trial is to stop."""
        with quiet():
            return self._hear(report.number, report.epoch, report.value)

    def tell(self, outcome: TrialOutcome) -> None:
        """Hear how a trial ended, and of its epochs that were not reported; another experiment's is passed over."""
        from optuna.trial import TrialState

        if outcome.number < 0:
            return
        with quiet():
            for epoch, value in outcome.history:
                if epoch > self._last.get(outcome.number, -1):
                    self._hear(outcome.number, epoch, value)
            trial = self._trial(outcome.number)
            values = outcome.values
            if outcome.phase == Phase.SUCCEEDED and values is not None and not math.isnan(values[0]):
                self._study.tell(trial, values[0], state=TrialState.COMPLETE)
            else:
                self._study.tell(trial, state=TrialState.PRUNED if outcome.phase == Phase.PRUNED else TrialState.FAIL)
        self._waiting.pop(outcome.number)
        self._first.pop(outcome.number, None)
        self._last.pop(outcome.number, None)

    def _hear(self, number: int, epoch: int, value: float) -> bool:
        trial = self._trial(number)
        first = self._first.setdefault(number, epoch)
        self._last[number] = epoch
        # Who counts epochs from 1 reports none as 0; whoever reports later than that may evaluate now and then only.
        counts_from = 0 if first == 0 else 1
        trial.report(value, epoch if self._first_step is None else epoch - counts_from + self._first_step)
        if epoch - counts_from + 1 >= self._epochs or not trial.should_prune():
            return False
        self._reach_rungs(trial)
        return True

    def _reach_rungs(self, trial: optuna.Trial) -> None:
        """Let a trial that is to stop count in every rung that it has reached: its epochs may have gaps.

        Rungs are kept among the trial's attributes, and there is one more each time that the trial is judged.
        """
        before = -1
        while (rungs := self._count_rungs(trial)) != before:
            before = rungs
            trial.should_prune()

    def _count_rungs(self, trial: optuna.Trial) -> int:
        return len(self._study.get_trials(deepcopy=False)[trial.number].system_attrs)

    def _trial(self, number: int) -> optuna.Trial:
        """Return the study's trial of a sweep's trial, which has the same number: Hyperband's brackets go by it."""
        while self._made <= number:
            self._waiting[self._made] = self._study.ask()
            self._made += 1
        return self._waiting[number]
