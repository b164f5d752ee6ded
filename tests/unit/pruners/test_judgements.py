"""Each pruner on trials by hand, whose right answer follows from its definition."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

import pytest

from expsdk.pruners import Report, make_pruner
from expsdk.samplers import TrialOutcome
from expsdk_runtime.contract import Phase

MakeBench = Callable[..., Any]


class TestMedianAndPercentile:
    """Worse than so many of those that have ended."""

    @pytest.mark.parametrize(
        ("name", "options", "kept", "stopped"),
        [
            ("median", {}, 3.0, 3.1),
            ("percentile", {"percentile": 50.0}, 3.0, 3.1),
            ("percentile", {}, 2.0, 2.1),
            ("percentile", {"percentile": 75}, 4.0, 4.1),
        ],
    )
    def test_the_share_that_is_kept(
        self, bench: MakeBench, name: str, options: dict[str, Any], kept: float, stopped: float
    ) -> None:
        trials = bench(name, options=options)
        for value in (5, 1, 4, 2, 3):
            assert trials.run([value, value]) is None
        assert trials.run([kept, kept]) is None
        trials = bench(name, options=options)
        for value in (5, 1, 4, 2, 3):
            trials.run([value, value])
        assert trials.run([stopped, stopped]) == 1

    def test_directions(self, bench: MakeBench) -> None:
        trials = bench("median", direction="maximize")
        for value in (5, 1, 4, 2, 3):
            assert trials.run([value]) is None
        assert trials.run([2.9]) == 1
        assert trials.run([3.1]) is None

    def test_as_many_trials_end_before_any_is_stopped(self, bench: MakeBench) -> None:
        trials = bench("median", options={"n_startup_trials": 2})
        assert [trials.run([value]) for value in (1.0, 9.0, 9.5)] == [None, None, 1]

    @pytest.mark.parametrize("first", [0, 1])
    def test_epochs_that_are_not_judged(self, bench: MakeBench, first: int) -> None:
        trials = bench("median", options={"n_startup_trials": 1, "n_warmup_steps": 4, "interval_steps": 3})
        trials.run([1.0] * 12, first=first)
        assert trials.run([2.0] * 12, first=first) == 5
        assert trials.run([0.5] * 5 + [2.0] * 7, first=first) is None  # the best value of a trial counts
        assert trials.run([math.nan] * 12, first=first) == 5

    def test_its_best_value_so_far_counts(self, bench: MakeBench) -> None:
        trials = bench("median", options={"n_startup_trials": 1})
        trials.run([1.0, 0.9, 0.8, 0.7])
        assert trials.run([0.8, 5.0, 5.0, 5.0]) == 4


class TestSuccessiveHalving:
    """Judged after 1, 3, 9 epochs, however epochs are counted."""

    @pytest.mark.parametrize("first", [0, 1])
    @pytest.mark.parametrize("spent", [1, 3, 9])
    def test_it_judges_after_so_many_epochs(self, bench: MakeBench, first: int, spent: int) -> None:
        trials = bench("asha", epochs=27)
        assert trials.run([1.0] * 27, first=first) is None
        better = [0.5] * (spent - 1)
        assert trials.run([*better, *[2.0] * (27 - len(better))], first=first) == spent

    @pytest.mark.parametrize("first", [0, 1])
    def test_nowhere_else(self, bench: MakeBench, first: int) -> None:
        trials = bench("asha", epochs=27)
        trials.run([1.0] * 27, first=first)
        values = [0.5 if spent in (1, 3, 9) else 2.0 for spent in range(1, 28)]
        assert trials.run(values, first=first) is None

    @pytest.mark.parametrize("epochs", [None, 27])
    def test_a_trial_that_has_done_all_its_epochs_is_let_end(self, bench: MakeBench, epochs: int | None) -> None:
        trials = bench("asha", epochs=epochs)
        trials.run([1.0] * 27)
        assert trials.run([0.5] * 26 + [2.0]) == (27 if epochs is None else None)

    def test_the_best_third_goes_on(self, bench: MakeBench) -> None:
        trials = bench("asha", epochs=3)
        values = (5, 6, 4, 3, 4.5, 2, 3.5, 1, 2.5)
        # Of so many that have come to the rung the best third goes on, and the best one where they are less than three.
        expected = [
            None if value <= sorted(values[: index + 1])[max(0, (index + 1) // 3 - 1)] else 1
            for index, value in enumerate(values)
        ]
        assert [trials.run([value, value]) for value in values] == expected
        assert expected.count(None) == 6

    def test_other_rungs(self, bench: MakeBench) -> None:
        options = {"min_resource": 2, "reduction_factor": 2, "min_early_stopping_rate": 1}
        trials = bench("asha", epochs=32, options=options)
        trials.run([1.0] * 32)
        assert trials.run([2.0] * 32) == 4
        assert trials.run([0.5] * 7 + [2.0] * 25) == 8

    def test_nan_is_worse_than_any_number_and_sets_no_mark(self, bench: MakeBench) -> None:
        trials = bench("asha", epochs=9)
        assert trials.run([math.nan] * 9) == 1
        assert trials.run([math.inf] * 9) is None
        assert trials.run([5.0] * 9) is None

    def test_directions(self, bench: MakeBench) -> None:
        trials = bench("asha", epochs=9, direction="maximize")
        assert [trials.run([value] * 9) for value in (1.0, 2.0, 0.5)] == [None, None, 1]

    def test_epochs_with_gaps_are_judged_at_the_next_one(self, bench: MakeBench) -> None:
        trials = bench("asha", epochs=50)
        trials.run([1.0] * 10, first=5, every=5)
        assert trials.run([0.5, 2.0, 2.0], first=5, every=5) == 2  # 5 epochs pass the rungs 1 and 3, 10 the rung 9
        assert trials.run([2.0] * 10, first=5, every=5) == 1

    def test_trials_that_run_count_at_the_rungs_that_they_have_reached(self) -> None:
        pruner = make_pruner("asha", direction="minimize", seed=7, epochs=27)
        assert not pruner.report(Report(0, {}, 0, 1.0))
        assert pruner.report(Report(1, {}, 0, 2.0))
        assert not pruner.report(Report(2, {}, 0, 0.5))


class TestHyperband:
    """Several halvings, which begin later and later."""

    @staticmethod
    def stops(bench: MakeBench, seed: int, **rest: Any) -> list[int | None]:
        trials = bench("hyperband", seed=seed, **rest)
        return [trials.run([float(number)] * 9) for number in range(40)]  # each is worse than all before it

    @pytest.mark.parametrize("rest", [{"epochs": 9}, {"options": {"max_resource": 9}}], ids=str)
    def test_a_trial_meets_the_rungs_of_its_bracket(self, bench: MakeBench, rest: dict[str, Any]) -> None:
        stops = self.stops(bench, 7, **rest)
        ends = {1, 3, None} if "epochs" in rest else {1, 3, 9, None}
        assert set(stops) == ends
        assert stops.count(1) > stops.count(3) > 3

    def test_brackets_come_from_the_seed(self, bench: MakeBench) -> None:
        assert self.stops(bench, 7, epochs=9) == self.stops(bench, 7, epochs=9)
        assert self.stops(bench, 7, epochs=9) != self.stops(bench, 8, epochs=9)

    def test_without_a_number_of_epochs_it_learns_it_from_the_first_trial(self, bench: MakeBench) -> None:
        assert self.stops(bench, 7)[0] is None
        assert 1 in self.stops(bench, 7)


class TestThreshold:
    """Out of bounds, or no number."""

    @pytest.mark.parametrize(
        ("options", "values", "stop"),
        [
            ({"upper": 1}, [0.0, 1.0, 1.1], 3),
            ({"lower": 0.5}, [0.5, 0.4], 2),
            ({"lower": 0, "upper": 1}, [0.5, math.nan], 2),
            ({"upper": 1, "n_warmup_steps": 2}, [5.0, 5.0, 0.0, 5.0], 4),
            ({"upper": 1, "n_warmup_steps": 1, "interval_steps": 3}, [5.0, 0.0, 5.0, 5.0, 5.0], 5),
            ({"upper": 1}, [-math.inf, 1.0], None),
        ],
    )
    @pytest.mark.parametrize("first", [0, 1])
    def test_bounds(
        self, bench: MakeBench, options: dict[str, Any], values: list[float], stop: int | None, first: int
    ) -> None:
        assert bench("threshold", options=options).run(values, first=first) == stop


class TestPatience:
    """No better for so long."""

    @pytest.mark.parametrize(
        ("direction", "options", "values", "stop"),
        [
            ("minimize", {"patience": 2}, [1.0, 0.9, 0.95, 0.95, 0.95, 0.95], 5),
            ("minimize", {"patience": 2}, [1.0, 0.9, 0.95, 0.95, 0.8, 0.95, 0.95, 0.95], 8),
            ("maximize", {"patience": 1}, [1.0, 2.0, 1.5, 1.5], 4),
            ("minimize", {"patience": 1, "min_delta": 0.1}, [1.0, 1.05, 1.05, 1.2, 1.2], 5),
            ("minimize", {"patience": 0}, [1.0, 1.1], 2),
            ("minimize", {"patience": 1}, [math.nan] * 6, None),
        ],
    )
    @pytest.mark.parametrize("first", [0, 1])
    def test_it_waits(
        self,
        bench: MakeBench,
        direction: str,
        options: dict[str, Any],
        values: list[float],
        stop: int | None,
        first: int,
    ) -> None:
        assert bench("patience", direction=direction, options=options).run(values, first=first) == stop

    @pytest.mark.parametrize("inner", ["median", {"name": "median", "n_startup_trials": 1}], ids=str)
    def test_another_pruner_has_a_say(self, bench: MakeBench, inner: Any) -> None:
        worse = [1.0, *[2.0] * 8]
        assert bench("patience", options={"patience": 1}).run(worse) == 3
        trials = bench("patience", options={"patience": 1, "pruner": inner})
        assert trials.run(worse) is None
        for _ in range(5):
            trials.run([0.5] * 9)
        assert trials.run(worse) == 3

    def test_an_inner_pruner_counts_rungs_as_it_would_alone(self, bench: MakeBench) -> None:
        trials = bench("patience", epochs=27, options={"patience": 0, "pruner": "asha"})
        trials.run([1.0, *[1.1] * 26])
        assert trials.run([2.0, *[2.1] * 26]) == 2  # patience ends after 2, and the rung is behind it


class TestFunctions:
    """What a user's function sees, and what it may say."""

    def test_a_function_sees_the_history(self, bench: MakeBench) -> None:
        seen: list[Report] = []

        def has_risen_twice(report: Report) -> bool:
            seen.append(report)
            values = [value for _, value in report.history]
            return len(values) > 2 and values[-3] < values[-2] < values[-1]

        trials = bench(has_risen_twice)
        assert trials.run([3, 1, 2, 3, 4], first=1, every=2) == 4
        assert trials.run([1, 2]) is None
        assert seen[1] == Report(0, {}, 3, 1, history=((1, 3), (3, 1)))
        assert seen[-1].history == ((0, 1), (1, 2))

    def test_numpys_booleans_will_do(self, bench: MakeBench) -> None:
        import numpy as np

        assert bench(lambda report: np.mean([report.value]) > 2).run([1, 2, 3]) == 3

    def test_its_exception_passes(self, bench: MakeBench) -> None:
        def broken(report: Report) -> bool:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            bench(broken).run([1.0])

    def test_an_object_of_the_protocol_is_taken_as_it_is(self) -> None:
        class Never:
            def report(self, report: Report) -> bool:
                return False

            def tell(self, outcome: TrialOutcome) -> None:
                pass

        never = Never()
        assert make_pruner(never, direction="minimize", seed=7) is never


def test_trials_of_other_experiments_say_nothing_here() -> None:
    pruner = make_pruner("median", direction="minimize", seed=7, options={"n_startup_trials": 1})
    pruner.tell(TrialOutcome(-1, {}, Phase.SUCCEEDED, (0.0,), history=((0, 0.0),)))
    assert not pruner.report(Report(0, {}, 0, 5.0))


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.CANCELLED, Phase.SUCCEEDED])
def test_a_trial_that_never_reported_may_end(phase: str) -> None:
    pruner = make_pruner("asha", direction="minimize", seed=7)
    pruner.tell(TrialOutcome(3, {}, phase, None))
    assert not pruner.report(Report(0, {}, 0, 5.0))


def test_optuna_keeps_silent_and_its_settings_stay(bench: MakeBench, capfd: pytest.CaptureFixture[str]) -> None:
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.DEBUG)
    try:
        for name in ("hyperband", "median"):
            trials = bench(name)
            for value in (math.nan, 1.0, math.inf, 2.0):
                trials.run([value, value])
        assert optuna.logging.get_verbosity() == optuna.logging.DEBUG
    finally:
        optuna.logging.set_verbosity(level)
    captured = capfd.readouterr()
    assert captured.err + captured.out == ""
    assert not logging.getLogger("optuna").disabled
