"""What notebooks show: well-formed HTML that says what the text says, and takes nothing of a user's for markup."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from math import inf, nan
from typing import Any

import pytest
from simulation.documents import make_result

from expsdk import Results, experiment, integer, loguniform
from expsdk.analysis import html
from expsdk.space import uniform
from expsdk_runtime.contract import Phase

Read = Callable[..., Results]
NASTY = "<script>alert(1)</script>&\"'"
VOID = {"circle", "polyline"}


class Page(HTMLParser):
    """Reads HTML: the texts between its tags, row by row where there are tables; it fails where tags do not match."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data


def with_curve(document: dict[str, Any], *values: Any) -> dict[str, Any]:
    document["status"]["history"]["loss"]["points"] = [list(range(len(values))), list(values)]
    return document


class TestResults:
    def test_the_best_are_first_with_their_curves(self, read: Read) -> None:
        made = [with_curve(make_result(n, loss=loss), 3.0, "NaN", loss) for n, loss in enumerate([2.0, 1.0])]
        page = Page(read(*made, make_result(2, Phase.FAILED))._repr_html_())
        assert page.rows == [
            ["trial", "loss", "x", "loss by epoch"],
            ["0001", "1", "0.125", ""],
            ["0000", "2", "0", ""],
        ]
        assert page.tags.count("svg") == 2
        assert "".join(page.texts).startswith("train-mlp 3 trials (2 succeeded, 1 failed), the best 2:")
        assert page.texts[-1] == "kept in memory/train-mlp"

    def test_without_curves_there_is_no_column_for_them(self, read: Read) -> None:
        assert Page(read(make_result(0, loss=1.0))._repr_html_()).rows[0] == ["trial", "loss", "x"]

    def test_without_trials_there_is_no_table(self, read: Read) -> None:
        page = Page(read()._repr_html_())
        assert page.rows == []
        assert "0 trials (none has begun)" in "".join(page.texts)

    def test_nothing_is_taken_for_markup(self, read: Read) -> None:
        document = make_result(0, parameters={NASTY: NASTY[:20]}, **{"<i>": 1.0})
        page = Page(read(document, objectives={"<i>": "minimize"})._repr_html_())
        assert not {"script", "i"} & set(page.tags)
        assert page.rows == [["trial", "<i>", NASTY], ["0000", "1", NASTY[:20]]]


class TestTrial:
    def test_it_tells_its_sample_its_metrics_what_went_wrong_and_where_it_comes_from(self, read: Read) -> None:
        document = with_curve(
            make_result(3, Phase.FAILED, reason="UserError", message=f"ValueError: {NASTY}", loss=2.0), 3.0, 2.0
        )
        document["spec"]["parent"] = "train-mlp-0001"
        page = Page(read(document)[0]._repr_html_())
        assert "".join(page.texts).startswith("train-mlp-0003 Failed (UserError)")
        for row in (["x", "0.375"], ["loss", "2", "2", "2", ""], ["parent", "train-mlp-0001"], ["python", "3.11.7"]):
            assert row in page.rows
        assert f"ValueError: {NASTY}" in page.texts
        assert "script" not in page.tags

    def test_one_that_has_not_begun_has_little_to_tell(self, read: Read) -> None:
        document = make_result(0, Phase.PENDING)
        del document["status"]["startTime"]
        assert "Pending" in "".join(Page(read(document, driven=True)[0]._repr_html_()).texts)


class TestCurve:
    @pytest.mark.parametrize("values", [[], [1.0], [nan, 1.0, inf], [nan, nan]])
    def test_it_takes_two_numbers(self, values: list[float]) -> None:
        assert html.curve(values) == ""

    @pytest.mark.parametrize(
        "values", [[1.0, 1.0], [1e308, -1e308], [1e-9, 1.0, 1e9], [0.0, nan, inf, 2.0], [5e-324, 1e308]]
    )
    def test_it_stays_in_its_frame(self, values: list[float]) -> None:
        points = html.curve(values, width=100, height=20).split('points="')[1].split('"')[0]
        for point in points.split():
            across, up = map(float, point.split(","))
            assert 0 <= across <= 100
            assert 0 <= up <= 20


def test_a_bar_has_the_share_of_each_phase() -> None:
    bar = html.bar({Phase.SUCCEEDED: 3, Phase.FAILED: 1}, 8)
    assert "width:37.50%" in bar
    assert "width:12.50%" in bar
    assert html.bar({}, None) == ""


def test_a_sweep_tells_what_is_searched_and_how() -> None:
    @experiment(
        space={"lr": loguniform(1e-4, 1.0), "depth": integer(2, 8), "opt": {"sgd": NASTY}, "width": uniform(0, 1)},
        objective="loss",
        direction="minimize",
    )
    def train(lr: float, depth: int, opt: str, width: float) -> float:
        return lr

    page = Page(train.sweep(trials=6, seed=7)._repr_html_())
    assert ["lr", "loguniform(0.0001, 1.0)"] in page.rows
    assert ["trials", "6"] in page.rows
    assert "script" not in page.tags
