"""What people do with the results of 5,000 trials of 50 epochs on this machine: read, filter, tabulate, show, draw.

Each is measured from the files on, so that it is what somebody waits who types it, in seconds of this process's CPU
time: what else the machine does is not counted. The floor is `json.load` of the same files.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from large import EPOCHS, NAME, TRIALS, write_large_experiment
from report import Figure, report

import expsdk
from expsdk.analysis.results import Results

ROUNDS = 3
BUDGET_S = 2.0
PLOTS = ("history", "curves", "parallel", "importance", "slice", "contour", "timeline")
LIBRARIES = ("plotly", "matplotlib")


def main() -> int:
    os.environ.setdefault("MPLBACKEND", "agg")
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        write_large_experiment(root)
        write_large_experiment(root, name="front", objectives=2)
        return report(
            f"{TRIALS} local trials of {EPOCHS} epochs (CPU time, least of {ROUNDS}; each with reading them)",
            [*_tables(root), *_figures(root)],
        )


def _tables(root: Path) -> list[Figure]:
    files = sorted((root / NAME / "results").glob("*.json"))
    jobs: dict[str, Callable[[Results], object]] = {
        "expsdk.results": lambda results: results,
        "filter, best and top": lambda results: (results.filter(phase="Failed"), results.best, results.top(20)),
        "print": str,
        "what a notebook shows": lambda results: results._repr_html_(),
        "to_dataframe": lambda results: results.to_dataframe(),
        "history_dataframe": lambda results: results.history_dataframe(),
        "to_csv": lambda results: results.to_csv(root / "trials.csv"),
        "to_json": lambda results: results.to_json(root / "trials.json"),
        "to_parquet": lambda results: results.to_parquet(root / "trials.parquet"),
    }
    floor = _least_s(lambda: [json.loads(file.read_bytes()) for file in files])
    seconds = {name: _least_s(lambda job=job: job(expsdk.results(NAME, root=root))) for name, job in jobs.items()}  # type: ignore[misc]
    return [
        Figure("json.load of the same files", floor, "s"),
        *(Figure(name, took, "s", BUDGET_S) for name, took in seconds.items()),
        Figure("expsdk.results over json.load", seconds["expsdk.results"] / floor, "x"),
    ]


def _figures(root: Path) -> list[Figure]:
    figures = []
    for library in LIBRARIES:
        for kind in (*PLOTS, "pareto"):
            name = "front" if kind == "pareto" else NAME

            def draw(kind: str = kind, name: str = name, library: str = library) -> None:
                figure = getattr(expsdk.results(name, root=root).plot, kind)(library=library)
                if library == "plotly":
                    figure.to_json()
                else:
                    figure.savefig(root / "figure.png")
                    figure.clear()

            figures.append(Figure(f"plot.{kind}, {library}", _least_s(draw), "s", BUDGET_S))
    return figures


def _least_s(job: Callable[[], object]) -> float:
    """Return how long a job takes when what it imports is there."""
    took = []
    for _ in range(ROUNDS):
        gc.collect()
        began = time.process_time()
        job()
        took.append(time.process_time() - began)
    return min(took)


if __name__ == "__main__":
    sys.exit(main())
