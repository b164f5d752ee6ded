"""A real browser, headless, and a dashboard that a real command serves."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

WITHIN_S = 40.0
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


class Browser:
    """A window, seen as a person sees it: by its text, its links and its fields."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, address: str) -> None:
        self.driver.get("about:blank")  # else a change behind # would load nothing
        self.driver.get(address)

    def show(self, *, width: int = 1280, height: int = 800, dark: bool = False) -> None:
        """Be a window of this size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def text(self, selector: str = "main") -> str:
        """Return what can be read, "" where nothing is."""
        return self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def texts(self, selector: str) -> list[str]:
        return self.run("return [...document.querySelectorAll(arguments[0])].map((each) => each.innerText)", selector)

    def click(self, selector: str) -> None:
        self.run("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", selector)
        self.driver.find_element("css selector", selector).click()

    def type(self, selector: str, text: str) -> None:
        field = self.driver.find_element("css selector", selector)
        field.clear()
        field.send_keys(text)

    def until(self, condition: Callable[[], Any], what: str = "") -> Any:
        give_up_at = time.monotonic() + WITHIN_S
        while not (found := condition()):
            assert time.monotonic() < give_up_at, f"not in {WITHIN_S:g} s: {what or condition}\n{self.text()[:999]}"
            time.sleep(0.05)
        return found

    def until_text(self, words: str, selector: str = "main") -> str:
        self.until(lambda: words in self.text(selector), f"{words!r} in {selector}")
        return self.text(selector)

    def complaints(self) -> list[str]:
        """Return what the browser complained of: errors of scripts, and what its policy has refused."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install '.[test]'")
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not chromedriver:
        pytest.skip("no browser is here to look with: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    yield driver
    driver.quit()


@pytest.fixture
def browser(driver: Any) -> Browser:
    browser = Browser(driver)
    driver.get("about:blank")
    browser.complaints()
    browser.show()
    return browser


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Runs `expsdk dashboard` in a directory of its own and returns its address."""
    started: list[subprocess.Popen[str]] = []

    def serve(*arguments: str, port: int = 0) -> str:
        process = subprocess.Popen(
            [sys.executable, "-m", "expsdk", "dashboard", *arguments, "--port", str(port)],
            cwd=tmp_path,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/\S*", line)
        assert found, line + process.stderr.read()
        return found[0]

    serve.processes = started  # type: ignore[attr-defined]
    yield serve
    for process in started:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


@pytest.fixture
def sweep(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Runs a script that sweeps, beside the test."""
    started: list[subprocess.Popen[str]] = []

    def sweep(script: str) -> subprocess.Popen[str]:
        path = tmp_path / f"train_{len(started)}.py"
        path.write_text(script)
        process = subprocess.Popen(
            [sys.executable, str(path)], cwd=tmp_path, env=clean_environment(), stdin=subprocess.DEVNULL, text=True
        )
        started.append(process)
        return process

    yield sweep
    for process in started:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("EXPSDK_", "SSH_"))}
