"""`expsdk replay`: a trial of a local sweep again, from its payload, in a directory where all else has changed."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest

PDB = r"\(Pdb\) "
HELPER = """
    import json

    def shrink(x, epoch):
        if x > 0.8:
            raise ValueError(f"x is too large: {x}")
        if x > 0.7:
            json.loads("nonsense")
        return x / (epoch + 1)
"""
TRAIN = """
    import random
    import numpy as np
    import helper
    from expsdk import experiment, log_metric

    @experiment(space={"x": [0.1, 0.75, 0.9]}, objective="loss")
    def train(x):
        for epoch in range(3):
            noise = random.random() + float(np.random.rand())
            log_metric("loss", helper.shrink(x, epoch) + noise, epoch=epoch)

    if __name__ == "__main__":
        train.sweep(sampler="grid", seed=3, name="again").run(progress=False)
"""


@pytest.fixture
def swept(workshop: Any) -> Any:
    """A workshop with a sweep of three trials, one of which succeeds, and all sources changed since."""
    workshop.write("helper.py", HELPER)
    workshop.write("train.py", TRAIN)
    done = workshop.run("train.py")
    assert done.returncode == 0, done.stderr
    workshop.write("helper.py", "raise RuntimeError('this is not the code that ran')")
    workshop.write("train.py", "raise RuntimeError('nor is this')")
    return workshop


@pytest.fixture
def replay(workshop: Any) -> Callable[..., Any]:
    """Return a function that replays a trial in the workshop."""

    def run(*arguments: str, **options: Any) -> Any:
        return workshop.run("-m", "expsdk", "replay", *arguments, **options)

    return run


def files_of(directory: Path) -> dict[str, tuple[bytes, int]]:
    paths = (path for path in directory.rglob("*") if path.is_file() and ".replays" not in path.parts)
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def test_the_same_seed_and_code_give_the_same_metrics(swept: Any, replay: Any) -> None:
    before = files_of(swept.directory)
    done = replay("again-0000")
    assert done.returncode == 0, done.stderr
    recorded = swept.results("again")[0]
    lines = done.stdout.splitlines()
    assert lines[:2] == [f"again-0000 again: x=0.1 seed={recorded.seed}", "recorded as Succeeded at epoch 2"]
    assert lines[2:5] == [f"epoch {epoch}: loss={value:.6g}" for epoch, value in recorded.history["loss"]]
    assert lines[5:7] == ["loss: the same at 3 epochs", "it went as it is recorded"]
    assert lines[7] == "what it wrote is in .expsdk/.replays/again-0000.1"
    assert (swept.directory / ".expsdk/.replays/again-0000.1/output/metrics.jsonl").is_file()
    assert files_of(swept.directory) == before


def test_it_runs_where_the_project_is_gone(swept: Any, replay: Any, tmp_path_factory: Any) -> None:
    for name in ("train.py", "helper.py"):
        (swept.directory / name).unlink()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = replay("again-0000", "--root", str(swept.directory / ".expsdk"), "--output", "out", cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    assert (elsewhere / "out/output/metrics.jsonl").is_file()


def test_a_failure_that_comes_again_is_as_recorded(replay: Any, swept: Any) -> None:
    done = replay("again-0002")
    assert done.returncode == 0, done.stderr
    assert "ValueError: x is too large: 0.9" in done.stderr
    assert "recorded as Failed (UserError)\n" in done.stdout


def test_what_is_otherwise_is_told(replay: Any, swept: Any) -> None:
    """As if the trial had run elsewhere, and better."""
    path = swept.directory / ".expsdk/again/results/again-0000.json"
    document = json.loads(path.read_text())
    status = document["status"]
    status["environment"].update(python="3.0.1", packages="numpy==0.9 gone==1.0")
    status["history"]["loss"]["points"][1][1] += 0.5
    status["attempt"] = 2
    path.write_text(json.dumps(document))
    done = replay("again-0000")
    assert done.returncode == 3, done.stderr
    here = ".".join(map(str, sys.version_info[:3]))
    assert f"note: Python 3.0.1 when it was recorded, {here} now\n" in done.stdout
    assert "note: gone 1.0 when it was recorded, not installed now\n" in done.stdout
    assert "note: numpy 0.9 when it was recorded, " in done.stdout
    assert "note: recorded is attempt 2, which may have gone on from checkpoints; this begins anew\n" in done.stdout
    assert "loss: differs by up to 0.5 at 3 epochs, first at epoch 1: " in done.stdout
    assert "it did not go as it is recorded\n" in done.stdout


class TestDebugging:
    @pytest.fixture
    def debug(self, swept: Any, terminal: Any) -> Callable[[str], Any]:
        return lambda trial: terminal("-m", "expsdk", "replay", trial, "--debug")

    def test_pdb_starts_where_it_fails_with_the_lines_that_ran(self, swept: Any, debug: Any) -> None:
        child = debug("again-0002")
        child.expect(PDB)
        assert "-> raise ValueError(" in child.before
        child.sendline("p x, epoch")
        child.expect(r"\(0\.9, 0\)")
        child.expect(PDB)
        child.sendline("up")
        child.expect(r"-> log_metric\(\"loss\", helper\.shrink")
        child.expect(PDB)
        child.sendline("l")
        child.expect(r"noise = random\.random\(\)")
        child.expect(PDB)
        child.sendline("q")
        child.expect("it went as it is recorded")
        child.expect(pexpect.EOF)

    def test_of_a_library_that_fails_the_users_line_is_shown(self, swept: Any, debug: Any) -> None:
        child = debug("again-0001")
        child.expect(PDB)
        assert '-> json.loads("nonsense")' in child.before
        child.sendline("p x")
        child.expect(r"0\.75")
        child.sendline("c")
        child.expect("it went as it is recorded")

    def test_a_breakpoint_in_the_function_stops_and_quitting_it_interrupts(self, workshop: Any, terminal: Any) -> None:
        workshop.write(
            "train.py",
            """
            import os
            from expsdk import experiment

            @experiment(space={"x": [1]}, objective="loss")
            def train(x):
                if os.environ.get("ASK"):
                    breakpoint()
                return x

            if __name__ == "__main__":
                train.sweep(sampler="grid", name="asked").run(progress=False)
            """,
        )
        assert workshop.run("train.py").returncode == 0
        child = terminal("-m", "expsdk", "replay", "asked-0000", ASK="1")
        child.expect("-> return x")
        child.expect(PDB)
        child.sendline("p x")
        child.expect("1")
        child.sendline("q")
        child.expect("interrupted before its end")
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 130

    @pytest.mark.parametrize("is_generator", [False, True], ids=["function", "generator"])
    def test_it_may_begin_at_the_first_line(self, workshop: Any, terminal: Any, is_generator: bool) -> None:
        workshop.write(
            "train.py",
            f"""
            from expsdk import experiment

            @experiment(space={{"x": [1]}}, objective="loss")
            def train(x):
                doubled = 2 * x
                {'yield {"loss": doubled}' if is_generator else "return doubled"}

            if __name__ == "__main__":
                train.sweep(sampler="grid", name="stepped").run(progress=False)
            """,
        )
        assert workshop.run("train.py").returncode == 0
        workshop.write("train.py", "changed")
        child = terminal("-m", "expsdk", "replay", "stepped-0000", "--step")
        child.expect("-> doubled = 2 \\* x")
        child.expect(PDB)
        child.sendline("b 7")
        child.expect(PDB)
        child.sendline("c")
        child.expect("-> yield" if is_generator else "-> return doubled")
        child.expect(PDB)
        child.sendline("p doubled")
        child.expect("2")
        child.sendline("c")
        child.expect("it went as it is recorded")

    def test_ctrl_c_interrupts(self, workshop: Any, terminal: Any) -> None:
        workshop.write(
            "train.py",
            """
            import os, time
            from expsdk import experiment, log_metric

            @experiment(space={"x": [1]}, objective="loss")
            def train(x):
                log_metric("loss", x)
                while os.environ.get("HANG"):
                    time.sleep(0.01)

            if __name__ == "__main__":
                train.sweep(sampler="grid", name="hung").run(progress=False)
            """,
        )
        assert workshop.run("train.py").returncode == 0
        child = terminal("-m", "expsdk", "replay", "hung-0000", HANG="1")
        child.expect("epoch 0: loss=1")
        child.sendintr()
        child.expect("interrupted before its end")
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 130


def test_a_trial_with_a_parent_begins_with_its_checkpoints(workshop: Any, replay: Any) -> None:
    workshop.write(
        "train.py",
        """
        from expsdk import checkpoint_dir, current_trial, experiment, log_metric, uniform

        @experiment(space={"x": uniform(0, 1)}, objective="loss")
        def train(x, epochs=2):
            file = checkpoint_dir() / "steps"
            steps = int(file.read_text()) if file.exists() else 0
            for epoch in range(epochs):
                steps += 1
                log_metric("loss", x / steps, epoch=epoch)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(str(steps))

        if __name__ == "__main__":
            sampler = {"name": "pbt", "population": 2}
            train.sweep(trials=6, seed=1, sampler=sampler, name="bred").run(progress=False)
        """,
    )
    done = workshop.run("train.py")
    assert done.returncode == 0, done.stderr
    child = next(trial for trial in workshop.results("bred") if trial.parent)
    done = replay(child.name)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert f"note: begins with the checkpoints of {child.parent}, from {workshop.directory}/" in done.stdout
    parent = workshop.directory / f".expsdk/bred/trials/{child.parent}/checkpoint"
    parent.rename(parent.with_name("moved"))
    done = replay(child.name)
    assert done.returncode == 3
    assert f"note: began with the checkpoints of {child.parent}, and begins without now: they are in" in done.stdout


def program(directory: Path, text: str) -> str:
    path = directory / "another-python"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_another_interpreter_may_run_it(swept: Any, replay: Any) -> None:
    other = program(swept.directory, f'exec "{sys.executable}" -X dev "$@"')
    assert replay("again-0000", "--python", other).returncode == 0


class TestRefusals:
    def test_an_interpreter_of_another_minor_version(self, swept: Any, replay: Any) -> None:
        wanted = f"{sys.version_info.major}.{sys.version_info.minor}"
        done = replay("again-0000", "--python", program(swept.directory, "echo 3.2.6"), env={"PATH": os.defpath})
        assert done.returncode == 1
        assert (
            f"a payload is loaded by the Python minor version that packed it, {wanted}, and {swept.directory}/"
            "another-python is Python 3.2.6; " in done.stderr
        )
        assert f"ython{wanted}" in done.stderr or f"ython {wanted}" in done.stderr

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["again-0000", "--python", "nowhere"], "--python names an interpreter, and there is none at 'nowhere'"),
            (["again-0000", "--python", "/bin/false"], "/bin/false does not: it ended with 1"),
            (["again"], "a trial's name is its experiment's and a number of four digits"),
            (["again-0009"], "again has 3 trials, and none is named 'again-0009'; did you mean 'again-000"),
            (["agian-0000"], "no experiment 'agian' is kept in"),
            (["again-0000", "--output", "."], "a replay has a directory of its own, and . is not empty; name another"),
            (["again-0000", "--output", "train.py"], "train.py cannot be written"),
        ],
    )
    def test_mistakes_are_told(self, swept: Any, replay: Any, arguments: list[str], words: str) -> None:
        done = replay(*arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("expsdk: ")
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1

    def test_a_payload_that_was_changed(self, swept: Any, replay: Any) -> None:
        (path,) = (swept.directory / ".expsdk/again").glob("payload-*.pyz")
        path.write_bytes(path.read_bytes() + b"!")
        assert "was changed since it was kept" in replay("again-0000").stderr

    def test_a_trial_without_a_payload(self, swept: Any, replay: Any) -> None:
        path = swept.directory / ".expsdk/again/experiment.json"
        document = json.loads(path.read_text())
        del document["spec"]["payload"]
        path.write_text(json.dumps(document))
        assert "a replay runs a trial's payload, and again-0000 has none" in replay("again-0000").stderr

    def test_a_process_that_dies_without_a_word(self, workshop: Any, replay: Any) -> None:
        workshop.write(
            "train.py",
            """
            import os
            from expsdk import experiment

            @experiment(space={"x": [1]}, objective="loss")
            def train(x):
                os._exit(3)

            if __name__ == "__main__":
                train.sweep(sampler="grid", name="dead").run(progress=False)
            """,
        )
        workshop.run("train.py")
        done = replay("dead-0000")
        assert done.returncode == 1
        assert "the process of dead-0000 ended without a word (exit status 3)" in done.stderr
