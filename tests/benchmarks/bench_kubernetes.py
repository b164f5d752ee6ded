"""The Kubernetes backend against a real API server: launching, against raw POSTs of the same objects, and the way to
the first metric.

It needs a cluster that KUBECONFIG names, and the definitions in it: `make bench-kubernetes` brings one up. The Jobs of
the launch rates are paused (`parallelism: 0`): what is measured is the server's and the client's work, not the pods'.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

from report import Figure, report

from expsdk import experiment, log_metric
from expsdk.backends.kubernetes.job import job_for
from expsdk.backends.kubernetes.labels import result_document
from expsdk.backends.kubernetes.records import as_experiment
from expsdk.backends.kubernetes.work import Work
from expsdk.cluster.api import Api
from expsdk.cluster.install import install
from expsdk.cluster.kinds import EXPERIMENTS, JOBS, NAMESPACES, PODS, RESULTS
from expsdk.cluster.lanes import Lanes
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result, new_result

IMAGE = os.environ.get("EXPSDK_BENCH_IMAGE", "python:3.11-slim")
TRIALS = 200
TURNS = 3
LEAST_RATIO = 0.8
WRITERS = 200
WRITERS_FOR_S = 60.0
WRITE_EVERY_S = 2.0


def main() -> int:
    if not os.environ.get("KUBECONFIG"):
        print("\nKubernetes: not measured: KUBECONFIG names no cluster; `make bench-kubernetes` brings one up")
        return 0
    with _namespace() as api:
        figures = [figure for connections in (4, 16) for figure in _launching(api, connections)]
        figures += _first_metric(api)
        figures += _status_patches(api)
    return report(f"Kubernetes ({TRIALS} Results and Jobs each way, {TURNS} times in turn)", figures)


def _launching(api: Api, connections: int) -> list[Figure]:
    """Measure both in turn, so that a machine that slows down slows both; the median of each counts."""
    rates = [(_rate(_post_raw, api, connections), _rate(_launch, api, connections)) for _ in range(TURNS)]
    raw, ours = (statistics.median(each) for each in zip(*rates, strict=True))
    return [
        Figure(f"raw POSTs of both objects, {connections} connections", raw, "trials/s"),
        Figure(f"launching, {connections} connections", ours, "trials/s"),
        Figure(f"raw POSTs over launching, {connections} connections", raw / ours, "times", 1 / LEAST_RATIO),
    ]


def _rate(do: Callable[[Api, Experiment, int], None], api: Api, connections: int) -> float:
    """Return how many trials a second get their Result and Job."""
    kept = _create_experiment(api)
    began = time.perf_counter()
    do(api, kept, connections)
    took = time.perf_counter() - began
    created = len(api.list(JOBS, selector=f"expsdk.dev/experiment={kept.metadata.name}").items)
    assert created == TRIALS, f"{created} of {TRIALS} Jobs are there"
    return TRIALS / took


def _post_raw(api: Api, kept: Experiment, connections: int) -> None:
    """Post the same bytes, made before, through kept connections: nothing else is done."""
    bodies = [
        [(kind.path(api.namespace), json.dumps(document).encode()) for kind, document in _objects(kept, number)]
        for number in range(TRIALS)
    ]

    def post(pair: list[tuple[str, bytes]]) -> None:
        for path, body in pair:
            answer = api.connection.request("POST", path, body=body, headers={"Content-Type": "application/json"})
            assert answer.status == 201, answer.data

    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(post, bodies))


def _launch(api: Api, kept: Experiment, connections: int) -> None:
    failures: list[Exception] = []
    lanes = Lanes(connections, failed=lambda _, error: failures.append(error))
    done = threading.Semaphore(0)

    def tell(sight: Any) -> None:
        if sight.kind is JOBS:
            done.release()

    work = Work(api, kept, tell)
    for number in range(TRIALS):
        lanes.do(number, partial(work.start, number, _result(kept, number), attempt=1))
    for _ in range(TRIALS):
        done.acquire()
    lanes.close()
    assert not failures, failures


def _first_metric(api: Api) -> list[Figure]:
    """Run sweeps of one trial: to the first metric here, and inside the pod to the user's function."""

    @experiment(space={"number": [1]}, objective="loss")
    def train(number: int) -> float:
        import time

        log_metric("called", time.time())
        return 1.0

    times, overheads = [], []
    for turn in range(5):
        began = time.time()
        found = train.sweep(sampler="grid", name=f"first-{turn}").run(
            backend="kubernetes", namespace=api.namespace, image=IMAGE, progress=False
        )
        assert found.counts == {"Succeeded": 1}, found[0].error
        called = found[0].metrics["called"]["last"]
        (pod,) = api.list(PODS, selector=f"job-name=first-{turn}-0000").items
        state = pod["status"]["containerStatuses"][0]["state"]["terminated"]
        overheads.append(called - _unix(state["startedAt"]))
        times.append(called - began)
    return [
        Figure("from run() to the user's function", statistics.median(times), "s"),
        Figure("of that, from the container's start (known to the second)", statistics.median(overheads), "s"),
    ]


def _status_patches(api: Api) -> list[Figure]:
    """Let simulated trials report for a minute as the runtime does: one status patch an interval each."""
    kept = _create_experiment(api)
    names = [f"{kept.metadata.name}-{number:04d}" for number in range(WRITERS)]
    for number in range(WRITERS):
        api.create(RESULTS, result_document(kept, _result(kept, number)))
    history = {"stride": 1, "points": [list(range(200)), [1 / (epoch + 1) for epoch in range(200)]]}
    status = {"phase": "Running", "history": {"loss": history, "accuracy": history}}
    ends_at = time.monotonic() + WRITERS_FOR_S
    times: list[float] = []

    def write(name: str) -> None:
        time.sleep(hash(name) % 1000 / 1000 * WRITE_EVERY_S)
        epoch = 0
        while time.monotonic() < ends_at:
            began = time.monotonic()
            api.patch(RESULTS, name, {"status": {**status, "epoch": epoch}}, subresource="status")
            took = time.monotonic() - began
            times.append(took)
            epoch += 1
            time.sleep(max(0.0, max(WRITE_EVERY_S, 10 * took) - took))

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, names))
    api.delete(EXPERIMENTS, kept.metadata.name)
    ordered = sorted(times)
    return [
        Figure(f"status patches of {WRITERS} trials", len(times) / WRITERS_FOR_S, "/s", WRITERS / WRITE_EVERY_S),
        Figure("one of them, median", statistics.median(times) * 1000, "ms"),
        Figure("one of them, 99th percentile", ordered[int(0.99 * len(ordered))] * 1000, "ms"),
    ]


def _objects(kept: Experiment, number: int) -> list[tuple[Any, dict[str, Any]]]:
    result = _result(kept, number)
    return [(RESULTS, result_document(kept, result)), (JOBS, job_for(kept, result))]


def _result(kept: Experiment, number: int) -> Result:
    return new_result(kept.metadata.name, number=number, parameters={"lr": 0.1 * number, "opt": "sgd"}, seed=number)


def _create_experiment(api: Api) -> Experiment:
    """Create an experiment whose Jobs start no pods."""
    container = {"name": "trial", "image": IMAGE, "command": ["true"], "env": [{"name": "A", "value": "x" * 3000}]}
    template = {"spec": {"parallelism": 0, "template": {"spec": {"containers": [container]}}}}
    document = {
        "apiVersion": EXPERIMENTS.api_version,
        "kind": EXPERIMENTS.name,
        "metadata": {"name": f"bench-{time.time_ns() % 10**9}"},
        "spec": {"objectives": [{"metric": "loss", "direction": "minimize"}], "jobTemplate": template},
    }
    return as_experiment(api.create(EXPERIMENTS, document))


def _unix(text: str) -> float:
    from expsdk.resources.times import parse_time

    return parse_time(text).timestamp()


@contextmanager
def _namespace() -> Iterator[Api]:
    """Make a namespace with expsdk in it, and delete it in the end."""
    name = f"expsdk-bench-{time.time_ns() % 10**9}"
    api = Api.connect(namespace=name, connections=WRITERS)
    install(api, [name], create_namespaces=True)
    try:
        yield api
    finally:
        api.delete(NAMESPACES, name)
        api.close()


if __name__ == "__main__":
    sys.exit(main())
