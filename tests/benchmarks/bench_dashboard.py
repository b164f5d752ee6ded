"""The dashboard's first page of 5,000 trials, from nothing known: as data, and in a browser where one is here.

Optuna's dashboard stands beside it: what its page of the same study has to load.
"""

from __future__ import annotations

import shutil
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from large import NAME, TRIALS, write_large_experiment
from report import Figure, report

from expsdk.backends.local.store import FileStore
from expsdk.dashboard import Dashboard

PARTS = {"overview", "trials", "history", "curves", "waiting", "failures"}
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
READY = "return document.querySelectorAll('table.trials tbody tr').length"
TURN_S = 0.005


def main() -> int:
    """Measure and report."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / ".expsdk"
        write_large_experiment(root)
        figures = [
            Figure(f"first page of {TRIALS:,} trials, its data", min(_data_s(root) for _ in range(3)), "s", 2.0),
            *_in_browser(root, Path(directory)),
            *_optunas(root),
        ]
    return report("dashboard", figures)


def _data_s(root: Path) -> float:
    """Return how long the data of a page of an experiment that nobody has looked at takes."""
    with Dashboard(FileStore(root=root), port=0) as dashboard:
        began = time.perf_counter()
        missing = set(PARTS)
        with urllib.request.urlopen(f"http://127.0.0.1:{dashboard.port}/live/experiment?name={NAME}") as stream:
            while missing:
                missing.discard(stream.readline().decode().removeprefix("event: ").strip())
        return time.perf_counter() - began


def _in_browser(root: Path, directory: Path) -> Iterator[Figure]:
    """Yield how long it takes until a person sees the page, and another page of the table."""
    with _browser(directory / "profile") as driver:
        if driver is None:
            return
        seen = []
        for _ in range(3):
            with Dashboard(FileStore(root=root), [NAME], port=0) as dashboard:
                driver.get("about:blank")
                began = time.perf_counter()
                driver.get(dashboard.url)
                _wait(lambda: driver.execute_script(READY))
                seen.append(time.perf_counter() - began)
                _wait(lambda: not driver.execute_script("return document.body.innerText.includes('reading…')"))
                began = time.perf_counter()
                driver.execute_script(f"location.hash = '#/{NAME}?sort=metrics.val_loss&phase=Succeeded&page=40'")
                _wait(lambda: "Succeeded" in driver.execute_script(SORTED))
                turned = time.perf_counter() - began
        yield Figure(f"first page of {TRIALS:,} trials, seen in Chromium", min(seen), "s", 2.0)
        yield Figure("sorted, filtered and turned to page 40, seen there", turned, "s", 2.0)


SORTED = """
return document.querySelector('th[aria-sort=ascending]')?.dataset.key === 'metrics.val_loss'
  ? document.querySelector('table.trials tbody').innerText : ''
"""


def _optunas(root: Path) -> Iterator[Figure]:
    with Dashboard(FileStore(root=root), [NAME], port=0) as dashboard:
        if dashboard.optuna is None:
            return
        base = f"http://127.0.0.1:{dashboard.port}"
        began = time.perf_counter()
        urllib.request.urlopen(f"{base}/optuna/{NAME}").read()
        size = len(urllib.request.urlopen(f"{base}/api/studies/0").read())
        yield Figure("Optuna's dashboard of the same, its data", time.perf_counter() - began, "s")
        yield Figure("Optuna's dashboard of the same, its data", size / 2**20, "MiB")


@contextmanager
def _browser(profile: Path) -> Iterator[Any]:
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not chromedriver:
        print("  no browser is here to look with: apt-get install chromium chromium-driver")
        yield None
        return
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    try:
        yield driver
    finally:
        driver.quit()


def _wait(condition: Any) -> None:
    give_up_at = time.monotonic() + 60
    while not condition():
        if time.monotonic() > give_up_at:
            raise TimeoutError("the page does not show what it should")
        time.sleep(TURN_S)


if __name__ == "__main__":
    raise SystemExit(main())
