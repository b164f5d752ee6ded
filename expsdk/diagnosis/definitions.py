"""A cluster's definitions of Experiment and Result against those of this expsdk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from expsdk.cluster.install import VERSION_ANNOTATION, version_order
from expsdk.diagnosis.finding import Finding, State
from expsdk.resources.crd import ANY
from expsdk_runtime.contract import API_VERSION

__all__ = ["judge_definitions", "lacking_fields"]

Document = Mapping[str, Any]

NAMED = 3
_UPGRADE = "bring this one up to date: pip install --upgrade expsdk"


def judge_definitions(theirs: Sequence[Document], ours: Sequence[Document], *, version: str, namespace: str) -> Finding:
    """Return whether a cluster's definitions keep what this expsdk writes.

    Args:
        theirs: The cluster's CustomResourceDefinitions.
        ours: This expsdk's, in the same order.
        version: This expsdk's version.
        namespace: The namespace in question, for the remedy.
    """
    installed = str((theirs[0]["metadata"].get("annotations") or {}).get(VERSION_ANNOTATION, ""))
    is_newer = version_order(installed) > version_order(version)
    remedy = _UPGRADE if is_newer else f"run `expsdk install --namespace {namespace}`, or ask who administers it to"
    whose = f"of expsdk {installed}" if installed else "of an expsdk that left no version"
    lacking = [field for pair in zip(ours, theirs, strict=True) for field in _lacking(*pair)]
    if lacking:
        more = f" and {len(lacking) - NAMED} more" if len(lacking) > NAMED else ""
        words = f"the cluster's are {whose}, and drop what this one ({version}) writes: {', '.join(lacking[:NAMED])}"
        return Finding("definitions", State.FAIL, words + more, remedy)
    if installed and installed != version:
        age = "older" if is_newer else "newer"
        return Finding("definitions", State.WARN, f"the cluster's are {whose}, and this is the {age} {version}", remedy)
    return Finding("definitions", State.OK, f"Experiment and Result are there ({API_VERSION}), {whose}")


def _lacking(ours: Document, theirs: Document) -> list[str]:
    kind = str(ours["spec"]["names"]["kind"])
    own, kept = _schema(ours), _schema(theirs)
    return [f"{kind}.{field}" for field in lacking_fields(own, kept)] if own and kept else []


def _schema(definition: Document) -> Document | None:
    wanted = API_VERSION.rpartition("/")[2]
    versions = (each for each in definition["spec"]["versions"] if each["name"] == wanted)
    return next((each["schema"]["openAPIV3Schema"] for each in versions), None)


def lacking_fields(ours: Document, theirs: Document, path: str = "") -> Iterator[str]:
    """Yield the fields that one schema has and another one, which drops what it does not know, has not."""
    if theirs.get(ANY):
        return
    known = theirs.get("properties", {})
    for name, field in ours.get("properties", {}).items():
        if name in known:
            yield from lacking_fields(field, known[name], f"{path}{name}.")
        else:
            yield f"{path}{name}"
    for inner in ("items", "additionalProperties"):
        if isinstance(ours.get(inner), Mapping) and isinstance(theirs.get(inner), Mapping):
            yield from lacking_fields(ours[inner], theirs[inner], path)
