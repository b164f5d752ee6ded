"""What a user's imports do before the first trial, and what trials find of it: forked, or in fresh interpreters."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import expsdk

START = """
    import os

    os.environ["COORDINATOR"] = str(os.getpid())

    import training

    if __name__ == "__main__":
        training.train.sweep(sampler="grid", parallelism=2, seed=7, name="imports").run()
"""
TRAINING = """
    import os
    import sys

    from expsdk import experiment

    NUMBERS = [1, 2, 3]
    IN_LAUNCHER = os.environ.get("COORDINATOR") != str(os.getpid())

    {at_import}

    @experiment(space={{"number": NUMBERS}}, objective="loss")
    def train(number):
        {in_trial}
        return float(number)
"""
FORKED = ""
FRESH = "import threading, time; threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()"
NOTICE = "each trial starts a fresh interpreter, which takes longer than a fork: "


@pytest.fixture
def sweep(workshop: Any) -> Callable[..., Any]:
    """Return a function that runs a sweep whose module runs some code when it is imported."""

    def run(at_import: str, *, in_trial: str = "pass", **options: Any) -> Any:
        indented = [text.replace("\n", f"\n{' ' * depth}") for text, depth in ((at_import, 4), (in_trial, 8))]
        workshop.write("training.py", TRAINING.format(at_import=indented[0], in_trial=indented[1]))
        workshop.write("start.py", START)
        return workshop.run("start.py", **options)

    return run


@pytest.fixture
def logs(workshop: Any) -> Callable[[], list[str]]:
    return lambda: [Path(trial.log_path).read_text() for trial in workshop.results("imports")]


def test_what_imports_print_is_in_a_log_of_its_own_once(workshop: Any, sweep: Any, logs: Any) -> None:
    done = sweep("print('imported'); sys.stderr.write('without an end')", in_trial="print('trained', number)")
    assert done.returncode == 0, done.stderr
    assert logs() == ["trained 1\n", "trained 2\n", "trained 3\n"]
    printed = (workshop.directory / ".expsdk/imports/imports.log").read_text()
    assert printed == "imported\nwithout an end"


def test_imports_that_replace_the_streams(sweep: Any, logs: Any) -> None:
    done = sweep(
        """class Tee:
    def write(self, text):
        sys.__stdout__.write(text.upper())
if IN_LAUNCHER:
    sys.stdout = Tee()
    sys.stderr = None
    sys.stdout.write("imported")""",
        in_trial="print('trained')",
    )
    assert done.returncode == 0, done.stderr
    assert logs() == ["TRAINED\n"] * 3


@pytest.mark.parametrize(
    ("at_import", "words"),
    [
        ("1 / 0  # the user's own line", ["1 / 0  # the user's own line", "ZeroDivisionError", 'training.py", line']),
        ("import numpie", ["import numpie", "No module named 'numpie'"]),
        ("sys.exit('no data')", ["sys.exit('no data')", "SystemExit: no data"]),
        ("sys.exit(0)", ["sys.exit(0)", "SystemExit: 0"]),
        ("print('so far', flush=True); os._exit(3)", ["ended with exit code 3", "so far"]),
        ("import ctypes; ctypes.string_at(0)", ["ended by SIGSEGV", 'training.py", line']),
        ("import signal; os.kill(os.getpid(), signal.SIGKILL)", ["ended by SIGKILL"]),
        ("raise KeyboardInterrupt", ["KeyboardInterrupt"]),
    ],
    ids=["raise", "lack", "exit", "exit with 0", "exit hard", "crash", "are killed", "interrupt"],
)
def test_imports_that_fail_only_where_trials_would_run(
    workshop: Any, sweep: Any, at_import: str, words: list[str]
) -> None:
    done = sweep(f"if IN_LAUNCHER:\n    {at_import}")
    assert done.returncode == 1
    error = done.stderr.partition("LoadError: ")[2]
    assert error.startswith("the function's module is imported before the first trial, and")
    assert [part for part in words if part not in error] == [], done.stderr
    assert [path.name for path in (workshop.directory / ".expsdk").iterdir()] == [".gitignore"]


def test_a_name_is_free_again_when_its_module_did_not_load(workshop: Any, sweep: Any) -> None:
    assert sweep("if IN_LAUNCHER: raise ValueError").returncode == 1
    assert sweep("pass").returncode == 0
    assert workshop.results("imports").counts == {"Succeeded": 3}


OPENMP = """NUMBERS = [1]
if IN_LAUNCHER:
    import numpy
    from sklearn.cluster import KMeans
    KMeans(2, n_init=1, max_iter=2).fit(numpy.arange(4000.0).reshape(-1, 2))"""
NATIVE = """import ctypes
libc = ctypes.CDLL(None)
thread = ctypes.c_ulong()
assert libc.pthread_create(ctypes.byref(thread), None, libc.sleep, ctypes.c_void_p(3600)) == 0"""


@pytest.mark.parametrize(
    ("at_import", "why"),
    [
        (FRESH, "the user's module starts threads when it is imported (Thread-"),
        (NATIVE, "a library that the user's module imports runs threads (1)"),
        (OPENMP, "a library that the user's module imports runs threads ("),
    ],
    ids=["Python's", "native", "OpenMP"],
)
def test_threads_that_a_fork_would_lose(workshop: Any, sweep: Any, at_import: str, why: str) -> None:
    done = sweep(at_import, env={"OMP_NUM_THREADS": "2"})
    assert done.returncode == 0, done.stderr
    assert NOTICE + why in done.stderr
    assert list(workshop.results("imports").counts) == ["Succeeded"]


@pytest.mark.parametrize(
    "at_import",
    ["import numpy; numpy.ones((500, 500)) @ numpy.ones((500, 500))", "if IN_LAUNCHER: import sklearn.linear_model"],
    ids=["BLAS", "scikit-learn"],
)
def test_libraries_that_know_about_forks_are_forked(workshop: Any, sweep: Any, at_import: str) -> None:
    done = sweep(
        at_import,
        in_trial="import numpy; assert (numpy.ones((500, 500)) @ numpy.ones((500, 500))).max() == 500",
        env={"OMP_NUM_THREADS": "2"},
    )
    assert (done.returncode, NOTICE in done.stderr) == (0, False), done.stderr
    assert workshop.results("imports").counts == {"Succeeded": 3}


def test_imports_that_reset_the_wakeup_descriptor_in_forked_processes(workshop: Any, sweep: Any) -> None:
    """As asyncio does from Python 3.12 on."""
    done = sweep("import os, signal; os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))")
    assert (done.returncode, NOTICE in done.stderr) == (0, False), done.stderr
    assert workshop.results("imports").counts == {"Succeeded": 3}


def test_random_numbers_are_a_functions_of_the_seed_however_trials_start(workshop: Any, sweep: Any) -> None:
    drawn = {}
    for mode, at_import in (("forked", FORKED), ("fresh", FRESH)):
        done = sweep(
            f"import random, numpy\n{at_import}\nnumpy.random.random() if {mode == 'forked'} else None",
            in_trial="from expsdk import log_metric; log_metric('r', random.random());"
            " log_metric('n', numpy.random.random())",
        )
        assert (done.returncode, NOTICE in done.stderr) == (0, mode == "fresh"), done.stderr
        results = workshop.results("imports")
        drawn[mode] = [(trial.metrics["r"]["last"], trial.metrics["n"]["last"]) for trial in results]
        (workshop.directory / ".expsdk" / "imports").rename(workshop.directory / mode)
    assert drawn["forked"] == drawn["fresh"]
    assert len({number for pair in drawn["forked"] for number in pair}) == 6


def test_what_imports_leave_to_their_end_happens_once_and_after_the_trials(workshop: Any, sweep: Any) -> None:
    done = sweep(
        """import atexit, pathlib, tempfile
if IN_LAUNCHER:
    scratch = tempfile.TemporaryDirectory()
    ended = pathlib.Path("ended").resolve()
    atexit.register(lambda: ended.write_text(f"{ended.exists()} {os.getpid()}"))""",
        in_trial="assert os.path.isdir(scratch.name); assert not ended.exists()\n"
        "from expsdk import log_metric; log_metric('launcher', os.getppid())",
    )
    assert done.returncode == 0, done.stderr
    results = workshop.results("imports")
    assert results.counts == {"Succeeded": 3}, results[0].error
    launcher = int(results[0].metrics["launcher"]["last"])
    assert (workshop.directory / "ended").read_text() == f"False {launcher}"


def test_signal_handlers_that_imports_set_are_there_in_trials(workshop: Any, sweep: Any) -> None:
    done = sweep(
        """import signal
def handle(number, frame):
    raise ValueError("handled")
signal.signal(signal.SIGUSR1, handle)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)""",
        in_trial="""
try:
    os.kill(os.getpid(), signal.SIGUSR1)
except ValueError:
    return float(number)""",
    )
    assert done.returncode == 0, done.stderr
    assert workshop.results("imports").counts == {"Succeeded": 3}


@pytest.mark.parametrize(
    ("at_import", "flags", "seen"),
    [
        (FORKED, ["-O"], "sys.flags.optimize == 1"),
        (FRESH, ["-O"], "sys.flags.optimize == 1"),
        (FORKED, ["-X", "dev"], "sys.flags.dev_mode"),
        (FRESH, ["-X", "dev", "-W", "error"], "sys.flags.dev_mode and 'error' in sys.warnoptions"),
        (FRESH, ["-E", "-s"], "sys.flags.ignore_environment and sys.flags.no_user_site"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else {FORKED: "forked", FRESH: "fresh"}.get(value, ""),
)
def test_trials_run_under_the_interpreters_flags(
    workshop: Any, sweep: Any, flags: list[str], seen: str, at_import: str
) -> None:
    environment = {"PYTHONPATH": ""} if "-E" in flags else {}
    done = sweep(
        at_import, in_trial=f"if not ({seen}): raise ValueError", prefix=(sys.executable, *flags), env=environment
    )
    assert (done.returncode, "Warning" in done.stderr) == (0, False), done.stderr
    results = workshop.results("imports")
    assert results.counts == {"Succeeded": 3}, results[0].error
    assert ["Warning" in Path(trial.log_path or "").read_text() for trial in results] == [False] * 3


def test_a_sample_that_is_larger_than_a_sockets_buffer(workshop: Any) -> None:
    workshop.write(
        "train.py",
        """
        from expsdk import experiment

        @experiment(space={"numbers": [[1, 2]]}, objective="loss")
        def train(numbers):
            return float(sum(numbers))

        if __name__ == "__main__":
            print(train.launch(numbers=list(range(100_000))).values)
        """,
    )
    done = workshop.run("train.py")
    assert done.stdout == f"{{'loss': {sum(range(100_000)):.1f}}}\n", done.stderr


def test_too_few_descriptors_for_so_many_trials(workshop: Any) -> None:
    workshop.write(
        "train.py",
        """
        import resource, time
        from expsdk import experiment

        @experiment(space={"number": list(range(60))}, objective="loss")
        def train(number):
            time.sleep(3600)

        if __name__ == "__main__":
            resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
            train.sweep(sampler="grid", parallelism=60, name="many").run()
        """,
    )
    done = workshop.run("train.py")
    assert "BackendError: each running trial takes a file descriptor of the coordinator's" in done.stderr
    assert "raise the limit (ulimit -n) or lower parallelism=" in done.stderr
    results = workshop.results("many")
    assert {trial.reason for trial in results} == {"Lost"}
    assert results.experiment.status.phase == "Failed"


def test_launch_returns_the_record_of_one_trial(workshop: Any) -> None:
    workshop.write(
        "train.py",
        """
        from expsdk import experiment, uniform

        @experiment(space={"lr": uniform(0, 1)}, objective="loss")
        def train(lr, epochs=3):
            return lr * epochs

        if __name__ == "__main__":
            record = train.launch(lr=2.0)
            print(record.phase, record.values, record.parameters, record.name)
        """,
    )
    done = workshop.run("train.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Succeeded {'loss': 6.0} {'lr': 2.0} train-")
    name = done.stdout.split()[-1].rpartition("-")[0]
    assert isinstance(workshop.results(name), expsdk.Results)
