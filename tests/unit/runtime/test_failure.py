"""What an exception says of a trial: one word, a traceback from the user's own line, a remedy where one is known."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from expsdk_runtime import failure
from expsdk_runtime.contract import Reason


class Broken(Exception):
    """An exception that cannot say what it is."""

    def __str__(self) -> str:
        raise ValueError("no words")


class Hopeless(Exception):
    """A proxy whose every attribute fails, as careless ones do: `self._inner` is never there."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class OutOfMemoryError(RuntimeError):
    """What PyTorch calls its own."""


def caught(function: Callable[[], object]) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("it raised nothing")


def raising(error: BaseException) -> Callable[[], object]:
    def function() -> None:
        raise error

    return function


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError(), Reason.USER_ERROR),
        (RecursionError(), Reason.USER_ERROR),
        (SystemExit(3), Reason.USER_ERROR),
        (GeneratorExit(), Reason.USER_ERROR),
        (MemoryError(), Reason.OUT_OF_MEMORY),
        (OutOfMemoryError(), Reason.OUT_OF_MEMORY),
    ],
)
def test_a_reason_is_one_word(error: BaseException, reason: str) -> None:
    assert failure.reason_of(error) == reason


def test_a_description_is_a_traceback() -> None:
    text = failure.describe(caught(raising(ValueError("bad lr"))))
    assert text.startswith("Traceback (most recent call last):\n")
    assert text.endswith("\nValueError: bad lr")
    assert "raise error" in text


def test_it_shows_causes() -> None:
    def train() -> None:
        try:
            raise KeyError("lr")
        except KeyError as error:
            raise ValueError("bad parameters") from error

    text = failure.describe(caught(train))
    assert "KeyError: 'lr'" in text
    assert "direct cause" in text


@pytest.mark.parametrize(
    ("code", "status"), [(None, 0), (0, 0), (False, 0), (3, 3), (-1, -1), ("no data", 1), ("", 1), ([], 1)]
)
def test_a_process_ends_with_the_status_that_python_gives_it(code: object, status: int) -> None:
    assert failure.status_of(SystemExit(code)) == status
    assert ("fails a trial" in failure.describe(SystemExit(code))) == (status != 0)


def test_in_a_trial_it_begins_at_the_users_own_line(run: Callable[..., Any]) -> None:
    trial = run(raising(ValueError("bad lr")))
    lines = trial.ending.message.splitlines()
    assert lines[1].startswith(f'  File "{__file__}"')
    assert "expsdk_runtime" not in trial.ending.message


def test_an_error_in_a_module_that_is_imported_begins_in_that_module(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_module_of_a_user.py").write_text("lr = 1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    # The bootstrap imports what the payload names; its own frames and the import system's are no news to the user.
    names: dict[str, Any] = {"__name__": "expsdk_runtime.bootstrap"}
    exec("import importlib\ndef load(): importlib.import_module('broken_module_of_a_user')", names)
    lines = run(names["load"]).ending.message.splitlines()
    assert lines[1] == f'  File "{tmp_path}/broken_module_of_a_user.py", line 1, in <module>'
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_an_exception_whose_text_raises_is_described() -> None:
    text = failure.describe(caught(raising(Broken())))
    assert "Broken: <exception str() failed>" in text


def test_an_exception_that_cannot_be_shown_at_all_is_named() -> None:
    text = failure.describe(caught(raising(Hopeless())))
    assert "Hopeless" in text


def test_a_syntax_error_of_nonsense_is_described() -> None:
    text = failure.describe(caught(raising(SyntaxError("odd", (1, 2, 3, 4)))))  # type: ignore[arg-type]
    assert "SyntaxError" in text


def test_endless_recursion_is_described_shortly() -> None:
    def train() -> None:
        train()

    text = failure.describe(caught(train))
    assert "RecursionError" in text
    assert len(text) < 4000


def test_a_file_that_should_have_travelled_is_named_with_the_remedy(tmp_path: Path) -> None:
    project = str(tmp_path)
    missing = caught(lambda: (tmp_path / "data" / "train.csv").read_text())
    text = failure.describe(missing, project_dir=project)
    assert text.endswith(
        "\n(the payload has no 'data/train.csv': let it travel with @experiment(include=['data/train.csv']))"
    )
    assert "payload" not in failure.describe(missing)
    assert "payload" not in failure.describe(missing, project_dir=project + "/elsewhere")


@pytest.mark.parametrize("file", ["no/such/file", b"no/such/file", None])
def test_a_missing_file_is_described_even_where_the_working_directory_is_gone(
    file: str | bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(FileNotFoundError):
        Path.cwd()
    error = FileNotFoundError(2, "No such file", file)
    assert failure.describe(error, project_dir=str(tmp_path)).startswith("FileNotFoundError")


def test_a_missing_module_is_named_with_the_interpreter() -> None:
    def train() -> None:
        importlib.import_module("a_module_that_nobody_has")

    text = failure.describe(caught(train))
    assert text.endswith(
        f"\n(module 'a_module_that_nobody_has' is neither in the payload nor installed for {sys.executable})"
    )
