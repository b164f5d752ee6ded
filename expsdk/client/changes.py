"""What makes one document another: a merge patch (RFC 7386)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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
