"""Spaces by example: what people write, what they get, and what the names mean."""

import enum
import json
import math
import pickle
import subprocess
import sys
from typing import Any

import pytest

from expsdk.errors import SpaceError
from expsdk.space import Choice, Constant, Integer, Space, Uniform, choice, integer, loguniform, normal, uniform

OPTIMIZERS: dict[str, Any] = {
    "sgd": {"momentum": uniform(0, 1, step=0.5), "schedule": ["none", "cosine"]},
    "adam": {"beta": [0.9, 0.99]},
    "rprop": {},
}
SPACE = Space.of(
    {
        "lr": loguniform(1e-4, 1e-1),
        "depth": integer(2, 8, step=2),
        "opt": choice(OPTIMIZERS),
        "noise": normal(0, 1),
        "width": [32, 64],
        "epochs": 10,
    }
)


def test_the_declarative_form() -> None:
    assert SPACE.to_declarative() == {
        "lr": {"type": "loguniform", "low": 1e-4, "high": 1e-1},
        "depth": {"type": "integer", "low": 2, "high": 8, "step": 2, "log": False},
        "opt": {
            "type": "choice",
            "choices": ["sgd", "adam", "rprop"],
            "branches": [
                {
                    "momentum": {"type": "uniform", "low": 0.0, "high": 1.0, "step": 0.5},
                    "schedule": {"type": "choice", "choices": ["none", "cosine"]},
                },
                {"beta": {"type": "choice", "choices": [0.9, 0.99]}},
                {},
            ],
        },
        "noise": {"type": "normal", "mean": 0.0, "sigma": 1.0},
        "width": {"type": "choice", "choices": [32, 64]},
        "epochs": {"type": "constant", "value": 10},
    }


def test_names_stand_as_written_and_leaves_by_path() -> None:
    names = ("lr", "depth", "opt", "momentum", "schedule", "beta", "noise", "width", "epochs")
    assert SPACE.names == names
    assert SPACE.given == {"lr", "depth", "opt", "noise", "width", "epochs"}
    assert [leaf.path for leaf in SPACE.leaves] == [
        "depth",
        "lr",
        "noise",
        "opt",
        "opt='adam' → beta",
        "opt='sgd' → momentum",
        "opt='sgd' → schedule",
        "width",
    ]


def test_a_branch_exists_only_when_it_is_taken() -> None:
    units = [0.5] * 8
    assert SPACE.from_units([*units[:3], 0.0, *units[4:]]) == {
        "lr": pytest.approx(10**-2.5),
        "depth": 6,
        "opt": "sgd",
        "momentum": 0.5,
        "schedule": "cosine",
        "noise": 0.0,
        "width": 64,
        "epochs": 10,
    }
    assert set(SPACE.from_units([*units[:3], 0.99, *units[4:]])) == SPACE.given


def test_a_name_that_all_branches_give_is_given() -> None:
    nested = {"a": {"x": [1], "y": choice({"u": {"z": 1}, "v": {"z": 2}})}, "b": {"x": [2], "z": [3]}}
    assert Space.of({"kind": choice(nested)}).given == {"kind", "x", "z"}


def test_the_grid_of_a_space_with_branches() -> None:
    grid = Space.of({"opt": choice(OPTIMIZERS), "width": [32, 64]}).grid()
    assert len(grid) == (3 * 2 + 2 + 1) * 2
    assert grid[:3] == [
        {"opt": "sgd", "momentum": 0.0, "schedule": "none", "width": 32},
        {"opt": "sgd", "momentum": 0.0, "schedule": "none", "width": 64},
        {"opt": "sgd", "momentum": 0.0, "schedule": "cosine", "width": 32},
    ]
    assert grid[-1] == {"opt": "rprop", "width": 64}
    with pytest.raises(IndexError, match="18"):
        grid[18]


def test_the_order_in_which_parameters_are_written_is_for_people() -> None:
    written = Space.of({"b": [1, 2], "a": choice({"x": {"d": [1, 2], "c": [1, 2]}})})
    sorted_by_name = Space.of({"a": choice({"x": {"c": [1, 2], "d": [1, 2]}}), "b": [1, 2]})
    assert written == sorted_by_name
    assert list(written.grid()) == list(sorted_by_name.grid())
    assert list(written.grid()[0]) == ["b", "a", "d", "c"]
    assert Space.of({"b": [1, 2]}) != Space.of({"b": [2, 1]})


def test_a_grid_larger_than_memory_is_still_indexed() -> None:
    grid = Space.of({name: integer(1, 2**50) for name in "abc"}).grid()
    assert grid.size == 2**150
    assert grid[2**150 - 1] == {"a": 2**50, "b": 2**50, "c": 2**50}


def test_an_infinite_grid_names_the_parameters() -> None:
    with pytest.raises(SpaceError, match=r"parameter lr, noise: .* infinitely many; give uniform a step="):
        SPACE.grid()


def test_the_empty_space_has_one_sample() -> None:
    space = Space.of({})
    assert space.from_units([]) == {}
    assert list(space.grid()) == [{}]


def test_the_cells_of_a_float_step_are_decimal() -> None:
    assert list(uniform(0, 1, step=0.1).grid() or ()) == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert uniform(0, 1, step=0.1).contains(0.1 + 0.2)
    assert not uniform(0, 1, step=0.1).contains(0.35)


class Level(enum.IntEnum):
    HIGH = 2**52


@pytest.mark.parametrize(
    ("domain", "value", "expected"),
    [
        (uniform(0, 0.3, step=0.1), 3 * 0.1, True),
        (uniform(0.1, 0.3, step=0.1), 0.1 - 1e-12, True),
        (uniform(0, 0.3, step=0.1), 0.3 + 1e-9, False),
        (uniform(0, 0.3, step=0.1), math.inf, False),
        (uniform(0, 0.3, step=0.1), math.nan, False),
        (uniform(0, 1), -(10**400), False),
        (uniform(0, 1), 1, True),
        (uniform(0, 1), "1", False),
        (loguniform(0.1, 1), 0.0, False),
        (loguniform(0.1, 1), math.nextafter(1, 2), False),
        (integer(-(2**53), 2**53), Level.HIGH, True),
        (integer(0, 8, step=2), 3, False),
        (integer(0, 8), 3.0, False),
        (integer(0, 8), True, False),
        (normal(0, 1), 1e300, True),
        (normal(0, 1), 10**400, False),
        (normal(0, 1), math.inf, False),
        (choice([1.0, None]), 1, True),
        (choice([1.0, None]), True, False),
        (choice([1.0, None]), 10**400, False),
        (Constant({"a": [1]}), {"a": [1.0]}, True),
        (Constant({"a": [1]}), {"a": [True]}, False),
    ],
)
def test_a_domain_tells_what_lies_in_it(domain: Any, value: object, expected: bool) -> None:
    assert domain.contains(value) is expected


def test_zero_has_no_sign() -> None:
    space = Space.of({"x": uniform(-0.0, 0), "y": uniform(-1, -0.0, step=0.5)})
    assert [repr(sample) for sample in space.grid()[-1:]] == ["{'x': 0.0, 'y': 0.0}"]
    assert repr(space.restore({"x": -0.0, "y": -1})) == "{'x': 0.0, 'y': -1.0}"


def test_small_integers_are_likelier_with_log() -> None:
    drawn = [integer(1, 1000, log=True).from_unit(unit / 1000) for unit in range(1000)]
    assert 0.6 < sum(value <= 100 for value in drawn) / 1000 < 0.75


def test_equal_bounds_are_one_value() -> None:
    space = Space.of(
        {"a": uniform(0.1, 0.1), "b": loguniform(0.3, 0.3), "c": integer(3, 3), "d": integer(2, 2, log=True)}
    )
    assert space.from_units([0.7] * 4) == {"a": 0.1, "b": 0.3, "c": 3, "d": 2}
    assert len(space.grid()) == 1


def test_restore_gives_json_numbers_their_types_back() -> None:
    space = Space.of({"x": uniform(0, 2), "n": integer(1, 5), "f": [0.5, 1.0], "k": 3.0})
    restored = space.restore({"k": 3, "f": 1, "n": 3.0, "x": 1, "extra": 1})
    assert repr(restored) == "{'x': 1.0, 'n': 3, 'f': 1.0, 'k': 3.0, 'extra': 1}"


def test_true_and_one_are_different_options() -> None:
    space = Space.of({"flag": [1, True, "1"]})
    assert [type(sample["flag"]) for sample in space.grid()] == [int, bool, str]
    assert type(space.restore({"flag": True})["flag"]) is bool
    assert Space.of({"flag": [1]}) != Space.of({"flag": [True]})
    assert Space.of({"flag": [1]}) == Space.of({"flag": [1.0]})


def test_a_space_is_a_value() -> None:
    layers = [[32], [64, 64]]
    space = Space.of({"layers": layers, "fixed": {"a": [1]}})
    layers[0].append(99)
    space.from_units([0.0])["layers"].append(98)
    space.grid()[0]["fixed"]["a"].append(97)
    assert space.from_units([0.0]) == {"layers": [32], "fixed": {"a": [1]}}
    assert pickle.loads(pickle.dumps(SPACE)) == SPACE
    assert hash(SPACE) == hash(Space.from_declarative(SPACE.to_declarative()))
    assert Space.of({"a": [1]}) != Space.of({"b": [1]})


def test_constants_that_are_left_out_are_given() -> None:
    space = Space.of({"opt": choice({"sgd": {"nesterov": True}, "adam": {"eps": 1e-8}}), "epochs": 10})
    assert space.with_constants({"opt": "sgd"}) == {"opt": "sgd", "nesterov": True, "epochs": 10}
    assert space.with_constants({"epochs": 3}) == {"epochs": 3}


def test_plain_types_stand_for_subclasses() -> None:
    numpy = pytest.importorskip("numpy")
    space = Space.of({"lr": choice(list(numpy.logspace(-2, -1, 2))), "n": integer(numpy.int64(1), numpy.int64(3))})
    assert space.to_declarative()["n"]["low"] == 1
    assert [type(sample["lr"]) for sample in space.grid()] == [float] * 6
    json.dumps(space.to_declarative())


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        ({"x": 0.5}, ["parameter opt", "lacks it", "add it"]),
        ({"x": 2.0, "opt": "a"}, ["parameter x", "Uniform(low=0.0, high=1.0", "not 2.0", "choose"]),
        ({"x": True, "opt": "a"}, ["parameter x", "not True"]),
        ({"x": 0.5, "opt": "c"}, ["parameter opt", "not 'c'"]),
        ({"x": 0.5, "opt": "a"}, ["parameter m", "lacks it"]),
        ({"x": 0.5, "opt": "b", "m": 1}, ["parameter m", "only as opt='a' → m", "gives 1", "leave it out"]),
        ({"x": 0.5, "opt": "b", "z": 1}, ["parameter z", "the space has x, opt, m", "leave it out"]),
        ({"x": float("nan"), "opt": "b"}, ["parameter x", "not nan"]),
    ],
)
def test_a_sample_outside_the_space_is_refused(sample: dict[str, Any], words: list[str]) -> None:
    space = Space.of({"x": uniform(0, 1), "opt": choice({"a": {"m": [1, 2]}, "b": {}})})
    with pytest.raises(SpaceError) as caught:
        space.check(sample)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_units_and_leaves_are_as_many() -> None:
    with pytest.raises(ValueError, match="8 leaves, not 1"):
        SPACE.from_units([0.5])


def test_functions_return_the_exported_classes() -> None:
    assert uniform(0, 1) == Uniform(0.0, 1.0, None)
    assert integer(1, 2) == Integer(1, 2, 1, log=False)
    assert choice({"a": {}, "b": {}}) == Choice(("a", "b")) == choice(("a", "b"))
    assert Constant(1) != Constant(True)
    assert Constant(1) == Constant(1.0)


def test_importing_spaces_is_cheap() -> None:
    code = (
        "import sys, expsdk.space;"
        "slow = {'numpy', 'scipy', 'optuna', 'pydantic', 'statistics', 'fractions', 'decimal', 'random', 'json'};"
        "print(sorted(slow & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
