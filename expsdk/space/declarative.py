"""From the declarative form of a space, as an Experiment keeps it, back to domains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from expsdk.errors import SpaceError
from expsdk.space.domains import Choice, Constant, Domain, Integer, LogUniform, Normal, Parameter, Uniform
from expsdk.space.notation import branch_path
from expsdk.space.values import show

_KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # type: (keys it needs, keys it may have)
    "uniform": (("low", "high"), ("step",)),
    "loguniform": (("low", "high"), ()),
    "integer": (("low", "high"), ("step", "log")),
    "normal": (("mean", "sigma"), ()),
    "choice": (("choices",), ("branches",)),
    "constant": (("value",), ()),
}
_SIMPLE = {"uniform": Uniform, "loguniform": LogUniform, "integer": Integer, "normal": Normal, "constant": Constant}


def parse_parameters(document: Mapping[str, Any], where: str = "") -> tuple[Parameter, ...]:
    """Return the parameters of a declarative form; their values are still to be checked.

    Raises:
        SpaceError: A domain is no mapping, its type is unknown, or it has too few or too many keys.
    """
    return tuple(Parameter(name, _parse_domain(name, domain, where)) for name, domain in document.items())


def _parse_domain(name: str, document: Any, where: str) -> Domain:
    if not isinstance(document, Mapping):
        raise SpaceError(
            f"parameter {where}{name}: a domain is a mapping with a type, not {show(document)};"
            ' write {"type": "constant", "value": …} for a constant'
        )
    kind = document.get("type")
    if not isinstance(kind, str) or kind not in _KEYS:
        raise SpaceError(
            f"parameter {where}{name}: the type of a domain is one of {', '.join(_KEYS)}, not {show(kind)}; write one"
        )
    needed, allowed = _KEYS[kind]
    keys = {key: value for key, value in document.items() if key != "type"}
    missing = ", ".join(key for key in needed if key not in keys)
    unknown = ", ".join(str(key) for key in keys if key not in (*needed, *allowed))
    if missing or unknown:
        wrong = f"lacks {missing}; add {missing}" if missing else f"has {unknown}; remove {unknown}"
        rule = f"a domain of type {kind} has {' and '.join(needed)}"
        may = f", and may have {' and '.join(allowed)}" if allowed else ""
        raise SpaceError(f"parameter {where}{name}: {rule}{may}, but this one {wrong}")
    return _parse_choice(name, keys, where) if kind == "choice" else _SIMPLE[kind](**keys)


def _parse_choice(name: str, keys: Mapping[str, Any], where: str) -> Choice:
    choices, branches = keys["choices"], keys.get("branches", [])
    if not isinstance(choices, list) or not isinstance(branches, list):
        raise SpaceError(
            f"parameter {where}{name}: choices and branches are lists, not {show(choices)} and {show(branches)};"
            " write lists of equal length"
        )
    parsed = [
        parse_parameters(branch, branch_path(where, name, option)) if isinstance(branch, Mapping) else branch
        for option, branch in zip(choices, branches, strict=False)  # their lengths are checked with the values
    ]
    return Choice(tuple(choices), tuple(parsed + branches[len(parsed) :]))
