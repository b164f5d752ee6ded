"""How two spaces differ, in words, and what a larger space holds of a smaller one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expsdk.space import Space, choice, integer, loguniform, normal, uniform
from expsdk.space.difference import covers, differences, losses
from expsdk.space.domains import Constant, Domain, Integer, LogUniform, Normal, Uniform
from expsdk.space.values import identity

UNITS = st.floats(0.0, 1.0, exclude_max=True) | st.sampled_from([0.0, 0.5, 1.0 - 2.0**-53])
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.integers(-3, 3).map(float) | st.sampled_from("abc")


@st.composite
def floats(draw: st.DrawFn) -> Uniform | LogUniform:
    """Small numbers of few kinds, so that one domain often holds another."""
    low, count = draw(st.integers(1, 12)), draw(st.integers(0, 12))
    kind, step = draw(st.integers(0, 3)), draw(st.sampled_from([1, 2, 3, 4, 6]))
    if kind < 2:
        return Uniform(low / 10, (low + step * count) / 10, step / 10)
    return (Uniform if kind == 2 else LogUniform)(low / 10, (low + count) / 10)


@st.composite
def integers(draw: st.DrawFn) -> Integer:
    low, step = draw(st.integers(1, 12)), draw(st.sampled_from([1, 1, 2, 3, 4, 6]))
    high = low + step * draw(st.integers(0, 6))
    return Integer(low, high, step, log=step == 1 and draw(st.booleans()))


NORMALS = st.builds(Normal, st.floats(-5, 5), st.floats(0.5, 5))
SIMPLE = floats() | integers() | NORMALS | st.builds(Constant, SCALARS)
CHOICES = st.lists(SCALARS, min_size=1, max_size=4, unique_by=identity).map(choice)
BRANCHED = st.dictionaries(
    st.sampled_from("abc"), st.dictionaries(st.sampled_from(["p", "q"]), floats() | integers()), min_size=1, max_size=3
).map(choice)
DOMAINS = SIMPLE | CHOICES | BRANCHED
# One parameter at most has branches: a name stands once in a sample.
SPACES = st.fixed_dictionaries({"x": SIMPLE | CHOICES}, optional={"y": SIMPLE | CHOICES, "z": BRANCHED}).map(Space.of)


def samples(space: Space, units: list[float]) -> list[dict[str, Any]]:
    """Return the first samples of the grid, where there is one, and one that is drawn."""
    drawn = space.from_units([units[place % len(units)] for place in range(len(space.leaves))])
    try:
        grid = space.grid()
    except ValueError:
        return [drawn]
    return [drawn, *(grid[place] for place in range(min(len(grid), 30))), grid[len(grid) - 1]]


@given(DOMAINS, DOMAINS, UNITS)
def test_a_domain_that_covers_another_has_all_its_values(old: Domain, new: Domain, unit: float) -> None:
    if not covers(old, new):
        return
    assert new.contains(old.from_unit(unit))
    grid = old.grid()
    assert grid is None or all(new.contains(value) for value in grid)


@given(floats(), floats())
def test_a_grid_whose_values_another_grid_has_is_covered_by_it(old: Uniform, new: Uniform) -> None:
    if isinstance(old, Uniform) and old.step is not None and isinstance(new, Uniform) and new.step is not None:
        values = list(old.grid() or ())
        if len(values) > 1:
            assert covers(old, new) == all(new.contains(value) for value in values)


@given(integers(), integers())
def test_integers_are_covered_where_all_of_them_are_there(old: Integer, new: Integer) -> None:
    assert covers(old, new) == all(new.contains(value) for value in old.grid())


@given(SPACES, SPACES, st.lists(UNITS, min_size=1, max_size=5))
def test_a_space_without_losses_holds_all_samples(old: Space, new: Space, units: list[float]) -> None:
    if not losses(old, new):
        for sample in samples(old, units):
            new.check(sample)


@given(SPACES, SPACES)
def test_no_difference_is_equality(old: Space, new: Space) -> None:
    assert (differences(old, new) == []) == ({*old.parameters} == {*new.parameters})
    assert losses(old, old) == []
    assert differences(old, old) == []


@given(SPACES)
def test_a_space_that_a_record_tells_is_no_other(space: Space) -> None:
    assert differences(space, Space.from_declarative(space.to_declarative())) == []


@pytest.mark.parametrize(
    ("old", "new", "is_covered"),
    [
        (uniform(0, 1), uniform(0, 1), True),
        (uniform(0, 1), uniform(-1, 2), True),
        (uniform(0, 1), uniform(0, 0.5), False),
        (uniform(0, 1), uniform(0, 1, step=0.5), False),
        (uniform(0, 1, step=0.5), uniform(0, 1, step=0.25), True),
        (uniform(0, 1, step=0.25), uniform(0, 1, step=0.5), False),
        (uniform(0, 1, step=0.5), uniform(0.1, 1.1, step=0.5), False),
        (uniform(0.1, 0.4, step=0.1), uniform(0, 1), True),
        (loguniform(1e-3, 1e-1), uniform(0, 1), True),
        (uniform(0.1, 1), loguniform(0.01, 1), True),
        (uniform(0, 1), normal(0, 1), True),
        (normal(0, 1), normal(5, 2), True),
        (normal(0, 1), uniform(-100, 100), False),
        (integer(1, 3), integer(1, 9), True),
        (integer(1, 9), integer(1, 3), False),
        (integer(2, 8, step=2), integer(0, 8, step=2), True),
        (integer(2, 8, step=2), integer(1, 9, step=2), False),
        (integer(1, 3), uniform(0, 9), False),
        (choice(["a"]), choice(["b", "a"]), True),
        (choice(["a", "b"]), choice(["b"]), False),
        (Constant(3), integer(1, 9), True),
        (Constant(3), Constant(4), False),
        (Constant("a"), choice(["a", "b"]), True),
        (choice([1, 3]), integer(1, 3), True),
        (choice({"a": {"p": integer(1, 2)}}), choice({"a": {"p": integer(1, 3)}, "b": {}}), True),
        (choice({"a": {"p": integer(1, 2)}}), choice({"a": {}}), False),
        (choice({"a": {}}), choice({"a": {"p": integer(1, 2)}}), False),
    ],
)
def test_what_covers_what(old: Domain, new: Domain, is_covered: bool) -> None:
    assert covers(old, new) == is_covered


def test_every_parameter_that_differs_has_its_line() -> None:
    before = Space.of({"lr": uniform(0, 1), "opt": choice({"sgd": {}}), "gone": [1], "same": [2]})
    after = Space.of({"lr": uniform(0, 2), "opt": choice({"sgd": {}}), "same": [2], "new": [3]})
    lr, gone, new = differences(before, after)
    assert lr == (
        "parameter lr was Uniform(low=0.0, high=1.0, step=None), and is now Uniform(low=0.0, high=2.0, step=None)"
    )
    assert gone == "parameter gone was there, and is not any more"
    assert new.startswith("parameter new was not there, and is now ")
    assert [line.split()[1] for line in losses(before, after)] == ["gone", "new"]


def test_the_order_of_parameters_is_no_difference() -> None:
    assert differences(Space.of({"a": [1], "b": [2]}), Space.of({"b": [2], "a": [1]})) == []
