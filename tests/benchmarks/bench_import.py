"""`import expsdk` and the decorator with a space, over a bare interpreter."""

from __future__ import annotations

import sys

from processes import median_times_ms
from report import Figure, report

RUNS = 30
BUDGET_MS = 25.0


def main() -> int:
    bare, package, decorator = median_times_ms(
        [
            [sys.executable, "-c", "pass"],
            [sys.executable, "-c", "import expsdk"],
            [sys.executable, "-c", "from expsdk import experiment, log_metric, uniform"],
        ],
        runs=RUNS,
    )
    return report(
        f"import ({RUNS} processes each, medians)",
        [
            Figure("python -c pass", bare, "ms"),
            Figure("import expsdk, over that", package - bare, "ms", BUDGET_MS),
            Figure("the decorator and its spaces too, over that", decorator - bare, "ms"),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
