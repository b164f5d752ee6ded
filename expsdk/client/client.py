"""The client: experiments and trials of one namespace, for any program, from outside the cluster or within."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from types import TracebackType
from typing import Any

from expsdk.backends.kubernetes.labels import TRIAL, selector
from expsdk.backends.kubernetes.records import KubernetesRecords
from expsdk.backends.kubernetes.trial import Patience
from expsdk.client.attending import TEND_EVERY_S, Attendant
from expsdk.client.experiments import Experiments
from expsdk.client.launching import Launcher
from expsdk.client.news import News
from expsdk.client.reading import as_result, experiment_name, trial_name_of
from expsdk.client.recording import Entry, Recorder
from expsdk.client.results import ResultRecords, no_trial
from expsdk.client.stopping import stop_trial
from expsdk.cluster.kinds import JOBS
from expsdk.errors import WaitTimeout
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result

SHOWN = 5


class Client:
    """Experiments and trials of one namespace; use it in a `with`, or `close` it. Many threads may use one.

    An experiment is given by its name or its record, a trial by its name or its Result. Records come as they are on the
    server: `expsdk.resources.experiment.Experiment` and `expsdk.resources.result.Result`.

    Attributes:
        experiments: `list`, `get`, `create`, `update` and `delete` experiments.
        results: `list`, `get`, `create`, `update` and `delete` Results; called with an experiment, it returns the
            `expsdk.Results` to rank and tabulate.
        namespace: The namespace.
    """

    def __init__(
        self,
        *,
        namespace: str | None = None,
        context: str | None = None,
        kubeconfig: str | None = None,
        start_patience_s: float = 600.0,
        schedule_patience_s: float = 86_400.0,
        queue_patience_s: float | None = None,
        connections: int = 16,
    ) -> None:
        """Make a client; nothing is sent yet. In a pod without a kubeconfig, the pod's ServiceAccount is who asks.

        Args:
            namespace: By default the context's, or the pod's.
            context: A context of the kubeconfig; by default the current one.
            kubeconfig: The kubeconfig's path; by default where kubectl finds it.
            start_patience_s: How long a trial that is watched may wait for an image that cannot be pulled, or for a
                volume or Secret that is not there, before it fails, in seconds.
            schedule_patience_s: The same for a place on a node and for quota.
            queue_patience_s: The same in a queue (`queue=`); by default as long as it takes.
            connections: How many connections are kept open.

        Raises:
            ClusterError: No cluster is named.
        """
        self._records = KubernetesRecords(
            namespace=namespace, context=context, kubeconfig=kubeconfig, connections=connections
        )
        self._api = self._records.api
        self._patience = Patience(start_patience_s, schedule_patience_s, queue_patience_s)
        self._news = News(self._api)
        self._launcher = Launcher(self._records, self._news)
        self._recorder = Recorder(self._records)
        self.namespace = self._api.namespace
        self.experiments = Experiments(self._records)
        self.results = ResultRecords(self._records)

    def launch(
        self,
        experiment: str | Experiment,
        parameters: Mapping[str, Any],
        *,
        number: int | None = None,
        seed: int | None = None,
    ) -> Result:
        """Launch a trial, its Result first, then its Job from the experiment's template; return the Result.

        Several programs may launch at once: each trial has a number and a name of its own, and what another has
        launched is never adopted. Where the Job is refused, no Result stays.

        Args:
            experiment: The experiment; its record saves a request for each trial.
            parameters: The sample: JSON values by name. Where the experiment has a space, its names.
            number: The trial's number; by default the next free one.
            seed: The trial's own seed; by default it follows from the experiment's and the number.

        Raises:
            ExperimentNotFound: There is no such experiment.
            OptionError: The parameters or the experiment's template cannot work; nothing was created.
            Conflict: `number` is taken.
            BackendError: A sweep drives the experiment, and gives out its numbers.
            ClusterError: The server refuses the Result or the Job.
        """
        return self._launcher.launch(experiment, parameters, number=number, seed=seed)

    def stop(self, trial: str | Result, how: str = "cancelled") -> Result:
        """Stop a trial that has not ended, and return its Result; what it has printed and recorded is kept.

        A trial of a decorated function hears of it with its next report and ends by itself. Any other program is ended
        by its node, SIGTERM first, and the Result says so at once.

        Args:
            trial: The trial.
            how: "cancelled", or "pruned" for a trial that is not promising.

        Raises:
            TrialNotFound: There is no such trial.
            OptionError: `how` is neither.
        """
        return stop_trial(self._records, trial_name_of(trial), how)

    def record(
        self,
        trial: str | Result,
        metrics: Mapping[str, Any] | None = None,
        *,
        epoch: int | None = None,
        phase: str | None = None,
        reason: str = "",
        message: str = "",
    ) -> Result:
        """Record values of a trial's metrics, or its end, and return its Result; what is there already stays.

        Several programs may record at once. Where a trial has failed for want of an objective, its value mends that.

        Args:
            trial: The trial.
            metrics: Values by name.
            epoch: The epoch they count for; by default the next.
            phase: "Succeeded", "Failed", "Pruned" or "Cancelled" ends the trial's record.
            reason: Why, in one word.
            message: Why, for people.

        Raises:
            TrialNotFound: There is no such trial.
            OptionError: A value is no number, a name or phase is none, or the trial has ended.
        """
        entry = Entry(metrics or {}, epoch=epoch, phase=phase, reason=reason, message=message)
        return self._recorder.record(trial_name_of(trial), entry)

    def watch(self, experiment: str | Experiment, *, until_over: bool = False, settle: bool = True) -> Iterator[Result]:
        """Yield each Result as it is now, and again as often as it changes, until the caller breaks off.

        It goes on through whatever happens to the connection. Where no sweep drives the experiment, it also writes into
        Results what only Jobs and pods tell: that a program has begun, what a trial waits for, that a Job has failed
        without a word; and into the Experiment how many trials stand where, and which is the best; its Events tell
        kubectl of launches, better trials and failures.

        Args:
            experiment: The experiment.
            until_over: Whether to end when all trials have ended, those too that were launched meanwhile.
            settle: Whether to write at all; without, reading rights are enough.

        Raises:
            ExperimentNotFound: There is no such experiment, or it is deleted meanwhile.
            ClusterError: The server refuses to tell.
        """
        return self._watch(self._attended(experiment), until_over=until_over, settle=settle)

    def wait(self, experiment: str | Experiment, *trials: str | Result, timeout_s: float | None = None) -> list[Result]:
        """Wait until trials have ended, and return their Results by number.

        Args:
            experiment: The experiment.
            trials: Trials of it; by default all, those too that are launched meanwhile.
            timeout_s: How long to wait at most, in seconds.

        Raises:
            WaitTimeout: One has not ended by then; the message says which.
            TrialNotFound: One is not there, or is deleted meanwhile.
            ExperimentNotFound: There is no such experiment, or it is deleted meanwhile.
        """
        record = self._attended(experiment)
        names = {trial_name_of(trial) for trial in trials}
        give_up_at = None if timeout_s is None else time.monotonic() + timeout_s
        with closing(self._attend(record, settle=True)) as attendant:
            while not self._have_ended(attendant, names):
                left_s = TEND_EVERY_S if give_up_at is None else give_up_at - time.monotonic()
                if left_s <= 0:
                    raise WaitTimeout(_not_ended(attendant.open & names if names else attendant.open, timeout_s))
                attendant.hear(min(left_s, TEND_EVERY_S))
        found = self.results.list(record)
        return [result for result in found if not names or result.metadata.name in names]

    def jobs(self, experiment: str | Experiment) -> list[dict[str, Any]]:
        """Return the Jobs of an experiment, as Kubernetes has them, by trial.

        Raises:
            ExperimentNotFound: There is no such experiment.
        """
        name = experiment_name(experiment)
        jobs = self._api.list(JOBS, selector=selector(name, TRIAL)).items
        if not jobs:
            self._records.experiment(name)
        return sorted(jobs, key=lambda job: (len(job["metadata"]["name"]), job["metadata"]["name"]))

    def logs(self, trial: str | Result, *, follow: bool = False, previous: bool = False) -> Iterator[str]:
        """Yield the lines that a trial printed.

        Args:
            trial: The trial.
            follow: Whether to go on until it ends.
            previous: Whether to read the attempt before the last.

        Raises:
            TrialNotFound: No pod of that trial is there.
        """
        return self._records.logs(trial_name_of(trial), follow=follow, previous=previous)

    def close(self) -> None:
        """Write the last Events and close all connections."""
        self._news.close()
        self._records.close()

    def __enter__(self) -> Client:  # noqa: PYI034 (typing has Self from 3.11 on)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _attended(self, experiment: str | Experiment) -> Experiment:
        return self._records.experiment(experiment_name(experiment))

    def _attend(self, record: Experiment, *, settle: bool) -> Attendant:
        """Attend to an experiment's trials; where a sweep drives them, it settles, and it may try them again."""
        is_driven = record.spec.payload is not None and self._records.is_driven(record.metadata.name)
        return Attendant(self._api, record, settles=settle and not is_driven, patience=self._patience, news=self._news)

    def _watch(self, record: Experiment, *, until_over: bool, settle: bool) -> Iterator[Result]:
        with closing(self._attend(record, settle=settle)) as attendant:
            while not (until_over and attendant.is_over()):
                yield from map(as_result, attendant.hear())

    def _have_ended(self, attendant: Attendant, names: set[str]) -> bool:
        if not attendant.is_listed:
            return False
        gone = sorted(names - attendant.known.keys())
        if gone:
            raise no_trial(gone[0], self.namespace)
        return not names & attendant.open if names else attendant.is_over()


def _not_ended(names: set[str], timeout_s: float | None) -> str:
    """Return the words for trials that have not ended in time."""
    shown = ", ".join(sorted(names)[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"the trials were to end within {timeout_s:g} s, and {shown or 'no Result'}{more} did not; wait longer"
