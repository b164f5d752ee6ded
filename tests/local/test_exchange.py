"""Whole experiments from one directory to another: nothing is lost, nothing half-made stays, and sweeps go on."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import expsdk
from expsdk.backends.local.store import FileStore
from expsdk.exchange import export_experiment, import_experiment, read_export

EVERYTHING = """
    import math
    import os
    from expsdk import checkpoint_dir, choice, experiment, log_metric, uniform

    @experiment(space={"kind": choice({"good": {"x": uniform(0, 1)}, "nan": {}, "bad": {}, "crash": {}, "long": {}}),
                       "scale": 1.0}, objective="loss")
    def train(kind, scale, x=0.5):
        if kind == "bad":
            raise ValueError("b\\u00e4d")
        if kind == "crash":
            os._exit(7)
        checkpoint_dir().mkdir(parents=True, exist_ok=True)
        (checkpoint_dir() / "weights").write_bytes(b"\\0" * 1000)
        (checkpoint_dir() / "latest").symlink_to("weights")
        print("says", kind)
        for epoch in range(30):
            log_metric("loss", math.nan if kind == "nan" else x / (epoch + 1), epoch=epoch)
            log_metric("inf", -math.inf, epoch=epoch)

    class Sampler:
        def ask(self, number):
            kinds = ["good", "nan", "bad", "crash", "long", "good"]
            return {"kind": kinds[number], "scale": 1.0, **({"x": 0.25} if kinds[number] == "good" else {})}

        def tell(self, outcome):
            pass

    if __name__ == "__main__":
        train.sweep(trials=6, sampler=Sampler(), name="all", cache=True, seed=1,
                    pruner=lambda report: report.epoch > 20 and report.value > 0.9,
                    constraints=lambda metrics: metrics["loss"] - 0.02).run(progress=False)
"""
BRED = """
    from expsdk import checkpoint_dir, experiment, log_metric, uniform

    @experiment(space={"x": uniform(0, 1)}, objective="loss")
    def train(x):
        checkpoint_dir().mkdir(parents=True, exist_ok=True)
        log_metric("loss", x)

    if __name__ == "__main__":
        sampler = {"name": "pbt", "population": 2}
        train.sweep(trials=6, seed=1, sampler=sampler, name="bred").run(progress=False)
"""


@pytest.fixture
def stores(workshop: Any) -> tuple[FileStore, FileStore]:
    """The store of the workshop, and another."""
    return FileStore(root=workshop.directory / ".expsdk"), FileStore(root=workshop.directory / "other")


@pytest.fixture
def expsdk_(workshop: Any) -> Callable[..., Any]:
    """Return a function that runs the command in the workshop."""
    return lambda *arguments: workshop.run("-m", "expsdk", *map(str, arguments))


def sweep(workshop: Any, text: str) -> None:
    workshop.write("train.py", text)
    done = workshop.run("train.py")
    assert done.returncode == 0, done.stderr


def tree(directory: Path) -> dict[str, bytes]:
    """Return the files of an export but for the list, which has a time in it."""
    files = {path.relative_to(directory).as_posix(): path for path in directory.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if name != "export.json"}


@pytest.mark.parametrize(("text", "name"), [(EVERYTHING, "all"), (BRED, "bred")], ids=["everything", "parents"])
def test_what_is_imported_and_exported_again_is_the_same(
    workshop: Any, stores: tuple[FileStore, FileStore], text: str, name: str
) -> None:
    sweep(workshop, text)
    first, again = workshop.directory / "first", workshop.directory / "again"
    exported = export_experiment(stores[0], name, first)
    assert (exported.trials, exported.outputs, exported.notices) == (6, 0, ())
    assert import_experiment(stores[1], read_export(first)) == []
    export_experiment(stores[1], name, again)
    assert tree(first) == tree(again)
    assert stores[1].results(name) == stores[0].results(name)
    assert stores[1].experiment(name) == stores[0].experiment(name)
    before, after = (expsdk.results(name, root=store.root) for store in stores)
    assert before.to_json() == after.to_json()
    assert {trial.phase for trial in after} >= ({"Succeeded", "Failed"} if name == "all" else {"Succeeded"})


def test_under_another_name_all_that_names_it_follows_and_the_way_back_is_the_same(
    workshop: Any, stores: tuple[FileStore, FileStore]
) -> None:
    sweep(workshop, BRED)
    first, second, third = (workshop.directory / name for name in ("first", "second", "third"))
    export_experiment(stores[0], "bred", first)
    import_experiment(stores[1], read_export(first), name="kept-0007")
    moved = expsdk.results("kept-0007", root=stores[1].root)
    original = expsdk.results("bred", root=stores[0].root)
    assert [trial.name for trial in moved] == [f"kept-0007-{number:04}" for number in range(6)]
    assert [trial.parent.rpartition("-")[2] for trial in moved] == [
        trial.parent.rpartition("-")[2] for trial in original
    ]
    assert any(trial.parent for trial in moved)
    assert moved.experiment.status.best.trial == moved.best.name  # type: ignore[union-attr]
    export_experiment(stores[1], "kept-0007", second)
    shutil.rmtree(stores[1].root)
    import_experiment(stores[1], read_export(second), name="bred")
    export_experiment(stores[1], "bred", third)
    assert tree(third) == tree(first)


def test_outputs_come_along(workshop: Any, stores: tuple[FileStore, FileStore], expsdk_: Any) -> None:
    sweep(workshop, EVERYTHING)
    done = expsdk_("export", "all", "out", "--outputs")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("all: 6 trials, what ")
    done = expsdk_("import", "out", "--root", stores[1].root, "--name", "moved")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "moved: 6 trials, kept in other/moved\n"
    trial = expsdk.results("moved", root=stores[1].root)[0]
    assert trial.output_dir == str(stores[1].root / "moved/trials/moved-0000")
    assert (Path(trial.output_dir) / "checkpoint/latest").readlink() == Path("weights")
    assert list(stores[1].logs("moved-0000")) == ["says good\n"]
    original = workshop.directory / ".expsdk/all/trials/all-0000"
    assert (Path(trial.output_dir) / "metrics.jsonl").read_bytes() == (original / "metrics.jsonl").read_bytes()


def test_a_sweep_that_was_killed_goes_on_where_it_is_imported(
    workshop: Any, stores: tuple[FileStore, FileStore], wait_for_trials: Any, wait_until: Any, expsdk_: Any
) -> None:
    workshop.write(
        "train.py",
        """
        import os, time
        from expsdk import checkpoint_dir, experiment, log_metric

        @experiment(space={"x": [1, 2, 3, 4]}, objective="loss")
        def train(x):
            begun = checkpoint_dir() / "begun"
            log_metric("went on", float(begun.exists()))
            begun.parent.mkdir(parents=True, exist_ok=True)
            begun.touch()
            log_metric("loss", x)
            while x > 1 and "HANG" in os.environ:
                time.sleep(0.01)

        if __name__ == "__main__":
            train.sweep(sampler="grid", seed=1, parallelism=2, name="cut").run(progress=False)
        """,
    )
    with workshop.start("train.py", env={"HANG": "1"}) as process:
        wait_for_trials("cut", 2)
        assert "the sweep runs still" in expsdk_("export", "cut", "live").stderr
        process.send_signal(signal.SIGKILL)
    wait_until(lambda: not workshop.processes(), what="gone")
    done = expsdk_("export", "cut", "out", "--outputs")
    assert (done.returncode, done.stderr) == (0, "")
    done = expsdk_("import", "out", "--root", stores[1].root)
    assert "2 of its trials had not ended: they are interrupted, and run again when it goes on" in done.stderr
    there = expsdk.results("cut", root=stores[1].root)
    assert there.experiment.status.phase == "Cancelled"
    assert there.counts == {"Succeeded": 1, "Cancelled": 2}
    (workshop.directory / "train.py").unlink()
    done = workshop.run("-c", f"import expsdk; expsdk.attach('cut', root={str(stores[1].root)!r}).run(progress=False)")
    assert done.returncode == 0, done.stderr
    after = expsdk.results("cut", root=stores[1].root)
    assert after.counts == {"Succeeded": 4}
    assert [trial.attempt for trial in after] == [1, 2, 2, 1]
    assert [trial.metrics["went on"]["max"] for trial in after] == [0, 1, 1, 0]


class TestRefusals:
    @pytest.fixture
    def exported(self, workshop: Any, stores: tuple[FileStore, FileStore]) -> Path:
        sweep(workshop, BRED)
        directory: Path = workshop.directory / "out"
        export_experiment(stores[0], "bred", directory)
        return directory

    def refused(self, expsdk_: Any, *arguments: object) -> str:
        done = expsdk_(*arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("expsdk: ")
        return str(done.stderr)

    def test_names(self, workshop: Any, exported: Path, expsdk_: Any) -> None:
        assert "no experiment 'bread' is kept in" in self.refused(expsdk_, "export", "bread", "there")
        assert "has a directory of its own, and out is not empty" in self.refused(expsdk_, "export", "bred", "out")
        assert "cannot be (Not a directory)" in self.refused(expsdk_, "export", "bred", "train.py/there")
        taken = "an experiment's name is unique, and 'bred' is in .expsdk/bred already; give another with --name"
        assert taken in self.refused(expsdk_, "import", "out")
        assert "pass name='bred-2'" in self.refused(expsdk_, "import", "out", "--name", "bred_2")
        assert "and . has no export.json; name one" in self.refused(expsdk_, "import", ".")
        assert sorted(path.name for path in workshop.directory.iterdir()) == [".expsdk", "out", "train.py"]
        assert sorted(path.name for path in (workshop.directory / ".expsdk").iterdir()) == [".gitignore", "bred"]

    @pytest.mark.parametrize("change", ["results/bred-0000.json", "experiment.json", "payload"])
    def test_a_file_that_was_changed_or_is_missing(self, exported: Path, expsdk_: Any, change: str) -> None:
        path = next(exported.glob("payload-*.pyz")) if change == "payload" else exported / change
        content = path.read_bytes()
        path.write_bytes(content + b" ")
        words = self.refused(expsdk_, "import", "out", "--name", "new")
        assert f"{path.relative_to(exported.parent)} was changed since: its digest is sha256:" in words
        path.unlink()
        words = self.refused(expsdk_, "import", "out", "--name", "new")
        assert f"an export is whole, and {path.relative_to(exported.parent)} is missing" in words
        assert not (exported.parent / ".expsdk/new").exists()

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"format": 2}, "reads exports of format 1 with records of expsdk.dev/v1alpha1, and out has format 2"),
            ({"apiVersion": "expsdk.dev/v9"}, "with 'expsdk.dev/v9', written by expsdk 0"),
            ({"files": {"../train.py": "sha256:00"}}, "lie below its directory, and it lists '../train.py'"),
            ({"files": {"/etc/passwd": "sha256:00"}}, "lie below its directory, and it lists '/etc/passwd'"),
            ({"files": []}, "and that one does not; export it again"),
        ],
    )
    def test_a_list_that_is_none_of_ours(self, exported: Path, expsdk_: Any, change: Any, words: str) -> None:
        path = exported / "export.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
        assert words in self.refused(expsdk_, "import", "out", "--name", "new")
        path.write_text("{")
        assert "out/export.json, which is damaged (" in self.refused(expsdk_, "import", "out", "--name", "new")


def test_an_import_that_fails_half_way_leaves_nothing(
    workshop: Any, stores: tuple[FileStore, FileStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep(workshop, BRED)
    out = workshop.directory / "out"
    export_experiment(stores[0], "bred", out, outputs=True)
    export = read_export(out)
    shutil.rmtree(out / "trials/bred-0004")
    with pytest.raises(expsdk.ExpsdkError, match="cannot be written"):
        import_experiment(stores[1], export)
    assert [path.name for path in stores[1].root.iterdir()] == [".gitignore"]


def test_one_of_another_python_can_be_looked_at_and_says_so(
    workshop: Any, stores: tuple[FileStore, FileStore], expsdk_: Any
) -> None:
    sweep(workshop, BRED)
    path = workshop.directory / ".expsdk/bred/experiment.json"
    document = json.loads(path.read_text())
    document["spec"]["payload"]["python"] = "3.2"
    document["spec"]["trials"] = 7
    path.write_text(json.dumps(document))
    assert expsdk_("export", "bred", "out").returncode == 0
    done = expsdk_("import", "out", "--root", stores[1].root)
    assert "its payload needs Python 3.2, and this is" in done.stderr
    with pytest.raises(expsdk.ExpsdkError, match=r"that of 'bred' is 3\.2, not .*; go on with it from Python 3\.2"):
        expsdk.attach("bred", root=stores[1].root).run(progress=False)


def test_one_whose_payload_is_gone_is_exported_without(workshop: Any, expsdk_: Any) -> None:
    sweep(workshop, BRED)
    next((workshop.directory / ".expsdk/bred").glob("payload-*.pyz")).unlink()
    done = expsdk_("export", "bred", "out")
    assert done.returncode == 0
    assert "expsdk: left out: the payload of 'bred' is kept in" in done.stderr
    assert "its payload was not exported with it" in expsdk_("import", "out", "--name", "new").stderr
