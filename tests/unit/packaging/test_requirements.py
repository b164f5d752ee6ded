"""`packages="auto"`: what the payload's sources import, pinned to what is installed here."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from importlib.metadata import version
from pathlib import Path

SCRIPT = """
    import json, os.path
    import numpy as np
    from expsdk import experiment
    import beside

    @experiment(space={"x": [1]}, objective="loss")
    def train(x):
        from sklearn import datasets
        try:
            import a_module_that_is_not_here
        except ImportError:
            pass
        return float(np.float64(x)) + beside.VALUE

    if __name__ == "__main__":
        from expsdk.packaging.requirements import requirements_of
        print(*requirements_of(train.pack()))
"""


def test_imports_are_pinned_and_own_modules_left_out(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(textwrap.dedent(SCRIPT))
    (tmp_path / "beside.py").write_text("import scipy.stats\nVALUE = 1\n")
    done = subprocess.run([sys.executable, "train.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wanted = [f"{name}=={version(name)}" for name in ("numpy", "scikit-learn", "scipy")]
    assert done.stdout.split() == wanted


def test_what_was_installed_from_a_directory_is_named() -> None:
    code = "import _pytest\nfrom expsdk.packaging import requirements\nprint(requirements._pinned('expsdk'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "packages='auto' names what an index has, and expsdk" in done.stderr
    assert "list packages= by hand" in done.stderr
