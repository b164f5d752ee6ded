"""A local sweep of no-op trials of 10 epochs, against a bare process per trial and against peers."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from noop import EPOCHS, train, train_alone
from report import Figure, report

TRIALS = 200
PARALLELISM = 2
BUDGET_MS = 9.0
SLOW_TRIALS = 8
ROUNDS = 3


def main() -> int:
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)  # where submitit's jobs and Ray's workers find `noop`
    with tempfile.TemporaryDirectory() as directory:
        ours = min(per_trial_ms(lambda: sweep(directory), TRIALS) for _ in range(ROUNDS))
        bare = min(per_trial_ms(bare_processes, TRIALS) for _ in range(ROUNDS))
        figures = [
            Figure(f"python -c pass, {PARALLELISM} at a time", bare, "ms"),
            Figure("expsdk, a no-op trial of 10 epochs", ours, "ms", BUDGET_MS),
            Figure("expsdk, in bare processes", ours / bare, "x", 1.0),
            Figure("fork server, a process each", per_trial_ms(fork_server, TRIALS), "ms"),
            Figure("joblib (loky, workers are used again)", per_trial_ms(joblib_workers, TRIALS), "ms"),
            Figure("submitit, local executor", per_trial_ms(lambda: submitit_jobs(directory), SLOW_TRIALS), "ms"),
        ]
        if os.environ.get("PEERS") == "1":
            figures.append(Figure("Ray Tune", per_trial_ms(lambda: ray_tune(directory), SLOW_TRIALS), "ms"))
        else:
            print("Ray Tune is left out: PEERS=1 measures it too (pip install 'ray[tune]')")
    return report(f"local sweep ({TRIALS} trials, {PARALLELISM} at a time, a trial; best of {ROUNDS})", figures)


def per_trial_ms(run: Callable[[], object], trials: int) -> float:
    began = time.perf_counter()
    run()
    return (time.perf_counter() - began) * 1000 / trials


def sweep(root: str) -> None:
    results = train.sweep(trials=TRIALS, parallelism=PARALLELISM, seed=1).run(progress=False, root=root)
    assert results.counts == {"Succeeded": TRIALS}, results.counts


def bare_processes() -> None:
    with ThreadPoolExecutor(PARALLELISM) as pool:
        list(pool.map(lambda _: subprocess.run([sys.executable, "-c", "pass"], check=True), range(TRIALS)))


def fork_server() -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["noop"])

    def run(_number: int) -> None:
        process = context.Process(target=train_alone)
        process.start()
        process.join()

    with ThreadPoolExecutor(PARALLELISM) as pool:
        list(pool.map(run, range(TRIALS)))


def joblib_workers() -> None:
    import joblib

    joblib.Parallel(n_jobs=PARALLELISM)(joblib.delayed(train_alone)() for _ in range(TRIALS))


def submitit_jobs(directory: str) -> None:
    import submitit

    executor = submitit.LocalExecutor(folder=Path(directory, "submitit"))

    def run(_number: int) -> None:
        executor.submit(train_alone).result()

    with ThreadPoolExecutor(PARALLELISM) as pool:
        list(pool.map(run, range(SLOW_TRIALS)))


def ray_tune(directory: str) -> None:
    import ray
    from ray import tune

    def trainable(_sample: dict[str, float]) -> None:
        for epoch in range(EPOCHS):
            tune.report({"loss": epoch})

    if not ray.is_initialized():
        ray.init(num_cpus=PARALLELISM, include_dashboard=False, log_to_driver=False)
    tuner = tune.Tuner(
        tune.with_resources(trainable, {"cpu": 1}),
        tune_config=tune.TuneConfig(num_samples=SLOW_TRIALS, max_concurrent_trials=PARALLELISM),
        run_config=tune.RunConfig(storage_path=directory, verbose=0),
    )
    tuner.fit()


if __name__ == "__main__":
    sys.exit(main())
