"""Names: what is refused and in which words, what is suggested, and trials' names there and back."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expsdk.errors import DefinitionError
from expsdk.resources.names import (
    EXPERIMENT_NAME_LIMIT_CHARS,
    EXPERIMENT_NAME_PATTERN,
    TRIAL_NAME_LIMIT_CHARS,
    check_experiment_name,
    suggest_experiment_name,
    trial_name,
    trial_number,
)

valid_names = st.from_regex(r"\A[a-z]([a-z0-9-]{0,38}[a-z0-9])?\Z")


@pytest.mark.parametrize("name", ["a", "train", "train-mlp", "x2", "a--b", "a" * 40])
def test_a_valid_name_comes_back(name: str) -> None:
    assert check_experiment_name(name) == name


@pytest.mark.parametrize(
    ("name", "problem", "suggestion"),
    [
        ("", "'' is empty", "experiment"),
        ("Train_MLP", "has 'T'", "train-mlp"),
        ("train_mlp", "has '_'", "train-mlp"),
        ("train mlp", "has ' '", "train-mlp"),
        ("größe", "has 'ö'", "groe"),
        ("train\n", "has '\\n'", "train"),
        ("2fast", "starts with '2'", "experiment-2fast"),
        ("-train", "starts with '-'", "train"),
        ("train-", "ends with '-'", "train"),
        ("a" * 41, "has 41", "a" * 40),
        ("٣train", "has '٣'", "train"),
    ],
)
def test_a_refusal_tells_rule_value_and_remedy(name: str, problem: str, suggestion: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        check_experiment_name(name)
    message = str(caught.value)
    assert "lower-case letters" in message
    assert "at most 40 characters" in message
    assert repr(name) in message
    assert problem in message
    assert message.endswith(f"pass name={suggestion!r}")


@pytest.mark.parametrize("name", [None, 7, b"train"])
def test_a_name_is_a_string(name: Any) -> None:
    with pytest.raises(DefinitionError, match=f"is a string, got {name!r} of type {type(name).__name__}: pass name="):
        check_experiment_name(name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("train", "train"),
        ("Train_MLP", "train-mlp"),
        ("trainMLPFast", "train-mlp-fast"),
        ("__main__", "main"),
        ("<lambda>", "lambda"),
        ("Café", "cafe"),
        ("训练", "experiment"),
        ("3d", "experiment-3d"),
        ("x" * 39 + "_y", "x" * 39),
    ],
)
def test_a_suggestion_reads_like_the_text(text: str, name: str) -> None:
    assert suggest_experiment_name(text) == name


@given(st.text())
def test_every_suggestion_is_valid(text: str) -> None:
    assert check_experiment_name(suggest_experiment_name(text))


@given(valid_names)
def test_a_valid_name_is_its_own_suggestion(name: str) -> None:
    assert check_experiment_name(name) == name
    if "--" not in name:
        assert suggest_experiment_name(name) == name


@given(st.text(alphabet="ab19-_A\n", max_size=42))
def test_check_and_pattern_agree(name: str) -> None:
    allowed = re.fullmatch(EXPERIMENT_NAME_PATTERN, name) and "\n" not in name
    if allowed and len(name) <= EXPERIMENT_NAME_LIMIT_CHARS:
        assert check_experiment_name(name) == name
    else:
        with pytest.raises(DefinitionError):
            check_experiment_name(name)


@pytest.mark.parametrize(
    ("number", "name"), [(0, "train-0000"), (42, "train-0042"), (9999, "train-9999"), (10000, "train-10000")]
)
def test_a_trial_is_named_by_its_number(number: int, name: str) -> None:
    assert trial_name("train", number) == name
    assert trial_number("train", name) == number


@given(valid_names, st.integers(0, 10**9))
def test_a_trial_name_goes_there_and_back(experiment: str, number: int) -> None:
    name = trial_name(experiment, number)
    assert trial_number(experiment, name) == number
    assert len(name) <= TRIAL_NAME_LIMIT_CHARS


@given(valid_names, valid_names, st.integers(0, 10**5), st.integers(0, 10**5))
def test_no_two_trials_share_a_name(one: str, other: str, first: int, second: int) -> None:
    assert (trial_name(one, first) == trial_name(other, second)) == ((one, first) == (other, second))


@pytest.mark.parametrize(
    "name",
    ["train", "train-", "train-1", "train-001", "train-00042", "train-abcd", "train-²²²²", "train-٠٠٠١", "train--001"],
)
def test_other_names_are_no_trials(name: str) -> None:
    assert trial_number("train", name) is None


def test_another_experiments_trial_is_none_of_ours() -> None:
    assert trial_number("train", "train-mlp-0001") is None
    assert trial_number("train-mlp", "train-0001") is None


def test_names_and_times_load_without_pydantic() -> None:
    program = (
        "import sys\n"
        "import expsdk.resources\n"
        "from expsdk.resources.names import check_experiment_name\n"
        "from expsdk.resources.times import format_time\n"
        "check_experiment_name('train')\n"
        "heavy = {'pydantic', 'pydantic_core', 'unicodedata'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "import expsdk.resources.result\n"
        "assert 'pydantic' in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
