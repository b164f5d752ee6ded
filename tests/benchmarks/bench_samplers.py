"""Samplers against Optuna driven directly, on test functions with the same budget: the median best over many seeds.

One trial at a time, and eight: there a sampler is asked for eight trials, and whenever one ends, in an order that is
drawn, it is told and asked for the next. Optuna's own loop runs one at a time; for eight its ask and tell are driven
alike. `SEEDS=5 python tests/benchmarks samplers` takes fewer seeds.
"""

from __future__ import annotations

import logging
import math
import os
import random
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import optuna
from report import Figure, report

from expsdk.samplers import TrialOutcome, arrange, make_sampler
from expsdk.space import Space, choice, uniform
from expsdk_runtime.contract import Phase

Point = dict[str, Any]
SEEDS = int(os.environ.get("SEEDS", "20"))
GP_SEEDS = min(SEEDS, 5)  # it takes twenty times as long, on one thread (OMP_NUM_THREADS=1), and more on several
BUDGET = 60
PARALLELISM = 8
BUDGET_RATIO = 1.25  # the mean of ratios is so far from 1 by chance
PEERS: dict[str, Callable[[int], Any]] = {
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "cmaes": lambda seed: optuna.samplers.CmaEsSampler(seed=seed),
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed),
    "nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed, population_size=20),
}
OPTIONS = {"nsga2": {"population_size": 20}}


@dataclass(frozen=True)
class Problem:
    """A function to minimise.

    Attributes:
        name: What it is called.
        mapping: Its domains by name, uniform ones or a choice of branches.
        judge: Returns the values of a point.
        regret: Returns how far the values of all trials are from the best possible: 0 could not be better.
        samplers: Which are tried on it.
    """

    name: str
    mapping: dict[str, Any]
    judge: Callable[[Point], Sequence[float]]
    regret: Callable[[Sequence[Sequence[float]]], float]
    samplers: Sequence[str]


def cube(dimensions: int, low: float, high: float) -> dict[str, Any]:
    return {f"x{index}": uniform(low, high) for index in range(dimensions)}


def lowest(best: float) -> Callable[[Sequence[Sequence[float]]], float]:
    return lambda values: min(value[0] for value in values) - best


def branin(point: Point) -> list[float]:
    x, y = point["x0"] * 15 - 5, point["x1"] * 15
    curve = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return [curve**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10]


HARTMANN_A = [
    [10, 3, 17, 3.5, 1.7, 8],
    [0.05, 10, 17, 0.1, 8, 14],
    [3, 3.5, 1.7, 10, 17, 8],
    [17, 8, 0.05, 10, 0.1, 14],
]
HARTMANN_P = [
    [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
    [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
    [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
    [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
]


def hartmann(point: Point) -> list[float]:
    x = [point[f"x{index}"] for index in range(6)]
    total = 0.0
    for weight, scales, centre in zip((1.0, 1.2, 3.0, 3.2), HARTMANN_A, HARTMANN_P, strict=True):
        total -= weight * math.exp(-sum(a * (xi - p) ** 2 for a, xi, p in zip(scales, x, centre, strict=True)))
    return [total]


def rosenbrock(point: Point) -> list[float]:
    x = [point[f"x{index}"] for index in range(4)]
    return [sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))]


def branches(point: Point) -> list[float]:
    """Only the branch "b" leads to the lowest value."""
    if point["kind"] == "a":
        return [0.3 + (point["u"] - 0.2) ** 2 + 0.1 * point["x"]]
    return [(point["v"] - 0.7) ** 2 + (point["w"] - 0.4) ** 2 + 0.1 * point["x"]]


def zdt1(point: Point) -> list[float]:
    first, *rest = (point[f"x{index}"] for index in range(6))
    g = 1 + 9 * sum(rest) / len(rest)
    return [first, g * (1 - math.sqrt(first / g))]


def missing_hypervolume(values: Sequence[Sequence[float]]) -> float:
    """Return how much less than the best front's 2/3 + 120 the values dominate up to (11, 11)."""
    area, height = 0.0, 11.0
    for first, second in sorted(map(tuple, values)):
        if second < height and first < 11:
            area += (11 - first) * (height - second)
            height = second
    return 120 + 2 / 3 - area


SINGLE = ("tpe", "cmaes")
PROBLEMS = [
    Problem("sphere, 4 dimensions", cube(4, -5, 5), lambda p: [sum(x * x for x in p.values())], lowest(0.0), SINGLE),
    Problem("Branin", cube(2, 0, 1), branin, lowest(0.397887), (*SINGLE, "gp")),
    Problem("Hartmann-6", cube(6, 0, 1), hartmann, lowest(-3.32237), SINGLE),
    Problem("Rosenbrock, 4 dimensions", cube(4, -2, 2), rosenbrock, lowest(0.0), SINGLE),
    Problem(
        "branches",
        {
            "x": uniform(0, 1),
            "kind": choice({"a": {"u": uniform(0, 1)}, "b": {"v": uniform(0, 1), "w": uniform(0, 1)}}),
        },
        branches,
        lowest(0.0),
        SINGLE,
    ),
    Problem("ZDT1, 6 dimensions", cube(6, 0, 1), zdt1, missing_hypervolume, ("tpe", "nsga2")),
]


def ours(problem: Problem, name: str, seed: int, parallelism: int) -> float:
    space = Space.of(problem.mapping)
    objectives = 2 if problem.regret is missing_hypervolume else 1
    plain = make_sampler(
        name,
        space=space,
        directions=["minimize"] * objectives,
        seed=seed,
        parallelism=parallelism,
        options=OPTIONS.get(name),
    )
    sampler = arrange(plain, space=space, seed=seed)

    def ask(number: int) -> tuple[Any, Point]:
        sample = sampler.ask(number)
        assert isinstance(sample, dict)
        return number, sample

    def tell(number: int, sample: Point, values: Sequence[float]) -> None:
        sampler.tell(TrialOutcome(number, sample, Phase.SUCCEEDED, tuple(values)))

    return drive(problem, ask, tell, seed, parallelism)


def directly(problem: Problem, name: str, seed: int, parallelism: int) -> float:
    objectives = 2 if problem.regret is missing_hypervolume else 1
    study = optuna.create_study(directions=["minimize"] * objectives, sampler=PEERS[name](seed))
    if parallelism == 1:
        study.optimize(lambda trial: problem.judge(suggest(trial, problem.mapping)), n_trials=BUDGET)
        return problem.regret([trial.values for trial in study.trials])

    def ask(number: int) -> tuple[Any, Point]:
        trial = study.ask()
        return trial, suggest(trial, problem.mapping)

    def tell(trial: optuna.Trial, sample: Point, values: Sequence[float]) -> None:
        study.tell(trial, list(values))

    return drive(problem, ask, tell, seed, parallelism)


def suggest(trial: optuna.Trial, mapping: dict[str, Any]) -> Point:
    """Return a point as a user of Optuna asks for it."""
    point: Point = {}
    for name, domain in mapping.items():
        if hasattr(domain, "low"):
            point[name] = trial.suggest_float(name, domain.low, domain.high)
        else:
            point[name] = trial.suggest_categorical(name, domain.choices)
            branch = domain.branches[domain.choices.index(point[name])]
            point.update(suggest(trial, {parameter.name: parameter.domain for parameter in branch}))
    return point


def drive(
    problem: Problem,
    ask: Callable[[int], tuple[Any, Point]],
    tell: Callable[[Any, Point, Sequence[float]], None],
    seed: int,
    parallelism: int,
) -> float:
    """Run the trials and return how far the best is from the best possible."""
    order, told = random.Random(seed), []
    running = [ask(number) for number in range(parallelism)]
    for number in range(parallelism, BUDGET + parallelism):
        trial, sample = running.pop(order.randrange(len(running)))
        told.append(problem.judge(sample))
        tell(trial, sample, told[-1])
        if number < BUDGET:
            running.append(ask(number))
    return problem.regret(told)


def main() -> int:
    logging.getLogger("optuna").setLevel(logging.ERROR)
    has_torch = find_spec("torch") is not None
    ratios: dict[tuple[str, int], list[float]] = {}
    began = time.perf_counter()
    print(f"\n{'regret after ' + str(BUDGET) + ' trials':<42} {'ours':>9} {'Optuna':>9} {'ratio':>7}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for problem in PROBLEMS:
            for name in problem.samplers:
                for parallelism in (1, PARALLELISM) if name != "gp" or has_torch else ():
                    seeds = range(GP_SEEDS if name == "gp" else SEEDS)
                    mine, peer = (
                        statistics.median(run(problem, name, seed, parallelism) for seed in seeds)
                        for run in (ours, directly)
                    )
                    label = f"{problem.name}, {name}, {parallelism} at a time"
                    print(f"{label:<42} {mine:>9.3g} {peer:>9.3g} {mine / peer:>6.2f}x", flush=True)
                    ratios.setdefault((name, parallelism), []).append(mine / peer)
    if not has_torch:
        print("gp is left out: it needs torch, which is not installed")
    return report(
        f"samplers: median regret of {SEEDS} seeds over Optuna's ({time.perf_counter() - began:.0f} s)",
        [
            Figure(f"{name}, {parallelism} at a time, mean ratio", statistics.geometric_mean(found), "x", BUDGET_RATIO)
            for (name, parallelism), found in sorted(ratios.items())
            if name != "gp"  # so few seeds say too little
        ],
    )


if __name__ == "__main__":
    sys.path.insert(1, str(Path(__file__).parents[1]))
    sys.exit(main())
