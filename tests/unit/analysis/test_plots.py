"""Figures of results, by both libraries: they draw whatever a sweep leaves, in our words, and say what they need."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from math import inf, nan
from typing import Any

import pytest
from simulation.documents import make_result

from expsdk import Results
from expsdk.analysis import plots
from expsdk.errors import ResultsError
from expsdk.space import choice, integer, loguniform, uniform
from expsdk_runtime.contract import Phase

Read = Callable[..., Results]
KINDS = ("history", "curves", "parallel", "importance", "slice", "contour", "timeline")
SPACE = {
    "lr": loguniform(1e-4, 1.0),
    "depth": integer(1, 9),
    "opt": choice({"sgd": {"momentum": uniform(0, 1)}, "adam": {}}),
    "layers": choice([[64], None, "it's"]),
    "batch": 32,
}


def documents(count: int, **more: Callable[[int], float]) -> list[dict[str, Any]]:
    """Return Results of every kind; of five, three have succeeded."""
    made = []
    for number in range(count):
        sample: dict[str, Any] = {"lr": 10.0 ** -(number % 4), "depth": number % 9 + 1, "batch": 32}
        sample |= {"opt": "adam"} if number % 2 else {"opt": "sgd", "momentum": 0.5}
        sample["layers"] = [[64], None, "it's"][number % 3]
        phase = [Phase.SUCCEEDED] * 3 + [Phase.FAILED, Phase.PRUNED]
        metrics = {"loss": 1.0 / (number + 1), **{name: of(number) for name, of in more.items()}}
        document = make_result(number, phase[number % 5], parameters=sample, **metrics)
        history = document["status"]["history"]["loss"]
        history["points"] = [[0, 1, 2], [2.0, "NaN", metrics["loss"]]]
        made.append(document)
    made.append(make_result(count, Phase.RUNNING, parameters=made[0]["spec"]["parameters"]))
    made.append(make_result(count + 1, Phase.PENDING, parameters=made[0]["spec"]["parameters"]))
    del made[-1]["status"]["startTime"]
    return made


@pytest.fixture(params=["plotly", "matplotlib"])
def library(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return each library; matplotlib draws into memory."""
    library = str(request.param)
    pytest.importorskip(library)
    if library == "matplotlib":
        import matplotlib.pyplot as plt

        plt.switch_backend("agg")
        yield library
        plt.close("all")
    else:
        yield library


def words(figure: Any) -> str:
    """Return all that is written in a figure, once it is drawn."""
    if hasattr(figure, "to_json"):
        return str(figure.to_json())
    figure.canvas.draw()
    texts = [figure.get_suptitle()]
    for axes in figure.axes:
        legend = axes.get_legend()
        texts += [axes.get_xlabel(), axes.get_ylabel(), axes.get_title(loc="left"), axes.get_title()]
        texts += [text.get_text() for text in [*axes.get_xticklabels(), *(legend.get_texts() if legend else [])]]
    return "\n".join(texts)


class TestFigures:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("count", [4, 30])
    def test_each_draws_whatever_a_sweep_leaves(self, read: Read, library: str, kind: str, count: int) -> None:
        results = read(*documents(count), space=SPACE, driven=True)
        assert "train-mlp: " in words(getattr(results.plot, kind)(library=library))

    @pytest.mark.parametrize("kind", ["history", "parallel", "importance", "slice", "contour"])
    @pytest.mark.parametrize("target", ["loss", "size", "accuracy"])
    def test_any_metric_may_be_the_target(self, read: Read, library: str, kind: str, target: str) -> None:
        made = documents(
            12, size=lambda number: inf if number == 3 else number, accuracy=lambda n: nan if n == 1 else n
        )
        for document in made:
            document["status"]["objectives"].pop("accuracy", None)
        results = read(*made, space=SPACE, objectives={"loss": "minimize", "size": "maximize"}, driven=True)
        assert target in words(getattr(results.plot, kind)(target=target, library=library))

    def test_a_front_is_drawn_of_two_objectives_or_three(self, read: Read, library: str) -> None:
        made = documents(12, size=float, speed=lambda number: number % 3)
        objectives = {"loss": "minimize", "size": "maximize", "speed": "minimize"}
        plot = read(*made, space=SPACE, objectives=objectives, driven=True).plot
        assert "train-mlp: loss and size and speed" in words(plot.pareto(library=library))
        assert "train-mlp: speed and loss" in words(plot.pareto(targets=["speed", "loss"], library=library))

    def test_a_curve_may_be_any_metrics(self, read: Read, library: str) -> None:
        made = documents(5, accuracy=float)
        drawn = words(read(*made, space=SPACE).plot.curves(metric="accuracy", library=library))
        assert "accuracy" in drawn
        assert "(best)" in drawn

    def test_the_words_are_ours(self, read: Read, library: str) -> None:
        results = read(*documents(12), space=SPACE, driven=True)
        assert "best so far" in words(results.plot.history(library=library))
        assert "failed or cancelled" in words(results.plot.timeline(library=library))
        drawn = words(results.plot.slice(library=library))
        assert "it's" in drawn
        assert "Slice Plot" not in drawn

    def test_where_there_is_no_room_the_title_says_which_are_shown(
        self, read: Read, library: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for limit in ("CURVES", "LINES", "POINTS", "BARS"):
            monkeypatch.setattr(plots, limit, 5)  # thousands of trials would draw the same, slowly
        plot = read(*documents(20), space=SPACE).plot
        assert "5 of 16 trials, evenly from best to worst" in words(plot.curves(library=library))
        assert "the best 2 of 16 trials" in words(plot.curves(top=2, library=library))
        assert "5 of 12 trials, evenly" in words(plot.parallel(library=library))
        assert "5 of 12 trials, evenly" in words(plot.contour(library=library))
        assert "the last 5 of 21 trials" in words(plot.timeline(library=library))

    def test_parameters_may_be_chosen(self, read: Read, library: str) -> None:
        drawn = words(read(*documents(12), space=SPACE).plot.parallel(params=["lr", "momentum"], library=library))
        assert "momentum" in drawn or library == "matplotlib"
        assert "depth" not in drawn

    def test_the_style_of_the_users_own_figures_is_left_alone(self, read: Read) -> None:
        matplotlib = pytest.importorskip("matplotlib")
        before = dict(matplotlib.rcParams)
        read(*documents(5), space=SPACE).plot.history(library="matplotlib")
        assert dict(matplotlib.rcParams) == before

    def test_plotly_is_taken_where_nothing_is_said(self, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("plotly")
        pytest.importorskip("matplotlib")
        results = read(*documents(5), space=SPACE)
        assert type(results.plot.history()).__module__.startswith("plotly")
        monkeypatch.setitem(sys.modules, "plotly", None)
        assert type(results.plot.history()).__module__.startswith("matplotlib")


class TestMessages:
    def expect(self, call: Callable[[], object], message: str) -> None:
        with pytest.raises(ResultsError) as caught:
            call()
        assert str(caught.value) == message

    def test_no_library(self, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
        plot = read(*documents(5), space=SPACE).plot
        monkeypatch.setitem(sys.modules, "plotly", None)
        self.expect(
            lambda: plot.history(library="plotly"),
            "library='plotly' needs plotly, which is not installed; install it: pip install 'expsdk[plots]'",
        )
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        self.expect(
            plot.history,
            "results.plot needs plotly or matplotlib, and neither is installed; install both: pip install"
            " 'expsdk[plots]'",
        )
        self.expect(
            lambda: plot.history(library="matplotlip"),
            "a figure is drawn by 'plotly' or 'matplotlib', not 'matplotlip'; did you mean 'matplotlib'?",
        )

    @pytest.mark.parametrize("kind", ["history", "parallel", "slice"])
    def test_no_value(self, read: Read, kind: str) -> None:
        self.expect(
            getattr(read(make_result(0, Phase.FAILED, loss=1.0)).plot, kind),
            "this figure needs 1 trial that succeeded with a value of 'loss', and of 1 trial (1 failed) none has; wait"
            " for it, or see results.plot.timeline()",
        )

    @pytest.mark.parametrize("kind", ["importance", "contour"])
    def test_one_value(self, read: Read, kind: str) -> None:
        self.expect(
            getattr(read(make_result(0, loss=1.0), make_result(1, loss=inf)).plot, kind),
            "this figure needs 2 trials that succeeded with a value of 'loss', and of 2 trials (2 succeeded) 1 has;"
            " wait for them, or see results.plot.timeline()",
        )

    def test_nothing_to_draw(self, read: Read) -> None:
        self.expect(
            read().plot.timeline,
            "a timeline needs a trial that has begun, and of 0 trials (none has begun) none has; wait for the first",
        )
        self.expect(
            read(make_result(0)).plot.curves,
            "curves need a trial with epochs of 'loss', and of 1 trial (1 succeeded) none has any; call log_metric in"
            " the function, and wait for its first epoch",
        )

    @pytest.mark.parametrize("top", [0, -1, 2.5, "5"])
    def test_no_number_of_curves(self, read: Read, top: Any) -> None:
        self.expect(
            lambda: read(make_result(0, loss=1.0)).plot.curves(top=top),
            f"curves are drawn of the best trials, at least 1, not top={top!r}; write top=5",
        )

    def test_several_objectives(self, read: Read) -> None:
        results = read(make_result(0, loss=1.0, size=2.0), objectives={"loss": "minimize", "size": "minimize"})
        self.expect(
            results.plot.slice,
            "results.plot.slice shows one metric, and train-mlp has several objectives (loss, size); name one:"
            " results.plot.slice(target='loss')",
        )

    def test_no_such_metric(self, read: Read) -> None:
        plot = read(make_result(0, loss=1.0, accuracy=2.0)).plot
        message = (
            "a figure shows a metric that trials have logged, and train-mlp has loss, accuracy, not 'acuracy'; did you"
            " mean 'accuracy'?"
        )
        self.expect(lambda: plot.history(target="acuracy"), message)
        self.expect(lambda: plot.curves(metric="acuracy"), message)

    def test_no_such_parameter(self, read: Read) -> None:
        plot = read(*documents(5), space=SPACE).plot
        known = "a figure shows parameters that are searched, train-mlp has lr, depth, opt, momentum, layers, and"
        self.expect(
            lambda: plot.slice(params=["momentun"]), f"{known} 'momentun' is not one of them; did you mean 'momentum'?"
        )
        self.expect(
            lambda: plot.slice(params=["batch"]),
            f"{known} 'batch' is a constant, which has no axis; write some of them: params=[…]",
        )

    def test_too_few_parameters(self, read: Read) -> None:
        plot = read(make_result(0, loss=1.0), make_result(1, loss=2.0)).plot
        self.expect(
            plot.contour,
            "a contour needs two parameters, and got x; see results.plot.slice() for one, or name two:"
            " results.plot.contour(params=[…, …])",
        )

    def test_parameters_that_no_trial_has_together(self, read: Read) -> None:
        space = {"opt": choice({"a": {"x": uniform(0, 1)}, "b": {"y": uniform(0, 1)}})}
        made = [
            make_result(0, parameters={"opt": "a", "x": 0.5}, loss=1.0),
            make_result(1, parameters={"opt": "b", "y": 0.5}, loss=1.0),
        ]
        self.expect(
            lambda: read(*made, space=space).plot.parallel(params=["x", "y"]),
            "a line goes through parameters that one trial has together, and no trial of train-mlp has x, y; name"
            " others: results.plot.parallel(params=[…])",
        )

    def test_no_front_of_one_objective(self, read: Read) -> None:
        self.expect(
            read(make_result(0, loss=1.0)).plot.pareto,
            "a Pareto front is drawn of two or three objectives, train-mlp has loss, and got loss; see"
            " results.plot.history()",
        )
