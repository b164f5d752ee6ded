"""`expsdk build`: the payload is the one that the script itself packs, and builders are called as they want to be."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from expsdk.cli.dockerfile import base_image, packages_for

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Write = Callable[[str, str], Path]

TRAIN = """
    import sys
    from pathlib import Path
    from expsdk import experiment, log_metric, uniform

    HERE = Path(__file__).parent

    class Net:
        def __init__(self, rate):
            self.rate = rate

    @experiment(space={"rate": uniform(0, 1)}, objective="loss")
    def train(rate, epochs=3):
        for epoch in range(epochs):
            log_metric("loss", Net(rate).rate / (epoch + 1), epoch)
        return {"here": HERE.is_dir()}

    if __name__ == "__main__":
        print(train.pack().digest)
"""
TWO = """
    from expsdk import experiment, uniform

    @experiment(space={"rate": uniform(0, 1)}, objective="loss")
    def first(rate):
        return rate

    @experiment(space={"rate": uniform(0, 1)}, objective="loss")
    def second(rate):
        return rate

    also_first = first
"""
BUILDER = """#!{python}
import json, os, shutil, sys
if sys.argv[1] == "version":
    sys.exit({works})
shutil.copytree(sys.argv[-1], {kept!r})
print("built on standard output")
with open({called!r}, "w") as file:
    json.dump([os.path.basename(sys.argv[0]), *sys.argv[1:-1]], file)
sys.exit({status})
"""


def digest_of(dockerfile: str) -> str:
    (found,) = re.findall(r"expsdk\.dev/digest=(sha256:[0-9a-f]{64}) ", dockerfile)
    return str(found)


@pytest.fixture
def builder(tmp_path: Path) -> Callable[..., None]:
    """Puts a program on PATH that keeps what a builder would be given."""

    def make(name: str, *, works: bool = True, status: int = 0) -> None:
        path = tmp_path / "bin" / name
        places = {"kept": str(tmp_path / "context"), "called": str(tmp_path / "called")}
        path.write_text(BUILDER.format(python=sys.executable, works=int(not works), status=status, **places))
        path.chmod(0o755)

    return make


class TestPayload:
    def test_it_is_the_one_that_the_script_packs(self, expsdk: Run, write: Write, tmp_path: Path) -> None:
        write("train.py", TRAIN)
        ran = subprocess.run([sys.executable, "train.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
        done = expsdk("build", "train.py", "--print")
        assert done.returncode == 0, done.stderr
        assert digest_of(done.stdout) == ran.stdout.strip()

    def test_it_is_the_one_of_an_imported_function_too(self, expsdk: Run, write: Write, tmp_path: Path) -> None:
        write("model.py", TRAIN)
        write("run.py", 'from model import train\nif __name__ == "__main__":\n    print(train.pack().digest)')
        ran = subprocess.run([sys.executable, "run.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert digest_of(expsdk("build", "run.py", "--print").stdout) == ran.stdout.strip()

    def test_a_sweep_outside_of_the_guard_is_not_run(self, expsdk: Run, write: Write, tmp_path: Path) -> None:
        sweep = "print('before')\ntrain.sweep(trials=2).run()\nprint('after')\n"
        write("train.py", TRAIN)
        with (tmp_path / "train.py").open("a") as file:
            file.write(sweep)
        done = expsdk("build", "train.py", "--print")
        assert done.returncode == 0, done.stderr
        assert "before\n" in done.stdout
        assert "after" not in done.stdout
        assert not (tmp_path / ".expsdk").exists()

    def test_what_is_guarded_is_not_run(self, expsdk: Run, write: Write, tmp_path: Path) -> None:
        write(
            "train.py",
            TRAIN.replace("print(train.pack().digest)", "sys.exit(7)")
            + "    if '__main__' == __name__ and len(sys.argv) > 0:\n        sys.exit(8)\n"
            + "    else:\n        OTHER = 1\n",
        )
        assert expsdk("build", "train.py", "--print").returncode == 0

    @pytest.mark.parametrize("name", ["first", "second", "also_first"])
    def test_one_of_several_by_name(self, expsdk: Run, write: Write, name: str) -> None:
        write("two.py", TWO)
        done = expsdk("build", f"two.py:{name}", "--print")
        assert f"expsdk.dev/experiment={name.removeprefix('also_')}\n" in done.stdout


class TestScriptsThatDefineNone:
    @pytest.mark.parametrize(
        ("name", "text", "words"),
        [
            ("none.py", "x = 1", "none.py defines no experiment; decorate its training function with @experiment"),
            ("none.py:train", "x = 1", "none.py defines no experiment, and no 'train'; name a function"),
            ("two.py", TWO, "two.py defines several experiments (also_first, first, second); say which: two.py:also_"),
            ("two.py:third", TWO, "two.py defines also_first, first, second, and no 'third'"),
            (
                "bad.py",
                "x = 1\n\ny = x / 0",
                "bad.py fails when it is run (line 3): ZeroDivisionError: division by zero",
            ),
            ("bad.py", "def (", "bad.py fails when it is run: SyntaxError: "),
            ("bad.py", "import sys\nsys.exit('no GPU')", "bad.py ends itself (exit status no GPU) before it defines"),
            ("bad.py", "import nothing_of_the_kind", "(line 1): ModuleNotFoundError: No module named"),
        ],
    )
    def test_it_is_told(self, expsdk: Run, write: Write, name: str, text: str, words: str) -> None:
        write(name.partition(":")[0], text)
        done = expsdk("build", name, "--print")
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith("expsdk: ")
        assert words in line

    def test_there_is_no_script(self, expsdk: Run) -> None:
        done = expsdk("build", "nope.py", "--print")
        assert "a script defines the experiment, and there is no script at 'nope.py'" in done.stderr


class TestDockerfile:
    def test_it_installs_what_is_asked_for(self, expsdk: Run, write: Write) -> None:
        write("train.py", TRAIN)
        arguments = ("--from", "registry.example.com/base:1", "--package", "a==1 b", "-p", "c[x]>=2")
        text = expsdk("build", "train.py", "--print", "--python", "/opt/python", *arguments).stdout
        lines = text.splitlines()
        assert "FROM registry.example.com/base:1" in lines
        run = json.dumps(["/opt/python", "-m", "pip", "install", "--no-cache-dir", "a==1", "b", "c[x]>=2"])
        assert f"RUN {run}" in lines
        assert "COPY payload.pyz /expsdk/payload/000" in lines
        assert lines[-1] == 'ENTRYPOINT ["/opt/python", "/expsdk/payload/000"]'

    def test_without_packages_nothing_is_installed(self, expsdk: Run, write: Write) -> None:
        write("train.py", TRAIN)
        text = expsdk("build", "train.py", "--print").stdout
        assert "pip" not in text
        assert f"FROM docker.io/library/python:{sys.version_info.major}.{sys.version_info.minor}-slim\n" in text

    def test_a_preset_is_pythons_image_and_packages_of_the_version_that_is_here(self) -> None:
        import sklearn

        assert base_image("scikit-learn") == base_image("")
        assert packages_for("scikit-learn", ["x"]) == [f"scikit-learn=={sklearn.__version__}", "x"]
        assert packages_for("scikit-learn", ["Scikit_Learn>=1.4"]) == ["Scikit_Learn>=1.4"]
        assert packages_for("some/image", ["x"]) == ["x"]


class TestBuilders:
    @pytest.mark.parametrize(("name", "verb"), [("docker", "build"), ("podman", "build"), ("buildah", "bud")])
    def test_each_is_called_as_it_wants(
        self, expsdk: Run, write: Write, tmp_path: Path, builder: Callable[..., None], name: str, verb: str
    ) -> None:
        write("train.py", TRAIN)
        builder(name)
        done = expsdk("build", "train.py", "--tag", "reg/train:1", "--", "--pull-never", "--isolation", "chroot")
        assert done.returncode == 0, done.stderr
        called = json.loads((tmp_path / "called").read_text())
        assert called == [name, verb, "--tag", "reg/train:1", "--pull-never", "--isolation", "chroot"]
        context = tmp_path / "context"
        assert sorted(path.name for path in context.iterdir()) == ["Dockerfile", "payload.pyz"]
        digest = digest_of((context / "Dockerfile").read_text())
        assert "built on standard output" in done.stderr
        assert done.stdout.splitlines() == [
            f"reg/train:1 holds __main__.train ({digest})",
            'run(backend="kubernetes", image="reg/train:1", payload_in_image=True) uses it',
        ]
        with zipfile.ZipFile(context / "payload.pyz") as archive:
            assert json.loads(archive.read("manifest.json"))["name"] == "train"

    def test_one_that_cannot_work_is_passed_over(
        self, expsdk: Run, write: Write, tmp_path: Path, builder: Callable[..., None]
    ) -> None:
        write("train.py", TRAIN)
        builder("docker", works=False)
        builder("buildah")
        assert expsdk("build", "train.py", "--tag", "t").returncode == 0
        assert json.loads((tmp_path / "called").read_text())[0] == "buildah"

    def test_the_one_that_is_asked_for_is_taken(
        self, expsdk: Run, write: Write, tmp_path: Path, builder: Callable[..., None]
    ) -> None:
        write("train.py", TRAIN)
        builder("docker")
        builder("podman", works=False)
        assert expsdk("build", "train.py", "--tag", "t", "--builder", "podman").returncode == 0
        assert json.loads((tmp_path / "called").read_text())[0] == "podman"

    def test_one_that_fails_says_why_itself(self, expsdk: Run, write: Write, builder: Callable[..., None]) -> None:
        write("train.py", TRAIN)
        builder("podman", status=125)
        done = expsdk("build", "train.py", "--tag", "t")
        assert done.returncode == 1
        assert "expsdk: podman did not build t (it ended with 125, and says above why); see" in done.stderr

    def test_none(self, expsdk: Run, write: Write) -> None:
        write("train.py", TRAIN)
        done = expsdk("build", "train.py", "--tag", "t")
        assert done.returncode == 1
        assert "expsdk: building an image needs docker, podman or buildah on PATH, and there is none" in done.stderr
        done = expsdk("build", "train.py", "--tag", "t", "--builder", "kaniko")
        assert done.returncode == 2
        assert "one of docker, podman, buildah, not 'kaniko'" in done.stderr


def test_a_baked_payload_runs_by_hand(expsdk: Run, write: Write, tmp_path: Path, builder: Callable[..., None]) -> None:
    write("train.py", TRAIN)
    builder("docker")
    expsdk("build", "train.py", "--tag", "t")
    payload = (tmp_path / "context" / "payload.pyz").rename(tmp_path / "000")
    done = subprocess.run(
        [sys.executable, "-I", "-S", payload, "--parameters", '{"rate": 0.6}'],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout.splitlines()[-1])["phase"] == "Succeeded"
