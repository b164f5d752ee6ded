"""`log_metric` in a training loop, with the reporter at work and with nobody to report to, against tensorboardX."""

from __future__ import annotations

import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

from report import Figure, report

from expsdk_runtime import log_metric
from expsdk_runtime.contract import Assignment
from expsdk_runtime.runner import run_trial
from expsdk_runtime.sinks import SocketSink

CALLS = 100_000
PEER_CALLS = 20_000
MEDIAN_BUDGET_US = 1.5
P99_BUDGET_US = 20.0


def main() -> int:
    median, p99 = in_a_trial(reporting=True)
    down_median, down_p99 = in_a_trial(reporting=False)
    peer_median, peer_p99 = in_tensorboard()
    return report(
        f"log_metric ({CALLS} calls, each timed, the timer's own cost taken off)",
        [
            Figure("log_metric, median", median, "us", MEDIAN_BUDGET_US),
            Figure("log_metric, 99th percentile", p99, "us", P99_BUDGET_US),
            Figure("log_metric, nobody listens, median", down_median, "us", MEDIAN_BUDGET_US),
            Figure("log_metric, nobody listens, 99th percentile", down_p99, "us", P99_BUDGET_US),
            Figure(f"tensorboardX add_scalar ({PEER_CALLS} calls), median", peer_median, "us"),
            Figure("tensorboardX add_scalar, 99th percentile", peer_p99, "us"),
        ],
    )


def in_a_trial(*, reporting: bool) -> tuple[float, float]:
    """Return median and 99th percentile of a call in a real trial; without reporting, every report fails."""
    taken: tuple[float, float] = (0.0, 0.0)

    def train() -> None:
        nonlocal taken
        taken = timed(lambda epoch: log_metric("loss", 0.5, epoch=epoch), CALLS)

    ours, theirs = socket.socketpair()
    with ours, theirs, tempfile.TemporaryDirectory() as directory:
        if reporting:
            threading.Thread(target=_listen, args=(ours,), daemon=True).start()
        sink: Any = SocketSink(theirs, interval_s=0.25) if reporting else _Down()
        assignment = Assignment(
            experiment="bench",
            name="bench-0000",
            number=0,
            attempt=1,
            parameters={},
            objectives=[("loss", "minimize")],
            seed=0,
            output_dir=directory,
            checkpoint_dir=directory,
        )
        run_trial(train, assignment, sink)
    return taken


def in_tensorboard() -> tuple[float, float]:
    """Return median and 99th percentile of a call of the peer."""
    from tensorboardX import SummaryWriter

    with tempfile.TemporaryDirectory() as directory, SummaryWriter(directory) as writer:
        return timed(lambda epoch: writer.add_scalar("loss", 0.5, epoch), PEER_CALLS)


def timed(call: Callable[[int], object], calls: int) -> tuple[float, float]:
    """Return median and 99th percentile of `call`, in microseconds, less those of a call that does nothing."""
    spent = _spent(call, calls)
    nothing = statistics.median(_spent(lambda _epoch: None, calls))
    return (statistics.median(spent) - nothing) / 1000, (statistics.quantiles(spent, n=100)[98] - nothing) / 1000


def _spent(call: Callable[[int], object], calls: int) -> list[int]:
    clock = time.perf_counter_ns
    spent = []
    for number in range(calls):
        began = clock()
        call(number)
        spent.append(clock() - began)
    return spent


def _listen(connection: socket.socket) -> None:
    while connection.recv(1 << 16):
        pass


class _Down:
    """A sink whose server is away; at the end it is back, so that the trial need not wait."""

    interval_s = 0.25

    def report(self, status: dict[str, Any]) -> None:
        if status["phase"] == "Running":
            raise ConnectionRefusedError

    def stop(self) -> str:
        return ""

    def listen(self) -> None:
        return None


if __name__ == "__main__":
    sys.exit(main())
