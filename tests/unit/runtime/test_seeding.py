"""A trial's random numbers are a function of its seed, and seeding never fails a trial or imports anything."""

from __future__ import annotations

import random
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from expsdk_runtime.seeding import seed_loaded_generators, seeded


def draw() -> list[float]:
    return [random.random(), float(np.random.rand()), float(np.random.default_rng(np.random.randint(2**31)).random())]


@pytest.mark.parametrize("seed", [0, 7, 2**32 + 7, 2**63 - 1, -1, -(2**63)])
def test_the_same_seed_gives_the_same_numbers(seed: int) -> None:
    seed_loaded_generators(seed)
    first = draw()
    draw()
    seed_loaded_generators(seed)
    assert draw() == first


def test_another_seed_gives_others() -> None:
    drawn = []
    for seed in (1, 2, 3):
        seed_loaded_generators(seed)
        drawn.append(tuple(draw()))
    assert len({number for numbers in drawn for number in numbers}) == 9


def test_pytorch_is_seeded_where_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = types.ModuleType("torch")  # the real one is a gigabyte
    seeds: list[int] = []
    torch.manual_seed = seeds.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    seed_loaded_generators(-5)
    assert seeds == [-5]


def test_a_library_that_will_not_be_seeded_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(seed: int) -> None:
        raise RuntimeError("no")

    torch = types.ModuleType("torch")
    torch.manual_seed = refuse  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "numpy.random", types.ModuleType("numpy.random"))  # half imported
    monkeypatch.setitem(sys.modules, "random", None)  # import of it is forbidden
    seed_loaded_generators(3)
    assert capsys.readouterr().err == "expsdk: torch was not seeded: RuntimeError\n"


def test_nothing_is_imported() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from expsdk_runtime.seeding import seed_loaded_generators\n"
        "before = set(sys.modules); seed_loaded_generators(3)\n"
        "print(set(sys.modules) - before, {'random', 'numpy', 'torch'} & before)"
    )
    runtime = str(Path(sys.modules["expsdk_runtime"].__path__[0]).parent)
    process = subprocess.run([sys.executable, "-S", "-c", code, runtime], capture_output=True, text=True, check=True)
    assert process.stdout == "set() set()\n"


def test_seeding_comes_after_loading_which_draws_numbers_too() -> None:
    def load() -> Callable[..., object]:
        random.seed()  # as a module may that is imported
        random.random()
        return lambda scale: scale * random.random()

    assert seeded(load, 7)(scale=2.0) == seeded(load, 7)(scale=2.0)
    assert seeded(load, 7)(scale=2.0) != seeded(load, 8)(scale=2.0)


def test_a_jobs_random_numbers_are_a_function_of_its_seed(start_job: Callable[..., Any]) -> None:
    script = """
    import random
    import numpy.random
    def train():
        return random.random() + numpy.random.rand()
    """
    objectives = []
    for seed in (7, 7, 8):
        job = start_job(script, seed=seed)
        assert job.end() == 0
        objectives.append(job.statuses[-1]["objectives"]["loss"])
    assert objectives[0] == objectives[1] != objectives[2]
