"""The kinds of objects that expsdk touches in a cluster, and where each is on the API server."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from expsdk_runtime.contract import API_VERSION


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object.

    Attributes:
        api_version: Its group and version, "v1" for the core's.
        name: The kind as documents bear it.
        plural: The kind as paths and permissions bear it.
        is_namespaced: Whether its objects lie in a namespace.
    """

    api_version: str
    name: str
    plural: str
    is_namespaced: bool = True

    @property
    def group(self) -> str:
        """The API group; "" is the core's."""
        return self.api_version.rpartition("/")[0]

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """Return where the objects of this kind are, or one of them, or a part of it."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"
        within = f"/namespaces/{quote(namespace, safe='')}" if self.is_namespaced and namespace else ""
        parts = [quote(part, safe="") for part in (name, subresource) if part]
        return "/".join([f"{root}{within}/{self.plural}", *parts])


EXPERIMENTS = Kind(API_VERSION, "Experiment", "experiments")
RESULTS = Kind(API_VERSION, "Result", "results")
JOBS = Kind("batch/v1", "Job", "jobs")
PODS = Kind("v1", "Pod", "pods")
CONFIG_MAPS = Kind("v1", "ConfigMap", "configmaps")
EVENTS = Kind("v1", "Event", "events")
WORKLOADS = Kind("kueue.x-k8s.io/v1beta1", "Workload", "workloads")
"""Kueue's own record of a Job that waits in one of its queues."""
NAMESPACES = Kind("v1", "Namespace", "namespaces", is_namespaced=False)
SERVICE_ACCOUNTS = Kind("v1", "ServiceAccount", "serviceaccounts")
NODES = Kind("v1", "Node", "nodes", is_namespaced=False)
LEASES = Kind("coordination.k8s.io/v1", "Lease", "leases")
CLUSTER_ROLES = Kind("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", is_namespaced=False)
ROLE_BINDINGS = Kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings")
DEFINITIONS = Kind(
    "apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", is_namespaced=False
)
ACCESS_REVIEWS = Kind(
    "authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", is_namespaced=False
)
