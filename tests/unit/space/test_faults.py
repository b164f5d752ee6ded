"""What is wrong with a space, word for word: each message names the parameter, the rule, the value and the remedy."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Iterator
from typing import Any

import numpy
import pytest

from expsdk.errors import DefinitionError, ExpsdkError, SpaceError
from expsdk.space import (
    Choice,
    Constant,
    Parameter,
    Space,
    choice,
    integer,
    loguniform,
    normal,
    uniform,
)


class Optimizer(enum.Enum):
    SGD = "sgd"


class Level(enum.IntEnum):
    LOW = 1


class Model:
    def __repr__(self) -> str:
        return "Model()"

    def __call__(self) -> None: ...


def relu(x: float) -> float:
    return max(x, 0.0)


def numbers() -> Iterator[int]:
    yield 1


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


BRANCH = 'write one such as {"momentum": uniform(0, 1)}, or {} where it has none'
JSON = "JSON carries None, bool, int, float, str, list and dict, not"
DIGITS = "1" + "0" * 78


def wrong(value: Any, *message: str) -> tuple[Any, str]:
    return value, "".join(message)


SPACES = [
    # The whole.
    wrong(None, 'a space maps names to domains, it is not None; write {"lr": uniform(0, 1)}'),
    wrong([("lr", 1)], "a space maps names to domains, it is not [('lr', 1)]; write {\"lr\": uniform(0, 1)}"),
    # Names.
    wrong({3: 1}, "parameter 3: a parameter's name is a string, not 3; write the name of an argument of the function"),
    wrong(
        {"lambda": 1},
        "parameter 'lambda': a parameter's name is no keyword of Python, as 'lambda' is;",
        " rename it, for example to 'lambda_'",
    ),
    wrong(
        {"learning rate": 1},
        "parameter 'learning rate': a parameter's name is a Python identifier, not 'learning rate';",
        " use letters, digits and underscores",
    ),
    wrong(
        {"opt": choice({"sgd": {"": 1}})},
        "parameter opt='sgd' → '': a parameter's name is a Python identifier, not '';",
        " use letters, digits and underscores",
    ),
    wrong(
        {"lr": 1, "opt": choice({"sgd": {"lr": 2}})},
        "parameter opt='sgd' → lr: a name stands once in a sample, but 'lr' would stand for lr and for opt='sgd' → lr;",
        " rename one of them",
    ),
    wrong(
        {"a": choice({"x": {"m": 1}}), "b": choice({1.0: {"m": 2}})},
        "parameter b=1 → m: a name stands once in a sample, but 'm' would stand for a='x' → m and for b=1 → m;",
        " rename one of them",
    ),
    wrong(
        {"opt": choice({"a": {"opt": 2}})},
        "parameter opt='a' → opt: a name stands once in a sample, but 'opt' would stand for opt and for",
        " opt='a' → opt; rename one of them",
    ),
    # uniform
    wrong(
        {"lr": uniform("0", 1)}, "parameter lr: low of uniform is a number, not the str '0'; write a plain float or int"
    ),
    wrong({"lr": uniform(None, 1)}, "parameter lr: low of uniform is a number, not None; write a plain float or int"),
    wrong(
        {"lr": uniform(0, True)},
        "parameter lr: high of uniform is a number, not the bool True; write a plain float or int",
    ),
    wrong(
        {"lr": uniform(numpy.float32(0), 1)},
        "parameter lr: low of uniform is a number, not the float32 np.float32(0.0); write a plain float or int",
    ),
    wrong(
        {"lr": uniform(0, math.inf)}, "parameter lr: high of uniform is a finite float, not inf; write a finite number"
    ),
    wrong(
        {"lr": uniform(math.nan, 1)}, "parameter lr: low of uniform is a finite float, not nan; write a finite number"
    ),
    wrong(
        {"lr": uniform(0, 10**400)},
        f"parameter lr: high of uniform is a finite float, not {DIGITS}…; write a finite number",
    ),
    wrong(
        {"lr": uniform(1, 0)},
        "parameter lr: low is at most high, not uniform(low=1.0, high=0.0); write uniform(0.0, 1.0)",
    ),
    wrong(
        {"opt": choice({"sgd": {"momentum": uniform(1, 0)}})},
        "parameter opt='sgd' → momentum: low is at most high, not uniform(low=1.0, high=0.0); write uniform(0.0, 1.0)",
    ),
    wrong(
        {"lr": uniform(-1.7e308, 1.7e308)},
        "parameter lr: high - low is a finite float, not so from -1.7e+308 to 1.7e+308; write closer bounds",
    ),
    wrong(
        {"lr": uniform(0, 1, step="a")},
        "parameter lr: step of uniform is a number, not the str 'a'; write a plain float or int",
    ),
    wrong(
        {"lr": uniform(0, 1, step=math.inf)},
        "parameter lr: step of uniform is a finite float, not inf; write a finite number",
    ),
    wrong(
        {"lr": uniform(0, 1, step=0)},
        "parameter lr: step is above 0, not 0.0; write a positive step, or none for every float",
    ),
    wrong(
        {"lr": uniform(0, 1, step=1e-17)},
        "parameter lr: step is at least 4.440892098500626e-16, what floats can tell apart here, not 1e-17;",
        " leave step out",
    ),
    wrong(
        {"lr": uniform(0, 1, step=0.3)},
        "parameter lr: step divides high - low, and 0.3 does not divide 1.0 - 0.0;",
        " write high=0.9 or high=1.2, or another step",
    ),
    wrong(
        {"lr": uniform(0, 1, step=3)},
        "parameter lr: step divides high - low, and 3.0 does not divide 1.0 - 0.0; write high=3.0, or another step",
    ),
    # loguniform
    wrong(
        {"lr": loguniform(0, 1)},
        "parameter lr: a logarithm needs low > 0, not low=0.0; raise low above 0 or use uniform",
    ),
    wrong(
        {"lr": loguniform(-1, 1)},
        "parameter lr: a logarithm needs low > 0, not low=-1.0; raise low above 0 or use uniform",
    ),
    wrong(
        {"lr": loguniform(1, 0.1)},
        "parameter lr: low is at most high, not loguniform(low=1.0, high=0.1); write loguniform(0.1, 1.0)",
    ),
    wrong(
        {"lr": loguniform([], 1)},
        "parameter lr: low of loguniform is a number, not the list []; write a plain float or int",
    ),
    wrong(
        {"lr": loguniform(0.1, math.nan)},
        "parameter lr: high of loguniform is a finite float, not nan; write a finite number",
    ),
    # integer
    wrong(
        {"n": integer(1.5, 2)},
        "parameter n: low of integer is an int, not the float 1.5; write an int, or use uniform for floats",
    ),
    wrong(
        {"n": integer(1, True)},
        "parameter n: high of integer is an int, not the bool True; write an int, or use uniform for floats",
    ),
    wrong(
        {"n": integer(0, 2, step=0.5)},
        "parameter n: step of integer is an int, not the float 0.5; write an int, or use uniform for floats",
    ),
    wrong(
        {"n": integer(0, 2**53 + 1)},
        "parameter n: high of integer is within ±2**53, not 9007199254740993;",
        " use a smaller range or a choice of strings",
    ),
    wrong(
        {"n": integer(1, 2, log=1)},
        "parameter n: log of integer is True or False, not the int 1; write log=True, or leave log out",
    ),
    wrong({"n": integer(5, 2)}, "parameter n: low is at most high, not integer(low=5, high=2); write integer(2, 5)"),
    wrong({"n": integer(0, 2, step=-1)}, "parameter n: step is above 0, not -1; write a positive step"),
    wrong(
        {"n": integer(1, 9, step=2, log=True)},
        "parameter n: an integer with log has step 1, not 2; leave out step or log",
    ),
    wrong(
        {"n": integer(0, 9, log=True)},
        "parameter n: a logarithm needs low > 0, not low=0; raise low above 0 or use integer without log",
    ),
    wrong(
        {"n": integer(0, 9, step=2)},
        "parameter n: step divides high - low, and 2 does not divide 9 - 0; write high=8 or high=10, or another step",
    ),
    # normal
    wrong(
        {"z": normal("0", 1)}, "parameter z: mean of normal is a number, not the str '0'; write a plain float or int"
    ),
    wrong({"z": normal(0, math.inf)}, "parameter z: sigma of normal is a finite float, not inf; write a finite number"),
    wrong({"z": normal(3, 0)}, "parameter z: sigma is above 0, not 0.0; write a positive sigma, or the constant 3.0"),
    wrong(
        {"z": normal(1e308, 1e308)},
        "parameter z: mean ± 9 sigma are finite floats, not so with mean=1e+308, sigma=1e+308; write smaller ones",
    ),
    # choice
    wrong(
        {"opt": choice("sgd")},
        "parameter opt: choice takes a list of options, not the str 'sgd'; write choice(['sgd'])",
    ),
    wrong(
        {"opt": choice(b"sgd")},
        "parameter opt: choice takes a list of options, not the bytes b'sgd'; write a list of strings",
    ),
    wrong({"n": choice(5)}, "parameter n: choice takes a list of options, not the int 5; write choice([5])"),
    wrong(
        {"n": choice({5})},
        "parameter n: choice takes a list of options, not the set {5}; write choice(list(...))",
    ),
    wrong(
        {"n": choice(numpy.array([1, 2]))},
        "parameter n: choice takes a list of options, not the ndarray array([1, 2]); write choice(values.tolist())",
    ),
    wrong(
        {"n": choice(list)},
        "parameter n: choice takes a list of options, not the class list; write choice(list(...))",
    ),
    wrong(
        {"n": []},
        "parameter n: a choice has at least one option, not []; write the options, or leave the parameter out",
    ),
    wrong(
        {"n": choice({})},
        "parameter n: a choice has at least one option, not []; write the options, or leave the parameter out",
    ),
    wrong({"n": ["a", "b", "a"]}, "parameter n: options differ in JSON, and 'a' and 'a' do not; remove one of them"),
    wrong({"n": [1, 1.0]}, "parameter n: options differ in JSON, and 1 and 1.0 do not; remove one of them"),
    wrong(
        {"n": [2.0**60, 1152921504606847000]},
        "parameter n: options differ in JSON, and 1.152921504606847e+18 and 1152921504606847000 do not;",
        " remove one of them",
    ),
    wrong(
        {"n": [{"a": [1]}, {"a": [1.0]}]},
        "parameter n: options differ in JSON, and {'a': [1]} and {'a': [1.0]} do not; remove one of them",
    ),
    wrong(
        {"layers": [(1, 2)]},
        "parameter layers: option (1, 2): JSON has lists, no tuples, but this is (1, 2); write [1, 2]",
    ),
    wrong(
        {"layers": [[1, (2,)]]},
        "parameter layers: option [1, (2,)]: JSON has lists, no tuples, but this is (2,) at [1]; write [2]",
    ),
    wrong(
        {"opt": [Optimizer.SGD]},
        "parameter opt: option <Optimizer.SGD: 'sgd'>: JSON has no enums, but this is <Optimizer.SGD: 'sgd'>;",
        " write its .value and look it up in the function",
    ),
    wrong(
        {"act": [relu]},
        f"parameter act: option <function relu at 0x…>: {JSON} the function relu;",
        " write its name and look it up in the function",
    ),
    wrong(
        {"x": [uniform(0, 1)]},
        "parameter x: option Uniform(low=0.0, high=1.0, step=None): an option is a value, not the domain",
        " Uniform(low=0.0, high=1.0, step=None); did you mean choice({...}), with a branch for each option?",
    ),
    wrong(
        {"n": [numpy.int64(3)]},
        "parameter n: option np.int64(3): JSON cannot carry the int64 np.int64(3);",
        " write plain Python values with .tolist()",
    ),
    # Branches.
    wrong(
        {"opt": choice({"a": 1})},
        f"parameter opt: the branch of 'a' is a mapping of parameters, not the int 1; {BRANCH}",
    ),
    wrong(
        {"opt": choice({"a": {}, "b": None})},
        f"parameter opt: the branch of 'b' is a mapping of parameters, not None; {BRANCH}",
    ),
    wrong(
        {"opt": choice({"a": numpy.array([1, 2])})},
        f"parameter opt: the branch of 'a' is a mapping of parameters, not the ndarray array([1, 2]); {BRANCH}",
    ),
    wrong(
        {"opt": choice({"a": loguniform(1, 2)})},
        f"parameter opt: the branch of 'a' is a mapping of parameters, not LogUniform(low=1.0, high=2.0); {BRANCH}",
    ),
    wrong(
        {"opt": choice({(1, 2): {"m": 1}})},
        "parameter opt: an option with a branch is text, a number, a bool or None, not (1, 2); name it by a string",
    ),
    wrong(
        {"opt": Choice(("a",), ((), (Parameter("m", Constant(1)),)))},
        "parameter opt: a choice has as many branches as options, not 2 for 1;",
        " write {} for an option without parameters",
    ),
    # Constants.
    wrong(
        {"lr": uniform},
        "parameter lr: a parameter has a domain or a constant, not the function uniform; call it: uniform(low, high)",
    ),
    wrong(
        {"opt": choice},
        "parameter opt: a parameter has a domain or a constant, not the function choice; call it: choice([...])",
    ),
    wrong(
        {"model": Model},
        "parameter model: a parameter has a domain or a constant, not the class Model;",
        " write a domain such as uniform(low, high), or a JSON value",
    ),
    wrong(
        {"model": Model()},
        "parameter model: a parameter has a domain or a constant, not Model();",
        " write a domain such as uniform(low, high), or a JSON value",
    ),
    wrong(
        {"layers": (1, 2)},
        "parameter layers: a tuple is neither a choice nor a constant, and this is (1, 2);",
        " write [1, 2] for a choice, choice([[1, 2]]) for one list",
    ),
    wrong(
        {"opt": {"lr": uniform(0, 1)}},
        "parameter opt: a constant is a JSON value, not the domain Uniform(low=0.0, high=1.0, step=None);",
        " did you mean choice({...}), with a branch for each option?",
    ),
    wrong(
        {"opt": {"sgd": [{"lr": (integer(1, 2),)}]}},
        "parameter opt: a constant is a JSON value, not the domain Integer(low=1, high=2, step=1, log=False);",
        " did you mean choice({...}), with a branch for each option?",
    ),
    # Values that JSON cannot carry.
    wrong(
        {"k": math.nan},
        "parameter k: JSON has no such number as nan; write None or a string and turn it into a number in the function",
    ),
    wrong(
        {"k": {"a": [0, {"b": -math.inf}]}},
        "parameter k: JSON has no such number as -inf at ['a'][1]['b'];",
        " write None or a string and turn it into a number in the function",
    ),
    wrong(
        {"k": 2**64},
        "parameter k: an integer fits 64 bits, and 18446744073709551616 does not; write it as a string",
    ),
    wrong(
        {"k": -(2**63) - 1},
        "parameter k: an integer fits 64 bits, and -9223372036854775809 does not; write it as a string",
    ),
    wrong({"k": 10**400}, f"parameter k: an integer fits 64 bits, and {DIGITS}… does not; write it as a string"),
    wrong(
        {"k": {"a": (1,)}},
        "parameter k: JSON has lists, no tuples, but this is (1,) at ['a']; write [1]",
    ),
    wrong({"k": {1}}, "parameter k: JSON has lists, no sets, but this is {1}; write a list"),
    wrong({"k": b"x"}, "parameter k: JSON has text, no bytes, but this is b'x'; write a string"),
    wrong({"k": range(3)}, "parameter k: JSON has lists, but this is range(0, 3); write a list, such as list(...)"),
    wrong(
        {"k": numbers()},
        "parameter k: JSON has lists, but this is the generator <generator object numbers at 0x…>;",
        " write a list, such as list(...)",
    ),
    wrong(
        {"k": numpy.array([1])},
        "parameter k: JSON cannot carry the ndarray array([1]); write plain Python values with .tolist()",
    ),
    wrong(
        {"k": Level.LOW},
        "parameter k: JSON has no enums, but this is <Level.LOW: 1>; write its .value and look it up in the function",
    ),
    wrong({"k": 1j}, f"parameter k: {JSON} the complex 1j; write what the function can build it from"),
    wrong({"k": {"a": Model()}}, f"parameter k: {JSON} Model() at ['a']; write what the function can build it from"),
    wrong({"k": {1: 2}}, "parameter k: the keys of a mapping are strings in JSON, not 1; write it as a string"),
    wrong(
        {"k": {"a": {None: 2}}},
        "parameter k: the keys of a mapping are strings in JSON, not None at ['a']; write it as a string",
    ),
    wrong(
        {"k": "\ud800"},
        "parameter k: text is valid Unicode, and '\\ud800' is not; write text that UTF-8 can encode",
    ),
    wrong(
        {"k": {"a": {"\ud800": 1}}},
        "parameter k: text is valid Unicode, and '\\ud800' is not at ['a']; write text that UTF-8 can encode",
    ),
    wrong(
        {"k": {"a": nested(65)}},
        "parameter k: a value is nested at most 64 deep, and this one is deeper; make it flatter",
    ),
]

ONE = {"type": "constant", "value": 1}
UNIFORM = "parameter lr: a domain of type uniform has low and high, and may have step, but this one"
DOCUMENTS = [
    wrong(
        [],
        "a space maps names to domains, it is not []; write a mapping such as",
        ' {"lr": {"type": "uniform", "low": 0, "high": 1}}',
    ),
    wrong(
        {"lr": 0.1},
        "parameter lr: a domain is a mapping with a type, not 0.1;",
        ' write {"type": "constant", "value": …} for a constant',
    ),
    wrong(
        {"lr": {}},
        "parameter lr: the type of a domain is one of uniform, loguniform, integer, normal, choice, constant,",
        " not None; write one",
    ),
    wrong(
        {"lr": {"type": ["uniform"]}},
        "parameter lr: the type of a domain is one of uniform, loguniform, integer, normal, choice, constant,",
        " not ['uniform']; write one",
    ),
    wrong({"lr": {"type": "uniform", "low": 0}}, f"{UNIFORM} lacks high; add high"),
    wrong({"lr": {"type": "uniform", "log": True}}, f"{UNIFORM} lacks low, high; add low, high"),
    wrong(
        {"lr": {"type": "uniform", "low": 0, "high": 1, "log": True, "q": 1}}, f"{UNIFORM} has log, q; remove log, q"
    ),
    wrong(
        {"k": {"type": "constant", "value": 1, "low": 2}},
        "parameter k: a domain of type constant has value, but this one has low; remove low",
    ),
    wrong(
        {"opt": {"type": "choice", "choices": "ab"}},
        "parameter opt: choices and branches are lists, not 'ab' and []; write lists of equal length",
    ),
    wrong(
        {"opt": {"type": "choice", "choices": ["a"], "branches": {"a": {}}}},
        "parameter opt: choices and branches are lists, not ['a'] and {'a': {}}; write lists of equal length",
    ),
    wrong(
        {"opt": {"type": "choice", "choices": ["a", "b"], "branches": [{"m": ONE}]}},
        "parameter opt: a choice has as many branches as options, not 1 for 2;",
        " write {} for an option without parameters",
    ),
    wrong(
        {"opt": {"type": "choice", "choices": ["a"], "branches": [{}, {"m": ONE}]}},
        "parameter opt: a choice has as many branches as options, not 2 for 1;",
        " write {} for an option without parameters",
    ),
    wrong(
        {"opt": {"type": "choice", "choices": ["a"], "branches": [3]}},
        f"parameter opt: the branch of 'a' is a mapping of parameters, not the int 3; {BRANCH}",
    ),
    wrong(
        {"opt": {"type": "choice", "choices": [1.0], "branches": [{"m": 3}]}},
        "parameter opt=1 → m: a domain is a mapping with a type, not 3;",
        ' write {"type": "constant", "value": …} for a constant',
    ),
    wrong(
        {"opt": {"type": "choice", "choices": [[1]], "branches": [{"m": ONE}]}},
        "parameter opt: an option with a branch is text, a number, a bool or None, not [1]; name it by a string",
    ),
    wrong(
        {"n": {"type": "integer", "low": 1, "high": 2, "log": None}},
        "parameter n: log of integer is True or False, not None; write log=True, or leave log out",
    ),
    wrong(
        {"class": ONE},
        "parameter 'class': a parameter's name is no keyword of Python, as 'class' is;",
        " rename it, for example to 'class_'",
    ),
]


def message_of(error: pytest.ExceptionInfo[SpaceError]) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x…", str(error.value))


@pytest.mark.parametrize(("space", "message"), SPACES, ids=[message for _, message in SPACES])
def test_an_impossible_space_is_refused_in_these_words(space: Any, message: str) -> None:
    with pytest.raises(SpaceError) as caught:
        Space.of(space)
    assert message_of(caught) == message
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(("document", "message"), DOCUMENTS, ids=[message for _, message in DOCUMENTS])
def test_a_malformed_declarative_form_is_refused_in_these_words(document: Any, message: str) -> None:
    with pytest.raises(SpaceError) as caught:
        Space.from_declarative(document)
    assert message_of(caught) == message


@pytest.mark.parametrize("message", [message for _, message in SPACES + DOCUMENTS])
def test_every_message_has_a_remedy_and_fits_a_few_lines(message: str) -> None:
    rule, _, remedy = message.rpartition("; ")
    assert rule.startswith(("parameter ", "a space "))
    assert re.match(r"(add|call|did|give|leave|make|name|raise|remove|rename|use|write) ", remedy), remedy
    assert len(message) < 320


def test_a_value_that_holds_itself_is_too_deep() -> None:
    ring: list[Any] = []
    ring.append({"a": ring})
    with pytest.raises(
        SpaceError, match=r"^parameter k: a value is nested at most 64 deep, and this one is deeper; make"
    ):
        Space.of({"k": {"b": ring}})


def test_a_space_error_is_a_value_error_of_the_definition() -> None:
    with pytest.raises(ValueError, match="parameter lr: low is at most high"):
        Space.of({"lr": uniform(1, 0)})
    assert issubclass(SpaceError, DefinitionError)
    assert issubclass(SpaceError, ExpsdkError)


@pytest.mark.parametrize(
    "space",
    [
        {"lr": uniform(1, 1), "n": integer(-3, -3), "z": loguniform(5e-324, 1.7e308), "m": integer(2, 2, log=True)},
        {"lr": uniform(0, 0.3, step=0.1), "n": integer(-(2**53), 2**53, step=2**53)},
        {"n": [2**63 - 1, -(2**63), 10**19, 1e300, None, True, 1, "", [], {}, [1], [True]]},
        {"k": nested(64), "d": {"": {"a b": [None]}}, "self": "Straße"},
        {"opt": choice({None: {"a": 1}, True: {"a": 2}, 2: {"a": 3}, "2": {"b": 4}})},
        {"opt": choice(range(3)), "act": choice(("relu", "tanh"))},
    ],
)
def test_what_is_just_possible_is_taken(space: dict[str, Any]) -> None:
    made = Space.of(space)
    assert set(space) <= set(made.names)
    assert Space.from_declarative(made.to_declarative()) == made


def test_a_great_whole_number_survives_what_kubernetes_makes_of_it() -> None:
    space = Space.of({"n": [2.0**63, 2.0**60, 1e20, 1e21]})
    # As the API server gives these floats back: whole ones below 1e21 in digits, the shortest that are the same float.
    kept = [9223372036854776000, 1152921504606847000, 10**20, 1e21]
    document = {"n": {"type": "choice", "choices": kept}}
    assert Space.from_declarative(document) == space
    assert [space.restore({"n": value})["n"] for value in kept] == [2.0**63, 2.0**60, 1e20, 1e21]
