"""Why a function does not pack, in words."""

from __future__ import annotations

import functools
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from expsdk.packaging.diagnosis import describe_unpicklable, sizes_of_variables

LOCK = threading.Lock()


def describe(function: Callable[..., object]) -> str:
    return describe_unpicklable(function, TypeError("cannot pickle it"))


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(":memory:")
    yield opened
    opened.close()


class TestPlace:
    """The path to what cannot be pickled."""

    def test_of_a_global(self) -> None:
        def train() -> object:
            return LOCK

        assert ".train.LOCK → _thread.lock cannot be pickled (TypeError: cannot pickle it)" in describe(train)

    def test_of_a_global_that_a_nested_function_alone_uses(self) -> None:
        def train() -> object:
            return [(lambda: LOCK) for _ in range(2)]

        assert ".train.LOCK → _thread.lock" in describe(train)

    def test_of_what_is_nested_in_a_dict_in_a_closure(self, connection: sqlite3.Connection) -> None:
        settings = {"loaders": [1, {"store": (0, connection)}]}

        def train() -> object:
            return settings

        assert ".train.settings['loaders'][1]['store'][1] → sqlite3.Connection" in describe(train)

    def test_of_an_attribute_of_an_object(self) -> None:
        class Loader:
            def __init__(self) -> None:
                self.socket = socket.socket()

        loader = Loader()

        def train() -> object:
            return loader

        try:
            assert ".train.loader.socket → socket.socket" in describe(train)
        finally:
            loader.socket.close()

    def test_of_what_a_method_of_a_class_uses(self) -> None:
        class Model:
            def __init__(self) -> None:
                self.lock = LOCK

        def train() -> object:
            return Model()

        assert ".train.Model.__init__.LOCK → _thread.lock" in describe(train)

    @pytest.mark.parametrize(
        ("make", "place"),
        [
            (lambda lock: functools.partial(print, lock), "held.args[0]"),
            (lambda lock: {lock}, "held{…}"),
            (lambda lock: frozenset([lock]), "held{…}"),
            (lambda lock: (each for each in [lock]), "held → builtins.generator"),
        ],
    )
    def test_in_other_containers(self, make: Callable[[Any], object], place: str) -> None:
        held = make(LOCK)

        def train() -> object:
            return held

        assert f".train.{place}" in describe(train)

    def test_of_a_default(self) -> None:
        def train(*, lock: object = LOCK) -> object:
            return lock

        assert ".train.lock → _thread.lock" in describe(train)

    def test_of_an_attribute_of_the_function(self) -> None:
        def train() -> object:
            return 1

        train.cache = {"lock": LOCK}  # type: ignore[attr-defined]
        assert ".train.cache['lock'] → _thread.lock" in describe(train)

    def test_of_what_a_decorator_keeps(self) -> None:
        def locked(function: Callable[[], object]) -> Callable[[], object]:
            @functools.wraps(function)
            def wrapper() -> object:
                with LOCK:
                    return function()

            return wrapper

        @locked
        def train() -> object:
            return 1

        assert "LOCK → _thread.lock" in describe(train)

    def test_is_the_function_itself_where_nothing_in_it_is_to_blame(self) -> None:
        assert "train → builtins.function cannot be pickled" in describe(lambda: 1).replace("<lambda>", "train")

    def test_ends_in_circles_and_depths(self) -> None:
        circle: dict[str, Any] = {"lock": LOCK}
        circle = {"lock": LOCK, "again": circle}
        circle["self"] = circle
        deep: list[Any] = [LOCK]
        for _ in range(30):
            deep = [deep]

        def train() -> object:
            return deep, circle

        assert "cannot be pickled" in describe(train)


def test_variables_weigh_what_their_pickles_weigh() -> None:
    large, small = bytes(100_000), "x"

    def train(default: bytes = bytes(5000)) -> object:
        return large, small, (lambda: LOCK_NAME)

    sizes = {name.rpartition(".")[2]: size for name, size in sizes_of_variables(train)}
    assert 100_000 < sizes["large"] < 100_100
    assert 5000 < sizes["default"] < 5100
    assert sizes["small"] < 50
    assert set(sizes) == {"large", "small", "default", "LOCK_NAME"}


LOCK_NAME = "lock"
