"""Taints that trials put up with, checked as the API server would.

https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
"""

from __future__ import annotations

from expsdk.backends.kubernetes.checks import check_json, check_list
from expsdk.errors import OptionError

__all__ = ["check_tolerations"]

_FIELDS = ("key", "operator", "value", "effect", "tolerationSeconds")
_WORDS = {"operator": ("Equal", "Exists"), "effect": ("NoSchedule", "PreferNoSchedule", "NoExecute")}
_EXAMPLE = "{'key': 'nvidia.com/gpu', 'operator': 'Exists'}"


def check_tolerations(tolerations: object) -> None:
    """Raise `OptionError` unless these are tolerations as Kubernetes writes them."""
    for item in check_list("tolerations", tolerations):
        each = check_json("an item of tolerations", item, remedy=f"write something like {_EXAMPLE}")
        for name, value in each.items():
            if name not in _FIELDS:
                raise OptionError(
                    f"a toleration has {', '.join(_FIELDS)}, not {name!r}; write something like {_EXAMPLE}"
                )
            words = _WORDS.get(name)
            if words and value not in words:
                raise OptionError(
                    f"a toleration's {name} is one of {', '.join(words)}, not {value!r}; write one of them"
                )
        if each.get("operator") == "Exists" and "value" in each:
            raise OptionError(
                f"a toleration with the operator Exists has no value, {dict(each)!r} has; drop one of them"
            )
        if "key" not in each and each.get("operator") != "Exists":
            raise OptionError(f"a toleration without a key has the operator Exists, {dict(each)!r} has not; add one")
