"""Whether a cluster's nodes take pods, and the image that those run in by default."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from expsdk.backends.kubernetes.options import JobOptions
from expsdk.diagnosis.finding import Finding, State
from expsdk.resources.words import count_of

__all__ = ["judge_image", "judge_nodes"]

_KEEPING_OFF = ("NoSchedule", "NoExecute")
_TAINTED = "tainted "


def judge_nodes(nodes: Sequence[Mapping[str, Any]]) -> Finding:
    """Return whether a pod that tolerates nothing finds a node; what it requests is not looked at."""
    if not nodes:
        return Finding("nodes", State.WARN, "there are none just now", "trials wait until the cluster has got some")
    reasons = Counter(filter(None, map(_why_not, nodes)))
    free = len(nodes) - reasons.total()
    others = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
    if free:
        words = f"{free} of {count_of(len(nodes), 'node')} {'takes' if free == 1 else 'take'} pods"
        return Finding("nodes", State.OK, f"{words} ({others})" if others else words)
    words = f"none of {count_of(len(nodes), 'node')} takes pods: {others}"
    if any(reason.startswith(_TAINTED) for reason in reasons):
        return Finding("nodes", State.WARN, words, "name the taints that trials put up with: tolerations=")
    return Finding("nodes", State.FAIL, words, "see `kubectl get nodes`, and uncordon one: `kubectl uncordon NAME`")


def _why_not(node: Mapping[str, Any]) -> str:
    """Return why a node takes no pods, or ""."""
    spec = node.get("spec", {})
    if spec.get("unschedulable"):
        return "cordoned"
    conditions = {each["type"]: each["status"] for each in node.get("status", {}).get("conditions") or ()}
    if conditions.get("Ready") != "True":
        return "not ready"
    taints = [each["key"] for each in spec.get("taints") or () if each.get("effect") in _KEEPING_OFF]
    return f"{_TAINTED}{taints[0]}" if taints else ""


def judge_image(python: str, *, release: str, implementation: str) -> Finding:
    """Return in which image trials run by default, and whether it has the Python that packs their functions.

    Args:
        python: The Python here, such as "3.12".
        release: How far its development is, as `sys.version_info.releaselevel` has it.
        implementation: Which Python it is, as `sys.implementation.name` has it.
    """
    image = JobOptions().image_for(python)
    if release != "final" or implementation != "cpython":
        here = f"{implementation} {python} ({release})"
        words = (
            f"trials run in {image} by default, whose Python is not the one here, {here}, and packed functions need it"
        )
        return Finding("image", State.WARN, words, "give an image with that Python: image=")
    return Finding("image", State.OK, f"{image} by default, the Python {python} that packs functions here")
