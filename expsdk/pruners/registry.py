"""From what a sweep is given as its pruner to the pruner."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from expsdk.errors import SweepError
from expsdk.pruners.base import Pruner, Report
from expsdk.pruners.by_name import PRUNER_NAMES, counts_spent_epochs, optuna_pruner
from expsdk.pruners.function import FunctionPruner
from expsdk.pruners.optuna_pruner import OptunaPruner

if TYPE_CHECKING:
    import optuna

OwnPruner: TypeAlias = Pruner | Callable[[Report], bool]


def make_pruner(
    pruner: str | OwnPruner | optuna.pruners.BasePruner,
    *,
    direction: str,
    seed: int,
    epochs: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> Pruner:
    """Return the pruner of a sweep, which has one objective: no pruner here compares trials by several.

    By name there are, each through Optuna's pruner with Optuna's names for its options (a step is an epoch):

    - `median`: stops a trial whose best value so far is worse than the median of the ended trials' at the same epoch.
      `n_startup_trials=5` trials end before any is stopped, `n_warmup_steps=0` epochs of each are not judged, and then
      every `interval_steps=1`-th is, if `n_min_trials=1` trials have a value there.
    - `percentile`: the same with the best `percentile=25.0` per cent instead of the better half.
    - `asha`: successive halving (Li et al., "A System for Massively Parallel Hyperparameter Tuning", 2020).
      After 1, 3, 9, … epochs (`min_resource=1` times powers of `reduction_factor=3`; `min_early_stopping_rate=0` of
      these rungs are left out) a trial goes on if it is in the best third of those that have come so far;
      `bootstrap_count=0` trials are stopped at a rung before any passes it.
    - `hyperband`: several such halvings, which begin later and later (Li et al., "Hyperband", 2018). `max_resource` is
      how many epochs a trial runs: by default `epochs`, or "auto": as many as the first trial that ends.
    - `threshold`: stops a trial whose value is below `lower`, above `upper` or NaN; also `n_warmup_steps` and
      `interval_steps`.
    - `patience`: stops a trial whose last `patience` + 1 epochs are all worse, by more than `min_delta=0.0`, than the
      best before them; with `pruner="median"`, or `pruner={"name": "median", …}`, only if that would stop it too.

    A trial that has done all of its epochs is never stopped: there is nothing to be gained.

    Args:
        pruner: A name in `PRUNER_NAMES`, one of Optuna's pruners (its steps are the epochs as they are reported), an
            object with report and tell, or a function that is given a `Report` with the trial's history and returns
            whether the trial is to stop.
        direction: "minimize" or "maximize".
        seed: The sweep's seed.
        epochs: How many epochs a trial runs, where that is known.
        options: What a pruner by name is told.

    Raises:
        SweepError: The name or an option is unknown or impossible, or the object is no pruner.
    """
    if not isinstance(pruner, str):
        if options:
            raise SweepError(
                f"options are for a pruner by name, and {pruner!r} has its own; leave out {', '.join(options)}"
            )
        return _own(pruner, direction=direction, seed=seed, epochs=epochs)
    return OptunaPruner(
        optuna_pruner(pruner, options or {}, epochs=epochs),
        direction=direction,
        seed=seed,
        epochs=epochs,
        first_step=1 if counts_spent_epochs(pruner, options or {}) else 0,
    )


def _own(pruner: Any, *, direction: str, seed: int, epochs: int | None) -> Pruner:
    if isinstance(pruner, type):
        raise SweepError(f"a pruner is an object, not the class {pruner.__name__}; write {pruner.__name__}(...)")
    if isinstance(pruner, Pruner):
        return pruner
    if "optuna" in sys.modules:  # else it is none of Optuna's
        import optuna

        if isinstance(pruner, optuna.pruners.BasePruner):
            mine = copy.deepcopy(pruner)  # it learns from its trials, and may be another sweep's too
            return OptunaPruner(mine, direction=direction, seed=seed, epochs=epochs, first_step=None)
    if callable(pruner):
        return FunctionPruner(pruner)
    raise SweepError(
        "a pruner is a name, one of Optuna's pruners, an object with report(report) and tell(outcome), or a function"
        f" of a report, not {pruner!r}; write one of {', '.join(PRUNER_NAMES)}"
    )
