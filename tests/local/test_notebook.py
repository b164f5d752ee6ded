"""Sweeps in a notebook with a real kernel: the output of the cell while they run, when they are stopped, and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ipykernel", reason="notebooks need ipykernel")
nbclient = pytest.importorskip("nbclient", reason="this drives notebooks with nbclient")
import nbformat  # noqa: E402 - it comes with nbclient

DEFINE = """
import os, signal, threading, time
from expsdk import attach, experiment, log_metric, loguniform, results

@experiment(space={"lr": loguniform(1e-4, 1.0)}, objective="loss", direction="minimize", name="cells")
def train(lr, epochs=4, pause_s=0.3):
    for epoch in range(epochs):
        log_metric("loss", lr + 1 / (epoch + 1), epoch=epoch)
        time.sleep(pause_s)
    if lr > 0.5:
        raise ValueError("lr is <too> high")
"""
STOP = "threading.Timer(3.0, os.kill, (os.getpid(), signal.SIGINT)).start()"  # what the stop button does


def run(directory: Path, *cells: str) -> list[list[dict[str, Any]]]:
    """Run cells in a new kernel and return the outputs of each."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    resources = {"metadata": {"path": str(directory)}}
    nbclient.NotebookClient(book, kernel_name="python3", resources=resources, timeout=90).execute()
    return [[dict(output) for output in cell.outputs] for cell in book.cells]


@pytest.fixture(autouse=True)
def as_a_persons(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the kernel be a person's, also where these tests run in CI."""
    for variable in ("CI", "NO_COLOR", "EXPSDK_PROGRESS", "EXPSDK_ROOT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / ".ipython"))


def html_of(output: dict[str, Any]) -> str:
    return str(output["data"]["text/html"])


def test_a_sweep_has_one_output_and_its_results_another(tmp_path: Path) -> None:
    _, (shown, value), (looked,) = run(
        tmp_path,
        DEFINE,
        "train.sweep(trials=6, parallelism=3, seed=7, name='mine').run()",
        "results('mine').best",
    )
    assert shown["output_type"] == "display_data"
    assert "mine" in html_of(shown)
    assert "best: mine-" in html_of(shown)
    assert "expsdk show mine" in shown["data"]["text/plain"]
    assert value["output_type"] == "execute_result"
    assert "<svg" in html_of(value)
    assert "loss by epoch" in html_of(value)
    assert "<svg" in html_of(looked)
    assert "lr is <too> high" not in html_of(shown) + html_of(value)


def test_the_output_is_drawn_while_the_sweep_runs(tmp_path: Path) -> None:
    keep = """
from IPython.display import DisplayHandle
drawn, update = [], DisplayHandle.update
def note(self, bundle, **options):
    drawn.append(bundle["text/html"])
    update(self, bundle, **options)
DisplayHandle.update = note
"""
    look = "print(len(drawn), any('running' in page and '<svg' in page for page in drawn), any('waiting' in page for page in drawn))"  # noqa: E501
    *_, (said,) = run(tmp_path, DEFINE, keep, "_ = train.sweep(trials=4, parallelism=2, seed=1).run()", look)
    count, is_live, _ = said["text"].split()
    assert 3 <= int(count) < 60
    assert is_live == "True"


def test_the_stop_button_says_what_it_does_and_leaves_the_results(tmp_path: Path) -> None:
    sweep = f"{STOP}\nstopped = train.sweep(trials=40, parallelism=2, seed=7, name='stopped').run()\nlen(stopped)"
    _, (shown, value), (again,) = run(tmp_path, DEFINE, sweep, "attach('stopped')")
    assert "go on: expsdk resume stopped" in html_of(shown)
    assert "cancelled" in html_of(shown)
    assert int(value["data"]["text/plain"]) < 40
    assert "sweep stopped" in html_of(again)
    assert "Cancelled" in html_of(again)


def test_a_cell_that_ends_by_an_exception_leaves_no_picture_that_seems_to_live(tmp_path: Path) -> None:
    breaking = """
class Breaking:
    def ask(self, number):
        if number > 3:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
            os.kill(os.getpid(), signal.SIGINT)
        return {"lr": 0.1}
    def tell(self, outcome):
        pass
try:
    train.sweep(trials=8, parallelism=2, sampler=Breaking(), name='broken').run()
except KeyboardInterrupt:
    print("broken off")
"""
    _, outputs = run(tmp_path, DEFINE, breaking)
    (shown,) = [output for output in outputs if output["output_type"] == "display_data"]
    assert "launch no more" not in html_of(shown)
    assert [output["text"] for output in outputs if output["output_type"] == "stream"] == ["broken off\n"]


def test_looking_on_may_be_stopped(tmp_path: Path) -> None:
    begin = """
threading.Thread(target=lambda: train.sweep(trials=8, seed=7, name='watched').run(progress=False), daemon=True).start()
time.sleep(3)
"""
    _, _, (shown, value) = run(tmp_path, DEFINE, begin, f"{STOP}\nseen = attach('watched').watch()\nseen.name")
    assert "expsdk watch watched" in html_of(shown)
    assert value["data"]["text/plain"] == "'watched'"


def test_it_may_be_plain_or_quiet(tmp_path: Path) -> None:
    _, plain, quiet = run(
        tmp_path,
        DEFINE,
        "_ = train.sweep(trials=2, seed=7).run(progress='plain')",
        "_ = train.sweep(trials=2, seed=7).run(progress=False)",
    )
    assert {output["name"] for output in plain} == {"stderr"}
    assert quiet == []


def test_nothing_warns_in_a_kernel_without_widgets(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    _, sweep, _, drawn = run(
        tmp_path,
        DEFINE,
        "found = train.sweep(trials=4, parallelism=2, sampler='tpe', pruner='median', seed=7).run()",
        "import plotly.io; plotly.io.renderers.default = 'json'",
        "found.plot.history()",
    )
    assert [output["output_type"] for output in sweep] == ["display_data"]
    assert [output["output_type"] for output in drawn] == ["display_data"]


def test_a_figure_by_matplotlib_is_shown_once(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib_inline", reason="a notebook shows matplotlib's figures with it")
    sweep = "found = train.sweep(trials=4, parallelism=2, seed=7).run(progress=False)"
    _, _, drawn = run(tmp_path, DEFINE, sweep, "found.plot.curves(library='matplotlib')")
    assert ["image/png" in output["data"] for output in drawn] == [True]


def test_a_sweep_shows_what_it_will_do(tmp_path: Path) -> None:
    _, (shown,) = run(tmp_path, DEFINE, "train.sweep(trials=6, seed=7)")
    assert "loguniform(0.0001, 1.0)" in html_of(shown)
    assert "not run yet" in html_of(shown)
