"""What else a user wants of the pod, as Kubernetes writes it, checked as far as that is possible here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from expsdk.backends.kubernetes.checks import check_json
from expsdk.errors import OptionError

__all__ = ["CONTAINER", "check_pod_template", "with_named_containers"]

CONTAINER = "trial"
_FIELDS = ("metadata", "spec")
_EXAMPLE = "pod_template={'spec': {'hostNetwork': True}}"


def check_pod_template(pod_template: object) -> None:
    """Raise `OptionError` unless this is a pod's template whose containers can be told apart."""
    template = check_json("pod_template", pod_template, remedy=f"write something like {_EXAMPLE}")
    for name, value in template.items():
        if name not in _FIELDS:
            raise OptionError(f"pod_template has metadata and spec, not {name!r}; write something like {_EXAMPLE}")
        if not isinstance(value, Mapping):
            raise OptionError(f"{name} of pod_template is a mapping, not {value!r}; write something like {_EXAMPLE}")
    spec = template.get("spec", {})
    for field in ("containers", "initContainers"):
        containers = spec.get(field)
        if containers is None:
            continue
        if not isinstance(containers, (list, tuple)) or not all(isinstance(each, Mapping) for each in containers):
            raise OptionError(f"{field} of pod_template is a list of mappings, not {containers!r}; write [{{...}}]")
        for each in containers:
            _check_container(field, each)


def with_named_containers(pod_template: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the template with the trial's name on its container where it has none."""
    spec = pod_template.get("spec", {})
    if not spec.get("containers"):
        return pod_template
    containers = [{"name": CONTAINER, **each} for each in spec["containers"]]
    return {**pod_template, "spec": {**spec, "containers": containers}}


def _check_container(field: str, container: Mapping[str, Any]) -> None:
    name = container.get("name", CONTAINER if field == "containers" else None)
    if name is None:
        raise OptionError(f"each of {field} in pod_template has a name, and {dict(container)!r} has none; add one")
    if name != CONTAINER and "image" not in container and "$patch" not in container:
        raise OptionError(
            f"a container that is added has an image, and {name!r} in pod_template has none; add one, or call it"
            f" {CONTAINER!r} to change the trial's own"
        )
