"""From a name and options, or an object, to a pruner; what cannot work is refused in words."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from expsdk.errors import SweepError
from expsdk.pruners import PRUNER_NAMES, Pruner, Report, make_pruner

NEEDED: dict[str, dict[str, Any]] = {"threshold": {"upper": 1}, "patience": {"patience": 3}}


@pytest.mark.parametrize("name", PRUNER_NAMES)
@pytest.mark.parametrize("epochs", [None, 1, 27])
def test_each_name_gives_a_pruner(name: str, epochs: int | None) -> None:
    pruner = make_pruner(name, direction="maximize", seed=7, epochs=epochs, options=NEEDED.get(name))
    assert isinstance(pruner, Pruner)
    assert not pruner.report(Report(0, {}, 0, 0.5))


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        (
            "meridian",
            {},
            (
                "a pruner is one of asha, hyperband, median, patience, percentile, threshold, not 'meridian';"
                " did you mean 'median'?"
            ),
        ),
        (
            "x",
            {},
            (
                "a pruner is one of asha, hyperband, median, patience, percentile, threshold, not 'x'; write"
                " one of them, or give an object of your own"
            ),
        ),
        (
            "asha",
            {"reduction": 3},
            (
                "pruner 'asha' takes min_resource, reduction_factor, bootstrap_count, min_early_stopping_rate, not"
                " 'reduction'; did you mean 'reduction_factor'?"
            ),
        ),
        (
            "median",
            {"colour": "red"},
            (
                "pruner 'median' takes n_startup_trials, n_warmup_steps, interval_steps, n_min_trials, not"
                " 'colour'; leave it out"
            ),
        ),
        (
            "patience",
            {"patience": 3, "x": 1},
            "pruner 'patience' takes patience, min_delta, pruner, not 'x'; leave it out",
        ),
        (
            "asha",
            {"reduction_factor": 1},
            "pruner 'asha' takes reduction_factor= as an integer from 2, not 1; give one",
        ),
        (
            "asha",
            {"min_resource": "auto"},
            "pruner 'asha' takes min_resource= as an integer from 1, not 'auto'; give one",
        ),
        ("asha", {"min_resource": True}, "pruner 'asha' takes min_resource= as an integer from 1, not True; give one"),
        (
            "percentile",
            {"percentile": 101},
            "pruner 'percentile' takes percentile= as a number from 0 to 100, not 101; give one",
        ),
        (
            "percentile",
            {"percentile": float("nan")},
            "pruner 'percentile' takes percentile= as a number from 0 to 100, not nan; give one",
        ),
        (
            "hyperband",
            {"max_resource": "all"},
            "pruner 'hyperband' takes max_resource= as an integer from 1 or 'auto', not 'all'; give one",
        ),
        (
            "hyperband",
            {"min_resource": 28},
            (
                "pruner 'hyperband' takes min_resource= at most as great as max_resource=, the 27 epochs that a"
                " trial runs, not 28; give a smaller one"
            ),
        ),
        (
            "hyperband",
            {"max_resource": "auto", "bootstrap_count": 1},
            "pruner 'hyperband' with bootstrap_count= needs to know how many epochs a trial runs; give max_resource=",
        ),
        ("threshold", {}, "pruner 'threshold' stops what is out of bounds; give lower= or upper=, or both"),
        (
            "threshold",
            {"lower": 2, "upper": 1},
            "pruner 'threshold' takes lower= at most as great as upper=, not 2 and 1; exchange them",
        ),
        ("threshold", {"lower": "1"}, "pruner 'threshold' takes lower= as a number, not '1'; give one"),
        (
            "patience",
            {},
            (
                "pruner 'patience' needs patience=, an integer from 0; write pruner={'name': 'patience',"
                " 'patience': 5} for example"
            ),
        ),
        (
            "patience",
            {"patience": 3, "pruner": 5},
            (
                "pruner 'patience' takes pruner= as the name of another, or a mapping with its name and options, not 5;"
                " write pruner='median' for example"
            ),
        ),
        (
            "patience",
            {"patience": 3, "pruner": {"name": "asha", "min_resource": 0}},
            "pruner 'asha' takes min_resource= as an integer from 1, not 0; give one",
        ),
    ],
)
def test_what_cannot_work_is_refused_in_words(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(SweepError) as caught:
        make_pruner(name, direction="minimize", seed=7, epochs=27, options=options)
    assert str(caught.value) == words


def test_what_is_no_pruner_is_refused_in_words() -> None:
    class Mine:
        pass

    with pytest.raises(SweepError, match=r"^a pruner is an object, not the class Mine; write Mine\(\.\.\.\)$"):
        make_pruner(Mine, direction="minimize", seed=7)  # type: ignore[arg-type]
    with pytest.raises(SweepError, match=r"or a function of a report, not 5; write one of asha, "):
        make_pruner(5, direction="minimize", seed=7)  # type: ignore[arg-type]
    with pytest.raises(SweepError, match=r"^options are for a pruner by name, and .* has its own; leave out patience$"):
        make_pruner(lambda report: False, direction="minimize", seed=7, options={"patience": 3})


@pytest.mark.parametrize("returned", [None, "stop", 2])
def test_a_function_that_does_not_say_whether_is_refused(returned: object) -> None:
    pruner = make_pruner(lambda report: returned, direction="minimize", seed=7)  # type: ignore[arg-type,return-value]
    with pytest.raises(SweepError, match=r"returns True where the trial is to stop and else False, not "):
        pruner.report(Report(0, {}, 0, 1.0))


def test_a_function_needs_no_optuna() -> None:
    program = (
        "import sys\nfrom expsdk.pruners import make_pruner\n"
        "make_pruner(lambda report: False, direction='minimize', seed=7)\n"
        "assert 'optuna' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)
