"""What holds for every space: samples lie in it, JSON brings it back, its grid is its product."""

import itertools
import json
import math
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from expsdk.space import Constant, Integer, LogUniform, Normal, Space, Uniform, choice
from expsdk.space.values import identity

UNITS = st.floats(0.0, 1.0, exclude_max=True)
EDGE_UNITS = UNITS | st.sampled_from([0.0, 2.0**-60, 0.5, math.nextafter(1.0, 0.0)])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(10**22), 10**22).map(float)
    | st.text(st.characters(codec="utf-8"), max_size=5)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3),
    max_leaves=4,
)


@st.composite
def uniforms(draw: st.DrawFn) -> Uniform:
    bound = st.floats(-1e300, 1e300)
    low, high = sorted((draw(bound), draw(bound)))
    return Uniform(low, high)


@st.composite
def stepped(draw: st.DrawFn) -> Uniform:
    """Bounds and steps as people write them: decimal numbers."""
    scale = draw(st.sampled_from([1, 10, 100, 1000]))
    low, step = draw(st.integers(-1000, 1000)), draw(st.integers(1, 50))
    high = low + step * draw(st.integers(0, 12))
    return Uniform(low / scale, high / scale, step / scale)


@st.composite
def loguniforms(draw: st.DrawFn) -> LogUniform:
    bound = st.floats(5e-324, 1.7976931348623157e308)
    low, high = sorted((draw(bound), draw(bound)))
    return LogUniform(low, high)


@st.composite
def integers(draw: st.DrawFn, *, most: int = 2**40) -> Integer:
    step = draw(st.integers(1, 1000))
    low = draw(st.integers(-(2**40), 2**40))
    return Integer(low, low + step * draw(st.integers(0, most // 1000)), step)


@st.composite
def log_integers(draw: st.DrawFn, *, most: int = 2**53) -> Integer:
    low, high = sorted((draw(st.integers(1, most)), draw(st.integers(1, most))))
    return Integer(low, high, log=True)


NORMALS = st.builds(Normal, st.floats(-1e100, 1e100), st.floats(1e-100, 1e100))
CHOICES = st.lists(VALUES, min_size=1, max_size=4, unique_by=identity).map(choice)
FINITE = stepped() | integers(most=9000) | CHOICES | st.builds(Constant, VALUES)
ANY = FINITE | uniforms() | loguniforms() | integers() | log_integers() | NORMALS


@st.composite
def spaces(draw: st.DrawFn, domains: Any = ANY, prefix: str = "p", depth: int = 2) -> dict[str, Any]:
    space: dict[str, Any] = {}
    for index in range(draw(st.integers(0 if depth < 2 else 1, 3))):
        name = f"{prefix}{index}"
        if depth and draw(st.booleans()):
            options = draw(st.lists(SCALARS, min_size=1, max_size=3, unique_by=(identity, lambda option: option)))
            # Branches of one choice share their parameters' names, as they may.
            space[name] = choice({option: draw(spaces(domains, f"{name}_", depth - 1)) for option in options})
        else:
            space[name] = draw(domains)
    return space


def through_kubernetes(value: Any) -> Any:
    """Return the value as the API server gives it back: whole floats as integers below 1e21, keys sorted."""
    if isinstance(value, dict):
        return {name: through_kubernetes(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [through_kubernetes(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(Decimal(repr(value)))
    return value


def exactly(value: Any) -> str:
    """Return a text that tells 1, 1.0 and True apart."""
    return json.dumps(value, sort_keys=True)


def units_for(space: Space, data: st.DataObject) -> list[float]:
    size = len(space.leaves)
    return data.draw(st.lists(EDGE_UNITS, min_size=size, max_size=size))


@given(ANY, EDGE_UNITS)
def test_a_unit_gives_a_value_of_the_domain(domain: Any, unit: float) -> None:
    value = domain.from_unit(unit)
    assert domain.contains(value)
    assert json.loads(json.dumps(value, allow_nan=False)) == value


@given(stepped() | integers(most=9000) | log_integers(most=2**32))
def test_both_bounds_are_reached(domain: Any) -> None:
    assert domain.from_unit(0.0) == domain.low
    assert domain.from_unit(math.nextafter(1.0, 0.0)) == domain.high


@given(uniforms() | loguniforms() | log_integers())  # a great integer's cell is narrower than floats can tell apart
def test_bounds_are_reached_up_to_rounding(domain: Any) -> None:
    width = domain.high - domain.low
    assert math.isclose(domain.from_unit(0.0), domain.low, rel_tol=1e-9)
    assert math.isclose(domain.from_unit(math.nextafter(1.0, 0.0)), domain.high, rel_tol=1e-9, abs_tol=width * 1e-12)


@given(stepped() | integers(most=9000) | CHOICES)
def test_values_have_equal_cells(domain: Any) -> None:
    values = list(domain.grid())
    middles = [(index + 0.5) / len(values) for index in range(min(len(values), 200))]
    assert [domain.from_unit(unit) for unit in middles] == values[: len(middles)]


@given(stepped())
def test_steps_are_the_decimal_numbers_that_people_write(domain: Uniform) -> None:
    values = list(domain.grid() or ())
    assert values == sorted(set(values))
    assert all(value == round(value, 3) for value in values)
    assert all(domain.contains(domain.low + index * (domain.step or 0.0)) for index in range(len(values)))


@given(spaces())
def test_the_declarative_form_brings_the_space_back(mapping: dict[str, Any]) -> None:
    space = Space.of(mapping)
    document = json.loads(json.dumps(space.to_declarative(), allow_nan=False))
    assert Space.from_declarative(document) == space
    assert exactly(Space.from_declarative(document).to_declarative()) == exactly(document)


@given(spaces(), st.data())
def test_a_space_that_kubernetes_kept_is_the_same_space(mapping: dict[str, Any], data: st.DataObject) -> None:
    space = Space.of(mapping)
    kept = Space.from_declarative(through_kubernetes(space.to_declarative()))
    assert kept == space
    assert hash(kept) == hash(space)
    units = units_for(space, data)
    assert exactly(space.restore(kept.from_units(units))) == exactly(space.from_units(units))


@given(spaces(FINITE, depth=1))
def test_a_grid_that_kubernetes_kept_is_the_same_grid(mapping: dict[str, Any]) -> None:
    space = Space.of(mapping)
    grid, kept = space.grid(), Space.from_declarative(through_kubernetes(space.to_declarative())).grid()
    assert grid.size == kept.size
    for index in range(min(grid.size, 50)):
        assert exactly(space.restore(kept[index])) == exactly(grid[index])


@given(spaces(), st.data())
def test_a_sample_belongs_to_its_space_and_survives_json(mapping: dict[str, Any], data: st.DataObject) -> None:
    space = Space.of(mapping)
    sample = space.from_units(units_for(space, data))
    space.check(sample)
    assert set(sample) <= set(space.names)
    assert space.given <= set(sample)
    restored = space.restore(json.loads(json.dumps(through_kubernetes(sample))))
    assert exactly(restored) == exactly(sample)
    assert list(restored) == list(sample)


@given(spaces(FINITE, depth=1))
def test_the_grid_is_the_product_without_repeats(mapping: dict[str, Any]) -> None:
    space = Space.of(mapping)
    grid = space.grid()
    head = list(itertools.islice(grid, 300))
    assert grid.size >= len(head)
    assert len({identity(sample) for sample in head}) == len(head) == min(grid.size, 300)
    for sample in head:
        space.check(sample)
    assert grid[-1] == grid[grid.size - 1]
    assert grid.size == size_of(space.to_declarative())


def size_of(document: dict[str, Any]) -> int:
    """Count the samples from the declarative form, independently of the code under test."""
    total = 1
    for domain in document.values():
        if domain["type"] == "choice":
            branches = domain.get("branches") or [{}] * len(domain["choices"])
            total *= sum(size_of(branch) for branch in branches)
        elif domain["type"] != "constant":
            total *= round((domain["high"] - domain["low"]) / domain["step"]) + 1 if domain["step"] else 1
    return total


@given(spaces(), st.data())
def test_only_the_units_of_branches_that_are_taken_count(mapping: dict[str, Any], data: st.DataObject) -> None:
    space = Space.of(mapping)
    units = units_for(space, data)
    sample = space.from_units(units)
    taken = {leaf.path for leaf in space.active_leaves(sample)}
    moved = [unit if leaf.path in taken else 0.123 for leaf, unit in zip(space.leaves, units, strict=True)]
    assert exactly(space.from_units(moved)) == exactly(sample)


@given(VALUES, VALUES)
def test_identity_is_that_of_json(first: Any, second: Any) -> None:
    same = exactly(through_kubernetes(first)) == exactly(through_kubernetes(second))
    assert (identity(first) == identity(second)) == same
