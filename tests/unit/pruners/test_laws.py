"""What holds for every curve: pruners judge as Optuna does when it is asked directly, and a restart changes nothing."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expsdk.pruners import Pruner, Report, make_pruner
from expsdk.samplers import TrialOutcome
from expsdk.samplers.derive import derive_seed
from expsdk_runtime.contract import Phase

EPOCHS = 9
VALUES = st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0, math.inf, -math.inf, math.nan]) | st.floats(0, 5)
CURVES = st.lists(st.lists(VALUES, min_size=EPOCHS, max_size=EPOCHS), max_size=12)
DIRECTIONS = st.sampled_from(["minimize", "maximize"])
NAMED: dict[str, tuple[str, dict[str, Any]]] = {
    "median": ("median", {"n_startup_trials": 2}),
    "percentile": ("percentile", {"percentile": 40.0, "n_startup_trials": 1, "n_warmup_steps": 2, "interval_steps": 2}),
    "asha": ("asha", {}),
    "asha-2": ("asha", {"reduction_factor": 2, "bootstrap_count": 1}),
    "hyperband": ("hyperband", {"reduction_factor": 2}),
    "threshold": ("threshold", {"lower": 0.5, "upper": 3.5}),
    "patience": ("patience", {"patience": 2, "min_delta": 0.5}),
    "patience-asha": ("patience", {"patience": 0, "pruner": "asha"}),
}


def stops(pruner: Pruner, curves: Sequence[Sequence[float]]) -> list[int | None]:
    """Return after how many epochs each trial is to stop, one running after the other."""
    found: list[int | None] = []
    for number, curve in enumerate(curves):
        at = next((epoch for epoch, value in enumerate(curve) if pruner.report(Report(number, {}, epoch, value))), None)
        ended = Phase.SUCCEEDED if at is None else Phase.PRUNED
        pruner.tell(TrialOutcome(number, {}, ended, None if at is not None else (curve[-1],)))
        found.append(at)
    return found


def stops_directly(
    pruner: optuna.pruners.BasePruner,
    curves: Sequence[Sequence[float]],
    *,
    direction: str,
    seed: int,
    first: int,
    judged: int,
) -> list[int | None]:
    """Return the same as Optuna's own loop has it."""
    found: list[int | None] = []

    def objective(trial: optuna.Trial) -> float:
        curve = curves[trial.number]
        for epoch, value in enumerate(curve):
            trial.report(value, epoch + first)
            if epoch < judged and trial.should_prune():
                found.append(epoch)
                raise optuna.TrialPruned
        found.append(None)
        return curve[-1]

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            name = f"expsdk-{derive_seed(seed, 'pruner'):x}"
            ways = optuna.study.StudyDirection[direction.upper()]
            study = optuna.create_study(direction=ways, pruner=pruner, study_name=name)
            study.optimize(objective, n_trials=len(curves))
    finally:
        optuna.logging.set_verbosity(level)
    return found


def make_directly(name: str, options: dict[str, Any]) -> optuna.pruners.BasePruner:
    pruners: dict[str, Callable[..., optuna.pruners.BasePruner]] = {
        "median": optuna.pruners.MedianPruner,
        "percentile": optuna.pruners.PercentilePruner,
        "asha": optuna.pruners.SuccessiveHalvingPruner,
        "hyperband": optuna.pruners.HyperbandPruner,
        "threshold": optuna.pruners.ThresholdPruner,
    }
    if name == "asha":
        options = {"min_resource": 1, "reduction_factor": 3, **options}
    if name == "hyperband":
        options = {"max_resource": EPOCHS, **options}
    if name == "patience":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return optuna.pruners.PatientPruner(None, **options)
    return pruners[name](**options)


# Patience lets rungs pass unjudged, and then ours counts a trial in all that it has reached: a restart asks for that.
@pytest.mark.parametrize("which", sorted(NAMED.keys() - {"patience-asha"}))
def test_by_name_it_judges_as_optuna_does(which: str) -> None:
    name, options = NAMED[which]
    first = 1 if name in ("asha", "hyperband") else 0

    @settings(deadline=None, max_examples=40)
    @given(CURVES, DIRECTIONS, st.integers(0, 3))
    def law(curves: list[list[float]], direction: str, seed: int) -> None:
        pruner = make_pruner(name, direction=direction, seed=seed, epochs=EPOCHS, options=options)
        direct = make_directly(name, options)
        assert stops(pruner, curves) == stops_directly(
            direct, curves, direction=direction, seed=seed, first=first, judged=EPOCHS - 1
        )

    law()


@pytest.mark.parametrize(
    "make",
    [
        optuna.pruners.MedianPruner,
        optuna.pruners.SuccessiveHalvingPruner,
        optuna.pruners.HyperbandPruner,
        lambda: optuna.pruners.ThresholdPruner(upper=3),
        optuna.pruners.NopPruner,
    ],
)
def test_one_of_optunas_judges_as_it_does_there(make: Callable[[], optuna.pruners.BasePruner]) -> None:
    @settings(deadline=None, max_examples=25)
    @given(CURVES, DIRECTIONS)
    def law(curves: list[list[float]], direction: str) -> None:
        own = make()
        expected = stops_directly(make(), curves, direction=direction, seed=7, first=0, judged=EPOCHS)
        for _ in range(2):  # what it learns is its sweep's: the object is as before
            assert stops(make_pruner(own, direction=direction, seed=7), curves) == expected

    law()


@st.composite
def histories(draw: st.DrawFn) -> list[list[tuple[int, float]]]:
    """Trials that report with gaps, from 0 or from 1, and not until the end."""
    first = draw(st.integers(0, 1))
    trials = []
    for _ in range(draw(st.integers(1, 6))):
        epochs = draw(st.sets(st.integers(first, 12), max_size=10))
        trials.append([(epoch, draw(VALUES)) for epoch in sorted(epochs)])
    return trials


@pytest.mark.parametrize("which", NAMED)
def test_a_restart_changes_no_judgement(which: str) -> None:
    name, options = NAMED[which]

    @settings(deadline=None, max_examples=60)
    @given(histories(), DIRECTIONS, st.data())
    def law(trials: list[list[tuple[int, float]]], direction: str, data: st.DataObject) -> None:
        def made() -> Pruner:
            return make_pruner(name, direction=direction, seed=7, epochs=EPOCHS, options=options)

        pruner = made()
        # The epochs of trials that run at a time, as they happen to arrive; an end is None.
        events = [(number, event) for number, trial in enumerate(trials) for event in [*trial, None]]
        order = data.draw(st.permutations([number for number, _ in events]))
        at = data.draw(st.integers(0, len(events)))
        queues = {number: [event for each, event in events if each == number] for number, _ in events}
        phases = data.draw(st.lists(st.sampled_from([*Phase.FINISHED]), min_size=len(trials), max_size=len(trials)))
        heard: dict[int, list[tuple[int, float]]] = {number: [] for number in queues}
        outcomes: dict[int, TrialOutcome] = {}
        copies = [pruner]
        for index, number in enumerate(order):
            if index == at:
                copies.append(restarted(made(), heard, outcomes, data))
            event = queues[number].pop(0)
            if event is not None:
                heard[number].append(event)
                verdicts = [each.report(Report(number, {}, *event)) for each in copies]
                assert len(set(verdicts)) == 1
                continue
            history = heard[number]
            value = (history[-1][1] if history else 1.0,)
            phase = phases[number]
            values = value if phase == Phase.SUCCEEDED else None
            outcomes[number] = TrialOutcome(number, {}, phase, values, history=tuple(history))
            for each in copies:
                each.tell(outcomes[number])

    law()


def restarted(
    pruner: Pruner,
    heard: dict[int, list[tuple[int, float]]],
    outcomes: dict[int, TrialOutcome],
    data: st.DataObject,
) -> Pruner:
    """Bring a pruner to where another one is: it is told what has ended, and what runs reports all its epochs again."""
    for number in sorted(outcomes):
        pruner.tell(outcomes[number])
    running = [number for number in heard if number not in outcomes]
    for number in data.draw(st.permutations(running)):
        for epoch, value in heard[number]:
            pruner.report(Report(number, {}, epoch, value))
    return pruner
