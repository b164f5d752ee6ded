"""TensorBoard with real sweeps: a trial's own event files, the mirror of a sweep that runs, and the page itself."""

from __future__ import annotations

import json
import re
import shutil
import signal
import urllib.request
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

TRAIN = """
    import os
    import time

    from expsdk import checkpoint_dir, experiment, log_metric

    @experiment(space={"lr": [0.5, 0.25], "deep": True}, objective="loss")
    def train(lr, deep, epochs=10):
        state = checkpoint_dir() / "epoch"
        first = int(state.read_text()) if state.exists() else 0
        for epoch in range(first, epochs):
            log_metric("loss", lr / (epoch + 1), epoch=epoch)
            if epoch % 2:
                state.write_text(str(epoch))
            while epoch == 6 and os.path.exists("wait"):
                time.sleep(0.01)
        return {"loss": lr}

    def sweep():
        return train.sweep(trials=2, parallelism=2, sampler="grid", name="board")

    if __name__ == "__main__":
        sweep().run(resume=True)
"""
needs_tensorboard = pytest.mark.skipif(
    find_spec("tensorboard") is None, reason="TensorBoard is not installed: pip install 'expsdk[tensorboard]'"
)
pytestmark = needs_tensorboard
STATUSES = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--window-size=1400,900"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def scalars(directory: Path, tag: str = "loss") -> list[tuple[int, float, float]]:
    """Return step, value and time of each point that TensorBoard's own reader finds."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    reader = EventAccumulator(str(directory), size_guidance={"scalars": 0})
    reader.Reload()
    found = reader.Scalars(tag) if tag in reader.Tags()["scalars"] else []
    return [(event.step, event.value, event.wall_time) for event in found]


def lines(output_dir: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(output_dir, "metrics.jsonl").read_text().splitlines()]


@pytest.fixture
def waiting(workshop: Any, wait_for_trials: Callable[..., Any]) -> Iterator[Any]:
    """A sweep both of whose trials wait at epoch 6."""
    workshop.write("train.py", TRAIN)
    (workshop.directory / "wait").touch()
    with workshop.start("train.py", env={"EXPSDK_TENSORBOARD": "on"}) as process:
        wait_for_trials("board", 2)
        yield process
        process.kill()


class TestInTheJob:
    @pytest.mark.parametrize("switch", ["on", "", "off"])
    def test_a_short_trial_has_event_files_only_where_that_is_asked_for(self, workshop: Any, switch: str) -> None:
        workshop.write("train.py", TRAIN)
        done = workshop.run("train.py", env={"EXPSDK_TENSORBOARD": switch})
        assert done.returncode == 0, done.stderr
        for trial in workshop.results("board"):
            directory = Path(trial.output_dir, "tensorboard")
            assert directory.exists() == (switch == "on")
            if switch == "on":
                logged = {line["epoch"]: (line["value"], line["time"]) for line in lines(trial.output_dir)}
                read = {step: (pytest.approx(value), at) for step, value, at in scalars(directory)}
                assert read == logged
                assert len(scalars(directory)) == 10, "the value that was returned has replaced the last"

    def test_another_attempt_goes_on_without_a_step_twice(
        self, workshop: Any, waiting: Any, wait_until: Callable[..., Any]
    ) -> None:
        board = workshop.directory / ".expsdk/board/trials/board-0000/tensorboard"
        wait_until(board.exists, what="it writes while it runs")
        waiting.kill()
        waiting.wait()
        (workshop.directory / "wait").unlink()
        wait_until(lambda: not workshop.processes())
        done = workshop.run("train.py", env={"EXPSDK_TENSORBOARD": "on"})
        assert done.returncode == 0, done.stderr
        trial = workshop.results("board")[0]
        assert trial.attempt == 2
        epochs = [line["epoch"] for line in lines(trial.output_dir)]
        assert epochs.count(5) == 2
        assert [step for step, _, _ in scalars(board)] == list(range(10))

    def test_a_trial_does_without_where_they_cannot_be_written(self, workshop: Any) -> None:
        workshop.write(
            "train.py", TRAIN.replace("state = ", "(checkpoint_dir().parent / 'tensorboard').touch(); state = ")
        )
        done = workshop.run("train.py", env={"EXPSDK_TENSORBOARD": "on"})
        assert done.returncode == 0, done.stderr
        trial = workshop.results("board")[0]
        assert trial.phase == "Succeeded"
        assert (
            "expsdk: no more event files for TensorBoard are written: FileExistsError"
            in Path(trial.log_path).read_text()
        )


class TestTheMirror:
    def test_a_sweep_is_mirrored_to_its_end(self, workshop: Any, waiting: Any, wait_until: Callable[..., Any]) -> None:
        with workshop.start("-m", "expsdk", "tensorboard", "board", "--no-server", "--logdir", "runs") as mirror:
            runs = [workshop.directory / "runs" / f"board-000{number}" for number in range(2)]
            wait_until(lambda: all(run.exists() and len(scalars(run)) == 7 for run in runs))
            assert mirror.poll() is None
            (workshop.directory / "wait").unlink()
            output, errors = mirror.communicate(timeout=60)
        assert (mirror.returncode, errors) == (0, "")
        assert output == "board: 2 trials in runs\n"
        assert waiting.wait(timeout=60) == 0
        assert [[step for step, _, _ in scalars(run)] for run in runs] == [list(range(10))] * 2
        assert [scalars(run)[-1][1] for run in runs] == [0.5, 0.25]

    def test_one_that_has_ended_is_mirrored_once(self, workshop: Any) -> None:
        workshop.write("train.py", TRAIN)
        assert workshop.run("train.py").returncode == 0
        for _ in range(2):
            done = workshop.run("-m", "expsdk", "tensorboard", "board", "--no-server")
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout == "board: 2 trials in .expsdk/.tensorboard/board\n"
        assert [
            len(list(run.iterdir())) for run in (workshop.directory / ".expsdk/.tensorboard/board").glob("board-*")
        ] == [1, 1]

    def test_without_tensorboard_it_says_how_to_install_it_and_where_the_files_are(self, workshop: Any) -> None:
        workshop.write("train.py", TRAIN)
        assert workshop.run("train.py").returncode == 0
        workshop.write("tensorboard/__init__.py", "raise ImportError(\"No module named 'tensorboard'\")")
        done = workshop.run("-m", "expsdk", "tensorboard", "board")
        assert done.returncode == 1
        assert done.stderr == (
            "expsdk: TensorBoard shows event files, and it is not installed here (No module named 'tensorboard'): pip"
            " install 'expsdk[tensorboard]'; the event files are in .expsdk/.tensorboard/board, for any TensorBoard:"
            " tensorboard --logdir .expsdk/.tensorboard/board\n"
        )

    def test_a_port_that_is_taken_is_said(self, workshop: Any) -> None:
        import socket

        workshop.write("train.py", TRAIN)
        assert workshop.run("train.py").returncode == 0
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = workshop.run("-m", "expsdk", "tensorboard", "board", "--port", str(port))
        assert done.returncode == 1
        assert "give another port with --port, or none" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.fixture
def browser() -> Iterator[Any]:
    if shutil.which("chromium") is None or shutil.which("chromedriver") is None:
        pytest.skip("Chromium is not installed: apt-get install chromium chromium-driver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in FLAGS:
        options.add_argument(flag)
    with webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver"))) as browser:
        yield browser


class TestThePage:
    @pytest.fixture
    def server(self, workshop: Any, waiting: Any) -> Iterator[Any]:
        with workshop.start("-m", "expsdk", "tensorboard", "board", "--port", "0") as server:
            yield server
            server.kill()

    @pytest.fixture
    def url(self, server: Any) -> str:
        assert server.stdout.readline() == "board: 2 trials in .expsdk/.tensorboard/board\n"
        said = server.stdout.readline()
        url = re.fullmatch(r"TensorBoard: (http://127\.0\.0\.1:\d+/) \(Ctrl-C ends it\)\n", said)
        assert url, said + server.stderr.read()
        return url[1]

    def test_it_shows_trials_with_parameters_and_metrics_while_they_run(
        self, url: str, browser: Any, wait_until: Callable[..., Any]
    ) -> None:
        wait_until(lambda: len(_sessions(url)) == 2)
        browser.get(f"{url}#hparams")
        shown = wait_until(lambda: _text_with(browser, "board-0001"), within_s=60.0).split()
        assert {"board-0000", "board-0001", "lr", "deep", "true", "loss", "0.50000", "0.25000"} <= set(shown)
        assert {"0.071429", "0.035714"} <= set(shown), "the loss of epoch 6"

    def test_it_is_kept_up_with_the_sweep_until_ctrl_c(
        self, workshop: Any, waiting: Any, server: Any, url: str, wait_until: Callable[..., Any]
    ) -> None:
        wait_until(lambda: len(_sessions(url)) == 2)
        (workshop.directory / "wait").unlink()
        assert waiting.wait(timeout=60) == 0
        wait_until(lambda: [each.get("status") for each in _sessions(url)] == ["STATUS_SUCCESS"] * 2)
        assert [each["metricValues"][0]["value"] for each in _sessions(url)] == [0.5, 0.25]
        server.send_signal(signal.SIGINT)
        assert (server.wait(timeout=20), server.stderr.read()) == (130, "")


def _sessions(url: str) -> list[dict[str, Any]]:
    """Return what TensorBoard's HPARAMS has of each trial."""
    asked = {"experimentName": "", "allowedStatuses": STATUSES, "colParams": [{"hparam": "lr"}], "sliceSize": 9}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}data/plugin/hparams/session_groups", json.dumps(asked).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return [group["sessions"][0] for group in json.load(answer).get("sessionGroups", [])]


def _text_with(browser: Any, word: str) -> str:
    """Return the page's text, that of its components' inner trees included, if it has a word."""
    text: str = browser.execute_script(
        "const read = node => node.nodeType === Node.TEXT_NODE ? node.textContent + ' ' :"
        " [...(node.shadowRoot ? node.shadowRoot.childNodes : []), ...node.childNodes].map(read).join('');"
        " return read(document.body)"
    )
    return text if word in text else ""
