"""A sweep: one launch of an experiment over many samples."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from expsdk.analysis.open import read_results
from expsdk.analysis.results import Results
from expsdk.backends.registry import make_backend
from expsdk.experiment.definition import Definition
from expsdk.packaging.payload import pack
from expsdk.sweep.core import Coordinator
from expsdk.sweep.driver import Driver
from expsdk.sweep.observer import Observer, Silence
from expsdk.sweep.plan import Plan, draw_name, make_plan_sampler
from expsdk.sweep.record import new_experiment


class Sweep:
    """A sweep that is ready to run; made by `Experiment.sweep`."""

    def __init__(self, definition: Definition, plan: Plan) -> None:
        self._definition = definition
        self._plan = plan

    def run(self, backend: str = "local", *, progress: bool = True, **options: object) -> Results:
        """Run the sweep to its end and return its results.

        Ctrl-C once launches no more trials, asks the running ones to stop and returns what there is; twice kills
        them and raises KeyboardInterrupt.

        Args:
            backend: Where trials run: "local", each a process of this machine; "kubernetes", each a Job of a cluster;
                "debug", in this very process.
            progress: Whether to show on standard error how the sweep goes.
            options: The backend's own: "local" and "debug" take `root`, the directory that holds the experiments;
                "debug" takes `post_mortem`; "kubernetes" takes `namespace`, `context`, `kubeconfig`, the fields of
                `expsdk.backends.kubernetes.options.JobOptions` and the times that
                `expsdk.backends.kubernetes.backend.KubernetesBackend` names.

        Raises:
            ExperimentExists: The experiment's name is taken.
            PackingError: Something that the function uses cannot travel to its jobs.
            BackendError: The backend is unknown or cannot do its work: the function does not load, the disk is full.
            KeyboardInterrupt: Ctrl-C was pressed twice.
        """
        sampler = make_plan_sampler(self._definition, self._plan)
        name = self._plan.name or draw_name(self._definition.name)
        with closing(make_backend(backend, **options)) as place:
            limits = replace(self._plan.limits, trial_timeout_s=None) if place.times_trials else self._plan.limits
            coordinator = Coordinator(sampler, limits, directions=self._definition.directions)
            payload = pack(self._definition)
            experiment = new_experiment(self._definition, self._plan, payload, name=name)
            place.create(experiment, payload)
            # Where trials run in this very process, they print and stop in debuggers: nothing may be drawn over that.
            with closing(_observer(shown=progress, live=place.takes_ctrl_c)) as observer:
                observer.started(experiment, location=place.records.location(name), notice=place.notice)
                driver = Driver(coordinator, place, experiment, observer)
                driver.run()
        results = read_results(place.records, name, space=self._definition.space)
        observer.finished(results)
        if driver.interruptions > 1:
            raise KeyboardInterrupt
        return results

    def __repr__(self) -> str:
        limits = self._plan.limits
        return (
            f"<sweep of {self._definition.label}: trials={limits.trials}, parallelism={limits.parallelism},"
            f" sampler={self._plan.sampler_name!r}, seed={self._plan.seed}>"
        )


def _observer(*, shown: bool, live: bool) -> Observer:
    if not shown:
        return Silence()
    from expsdk.sweep.progress import make_progress

    return make_progress(live=live)
