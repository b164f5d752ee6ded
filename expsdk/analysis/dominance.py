"""Which trials no other is better than, by several objectives at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

Point = tuple[float, ...]


def pareto_front(points: Sequence[Point]) -> list[int]:
    """Return the indices of the points that no other dominates, in their order; smaller values are better.

    A point dominates another that it is nowhere worse than and somewhere better; equal points do not dominate each
    other. A point with NaN is never on the front and dominates none. Two dimensions take n log n steps (Kung, Luccio
    and Preparata, "On finding the maxima of a set of vectors", 1975); more take n times the size of the front.
    """
    valid = [index for index, point in enumerate(points) if not any(map(math.isnan, point))]
    # In this order a point can be dominated only by one that comes before it.
    ordered = sorted(valid, key=lambda index: points[index])
    front = _front_of_two(points, ordered) if points and len(points[0]) == 2 else _front_of_many(points, ordered)
    return sorted(front)


def _front_of_two(points: Sequence[Point], ordered: Sequence[int]) -> list[int]:
    front: list[int] = []
    for index in ordered:
        best = points[front[-1]] if front else None
        if best is None or points[index][1] < best[1] or points[index] == best:
            front.append(index)
    return front


def _front_of_many(points: Sequence[Point], ordered: Sequence[int]) -> list[int]:
    front: list[int] = []
    for index in ordered:
        if not any(_dominates(points[other], points[index]) for other in front):
            front.append(index)
    return front


def _dominates(point: Point, other: Point) -> bool:
    return point != other and all(mine <= theirs for mine, theirs in zip(point, other, strict=True))
