"""JSON values: bringing them to plain types, telling them apart, and saying why a value is none."""

from __future__ import annotations

import enum
import math
from collections.abc import Hashable, Iterator, MappingView, Sequence
from typing import Any

from expsdk.space.arithmetic import as_float, exact, is_finite

DEPTH_LIMIT = 64
INTEGER_LIMIT = 2**63
_EXACT_LIMIT = 10**16
_DIGITS_LIMIT = 10**21


def plain(value: Any, depth: int = 0) -> Any:
    """Return a copy of a JSON value that is made of the plain types; what is no JSON value is returned as it is.

    Subclasses (numpy's float64, an OrderedDict) become the type that JSON gives back.
    """
    if isinstance(value, enum.Enum) or value is None or isinstance(value, bool) or depth > DEPTH_LIMIT:
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, list):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {name: plain(item, depth + 1) for name, item in value.items()}
    return value


def kept(value: Any) -> Any:
    """Return a number as Kubernetes gives it back; anything else as it is.

    An integer of 64 bits stays, a greater one becomes a float. A whole float below 1e21 is written in digits, and read
    as an integer: the shortest that is the same float, filled up with zeros (as in ECMA-262, Number::toString). So
    2.0**60 comes back as 1152921504606847000.
    """
    if not isinstance(value, (int, float)) or (isinstance(value, int) and -INTEGER_LIMIT <= value < INTEGER_LIMIT):
        return value
    number = as_float(value)
    if not abs(number) < _DIGITS_LIMIT or not number.is_integer():
        return number
    return int(number) if abs(number) < _EXACT_LIMIT else int(exact(number))


def identity(value: Any) -> Hashable:
    """Return a key that two values share exactly when JSON cannot tell them apart, after Kubernetes has kept it.

    1 and 1.0 are one number, because Kubernetes writes both as 1; true is no number.
    """
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return (type(value).__name__, value)
    if isinstance(value, (int, float)):
        return ("number", kept(value))
    if isinstance(value, list):
        return ("list", tuple(identity(item) for item in value))
    if isinstance(value, dict):
        return ("dict", frozenset((name, identity(item)) for name, item in value.items()))
    return ("object", id(value))


def show(value: object, limit: int = 80) -> str:
    """Return `repr(value)`, cut to `limit` characters for a message."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def kind_of(value: object) -> str:
    """Return a value with its type, for a message that refuses the type."""
    name = getattr(value, "__name__", None)
    if callable(value) and isinstance(name, str):
        return f"the {'class' if isinstance(value, type) else 'function'} {name}"
    kind, text = type(value).__name__, show(value)
    return text if value is None or text.startswith(f"{kind}(") else f"the {kind} {text}"


def json_fault(value: object, where: str = "", depth: int = 0) -> str | None:
    """Return why JSON cannot carry `value` unchanged, as "rule, value; remedy", or None when it can.

    Args:
        value: What `plain` returned.
        where: The way from the whole value to this one, such as "['layers'][0]".
        depth: How many lists and mappings this value lies in.
    """
    at = f" at {where}" if where else ""
    if depth > DEPTH_LIMIT:
        return f"a value is nested at most {DEPTH_LIMIT} deep, and this one is deeper; make it flatter"
    if isinstance(value, list):
        faults = [json_fault(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
        return next((fault for fault in faults if fault), None)
    if isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):
                return f"the keys of a mapping are strings in JSON, not {show(name)}{at}; write it as a string"
            fault = json_fault(name, where) or json_fault(item, f"{where}[{name!r}]", depth + 1)
            if fault:
                return fault
        return None
    rule_and_remedy = _scalar_fault(value)
    return rule_and_remedy and f"{rule_and_remedy[0]}{at}; {rule_and_remedy[1]}"


def _scalar_fault(value: object) -> tuple[str, str] | None:
    if isinstance(value, enum.Enum):
        return f"JSON has no enums, but this is {show(value)}", "write its .value and look it up in the function"
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return _number_fault(value)
    return _text_fault(value) if isinstance(value, str) else _foreign_fault(value)


def _number_fault(value: float) -> tuple[str, str] | None:
    if isinstance(value, int):
        if is_finite(value) and kept(value) == value:
            return None
        return f"an integer fits 64 bits, and {show(value)} does not", "write it as a string"
    if math.isfinite(value):
        return None
    return f"JSON has no such number as {value!r}", "write None or a string and turn it into a number in the function"


def _foreign_fault(value: object) -> tuple[str, str]:
    if isinstance(value, tuple):
        return f"JSON has lists, no tuples, but this is {show(value)}", f"write {show(list(value))}"
    if isinstance(value, (set, frozenset)):
        return f"JSON has lists, no sets, but this is {show(value)}", "write a list"
    if isinstance(value, (bytes, bytearray)):
        return f"JSON has text, no bytes, but this is {show(value)}", "write a string"
    if hasattr(value, "tolist"):
        return f"JSON cannot carry {kind_of(value)}", "write plain Python values with .tolist()"
    if isinstance(value, (Sequence, Iterator, MappingView)):
        return f"JSON has lists, but this is {kind_of(value)}", "write a list, such as list(...)"
    is_named = callable(value) and hasattr(value, "__name__")
    return (
        f"JSON carries None, bool, int, float, str, list and dict, not {kind_of(value)}",
        "write its name and look it up in the function" if is_named else "write what the function can build it from",
    )


def _text_fault(text: str) -> tuple[str, str] | None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return f"text is valid Unicode, and {show(text)} is not", "write text that UTF-8 can encode"
    return None
