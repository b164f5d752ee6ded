"""The Results of a namespace: list, get, create, update, delete; and all of an experiment's, to rank and tabulate."""

from __future__ import annotations

import json
from contextlib import suppress

from expsdk.analysis.open import read_results
from expsdk.analysis.results import Results
from expsdk.backends.kubernetes.labels import PARAMETERS_ANNOTATION, result_document, selector
from expsdk.backends.kubernetes.records import KubernetesRecords
from expsdk.client.reading import as_result, experiment_name, trial_name_of
from expsdk.cluster.changes import bring_to
from expsdk.cluster.kinds import JOBS, RESULTS
from expsdk.errors import Conflict, OptionError, ResourceNotFound, TrialNotFound
from expsdk.resources.experiment import Experiment
from expsdk.resources.names import trial_name
from expsdk.resources.result import Result, ResultStatus


class ResultRecords:
    """The Results of a client's namespace; many threads may use it."""

    def __init__(self, records: KubernetesRecords) -> None:
        self._records = records
        self._api = records.api

    def __call__(self, experiment: str | Experiment) -> Results:
        """Return an experiment's results for analysis, as `expsdk.results` does: `best`, `top` and so on.

        Raises:
            ExperimentNotFound: It is not there.
        """
        return read_results(self._records, experiment_name(experiment))

    def list(self, experiment: str | Experiment | None = None) -> list[Result]:
        """Return the Results of an experiment, or of all of them, by experiment and number.

        Raises:
            ExperimentNotFound: There is no such experiment.
        """
        if experiment is None:
            listing = self._api.list(RESULTS)
        else:
            name = experiment_name(experiment)
            listing = self._api.list(RESULTS, selector=selector(name))
            if not listing.items:
                self._records.experiment(name)
        found = map(as_result, listing.items)
        return sorted(found, key=lambda result: (result.spec.experiment, result.spec.number))

    def get(self, trial: str | Result) -> Result:
        """Return a trial's Result as it is now; raises `TrialNotFound`."""
        name = trial_name_of(trial)
        try:
            return as_result(self._api.get(RESULTS, name))
        except ResourceNotFound as error:
            raise no_trial(name, self._api.namespace) from error

    def create(self, result: Result) -> Result:
        """Create a Result, its status too, and return it as the server has it; no Job: for that, `Client.launch`.

        Args:
            result: A record, such as `expsdk.resources.result.new_result` makes.

        Raises:
            ExperimentNotFound: Its experiment is not there.
            OptionError: Its name is not its experiment's and number's.
            Conflict: There is one of that name.
        """
        expected = trial_name(result.spec.experiment, result.spec.number)
        if result.metadata.name != expected:
            raise OptionError(
                f"a Result is named after its experiment and number, {expected!r}, not {result.metadata.name!r};"
                " make it with expsdk.resources.result.new_result"
            )
        experiment = self._records.experiment(result.spec.experiment)
        kept = self._api.create(RESULTS, result_document(experiment, result))
        if result.status != ResultStatus():
            status = {"status": result.to_document()["status"]}
            kept = self._api.patch(RESULTS, result.metadata.name, status, subresource="status")
        return as_result(kept)

    def update(self, result: Result) -> Result:
        """Make a Result's labels, annotations, spec and status what they are in this record, and return it.

        Args:
            result: A record that `get`, `list` or `watch` returned, changed with `model_copy`.

        Raises:
            Conflict: It has changed since it was read: read it again, and change that. `Client.record` does so.
            TrialNotFound: It is not there.
        """
        name, version = result.metadata.name, result.metadata.resource_version
        try:
            there = self._api.get(RESULTS, name)
            after = result.to_document()
            after["metadata"]["annotations"][PARAMETERS_ANNOTATION] = json.dumps(result.spec.parameters)
            there = bring_to(self._api, RESULTS, there, after, version)
        except ResourceNotFound as error:
            raise no_trial(name, self._api.namespace) from error
        return as_result(there)

    def delete(self, trial: str | Result) -> None:
        """Delete a trial: its Result, and its Job with its pods.

        Raises:
            TrialNotFound: It is not there.
            Conflict: A sweep drives its experiment: it would come again.
        """
        result = self.get(trial)
        if self._records.is_driven(result.spec.experiment):
            raise Conflict(
                f"a sweep that runs keeps all its trials, and one drives {result.spec.experiment!r} now; stop the"
                f" trial instead: client.stop({result.metadata.name!r})"
            )
        for kind in (RESULTS, JOBS):  # whoever watches must not see a trial that has lost its Job
            with suppress(ResourceNotFound):
                self._api.delete(kind, result.metadata.name)


def no_trial(name: str, namespace: str) -> TrialNotFound:
    """Return the error for a trial that is not there."""
    return TrialNotFound(
        f"no trial {name!r} is in namespace {namespace!r}; trials are named after their experiment and number, such as"
        f" {trial_name('experiment', 3)!r}, and `kubectl get results` lists them"
    )
