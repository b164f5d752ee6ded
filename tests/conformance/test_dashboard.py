"""The dashboard shows what every backend keeps: experiments, trials, logs."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

from expsdk import experiment, log_metric
from expsdk.dashboard import Dashboard


def read(dashboard: Dashboard, path: str, condition: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Return the parts of a page as soon as they are as they should be."""
    parts: dict[str, Any] = {}
    with urllib.request.urlopen(f"http://127.0.0.1:{dashboard.port}/live/{path}", timeout=60) as stream:
        while not (parts and condition(parts)):
            line = stream.readline().decode()
            assert line, f"the stream has ended; last: {parts}"
            if line.startswith("event: "):
                data = json.loads(stream.readline().decode().removeprefix("data: "))
                parts[line.removeprefix("event: ").strip()] = data
                parts.setdefault("lines", []).extend(data.get("lines", []))
    return parts


def test_a_dashboard_shows_what_is_kept(place: Any) -> None:
    @experiment(space={"number": [1, 2, 3]}, objective="loss")
    def train(number: int) -> float:
        print(f"number {number} <b>", flush=True)
        for epoch in range(3):
            log_metric("loss", number / (epoch + 1), epoch=epoch)
        if number == 2:
            raise ValueError("two is no number")
        return number / 3

    name = place.run(train).name
    with Dashboard(place.records, [name], port=0) as dashboard:
        shown = read(dashboard, "experiments", lambda parts: parts["list"]["experiments"])["list"]["experiments"]
        assert [(each["name"], each["standing"], each["driven"]) for each in shown] == [(name, "Succeeded", False)]

        parts = read(dashboard, f"experiment?name={name}", lambda parts: parts.get("failures", {}).get("total"))
        assert parts["overview"]["counts"] == {"Succeeded": 2, "Failed": 1}
        assert parts["overview"]["trouble"] == ""
        assert [trial["number"] for trial in parts["overview"]["best"]] == [0, 2]
        assert parts["history"]["numbers"] == [0, 1, 2]
        assert [curve["epochs"] for curve in parts["curves"]["curves"]] == [[0, 1, 2]] * 2
        assert [group["line"] for group in parts["failures"]["groups"]] == ["ValueError: two is no number"]
        assert [row["parameters"] for row in parts["trials"]["rows"]] == [{"number": str(each)} for each in (3, 2, 1)]

        def is_told(parts: dict[str, Any]) -> bool:
            return parts["trial"]["known"] and (not place.keeps_logs or "number 2 <b>" in parts["lines"])

        trial = read(dashboard, f"trial?name={name}&trial={name}-0001", is_told)["trial"]
        assert trial["reason"] == "UserError"
        assert "ValueError: two is no number" in trial["error"]
