"""Handing a sweep to the cluster: all that it needs is kept there, and a Job that drives it; nothing is driven here."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from expsdk.backends.kubernetes import creation, payload_store, preflight
from expsdk.backends.kubernetes.coordinator import IMAGE, coordinator_job
from expsdk.backends.kubernetes.labels import PLAN
from expsdk.backends.kubernetes.options import JobOptions
from expsdk.backends.kubernetes.resources import Resources
from expsdk.backends.kubernetes.statuses import status_change
from expsdk.cluster.api import Api
from expsdk.cluster.kinds import EXPERIMENTS, JOBS
from expsdk.cluster.rbac import COORDINATOR
from expsdk.errors import ClusterError, Conflict
from expsdk.packaging.payload import Payload
from expsdk.resources.experiment import Experiment


def detach(
    api: Api,
    experiment: Experiment,
    payload: Payload,
    plan: Payload | None,
    *,
    options: JobOptions,
    image: str | None = None,
    pull_policy: str | None = None,
    env: Mapping[str, str] | None = None,
    resources: Resources | None = None,
) -> str:
    """Keep an experiment with its payloads and create its coordinator's Job; on failure, nothing stays.

    Args:
        api: The API server.
        experiment: Its record.
        payload: The packed function.
        plan: The packed plan, where the record's `spec.plan` names one.
        options: The options of the trials' Jobs, complete.
        image: The coordinator's image, with the payload's Python; by default `expsdk:VERSION`.
        pull_policy: When that is pulled.
        env: The coordinator's environment variables.
        resources: What the coordinator needs of a machine.

    Returns:
        What the user should know about how trials run there, or "".

    Raises:
        BackendError: Something is missing or refused; the message says what to do.
        ExperimentExists: The name is taken.
    """
    preflight.check_account(api, COORDINATOR, what="a coordinator in the cluster runs", remedy="")
    planned = creation.plan(api, experiment, options)

    def job_of(record: Experiment) -> dict[str, object]:
        return coordinator_job(record, image=image or IMAGE, pull_policy=pull_policy, env=env, resources=resources)

    preflight.rehearse_job(api, "coordinator's Job", job_of(preflight.as_if_kept(planned.experiment)))
    kept = creation.create(api, planned.experiment)
    try:
        api.patch(EXPERIMENTS, kept.metadata.name, status_change(experiment), subresource="status")
        if not options.payload_in_image:
            payload_store.keep_payload(api, kept, payload)
        if plan is not None:
            payload_store.keep_payload(api, kept, plan, component=PLAN)
        with suppress(Conflict):  # it is sent twice where an answer is lost, and only this experiment's has the name
            api.create(JOBS, job_of(kept))
    except BaseException:
        with suppress(ClusterError):  # what has been raised already tells more
            api.delete(EXPERIMENTS, kept.metadata.name)
        raise
    return planned.notice
