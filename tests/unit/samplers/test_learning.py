"""What a sweep learns from another experiment's trials, and what it leaves out."""

from __future__ import annotations

from typing import Any

import pytest
from simulation.documents import make_experiment, make_result

from expsdk.errors import SweepError
from expsdk.samplers import arrange, lessons, make_sampler
from expsdk.space import Space, choice, uniform
from expsdk_runtime.contract import Phase, Reason

SPACE = Space.of({"x": uniform(0, 1), "k": choice([1.0, 2.0]), "e": 10})
LOSS = [("loss", "minimize")]


def result(number: int, *args: Any, parameters: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    return make_result(number, *args, parameters=parameters or {"k": 1, "x": number / 8, "e": 10}, **given)


def test_past_trials_become_outcomes_with_negative_numbers() -> None:
    documents = [
        result(0, loss=0.5),
        result(1, Phase.PRUNED, loss=0.7),
        result(2, Phase.FAILED, reason=Reason.USER_ERROR),
        result(3, parameters={"x": 1, "k": 2}, loss=0.1),
    ]
    documents[0]["spec"] |= {"constraints": [0.5], "parent": "train-mlp-0000"}
    outcomes, left_out = lessons(make_experiment(), documents, space=SPACE, objectives=LOSS)
    assert left_out == []
    assert [(outcome.number, outcome.phase, outcome.values) for outcome in outcomes] == [
        (-1, Phase.SUCCEEDED, (0.5,)),
        (-2, Phase.PRUNED, (0.7,)),
        (-3, Phase.FAILED, None),
        (-4, Phase.SUCCEEDED, (0.1,)),
    ]
    assert repr(outcomes[3].parameters) == "{'x': 1.0, 'k': 2.0, 'e': 10}"
    assert (outcomes[0].constraints, outcomes[0].parent) == ((0.5,), None)
    more, _ = lessons(make_experiment(), documents, space=SPACE, objectives=LOSS, start=-1 - len(outcomes))
    assert [outcome.number for outcome in more] == [-5, -6, -7, -8]


def test_what_teaches_nothing_is_left_out_in_words() -> None:
    documents = [
        result(0, loss=0.5),
        result(1, parameters={"x": 2.0, "k": 1, "e": 10}, loss=0.5),
        result(2, parameters={"x": 0.5, "k": 7, "e": 10}, loss=0.5),
        result(3, Phase.RUNNING, loss=0.5),
        result(4, Phase.CANCELLED),
        result(5, Phase.FAILED, reason=Reason.EVICTED),
    ]
    outcomes, left_out = lessons(make_experiment(), documents, space=SPACE, objectives=LOSS)
    assert [outcome.number for outcome in outcomes] == [-1]
    assert left_out == [
        (
            "2 trials of train-mlp left out: outside this space (trial 1: parameter x: a sample's value is in"
            " Uniform(low=0.0, high=1.0, step=None), not 2.0; choose a value in the domain)"
        ),
        "1 trial of train-mlp left out: not ended yet",
        "1 trial of train-mlp left out: cancelled",
        "1 trial of train-mlp left out: failed by no fault of its own (Evicted)",
    ]


@pytest.mark.parametrize(
    ("experiment", "message"),
    [
        (
            make_experiment(objectives={"loss": "maximize"}),
            (
                "a sweep learns from an experiment with the same objectives; train-mlp is to maximize loss, and this"
                " sweep is to minimize loss; leave it out of learn_from"
            ),
        ),
        (
            make_experiment(objectives={"loss": "minimize", "size": "minimize"}),
            (
                "a sweep learns from an experiment with the same objectives; train-mlp is to minimize loss and minimize"
                " size, and this sweep is to minimize loss; leave it out of learn_from"
            ),
        ),
        (
            make_experiment(space={"lr": uniform(0, 1)}),
            (
                "a sweep learns from an experiment that has some of its parameters; train-mlp has lr, and this sweep"
                " has x, k, e; leave it out of learn_from"
            ),
        ),
    ],
)
def test_an_experiment_of_another_kind_is_refused_in_these_words(experiment: Any, message: str) -> None:
    with pytest.raises(SweepError) as caught:
        lessons(experiment, [], space=SPACE, objectives=LOSS)
    assert str(caught.value) == message


def test_objectives_in_another_order_are_the_same() -> None:
    experiment = make_experiment(objectives={"size": "minimize", "loss": "maximize"})
    objectives = [("loss", "maximize"), ("size", "minimize")]
    outcomes, _ = lessons(experiment, [result(0, size=1.0, loss=2.0)], space=SPACE, objectives=objectives)
    assert outcomes[0].values == (2.0, 1.0)


@pytest.mark.parametrize("name", ["tpe", "cmaes", "nsga2"])
def test_a_sampler_begins_where_past_trials_went_well(name: str) -> None:
    space = Space.of({"x": uniform(0, 1), "y": uniform(0, 1)})
    options = {"nsga2": {"population_size": 10, "mutation_prob": 0.1}}.get(name, {})

    def distance(learns: bool) -> float:
        """Return how far the first ten proposals are from the best place, on average."""
        total = 0.0
        for seed in range(4):
            plain = make_sampler(name, space=space, directions=["minimize"], seed=seed, parallelism=1, options=options)
            sampler = arrange(plain, space=space, seed=seed)
            points = [(i % 7 / 7 + 0.05, i * 5 % 11 / 11 + 0.02) for i in range(60)]
            documents = [
                make_result(i, parameters={"x": x, "y": y}, loss=abs(x - 0.2) + abs(y - 0.7))
                for i, (x, y) in enumerate(points)
            ]
            outcomes, left_out = lessons(make_experiment(), documents, space=space, objectives=LOSS)
            assert not left_out
            for outcome in outcomes if learns else []:
                sampler.tell(outcome)
            for number in range(10):
                sample = sampler.ask(number)
                assert isinstance(sample, dict)
                total += abs(sample["x"] - 0.2) + abs(sample["y"] - 0.7)
        return total / 40

    assert distance(learns=True) < 0.75 * distance(learns=False)
