"""Random numbers of a trial: the global generators of the libraries it has loaded, seeded with its own seed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from expsdk_runtime.console import say


def seed_loaded_generators(seed: int) -> None:
    """Seed the global generators of `random`, NumPy and PyTorch, of those that are loaded already.

    A library that will not be seeded (half imported, or another module of its name) fails no trial.
    """
    _seed("random", "seed", seed)
    load_lazy_generators()
    _seed("numpy.random", "seed", seed % 2**32)
    _seed("torch", "manual_seed", seed)


def load_lazy_generators() -> None:
    """Load what loaded libraries load later: NumPy's generators are loaded when they are first used, unseeded."""
    getattr(sys.modules.get("numpy"), "random", None)


def seeded(load: Callable[[], Callable[..., object]], seed: int) -> Callable[..., object]:
    """Return a function that loads another one, seeds what loading it has loaded, and calls it."""

    def function(**parameters: Any) -> object:
        loaded = load()
        seed_loaded_generators(seed)
        return loaded(**parameters)

    return function


def _seed(module: str, attribute: str, seed: int) -> None:
    seeder = getattr(sys.modules.get(module), attribute, None)
    if seeder is not None:
        try:
            seeder(seed)
        except Exception as error:  # whatever a library does: the trial can do without
            say(f"expsdk: {module} was not seeded: {type(error).__name__}")
