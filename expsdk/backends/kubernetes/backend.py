"""The Kubernetes backend: every trial a Job, its events through watches, its records as resources."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, replace
from inspect import signature
from queue import SimpleQueue
from typing import Any, ClassVar

from expsdk.backends.base import Document, StopRequest, Update
from expsdk.backends.kubernetes import creation, detach, payload_store, resumption
from expsdk.backends.kubernetes.driving import FOLLOWED, Driving
from expsdk.backends.kubernetes.labels import PLAN, selector
from expsdk.backends.kubernetes.lease import HeldLease
from expsdk.backends.kubernetes.options import AUTO, JobOptions
from expsdk.backends.kubernetes.records import KubernetesRecords
from expsdk.backends.kubernetes.requests import requests_of
from expsdk.backends.kubernetes.resources import Resources
from expsdk.backends.kubernetes.statuses import status_change
from expsdk.backends.kubernetes.template import omissions
from expsdk.backends.kubernetes.trial import Patience
from expsdk.cluster.kinds import EXPERIMENTS, Kind
from expsdk.errors import ClusterError, OptionError
from expsdk.packaging.payload import Payload
from expsdk.packaging.requirements import requirements_of
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result


class KubernetesBackend:
    """Runs trials as Jobs of one namespace; see `expsdk.backends.base.Backend` for the contract."""

    takes_ctrl_c = True
    times_trials = True
    options: ClassVar[tuple[str, ...]]

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
        **job: Any,
    ) -> None:
        """Make the backend; nothing is sent yet.

        Args:
            namespace: Where the experiment lives; by default the context's.
            context: A context of the kubeconfig; by default the current one.
            kubeconfig: The kubeconfig's path; by default where kubectl finds it.
            start_patience_s: How long a trial may wait for an image that cannot be pulled, or for a volume or Secret
                that is not there, before it fails, in seconds.
            schedule_patience_s: The same for a place on a node and for quota.
            queue_patience_s: The same in a queue (`queue=`); by default as long as it takes.
            connections: How many requests are under way at a time.
            job: The fields of `JobOptions`.

        Raises:
            OptionError: An option cannot work.
            ClusterError: No cluster is named.
        """
        self.notice = ""
        self._job_options = JobOptions(**job)
        self._patience = Patience(start_patience_s, schedule_patience_s, queue_patience_s)
        self._connections = connections
        self.records = KubernetesRecords(
            namespace=namespace, context=context, kubeconfig=kubeconfig, connections=connections + len(FOLLOWED) + 1
        )
        self._api = self.records.api
        self._heard: SimpleQueue[Any] = SimpleQueue()
        self._kept: Experiment | None = None  # as the server has it
        self._driving: Driving | None = None

    @property
    def trouble(self) -> str:
        """What keeps the coordinator from hearing of its trials just now, in words, or ""."""
        return self._driving.trouble if self._driving is not None else ""

    def create(self, experiment: Experiment, payload: Payload, *, plan: Payload | None = None) -> None:
        """See that all is there that is needed, keep the experiment and its payloads, and begin to watch.

        Args:
            experiment: Its record.
            payload: The packed function.
            plan: The packed plan, where the record's `spec.plan` names one.
        """
        planned = creation.plan(self._api, experiment, self._options_for(payload))
        kept = creation.create(self._api, planned.experiment)
        self.notice = planned.notice
        lease = None
        try:
            self._api.patch(EXPERIMENTS, kept.metadata.name, status_change(experiment), subresource="status")
            lease = HeldLease(self._api, kept, lost=self._heard.put)
            if not self._job_options.payload_in_image:
                payload_store.keep_payload(self._api, kept, payload)
            if plan is not None:
                payload_store.keep_payload(self._api, kept, plan, component=PLAN)
        except BaseException:
            with suppress(ClusterError):  # what has been raised already tells more
                self._api.delete(EXPERIMENTS, kept.metadata.name)
            if lease is not None:
                lease.release()
            self.close()
            raise
        self._begin(kept, lease, {})

    def resume(self, experiment: Experiment, payload: Payload | None, *, plan: Payload | None = None) -> list[Update]:
        """Take up an experiment of this namespace and return its trials by number; see `Backend.resume`.

        A Lease that a coordinator has left behind is waited for until it lapses. Of the Jobs' options, what is given
        counts for the trials that are launched from now on; where none is, the kept template does.

        Args:
            experiment: Its record, as it is to be from now on.
            payload: The packed function, where it is at hand.
            plan: The packed plan, where it is at hand.

        Raises:
            ExperimentNotFound: There is no such experiment.
            BackendError: Another coordinator drives it, or a payload is not there.
        """
        found = resumption.find(self.records, experiment.metadata.name)
        after = experiment
        if self._job_options != JobOptions():
            template = creation.template_for(experiment, self._options_for(payload), found.server)
            spec = experiment.spec.model_copy(update={"job_template": template})
            after = experiment.model_copy(update={"spec": spec})
            self.notice = "; ".join(omissions(self._job_options, found.server))
        resumption.check(found.experiment, after)
        lease = HeldLease(self._api, found.experiment, lost=self._heard.put, patient=True)
        try:
            kept = resumption.bring_up(self._api, after)
            if payload_store.is_in_config_maps(kept.spec.job_template or {}):
                payload_store.complete(self._api, kept, payload)
            payload_store.complete(self._api, kept, plan, component=PLAN)
            listings = {
                kind: self._api.list(kind, selector=selector(kept.metadata.name, component))
                for kind, component in FOLLOWED.items()
            }
        except BaseException:
            lease.release()
            self.close()
            raise
        driving = self._begin(kept, lease, {kind: listing.version for kind, listing in listings.items()})
        now = time.monotonic()
        return driving.take_up(list(resumption.trials(listings, now)), now)

    def detach(
        self,
        experiment: Experiment,
        payload: Payload,
        plan: Payload | None = None,
        *,
        image: str | None = None,
        pull_policy: str | None = None,
        env: Mapping[str, str] | None = None,
        resources: Resources | None = None,
    ) -> None:
        """Keep the experiment and let a Job in the cluster drive it, from an image with expsdk; see `detach.detach`."""
        self.notice = detach.detach(
            self._api,
            experiment,
            payload,
            plan,
            options=self._options_for(payload),
            image=image,
            pull_policy=pull_policy,
            env=env,
            resources=resources,
        )

    def requests(self, experiment: Experiment) -> dict[str, float]:
        """Return the numbers of "cpu" and "gpu" that one trial requests, by the Jobs' template."""
        kept = self._kept or experiment
        if kept.spec.job_template is not None:
            return requests_of(kept.spec.job_template)
        resources = self._job_options.resources
        container = {"resources": resources.to_document()} if resources else {}
        return requests_of({"spec": {"template": {"spec": {"containers": [container]}}}})

    def launch(self, result: Result, *, attempt: int) -> None:
        """Keep the Result, then create its Job; soon, and many at a time."""
        self._underway.launch(result, attempt=attempt)

    def record(self, result: Result, status: Document) -> None:
        """Keep a Result with its status, and no Job; soon."""
        self._underway.record(result, status)

    def note(self, number: int, spec: Document) -> None:
        """Add to the spec of a trial's Result; soon."""
        self._underway.note(number, spec)

    def ask_stop(self, number: int, stop: str) -> None:
        """Write the stop into the Result; the reply to the trial's next report carries it."""
        self._underway.ask_stop(number, stop)

    def terminate(self, number: int, *, reason: str, message: str) -> None:
        """Have the trial's pod ended by its node, SIGTERM first; what it printed is kept."""
        self._underway.terminate(number, reason=reason, message=message)

    def kill(self, number: int, *, reason: str, message: str) -> None:
        """Delete the trial's Job and pods at once; raises `Unreachable` where the server does not answer."""
        self._underway.kill(number, reason=reason, message=message)

    def wait(self, timeout_s: float | None) -> list[Update]:
        """Return what changed; see `Driving.wait`."""
        return self._underway.wait(timeout_s)

    def stop_requests(self) -> list[StopRequest]:
        """Return what the Experiment and its Results have asked for since the last call."""
        return self._underway.stop_requests()

    def wake(self) -> None:
        """Make `wait` return."""
        self._underway.wake()

    def keep(self, experiment: Experiment) -> None:
        """Write the experiment's status: soon, where it runs still; at once, where this is its end."""
        self._underway.keep(experiment)

    def close(self) -> None:
        """Stop watching and give the Lease back; Jobs that run go on. Further calls do nothing."""
        if self._driving is not None:
            self._driving.close()
        self.records.close()

    @property
    def _underway(self) -> Driving:
        assert self._driving is not None, "create or resume comes before all that drives"
        return self._driving

    def _options_for(self, payload: Payload | None) -> JobOptions:
        """Return the Jobs' options with everything in them that depends on the payload."""
        options = self._job_options
        if options.packages != AUTO:
            return options
        if payload is None:
            raise OptionError(
                'packages="auto" installs what the payload\'s code imports, and the payload is not at hand; write the'
                " packages out, or leave packages= out to install what was installed before"
            )
        return replace(options, packages=requirements_of(payload))

    def _begin(self, kept: Experiment, lease: HeldLease, versions: Mapping[Kind, str]) -> Driving:
        """Begin to drive an experiment that is kept, and to follow each kind from a version on where one is given."""
        self._kept = kept
        self._driving = Driving(
            self._api,
            kept,
            lease,
            self._heard,
            versions=versions,
            patience=self._patience,
            connections=self._connections,
        )
        return self._driving


KubernetesBackend.options = tuple(name for name in signature(KubernetesBackend).parameters if name != "job") + tuple(
    field.name for field in fields(JobOptions)
)
