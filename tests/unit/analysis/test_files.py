"""Results as frames and files: every value comes back as it was, whatever reads it."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from math import inf, isnan, nan
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from simulation.documents import make_result

from expsdk import Results
from expsdk.errors import ResultsError
from expsdk.space import choice, integer, uniform
from expsdk_runtime.contract import Phase

Read = Callable[..., Results]
SPACE = {
    "opt": choice({"sgd": {"steps": integer(1, 9), "nesterov": [True, False]}, "adam": {"beta": uniform(0, 1)}}),
    "layers": choice([[64], [64, 32], "none"]),
}


@pytest.fixture
def results(read: Read) -> Results:
    """Return trials of two branches, with all sorts of numbers, one of them failed and one running."""
    return read(
        make_result(0, parameters={"opt": "sgd", "steps": 3, "nesterov": True, "layers": [64, 32]}, loss=0.1),
        make_result(1, parameters={"opt": "adam", "beta": 0.5, "layers": "none"}, loss=inf),
        make_result(2, Phase.FAILED, parameters={"opt": "adam", "beta": 0.5, "layers": [64]}, message='a, "b"\nc'),
        make_result(3, Phase.RUNNING, parameters={"opt": "sgd", "steps": 9, "nesterov": False, "layers": [64]}, loss=nan),  # noqa: E501
        space=SPACE,
        driven=True,
    )  # fmt: skip


class TestFrame:
    def test_columns_have_the_types_of_their_values(self, results: Results) -> None:
        types = {column: str(dtype) for column, dtype in results.to_dataframe().dtypes.items()}
        assert types["number"] == types["attempt"] == types["seed"] == "int64"
        assert types["epoch"] == types["parameters.steps"] == "Int64"
        assert types["parameters.nesterov"] == "boolean"
        assert types["parameters.beta"] == types["metrics.loss"] == types["duration_s"] == "float64"
        assert types["started"].startswith("datetime64")
        assert types["started"].endswith("UTC]")
        assert types["parameters.layers"] == "object"

    def test_a_history_is_a_row_for_each_point(self, read: Read) -> None:
        document = make_result(0, loss=1.0)
        document["status"]["history"] = {
            "loss": {"stride": 1, "points": [[0, 2], [2.5, "NaN"]]},
            "size": {"stride": 1, "points": [[1], ["Infinity"]]},
        }
        frame = read(document, make_result(1, loss=3.0), make_result(2)).history_dataframe()
        assert list(frame.columns) == ["trial", "number", "metric", "epoch", "value"]
        assert frame[["trial", "number", "metric", "epoch"]].values.tolist() == [
            ["train-mlp-0000", 0, "loss", 0],
            ["train-mlp-0000", 0, "loss", 2],
            ["train-mlp-0000", 0, "size", 1],
            ["train-mlp-0001", 1, "loss", 0],
        ]
        assert isnan(frame["value"][1])
        assert frame["value"].drop(1).tolist() == [2.5, inf, 3.0]
        assert read().history_dataframe().empty

    def test_without_pandas_the_message_says_how_to_get_it(
        self, results: Results, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "pandas", None)
        with pytest.raises(ResultsError) as caught:
            results.history_dataframe()
        assert str(caught.value) == "history_dataframe() needs pandas; install it: pip install 'expsdk[pandas]'"


class TestCsv:
    def test_every_trial_is_a_line(self, results: Results, tmp_path: Path) -> None:
        results.to_csv(tmp_path / "trials.csv")
        with (tmp_path / "trials.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["name"] for row in rows] == [trial.name for trial in results]
        assert [row["metrics.loss"] for row in rows] == ["0.1", "Infinity", "", "NaN"]
        assert [row["parameters.layers"] for row in rows] == ["[64,32]", "none", "[64]", "[64]"]
        assert [row["parameters.nesterov"] for row in rows] == ["true", "", "", "false"]
        assert rows[0]["started"] == "2026-01-31T12:00:00.000000Z"
        assert results.to_csv() == (tmp_path / "trials.csv").read_text()

    def test_pandas_reads_the_numbers_back(self, results: Results, tmp_path: Path) -> None:
        results.to_csv(tmp_path / "trials.csv")
        frame = pd.read_csv(tmp_path / "trials.csv", index_col="name")
        expected = results.to_dataframe()
        assert list(frame.columns) == list(expected.columns)
        for column in ("metrics.loss", "parameters.beta", "duration_s"):
            pd.testing.assert_series_equal(frame[column], expected[column])

    def test_it_needs_no_pandas(self, results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pandas", None)
        assert results.to_csv().count("\n") == 5

    def test_without_trials_there_is_a_header(self, read: Read) -> None:
        assert read().to_csv().startswith("name,number,phase,reason,epoch,")

    def test_a_file_that_cannot_be_written_is_named(self, results: Results, tmp_path: Path) -> None:
        path = tmp_path / "none" / "trials.csv"
        with pytest.raises(ResultsError) as caught:
            results.to_csv(path)
        assert str(caught.value) == (
            f"results are written to a file, but {path} cannot be written (No such file or directory); give the path of"
            " a file in a directory that is there and that you may write to"
        )


class TestJson:
    def test_it_is_written_or_returned(self, results: Results, tmp_path: Path) -> None:
        results.to_json(tmp_path / "trials.json")
        assert (tmp_path / "trials.json").read_text() == results.to_json()
        rows = json.loads(results.to_json())
        assert [row["parameters.layers"] for row in rows] == [[64, 32], "none", [64], [64]]


class TestParquet:
    def test_every_value_comes_back(self, results: Results, tmp_path: Path) -> None:
        results.to_parquet(tmp_path / "trials.parquet")
        frame = pd.read_parquet(tmp_path / "trials.parquet")
        expected = results.to_dataframe()
        assert frame["parameters.layers"].tolist() == ["[64,32]", '"none"', "[64]", "[64]"]
        for column in expected.columns.drop("parameters.layers"):
            pd.testing.assert_series_equal(
                frame[column], expected[column], check_dtype=expected[column].dtype != object
            )

    def test_no_trials_are_a_file_too(self, read: Read, tmp_path: Path) -> None:
        read().to_parquet(tmp_path / "none.parquet")
        assert pd.read_parquet(tmp_path / "none.parquet").empty

    def test_without_pyarrow_the_message_says_how_to_get_it(
        self, results: Results, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(ResultsError) as caught:
            results.to_parquet(tmp_path / "trials.parquet")
        assert str(caught.value) == "to_parquet() needs pandas and pyarrow; install them: pip install 'expsdk[parquet]'"

    @pytest.mark.parametrize("options", [[1, "a", None], [True, 1.5], [[1], {"k": [2]}], ["a", None]])
    def test_options_of_any_types(self, read: Read, tmp_path: Path, options: list[Any]) -> None:
        documents = [make_result(n, parameters={"c": option}) for n, option in enumerate(options)]
        read(*documents, space={"c": choice(options)}).to_parquet(tmp_path / "trials.parquet")
        assert len(pd.read_parquet(tmp_path / "trials.parquet")) == len(options)
