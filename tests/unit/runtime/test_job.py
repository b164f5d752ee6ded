"""Trials in processes of their own: signals, forks, exit codes, memory, and a coordinator that goes away."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from expsdk_runtime.sinks import LAST_STATUS

StartJob = Callable[..., Any]

WITH_CLEANUP = """
import time
from expsdk_runtime import current_trial, log_metric, output_dir
def train():
    log_metric("loss", 0.5)
    try:
        {work}
    finally:
        (output_dir() / "cleaned").write_text(current_trial().name)
"""
SLEEP = "print('ready'); time.sleep(60)"
BUSY = """
        print('ready')
        while True:
            sum(range(100))"""
SWALLOW = """
        try:
            print('ready'); time.sleep(60)
        except BaseException:
            return 0.25"""
WRAP = """
        try:
            print('ready'); time.sleep(60)
        except BaseException as error:
            raise RuntimeError('a worker died') from error"""


@pytest.mark.parametrize("work", [SLEEP, BUSY, SWALLOW, WRAP], ids=["asleep", "busy", "swallows it", "wraps it"])
def test_sigterm_ends_a_function_wherever_it_is_after_its_cleanup(
    start_job: StartJob, tmp_path: Path, work: str
) -> None:
    job = start_job(WITH_CLEANUP.format(work=work))
    job.wait_for_line("ready")
    job.process.send_signal(signal.SIGTERM)
    assert job.end() == 75
    status = job.statuses[-1]
    assert (status["phase"], status["reason"]) == ("Failed", "Preempted")
    assert status["metrics"]["loss"]["last"] == 0.5
    assert (tmp_path / "trial" / "cleaned").read_text() == "train-0003"


def test_sigterm_ends_a_generator_after_its_cleanup(start_job: StartJob, tmp_path: Path) -> None:
    job = start_job(
        """
        import time
        from expsdk_runtime import checkpoint_dir
        def train():
            try:
                while True:
                    yield {"loss": 0.5}
                    time.sleep(0.01)
            finally:
                (checkpoint_dir() / "state").write_text("saved")
        """
    )
    job.wait_for(lambda status: status["metrics"])
    job.process.send_signal(signal.SIGTERM)
    assert job.end() == 75
    assert (tmp_path / "trial" / "checkpoint" / "state").read_text() == "saved"


def test_a_second_sigterm_does_not_disturb_the_cleanup_of_the_first(start_job: StartJob) -> None:
    job = start_job(
        """
        import time
        def train():
            try:
                print("ready"); time.sleep(60)
            finally:
                print("cleaning")
                time.sleep(0.3)
                print("cleaned")
        """
    )
    job.wait_for_line("ready")
    job.process.send_signal(signal.SIGTERM)
    job.wait_for_line("cleaning")
    job.process.send_signal(signal.SIGTERM)
    assert job.end() == 75
    assert job.stdout.endswith("cleaned\n")


def test_sigterm_while_the_module_is_imported_ends_the_trial(start_job: StartJob) -> None:
    job = start_job("import time\nprint('ready')\ntime.sleep(60)\ndef train(): return 0.5")
    job.wait_for_line("ready")
    job.process.send_signal(signal.SIGTERM)
    assert job.end() == 75
    assert job.statuses[-1]["reason"] == "Preempted"


def test_a_pruned_trial_that_did_not_listen_is_pruned_when_sigterm_ends_it(start_job: StartJob) -> None:
    job = start_job(
        """
        import time
        from expsdk_runtime import log_metric, tracking
        def train():
            log_metric("loss", 0.5)
            while not tracking._current.recorder.stop:
                time.sleep(0.01)
            print("asked"); time.sleep(60)
        """
    )
    job.ask("pruned")
    job.wait_for_line("asked")
    job.process.send_signal(signal.SIGTERM)
    assert job.end() == 0
    assert job.statuses[-1]["phase"] == "Pruned"


def test_sigterm_while_the_end_is_reported_changes_nothing(run: Callable[..., Any], make_sink: Any) -> None:
    sink = make_sink()
    report = sink.report

    def report_with_a_signal(status: dict[str, Any]) -> None:
        if status["phase"] != "Running":
            signal.raise_signal(signal.SIGTERM)
        report(status)

    sink.report = report_with_a_signal
    before = signal.getsignal(signal.SIGTERM)
    assert run(lambda: 0.5, sink=sink).ending.phase == "Succeeded"
    assert sink.statuses[-1]["phase"] == "Succeeded"
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_stop_signal_ends_the_trial_at_its_next_call(start_job: StartJob) -> None:
    job = start_job(
        """
        import time
        from expsdk_runtime import log_metric
        def train():
            for epoch in range(6000):
                log_metric("loss", 1 / (epoch + 1), epoch=epoch)
                time.sleep(0.01)
        """
    )
    job.wait_for(lambda status: status["metrics"])
    job.ask("cancelled")
    assert job.end() == 0
    assert job.statuses[-1]["phase"] == "Cancelled"
    assert job.statuses[-1]["metrics"]["loss"]["epoch"] < 5999


@pytest.mark.parametrize(
    ("body", "code", "phase"),
    [
        ("return 0.5", 0, "Succeeded"),
        ("return", 67, "Failed"),
        ("raise ValueError", 1, "Failed"),
        ("raise MemoryError", 68, "Failed"),
        ("raise SystemExit(3)", 1, "Failed"),
        ("raise KeyboardInterrupt", 0, "Cancelled"),
    ],
)
def test_a_process_ends_with_the_code_of_its_ending(start_job: StartJob, body: str, code: int, phase: str) -> None:
    job = start_job(f"def train():\n    {body}")
    assert job.end() == code
    assert job.statuses[-1]["phase"] == phase
    assert ("Traceback" in job.stderr) == (code in (1, 68))


def test_a_process_that_just_ends_has_reported_that_it_ran(start_job: StartJob, tmp_path: Path) -> None:
    job = start_job(
        """
        import os, time
        from expsdk_runtime import log_metric
        def train(flag):
            log_metric("loss", 0.5)
            while not os.path.exists(flag):
                time.sleep(0.01)
            os._exit(9)
        """,
        parameters={"flag": str(tmp_path / "flag")},
    )
    job.wait_for(lambda status: status["metrics"])
    (tmp_path / "flag").touch()
    assert job.end() == 9
    assert job.statuses[-1]["phase"] == "Running"


# -------------------------------------------------------------------------------------------------------- forks

FORK = """
import os, sys
from expsdk_runtime import current_trial, log_metric
def train():
    log_metric("loss", 0.5, epoch=0)
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        {child}
    log_metric("child", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.parametrize(
    ("child", "code"),
    [
        ("return 0.125", 0),
        ("sys.exit()", 0),
        ("sys.exit(3)", 3),
        ("sys.exit('so')", 1),
        ("raise ValueError('in the child')", 1),
        ("os._exit(4)", 4),
    ],
)
def test_a_process_that_the_function_forks_ends_on_its_own_and_reports_nothing(
    start_job: StartJob, child: str, code: int
) -> None:
    job = start_job(FORK.format(child=child))
    assert job.end() == 0
    assert [status["phase"] for status in job.statuses].count("Succeeded") == 1
    assert job.statuses[-1]["objectives"] == {"loss": 0.5}
    assert job.statuses[-1]["metrics"]["child"]["last"] == code
    assert ("ValueError: in the child" in job.stderr) == ("ValueError" in child)


def test_what_a_forked_process_logs_is_printed(start_job: StartJob) -> None:
    job = start_job(FORK.format(child="log_metric('inner', 0.25, epoch=3); print(current_trial()); os._exit(0)"))
    assert job.end() == 0
    assert job.stdout.splitlines() == ["epoch 3: inner = 0.25", "None"]
    assert "inner" not in job.statuses[-1]["metrics"]


@pytest.mark.parametrize("where", ["the main thread", "another thread"])
def test_sigterm_ends_what_a_function_has_forked_as_it_ends_other_processes(start_job: StartJob, where: str) -> None:
    job = start_job(
        f"""
        import multiprocessing, threading, time
        fork = multiprocessing.get_context("fork")
        codes = []
        def work():
            process = fork.Process(target=time.sleep, args=(60,))
            process.start()
            time.sleep(0.2)
            process.terminate()
            process.join(20)
            codes.append(process.exitcode)
        def train():
            if {where!r} == "the main thread":
                work()
            else:
                thread = threading.Thread(target=work)
                thread.start()
                thread.join()
            return codes[0]
        """
    )
    assert job.end() == 0
    assert job.statuses[-1]["objectives"] == {"loss": -15.0}


def test_a_pool_of_processes_works_and_ends(start_job: StartJob) -> None:
    job = start_job(
        """
        import multiprocessing
        def train():
            with multiprocessing.get_context("fork").Pool(2) as pool:
                return sum(pool.map(abs, [-1, -2, -3]))
        """
    )
    assert job.end() == 0
    assert job.statuses[-1]["objectives"] == {"loss": 6.0}


# --------------------------------------------------------------------------------------------- bounds and losses


def test_hundreds_of_thousands_of_calls_are_all_kept_in_bounded_memory(start_job: StartJob, tmp_path: Path) -> None:
    job = start_job(
        """
        import resource
        from expsdk_runtime import log_metric
        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        def train():
            before = peak()
            for epoch in range(300_000):
                log_metric("loss", 0.5, epoch=epoch)
            return {"loss": 0.25, "mebibytes": peak() - before}
        """
    )
    assert job.end() == 0
    metrics = job.statuses[-1]["metrics"]
    assert metrics["loss"]["epoch"] == 299_999
    # A point waiting takes some 300 bytes, and at most `WAIT_AT_POINTS` of them wait.
    assert metrics["mebibytes"]["last"] < 120
    with (tmp_path / "trial" / "metrics.jsonl").open() as lines:
        assert sum(1 for _ in lines) == 300_002


def test_a_trial_whose_coordinator_has_gone_ends_and_leaves_its_last_status(
    start_job: StartJob, tmp_path: Path
) -> None:
    job = start_job("import time\ndef train():\n    print('ready'); time.sleep(0.5)\n    return 0.5")
    job.wait_for_line("ready")
    job.connection.close()
    job.process.communicate(timeout=15)
    assert job.process.returncode == 0
    assert json.loads((tmp_path / "trial" / LAST_STATUS).read_text())["objectives"] == {"loss": 0.5}


def test_a_function_that_closes_all_files_still_ends_in_words(start_job: StartJob, tmp_path: Path) -> None:
    job = start_job(
        """
        import os
        from expsdk_runtime import log_metric
        def train():
            log_metric("loss", 0.5)
            os.closerange(3, 200)
            log_metric("loss", 0.25)
        """
    )
    job.end()
    assert job.process.returncode == 0
    status = json.loads((tmp_path / "trial" / LAST_STATUS).read_text())
    assert (status["phase"], status["objectives"]) == ("Succeeded", {"loss": 0.25})


def test_text_that_is_no_utf8_passes_through_a_job(start_job: StartJob) -> None:
    job = start_job("def train(text):\n    raise ValueError(text)", parameters={"text": "\udce9 \ud83d"})
    assert job.end() == 1
    assert job.statuses[-1]["message"].endswith("ValueError: \\udce9 \\ud83d")
