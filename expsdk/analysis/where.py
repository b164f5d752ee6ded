"""Conditions on rows, such as `lr < 0.01 and phase == "Failed"`: a small part of Python, read and worked out by itself.

There are names, numbers, texts, True, False and None; comparisons (also chained), `in`, `not in`, `is None`; and, or,
not; `+ - * / %` on numbers; parentheses and lists. A name is a parameter, a metric (its last value) or a fact such as
phase, reason, number, epoch or duration_s; where two are called the same, `parameters.lr` and `metrics.lr` tell them
apart, and `metrics["val/loss"]` takes names that Python does not have. Nothing is called, and no attribute is read.

What a row lacks is None, and a comparison with None is false, but for `==`, `!=` and `is`. So is one of a text with a
number; where it is that for every row, the condition is an error.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from expsdk.analysis.naming import GROUPS, find_name, names_of
from expsdk.errors import ResultsError
from expsdk.resources.times import format_time
from expsdk.spelling import suggest
from expsdk_runtime.contract import Phase

__all__ = ["matching"]

Row = Mapping[str, Any]
LIMIT_CHARS = 2000
LIMIT_DEPTH = 50
_EXAMPLE = '`lr < 0.01 and phase == "Failed"`'
_ORDERS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_EQUALITIES: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Is: lambda left, right: left is right or left == right,
    ast.IsNot: lambda left, right: not (left is right or left == right),
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
_SLIPS = {"&&": "and", "||": "or", "!(": "not (", "<>": "!=", "===": "=="}


def matching(
    condition: str, rows: Sequence[Row], *, names: Iterable[str] = (), phases: Sequence[str] = Phase.ALL
) -> list[int]:
    """Return the places of the rows for which a condition is true.

    Args:
        condition: The condition, as this module's first lines describe it.
        rows: Values by name; they need not have the same names.
        names: Names that a row may have, though none of these has.
        phases: What the value of "phase" may be.

    Raises:
        ResultsError: It is no such condition, no row has a name in it, or what it compares cannot be compared.
    """
    tree = _parse(condition)
    if not rows:
        return []
    reader = _Condition([*names_of(rows), *names], phases)
    holds = reader.compile(tree.body)
    found = [place for place, row in enumerate(rows) if holds(row)]
    reader.check()
    return found


def _parse(condition: str) -> ast.Expression:
    if not condition.strip() or len(condition) > LIMIT_CHARS:
        raise ResultsError(
            f"a condition is a text of 1 to {LIMIT_CHARS} characters, not {condition!r:.60}; write one like {_EXAMPLE}"
        )
    try:
        tree = ast.parse(condition.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ResultsError(f"a condition reads like {_EXAMPLE}, and {condition!r:.60} does not{_why(error)}") from None
    if _depth(tree, LIMIT_DEPTH) > LIMIT_DEPTH:
        raise ResultsError(
            f"a condition is at most {LIMIT_DEPTH} deep, and {condition!r:.60} is deeper; leave out parentheses"
        )
    return tree


def _why(error: Exception) -> str:
    text = str(getattr(error, "text", "") or "")
    slip = next((slip for slip in _SLIPS if slip in text), None)
    if slip is not None:
        return f": write {_SLIPS[slip].strip()!r} for {slip!r}"
    if "Maybe you meant '=='" in str(error) or ("=" in text and "==" not in text):
        return ": equality is '=='"
    place = getattr(error, "offset", None)
    return f" from character {place} on; a text stands in quotes" if place else ""


def _depth(node: ast.AST, limit: int) -> int:
    """Return how deep a tree is, or a little more than the limit where it is deeper."""
    level: list[ast.AST] = [node]
    depth = 0
    while level and depth <= limit:
        level = [child for each in level for child in ast.iter_child_nodes(each)]
        depth += 1
    return depth


Value = Callable[[Row], Any]


class _Condition:
    """Makes a function of a row from a condition's tree."""

    def __init__(self, names: Sequence[str], phases: Sequence[str]) -> None:
        self._names = names
        self._phases = phases
        self._impossible: dict[str, str] = {}  # comparisons that no row allowed yet, with what they compared

    def check(self) -> None:
        """Raise `ResultsError` for what could be compared in no row."""
        for part, kinds in self._impossible.items():
            if kinds:
                raise ResultsError(f"what is compared is of one kind, and {part!r} compares {kinds} in every trial")

    def compile(self, node: ast.expr) -> Value:
        """Return what a part of the condition is for a row."""
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.BoolOp):
            return self._all_or_any(node)
        if isinstance(node, ast.UnaryOp):
            return self._unary(node)
        if isinstance(node, ast.BinOp):
            return self._arithmetic(node)
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            parts = [self.compile(part) for part in node.elts]
            return lambda row: [part(row) for part in parts]
        name = _name_of(node)
        if name is None:
            raise self._no_such_part(node)
        return self._name(name)

    def _constant(self, node: ast.Constant) -> Value:
        value = node.value
        if value is not None and not isinstance(value, (bool, int, float, str)):
            raise self._no_such_part(node)
        return lambda _row: value

    def _name(self, name: str) -> Value:
        if name in ("true", "false", "null", "none"):
            proper = {"true": "True", "false": "False"}.get(name, "None")
            raise ResultsError(f"True, False and None begin with a capital, and {name!r} does not; write {proper}")
        full = find_name(name, self._names, hint="; a text stands in quotes")
        return lambda row: _comparable(row.get(full))

    def _all_or_any(self, node: ast.BoolOp) -> Value:
        parts = [self.compile(part) for part in node.values]
        if isinstance(node.op, ast.And):
            return lambda row: all(part(row) for part in parts)
        return lambda row: any(part(row) for part in parts)

    def _unary(self, node: ast.UnaryOp) -> Value:
        operand = self.compile(node.operand)
        if isinstance(node.op, ast.Not):
            return lambda row: not operand(row)
        if isinstance(node.op, ast.Invert):
            raise self._no_such_part(node)
        sign = -1 if isinstance(node.op, ast.USub) else 1

        def signed(row: Row) -> Any:
            value = operand(row)
            return sign * value if _is_number(value) else None

        return signed

    def _arithmetic(self, node: ast.BinOp) -> Value:
        operate = _ARITHMETIC.get(type(node.op))
        if operate is None:
            raise self._no_such_part(node)
        left, right = self.compile(node.left), self.compile(node.right)

        def result(row: Row) -> Any:
            first, second = left(row), right(row)
            if not (_is_number(first) and _is_number(second)):
                return None
            try:
                return operate(first, second)
            except (ZeroDivisionError, OverflowError):
                return None

        return result

    def _comparison(self, node: ast.Compare) -> Value:
        self._check_phases(node)
        parts = [self.compile(part) for part in (node.left, *node.comparators)]
        sides = zip((node.left, *node.comparators), node.ops, node.comparators, strict=False)
        steps = [self._step(kind, ast.unparse(ast.Compare(left, [kind], [right]))) for left, kind, right in sides]

        def holds(row: Row) -> bool:
            left = parts[0](row)
            for step, part in zip(steps, parts[1:], strict=True):
                right = part(row)
                if not step(left, right):
                    return False
                left = right
            return True

        return holds

    def _step(self, kind: ast.cmpop, part: str) -> Callable[[Any, Any], bool]:
        """Return one comparison of two values."""
        equality = _EQUALITIES.get(type(kind))
        if equality is not None:
            return lambda left, right: bool(equality(left, right))
        if isinstance(kind, (ast.In, ast.NotIn)):
            wanted = isinstance(kind, ast.In)
            return lambda left, right: self._contains(left, right, part) is wanted
        order = _ORDERS[type(kind)]
        return lambda left, right: self._order(order, left, right, part)

    def _order(self, order: Callable[[Any, Any], bool], left: Any, right: Any, part: str) -> bool:
        if left is None or right is None:
            return False
        try:
            held = order(left, right)
        except TypeError:
            self._impossible.setdefault(part, f"{_kind(left)} with {_kind(right)}")
            return False
        self._impossible[part] = ""
        return bool(held)

    def _contains(self, left: Any, right: Any, part: str) -> bool | None:
        """Return whether the right value contains the left one, or None where it contains nothing."""
        if left is None and not isinstance(right, list):
            return None
        if isinstance(right, list) or (isinstance(right, str) and isinstance(left, str)):
            self._impossible[part] = ""
            return left in right
        if right is not None:
            self._impossible.setdefault(part, f"{_kind(left)} with {_kind(right)}")
        return None

    def _check_phases(self, node: ast.Compare) -> None:
        """See that what a phase is compared with is one: `phase == "failed"` would silently be false."""
        sides = [node.left, *node.comparators]
        if not any(isinstance(side, ast.Name) and side.id == "phase" for side in sides):
            return
        texts = [
            part.value
            for side in sides
            for part in (side.elts if isinstance(side, (ast.Tuple, ast.List, ast.Set)) else [side])
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        ]
        for text in texts:
            if text not in self._phases:
                raise ResultsError(
                    f"a phase is one of {', '.join(self._phases)}, not {text!r};"
                    f" {suggest(text.capitalize(), self._phases)}"
                )

    def _no_such_part(self, node: ast.expr) -> ResultsError:
        return ResultsError(
            f"a condition has names, numbers, texts, comparisons, and, or, not, in and arithmetic, and no"
            f" {ast.unparse(node)!r:.60}; write something like {_EXAMPLE}"
        )


def _name_of(node: ast.expr) -> str | None:
    """Return the name that a part of a condition is: `lr`, `parameters.lr` or `metrics["val/loss"]`, or None."""
    if isinstance(node, ast.Name):
        return node.id
    words = _words(node)
    return ".".join(words) if words[:1] and words[0] in GROUPS else None


def _words(node: ast.expr) -> list[str]:
    """Return the words of `a.b` and `a["b"]`; none for anything else."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        within, word = _words(node.value), node.attr
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        within, word = _words(node.value), str(node.slice.value)
    else:
        return []
    return [*within, word] if within else []


def _comparable(value: Any) -> Any:
    """Return a value as conditions have it: moments are texts, which begin with the day."""
    return format_time(value) if isinstance(value, datetime) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "a text"
    if isinstance(value, bool):
        return "True or False"
    return "a number" if _is_number(value) else "a list" if isinstance(value, (list, tuple)) else type(value).__name__
