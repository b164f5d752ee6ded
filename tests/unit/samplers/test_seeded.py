"""Grid, random and sobol: a sample is a function of the seed and the number, whoever asks, when and in which order."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats.qmc import discrepancy

from expsdk.errors import SpaceError, SweepError
from expsdk.samplers import Sampler, TrialOutcome, make_sampler
from expsdk.samplers.derive import derive_seed, derive_unit
from expsdk.space import Space, choice, integer, loguniform, uniform

SEEDS = st.integers(-(2**63), 2**63 - 1)
NUMBERS = st.lists(st.integers(0, 600), min_size=1, max_size=8)
LAWS = settings(max_examples=40, deadline=None)


def made(name: str, space: Space, seed: int) -> Sampler:
    return make_sampler(name, space=space, directions=["minimize"], seed=seed, parallelism=1)


def exactly(sample: Any) -> str:
    """Return a text that tells 1, 1.0 and True apart."""
    return json.dumps(sample)


@pytest.mark.parametrize("name", ["random", "sobol"])
def test_every_sample_lies_in_the_space(name: str, spaces: st.SearchStrategy[Space]) -> None:
    @LAWS
    @given(spaces, SEEDS, NUMBERS)
    def law(space: Space, seed: int, numbers: list[int]) -> None:
        sampler = made(name, space, seed)
        for number in numbers:
            sample = sampler.ask(number)
            assert sample is not None
            space.check(sample)

    law()


@pytest.mark.parametrize("name", ["random", "sobol"])
def test_a_sample_depends_on_seed_and_number_alone(name: str, spaces: st.SearchStrategy[Space]) -> None:
    @LAWS
    @given(spaces, SEEDS, NUMBERS)
    def law(space: Space, seed: int, numbers: list[int]) -> None:
        shared = made(name, space, seed)
        for number in numbers:  # in any order, with gaps and repeats, told or not
            sample = shared.ask(number)
            assert exactly(sample) == exactly(made(name, space, seed).ask(number))
            shared.tell(TrialOutcome(number, sample or {}, "Succeeded", (float(number),)))

    law()


def test_a_grid_has_each_sample_once_and_then_none(finite_spaces: st.SearchStrategy[Space]) -> None:
    @LAWS
    @given(finite_spaces)
    def law(space: Space) -> None:
        sampler = made("grid", space, 0)
        size = space.grid().size
        if size > 2000:
            return
        samples = [sampler.ask(number) for number in range(size)]
        for sample in samples:
            assert sample is not None
            space.check(sample)
        assert len(set(map(exactly, samples))) == size
        assert sampler.ask(size) is None
        assert sampler.ask(2**70) is None
        assert sampler.ask(size - 1) == samples[-1]

    law()


def test_a_grid_beyond_memory_is_indexed() -> None:
    sampler = made("grid", Space.of({name: integer(0, 2**50 - 1) for name in "abc"}), 0)
    assert sampler.ask(2**150 - 1) == {"a": 2**50 - 1, "b": 2**50 - 1, "c": 2**50 - 1}
    assert sampler.ask(2**150) is None


@pytest.mark.parametrize("name", ["random", "sobol"])
def test_the_order_of_parameters_does_not_count(name: str) -> None:
    written = Space.of({"b": uniform(0, 1), "a": integer(0, 99), "c": choice({"y": {"e": [1, 2], "d": [3, 4]}})})
    sorted_by_name = Space.from_declarative(json.loads(json.dumps(written.to_declarative(), sort_keys=True)))
    for number in range(20):
        assert made(name, written, 7).ask(number) == made(name, sorted_by_name, 7).ask(number)


@pytest.mark.parametrize("name", ["random", "sobol"])
def test_other_seeds_give_other_samples(name: str) -> None:
    space = Space.of({"x": uniform(0, 1), "y": uniform(0, 1)})
    samples = {exactly(made(name, space, seed).ask(number)) for seed in range(10) for number in range(10)}
    assert len(samples) == 100


PROGRAM = """
import json, sys
from expsdk.samplers import make_sampler
from expsdk.space import Space
space = Space.from_declarative(json.load(sys.stdin))
told = {"space": space, "directions": ["minimize"], "seed": 7, "parallelism": 1}
samplers = [make_sampler(name, **told) for name in ("random", "sobol")]
print(json.dumps([sampler.ask(number) for sampler in samplers for number in (41, 3, 1000, 0)]))
"""


def test_another_process_proposes_the_same(every_domain: Space) -> None:
    answers = []
    for hash_seed in ("1", "2"):
        document = json.dumps(every_domain.to_declarative())
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM],
            input=document,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        answers.append(json.loads(done.stdout))
    here = [made(name, every_domain, 7).ask(number) for name in ("random", "sobol") for number in (41, 3, 1000, 0)]
    assert answers == [here, here]


def test_samples_stay_what_they_are_from_version_to_version() -> None:
    space = Space.of({"n": integer(0, 999), "c": ["a", "b", "c"], "x": uniform(0, 1, step=0.001)})
    random, sobol = made("random", space, 7), made("sobol", space, 7)
    assert [tuple((random.ask(number) or {}).values()) for number in (0, 1, 1000)] == [
        (568, "c", 0.632),
        (990, "c", 0.141),
        (37, "c", 0.888),
    ]
    assert [tuple((sobol.ask(number) or {}).values()) for number in (0, 1, 1000)] == [
        (944, "a", 0.116),
        (444, "c", 0.617),
        (41, "b", 0.635),
    ]


def test_seeds_are_derived_by_sha_256() -> None:
    assert derive_seed(7, "tpe", 3, bits=32) == int(hashlib.sha256(b"7/tpe/3").hexdigest()[:8], 16)
    assert derive_unit(7, "sobol", 0) == (int(hashlib.sha256(b"7/sobol/0").hexdigest()[:14], 16) >> 3) / 2**53


def test_derived_numbers_are_in_their_range() -> None:
    @given(SEEDS, st.text(), st.integers(1, 256))
    def law(seed: int, label: str, bits: int) -> None:
        assert 0 <= derive_seed(seed, label, bits=bits) < 2**bits
        assert 0.0 <= derive_unit(seed, label) < 1.0

    law()
    assert len({derive_seed(0, "a", number) for number in range(1000)}) == 1000


@pytest.mark.parametrize("name", ["random", "sobol"])
def test_every_part_of_a_domain_is_reached_alike(name: str) -> None:
    space = Space.of({"n": integer(0, 7), "c": choice({"a": {}, "b": {"m": [1, 2]}}), "lr": loguniform(1e-4, 1)})
    sampler = made(name, space, 3)
    samples = [sampler.ask(number) or {} for number in range(2048)]
    numbers = Counter(sample["n"] for sample in samples)
    options = Counter(sample["c"] for sample in samples)
    decades = Counter(f"{sample['lr']:e}"[-3:] for sample in samples)
    assert all(180 < numbers[value] < 340 for value in range(8))
    assert all(900 < options[value] < 1150 for value in "ab")
    assert all(430 < decades[decade] < 600 for decade in ("-04", "-03", "-02", "-01"))
    assert Counter("m" in sample for sample in samples)[True] == options["b"]


@pytest.mark.parametrize("dimensions", [1, 2, 5, 12])
@pytest.mark.parametrize("count", [16, 100, 256])
def test_sobol_fills_the_space_more_evenly_than_random(dimensions: int, count: int) -> None:
    space = Space.of({f"x{index}": uniform(0, 1) for index in range(dimensions)})

    def unevenness(name: str, seed: int) -> float:
        sampler = made(name, space, seed)
        # Wrap-around discrepancy: a shift modulo 1 leaves it as it is.
        return float(discrepancy([list((sampler.ask(number) or {}).values()) for number in range(count)], method="WD"))

    assert all(unevenness("sobol", seed) < unevenness("random", seed) for seed in range(5))


def test_a_space_that_is_too_large_for_the_sampler_is_refused() -> None:
    space = Space.of({f"x{index}": [1, 2] for index in range(21202)})
    with pytest.raises(SweepError) as caught:
        made("sobol", space, 0)
    assert str(caught.value) == (
        "sampler 'sobol' has at most 21201 dimensions, and this space has 21202 parameters to draw;"
        " use sampler='random' or a smaller space"
    )
    with pytest.raises(SpaceError) as refused:
        made("grid", Space.of({"lr": loguniform(0.1, 1), "n": integer(1, 2)}), 0)
    assert str(refused.value) == (
        "parameter lr: a grid needs finitely many values, and this domain has infinitely many;"
        " give uniform a step=, write a choice, or use another sampler"
    )


@pytest.mark.parametrize("name", ["grid", "random", "sobol", "tpe"])
def test_the_empty_space_has_one_sample(name: str) -> None:
    sampler = made(name, Space.of({"epochs": 10}), 0)
    assert sampler.ask(0) == {"epochs": 10}
    assert sampler.ask(1) == (None if name == "grid" else {"epochs": 10})
