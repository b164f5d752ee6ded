"""The laws of a Pareto front."""

from __future__ import annotations

from math import inf, isnan, nan

from hypothesis import given
from hypothesis import strategies as st

from expsdk.analysis.dominance import Point, pareto_front

VALUES = st.integers(0, 4).map(float) | st.sampled_from([nan, inf, -inf])
POINTS = st.integers(1, 4).flatmap(
    lambda dimensions: st.lists(st.lists(VALUES, min_size=dimensions, max_size=dimensions).map(tuple), max_size=14)
)


def dominates(point: Point, other: Point) -> bool:
    pairs = list(zip(point, other, strict=True))
    return all(mine <= theirs for mine, theirs in pairs) and any(mine < theirs for mine, theirs in pairs)


def valid(points: list[Point]) -> list[int]:
    return [index for index, point in enumerate(points) if not any(map(isnan, point))]


@given(POINTS)
def test_the_front_is_what_nothing_dominates(points: list[Point]) -> None:
    indices = valid(points)
    expected = [i for i in indices if not any(dominates(points[j], points[i]) for j in indices)]
    assert pareto_front(points) == expected


@given(POINTS)
def test_whatever_is_not_on_it_is_dominated_by_something_on_it(points: list[Point]) -> None:
    front = pareto_front(points)
    assert bool(front) == bool(valid(points))
    for index in set(valid(points)) - set(front):
        assert any(dominates(points[best], points[index]) for best in front)


@given(POINTS)
def test_the_order_does_not_count_and_the_front_of_the_front_is_itself(points: list[Point]) -> None:
    front = [points[index] for index in pareto_front(points)]
    shuffled = points[::-1]
    assert sorted(front) == sorted(shuffled[index] for index in pareto_front(shuffled))
    assert pareto_front(front) == list(range(len(front)))
