"""The decorator: a training function becomes an experiment and stays the function that it was.

Standard library only at import: the user's module, and so this file, is loaded inside jobs too. What runs sweeps is
imported when a sweep is made.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import update_wrapper
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from expsdk.experiment.definition import Definition, define
from expsdk_runtime.tracking import begin_plain_call

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

    from expsdk.analysis import TrialRecord
    from expsdk.packaging.payload import Payload
    from expsdk.pruners.registry import OwnPruner
    from expsdk.samplers import Sampler
    from expsdk.sweep import Sweep
    from expsdk.sweep.advisers import Constraints

P = ParamSpec("P")
R = TypeVar("R")


class Experiment(Generic[P, R]):
    """A training function with its space and its objectives; calling it calls the function.

    Made by `experiment`. Name, docstring, signature and type are the function's.

    Attributes:
        definition: What the decorator was told, checked.
    """

    __wrapped__: Callable[P, R]
    __name__: str
    __qualname__: str

    def __init__(self, definition: Definition) -> None:
        update_wrapper(self, definition.function)
        self.definition = definition

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function, here and now: no trial, no record."""
        begin_plain_call()
        return self.__wrapped__(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<experiment {self.definition.label}>"

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Travel by name where Python can import it, as functions do, and by value elsewhere."""
        module = sys.modules.get(self.__module__)
        try:
            importable = self.__module__ != "__main__" and attrgetter(self.__qualname__)(module) is self
        except AttributeError:
            importable = False
        return self.__qualname__ if importable else super().__reduce_ex__(protocol)

    def sweep(
        self,
        *,
        trials: int | None = None,
        parallelism: int = 1,
        sampler: str | Mapping[str, Any] | Sampler | BaseSampler = "random",
        pruner: str | Mapping[str, Any] | OwnPruner | BasePruner | None = None,
        seed: int | None = None,
        epochs: int | None = None,
        initial: Sequence[Mapping[str, Any]] = (),
        learn_from: Sequence[str] = (),
        constraints: Constraints | None = None,
        replicates: int = 1,
        cache: bool = False,
        retries: int = 0,
        max_failures: int | None = None,
        timeout_s: float | None = None,
        trial_timeout_s: float | None = None,
        grace_s: float = 10.0,
        target: float | None = None,
        no_improvement_trials: int | None = None,
        budget: str | None = None,
        name: str | None = None,
    ) -> Sweep:
        """Return a sweep over the space; its `run()` starts it.

        Args:
            trials: How many trials; without it, until the sampler's space is exhausted or the time is over.
            parallelism: How many trials run at a time.
            sampler: "grid", "random", "sobol", "pbt", one of Optuna's by its name ("tpe", "gp", "cmaes", "nsga2", …);
                the same with options, `{"name": "tpe", "n_startup_trials": 20}`; one of Optuna's samplers; or an object
                with `ask` and `tell`.
            pruner: What stops trials that are not promising: "median", "percentile", "asha", "hyperband", "threshold",
                "patience"; the same with options; one of Optuna's pruners; or a function that is given a
                `expsdk.pruners.Report` and returns whether the trial is to stop.
            seed: Makes samples and the trials' own seeds repeatable; without it, one is drawn and recorded.
            epochs: What every trial gets as its parameter `epochs`; pruners take it for a trial's length.
            initial: Samples to try first.
            learn_from: Names of experiments, kept in the same place, whose trials the sampler is told first.
            constraints: A function of a trial's last metrics that returns one number or several, each above 0 where it
                is violated; trials that violate one are never the best.
            replicates: How many trials each sample gets, with seeds of their own; the sampler hears of their mean.
            cache: Whether a trial takes over the Result of a succeeded one of the same code, sample and seed, from any
                experiment that is kept in the same place.
            retries: How often a trial is tried again that failed by no fault of the function: preempted, evicted, lost.
            max_failures: The sweep ends when more trials than this have failed; without it, failures do not end it.
            timeout_s: Time for the whole sweep, in seconds.
            trial_timeout_s: Time for one trial, in seconds.
            grace_s: Time between asking a trial to stop and ending it, in seconds.
            target: The sweep ends when a trial's value of the objective is as good as this.
            no_improvement_trials: The sweep ends when so many trials in a row have been no better than the best.
            budget: No trial is launched once this is used up: "40 gpu-hours" or "12 cpu-hours", of what trials request
                times how long they run.
            name: The experiment's name, unique where it is kept; by default the function's with a short suffix.

        Raises:
            SweepError: A number is out of range, the sampler or the pruner is unknown, or nothing would end the sweep.
            SpaceError: The function takes no `epochs`, or the sampler cannot sample the space.
            DefinitionError: The name is no DNS label of at most 40 characters.
        """
        from expsdk.sweep import Budget, Limits, Sweep, plan_sweep, with_epochs

        definition = with_epochs(self.definition, epochs)
        plan = plan_sweep(
            definition,
            sampler=sampler,
            pruner=pruner,
            seed=seed,
            initial=initial,
            learn_from=learn_from,
            constraints=constraints,
            replicates=replicates,
            cache=cache,
            name=name,
            limits=Limits(
                trials=trials,
                parallelism=parallelism,
                retries=retries,
                max_failures=max_failures,
                timeout_s=timeout_s,
                trial_timeout_s=trial_timeout_s,
                grace_s=grace_s,
                target=target,
                no_improvement_trials=no_improvement_trials,
                budget=None if budget is None else Budget.parse(budget),
            ),
        )
        return Sweep(definition, plan)

    def launch(self, **parameters: Any) -> TrialRecord:
        """Run one trial with these parameters, as a process of its own, and return its record.

        Values may lie outside the space: it describes sweeps, not what the function can do.

        Raises:
            SpaceError: A parameter is unknown or missing, or JSON cannot carry its value.
        """
        from expsdk.sweep import Sweep, plan_launch

        results = Sweep(self.definition, plan_launch(self.definition, parameters)).run()
        return results[0]

    def pack(self) -> Payload:
        """Return the function packed with all the user's code that it needs: its file's content and its manifest.

        Raises:
            PackingError: Something that the function uses cannot travel.
            PayloadTooLarge: The payload is over 16 MiB.
        """
        from expsdk.packaging.payload import pack

        return pack(self.definition)


def experiment(
    *,
    space: Mapping[str, Any],
    objective: str | Sequence[str],
    direction: str | Sequence[str] = "minimize",
    name: str | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    autolog: bool = True,
) -> Callable[[Callable[P, R]], Experiment[P, R]]:
    """Return a decorator that makes a training function an experiment.

    Everything is checked here, when the decorator runs.

    Args:
        space: Domains by parameter name: `uniform`, `loguniform`, `integer`, `normal`, `choice`; a list is a choice,
            any other JSON value a constant.
        objective: The metric that a sweep improves, or a list of several.
        direction: "minimize" or "maximize", or a list with one for each objective.
        name: What experiments are named after; by default the function.
        include: Globs, relative to the project's root, of files that travel with the code.
        exclude: Globs of files that do not.
        autolog: Whether trials log what training libraries report of themselves: TensorBoard writers, Keras, Lightning,
            Hugging Face's Trainer, XGBoost and LightGBM. What the function logs by the same name counts instead.

    Raises:
        SpaceError: A domain is impossible, or the space does not fit the function's signature.
        ObjectiveError: An objective or a direction is impossible.
        DefinitionError: The name, a glob or `autolog` is impossible.
    """

    def decorate(function: Callable[P, R]) -> Experiment[P, R]:
        plain = function.__func__ if isinstance(function, staticmethod) else function
        return Experiment(
            define(
                plain,
                space=space,
                objective=objective,
                direction=direction,
                name=name,
                include=include,
                exclude=exclude,
                autolog=autolog,
            )
        )

    return decorate
