"""The dashboard in a real browser, beside real sweeps of this machine.

EXPSDK_PICTURES names a directory that is to have pictures of its pages.
"""

from __future__ import annotations

import base64
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# The script waits for the file "go" once it has shown what is to be looked at while it runs.
SCRIPT = """
import time
from pathlib import Path
from expsdk import choice, experiment, log_metric, loguniform

@experiment(space={"lr": loguniform(1e-3, 1), "opt": choice(["sgd", "<b>adam</b>"])}, objective="loss")
def train(lr, opt, epochs=8):
    for epoch in range(epochs):
        print(f"epoch {epoch}: <img src=x onerror=alert(1)>", flush=True)
        log_metric("loss", lr + 1 / (epoch + 1), epoch=epoch)
        log_metric("accuracy", epoch / 10, epoch=epoch)
        if opt == "sgd" and epoch == 3:
            raise ValueError(f"<script>alert(1)</script> {lr}")
        while epoch == 4 and not Path("GO").exists():
            time.sleep(0.05)

if __name__ == "__main__":
    train.sweep(
        trials=8, parallelism=2, seed=3, name="train-mlp",
        initial=[{"lr": 0.5, "opt": "sgd"}, {"lr": 0.25, "opt": "<b>adam</b>"}, {"lr": 0.125, "opt": "<b>adam</b>"}],
    ).run(progress=False)
"""


def pictured(browser: Any, name: str) -> None:
    """Keep pictures of a page in both sizes and both schemes, where somebody wants to look at them."""
    directory = os.environ.get("EXPSDK_PICTURES")
    for width, height in ((1280, 800), (390, 844)) if directory else ():
        for dark in (False, True):
            browser.show(width=width, height=height, dark=dark)
            browser.driver.execute_async_script("setTimeout(arguments[0], 400)")
            picture = browser.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
            path = Path(str(directory)) / f"{name}-{width}-{'dark' if dark else 'light'}.png"
            path.write_bytes(base64.b64decode(picture["data"]))
    browser.show()


def test_a_sweep_from_its_beginning_to_its_end(
    browser: Any, serve: Callable[..., str], sweep: Callable[..., Any], tmp_path: Path
) -> None:
    address = serve()
    browser.open(address)
    browser.until_text("No experiment is here yet")
    process = sweep(SCRIPT.replace("GO", str(tmp_path / "go")))
    browser.until_text("train-mlp")  # which appears by itself
    browser.until_text("driven now")
    pictured(browser, "list")
    browser.click("table.experiments a")

    browser.until_text("2 running, and the best")
    browser.until_text("Failed: 1 trial")
    assert "ValueError: <script>alert(1)</script> 0.5" in browser.text()
    assert browser.driver.current_url == f"{address}#/train-mlp"
    assert browser.driver.title.endswith("train-mlp · expsdk")
    assert browser.texts("table.trials thead th")[:4] == ["trial ↓", "phase", "loss", "epoch"]
    assert browser.texts("table.trials tbody th") == ["0002", "0001", "0000"]
    assert "<b>adam</b>" in browser.text("table.trials")
    browser.click(".groups summary")
    browser.until_text("Traceback (most recent call last)")
    pictured(browser, "running")

    # What the user has opened stays open, and nothing is built anew, while everything changes.
    browser.run("document.querySelector('table.trials tbody tr:last-child').mark = 'the same'")
    (tmp_path / "go").touch()
    browser.until_text("8 of 8 trials")
    browser.until_text("Curves of the best")
    assert process.wait(timeout=20) == 0
    assert browser.run("return document.querySelector('.groups details').open")
    assert browser.run("return document.querySelector('table.trials tbody tr:last-child').mark") == "the same"
    browser.until_text("Succeeded", ".title")
    assert "0.12613\n\nloss (minimize) in trial 0003" in browser.text(".best")
    pictured(browser, "ended")
    assert browser.complaints() == []


@pytest.fixture
def ended(sweep: Callable[..., Any], tmp_path: Path) -> Path:
    """A sweep that has ended."""
    (tmp_path / "go").touch()
    assert sweep(SCRIPT.replace("GO", str(tmp_path / "go"))).wait(timeout=60) == 0
    return tmp_path / ".expsdk" / "train-mlp"


def test_the_table_sorts_filters_and_its_address_can_be_shared(
    browser: Any, serve: Callable[..., str], ended: Path
) -> None:
    address = serve("train-mlp")
    assert address.endswith("/#/train-mlp")
    browser.open(address)
    rows = "table.trials tbody th"
    browser.until(lambda: len(browser.texts(rows)) == 8)
    browser.click("th[data-key='metrics.loss'] a")
    browser.until(lambda: browser.run(SORTED) == "metrics.loss")
    values = [float(text) for text in browser.texts("table.trials tbody td:nth-child(3)")]
    assert values == sorted(values)

    browser.type("input[type=search]", "adam lr<0.2")
    browser.until(lambda: "q=adam" in browser.driver.current_url)
    browser.until(lambda: "0000" not in browser.texts(rows))
    chosen = browser.texts(rows)
    assert "0002" in chosen
    assert browser.driver.switch_to.active_element.get_attribute("type") == "search"
    browser.click(".filter[data-key=Succeeded]")
    browser.until(lambda: "phase=Succeeded" in browser.driver.current_url)

    shared = browser.driver.current_url
    browser.open(shared)
    browser.until(lambda: browser.texts(rows) == chosen)
    assert browser.run("return document.querySelector('input[type=search]').value") == "adam lr<0.2"
    browser.driver.back()
    assert browser.complaints() == []


def test_a_trial_tells_everything(browser: Any, serve: Callable[..., str], ended: Path) -> None:
    browser.open(serve("train-mlp"))
    browser.until(lambda: browser.texts("table.trials tbody th"))
    browser.click("table.trials tbody tr:last-child a")
    browser.until_text("Trial 0000")
    browser.until_text("epoch 3: <img src=x onerror=alert(1)>", "pre.log")
    text = browser.text()
    for words in (
        "UserError",
        "What went wrong",
        "ValueError: <script>",
        "Parameters",
        "0.5",
        "accuracy",
        "payload digest",
        "seed",
    ):
        assert words in text, words
    pictured(browser, "trial")
    browser.click(".neighbours a:last-child")
    browser.until_text("Trial 0001")
    browser.click("#path a:nth-of-type(2)")
    browser.until_text("8 of 8 trials")
    browser.driver.back()
    browser.until_text("Trial 0001")
    assert browser.complaints() == []


def test_the_log_of_a_running_trial_grows(
    browser: Any, serve: Callable[..., str], sweep: Callable[..., Any], tmp_path: Path
) -> None:
    sweep(SCRIPT.replace("GO", str(tmp_path / "go")))
    browser.open(serve() + "#/train-mlp/train-mlp-0001")
    browser.until_text("epoch 4:", "pre.log")
    assert "epoch 5:" not in browser.text("pre.log")
    browser.until_text("Running", ".title")
    (tmp_path / "go").touch()
    browser.until_text("epoch 7:", "pre.log")
    browser.until_text("Succeeded", ".title")
    assert browser.complaints() == []


def test_keys_alone_lead_through_a_chart_to_a_trial(browser: Any, serve: Callable[..., str], ended: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.open(serve("train-mlp"))
    canvas = "[data-key=history] canvas"
    label = browser.until(lambda: browser.run(LABEL, canvas))
    assert label.startswith("loss of 8 trials; the best so far is ")
    browser.run("document.querySelector(arguments[0]).focus()", canvas)
    keys = browser.driver.switch_to.active_element
    keys.send_keys(Keys.HOME)
    browser.until_text("0000 · failed", "[data-key=history] .tip")
    keys.send_keys(Keys.ARROW_RIGHT)
    browser.until_text("0001 · succeeded", "[data-key=history] .tip")
    keys.send_keys(Keys.ENTER)
    browser.until_text("Trial 0001")


@pytest.mark.parametrize("page", ["", "#/train-mlp", "#/train-mlp/train-mlp-0000"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_narrow_window_and_every_scheme_can_be_read(
    browser: Any, serve: Callable[..., str], ended: Path, page: str, dark: bool
) -> None:
    browser.show(width=390, height=844, dark=dark)
    browser.open(serve() + page)
    browser.until_text("train-mlp" if not page else "loss")
    assert browser.run("return document.documentElement.scrollWidth") <= 390
    assert browser.run(CONTRAST) == []
    assert browser.run(UNNAMED) == []


def test_a_server_that_goes_away_is_told_and_found_again(browser: Any, serve: Any, ended: Path) -> None:
    address = serve()
    browser.open(f"{address}#/train-mlp")
    browser.until_text("8 of 8 trials")
    (process,) = serve.processes
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    browser.until_text("does not answer; trying again", "#connection")
    assert "8 of 8 trials" in browser.text()
    serve(port=int(address.rsplit(":", 1)[1].strip("/")))
    browser.until(lambda: not browser.text("#connection"))
    shutil.rmtree(ended)
    browser.until_text("no experiment 'train-mlp' is kept in")
    assert "8 of 8 trials" in browser.text()


def test_an_address_of_nothing_is_told(browser: Any, serve: Callable[..., str], ended: Path) -> None:
    address = serve("train-mlp").partition("#")[0]
    for place in ("other", "train-mlp/other-0000", "..", "train-mlp/train-mlp-0000/more"):
        browser.open(f"{address}#/{place}")
        if place.endswith("more"):
            browser.until_text("Trial 0000")
        else:
            browser.until_text("This dashboard shows no experiment and no trial of that name.")
    browser.open(f"{address}#/train-mlp/train-mlp-0099")
    browser.until_text("train-mlp has 8 trials, and none is named 'train-mlp-0099'")


def test_optunas_dashboard_is_a_click_away_and_back(browser: Any, serve: Callable[..., str], ended: Path) -> None:
    pytest.importorskip("optuna_dashboard")
    browser.open(serve("train-mlp"))
    browser.until_text("8 of 8 trials")
    browser.click("a.button")
    browser.until(lambda: browser.driver.current_url.endswith("/dashboard/studies/0"))
    browser.until_text("train-mlp", "body")
    browser.until(lambda: "Best" in browser.text("body"), "Optuna's page of the study")
    pictured(browser, "optuna")
    browser.click("#expsdk-back")
    browser.until_text("8 of 8 trials")
    assert browser.driver.current_url.endswith("/#/train-mlp")


LABEL = "return document.querySelector(arguments[0])?.getAttribute('aria-label')"
SORTED = "return document.querySelector('th[aria-sort=ascending]')?.dataset.key"
# WCAG 2.2, 1.4.3: the contrast of every text with what is behind it, as the browser has drawn them.
CONTRAST = """
const parse = (color) => color.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((value) => value / 255)
  .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
  .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
const behind = (element) => {
  for (let each = element; each; each = each.parentElement) {
    const color = parse(getComputedStyle(each).backgroundColor);
    if (color.length === 3 || color[3] === 1) return color;
  }
  return [255, 255, 255];
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const found = new Set();
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
  if (element.closest("script, noscript, .slash, .hidden")) continue;
  const [one, other] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
  const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  if (contrast < 4.5) found.add(`${contrast.toFixed(2)}: ${walker.currentNode.data.trim()}`);
}
return [...found];
"""
# What can be used has a name that can be told.
UNNAMED = """
const all = document.querySelectorAll("a, button, input, select, canvas, [role=img], [role=region]");
const nameOf = (each) => each.innerText || each.getAttribute("aria-label") || each.title
  || [...(each.labels ?? [])].map((label) => label.textContent).join("");
return [...all].filter((each) => each.checkVisibility() && !nameOf(each).trim()).map((each) => each.outerHTML);
"""
