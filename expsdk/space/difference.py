"""How two spaces differ, in words, and whether one holds all samples of another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import eq

from expsdk.space.arithmetic import exact
from expsdk.space.domains import Choice, Constant, Domain, Integer, LogUniform, Normal, Parameter, Uniform
from expsdk.space.notation import branch_path
from expsdk.space.space import Space
from expsdk.space.values import show

SHOWN_CHARS = 120


def differences(before: Space, after: Space) -> list[str]:
    """Return what has changed between two spaces, a line for each parameter; empty where they are equal."""
    return list(_compare(before.parameters, after.parameters, "", is_same=eq))


def losses(before: Space, after: Space) -> list[str]:
    """Return what keeps some samples of the first space out of the second; empty where it holds them all."""
    return list(_compare(before.parameters, after.parameters, "", is_same=covers))


def covers(old: Domain, new: Domain) -> bool:
    """Return whether every value of a domain, with the branch that it takes, belongs to another."""
    if old == new:
        return True
    if isinstance(old, (Constant, Choice)):
        return _covers_options(old, new)
    if isinstance(old, Integer):
        return isinstance(new, Integer) and _covers_integers(old, new)
    if isinstance(old, Normal):
        return isinstance(new, Normal)
    if isinstance(new, Normal):
        return True
    return isinstance(new, (Uniform, LogUniform)) and _covers_floats(old, new)


def _compare(
    before: Sequence[Parameter], after: Sequence[Parameter], where: str, *, is_same: Callable[[Domain, Domain], bool]
) -> Iterator[str]:
    old = {parameter.name: parameter.domain for parameter in before}
    new = {parameter.name: parameter.domain for parameter in after}
    for name in old | new:
        path = f"{where}{name}"
        if name not in new:
            yield f"parameter {path} was there, and is not any more"
        elif name not in old:
            yield f"parameter {path} was not there, and is now {show(new[name], SHOWN_CHARS)}"
        elif not is_same(old[name], new[name]):
            was, now = show(old[name], SHOWN_CHARS), show(new[name], SHOWN_CHARS)
            yield f"parameter {path} was {was}, and is now {now}"


def _covers_options(old: Constant | Choice, new: Domain) -> bool:
    options = old.pairs() if isinstance(old, Choice) else [(old.value, ())]
    for option, branch in options:
        if not new.contains(option):
            return False
        after = new.branch_of(option) if isinstance(new, Choice) else ()
        if list(_compare(branch, after, branch_path("", "", option), is_same=covers)):
            return False
    return True


def _covers_integers(old: Integer, new: Integer) -> bool:
    return (
        new.low <= old.low
        and old.high <= new.high
        and (old.low - new.low) % new.step == 0
        and (old.low == old.high or old.step % new.step == 0)
    )


def _covers_floats(old: Uniform | LogUniform, new: Uniform | LogUniform) -> bool:
    if not (new.low <= old.low and old.high <= new.high):
        return False
    step = new.step if isinstance(new, Uniform) else None
    if step is None:
        return True
    if not isinstance(old, Uniform) or old.step is None:
        return False
    is_on_grid = (exact(old.low) - exact(new.low)) % exact(step) == 0
    return is_on_grid and exact(old.step) % exact(step) == 0
