"""A coordinator's core by itself, and what it may hear of its trials, in a line each."""

from __future__ import annotations

from typing import Any

from expsdk.pruners import Pruner
from expsdk.samplers import Sampler, TrialOutcome
from expsdk.samplers.given import GivenSampler
from expsdk.sweep.actions import Action, Finish, Launch
from expsdk.sweep.advisers import Advisers, Constraints
from expsdk.sweep.core import Coordinator
from expsdk.sweep.events import Changed, Found
from expsdk.sweep.limits import Limits
from expsdk_runtime.contract import Phase
from simulation.witness import PrunerWitness, Witness


def coordinator(
    samples: int = 100,
    *,
    directions: tuple[str, ...] = ("minimize",),
    sampler: Sampler | None = None,
    pruner: Pruner | None = None,
    constraints: Constraints | None = None,
    rate: float = 0.0,
    **limits: Any,
) -> Coordinator:
    witness = Witness(sampler or GivenSampler([{"x": number} for number in range(samples)]))
    advisers = Advisers(witness, pruner=pruner and PrunerWitness(pruner), constraints=constraints)
    return Coordinator(advisers, Limits(**limits), directions=directions, rate=rate)


def launch(number: int, attempt: int = 1) -> Launch:
    return Launch(number, {"x": number}, attempt)


def outcome(number: int, phase: str, *, value: float | None = None, **more: Any) -> TrialOutcome:
    return TrialOutcome(number, {"x": number}, phase, None if value is None else (value,), **more)


def found(
    number: int,
    phase: str,
    *,
    alive: bool,
    attempt: int = 1,
    at: float = 0,
    ran_s: float = 0.0,
    **more: Any,
) -> Found:
    return Found(at, outcome(number, phase, **more), attempt, alive, ran_s)


def said(at: float, number: int, phase: str = Phase.SUCCEEDED, **more: Any) -> Changed:
    return Changed(at, outcome(number, phase, **more), alive=True)


def gone(at: float, number: int, phase: str = Phase.SUCCEEDED, *, ran_s: float = 0.0, **more: Any) -> Changed:
    return Changed(at, outcome(number, phase, **more), alive=False, ran_s=ran_s)


def finish(message: str, phase: str = Phase.SUCCEEDED) -> list[Action]:
    return [Finish(phase, message)]
