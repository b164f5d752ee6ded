"""Spaces to sample from, and the strategy that makes more of them."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import strategies as st

from expsdk.space import Domain, Space, choice, integer, loguniform, normal, uniform

# Torch's threads, which wait for each other in a busy machine, make sampler gp many times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2)
FINITE = st.one_of(
    st.just(uniform(0, 0.3, step=0.1)),
    st.builds(integer, st.integers(-4, 0), st.integers(0, 4)),
    st.just(integer(0, 9, step=3)),
    st.lists(SCALARS, min_size=1, max_size=4, unique_by=repr).map(choice),
    st.just(5),
)
INFINITE = st.sampled_from(
    [
        uniform(-1, 1),
        uniform(-1e300, 1e300),
        loguniform(1e-4, 1e-1),
        loguniform(5e-324, 1e308),
        integer(1, 2**53, log=True),
        normal(3, 0.5),
    ]
)


@st.composite
def mappings(draw: st.DrawFn, *, finite: bool, prefix: str = "p", depth: int = 1) -> dict[str, Any]:
    """What people write: some domains by name, with branches."""
    domains: st.SearchStrategy[Domain | int] = FINITE if finite else FINITE | INFINITE
    mapping: dict[str, Any] = {}
    for index in range(draw(st.integers(0, 3))):
        name = f"{prefix}{index}"
        if depth and draw(st.booleans()):
            options = draw(st.lists(SCALARS, min_size=1, max_size=3, unique_by=(repr, lambda option: option)))
            branch = mappings(finite=finite, prefix=f"{name}_", depth=depth - 1)
            mapping[name] = choice({option: draw(branch) for option in options})
        else:
            mapping[name] = draw(domains)
    return mapping


@pytest.fixture(scope="session")
def spaces() -> st.SearchStrategy[Space]:
    return mappings(finite=False).map(Space.of)


@pytest.fixture(scope="session")
def finite_spaces() -> st.SearchStrategy[Space]:
    return mappings(finite=True).map(Space.of)


@pytest.fixture(scope="session")
def every_domain() -> Space:
    """Every kind of domain, and a choice with branches."""
    return Space.of(
        {
            "lr": loguniform(1e-4, 1e-1),
            "momentum": uniform(0, 1),
            "dropout": uniform(0, 0.9, step=0.1),
            "depth": integer(2, 8, step=2),
            "width": integer(1, 1024, log=True),
            "noise": normal(0, 2),
            "opt": choice({"sgd": {"nesterov": [True, False]}, "adam": {"eps": loguniform(1e-9, 1e-6)}, "lion": {}}),
            "epochs": 10,
        }
    )


@pytest.fixture(autouse=True)
def _torch_for_gp(request: pytest.FixtureRequest) -> None:
    """Skip what concerns sampler gp where what it needs is not there."""
    callspec = getattr(request.node, "callspec", None)
    if callspec is not None and "gp" in callspec.params.values() and find_spec("torch") is None:
        pytest.skip("sampler gp needs torch, which is not installed")
