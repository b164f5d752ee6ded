"""Experiments and Results of a namespace, for reading: from any machine, also while a sweep runs."""

from __future__ import annotations

import time
from collections.abc import Iterator

from pydantic import ValidationError

from expsdk.backends.base import Document, Kept, StopRequest
from expsdk.backends.kubernetes.dismissal import dismiss
from expsdk.backends.kubernetes.documents import as_written, whole
from expsdk.backends.kubernetes.following import follow
from expsdk.backends.kubernetes.labels import SPACE_ANNOTATION, selector
from expsdk.backends.kubernetes.lease import is_driven
from expsdk.backends.kubernetes.logs import follow_log, read_log
from expsdk.backends.kubernetes.payload_store import read_payload
from expsdk.backends.kubernetes.stopping import request_stop
from expsdk.cluster.api import Api
from expsdk.cluster.kinds import CONFIG_MAPS, EXPERIMENTS, JOBS, PODS, RESULTS
from expsdk.errors import BackendError, ExperimentNotFound, ResourceNotFound, TrialNotFound
from expsdk.resources.experiment import Experiment
from expsdk.spelling import suggest

GONE_WITHIN_S = 120.0
LAPSED_WITHIN_S = 10.0
"""How long the Lease of a coordinator in a pod may last once that has ended."""
_POLL_S = 0.2
_OWNED = (RESULTS, JOBS, PODS, CONFIG_MAPS)


class KubernetesRecords:
    """The experiments of one namespace."""

    trials_outlive = True

    def __init__(
        self,
        *,
        namespace: str | None = None,
        context: str | None = None,
        kubeconfig: str | None = None,
        connections: int = 4,
    ) -> None:
        """Read from the cluster that a kubeconfig, or the surrounding pod, names; nothing is sent yet.

        Args:
            namespace: By default the context's.
            context: A context of the kubeconfig; by default the current one.
            kubeconfig: The kubeconfig's path; by default where kubectl finds it.
            connections: How many connections are kept open.

        Raises:
            ClusterError: No cluster is named.
        """
        self.api = Api.connect(namespace=namespace, context=context, kubeconfig=kubeconfig, connections=connections)
        given = {"context": context, "kubeconfig": kubeconfig}
        self._given = {option: str(value) for option, value in given.items() if value is not None}

    def experiment(self, name: str) -> Experiment:
        """Return an experiment's record; raises `ExperimentNotFound`."""
        try:
            document = self.api.get(EXPERIMENTS, name)
        except ResourceNotFound as error:
            names = self.names()
            remedy = suggest(name, names, otherwise="give its name as `run()` printed it, or another namespace=")
            raise ExperimentNotFound(
                f"no experiment {name!r} is in namespace {self.api.namespace!r} (there:"
                f" {', '.join(names) or 'none'}); {remedy}"
            ) from error
        return as_experiment(document)

    def experiments(self) -> list[Experiment]:
        """Return the records of all experiments of the namespace."""
        return [as_experiment(document) for document in self.api.list(EXPERIMENTS).items]

    def names(self) -> list[str]:
        """Return the names of all experiments, sorted."""
        return sorted(document["metadata"]["name"] for document in self.api.list(EXPERIMENTS).items)

    def trial_names(self, name: str) -> list[str]:
        """Return the names of an experiment's trials, by number."""
        return [document["metadata"]["name"] for document in self.results(name)]

    def result(self, trial: str) -> Document:
        """Return a trial's Result; raises `TrialNotFound`."""
        try:
            return whole(self.api.get(RESULTS, trial))
        except ResourceNotFound as error:
            raise TrialNotFound(
                f"no trial {trial!r} is in namespace {self.api.namespace!r}; give its name as results show it"
            ) from error

    def results(self, name: str) -> list[Document]:
        """Return the Results of an experiment, by number."""
        listing = self.api.list(RESULTS, selector=selector(name))
        return sorted(map(whole, listing.items), key=lambda document: int(document["spec"]["number"]))

    def is_driven(self, name: str) -> bool:
        """Whether a coordinator drives the experiment now: it holds the Lease."""
        return is_driven(self.api, name)

    def follow(self, name: str) -> Iterator[Document | None]:
        """Yield each Result as it is now and as it changes, whoever drives the experiment; see `Records.follow`."""
        return follow(self.api, name, self.experiment(name).metadata.uid)

    def logs(self, trial: str, *, follow: bool = False, previous: bool = False) -> Iterator[str]:
        """Yield the lines that a trial printed: its last pod's, or the one's before that.

        Args:
            trial: The trial's name.
            follow: Whether to go on, from pod to pod, until it ends.
            previous: Whether to read the attempt before the last.

        Raises:
            TrialNotFound: No pod of that trial is there.
        """
        if follow and not previous:
            yield from follow_log(self.api, trial)
        else:
            yield from read_log(self.api, trial, previous=previous)

    def log_path(self, trial: str) -> str | None:  # noqa: ARG002
        """Return None: a trial's log is with its pod, see `logs`."""
        return None

    def payload(self, experiment: Experiment, *, plan: bool = False) -> bytes:
        """Return an experiment's packed function, or its packed plan; see `payload_store.read_payload`."""
        return read_payload(self.api, experiment, plan=plan)

    def project_root(self, name: str) -> str | None:  # noqa: ARG002
        """Return None: in a pod, paths lead to the payload's copy of the project."""
        return None

    def location(self, name: str) -> str:
        """Return the experiment's namespace and context."""
        return f"experiment {name} in namespace {self.api.namespace} of {self.api.connection.context}"

    def request_stop(self, name: str, request: StopRequest) -> None:
        """Ask whoever drives an experiment, anywhere, through its records; see `Records.request_stop`.

        A trial hears of it by itself, too, also where nobody drives its experiment.
        """
        experiment = self.experiment(name)
        if request.number is None and not self.is_driven(name):
            raise BackendError(f"a sweep that somebody drives is stopped, and nobody drives {name!r} now")
        request_stop(self.api, experiment, request)

    def dismiss(self, name: str) -> bool:
        """End the coordinator that drives a detached experiment in the cluster; whether there was one."""
        return dismiss(self.api, name)

    def address(self) -> dict[str, str]:
        """Return the namespace, also where the context names it, and what else was given to find the cluster."""
        return {"backend": "kubernetes", "namespace": self.api.namespace, **self._given}

    def take_in(self, kept: Kept) -> list[str]:
        """Keep an experiment that comes from elsewhere, without what its trials wrote; see `Records.take_in`."""
        from expsdk.backends.kubernetes.taking_in import take_in  # which reads records itself

        return take_in(self.api, kept)

    def delete(self, name: str) -> None:
        """Delete an experiment and wait until all that it owned has gone; its coordinator in the cluster ends first.

        Raises:
            ExperimentNotFound: It is not there.
            BackendError: Another coordinator drives it, or it is still there after a while.
        """
        self.experiment(name)
        lapses_by = time.monotonic() + LAPSED_WITHIN_S if dismiss(self.api, name) else 0.0
        while (is_driven := self.is_driven(name)) and time.monotonic() < lapses_by:
            time.sleep(_POLL_S)
        if is_driven:
            raise BackendError(
                f"an experiment that runs is not deleted, and a process drives {name!r} now; end it first"
            )
        self.api.delete(EXPERIMENTS, name)
        deadline = time.monotonic() + GONE_WITHIN_S
        while any(self.api.list(kind, selector=selector(name)).items for kind in _OWNED):
            if time.monotonic() > deadline:
                raise BackendError(
                    f"experiment {name!r} is being deleted, and something of it is still there after"
                    f" {GONE_WITHIN_S:.0f} s; see `kubectl get results,jobs,pods -l {selector(name)}`"
                )
            time.sleep(_POLL_S)

    def close(self) -> None:
        """Close the connections."""
        self.api.close()


def as_experiment(document: Document) -> Experiment:
    """Return an Experiment's record from its document.

    Raises:
        BackendError: It was changed into what no experiment is.
    """
    metadata = {key: value for key, value in document["metadata"].items() if key != "managedFields"}
    spec = document["spec"]
    if "space" in spec:
        spec = {**spec, "space": as_written(spec["space"], metadata, SPACE_ANNOTATION)}
    try:
        return Experiment.model_validate({**document, "metadata": metadata, "spec": spec})
    except ValidationError as error:
        raise BackendError(f"experiment {metadata['name']!r} cannot be read: {error}") from error
