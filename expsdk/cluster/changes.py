"""What makes one document another: a merge patch (RFC 7386)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from expsdk.cluster.api import Api, Document
from expsdk.cluster.kinds import Kind


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the patch that makes `before` read as `after`; empty where it does already.

    A merge patch cannot write null: what is None in `after` is taken away.
    """
    changes: dict[str, Any] = dict.fromkeys(before.keys() - after.keys())
    for name, value in after.items():
        former = before.get(name)
        if isinstance(value, Mapping) and isinstance(former, Mapping):
            inner = changes_between(former, value)
            if inner:
                changes[name] = inner
        elif former != value or isinstance(former, bool) is not isinstance(value, bool):  # True == 1
            changes[name] = value
    return changes


def bring_to(api: Api, kind: Kind, there: Document, after: Document, version: str | None) -> Document:
    """Make an object's labels, annotations, spec and status what `after` has, and return it as the server has it then.

    Args:
        api: The API server.
        kind: The object's kind.
        there: The object as it is.
        after: The object as it is to be.
        version: The version that `after` was made from: another one there is a `Conflict`. None: whatever is there.
    """
    name = after["metadata"]["name"]
    changes = _changes_of(there, after)
    status = changes_between(there.get("status") or {}, after["status"])
    if changes:
        there = api.patch(kind, name, _at_version(changes, version))
        version = there["metadata"]["resourceVersion"]
    if status:
        there = api.patch(kind, name, _at_version({"status": status}, version), subresource="status")
    return there


def _changes_of(there: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes to the spec and to the labels and annotations that make one document another."""
    changes: dict[str, Any] = {}
    spec = changes_between(there["spec"], after["spec"])
    if spec:
        changes["spec"] = spec
    for part in ("labels", "annotations"):
        own = changes_between(there["metadata"].get(part) or {}, after["metadata"].get(part) or {})
        if own:
            changes.setdefault("metadata", {})[part] = own
    return changes


def _at_version(changes: Mapping[str, Any], version: str | None) -> dict[str, Any]:
    """Return the changes such that the server takes them for this version of the object only."""
    if version is None:
        return dict(changes)
    return {**changes, "metadata": {**changes.get("metadata", {}), "resourceVersion": version}}
