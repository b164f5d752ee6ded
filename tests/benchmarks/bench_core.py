"""The coordinator with 10,000 trials, 100 at a time: its core in a simulation, and its driver with real records."""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections import deque
from collections.abc import Callable
from pathlib import Path

from report import Figure, report

from expsdk.samplers import Sampler, TrialOutcome, make_sampler
from expsdk.samplers.given import GivenSampler
from expsdk.space import Space, integer, loguniform
from expsdk.sweep.actions import Action, Launch
from expsdk.sweep.advisers import Advisers
from expsdk.sweep.budget import Budget
from expsdk.sweep.core import Coordinator
from expsdk.sweep.events import Began, Changed, Event
from expsdk.sweep.limits import Limits
from expsdk_runtime.contract import Phase

TRIALS = 10_000
FEW_TRIALS = 1_000
PARALLELISM = 100
ROUNDS = 5
BUDGET_S = 10.0
BUDGET_US = 50.0
BUDGET_RATIO = 1.5
BUDGET_BYTES = 1024.0


class Timed(Coordinator):
    """A coordinator that knows how long it has computed."""

    spent_ns = 0

    def handle(self, event: Event) -> list[Action]:
        began = time.thread_time_ns()
        actions = super().handle(event)
        self.spent_ns += time.thread_time_ns() - began
        return actions


def main() -> int:
    runs: list[tuple[float, ...]] = []
    for _ in range(ROUNDS):  # in turn, so that drift hits all of them
        (few, _), (many, total_s) = simulate(FEW_TRIALS, same_sample), simulate(TRIALS, same_sample)
        runs.append((few, many, total_s, simulate(TRIALS, random_samples)[0]))
    few, many, total_s, drawn = (min(figures) for figures in zip(*runs, strict=True))
    from bookkeeping import drive

    driven_s, driven_bytes = drive(TRIALS, parallelism=PARALLELISM, after=FEW_TRIALS)
    return report(
        f"coordinator (simulated, {PARALLELISM} trials at a time; best of {ROUNDS})",
        [
            Figure(f"{TRIALS} trials of 10 epochs through the driver, records and all", driven_s, "s", BUDGET_S),
            Figure("memory that a finished trial leaves in the driver", driven_bytes, "B", BUDGET_BYTES),
            Figure(f"{TRIALS} trials, with the simulation of their jobs", total_s, "s", BUDGET_S),
            Figure(f"an event, {FEW_TRIALS} trials", few, "us", BUDGET_US),
            Figure(f"an event, {TRIALS} trials", many, "us", BUDGET_US),
            Figure(f"an event, {TRIALS} trials over {FEW_TRIALS}", many / few, "x", BUDGET_RATIO),
            Figure(f"an event, {TRIALS} trials, with samples drawn at random", drawn, "us"),
            Figure("memory that a finished trial leaves behind", left_behind_bytes(), "B", BUDGET_BYTES),
        ],
    )


def same_sample() -> Sampler:
    """Return a sampler that costs nothing."""
    return GivenSampler([{"x": 0.5}] * TRIALS)


def random_samples() -> Sampler:
    space = Space.of({"lr": loguniform(1e-4, 1e-1), "depth": integer(2, 8), "opt": ["sgd", "adam"]})
    return make_sampler("random", space=space, directions=["minimize"], seed=7, parallelism=PARALLELISM)


def limits(trials: int) -> Limits:
    """Return limits of every kind, of which the trials' number is reached."""
    return Limits(
        trials=trials,
        parallelism=PARALLELISM,
        retries=1,
        max_failures=trials,
        timeout_s=1e6,
        trial_timeout_s=3600.0,
        target=-1.0,
        no_improvement_trials=trials,
        budget=Budget("cpu", 1e6),
    )


def simulate(trials: int, make: Callable[[], Sampler]) -> tuple[float, float]:
    """Run trials of many lengths, some of which fail, hang or linger.

    Returns:
        The core's own microseconds per event, and the seconds that all took.
    """
    from simulation import Behaviour, Script, Simulation

    behaviours = [
        Behaviour(runs=60 + 7.3 * (number * 37 % 101), value=float(number), epochs=number % 5) for number in range(97)
    ]
    behaviours += [Behaviour(ends=Phase.FAILED), Behaviour(runs=None, heeds_sigterm=None), Behaviour(leaves=None)]
    script = Script(limits(trials), tuple(behaviours), delays=(0.01, 0.03), echoes=(None, 0.5))
    simulation = Simulation(script, make, make_coordinator=Timed)
    gc.collect()
    gc.disable()  # the simulation keeps all that it saw, and looking through that would count as the core's time
    try:
        began = time.perf_counter()
        simulation.run()
        total_s = time.perf_counter() - began
    finally:
        gc.enable()
    (life,) = simulation.lives
    assert isinstance(life.coordinator, Timed)
    assert life.coordinator.counts[Phase.SUCCEEDED] >= trials * 0.97, life.coordinator.counts
    return life.coordinator.spent_ns / 1000 / simulation.events, total_s


def left_behind_bytes() -> float:
    """Return what the core and its sampler keep of a finished trial while one runs all along.

    Nobody else keeps anything here.
    """
    coordinator = Coordinator(Advisers(random_samples()), limits(TRIALS), directions=["minimize"])
    running = deque[int]()
    sizes = []
    tracemalloc.start()
    try:
        running.extend(launched(coordinator, Began(0.0))[1:])
        for ended in range(TRIALS - PARALLELISM):
            outcome = TrialOutcome(running.popleft(), {}, Phase.SUCCEEDED, (0.5,))
            running.extend(launched(coordinator, Changed(float(ended), outcome, alive=False)))
            if ended in {FEW_TRIALS, TRIALS - PARALLELISM - 1}:
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    return (sizes[1] - sizes[0]) / (TRIALS - PARALLELISM - 1 - FEW_TRIALS)


def launched(coordinator: Coordinator, event: Event) -> list[int]:
    """Return the trials that are launched after an event."""
    return [action.number for action in coordinator.handle(event) if isinstance(action, Launch)]


if __name__ == "__main__":
    sys.path.insert(1, str(Path(__file__).parents[1]))
    sys.exit(main())
