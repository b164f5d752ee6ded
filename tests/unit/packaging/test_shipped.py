"""What of expsdk travels in every payload."""

from __future__ import annotations

import importlib.util
import marshal
import os
import subprocess
import sys
from pathlib import Path

import expsdk
from expsdk.packaging.shipped import shipped_members

DIGEST = """
import hashlib
from expsdk.packaging.shipped import shipped_members
members = sorted(shipped_members().items())
print(hashlib.sha256(repr(members).encode()).hexdigest())
"""


def test_the_sources_of_both_halves_and_of_cloudpickle_travel() -> None:
    top = Path(expsdk.__file__).parent
    own = {f"expsdk/{path.relative_to(top).as_posix()}": path.read_bytes() for path in top.rglob("*.py")}
    members = shipped_members()
    assert own.items() <= members.items()
    assert {"expsdk_runtime/bootstrap.py", "cloudpickle/cloudpickle.py"} <= members.keys()
    assert members["__main__.py"] == members["expsdk_runtime/entry.py"]


def test_byte_code_stands_for_the_source_beside_it_and_names_no_file_of_this_machine() -> None:
    members = shipped_members()
    compiled = [name for name in members if name.endswith(".pyc")]
    assert {"expsdk_runtime/runner.pyc", "cloudpickle/cloudpickle.pyc", "expsdk/decorator.pyc"} <= set(compiled)
    for name in compiled:
        content = members[name]
        assert content[:8] == importlib.util.MAGIC_NUMBER + b"\1\0\0\0"
        assert content[8:16] == importlib.util.source_hash(members[name[:-1]])
        assert marshal.loads(content[16:]).co_filename.startswith("<frozen ")


def test_only_what_a_job_may_load_is_compiled() -> None:
    members = shipped_members()
    assert not {"expsdk_runtime/entry.pyc", "__main__.pyc", "expsdk/packaging/payload.pyc"} & members.keys()


def test_every_process_gives_the_same_whether_python_has_compiled_it_before_or_not(tmp_path: Path) -> None:
    digests = []
    # The second finds what the first has compiled; the third has much else in memory.
    for seed, cache, first in ((1, "cold", ""), (2, "cold", ""), (3, "other", "import asyncio, unittest.mock")):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPYCACHEPREFIX": str(tmp_path / cache)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-c", first + DIGEST]
        digests.append(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert digests[0]
    assert digests == [digests[0]] * 3
