"""The space against the function: which functions fit, and in which words the others are refused."""

from __future__ import annotations

import functools
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from expsdk.errors import SpaceError
from expsdk.experiment.signature import bind, check_signature
from expsdk.space import Space, choice, integer, loguniform, uniform

SPACE = Space.of({"lr": loguniform(1e-4, 1e-1), "depth": integer(2, 8)})
BRANCHED = Space.of(
    {"opt": choice({"sgd": {"momentum": uniform(0, 1), "nesterov": True}, "adam": {"eps": 1e-8}}), "epochs": 10}
)


def message_of(error: pytest.ExceptionInfo[SpaceError]) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x…", str(error.value)).replace(f"{__name__}.", "")


def plain(lr: float, depth: int) -> None: ...


def with_defaults(lr: float, depth: int = 3, epochs: int = 10) -> None: ...


def keyword_only(*, lr: float, depth: int) -> None: ...


def open_to_all(**parameters: Any) -> None: ...


def partly_open(lr: float, *rest: Any, **parameters: Any) -> None: ...


def named_like_its_catch_all(lr: float, **depth: Any) -> None: ...


def positional_with_default(device: str = "cpu", /, lr: float = 0.1, depth: int = 2) -> None: ...


def epochs_of(lr: float, depth: int) -> Iterator[dict[str, float]]:
    yield {"loss": lr}


def logged(function: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> object:
        return function(*args, **kwargs)

    return wrapper


class Trainer:
    def fit(self, lr: float, depth: int) -> None: ...

    def misnamed(trainer, lr: float, depth: int) -> None: ...  # noqa: N805

    @staticmethod
    def static(lr: float, depth: int) -> None: ...

    @classmethod
    def of_class(cls, lr: float, depth: int) -> None: ...

    @property
    def prop(self) -> int:
        return 1

    def __call__(self, lr: float, depth: int) -> None: ...

    def __repr__(self) -> str:
        return "Trainer()"


class Awaited:
    async def __call__(self, lr: float) -> None: ...


def closure() -> Callable[..., object]:
    scale = 2.0

    def train(lr: float, depth: int) -> float:
        return scale * lr * depth

    return train


@pytest.mark.parametrize(
    "function",
    [
        plain,
        with_defaults,
        keyword_only,
        open_to_all,
        partly_open,
        named_like_its_catch_all,
        positional_with_default,
        epochs_of,
        logged(plain),
        logged(logged(keyword_only)),
        functools.cache(plain),
        closure(),
        lambda lr, depth: lr * depth,
        Trainer.static,
        Trainer.__dict__["static"],
        Trainer.of_class,
        Trainer().fit,
    ],
    ids=str,
)
def test_every_kind_of_function_fits(function: Callable[..., object]) -> None:
    check_signature(function, SPACE)
    assert bind(function, SPACE, {"depth": 3.0, "lr": 1}) == {"lr": 1.0, "depth": 3}


def receiver_in_the_space(self: int, lr: float, depth: int) -> None: ...


def test_a_first_parameter_called_self_may_be_one_of_the_space() -> None:
    space = Space.of({"self": [1, 2], "lr": 0.1, "depth": 2})
    check_signature(receiver_in_the_space, space)
    assert bind(receiver_in_the_space, space, {"self": 3}) == {"self": 3, "lr": 0.1, "depth": 2}


async def coroutine(lr: float, depth: int) -> None: ...


async def async_epochs(lr: float, depth: int) -> AsyncIterator[float]:
    yield lr


def unreadable(lr: float, depth: int) -> None: ...


unreadable.__signature__ = "lr, depth"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (3, "an experiment is a function, not the int 3; decorate a def"),
        (None, "an experiment is a function, not the NoneType None; decorate a def"),
        (
            Trainer.__dict__["of_class"],
            (
                "an experiment is a function, not the classmethod <classmethod(<function Trainer.of_class at 0x…>)>;"
                " write @staticmethod above @experiment, and no cls"
            ),
        ),
        (
            Trainer.__dict__["prop"],
            "an experiment is a function, not the property <property object at 0x…>; decorate a def",
        ),
        (Trainer, "an experiment is a function, not the class Trainer; decorate a function that makes one"),
        (Trainer(), "an experiment is a function, not the Trainer Trainer(); write a def that calls it"),
        (
            functools.partial(with_defaults, epochs=3),
            (
                "an experiment is a function, not the partial functools.partial(<function with_defaults at 0x…>,"
                " epochs=3); decorate its function, and write what it binds into the space as constants"
            ),
        ),
        (
            print,
            (
                "an experiment is a function, not the builtin_function_or_method <built-in function print>;"
                " write a def that calls it"
            ),
        ),
        (Awaited(), "an experiment is a function, not the Awaited <Awaited object at 0x…>; write a def that calls it"),
        (
            coroutine,
            (
                "a trial calls its function and awaits nothing, but coroutine() is a coroutine function;"
                " write def, and asyncio.run(...) inside it"
            ),
        ),
        (
            async_epochs,
            (
                "a trial iterates with for, not async for, but async_epochs() is an async generator function;"
                " write def and yield"
            ),
        ),
        (
            unreadable,
            (
                "a function has a signature that Python can read, and unreadable() has none;"
                " wrap it in a def with named parameters"
            ),
        ),
        (
            Trainer.fit,
            (
                "parameter self: a trial has no object to call a method of, and Trainer.fit() takes 'self' first;"
                " write static functions: @staticmethod above @experiment, and no self"
            ),
        ),
        (
            Trainer.of_class.__func__,
            (
                "parameter cls: a trial has no object to call a method of, and Trainer.of_class() takes 'cls' first;"
                " write static functions: @staticmethod above @experiment, and no cls"
            ),
        ),
        (
            Trainer.misnamed,
            (
                "parameter trainer: Trainer.misnamed() needs it, and the space gives lr, depth;"
                " add 'trainer' to the space, or give it a default"
            ),
        ),
    ],
    ids=str,
)
def test_what_is_no_function_of_its_own_is_refused(thing: Any, message: str) -> None:
    with pytest.raises(SpaceError) as caught:
        check_signature(thing, SPACE)
    assert message_of(caught) == message
    assert caught.value.__cause__ is None


def nothing() -> None: ...


def misspelt(learning_rate: float, dept: int) -> None: ...


def positional_only(lr: float, depth: int, /) -> None: ...


def positional_beside(model: str, /, lr: float, depth: int) -> None: ...


def starred(lr: float, *depth: int) -> None: ...


def needs_more(lr: float, depth: int, width: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            nothing,
            ("parameter lr: nothing() takes no parameters, and no 'lr'; add lr to the signature, or leave it out"),
        ),
        (
            misspelt,
            (
                "parameter lr: misspelt() takes learning_rate, dept, and no 'lr';"
                " add lr to the signature, or leave it out"
            ),
        ),
        (
            lambda lr, dept: lr,
            "parameter depth: <lambda>() takes lr, dept, and no 'depth'; did you mean 'dept'?",
        ),
        (
            positional_only,
            (
                "parameter lr: parameters are given by name, and 'lr' of positional_only() is positional-only;"
                " remove the / from the signature"
            ),
        ),
        (
            positional_beside,
            (
                "parameter model: parameters are given by name, and 'model' of positional_beside() is"
                " positional-only; remove the / from the signature"
            ),
        ),
        (
            starred,
            (
                "parameter depth: parameters are given by name, and *depth of starred() takes none;"
                " write depth without the star"
            ),
        ),
        (
            needs_more,
            (
                "parameter width: needs_more() needs it, and the space gives lr, depth;"
                " add 'width' to the space, or give it a default"
            ),
        ),
        (
            logged(needs_more),
            (
                "parameter width: needs_more() needs it, and the space gives lr, depth;"
                " add 'width' to the space, or give it a default"
            ),
        ),
    ],
    ids=str,
)
def test_a_signature_that_does_not_fit_is_refused(function: Callable[..., object], message: str) -> None:
    with pytest.raises(SpaceError) as caught:
        check_signature(function, SPACE)
    assert message_of(caught) == message


def optimise(opt: str, epochs: int, momentum: float = 0.0, nesterov: bool = False, eps: float = 0.0) -> None: ...


def test_a_branchs_parameters_are_arguments_with_defaults() -> None:
    check_signature(optimise, BRANCHED)
    assert bind(optimise, BRANCHED, {"opt": "sgd", "momentum": 1}) == {
        "opt": "sgd",
        "momentum": 1.0,
        "nesterov": True,
        "epochs": 10,
    }
    assert bind(optimise, BRANCHED, {"opt": "adam"}) == {"opt": "adam", "eps": 1e-8, "epochs": 10}


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda opt, epochs, nesterov, eps, momentum=0.0: None,
            (
                "parameter nesterov: <lambda>() always needs it, and the space gives it only as"
                " opt='sgd' → nesterov; give it a default in the signature, or a value in every branch"
            ),
        ),
        (
            lambda opt, epochs, momentum=0.0, eps=0.0: None,
            (
                "parameter opt='sgd' → nesterov: <lambda>() takes opt, epochs, momentum, eps, and no 'nesterov';"
                " add nesterov to the signature, or leave it out"
            ),
        ),
    ],
)
def test_a_branchs_parameter_is_named_by_its_path(function: Callable[..., object], message: str) -> None:
    with pytest.raises(SpaceError) as caught:
        check_signature(function, BRANCHED)
    assert message_of(caught) == message


def test_a_parameter_of_every_branch_needs_no_default() -> None:
    space = Space.of({"opt": choice({"sgd": {"decay": 0}, "adam": {"decay": [1, 2]}})})
    check_signature(lambda opt, decay: None, space)
    missing = Space.of({"opt": choice({"sgd": {"decay": 0}, "adam": {"decay": 1}, "rprop": {}})})
    with pytest.raises(SpaceError, match="only as opt='sgd' → decay or opt='adam' → decay; give it a default"):
        check_signature(lambda opt, decay: None, missing)


def test_an_empty_space_fits_a_function_without_needs() -> None:
    check_signature(nothing, Space.of({}))
    assert bind(nothing, Space.of({}), {}) == {}
    with pytest.raises(SpaceError) as caught:
        check_signature(plain, Space.of({}))
    assert message_of(caught) == (
        "parameter lr: plain() needs it, and the space gives nothing; add 'lr' to the space, or give it a default"
    )


def test_values_given_by_hand_may_lie_outside_the_space() -> None:
    assert bind(with_defaults, SPACE, {"lr": 5, "depth": 100, "epochs": 1}) == {"lr": 5.0, "depth": 100, "epochs": 1}
    assert bind(optimise, BRANCHED, {"opt": "lion", "momentum": 0.5}) == {
        "opt": "lion",
        "epochs": 10,
        "momentum": 0.5,
    }


def test_what_is_given_by_hand_overrides_a_constant_and_is_copied() -> None:
    layers = [32]
    bound = bind(open_to_all, Space.of({"epochs": 10}), {"epochs": 3, "layers": layers})
    layers.append(64)
    assert bound == {"epochs": 3, "layers": [32]}


@pytest.mark.parametrize(
    ("function", "parameters", "message"),
    [
        (plain, {}, "parameter lr: plain() needs it, and nothing was given; add lr=…"),
        (plain, {"lr": 0.1}, "parameter depth: plain() needs it, and only lr was given; add depth=…"),
        (
            plain,
            {"lr": 0.1, "depht": 1},
            "parameter depht: plain() takes lr, depth, and no 'depht'; did you mean 'depth'?",
        ),
        (
            plain,
            {"lr": 0.1, "depth": 1, "width": 2},
            ("parameter width: plain() takes lr, depth, and no 'width'; add width to the signature, or leave it out"),
        ),
        (
            plain,
            {"lr": (1,), "depth": 1},
            "parameter lr: JSON has lists, no tuples, but this is (1,); write [1]",
        ),
        (
            open_to_all,
            {"device": object},
            (
                "parameter device: JSON carries None, bool, int, float, str, list and dict, not the class object;"
                " write its name and look it up in the function"
            ),
        ),
        (
            positional_with_default,
            {"device": "cuda"},
            (
                "parameter device: parameters are given by name, and 'device' of positional_with_default() is"
                " positional-only; remove the / from the signature"
            ),
        ),
        (
            coroutine,
            {"lr": 1, "depth": 1},
            (
                "a trial calls its function and awaits nothing, but coroutine() is a coroutine function;"
                " write def, and asyncio.run(...) inside it"
            ),
        ),
    ],
)
def test_parameters_that_do_not_fit_are_refused(
    function: Callable[..., object], parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpaceError) as caught:
        bind(function, SPACE, parameters)
    assert message_of(caught) == message
