"""Going on with a sweep: what may be another than before, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from simulation.documents import make_experiment

from expsdk.errors import SweepError
from expsdk.resources.experiment import Experiment, PayloadReference, PrunerChoice, SamplerChoice
from expsdk.space import uniform
from expsdk.sweep.budget import Budget
from expsdk.sweep.limits import Limits
from expsdk.sweep.resuming import check_resume, notice_of_code, taken_up

SPACE = {"x": uniform(0, 1), "opt": ["sgd", "adam"]}


def record(*, trials: int | None = 10, seed: int = 7, digest: str = "0a", **given: Any) -> Experiment:
    """Return an experiment; what is given of its spec takes the place of what is there."""
    kind: dict[str, Any] = {
        key: given.pop(key) for key in ("space", "objectives", "sampler") if key in given and key != "sampler"
    }
    limits = Limits(trials=trials, timeout_s=None if trials else 60.0)
    experiment = make_experiment(limits=limits, **{"space": SPACE, **kind})
    payload = PayloadReference(digest="sha256:" + digest * 32, file="p.pyz", size_bytes=1, python="3.11", format=1)
    spec = experiment.spec.model_copy(update={"seed": seed, "payload": payload, **given})
    return experiment.model_copy(update={"spec": spec})


def refusal(kept: Experiment, wanted: Experiment, *, is_seeded: bool = True, extend: bool = False) -> str:
    with pytest.raises(SweepError) as caught:
        taken_up(kept, wanted, is_seeded=is_seeded, extend=extend)
    return str(caught.value)


def resumed(kept: Experiment, wanted: Experiment, *, is_seeded: bool = True, extend: bool = False) -> Experiment:
    return taken_up(kept, wanted, is_seeded=is_seeded, extend=extend)


class TestWhatMayChange:
    def test_the_same_script_goes_on_with_the_record_as_it_is(self) -> None:
        assert resumed(record(), record()) == record()

    @pytest.mark.parametrize(("before", "after"), [(10, 11), (10, 10), (None, None)])
    def test_trials_may_be_raised(self, before: int | None, after: int | None) -> None:
        assert resumed(record(trials=before), record(trials=after)).spec.trials == after

    def test_the_number_of_trials_may_be_left_out(self) -> None:
        assert resumed(record(trials=10), record(trials=None)).spec.trials is None

    @pytest.mark.parametrize(
        "changed",
        [
            {"parallelism": 9},
            {"retries": 3},
            {"max_failures": 4},
            {"timeout_seconds": 5.0},
            {"trial_timeout_seconds": 6.0},
            {"grace_seconds": 7.0},
            {"target": 0.5},
            {"no_improvement_trials": 8},
            {"cache": True},
        ],
    )
    def test_what_ends_the_sweep_or_its_trials_may_be_another(self, changed: Mapping[str, Any]) -> None:
        ((name, value),) = changed.items()
        assert getattr(resumed(record(), record(**changed)).spec, name) == value

    def test_a_budget_may_be_another(self) -> None:
        limits = Limits(trials=10, budget=Budget("gpu", 3.0))
        wanted = make_experiment(limits=limits, space=SPACE)
        spec = resumed(make_experiment(space=SPACE), wanted).spec
        assert spec.budget is not None
        assert (spec.budget.unit, spec.budget.hours) == ("gpu", 3.0)

    def test_a_seed_that_was_drawn_is_the_kept_one(self) -> None:
        assert resumed(record(seed=1), record(seed=2), is_seeded=False).spec.seed == 1

    def test_the_payload_and_all_else_stay_as_they_were(self) -> None:
        kept = record()
        went_on = resumed(kept, record(digest="0b", job_template={"a": 1}))
        assert went_on.spec.payload == kept.spec.payload
        assert went_on.spec.job_template == kept.spec.job_template
        assert went_on.status == kept.status
        assert went_on.metadata == kept.metadata

    def test_a_larger_space_takes_an_extension(self) -> None:
        wanted = record(space={"x": uniform(-1, 2), "opt": ["adam", "sgd", "lion"]})
        assert resumed(record(), wanted, extend=True).spec.space == wanted.spec.space
        words = refusal(record(), wanted)
        assert "parameter x was Uniform(low=0.0, high=1.0, step=None), and is now Uniform(low=-1.0" in words
        assert "; parameter opt was " in words
        assert words.endswith("or, for a larger space, write resume='extend'")

    def test_an_extension_holds_all_samples_of_before(self) -> None:
        words = refusal(record(), record(space={"x": uniform(0, 0.5), "opt": ["sgd", "adam"]}), extend=True)
        assert "parameter x was Uniform(low=0.0, high=1.0, step=None), and is now Uniform(low=0.0, high=0.5" in words
        assert words.endswith("; undo that, or give another name= for a new sweep")


class TestWhatMayNot:
    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"function": "other.train"}, "function was 'train.train', and is now 'other.train'"),
            (
                {"objectives": {"loss": "maximize"}},
                "objectives was [metric=loss, direction=minimize], and is now [metric=loss, direction=maximize]",
            ),
            ({"sampler": SamplerChoice(name="tpe")}, "sampler was name=random, and is now name=tpe"),
            (
                {"sampler": SamplerChoice(name="random", options={"a": 1})},
                "sampler was name=random, and is now name=random, options={'a': 1}",
            ),
            ({"pruner": PrunerChoice(name="median")}, "pruner was None, and is now name=median"),
            ({"initial": ({"x": 0.5},)}, "initial was [], and is now [{'x': 0.5}]"),
            ({"learn_from": ("other",)}, "learn_from was [], and is now ['other']"),
            ({"replicates": 2}, "replicates was 1, and is now 2"),
            ({"constrained": True}, "constrained was False, and is now True"),
            ({"seed": 8}, "seed was 7, and is now 8"),
            ({"trials": 9}, "trials was 10, and is now 9"),
        ],
    )
    def test_it_is_named_with_what_it_was(self, changed: dict[str, Any], words: str) -> None:
        assert refusal(record(), record(**changed)) == (
            "a sweep goes on as it began, with trials= raised or other limits at most, and of 'train-mlp' something"
            f" else has changed: {words}; undo that, or give another name= for a new sweep"
        )

    def test_trials_without_a_limit_stay_so(self) -> None:
        assert "trials was without a limit, and is now 5" in refusal(record(trials=None), record(trials=5))

    def test_all_of_it_is_named(self) -> None:
        wanted = record(
            function="other.train",
            space={"x": uniform(0, 1), "depth": [1]},
            objectives={"acc": "maximize"},
            sampler=SamplerChoice(name="tpe"),
            pruner=PrunerChoice(name="median"),
            initial=({"x": 0.5},),
            learn_from=("other",),
            replicates=2,
            constrained=True,
            seed=8,
            trials=9,
        )
        words = refusal(record(), wanted)
        for what in (
            *("parameter opt", "parameter depth", "function", "objectives", "sampler", "pruner", "initial"),
            *("learn_from", "replicates", "constrained", "seed", "trials"),
        ):
            assert f" {what} was " in words


class TestWords:
    @pytest.mark.parametrize("resume", [True, False, "extend"])
    def test_resume_is_one_of_three(self, resume: object) -> None:
        assert check_resume(resume) == resume

    @pytest.mark.parametrize("resume", [1, 0, None, "extended", "yes", ["extend"]])
    def test_anything_else_is_refused(self, resume: object) -> None:
        with pytest.raises(SweepError) as caught:
            check_resume(resume)
        assert str(caught.value).endswith(f"in a larger space, not {resume!r}; write one of them")

    def test_code_that_has_changed_is_told(self) -> None:
        assert notice_of_code(record(), record()) == ""
        assert notice_of_code(record(), record(digest="0b")).startswith("the code has changed since the sweep began")
        assert notice_of_code(record(), record(payload=None)) == ""
