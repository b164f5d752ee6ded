"""Merging what a user wants of a pod into the pod that expsdk makes, as `kubectl patch` does (strategic merge).

https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from expsdk.errors import OptionError

__all__ = ["merge"]

_KEYS = {
    "containers": "name",
    "env": "name",
    "ephemeralContainers": "name",
    "hostAliases": "ip",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ports": "containerPort",
    "topologySpreadConstraints": "topologyKey",
    "volumeDevices": "devicePath",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
"""Lists of objects that are told apart by a field, and that field, as Kubernetes' own types have it."""
_ONE_OF = frozenset({"env", "volumes"})
"""In these lists an object has one source: another source takes the place of the one before."""
_PATCH = "$patch"


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `overlay` merged into it; neither is changed.

    Mappings are merged key by key, and None takes a key away. Lists of objects that have a name of some kind
    (containers, env, volumes, volumeMounts by mountPath) are merged object by object: one that is not there yet is
    added at the end, and `{"name": "x", "$patch": "delete"}` takes one away. Other lists and values are replaced.

    Raises:
        OptionError: An object in such a list lacks what tells it apart.
    """
    merged = dict(base)
    for key, value in overlay.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            merged[key] = merge(_mapping(base.get(key)), value)
        elif key in _KEYS and _is_objects(value):
            merged[key] = _merge_objects(key, base.get(key), value)
        else:
            merged[key] = value
    return merged


def _merge_objects(field: str, base: Any, overlay: Sequence[Mapping[str, Any]]) -> list[Any]:
    mark = _KEYS[field]
    merged = {each[mark]: each for each in base} if _is_objects(base) else {}
    for each in overlay:
        if each.get(mark) is None:
            raise OptionError(
                f"each of {field} is told apart by its {mark}, and {dict(each)!r} has none; add {mark!r} to it"
            )
        if each.get(_PATCH) == "delete":
            merged.pop(each[mark], None)
            continue
        before = merged.get(each[mark], {})
        kept = {key: before[key] for key in before if field not in _ONE_OF or key in each}
        merged[each[mark]] = merge(kept, each)
    return list(merged.values())


def _is_objects(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(each, Mapping) for each in value)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
