"""How much of the machines one trial takes, by its Job's template: what Kubernetes counts when it finds it a place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from expsdk.backends.kubernetes.quantities import amount_of
from expsdk.errors import OptionError


def requests_of(template: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of "cpu" and "gpu" that a pod of a Job's template requests, all its containers together.

    What has a limit and no request requests its limit. Init containers run before the others and are left out.

    Raises:
        OptionError: An amount is none.
    """
    pod = ((template.get("spec") or {}).get("template") or {}).get("spec") or {}
    total: Counter[str] = Counter()
    for container in pod.get("containers") or ():
        resources = container.get("resources") or {}
        for name, amount in {**(resources.get("limits") or {}), **(resources.get("requests") or {})}.items():
            unit = "cpu" if name == "cpu" else "gpu" if _is_gpu(name) else ""
            if unit:
                total[unit] += _number(name, amount)  # type: ignore[assignment]  # parts of a processor count
    return {"cpu": float(total["cpu"]), "gpu": float(total["gpu"])}


def _is_gpu(name: str) -> bool:
    """Whether a resource is a GPU or a slice of one: amd.com/gpu, gpu.intel.com/xe, nvidia.com/mig-1g.5gb."""
    domain, _, word = name.partition("/")
    return word == "gpu" or word.startswith("mig-") or (domain.startswith("gpu.") and bool(word))


def _number(name: str, amount: object) -> float:
    try:
        return amount_of(str(amount))
    except ValueError as error:
        raise OptionError(
            f"a template's {name} is an amount as Kubernetes writes it, such as 2 or '500m', not {amount!r}; mend it"
        ) from error
