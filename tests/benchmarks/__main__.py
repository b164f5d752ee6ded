"""All benchmarks, one after the other: `make bench`, or `python tests/benchmarks import job_start` for some."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent


def main(names: list[str]) -> int:
    sys.path.insert(1, str(HERE.parent))
    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    return max(import_module(f"bench_{name}").main() for name in names or known)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
