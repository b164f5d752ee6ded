"""What a user may say about the Jobs of a sweep, checked before anything is created."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from expsdk.backends.kubernetes.checks import (
    check_keys,
    check_labels,
    check_list,
    check_name,
    check_number,
    check_path,
    check_text,
    check_texts,
    check_variable,
)
from expsdk.backends.kubernetes.pod_template import check_pod_template
from expsdk.backends.kubernetes.resources import Resources
from expsdk.backends.kubernetes.tolerations import check_tolerations
from expsdk.backends.kubernetes.volumes import SecretEnv, Volume
from expsdk.errors import OptionError

__all__ = ["OUTPUT_PATH", "SCRATCH_PATH", "JobOptions"]

OWN_PATH = "/expsdk"
OUTPUT_PATH = f"{OWN_PATH}/output"
SCRATCH_PATH = "/tmp"
SERVICE_ACCOUNT = "expsdk-trial"
AUTO = "auto"
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """How trials run on a cluster.

    Attributes:
        image: The image; None: `python:X.Y-slim` of the Python that packed the payload.
        image_pull_policy: "Always", "IfNotPresent" or "Never"; None: as the cluster has it.
        image_pull_secrets: Names of the Secrets that open the image's registry.
        resources: What one trial needs of a machine.
        env: Environment variables, exactly as they are here: nothing is put in for `$(NAME)`.
        secrets: Secrets: a name gives a variable for each of its keys, a `SecretEnv` one variable for one key.
        volumes: Directories that every trial sees.
        output: Where trials keep what they write beyond their end: a `Volume` with `claim` or `host_path`, or a
            claim's name. None: nowhere, what is in the Result remains.
        node_selector: Labels of the nodes that trials may run on.
        tolerations: Taints of nodes that trials put up with, as Kubernetes writes them.
        priority_class: Name of a PriorityClass.
        queue: Name of a LocalQueue of Kueue, which then decides when a trial starts.
        service_account: What trials are to the API server.
        packages: What is installed before the function runs, each as pip has it; "auto": what the payload's code
            imports, in the versions that are installed here.
        payload_in_image: Whether the image has the payload already, as `expsdk build` puts it there.
        python: The Python in the image.
        run_as_user: User and group of the trials' processes; None: as the image or the cluster has it.
        report_interval_s: Time between two reports of a trial, in seconds.
        ttl_s: Time after which a finished Job is deleted, in seconds; its Result stays. None: it stays as well.
        labels: More labels of Jobs and pods.
        annotations: More annotations of Jobs and pods.
        pod_template: What else is wanted of the pod, as Kubernetes writes it: `{"metadata": ..., "spec": ...}`. It is
            merged last (see `merge`); a container without a name is the trial's.
    """

    image: str | None = None
    image_pull_policy: str | None = None
    image_pull_secrets: Sequence[str] = ()
    resources: Resources | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Sequence[str | SecretEnv] = ()
    volumes: Sequence[Volume] = ()
    output: Volume | str | None = None
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: Sequence[Mapping[str, Any]] = ()
    priority_class: str | None = None
    queue: str | None = None
    service_account: str = SERVICE_ACCOUNT
    packages: Sequence[str] | str = ()
    payload_in_image: bool = False
    python: str = "python"
    run_as_user: int | None = 1000
    report_interval_s: float = 2.0
    ttl_s: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    pod_template: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check everything that can be checked without a cluster.

        Raises:
            OptionError: Something cannot work; the message says what, and what to write.
        """
        self._check_image()
        self._check_environment()
        self._check_volumes()
        self._check_output()
        self._check_placement()
        self._check_process()
        check_labels("labels", self.labels)
        check_keys("annotations", self.annotations)
        check_pod_template(self.pod_template)

    @property
    def output_volume(self) -> Volume | None:
        """The volume that keeps what trials write."""
        return Volume(claim=self.output) if isinstance(self.output, str) else self.output

    def image_for(self, python: str) -> str:
        """Return the image for a payload that runs on a Python such as "3.12"."""
        return self.image or f"python:{python}-slim"

    def _check_image(self) -> None:
        if self.image is not None:
            check_text("image", self.image, remedy="write something like 'python:3.12-slim'")
        if self.image_pull_policy not in (None, *_PULL_POLICIES):
            raise OptionError(
                f"image_pull_policy is one of {', '.join(_PULL_POLICIES)}, not {self.image_pull_policy!r}; write one of"
                " them, or leave it out"
            )
        for name in check_list("image_pull_secrets", self.image_pull_secrets):
            check_name("an item of image_pull_secrets", name)

    def _check_environment(self) -> None:
        names = set(check_texts("env", self.env))
        for name in names:
            check_variable("a variable of env", name)
        for secret in check_list("secrets", self.secrets):
            if not isinstance(secret, SecretEnv):
                check_name("an item of secrets", secret)
                continue
            if secret.name in names:
                raise OptionError(
                    f"a variable has one value, and {secret.name} is given twice in env and secrets; drop one of them"
                )
            names.add(secret.name)

    def _check_volumes(self) -> None:
        taken = {"/": "the image's own", SCRATCH_PATH: "where trials write what they do not keep", OWN_PATH: "expsdk's"}
        for volume in check_list("volumes", self.volumes):
            if not isinstance(volume, Volume):
                raise OptionError(f'an item of volumes is a Volume, not {volume!r}; write Volume("/data", claim=...)')
            check_path("mount_path", volume.mount_path, remedy='write something like Volume("/data", ...)')
            path = volume.mount_path.rstrip("/") or "/"
            above = OWN_PATH if path.startswith(f"{OWN_PATH}/") else path
            if above in taken:
                raise OptionError(f"a volume has a path of its own, and {path!r} is {taken[above]}; take another")
            taken[path] = "another volume's"

    def _check_output(self) -> None:
        if self.output is None:
            return
        volume = self.output_volume
        if not isinstance(volume, Volume):
            raise OptionError(f"output is a Volume, or a claim's name, not {volume!r}; write output='CLAIM'")
        if not (volume.claim or volume.host_path):
            raise OptionError(
                f"output is a volume that outlives a trial, not {volume!r}; write Volume(claim=...) or"
                " Volume(host_path=...)"
            )
        if volume.read_only:
            raise OptionError(f"output is a volume that trials write to, and {volume!r} is read-only; drop read_only")
        if volume.mount_path not in ("", OUTPUT_PATH):
            raise OptionError(
                f"output is found at {OUTPUT_PATH} (expsdk.output_dir() leads there), not at {volume.mount_path!r};"
                " leave the path out, or add a second Volume to volumes"
            )

    def _check_placement(self) -> None:
        if self.resources is not None and not isinstance(self.resources, Resources):
            raise OptionError(f"resources is a Resources, not {self.resources!r}; write Resources(cpu=2, memory='4Gi')")
        check_labels("node_selector", self.node_selector)
        check_tolerations(self.tolerations)
        if self.priority_class is not None:
            check_name("priority_class", self.priority_class)
        if self.queue is not None:
            check_name("queue", self.queue)
            check_labels("queue", {"queue": self.queue})
        check_name("service_account", self.service_account)

    def _check_process(self) -> None:
        if self.payload_in_image and self.image is None:
            raise OptionError(
                "payload_in_image takes the payload from an image of yours, and image= names none; give the one that"
                " `expsdk build` made"
            )
        for package in () if self.packages == AUTO else check_list("packages", self.packages):
            if not isinstance(package, str) or not package.strip() or package.startswith("-"):
                raise OptionError(
                    f"an item of packages is a requirement as pip has it, not {package!r}; write something like"
                    " 'scikit-learn==1.7.2'"
                )
        check_text("python", self.python, remedy="write the name or the path of the image's interpreter")
        if self.run_as_user is not None:
            remedy = "trials do not run as root; None leaves it to the image, pod_template to you"
            check_number("run_as_user", self.run_as_user, least=1, whole=True, remedy=remedy)
        interval: object = self.report_interval_s
        if isinstance(interval, bool) or not isinstance(interval, (int, float)) or not 0 < interval < math.inf:
            raise OptionError(
                f"report_interval_s is a number of seconds above 0, not {interval!r}; each report is a request"
            )
        if self.ttl_s is not None:
            remedy = "leave it out to keep finished Jobs and their logs"
            check_number("ttl_s", self.ttl_s, least=0, whole=True, remedy=remedy)
