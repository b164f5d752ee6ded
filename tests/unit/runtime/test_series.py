"""Series against a model that remembers everything: what it says exactly, and what it promises when it cannot."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expsdk_runtime.contract import decode_number
from expsdk_runtime.series import CAPACITY, Series

DIRECTIONS = st.sampled_from(["minimize", "maximize"])
VALUES = st.floats() | st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1.0, 2.0])
FEW_EPOCHS = st.integers(0, CAPACITY - 3)
POINTS_THAT_FIT = st.lists(st.tuples(FEW_EPOCHS, VALUES), min_size=1, max_size=300)


@st.composite
def long_runs(draw: st.DrawFn) -> list[tuple[int, float]]:
    """Epochs in order, far more than a series keeps, some of them logged several times in a row."""
    count, first, step = draw(st.integers(1, 900)), draw(st.integers(0, 5)), draw(st.integers(1, 3))
    noise = random.Random(draw(st.integers(0, 2**32)))
    points: list[tuple[int, float]] = []
    for position in range(count):
        epoch, times = first + position * step, noise.choice([1, 1, 1, 2, 5])
        points += [(epoch, noise.choice([noise.gauss(0, 1), noise.gauss(0, 1), math.nan])) for _ in range(times)]
    return points


@st.composite
def disorder(draw: st.DrawFn) -> list[tuple[int, float]]:
    """Epochs in any order and again, as many as a series keeps and more."""
    noise, highest = random.Random(draw(st.integers(0, 2**32))), draw(st.integers(1, 500))
    values = [math.nan, math.inf, -math.inf, *(noise.gauss(0, 1) for _ in range(20))]
    return [(noise.randint(0, highest), noise.choice(values)) for _ in range(draw(st.integers(1, 600)))]


def filled(direction: str, points: list[tuple[int, float]]) -> Series:
    series = Series(direction)
    for epoch, value in points:
        series.add(epoch, value)
    return series


def same(left: float, right: float) -> bool:
    return left == right or (math.isnan(left) and math.isnan(right))


def history(series: Series, limit: int = CAPACITY) -> dict[int, float]:
    record = series.history(limit)
    epochs, values = record["points"]
    return dict(zip(epochs, map(decode_number, values), strict=True))


def check_summary(series: Series, model: dict[int, float]) -> None:
    numbers = [value for value in model.values() if not math.isnan(value)]
    low, high = min(numbers, default=math.nan), max(numbers, default=math.nan)
    best = low if series.direction == "minimize" else high
    assert same(series.min, low)
    assert same(series.max, high)
    assert same(series.best, best)
    assert series.best_epoch == min((epoch for epoch, value in model.items() if value == best), default=-1)
    assert series.last_epoch == max(model)
    assert same(series.last, model[max(model)])


@settings(max_examples=60)
@given(DIRECTIONS, POINTS_THAT_FIT)
def test_while_its_points_fit_a_series_is_a_dict_of_the_last_values(
    direction: str, points: list[tuple[int, float]]
) -> None:
    series, model = filled(direction, points), dict(points)
    check_summary(series, model)
    kept = history(series)
    assert list(kept) == sorted(model)
    assert all(same(kept[epoch], model[epoch]) for epoch in model)
    assert series.history(CAPACITY)["stride"] == 1


@settings(max_examples=40)
@given(DIRECTIONS, long_runs())
def test_however_many_epochs_come_in_order_the_summary_is_exact(
    direction: str, points: list[tuple[int, float]]
) -> None:
    check_summary(filled(direction, points), dict(points))


@settings(max_examples=40)
@given(DIRECTIONS, long_runs(), st.integers(3, CAPACITY))
def test_a_history_has_the_first_point_the_last_and_the_best_and_its_stride_between(
    direction: str, points: list[tuple[int, float]], limit: int
) -> None:
    series, model = filled(direction, points), dict(points)
    epochs = sorted(model)
    kept = history(series, limit)
    assert len(kept) <= limit
    assert {epochs[0], epochs[-1]} <= set(kept)
    assert series.best_epoch in kept or all(math.isnan(value) for value in model.values())
    assert all(same(kept[epoch], model[epoch]) for epoch in kept)
    stride = series.history(limit)["stride"]
    on_the_stride = set(epochs[::stride])
    assert set(kept) - on_the_stride <= {series.best_epoch, epochs[-1]}
    assert on_the_stride - set(kept) == set()
    assert stride == 1 or len(kept) >= limit // 4


@given(DIRECTIONS, disorder(), st.integers(3, CAPACITY))
def test_in_any_order_a_history_is_bounded_sorted_and_true(
    direction: str, points: list[tuple[int, float]], limit: int
) -> None:
    series, model = filled(direction, points), dict(points)
    kept = history(series, limit)
    assert len(kept) <= limit
    assert list(kept) == sorted(kept)
    assert kept.keys() >= {min(model), max(model)}
    assert all(same(kept[epoch], model[epoch]) for epoch in kept)
    assert series.last_epoch == max(model)
    assert same(series.last, model[max(model)])
    numbers = [value for value in kept.values() if not math.isnan(value)]
    assert same(series.best, (min if direction == "minimize" else max)(numbers, default=math.nan))


def test_backwards_the_first_epoch_stays_in_the_history() -> None:
    series = filled("minimize", [(epoch, float(epoch)) for epoch in range(999, -1, -1)])
    kept = history(series)
    assert min(kept) == 0
    assert max(kept) == 999
    assert (series.min, series.max, series.best_epoch) == (0.0, 999.0, 0)


def test_a_value_logged_every_batch_replaces_the_epochs_former_one_exactly() -> None:
    series = Series()
    for epoch in range(1000):
        for batch in range(5):
            series.add(epoch, 1e6 if batch < 4 else 1000.0 - epoch)
    assert series.summary() == {"last": 1.0, "min": 1.0, "max": 1000.0, "best": 1.0, "epoch": 999}
    assert series.history(CAPACITY)["stride"] == 8


def test_the_best_survives_that_its_neighbours_are_replaced_after_it_was_dropped_from_the_inner_points() -> None:
    series = filled("minimize", [(epoch, -5.0 if epoch == 51 else float(epoch)) for epoch in range(400)])
    series.add(396, 1000.0)
    series.add(396, 2.0)
    assert (series.best, series.best_epoch) == (-5.0, 51)
    assert history(series)[51] == -5.0


def test_the_best_can_be_taken_back() -> None:
    series = filled("maximize", [(0, 0.1), (1, 0.9), (2, 0.2)])
    series.add(1, 0.15)
    assert (series.best, series.best_epoch, series.max, series.min) == (0.2, 2, 0.2, 0.1)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_without_a_number_nothing_is_best(direction: str) -> None:
    series = filled(direction, [(0, math.nan), (1, math.nan)])
    assert series.best_epoch == -1
    assert series.summary() == {"last": "NaN", "min": "NaN", "max": "NaN", "best": "NaN", "epoch": 1}
    assert series.history(CAPACITY) == {"stride": 1, "points": [[0, 1], ["NaN", "NaN"]]}


def test_memory_does_not_grow_with_the_epochs() -> None:
    series = filled("minimize", [(epoch, float(epoch)) for epoch in range(20_000)])
    assert len(series) <= CAPACITY


@given(long_runs(), DIRECTIONS)
def test_a_series_restored_from_what_it_said_says_the_same(points: list[tuple[int, float]], direction: str) -> None:
    series, restored = Series(direction), Series(direction)
    for epoch, value in points:
        series.add(epoch, value)
    said = series.summary()
    restored.restore(series.history(CAPACITY), said)
    assert restored.summary() == said
    assert restored.best_epoch == series.best_epoch
    assert len(restored) <= CAPACITY
    restored.add(series.last_epoch + 1, 0.0)
    assert restored.history(CAPACITY)["stride"] >= series.history(CAPACITY)["stride"]
