"""Stopping a trial: its Result says so, and a program that cannot hear of it there is ended."""

from __future__ import annotations

from expsdk.backends.kubernetes import stopping
from expsdk.backends.kubernetes.records import KubernetesRecords
from expsdk.backends.kubernetes.stopping import STOP_PHASES
from expsdk.client.reading import as_result
from expsdk.client.results import no_trial
from expsdk.cluster.kinds import RESULTS
from expsdk.errors import OptionError, ResourceNotFound
from expsdk.resources.result import Result


def stop_trial(records: KubernetesRecords, name: str, how: str) -> Result:
    """Stop a trial; see `Client.stop`."""
    if how not in STOP_PHASES:
        words = " or ".join(map(repr, STOP_PHASES))
        raise OptionError(f"a trial is stopped as {words}, not {how!r}; write one of them")
    try:
        experiment = records.experiment(records.api.get(RESULTS, name)["spec"]["experiment"])
        return as_result(stopping.stop_trial(records.api, experiment, name, how))
    except ResourceNotFound as error:
        raise no_trial(name, records.api.namespace) from error
